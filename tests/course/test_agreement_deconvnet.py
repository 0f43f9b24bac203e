"""Chapter 8's solutions against autograd, against Captum, and against arithmetic.

What is decided about a unit whose value is negative (a convolution's output may be): its value goes back as it is, so
the first ReLU that the DeconvNet's rule meets on the way stops or passes what a negative number sends.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.autograd import Function  # noqa: E402

from deconv_grader.checks.writing import draw_array, seeds  # noqa: E402
from deconv_solutions.deconvnet import (  # noqa: E402
    project,
    receptive_patch,
    relu_backward,
    top_activations,
)
from deconvlib.course import photograph, vgg16, vgg16_input  # noqa: E402

RULES = ("gradient", "deconvnet", "guided")


def whole(shape, seed, low=-2, high=2):
    return torch.from_numpy(draw_array(shape, seed, np.float64, low, high))


def close(ours, theirs, tolerance=1e-5):
    scale = theirs.abs().max().item()
    assert scale > 0
    assert (ours - theirs).abs().max().item() <= tolerance * scale


def strongest(maps):
    """The unit of one image that answers most."""
    _, channel, row, column = (int(i) for i in np.unravel_index(int(maps.argmax()), maps.shape))
    return channel, row, column


class Ruled(Function):
    """A ReLU that autograd goes back through by one of the rules."""

    @staticmethod
    def forward(ctx, x, rule):
        ctx.save_for_backward(x)
        ctx.rule = rule
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return {
            "gradient": grad * (x > 0),
            "deconvnet": grad.clamp(min=0),
            "guided": grad.clamp(min=0) * (x > 0),
        }[ctx.rule], None


def by_autograd(model, image, layer, unit, rule):
    """One backward pass of autograd that starts with the unit's value at the unit."""
    pixels = x = image.clone().requires_grad_()
    for name, step in model.named_children():
        x = Ruled.apply(x, rule) if isinstance(step, nn.ReLU) else step(x)
        if name == layer:
            break
    seed = torch.zeros_like(x)
    seed[(0, *unit)] = x.detach()[(0, *unit)]
    return torch.autograd.grad(x, pixels, seed)[0]


def tiny(seed, dtype=torch.float64):
    model = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 0), groups=2),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(3, 2, padding=1),
            conv2=nn.Conv2d(4, 3, 2, dilation=(1, 2), padding=(0, 1)),
            relu2=nn.ReLU(),
            pool2=nn.AvgPool2d((2, 1), 1),
            conv3=nn.Conv2d(3, 3, (1, 2), padding="same"),
            relu3=nn.ReLU(),
        )
    ).eval()
    for i, parameter in enumerate(model.parameters()):
        parameter.data = whole(parameter.shape, 31 * seed + i)
    return model.to(dtype)


@settings(max_examples=25)
@given(seed=seeds(), rule=st.sampled_from(RULES), last=st.sampled_from(["conv1", "pool1", "relu2", "pool2", "relu3"]))
def test_with_its_rule_in_the_relu_autograd_draws_the_same_picture(seed, rule, last):
    model, image = tiny(seed), whole((1, 2, 9, 10), seed + 1)
    names = list(model._modules)
    with torch.no_grad():
        maps = model[: names.index(last) + 1](image)
    unit = strongest(maps)
    expected = by_autograd(model, image, last, unit, rule)
    ours = project(model, image, last, unit, rule)
    torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12 * float(expected.abs().max() + 1))


@settings(max_examples=15)
@given(seed=seeds())
def test_the_gradient_rule_is_the_value_times_the_gradient(seed):
    model, image = tiny(seed), whole((1, 2, 10, 11), seed + 2).requires_grad_()
    value = model(image)[0, 1].max()
    (slope,) = torch.autograd.grad(value, image)
    torch.testing.assert_close(project(model, image.detach(), "relu3", 1, "gradient"), value.detach() * slope)


