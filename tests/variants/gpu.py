"""Right answers to chapter 15, written otherwise."""

from __future__ import annotations

import time

import numpy as np
import torch

from deconv_grader.checks.known_answers import variant
from deconvlib.course.kernels import tl, triton

# pick_device


@variant("pick_device")
def pick_by_list(prefer=None):
    known = [torch.device("cuda", k) for k in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)]
    known += [torch.device("mps")] if torch.backends.mps.is_available() else []
    known += [torch.device("cpu")]
    if prefer is None:
        return torch.device(known[0].type)
    if not isinstance(prefer, str | torch.device):
        raise TypeError("prefer")
    try:
        asked = torch.device(prefer)
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    same = [one for one in known if (one.type, one.index or 0) == (asked.type, asked.index or 0)]
    if not same:
        raise ValueError("prefer")
    return asked


@variant("pick_device")
def pick_by_cases(prefer=None):
    """The questions asked one by one, the current accelerator left to PyTorch."""
    if prefer is None:
        if hasattr(torch, "accelerator"):
            found = torch.accelerator.current_accelerator()
        else:
            found = torch.device("cuda") if torch.cuda.is_available() else None
            found = found or (torch.device("mps") if torch.backends.mps.is_available() else None)
        return found or torch.device("cpu")
    if type(prefer) not in (str, torch.device):
        raise TypeError("prefer")
    name = str(prefer)
    kind, _, index = name.partition(":")
    if index and not index.isdigit():
        raise ValueError("prefer")
    number = int(index or 0)
    if kind == "cuda" and torch.cuda.is_available() and number < torch.cuda.device_count():
        return torch.device(name)
    if kind == "mps" and torch.backends.mps.is_available() and number == 0:
        return torch.device(name)
    if kind == "cpu" and number == 0:
        return torch.device(name)
    raise ValueError("prefer")


# time_on


@variant("time_on")
def time_numpy(device, function, *args, repeats=10, clock=time.perf_counter):
    if isinstance(repeats, bool) or not isinstance(repeats, int | np.integer):
        raise TypeError("repeats")
    if repeats < 1:
        raise ValueError("repeats")

    def wait():
        if hasattr(device, "synchronize"):
            device.synchronize()
        elif torch.device(device).type == "cuda":
            torch.cuda.synchronize(device)
        elif torch.device(device).type == "mps":
            torch.mps.synchronize()

    function(*args)
    wait()
    moments = np.empty((repeats, 2))
    for k in range(repeats):
        wait()
        moments[k, 0] = clock()
        function(*args)
        wait()
        moments[k, 1] = clock()
    return float(np.median(moments[:, 1] - moments[:, 0]))


