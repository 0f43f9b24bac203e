"""Checking tensors, so that every function of the PyTorch chapters refuses bad input in the same words."""

from __future__ import annotations

from typing import Any

import torch


def tensor(name: str, value: Any, axes: str) -> torch.Tensor:
    """`value`, a real tensor with one axis a letter of `axes`, such as ``"NCHW"``.

    Raises
    ------
    TypeError
        If it is no tensor, or a complex one.
    ValueError
        If it does not have ``len(axes)`` axes.
    """
    layout = f"({', '.join(axes)})"
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} must be a torch tensor {layout}, got a {type(value).__name__}")
    if value.is_complex():
        raise TypeError(f"{name} must be a real tensor {layout}, got {value.dtype}")
    if value.ndim != len(axes):
        raise ValueError(f"{name} must be a tensor {layout}, got shape {tuple(value.shape)}")
    return value
