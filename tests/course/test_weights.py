"""Shipped weights: small, verified, and each with the command, the seed and the log that made it."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from deconvlib.course import data, explorers, weights  # noqa: E402
from deconvlib.course.recipes import recipes  # noqa: E402
from deconvlib.course.weights import load_weights, pack, restore, table, unpack  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


def network(width: int = 4) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.ConvTranspose2d(width, 2, 4), nn.PReLU())


@pytest.mark.parametrize(("kind", "tolerance"), [("float32", 0), ("float16", 5e-4), ("int8", 4e-3)])
def test_weights_come_back_close(kind, tolerance):
    state = network().state_dict()
    back = unpack(pack(state, kind))
    assert list(back) == list(state)
    for name, value in state.items():
        assert back[name].dtype == value.dtype
        assert back[name].shape == value.shape
        assert (back[name] - value).abs().max() <= tolerance * value.abs().max()
    network().load_state_dict(back)


def test_a_kind_is_as_small_as_it_says():
    state = nn.Conv2d(32, 32, 3).state_dict()
    sizes = {kind: sum(array.nbytes for array in pack(state, kind).values()) for kind in weights.KINDS}
    assert sizes["float16"] == sizes["float32"] / 2
    assert sizes["int8"] < sizes["float32"] / 3.8


@pytest.mark.parametrize("kind", ["float16", "int8"])
def test_zeros_and_scalars_come_back(kind):
    state = {
        "zeros": torch.zeros(3, 2),
        "scalar": torch.tensor(0.5),
        "count": torch.tensor(7),
        "none": torch.zeros(0, 3),
    }
    back = unpack(pack(state, kind))
    for name, value in state.items():
        assert torch.equal(back[name], value)


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (float("nan"), "int8", "w holds a number that is not finite"),
        (float("inf"), "float16", "w holds a number that is not finite"),
        (1e5, "float16", r"w holds 1e\+05, too large for float16"),
        (1.0, "int4", "kind must be one of float32, float16, int8, got 'int4'"),
    ],
)
def test_what_cannot_be_packed_is_refused(value, kind, message):
    with pytest.raises(ValueError, match=message):
        pack({"w": torch.full((2, 2), value)}, kind)


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """One network, shipped in a folder of this test."""
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    arrays: dict[str, Any] = dict(pack(network().state_dict()))
    np.savez(tmp_path / "small.npz", **arrays)
    digest = hashlib.sha256((tmp_path / "small.npz").read_bytes()).hexdigest()
    monkeypatch.setattr(weights, "table", lambda: {"small": {"sha256": digest}})
    return tmp_path / "small.npz"


def test_restored_weights_are_in_the_module(shipped):
    module = restore(network().train(), "small")
    assert not module.training
    assert torch.equal(module.get_parameter("0.weight"), load_weights("small")["0.weight"])


def test_another_build_is_refused_in_words(shipped):
    with pytest.raises(
        ValueError, match=r"the weights 'small' do not fit this Sequential: 0.bias is \(4,\) there, \(5,\) here"
    ):
        restore(network(5), "small")
    with pytest.raises(ValueError, match=r"do not fit this Linear: 0.bias is \(4,\) there, nothing here"):
        restore(nn.Linear(1, 1), "small")


def test_a_name_that_is_not_shipped(shipped):
    with pytest.raises(KeyError, match="no weights are named 'large'; there are small"):
        load_weights("large")


def test_damaged_and_missing_weights_are_refused(shipped):
    contents = shipped.read_bytes()
    shipped.write_bytes(contents[:-1] + bytes([contents[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"small\.npz is damaged: sha256 .* run `make weights`"):
        load_weights("small")
    shipped.unlink()
    with pytest.raises(FileNotFoundError, match=r"small\.npz is missing; reinstall"):
        load_weights("small")


# ---- what is shipped -----------------------------------------------------------------------------------------------------------


def test_every_recipe_that_is_shipped_has_weights_and_the_reverse():
    assert set(table()) == {name for name, recipe in recipes().items() if recipe.shipped}
    there = {path.stem for path in weights.FOLDER.glob("*.npz")} | {path.stem for path in weights.FOLDER.glob("*.log")}
    assert there == set(table())


@pytest.mark.parametrize("name", sorted(table()))
def test_shipped_weights_tell_how_they_came_about(name):
    facts = table()[name]
    recipe = recipes()[name]
    assert facts["command"] == f"python -m deconvlib.train {name} --seed {facts['seed']} --device cpu"
    assert (facts["kind"], facts["epochs"]) == (recipe.shipped, recipe.epochs)
    log = (weights.FOLDER / facts["log"]).read_text()
    assert f"seed {facts['seed']}, {facts['epochs']} epochs" in log
    assert re.search(rf"^epoch +{facts['epochs']}/{facts['epochs']} ", log, re.MULTILINE)
    times = re.findall(r"  (\d+\.\d) s(?:  cpu (\d+\.\d) s)?$", log, re.MULTILINE)
    assert facts["minutes"] == round(sum(float(wall) for wall, _ in times) / 60, 1) > 0
    told = [float(cpu) for _, cpu in times if cpu]  # the oldest logs do not tell the processor's time
    assert facts.get("processor_minutes", 0) == round(sum(told) / 60, 1)
    assert facts["machine"].endswith(" cores")
    for result, value in facts["result"].items():
        assert f"{result} {value:.5g}" in log.splitlines()[-1]
    assert sum(value.numel() for value in load_weights(name).values()) == facts["numbers"]


def test_the_garments_classifier_is_as_good_as_its_table_says():
    from deconv_solutions.mirror_network import SwitchedCNN
    from deconvlib.course import fashion_mnist

    network = restore(SwitchedCNN(1, (32, 64), 10, 28), "garments")
    images, labels = fashion_mnist("test")
    with torch.no_grad():
        answers = network(torch.from_numpy(images)[:, None].float() / 255).argmax(1).numpy()
    assert (answers == labels).mean() == pytest.approx(table()["garments"]["result"]["test accuracy"], abs=0.003)


def test_everything_shipped_for_part_three_is_at_most_16_mb():
    folder = Path(data.__file__).with_name("data")
    files = [folder / "photos9_crops_256.npz", folder / "nuclei_dsb2018_16.npz", *weights.FOLDER.iterdir()]
    for chapter in ("restoration", "segmentation", "generation"):
        files += explorers.FOLDER.glob(f"{chapter}*")
    assert all(path.is_file() for path in files)
    assert sum(path.stat().st_size for path in files) <= 16_000_000


# ---- make weights ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def maker(monkeypatch, tmp_path):
    """`make weights` as a module, with folders of this test and a recipe that takes a moment."""
    spec = importlib.util.spec_from_file_location("make_weights", ROOT / "book" / "weights.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for holder in (module, weights):
        monkeypatch.setattr(holder, "FOLDER", tmp_path / "weights")
    monkeypatch.setattr(module, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(module, "table", lambda: {})
    return module


def test_make_weights_writes_what_the_loader_reads(maker, monkeypatch):
    def train(name, out):
        out.mkdir(parents=True)
        torch.save(network().state_dict(), out / "weights.pt")
        (out / "history.json").write_text('{"loss": [2.0, 0.123456]}')
        (out / "log.txt").write_text(
            "garments: seed 0\nepoch 1/2  loss 2  30.0 s  cpu 59.0 s\nepoch 2/2  loss 0.12346  33.0 s  cpu 66.0 s\n"
        )

    monkeypatch.setattr(maker, "train", train)
    maker.main([])
    table.cache_clear()
    try:
        facts = table()["garments"]
        assert (facts["minutes"], facts["processor_minutes"]) == (1.1, 2.1)
        assert facts["result"] == {"loss": 0.12346}
        assert facts["sha256"] == hashlib.sha256((weights.FOLDER / "garments.npz").read_bytes()).hexdigest()
        restore(network(), "garments")
    finally:
        table.cache_clear()
    with pytest.raises(SystemExit, match="no shipped recipe is named 'cats'"):
        maker.main(["cats"])


def test_the_same_weights_give_the_same_bytes(maker):
    state = network().state_dict()
    assert maker.packed(state, "int8") == maker.packed(state, "int8")
