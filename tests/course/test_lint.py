"""`make lint` in a copy of the course with faults planted in it: wrong types across two files, imports against the arrows."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("deconvlib", "deconv_grader", "solutions", "tests")
LIMIT = 600  # seconds, for hangs: the type checker with an empty cache takes 40
TWICE = "def twice(n: int) -> int:\n    return 2 * n\n"
# Two files a line: a function that wants an int, and the file of another room that passes it a str.
WRONG_TYPES = [
    ("deconv_grader/values/planted.py", "deconv_grader/reports/planted.py"),
    ("deconv_grader/checks/planted.py", "tests/grader/planted.py"),
    ("solutions/planted.py", "tests/planted.py"),
    ("deconvlib/course/planted.py", "solutions/planted_too.py"),
]
WRONG_IMPORTS = [
    ("deconv_grader.values.planted_up", "deconv_grader.grading"),
    ("deconv_grader.checks.planted_across", "deconv_grader.isolation"),
    ("deconvlib.course.planted_grader", "deconv_grader.values"),
    ("deconv_solutions.planted_tests", "deconv_tests"),
]


def module_of(file: str) -> str:
    """The name that a file of the course is imported by."""
    parts = Path(file).with_suffix("").parts
    return ".".join([{"solutions": "deconv_solutions", "tests": "deconv_tests"}.get(parts[0], parts[0]), *parts[1:]])


def file_of(module: str) -> str:
    first, *rest = module.split(".")
    return "/".join([{"deconv_solutions": "solutions", "deconv_tests": "tests"}.get(first, first), *rest]) + ".py"


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is linted, with every fault in it."""
    copy = tmp_path_factory.mktemp("lint") / "course"
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=lambda at, names: [n for n in names if _left_out(at, n)])
    shutil.copy(ROOT / "pyproject.toml", copy)
    shutil.copy(ROOT / "Makefile", copy)
    if (ROOT / ".mypy_cache").is_dir():
        # What PyTorch's own files say need not be read again.
        shutil.copytree(ROOT / ".mypy_cache", copy / ".mypy_cache")
    (copy / ".venv").symlink_to(sys.prefix)
    for wants, gives in WRONG_TYPES:
        (copy / wants).write_text(TWICE)
        (copy / gives).write_text(f'from {module_of(wants)} import twice\n\nSIX = twice("3")\n')
    for module, imported in WRONG_IMPORTS:
        (copy / file_of(module)).write_text(f"import {imported}\n\nprint({imported}.__name__)\n")
    return copy


def _left_out(folder: str, name: str) -> bool:
    return name == "__pycache__" or (not name.endswith(".py") and (Path(folder) / name).is_file())


@pytest.fixture(scope="module")
def lint(faulty: Path):  # type: ignore[no-untyped-def]
    """Run one step of `make lint` there, by the name of its program; gives what it prints, and sees that it fails."""
    if shutil.which("make") is None:
        pytest.skip("no make on this machine")
    make = ("make", "--dry-run", "--old-file=.venv/ready", "lint")
    recipe = subprocess.run(make, cwd=faulty, capture_output=True, text=True, check=True, timeout=LIMIT).stdout
    subprocess.run(("make", "--old-file=.venv/ready", "build/types"), cwd=faulty, check=True, timeout=LIMIT)
    steps = [line for line in recipe.splitlines() if "mypy" in line]
    commands = {Path(command[0]).name: command for command in map(shlex.split, steps[0].split("&&"))}
    assert set(commands) == {"ruff", "mypy", "lint-imports"}

    def run(name: str) -> str:
        done = subprocess.run(
            commands[name],
            cwd=faulty,
            env=os.environ | {"PYTHONPATH": str(faulty / "build" / "types"), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
        assert done.returncode, done.stdout
        return done.stdout + done.stderr

    return run


def test_a_wrong_type_is_caught_across_two_files(lint) -> None:  # type: ignore[no-untyped-def]
    shown = lint("mypy")
    for _, gives in WRONG_TYPES:
        words = 'Argument 1 to "twice" has incompatible type "str"; expected "int"'
        assert any(gives.partition("/")[2] in line and words in line for line in shown.splitlines()), (gives, shown)
    assert f"Found {len(WRONG_TYPES)} errors" in shown, "and nothing else is wrong"


def test_an_import_against_the_arrows_is_caught(lint) -> None:  # type: ignore[no-untyped-def]
    shown = lint("lint-imports")
    for module, imported in WRONG_IMPORTS:
        assert f"{module} -> {imported}" in shown, (module, shown)
