"""Which folder the learner's answers are in: found, named, misspelled, missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deconv_grader.answers.workspace import start
from deconv_tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]


def run(*command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "DECONV_WORKSPACE"} | variables
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=environment | {"NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


def deconv(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return run("-m", "deconv_grader", *arguments, cwd=cwd, **variables)


WRONG_FOLDERS = {
    "missing": "does not exist",
    "a-file": "is a file",
    "empty": "has no deconvlib/ in it",
    "a-file/below": "does not exist",
    "~no-such-user-here/x": "there is no user of that name",
    "x" * 300: "does not exist",
}


@pytest.fixture
def places(tmp_path: Path) -> Path:
    (tmp_path / "a-file").write_text("")
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.mark.parametrize("arguments", [["check", "conv2d"], ["check"], ["status"], ["reset", "conv2d"], ["watch"], []])
@pytest.mark.parametrize("named", WRONG_FOLDERS)
def test_a_wrong_variable_is_said_at_once_and_nothing_else_is_graded(places, named, arguments):
    shown = deconv(*arguments, cwd=places, DECONV_WORKSPACE=named)
    assert shown.returncode == 2
    assert shown.stdout == ""
    (line,) = shown.stderr.splitlines()
    assert line.startswith(f"deconv: DECONV_WORKSPACE names {named}")
    assert WRONG_FOLDERS[named] in line


def test_a_wrong_variable_does_not_keep_from_making_the_workspace(places):
    made = deconv("start", "missing", cwd=places, DECONV_WORKSPACE="missing")
    assert made.returncode == 0, made.stderr
    assert deconv("status", cwd=places, DECONV_WORKSPACE="missing").returncode == 0


@pytest.mark.parametrize("code", ["from deconvlib import conv2d", "import deconvlib.convolution, deconvlib.inversion"])
def test_a_program_that_imports_chapters_is_told_of_a_wrong_variable_once(places, code):
    shown = run("-c", code, cwd=places, DECONV_WORKSPACE="missing")
    assert shown.returncode == 0
    (line,) = shown.stderr.splitlines()
    assert line.startswith("DECONV_WORKSPACE names missing (")
    assert "which does not exist" in line


def test_the_cell_is_told_of_a_wrong_variable(places):
    shown = run("-m", "deconv_grader.cli.cell", "conv2d", cwd=places, DECONV_WORKSPACE="missing")
    assert '"action": "refused"' in shown.stdout
    assert "DECONV_WORKSPACE names missing" in shown.stdout


@pytest.mark.parametrize("arguments", [["check", "conv2d"], ["check"], ["reset", "conv2d"], ["watch", "conv2d"]])
def test_without_a_workspace_nothing_installed_is_graded(tmp_path, monkeypatch, arguments):
    """As in an installed course; the real one is tried in test_packaging.py."""
    code = (
        "import sys; from deconvlib.course import workspace; workspace.IN_CHECKOUT = False\n"
        "from deconv_grader.cli.app import main; main(sys.argv[1:])"
    )
    shown = run("-c", code, *arguments, cwd=tmp_path)
    assert shown.returncode == 2
    assert shown.stdout == ""
    assert "there is no workspace here" in shown.stderr
    assert "`deconv start` makes one" in shown.stderr


def test_a_relative_variable_means_the_same_folder_after_a_change_of_folder(tmp_path):
    start(tmp_path / "mine")
    module = tmp_path / "mine" / "deconvlib" / "convolution.py"
    text = module.read_text(encoding="utf-8")
    module.write_text(text.replace("raise NotImplementedError", "return 41"), encoding="utf-8")
    code = (
        "import deconvlib, os, subprocess, sys; os.chdir('/')\n"
        "print(deconvlib.conv_output_size(5, 3))\n"
        "subprocess.run([sys.executable, '-m', 'deconv_grader', 'status', '--json'])"
    )
    shown = run("-c", code, cwd=tmp_path, DECONV_WORKSPACE="mine")
    assert shown.stdout.startswith("41\n"), shown.stderr
    assert f'"folder": "{tmp_path / "mine"}"' in shown.stdout


def test_the_nearest_workspace_upwards_is_found_in_a_checkout_too(tmp_path):
    start(tmp_path)
    (tmp_path / "notes").mkdir()
    assert f'"folder": "{tmp_path}"' in deconv("status", "--json", cwd=tmp_path / "notes").stdout


def test_a_deleted_folder_is_said(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    code = (
        "import os, sys; os.chdir(sys.argv[1]); os.rmdir(sys.argv[1])\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'deconv_grader', 'check', 'conv2d'])"
    )
    shown = run("-c", code, str(gone), cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert shown.returncode == 1
    assert shown.stderr == "deconv: the current folder is not there any more; go to another one (cd)\n"
