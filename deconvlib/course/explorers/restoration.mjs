// A wipe: two versions of a photograph on top of each other, spoiled, repaired, true, and a line between them that moves.
// The pictures were made beforehand by book/sheets.py; explorers.py puts them in place of the second import.
import { explorer, make, number, sheetPicture } from "./common.mjs";
import { images, sheet } from "./restoration.sheet";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "line", "label": "Line, percent from the left", "value": 50, "min": 0, "max": 100},
  {"name": "photograph", "label": "Photograph", "value": "astronaut", "options": [
    {"value": "astronaut", "label": "astronaut"},
    {"value": "china_CCBY", "label": "temple"},
    {"value": "coins", "label": "coins"},
    {"value": "flower_CCBY", "label": "flower"}
  ]},
  {"name": "damage", "label": "Damage", "value": "denoise-25", "options": [
    {"value": "denoise-25", "label": "noise, sigma 25"},
    {"value": "deblur-gaussian", "label": "Gaussian blur"},
    {"value": "deblur-motion", "label": "motion blur"},
    {"value": "enlarge-3", "label": "3 times smaller"}
  ]},
  {"name": "left", "label": "Left of the line", "value": "classical", "options": [
    {"value": "observed", "label": "spoiled"},
    {"value": "classical", "label": "classical"},
    {"value": "network", "label": "network"},
    {"value": "truth", "label": "truth"}
  ]},
  {"name": "right", "label": "Right of the line", "value": "network", "options": [
    {"value": "observed", "label": "spoiled"},
    {"value": "classical", "label": "classical"},
    {"value": "network", "label": "network"},
    {"value": "truth", "label": "truth"}
  ]},
  {"name": "show", "label": "Show", "value": "picture", "options": [
    {"value": "picture", "label": "pictures"},
    {"value": "error", "label": "errors"}
  ]}
];

const CLASSICAL = {
  "denoise-25": "sliding cosine transform",
  "deblur-gaussian": "total variation",
  "deblur-motion": "total variation",
  "enlarge-3": "back-projection",
};

function draw(page) {
  const [line, photograph, damage, show] = ["line", "photograph", "damage", "show"].map((name) => page.get(name));
  const words = Object.fromEntries(controls.map(({ name, options }) => [name, options?.find((option) => option.value === page.get(name))?.label]));
  const scores = sheet.scores[photograph][damage];
  const error = show === "error";
  const named = { observed: "spoiled", classical: CLASSICAL[damage], network: "network", truth: "truth" };
  const note = (version) => (version === "truth" ? "as it was" : `${number(scores[version].toFixed(1))} dB`);

  // The canvas of one version; the error of the truth is gray all over.
  const canvas = (version) => {
    if (error && version === "truth") return make("canvas", { width: 1, height: 1, role: "img", "aria-label": "truth, no error", class: "dx-no-error" });
    const key = version === "truth" ? `photograph/${photograph}` : `${photograph}/${damage}/${version}${error ? "/error" : ""}`;
    const title = error ? `error of ${named[version]}` : named[version];
    return sheetPicture({ images, title, note: note(version), place: sheet.places[key] }).querySelector("canvas");
  };
  const [left, right] = ["left", "right"].map((side) => page.get(side));
  const [below, above] = [canvas(left), canvas(right)];
  const edge = make("div", { class: "dx-wipe-line", "aria-hidden": true });
  const box = make("div", { class: "dx-frame-box dx-wipe" }, below, above, edge);
  const place = (percent) => {
    above.style.clipPath = `inset(0 0 0 ${percent}%)`;
    edge.style.left = `${percent}%`;
  };
  place(line);

  // While the pointer is down only the line moves; the control hears of it at the end.
  const percent = (event) => {
    const { left: start, width } = box.getBoundingClientRect();
    return Math.round(Math.min(100, Math.max(0, (100 * (event.clientX - start)) / width)));
  };
  box.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    box.setPointerCapture(event.pointerId);
    place(percent(event));
  });
  box.addEventListener("pointermove", (event) => {
    if (box.hasPointerCapture(event.pointerId)) place(percent(event));
  });
  box.addEventListener("pointerup", (event) => page.set({ line: percent(event) }));

  const side = (name, version) => make("div", {}, make("strong", {}, `${name}: ${named[version]}`), make("br"), note(version));
  const caption = make("div", { class: "dx-caption dx-wipe-caption" }, side("left", left), side("right", right));
  page.stage.append(make("div", { class: "dx-picture dx-sheet dx-wipe-sheet" }, box, caption));
  const better = scores.network - scores.classical;
  page.explain = () =>
    `${words.photograph}, ${words.damage}: left of the line ${named[left]}, right of it ${named[right]}${error ? "; shown are their errors" : ""}. ` +
    `In the whole photograph the ${CLASSICAL[damage]} has ${number(scores.classical.toFixed(1))} dB, the network ${number(scores.network.toFixed(1))} dB, ` +
    `${number(Math.abs(better).toFixed(1))} dB ${better < 0 ? "less" : "more"}.`;
  page.prose(
    `${error ? "An error is the picture less the truth, three times enlarged: gray is none, white too bright, black too dark. " : ""}` +
    `No network was trained on these photographs. A part of 128 × 128 pixels is shown. Photograph: ${sheet.credits[photograph]}.`,
  );
}

export default explorer({
  label: "Restoration explorer",
  controls,
  draw,
  start: { key: "", row: 0, column: 0 },
});
