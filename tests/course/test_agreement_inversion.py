"""Chapter 4's solutions against scikit-image's where the definitions coincide, and against each other.

scikit-image's `wiener` multiplies its balance by the power of a Laplacian; ours takes that product as its ratio. Both
wrap. Its `richardson_lucy` starts from 0.5, takes what is outside the image for black and does not divide by the
kernel's sum; ours wraps. A black margin that the blur does not cross makes the two boundaries one, for kernels of odd
size: with an even one its second convolution is not the adjoint of the first.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import draw_array, seeds
from deconv_solutions.convolution_matrix import dot_product_gap
from deconv_solutions.inversion import (
    condition_number,
    inverse_filter,
    richardson_lucy,
    tikhonov,
    transfer_function,
    wiener,
)

restoration = pytest.importorskip("skimage.restoration")
uft = pytest.importorskip("skimage.restoration.uft")

SIZES = st.tuples(st.integers(6, 17), st.integers(6, 17))
# Smaller than the image: a kernel of the image's size is a transfer function to scikit-image's wiener.
KERNELS = st.tuples(st.integers(1, 5), st.integers(1, 5))
ODD = st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 5]))


def blur_of(kernel, shape):
    """The circular blur and its adjoint, as functions."""
    H = transfer_function(kernel, shape)
    return (
        lambda x: np.fft.ifft2(H * np.fft.fft2(x)).real,
        lambda y: np.fft.ifft2(H.conj() * np.fft.fft2(y)).real,
    )


def weights(size, seed):
    """A kernel that is nowhere negative and sums to 1."""
    kernel = draw_array(size, seed, low=1)
    return kernel / kernel.sum()


@given(shape=SIZES, size=KERNELS, seed=seeds())
def test_transfer_function_is_scikit_images(shape, size, seed):
    kernel = draw_array(size, seed)
    theirs = uft.ir2tf(kernel, shape, is_real=False)
    np.testing.assert_allclose(transfer_function(kernel, shape), theirs, rtol=0, atol=1e-10)


@given(shape=SIZES, size=KERNELS, seed=seeds(), balance=st.sampled_from([0.01, 0.3, 5.0]))
def test_wiener_with_the_power_of_a_laplacian(shape, size, seed, balance):
    y, kernel = draw_array(shape, seed), weights(size, seed + 1)
    laplacian, _ = uft.laplacian(2, shape, is_real=False)
    theirs = restoration.wiener(y, kernel, balance=balance, clip=False)
    np.testing.assert_allclose(wiener(y, kernel, balance * np.abs(laplacian) ** 2), theirs, rtol=0, atol=1e-9)


@given(shape=SIZES, size=KERNELS, seed=seeds(), balance=st.sampled_from([0.01, 0.3, 5.0]))
def test_wiener_with_one_ratio(shape, size, seed, balance):
    """Where scikit-image's regularization operator is the identity."""
    y, kernel = draw_array(shape, seed), weights(size, seed + 1)
    identity = np.ones(shape, complex)
    theirs = restoration.wiener(y, kernel, balance=balance, reg=identity, is_real=False, clip=False)
    np.testing.assert_allclose(wiener(y, kernel, balance), theirs.real, rtol=0, atol=1e-9)


@given(size=ODD, seed=seeds(), iterations=st.integers(0, 6))
def test_richardson_lucy_in_a_black_margin(size, seed, iterations):
    y = np.pad(draw_array((7, 9), seed, low=1) / 9, 2 * max(size))
    kernel = weights(size, seed + 1)
    ours = richardson_lucy(y, kernel, iterations, start=np.full(y.shape, 0.5))
    theirs = restoration.richardson_lucy(y, kernel, iterations, clip=False)
    # Far out, where both blurred estimates are 0, either guard leaves rounding times an estimate of 0.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def test_richardson_lucy_differs_for_an_even_kernel():
    """One bright pixel, blurred to two equal ones, comes back here; scikit-image's iteration leaves it behind."""
    y = np.zeros((1, 15))
    y[0, 7:9] = 0.5
    kernel = np.array([[0.5, 0.5]])
    ours = richardson_lucy(y, kernel, 50, start=np.full(y.shape, 0.5))
    theirs = restoration.richardson_lucy(y, kernel, 50, clip=False)
    np.testing.assert_allclose(ours, np.eye(15)[[8]], atol=1e-3)  # the center of two entries is the second
    assert np.abs(theirs - ours).max() > 1


def test_richardson_lucy_differs_at_the_edge():
    y = np.full((12, 12), 0.5)
    kernel = weights((3, 3), 1)
    ours = richardson_lucy(y, kernel, 5, start=y)
    theirs = restoration.richardson_lucy(y, kernel, 5, clip=False)
    np.testing.assert_allclose(ours, 0.5)  # wrapped, a constant stays one
    assert np.abs(theirs - 0.5).max() > 0.1  # black outside explains a constant in another way


@given(shape=SIZES, size=KERNELS, seed=seeds(), weight=st.sampled_from([0.1, 1.0, 10.0]))
def test_tikhonov_is_the_closed_form_for_a_circular_operator(shape, size, seed, weight):
    y, kernel = draw_array(shape, seed), weights(size, seed + 1)
    forward, adjoint = blur_of(kernel, shape)
    assert dot_product_gap(forward, adjoint, shape, shape, np.random.default_rng(seed)) < 1e-9
    x = tikhonov(y, forward, adjoint, weight, 60)
    np.testing.assert_allclose(x, wiener(y, kernel, weight), rtol=0, atol=1e-8)


@given(shape=SIZES, size=KERNELS, seed=seeds())
def test_without_noise_all_filters_give_the_image_back(shape, size, seed):
    x, kernel = draw_array(shape, seed), draw_array(size, seed + 1, low=0, high=2)
    kernel[size[0] // 2, size[1] // 2] += 3 * kernel.size
    assert condition_number(kernel, shape) < 20
    y = blur_of(kernel, shape)[0](x)
    np.testing.assert_allclose(inverse_filter(y, kernel), x, rtol=0, atol=1e-9)
    np.testing.assert_allclose(wiener(y, kernel, 0), x, rtol=0, atol=1e-9)


def test_the_closed_form_is_not_the_answer_for_a_zero_boundary():
    """Tikhonov takes the operator that it is given; (4.7) always wraps."""
    y, kernel = draw_array((9, 11), 3), weights((3, 5), 4)
    wide = transfer_function(kernel, (9 + 2, 11 + 4))

    def inside(image):
        return image[1:-1, 2:-2]

    def forward(x):
        return inside(np.fft.ifft2(wide * np.fft.fft2(np.pad(x, ((1, 1), (2, 2))))).real)

    def adjoint(v):
        return inside(np.fft.ifft2(wide.conj() * np.fft.fft2(np.pad(v, ((1, 1), (2, 2))))).real)

    assert dot_product_gap(forward, adjoint, y.shape, y.shape, np.random.default_rng(0)) < 1e-12
    matrix = np.stack([forward(unit.reshape(y.shape)).ravel() for unit in np.eye(y.size)], axis=1)
    direct = np.linalg.solve(matrix.T @ matrix + 0.1 * np.eye(y.size), matrix.T @ y.ravel()).reshape(y.shape)
    np.testing.assert_allclose(tikhonov(y, forward, adjoint, 0.1, 100), direct, rtol=0, atol=1e-8)
    assert np.abs(direct - wiener(y, kernel, 0.1)).max() > 0.1
