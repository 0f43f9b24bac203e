"""Trained weights that are shipped with the course, small, each with its history in ``weights/weights.toml``.

They are what a chapter shows but cannot train in its time. `make weights` makes them again. Needs PyTorch.
"""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

FOLDER = Path(__file__).with_name("weights")
KINDS = ("float32", "float16", "int8")


@functools.cache
def table() -> dict[str, dict[str, Any]]:
    """Name -> the command that made the weights, seed, checksum, log, machine and minutes."""
    path = FOLDER / "weights.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def load_weights(name: str) -> dict[str, torch.Tensor]:
    """A state dict, float32, its checksum verified.

    Raises
    ------
    KeyError
        If no weights of that name are shipped.
    FileNotFoundError
        If the file is not part of this installation.
    ValueError
        If its contents are not what was shipped.
    """
    if name not in table():
        raise KeyError(f"no weights are named {name!r}; there are {', '.join(sorted(table())) or 'none'}")
    path = FOLDER / f"{name}.npz"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; reinstall deconvlib, or run `make weights` in a checkout")
    digest, expected = hashlib.sha256(path.read_bytes()).hexdigest(), table()[name]["sha256"]
    if digest != expected:
        raise ValueError(
            f"{path} is damaged: sha256 {digest}, expected {expected}; reinstall deconvlib, "
            "or run `make weights` in a checkout"
        )
    with np.load(path, allow_pickle=False) as arrays:
        return unpack({key: arrays[key] for key in arrays.files})


def restore(module: nn.Module, name: str) -> nn.Module:
    """Load shipped weights into a module of the right build, and return it in evaluation mode.

    Raises
    ------
    KeyError, FileNotFoundError, ValueError
        As `load_weights`; ValueError also if the module is built differently: the message says where.
    """
    weights = load_weights(name)
    own = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    theirs = {key: tuple(value.shape) for key, value in weights.items()}
    for key in sorted({*own, *theirs}):
        if own.get(key) != theirs.get(key):
            here, there = own.get(key, "nothing"), theirs.get(key, "nothing")
            raise ValueError(
                f"the weights {name!r} do not fit this {type(module).__name__}: {key} is {there} there, {here} here"
            )
    module.load_state_dict(weights)
    return module.eval()


def pack(weights: Mapping[str, torch.Tensor], kind: str = "float16") -> dict[str, np.ndarray]:
    """A state dict as arrays for an ``.npz`` file.

    ``"float16"`` halves it. ``"int8"`` keeps arrays of two and more axes as whole numbers from -127 to 127, with a scale
    for each entry of the first axis, and the rest in float32.

    Raises
    ------
    ValueError
        If the kind is another, or a value is not finite or too large for it.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    packed: dict[str, np.ndarray] = {}
    for name, tensor in weights.items():
        value = tensor.detach().cpu().numpy()
        if value.dtype.kind != "f":
            packed[f"as it is:{name}"] = value
            continue
        if not np.isfinite(value).all():
            raise ValueError(f"{name} holds a number that is not finite")
        if kind == "int8" and value.ndim >= 2:
            scale = np.abs(value).max(axis=tuple(range(1, value.ndim)), keepdims=True) / 127
            whole = np.round(value / np.where(scale > 0, scale, 1))
            packed[f"int8:{name}"], packed[f"scale:{name}"] = whole.astype(np.int8), scale.astype(np.float32)
        elif kind == "float16":
            if np.abs(value).max(initial=0) > np.finfo(np.float16).max:
                raise ValueError(f"{name} holds {np.abs(value).max():.3g}, too large for float16")
            packed[f"float:{name}"] = value.astype(np.float16)
        else:
            packed[f"float:{name}"] = value.astype(np.float32)
    return packed


def unpack(packed: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """The state dict of which `pack` made these arrays, in their order."""
    weights = {}
    for key, value in packed.items():
        how, _, name = key.partition(":")
        if how == "scale":
            continue
        if how == "int8":
            value = value * packed[f"scale:{name}"]
        weights[name] = torch.from_numpy(value if how == "as it is" else value.astype(np.float32))
    return weights
