"""What grades chapter 12."""

from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from deconv_grader.checks.writing import check, draw_array, seeds
from deconv_solutions import segmentation as reference

CLOSE = 2e-4  # 26 layers round one after the other


def labels(*shape, seed, classes, ignored=False):
    """Classes of pixels, some of them 255 if asked for."""
    drawn = torch.from_numpy(draw_array(shape, seed, np.int64, low=0, high=classes - 1))
    if ignored:
        drawn[torch.from_numpy(draw_array(shape, seed + 1, np.int64, low=0, high=4)) == 0] = 255
    return drawn


def picture(*shape, seed):
    """Whole tenths between -1 and 1."""
    return torch.from_numpy(draw_array(shape, seed, np.float32, low=-10, high=10)) / 10


# confusion_matrix


@check("confusion_matrix", "six pixels, three classes, by hand", weight=3)
def test_confusion_by_hand(learner):
    prediction, target = torch.tensor([[0, 0, 1], [2, 1, 2]]), torch.tensor([[0, 0, 0], [0, 1, 1]])
    expected = torch.tensor([[2, 1, 1], [0, 1, 1], [0, 0, 0]])
    learner.confusion_matrix.gives(expected, prediction, target, 3)


@check("confusion_matrix", "pixels with target 255 are not counted, whatever was predicted there", weight=2)
def test_confusion_ignores(learner):
    prediction, target = torch.tensor([[0, 1, 1, 255]]), torch.tensor([[255, 255, 1, 255]])
    learner.confusion_matrix.gives(torch.tensor([[0, 0], [0, 1]]), prediction, target, 2)


@check("confusion_matrix", "no pixel counts: zeros")
def test_confusion_of_nothing(learner):
    nothing = torch.zeros(2, 2, dtype=torch.int64)
    learner.confusion_matrix.gives(nothing, torch.tensor([1, 0]), torch.tensor([255, 255]), 2)


@check("confusion_matrix", "bytes, and more classes than a byte can number")
def test_confusion_dtypes(learner):
    prediction, target = labels(3, 7, seed=1, classes=20), labels(3, 7, seed=5, classes=20, ignored=True)
    expected = reference.confusion_matrix(prediction, target, 20)
    learner.confusion_matrix.gives(expected, prediction.to(torch.uint8), target.to(torch.uint8), 20)


@check("confusion_matrix", "any shape and number of classes", weight=2, hidden=True)
@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    classes=st.integers(1, 6),
    ignored=st.booleans(),
    seed=seeds(),
)
def test_confusion_drawn(learner, shape, classes, ignored, seed):
    prediction = labels(*shape, seed=seed, classes=classes)
    target = labels(*shape, seed=seed + 7, classes=classes, ignored=ignored)
    learner.confusion_matrix.gives(reference.confusion_matrix(prediction, target, classes), prediction, target, classes)


@check("confusion_matrix", "refuses other shapes, classes that do not exist, and what is no whole number")
def test_confusion_refuses(learner):
    one, two = torch.tensor([[0, 1]]), torch.tensor([[0, 2]])
    learner.confusion_matrix.raises(ValueError, one, torch.tensor([[0], [1]]), 2)
    learner.confusion_matrix.raises(ValueError, one, two, 2)
    learner.confusion_matrix.raises(ValueError, two, one, 2)
    learner.confusion_matrix.raises(ValueError, one, -two, 3)
    learner.confusion_matrix.raises(ValueError, one, one, 0)
    learner.confusion_matrix.raises(TypeError, one.float(), one, 2)


# mean_iou


@check("mean_iou", "two classes, by hand", weight=3)
def test_iou_by_hand(learner):
    # Class 0: 6 shared of 6 + 2 + 1. Class 1: 3 shared of 3 + 1 + 2.
    expected = (6 / 9 + 3 / 6) / 2, torch.tensor([6 / 9, 3 / 6], dtype=torch.float64)
    learner.mean_iou.gives(expected, torch.tensor([[6, 2], [1, 3]]))


