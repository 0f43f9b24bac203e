"""The grader's end of the zygote: starting it, asking it for workers, having them killed."""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import deconvlib.course
from deconv_grader.isolation import sandbox
from deconv_grader.isolation.libraries import HIDDEN, NUMPY, installed, libraries_for
from deconv_grader.values.deadlines import STARTING
from deconv_grader.values.failures import CannotIsolate
from deconv_grader.values.preloaded import PARTS
from deconvlib.course.catalogue import Exercise

HERE = Path(__file__).resolve().parent
#: The modules that run inside: bubblewrap must show them, Landlock hides them again.
_INSIDE = {
    HERE: ("zygote", "worker", "loading", "wire", "sandbox", "seccomp"),
    HERE.parent / "values": ("handles", "copies", "torch_scipy", "torch_modules", "text"),
}


@dataclass
class Process:
    """A worker as the grader holds it."""

    pid: int
    pidfd: int
    system_pid: int  # as this process sees it; in a namespace of its own the zygote has other numbers
    channel: socket.socket
    output: int
    trace: int  # where it says in which line it is


class Zygote:
    """A running zygote. Use `zygote_for`, which keeps one for each kind of worker."""

    def __init__(self, level: str, libraries: tuple[str, ...], hidden: tuple[str, ...]):
        sandbox.close_memory()
        self.level = level
        self._lock = threading.Lock()
        self._names = installed("numpy", *libraries)
        course = Path(str(deconvlib.course.__file__)).resolve().parent
        paths = sandbox.readable_paths(self._names.folders, course)
        modules = [*NUMPY, *(name for library in libraries for name in PARTS[library])]
        modules += [name for library in hidden for name in HIDDEN[library]]
        everything = installed("numpy", *libraries, *hidden)
        settings = {
            "level": level,
            "paths": [str(path) for path in paths],
            "listed": [str(path) for path in (*sandbox.standard_library(), *(self._names.sites if libraries else ()))],
            "site": [str(path) for path in everything.sites],
            "imports": modules,
            "hidden": list(hidden),
            "keep_site": bool(libraries),
            "course": str(course),
            "keep_reading": not all(map(_everybody_can_read, (Path(os.__file__), course, *everything.folders))),
        }
        command = [sys.executable, "-I", "-S", str(HERE / "zygote.py"), json.dumps(settings)]
        if level == "bubblewrap":
            paths += [*everything.folders, *(room / f"{name}.py" for room, names in _INSIDE.items() for name in names)]
            command = sandbox.bubblewrap_command(paths, command)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment: dict[str, str] = {
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "LC_ALL": "C.UTF-8",
            "TRITON_INTERPRET": "1",  # there is no GPU in here
        }
        self._process = subprocess.Popen(
            command,
            stdin=theirs.fileno(),
            env=environment,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C is the grader's to handle
        )
        theirs.close()
        self._control.settimeout(STARTING)
        self._ready = False  # it imports while the grader does other things

    @property
    def names(self) -> tuple[str, ...]:
        """The packages its workers may import, besides the standard library."""
        return self._names.names

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def _ask(self, wish: dict[str, Any] | None, handles: tuple[int, ...] = ()) -> tuple[dict[str, Any], list[int]]:
        try:
            if wish is not None:
                socket.send_fds(self._control, [json.dumps(wish).encode()], handles)
            message, received, _, _ = socket.recv_fds(self._control, 1 << 12, 1)
        except OSError as error:
            message, received, reason = b"", [], str(error)
        else:
            reason = "it ended"
        if not message:
            said = os.read(self._process.stderr.fileno(), 4000).decode(errors="replace") if self._process.stderr else ""
            self.close()
            raise CannotIsolate(f"the process that starts workers does not answer ({reason}): {said.strip()[-600:]}")
        return json.loads(message), received

    def spawn(self, memory: int, seconds: int) -> Process:
        """A new worker, locked down, with `memory` bytes and `seconds` of processor time for its whole life."""
        ours, theirs = socket.socketpair()
        (reading, writing), (trace, telling) = os.pipe(), os.pipe()
        os.set_blocking(telling, False)  # a worker that fills it says no more, and is not held up
        try:
            with self._lock:
                if not self._ready:
                    self._ask(None)
                    self._ready = True
                wish = {"do": "spawn", "memory": memory, "seconds": seconds}
                answer, received = self._ask(wish, (theirs.fileno(), writing, telling))
        except BaseException:
            ours.close()
            os.close(reading)
            os.close(trace)
            raise
        finally:
            theirs.close()
            os.close(writing)
            os.close(telling)
        ours.setblocking(False)
        os.set_blocking(reading, False)
        os.set_blocking(trace, False)
        return Process(answer["pid"], received[0], _number_of(received[0]), ours, reading, trace)

    def reap(self, process: Process) -> int | None:
        """Kill a worker and all that is in its process group. Returns its exit status, a negative signal number."""
        process.channel.close()
        for handle in (process.output, process.trace, process.pidfd):
            os.close(handle)
        if not self.alive:
            return None  # and its workers with it
        with self._lock:
            answer, _ = self._ask({"do": "reap", "pid": process.pid})
        return int(answer["status"])

    def close(self) -> None:
        """End it and every worker it has."""
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()


_zygotes: dict[tuple[str, tuple[str, ...], tuple[str, ...]], Zygote] = {}
_starting = threading.Lock()


def zygote_for(level: str, libraries: tuple[str, ...] = (), hidden: tuple[str, ...] = ()) -> Zygote:
    """The zygote for workers of this kind, started when first asked for."""
    if missing := sandbox.missing():
        raise CannotIsolate(
            f"workers need {missing}, which this system does not have; use a container, or grade your own code in process"
        )
    with _starting:
        key = (level, libraries, hidden)
        if key not in _zygotes or not _zygotes[key].alive:
            _zygotes[key] = Zygote(*key)
        return _zygotes[key]


def start_ahead(chosen: Iterable[Exercise]) -> None:
    """Have the processes started that workers for these exercises come from. They import what is slow meanwhile.

    Raises
    ------
    CannotIsolate
        Where there can be no workers.
    """
    for exercise in chosen:
        zygote_for(sandbox.best_level(), *libraries_for(exercise))


@atexit.register
def close_zygotes() -> None:
    """End all zygotes."""
    with _starting:
        while _zygotes:
            _zygotes.popitem()[1].close()


def _number_of(pidfd: int) -> int:
    """The number of a process as this one sees it."""
    facts = Path(f"/proc/self/fdinfo/{pidfd}").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in facts.splitlines() if line.startswith("Pid:")))


def _everybody_can_read(path: Path) -> bool:
    if path.stat().st_mode & 0o004 == 0:
        return False
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)
