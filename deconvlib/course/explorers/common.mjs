// What the explorers share: controls, grids of numbers that can be pointed at, status text.
// The static page imports this file. For anywidget, explorers.py puts its text in place of the import line.

const MINUS = "\u2212";

export const number = (value) =>
  value === Infinity ? "\u221e" : String(value).replace("-", MINUS);

export const factor = (value) => (value < 0 ? `(${number(value)})` : number(value));

export const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

export const table = (rows, columns, value) =>
  Array.from({ length: Math.max(0, rows) }, (_, i) =>
    Array.from({ length: Math.max(0, columns) }, (_, j) => value(i, j)),
  );

export const cells = function* (rows, columns) {
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) yield [i, j];
};

// The cells that a dilated kernel spans, and the places a window takes along an axis (0: it does not fit).
export const windowSpan = (kernel, dilation) => dilation * (kernel - 1) + 1;

export function windowCount(n, kernel, stride, padding = 0, dilation = 1) {
  const room = n + 2 * padding - windowSpan(kernel, dilation);
  return room < 0 ? 0 : Math.floor(room / stride) + 1;
}

export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const SVG = "http://www.w3.org/2000/svg";
export function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// A small chart: lines [{ points, kind }], stems [{ at, kind }] from 0, dots [{ at, kind }], ticks on the left and words below.
export function chart({ title, label, lines, stems = [], dots = [], x: [x0, x1], y: [y0, y1], ticks, below, height = 138 }) {
  const [left, right, top, bottom] = [34, 312, 8, height - 22];
  const across = (x) => (left + ((right - left) * (x - x0)) / (x1 - x0)).toFixed(1);
  const down = (y) => (bottom - ((bottom - top) * (Math.min(Math.max(y, y0), y1) - y0)) / (y1 - y0)).toFixed(1);
  const parts = [];
  for (const [value, text] of ticks) {
    parts.push(svg("line", { x1: left, x2: right, y1: down(value), y2: down(value), class: "dx-rule" }));
    parts.push(svg("text", { x: left - 5, y: +down(value) + 4, "text-anchor": "end" }, text));
  }
  for (const { points, kind } of lines)
    parts.push(svg("polyline", { points: points.map(([x, y]) => `${across(x)},${down(y)}`).join(" "), class: kind }));
  for (const { at, kind } of stems) parts.push(svg("line", { x1: across(at[0]), x2: across(at[0]), y1: down(0), y2: down(at[1]), class: kind }));
  for (const { at, kind, r = 4.5 } of dots) parts.push(svg("circle", { cx: across(at[0]), cy: down(at[1]), r, class: kind }));
  parts.push(svg("text", { x: left, y: height - 5 }, below[0]), svg("text", { x: right, y: height - 5, "text-anchor": "end" }, below[1]));
  const figure = svg("svg", { viewBox: `0 0 320 ${height}`, role: "img", "aria-label": label }, ...parts);
  return make("div", { class: "dx-chart" }, make("div", { class: "dx-title", "aria-hidden": true }, title), figure);
}

// A picture from a pre-computed sheet: `place` is [image, x, y, width, height]; `frame` marks top, left, bottom, right in
// it. An image is decoded once, and its pictures are drawn as soon as it is there.
const decoded = new Map();
export function sheetPicture({ images, title, note, place: [k, x, y, width, height], frame }) {
  const canvas = make("canvas", { width, height, role: "img", "aria-label": `${title}, ${note}`, style: `image-rendering: ${Math.max(width, height) > 64 ? "auto" : "pixelated"}` });
  const paint = (image) => canvas.getContext("2d").drawImage(image, x, y, width, height, 0, 0, width, height);
  const known = decoded.get(images[k]);
  if (known?.complete && known.naturalWidth) paint(known);
  else {
    const image = known ?? Object.assign(new Image(), { src: images[k] });
    decoded.set(images[k], image);
    image.addEventListener("load", () => paint(image));
  }
  const box = make("div", { class: "dx-frame-box" }, canvas);
  if (frame) {
    const [top, left, bottom, right] = frame;
    const part = (value, whole) => `${(100 * value) / whole}%`;
    const style = `top: ${part(top, height)}; left: ${part(left, width)}; width: ${part(right - left, width)}; height: ${part(bottom - top, height)}`;
    box.append(make("div", { class: "dx-frame", style, "aria-hidden": true }));
  }
  return make("div", { class: "dx-picture dx-sheet" }, box, make("div", { class: "dx-caption" }, make("strong", {}, title), make("br"), note));
}

