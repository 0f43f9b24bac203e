"""Fast algorithms, worked. Chapter 14."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from deconv_solutions.transposed_convolution import conv_transpose_output_size
from deconvlib.course.arguments import integer, pair
from deconvlib.course.tensors import tensor

ALGORITHMS = ("direct", "gemm", "zero_insertion", "polyphase", "fft")


def conv_transpose_macs(
    shape: tuple[int, int, int, int],
    weight_shape: tuple[int, int, int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    algorithm: str = "direct",
) -> int:
    batch, channels, height, width = _four("shape", shape)
    c_in, c_out, K, L = _four("weight_shape", weight_shape)
    if c_in != channels:
        raise ValueError(f"weight_shape must start with the {channels} channels of shape, got {tuple(weight_shape)}")
    (s_h, s_w), (p_h, p_w) = pair("stride", stride, 1), pair("padding", padding, 0)
    out_h, out_w = (conv_transpose_output_size(*one) for one in ((height, K, s_h, p_h), (width, L, s_w, p_w)))
    each = batch * c_in * c_out
    if algorithm == "direct":
        return each * _pairs(height, K, s_h, p_h, out_h) * _pairs(width, L, s_w, p_w, out_w)
    if algorithm == "gemm":
        return each * height * width * K * L
    if algorithm == "zero_insertion":
        return each * out_h * out_w * K * L
    if algorithm == "polyphase":
        k, l = -(-K // s_h), -(-L // s_w)
        return each * s_h * s_w * (height + k - 1) * (width + l - 1) * k * l
    if algorithm == "fft":
        n = ((height - 1) * s_h + K) * ((width - 1) * s_w + L)
        planes = batch * c_in + c_in * c_out + batch * c_out
        return planes * n * (n - 1).bit_length() + each * 2 * n
    raise ValueError(f"algorithm must be one of {', '.join(ALGORITHMS)}, got {algorithm!r}")


def split_phases(w: torch.Tensor, stride: int | tuple[int, int]) -> list[tuple[tuple[int, int], torch.Tensor]]:
    w, (s_h, s_w) = tensor("w", w, "IOKL"), pair("stride", stride, 1)
    # Tap k of pixel i lands on s i + k: on a pixel of phase a exactly if k is a, a + s, ...
    return [((a, b), w[:, :, a::s_h, b::s_w].clone()) for a in range(s_h) for b in range(s_w)]


def conv_transpose2d_polyphase(
    y: torch.Tensor,
    w: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
) -> torch.Tensor:
    (s_h, s_w), start, size = _geometry(y, w, bias, stride, padding, output_padding)
    c_in, c_out, K, L = w.shape
    k, l = -(-K // s_h), -(-L // s_w)
    # Zeros at the end, so that every phase has k x l taps: tap m s + a is tap m of phase a. A convolution pairs rising with
    # rising, and tap m meets input q - m: hence the turn.
    taps = F.pad(w, (0, l * s_w - L, 0, k * s_h - K)).reshape(c_in, c_out, k, s_h, l, s_w).flip((2, 4))
    v = taps.permute(1, 3, 5, 0, 2, 4).reshape(c_out * s_h * s_w, c_in, k, l)
    phases = F.conv2d(y, v, padding=(k - 1, l - 1))
    rows, columns = phases.shape[2:]
    phases = phases.reshape(-1, c_out, s_h, s_w, rows, columns).permute(0, 1, 4, 2, 5, 3)
    return _cropped(phases.reshape(-1, c_out, rows * s_h, columns * s_w), start, size, bias)


def conv_transpose2d_fft(
    y: torch.Tensor,
    w: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
) -> torch.Tensor:
    (s_h, s_w), start, size = _geometry(y, w, bias, stride, padding, output_padding)
    (batch, channels, height, width), (K, L) = y.shape, w.shape[2:]
    spread = y.new_zeros(batch, channels, (height - 1) * s_h + 1, (width - 1) * s_w + 1)
    spread[:, :, ::s_h, ::s_w] = y
    # Planes that hold the whole result: the product of spectra is a circular convolution, and nothing wraps round.
    whole = (height - 1) * s_h + K, (width - 1) * s_w + L
    spectrum = torch.einsum("nipq,iopq->nopq", torch.fft.rfft2(spread, s=whole), torch.fft.rfft2(w, s=whole))
    return _cropped(torch.fft.irfft2(spectrum, s=whole), start, size, bias)


def _four(name: str, sizes: tuple[int, ...]) -> tuple[int, ...]:
    if not isinstance(sizes, tuple | list | torch.Size) or len(sizes) != 4:
        raise ValueError(f"{name} must have four sizes, got {sizes!r}")
    return tuple(integer(f"{name}[{axis}]", size, 1) for axis, size in enumerate(sizes))


def _pairs(n: int, kernel: int, stride: int, padding: int, out: int) -> int:
    """How many pairs of an input pixel and a tap meet in a pixel of the result, along one axis."""
    return sum(0 <= stride * i + k - padding < out for i in range(n) for k in range(kernel))


def _geometry(
    y: torch.Tensor,
    w: torch.Tensor,
    bias: torch.Tensor | None,
    stride: int | tuple[int, int],
    padding: int | tuple[int, int],
    output_padding: int | tuple[int, int],
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """The strides, where the result starts in the uncropped one, and its size."""
    y, w = tensor("y", y, "NCHW"), tensor("w", w, "IOKL")
    if not y.is_floating_point():
        raise TypeError(f"y must be floating, got {y.dtype}")
    if w.shape[0] != y.shape[1]:
        raise ValueError(f"w must have the {y.shape[1]} channels of y on axis 0, got shape {tuple(w.shape)}")
    if bias is not None and tensor("bias", bias, "O").shape[0] != w.shape[1]:
        raise ValueError(f"bias must hold one number for each of the {w.shape[1]} output channels, got {len(bias)}")
    strides, start, more = (
        pair("stride", stride, 1),
        pair("padding", padding, 0),
        pair("output_padding", output_padding, 0),
    )
    sizes = zip(y.shape[2:], w.shape[2:], strides, start, more, strict=True)
    out_h, out_w = (conv_transpose_output_size(*one) for one in sizes)
    return strides, start, (out_h, out_w)


def _cropped(x: torch.Tensor, start: tuple[int, int], size: tuple[int, int], bias: torch.Tensor | None) -> torch.Tensor:
    """`size` pixels from `start` on; beyond the end of `x`, where output_padding may reach, is nothing but the bias."""
    below, right = (max(0, a + n - have) for a, n, have in zip(start, size, x.shape[2:], strict=True))
    x = F.pad(x, (0, right, 0, below))[:, :, start[0] : start[0] + size[0], start[1] : start[1] + size[1]]
    return x.clone() if bias is None else x + bias[:, None, None]
