"""The pieces that belong to a chapter and to its page, and which of them are missing: one list, read from the text."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

from deconv_grader.maintaining.checkout import MARK, Checkout, exercise_of_cell, marks, source
from deconv_grader.maintaining.pieces import Problems, count
from deconvlib.course.catalogue import CHAPTERS, decorator_of, is_stub


def files(course: Checkout, chapter: str) -> Problems:
    """A module, its solutions, its checks, mistakes and variants, agreement with PyTorch, the notebook."""
    for path in (
        course.stubs(chapter),
        course.notebook(chapter),
        course.solutions(chapter),
        course.checks(chapter),
        course.mistakes(chapter),
        course.variants(chapter),
        course.agreement(chapter),
    ):
        if not path.is_file():
            yield f"{course.name(path)} is missing"
        elif path.suffix == ".py" and MARK in (ast.get_docstring(course.tree(path)) or ""):
            yield f"{course.name(path)}: its docstring is to be written, where {MARK} stands"
    if not course.chapter(chapter):
        yield f"{course.name(course.stubs(chapter))}: no exercise; `deconv dev new {chapter} NAME` writes one"


def pristine(course: Checkout, chapter: str) -> Problems:
    """The copy of the module that the grader reads, whatever a learner writes into the module."""
    path, copy = course.stubs(chapter), course.pristine(chapter)
    answered = [node for node in course.definitions(path).values() if decorator_of(node) and not is_stub(node)]
    if not answered and course.text(path) != course.text(copy):
        yield f"{course.name(copy)}: not the same as {course.name(path)}; `deconv dev check` copies it"


def nothing_else(course: Checkout, chapter: str) -> Problems:
    """No piece of an exercise that there is not."""
    known, every = course.chapter(chapter), course.exercises()
    for path in (course.pristine(chapter), course.solutions(chapter)):
        for name in course.definitions(path):
            if not name.startswith("_") and name not in known:
                yield f"{course.name(path)}: {name} is no exercise; helpers of stubs live in deconvlib/course/, of solutions begin with _"
    for path, decorator in (
        (course.checks(chapter), "check"),
        (course.mistakes(chapter), "mistake"),
        (course.variants(chapter), "variant"),
    ):
        for node in course.marked(path, decorator):
            for name in marks(node, decorator):
                if name not in known:
                    other = f"an exercise of {every[name].chapter}" if name in every else "no exercise"
                    yield f"{course.name(path)}: {node.name} is for {name}, which is {other}"


def cells_in_order(course: Checkout, chapter: str) -> Problems:
    """The exercises' cells stand in the module's order, and only theirs are there."""
    path = course.notebook(chapter)
    seen = [name for name in map(exercise_of_cell, course.cells(path)) if name]
    wanted = list(course.chapter(chapter))
    for name in seen:
        if name not in wanted:
            yield f"{course.name(path)}: a cell has %%exercise {name}, which is no exercise of this chapter"
    present = [name for name in wanted if name in seen]
    for name, before in zip([n for n in seen if n in wanted], present, strict=False):
        if name != before:
            yield f"{course.name(path)}: the cell of {name} stands where that of {before} belongs: in the module's order"
            return


def in_contents(course: Checkout, chapter: str) -> Problems:
    """The page is in the table of contents."""
    page = f"chapters/{course.notebook(chapter).stem}"
    if not re.search(rf"^ *- file: {re.escape(page)}$", course.text(course.contents), re.MULTILINE):
        yield f"{course.name(course.contents)}: no line '- file: {page}'"


def sheet_section(course: Checkout, chapter: str) -> Problems:
    """Its section of the formula sheet: each line a formula, a proof that is there, and exercises that are."""
    heading = f"## {CHAPTERS[chapter]}. "
    where = f"{course.name(course.sheet)}, under {heading.strip()}"
    sections = re.split("^(?=## )", course.text(course.sheet), flags=re.MULTILINE)
    own = [section for section in sections if section.startswith(heading)]
    if len(own) != 1:
        yield f"{where}: {count(len(own), 'section')}, 1 is needed"
        return
    rows = [line for line in own[0].splitlines() if line.startswith("| ") and not line.startswith("| formula")]
    for row in rows:
        parts = re.split(r" \| ", row.strip("| "))
        if len(parts) != 3 or "$" not in parts[0] or not re.search(r"\]\(\d\d-\w+\.ipynb#", parts[1]):
            yield f"{where}: a line wants a formula in $, what it says with a link to its proof, and an exercise or –: {row}"
    for page, heading in re.findall(r"\]\(([^)#\s]+)#([^)\s]+)\)", own[0]):
        if heading not in _headings(course, page) and heading != MARK:
            yield f"{where}: {page} has no heading #{heading}"
    for name in re.findall(r"\]\(#exercise-(\w+)\)", own[0]):
        if name not in course.chapter(chapter):
            yield f"{where}: #exercise-{name} is no exercise of this chapter"


def _headings(course: Checkout, page: str) -> set[str]:
    """The headings of a page, as MyST (and GitHub) look them up."""
    cells = course.cells(course.sheet.parent / page)
    text = "\n".join(source(cell) for cell in cells if cell["cell_type"] == "markdown")
    found = re.findall(r"^#{2,3} (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


OF_A_CHAPTER: tuple[Callable[[Checkout, str], Problems], ...] = (
    files,
    pristine,
    nothing_else,
    cells_in_order,
    in_contents,
    sheet_section,
)


def of_chapter(course: Checkout, chapter: str) -> list[str]:
    """What a chapter lacks beside what its exercises lack."""
    found = [problem for piece in OF_A_CHAPTER for problem in piece(course, chapter)]
    return [*found, *of_page(course, course.notebook(chapter))]


def strays(course: Checkout) -> list[str]:
    """Files that look like a chapter's, where there is no such chapter."""
    known = set(course.written_chapters)
    places = (course.solutions, course.checks, course.mistakes, course.variants, course.agreement, course.notebook)
    wanted = {place(chapter) for place in places for chapter in known}
    patterns = {place("convolution") for place in places}
    there = {
        path
        for pattern in patterns
        for path in pattern.parent.glob(pattern.name.replace("01-", "[0-9][0-9]-").replace("convolution", "*"))
    }
    return [
        f"{course.name(path)} belongs to no chapter that is there"
        for path in sorted(there - wanted)
        if path.name != "__init__.py" and not path.name.startswith("00-")
    ]


