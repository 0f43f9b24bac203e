"""The course holds together: stubs and solutions, chapters and files, cells and signatures, packages and pins."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deconv_grader.maintaining import chapter_pieces, pieces
from deconv_grader.maintaining.checkout import Checkout
from deconv_grader.maintaining.conformance import conformance
from deconvlib.course import notebook
from deconvlib.course.catalogue import STUBS, write_stubs
from deconvlib.course.surroundings import STORED

ROOT = Path(__file__).resolve().parents[2]
COURSE = Checkout(ROOT)
NOTEBOOKS = sorted((ROOT / "chapters").glob("*.ipynb"))
EXERCISES = list(COURSE.exercises().values())


# What `deconv dev check` says is what these assert.


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_an_exercise_has_all_its_pieces(exercise):
    assert pieces.of_exercise(COURSE, exercise) == []
    assert pieces.runs(COURSE, exercise)


@pytest.mark.parametrize("chapter", COURSE.written_chapters)
def test_a_chapter_has_all_its_pieces(chapter):
    assert chapter_pieces.of_chapter(COURSE, chapter) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_page_was_run_and_its_references_exist(path):
    assert chapter_pieces.of_page(COURSE, path) == []


def test_chapters_are_copied_only_while_they_hold_no_answer(tmp_path):
    source, copies = tmp_path / "deconvlib", tmp_path / "stubs"
    source.mkdir()
    path = source / "convolution.py"
    stub = (STUBS / "convolution.py").read_text(encoding="utf-8")
    path.write_text(stub, encoding="utf-8")
    assert [copy.name for copy in write_stubs(source, copies)] == ["convolution.py"]
    assert write_stubs(source, copies) == []
    path.write_text(stub.replace("raise NotImplementedError", "return 1", 1), encoding="utf-8")
    with pytest.raises(ValueError, match=r"convolution.py holds answers \(correlate2d\)"):
        write_stubs(source, copies)
    assert (copies / "convolution.py").read_text(encoding="utf-8") == stub


def test_every_file_belongs_to_a_chapter():
    assert chapter_pieces.strays(COURSE) == []


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_known_mistakes_are_rejected_right_variants_accepted_and_defaults_pinned(exercise):
    assert conformance(exercise, COURSE).problems == []


def test_importing_the_library_imports_nothing_slow():
    code = (
        "import sys, deconvlib; from deconvlib import conv2d; "
        "print([m for m in ('torch', 'matplotlib', 'scipy', 'IPython', 'pytest', 'hypothesis') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_every_pin_satisfies_its_range():
    import tomllib

    from packaging.requirements import Requirement

    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if "==" in line and not line.startswith("#"):
            name, _, version = line.strip().partition("==")
            pins[name.lower().replace("_", "-")] = version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [line for extra in project["optional-dependencies"].values() for line in extra]
    for line in wanted:
        requirement = Requirement(line)
        if requirement.name != "deconvlib":
            pin = pins[requirement.name.lower().replace("_", "-")]
            assert requirement.specifier.contains(pin), f"{line} and the pin {pin}"
    assert pins["torch"] == "2.13.0"


def test_the_cover_is_described_in_the_same_words_wherever_it_stands():
    described = [
        re.findall(r"!\[([^\]]+)\]\(book/cover\.png\)", (ROOT / name).read_text()) for name in ("README.md", "index.md")
    ]
    assert described[0] == described[1]
    assert len(described[0]) == 1


def test_the_cover_is_the_picture_that_a_cell_computed(from_book):
    cover = from_book("cover")
    assert cover.COVER.read_bytes() == cover.stored_cover(), "run: make cover"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_stores_what_the_site_shows_and_no_more(path, monkeypatch):
    monkeypatch.setenv(STORED, "1")
    assert "widgets" not in json.loads(path.read_text())["metadata"], "make chapter drops them"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for cell in (cell for cell in cells if cell["cell_type"] == "code"):
        outputs = cell["outputs"]
        assert not [output for output in outputs if output.get("name") == "stderr"]
        assert not [
            output for output in outputs if "application/vnd.jupyter.widget-view+json" in output.get("data", {})
        ]
        if "".join(cell["source"]).startswith("%%exercise"):
            exercise = COURSE.exercises()["".join(cell["source"]).split()[1]]
            (data,) = [output["data"] for output in outputs]
            shown = {kind: "".join(text) for kind, text in data.items()}
            assert shown == notebook.not_started(exercise)._repr_mimebundle_()
            assert len(shown["text/html"]) < 400
