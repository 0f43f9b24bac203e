"""Everything a GPU changes: devices, waiting, precision, layout, and a kernel of one's own in Triton. Chapter 15."""

from __future__ import annotations

import statistics  # noqa: F401 (for your answers)
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from deconvlib.course.arguments import integer, pair  # noqa: F401 (for your answers)
from deconvlib.course.exercise import exercise
from deconvlib.course.kernels import tl, triton  # noqa: F401 (Triton itself, or what says that it is missing)
from deconvlib.course.tensors import tensor  # noqa: F401 (for your answers)


@exercise(
    title="Which device?",
    points=3,
    minutes=10,
    difficulty=1,
    forbids=("scipy",),
    hints=(
        "Three questions, in this order: torch.cuda.is_available(), torch.backends.mps.is_available(), and if both say no, "
        "torch.device('cpu').",
        "torch.device('cuda:7') can be made on any machine: it is only a name. Whether the machine has it you must ask: "
        "torch.cuda.device_count() says how many there are.",
        "torch.device('abacus') raises a RuntimeError; turn it into a ValueError. A device has a type, 'cuda', and an index, "
        "which is None where none was named.",
    ),
)
def pick_device(prefer: str | torch.device | None = None) -> torch.device:
    """Return the device to compute on: the one that is asked for, or else the best there is.

    The best is a CUDA device, else Apple's (``mps``), else the CPU. Nothing is allocated to find out: ask
    ``torch.cuda.is_available``, ``torch.cuda.device_count`` and ``torch.backends.mps.is_available``.

    Parameters
    ----------
    prefer : str or torch.device, optional
        Such as ``"cpu"`` or ``"cuda:1"``. A wish that cannot be met is an error: whoever asks for a GPU does not want to find
        out a day later that the CPU did the work.

    Returns
    -------
    device : torch.device
        As it was named, with an index only if one was named.

    Raises
    ------
    TypeError
        If `prefer` is neither text nor a device.
    ValueError
        If `prefer` names no device, or one that this machine does not have. There are the CPU (index 0 or none), as many CUDA
        devices as PyTorch counts, and one Apple GPU or none; no others.

    Examples
    --------
    >>> pick_device("cpu")
    device(type='cpu')
    """
    raise NotImplementedError


