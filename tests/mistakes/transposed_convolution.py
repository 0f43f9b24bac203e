"""What learners write in place of Chapter 3's functions, and what to tell them."""

from __future__ import annotations

import numpy as np

from deconv_grader.checks.known_answers import mistake
from deconv_solutions import convolution
from deconv_solutions import transposed_convolution as reference
from deconvlib.course.arguments import pair

# --- stamp_transpose2d and conv_transpose2d, which learners get wrong alike ------------------------------------------


def turned(w):
    return np.ascontiguousarray(w[..., ::-1, ::-1])


def cropped(x, padding):
    p_h, p_w = pair("padding", padding, 0)
    return x[:, :, p_h : x.shape[2] - p_h, p_w : x.shape[3] - p_w]


def emptied(x, padding):
    """What [p:-p] leaves of a canvas in a direction whose padding is 0: nothing."""
    p_h, p_w = pair("padding", padding, 0)
    return np.ascontiguousarray(x[:, :, : None if p_h else 0, : None if p_w else 0])


def frame(x, before, after):
    return np.pad(x, ((0, 0), (0, 0), (before[0], after[0]), (before[1], after[1])))


@mistake("stamp_transpose2d")
def stamp_flipped(y, w, stride=1, padding=0, output_padding=0):
    """the kernel was flipped

    A stamp is the kernel as it is. The flip belongs to the other route, zero insertion followed by conv2d, where it
    undoes the turn that conv2d's reading brings.
    """
    return reference.stamp_transpose2d(y, turned(w), stride, padding, output_padding)


@mistake("stamp_transpose2d")
def stamp_overwrites(y, w, stride=1, padding=0, output_padding=0):
    """a later stamp replaces an earlier one where they overlap

    Every output pixel is a sum over all stamps that reach it: use += and not =.
    """
    whole = reference.stamp_transpose2d(y, w, stride)
    whole[:] = 0
    (s_h, s_w), (k_h, k_w) = pair("stride", stride), w.shape[2:]
    for i in range(y.shape[2]):
        for j in range(y.shape[3]):
            whole[:, :, i * s_h : i * s_h + k_h, j * s_w : j * s_w + k_w] = np.tensordot(y[:, :, i, j], w, axes=1)
    reference.stamp_transpose2d(y, w, stride, padding, output_padding)  # refuses what the reference refuses
    return cropped(frame(whole, (0, 0), pair("output_padding", output_padding)), padding).copy()


def averaged(y, w, **settings):
    whole = reference.conv_transpose2d(y, w, **settings)
    settings = {**settings, "groups": 1}
    counts = reference.conv_transpose2d(np.ones_like(y[:1, :1]), np.ones_like(w[:1, :1]), **settings)
    return whole / np.maximum(counts, 1)


@mistake("stamp_transpose2d")
def stamp_averaged(y, w, stride=1, padding=0, output_padding=0):
    """overlapping stamps are averaged, as if to undo the convolution

    A transposed convolution is not an inverse and divides by nothing: stamps add up.
    """
    return averaged(y, w, stride=stride, padding=padding, output_padding=output_padding)


@mistake("stamp_transpose2d")
def stamp_padded(y, w, stride=1, padding=0, output_padding=0):
    """padding puts zeros around the result

    It is named after the convolution that is transposed. What that one pads, this one crops.
    """
    p = pair("padding", padding, 0)
    return frame(reference.stamp_transpose2d(y, w, stride, 0, output_padding), p, p)


@mistake("stamp_transpose2d")
def stamp_output_padding_is_zeros(y, w, stride=1, padding=0, output_padding=0):
    """output_padding appends zeros after the cropping

    It moves the crop, so that more of the canvas is seen. Where a stamp reached those pixels they hold its values.
    """
    reference.stamp_transpose2d(y, w, stride, padding, output_padding)
    return frame(reference.stamp_transpose2d(y, w, stride, padding), (0, 0), pair("output_padding", output_padding))


@mistake("stamp_transpose2d")
def stamp_output_padding_in_front(y, w, stride=1, padding=0, output_padding=0):
    """output_padding lengthens the result at the top and at the left

    The extra pixels are those of the bottom and of the right.
    """
    reply = reference.stamp_transpose2d(y, w, stride, padding, output_padding)
    (e_h, e_w), (p_h, p_w) = pair("output_padding", output_padding), pair("padding", padding)
    whole = frame(reference.stamp_transpose2d(y, w, stride), (e_h, e_w), (0, 0))
    return whole[:, :, p_h : p_h + reply.shape[2], p_w : p_w + reply.shape[3]].copy()


