"""Triton, wherever this is imported: compiled for a GPU, interpreted on a CPU, or a stand-in that says what is missing.

``from deconvlib.course.kernels import tl, triton`` takes the place of the two usual imports. Triton decides while it is
imported whether kernels are compiled or interpreted (``TRITON_INTERPRET``), and PyTorch may have imported it before.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from typing import Any

import torch

_asked = os.environ.get("TRITON_INTERPRET", "")

#: Whether Triton is installed.
INSTALLED = importlib.util.find_spec("triton") is not None

#: Whether kernels run in Triton's interpreter: on a machine without CUDA, or where ``TRITON_INTERPRET=1`` asks for it.
INTERPRETED = _asked not in ("", "0") or (_asked == "" and not torch.cuda.is_available())

ABSENT = "Triton is not installed, and this kernel needs it: pip install 'deconvlib[triton]' (Linux)"


class _Absent:
    """Stands for Triton where it is not: a kernel can be defined, and says at its launch what is missing."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> _Absent:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Absent(f"{self._name}.{name}")

    def __call__(self, *args: Any, **keywords: Any) -> _Absent:
        return self

    def __getitem__(self, grid: Any) -> Any:
        raise ModuleNotFoundError(ABSENT, name="triton")

    def __repr__(self) -> str:
        return f"<{self._name}, which is not installed>"


def _have_interpreted() -> None:
    """Interpret Triton's own functions too, such as `tl.zeros`: they are made ready while Triton is imported."""
    from triton.runtime.interpreter import InterpretedFunction
    from triton.runtime.jit import JITFunction

    for module in (tl.standard, tl.random, tl):
        for name, value in list(vars(module).items()):
            if isinstance(value, JITFunction):
                setattr(module, name, InterpretedFunction(value.fn))


triton: Any = _Absent("triton")
tl: Any = _Absent("triton.language")
try:
    if INTERPRETED:
        os.environ["TRITON_INTERPRET"] = "1"
    triton, tl = (importlib.import_module(name) for name in ("triton", "triton.language"))
    if INTERPRETED:
        _have_interpreted()
except (ImportError, OSError):  # not installed, or not for this process to read
    INSTALLED = False
    if INTERPRETED and not _asked:
        del os.environ["TRITON_INTERPRET"]
