"""What a grading was done with, by content: a kept result is good for exactly this."""

from __future__ import annotations

import functools
import hashlib
import platform
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from deconv_grader.checks.runner import TESTS
from deconvlib.course.workspace import PACKAGE

LIBRARIES = ("numpy", "scipy", "torch", "hypothesis", "pytest", "parso")
_NOT_GRADING = {"course", "grader", "variants", "__pycache__"}  # of tests/: what tests the course itself


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.parts:
            yield path


def versions() -> dict[str, str]:
    """What took part in a grading."""
    found = {"deconvlib": metadata.version("deconvlib"), "python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    found["platform"] = f"{platform.system()} {platform.release()} {platform.machine()}"
    return found


def _folders() -> dict[str, Path]:
    solutions = find_spec("deconv_solutions")
    assert solutions is not None
    assert solutions.origin is not None
    return {
        "deconv_grader": Path(__file__).parent.parent,
        "deconvlib": PACKAGE,
        "deconv_solutions": Path(solutions.origin).parent,
        "deconv_tests": TESTS,
    }


def course_files() -> Iterator[tuple[str, Path]]:
    """All that grading rests on: each file by the name that it is imported or read under.

    A chapter's module is its pristine copy: what stands in the module may be answers.
    """
    pristine = {path.name: path for path in _files(PACKAGE / "course" / "stubs")}
    for name, folder in _folders().items():
        for path in _files(folder):
            inside = path.relative_to(folder)
            if name == "deconvlib" and len(inside.parts) == 1:
                path = pristine.get(path.name, path)
            if not (name == "deconv_tests" and inside.parts[0] in _NOT_GRADING):
                yield f"{name}/{inside.as_posix()}", path


@functools.cache
def course_fingerprint() -> str:
    """A hash of the tests, solutions, grader and course on this machine, and of the versions of what they rest on."""
    digest = hashlib.sha256()
    for name, path in course_files():
        digest.update(f"{name}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    named = {key: value for key, value in versions().items() if key != "platform"}
    digest.update(repr(sorted(named.items())).encode())
    return digest.hexdigest()[:20]
