// Overlap: where the stamps of a transposed convolution meet, along a row and in the plane, and what a flat input becomes.
import { cells, count, explorer, number, table } from "./common.mjs";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "inputs", "label": "Inputs a side", "symbol": "n", "value": 4, "min": 1, "max": 5},
  {"name": "kernel", "label": "Kernel", "symbol": "k", "value": 3, "min": 1, "max": 6},
  {"name": "stride", "label": "Stride", "symbol": "s", "value": 2, "min": 1, "max": 3},
  {"name": "weights", "label": "Weights", "value": "ones", "options": [
    {"value": "ones", "label": "all 1: the overlap map"},
    {"value": "rising", "label": "1, 2, 3, …"},
    {"value": "tent", "label": "a tent: 1, 2, … 2, 1"}
  ]}
];

const RULES = { ones: () => 1, rising: (a) => a + 1, tent: (a, k) => Math.min(a + 1, k - a) };

export const kernelRow = (kernel, weights) => Array.from({ length: kernel }, (_, a) => RULES[weights](a, kernel));

// A row of n ones through the transposed convolution: `taps[i][u]` is the weight with which input i reaches output u
// (null: it does not), `row` their sums, `counts` how many there are, `plane` the same in two dimensions.
export function overlap(n, w, stride) {
  const columns = (n - 1) * stride + w.length;
  const taps = table(n, columns, (i, u) => w[u - i * stride] ?? null);
  const along = (value) => Array.from({ length: columns }, (_, u) => taps.reduce((sum, row) => sum + value(row[u]), 0));
  const row = along((tap) => tap ?? 0);
  const counts = along((tap) => (tap === null ? 0 : 1));
  const plane = table(columns, columns, (u, v) => row[u] * row[v]);
  return { columns, taps, row, counts, plane };
}

// The weights of each phase: taps a, a + s, a + 2s, ... meet in outputs a, a + s, a + 2s, ...
export const phases = (w, stride) => Array.from({ length: stride }, (_, a) => w.filter((_, tap) => tap % stride === a));

const add = (list) => list.reduce((sum, value) => sum + value, 0);

function draw(page) {
  const [n, k, s, rule] = ["inputs", "kernel", "stride", "weights"].map((name) => page.get(name));
  const w = kernelRow(k, rule);
  const { columns, taps, row, counts, plane } = overlap(n, w, s);
  const top = Math.max(...row);
  // The stronger the color, the larger the number: a pattern shows before it is read.
  const shade = (grid, values, most) => {
    for (const [i, j] of cells(grid.rows, grid.columns)) grid.nodes[i][j].style.setProperty("--level", values[i][j] / most);
  };

  const stamps = page.grid({
    key: "stamps",
    title: `the stamps, one input a line`,
    label: `Stamps, ${n} inputs by ${columns} outputs`,
    rows: n,
    columns,
    cell: (i, u) => ({
      text: taps[i][u] === null ? "" : number(taps[i][u]),
      value: taps[i][u] ?? 0,
      kind: taps[i][u] === null ? "dx-waiting" : "",
      label: taps[i][u] === null ? `input ${i} does not reach output ${u}` : `input ${i} reaches output ${u} with ${taps[i][u]}`,
    }),
  });
  page.stage.append(Object.assign(document.createElement("div"), { className: "dx-break" }));
  const sums = page.grid({
    key: "row",
    title: rule === "ones" ? "stamps that meet, along a row" : "a row of ones, enlarged",
    label: `Sums along a row, ${columns} outputs`,
    rows: 1,
    columns,
    cell: (_, u) => ({ text: number(row[u]), value: row[u], kind: "dx-level", label: `output ${u}: ${row[u]}` }),
  });
  page.stage.append(Object.assign(document.createElement("div"), { className: "dx-break" }));
  const square = page.grid({
    key: "plane",
    title: rule === "ones" ? "in the plane: the products" : "a plane of ones, enlarged",
    label: `Sums in the plane, ${columns} by ${columns} outputs`,
    rows: columns,
    columns,
    cell: (u, v) => ({
      text: number(plane[u][v]),
      value: plane[u][v],
      kind: `dx-level ${plane[u][v] > 9 ? "dx-small" : ""}`,
      label: `output ${u}, ${v}: ${plane[u][v]}`,
    }),
  });
  shade(sums, [row], top);
  shade(square, plane, top * top);
  page.legend(["dx-level", "the stronger the color, the larger"], ["dx-chosen", "chosen"], ["dx-read", "what it came from"]);

  const lists = phases(w, s);
  const totals = lists.map(add);
  const even = totals.every((total) => total === totals[0]);
  page.formula(
    `outputs = (n − 1)s + k = (${n} − 1)·${s} + ${k} = ${columns}`,
    ...lists.map((list, a) => `phase ${a}: ${list.length ? list.join(" + ") : "no weight"}${list.length > 1 ? ` = ${totals[a]}` : ""}`),
  );
  page.prose(
    even
      ? `All ${s === 1 ? "outputs" : `${s} phases`} have the same sum: away from the border a flat input stays flat.`
      : `The phases differ: a flat input becomes a pattern that repeats every ${s} pixels.`,
  );

  page.explain = (point) => {
    if (!point) return "";
    const { key, row: r, column: c } = point;
    if (key === "stamps") {
      stamps.paint((i, u) => (i === r && u === c ? { mark: "dx-chosen" } : i === r && taps[i][u] !== null ? { mark: "dx-read" } : undefined));
      sums.paint((_, u) => (u === c ? { mark: "dx-chosen" } : taps[r][u] !== null ? { mark: "dx-read" } : undefined));
      return taps[r][c] === null
        ? `Input ${r} does not reach output ${c}: its stamp covers ${k === 1 ? `output ${r * s}` : `outputs ${r * s} to ${r * s + k - 1}`}.`
        : `Input ${r} reaches output ${c} = ${r}·${s} + ${c - r * s} with tap ${c - r * s}, weight ${taps[r][c]}.`;
    }
    if (key === "row") {
      stamps.paint((i, u) => (u === c && taps[i][u] !== null ? { mark: "dx-read" } : undefined));
      sums.paint((_, u) => (u === c ? { mark: "dx-chosen" } : undefined));
      const terms = taps.flatMap((line) => (line[c] === null ? [] : [line[c]]));
      const full = lists[c % s].length;
      const border = counts[c] < full ? ` It is near the border: in the middle ${count(full, "stamp")} would meet.` : "";
      return `Output ${c} is in phase ${c} mod ${s} = ${c % s}. ${terms.length ? `${count(terms.length, "stamp")}: ${terms.join(" + ")}${terms.length > 1 ? ` = ${row[c]}` : ""}` : "No stamp reaches it"}.${border}`;
    }
    square.paint((u, v) => (u === r && v === c ? { mark: "dx-chosen" } : undefined));
    sums.paint((_, u) => (u === r || u === c ? { mark: "dx-read" } : undefined));
    return `Output ${r}, ${c}: ${row[r]} along the column times ${row[c]} along the row is ${plane[r][c]}. ${count(counts[r] * counts[c], "stamp")} ${counts[r] * counts[c] === 1 ? "reaches" : "reach"} it.`;
  };
}

export default explorer({
  label: "Overlap explorer",
  controls,
  draw,
  start: { key: "row", row: 0, column: 2 },
});
