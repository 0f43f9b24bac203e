"""Chapter 6's solutions agree with PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import LAYOUTS, arrange, draw_array, seeds
from deconv_solutions.convolution import conv2d
from deconv_solutions.upsampling import (
    bilinear_kernel,
    checkerboard_energy,
    icnr,
    overlap_map,
    pixel_shuffle,
    resize_conv2d,
    subpixel_weights,
)
from deconv_tests.course.agreement import tensor

torch = pytest.importorskip("torch")
F = torch.nn.functional

FLOATS = st.sampled_from([np.float32, np.float64])
SMALL = st.integers(1, 3)


def close(ours, theirs):
    theirs = theirs.numpy()
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    tolerance = 1e-5 if ours.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * max(1.0, np.abs(theirs).max()))


@given(n=st.integers(1, 9), kernel=st.integers(1, 8), stride=st.integers(1, 6))
def test_overlap_map(n, kernel, stride):
    counts = F.conv_transpose1d(torch.ones(1, 1, n), torch.ones(1, 1, kernel), stride=stride)[0, 0]
    assert np.array_equal(overlap_map(n, kernel, stride), counts.numpy())


@given(
    shape=st.tuples(SMALL, SMALL, st.integers(1, 4), st.integers(1, 4)),
    r=st.integers(1, 4),
    dtype=st.sampled_from([np.float32, np.float64, np.int64]),
    layout=st.sampled_from(LAYOUTS),
    seed=seeds(),
)
def test_pixel_shuffle(shape, r, dtype, layout, seed):
    batch, channels, height, width = shape
    x = arrange(draw_array((batch, channels * r * r, height, width), seed, dtype), layout)
    close(pixel_shuffle(x, r), F.pixel_shuffle(tensor(x), r))


@given(
    shape=st.tuples(SMALL, SMALL, st.integers(1, 5), st.integers(1, 5)),
    filters=SMALL,
    kernel=st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 5])),
    scale=st.integers(1, 4),
    mode=st.sampled_from(["nearest", "bilinear"]),
    dtype=FLOATS,
    seed=seeds(),
)
def test_resize_conv2d(shape, filters, kernel, scale, mode, dtype, seed):
    x, w = draw_array(shape, seed, dtype), draw_array((filters, shape[1], *kernel), seed + 1, dtype)
    corners = {"align_corners": False} if mode == "bilinear" else {}
    large = F.interpolate(tensor(x), scale_factor=scale, mode=mode, **corners)
    theirs = F.conv2d(large, tensor(w), padding=(kernel[0] // 2, kernel[1] // 2))
    close(resize_conv2d(x, w, scale, mode), theirs)


@given(
    channels=st.tuples(SMALL, SMALL),
    kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.integers(1, 5),
    dtype=FLOATS,
    seed=seeds(),
)
def test_subpixel_weights(channels, kernel, size, stride, dtype, seed):
    """PyTorch's convolution and pixel shuffle with our weights, and its transposed convolution: equal in whole numbers."""
    w, y = draw_array((*channels, *kernel), seed, dtype), draw_array((2, channels[0], *size), seed + 1, dtype)
    v = tensor(subpixel_weights(w, stride))
    theirs = F.conv_transpose2d(tensor(y), tensor(w), stride=stride)
    shuffled = F.pixel_shuffle(F.conv2d(tensor(y), v, padding=(v.shape[2] - 1, v.shape[3] - 1)), stride)
    assert torch.equal(shuffled[:, :, : theirs.shape[2], : theirs.shape[3]], theirs)


@given(
    r=st.integers(1, 4), shape=st.tuples(SMALL, SMALL, st.sampled_from([1, 3]), st.sampled_from([1, 3])), seed=seeds()
)
def test_icnr_starts_as_nearest_enlargement(r, shape, seed):
    def draw(small, rng):
        return rng.integers(-9, 9, size=small, endpoint=True).astype(np.float64)

    w = icnr((shape[0] * r * r, *shape[1:]), r, draw, np.random.default_rng(seed))
    x = tensor(draw_array((1, shape[1], 3, 4), seed))
    padding = (shape[2] // 2, shape[3] // 2)
    one = F.conv2d(x, tensor(w[:: r * r]), padding=padding)
    large = F.interpolate(one, scale_factor=r, mode="nearest")
    assert torch.equal(F.pixel_shuffle(F.conv2d(x, tensor(w), padding=padding), r), large)


@given(stride=st.integers(1, 6), channels=SMALL, seed=seeds())
def test_bilinear_kernel_interpolates(stride, channels, seed):
    """Away from the border the transposed convolution with it is PyTorch's bilinear interpolation."""
    x = tensor(draw_array((1, channels, 5, 6), seed))
    large = F.conv_transpose2d(x, tensor(bilinear_kernel(stride, channels)), stride=stride, padding=stride // 2)
    theirs = F.interpolate(x, scale_factor=stride, mode="bilinear", align_corners=False)
    inside = (..., slice(stride, -stride), slice(stride, -stride))
    assert large.shape == theirs.shape
    assert torch.allclose(large[inside], theirs[inside], rtol=0, atol=1e-12 * 9)


@given(
    stride=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    periods=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    seed=seeds(),
)
def test_checkerboard_energy_is_what_the_spectrum_says(stride, periods, seed):
    """Equation (6.2): the variance of the phase means, and the definition by frequencies."""
    x = np.random.default_rng(seed).standard_normal((stride[0] * periods[0], stride[1] * periods[1]))
    power = torch.fft.fft2(tensor(x)).abs().numpy() ** 2
    total = power.sum() - power[0, 0]
    pattern = power[:: periods[0], :: periods[1]].sum() - power[0, 0]
    if x.size > 1:
        assert checkerboard_energy(x, stride) == pytest.approx(pattern / total, abs=1e-10)


@given(
    scale=st.integers(1, 4),
    kernel=st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3])),
    dtype=FLOATS,
    seed=seeds(),
)
def test_a_resize_convolution_is_a_transposed_convolution(scale, kernel, dtype, seed):
    """With a box times the turned kernel; and all its phase sums are equal."""
    w, x = draw_array((2, 3, *kernel), seed, dtype), draw_array((1, 3, 4, 5), seed + 1, dtype)
    turned = np.ascontiguousarray(w[:, :, ::-1, ::-1]).reshape(6, 1, *kernel)
    box = np.pad(turned, ((0, 0), (0, 0), (scale - 1,) * 2, (scale - 1,) * 2))
    folded = conv2d(box, np.ones((1, 1, scale, scale), dtype)).reshape(2, 3, kernel[0] + scale - 1, -1)
    folded = np.ascontiguousarray(folded.swapaxes(0, 1))
    padding = (kernel[0] // 2, kernel[1] // 2)
    large = F.conv_transpose2d(tensor(x), tensor(folded), stride=scale, padding=padding)
    assert np.array_equal(resize_conv2d(x, w, scale), large.numpy())
    for a, b in np.ndindex(scale, scale):
        assert np.array_equal(folded[:, :, a::scale, b::scale].sum(axis=(2, 3)), w.sum(axis=(2, 3)).T)
