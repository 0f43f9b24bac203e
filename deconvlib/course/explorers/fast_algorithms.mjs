// A decoder's layer under the roofline: what each algorithm multiplies and moves, how fast that could be, and how fast it was.
// The times were measured beforehand by book/studies/fast_algorithms.py; explorers.py puts them in place of the second import.
import { amount, chart, explorer, number } from "./common.mjs";
import { images, sheet } from "./fast_algorithms.sheet";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "layer", "label": "Layer", "value": 17, "min": 1, "max": 23},
  {"name": "algorithm", "label": "Algorithm", "value": "direct", "options": [
    {"value": "direct", "label": "PyTorch's own"},
    {"value": "zero_insertion", "label": "zero insertion"},
    {"value": "gemm", "label": "GEMM and add"},
    {"value": "polyphase", "label": "polyphase"},
    {"value": "fft", "label": "FFT"}
  ]},
  {"name": "count", "label": "Count", "value": "each", "options": [
    {"value": "each", "label": "each multiplication"},
    {"value": "blocks", "label": "in blocks of 16 channels"}
  ]}
];

const BYTES = 4;
const BLOCK = 16;
const SHORT = { direct: "PyTorch", zero_insertion: "zero insertion", gemm: "GEMM", polyphase: "polyphase", fft: "FFT" };

// How many pairs of a pixel and a tap meet inside the result, along one axis.
const pairs = ({ side, kernel, stride, padding }) => {
  const size = (side - 1) * stride + kernel - 2 * padding;
  let found = 0;
  for (let i = 0; i < side; i++)
    for (let k = 0; k < kernel; k++) {
      const at = stride * i + k - padding;
      if (at >= 0 && at < size) found += 1;
    }
  return found;
};

// Multiplications by (14.1) to (14.5).
export const products = (one, algorithm) => {
  const { batch, inputs, outputs, side, kernel, stride, padding } = one;
  const each = batch * inputs * outputs;
  const k = Math.ceil(kernel / stride);
  const size = (side - 1) * stride + kernel - 2 * padding;
  const whole = ((side - 1) * stride + kernel) ** 2;
  return {
    direct: () => each * pairs(one) ** 2,
    zero_insertion: () => each * (size * kernel) ** 2,
    gemm: () => each * (side * kernel) ** 2,
    polyphase: () => each * (stride * (side + k - 1) * k) ** 2,
    fft: () => (batch * inputs + inputs * outputs + batch * outputs) * whole * Math.ceil(Math.log2(whole)) + each * 2 * whole,
  }[algorithm]();
};

// The same with the channels that come out filled up to whole vectors (14.10); a matrix product and a spectrum need no filling.
export const filled = (one, algorithm) => {
  const up = (channels) => Math.ceil(channels / BLOCK) * BLOCK;
  const { outputs, stride } = one;
  if (algorithm === "direct" || algorithm === "zero_insertion") return (products(one, algorithm) * up(outputs)) / outputs;
  if (algorithm === "polyphase") return (products(one, algorithm) * up(outputs * stride ** 2)) / (outputs * stride ** 2);
  return products(one, algorithm);
};

// Numbers read or written at least: the two inputs, the result, and what is laid down in between and picked up again.
export const numbers = (one, algorithm) => {
  const { batch, inputs, outputs, side, kernel, stride, padding, more } = one;
  const k = Math.ceil(kernel / stride);
  const whole = (side - 1) * stride + kernel;
  const result = whole - 2 * padding + more;
  const ends = batch * inputs * side ** 2 + inputs * outputs * kernel ** 2 + batch * outputs * result ** 2;
  const between = {
    direct: 0,
    zero_insertion: 2 * batch * inputs * ((side - 1) * stride + 1) ** 2,
    gemm: 2 * batch * outputs * (kernel * side) ** 2,
    polyphase: 2 * batch * outputs * (stride * (side + k - 1)) ** 2,
    fft: 2 * whole * (Math.floor(whole / 2) + 1) * 2 * (batch * inputs + inputs * outputs + batch * outputs),
  };
  return ends + between[algorithm];
};

