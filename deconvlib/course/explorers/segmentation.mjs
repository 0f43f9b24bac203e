// One scene, four ways back up: what each network says of every pixel, and how sure it is of the one under the pointer.
// The scores were computed beforehand by book/studies/segmentation.py; explorers.py puts them in place of the second import.
import { explorer, make } from "./common.mjs";
import { images, sheet } from "./segmentation.sheet";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "scene", "label": "Scene", "value": 1, "min": 1, "max": 6},
  {"name": "row", "label": "Row", "value": 32, "min": 0, "max": 63},
  {"name": "column", "label": "Column", "value": 32, "min": 0, "max": 63},
  {"name": "show", "label": "Show", "value": "classes", "options": [
    {"value": "classes", "label": "the class of each pixel"},
    {"value": "wrong", "label": "wrong pixels"},
    {"value": "doubt", "label": "doubt"}
  ]}
];

const SIZE = 64;
const NAMES = { bilinear: "bilinear", sums: "sums", switches: "switches", copies: "copies" };
const COLORS = [[38, 50, 56], [86, 180, 233], [230, 159, 0], [0, 158, 115], [204, 121, 167]];
const WRONG = [213, 94, 0];

// "label:count label:count ..." as a list of labels.
export const unrolled = (text) =>
  text.split(" ").flatMap((part) => {
    const [label, times] = part.split(":");
    return Array(Number(times)).fill(label);
  });

const known = new Map();
export function scene(k) {
  if (!known.has(k)) {
    const { picture, truth, scores } = sheet.scenes[k];
    const shares = (pixel) => {
      const levels = [...pixel].map((digit) => parseInt(digit, 16));
      const sum = levels.reduce((a, b) => a + b, 0);
      return levels.map((level) => level / sum);
    };
    known.set(k, {
      picture: Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0)),
      truth: unrolled(truth).map(Number),
      scores: Object.fromEntries(sheet.ways.map((way) => [way, unrolled(scores[way]).map(shares)])),
    });
  }
  return known.get(k);
}

export const best = (shares) => shares.indexOf(Math.max(...shares));
const percent = (share) => `${Math.round(100 * share)} %`;

function draw(page) {
  const { picture, truth, scores } = scene(page.get("scene") - 1);
  const mode = page.get("show");
  const marks = [];
  const point = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = (value, start, length) => Math.min(SIZE - 1, Math.max(0, Math.floor((SIZE * (value - start)) / length)));
    return { key: "scene", row: at(event.clientY, box.top, box.height), column: at(event.clientX, box.left, box.width) };
  };
  const show = (title, note, color) => {
    const canvas = make("canvas", { width: SIZE, height: SIZE, role: "img", "aria-label": `${title}, ${note}`, style: "image-rendering: pixelated; cursor: crosshair" });
    const context = canvas.getContext("2d");
    const data = context.createImageData(SIZE, SIZE);
    for (let i = 0; i < SIZE * SIZE; i++) data.data.set([...color(i), 255], 4 * i);
    context.putImageData(data, 0, 0);
    const mark = make("div", { class: "dx-frame", "aria-hidden": true });
    marks.push(mark);
    const box = make("div", { class: "dx-frame-box" }, canvas, mark);
    canvas.addEventListener("pointermove", (event) => page.hover(point(event)));
    canvas.addEventListener("pointerleave", () => page.hover(null));
    canvas.addEventListener("click", (event) => {
      const { row, column } = point(event);
      page.set({ row, column });
    });
    page.stage.append(make("div", { class: "dx-picture" }, box, make("div", { class: "dx-caption" }, make("strong", {}, title), make("br"), note)));
  };
  page.stage.classList.add("dx-pairs");
  show("the scene", `${SIZE} × ${SIZE} pixels`, (i) => [...picture.subarray(3 * i, 3 * i + 3)]);
  show("the truth", "it was composed, so it is known", (i) => COLORS[truth[i]]);
  page.stage.append(make("div", { class: "dx-break" }));
  for (const way of sheet.ways) {
    const said = scores[way].map(best);
    const wrong = said.filter((label, i) => label !== truth[i]).length;
    const color = {
      classes: (i) => COLORS[said[i]],
      wrong: (i) => (said[i] === truth[i] ? COLORS[truth[i]].map((c) => 235 - (235 - c) / 5) : WRONG),
      doubt: (i) => Array(3).fill(255 * (1 - Math.max(...scores[way][i]))),
    }[mode];
    show(NAMES[way], `${wrong} of ${SIZE * SIZE} pixels wrong`, color);
  }
  page.stage.append(make("div", { class: "dx-break" }));
  const table = page.stage.appendChild(make("table", { class: "dx-table" }));
  const swatch = (k) => make("span", { "aria-hidden": true, style: `display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.4em; background: rgb(${COLORS[k]})` });

  page.explain = (at) => {
    const { row, column } = at ?? { row: page.get("row"), column: page.get("column") };
    const i = row * SIZE + column;
    for (const mark of marks)
      mark.setAttribute("style", `top: ${(100 * (row - 1)) / SIZE}%; left: ${(100 * (column - 1)) / SIZE}%; width: ${300 / SIZE}%; height: ${300 / SIZE}%`);
    table.replaceChildren(
      make("caption", {}, `scores at row ${row}, column ${column}`),
      make("tr", {}, make("td", {}), ...sheet.ways.map((way) => make("th", { scope: "col" }, NAMES[way]))),
      ...sheet.classes.map((name, k) =>
        make(
          "tr",
          {},
          make("th", { scope: "row" }, swatch(k), name, k === truth[i] ? " (true)" : ""),
          ...sheet.ways.map((way) => make("td", { class: best(scores[way][i]) === k ? "dx-now" : undefined }, percent(scores[way][i][k]))),
        ),
      ),
    );
    const right = sheet.ways.filter((way) => best(scores[way][i]) === truth[i]);
    return `Row ${row}, column ${column}: the truth is ${sheet.classes[truth[i]]}. ${right.length === 0 ? "No network says so" : right.length === sheet.ways.length ? "All four networks say so" : `Right: ${right.map((way) => NAMES[way]).join(", ")}`}.`;
  };
  page.prose(
    "Networks of one seed, of nearly the same size, trained for the same time. Scores are rounded to fifteenths. Click a pixel to keep it, or set row and column.",
  );
}

export default explorer({
  label: "Segmentation explorer",
  controls,
  draw,
  start: { key: "", row: 0, column: 0 },
});
