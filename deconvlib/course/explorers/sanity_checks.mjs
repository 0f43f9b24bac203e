// Can the picture be trusted? One unit's picture, as more and more layers of VGG-16 get random weights from the top.
// The pictures were made beforehand by book/sheets.py; explorers.py puts them in place of the second import.
import { chart, count, explorer, make, number, sheetPicture } from "./common.mjs";
import { images, sheet } from "./sanity_checks.sheet";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "layers", "label": "Random layers", "value": 3, "min": 0, "max": 13},
  {"name": "photograph", "label": "Photograph", "value": "chelsea", "options": [
    {"value": "chelsea", "label": "chelsea"},
    {"value": "coffee", "label": "coffee"},
    {"value": "astronaut", "label": "astronaut"}
  ]},
  {"name": "rule", "label": "Back through ReLU", "value": "guided", "options": [
    {"value": "gradient", "label": "gradient"},
    {"value": "guided", "label": "guided"},
    {"value": "deconvnet", "label": "DeconvNet"}
  ]}
];

const two = (value) => number(value.toFixed(2).replace(/^-(0\.00)$/, "$1"));

function draw(page) {
  const [layers, photograph, rule] = ["layers", "photograph", "rule"].map((name) => page.get(name));
  const unit = sheet.units[photograph];
  const [signed, absolute, ssim] = unit.levels[layers][rule];
  const name = controls[2].options.find((option) => option.value === rule).label;
  const show = (title, note, place, frame) => sheetPicture({ images, title, note, place, frame });
  const last = sheet.layers[layers - 1];
  const random = layers === 0 ? "the same network" : layers === 1 ? last : `${sheet.layers[0]} to ${last}`;
  page.stage.classList.add("dx-pairs");
  page.stage.append(
    show("the photograph", "the frame is what the unit sees", sheet.places[`photograph/${photograph}`], unit.patch),
    show(`${name}, trained`, "gray is 0", sheet.places[`${photograph}/0/${rule}`]),
    show(`${name}, ${count(layers, "random layer")}`, random, sheet.places[`${photograph}/${layers}/${rule}`]),
  );
  page.stage.append(make("div", { class: "dx-break" }));
  const line = (k, kind) => ({ points: unit.levels.map((level, n) => [n, level[rule][k]]), kind });
  const dot = (k) => ({ at: [layers, [signed, absolute, ssim][k]], kind: "dx-dot" });
  page.stage.append(
    chart({
      title: "similarity, layer by layer",
      label: `Similarity against the number of random layers, now: rank correlation ${two(signed)}, of the sizes ${two(absolute)}, SSIM ${two(ssim)}`,
      lines: [line(2, "dx-line-third"), line(0, "dx-line-quiet"), line(1, "dx-line")],
      dots: [dot(2), dot(0), dot(1)],
      x: [0, 13],
      y: [-0.25, 1],
      ticks: [[1, "1"], [0.5, "0.5"], [0, "0"]],
      below: ["0 random layers", "all 13"],
      height: 170,
    }),
  );
  // All three rules at this level; the chosen one's column stands out.
  const rules = controls[2].options;
  const cell = (tag, entry, chosen, attributes = {}) => make(tag, { ...attributes, class: chosen ? "dx-now" : undefined }, entry);
  const measure = ([kind, words, k]) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, make("span", { class: `dx-key-sample ${kind}`, "aria-hidden": true }), words),
      ...rules.map(({ value }) => cell("td", two(unit.levels[layers][value][k]), value === rule)),
    );
  page.stage.append(
    make(
      "table",
      { class: "dx-table" },
      make("caption", {}, `${count(layers, "random layer")}, beside the trained network`),
      make("tr", {}, make("td", {}), ...rules.map(({ value, label }) => cell("th", label, value === rule, { scope: "col" }))),
      ...[["dx-key-line", "rank, sizes", 1], ["dx-key-quiet", "rank, signed", 0], ["dx-key-third", "SSIM", 2]].map(measure),
    ),
  );
  page.explain = () =>
    `${name === "DeconvNet" ? name : `The ${name}${rule === "guided" ? " rule" : ""}`}, ${count(layers, "random layer")} of 13${layers ? ` (${layers === 1 ? last : `${sheet.layers[0]} to ${last}`})` : ": the trained network"}. ` +
    `Rank correlation with the trained network’s picture: ${two(absolute)} of the sizes, ${two(signed)} of the signed values; SSIM ${two(ssim)}. ` +
    `The unit’s value: ${number(unit.levels[layers].value)}${layers ? `, trained ${number(unit.levels[0].value)}` : ""}.`;
  page.prose(
    `The unit: conv5_3, channel ${unit.channel}, row ${unit.row}, column ${unit.column}, the strongest in this photograph. Rank is Spearman’s correlation, over the framed patch: of the sizes |v|, and of the values with their sign. The sizes agree to some degree in any two pictures of this unit: all are large in the middle of the patch and small at its edge. Each picture is scaled by itself; random weights are those of seed ${sheet.seed}. Photograph: ${sheet.credits[photograph]}.`,
  );
}

export default explorer({
  label: "Sanity check explorer",
  controls,
  draw,
  start: { key: "", row: 0, column: 0 },
});
