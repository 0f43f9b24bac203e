// A transposed convolution's weight, input channels by output channels, built in four ways: who shares numbers, and how many there are.
import { count, explorer, number } from "./common.mjs";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "inputs", "label": "Channels in", "symbol": "C", "value": 6, "min": 1, "max": 8},
  {"name": "outputs", "label": "Channels out", "symbol": "O", "value": 4, "min": 1, "max": 8},
  {"name": "kernel", "label": "Kernel", "symbol": "k", "value": 4, "min": 1, "max": 6},
  {"name": "rank", "label": "Rank of the narrow pass", "symbol": "r", "value": 2, "min": 1, "max": 8},
  {"name": "build", "label": "Build", "value": "separable", "options": [
    {"value": "full", "label": "full"},
    {"value": "separable", "label": "separable"},
    {"value": "narrow", "label": "a narrow pass"},
    {"value": "tied", "label": "tied to the encoder"}
  ]}
];

const STRIDE = 2;

// Weights of the layer's own, and multiplications for each pixel of the small map; biases left out.
export const counts = (c, o, k, r) => ({
  full: { weights: c * o * k * k, products: c * o * k * k },
  separable: { weights: c * k * k + c * o, products: c * k * k + STRIDE * STRIDE * c * o },
  narrow: { weights: r * (c + o * k * k), products: r * (c + o * k * k) },
  tied: { weights: 0, products: c * o * k * k },
});

const WORDS = { full: "full", separable: "separable", narrow: "narrow pass", tied: "tied" };

function draw(page) {
  const [c, o, k, r, build] = ["inputs", "outputs", "kernel", "rank", "build"].map((name) => page.get(name));
  const taps = k * k;
  const found = counts(c, o, k, r);
  const text = { full: () => String(taps), separable: (i) => `d${i}`, narrow: (_, j) => `b${j}`, tied: () => "↔" }[build];
  const shares = {
    full: () => false,
    separable: (i, j, row) => i === row,
    narrow: (i, j, row, column) => i === row || j === column,
    tied: () => false,
  }[build];
  const each = {
    full: "a kernel of its own",
    separable: "its row's kernel, times a number",
    narrow: "a sum of its column's kernels",
    tied: "the encoder's kernel",
  }[build];

  const weight = page.grid({
    key: "weight",
    title: "the weight: a kernel from each channel in (lines) to each channel out",
    label: `Kernels, ${c} channels in by ${o} out`,
    rows: c,
    columns: o,
    cell: (i, j) => ({ text: text(i, j), value: taps, label: `from channel ${i} to channel ${j}: ${each}` }),
  });
  page.legend(["dx-chosen", "chosen"], ["dx-read", "shares numbers with it"]);

  page.formula(
    `full: COk² = ${c}·${o}·${taps} = ${found.full.weights}`,
    `separable: Ck² + CO = ${c * taps} + ${c * o} = ${found.separable.weights}`,
    `narrow pass: r(C + Ok²) = ${r}·(${c} + ${o * taps}) = ${found.narrow.weights}`,
    `tied: no weights of its own`,
  );
  const { weights, products } = found[build];
  const share = weights / found.full.weights;
  const limit = Math.min(c, o * taps);
  const verdict =
    build === "full" || build === "tied"
      ? ""
      : share < 1
        ? ` That is ${number(Math.round(100 * share))} % of the full layer's weights.`
        : share > 1
          ? ` That is more than the full layer has: it does not pay here.`
          : ` That is as many as the full layer has.`;
  const beyond = build === "narrow" && r > limit ? ` A rank above ${limit} adds nothing: no weight of this shape has more.` : "";
  page.prose(
    `${WORDS[build]}: ${count(weights, "weight")} of its own and ${count(products, "multiplication")} for each pixel of the small map, at stride ${STRIDE}.${verdict}${beyond}`,
  );

  page.explain = (point) => {
    if (!point) return "";
    const { row, column } = point;
    weight.paint((i, j) => (i === row && j === column ? { mark: "dx-chosen" } : shares(i, j, row, column) ? { mark: "dx-read" } : undefined));
    return {
      full: `From channel ${row} to channel ${column}: ${count(taps, "weight")}, shared with no other pair of channels.`,
      separable: `From channel ${row} to channel ${column}: kernel d${row}, ${count(taps, "weight")} for the whole line, times one number of its own.`,
      narrow: `From channel ${row} to channel ${column}: the sum of ${count(r, "kernel")} that belong to the column, with ${count(r, "factor")} that ${r === 1 ? "belongs" : "belong"} to the line.`,
      tied: `From channel ${row} to channel ${column}: the kernel by which the encoder goes from channel ${column} to channel ${row}, the same numbers.`,
    }[build];
  };
}

export default explorer({
  label: "Capacity explorer",
  controls,
  draw,
  start: { key: "weight", row: 1, column: 2 },
});