# Of a page


def set_up(course: Checkout, path: Path) -> Problems:
    """Every notebook begins with the same code."""
    code = [cell for cell in course.cells(path) if cell["cell_type"] == "code"]
    first = course.root / "chapters" / "00-start-here.ipynb"
    wanted = next(source(cell) for cell in course.cells(first) if cell["cell_type"] == "code")
    if not code or source(code[0]) != wanted:
        yield f"{course.name(path)}: the first code cell is not the set-up of {course.name(first)}"


def was_run(course: Checkout, path: Path) -> Problems:
    """It was run from top to bottom, without an error and without a warning."""
    where, again = course.name(path), f"run: make chapter N={path.stem[:2]}"
    code = [cell for cell in course.cells(path) if cell["cell_type"] == "code"]
    if [cell["execution_count"] for cell in code] != list(range(1, len(code) + 1)):
        yield f"{where}: not run from top to bottom since it was changed; {again}"
    outputs = [output for cell in code for output in cell["outputs"]]
    for output in outputs:
        if output["output_type"] == "error":
            yield f"{where}: a cell ends in {output['ename']}: {output['evalue']}"
    said = "".join("".join(output["text"]) for output in outputs if output.get("name") == "stderr")
    for line in said.splitlines():
        if "is not written yet; the reference answer is used." not in line:
            yield f"{where}: a cell wrote to stderr: {line}"
    if any(MARK in source(cell) for cell in course.cells(path)):
        yield f"{where}: the text is to be written, where {MARK} stands"


def equations(course: Checkout, path: Path) -> Problems:
    """Tags of equations count up, and what is referred to exists."""
    text = "\n".join(source(cell) for cell in course.cells(path) if cell["cell_type"] == "markdown")
    number = str(int(path.stem[:2]))
    tags = re.findall(r"\\tag\{([\d.]+)\}", text)
    wanted = [f"{number}.{i}" for i in range(1, len(tags) + 1)]
    if tags != wanted:
        wrong = next((tag, right) for tag, right in zip(tags, wanted, strict=True) if tag != right)
        yield f"{course.name(path)}: an equation has the tag {wrong[0]}, expected {wrong[1]}"
    for tag in sorted(set(re.findall(rf"\(({number}\.\d+)\)", text)) - set(tags)):
        yield f"{course.name(path)}: the text refers to equation ({tag}), which is not there"


OF_A_PAGE: tuple[Callable[[Checkout, Path], Problems], ...] = (set_up, was_run, equations)


def of_page(course: Checkout, path: Path) -> list[str]:
    """What is wrong with a notebook."""
    return [problem for piece in OF_A_PAGE for problem in piece(course, path)] if path.is_file() else []
