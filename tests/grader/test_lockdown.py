"""Workers end when they should, and with them everything they started; a level is reached or refused."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from deconv_grader.isolation import forkserver, sandbox
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