const LOW = [-0.7, -1];
const HIGH = [2.7, 2.3];
const log = Math.log10;

function draw(page) {
  const [index, algorithm, way] = ["layer", "algorithm", "count"].map((name) => page.get(name));
  const one = sheet.layers[index - 1];
  const { gmacs, gbytes } = sheet.peak;
  const count = way === "blocks" ? filled : products;
  const at = (name) => {
    const intensity = count(one, name) / (BYTES * numbers(one, name));
    const measured = one.milliseconds[name];
    return { intensity, roof: Math.min(gmacs, intensity * gbytes), speed: measured ? count(one, name) / measured / 1e6 : null };
  };
  const now = at(algorithm);
  const predicted = count(one, algorithm) / now.roof / 1e6;
  const measured = one.milliseconds[algorithm];
  const corner = gmacs / gbytes;
  const others = Object.keys(SHORT).filter((name) => name !== algorithm).map((name) => at(name)).filter(({ speed }) => speed);

  const field = page.panel.querySelector('input[name="layer"]');
  field.previousSibling.textContent = one.name;
  field.setAttribute("aria-valuetext", one.name);

  page.stage.append(
    chart({
      title: "billion multiplications a second, by multiplications for each byte",
      label: `The roofline of the course's machine, logarithmic both ways: a slope up to ${number(Math.round(10 * corner) / 10)} multiplications a byte, then flat at ${number(Math.round(gmacs))} billion a second. ${SHORT[algorithm]}: ${amount(now.intensity)} multiplications a byte, at most ${amount(now.roof)} billion a second, ${now.speed ? `measured ${amount(now.speed)}` : "not measured"}`,
      lines: [{ points: [[LOW[0], log(10 ** LOW[0] * gbytes)], [log(corner), log(gmacs)], [HIGH[0], log(gmacs)]], kind: "dx-line" }],
      stems: [],
      dots: [
        ...others.map(({ intensity, speed }) => ({ at: [log(intensity), log(speed)], kind: "dx-dot-data", r: 3.5 })),
        { at: [log(now.intensity), log(now.roof)], kind: "dx-dot-best", r: 5 },
        ...(now.speed ? [{ at: [log(now.intensity), log(now.speed)], kind: "dx-dot", r: 5.5 }] : []),
      ],
      x: [LOW[0], HIGH[0]],
      y: [LOW[1], HIGH[1]],
      ticks: [[2, "100"], [1, "10"], [0, "1"], [-1, "0.1"]],
      below: ["0.2 a byte", "500"],
      height: 230,
    }),
  );
  page.legend(["dx-key-true", "most that is possible"], ["dx-chosen", "measured"], ["dx-key-data", "the other algorithms, measured"]);
  page.formula(
    `multiplications = ${amount(count(one, algorithm))}`,
    `bytes = ${amount(BYTES * numbers(one, algorithm))}`,
    `at least = ${amount(predicted)} ms`,
    measured ? `measured = ${amount(measured)} ms` : `not measured`,
  );
  const { batch, inputs, outputs, side, kernel, stride } = one;
  const limit = now.intensity < corner ? "the bytes are the limit" : "the multiplications are the limit";
  const verdict = measured ? ` It took ${amount(measured / predicted)} times as long as predicted.` : " It would need too much memory, and was not measured.";
  page.prose(
    `${one.name}: ${batch} × ${inputs} channels of ${side} × ${side} pixels, ${outputs} come out; kernel ${kernel} × ${kernel}, stride ${stride}. ${SHORT[algorithm]}: ${limit}.${verdict}`,
  );
}

export default explorer({
  label: "Roofline explorer",
  controls,
  draw,
  start: { key: "", row: 0, column: 0 },
});