@mistake("stamp_transpose2d")
def stamp_output_channels_first(y, w, stride=1, padding=0, output_padding=0):
    """the first axis of w is taken for the output channels

    Here it is C_in: a transposed convolution keeps the weight of the convolution that it transposes, whose output
    channels are its input channels.
    """
    return reference.stamp_transpose2d(y, np.ascontiguousarray(w.swapaxes(0, 1)), stride, padding, output_padding)


@mistake("stamp_transpose2d")
def stamp_without_stride(y, w, stride=1, padding=0, output_padding=0):
    """the stride is left out

    Pixel (i, j) starts its stamp at row i * stride, column j * stride.
    """
    reference.stamp_transpose2d(y, w, stride, padding, output_padding)
    return reference.stamp_transpose2d(y, w, 1, padding, 0)


@mistake("stamp_transpose2d")
def stamp_swaps_pairs(y, w, stride=1, padding=0, output_padding=0):
    """the pairs are read as (columns, rows)

    A pair is (rows, columns), like the axes of the image.
    """
    swapped = [pair("", value)[::-1] for value in (stride, padding, output_padding)]
    return reference.stamp_transpose2d(y, w, *swapped)


@mistake("stamp_transpose2d")
def stamp_crops_the_end_only(y, w, stride=1, padding=0, output_padding=0):
    """all the padding is cropped at the bottom and at the right

    Padding comes off every side: p rows at the top and p rows at the bottom.
    """
    size = reference.stamp_transpose2d(y, w, stride, padding, output_padding).shape
    whole = frame(reference.stamp_transpose2d(y, w, stride), (0, 0), pair("", output_padding))
    return whole[:, :, : size[2], : size[3]]


@mistake("stamp_transpose2d")
def stamp_empty_crop(y, w, stride=1, padding=0, output_padding=0):
    """the crop [padding:-padding] is empty when the padding is 0

    -0 is 0. Crop with [padding : padding + size].
    """
    return emptied(reference.stamp_transpose2d(y, w, stride, padding, output_padding), padding)


@mistake("stamp_transpose2d")
def stamp_empty_crop_in_one_direction(y, w, stride=1, padding=0, output_padding=0):
    """the crop [padding:-padding] is empty where one of the two paddings is 0

    -0 is 0. Crop with [padding : padding + size], each direction by its own padding.
    """
    reply = reference.stamp_transpose2d(y, w, stride, padding, output_padding)
    return emptied(reply, padding) if any(pair("padding", padding)) else reply


@mistake("stamp_transpose2d")
def stamp_in_floats(y, w, stride=1, padding=0, output_padding=0):
    """the canvas is made of float64, whatever the inputs are

    np.zeros makes float64 unless told: np.zeros(shape, np.result_type(y, w)).
    """
    return reference.stamp_transpose2d(y, w, stride, padding, output_padding).astype(np.float64)


@mistake("stamp_transpose2d")
def stamp_any_output_padding(y, w, stride=1, padding=0, output_padding=0):
    """an output_padding of any size is accepted

    Sizes that no convolution would map back are refused: output_padding must be smaller than stride.
    """
    try:
        return reference.stamp_transpose2d(y, w, stride, padding, output_padding)
    except ValueError:
        return cropped(reference.stamp_transpose2d(y, w, stride), padding)


