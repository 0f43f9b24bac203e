"""A small library of deconvolution, completed by its reader.

``from deconvlib import conv2d`` finds every exercise of the course by its name. Until its body is written,
a call is answered by the reference solution. What the chapters share is behind one door, ``deconvlib.course``.
"""

from __future__ import annotations

from typing import Any

from deconvlib.course.importing import install
from deconvlib.course.workspace import adopt_workspace

# In a workspace made by `deconv start`, the learner's chapter modules come before the installed ones.
adopt_workspace(__path__)
install()


def __getattr__(name: str) -> Any:
    import importlib

    from deconvlib.course.catalogue import CHAPTERS, exercises

    if name in CHAPTERS:
        return importlib.import_module(f"deconvlib.{name}")
    found = None if name.startswith("_") else exercises().get(name)
    if found is None:
        raise AttributeError(f"deconvlib has no exercise named {name!r}; `deconv` lists them all")
    return getattr(importlib.import_module(f"deconvlib.{found.chapter}"), name)


def __dir__() -> list[str]:
    from deconvlib.course.catalogue import exercises

    return sorted([*globals(), *exercises()])
