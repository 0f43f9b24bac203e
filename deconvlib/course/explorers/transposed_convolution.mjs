// Transposed convolution: each input value stamps the kernel; padding crops; output_padding chooses a size.
import { cells, count, explorer, factor, inputValues, kernelValues, make, number, table } from "./common.mjs";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "height", "label": "Input height", "symbol": "H", "value": 2, "min": 1, "max": 4},
  {"name": "width", "label": "Input width", "symbol": "W", "value": 3, "min": 1, "max": 4},
  {"name": "kernel_height", "label": "Kernel height", "symbol": "K", "value": 3, "min": 1, "max": 4},
  {"name": "kernel_width", "label": "Kernel width", "symbol": "L", "value": 3, "min": 1, "max": 4},
  {"name": "stride", "label": "Stride", "symbol": "s", "value": 2, "min": 1, "max": 3},
  {"name": "padding", "label": "Padding", "symbol": "p", "value": 1, "min": 0, "max": 3},
  {"name": "output_padding", "label": "Output padding", "symbol": "e", "value": 0, "min": 0, "max": 2},
  {"name": "dilation", "label": "Dilation", "symbol": "d", "value": 1, "min": 1, "max": 2},
  {"name": "stamps", "label": "Stamps placed", "value": 16, "min": 0, "max": 16},
  {"name": "show", "label": "Output shows", "value": "values", "options": [
    {"value": "values", "label": "values"},
    {"value": "overlap", "label": "number of stamps"}
  ]}
];

export const fullSize = (n, kernel, stride, dilation) => (n - 1) * stride + dilation * (kernel - 1) + 1;

export const outputSize = (n, kernel, stride, padding, outputPadding, dilation) =>
  fullSize(n, kernel, stride, dilation) - 2 * padding + outputPadding;

// The first `stamps` inputs, in reading order, each stamp the kernel. `canvas` is uncropped: its cell (r, c) is
// the output's (r - padding, c - padding).
export function transpose(y, w, { stride, padding, outputPadding, dilation, stamps = Infinity }) {
  const [H, W, K, L] = [y.length, y[0].length, w.length, w[0].length];
  const rows = outputSize(H, K, stride, padding, outputPadding, dilation);
  const columns = outputSize(W, L, stride, padding, outputPadding, dilation);
  const sources = table(
    Math.max(fullSize(H, K, stride, dilation), padding + rows),
    Math.max(fullSize(W, L, stride, dilation), padding + columns),
    () => [],
  );
  for (const [i, j] of cells(H, W))
    if (i * W + j < stamps)
      for (const [a, b] of cells(K, L)) sources[i * stride + a * dilation][j * stride + b * dilation].push({ i, j, a, b });
  const canvas = sources.map((row) => row.map((list) => list.reduce((sum, { i, j, a, b }) => sum + y[i][j] * w[a][b], 0)));
  const crop = (grid) => table(rows, columns, (u, v) => grid[u + padding][v + padding]);
  const counts = sources.map((row) => row.map((list) => list.length));
  return { rows, columns, sources, canvas, counts, output: crop(canvas), overlap: crop(counts) };
}

function stepButtons(page, placed, all) {
  const button = (text, label, value, off) => {
    const node = make("button", { type: "button", class: "dx-button", "aria-label": label, "aria-disabled": String(off) }, text);
    node.addEventListener("click", () => {
      if (!off) page.set({ stamps: value });
    });
    return node;
  };
  let row = page.panel.querySelector(".dx-steps");
  const focused = row?.contains(row.getRootNode().activeElement) && [...row.children].indexOf(row.getRootNode().activeElement);
  if (!row) page.panel.querySelector('[name="stamps"]').after((row = make("div", { class: "dx-steps" })));
  row.replaceChildren(
    button("none", "Stamps: none", 0, placed === 0),
    button("−1", "Stamps: −1", placed - 1, placed === 0),
    button("+1", "Stamps: +1", placed + 1, placed === all),
    button("all", "Stamps: all", 16, placed === all),
  );
  if (typeof focused === "number") row.children[focused].focus();
}