def test_the_rules_differ_in_the_relu_alone():
    """With the gradient's rule swapped in, `project` for the DeconvNet is `project` for the gradient."""
    import deconv_solutions.deconvnet as module

    model, image = tiny(5), whole((1, 2, 9, 10), 6)
    with torch.no_grad():
        channel = int(model(image)[0].amax(dim=(1, 2)).argmax())
    pictures = {rule: project(model, image, "relu3", channel, rule) for rule in RULES}
    assert not torch.equal(pictures["gradient"], pictures["deconvnet"])
    original = module.relu_backward
    try:
        module.relu_backward = lambda grad, x, rule: original(grad, x, "gradient")
        swapped = {rule: project(model, image, "relu3", channel, rule) for rule in RULES}
    finally:
        module.relu_backward = original
    assert all(torch.equal(picture, pictures["gradient"]) for picture in swapped.values())


def test_in_a_network_without_relu_the_three_pictures_are_one():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Conv2d(2, 1, 2)).double()
    image = whole((1, 1, 8, 7), 1)
    one, two, three = (project(model, image, "2", 0, rule) for rule in RULES)
    assert torch.equal(one, two)
    assert torch.equal(one, three)


def witnesses():
    attr = pytest.importorskip("captum.attr")
    return {"deconvnet": attr.Deconvolution, "guided": attr.GuidedBackprop, "gradient": attr.Saliency}


def by_captum(model, image, unit, rule):
    """Captum's picture of a unit of the model's last layer. It sends back a 1, so its value is multiplied in."""
    method = witnesses()[rule](model)
    options = {"abs": False} if rule == "gradient" else {}
    pixels = image.clone().requires_grad_()
    with torch.no_grad():
        value = model(image)[(0, *unit)]
    assert value > 0
    return value * method.attribute(pixels, target=unit, **options).detach()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(4))
def test_captum_agrees_on_a_tiny_network(seed, rule):
    model, image = tiny(seed), whole((1, 2, 9, 10), seed + 3)
    with torch.no_grad():
        maps = model(image)
    unit = strongest(maps)
    close(project(model, image, "relu3", unit, rule), by_captum(model, image, unit, rule), 1e-12)


@pytest.fixture(scope="module")
def vgg():
    return vgg16("relu5_3")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("rule", RULES)
def test_captum_and_autograd_agree_on_vgg(vgg, rule):
    image = vgg16_input(photograph("chelsea", size=64), vgg)
    with torch.no_grad():
        maps = vgg(image)
    unit = strongest(maps)
    ours = project(vgg, image, "relu5_3", unit, rule)
    close(ours, by_autograd(vgg, image, "relu5_3", unit, rule))
    close(ours, by_captum(vgg, image, unit, rule))


def test_a_model_is_left_as_it_was(vgg):
    model = nn.Sequential(
        OrderedDict(conv=nn.Conv2d(1, 2, 2), relu=nn.ReLU(inplace=True), drop=nn.Dropout(0.5), flat=nn.Flatten())
    ).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    image = torch.rand(1, 1, 3, 4) - 0.5
    kept = image.clone()
    for rule in RULES:
        picture = project(model, image, "flat", 3, rule)
        assert not picture.requires_grad
        assert picture.grad_fn is None
    assert not project(model, image, "drop", 1).requires_grad
    top_activations(model, image, "drop", 0, 1)
    assert torch.equal(image, kept)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    assert model.training
    assert model.get_submodule("drop").training
    assert not any(len(part._backward_hooks) + len(part._forward_hooks) for part in model.modules())


def test_an_in_place_relu_changes_nothing():
    models = [
        nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 2, 2), relu=nn.ReLU(inplace), last=nn.Conv2d(2, 1, 1)))
        for inplace in (False, True)
    ]
    models[1].load_state_dict(models[0].state_dict())
    image = whole((1, 1, 4, 5), 3).float()
    for rule in RULES:
        one, two = (project(model, image, "last", 0, rule) for model in models)
        assert torch.equal(one, two)


def test_the_result_shares_no_memory_even_if_nothing_lies_in_between():
    image = torch.full((1, 1, 1, 1), 2.0)
    picture = project(nn.Sequential(nn.Flatten()), image, "0", 0)
    picture.fill_(7)
    assert image.item() == 2


