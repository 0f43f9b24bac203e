"""What counts as the expected result: type, shape, dtype and values, and nothing that only looks like it."""

from __future__ import annotations

import numpy as np
import pytest

from deconv_grader.checks.compare import difference

X = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (3, 3),
        (2.5, np.float64(2.5)),
        (float("inf"), float("inf")),
        (float("nan"), float("nan")),
        (X, X.copy(order="F")),
        (X, X + 1e-12),
        (X.astype(np.float32), (X * (1 + 1e-7)).astype(np.float32)),
        ((X, 1), (X.copy(), 1)),
        ({"a": X}, {"a": X.copy()}),
        (np.array([np.inf, np.nan, 1.0]), np.array([np.inf, np.nan, 1.0])),
    ],
)
def test_the_same(expected, got):
    assert difference(expected, got) is None


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (3, 3.0),
        (3, np.int64(3)),
        (1, True),
        (1e6, np.float16("inf")),
        (1e-9, np.float16(0)),
        (float("inf"), 1e300),
        (1.0, float("nan")),
        (X, None),
        (X, X.tolist()),
        (X, X.astype(np.float32)),
        (X, X[None]),
        (X, X + 1e-3),
        (X, np.where(X == 2, np.nan, X)),
        (np.array([np.inf]), np.array([1e300])),
        (X.astype(np.int64), X.astype(np.int32)),
        ((X, 1), [X, 1]),
        ((X, 1), (X, 1, 2)),
        ({"a": X}, {"b": X}),
    ],
)
def test_not_the_same(expected, got):
    assert difference(expected, got) is not None
