"""Where the libraries that a worker may use are installed, and what else they need."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deconv_grader.values.preloaded import ASKED_FOR, PARTS
from deconvlib.course.catalogue import Exercise, exercises, prerequisites

#: For an exercise that may not use SciPy, but a prerequisite of which returns a sparse matrix: in memory, on no path.
HIDDEN = {"scipy": ("scipy.sparse",)}
NUMPY = ("numpy", "numpy.fft", "numpy.linalg", "numpy.lib.stride_tricks", "numpy.random")

_ALONE = ("numpy", "scipy")  # they need nothing but each other: no record has to be read


@dataclass(frozen=True)
class Installed:
    """Some packages with all that they need."""

    folders: tuple[Path, ...]  # what must be readable
    sites: tuple[Path, ...]  # what belongs on the search path
    names: tuple[str, ...]  # what may be imported


@functools.cache
def installed(*packages: str) -> Installed:
    """Find packages and their requirements, without importing any.

    Raises
    ------
    ModuleNotFoundError
        If one of `packages` is not installed.
    """
    folders: dict[Path, None] = {}
    sites: dict[Path, None] = {}
    names: dict[str, None] = {}
    for package in packages:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"{package} is not installed", name=package)
        site = Path(spec.origin).parent.parent
        folders[Path(spec.origin).parent] = sites[site] = names[package] = None
        if (site / f"{package}.libs").is_dir():
            folders[site / f"{package}.libs"] = None
        if package in _ALONE:
            continue
        for distribution in _requirements(package):
            for entry in {file.parts[0] for file in distribution.files or () if file.parts}:
                path = Path(str(distribution.locate_file(entry)))
                if entry not in ("..", "__pycache__") and entry.isprintable() and path.exists():
                    folders[path] = sites[path.parent] = None
                    names[entry.removesuffix(".py")] = None
    return Installed(tuple(folders), tuple(sites), tuple(names))


def lacking(chosen: Iterable[Exercise]) -> str:
    """Why some of these exercises cannot be checked on this machine; an empty string if all can."""
    chosen = list(chosen)
    for library in ASKED_FOR:
        names = [exercise.name for exercise in chosen if library in exercise.requires]
        if names and importlib.util.find_spec(library) is None:
            return (
                f"{library.capitalize()} is not installed, and {', '.join(names)} cannot be checked without it: "
                f"pip install 'deconvlib[{library}]'"
            )
    chapters = dict.fromkeys(exercise.number for exercise in chosen if "torch" not in exercise.forbids)
    if not chapters or importlib.util.find_spec("torch") is not None:
        return ""
    named = f"{'chapters' if len(chapters) > 1 else 'chapter'} {', '.join(map(str, chapters))}"
    return f"PyTorch is not installed, and {named} cannot be checked without it: pip install 'deconvlib[torch]'"


@functools.cache
def libraries_for(exercise: Exercise) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The optional libraries that a worker for an exercise has: those it may import, and those kept hidden."""
    needs = [exercises()[name] for name in prerequisites(exercise.name)]
    allowed = tuple(
        name
        for name in sorted(PARTS)
        if name not in exercise.forbids and (name not in ASKED_FOR or name in exercise.requires)
    )
    hidden = tuple(name for name in HIDDEN if name not in allowed and any(name not in need.forbids for need in needs))
    return allowed, hidden


def _requirements(package: str) -> list[importlib.metadata.Distribution]:
    """A package's distribution and, through them all, those it requires (extras left out)."""
    found: dict[str, importlib.metadata.Distribution] = {}
    todo = [package]
    while todo:
        name = todo.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system, or installed without a record
        for requirement in found[name].requires or ():
            if "extra ==" not in requirement:
                todo.append(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])
    return list(found.values())
