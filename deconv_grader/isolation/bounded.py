"""Bounds on what the grader itself computes for a worker, whose arguments may have been chosen to do harm.

A prerequisite's reference and a function that a test passes run in the grader's own process. With an image of two billion
pixels they would take its memory, with a kernel of a million taps its time.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deconv_grader.isolation import sandbox
from deconv_grader.values import torch_scipy

MEMORY = 512 << 20


class OutOfTime(Exception):
    """The computation was stopped."""


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Stop what runs inside after `seconds`, with `OutOfTime`, and let it take up no more than `MEMORY` besides.

    A single operation of a compiled library is not interrupted, and a library that comes near the limit may end the
    process (OpenBLAS does): where that is possible, see `apart`.
    """
    with _one_thread(), _memory(), _time(max(0.001, seconds)):
        yield


def apart(compute: Callable[[], bytes], seconds: float) -> bytes:
    """What `compute` gives in a process of its own (a fork of this one), killed after `seconds` with `OutOfTime`.

    For what the operations of a compiled library may take long to do: a product of two large matrices, once begun, goes
    on to its end.
    """
    until = time.monotonic() + seconds
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
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
    os.close(writing)
    chunks = []
    try:
        ready = select.poll()
        ready.register(reading, select.POLLIN)
        while True:
            left = until - time.monotonic()
            if left <= 0 or not ready.poll(max(1, left * 1000)):
                raise OutOfTime
            chunk = os.read(reading, 1 << 20)
            if not chunk:
                break
            chunks.append(chunk)
    except BaseException:
        os.kill(pid, signal.SIGKILL)  # not waited for yet: the number is still its own
        os.waitpid(pid, 0)
        raise
    finally:
        os.close(reading)
    if os.waitpid(pid, 0)[1] != 0:
        raise OutOfTime
    return b"".join(chunks)


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
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    if before[0] != resource.RLIM_INFINITY:
        limit = min(limit, before[0])
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def _time(seconds: float) -> Iterator[None]:
    main = threading.current_thread() is threading.main_thread()
    timer = _alarm if main and hasattr(signal, "setitimer") else _other_thread
    with timer(seconds):
        yield


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: Any) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, stop)
    outer, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if outer:  # someone else's alarm: late rather than never
            signal.setitimer(signal.ITIMER_REAL, outer)


@contextmanager
def _other_thread(seconds: float) -> Iterator[None]:
    """Where there is no alarm: another thread raises the exception in this one."""
    thread, lock, over = threading.get_ident(), threading.Lock(), False

    def stop() -> None:
        with lock:
            if not over:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(OutOfTime))

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            over = True
