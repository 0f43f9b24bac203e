// The programs of one launch: a plane enlarged by a kernel, phase by phase and block by block; what each reads and writes.
import { cells, count, explorer, table } from "./common.mjs";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "height", "label": "Input height", "symbol": "H", "value": 3, "min": 2, "max": 4},
  {"name": "width", "label": "Input width", "symbol": "W", "value": 4, "min": 2, "max": 5},
  {"name": "kernel", "label": "Kernel", "symbol": "k", "value": 3, "min": 2, "max": 5},
  {"name": "stride", "label": "Stride", "symbol": "s", "value": 2, "min": 1, "max": 3},
  {"name": "padding", "label": "Padding", "symbol": "p", "value": 0, "min": 0, "max": 1},
  {"name": "block", "label": "Pixels of a program", "value": "4", "options": [
    {"value": "2", "label": "2"},
    {"value": "4", "label": "4"},
    {"value": "8", "label": "8"}
  ]}
];

// One launch: the size of the result, the programs (phase by phase, then block by block), and for each pixel its program and
// what it asks for, tap by tap: { k, l, i, j, there }.
export function launch(H, W, K, s, p, block) {
  const [rows, columns] = [H, W].map((n) => (n - 1) * s - 2 * p + K);
  const of = (n, r) => Math.max(0, Math.ceil((n - r) / s)); // pixels of a phase along one axis
  const blocks = Math.ceil((of(rows, 0) * of(columns, 0)) / block);
  const pixel = (u, v) => {
    const [rh, rw] = [u % s, v % s];
    const q = Math.floor(u / s) * of(columns, rw) + Math.floor(v / s);
    const asks = [];
    for (let k = (rh + p) % s; k < K; k += s)
      for (let l = (rw + p) % s; l < K; l += s) {
        const [i, j] = [(u + p - k) / s, (v + p - l) / s];
        asks.push({ k, l, i, j, there: i >= 0 && i < H && j >= 0 && j < W });
      }
    const phase = rh * s + rw;
    return { phase, rh, rw, q, program: phase * blocks + Math.floor(q / block), asks };
  };
  const pixels = table(rows, columns, pixel);
  const busy = new Set(pixels.flat().map(({ program }) => program)).size;
  const asked = pixels.flat().flatMap(({ asks }) => asks);
  return { rows, columns, blocks, programs: s * s * blocks, busy, pixels, asked };
}

function draw(page) {
  const [H, W, K, s, p] = ["height", "width", "kernel", "stride", "padding"].map((name) => page.get(name));
  const block = Number(page.get("block"));
  const { rows, columns, blocks, programs, busy, pixels, asked } = launch(H, W, K, s, p, block);

  const input = page.grid({
    key: "input",
    title: "the input, and its addresses",
    label: `Input, ${H} by ${W}`,
    rows: H,
    columns: W,
    cell: (i, j) => ({ text: String(i * W + j), value: i * W + j, label: `input ${i}, ${j}, address ${i * W + j}` }),
  });
  const kernel = page.grid({
    key: "kernel",
    title: "the kernel's taps, by phase",
    label: `Kernel, ${K} by ${K}`,
    rows: K,
    columns: K,
    cell: (k, l) => ({ text: `${k}${l}`, value: k * K + l, kind: "dx-level", label: `tap ${k}, ${l}, address ${k * K + l}` }),
  });
  page.stage.append(Object.assign(document.createElement("div"), { className: "dx-break" }));
  const output = page.grid({
    key: "output",
    title: "the result: which program writes it",
    label: `Result, ${rows} by ${columns}`,
    rows,
    columns,
    cell: (u, v) => ({
      text: String(pixels[u][v].program),
      value: pixels[u][v].program,
      kind: "dx-level",
      label: `output ${u}, ${v}, program ${pixels[u][v].program}`,
    }),
  });
  const shade = (grid, level) => {
    for (const [a, b] of cells(grid.rows, grid.columns)) grid.nodes[a][b].style.setProperty("--level", level(a, b));
  };
  shade(kernel, (k, l) => ((k % s) * s + (l % s) + 1) / (s * s));
  shade(output, (u, v) => (pixels[u][v].phase + 1) / (s * s));
  page.legend(["dx-level", "the stronger the color, the later the phase"], ["dx-chosen", "chosen"], ["dx-read", "read, or of the same program"]);

  page.formula(
    `phases = s·s = ${s * s}, blocks of each = ${blocks}, programs = ${s * s}·${blocks} = ${programs}`,
    `pixels = ${rows * columns}, of them reached by no tap = ${pixels.flat().filter(({ asks }) => !asks.length).length}`,
    `reads of the input = ${asked.length}, of them masked = ${asked.filter(({ there }) => !there).length}`,
  );
  page.prose(
    programs === busy
      ? "Every program has a pixel to draw."
      : `${count(programs - busy, "program")} ${programs - busy === 1 ? "has" : "have"} no pixel to draw: the largest phase decides how many blocks there are, and the mask of the others is empty.`,
  );

  page.explain = (point) => {
    if (!point) return "";
    const { key, row: a, column: b } = point;
    if (key === "output") {
      const { phase, rh, rw, q, program, asks } = pixels[a][b];
      output.paint((u, v) => (u === a && v === b ? { mark: "dx-chosen" } : pixels[u][v].program === program ? { mark: "dx-read" } : undefined));
      input.paint((i, j) => (asks.some((one) => one.there && one.i === i && one.j === j) ? { mark: "dx-read" } : undefined));
      kernel.paint((k, l) => (asks.some((one) => one.k === k && one.l === l) ? { mark: "dx-read" } : undefined));
      const masked = asks.filter(({ there }) => !there).length;
      const taps = asks.length ? `It asks for ${count(asks.length, "tap")}` : "No tap reaches it: it is 0";
      return `Output ${a}, ${b} is number ${q} of phase ${phase} (row ${rh}, column ${rw}), so program ${program} writes it. ${taps}${masked ? `; ${masked} of the inputs are outside, and masked` : ""}.`;
    }
    if (key === "kernel") {
      const uses = (u, v) => pixels[u][v].asks.some((one) => one.k === a && one.l === b && one.there);
      const [r, c] = [((a - p) % s + s) % s, ((b - p) % s + s) % s];
      kernel.paint((k, l) => (k === a && l === b ? { mark: "dx-chosen" } : undefined));
      output.paint((u, v) => (uses(u, v) ? { mark: "dx-read" } : undefined));
      return `Tap ${a}, ${b} belongs to phase ${r * s + c}, row ${r} and column ${c}: no other phase loads it.`;
    }
    const readers = pixels.flat().filter(({ asks }) => asks.some((one) => one.there && one.i === a && one.j === b));
    const of = new Set(readers.map(({ program }) => program)).size;
    input.paint((i, j) => (i === a && j === b ? { mark: "dx-chosen" } : undefined));
    output.paint((u, v) => (pixels[u][v].asks.some((one) => one.there && one.i === a && one.j === b) ? { mark: "dx-read" } : undefined));
    return `Input ${a}, ${b} is read for ${count(readers.length, "pixel")}, by ${count(of, "program")}. Many may read it; each pixel is written by one.`;
  };
}

export default explorer({
  label: "Explorer of a launch's programs",
  controls,
  draw,
  start: { key: "output", row: 1, column: 2 },
});
