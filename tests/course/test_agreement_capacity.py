"""Chapter 16's solutions against PyTorch's own counts, layers and low-rank SVD, and NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import draw_array, seeds

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from deconv_solutions.capacity import (  # noqa: E402
    SeparableTranspose2d,
    count_parameters,
    generalisation_gap,
    low_rank_transpose,
    tie_weights,
)
from deconv_solutions.convolution_matrix import dot_product_gap  # noqa: E402


def test_count_parameters_adds_up_to_what_pytorch_counts_also_on_the_meta_device():
    with torch.device("meta"):
        net = nn.TransformerEncoderLayer(8, 2, 16)
    assert sum(count_parameters(net).values()) == sum(value.numel() for value in net.parameters())
    tied = nn.Sequential(nn.Embedding(7, 3), nn.Linear(3, 7, bias=False))
    tied[1].weight = tied[0].weight
    assert count_parameters(tied) == {"Embedding": 21}
    assert sum(count_parameters(tied).values()) == sum(value.numel() for value in tied.parameters())


def test_count_parameters_of_tied_weights():
    encoder, decoder = nn.Sequential(nn.Conv2d(1, 4, 3)), nn.Sequential(nn.ConvTranspose2d(4, 1, 3))
    both = nn.Sequential(encoder, decoder)
    before = count_parameters(both)
    saved = tie_weights(encoder, decoder)
    assert sum(before.values()) - sum(count_parameters(both).values()) == saved == 36


@given(
    st.tuples(st.integers(1, 4), st.integers(1, 3)),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.integers(1, 3),
    st.integers(0, 1),
    seeds(),
)
def test_separable_is_pytorch_s_layer_with_the_full_weight(channels, kernel, stride, padding, seed):
    torch.manual_seed(seed)
    output_padding = min(1, stride - 1)
    C, O = channels
    layer = SeparableTranspose2d(C, O, kernel, stride, padding, output_padding).double()
    whole = nn.ConvTranspose2d(C, O, kernel, stride, padding, output_padding).double()
    assert whole.bias is not None
    assert layer.pointwise.bias is not None
    whole.weight.data, whole.bias.data = layer.full_weight().data, layer.pointwise.bias.data
    x = torch.from_numpy(draw_array((2, channels[0], 4, 5), seed))
    if (layer.depthwise(x)).numel():
        torch.testing.assert_close(layer(x), whole(x))


@given(st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)), st.data(), seeds())
def test_low_rank_has_the_error_that_eckart_and_young_prove(shape, data, seed):
    w = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    rank = data.draw(st.integers(1, min(shape[0], w[0].numel())))
    squeeze, expand = low_rank_transpose(w, rank)
    error = (torch.einsum("ri,rokl->iokl", squeeze[:, :, 0, 0], expand) - w).square().sum()
    rest = np.linalg.svd(w.numpy().reshape(shape[0], -1), compute_uv=False)[rank:]
    assert float(error) == pytest.approx(float((rest**2).sum()), abs=1e-9)


def test_low_rank_agrees_with_pytorch_s_randomized_svd():
    torch.manual_seed(0)
    w = torch.randn(12, 3, 4, 4, dtype=torch.float64)
    left, values, right = torch.svd_lowrank(w.flatten(1), q=12, niter=8)
    squeeze, expand = low_rank_transpose(w, 5)
    mine = torch.einsum("ri,rokl->iokl", squeeze[:, :, 0, 0], expand)
    torch.testing.assert_close(mine.flatten(1), (left[:, :5] * values[:5]) @ right[:, :5].T)


@given(st.tuples(st.integers(1, 3), st.integers(1, 3)), st.integers(1, 2), st.integers(0, 1), seeds())
def test_a_tied_decoder_without_biases_is_the_adjoint_and_stays_it(kernel, stride, padding, seed):
    torch.manual_seed(seed)
    settings = {"stride": stride, "padding": min(padding, min(kernel) - 1), "bias": False, "dtype": torch.float64}
    encoder = nn.Sequential(nn.Conv2d(2, 3, kernel, **settings), nn.Conv2d(3, 2, kernel, **settings))
    decoder = nn.Sequential(nn.ConvTranspose2d(2, 3, kernel, **settings), nn.ConvTranspose2d(3, 2, kernel, **settings))
    tie_weights(encoder, decoder)
    optimizer = torch.optim.SGD(encoder.parameters(), 0.1)
    x = torch.randn(1, 2, 13, 13, dtype=torch.float64)
    y = encoder(x)
    if decoder(y).shape != x.shape:
        return  # one of the sizes that several inputs share
    (decoder(y) - x).square().mean().backward()
    optimizer.step()

    def numpy(module):
        return lambda array: module(torch.from_numpy(array)).detach().numpy()

    rng = np.random.default_rng(seed)
    assert dot_product_gap(numpy(encoder), numpy(decoder), tuple(x.shape), tuple(y.shape), rng) < 1e-12


NOTHING_TO_AGREE_WITH = {"generalisation_gap": "PyTorch has no word for it; what `fit` records is its input"}


def test_generalisation_gap_of_what_fit_records():
    from deconvlib.course.training import GradientStep, fit, minibatches

    torch.manual_seed(0)
    net = nn.Linear(8, 1)
    sets = {name: (torch.randn(6, 8), torch.randn(6, 1)) for name in ("train", "validation")}
    step = GradientStep(
        net, lambda net, batch: (net(batch[0]) - batch[1]).square().mean(), torch.optim.SGD(net.parameters(), 0.1)
    )
    history = fit(
        step,
        minibatches(*sets["train"], size=6),
        30,
        generator=torch.Generator().manual_seed(0),
        evaluate=lambda: {name: (net(x) - y).square().mean() for name, (x, y) in sets.items()},
    )
    found = generalisation_gap(history)
    assert found["gap"] > 0
    assert found["lost"] >= 0
    assert history["validation"][found["best"]] == min(history["validation"])
