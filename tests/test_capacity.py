"""What grades chapter 16."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from deconv_grader.checks.writing import check, draw_array, seeds
from deconv_solutions import capacity as reference


def draw(*shape, seed, low=-3, high=3, dtype=np.float32):
    return torch.from_numpy(draw_array(shape, seed, dtype, low=low, high=high))


# count_parameters


class Scaled(nn.Module):
    """A layer with a parameter of its own beside the layer it holds."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Conv2d(2, 3, (1, 2), bias=False)
        self.scale = nn.Parameter(torch.ones(5))

    def forward(self, x):
        return self.inner(x) * self.scale[0]


def tied_pair():
    there, back = nn.Conv2d(2, 3, (4, 2)), nn.ConvTranspose2d(3, 2, (4, 2))
    back.weight = there.weight
    return there, back


@check("count_parameters", "two kinds, three layers: weights and biases, by hand", weight=3)
def test_count_by_hand(learner):
    net = nn.Sequential(nn.Conv2d(3, 4, (2, 5)), nn.ReLU(), nn.Conv2d(4, 2, 3, bias=False), nn.ConvTranspose2d(2, 3, 2))
    expected = {"Conv2d": 3 * 4 * 10 + 4 + 4 * 2 * 9, "ConvTranspose2d": 2 * 3 * 4 + 3}
    learner.count_parameters.gives(expected, net)


@check("count_parameters", "groups, a batch normalization's buffers, and what is frozen", weight=2)
def test_count_buffers(learner):
    frozen = nn.ConvTranspose2d(4, 6, 3, groups=2, bias=False).requires_grad_(False)
    net = nn.Sequential(frozen, nn.BatchNorm2d(6), nn.Flatten(), nn.Linear(7, 5))
    learner.count_parameters.gives({"ConvTranspose2d": 4 * 3 * 9, "BatchNorm2d": 12, "Linear": 40}, net)


@check("count_parameters", "at any depth, and each parameter with the part that holds it itself", weight=2)
def test_count_depth(learner):
    net = nn.Sequential(nn.Sequential(nn.Sequential(nn.Linear(2, 3))), Scaled())
    learner.count_parameters.gives({"Linear": 9, "Scaled": 5, "Conv2d": 12}, net)


@check("count_parameters", "tied layers: one weight in two places is counted once", weight=3)
def test_count_tied(learner):
    there, back = tied_pair()
    learner.count_parameters.gives({"Conv2d": 48 + 3, "ConvTranspose2d": 2}, nn.Sequential(there, back))
    learner.count_parameters.gives({"ConvTranspose2d": 48 + 2, "Conv2d": 3}, nn.Sequential(back, nn.Sequential(there)))
    learner.count_parameters.gives({"Linear": 6}, nn.Sequential(layer := nn.Linear(2, 2), nn.ReLU(), layer))


@check("count_parameters", "one layer alone, and a network without parameters")
def test_count_small(learner):
    learner.count_parameters.gives({"ConvTranspose2d": 6}, nn.ConvTranspose2d(1, 2, (1, 2)))
    learner.count_parameters.gives({}, nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)))


@check("count_parameters", "any layers", weight=2, hidden=True)
@settings(max_examples=20)
@given(
    layers=st.lists(st.tuples(st.sampled_from("ctlbrs"), st.integers(1, 4), st.booleans()), max_size=6),
    nested=st.booleans(),
)
def test_count_drawn(learner, layers, nested):
    kinds = {
        "c": lambda n, bias: nn.Conv2d(n, 2, (1, n), bias=bias),
        "t": lambda n, bias: nn.ConvTranspose2d(n, 3, (2, 1), bias=bias),
        "l": lambda n, bias: nn.Linear(n, 2, bias=bias),
        "b": lambda n, bias: nn.BatchNorm2d(n, affine=bias),
        "r": lambda n, bias: nn.ReLU(),
        "s": lambda n, bias: nn.Sequential(nn.Conv2d(1, n, 1, bias=bias)),
    }
    parts = [kinds[kind](n, bias) for kind, n, bias in layers]
    net = nn.Sequential(nn.Sequential(*parts[:3]), *parts[3:]) if nested else nn.Sequential(*parts)
    learner.count_parameters.gives(reference.count_parameters(net), net)


