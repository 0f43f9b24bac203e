"""Grades Chapter 1, convolution."""

from __future__ import annotations

import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import LAYOUTS, arrange, check, draw_array, grid, layouts, seeds
from deconv_solutions import convolution as reference

DTYPES = (np.float32, np.float64, np.int64)


# --- correlate2d -----------------------------------------------------------------------------------------------------

TWO_CHANNELS = np.array([[[1, 2, 3, 4], [5, 6, 7, 8], [9, 0, 1, 2]], [[0, 1, 0, 2], [3, 0, 4, 0], [0, 5, 0, 6]]])
TWO_KERNELS = np.array([[[1, 0, 2], [0, -1, 0]], [[0, 3, 0], [1, 0, 0]]])
# The first check of an exercise takes floats: it is about values, and a forgotten dtype is for a later one to tell.


@check("correlate2d", "a 3 x 4 image of two channels that you can work out by hand", weight=2)
def test_correlate2d_by_hand(learner):
    learner.correlate2d.gives(
        np.array([[7.0, 3.0], [19.0, 38.0]]), TWO_CHANNELS.astype(float), TWO_KERNELS.astype(float)
    )


@check("correlate2d", "an impulse, which shows the kernel turned by 180 degrees")
def test_correlate2d_impulse(learner):
    x = np.zeros((1, 3, 5))
    x[0, 1, 2] = 1.0
    learner.correlate2d.gives(np.array([[6.0, 5.0, 4.0], [3.0, 2.0, 1.0]]), x, grid(1, 2, 3))


@check("correlate2d", "a kernel as large as the image, and one of a single pixel")
def test_correlate2d_extremes(learner):
    learner.correlate2d.gives(np.array([[91.0]]), grid(1, 2, 3), grid(1, 2, 3))
    x = TWO_CHANNELS.astype(float)
    learner.correlate2d.gives(2 * x[0] - x[1], x, np.array([[[2.0]], [[-1.0]]]))


@check("correlate2d", "any shape and dtype", weight=2, hidden=True)
@given(
    channels=st.integers(1, 3),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    more=st.tuples(st.integers(0, 3), st.integers(0, 4)),
    dtype=st.sampled_from(DTYPES),
    layout=st.sampled_from(LAYOUTS),
    seed=seeds(),
)
def test_correlate2d_drawn(learner, channels, kernel, more, dtype, layout, seed):
    shape = (channels, kernel[0] + more[0], kernel[1] + more[1])
    x = arrange(draw_array(shape, seed, dtype), layout)
    w = draw_array((channels, *kernel), seed + 1, dtype)
    learner.correlate2d.gives(reference.correlate2d(x, w), x, w)


@check(
    "correlate2d", "whole numbers stay whole, float32 stays float32; of mixed inputs the dtype is np.result_type(x, w)"
)
def test_correlate2d_dtype(learner):
    learner.correlate2d.gives(np.array([[7, 3], [19, 38]]), TWO_CHANNELS, TWO_KERNELS)
    x, w = TWO_CHANNELS.astype(np.float32), TWO_KERNELS.astype(np.float64)
    learner.correlate2d.gives(reference.correlate2d(x, w), x, w)
    learner.correlate2d.gives(reference.correlate2d(x, x[:, :2, :2]), x, x[:, :2, :2].copy())


@check("correlate2d", "refuses a kernel that does not fit, or has other channels")
def test_correlate2d_refuses(learner):
    learner.correlate2d.raises(ValueError, grid(1, 2, 4), grid(1, 3, 2))
    learner.correlate2d.raises(ValueError, grid(1, 4, 2), grid(1, 2, 3))
    learner.correlate2d.raises(ValueError, grid(2, 3, 4), grid(1, 2, 2))


# --- conv_output_size ------------------------------------------------------------------------------------------------


@check("conv_output_size", "sizes that you can count on a row of cells", weight=2)
def test_conv_output_size_by_hand(learner):
    learner.conv_output_size.gives(5, 8, kernel=4, stride=1, padding=3, dilation=3)
    learner.conv_output_size.gives(3, 8, kernel=3, stride=2)
    learner.conv_output_size.gives(5, 7, kernel=3)


