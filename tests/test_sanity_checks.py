"""What grades chapter 9."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from deconv_grader.checks.writing import check, draw_array, grid, seeds
from deconv_solutions import sanity_checks as reference


def numbers(shape, seed, low=-4, high=4):
    """Whole numbers in float32: sums of few of them are exact."""
    return torch.from_numpy(draw_array(shape, seed, np.float32, low, high))


def picture(rows):
    return torch.tensor(rows, dtype=torch.float32)


def whole(model, seed):
    """The model with small whole numbers for weights."""
    for i, parameter in enumerate(model.parameters()):
        parameter.data = numbers(parameter.shape, seed + i, -3, 3)
    return model.eval()


# similarity

TOLERANCE = 1e-4  # a share of the number itself: float32 will do


def alike(learner, a, b, tolerance=TOLERANCE):
    learner.similarity.gives(reference.similarity(a, b), a, b, tolerance=tolerance)


@check("similarity", "a ramp and its square: the same order, another shape", weight=2)
def test_similarity_ramp(learner):
    ramp = picture(grid(7, 8))
    learner.similarity.gives({"spearman": 1.0, "ssim": 0.8973917975801434}, ramp, ramp**2, tolerance=TOLERANCE)


@check("similarity", "two gray pictures with many equal values", weight=3)
def test_similarity_ties(learner):
    alike(learner, numbers((7, 9), 1, -2, 2), numbers((7, 9), 2, -2, 2))


@check("similarity", "larger than one window", weight=2)
def test_similarity_windows(learner):
    a = numbers((9, 12), 3)
    alike(learner, a, a + numbers((9, 12), 4))
    alike(learner, a, 3 * numbers((9, 12), 5).abs() - a)


@check("similarity", "three channels are one gray picture", weight=2)
def test_similarity_channels(learner):
    a, b = numbers((3, 8, 7), 6, -9, 9), numbers((3, 8, 7), 7, -9, 9)
    alike(learner, a, b)
    alike(learner, a[None], b[None])
    alike(learner, a[None], b)
    alike(learner, a[:1], b[0])


@check("similarity", "signs count")
def test_similarity_signs(learner):
    a = numbers((8, 8), 8, 1, 9) * torch.tensor([1.0, -1.0]).repeat(8, 4)
    alike(learner, a, a.abs() + numbers((8, 8), 9, 0, 1))
    alike(learner, a, -a)


@check("similarity", "another scale changes nothing; a constant picture has no order")
def test_similarity_scale(learner):
    a, b = numbers((7, 8), 10), numbers((7, 8), 11)
    alike(learner, 1000 * a, b / 1024)
    alike(learner, a, torch.zeros(7, 8))
    alike(learner, torch.full((3, 7, 8), -2.0), b)
    learner.similarity.gives({"spearman": 0.0, "ssim": 1.0}, torch.zeros(7, 8), torch.zeros(7, 8), tolerance=TOLERANCE)


@check("similarity", "a picture and itself")
def test_similarity_self(learner):
    a = numbers((2, 7, 8), 12)
    learner.similarity.gives({"spearman": 1.0, "ssim": 1.0}, a, a, tolerance=TOLERANCE)


@check("similarity", "any pictures", weight=3, hidden=True)
@given(
    size=st.tuples(st.integers(7, 11), st.integers(7, 11)),
    channels=st.integers(1, 4),
    most=st.sampled_from([1, 3, 50]),
    double=st.booleans(),
    seed=seeds(),
)
def test_similarity_drawn(learner, size, channels, most, double, seed):
    a = numbers((channels, *size), seed, -most, most)
    b = numbers((channels, *size), seed + 1, -most, most) + a
    if double:
        a, b = a.double(), b.double()
    alike(learner, a, b, tolerance=1e-3)


@check("similarity", "refuses what cannot be compared")
def test_similarity_refuses(learner):
    learner.similarity.raises(ValueError, torch.ones(7, 8), torch.ones(8, 7))
    learner.similarity.raises(ValueError, torch.ones(6, 8), torch.ones(6, 8))
    learner.similarity.raises(ValueError, torch.ones(2, 1, 8, 8), torch.ones(2, 1, 8, 8))


# randomise_cascade


def small_net():
    """Two convolutions, of tall kernels and in groups, and a layer that is full."""
    return whole(
        nn.Sequential(
            nn.Conv2d(1, 4, (3, 2)), nn.ReLU(), nn.Conv2d(4, 2, 3, groups=2, bias=False), nn.Flatten(), nn.Linear(6, 3)
        ),
        seed=1,
    )


def cascade(make, model, seed):
    "list(randomise_cascade(model, torch.Generator().manual_seed(seed)))"
    return [(name, copied.parameters()) for name, copied in _all(make(model, torch.Generator().manual_seed(seed)))]


def cascade_shapes(make, model, seed):
    "[(name, how many weights differ) for name, copied in randomise_cascade(model, generator)]"
    items = _all(make(model, torch.Generator().manual_seed(seed)))
    given = dict(model.named_parameters())
    return [
        (name, {key: int((value != given[key]).sum()) for key, value in copied.parameters().items() if "weight" in key})
        for name, copied in items
    ]


def cascade_leaves(make, model, seed):
    "list(randomise_cascade(model, generator)), then a look at the model itself"
    placed = make.place(model)
    _all(make(placed, torch.Generator().manual_seed(seed)))
    return placed.parameters()


def cascade_spoiled(make, model, seed):
    "randomise_cascade(model, generator), where the first copy is filled with 7s before the second is asked for"
    items = iter(_one_by_one(make(model, torch.Generator().manual_seed(seed))))
    _, first = next(items)
    first.load({key: torch.full_like(value, 7) for key, value in first.parameters().items()})
    return [(name, copied.parameters()) for name, copied in items]


def cascade_modes(make, model, seed):
    "[copied.training for name, copied in randomise_cascade(model, generator)]"
    return [copied.get("training") for _, copied in _all(make(model, torch.Generator().manual_seed(seed)))]


def _all(items):
    return items.next(99) if hasattr(items, "next") else items


def _one_by_one(items):
    while hasattr(items, "next"):
        found = items.next(1)
        if not found:
            return
        yield found[0]
    yield from items


@check("randomise_cascade", "which layers differ from the trained ones, item by item", weight=2)
def test_randomise_cascade_layers(learner):
    model = small_net()
    expected = [
        ("4", {"0.weight": 0, "2.weight": 0, "4.weight": 18}),
        ("2", {"0.weight": 0, "2.weight": 36, "4.weight": 18}),
        ("0", {"0.weight": 24, "2.weight": 36, "4.weight": 18}),
    ]
    learner.randomise_cascade.through(cascade_shapes).gives(expected, model, 0)


@check("randomise_cascade", "the weights that are drawn, one layer", weight=2)
def test_randomise_cascade_one_layer(learner):
    model = whole(nn.Sequential(nn.Linear(8, 2)), 3)
    weight = torch.randn(2, 8, generator=torch.Generator().manual_seed(5)) * 0.5
    learner.randomise_cascade.through(cascade).gives([("0", {"0.weight": weight, "0.bias": torch.zeros(2)})], model, 5)


@check("randomise_cascade", "kernels, groups and biases, three layers", weight=3)
def test_randomise_cascade_draws(learner):
    for seed in (0, 7):
        expected = [
            (name, {key: value.detach() for key, value in copied.named_parameters()})
            for name, copied in reference.randomise_cascade(small_net(), torch.Generator().manual_seed(seed))
        ]
        learner.randomise_cascade.through(cascade).gives(expected, small_net(), seed)


@check("randomise_cascade", "the given model does not change")
def test_randomise_cascade_leaves(learner):
    model = small_net()
    expected = {key: value.detach().clone() for key, value in model.named_parameters()}
    learner.randomise_cascade.through(cascade_leaves).gives(expected, model, 0)


@check("randomise_cascade", "every copy is independent")
def test_randomise_cascade_independent(learner):
    expected = [
        (name, {key: value.detach() for key, value in copied.named_parameters()})
        for name, copied in reference.randomise_cascade(small_net(), torch.Generator().manual_seed(2))
    ]
    learner.randomise_cascade.through(cascade_spoiled).gives(expected[1:], small_net(), 2)


@check("randomise_cascade", "names of one's own, frozen layers, the mode is kept", hidden=True)
def test_randomise_cascade_names(learner):
    model = nn.Sequential()
    for name, layer in {
        "conv1": nn.Conv2d(2, 3, 1),
        "relu1": nn.ReLU(),
        "pool1": nn.MaxPool2d(2),
        "conv2": nn.Conv2d(3, 2, (1, 3)),
        "drop": nn.Dropout(),
    }.items():
        model.add_module(name, layer)
    model = whole(model, 8).requires_grad_(False)
    expected = [
        (name, {key: value.detach() for key, value in copied.named_parameters()})
        for name, copied in reference.randomise_cascade(model, torch.Generator().manual_seed(3))
    ]
    learner.randomise_cascade.through(cascade).gives(expected, model, 3)
    learner.randomise_cascade.through(cascade_modes).gives([False, False], model, 3)
    learner.randomise_cascade.through(cascade_modes).gives([True, True], model.train(), 3)


@check("randomise_cascade", "it is an iterator: one item at a time")
def test_randomise_cascade_lazy(learner):
    items = learner.randomise_cascade(small_net(), torch.Generator().manual_seed(0))
    words = "the result is an iterator, as `yield` makes one: a model at a time, not all of them in a list"
    learner.require(hasattr(items, "next"), words)
    learner.require([len(items.next(2)), len(items.next(2))] == [2, 1], "it gives three items, one for each layer")


# occlusion_map


def linear_model(channels, height, width, classes, seed=0):
    """Every pixel has a weight of its own, so that the score tells what was covered."""
    return whole(nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, classes)), seed)


def curved_model(channels, size, classes, seed=0):
    rows, columns = size[0] - 1, size[1] - 1
    layers = nn.Conv2d(channels, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(3 * rows * columns, classes)
    return whole(nn.Sequential(*layers), seed)


@check("occlusion_map", "a 3 x 4 image whose score is the sum of its pixels", weight=2)
def test_occlusion_map_by_hand(learner):
    image = picture(grid(1, 1, 3, 4))
    total = nn.Linear(12, 1, bias=False)
    total.weight.data.fill_(1)
    model = nn.Sequential(nn.Flatten(), total)
    learner.occlusion_map.gives(picture([[68, 64, 60], [52, 48, 44]]), model.requires_grad_(False), image, 0, 2, 1, 1.0)


@check("occlusion_map", "a tall patch, another stride, another fill", weight=2)
def test_occlusion_map_pairs(learner):
    image, model = numbers((1, 1, 5, 7), 1), linear_model(1, 5, 7, 3)
    learner.occlusion_map.gives(
        reference.occlusion_map(model, image, 2, (3, 2), (1, 3), 5.0), model, image, 2, (3, 2), (1, 3), 5.0
    )
    learner.occlusion_map.gives(
        reference.occlusion_map(model, image, 0, (2, 3), 2, -1.0), model, image, 0, (2, 3), 2, -1.0
    )


@check("occlusion_map", "the patch covers all channels", weight=2)
def test_occlusion_map_channels(learner):
    image, model = numbers((1, 3, 4, 5), 2), curved_model(3, (4, 5), 2)
    learner.occlusion_map.gives(
        reference.occlusion_map(model, image, 1, 2, (2, 1), 1.0), model, image, 1, 2, (2, 1), 1.0
    )


@check("occlusion_map", "a patch as large as the image; a stride larger than the patch")
def test_occlusion_map_extremes(learner):
    image, model = numbers((1, 2, 3, 5), 3), curved_model(2, (3, 5), 4)
    learner.occlusion_map.gives(
        reference.occlusion_map(model, image, 3, (3, 5), 1, 2.0), model, image, 3, (3, 5), 1, 2.0
    )
    learner.occlusion_map.gives(
        reference.occlusion_map(model, image, 1, 1, (2, 3), 0.0), model, image, 1, 1, (2, 3), 0.0
    )


@check("occlusion_map", "the model is any function", hidden=True)
def test_occlusion_map_function(learner):
    image = numbers((1, 2, 4, 3), 4)

    def model(x):
        return torch.stack([x.amax((1, 2, 3)), x.square().sum((1, 2, 3))], dim=1)

    expected = reference.occlusion_map(model, image, 1, (1, 2), 1, 3.0)
    learner.occlusion_map.gives(expected, learner.pass_function(model, "model"), image, 1, (1, 2), 1, 3.0)


@check("occlusion_map", "any image, patch and stride", weight=2, hidden=True)
@given(
    size=st.tuples(st.integers(2, 6), st.integers(2, 6)),
    patch=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    channels=st.integers(1, 3),
    label=st.integers(0, 2),
    seed=seeds(),
)
def test_occlusion_map_drawn(learner, size, patch, stride, channels, label, seed):
    patch = tuple(min(p, n) for p, n in zip(patch, size, strict=True))
    image, model = numbers((1, channels, *size), seed), curved_model(channels, size, 3, seed)
    fill = float(seed % 5 - 2)
    learner.occlusion_map.gives(
        reference.occlusion_map(model, image, label, patch, stride, fill), model, image, label, patch, stride, fill
    )


@check("occlusion_map", "refuses a patch that does not fit, several images, an unknown class")
def test_occlusion_map_refuses(learner):
    model = linear_model(1, 3, 4, 2)
    learner.occlusion_map.raises(ValueError, model, numbers((1, 1, 3, 4), 5), 0, (4, 2), 1, 0.0)
    learner.occlusion_map.raises(ValueError, model, numbers((2, 1, 3, 4), 5), 0, 2, 1, 0.0)
    learner.occlusion_map.raises((ValueError, IndexError), model, numbers((1, 1, 3, 4), 5), 2, 2, 1, 0.0)


# deletion_curve


@check("deletion_curve", "a 2 x 3 image whose score is the sum of its pixels", weight=2)
def test_deletion_curve_by_hand(learner):
    image, saliency = picture([[[[1, 2, 4], [8, 16, 32]]]]), picture([[5, 1, 9], [3, 0, 7]])
    total = nn.Linear(6, 1, bias=False)
    total.weight.data.fill_(1)
    model = nn.Sequential(nn.Flatten(), total).requires_grad_(False)
    fractions = torch.arange(4) / 3
    learner.deletion_curve.gives(
        (fractions, picture([63, 27, 18, 0]), 25.5), model, image, 0, saliency, 3, tolerance=1e-5
    )


def deleted(learner, model, image, label, saliency, steps):
    expected = reference.deletion_curve(model, image, label, saliency, steps)
    learner.deletion_curve.gives(expected, model, image, label, saliency, steps, tolerance=1e-5)


@check("deletion_curve", "equal values go in reading order", weight=2)
def test_deletion_curve_ties(learner):
    image, model = numbers((1, 1, 3, 4), 1, 1, 9), linear_model(1, 3, 4, 2)
    deleted(learner, model, image, 1, picture([[1, 2, 1, 2], [2, 2, 1, 1], [2, 1, 1, 2]]), 12)
    wide = linear_model(1, 5, 7, 2)
    deleted(learner, wide, numbers((1, 1, 5, 7), 2, 1, 9), 0, numbers((5, 7), 3, 0, 1), 35)


@check("deletion_curve", "portions that do not divide the pixels", weight=2)
def test_deletion_curve_portions(learner):
    image, model = numbers((1, 1, 3, 5), 4, 1, 9), linear_model(1, 3, 5, 2)
    for steps in (1, 4, 7, 9):
        deleted(learner, model, image, 0, numbers((3, 5), 5, -9, 9), steps)


@check("deletion_curve", "a pixel goes in all channels; negative saliency comes last", weight=2)
def test_deletion_curve_channels(learner):
    image, model = numbers((1, 3, 4, 3), 6), curved_model(3, (4, 3), 4)
    saliency = numbers((4, 3), 7, -9, 9)
    deleted(learner, model, image, 2, saliency, 6)
    deleted(learner, model, image, 2, -saliency, 6)


@check("deletion_curve", "the model is any function", hidden=True)
def test_deletion_curve_function(learner):
    image, saliency = numbers((1, 2, 2, 3), 8), numbers((2, 3), 9)

    def model(x):
        return torch.stack([x.amax((1, 2, 3)), x.square().sum((1, 2, 3))], dim=1)

    expected = reference.deletion_curve(model, image, 1, saliency, 3)
    learner.deletion_curve.gives(expected, learner.pass_function(model, "model"), image, 1, saliency, 3, tolerance=1e-5)


@check("deletion_curve", "any image, saliency and number of steps", weight=2, hidden=True)
@given(
    size=st.tuples(st.integers(2, 5), st.integers(2, 6)),
    channels=st.integers(1, 3),
    steps=st.integers(1, 30),
    label=st.integers(0, 2),
    most=st.sampled_from([1, 9]),
    seed=seeds(),
)
def test_deletion_curve_drawn(learner, size, channels, steps, label, most, seed):
    image, model = numbers((1, channels, *size), seed), curved_model(channels, size, 3, seed)
    # Scores of both signs may cancel in the area: a bias keeps them up.
    model[3].bias.data += 10_000
    deleted(learner, model, image, label, numbers(size, seed + 1, -most, most), min(steps, size[0] * size[1]))


@check("deletion_curve", "refuses a saliency of another size, too many steps, several images")
def test_deletion_curve_refuses(learner):
    model, image = linear_model(1, 3, 4, 2), numbers((1, 1, 3, 4), 10)
    learner.deletion_curve.raises(ValueError, model, image, 0, torch.zeros(4, 3), 3)
    learner.deletion_curve.raises(ValueError, model, image, 0, torch.zeros(3, 4), 13)
    learner.deletion_curve.raises(ValueError, model, image.repeat(2, 1, 1, 1), 0, torch.zeros(3, 4), 3)
    learner.deletion_curve.raises((ValueError, IndexError), model, image, 2, torch.zeros(3, 4), 3)


# invert_features


def inverted(learner, model, layer, target, steps, weight, start, *rate):
    expected = reference.invert_features(model, layer, target, steps, weight, start, *rate)
    learner.invert_features.gives(expected, model, layer, target, steps, weight, start, *rate, tolerance=1e-4)


def conv_model(seed=0):
    model = nn.Sequential(nn.Conv2d(2, 3, (2, 3)), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(3, 2, 1))
    return whole(model, seed)


@check("invert_features", "two steps toward the mean of four pixels", weight=2)
def test_invert_features_by_hand(learner):
    model, start = nn.Sequential(nn.AvgPool2d(2)), picture([[[[0, 1], [2, 3]]]])
    # Every pixel is too small, all gradients are equal, and Adam's steps are the rate.
    expected = start + 0.1
    learner.invert_features.gives(expected, model, "0", picture([[[[9]]]]), 1, 0.0, start, 0.1, tolerance=1e-4)
    inverted(learner, model, "0", picture([[[[9]]]]), 2, 0.0, start, 0.25)


@check("invert_features", "the layer that is named, no other", weight=2)
def test_invert_features_layer(learner):
    model, image = conv_model(), numbers((1, 2, 4, 6), 1)
    with torch.no_grad():
        features = [image]
        for child in model:
            features.append(child(features[-1]))
    start = numbers((1, 2, 4, 6), 2)
    for layer in (0, 2, 3):
        inverted(learner, model, str(layer), features[layer + 1], 4, 0.0, start)


@check("invert_features", "the total variation alone decides where nothing else does", weight=2)
def test_invert_features_smooth(learner):
    model, start = nn.Sequential(nn.AvgPool2d((2, 3))), picture([[[[0, 4, 9], [1, 7, 3]]]])
    inverted(learner, model, "0", picture([[[[4]]]]), 3, 2.0, start, 0.5)
    inverted(learner, model, "0", picture([[[[20]]]]), 3, 0.03, start, 0.5)


@check("invert_features", "both terms, two channels", weight=3)
def test_invert_features_both(learner):
    model, start = conv_model(3), numbers((1, 2, 5, 6), 4)
    with torch.no_grad():
        target = model[:3](numbers((1, 2, 5, 6), 5))
    for weight in (0.0, 0.02, 0.5):
        inverted(learner, model, "2", target, 5, weight, start)
        inverted(learner, model, "2", target, 3, weight, start, 0.2)


@check("invert_features", "a layer that is full, names of one's own", hidden=True)
def test_invert_features_linear(learner):
    model = nn.Sequential()
    model.add_module("flat", nn.Flatten())
    model.add_module("scores", nn.Linear(12, 2))
    model.add_module("soft", nn.Softmax(1))
    model = whole(model, 6)
    start = numbers((1, 1, 3, 4), 7)
    inverted(learner, model, "scores", picture([[30, -20]]), 4, 0.1, start)
    inverted(learner, model.train(), "scores", picture([[30, -20]]), 4, 0.1, start)


@check("invert_features", "refuses a layer that is not there, and features that cannot be met")
def test_invert_features_refuses(learner):
    model, start = conv_model(), numbers((1, 2, 4, 6), 8)
    learner.invert_features.raises(ValueError, model, "conv9", torch.ones(1, 3, 3, 4), 1, 0.0, start)
    learner.invert_features.raises(ValueError, model, "0", torch.ones(1, 3, 3, 1), 1, 0.0, start)
    learner.invert_features.raises(ValueError, model, "0", torch.zeros(1, 3, 3, 4), 1, 0.0, start)
