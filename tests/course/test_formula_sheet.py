"""The formula sheet names every exercise of Part I, and its links lead somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from docutils.nodes import make_id

from deconvlib.course.catalogue import exercises

ROOT = Path(__file__).resolve().parents[2]
SHEET = ROOT / "chapters" / "formula-sheet.md"
LINKS = re.findall(r"\]\(([^)#\s]+)#([^)\s]+)\)", SHEET.read_text(encoding="utf-8"))
PART_ONE = [exercise for exercise in exercises(ROOT / "deconvlib").values() if exercise.number <= 6]


def anchors(page: str) -> set[str]:
    """Every anchor of a chapter: its headings as Sphinx writes them, and its exercise boxes."""
    found = set()
    for cell in json.loads((SHEET.parent / page).read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            found |= {make_id(heading) for heading in re.findall(r"^#{2,3} (.+)$", source, re.MULTILINE)}
        elif named := re.match(r"%%exercise (\w+)", source):
            found.add(f"exercise-{named[1]}")
    return found


def test_every_exercise_of_part_one_has_its_line():
    linked = sorted(name.removeprefix("exercise-") for _, name in LINKS if name.startswith("exercise-"))
    assert linked == sorted(exercise.name for exercise in PART_ONE)
    for exercise in PART_ONE:
        page = f"{exercise.number:02}-{exercise.chapter}.ipynb"
        assert (page, f"exercise-{exercise.name}") in LINKS


@pytest.mark.parametrize("page", sorted({page for page, _ in LINKS}))
def test_links_lead_to_headings_and_exercises(page):
    assert {anchor for other, anchor in LINKS if other == page} <= anchors(page)


def test_every_line_has_a_formula_and_a_proof():
    rows = [line for line in SHEET.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    rows = [line for line in rows if not line.startswith("| formula")]
    for line in rows:
        formula, proof, _ = re.split(r" \| ", line.strip("| "))
        assert "$" in formula, line
        assert re.search(r"\]\(\d\d-\w+\.ipynb#(?!exercise-)", proof), line
    assert len(rows) >= 30


def test_the_sheet_is_a_page_at_the_end_of_part_one():
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    pages = re.findall(r"- file: (\S+)", contents)
    assert pages.index("chapters/formula-sheet") == pages.index("chapters/06-upsampling") + 1