// Two figures: 0.018, or 1.8·10⁻⁵.
export function amount(value) {
  if (value === 0) return "0";
  const power = Math.floor(Math.log10(Number(value.toPrecision(2))) + 1e-9);
  if (power > -4 && power < 3) return String(Number(value.toPrecision(2)));
  const raised = [...String(power)].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("");
  const first = String(Number((value / 10 ** power).toPrecision(2)));
  return first === "1" ? `10${raised}` : `${first}·10${raised}`;
}

// The same numbers each time: a small generator of uniform ones, and Box and Muller's way to normal ones.
export function normals(count, state = 4) {
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return Float64Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
}

// Single letters are variables, and set in italics; the article "a" is no variable.
const formulaParts = (text) =>
  text.split(/(?<![\p{L}_’])([b-zB-Z])(?![\p{L}_])/u).map((part, k) => (k % 2 ? make("i", {}, part) : part));

// A formula breaks at its equals signs only.
const formulaLine = (text) =>
  text.split(/(?= = )/).flatMap((part, k) => [k ? " " : "", make("span", { class: "dx-part" }, ...formulaParts(part.trim()))]);

const KEY_STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

class Grid {
  constructor(page, { key, title, label, rows, columns, cell, edit }) {
    Object.assign(this, { page, key, rows, columns, edit });
    this.nodes = table(rows, columns, (i, j) => this.#cell(i, j, cell(i, j)));
    this.base = this.nodes.map((row) => row.map((node) => node.className));
    this.element = make(
      "div",
      { class: columns > 13 ? "dx-grid dx-dense" : "dx-grid", role: "grid", "aria-label": label, "data-grid": key, style: `--columns: ${columns}` },
      ...this.nodes.map((row) => make("div", { class: "dx-row", role: "row" }, ...row)),
    );
    this.figure = make(
      "div",
      { class: "dx-figure" },
      make("div", { class: "dx-title", "aria-hidden": true }, ...formulaParts(title)),
      this.element,
    );
    // Moves, and not "over": drawing again under a resting pointer must not take the attention from the keys.
    this.element.addEventListener("pointermove", (event) => page.hover(this.#place(event)));
    this.element.addEventListener("pointerleave", () => page.hover(null));
    this.element.addEventListener("pointerdown", (event) => {
      const place = this.#place(event);
      if (place) this.focus(place.row, place.column, event);
    });
    this.element.addEventListener("focusin", (event) => {
      const place = this.#place(event);
      if (place) page.pin(place);
    });
    page.keys.set(this.element, (event) => this.#key(event));
  }

  #cell(i, j, { text, kind = "", label, value }) {
    const attributes = { class: `dx-cell ${kind}`.trim(), role: "gridcell", "data-row": i, "data-column": j };
    attributes["data-value"] = value ?? text;
    if (!this.edit) return make("div", { ...attributes, tabindex: -1, "aria-label": label }, make("span", {}, text));
    const field = make("input", {
      type: "text", inputmode: "numeric", autocomplete: "off", maxlength: 3, value: text, tabindex: -1, "aria-label": label,
    });
    field.addEventListener("focus", () => field.select());
    // A click selects all of a number too, so that typing replaces it.
    field.addEventListener("mousedown", (event) => {
      event.preventDefault();
      field.focus();
      field.select();
    });
    // Later, because an edit draws everything again, and the focus may be on its way to another cell.
    field.addEventListener("change", () => setTimeout(() => this.edit(i, j, field)));
    return make("div", attributes, field);
  }

  #place(event) {
    const node = event.target.closest?.(".dx-cell");
    return node ? { key: this.key, row: +node.dataset.row, column: +node.dataset.column } : null;
  }

  #key(event) {
    const place = this.#place(event);
    if (!place) return;
    const field = this.edit && event.target;
    if (field && event.key === "Enter") return this.edit(place.row, place.column, field);
    let { row, column } = place;
    if (event.key === "Home") column = 0;
    else if (event.key === "End") column = this.columns - 1;
    else if (event.key in KEY_STEPS) {
      row += KEY_STEPS[event.key][0];
      column += KEY_STEPS[event.key][1];
    } else return;
    event.preventDefault();
    row = Math.min(Math.max(row, 0), this.rows - 1);
    column = Math.min(Math.max(column, 0), this.columns - 1);
    this.focus(row, column);
  }

  // The element of a cell that takes the focus: the cell itself, or the field in it.
  target(row, column) {
    const node = this.nodes[row]?.[column];
    return node && (this.edit ? node.firstChild : node);
  }

  focus(row, column, event) {
    this.target(row, column).focus({ preventScroll: Boolean(event) });
  }

  // One cell of a grid is in the tab order; the arrow keys reach the others.
  rove(row, column) {
    for (const [i, j] of cells(this.rows, this.columns))
      this.target(i, j).tabIndex = i === row && j === column ? 0 : -1;
  }

  // Marks some cells; `marks(i, j)` gives nothing, or { mark, note }.
  paint(marks) {
    for (const [i, j] of cells(this.rows, this.columns)) {
      const { mark = "", note = "" } = marks(i, j) ?? {};
      const node = this.nodes[i][j];
      node.className = `${this.base[i][j]} ${mark}`.trim();
      if (note === "") delete node.dataset.note;
      else node.dataset.note = note;
    }
  }
}

class Page {
  constructor({ model, el, label, controls, draw, start }) {
    Object.assign(this, { model, el, controls, draw, start });
    this.uid = Math.random().toString(36).slice(2, 9);
    this.keys = new WeakMap();
    this.pinned = start;
    this.hovered = null;
    this.fields = {};
    const named = { class: "dx", role: "group", "aria-label": label };
    this.panel = make("div", { class: "dx-controls" }, ...controls.map((control) => this.#control(control)));
    this.stage = make("div", { class: "dx-stage" });
    this.legendRow = make("div", { class: "dx-legend" });
    this.status = make("p", { class: "dx-status", role: "status" });
    this.formulas = make("div", { class: "dx-formulas" });
    el.classList.add("deconv-explorer");
    el.replaceChildren(
      make("div", named, this.panel, this.stage, this.legendRow, this.status, this.formulas),
    );
  }

  get(name) {
    return this.model.get(name);
  }

  set(values) {
    for (const [name, value] of Object.entries(values)) this.model.set(name, value);
    this.model.save_changes();
  }

  #control(control) {
    return control.options ? this.#choice(control) : this.#range(control);
  }

  #range({ name, label, symbol, min, max }) {
    const id = `dx-${this.uid}-${name}`;
    const shown = make("span", { class: "dx-value", "aria-hidden": true });
    const field = make("input", { type: "range", id, name, min, max, step: 1 });
    // At its right end a control whose end depends on the others (stamps) means: all of them.
    field.addEventListener("input", () => this.set({ [name]: field.value === field.max ? max : +field.value }));
    this.fields[name] = () => {
      field.value = this.get(name);
      shown.textContent = field.value;
      field.style.setProperty("--part", (field.value - field.min) / Math.max(1, field.max - field.min));
    };
    const caption = make("label", { for: id }, label, ...(symbol ? [" ", make("i", {}, symbol)] : []));
    return make("div", { class: "dx-range" }, caption, shown, field);
  }

