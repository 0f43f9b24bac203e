"""Right answers to chapter 5, written in other ways than the solutions."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from deconv_grader.checks.known_answers import variant


def _both(value):
    return (value, value) if np.ndim(value) == 0 else tuple(value)


def _plan(size, kernel, stride, padding):
    """Kernel, stride, padding as pairs, and the pooled size; ValueError where there is none."""
    kernel, padding = _both(kernel), _both(padding)
    stride = kernel if stride is None else _both(stride)
    if padding[0] > kernel[0] // 2 or padding[1] > kernel[1] // 2:
        raise ValueError("too much padding")
    pooled = tuple((n + 2 * p - k) // s + 1 for n, k, s, p in zip(size, kernel, stride, padding, strict=True))
    if min(pooled) < 1 or min(size) < 1:
        raise ValueError("the kernel does not fit")
    return kernel, stride, padding, pooled


def _unplan(pooled, kernel, stride, padding, output_size):
    kernel, padding = _both(kernel), _both(padding)
    stride = kernel if stride is None else _both(stride)
    size = output_size
    if size is None:
        size = tuple((n - 1) * s + k - 2 * p for n, k, s, p in zip(pooled, kernel, stride, padding, strict=True))
    size = _both(size)
    if _plan(size, kernel, stride, padding)[3] != tuple(pooled):
        raise ValueError("this size does not pool to the size of y")
    return kernel, stride, padding, size


@variant("max_pool2d")
def max_pool2d_loops(x, kernel, stride=None, padding=0):
    H, W = x.shape[2:]
    (K, L), (down, right), (top, left), (h, w) = _plan((H, W), kernel, stride, padding)
    y = np.empty((*x.shape[:2], h, w), x.dtype)
    switches = np.empty(y.shape, np.int64)
    for n, c, i, j in np.ndindex(*y.shape):
        best = None
        for u in range(max(i * down - top, 0), min(i * down - top + K, H)):
            for v in range(max(j * right - left, 0), min(j * right - left + L, W)):
                value = x[n, c, u, v]
                if best is None or (not np.isnan(best) and not value <= best):
                    best, y[n, c, i, j], switches[n, c, i, j] = value, value, u * W + v
    return y, switches


@variant("max_pool2d")
def max_pool2d_windows(x, kernel, stride=None, padding=0):
    H, W = x.shape[2:]
    (K, L), (down, right), (top, left), (h, w) = _plan((H, W), kernel, stride, padding)
    # An image of the pixels' own indices, padded by -1, travels with the image: no arithmetic with offsets.
    index = np.pad(np.arange(H * W).reshape(H, W), ((top, top), (left, left)), constant_values=-1)
    where = sliding_window_view(index, (K, L))[::down, ::right].reshape(h, w, K * L)
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    padded = np.pad(x, ((0, 0), (0, 0), (top, top), (left, left)), constant_values=lowest)
    values = sliding_window_view(padded, (K, L), axis=(2, 3))[:, :, ::down, ::right].reshape(*x.shape[:2], h, w, K * L)
    top_value = values.max(axis=-1, keepdims=True)
    equal = ((values == top_value) | (np.isnan(values) & np.isnan(top_value))) & (where >= 0)
    # Reversed, so that the first of equal values is written last.
    switches = np.zeros((*x.shape[:2], h, w), np.int64)
    for t in reversed(range(K * L)):
        switches = np.where(equal[..., t], where[..., t], switches)
    return np.asfortranarray(top_value[..., 0]), switches


@variant("max_pool2d")
def max_pool2d_taps(x, kernel, stride=None, padding=0):
    H, W = x.shape[2:]
    (K, L), (down, right), (top, left), (h, w) = _plan((H, W), kernel, stride, padding)
    rows = np.arange(h)[:, None] * down - top
    columns = np.arange(w)[None, :] * right - left
    y: np.ndarray | None = None
    for k in range(K):
        for l in range(L):
            inside = (rows + k >= 0) & (rows + k < H) & (columns + l >= 0) & (columns + l < W)
            u, v = np.clip(rows + k, 0, H - 1), np.clip(columns + l, 0, W - 1)
            value, place = x[:, :, u, v], np.broadcast_to(u * W + v, (*x.shape[:2], h, w))
            if y is None:  # a stand-in that any pixel inside replaces
                y, switches, none = value, place, np.broadcast_to(~inside, value.shape)
                continue
            better = inside & (none | (value > y) | (np.isnan(value) & ~np.isnan(y)))
            y, switches, none = np.where(better, value, y), np.where(better, place, switches), none & ~inside
    assert y is not None  # a window has a pixel
    return y.copy(), switches.astype(np.int64)


def _check_unpool(y, switches, output_size):
    H, W = _both(output_size)
    if np.asarray(switches).dtype.kind not in "iu":
        raise TypeError("switches must be whole numbers")
    if y.shape != switches.shape or (switches < 0).any() or (switches >= H * W).any():
        raise ValueError("switches do not fit")
    return H, W


@variant("max_unpool2d")
def max_unpool2d_loops(y, switches, output_size):
    H, W = _check_unpool(y, switches, output_size)
    x = np.zeros((*y.shape[:2], H, W), y.dtype)
    for place in np.ndindex(*y.shape):
        u, v = divmod(int(switches[place]), W)
        x[place[0], place[1], u, v] += y[place]
    return x


@variant("max_unpool2d")
def max_unpool2d_bincount(y, switches, output_size):
    H, W = _check_unpool(y, switches, output_size)
    planes = y.shape[0] * y.shape[1]
    flat = switches.reshape(planes, -1) + np.arange(planes)[:, None] * (H * W)
    x = np.bincount(flat.ravel(), weights=y.ravel().astype(np.float64), minlength=planes * H * W)
    return x.astype(y.dtype).reshape(*y.shape[:2], H, W)


@variant("max_unpool2d")
def max_unpool2d_matrix(y, switches, output_size):
    H, W = _check_unpool(y, switches, output_size)
    one_hot = (switches.reshape(*y.shape[:2], -1, 1) == np.arange(H * W)).astype(y.dtype)
    x = np.einsum("nca,ncap->ncp", y.reshape(*y.shape[:2], -1), one_hot)
    return np.asfortranarray(x.reshape(*y.shape[:2], H, W))


@variant("sliding_max")
def sliding_max_formula(y, kernel):
    (K, L), (H, W) = _both(kernel), y.shape
    if not H or not W:
        raise ValueError("empty")
    x = np.empty((H + K - 1, W + L - 1), y.dtype)
    for u, v in np.ndindex(*x.shape):
        x[u, v] = y[max(u - K + 1, 0) : u + 1, max(v - L + 1, 0) : v + 1].max()
    return x


@variant("sliding_max")
def sliding_max_stamps(y, kernel):
    (K, L), (H, W) = _both(kernel), y.shape
    if min(H, W, K, L) < 1:
        raise ValueError("empty")
    lowest = -np.inf if y.dtype.kind == "f" else np.iinfo(y.dtype).min
    x = np.full((H + K - 1, W + L - 1), lowest, y.dtype, order="F")
    for k, l in np.ndindex(K, L):
        np.maximum(x[k : k + H, l : l + W], y, out=x[k : k + H, l : l + W])
    return x


@variant("avg_pool2d")
def avg_pool2d_taps(x, kernel, stride=None, padding=0):
    (K, L), (down, right), (top, left), (h, w) = _plan(x.shape[2:], kernel, stride, padding)
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    padded = np.pad(x.astype(dtype), ((0, 0), (0, 0), (top, top), (left, left)))
    y = np.zeros((*x.shape[:2], h, w), dtype)
    for k, l in np.ndindex(K, L):
        y += padded[:, :, k : k + down * (h - 1) + 1 : down, l : l + right * (w - 1) + 1 : right]
    return y / dtype.type(K * L)


@variant("avg_pool2d")
def avg_pool2d_matrices(x, kernel, stride=None, padding=0):
    (K, L), strides, paddings, pooled = _plan(x.shape[2:], kernel, stride, padding)
    sides = []  # a mean over a rectangle is a mean over rows, then over columns: A x Bᵀ
    for n, k, s, p, m in zip(x.shape[2:], (K, L), strides, paddings, pooled, strict=True):
        side = np.zeros((m, n))
        for i in range(m):
            side[i, max(i * s - p, 0) : max(i * s - p + k, 0)] = 1 / k
        sides.append(side)
    y = sides[0] @ x.astype(np.float64) @ sides[1].T
    return np.asfortranarray(y.astype(x.dtype if x.dtype.kind == "f" else np.float64))


@variant("avg_unpool2d")
def avg_unpool2d_loops(y, kernel, stride=None, padding=0, output_size=None):
    (K, L), (down, right), (top, left), (H, W) = _unplan(y.shape[2:], kernel, stride, padding, output_size)
    x = np.zeros((*y.shape[:2], H, W), y.dtype if y.dtype.kind == "f" else np.float64)
    for i, j, k, l in np.ndindex(*y.shape[2:], K, L):
        u, v = i * down + k - top, j * right + l - left
        if 0 <= u < H and 0 <= v < W:
            x[:, :, u, v] += y[:, :, i, j] / (K * L)
    return x


@variant("avg_unpool2d")
def avg_unpool2d_matrices(y, kernel, stride=None, padding=0, output_size=None):
    kernels, strides, paddings, size = _unplan(y.shape[2:], kernel, stride, padding, output_size)
    sides = []
    for n, k, s, p, m in zip(size, kernels, strides, paddings, y.shape[2:], strict=True):
        offset = np.arange(n)[:, None] + p - np.arange(m) * s
        sides.append(((offset >= 0) & (offset < k)) / k)
    x = np.einsum("ui,ncij,vj->ncuv", sides[0], y.astype(np.float64), sides[1])
    return x.astype(y.dtype if y.dtype.kind == "f" else np.float64)


def _no_bound(dtype):
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


@variant("min_unpool2d")
def min_unpool2d_loops(y, kernel, stride=None, output_size=None):
    (K, L), (down, right), _, (H, W) = _unplan(y.shape[2:], kernel, stride, 0, output_size)
    x = np.full((*y.shape[:2], H, W), _no_bound(y.dtype), y.dtype)
    for u, v in np.ndindex(H, W):
        for i, j in np.ndindex(*y.shape[2:]):
            if i * down <= u < i * down + K and j * right <= v < j * right + L:
                x[:, :, u, v] = np.minimum(x[:, :, u, v], y[:, :, i, j])
    return x


@variant("min_unpool2d")
def min_unpool2d_separable(y, kernel, stride=None, output_size=None):
    kernels, strides, _, size = _unplan(y.shape[2:], kernel, stride, 0, output_size)
    top = _no_bound(y.dtype)
    for axis, n, k, s in zip((2, 3), size, kernels, strides, strict=True):
        offset = np.arange(n)[:, None] - np.arange(y.shape[axis]) * s
        held = (offset >= 0) & (offset < k)
        rows = np.moveaxis(y, axis, -1)[..., None, :]  # every pixel looks at every window, along one axis
        y = np.moveaxis(np.where(held, rows, y.dtype.type(top)).min(axis=-1), -1, axis)
    return y


@variant("min_unpool2d")
def min_unpool2d_strided(y, kernel, stride=None, output_size=None):
    (K, L), (down, right), _, (H, W) = _unplan(y.shape[2:], kernel, stride, 0, output_size)
    x = np.full((*y.shape[:2], H, W), _no_bound(y.dtype), y.dtype)
    step = x.strides
    view = as_strided(x, (*y.shape, K, L), (step[0], step[1], step[2] * down, step[3] * right, step[2], step[3]))
    values = np.broadcast_to(y[..., None, None], view.shape)
    for k, l in np.ndindex(K, L):  # within one (k, l) no two windows meet
        view[..., k, l] = np.minimum(view[..., k, l], values[..., k, l])
    return x
