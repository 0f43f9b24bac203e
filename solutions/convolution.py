"""Worked answers to Chapter 1, convolution."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from deconvlib.course.arguments import array, integer, pair


def conv_output_size(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    n = integer("n", n, 1)
    kernel = integer("kernel", kernel, 1)
    stride = integer("stride", stride, 1)
    padding = integer("padding", padding, 0)
    dilation = integer("dilation", dilation, 1)
    extent = dilation * (kernel - 1) + 1  # from the kernel's first tap to its last
    room = n + 2 * padding - extent  # how far the window can move
    if room < 0:
        raise ValueError(f"kernel must fit in the padded input: it spans {extent} pixels of {n + 2 * padding}")
    return room // stride + 1  # the window's first place, and one more for every full step


def correlate2d(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    x = array("x", x, axes="CHW")
    w = array("w", w, axes="CKL")
    channels, height, width = x.shape
    if w.shape[0] != channels:
        raise ValueError(f"w must have the {channels} channels of x, got {w.shape[0]}")
    _, k_height, k_width = w.shape
    out_h, out_w = height - k_height + 1, width - k_width + 1
    if min(k_height, k_width) < 1 or min(out_h, out_w) < 1:
        raise ValueError(f"w must fit in x: a {k_height} x {k_width} kernel, a {height} x {width} image")
    y = np.zeros((out_h, out_w), np.result_type(x, w))
    # The loops of the formula, with the two over pixels done by slices: one tap, all outputs at once.
    for k in range(k_height):
        for l in range(k_width):
            for c in range(channels):
                y += w[c, k, l] * x[c, k : k + out_h, l : l + out_w]
    return y


def convolve2d_full(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    x = array("x", x, axes="HW")
    w = array("w", w, axes="KL")
    height, width = x.shape
    k_height, k_width = w.shape
    y = np.zeros((height + k_height - 1, width + k_width - 1), np.result_type(x, w))
    # Pixel (i, j) goes to (i + k, j + l) with weight w[k, l]: each tap adds a shifted copy of the image.
    for k in range(k_height):
        for l in range(k_width):
            y[k : k + height, l : l + width] += w[k, l] * x
    return y


def im2col(
    x: np.ndarray,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
) -> np.ndarray:
    x = array("x", x, axes="NCHW")
    k_height, k_width = pair("kernel", kernel, 1)
    s_height, s_width = pair("stride", stride, 1)
    p_height, p_width = pair("padding", padding, 0)
    d_height, d_width = pair("dilation", dilation, 1)
    batch, channels, height, width = x.shape
    out_h = conv_output_size(height, k_height, s_height, p_height, d_height)
    out_w = conv_output_size(width, k_width, s_width, p_width, d_width)
    x = np.pad(x, ((0, 0), (0, 0), (p_height, p_height), (p_width, p_width)))  # always a copy, so never the caller's
    extent = (d_height * (k_height - 1) + 1, d_width * (k_width - 1) + 1)
    windows = sliding_window_view(x, extent, axis=(2, 3))  # (N, C, rows, columns, K', L'), no copy
    windows = windows[:, :, ::s_height, ::s_width, ::d_height, ::d_width]  # stride picks windows, dilation picks taps
    return windows.transpose(0, 1, 4, 5, 2, 3).reshape(batch, channels * k_height * k_width, out_h * out_w)


def conv2d(
    x: np.ndarray,
    w: np.ndarray,
    bias: np.ndarray | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> np.ndarray:
    x = array("x", x, axes="NCHW")
    w = array("w", w, axes="OCKL")
    groups = integer("groups", groups, 1)
    batch, channels, height, width = x.shape
    filters, group_channels, k_height, k_width = w.shape
    if channels % groups or filters % groups:
        raise ValueError(f"groups must divide the {channels} input and {filters} output channels, got {groups}")
    if group_channels * groups != channels:
        raise ValueError(f"w must have C_in / groups = {channels // groups} channels on axis 1, got {group_channels}")
    s_height, s_width = pair("stride", stride, 1)
    p_height, p_width = pair("padding", padding, 0)
    d_height, d_width = pair("dilation", dilation, 1)
    out_h = conv_output_size(height, k_height, s_height, p_height, d_height)
    out_w = conv_output_size(width, k_width, s_width, p_width, d_width)

    # Group g reads its own block of input channels and writes its own block of output channels,
    # and both blocks are contiguous: a reshape is all that groups need.
    taps = group_channels * k_height * k_width
    columns = im2col(x, (k_height, k_width), stride, padding, dilation).reshape(batch, groups, taps, out_h * out_w)
    y = w.reshape(groups, filters // groups, taps) @ columns  # (N, groups, filters of a group, pixels)
    y = y.reshape(batch, filters, out_h, out_w)
    if bias is not None:
        bias = array("bias", bias, axes="O")
        if bias.shape != (filters,):
            raise ValueError(f"bias must hold one number for each of the {filters} filters, got {bias.size}")
        y += bias[:, None, None]
    return y


def receptive_field(layers: list[tuple[int, int, int]]) -> tuple[int, int, int]:
    size, jump, offset = 1, 1, 0  # no layer yet: a unit is its own pixel
    for number, layer in enumerate(layers):
        if not isinstance(layer, tuple | list) or len(layer) != 3:
            raise ValueError(f"layers[{number}] must be (kernel, stride, padding), got {layer!r}")
        kernel = integer(f"layers[{number}] kernel", layer[0], 1)
        stride = integer(f"layers[{number}] stride", layer[1], 1)
        padding = integer(f"layers[{number}] padding", layer[2], 0)
        # Neighbors in this layer's input lie `jump` pixels apart in the image.
        size += (kernel - 1) * jump
        offset -= padding * jump
        jump *= stride
    return size, jump, offset
