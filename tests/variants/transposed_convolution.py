"""Right answers to Chapter 3 in other words: other loops, other memory layouts, other arithmetic."""

from __future__ import annotations

import itertools

import numpy as np

from deconv_grader.checks.known_answers import variant
from deconv_solutions.convolution import conv2d, conv_output_size, im2col
from deconv_solutions.transposed_convolution import col2im, conv_transpose_output_size, insert_zeros
from deconvlib.course.arguments import pair


def sizes(y, w, stride, padding, output_padding, dilation=1):
    axes = (y.shape[2:], w.shape[2:], *(pair("", v, 0) for v in (stride, padding, output_padding, dilation)))
    return tuple(conv_transpose_output_size(*axis) for axis in zip(*axes, strict=True))


# --- stamp_transpose2d -----------------------------------------------------------------------------------------------


@variant("stamp_transpose2d")
def stamp_by_taps(y, w, stride=1, padding=0, output_padding=0):
    """A loop over the kernel's taps in place of the pixels, into Fortran memory."""
    if y.shape[1] != w.shape[0]:
        raise ValueError("channels differ")
    out_h, out_w = sizes(y, w, stride, padding, output_padding)
    (s_h, s_w), (p_h, p_w) = pair("", stride), pair("", padding)
    shape = (len(y), w.shape[1], out_h + 2 * p_h, out_w + 2 * p_w)
    canvas = np.zeros(shape, np.result_type(y, w), order="F")
    for k, l in np.ndindex(w.shape[2:]):
        layer = np.einsum("nihw,io->nohw", y, w[:, :, k, l])
        canvas[:, :, k : k + s_h * y.shape[2] : s_h, l : l + s_w * y.shape[3] : s_w] += layer
    return canvas[:, :, p_h : p_h + out_h, p_w : p_w + out_w]


@variant("stamp_transpose2d")
def stamp_cell_by_cell(y, w, stride=1, padding=0, output_padding=0):
    """Plain loops over everything; each product goes straight to its place, or nowhere."""
    if y.shape[1] != w.shape[0]:
        raise ValueError("channels differ")
    out = sizes(y, w, stride, padding, output_padding)
    stride, padding = pair("", stride), pair("", padding)
    reply = np.zeros((len(y), w.shape[1], *out), np.result_type(y, w))
    for i, j in np.ndindex(y.shape[2:]):
        for k, l in np.ndindex(w.shape[2:]):
            u, v = i * stride[0] + k - padding[0], j * stride[1] + l - padding[1]
            if 0 <= u < out[0] and 0 <= v < out[1]:
                reply[:, :, u, v] += y[:, :, i, j] @ w[:, :, k, l]
    return reply


# --- conv_transpose_output_size --------------------------------------------------------------------------------------


