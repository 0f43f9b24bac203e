"""`deconv new-autograder`: the zip for Gradescope, unpacked and run as the service would, as far as that goes here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from deconv_grader.grading.autograder import requirements, write_autograder
from deconv_tests.patience import PATIENCE
from deconvlib.course.catalogue import exercises

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
TITLE = "A title that only this copy of the course has"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What stands in the place of /autograder, with the zip unpacked in it."""
    place = tmp_path / "a folder" / "autograder"
    (place / "submission").mkdir(parents=True)
    write_autograder(tmp_path / "auto.zip", [exercises()["conv_output_size"], exercises()["insert_zeros"]])
    with zipfile.ZipFile(tmp_path / "auto.zip") as archive:
        for info in archive.infolist():
            path = Path(archive.extract(info, place / "source"))
            path.chmod(info.external_attr >> 16 or 0o644)
    module = place / "source" / "course" / "deconvlib" / "course" / "stubs" / "convolution.py"
    module.write_text(
        module.read_text(encoding="utf-8").replace('title="Output size"', f'title="{TITLE}"'), encoding="utf-8"
    )
    return place


def autograde(root: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "DECONV_WORKSPACE")}
    return subprocess.run(
        [str(root / "source" / "run_autograder")],
        cwd="/",
        env=environment | {"AUTOGRADER_ROOT": str(root), "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def results(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "results" / "results.json").read_text(encoding="utf-8"))
    return found


def test_a_submission_is_graded_by_the_course_in_the_zip(root: Path, make_submission: Callable[..., Path]) -> None:
    handed_in = make_submission("ann", conv_output_size="solved", insert_zeros="    return y\n")
    shutil.move(handed_in, root / "submission" / "repo-main")
    shown = autograde(root)
    assert shown.returncode == 0, shown.stderr
    found = results(root)
    assert found["tests"][0]["name"] == f"conv_output_size: {TITLE}"
    assert [test["status"] for test in found["tests"]] == ["passed", "failed"]
    assert found["score"] == exercises()["conv_output_size"].points


@pytest.mark.parametrize("files", [{}, {"hw.ipynb": "no notebook"}, {"essay.pdf": "%PDF"}], ids=str)
def test_what_cannot_be_read_gets_a_result_that_says_why(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / "submission" / name).write_text(text)
    shown = autograde(root)
    assert shown.returncode == 0, shown.stderr
    found = results(root)
    assert found["score"] == 0
    assert "has no deconvlib/" in found["output"]
    assert all(name in found["output"] for name in files)


def test_a_machine_that_cannot_grade_gives_no_score(root: Path) -> None:
    script = root / "source" / "run_autograder"
    script.write_text(script.read_text().replace("--only conv_output_size", "--only nothing_of_that_name"))
    shown = autograde(root)
    assert shown.returncode == 2
    assert "nothing_of_that_name" in shown.stderr
    assert not (root / "results" / "results.json").exists()


def test_the_set_up_finds_a_python_makes_an_environment_and_installs_what_is_pinned(root: Path, tmp_path: Path) -> None:
    """With a stand-in for pip: what it is asked for is looked at, not fetched."""
    asked = tmp_path / "asked"
    (tmp_path / "hooks" / "pip").mkdir(parents=True)
    (tmp_path / "hooks" / "pip" / "__init__.py").touch()
    (tmp_path / "hooks" / "pip" / "__main__.py").write_text(
        f"import pathlib, sys\npathlib.Path({str(asked)!r}).write_text('\\n'.join(sys.argv[1:]))\n"
    )
    script = root / "source" / "setup.sh"
    shown = subprocess.run(
        [str(script)],
        env=os.environ
        | {"AUTOGRADER_ROOT": str(root), "PYTHON": sys.executable, "PYTHONPATH": str(tmp_path / "hooks")},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert (root / "venv" / "bin" / "python").exists()
    assert asked.read_text().split("\n") == ["install", "--quiet", "--requirement", f"{root}/source/requirements.txt"]


def test_requirements_are_pinned_at_what_is_installed() -> None:
    lines = dict(line.split("==") for line in requirements())
    for name in ("numpy", "pytest", "hypothesis", "typer", "pluggy"):
        assert lines[name] == metadata.version(name)
    assert "torch" not in lines
    with_torch = dict(line.split("==") for line in requirements(["torch"]))
    assert with_torch["torch"] == metadata.version("torch").partition("+")[0]
    assert set(lines) <= set(with_torch)
