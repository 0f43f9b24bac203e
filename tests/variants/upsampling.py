"""Right answers to chapter 6, written in other ways than the solutions."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from deconv_grader.checks.known_answers import variant
from deconv_solutions.convolution import conv2d


def _at_least_one(*values):
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError("a whole number was expected")
        if value < 1:
            raise ValueError("it must be at least 1")


@variant("overlap_map")
def overlap_map_gathered(n, kernel, stride):
    _at_least_one(n, kernel, stride)
    u = np.arange((n - 1) * stride + kernel)[:, None]
    offset = u - np.arange(n) * stride
    return ((offset >= 0) & (offset < kernel)).sum(axis=1)


@variant("overlap_map")
def overlap_map_convolved(n, kernel, stride):
    _at_least_one(n, kernel, stride)
    ones = np.zeros((n - 1) * stride + 1, np.int64)
    ones[::stride] = 1
    return np.convolve(ones, np.ones(kernel, np.int64))


@variant("overlap_map")
def overlap_map_formula(n, kernel, stride):
    _at_least_one(n, kernel, stride)
    u = np.arange((n - 1) * stride + kernel)
    last = np.minimum(u // stride, n - 1)
    first = np.maximum(-((kernel - 1 - u) // stride), 0)  # the ceiling of (u - kernel + 1) / stride
    return np.maximum(last - first + 1, 0)


def _cropped(image, stride):
    s, t = (stride, stride) if np.ndim(stride) == 0 else stride
    _at_least_one(s, t)
    image = np.asarray(image)[: image.shape[0] // s * s, : image.shape[1] // t * t]
    if image.size == 0:
        raise ValueError("nothing is left")
    return image.astype(np.float64), int(s), int(t)


@variant("checkerboard_energy")
def checkerboard_energy_spectrum(image, stride):
    image, s, t = _cropped(image, stride)
    if image.max() == image.min():
        return 0.0
    power = np.abs(np.fft.fft2(image - image.mean())) ** 2
    (H, W) = image.shape
    return float((power[:: H // s, :: W // t].sum() - power[0, 0]) / (power.sum() - power[0, 0]))


@variant("checkerboard_energy")
def checkerboard_energy_loops(image, stride):
    image, s, t = _cropped(image, stride)
    image = image - image[0, 0]
    total = ((image - image.mean()) ** 2).sum()
    if total == 0:
        return 0.0
    pattern = 0.0
    for a, b in np.ndindex(s, t):
        if (a, b) != (0, 0):
            rows = np.exp(-2j * np.pi * a / s * np.arange(image.shape[0]))
            columns = np.exp(-2j * np.pi * b / t * np.arange(image.shape[1]))
            pattern += abs(rows @ image @ columns) ** 2
    return float(pattern / image.size / total)


@variant("checkerboard_energy")
def checkerboard_energy_tiled(image, stride):
    image, s, t = _cropped(image, stride)
    if not np.any(image != image[0, 0]):
        return 0.0
    tile = np.array([[image[i::s, j::t].mean() for j in range(t)] for i in range(s)])
    pattern = np.tile(tile, (image.shape[0] // s, image.shape[1] // t))
    mean = image.mean()
    return float(((pattern - mean) ** 2).sum() / ((image - mean) ** 2).sum())


@variant("bilinear_kernel")
def bilinear_kernel_box_of_boxes(stride, channels):
    _at_least_one(stride, channels)
    s = stride
    if s % 2:
        tent = np.convolve(np.ones(s), np.ones(s)) / s  # a box of boxes: 2s - 1 weights, its top on the middle one
    else:
        tent = 1 - np.abs(np.linspace(-(2 * s - 1) / (2 * s), (2 * s - 1) / (2 * s), 2 * s))
    w = np.zeros((channels, channels, len(tent), len(tent)))
    for c in range(channels):
        w[c, c] = tent[:, None] * tent
    return w


@variant("bilinear_kernel")
def bilinear_kernel_fcn(stride, channels):
    _at_least_one(stride, channels)
    size = 2 * stride - stride % 2
    center = stride - 1 if size % 2 else stride - 0.5
    rows, columns = np.ogrid[:size, :size]
    kernel = (1 - abs(rows - center) / stride) * (1 - abs(columns - center) / stride)
    return np.einsum("cd,kl->cdkl", np.eye(channels), kernel)


@variant("pixel_shuffle")
def pixel_shuffle_loops(x, r):
    _at_least_one(r)
    N, channels, H, W = x.shape
    if channels % r**2:
        raise ValueError("the channels do not fill the blocks")
    y = np.empty((N, channels // r**2, H * r, W * r), x.dtype)
    for a, b in np.ndindex(r, r):
        y[:, :, a::r, b::r] = x[:, a * r + b :: r * r]
    return y


@variant("pixel_shuffle")
def pixel_shuffle_index(x, r):
    _at_least_one(r)
    N, channels, H, W = x.shape
    if channels % r**2:
        raise ValueError("the channels do not fill the blocks")
    c, u, v = np.ogrid[: channels // r**2, : H * r, : W * r]
    return np.asfortranarray(x[:, c * r * r + u % r * r + v % r, u // r, v // r])


@variant("subpixel_weights")
def subpixel_weights_loops(w, stride):
    _at_least_one(stride)
    c_in, c_out, K, L = w.shape
    k, l = -(-K // stride), -(-L // stride)
    v = np.zeros((c_out * stride**2, c_in, k, l), w.dtype)
    for c, o, m, n in np.ndindex(c_in, c_out, K, L):
        filter_ = o * stride**2 + m % stride * stride + n % stride
        v[filter_, c, k - 1 - m // stride, l - 1 - n // stride] = w[c, o, m, n]
    return v


@variant("subpixel_weights")
def subpixel_weights_slices(w, stride):
    _at_least_one(stride)
    k, l = (-(-n // stride) for n in w.shape[2:])
    v = np.zeros((w.shape[1], stride, stride, w.shape[0], k, l), w.dtype)
    for a in range(stride):
        for b in range(stride):
            taps = w[:, :, a::stride, b::stride].transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
            v[:, a, b, :, k - taps.shape[2] :, l - taps.shape[3] :] = taps
    return np.asfortranarray(v.reshape(-1, w.shape[0], k, l))


@variant("icnr")
def icnr_filled(shape, r, init, rng):
    groups, rest = divmod(shape[0], r * r)
    if rest:
        raise ValueError("the channels do not fill the blocks")
    drawn = init((groups, *shape[1:]), rng)
    if drawn.shape != (groups, *shape[1:]):
        raise ValueError("init draws another shape")
    w = np.empty(shape, drawn.dtype)
    for i in range(r * r):
        w[i :: r * r] = drawn
    return w


@variant("icnr")
def icnr_broadcast(shape, r, init, rng):
    small = [shape[0] // r**2, *shape[1:]]
    if small[0] * r**2 != shape[0]:
        raise ValueError("the channels do not fill the blocks")
    drawn = np.asarray(init(tuple(small), rng))
    if list(drawn.shape) != small:
        raise ValueError("init draws another shape")
    return np.broadcast_to(drawn[:, None], (small[0], r**2, *small[1:])).reshape(shape).copy()


def _sizes(w, scale, mode):
    _at_least_one(scale)
    if w.shape[2] % 2 == 0 or w.shape[3] % 2 == 0:
        raise ValueError("an even kernel")
    if mode not in ("nearest", "bilinear"):
        raise ValueError("another mode")
    return (w.shape[2] - 1) // 2, (w.shape[3] - 1) // 2


@variant("resize_conv2d")
def resize_conv2d_matrices(x, w, scale, mode="nearest"):
    padding = _sizes(w, scale, mode)
    dtype = np.result_type(x, w)
    if mode == "bilinear" and dtype.kind in "iu":
        dtype = np.dtype(np.float64)
    along = []
    for n in x.shape[2:]:
        u = np.arange(n * scale)[:, None]
        if mode == "nearest":
            matrix = u // scale == np.arange(n)
        else:  # a tent around each small pixel; what it loses at the ends goes to the first and the last one
            matrix = np.maximum(1 - abs((u + 0.5) / scale - 0.5 - np.arange(n)), 0)
            matrix[: scale // 2, 0] = matrix[len(matrix) - scale // 2 :, -1] = 1
        along.append(matrix.astype(dtype))
    large = np.einsum("ui,ncij,vj->ncuv", along[0], x.astype(dtype), along[1])
    return conv2d(large, w, padding=padding)


@variant("resize_conv2d")
def resize_conv2d_strided(x, w, scale, mode="nearest"):
    padding = _sizes(w, scale, mode)
    dtype = np.result_type(x, w)
    if mode == "nearest":
        x = np.array(x)
        a, b, c, d = x.strides
        view = as_strided(x, (*x.shape[:3], scale, x.shape[3], scale), (a, b, c, 0, d, 0))
        large = view.reshape(*x.shape[:2], x.shape[2] * scale, x.shape[3] * scale)
    else:
        H, W = x.shape[2:]
        large = np.empty((*x.shape[:2], H * scale, W * scale))
        for u, v in np.ndindex(H * scale, W * scale):
            i, j = (min(max((p + 0.5) / scale - 0.5, 0), n - 1) for p, n in ((u, H), (v, W)))
            top, left = int(i), int(j)
            below, right = min(top + 1, H - 1), min(left + 1, W - 1)
            s, t = i - top, j - left
            upper = x[:, :, top, left] * (1 - t) + x[:, :, top, right] * t
            large[:, :, u, v] = upper * (1 - s) + (x[:, :, below, left] * (1 - t) + x[:, :, below, right] * t) * s
    y = conv2d(large, w, padding=padding)
    return y if mode == "bilinear" and dtype.kind in "iu" else y.astype(dtype)