@variant("conv_transpose_output_size")
def size_by_counting(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """The furthest pixel that any tap reaches, plus one."""
    if min(n, kernel, stride, dilation) < 1 or min(padding, output_padding) < 0:
        raise ValueError("out of range")
    if output_padding >= stride and output_padding >= dilation:
        raise ValueError("output_padding too large")
    furthest = max(i * stride + k * dilation for i, k in itertools.product(range(n), range(kernel)))
    size = furthest + 1 - 2 * padding + output_padding
    if size <= 0:
        raise ValueError("nothing left over")
    return size


@variant("conv_transpose_output_size")
def size_by_search(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """The smallest input that a convolution maps to n, as far as there is one, and more."""
    if any(value < low for value, low in ((n, 1), (kernel, 1), (stride, 1), (dilation, 1))):
        raise ValueError("out of range")
    if padding < 0 or not 0 <= output_padding < max(stride, dilation):
        raise ValueError("padding out of range")
    unpadded = next(
        size
        for size in itertools.count(dilation * (kernel - 1) + 1)
        if conv_output_size(size, kernel, stride, 0, dilation) == n
    )
    size = unpadded - 2 * padding + output_padding
    if size < 1:
        raise ValueError("nothing left over")
    return size


# --- output_padding_for ----------------------------------------------------------------------------------------------


@variant("output_padding_for")
def output_padding_by_trying(n_in, n_out, kernel, stride=1, padding=0, dilation=1):
    """Ask the convolution which sizes it maps to n_in."""
    longest = n_in * stride + dilation * kernel
    reach = []
    for size in range(1, longest + 1):
        try:
            if conv_output_size(size, kernel, stride, padding, dilation) == n_in:
                reach.append(size)
        except ValueError:
            continue
    if not reach:
        raise ValueError("no size is mapped to n_in")
    if n_out not in reach:
        raise ValueError(f"a convolution maps sizes {reach[0]}..{reach[-1]} to {n_in}, got {n_out}")
    return (n_out + 2 * padding - dilation * (kernel - 1) - 1) % stride


@variant("output_padding_for")
def output_padding_by_division(n_in, n_out, kernel, stride=1, padding=0, dilation=1):
    """Quotient and remainder of the convolution's own size formula."""
    room = n_out + 2 * padding - (dilation * (kernel - 1) + 1)
    steps, extra = divmod(room, stride)
    if n_out < 1 or steps + 1 != n_in:
        smallest = n_out - room + (n_in - 1) * stride
        raise ValueError(f"the smallest size is {max(1, smallest)}, the largest {smallest + stride - 1}")
    return int(extra)


# --- insert_zeros ----------------------------------------------------------------------------------------------------


@variant("insert_zeros")
def zeros_by_product(y, stride):
    """A Kronecker product with a kernel that is 1 in its corner."""
    s_h, s_w = pair("stride", stride, 1)
    corner = np.zeros((s_h, s_w), y.dtype)
    corner[0, 0] = 1
    return np.kron(y, corner)[:, :, : (y.shape[2] - 1) * s_h + 1, : (y.shape[3] - 1) * s_w + 1]


@variant("insert_zeros")
def zeros_by_loop(y, stride):
    """Pixel by pixel, into Fortran memory."""
    s_h, s_w = pair("stride", stride, 1)
    n, c, h, w = y.shape
    reply = np.zeros((n, c, h * s_h - s_h + 1, w * s_w - s_w + 1), dtype=y.dtype, order="F")
    for i in range(h):
        for j in range(w):
            reply[:, :, s_h * i, s_w * j] = y[:, :, i, j]
    return reply


# --- col2im ----------------------------------------------------------------------------------------------------------


@variant("col2im")
def col2im_by_scatter(cols, output_size, kernel, stride=1, padding=0, dilation=1):
    """Let im2col say where each entry was read, and scatter."""
    height, width = pair("output_size", output_size, 1)
    k_h, k_w = pair("kernel", kernel, 1)
    numbers = np.arange(1, height * width + 1).reshape(1, 1, height, width)  # 0 will be the padding
    homes = im2col(numbers, kernel, stride, padding, dilation)[0]
    batch, rows, places = cols.shape
    if rows % (k_h * k_w) or places != homes.shape[1]:
        raise ValueError("cols do not fit")
    planes = cols.reshape(batch, -1, *homes.shape)
    pixels = np.zeros((height * width + 1, *planes.shape[:2]), cols.dtype)
    np.add.at(pixels, homes, planes.transpose(2, 3, 0, 1))
    return pixels[1:].transpose(1, 2, 0).reshape(batch, -1, height, width)


@variant("col2im")
def col2im_by_matrix(cols, output_size, kernel, stride=1, padding=0, dilation=1):
    """The transpose of im2col's own matrix of ones and zeros; the image axis ends up last but one in memory."""
    height, width = pair("output_size", output_size, 1)
    k_h, k_w = pair("kernel", kernel, 1)
    units = np.eye(height * width, dtype=cols.dtype).reshape(-1, 1, height, width)
    picks = im2col(units, kernel, stride, padding, dilation)  # (pixels, K L, windows)
    batch, rows, places = cols.shape
    if rows % (k_h * k_w) or places != picks.shape[2]:
        raise ValueError("cols do not fit")
    planes = cols.reshape(batch, -1, k_h * k_w, places)
    reply = np.tensordot(picks, planes, axes=([1, 2], [2, 3]))  # (pixels, N, C)
    return np.moveaxis(reply.reshape(height, width, batch, -1), (2, 3), (0, 1))


# --- conv_transpose2d ------------------------------------------------------------------------------------------------


def validated(y, w, bias, groups):
    if w.shape[0] != y.shape[1] or y.shape[1] % groups:
        raise ValueError("channels do not fit")
    if bias is not None and bias.shape != (w.shape[1] * groups,):
        raise ValueError("bias does not fit")


@variant("conv_transpose2d")
def conv_transpose_by_zero_insertion(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """Spread, pad, and convolve with the flipped kernel."""
    validated(y, w, bias, groups)
    out_h, out_w = sizes(y, w, stride, padding, output_padding, dilation)
    (p_h, p_w), (e_h, e_w), (d_h, d_w) = pair("", padding), pair("", output_padding), pair("", dilation)
    c_in, each, k_h, k_w = w.shape
    flipped = w.reshape(groups, c_in // groups, each, k_h, k_w).swapaxes(1, 2)[..., ::-1, ::-1]
    flipped = flipped.reshape(groups * each, c_in // groups, k_h, k_w)
    top, left = d_h * (k_h - 1), d_w * (k_w - 1)
    spread = np.pad(insert_zeros(y, stride), ((0, 0), (0, 0), (top, top + e_h), (left, left + e_w)))
    return conv2d(spread, flipped, bias, 1, 0, dilation, groups)[:, :, p_h : p_h + out_h, p_w : p_w + out_w]


@variant("conv_transpose2d")
def conv_transpose_by_columns(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """A loop over groups; Wᵀ @ y, then col2im on the canvas before cropping. Channels lie last in memory."""
    validated(y, w, bias, groups)
    out_h, out_w = sizes(y, w, stride, padding, output_padding, dilation)
    (p_h, p_w), (e_h, e_w) = pair("", padding), pair("", output_padding)
    whole_h, whole_w = sizes(y, w, stride, 0, 0, dilation)
    parts = []
    for maps, kernels in zip(np.split(y, groups, axis=1), np.split(w, groups), strict=True):
        matrix = kernels.reshape(len(kernels), -1)
        columns = np.einsum("ir,nip->nrp", matrix, maps.reshape(len(y), len(kernels), -1))
        parts.append(col2im(columns, (whole_h, whole_w), w.shape[2:], stride, 0, dilation))
    canvas = np.pad(np.concatenate(parts, axis=1), ((0, 0), (0, 0), (0, e_h), (0, e_w)))
    reply = np.asarray(canvas[:, :, p_h : p_h + out_h, p_w : p_w + out_w].transpose(0, 2, 3, 1), order="C")
    if bias is not None:
        reply = reply + bias.astype(reply.dtype)
    return reply.transpose(0, 3, 1, 2)


@variant("conv_transpose2d")
def conv_transpose_by_fft(y, w, bias=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """True convolution of the spread image with the spread kernel, in the frequency domain; whole numbers are rounded."""
    validated(y, w, bias, groups)
    out_h, out_w = sizes(y, w, stride, padding, output_padding, dilation)
    (p_h, p_w), dtype = pair("", padding), np.result_type(y, w)
    spread, kernel = insert_zeros(y, stride), insert_zeros(w, dilation)
    shape = (out_h + 2 * p_h, out_w + 2 * p_w)
    shape = tuple(max(a, b) for a, b in zip(shape, sizes(y, w, stride, 0, 0, dilation), strict=True))
    maps = np.fft.rfft2(spread.astype(np.float64), shape)
    taps = np.fft.rfft2(kernel.astype(np.float64), shape)
    maps = maps.reshape(len(y), groups, -1, *maps.shape[2:])
    taps = taps.reshape(groups, -1, *taps.shape[1:])
    product = np.einsum("ngihw,giohw->ngohw", maps, taps)
    whole = np.fft.irfft2(product.reshape(len(y), -1, *product.shape[3:]), shape)
    whole = np.rint(whole) if dtype.kind == "i" else whole
    reply = whole[:, :, p_h : p_h + out_h, p_w : p_w + out_w].astype(dtype)
    return reply if bias is None else reply + bias.astype(dtype)[:, None, None]
