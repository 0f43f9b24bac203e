"""Unpooling, worked. Chapter 5."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from deconvlib.course.arguments import array, pair


def max_pool2d(
    x: np.ndarray,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
) -> tuple[np.ndarray, np.ndarray]:
    x = array("x", x, "NCHW")
    kernel, stride, padding = _window(kernel, stride, padding)
    rows, columns = (_reads(*axis) for axis in zip(x.shape[2:], kernel, stride, padding, strict=True))
    # Flat index of every pixel that every window reads: (out_h, out_w, K * L).
    places = rows[:, None, :, None] * x.shape[3] + columns[None, :, None, :]
    places = places.reshape(len(rows), len(columns), -1)
    values = x.reshape(*x.shape[:2], -1)[:, :, places]
    best = values.argmax(axis=-1)  # the first of equal values; a NaN counts as the largest
    y = np.take_along_axis(values, best[..., None], axis=-1)[..., 0]
    switches = np.take_along_axis(places[None, None], best[..., None], axis=-1)[..., 0]
    return y, switches.astype(np.int64)


def sliding_max(y: np.ndarray, kernel: int | tuple[int, int]) -> np.ndarray:
    y = array("y", y, "HW")
    kernel = pair("kernel", kernel, 1)
    if 0 in y.shape:
        raise ValueError(f"y must hold at least one value, got shape {y.shape}")
    # Padding by kernel - 1 makes x(u) look back at y(u-K+1) ... y(u). The maximum over a rectangle
    # is a maximum over rows and then over columns: K + L comparisons a pixel in place of K * L.
    rows, columns = (_reads(n, k, 1, k - 1) for n, k in zip(y.shape, kernel, strict=True))
    return y[rows].max(axis=1)[:, columns].max(axis=2)


def max_unpool2d(y: np.ndarray, switches: np.ndarray, output_size: int | tuple[int, int]) -> np.ndarray:
    y = array("y", y, "NCHW")
    switches = array("switches", switches, "NCHW")
    height, width = pair("output_size", output_size, 1)
    if switches.dtype.kind not in "iu":
        raise TypeError(f"switches must hold whole numbers, got dtype {switches.dtype}")
    if switches.shape != y.shape:
        raise ValueError(f"switches must have the shape of y {y.shape}, got {switches.shape}")
    if switches.size and (switches.min() < 0 or switches.max() >= height * width):
        raise ValueError(
            f"switches must lie from 0 to {height * width - 1} for an output_size of {(height, width)}, "
            f"got {switches.min()} to {switches.max()}"
        )
    planes = y.shape[0] * y.shape[1]
    x = np.zeros((planes, height * width), y.dtype)
    # np.add.at, because x[plane, switch] += value would keep only one of the values that share a switch.
    np.add.at(x, (np.arange(planes)[:, None], switches.reshape(planes, -1)), y.reshape(planes, -1))
    return x.reshape(*y.shape[:2], height, width)


def avg_pool2d(
    x: np.ndarray,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
) -> np.ndarray:
    x = array("x", x, "NCHW")
    kernel, stride, padding = _window(kernel, stride, padding)
    for axis in zip(x.shape[2:], kernel, stride, padding, strict=True):
        _reads(*axis)  # refuses a kernel that does not fit
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    windows = sliding_window_view(x, kernel, axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    return windows.mean(axis=(4, 5), dtype=None if x.dtype.kind in "fc" else np.float64)


def avg_unpool2d(
    y: np.ndarray,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    output_size: int | tuple[int, int] | None = None,
) -> np.ndarray:
    y = array("y", y, "NCHW")
    kernel, stride, padding = _window(kernel, stride, padding)
    height, width = _unpooled_size(y.shape[2:], kernel, stride, padding, output_size)
    top, left = padding
    share = np.divide(y, kernel[0] * kernel[1], dtype=y.dtype if y.dtype.kind in "fc" else np.float64)
    padded = np.zeros((*y.shape[:2], height + 2 * top, width + 2 * left), share.dtype)
    for rows, columns in _taps(y.shape[2:], kernel, stride):
        padded[:, :, rows, columns] += share
    return padded[:, :, top : top + height, left : left + width].copy()


def min_unpool2d(
    y: np.ndarray,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    output_size: int | tuple[int, int] | None = None,
) -> np.ndarray:
    y = array("y", y, "NCHW")
    kernel, stride, _ = _window(kernel, stride)
    height, width = _unpooled_size(y.shape[2:], kernel, stride, (0, 0), output_size)
    x = np.full((*y.shape[:2], height, width), _top(y.dtype), y.dtype)
    # Pixel (k, l) of every window at once. Windows meet a pixel one after another; the smallest stays.
    for rows, columns in _taps(y.shape[2:], kernel, stride):
        np.minimum(x[:, :, rows, columns], y, out=x[:, :, rows, columns])
    return x


def _window(kernel, stride, padding=0) -> tuple[tuple[int, int], ...]:
    """Kernel, stride and padding as checked pairs."""
    kernel = pair("kernel", kernel, 1)
    stride = kernel if stride is None else pair("stride", stride, 1)
    padding = pair("padding", padding, 0)
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(f"padding must be at most half of the kernel {kernel}, got {padding}")
    return kernel, stride, padding


def _reads(n: int, kernel: int, stride: int, padding: int) -> np.ndarray:
    """Which of n pixels each window along an axis reads: (windows, kernel).

    A place in the padding is moved to the nearest pixel. The window holds that pixel anyway, so
    it changes no maximum and no order, and padding never wins.
    """
    if n < 1 or kernel > n + 2 * padding:
        raise ValueError(f"kernel must fit into the padded input: {kernel} pixels do not fit into {n + 2 * padding}")
    starts = np.arange(0, n + 2 * padding - kernel + 1, stride) - padding
    return np.clip(starts[:, None] + np.arange(kernel), 0, n - 1)


def _taps(pooled, kernel, stride):
    """For each pixel of the window, the slices of the big plane that all windows cover with it."""
    for k in range(kernel[0]):
        for l in range(kernel[1]):
            yield tuple(
                slice(first, first + step * (n - 1) + 1, step)
                for first, step, n in zip((k, l), stride, pooled, strict=True)
            )


def _unpooled_size(pooled, kernel, stride, padding, output_size):
    """The size asked for, if pooling it gives the size `pooled`; by default what the windows cover."""
    if 0 in pooled:
        raise ValueError(f"y must hold at least one value a plane, got a plane of shape {tuple(pooled)}")
    covered = [(n - 1) * s + k - 2 * p for n, k, s, p in zip(pooled, kernel, stride, padding, strict=True)]
    size = tuple(covered) if output_size is None else pair("output_size", output_size, 1)
    for axis, n, least, step in zip(("height", "width"), size, covered, stride, strict=True):
        largest = least + step - 1
        if not max(least, 1) <= n <= largest:
            raise ValueError(
                f"output_size must have a {axis} from {max(least, 1)} to {largest}, "
                f"the sizes that pool to {tuple(pooled)}; got {n}"
            )
    return size


def _top(dtype):
    """No bound: +inf, or the largest number of an integer dtype."""
    if dtype.kind in "iu":
        return np.iinfo(dtype).max
    return True if dtype.kind == "b" else np.inf
