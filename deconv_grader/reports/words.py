"""Why an exercise is not passed, in plain words."""

from __future__ import annotations

from deconv_grader.checks.feedback_text import plain
from deconv_grader.checks.results import ExerciseResult
from deconv_grader.grading.grade import Grading
from deconv_grader.values.text import clean, one_line

MOST_TOLD = 10  # files that are named


def explanation(result: ExerciseResult) -> str:
    """Why an exercise is not passed, in plain text: its problem, or the first failing check's feedback."""
    if result.problem:
        return clean(result.problem)
    failure = result.first_failure
    if failure is None or result.told is None:
        return "not started" if result.status == "not started" else ""
    return clean(f"{failure.title}\n{plain(result.told)}")


def files(grading: Grading) -> list[str]:
    """Which of the files that were handed in counted, which did not and why: a line each."""
    more = f" and {len(grading.read) - MOST_TOLD} more" if len(grading.read) > MOST_TOLD else ""
    told = [f"Read: {', '.join(grading.read[:MOST_TOLD])}{more}"] if grading.read else []
    told += [f"Earlier attempt, not counted: {attempt}" for attempt in grading.attempts[:MOST_TOLD]]
    told += [f"Ignored: {one['path']}: {one['reason']}" for one in grading.ignored[:MOST_TOLD]]
    if len(grading.ignored) > MOST_TOLD:
        told.append(f"and {len(grading.ignored) - MOST_TOLD} more that do not count; --json lists them")
    return [one_line(line, 300) for line in told]
