"""Chapter 1's solutions agree with PyTorch, and its true convolution with SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import LAYOUTS, arrange, draw_array, seeds
from deconv_solutions.convolution import (
    conv2d,
    conv_output_size,
    convolve2d_full,
    correlate2d,
    im2col,
    receptive_field,
)
from deconv_tests.course.agreement import DTYPES, along, either, same, tensor

torch = pytest.importorskip("torch")
F = torch.nn.functional


@st.composite
def windows(draw):
    """An image size, a kernel size that fits, and stride, padding, dilation."""
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    keywords = {"stride": draw(either(1, 4)), "padding": draw(either(0, 3)), "dilation": draw(either(1, 3))}
    size = tuple(
        max(1, along(keywords["dilation"], a) * (kernel[a] - 1) + 1 - 2 * along(keywords["padding"], a))
        + draw(st.integers(0, 6))
        for a in (0, 1)
    )
    return size, kernel, keywords


@given(
    case=windows(),
    batch=st.integers(1, 3),
    channels=st.integers(1, 3),
    filters=st.integers(1, 3),
    groups=st.integers(1, 3),
    biased=st.booleans(),
    dtype=st.sampled_from(DTYPES),
    layout=st.sampled_from(LAYOUTS),
    seed=seeds(),
)
def test_conv2d(case, batch, channels, filters, groups, biased, dtype, layout, seed):
    size, kernel, keywords = case
    x = arrange(draw_array((batch, channels * groups, *size), seed, dtype), layout)
    w = arrange(draw_array((filters * groups, channels, *kernel), seed + 1, dtype), layout)
    bias = draw_array((filters * groups,), seed + 2, dtype) if biased else None
    theirs = F.conv2d(tensor(x), tensor(w), None if bias is None else tensor(bias), **keywords, groups=groups)
    same(conv2d(x, w, bias, **keywords, groups=groups), theirs)


@given(case=windows(), dtype=st.sampled_from((np.float32, np.float64)), seed=seeds())
def test_conv2d_of_real_numbers(case, dtype, seed):
    size, kernel, keywords = case
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal((2, 4, *size)).astype(dtype), rng.standard_normal((6, 2, *kernel)).astype(dtype)
    theirs = F.conv2d(tensor(x), tensor(w), **keywords, groups=2).numpy()
    tolerance = 1e-5 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose(conv2d(x, w, **keywords, groups=2), theirs, rtol=0, atol=tolerance * abs(theirs).max())


@given(case=windows(), channels=st.integers(1, 3), dtype=st.sampled_from((np.float32, np.float64)), seed=seeds())
def test_im2col(case, channels, dtype, seed):
    size, kernel, keywords = case
    x = draw_array((2, channels, *size), seed, dtype)
    same(im2col(x, kernel, **keywords), F.unfold(tensor(x), kernel, **keywords))


@given(case=windows(), seed=seeds())
def test_im2col_of_whole_numbers(case, seed):
    size, kernel, keywords = case
    x = draw_array((1, 2, *size), seed, np.int64)
    same(im2col(x, kernel, **keywords), F.unfold(tensor(x.astype(np.float64)), kernel, **keywords).long())


@given(
    n=st.integers(1, 30),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 5),
    padding=st.integers(0, 4),
    dilation=st.integers(1, 4),
)
def test_conv_output_size(n, kernel, stride, padding, dilation):
    """The same size, or both refuse."""
    try:
        theirs = F.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, kernel), None, stride, padding, dilation).shape[-1]
    except RuntimeError:
        with pytest.raises(ValueError, match="kernel must fit"):
            conv_output_size(n, kernel, stride, padding, dilation)
    else:
        ours = conv_output_size(n, kernel, stride, padding, dilation)
        assert ours == theirs
        assert type(ours) is int


@given(
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    more=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    dtype=st.sampled_from(DTYPES),
    seed=seeds(),
)
def test_correlate2d(kernel, more, dtype, seed):
    x = draw_array((3, kernel[0] + more[0], kernel[1] + more[1]), seed, dtype)
    w = draw_array((3, *kernel), seed + 1, dtype)
    same(correlate2d(x, w), F.conv2d(tensor(x)[None], tensor(w)[None])[0, 0])


@given(
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    dtype=st.sampled_from(DTYPES),
    seed=seeds(),
)
def test_convolve2d_full(size, kernel, dtype, seed):
    signal = pytest.importorskip("scipy.signal")
    x, w = draw_array(size, seed, dtype), draw_array(kernel, seed + 1, dtype)
    np.testing.assert_array_equal(convolve2d_full(x, w), signal.convolve2d(x, w, mode="full"), strict=True)


@given(
    layers=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2)), min_size=1, max_size=4),
    seed=seeds(),
)
def test_receptive_field(layers, seed):
    """PyTorch's gradient of one output through kernels of ones is positive exactly on the predicted pixels.

    (A stride larger than the kernel leaves pixels out, so only the field's two ends are compared then.)
    """
    size, stride, offset = receptive_field(layers)
    x = torch.ones(1, 1, 2 * size + 3 * stride + 8, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel, step, padding in layers:
        y = F.conv1d(y, torch.ones(1, 1, kernel, dtype=torch.float64), None, step, padding)
    for unit in {0, seed % y.shape[-1], y.shape[-1] - 1}:
        (gradient,) = torch.autograd.grad(y[0, 0, unit], x, retain_graph=True)
        (seen,) = np.nonzero(gradient[0, 0].numpy())
        first, last = offset + unit * stride, offset + unit * stride + size - 1
        if first >= 0 and last < x.shape[-1]:
            assert (seen[0], seen[-1]) == (first, last)
        else:
            assert seen.size == 0 or (seen[0] >= first and seen[-1] <= last)


@pytest.mark.parametrize(
    ("name", "function", "arguments", "keywords"),
    [
        ("padding", conv2d, [(1, 1, 4, 4), (1, 1, 2, 2)], {"padding": -1}),
        ("stride", conv2d, [(1, 1, 4, 4), (1, 1, 2, 2)], {"stride": (1, 2, 3)}),
        ("stride", im2col, [(1, 1, 4, 4)], {"kernel": 2, "stride": 1.5}),
        ("x", conv2d, [(4, 4), (1, 1, 2, 2)], {}),
        ("w", conv2d, [(1, 3, 4, 4), (1, 1, 2, 2)], {}),
        ("w", correlate2d, [(2, 4, 4), (1, 2, 2)], {}),
        ("groups", conv2d, [(1, 3, 4, 4), (2, 1, 2, 2)], {"groups": 2}),
        ("bias", conv2d, [(1, 1, 4, 4), (2, 1, 2, 2)], {"bias": np.ones(3)}),
        ("kernel", conv2d, [(1, 1, 2, 2), (1, 1, 3, 3)], {}),
        ("kernel", conv_output_size, [], {"n": 4, "kernel": True}),
        (r"layers\[1\]", receptive_field, [], {"layers": [(3, 1, 1), (3, 1)]}),
        (r"layers\[0\] stride", receptive_field, [], {"layers": [(3, 0, 1)]}),
        ("x", convolve2d_full, [], {"x": "a photograph", "w": np.ones((2, 2))}),
    ],
)
def test_bad_input_is_named(name, function, arguments, keywords):
    with pytest.raises((ValueError, TypeError), match=rf"^{name}"):
        function(*map(np.ones, arguments), **keywords)
