"""Numbered figures: their words in a notebook's outputs, on the site, and in the chapters that use them."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deconv_tests.patience import PATIENCE
from deconvlib.course import explore, show_figure, show_grids, show_images
from deconvlib.course.figures import METADATA, checked_words
from deconvlib.course.surroundings import STORED

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "chapters").glob("*.ipynb"))
WORDS = {"number": "11.3", "caption": "What it shows.", "alt": "A cat."}
EXAMPLE = [
    "# An example\n\nFigure 11.1 has a cat, Figure 11.2 moves, Figure 11.3 is a curve. No Figure 11.9 exists. `Figure 11.1` is code.",
    "from deconvlib.course import explore, photograph, set_up, show_figure, show_images\nset_up()",
    'show_images([photograph("chelsea", gray=True)], number="11.1",\n'
    '            caption="The cat at $\\\\sigma = 25$, and *nothing* else.", alt="A cat looks at the camera & \\"smiles\\".")',
    'explore("upsampling", number="11.2", caption="Move the stride.")',
    "import matplotlib.pyplot as plt\n"
    'plt.figure(figsize=(4, 2)); plt.plot([1, 3, 2])\nshow_figure("11.3", "A curve.", "A line that rises, then falls.")',
    'plt.figure(figsize=(2, 1)); plt.plot([1, 3, 2])\nplt.show()\nshow_images([photograph("coins", gray=True)])',
]


# ---- words --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"number": None}, ValueError, "number is missing"),
        ({"caption": None}, ValueError, "caption is missing"),
        ({"alt": None}, ValueError, "alt is missing"),
        ({"number": 11.3}, TypeError, r'number must be text, such as number="11.3", got 11.3'),
        ({"number": "11"}, ValueError, "number must be chapter.figure"),
        ({"number": "Figure 11.3"}, ValueError, "number must be chapter.figure"),
        ({"caption": "  "}, ValueError, "caption must not be empty"),
        ({"alt": ""}, ValueError, "alt must not be empty"),
        ({"alt": "What it  shows."}, ValueError, "it is the caption again"),
    ],
)
def test_words_that_are_missing_or_odd_are_refused(change, error, message):
    words = WORDS | change
    for show in (
        lambda: checked_words(**words),
        lambda: show_figure(**words),
        lambda: show_images([[[0.0]]], **words),
        lambda: show_grids({"x": [[1]]}, **words),
    ):
        with pytest.raises(error, match=message):
            show()


def test_an_explorer_needs_both_words():
    with pytest.raises(ValueError, match="number is missing"):
        explore("upsampling", caption="Move it.")
    with pytest.raises(ValueError, match="caption is missing"):
        explore("upsampling", number="6.1")
    assert not hasattr(explore("upsampling"), "_ipython_display_")


# ---- in a notebook and on the site ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def example(tmp_path_factory) -> Path:
    """A notebook with three numbered figures and two without, run as `make chapters` runs one."""
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    folder = tmp_path_factory.mktemp("book") / "chapters"
    folder.mkdir()
    new = nbformat.v4
    cells = [new.new_markdown_cell(EXAMPLE[0]), *(new.new_code_cell(source) for source in EXAMPLE[1:])]
    for index, cell in enumerate(cells):
        cell.id = f"cell-{index}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "11-example.ipynb"
    nbformat.write(new.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    subprocess.run([sys.executable, str(ROOT / "book/execute.py"), str(path)], check=True, timeout=PATIENCE)
    return path


def outputs(path: Path) -> list[list[dict[str, Any]]]:
    return [
        cell["outputs"] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"
    ]


def test_a_notebook_shows_the_picture_and_below_it_the_caption(example):
    _, pictures, explorer, curve, plain = outputs(example)
    for number, (shown, caption) in {"11.1": pictures, "11.2": explorer, "11.3": curve}.items():
        assert shown["metadata"][METADATA] == caption["metadata"][METADATA]
        assert caption["metadata"][METADATA]["number"] == number
        assert "".join(caption["data"]["text/markdown"]).startswith(f"**Figure {number}.** ")
    assert "image/png" in pictures[0]["data"]
    assert pictures[0]["metadata"]["image/png"]["alt"].startswith("A cat looks")
    assert "text/html" in explorer[0]["data"]
    assert [METADATA in output["metadata"] for output in plain] == [False, False]


def test_the_picture_is_the_one_that_is_shown_without_words(tmp_path):
    """Numbering a figure changes nothing in it: nbval would find the picture changed."""
    nbformat = pytest.importorskip("nbformat")
    draw = "from deconvlib.course import photograph, set_up, show_images\nset_up()\nshow_images([photograph('coins', size=64)]"
    cells = [f"{draw})", f"{draw}, number='1.1', caption='Coins.', alt='Many coins.')"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = tmp_path / "two.ipynb"
    nbformat.write(notebook, path)
    subprocess.run([sys.executable, str(ROOT / "book/execute.py"), str(path)], check=True, timeout=PATIENCE)
    first, second = (found[0]["data"] for found in outputs(path))
    assert first["text/plain"] == second["text/plain"]
    assert base64.b64decode(first["image/png"]) == base64.b64decode(second["image/png"])


def test_nbval_finds_stored_figures_unchanged(example):
    pytest.importorskip("nbval")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        f"--nbval-cell-timeout={PATIENCE}",
        "-p",
        "no:deconv_grader.checks.plugin",
    ]
    done = subprocess.run(
        [*command, "-o", "addopts=", str(example)],
        cwd=example.parent,
        env=os.environ | {STORED: "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.fixture(scope="module")
def built(example) -> Path:
    """The example as a book of one page, built as the course is, with warnings as errors."""
    pytest.importorskip("jupyter_book", reason="the site needs the book extra: pip install '.[book]'")
    folder = example.parent.parent
    for name in ("book", "deconvlib", "solutions", "_config.yml", "references.bib"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "_toc.yml").write_text("format: jb-book\nroot: chapters/11-example\n")
    program = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", program, "build", str(folder), "--path-output", str(folder / "out"), "-W", "-n"]
    done = subprocess.run(
        [*command, "--keep-going"], cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return folder / "out/_build/html/chapters/11-example.html"


def test_the_site_makes_one_figure_of_both(built):
    text = built.read_text()
    figures = re.findall(r'<figure class="[^"]*course-figure[^"]*" id="([^"]+)">(.*?)</figure>', text, re.DOTALL)
    assert [anchor for anchor, _ in figures] == ["figure-11-1", "figure-11-2", "figure-11-3"]
    first, second, third = (body for _, body in figures)
    assert 'alt="A cat looks at the camera &amp; &quot;smiles&quot;."' in first
    assert re.search(r"<figcaption>.*<strong>Figure 11\.1\.</strong>.*<em>nothing</em> else", first, re.DOTALL)
    assert '<span class="math' in first
    assert 'data-explorer="upsampling"' in second
    assert "Move the stride." in second
    assert 'alt="A line that rises, then falls."' in third
    shown = re.sub(r"<pre>.*?</pre>", "", text, flags=re.DOTALL)  # the cells' code holds the words too
    assert shown.count("A curve.") == 1, "the caption is shown once"
    assert text.count("<figcaption>") == 3
    assert "Fig. 1" not in shown, "numbers are the author's"


def test_the_site_links_what_the_text_mentions(built):
    text = built.read_text()
    for number in (1, 2, 3):
        links = re.findall(rf'<a class="reference internal" href="#figure-11-{number}">Figure 11\.{number}</a>', text)
        assert len(links) == 1
    assert 'href="#figure-11-9"' not in text
    assert "No Figure 11.9 exists" in text


# ---- in the chapters ---------------------------------------------------------------------------------------------------------


def faults(cells: list[dict[str, Any]], chapter: int) -> list[str]:
    """What is wrong with the figures of a chapter, if it numbers any."""
    found = []
    shown: list[dict[str, str]] = []
    for cell in cells:
        given = [output for output in cell.get("outputs", []) if METADATA in output.get("metadata", {})]
        shown += [one["metadata"][METADATA] for one in given if "text/markdown" in one["data"]]
        if len(given) % 2:
            found.append("a figure without its caption")
        bare = [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {}) and o not in given]
        cell["bare"] = len(bare)
    if not shown:
        return found
    found += [f"{cell['bare']} pictures without a number" for cell in cells if cell["bare"]]
    numbers = [words["number"] for words in shown]
    expected = [f"{chapter}.{index}" for index in range(1, len(shown) + 1)]
    if numbers != expected:
        found.append(f"numbers {numbers}, expected {expected}")
    for words in shown:
        if re.fullmatch(r"\S+\.(png|jpe?g|webp|svg)", words["alt"]) or "/_images/" in words["alt"]:
            found.append(f"the description of {words['number']} is a file's name")
        if not words["caption"].strip() or not words["alt"].strip():
            found.append(f"{words['number']} has empty words")
        elif words["caption"].strip()[-1] not in ".?!)":
            found.append(f"the caption of {words['number']} is no sentence")
    prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    prose += "\n".join(words["caption"] for words in shown)
    for number in sorted(set(re.findall(rf"Figures?[ \u00a0]({chapter}\.\d+)", prose))):
        if number not in numbers:
            found.append(f"the text mentions Figure {number}")
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_figures_of_a_chapter_are_numbered_described_and_mentioned_rightly(path):
    assert faults(json.loads(path.read_text())["cells"], int(path.stem[:2])) == []


def numbered(number: str, caption: str = "A curve.", alt: str = "A line.") -> dict[str, Any]:
    words = {"number": number, "caption": caption, "alt": alt}
    kinds = ({"image/png": ""}, {"text/markdown": ""})
    outputs = [{"metadata": {METADATA: words}, "data": data} for data in kinds]
    return {"cell_type": "code", "source": [], "outputs": outputs}


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([numbered("11.1"), numbered("11.3")], "expected"),
        ([numbered("10.1")], "expected"),
        ([numbered("11.1"), numbered("11.1")], "expected"),
        ([numbered("11.1", alt="_images/0a1b.png")], "file's name"),
        ([numbered("11.1", caption=" ")], "empty words"),
        ([numbered("11.1", caption="no sentence")], "no sentence"),
        ([numbered("11.1"), {"cell_type": "markdown", "source": ["See Figure 11.2."]}], "mentions Figure 11.2"),
        (
            [numbered("11.1"), {"cell_type": "code", "source": [], "outputs": [{"data": {"image/png": ""}}]}],
            "without a number",
        ),
    ],
)
def test_a_fault_in_a_chapters_figures_is_found(cells, message):
    found = faults(cells, 11)
    assert any(message in fault for fault in found), found


def test_a_chapter_without_faults_has_none():
    cells = [numbered("11.1"), {"cell_type": "markdown", "source": ["Figure 11.1 and Figure 9.4 of another chapter."]}]
    assert faults(cells, 11) == []
