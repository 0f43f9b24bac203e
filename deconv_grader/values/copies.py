"""Whether a call left its arguments as they were, and its result has memory of its own: arrays, tensors and modules."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from deconv_grader.values import torch_modules, torch_scipy


def duplicate(value: Any) -> Any:
    """A copy of an argument, to compare with afterwards; what is neither array, tensor nor module stays itself."""
    if isinstance(value, np.ndarray):
        return np.array(value, copy=True)
    if torch_scipy.is_tensor(value):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if torch_modules.is_module(value):
        return copy.deepcopy(value)
    if type(value) in (list, tuple):
        return type(value)(map(duplicate, value))
    if type(value) is dict:
        return {key: duplicate(part) for key, part in value.items()}
    return value


def restore(value: Any, old: Any) -> None:
    """Give an array or tensor that a call wrote into its old values again: it is shown, and tried with known mistakes."""
    if isinstance(old, np.ndarray) and value.shape == old.shape and value.dtype == old.dtype and value.flags.writeable:
        np.copyto(value, old)
    elif torch_scipy.is_tensor(old) and value.shape == old.shape:
        value.data.copy_(old.detach())


def same(new: Any, old: Any) -> bool:
    """Whether an argument is as it was, to the bit."""
    if torch_scipy.is_tensor(old):
        if not torch_scipy.is_tensor(new) or new.requires_grad != old.requires_grad or new.grad is not None:
            return False
        return same(torch_scipy.as_array(new), torch_scipy.as_array(old))
    if torch_modules.is_module(old):
        if not torch_modules.is_module(new) or torch_modules.state_of(new) != torch_modules.state_of(old):
            return False
        return same(_numbers(new), _numbers(old))
    if isinstance(old, np.ndarray):
        if not isinstance(new, np.ndarray) or (new.shape, new.dtype) != (old.shape, old.dtype):
            return False
        return np.array_equal(new, old) or new.tobytes() == old.tobytes()
    if isinstance(old, list | tuple):
        return type(new) is type(old) and len(new) == len(old) and all(map(same, new, old))
    if isinstance(old, dict):
        return (
            type(new) is type(old)
            and new.keys() == old.keys()
            and all(same(new[key], part) for key, part in old.items())
        )
    if old is None or isinstance(old, bool | int | float | complex | str | np.generic):
        return type(new) is type(old) and bool(new == old or new != new)
    return True


def shares(value: Any, argument: Any) -> bool:
    """Whether a result uses an argument's memory. A module's own numbers may be handed out."""
    if isinstance(argument, tuple | list):
        return any(shares(value, part) for part in argument)
    argument = torch_scipy.as_array(argument)
    if not isinstance(argument, np.ndarray):
        return False
    value = torch_scipy.as_array(value)
    if isinstance(value, np.ndarray):
        try:
            return np.may_share_memory(value, argument) and np.shares_memory(value, argument, max_work=100_000)  # type: ignore[arg-type]
        except np.exceptions.TooHardError:
            return True
    if isinstance(value, tuple | list):
        return any(shares(part, argument) for part in value)
    if isinstance(value, dict):
        return any(shares(part, argument) for part in value.values())
    return False


def _numbers(module: Any) -> dict[str, Any]:
    return {key: torch_scipy.as_array(value) for key, value in module.state_dict().items()}
