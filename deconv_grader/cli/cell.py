"""An exercise cell's other half: ``python -m deconv_grader.cli.cell NAME`` takes the cell on standard input.

It writes the body into the learner's module, checks it, and prints one JSON object with the feedback as text and HTML.
A process of its own, so that a loop without an end costs its deadline and not the notebook.
"""

from __future__ import annotations

import json
import sys

from deconv_grader.answers import editing
from deconv_grader.grading.workbook import Workbook
from deconv_grader.reports.html import result_html
from deconv_grader.reports.terminal import result_text


def answer(name: str, cell: str) -> dict[str, str]:
    """Write and check; ``action`` is written, same or kept (the cell was the bare stub), or refused."""
    book = Workbook()
    exercise = book.exercises[name]
    try:
        action = book.write_cell(exercise, cell)
    except editing.CannotEdit as error:
        return {"action": "refused", "text": str(error), "html": ""}
    (result,) = book.check([exercise])
    return {
        "action": action,
        "text": result_text(result),
        "html": result_html(result),
        "module": str(book.path(exercise)),
    }


if __name__ == "__main__":
    print(json.dumps(answer(sys.argv[1], sys.stdin.read())))
