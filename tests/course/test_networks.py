"""The trained network that comes with the course, and its loader."""

from __future__ import annotations

import hashlib
import sys
import types

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from deconvlib.course import data, networks, photograph, vgg16, vgg16_input  # noqa: E402

CONVOLUTIONS = [f"conv{b}_{i}" for b, channels in enumerate(networks.VGG16, 1) for i in range(1, len(channels) + 1)]


@pytest.fixture(scope="module")
def whole():
    return vgg16()


def test_the_children_have_their_usual_names_and_sizes(whole):
    names = list(whole._modules)
    assert len(names) == 31
    assert names[:5] == ["conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1"]
    assert names[-3:] == ["conv5_3", "relu5_3", "pool5"]
    assert [name for name in names if name.startswith("conv")] == CONVOLUTIONS
    channels = [3, *(c for block in networks.VGG16 for c in block)]
    for name, before, after in zip(CONVOLUTIONS, channels, channels[1:], strict=False):
        layer = whole.get_submodule(name)
        assert layer.weight.shape == (after, before, 3, 3)
        assert (layer.stride, layer.padding) == ((1, 1), (1, 1))
    for name, layer in whole.named_children():
        assert type(layer) is {"c": nn.Conv2d, "r": nn.ReLU, "p": nn.MaxPool2d}[name[0]]
        assert not getattr(layer, "inplace", False), "in-place ReLUs would spoil what came before them"
    with torch.no_grad():
        assert whole(torch.zeros(1, 3, 64, 96)).shape == (1, 512, 2, 3)


def test_it_is_ready_to_look_into(whole):
    assert not whole.training
    assert all(not p.requires_grad and p.dtype == torch.float32 for p in whole.parameters())


@pytest.mark.parametrize("last", ["conv1_1", "relu1_1", "pool2", "conv4_3"])
def test_it_ends_with_the_layer_that_was_asked_for(last):
    assert list(vgg16(last)._modules)[-1] == last


def test_every_call_gives_the_same_numbers_and_memory_of_its_own():
    one, two = vgg16("conv2_1"), vgg16("conv2_1")
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)
    one.conv1_1.weight.fill_(0)
    one.conv1_1.bias.fill_(0)
    three = vgg16("conv1_1")
    assert torch.equal(two.conv1_1.weight, three.conv1_1.weight)
    assert torch.equal(two.conv1_1.bias, three.conv1_1.bias)


def test_weights_are_bytes_times_a_scale(whole):
    arrays = data.load("vgg16_conv1-4_int8.npz")
    assert arrays["conv3_2_q"].dtype == np.int8
    expected = arrays["conv3_2_q"].astype(np.float32) * arrays["conv3_2_s"].astype(np.float32)[:, None, None, None]
    np.testing.assert_array_equal(whole.conv3_2.weight.numpy(), expected)
    np.testing.assert_array_equal(whole.conv3_2.bias.numpy(), arrays["conv3_2_b"])


def test_the_mean_is_oxfords(whole):
    np.testing.assert_allclose(255 * whole.mean.numpy(), [123.68, 116.779, 103.939], rtol=1e-6)
    image = vgg16_input(np.full((2, 4, 3), whole.mean.numpy()), whole)
    assert image.shape == (1, 3, 2, 4)
    assert image.abs().max() == 0


def test_the_first_layer_takes_red_green_blue_in_0_to_1_as_oxford_takes_blue_green_red_in_0_to_255(whole):
    picture = photograph("coffee", size=32)
    arrays = data.load("vgg16_conv1-4_int8.npz")
    weight = arrays["conv1_1_q"].astype(np.float64) * arrays["conv1_1_s"].astype(np.float64)[:, None, None, None]
    oxford = 255 * picture[..., ::-1] - [103.939, 116.779, 123.68]
    expected = torch.nn.functional.conv2d(
        torch.from_numpy(oxford.transpose(2, 0, 1)[None].copy()),
        torch.from_numpy(weight),
        torch.from_numpy(arrays["conv1_1_b"].astype(np.float64)),
        padding=1,
    )
    ours = whole.conv1_1(vgg16_input(picture, whole)).double()
    assert (ours - expected).abs().max() < 1e-5 * expected.abs().max()


def test_a_gray_picture_is_three_equal_channels(whole):
    gray = photograph("camera", gray=True, size=32)
    image = vgg16_input(gray, whole)
    assert torch.equal(image, vgg16_input(np.repeat(gray[..., None], 3, axis=2), whole))
    assert image.is_contiguous()
    assert image.dtype == torch.float32


