"""Whatever a learner's code does, the check ends, says what happened and in which line, and costs nothing else."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from deconv_grader.answers.workspace import start
from deconv_grader.checks.results import ExerciseResult
from deconv_grader.grading.grade import grade
from deconv_grader.grading.workbook import Workbook
from deconv_grader.reports.terminal import result_text
from deconv_tests.patience import PATIENCE
from deconvlib.course.catalogue import exercises

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers run on Linux only")

NAME, OTHER = "conv_output_size", "insert_zeros"


@pytest.fixture(autouse=True)
def short_deadlines(monkeypatch):
    for name in (NAME, OTHER):
        monkeypatch.setitem(exercises(), name, dataclasses.replace(exercises()[name], deadline=0.5))


def check(folder: Path, *names: str) -> list[ExerciseResult]:
    return Workbook(folder).check([exercises()[name] for name in names])


# What the body does, what is said of it, the line that is named, and the status.
KINDS = {
    "a loop": ("total = 0\nwhile True: total += 1", "had computed for 0.5 s", "total += 1", "timed out"),
    "a loop in compiled code": ("return sum(range(10**15))", "had computed for", "sum(range(10**15))", "timed out"),
    "a loop that swallows everything": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "had computed for",
        "while True",
        "timed out",
    ),
    "a loop after the end": (
        "try:\n    raise ValueError\nfinally:\n    while True: pass",
        "had computed for",
        "while True: pass",
        "timed out",
    ),
    "an exit": ("import sys\nsys.exit(0)", "SystemExit: the code called exit()", "sys.exit(0)", "failed"),
    "an exit at once": ("import os\nos._exit(0)", "ended its process, with exit status 0", "os._exit(0)", "crashed"),
    "an interrupt": ("raise KeyboardInterrupt", "raised KeyboardInterrupt", "raise KeyboardInterrupt", "failed"),
    "a segmentation fault": ("import ctypes\nctypes.string_at(0)", "SIGSEGV", "ctypes.string_at(0)", "crashed"),
    # abort() may not send its own signal in there, and ends by another.
    "giving up": ("import os\nos.abort()", "process ended by SIG", "os.abort()", "crashed"),
    "memory": ("return np.ones((10**5, 10**5, 10))", "MemoryError", "np.ones(", "failed"),
    "a flood of output": (
        "for i in range(10**4): print('x' * 10**4)\nreturn 'much'",
        "gave another result",
        "",
        "failed|timed out",
    ),
    "sleeping": (
        "import time\ntime.sleep(3600)",
        "on the clock, of which the check computed for",
        "time.sleep",
        "timed out",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_ends_with_words_and_has_one_score_at_every_door(make_submission, kind):
    body, says, line, status = KINDS[kind]
    folder = make_submission(**{NAME: textwrap.indent(body, "    ") + "\n", OTHER: "solved"})
    result, other = check(folder, NAME, OTHER)
    told = result_text(result)
    assert says in told
    assert line in told
    assert result.status in status.split("|")
    assert other.status == "passed", "and the others live on"
    assert ("Look for a loop" in told) == ("had computed" in told)
    assert ("Look for what it waits for" in told) == (kind == "sleeping")
    (graded,) = grade(folder, [exercises()[NAME]]).results
    assert (graded.status, graded.points) == (result.status, result.points)


def test_what_an_answer_prints_is_shown_to_its_author_and_in_no_report(make_submission):
    folder = make_submission(**{NAME: "    print('n is', n, chr(27) + '[2J')\n    return 0\n"})
    (result,) = check(folder, NAME)
    assert "n is 8" in result.printed
    assert "printed:" in result_text(result)
    assert chr(27) not in result.printed
    assert "n is" not in str(result.as_dict())
    (graded,) = grade(folder, [exercises()[NAME]]).results
    assert graded.printed == ""


def test_of_a_flood_little_is_kept(make_submission):
    folder = make_submission(**{NAME: "    print('x' * 10**6)\n    print('y\\n' * 1000)\n    return 0\n"})
    (result,) = check(folder, NAME)
    assert 1000 < len(result.printed) <= 4000
    assert len(result_text(result)) < 5000


# ---------------------------------------------------------------------------------------------- while a module loads


AT_THE_BOTTOM = {
    "an exit": "import sys\nsys.exit()",
    "an exit at once": "import os\nos._exit(0)",
    "an interrupt": "raise KeyboardInterrupt",
    "a segmentation fault": "import ctypes\nctypes.string_at(0)",
    "a loop": "while True: pass",
}


@pytest.mark.parametrize("kind", AT_THE_BOTTOM)
def test_the_end_of_one_module_costs_no_other_chapter(make_submission, kind, monkeypatch):
    monkeypatch.setattr("deconv_grader.isolation.isolated.LOADING", 1.0)
    folder = make_submission(**{NAME: "solved", OTHER: "solved"})
    path = folder / "deconvlib" / "convolution.py"
    assert "deconvlib.convolution import" in (folder / "deconvlib" / "transposed_convolution.py").read_text()
    path.write_text(path.read_text() + f"\n{AT_THE_BOTTOM[kind]}\n")
    broken, sound = check(folder, NAME, OTHER)
    assert broken.status == "crashed"
    last = AT_THE_BOTTOM[kind].splitlines()[-1]
    assert "convolution.py does not import" in broken.problem
    assert last in broken.problem, "and the line is named"
    assert sound.status == "passed"
    assert [result.points for result in grade(folder, [exercises()[NAME], exercises()[OTHER]]).results] == [
        broken.points,
        sound.points,
    ]


@pytest.mark.parametrize(
    "call", ["conv2d(np.ones((1, 1, 4, 4)), np.ones((1, 1, 2, 2)))", "im2col(np.ones((1, 1, 4, 4)), 2)"]
)
def test_while_a_module_loads_the_reference_answers_what_is_not_written(make_submission, call):
    folder = make_submission(conv2d="solved", conv_output_size="solved")
    path = folder / "deconvlib" / "convolution.py"
    path.write_text(path.read_text() + f"\nprint({call})\n")
    results = check(folder, "conv2d", NAME)
    assert [result.status for result in results] == ["passed", "passed"]
    assert [result.status for result in grade(folder, [exercises()["conv2d"]]).results] == ["passed"]


# ---------------------------------------------------------------------------------------- where there are no workers

WITHOUT = """
    import os, signal, sys, sysconfig
    what = sys.argv.pop(1)
    sysconfig.get_config_vars()
    if what == "platform":
        sys.platform = "darwin"
    elif what == "/proc":
        found = os.path.isdir
        os.path.isdir = lambda path: False if str(path).startswith("/proc") else found(path)
    elif what in ("resource", "termios"):
        sys.modules[what] = None
    else:
        place, name = what.split(".")
        delattr({"os": os, "signal": signal}[place], name)
    from deconv_grader.cli.app import main
    main(sys.argv[1:])
