"""Right answers to chapter 14, written otherwise."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F

from deconv_grader.checks.known_answers import variant

# conv_transpose_macs


@variant("conv_transpose_macs")
def macs_by_loops(shape, weight_shape, stride=1, padding=0, algorithm="direct"):
    """Pairs by np.convolve-like masks, the others by prod."""
    (n, c, *image), (c_in, c_out, *kernel) = _sizes(shape), _sizes(weight_shape)
    if c != c_in:
        raise ValueError("channels")
    stride, padding = _two(stride, 1), _two(padding, 0)
    out = [(i - 1) * s + k - 2 * p for i, s, k, p in zip(image, stride, kernel, padding, strict=True)]
    if min(out) < 1:
        raise ValueError("nothing left over")
    taps = [math.ceil(k / s) for k, s in zip(kernel, stride, strict=True)]
    if algorithm == "direct":
        pairs = 1
        for i, k, s, p, o in zip(image, kernel, stride, padding, out, strict=True):
            place = s * np.arange(i)[:, None] + np.arange(k) - p
            pairs *= int(np.count_nonzero((place >= 0) & (place < o)))
        return n * c_in * c_out * pairs
    if algorithm == "gemm":
        return math.prod((n, c_in, c_out, *image, *kernel))
    if algorithm == "zero_insertion":
        return math.prod((n, c_in, c_out, *out, *kernel))
    if algorithm == "polyphase":
        places = (i + t - 1 for i, t in zip(image, taps, strict=True))
        return math.prod((n, c_in, c_out, *stride, *places, *taps))
    if algorithm == "fft":
        points = math.prod(o + 2 * p for o, p in zip(out, padding, strict=True))
        one = points * math.ceil(math.log2(points))
        return one * (n * c_in + c_in * c_out + n * c_out) + 2 * points * n * c_in * c_out
    raise ValueError("algorithm")


@variant("conv_transpose_macs")
def macs_by_taps(shape, weight_shape, stride=1, padding=0, algorithm="direct"):
    """For each tap, the pixels that it leaves inside, in closed form."""
    if algorithm not in ("direct", "gemm"):
        return macs_by_loops(shape, weight_shape, stride, padding, algorithm)
    macs_by_loops(shape, weight_shape, stride, padding, "gemm")
    total = shape[0] * weight_shape[0] * weight_shape[1]
    for n, k, s, p in zip(shape[2:], weight_shape[2:], _two(stride, 1), _two(padding, 0), strict=True):
        out, pairs = (n - 1) * s + k - 2 * p, 0
        for tap in range(k):
            first = max(0, -((tap - p) // s))
            last = min(n - 1, (out - 1 + p - tap) // s)
            pairs += max(0, last - first + 1) if algorithm == "direct" else n
        total *= pairs
    return int(total)


def _sizes(shape):
    if len(shape) != 4 or min(shape) < 1:
        raise ValueError("sizes")
    return tuple(shape)


def _two(value, least):
    two = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(two) != 2 or min(two) < least:
        raise ValueError("an int or a pair")
    return two


# split_phases


@variant("split_phases")
def split_by_picking(w, stride):
    w, (s_h, s_w) = _kernel(w), _two(stride, 1)
    rows = [torch.arange(a, max(a, w.shape[2]), s_h) for a in range(s_h)]
    columns = [torch.arange(b, max(b, w.shape[3]), s_w) for b in range(s_w)]
    return [
        ((a, b), w.index_select(2, rows[a]).index_select(3, columns[b]))
        for a, b in itertools.product(range(s_h), range(s_w))
    ]


@variant("split_phases")
def split_by_adding_zero(w, stride):
    w, (s_h, s_w) = _kernel(w), _two(stride, 1)
    found = []
    for a in range(s_h):
        strip = w[:, :, a::s_h]
        for b in range(s_w):
            found.append(((a, b), strip[..., b::s_w] + 0))
    return found


def _kernel(w):
    if not isinstance(w, torch.Tensor):
        raise TypeError("w")
    if w.ndim != 4:
        raise ValueError("w")
    return w


# conv_transpose2d_polyphase and conv_transpose2d_fft


def _checked(y, w, bias, stride, padding, output_padding):
    for one in (y, w, *([] if bias is None else [bias])):
        if not isinstance(one, torch.Tensor):
            raise TypeError("a tensor")
    if not y.is_floating_point():
        raise TypeError("floating")
    if y.ndim != 4 or w.ndim != 4 or y.shape[1] != w.shape[0] or (bias is not None and bias.shape != w.shape[1:2]):
        raise ValueError("shapes")
    stride, padding, more = _two(stride, 1), _two(padding, 0), _two(output_padding, 0)
    whole = [(n - 1) * s + k for n, s, k in zip(y.shape[2:], stride, w.shape[2:], strict=True)]
    size = [n - 2 * p + e for n, p, e in zip(whole, padding, more, strict=True)]
    if any(e >= s for e, s in zip(more, stride, strict=True)) or min(size) < 1:
        raise ValueError("sizes")
    return stride, padding, size, whole


@variant("conv_transpose2d_polyphase")
def polyphase_one_by_one(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """One small convolution for each phase, written to where it belongs."""
    (s_h, s_w), (p_h, p_w), (out_h, out_w), whole = _checked(y, w, bias, stride, padding, output_padding)
    below, right = max(whole[0], p_h + out_h), max(whole[1], p_w + out_w)
    x = y.new_zeros(y.shape[0], w.shape[1], below, right)
    for a in range(s_h):
        for b in range(s_w):
            kernel = w[:, :, a::s_h, b::s_w]
            if kernel.numel():
                k, l = kernel.shape[2:]
                phase = F.conv2d(y, kernel.flip(2, 3).transpose(0, 1), padding=(k - 1, l - 1))
                rows, columns = phase.shape[2:]
                x[:, :, a : a + rows * s_h : s_h, b : b + columns * s_w : s_w] = phase
    x = x[:, :, p_h : p_h + out_h, p_w : p_w + out_w]
    return x.contiguous() if bias is None else x + bias.view(1, -1, 1, 1)


@variant("conv_transpose2d_polyphase")
def polyphase_by_windows(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """Windows and an einsum in double precision; the crop is by phases where it can be."""
    (s_h, s_w), (p_h, p_w), (out_h, out_w), _ = _checked(y, w, bias, stride, padding, output_padding)
    k, l = -(-w.shape[2] // s_h), -(-w.shape[3] // s_w)
    filled = F.pad(w.double(), (0, l * s_w - w.shape[3], 0, k * s_h - w.shape[2]))
    taps = filled.unflatten(3, (l, s_w)).unflatten(2, (k, s_h)).flip(2, 4)  # i, o, k, a, l, b
    far = (p_h + out_h + s_h - 1) // s_h + k, (p_w + out_w + s_w - 1) // s_w + l
    more = [max(k - 1, far[0] - y.shape[2]), max(l - 1, far[1] - y.shape[3])]
    windows = F.pad(y.double(), (l - 1, more[1], k - 1, more[0])).unfold(2, k, 1).unfold(3, l, 1)
    x = torch.einsum("nihwkl,iokalb->nohawb", windows, taps)
    x = x.flatten(4, 5).flatten(2, 3)[:, :, p_h : p_h + out_h, p_w : p_w + out_w]
    x = x if bias is None else x + bias.double().reshape(-1, 1, 1)
    return x.to(y.dtype)


@variant("conv_transpose2d_fft")
def fft_complex(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """Complex transforms of planes that are larger than they must be."""
    (s_h, s_w), (p_h, p_w), (out_h, out_w), whole = _checked(y, w, bias, stride, padding, output_padding)
    spread = torch.kron(y, F.pad(y.new_ones(1, 1), (0, s_w - 1, 0, s_h - 1)))
    size = [1 << (n + s + 3).bit_length() for n, s in zip(whole, (s_h, s_w), strict=True)]
    Y, V = torch.fft.fft2(spread, s=size), torch.fft.fft2(w, s=size)
    x = torch.fft.ifft2((Y[:, :, None] * V).sum(1)).real[:, :, p_h : p_h + out_h, p_w : p_w + out_w]
    return x.clone() if bias is None else x + bias[:, None, None]


@variant("conv_transpose2d_fft")
def fft_of_the_small_plane(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """The spectrum of an image with zeros between its pixels is that of the image, repeated."""
    (s_h, s_w), (p_h, p_w), (out_h, out_w), whole = _checked(y, w, bias, stride, padding, output_padding)
    size = [s * -(-(n + s) // s) for n, s in zip(whole, (s_h, s_w), strict=True)]
    small = torch.fft.fft2(y.double(), s=[n // s for n, s in zip(size, (s_h, s_w), strict=True)])
    Y = small.repeat(1, 1, s_h, s_w)
    X = torch.matmul(Y.permute(2, 3, 0, 1), torch.fft.fft2(w.double(), s=size).permute(2, 3, 0, 1))
    x = torch.fft.ifft2(X.permute(2, 3, 0, 1)).real[:, :, p_h : p_h + out_h, p_w : p_w + out_w]
    x = x if bias is None else x + bias.double().view(-1, 1, 1)
    return x.to(y.dtype)
