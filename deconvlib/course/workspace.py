"""Where the learner's answers are: a checkout's own ``deconvlib/``, or a workspace made by ``deconv start``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from deconvlib.course.surroundings import command

PACKAGE = Path(__file__).resolve().parent.parent
IN_CHECKOUT = (PACKAGE.parent / "solutions").is_dir()  # of the course: its deconvlib/ is the learner's
VARIABLE = "DECONV_WORKSPACE"


class NoWorkspace(ValueError):
    """There is no workspace where one should be; the message says what was named and what to do."""


def find_workspace(start: Path | None = None) -> Path | None:
    """The folder whose ``deconvlib/`` the learner writes in, or None.

    ``$DECONV_WORKSPACE`` decides if it is set (the word ``none`` switches workspaces off); otherwise the nearest folder
    from `start` (default: the current one) upwards that holds ``deconvlib/`` with a chapter module in it.

    Raises
    ------
    NoWorkspace
        If the variable names something else than a workspace.
    OSError
        If the current folder was deleted.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return None if chosen == "none" else _named(chosen)
    here = Path(start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if os.path.isfile(folder / "deconvlib" / "convolution.py"):
            return folder
    return None


def learners_folder() -> Path:
    """The folder whose ``deconvlib/`` is the learner's own: a workspace, or the checkout.

    Raises
    ------
    NoWorkspace
        If there is none; what is installed belongs to nobody.
    """
    found = find_workspace()
    if found is None and not IN_CHECKOUT:
        raise NoWorkspace(
            f"there is no workspace here, so there are no answers of yours: `{command('start')}` makes one; "
            f"work in its folder, or set {VARIABLE} to it"
        )
    return found or PACKAGE.parent


def _named(chosen: str) -> Path:
    """The workspace that the variable names."""
    try:
        path = Path(chosen).expanduser()
    except RuntimeError:
        raise NoWorkspace(f"{VARIABLE} names {chosen}, and there is no user of that name") from None
    absolute = path.absolute()
    where = chosen if chosen == str(absolute) else f"{chosen} ({absolute})"
    if not os.path.isdir(absolute / "deconvlib"):
        lack = (
            "has no deconvlib/ in it"
            if os.path.isdir(absolute)
            else "is a file"
            if os.path.exists(absolute)
            else "does not exist"
        )
        raise NoWorkspace(
            f"{VARIABLE} names {where}, which {lack}; correct it, or `{command(f'start {chosen}')}` makes a workspace there"
        )
    return absolute.resolve()


_trouble: str | None = None  # what is wrong with the variable, until it has been said


def adopt_workspace(package_path: list[str]) -> None:
    """Put the workspace's ``deconvlib/`` first on the package's search path (in a checkout it is there already)."""
    global _trouble
    try:
        workspace = find_workspace()
    except NoWorkspace as error:
        _trouble = str(error)
        return
    except OSError:  # the current folder was deleted
        return
    if workspace is None:
        return
    if os.environ.get(VARIABLE):  # a relative one would mean another folder after a cd
        os.environ[VARIABLE] = str(workspace)
    folder = str(workspace / "deconvlib")
    if folder not in package_path:
        package_path.insert(0, folder)


def warn_once() -> None:
    """Say that the workspace which was named is none, when chapters are imported that are not the learner's."""
    global _trouble
    if _trouble is not None:
        print(f"{_trouble}. Until then, deconvlib is the one in {PACKAGE}.", file=sys.stderr)
        _trouble = None
