"""The training loop: what it measures, and runs that go on after a SIGKILL as if nothing had happened."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from deconvlib.course.checkpoints import CheckpointError, read_checkpoint, write_checkpoint  # noqa: E402
from deconvlib.course.training import GradientStep, fit, minibatches, to_device, warmup_cosine  # noqa: E402

EPOCHS, BATCHES = 4, 3

# A run in which everything draws: the order, augmentation, dropout, NumPy and Python; with a schedule and an average.
# Children are forked, so that torch is imported once; each is killed by itself where its arguments say.
PROGRAM = f"""
import hashlib, json, os, random, signal, sys
import numpy as np, torch
from torch import nn
torch.set_num_threads(1)
from deconvlib.course import checkpoints
from deconvlib.course.training import GradientStep, fit, minibatches, warmup_cosine

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def run(checkpoint, moment, result):
    torch.manual_seed(5); np.random.seed(6); random.seed(7)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.Conv2d(4, 1, 3, padding=1))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    own = np.random.default_rng(8)
    ordinary = GradientStep(model, lambda m, x: (m(x) - x).square().mean(), optimizer,
                            warmup_cosine(optimizer, {EPOCHS * BATCHES}), average, clip=0.5)
    seen = [0]
    def step(batch):
        if moment == f"batch {{seen[0]}}":
            die()
        seen[0] += 1
        return ordinary(batch * (1 + 0.01 * np.random.rand() + 0.01 * random.random() + 0.01 * own.random()))
    step.settings = ordinary.settings
    replace = os.replace
    def broken(*names):
        written[0] += 1
        if moment == f"before name {{written[0]}}":
            die()
        replace(*names)
        if moment == f"after name {{written[0]}}":
            die()
    written = [0]
    os.replace = broken
    def torn(number):
        synced[0] += 1
        if moment == f"torn {{synced[0]}}":
            path = checkpoint + ".part"
            os.truncate(path, os.path.getsize(path) // 2)
            die()
        sync(number)
    synced, sync = [0], os.fsync
    os.fsync = torn
    def noisy(x, generator):
        return x + 0.1 * torch.randn(x.shape, generator=generator)
    images = torch.rand({BATCHES * 4 - 1}, 1, 6, 5, generator=torch.Generator().manual_seed(1))
    history = fit(step, minibatches(images, size=4, augment=noisy), {EPOCHS}, generator=torch.Generator().manual_seed(2),
                  state=ordinary.state | {{"own": own}}, checkpoint=checkpoint, resume=True,
                  evaluate=lambda: {{"test": (average(images) - images).square().mean()}})
    digest = hashlib.sha256()
    for part in (model, average):
        for value in part.state_dict().values():
            digest.update(value.numpy().tobytes())
    digest.update(repr((torch.rand(3).tolist(), np.random.rand(), random.random(), own.random())).encode())
    open(result, "w").write(json.dumps({{"history": history, "digest": digest.hexdigest()}}))

torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])  # the first one imports what takes seconds
for line in sys.stdin:
    checkpoint, moment, result = json.loads(line)
    child = os.fork()
    if child == 0:
        try:
            run(checkpoint, moment, result)
            os._exit(0)
        finally:
            os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
MOMENTS = [
    *(f"batch {index}" for index in range(EPOCHS * BATCHES)),
    *(f"{what} {index}" for what in ("before name", "after name") for index in (1, 2, EPOCHS)),
    *(f"torn {2 * index - 1}" for index in (1, 2, EPOCHS)),  # a file is synced first, then its folder
]