@check("conv_output_size", "a kernel that just fits has one place")
def test_conv_output_size_exact_fit(learner):
    learner.conv_output_size.gives(1, 5, kernel=5)
    learner.conv_output_size.gives(1, 5, kernel=5, stride=3)
    learner.conv_output_size.gives(1, 1, kernel=4, padding=2, dilation=1, stride=2)
    learner.conv_output_size.gives(1, 7, kernel=3, dilation=3)


@check("conv_output_size", "any numbers", weight=2, hidden=True)
@given(
    kernel=st.integers(1, 6),
    stride=st.integers(1, 5),
    padding=st.integers(0, 4),
    dilation=st.integers(1, 4),
    room=st.integers(0, 17),
)
def test_conv_output_size_drawn(learner, kernel, stride, padding, dilation, room):
    n = max(1, dilation * (kernel - 1) + 1 - 2 * padding + room)
    expected = reference.conv_output_size(n, kernel, stride, padding, dilation)
    learner.conv_output_size.gives(expected, n, kernel, stride, padding, dilation)


@check("conv_output_size", "refuses a kernel that does not fit")
def test_conv_output_size_refuses(learner):
    learner.conv_output_size.raises(ValueError, 4, kernel=5)
    learner.conv_output_size.raises(ValueError, 2, kernel=3, padding=1, dilation=2)
    learner.conv_output_size.raises(ValueError, 4, kernel=7, stride=3, padding=1)


@check("conv_output_size", "refuses numbers that are no sizes")
def test_conv_output_size_refuses_numbers(learner):
    learner.conv_output_size.raises(ValueError, 8, kernel=3, stride=0)
    learner.conv_output_size.raises(ValueError, 8, kernel=3, padding=-1)
    learner.conv_output_size.raises(ValueError, 8, kernel=3, dilation=0)
    learner.conv_output_size.raises(ValueError, 8, kernel=0)
    learner.conv_output_size.raises(TypeError, 8, kernel=2.5)


# --- im2col ----------------------------------------------------------------------------------------------------------


@st.composite
def window_cases(draw):
    """(H, W) and keywords, with whatever a learner may have forgotten."""

    def either(low, high):
        return st.one_of(st.integers(low, high), st.tuples(st.integers(low, high), st.integers(low, high)))

    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 3)))
    keywords = {"stride": draw(either(1, 3)), "padding": draw(either(0, 3)), "dilation": draw(either(1, 3))}
    size = []
    for axis in (0, 1):
        padding, dilation = (
            value[axis] if isinstance(value, tuple) else value for value in (keywords["padding"], keywords["dilation"])
        )
        size.append(max(1, dilation * (kernel[axis] - 1) + 1 - 2 * padding + draw(st.integers(0, 4))))
    return tuple(size), kernel, keywords


@check("im2col", "the windows of a 3 x 4 image", weight=2)
def test_im2col_by_hand(learner):
    columns = [[1, 2, 5, 6], [2, 3, 6, 7], [3, 4, 7, 8], [5, 6, 9, 10], [6, 7, 10, 11], [7, 8, 11, 12]]
    learner.im2col.gives(np.array([columns], float), grid(1, 1, 3, 4), kernel=(2, 3))


@check("im2col", "two images of two channels: all of channel 0 comes first", weight=2)
def test_im2col_channels(learner):
    x = grid(2, 2, 2, 3, dtype=np.int64)
    first = [[1, 2], [2, 3], [4, 5], [5, 6], [7, 8], [8, 9], [10, 11], [11, 12]]
    learner.im2col.gives(np.array([first, [[a + 12, b + 12] for a, b in first]]), x, kernel=2)


@check("im2col", "stride and padding, different down and across")
def test_im2col_stride_and_padding(learner):
    x = grid(1, 1, 3, 5, dtype=np.int64)
    keywords = {"kernel": (2, 3), "stride": (1, 2), "padding": (1, 0)}
    learner.im2col.gives(reference.im2col(x, **keywords), x, **keywords)
    keywords = {"kernel": (3, 1), "stride": (3, 2), "padding": (0, 2)}
    learner.im2col.gives(reference.im2col(x, **keywords), x, **keywords)


@check("im2col", "dilation")
def test_im2col_dilation(learner):
    x = grid(1, 1, 4, 5, dtype=np.int64)
    learner.im2col.gives(
        np.array([[[1, 2, 6, 7], [4, 5, 9, 10], [11, 12, 16, 17], [14, 15, 19, 20]]]), x, 2, 1, 0, (2, 3)
    )