  #choice({ name, label, options }) {
    const radios = options.map(({ value, label: text }) => {
      const id = `dx-${this.uid}-${name}-${value}`;
      const field = make("input", { type: "radio", id, name: `dx-${this.uid}-${name}`, value });
      field.addEventListener("change", () => this.set({ [name]: value }));
      const badge = make("span", { class: "dx-badge", "data-badge": value });
      return make("div", { class: "dx-option" }, field, make("label", { for: id }, text, badge));
    });
    this.fields[name] = () => {
      for (const option of radios) option.firstChild.checked = option.firstChild.value === this.get(name);
    };
    return make("fieldset", { class: "dx-choice", "data-choice": name }, make("legend", {}, label), ...radios);
  }

  // Everything again, after a change of state; the focus stays where it was.
  redraw() {
    const focused = this.el.getRootNode().activeElement;
    const inGrid = focused && this.stage.contains(focused) && this.pinned;
    for (const show of Object.values(this.fields)) show();
    this.grids = {};
    this.stage.replaceChildren();
    this.legendRow.replaceChildren();
    this.formulas.replaceChildren();
    this.hovered = null;
    this.explain = () => "";
    this.refused = false;
    this.draw(this);
    this.#settle();
    if (inGrid && this.grids[this.pinned?.key]) this.grids[this.pinned.key].focus(this.pinned.row, this.pinned.column, true);
  }

