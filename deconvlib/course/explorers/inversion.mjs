// Undoing a blur: a small photograph, blurred by wrapping round, with noise, and four ways back.
import { amount, chart, explorer, make, normals } from "./common.mjs";

// explorers.py reads this list too: between the brackets is JSON and nothing else.
export const controls = [
  {"name": "width", "label": "Blur width", "symbol": "K", "value": 5, "min": 1, "max": 15},
  {"name": "noise", "label": "Noise", "symbol": "σ", "value": 5, "min": 0, "max": 9},
  {"name": "strength", "label": "Regularization", "value": 8, "min": 0, "max": 24},
  {"name": "blur", "label": "Blur", "value": "box", "options": [
    {"value": "box", "label": "box, K × K"},
    {"value": "gaussian", "label": "Gaussian of the same spread"}
  ]},
  {"name": "method", "label": "Undo by", "value": "wiener", "options": [
    {"value": "adjoint", "label": "adjoint Cᵀ"},
    {"value": "inverse", "label": "inverse filter"},
    {"value": "wiener", "label": "Wiener, Tikhonov"},
    {"value": "lucy", "label": "Richardson-Lucy"}
  ]}
];

// The course's photograph "camera", gray, averaged to 64 × 64, a byte a pixel.
const PHOTOGRAPH = [
  "x8fGxsbGxsbFxcXFxcXFxcXFxMTExMTExMPDw8PDw8LCwsHCwsHBwcHAwcHAwMDAv8C/v7+/v7+/v7++v76+vsjIyMfIx8fHxsbGxsbGxsbFxcXFxcXFxcTExMTExMTDw8PDw8PDwsLCwsLCwcHBwcDBwMDAwMDA",
  "wL+/v7+/v7/JycnJycnJycjIyMjIyMjJyMjHx8bGxsbFxcXFxcXFxMTExMTExMTEw8PDw8PDw8LCwsLCwsHBwcHBwcHBwcDAysrKysrKysrKysnKycnJycnIyMjIx8fHx8fGxsbGxsbGxsbFxcXFxcXExMTExMTE",
  "xMTDw8PDw8PDw8PDwsLCws3MzMzMy8vLy8vLy8vKysrKysrJycnIyMjIyMjIx8fHx8fHx8fHxsbGxsXFxcXFxcXExcTExMTExMTExMTDw8PPz87Pzs7Ozs7Oz87Ozs7Nzc3NzMvLysrJycnJyMnIyMjIyMjIyMfH",
  "x8fGxsbGxsbGxsbFxcXFxcXFxcXExMTE0M/Pz8/Pz8/Ozs/R0dDPz8/Pz8/Ozc3My8vKysrKysrJycnJycnJyMjIyMjIx8fHx8fHx8fHxsfHxsbGxsXFxc/Pz8/Pz8/Pz8/Pzs/Q0NHR0tHR0dDPzcrFycrLy8vL",
  "y8vKysrKysnJycnJycnJyMjIyMjIyMjIx8fHx8fHx8bQ0NDQ0NDQ0M/Pz8/Pz8/Pz8/Q0NHR0caLX2SDsMTNzczMzMzLy8vLy8rKysrKysrKycnJycnJyMjIyMjIx8fH0tLS0tLS0dHR0dHR0dDQ0NDQ0M/Qz61G",
  "MSofIS1its3Nzc3NzMzMzMzMzMvLy8vLy8vLysrKysnJycnJyMjIyNPT09LS0tPS0tLS0tLS0tLS0dHR0bQqKDYsKyIaGzi2zs/Pzs3Nzc3NzczMzMzMzMzMzMzMy8vLysrKysrJycnU1NTU1NPT09PT09PT09PS",
  "0tLS0sw9EigzLTYwGxodQbjOz8/Pz8/Ozs7Ozs3Nzc3NzMzMzMzMzMvLy8vKysrK1dXV1dXU1NTV1NTU1NTT1NPT09N3ExohLTk2PjAZHBdIwtDQ0M/Pz8/Pz8/Pzs7Ozs7Nzc3NzM3MzMzLy8vLy9bW1tbW1dXV",
  "1dXV1dXV1dTU1JZKIxUREhYeMDw0HCEXF4PQ0NDQ0NDQ0NDQz8/Pz8/Pz8/Pzs7Ozc3Nzc3NzMzX19fX1tbW1tbW1tbW1tbW0GUlFhAMDg8XFRs2KyIlGBU/0NLR0dHR0dHR0NDR0NDQ0NDQ0dXPz8/Pz87Ozs7O",
  "2djZ2NjX19fX19fX18+ih10mJhsUDgwfEBAWLDkiIBkkTtTT09PT09LS0tLS0tLR0dHR0M/r0NDQ0NDPz8/Pztra2dnZ2dnZ2NjYt2wxJyQfJCQaEw9GbjMNIViCckI0gaHU1NTU1NTU09PT09PT0tLS0s3b19LR",
  "0dHR0NDQz87b29vb29va2trGYyolJCMhHCQlGBISUnxkKmiDdoVyPnyjucPFuLGvstTU1NTU09PT09LR6OPT0tLR0dHQ0NDP3d3d3Nzc3NzBOicmJCIgHxskIh4wDjqqcjV/mH1KZnZibXS+ztDXpqHV1dXV1dXV",
  "1NTT0Obj09PS0dLR0dHR0d7e3d7e3d3XRiUkJCIhISAZIiEihzkvTGNqdpusocTQm5/CzNDNyKSq1tbW1tXW1dXV1NDl49TR0tDS0tLS0dHd3d3d3dzdex0cICQgICEiGCEgIUelRTtYZmqIopmyxoyztrqtrKeh",
  "19jY2NXX2NbW1tXR5ePV09DP1NPT09PT3d3d3d7g2BoZGRojIB8dIBoiICAiy2Y9PVpnd4+beL6AZ5ylqKadhUbL28HF19/a19fW0uTj1tPBtsDV1dXU1NbHxcTu9IMSDhoWGyAeHBscISEhIYm0PC85T11rbbHn",
  "2XtTYWx5fmcgpLOeztzk5drJ19Pj4dbTv7izjKPC1dW6qJCXup0YGhUPGhcdHR4YHhUXHh5Ik3k9ITBRX02YtrWzWjJDJD0qLoeUteDq39bh6eLSx7rD07ytj35/lqu0mpqWnY4lEhMbGBMbGhwcFhkeHx4ePtSV",
  "EhUTI0Axh5GSkycKCiY/FCBtk47RytvgybmimoKDjsW/pqqeqqGdnaKkqrRTEhYQExkTFBscGhcVFx4dHiPdYyktLzAxNYaOi4JMNSsqQCZBeYVclI2Ej4yFhYuChaK1vcG/xci9pYiro56RHhIRGRcVGxMVGhkY",
  "EhUZHh0fSCsrLjMxPTxYd4kjCSwYM0IgXHVrW212Ymx7dIKFYVd1osfKx8TEtKB8bXSaShYRFxUZGRgbFBIVGBEVEBsmMjIsLi4vMS40PVpbDAkKaCgxNGRVUltqgXlyfHt/dF1MZF56sb2tp5uXdz5NSxkPExEY",
  "GBoZGRoTDxcSFRAVFywsKy0tLCwTCy6JgRMICo88KDxLXktDaHVoX4Ceh4GQn56bmpyklJumnYSiiBwZCRYOFRkZGRkcGg0XEhQaHhgnJycjKyUaBgUvlykHCQyMSnOIzPW1gpCLk46Uk5SSk5KSl5eVk42QlpKT",
  "nksTCgcXEBUWGBkaGRoOGBgbHB4eHSUcGykdDQkFEDgGC0M9dFZ9oKyyraCenJqbmpqYl5eWlpWVlZWUk5KRkm4YFRQGFhUWFxkZGRkWFhkZHhkcHh4eExAZDBYNCQUFCAhrqWB0n5+enZybnJ2dnp+dnZ6enZ+g",
  "n5+goaGjo6MpGhkRBw8cFxoaGRocGBgYFR4bHRwfIw8GDxgXFhMFDAgGEIp4U6Shn56gnZ6foZ+go6OjoJ6cnJ2cnp6dnZ+fHRsaDwYGDxMUFhcbHhsXHhEaGx0cICEiDxoZFhgUCxIHBggfmDSdoqChoaKioqCi",
  "oaKio6Gio6KhoaOioaGeoRkXFwsGBQ4WFxkZGRkaGB0YFRobHB8gIx8bGRQSFQsTBQYKD5ZQmZ+ioqGioKCgoKGmpKKhoaGio6Cio6SmpqQaGhsJBgUJFhcZGBkYGBscGBUaGxshKB4eGxcTEBYLDwUJCQuTmqen",
  "paKioKCgoqGhoqKjoKGhoaGhoKChn6GiGhoXBwUFBRAVGBgXGBUbHBYXGRolKxwUGyMRDwwWCwkFChBumZahoKCinZyfnqCgoqCjop6hoqCdnqCcmZqZmBoYFQYFBQQKEhQXFxgXGBkWGBMREwcQGhxrhzcHDg0G",
  "BymHnZeWo6CKdpWbnJqbnpudnaKhn56doJybnZ2dmpYYFBIGBQUEBQwVGBgXFRkYEQgFAwgGEho2mJ2eeTAKIGien6SWkZtnX22OmZubnZyanp2dm5mcm5yZmpiYmqCeGBkXBgUFBAQGDhIREQ4NCQQEBAgRExkg",
  "hp6amqCdmp2emp1AT11RepyeoZqdm5ybnp+gnpmbnZyZm5ucmpmYlxwZGQkFBAUEBAUFBQQEBAQEBAQQHBscbZicn5menZuYl52CI0YxW5ienJqbnZqamZmXm5yVmJmbnJ+WlpmWlpUcGxsQBQUEBAQEBAQEBAQE",
  "BAQEEBwaUJqempqen6GfmZucim4jZGylmJubmqCXlpWXlpiXmZidnZicm5mVmJaRGxwcGwcFBQQEBAQEBAQEChETBxUVJpCalpiYnJ6hoZ6dnYShGEODuZidnZmdnJmYl5eak5qboZ6fnpqbmpyYmBwcHh0VBgUF",
  "BQUEBAQMFRYYFg4LGIGalpSXm56dnZ+inpt2pXaBnZermZecnZmgoJuTl5eTmJeWmpidm5SVnJgcHh4eHRcNBwYGCAsTGRgYGAwRGXSbmqCenp2doKCfnJyhjI+Rjp+NuJSaoJuXmJyalJqZlpeZmZqTlZaZn52b",
  "Gx0fHhwbGxsbHBwbGxoaGB8gG1+WmZufoKOdnqGYnZ+fkKV+kJGin5OwnZuamJ+fmZOTkpWTmJeUlZeXlqCdnRscHh0aGRcTFhobGxoaGRcdHEOZmpeblpWbmZ6koZ6gpXqlkpCNnZ6KtJucm5mamZ6WmZuVkYyY",
  "m5mXlpKVkpAaHB0eHR0bGRISGBkZGRUUHTOTlZ2hmpydoKCjop+hm5t8kJyQi6Cal461mJaWnZ2alZSZl5eXk5aVl42WlZORGRscHR4dGxwaExEYFRAKFhlAmpignZ+dmJialJ2XmZ2hm3OfjpKcnpuPrpqdm52Z",
  "l5eSjoyamJGSlZOXkZCSkRsaHB0dHR0dHRoQFBMSDxUaLo2WlZifmZmampmXmp6di6xwn5COmJycmoq4mZyTnZSVkpSQl5aVlJWWkI+SkZAeGxsbHB0eHR0dGRAZGhAYHyOSmpuWnZuWl5ykmpWeoHWbiJ2Ni5GT",
  "k56PqpuWm5qZmZeMkZGUk4+SlJSRjI6QHB0cHBscHR0dHR0bGQ8bHh8ifJeYpZqUkpmbn5yYlpyKcZWbiomYnJebl4azkZSTlZWWlpaPh4+RlZOUj5OUkxkcHBwcHRwcHR0cGBkfHh8fIWOVlJmalJmYmpeZmJuQ",
  "qleYmIuInJWRjIePpZqcnZyUkZGTj4+SkZCOjI+Qk5AZGhsbHBwcHBwaGhoSHx4eHiBWnpyZnJ6fnZqXl5aVeqpkmJOGiJqemJSSmYO5nZCMjZ2Xko6SjpCRjIyNjZGMGRkaGxwcHBwbHR4fFRkfHx8gT5KalZWf",
  "l5uVlJSXmYCJeZCRhIWQlJeUkY6QopGWj4eQk46Lho6Hio6Gi5CPjRkZGhocGxscGxweHhYNHx8fIUiUmJSTmJGWkZyamZKdUpWbk4GGmZublZCLl4C4j4eNk5eWkpOPk5WYlJOMk4wYGRkZGhocHBwdHh5TGRUg",
  "ISFImZuXnZaXnZqenKGJsUeXko6CiZiYlZaZmJmTnJWSkpaUmpeRmpOYj5eakI2VFxgZGRoaGxwcHR4fbWwVHSAhQ5qUkIqclpqZmpyag5tHnpmRgoqdmpOfk5Scm328l6CYmaGdkpSOjZOQkJKZkRYXGRkZGxsc",
  "HB4eIHaAYBQgIj6np5+joZOgn6GaopBfKIicm4KNmZ2opp+cl5iXlKKOk5OcnJOcm5mVm5GVlY4WFxcYGRoaGx0dHiV5f4M6HCE1qKCenqSemJmilYawOoBuVmpYa6OdoJeUmpWemmyBf42QlpqWk5SSkpCPlJKR",
  "FRcXGBkaGxwcHR8xe3yCehchM6GcoqKipaKip59gpkqclIBRZHGWlpSfmZicn6SJP3OSkpiWj5iVi5CMj5SSkRUWGBgZGxscHB0eOnd2fYBBGi6UoZ2coZ2jn5eDKFpbcn2RmqOfn5+bm5ydmKWgl3GdmZGbm5eO",
  "kpGPiZKQmY4YFxcYGhsbHBweH0h1dXh/ehEto5yck52fnJ+ejjtJeZaUmJSfo5mcnZeZkpORj5eYkqWUlZSSj42HiIiIk4WPGRgXGRobGxwdHiBdeHl8f4UoJZGan6uklpaTno65Uo+kk5mNlZmYnqKYko+bmZiS",
  "lJSpkJGHjZCPiYuRjZGXjw==",
];

