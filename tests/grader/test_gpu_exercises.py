"""What chapter 15 asks of the grader: kernels interpreted in a worker, and the course's own things made there."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from deconv_grader.answers.submission import Submission  # noqa: E402
from deconv_grader.checks.runner import run  # noqa: E402
from deconv_grader.isolation.isolated import IsolatedAnswers  # noqa: E402
from deconv_grader.isolation.libraries import lacking, libraries_for  # noqa: E402
from deconv_grader.values.handles import Handle, Made, local  # noqa: E402
from deconv_tests.grader.bench import KNOWN  # noqa: E402

SOLUTIONS = Path(__file__).resolve().parents[2] / "solutions" / "gpu.py"
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="workers are locked down on Linux only")
WATCH = Made("rehearsals:Stopwatch", [2.0, 3.0])


def test_a_thing_of_the_course_s_is_made_in_process():
    watch = local(WATCH)
    assert isinstance(watch, Handle)
    watch.call("work", "a")
    watch.call("synchronize")
    assert watch.call("clock") == 102.25
    assert watch.call("calls") == [["a"]]


@on_linux
def test_a_thing_of_the_course_s_is_made_in_the_worker(bench):
    exercise = replace(KNOWN["conv_output_size"], forbids=())
    one = bench("def conv_output_size(watch):\n    watch.work(7)\n    watch.synchronize()\n    return watch.clock()\n")
    one.answers.unwritten(exercise)
    watch = one.answers.place(exercise, WATCH)
    assert one.answers.call(exercise, (watch,), {}).value == 102.25
    assert watch.call("calls") == [[7]]


def test_a_package_is_named_by_the_exercises_that_need_it(monkeypatch):
    assert "triton" in libraries_for(KNOWN["plane_triton"])[0]
    assert "triton" not in libraries_for(KNOWN["train_step"])[0]
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "triton" else found(name, *rest)
    )
    assert lacking([KNOWN["train_step"], KNOWN["plane_triton"]]) == (
        "Triton is not installed, and plane_triton cannot be checked without it: pip install 'deconvlib[triton]'"
    )
    assert lacking([KNOWN["train_step"]]) == ""


INSIDE = """

def row_phase_triton(y, w, stride, phase):
    @triton.jit
    def kernel(y, w, x, H, K, S, R, N, BLOCK: tl.constexpr):
        n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        total = tl.zeros((BLOCK,), dtype=tl.float32)
        for t in range(0, (K - R + S - 1) // S):
            total += tl.load(y + n - t, mask=(n >= t) & (n - t < H), other=0.0) * tl.load(w + R + t * S)
        tl.store(x + n, total, mask=n < N)

    y, w = _float32("y", y, "H"), _float32("w", w, "K")
    if stride < 1 or not 0 <= phase < stride:
        raise ValueError("stride and phase")
    N = max(0, -(-((len(y) - 1) * stride + len(w) - phase) // stride))
    x = torch.empty(N)
    if N:
        kernel[(triton.cdiv(N, 16),)](y, w, x, len(y), len(w), stride, phase, N, BLOCK=16)
    return x
"""


@on_linux
@pytest.mark.long
def test_kernels_of_a_submission_are_interpreted_in_workers():
    """At the module's margin, as in the worked answers, and within the exercise's own function."""
    pytest.importorskip("triton")
    text = SOLUTIONS.read_text(encoding="utf-8")
    chosen = [KNOWN[name] for name in ("pick_device", "time_on", "train_step", "row_phase_triton", "plane_triton")]
    for source, exercises in ((text, chosen), (text + INSIDE, [KNOWN["row_phase_triton"]])):
        answers = IsolatedAnswers(Submission(Path("here"), {"gpu": source}))
        try:
            for result in run(exercises, answers):
                why = result.problem or str(result.first_failure and result.first_failure.feedback)
                assert result.status == "passed", f"{result.exercise.name}: {why}"
        finally:
            answers.close()


@on_linux
def test_a_right_result_without_a_kernel_is_no_right_answer():
    pytest.importorskip("triton")
    source = (
        "import torch\nimport torch.nn.functional as F\n"
        "def plane_triton(y, w, stride, padding=0):\n"
        "    return F.conv_transpose2d(y[None, None], w[None, None], stride=stride, padding=padding)[0, 0]\n"
    )
    answers = IsolatedAnswers(Submission(Path("here"), {"gpu": source}))
    try:
        (result,) = run([KNOWN["plane_triton"]], answers, first_failure=True)
    finally:
        answers.close()
    assert result.status != "passed"
    assert result.first_failure is not None
    assert "conv_transpose2d" in str(result.first_failure.feedback)


CELL = """@triton.jit
def _doubled(y, x, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(x + i, 2 * tl.load(y + i, mask=i < n), mask=i < n)

def row_phase_triton(y, w, stride, phase):
    x = torch.empty(len(y))
    _doubled[(1,)](y, x, len(y), BLOCK=16)
    return x

row_phase_triton(torch.ones(3), torch.ones(1), 1, 0)
"""


def test_a_kernel_in_a_cell_goes_into_the_module_with_its_decorator():
    from deconv_grader.answers.cells import read_cell

    found = read_cell(CELL, "row_phase_triton", "gpu")
    assert found.written
    assert found.beside.startswith("@triton.jit\ndef _doubled(")
    assert "row_phase_triton(torch.ones" not in found.beside
    assert found.notes == ()
