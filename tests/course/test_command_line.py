"""The command line as a learner uses it: in a workspace, wrong first."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from deconv_tests.patience import PATIENCE


def test_progress_names_the_next_exercise(deconv):
    shown = deconv()
    assert shown.returncode == 0
    assert "convolution" in shown.stdout
    assert "Next: " in shown.stdout


def test_a_wrong_answer_is_explained_and_the_score_moves(deconv, complete):
    complete("conv_output_size", "    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride\n")
    wrong = deconv("check", "conv_output_size")
    assert wrong.returncode == 1
    assert "✗ conv_output_size" in wrong.stdout
    assert "0 of 4 points" in wrong.stdout or "1 of 4 points" in wrong.stdout
    assert "Your result is the one you get when" in wrong.stdout
    complete("conv_output_size", RIGHT_SIZE)
    passed = deconv("check", "conv_output_size")
    assert passed.returncode == 0
    assert "✓ conv_output_size" in passed.stdout
    assert "4 of 4 points" in passed.stdout
    assert "✓ conv_output_size              4 of  4" in " ".join(deconv().stdout.split(" "))


def test_check_imports_no_torch(workspace, complete, deconv):
    complete(
        "conv_output_size", "    import sys\n    assert 'torch' not in sys.modules, 'torch is here'\n    return 1\n"
    )
    assert "torch is here" not in deconv("check", "conv_output_size").stdout


def test_check_imports_nothing_heavy_on_its_way(workspace):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "deconv_grader", "check", "conv_output_size"],
        cwd=workspace,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert {"deconv_grader", "pytest"} <= imported
    assert not imported & {"IPython", "copydetect", "libcst", "matplotlib", "pydantic", "scipy", "torch", "watchfiles"}


def test_json_for_tools(deconv, complete):
    complete("conv_output_size", "    return n - kernel + 1\n")
    (entry,) = json.loads(deconv("check", "conv_output_size", "--json").stdout)["exercises"]
    assert entry["id"] == "convolution.conv_output_size"
    assert entry["status"] in ("failed", "partial")
    assert entry["failing"]


def test_an_endless_loop_costs_its_deadline_only(deconv, complete):
    complete("receptive_field", "    while True:\n        pass\n")
    shown = deconv("check", "receptive_field")
    assert shown.returncode == 1
    assert "timed out" in shown.stdout


def test_a_module_that_does_not_parse_is_named_with_its_line(workspace, deconv):
    path = workspace / "deconvlib" / "convolution.py"
    path.write_text(path.read_text() + "\ndef broken(:\n")
    shown = deconv("check", "conv2d")
    assert shown.returncode == 1
    assert "convolution.py, line" in shown.stdout
    assert "Traceback" not in shown.stdout + shown.stderr


def test_a_forbidden_library_earns_nothing_and_is_named(deconv, complete):
    complete("conv_output_size", "    import torch\n    return n - kernel + 1\n")
    shown = deconv("check", "conv_output_size")
    assert "without torch" in shown.stdout
    assert "0 of 4 points" in shown.stdout


def test_reset_asks_and_keeps_a_backup(workspace, deconv, complete):
    complete("conv_output_size", "    return 12345\n")
    refused = deconv("reset", "conv_output_size", stdin="n\n")
    assert "Nothing was changed" in refused.stdout
    assert "12345" in (workspace / "deconvlib" / "convolution.py").read_text()
    deconv("reset", "conv_output_size", stdin="y\n")
    assert "12345" not in (workspace / "deconvlib" / "convolution.py").read_text()
    newest = max((workspace / ".deconv" / "backups").iterdir())
    assert "return 12345" in newest.read_text()


def test_a_workspace_may_be_made_in_a_checkout_too(workspace, deconv):
    shown = deconv("start", str(workspace / "elsewhere"))
    assert shown.returncode == 0
    assert "Elsewhere in this checkout, your answers are still those in" in shown.stdout
    assert (workspace / "elsewhere" / "deconvlib" / "convolution.py").is_file()


RIGHT_SIZE = (
    "    if any(type(value) is bool or not isinstance(value, int) for value in (n, kernel, stride, padding, dilation)):\n"
    "        raise TypeError('whole numbers, please')\n"
    "    room = n + 2 * padding - dilation * (kernel - 1) - 1\n"
    "    if room < 0 or min(n, kernel, stride, dilation) < 1 or padding < 0:\n"
    "        raise ValueError('does not fit')\n"
    "    return room // stride + 1\n"
)


@pytest.mark.parametrize(
    ("bodies", "arguments", "code"),
    [
        ({}, [], 0),
        ({}, ["status"], 0),
        ({}, ["status", "--json"], 0),
        ({}, ["check"], 1),  # nothing is started
        ({}, ["check", "conv_output_size"], 1),
        ({}, ["check", "conv_output_size", "--json"], 1),
        ({"conv_output_size": RIGHT_SIZE}, ["check", "conv_output_size"], 0),
        ({"conv_output_size": RIGHT_SIZE}, ["check", "conv_output_size", "--json"], 0),
        ({"conv_output_size": RIGHT_SIZE}, ["check"], 0),  # all that is started
        ({"conv_output_size": RIGHT_SIZE}, ["check", "convolution"], 1),  # the chapter was asked for
        ({"conv_output_size": RIGHT_SIZE, "receptive_field": "    return 3\n"}, ["check"], 1),
        ({"conv_output_size": "    return 3\n"}, ["check", "conv_output_size", "--json"], 1),
        ({}, ["check", "conv_output_sise"], 2),
        ({}, ["hint", "conv2d"], 0),
        ({}, ["hint", "conv2d", "99"], 2),
        ({}, ["reset", "conv2d"], 0),
        ({"conv_output_size": RIGHT_SIZE}, ["reset", "conv_output_size"], 1),  # nobody to ask
        ({"conv_output_size": RIGHT_SIZE}, ["reset", "conv_output_size", "--yes"], 0),
    ],
)
def test_exit_codes(deconv, complete, bodies, arguments, code):
    for name, body in bodies.items():
        complete(name, body)
    shown = deconv(*arguments)
    assert shown.returncode == code, shown.stdout + shown.stderr
    assert bool(shown.stderr) == (code == 2 or (arguments[0:1] == ["reset"] and code == 1)), shown.stderr


@pytest.mark.parametrize("added", [b"\nx = (\n", b"\0", b"\xff"])
def test_a_module_that_cannot_be_read_is_exit_code_1(workspace, deconv, added):
    with open(workspace / "deconvlib" / "convolution.py", "ab") as module:
        module.write(added)
    shown = deconv("check", "conv2d")
    assert shown.returncode == 1, shown.stdout + shown.stderr
    assert "convolution.py" in shown.stdout + shown.stderr


def test_the_exit_codes_are_in_the_help(deconv):
    assert "Exit codes: 0 all that was asked for passed" in " ".join(deconv("--help").stdout.split())


def test_hints_climb_a_ladder(deconv):
    first, second = deconv("hint", "conv2d").stdout, deconv("hint", "conv2d", "2").stdout
    assert "Hint 1 of" in first
    assert "Hint 2 of" in second
    assert first != second


def test_the_solution_is_the_solutions_source(deconv):
    assert "def conv2d(" in deconv("solution", "conv2d").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "conv3d"),
        ("check", "99"),
        ("hint", "convolution"),
        ("hint", "conv2d", "0"),
        ("hint", "conv2d", "many"),
        ("solution",),
        ("reset", "nothing-like-it"),
        ("fly",),
        ("--fly",),
    ],
)
def test_bad_use_is_one_line_and_exit_code_2(deconv, arguments):
    shown = deconv(*arguments)
    assert shown.returncode == 2
    assert shown.stdout == ""
    assert len(shown.stderr.strip().splitlines()) == 1
    assert shown.stderr.startswith("deconv: ")


def test_prerequisites_come_from_the_reference(deconv, complete):
    complete("im2col", "    return np.zeros((1, 1, 1))\n")
    solution = deconv("solution", "conv2d").stdout
    body = solution.partition(") -> np.ndarray:\n")[2] or solution.partition(":\n")[2]
    assert body.strip()
    complete("conv2d", body)
    assert "im2col(" in body, "the point of this test: the solution of conv2d calls im2col"
    deconv("check", "im2col")
    shown = deconv("check", "conv2d").stdout
    assert "✓ conv2d" in shown
    assert "Checked with the reference's im2col" in shown
