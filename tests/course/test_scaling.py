"""Training by flags: precision, layout, recomputation; and in several processes, of which one may die."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from deconv_tests.patience import PATIENCE  # noqa: E402
from deconvlib.course import command, fashion_mnist  # noqa: E402
from deconvlib.course.devices import MemoryLedger  # noqa: E402
from deconvlib.course.folders import FolderError  # noqa: E402
from deconvlib.course.recipes import Options, Run, recipes  # noqa: E402
from deconvlib.course.scaling import Processes, Speed, accelerate, recompute  # noqa: E402
from deconvlib.course.training import GradientStep, fit, minibatches  # noqa: E402


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# Every recipe, two steps


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> list[Path]:
    """Somebody's own data, very little of it, in each layout that a recipe may ask for."""
    from PIL import Image

    rng = np.random.default_rng(0)

    def picture(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (100, 104, 3), dtype=np.uint8)).save(path)

    def mask(path: Path, classes: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, classes, (100, 104), dtype=np.uint8)).save(path)

    pictures, voc = tmp_path_factory.mktemp("pictures"), tmp_path_factory.mktemp("voc")
    for name in ("a", "b"):
        picture(pictures / f"{name}.png")
        picture(voc / "JPEGImages" / f"{name}.jpg")
        mask(voc / "SegmentationClass" / f"{name}.png", 3)
    for split in ("train", "val", "trainval"):
        sets = voc / "ImageSets" / "Segmentation"
        sets.mkdir(parents=True, exist_ok=True)
        (sets / f"{split}.txt").write_text("a\nb\n")
    return [pictures, voc]


def prepared(name: str, folders: list[Path]) -> Run:
    """A recipe's run, on the first folder that it takes; on what is shipped if it takes none."""
    recipe = recipes()[name]
    for data in [*(folders if recipe.own_data else ()), None]:
        torch.manual_seed(0)
        try:
            return recipe.prepare(Options(epochs=1, seed=0, device=torch.device("cpu"), data=data))
        except (FolderError, ModuleNotFoundError):
            continue
    raise AssertionError(f"{name} takes no data")


def cut(batch, count=2):
    """The first pictures of a batch."""
    if isinstance(batch, torch.Tensor):
        return batch[:count]
    return type(batch)(cut(part, count) for part in batch)


def two_steps(run: Run) -> dict[str, float]:
    def batches(generator):
        return map(cut, itertools.islice(run.batches(generator), 2))

    return {
        key: values[0]
        for key, values in fit(
            run.step, batches, 1, generator=torch.Generator().manual_seed(0), state=run.state
        ).items()
    }


#: Those at full size on a public data set, which nobody ships, need the reader's own files.
SHIPPED = sorted(name for name, recipe in recipes().items() if not recipe.data.startswith("none shipped"))


@pytest.mark.parametrize("name", SHIPPED)
def test_two_steps_of_every_recipe(name, folders):
    run = prepared(name, folders)
    before = [parameter.detach().clone() for parameter in run.model.parameters()]
    found = two_steps(run)
    assert found
    assert all(np.isfinite(value) for value in found.values()), found
    assert any(not torch.equal(a, b) for a, b in zip(before, run.model.parameters(), strict=True)), "it learned nothing"


ORDINARY = ("garments", "denoise-25", "fsrcnn-2", "diffusion")


@pytest.mark.parametrize("name", [name for name in sorted(recipes()) if name.startswith(ORDINARY)])
def test_two_steps_with_every_flag(name, folders):
    plain = two_steps(prepared(name, folders))
    run = prepared(name, folders)
    accelerate(run, Speed(amp="bfloat16", channels_last=True, recompute=True))
    fast = two_steps(run)
    assert fast.keys() == plain.keys()
    assert fast["loss"] == pytest.approx(plain["loss"], rel=0.1), "bfloat16 keeps two to three digits"
    assert fast["loss"] != plain["loss"]


# Flags


def small():
    torch.manual_seed(0)
    block = [nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1)) for _ in range(3)]
    return nn.Sequential(*block, nn.Conv2d(4, 1, 1)), torch.randn(2, 4, 8, 8)


def test_what_is_computed_again_is_the_same_and_takes_less_memory():
    def kept(model, x):
        with MemoryLedger() as ledger:
            model(x).sum().backward()
        return ledger.peak, [parameter.grad.clone() for parameter in model.parameters()]

    (plain, x), (again, _) = small(), small()
    assert recompute(again) == ["0", "1", "2"]
    (memory, gradients), (less, same) = kept(plain, x), kept(again, x)
    assert all(map(torch.equal, gradients, same))
    assert less < memory
    with torch.no_grad():
        assert torch.equal(plain(x), again(x))


def test_what_draws_is_not_computed_again():
    class Draws(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, x, generator):
            return self.weight * torch.randn(x.shape, generator=generator)

    model = Draws()
    recompute(model)
    with pytest.raises(ValueError, match="would draw anew"):
        model(torch.ones(2), torch.Generator())