@check("im2col", "the result is a copy, even of 1 x 1 windows")
def test_im2col_copies(learner):
    x = grid(1, 2, 2, 3, dtype=np.float32)
    learner.im2col.gives(x.reshape(1, 2, 6).copy(), x, kernel=1)


@check("im2col", "any shape, stride, padding, dilation and dtype", weight=5, hidden=True)
@given(
    case=window_cases(),
    batch=st.integers(1, 2),
    channels=st.integers(1, 3),
    dtype=st.sampled_from(DTYPES),
    layout=st.sampled_from(LAYOUTS),
    seed=seeds(),
)
def test_im2col_drawn(learner, case, batch, channels, dtype, layout, seed):
    size, kernel, keywords = case
    x = arrange(draw_array((batch, channels, *size), seed, dtype), layout)
    learner.im2col.gives(reference.im2col(x, kernel, **keywords), x, kernel, **keywords)


@check("im2col", "refuses a kernel that does not fit")
def test_im2col_refuses(learner):
    learner.im2col.raises(ValueError, grid(1, 1, 3, 4), kernel=(4, 2))
    learner.im2col.raises(ValueError, grid(1, 1, 4, 3), kernel=(2, 3), dilation=2)
    learner.im2col.raises(ValueError, grid(1, 1, 3, 3), kernel=(6, 1), padding=1)


# --- conv2d ----------------------------------------------------------------------------------------------------------


@st.composite
def conv2d_cases(draw):
    """x, w and keywords: groups, a bias or none, and the windows of `window_cases`."""
    size, kernel, keywords = draw(window_cases())
    groups, filters, channels = draw(st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 3)))
    dtype, seed = draw(st.sampled_from(DTYPES)), draw(seeds())
    x = draw_array((draw(st.integers(1, 2)), groups * channels, *size), seed, dtype)
    w = draw_array((groups * filters, channels, *kernel), seed + 1, dtype)
    if draw(st.booleans()):
        keywords = keywords | {"bias": draw_array((groups * filters,), seed + 2, dtype)}
    return arrange(x, draw(st.sampled_from(LAYOUTS))), w, keywords | {"groups": groups}


@check("conv2d", "two channels and two filters that you can work out by hand", weight=2)
def test_conv2d_by_hand(learner):
    w = np.stack([TWO_KERNELS, np.array([[[0, 0, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 0]]])]).astype(float)
    expected = np.array([[[[7.0, 3.0], [19.0, 38.0]], [[7.0, 9.0], [4.0, 2.0]]]])
    learner.conv2d.gives(expected, TWO_CHANNELS[None].astype(float), w)


@check("conv2d", "a bias, and a batch of two images")
def test_conv2d_bias(learner):
    # Two images, two filters, two rows, two columns: a bias along the wrong axis gives numbers, not an error.
    x, w = grid(2, 1, 2, 3, dtype=np.int64), np.array([[[[1, 10]]], [[[0, -1]]]])
    expected = np.array([[[[121, 132], [154, 165]], [[198, 197], [195, 194]]]])
    expected = np.concatenate([expected, expected + np.array([66, -6])[:, None, None]])
    learner.conv2d.gives(expected, x, w, bias=np.array([100, 200]))
    x, w, bias = grid(1, 2, 2, 3, dtype=np.int64), grid(3, 2, 1, 2, dtype=np.int64), np.array([100, 200, 300])
    learner.conv2d.gives(reference.conv2d(x, w, bias), x, w, bias=bias)


@check("conv2d", "stride and padding, different down and across", weight=2)
def test_conv2d_stride_and_padding(learner):
    x, w = grid(1, 1, 4, 5, dtype=np.int64), np.array([[[[1, 0], [2, -1], [0, 3]]]])
    for keywords in ({"stride": (1, 2)}, {"padding": (2, 1)}, {"stride": (3, 2), "padding": (1, 0)}, {"stride": 2}):
        learner.conv2d.gives(reference.conv2d(x, w, **keywords), x, w, **keywords)


@check("conv2d", "dilation, different down and across", weight=2)
def test_conv2d_dilation(learner):
    x, w = grid(1, 1, 5, 6, dtype=np.int64), np.array([[[[1, 0, 2], [-1, 3, 0]]]])
    learner.conv2d.gives(reference.conv2d(x, w, dilation=(3, 2)), x, w, dilation=(3, 2))
    learner.conv2d.gives(reference.conv2d(x, w, padding=1, dilation=2), x, w, padding=1, dilation=2)


