"""The formula sheet is whole. Its lines and what they hold are in `pieces` and `chapter_pieces`."""

from __future__ import annotations

import re
from pathlib import Path

from deconv_grader.maintaining import chapter_pieces
from deconv_grader.maintaining.checkout import Checkout

COURSE = Checkout(Path(__file__).resolve().parents[2])


def test_every_section_is_a_chapters():
    numbers = re.findall(r"^## (\d+)\. ", COURSE.text(COURSE.sheet), re.MULTILINE)
    assert numbers == [COURSE.notebook(chapter).stem[:2].lstrip("0") for chapter in COURSE.written_chapters]
    assert [p for chapter in COURSE.written_chapters for p in chapter_pieces.sheet_section(COURSE, chapter)] == []


def test_the_sheet_is_the_first_page_of_the_back_matter():
    assert re.search(
        r"- caption: Back matter\n +chapters:\n +- file: chapters/formula-sheet\n", COURSE.text(COURSE.contents)
    )
