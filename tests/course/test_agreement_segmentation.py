"""Chapter 12's solutions against PyTorch's own layers, and the full sizes against counts made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconv_solutions.segmentation import (
    FCN8s,
    NohDeconvNet,
    SegNet,
    UNet,
    confusion_matrix,
    fill_bilinear_,
    mean_iou,
)

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

LAYERS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def counted(make):
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in make().parameters())


def convolution(old, new, side):
    return old * new * side * side + new


def encoder(channels=3):
    total = 0
    for count in (count for block in LAYERS for count in block):
        total, channels = total + convolution(channels, count, 3), count
    return total


@given(st.integers(1, 5), st.integers(1, 40), st.integers(0, 2**31))
def test_confusion_matrix(classes, pixels, seed):
    rng = np.random.default_rng(seed)
    said, true = (torch.from_numpy(rng.integers(0, classes, pixels)) for _ in range(2))
    sparse = torch.sparse_coo_tensor(
        torch.stack((true, said)), torch.ones(pixels, dtype=torch.int64), (classes, classes)
    )
    assert torch.equal(confusion_matrix(said, true, classes), sparse.to_dense())


@given(st.integers(2, 5), st.integers(1, 40), st.integers(0, 2**31))
def test_mean_iou(classes, pixels, seed):
    """Against sets of pixels."""
    rng = np.random.default_rng(seed)
    said, true = (torch.from_numpy(rng.integers(0, classes, pixels)) for _ in range(2))
    mean, iou = mean_iou(confusion_matrix(said, true, classes))
    expected = [
        ((said == c) & (true == c)).sum() / union if (union := ((said == c) | (true == c)).sum()) else torch.nan
        for c in range(classes)
    ]
    np.testing.assert_allclose(iou, np.array(expected, float), rtol=1e-6)
    assert mean == pytest.approx(np.nanmean(np.array(expected, float)), rel=1e-6)


@given(st.integers(1, 4), st.integers(2, 6), st.integers(2, 6))
def test_fill_bilinear_(half, height, width):
    """Away from the border it is PyTorch's bilinear interpolation."""
    s = 2 * half
    layer = fill_bilinear_(nn.ConvTranspose2d(2, 2, 2 * s, s, padding=half))
    x = torch.randn(1, 2, height, width)
    inner = (..., slice(half, -half), slice(half, -half))
    torch.testing.assert_close(layer(x)[inner], F.interpolate(x, scale_factor=s, mode="bilinear")[inner])


def test_fcn8s():
    """As one chain of torch's layers, with the two skips on a size that divides evenly."""
    torch.manual_seed(0)
    net = FCN8s(3, 4, 1 / 32).eval()
    x, pooled = torch.randn(2, 3, 64, 96), []
    y, layers = x, iter(net.encoder)
    for block in LAYERS:
        y = F.max_pool2d(nn.Sequential(*(part for _ in block for part in (next(layers), nn.ReLU())))(y), 2)
        pooled.append(y)
    y = nn.Sequential(net.fc6, nn.ReLU(), net.fc7, nn.ReLU(), net.score)(y)
    y = net.up8(net.up4(net.up2(y) + net.score_pool4(pooled[3])) + net.score_pool3(pooled[2]))
    torch.testing.assert_close(net(x), y)
    head = convolution(512, 4096, 7) + convolution(4096, 4096, 1)
    scores = convolution(4096, 21, 1) + convolution(512, 21, 1) + convolution(256, 21, 1)
    assert counted(lambda: FCN8s(3, 21)) == encoder() + head + scores + (4 * 4 + 4 * 4 + 16 * 16) * 21 * 21


def test_segnet():
    """With modules that pool and unpool."""
    torch.manual_seed(0)
    net, pool, unpool = SegNet(3, 4, 1 / 32).eval(), nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
    x, stack, k = torch.randn(2, 3, 64, 96), [], 0
    y = x
    for block in LAYERS:
        for _ in block:
            y, k = nn.Sequential(net.encoder[k], net.encoder_norms[k], nn.ReLU())(y), k + 1
        y, where = pool(y)
        stack.append(where)
    k = 0
    for count in (3, 3, 3, 2, 2):
        y = unpool(y, stack.pop())
        for _ in range(count):
            y = nn.Sequential(net.decoder[k], net.decoder_norms[k], nn.ReLU())(y) if k < 12 else net.decoder[k](y)
            k += 1
    torch.testing.assert_close(net(x), y)
    assert counted(lambda: SegNet(3, 12)) == 29_434_060 + 2 * (2 * 4224 - 64) - 896


def test_nohdeconvnet():
    """One place in the middle, and parts that fit each other."""
    torch.manual_seed(0)
    net = NohDeconvNet(3, 4, 1 / 64, 64).eval()
    seen = []
    net.fc7.register_forward_hook(lambda module, args, result: seen.append(result.shape))
    assert net(torch.randn(2, 3, 64, 64)).shape == (2, 4, 64, 64)
    assert seen == [(2, 64, 1, 1)]
    norms = sum(part.numel() for name, part in net.named_parameters() if "norm" in name)
    assert norms == 2 * sum(layer.num_features for layer in net.modules() if isinstance(layer, nn.BatchNorm2d))
    waist = convolution(512, 4096, 7) + convolution(4096, 4096, 1) + 4096 * 512 * 49 + 512
    up, channels = 0, 512
    for count in (512, 512, 512, 512, 512, 256, 256, 256, 128, 128, 64, 64, 64):
        up, channels = up + convolution(channels, count, 3), count
    with torch.device("meta"):
        full = NohDeconvNet(3, 21)
    plain = sum(part.numel() for name, part in full.named_parameters() if "norm" not in name)
    assert plain == encoder() + waist + up + convolution(64, 21, 1) == 251_772_245


@pytest.mark.parametrize(("size", "expected"), [((572, 572), (388, 388)), ((188, 204), (4, 20))])
def test_unet(size, expected):
    """The sizes of the paper's figure 1, and what a pixel of the scores depends on."""
    with torch.device("meta"):
        assert UNet(1, 2, padding=0)(torch.empty(1, 1, *size)).shape == (1, 2, *expected)
    assert counted(lambda: UNet(1, 2)) == 31_030_658
    assert len([m for m in UNet(1, 2, 1e-4).modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]) == 23
