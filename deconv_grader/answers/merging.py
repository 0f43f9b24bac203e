"""Several files that hold one module's answers, made one: for each exercise the newest that is written counts."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from deconv_grader.answers.layouts import Ignored
from deconv_grader.answers.reader import blanked, read


@dataclass(frozen=True)
class Part:
    """The text that one file has for a module with these exercises."""

    where: str
    text: str
    changed: float
    module: str
    exercises: frozenset[str]

    @functools.cached_property
    def written(self) -> frozenset[str] | None:
        """Which exercises are written in it: taken apart only where another file has the same module."""
        return written(self.text, self.module, self.exercises)


@dataclass(frozen=True)
class Merged:
    """A module's text, the files that it comes from, which did not count, and what a learner should know of it."""

    text: str
    read: tuple[str, ...]
    ignored: tuple[Ignored, ...] = ()
    notes: tuple[str, ...] = ()


def written(text: str, module: str, names: Collection[str]) -> frozenset[str] | None:
    """Which of `names` have an answer in a module's text; None if it is not Python, and importing it will say why."""
    found = read(text, f"{module}.py")
    return None if found.problem else frozenset(found.written(names))


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """An order in which ``hw 10`` comes after ``hw 9``."""
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in re.split(r"(\d+)", text) if part)


def merge(parts: Iterable[Part], names: frozenset[str]) -> Merged:
    """Make one text of all that there is for a module.

    The newest file counts, exercise by exercise, among those in which it is written: by the file's date, then by its
    name. An untouched stub never outweighs a written body, and a file that is not Python none that is.
    """
    ordered = sorted(parts, key=lambda part: (int(part.changed), natural(part.where)))
    if len(ordered) == 1:
        return Merged(ordered[0].text, (ordered[0].where,))
    ignored: list[Ignored] = []
    distinct: dict[str, Part] = {}
    for part in ordered:
        if part.text in distinct:
            ignored.append(Ignored(part.where, f"it is a copy of {distinct[part.text].where}"))
        else:
            distinct[part.text] = part
    sound = [part for part in distinct.values() if part.written is not None]
    kept = [part for part in sound if part.written] or (sound or list(distinct.values()))[-1:]
    for part in distinct.values():
        if part not in kept:
            why = "no exercise is written in it" if part.written is not None else "it is not Python"
            ignored.append(Ignored(part.where, f"{why}, and {kept[-1].where} is read"))
    if len(kept) == 1:
        return Merged(kept[0].text, (kept[0].where,), tuple(ignored))
    return _joined(kept, names, tuple(ignored))


def _joined(kept: Sequence[Part], names: frozenset[str], ignored: tuple[Ignored, ...]) -> Merged:
    winner = {name: part for part in kept for name in sorted(part.written or ())}
    future, texts = "", []
    for part in kept:
        others = {name for name in names if winner.get(name, kept[0]) is not part}
        text, flags = _without(part.text, others)
        future = future or flags
        texts.append(text)
    notes = []
    for name, part in winner.items():
        rivals = [other.where for other in kept if name in (other.written or ())]
        if len(rivals) > 1:
            notes.append(f"{name} is written in {' and '.join(rivals)}: the newest, {part.where}, counts")
    return Merged(future + "\n\n".join(texts), tuple(part.where for part in kept), ignored, tuple(notes))


def _without(text: str, names: set[str]) -> tuple[str, str]:
    """A module's text without the definitions of `names` and without its imports from the future, which come apart."""
    module, future = read(text, "the module"), ""
    spans = [(one.start, one.end) for one in module.bindings if one.name in names and one.defines and one.at_margin]
    for statement in module.statements:
        if statement.type == "simple_stmt" and re.match(
            r"from\s+__future__\s", statement.get_code(include_prefix=False)
        ):
            future = "from __future__ import annotations\n"
            spans.append((module.offset(statement.start_pos), module.offset(statement.end_pos)))
    return blanked(text, spans), future
