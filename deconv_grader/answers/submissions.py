"""The submissions in the folder of a class."""

from __future__ import annotations

from pathlib import Path


def submissions_in(folder: Path) -> dict[str, Path]:
    """The submissions in a folder by name: its folders, modules and notebooks."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.is_symlink():
            continue
        if path.is_dir() or path.suffix in (".py", ".ipynb"):
            found[path.name] = path
    return found
