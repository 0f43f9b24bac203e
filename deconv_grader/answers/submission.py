"""What a learner handed in, as text: read by the grader with care, and never imported by it.

A submission is a folder with a ``deconvlib/`` in it (everything else is ignored), a folder of chapter modules, one
module, or a notebook with exercise cells. Links are not followed, and only ordinary files of a sensible size are read;
what is wrong with one module is said of that module alone.
"""

from __future__ import annotations

import ast
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LARGEST_MODULE = 256 << 10
LARGEST_NOTEBOOK = 32 << 20
MOST_MODULES = 100
LARGEST_TOTAL = 2 << 20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_MAGIC = re.compile(r"\s*%%exercise[ \t]+([A-Za-z_][A-Za-z0-9_]*)[ \t]*\n")


class CannotRead(ValueError):
    """There is nothing to grade at this path; the message says why."""


@dataclass
class Submission:
    """A learner's modules.

    `sources` maps a module's name in ``deconvlib`` to its text, `problems` that of a module that could not be read to the
    reason, and `broken` an exercise whose notebook cell is not Python to the reason.
    """

    path: Path
    sources: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, exercises: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Submission:
        """Read what is at `path`.

        Parameters
        ----------
        path
            A folder, a module or a notebook.
        exercises
            Exercise name -> the module that it belongs to.
        headers
            Module -> the imports that a notebook's cells of that module may rely on (see `imports_of`).

        Raises
        ------
        CannotRead
            If it is none of these.
        """
        chapters = set(exercises.values())
        if path.is_dir():
            return cls._from_folder(path, chapters)
        if not path.is_file():
            raise CannotRead(f"{path} is neither a folder nor a file")
        if path.suffix == ".ipynb":
            sources, broken = extract_notebook(path, exercises, headers or {})
            if not sources and not broken:
                raise CannotRead(f"{path.name} has no cell that begins with %%exercise NAME")
            return cls(path, sources, {}, broken)
        if path.suffix == ".py":
            if path.stem not in chapters:
                raise CannotRead(f"{path.name} is no chapter's module; those are {', '.join(sorted(chapters))}")
            out = cls(path)
            out._add(path.stem, path.resolve())
            return out
        raise CannotRead(f"{path.name} is neither a folder, a module (.py) nor a notebook (.ipynb)")

    @classmethod
    def _from_folder(cls, path: Path, chapters: set[str]) -> Submission:
        out = cls(path)
        folder = path / "deconvlib"
        if os.path.lexists(folder):
            if folder.is_symlink() or not folder.is_dir():
                raise CannotRead(f"{folder} is not a folder of its own")
            out._add_folder(folder, "")
        else:
            for name in sorted(chapters):
                if os.path.lexists(path / f"{name}.py"):
                    out._add(name, path / f"{name}.py")
        if not out.sources and not out.problems:
            raise CannotRead(f"{path} has no deconvlib/ with a chapter's module in it")
        return out

    def _add_folder(self, folder: Path, prefix: str) -> None:
        """All modules of a folder and of the folders in it, the course's own `course` left out."""
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise CannotRead(f"{folder.name} is not read: {error.strerror}") from None
        for entry in found:
            name = entry.name.removesuffix(".py")
            if not _NAME.match(name) or name == "__init__" or (not prefix and name == "course"):
                continue
            if entry.name.endswith(".py"):
                self._add(prefix + name, Path(entry.path))
            elif entry.is_dir(follow_symlinks=False) and prefix.count(".") < 3:
                self._add_folder(Path(entry.path), f"{prefix}{name}.")

    def _add(self, name: str, path: Path) -> None:
        if len(self.sources) >= MOST_MODULES:
            self.problems[name] = f"{path.name}: there are more than {MOST_MODULES} modules"
            return
        try:
            text = read_text(path, LARGEST_MODULE)
        except CannotRead as error:
            self.problems[name] = str(error)
            return
        if sum(map(len, self.sources.values())) + len(text) > LARGEST_TOTAL:
            self.problems[name] = f"{path.name}: the modules are too large together"
            return
        self.sources[name] = text


def read_text(path: Path, largest: int) -> str:
    """The text of an ordinary file.

    Raises
    ------
    CannotRead
        If it is a link, a device or a pipe, too large, or not UTF-8.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        reason = "it is a link" if path.is_symlink() else error.strerror or "it cannot be opened"
        raise CannotRead(f"{path.name} is not read: {reason}") from None
    with open(handle, "rb") as stream:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise CannotRead(f"{path.name} is not read: it is not an ordinary file")
        if facts.st_size > largest:
            raise CannotRead(f"{path.name} is not read: {facts.st_size:,} bytes are more than {largest:,}")
        data = stream.read(largest + 1)
    if len(data) > largest:
        raise CannotRead(f"{path.name} is not read: it grew while it was read")
    if b"\0" in data:
        raise CannotRead(f"{path.name} is not read: it holds null bytes")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise CannotRead(f"{path.name}, line {line}: the text is not UTF-8") from None


def extract_notebook(
    path: Path, exercises: Mapping[str, str], headers: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The modules that a notebook's ``%%exercise`` cells amount to, and the exercises whose cell is not Python.

    The last cell of an exercise counts. Nothing is run, and stored outputs are not looked at.
    """
    try:
        notebook = json.loads(read_text(path, LARGEST_NOTEBOOK))
        cells = [cell for cell in notebook["cells"] if isinstance(cell, dict) and cell.get("cell_type") == "code"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise CannotRead(f"{path.name} is not a notebook") from None
    latest: dict[str, str] = {}
    for cell in cells:
        source = cell.get("source", "")
        if isinstance(source, list):
            source = "".join(part for part in source if isinstance(part, str))
        found = _MAGIC.match(source) if isinstance(source, str) else None
        if found and found[1] in exercises:
            latest.pop(found[1], None)
            latest[found[1]] = source[found.end() :].rstrip() + "\n"
    sources: dict[str, str] = {}
    broken = {}
    for name, text in latest.items():
        if len(text) > LARGEST_MODULE:
            broken[name] = f"the cell of {name} is not read: {len(text):,} characters are more than {LARGEST_MODULE:,}"
            continue
        if sum(map(len, sources.values())) + len(text) > LARGEST_TOTAL:
            broken[name] = f"the cell of {name} is not read: the cells are too large together"
            continue
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None)
            broken[name] = f"the cell of {name}{f', line {line + 1}' if line else ''}: {_reason(error)}"
            continue
        module = exercises[name]
        sources[module] = sources.get(module) or headers.get(module, "")
        sources[module] += f"\n\n{text}"
    return sources, broken


def _reason(error: BaseException) -> str:
    return error.msg if isinstance(error, SyntaxError) else "the text is nested too deeply"


def imports_of(source: str) -> str:
    """The import statements at the top of a module, up to its first definition."""
    lines = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            break
        if isinstance(node, ast.Import | ast.ImportFrom | ast.If):
            lines.append(ast.unparse(node))
    return "\n".join(lines) + "\n"


def written_exercises(source: str, names: set[str]) -> set[str] | None:
    """Which of `names` have a body in a module's text; None if the text is not Python, and importing it will say why."""
    from deconvlib.course.catalogue import is_stub

    try:
        nodes = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if node.name in names:
                (found.discard if is_stub(node) else found.add)(node.name)
        else:
            found |= names & _assigned(node)
    return found


def _assigned(node: ast.stmt) -> set[str]:
    """Names that a statement at the top of a module may bind: an alias is an answer, too."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)} | {
        part.name for part in ast.walk(node) if isinstance(part, ast.FunctionDef | ast.ClassDef)
    }
