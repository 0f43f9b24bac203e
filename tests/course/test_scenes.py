"""Composed and drawn scenes: exact masks, disjoint splits, the same pictures for the same seed."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from deconvlib.course import composed_scenes, photograph_crops, road_scenes, scene_classes
from deconvlib.course.scenes import (
    ROAD_CLASSES,
    SPLITS,
    VALIDATION_PHOTOGRAPHS,
    _backgrounds,
    _garments,
    _resized,
)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("size", [32, 48, 64, 100, 128])
def test_a_composed_scene_has_garments_on_a_photograph(split, size):
    images, masks = composed_scenes(12, split, 3, size)
    assert (images.shape, images.dtype) == ((12, 3, size, size), np.float32)
    assert (masks.shape, masks.dtype) == ((12, size, size), np.int64)
    assert 0 <= images.min() < images.max() <= 1
    assert masks.min() == 0
    assert masks.max() < len(scene_classes()) == 11
    assert 0.03 < (masks > 0).mean() < 0.6


def test_the_mask_is_exact():
    """A picture with garments and the same without differ exactly where the mask says that a garment is."""
    for seed in range(20):
        images, masks = composed_scenes(1, "train", seed, garments=(3, 3))
        bare, none = composed_scenes(1, "train", seed, garments=(0, 0))
        assert not none.any()
        changed = (images[0] != bare[0]).any(axis=0)
        assert not (changed & (masks[0] == 0)).any(), "outside of the mask the photograph is untouched"
        assert changed[masks[0] > 0].mean() > 0.99


def test_the_same_seed_draws_the_same_and_another_does_not():
    for make in (composed_scenes, road_scenes):
        first, again, other = (make(3, seed=seed) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first[0], again[0])
        np.testing.assert_array_equal(first[1], again[1])
        assert (first[0] != other[0]).mean() > 0.5


def test_more_pictures_begin_with_the_same_ones():
    np.testing.assert_array_equal(composed_scenes(5, seed=4)[0][:2], composed_scenes(2, seed=4)[0])


def test_no_garment_and_no_photograph_is_in_two_splits():
    def digests(images):
        return {hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest() for image in images}

    for of in (_backgrounds, lambda split: _garments(split)[0]):
        sets = [digests(of(split)) for split in SPLITS]
        assert all(sets)
        assert not sets[0] & sets[1]
        assert not sets[0] & sets[2]
        assert not sets[1] & sets[2]
    for split, each in zip(SPLITS, (1000, 200, 200), strict=True):
        assert np.bincount(_garments(split)[1]).tolist() == [each] * 10
    held = sum(len(photograph_crops()[name]) for name in VALIDATION_PHOTOGRAPHS)
    assert (len(_backgrounds("train")), len(_backgrounds("validation"))) == (35 - held, held)


def test_every_class_is_about_as_frequent():
    _, masks = composed_scenes(400, seed=0)
    shown = np.array([(masks == label).any(axis=(1, 2)).sum() for label in range(1, 11)])
    assert shown.min() > 40
    assert shown.max() < 140


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"split": "held out"}, "split must be one of train, validation, test, got 'held out'"),
        ({"size": 16}, "size must be from 32 to 128, got 16"),
        ({"size": 256}, "size must be from 32 to 128, got 256"),
        ({"garments": (3, 1)}, r"garments must be the least and the largest number, got \(3, 1\)"),
    ],
)
def test_what_cannot_be_composed_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        composed_scenes(1, **given)


def test_resizing_keeps_a_ramp_and_constants():
    ramp = np.add.outer(np.arange(28.0), 2 * np.arange(28.0))
    twice = _resized(ramp, 56)
    np.testing.assert_allclose(np.diff(twice[1:-1, 1:-1], axis=0), 0.5)
    np.testing.assert_allclose(np.diff(twice[1:-1, 1:-1], axis=1), 1.0)
    np.testing.assert_allclose(_resized(np.ones((28, 28)), 19), 1)


@pytest.mark.parametrize("size", [(64, 128), (96, 160), (33, 40)])
def test_a_road_scene_looks_like_one(size):
    images, masks = road_scenes(30, 1, size)
    assert (images.shape, images.dtype, masks.shape, masks.dtype) == ((30, 3, *size), np.float32, (30, *size), np.int64)
    assert 0 <= images.min() < images.max() <= 1
    rows = np.arange(size[0])[None, :, None]

    def height(name):
        return np.broadcast_to(rows, masks.shape)[masks == ROAD_CLASSES.index(name)].mean()

    assert height("sky") < height("building") < height("road")
    shares = np.bincount(masks.ravel(), minlength=len(ROAD_CLASSES)) / masks.size
    assert shares.min() > 0.001, "every class is there"
    middle = masks[:, -1, size[1] // 2]
    assert np.isin(middle, [ROAD_CLASSES.index(name) for name in ("road", "lane marking", "car")]).mean() > 0.9


def test_a_road_scene_of_no_size_is_refused():
    with pytest.raises(ValueError, match="size must be at least 32 x 32"):
        road_scenes(1, size=(16, 64))
