"""Where the learner's answers are: a checkout's own ``deconvlib/``, or a workspace made by ``deconv start``."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
IN_CHECKOUT = (PACKAGE.parent / "solutions").is_dir()  # of the course: its deconvlib/ is the learner's
VARIABLE = "DECONV_WORKSPACE"


def find_workspace(start: Path | None = None) -> Path | None:
    """The folder whose ``deconvlib/`` the learner writes in, or None.

    ``$DECONV_WORKSPACE`` decides if it is set (the word ``none`` switches workspaces off); otherwise the nearest folder
    from `start` (default: the current one) upwards that holds ``deconvlib/`` with a chapter module in it.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return None if chosen == "none" else Path(chosen).expanduser().resolve()
    here = Path(start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "deconvlib" / "convolution.py").is_file():
            return folder
    return None


def adopt_workspace(package_path: list[str]) -> None:
    """Put the workspace's ``deconvlib/`` first on the package's search path (in a checkout it is there already)."""
    try:
        workspace = find_workspace()
    except OSError:  # the current directory was deleted
        return
    if workspace is not None:
        folder = str(workspace / "deconvlib")
        if folder not in package_path:
            package_path.insert(0, folder)
