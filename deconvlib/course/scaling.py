"""A run made faster, or spread over processes, by flags and not by other code. Needs PyTorch.

`accelerate` sets mixed precision, memory format, compilation and recomputation on a run of any recipe. `Processes` is what
``torchrun`` started: each process takes its share of every batch, and gradients are averaged, so that the run is the one
that a single process would have made, but for rounding.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from deconvlib.course.recipes import Run
from deconvlib.course.training import GradientStep

PRECISIONS = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Speed:
    """What a run was asked to do otherwise."""

    amp: str = ""  # a name of `PRECISIONS`
    channels_last: bool = False
    compiled: bool = False
    recompute: bool = False

    @property
    def asked(self) -> list[str]:
        """The flags, as they are written on the command line."""
        flags = {"--amp": self.amp, "--channels-last": self.channels_last, "--compile": self.compiled}
        return [flag for flag, value in (flags | {"--recompute": self.recompute}).items() if value]


class EndedElsewhere(RuntimeError):
    """Another process of the run is gone, so this one cannot go on."""


def accelerate(run: Run, speed: Speed) -> None:
    """Have a run do what `speed` asks for.

    Raises
    ------
    ValueError
        If its step is no `GradientStep`: a GAN's step says itself in which precision it computes.
    """
    step = run.step
    if not speed.asked:
        return
    if not isinstance(step, GradientStep):
        raise ValueError(f"this model has a step of its own, which takes no {', '.join(speed.asked)}")
    if speed.amp:
        step.amp_dtype = PRECISIONS[speed.amp]
        step.scaler = torch.amp.GradScaler(step.device.type, enabled=speed.amp == "float16")
        if run.state is not None and "scaler" in run.state:
            run.state = {**run.state, "scaler": step.scaler}
    if speed.channels_last:
        step.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        step.channels_last = True
    if speed.recompute:
        recompute(step.model)
    if speed.compiled:
        step.called = torch.compile(step.called)


def recompute(model: nn.Module) -> list[str]:
    """Have a model's blocks forget what they computed on the way forward, and compute it again on the way back.

    A block is a direct part of the model, or of a list in it, that has layers of its own; a model without such parts is one
    block. What batch normalization counts while it runs, it counts twice.

    Returns
    -------
    list of str
        The names of the blocks; "" for the whole model.
    """
    found: dict[str, nn.Module] = {}

    def look(module: nn.Module, prefix: str) -> None:
        for name, child in module.named_children():
            if isinstance(child, nn.ModuleList | nn.ModuleDict):
                look(child, f"{prefix}{name}.")
            elif any(True for _ in child.children()) and any(True for _ in child.parameters()):
                found[f"{prefix}{name}"] = child

    look(model, "")
    blocks = found or {"": model}
    for block in blocks.values():
        block.forward = _again(block.forward)  # type: ignore[method-assign]
    return list(blocks)


def _again(forward: Any) -> Any:
    def recomputed(*args: Any, **keywords: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*args, **keywords)
        if any(isinstance(part, torch.Generator) for part in (*args, *keywords.values())):
            raise ValueError(
                "this model draws while it computes, and would draw anew when it computes again: no --recompute"
            )
        return checkpoint(forward, *args, use_reentrant=False, **keywords)

    return recomputed


@dataclass
class Processes:
    """The processes of a run, as ``torchrun`` has numbered them in the environment. One, if it has not."""

    rank: int = 0
    count: int = 1
    local: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @classmethod
    def around(cls) -> Processes:
        """Those that this process is one of."""
        rank, count, local = (int(os.environ.get(name, d)) for name, d in _NAMES.items())
        return cls(rank, count, local)

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    @contextlib.contextmanager
    def together(self, device: torch.device) -> Iterator[None]:
        """Meet the others. Within it, their end is this one's: `EndedElsewhere`."""
        self.device = device
        if self.count == 1:
            yield
            return
        before = signal.signal(signal.SIGTERM, _told_to_end)
        try:
            with _of_the_others():
                torch.distributed.init_process_group(
                    "nccl" if device.type == "cuda" else "gloo",
                    rank=self.rank,
                    world_size=self.count,
                    timeout=datetime.timedelta(minutes=10),
                )
                yield
        finally:
            signal.signal(signal.SIGTERM, before)
            if torch.distributed.is_initialized():
                with contextlib.suppress(RuntimeError):
                    torch.distributed.destroy_process_group()

    def divide(self, run: Run) -> None:
        """Have a run's step learn from this process's share of every batch, and gradients averaged over all."""
        if self.count == 1:
            return
        step = run.step
        if run.state is None and hasattr(step, "state"):
            run.state = step.state
        if isinstance(step, GradientStep):
            step.called = nn.parallel.DistributedDataParallel(
                step.called, device_ids=[self.device.index] if self.device.type == "cuda" else None
            )
        else:
            for part in (run.state or {}).values():
                if isinstance(part, torch.optim.Optimizer):
                    part.register_step_pre_hook(self._average_gradients)
        run.step = _Divided(step, self)

    def _average_gradients(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    torch.distributed.all_reduce(parameter.grad)
                    parameter.grad /= self.count

    def mean(self, numbers: Mapping[str, Any], weight: float) -> dict[str, torch.Tensor]:
        """The means over all processes of named numbers, this one's with a weight."""
        values = [
            torch.as_tensor(value, dtype=torch.float64, device=self.device).detach() for value in numbers.values()
        ]
        kept = torch.stack(values) * weight  # on the device: nobody waits for it
        torch.distributed.all_reduce(kept)
        return dict(zip(numbers, kept / self.count, strict=True))


_NAMES = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}


class _Divided:
    """A step that takes its share of the batch."""

    def __init__(self, step: Any, processes: Processes) -> None:
        self.step, self.processes = step, processes
        self.settings = getattr(step, "settings", {})

    def __call__(self, batch: Any) -> dict[str, torch.Tensor]:
        rank, count = self.processes.rank, self.processes.count
        size = _length(batch)
        weighted = isinstance(self.step, GradientStep)
        if size < count:  # too few to divide: everybody learns from all of them
            part, weight = batch, 1.0
        else:
            size -= 0 if weighted else size % count
            mine = range(rank, size, count)
            part, weight = _taken(batch, mine), len(mine) * count / size
        if weighted:
            self.step.weight = weight
        return self.processes.mean(self.step(part), weight)


def _length(batch: Any) -> int:
    if isinstance(batch, torch.Tensor):
        return len(batch)
    return _length(next(iter(batch.values())) if isinstance(batch, Mapping) else batch[0])


def _taken(batch: Any, indices: range) -> Any:
    if isinstance(batch, torch.Tensor):
        return batch[list(indices)]
    if isinstance(batch, Mapping):
        return {name: _taken(part, indices) for name, part in batch.items()}
    return type(batch)(_taken(part, indices) for part in batch)


def _told_to_end(number: int, frame: Any) -> None:
    raise EndedElsewhere("it was told to end")


@contextlib.contextmanager
def _of_the_others() -> Iterator[None]:
    """What the library says when another process is gone, as `EndedElsewhere`."""
    try:
        yield
    except RuntimeError as error:
        words = str(error).lower()
        if isinstance(error, torch.distributed.DistError) or any(part in words for part in _GONE):
            raise EndedElsewhere(str(error).splitlines()[0]) from error
        raise


_GONE = ("connection closed", "connection reset", "connection refused", "gloo", "nccl", "timed out", "broken pipe")
