// Convolution arithmetic: what each output reads, and how large the output is.
import { cells, count, explorer, factor, inputValues, kernelValues, number, table, windowCount, windowSpan } from "./common.mjs";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "height", "label": "Input height", "symbol": "H", "value": 5, "min": 1, "max": 8},
  {"name": "width", "label": "Input width", "symbol": "W", "value": 6, "min": 1, "max": 8},
  {"name": "kernel_height", "label": "Kernel height", "symbol": "K", "value": 3, "min": 1, "max": 5},
  {"name": "kernel_width", "label": "Kernel width", "symbol": "L", "value": 3, "min": 1, "max": 5},
  {"name": "stride", "label": "Stride", "symbol": "s", "value": 2, "min": 1, "max": 4},
  {"name": "padding", "label": "Padding", "symbol": "p", "value": 1, "min": 0, "max": 3},
  {"name": "dilation", "label": "Dilation", "symbol": "d", "value": 1, "min": 1, "max": 3}
];

export function convolve(x, w, { stride, padding, dilation }) {
  const [H, W, K, L] = [x.length, x[0].length, w.length, w[0].length];
  const padded = table(H + 2 * padding, W + 2 * padding, (i, j) => x[i - padding]?.[j - padding] ?? 0);
  const rows = windowCount(H, K, stride, padding, dilation);
  const columns = windowCount(W, L, stride, padding, dilation);
  // Everything an output reads, in the order of the kernel.
  const reads = (i, j) =>
    [...cells(K, L)].map(([a, b]) => ({ a, b, u: i * stride + a * dilation, v: j * stride + b * dilation, weight: w[a][b] }));
  const output = table(rows, columns, (i, j) =>
    reads(i, j).reduce((sum, { u, v, weight }) => sum + padded[u][v] * weight, 0),
  );
  return { padded, output, reads };
}

function draw(page) {
  const [H, W, K, L] = ["height", "width", "kernel_height", "kernel_width"].map((name) => page.get(name));
  const [s, p, d] = ["stride", "padding", "dilation"].map((name) => page.get(name));
  const w = kernelValues(K, L);
  const { padded, output, reads } = convolve(inputValues(H, W), w, { stride: s, padding: p, dilation: d });
  const [rows, columns] = [windowCount(H, K, s, p, d), windowCount(W, L, s, p, d)];
  const fits = rows > 0 && columns > 0;
  const isPadding = (u, v) => u < p || v < p || u >= H + p || v >= W + p;
  const readers = table(H + 2 * p, W + 2 * p, () => []);
  if (fits)
    for (const [i, j] of cells(rows, columns))
      for (const { u, v, weight, a, b } of reads(i, j)) readers[u][v].push({ i, j, weight, a, b });

  const name = (u, v) => (isPadding(u, v) ? "a padding zero" : `x[${u - p}, ${v - p}]`);
  const input = page.grid({
    key: "input",
    title: p ? `input x, ${H} × ${W}, padded to ${H + 2 * p} × ${W + 2 * p}` : `input x, ${H} × ${W}`,
    label: `Input, ${H} by ${W}, padded to ${H + 2 * p} by ${W + 2 * p}`,
    rows: H + 2 * p,
    columns: W + 2 * p,
    cell: (u, v) => ({
      text: number(padded[u][v]),
      value: padded[u][v],
      kind: `${isPadding(u, v) ? "dx-padding" : ""} ${readers[u][v].length ? "" : "dx-unread"}`,
      label: `${isPadding(u, v) ? "padding" : `x[${u - p}, ${v - p}]`}: ${number(padded[u][v])}`,
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
  if (fits) {
    page.grid({
      key: "output",
      title: `output y, ${rows} × ${columns}`,
      label: `Output, ${rows} by ${columns}`,
      rows,
      columns,
      cell: (i, j) => ({ text: number(output[i][j]), value: output[i][j], kind: "dx-result", label: `y[${i}, ${j}]: ${number(output[i][j])}` }),
    });
  }

  if (fits) page.legend(["dx-read", "read", "×2"], ["dx-chosen", "chosen"]);
  if (p) page.legend(["dx-padding", "padding: zeros"]);
  if (readers.flat().some((list) => !list.length)) page.legend(["dx-unread", fits ? "read by no output" : "not read"]);

  for (const [letter, kernelLetter, n, k, size] of [["H", "K", H, K, rows], ["W", "L", W, L, columns]]) {
    const room = n + 2 * p - windowSpan(k, d);
    page.formula(
      `${letter === "H" ? "rows" : "columns"} = ⌊(${letter} + 2p − d(${kernelLetter} − 1) − 1) / s⌋ + 1 = ` +
        `⌊(${n} + 2·${p} − ${d}·(${k} − 1) − 1) / ${s}⌋ + 1 = ` +
        (size > 0 ? `⌊${room} / ${s}⌋ + 1 = ${size}` : `⌊${number(room)} / ${s}⌋ + 1: the kernel does not fit`),
    );
  }

  const tooLarge = [["rows", H, K], ["columns", W, L]].filter(([, n, k]) => windowSpan(k, d) > n + 2 * p);
  page.refused = !fits;
  page.explain = (point) => {
    if (!fits)
      return `The kernel does not fit: it spans ${tooLarge
        .map(([word, n, k]) => `${windowSpan(k, d)} ${word}, and the padded input has ${n + 2 * p}`)
        .join("; ")}. There is no output.`;
    if (!point) return "";
    const { key, row, column } = point;
    if (key === "output") {
      const terms = reads(row, column);
      page.grids.output.paint((i, j) => (i === row && j === column ? { mark: "dx-chosen" } : undefined));
      const weights = new Map(terms.map(({ u, v, weight }) => [`${u},${v}`, weight]));
      input.paint((u, v) => (weights.has(`${u},${v}`) ? { mark: "dx-read", note: `×${number(weights.get(`${u},${v}`))}` } : undefined));
      kernel.paint(() => ({ mark: "dx-read" }));
      const sum = terms.map(({ u, v, weight }) => `${number(padded[u][v])}·${factor(weight)}`).join(" + ");
      return `y[${row}, ${column}] = ${sum} = ${number(output[row][column])}`;
    }
    if (key === "input") {
      const list = readers[row][column];
      input.paint((u, v) => (u === row && v === column ? { mark: "dx-chosen" } : undefined));
      page.grids.output.paint((i, j) => {
        const reader = list.find((one) => one.i === i && one.j === j);
        return reader && { mark: "dx-read", note: `×${number(reader.weight)}` };
      });
      kernel.paint((a, b) => (list.some((one) => one.a === a && one.b === b) ? { mark: "dx-read" } : undefined));
      const what = name(row, column);
      const subject = what[0] === "x" ? what : "This padding zero";
      if (!list.length) return `${subject} is read by no output: no window of the kernel holds it.`;
      const where = list.map(({ i, j, weight }) => `y[${i}, ${j}] (times ${number(weight)})`).join(", ");
      return `${subject} is read by ${count(list.length, "output")}: ${where}`;
    }
    kernel.paint((a, b) => (a === row && b === column ? { mark: "dx-chosen" } : undefined));
    input.paint((u, v) => (readers[u][v].some(({ a, b }) => a === row && b === column) ? { mark: "dx-read" } : undefined));
    return `w[${row}, ${column}] = ${number(w[row][column])} multiplies ${count(rows * columns, "input cell")}, one for each output.`;
  };
}

export default explorer({
  label: "Convolution explorer",
  controls,
  draw,
  start: { key: "output", row: 1, column: 1 },
});
