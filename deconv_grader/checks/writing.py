"""What a test file needs: the `check` decorator and ways to draw arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

F = TypeVar("F", bound=Callable[..., Any])

# One profile for every drawn check: reproducible (each test's examples follow from its own source), no files, no clock.
settings.register_profile(
    "deconv",
    derandomize=True,
    max_examples=30,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    report_multiple_bugs=False,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("deconv")


def _draw_no_constants_of_modules() -> None:
    """Hypothesis draws constants that it finds in whatever modules of a checkout are imported by then, and so other cases
    in another process. It is told of none; a version that does not do it is left as it is.
    """
    try:
        from hypothesis.internal.conjecture import providers
    except ImportError:
        return
    if hasattr(providers, "_get_local_constants"):
        none = providers._local_constants
        providers._get_local_constants = lambda: none


_draw_no_constants_of_modules()


@contextmanager
def drawn_from(seed: int | None, function: Any, name: str) -> Iterator[None]:
    """Have a drawn check draw its cases from `seed`: the same ones in every process and order.

    Without a seed they follow from the check's own source, as in practice. What is no drawn check stays as it is.
    """
    if seed is None or not hypothesis.is_hypothesis_test(function):
        yield
        return
    kept = "_hypothesis_internal_use_seed", "_hypothesis_internal_use_settings"
    before = {key: getattr(function, key, None) for key in kept}
    hypothesis.seed(int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:8], "big"))(function)
    try:
        yield
    finally:
        for key, value in before.items():
            setattr(function, key, value)


def check(exercise: str, title: str, *, weight: int = 1, hidden: bool = False) -> Callable[[F], F]:
    """Make a pytest function a check of an exercise.

    Parameters
    ----------
    exercise
        The exercise's name. Its first check in the file is its gate: without it the others earn nothing.
    title
        What is checked, in words that complete "this check looks at ...".
    weight
        Share of the exercise's points, relative to its other checks.
    hidden
        The expected values are never printed when the work is graded for credit.
    """
    return pytest.mark.check(exercise=exercise, title=title, weight=weight, hidden=hidden)


def grid(*shape: int, start: int = 1, dtype: Any = np.float64) -> np.ndarray:
    """An array of `shape` that counts up from `start`: no two cells are alike."""
    return np.arange(start, start + int(np.prod(shape)), dtype=dtype).reshape(shape)


def draw_array(shape: Sequence[int], seed: int, dtype: Any = np.float64, low: int = -9, high: int = 9) -> np.ndarray:
    """Whole numbers from `low` to `high`, drawn by `seed`: readable when a check fails, exact when it adds them."""
    return np.random.default_rng(seed).integers(low, high, size=tuple(shape), endpoint=True).astype(dtype)


LAYOUTS = ("contiguous", "Fortran order", "negative strides", "every second element", "read-only")


def arrange(array: np.ndarray, layout: str) -> np.ndarray:
    """The same values in another memory layout, one of `LAYOUTS`."""
    if layout == "contiguous":
        return np.ascontiguousarray(array)
    if layout == "Fortran order":
        return np.asfortranarray(array)
    if layout == "negative strides":
        every = (slice(None, None, -1),) * array.ndim
        return np.ascontiguousarray(array[every])[every]
    if layout == "every second element":
        wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    if layout == "read-only":
        copy = array.copy()
        copy.flags.writeable = False
        return copy
    raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r}")


def layouts(array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Every layout of the same values, with its name."""
    for name in LAYOUTS:
        yield name, arrange(array, name)


def seeds() -> st.SearchStrategy[int]:
    """Seeds for `draw_array`."""
    return st.integers(0, 999)
