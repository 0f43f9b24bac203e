"""Chapter 13's recipes: they learn, they take a folder of pictures, and the shipped study is what the page says it is."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from PIL import Image  # noqa: E402

from deconvlib.course.recipes import Options, recipes  # noqa: E402
from deconvlib.course.results import result  # noqa: E402

NAMES = ("vae", "gan", "vae-gan", "diffusion")


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for k, size in enumerate(((64, 64), (80, 70), (64, 100), (90, 120))):
        Image.fromarray(rng.integers(0, 255, (*size, 3), dtype=np.uint8)).save(tmp_path / f"{k}.png")
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_pictures_is_learned_from(name, folder):
    torch.manual_seed(0)
    run = recipes()[name].prepare(Options(epochs=1, seed=0, device=torch.device("cpu"), data=folder))
    assert callable(run.batches)
    (batch,) = run.batches(torch.Generator().manual_seed(0))
    assert batch.shape == (4, 3, 64, 64)
    before = [value.clone() for value in run.model.parameters()]
    found = run.step(batch)
    assert all(math.isfinite(float(value)) for value in found.values())
    assert any(not torch.equal(a, b) for a, b in zip(before, run.model.parameters(), strict=True))
    assert run.evaluate is not None
    assert run.evaluate() == {}


def test_a_picture_that_is_too_small_is_named(folder):
    Image.fromarray(np.zeros((20, 90, 3), np.uint8)).save(folder / "tiny.png")
    with pytest.raises(ValueError, match=r"tiny\.png"):
        recipes()["gan"].prepare(Options(epochs=1, seed=0, device=torch.device("cpu"), data=folder))


def test_the_study_is_whole():
    study = result("generation")
    for name, runs in study["runs"].items():
        assert [run["seed"] for run in runs] == list(range(len(runs)))
        for run in runs:
            assert run["processor_seconds"] > 0
            (epochs,) = {len(values) for values in run["history"].values()}
            assert epochs == (recipes()[name].epochs if run["seed"] == 0 else 4)
            assert np.isfinite([value for values in run["history"].values() for value in values]).all()
    assert json.dumps(study)
