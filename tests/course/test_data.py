"""The shipped garments, and the way to all of them for those who are online."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

from deconvlib.course import fashion_mnist, fashion_mnist_names


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
