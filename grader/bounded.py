"""Bounds on what the grader itself computes for a worker, whose arguments may have been chosen to do harm.

A prerequisite's reference and a function that a test passes run in the grader's own process. With an image of two billion
pixels they would take its memory, with a kernel of a million taps its time.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MEMORY = 512 << 20


class OutOfTime(Exception):
    """The computation was stopped."""


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Stop what runs inside after `seconds`, with `OutOfTime`, and let it take up no more than `MEMORY` besides.

    A single operation of a compiled library is not interrupted; its memory is bounded, and so in effect its time.
    """
    with _memory(), _time(max(0.001, seconds)):
        yield


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
