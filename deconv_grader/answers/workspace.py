"""A learner's own folder with the stubs of every chapter, and what a newer course adds to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from deconv_grader.answers import editing, writer
from deconv_grader.answers.source import CannotEdit, Source
from deconvlib.course.catalogue import chapter_modules


@dataclass
class Started:
    """What `start` did: files made, exercises added to files that were there, and files left alone with the reason."""

    made: list[Path] = field(default_factory=list)
    added: dict[Path, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def start(folder: Path) -> Started:
    """Make a workspace, or add to it what it lacks: chapter files, and exercises as stubs. Nothing else is changed.

    Raises
    ------
    CannotEdit
        If a file cannot be written.
    """
    done = Started()
    for module in chapter_modules():
        path = folder / "deconvlib" / module.name
        if not path.exists():
            writer.create(path, module.read_bytes())
            done.made.append(path)
            continue
        try:
            if added := _add_missing(path):
                done.added[path] = added
        except CannotEdit as error:
            done.problems.append(str(error))
    return done


def _add_missing(path: Path) -> list[str]:
    if not editing.with_missing(Source.read(path), path.stem)[1]:
        return []
    added: list[str] = []

    def edit(source: Source) -> str:
        nonlocal added
        text, added = editing.with_missing(source, path.stem)
        return text

    writer.change(path, edit)
    return added
