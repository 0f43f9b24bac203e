"""Grades Chapter 3, transposed convolution."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import LAYOUTS, arrange, check, draw_array, grid, layouts, seeds
from deconv_solutions import convolution
from deconv_solutions import transposed_convolution as reference

DTYPES = (np.float32, np.float64, np.int64)


@st.composite
def axis_settings(draw, dilations=(1, 2, 3)):
    """One axis: n, kernel, stride, padding, output_padding, dilation, with something left over."""
    n = draw(st.integers(1, 4))
    kernel = draw(st.integers(1, 4))
    stride = draw(st.integers(1, 4))
    dilation = draw(st.sampled_from(dilations))
    output_padding = draw(st.integers(0, max(stride, dilation) - 1))
    stamped = (n - 1) * stride + dilation * (kernel - 1) + 1
    padding = draw(st.integers(0, min(4, (stamped + output_padding - 1) // 2)))
    return n, kernel, stride, padding, output_padding, dilation


def convolved(axis):
    """A size of which a convolution with the settings of one axis makes n; below 1 where there is none."""
    n, kernel, stride, padding, extra, dilation = axis
    return (n - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding + extra % stride


# --- conv_transpose_output_size --------------------------------------------------------------------------------------


@check("conv_transpose_output_size", "sizes that you can count on the stamps", weight=2)
def test_transpose_size_by_hand(learner):
    learner.conv_transpose_output_size.gives(8, 3, kernel=4, stride=2)
    learner.conv_transpose_output_size.gives(9, 4, kernel=3, stride=2)
    learner.conv_transpose_output_size.gives(5, 4, kernel=4, stride=1, padding=1)


@check("conv_transpose_output_size", "padding is cropped from both ends; output_padding lengthens one")
def test_transpose_size_padding(learner):
    learner.conv_transpose_output_size.gives(7, 4, kernel=3, stride=2, padding=1)
    learner.conv_transpose_output_size.gives(8, 4, kernel=5, stride=2, padding=2, output_padding=1)
    learner.conv_transpose_output_size.gives(5, 4, kernel=3, stride=1, padding=3, output_padding=1, dilation=3)


@check("conv_transpose_output_size", "a dilated kernel spans more pixels")
def test_transpose_size_dilation(learner):
    learner.conv_transpose_output_size.gives(11, 3, kernel=3, stride=2, dilation=3)
    learner.conv_transpose_output_size.gives(7, 1, kernel=4, dilation=2)
    learner.conv_transpose_output_size.gives(5, 3, kernel=1, stride=2, dilation=4)


@check("conv_transpose_output_size", "the same settings do not always give the convolution's input size back")
def test_transpose_size_not_restored(learner):
    # A convolution with these settings maps 9 and 10 pixels to 4. Only one of the two can come back.
    learner.conv_transpose_output_size.gives(9, 4, kernel=3, stride=2, padding=0)
    # And here 9, 10, 11 and 12 pixels become 3.
    learner.conv_transpose_output_size.gives(9, 3, kernel=5, stride=4, padding=2)


@check("conv_transpose_output_size", "any settings", weight=2, hidden=True)
@given(case=axis_settings())
def test_transpose_size_drawn(learner, case):
    learner.conv_transpose_output_size.gives(reference.conv_transpose_output_size(*case), *case)


@check("conv_transpose_output_size", "output_padding must be below stride or dilation, one of them is enough")
def test_transpose_size_output_padding(learner):
    learner.conv_transpose_output_size.gives(8, 3, kernel=2, stride=1, output_padding=2, dilation=3)
    learner.conv_transpose_output_size.gives(9, 3, kernel=2, stride=3, output_padding=1, dilation=1)
    learner.conv_transpose_output_size.raises(ValueError, 3, kernel=2, output_padding=1)
    learner.conv_transpose_output_size.raises(ValueError, 3, kernel=3, stride=2, output_padding=2)
    learner.conv_transpose_output_size.raises(ValueError, 3, kernel=3, stride=2, output_padding=3, dilation=3)


@check("conv_transpose_output_size", "refuses settings that leave nothing over, and numbers out of range")
def test_transpose_size_refuses(learner):
    learner.conv_transpose_output_size.raises(ValueError, 2, kernel=3, padding=2)
    learner.conv_transpose_output_size.raises(ValueError, 1, kernel=2, padding=3)
    learner.conv_transpose_output_size.gives(1, 3, kernel=3, padding=2)
    for bad in ({"n": 0}, {"kernel": 0}, {"stride": 0}, {"padding": -1}, {"output_padding": -1}, {"dilation": 0}):
        learner.conv_transpose_output_size.raises(ValueError, **{"n": 3, "kernel": 3, **bad})


# --- output_padding_for ----------------------------------------------------------------------------------------------


@check("output_padding_for", "stride 2: two sizes share one output size", weight=2)
def test_output_padding_by_hand(learner):
    learner.output_padding_for.gives(1, 4, 8, kernel=3, stride=2, padding=1)
    learner.output_padding_for.gives(0, 4, 7, kernel=3, stride=2, padding=1)
    learner.output_padding_for.gives(0, 5, 7, kernel=3)


@check("output_padding_for", "stride 4 with dilation: four sizes share one output size")
def test_output_padding_stride_4(learner):
    for extra in range(4):
        learner.output_padding_for.gives(extra, 3, 13 + extra, kernel=3, stride=4, dilation=2)
        learner.output_padding_for.gives(extra, 3, 9 + extra, kernel=5, stride=4, padding=2)


@check("output_padding_for", "the size comes back, for any settings", weight=2, hidden=True)
@given(case=axis_settings(), extra=st.integers(0, 3))
def test_output_padding_drawn(learner, case, extra):
    n, kernel, stride, padding, _, dilation = case
    smallest = (n - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding
    extra %= stride
    if smallest + extra >= 1:
        learner.output_padding_for.gives(extra, n, smallest + extra, kernel, stride, padding, dilation)


@check("output_padding_for", "refuses a size that the convolution maps to another one", weight=2)
def test_output_padding_refuses(learner):
    learner.output_padding_for.raises(ValueError, 4, 6, kernel=3, stride=2, padding=1)
    learner.output_padding_for.raises(ValueError, 4, 9, kernel=3, stride=2, padding=1)
    learner.output_padding_for.raises(ValueError, 5, 8, kernel=3)
    # PyTorch would take output_padding 1 or 2 here (below dilation), but the convolution maps these sizes elsewhere.
    learner.output_padding_for.raises(ValueError, 3, 8, kernel=2, stride=1, dilation=3)


@check("output_padding_for", "the error names the smallest and the largest size that can be reached")
def test_output_padding_message(learner):
    for n_out in (5, 15):
        message = learner.output_padding_for.raises(ValueError, 4, n_out, kernel=5, stride=3, padding=2)
        learner.require(
            {"10", "12"} <= set(re.findall(r"\d+", message)),
            f"the error of output_padding_for(4, {n_out}, kernel=5, stride=3, padding=2) names 10 and 12",
            message=message,
        )


@check("output_padding_for", "heavy padding: no size is below 1")
def test_output_padding_heavy(learner):
    # One pixel, cropped by 1 from both ends, is -1 pixels; with output_padding 2 there is one.
    learner.output_padding_for.gives(2, 1, 1, kernel=1, stride=3, padding=1)
    message = learner.output_padding_for.raises(ValueError, 1, 2, kernel=1, stride=3, padding=1)
    learner.require(
        re.search(r"(?<![-\d])1\b", message) and "-1" not in message,
        "the error of output_padding_for(1, 2, kernel=1, stride=3, padding=1) names 1, and not -1, as the smallest size",
        message=message,
    )
    learner.output_padding_for.raises(ValueError, 1, 1, kernel=1, padding=1)
    learner.output_padding_for.raises(ValueError, 1, 0, kernel=1, stride=3, padding=1)


# --- stamp_transpose2d -----------------------------------------------------------------------------------------------

# Two stamps overlap in one column, and rows overlap by one: every misreading of the formula shows here.
FOUR = np.array([[[[1.0, 2.0], [0.0, 3.0]]]])
SIX = np.array([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]])
STAMPED = np.array([[[[1.0, 2.0, 5.0, 4.0, 6.0], [4.0, 5.0, 17.0, 16.0, 21.0], [0.0, 0.0, 12.0, 15.0, 18.0]]]])


@check("stamp_transpose2d", "four pixels and a 2 x 3 kernel that you can stamp by hand", weight=2)
def test_stamp_by_hand(learner):
    learner.stamp_transpose2d.gives(STAMPED, FOUR, SIX, (1, 2))


@check("stamp_transpose2d", "padding crops the canvas on all four sides")
def test_stamp_padding(learner):
    learner.stamp_transpose2d.gives(STAMPED[:, :, 1:-1, :], FOUR, SIX, (1, 2), (1, 0))
    learner.stamp_transpose2d.gives(STAMPED[:, :, :, 2:-2], FOUR, SIX, (1, 2), (0, 2))


@check("stamp_transpose2d", "output_padding shows more of the canvas, at the bottom and at the right")
def test_stamp_output_padding(learner):
    y, w = np.array([[[[1, 2]]]]), np.array([[[[1, 2, 3]]]])  # stamped with stride 2: 1 2 5 4 6
    learner.stamp_transpose2d.gives(np.array([[[[2, 5, 4, 6]]]]), y, w, (1, 2), (0, 1), (0, 1))
    # Beyond the last stamp nothing was stamped.
    learner.stamp_transpose2d.gives(np.array([[[[1, 2, 5, 4, 6, 0]]]]), y, w, (1, 2), 0, (0, 1))


@check("stamp_transpose2d", "the first axis of w is that of the input channels")
def test_stamp_channels(learner):
    y = np.array([[[[1]], [[10]]]])
    w = np.array([[[[1, 2]], [[3, 4]]], [[[5, 6]], [[7, 8]]]])
    learner.stamp_transpose2d.gives(np.array([[[[51, 62]], [[73, 84]]]]), y, w)
    w = np.array([[[[1, 2]], [[3, 4]], [[5, 6]]], [[[7, 8]], [[9, 0]], [[1, 2]]]])
    learner.stamp_transpose2d.gives(np.array([[[[71, 82]], [[93, 4]], [[15, 26]]]]), y, w)


@check("stamp_transpose2d", "a stride wider than the kernel leaves gaps")
def test_stamp_gaps(learner):
    y, w = np.array([[[[1, 2], [3, 4]]]]), np.array([[[[1, -1]]]])
    expected = np.array([[[[1, -1, 0, 2, -2], [0, 0, 0, 0, 0], [3, -3, 0, 4, -4]]]])
    learner.stamp_transpose2d.gives(expected, y, w, (2, 3))


@check("stamp_transpose2d", "any shape, stride, padding and output_padding", weight=2, hidden=True)
@given(
    batch=st.integers(1, 2),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    rows=axis_settings(dilations=(1,)),
    columns=axis_settings(dilations=(1,)),
    dtype=st.sampled_from(DTYPES),
    layout=st.sampled_from(LAYOUTS),
    seed=seeds(),
)
def test_stamp_drawn(learner, batch, channels, rows, columns, dtype, layout, seed):
    y = arrange(draw_array((batch, channels[0], rows[0], columns[0]), seed, dtype), layout)
    w = arrange(draw_array((*channels, rows[1], columns[1]), seed + 1, dtype), layout)
    stride, padding, output_padding = zip(rows[2:5], columns[2:5], strict=True)
    expected = reference.stamp_transpose2d(y, w, stride, padding, output_padding)
    learner.stamp_transpose2d.gives(expected, y, w, stride, padding, output_padding)


@check("stamp_transpose2d", "an int stands for a pair; mixed dtypes give np.result_type(y, w)")
def test_stamp_ints(learner):
    y, w = draw_array((2, 2, 2, 3), 1, np.float32), draw_array((2, 3, 3, 2), 2, np.float64)
    learner.stamp_transpose2d.gives(
        reference.stamp_transpose2d(y, w, 2, 1, 1), y, w, stride=2, padding=1, output_padding=1
    )
    learner.stamp_transpose2d.gives(reference.stamp_transpose2d(y, y[:, :, :2, :2]), y, y[:, :, :2, :2].copy())


@check(
    "stamp_transpose2d", "refuses other channels, an output_padding that is not below the stride, and an empty result"
)
def test_stamp_refuses(learner):
    y = grid(1, 2, 2, 2)
    learner.stamp_transpose2d.raises(ValueError, y, grid(3, 2, 2, 2))
    learner.stamp_transpose2d.raises(ValueError, y, grid(1, 2, 2, 2))
    learner.stamp_transpose2d.raises(ValueError, y, grid(2, 1, 2, 2), stride=(2, 1), output_padding=(0, 1))
    learner.stamp_transpose2d.raises(ValueError, y, grid(2, 1, 2, 2), stride=2, output_padding=2)
    learner.stamp_transpose2d.raises(ValueError, y, grid(2, 1, 1, 1), padding=1)


# --- insert_zeros ----------------------------------------------------------------------------------------------------


@check("insert_zeros", "six pixels with stride (2, 3)", weight=2)
def test_insert_zeros_by_hand(learner):
    y = np.array([[[[1, 2, 3], [4, 5, 6]]]])
    expected = np.array([[[[1, 0, 0, 2, 0, 0, 3], [0, 0, 0, 0, 0, 0, 0], [4, 0, 0, 5, 0, 0, 6]]]])
    learner.insert_zeros.gives(expected, y, (2, 3))


@check("insert_zeros", "an int is the stride of both axes; one pixel stays one pixel")
def test_insert_zeros_int(learner):
    learner.insert_zeros.gives(
        np.array([[[[1.5, 0.0, -2.0], [0.0, 0.0, 0.0], [3.0, 0.0, 4.0]]]]), np.array([[[[1.5, -2.0], [3.0, 4.0]]]]), 2
    )
    learner.insert_zeros.gives(np.array([[[[7]]]]), np.array([[[[7]]]]), stride=5)


@check("insert_zeros", "stride 1 gives a copy, not the array itself")
def test_insert_zeros_copy(learner):
    y = grid(1, 2, 2, 3)
    learner.insert_zeros.gives(y.copy(), y, 1)


@check("insert_zeros", "any shape, dtype and memory layout", weight=2, hidden=True)
@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 4), st.integers(1, 5)),
    stride=st.one_of(st.integers(1, 4), st.tuples(st.integers(1, 4), st.integers(1, 4))),
    dtype=st.sampled_from(DTYPES),
    layout=st.sampled_from(LAYOUTS),
    seed=seeds(),
)
def test_insert_zeros_drawn(learner, shape, stride, dtype, layout, seed):
    y = arrange(draw_array(shape, seed, dtype), layout)
    learner.insert_zeros.gives(reference.insert_zeros(y, stride), y, stride)


@check("insert_zeros", "refuses a stride below 1")
def test_insert_zeros_refuses(learner):
    learner.insert_zeros.raises(ValueError, grid(1, 1, 2, 2), 0)
    learner.insert_zeros.raises(ValueError, grid(1, 1, 2, 2), (1, -1))


# --- col2im ----------------------------------------------------------------------------------------------------------

# The four 2 x 2 windows of a 3 x 3 image, one a column: rows are the taps (0, 0), (0, 1), (1, 0), (1, 1).
WINDOWS = np.array([[[1, 2, 3, 4], [10, 20, 30, 40], [100, 200, 300, 400], [1000, 2000, 3000, 4000]]])


@check("col2im", "four 2 x 2 windows in a 3 x 3 image", weight=2)
def test_col2im_by_hand(learner):
    learner.col2im.gives(np.array([[[[1, 12, 20], [103, 1234, 2040], [300, 3400, 4000]]]]), WINDOWS, 3, 2)


@check("col2im", "windows, and kernels, that are not square")
def test_col2im_not_square(learner):
    cols = np.array([[[1, 2], [3, 4], [5, 6]]])
    learner.col2im.gives(np.array([[[[1, 3, 5], [2, 4, 6]]]]), cols, (2, 3), (1, 3))
    cols = np.arange(1, 13).reshape(1, 2, 6)  # a 1 x 2 kernel at 2 x 3 places
    learner.col2im.gives(np.array([[[[1, 9, 11, 9], [4, 15, 17, 12]]]]), cols, (2, 4), (1, 2))
    learner.col2im.gives(np.array([[[[1, 2, 3], [11, 13, 15], [10, 11, 12]]]]), cols, (3, 3), (2, 1))


@check("col2im", "what lands in the padding is dropped")
def test_col2im_padding(learner):
    cols = np.arange(1, 10).reshape(1, 3, 3)  # a 1 x 3 kernel at 3 places, on one row of 3 pixels padded by 1
    learner.col2im.gives(np.array([[[[6, 15, 14]]]]), cols, (1, 3), (1, 3), padding=(0, 1))
    cols = np.arange(1, 5).reshape(1, 4, 1)
    learner.col2im.gives(np.array([[[[4]]]]), cols, (1, 1), 2, 3, 1)


@check("col2im", "stride, dilation, and pixels that no window holds")
def test_col2im_stride(learner):
    cols = np.array([[[1, 2], [3, 4]]])  # two taps at two places
    learner.col2im.gives(np.array([[[[1, 3, 0, 2, 4, 0]]]]), cols, (1, 6), (1, 2), (1, 3))
    learner.col2im.gives(np.array([[[[1, 0, 5, 0, 4]]]]), cols, (1, 5), (1, 2), (1, 2), 0, (1, 2))


@check("col2im", "channels come first in the rows of cols")
def test_col2im_channels(learner):
    cols = np.arange(1, 13).reshape(2, 6, 1)
    learner.col2im.gives(np.arange(1, 13).reshape(2, 2, 1, 3), cols, (1, 3), (1, 3))


@check("col2im", "any size, kernel, stride, padding and dilation", weight=2, hidden=True)
@given(
    batch=st.integers(1, 2),
    channels=st.integers(1, 3),
    rows=axis_settings(),
    columns=axis_settings(),
    dtype=st.sampled_from(DTYPES),
    layout=st.sampled_from(LAYOUTS),
    seed=seeds(),
)
def test_col2im_drawn(learner, batch, channels, rows, columns, dtype, layout, seed):
    sizes = convolved(rows), convolved(columns)
    if min(sizes) < 1:
        return
    shape = (batch, channels * rows[1] * columns[1], rows[0] * columns[0])
    cols = arrange(draw_array(shape, seed, dtype), layout)
    kernel, stride, padding, _, dilation = zip(rows[1:], columns[1:], strict=True)
    expected = reference.col2im(cols, sizes, kernel, stride, padding, dilation)
    learner.col2im.gives(expected, cols, sizes, kernel, stride, padding, dilation)


@check("col2im", "it is the transpose of im2col: <im2col(x), c> = <x, col2im(c)>")
def test_col2im_adjoint(learner):
    x = draw_array((2, 3, 5, 6), 1, np.int64)
    settings = {"kernel": (2, 3), "stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}
    there = convolution.im2col(x, **settings)
    c = draw_array(there.shape, 2, np.int64)
    left, right = int((there * c).sum()), int((x * learner.col2im(c, (5, 6), **settings)).sum())
    learner.require(left == right, "<im2col(x), c> = <x, col2im(c)>", left=left, right=right)


@check("col2im", "refuses cols of another shape, and a kernel that does not fit")
def test_col2im_refuses(learner):
    learner.col2im.raises(ValueError, WINDOWS, 3, (3, 1))
    learner.col2im.raises(ValueError, WINDOWS, 4, 2)
    learner.col2im.raises(ValueError, WINDOWS, (2, 3), 2)
    learner.col2im.raises(ValueError, WINDOWS, (1, 3), 2)


# --- conv_transpose2d ------------------------------------------------------------------------------------------------


@check("conv_transpose2d", "four pixels and a 3 x 2 kernel that you can stamp by hand", weight=2)
def test_conv_transpose_by_hand(learner):
    y = np.array([[[[1.0, 0.0], [3.0, -1.0]]]])
    w = np.array([[[[1.0, 2.0], [3.0, 4.0], [0.0, 5.0]]]])
    expected = np.array([[[[1.0, 2.0, 0.0], [6.0, 9.0, -2.0], [9.0, 14.0, -4.0], [0.0, 15.0, -5.0]]]])
    learner.conv_transpose2d.gives(expected, y, w)


@check("conv_transpose2d", "stride places the stamps; padding crops")
def test_conv_transpose_padding(learner):
    y, w = np.array([[[[1, 2], [0, 3]]]]), np.array([[[[1, 2, 3], [4, 5, 6]]]])
    whole = np.array([[[[1, 2, 5, 4, 6], [4, 5, 17, 16, 21], [0, 0, 12, 15, 18]]]])
    learner.conv_transpose2d.gives(whole, y, w, stride=(1, 2))
    learner.conv_transpose2d.gives(whole[:, :, 1:2, 1:4], y, w, stride=(1, 2), padding=1)


@check("conv_transpose2d", "padding larger than the kernel")
def test_conv_transpose_large_padding(learner):
    y, w = np.array([[[[1, 2, 3, 4]]]]), np.array([[[[1, 10]]]])  # stamped: 1 12 23 34 40
    learner.conv_transpose2d.gives(np.array([[[[23]]]]), y, w, padding=(0, 2))
    y = np.array([[[[1, 2, 3, 4, 5, 6, 7]]]])  # stamped: 1 12 23 34 45 56 67 70
    learner.conv_transpose2d.gives(np.array([[[[34, 45]]]]), y, w, padding=(0, 3))


@check("conv_transpose2d", "output_padding shows more of the canvas and adds no zeros of its own")
def test_conv_transpose_output_padding(learner):
    y, w = np.array([[[[1, 2]]]]), np.array([[[[1, 2, 3]]]])  # stamped with stride 2: 1 2 5 4 6
    learner.conv_transpose2d.gives(
        np.array([[[[2, 5, 4, 6]]]]), y, w, stride=(1, 2), padding=(0, 1), output_padding=(0, 1)
    )
    # Where no stamp reaches there is nothing but the bias.
    learner.conv_transpose2d.gives(
        np.array([[[[8, 9, 12, 11, 13, 7]]]]), y, w, np.array([7]), stride=(1, 2), output_padding=(0, 1)
    )


@check("conv_transpose2d", "the first axis of w is that of the input channels; a bias for each output channel")
def test_conv_transpose_channels(learner):
    y = np.array([[[[1]], [[10]]]])
    w = np.array([[[[1, 2]], [[3, 4]]], [[[5, 6]], [[7, 8]]]])
    learner.conv_transpose2d.gives(np.array([[[[51, 62]], [[73, 84]]]]), y, w)
    w = np.array([[[[1, 2]], [[3, 4]], [[5, 6]]], [[[7, 8]], [[9, 0]], [[1, 2]]]])
    expected = np.array([[[[171, 182]], [[293, 204]], [[315, 326]]]])
    learner.conv_transpose2d.gives(expected, y, w, np.array([100, 200, 300]))


@check("conv_transpose2d", "a dilated kernel, dilation not equal to stride")
def test_conv_transpose_dilation(learner):
    y, w = np.array([[[[1, 2]]]]), np.array([[[[1, 10]]]])
    learner.conv_transpose2d.gives(np.array([[[[1, 2, 0, 10, 20]]]]), y, w, dilation=(1, 3))
    learner.conv_transpose2d.gives(np.array([[[[1, 0, 2, 10, 0, 20]]]]), y, w, stride=(1, 2), dilation=(1, 3))


@check("conv_transpose2d", "output_padding may reach the stride where dilation is larger")
def test_conv_transpose_wide_output_padding(learner):
    y, w = np.array([[[[1, 2]]]]), np.array([[[[1, 10]]]])
    learner.conv_transpose2d.gives(
        np.array([[[[2, 0, 10, 20, 0]]]]), y, w, padding=(0, 1), output_padding=(0, 2), dilation=(1, 3)
    )


@check("conv_transpose2d", "two groups keep to themselves")
def test_conv_transpose_groups(learner):
    y = np.array([[[[1]], [[10]], [[100]], [[1000]]]])
    w = np.arange(1, 9).reshape(4, 2, 1, 1)  # channel 0 stamps 1 and 2, channel 1 stamps 3 and 4, ...
    learner.conv_transpose2d.gives(np.array([[[[31]], [[42]], [[7500]], [[8600]]]]), y, w, groups=2)


@check("conv_transpose2d", "any shape and any settings", weight=3, hidden=True)
@given(
    batch=st.integers(1, 2),
    groups=st.integers(1, 3),
    channels=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    rows=axis_settings(),
    columns=axis_settings(),
    biased=st.booleans(),
    dtype=st.sampled_from(DTYPES),
    layout=st.sampled_from(LAYOUTS),
    seed=seeds(),
)
def test_conv_transpose_drawn(learner, batch, groups, channels, rows, columns, biased, dtype, layout, seed):
    y = arrange(draw_array((batch, groups * channels[0], rows[0], columns[0]), seed, dtype), layout)
    w = arrange(draw_array((groups * channels[0], channels[1], rows[1], columns[1]), seed + 1, dtype), layout)
    bias = draw_array((groups * channels[1],), seed + 2, dtype) if biased else None
    stride, padding, output_padding, dilation = zip(rows[2:], columns[2:], strict=True)
    settings = {
        "stride": stride,
        "padding": padding,
        "output_padding": output_padding,
        "dilation": dilation,
        "groups": groups,
    }
    learner.conv_transpose2d.gives(reference.conv_transpose2d(y, w, bias, **settings), y, w, bias, **settings)


@check("conv_transpose2d", "it is the transpose of conv2d: <Cx, y> = <x, Cᵀy>")
@given(rows=axis_settings(), columns=axis_settings(), groups=st.integers(1, 2), seed=seeds())
def test_conv_transpose_adjoint(learner, rows, columns, groups, seed):
    sizes = convolved(rows), convolved(columns)
    if min(sizes) < 1:
        return
    stride, padding, _, dilation = zip(rows[2:], columns[2:], strict=True)
    extra = (rows[4] % rows[2], columns[4] % columns[2])
    x = draw_array((2, 2 * groups, *sizes), seed, np.int64)
    w = draw_array((3 * groups, 2, rows[1], columns[1]), seed + 1, np.int64)
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    there = convolution.conv2d(x, w, **settings)
    y = draw_array(there.shape, seed + 2, np.int64)
    back = learner.conv_transpose2d(y, w, None, output_padding=extra, **settings)
    learner.require(back.shape == x.shape, "Cᵀy has the shape of x", x=x, back=back)
    left, right = int((there * y).sum()), int((x * back).sum())
    learner.require(left == right, "<Cx, y> = <x, Cᵀy>", left=left, right=right)


@check("conv_transpose2d", "it does not undo conv2d: a single bright pixel comes back spread out")
def test_conv_transpose_no_inverse(learner):
    x = np.zeros((1, 1, 3, 5))
    x[0, 0, 1, 2] = 1.0
    w = np.array([[[[1.0, 2.0, 3.0]]]])
    seen = convolution.conv2d(x, w)
    expected = np.zeros_like(x)
    expected[0, 0, 1] = [3.0, 8.0, 14.0, 8.0, 3.0]
    learner.conv_transpose2d.gives(expected, seen, w)


@check("conv_transpose2d", "ints and pairs, every memory layout, mixed dtypes")
def test_conv_transpose_layouts(learner):
    w = draw_array((2, 3, 3, 2), 2, np.float64)
    for _, y in layouts(draw_array((2, 2, 2, 3), 1, np.float32)):
        expected = reference.conv_transpose2d(y, w, None, 2, 1, 1)
        learner.conv_transpose2d.gives(expected, y, w, stride=2, padding=1, output_padding=1)


@check("conv_transpose2d", "a million outputs in two seconds: no Python loop over pixels")
def test_conv_transpose_large(learner):
    y = draw_array((1, 1, 1000, 1001), 3, np.float32)
    w = np.array([[[[1, 2]]]], np.float32)
    expected = np.zeros((1, 1, 1000, 1002), np.float32)
    expected[..., :-1] += y
    expected[..., 1:] += 2 * y
    learner.conv_transpose2d.gives(expected, y, w)


@check("conv_transpose2d", "refuses what PyTorch refuses")
def test_conv_transpose_refuses(learner):
    y = grid(1, 4, 2, 3)
    learner.conv_transpose2d.raises(ValueError, y, grid(3, 2, 2, 2))
    learner.conv_transpose2d.raises(ValueError, y, grid(4, 2, 2, 2), groups=3)
    learner.conv_transpose2d.raises(ValueError, y, grid(4, 2, 2, 2), grid(3))
    learner.conv_transpose2d.raises(ValueError, y, grid(4, 2, 2, 2), stride=2, output_padding=2)
    learner.conv_transpose2d.raises(ValueError, y, grid(4, 2, 2, 2), stride=(2, 1), output_padding=1)
    learner.conv_transpose2d.raises(ValueError, y, grid(4, 2, 1, 1), padding=1)
