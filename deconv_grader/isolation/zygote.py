"""The process that workers are forked from: NumPy is imported once, and a new worker costs milliseconds.

It is trusted, but holds nothing worth reading: no tests, no solutions, an empty environment. It runs as
``python -I -S zygote.py`` with one socket (descriptor 0) on which the grader asks for workers::

    {"do": "spawn", ...}   with three descriptors, see below  ->  {"pid": 7} and a pidfd
    {"do": "reap", "pid"}  kills the worker's process group and waits for it         ->  {"status": 9}

The descriptors are the worker's socket (3), its output (1 and 2) and where it says in which line it is (4): on a signal,
and when it dies of one.

When the grader goes away, the socket closes, and this process takes its workers with it.
"""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import gc
import importlib
import json
import os
import signal
import socket
import sys
import types
from pathlib import Path
from typing import Any, NoReturn

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
MESSAGE = 1 << 16
TRIES = 1000  # a worker that starts processes as fast as it can is ended in a few
FIRST_IDENTITY = 1_200_000_000  # user numbers from here on belong to nobody


def main() -> None:
    settings = json.loads(sys.argv[1])
    control = socket.socket(fileno=os.dup(0))
    with open(os.devnull, encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), 0)
    worker, sandbox = _prepare(settings)
    sandbox.close_memory()
    sandbox.adopt_orphans()
    rules = None
    if settings["level"] == "landlock":
        rules = sandbox.landlock_rules(map(Path, settings["paths"]), map(Path, settings["listed"]))
    base = _address_space()
    control.sendall(json.dumps({"ready": True}).encode())
    gc.collect()
    gc.freeze()  # pages that no collection touches stay shared with the workers
    children: set[int] = set()
    while True:
        message, handles, _, _ = socket.recv_fds(control, MESSAGE, 3)
        if not message:
            _kill_all(children)
            os._exit(0)
        wish = json.loads(message)
        if wish["do"] == "spawn":
            pid = os.fork()
            if pid == 0:
                control.close()
                _become_worker(worker, sandbox, settings, wish, rules, base, handles)
            children.add(pid)
            for handle in handles:
                os.close(handle)
            pidfd = os.pidfd_open(pid)
            socket.send_fds(control, [json.dumps({"pid": pid}).encode()], [pidfd])
            os.close(pidfd)
        elif wish["do"] == "reap" and wish["pid"] in children:
            _kill_group(wish["pid"])
            _kill_all_of(FIRST_IDENTITY + wish["pid"])
            _, status = os.waitpid(wish["pid"], 0)
            children.discard(wish["pid"])
            _end_orphans(children)
            control.sendall(json.dumps({"status": os.waitstatus_to_exitcode(status)}).encode())


def _prepare(settings: dict[str, Any]) -> tuple[types.ModuleType, types.ModuleType]:
    """Import what every worker needs, without putting the course or other packages within its reach."""
    sys.dont_write_bytecode = True
    # Two rooms of this package without their __init__, and only while these modules are imported.
    packages = []
    for name, folder in (("", ROOT), (".values", ROOT / "values"), (".isolation", HERE)):
        package = types.ModuleType(f"deconv_grader{name}")
        package.__path__ = [str(folder)]
        sys.modules[package.__name__] = package
        packages.append(package)
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != HERE]
    sys.path += settings["site"]
    for name in settings["imports"]:
        importlib.import_module(name)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    torch_scipy = importlib.import_module("deconv_grader.values.torch_scipy")
    for library in settings["hidden"]:
        for name in [name for name in sys.modules if name.partition(".")[0] == library]:
            torch_scipy.hidden[name] = sys.modules.pop(name)
    if not settings["keep_site"]:
        sys.path[:] = [entry for entry in sys.path if entry not in settings["site"]]
        sys.path_importer_cache.clear()
    loading = importlib.import_module("deconv_grader.isolation.loading")
    loading.course_package(Path(settings["course"]))
    worker = importlib.import_module("deconv_grader.isolation.worker")
    sandbox = importlib.import_module("deconv_grader.isolation.sandbox")
    for package in packages:
        package.__path__ = []
    return worker, sandbox


def _become_worker(
    worker: types.ModuleType,
    sandbox: types.ModuleType,
    settings: dict[str, Any],
    wish: dict[str, Any],
    rules: int | None,
    base: int,
    handles: list[int],
) -> NoReturn:
    try:
        os.setsid()
        # Out of the way of the numbers that they get.
        channel, output, trace, *more = (
            fcntl.fcntl(handle, fcntl.F_DUPFD, 64) for handle in (*handles, *([] if rules is None else [rules]))
        )
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(channel, 3)
        os.dup2(trace, worker.TRACE)
        for handle in more:
            os.dup2(handle, 5)
        os.closerange(5 + len(more), 1 << 12)
        os.chdir("/")
        faulthandler.enable(worker.TRACE, all_threads=False)
        faulthandler.register(signal.SIGUSR1, worker.TRACE, all_threads=False)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        reached = sandbox.lock_down(
            level=settings["level"],
            rules=5 if more else None,
            memory=base + wish["memory"],
            seconds=wish["seconds"],
            identity=FIRST_IDENTITY + os.getpid(),
            keep_reading=settings["keep_reading"],
        )
        worker.serve(3, reached)
    except BaseException:  # nothing may run on in here as if it were the zygote
        with contextlib.suppress(BaseException):
            sys.excepthook(*sys.exc_info())
    finally:
        os._exit(70)


def _address_space() -> int:
    """Bytes of address space that this process, and so each worker at its birth, has taken up."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _kill_group(pid: int) -> None:
    for kill in (os.killpg, os.kill):  # the group does not exist before the worker has made it
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def _kill_all_of(identity: int) -> None:
    """As root: end what a worker that could start processes has left outside its group."""
    if os.geteuid() != 0:
        return
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(identity, identity, identity)
            if os.getresuid() == (identity, identity, identity):
                os.kill(-1, signal.SIGKILL)  # everything of this user, and nothing else
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def _end_orphans(workers: set[int]) -> None:
    """End what workers left behind outside their groups: it is this process's child now, and no worker."""
    for _ in range(TRIES):
        left = [child for child in _children() if child not in workers]
        if not left:
            return
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, all of them: none has another child meanwhile
            for child in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(child, number)
        for child in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def _children() -> list[int]:
    try:
        return [
            int(child) for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="utf-8").split()
        ]
    except OSError:  # a kernel without that list
        return []


def _kill_all(children: set[int]) -> None:
    for pid in children:
        _kill_group(pid)
        _kill_all_of(FIRST_IDENTITY + pid)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
    _end_orphans(set())


if __name__ == "__main__":
    main()
