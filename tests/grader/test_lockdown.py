"""Workers end when they should, and with them everything they started; a level is reached or refused."""

from __future__ import annotations

import errno
import platform
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from deconv_grader.isolation import forkserver, sandbox, seccomp
from deconv_grader.values.failures import CannotIsolate, Crashed, TimedOut
from deconv_tests.patience import PATIENCE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are locked down on Linux only")


def test_a_level_that_is_not_reached_is_refused(bench):
    one = bench("def conv_output_size(n): return n", level="rlimits", require="seccomp")
    with pytest.raises(CannotIsolate, match="seccomp is required; rlimits is reached"):
        one.conv_output_size(1)


def test_the_level_is_what_was_reached(bench):
    for level in ("rlimits", "seccomp", "landlock"):
        if level == "landlock" and not sandbox.landlock_version():
            continue
        one = bench("def conv_output_size(n): return n", level=level)
        one.answers.probe()
        assert one.answers.level == level


def _children(pid):
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text(encoding="utf-8").split()
    ]


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _gone(pids):
    until = time.monotonic() + PATIENCE
    while any(map(_alive, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(map(_alive, pids))


def test_a_worker_that_ends_is_gone(bench):
    one = bench("def conv_output_size(n):\n    while n: pass\n    return n", deadline=0.5)
    assert one.conv_output_size(0) == 0
    pid = one.answers._worker._process.pid
    with pytest.raises(TimedOut):
        one.conv_output_size(1)
    assert _gone([pid])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_grader_dies_everything_dies_with_it(how):
    code = """
        import sys, os
        from pathlib import Path
        from deconv_grader.isolation.isolated import IsolatedAnswers
        from deconv_grader.answers.submission import Submission
        from deconv_grader.grading.grade import course_exercises
        a = IsolatedAnswers(Submission(Path("x"), {"convolution": "def conv_output_size(n):\\n    while n: pass\\n    return n"}))
        e = course_exercises()["conv_output_size"]
        a.begin(e); a.call(e, (0,), {})
        print("ready", flush=True)
        a.deadline = 100.0; a.begin(e); a.call(e, (1,), {})
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE) as grader:
        assert grader.stdout is not None
        assert grader.stdout.readline() == b"ready\n"
        (zygote,) = _children(grader.pid)
        workers = _children(zygote)
        assert workers
        grader.send_signal(how)
        grader.wait(PATIENCE)
    assert _gone([zygote, *workers])


def test_a_zygote_that_died_is_replaced(bench):
    one = bench("def conv_output_size(n): return n\ndef receptive_field(n): return n")
    assert one.conv_output_size(1) == 1
    zygote = one.answers._worker._zygote
    zygote._process.kill()
    zygote._process.wait()
    with pytest.raises(Crashed):
        one.conv_output_size(1)
    assert one.conv_output_size(2) == 2


def test_an_interrupt_in_the_middle_of_a_call_costs_the_worker_only(bench):
    one = bench("def conv_output_size(n):\n    while n: pass\n    return n")

    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            one.conv_output_size(1)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert one.answers._worker is None


def test_zygotes_are_shared():
    level = sandbox.best_level()
    assert forkserver.zygote_for(level) is forkserver.zygote_for(level)


# ------------------------------------------------------------------------------------------- other processes' memory


AS_ORDINARY_USER = """
    import ctypes, os, struct, sys
    libc = ctypes.CDLL(None, use_errno=True)
    if os.getuid() == 0:  # as nobody, who may read a Python below /root all the same
        libc.prctl(8, 1, 0, 0, 0)
        os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
        read = 1 << 2
        assert libc.capset(struct.pack("=Ii", 0x20080522, 0), struct.pack("=IIIIII", read, read, read, 0, 0, 0)) == 0
        assert libc.prctl(47, 2, 2, 0, 0) == 0
    os.execv(sys.executable, [sys.executable, "-c", sys.argv[1], *sys.argv[2:]])
"""
LOOKING = """
    import ctypes, os, sys
    from pathlib import Path
    from deconv_grader.answers.submission import Submission
    from deconv_grader.isolation.isolated import IsolatedAnswers
    from deconv_grader.grading.grade import course_exercises
    body = '''
    import os
    def conv_output_size(pid, address):
        said = []
        for number, where in ((pid, address), (os.getppid(), None)):
            for mode in ("rb", "r+b"):
                try:
                    if where is None:
                        where = int(open(f"/proc/{number}/maps").readline().partition("-")[0], 16)
                    with open(f"/proc/{number}/mem", mode, buffering=0) as memory:
                        memory.seek(where)
                        said.append(memory.read(6) and "read")
                except OSError as error:
                    said.append(type(error).__name__)
        return said
    '''
    import textwrap
    assert os.getuid() != 0
    secret = ctypes.create_string_buffer(b"secret")
    here = open("/proc/self/mem", "rb", buffering=0)
    here.seek(ctypes.addressof(secret))
    assert here.read(6) == b"secret", "the address is one that can be read"
    answers = IsolatedAnswers(Submission(Path("x"), {"convolution": textwrap.dedent(body)}), sys.argv[1], require=sys.argv[1])
    exercise = course_exercises()["conv_output_size"]
    answers.begin(exercise)
    print(answers.call(exercise, (os.getpid(), ctypes.addressof(secret)), {}).value)
"""


@pytest.mark.parametrize("level", ["rlimits", "seccomp"])
def test_an_ordinary_users_worker_reads_no_memory_of_the_grader_and_the_zygote(level):
    first, second = textwrap.dedent(AS_ORDINARY_USER), textwrap.dedent(LOOKING)
    shown = subprocess.run(
        [sys.executable, "-c", first, second, level], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.strip() == str(["PermissionError"] * 4)


# ----------------------------------------------------------------------------------------------- what is left behind


LEAVING = """
    import os, time
    def conv_output_size(count):
        left = []
        for _ in range(count):
            reading, writing = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.setsid()
                if os.fork() == 0:  # a daemon: its parent is gone at once
                    os.setsid()
                    os.write(writing, str(os.getpid()).encode())
                    time.sleep(3600)
                os._exit(0)
            os.waitpid(pid, 0)
            left.append(int(os.read(reading, 20)))
        return left
"""


@pytest.mark.parametrize("level", ["process", "rlimits"])
@pytest.mark.parametrize("end", ["the worker", "the zygote"])
def test_nothing_that_a_worker_started_stays(bench, level, end):
    one = bench(LEAVING, level=level)
    left = one.conv_output_size(8)
    assert all(map(_alive, left))
    assert one.answers.level == level, "and no more is claimed than was asked for"
    if end == "the worker":
        one.answers.close()
    else:
        forkserver.close_zygotes()
    assert _gone(left)


# ------------------------------------------------------------------------------------------------ what is not refused


#: An older or a newer call that does what a refused one does.
TWINS = (
    ("inotify_init1", "inotify_init"),
    ("fanotify_init", "inotify_init"),
    ("kexec_load", "kexec_file_load"),
    ("init_module", "finit_module"),
    ("init_module", "create_module"),
    ("adjtimex", "clock_adjtime"),
    ("settimeofday", "clock_settime"),
    ("renameat2", "renameat"),
    ("accept4", "accept"),
    ("fchmodat2", "fchmodat"),
    ("mount", "move_mount"),
    ("setxattr", "setxattrat"),
    ("execve", "execveat"),
    ("fork", "vfork"),
    ("syncfs", "sync"),
    ("semop", "semtimedop"),
    ("utimensat", "futimesat"),
)
#: By name alike, and harmless, or looked at by their arguments.
NO_TWINS = {"clone3", "openat2"}


def _calls() -> dict[str, int]:
    """This machine's table of calls, where the kernel's headers are installed."""
    for name in ("x86_64-linux-gnu/asm/unistd_64.h", "asm/unistd_64.h"):
        path = Path("/usr/include") / name
        if path.is_file() and platform.machine() == "x86_64":
            return {name: int(number) for name, number in re.findall(r"__NR_(\w+)\s+(\d+)", path.read_text())}
    return {}


def _stem(name: str) -> str:
    """A call's name without what tells its generations apart."""
    for _ in range(2):
        name = re.sub(r"(at|v|[1-9]|64|_time64)$", "", name)
    return name


def test_no_call_is_refused_whose_twin_is_allowed():
    refused = set(seccomp._REFUSED)
    assert {name for pair in TWINS for name in pair} <= refused
    alike: dict[str, set[str]] = {}
    for name in _calls():
        alike.setdefault(_stem(name), set()).add(name)
    for group in alike.values():
        if group & refused:
            assert group - refused - NO_TWINS == set()


def test_the_numbers_of_the_refused_calls_are_right():
    known = _calls()
    column = {"x86_64": 0, "aarch64": 1}.get(platform.machine())
    if column is None or not known:
        pytest.skip("no table of calls is installed here")
    numbers = {name: numbers[column] for name, numbers in seccomp._REFUSED.items()}
    assert {name: known[name] for name in numbers if name in known} == {
        name: number for name, number in numbers.items() if name in known
    }


@pytest.mark.parametrize("name", ["inotify_init", "inotify_init1", "kexec_file_load", "clock_adjtime", "syncfs"])
def test_a_refused_call_is_refused_in_a_worker(bench, name):
    column = {"x86_64": 0, "aarch64": 1}.get(platform.machine())
    number = None if column is None else seccomp._REFUSED[name][column]
    if number is None:
        pytest.skip("there is no such call here")
    code = """
        import ctypes
        def conv_output_size(number):
            libc = ctypes.CDLL(None, use_errno=True)
            return libc.syscall(number, -1, 0, 0, 0, 0), ctypes.get_errno()
    """
    assert bench(code, level="seccomp").conv_output_size(number) == (-1, errno.EPERM)
