"""An exercise cell's other half: ``python -m deconv_grader.cli.cell NAME`` takes the cell on standard input.

It writes the body into the learner's module, checks it, and prints one JSON object with the feedback as text and HTML. A
process of its own, so that a loop without an end costs its deadline and not the notebook. Without a name it prints how far
the learner is.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from html import escape
from typing import Any, TextIO

from deconv_grader.answers.cells import read_cell
from deconv_grader.answers.source import CannotEdit
from deconv_grader.checks.results import ExerciseResult
from deconv_grader.grading.progress import Progress, progress
from deconv_grader.grading.workbook import Workbook
from deconv_grader.reports.html import result_html
from deconv_grader.reports.terminal import result_text
from deconvlib.course.catalogue import Exercise
from deconvlib.course.description import help_html
from deconvlib.course.surroundings import command
from deconvlib.course.workspace import NoWorkspace


def answer(name: str, cell: str, out: TextIO) -> None:
    """Write and check; ``action`` is written, same or kept (the cell was the bare stub), or refused."""
    try:
        book = Workbook()
        exercise = book.exercises[name]
        parts = read_cell(cell, name, exercise.chapter, above=0)
        action = book.write_cell(exercise, cell, above=0)
    except (CannotEdit, NoWorkspace) as error:
        _say(out, _refused(str(error)))
        return
    module = str(book.path(exercise))
    (result,) = book.check([exercise])
    said = {
        "written": f"Written to {module}.",
        "same": "",
        "kept": f"This cell is the bare stub; checked instead: the body in {module}.",
        "stub": "",
    }[action]
    at = _Places(cell, module, exercise)
    further = _further(progress(book), exercise) if result.status == "passed" else ""
    notes = [*parts.notes, said] if said else [*parts.notes]
    text = [result_text(result), further, *notes]
    html = [
        f"<p>{escape(further)}</p>" if further else "",
        *(f"<p><small>{escape(note)}</small></p>" for note in notes),
    ]
    aid = help_html(exercise) if result.status != "passed" else ""
    done = {
        "action": action,
        "text": at.in_cell("\n".join(filter(None, text))),
        "html": at.in_cell(result_html(result, aid + "".join(html))),
        "rest": parts.in_notebook,
        "trials": parts.trials,
        "unsafe": _unsafe(result),
    }
    _say(out, done)


def _say(out: TextIO, facts: dict[str, Any]) -> None:
    print(json.dumps(facts), file=out, flush=True)


def _refused(problem: str) -> dict[str, Any]:
    said = "Nothing was written, and nothing was checked."
    html = f'<div class="deconv-result"><p>{escape(problem)}</p><p><small>{said}</small></p></div>'
    return {"action": "refused", "text": f"{problem}\n{said}", "html": html}


def _unsafe(result: ExerciseResult) -> str:
    """Why the cell's other lines had better not be run in the notebook: they would call a body that does not come back."""
    ends = {"timed out": "the body takes too long", "crashed": "the body ends its process"}
    return next((ends[check.status] for check in result.checks if check.status in ends), "")


def _further(done: Progress, exercise: Exercise) -> str:
    """The totals after a pass, and what comes next."""
    chapter = next(chapter for chapter in done.chapters if chapter.name == exercise.chapter)
    totals = (
        f"Chapter {exercise.number}: {chapter.points} of {chapter.maximum} points. "
        f"Course: {done.points} of {done.maximum}."
    )
    following = done.following(exercise)
    if following is None:
        return f"{totals} Every exercise here is passed."
    where = "this chapter" if following.chapter == exercise.chapter else f"chapter {following.number}"
    return f"{totals} Next: {following.name} ({following.title}), in {where}."


class _Places:
    """Which line of the cell a line of the module came from."""

    def __init__(self, cell: str, module: str, exercise: Exercise):
        self.chapter = exercise.chapter
        self.lines: dict[int, int] = {}
        try:
            above = {_key(node): node for node in ast.parse(cell).body}
            with open(module, encoding="utf-8") as stream:
                written = ast.parse(stream.read()).body
        except (OSError, SyntaxError, ValueError):
            return
        for node in written:
            there = above.get(_key(node))
            if there is not None:
                end, end_there = node.end_lineno or 0, there.end_lineno or 0  # a docstring may stand above the body
                for back in range(min(end - node.lineno, end_there - there.lineno) + 1):
                    self.lines[end - back] = end_there - back

    def in_cell(self, text: str) -> str:
        """A text with the cell's line numbers in the place of the module's."""
        place = re.compile(rf"\b{self.chapter}\.py, line (\d+)\b")
        return place.sub(
            lambda found: f"cell, line {self.lines[int(found[1])]}" if int(found[1]) in self.lines else found[0], text
        )


def _key(node: ast.stmt) -> str:
    name: str | None = getattr(node, "name", None)
    return name or ast.dump(node)


def overview(done: Progress) -> str:
    """A line a chapter, after the exercise that is next."""
    following = done.following()
    lines = []
    if following is not None:
        lines.append(
            f"Next: {following.name} ({following.title}; about {following.minutes} minutes), in chapter {following.number}."
        )
    for chapter in done.chapters:
        number = next(iter(chapter.states)).number
        lines.append(
            f"{number:>2}  {chapter.name:<24} {chapter.points:>3} of {chapter.maximum:>3} points   "
            f"{chapter.passed} of {len(chapter.states)} passed"
        )
    lines.append(f"{done.points} of {done.maximum} points. Every exercise: {command('status')}")
    return "\n".join(lines)


def main() -> None:
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what an answer prints is no line of ours
    if len(sys.argv) > 1:
        answer(sys.argv[1], sys.stdin.buffer.read().decode("utf-8"), out)
        return
    try:
        print(overview(progress(Workbook())), file=out)
    except NoWorkspace as error:
        print(f"{error}.", file=out)


if __name__ == "__main__":
    main()
