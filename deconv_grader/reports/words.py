"""Why an exercise is not passed, in plain words."""

from __future__ import annotations

from deconv_grader.checks.feedback_text import plain
from deconv_grader.checks.results import ExerciseResult
from deconv_grader.values.text import clean


def explanation(result: ExerciseResult) -> str:
    """Why an exercise is not passed, in plain text: its problem, or the first failing check's feedback."""
    if result.problem:
        return clean(result.problem)
    failure = result.first_failure
    if failure is None or result.told is None:
        return "not started" if result.status == "not started" else ""
    return clean(f"{failure.title}\n{plain(result.told)}")
