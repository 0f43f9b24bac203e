// A roofline: the multiplications and bytes of five algorithms for a layer, what the machine allows, and what was measured.
import { amount, chart, explorer, number } from "./common.mjs";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "layer", "label": "Layer", "value": "FSRCNN x3, 128 px", "options": [
    {"value": "DCGAN 1, 16 images", "label": "DCGAN 1, 16 images"},
    {"value": "DCGAN 1, 64 images", "label": "DCGAN 1, 64 images"},
    {"value": "DCGAN 2, 16 images", "label": "DCGAN 2, 16 images"},
    {"value": "DCGAN 2, 64 images", "label": "DCGAN 2, 64 images"},
    {"value": "DCGAN 3, 16 images", "label": "DCGAN 3, 16 images"},
    {"value": "DCGAN 3, 64 images", "label": "DCGAN 3, 64 images"},
    {"value": "DCGAN 4, 16 images", "label": "DCGAN 4, 16 images"},
    {"value": "DCGAN 4, 64 images", "label": "DCGAN 4, 64 images"},
    {"value": "FCN-32s", "label": "FCN-32s"},
    {"value": "FCN-8s", "label": "FCN-8s"},
    {"value": "U-Net, 1 image", "label": "U-Net, 1 image"},
    {"value": "U-Net, 4 images", "label": "U-Net, 4 images"},
    {"value": "SegNet, 4 images", "label": "SegNet, 4 images"},
    {"value": "FSRCNN x2, 64 px", "label": "FSRCNN x2, 64 px"},
    {"value": "FSRCNN x2, 128 px", "label": "FSRCNN x2, 128 px"},
    {"value": "FSRCNN x3, 64 px", "label": "FSRCNN x3, 64 px"},
    {"value": "FSRCNN x3, 128 px", "label": "FSRCNN x3, 128 px"},
    {"value": "FSRCNN x4, 64 px", "label": "FSRCNN x4, 64 px"},
    {"value": "FSRCNN x4, 128 px", "label": "FSRCNN x4, 128 px"},
    {"value": "Zeiler 1, 1 image", "label": "Zeiler 1, 1 image"},
    {"value": "Zeiler 1, 8 images", "label": "Zeiler 1, 8 images"},
    {"value": "Zeiler 1, 7 x 7", "label": "Zeiler 1, 7 x 7"},
    {"value": "Zeiler 2", "label": "Zeiler 2"}
  ]},
  {"name": "algorithm", "label": "Algorithm", "value": "direct", "options": [
    {"value": "direct", "label": "direct (PyTorch)"},
    {"value": "zero_insertion", "label": "zero insertion"},
    {"value": "gemm", "label": "GEMM and add"},
    {"value": "polyphase", "label": "polyphase"},
    {"value": "fft", "label": "FFT"}
  ]},
  {"name": "count", "label": "Output channels", "value": "one", "options": [
    {"value": "one", "label": "counted one by one"},
    {"value": "blocks", "label": "counted in blocks of 16"}
  ]}
];

