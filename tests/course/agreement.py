"""What the comparisons with PyTorch share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

DTYPES = (np.float32, np.float64, np.int64)


def tensor(array):
    return torch.from_numpy(np.array(array, order="C"))


def same(ours, theirs):
    """Equal in shape, dtype and value; the arrays hold small whole numbers, so that every sum is exact."""
    theirs = theirs.numpy()
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs, strict=True)


def either(low, high):
    """An int, or a pair."""
    return st.one_of(st.integers(low, high), st.tuples(st.integers(low, high), st.integers(low, high)))


def along(value, axis):
    return value[axis] if isinstance(value, tuple) else value
