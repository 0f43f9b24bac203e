"""Right answers to Chapter 1, written differently from the solutions."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from deconv_grader.checks.known_answers import variant


def _both(value):
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


# --- conv_output_size ------------------------------------------------------------------------------------------------


def _refuse_sizes(n, kernel, stride, padding, dilation):
    for value in (n, kernel, stride, padding, dilation):
        if isinstance(value, float):
            raise TypeError("sizes are whole numbers")
    if min(n, kernel, stride, dilation) < 1 or padding < 0:
        raise ValueError("sizes must be positive")


@variant("conv_output_size")
def size_by_listing_the_places(n, kernel, stride=1, padding=0, dilation=1):
    _refuse_sizes(n, kernel, stride, padding, dilation)
    last_tap = dilation * (kernel - 1)
    places = [start for start in range(-padding, n + padding, stride) if start + last_tap < n + padding]
    if not places:
        raise ValueError("the kernel does not fit")
    return len(places)


@variant("conv_output_size")
def size_by_floor(n, kernel, stride=1, padding=0, dilation=1):
    _refuse_sizes(n, kernel, stride, padding, dilation)
    size = math.floor((n + 2 * padding - kernel - (kernel - 1) * (dilation - 1)) / stride + 1)
    if n + 2 * padding < dilation * (kernel - 1) + 1:
        raise ValueError("the kernel does not fit")
    return size


@variant("conv_output_size")
def size_through_numpy(n, kernel, stride=1, padding=0, dilation=1):
    _refuse_sizes(n, kernel, stride, padding, dilation)
    line = np.zeros(n + 2 * padding)
    return int(sliding_window_view(line, dilation * (kernel - 1) + 1)[::stride].shape[0])


# --- correlate2d -----------------------------------------------------------------------------------------------------


def _refuse_kernel(x, w):
    if x.shape[0] != w.shape[0] or x.shape[1] < w.shape[1] or x.shape[2] < w.shape[2]:
        raise ValueError("the kernel does not fit")


@variant("correlate2d")
def correlate_by_five_loops(x, w):
    _refuse_kernel(x, w)
    channels, rows, columns = w.shape
    y = [[0] * (x.shape[2] - columns + 1) for _ in range(x.shape[1] - rows + 1)]
    for i, j in itertools.product(range(len(y)), range(len(y[0]))):
        for c, k, l in itertools.product(range(channels), range(rows), range(columns)):
            y[i][j] += x[c, i + k, j + l] * w[c, k, l]
    return np.array(y, dtype=np.result_type(x, w))


@variant("correlate2d")
def correlate_by_windows(x, w):
    _refuse_kernel(x, w)
    return np.einsum("cijkl,ckl->ij", sliding_window_view(x, w.shape[1:], axis=(1, 2)), w)


@variant("correlate2d")
def correlate_transposed(x, w):
    """Works on the transposed problem and returns a view in Fortran order."""
    _refuse_kernel(x, w)
    windows = sliding_window_view(x.transpose(0, 2, 1), (w.shape[2], w.shape[1]), axis=(1, 2))
    return np.tensordot(windows, w.transpose(0, 2, 1), axes=((0, 3, 4), (0, 1, 2))).T


# --- convolve2d_full -------------------------------------------------------------------------------------------------


def _refuse_axes(x, w):
    if x.ndim != 2 or w.ndim != 2:
        raise ValueError("two axes each")


@variant("convolve2d_full")
def full_by_sliding_the_flipped_kernel(x, w):
    _refuse_axes(x, w)
    rows, columns = w.shape
    padded = np.pad(x, ((rows - 1, rows - 1), (columns - 1, columns - 1)))
    return np.einsum("ijkl,kl->ij", sliding_window_view(padded, (rows, columns)), w[::-1, ::-1])


@variant("convolve2d_full")
def full_by_fft(x, w):
    _refuse_axes(x, w)
    shape = (x.shape[0] + w.shape[0] - 1, x.shape[1] + w.shape[1] - 1)
    y = np.fft.irfft2(np.fft.rfft2(x, shape) * np.fft.rfft2(w, shape), shape)
    dtype = np.result_type(x, w)
    return (np.rint(y) if dtype.kind in "iu" else y).astype(dtype)


@variant("convolve2d_full")
def full_by_stamping_pixels(x, w):
    _refuse_axes(x, w)
    y = np.zeros((x.shape[1] + w.shape[1] - 1, x.shape[0] + w.shape[0] - 1), np.result_type(x, w)).T
    for i, j in np.ndindex(x.shape):
        y[i : i + w.shape[0], j : j + w.shape[1]] += x[i, j] * w
    return y


# --- im2col ----------------------------------------------------------------------------------------------------------


def _places(n, kernel, stride, padding, dilation):
    room = n + 2 * padding - dilation * (kernel - 1) - 1
    if room < 0:
        raise ValueError("the kernel does not fit")
    return room // stride + 1


@variant("im2col")
def columns_by_indices(x, kernel, stride=1, padding=0, dilation=1):
    """One fancy index: row of the pixel, column of the pixel."""
    numbers = tuple(zip(*map(_both, (kernel, stride, padding, dilation)), strict=True))
    down, across = (
        dilation * np.arange(kernel)[:, None] + stride * np.arange(_places(n, kernel, stride, padding, dilation))
        for n, (kernel, stride, padding, dilation) in zip(x.shape[2:], numbers, strict=True)
    )
    (_, _, p_h, _), (_, _, p_w, _) = numbers
    x = np.pad(x, ((0, 0), (0, 0), (p_h, p_h), (p_w, p_w)))
    windows = x[:, :, down[:, None, :, None], across[None, :, None, :]]
    return windows.reshape(x.shape[0], x.shape[1] * windows.shape[2] * windows.shape[3], -1)


@variant("im2col")
def columns_by_loops(x, kernel, stride=1, padding=0, dilation=1):
    """Window by window; the result is in Fortran order."""
    (rows, columns), (s_h, s_w), (p_h, p_w), (d_h, d_w) = map(_both, (kernel, stride, padding, dilation))
    out_h, out_w = _places(x.shape[2], rows, s_h, p_h, d_h), _places(x.shape[3], columns, s_w, p_w, d_w)
    padded = np.zeros((*x.shape[:2], x.shape[2] + 2 * p_h, x.shape[3] + 2 * p_w), x.dtype)
    padded[:, :, p_h : p_h + x.shape[2], p_w : p_w + x.shape[3]] = x
    result = np.zeros((x.shape[0], x.shape[1] * rows * columns, out_h * out_w), x.dtype, order="F")
    for i, j in np.ndindex(out_h, out_w):
        top, left = i * s_h, j * s_w
        window = padded[:, :, top : top + d_h * rows : d_h, left : left + d_w * columns : d_w][:, :, :rows, :columns]
        result[:, :, i * out_w + j] = window.reshape(len(x), -1)
    return result


@variant("im2col")
def columns_by_taps(x, kernel, stride=1, padding=0, dilation=1):
    """Tap by tap: each row of the result is a shifted, thinned image."""
    (rows, columns), (s_h, s_w), (p_h, p_w), (d_h, d_w) = map(_both, (kernel, stride, padding, dilation))
    out_h, out_w = _places(x.shape[2], rows, s_h, p_h, d_h), _places(x.shape[3], columns, s_w, p_w, d_w)
    x = np.pad(x, ((0, 0), (0, 0), (p_h, p_h), (p_w, p_w)))
    result = np.empty((*x.shape[:2], rows, columns, out_h, out_w), x.dtype)
    for k, l in np.ndindex(rows, columns):
        thinned = x[:, :, k * d_h :: s_h, l * d_w :: s_w]
        result[:, :, k, l] = thinned[:, :, :out_h, :out_w]
    return result.reshape(x.shape[0], -1, out_h * out_w)


# --- conv2d ----------------------------------------------------------------------------------------------------------


def _refuse_groups(x, w, bias, groups):
    if groups < 1 or x.shape[1] % groups or w.shape[0] % groups or w.shape[1] * groups != x.shape[1]:
        raise ValueError("channels and groups do not agree")
    if bias is not None and bias.shape != (w.shape[0],):
        raise ValueError("one bias for each filter")


@variant("conv2d")
def conv2d_by_taps(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Loops over the kernel's taps, never over pixels: each tap adds a weighted, shifted, thinned image."""
    _refuse_groups(x, w, bias, groups)
    (s_h, s_w), (p_h, p_w), (d_h, d_w) = map(_both, (stride, padding, dilation))
    filters, group_channels, rows, columns = w.shape
    out_h, out_w = _places(x.shape[2], rows, s_h, p_h, d_h), _places(x.shape[3], columns, s_w, p_w, d_w)
    x = np.pad(x, ((0, 0), (0, 0), (p_h, p_h), (p_w, p_w)))
    y = np.zeros((x.shape[0], filters, out_h, out_w), np.result_type(x, w))
    each = filters // groups
    for k, l in np.ndindex(rows, columns):
        thinned = x[:, :, k * d_h :: s_h, l * d_w :: s_w][:, :, :out_h, :out_w]
        for g in range(groups):
            block = thinned[:, g * group_channels : (g + 1) * group_channels]
            y[:, g * each : (g + 1) * each] += np.einsum("oc,ncij->noij", w[g * each : (g + 1) * each, :, k, l], block)
    return y if bias is None else (y + bias.reshape(1, -1, 1, 1)).astype(y.dtype)


