"""Checkpoints: written whole or not at all, and read only by the run that they belong to. Needs PyTorch."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

History = dict[str, list[float]]

_MAGIC = b"deconvlib checkpoint 1\n"


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or that belongs to another run."""


def write_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file whole or not at all: beside its place, through to the disk, then under its name."""
    packed = io.BytesIO()
    torch.save(dict(content), packed)
    payload = packed.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.part")
    with open(beside, "wb") as file:
        file.write(_MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    if hasattr(os, "O_DIRECTORY"):  # the new name too must outlast a power cut
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """What a checkpoint holds: ``epoch``, ``history``, ``state`` (name -> state dict), ``fingerprint``, ``random``.

    Raises
    ------
    CheckpointError
        If it is no checkpoint, or damaged.
    """
    data = Path(path).read_bytes()
    head, payload = data[: len(_MAGIC) + 65], data[len(_MAGIC) + 65 :]
    if not head.startswith(_MAGIC):
        raise CheckpointError(f"{path} is no checkpoint of this course; name another file")
    if head[len(_MAGIC) : -1].decode("ascii", "replace") != hashlib.sha256(payload).hexdigest():
        raise CheckpointError(f"{path} is damaged (its checksum is wrong); delete it and train anew")
    try:
        return dict(torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True))
    except (RuntimeError, pickle.UnpicklingError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None


def fingerprint(parts: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, str]:
    """What makes a run this one, before it has learned anything: settings, sizes of the modules, the optimizers' rates."""
    known = {name: repr(value) for name, value in settings.items()}
    for name, part in parts.items():
        known[name] = type(part).__name__
        if isinstance(part, torch.Generator):
            known[f"{name}.seed"] = str(part.initial_seed())
        elif isinstance(part, nn.Module):
            for key, value in part.state_dict().items():
                if isinstance(value, torch.Tensor):
                    known[f"{name}.{key}"] = f"{tuple(value.shape)} {value.dtype}"
        elif isinstance(part, torch.optim.Optimizer):
            for index, group in enumerate(part.param_groups):
                for key, value in group.items():
                    if key != "params":
                        known[f"{name}.{index}.{key}"] = repr(value)
        elif isinstance(part, torch.optim.lr_scheduler.LRScheduler):
            plain = {key: value for key, value in part.state_dict().items() if isinstance(value, int | float | list)}
            known |= {f"{name}.{key}": repr(value) for key, value in plain.items()}
    return known


def _state_of(part: Any) -> Any:
    if isinstance(part, torch.Generator):
        return part.get_state()
    if isinstance(part, np.random.Generator):
        return _plain(part.bit_generator.state)
    if isinstance(part, random.Random):
        return part.getstate()
    return part.state_dict()


def _plain(value: Any) -> Any:
    """NumPy's states as what a checkpoint may hold: plain numbers in dicts and lists."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _set_state(part: Any, state: Any) -> None:
    if isinstance(part, torch.Generator):
        part.set_state(state)
    elif isinstance(part, np.random.Generator):
        part.bit_generator.state = state
    elif isinstance(part, random.Random):
        part.setstate(state)
    else:
        part.load_state_dict(state)


def snapshot(parts: Mapping[str, Any], known: Mapping[str, str], epoch: int, history: History) -> dict[str, Any]:
    """All that the rest of a run depends on, the generators that belong to nobody included."""
    name, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002  (what a step may draw from)
    everywhere = {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "numpy": (name, np.asarray(keys).tolist(), int(position), int(has_gauss), float(cached)),
        "python": random.getstate(),
    }
    state = {key: _state_of(part) for key, part in parts.items()}
    return {"epoch": epoch, "history": history, "state": state, "fingerprint": dict(known), "random": everywhere}


def restore(path: Path, parts: Mapping[str, Any], known: Mapping[str, str]) -> tuple[int, History]:
    """Set everything as it was, and return how many epochs are done, and their history.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be read, or is of another run.
    """
    content = read_checkpoint(path)
    kept = content["fingerprint"]
    if kept != known:
        names = [name for name in sorted({*kept, *known}) if kept.get(name) != known.get(name)]
        told = "; ".join(
            f"{name}: {kept.get(name, 'nothing')} there, {known.get(name, 'nothing')} now" for name in names[:3]
        )
        more = f"; and {len(names) - 3} more" if len(names) > 3 else ""
        raise CheckpointError(
            f"{path} is of another run ({told}{more}); name another file, or the settings it was made with"
        )
    for name, part in parts.items():
        _set_state(part, content["state"][name])
    everywhere = content["random"]
    torch.set_rng_state(everywhere["torch"])
    if everywhere["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(everywhere["cuda"])
    np.random.set_state(everywhere["numpy"])  # noqa: NPY002
    random.setstate(everywhere["python"])
    return content["epoch"], content["history"]
