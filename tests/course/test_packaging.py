"""The built wheel, installed into an empty environment: everything served, nothing generic, no torch, no Sphinx."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from deconv_tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.long


def run(*command, cwd, **environment):
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("DECONV", "PYTHONPATH"))}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    # A copy, because building leaves files beside the source.
    copy = tmp_path_factory.mktemp("source") / "course"
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in names.stdout.splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    built = run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", out, copy, cwd=out)
    assert built.returncode == 0, built.stderr
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def python(wheel, tmp_path_factory):
    """The interpreter of an environment that holds the wheel and what it asks for."""
    home = tmp_path_factory.mktemp("empty")
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    pinned = ("-c", ROOT / "constraints.txt")
    installed = run(python, "-m", "pip", "install", "--quiet", *pinned, wheel, cwd=home)
    assert installed.returncode == 0, installed.stderr
    return python


def test_the_wheel_takes_no_generic_name(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {
        "deconvlib",
        "deconv_grader",
        "deconv_solutions",
        "deconv_tests",
    }
    assert "deconvlib/course/data/photos15_256.npz" in names
    assert "deconvlib/course/stubs/convolution.py" in names, "what the exercises are"
    assert any(name.endswith("explorers/convolution.mjs") for name in names)
    assert {"deconvlib/train.py", "deconvlib/course/recipes/classification.py"} <= set(names)
    assert {"deconvlib/course/weights/weights.toml", "deconvlib/course/weights/garments.npz"} <= set(names)


def test_a_reader_of_part_one_gets_no_torch_and_no_sphinx(python, tmp_path):
    listed = run(python, "-m", "pip", "list", "--format", "json", cwd=tmp_path)
    names = {entry["name"].lower() for entry in json.loads(listed.stdout)}
    assert "deconvlib" in names
    assert not names & {"torch", "sphinx", "jupyter-book", "scikit-image"}


def test_every_function_of_part_one_is_served(python, tmp_path):
    code = (
        "import deconvlib, numpy as np\n"
        "from deconvlib.course.catalogue import exercises\n"
        "from deconvlib.course.exercise import reference\n"
        "part = [e for e in exercises().values() if e.number <= 6]\n"
        "assert part\n"
        "for e in part: assert callable(getattr(deconvlib, e.name)) and callable(reference(e.id)), e\n"
        "print(deconvlib.conv2d(np.ones((1, 1, 3, 4)), np.ones((1, 1, 2, 2))).tolist())\n"
        "print(deconvlib.course.photograph('chelsea').shape)\n"
    )
    shown = run(python, "-c", code, cwd=tmp_path)
    assert shown.stdout.splitlines() == ["[[[[4.0, 4.0, 4.0], [4.0, 4.0, 4.0]]]]", "(256, 256, 3)"], shown.stderr
    assert shown.stderr.strip() == "conv2d is not written yet; the reference answer is used."


def test_the_command_that_trains_asks_for_torch_in_words(python, tmp_path):
    shown = run(python, "-m", "deconvlib.train", "--help", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    refused = run(python, "-m", "deconvlib.train", "garments", cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr == "deconvlib.train: training needs PyTorch: pip install 'deconvlib[torch]'\n"
    assert list(tmp_path.iterdir()) == []


def test_a_workspace_is_picked_up_graded_and_left_alone(python, tmp_path):
    deconv = python.parent / "deconv"
    assert "There is no workspace here" in run(deconv, cwd=tmp_path).stdout
    started = run(deconv, "start", "mine", cwd=tmp_path)
    assert started.returncode == 0, started.stderr
    module = tmp_path / "mine" / "deconvlib" / "convolution.py"
    stub = module.read_text()
    at = stub.index("raise NotImplementedError", stub.index("def conv_output_size"))
    module.write_text(stub[:at] + "return 41" + stub[at + len("raise NotImplementedError") :])
    run(deconv, "start", "mine", cwd=tmp_path)
    assert "return 41" in module.read_text(), "a second start overwrites nothing"
    (tmp_path / "file").write_text("")
    refused = run(deconv, "start", "file", cwd=tmp_path)
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    checked = run(deconv, "check", "conv_output_size", cwd=tmp_path / "mine")
    assert "✗ conv_output_size" in checked.stdout, checked.stderr
    code = "from deconvlib import conv_output_size; print(conv_output_size(5, 3))"
    assert run(python, "-c", code, cwd=tmp_path / "mine").stdout.strip() == "41"
    assert run(python, "-c", code, cwd=tmp_path).stdout.strip() == "3"
    assert run(python, "-c", code, cwd=tmp_path, DECONV_WORKSPACE=str(tmp_path / "mine")).stdout.strip() == "41"