@check("mean_iou", "a class that is nowhere is NaN and not in the mean", weight=2)
def test_iou_of_nowhere(learner):
    expected = 0.5, torch.tensor([0.75, math.nan, 0.25], dtype=torch.float64)
    learner.mean_iou.gives(expected, torch.tensor([[9, 0, 1], [0, 0, 0], [2, 0, 1]]))


@check("mean_iou", "a class that is there and never found has 0, and so has one that was only imagined", weight=2)
def test_iou_of_the_missed(learner):
    expected = 0.25, torch.tensor([0.5, 0.0], dtype=torch.float64)
    learner.mean_iou.gives(expected, torch.tensor([[4, 0], [4, 0]]))
    learner.mean_iou.gives(expected, torch.tensor([[4, 4], [0, 0]]))


@check("mean_iou", "any counts", weight=2, hidden=True)
@given(classes=st.integers(1, 6), empty=st.integers(0, 5), seed=seeds())
def test_iou_drawn(learner, classes, empty, seed):
    counts = torch.from_numpy(draw_array((classes, classes), seed, np.int64, low=0, high=9))
    if empty < classes:
        counts[empty] = counts[:, empty] = 0
    if counts.sum() == 0:
        counts[0, 0] = 3
    learner.mean_iou.gives(reference.mean_iou(counts), counts)


@check("mean_iou", "refuses a table that is not square, negative counts, and one that counts nothing")
def test_iou_refuses(learner):
    learner.mean_iou.raises(ValueError, torch.ones(2, 3))
    learner.mean_iou.raises(ValueError, torch.tensor([[3, -1], [0, 2]]))
    learner.mean_iou.raises(ValueError, torch.zeros(2, 2))
    learner.mean_iou.raises(TypeError, [[1, 0], [0, 1]])


# fill_bilinear_


def filled(make, layer):
    "fill_bilinear_(layer).weight"
    return make(make.place(layer)).get("weight").detach()


def filled_parameters(make, layer):
    "the layer's parameters after fill_bilinear_(layer), and whether its weight is trained"
    placed = make.place(layer)
    make(placed)
    return placed.parameters(), bool(placed.get("weight").requires_grad)


def enlarging(channels, stride, *, trained=True, bias=True, seed=0):
    pair = (stride, stride) if isinstance(stride, int) else stride
    layer = nn.ConvTranspose2d(channels, channels, [2 * s - s % 2 for s in pair], pair, bias=bias)
    layer.weight.data = picture(*layer.weight.shape, seed=seed) + 2
    if bias:
        layer.bias.data = picture(channels, seed=seed + 1) + 3
    return layer.requires_grad_(trained)


def right_fill(layer):
    weight = torch.zeros_like(layer.weight.detach())
    tents = []
    for taps, stride in zip(layer.kernel_size, layer.stride, strict=True):
        tents.append([1 - abs(k - (taps - 1) / 2) / stride for k in range(taps)])
    for c in range(layer.in_channels):
        weight[c, c] = torch.tensor([[a * b for b in tents[1]] for a in tents[0]], dtype=weight.dtype)
    return weight


@check("fill_bilinear_", "stride 2, one channel: 1, 3, 3, 1 over 4, along both axes", weight=3)
def test_fill_by_hand(learner):
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    learner.fill_bilinear_.through(filled).gives((taps[:, None] * taps / 16)[None, None], enlarging(1, 2))


@check("fill_bilinear_", "stride 3: 5 taps, the middle one is 1", weight=2)
def test_fill_odd(learner):
    taps = torch.tensor([1.0, 2.0, 3.0, 2.0, 1.0])
    learner.fill_bilinear_.through(filled).gives((taps[:, None] * taps / 9)[None, None], enlarging(1, 3))


@check("fill_bilinear_", "every channel is enlarged by itself", weight=2)
def test_fill_channels(learner):
    layer = enlarging(3, 2)
    learner.fill_bilinear_.through(filled).gives(right_fill(layer), layer)