def test_a_picture_is_not_changed_and_may_be_a_view(whole):
    picture = photograph("coffee", size=32)
    kept = picture.copy()
    flipped = vgg16_input(picture[::-1, ::-1], whole)
    assert torch.equal(flipped.flip(2, 3), vgg16_input(picture, whole))
    np.testing.assert_array_equal(picture, kept)


@pytest.mark.parametrize("shape", [(3, 8, 8), (8,), (8, 8, 4), (1, 8, 8, 3)])
def test_what_is_no_picture_is_refused(whole, shape):
    with pytest.raises(ValueError, match="photograph must be"):
        vgg16_input(np.zeros(shape), whole)


def test_another_layer_or_source_is_told_the_known_ones():
    with pytest.raises(ValueError, match=r"last must be one of conv1_1, relu1_1, .*pool5, got 'conv6_1'"):
        vgg16("conv6_1")
    with pytest.raises(ValueError, match="got 'fc8'"):
        vgg16("fc8")  # the classifier is not shipped
    with pytest.raises(ValueError, match="source must be 'shipped' or 'torchvision', got 'keras'"):
        vgg16(source="keras")


def test_a_damaged_file_is_refused(tmp_path, monkeypatch):
    name = "vgg16_conv5_int8.npz"
    (tmp_path / "data").mkdir()
    original = (data.resources.files("deconvlib.course") / "data" / name).read_bytes()
    damaged = bytearray(original)
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "data" / name).write_bytes(damaged)
    assert hashlib.sha256(original).hexdigest() == data._CHECKSUMS[name]
    monkeypatch.setattr(data.resources, "files", lambda package: tmp_path)
    with pytest.raises(ValueError, match=r"is damaged: sha256 .* reinstall deconvlib"):
        data.load.__wrapped__(name)
    (tmp_path / "data" / name).unlink()
    with pytest.raises(FileNotFoundError, match="not among the shipped data files"):
        data.load.__wrapped__(name)


def test_it_knows_a_cat_from_a_cup(whole):
    """The network is trained: its last layer describes two crops of the cat more alike than a cat and a cup."""
    cat, cup = photograph("chelsea"), photograph("coffee")
    pictures = [cat[32:160, 16:144], cat[48:176, 32:160], cup[32:160, 16:144]]
    with torch.no_grad():
        codes = [whole(vgg16_input(picture, whole)).mean(dim=(2, 3))[0] for picture in pictures]
    alike = torch.nn.functional.cosine_similarity
    assert alike(codes[0], codes[1], dim=0) > 1.2 * alike(codes[0], codes[2], dim=0)


# torchvision, without its download: a stand-in with the same layers and random weights.


@pytest.fixture
def torchvision(monkeypatch):
    models = types.ModuleType("torchvision.models")

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.asked: list[str] = []
            layers, before = [], 3
            for channels in networks.VGG16:
                for after in channels:
                    layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True)]
                    before = after
                layers.append(nn.MaxPool2d(2))
            self.features = nn.Sequential(*layers)
            self.avgpool = nn.AdaptiveAvgPool2d(2)  # 7 in truth
            self.classifier = nn.Sequential(
                *(nn.Linear(2048, 16), nn.ReLU(inplace=True), nn.Dropout()),
                *(nn.Linear(16, 16), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(16, 1000)),
            )

        def asked_for(self, weights):
            self.asked.append(weights)
            return self

    torch.manual_seed(0)
    network = Network().eval()
    weights = types.SimpleNamespace(IMAGENET1K_V1="IMAGENET1K_V1")
    monkeypatch.setattr(models, "VGG16_Weights", weights, raising=False)
    monkeypatch.setattr(models, "vgg16", network.asked_for, raising=False)
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    return network


def test_torchvisions_network_comes_with_its_classifier_and_the_same_names(torchvision):
    picture = photograph("chelsea", size=64)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    scaled = ((torch.from_numpy(picture).float() - mean) / std).permute(2, 0, 1)[None]
    with torch.no_grad():
        x = torchvision.avgpool(torchvision.features(scaled.contiguous()))
        expected = torchvision.classifier(x.flatten(1))
    ours = vgg16("fc8", source="torchvision")
    assert torchvision.asked == ["IMAGENET1K_V1"]
    tail = ["avgpool", "flatten", "fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"]
    assert list(ours._modules)[-9:] == tail
    assert list(ours._modules)[:31] == list(vgg16()._modules)
    assert not any(getattr(layer, "inplace", False) for layer in ours if isinstance(layer, nn.ReLU))
    assert not ours.training
    scores = ours(vgg16_input(picture, ours))
    assert scores.shape == (1, 1000)
    torch.testing.assert_close(scores, expected, rtol=1e-3, atol=1e-4)


def test_without_torchvision_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(ModuleNotFoundError, match="torchvision"):
        vgg16("fc8", source="torchvision")
