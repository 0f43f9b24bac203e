"""Locking a process down, and saying honestly how far that went.

The levels, from weak to strong (each holds what the ones before it do):

``rlimits``     memory, processor time, file size, processes and open files are limited; as root, another user's identity
``seccomp``     besides, the kernel refuses to start processes, reach the network, signal others or write any file
``bubblewrap``  besides, only the standard library, NumPy and the course's support package can be seen (a mount namespace)
``landlock``    the same, by the kernel's Landlock: no installation, no privilege, and the quickest

Below ``bubblewrap`` a submission may read what its user may read, the solutions included: such a result says so.
Where not even the limits hold the level is ``process``: a worker of its own, killed at its deadline, and no more. Workers
run on Linux only; elsewhere `forkserver` says so, and one's own code can be graded in process.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from deconv_grader.isolation import seccomp

LEVELS = ("process", "rlimits", "seccomp", "bubblewrap", "landlock")
READS_CONFINED = "bubblewrap"  # from this level on, solutions and tests cannot be read

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_NO_NEW_PRIVS, _DEATH_SIGNAL, _KEEP_CAPABILITIES, _DUMPABLE, _CHILD_SUBREAPER = 38, 1, 8, 4, 36
_READ_CAPABILITY = 1 << 2  # CAP_DAC_READ_SEARCH

# Root needs no user namespace, and in one its workers could not have another user's identity.
_NAMESPACES = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _syscall(number: int, *arguments: object) -> int:
    assert _libc is not None
    return int(_libc.syscall(ctypes.c_long(number), *arguments))


def _prctl(option: int, *values: int) -> int:
    assert _libc is not None
    return int(_libc.prctl(option, *(ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4])))


@functools.cache
def landlock_version() -> int:
    """The kernel's Landlock version; 0 where it has none."""
    return max(0, _syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(1))) if _libc else 0


@functools.cache
def bubblewrap_works() -> bool:
    """Whether bubblewrap is installed and may make namespaces here."""
    program = shutil.which("bwrap")
    if program is None:
        return False
    trial = [program, "--ro-bind", "/", "/", *_NAMESPACES, "--die-with-parent", "true"]
    try:
        return subprocess.run(trial, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def missing() -> str:
    """What this system lacks that workers need; an empty string where they can run."""
    if sys.platform != "linux":
        return "Linux"
    found = {
        "os.fork": hasattr(os, "fork"),
        "os.pidfd_open": hasattr(os, "pidfd_open"),
        "select.poll": hasattr(select, "poll"),
        "socket.send_fds": hasattr(socket, "send_fds") and hasattr(socket, "recv_fds"),
        "the module resource": importlib.util.find_spec("resource") is not None,
        "/proc": os.path.isdir("/proc/self"),
    }
    return " and ".join(name for name, there in found.items() if not there)


def best_level() -> str:
    """The level to ask for on this machine. What was reached is in a worker's own report."""
    if sys.platform != "linux":
        return "process"
    if landlock_version():
        return "landlock"
    return "bubblewrap" if bubblewrap_works() else "seccomp"


def at_least(level: str, wanted: str) -> bool:
    """Whether `level` is `wanted` or stronger."""
    return LEVELS.index(level) >= LEVELS.index(wanted)


def standard_library() -> set[Path]:
    """The folders of the standard library."""
    return {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}


def readable_paths(packages: Iterable[Path], course: Path) -> list[Path]:
    """What a worker may read: the standard library, shared libraries, `packages` and the course's support package.

    The standard library is named entry by entry, for ``site-packages`` lies in it.
    """
    paths = [course, *packages]
    for folder in standard_library():
        paths += [entry for entry in folder.iterdir() if not entry.name.endswith("-packages")]
    folders = {"/lib", "/lib64", "/usr/lib", "/usr/lib64", f"{sys.base_prefix}/lib"}
    for name in {os.path.realpath(name) for name in folders if os.path.isdir(name)}:
        entries = Path(name).iterdir()
        paths += [entry for entry in entries if entry.name.endswith("-linux-gnu") or ".so" in entry.name]
    paths += [Path(name) for name in ("/etc/ld.so.cache", "/dev/null", "/dev/urandom", "/usr/share/zoneinfo")]
    return [path for path in paths if path.exists()]


def bubblewrap_command(paths: Iterable[Path], command: list[str]) -> list[str]:
    """`command` in a mount namespace that holds only `paths` and the interpreter."""
    program = shutil.which("bwrap") or "bwrap"
    out = [program, *_NAMESPACES, "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    if os.geteuid() == 0:  # the workers' own user identity, and reading a library that lies under /root
        for name in ("CAP_SETUID", "CAP_SETGID", "CAP_KILL", "CAP_DAC_READ_SEARCH"):
            out += ["--cap-add", name]
    out += ["--proc", "/proc", "--dev", "/dev"]
    for link in ("/lib", "/lib64", "/bin"):
        if os.path.islink(link):
            out += ["--symlink", os.readlink(link), link]
    # Parents before children: a later mount hides what an earlier one put below it.
    interpreter = {Path(sys.executable), Path(os.path.realpath(sys.executable)), Path(sys.prefix) / "pyvenv.cfg"}
    for path in sorted({*paths, *(part for part in interpreter if part.exists())}):
        if not str(path).startswith("/dev/"):
            out += ["--ro-bind", str(path), str(path)]
    return [*out, "--remount-ro", "/", "--chdir", "/", "--", *command]


def landlock_rules(paths: Iterable[Path], listed: Iterable[Path]) -> int | None:
    """A Landlock ruleset that lets its process read `paths`, list the names in `listed`, and nothing else.

    None where there is no Landlock.

    Files written, sockets bound or connected, signals to processes outside: refused, as far as this kernel's version goes.
    """
    version = landlock_version()
    if not version:
        return None
    files = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)) - 1
    network = 0b11 if version >= 4 else 0  # TCP: bind, connect
    scopes = 0b11 if version >= 6 else 0  # abstract sockets, signals
    attribute = struct.pack("=QQQ", files, network, scopes)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    rules = _syscall(_CREATE_RULESET, attribute, ctypes.c_size_t(len(attribute)), ctypes.c_uint(0))
    if rules < 0:
        return None
    wishes = [(path, _READ_FILE | (_READ_DIR if path.is_dir() else 0)) for path in paths]
    for path, rights in [*wishes, *((path, _READ_DIR) for path in listed)]:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", rights, handle)
        _syscall(_ADD_RULE, ctypes.c_int(rules), ctypes.c_int(1), rule, ctypes.c_uint(0))
        os.close(handle)
    return rules


