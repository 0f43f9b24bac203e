"""Shared by the grader's tests: submissions made on the spot."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import deconv_solutions
from deconv_grader.answers.editing import write
from deconv_grader.answers.workspace import start
from deconv_tests.grader.bench import bench  # noqa: F401  (a fixture)
from deconvlib.course.catalogue import exercises

Make = Callable[..., Path]


def solved(name: str) -> tuple[str, str]:
    """The body of an exercise's solution, and the helpers and imports that it rests on."""
    path = Path(str(deconv_solutions.__file__)).parent / f"{exercises()[name].chapter}.py"
    body, beside = "", []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            body = textwrap.indent(ast.unparse(ast.Module(node.body, [])), "    ")
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("_"):
            beside.append(ast.unparse(node))
        elif isinstance(node, ast.Import | ast.ImportFrom) and getattr(node, "module", "") != "__future__":
            beside.append(ast.unparse(node).replace("deconv_solutions", "deconvlib"))
    return body, "\n".join(beside)


@pytest.fixture(name="solved")
def _solved() -> Callable[[str], tuple[str, str]]:
    return solved


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A fresh workspace: every exercise a stub."""
    start(tmp_path / "mine")
    return tmp_path / "mine"


@pytest.fixture
def make_submission(tmp_path: Path) -> Make:
    """``make_submission("ann", conv2d="solved", im2col="    return 3")`` writes a submission and returns its folder."""

    def make(who: str = "submission", **bodies: str) -> Path:
        folder = tmp_path / "class" / who
        start(folder)
        for name, body in bodies.items():
            exercise = exercises()[name]
            beside = ""
            if body == "solved":
                body, beside = solved(name)
            write(folder / "deconvlib" / f"{exercise.chapter}.py", exercise, body, beside)
        return folder

    return make
