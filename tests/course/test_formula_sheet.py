"""The formula sheet names every exercise, and its links lead somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deconvlib.course.catalogue import exercises

ROOT = Path(__file__).resolve().parents[2]
SHEET = ROOT / "chapters" / "formula-sheet.md"
TEXT = SHEET.read_text(encoding="utf-8")
LINKS = re.findall(r"\]\(([^)#\s]+)#([^)\s]+)\)", TEXT)  # to the proofs: page and heading
EXERCISES = re.findall(r"\]\(#exercise-(\w+)\)", TEXT)  # the site makes these anchors, wherever the box stands
ALL = list(exercises().values())


def slug(heading: str) -> str:
    """A heading as MyST (and GitHub) looks it up."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(page: str) -> set[str]:
    """Every anchor of a chapter: its headings and its exercise boxes."""
    found = set()
    for cell in json.loads((SHEET.parent / page).read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            found |= {slug(heading) for heading in re.findall(r"^#{2,3} (.+)$", source, re.MULTILINE)}
        elif named := re.match(r"%%exercise (\w+)", source):
            found.add(f"exercise-{named[1]}")
    return found


def test_every_exercise_has_its_line():
    assert sorted(EXERCISES) == sorted(exercise.name for exercise in ALL)
    for exercise in ALL:
        assert f"exercise-{exercise.name}" in anchors(f"{exercise.number:02}-{exercise.chapter}.ipynb")
    assert TEXT.count("#exercise-") == len(EXERCISES)


@pytest.mark.parametrize("page", sorted({page for page, _ in LINKS}))
def test_links_lead_to_headings(page):
    assert {anchor for other, anchor in LINKS if other == page} <= anchors(page)


def test_every_line_has_a_formula_and_a_proof():
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")]
    rows = [line for line in rows if not line.startswith("| formula")]
    for line in rows:
        formula, proof, _ = re.split(r" \| ", line.strip("| "))
        assert "$" in formula, line
        assert re.search(r"\]\(\d\d-\w+\.ipynb#", proof), line
    assert len(rows) >= 30


def test_the_sheet_is_the_first_page_of_the_back_matter():
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    assert re.search(r"- caption: Back matter\n +chapters:\n +- file: chapters/formula-sheet\n", contents)
