"""What a learner handed in, as text: read by the grader with care, and never imported by it.

A submission is a module, a notebook with exercise cells, or a folder or zip with any of these in it, at whatever depth;
`layouts` finds them. Links are not followed, and only ordinary files of a sensible size are read; what is wrong with one
file is said of that file alone.
"""

from __future__ import annotations

import ast
import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deconv_grader.answers.layouts import MOST_SAID, Found, Ignored, Look, look
from deconv_grader.answers.merging import Part, merge

LARGEST_MODULE = 256 << 10
LARGEST_NOTEBOOK = 32 << 20
MOST_MODULES = 100
LARGEST_TOTAL = 2 << 20
_MAGIC = re.compile(r"\s*%%exercise[ \t]+([A-Za-z_][A-Za-z0-9_]*)[ \t]*\n")


class CannotRead(ValueError):
    """There is nothing to grade at this path; the message says why, and `ignored` what lay there."""

    def __init__(self, message: str, ignored: Sequence[Ignored] = ()):
        super().__init__(message)
        self.ignored = list(ignored)


@dataclass
class Submission:
    """A learner's modules.

    `sources` maps a module's name in ``deconvlib`` to its text, `problems` that of a module that could not be read to the
    reason, and `broken` an exercise whose notebook cell is not Python to the reason. `read` are the files that these come
    from, `ignored` those that do not count, and `notes` say which of several counts.
    """

    path: Path
    sources: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def read_from(
        cls,
        paths: Path | Sequence[Path],
        exercises: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
    ) -> Submission:
        """Read what one learner handed in.

        Parameters
        ----------
        paths
            A folder, a module, a notebook or a zip; or several of them, which are one submission.
        exercises
            Exercise name -> the module that it belongs to.
        headers
            Module -> the imports that a notebook's cells of that module may rely on (see `imports_of`).

        Raises
        ------
        CannotRead
            If there is no answer in it.
        """
        paths = [paths] if isinstance(paths, Path) else list(paths)
        for path in paths:
            if not path.exists():
                raise CannotRead(f"{path.name or path} is neither a folder nor a file")
        out = cls(paths[0])
        names = {
            module: frozenset(name for name, home in exercises.items() if home == module)
            for module in exercises.values()
        }
        with look(paths, set(exercises.values())) as looked:
            parts = out._parts(looked, names, exercises, headers or {})
        out.ignored = looked.ignored
        for module, texts in parts.items():
            merged = merge(texts, names.get(module, frozenset()))
            if sum(map(len, out.sources.values())) + len(merged.text) > LARGEST_TOTAL:
                out.problems[module] = f"{module}.py: the modules are too large together"
                continue
            out.sources[module] = merged.text
            out.read += [where for where in merged.read if where not in out.read]
            out.notes += merged.notes
            out.ignored += [one for one in merged.ignored if one.path not in out.read]
        out.ignored = [one for one in out.ignored if one.path not in out.read]
        out._settle(looked.unusable, exercises)
        if not out.sources and not out.problems and not out.broken:
            raise CannotRead(_nothing(out), out.ignored)
        return out

    def _parts(
        self,
        looked: Look,
        names: Mapping[str, frozenset[str]],
        exercises: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> dict[str, list[Part]]:
        """The text of every file that was found, by module."""
        parts: dict[str, list[Part]] = {}
        for found in looked.found:
            try:
                texts = self._texts(found, exercises, headers)
            except CannotRead as error:
                looked.ignore(found.where, str(error))
                if found.module is not None:
                    self.problems.setdefault(found.module, str(error))
                continue
            except Exception as error:  # one file costs itself
                looked.ignore(found.where, f"it cannot be read: {type(error).__name__}: {error}")
                continue
            for module, text in texts.items():
                if module not in parts and len(parts) >= MOST_MODULES:
                    looked.ignore(found.where, f"there are more than {MOST_MODULES} modules")
                    continue
                known = names.get(module, frozenset())
                written = written_exercises(text, set(known))
                parts.setdefault(module, []).append(
                    Part(found.where, text, found.changed, None if written is None else frozenset(written))
                )
        return parts

    def _texts(self, found: Found, exercises: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, str]:
        if found.module is not None:
            return {found.module: read_text(found.path, LARGEST_MODULE)}
        sources, broken = extract_notebook(found.path, exercises, headers)
        self.broken.update(broken)
        if not sources and not broken:
            raise CannotRead(f"{found.path.name} has no cell that begins with %%exercise NAME")
        if not sources:
            self.read.append(found.where)
        return sources

    def _settle(self, unusable: Mapping[str, str], exercises: Mapping[str, str]) -> None:
        """What is written elsewhere is no problem where it is not."""
        for module, reason in unusable.items():
            self.problems.setdefault(module, reason)
        for module in self.sources:
            self.problems.pop(module, None)
        for name in list(self.broken):
            text = self.sources.get(exercises[name], "")
            if name in (written_exercises(text, {name}) or ()):
                self.notes.append(f"{self.broken.pop(name)}; another {name} counts in its place")
        if len(self.ignored) > MOST_SAID:
            more = len(self.ignored) - MOST_SAID
            self.ignored[MOST_SAID:] = [Ignored("...", f"and {more} more files and folders that hold no answer")]


def _nothing(submission: Submission) -> str:
    """Why there is nothing to grade, in one line."""
    name = submission.path.resolve().name
    told = "; ".join(f"{one.path}: {one.reason}" for one in submission.ignored[:3])
    more = f"; and {len(submission.ignored) - 3} more" if len(submission.ignored) > 3 else ""
    return (
        f"{name} has no deconvlib/ with a chapter's module in it, no chapter's module and no notebook with %%exercise cells"
        + (f" ({told}{more})" if told else ": it is empty")
    )


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
