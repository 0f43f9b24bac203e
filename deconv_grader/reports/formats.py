"""The formats that other programs read, by name. Each writer takes a `Grading` and returns the file's text.

Text that a submission may have had a hand in is data everywhere: escaped, fenced, and cut to a length.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from deconv_grader.grading.grade import Grading
from deconv_grader.reports.classroom50 import to_classroom50
from deconv_grader.reports.gradescope import to_gradescope
from deconv_grader.reports.junit import to_junit
from deconv_grader.reports.markdown import to_markdown
from deconv_grader.reports.tables import to_csv


def to_json(grading: Grading) -> str:
    """The course's own format; its schema is in ``deconv_grader/schemas/``."""
    return json.dumps(grading.as_dict(), indent=1) + "\n"


WRITERS: dict[str, Callable[[Grading], str]] = {
    "json": to_json,
    "junit": to_junit,
    "gradescope": to_gradescope,
    "classroom50": to_classroom50,
    "csv": to_csv,
    "markdown": to_markdown,
}
