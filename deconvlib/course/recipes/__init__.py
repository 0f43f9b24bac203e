"""What ``python -m deconvlib.train NAME`` can train: each module here adds its recipes.

A module lists them as ``RECIPES``, and imports PyTorch inside its functions only: the list of names needs none.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from deconvlib.course.training import Batches, Step


@dataclass(frozen=True)
class Options:
    """What the command line was given."""

    epochs: int
    seed: int
    device: torch.device
    data: Path | None = None


@dataclass
class Run:
    """All that is to be trained: what `fit` takes, and the module whose weights are kept."""

    model: torch.nn.Module
    step: Step
    batches: Batches
    evaluate: Callable[[], Mapping[str, float]] | None = None
    state: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """A model, its data and how it is trained.

    `data` says what it is trained on and, if `own_data`, what ``--data`` may name. `shipped` is how its weights are
    kept in the course ("float16" or "int8"), or "" if they are not.
    """

    name: str
    about: str
    data: str
    epochs: int
    prepare: Callable[[Options], Run]
    own_data: bool = False
    shipped: str = ""


def recipes() -> dict[str, Recipe]:
    """Every recipe by its name, module by module."""
    found: dict[str, Recipe] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda one: one.name):
        for recipe in importlib.import_module(f"{__name__}.{module.name}").RECIPES:
            if recipe.name in found:
                raise ValueError(f"two recipes are named {recipe.name!r}")
            found[recipe.name] = recipe
    return found
