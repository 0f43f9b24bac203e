"""Wrong answers to chapter 15 that learners give."""

from __future__ import annotations

import statistics
import time

import torch
import torch.nn.functional as F

from deconv_grader.checks.known_answers import mistake
from deconv_solutions import gpu as reference
from deconvlib.course.arguments import integer

# pick_device


@mistake("pick_device")
def pick_apple_first(prefer=None):
    """Apple's GPU came before CUDA

    The order asked for is CUDA, Apple's, CPU.
    """
    if prefer is None and torch.backends.mps.is_available():
        return torch.device("mps")
    return reference.pick_device(prefer)


@mistake("pick_device")
def pick_no_apple(prefer=None):
    """Apple's GPU was not thought of

    Between CUDA and the CPU there is torch.backends.mps.is_available().
    """
    if prefer is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return reference.pick_device(prefer)


@mistake("pick_device")
def pick_the_best_always(prefer=None):
    """the wish was not looked at

    With `prefer` the answer is that device, or an error; the best one is for prefer=None.
    """
    return reference.pick_device()


@mistake("pick_device")
def pick_falls_back(prefer=None):
    """a wish that cannot be met was forgotten, and another device taken

    A run that was meant for a GPU would go on for days on the CPU. Raise ValueError.
    """
    try:
        return reference.pick_device(prefer)
    except ValueError:
        return reference.pick_device()


@mistake("pick_device")
def pick_unasked(prefer=None):
    """the device that was wished for was made, and nobody asked whether it is there

    torch.device("cuda:7") is only a name. Ask torch.cuda.device_count() and torch.backends.mps.is_available().
    """
    if prefer is None:
        return reference.pick_device()
    if not isinstance(prefer, str | torch.device):
        raise TypeError("prefer")
    try:
        return torch.device(prefer)
    except RuntimeError as error:
        raise ValueError(str(error)) from None


@mistake("pick_device")
def pick_without_counting(prefer=None):
    """the index was not compared with the number of devices

    With two CUDA devices there are cuda:0 and cuda:1; cuda:2 has to be refused.
    """
    if prefer is None:
        return reference.pick_device()
    if not isinstance(prefer, str | torch.device):
        raise TypeError("prefer")
    try:
        device = torch.device(prefer)
        reference.pick_device(device.type)
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    return device


@mistake("pick_device")
def pick_a_name(prefer=None):
    """the name of a device was returned, not a torch.device

    PyTorch takes both in most places; device.type exists on one only. Wrap it: torch.device(name).
    """
    return str(reference.pick_device(prefer))


# time_on


def _waiter(device):
    return device if hasattr(device, "synchronize") else torch.get_device_module(torch.device(device))


@mistake("time_on")
def time_of_the_launch(device, function, *args, repeats=10, clock=time.perf_counter):
    """the clock was stopped when the call returned, before the device was done

    A GPU's call only puts work into a queue. Wait with synchronize() before you read the clock again.
    """
    repeats, of, seconds = integer("repeats", repeats, 1), _waiter(device), []
    function(*args)
    of.synchronize()
    for _ in range(repeats):
        began = clock()
        function(*args)
        seconds.append(clock() - began)
        of.synchronize()
    return float(statistics.median(seconds))


@mistake("time_on")
def time_without_waiting_first(device, function, *args, repeats=10, clock=time.perf_counter):
    """what the device had to do before was counted as well

    After the call that is not timed, wait; otherwise its work is still in the queue when the clock starts.
    """
    repeats, of, seconds = integer("repeats", repeats, 1), _waiter(device), []
    function(*args)
    for _ in range(repeats):
        began = clock()
        function(*args)
        of.synchronize()
        seconds.append(clock() - began)
    return float(statistics.median(seconds))


@mistake("time_on")
def time_cold(device, function, *args, repeats=10, clock=time.perf_counter):
    """there was no call before those that are timed

    The first call of an operation compiles and allocates, and can take a thousand times as long. Make one, and wait for it.
    """
    repeats, of, seconds = integer("repeats", repeats, 1), _waiter(device), []
    of.synchronize()
    for _ in range(repeats):
        began = clock()
        function(*args)
        of.synchronize()
        seconds.append(clock() - began)
    return float(statistics.median(seconds))


