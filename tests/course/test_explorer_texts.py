"""What the explorers say: every phrase in their sources, and what stands on the page in the first view and at each end.

`explorer_texts/` holds one file an explorer. A text or a number that changes makes these tests fail; where the change is
meant, ``DECONV_WRITE_TEXTS=1 pytest tests/course/test_explorer_texts.py`` writes the files again, and the diff shows it.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from deconv_solutions.inversion import condition_number
from deconvlib.course import explorers

HERE = Path(__file__).parent / "explorer_texts"
WRITE = bool(os.environ.get("DECONV_WRITE_TEXTS"))
CHAPTERS = Path(__file__).parents[2] / "chapters"
PHRASES, PAGE = "Phrases in its source", "On the page"

# Shows an explorer in states given as changes to its defaults, and says all that a reader can read, line by line.
READ = """async ([name, states]) => {
  const { default: widget, controls } = await import(`/${name}.mjs`);
  const values = Object.fromEntries(controls.map((c) => [c.name, c.value]));
  const start = { ...values, values: [] };
  const heard = [];
  const model = { get: (n) => values[n], set: (n, v) => { values[n] = v; }, on: (_, f) => heard.push(f), off() {}, save_changes() {} };
  const el = document.body.appendChild(document.createElement("div"));
  widget.render({ model, el });
  const parts = "label, legend, button, .dx-title, .dx-sign, .dx-key, .dx-badge, .dx-caption, .dx-row, .dx-formulas p, tr, svg text, [role=status]";
  const text = (node) => [...node.querySelectorAll(".dx-cell, td, th")].map((c) => c.querySelector("input")?.value ?? c.textContent).join(" ") || node.textContent;
  const names = () => [...el.querySelectorAll("[aria-label]:not(.dx-cell, input)")].map((n) => n.getAttribute("aria-label"));
  const read = () => [...[...el.querySelectorAll(parts)].map(text), ...names()].map((t) => t.replace(/\\s+/g, " ").trim()).filter(Boolean);
  return states.map((change) => {
    Object.assign(values, start, change);
    heard[0]();
    return read();
  });
}"""


def phrases(source: str) -> list[str]:
    """The texts of a JavaScript source: what stands between quotes or backticks and reads like words."""
    found: list[str] = []
    _code(source, 0, found)
    texts = [re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), text).strip() for text in found]
    return [text for text in texts if re.search(r"[^\W\d_]{2}.* |[.:] *$| [^\W\d_]{2}", text) and "dx-" not in text]


def _code(source: str, at: int, found: list[str], inside: bool = False) -> int:
    """Read code from `at`, to its end or, in a template's ``${...}``, to the brace that closes it."""
    depth = 0
    while at < len(source):
        if source.startswith("//", at):
            at = source.find("\n", at) % (len(source) + 1)
        elif source[at] == '"':
            end = re.compile(r'"(?:\\.|[^"\\])*"').match(source, at)
            assert end, source[at : at + 60]
            found.append(end[0][1:-1])
            at = end.end()
        elif source[at] == "`":
            at = _template(source, at + 1, found)
        elif source[at] == "{":
            depth, at = depth + 1, at + 1
        elif source[at] == "}" and inside and depth == 0:
            return at + 1
        else:
            depth, at = depth - (source[at] == "}"), at + 1
    return at


def _template(source: str, at: int, found: list[str]) -> int:
    """Read a template: its text, with … for what is put in."""
    place, text = len(found), ""
    while source[at] != "`":
        if source.startswith("${", at):
            at, text = _code(source, at + 2, found, inside=True), text + "…"
        else:
            at, text = at + 1, text + source[at]
    found.insert(place, text)
    return at + 1


