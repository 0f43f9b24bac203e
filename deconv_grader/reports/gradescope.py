"""Gradescope's ``results.json``."""

from __future__ import annotations

import json

from deconv_grader.grading.grade import Grading
from deconv_grader.reports.words import explanation, files


def to_gradescope(grading: Grading) -> str:
    """Gradescope's ``results.json``: a test for every exercise, with partial credit."""
    tests = []
    for result in grading.results:
        tests.append(
            {
                "name": f"{result.exercise.name}: {result.exercise.title}",
                "number": str(result.exercise.number),
                "score": result.points,
                "max_score": result.exercise.points,
                "status": "passed" if result.status == "passed" else "failed",
                "output": explanation(result),
                "output_format": "text",
                "visibility": "visible",
                "tags": [result.exercise.chapter],
            }
        )
    output = f"isolation: {grading.isolation}" + "".join(f"\n{line}" for line in [*grading.notes, *files(grading)])
    return (
        json.dumps(
            {
                "score": grading.score,
                "execution_time": round(grading.seconds, 3),
                "output": output,
                "output_format": "text",
                "visibility": "visible",
                "stdout_visibility": "hidden",
                "tests": tests,
            },
            indent=1,
        )
        + "\n"
    )
