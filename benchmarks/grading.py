"""What grading costs: this course's grader beside plain pytest, otter-grader and nbgrader, interleaved in one run.

    python benchmarks/grading.py [--rounds 5] [--many 20] [--others PYTHON]

PYTHON is an interpreter of an environment with otter-grader and nbgrader (they need other versions of the notebook's
packages than the course): ``python -m venv /tmp/others && /tmp/others/bin/pip install otter-grader nbgrader numpy``.
Without it, these two are left out, and the table says so.

All grade one and the same submission, right in five exercises. "ten assertions" are the same ten for every grader, two an
exercise: what the graders themselves cost. "all checks" are the course's own for these exercises, drawn cases included:
what a learner of this course waits for.
CPU is that of the process and of everything it waited for; medians over the rounds. Ratios carry from one machine to
another, seconds do not.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import deconv_solutions
from deconv_grader.answers.workspace import start
from deconvlib.course.catalogue import exercises
from deconvlib.course.exercise import reference

EXERCISES = ("conv_output_size", "correlate2d", "im2col", "insert_zeros", "sliding_max")
X = np.arange(24.0).reshape(1, 2, 3, 4) % 7
ARGUMENTS = {
    "conv_output_size": [(7, 3), (9, 3, 2, 1)],
    "correlate2d": [(X[0], X[0, :, :2, :2]), (X[0], X[0, :, 1:, 2:])],
    "im2col": [(X, 2), (X, (2, 3), 1, 1)],
    "insert_zeros": [(X, 2), (X, (1, 3))],
    "sliding_max": [(X[0, 0], 2), (X[0, 1], (1, 2))],
}
CHAPTERS = list(dict.fromkeys(exercises()[name].chapter for name in EXERCISES))


def solution_modules() -> dict[str, str]:
    """The solutions' text as a learner's modules."""
    folder = Path(str(deconv_solutions.__file__)).parent
    return {name: (folder / f"{name}.py").read_text().replace("deconv_solutions", "deconvlib") for name in CHAPTERS}


def plain_source() -> str:
    """The five functions and their helpers, standing alone: what a notebook of other graders holds."""
    import inspect

    from deconvlib.course import arguments

    parts = [inspect.getsource(arguments).replace("from __future__ import annotations\n", "")]
    for text in solution_modules().values():
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) or (
                isinstance(node, ast.Import | ast.ImportFrom)
                and not (getattr(node, "module", None) or "").startswith(("deconvlib", "__future__"))
            ):
                parts.append(ast.unparse(node))
    return "from __future__ import annotations\n" + "\n".join(parts)


def assertion(name: str, arguments: tuple[object, ...]) -> str:
    expected = reference(exercises()[name].id)(*arguments)
    call = f"{name}({', '.join(_literal(argument) for argument in arguments)})"
    return f"assert np.allclose({call}, {_literal(expected)})"


def _literal(value: object) -> str:
    return f"np.array({value.tolist()})" if isinstance(value, np.ndarray) else repr(value)


# ------------------------------------------------------------------------------------------------------------ the graders


def submission(folder: Path) -> Path:
    """The right answers as a folder with ``deconvlib/``."""
    start(folder)
    from deconv_grader.answers.editing import write

    for name in EXERCISES:
        exercise = exercises()[name]
        module = solution_modules()[exercise.chapter]
        node = next(n for n in ast.parse(module).body if getattr(n, "name", "") == name)
        helpers = [
            ast.unparse(n)
            for n in ast.parse(module).body
            if (isinstance(n, ast.FunctionDef) and n.name.startswith("_"))
            or (isinstance(n, ast.Import | ast.ImportFrom) and getattr(n, "module", "") != "__future__")
        ]
        body = "\n".join("    " + line for line in ast.unparse(ast.Module(node.body, [])).splitlines())
        write(folder / "deconvlib" / f"{exercise.chapter}.py", exercise, body, "\n".join(helpers))
    return folder


def ours(place: Path, *options: str) -> list[list[str]]:
    out = place / "ours.json"
    only = [part for name in EXERCISES for part in ("--only", name)]
    command = [sys.executable, "-m", "deconv_grader", "grade", str(place / "ours"), *only, "--json", str(out), *options]
    return [command]


def ours_check(place: Path) -> None:
    result = json.loads((place / "ours.json").read_text())
    assert result["score"] == result["maximum"], result


def ten_assertions(place: Path) -> Path:
    """The ten assertions as check files of this grader."""
    folder = place / "ten"
    if not folder.is_dir():
        folder.mkdir()
        for chapter in CHAPTERS:
            lines = ["import numpy as np", "from deconv_grader.checks.writing import check"]
            for name, cases in ARGUMENTS.items():
                if exercises()[name].chapter == chapter:
                    for i, case in enumerate(cases):
                        text = assertion(name, case).replace(f"{name}(", f"learner.{name}(", 1)
                        lines += [f'@check("{name}", "case {i}")', f"def test_{name}_{i}(learner):", f"    {text}"]
            (folder / f"test_{chapter}.py").write_text("\n".join(lines) + "\n")
    return folder


def ours_on_ten(place: Path, *options: str) -> list[list[str]]:
    patch = f"import sys, pathlib; from deconv_grader import cli, runner; runner.TESTS = pathlib.Path({str(ten_assertions(place))!r}); cli.main()"
    return [[sys.executable, "-c", patch, *ours(place, *options)[0][3:]]]


def plain_on_ten(place: Path) -> list[list[str]]:
    files = [str(ten_assertions(place) / f"test_{chapter}.py") for chapter in CHAPTERS]
    return [[*plain_pytest(place)[0][:3], *files, *plain_pytest(place)[0][3 + len(CHAPTERS) :]]]


def plain_pytest(place: Path) -> list[list[str]]:
    import deconv_tests

    tests = Path(str(deconv_tests.__file__)).parent
    files = [str(tests / f"test_{chapter}.py") for chapter in CHAPTERS]
    chosen = " or ".join(f"test_{name}_" for name in EXERCISES)
    options = ["-q", "-k", chosen, "-p", "deconv_grader.checks.plugin", "-p", "no:cacheprovider", "-c", os.devnull]
    return [[sys.executable, "-m", "pytest", *files, *options, f"--rootdir={tests}", "--import-mode=importlib"]]


def make_otter(place: Path, python: str) -> list[list[str]]:
    import nbformat

    home = place / "otter"
    (home / "tests").mkdir(parents=True)
    for name, cases in ARGUMENTS.items():
        suite = [{"code": f">>> {assertion(name, case)}\n", "hidden": False, "locked": False} for case in cases]
        test = {"name": name, "points": 2, "suites": [{"cases": suite, "scored": True, "type": "doctest"}]}
        (home / "tests" / f"{name}.py").write_text(f"OK_FORMAT = True\ntest = {test!r}\n")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(plain_source())])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, home / "submission.ipynb")
    binary = Path(python).parent / "otter"
    subprocess.run(
        [binary, "generate", "-t", "tests", "-o", "autograder.zip", "--no-environment"],
        cwd=home, check=True, capture_output=True,
    )  # fmt: skip
    return [
        [
            str(binary),
            "run",
            "--no-logo",
            "-a",
            str(home / "autograder.zip"),
            "-o",
            str(home),
            str(home / "submission.ipynb"),
        ]
    ]


def otter_check(place: Path) -> None:
    tests = [
        test for test in json.loads((place / "otter" / "results.json").read_text())["tests"] if "max_score" in test
    ]
    assert sum(test["score"] for test in tests) == sum(test["max_score"] for test in tests) > 0, tests


def make_nbgrader(place: Path, python: str, learners: int) -> list[list[str]]:
    import nbformat

    home = place / "nbgrader"
    source = home / "source" / "ps1"
    source.mkdir(parents=True)

    def cell(text: str, identity: str, **facts: object) -> object:
        grading = {
            "grade": False,
            "solution": False,
            "locked": False,
            "schema_version": 3,
            "grade_id": identity,
            "task": False,
        }
        return nbformat.v4.new_code_cell(text, metadata={"nbgrader": grading | facts})

    answer = f"### BEGIN SOLUTION\n{plain_source()}\n### END SOLUTION"
    cells = [cell(answer, "answers", solution=True)]
    for name, cases in ARGUMENTS.items():
        for i, case in enumerate(cases):
            cells.append(cell(assertion(name, case), f"{name}-{i}", grade=True, locked=True, points=1))
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, source / "ps1.ipynb")
    (home / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'benchmark'\n")
    binary = str(Path(python).parent / "nbgrader")
    subprocess.run([binary, "generate_assignment", "ps1"], cwd=home, check=True, capture_output=True)
    for i in range(learners):
        handed_in = home / "submitted" / f"learner{i}" / "ps1"
        handed_in.mkdir(parents=True)
        shutil.copy(source / "ps1.ipynb", handed_in)
    return [[binary, "autograde", "ps1", "--force"]]


def nbgrader_check(place: Path) -> None:
    found = list((place / "nbgrader" / "autograded").glob("*/ps1/ps1.ipynb"))
    assert found
    for path in found:
        outputs = [out for c in json.loads(path.read_text())["cells"] for out in c.get("outputs", [])]
        assert not any(out["output_type"] == "error" for out in outputs)


# ------------------------------------------------------------------------------------------------------------- measuring


def measure(commands: list[list[str]], cwd: Path) -> tuple[float, float, float]:
    """(wall seconds, CPU seconds, peak MB) of commands run one after the other."""
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "DECONV_WORKSPACE": str(cwd / "ours"),
    }
    environment.pop("OPENBLAS_CORETYPE", None)
    cpu = peak = 0.0
    began = time.perf_counter()
    for command in commands:
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"failed with {child.returncode}: {' '.join(command[:6])}")
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss / 1024)
    return time.perf_counter() - began, cpu, peak


def main() -> None:
    parser = argparse.ArgumentParser(description="What grading costs, beside other graders.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--many", type=int, default=20, help="submissions in the second table; 0 leaves it out")
    parser.add_argument("--others", help="an interpreter with otter-grader and nbgrader")
    given = parser.parse_args()
    if given.others:  # nbgrader starts programs of its environment by their bare names
        os.environ["PATH"] = f"{Path(given.others).absolute().parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        submission(place / "ours")
        print(f"{len(EXERCISES)} exercises, all right; medians of {given.rounds} interleaved rounds\n")
        table(one(place, given.others), given.rounds, "one submission")
        if given.many:
            print()
            table(many(place, given.others, given.many), max(1, given.rounds // 3), f"{given.many} submissions, each")
        print()
        table(part_one(place), max(1, given.rounds // 2), "the whole of Part I, isolated")
        print()
        round_trips()
        if not given.others:
            print("\notter-grader and nbgrader were left out: no --others interpreter was given")


def round_trips(rounds: int = 300) -> None:
    """Print what a call across the boundary and a new worker take."""
    from deconv_grader.answers.submission import Submission
    from deconv_grader.isolation.isolated import IsolatedAnswers

    source = "def convolve2d_full(x, w): return x + w"
    answers = IsolatedAnswers(Submission(Path("benchmark"), {"convolution": source}))
    exercise, x = exercises()["convolve2d_full"], np.ones((3, 4))
    calls, starts = [], []
    for times, count, fresh in ((starts, 20, True), (calls, rounds, False)):
        for _ in range(count):
            if fresh:
                answers.close()
            answers.unwritten(exercise)
            began = time.perf_counter()
            answers.call(exercise, (x, x), {})
            times.append(time.perf_counter() - began)
    answers.close()
    call, start = 1e6 * statistics.median(calls), 1e3 * statistics.median(starts)
    print(
        f"isolation {answers.level}: a call with two small arrays {call:.0f} microseconds, a new worker and its first call {start:.1f} ms"
    )


Contender = tuple[list[list[str]], Path, Callable[[], None], int]


def one(place: Path, others: str | None) -> dict[str, Contender]:
    contenders: dict[str, Contender] = {
        "pytest, ten assertions": (plain_on_ten(place), place, lambda: None, 1),
        "ours, in process, ten assertions": (ours_on_ten(place, "--in-process"), place, lambda: ours_check(place), 1),
        "ours, isolated, ten assertions": (ours_on_ten(place), place, lambda: ours_check(place), 1),
        "pytest, all checks": (plain_pytest(place), place, lambda: None, 1),
        "ours, in process, all checks": (ours(place, "--in-process"), place, lambda: ours_check(place), 1),
        "ours, isolated, all checks": (ours(place), place, lambda: ours_check(place), 1),
    }
    if others:
        contenders["otter-grader, ten assertions"] = (
            make_otter(place, others),
            place / "otter",
            lambda: otter_check(place),
            1,
        )
        contenders["nbgrader, ten assertions"] = (
            make_nbgrader(place, others, 1),
            place / "nbgrader",
            lambda: nbgrader_check(place),
            1,
        )
    return contenders


def many(place: Path, others: str | None, count: int) -> dict[str, Contender]:
    for i in range(count):
        shutil.copytree(place / "ours", place / "class" / f"learner{i}")
    only = [part for name in EXERCISES for part in ("--only", name)]
    ours_class = [
        sys.executable,
        "-m",
        "deconv_grader",
        "class",
        str(place / "class"),
        "--workers",
        "1",
        *only,
        "--out",
    ]

    def fresh(contender: list[str]) -> list[list[str]]:
        return [["sh", "-c", 'rm -rf report && exec "$@"', "sh", *contender, "report"]]

    contenders: dict[str, Contender] = {
        "pytest, ten assertions": (plain_on_ten(place) * count, place, lambda: None, count),
        "ours, isolated, ten assertions": (one_process_on_ten(place, count), place, lambda: None, count),
        "ours, isolated, all checks": (fresh(ours_class), place, lambda: class_check(place, count), count),
    }
    if others:
        contenders["otter-grader, ten assertions"] = (
            contenders_of(place, others) * count,
            place / "otter",
            lambda: None,
            count,
        )
        shutil.rmtree(place / "nbgrader")
        contenders["nbgrader, ten assertions"] = (
            make_nbgrader(place, others, count), place / "nbgrader", lambda: nbgrader_check(place), count,
        )  # fmt: skip
    return contenders


def one_process_on_ten(place: Path, count: int) -> list[list[str]]:
    """The ten assertions for many submissions, one after the other in one grading process."""
    code = f"""