@pytest.fixture(autouse=True)
def _one_thread():
    """Two threads that wait for each other on a busy machine take many times as long as one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def runner():
    if not hasattr(os, "fork"):
        pytest.skip("this machine has no fork")
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def run(checkpoint: Path, moment: str = "", result: Path | None = None) -> int:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps([str(checkpoint), moment, str(result or checkpoint) + ".json"]) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    yield run
    process.communicate()


@pytest.fixture(scope="module")
def whole(runner, tmp_path_factory):
    """The run that nobody interrupted."""
    path = tmp_path_factory.mktemp("whole") / "run.pt"
    assert runner(path) == 0
    return json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))


def test_a_run_has_what_a_resumed_one_is_compared_by(whole):
    assert set(whole["history"]) == {"loss", "test"}
    assert all(len(values) == EPOCHS for values in whole["history"].values())
    assert whole["history"]["loss"][-1] < whole["history"]["loss"][0]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_killed_at_any_moment_ends_with_the_same_numbers(runner, whole, tmp_path, moment):
    path = tmp_path / "run.pt"
    killed = runner(path, moment)
    assert killed == -9
    assert not Path(f"{path}.json").exists()
    assert runner(path) == 0
    assert json.loads(Path(f"{path}.json").read_text(encoding="utf-8")) == whole


def test_a_run_killed_again_and_again_ends_with_the_same_numbers(runner, whole, tmp_path):
    path = tmp_path / "run.pt"
    for _ in range(EPOCHS):
        assert runner(path, f"batch {BATCHES + 1}") in (-9, 0)
    assert runner(path) == 0
    assert json.loads(Path(f"{path}.json").read_text(encoding="utf-8")) == whole


def test_a_finished_run_is_not_trained_again(runner, whole, tmp_path):
    path = tmp_path / "run.pt"
    assert runner(path) == 0
    assert runner(path, "batch 0", tmp_path / "again") == 0
    assert json.loads((tmp_path / "again.json").read_text()) == whole


# ---- in this process ---------------------------------------------------------------------------------------------------------


def small(seed: int = 0, width: int = 3, rate: float = 0.1) -> GradientStep:
    torch.manual_seed(seed)
    model = nn.Linear(2, width)
    return GradientStep(
        model, lambda m, x: m(x).square().mean(), torch.optim.SGD(model.parameters(), rate, momentum=0.5)
    )


def generator(seed: int = 0):
    return torch.Generator().manual_seed(seed)


X = torch.arange(20.0).reshape(10, 2) / 20


def trained(path: Path, **change):
    step = small(**{key: change.pop(key) for key in ("seed", "width", "rate") if key in change})
    given = {"epochs": 2, "generator": generator(), "checkpoint": path} | change
    return fit(step, minibatches(X, size=4), given.pop("epochs"), **given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 4}, r"model.bias: \(3,\) torch.float32 there, \(4,\) torch.float32 now"),
        ({"rate": 0.2}, "optimizer.0.lr: 0.1 there, 0.2 now"),
        ({"epochs": 3}, "epochs: 2 there, 3 now"),
        ({"generator": generator(4)}, "generator.seed: 0 there, 4 now"),
        ({"settings": {"data": "faces"}}, "data: nothing there, 'faces' now"),
        ({"state": {}}, "model: Linear there, nothing now"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_in_words(tmp_path, change, message):
    path = tmp_path / "run.pt"
    trained(path)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=f"run.pt is of another run .*{message}"):
        trained(path, resume=True, **change)
    assert path.read_bytes() == before, "nothing is lost"


def test_a_run_is_not_overwritten(tmp_path):
    path = tmp_path / "run.pt"
    trained(path)
    with pytest.raises(FileExistsError, match=r"run\.pt holds a run: pass resume=True"):
        trained(path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: b"", "is no checkpoint of this course"),
        (lambda data: b"PK\x03\x04 something else", "is no checkpoint of this course"),
        (lambda data: data[: len(data) // 2], "is damaged"),
        (lambda data: data[:30], "is damaged"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "is damaged"),
    ],
)
def test_a_torn_or_foreign_file_is_refused_in_words(tmp_path, spoil, message):
    path = tmp_path / "run.pt"
    trained(path)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(CheckpointError, match=message):
        trained(path, resume=True)


def test_a_disk_that_is_full_costs_no_earlier_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    fit(small(), minibatches(X, size=4), 2, generator=generator(), checkpoint=path)
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_checkpoint(path, {"epoch": 9})
    assert path.read_bytes() == before


def test_a_checkpoint_holds_no_code_and_can_be_read(tmp_path):
    path = tmp_path / "run.pt"
    history = trained(path)
    content = read_checkpoint(path)
    assert (content["epoch"], content["history"]) == (2, history)
    assert content["state"]["model"]["weight"].shape == (3, 2)


def test_only_the_process_that_writes_writes(tmp_path):
    trained(tmp_path / "run.pt", writes=False)
    assert list(tmp_path.iterdir()) == []


def test_two_optimizers_in_one_checkpoint(tmp_path):
    """A GAN's step: a function of a batch, and state that names all that it moves."""

    def run(epochs_now: int, path: Path):
        torch.manual_seed(0)
        draws = generator(1)
        parts = {"generator_net": nn.Linear(2, 2), "critic": nn.Linear(2, 1)}
        moves = {name: torch.optim.Adam(part.parameters(), 0.01) for name, part in parts.items()}
        calls = [0]

        def step(real):
            calls[0] += 1
            if calls[0] > 3 * epochs_now:
                raise KeyboardInterrupt
            fake = parts["generator_net"](torch.randn(real.shape, generator=draws))
            critic = parts["critic"]
            d = nn.functional.softplus(-critic(real)).mean() + nn.functional.softplus(critic(fake.detach())).mean()
            moves["critic"].zero_grad()
            d.backward()
            moves["critic"].step()
            g = nn.functional.softplus(-critic(fake)).mean()
            moves["generator_net"].zero_grad()
            g.backward()
            moves["generator_net"].step()
            return {"critic": d, "generator_net": g}

        state = parts | {f"adam of {name}": move for name, move in moves.items()} | {"draws": draws}
        history = fit(step, minibatches(X, size=4), 4, generator=generator(), state=state, checkpoint=path, resume=True)
        return history, [value.clone() for part in parts.values() for value in part.parameters()]

    history, weights = run(4, tmp_path / "whole.pt")
    with pytest.raises(KeyboardInterrupt):
        run(2, tmp_path / "broken.pt")
    history_again, weights_again = run(4, tmp_path / "broken.pt")
    assert history == history_again
    assert all(torch.equal(a, b) for a, b in zip(weights, weights_again, strict=True))


