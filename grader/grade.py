"""Grading one submission: the course's checks here, the learner's code in workers."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from deconv_grader.isolated import IsolatedAnswers
from deconv_grader.results import ExerciseResult
from deconv_grader.runner import run
from deconv_grader.submission import Submission, imports_of
from deconvlib.course.catalogue import Exercise, chapter_modules, exercises
from deconvlib.course.workspace import PACKAGE


@dataclass
class Grade:
    """What one submission earned, and how it was found out."""

    path: Path
    results: list[ExerciseResult]
    isolation: str  # the level that every worker reached; "in process" where there was none
    details: dict[str, Any]

    @property
    def score(self) -> int:
        return sum(result.points for result in self.results)

    @property
    def maximum(self) -> int:
        return sum(result.exercise.points for result in self.results)

    def as_dict(self) -> dict[str, Any]:
        return {
            "submission": self.path.name,
            "score": self.score,
            "maximum": self.maximum,
            "isolation": {"level": self.isolation, **self.details},
            "versions": versions(),
            "course": course_revision(),
            "exercises": {result.exercise.id: result.as_dict() for result in self.results},
        }


def read_submission(path: Path) -> Submission:
    """A submission to this course.

    Raises
    ------
    CannotRead
        If there is none at `path`.
    """
    chapters = {exercise.name: exercise.chapter for exercise in exercises(PACKAGE).values()}
    headers = {}
    if path.suffix == ".ipynb":
        headers = {module.stem: imports_of(module.read_text(encoding="utf-8")) for module in chapter_modules(PACKAGE)}
    return Submission.read(path, chapters, headers)


def grade(
    path: Path,
    chosen: Iterable[Exercise] | None = None,
    *,
    level: str = "best",
    require: str | None = None,
    memory_mb: int = 1024,
    deadline: float | None = None,
) -> Grade:
    """Grade a submission in workers.

    Parameters
    ----------
    path
        A folder with ``deconvlib/``, a chapter's module or a notebook.
    chosen
        The exercises; by default all of the course.
    level
        The isolation to use, one of `sandbox.LEVELS`, or ``"best"``.
    require
        The weakest level that will do.
    memory_mb, deadline
        Of a worker, and in seconds for each check (default: what the exercises declare).

    Raises
    ------
    CannotRead
        If there is nothing to grade.
    CannotIsolate
        If `require` cannot be reached here, before anything of the submission is run.
    """
    chosen = list(exercises(PACKAGE).values() if chosen is None else chosen)
    answers = IsolatedAnswers(read_submission(path), level, memory_mb, require, deadline)
    try:
        answers.probe()
        results = run(chosen, answers)
    finally:
        answers.close()
    for result in results:
        result.problem = answers.problem(result.exercise)
        result.forbidden = any(check.status == "forbidden" for check in result.checks)
    reached = dict(answers.reached or {})
    details = {key: reached[key] for key in ("landlock", "seccomp", "identity") if key in reached}
    return Grade(path, results, str(reached["level"]), details)


def versions() -> dict[str, str]:
    """The versions that a score depends on."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.release()}"}
    for package in ("deconvlib", "numpy", "scipy", "torch", "pytest", "hypothesis"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def course_revision() -> str | None:
    """The course's own revision, where it is a git checkout."""
    command = ["git", "-C", str(PACKAGE.parent), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
