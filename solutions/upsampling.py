"""Worked answers to Chapter 6, upsampling."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deconv_solutions.convolution import conv2d
from deconvlib.course.arguments import array, integer, pair


def overlap_map(n: int, kernel: int, stride: int) -> np.ndarray:
    n = integer("n", n, 1)
    kernel = integer("kernel", kernel, 1)
    stride = integer("stride", stride, 1)
    counts = np.zeros((n - 1) * stride + kernel, np.int64)
    for start in range(0, n * stride, stride):
        counts[start : start + kernel] += 1
    return counts


def checkerboard_energy(image: np.ndarray, stride: int | tuple[int, int]) -> float:
    image = array("image", image, axes="HW")
    s_height, s_width = pair("stride", stride, 1)
    height, width = (n // s * s for n, s in zip(image.shape, (s_height, s_width), strict=True))
    if height == 0 or width == 0:
        raise ValueError(f"stride must leave something of the image: {(s_height, s_width)} and shape {image.shape}")
    image = image[:height, :width]
    if (image == image[0, 0]).all():
        return 0.0
    # The spectrum at (a/s, b/s) is the spectrum of the s x s phase means, times their number. By Parseval the power
    # without the mean's is a variance, on both sides: no Fourier transform is needed.
    phases = image.reshape(height // s_height, s_height, width // s_width, s_width).mean(
        axis=(0, 2), dtype=_wide(image)
    )
    return float(phases.var() / image.var(dtype=_wide(image)))


def bilinear_kernel(stride: int, channels: int) -> np.ndarray:
    stride = integer("stride", stride, 1)
    channels = integer("channels", channels, 1)
    size = 2 * stride - stride % 2
    distance = np.abs(np.arange(size) - (size - 1) / 2)  # from the kernel's middle, in pixels of the large image
    tent = 1 - distance / stride
    w = np.zeros((channels, channels, size, size))
    w[range(channels), range(channels)] = np.outer(tent, tent)
    return w


def pixel_shuffle(x: np.ndarray, r: int) -> np.ndarray:
    x = array("x", x, axes="NCHW")
    r = integer("r", r, 1)
    batch, channels, height, width = x.shape
    if channels % (r * r):
        raise ValueError(f"x must have a multiple of r * r = {r * r} channels, got {channels}")
    blocks = x.reshape(batch, channels // (r * r), r, r, height, width)  # channel = (c, a, b)
    # Row i * r + a and column j * r + b: a goes right behind i, b right behind j.
    y = blocks.transpose(0, 1, 4, 2, 5, 3).reshape(batch, channels // (r * r), height * r, width * r)
    return y.copy() if np.may_share_memory(y, x) else y


def subpixel_weights(w: np.ndarray, stride: int) -> np.ndarray:
    w = array("w", w, axes="IOKL")
    stride = integer("stride", stride, 1)
    c_in, c_out, k_height, k_width = w.shape
    k, l = -(-k_height // stride), -(-k_width // stride)
    # Zeros at the end, so that every phase has k x l taps. Tap m * stride + a is tap m of phase a.
    w = np.pad(w, ((0, 0), (0, 0), (0, k * stride - k_height), (0, l * stride - k_width)))
    taps = w.reshape(c_in, c_out, k, stride, l, stride)
    # Tap m meets input q - m; a convolution pairs rising with rising. Hence the turn.
    taps = taps[:, :, ::-1, :, ::-1, :]
    return taps.transpose(1, 3, 5, 0, 2, 4).reshape(c_out * stride * stride, c_in, k, l)


def icnr(
    shape: tuple[int, int, int, int],
    r: int,
    init: Callable[[tuple[int, ...], np.random.Generator], np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    r = integer("r", r, 1)
    if len(shape) != 4:
        raise ValueError(f"shape must be (C * r * r, C_in, K, L), got {shape}")
    filters, *rest = (integer(f"shape[{i}]", n, 1) for i, n in enumerate(shape))
    if filters % (r * r):
        raise ValueError(f"shape[0] must be a multiple of r * r = {r * r}, got {filters}")
    smaller = (filters // (r * r), *rest)
    drawn = array("init(...)", init(smaller, rng), axes="OCKL")
    if drawn.shape != smaller:
        raise ValueError(f"init must draw the shape {smaller}, got {drawn.shape}")
    return np.repeat(drawn, r * r, axis=0)


def resize_conv2d(x: np.ndarray, w: np.ndarray, scale: int, mode: str = "nearest") -> np.ndarray:
    x = array("x", x, axes="NCHW")
    w = array("w", w, axes="OCKL")
    scale = integer("scale", scale, 1)
    k_height, k_width = w.shape[2:]
    if k_height % 2 == 0 or k_width % 2 == 0:
        raise ValueError(f"w must have an odd height and width to keep the size, got {(k_height, k_width)}")
    if mode == "nearest":
        large = x.repeat(scale, axis=2).repeat(scale, axis=3)
    elif mode == "bilinear":
        dtype = np.result_type(x, w)
        large = x.astype(dtype if dtype.kind in "fc" else np.float64)
        for axis in (2, 3):
            large = _interpolate(large, scale, axis)
    else:
        raise ValueError(f'mode must be "nearest" or "bilinear", got {mode!r}')
    return conv2d(large, w, padding=(k_height // 2, k_width // 2))


def _interpolate(x: np.ndarray, scale: int, axis: int) -> np.ndarray:
    """Linear interpolation along one axis, with half-pixel centers."""
    n = x.shape[axis]
    place = np.clip((np.arange(n * scale) + 0.5) / scale - 0.5, 0, n - 1)
    low = place.astype(np.intp)
    high = np.minimum(low + 1, n - 1)
    shape = [1] * x.ndim
    shape[axis] = -1
    part = (place - low).astype(x.real.dtype).reshape(shape)
    return (1 - part) * x.take(low, axis) + part * x.take(high, axis)


def _wide(image: np.ndarray) -> type:
    """Sums of small numbers are added up in double precision."""
    return np.complex128 if image.dtype.kind == "c" else np.float64
