"""Grading a submission for credit: its exercises, its score, and under what conditions they came about."""

from __future__ import annotations

import functools
import secrets
import subprocess
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deconv_grader.answers.layouts import Ignored
from deconv_grader.answers.submission import Submission
from deconv_grader.checks.results import CheckResult, ExerciseResult, note_wrong_needs
from deconv_grader.grading.checking import checked
from deconv_grader.grading.course import course_fingerprint, versions
from deconv_grader.grading.reading import course_exercises, read_submission
from deconv_grader.isolation import libraries, sandbox
from deconv_grader.isolation.isolated import IsolatedAnswers
from deconv_grader.values.failures import CannotIsolate
from deconv_grader.values.text import one_line, printable
from deconvlib.course.catalogue import Exercise, exercises
from deconvlib.course.workspace import PACKAGE

SCHEMA = "deconv/result/v1"
BUDGET = 300.0  # seconds of the processor for a submission's own code, unless told otherwise; right ones take 10
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
    seed: int | None = None  # of the drawn cases; None: those of practice
    course: str = ""  # a fingerprint of what graded it
    learners: list[dict[str, str]] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    ignored: list[dict[str, str]] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)  # earlier ones, which did not count
    unreadable: bool = False  # nothing could be graded; the notes say why

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
            "course": self.course,
            "seed": self.seed,
            "learners": self.learners,
            "unreadable": self.unreadable,
            "read": self.read,
            "ignored": self.ignored,
            "attempts": self.attempts,
            "notes": self.notes,
            "exercises": {result.exercise.id: result.as_dict() for result in self.results},
        }

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Grading:
        """A grading read back from its JSON."""
        known = {exercise.id: exercise for exercise in exercises().values()}
        results = []
        for identity, entry in facts["exercises"].items():
            if identity not in known:
                raise ValueError(f"the result names {identity!r}, which is no exercise of this course")
            results.append(_result(known[identity], entry))
        kept = {part.name for part in fields(cls)} - {"results"}
        return cls(results=results, **{key: facts[key] for key in kept})


def _result(exercise: Exercise, entry: dict[str, Any]) -> ExerciseResult:
    from deconv_grader.checks.feedback import Feedback

    checks = []
    for check in entry["checks"]:
        feedback = Feedback.from_dict(check["feedback"]) if check["feedback"] else None
        checks.append(CheckResult(**{**check, "feedback": feedback}))
    needs = tuple(entry["wrong prerequisites"])
    return ExerciseResult(exercise, checks, entry["problem"] or "", entry["status"] == "forbidden", needs)


@functools.cache
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
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, encoding="utf-8", timeout=10, check=True)
    return done.stdout.strip()


class NotIsolatedEnough(RuntimeError):
    """The level of isolation asked for was not reached: nothing was graded."""


def fresh_seed() -> int:
    """A seed that no learner has seen."""
    return secrets.randbelow(1 << 32)


def grade(
    handed_in: Path | Submission,
    only: Iterable[Exercise] | None = None,
    level: str = "best",
    require: str | None = None,
    name: str | None = None,
    seed: int | None = None,
    seconds: float | None = None,
) -> Grading:
    """Grade a submission in isolated workers.

    Parameters
    ----------
    handed_in
        A folder, a module, a notebook or a zip; or such a thing, read already.
    only
        The exercises to grade (default: all).
    level
        The level of isolation to aim for, one of `sandbox.LEVELS`, or ``"best"``.
    require
        Refuse to grade below this level.
    name
        What the result calls the submission (default: the path's last part).
    seed
        Of the cases that checks draw (default: a fresh one). The same seed gives the same cases again.
    seconds
        Of the processor for the submission's code in all checks together, as in `IsolatedAnswers`.

    Raises
    ------
    NotIsolatedEnough
        If `require` is not reached.
    CannotIsolate
        If no worker can be started, or a library is missing that an exercise needs.
    """
    begun = time.perf_counter()
    chosen = list(course_exercises().values() if only is None else only)
    wanted = _wanted_level(level, require)
    if problem := libraries.lacking(chosen):
        raise CannotIsolate(f"{problem}, or name with --only what is to be graded")
    submission = handed_in if isinstance(handed_in, Submission) else read_submission(handed_in)
    seed = fresh_seed() if seed is None else seed
    answers = IsolatedAnswers(submission, wanted, require=require, seconds=seconds)
    results = _results(chosen, submission, answers, seed)
    reached = answers.level or wanted
    if require is not None and not sandbox.at_least(reached, require):
        raise NotIsolatedEnough(
            f"isolation {require!r} is required and {reached!r} was reached; the result is discarded"
        )
    notes = [*submission.notes, *(note for result in results for note in result.notes)]
    if not sandbox.at_least(reached, sandbox.READS_CONFINED):
        notes.append(
            f"at isolation level {reached!r} a submission may have read the course's files, solutions included"
        )
    grading = _finish(name or submission.path.resolve().name, results, reached, begun, notes)
    grading.seed = seed
    grading.read = [printable(where) for where in submission.read]
    grading.ignored = [{key: printable(text) for key, text in asdict(one).items()} for one in submission.ignored]
    return grading


def _wanted_level(level: str, require: str | None) -> str:
    """The level of isolation to aim for."""
    wanted = sandbox.best_level() if level == "best" else level
    if require is not None and not sandbox.at_least(wanted, require):
        raise NotIsolatedEnough(
            f"isolation {require!r} is required and {wanted!r} "
            f"{'is the strongest here' if level == 'best' else 'was asked for'}; nothing was graded"
        )
    return wanted


def _results(
    chosen: list[Exercise], submission: Submission, answers: IsolatedAnswers, seed: int
) -> list[ExerciseResult]:
    """Run the checks of what a submission holds."""
    try:
        answers.probe()  # refuses before anything of the submission runs
        results = checked(chosen, answers, submission.sources, reveal=False, seed=seed)
    finally:
        answers.close()
    if answers.trouble is not None:
        raise answers.trouble  # a machine that cannot start workers is no fault of the learner's
    note_wrong_needs(results)
    return results


def cannot_grade(
    name: str, reason: str, only: Iterable[Exercise] | None = None, ignored: Iterable[Ignored] = ()
) -> Grading:
    """The result of a submission that cannot be read or graded: no points, and why."""
    reason = one_line(reason)
    chosen = list(course_exercises().values() if only is None else only)
    results = [ExerciseResult(exercise, problem=reason) for exercise in chosen]
    grading = _finish(name, results, "process", time.perf_counter(), [reason])
    grading.seconds, grading.unreadable = 0.0, True
    grading.ignored = [{key: printable(text) for key, text in asdict(one).items()} for one in ignored]
    return grading


def grade_in_process(path: Path, only: Iterable[Exercise] | None = None, name: str | None = None) -> Grading:
    """Grade one's own copy in this process: quick, and worth nothing as evidence. The result says so."""
    from deconv_grader.checks.in_process import InProcess

    begun = time.perf_counter()
    chosen = list(course_exercises().values() if only is None else only)
    results = checked(chosen, InProcess(), read_submission(path / "deconvlib").sources, reveal=True)
    note_wrong_needs(results)
    return _finish(name or path.resolve().name, results, IN_PROCESS, begun, ["graded in process: no isolation"])


def _finish(name: str, results: list[ExerciseResult], isolation: str, begun: float, notes: list[str]) -> Grading:
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    seconds = time.perf_counter() - begun
    return Grading(
        name, results, isolation, seconds, finished, versions(), revision(), notes, course=course_fingerprint()
    )
