"""An exception that a worker reports, made into one that may be raised in the grader."""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from deconv_grader.values.failures import NotAllowed
from deconv_grader.values.text import clean, one_line

MOST_LINES = 16
# What means something of its own where it is raised.
_REFUSED = (StopIteration, StopAsyncIteration)


class LearnerError(RuntimeError):
    """An exception of no built-in type, or of one that must not be raised here."""

    names_itself = True


def reported(reply: Mapping[str, Any], sources: Mapping[str, str]) -> BaseException:
    """The exception of an error frame: of a built-in type, with the learner's lines as `learner_lines`."""
    name, message = one_line(str(reply.get("type")), 80), clean(str(reply.get("message")), 2000)
    base = getattr(builtins, str(reply.get("base")), None)
    out: BaseException
    if "forbidden" in reply:
        out = NotAllowed(message)
    elif isinstance(base, type) and issubclass(base, Exception) and not issubclass(base, _REFUSED):
        try:
            out = base(message)
        except TypeError:  # UnicodeDecodeError and its kind need more than words
            out = ValueError(message)
    else:
        out = LearnerError(message)
    if type(out).__name__ != name and not isinstance(out, NotAllowed):
        out.args = (f"{name}: {message}" if message else name,)
    out.learner_lines = _lines(reply.get("lines"), sources)  # type: ignore[attr-defined, union-attr]
    return out


def located(frames: Iterable[tuple[str, int]], sources: Mapping[str, str]) -> list[str]:
    """The learner's lines among frames (file and line number)."""
    names = {f"deconvlib/{name.replace('.', '/')}.py": name for name in sources}
    own = [[names[file], line] for file, line in frames if file in names]
    return _lines([line for line, _ in itertools.groupby(own)][-MOST_LINES:], sources)  # recursion said once


def _lines(entries: Any, sources: Mapping[str, str]) -> list[str]:
    """Module and line number, with the text that the grader itself has of that line."""
    found: list[str] = []
    for entry in entries if type(entries) is list else []:
        if type(entry) is not list or [type(part) for part in entry] != [str, int]:
            continue
        module, number = entry
        if module not in sources:  # a name of the worker's own making
            continue
        lines = sources[module].split("\n")
        if 1 <= number <= len(lines) and len(found) < MOST_LINES:
            file = f"{module.replace('.', '/')}.py"
            found.append(f"{file}, line {number}: {one_line(lines[number - 1].strip(), 200)}")
    return found