@exercise(
    title="How long does it take, really?",
    points=4,
    minutes=20,
    difficulty=2,
    forbids=("scipy", "torch.utils.benchmark"),
    hints=(
        "A call on a GPU returns before the work is done. When may you read the clock: when the call returns, or when the "
        "device says that it is done?",
        "One call that is not timed, then wait. Then `repeats` times: read the clock, call, wait, read the clock.",
        "What waits: device.synchronize if there is such a thing, otherwise "
        "torch.get_device_module(torch.device(device)).synchronize.",
        "statistics.median of the differences. The mean is spoiled by one interruption; the minimum is a run that nobody has.",
    ),
)
def time_on(
    device: Any,
    function: Callable[..., Any],
    *args,
    repeats: int = 10,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return how many seconds ``function(*args)`` takes on a device: the median of several calls, each waited for.

    The first call is not timed: it compiles, allocates, and chooses algorithms. Whatever the device still has to do is waited
    for before the clock is read, at the beginning of each timed call and at its end.

    Parameters
    ----------
    device : str, torch.device, or an object with a method ``synchronize()``
        Where the work is done. For a name or a torch.device, ``torch.get_device_module(device).synchronize()`` waits; the CPU
        has one too, which returns at once.
    function, args
        Called once, and `repeats` times more. What it returns is dropped.
    repeats : int
        Timed calls, at least 1.
    clock : callable
        Gives seconds.

    Returns
    -------
    seconds : float
        Of the one in the middle; of an even number, the mean of the two in the middle.

    Raises
    ------
    TypeError
        If `repeats` is no whole number.
    ValueError
        If it is below 1. Nothing is called then.

    Examples
    --------
    >>> ticks = iter([0.0, 3.0, 10.0, 11.0, 20.0, 22.0])
    >>> time_on("cpu", print, "work", repeats=3, clock=lambda: next(ticks))
    work
    work
    work
    work
    2.0
    """
    raise NotImplementedError


@exercise(
    title="One step, on any device, in any precision",
    points=6,
    minutes=30,
    difficulty=2,
    forbids=("scipy",),
    hints=(
        "Seven things in order: move the batch, forget old gradients, forward pass, loss, backward pass, step, return the loss.",
        "with torch.autocast(device.type, amp_dtype, enabled=amp_dtype is not None): around the forward pass and the loss. The "
        "backward pass uses the same types by itself and stays outside.",
        "With a scaler: scaler.scale(value).backward(), scaler.step(optimiser), scaler.update(). What you return is the loss "
        "before it was scaled.",
        "x.to(device, memory_format=torch.channels_last) where channels_last and x.ndim == 4. Return loss.detach(): .item() "
        "would make the CPU wait for the GPU at every step.",
    ),
)
def train_step(
    model: nn.Module,
    batch: tuple[torch.Tensor, torch.Tensor],
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    optimiser: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler | None = None,
    amp_dtype: torch.dtype | None = None,
    channels_last: bool = False,
) -> torch.Tensor:
    """Learn from one batch: forward, loss, backward, step; and return the loss.

    Parameters
    ----------
    model : torch.nn.Module
        Where it is, the batch is moved to. It changes.
    batch : (x, target)
        Two tensors, on any device. They stay as they are.
    loss : callable
        ``loss(model(x), target)`` is a tensor with one number.
    optimiser : torch.optim.Optimizer
        Of the model's parameters. Gradients of earlier steps are forgotten first.
    scaler : torch.amp.GradScaler, optional
        Multiplies the loss before the backward pass, so that small gradients are not 0 in float16; divides the gradients
        before the step; skips a step with infinite ones; adapts its factor.
    amp_dtype : torch.dtype, optional
        The forward pass and the loss run under autocast in this type: products in it, sums of many numbers in float32. The
        backward pass is not put under autocast.
    channels_last : bool
        Hand the model an `x` of four axes in memory format ``torch.channels_last``. The model itself is the caller's to convert.

    Returns
    -------
    loss : tensor with one number
        Not scaled, without its history, where the model is. Not a Python number: to have that, the CPU would have to wait.

    Raises
    ------
    ValueError
        If `batch` is not two things.

    Notes
    -----
    P. Micikevicius and others, Mixed Precision Training, ICLR 2018: float32 weights, scaled losses, sums in float32.

    Examples
    --------
    >>> model = nn.Linear(1, 1, bias=False)
    >>> nn.init.constant_(model.weight, 3.0).item()
    3.0
    >>> sgd = torch.optim.SGD(model.parameters(), lr=0.25)
    >>> train_step(model, (torch.tensor([[2.0]]), torch.tensor([[4.0]])), nn.functional.mse_loss, sgd)
    tensor(4.)
    >>> model.weight.item()
    1.0
    """
    raise NotImplementedError


@exercise(
    title="Triton 1: one phase of one row",
    points=4,
    minutes=30,
    difficulty=2,
    forbids=("scipy", "torch.nn.functional.conv_transpose1d", "torch.nn.functional.conv_transpose2d"),
    requires=("triton",),
    hints=(
        "Write the kernel as a function above yours, with @triton.jit over it and a name that no other kernel has. One program "
        "draws BLOCK pixels: "
        "n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK).",
        "Pixel n of the phase is the sum over t of y[n - t] w[phase + t stride]. The taps are the same for the whole block, so "
        "t is an ordinary loop: for t in range(0, (K - phase + stride - 1) // stride).",
        "n - t may lie before the row or behind it: i = n - t; tl.load(y + i, mask=(i >= 0) & (i < H), other=0.0). The last "
        "block reaches over the end: tl.store(x + n, total, mask=n < N).",
        "Around it: x = torch.empty(N), then kernel[(triton.cdiv(N, 32),)](y, w, x, ..., BLOCK=32), if N is not 0. The kernel "
        "gets addresses and counts in steps of 1, so hand it y.contiguous().",
    ),
)
def row_phase_triton(y: torch.Tensor, w: torch.Tensor, stride: int, phase: int) -> torch.Tensor:
    """Draw every `stride`-th pixel of a transposed convolution of one row, with a kernel of your own.

    Without padding the whole row x has (H - 1) stride + K pixels. Asked for are x[phase], x[phase + stride], x[phase + 2 stride]
    and so on. Number n of them is the sum of y[n - t] w[phase + t stride] over all t for which both exist; chapter 6 calls
    w[phase::stride] the kernel's phase.

    Parameters
    ----------
    y : float32 tensor (H,)
        The row, at least one pixel.
    w : float32 tensor (K,)
        The kernel, at least one tap.
    stride : int
        At least 1.
    phase : int
        From 0 to stride - 1.

    Returns
    -------
    x : float32 tensor (N,)
        N = ceil(((H - 1) stride + K - phase) / stride), or 0 where that is negative. A pixel that no tap reaches is 0.

    Raises
    ------
    TypeError
        If `y` and `w` are not float32 tensors.
    ValueError
        If one has another number of axes or is empty, or `stride` or `phase` is out of range.

    Notes
    -----
    A check sees to it that a Triton kernel is launched. Without a GPU it runs in Triton's interpreter, one program after the
    other, which is slow and computes the same.

    Examples
    --------
    >>> y, w = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 10.0, 100.0])
    >>> row_phase_triton(y, w, stride=2, phase=0).tolist()
    [1.0, 102.0, 200.0]
    >>> row_phase_triton(y, w, stride=2, phase=1).tolist()
    [10.0, 20.0]
    """
    raise NotImplementedError


@exercise(
    title="Triton 2: every phase of a plane, with masks",
    points=5,
    minutes=45,
    difficulty=3,
    forbids=("scipy", "torch.nn.functional.conv_transpose2d"),
    requires=("triton",),
    hints=(
        "A grid of two axes: program_id(0) is the phase, one of s_h s_w; program_id(1) the block of pixels within it. Row and "
        "column of the phase are its quotient and remainder by s_w.",
        "The pixels of a phase form a smaller plane of nh x nw. Number them in one row, q; their row and column are q // nw and "
        "q % nw. nw may be 0: divide by tl.maximum(nw, 1).",
        "Padding cuts pixels away at the beginning: pixel (u, v) of the result is pixel (u + p, v + p) of the whole. So the "
        "kernel's first row is (rh + p) % s, and it meets input row qh + (rh + p) // s.",
        "Two loops over the taps, a mask for every load, a mask for the store. A mask is a vector: put what is true or false for "
        "the whole program into a loop's bounds, not into the mask.",
    ),
)
def plane_triton(
    y: torch.Tensor, w: torch.Tensor, stride: int | tuple[int, int], padding: int | tuple[int, int] = 0
) -> torch.Tensor:
    """Transposed convolution of one plane by one kernel, all of it in a single launch.

    Parameters
    ----------
    y : float32 tensor (H, W)
    w : float32 tensor (K, L)
    stride, padding : int or (int, int)
        Strides at least 1, paddings at least 0.

    Returns
    -------
    x : float32 tensor ((H - 1) s - 2 p + K, (W - 1) s' - 2 p' + L)
        What ``torch.nn.functional.conv_transpose2d`` gives. A pixel that no tap reaches is 0.

    Raises
    ------
    TypeError
        If `y` and `w` are not float32 tensors, or a stride or a padding is no whole number.
    ValueError
        If one has another number of axes or is empty, a number is out of range, or the result would have no pixel.

    Notes
    -----
    No two programs write the same pixel, so none has to wait for another: every pixel asks which inputs it needs. The other way
    round, every input adding itself to the pixels that it reaches, would need additions that cannot be interrupted.

    Examples
    --------
    >>> y, w = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 10.0, 100.0], [5.0, 50.0, 500.0]])
    >>> plane_triton(y, w, stride=2).tolist()
    [[1.0, 10.0, 102.0, 20.0, 200.0], [5.0, 50.0, 510.0, 100.0, 1000.0]]
    >>> plane_triton(y, w, stride=2, padding=(0, 1)).tolist()
    [[10.0, 102.0, 20.0], [50.0, 510.0, 100.0]]
    """
    raise NotImplementedError


@exercise(
    title="Triton 3: the tiled product",
    points=7,
    minutes=75,
    difficulty=3,
    forbids=("scipy", "torch.nn.functional.conv_transpose2d"),
    requires=("triton",),
    hints=(
        "A program draws a tile: BM pixels of one phase, numbered through all pictures of the batch, times BN output channels. Its "
        "sum is a matrix: acc = tl.zeros((BM, BN), dtype=tl.float32).",
        "For every tap, and for every BK input channels, two tiles are loaded: (BM, BK) of the input, (BK, BN) of the kernel. "
        "acc = tl.dot(a, b, acc, input_precision='ieee') adds their product.",
        "Addresses of a tile are a column plus a row: (pixels)[:, None] + (channels * H * W)[None, :]. Its mask likewise.",
        "Input channels beyond C must be masked in both tiles: 0 times what happens to lie there is not always 0. Blocks of at "
        "least 16 each way are what tl.dot wants on a GPU.",
        "A pixel's number m gives picture, row and column: n = m // (nh * nw), q = m % (nh * nw), then as in the exercise before.",
    ),
)
def conv_transpose2d_triton(
    y: torch.Tensor, w: torch.Tensor, stride: int | tuple[int, int] = 1, padding: int | tuple[int, int] = 0
) -> torch.Tensor:
    """Transposed convolution with channels and batches, as products of tiles, in a single launch.

    For each phase it is a matrix product: pixels times (taps and input channels), by (taps and input channels) times output
    channels. The first matrix is never built: its tiles are gathered from `y` when they are needed, which is why the method is
    called an implicit product.

    Parameters
    ----------
    y : float32 tensor (N, C, H, W)
    w : float32 tensor (C, D, K, L)
        The layout of ``torch.nn.functional.conv_transpose2d``.
    stride, padding : int or (int, int)
        Strides at least 1, paddings at least 0.

    Returns
    -------
    x : float32 tensor (N, D, (H - 1) s - 2 p + K, (W - 1) s' - 2 p' + L)
        Within rounding of float32 sums. Gradients are not asked for.

    Raises
    ------
    TypeError
        If `y` and `w` are not float32 tensors, or a stride or a padding is no whole number.
    ValueError
        If one has another number of axes or is empty, their C differ, a number is out of range, or the result would have no pixel.

    Notes
    -----
    P. Tillet, H. T. Kung and D. Cox, Triton: An Intermediate Language and Compiler for Tiled Neural Network Computations,
    MAPL 2019.

    Examples
    --------
    >>> y = torch.tensor([1.0, 2.0]).reshape(1, 2, 1, 1)
    >>> w = torch.tensor([[1.0, 10.0], [100.0, 1000.0]]).reshape(2, 1, 1, 2)
    >>> conv_transpose2d_triton(y, w).tolist()
    [[[[201.0, 2010.0]]]]
    """
    raise NotImplementedError