def test_a_data_loader_goes_on_too(tmp_path):
    def run(epochs_now: int, path: Path):
        torch.manual_seed(3)
        step = small(3)
        loader = torch.utils.data.DataLoader(X, batch_size=4, shuffle=True)
        order: list[float] = []

        def watched(batch):
            if len(order) >= 10 * epochs_now:
                raise KeyboardInterrupt
            order.extend(batch[:, 0].tolist())
            return step(batch)

        history = fit(watched, loader, 4, generator=generator(), state=step.state, checkpoint=path, resume=True)
        return history, order

    history, order = run(4, tmp_path / "whole.pt")
    with pytest.raises(KeyboardInterrupt):
        run(3, tmp_path / "broken.pt")
    again, last = run(4, tmp_path / "broken.pt")
    assert again == history
    assert last == order[30:]


def test_the_history_holds_means_of_the_batches_and_what_is_evaluated():
    step = small()
    seen = []

    def watched(batch):
        numbers = step(batch) | {"size": len(batch)}
        seen.append(float(torch.as_tensor(numbers["loss"]).detach()))
        assert step.model.training
        return numbers

    def evaluate():
        assert not step.model.training
        assert not torch.is_grad_enabled()
        return {"answer": 42}

    history = fit(watched, minibatches(X, size=4), 2, generator=generator(), state=step.state, evaluate=evaluate)
    assert history["loss"] == pytest.approx([sum(seen[:3]) / 3, sum(seen[3:]) / 3])
    assert history["size"] == pytest.approx([10 / 3, 10 / 3])
    assert history["answer"] == [42, 42]
    assert not step.model.training


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_numbers_that_are_not_finite_stop_the_run_before_they_are_kept(tmp_path, bad):
    path = tmp_path / "run.pt"
    calls = [0]

    def step(batch):
        calls[0] += 1
        return {"loss": bad if calls[0] > 3 else 1.0}

    with pytest.raises(FloatingPointError, match=r"epoch 2: loss is (nan|inf)"):
        fit(step, minibatches(X, size=4), 3, generator=generator(), state={}, checkpoint=path)
    assert read_checkpoint(path)["epoch"] == 1


