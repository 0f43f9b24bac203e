"""Shared by the course's own tests: a learner's workspace, and the command line run in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deconv_grader.editing import write
from deconv_grader.workbook import start
from deconvlib.course.catalogue import exercises

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A fresh workspace: every exercise a stub."""
    start(tmp_path)
    return tmp_path


@pytest.fixture
def deconv(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run ``deconv`` in the workspace."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "deconv_grader", *arguments],
            cwd=tmp_path_factory.getbasetemp(),
            env=os.environ | {"DECONV_WORKSPACE": str(workspace), "COLUMNS": "100", "NO_COLOR": "1"},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def complete(workspace: Path) -> Callable[[str, str], None]:
    """Write a body into the workspace, as a learner with an editor would."""

    def fill(name: str, body: str) -> None:
        exercise = exercises()[name]
        write(workspace / "deconvlib" / f"{exercise.chapter}.py", exercise, body)

    return fill