@mistake("conv_transpose2d")
def conv_transpose_flipped(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """the kernel comes out flipped

    Stamped, the kernel stays as it is. On the way through insert_zeros and conv2d it must be flipped once, in both
    directions, because conv2d reads it the other way round.
    """
    return reference.conv_transpose2d(y, turned(w), bias, stride, padding, output_padding, dilation, groups)


@mistake("conv_transpose2d")
def conv_transpose_flipped_rows(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """the kernel is turned in one direction only

    Flip rows and columns, w[:, :, ::-1, ::-1]: a turn by 180 degrees.
    """
    return reference.conv_transpose2d(
        y, np.ascontiguousarray(w[:, :, ::-1]), bias, stride, padding, output_padding, dilation, groups
    )


@mistake("conv_transpose2d")
def conv_transpose_kernel_transposed(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """the rows and columns of each kernel are exchanged

    The matrix of the convolution is transposed, not the K x L kernel.
    """
    return reference.conv_transpose2d(
        y, np.ascontiguousarray(w.swapaxes(2, 3)), bias, stride, padding, output_padding, dilation, groups
    )


@mistake("conv_transpose2d")
def conv_transpose_averaged(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """overlapping stamps are averaged, as if to undo the convolution

    A transposed convolution is not an inverse and divides by nothing: stamps add up.
    """
    reply = averaged(
        y, w, stride=stride, padding=padding, output_padding=output_padding, dilation=dilation, groups=groups
    )
    return reply if bias is None else reply + bias[:, None, None]


@mistake("conv_transpose2d")
def conv_transpose_inverted(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """the convolution is undone as well as least squares can (its pseudo-inverse)

    The transpose is wanted. It carries values back to where they were read, and undoes nothing.
    """
    whole = reference.conv_transpose2d(y, w, None, stride, padding, output_padding, dilation, groups)
    if y[0].size * whole[0].size > 1000:
        raise ValueError("too large to invert here")
    units = np.eye(y[0].size).reshape(-1, *y.shape[1:])
    transposed = reference.conv_transpose2d(units, w, None, stride, padding, output_padding, dilation, groups)
    inverse = np.linalg.pinv(transposed.reshape(y[0].size, -1))
    reply = (y.reshape(len(y), -1) @ inverse.T).reshape(whole.shape)
    return reply if bias is None else reply + bias[:, None, None]


@mistake("conv_transpose2d")
def conv_transpose_padded(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """padding puts zeros around the result

    It is named after the convolution that is transposed. What that one pads, this one crops.
    """
    p = pair("padding", padding, 0)
    reply = frame(reference.conv_transpose2d(y, w, None, stride, 0, output_padding, dilation, groups), p, p)
    return reply if bias is None else reply + bias[:, None, None]


@mistake("conv_transpose2d")
def conv_transpose_padding_ignored(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """padding is left out

    Padding p crops p rows and columns from every side of the stamped canvas.
    """
    return reference.conv_transpose2d(y, w, bias, stride, 0, output_padding, dilation, groups)


@mistake("conv_transpose2d")
def conv_transpose_empty_crop(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """the crop [padding:-padding] is empty when the padding is 0

    -0 is 0. Crop with [padding : padding + size].
    """
    return emptied(reference.conv_transpose2d(y, w, bias, stride, padding, output_padding, dilation, groups), padding)


@mistake("conv_transpose2d")
def conv_transpose_empty_crop_in_one_direction(
    y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1
):
    """the crop [padding:-padding] is empty where one of the two paddings is 0

    -0 is 0. Crop with [padding : padding + size], each direction by its own padding.
    """
    reply = reference.conv_transpose2d(y, w, bias, stride, padding, output_padding, dilation, groups)
    return emptied(reply, padding) if any(pair("padding", padding)) else reply


@mistake("conv_transpose2d")
def conv_transpose_padding_is_output_padding(
    y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1
):
    """padding is taken for output_padding: the result gets longer at its end

    padding crops all four sides; output_padding is the one that lengthens, at the bottom and at the right.
    """
    reference.conv_transpose2d(y, w, bias, stride, padding, output_padding, dilation, groups)
    (p_h, p_w), (e_h, e_w) = pair("", padding), pair("", output_padding)
    reply = frame(
        reference.conv_transpose2d(y, w, None, stride, 0, 0, dilation, groups), (0, 0), (p_h + e_h, p_w + e_w)
    )
    return reply if bias is None else reply + bias[:, None, None]


@mistake("conv_transpose2d")
def conv_transpose_output_padding_is_zeros(
    y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1
):
    """output_padding appends zeros after the cropping

    It moves the crop, so that more of the canvas is seen. Where a stamp reached those pixels they hold its values, and
    the bias is on all of them.
    """
    reference.conv_transpose2d(y, w, bias, stride, padding, output_padding, dilation, groups)
    reply = reference.conv_transpose2d(y, w, bias, stride, padding, 0, dilation, groups)
    return frame(reply, (0, 0), pair("", output_padding))


@mistake("conv_transpose2d")
def conv_transpose_output_padding_ignored(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """output_padding is left out

    It makes the result longer by that many rows at the bottom and columns at the right.
    """
    return reference.conv_transpose2d(y, w, bias, stride, padding, 0, dilation, groups)


@mistake("conv_transpose2d")
def conv_transpose_output_channels_first(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """the first axis of w is taken for the output channels

    Here it is C_in: a transposed convolution keeps the weight of the convolution that it transposes, whose output
    channels are its input channels.
    """
    c_in, each, k, l = w.shape
    swapped = w.reshape(groups, c_in // groups, each, k, l).swapaxes(1, 2).reshape(groups * each, c_in // groups, k, l)
    return reference.conv_transpose2d(y, swapped, bias, stride, padding, output_padding, dilation, groups)


@mistake("conv_transpose2d")
def conv_transpose_dilation_ignored(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """dilation is left out

    Dilation spreads the taps of each stamp; tap k lies k * dilation pixels from the stamp's start.
    """
    reference.conv_transpose2d(y, w, bias, stride, padding, output_padding, dilation, groups)
    below, right = (min(e, s - 1) for e, s in zip(pair("", output_padding), pair("", stride), strict=True))
    return reference.conv_transpose2d(y, w, bias, stride, padding, (below, right), 1, groups)


@mistake("conv_transpose2d")
def conv_transpose_stride_and_dilation_swapped(
    y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1
):
    """stride and dilation are exchanged

    Stride is the way from stamp to stamp, dilation the way from tap to tap within one stamp.
    """
    return reference.conv_transpose2d(y, w, bias, dilation, padding, output_padding, stride, groups)


@mistake("conv_transpose2d")
def conv_transpose_groups_interleaved(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """the output channels of the groups are dealt out in turns

    The first C_out / groups output channels belong to the first group, the next ones to the second, and so on.
    """
    reply = reference.conv_transpose2d(y, w, None, stride, padding, output_padding, dilation, groups)
    n, c, h, width = reply.shape
    reply = np.ascontiguousarray(reply.reshape(n, groups, c // groups, h, width).swapaxes(1, 2)).reshape(reply.shape)
    return reply if bias is None else reply + bias[:, None, None]


@mistake("conv_transpose2d")
def conv_transpose_padding_must_fit(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """a padding larger than the kernel is not cropped (the border of zeros cannot become negative)

    dilation * (K - 1) - padding can fall below 0. Pad the spread-out image by dilation * (K - 1), and crop afterwards.
    """
    (p_h, p_w), (d_h, d_w) = pair("", padding), pair("", dilation)
    padding = (min(p_h, d_h * (w.shape[2] - 1)), min(p_w, d_w * (w.shape[3] - 1)))
    return reference.conv_transpose2d(y, w, bias, stride, padding, output_padding, dilation, groups)


@mistake("conv_transpose2d")
def conv_transpose_output_padding_below_stride(
    y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1
):
    """output_padding must be smaller than stride, whatever dilation is

    PyTorch asks that it be smaller than stride or smaller than dilation.
    """
    (e_h, e_w), (s_h, s_w) = pair("", output_padding), pair("", stride)
    if e_h >= s_h or e_w >= s_w:
        raise ValueError("output_padding must be smaller than stride")
    return reference.conv_transpose2d(y, w, bias, stride, padding, output_padding, dilation, groups)


@mistake("conv_transpose2d")
def conv_transpose_bias_ignored(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """the bias is left out

    Add bias[o] to every pixel of output channel o: reply += bias[:, None, None].
    """
    return reference.conv_transpose2d(y, w, None, stride, padding, output_padding, dilation, groups)


# --- conv_transpose_output_size --------------------------------------------------------------------------------------


@mistake("conv_transpose_output_size")
def size_padded(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """padding makes the result longer

    It is named after the convolution that is transposed. What that one pads, this one crops.
    """
    size = reference.conv_transpose_output_size(n, kernel, stride, 0, output_padding, dilation)
    return size + 2 * padding


@mistake("conv_transpose_output_size")
def size_cropped_once(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """padding is cropped from one end only

    Padding p comes off both ends: 2 * p in all.
    """
    reference.conv_transpose_output_size(n, kernel, stride, padding, output_padding, dilation)
    return reference.conv_transpose_output_size(n, kernel, stride, 0, output_padding, dilation) - padding


@mistake("conv_transpose_output_size")
def size_output_padding_twice(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """output_padding is counted at both ends

    It lengthens the result at its far end only.
    """
    return reference.conv_transpose_output_size(n, kernel, stride, padding, output_padding, dilation) + output_padding


@mistake("conv_transpose_output_size")
def size_n_strides(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """there are n strides, not n - 1

    The first stamp starts at 0, so the last of n starts at (n - 1) * stride.
    """
    return reference.conv_transpose_output_size(n, kernel, stride, padding, output_padding, dilation) + stride


@mistake("conv_transpose_output_size")
def size_without_plus_one(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """the last stamp's first pixel is not counted (the + 1 is missing)

    A stamp that starts at 0 ends at dilation * (kernel - 1), and that makes dilation * (kernel - 1) + 1 pixels.
    """
    return reference.conv_transpose_output_size(n, kernel, stride, padding, output_padding, dilation) - 1


@mistake("conv_transpose_output_size")
def size_n_strides_and_the_rest_of_a_stamp(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """there are n strides, and after them the kernel without its first tap

    With stride 1 that is right. In general the last of n stamps starts at (n - 1) * stride, and all of it counts.
    """
    return reference.conv_transpose_output_size(n, kernel, stride, padding, output_padding, dilation) + stride - 1


@mistake("conv_transpose_output_size")
def size_n_times_stride(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """n times stride is the answer, as if the settings always undid a convolution that divides by the stride

    That holds for some kernels and paddings only. Count where the last stamp ends.
    """
    reference.conv_transpose_output_size(n, kernel, stride, padding, output_padding, dilation)
    return n * stride


@mistake("conv_transpose_output_size")
def size_without_dilation(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """dilation is left out

    A dilated kernel spans dilation * (kernel - 1) + 1 pixels.
    """
    size = reference.conv_transpose_output_size(n, kernel, stride, padding, output_padding, dilation)
    return size - (dilation - 1) * (kernel - 1)


@mistake("conv_transpose_output_size")
def size_dilation_times_kernel(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """a dilated kernel is taken to span dilation * kernel pixels

    There are kernel - 1 steps between kernel taps: it spans dilation * (kernel - 1) + 1.
    """
    return reference.conv_transpose_output_size(n, kernel, stride, padding, output_padding, dilation) + dilation - 1


@mistake("conv_transpose_output_size")
def size_of_the_convolution(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """the formula is the one of the convolution

    Going back, stride multiplies, and padding is subtracted.
    """
    return convolution.conv_output_size(n, kernel, stride, padding, dilation) + output_padding


@mistake("conv_transpose_output_size")
def size_any_output_padding(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """an output_padding of any size is accepted

    It must be smaller than stride or smaller than dilation.
    """
    return reference.conv_transpose_output_size(n, kernel, stride, padding, 0, dilation) + output_padding


@mistake("conv_transpose_output_size")
def size_output_padding_below_stride(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """output_padding must be smaller than stride, whatever dilation is

    PyTorch asks that it be smaller than stride or smaller than dilation.
    """
    if output_padding >= stride:
        raise ValueError("output_padding must be smaller than stride")
    return reference.conv_transpose_output_size(n, kernel, stride, padding, output_padding, dilation)


@mistake("conv_transpose_output_size")
def size_output_padding_below_both(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """output_padding must be smaller than stride and than dilation

    One of the two is enough: PyTorch compares with the larger.
    """
    if output_padding >= max(1, min(stride, dilation)):
        raise ValueError("output_padding too large")
    return reference.conv_transpose_output_size(n, kernel, stride, padding, output_padding, dilation)


@mistake("conv_transpose_output_size")
def size_below_one(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """a result without pixels is not refused

    Where padding crops everything there is nothing to compute: raise ValueError for a size below 1.
    """
    reference.conv_transpose_output_size(n, kernel, stride, 0, output_padding, dilation)
    return (n - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding + output_padding


@mistake("conv_transpose_output_size")
def size_as_float(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """the size is a float

    Sizes are whole numbers: nothing is divided here.
    """
    return float(reference.conv_transpose_output_size(n, kernel, stride, padding, output_padding, dilation))


# --- output_padding_for ----------------------------------------------------------------------------------------------


def smallest_size(n_in, kernel, stride, padding, dilation):
    return (n_in - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding


@mistake("output_padding_for")
def output_padding_off_by_one(n_in, n_out, kernel, stride=1, padding=0, dilation=1):
    """stride itself is allowed

    output_padding goes from 0 to stride - 1: stride sizes, not stride + 1.
    """
    extra = n_out - smallest_size(n_in, kernel, stride, padding, dilation)
    return extra if extra == stride else reference.output_padding_for(n_in, n_out, kernel, stride, padding, dilation)


@mistake("output_padding_for")
def output_padding_up_to_dilation(n_in, n_out, kernel, stride=1, padding=0, dilation=1):
    """every output_padding that PyTorch would accept is allowed

    PyTorch also takes stride and more where dilation is larger. The convolution does not map those sizes to n_in.
    """
    if stride < dilation:
        extra = n_out - smallest_size(n_in, kernel, stride, padding, dilation)
        if stride <= extra < dilation:
            return extra
    return reference.output_padding_for(n_in, n_out, kernel, stride, padding, dilation)


@mistake("output_padding_for")
def output_padding_unchecked(n_in, n_out, kernel, stride=1, padding=0, dilation=1):
    """the difference to the smallest size is returned, whatever it is

    From 0 to stride - 1 it is an output_padding. Outside, the convolution maps n_out to another size.
    """
    return n_out - smallest_size(n_in, kernel, stride, padding, dilation)


@mistake("output_padding_for")
def output_padding_clipped(n_in, n_out, kernel, stride=1, padding=0, dilation=1):
    """a size out of reach is answered by the nearest output_padding

    The caller would get a result of another size than asked for: raise ValueError.
    """
    extra = n_out - smallest_size(n_in, kernel, stride, padding, dilation)
    return min(max(extra, 0), stride - 1)


@mistake("output_padding_for")
def output_padding_stride_minus_one(n_in, n_out, kernel, stride=1, padding=0, dilation=1):
    """output_padding is always stride - 1

    That is right for one of the stride sizes that share an output size. Which one is wanted, n_out says.
    """
    reference.output_padding_for(n_in, n_out, kernel, stride, padding, dilation)
    return stride - 1


@mistake("output_padding_for")
def output_padding_zero(n_in, n_out, kernel, stride=1, padding=0, dilation=1):
    """output_padding is always 0, as if the same settings restored the shape

    With stride s, a convolution gives s input sizes one output size. Only the smallest of them comes back by itself.
    """
    reference.output_padding_for(n_in, n_out, kernel, stride, padding, dilation)
    return 0


@mistake("output_padding_for")
def output_padding_modulo(n_in, n_out, kernel, stride=1, padding=0, dilation=1):
    """the remainder of the convolution is returned, and n_in is never looked at

    The remainder is right if n_out maps to n_in. Whether it does must be checked.
    """
    return (n_out + 2 * padding - dilation * (kernel - 1) - 1) % stride


@mistake("output_padding_for")
def output_padding_without_dilation(n_in, n_out, kernel, stride=1, padding=0, dilation=1):
    """dilation is left out

    A dilated kernel spans dilation * (kernel - 1) + 1 pixels.
    """
    return reference.output_padding_for(n_in, n_out, kernel, stride, padding)


@mistake("output_padding_for")
def output_padding_silent(n_in, n_out, kernel, stride=1, padding=0, dilation=1):
    """the error does not say which sizes can be reached

    Name the smallest and the largest size in the message: it is what the reader of the error needs next.
    """
    try:
        return reference.output_padding_for(n_in, n_out, kernel, stride, padding, dilation)
    except ValueError:
        raise ValueError("n_out cannot be reached") from None


@mistake("output_padding_for")
def output_padding_negative_sizes(n_in, n_out, kernel, stride=1, padding=0, dilation=1):
    """sizes below 1 are named as if they could be reached

    Heavy padding can push the smallest size below 1. The smallest that can be reached is then 1.
    """
    smallest = smallest_size(n_in, kernel, stride, padding, dilation)
    if not 0 <= n_out - smallest < stride:
        raise ValueError(f"n_out must be from {smallest} to {smallest + stride - 1}, got {n_out}")
    return n_out - smallest


# --- insert_zeros ----------------------------------------------------------------------------------------------------


@mistake("insert_zeros")
def zeros_at_the_end(y, stride):
    """zeros follow the last pixel too

    They go between pixels only: n pixels have n - 1 gaps.
    """
    s_h, s_w = pair("stride", stride, 1)
    return frame(reference.insert_zeros(y, stride), (0, 0), (s_h - 1, s_w - 1))


@mistake("insert_zeros")
def zeros_in_front(y, stride):
    """zeros stand before the first pixel, not between the pixels alone

    The first pixel stays where it is.
    """
    s_h, s_w = pair("stride", stride, 1)
    return frame(reference.insert_zeros(y, stride), (s_h - 1, s_w - 1), (0, 0))


@mistake("insert_zeros")
def zeros_as_many_as_stride(y, stride):
    """as many zeros are inserted as the stride says

    Pixels that lie stride apart have stride - 1 zeros between them.
    """
    s_h, s_w = pair("stride", stride, 1)
    return reference.insert_zeros(y, (s_h + 1, s_w + 1))


@mistake("insert_zeros")
def zeros_are_copies(y, stride):
    """every gap is filled with the pixel before it

    That is nearest-neighbor enlargement. Here the gaps hold zeros.
    """
    s_h, s_w = pair("stride", stride, 1)
    reply = y.repeat(s_h, axis=2).repeat(s_w, axis=3)
    return reply[:, :, : (y.shape[2] - 1) * s_h + 1, : (y.shape[3] - 1) * s_w + 1]


@mistake("insert_zeros")
def zeros_swap_pairs(y, stride):
    """the pair is read as (columns, rows)

    A pair is (rows, columns), like the axes of the image.
    """
    return reference.insert_zeros(y, pair("stride", stride, 1)[::-1])


@mistake("insert_zeros")
def zeros_in_floats(y, stride):
    """the result is float64, whatever the input is

    np.zeros makes float64 unless told: np.zeros(shape, y.dtype).
    """
    return reference.insert_zeros(y, stride).astype(np.float64)


@mistake("insert_zeros")
def zeros_shared(y, stride):
    """with stride 1, the array itself is returned

    The caller may change the result and not expect the input to change with it: return a copy.
    """
    return y if pair("stride", stride, 1) == (1, 1) else reference.insert_zeros(y, stride)


# --- col2im ----------------------------------------------------------------------------------------------------------


@mistake("col2im")
def col2im_overwrites(cols, output_size, kernel, stride=1, padding=0, dilation=1):
    """a later window replaces an earlier one where they overlap

    A pixel is the sum of all its copies: use += and not =.
    """
    height, width = pair("output_size", output_size, 1)
    numbers = np.arange(1, height * width + 1).reshape(1, 1, height, width)
    k_h, k_w = pair("kernel", kernel, 1)
    reference.col2im(cols, output_size, kernel, stride, padding, dilation)
    homes = convolution.im2col(numbers, kernel, stride, padding, dilation)[0]
    batch = len(cols)
    planes = cols.reshape(batch, -1, k_h * k_w, homes.shape[1])
    reply = np.zeros((batch, planes.shape[1], height * width + 1), cols.dtype)
    for place in range(homes.shape[1]):
        for tap in range(k_h * k_w):
            reply[:, :, homes[tap, place]] = planes[:, :, tap, place]
    return reply[:, :, 1:].reshape(batch, -1, height, width)


@mistake("col2im")
def col2im_overwrites_tap_by_tap(cols, output_size, kernel, stride=1, padding=0, dilation=1):
    """a later tap replaces an earlier one where windows overlap

    A pixel is the sum of all its copies: use += and not =.
    """
    reference.col2im(cols, output_size, kernel, stride, padding, dilation)
    (k_h, k_w), size = pair("kernel", kernel, 1), pair("output_size", output_size, 1)
    taps = cols.reshape(len(cols), -1, k_h * k_w, cols.shape[2])
    reply = np.zeros((*taps.shape[:2], *size), cols.dtype)
    for tap in range(k_h * k_w):
        only, here = np.zeros_like(taps), np.zeros_like(taps)
        only[:, :, tap], here[:, :, tap] = taps[:, :, tap], 1
        settings = (output_size, kernel, stride, padding, dilation)
        value, held = (reference.col2im(part.reshape(cols.shape), *settings) for part in (only, here))
        reply = np.where(held, value, reply)
    return reply


@mistake("col2im")
def col2im_averages(cols, output_size, kernel, stride=1, padding=0, dilation=1):
    """a pixel is the mean of its copies

    That would undo im2col. Its transpose adds the copies and divides by nothing.
    """
    total = reference.col2im(cols, output_size, kernel, stride, padding, dilation)
    counts = reference.col2im(np.ones_like(cols), output_size, kernel, stride, padding, dilation)
    mean = total / np.maximum(counts, 1)
    return mean if cols.dtype.kind == "f" else mean.astype(cols.dtype)


@mistake("col2im")
def col2im_taps_by_column(cols, output_size, kernel, stride=1, padding=0, dilation=1):
    """the taps of a window are read down its columns

    im2col lays a window out row by row: tap (k, l) is row k * L + l.
    """
    k_h, k_w = pair("kernel", kernel, 1)
    taps = cols.reshape(len(cols), -1, k_w, k_h, cols.shape[2]).swapaxes(2, 3)
    return reference.col2im(taps.reshape(cols.shape), output_size, kernel, stride, padding, dilation)


@mistake("col2im")
def col2im_windows_by_column(cols, output_size, kernel, stride=1, padding=0, dilation=1):
    """the windows are taken to go down the image's columns

    Windows go row by row: window (i, j) is column i * out_w + j.
    """
    reference.col2im(cols, output_size, kernel, stride, padding, dilation)
    parts = zip(*(pair("", v) for v in (output_size, kernel, stride, padding, dilation)), strict=True)
    out_h, out_w = (convolution.conv_output_size(*axis) for axis in parts)
    windows = cols.reshape(*cols.shape[:2], out_w, out_h).swapaxes(2, 3)
    return reference.col2im(windows.reshape(cols.shape), output_size, kernel, stride, padding, dilation)


@mistake("col2im")
def col2im_channels_last(cols, output_size, kernel, stride=1, padding=0, dilation=1):
    """the rows of cols are read with the channels last

    im2col puts channels first: row (c * K + k) * L + l.
    """
    k_h, k_w = pair("kernel", kernel, 1)
    rows = cols.reshape(len(cols), k_h * k_w, -1, cols.shape[2]).swapaxes(1, 2)
    return reference.col2im(rows.reshape(cols.shape), output_size, kernel, stride, padding, dilation)


@mistake("col2im")
def col2im_padding_kept(cols, output_size, kernel, stride=1, padding=0, dilation=1):
    """the padding is left on the result

    What lands in the padding is dropped: crop the canvas by padding on every side.
    """
    (h, w), (p_h, p_w) = pair("output_size", output_size, 1), pair("padding", padding, 0)
    return reference.col2im(cols, (h + 2 * p_h, w + 2 * p_w), kernel, stride, 0, dilation)


@mistake("col2im")
def col2im_empty_crop(cols, output_size, kernel, stride=1, padding=0, dilation=1):
    """the crop [padding:-padding] is empty when the padding is 0

    -0 is 0. Crop with [padding : padding + size].
    """
    return emptied(reference.col2im(cols, output_size, kernel, stride, padding, dilation), padding)


@mistake("col2im")
def col2im_empty_crop_in_one_direction(cols, output_size, kernel, stride=1, padding=0, dilation=1):
    """the crop [padding:-padding] is empty where one of the two paddings is 0

    -0 is 0. Crop with [padding : padding + size], each direction by its own padding.
    """
    reply = reference.col2im(cols, output_size, kernel, stride, padding, dilation)
    return emptied(reply, padding) if any(pair("padding", padding)) else reply


@mistake("col2im")
def col2im_cropped_at_the_end(cols, output_size, kernel, stride=1, padding=0, dilation=1):
    """all the padding is cropped at the bottom and at the right

    The first window starts padding pixels before the image, so the crop starts there too.
    """
    (h, w), (p_h, p_w) = pair("output_size", output_size, 1), pair("padding", padding, 0)
    return reference.col2im(cols, (h + 2 * p_h, w + 2 * p_w), kernel, stride, 0, dilation)[:, :, :h, :w]


@mistake("col2im")
def col2im_flipped(cols, output_size, kernel, stride=1, padding=0, dilation=1):
    """the taps are laid down in reverse

    Copies go back to where im2col read them: tap (k, l) of a window lies k rows and l columns from its start.
    """
    k_h, k_w = pair("kernel", kernel, 1)
    taps = cols.reshape(len(cols), -1, k_h * k_w, cols.shape[2])[:, :, ::-1]
    return reference.col2im(taps.reshape(cols.shape), output_size, kernel, stride, padding, dilation)


@mistake("col2im")
def col2im_in_floats(cols, output_size, kernel, stride=1, padding=0, dilation=1):
    """the canvas is made of float64, whatever the input is

    np.zeros makes float64 unless told: np.zeros(shape, cols.dtype).
    """
    return reference.col2im(cols, output_size, kernel, stride, padding, dilation).astype(np.float64)


@mistake("col2im")
def col2im_accepts_too_many(cols, output_size, kernel, stride=1, padding=0, dilation=1):
    """columns beyond the last window are ignored

    cols and output_size then do not belong together: raise ValueError.
    """
    axes = zip(*(pair("", v) for v in (output_size, kernel, stride, padding, dilation)), strict=True)
    out_h, out_w = (convolution.conv_output_size(*axis) for axis in axes)
    return reference.col2im(cols[:, :, : out_h * out_w], output_size, kernel, stride, padding, dilation)
