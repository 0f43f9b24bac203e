"""Chapter 11's tasks and classical answers, and that its tables are what the shipped networks do."""

from __future__ import annotations

import math

import numpy as np
import pytest

from deconvlib.course.restoration import (
    TASKS,
    back_projection,
    blurred,
    deblur_total_variation,
    enlarged,
    gaussian_kernel,
    held_out_pictures,
    luma,
    motion_kernel,
    noisy,
    psnr_of,
    reduced,
    sliding_dct,
    tikhonov_gradient,
    training_pictures,
    tuned,
)
from deconvlib.course.results import result


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture
def picture():
    """Two smooth hills and an edge, 96 x 80."""
    row, column = np.mgrid[:96, :80] / 96
    return (0.3 + 0.4 * np.sin(5 * row) * column + 0.2 * (column > 0.4)).astype(np.float32)


def test_luma_weighs_as_television_does():
    assert luma(np.eye(3)[None]).ravel() == pytest.approx([0.299, 0.587, 0.114])


def test_photographs_to_train_on_and_to_test_on_are_different_ones():
    train = [crop for crops in training_pictures().values() for crop in crops]
    assert len(train) == 35
    assert len(held_out_pictures()) == 15
    for held in held_out_pictures().values():
        assert all(np.abs(held - crop).mean() > 0.02 for crop in train)


@pytest.mark.parametrize("kernel", [gaussian_kernel(), motion_kernel()], ids=["gaussian", "motion"])
def test_a_blur_with_reflected_borders(kernel, picture, rng):
    from scipy.ndimage import convolve

    many = np.mean([blurred(picture, kernel, rng) for _ in range(40)], axis=0)
    assert kernel.sum() == pytest.approx(1)
    np.testing.assert_allclose(many, convolve(picture, kernel, mode="mirror"), atol=6 * 2 / 255 / math.sqrt(40))


def test_noise_has_the_strength_that_was_asked_for(rng):
    assert (noisy(np.zeros((200, 200), np.float32), 25, rng) * 255).std() == pytest.approx(25, rel=0.02)


def test_reduced_and_enlarged_keep_a_plane(rng):
    row, column = np.mgrid[:60, :72]
    plane = (0.2 + 0.005 * row + 0.004 * column).astype(np.float32)
    for scale in (2, 3):
        small = reduced(plane, scale)
        assert small.shape == (60 // scale, 72 // scale)
        np.testing.assert_allclose(enlarged(small, scale)[8:-8, 8:-8], plane[8:-8, 8:-8], atol=1e-5)


def test_a_sliding_transform_that_takes_nothing_away_gives_the_picture_back(picture):
    np.testing.assert_allclose(sliding_dct(picture, 25, 0), picture, atol=1e-5)


@pytest.mark.parametrize("method", [tikhonov_gradient, deblur_total_variation])
def test_deblurring_without_noise_nearly_undoes_the_blur(method, picture, rng):
    from scipy.ndimage import convolve

    soft = convolve(picture, motion_kernel(5), mode="mirror")
    assert psnr_of(method(soft, motion_kernel(5), 1e-5), picture) > psnr_of(soft, picture) + 10


def test_back_projection_explains_the_small_picture(picture):
    small = reduced(picture, 2)
    found = back_projection(small, 2, 20, 1.0)
    assert np.abs(reduced(found, 2) - small).max() < 0.1 * np.abs(reduced(enlarged(small, 2), 2) - small).max()


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_rival_is_tuned_and_helps(task, rng):
    """On a photograph that nothing was tuned on, no classical answer is worse than leaving the picture as it is."""
    truth = task.target(held_out_pictures()["chelsea"])
    seen = task.degrade(truth, rng=rng)
    asis = seen if task.scale == 1 else np.repeat(np.repeat(seen, task.scale, 0), task.scale, 1)
    for name, rival in task.rivals.items():
        values = [tuple(value) if isinstance(value, list) else value for value, _ in tuned()[task.name][name]["tried"]]
        assert values == list(rival.grid), f"{name}: the grid changed; make results NAMES=restoration-rivals"
        assert psnr_of(task.classical(name, seen), truth, task.border) > psnr_of(asis, truth, task.border)


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_the_table_is_what_the_shipped_network_does(task):
    pytest.importorskip("torch")
    from deconvlib.course.weights import restore

    found = result("restoration")
    row = found["tasks"][task.name][f"network {task.name}"]
    place = found["photographs"].index("chelsea")
    truth = task.target(held_out_pictures()["chelsea"])
    net = restore(task.network(), task.name)
    rng = np.random.default_rng(1)
    got = psnr_of(task.restored(net, task.degrade(truth, rng=rng)), truth, task.border)
    assert got == pytest.approx(row["psnr of each photograph"][place], abs=0.25)  # another draw of the noise
