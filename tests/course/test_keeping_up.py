"""The page "Keep up with the course": its own commands, run on repositories and workspaces of both ages."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deconv_grader.answers.reader import read
from deconv_tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "chapters" / "keeping-up.md").read_text(encoding="utf-8")
BRANCH, MERGE, CONFLICT, NOTEBOOK, WORKSPACE, RESTORE = re.findall(r"```shell\n(.*?)```", PAGE, flags=re.S)
STUB = "raise NotImplementedError"
NEW = '''@exercise(
    title="A new one",
    points=3,
    minutes=10,
    difficulty=1,
    hints=("A nudge.",),
)
def brand_new(n: int) -> int:
    """One line.

    Returns
    -------
    int
        A number.
    """
    raise NotImplementedError
'''
Edit = Callable[[str], str]


def answered(text: str, *names: str) -> str:
    for name in names:
        at = text.index(STUB, text.index(f"def {name}("))
        text = f"{text[:at]}total = 0  # of {name}\n    return total{text[at + len(STUB) :]}"
    return text


def new_before(name: str) -> Edit:
    def edit(text: str) -> str:
        at = text.rindex("@exercise(", 0, text.index(f"def {name}("))
        return f"{text[:at]}{NEW}\n\n{text[at:]}"

    return edit


def new_at_the_end(text: str) -> str:
    return f"{text.rstrip()}\n\n\n{NEW}"


def longer_description(text: str) -> str:
    end = text.index('    """\n', text.index('"""', text.index("def im2col(")) + 3)
    return f"{text[:end]}\n    One sentence more.\n{text[end:]}"


def more_points(text: str) -> str:
    at = text.index("points=", text.rindex("@exercise(", 0, text.index("def im2col(")))
    return text[:at] + re.sub(r"points=\d+", "points=99", text[at:], count=1)


def another_import(module: str) -> Edit:
    return lambda text: text.replace("import numpy as np", f"import {module}\n\nimport numpy as np", 1)


NAMES = re.findall(
    r"^def (\w+)\(", (ROOT / "deconvlib/course/stubs/convolution.py").read_text(encoding="utf-8"), flags=re.M
)
AFTER = NAMES[NAMES.index("im2col") + 1]
# What the course changed, what the learner answered and changed, and whether git has to ask.
CASES: dict[str, tuple[Edit, list[str], Edit, bool]] = {
    "a new exercise above an answered one": (new_before("im2col"), ["im2col"], str, False),
    "a new exercise below an answered one": (new_before(AFTER), ["im2col", AFTER], str, False),
    "a new exercise among answered ones": (new_before("im2col"), NAMES, str, False),
    "a new exercise at the end": (new_at_the_end, ["im2col"], str, False),
    "a new exercise below the answered last one": (new_at_the_end, NAMES, str, True),
    "a longer description of an answered one": (longer_description, NAMES, str, False),
    "other points of an answered one": (more_points, NAMES, str, False),
    "imports on both sides": (
        lambda text: another_import("math")(new_at_the_end(text)),
        ["im2col"],
        another_import("functools"),
        True,
    ),
}


class Repositories:
    """The course's repository, and a learner's clone of it. Only what a merge and `deconv start` look at is in them."""

    def __init__(self, folder: Path):
        self.course, self.mine, self.bin = folder / "course", folder / "mine", folder / "bin"
        for part in ("deconvlib", "deconv_grader", "solutions"):
            left_out = shutil.ignore_patterns("data", "explorers", "__pycache__", ".deconv")
            shutil.copytree(ROOT / part, self.course / part, ignore=left_out)
        for name in (path.name for path in (ROOT / "deconvlib/course/stubs").glob("*.py")):
            shutil.copyfile(ROOT / "deconvlib/course/stubs" / name, self.course / "deconvlib" / name)
        (self.course / "chapters").mkdir()
        self.notebook(self.course, "as it was")
        (self.course / ".gitignore").write_text(".deconv/\n__pycache__/\n", encoding="utf-8")
        self.bin.mkdir()
        command = self.bin / "deconv"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m deconv_grader "$@"\n', encoding="utf-8")
        command.chmod(0o755)
        self.shell("git init -q -b main && git add -A && git commit -qm first", self.course)
        self.shell(f"git clone -q '{self.course}' '{self.mine}'", folder)

    def module(self, where: Path) -> Path:
        return where / "deconvlib" / "convolution.py"

    def notebook(self, where: Path, source: str) -> None:
        cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": [source]}
        text = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)
        (where / "chapters" / "01-convolution.ipynb").write_text(text, encoding="utf-8")

    def course_changes(self, edit: Edit) -> None:
        text = edit(self.module(self.course).read_text(encoding="utf-8"))
        for path in (self.module(self.course), self.course / "deconvlib/course/stubs/convolution.py"):
            path.write_text(text, encoding="utf-8")
        self.shell("git commit -qam second", self.course)

    def learner_writes(self, names: list[str], edit: Edit = str) -> None:
        text = self.module(self.mine).read_text(encoding="utf-8")
        self.module(self.mine).write_text(edit(answered(text, *names)), encoding="utf-8")

    def shell(self, commands: str, where: Path, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        person = {
            f"GIT_{who}_{what}": "learner@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "DECONV_"))}
        done = subprocess.run(
            ["bash", "-ec", commands],
            cwd=where,
            env=kept
            | person
            | {
                "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(self.mine),
                "HOME": str(where),
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_EDITOR": "false",  # a command of the page that opened an editor would fail
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        assert code is None or done.returncode == code, done.stdout + done.stderr
        return done

    def holds(self, names: list[str], new: bool) -> None:
        """The learner's file has each answer in its own exercise, all exercises of the course, and no marks of a conflict."""
        text = self.module(self.mine).read_text(encoding="utf-8")
        assert "<<<<<<<" not in text
        compile(text, "convolution.py", "exec")
        module = read(text, "convolution.py")
        for name in [*NAMES, *(["brand_new"] if new else [])]:
            binding = module.counting(name)
            assert binding is not None, name
            assert binding.written == (name in names), name
            assert (f"# of {name}\n" in text[binding.start : binding.end]) == (name in names), name
        assert self.shell("git status --porcelain", self.mine).stdout == ""


