"""Worked answers to Chapter 3, transposed convolution."""

from __future__ import annotations

import numpy as np

from deconv_solutions.convolution import conv_output_size
from deconvlib.course.arguments import array, integer, pair


def conv_transpose_output_size(
    n: int, kernel: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    n = integer("n", n, 1)
    kernel = integer("kernel", kernel, 1)
    stride = integer("stride", stride, 1)
    padding = integer("padding", padding, 0)
    output_padding = integer("output_padding", output_padding, 0)
    dilation = integer("dilation", dilation, 1)
    if output_padding >= max(stride, dilation):
        raise ValueError(
            f"output_padding must be smaller than stride or dilation ({stride}, {dilation}), got {output_padding}"
        )
    stamped = (n - 1) * stride + dilation * (kernel - 1) + 1  # from the first stamp's start to the last one's end
    size = stamped - 2 * padding + output_padding
    if size < 1:
        raise ValueError(f"padding must leave something over: {padding} is cropped from both ends of {stamped} pixels")
    return size


def output_padding_for(n_in: int, n_out: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    n_in = integer("n_in", n_in, 1)
    n_out = integer("n_out", n_out, 1)
    kernel = integer("kernel", kernel, 1)
    stride = integer("stride", stride, 1)
    padding = integer("padding", padding, 0)
    dilation = integer("dilation", dilation, 1)
    # Written out and not taken from conv_transpose_output_size: that one refuses sizes below 1.
    smallest = (n_in - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding
    largest = smallest + stride - 1
    if largest < 1:
        raise ValueError(f"padding must leave something over, got {padding}: the largest size would be {largest}")
    if not smallest <= n_out <= largest:
        raise ValueError(f"n_out must be from {max(smallest, 1)} to {largest} to come from {n_in}, got {n_out}")
    return n_out - smallest


def stamp_transpose2d(
    y: np.ndarray,
    w: np.ndarray,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
) -> np.ndarray:
    y = array("y", y, axes="NCHW")
    w = array("w", w, axes="IOKL")
    batch, channels, height, width = y.shape
    if w.shape[0] != channels:
        raise ValueError(f"w must have the {channels} channels of y on axis 0, got shape {w.shape}")
    _, filters, k_height, k_width = w.shape
    s_height, s_width = pair("stride", stride, 1)
    p_height, p_width = pair("padding", padding, 0)
    e_height, e_width = pair("output_padding", output_padding, 0)
    out_h = conv_transpose_output_size(height, k_height, s_height, p_height, e_height)
    out_w = conv_transpose_output_size(width, k_width, s_width, p_width, e_width)

    # A canvas that holds every stamp and the frame that padding takes away again.
    canvas = np.zeros((batch, filters, out_h + 2 * p_height, out_w + 2 * p_width), np.result_type(y, w))
    for i in range(height):
        for j in range(width):
            # One pixel, all its channels: (N, C_in) times (C_in, C_out, K, L) is one stamp for each image.
            stamp = np.tensordot(y[:, :, i, j], w, axes=1)
            top, left = i * s_height, j * s_width
            canvas[:, :, top : top + k_height, left : left + k_width] += stamp
    return canvas[:, :, p_height : p_height + out_h, p_width : p_width + out_w]


def insert_zeros(y: np.ndarray, stride: int | tuple[int, int]) -> np.ndarray:
    y = array("y", y, axes="NCHW")
    s_height, s_width = pair("stride", stride, 1)
    batch, channels, height, width = y.shape
    spread = np.zeros((batch, channels, (height - 1) * s_height + 1, (width - 1) * s_width + 1), y.dtype)
    spread[:, :, ::s_height, ::s_width] = y
    return spread


def col2im(
    cols: np.ndarray,
    output_size: int | tuple[int, int],
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
) -> np.ndarray:
    cols = array("cols", cols, axes="NRP")
    height, width = pair("output_size", output_size, 1)
    k_height, k_width = pair("kernel", kernel, 1)
    s_height, s_width = pair("stride", stride, 1)
    p_height, p_width = pair("padding", padding, 0)
    d_height, d_width = pair("dilation", dilation, 1)
    batch, rows, places = cols.shape
    if rows % (k_height * k_width):
        raise ValueError(f"cols must have a multiple of {k_height} x {k_width} rows, got {rows}")
    out_h = conv_output_size(height, k_height, s_height, p_height, d_height)
    out_w = conv_output_size(width, k_width, s_width, p_width, d_width)
    if places != out_h * out_w:
        raise ValueError(f"cols must have {out_h} x {out_w} = {out_h * out_w} columns, one a window, got {places}")
    taps = cols.reshape(batch, -1, k_height, k_width, out_h, out_w)
    return _add_up(taps, (height, width), (s_height, s_width), (p_height, p_width), (d_height, d_width))


def conv_transpose2d(
    y: np.ndarray,
    w: np.ndarray,
    bias: np.ndarray | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> np.ndarray:
    y = array("y", y, axes="NCHW")
    w = array("w", w, axes="IOKL")
    groups = integer("groups", groups, 1)
    batch, channels, height, width = y.shape
    _, group_filters, k_height, k_width = w.shape
    if w.shape[0] != channels:
        raise ValueError(f"w must have the {channels} channels of y on axis 0, got shape {w.shape}")
    if channels % groups:
        raise ValueError(f"groups must divide the {channels} input channels, got {groups}")
    s_height, s_width = pair("stride", stride, 1)
    p_height, p_width = pair("padding", padding, 0)
    e_height, e_width = pair("output_padding", output_padding, 0)
    d_height, d_width = pair("dilation", dilation, 1)
    out_h = conv_transpose_output_size(height, k_height, s_height, p_height, e_height, d_height)
    out_w = conv_transpose_output_size(width, k_width, s_width, p_width, e_width, d_width)

    # conv2d is W @ im2col(x). Its transpose runs backwards: Wᵀ first, then the transpose of im2col. (Zero insertion
    # and a flipped kernel give the same numbers; they multiply stride x stride times as often, mostly by zero.)
    w_transposed = w.reshape(groups, channels // groups, -1).transpose(0, 2, 1)  # (groups, C_out K L / groups, C_in)
    columns = w_transposed @ y.reshape(batch, groups, channels // groups, height * width)
    taps = columns.reshape(batch, groups * group_filters, k_height, k_width, height, width)
    x = _add_up(taps, (out_h, out_w), (s_height, s_width), (p_height, p_width), (d_height, d_width))
    if bias is not None:
        bias = array("bias", bias, axes="O")
        if bias.size != x.shape[1]:
            raise ValueError(f"bias must hold one number for each of the {x.shape[1]} output channels, got {bias.size}")
        x += bias[:, None, None]
    return x


def _add_up(
    taps: np.ndarray,
    size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
) -> np.ndarray:
    """Add what every window brings, (N, C, K, L, rows, columns), where the window lies in images of `size`."""
    batch, channels, k_height, k_width, rows, columns = taps.shape
    canvas = np.zeros((batch, channels, size[0] + 2 * padding[0], size[1] + 2 * padding[1]), taps.dtype)
    # One tap of the kernel lands on a regular grid of pixels: K * L additions, whatever the size of the image.
    for k in range(k_height):
        for l in range(k_width):
            top, left = k * dilation[0], l * dilation[1]
            below, right = top + rows * stride[0], left + columns * stride[1]
            canvas[:, :, top : below : stride[0], left : right : stride[1]] += taps[:, :, k, l]
    return canvas[:, :, padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]]
