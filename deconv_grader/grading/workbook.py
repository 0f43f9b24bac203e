"""The learner's own copy of the course: which exercises are written, what the last check said, where it is kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import deconv_tests
from deconv_grader.answers import editing, writer
from deconv_grader.answers.cells import read_cell
from deconv_grader.answers.reader import Binding, Module, read
from deconv_grader.answers.source import CannotEdit, Source
from deconv_grader.answers.submission import CannotRead, Submission
from deconv_grader.grading.reading import read_submission
from deconv_grader.isolation import forkserver, libraries
from deconv_grader.values.failures import CannotIsolate
from deconv_grader.values.statuses import STATUSES
from deconvlib.course.catalogue import Exercise, exercises
from deconvlib.course.workspace import learners_folder

if TYPE_CHECKING:  # what takes long to import is imported when it is needed
    from deconv_grader.checks.results import ExerciseResult

TESTS = Path(str(deconv_tests.__file__)).resolve().parent


class Workbook:
    """The exercises in the learner's files, with the score of each as last checked."""

    def __init__(self, folder: Path | None = None):
        self.folder = folder or learners_folder()
        self.modules = self.folder / "deconvlib"
        self.lacks = ""  # why the last check had no workers

    @cached_property
    def exercises(self) -> dict[str, Exercise]:
        """The course's exercises by name; points, needs and hints are the course's own, never the learner's."""
        return exercises()

    def path(self, exercise: Exercise) -> Path:
        return self.modules / f"{exercise.chapter}.py"

    def module(self, exercise: Exercise) -> Module | None:
        """The text that the exercise is in, taken apart; None where the learner has no such file: the reference answers.

        Raises
        ------
        CannotRead
            If there is something else, or no text that Python reads.
        """
        path = self.path(exercise)
        return read(Source.read(path).text, path.name) if os.path.lexists(path) else None

    def answer(self, exercise: Exercise) -> Binding | None:
        """What counts as the learner's answer, written or not; None where there is nothing."""
        module = self.module(exercise)
        return module.counting(exercise.name) if module else None

    def problem(self, exercise: Exercise) -> str:
        """Why the exercise's file is not Python, with the line; empty if it is, or is not there."""
        try:
            module = self.module(exercise)
        except CannotEdit as error:
            return str(error)
        return module.problem if module else ""

    def written(self, exercise: Exercise) -> bool:
        """Whether there is an answer. In a file that is not Python: as far as it can be read."""
        try:
            answer = self.answer(exercise)
        except CannotEdit:
            return False
        return answer is not None and answer.written

    # ------------------------------------------------------------------------------------------------------ progress

    @property
    def _progress_file(self) -> Path:
        return self.folder / ".deconv" / "progress.json"

    def _progress(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._progress_file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def fingerprint(self, exercise: Exercise) -> str:
        """A hash of the learner's module and the checks: a kept result is good for exactly these."""
        digest = hashlib.sha256()
        for path in (self.path(exercise), TESTS / f"test_{exercise.chapter}.py"):
            with contextlib.suppress(OSError):
                digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    def record(self, results: list[ExerciseResult]) -> None:
        """Keep the scores of these exercises."""
        kept = {
            result.exercise.id: {
                "status": result.status,
                "points": result.points,
                "of": self.fingerprint(result.exercise),
            }
            for result in results
        }
        with contextlib.suppress(OSError, CannotEdit), writer.alone(self.folder):
            # In a folder that is read-only, or full, progress is not kept.
            progress = self._progress() | kept
            writer.replace_file(self._progress_file, (json.dumps(progress, indent=1) + "\n").encode())

    def status(self, exercise: Exercise) -> tuple[str, int]:
        """(status, points): ``not started``, ``unchecked`` after a change, ``unreadable``, or as last checked."""
        if self.problem(exercise):
            return "unreadable", 0
        if not self.written(exercise):
            return "not started", 0
        kept = self._progress().get(exercise.id)
        if not isinstance(kept, dict) or kept.get("of") != self.fingerprint(exercise):
            return "unchecked", 0
        status, points = kept.get("status"), kept.get("points")
        if status not in STATUSES or type(points) is not int or not 0 <= points <= exercise.points:
            return "unchecked", 0  # somebody else wrote there
        return status, points

    # ------------------------------------------------------------------------------------------------------- checking

    def check(self, chosen: list[Exercise], interrupted: Callable[[], bool] = lambda: False) -> list[ExerciseResult]:
        """Check the learner's answers in workers, as a submission is graded, and keep the scores.

        Where there can be no workers the checks run in this process, or a child of it, and `lacks` says why.

        Raises
        ------
        deconv_grader.values.failures.Stopped
            If `interrupted`, asked while the answers are computing, says so.
        """
        lacking = {exercise.name: libraries.lacking([exercise]) for exercise in chosen}
        able = [exercise for exercise in chosen if not lacking[exercise.name]]
        found: list[ExerciseResult] = []
        try:
            submission = read_submission(self.modules)
            forkserver.start_ahead(filter(self.written, able))  # before pytest, NumPy and more are imported here
            found = self._in_workers(able, submission, interrupted)
        except CannotRead as error:
            lacking = {exercise.name: str(error) for exercise in chosen}
        except CannotIsolate as error:
            self.lacks = str(error)
            found = self._without_workers(able, submission.sources, interrupted)
        from deconv_grader.checks.results import ExerciseResult, note_wrong_needs

        named = {result.exercise.name: result for result in found}
        results = [
            named.get(exercise.name) or ExerciseResult(exercise, problem=lacking[exercise.name]) for exercise in chosen
        ]
        self.record(results)
        note_wrong_needs(results, lambda name: self.status(self.exercises[name])[0])
        return results

    def _in_workers(
        self, chosen: list[Exercise], submission: Submission, interrupted: Callable[[], bool]
    ) -> list[ExerciseResult]:
        from deconv_grader.grading.checking import checked
        from deconv_grader.isolation.isolated import IsolatedAnswers

        answers = IsolatedAnswers(submission, interrupted=interrupted)
        try:
            results = checked(chosen, answers, submission.sources, reveal=True)
        finally:
            answers.close()
        if answers.trouble is not None:
            raise answers.trouble
        return results

    def _without_workers(
        self, chosen: list[Exercise], sources: Mapping[str, str], interrupted: Callable[[], bool]
    ) -> list[ExerciseResult]:
        from deconv_grader.checks.in_process import InProcess
        from deconv_grader.grading.checking import checked, in_a_child

        if not hasattr(os, "fork"):
            return checked(chosen, InProcess(), sources, reveal=True)
        import deconv_grader.checks.runner  # noqa: F401  (once, for all children)

        return [
            in_a_child(exercise, partial(checked, [exercise], InProcess(), sources, reveal=True), interrupted)
            for exercise in chosen
        ]

    # -------------------------------------------------------------------------------------------------------- editing

    def reset(self, exercise: Exercise) -> Path | None:
        """Put the course's empty exercise back. The whole file as it was is kept in the returned one.

        Raises
        ------
        CannotEdit
            If that cannot be done; the file is as it was.
        """
        return editing.reset(self.path(exercise), exercise)

    def write_cell(self, exercise: Exercise, cell: str, above: int = 1) -> str:
        """Write a notebook cell's body into the module. Returns what happened: written, same, stub or kept.

        Raises
        ------
        CannotEdit
            If the cell is not the exercise's, or its file cannot be written; the file is as it was.
        """
        answer = read_cell(cell, exercise.name, exercise.chapter, above)
        stub = editing.pristine(exercise.chapter)
        wanted = stub.definition(exercise.name)
        if answer.arguments != stub.arguments(wanted):
            raise CannotEdit(
                f"the cell defines {exercise.name}({answer.arguments}), expected {exercise.name}({stub.arguments(wanted)})"
            )
        if answer.bases != stub.bases(wanted):
            found, expected = ", ".join(answer.bases), ", ".join(stub.bases(wanted))
            raise CannotEdit(f"the cell has class {exercise.name}({found}), expected {exercise.name}({expected})")
        if not answer.written:
            return "kept" if self.written(exercise) else "stub"
        path = self.path(exercise)
        if not os.path.lexists(path):
            writer.create(path, editing.pristine(exercise.chapter).text.encode())
        kept = editing.write(path, exercise, answer.body, answer.beside)
        return "same" if kept is None else "written"


def by_chapter(found: dict[str, Exercise]) -> dict[str, list[Exercise]]:
    """Exercises grouped by chapter, in order."""
    groups: dict[str, list[Exercise]] = {}
    for exercise in found.values():
        groups.setdefault(exercise.chapter, []).append(exercise)
    return groups
