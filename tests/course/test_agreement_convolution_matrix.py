"""The solutions of Chapter 2 agree with PyTorch, exactly where all numbers are whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import draw_array, seeds
from deconv_solutions import convolution_matrix as solution

torch = pytest.importorskip("torch")
F = torch.nn.functional


@st.composite
def convolutions(draw):
    """Shapes of x and w, and the settings of a convolution: all drawn, the kernel always fits."""
    stride, padding, dilation = (
        (draw(st.integers(low, high)), draw(st.integers(low, high))) for low, high in ((1, 4), (0, 4), (1, 3))
    )
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    groups = draw(st.integers(1, 3))
    smallest = [max(1, d * (k - 1) + 1 - 2 * p) for k, d, p in zip(kernel, dilation, padding, strict=True)]
    size = [least + draw(st.integers(0, 6)) for least in smallest]
    channels, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    x_shape = (draw(st.integers(1, 3)), groups * channels, *size)
    return x_shape, (groups * outputs, channels, *kernel), (stride, padding, dilation, groups)


def drawn(shape, seed, dtype=np.float64):
    return torch.from_numpy(draw_array(shape, seed, dtype))


@given(case=convolutions(), seed=seeds())
def test_matrix_is_the_convolution(case, seed):
    x_shape, w_shape, (stride, padding, dilation, groups) = case
    x, w = drawn(x_shape, seed), drawn(w_shape, seed + 1)
    y = F.conv2d(x, w, None, stride, padding, dilation, groups).numpy()
    # With groups the matrix is block diagonal: one conv_matrix for each group.
    channels, outputs = x_shape[1] // groups, w_shape[0] // groups
    for group in range(groups):
        matrix = solution.conv_matrix(
            w[group * outputs : (group + 1) * outputs].numpy(),
            (channels, *x_shape[2:]),
            stride,
            padding,
            dilation,
        )
        for image in range(x_shape[0]):
            pixels = x[image, group * channels : (group + 1) * channels].numpy().ravel()
            expected = y[image, group * outputs : (group + 1) * outputs].ravel()
            assert np.array_equal(matrix @ pixels, expected)


@given(case=convolutions(), seed=seeds())
def test_transposed_matrix_is_conv_transpose2d(case, seed):
    x_shape, w_shape, (stride, padding, dilation, groups) = case
    w_shape = (w_shape[0] // groups, *w_shape[1:])
    x_shape = (1, w_shape[1], *x_shape[2:])
    matrix = solution.conv_matrix(draw_array(w_shape, seed), x_shape[1:], stride, padding, dilation)
    w = drawn(w_shape, seed)
    y = F.conv2d(drawn(x_shape, seed), w, None, stride, padding, dilation)
    # What the stride leaves over is what output_padding gives back.
    rest = [
        (size + 2 * p - d * (k - 1) - 1) % s
        for size, k, s, p, d in zip(x_shape[2:], w_shape[2:], stride, padding, dilation, strict=True)
    ]
    expected = F.conv_transpose2d(y, w, None, stride, padding, rest, 1, dilation).numpy()
    assert np.array_equal(matrix.T @ y.numpy().ravel(), expected.ravel())


@given(case=convolutions(), seed=seeds())
def test_gradients(case, seed):
    x_shape, w_shape, settings = case
    x, w = drawn(x_shape, seed).requires_grad_(), drawn(w_shape, seed + 1).requires_grad_()
    y = F.conv2d(x, w, None, *settings)
    grad_y = drawn(tuple(y.shape), seed + 2)
    y.backward(grad_y)

    by_x = solution.conv2d_input_gradient(grad_y.numpy(), w.detach().numpy(), x_shape, *settings)
    by_w = solution.conv2d_weight_gradient(grad_y.numpy(), x.detach().numpy(), w_shape[2:], *settings)
    assert np.array_equal(by_x, x.grad.numpy())
    assert np.array_equal(by_w, w.grad.numpy())
    assert np.array_equal(by_x, torch.nn.grad.conv2d_input(x_shape, w, grad_y, *settings).detach().numpy())
    assert np.array_equal(by_w, torch.nn.grad.conv2d_weight(x, w_shape, grad_y, *settings).detach().numpy())


@given(case=convolutions(), seed=seeds())
def test_gradients_in_float32(case, seed):
    x_shape, w_shape, settings = case
    generator = torch.Generator().manual_seed(seed)
    x, w = (torch.randn(shape, generator=generator).requires_grad_() for shape in (x_shape, w_shape))
    y = F.conv2d(x, w, None, *settings)
    grad_y = torch.randn(y.shape, generator=generator)
    y.backward(grad_y)
    pairs = (
        (solution.conv2d_input_gradient(grad_y.numpy(), w.detach().numpy(), x_shape, *settings), x.grad),
        (solution.conv2d_weight_gradient(grad_y.numpy(), x.detach().numpy(), w_shape[2:], *settings), w.grad),
    )
    for ours, theirs in pairs:
        assert ours.dtype == np.float32
        assert np.abs(ours - theirs.numpy()).max() <= 1e-5 * max(1.0, float(theirs.abs().max()))


@given(height=st.integers(1, 6), width=st.integers(1, 6), seed=seeds())
def test_gap_is_the_one_of_explicit_products(height, width, seed):
    forward, adjoint = draw_array((height, width), seed), draw_array((width, height), seed + 1)
    gap = solution.dot_product_gap(
        lambda x: forward @ x, lambda y: adjoint @ y, (width,), (height,), np.random.default_rng(seed)
    )
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.standard_normal(width))
    y = torch.from_numpy(rng.standard_normal(height))
    left, right = torch.from_numpy(forward) @ x @ y, torch.from_numpy(adjoint) @ y @ x
    larger = max(abs(float(left)), abs(float(right)))
    assert gap == pytest.approx(abs(float(left - right)) / larger if larger else 0.0, rel=1e-9, abs=1e-12)
