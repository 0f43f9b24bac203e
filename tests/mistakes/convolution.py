"""What learners write in place of Chapter 1's functions, and what to tell them."""

from __future__ import annotations

import math

import numpy as np

from deconv_grader.checks.known_answers import mistake
from deconv_solutions import convolution as reference

# --- conv_output_size ------------------------------------------------------------------------------------------------


@mistake("conv_output_size")
def size_without_the_first_place(n, kernel, stride=1, padding=0, dilation=1):
    """the window's first place is not counted (the + 1 is missing)

    A window that exactly fills the input cannot move at all, and still gives one output.
    """
    return reference.conv_output_size(n, kernel, stride, padding, dilation) - 1


@mistake("conv_output_size")
def size_padded_on_one_side(n, kernel, stride=1, padding=0, dilation=1):
    """the padding is counted once

    Padding p adds p zeros at each end: 2 * p in all.
    """
    return reference.conv_output_size(n + padding, kernel, stride, 0, dilation)


@mistake("conv_output_size")
def size_without_dilation(n, kernel, stride=1, padding=0, dilation=1):
    """the dilation is left out

    Dilation spreads the taps: the window spans dilation * (kernel - 1) + 1 pixels.
    """
    return reference.conv_output_size(n, kernel, stride, padding)


@mistake("conv_output_size")
def size_with_kernel_times_dilation(n, kernel, stride=1, padding=0, dilation=1):
    """a dilated kernel is taken to span dilation * kernel pixels

    There are only kernel - 1 steps between kernel taps: it spans dilation * (kernel - 1) + 1.
    """
    return reference.conv_output_size(n, dilation * kernel, stride, padding)


