// Convolution as a matrix: a row for each output, a column for each input, and every weight again and again.
import { cells, count, explorer, inputValues, make, number, table } from "./common.mjs";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "height", "label": "Input height", "symbol": "H", "value": 3, "min": 1, "max": 4},
  {"name": "width", "label": "Input width", "symbol": "W", "value": 4, "min": 1, "max": 5},
  {"name": "kernel_height", "label": "Kernel height", "symbol": "K", "value": 2, "min": 1, "max": 3},
  {"name": "kernel_width", "label": "Kernel width", "symbol": "L", "value": 3, "min": 1, "max": 3},
  {"name": "stride", "label": "Stride", "symbol": "s", "value": 1, "min": 1, "max": 3},
  {"name": "padding", "label": "Padding", "symbol": "p", "value": 0, "min": 0, "max": 2},
  {"name": "dilation", "label": "Dilation", "symbol": "d", "value": 1, "min": 1, "max": 2},
  {"name": "matrix", "label": "Matrix", "value": "forward", "options": [
    {"value": "forward", "label": "C, from x to y"},
    {"value": "transpose", "label": "Cᵀ, from y back to the pixels"}
  ]}
];

const span = (kernel, dilation) => dilation * (kernel - 1) + 1;

const outputSize = (n, kernel, stride, padding, dilation) => {
  const room = n + 2 * padding - span(kernel, dilation);
  return room < 0 ? 0 : Math.floor(room / stride) + 1;
};

// Entry (r, c) of C: the tap (a, b) through which output r reads pixel c, or null where it does not.
export function convolutionMatrix(H, W, K, L, { stride, padding, dilation }) {
  const rows = outputSize(H, K, stride, padding, dilation);
  const columns = outputSize(W, L, stride, padding, dilation);
  const entries = table(rows * columns, H * W, () => null);
  for (const [i, j] of cells(rows, columns))
    for (const [a, b] of cells(K, L)) {
      const [u, v] = [i * stride + a * dilation - padding, j * stride + b * dilation - padding];
      if (u >= 0 && v >= 0 && u < H && v < W) entries[i * columns + j][u * W + v] = { a, b };
    }
  return { rows, columns, entries };
}