def lock_down(
    *, level: str, rules: int | None, memory: int, seconds: int, identity: int, keep_reading: bool
) -> dict[str, object]:
    """Lock this process down, for good, and report what holds.

    Parameters
    ----------
    level
        The level asked for; nothing above it is tried, so that each can be tested.
    rules
        A ruleset of `landlock_rules`.
    memory, seconds
        Bytes of address space and seconds of processor time, for the whole life of the process.
    identity
        A user number that nobody has; taken when this process is root's.
    keep_reading
        Whether that user must still be able to read what only root may (a Python under /root).
    """
    identity_taken = _become(identity, keep_reading)
    if _libc is None:
        _limit(memory, seconds, processes=None)
        return {"level": "process", "identity": identity_taken}
    # After the change of identity, which would clear it; the starter may have died meanwhile.
    _prctl(_DEATH_SIGNAL, 9)
    _prctl(_NO_NEW_PRIVS, 1)
    confined = level == "landlock" and rules is not None
    confined = confined and _syscall(_RESTRICT_SELF, ctypes.c_int(rules or 0), ctypes.c_uint(0)) == 0
    if rules is not None:
        os.close(rules)
    filtered = at_least(level, "seccomp") and seccomp.install()
    # Processes are counted by user. Where none can be started, only a user with no others needs a limit (on threads).
    _limit(memory, seconds, 32 if identity_taken else None if filtered else _tasks_of_user() + 64)
    # Never more than was asked for; and root may have as many processes as it likes.
    reached = "process" if level == "process" or os.geteuid() == 0 else "rlimits"
    if filtered:
        reached = "landlock" if confined else "bubblewrap" if level == "bubblewrap" else "seccomp"
    return {
        "level": reached,
        "landlock": landlock_version() if confined else 0,
        "seccomp": filtered,
        "identity": identity_taken,
    }


def close_memory() -> None:
    """Keep every process of this user, workers above all, from reading and writing the memory of this one."""
    _prctl(_DUMPABLE, 0)


def adopt_orphans() -> None:
    """Have what this process's children leave behind become its own children, so that it can be found and ended."""
    _prctl(_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it ends."""
    _prctl(_DEATH_SIGNAL, 9)


def _limit(memory: int, seconds: int, processes: int | None) -> None:
    import resource  # not on every system

    limits = {"AS": memory, "CPU": seconds, "FSIZE": 0, "CORE": 0, "NOFILE": 64, "MEMLOCK": 0, "MSGQUEUE": 0}
    if processes is not None:
        limits["NPROC"] = processes
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            _, hard = resource.getrlimit(kind)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))


def _tasks_of_user() -> int:
    """How many processes and threads this user has."""
    count = 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == os.geteuid():
                    count += len(os.listdir(f"/proc/{entry.name}/task"))
            except OSError:  # gone, or hidden
                continue
    return count


def _become(identity: int, keep_reading: bool) -> bool:
    """Give up root for a user number that nobody has. Returns whether this process has it now."""
    if os.geteuid() != 0:
        return False
    taken = True
    try:
        if keep_reading and _libc is not None:
            _prctl(_KEEP_CAPABILITIES, 1)
        os.setgroups([])
        os.setresgid(identity, identity, identity)
        os.setresuid(identity, identity, identity)
    except OSError:  # a namespace without that user
        taken = False
    if _libc is not None:
        kept = _READ_CAPABILITY if keep_reading else 0
        header = struct.pack("=Ii", 0x20080522, 0)
        if _libc.capset(header, struct.pack("=IIIIII", kept, kept, 0, 0, 0, 0)) != 0:
            raise OSError(ctypes.get_errno(), "cannot give up root's privileges")
    return taken