const N = 64;
const SIZE = N * N;
const NOISES = [0, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1];
const STRENGTHS = 25;

export const photograph = Float64Array.from(atob(PHOTOGRAPH.join("")), (c) => c.charCodeAt(0) / 255);

// What the slider means: a floor or a weight from 10^-6 to 1, or 100 iterations down to 1.
export const weightOf = (strength) => 10 ** (strength / 4 - 6);
export const iterationsOf = (strength) => Math.round(10 ** ((24 - strength) / 12));

const COS = Float64Array.from({ length: N }, (_, k) => Math.cos((2 * Math.PI * k) / N));
const SIN = Float64Array.from({ length: N }, (_, k) => Math.sin((2 * Math.PI * k) / N));
const REVERSED = Array.from({ length: N }, (_, i) => parseInt(i.toString(2).padStart(6, "0").split("").reverse().join(""), 2));

// In place, N values from `offset`, `step` apart; direction -1 forward, +1 back without the 1/N.
function fft(re, im, offset, step, direction) {
  for (let i = 0; i < N; i++) {
    const j = REVERSED[i];
    if (j <= i) continue;
    const [a, b] = [offset + i * step, offset + j * step];
    let t = re[a];
    re[a] = re[b];
    re[b] = t;
    t = im[a];
    im[a] = im[b];
    im[b] = t;
  }
  for (let half = 1; half < N; half *= 2)
    for (let k = 0; k < half; k++) {
      const c = COS[(k * N) / (2 * half)];
      const s = direction * SIN[(k * N) / (2 * half)];
      for (let i = k; i < N; i += 2 * half) {
        const a = offset + i * step;
        const b = a + half * step;
        const x = re[b] * c - im[b] * s;
        const y = re[b] * s + im[b] * c;
        re[b] = re[a] - x;
        im[b] = im[a] - y;
        re[a] += x;
        im[a] += y;
      }
    }
}