@check("fill_bilinear_", "another stride along each axis")
def test_fill_pairs(learner):
    for stride in ((2, 3), (4, 1)):
        layer = enlarging(2, stride)
        learner.fill_bilinear_.through(filled).gives(right_fill(layer), layer)


@check("fill_bilinear_", "in place: what is trained stays trained, what is not does not, and the bias is 0", weight=2)
def test_fill_in_place(learner):
    for trained in (True, False):
        layer = enlarging(2, 2, trained=trained, seed=3)
        expected = {"weight": right_fill(layer), "bias": torch.zeros(2)}, trained
        learner.fill_bilinear_.through(filled_parameters).gives(expected, layer)


@check("fill_bilinear_", "any strides, channels and dtype", weight=2, hidden=True)
@given(
    channels=st.integers(1, 3),
    stride=st.tuples(st.integers(1, 8), st.integers(1, 4)),
    bias=st.booleans(),
    double=st.booleans(),
)
def test_fill_drawn(learner, channels, stride, bias, double):
    layer = enlarging(channels, stride, bias=bias)
    layer = layer.double() if double else layer
    learner.fill_bilinear_.through(filled).gives(right_fill(layer), layer)


@check("fill_bilinear_", "refuses other layers, channels, kernels, groups and dilations")
def test_fill_refuses(learner):
    call = learner.fill_bilinear_.through(filled)
    call.raises(TypeError, nn.Conv2d(1, 1, 4, 2))
    call.raises(ValueError, nn.ConvTranspose2d(2, 3, 4, 2))
    call.raises(ValueError, nn.ConvTranspose2d(1, 1, 3, 2))
    call.raises(ValueError, nn.ConvTranspose2d(1, 1, (4, 3), 2))
    call.raises(ValueError, nn.ConvTranspose2d(2, 2, 4, 2, groups=2))
    call.raises(ValueError, nn.ConvTranspose2d(1, 1, 4, 2, dilation=2))


# The networks: what all four are asked


def found_parameters(make, settings):
    "shapes of Net(*settings).parameters()"
    return {name: tuple(value.shape) for name, value in make(*settings).parameters().items()}


def scored(make, settings, state, x):
    "net = Net(*settings).eval(); net(x)"
    net = make(*settings)
    net.load(state)
    net.call("eval")
    return net(x).detach()


def scored_in_training(make, settings, state, x):
    "net = Net(*settings).train(); net(x)"
    net = make(*settings)
    net.load(state)
    net.call("train")
    return net(x).detach()


def built(name, settings):
    return getattr(reference, name)(*settings)


def shapes(name, settings):
    return {key: tuple(value.shape) for key, value in built(name, settings).named_parameters()}


def lively(name, settings, seed=0):
    """Numbers for every parameter that let what comes in reach the other end."""
    state = {}
    for k, (key, shape) in enumerate(shapes(name, settings).items()):
        drawn = torch.from_numpy(draw_array(shape, 31 * k + seed, np.float32, low=-10, high=10)) / 10
        if len(shape) == 1:  # biases, and the norms' scales
            state[key] = 1 + drawn / 2 if "norm" in key and key.endswith("weight") else 0.1 + drawn / 5
        else:
            fan = shape[0] * shape[2] * shape[3] if key.startswith(("up", "unfc6")) else math.prod(shape[1:])
            state[key] = (drawn + 0.2) * math.sqrt(3 / max(fan, 2))
    return state


