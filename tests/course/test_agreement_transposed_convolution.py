"""Chapter 3's solutions agree with PyTorch, and refuse exactly what PyTorch refuses."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import LAYOUTS, arrange, draw_array, seeds
from deconv_solutions.convolution import conv2d, conv_output_size
from deconv_solutions.transposed_convolution import (
    col2im,
    conv_transpose2d,
    conv_transpose_output_size,
    insert_zeros,
    output_padding_for,
    stamp_transpose2d,
)
from deconv_tests.course.agreement import DTYPES, along, either, same, tensor

torch = pytest.importorskip("torch")
F = torch.nn.functional


def accepted(call, error):
    """What the call returns, or None if it raises `error`.

    Where padding leaves nothing over, some of PyTorch's backends give an empty tensor and the others refuse: None too.
    """
    try:
        result = call()
    except error:
        return None
    return None if isinstance(result, torch.Tensor) and result.numel() == 0 else result


@given(
    size=st.tuples(st.integers(1, 4), st.integers(1, 5)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    settings=st.fixed_dictionaries(
        {"stride": either(1, 4), "padding": either(0, 3), "output_padding": either(0, 2), "dilation": either(1, 3)}
    ),
    batch=st.integers(1, 2),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    groups=st.integers(1, 3),
    biased=st.booleans(),
    dtype=st.sampled_from(DTYPES),
    layout=st.sampled_from(LAYOUTS),
    seed=seeds(),
)
def test_conv_transpose2d(size, kernel, settings, batch, channels, groups, biased, dtype, layout, seed):
    """Values where PyTorch gives some, ValueError where it refuses."""
    y = arrange(draw_array((batch, channels[0] * groups, *size), seed, dtype), layout)
    w = arrange(draw_array((channels[0] * groups, channels[1], *kernel), seed + 1, dtype), layout)
    bias = draw_array((channels[1] * groups,), seed + 2, dtype) if biased else None
    theirs = accepted(
        lambda: F.conv_transpose2d(
            tensor(y), tensor(w), None if bias is None else tensor(bias), **settings, groups=groups
        ),
        RuntimeError,
    )
    ours = accepted(lambda: conv_transpose2d(y, w, bias, **settings, groups=groups), ValueError)
    assert (ours is None) == (theirs is None)
    if theirs is not None:
        same(ours, theirs)


@given(
    stride=either(1, 4),
    padding=either(0, 2),
    dtype=st.sampled_from((np.float32, np.float64)),
    seed=seeds(),
)
def test_conv_transpose2d_of_real_numbers(stride, padding, dtype, seed):
    rng = np.random.default_rng(seed)
    y, w = rng.standard_normal((2, 4, 3, 5)).astype(dtype), rng.standard_normal((4, 3, 5, 6)).astype(dtype)
    theirs = F.conv_transpose2d(tensor(y), tensor(w), stride=stride, padding=padding).numpy()
    tolerance = (1e-5 if dtype == np.float32 else 1e-12) * np.abs(theirs).max()
    np.testing.assert_allclose(conv_transpose2d(y, w, None, stride, padding), theirs, rtol=0, atol=tolerance)
    np.testing.assert_allclose(stamp_transpose2d(y, w, stride, padding), theirs, rtol=0, atol=tolerance)


@given(
    size=st.tuples(st.integers(1, 4), st.integers(1, 5)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    settings=st.fixed_dictionaries({"stride": either(1, 4), "padding": either(0, 3), "output_padding": either(0, 2)}),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dtype=st.sampled_from(DTYPES),
    seed=seeds(),
)
def test_stamp_transpose2d(size, kernel, settings, channels, dtype, seed):
    y, w = draw_array((2, channels[0], *size), seed, dtype), draw_array((*channels, *kernel), seed + 1, dtype)
    theirs = accepted(lambda: F.conv_transpose2d(tensor(y), tensor(w), **settings), RuntimeError)
    ours = accepted(lambda: stamp_transpose2d(y, w, **settings), ValueError)
    assert (ours is None) == (theirs is None)
    if theirs is not None:
        same(ours, theirs)


def test_conv_transpose_output_size():
    """All small settings: PyTorch's size where it has one, ValueError where it refuses."""
    ranges = ((1, 2, 3), (1, 2, 3), (1, 2, 3), (0, 1, 2), (0, 1, 2, 3), (1, 2, 3))
    for n, kernel, stride, padding, extra, dilation in itertools.product(*ranges):
        case = (n, kernel, stride, padding, extra, dilation)
        y, w = torch.ones(1, 1, n, 2), torch.ones(1, 1, kernel, 1)
        theirs = accepted(
            lambda y=y, w=w, s=stride, p=padding, e=extra, d=dilation: F.conv_transpose2d(
                y, w, None, (s, 1), (p, 0), (e, 0), 1, (d, 1)
            ).shape[2],
            RuntimeError,
        )
        assert accepted(lambda case=case: conv_transpose_output_size(*case), ValueError) == theirs, case