  #settle() {
    const clamp = ({ key, row, column }) => {
      const grid = this.grids[key];
      if (!grid) return null;
      return { key, row: Math.min(row, grid.rows - 1), column: Math.min(column, grid.columns - 1) };
    };
    this.pinned = (this.pinned && clamp(this.pinned)) ?? clamp(this.start);
    for (const [key, grid] of Object.entries(this.grids))
      grid.rove(...(this.pinned?.key === key ? [this.pinned.row, this.pinned.column] : [0, 0]));
    this.#tell();
  }

  #tell() {
    const point = this.hovered ?? this.pinned;
    for (const grid of Object.values(this.grids)) grid.paint(() => undefined);
    const text = this.explain(point);
    this.status.replaceChildren(...formulaParts(text));
    this.status.classList.toggle("dx-refused", Boolean(this.refused));
  }

  hover(place) {
    const same = (a, b) => a?.key === b?.key && a?.row === b?.row && a?.column === b?.column;
    if (same(place, this.hovered)) return;
    this.hovered = place;
    this.#tell();
  }

  pin(place) {
    this.pinned = place;
    this.hovered = null;
    if (!this.grids?.[place.key]) return;
    this.grids[place.key].rove(place.row, place.column);
    this.#tell();
  }

  // For the explorers' `draw`:
  grid(options) {
    const grid = new Grid(this, options);
    this.grids[options.key] = grid;
    this.stage.append(grid.figure);
    return grid;
  }

  sign(text) {
    this.stage.append(make("div", { class: "dx-sign", "aria-hidden": true }, text));
  }

  legend(...entries) {
    for (const [kind, text, note] of entries) {
      const sample = make("span", { class: `dx-cell ${kind}`, "data-note": note });
      this.legendRow.append(make("span", { class: "dx-key" }, sample, text));
    }
  }

  formula(...lines) {
    for (const line of lines) this.formulas.append(make("p", {}, ...formulaLine(line)));
  }

  prose(text) {
    this.formulas.append(make("p", {}, ...formulaParts(text)));
  }

  badge(value, text, kind) {
    const node = this.panel.querySelector(`[data-badge="${value}"]`);
    node.textContent = text;
    node.className = `dx-badge ${kind}`;
  }

  key(event) {
    const path = event.composedPath();
    if (!path.includes(this.el) || event.ctrlKey || event.metaKey || event.altKey) return;
    // Notebooks listen on the document, and would take the arrow keys (and letters) for commands.
    event.stopPropagation();
    for (const node of path.slice(0, path.indexOf(this.el))) this.keys.get(node)?.(event);
  }
}

// The anywidget module of one explorer. `draw(page)` builds grids and formulas from the state.
export function explorer({ label, controls, watched = [], draw, start }) {
  return {
    render({ model, el }) {
      const page = new Page({ model, el, label, controls, draw, start });
      const names = [...controls.map(({ name }) => name), ...watched];
      const redraw = () => page.redraw();
      const key = (event) => page.key(event);
      for (const name of names) model.on(`change:${name}`, redraw);
      window.addEventListener("keydown", key, true);
      page.redraw();
      return () => {
        window.removeEventListener("keydown", key, true);
        for (const name of names) model.off(`change:${name}`, redraw);
      };
    },
  };
}

// Small numbers that are easy to multiply; a grid of any size is the top left corner of these.
const INPUT = ["21031241", "04213022", "31502143", "12340215", "50123104", "23014232", "14205312", "02431025"];
const KERNEL = [[1, 2, -1, 1, 0], [0, 1, 3, -1, 2], [2, -1, 1, 0, 1], [1, 0, 2, 1, -2], [-1, 1, 0, 2, 1]];

export const inputValues = (rows, columns) => table(rows, columns, (i, j) => Number(INPUT[i][j]));
export const kernelValues = (rows, columns) => table(rows, columns, (i, j) => KERNEL[i][j]);
