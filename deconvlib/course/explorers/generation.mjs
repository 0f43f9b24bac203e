// The latent plane: what a decoder makes of each pair of numbers, and where the encoder puts garments that it has not seen.
// The pictures were made beforehand by book/sheets.py; explorers.py puts them in place of the second import.
import { chart, count, explorer, make, number, sheetPicture } from "./common.mjs";
import { images, sheet } from "./generation.sheet";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "across", "label": "First number", "symbol": "a", "value": 3, "min": -8, "max": 8},
  {"name": "up", "label": "Second number", "symbol": "b", "value": 3, "min": -8, "max": 8},
  {"name": "model", "label": "Trained as", "value": "vae", "options": [
    {"value": "vae", "label": "VAE"},
    {"value": "vae-gan", "label": "VAE with discriminator"}
  ]}
];

const STEP = 0.3;
const NEAR = 20;

export const codeOf = (across, up) => [across * STEP, up * STEP];

// The garments in the order of their distance from a code.
export function nearest(codes, [a, b]) {
  const far = codes.map(([x, y]) => Math.hypot(x - a, y - b));
  return codes.map((_, k) => k).sort((i, j) => far[i] - far[j] || i - j);
}

const one = (value) => number(value.toFixed(1).replace(/^-0\.0$/, "0.0"));

function draw(page) {
  const [across, up, model] = ["across", "up", "model"].map((name) => page.get(name));
  const { codes, answers } = sheet.models[model];
  const code = codeOf(across, up);
  const order = nearest(codes, code);
  const first = order[0];
  const answer = sheet.classes[answers[8 - up][across + 8]];
  const kind = sheet.classes[sheet.labels[first]];
  const near = order.slice(0, NEAR).filter((k) => sheet.labels[k] === sheet.labels[first]).length;
  const words = `(${one(code[0])}, ${one(code[1])})`;
  for (const [name, value] of [["across", code[0]], ["up", code[1]]]) {
    const field = page.panel.querySelector(`input[name="${name}"]`);
    field.previousSibling.textContent = one(value);
    field.setAttribute("aria-valuetext", one(value));
  }
  const show = (title, note, key) => sheetPicture({ images, title, note, place: sheet.places[key] });
  page.stage.append(
    show("decoded", words, `${model}/${across}/${up}`),
    show("the nearest garment", kind, `garment/${first}`),
    make(
      "div",
      { class: "dx-column" },
      chart({
        title: "where the encoder puts test garments",
        label: `${codes.length} test garments in the plane from ${one(-8 * STEP)} to ${one(8 * STEP)} each way; ${count(sheet.labels.filter((label) => label === sheet.labels[first]).length, "dot")} marked as ${kind}`,
        lines: [],
        dots: [
          ...codes.map((at, k) => ({ at, kind: sheet.labels[k] === sheet.labels[first] ? "dx-dot-code" : "dx-dot-data", r: sheet.labels[k] === sheet.labels[first] ? 3.2 : 2 })).filter(({ at }) => at.every((v) => Math.abs(v) <= 2.7)),
          { at: code, kind: "dx-dot", r: 5.5 },
        ],
        x: [-2.7, 2.7],
        y: [-2.7, 2.7],
        ticks: [[2, "2"], [0, "0"], [-2, number(-2)]],
        below: [`a from ${number(-2.7)}`, "to 2.7"],
        height: 260,
      }),
    ),
  );
  page.legend(["dx-key-data", "test garment"]);
  page.explain = () =>
    `${model === "vae" ? "VAE" : "VAE with discriminator"}, code ${words}. Chapter 7’s classifier takes the decoded picture for: ${answer}. ` +
    `The test garment with the nearest code: ${kind}. Of the ${NEAR} nearest, ${near} are of that class.`;
  page.prose(
    `Both decoders were trained on garments with codes of two numbers, so that the plane is all that they know. The dots: the means that the encoder gives for ${codes.length} test garments, ${sheet.each} of each class; larger and blue, the class of the nearest one. Garments: Fashion-MNIST, MIT license.`,
  );
}

export default explorer({
  label: "Latent plane explorer",
  controls,
  draw,
  start: { key: "", row: 0, column: 0 },
});
