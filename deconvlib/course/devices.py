"""What the GPU chapter needs of devices: their names, and one that is made of a thread. Needs PyTorch."""

from __future__ import annotations

import platform
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


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
