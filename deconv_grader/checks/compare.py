"""Whether a result is the expected one, and where it is not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from deconv_grader.values import torch_scipy
from deconv_grader.values.handles import Handle

#: Tolerance as a share of the largest expected magnitude; formulations of a convolution differ by under a tenth of it.
TOLERANCES = {np.dtype(np.float16): 5e-3, np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-10}


@dataclass(frozen=True)
class Difference:
    """The first thing that is wrong with a result, in words; `where` marks the cells of an array whose values differ."""

    words: str
    where: np.ndarray | None = None
    path: str = ""  # which part of a tuple, list or dict
    secret: bool = False  # the words hold an expected value

    @property
    def discreet(self) -> str:
        """The words, or, where these would give away what a hidden check expects, less."""
        return "another value was expected" if self.secret else self.words


def difference(expected: Any, got: Any, tolerance: float | None = None, path: str = "") -> Difference | None:
    """None if `got` is as expected: type, shape, dtype and values."""
    if torch_scipy.is_tensor(expected):
        return _tensor_difference(expected, got, tolerance, path)
    if isinstance(expected, np.ndarray):
        return _array_difference(expected, got, tolerance, path)
    if hasattr(expected, "toarray"):
        return _sparse_difference(expected, got, tolerance, path)
    if isinstance(expected, tuple | list | dict):
        return _container_difference(expected, got, tolerance, path)
    if isinstance(expected, float):
        return _float_difference(expected, got, tolerance, path)
    if type(expected) is int and isinstance(got, np.integer):
        return Difference(
            f"a Python int was expected, not a NumPy {type(got).__name__}: convert with int(...)", path=path
        )
    if type(got) is not type(expected):
        return Difference(f"{_article(expected)} was expected, not {_article(got)}", path=path)
    if got != expected:
        return Difference(f"{expected!r} was expected, not {got!r}", path=path, secret=True)
    return None


def _tensor_difference(expected: Any, got: Any, tolerance: float | None, path: str) -> Difference | None:
    if not torch_scipy.is_tensor(got):
        hint = " (is a return statement missing?)" if got is None else ""
        words = f"a tensor of shape {tuple(expected.shape)} was expected, not {_article(got)}{hint}"
        return Difference(words, path=path)
    if got.dtype != expected.dtype:
        return Difference(f"the dtype should be {expected.dtype}, not {got.dtype}", path=path)
    return _array_difference(torch_scipy.as_array(expected), torch_scipy.as_array(got), tolerance, path)


def carries_history(expected: Any, got: Any) -> bool:
    """Whether a result would keep a gradient's history alive where the expected one does not."""
    if torch_scipy.is_tensor(expected):
        return torch_scipy.is_tensor(got) and got.requires_grad and not expected.requires_grad
    if isinstance(expected, tuple | list):
        return any(map(carries_history, expected, got))
    return isinstance(expected, dict) and any(carries_history(expected[key], got[key]) for key in expected)


def _array_difference(expected: np.ndarray, got: Any, tolerance: float | None, path: str) -> Difference | None:
    if not isinstance(got, np.ndarray):
        hint = " (is a return statement missing?)" if got is None else ""
        return Difference(f"an array of shape {expected.shape} was expected, not {_article(got)}{hint}", path=path)
    if got.shape != expected.shape:
        return Difference(f"the shape should be {expected.shape}, not {got.shape}", path=path)
    if got.dtype != expected.dtype:
        return Difference(f"the dtype should be {expected.dtype}, not {got.dtype}", path=path)
    if expected.dtype.kind in "biu":
        wrong = got != expected
    else:
        share = TOLERANCES.get(_real(expected.dtype), 1e-5) if tolerance is None else tolerance
        finite = np.abs(expected[np.isfinite(expected)])
        scale = float(finite.max()) if finite.size else 0.0
        wrong = ~np.isclose(got, expected, rtol=0.0, atol=share * (scale or 1.0), equal_nan=True)
    if not wrong.any():
        return None
    count = int(wrong.sum())
    if count == wrong.size:
        words = "every value differs" if count > 1 else "the value differs"
    else:
        first = tuple(int(i) for i in np.argwhere(wrong)[0])
        words = f"{count} of {wrong.size} values differ, the first at {first}"
    return Difference(words, wrong, path)


def _sparse_difference(expected: Any, got: Any, tolerance: float | None, path: str) -> Difference | None:
    if type(got) is not type(expected):
        return Difference(f"{_article(expected)} was expected, not {_article(got)}", path=path)
    if got.shape != expected.shape:  # before it is unpacked: the learner's may be of any size
        return Difference(f"the shape should be {expected.shape}, not {got.shape}", path=path)
    return _array_difference(expected.toarray(), got.toarray(), tolerance, path)


def _container_difference(expected: Any, got: Any, tolerance: float | None, path: str) -> Difference | None:
    if type(got) is not type(expected):
        return Difference(f"{_article(expected)} was expected, not {_article(got)}", path=path)
    if isinstance(expected, dict):
        if set(expected) != set(got):
            return Difference(f"the keys should be {sorted(expected)}, not {sorted(map(str, got))}", path=path)
        keys: Any = expected
    else:
        if len(expected) != len(got):
            return Difference(f"{len(expected)} entries were expected, not {len(got)}", path=path)
        keys = range(len(expected))
    for key in keys:
        found = difference(expected[key], got[key], tolerance, f"{path}[{key!r}]")
        if found:
            return found
    return None


def _float_difference(expected: float, got: Any, tolerance: float | None, path: str) -> Difference | None:
    if isinstance(got, bool) or not isinstance(got, int | float | np.floating | np.integer):
        hint = ": convert with .item()" if torch_scipy.is_tensor(got) else ""
        return Difference(f"a float was expected, not {_article(got)}{hint}", path=path)
    try:
        # In Python's precision: beside a NumPy half float the expected value would be rounded to one, too.
        expected, got = float(expected), float(got)
    except OverflowError:
        return Difference("a float was expected, not an int too large for one", path=path)
    if expected == got or (expected != expected and got != got):
        return None
    share = 1e-9 if tolerance is None else tolerance
    if not math.isfinite(expected) or not abs(expected - got) <= share * max(abs(expected), 1e-300):
        return Difference(f"{expected:.10g} was expected, not {got:.10g}", path=path, secret=True)
    return None


def _real(dtype: np.dtype) -> np.dtype:
    return np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype


def _article(value: Any) -> str:
    name = value.type_name if isinstance(value, Handle) else "None" if value is None else type(value).__name__
    text = {"ndarray": "an array", "Tensor": "a tensor", "int": "an int", "NoneType": "None", "None": "None"}.get(name)
    return text or f"a {name}"