function fft2(re, im, direction) {
  for (let i = 0; i < N; i++) fft(re, im, i * N, 1, direction);
  for (let j = 0; j < N; j++) fft(re, im, j, N, direction);
}

export function spectrum(image) {
  const re = Float64Array.from(image);
  const im = new Float64Array(SIZE);
  fft2(re, im, -1);
  return { re, im };
}

// The picture whose spectrum is gain · X; a gain is { re, im }.
export function filtered({ re, im }, gain) {
  const [a, b] = [new Float64Array(SIZE), new Float64Array(SIZE)];
  for (let k = 0; k < SIZE; k++) {
    a[k] = (re[k] * gain.re[k] - im[k] * gain.im[k]) / SIZE;
    b[k] = (re[k] * gain.im[k] + im[k] * gain.re[k]) / SIZE;
  }
  fft2(a, b, 1);
  return a;
}

const conjugate = ({ re, im }) => ({ re, im: im.map((value) => -value) });

// The kernel's weights along one axis; the kernel is their product with themselves.
export function profile(blur, width) {
  if (blur === "box") return { line: Array(width).fill(1 / width), center: Math.floor(width / 2) };
  const sigma = Math.sqrt((width * width - 1) / 12);
  const reach = Math.ceil(3 * sigma);
  const line = Array.from({ length: 2 * reach + 1 }, (_, k) => (sigma ? Math.exp(-0.5 * ((k - reach) / sigma) ** 2) : 1));
  const total = line.reduce((a, b) => a + b, 0);
  return { line: line.map((value) => value / total), center: reach };
}