@pytest.fixture
def repositories(tmp_path: Path) -> Repositories:
    if shutil.which("git") is None or shutil.which("bash") is None:
        pytest.skip("git and bash are not installed")
    return Repositories(tmp_path)


@pytest.mark.parametrize("case", CASES)
def test_a_new_version_over_ones_own_answers(repositories, case):
    change, names, own, asks = CASES[case]
    repositories.shell(BRANCH, repositories.mine)
    repositories.learner_writes(names, own)
    repositories.course_changes(change)
    merged = repositories.shell(MERGE, repositories.mine, None)
    assert merged.returncode == (1 if asks else 0), merged.stdout + merged.stderr
    assert ("CONFLICT" in merged.stdout) == asks
    new = "def brand_new" in repositories.module(repositories.course).read_text(encoding="utf-8")
    if asks:
        done = repositories.shell(CONFLICT, repositories.mine)
        assert "Added to convolution.py, empty: brand_new." in done.stdout
    repositories.holds(names, new)


def test_a_second_new_version_goes_the_same_way(repositories):
    repositories.shell(BRANCH, repositories.mine)
    repositories.learner_writes(NAMES)
    repositories.course_changes(new_at_the_end)
    repositories.shell(MERGE, repositories.mine, 1)
    repositories.shell(CONFLICT, repositories.mine)
    repositories.course_changes(longer_description)
    repositories.shell(MERGE.replace('git commit -m "My answers"\n', ""), repositories.mine)
    repositories.holds(NAMES, True)


def test_a_plain_pull_over_unsaved_work_is_refused_and_costs_nothing(repositories):
    repositories.learner_writes(["im2col"])
    before = repositories.module(repositories.mine).read_text(encoding="utf-8")
    repositories.course_changes(new_before("im2col"))
    assert repositories.shell("git pull --no-rebase --no-edit", repositories.mine, None).returncode != 0
    assert repositories.module(repositories.mine).read_text(encoding="utf-8") == before


def test_a_notebook_that_both_changed(repositories):
    repositories.shell(BRANCH, repositories.mine)
    repositories.learner_writes(["im2col"])
    repositories.notebook(repositories.mine, "as the learner ran it")
    repositories.notebook(repositories.course, "as it is now")
    repositories.course_changes(longer_description)
    repositories.shell(MERGE, repositories.mine, 1)
    repositories.shell(NOTEBOOK, repositories.mine)
    assert "as it is now" in (repositories.mine / "chapters/01-convolution.ipynb").read_text(encoding="utf-8")
    assert (
        "as the learner ran it"
        in repositories.shell("git show HEAD^:chapters/01-convolution.ipynb", repositories.mine).stdout
    )
    repositories.holds(["im2col"], False)


def test_a_workspace_of_an_older_version(repositories):
    mine = repositories.mine / "workspace"
    repositories.shell(f"deconv start '{mine}'", repositories.mine)
    path = mine / "deconvlib" / "convolution.py"
    path.write_text(answered(path.read_text(encoding="utf-8"), *NAMES), encoding="utf-8")
    repositories.course_changes(new_at_the_end)
    repositories.shell("git pull -q", repositories.mine)
    assert "Added to convolution.py, empty: brand_new." in repositories.shell(WORKSPACE, mine).stdout
    text = path.read_text(encoding="utf-8")
    assert all(f"# of {name}\n" in text for name in NAMES)
    assert "def brand_new" in text
    assert len(list((mine / ".deconv" / "backups").glob("convolution-*.py"))) == 1
    shown = repositories.shell(RESTORE, mine).stdout
    assert "differs in brand_new" in shown
    assert "def brand_new" not in path.read_text(encoding="utf-8")