def passing(name, settings):
    """Every 3 x 3 kernel passes a map as it is, everything else is 1 or 0: the network shows where things go."""
    state = {}
    for key, shape in shapes(name, settings).items():
        value = torch.zeros(shape)
        if len(shape) == 1:
            value += float("norm" in key and key.endswith("weight"))
        else:
            for c in range(min(shape[:2])):
                value[c, c, shape[2] // 2, shape[3] // 2] = 1
        state[key] = value
    return state


def right(name, settings, state, x, training=False):
    net = built(name, settings)
    net.load_state_dict(net.state_dict() | state)
    with torch.no_grad():
        return net.train(training)(x)


def agrees(learner, name, settings, x, seed=0, training=False):
    state = lively(name, settings, seed)
    expected = right(name, settings, state, x, training)
    assert expected.std() > 1e-3, f"{name} says nothing"
    program = scored_in_training if training else scored
    getattr(learner, name).through(program).gives(expected, settings, state, x, tolerance=CLOSE)


THIN = 1e-4  # every layer has one channel


def default_width(make, settings):
    "channels of the first and the last convolution of Net(*settings), width left out"
    net = make(*settings)
    first, last = ("encoder.0.weight", "decoder.12.weight") if settings[1] == 3 else ("down.0.weight", "score.weight")
    return len(net.call("get_parameter", first)), net.call("get_parameter", last).shape[1]


#: Too large to be built for a check: 134 and 252 million numbers. The chapter counts them on the meta device.
UNCHECKED_DEFAULTS = {"FCN8s": ("width",), "NohDeconvNet": ("width",)}


# FCN8s


def starts_bilinear(make, settings):
    "whether net.up2, net.up4 and net.up8 start bilinear, and whether they are trained, with net = FCN8s(*settings)"
    net = make(*settings)
    found = [net.get(name).get("weight") for name in ("up2", "up4", "up8")]
    wanted = [right_fill(enlarging(settings[1], stride, bias=False)) for stride in (2, 2, 8)]
    bilinear = [bool(torch.allclose(own.detach(), one, atol=1e-6)) for own, one in zip(found, wanted, strict=True)]
    return bilinear, [bool(weight.requires_grad) for weight in found]


def passes_differ(make, settings, state, x):
    "whether net.train()(x) gives something else now and then, with net = FCN8s(*settings)"
    net = make(*settings)
    net.load(state)
    net.call("train")
    passes = [net(x).detach() for _ in range(6)]
    return any(not torch.equal(passes[0], other) for other in passes[1:])


@check("FCN8s", "parameters: names and shapes", weight=2)
def test_fcn_parameters(learner):
    settings = (3, 5, 1 / 64)
    learner.FCN8s.through(found_parameters).gives(shapes("FCN8s", settings), settings)


@check(
    "FCN8s", "one channel everywhere, and only pool3's score: 8 x 8 blocks, each with its maximum, enlarged", weight=3
)
def test_fcn_pool3(learner):
    x = torch.zeros(1, 1, 16, 24)
    x[0, 0, 3, 5], x[0, 0, 9, 20] = 4.0, 8.0
    state = passing("FCN8s", (1, 1, THIN)) | {"up8.weight": torch.ones(1, 1, 16, 16) / 4}
    for name in ("score", "score_pool4"):
        state[f"{name}.weight"] = torch.zeros_like(state[f"{name}.weight"])
    expected = right("FCN8s", (1, 1, THIN), state, x)
    learner.FCN8s.through(scored).gives(expected, (1, 1, THIN), state, x, tolerance=CLOSE)


@check("FCN8s", "upsampling starts bilinear; the first two are trained, the last is not", weight=2)
def test_fcn_starts_bilinear(learner):
    learner.FCN8s.through(starts_bilinear).gives(([True] * 3, [True, True, False]), (2, 3, THIN))


@check("FCN8s", "sizes that are no multiple of 32: poolings round up, rows too many are cut off", weight=2)
def test_fcn_sizes(learner):
    for k, size in enumerate(((33, 70), (5, 96), (47, 31))):
        agrees(learner, "FCN8s", (1, 2, THIN), picture(1, 1, *size, seed=k), seed=k)


@check("FCN8s", "a small one, several channels and images", weight=3)
def test_fcn_small(learner):
    agrees(learner, "FCN8s", (3, 4, 1 / 64), picture(2, 3, 64, 40, seed=8))


@check("FCN8s", "dropout while training: two passes differ")
def test_fcn_dropout(learner):
    settings, x = (1, 1, THIN), torch.ones(1, 1, 128, 128)
    learner.FCN8s.through(passes_differ).gives(True, settings, passing("FCN8s", settings), x)


@check("FCN8s", "any size, channels and classes", weight=2, hidden=True)
@settings(max_examples=6)
@given(
    settings=st.tuples(st.integers(1, 3), st.integers(1, 3), st.sampled_from([THIN, 1 / 128])),
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    seed=st.integers(0, 500),
)
def test_fcn_drawn(learner, settings, size, seed):
    state, x = lively("FCN8s", settings, seed), picture(1, settings[0], *size, seed=seed)
    expected = right("FCN8s", settings, state, x)
    learner.FCN8s.through(scored).gives(expected, settings, state, x, tolerance=CLOSE)


@check("FCN8s", "refuses what is no width, no class, and other channels")
def test_fcn_refuses(learner):
    refuses(learner.FCN8s, "FCN8s")


def refuses(call, name, small=None):
    for odd in ((1, 0, THIN), (0, 1, THIN), (1, 1, 0.0), (1, 1, -1.0), (1, 1, math.nan), (1, 1, math.inf)):
        call.raises(ValueError, *odd)
    state = lively(name, (2, 2, THIN))
    call.through(scored).raises(ValueError, (2, 2, THIN), state, torch.zeros(1, 3, 224, 224))
    if small:
        call.through(scored).raises(ValueError, (2, 2, THIN), state, torch.zeros(1, 2, *small))


# SegNet


@check("SegNet", "the width is 1 if it is left out")
def test_segnet_default(learner):
    learner.SegNet.through(default_width).gives((64, 64), (1, 3))


@check("SegNet", "parameters: names and shapes", weight=2)
def test_segnet_parameters(learner):
    settings = (3, 5, 1 / 64)
    learner.SegNet.through(found_parameters).gives(shapes("SegNet", settings), settings)


@check("SegNet", "one channel everywhere: two bright pixels come back to their places", weight=3)
def test_segnet_places(learner):
    x = torch.zeros(1, 1, 32, 64)
    x[0, 0, 5, 9], x[0, 0, 30, 43] = 4.0, 7.0
    state = passing("SegNet", (1, 1, THIN))
    learner.SegNet.through(scored).gives(x, (1, 1, THIN), state, x, tolerance=1e-3)


@check("SegNet", "the scores may be negative: no ReLU and no norm at the end", weight=2)
def test_segnet_end(learner):
    state = passing("SegNet", (1, 1, THIN)) | {"decoder.12.bias": torch.tensor([-3.0])}
    x = torch.zeros(1, 1, 32, 32)
    x[0, 0, 8, 3] = 2.0
    learner.SegNet.through(scored).gives(x - 3, (1, 1, THIN), state, x, tolerance=1e-3)


@check("SegNet", "odd sizes: each unpooling goes back to the size of before its pooling", weight=2)
def test_segnet_sizes(learner):
    for k, size in enumerate(((33, 70), (47, 32))):
        agrees(learner, "SegNet", (1, 2, THIN), picture(1, 1, *size, seed=k), seed=k)


@check("SegNet", "a small one, several channels and images", weight=3)
def test_segnet_small(learner):
    agrees(learner, "SegNet", (3, 4, 1 / 64), picture(2, 3, 64, 40, seed=8))


@check("SegNet", "while training, the norms use the batch's own means", weight=2)
def test_segnet_training(learner):
    agrees(learner, "SegNet", (1, 2, 1 / 64), picture(3, 1, 64, 64, seed=10), training=True)


@check("SegNet", "any size, channels and classes", weight=2, hidden=True)
@settings(max_examples=6)
@given(
    settings=st.tuples(st.integers(1, 3), st.integers(1, 3), st.sampled_from([THIN, 1 / 128])),
    size=st.tuples(st.integers(32, 70), st.integers(32, 70)),
    seed=st.integers(0, 500),
)
def test_segnet_drawn(learner, settings, size, seed):
    state, x = lively("SegNet", settings, seed), picture(1, settings[0], *size, seed=seed)
    expected = right("SegNet", settings, state, x)
    learner.SegNet.through(scored).gives(expected, settings, state, x, tolerance=CLOSE)


@check("SegNet", "refuses what is no width, no class, other channels, and images too small for five poolings")
def test_segnet_refuses(learner):
    refuses(learner.SegNet, "SegNet", (31, 64))


# NohDeconvNet


@check("NohDeconvNet", "parameters: names and shapes", weight=2)
def test_noh_parameters(learner):
    settings = (3, 5, 1 / 64, (64, 128))
    learner.NohDeconvNet.through(found_parameters).gives(shapes("NohDeconvNet", settings), settings)


def scores_of(make, settings, x):
    "shape of NohDeconvNet(*settings)(x)"
    net = make(*settings)
    net.call("eval")
    return tuple(net(x).shape)


@check("NohDeconvNet", "image_size is 224 if it is left out: a waist of 7 x 7 that takes such an image")
def test_noh_default(learner):
    learner.NohDeconvNet.through(found_parameters).gives(shapes("NohDeconvNet", (1, 2, THIN)), (1, 2, THIN))
    learner.NohDeconvNet.through(scores_of).gives((1, 2, 224, 224), (1, 2, THIN), torch.zeros(1, 1, 224, 224))


@check("NohDeconvNet", "one channel everywhere: a bright pixel comes back to its place", weight=3)
def test_noh_places(learner):
    settings = (1, 1, THIN, 32)
    x = torch.zeros(1, 1, 32, 32)
    x[0, 0, 5, 9] = 4.0
    learner.NohDeconvNet.through(scored).gives(x, settings, passing("NohDeconvNet", settings), x, tolerance=1e-3)


@check("NohDeconvNet", "kernels that are not symmetric: they are stamped, not slid over", weight=2)
def test_noh_transposed(learner):
    settings = (1, 1, THIN, 32)
    state = passing("NohDeconvNet", settings)
    state["decoder.12.weight"] = torch.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    x = torch.zeros(1, 1, 32, 32)
    x[0, 0, 5, 9] = 1.0
    expected = torch.zeros(1, 1, 32, 32)
    expected[0, 0, 4:7, 8:11] = torch.arange(1.0, 10.0).reshape(3, 3)
    learner.NohDeconvNet.through(scored).gives(expected, settings, state, x, tolerance=1e-3)


@check("NohDeconvNet", "a small one, several channels and images, higher than wide", weight=3)
def test_noh_small(learner):
    agrees(learner, "NohDeconvNet", (3, 4, 1 / 128, (64, 32)), picture(2, 3, 64, 32, seed=8))


@check("NohDeconvNet", "larger images than image_size, and odd ones", weight=2)
def test_noh_sizes(learner):
    for k, size in enumerate(((33, 70), (101, 64))):
        agrees(learner, "NohDeconvNet", (1, 2, THIN, (32, 64)), picture(1, 1, *size, seed=k), seed=k)


@check("NohDeconvNet", "while training, the norms use the batch's own means", weight=2)
def test_noh_training(learner):
    agrees(learner, "NohDeconvNet", (1, 2, 1 / 64, 32), picture(3, 1, 64, 64, seed=10), training=True)


@check("NohDeconvNet", "any size, channels and classes", weight=2, hidden=True)
@settings(max_examples=6)
@given(
    counts=st.tuples(st.integers(1, 3), st.integers(1, 3), st.sampled_from([THIN, 1 / 128])),
    least=st.tuples(st.integers(32, 70), st.integers(32, 70)),
    more=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    seed=st.integers(0, 500),
)
def test_noh_drawn(learner, counts, least, more, seed):
    settings = (*counts, least)
    x = picture(1, counts[0], least[0] + more[0], least[1] + more[1], seed=seed)
    state = lively("NohDeconvNet", settings, seed)
    expected = right("NohDeconvNet", settings, state, x)
    learner.NohDeconvNet.through(scored).gives(expected, settings, state, x, tolerance=CLOSE)


@check("NohDeconvNet", "refuses what is no width, no class, other channels, and images smaller than image_size")
def test_noh_refuses(learner):
    refuses(learner.NohDeconvNet, "NohDeconvNet", (224, 223))
    learner.NohDeconvNet.raises(ValueError, 1, 1, THIN, 31)


# UNet


@check("UNet", "the width is 1 if it is left out")
def test_unet_default(learner):
    learner.UNet.through(default_width).gives((64, 64), (1, 2))


def scored_valid(make, state, seed):
    "UNet(1, 2, 1e-4, padding=0)(x), x an image of 204 x 188 pixels"
    net = make(1, 2, THIN, 0)
    net.load(state)
    return net(picture(1, 1, 204, 188, seed=seed)).detach()


@check("UNet", "parameters: names and shapes", weight=2)
def test_unet_parameters(learner):
    settings = (3, 5, 1 / 64)
    learner.UNet.through(found_parameters).gives(shapes("UNet", settings), settings)


@check("UNet", "one channel everywhere: the copy lies before what comes from below", weight=3)
def test_unet_copy(learner):
    # `passing` keeps the first of two channels: the copy, which here is the image itself.
    x = (picture(1, 1, 16, 32, seed=3) + 1) * 5
    learner.UNet.through(scored).gives(x, (1, 1, THIN), passing("UNet", (1, 1, THIN)), x)


@check("UNet", "what comes from below, alone: the up-convolutions stamp 2 x 2, and no ReLU follows them", weight=2)
def test_unet_below(learner):
    state = passing("UNet", (1, 1, THIN))
    for level in range(4):
        state[f"up.{level}.weight"] = torch.tensor([[[[1.0, -1.0], [2.0, 0.0]]]])
        state[f"merge.{2 * level}.weight"] = torch.zeros(1, 2, 3, 3)
        state[f"merge.{2 * level}.weight"][0, 1, 1, 1] = 1.0
        state[f"merge.{2 * level}.bias"] = torch.tensor([1.0])
    x = torch.full((1, 1, 16, 16), 3.0)
    expected = right("UNet", (1, 1, THIN), state, x)
    learner.UNet.through(scored).gives(expected, (1, 1, THIN), state, x)


@check("UNet", "a small one, several channels and images", weight=3)
def test_unet_small(learner):
    agrees(learner, "UNet", (3, 4, 1 / 64), picture(2, 3, 48, 32, seed=8))


@check("UNet", "without padding: the middle of each copy", weight=3)
def test_unet_valid(learner):
    state = lively("UNet", (1, 2, THIN, 0))
    expected = right("UNet", (1, 2, THIN, 0), state, picture(1, 1, 204, 188, seed=11))
    learner.UNet.through(scored_valid).gives(expected, state, 11, tolerance=CLOSE)


@check("UNet", "any size, channels and classes", weight=2, hidden=True)
@settings(max_examples=6)
@given(
    settings=st.tuples(st.integers(1, 3), st.integers(1, 3), st.sampled_from([THIN, 1 / 64])),
    size=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    seed=st.integers(0, 500),
)
def test_unet_drawn(learner, settings, size, seed):
    state, x = lively("UNet", settings, seed), picture(1, settings[0], 16 * size[0], 16 * size[1], seed=seed)
    expected = right("UNet", settings, state, x)
    learner.UNet.through(scored).gives(expected, settings, state, x, tolerance=CLOSE)


@check(
    "UNet", "refuses what is no width, no class, no padding, other channels, and sizes that cannot be halved four times"
)
def test_unet_refuses(learner):
    refuses(learner.UNet, "UNet", (16, 24))
    learner.UNet.raises(ValueError, 1, 1, THIN, 2)
    state = lively("UNet", (1, 1, THIN, 0))
    for size in ((188, 192), (172, 188)):
        learner.UNet.through(scored).raises(ValueError, (1, 1, THIN, 0), state, torch.zeros(1, 1, *size))