// The layers of deconvlib/course/decoders.py: name, images, channels in and out, side, kernel, stride, padding, output padding.
// What was measured on one core is of the shipped result fast-algorithms: milliseconds, GMAC/s and GB/s. A test compares both.
export const LAYERS = [
  ["DCGAN 1, 16 images", 16, 512, 256, 4, 4, 2, 1, 0],
  ["DCGAN 1, 64 images", 64, 512, 256, 4, 4, 2, 1, 0],
  ["DCGAN 2, 16 images", 16, 256, 128, 8, 4, 2, 1, 0],
  ["DCGAN 2, 64 images", 64, 256, 128, 8, 4, 2, 1, 0],
  ["DCGAN 3, 16 images", 16, 128, 64, 16, 4, 2, 1, 0],
  ["DCGAN 3, 64 images", 64, 128, 64, 16, 4, 2, 1, 0],
  ["DCGAN 4, 16 images", 16, 64, 3, 32, 4, 2, 1, 0],
  ["DCGAN 4, 64 images", 64, 64, 3, 32, 4, 2, 1, 0],
  ["FCN-32s", 1, 21, 21, 16, 64, 32, 0, 0],
  ["FCN-8s", 1, 21, 21, 64, 16, 8, 4, 0],
  ["U-Net, 1 image", 1, 512, 256, 28, 2, 2, 0, 0],
  ["U-Net, 4 images", 4, 512, 256, 28, 2, 2, 0, 0],
  ["SegNet, 4 images", 4, 128, 64, 32, 3, 2, 1, 1],
  ["FSRCNN x2, 64 px", 1, 56, 1, 64, 9, 2, 4, 1],
  ["FSRCNN x2, 128 px", 1, 56, 1, 128, 9, 2, 4, 1],
  ["FSRCNN x3, 64 px", 1, 56, 1, 64, 9, 3, 4, 2],
  ["FSRCNN x3, 128 px", 1, 56, 1, 128, 9, 3, 4, 2],
  ["FSRCNN x4, 64 px", 1, 56, 1, 64, 9, 4, 4, 3],
  ["FSRCNN x4, 128 px", 1, 56, 1, 128, 9, 4, 4, 3],
  ["Zeiler 1, 1 image", 1, 96, 3, 55, 11, 4, 2, 1],
  ["Zeiler 1, 8 images", 8, 96, 3, 55, 11, 4, 2, 1],
  ["Zeiler 1, 7 x 7", 1, 96, 3, 110, 7, 2, 1, 1],
  ["Zeiler 2", 1, 256, 96, 26, 5, 2, 2, 1]
];
export const MEASURED = {
  "DCGAN 1, 16 images": {"direct": 16.4, "zero_insertion": 46.6, "gemm": 25.9, "polyphase": 63.9, "fft": 157.0, "fast": 16.7},
  "DCGAN 1, 64 images": {"direct": 60.0, "gemm": 81.2, "polyphase": 81.4, "fft": 207.0, "fast": 64.0},
  "DCGAN 2, 16 images": {"direct": 10.4, "zero_insertion": 37.1, "gemm": 15.2, "polyphase": 22.1, "fft": 162.0, "fast": 10.5},
  "DCGAN 2, 64 images": {"direct": 40.8, "gemm": 83.6, "polyphase": 59.4, "fft": 290.0, "fast": 42.5},
  "DCGAN 3, 16 images": {"direct": 8.14, "zero_insertion": 54.9, "gemm": 20.9, "polyphase": 18.7, "fft": 221.0, "fast": 8.24},
  "DCGAN 3, 64 images": {"direct": 41.2, "gemm": 114.0, "polyphase": 62.4, "fft": 459.0, "fast": 37.7},
  "DCGAN 4, 16 images": {"direct": 4.81, "zero_insertion": 39.1, "gemm": 3.32, "polyphase": 4.92, "fft": 54.4, "fast": 3.05},
  "DCGAN 4, 64 images": {"direct": 18.5, "zero_insertion": 201.0, "gemm": 11.6, "polyphase": 15.1, "fft": 345.0, "fast": 10.7},
  "FCN-32s": {"direct": 52.4, "gemm": 98.3, "polyphase": 61.8, "fast": 28.6},
  "FCN-8s": {"direct": 17.9, "gemm": 135.0, "polyphase": 45.8, "fast": 16.8},
  "U-Net, 1 image": {"direct": 8.59, "zero_insertion": 38.0, "gemm": 10.2, "polyphase": 13.9, "fast": 7.57},
  "U-Net, 4 images": {"direct": 30.6, "gemm": 37.4, "polyphase": 45.4, "fast": 29.5},
  "SegNet, 4 images": {"direct": 4.58, "zero_insertion": 29.1, "gemm": 12.2, "polyphase": 20.6, "fast": 4.62},
  "FSRCNN x2, 64 px": {"direct": 4.35, "zero_insertion": 33.4, "gemm": 1.5, "polyphase": 3.36, "fft": 14.5, "fast": 0.847},
  "FSRCNN x2, 128 px": {"direct": 19.1, "zero_insertion": 110.0, "gemm": 5.93, "polyphase": 11.2, "fft": 111.0, "fast": 4.1},
  "FSRCNN x3, 64 px": {"direct": 5.03, "zero_insertion": 69.7, "gemm": 1.7, "polyphase": 1.96, "fft": 24.2, "fast": 1.13},
  "FSRCNN x3, 128 px": {"direct": 19.6, "zero_insertion": 299.0, "gemm": 6.26, "polyphase": 6.08, "fft": 162.0, "fast": 4.31},
  "FSRCNN x4, 64 px": {"direct": 5.36, "zero_insertion": 97.9, "gemm": 1.65, "polyphase": 2.09, "fft": 150.0, "fast": 1.3},
  "FSRCNN x4, 128 px": {"direct": 17.9, "zero_insertion": 515.0, "gemm": 6.13, "polyphase": 6.65, "fast": 3.81},
  "Zeiler 1, 1 image": {"direct": 10.5, "zero_insertion": 191.0, "gemm": 5.87, "polyphase": 4.59, "fft": 314.0, "fast": 3.59},
  "Zeiler 1, 8 images": {"direct": 67.7, "gemm": 66.4, "polyphase": 26.7, "fast": 19.7},
  "Zeiler 1, 7 x 7": {"direct": 13.1, "zero_insertion": 88.1, "gemm": 8.86, "polyphase": 9.4, "fft": 258.0, "fast": 5.87},
  "Zeiler 2": {"direct": 6.78, "zero_insertion": 39.0, "gemm": 11.3, "polyphase": 30.8, "fast": 6.75}
};
export const PEAK = {"gmacs": 65.3, "gbytes": 9.3};

const WORDS = { direct: "direct", zero_insertion: "zero insertion", gemm: "GEMM and add", polyphase: "polyphase", fft: "FFT" };
const up = (value) => Math.ceil(value / 16) * 16;

