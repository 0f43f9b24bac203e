"""What was handed in, read as the course's list of exercises asks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deconv_grader.answers.submission import Submission
from deconvlib.course.catalogue import Exercise, exercises


def course_exercises() -> dict[str, Exercise]:
    """The exercises to be graded: the course's own list."""
    return exercises()


def read_submission(path: Path | Sequence[Path]) -> Submission:
    """Read what was handed in: a path, or several that are one submission.

    Raises
    ------
    deconv_grader.answers.submission.CannotRead
        If there is nothing to grade at `path`.
    """
    return Submission.read_from(path, {name: exercise.chapter for name, exercise in course_exercises().items()})