@mistake("time_on")
def time_of_them_all(device, function, *args, repeats=10, clock=time.perf_counter):
    """all calls were timed together and divided by their number

    One interruption then spoils the result, and calls overlap in the queue. Time each, and take the median.
    """
    repeats, of = integer("repeats", repeats, 1), _waiter(device)
    function(*args)
    of.synchronize()
    began = clock()
    for _ in range(repeats):
        function(*args)
    of.synchronize()
    return float((clock() - began) / repeats)


def _all(device, function, args, repeats, clock):
    repeats, of, seconds = integer("repeats", repeats, 1), _waiter(device), []
    function(*args)
    of.synchronize()
    for _ in range(repeats):
        began = clock()
        function(*args)
        of.synchronize()
        seconds.append(clock() - began)
    return seconds


@mistake("time_on")
def time_smallest(device, function, *args, repeats=10, clock=time.perf_counter):
    """the shortest time was returned

    It is a run that nobody will have. The median is asked for.
    """
    return float(min(_all(device, function, args, repeats, clock)))


@mistake("time_on")
def time_upper_of_the_middle(device, function, *args, repeats=10, clock=time.perf_counter):
    """of an even number, the upper one of the two in the middle was taken

    sorted(seconds)[n // 2] is the median of an odd number only. statistics.median takes their mean.
    """
    return float(sorted(_all(device, function, args, repeats, clock))[repeats // 2])


@mistake("time_on")
def time_without_arguments(device, function, *args, repeats=10, clock=time.perf_counter):
    """the function was called without its arguments

    Hand them on: function(*args).
    """
    return reference.time_on(device, function, repeats=repeats, clock=clock)


# train_step


def _step(model, batch, loss, optimiser, scaler=None, amp_dtype=None, channels_last=False, *, change=""):
    """The worked answer with one thing done otherwise."""
    if len(batch) != 2:
        raise ValueError("batch")
    device = next(model.parameters()).device
    x, target = batch if change == "not moved" else (part.to(device) for part in batch)
    if channels_last and x.ndim == 4 and change != "layout":
        x = x.contiguous(memory_format=torch.channels_last)
    if change == "always channels-last" and x.ndim == 4:
        x = x.contiguous(memory_format=torch.channels_last)
    if change != "piles up":
        optimiser.zero_grad()
    enabled = amp_dtype is not None and change != "no autocast"
    with torch.autocast(device.type, amp_dtype, enabled=enabled):
        output = model(x)
        if change != "loss outside":
            value = loss(output, target)
        if change == "backward inside":
            value.backward()
    if change == "loss outside":
        value = loss(output, target)
    scaled = value if scaler is None else scaler.scale(value)
    if change == "forgets at the end":
        scaled.backward()
        optimiser.zero_grad()
    elif change != "backward inside":
        (value if change == "unscaled" else scaled).backward()
    if scaler is None or change == "steps past the scaler":
        optimiser.step()
    else:
        scaler.step(optimiser)
    if scaler is not None and change != "never updated":
        scaler.update()
    if change == "number":
        return value.item()
    if change == "history":
        return value
    return (scaled if change == "returns the scaled" else value).detach()


@mistake("train_step")
def step_that_piles_up(*args, **keywords):
    """the gradients of earlier steps were not forgotten

    backward() adds to what is there. Call optimiser.zero_grad() first.
    """
    return _step(*args, **keywords, change="piles up")


@mistake("train_step")
def step_forgets_at_the_end(*args, **keywords):
    """the gradients were forgotten between the backward pass and the step

    optimiser.zero_grad() belongs before the backward pass; after it, nothing is left to step by.
    """
    return _step(*args, **keywords, change="forgets at the end")


@mistake("train_step")
def step_gives_a_number(*args, **keywords):
    """a Python number was returned

    .item() makes the CPU wait for the GPU at every step. Return loss.detach() and read it later.
    """
    return _step(*args, **keywords, change="number")


@mistake("train_step")
def step_keeps_the_history(*args, **keywords):
    """the loss was returned with its history

    Whoever collects losses would keep every step's graph in memory. Return loss.detach().
    """
    return _step(*args, **keywords, change="history")


@mistake("train_step")
def step_without_autocast(*args, **keywords):
    """nothing ran under autocast

    with torch.autocast(device.type, amp_dtype, enabled=amp_dtype is not None): around the forward pass and the loss.
    """
    return _step(*args, **keywords, change="no autocast")


@mistake("train_step")
def step_loss_outside(*args, **keywords):
    """the loss was computed outside autocast

    Autocast knows which losses need float32, also where the output is bfloat16. Put the loss under it.
    """
    return _step(*args, **keywords, change="loss outside")


@mistake("train_step")
def step_backward_inside(model, batch, loss, optimiser, scaler=None, amp_dtype=None, channels_last=False):
    """the backward pass ran under autocast

    Each operation goes back in the type in which it went forward, by itself. Leave the with block before backward().
    """
    if amp_dtype is None:
        return reference.train_step(model, batch, loss, optimiser, scaler, amp_dtype, channels_last)
    return _step(model, batch, loss, optimiser, scaler, amp_dtype, channels_last, change="backward inside")


@mistake("train_step")
def step_returns_the_scaled(*args, **keywords):
    """the scaled loss was returned

    The scale is for the backward pass only. Return the loss from before scaler.scale.
    """
    return _step(*args, **keywords, change="returns the scaled")


@mistake("train_step")
def step_past_the_scaler(*args, **keywords):
    """the optimizer stepped by gradients that are still scaled

    scaler.step(optimiser) divides them first. optimiser.step() does not know of the scale.
    """
    return _step(*args, **keywords, change="steps past the scaler")


@mistake("train_step")
def step_unscaled(*args, **keywords):
    """the loss was not scaled, and the gradients divided all the same

    scaler.step divides by the scale, so the backward pass has to start from scaler.scale(loss).
    """
    return _step(*args, **keywords, change="unscaled")


@mistake("train_step")
def step_never_updates_the_scaler(*args, **keywords):
    """the scaler was not updated

    Without scaler.update() its factor never changes: one overflow, and every step from then on is skipped.
    """
    return _step(*args, **keywords, change="never updated")


@mistake("train_step")
def step_keeps_the_layout(*args, **keywords):
    """`channels_last` was not looked at

    x.contiguous(memory_format=torch.channels_last) where x has four axes.
    """
    return _step(*args, **keywords, change="layout")


@mistake("train_step")
def step_always_channels_last(*args, **keywords):
    """the layout was changed without being asked

    Only with channels_last=True.
    """
    return _step(*args, **keywords, change="always channels-last")


@mistake("train_step")
def step_leaves_the_batch(*args, **keywords):
    """the batch stayed where it was

    Move x and target to the device of the model's parameters.
    """
    return _step(*args, **keywords, change="not moved")


# The kernels: computed by PyTorch, as the faulty kernel would.


def _right_row(y, w, stride, phase):
    """The right row by PyTorch, of what the worked answer takes; a kernel is launched, a small one."""
    y, w = reference._float32("y", y, "H"), reference._float32("w", w, "K")
    stride, phase = integer("stride", stride, 1), integer("phase", phase, 0)
    if phase >= stride:
        raise ValueError("phase")
    reference.row_phase_triton(torch.ones(1), torch.ones(1), 1, 0)
    return F.conv_transpose1d(y[None, None], w[None, None], stride=stride)[0, 0, phase::stride].clone()


def _right_plane(y, w, stride, padding=0):
    y, w = reference._float32("y", y, "HW"), reference._float32("w", w, "KL")
    stride, padding, _ = reference._sizes(y, w, stride, padding)
    reference.plane_triton(torch.ones(1, 1), torch.ones(1, 1), 1)
    return F.conv_transpose2d(y[None, None], w[None, None], stride=stride, padding=padding)[0, 0].clone()


def _row(y, w, stride, phase, taps=None, index=None):
    """Pixels of a phase by a loop: which taps, and which input each of them meets."""
    right = _right_row(y, w, stride, phase)
    y, w, x = y.contiguous(), w.contiguous(), torch.zeros_like(right)
    taps = taps or (lambda t: phase + t * stride)
    index = index or (lambda n, t: n - t)
    for n in range(len(x)):
        for t in range(max(0, -(-(len(w) - phase) // stride))):
            i, k = index(n, t), taps(t)
            if 0 <= i < len(y) and 0 <= k < len(w):
                x[n] += y[i] * w[k]
    return x


@mistake("row_phase_triton")
def row_not_flipped(y, w, stride, phase):
    """the taps run the wrong way: y[n + t] in the place of y[n - t]

    Pixel i of the input is spread to the right, so what arrives at n comes from n and from its left.
    """
    return _row(y, w, stride, phase, index=lambda n, t: n + t)


@mistake("row_phase_triton")
def row_every_tap(y, w, stride, phase):
    """neighboring taps were taken, not every stride-th

    A phase owns the taps phase, phase + stride, phase + 2 stride and so on.
    """
    return _row(y, w, stride, phase, taps=lambda t: phase + t)


@mistake("row_phase_triton")
def row_always_phase_0(y, w, stride, phase):
    """the taps start at 0, whatever the phase

    They start at w[phase].
    """
    return _row(y, w, stride, phase, taps=lambda t: t * stride)


@mistake("row_phase_triton")
def row_first_block_only(y, w, stride, phase):
    """every program draws the first block

    n starts at tl.program_id(0) * BLOCK, and the grid has as many programs as there are blocks.
    """
    x = _right_row(y, w, stride, phase)
    x[32:] = 0
    return x


@mistake("row_phase_triton")
def row_full_blocks_only(y, w, stride, phase):
    """the last block, which is not full, was left out

    The grid has triton.cdiv(N, BLOCK) programs, rounded up, and a mask at the store.
    """
    x = _right_row(y, w, stride, phase)
    if len(x) > 32:
        x[len(x) // 32 * 32 :] = 0
    return x


@mistake("row_phase_triton")
def row_too_few_taps(y, w, stride, phase):
    """the number of taps was rounded down

    A phase has (K - phase + stride - 1) // stride taps: rounded up.
    """
    right = _right_row(y, w, stride, phase)
    taps = (len(w) - phase) // stride
    if taps <= 0:
        return torch.zeros_like(right)
    return F.pad(_right_row(y, w[: phase + (taps - 1) * stride + 1], stride, phase), (0, 9))[: len(right)]


@mistake("row_phase_triton")
def row_edge_repeated(y, w, stride, phase):
    """beyond the row the pixel at its edge was read

    Outside there is nothing: mask the load with (i >= 0) & (i < H) and let other be 0.
    """
    last = len(y) - 1
    return _row(y, w, stride, phase, index=lambda n, t: min(max(n - t, 0), last))


@mistake("row_phase_triton")
def row_without_a_kernel(y, w, stride, phase):
    """the pixels are right, and no Triton kernel was launched

    Write a function with @triton.jit and launch it: kernel[(programs,)](...).
    """
    shape = reference._float32("y", y, "H"), reference._float32("w", w, "K")
    stride, phase = integer("stride", stride, 1), integer("phase", phase, 0)
    if phase >= stride:
        raise ValueError("phase")
    y, w = shape
    whole = torch.zeros((len(y) - 1) * stride + len(w))
    for k in range(len(w)):
        whole[k : k + (len(y) - 1) * stride + 1 : stride] += w[k] * y
    return whole[phase::stride].clone()


def _planes(y, w, stride, padding=0):
    """Checked as the worked answer checks, and as a batch of one."""
    _right_plane(y, w, stride, padding)
    both = lambda value: value if isinstance(value, tuple) else (value, value)  # noqa: E731
    return y[None, None], w[None, None], both(stride), both(padding)


@mistake("plane_triton")
def plane_flipped(y, w, stride, padding=0):
    """the kernel was turned around

    Pixel i meets tap u - i s: the transposed convolution does not flip its kernel.
    """
    y, w, stride, padding = _planes(y, w, stride, padding)
    return F.conv_transpose2d(y, w.flip(2, 3), stride=stride, padding=padding)[0, 0]


@mistake("plane_triton")
def plane_not_padded(y, w, stride, padding=0):
    """the result has the padded size, and shows the plane from its corner

    Pixel (u, v) of the result is (u + p, v + p) of the whole: the padding belongs into the kernel's phase and the input's row.
    """
    right = _right_plane(y, w, stride, padding)
    y, w, stride, _ = _planes(y, w, stride, padding)
    return F.conv_transpose2d(y, w, stride=stride)[0, 0, : right.shape[0], : right.shape[1]].clone()


@mistake("plane_triton")
def plane_padding_swapped(y, w, stride, padding=0):
    """the paddings of rows and columns changed places

    A pair is (rows, columns).
    """
    y, w, stride, padding = _planes(y, w, stride, padding)
    return F.conv_transpose2d(y, w, stride=stride, padding=padding[::-1])[0, 0]


@mistake("plane_triton")
def plane_stride_swapped(y, w, stride, padding=0):
    """the strides of rows and columns changed places

    A pair is (rows, columns).
    """
    y, w, stride, padding = _planes(y, w, stride, padding)
    return F.conv_transpose2d(y, w, stride=stride[::-1], padding=padding)[0, 0]


@mistake("plane_triton")
def plane_one_phase(y, w, stride, padding=0):
    """only the first phase was drawn

    The grid's first axis has one program for each of the s_h s_w phases.
    """
    right = _right_plane(y, w, stride, padding)
    _, _, (sh, sw), _ = _planes(y, w, stride, padding)
    x = torch.zeros_like(right)
    x[::sh, ::sw] = right[::sh, ::sw]
    return x


@mistake("plane_triton")
def plane_first_block(y, w, stride, padding=0):
    """of each phase only the first block of pixels was drawn

    The grid's second axis counts the blocks: q = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK).
    """
    right = _right_plane(y, w, stride, padding)
    _, _, (sh, sw), _ = _planes(y, w, stride, padding)
    x = torch.zeros_like(right)
    for rh in range(sh):
        for rw in range(sw):
            phase = right[rh::sh, rw::sw].clone()
            phase.view(-1)[32:] = 0
            x[rh::sh, rw::sw] = phase
    return x


@mistake("plane_triton")
def plane_square_phases(y, w, stride, padding=0):
    """row and column of the phase were taken from the wrong stride

    Phase number p has row p // s_w and column p % s_w.
    """
    right = _right_plane(y, w, stride, padding)
    _, _, (sh, sw), _ = _planes(y, w, stride, padding)
    x = torch.zeros_like(right)
    for number in range(sh * sw):
        rh, rw = number // sh, number % sh
        if rh < sh and rw < sw:
            x[rh::sh, rw::sw] = right[rh::sh, rw::sw]
    return x


def _tiles(y, w, stride=1, padding=0):
    """The settings as pairs, of what the worked answer takes; a kernel is launched, a small one."""
    y, w = reference._float32("y", y, "NCHW"), reference._float32("w", w, "CDKL")
    if y.shape[1] != w.shape[0]:
        raise ValueError("channels")
    stride, padding, _ = reference._sizes(y, w, stride, padding)
    reference.conv_transpose2d_triton(torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1, 1))
    return stride, padding


@mistake("conv_transpose2d_triton")
def tiles_flipped(y, w, stride=1, padding=0):
    """the kernel was turned around

    Pixel i meets tap u - i s: the transposed convolution does not flip its kernel.
    """
    stride, padding = _tiles(y, w, stride, padding)
    return F.conv_transpose2d(y, w.flip(2, 3), stride=stride, padding=padding)


@mistake("conv_transpose2d_triton")
def tiles_not_padded(y, w, stride=1, padding=0):
    """the result has the padded size, and shows the picture from its corner

    Pixel (u, v) of the result is (u + p, v + p) of the whole.
    """
    stride, padding = _tiles(y, w, stride, padding)
    right = F.conv_transpose2d(y, w, stride=stride, padding=padding)
    return F.conv_transpose2d(y, w, stride=stride)[..., : right.shape[2], : right.shape[3]].clone()


@mistake("conv_transpose2d_triton")
def tiles_first_picture(y, w, stride=1, padding=0):
    """only the first picture of the batch was drawn

    Number the pixels of a phase through all pictures: m // (nh * nw) is the picture.
    """
    stride, padding = _tiles(y, w, stride, padding)
    x = F.conv_transpose2d(y, w, stride=stride, padding=padding)
    x[1:] = 0
    return x


@mistake("conv_transpose2d_triton")
def tiles_first_channels_in(y, w, stride=1, padding=0):
    """input channels beyond the first tile were forgotten

    A loop over c0 in range(0, C, BK), inside the loops over the taps.
    """
    stride, padding = _tiles(y, w, stride, padding)
    few = 16 if y.numel() * w.shape[1] < 4096 else 32
    return F.conv_transpose2d(y[:, :few], w[:few], stride=stride, padding=padding)


@mistake("conv_transpose2d_triton")
def tiles_first_channels_out(y, w, stride=1, padding=0):
    """output channels beyond the first tile were not drawn

    The grid's third axis counts the tiles of output channels.
    """
    stride, padding = _tiles(y, w, stride, padding)
    x = F.conv_transpose2d(y, w, stride=stride, padding=padding)
    x[:, 16:] = 0
    return x


@mistake("conv_transpose2d_triton")
def tiles_first_pixels(y, w, stride=1, padding=0):
    """of each phase only the first tile of pixels was drawn

    m = tl.program_id(1) * BM + tl.arange(0, BM).
    """
    (sh, sw), padding = _tiles(y, w, stride, padding)
    right = F.conv_transpose2d(y, w, stride=(sh, sw), padding=padding)
    x = torch.zeros_like(right)
    for rh in range(sh):
        for rw in range(sw):
            phase = right[:, :, rh::sh, rw::sw].transpose(0, 1).contiguous()
            phase.view(len(phase), -1)[:, 64:] = 0
            x[:, :, rh::sh, rw::sw] = phase.transpose(0, 1)
    return x


@mistake("conv_transpose2d_triton")
def tiles_as_a_convolution(y, w, stride=1, padding=0):
    """the kernel's addresses are those of (out, in), not of (in, out)

    w is (C, D, K, L): the address of w[c, d] is (c * D + d) * K * L.
    """
    stride, padding = _tiles(y, w, stride, padding)
    C, D, K, L = w.shape
    return F.conv_transpose2d(y, w.contiguous().view(D, C, K, L).transpose(0, 1), stride=stride, padding=padding)


@mistake("conv_transpose2d_triton")
def tiles_strides_swapped(y, w, stride=1, padding=0):
    """the strides of rows and columns changed places

    A pair is (rows, columns).
    """
    stride, padding = _tiles(y, w, stride, padding)
    return F.conv_transpose2d(y, w, stride=stride[::-1], padding=padding)


@mistake("conv_transpose2d_triton")
def tiles_memory_order(y, w, stride=1, padding=0):
    """a tensor in channels-last memory was read as if its rows lay one after the other

    The kernel gets an address only. Hand it y.contiguous(), or the strides as well.
    """
    stride, padding = _tiles(y, w, stride, padding)
    y, w = (part.as_strided((part.numel(),), (1,)).view(part.shape) for part in (y, w))
    return F.conv_transpose2d(y, w, stride=stride, padding=padding)


@mistake("plane_triton")
def plane_a_launch_for_each_phase(y, w, stride, padding=0):
    """the pixels are right, and there are several launches

    A launch costs as much time as a small picture. Let tl.program_id(0) be the phase, and launch once.
    """
    reference.plane_triton(y[:1, :1], w, 1)
    return _right_plane(y, w, stride, padding)


@mistake("conv_transpose2d_triton")
def tiles_by_pytorch(y, w, stride=1, padding=0):
    """the pixels are right, and no kernel of yours drew them

    Launch a Triton kernel, once.
    """
    size = reference._sizes(reference._float32("y", y, "NCHW"), reference._float32("w", w, "CDKL"), stride, padding)
    if y.shape[1] != w.shape[0]:
        raise ValueError("channels")
    return F.conv_transpose2d(y, w, stride=size[0], padding=size[1])


@mistake("conv_transpose2d_triton")
def tiles_plane_by_plane(y, w, stride=1, padding=0):
    """the pixels are right, and they are sums over planes, without tl.dot

    A GPU has units that multiply tiles, many times as fast as its other ones. Only tl.dot uses them.
    """
    sizes = reference._sizes(reference._float32("y", y, "NCHW"), reference._float32("w", w, "CDKL"), stride, padding)
    if y.shape[1] != w.shape[0]:
        raise ValueError("channels")
    reference.plane_triton(y[0, 0], w[0, 0], 1)
    return F.conv_transpose2d(y, w, stride=sizes[0], padding=sizes[1])
