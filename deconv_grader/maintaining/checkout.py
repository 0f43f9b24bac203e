"""A checkout of the course: where the pieces of an exercise stand, and their text."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

from deconvlib.course.catalogue import CHAPTERS, Definition, Exercise, is_stub, read_module
from deconvlib.course.workspace import PACKAGE

MARK = "TODO"  # what a skeleton leaves to be written


class Unsound(ValueError):
    """A file of the course cannot be read; the message names it and says why."""


class Checkout:
    """The course's files, read once each. `root` is the folder that holds ``deconvlib/``."""

    def __init__(self, root: Path = PACKAGE.parent):
        self.root = root
        self._texts: dict[Path, str] = {}
        self._trees: dict[Path, ast.Module] = {}
        self._chapters: dict[str, dict[str, Exercise]] = {}

    # Where the pieces stand

    def stubs(self, chapter: str) -> Path:
        return self.root / "deconvlib" / f"{chapter}.py"

    def pristine(self, chapter: str) -> Path:
        """The copy from which the grader reads what the exercises are: no learner writes in it."""
        return self.root / "deconvlib" / "course" / "stubs" / f"{chapter}.py"

    def solutions(self, chapter: str) -> Path:
        return self.root / "solutions" / f"{chapter}.py"

    def checks(self, chapter: str) -> Path:
        return self.root / "tests" / f"test_{chapter}.py"

    def mistakes(self, chapter: str) -> Path:
        return self.root / "tests" / "mistakes" / f"{chapter}.py"

    def variants(self, chapter: str) -> Path:
        return self.root / "tests" / "variants" / f"{chapter}.py"

    def agreement(self, chapter: str) -> Path:
        return self.root / "tests" / "course" / f"test_agreement_{chapter}.py"

    def notebook(self, chapter: str) -> Path:
        return self.root / "chapters" / f"{CHAPTERS[chapter]:02}-{chapter}.ipynb"

    @property
    def sheet(self) -> Path:
        return self.root / "chapters" / "formula-sheet.md"

    @property
    def contents(self) -> Path:
        return self.root / "_toc.yml"

    def name(self, path: Path) -> str:
        """A file as messages name it."""
        return path.relative_to(self.root).as_posix()

    # What stands in them

    def text(self, path: Path) -> str:
        """A file's text; empty where there is no file."""
        if path not in self._texts:
            try:
                self._texts[path] = path.read_text(encoding="utf-8") if path.is_file() else ""
            except UnicodeDecodeError:
                raise Unsound(f"{self.name(path)}: the text is not UTF-8") from None
        return self._texts[path]

    def tree(self, path: Path) -> ast.Module:
        if path not in self._trees:
            try:
                self._trees[path] = ast.parse(self.text(path))
            except (SyntaxError, ValueError) as error:
                line = f", line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else f": {error}"
                raise Unsound(f"{self.name(path)}{line}") from None
        return self._trees[path]

    def cells(self, path: Path) -> list[dict[str, Any]]:
        """The cells of a notebook that hold something; none where there is no notebook."""
        if not self.text(path):
            return []
        try:
            return [cell for cell in json.loads(self.text(path))["cells"] if cell["source"]]
        except (ValueError, KeyError, TypeError):
            raise Unsound(f"{self.name(path)} is not a notebook") from None

    @property
    def written_chapters(self) -> list[str]:
        """The chapters that are there, in the order of the course."""
        return [chapter for chapter in CHAPTERS if self.pristine(chapter).is_file()]

    def chapter(self, chapter: str) -> dict[str, Exercise]:
        """The exercises of a chapter, in the module's order."""
        if chapter not in self._chapters:
            path = self.pristine(chapter)
            self.tree(path)  # says where it is not Python
            try:
                self._chapters[chapter] = read_module(path) if path.is_file() else {}
            except (ValueError, TypeError) as error:
                raise Unsound(f"{self.name(path)}: {error}") from None
        return self._chapters[chapter]

    def exercises(self) -> dict[str, Exercise]:
        """Every exercise by its name, in the order of the course."""
        found: dict[str, Exercise] = {}
        for chapter in self.written_chapters:
            found |= self.chapter(chapter)
        return found

    def definitions(self, path: Path) -> dict[str, Definition]:
        """The functions and classes at the top of a file."""
        return {node.name: node for node in self.tree(path).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}

    def marked(self, path: Path, decorator: str, exercise: str | None = None) -> list[Definition]:
        """The definitions under ``@decorator("exercise", ...)``, of every exercise if none is named."""
        return [
            node
            for node in self.definitions(path).values()
            if any(exercise in (None, said) for said in marks(node, decorator))
        ]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def exercise_of_cell(cell: dict[str, Any]) -> str | None:
    """The exercise that a cell is for."""
    found = re.match(r"%%exercise (\w+)\n", source(cell)) if cell["cell_type"] == "code" else None
    return found[1] if found else None


def marks(node: Definition, decorator: str) -> list[str]:
    """The exercises that a definition is marked with by ``@decorator("exercise", ...)``."""
    calls = [part for part in node.decorator_list if isinstance(part, ast.Call)]
    calls = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == decorator]
    said = [next(iter([*call.args, *(k.value for k in call.keywords if k.arg == "exercise")]), None) for call in calls]
    return [part.value for part in said if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def unwritten(node: Definition) -> bool:
    """Whether a definition is a skeleton: its body only raises, or a text in it is still to be written."""
    texts = (part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))
    return is_stub(node) or any(MARK in text for text in texts)
