"""Bounds on what the grader itself computes for a worker, whose arguments may have been chosen to do harm.

A prerequisite's reference and a function that a test passes run in the grader's own process. With an image of two billion
pixels they would take its memory, with a kernel of a million taps its time.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from deconv_grader.isolation import sandbox
from deconv_grader.values import torch_scipy
from deconv_grader.values.deadlines import SLICE, Allowance, limited, processor_time

MEMORY = 256 << 20


class OutOfTime(Exception):
    """The computation was stopped."""


@contextmanager
def bounded(allowance: Allowance) -> Iterator[None]:
    """Stop what runs inside when its time is up, with `OutOfTime`, and let it take up no more than `MEMORY` besides.

    A single operation of a compiled library is not interrupted, and a library that comes near the limit may end the
    process (OpenBLAS does): where that is possible, see `apart`.
    """
    with _one_thread(), _memory(), limited(allowance, OutOfTime):
        yield


def apart(compute: Callable[[], bytes], allowance: Allowance) -> bytes:
    """What `compute` gives in a process of its own (a fork of this one), killed with `OutOfTime` when its time is up.

    For what the operations of a compiled library may take long to do: a product of two large matrices, once begun, goes
    on to its end.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _compute_and_end(compute, reading, writing)
    os.close(writing)
    try:
        answer = _read_to_the_end(reading, processor_time(pid), allowance)
    except BaseException:
        os.kill(pid, signal.SIGKILL)  # not waited for yet: the number is still its own
        os.waitpid(pid, 0)
        raise
    finally:
        os.close(reading)
    if os.waitpid(pid, 0)[1] != 0:
        raise OutOfTime
    return answer


def _compute_and_end(compute: Callable[[], bytes], reading: int, writing: int) -> NoReturn:
    try:
        sandbox.die_with_parent()
        os.close(reading)
        torch = torch_scipy.library("torch")
        if torch is not None:
            torch.set_num_threads(1)  # a fork has none of its parent's threads, and would wait for them
        with open(writing, "wb") as stream:
            stream.write(compute())
        os._exit(0)
    finally:
        os._exit(1)


def _read_to_the_end(reading: int, processor: Callable[[], float], allowance: Allowance) -> bytes:
    chunks: list[bytes] = []
    ready = select.poll()
    ready.register(reading, select.POLLIN)
    used, clock = 0.0, time.monotonic()
    while True:
        here = bool(ready.poll(1000 * SLICE))
        used, before, clock, then = processor(), used, time.monotonic(), clock
        allowance.take(used - before, clock - then)
        if min(allowance.left) <= 0:
            raise OutOfTime
        if here:
            chunk = os.read(reading, 1 << 20)
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch from starting threads: where there is no memory for one, OpenMP ends the process."""
    torch = torch_scipy.library("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _memory() -> Iterator[None]:
    if sys.platform != "linux":
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    if before[0] != resource.RLIM_INFINITY:
        limit = min(limit, before[0])
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
