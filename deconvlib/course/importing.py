"""How a chapter module is imported: the learner's file, then the reference for whatever that lacks.

The file may be older than the course, hold an answer without its decorator, or give an exercise another name: after it has
run, what it binds counts, as Python would have it. A chapter whose file is missing is the course's own, empty one.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any


class ChapterFinder(MetaPathFinder):
    """Finds ``deconvlib.NAME`` for the course's chapters."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        package, _, chapter = fullname.rpartition(".")
        if package != "deconvlib" or chapter == "course":
            return None
        from deconvlib.course.catalogue import STUBS, exercises_in

        if not exercises_in(chapter):
            return None
        found = PathFinder.find_spec(fullname, path)
        file = found.origin if found is not None and isinstance(found.loader, SourceFileLoader) else None
        file = file or str(STUBS / f"{chapter}.py")
        return importlib.util.spec_from_file_location(fullname, file, loader=ChapterLoader(fullname, file))


class ChapterLoader(SourceFileLoader):
    """Runs a chapter's file as it is now: two saves within a second are two texts, so no bytecode is kept."""

    def path_stats(self, path: str) -> Any:
        raise OSError("no bytecode is kept")

    def exec_module(self, module: ModuleType) -> None:
        from deconvlib.course.catalogue import exercises_in
        from deconvlib.course.exercise import prepare, settle

        names = exercises_in(module.__name__.rpartition(".")[2])
        prepare(module, names)
        super().exec_module(module)
        settle(module, names)


def install() -> None:
    """Put the finder first, once."""
    if not any(isinstance(finder, ChapterFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, ChapterFinder())
