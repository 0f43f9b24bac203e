// Sparse coding: a signal of few spikes through two filters, and the way back by ISTA or FISTA.
import { amount, chart, count, explorer, normals, number } from "./common.mjs";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "weight", "label": "Price of a code", "symbol": "λ", "value": 8, "min": 0, "max": 18},
  {"name": "iterations", "label": "Iterations", "value": 20, "min": 0, "max": 200},
  {"name": "method", "label": "Method", "value": "fista", "options": [
    {"value": "ista", "label": "ISTA"},
    {"value": "fista", "label": "FISTA"}
  ]}
];

const N = 100;
const LENGTH = 9;
const CODES = N - LENGTH + 1;
const MOST = 200;
const EXTRA = 1000;
const SIGMA = 0.04;

const unit = (values) => values.map((value) => value / Math.hypot(...values));
const along = (value) => unit(Array.from({ length: LENGTH }, (_, a) => value(a - (LENGTH - 1) / 2)));

// A bump and a wiggle, each of length 1.
export const filters = [along((a) => Math.exp(-0.5 * (a / 1.4) ** 2)), along((a) => a * Math.exp(-0.5 * (a / 1.4) ** 2))];

// Where each filter stands in the signal, and how strongly.
const SPIKES = [
  [[9, 1], [33, -0.9], [58, 0.8], [64, 1]],
  [[20, 1], [37, 0.7], [74, -1], [82, 0.6]],
];

export const truth = SPIKES.map((spikes) => {
  const code = new Float64Array(CODES);
  for (const [at, value] of spikes) code[at] = value;
  return code;
});

// The sum of the codes, each convolved with its filter; and its adjoint, the correlations with the filters.
export function synthesize(codes) {
  const x = new Float64Array(N);
  codes.forEach((code, f) => code.forEach((value, i) => {
    if (value) for (let a = 0; a < LENGTH; a++) x[i + a] += value * filters[f][a];
  }));
  return x;
}

export const analyze = (x) =>
  filters.map((filter) => Float64Array.from({ length: CODES }, (_, i) => filter.reduce((sum, w, a) => sum + w * x[i + a], 0)));

const noise = normals(N, 11).map((value) => SIGMA * value);
const clean = synthesize(truth);
export const signal = clean.map((value, i) => value + noise[i]);

// No less than the largest eigenvalue of (analyze after synthesize): the greatest sum of the filters' powers at any of
// the signal's N frequencies. Codes convolved in full are as long as the signal, so nothing wraps round.
export const lipschitz = Math.max(
  ...Array.from({ length: N }, (_, k) => {
    const at = (w, wave) => w.reduce((sum, value, a) => sum + value * wave((2 * Math.PI * k * a) / N), 0);
    return filters.reduce((sum, w) => sum + at(w, Math.cos) ** 2 + at(w, Math.sin) ** 2, 0);
  }),
);

const norm = (x) => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
const residual = (codes) => synthesize(codes).map((value, i) => value - signal[i]);

export const objective = (codes, weight) =>
  0.5 * norm(residual(codes)) ** 2 + weight * codes.reduce((sum, code) => sum + code.reduce((s, value) => s + Math.abs(value), 0), 0);

const shrink = (value, t) => Math.sign(value) * Math.max(Math.abs(value) - t, 0);

// Whether the step from `ahead` goes against the change since `before`: then FISTA has swung too far, and a restart helps.
const turns = (ahead, next, before) =>
  ahead.reduce((sum, code, f) => sum + code.reduce((s, value, i) => s + (value - next[f][i]) * (next[f][i] - before[f][i]), 0), 0) > 0;

// The codes after 0, 1, ..., `iterations` steps, or with `last` only the last.
export function solve(method, weight, iterations, last = false) {
  let codes = [new Float64Array(CODES), new Float64Array(CODES)];
  let [ahead, t] = [codes, 1];
  const all = [codes];
  for (let n = 0; n < iterations; n++) {
    const slope = analyze(residual(ahead));
    const next = ahead.map((code, f) => code.map((value, i) => shrink(value - slope[f][i] / lipschitz, weight / lipschitz)));
    if (method !== "ista") {
      if (method === "restarted" && turns(ahead, next, codes)) t = 1;
      const after = (1 + Math.sqrt(1 + 4 * t * t)) / 2;
      ahead = next.map((code, f) => code.map((value, i) => value + ((t - 1) / after) * (value - codes[f][i])));
      t = after;
    } else ahead = next;
    codes = next;
    if (!last) all.push(codes);
  }
  return last ? codes : all;
}

export const nearest = (weight) => solve("restarted", weight, EXTRA, true);

export const weightOf = (slider) => 10 ** (slider / 8 - 2);

const known = new Map();

// All that depends on the weight alone: the steps of both methods, and the least objective there is (after many steps).
function problem(slider) {
  if (!known.has(slider)) {
    if (known.size > 30) known.delete(known.keys().next().value);
    const weight = weightOf(slider);
    const steps = { ista: solve("ista", weight, MOST), fista: solve("fista", weight, MOST) };
    const curves = Object.fromEntries(Object.entries(steps).map(([name, list]) => [name, list.map((codes) => objective(codes, weight))]));
    const least = Math.min(objective(nearest(weight), weight), ...curves.ista, ...curves.fista);
    known.set(slider, { steps, curves, least });
  }
  return known.get(slider);
}

