"""The shipped garments, and the way to all of them for those who are online."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

from deconvlib.course import (
    fashion_mnist,
    fashion_mnist_names,
    nuclei,
    photograph,
    photograph_crop_credits,
    photograph_crops,
    photograph_names,
)
from deconvlib.course.data import load


@pytest.mark.parametrize(("split", "each"), [("train", 1200), ("test", 200)])
def test_the_shipped_garments_are_as_many_of_each_class(split, each):
    images, labels = fashion_mnist(split)
    assert (images.shape, images.dtype, labels.dtype) == ((10 * each, 28, 28), np.uint8, np.int64)
    assert np.bincount(labels).tolist() == [each] * 10
    assert len(fashion_mnist_names()) == 10
    assert np.median(images) == 0, "0 is the background"


def test_no_garment_of_the_test_split_was_trained_on():
    trained = {image.tobytes() for image in fashion_mnist("train")[0]}
    assert not any(image.tobytes() in trained for image in fashion_mnist("test")[0])


def test_a_caller_may_change_what_it_got():
    fashion_mnist("test")[0][:] = 7
    assert (fashion_mnist("test")[0] != 7).any()


def test_another_split_is_refused():
    with pytest.raises(ValueError, match="split must be 'train' or 'test', got 'held out'"):
        fashion_mnist("held out")


def test_a_folder_means_torchvisions_own(monkeypatch, tmp_path):
    torch = pytest.importorskip("torch")
    asked = []

    def stand_in(root, train, download):
        asked.append((root, train, download))
        return types.SimpleNamespace(data=torch.zeros(3, 28, 28, dtype=torch.uint8), targets=torch.tensor([4, 0, 9]))

    datasets = types.ModuleType("torchvision.datasets")
    monkeypatch.setattr(datasets, "FashionMNIST", stand_in, raising=False)
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", datasets)
    images, labels = fashion_mnist("test", tmp_path)
    assert asked == [(str(tmp_path), False, True)]
    assert (images.shape, images.dtype, labels.tolist(), labels.dtype) == ((3, 28, 28), np.uint8, [4, 0, 9], np.int64)


def test_without_torchvision_a_folder_is_refused(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(ModuleNotFoundError, match="torchvision"):
        fashion_mnist("train", tmp_path)


def test_crops_are_grouped_by_photograph():
    crops = photograph_crops()
    assert {name: len(some) for name, some in crops.items()} == {
        name: 3 if name == "brushes" else 4
        for name in ("fig", "brushes", "room", "autumn", "dogs", "stream", "peaks", "dandelion", "sunset")
    }
    for some in crops.values():
        assert {(crop.shape, crop.dtype) for crop in some} == {((256, 256, 3), np.dtype(np.float32))}
        assert 0 <= min(crop.min() for crop in some) < max(crop.max() for crop in some) <= 1


def test_gray_crops_are_gray_as_photographs_are():
    color, gray = photograph_crops()["fig"][0], photograph_crops(gray=True)["fig"][0]
    assert gray.shape == (256, 256)
    np.testing.assert_allclose(gray, color @ np.array([0.2126, 0.7152, 0.0722]), atol=1e-6)


def test_no_crop_is_of_a_photograph_that_is_tested_on():
    """No 16 x 16 block of a crop correlates with any block of a held-out photograph as a shared scene would."""
    assert not set(photograph_crops()) & set(photograph_names())

    def thumbnails(images):
        small = np.stack([image.reshape(32, 8, 32, 8).mean(axis=(1, 3)).ravel() for image in images])
        small = small - small.mean(axis=1, keepdims=True)
        return small / np.linalg.norm(small, axis=1, keepdims=True)

    held_out = thumbnails([photograph(name, gray=True) for name in photograph_names()])
    trained = thumbnails([crop for some in photograph_crops(gray=True).values() for crop in some])
    assert (trained @ held_out.T).max() < 0.9


def test_credits_name_every_author_once():
    assert photograph_crop_credits("room", "dandelion") == (
        "Photographs: room: Jakub Mede, 2018, CC BY 4.0; dandelion: Clemens Engelhardt, 2018, CC0 1.0; reduced and cropped."
    )
    for name in photograph_crops():
        assert name in photograph_crop_credits()
    with pytest.raises(ValueError, match="got 'cat'"):
        photograph_crop_credits("cat")


def test_nuclei_are_tiles_of_one_image_with_its_masks():
    images, masks = nuclei()
    assert (images.shape, images.dtype, masks.shape, masks.dtype) == (
        (16, 128, 128),
        np.float32,
        (16, 128, 128),
        np.int64,
    )
    inside, outside = images[masks > 0].mean(), images[masks == 0].mean()
    assert inside > 2 * outside
    whole = masks.reshape(4, 4, 128, 128).transpose(0, 2, 1, 3).reshape(512, 512)
    for numbers in (whole, whole.T):  # a nucleus goes on in the next tile under the same number
        assert (numbers[:, 127] != numbers[:, 128]).mean() < 0.1


@pytest.mark.parametrize("name", ["photos9_crops_256.npz", "nuclei_dsb2018_16.npz"])
def test_every_data_file_has_its_license_beside_it(name):
    import hashlib
    from importlib import resources

    folder = resources.files("deconvlib.course") / "data"
    note = (folder / name.replace(".npz", ".LICENSE.txt")).read_text()
    assert hashlib.sha256((folder / name).read_bytes()).hexdigest() in note
    assert load(name)
