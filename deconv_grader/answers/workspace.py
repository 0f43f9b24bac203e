"""A learner's own folder with the stubs of every chapter."""

from __future__ import annotations

import shutil
from pathlib import Path

from deconvlib.course.catalogue import chapter_modules
from deconvlib.course.workspace import PACKAGE


def start(folder: Path) -> list[Path]:
    """Make a workspace: copies of the chapter modules in ``folder/deconvlib``. Files that exist are left alone.

    Returns
    -------
    list of Path
        The files that were made.
    """
    target = folder / "deconvlib"
    target.mkdir(parents=True, exist_ok=True)
    made = []
    for module in chapter_modules(PACKAGE):
        copy = target / module.name
        if not copy.exists():
            shutil.copyfile(module, copy)
            made.append(copy)
    return made
