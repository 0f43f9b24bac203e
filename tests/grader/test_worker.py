"""Answers from a worker: the same as in process, and what else is reported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from deconv_grader.answers.submission import Submission
from deconv_grader.isolation.bounded import OutOfTime, bounded
from deconv_grader.isolation.isolated import IsolatedAnswers
from deconv_grader.isolation.remote_errors import LearnerError
from deconv_grader.values.calls import PassedFunction
from deconv_grader.values.deadlines import PATIENCE, Allowance
from deconv_grader.values.failures import Crashed, Malformed, TimedOut
from deconv_tests.grader.bench import KNOWN
from deconv_tests.patience import PATIENCE as HANG

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are locked down on Linux only")

X = np.arange(12.0).reshape(3, 4)


@pytest.fixture
def echo(bench):
    return bench("def conv_output_size(*args, **keywords): return args, keywords")


def test_values_come_back(echo):
    args, keywords = echo.conv_output_size(1, 2.5, "three", None, True, [4, (5,)], X, np.float32(6), 1j, k={"a": X})
    assert args[:7][:6] == (1, 2.5, "three", None, True, [4, (5,)])
    assert type(args[7]) is np.float32
    assert args[8] == 1j
    np.testing.assert_array_equal(args[6], X)
    np.testing.assert_array_equal(keywords["k"]["a"], X)


def test_layouts_reach_the_learner(bench):
    one = bench("def convolve2d_full(x, w): return x.strides, x.flags.writeable, w.strides, w.flags.f_contiguous")
    frozen = X.copy()
    frozen.flags.writeable = False
    assert one.convolve2d_full(frozen[::-1, ::2], np.asfortranarray(X)) == ((-32, 16), False, (8, 24), True)


def test_changed_and_shared_arguments_are_reported(bench):
    one = bench(
        """
        def convolve2d_full(x, w):
            w[0] = 7
            return x[1:]
        """
    )
    reply = one.reply("convolve2d_full", X.copy(), w=X.copy())
    assert reply.changed == ("w",)
    assert reply.shared == (0,)
    fresh = bench("def convolve2d_full(x, w): return x + w").reply("convolve2d_full", X, X)
    assert (fresh.changed, fresh.shared) == ((), ())


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("raise ValueError('no')", ValueError, "no"),
        ("raise np.exceptions.AxisError('axis')", ValueError, "AxisError: axis"),
        ("class Mine(KeyError): pass\n    raise Mine('x')", KeyError, "Mine"),
        ("class Mine(Exception): pass\n    raise Mine('x')", Exception, "Mine: x"),
        ("import sys; sys.exit(3)", LearnerError, "exit"),
        ("raise KeyboardInterrupt", LearnerError, "KeyboardInterrupt"),
        ("raise BaseException('x')", LearnerError, "x"),
        ("raise StopIteration", LearnerError, "StopIteration"),
        ("b'\\xff'.decode()", ValueError, "UnicodeDecodeError"),
        ("1 / 0", ZeroDivisionError, "division"),
    ],
)
def test_exceptions_come_back(bench, code, kind, message):
    one = bench(f"def conv_output_size(n):\n    {code}\n")
    with pytest.raises(kind, match=message) as caught:
        one.conv_output_size(1)
    assert any(line.startswith("convolution.py, line ") for line in caught.value.learner_lines)


def test_the_lines_of_an_exception_are_the_learners(bench):
    one = bench(
        """
        def helper(n):
            return np.zeros(3)[n]

        def conv_output_size(n):
            return helper(n) + 1
        """
    )
    with pytest.raises(IndexError) as caught:
        one.conv_output_size(9)
    assert vars(caught.value)["learner_lines"] == [
        "convolution.py, line 7: return helper(n) + 1",
        "convolution.py, line 4: return np.zeros(3)[n]",
    ]


def test_what_is_printed_is_kept_short(bench):
    one = bench("def conv_output_size(n):\n    print('hello'); print('x' * 10**7)\n    return n")
    assert one.conv_output_size(4) == 4
    printed = one.answers.printed(KNOWN["conv_output_size"])
    assert printed.startswith("hello")
    assert len(printed) <= 1 << 16


def test_prerequisites_are_served_by_the_reference(bench):
    one = bench(
        """
        def conv_output_size(*args):
            return 1000
        def im2col(x, kernel, stride=1, padding=0, dilation=1):
            raise RuntimeError("the learner's own, which is wrong")
        def conv2d(x, w, *rest):
            return im2col(x, w.shape[2:]), conv_output_size(7, 3)
        """
    )
    columns, size = one.conv2d(np.arange(12.0).reshape(1, 1, 3, 4), np.ones((1, 1, 2, 2)))
    assert columns.shape == (1, 4, 6)
    assert size == 5


def test_a_reference_raises_what_it_raises(bench):
    one = bench("def conv_output_size(*a): return 1\ndef im2col(x, *a): return conv_output_size(2, 3)")
    with pytest.raises(ValueError, match="kernel must fit"):
        one.im2col(X)


def test_other_exercises_are_the_learners_own(bench):
    one = bench("def conv_output_size(*a): return 77\ndef convolve2d_full(x, w): return conv_output_size(1)")
    assert one.convolve2d_full(X, X) == 77


def test_the_exercise_itself_is_not_to_be_had(bench):
    one = bench(
        """
        import gc
        def im2col(*args):
            worker = next(t for t in gc.get_objects() if type(t).__name__ == "Worker" and hasattr(t, "ask"))
            return worker.ask({"kind": "reference", "exercise": args[0]}, [[8, 3], {}])
        """
    )
    assert one.im2col("convolution.conv_output_size") == 6
    for name in ("convolution.im2col", "convolution.conv2d", "convolution_matrix.conv_matrix", "os.system", ""):
        with pytest.raises(Malformed, match="may not have"):
            one.im2col(name)


def test_nothing_is_remembered_from_one_exercise_to_the_next(bench):
    one = bench(
        """
        import builtins
        def im2col(n):
            builtins.kept = conv_output_size(8, 3)
            return builtins.kept
        def conv_output_size(*args):
            return builtins.kept
        """
    )
    assert one.im2col(X) == 6
    with pytest.raises(AttributeError):
        one.conv_output_size(8, 3)


def test_a_passed_function_is_called_here(bench):
    one = bench(
        "def dot_product_gap(forward, adjoint, n): return adjoint(forward(np.ones(n))), repr(forward)",
        "convolution_matrix",
    )
    seen = []

    def double(x):
        seen.append(os.getpid())
        return 2 * x

    value, shown = one.dot_product_gap(PassedFunction(double, "double"), PassedFunction(double, "twice"), 3)
    np.testing.assert_array_equal(value, [4, 4, 4])
    assert seen == [os.getpid()] * 2
    assert shown == "double"


def test_a_passed_function_may_raise_and_may_call_the_learner(bench):
    one = bench(
        """
        def dot_product_gap(function, n):
            try:
                return function(n)
            except ValueError as error:
                return str(error)
        """,
        "convolution_matrix",
    )

    def down(n):
        if n == 0:
            raise ValueError("reached")
        return one.answers.call(KNOWN["dot_product_gap"], (PassedFunction(down, "down"), n - 1), {}).value

    assert one.dot_product_gap(PassedFunction(down, "down"), 3) == "reached"
    with pytest.raises(Malformed, match="nested"):
        one.dot_product_gap(PassedFunction(down, "down"), 50)


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("while True: pass", TimedOut),
        ("import os; os._exit(4)", Crashed),
        ("import os; os.write(3, b'x' * 99)", Malformed),
    ],
)
def test_after_a_failure_the_check_is_over_and_the_next_has_a_new_worker(bench, code, failure):
    one = bench(f"def conv_output_size(n):\n    if n == 13:\n        {code}\n    return n", deadline=1.0)
    exercise = KNOWN["conv_output_size"]
    assert one.conv_output_size(1) == 1
    with pytest.raises(failure):
        one.conv_output_size(13)
    begun = time.monotonic()
    for _ in range(1000):  # as a library that looks for a smaller example would
        with pytest.raises(failure):
            one.answers.call(exercise, (1,), {})
    assert time.monotonic() - begun < 5
    assert one.conv_output_size(2) == 2


@pytest.mark.parametrize(
    ("line", "deadline"),
    [("while time.process_time() < began + 1: pass", 1.8), ("time.sleep(1)", 1.8 / PATIENCE)],
    ids=["computing", "sleeping"],
)
def test_a_deadline_is_the_whole_checks(bench, line, deadline):
    code = f"import time\ndef conv_output_size(n):\n    began = time.process_time()\n    {line}\n    return n"
    one = bench(code, deadline=deadline)
    exercise = KNOWN["conv_output_size"]
    assert one.conv_output_size(1) == 1
    with pytest.raises(TimedOut):
        one.answers.call(exercise, (1,), {})


def test_import_problems_name_file_and_line(bench):
    one = bench("x = 1\ny = x.nothing\ndef conv_output_size(n): return n")
    with pytest.raises(
        LearnerError, match=r"convolution.py does not import. AttributeError(.|\n)*line 3: y = x.nothing"
    ):
        one.conv_output_size(1)
    assert one.answers.problem(KNOWN["conv2d"])
    assert not one.answers.problem(KNOWN["max_pool2d"])


def test_modules_of_a_submission_may_import_each_other():
    sources = {
        "convolution": "def conv_output_size(n): return n",
        "helpers.more": "from deconvlib.convolution import conv_output_size\nthree = conv_output_size(3)",
        "unpooling": "from deconvlib.helpers.more import three\nfrom deconvlib import conv_output_size\n"
        "def sliding_max(y, k): return three, conv_output_size(4)",
    }
    answers = IsolatedAnswers(Submission(Path("here"), sources))
    assert not answers.unwritten(KNOWN["sliding_max"])
    assert answers.call(KNOWN["sliding_max"], (1, 2), {}).value == (3, 4)
    answers.close()


def test_what_is_missing():
    text = "def conv_output_size(n):\n    raise NotImplementedError\nim2col = lambda x: x\n"
    answers = IsolatedAnswers(Submission(Path("here"), {"convolution": text}))
    assert answers.unwritten(KNOWN["conv_output_size"])
    assert answers.unwritten(KNOWN["conv2d"])
    assert not answers.unwritten(KNOWN["im2col"])
    assert answers.unwritten(KNOWN["max_pool2d"])


def test_notebooks_are_read_and_not_run(tmp_path):
    cells = [
        ("markdown", "%%exercise conv2d\nno"),
        ("code", "import os; os._exit(1)"),
        ("code", "%%exercise conv_output_size\ndef conv_output_size(n):\n    return n"),
        ("code", ["%%exercise conv_output_size\n", "def conv_output_size(n):\n", "    return integer('n', n) + 1\n"]),
        ("code", "%%exercise im2col\ndef im2col(x:\n"),
        ("code", "%%exercise nothing\nx = 1"),
    ]
    path = tmp_path / "work.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": kind, "source": source} for kind, source in cells]}))
    from deconv_grader.grading.grade import read_submission

    submission = read_submission(path)
    assert set(submission.sources) == {"convolution"}
    assert set(submission.broken) == {"im2col"}
    answers = IsolatedAnswers(submission)
    answers.begin(KNOWN["conv_output_size"])
    assert answers.call(KNOWN["conv_output_size"], (3,), {}).value == 4
    with pytest.raises(LearnerError, match="im2col, line 2"):
        answers.call(KNOWN["im2col"], (3,), {})
    answers.close()


@pytest.mark.parametrize("kernel", [(1 << 15, 1 << 15), (1 << 12, 1 << 12)], ids=["memory", "time"])
def test_a_reference_is_not_computed_without_bounds(bench, kernel):
    size = kernel[0]
    call = f"im2col(np.ones((1, 1, 2, 2)), {kernel}, 1, {size})"
    one = bench(f"def im2col(*a): raise NotImplementedError\ndef conv2d(x, w): return {call}.shape", deadline=2.0)
    begun = time.monotonic()
    with pytest.raises((MemoryError, RuntimeError, TimedOut)):
        one.conv2d(X, X)
    assert time.monotonic() - begun < 100  # a hang


def test_what_is_computed_here_is_stopped_in_any_thread():
    from concurrent.futures import ThreadPoolExecutor

    def endless():
        with bounded(Allowance(0.2)):
            while True:
                pass

    with pytest.raises(OutOfTime):
        endless()
    with ThreadPoolExecutor(1) as pool, pytest.raises(OutOfTime):
        pool.submit(endless).result()
    with pytest.raises(MemoryError), bounded(Allowance(5)):
        np.ones(1 << 30)
    np.ones(1 << 20)


LARGE = """
    import resource
    from pathlib import Path
    from deconv_grader.answers.submission import Submission
    from deconv_grader.grading.checking import checked
    from deconv_grader.grading.grade import course_exercises
    from deconv_grader.isolation import wire
    from deconv_grader.isolation.isolated import IsolatedAnswers
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    known = course_exercises()
    size = wire.REPLY.payload - 4096
    results = []
    for body in ("7", f"np.full((1, 1, 1, {size}), 2, np.uint8)", f"np.zeros({size // 16}, complex).reshape(1, -1)"):
        text = f"import numpy as np\\ndef conv2d(*a, **k): return {body}\\ndef correlate2d(x, w): return {body}\\n"
        answers = IsolatedAnswers(Submission(Path("x"), {"convolution": text}))
        results += checked([known["conv2d"], known["correlate2d"]], answers, answers.submission.sources, False)
        answers.close()
        print(peak())
    assert {result.points for result in results} == {0}
"""


def test_the_graders_own_memory_stays_small():
    code = textwrap.dedent(LARGE)
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG, check=False)
    assert shown.returncode == 0, shown.stderr
    before, *after = map(int, shown.stdout.split())
    assert max(after) < before + 300, f"{shown.stdout.split()} MB at most"
