"""A deadline is of the learner's own computing: neither a busy machine nor Hypothesis uses it up, and a loop does."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from deconv_grader.checks import drawn
from deconv_grader.checks.in_process import InProcess
from deconv_grader.checks.runner import run
from deconv_grader.grading.grade import grade
from deconv_grader.isolation.isolated import IsolatedAnswers
from deconv_grader.reports.terminal import result_text
from deconv_grader.values.deadlines import Allowance, limited
from deconv_grader.values.failures import TimedOut
from deconv_solutions.convolution import conv_output_size
from deconv_tests.grader.bench import KNOWN
from deconvlib.course.catalogue import exercises

NAME = "conv_output_size"
linux = pytest.mark.skipif(sys.platform != "linux", reason="workers run on Linux only")


@contextmanager
def load(each: int = 5) -> Iterator[None]:
    """So many busy processes a processor, each in a session of its own and none longer than a minute."""
    code = "import time\nends = time.monotonic() + 60\nwhile time.monotonic() < ends: pass"
    count = each * (os.cpu_count() or 1)
    busy = [subprocess.Popen([sys.executable, "-c", code], start_new_session=True) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


COMPUTING = """
    import time
    def conv_output_size(n):
        ends = time.process_time() + 0.3
        while time.process_time() < ends: pass
        return n
"""


@linux
def test_a_right_answer_passes_on_a_busy_machine(bench):
    one = bench(COMPUTING, deadline=0.5, patience=1000.0)
    with load():
        begun = time.monotonic()
        assert [one.conv_output_size(n) for n in range(3)] == [0, 1, 2]
        assert time.monotonic() - begun > 0.9


@linux
def test_a_throttled_answer_passes_and_a_loop_ends(bench):
    """Throttled to a fifth: the worker is stopped for four parts of five, whatever else the machine does."""
    one = bench(COMPUTING + "    def receptive_field(n):\n        while True: pass\n", deadline=0.5, patience=1000.0)
    with throttled(one.answers):
        begun = time.monotonic()
        assert one.conv_output_size(1) == 1
        assert time.monotonic() - begun > 2 * 0.5, "it took longer than its deadline"
        with pytest.raises(TimedOut, match=r"had computed for 0\.5 s"):
            one.receptive_field(1)


@contextmanager
def throttled(answers: IsolatedAnswers) -> Iterator[None]:
    import signal

    over = threading.Event()

    def throttle() -> None:
        while not over.wait(0.005):
            worker = answers._worker
            process = worker._process if worker is not None else None
            if process is None:
                continue
            for number, pause in ((signal.SIGSTOP, 0.045), (signal.SIGCONT, 0.0)):
                try:
                    signal.pidfd_send_signal(process.pidfd, number)
                except OSError:
                    break
                time.sleep(pause)

    thread = threading.Thread(target=throttle)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@linux
def test_the_whole_submission_has_a_budget(make_submission):
    loop = "    while True: pass\n"
    folder = make_submission(conv_output_size=loop, receptive_field=loop, insert_zeros="solved")
    chosen = [exercises()[name] for name in ("conv_output_size", "receptive_field", "insert_zeros")]
    begun = time.process_time()
    grading = grade(folder, chosen, seconds=1.0)
    assert {result.status for result in grading.results} == {"timed out"}
    for result in grading.results:
        assert "the whole submission had computed for 1 s" in result_text(result)
    assert time.process_time() - begun < 60
    assert grade(folder, chosen[2:], seconds=60.0).results[0].status == "passed"


# --------------------------------------------------------------------------------------------------------- Hypothesis

CALLS = {
    # Right three times out of four, whatever is asked: a case that failed does not fail again.
    "by turns": "calls += 1\n    return right(*args, **keywords) + (calls % 4 == 0)",
    "once": "calls += 1\n    return right(*args, **keywords) + (calls == 30)",
    "by chance": "import random\n    return right(*args, **keywords) + (random.random() < 0.1)",
}


@pytest.mark.parametrize("how", CALLS)
def test_what_hypothesis_thinks_of_an_answer_is_not_told(how):
    space: dict[str, Any] = {"right": conv_output_size, "calls": 0}
    exec(f"def answer(*args, **keywords):\n    global calls\n    {CALLS[how]}", space)
    for _ in range(3):
        (result,) = run([KNOWN[NAME]], InProcess({NAME: space["answer"]}))
        told = "".join(str(check.feedback.as_dict()) for check in result.checks if check.feedback).lower()
        for word in ("hypothesis", "flaky", "inconsistent", "falsif", "strategy", "reproduce"):
            assert word not in told


def test_a_slow_wrong_answer_is_wrong_and_not_slow(monkeypatch):
    """The search for a smaller case has time of its own, and it is bounded."""
    monkeypatch.setattr(drawn, "SHRINKING", 0.5)
    cases = []

    def answer(*args, **keywords):
        cases.append(args)
        if keywords:
            return conv_output_size(*args, **keywords)
        ends = time.process_time() + 0.1
        while time.process_time() < ends:
            pass
        return conv_output_size(*args, **keywords) + (len(cases) > 20)

    begun = time.process_time()
    (result,) = run([KNOWN[NAME]], InProcess({NAME: answer}))
    statuses = {check.title: check.status for check in result.checks}
    assert statuses["any numbers"] == "failed"
    assert time.process_time() - begun < 30


# --------------------------------------------------------------------------------------------------------- in process


def test_in_process_a_loop_ends_and_the_rest_of_the_check_with_it():
    def answer(*args, **keywords):
        while True:
            pass

    begun = time.process_time()
    (result,) = run([KNOWN[NAME]], InProcess({NAME: answer}))
    assert result.status == "timed out"
    assert "had computed for 5 s" in result_text(result)
    assert time.process_time() - begun < 60


@pytest.mark.parametrize("thread", [False, True], ids=["main thread", "another thread"])
@pytest.mark.parametrize("code", ["while True: pass", "while True: time.sleep(0.01)"], ids=["computing", "waiting"])
def test_a_computation_is_stopped_in_any_thread(thread, code):
    caught = []

    def compute() -> None:
        try:
            with limited(Allowance(0.3, patience=2)):
                exec(code, {"time": time})
        except TimedOut as failure:
            caught.append(failure)

    if thread:
        other = threading.Thread(target=compute)
        other.start()
        other.join()
    else:
        compute()
    (failure,) = caught
    assert failure.asleep == ("sleep" in code)


def test_what_is_used_is_counted_once():
    whole = Allowance(10.0)
    part = Allowance(1.0, within=whole)
    part.take(0.25, 0.5)
    with part.computing():
        part.take(0.25, 0.5)
    assert part.left == (pytest.approx(0.5, abs=0.05), pytest.approx(11.0, abs=0.5))
    assert whole.left[0] == pytest.approx(9.5, abs=0.05)
    part.take(1.0, 0.0)
    with pytest.raises(TimedOut, match="the check had computed for 1 s"):
        part.require()