@check("conv2d", "four channels in two groups: a filter reads only the two channels of its group", weight=2)
def test_conv2d_groups(learner):
    x = np.stack([np.full((1, 3), value) for value in (1, 10, 100, 1000)])[None]
    w = np.array([[[[1, 0]], [[2, 0]]], [[[3, 0]], [[0, 4]]]])
    learner.conv2d.gives(np.array([[[[21, 21]], [[4300, 4300]]]]), x, w, groups=2)
    w = np.array([[[[1, 0]], [[2, 0]]], [[[3, 0]], [[0, 4]]], [[[5, 0]], [[6, 0]]], [[[0, 7]], [[8, 0]]]])
    expected = np.array([21, 43, 6500, 8700])[None, :, None, None] * np.ones((1, 1, 1, 2), np.int64)
    learner.conv2d.gives(expected, x, w, groups=2)
    learner.conv2d.gives(reference.conv2d(x, w[:, :1], groups=4), x, w[:, :1].copy(), groups=4)


@check("conv2d", "any shape, stride, padding, dilation, groups and dtype", weight=6, hidden=True)
@given(case=conv2d_cases())
def test_conv2d_drawn(learner, case):
    x, w, keywords = case
    learner.conv2d.gives(reference.conv2d(x, w, **keywords), x, w, **keywords)


@check("conv2d", "every memory layout, of images and of weights")
def test_conv2d_layouts(learner):
    x, w = draw_array((2, 3, 4, 5), 1, np.float32), draw_array((2, 3, 3, 2), 2, np.float32)
    expected = reference.conv2d(x, w, padding=1)
    for (_, x_arranged), (_, w_arranged) in zip(layouts(x), layouts(w), strict=True):
        learner.conv2d.gives(expected, x_arranged, w_arranged, padding=1)


@check("conv2d", "real numbers, within rounding; and the dtype of mixed inputs")
def test_conv2d_real_numbers(learner):
    rng = np.random.default_rng(3)
    x, w, bias = rng.standard_normal((1, 2, 5, 6)), rng.standard_normal((2, 2, 3, 2)), rng.standard_normal(2)
    learner.conv2d.gives(reference.conv2d(x, w, bias, 2, 1), x, w, bias, 2, 1)
    x, w = grid(1, 1, 2, 3), np.array([[[[0.5, -2.0]]]])
    for x_kind, w_kind in ((np.float32, np.float32), (np.float32, np.float64), (np.int64, np.float64)):
        expected = np.array([[[[-3.5, -5.0], [-8.0, -9.5]]]], np.result_type(x_kind, w_kind))
        learner.conv2d.gives(expected, x.astype(x_kind), w.astype(w_kind))


@check("conv2d", "a million outputs, not much slower than the reference: no Python loop over pixels")
def test_conv2d_is_quick(learner):
    # Four filters on 250,000 pixels: a loop takes as long as on a million, and the arrays stay small. The limit is a
    # multiple of what the reference takes here and now: a loop takes some 250 times as long, a loop over taps three times.
    # Both are counted in time of the processor, which a busy or throttled machine does not use up.
    x = draw_array((1, 1, 500, 501), 4, np.float32)
    w = np.array([[[[2.0, -3.0]]], [[[0.0, 1.0]]], [[[-1.0, 0.0]]], [[[1.0, 1.0]]]], np.float32)
    begun = time.process_time()
    expected = reference.conv2d(x, w)
    limit = max(60 * (time.process_time() - begun), 0.5)
    conv2d = learner.conv2d
    conv2d.gives(expected, x, w)
    learner.require(conv2d.seconds < limit, "an image takes array operations, not a loop over its pixels")


@check("conv2d", "refuses what does not fit: kernel, channels, groups, bias")
def test_conv2d_refuses(learner):
    x, w = grid(1, 2, 3, 4), grid(3, 2, 2, 2)
    learner.conv2d.raises(ValueError, x, grid(1, 2, 4, 1))
    learner.conv2d.raises(ValueError, x, w, dilation=3)
    learner.conv2d.raises(ValueError, x, grid(3, 1, 2, 2))
    learner.conv2d.raises(ValueError, x, grid(3, 1, 2, 2), groups=2)
    learner.conv2d.raises(ValueError, x, w, bias=grid(2))


