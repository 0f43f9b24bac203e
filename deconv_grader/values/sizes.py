"""How many numbers a value holds, and whether computing with it may take long."""

from __future__ import annotations

from typing import Any

import numpy as np

from deconv_grader.values import torch_scipy

MANY_NUMBERS, LARGE_INT, FEW = 4000, 16, 8
MOST_NUMBERS = 1 << 16  # in a result that a test goes on to compute with: the right ones have under a tenth


def laborious(value: Any, most: int = MANY_NUMBERS, largest: int = LARGE_INT) -> bool:
    """Whether what is computed of these arguments may take long: many numbers, or a size, a padding that is large."""
    return numbers(value) > most or _largest_int(value) > largest


def _largest_int(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return max(map(_largest_int, value), default=0)
    value = torch_scipy.as_array(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu" and value.size <= FEW:  # a pair may come as an array
        return max(map(_largest_int, value.ravel().tolist()), default=0)
    return abs(int(value)) if isinstance(value, int | np.integer) else 0


def numbers(value: Any) -> int:
    """How many numbers a value holds."""
    if isinstance(value, tuple | list):
        return sum(map(numbers, value))
    if isinstance(value, dict):
        return sum(map(numbers, value.values()))
    size = getattr(value, "size", 1)
    return size if isinstance(size, int) else int(value.numel())