@mistake("conv_output_size")
def size_rounded_up(n, kernel, stride=1, padding=0, dilation=1):
    """a last step that does not fit is counted (rounded up, not down)

    The window may not hang over the edge: what remains after the last whole stride is dropped.
    """
    reference.conv_output_size(n, kernel, stride, padding, dilation)
    return math.ceil((n + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1


@mistake("conv_output_size")
def size_of_a_float(n, kernel, stride=1, padding=0, dilation=1):
    """the division gives a float

    Use //, which keeps an int and rounds down.
    """
    reference.conv_output_size(n, kernel, stride, padding, dilation)
    return (n + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1


@mistake("conv_output_size")
def size_of_same_padding(n, kernel, stride=1, padding=0, dilation=1):
    """the input's size is divided by the stride, and the kernel does not count

    That is the "same" padding of other libraries, which choose the padding for you. Here padding is what it says.
    """
    reference.conv_output_size(n, kernel, stride, padding, dilation)
    return -(-n // stride)


@mistake("conv_output_size")
def size_of_a_kernel_that_does_not_fit(n, kernel, stride=1, padding=0, dilation=1):
    """a kernel that does not fit is let through

    Raise a ValueError when the kernel spans more than the padded input.
    """
    return max(0, (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1)


@mistake("conv_output_size")
def size_that_refuses_a_perfect_fit(n, kernel, stride=1, padding=0, dilation=1):
    """a kernel as large as the input is refused

    It fits, in one place. Only a kernel that spans more than the padded input is an error.
    """
    if dilation * (kernel - 1) + 1 >= n + 2 * padding:
        raise ValueError(f"kernel must be smaller than the padded input, got {kernel}")
    return reference.conv_output_size(n, kernel, stride, padding, dilation)


# --- correlate2d -----------------------------------------------------------------------------------------------------


@mistake("correlate2d")
def correlate_flipped(x, w):
    """the kernel is flipped

    That is true convolution. The formula correlates: w[c, k, l] meets x[c, i + k, j + l], unturned.
    """
    return reference.correlate2d(x, np.asarray(w)[:, ::-1, ::-1])


@mistake("correlate2d")
def correlate_every_channel_apart(x, w):
    """the channels are not added up

    The sum over c makes one map of all channels. One map for each channel is what groups would give.
    """
    return np.stack([reference.correlate2d(x[c : c + 1], w[c : c + 1]) for c in range(len(x))])


@mistake("correlate2d")
def correlate_first_channel(x, w):
    """only the first channel is read

    Add the products of every channel: each has its own K x L slice of the kernel.
    """
    return reference.correlate2d(x[:1], w[:1])


@mistake("correlate2d")
def correlate_first_channel_of_the_image(x, w):
    """every channel of the kernel meets the first channel of the image

    The pixel needs the index c as well: w[c, k, l] meets x[c, i + k, j + l].
    """
    return reference.correlate2d(np.repeat(x[:1], len(x), axis=0), w)


@mistake("correlate2d")
def correlate_first_channel_of_the_kernel(x, w):
    """every channel of the image meets the first channel of the kernel

    The kernel has a slice of its own for each channel: w[c, k, l] meets x[c, i + k, j + l].
    """
    return reference.correlate2d(x, np.repeat(w[:1], len(w), axis=0))


@mistake("correlate2d")
def correlate_channels_summed_first(x, w):
    """the channels are added up before the multiplication

    A sum of products is not the product of the sums. Multiply channel by channel, then add.
    """
    reference.correlate2d(x, w)
    return reference.correlate2d(x.sum(axis=0, keepdims=True), w.sum(axis=0, keepdims=True)).astype(
        np.result_type(x, w)
    )


@mistake("correlate2d")
def correlate_without_the_last_place(x, w):
    """the last row and the last column of places are left out

    A kernel of K rows fits in H - K + 1 places, not in H - K: its first place counts too.
    """
    return np.ascontiguousarray(reference.correlate2d(x, w)[:-1, :-1])


@mistake("correlate2d")
def correlate_one_based(x, w):
    """the article's k - 1 is kept although k starts at 0

    The article counts from 1, NumPy from 0. With k = 0 the index i + k - 1 is -1 for the first row, and NumPy reads
    the last row without a word. Read x[c, i + k, j + l].
    """
    return reference.correlate2d(np.roll(x, (1, 1), axis=(1, 2)), w)


@mistake("correlate2d")
def correlate_from_one(x, w):
    """the kernel's first row and column are skipped

    range(1, K) leaves out index 0. Let k and l start at 0.
    """
    w = np.array(w)
    w[:, 0, :] = 0
    w[:, :, 0] = 0
    return reference.correlate2d(x, w)


@mistake("correlate2d")
def correlate_in_float64(x, w):
    """numbers are kept as float64, whatever came in

    np.zeros makes float64 unless told otherwise. Give it the dtype np.result_type(x, w).
    """
    return reference.correlate2d(np.asarray(x, np.float64), np.asarray(w, np.float64))


@mistake("correlate2d")
def correlate_mean(x, w):
    """the products are averaged, not added

    The formula has sums only. A kernel that should average carries 1 / (K * L) in its own values.
    """
    return reference.correlate2d(x, w) / np.size(w)


@mistake("correlate2d")
def correlate_same_size(x, w):
    """the image is padded so that the size stays

    The formula adds no zeros: only windows that lie inside the image count, H - K + 1 by W - L + 1 of them.
    """
    _, rows, columns = w.shape
    top, left = (rows - 1) // 2, (columns - 1) // 2
    return reference.correlate2d(np.pad(x, ((0, 0), (top, rows - 1 - top), (left, columns - 1 - left))), w)


@mistake("correlate2d")
def correlate_square_kernel(x, w):
    """the kernel is taken to be square

    K and L differ here. Use w.shape[1] for rows and w.shape[2] for columns.
    """
    side = min(w.shape[1:])
    return reference.correlate2d(x, w[:, :side, :side])


# --- convolve2d_full -------------------------------------------------------------------------------------------------


@mistake("convolve2d_full")
def full_correlation(x, w):
    """the kernel is flipped once too often, or not at all (a correlation)

    If you add stamped copies, use w as it is. If you slide a window over the padded image, turn w by 180 degrees first.
    """
    return reference.convolve2d_full(x, np.asarray(w)[::-1, ::-1])


@mistake("convolve2d_full")
def full_flipped_rows_only(x, w):
    """the kernel is flipped along one axis only

    Both axes are turned: y[a, b] adds w[k, l] * x[a - k, b - l].
    """
    return reference.convolve2d_full(x, np.asarray(w)[:, ::-1])


@mistake("convolve2d_full")
def full_valid(x, w):
    """only the places where the kernel lies wholly inside the image are kept

    Full means every overlap, down to a single pixel: H + K - 1 by W + L - 1 outputs.
    """
    rows, columns = min(len(w), len(x)), min(w.shape[1], x.shape[1])
    return reference.convolve2d_full(x, w)[rows - 1 : 1 - rows or None, columns - 1 : 1 - columns or None]


@mistake("convolve2d_full")
def full_same(x, w):
    """the result is cropped to the image's size

    Full keeps the rim as well: H + K - 1 by W + L - 1 outputs.
    """
    top, left = (w.shape[0] - 1) // 2, (w.shape[1] - 1) // 2
    return reference.convolve2d_full(x, w)[top : top + x.shape[0], left : left + x.shape[1]]


@mistake("convolve2d_full")
def full_circular(x, w):
    """the result wraps around at the image's edges (an FFT of the image's own size)

    Pad both to (H + K - 1, W + L - 1) before the FFT, or what leaves at one side comes back at the other.
    """
    full = reference.convolve2d_full(x, w)
    height, width = x.shape
    y = np.zeros_like(full)
    for a in range(full.shape[0]):
        for b in range(full.shape[1]):
            y[a % height, b % width] += full[a, b]
    return y


@mistake("convolve2d_full")
def full_in_float64(x, w):
    """numbers are kept as float64, whatever came in

    np.zeros and the FFT give float64. The result's dtype is np.result_type(x, w).
    """
    return reference.convolve2d_full(np.asarray(x, np.float64), np.asarray(w, np.float64))


@mistake("convolve2d_full")
def full_overwritten(x, w):
    """overlapping copies replace each other

    Where two stamped copies meet, their values add: use += and not =.
    """
    height, width = x.shape
    y = np.zeros((height + w.shape[0] - 1, width + w.shape[1] - 1), np.result_type(x, w))
    for i in range(height):
        for j in range(width):
            y[i : i + w.shape[0], j : j + w.shape[1]] = x[i, j] * w
    return y


# --- im2col ----------------------------------------------------------------------------------------------------------


def _both(value):
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def _swapped(value):
    height, width = _both(value)
    return width, height


def _sizes(x, kernel, stride, padding, dilation):
    arguments = zip(x.shape[2:], *map(_both, (kernel, stride, padding, dilation)), strict=True)
    return tuple(reference.conv_output_size(*values) for values in arguments)


@mistake("im2col")
def columns_with_channels_last(x, kernel, stride=1, padding=0, dilation=1):
    """the rows run through (k, l, c) in place of (c, k, l)

    Channel first: all K * L taps of channel 0, then those of channel 1. Reshaped weights have that order.
    """
    columns = reference.im2col(x, kernel, stride, padding, dilation)
    rows, cols = _both(kernel)
    parts = columns.reshape(x.shape[0], x.shape[1], rows * cols, -1)
    return np.ascontiguousarray(parts.swapaxes(1, 2)).reshape(columns.shape)


@mistake("im2col")
def columns_as_rows(x, kernel, stride=1, padding=0, dilation=1):
    """each window is a row, not a column

    The last axis goes through the windows: (N, C * K * L, out_h * out_w).
    """
    return np.ascontiguousarray(reference.im2col(x, kernel, stride, padding, dilation).swapaxes(1, 2))


@mistake("im2col")
def columns_down_first(x, kernel, stride=1, padding=0, dilation=1):
    """the windows are taken down the image first, then across

    Columns go through (i, j) with j the fastest, as reshape does.
    """
    columns = reference.im2col(x, kernel, stride, padding, dilation)
    out_h, out_w = _sizes(x, kernel, stride, padding, dilation)
    places = columns.reshape(*columns.shape[:2], out_h, out_w)
    return np.ascontiguousarray(places.swapaxes(2, 3)).reshape(columns.shape)


@mistake("im2col")
def columns_flipped(x, kernel, stride=1, padding=0, dilation=1):
    """every window is turned by 180 degrees

    im2col only copies: the window's top left pixel comes first. A convolution layer does not flip.
    """
    columns = reference.im2col(x, kernel, stride, padding, dilation)
    parts = columns.reshape(x.shape[0], x.shape[1], -1, columns.shape[2])
    return np.ascontiguousarray(parts[:, :, ::-1]).reshape(columns.shape)


@mistake("im2col")
def columns_with_pairs_swapped(x, kernel, stride=1, padding=0, dilation=1):
    """pairs are read as (width, height)

    A pair is (rows, columns): the first number goes with H.
    """
    return reference.im2col(x, kernel, _swapped(stride), _swapped(padding), _swapped(dilation))


@mistake("im2col")
def columns_with_padding_swapped(x, kernel, stride=1, padding=0, dilation=1):
    """the padding of rows and columns is exchanged

    The padding's first number goes above and below the image, its second to the left and right. np.pad wants one pair
    for each axis: ((0, 0), (0, 0), (rows, rows), (columns, columns)).
    """
    return reference.im2col(x, kernel, stride, _swapped(padding), dilation)


@mistake("im2col")
def columns_with_first_of_pairs(x, kernel, stride=1, padding=0, dilation=1):
    """the first number of a pair serves for both axes

    A pair holds one number for the rows and one for the columns, and they may differ.
    """
    stride, padding, dilation = (_both(value)[0] for value in (stride, padding, dilation))
    return reference.im2col(x, kernel, stride, padding, dilation)


@mistake("im2col")
def columns_with_taps_down_first(x, kernel, stride=1, padding=0, dilation=1):
    """the pixels of a window are read down first, then across

    The rows go through (c, k, l) with l the fastest: a window is read row by row.
    """
    columns = reference.im2col(x, kernel, stride, padding, dilation)
    parts = columns.reshape(x.shape[0], x.shape[1], *_both(kernel), -1)
    return np.ascontiguousarray(parts.swapaxes(2, 3)).reshape(columns.shape)


@mistake("im2col")
def columns_without_dilation(x, kernel, stride=1, padding=0, dilation=1):
    """dilation changes the number of windows but not what they read

    Neighboring taps read pixels that lie `dilation` apart.
    """
    out_h, out_w = _sizes(x, kernel, stride, padding, dilation)
    plain_h, plain_w = _sizes(x, kernel, stride, padding, 1)
    columns = reference.im2col(x, kernel, stride, padding)
    places = columns.reshape(*columns.shape[:2], plain_h, plain_w)[:, :, :out_h, :out_w]
    return np.ascontiguousarray(places).reshape(*columns.shape[:2], out_h * out_w)


@mistake("im2col")
def columns_without_any_dilation(x, kernel, stride=1, padding=0, dilation=1):
    """the dilation is left out

    Neighboring taps read pixels that lie `dilation` apart, and the window spans dilation * (kernel - 1) + 1 of them.
    """
    _sizes(x, kernel, stride, padding, dilation)
    return reference.im2col(x, kernel, stride, padding)


@mistake("im2col")
def columns_without_stride(x, kernel, stride=1, padding=0, dilation=1):
    """the stride is left out

    Neighboring windows lie `stride` pixels apart.
    """
    return reference.im2col(x, kernel, 1, padding, dilation)


@mistake("im2col")
def columns_padded_at_the_end(x, kernel, stride=1, padding=0, dilation=1):
    """all the padding is added below and to the right

    Padding p adds p zeros on each of the four sides.
    """
    rows, cols = _both(padding)
    x = np.pad(x, ((0, 0), (0, 0), (0, 2 * rows), (0, 2 * cols)))
    return reference.im2col(x, kernel, stride, 0, dilation)


@mistake("im2col")
def columns_padded_with_edges(x, kernel, stride=1, padding=0, dilation=1):
    """the border is repeated in place of zeros

    np.pad needs mode="constant", which is its default.
    """
    rows, cols = _both(padding)
    x = np.pad(x, ((0, 0), (0, 0), (rows, rows), (cols, cols)), mode="edge")
    return reference.im2col(x, kernel, stride, 0, dilation)


@mistake("im2col")
def columns_of_a_view(x, kernel, stride=1, padding=0, dilation=1):
    """the result is a view of the image

    Whoever writes into the columns would change the image. Make a copy when reshape did not.
    """
    if _both(kernel) == _both(stride) == _both(dilation) == (1, 1) and _both(padding) == (0, 0):
        return x.reshape(x.shape[0], x.shape[1], -1)
    return reference.im2col(x, kernel, stride, padding, dilation)


# --- conv2d ----------------------------------------------------------------------------------------------------------


@mistake("conv2d")
def conv2d_flipped(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """the kernel is flipped

    That is true convolution. A convolution layer correlates: it multiplies without turning the kernel.
    """
    return reference.conv2d(x, np.asarray(w)[..., ::-1, ::-1], bias, stride, padding, dilation, groups)


@mistake("conv2d")
def conv2d_swapped_channels(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """the weights are read as (C_in, C_out, K, L)

    A convolution's weights are (C_out, C_in, K, L). The other order belongs to the transposed convolution.
    """
    w = np.ascontiguousarray(w)
    if groups == 1:
        filters, channels, rows, columns = w.shape
        w = np.ascontiguousarray(w.reshape(channels, filters, rows, columns).swapaxes(0, 1))
    return reference.conv2d(x, w, bias, stride, padding, dilation, groups)


@mistake("conv2d")
def conv2d_without_bias(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """the bias is not added

    Each filter adds its own number to all of its outputs.
    """
    return reference.conv2d(x, w, None, stride, padding, dilation, groups)


@mistake("conv2d")
def conv2d_bias_per_channel(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """the bias is added once for every tap

    Add it after the sum over the window, not inside.
    """
    if bias is not None:
        bias = bias * (w.shape[1] * w.shape[2] * w.shape[3])
    return reference.conv2d(x, w, bias, stride, padding, dilation, groups)


@mistake("conv2d")
def conv2d_bias_along_columns(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """the bias runs across the columns of the output

    y + bias lines bias up with the last axis, the columns. Filters stand on axis 1: bias[:, None, None].
    """
    reference.conv2d(x, w, bias, stride, padding, dilation, groups)
    y = reference.conv2d(x, w, None, stride, padding, dilation, groups)
    return y if bias is None else y + bias


@mistake("conv2d")
def conv2d_bias_along_rows(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """the bias runs down the rows of the output

    bias[:, None] lines up with the last axis but one, the rows. Filters stand on axis 1: bias[:, None, None].
    """
    reference.conv2d(x, w, bias, stride, padding, dilation, groups)
    y = reference.conv2d(x, w, None, stride, padding, dilation, groups)
    return y if bias is None else y + bias[:, None]


@mistake("conv2d")
def conv2d_bias_along_the_batch(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """every image of the batch has a bias of its own

    Filters stand on axis 1, images on axis 0. bias[:, None, None] lines up with the filters, and serves every image.
    """
    reference.conv2d(x, w, bias, stride, padding, dilation, groups)
    y = reference.conv2d(x, w, None, stride, padding, dilation, groups)
    return y if bias is None else y + bias[:, None, None, None]


@mistake("conv2d")
def conv2d_padded_at_the_end(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """all the padding is added below and to the right

    Padding p adds p zeros on each of the four sides.
    """
    rows, columns = _both(padding)
    x = np.pad(x, ((0, 0), (0, 0), (0, 2 * rows), (0, 2 * columns)))
    return reference.conv2d(x, w, bias, stride, 0, dilation, groups)


@mistake("conv2d")
def conv2d_padded_circularly(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """the image wraps around at its edges

    Pixels outside the image are 0, not those of the opposite side.
    """
    rows, columns = _both(padding)
    x = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns)), mode="wrap")
    return reference.conv2d(x, w, bias, stride, 0, dilation, groups)


@mistake("conv2d")
def conv2d_with_pairs_swapped(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """pairs are read as (width, height)

    A pair is (rows, columns): the first number goes with H.
    """
    return reference.conv2d(x, w, bias, _swapped(stride), _swapped(padding), _swapped(dilation), groups)


@mistake("conv2d")
def conv2d_with_first_of_pairs(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """the first number of a pair serves for both axes

    A pair holds one number for the rows and one for the columns, and they may differ.
    """
    stride, padding, dilation = (_both(value)[0] for value in (stride, padding, dilation))
    return reference.conv2d(x, w, bias, stride, padding, dilation, groups)


@mistake("conv2d")
def conv2d_stride_ignored(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """the stride crops the output but does not space the windows

    Output (i, j) reads from pixel (i * stride, j * stride) on.
    """
    out_h, out_w = _sizes(x, w.shape[2:], stride, padding, dilation)
    return reference.conv2d(x, w, bias, 1, padding, dilation, groups)[:, :, :out_h, :out_w].copy()


@mistake("conv2d")
def conv2d_dilation_ignored(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """dilation changes the output's size but not what the taps read

    Neighboring taps read pixels that lie `dilation` apart.
    """
    out_h, out_w = _sizes(x, w.shape[2:], stride, padding, dilation)
    return reference.conv2d(x, w, bias, stride, padding, 1, groups)[:, :, :out_h, :out_w].copy()


@mistake("conv2d")
def conv2d_without_any_dilation(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """the dilation is left out

    Neighboring taps read pixels that lie `dilation` apart.
    """
    _sizes(x, w.shape[2:], stride, padding, dilation)
    return reference.conv2d(x, w, bias, stride, padding, 1, groups)


@mistake("conv2d")
def conv2d_interleaved_groups(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """every groups-th input channel goes to a group

    A group is a block of consecutive channels: with 4 channels and 2 groups, channels 0 and 1, then 2 and 3.
    """
    order = [c for g in range(groups) for c in range(g, x.shape[1], groups)]
    return reference.conv2d(x[:, order], w, bias, stride, padding, dilation, groups)


@mistake("conv2d")
def conv2d_interleaved_outputs(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """filters are dealt to the groups in turn

    The filters of a group are consecutive as well: the first O / groups filters see the first block of channels.
    """
    if w.shape[0] % groups:
        raise ValueError("groups")
    order = [o for g in range(groups) for o in range(g, w.shape[0], groups)]
    y = reference.conv2d(x, w[order], None, stride, padding, dilation, groups)[:, np.argsort(order)]
    return y if bias is None else y + bias[:, None, None]


@mistake("conv2d")
def conv2d_groups_summed(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """the groups are ignored, and the kernel is repeated for every block of channels

    With groups a filter sees its own block of C / groups channels only.
    """
    if x.shape[1] % groups or w.shape[0] % groups:
        raise ValueError("groups")
    return reference.conv2d(x, np.tile(w, (1, groups, 1, 1)), bias, stride, padding, dilation)


@mistake("conv2d")
def conv2d_groups_read_the_first_channels(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """every filter reads the first C / groups channels

    w.shape[1] tells how many channels a filter reads, not which. The filters of group g read block g of the channels.
    """
    reference.conv2d(x, w, bias, stride, padding, dilation, groups)
    return reference.conv2d(x[:, : w.shape[1]], w, bias, stride, padding, dilation)


@mistake("conv2d")
def conv2d_only_depthwise_groups(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """each filter reads one channel when there are groups

    That is right for groups = C only. A group has C / groups channels, and each of its filters adds them all up.
    """
    y = reference.conv2d(x, w, bias, stride, padding, dilation, groups)
    if groups == 1 or w.shape[1] == 1:
        return y
    blocks = x[:, [g * w.shape[1] for g in range(groups)]]
    return reference.conv2d(blocks, w[:, :1], bias, stride, padding, dilation, groups)


@mistake("conv2d")
def conv2d_first_image(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """every image of the batch gets the result of the first

    The batch axis comes along untouched: image n gives output n.
    """
    y = reference.conv2d(x, w, bias, stride, padding, dilation, groups)
    return np.repeat(y[:1], len(y), axis=0)


@mistake("conv2d")
def conv2d_filters_before_images(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """filters and images change places

    A product of the filters with all images gives (C_out, N, ...). A reshape to (N, C_out, ...) only cuts the numbers
    anew; swapaxes(0, 1) moves them.
    """
    y = reference.conv2d(x, w, bias, stride, padding, dilation, groups)
    return np.ascontiguousarray(y.swapaxes(0, 1)).reshape(y.shape)


@mistake("conv2d")
def conv2d_in_the_dtype_of_x(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """the result has the dtype of x, whatever w has

    A whole-number image under a kernel of fractions would lose the fractions. The dtype is np.result_type(x, w).
    """
    return reference.conv2d(x, w, bias, stride, padding, dilation, groups).astype(x.dtype)


@mistake("conv2d")
def conv2d_in_float64(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """numbers are kept as float64, whatever came in

    The result's dtype is np.result_type(x, w): float32 stays float32, whole numbers stay whole.
    """
    return reference.conv2d(x, w, bias, stride, padding, dilation, groups).astype(np.float64)


@mistake("conv2d")
def conv2d_pixel_by_pixel(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Python loops over the pixels

    A million outputs would take seconds. Let im2col and one matrix product do it.
    """
    batch, channels, _, _ = x.shape
    filters, group_channels, rows, columns = w.shape
    if channels % groups or filters % groups or group_channels * groups != channels:
        raise ValueError("channels")
    if bias is not None and bias.shape != (filters,):
        raise ValueError("bias")
    out_h, out_w = _sizes(x, (rows, columns), stride, padding, dilation)
    (s_h, s_w), (p_h, p_w), (d_h, d_w) = _both(stride), _both(padding), _both(dilation)
    x = np.pad(x, ((0, 0), (0, 0), (p_h, p_h), (p_w, p_w)))
    y = np.zeros((batch, filters, out_h, out_w), np.result_type(x, w))
    for n in range(batch):
        for o in range(filters):
            first = o // (filters // groups) * group_channels
            for i in range(out_h):
                for j in range(out_w):
                    across = slice(j * s_w, j * s_w + d_w * (columns - 1) + 1, d_w)
                    down = slice(i * s_h, i * s_h + d_h * (rows - 1) + 1, d_h)
                    y[n, o, i, j] = (x[n, first : first + group_channels, down, across] * w[o]).sum()
                    if bias is not None:
                        y[n, o, i, j] += bias[o]
    return y


# --- receptive_field -------------------------------------------------------------------------------------------------


@mistake("receptive_field")
def field_without_strides(layers):
    """the strides before a layer do not widen its steps

    After a stride of 2, neighboring units lie 2 pixels apart, so a 3-tap kernel adds 4 pixels and not 2.
    """
    _, stride, offset = reference.receptive_field(layers)
    return 1 + sum(kernel - 1 for kernel, _, _ in layers), stride, offset


@mistake("receptive_field")
def field_in_units(layers):
    """kernels and paddings are added up as if every layer counted in pixels

    After a stride of 2, neighboring units lie 2 pixels apart. A later layer's kernel then adds 2 * (k - 1) pixels, and its
    padding moves the field by 2 * p.
    """
    _, stride, _ = reference.receptive_field(layers)
    return 1 + sum(k - 1 for k, _, _ in layers), stride, -sum(padding for _, _, padding in layers)


@mistake("receptive_field")
def field_of_whole_kernels(layers):
    """each layer adds its whole kernel

    The window already holds the unit itself: a kernel k adds k - 1 neighbors.
    """
    size, jump = 0, 1
    for kernel, stride, _ in layers:
        size += kernel * jump
        jump *= stride
    return max(size, 1), *reference.receptive_field(layers)[1:]


@mistake("receptive_field")
def field_with_k_neighbors(layers):
    """each layer adds k neighbors and not k - 1

    The field starts with one pixel, and a kernel of k taps already holds it: it adds k - 1 on top.
    """
    size, jump = 1, 1
    for kernel, stride, _ in layers:
        size += kernel * jump
        jump *= stride
    return size, *reference.receptive_field(layers)[1:]


@mistake("receptive_field")
def field_in_another_order(layers):
    """the three numbers stand in the order (size, offset, stride)

    The numbers may be right. The order is (size, stride, offset).
    """
    size, stride, offset = reference.receptive_field(layers)
    return size, offset, stride


@mistake("receptive_field")
def field_with_own_stride(layers):
    """a layer's own stride already widens its window

    The stride spaces the windows, not the taps inside one. It counts from the next layer on.
    """
    size, jump, offset = 1, 1, 0
    for kernel, stride, padding in layers:
        jump *= stride
        size += (kernel - 1) * jump
        offset -= padding * jump
    return size, jump, offset


@mistake("receptive_field")
def field_read_backwards(layers):
    """the last layer is taken first

    layers[0] is the layer next to the image.
    """
    return reference.receptive_field(layers[::-1])


@mistake("receptive_field")
def field_without_padding(layers):
    """the padding does not move the field

    With padding the first unit's window starts before the image: the offset is negative.
    """
    size, stride, _ = reference.receptive_field(layers)
    return size, stride, 0


@mistake("receptive_field")
def field_with_plain_padding(layers):
    """the padding of a later layer is counted in pixels of the image

    One unit of padding in a later layer is worth as many pixels as that layer's units lie apart.
    """
    size, stride, _ = reference.receptive_field(layers)
    return size, stride, -sum(padding for _, _, padding in layers)


@mistake("receptive_field")
def field_with_padding_after_the_stride(layers):
    """a layer's own stride already widens its padding

    The padding lies in front of the layer, where units are still as far apart as the layers before have put them.
    """
    size, jump, offset = 1, 1, 0
    for kernel, stride, padding in layers:
        size += (kernel - 1) * jump
        jump *= stride
        offset -= padding * jump
    return size, jump, offset


@mistake("receptive_field")
def field_with_positive_offset(layers):
    """the offset has the wrong sign

    Padding puts the first window to the left of pixel 0.
    """
    size, stride, offset = reference.receptive_field(layers)
    return size, stride, -offset


@mistake("receptive_field")
def field_shrunk_by_padding(layers):
    """padding changes the size of the field

    Padding moves the first field to the left; every field keeps its size.
    """
    size, stride, offset = reference.receptive_field(layers)
    return size + 2 * offset, stride, offset


@mistake("receptive_field")
def field_with_last_stride(layers):
    """only the last layer's stride is given

    Strides multiply: two layers of stride 2 move the field by 4 pixels.
    """
    size, _, offset = reference.receptive_field(layers)
    return size, layers[-1][1] if layers else 1, offset


@mistake("receptive_field")
def field_with_added_strides(layers):
    """the strides are added up

    Strides multiply: two layers of stride 2 move the field by 4 pixels, three by 8.
    """
    size, jump, offset = 1, 1, 0
    for kernel, stride, padding in layers:
        size += (kernel - 1) * jump
        offset -= padding * jump
        jump += stride - 1
    return size, jump, offset