@check("count_parameters", "refuses what is no module")
def test_count_refuses(learner):
    learner.count_parameters.raises(TypeError, torch.zeros(3))
    learner.count_parameters.raises(TypeError, [nn.Linear(2, 2)])


# SeparableTranspose2d


def separated(make, settings, state, x):
    "net = SeparableTranspose2d(*settings); net(x)"
    net = make(*settings)
    net.load(state)
    return net(x).detach()


def as_one(make, settings, state):
    "SeparableTranspose2d(*settings).full_weight()"
    net = make(*settings)
    net.load(state)
    return net.call("full_weight").detach()


def parts(make, settings):
    "shapes of SeparableTranspose2d(*settings).parameters()"
    return {name: tuple(value.shape) for name, value in make(*settings).parameters().items()}


def flowing(make, settings):
    "whether SeparableTranspose2d(*settings).full_weight() has a gradient"
    return bool(make(*settings).call("full_weight").requires_grad)


def separable_state(settings, seed):
    net = reference.SeparableTranspose2d(*settings)
    return {name: draw(*value.shape, seed=seed + k) for k, (name, value) in enumerate(net.named_parameters())}


def right_separation(settings, state, x):
    net = reference.SeparableTranspose2d(*settings)
    net.load_state_dict(state)
    return net(x).detach()


@check("SeparableTranspose2d", "in K L + in out weights, and one bias", weight=3)
def test_separable_parameters(learner):
    call = learner.SeparableTranspose2d.through(parts)
    expected = {"depthwise.weight": (5, 1, 4, 3), "pointwise.weight": (2, 5, 1, 1), "pointwise.bias": (2,)}
    call.gives(expected, (5, 2, (4, 3), 2))
    without = {"depthwise.weight": (3, 1, 2, 2), "pointwise.weight": (4, 3, 1, 1)}
    call.gives(without, (3, 4, 2, 1, 0, 0, False))


@check("SeparableTranspose2d", "two channels, one pixel each: both kernels stamped, then mixed, by hand", weight=3)
def test_separable_by_hand(learner):
    state = {
        "depthwise.weight": torch.tensor([[[[1.0, 2.0, 3.0]]], [[[10.0, 0.0, 20.0]]]]),
        "pointwise.weight": torch.tensor([[[[1.0]], [[0.0]]], [[[0.0]], [[1.0]]], [[[2.0]], [[-1.0]]]]),
        "pointwise.bias": torch.tensor([0.0, 0.5, 0.0]),
    }
    x = torch.tensor([[[[2.0]], [[1.0]]]])
    expected = torch.tensor([[[[2.0, 4.0, 6.0]], [[10.5, 0.5, 20.5]], [[-6.0, 8.0, -8.0]]]])
    learner.SeparableTranspose2d.through(separated).gives(expected, (2, 3, (1, 3)), state, x)


@check("SeparableTranspose2d", "stride, padding and output padding, along each axis", weight=2)
def test_separable_sizes(learner):
    settings = (2, 3, (4, 3), (3, 2), (2, 1), (1, 1))
    state, x = separable_state(settings, seed=3), draw(2, 2, 3, 4, seed=9)
    learner.SeparableTranspose2d.through(separated).gives(right_separation(settings, state, x), settings, state, x)


@check("SeparableTranspose2d", "full_weight: one transposed convolution that does the same", weight=3)
def test_separable_full_weight(learner):
    settings = (2, 3, (1, 2))
    state = {
        "depthwise.weight": torch.tensor([[[[1.0, 2.0]]], [[[3.0, 4.0]]]]),
        "pointwise.weight": torch.tensor([[[[1.0]], [[2.0]]], [[[10.0]], [[20.0]]], [[[-1.0]], [[0.0]]]]),
        "pointwise.bias": torch.zeros(3),
    }
    expected = torch.tensor(
        [
            [[[1.0, 2.0]], [[10.0, 20.0]], [[-1.0, -2.0]]],
            [[[6.0, 8.0]], [[60.0, 80.0]], [[0.0, 0.0]]],
        ]
    )
    learner.SeparableTranspose2d.through(as_one).gives(expected, settings, state)


@check("SeparableTranspose2d", "alone: stride 1, no padding, with a bias")
def test_separable_defaults(learner):
    settings = (2, 2, (2, 3))
    state, x = separable_state(settings, seed=6), draw(1, 2, 2, 3, seed=2)
    learner.SeparableTranspose2d.through(separated).gives(right_separation(settings, state, x), settings, state, x)


