// The ladder of sizes: down an encoder, up its mirror, and the rungs on which the two differ.
import { count, explorer, make, svg } from "./common.mjs";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "height", "label": "Image height", "symbol": "H", "value": 27, "min": 5, "max": 40},
  {"name": "width", "label": "Image width", "symbol": "W", "value": 32, "min": 5, "max": 40},
  {"name": "kernel", "label": "Kernel", "symbol": "k", "value": 3, "min": 1, "max": 7},
  {"name": "pool", "label": "Pooling", "symbol": "s", "value": 2, "min": 2, "max": 3},
  {"name": "blocks", "label": "Blocks", "value": 2, "min": 1, "max": 3},
  {"name": "padding", "label": "Padding", "value": "same", "options": [
    {"value": "same", "label": "⌊k/2⌋ zeros a side"},
    {"value": "none", "label": "none"}
  ]},
  {"name": "back", "label": "Unpool to", "value": "scaled", "options": [
    {"value": "scaled", "label": "s times the size"},
    {"value": "remembered", "label": "the size remembered"}
  ]}
];

export const paddingOf = (padding, kernel) => (padding === "same" ? Math.floor(kernel / 2) : 0);

// Along one axis. Level 0 is the image, then each block has two: after its convolution, after its pooling. `down` ends
// early, and `up` is null, where a step does not fit. `lost`: what the last full window of each pooling leaves over.
export function ladder(n, { kernel, padding, pool, blocks, back }) {
  const p = paddingOf(padding, kernel);
  const down = [n];
  const lost = [];
  for (let level = 1; level <= 2 * blocks; level++) {
    const before = down[level - 1];
    const after = level % 2 ? before + 2 * p - kernel + 1 : Math.floor(before / pool);
    if (after < 1) return { down, lost, up: null };
    if (level % 2 === 0) lost.push(before % pool);
    down.push(after);
  }
  const up = [...down];
  for (let level = 2 * blocks; level > 0; level--)
    if (level % 2) up[level - 1] = up[level] - 2 * p + kernel - 1;
    else up[level - 1] = back === "remembered" ? down[level - 1] : pool * up[level];
  return { down, lost, up };
}

// What the image lacks at the end when unpooling only scales: what pooling 1 lost, s times what pooling 2 lost, ...
export const missing = (lost, pool) => lost.reduce((sum, r, b) => sum + r * pool ** b, 0);

const SIDE = 76;
const times = ([rows, columns]) => `${rows} × ${columns}`;
const rowsAndColumns = ([rows, columns]) => `${count(rows, "row")} and ${count(columns, "column")}`;
const some = (pair) => pair.flatMap((n, axis) => (n ? [count(n, ["row", "column"][axis])] : [])).join(" and ");

// A map to scale. `strip`: how much at its lower and right edge no window holds; `ghost`: the size it should have.
function picture(size, scale, { strip = [0, 0], ghost = null, kind = "" } = {}) {
  const [h, w] = size.map((n) => n * scale);
  const [H, W] = (ghost ?? size).map((n, axis) => Math.max(n, size[axis]) * scale);
  const parts = [svg("rect", { x: 1, y: 1, width: w, height: h, class: `dx-map ${kind}`.trim() })];
  const [rows, columns] = strip.map((n) => (n ? Math.max(n * scale, 2.5) : 0));
  if (rows) parts.push(svg("rect", { x: 1, y: 1 + h - rows, width: w, height: rows, class: "dx-lost" }));
  if (columns) parts.push(svg("rect", { x: 1 + w - columns, y: 1, width: columns, height: h, class: "dx-lost" }));
  if (ghost) parts.push(svg("rect", { x: 1, y: 1, width: ghost[1] * scale, height: ghost[0] * scale, class: "dx-ghost" }));
  return svg("svg", { width: W + 2, height: H + 2, viewBox: `0 0 ${W + 2} ${H + 2}`, "aria-hidden": "true" }, ...parts);
}