def test_flags_reach_the_step(monkeypatch):
    model, x = small()
    compiled = []

    def compiling(module):
        compiled.append(module)
        return module

    monkeypatch.setattr(torch, "compile", compiling)
    step = GradientStep(
        model, lambda model, batch: model(batch).square().mean(), torch.optim.SGD(model.parameters(), 0.1)
    )
    run = Run(model=model, step=step, batches=minibatches(x, size=2), state={**step.state})
    accelerate(run, Speed(amp="float16", channels_last=True, compiled=True, recompute=True))
    assert step.settings["amp_dtype"] == "torch.float16"
    assert step.scaler.is_enabled()
    assert run.state is not None
    assert run.state["scaler"] is step.scaler
    assert compiled == [model]
    assert model[0][0].weight.is_contiguous(memory_format=torch.channels_last)


def test_a_step_of_its_own_takes_no_flags(capsys, tmp_path):
    out = str(tmp_path / "run")
    assert (
        command.main(["gan", "--epochs", "1", "--device", "cpu", "--out", out, "--amp", "bfloat16", "--compile"]) == 2
    )
    said = [line for line in capsys.readouterr().err.splitlines() if "is not written yet" not in line]
    assert said == ["deconvlib.train: this model has a step of its own, which takes no --amp, --compile"]


# Several processes

FEW = """
import sys
from deconvlib.course import command, data
whole = data.fashion_mnist
data.fashion_mnist = lambda split, source="shipped": tuple(part[::61] for part in whole(split))
if __name__ == "__main__":
    raise SystemExit(command.main(sys.argv[1:]))
"""
EPOCHS = 12
WORDS = ["garments", "--epochs", str(EPOCHS), "--device", "cpu", "--out"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "DECONV_WORKSPACE": "none"}


def history(folder: Path) -> dict[str, list[float]]:
    return json.loads((folder / "history.json").read_text())


def close(one: dict[str, list[float]], other: dict[str, list[float]]) -> None:
    """Of one run, but for rounding: which adds up over the epochs, and may turn an answer round."""
    assert one.keys() == other.keys()
    np.testing.assert_allclose(one["loss"], other["loss"], rtol=2e-3)
    np.testing.assert_allclose(one["loss"][0], other["loss"][0], rtol=1e-5)
    np.testing.assert_allclose(one["accuracy"], other["accuracy"], atol=0.02)


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> dict[str, list[float]]:
    """The run of one process. 197 pictures: the last batch is odd, so two processes have unequal shares of it."""
    folder = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        from deconvlib.course import data

        patch.setattr(
            data, "fashion_mnist", lambda split, source="shipped": tuple(a[::61] for a in fashion_mnist(split))
        )
        assert command.main([*WORDS, str(folder)]) == 0
    found = history(folder)
    assert len(found["loss"]) == EPOCHS
    return found


@pytest.mark.long
def test_two_processes_of_half_the_batch_make_the_run_of_one(alone, tmp_path):
    (tmp_path / "few.py").write_text(FEW)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
            *("few.py", *WORDS, "run"),
        ],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert lines[0].endswith(", cpu, 2 processes")
    assert len(lines) == EPOCHS + 2, "one process speaks"
    close(history(tmp_path / "run"), alone)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.long
def test_when_one_dies_the_other_says_so_and_the_checkpoint_goes_on(alone, tmp_path):
    (tmp_path / "few.py").write_text(FEW)
    words = [sys.executable, "few.py", *WORDS, "run"]
    meeting = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    processes = [
        subprocess.Popen(
            words,
            cwd=tmp_path,
            env=ENVIRONMENT | meeting | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    limit = time.monotonic() + PATIENCE
    while not (tmp_path / "run/run.pt").exists() and time.monotonic() < limit:
        assert all(process.poll() is None for process in processes)
        time.sleep(0.01)
    processes[1].send_signal(signal.SIGKILL)
    _, said = processes[0].communicate(timeout=PATIENCE)
    processes[1].communicate(timeout=PATIENCE)
    assert processes[0].returncode == command.ENDED_ELSEWHERE, said[-2000:]
    (line,) = [line for line in said.splitlines() if line.startswith("deconvlib.train: ")]
    assert line.startswith("deconvlib.train: another process of this run has ended, so process 0 of 2 ends too (")
    assert line.endswith("Every whole epoch is kept in run/run.pt; go on with --resume.")
    assert not (tmp_path / "run/weights.pt").exists()
    # It goes on with one process as well as with two.
    done = subprocess.run(
        [*words, "--resume"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(done.stdout.splitlines()) < EPOCHS + 2, "some epochs were done before"
    close(history(tmp_path / "run"), alone)


def test_a_share_of_a_batch():
    from deconvlib.course.scaling import _taken

    x = torch.arange(5)
    assert _taken((x, {"a": x + 1}), range(1, 5, 2))[0].tolist() == [1, 3]
    assert _taken((x, {"a": x + 1}), range(1, 5, 2))[1]["a"].tolist() == [2, 4]
    assert Processes().count == 1
    assert Processes().first
