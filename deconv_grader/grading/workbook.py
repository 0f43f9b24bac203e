"""The learner's own copy of the course: which exercises are written, what the last check said, where it is kept."""

from __future__ import annotations

import ast
import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any

from deconv_grader.answers import editing
from deconv_grader.answers.forbidden import forbidden_in
from deconv_grader.checks.in_process import InProcess
from deconv_grader.checks.results import ExerciseResult
from deconv_grader.checks.runner import TESTS, run
from deconv_grader.isolation import libraries
from deconvlib.course.catalogue import Exercise, exercises, prerequisites
from deconvlib.course.workspace import PACKAGE, find_workspace


class Workbook:
    """The exercises in the learner's files, with the score of each as last checked."""

    def __init__(self, folder: Path | None = None):
        self.folder = folder or find_workspace() or PACKAGE.parent
        self.modules = self.folder / "deconvlib"

    @cached_property
    def exercises(self) -> dict[str, Exercise]:
        """The course's exercises by name; points, needs and hints are the course's own, never the learner's."""
        return exercises(PACKAGE)

    def path(self, exercise: Exercise) -> Path:
        return self.modules / f"{exercise.chapter}.py"

    def source(self, exercise: Exercise) -> editing.Source:
        path = self.path(exercise)
        if not path.is_file():
            raise editing.CannotEdit(f"{path} is missing; `deconv start` brings it back")
        return editing.locate(path, exercise.name)

    # ------------------------------------------------------------------------------------------------------ progress

    @property
    def _progress_file(self) -> Path:
        return self.folder / ".deconv" / "progress.json"

    def _progress(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._progress_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def fingerprint(self, exercise: Exercise) -> str:
        """A hash of the learner's module and the checks: a kept result is good for exactly these."""
        digest = hashlib.sha256()
        for path in (self.path(exercise), TESTS / f"test_{exercise.chapter}.py"):
            digest.update(path.read_bytes() if path.is_file() else b"")
        return digest.hexdigest()[:16]

    def record(self, results: list[ExerciseResult]) -> None:
        """Keep the scores of these exercises."""
        progress = self._progress()
        for result in results:
            progress[result.exercise.id] = {
                "status": result.status,
                "points": result.points,
                "of": self.fingerprint(result.exercise),
            }
        try:
            self._progress_file.parent.mkdir(parents=True, exist_ok=True)
            self._progress_file.write_text(json.dumps(progress, indent=1) + "\n", encoding="utf-8")
        except OSError:
            pass  # a read-only folder: progress is not kept

    def status(self, exercise: Exercise) -> tuple[str, int]:
        """(status, points): ``not started``, ``unchecked`` after a change, or as last checked."""
        try:
            written = self.source(exercise).written
        except editing.CannotEdit:
            return "unreadable", 0
        if not written:
            return "not started", 0
        kept = self._progress().get(exercise.id)
        if not isinstance(kept, dict) or kept.get("of") != self.fingerprint(exercise):
            return "unchecked", 0
        return str(kept.get("status")), int(kept.get("points", 0))

    # ------------------------------------------------------------------------------------------------------- checking

    def check(self, chosen: list[Exercise]) -> list[ExerciseResult]:
        """Check the learner's answers in this process, and keep the scores."""
        problems = {}
        for chapter in dict.fromkeys(exercise.chapter for exercise in chosen):
            of_chapter = [exercise for exercise in chosen if exercise.chapter == chapter]
            problems[chapter] = libraries.lacking(of_chapter) or self._import_problem(chapter)
        sound = [exercise for exercise in chosen if not problems[exercise.chapter]]
        forbidden = {exercise.name: self._forbidden(exercise) for exercise in sound}
        checked = {
            result.exercise.name: result
            for result in run([exercise for exercise in sound if not forbidden[exercise.name]], InProcess())
        }
        results = []
        for exercise in chosen:
            problem = problems[exercise.chapter] or forbidden.get(exercise.name, "")
            results.append(
                checked[exercise.name]
                if not problem
                else ExerciseResult(exercise, problem=problem, forbidden=bool(forbidden.get(exercise.name)))
            )
        self.record(results)
        for result in results:
            needs = [self.exercises[name] for name in prerequisites(result.exercise.name)]
            begun = [need.name for need in needs if self.status(need)[0] not in ("passed", "not started", "unchecked")]
            result.wrong_needs = tuple(begun)
        return results

    def _import_problem(self, chapter: str) -> str:
        import importlib
        import traceback

        path = self.modules / f"{chapter}.py"
        try:
            importlib.import_module(f"deconvlib.{chapter}")
        except SyntaxError as error:
            name = Path(error.filename or path).name
            return f"{name}, line {error.lineno}: {error.msg}: {(error.text or '').strip()}"
        except Exception as error:
            lines = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).name == path.name]
            where = f", line {lines[-1].lineno}: {lines[-1].line}" if lines else ""
            return f"{path.name} cannot be imported: {type(error).__name__}: {error}{where}"
        return ""

    def _forbidden(self, exercise: Exercise) -> str:
        path = self.path(exercise)
        return forbidden_in(path.read_text(encoding="utf-8") if path.is_file() else "", exercise)

    # -------------------------------------------------------------------------------------------------------- editing

    def reset(self, exercise: Exercise) -> Path:
        """Put the stub's body back; the old text is kept in the returned file."""
        source = self.source(exercise)
        kept = editing.backup(self.folder, exercise, source)
        editing.write(self.path(exercise), exercise, editing.stub_body(exercise))
        return kept

    def write_cell(self, exercise: Exercise, cell: str) -> str:
        """Write a notebook cell's body into the module. Returns what happened: written, same, stub or kept."""
        answer = editing.read_cell(cell, exercise.name)
        source = self.source(exercise)
        wanted = editing.bare_arguments(_arguments(exercise.signature))
        given = editing.bare_arguments(answer.arguments)
        if given != wanted:
            raise editing.CannotEdit(f"the cell defines {exercise.name}({given}), expected {exercise.name}({wanted})")
        if answer.bases != source.bases:
            found, expected = ", ".join(answer.bases), ", ".join(source.bases)
            raise editing.CannotEdit(
                f"the cell has class {exercise.name}({found}), expected {exercise.name}({expected})"
            )
        if not answer.written:
            return "kept" if source.written else "stub"
        beside = editing.split_beside(source, exercise.name)[1]
        if (answer.body.strip(), answer.beside.strip()) == (source.body_text.strip(), beside.strip()):
            return "same"
        if source.written:
            editing.backup(self.folder, exercise, source)
        editing.write(self.path(exercise), exercise, answer.body, answer.beside)
        return "written"


def _arguments(signature: str) -> str:
    node = ast.parse(f"def {signature.removeprefix('class ')}: ...").body[0]
    assert isinstance(node, ast.FunctionDef)
    return ast.unparse(node.args)


def by_chapter(found: dict[str, Exercise]) -> dict[str, list[Exercise]]:
    """Exercises grouped by chapter, in order."""
    groups: dict[str, list[Exercise]] = {}
    for exercise in found.values():
        groups.setdefault(exercise.chapter, []).append(exercise)
    return groups
