"""Checking arguments, so that every function refuses bad input in the same words."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np


def integer(name: str, value: Any, minimum: int | None = None) -> int:
    """`value` as a Python int.

    Raises
    ------
    TypeError
        If it is not a whole number (a bool and a float are not).
    ValueError
        If it is below `minimum`.
    """
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be an int, got the bool {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an int, got {_describe(value)}") from None
    if minimum is not None and number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {number}")
    return number


def pair(name: str, value: Any, minimum: int | None = None) -> tuple[int, int]:
    """`value`, an int or two ints, as (height, width).

    Raises
    ------
    TypeError, ValueError
        As `integer`; ValueError if a sequence does not have two entries.
    """
    if isinstance(value, tuple | list | np.ndarray) and np.ndim(value) > 0:
        if len(value) != 2:
            raise ValueError(f"{name} must be an int or a pair (height, width), got {_describe(value)}")
        height, width = value
        return integer(f"{name}[0]", height, minimum), integer(f"{name}[1]", width, minimum)
    if isinstance(value, tuple | list):
        raise ValueError(f"{name} must be an int or a pair (height, width), got {_describe(value)}")
    number = integer(name, value, minimum)
    return number, number


def array(name: str, value: Any, axes: str) -> np.ndarray:
    """`value` as a numeric array with one axis a letter of `axes`, such as ``"NCHW"``.

    Raises
    ------
    TypeError
        If it is not numeric.
    ValueError
        If it does not have ``len(axes)`` axes.
    """
    layout = f"({', '.join(axes)})"
    try:
        result = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} must be an array {layout}, got a ragged {type(value).__name__}") from None
    if result.dtype.kind not in "biufc":
        raise TypeError(f"{name} must be a numeric array {layout}, got {_describe(value)}")
    if result.ndim != len(axes):
        raise ValueError(f"{name} must be an array {layout}, got shape {result.shape}")
    return result


def _describe(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:37] + '...'}"
