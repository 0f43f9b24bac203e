"""What the GPU chapter needs of devices: their names, one that is made of a thread, a ledger of memory. Needs PyTorch."""

from __future__ import annotations

import contextlib
import os
import platform
import queue
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class PretendGPU:
    """A device that works off a queue, as a GPU does: a launch returns at once, the work is done later, in order.

    It computes nothing faster. It stands for a GPU where there is none, so that waiting for one can be practiced.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]]] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            function, args = self._queue.get()
            function(*args)

    def launch(self, function: Callable[..., Any], *args: Any) -> None:
        """Put a call into the queue and return."""
        self._queue.put((function, args))

    def synchronize(self) -> None:
        """Wait until all that was launched is done."""
        done = threading.Event()
        self._queue.put((done.set, ()))
        done.wait()


def device_name(device: torch.device | str) -> str:
    """What the device is sold as."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return f"Apple GPU, {platform.processor() or platform.machine()}"
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


class MemoryLedger(TorchDispatchMode):
    """Within it, every tensor's memory is written down when it is made and struck out when it is free.

    What was there before does not count, nor do the scratch buffers inside PyTorch's operations. ``current`` and ``peak`` are
    bytes. Works on any device, and also where tensors only have shapes (``meta``).
    """

    def __init__(self) -> None:
        super().__init__()
        self.current = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = {id(part.untyped_storage()) for part in tree_leaves((args, kwargs)) if isinstance(part, torch.Tensor)}
        found = function(*args, **(kwargs or {}))
        for part in tree_leaves(found):
            if isinstance(part, torch.Tensor):
                storage = part.untyped_storage()
                if id(storage) not in before and id(storage) not in self._known:
                    self._enter(storage)
        return found

    def _enter(self, storage: torch.UntypedStorage) -> None:
        key, size = id(storage), storage.nbytes()
        self._known.add(key)
        self.current += size
        self.peak = max(self.peak, self.current)
        weakref.finalize(storage, self._leave, key, size)

    def _leave(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.current -= size


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Within it, what libraries write to standard error past Python is dropped."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