def test_batches_that_are_used_up_are_refused():
    step = small()
    with pytest.raises(ValueError, match="an epoch has no batches"):
        fit(step, iter([X]), 2, generator=generator())


def test_minibatches_hold_everything_once_in_an_order_of_the_generators():
    epoch = minibatches(X, torch.arange(10), size=4)
    one, same, other = ([b[1].tolist() for b in epoch(generator(seed))] for seed in (1, 1, 2))
    assert [len(batch) for batch in one] == [4, 4, 2]
    assert sorted(index for batch in one for index in batch) == list(range(10))
    assert one == same != other
    for x, index in epoch(generator()):
        assert torch.equal(x, X[index])
    assert [len(x) for x in minibatches(X, size=4, shuffle=False)(generator())] == [4, 4, 2]
    with pytest.raises(ValueError, match="equally many"):
        minibatches(X, torch.arange(9), size=4)


def test_augmentation_draws_from_the_generator():
    epoch = minibatches(X, size=10, augment=lambda x, g: x + torch.rand(1, generator=g), shuffle=False)
    shifts = [float((next(iter(epoch(generator(seed)))) - X).mean()) for seed in (1, 1, 2)]
    assert shifts[0] == shifts[1] != shifts[2]


def test_the_gradient_is_clipped():
    step = small(rate=1.0)
    step.optimizer.param_groups[0]["momentum"] = 0
    step.clip = 0.01
    before = [value.clone() for value in step.model.parameters()]
    step(X)
    moved = [(a - b).flatten() for a, b in zip(before, step.model.parameters(), strict=True)]
    assert torch.cat(moved).norm().item() == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_computes_in_it_and_keeps_the_weights(dtype):
    seen = []
    torch.manual_seed(0)
    model = nn.Linear(2, 3)

    def loss(m, x):
        y = m(x)
        seen.append(y.dtype)
        return y.float().square().mean()

    step = GradientStep(model, loss, torch.optim.SGD(model.parameters(), 0.1), amp_dtype=dtype)
    assert "scaler" in step.state
    assert step.scaler.is_enabled() == (dtype is torch.float16)
    history = fit(step, minibatches(X, size=5), 4, generator=generator())
    assert set(seen) == {dtype}
    assert model.weight.dtype is torch.float32
    assert history["loss"][-1] < history["loss"][0]


def test_the_rate_rises_then_falls_as_a_cosine():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 2.0)
    scheduler = warmup_cosine(optimizer, 100, warmup=0.1)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == rates[9] == pytest.approx(2.0)
    assert rates[55] == pytest.approx(1.0)
    assert 0 <= rates[-1] < 0.01


def test_a_batch_of_any_form_is_moved():
    batch = {"x": torch.ones(2), "y": [torch.ones(1), "name"], "z": (torch.ones(1),)}
    moved = to_device(batch, "meta")
    assert moved["x"].device.type == moved["y"][0].device.type == moved["z"][0].device.type == "meta"
    assert moved["y"][1] == "name"


def test_a_bar_is_shown_when_it_is_asked_for_and_else_only_on_a_terminal(capsys):
    pytest.importorskip("tqdm")
    fit(small(), minibatches(X, size=4), 2, generator=generator())
    assert capsys.readouterr().err == ""
    fit(small(), minibatches(X, size=4), 2, generator=generator(), progress=True)
    assert "2/2" in capsys.readouterr().err


def test_python_and_numpy_generators_are_kept(tmp_path):
    def run(calls_until, path):
        own, numbers = random.Random(1), np.random.Generator(np.random.MT19937(2))
        calls, drawn = [0], []

        def step(batch):
            calls[0] += 1
            if calls[0] > calls_until:
                raise KeyboardInterrupt
            drawn.append((own.random(), numbers.random()))
            return {"loss": 0.0}

        state = {"own": own, "numbers": numbers}
        fit(step, minibatches(X, size=10), 3, generator=generator(), state=state, checkpoint=path, resume=True)
        return drawn

    whole = run(3, tmp_path / "a.pt")
    with pytest.raises(KeyboardInterrupt):
        run(1, tmp_path / "b.pt")
    assert run(3, tmp_path / "b.pt") == whole[1:]