@variant("conv2d")
def conv2d_by_tensordot(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Windows and tensordot, one group after the other; the channels come last in memory."""
    _refuse_groups(x, w, bias, groups)
    (s_h, s_w), (p_h, p_w), (d_h, d_w) = map(_both, (stride, padding, dilation))
    _places(x.shape[2], w.shape[2], s_h, p_h, d_h), _places(x.shape[3], w.shape[3], s_w, p_w, d_w)
    x = np.pad(x, ((0, 0), (0, 0), (p_h, p_h), (p_w, p_w)))
    extent = (d_h * (w.shape[2] - 1) + 1, d_w * (w.shape[3] - 1) + 1)
    windows = sliding_window_view(x, extent, axis=(2, 3))[:, :, ::s_h, ::s_w, ::d_h, ::d_w]
    parts = [
        np.tensordot(block, filters, axes=((1, 4, 5), (1, 2, 3)))
        for block, filters in zip(np.split(windows, groups, axis=1), np.split(w, groups, axis=0), strict=True)
    ]
    y = np.concatenate(parts, axis=-1)
    if bias is not None:
        y = (y + bias).astype(y.dtype)
    return np.moveaxis(y, -1, 1)


@variant("conv2d")
def conv2d_with_a_wide_kernel(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Groups as zeros in a full kernel, dilation as zeros between taps, stride as a slice of the dense answer."""
    _refuse_groups(x, w, bias, groups)
    (s_h, s_w), (p_h, p_w), (d_h, d_w) = map(_both, (stride, padding, dilation))
    filters, group_channels, rows, columns = w.shape
    wide = np.zeros((filters, x.shape[1], d_h * (rows - 1) + 1, d_w * (columns - 1) + 1), w.dtype)
    for o in range(filters):
        first = o // (filters // groups) * group_channels
        wide[o, first : first + group_channels, ::d_h, ::d_w] = w[o]
    x = np.pad(x, ((0, 0), (0, 0), (p_h, p_h), (p_w, p_w)))
    windows = sliding_window_view(x, wide.shape[2:], axis=(2, 3))  # a kernel that does not fit: ValueError
    y = np.einsum("ncijkl,ockl->noij", windows, wide, optimize=True)[:, :, ::s_h, ::s_w]
    return np.array(y if bias is None else y + bias[:, None, None], np.result_type(x, w))


# --- receptive_field -------------------------------------------------------------------------------------------------


def _refuse_layers(layers):
    for layer in layers:
        kernel, stride, padding = layer  # ValueError unless three
        if kernel < 1 or stride < 1 or padding < 0:
            raise ValueError("kernel and stride must be at least 1, padding at least 0")


@variant("receptive_field")
def field_from_the_last_layer(layers):
    """Follows the first two units back to the image."""
    _refuse_layers(layers)

    def back(unit):
        first = last = unit
        for kernel, stride, padding in reversed(layers):
            first, last = first * stride - padding, last * stride - padding + kernel - 1
        return first, last

    first, last = back(0)
    return last - first + 1, back(1)[0] - first, first


@variant("receptive_field")
def field_by_sums_and_products(layers):
    _refuse_layers(layers)
    jumps = [math.prod(stride for _, stride, _ in layers[:n]) for n in range(len(layers) + 1)]
    return (
        1 + sum((kernel - 1) * jump for (kernel, _, _), jump in zip(layers, jumps, strict=False)),
        jumps[-1],
        -sum(padding * jump for (_, _, padding), jump in zip(layers, jumps, strict=False)),
    )


@variant("receptive_field")
def field_as_a_set_of_pixels(layers):
    """Keeps the pixels of two units as sets."""
    _refuse_layers(layers)
    units = [{0}, {1}]
    for kernel, stride, padding in reversed(layers):
        units = [{u * stride - padding + k for u in seen for k in (0, kernel - 1)} for seen in units]
    return max(units[0]) - min(units[0]) + 1, min(units[1]) - min(units[0]), min(units[0])
