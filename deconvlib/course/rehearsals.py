"""Things with which answers are tried in the GPU chapter's checks: a machine with other devices, a clock that is not one,
a model that writes down what is done to it. They are made where the answer runs, and hold no answer. Needs PyTorch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn


class Machine:
    """Has PyTorch say, until `restore`, that there are so many CUDA devices, and whether there is Apple's."""

    def __init__(self, cuda: int, mps: bool) -> None:
        self._undo: list[tuple[Any, str, Any]] = []
        name = "cuda" if cuda else "mps" if mps else ""
        count = cuda or int(mps)
        self._patch(torch.cuda, "is_available", lambda: cuda > 0)
        self._patch(torch.cuda, "device_count", lambda: cuda)
        self._patch(torch.backends.mps, "is_available", lambda: mps)
        self._patch(torch.mps, "is_available", lambda: mps)
        self._patch(torch.mps, "device_count", lambda: int(mps))
        if hasattr(torch, "accelerator"):
            self._patch(torch.accelerator, "is_available", lambda: bool(name))
            self._patch(torch.accelerator, "device_count", lambda: count)
            self._patch(torch.accelerator, "current_accelerator", lambda *_, **__: torch.device(name) if name else None)

    def _patch(self, place: Any, name: str, function: Callable[..., Any]) -> None:
        if hasattr(place, name):
            self._undo.append((place, name, getattr(place, name)))
            setattr(place, name, function)

    def restore(self) -> None:
        """Have PyTorch say the truth again."""
        while self._undo:
            setattr(*self._undo.pop())

    def device(self, name: str) -> torch.device:
        """A device by its name."""
        return torch.device(name)

    def text(self, found: Any) -> str:
        """The name of a device that was picked; "cuda" and "cuda:0" are one."""
        if not isinstance(found, torch.device):
            return f"a {type(found).__name__}, no torch.device"
        return f"{found.type}:{found.index}" if found.index else found.type


class Stopwatch:
    """A device that works off its queue, and the clock that goes with it: time passes only where something waits for it.

    ``work(*args)`` launches: it takes `launch` seconds and leaves the next of `durations` to be waited for.
    """

    def __init__(self, durations: Sequence[float], launch: float = 0.25, pending: float = 0.0) -> None:
        self._durations, self._launch, self._pending = list(durations), launch, pending
        self._now = 100.0
        self._calls: list[list[Any]] = []
        self.device = self

    def clock(self) -> float:
        """Seconds."""
        return self._now

    def work(self, *args: Any) -> None:
        """Launch something."""
        self._calls.append(list(args))
        self._now += self._launch
        self._pending += self._durations[min(len(self._calls), len(self._durations)) - 1]

    def synchronize(self) -> None:
        """Wait until all is done."""
        self._now += self._pending
        self._pending = 0.0

    def calls(self) -> list[list[Any]]:
        """What `work` was called with, each time."""
        return self._calls

    def sleep(self) -> None:
        """Take at least ten milliseconds of the real clock."""
        time.sleep(0.01)


class Training:
    """A small model, a loss, an optimizer and a gradient scaler that write down in which order they are asked, and how.

    Parameters
    ----------
    weight
        What the model's weight is at the start: nested lists, of a linear layer or of a convolution.
    scale
        Of the loss, by `scaler`.
    """

    def __init__(self, weight: list[Any], scale: float = 1024.0) -> None:
        self._events: list[str] = []
        self.model = _Model(torch.tensor(weight), self._events)
        self.optimiser = _SGD(self.model.parameters(), self._events)
        self.scaler = _Scaler(scale, self._events)
        self.bfloat16 = torch.bfloat16
        #: A batch that is not where the model is, until it is moved.
        self.elsewhere = _Pair([torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.ones(2, 1)])

    def loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The mean square."""
        self._events.append(f"loss{_autocast()}{', target elsewhere' if isinstance(target, _Elsewhere) else ''}")
        return (output.float() - target).square().mean()

    def weights(self) -> torch.Tensor:
        """The model's weight, as it is now."""
        return self.model.weight.detach().clone()

    def events(self) -> list[str]:
        """What happened, in order."""
        return self._events

    def about(self, found: Any) -> list[str]:
        """What was given back: its type, where it is, and whether it keeps its history."""
        if not isinstance(found, torch.Tensor):
            return [type(found).__name__]
        return ["tensor", "with its history" if found.requires_grad else "detached"]


class _Elsewhere(torch.Tensor):
    """A tensor that is on no device that there is, until it is moved."""

    def to(self, *args: Any, **keywords: Any) -> torch.Tensor:  # type: ignore[override]
        return self.as_subclass(torch.Tensor).to(*args, **keywords)


class _Pair(list[Any]):
    """Tensors that are elsewhere."""

    def __init__(self, parts: Sequence[torch.Tensor]) -> None:
        super().__init__(part.as_subclass(_Elsewhere) for part in parts)


def _autocast() -> str:
    on = torch.is_autocast_enabled("cpu")
    return f" in {str(torch.get_autocast_dtype('cpu')).removeprefix('torch.')}" if on else ""


class _Model(nn.Module):
    def __init__(self, weight: torch.Tensor, events: list[str]) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)
        self._events = events
        self.weight.register_hook(self._back)

    def _back(self, gradient: torch.Tensor) -> None:
        self._events.append(f"gradient{_autocast()}")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        last = x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
        where = "elsewhere" if isinstance(x, _Elsewhere) else x.device.type
        self._events.append(f"forward{_autocast()}{', channels last' if last else ''}, on {where}")
        return nn.functional.conv2d(x, self.weight) if x.ndim == 4 else nn.functional.linear(x, self.weight)


class _SGD(torch.optim.SGD):
    def __init__(self, parameters: Any, events: list[str]) -> None:
        super().__init__(parameters, lr=0.5)
        self._events = events

    def zero_grad(self, set_to_none: bool = True) -> None:
        self._events.append("zero_grad")
        super().zero_grad(set_to_none)

    def step(self, closure: Any = None) -> Any:  # type: ignore[override]
        self._events.append("step")
        return super().step(closure)


class _Scaler(torch.amp.GradScaler):
    def __init__(self, scale: float, events: list[str]) -> None:
        super().__init__("cpu", init_scale=scale)
        self._events = events

    def scale(self, outputs: Any) -> Any:
        self._events.append("scaler.scale")
        return super().scale(outputs)

    def step(self, optimizer: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> Any:
        self._events.append("scaler.step")
        return super().step(optimizer, *args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        self._events.append("scaler.update")
        super().update(new_scale)


class Launches:
    """Counts, until `stop`, what runs in Triton's interpreter: launches, programs, and products by `tl.dot`."""

    def __init__(self) -> None:
        from triton.runtime import interpreter

        self._executor, self._builder = interpreter.GridExecutor, type(interpreter.interpreter_builder)
        self._before = self._executor.__call__, self._builder.set_grid_idx, self._builder.create_dot
        self._counts = [0, 0, 0]
        for k, (place, name) in enumerate(self._places()):
            setattr(place, name, self._counting(k, self._before[k]))

    def _places(self) -> list[tuple[Any, str]]:
        return [(self._executor, "__call__"), (self._builder, "set_grid_idx"), (self._builder, "create_dot")]

    def _counting(self, index: int, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **keywords: Any) -> Any:
            self._counts[index] += 1
            return function(*args, **keywords)

        return counted

    def stop(self) -> list[int]:
        """The counts: launches, programs, products."""
        for (place, name), before in zip(self._places(), self._before, strict=True):
            setattr(place, name, before)
        return self._counts