@check("SeparableTranspose2d", "gradients reach both parts, and the picture")
def test_separable_gradients(learner):
    settings = (2, 3, (3, 2), 2, 1)
    state, x = separable_state(settings, seed=5), draw(1, 2, 3, 2, seed=1)
    mine = reference.SeparableTranspose2d(*settings)
    mine.load_state_dict(state)
    leaf = x.clone().requires_grad_()
    y = draw(*mine(leaf).shape, seed=4)
    (expected,) = torch.autograd.grad(mine(leaf), leaf, y)
    theirs = learner.SeparableTranspose2d(*settings)
    theirs.load(state)
    _, (gradient,) = theirs.vjp((x,), y)
    close = gradient is not None and torch.allclose(gradient, expected, rtol=1e-4, atol=1e-4)
    learner.require(close, "the gradient in the picture is autograd's", expected=expected, yours=gradient)
    learner.SeparableTranspose2d.through(flowing).gives(True, settings)


@check("SeparableTranspose2d", "any channels, kernels and steps", weight=2, hidden=True)
@given(
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    kernel=st.tuples(st.integers(2, 4), st.integers(2, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.integers(0, 1),
    bias=st.booleans(),
    seed=seeds(),
)
def test_separable_drawn(learner, channels, kernel, stride, padding, bias, seed):
    output_padding = tuple(min(1, s - 1) for s in stride)
    settings = (*channels, kernel, stride, padding, output_padding, bias)
    state, x = separable_state(settings, seed=seed), draw(2, channels[0], 3, 4, seed=seed + 7)
    learner.SeparableTranspose2d.through(separated).gives(right_separation(settings, state, x), settings, state, x)
    mine = reference.SeparableTranspose2d(*settings)
    mine.load_state_dict(state)
    learner.SeparableTranspose2d.through(as_one).gives(mine.full_weight().detach(), settings, state)


@check("SeparableTranspose2d", "refuses no channels, no kernel, no stride and negative padding")
def test_separable_refuses(learner):
    call = learner.SeparableTranspose2d.through(parts)
    for refused in ((0, 2, 3), (2, 0, 3), (2, 2, 0), (2, 2, 3, 0), (2, 2, 3, 1, -1), (2, 2, 3, 2, 1, -1)):
        call.raises(ValueError, refused)


# low_rank_transpose


def product(make, w, rank):
    "the one weight that squeeze and expand amount to"
    squeeze, expand = make(w, rank)
    if squeeze.ndim != 4 or expand.ndim != 4 or squeeze.shape[2:] != (1, 1) or len(squeeze) != len(expand):
        return tuple(squeeze.shape), tuple(expand.shape)
    return torch.einsum("ri,rokl->iokl", squeeze[:, :, 0, 0], expand)


def described(make, w, rank):
    "shapes, dtypes and gradient histories of squeeze and expand"
    return [(tuple(part.shape), str(part.dtype), part.requires_grad) for part in make(w, rank)]


def applied(make, y, w, rank, stride, padding):
    "squeeze, expand = low_rank_transpose(w, rank); conv_transpose2d(conv2d(y, squeeze), expand, stride, padding)"
    squeeze, expand = make(w, rank)
    return functional.conv_transpose2d(functional.conv2d(y, squeeze), expand, stride=stride, padding=padding)


def nearest(w, rank):
    left, values, right = np.linalg.svd(w.double().numpy().reshape(len(w), -1), full_matrices=False)
    rows = (left[:, :rank] * values[:rank]) @ right[:rank]
    return torch.from_numpy(rows.reshape(w.shape)).to(w.dtype)


@check("low_rank_transpose", "two directions, 10 and 1 strong: rank 1 keeps the strong one, by hand", weight=3)
def test_low_rank_by_hand(learner):
    # Rows (10, 0), (0, 1), (0, 0): already a product of ranks 2.
    w = torch.tensor([[[[10.0, 0.0]]], [[[0.0, 1.0]]], [[[0.0, 0.0]]]])
    kept = torch.tensor([[[[10.0, 0.0]]], [[[0.0, 0.0]]], [[[0.0, 0.0]]]])
    learner.low_rank_transpose.through(product).gives(kept, w, 1)
    learner.low_rank_transpose.through(product).gives(w, w, 2)


@check("low_rank_transpose", "shapes and dtypes: (rank, I, 1, 1) and (rank, O, K, L), no gradient history", weight=2)
def test_low_rank_shapes(learner):
    call = learner.low_rank_transpose.through(described)
    for dtype, name in ((torch.float32, "torch.float32"), (torch.float64, "torch.float64")):
        w = draw(4, 2, 3, 5, seed=2).to(dtype).requires_grad_()
        call.gives([((3, 4, 1, 1), name, False), ((3, 2, 3, 5), name, False)], w.detach(), 3)


@check("low_rank_transpose", "the two layers in a row do what the nearest weight does", weight=2)
def test_low_rank_layers(learner):
    y, w = draw(2, 5, 3, 4, seed=1), draw(5, 3, 4, 2, seed=2)
    for rank in (1, 3, 5):
        expected = functional.conv_transpose2d(y, nearest(w, rank), stride=(3, 2), padding=(1, 0))
        learner.low_rank_transpose.through(applied).gives(expected, y, w, rank, (3, 2), (1, 0), tolerance=1e-4)


@check("low_rank_transpose", "more input channels than a kernel has numbers")
def test_low_rank_tall(learner):
    w = draw(9, 2, 1, 2, seed=4)
    learner.low_rank_transpose.through(product).gives(w, w, 4, tolerance=1e-4)
    learner.low_rank_transpose.through(product).gives(nearest(w, 2), w, 2, tolerance=1e-4)


@check("low_rank_transpose", "any weight: the nearest of that rank", weight=2, hidden=True)
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)),
    double=st.booleans(),
    data=st.data(),
    seed=seeds(),
)
def test_low_rank_drawn(learner, shape, double, data, seed):
    rank = data.draw(st.integers(1, min(shape[0], math.prod(shape[1:]))))
    generator = torch.Generator().manual_seed(seed)  # no ties between singular values
    w = torch.randn(shape, generator=generator, dtype=torch.float64 if double else torch.float32)
    learner.low_rank_transpose.through(product).gives(nearest(w, rank), w, rank, tolerance=1e-8 if double else 2e-4)


