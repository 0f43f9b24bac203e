"""The GPU chapter, worked. Chapter 15."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.grad import conv2d_weight

from deconvlib.course.arguments import integer, pair
from deconvlib.course.kernels import tl, triton
from deconvlib.course.tensors import tensor


def pick_device(prefer: str | torch.device | None = None) -> torch.device:
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    there = {"cuda": cuda, "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    if prefer is None:
        return torch.device(next(kind for kind, count in there.items() if count))
    if not isinstance(prefer, str | torch.device):
        raise TypeError(f"prefer must be the name of a device or a torch.device, got {prefer!r}")
    try:
        device = torch.device(prefer)
    except RuntimeError:
        raise ValueError(f"prefer must name a device, such as 'cuda:0' or 'cpu'; got {prefer!r}") from None
    if (device.index or 0) >= there.get(device.type, 0):
        found = ", ".join(f"{count} {kind}" for kind, count in there.items() if count)
        raise ValueError(f"prefer is {str(prefer)!r}, which this machine does not have; it has {found}")
    return device


def time_on(
    device: Any,
    function: Callable[..., Any],
    *args,
    repeats: int = 10,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    repeats = integer("repeats", repeats, 1)
    of = device if hasattr(device, "synchronize") else torch.get_device_module(torch.device(device))
    function(*args)
    of.synchronize()
    seconds = []
    for _ in range(repeats):
        began = clock()
        function(*args)
        of.synchronize()  # the call has returned, the work may not be done
        seconds.append(clock() - began)
    return float(statistics.median(seconds))


def train_step(
    model: nn.Module,
    batch: tuple[torch.Tensor, torch.Tensor],
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    optimiser: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler | None = None,
    amp_dtype: torch.dtype | None = None,
    channels_last: bool = False,
) -> torch.Tensor:
    if len(batch) != 2:
        raise ValueError(f"batch must be a pair (x, target), got {len(batch)} things")
    device = next(model.parameters()).device
    x, target = (part.to(device, non_blocking=True) for part in batch)
    if channels_last and x.ndim == 4:
        x = x.contiguous(memory_format=torch.channels_last)
    optimiser.zero_grad()
    with torch.autocast(device.type, amp_dtype, enabled=amp_dtype is not None):
        value = loss(model(x), target)
    if scaler is None:
        value.backward()
        optimiser.step()
    else:
        scaler.scale(value).backward()
        scaler.step(optimiser)  # divides the gradients first, and does nothing where one is infinite
        scaler.update()
    return value.detach()


@triton.jit
def _row_phase(y, w, x, H, K, S, R, N, BLOCK: tl.constexpr):
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for t in range(0, (K - R + S - 1) // S):
        i = n - t
        total += tl.load(y + i, mask=(i >= 0) & (i < H), other=0.0) * tl.load(w + R + t * S)
    tl.store(x + n, total, mask=n < N)


def row_phase_triton(y: torch.Tensor, w: torch.Tensor, stride: int, phase: int) -> torch.Tensor:
    y, w = _float32("y", y, "H"), _float32("w", w, "K")
    stride, phase = integer("stride", stride, 1), integer("phase", phase, 0)
    if phase >= stride:
        raise ValueError(f"phase must be below the stride {stride}, got {phase}")
    H, K = len(y), len(w)
    N = max(0, -(-((H - 1) * stride + K - phase) // stride))
    x = torch.empty(N, device=y.device)
    if N:
        _row_phase[(triton.cdiv(N, 32),)](y, w, x, H, K, stride, phase, N, BLOCK=32)
    return x


@triton.jit
def _plane(y, w, x, H, W, K, L, OH, OW, SH, SW, PH, PW, BLOCK: tl.constexpr):
    rh = tl.program_id(0) // SW
    rw = tl.program_id(0) % SW
    nh = (OH - rh + SH - 1) // SH  # rows of this phase
    nw = (OW - rw + SW - 1) // SW
    q = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    qh = q // tl.maximum(nw, 1)
    qw = q % tl.maximum(nw, 1)
    kh = (rh + PH) % SH  # the first row of the kernel that belongs to it
    kw = (rw + PW) % SW
    i0 = qh + (rh + PH) // SH  # the input row that it meets
    j0 = qw + (rw + PW) // SW
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for th in range(0, (K - kh + SH - 1) // SH):
        i = i0 - th
        for tw in range(0, (L - kw + SW - 1) // SW):
            j = j0 - tw
            there = (i >= 0) & (i < H) & (j >= 0) & (j < W)
            tap = tl.load(w + (kh + th * SH) * L + kw + tw * SW)
            total += tap * tl.load(y + i * W + j, mask=there, other=0.0)
    u = qh * SH + rh
    v = qw * SW + rw
    tl.store(x + u * OW + v, total, mask=(qh < nh) & (qw < nw))


def plane_triton(
    y: torch.Tensor, w: torch.Tensor, stride: int | tuple[int, int], padding: int | tuple[int, int] = 0
) -> torch.Tensor:
    y, w = _float32("y", y, "HW"), _float32("w", w, "KL")
    (sh, sw), (ph, pw), (OH, OW) = _sizes(y, w, stride, padding)
    x = torch.empty(OH, OW, device=y.device)
    grid = (sh * sw, triton.cdiv(-(-OH // sh) * -(-OW // sw), 32))
    _plane[grid](y, w, x, *y.shape, *w.shape, OH, OW, sh, sw, ph, pw, BLOCK=32)
    return x


@triton.jit
def _tiles(
    y,
    w,
    x,
    N,
    C,
    D,
    H,
    W,
    OH,
    OW,
    K: tl.constexpr,
    L: tl.constexpr,
    SH: tl.constexpr,
    SW: tl.constexpr,
    PH: tl.constexpr,
    PW: tl.constexpr,
    PRECISION: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
):
    phase = tl.program_id(0).to(tl.int64)  # 64 bits: addresses of large tensors
    rh = phase // SW
    rw = phase % SW
    nh = (OH - rh + SH - 1) // SH
    nw = (OW - rw + SW - 1) // SW
    m = tl.program_id(1).to(tl.int64) * BM + tl.arange(0, BM)  # a pixel of this phase, in any picture
    n = m // tl.maximum(nh * nw, 1)
    q = m % tl.maximum(nh * nw, 1)
    qh = q // tl.maximum(nw, 1)
    qw = q % tl.maximum(nw, 1)
    d = tl.program_id(2).to(tl.int64) * BN + tl.arange(0, BN)
    c = tl.arange(0, BK).to(tl.int64)
    kh = (rh + PH) % SH
    kw = (rw + PW) % SW
    i0 = qh + (rh + PH) // SH
    j0 = qw + (rw + PW) // SW
    drawn = (n < N) & (qh < nh) & (qw < nw)
    ys = y + (n * C * H + i0) * W + j0
    ws = w + d * (K * L) + kh * L + kw
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for th in range(0, (K - kh + SH - 1) // SH):
        i = i0 - th
        inside = drawn & (i >= 0) & (i < H)
        for tw in range(0, (L - kw + SW - 1) // SW):
            j = j0 - tw
            there = (inside & (j >= 0) & (j < W))[:, None]
            yt = (ys - (th * W + tw))[:, None]
            wt = (ws + th * SH * L + tw * SW)[None, :]
            for c0 in range(0, C, BK):
                channels = c + c0
                known = channels < C
                a = tl.load(yt + (channels * H * W)[None, :], mask=there & known[None, :], other=0.0)
                b = tl.load(wt + (channels * D * K * L)[:, None], mask=known[:, None] & (d < D)[None, :], other=0.0)
                acc = tl.dot(a, b, acc, input_precision=PRECISION)
    u = qh * SH + rh
    v = qw * SW + rw
    xs = x + ((n * D * OH + u) * OW + v)[:, None] + (d * OH * OW)[None, :]
    tl.store(xs, acc.to(x.dtype.element_ty), mask=drawn[:, None] & (d < D)[None, :])


def conv_transpose2d_triton(
    y: torch.Tensor, w: torch.Tensor, stride: int | tuple[int, int] = 1, padding: int | tuple[int, int] = 0
) -> torch.Tensor:
    y, w = _float32("y", y, "NCHW"), _float32("w", w, "CDKL")
    if y.shape[1] != w.shape[0]:
        raise ValueError(f"y has {y.shape[1]} channels and w takes {w.shape[0]}: {tuple(y.shape)}, {tuple(w.shape)}")
    stride, padding, _ = _sizes(y, w, stride, padding)
    return _TransposedConvolution.apply(y, w, stride, padding)


def _launch_tiles(
    y: torch.Tensor,
    w: torch.Tensor,
    stride: tuple[int, int],
    padding: tuple[int, int],
    precision: str = "ieee",
    tile: tuple[int, int, int] = (64, 32, 32),
    output_padding: int = 0,
) -> torch.Tensor:
    """The kernel on any floating type, with the product's precision and the size of a tile (pixels, channels out, in)."""
    y, w = y.contiguous(), w.contiguous()
    (N, C, H, W), (_, D, K, L) = y.shape, w.shape
    stride, padding, size = _sizes(y, w, stride, padding)
    OH, OW = (n + output_padding for n in size)
    pixels = N * -(-OH // stride[0]) * -(-OW // stride[1])
    bm, bn, bk = tile
    x = torch.empty(N, D, OH, OW, dtype=y.dtype, device=y.device)
    grid = (stride[0] * stride[1], triton.cdiv(pixels, bm), triton.cdiv(D, bn))
    _tiles[grid](y, w, x, N, C, D, H, W, OH, OW, K, L, *stride, *padding, precision, BM=bm, BN=bn, BK=bk)
    return x


class _TransposedConvolution(torch.autograd.Function):
    """The kernel as an operation with gradients: backward it is the forward convolution, of which it is the adjoint."""

    @staticmethod
    def forward(ctx: Any, y: torch.Tensor, w: torch.Tensor, stride: Any, padding: Any) -> torch.Tensor:
        ctx.save_for_backward(y, w)
        ctx.stride, ctx.padding = stride, padding
        small = y.numel() * w.shape[1] < 4096  # a tile should not be larger than what there is to draw
        return _launch_tiles(y, w, stride, padding, tile=(16, 16, 16) if small else (64, 32, 32))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None, None]:
        y, w = ctx.saved_tensors
        (gradient,) = gradients
        of_y = F.conv2d(gradient, w, stride=ctx.stride, padding=ctx.padding) if ctx.needs_input_grad[0] else None
        of_w = None
        if ctx.needs_input_grad[1]:
            of_w = conv2d_weight(gradient, w.shape, y, ctx.stride, ctx.padding)
        return of_y, of_w, None, None


def _float32(name: str, value: Any, axes: str) -> torch.Tensor:
    value = tensor(name, value, axes)
    if value.dtype is not torch.float32:
        raise TypeError(f"{name} must be a float32 tensor, got {value.dtype}")
    if value.numel() == 0:
        raise ValueError(f"{name} must not be empty, got shape {tuple(value.shape)}")
    return value.contiguous()


def _sizes(
    y: torch.Tensor, w: torch.Tensor, stride: int | tuple[int, int], padding: int | tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    stride, padding = pair("stride", stride, 1), pair("padding", padding, 0)
    (H, W), (K, L) = y.shape[-2:], w.shape[-2:]
    size = (H - 1) * stride[0] - 2 * padding[0] + K, (W - 1) * stride[1] - 2 * padding[1] + L
    if min(size) < 1:
        raise ValueError(f"the result would be {size[0]} x {size[1]}: padding {padding} cuts away all of it")
    return stride, padding, size