function draw(page) {
  const [H, W, K, L] = ["height", "width", "kernel_height", "kernel_width"].map((name) => page.get(name));
  const [s, p, d] = ["stride", "padding", "dilation"].map((name) => page.get(name));
  const turned = page.get("matrix") === "transpose";
  const { rows, columns, entries } = convolutionMatrix(H, W, K, L, { stride: s, padding: p, dilation: d });
  const fits = rows > 0 && columns > 0;
  const weight = ({ a, b }) => a * L + b + 1;
  const x = inputValues(H, W);
  const [outputs, pixels] = [rows * columns, H * W];
  const y = table(rows, columns, (i, j) =>
    entries[i * columns + j].reduce((sum, tap, c) => sum + (tap ? weight(tap) * x[Math.floor(c / W)][c % W] : 0), 0),
  );
  const pixelName = (c) => `x[${Math.floor(c / W)}, ${c % W}]`;
  const outputName = (r) => `y[${Math.floor(r / columns)}, ${r % columns}]`;
  // The drawn matrix is C or its transpose; `place` gives the output and the pixel that one of its cells stands for.
  const place = (row, column) => (turned ? [column, row] : [row, column]);
  const letter = turned ? "Cᵀ" : "C";

  const plane = (key, title, label, values, kind, name) =>
    page.grid({
      key,
      title: `${title}, ${values.length} × ${values[0].length}`,
      label: `${label}, ${values.length} by ${values[0].length}`,
      rows: values.length,
      columns: values[0].length,
      cell: (i, j) => ({ text: number(values[i][j]), value: values[i][j], kind, label: `${name}[${i}, ${j}]: ${number(values[i][j])}` }),
    });
  const input = plane("input", "input x", "Input", x, "", "x");
  page.sign("⋆");
  const kernel = plane("kernel", "kernel w", "Kernel", table(K, L, (a, b) => weight({ a, b })), "dx-weight", "w");
  if (fits) {
    page.sign("=");
    const output = plane("output", "output y", "Output", y, "dx-result", "y");
    page.stage.append(make("div", { class: "dx-break" }));
    // Where a block begins: a new line of the image, on either side of the matrix.
    const [tall, wide] = turned ? [W, columns] : [columns, W];
    page.grid({
      key: "matrix",
      title: `${letter}, ${turned ? pixels : outputs} × ${turned ? outputs : pixels}`,
      label: `Matrix ${letter}, ${turned ? pixels : outputs} by ${turned ? outputs : pixels}`,
      rows: turned ? pixels : outputs,
      columns: turned ? outputs : pixels,
      cell: (row, column) => {
        const [r, c] = place(row, column);
        const tap = entries[r][c];
        const block = `${row && row % tall === 0 ? "dx-block-top" : ""} ${column && column % wide === 0 ? "dx-block-left" : ""}`;
        return {
          text: tap ? number(weight(tap)) : "",
          value: tap ? weight(tap) : 0,
          kind: `${tap ? "dx-weight" : ""} ${block}`,
          label: `${letter}[${row}, ${column}], ${outputName(r)} and ${pixelName(c)}: ${tap ? number(weight(tap)) : 0}`,
        };
      },
    });
    page.legend(["dx-weight", "a weight"], ["", "zero, not stored"], ["dx-read", "its row or column"], ["dx-chosen", "chosen"]);

    const stored = entries.flat().filter(Boolean).length;
    page.formula(
      `C is ${rows}·${columns} × ${H}·${W} = ${outputs} × ${pixels}: ${rows} × ${H} blocks of ${columns} × ${W}.`,
      `Weights stand in ${stored} of its ${outputs * pixels} entries (${Math.round((100 * stored) / (outputs * pixels))} %)` +
        (stored < outputs * K * L ? `; ${count(outputs * K * L - stored, "tap")} on the padding, no column.` : "."),
    );

    const paintMatrix = (belongs, chosen = () => false) =>
      page.grids.matrix.paint((row, column) => {
        const [r, c] = place(row, column);
        if (chosen(r, c)) return { mark: "dx-chosen" };
        return entries[r][c] && belongs(r, c) ? { mark: "dx-read" } : undefined;
      });
    const paintInput = (r, chosen) =>
      input.paint((u, v) => {
        const tap = entries[r][u * W + v];
        if (u * W + v === chosen) return { mark: "dx-chosen" };
        return tap ? { mark: "dx-read", note: `×${weight(tap)}` } : undefined;
      });
    const paintOutput = (c, chosen) =>
      output.paint((i, j) => {
        const tap = entries[i * columns + j][c];
        if (i * columns + j === chosen) return { mark: "dx-chosen" };
        return tap ? { mark: "dx-read", note: `×${weight(tap)}` } : undefined;
      });
    const line = (kind) => `${turned === (kind === "output") ? "Column" : "Row"}`;

    page.explain = (point) => {
      if (!point) return "";
      const { key, row, column } = point;
      if (key === "matrix") {
        const [r, c] = place(row, column);
        const tap = entries[r][c];
        paintMatrix((i, j) => (turned ? j === c : i === r), (i, j) => i === r && j === c);
        if (turned) paintOutput(c, r);
        else paintInput(r, c);
        (turned ? input : output).paint((i, j) =>
          (turned ? i * W + j === c : i * columns + j === r) ? { mark: "dx-chosen" } : undefined,
        );
        if (tap) kernel.paint((a, b) => (a === tap.a && b === tap.b ? { mark: "dx-chosen" } : undefined));
        const where = `${letter}[${row}, ${column}]`;
        return tap
          ? `${where} = w[${tap.a}, ${tap.b}] = ${weight(tap)}: ${outputName(r)} reads ${pixelName(c)} with this weight.`
          : `${where} = 0: ${outputName(r)} does not read ${pixelName(c)}.`;
      }
      if (key === "output") {
        const r = row * columns + column;
        paintMatrix((i) => i === r);
        paintInput(r);
        output.paint((i, j) => (i === row && j === column ? { mark: "dx-chosen" } : undefined));
        const terms = entries[r].flatMap((tap, c) => (tap ? [`${weight(tap)}·${pixelName(c)}`] : []));
        return `${line("output")} ${r} of ${letter} is ${outputName(r)}: what it reads, ${terms.join(" + ") || "nothing but padding"}.`;
      }
      if (key === "input") {
        const c = row * W + column;
        paintMatrix((i, j) => j === c);
        paintOutput(c);
        input.paint((i, j) => (i === row && j === column ? { mark: "dx-chosen" } : undefined));
        const terms = entries.flatMap((taps, r) => (taps[c] ? [`${weight(taps[c])}·${outputName(r)}`] : []));
        const back = terms.length ? `On the way back Cᵀ gives it ${terms.join(" + ")}.` : "No output reads it, and Cᵀ gives it 0.";
        return `${line("input")} ${c} of ${letter} is ${pixelName(c)}. ${back}`;
      }
      const places = entries.flat().filter((tap) => tap && tap.a === row && tap.b === column).length;
      paintMatrix((r, c) => entries[r][c].a === row && entries[r][c].b === column);
      kernel.paint((a, b) => (a === row && b === column ? { mark: "dx-chosen" } : undefined));
      return `w[${row}, ${column}] = ${weight({ a: row, b: column })} stands in ${count(places, "place")} of ${letter}, along diagonals: one for each output that finds a pixel under this tap.`;
    };
  } else {
    const tooLarge = [["rows", H, K], ["columns", W, L]].filter(([, n, k]) => span(k, d) > n + 2 * p);
    page.explain = () =>
      `The kernel does not fit: it spans ${tooLarge
        .map(([word, n, k]) => `${span(k, d)} ${word}, and the padded input has ${n + 2 * p}`)
        .join("; ")}. There is no matrix.`;
  }
  page.refused = !fits;
}

export default explorer({
  label: "Convolution matrix explorer",
  controls,
  draw,
  start: { key: "input", row: 1, column: 2 },
});
