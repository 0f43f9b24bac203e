// Unpooling: pool, enlarge by the chosen rule, pool again and compare.
import { cells, count, explorer, number, table, windowCount } from "./common.mjs";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "height", "label": "Input height", "symbol": "H", "value": 5, "min": 2, "max": 7},
  {"name": "width", "label": "Input width", "symbol": "W", "value": 7, "min": 2, "max": 7},
  {"name": "kernel_height", "label": "Window height", "symbol": "K", "value": 3, "min": 1, "max": 4},
  {"name": "kernel_width", "label": "Window width", "symbol": "L", "value": 3, "min": 1, "max": 4},
  {"name": "stride", "label": "Stride", "symbol": "s", "value": 2, "min": 1, "max": 4},
  {"name": "repair", "label": "Go back by", "value": "sliding_max", "options": [
    {"value": "sliding_max", "label": "the article’s sliding maximum"},
    {"value": "nearest", "label": "nearest neighbor"},
    {"value": "switches", "label": "switches"},
    {"value": "min", "label": "minimum over the windows"},
    {"value": "mean", "label": "adjoint of the mean"}
  ]}
];

const START = [
  [3, 1, 4, 1, 5, 2, 6],
  [5, 8, 2, 7, 0, 3, 1],
  [2, 4, 6, 1, 9, 4, 5],
  [7, 3, 0, 5, 2, 8, 3],
  [1, 6, 4, 2, 3, 5, 7],
  [4, 2, 8, 6, 1, 0, 2],
  [9, 5, 3, 4, 7, 6, 1],
];

const LIMIT = 99;

// Each entry: the greatest value of a window, and where it is (the first of equal values wins).
export function pool(x, { kernel: [K, L], stride }) {
  const [H, W] = [x.length, x[0].length];
  const best = table(windowCount(H, K, stride), windowCount(W, L, stride), (i, j) => {
    let at = [i * stride, j * stride];
    for (const [a, b] of cells(K, L)) {
      const [u, v] = [i * stride + a, j * stride + b];
      if (x[u][v] > x[at[0]][at[1]]) at = [u, v];
    }
    return { value: x[at[0]][at[1]], at };
  });
  return { values: best.map((row) => row.map(({ value }) => value)), switches: best.map((row) => row.map(({ at }) => at)) };
}

// `values` over `denominator` is the enlarged map; `sources(u, v)` are the pooled cells a pixel was made from.
export function unpool(y, switches, rule, { kernel: [K, L], stride, size: [H, W] }) {
  const [rows, columns] = [y.length, y[0].length];
  const pooled = [...cells(rows, columns)];
  const holds = (step, i, j, u, v) => u >= i * step && u < i * step + K && v >= j * step && v < j * step + L;
  const rules = {
    sliding_max: {
      size: [rows + K - 1, columns + L - 1],
      sources: (u, v) => pooled.filter(([i, j]) => holds(1, i, j, u, v)),
      combine: (list) => Math.max(...list),
    },
    nearest: {
      size: [H, W],
      sources: (u, v) => [[Math.min(Math.floor(u / stride), rows - 1), Math.min(Math.floor(v / stride), columns - 1)]],
      combine: ([value]) => value,
    },
    switches: {
      size: [H, W],
      sources: (u, v) => pooled.filter(([i, j]) => switches[i][j][0] === u && switches[i][j][1] === v),
      combine: (list) => list.reduce((sum, value) => sum + value, 0),
    },
    min: {
      size: [H, W],
      sources: (u, v) => pooled.filter(([i, j]) => holds(stride, i, j, u, v)),
      combine: (list) => Math.min(...list),
    },
    mean: {
      size: [H, W],
      sources: (u, v) => pooled.filter(([i, j]) => holds(stride, i, j, u, v)),
      combine: (list) => list.reduce((sum, value) => sum + value, 0),
    },
  };
  const { size, sources, combine } = rules[rule];
  const values = table(...size, (u, v) => combine(sources(u, v).map(([i, j]) => y[i][j])));
  return { values, sources, denominator: rule === "mean" ? K * L : 1 };
}

const gcd = (a, b) => (b ? gcd(b, a % b) : Math.abs(a));

export function fraction(value, denominator) {
  if (value === Infinity) return number(value);
  const divisor = gcd(value, denominator);
  const below = denominator / divisor;
  return below === 1 ? number(value / divisor) : `${number(value / divisor)}/${below}`;
}

// The current values: what the reader typed where that reaches, the starting values elsewhere.
const currentValues = (page) =>
  table(page.get("height"), page.get("width"), (i, j) => page.get("values")?.[i]?.[j] ?? START[i][j]);

