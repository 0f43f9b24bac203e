"""What an optional library imports late, at the first use of a part: imported early, before any clock starts."""

from __future__ import annotations

import importlib
import os
import sys

#: Libraries that few exercises use, and name in their `requires`: a worker for another exercise goes without.
ASKED_FOR = ("triton",)

#: torch.nn.functional.max_unpool2d imports SymPy and torch.fx at its first call, an optimizer torch._dynamo at its first
#: step, and with it what looks for a folder to write to.
PARTS = {
    "scipy": ("scipy.sparse", "scipy.sparse.linalg", "scipy.signal", "scipy.fft"),
    "triton": ("triton", "triton.language", "triton.runtime.interpreter"),
    "torch": ("torch", "torch.nn.functional", "torch.fx.experimental.symbolic_shapes", "torch._dynamo"),
}


def load(library: str) -> None:
    """Import a library with its slow parts."""
    if library == "triton":
        os.environ.setdefault("TRITON_INTERPRET", "1")  # kernels are graded on the CPU; read while triton is imported
    for name in PARTS[library]:
        importlib.import_module(name)


def complete() -> None:
    """Import the slow parts of what is in use in this process already."""
    for library in PARTS:
        if library in sys.modules:
            load(library)
