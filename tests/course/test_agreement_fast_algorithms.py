"""Chapter 14's solutions against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import draw_array, seeds

torch = pytest.importorskip("torch")
F = torch.nn.functional

from deconv_solutions import upsampling  # noqa: E402
from deconv_solutions.fast_algorithms import (  # noqa: E402
    conv_transpose2d_fft,
    conv_transpose2d_polyphase,
    conv_transpose_macs,
    split_phases,
)
from deconv_tests.test_fast_algorithms import problems  # noqa: E402


def drawn(shape, seed, dtype):
    return torch.from_numpy(draw_array(shape, seed, dtype))


@given(problem=problems())
def test_conv_transpose_macs(problem):
    """PyTorch's own layer of ones adds up as many ones as there are products that reach the result."""
    shape, weight_shape, stride, padding, _ = problem
    ones = F.conv_transpose2d(torch.ones(shape).double(), torch.ones(weight_shape).double(), None, stride, padding)
    assert conv_transpose_macs(shape, weight_shape, stride, padding, "direct") == int(ones.sum())


@given(problem=problems(), seed=seeds())
def test_split_phases(problem, seed):
    """Each phase of PyTorch's result is its transposed convolution, stride 1, by the phase's own kernel."""
    shape, weight_shape, stride, *_ = problem
    y, w = drawn(shape, seed, np.float64), drawn(weight_shape, seed + 1, np.float64)
    s_h, s_w = stride if isinstance(stride, tuple) else (stride, stride)
    whole = F.conv_transpose2d(y, w, stride=(s_h, s_w))
    for (a, b), kernel in split_phases(w, stride):
        found = whole[:, :, a::s_h, b::s_w]
        if kernel.numel():
            phase = F.conv_transpose2d(y, kernel)
            found = found[:, :, : phase.shape[2], : phase.shape[3]]
            assert torch.equal(found, phase[:, :, : found.shape[2], : found.shape[3]])
        else:
            assert not found.any()


@pytest.mark.parametrize("function", [conv_transpose2d_polyphase, conv_transpose2d_fft])
@given(problem=problems(), seed=seeds(), dtype=st.sampled_from([np.float32, np.float64]), biased=st.booleans())
def test_both_are_pytorch_s_layer_with_its_gradients(function, problem, seed, dtype, biased):
    shape, weight_shape, stride, padding, more = problem
    leaves = [drawn(shape, seed, dtype), drawn(weight_shape, seed + 1, dtype)]
    leaves += [drawn(weight_shape[1:2], seed + 2, dtype)] if biased else []
    results = []
    for one in (function, F.conv_transpose2d):
        given_ = [leaf.clone().requires_grad_() for leaf in leaves]
        x = one(*given_, *([] if biased else [None]), stride, padding, more)
        results.append((x, *torch.autograd.grad(x, given_, drawn(x.shape, seed + 3, dtype))))
    for ours, theirs in zip(*results, strict=True):
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        tolerance = (1e-5 if dtype is np.float32 else 1e-12) * max(1.0, float(theirs.detach().abs().max()))
        torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance)


def test_conv_transpose2d_polyphase():
    """Its convolution has the weights of chapter 6."""
    w = draw_array((3, 2, 5, 4), 7)
    y = draw_array((1, 3, 4, 3), 8)
    v = torch.from_numpy(upsampling.subpixel_weights(w, 3))
    whole = F.pixel_shuffle(F.conv2d(torch.from_numpy(y), v, padding=(1, 1)), 3)[:, :, :14, :10]
    assert torch.equal(conv_transpose2d_polyphase(torch.from_numpy(y), torch.from_numpy(w), stride=3), whole)


def test_conv_transpose2d_fft():
    """An impulse gives the kernel, wherever it stands, to the precision of the transform."""
    w = torch.from_numpy(draw_array((1, 1, 3, 4), 9, np.float32))
    y = torch.zeros(1, 1, 4, 5)
    y[0, 0, 2, 3] = 1
    x = conv_transpose2d_fft(y, w, stride=(2, 3))
    torch.testing.assert_close(x[0, 0, 4:7, 9:13], w[0, 0], atol=1e-5, rtol=0)
