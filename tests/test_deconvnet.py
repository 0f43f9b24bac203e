"""What grades chapter 8."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from deconv_grader.checks.writing import check, draw_array, seeds
from deconv_solutions import deconvnet as reference

RULES = ("gradient", "deconvnet", "guided")


def whole(shape, seed, dtype=np.float32, low=-3, high=3):
    """A tensor of small whole numbers: sums are exact in float32, and a reader can follow them."""
    return torch.from_numpy(draw_array(shape, seed, dtype, low, high))


def plane(rows, dtype=torch.float32):
    """One plane as a batch of one image with one channel."""
    return torch.tensor(rows, dtype=dtype)[None, None]


def network(seed=0, **layers):
    """Children by their names, with small whole numbers for weights; the biases are whole numbers, too."""
    model = nn.Sequential(OrderedDict(layers)).eval()
    for i, parameter in enumerate(model.parameters()):
        parameter.data = whole(parameter.shape, 100 * seed + i, low=-2, high=2)
    return model


# relu_backward


def way_back():
    """(grad, x), new ones each time: an answer may change them."""
    grad = plane([[3.0, -2, 5, -4], [6, -1, 7, 0], [1, -8, 2, -9]])
    return grad, plane([[1.0, 2, -3, -4], [0, 0, 5, 5], [-1, 6, 0, -7]])


@check("relu_backward", "the gradient passes where x was positive", weight=2)
def test_relu_backward_gradient(learner):
    learner.relu_backward.gives(plane([[3.0, -2, 0, 0], [0, 0, 7, 0], [0, -8, 0, 0]]), *way_back(), "gradient")


@check("relu_backward", "the DeconvNet passes what is positive on the way back", weight=2)
def test_relu_backward_deconvnet(learner):
    learner.relu_backward.gives(plane([[3.0, 0, 5, 0], [6, 0, 7, 0], [1, 0, 2, 0]]), *way_back(), "deconvnet")


@check("relu_backward", "guided backpropagation asks for both", weight=2)
def test_relu_backward_guided(learner):
    learner.relu_backward.gives(plane([[3.0, 0, 0, 0], [0, 0, 7, 0], [0, 0, 0, 0]]), *way_back(), "guided")


@check("relu_backward", "any shape, float32 and float64", weight=2, hidden=True)
@given(
    shape=st.lists(st.integers(1, 3), min_size=1, max_size=4),
    seed=seeds(),
    dtype=st.sampled_from([np.float32, np.float64]),
    rule=st.sampled_from(RULES),
)
def test_relu_backward_drawn(learner, shape, seed, dtype, rule):
    grad, x = whole(shape, seed, dtype), whole(shape, seed + 1, dtype, -1, 1)
    learner.relu_backward.gives(reference.relu_backward(grad, x, rule), grad, x, rule)


@check("relu_backward", "refuses another rule, and shapes that differ")
def test_relu_backward_refuses(learner):
    learner.relu_backward.raises(ValueError, *way_back(), "relu")
    grad, x = way_back()
    learner.relu_backward.raises(ValueError, grad, x[:, :, :2], "gradient")


# project

STEP = nn.Conv2d(1, 1, (1, 2), bias=False)
STEP.weight.data = torch.tensor([[[[2.0, -1.0]]]])


@check("project", "one convolution by the kernel 2, -1: the kernel, times the value, at its place", weight=2)
def test_project_convolution(learner):
    model = nn.Sequential(OrderedDict(conv=STEP)).eval()
    image = plane([[1.0, 0, 3, 1], [2, 1, 0, 4]])  # conv: 2, -3, 5 and 3, 2, -4
    learner.project.gives(plane([[0.0, 0, 10, -5], [0, 0, 0, 0]]), model, image, "conv", (0, 0, 2))
    learner.project.gives(plane([[0.0, 0, 0, 0], [0, 0, -8, 4]]), model, image, "conv", (0, 1, 2))


@check("project", "a bias belongs to the way forward only")
def test_project_bias(learner):
    model = network(1, conv1=nn.Conv2d(1, 2, (2, 1)), conv2=nn.Conv2d(2, 2, (1, 2)))
    model.conv1.bias.data = torch.tensor([5.0, -7.0])
    image = whole((1, 1, 3, 4), 2)
    expected = reference.project(model, image, "conv2", (1, 1, 0))
    learner.project.gives(expected, model, image, "conv2", (1, 1, 0))


@check("project", "max-pooling by 2 x 2: the value returns to its switch, and the row left over returns too", weight=2)
def test_project_switches(learner):
    model = nn.Sequential(OrderedDict(pool=nn.MaxPool2d(2))).eval()
    image = plane([[1.0, 4, 2, 8, 9], [3, 0, 5, 6, 9], [9, 9, 9, 9, 9]])
    learner.project.gives(plane([[0.0, 0, 0, 8, 0], [0] * 5, [0] * 5]), model, image, "pool", (0, 0, 1))


@check("project", "pools of 1 x 2 that overlap, then the kernel 3, 2: what meets in one place adds up")
def test_project_overlap(learner):
    model = network(3, pool=nn.MaxPool2d((1, 2), 1), conv=nn.Conv2d(1, 1, (1, 2), bias=False))
    model.conv.weight.data = torch.tensor([[[[3.0, 2.0]]]])
    image = plane([[0.0, 4, 1, 0]])  # pool: 4, 4, 1; conv: 20, 14
    learner.project.gives(plane([[0.0, 100, 0, 0]]), model, image, "conv", (0, 0, 0))


@check("project", "a bare channel: its strongest place, the first of equal ones", weight=2)
def test_project_strongest(learner):
    conv = nn.Conv2d(2, 2, 1, bias=False)
    conv.weight.data = torch.eye(2)[:, :, None, None]  # gives the image back
    model = nn.Sequential(OrderedDict(conv=conv)).eval()
    image = torch.cat([plane([[1.0, 9, 2], [9, -12, 3]]), plane([[0.0, 1, 2], [3, 4, 5]])], dim=1)
    first, second = torch.zeros_like(image), torch.zeros_like(image)
    first[0, 0, 0, 1], second[0, 1, 1, 2] = 9, 5
    learner.project.gives(first, model, image, "conv", 0)
    learner.project.gives(second, model, image, "conv", 1)


@check("project", "the three rules, in one network of two ReLUs", weight=3)
def test_project_rules(learner):
    model = network(
        6,
        conv1=nn.Conv2d(1, 3, 2),
        relu1=nn.ReLU(),
        conv2=nn.Conv2d(3, 2, (2, 1)),
        relu2=nn.ReLU(),
        conv3=nn.Conv2d(2, 2, 1),
    )
    image = whole((1, 1, 4, 5), 5)
    pictures = [reference.project(model, image, "conv3", (0, 1, 2), rule) for rule in RULES]
    assert all(not torch.equal(a, b) for i, a in enumerate(pictures) for b in pictures[:i])
    for rule, expected in zip(RULES, pictures, strict=True):
        learner.project.gives(expected, model, image, "conv3", (0, 1, 2), rule)
    learner.project.gives(pictures[1], model, image, "conv3", (0, 1, 2))


@check("project", "the gradient's picture is the value times autograd's gradient")
def test_project_gradient(learner):
    model = network(
        7,
        conv1=nn.Conv2d(2, 3, 3, padding=1),
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(3, 2, padding=1),
        conv2=nn.Conv2d(3, 2, 2),
        relu2=nn.ReLU(),
    )
    image = whole((1, 2, 6, 5), 8).requires_grad_()
    value = model(image)[0, 1].max()
    assert value > 0
    (slope,) = torch.autograd.grad(value, image)
    image.requires_grad_(False)
    learner.project.gives(value.detach() * slope, model, image, "relu2", 1, "gradient")


@check("project", "layers in the middle count, layers behind them do not")
def test_project_middle(learner):
    model = network(9, conv1=nn.Conv2d(1, 2, 2), relu1=nn.ReLU(), pool1=nn.MaxPool2d(2), conv2=nn.Conv2d(2, 1, 1))
    image = whole((1, 1, 4, 5), 10)
    for layer in ("conv1", "relu1", "pool1"):
        learner.project.gives(reference.project(model, image, layer, 1), model, image, layer, 1)


@check("project", "strides that leave rows over, padding, dilation, groups", weight=2)
def test_project_convolutions(learner):
    model = network(
        11,
        conv1=nn.Conv2d(2, 4, (3, 2), stride=(2, 3), padding=(1, 0), groups=2),
        relu1=nn.ReLU(),
        conv2=nn.Conv2d(4, 3, (2, 1), dilation=(2, 1), padding=(2, 1)),
    )
    image = whole((1, 2, 6, 7), 12)
    for unit in ((0, 2, 1), (2, 0, 2)):
        learner.project.gives(reference.project(model, image, "conv2", unit), model, image, "conv2", unit)


@check("project", "average pools, Flatten and Linear; dropout does nothing")
def test_project_others(learner):
    model = network(
        13,
        conv=nn.Conv2d(1, 2, 2),
        relu=nn.ReLU(),
        pool=nn.AvgPool2d((1, 2)),
        drop=nn.Dropout(1.0),
        flat=nn.Flatten(),
        fc1=nn.Linear(12, 4),
        relu1=nn.ReLU(),
        fc2=nn.Linear(4, 3),
    ).train()
    image = whole((1, 1, 4, 5), 14)
    learner.project.gives(reference.project(model, image, "drop", (1, 1, 1)), model, image, "drop", (1, 1, 1))
    for rule in RULES:
        learner.project.gives(reference.project(model, image, "fc2", 2, rule), model, image, "fc2", 2, rule)


@check("project", "float64 stays float64", hidden=True)
def test_project_double(learner):
    model = network(15, conv=nn.Conv2d(1, 2, 2), relu=nn.ReLU()).double()
    image = whole((1, 1, 3, 4), 16, np.float64)
    learner.project.gives(reference.project(model, image, "relu", 1), model, image, "relu", 1)


@st.composite
def networks(draw):
    """A network of two or three blocks, and an image that fits it."""
    seed, channels = draw(seeds()), draw(st.integers(1, 2))
    layers: dict[str, nn.Module] = {}
    sides = draw(st.integers(8, 10)), draw(st.integers(8, 10))
    shape = (1, channels, *sides)
    for block in range(1, draw(st.integers(2, 3)) + 1):
        width = draw(st.integers(1, 3))
        kernel = (draw(st.integers(1, 2)), draw(st.integers(1, 2))) if block < 3 else (1, 1)
        pool = draw(st.sampled_from([None, (2, 1), ((2, 1), (1, 2)), (3, 2)])) if block == 1 else None
        stride = draw(st.sampled_from([1, (2, 1), (1, 2)])) if block == 1 and pool != (3, 2) else 1
        padding = draw(st.integers(0, 1)), draw(st.integers(0, 1))
        layers[f"conv{block}"] = nn.Conv2d(channels, width, kernel, stride, padding)
        layers[f"relu{block}"] = nn.ReLU()
        if pool:
            window, step = pool
            layers[f"pool{block}"] = nn.MaxPool2d(window, step, draw(st.integers(0, 1)) if pool == (3, 2) else 0)
        channels = width
    return network(seed, **layers), whole(shape, seed + 1)


@check("project", "any small network, any rule", weight=3, hidden=True)
@settings(max_examples=12)
@given(case=networks(), rule=st.sampled_from(RULES), data=st.data())
def test_project_drawn(learner, case, rule, data):
    model, image = case
    with torch.no_grad():
        maps = model(image)
    name = list(model._modules)[-1]
    unit = tuple(data.draw(st.integers(0, n - 1)) for n in maps.shape[1:])
    learner.project.gives(reference.project(model, image, name, unit, rule), model, image, name, unit, rule)


@check("project", "refuses a layer, a unit or a rule that is not there")
def test_project_refuses(learner):
    model = network(17, conv=nn.Conv2d(1, 2, 2), relu=nn.ReLU())
    image = whole((1, 1, 3, 4), 18)
    learner.project.raises(ValueError, model, image, "conv9", 0)
    learner.project.raises(ValueError, model, image, "relu", 2)
    learner.project.raises(ValueError, model, image, "relu", (0, 2, 0))
    learner.project.raises(ValueError, model, image, "relu", (0, 0, -1))
    learner.project.raises(ValueError, model, image, "conv", 0, "relu")
    learner.project.raises(ValueError, model, torch.cat([image, image]), "relu", 0)


# top_activations

PLANES = torch.cat(
    [
        plane([[1.0, 2, 3], [8, 0, 8]]),
        plane([[-9.0, -4, -6], [-5, -7, -8]]),
        plane([[0.0, 9, 1], [0, 8, 0]]),
        plane([[7.0, 0, 8], [1, 8, 2]]),
        plane([[5.0, 0, 0], [0, 0, 0]]),
    ]
)
COPY = nn.Conv2d(1, 1, 1, bias=False)
COPY.weight.data.fill_(1.0)
IDENTITY = nn.Sequential(OrderedDict(conv=COPY))


@check("top_activations", "five images of 2 x 3 pixels, a layer that copies them, the three strongest", weight=2)
def test_top_activations_by_hand(learner):
    # One hit an image; of the equal eights the earlier image first, and in it the first place.
    expected = [(2, 0, 1, 9.0), (0, 1, 0, 8.0), (3, 0, 2, 8.0)]
    learner.top_activations.gives(expected, IDENTITY, PLANES, "conv", 0, 3)


@check("top_activations", "negative maxima count, and all of the images may be asked for")
def test_top_activations_all(learner):
    expected = [(2, 0, 1, 9.0), (0, 1, 0, 8.0), (3, 0, 2, 8.0), (4, 0, 0, 5.0), (1, 0, 1, -4.0)]
    learner.top_activations.gives(expected, IDENTITY, PLANES, "conv", 0, 5)


@check("top_activations", "the layer and the channel that were asked for", weight=2)
def test_top_activations_layers(learner):
    model = network(
        20, conv1=nn.Conv2d(2, 3, 2), relu1=nn.ReLU(), pool1=nn.MaxPool2d(2), conv2=nn.Conv2d(3, 4, 1), relu2=nn.ReLU()
    )
    images = whole((6, 2, 6, 7), 21)
    for layer, unit in (("conv1", 2), ("relu1", 1), ("pool1", 0), ("conv2", 3)):
        learner.top_activations.gives(
            reference.top_activations(model, images, layer, unit, 4), model, images, layer, unit, 4
        )


@check("top_activations", "more images than fit into a small batch; dropout does nothing")
def test_top_activations_many(learner):
    model = network(22, conv=nn.Conv2d(1, 2, (1, 2)), drop=nn.Dropout(1.0)).train()
    images = whole((21, 1, 2, 3), 23)
    learner.top_activations.gives(reference.top_activations(model, images, "drop", 1, 9), model, images, "drop", 1, 9)


@check("top_activations", "any images, full of ties", weight=2, hidden=True)
@settings(max_examples=15)
@given(n=st.integers(1, 7), size=st.tuples(st.integers(1, 3), st.integers(1, 4)), seed=seeds(), data=st.data())
def test_top_activations_drawn(learner, n, size, seed, data):
    images = whole((n, 1, *size), seed, low=-1, high=1)
    k = data.draw(st.integers(1, n))
    learner.top_activations.gives(
        reference.top_activations(IDENTITY, images, "conv", 0, k), IDENTITY, images, "conv", 0, k
    )


@check("top_activations", "refuses what is not there")
def test_top_activations_refuses(learner):
    learner.top_activations.raises(ValueError, IDENTITY, PLANES, "conv2", 0, 1)
    learner.top_activations.raises(ValueError, IDENTITY, PLANES, "conv", 1, 1)
    learner.top_activations.raises(ValueError, IDENTITY, PLANES, "conv", 0, 6)
    learner.top_activations.raises(ValueError, IDENTITY, PLANES, "conv", 0, 0)
    flat = network(24, flat=nn.Flatten())
    learner.top_activations.raises(ValueError, flat, PLANES, "flat", 0, 1)


# receptive_patch

VGG = nn.Sequential(
    OrderedDict(
        conv1=nn.Conv2d(1, 1, 3, padding=1),
        relu1=nn.ReLU(),
        conv2=nn.Conv2d(1, 1, 3, padding=1),
        relu2=nn.ReLU(),
        pool2=nn.MaxPool2d(2),
        conv3=nn.Conv2d(1, 1, 3, padding=1),
    )
)


@check(
    "receptive_patch",
    "two convolutions of 3 x 3, a pool of 2 x 2, a third convolution, in the middle of the image",
    weight=2,
)
def test_receptive_patch_middle(learner):
    learner.receptive_patch.gives((9, 11, 12, 14), VGG, "conv1", 10, 12, 32)
    learner.receptive_patch.gives((8, 10, 13, 15), VGG, "relu2", 10, 12, 32)
    learner.receptive_patch.gives((8, 14, 14, 20), VGG, "pool2", 5, 8, 32)
    learner.receptive_patch.gives((6, 12, 16, 22), VGG, "conv3", 5, 8, 32)


@check("receptive_patch", "clipped at every side of an image that is not square", weight=2)
def test_receptive_patch_clipped(learner):
    learner.receptive_patch.gives((0, 0, 6, 8), VGG, "conv3", 0, 1, (12, 20))
    learner.receptive_patch.gives((6, 14, 12, 20), VGG, "conv3", 5, 9, (12, 20))


@check("receptive_patch", "kernels, strides and padding that differ between rows and columns", weight=2)
def test_receptive_patch_pairs(learner):
    model = nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(1, 2, (5, 3), stride=(2, 3), padding=(2, 0)),
            pool=nn.AvgPool2d((1, 2), stride=(1, 2), padding=(0, 1)),
            last=nn.MaxPool2d((3, 2), stride=(2, 1)),
        )
    )
    for layer, row, column in (("conv", 3, 2), ("pool", 4, 1), ("last", 1, 2)):
        expected = reference.receptive_patch(model, layer, row, column, (24, 30))
        learner.receptive_patch.gives(expected, model, layer, row, column, (24, 30))


@check("receptive_patch", "dilation spreads the taps: 3 x 2 of them, dilation 2 and 3")
def test_receptive_patch_dilation(learner):
    model = nn.Sequential(
        OrderedDict(conv=nn.Conv2d(1, 1, (3, 2), dilation=(2, 3)), pool=nn.MaxPool2d(2, 1, dilation=(1, 2)))
    )
    learner.receptive_patch.gives((1, 2, 6, 6), model, "conv", 1, 2, 12)
    learner.receptive_patch.gives((1, 2, 7, 8), model, "pool", 1, 2, 12)


@st.composite
def chains(draw):
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i in range(draw(st.integers(1, 3))):
        kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
        stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
        padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
        if draw(st.booleans()):
            layers[f"conv{i}"] = nn.Conv2d(1, 1, kernel, stride, padding, draw(st.sampled_from([1, (1, 2), (2, 1)])))
        else:
            layers[f"pool{i}"] = draw(st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]))(kernel, stride, padding)
    return nn.Sequential(layers)


@check("receptive_patch", "any chain of convolutions and pools", weight=2, hidden=True)
@given(model=chains(), size=st.tuples(st.integers(44, 60), st.integers(44, 60)), data=st.data())
def test_receptive_patch_drawn(learner, model, size, data):
    with torch.no_grad():
        rows, columns = model(torch.zeros(1, 1, *size)).shape[2:]
    row, column = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    layer = list(model._modules)[-1]
    expected = reference.receptive_patch(model, layer, row, column, size)
    learner.receptive_patch.gives(expected, model, layer, row, column, size)


@check("receptive_patch", "refuses places outside the maps, and layers without a window")
def test_receptive_patch_refuses(learner):
    learner.receptive_patch.raises(ValueError, VGG, "conv4", 0, 0, 32)
    learner.receptive_patch.raises(ValueError, VGG, "pool2", 6, 0, (12, 20))
    learner.receptive_patch.raises(ValueError, VGG, "pool2", 0, 10, (12, 20))
    learner.receptive_patch.raises(ValueError, VGG, "pool2", -1, 0, (12, 20))
    flat = nn.Sequential(OrderedDict(flat=nn.Flatten(), fc=nn.Linear(4, 2)))
    learner.receptive_patch.raises(ValueError, flat, "fc", 0, 0, 2)