function draw(page) {
  const state = Object.fromEntries(controls.map(({ name }) => [name, page.get(name)]));
  const { kernel: k, pool: s, blocks } = state;
  const p = paddingOf(state.padding, k);
  const [rows, columns] = ["height", "width"].map((name) => ladder(state[name], state));
  const fits = Boolean(rows.up && columns.up);
  const levels = Math.min(rows.down.length, columns.down.length);
  const left = Array.from({ length: levels }, (_, level) => [rows.down[level], columns.down[level]]);
  const right = fits ? left.map((_, level) => [rows.up[level], columns.up[level]]) : [];
  const equal = (level) => String(left[level]) === String(right[level]);
  const last = 2 * blocks;
  const block = (level) => Math.ceil(level / 2);
  const lostAt = (b) => [rows.lost[b - 1] ?? 0, columns.lost[b - 1] ?? 0];
  const strip = (level) => (level % 2 && level + 1 < levels ? lostAt(block(level)) : [0, 0]);
  const most = Math.max(...left.flat(), ...right.flat());
  const scale = Math.min(SIDE / most, 6);

  const what = (level) => (level === 0 ? "image" : level % 2 ? `after convolution ${block(level)}` : `after pooling ${block(level)}`);
  const back = (level) => (level === 0 ? "the mirror’s image" : level === last ? "features" : `mirror of ${what(level)}`);
  const grid = page.grid({
    key: "ladder",
    title: "rows × columns on every level; drawn to scale",
    label: `Sizes on ${levels} levels, encoder and mirror`,
    rows: levels,
    columns: fits ? 2 : 1,
    cell: (level, side) => ({
      text: times((side ? right : left)[level]),
      kind: side && !equal(level) ? "dx-unequal" : "",
      label: `${side ? back(level) : what(level)}: ${rowsAndColumns((side ? right : left)[level])}`,
    }),
  });
  const arrow = (level) =>
    level % 2
      ? ["↓", `convolution ${k}×${k}`, `transposed convolution ${k}×${k}`, "↑"]
      : ["↓", `max-pooling ${s}×${s}`, "unpooling", "↑"];
  grid.nodes.forEach((nodes, level) => {
    nodes[0].prepend(picture(left[level], scale, { strip: strip(level) }));
    nodes[1]?.prepend(picture(right[level], scale, equal(level) ? {} : { ghost: left[level], kind: "dx-short" }));
    const row = nodes[0].parentNode;
    const sign = !fits ? "" : level === last ? "→" : equal(level) ? "=" : "≠";
    const mark = make("span", { class: `dx-rung ${sign === "=" ? "dx-good" : sign === "≠" ? "dx-bad" : ""}`, "aria-hidden": true }, sign);
    nodes[0].after(mark);
    if (level === 0) return;
    const [down, first, second, up] = arrow(level);
    const between = make("div", { class: "dx-between", "aria-hidden": true }, make("span", {}, `${first} `, make("b", {}, down)));
    if (fits) between.append(make("span"), make("span", {}, make("b", {}, up), ` ${second}`));
    row.before(between);
  });
  const heads = make("div", { class: "dx-between dx-heads", "aria-hidden": true }, make("span", {}, "encoder"));
  if (fits) heads.append(make("span"), make("span", {}, "mirror"));
  grid.element.prepend(heads);
  page.legend(["dx-key-lost", "in no pooling window"], ["dx-key-ghost", "the encoder’s size on that level"]);

  let verdict;
  if (!fits) {
    page.refused = true;
    const small = ["rows", "columns"].find((_, axis) => [rows, columns][axis].down.length === levels);
    const n = left.at(-1)[small === "rows" ? 0 : 1];
    verdict = `${levels % 2 ? "Convolution" : "Pooling"} ${block(levels)} does not fit: it takes ${levels % 2 ? k : s} ${small} at once, and its map has ${n}. Take a larger image, ${levels % 2 ? "a smaller kernel" : "a smaller pooling"} or fewer blocks.`;
  } else {
    const lost = rows.lost.map((_, b) => some(lostAt(b + 1)));
    const where = lost.flatMap((text, b) => (text ? [`pooling ${b + 1} leaves out ${text}`] : []));
    verdict = equal(0)
      ? `The image’s size returns: ${times(left[0])}. ` +
        (where.length === 0 ? "Every pooling divides its map evenly." : `Yet ${where.join(", ")}: what stood there is lost, only the room for it returns.`)
      : `The size does not return: the mirror gives ${times(right[0])}, the image is ${times(left[0])}. ${where.join(", ").replace(/^p/, "P")}.`;
    const sum = (name, { lost: r, down, up }) => {
      const symbols = r.map((_, b) => ["r₁", `${s}·r₂`, `${s * s}·r₃`][b]).join(" + ");
      const numbers = r.map((value, b) => (b ? `${s ** b}·${value}` : value)).join(" + ");
      return `${name} that pooling leaves out, counted in the image: ${symbols} = ${numbers}${r.length > 1 ? ` = ${missing(r, s)}` : ""}`;
    };
    page.formula(sum("rows", rows), sum("columns", columns));
    page.prose(
      state.back === "scaled"
        ? "Here r is what a pooling leaves over, one for each block. A transposed convolution undoes the size of its convolution exactly: only poolings can lose something, and that much is missing at the end."
        : "Here r is what a pooling leaves over, one for each block. The size before each pooling is kept and given to the unpooling, and nothing is missing at the end.",
    );
  }

  const both = (text) => `${text(0)} rows, ${text(1)} columns`;
  const through = (from, to, sign) =>
    both((axis) => `${from[axis]}${p ? ` ${sign === 1 ? "+" : "−"} 2·${p}` : ""} ${sign === 1 ? "−" : "+"} ${k} ${sign === 1 ? "+" : "−"} 1 = ${to[axis]}`);

  page.explain = (point) => {
    if (!point) return verdict;
    const { row: level, column: side } = point;
    grid.paint((i, j) => {
      if (i === level && j === side) return { mark: "dx-chosen" };
      return i === level || (j === side && i === level + (side ? 1 : -1)) ? { mark: "dx-read" } : undefined;
    });
    if (!fits || (level === 0 && side)) return verdict;
    const b = block(level);
    if (!side) {
      if (level === 0) return `The image: ${rowsAndColumns(left[0])}. ${verdict}`;
      if (level % 2) return `Convolution ${b}: ${through(left[level - 1], left[level], 1)}.`;
      const lost = some(lostAt(b));
      return `Pooling ${b}: ${both((axis) => `⌊${left[level - 1][axis]} / ${s}⌋ = ${left[level][axis]}`)}. ${lost ? `${lost} at the end ${/^1 \w+$/.test(lost) ? "is" : "are"} in no window.` : "Every row and column is in a window."}`;
    }
    if (level === last) return `The features, ${times(right[level])}: here the mirror begins.`;
    if (level % 2 === 0) return `Transposed convolution ${b + 1}: ${through(right[level + 1], right[level], -1)}. ${equal(level) ? "As in the encoder." : `The encoder has ${times(left[level])} here.`}`;
    if (state.back === "remembered") {
      const lost = some(lostAt(b));
      return `Unpooling ${b} is told the size it had: ${rowsAndColumns(right[level])}. ${lost ? `The last ${lost.replaceAll(/\b1 /g, "")} ${/^1 \w+$/.test(lost) ? "stays" : "stay"} 0: no switch points there.` : ""}`;
    }
    const moved = right[level][1] !== left[level][1];
    return (
      `Unpooling ${b}: ${both((axis) => `${s}·${right[level + 1][axis]} = ${right[level][axis]}`)}. ${equal(level) ? "As in the encoder." : `The encoder has ${times(left[level])} here.`}` +
      (moved ? ` Switches number the cells along rows of ${left[level][1]}: in rows of ${right[level][1]} they point to other cells.` : "")
    );
  };
}

export default explorer({
  label: "Mirror network explorer",
  controls,
  draw,
  start: { key: "ladder", row: 0, column: 1 },
});