def kept(name: str) -> dict[str, list[str]]:
    path = HERE / f"{name}.txt"
    if not path.is_file():
        return {}
    parts = re.split(r"^# (.+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {title: body.splitlines() for title, body in zip(parts[::2], parts[1::2], strict=True)}


def compare(name: str, title: str, lines: list[str]) -> None:
    """Compare lines with what is kept, or keep them where that is asked for."""
    if WRITE:
        parts = kept(name) | {title: lines}
        HERE.mkdir(exist_ok=True)
        text = "".join(
            f"# {part}\n" + "".join(f"{line}\n" for line in parts[part]) for part in (PHRASES, PAGE) if part in parts
        )
        (HERE / f"{name}.txt").write_text(text, encoding="utf-8")
    assert lines == kept(name).get(title), f"{name}: if this is meant, run with DECONV_WRITE_TEXTS=1"


def states(name: str) -> dict[str, dict[str, object]]:
    """The first view, each number at its ends, each choice."""
    found: dict[str, dict[str, object]] = {"first view": {}}
    for control in explorers.controls(name):
        values = [o["value"] for o in control["options"]] if "options" in control else [control["min"], control["max"]]
        found |= {
            f"{control['name']} = {value}": {control["name"]: value} for value in values if value != control["value"]
        }
    return found


@pytest.mark.parametrize("name", [*explorers.NAMES, "common"])
def test_every_phrase_is_as_it_was(name):
    source = (explorers.FOLDER / f"{name}.mjs").read_text(encoding="utf-8")
    compare(name, PHRASES, phrases(source))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('say("two words");', ["two words"]),
        ('say("dx-cell dx-read"); // "in a comment"', []),
        ("say(`a sum of ${f({a: `n ${x} ones`})} and more`);", ["a sum of … and more", "n … ones"]),
        (r'const s = "a \"quoted\" word";', [r"a \"quoted\" word"]),
        ('if (a) { say("in braces"); } else { say(`and here`); }', ["in braces", "and here"]),
        ('say("Stop.", "x", "y2", "")', ["Stop."]),
    ],
)
def test_phrases_are_found(source, expected):
    assert phrases(source) == expected


@pytest.fixture(scope="module")
def readers(tmp_path_factory, serve, browser):
    """Reads what an explorer says in some states."""
    folder = tmp_path_factory.mktemp("texts")
    for name in explorers.NAMES:
        (folder / f"{name}.mjs").write_text(explorers.module(name), encoding="utf-8")
    (folder / "index.html").write_text("<!doctype html><title>Texts</title>", encoding="utf-8")
    with serve(folder) as address:
        page = browser.new_page()
        page.goto(f"{address}/index.html")
        yield lambda name, changes: page.evaluate(READ, [name, changes])
        page.close()


@pytest.mark.parametrize("name", explorers.NAMES)
def test_the_page_says_what_it_said(readers, name):
    wanted = states(name)
    first, *others = readers(name, list(wanted.values()))
    lines = ["- first view", *first]
    for title, said in zip(list(wanted)[1:], others, strict=True):
        lines += [f"- {title}", *[line for line in said if line not in first]]
    compare(name, PAGE, lines)


# What the chapters say of them, and what the page then says

