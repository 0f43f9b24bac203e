"""How long a learner's code may take: every such number has its home here, and the clocks that count it.

A deadline is processor time, which only the learner's own computing uses up, however busy the machine is. On the clock it
is `PATIENCE` times as long, for code that sleeps or waits.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from deconv_grader.values.failures import TimedOut

PATIENCE = 12.0  # seconds on the clock for a second of the processor
LOADING = 5.0  # of the processor, to import the learner's module
LIFE = 40  # of a worker: so many deadlines of its exercise, and the loading
STARTING = 300.0  # on the clock, for what is the grader's own doing: only a hang takes so long
TELLING = 1.0  # on the clock, to learn where a worker is before it is ended
SLICE = 0.05  # between two looks at the clocks
ASLEEP = 0.1  # a share: who computed for less of the time was waiting


class Allowance:
    """What is left of a deadline.

    Parameters
    ----------
    seconds
        Of the processor.
    patience
        How many times as long on the clock.
    within
        A longer one that is used up along with this one.
    of
        Whose time it is, where it is not a check's.
    """

    def __init__(self, seconds: float, patience: float = PATIENCE, within: Allowance | None = None, of: str = ""):
        self.seconds, self.patience, self.within, self.of = seconds, patience, within, of
        self.processor, self.clock = seconds, patience * seconds

    def take(self, processor: float, clock: float) -> None:
        """Count what was used."""
        self.processor -= processor
        self.clock -= clock
        if self.within is not None:
            self.within.take(processor, clock)

    @property
    def left(self) -> tuple[float, float]:
        """Seconds of the processor and on the clock."""
        if self.within is None:
            return self.processor, self.clock
        return tuple(map(min, (self.processor, self.clock), self.within.left))  # type: ignore[return-value]

    def require(self) -> None:
        """Raise `TimedOut`, in words, where nothing is left."""
        if min(self.left) <= 0:
            raise self.out()

    def out(self) -> TimedOut:
        """What is said when time is up."""
        if self.within is not None and min(self.within.left) <= 0:
            return self.within.out()
        used = max(0.0, self.seconds - self.processor)
        clock = self.patience * self.seconds - self.clock
        whose = self.of or "the check"
        if self.processor <= 0:
            return TimedOut(f"stopped at its deadline: {whose} had computed for {self.seconds:g} s")
        failure = TimedOut(f"stopped after {clock:.0f} s on the clock, of which {whose} computed for {used:.1f} s")
        failure.asleep = used < ASLEEP * clock
        failure.busy_machine = not failure.asleep
        return failure

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Count what this thread does on the learner's behalf, what is counted meanwhile only once."""
        processor, clock, before = time.thread_time(), time.monotonic(), (self.processor, self.clock)
        try:
            yield
        finally:
            counted = (before[0] - self.processor, before[1] - self.clock)
            processor, clock = time.thread_time() - processor, time.monotonic() - clock
            self.take(max(0.0, processor - counted[0]), max(0.0, clock - counted[1]))


def processor_time(pid: int) -> Callable[[], float]:
    """A clock of the processor time of another process of this system (Linux); it stands still when that is gone."""
    number, last = ~pid << 3 | 2, 0.0  # as clock_getcpuclockid(3) makes it

    def read() -> float:
        nonlocal last
        with suppress(OSError):
            last = max(last, time.clock_gettime(number))
        return last

    return read


@contextmanager
def limited(allowance: Allowance, error: type[BaseException] | None = None) -> Iterator[None]:
    """Stop what runs inside in this thread when its time is up, and count it.

    Raises
    ------
    TimedOut
        Or `error`. A single operation of a compiled library is not interrupted.
    """
    allowance.require()
    processor, clock = time.process_time(), time.monotonic()
    main = threading.current_thread() is threading.main_thread()
    timer = _signals if main and hasattr(signal, "setitimer") else _watching_thread

    def used() -> None:
        nonlocal processor, clock
        now, then = time.process_time(), time.monotonic()
        allowance.take(now - processor, then - clock)
        processor, clock = now, then

    def failure() -> BaseException:
        used()
        return error() if error is not None else allowance.out()

    try:
        with timer(*allowance.left, failure):
            yield
    finally:
        used()


@contextmanager
def _signals(processor: float, clock: float, failure: Callable[[], BaseException]) -> Iterator[None]:
    end = time.process_time() + processor

    def stop(number: int, frame: Any) -> None:
        left = end - time.process_time()
        if number == signal.SIGPROF and left > 0:  # this timer counts the kernel's ticks, and may be early
            signal.setitimer(signal.ITIMER_PROF, max(0.001, left))
            return
        raise failure()

    timers = ((signal.SIGPROF, signal.ITIMER_PROF, processor), (signal.SIGALRM, signal.ITIMER_REAL, clock))
    before = []
    for number, timer, seconds in timers:
        before.append((signal.signal(number, stop), signal.setitimer(timer, max(0.001, seconds))[0]))
    try:
        yield
    finally:
        for _, timer, _ in timers:
            signal.setitimer(timer, 0)
        for (number, timer, _), (handler, outer) in zip(timers, before, strict=True):
            signal.signal(number, handler)
            if outer:  # someone else's alarm: late rather than never
                signal.setitimer(timer, outer)


@contextmanager
def _watching_thread(processor: float, clock: float, failure: Callable[[], BaseException]) -> Iterator[None]:
    """Where there is no alarm: another thread raises the exception in this one."""
    thread, lock, over = threading.get_ident(), threading.Lock(), threading.Event()
    ends = time.process_time() + processor, time.monotonic() + clock
    raised: list[BaseException] = []

    class Stop(BaseException):
        pass

    def watch() -> None:
        while not over.wait(max(0.0, min(SLICE, ends[0] - time.process_time(), ends[1] - time.monotonic()))):
            if time.process_time() < ends[0] and time.monotonic() < ends[1]:
                continue
            with lock:
                if not over.is_set():
                    raised.append(failure())
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Stop))
            return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    except Stop:
        raise raised[0] from None
    finally:
        with lock:
            over.set()
