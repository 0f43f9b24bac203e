"""In a running kernel: the chapter modules as they are on disk now, from the workspace that is chosen now.

Python imports a module once. A learner saves a body in an editor, or sets the workspace in the middle of a notebook, and
would go on being answered by what was there before. Here both are noticed before each cell.
"""

from __future__ import annotations

import contextlib
import importlib
import linecache
import os
import sys
import types
from pathlib import Path

import deconvlib
from deconvlib.course import exercise
from deconvlib.course.catalogue import CHAPTERS
from deconvlib.course.importing import ChapterFinder
from deconvlib.course.surroundings import command
from deconvlib.course.workspace import IN_CHECKOUT, PACKAGE, VARIABLE, NoWorkspace, find_workspace

STARTED = "deconv-workspace"  # the folder that `deconv start` makes where none is named
Stamp = tuple[str, int, int]  # of a file: its path, when it was written, its size


def _folder_in(path: list[str]) -> Path | None:
    return Path(path[0]).parent if path and Path(path[0]) != PACKAGE else None


class Kernel:
    """What this kernel has loaded, and from where."""

    def __init__(self) -> None:
        self.workspace = _folder_in(list(deconvlib.__path__))
        self.chosen = os.environ.get(VARIABLE)
        self.trouble = ""  # why the workspace that is named is none
        self.loaded: dict[str, Stamp] = {}
        self.failed: dict[str, Stamp] = {}  # saved since, and not importable: told once
        with contextlib.suppress(OSError):
            self._find()

    @property
    def answers(self) -> Path | None:
        """The folder that answers are written in: the workspace, or the checkout. None where there is neither."""
        return self.workspace or (PACKAGE.parent if IN_CHECKOUT else None)

    def problem(self) -> str:
        """What keeps answers from being written and checked here; empty where nothing does."""
        if self.trouble:
            return f"{self.trouble}."
        if self.answers is None:
            return (
                "There is no workspace, so there is no file of yours to write to. "
                f"`{command('start')}` makes one here, in {STARTED}, and this notebook uses it from then on."
            )
        return ""

    # ---------------------------------------------------------------------------------------------------- workspace

    def _find(self) -> Path | None:
        """The workspace that is chosen now, the checkout's own not counted; what is wrong with it is kept."""
        self.trouble = ""
        try:
            folder = find_workspace()
        except NoWorkspace as error:
            self.trouble = str(error)
            return None
        if folder is None and not IN_CHECKOUT and not os.environ.get(VARIABLE):
            started = Path.cwd() / STARTED  # made by an earlier kernel of this notebook
            folder = started if (started / "deconvlib").is_dir() else None
        return None if folder is not None and (folder / "deconvlib").resolve() == PACKAGE else folder

    def adopt(self) -> str:
        """Use the workspace that is chosen now; the note says what changed."""
        chosen, trouble = os.environ.get(VARIABLE), self.trouble
        try:
            folder = self._find()
        except OSError:  # the current directory was deleted: everything stays
            return ""
        if self.trouble:
            return self.problem() if self.trouble != trouble else ""
        moved = chosen != self.chosen
        self.chosen = chosen
        # A folder that was found from the current one goes on being used after a %cd to where there is none.
        if folder == self.workspace or (folder is None and not moved):
            return ""
        self.use(folder)
        if folder is not None and chosen:
            os.environ[VARIABLE] = self.chosen = str(folder)  # a relative one would mean another folder after a %cd
        return (
            self.problem() or f"Answers are now read from, and written to, {(self.answers or PACKAGE) / 'deconvlib'}."
        )

    def use(self, folder: Path | None) -> None:
        """Take the chapter modules from this workspace (None: from the course itself), those loaded already too."""
        deconvlib.__path__[:] = [*([str(folder / "deconvlib")] if folder else []), str(PACKAGE)]
        self.workspace = folder
        importlib.invalidate_caches()
        for chapter, module in self._modules():
            self._load(chapter, module)

    # ------------------------------------------------------------------------------------------------------ modules

    @staticmethod
    def _modules() -> list[tuple[str, types.ModuleType]]:
        found = ((chapter, sys.modules.get(f"deconvlib.{chapter}")) for chapter in CHAPTERS)
        return [(chapter, module) for chapter, module in found if module is not None]

    @staticmethod
    def _stamp(module: types.ModuleType) -> Stamp | None:
        path = module.__file__ or ""
        try:
            facts = os.stat(path)
        except OSError:
            return None  # between two steps of an editor's save, or gone: what is loaded stays
        return path, facts.st_mtime_ns, facts.st_size

    def note(self) -> None:
        """Remember what the modules that were imported since look like on disk."""
        for chapter, module in self._modules():
            stamp = self._stamp(module)
            if chapter not in self.loaded and stamp:
                self.loaded[chapter] = stamp

    def refresh(self) -> list[str]:
        """Load again what was saved since it was loaded. A line for each module that was, or could not be."""
        self.note()
        said = []
        for chapter, module in self._modules():
            stamp = self._stamp(module)
            if stamp is None or stamp in (self.loaded.get(chapter), self.failed.get(chapter)):
                continue
            problem = self._load(chapter, module)
            said.append(
                f"{chapter}.py was saved since it was loaded, but {problem}. The text loaded before goes on answering."
                if problem
                else f"{chapter}.py was saved since it was loaded: what is in it now answers from here on."
            )
        return said

    def load(self, chapter: str) -> str:
        """Import a chapter's module as it is now. Empty, or why the text loaded before stays."""
        module = sys.modules.get(f"deconvlib.{chapter}")
        if module is not None:
            return self._load(chapter, module)
        try:
            importlib.import_module(f"deconvlib.{chapter}")
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            return _words(error, chapter)
        self.note()
        return ""

    def _load(self, chapter: str, module: types.ModuleType) -> str:
        """Run the source in the module that there is, so that all who hold it see the new text; on an error, put back all.

        `importlib.reload` would leave half of the new text in place.
        """
        spec = ChapterFinder().find_spec(module.__name__, list(deconvlib.__path__))
        assert spec is not None  # of the course's own, where the learner has no such file
        assert spec.origin is not None
        assert spec.loader is not None
        before, written = dict(vars(module)), exercise.registered()
        module.__spec__, module.__file__, module.__loader__ = spec, spec.origin, spec.loader
        stamp = self._stamp(module)
        try:
            for name in [name for name in vars(module) if not name.startswith("__")]:
                delattr(module, name)
            spec.loader.exec_module(module)
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            vars(module).clear()
            vars(module).update(before)
            exercise.register_again(written)
            if stamp:
                self.failed[chapter] = stamp
            return _words(error, chapter)
        linecache.checkcache(spec.origin)
        self.failed.pop(chapter, None)
        if stamp:
            self.loaded[chapter] = stamp
        return ""


def _words(error: BaseException, chapter: str) -> str:
    """An import's failure in one line."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"it is not Python ({chapter}.py, line {error.lineno}: {error.msg})"
    if isinstance(error, KeyboardInterrupt):
        return "loading it was interrupted"
    at = error.__traceback__
    line = None
    while at is not None:
        if Path(at.tb_frame.f_code.co_filename).name == f"{chapter}.py":
            line = at.tb_lineno
        at = at.tb_next
    where = f", line {line}" if line else ""
    return f"it cannot be imported ({chapter}.py{where}: {type(error).__name__}: {error})"