ANSWERS = [
    ("convolution", "a width of 6 into a width of 3", {"kernel_width": 2, "padding": 0}, "columns = .* = 3$"),
    ("convolution", "kernel 3, stride 2 and padding 1", {"kernel_width": 3, "padding": 1}, "columns = .* = 3$"),
    ("convolution", "The padding is 2 in both", {"kernel_height": 5, "stride": 1, "padding": 2}, "rows = .* = 5$"),
    (
        "convolution",
        "3 × 3 kernel with dilation 2, both with stride 1",
        {"dilation": 2, "stride": 1, "padding": 2},
        "rows = .* = 5$",
    ),
    ("gpu", "four of its twenty programs", {}, "4 programs have no pixel to draw"),
    ("gpu", "40 of the 88 pixels", {"kernel": 2, "stride": 3}, "pixels = 88, of them reached by no tap = 40$"),
    (
        "fast_algorithms",
        "its phases need 571 million multiplications",
        {"layer": "SegNet, 4 images"},
        "polyphase: 571 million multiplications",
    ),
    ("inversion", "a photograph of 64 × 64 pixels", {}, "the photograph, 64 × 64$"),
    ("inversion", "The inverse filter, exactly", {"noise": 0, "method": "inverse"}, "Best on this curve: over 99 dB"),
    ("inversion", "noise from 0.01 to 0.02", {"noise": 5, "method": "inverse"}, "Best .* with floor 0.1[.]"),
    ("inversion", "From 0.1 to 0.18", {"noise": 6, "method": "inverse"}, "Best .* with floor 0.18[.]"),
    ("inversion", "condition numbers are 3,700 and", {}, "condition number is 3[.]7·10³"),
    ("inversion", "750 million", {"blur": "gaussian"}, "condition number is 7[.]5·10⁸"),
    ("inversion", "24.8 and 25.1 dB", {}, "Best on this curve: 24[.]8 dB"),
    ("inversion", "24.8 and 25.1 dB", {"blur": "gaussian"}, "Best on this curve: 25[.]1 dB"),
    (
        "inversion",
        "Richardson-Lucy is still on its way after 100",
        {"noise": 0, "method": "lucy", "strength": 0},
        "Richardson-Lucy, 100 iterations: .* dB, better",
    ),
    ("mirror_network", '"s times the size"', {}, "s times the size"),
    ("mirror_network", "remembered size", {"back": "remembered"}, "remembered"),
    (
        "mirror_network",
        "Seven: the first pooling",
        {"blocks": 3, "height": 39},
        "rows that .* = 1 [+] 2·1 [+] 4·1 = 7$",
    ),
    ("sanity_checks", "more layers of VGG be random", {"layers": 13}, "13 random layers of 13"),
    ("sparse_coding", "eight spikes that are known", {}, "the signal has 8 spikes"),
    (
        "sparse_coding",
        "Between 1 and 1.33",
        {"weight": 16, "iterations": 200},
        "price 1,.* [1-9] of 184 codes are not zero",
    ),
    (
        "sparse_coding",
        "Between 1 and 1.33",
        {"weight": 17, "iterations": 200},
        "price 1[.]3,.* 0 of 184 codes are not zero",
    ),
    ("sparse_coding", "FISTA, price 0.1, 20 iterations", {}, "FISTA, price 0.1, after 20 .* objective 0[.]7604"),
    ("sparse_coding", "About 70.", {"method": "ista", "iterations": 69}, "objective 0[.]7602"),
    ("sparse_coding", "several dozen codes", {"weight": 0, "iterations": 200}, "price 0[.]01,.* 49 of 184 codes"),
    ("unpooling", "Nearest neighbor, switches and the minimum pool back", {"stride": 3}, "nearest neighbor ?="),
    ("unpooling", "Nearest neighbor, switches and the minimum pool back", {"stride": 3}, "minimum over the windows ?="),
    ("unpooling", "the mean's adjoint divides every value", {"stride": 3}, "adjoint of the mean ?≠"),
]


@pytest.mark.parametrize(("name", "words", "state", "says"), ANSWERS)
def test_what_the_chapter_says_is_what_the_page_says(readers, name, words, state, says):
    assert words in " ".join(prose(name).split())
    (said,) = readers(name, [state])
    assert any(re.search(says, line) for line in said), said


def test_numbers_in_phrases_are_the_librarys(readers):
    """Numbers that stand in a text, not computed there."""
    (box, gaussian) = readers("inversion", [{}, {"blur": "gaussian"}])
    kernel = np.full((5, 5), 1 / 25)
    assert condition_number(kernel, (64, 64)) == pytest.approx(3.7e3, rel=0.02)
    assert any("condition number is 3.7·10³" in line for line in box)
    assert not any("3.7·10³" in line for line in gaussian)
    layers = explorers.sheet("sanity_checks")["layers"]
    assert f"all {len(layers)}" in kept("sanity_checks")[PHRASES]
    sheets = (Path(__file__).parents[2] / "book" / "sheets.py").read_text(encoding="utf-8")
    (percentile,) = re.findall(r"np\.percentile\(.*, ([\d.]+)\)", sheets)
    assert any(f"the {percentile}th percentile" in phrase for phrase in kept("deconvnet")[PHRASES])


def prose(name: str) -> str:
    """The text above an explorer in its chapter."""
    (path,) = CHAPTERS.glob(f"*-{name}.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    at = next(
        i for i, cell in enumerate(cells) if cell["cell_type"] == "code" and "explore(" in "".join(cell["source"])
    )
    return "".join(cells[at - 1]["source"])
