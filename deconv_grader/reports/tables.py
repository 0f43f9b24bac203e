"""Tables in CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from deconv_grader.grading.grade import Grading
from deconv_grader.values.text import clean

COLUMNS = ("submission", "exercise", "points", "maximum", "status", "seconds", "mistake", "isolation")


def to_csv(gradings: Sequence[Grading] | Grading) -> str:
    """A line for every submission and exercise."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for grading in [gradings] if isinstance(gradings, Grading) else gradings:
        for result in grading.results:
            writer.writerow(
                [
                    cell(grading.submission),
                    result.exercise.id,
                    result.points,
                    result.exercise.points,
                    result.status,
                    f"{result.seconds:.3f}",
                    cell(result.mistake or ""),
                    grading.isolation,
                ]
            )
    return stream.getvalue()


def cell(text: str) -> str:
    """A spreadsheet must not take a name for a formula."""
    text = clean(text, 200).replace("\n", " ")
    return "'" + text if text.lstrip()[:1] in ("=", "+", "-", "@") else text
