"""One worker as the grader speaks to it: frames out and in, under a deadline, its output kept short."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from deconv_grader.isolation import sandbox, wire
from deconv_grader.isolation.forkserver import Process, Zygote
from deconv_grader.values.deadlines import SLICE, STARTING, TELLING, Allowance, processor_time
from deconv_grader.values.failures import Crashed, Malformed, Stopped

MOST_OUTPUT = 64 << 10
CHUNK = 1 << 20
_FRAME = re.compile(r'  File "([^"\n]{1,300})", line (\d{1,7}) in ')


class Connection:
    """A worker's channel and output. After any failure it is of no more use.

    `interrupted` says, whenever the worker is waited for, whether somebody wants no more of it.
    """

    def __init__(self, zygote: Zygote, process: Process, interrupted: Callable[[], bool] = lambda: False):
        self._zygote, self._process, self._interrupted = zygote, process, interrupted
        self._poll = select.poll()
        self._poll.register(process.output, select.POLLIN)
        self._poll.register(process.channel, select.POLLIN)
        self._number = 0
        self._output = bytearray()
        self._buffer = bytearray()
        self._said = bytearray()
        self._processor_time = processor_time(process.system_pid)
        self._counted = self._processor_time()

    @property
    def output(self) -> str:
        """What the worker printed, from its beginning, up to a limit."""
        return self._output.decode(errors="replace")

    @property
    def processor(self) -> float:
        """Seconds of the processor that the worker has used."""
        return self._processor_time()

    def number(self) -> int:
        """A number for the next request."""
        self._number += 1
        return self._number

    def greeting(self) -> dict[str, Any]:
        """The worker's first frame: how far its lock-down went. Sent before any of the learner's code runs."""
        header, payload = self.receive(Allowance(STARTING, 1))
        try:
            fields, _ = wire.decode(header, payload, wire.REPLY)
        except wire.WireError:
            fields = {}
        if fields.get("kind") != "ready" or fields.get("level") not in sandbox.LEVELS:
            raise Crashed("the worker could not be locked down")
        return fields

    # --------------------------------------------------------------------------------------------------------- frames

    def send(self, frame: bytes, allowance: Allowance) -> None:
        """Send a frame."""
        if self._buffer or self._waiting():
            raise Malformed("it sent something that nobody asked for")
        view = memoryview(frame)
        with _Count(self, allowance) as count:
            while view:
                try:
                    view = view[self._process.channel.send(view[:CHUNK]) :]
                except BlockingIOError:
                    self._wait(count, select.POLLOUT)
                except OSError:
                    raise self._died() from None

    def receive(self, allowance: Allowance) -> tuple[bytearray, bytearray]:
        """The next frame."""
        with _Count(self, allowance) as count:
            try:
                header, payload = wire.lengths(self._exactly(wire.PREFIX.size, count), wire.REPLY)
            except wire.WireError as error:
                raise Malformed(str(error)) from None
            return self._exactly(header, count), self._exactly(payload, count)

    def _exactly(self, length: int, count: _Count) -> bytearray:
        while len(self._buffer) < length:
            try:
                chunk = self._process.channel.recv(CHUNK)
            except BlockingIOError:
                self._wait(count, select.POLLIN)
                continue
            except OSError:
                raise self._died() from None
            if not chunk:
                raise self._died()
            self._buffer += chunk
            count.require()
        out = self._buffer[:length]
        del self._buffer[:length]
        return out

    def _waiting(self) -> bool:
        """Whether the worker has sent something, or hung up."""
        poll = select.poll()
        poll.register(self._process.channel, select.POLLIN)
        return bool(poll.poll(0)) and not self._hung_up()

    def _hung_up(self) -> bool:
        try:
            return self._process.channel.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    def _wait(self, count: _Count, event: int) -> None:
        """Wait until the channel is ready, and keep the output flowing meanwhile."""
        channel = self._process.channel.fileno()
        self._poll.modify(channel, event)
        while True:
            count.require()
            if self._interrupted():
                raise Stopped
            for handle, _ in self._poll.poll(1000 * SLICE):
                if handle == channel:
                    return
                self._drain()

    # --------------------------------------------------------------------------------------------- output, last words

    def _drain(self) -> bool:
        """Take what the worker printed. Returns whether there was anything."""
        try:
            chunk = os.read(self._process.output, 1 << 16)
        except BlockingIOError:
            return False
        if not chunk:
            with contextlib.suppress(KeyError):
                self._poll.unregister(self._process.output)
            return False
        self._output += chunk[: MOST_OUTPUT - len(self._output)]
        return True

    def _drain_all(self) -> None:
        for _ in range(64):
            if not self._drain():
                break

    def whereabouts(self) -> list[tuple[str, int]]:
        """Where in its Python code the worker is, or was as it died: file and line, outermost first.

        It says so itself, and a learner's code may have it say nothing, or anything.
        """
        if self._process is not None:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._process.pidfd, signal.SIGUSR1)
            ready = select.poll()
            ready.register(self._process.trace, select.POLLIN)
            ready.poll(1000 * TELLING)
            time.sleep(0.005)  # it comes in several writes
            self._hear()
        said = self._said.decode(errors="replace").rpartition("most recent call first)")[2]
        return [(found[1], int(found[2])) for line in reversed(said.splitlines()) if (found := _FRAME.match(line))]

    def _hear(self) -> None:
        with contextlib.suppress(OSError):
            self._said += os.read(self._process.trace, MOST_OUTPUT)

    def _died(self) -> Crashed:
        ready = select.poll()
        ready.register(self._process.pidfd, select.POLLIN)
        if not ready.poll(1000 * TELLING):
            self.end()
            return Crashed("the worker's connection was closed")
        return Crashed(_last_words(self.end()))

    def end(self) -> int | None:
        """Kill the worker. Returns its exit status."""
        if self._process is None:
            return None
        self._drain_all()
        self._hear()
        process, self._process = self._process, None  # type: ignore[assignment]
        return self._zygote.reap(process)


class _Count:
    """Takes from an allowance what a worker uses of the processor, and the time on the clock for which it is waited for."""

    def __init__(self, connection: Connection, allowance: Allowance):
        self._connection, self._allowance = connection, allowance

    def __enter__(self) -> _Count:
        self._clock = time.monotonic()
        return self

    def __exit__(self, *details: object) -> None:
        self.take()

    def take(self) -> None:
        clock, processor = time.monotonic(), self._connection.processor
        self._allowance.take(processor - self._connection._counted, clock - self._clock)
        self._clock, self._connection._counted = clock, processor

    def require(self) -> None:
        self.take()
        self._allowance.require()


def _last_words(status: int | None) -> str:
    if status is None:
        return "the worker is gone"
    if status >= 0:
        return f"the code ended its process, with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    reasons = {
        "SIGSEGV": "it reached into memory that is not its own; endless recursion can do that",
        "SIGKILL": "it was killed, perhaps for want of memory",
        "SIGXCPU": "it used too much processor time",
        "SIGABRT": "a library gave up, perhaps for want of memory",
        "SIGFPE": "a division by zero in compiled code",
    }
    return f"the code's process ended by {name}: {reasons.get(name, 'a signal')}"