export function transfer(blur, width) {
  const { line, center } = profile(blur, width);
  const plane = new Float64Array(SIZE);
  const at = (k) => (k - center + N) % N;
  for (let k = 0; k < line.length; k++)
    for (let l = 0; l < line.length; l++) plane[at(k) * N + at(l)] += line[k] * line[l];
  return spectrum(plane);
}

const NORMALS = normals(SIZE);

export function degrade(blur, width, sigma) {
  return filtered(spectrum(photograph), transfer(blur, width)).map((value, k) => value + sigma * NORMALS[k]);
}

export function gain(method, H, weight) {
  const factor = (power) => {
    if (method === "adjoint") return 1;
    if (method === "inverse") return power >= weight * weight ? 1 / power : 0;
    return 1 / (power + weight);
  };
  const factors = H.re.map((re, k) => factor(re * re + H.im[k] ** 2));
  return { re: H.re.map((re, k) => re * factors[k]), im: H.im.map((im, k) => -im * factors[k]) };
}

// Every estimate from 0 to `iterations` iterations. Noise below 0 is cut off: no light is negative.
export function lucy(degraded, H, iterations) {
  const y = degraded.map((value) => Math.max(value, 0));
  const mean = y.reduce((a, b) => a + b, 0) / SIZE;
  const back = conjugate(H);
  const steps = [new Float64Array(SIZE).fill(mean)];
  for (let n = 0; n < iterations; n++) {
    const x = steps[n];
    const blurred = filtered(spectrum(x), H);
    const factors = filtered(spectrum(y.map((value, k) => value / Math.max(blurred[k], 1e-12))), back);
    steps.push(x.map((value, k) => value * factors[k]));
  }
  return steps;
}

