"""``python -m deconvlib.train``: what it lists, refuses, trains, keeps and goes on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from deconv_tests.patience import PATIENCE  # noqa: E402
from deconvlib.course import command, fashion_mnist  # noqa: E402
from deconvlib.course.catalogue import COURSES_OWN, chapter_modules, exercises  # noqa: E402
from deconvlib.course.recipes import recipes  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


#: Two threads that wait for each other on a busy machine take many times as long as one.
ALONE = {"OMP_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def program(*arguments: str, cwd: Path, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deconvlib.train", *arguments],
        cwd=cwd,
        env=os.environ | {"DECONV_WORKSPACE": "none"} | ALONE,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        **options,
    )


def test_help_lists_every_name_with_its_data_and_needs_no_torch(capsys, tmp_path):
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    for recipe in recipes().values():
        assert f"{recipe.name} {recipe.about} data: {recipe.data} epochs: {recipe.epochs}" in said
    code = (
        "import sys; from deconvlib.course.command import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\nprint([m for m in ('torch', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: NAME"),
        (["faces-of-cats"], "no recipe is named 'faces-of-cats'; there are "),
        (["garments", "--epochs", "many"], "argument --epochs: invalid int value: 'many'"),
        (["garments", "--epochs", "0"], "--epochs must be at least 1, got 0"),
        (["garments", "--seed", "-1"], "--seed must be from 0 to 4294967295, got -1"),
        (["garments", "--device", "abacus"], "--device abacus: this PyTorch has no such device here"),
        (["garments", "--device", "meta"], "--device meta: nothing can be trained without memory"),
        (["garments", "--res"], "unrecognized arguments: --res"),
        (["garments", "--speed", "high"], "unrecognized arguments: --speed high"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_code_2(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert command.main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"deconvlib.train: {message}")
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_program_itself_answers_so(tmp_path):
    done = program("nothing", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("deconvlib.train: no recipe is named 'nothing'")
    assert done.stderr.count("\n") == 1


@pytest.fixture
def few(monkeypatch):
    """The garments are few, so that an epoch takes no time."""
    from deconvlib.course import data

    monkeypatch.setattr(
        data, "fashion_mnist", lambda split, source="shipped": tuple(a[::60] for a in fashion_mnist(split))
    )


def errors(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said on standard error, but for the line on an exercise that is a stub here."""
    lines = capsys.readouterr().err.splitlines(keepends=True)
    return "".join(line for line in lines if "is not written yet; the reference answer is used." not in line)


def trained(out: Path, *more: str) -> int:
    return command.main(["garments", "--epochs", "3", "--device", "cpu", "--out", str(out), *more])


def test_a_run_is_kept_and_says_what_it_does(few, capsys, tmp_path):
    out = tmp_path / "deep" / "run"
    assert trained(out) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("garments: ")
    assert lines[0].endswith(" parameters, seed 0, 3 epochs, cpu")
    assert [line.split()[1] for line in lines[1:4]] == ["1/3", "2/3", "3/3"]
    assert sorted(path.name for path in out.iterdir()) == ["history.json", "log.txt", "run.pt", "weights.pt"]
    history = json.loads((out / "history.json").read_text())
    assert {name: len(values) for name, values in history.items()} == {"loss": 3, "accuracy": 3, "test accuracy": 3}
    assert torch.load(out / "weights.pt", weights_only=True)
    assert (out / "log.txt").read_text().splitlines() == lines[:4]


def test_a_seed_decides_everything(few, tmp_path):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert trained(tmp_path / name, "--seed", seed) == 0
    a, b, c = ((tmp_path / name / "history.json").read_text() for name in "abc")
    assert a == b != c


def test_a_run_is_neither_overwritten_nor_mixed_with_another(few, capsys, tmp_path):
    assert trained(tmp_path) == 0
    kept = (tmp_path / "run.pt").read_bytes()
    capsys.readouterr()
    assert trained(tmp_path) == 2
    assert "holds a run: go on with it (--resume), or name another folder (--out)" in errors(capsys)
    assert trained(tmp_path, "--resume", "--seed", "5") == 2
    said = errors(capsys)
    assert "is of another run" in said
    assert "seed: 0 there, 5 now" in said
    assert said.count("\n") == 1
    assert (tmp_path / "run.pt").read_bytes() == kept
    (tmp_path / "run.pt").write_bytes(kept[:1000])
    assert trained(tmp_path, "--resume") == 2
    assert "is damaged" in errors(capsys)


