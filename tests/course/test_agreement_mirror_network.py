"""Chapter 7's solutions against PyTorch's own layers, autograd and the classical dot-product test."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import seeds
from deconv_solutions.mirror_network import MirrorNet, SwitchedCNN, four_steps, train_classifier

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.autograd import Function  # noqa: E402
from torch.nn import functional as F  # noqa: E402


@st.composite
def models(draw):
    """(model, images): one to three blocks, odd and even sizes, in float64."""
    blocks, kernel = draw(st.integers(1, 3)), draw(st.sampled_from([1, 3, 5]))
    channels = draw(st.lists(st.integers(1, 4), min_size=blocks + 1, max_size=blocks + 1))
    size = tuple(2**blocks + draw(st.integers(0, 9)) for _ in range(2))
    torch.manual_seed(draw(seeds()) % 2**31)
    model = SwitchedCNN(channels[0], channels[1:], 3, size, kernel).double().eval()
    return model, torch.randn(draw(st.integers(1, 3)), channels[0], *size, dtype=torch.float64)


@given(models())
def test_switched_cnn_is_a_sequence_of_torch_layers(case):
    model, x = case
    layers = []
    for convolution in model.convolutions:
        layers += [convolution, nn.ReLU(), nn.MaxPool2d(2)]
    torch.testing.assert_close(model(x), nn.Sequential(*layers, nn.Flatten(), model.classifier)(x))


@given(models())
def test_switches_point_to_the_values_that_were_kept(case):
    model, x = case
    for convolution, where, size in zip(model.convolutions, *model.encode(x)[1:], strict=True):
        maps = convolution(x).relu()
        assert maps.shape[2:] == size
        x = maps.flatten(2).gather(2, where.flatten(2)).reshape(where.shape)
        torch.testing.assert_close(x, F.max_pool2d(maps, 2))


class Frozen(nn.Module):
    """The encoder with its switches held fixed and its ReLUs and biases taken out: linear, so it has an adjoint."""

    def __init__(self, model, switches):
        super().__init__()
        self.model, self.switches = model, switches

    def forward(self, x):
        for convolution, where in zip(self.model.convolutions, self.switches, strict=True):
            maps = F.conv2d(x, convolution.weight, padding=convolution.padding)
            x = maps.flatten(2).gather(2, where.flatten(2)).reshape(where.shape)
        return x


@given(models())
def test_one_mirrored_block_is_the_adjoint_of_the_frozen_block(case):
    """For features that are not negative, one block's ReLU does nothing: autograd gives the mirror's picture."""
    model, x = case
    model.convolutions = model.convolutions[:1]
    with torch.no_grad():
        features, switches, sizes = model.encode(x)
    leaf = x.clone().requires_grad_()
    y = torch.rand_like(features)
    (expected,) = torch.autograd.grad(Frozen(model, switches)(leaf), leaf, y)
    picture = MirrorNet(model)(y, switches, sizes)
    torch.testing.assert_close(picture, expected)
    left, right = (Frozen(model, switches)(x) * y).sum(), (x * picture).sum()
    torch.testing.assert_close(left, right)


@given(models())
def test_the_mirror_is_autograd_with_another_rule_for_the_relu(case):
    """Zeiler and Fergus' rule, put into autograd: a ReLU passes what is positive on the way back."""

    class Rule(Function):
        @staticmethod
        def forward(ctx, x):
            return x.relu()

        @staticmethod
        def backward(ctx, grad):
            return grad.relu()

    model, x = case
    leaf = x.clone().requires_grad_()
    maps = leaf
    for convolution in model.convolutions:
        maps = F.max_pool2d(Rule.apply(convolution(maps)), 2)
    (expected,) = torch.autograd.grad(maps, leaf, maps.detach())
    torch.testing.assert_close(MirrorNet(model)(*model.encode(x)), expected)


@given(models())
def test_four_steps_are_the_encoder_and_the_mirror(case):
    model, x = case
    state = copy.deepcopy(model.state_dict())
    steps = four_steps(model, x)
    features, switches, sizes = model.encode(x)
    assert torch.equal(steps["forward"], features)
    assert torch.equal(steps["vector"].reshape(features.shape), features)
    torch.testing.assert_close(steps["inverse_convolution"], MirrorNet(model)(features, switches, sizes))
    kernel = model.convolutions[0].weight
    last = F.conv_transpose2d(steps["unpooling"].relu(), kernel, padding=kernel.shape[-1] // 2)
    torch.testing.assert_close(steps["inverse_convolution"], last)
    assert not any(part.requires_grad for part in steps.values())
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


def test_the_mirror_shares_the_models_parameters():
    model = SwitchedCNN(1, (2, 3), 4, 8)
    mirror = MirrorNet(model)
    assert [id(p) for p in mirror.parameters()] == [id(layer.weight) for layer in model.convolutions]
    code = model.encode(torch.rand(1, 1, 8, 8))
    before = mirror(*code)
    with torch.no_grad():
        model.get_parameter("convolutions.0.weight").mul_(2)
    torch.testing.assert_close(mirror(*code), 2 * before)
    model.double()  # a move or a change of dtype keeps the tie
    assert mirror(*model.encode(torch.rand(1, 1, 8, 8, dtype=torch.float64))).dtype == torch.float64


def test_training_a_learner_by_hand():
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    other = copy.deepcopy(model)
    loader = [(torch.randn(5, 4), torch.randint(0, 3, (5,))) for _ in range(3)]
    history = train_classifier(model, loader, 4, 0.01)
    optimizer = torch.optim.Adam(other.parameters(), lr=0.01)
    for epoch in range(4):
        losses, hits = [], []
        for x, y in loader:
            logits = other(x)
            each = F.cross_entropy(logits, y, reduction="none")
            optimizer.zero_grad()
            each.mean().backward()
            optimizer.step()
            losses += each.tolist()
            hits += (logits.argmax(1) == y).tolist()
        assert history["loss"][epoch] == pytest.approx(sum(losses) / 15, rel=1e-5)
        assert history["accuracy"][epoch] == pytest.approx(sum(hits) / 15)
    torch.testing.assert_close(model.state_dict(), other.state_dict())


def test_a_generator_is_refused_in_the_second_epoch():
    batches = ((torch.randn(2, 4), torch.tensor([0, 1])) for _ in range(2))
    with pytest.raises(ValueError, match="only once"):
        train_classifier(nn.Linear(4, 2), batches, 2, 0.1)