import pathlib
from deconv_grader import runner
from deconv_grader.grading import grade
from deconvlib.course.catalogue import exercises
runner.TESTS = pathlib.Path({str(ten_assertions(place))!r})
chosen = [exercises()[name] for name in {EXERCISES!r}]
for i in range({count}):
    grading = grade(pathlib.Path({str(place / "class")!r}) / f"learner{{i}}", chosen)
    assert grading.score == grading.maximum > 0
"""
    return [[sys.executable, "-c", code]]


def contenders_of(place: Path, python: str) -> list[list[str]]:
    home = place / "otter"
    otter = str(Path(python).parent / "otter")
    return [
        [otter, "run", "--no-logo", "-a", str(home / "autograder.zip"), "-o", str(home), str(home / "submission.ipynb")]
    ]


def class_check(place: Path, count: int) -> None:
    lines = [json.loads(line)["result"] for line in (place / "report" / "results.jsonl").read_text().splitlines()]
    assert len(lines) == count
    assert all(result["score"] == result["maximum"] for result in lines)


def part_one(place: Path) -> dict[str, Contender]:
    whole = place / "part-one"
    (whole / "deconvlib").mkdir(parents=True)
    folder = Path(str(deconv_solutions.__file__)).parent
    chapters = list(dict.fromkeys(e.chapter for e in exercises().values() if e.number <= 6))  # as many as there are
    for name in chapters:
        text = (folder / f"{name}.py").read_text().replace("deconv_solutions", "deconvlib")
        (whole / "deconvlib" / f"{name}.py").write_text(text)
    only = [part for name in chapters for part in ("--only", name)]
    out = place / "whole.json"
    command = [sys.executable, "-m", "deconv_grader", "grade", str(whole), *only, "--json", str(out)]

    def check() -> None:
        result = json.loads(out.read_text())
        wrong = [entry["id"] for entry in result["exercises"].values() if entry["status"] != "passed"]
        assert not wrong, wrong

    return {f"ours, isolated ({len(chapters)} chapters)": ([command], place, check, 1)}


def table(contenders: dict[str, Contender], rounds: int, title: str) -> None:
    taken: dict[str, list[tuple[float, float, float]]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (commands, cwd, check, _count) in contenders.items():
            taken[name].append(measure(commands, cwd))
            check()
    base = None
    print(f"| {title} | wall s | CPU s | CPU as a multiple of the first | peak MB |\n|---|---:|---:|---:|---:|")
    for name, (_, _, _, count) in contenders.items():
        wall, cpu, peak = (statistics.median(column) for column in zip(*taken[name], strict=True))
        base = base or cpu
        print(f"| {name} | {wall / count:.2f} | {cpu / count:.2f} | {cpu / base:.2f} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
