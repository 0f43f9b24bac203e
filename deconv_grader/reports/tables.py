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


BOM = "\ufeff"  # without it Excel takes UTF-8 for a code page
FORMULAS = ("=", "+", "-", "@")


def to_gradebook(gradings: Sequence[Grading]) -> str:
    """A row for every learner: total, maximum and percent, then a column for every exercise.

    A name stands as the folder, the file or the platform has it, so that it matches a roster, also where a spreadsheet
    would take it for a formula: `formula_names` are to be told.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    exercises = [result.exercise.id for result in gradings[0].results] if gradings else []
    writer.writerow(["name", "id", "submission", "total", "maximum", "percent", *exercises])
    for grading in gradings:
        points = {result.exercise.id: result.points for result in grading.results}
        percent = f"{100 * grading.score / grading.maximum:.1f}" if grading.maximum else ""
        for learner in grading.learners or [{"name": grading.submission, "id": ""}]:
            who = [whole(text) for text in (learner["name"], learner["id"], grading.submission)]
            row = [grading.score, grading.maximum, percent, *(points.get(exercise, "") for exercise in exercises)]
            writer.writerow([*who, *row])
    return BOM + stream.getvalue()


def formula_names(gradings: Sequence[Grading]) -> list[str]:
    """The names in a gradebook that a spreadsheet may take for a formula."""
    names = {one["name"] for grading in gradings for one in grading.learners} | {one.submission for one in gradings}
    return sorted(name for name in names if name.lstrip().startswith(FORMULAS))


def whole(text: str) -> str:
    """A name as it is; only halves of characters and null bytes, which no file can hold, are replaced."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def cell(text: str) -> str:
    """A spreadsheet must not take a name for a formula."""
    text = clean(text, 200).replace("\n", " ")
    return "'" + text if text.lstrip().startswith(FORMULAS) else text