// The counts (14.1) to (14.5), or those of direct and polyphase in blocks of 16 output channels (14.10).
export function multiplications([, n, c, o, y, k, s, p, more], algorithm, blocks) {
  const out = (y - 1) * s + k - 2 * p;
  const t = Math.ceil(k / s);
  if (algorithm === "gemm") return n * c * o * y ** 2 * k ** 2;
  if (algorithm === "zero_insertion") return n * c * (blocks ? up(o) : o) * out ** 2 * k ** 2;
  if (algorithm === "polyphase") return n * c * (blocks ? up(o * s * s) : o * s * s) * (y + t - 1) ** 2 * t ** 2;
  if (algorithm === "fft") {
    const points = ((y - 1) * s + k) ** 2;
    return (n * c + c * o + n * o) * points * Math.ceil(Math.log2(points)) + 2 * n * c * o * points;
  }
  if (blocks) return n * c * up(o) * y ** 2 * k ** 2;
  let pairs = 0;
  for (let i = 0; i < y; i++) for (let tap = 0; tap < k; tap++) if (s * i + tap - p >= 0 && s * i + tap - p < out) pairs++;
  return n * c * o * pairs ** 2;
}

// Four bytes for every number that is read or written, those in between twice.
export function bytes([, n, c, o, y, k, s, p, more], algorithm) {
  const out = (y - 1) * s + k - 2 * p + more;
  const whole = (y - 1) * s + k;
  const between = {
    direct: 0,
    zero_insertion: 2 * n * c * ((y - 1) * s + 1) ** 2,
    gemm: 2 * n * o * (k * y) ** 2,
    polyphase: 2 * n * o * (s * (y + Math.ceil(k / s) - 1)) ** 2,
    fft: 4 * whole * (Math.floor(whole / 2) + 1) * (n * c + c * o + n * o),
  };
  return 4 * (n * c * y * y + c * o * k * k + n * o * out * out + between[algorithm]);
}

const large = (value) => (value >= 1e9 ? `${number((value / 1e9).toPrecision(3))} billion` : `${number((value / 1e6).toPrecision(3))} million`);
const time = (ms) => `${amount(ms)} ms`;

function draw(page) {
  const [name, algorithm, count] = ["layer", "algorithm", "count"].map((key) => page.get(key));
  const layer = LAYERS.find(([known]) => known === name);
  const blocks = count === "blocks";
  const found = Object.keys(WORDS).map((key) => {
    const macs = multiplications(layer, key, blocks);
    const moved = bytes(layer, key);
    const least = Math.max(macs / PEAK.gmacs, moved / PEAK.gbytes) / 1e6;
    return { key, macs, moved, least, ms: MEASURED[name][key], per: macs / moved };
  });
  const one = found.find(({ key }) => key === algorithm);
  const log = Math.log10;
  const roof = (x) => log(Math.min(PEAK.gmacs, PEAK.gbytes * 10 ** x));
  const corner = log(PEAK.gmacs / PEAK.gbytes);
  const speed = ({ macs, ms }) => log(macs / ms / 1e6);
  page.stage.append(
    chart({
      title: "billion multiplications a second",
      label: `Roofline of one core: ${PEAK.gmacs} billion multiplications and ${PEAK.gbytes} billion bytes a second. ${WORDS[algorithm]}: ${amount(one.per)} multiplications a byte${one.ms ? `, measured ${amount(10 ** speed(one))} billion a second` : ", not measured"}`,
      lines: [
        { points: [[-1, roof(-1)], [corner, roof(corner)], [3, roof(3)]], kind: "dx-line" },
        { points: [[log(one.per), -1], [log(one.per), roof(log(one.per))]], kind: "dx-line-quiet" },
      ],
      dots: [
        ...found.filter(({ key, ms }) => ms && key !== algorithm).map((other) => ({ at: [log(other.per), speed(other)], kind: "dx-dot-true", r: 3.5 })),
        ...(one.ms ? [{ at: [log(one.per), speed(one)], kind: "dx-dot" }] : []),
      ],
      x: [-1, 3],
      y: [-1, 2.2],
      ticks: [[-1, "0.1"], [0, "1"], [1, "10"], [2, "100"]],
      below: ["0.1 multiplications a byte", "1,000"],
      height: 220,
    }),
  );
  page.formula(
    ...found.map(({ key, macs, moved, least, ms }) =>
      `${WORDS[key]}: ${large(macs)} multiplications, ${large(moved)} bytes, at least ${time(least)}, measured ${ms ? time(ms) : "not at all: too large"}`,
    ),
  );
  const limit = log(one.per) < corner ? "memory" : "arithmetic";
  page.prose("Line: what one core allows. Dot: the chosen algorithm as measured; rings: the others. The dashed line is the chosen algorithm's intensity.");
  page.explain = () =>
    `${name}, ${WORDS[algorithm]}: ${amount(one.per)} multiplications a byte, limited by ${limit}. ` +
    (one.ms ? `It took ${amount(one.ms / one.least)} times the least time. ` : "It was not measured: it is too large. ") +
    `deconvlib.fast: ${time(MEASURED[name].fast)}, PyTorch ${time(MEASURED[name].direct)}.`;
}

export default explorer({
  label: "Roofline explorer",
  controls,
  draw,
  start: { key: "", row: 0, column: 0 },
});
