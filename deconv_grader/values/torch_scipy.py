"""torch tensors, SciPy's sparse rows and NumPy's and torch's random generators on the wire: plain parts, and what joins them again.

Neither torch nor SciPy is imported here: their values cross only between processes that have imported them for an
exercise. A generator crosses as a copy: what the learner draws from it does not move the check's own.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

_SPARSE = frozenset({"csr_array", "csr_matrix"})
_NUMBERS = "biufc"

#: Libraries a worker has, but keeps from the learner's imports.
hidden: dict[str, types.ModuleType] = {}


def library(name: str) -> types.ModuleType | None:
    """A library that is in use in this process."""
    return hidden.get(name) or sys.modules.get(name)


def is_tensor(value: Any) -> bool:
    """Whether a value is a torch tensor."""
    torch = library("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_array(value: Any) -> bool:
    """Whether a value is an array or a torch tensor."""
    return isinstance(value, np.ndarray) or is_tensor(value)


def as_array(value: Any) -> Any:
    """A tensor's numbers as an array that shares its memory; anything else, and what NumPy does not have, as it is."""
    if not is_tensor(value):
        return value
    try:
        return value.detach().resolve_conj().resolve_neg().numpy()
    except (TypeError, RuntimeError):  # a dtype, a device or a layout
        return value


def pack(value: Any, part: Callable[[Any], Any], trusted: bool) -> dict[str, Any] | None:
    """The header's object for one of these, its parts packed by `part`; None for anything else.

    torch's generators cross only where the sender is `trusted`.
    """
    name = type(value).__name__
    if type(value) is np.random.Generator and type(value.bit_generator) is np.random.PCG64:
        state = value.bit_generator.state
        parts = [state["state"]["state"], state["state"]["inc"], state["has_uint32"], state["uinteger"]]
        return {"foreign": "generator", "parts": part([int(number) for number in parts])}
    torch = library("torch")
    if trusted and torch is not None and type(value) is torch.Generator and value.device.type == "cpu":
        return {"foreign": "torch generator", "parts": [part(value.get_state().numpy())]}
    if torch is not None and type(value) in (torch.Tensor, torch.nn.Parameter):
        array = as_array(value)
        if not isinstance(array, np.ndarray) or array.dtype.kind not in _NUMBERS:
            return None
        return {"foreign": "tensor", "parts": [part(np.asarray(array))], "gradient": bool(value.requires_grad)}
    sparse = library("scipy.sparse")
    if sparse is not None and name in _SPARSE and type(value) is getattr(sparse, name):
        arrays = [np.asarray(array) for array in (value.data, value.indices, value.indptr)]
        if all(array.dtype.kind in _NUMBERS for array in arrays):
            return {"foreign": name, "shape": list(value.shape), "parts": [part(array) for array in arrays]}
    return None


def unpack(node: dict[str, Any], parts: Any) -> Any:
    """What `pack` packed, of its unpacked `parts`.

    Raises
    ------
    TypeError, ValueError, IndexError, OverflowError, RuntimeError, KeyError
        If it is none.
    """
    kind = node["foreign"]
    if kind == "generator":
        state, increment, has_number, number = parts
        generator = np.random.Generator(np.random.PCG64())
        generator.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": state, "inc": increment},
            "has_uint32": has_number,
            "uinteger": number,
        }
        return generator
    if type(parts) is not list or not all(type(part) is np.ndarray for part in parts):
        raise TypeError("the parts are not arrays")
    torch = library("torch")
    if kind == "torch generator":
        if torch is None or len(parts) != 1 or "shape" in node or "gradient" in node:
            raise TypeError("no generator")
        return torch.Generator().set_state(torch.from_numpy(parts[0]))
    if kind == "tensor":
        if torch is None or len(parts) != 1 or "shape" in node:
            raise TypeError("no tensor")
        tensor = torch.from_numpy(parts[0])
        return tensor.requires_grad_() if node.get("gradient") is True else tensor
    sparse = library("scipy.sparse")
    if sparse is None or type(kind) is not str or kind not in _SPARSE or len(parts) != 3 or "gradient" in node:
        raise TypeError("no sparse matrix")
    shape = node["shape"]
    if type(shape) is not list or len(shape) != 2 or not all(type(n) is int and 0 <= n < 1 << 31 for n in shape):
        raise ValueError("no shape")
    if any(array.ndim != 1 for array in parts) or any(array.dtype.kind != "i" for array in parts[1:]):
        raise ValueError("no rows of a sparse matrix")
    matrix = getattr(sparse, kind)(tuple(parts), shape=tuple(shape))
    matrix.check_format(full_check=True)
    return matrix