def test_output_padding_for():
    """Exactly the sizes that the convolution maps to n_in have one, and it brings them back."""
    ranges = ((1, 2, 3), range(1, 14), (1, 2, 3, 4), (1, 2, 3, 4), (0, 1, 2), (1, 2, 3))
    for n_in, n_out, *settings in itertools.product(*ranges):
        kernel, stride, padding, dilation = settings
        there = accepted(
            lambda n=n_out, k=kernel, s=stride, p=padding, d=dilation: conv_output_size(n, k, s, p, d), ValueError
        )
        extra = accepted(lambda a=n_in, b=n_out, rest=settings: output_padding_for(a, b, *rest), ValueError)
        assert (extra is not None) == (there == n_in), (n_in, n_out, settings)
        if extra is not None:
            assert 0 <= extra < stride
            assert conv_transpose_output_size(n_in, kernel, stride, padding, extra, dilation) == n_out


@given(
    size=st.tuples(st.integers(1, 6), st.integers(1, 7)),
    kernel=either(1, 3),
    settings=st.fixed_dictionaries({"stride": either(1, 3), "padding": either(0, 2), "dilation": either(1, 2)}),
    channels=st.integers(1, 3),
    dtype=st.sampled_from((np.float32, np.float64)),
    layout=st.sampled_from(LAYOUTS),
    seed=seeds(),
)
def test_col2im(size, kernel, settings, channels, dtype, layout, seed):
    image = torch.zeros(1, 1, *size, dtype=torch.float64)
    places = accepted(lambda: F.unfold(image, kernel, **settings).shape[2], RuntimeError)
    rows = channels * along(kernel, 0) * along(kernel, 1)
    cols = arrange(draw_array((2, rows, places or 1), seed, dtype), layout)
    ours = accepted(lambda: col2im(cols, size, kernel, **settings), ValueError)
    assert (ours is None) == (places is None)
    if places is not None:
        same(ours, F.fold(tensor(cols), size, kernel, **settings))
        with pytest.raises(ValueError, match="columns"):
            col2im(np.concatenate([cols, cols], axis=2), size, kernel, **settings)


@given(stride=either(1, 4), size=st.tuples(st.integers(1, 4), st.integers(1, 5)), seed=seeds())
def test_insert_zeros(stride, size, seed):
    """Zero insertion is the transposed convolution with a kernel of one pixel."""
    y = draw_array((2, 1, *size), seed, np.int64)
    same(
        insert_zeros(y, stride), F.conv_transpose2d(tensor(y), torch.ones(1, 1, 1, 1, dtype=torch.int64), stride=stride)
    )


@given(
    size=st.tuples(st.integers(4, 8), st.integers(4, 9)),
    settings=st.fixed_dictionaries({"stride": either(1, 3), "padding": either(0, 2)}),
    seed=seeds(),
)
def test_is_the_gradient_of_conv2d(size, settings, seed):
    x = tensor(draw_array((2, 3, *size), seed, np.float64)).requires_grad_()
    w = draw_array((2, 3, 3, 4), seed + 1, np.float64)
    y = F.conv2d(x, tensor(w), **settings)
    back = draw_array(y.shape, seed + 2, np.float64)
    y.backward(tensor(back))
    below, right = (
        output_padding_for(
            y.shape[2 + a], size[a], w.shape[2 + a], along(settings["stride"], a), along(settings["padding"], a)
        )
        for a in (0, 1)
    )
    same(conv_transpose2d(back, w, None, **settings, output_padding=(below, right)), x.grad)
    np.testing.assert_array_equal(conv2d(x.detach().numpy(), w, **settings), y.detach().numpy())
