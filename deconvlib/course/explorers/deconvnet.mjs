// The DeconvNet as a microscope: a unit of VGG-16, the patch of a photograph it sees, and what it responds to there.
// The pictures were made beforehand by book/sheets.py; explorers.py puts them in place of the second import.
import { explorer, number, sheetPicture } from "./common.mjs";
import { images, sheet } from "./deconvnet.sheet";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "unit", "label": "Unit, strongest first", "value": 1, "min": 1, "max": 4},
  {"name": "photograph", "label": "Photograph", "value": "chelsea", "options": [
    {"value": "chelsea", "label": "chelsea"},
    {"value": "coffee", "label": "coffee"},
    {"value": "astronaut", "label": "astronaut"},
    {"value": "coins", "label": "coins"},
    {"value": "flower_CCBY", "label": "flower"}
  ]},
  {"name": "layer", "label": "Layer", "value": "conv4_3", "options": [
    {"value": "conv1_2", "label": "conv1_2"},
    {"value": "conv2_2", "label": "conv2_2"},
    {"value": "conv3_3", "label": "conv3_3"},
    {"value": "conv4_3", "label": "conv4_3"},
    {"value": "conv5_3", "label": "conv5_3"}
  ]},
  {"name": "rule", "label": "Back through ReLU", "value": "deconvnet", "options": [
    {"value": "deconvnet", "label": "DeconvNet"},
    {"value": "guided", "label": "guided"},
    {"value": "gradient", "label": "gradient"}
  ]}
];

const RULES = {
  deconvnet: "DeconvNet passes on what is positive on the way back",
  guided: "The guided rule passes on what is positive on the way back, where the input was positive on the way there",
  gradient: "The gradient passes on everything, where the input was positive on the way there",
};

function draw(page) {
  const [rank, photograph, layer, rule] = ["unit", "photograph", "layer", "rule"].map((name) => page.get(name));
  const { channel, row, column, value, patch } = sheet.units[photograph][layer][rank - 1];
  const [top, left, bottom, right] = patch;
  const size = `${bottom - top} × ${right - left}`;
  const words = Object.fromEntries(controls.map(({ name, options }) => [name, options?.find((option) => option.value === page.get(name))?.label]));
  const key = `${photograph}/${layer}/${rank - 1}`;
  const [from, x, y] = sheet.places[`photograph/${photograph}`];
  const show = (title, note, place, frame) => sheetPicture({ images, title, note, place, frame });
  page.stage.classList.add("dx-pairs");
  page.stage.append(
    show("the photograph", "the frame is what the unit sees", sheet.places[`photograph/${photograph}`], patch),
    show("that patch, enlarged", `${size} pixels`, sheet.places[`${key}/patch`] ?? [from, x + left, y + top, right - left, bottom - top]),
    show(words.rule, "gray is 0", sheet.places[`${key}/${rule}`]),
  );
  const order = ["", "second-", "third-", "fourth-"][rank - 1];
  page.explain = () =>
    `${layer}, channel ${channel}: the ${order}strongest of the layer in “${words.photograph}”, value ${number(value)} at row ${row}, column ${column}. ` +
    `It sees ${size} pixels${bottom - top === right - left ? "" : ", cut at the border"}. ${RULES[rule]}.`;
  page.prose(
    `Each picture is scaled by itself: the 99.5th percentile of its sizes is black or white. Network: VGG-16, trained on ImageNet. Photograph: ${sheet.credits[photograph]}.`,
  );
}

export default explorer({
  label: "DeconvNet explorer",
  controls,
  draw,
  start: { key: "", row: 0, column: 0 },
});
