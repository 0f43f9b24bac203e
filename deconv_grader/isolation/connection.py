"""One worker as the grader speaks to it: frames out and in, under a deadline, its output kept short."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from typing import Any

from deconv_grader.isolation import sandbox, wire
from deconv_grader.isolation.forkserver import Process, Zygote
from deconv_grader.values.failures import Crashed, Malformed, TimedOut

MOST_OUTPUT = 64 << 10
CHUNK = 1 << 20


class Connection:
    """A worker's channel and output. After any failure it is of no more use."""

    def __init__(self, zygote: Zygote, process: Process):
        self._zygote, self._process = zygote, process
        self._poll = select.poll()
        self._poll.register(process.output, select.POLLIN)
        self._poll.register(process.channel, select.POLLIN)
        self._number = 0
        self._output = bytearray()
        self._buffer = bytearray()

    @property
    def output(self) -> str:
        """What the worker printed, from its beginning, up to a limit."""
        return self._output.decode(errors="replace")

    def number(self) -> int:
        """A number for the next request."""
        self._number += 1
        return self._number

    def greeting(self, seconds: float) -> dict[str, Any]:
        """The worker's first frame: how far its lock-down went. Sent before any of the learner's code runs."""
        header, payload, _ = self.receive(seconds)
        try:
            fields, _ = wire.decode(header, payload, wire.REPLY)
        except wire.WireError:
            fields = {}
        if fields.get("kind") != "ready" or fields.get("level") not in sandbox.LEVELS:
            raise Crashed("the worker could not be locked down")
        return fields

    def send(self, frame: bytes, seconds: float) -> float:
        """Send a frame. Returns the seconds it took."""
        start = time.monotonic()
        if self._buffer or self._waiting():
            raise Malformed("it sent something that nobody asked for")
        view = memoryview(frame)
        channel = self._process.channel
        while view:
            try:
                view = view[channel.send(view[:CHUNK]) :]
            except BlockingIOError:
                self._wait(start + seconds, select.POLLOUT)
            except OSError:
                raise self._died() from None
        return time.monotonic() - start

    def receive(self, seconds: float) -> tuple[bytes, bytes, float]:
        """The next frame, and the seconds it took to come."""
        start = time.monotonic()
        header, payload = self._lengths(self._exactly(wire.PREFIX.size, start + seconds))
        head = self._exactly(header, start + seconds)
        return head, self._exactly(payload, start + seconds), time.monotonic() - start

    def _lengths(self, prefix: bytes) -> tuple[int, int]:
        try:
            return wire.lengths(prefix, wire.REPLY)
        except wire.WireError as error:
            raise Malformed(str(error)) from None

    def _exactly(self, length: int, until: float) -> bytes:
        channel = self._process.channel
        while len(self._buffer) < length:
            try:
                chunk = channel.recv(CHUNK)
            except BlockingIOError:
                self._wait(until, select.POLLIN)
                continue
            except OSError:
                raise self._died() from None
            if not chunk:
                raise self._died()
            self._buffer += chunk
            if time.monotonic() > until:
                raise TimedOut("stopped at its deadline")
        out = bytes(self._buffer[:length])
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

    def _wait(self, until: float, event: int) -> None:
        """Wait until the channel is ready, and keep the output flowing meanwhile."""
        channel = self._process.channel.fileno()
        self._poll.modify(channel, event)
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise TimedOut("stopped at its deadline")
            for handle, _ in self._poll.poll(max(1, left * 1000)):
                if handle == channel:
                    return
                self._drain()

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

    def _died(self) -> Crashed:
        for _ in range(64):
            if not self._drain():
                break
        ready = select.poll()
        ready.register(self._process.pidfd, select.POLLIN)
        if not ready.poll(200):
            self.end()
            return Crashed("the worker's connection was closed")
        return Crashed(_last_words(self.end()))

    def end(self) -> int | None:
        """Kill the worker. Returns its exit status."""
        process, self._process = self._process, None  # type: ignore[assignment]
        return self._zygote.reap(process) if process is not None else None


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
