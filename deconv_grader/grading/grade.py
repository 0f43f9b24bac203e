"""Grading a submission for credit: its exercises, its score, and under what conditions they came about."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from deconv_grader.answers.submission import Submission
from deconv_grader.checks.results import CheckResult, ExerciseResult, note_wrong_needs
from deconv_grader.checks.runner import run
from deconv_grader.isolation import libraries, sandbox
from deconv_grader.isolation.isolated import IsolatedAnswers
from deconv_grader.values.failures import CannotIsolate
from deconvlib.course.catalogue import Exercise, exercises
from deconvlib.course.workspace import PACKAGE

SCHEMA = "deconv/result/v1"
IN_PROCESS = "none (in process)"


@dataclass
class Grading:
    """One submission, graded. The maximum is the list of exercises; nothing in a submission can change it."""

    submission: str
    results: list[ExerciseResult]
    isolation: str
    seconds: float
    finished: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    revision: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def score(self) -> int:
        return sum(result.points for result in self.results)

    @property
    def maximum(self) -> int:
        return sum(result.exercise.points for result in self.results)

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON has it: `SCHEMA`, published in ``deconv_grader/schemas/``."""
        return {
            "schema": SCHEMA,
            "submission": self.submission,
            "score": self.score,
            "maximum": self.maximum,
            "isolation": self.isolation,
            "finished": self.finished,
            "seconds": round(self.seconds, 3),
            "versions": self.versions,
            "revision": self.revision,
            "notes": self.notes,
            "exercises": {result.exercise.id: result.as_dict() for result in self.results},
        }

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Grading:
        """A grading read back from its JSON."""
        known = {exercise.id: exercise for exercise in exercises(PACKAGE).values()}
        results = []
        for identity, entry in facts["exercises"].items():
            if identity not in known:
                raise ValueError(f"the result names {identity!r}, which is no exercise of this course")
            results.append(_result(known[identity], entry))
        kept = ("submission", "isolation", "seconds", "finished", "versions", "revision", "notes")
        return cls(results=results, **{key: facts[key] for key in kept})


def _result(exercise: Exercise, entry: dict[str, Any]) -> ExerciseResult:
    from deconv_grader.checks.feedback import Feedback

    checks = []
    for check in entry["checks"]:
        feedback = Feedback.from_dict(check["feedback"]) if check["feedback"] else None
        checks.append(CheckResult(**{**check, "feedback": feedback}))
    needs = tuple(entry["wrong prerequisites"])
    return ExerciseResult(exercise, checks, entry["problem"] or "", entry["status"] == "forbidden", needs)


def versions() -> dict[str, str]:
    """What took part in a grading."""
    return {
        "deconvlib": metadata.version("deconvlib"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def revision() -> str | None:
    """The course's git revision, with ``+`` where its files differ from it; None outside a checkout."""
    root = PACKAGE.parent
    if not (root / ".git").exists():
        return None
    try:
        head = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return head + ("+" if changed else "")


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()


def course_exercises() -> dict[str, Exercise]:
    """The exercises to be graded: the course's own list."""
    return exercises(PACKAGE)


def read_submission(path: Path) -> Submission:
    """Read what was handed in.

    Raises
    ------
    deconv_grader.answers.submission.CannotRead
        If there is nothing to grade at `path`.
    """
    from deconv_grader.answers.submission import imports_of

    known = course_exercises()
    chapters = {name: exercise.chapter for name, exercise in known.items()}
    headers = {
        chapter: imports_of((PACKAGE / f"{chapter}.py").read_text(encoding="utf-8"))
        for chapter in dict.fromkeys(chapters.values())
    }
    return Submission.read(path, chapters, headers)


class NotIsolatedEnough(RuntimeError):
    """The level of isolation asked for was not reached: nothing was graded."""


def grade(
    handed_in: Path | Submission,
    only: Iterable[Exercise] | None = None,
    level: str = "best",
    require: str | None = None,
    name: str | None = None,
) -> Grading:
    """Grade a submission in isolated workers.

    Parameters
    ----------
    handed_in
        A folder with a ``deconvlib/``, a module or a notebook; or such a thing, read already.
    only
        The exercises to grade (default: all).
    level
        The level of isolation to aim for, one of `sandbox.LEVELS`, or ``"best"``.
    require
        Refuse to grade below this level.
    name
        What the result calls the submission (default: the path's last part).

    Raises
    ------
    NotIsolatedEnough
        If `require` is not reached.
    CannotIsolate
        If no worker can be started, or a library is missing that an exercise needs.
    """
    from deconv_grader.answers.forbidden import forbidden_in

    begun = time.perf_counter()
    chosen = list(course_exercises().values() if only is None else only)
    wanted = sandbox.best_level() if level == "best" else level
    if require is not None and not sandbox.at_least(wanted, require):
        raise NotIsolatedEnough(
            f"isolation {require!r} is required and {wanted!r} "
            f"{'is the strongest here' if level == 'best' else 'was asked for'}; nothing was graded"
        )
    if problem := libraries.lacking(chosen):
        raise CannotIsolate(f"{problem}, or name with --only what is to be graded")
    submission = handed_in if isinstance(handed_in, Submission) else read_submission(handed_in)
    answers = IsolatedAnswers(submission, wanted, require=require)
    try:
        answers.probe()  # refuses before anything of the submission runs
        spoken = {
            exercise.name: forbidden_in(submission.sources.get(exercise.chapter, ""), exercise) for exercise in chosen
        }
        checked = {
            result.exercise.name: result
            for result in run([exercise for exercise in chosen if not spoken[exercise.name]], answers, reveal=False)
        }
    finally:
        answers.close()
    if answers.trouble is not None:
        raise answers.trouble  # a machine that cannot start workers is no fault of the learner's
    results = []
    for exercise in chosen:
        if spoken[exercise.name]:
            results.append(ExerciseResult(exercise, problem=spoken[exercise.name], forbidden=True))
            continue
        result = checked[exercise.name]
        result.problem = answers.problems.get(exercise.chapter, "") or submission.broken.get(exercise.name, "")
        results.append(result)
    note_wrong_needs(results)
    reached = answers.level or wanted
    if require is not None and not sandbox.at_least(reached, require):
        raise NotIsolatedEnough(
            f"isolation {require!r} is required and {reached!r} was reached; the result is discarded"
        )
    notes = []
    if not sandbox.at_least(reached, sandbox.READS_CONFINED):
        notes.append(
            f"at isolation level {reached!r} a submission may have read the course's files, solutions included"
        )
    return _finish(name or submission.path.resolve().name, results, reached, begun, notes)


def grade_in_process(path: Path, only: Iterable[Exercise] | None = None, name: str | None = None) -> Grading:
    """Grade one's own copy in this process: quick, and worth nothing as evidence. The result says so."""
    from deconv_grader.grading.workbook import Workbook

    begun = time.perf_counter()
    chosen = list(course_exercises().values() if only is None else only)
    results = Workbook(path).check(chosen)
    return _finish(name or path.resolve().name, results, IN_PROCESS, begun, ["graded in process: no isolation"])


def _finish(name: str, results: list[ExerciseResult], isolation: str, begun: float, notes: list[str]) -> Grading:
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    return Grading(name, results, isolation, time.perf_counter() - begun, finished, versions(), revision(), notes)