@settings(max_examples=30)
@given(data=st.data())
def test_a_unit_reads_its_patch_and_nothing_else(data):
    """Pixels outside change nothing; the first row and column matter, and with strides of 1 the last ones, too.

    Ceiling pools and "same" padding are included. Where a stride left rows over, padding of a later layer may stand for the
    patch's last rows; where dilation leaves holes, the image's border may fall into one. The patch is the whole field.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    steps = set()
    for i in range(data.draw(st.integers(1, 3))):
        kernel = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
        stride = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
        kind = data.draw(st.sampled_from(["conv", "same", "pool"]))
        if kind == "conv":
            layers[f"conv{i}"] = nn.Conv2d(1, 1, kernel, stride, (kernel[0] // 2, 0), data.draw(st.integers(1, 2)))
        elif kind == "same":
            stride = 1, 1
            layers[f"conv{i}"] = nn.Conv2d(1, 1, kernel, padding="same", dilation=data.draw(st.integers(1, 2)))
        else:
            layers[f"pool{i}"] = nn.AvgPool2d(kernel, stride, ceil_mode=data.draw(st.booleans()))
        steps.add(max(stride))
    model = nn.Sequential(layers).double()
    for parameter in model.parameters():
        parameter.data = torch.ones_like(parameter)
    size = data.draw(st.integers(30, 36)), data.draw(st.integers(30, 36))
    image = torch.zeros(1, 1, *size, dtype=torch.float64, requires_grad=True)
    maps = model(image)
    row, column = (data.draw(st.integers(0, n - 1)) for n in maps.shape[2:])
    last = list(layers)[-1]
    top, left, bottom, right = receptive_patch(model, last, row, column, size)
    seen = torch.autograd.grad(maps[0, 0, row, column], image)[0][0, 0] > 0
    rows, columns = seen.any(dim=1).nonzero().flatten(), seen.any(dim=0).nonzero().flatten()
    for pixels, first, last_one, length in ((rows, top, bottom, size[0]), (columns, left, right, size[1])):
        if len(pixels):
            assert first <= pixels.min()
            assert pixels.max() < last_one
            assert pixels.min() == first or first == 0
            assert pixels.max() + 1 == last_one or last_one == length or steps != {1}
    for word, place in (("row", (maps.shape[2], column)), ("column", (row, maps.shape[3]))):
        with pytest.raises(ValueError, match=f"{word} must be below"):
            receptive_patch(model, last, *place, size)


def test_vgg_fields_are_those_of_the_textbook(vgg):
    """Receptive fields of VGG-16's last convolutions in each block, for a unit in the middle."""
    fields = {"conv1_2": 5, "conv2_2": 14, "conv3_3": 40, "conv4_3": 92, "conv5_3": 196}
    for layer, field in fields.items():
        block = int(layer[4])
        middle = 128 // 2 ** (block - 1)
        top, left, bottom, right = receptive_patch(vgg, layer, middle, middle, 256)
        assert (bottom - top, right - left) == (field, field)


def test_a_batch_gives_what_single_images_give(vgg):
    names = ("chelsea", "coffee", "astronaut", "coins")
    images = torch.cat([vgg16_input(photograph(name, size=64), vgg) for name in names])
    hits = top_activations(vgg, images, "relu3_3", 7, 4)
    assert [hit[3] for hit in hits] == sorted((hit[3] for hit in hits), reverse=True)
    for n, row, column, value in hits:
        (single,) = top_activations(vgg, images[n : n + 1], "relu3_3", 7, 1)
        assert single[1:3] == (row, column)
        assert single[3] == pytest.approx(value, rel=1e-5)


def test_relu_backward_keeps_no_history():
    grad, x = torch.ones(3, requires_grad=True), torch.tensor([1.0, 0.0, -1.0], requires_grad=True)
    back = relu_backward(grad, x, "gradient")
    assert back.tolist() == [1.0, 0.0, 0.0]
    assert not back.requires_grad
