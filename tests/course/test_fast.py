"""`deconvlib.fast`: never another result than PyTorch's, whatever the arguments."""

from __future__ import annotations

import copy
import random
import subprocess
import sys
from typing import Any

import pytest

torch = pytest.importorskip("torch")
F, nn = torch.nn.functional, torch.nn

from deconvlib import fast  # noqa: E402
from deconvlib.fast import FastConvTranspose2d, choose, conv_transpose2d, replace_transposed  # noqa: E402

NAMES = ("polyphase", "planes", "bands")


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def everywhere(monkeypatch):
    """However small the input: the rule takes another algorithm wherever one is allowed."""
    monkeypatch.setattr(fast, "SMALLEST", 0)
    monkeypatch.setattr(fast, "PAYS", 1e9)
    monkeypatch.setattr(fast, "FEWEST_CHANNELS", 1)


def forced(name):
    """The algorithm `name` as a function with PyTorch's signature; no dilation, no groups, batches only."""

    def function(y, w, bias=None, stride=1, padding=0, output_padding=0):
        x = fast._Differentiable.apply(name, y, w, *map(fast._pair, (stride, padding, output_padding)))
        return x if bias is None else x + bias[:, None, None]

    return function


def setting(seed):
    """Sizes and arguments that PyTorch takes: (shape, weight_shape, biased, keywords, dtype, layouts)."""
    draw = random.Random(seed)
    groups = draw.choice((1, 1, 1, 2, 3))
    c_in, c_out = groups * draw.randint(1, 6 if groups > 1 else 20), groups * draw.randint(1, 3)
    kernel = draw.randint(1, 7), draw.randint(1, 7)
    stride = draw.randint(1, 5), draw.randint(1, 5)
    dilation = draw.choice(((1, 1), (1, 1), (1, 1), (2, 1), (2, 3)))
    more = tuple(draw.randint(0, max(s, d) - 1) for s, d in zip(stride, dilation, strict=True))
    image = draw.randint(1, 9), draw.randint(1, 9)
    stamped = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(image, stride, dilation, kernel, strict=True)]
    padding = tuple(draw.randint(0, min(4, (n - 1) // 2)) for n in stamped)
    keywords: dict[str, Any] = {
        "stride": stride,
        "padding": padding,
        "output_padding": more,
        "groups": groups,
        "dilation": dilation,
    }
    for name in ("stride", "padding", "output_padding"):
        if keywords[name][0] == keywords[name][1] and draw.random() < 0.5:
            keywords[name] = keywords[name][0]
    batch = draw.choice((0, 1, 1, 2, 3))
    shape = (batch, c_in, *image) if draw.random() < 0.85 else (c_in, *image)
    dtype = draw.choice((torch.float32, torch.float32, torch.float32, torch.float64, torch.bfloat16))
    layouts = draw.choice((False, False, True)), draw.choice((False, False, True))
    return shape, (c_in, c_out // groups, *kernel), draw.random() < 0.5, keywords, dtype, layouts


def laid(tensor, last):
    return tensor.contiguous(memory_format=torch.channels_last) if last and tensor.dim() == 4 else tensor


def assert_agree(ours, theirs, tolerance):
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        if one.numel():
            scale = max(1.0, float(other.detach().abs().max()))
            torch.testing.assert_close(one, other, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("seed", range(300))
def test_a_drawn_setting_has_pytorch_s_values_gradients_and_memory_format(seed, everywhere):
    shape, weight_shape, biased, keywords, dtype, layouts = setting(seed)
    generator = torch.Generator().manual_seed(seed)
    c_out = weight_shape[1] * keywords["groups"]
    shapes = [shape, weight_shape] + ([(c_out,)] if biased else [])
    drawn = [torch.randn(one, generator=generator).to(dtype) for one in shapes]
    drawn = [laid(one, last) for one, last in zip(drawn, (*layouts, False), strict=False)]
    results = []
    for function in (conv_transpose2d, F.conv_transpose2d):
        with torch.no_grad():
            plain = function(*drawn, **keywords)
        leaves = [one.clone().requires_grad_() for one in drawn]
        x = function(*leaves, **keywords)
        assert torch.equal(torch.tensor(x.shape), torch.tensor(plain.shape))
        cotangent = torch.linspace(0.5, 1.5, x.numel()).reshape(x.shape).to(dtype)
        results.append((plain, x, *torch.autograd.grad(x, leaves, cotangent)))
    ours, theirs = results
    assert_agree(ours, theirs, {torch.float32: 1e-5, torch.float64: 1e-12, torch.bfloat16: 2e-2}[dtype])
    ours, theirs = ours[0], theirs[0]
    if ours.dim() == 4 and ours.numel():
        for layout in (torch.channels_last, torch.contiguous_format):
            assert ours.is_contiguous(memory_format=layout) == theirs.is_contiguous(memory_format=layout)


def test_the_drawn_settings_reach_every_algorithm(everywhere):
    chosen = []
    for seed in range(300):
        shape, weight_shape, _, keywords, dtype, _ = setting(seed)
        chosen.append(choose(torch.zeros(shape, dtype=dtype), torch.zeros(weight_shape, dtype=dtype), None, **keywords))
    counts = {name: chosen.count(name) for name in ("pytorch", *NAMES)}
    assert counts["polyphase"] >= 50, counts
    assert counts["planes"] >= 4, counts


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(40))
def test_each_algorithm_agrees_wherever_it_can_be_applied(name, seed):
    shape, weight_shape, biased, keywords, _, layouts = setting(seed)
    if keywords["groups"] > 1 or keywords["dilation"] != (1, 1) or len(shape) == 3 or 0 in shape:
        keywords |= {"output_padding": 0}
        shape, weight_shape = (2, 3, 4, 5), (3, 2, *weight_shape[2:])
        keywords["padding"] = 0
    keywords = {key: keywords[key] for key in ("stride", "padding", "output_padding")}
    generator = torch.Generator().manual_seed(seed)
    shapes = [shape, weight_shape] + ([weight_shape[1:2]] if biased else [])
    drawn = [torch.randn(one, generator=generator, dtype=torch.float64) for one in shapes]
    drawn = [laid(one, last) for one, last in zip(drawn, (*layouts, False), strict=False)]
    results = []
    for function in (forced(name), F.conv_transpose2d):
        leaves = [one.clone().requires_grad_() for one in drawn]
        x = function(*leaves, **keywords)
        results.append(
            (x, *torch.autograd.grad(x, leaves, torch.linspace(0.5, 1.5, x.numel()).reshape(x.shape).double()))
        )
    ours, theirs = results
    assert_agree(ours, theirs, 1e-12)


SMALL = {"stride": 2, "padding": 1, "output_padding": 1}


@pytest.mark.parametrize("name", NAMES)
def test_second_derivatives(name):
    y, w, bias = (torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((1, 2, 2, 3), (2, 1, 3, 3), (1,)))

    def function(y, w, bias):
        return forced(name)(y, w, bias, **SMALL)

    assert torch.autograd.gradcheck(function, (y, w, bias))
    assert torch.autograd.gradgradcheck(function, (y, w, bias))
    assert torch.autograd.gradcheck(function, (y, w, bias), check_forward_ad=True, check_backward_ad=False)


@pytest.mark.parametrize("name", NAMES)
def test_vmap_of_what_is_differentiated(name):
    y, w = torch.randn(3, 2, 4, 3, 5), torch.randn(3, 4, 1, 3, 3, requires_grad=True)
    ours, theirs = (
        torch.func.vmap(lambda y, w: function(y, w, None, **SMALL))(y, w)  # noqa: B023
        for function in (forced(name), F.conv_transpose2d)
    )
    assert_agree([ours], [theirs], 1e-5)
    gradients = [torch.autograd.grad(x.square().sum(), w)[0] for x in (ours, theirs)]
    assert_agree(gradients[:1], gradients[1:], 1e-5)


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
@pytest.mark.parametrize("unbatched", [False, True])
def test_vmap_and_the_gradient_of_each_example(axes, unbatched, everywhere):
    y, w = torch.randn(3, 2, 4, 3, 5), torch.randn(3, 4, 1, 3, 3)
    y = y[:, 0] if unbatched else y
    given = (y if axes[0] == 0 else y[0], w if axes[1] == 0 else w[0])
    values, gradients = [], []
    for function in (conv_transpose2d, F.conv_transpose2d):
        values.append(torch.func.vmap(lambda y, w: function(y, w, None, **SMALL), axes)(*given))  # noqa: B023
        one = torch.func.grad(lambda w, y: function(y, w, None, **SMALL).square().sum())  # noqa: B023
        gradients.append(torch.func.vmap(one, (None, 0))(w[0], y))
        gradients.append(one(w[0], y[0]))
    assert_agree(values[:1], values[1:], 1e-5)
    assert_agree(gradients[:2], gradients[2:], 1e-5)


@pytest.mark.parametrize("gradients", [False, True])
def test_the_whole_function_is_compiled_without_a_break(gradients, everywhere):
    y, w, bias = torch.randn(2, 16, 5, 6), torch.randn(16, 1, 5, 4), torch.randn(1)
    w.requires_grad_(gradients)
    compiled = torch.compile(conv_transpose2d, backend="aot_eager", fullgraph=True)
    ours, theirs = compiled(y, w, bias, **SMALL), F.conv_transpose2d(y, w, bias, **SMALL)
    assert_agree([ours], [theirs], 1e-5)
    if gradients:
        found = [torch.autograd.grad(x.square().sum(), w)[0] for x in (ours, theirs)]
        assert_agree(found[:1], found[1:], 1e-5)


REFUSED = [
    ((1, 3, 4, 4), (4, 1, 3, 3), {}),
    ((1, 4, 4, 4), (4, 1, 3, 3), {"stride": 0}),
    ((1, 4, 4, 4), (4, 1, 3, 3), {"stride": 2, "output_padding": 2}),
    ((1, 4, 4, 4), (4, 1, 3, 3), {"padding": -1}),
    ((1, 4, 1, 1), (4, 1, 3, 3), {"padding": 2}),
    ((1, 4, 4, 4), (4, 1, 3, 3), {"stride": (2, 2, 2)}),
    ((1, 4, 4, 4), (4, 1, 3, 3), {"groups": 3}),
    ((4, 4), (4, 1, 3, 3), {}),
    ((1, 4, 4, 4), (4, 1, 3, 3), {"stride": 1.5}),
    ((1, 4, 4, 4), (4, 1, 3, 3), {"bias": torch.zeros(2)}),
]


@pytest.mark.parametrize(("shape", "weight_shape", "keywords"), REFUSED)
def test_what_pytorch_refuses_is_refused_in_its_words(shape, weight_shape, keywords, everywhere):
    given = torch.zeros(shape), torch.zeros(weight_shape)
    with pytest.raises(Exception) as theirs:
        F.conv_transpose2d(*given, **keywords)
    with pytest.raises(type(theirs.value)) as ours:
        conv_transpose2d(*given, **keywords)
    assert str(ours.value) == str(theirs.value)


def test_the_rule_leaves_pytorch_s_own_for_thin_results_only():
    def chosen(shape, weight_shape, *settings):
        return choose(torch.empty(shape), torch.empty(weight_shape), None, *settings)

    assert chosen((1, 56, 64, 64), (56, 1, 9, 9), 3, 4, 2) == "polyphase"
    assert chosen((1, 56, 64, 64), (56, 1, 9, 9), 2, 4, 1) == "planes"
    assert chosen((1, 21, 16, 16), (21, 21, 64, 64), 32) == "bands"
    assert chosen((16, 64, 32, 32), (64, 3, 4, 4), 2, 1) == "polyphase"
    for wide in (((16, 512, 4, 4), (512, 256, 4, 4), 2, 1), ((1, 512, 28, 28), (512, 256, 2, 2), 2)):
        assert chosen(*wide) == "pytorch"
    assert chosen((1, 56, 2, 2), (56, 1, 9, 9), 3, 4, 2) == "pytorch", "too small to pay"
    y, w = torch.empty(1, 56, 64, 64), torch.empty(56, 1, 9, 9)
    assert choose(y.double(), w.double(), None, 3, 4, 2) == "pytorch"
    assert choose(y.to("meta"), w.to("meta"), None, 3, 4, 2) == "pytorch"
    with torch.autocast("cpu", torch.bfloat16):
        assert choose(y, w, None, 3, 4, 2) == "pytorch"


def test_autocast_gives_what_pytorch_s_layer_gives(everywhere):
    y, w = torch.randn(1, 16, 5, 5), torch.randn(16, 1, 3, 3)
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = conv_transpose2d(y, w, None, 2), F.conv_transpose2d(y, w, None, 2)
    assert torch.equal(ours, theirs)
    assert ours.dtype is torch.bfloat16


def decoder():
    return nn.Sequential(
        nn.ConvTranspose2d(32, 64, 4, 2, 1),
        nn.ReLU(),
        nn.Sequential(nn.ConvTranspose2d(64, 3, 4, 2, 1), nn.ConvTranspose2d(3, 3, 3, groups=3)),
    )


def test_a_model_keeps_its_parameters_names_and_results():
    model = decoder()
    before, x = copy.deepcopy(model), torch.randn(2, 32, 16, 17)
    parameters = dict(model.named_parameters())
    assert replace_transposed(model) == ["2.0"]
    assert replace_transposed(model) == []
    assert type(model[2][0]) is FastConvTranspose2d
    assert dict(model.named_parameters()).keys() == parameters.keys()
    assert all(value is parameters[name] for name, value in model.named_parameters())
    assert_agree([model(x)], [before(x)], 1e-5)
    before.load_state_dict(model.state_dict())
    model.load_state_dict(before.state_dict())
    assert_agree([copy.deepcopy(model)(x)], [before(x)], 1e-5)
    with torch.no_grad():
        assert_agree([model(x)], [before(x)], 1e-5)


def test_a_layer_alone_is_replaced_too_and_its_hooks_stay():
    layer, seen = nn.ConvTranspose2d(64, 1, 9, 3, 4, 2), []
    layer.register_forward_hook(lambda *_: seen.append(1))
    assert replace_transposed(layer) == [""]
    layer(torch.randn(1, 64, 20, 20))
    assert seen


def test_the_layer_takes_over_a_layer_and_takes_an_output_size():
    theirs = nn.ConvTranspose2d(20, 2, (3, 5), (2, 3), (1, 0), bias=False).eval()
    ours = FastConvTranspose2d.from_module(theirs)
    assert ours.weight is theirs.weight
    assert ours.bias is None
    assert not ours.training
    assert repr(ours) == repr(theirs).replace("ConvTranspose2d", "FastConvTranspose2d")
    y = torch.randn(1, 20, 80, 100)
    for size in (None, [160, 303]):
        with torch.no_grad():
            assert choose(y, ours.weight, None, (2, 3), (1, 0)) == "polyphase"
        assert_agree([ours(y, size)], [theirs(y, size)], 1e-5)
    with pytest.raises(ValueError, match="output"):
        ours(y, [500, 500])
    with pytest.raises(TypeError, match="ConvTranspose2d"):
        FastConvTranspose2d.from_module(nn.Conv2d(1, 1, 1))


def test_the_import_costs_pytorch_and_nothing_else():
    code = (
        "import sys, torch; before = set(sys.modules); import deconvlib.fast; "
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    words = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "deconvlib" in words
    for name in ("matplotlib", "IPython", "hypothesis", "pytest", "scipy", "deconv_solutions"):
        assert name not in words
