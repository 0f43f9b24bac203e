"""A workspace that is older than the course: the reference answers what it lacks, `start` adds it and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from deconv_grader.answers import editing, writer
from deconv_grader.answers.reader import Module
from deconv_grader.answers.workspace import start
from deconv_grader.grading.workbook import Workbook
from deconv_tests.patience import PATIENCE
from deconvlib.course.catalogue import chapter_modules, exercises, exercises_in


def without(chapter: str, *names: str) -> str:
    """A chapter as an older course had it, without these exercises."""
    text = editing.pristine(chapter).text
    for name in names:
        binding = Module(text, "x.py").definition(name)
        text = text[: binding.start].rstrip("\n") + "\n\n\n" + text[binding.end :].lstrip("\n")
    return text.rstrip("\n") + "\n"


@pytest.fixture
def older(workspace):
    """No unpooling, no conv2d, and a learner's own answer to im2col."""
    (workspace / "deconvlib" / "unpooling.py").unlink()
    (workspace / "deconvlib" / "convolution.py").write_text(without("convolution", "conv2d", "receptive_field"))
    editing.write(workspace / "deconvlib" / "convolution.py", exercises()["im2col"], "    return 'mine'\n")
    return workspace


def run(workspace, code):
    return subprocess.run(
        [sys.executable, *code],
        cwd=workspace.parent,  # beside an editable install, Python would take its deconvlib/ for a package of its own
        env=os.environ | {"DECONV_WORKSPACE": str(workspace), "COLUMNS": "100", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize(
    "code",
    [
        "from deconvlib import conv2d",
        "from deconvlib.convolution import conv2d",
        "import deconvlib; conv2d = deconvlib.conv2d",
        "import deconvlib.convolution as c; conv2d = c.conv2d",
    ],
)
def test_the_reference_answers_an_exercise_that_is_missing(older, code):
    shown = run(
        older, ["-c", f"{code}; import numpy as np; print(conv2d(np.ones((1, 1, 3, 4)), np.ones((1, 1, 2, 2))).sum())"]
    )
    assert shown.stdout.strip() == "24.0", shown.stderr
    assert shown.stderr.strip() == "conv2d is not written yet; the reference answer is used."


@pytest.mark.parametrize("code", ["from deconvlib import max_pool2d", "from deconvlib.unpooling import max_pool2d"])
def test_the_reference_answers_a_chapter_that_is_missing(older, code):
    shown = run(older, ["-c", f"{code}; import numpy as np; print(max_pool2d(np.ones((1, 1, 2, 2)), 2)[0].sum())"])
    assert shown.stdout.strip() == "1.0", shown.stderr


def test_the_learners_own_answer_still_counts(older):
    assert run(older, ["-c", "from deconvlib import im2col; print(im2col(None, 1))"]).stdout.strip() == "mine"


def test_every_command_works_on_it(older):
    for arguments in (
        [],
        ["status"],
        ["hint", "conv2d"],
        ["check", "conv2d"],
        ["check", "max_pool2d"],
        ["check", "im2col"],
    ):
        shown = run(older, ["-m", "deconv_grader", *arguments])
        assert "Traceback" not in shown.stderr, arguments
        assert "does not parse" not in shown.stdout, arguments
    book = Workbook(older)
    assert book.status(exercises()["conv2d"]) == ("not started", 0)
    assert book.status(exercises()["max_pool2d"]) == ("not started", 0)
    assert list(book.exercises) == list(exercises())


def test_start_adds_what_is_missing_says_so_and_changes_nothing_else(older):
    path = older / "deconvlib" / "convolution.py"
    before = path.read_text()
    done = start(older)
    assert done.made == [older / "deconvlib" / "unpooling.py"]
    assert done.added == {path: ["conv2d", "receptive_field"]}
    assert done.problems == []
    module = Module(path.read_text(), "x.py")
    order = [binding.name for binding in module.bindings if binding.name in exercises_in("convolution")]
    assert order == list(exercises_in("convolution")), "in the course's order"
    assert "return 'mine'" in path.read_text()
    assert writer.backups(older)[0].path.read_text() == before
    again = start(older)
    assert not again.made
    assert not again.added
    assert without_blank(
        path.read_text().replace("    return 'mine'\n", "    raise NotImplementedError\n")
    ) == without_blank(editing.pristine("convolution").text)


def without_blank(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


@pytest.mark.parametrize("chapter", [path.stem for path in chapter_modules()])
def test_each_exercise_comes_back_into_its_place(workspace, chapter):
    path = workspace / "deconvlib" / f"{chapter}.py"
    for name in exercises_in(chapter):
        path.write_text(without(chapter, name))
        assert start(workspace).added == {path: [name]}
        assert path.read_text() == editing.pristine(chapter).text


def test_the_imports_that_a_new_exercise_needs_come_along(workspace):
    path = workspace / "deconvlib" / "mirror_network.py"
    path.write_text('"""My own."""\n\nimport os\n\n\ndef helper():\n    return os.sep\n')
    start(workspace)
    text = path.read_text()
    assert text.startswith('"""My own."""\n\nimport os\n')
    names = set(exercises_in("mirror_network"))
    assert {binding.name for binding in Module(text, "x.py").bindings} >= names | {
        "torch",
        "nn",
        "exercise",
        "Sequence",
        "os",
    }
    compile(text, "x.py", "exec")


def test_a_file_that_is_not_python_is_left_alone_and_said(workspace):
    path = workspace / "deconvlib" / "convolution.py"
    text = without("convolution", "conv2d") + "x = (\n"
    path.write_text(text)
    done = start(workspace)
    assert done.added == {}
    assert "convolution.py, line" in done.problems[0]
    assert path.read_text() == text