@check("low_rank_transpose", "refuses ranks out of range, whole numbers and other axes")
def test_low_rank_refuses(learner):
    w = draw(3, 2, 2, 2, seed=1)
    learner.low_rank_transpose.raises(ValueError, w, 0)
    learner.low_rank_transpose.raises(ValueError, w, 4)
    learner.low_rank_transpose.raises(ValueError, draw(5, 1, 1, 2, seed=1), 3)
    learner.low_rank_transpose.raises(ValueError, w[0], 1)
    learner.low_rank_transpose.raises(TypeError, w.long(), 1)
    learner.low_rank_transpose.raises(TypeError, w.numpy(), 1)


# tie_weights


class Both(nn.Module):
    """An encoder and its decoder."""

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, x):
        return self.decoder(self.encoder(x))


def mirrored(bias=True, kernel=(3, 2)):
    """Three convolutions and their mirror images, of which no two have weights of one shape."""
    encoder = nn.Sequential(
        nn.Conv2d(1, 4, kernel, stride=(2, 1), bias=bias),
        nn.ReLU(),
        nn.Sequential(nn.Conv2d(4, 3, 2, padding=1, bias=bias), nn.MaxPool2d(1)),
        nn.Conv2d(3, 5, 3, bias=bias),
    )
    decoder = nn.Sequential(
        nn.Sequential(nn.ConvTranspose2d(5, 3, 3, bias=bias), nn.ReLU()),
        nn.ConvTranspose2d(3, 4, 2, padding=1, bias=bias),
        nn.ConvTranspose2d(4, 1, kernel, stride=(2, 1), bias=bias),
    )
    return Both(encoder, decoder)


def alike():
    """Two convolutions with weights of one shape: only their places tell which belongs to which."""
    encoder = nn.Sequential(nn.Conv2d(2, 2, 2, bias=False), nn.Conv2d(2, 2, 2, bias=False))
    decoder = nn.Sequential(nn.ConvTranspose2d(2, 2, 2, bias=False), nn.ConvTranspose2d(2, 2, 2, bias=False))
    return Both(encoder, decoder)