# --- convolve2d_full -------------------------------------------------------------------------------------------------


@check("convolve2d_full", "a 2 x 3 image that you can work out by hand", weight=2)
def test_convolve2d_full_by_hand(learner):
    x, w = grid(2, 3), np.array([[1.0, 10.0], [100.0, 1000.0]])
    expected = np.array([[1, 12, 23, 30], [104, 1245, 2356, 3060], [400, 4500, 5600, 6000]], float)
    learner.convolve2d_full.gives(expected, x, w)


@check("convolve2d_full", "an impulse, which shows the kernel as it is")
def test_convolve2d_full_impulse(learner):
    x = np.zeros((3, 2))
    x[1, 0] = 1.0
    learner.convolve2d_full.gives(np.pad(grid(2, 3), ((1, 1), (0, 1))), x, grid(2, 3))


@check("convolve2d_full", "image and kernel may change places", weight=2)
def test_convolve2d_full_commutes(learner):
    x, w = draw_array((3, 5), 5, np.int64), draw_array((2, 3), 6, np.int64)
    learner.convolve2d_full.gives(reference.convolve2d_full(x, w), w, x)
    learner.require(
        np.array_equal(learner.convolve2d_full(x, w), learner.convolve2d_full(w, x)), "x * w equals w * x", x=x, w=w
    )


@check("convolve2d_full", "two kernels one after the other are one kernel")
def test_convolve2d_full_associates(learner):
    x, w, v = draw_array((3, 4), 7, np.int64), draw_array((2, 3), 8, np.int64), draw_array((3, 1), 9, np.int64)
    one_by_one = learner.convolve2d_full(learner.convolve2d_full(x, w), v)
    at_once = learner.convolve2d_full(x, learner.convolve2d_full(w, v))
    learner.require(
        np.array_equal(one_by_one, at_once), "(x * w) * v equals x * (w * v)", left=one_by_one, right=at_once
    )


@check("convolve2d_full", "any shape and dtype", weight=2, hidden=True)
@given(
    size=st.tuples(st.integers(1, 5), st.integers(1, 6)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    dtype=st.sampled_from(DTYPES),
    layout=st.sampled_from(LAYOUTS),
    seed=seeds(),
)
def test_convolve2d_full_drawn(learner, size, kernel, dtype, layout, seed):
    x, w = arrange(draw_array(size, seed, dtype), layout), draw_array(kernel, seed + 1, dtype)
    learner.convolve2d_full.gives(reference.convolve2d_full(x, w), x, w)


@check("convolve2d_full", "refuses what has not two axes")
def test_convolve2d_full_refuses(learner):
    learner.convolve2d_full.raises(ValueError, grid(1, 2, 3), grid(2, 2))
    learner.convolve2d_full.raises(ValueError, grid(2, 3), grid(4))


# --- receptive_field -------------------------------------------------------------------------------------------------


@check("receptive_field", "three layers that you can draw", weight=2)
def test_receptive_field_by_hand(learner):
    learner.receptive_field.gives((15, 6, -5), [(3, 2, 1), (4, 3, 2), (2, 1, 0)])


@check("receptive_field", "no layer, and one layer")
def test_receptive_field_short(learner):
    learner.receptive_field.gives((1, 1, 0), [])
    learner.receptive_field.gives((5, 1, -2), [(5, 1, 2)])
    learner.receptive_field.gives((3, 4, 0), [(3, 4, 0)])


@check("receptive_field", "the convolutions and poolings of a VGG network, up to its fifth pooling")
def test_receptive_field_vgg(learner):
    blocks = [2, 2, 3, 3, 3]
    layers = [layer for count in blocks for layer in [(3, 1, 1)] * count + [(2, 2, 0)]]
    learner.receptive_field.gives((212, 32, -90), layers)


@check("receptive_field", "any layers", weight=2, hidden=True)
@given(
    layers=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=5),
)
def test_receptive_field_drawn(learner, layers):
    learner.receptive_field.gives(reference.receptive_field(layers), layers)


@check("receptive_field", "refuses what is no layer")
def test_receptive_field_refuses(learner):
    learner.receptive_field.raises(ValueError, [(3, 1)])
    learner.receptive_field.raises(ValueError, [(3, 1, 0), (3, 0, 1)])
    learner.receptive_field.raises(ValueError, [(3, 1, -1)])