"""


def without(what: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(WITHOUT), what, *arguments],
        cwd=folder.parent,
        env=os.environ | {"DECONV_WORKSPACE": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("what", ["platform", "os.fork", "resource", "termios", "signal.setitimer", "/proc"])
def test_where_something_is_missing_check_hint_and_status_work_and_say_so(tmp_path, what, solved):
    start(tmp_path / "w")
    Workbook(tmp_path / "w").write_cell(exercises()[NAME], cell(solved(NAME)[0]))
    shown = without(what, tmp_path / "w", "check", NAME)
    assert f"✓ {NAME}" in shown.stdout, shown.stderr
    missing = {"platform": "Linux", "resource": "the module resource"}.get(what, what)
    has_workers = what in ("termios", "signal.setitimer")  # nothing that a worker needs
    assert (f"workers need {missing}" in shown.stderr) != has_workers, shown.stderr
    assert "Hint 1 of" in without(what, tmp_path / "w", "hint", NAME).stdout
    assert "passed" in without(what, tmp_path / "w", "status").stdout


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("while True: pass", "had computed for"),
        ("import os; os._exit(0)", "ended its process"),
        ("import sys; sys.exit(0)", "exit"),
    ],
)
def test_without_workers_a_child_keeps_the_course_alive(tmp_path, body, says):
    start(tmp_path / "w")
    Workbook(tmp_path / "w").write_cell(exercises()[NAME], cell(f"    {body}\n"))
    shown = without("platform", tmp_path / "w", "check", NAME)
    assert says in shown.stdout, shown.stderr
    assert f"✗ {NAME}" in shown.stdout


def cell(body: str) -> str:
    return f"def {exercises()[NAME].signature}:\n{body}"