def test_an_interrupted_run_goes_on(few, capsys, monkeypatch, tmp_path):
    assert trained(tmp_path / "whole") == 0
    from deconvlib.course import training

    write, count = training.write_checkpoint, [0]

    def interrupted(*arguments):
        write(*arguments)
        count[0] += 1
        if count[0] == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "write_checkpoint", interrupted)
    assert trained(tmp_path / "broken") == 130
    assert "Every whole epoch is kept in" in errors(capsys)
    assert trained(tmp_path / "broken", "--resume") == 0
    assert (tmp_path / "broken/history.json").read_text() == (tmp_path / "whole/history.json").read_text()
    weights = [torch.load(tmp_path / name / "weights.pt", weights_only=True) for name in ("whole", "broken")]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_what_goes_wrong_with_the_data_is_one_line(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    assert trained(tmp_path / "run", "--data", str(tmp_path)) == 2
    said = errors(capsys)
    assert "torchvision" in said
    assert said.count("\n") == 1


FEW = """
import sys
from deconvlib.course import command, data
whole = data.fashion_mnist
data.fashion_mnist = lambda split, source="shipped": tuple(part[::60] for part in whole(split))
raise SystemExit(command.main(sys.argv[1:]))
"""


def test_the_program_killed_for_real_goes_on(tmp_path):
    words = [sys.executable, "-c", FEW, "garments", "--epochs", "12", "--device", "cpu"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path, "env": os.environ | ALONE}
    subprocess.run([*words, "--out", "whole"], check=True, timeout=PATIENCE, **quiet)
    with subprocess.Popen([*words, "--out", "broken"], **quiet) as process:
        limit = time.monotonic() + PATIENCE
        while not (tmp_path / "broken/run.pt").exists() and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "broken/weights.pt").exists()
    subprocess.run([*words, "--out", "broken", "--resume"], check=True, timeout=PATIENCE, **quiet)
    histories = [(tmp_path / name / "history.json").read_text() for name in ("whole", "broken")]
    assert histories[0] == histories[1]
    assert len(json.loads(histories[0])["loss"]) == 12


def test_the_command_is_no_chapter_and_no_part_of_a_submission(tmp_path):
    from deconv_grader.answers.submission import Submission
    from deconv_grader.answers.workspace import start

    assert "train" not in [path.stem for path in chapter_modules()]
    assert "train" not in {exercise.chapter for exercise in exercises().values()}
    start(tmp_path)
    assert not (tmp_path / "deconvlib/train.py").exists()
    for name in COURSES_OWN:
        assert (ROOT / "deconvlib" / name).exists()
    (tmp_path / "deconvlib/train.py").write_bytes((ROOT / "deconvlib/train.py").read_bytes())
    (tmp_path / "deconvlib/helper.py").write_text("X = 1\n")
    chapters = {name: exercise.chapter for name, exercise in exercises().items()}
    submission = Submission.read_from(tmp_path, chapters)
    assert "helper" in submission.sources
    assert "train" not in submission.sources
    assert not [one for one in submission.ignored if "train" in one.path], "it came with the course: no word of it"


def test_it_runs_where_the_learner_works(tmp_path):
    """In a workspace deconvlib is found there first; the command is the course's."""
    from deconv_grader.answers.workspace import start

    start(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "deconvlib.train", "--help"],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "DECONV_WORKSPACE"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "garments" in done.stdout


def test_numbers_in_a_recipe_are_sound():
    for name, recipe in recipes().items():
        assert name == recipe.name
        assert recipe.epochs > 0
        assert recipe.shipped in ("", "float16", "int8", "float32")
        assert ("--data" in recipe.data) == recipe.own_data, name
    assert np.all([recipe.about and recipe.data for recipe in recipes().values()])