const points = (values) => Array.from(values, (value, i) => [i, value]);
const percent = (value) => `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`;
const NAMES = { ista: "ISTA", fista: "FISTA" };

function draw(page) {
  const [slider, iterations, method] = ["weight", "iterations", "method"].map((name) => page.get(name));
  const weight = weightOf(slider);
  const { steps, curves, least } = problem(slider);
  const codes = steps[method][iterations];
  const value = curves[method][iterations];
  const above = Math.max(value - least, 0);
  const x = synthesize(codes);
  const used = codes.map((code) => code.filter((entry) => entry !== 0).length);
  const error = norm(x.map((entry, i) => entry - signal[i])) / norm(signal);

  const field = page.panel.querySelector('input[name="weight"]');
  field.previousSibling.textContent = amount(weight);
  field.setAttribute("aria-valuetext", amount(weight));
  const other = method === "ista" ? "fista" : "ista";

  const column = (...parts) => {
    const node = document.createElement("div");
    node.className = "dx-column";
    node.append(...parts);
    page.stage.append(node);
  };
  const code = (f) =>
    chart({
      title: `codes of filter ${f + 1}`,
      label: `Codes of filter ${f + 1}: ${count(used[f], "code")} not zero; its ${SPIKES[f].length} spikes stand at ${SPIKES[f].map(([at, size]) => `${at} (${number(size)})`).join(", ")}`,
      lines: [],
      stems: points(codes[f]).flatMap((at) => (at[1] ? [{ at, kind: "dx-stem" }] : [])),
      dots: [
        ...points(codes[f]).flatMap((at) => (at[1] ? [{ at, kind: "dx-dot-code", r: 2.5 }] : [])),
        ...SPIKES[f].map((at) => ({ at, kind: "dx-dot-true", r: 5 })),
      ],
      x: [0, N - 1],
      y: [-1.25, 1.25],
      ticks: [[1, "1"], [0, "0"], [-1, number(-1)]],
      below: ["0", `place ${N - 1}`],
      height: 112,
    });
  column(
    chart({
      title: "the signal, and what the codes make of it",
      label: `The signal of ${N} numbers and its reconstruction, ${percent(error)} apart`,
      lines: [{ points: points(x), kind: "dx-line" }],
      dots: points(signal).map((at) => ({ at, kind: "dx-dot-data", r: 1.8 })),
      x: [0, N - 1],
      y: [-0.75, 0.75],
      ticks: [[0.5, "0.5"], [0, "0"], [-0.5, number(-0.5)]],
      below: ["0", `place ${N - 1}`],
      height: 128,
    }),
    code(0),
    code(1),
  );
  const log = (entry) => Math.log10(Math.max(entry - least, 1e-9));
  const [low, high] = [-8, 1];
  column(
    chart({
      title: "objective above its minimum",
      label: `Objective above its minimum at every iteration, logarithmic. ${NAMES[method]} now ${amount(above)}, after ${MOST}: ISTA ${amount(Math.max(curves.ista[MOST] - least, 0))}, FISTA ${amount(Math.max(curves.fista[MOST] - least, 0))}`,
      lines: [
        { points: curves[other].map((entry, n) => [n, log(entry)]), kind: "dx-line-quiet" },
        { points: curves[method].map((entry, n) => [n, log(entry)]), kind: "dx-line" },
      ],
      dots: [{ at: [iterations, log(value)], kind: "dx-dot" }],
      x: [0, MOST],
      y: [low, high],
      ticks: [[0, "1"], [-2, "0.01"], [-4, "10⁻⁴"], [-6, "10⁻⁶"], [-8, "10⁻⁸"]],
      below: ["0 iterations", String(MOST)],
      height: 214,
    }),
    chart({
      title: "the two filters",
      label: "Filter 1 is a bump, filter 2 a wiggle from minus to plus",
      lines: filters.map((filter, f) => ({ points: Array.from(filter, (entry, a) => [a + 12 * f, entry]), kind: "dx-line" })),
      x: [0, 20],
      y: [-0.75, 0.75],
      ticks: [[0.5, "0.5"], [0, "0"], [-0.5, number(-0.5)]],
      below: ["filter 1", "filter 2"],
      height: 128,
    }),
  );
  page.legend(["dx-key-data", "signal"], ["dx-key-line", `${NAMES[method]}: codes, reconstruction, objective`], ["dx-key-quiet", NAMES[other]], ["dx-key-true", "true spike"]);

  const total = used[0] + used[1];
  page.explain = () =>
    `${NAMES[method]}, price ${amount(weight)}, after ${count(iterations, "iteration")}: objective ${value.toFixed(4)}, ${above < 1e-9 ? "the minimum" : `${amount(above)} above its minimum`}. ` +
    `${total} of ${2 * CODES} codes ${total === 1 ? "is" : "are"} not zero; the signal has ${SPIKES.flat().length} spikes. ` +
    `The reconstruction is ${percent(error)} off the signal; its noise is ${percent(norm(noise) / norm(signal))}.`;
  page.prose("Objective: half the squared error, plus λ times the sum of the codes’ sizes. The steps of both are equally long; FISTA takes each from a point ahead, in the direction of the last change.");
}

export default explorer({
  label: "Sparse coding explorer",
  controls,
  draw,
  start: { key: "", row: 0, column: 0 },
});