def drawn_weights(both, seed=0):
    for k, value in enumerate(both.parameters()):
        value.data = draw(*value.shape, seed=seed + k)
    return both


def names_and_saved(make, both):
    "tie_weights(both.encoder, both.decoder), and the names of the parameters that are left"
    placed = make.place(both)
    saved = make(placed.get("encoder"), placed.get("decoder"))
    return saved, list(placed.parameters())


def twice(make, both):
    "tie_weights, twice: what the second call saves, and the parameters that are left"
    placed = make.place(both)
    make(placed.get("encoder"), placed.get("decoder"))
    return make(placed.get("encoder"), placed.get("decoder")), list(placed.parameters())


def tied_result(make, both, x):
    "tie_weights(both.encoder, both.decoder); both(x)"
    placed = make.place(both)
    make(placed.get("encoder"), placed.get("decoder"))
    return placed.get("decoder")(placed.get("encoder")(x)).detach()


def tied_then_moved(make, both, state, x):
    "tie_weights(...), and the parameters that are left; then the encoder's weights change; both(x)"
    placed = make.place(both)
    saved = make(placed.get("encoder"), placed.get("decoder"))
    placed.load(state)
    return saved, list(placed.parameters()), placed.get("decoder")(placed.get("encoder")(x)).detach()


def untouched(make, both):
    "the parameters after tie_weights has refused"
    placed = make.place(both)
    try:
        make(placed.get("encoder"), placed.get("decoder"))
    except ValueError:
        return placed.parameters()
    return "it did not refuse"


def tie(make, both):
    "tie_weights(both.encoder, both.decoder)"
    placed = make.place(both)
    return make(placed.get("encoder"), placed.get("decoder"))


def right_tie(both):
    there = [layer for layer in both.encoder.modules() if isinstance(layer, nn.Conv2d)]
    back = [layer for layer in both.decoder.modules() if isinstance(layer, nn.ConvTranspose2d)]
    for conv, transpose in zip(there, reversed(back), strict=True):
        transpose.weight = conv.weight
    return both


@check("tie_weights", "two layers of one shape: the first belongs to the last", weight=3)
def test_tie_by_hand(learner):
    both, x = drawn_weights(alike(), seed=4), draw(1, 2, 3, 4, seed=8)
    expected = right_tie(drawn_weights(alike(), seed=4))(x).detach()
    learner.tie_weights.through(tied_result).gives(expected, both, x)


@check("tie_weights", "one object, not two equal ones: what the encoder learns afterward, the decoder knows", weight=4)
def test_tie_shares(learner):
    both, x = drawn_weights(mirrored(), seed=2), draw(2, 1, 9, 8, seed=3)
    state = {"encoder.0.weight": draw(4, 1, 3, 2, seed=11), "encoder.3.weight": draw(5, 3, 3, 3, seed=12)}
    same = right_tie(drawn_weights(mirrored(), seed=2))
    same.load_state_dict(
        {name: state.get(name, value) for name, value in same.state_dict().items()}
        | {"decoder.2.weight": state["encoder.0.weight"], "decoder.0.0.weight": state["encoder.3.weight"]}
    )
    saved, left = 4 * 6 + 3 * 4 * 4 + 5 * 3 * 9, [name for name, _ in same.named_parameters()]
    learner.tie_weights.through(tied_then_moved).gives((saved, left, same(x).detach()), both, state, x)


@check("tie_weights", "tied already: nothing more is saved")
def test_tie_twice(learner):
    left = [name for name, _ in right_tie(mirrored()).named_parameters()]
    learner.tie_weights.through(twice).gives((0, left), mirrored())
    learner.tie_weights.through(names_and_saved).gives((32, ["encoder.0.weight", "encoder.1.weight"]), alike())