@variant("time_on")
def time_sorted(device, function, *args, repeats=10, clock=time.perf_counter):
    if not hasattr(repeats, "__index__"):
        raise TypeError("repeats")
    if repeats <= 0:
        raise ValueError("repeats")
    wait = getattr(device, "synchronize", None) or torch.get_device_module(device).synchronize
    seconds = []
    for number in range(repeats + 1):
        wait()
        began = clock()
        function(*args)
        wait()
        if number:
            seconds.append(clock() - began)
    seconds.sort()
    return 0.5 * (seconds[(repeats - 1) // 2] + seconds[repeats // 2])


# train_step


@variant("train_step")
def step_in_blocks(model, batch, loss, optimiser, scaler=None, amp_dtype=None, channels_last=False):
    try:
        x, target = batch
    except ValueError:
        raise ValueError("batch") from None
    where = next(iter(model.parameters()))
    x, target = x.to(where.device), target.to(where.device)
    if channels_last and x.dim() == 4:
        x = x.to(memory_format=torch.channels_last)
    if amp_dtype is None:
        value = loss(model(x), target)
    else:
        with torch.autocast(device_type=where.device.type, dtype=amp_dtype):
            value = loss(model(x), target)
    scaler = scaler or torch.amp.GradScaler(where.device.type, enabled=False)
    optimiser.zero_grad(set_to_none=False)
    scaler.scale(value).backward()
    scaler.step(optimiser)
    scaler.update()
    return value.detach().clone()


@variant("train_step")
def step_unscaling_first(model, batch, loss, optimiser, scaler=None, amp_dtype=None, channels_last=False):
    """Gradients set to None by hand, unscaled before the step as for clipping."""
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise ValueError("batch")
    optimiser.zero_grad()
    device = {parameter.device for parameter in model.parameters()}.pop()
    x = batch[0].to(
        device, memory_format=torch.channels_last if channels_last and batch[0].ndim == 4 else torch.preserve_format
    )
    with torch.autocast(device.type, amp_dtype or torch.bfloat16, enabled=amp_dtype is not None):
        value = loss(model(x), batch[1].to(device))
    if scaler:
        scaler.scale(value).backward()
        scaler.unscale_(optimiser)
        scaler.step(optimiser)
        scaler.update()
    else:
        value.backward()
        optimiser.step()
    with torch.no_grad():
        return value + 0


# The kernels


def _rows(y, w, stride, phase):
    for value in (y, w):
        if not isinstance(value, torch.Tensor) or value.dtype != torch.float32:
            raise TypeError("float32")
        if value.ndim != 1 or not len(value):
            raise ValueError("one axis")
    if stride < 1 or not 0 <= phase < stride:
        raise ValueError("stride, phase")
    return max(0, -(-((len(y) - 1) * stride + len(w) - phase) // stride))


@variant("row_phase_triton")
def row_by_tiles(y, w, stride, phase):
    """The taps as a second axis of the tile, summed at the end; strides handed to the kernel."""

    @triton.jit
    def kernel(y, w, x, H, K, S, R, N, ys, ws, BLOCK: tl.constexpr, TAPS: tl.constexpr):
        n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)[:, None]
        t = tl.arange(0, TAPS)[None, :]
        i, k = n - t, R + t * S
        pixels = tl.load(y + i * ys, mask=(i >= 0) & (i < H), other=0.0)
        taps = tl.load(w + k * ws, mask=k < K, other=0.0)
        total = tl.sum(pixels * taps, axis=1)
        tl.store(
            x + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK),
            total,
            mask=tl.program_id(0) * BLOCK + tl.arange(0, BLOCK) < N,
        )

    N = _rows(y, w, stride, phase)
    x = torch.zeros(N)
    if N:
        taps = triton.next_power_of_2(max(1, -(-len(w) // stride)))
        kernel[(-(-N // 16),)](
            *(y, w, x, len(y), len(w), stride, phase, N, y.stride(0), w.stride(0)), BLOCK=16, TAPS=taps
        )
    return x


@triton.jit
def _one_pixel(y, w, x, H, K, S, R):
    n = tl.program_id(0)
    total = 0.0
    for t in range(0, (K - R + S - 1) // S):
        if (n - t >= 0) & (n - t < H):
            total += tl.load(y + n - t) * tl.load(w + R + t * S)
    tl.store(x + n, total)


@variant("row_phase_triton")
def row_pixel_by_pixel(y, w, stride, phase):
    """A program for each pixel: nothing is masked, and nothing is fast."""
    N = _rows(y, w, stride, phase)
    x = torch.zeros(N)
    if N:
        _one_pixel[(N,)](y.contiguous(), w.contiguous(), x, len(y), len(w), stride, phase)
    return x


def _both(value, smallest):
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if any(type(part) is not int for part in pair):
        raise TypeError("whole numbers")
    if min(pair) < smallest:
        raise ValueError("too small")
    return pair


def _checked(y, w, stride, padding, axes):
    for value in (y, w):
        if not isinstance(value, torch.Tensor) or value.dtype != torch.float32:
            raise TypeError("float32")
        if value.ndim != axes or not value.numel():
            raise ValueError("axes")
    (sh, sw), (ph, pw) = _both(stride, 1), _both(padding, 0)
    (H, W), (K, L) = y.shape[-2:], w.shape[-2:]
    OH, OW = (H - 1) * sh - 2 * ph + K, (W - 1) * sw - 2 * pw + L
    if OH < 1 or OW < 1:
        raise ValueError("no pixel")
    return sh, sw, ph, pw, OH, OW


@triton.jit
def _every_tap(y, w, x, H, W, K, L, OH, OW, SH, SW, PH, PW, ys, yt, ws, wt, BLOCK: tl.constexpr):
    """Blocks of whole rows of pixels: each tries every tap, and masks those of other phases."""
    u = tl.program_id(0)
    v = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for k in range(0, K):
        a = u + PH - k + tl.zeros((BLOCK,), dtype=tl.int32)  # a vector: masks are
        for c in range(0, L):
            b = v + PW - c
            there = (a % SH == 0) & (b % SW == 0) & (a >= 0) & (a // SH < H) & (b >= 0) & (b // SW < W)
            total += tl.load(y + (a // SH) * ys + (b // SW) * yt, mask=there, other=0.0) * tl.load(w + k * ws + c * wt)
    tl.store(x + u * OW + v, total, mask=v < OW)


@variant("plane_triton")
def plane_by_phase_sums(y, w, stride, padding=0):
    """Programs of 8 x 8 pixels of one phase."""
    sh, sw, ph, pw, OH, OW = _checked(y, w, stride, padding, 2)

    @triton.jit
    def kernel(y, w, x, H, W, K, L, OH, OW, SH, SW, PH, PW, ys, yt, ws, wt, WIDE, B: tl.constexpr):
        u = ((tl.program_id(1) // WIDE) * B + tl.arange(0, B)) * SH + tl.program_id(0) // SW
        v = ((tl.program_id(1) % WIDE) * B + tl.arange(0, B)) * SW + tl.program_id(0) % SW
        total = tl.zeros((B, B), dtype=tl.float32)
        for k in range((tl.program_id(0) // SW + PH) % SH, K, SH):
            i = (u + PH - k) // SH
            for c in range((tl.program_id(0) % SW + PW) % SW, L, SW):
                j = (v + PW - c) // SW
                rows = (u + PH >= k) & (i < H)
                columns = (v + PW >= c) & (j < W)
                pixels = tl.load(
                    y + i[:, None] * ys + j[None, :] * yt, mask=rows[:, None] & columns[None, :], other=0.0
                )
                total += pixels * tl.load(w + k * ws + c * wt)
        tl.store(x + u[:, None] * OW + v[None, :], total, mask=(u < OH)[:, None] & (v < OW)[None, :])

    x = torch.zeros(OH, OW)
    high, wide = -(-OH // (8 * sh)), -(-OW // (8 * sw))
    kernel[(sh * sw, high * wide)](
        *(y, w, x, *y.shape, *w.shape, OH, OW, sh, sw, ph, pw, *y.stride(), *w.stride(), wide), B=8
    )
    return x


@variant("plane_triton")
def plane_row_by_row(y, w, stride, padding=0):
    sh, sw, ph, pw, OH, OW = _checked(y, w, stride, padding, 2)
    x = torch.empty(OH, OW)
    _every_tap[(OH, triton.cdiv(OW, 16))](
        *(y, w, x, *y.shape, *w.shape, OH, OW, sh, sw, ph, pw, *y.stride(), *w.stride()), BLOCK=16
    )
    return x


@variant("conv_transpose2d_triton")
def tiles_gathered(y, w, stride=1, padding=0):
    """Taps and input channels as one axis of the product, by quotient and remainder; strides handed to the kernel."""
    sh, sw, ph, pw, OH, OW = _checked(y, w, stride, padding, 4)
    if y.shape[1] != w.shape[0]:
        raise ValueError("channels")

    @triton.jit
    def kernel(y, w, x, H, W, C, D, K, L, OH, OW, SH, SW, PH, PW, y0, y1, y2, y3, w0, w1, w2, w3, B: tl.constexpr):
        n = tl.program_id(0) // (SH * SW)
        rh = tl.program_id(0) // SW % SH
        rw = tl.program_id(0) % SW
        kh = (rh + PH) % SH
        kw = (rw + PW) % SW
        th = (K - kh + SH - 1) // SH
        tw = (L - kw + SW - 1) // SW
        nw = (OW - rw + SW - 1) // SW
        nh = (OH - rh + SH - 1) // SH
        q = tl.program_id(1) * B + tl.arange(0, B)
        qh = q // tl.maximum(nw, 1)
        qw = q % tl.maximum(nw, 1)
        d = tl.program_id(2) * B + tl.arange(0, B)
        acc = tl.zeros((B, B), dtype=tl.float32)
        for e0 in range(0, th * tw * C, B):
            e = e0 + tl.arange(0, B)
            t = e % tl.maximum(th * tw, 1)
            c = e // tl.maximum(th * tw, 1)
            a = t // tl.maximum(tw, 1)
            b = t % tl.maximum(tw, 1)
            i = (qh + (rh + PH) // SH)[:, None] - a[None, :]
            j = (qw + (rw + PW) // SW)[:, None] - b[None, :]
            inside = (i >= 0) & (i < H) & (j >= 0) & (j < W) & (c < C)[None, :] & (qh < nh)[:, None]
            left = tl.load(y + n * y0 + c[None, :] * y1 + i * y2 + j * y3, mask=inside, other=0.0)
            taps = w + c * w0 + (kh + a * SH) * w2 + (kw + b * SW) * w3
            right = tl.load(taps[:, None] + d[None, :] * w1, mask=(c < C)[:, None] & (d < D)[None, :], other=0.0)
            acc += tl.dot(left, right, input_precision="ieee")
        place = x + ((n * D + d)[None, :] * OH + (qh * SH + rh)[:, None]) * OW + (qw * SW + rw)[:, None]
        tl.store(place, acc, mask=((qh < nh) & (qw < nw))[:, None] & (d < D)[None, :])

    (N, C, H, W), (_, D, K, L) = y.shape, w.shape
    x = torch.empty(N, D, OH, OW)
    pixels = -(-OH // sh) * -(-OW // sw)
    kernel[(N * sh * sw, triton.cdiv(pixels, 16), triton.cdiv(D, 16))](
        *(y, w, x, H, W, C, D, K, L, OH, OW, sh, sw, ph, pw, *y.stride(), *w.stride()), B=16
    )
    return x


@triton.jit
def _turned(y, w, x, C, D, H, W, K, L, OH, OW, SH, SW, PH, PW, B: tl.constexpr):
    """Output channels are the rows of the tile, pixels of one output row and one phase its columns."""
    u = tl.program_id(0) % OH
    n = tl.program_id(0) // OH
    rw = tl.program_id(1) % SW
    v = (tl.program_id(1) // SW * B + tl.arange(0, B)) * SW + rw
    d = tl.program_id(2) * B + tl.arange(0, B)
    acc = tl.zeros((B, B), dtype=tl.float32)
    for k in range((u + PH) % SH, K, SH):
        i = (u + PH - k) // SH
        if (u + PH >= k) & (i < H):
            for c in range((rw + PW) % SW, L, SW):
                j = (v + PW - c) // SW
                there = (v + PW >= c) & (j < W)
                for c0 in range(0, C, B):
                    e = c0 + tl.arange(0, B)
                    taps = tl.load(
                        w + ((e[None, :] * D + d[:, None]) * K + k) * L + c,
                        mask=(e < C)[None, :] & (d < D)[:, None],
                        other=0.0,
                    )
                    pixels = tl.load(
                        y + ((n * C + e[:, None]) * H + i) * W + j[None, :],
                        mask=(e < C)[:, None] & there[None, :],
                        other=0.0,
                    )
                    acc = tl.dot(taps, pixels, acc, input_precision="ieee")
    tl.store(x + ((n * D + d[:, None]) * OH + u) * OW + v[None, :], acc, mask=(d < D)[:, None] & (v < OW)[None, :])


@variant("conv_transpose2d_triton")
def tiles_turned(y, w, stride=1, padding=0):
    sh, sw, ph, pw, OH, OW = _checked(y, w, stride, padding, 4)
    if y.shape[1] != w.shape[0]:
        raise ValueError("channels")
    y, w = y.contiguous(), w.contiguous()
    (N, C, H, W), (_, D, K, L) = y.shape, w.shape
    x = torch.empty(N, D, OH, OW)
    grid = (N * OH, sw * triton.cdiv(-(-OW // sw), 16), triton.cdiv(D, 16))
    _turned[grid](y, w, x, C, D, H, W, K, L, OH, OW, sh, sw, ph, pw, B=16)
    return x
