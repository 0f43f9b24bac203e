"""`make lint` in a copy of the course with faults planted in it: wrong types across two files, imports against the arrows and in circles."""

from __future__ import annotations

import ast
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deconv_tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("deconvlib", "deconv_grader", "solutions", "tests")
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
# Two modules beside each other that import one another, the second one only when it is asked.
CIRCLES = [(f"{room}.planted_round", f"{room}.planted_about") for room in ("deconv_grader.cli", "deconvlib.course")]


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
    for first, second in CIRCLES:
        (copy / file_of(first)).write_text(f"import {second}\n\n\ndef name() -> str:\n    return {second}.__name__\n")
        (copy / file_of(second)).write_text(f"def name() -> str:\n    import {first}\n\n    return {first}.__name__\n")
    return copy


def _left_out(folder: str, name: str) -> bool:
    return name == "__pycache__" or (not name.endswith(".py") and (Path(folder) / name).is_file())


@pytest.fixture(scope="module")
def lint(faulty: Path):  # type: ignore[no-untyped-def]
    """Run one step of `make lint` there, by the name of its program; gives what it prints, and sees that it fails."""
    if shutil.which("make") is None:
        pytest.skip("no make on this machine")
    make = ("make", "--dry-run", "--old-file=.venv/ready", "lint")
    recipe = subprocess.run(make, cwd=faulty, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
    subprocess.run(("make", "--old-file=.venv/ready", "build/types"), cwd=faulty, check=True, timeout=PATIENCE)
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
            timeout=PATIENCE,
        )
        assert done.returncode, done.stdout
        return done.stdout + done.stderr

    return run


def test_a_wrong_type_is_caught_across_two_files(lint) -> None:  # type: ignore[no-untyped-def]
    shown = lint("mypy")
    for _, gives in WRONG_TYPES:
        words = 'Argument 1 to "twice" has incompatible type "str"; expected "int"'
        assert any(gives.partition("/")[2] in line and words in line for line in shown.splitlines()), (gives, shown)


def test_an_import_against_the_arrows_is_caught(lint) -> None:  # type: ignore[no-untyped-def]
    shown = lint("lint-imports")
    for module, imported in WRONG_IMPORTS:
        assert f"{module} -> {imported}" in shown, (module, shown)


def test_a_circle_of_imports_is_caught(lint) -> None:  # type: ignore[no-untyped-def]
    shown = lint("lint-imports")
    for first, second in CIRCLES:
        room, _, one = first.rpartition(".")
        _, _, told = shown.partition(f"No cycles are allowed in {room}.\n")
        told = told.partition("No cycles are allowed")[0]
        other = second.rpartition(".")[2]
        assert f".{one} -> .{other}" in told or f".{other} -> .{one}" in told, (room, shown)


def limits(path: Path) -> list[str]:
    """Where a file gives a limit of time as a number of its own."""
    found: list[ast.AST] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(keywords=keywords):
                found += [k.value for k in keywords if k.arg and "timeout" in k.arg and _is_number(k.value)]
        match node:
            case ast.Call(func=ast.Attribute(attr="set_default_timeout"), args=[value]) if _is_number(value):
                found.append(value)
            case ast.BinOp(left=ast.Call(func=ast.Attribute(attr="monotonic")), right=value) if _is_number(value):
                found.append(value)
    return [f"{path.name}, line {getattr(node, 'lineno', 0)}" for node in found]


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def test_time_limits_are_for_hangs_and_have_one_home() -> None:
    files = [path for folder in ("course", "grader") for path in sorted((ROOT / "tests" / folder).glob("*.py"))]
    assert [place for path in files for place in limits(path)] == [], "use deconv_tests.patience"


@pytest.mark.parametrize(
    "line",
    ["run(x, timeout=60)", "page.set_default_timeout(9000)", "until = time.monotonic() + 5", "x(locator_timeout=1.5)"],
)
def test_a_time_limit_of_its_own_is_found(line: str, tmp_path: Path) -> None:
    (tmp_path / "test_new.py").write_text(f"import time\n\n{line}\n")
    assert limits(tmp_path / "test_new.py") == ["test_new.py, line 3"]