export function psnr(image) {
  let sum = 0;
  for (let k = 0; k < SIZE; k++) sum += (image[k] - photograph[k]) ** 2;
  return -10 * Math.log10(sum / SIZE);
}

// The same from the gain, by Parseval, with no way back.
function gainScore(G, Y, X) {
  let sum = 0;
  for (let k = 0; k < SIZE; k++)
    sum += (G.re[k] * Y.re[k] - G.im[k] * Y.im[k] - X.re[k]) ** 2 + (G.re[k] * Y.im[k] + G.im[k] * Y.re[k] - X.im[k]) ** 2;
  return -10 * Math.log10(sum / SIZE / SIZE);
}

const X = spectrum(photograph);
const known = new Map();

// All that depends on the blur and the noise, kept for the last few settings.
function problem(blur, width, sigma) {
  const key = `${blur} ${width} ${sigma}`;
  if (!known.has(key)) {
    if (known.size > 8) known.delete(known.keys().next().value);
    const H = transfer(blur, width);
    const y = degrade(blur, width, sigma);
    const Y = spectrum(y);
    const steps = lucy(y, H, iterationsOf(0));
    const curves = { lucy: Array.from({ length: STRENGTHS }, (_, s) => psnr(steps[iterationsOf(s)])) };
    for (const method of ["adjoint", "inverse", "wiener"])
      curves[method] = Array.from({ length: STRENGTHS }, (_, s) => gainScore(gain(method, H, weightOf(s)), Y, X));
    known.set(key, { H, y, Y, steps, curves });
  }
  return known.get(key);
}