function draw(page) {
  const [H, W, K, L] = ["height", "width", "kernel_height", "kernel_width"].map((name) => page.get(name));
  const [s, p, e, d] = ["stride", "padding", "output_padding", "dilation"].map((name) => page.get(name));
  const placed = Math.min(page.get("stamps"), H * W);
  const overlap = page.get("show") === "overlap";
  const [y, w] = [inputValues(H, W).map((row) => row.map((value) => value + 1)), kernelValues(K, L)];
  const { rows, columns, sources, canvas, counts } =
    transpose(y, w, { stride: s, padding: p, outputPadding: e, dilation: d, stamps: placed });
  const allowed = e < Math.max(s, d);
  const left = rows > 0 && columns > 0;
  const works = allowed && left;

  const slider = page.panel.querySelector('[name="stamps"]');
  slider.max = H * W;
  page.fields.stamps();
  stepButtons(page, placed, H * W);
  if (page.lastPlaced !== undefined && page.lastPlaced !== placed && placed > 0)
    page.pinned = { key: "input", row: Math.floor((placed - 1) / W), column: (placed - 1) % W };
  page.lastPlaced = placed;

  const isPlaced = (i, j) => i * W + j < placed;
  const cropped = (r, c) => r < p || c < p || r >= p + rows || c >= p + columns;
  const extra = (r, c) => !cropped(r, c) && (r >= p + rows - e || c >= p + columns - e);
  const input = page.grid({
    key: "input",
    title: `input y, ${H} × ${W}`,
    label: `Input, ${H} by ${W}`,
    rows: H,
    columns: W,
    cell: (i, j) => ({
      text: number(y[i][j]),
      value: y[i][j],
      kind: isPlaced(i, j) ? "" : "dx-waiting",
      label: `y[${i}, ${j}]: ${number(y[i][j])}${isPlaced(i, j) ? "" : ", not stamped yet"}`,
    }),
  });
  const kernel = page.grid({
    key: "kernel",
    title: `kernel w, ${K} × ${L}`,
    label: `Kernel, ${K} by ${L}`,
    rows: K,
    columns: L,
    cell: (a, b) => ({ text: number(w[a][b]), value: w[a][b], kind: "dx-weight", label: `w[${a}, ${b}]: ${number(w[a][b])}` }),
  });
  const shown = overlap ? counts : canvas;
  if (works) {
    page.grid({
      key: "output",
      title: `output x, ${rows} × ${columns}${p ? ", and what padding crops" : ""}`,
      label: `Output, ${rows} by ${columns}${overlap ? ", number of stamps" : ""}${p ? ", with the cropped border" : ""}`,
      rows: canvas.length,
      columns: canvas[0].length,
      cell: (r, c) => ({
        text: number(shown[r][c]),
        value: shown[r][c],
        kind: `dx-result ${cropped(r, c) ? "dx-cropped" : ""} ${extra(r, c) ? "dx-extra" : ""} ${counts[r][c] ? "" : "dx-empty"}`,
        label: `${cropped(r, c) ? "cropped" : `x[${r - p}, ${c - p}]`}: ${number(shown[r][c])}${extra(r, c) ? ", chosen by output padding" : ""}`,
      }),
    });
    page.legend(["dx-read", "the stamp, or what it came from"], ["dx-chosen", "chosen"]);
    if (p) page.legend(["dx-cropped", "cropped by padding"]);
    if (e) page.legend(["dx-extra", "kept by output_padding"]);
    if (placed < H * W) page.legend(["dx-waiting", "not stamped yet"]);
  }

  for (const [letter, kernelLetter, n, k, size] of [["H", "K", H, K, rows], ["W", "L", W, L, columns]])
    page.formula(
      `${letter === "H" ? "rows" : "columns"} = (${letter} − 1)s + d(${kernelLetter} − 1) + 1 − 2p + e = ` +
        `(${n} − 1)·${s} + ${d}·(${k} − 1) + 1 − 2·${p} + ${e} = ${number(size)}`,
    );

  page.refused = !works;
  page.explain = (point) => {
    if (!allowed)
      return `PyTorch refuses output_padding = ${e}: it must be smaller than max(stride, dilation) = max(${s}, ${d}) = ${Math.max(s, d)}.`;
    if (!left)
      return `Nothing is left: padding crops ${p} from each side, and the stamps cover only ` +
        `${fullSize(H, K, s, d)} × ${fullSize(W, L, s, d)} cells.`;
    if (!point) return "";
    const { key, row, column } = point;
    const output = page.grids.output;
    if (key === "output") {
      const list = sources[row][column];
      output.paint((r, c) => (r === row && c === column ? { mark: "dx-chosen" } : undefined));
      input.paint((i, j) => {
        const source = list.find((one) => one.i === i && one.j === j);
        return source && { mark: "dx-read", note: `×${number(w[source.a][source.b])}` };
      });
      kernel.paint((a, b) => (list.some((one) => one.a === a && one.b === b) ? { mark: "dx-read" } : undefined));
      const sum = list.map(({ i, j, a, b }) => `${number(y[i][j])}·${factor(w[a][b])}`).join(" + ");
      const result = list.length ? `${sum} = ${number(canvas[row][column])}` : "0";
      const reach = list.length ? count(list.length, "stamp") : "no stamp";
      if (cropped(row, column)) return `Cropped by padding = ${p}: ${reach} ${list.length > 1 ? "reach" : "reaches"} this cell, ${result}, and it is thrown away.`;
      const tail = extra(row, column)
        ? ` This cell is here because output_padding = ${e} asks for a larger output; ${list.length ? "stamps still reach it, no zero is added" : "no stamp reaches this far"}.`
        : "";
      return `x[${row - p}, ${column - p}] = ${result}: ${reach} ${list.length > 1 ? "overlap" : "falls"} here.${tail}`;
    }
    if (key === "input") {
      input.paint((i, j) => (i === row && j === column ? { mark: "dx-chosen" } : undefined));
      if (!isPlaced(row, column)) return `y[${row}, ${column}] = ${number(y[row][column])} has not been stamped yet.`;
      kernel.paint(() => ({ mark: "dx-read" }));
      output.paint((r, c) => {
        const source = sources[r][c].find((one) => one.i === row && one.j === column);
        const added = source && number(y[row][column] * w[source.a][source.b]);
        return source && { mark: "dx-read", note: overlap ? "" : `+${added}`.replace("+−", "−") };
      });
      return `y[${row}, ${column}] = ${number(y[row][column])} stamps ${number(y[row][column])}·w with its corner at ` +
        `row ${row}·${s} − ${p} = ${number(row * s - p)}, column ${column}·${s} − ${p} = ${number(column * s - p)}. Overlapping stamps add.`;
    }
    kernel.paint((a, b) => (a === row && b === column ? { mark: "dx-chosen" } : undefined));
    output.paint((r, c) => (sources[r][c].some(({ a, b }) => a === row && b === column) ? { mark: "dx-read" } : undefined));
    return `w[${row}, ${column}] = ${number(w[row][column])} is stamped ${placed === 1 ? "once" : `${placed} times`}, ${s} ${s === 1 ? "cell" : "cells"} apart.`;
  };
}

export default explorer({
  label: "Transposed convolution explorer",
  controls,
  draw,
  start: { key: "input", row: 0, column: 1 },
});