function draw(page) {
  const [H, W, s] = ["height", "width", "stride"].map((name) => page.get(name));
  const kernel = [page.get("kernel_height"), page.get("kernel_width")];
  const [K, L] = kernel;
  const x = currentValues(page);
  const fits = K <= H && L <= W;
  const rule = page.get("repair");
  const { values: y, switches } = pool(x, { kernel, stride: s });
  const inWindow = (i, j, u, v) => u >= i * s && u < i * s + K && v >= j * s && v < j * s + L;
  const isSwitch = (u, v) => switches.some((row) => row.some(([a, b]) => a === u && b === v));
  const held = (u, v) => y.some((row, i) => row.some((_, j) => inWindow(i, j, u, v)));

  page.grid({
    key: "input",
    title: `x, ${H} × ${W}: type your own`,
    label: `Values x, ${H} by ${W}, editable`,
    rows: H,
    columns: W,
    edit: (i, j, field) => {
      const text = field.value.trim().replace("−", "-");
      if (!/^-?\d{1,2}$/.test(text)) {
        field.value = number(x[i][j]);
        page.status.textContent = `Not changed: x[${i}, ${j}] takes a whole number from −${LIMIT} to ${LIMIT}.`;
        return;
      }
      if (Number(text) === x[i][j]) return;
      const kept = table(Math.max(H, page.get("values")?.length ?? 0), W, (u, v) => x[u]?.[v] ?? page.get("values")?.[u]?.[v] ?? START[u][v]);
      kept[i][j] = Number(text);
      page.set({ values: kept });
    },
    cell: (i, j) => ({
      text: number(x[i][j]),
      value: x[i][j],
      kind: `${fits && isSwitch(i, j) ? "dx-switch" : ""} ${fits && !held(i, j) ? "dx-unread" : ""}`,
      label: `x[${i}, ${j}]${fits && isSwitch(i, j) ? ", a switch" : ""}`,
    }),
  });

  page.stage.classList.add("dx-two-rows");
  page.refused = !fits;
  if (!fits) {
    for (const { options } of page.controls) for (const { value } of options ?? []) page.badge(value, "", "");
    page.explain = () => `The window does not fit: ${K} × ${L} does not go into ${H} × ${W}. There is nothing to pool.`;
    return;
  }

  const [rows, columns] = [y.length, y[0].length];
  const back = (name) => {
    const up = unpool(y, switches, name, { kernel, stride: s, size: [H, W] });
    // A rule whose map is smaller than the window leaves nothing to pool; it cannot happen to these five.
    const again = pool(up.values, { kernel, stride: s }).values;
    const sameSize = again.length === rows && again[0].length === columns;
    const same = (i, j) => i < rows && j < columns && again[i][j] === y[i][j] * up.denominator;
    const differing = [...cells(again.length, again[0].length)].filter(([i, j]) => !same(i, j)).length;
    return { ...up, again, sameSize, same, differing, equal: sameSize && differing === 0 };
  };
  for (const { options } of page.controls)
    for (const { value } of options ?? []) {
      const result = back(value);
      if (result.equal) page.badge(value, "= pools back", "dx-good");
      else if (!result.sameSize) page.badge(value, `≠ pools to ${result.again.length} × ${result.again[0].length}`, "dx-bad");
      else page.badge(value, `≠ in ${result.differing} of ${rows * columns}`, "dx-bad");
    }

  const result = back(rule);
  const { values: u, sources, denominator, again, same } = result;
  const [upRows, upColumns] = [u.length, u[0].length];
  const show = (value) => fraction(value, denominator);
  const plain = (cellName) => (grid) => (i, j) => ({ text: number(grid[i][j]), value: grid[i][j], kind: "dx-result", label: `${cellName}[${i}, ${j}]: ${number(grid[i][j])}` });
  page.sign("→");
  page.grid({ key: "pooled", title: `P(x), pooled, ${rows} × ${columns}`, label: `Pooled map, ${rows} by ${columns}`, rows, columns, cell: plain("P(x)")(y) });
  page.grid({
    key: "unpooled",
    title: `U, made of P(x), ${upRows} × ${upColumns}`,
    label: `Enlarged map U, ${upRows} by ${upColumns}`,
    rows: upRows,
    columns: upColumns,
    cell: (i, j) => ({ text: show(u[i][j]), value: show(u[i][j]), kind: `${u[i][j] === Infinity ? "dx-unread" : ""} ${denominator > 1 ? "dx-small" : ""}`, label: `U[${i}, ${j}]: ${u[i][j] === Infinity ? "infinity" : show(u[i][j])}` }),
  });
  page.sign("→");
  page.grid({
    key: "again",
    title: `P(U), pooled again, ${again.length} × ${again[0].length}`,
    label: `Pooled again, ${again.length} by ${again[0].length}`,
    rows: again.length,
    columns: again[0].length,
    cell: (i, j) => ({
      text: show(again[i][j]),
      value: show(again[i][j]),
      kind: `${same(i, j) ? "dx-same" : "dx-differs"} ${denominator > 1 ? "dx-small" : ""}`,
      label: `P(U)[${i}, ${j}]: ${show(again[i][j])}, ${same(i, j) ? "equal" : "not equal"}`,
    }),
  });

  page.legend(["dx-switch", "switch: the window’s maximum"], ["dx-read", "window"], ["dx-same", "equal to P(x)"], ["dx-differs", "not equal"]);
  if (x.some((row, i) => row.some((_, j) => !held(i, j)))) page.legend(["dx-unread", "in no window"]);

  const verdict = result.equal
    ? "Pooling U gives P(x) back."
    : result.sameSize
      ? `Pooling U does not give P(x) back: ${count(result.differing, "cell")} of ${rows * columns} ${result.differing === 1 ? "differs" : "differ"}.`
      : `Pooling U does not give P(x) back: its size is ${again.length} × ${again[0].length}, not ${rows} × ${columns}.`;
  const meaning = {
    sliding_max: `U holds the greatest pooled value within reach of the window, one cell at a time. It has (${rows} + ${K} − 1) × (${columns} + ${L} − 1) cells, not ${H} × ${W}.`,
    nearest: `U repeats each pooled value ${s} × ${s} times; the last row and column run on to the edge.`,
    switches: "U is 0 but at the switches; values that share a switch add.",
    min: "U holds the least pooled value among the windows that hold a pixel. A pixel in no window is unbounded: ∞.",
    mean: `U spreads each pooled value over its window, 1/${K * L} to each pixel; overlapping windows add.`,
  };
  page.prose(meaning[rule]);

  page.explain = (point) => {
    if (!point) return verdict;
    const { key, row, column } = point;
    const [inputGrid, pooled, up, repooled] = ["input", "pooled", "unpooled", "again"].map((name) => page.grids[name]);
    const only = (mark) => (i, j) => (i === row && j === column ? { mark } : undefined);
    const among = (list) => (i, j) => (list.some(([a, b]) => a === i && b === j) ? { mark: "dx-read" } : undefined);
    const window = (i, j) => (inWindow(row, column, i, j) ? { mark: "dx-read" } : undefined);
    if (key === "pooled") {
      pooled.paint(only("dx-chosen"));
      inputGrid.paint(window);
      up.paint((i, j) => (sources(i, j).some(([a, b]) => a === row && b === column) ? { mark: "dx-read" } : undefined));
      const [a, b] = switches[row][column];
      return `P(x)[${row}, ${column}] = ${number(y[row][column])}, found at x[${a}, ${b}], its switch. ${verdict}`;
    }
    if (key === "again") {
      repooled.paint(only("dx-chosen"));
      up.paint(window);
      pooled.paint(only("dx-read"));
      const known = row < rows && column < columns;
      const relation = !known ? "and P(x) has no such cell" : same(row, column) ? "equal to P(x) there" : `not ${number(y[row][column])}, as in P(x)`;
      return `P(U)[${row}, ${column}] = ${show(again[row][column])}, ${relation}. ${verdict}`;
    }
    if (key === "unpooled") {
      const list = sources(row, column);
      up.paint(only("dx-chosen"));
      pooled.paint(among(list));
      const values = list.map(([i, j]) => number(y[i][j]));
      const made = {
        sliding_max: `max(${values.join(", ")}) = `,
        nearest: "a copy of ",
        switches: list.length > 1 ? `${values.join(" + ")} = ` : "",
        min: list.length ? `min(${values.join(", ")}) = ` : "no window holds this pixel: ",
        mean: list.length ? `(${values.join(" + ")}) / ${denominator} = ` : "",
      };
      return `U[${row}, ${column}] = ${made[rule]}${show(u[row][column])}. ${verdict}`;
    }
    inputGrid.paint(only("dx-chosen"));
    const windows = [...cells(rows, columns)].filter(([i, j]) => inWindow(i, j, row, column));
    pooled.paint(among(windows));
    return `x[${row}, ${column}] = ${number(x[row][column])} is in ${windows.length ? count(windows.length, "window") : "no window"}. ${verdict}`;
  };
}

export default explorer({
  label: "Unpooling explorer",
  controls,
  watched: ["values"],
  draw,
  start: { key: "pooled", row: 0, column: 1 },
});