const decibels = (value) => (value > 99 ? "over 99 dB" : `${value.toFixed(1).replace("-", "\u2212")} dB`);

function setting(method, strength) {
  if (method === "adjoint") return "nothing to set";
  if (method === "lucy") return iterationsOf(strength) === 1 ? "1 iteration" : `${iterationsOf(strength)} iterations`;
  return `${method === "inverse" ? "floor" : "weight"} ${amount(weightOf(strength))}`;
}

function picture(title, note, values, { low = 0, high = 1 } = {}) {
  const canvas = make("canvas", { width: N, height: N, role: "img", "aria-label": `${title}, ${note}` });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(N, N);
  for (let k = 0; k < SIZE; k++) {
    const level = Math.round((255 * (values[k] - low)) / (high - low));
    pixels.data.set([level, level, level, 255], 4 * k);
  }
  context.putImageData(pixels, 0, 0);
  return make("div", { class: "dx-picture" }, canvas, make("div", { class: "dx-caption" }, make("strong", {}, title), make("br"), note));
}

function draw(page) {
  const [width, noise, strength, blur, method] = ["width", "noise", "strength", "blur", "method"].map((name) => page.get(name));
  const sigma = NOISES[noise];
  const { H, y, Y, steps, curves } = problem(blur, width, sigma);
  const answer = method === "lucy" ? steps[iterationsOf(strength)] : filtered(Y, gain(method, H, weightOf(strength)));
  const [before, score] = [psnr(y), curves[method][strength]];
  const error = answer.map((value, k) => value - photograph[k]);
  const worst = error.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

  const short = { adjoint: "none", lucy: `${iterationsOf(strength)} steps` }[method] ?? amount(weightOf(strength));
  const shown = { noise: String(sigma), strength: short };
  for (const [name, text] of Object.entries(shown)) {
    const field = page.panel.querySelector(`input[name="${name}"]`);
    field.previousSibling.textContent = text;
    field.setAttribute("aria-valuetext", name === "strength" ? setting(method, strength) : text);
  }
  for (const [name, curve] of Object.entries(curves))
    page.badge(name, decibels(curve[strength]), curve[strength] > before + 0.05 ? "dx-good" : "dx-bad");

  const words = controls.at(-1).options.find(({ value }) => value === method).label;
  page.stage.classList.add("dx-pictures");
  page.stage.append(
    picture("the photograph", "64 × 64", photograph),
    picture("blurred, noisy", decibels(before), y),
    picture("the answer", decibels(score), answer),
    picture("its error", `gray is 0, at most ${worst < 0.0005 ? "0.000" : worst.toPrecision(2)}`, error, { low: -0.3, high: 0.3 }),
  );

  const curve = curves[method];
  const best = curve.indexOf(Math.max(...curve));
  const finite = [before, ...curve].map((value) => Math.min(Math.max(value, 0), 60));
  const high = Math.max(...finite, 30);
  page.stage.append(
    chart({
      title: "PSNR at every regularization, in dB",
      label: `PSNR against regularization. Now ${decibels(score)}, best ${decibels(curve[best])} with ${setting(method, best)}, blurred picture ${decibels(before)}`,
      lines: [
        { points: [[0, before], [24, before]], kind: "dx-line-quiet" },
        { points: curve.map((value, s) => [s, value]), kind: "dx-line" },
      ],
      dots: [{ at: [best, curve[best]], kind: "dx-dot-best" }, { at: [strength, score], kind: "dx-dot" }],
      x: [0, 24],
      y: [0, high],
      ticks: [0, 10, 20, 30, 40, 50, 60].filter((value) => value <= high).map((value) => [value, String(value)]),
      below: ["little", "much"],
    }),
  );
  const size = (k) => Math.hypot(H.re[k], H.im[k]);
  const log = (value) => Math.log10(Math.max(value, 1e-5));
  page.stage.append(
    chart({
      title: "|H| along the first row of frequencies",
      label: `Size of H from frequency 0 to half a cycle a pixel, down to ${amount(Math.max(1e-9, Math.min(...Array.from({ length: 33 }, (_, k) => size(k)))))}; the dashed line is the noise`,
      lines: [
        ...(sigma ? [{ points: [[0, log(sigma)], [32, log(sigma)]], kind: "dx-line-quiet" }] : []),
        { points: Array.from({ length: 33 }, (_, k) => [k, log(size(k))]), kind: "dx-line" },
      ],
      x: [0, 32],
      y: [-5, 0],
      ticks: [[0, "1"], [-1, "0.1"], [-2, "0.01"], [-3, "10⁻³"], [-4, "10⁻⁴"]],
      below: ["0 cycles a pixel", "0.5"],
    }),
  );

  let weakest = Infinity;
  for (let k = 0; k < SIZE; k++) weakest = Math.min(weakest, size(k));
  const lost = weakest < 1e-12 ? "some frequencies are lost (H = 0)" : `the condition number is ${amount(1 / weakest)}`;
  const verdict = score > before + 0.05 ? "better than the blurred picture" : score < before - 0.05 ? "worse than doing nothing" : "no better than doing nothing";
  page.explain = () =>
    `${words}, ${setting(method, strength)}: ${decibels(score)}, ${verdict} (${decibels(before)}). ` +
    (method === "adjoint" ? "" : `Best on this curve: ${decibels(curve[best])} with ${setting(method, best)}. `) +
    `For this blur ${lost}.`;
  page.prose("Solid: the chosen method. Dashed: the blurred picture on the left, the noise on the right. Ring: the best setting, known only with the original at hand.");
}

export default explorer({
  label: "Deblurring explorer",
  controls,
  draw,
  start: { key: "", row: 0, column: 0 },
});