@check("tie_weights", "any mirror image", weight=2, hidden=True)
@given(
    channels=st.lists(st.integers(1, 3), min_size=2, max_size=4),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 2),
    bias=st.booleans(),
    seed=seeds(),
)
def test_tie_drawn(learner, channels, kernel, stride, bias, seed):
    pairs = list(itertools.pairwise(channels))

    def made():
        encoder = nn.Sequential(*(nn.Conv2d(a, b, kernel, stride, bias=bias) for a, b in pairs))
        decoder = nn.Sequential(*(nn.ConvTranspose2d(b, a, kernel, stride, bias=bias) for a, b in reversed(pairs)))
        return drawn_weights(Both(encoder, decoder), seed=seed)

    x = draw(1, channels[0], 24, 24, seed=seed)[:, :, : 16 if stride == 1 else 24]
    learner.tie_weights.through(tied_result).gives(right_tie(made())(x).detach(), made(), x)
    learner.tie_weights.through(names_and_saved).gives(
        (sum(a * b for a, b in pairs) * math.prod(kernel), [name for name, _ in right_tie(made()).named_parameters()]),
        made(),
    )


@check("tie_weights", "refuses what is no mirror image, and leaves it as it was")
def test_tie_refuses(learner):
    call = learner.tie_weights.through(tie)
    conv, transpose = nn.Conv2d(1, 2, 3), nn.ConvTranspose2d(2, 1, 3)
    call.raises(ValueError, Both(nn.Sequential(conv, nn.Conv2d(2, 2, 1)), transpose))
    call.raises(ValueError, Both(nn.ReLU(), nn.ReLU()))
    call.raises(ValueError, Both(conv, nn.ConvTranspose2d(2, 1, 4)))
    call.raises(ValueError, Both(conv, nn.ConvTranspose2d(2, 1, 3, stride=2)))
    call.raises(ValueError, Both(conv, nn.ConvTranspose2d(2, 1, 3, padding=1)))
    call.raises(ValueError, Both(conv, nn.ConvTranspose2d(2, 1, 3, dilation=2)))
    wrong = mirrored()
    wrong.decoder[0][0] = nn.ConvTranspose2d(5, 3, 3, stride=2)
    wrong = drawn_weights(wrong)
    expected = {name: value.detach() for name, value in wrong.named_parameters()}
    learner.tie_weights.through(untouched).gives(expected, wrong)
    learner.tie_weights.raises(TypeError, conv, [transpose])
    learner.tie_weights.raises(TypeError, conv.weight, transpose)


# generalisation_gap


@check("generalisation_gap", "four epochs, by hand", weight=3)
def test_gap_by_hand(learner):
    history = {"train": [8.0, 4.0, 2.0, 1.0], "validation": [9.0, 6.0, 5.0, 5.5]}
    expected = {"gap": 4.5, "best": 2, "gap_at_best": 3.0, "lost": 0.5}
    learner.generalisation_gap.gives(expected, history)


@check("generalisation_gap", "still falling at the end: nothing is lost", weight=2)
def test_gap_falling(learner):
    history = {"loss": [1.0], "train": [3.0, 2.0], "validation": [3.5, 2.25]}
    learner.generalisation_gap.gives({"gap": 0.25, "best": 1, "gap_at_best": 0.25, "lost": 0.0}, history)


@check("generalisation_gap", "of equal losses the first; a negative gap; the training loss does not choose", weight=2)
def test_gap_ties(learner):
    history = {"train": [2.0, 1.0, 4.0, 0.5, 0.75], "validation": [1.0, 0.5, 0.75, 0.5, 1.5]}
    expected = {"gap": 0.75, "best": 1, "gap_at_best": -0.5, "lost": 1.0}
    learner.generalisation_gap.gives(expected, history)


@check("generalisation_gap", "any history", weight=2, hidden=True)
@given(
    losses=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=9),
    as_array=st.booleans(),
)
def test_gap_drawn(learner, losses, as_array):
    columns = [[a / 4 for a, _ in losses], [b / 4 for _, b in losses]]
    train, validation = map(np.array, columns) if as_array else columns
    history: dict[str, Any] = {"train": train, "validation": validation}
    learner.generalisation_gap.gives(reference.generalisation_gap(history), history)


@check("generalisation_gap", "refuses missing and uneven lists, no epochs, and what is not finite")
def test_gap_refuses(learner):
    histories: tuple[dict[str, list[float]], ...] = (
        {"train": [1.0]},
        {"validation": [1.0], "loss": [1.0]},
        {"train": [1.0, 2.0], "validation": [1.0]},
        {"train": [], "validation": []},
        {"train": [1.0, math.nan], "validation": [1.0, 1.0]},
        {"train": [1.0], "validation": [math.inf]},
    )
    for history in histories:
        learner.generalisation_gap.raises(ValueError, history)
