"""What grades chapter 15."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from deconv_grader.checks.writing import check, draw_array, seeds
from deconv_grader.values.handles import Made

# pick_device


def on_a_machine(make, cuda, mps, prefer=None):
    "pick_device(prefer) on a machine with `cuda` CUDA devices, and with Apple's GPU if `mps`"
    machine = make.place(Made("rehearsals:Machine", cuda, mps))
    try:
        return machine.call("text", make() if prefer is None else make(prefer))
    finally:
        with contextlib.suppress(Exception):  # its process may be gone
            machine.call("restore")


def with_a_device(make, cuda, mps, prefer):
    "pick_device(torch.device(prefer)) on a machine with `cuda` CUDA devices, and with Apple's GPU if `mps`"
    machine = make.place(Made("rehearsals:Machine", cuda, mps))
    try:
        return machine.call("text", make(machine.call("device", prefer)))
    finally:
        with contextlib.suppress(Exception):
            machine.call("restore")


@check("pick_device", "the best there is: CUDA, else Apple's, else the CPU", weight=3)
def test_pick_the_best(learner):
    pick = learner.pick_device.through(on_a_machine)
    pick.gives("cpu", 0, False)
    pick.gives("mps", 0, True)
    pick.gives("cuda", 2, False)
    pick.gives("cuda", 1, True)


@check("pick_device", "a wish that can be met is met", weight=2)
def test_pick_the_wish(learner):
    pick = learner.pick_device.through(on_a_machine)
    pick.gives("cpu", 2, False, "cpu")
    pick.gives("cuda:1", 2, False, "cuda:1")
    pick.gives("cuda", 2, False, "cuda:0")
    pick.gives("mps", 1, True, "mps")
    learner.pick_device.through(with_a_device).gives("cuda:2", 3, False, "cuda:2")


@check("pick_device", "a wish that cannot be met is refused, not forgotten", weight=3)
def test_pick_refuses(learner):
    pick = learner.pick_device.through(on_a_machine)
    pick.raises(ValueError, 0, False, "cuda")
    pick.raises(ValueError, 2, False, "cuda:2")
    pick.raises(ValueError, 2, False, "mps")
    pick.raises(ValueError, 0, True, "cuda:0")
    pick.raises(ValueError, 0, True, "mps:1")
    learner.pick_device.through(with_a_device).raises(ValueError, 0, False, "cuda")


@check("pick_device", "refuses what names no device that it knows")
def test_pick_refuses_nonsense(learner):
    pick = learner.pick_device.through(on_a_machine)
    pick.raises(ValueError, 1, False, "abacus")
    pick.raises(ValueError, 1, False, "cuda:x")
    pick.raises(ValueError, 1, False, "meta")
    pick.raises(ValueError, 1, False, "cpu:1")
    pick.raises(TypeError, 1, False, 3.5)


# time_on


def timed(make, durations, launch, pending, repeats):
    "time_on(device, work, repeats=repeats, clock=clock): a launch takes `launch` s, the work `durations` s, call by call"
    watch = make.place(Made("rehearsals:Stopwatch", durations, launch, pending))
    return make(watch.get("device"), watch.get("work"), repeats=repeats, clock=watch.get("clock"))


def counted(make, repeats, args):
    "the arguments of each call of `work` in time_on(device, work, *args, repeats=repeats)"
    watch = make.place(Made("rehearsals:Stopwatch", [1.0]))
    more = {} if repeats is None else {"repeats": repeats}
    make(watch.get("device"), watch.get("work"), *args, clock=watch.get("clock"), **more)
    return watch.call("calls")


def asleep(make, device):
    "time_on(device, sleep, repeats=2), where sleep() takes at least 0.01 s"
    watch = make.place(Made("rehearsals:Stopwatch", [1.0]))
    return make(device, watch.get("sleep"), repeats=2)


@check("time_on", "one call: until the device is done, not until the call returns", weight=3)
def test_time_is_waited_for(learner):
    # The first call and the work from before are over when the clock starts.
    learner.time_on.through(timed).gives(3.25, [9.0, 3.0], 0.25, 0.0, 1)
    learner.time_on.through(timed).gives(3.25, [9.0, 3.0], 0.25, 40.0, 1)


@check("time_on", "several calls: the median of single calls", weight=3)
def test_time_is_a_median(learner):
    learner.time_on.through(timed).gives(2.5, [9.0, 2.0, 1.0, 30.0], 0.5, 0.0, 3)
    learner.time_on.through(timed).gives(4.5, [1.0, 8.0, 2.0, 30.0, 4.0, 1.0, 4.0], 0.5, 0.0, 6)


@check("time_on", "of an even number, the mean of the two in the middle")
def test_time_of_an_even_number(learner):
    learner.time_on.through(timed).gives(6.0, [1.0, 8.0, 2.0, 30.0, 4.0], 0.0, 0.0, 4)


@check("time_on", "every call gets the arguments; one more call than is timed", weight=2)
def test_time_calls(learner):
    learner.time_on.through(counted).gives([["a", 2]] * 4, 3, ["a", 2])
    learner.time_on.through(counted).gives([[]] * 11, None, [])


@check("time_on", "on a device by its name, with the real clock", weight=2)
def test_time_on_the_cpu(learner):
    seconds = learner.time_on.through(asleep)("cpu")
    learner.require(isinstance(seconds, float), "the result is a float", yours=seconds)
    learner.require(0.0099 <= seconds < 60, "sleeping for 0.01 s takes at least 0.01 s", yours=seconds)


@check("time_on", "refuses to time nothing, before anything is called")
def test_time_refuses(learner):
    learner.time_on.through(timed).raises(ValueError, [1.0], 0.0, 0.0, 0)
    learner.time_on.through(timed).raises(ValueError, [1.0], 0.0, 0.0, -1)
    learner.time_on.through(timed).raises(TypeError, [1.0], 0.0, 0.0, 2.5)


# train_step

LINE = [[3.0, -1.0]]
FILTER = [[[[0.5, -1.0]], [[2.0, 0.25]]]]


def linear_batch(seed=0, count=4):
    return torch.from_numpy(draw_array((count, 2), seed, np.float32, low=-3, high=3)), torch.ones(count, 1)


def image_batch(seed=1):
    x = torch.from_numpy(draw_array((2, 2, 3, 4), seed, np.float32, low=-3, high=3))
    return x, torch.zeros(2, 1, 3, 3)


def trained(make, weight, batches, options=()):
    "for batch in batches: train_step(model, batch, mean square, SGD at rate 0.5, options): losses, and the weight after"
    stage = make.place(Made("rehearsals:Training", weight))
    asked = {name: stage.get(name) if name == "scaler" else True for name in options if name != "bfloat16"}
    if "bfloat16" in options:
        asked["amp_dtype"] = stage.get("bfloat16")
    losses = [make(stage.get("model"), batch, stage.get("loss"), stage.get("optimiser"), **asked) for batch in batches]
    return losses, stage.call("weights")


def seen(make, weight, batch, options=(), of=("forward", "loss", "gradient")):
    "what happens, in order, in train_step(model, batch, loss, optimiser, options)"
    stage = make.place(Made("rehearsals:Training", weight))
    asked = {name: stage.get(name) if name == "scaler" else True for name in options if name != "bfloat16"}
    if "bfloat16" in options:
        asked["amp_dtype"] = stage.get("bfloat16")
    batch = stage.get("elsewhere") if batch is None else batch
    make(stage.get("model"), batch, stage.get("loss"), stage.get("optimiser"), **asked)
    return [event for event in stage.call("events") if event.startswith(tuple(of))]


def given_back(make):
    "type(loss), loss.requires_grad of loss = train_step(model, batch, mean square, SGD)"
    stage = make.place(Made("rehearsals:Training", LINE))
    found = make(stage.get("model"), linear_batch(), stage.get("loss"), stage.get("optimiser"))
    return stage.call("about", found)


def expected_steps(weight, batches, dtype=torch.float32):
    """By torch's own layers, written out."""
    w = torch.tensor(weight, requires_grad=True)
    losses = []
    for x, target in batches:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16):
            out = F.conv2d(x, w) if x.ndim == 4 else F.linear(x, w)
            value = (out.float() - target).square().mean()
        (gradient,) = torch.autograd.grad(value, w)
        with torch.no_grad():
            w -= 0.5 * gradient
        losses.append(value.detach())
    return losses, w.detach().clone()


@check("train_step", "one step in float32: the loss before it, the weight after it", weight=3)
def test_one_step(learner):
    learner.train_step.through(trained).gives(expected_steps(LINE, [linear_batch()]), LINE, [linear_batch()])


@check("train_step", "two steps: the second forgets the gradient of the first", weight=2)
def test_two_steps(learner):
    batches = [linear_batch(2), linear_batch(3, count=3)]
    learner.train_step.through(trained).gives(expected_steps(LINE, batches), LINE, batches)


@check("train_step", "what comes back is a tensor without its history", weight=2)
def test_what_comes_back(learner):
    learner.train_step.through(given_back).gives(["tensor", "detached"])


@check("train_step", "the batch is moved to the model's device, both parts of it")
def test_the_batch_is_moved(learner):
    learner.train_step.through(seen).gives(["forward, on cpu", "loss", "gradient"], LINE, None)


@check("train_step", "bfloat16: the forward pass and the loss under autocast, the backward pass not", weight=3)
def test_autocast(learner):
    wanted = ["forward in bfloat16, on cpu", "loss in bfloat16", "gradient"]
    learner.train_step.through(seen).gives(wanted, FILTER, image_batch(), ["bfloat16"])
    thirds = linear_batch(5)[0] / 3, linear_batch(5)[1]
    learner.train_step.through(trained).gives(
        expected_steps(LINE, [thirds], torch.bfloat16), LINE, [thirds], ["bfloat16"]
    )


@check("train_step", "a scaler: scales, steps, is updated; the loss that is returned is not scaled", weight=3)
def test_scaler(learner):
    batches = [linear_batch(6), linear_batch(7)]
    learner.train_step.through(trained).gives(expected_steps(LINE, batches), LINE, batches, ["scaler"])
    of = ["scaler", "gradient", "step"]
    wanted = ["scaler.scale", "gradient", "scaler.step", "step", "scaler.update"]
    learner.train_step.through(seen).gives(wanted, LINE, linear_batch(6), ["scaler"], of)


@check("train_step", "an infinite gradient: the scaler skips the step, without a scaler it is taken")
def test_infinite_gradients(learner):
    x, _ = linear_batch(8)
    endless = x, torch.full((4, 1), torch.inf)
    losses, weight = expected_steps(LINE, [endless])
    learner.train_step.through(trained).gives((losses, weight), LINE, [endless])
    learner.train_step.through(trained).gives((losses, torch.tensor(LINE)), LINE, [endless], ["scaler"])


@check("train_step", "channels-last where it is asked for and there are four axes; otherwise as it was", weight=2)
def test_channels_last(learner):
    look = learner.train_step.through(seen)
    look.gives(["forward, channels last, on cpu"], FILTER, image_batch(), ["channels_last"], ["forward"])
    look.gives(["forward, on cpu"], FILTER, image_batch(), [], ["forward"])
    look.gives(["forward, on cpu"], LINE, linear_batch(), ["channels_last"], ["forward"])


@check("train_step", "refuses a batch that is no pair")
def test_train_step_refuses(learner):
    x, target = linear_batch()
    learner.train_step.through(trained).raises(ValueError, LINE, [(x, target, target)])
    learner.train_step.through(trained).raises(ValueError, LINE, [(x,)])


# The kernels


def floats(*shape, seed, low=-4, high=4):
    return torch.from_numpy(draw_array(shape, seed, np.float32, low=low, high=high))


def launches(make, *arguments):
    "how often kernels are launched, their programs, and their products by tl.dot"
    pytest.importorskip("triton")
    counter = make.place(Made("rehearsals:Launches"))
    try:
        make(*arguments)
    finally:
        counts = counter.call("stop")
    return counts


def is_launched(make, y, w, stride, phase):
    "whether row_phase_triton(y, w, stride, phase) launches a kernel"
    return launches(make, y, w, stride, phase)[0] >= 1


def launched_once(make, y, w, stride, padding):
    "whether the call with y, w, stride, padding launches one kernel, once"
    return launches(make, y, w, stride, padding)[0] == 1


def multiplied(make, y, w, stride, padding):
    "whether the call with y, w, stride, padding multiplies tiles by tl.dot"
    return launches(make, y, w, stride, padding)[2] >= 1


def phase_of(y, w, stride, phase):
    """From PyTorch's whole row."""
    whole = F.conv_transpose1d(y[None, None], w[None, None], stride=stride)[0, 0]
    return whole[phase::stride].clone()


def plane_of(y, w, stride, padding=0):
    return F.conv_transpose2d(y[None, None], w[None, None], stride=stride, padding=padding)[0, 0].clone()


# row_phase_triton


@check("row_phase_triton", "two pixels, three taps: both phases by hand", weight=3)
def test_row_by_hand(learner):
    y, w = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 10.0, 100.0])
    learner.row_phase_triton.gives(torch.tensor([1.0, 102.0, 200.0]), y, w, 2, 0)
    learner.row_phase_triton.gives(torch.tensor([10.0, 20.0]), y, w, 2, 1)


@check("row_phase_triton", "a Triton kernel is launched", weight=2)
def test_row_is_launched(learner):
    learner.row_phase_triton.through(is_launched).gives(True, floats(5, seed=1), floats(3, seed=2), 2, 0)


@check("row_phase_triton", "a row longer than a block: more programs, and a last one that is not full", weight=2)
def test_row_longer_than_a_block(learner):
    y, w = floats(150, seed=3), floats(5, seed=4)
    learner.row_phase_triton.gives(phase_of(y, w, 2, 1), y, w, 2, 1)


@check("row_phase_triton", "every phase of strides 1, 3 and 4", weight=2)
def test_row_strides(learner):
    y, w = floats(6, seed=5), floats(7, seed=6)
    for stride in (1, 3, 4):
        for phase in range(stride):
            learner.row_phase_triton.gives(phase_of(y, w, stride, phase), y, w, stride, phase)


@check("row_phase_triton", "a kernel shorter than the stride: pixels that no tap reaches, and a phase without pixels")
def test_row_gaps(learner):
    y, w = floats(4, seed=7), floats(2, seed=8)
    for phase in range(4):
        learner.row_phase_triton.gives(phase_of(y, w, 4, phase), y, w, 4, phase)
    learner.row_phase_triton.gives(torch.zeros(0), torch.ones(1), torch.ones(1), 3, 2)


@check("row_phase_triton", "a row and a kernel that are not contiguous in memory")
def test_row_strided(learner):
    y, w = floats(12, seed=9)[::2], floats(9, seed=10)[::3]
    learner.row_phase_triton.gives(phase_of(y, w, 2, 0), y, w, 2, 0)


@check("row_phase_triton", "refuses other types, empty rows, and phases out of range")
def test_row_refuses(learner):
    y, w = torch.ones(4), torch.ones(3)
    learner.row_phase_triton.raises(TypeError, y.double(), w, 2, 0)
    learner.row_phase_triton.raises(TypeError, y, w.long(), 2, 0)
    learner.row_phase_triton.raises(ValueError, y[None], w, 2, 0)
    learner.row_phase_triton.raises(ValueError, y[:0], w, 2, 0)
    learner.row_phase_triton.raises(ValueError, y, w, 0, 0)
    learner.row_phase_triton.raises(ValueError, y, w, 2, 2)
    learner.row_phase_triton.raises(ValueError, y, w, 2, -1)


# plane_triton


@check("plane_triton", "two pixels, a kernel of 2 x 3, stride 2", weight=3)
def test_plane_by_hand(learner):
    y, w = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 10.0, 100.0], [5.0, 50.0, 500.0]])
    expected = torch.tensor([[1.0, 10.0, 102.0, 20.0, 200.0], [5.0, 50.0, 510.0, 100.0, 1000.0]])
    learner.plane_triton.gives(expected, y, w, 2)


@check("plane_triton", "one launch draws every phase", weight=2)
def test_plane_is_one_launch(learner):
    look = learner.plane_triton.through(launched_once)
    look.gives(True, floats(3, 4, seed=11), floats(3, 3, seed=12), (2, 3), 1)


@check("plane_triton", "padding cuts pixels away at every side", weight=2)
def test_plane_padding(learner):
    y, w = floats(3, 4, seed=13), floats(4, 4, seed=14)
    for padding in (1, 2, (0, 1)):
        learner.plane_triton.gives(plane_of(y, w, 2, padding), y, w, 2, padding)


@check("plane_triton", "height and width have their own stride, padding and kernel", weight=2)
def test_plane_pairs(learner):
    y, w = floats(3, 5, seed=15), floats(3, 5, seed=16)
    learner.plane_triton.gives(plane_of(y, w, (1, 3), (1, 2)), y, w, (1, 3), (1, 2))


@check("plane_triton", "more pixels than a block holds", weight=2)
def test_plane_blocks(learner):
    y, w = floats(9, 17, seed=17), floats(3, 2, seed=18)
    learner.plane_triton.gives(plane_of(y, w, 2, 1), y, w, 2, 1)


@check("plane_triton", "strides beyond the kernel, planes thinner than the stride")
def test_plane_gaps(learner):
    y, w = floats(2, 3, seed=19), floats(2, 1, seed=20)
    learner.plane_triton.gives(plane_of(y, w, 3), y, w, 3)
    learner.plane_triton.gives(plane_of(y[:1, :1], w, (4, 2)), y[:1, :1], w, (4, 2))


@check("plane_triton", "any plane", weight=2, hidden=True)
@settings(max_examples=8)
@given(
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    seed=seeds(),
)
def test_plane_drawn(learner, size, kernel, stride, padding, seed):
    padding = tuple(
        min(p, ((n - 1) * s + k - 1) // 2) for p, n, s, k in zip(padding, size, stride, kernel, strict=True)
    )
    y, w = floats(*size, seed=seed), floats(*kernel, seed=seed + 1)
    learner.plane_triton.gives(plane_of(y, w, stride, padding), y, w, stride, padding)


@check("plane_triton", "a plane and a kernel that are transposed in memory")
def test_plane_strided(learner):
    y, w = floats(4, 3, seed=21).T, floats(2, 3, seed=22).T
    learner.plane_triton.gives(plane_of(y, w, 2, 1), y, w, 2, 1)


@check("plane_triton", "refuses other types and axes, and results without a pixel")
def test_plane_refuses(learner):
    y, w = torch.ones(2, 3), torch.ones(2, 2)
    learner.plane_triton.raises(TypeError, y.double(), w, 2)
    learner.plane_triton.raises(TypeError, y, w, 2.0)
    learner.plane_triton.raises(ValueError, y[None], w, 2)
    learner.plane_triton.raises(ValueError, y[:0], w, 2)
    learner.plane_triton.raises(ValueError, y, w, 0)
    learner.plane_triton.raises(ValueError, y, w, 2, -1)
    learner.plane_triton.raises(ValueError, y, w, 1, 2)


# conv_transpose2d_triton


def check_tiles(learner, y, w, stride=1, padding=0):
    expected = F.conv_transpose2d(y, w, stride=stride, padding=padding)
    learner.conv_transpose2d_triton.gives(expected, y, w, stride, padding)


@check("conv_transpose2d_triton", "one pixel, two channels in, one out: by hand", weight=3)
def test_tiles_by_hand(learner):
    y = torch.tensor([1.0, 2.0]).reshape(1, 2, 1, 1)
    w = torch.tensor([[1.0, 10.0], [100.0, 1000.0]]).reshape(2, 1, 1, 2)
    learner.conv_transpose2d_triton.gives(torch.tensor([[[[201.0, 2010.0]]]]), y, w)


@check("conv_transpose2d_triton", "one launch, products by tl.dot", weight=3)
def test_tiles_are_products(learner):
    y, w = floats(1, 3, 3, 2, seed=31), floats(3, 2, 3, 3, seed=32)
    learner.conv_transpose2d_triton.through(launched_once).gives(True, y, w, (2, 2), 1)
    learner.conv_transpose2d_triton.through(multiplied).gives(True, y, w, (2, 2), 1)


@check("conv_transpose2d_triton", "several pictures, channels in and out", weight=2)
def test_tiles_batch(learner):
    check_tiles(learner, floats(3, 4, 2, 3, seed=33), floats(4, 5, 3, 2, seed=34), 2)


@check("conv_transpose2d_triton", "height and width have their own stride, padding and kernel", weight=2)
def test_tiles_pairs(learner):
    check_tiles(learner, floats(2, 2, 3, 4, seed=35), floats(2, 3, 2, 5, seed=36), (1, 3), (0, 2))


@check("conv_transpose2d_triton", "more channels in and out than a tile holds", weight=2)
def test_tiles_many_channels(learner):
    check_tiles(learner, floats(1, 70, 1, 2, seed=37), floats(70, 3, 1, 2, seed=38))
    check_tiles(learner, floats(1, 2, 1, 2, seed=39), floats(2, 70, 2, 1, seed=40))


@check("conv_transpose2d_triton", "stride 1 and no padding, if nothing is said")
def test_tiles_defaults(learner):
    y, w = floats(1, 2, 2, 3, seed=47), floats(2, 2, 2, 3, seed=48)
    learner.conv_transpose2d_triton.gives(F.conv_transpose2d(y, w), y, w)


@check("conv_transpose2d_triton", "more pixels than a tile holds", weight=2)
def test_tiles_many_pixels(learner):
    check_tiles(learner, floats(2, 2, 5, 7, seed=41), floats(2, 2, 4, 4, seed=42), 2, 1)


@check("conv_transpose2d_triton", "strides beyond the kernel: pixels that no tap reaches")
def test_tiles_gaps(learner):
    check_tiles(learner, floats(1, 2, 2, 2, seed=43), floats(2, 2, 2, 1, seed=44), 3)


@check("conv_transpose2d_triton", "pictures and kernels in channels-last memory")
def test_tiles_channels_last(learner):
    y = floats(2, 3, 2, 3, seed=45).contiguous(memory_format=torch.channels_last)
    w = floats(3, 2, 3, 3, seed=46).contiguous(memory_format=torch.channels_last)
    check_tiles(learner, y, w, 2, 1)


@check("conv_transpose2d_triton", "any setting", weight=2, hidden=True)
@settings(max_examples=5)
@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 4), st.integers(1, 3), st.integers(1, 4)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 2), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 1), st.integers(0, 1)),
    seed=seeds(),
)
def test_tiles_drawn(learner, shape, kernel, stride, padding, seed):
    D, *sides = kernel
    padding = tuple(
        min(p, ((n - 1) * s + k - 1) // 2) for p, n, s, k in zip(padding, shape[2:], stride, sides, strict=True)
    )
    check_tiles(learner, floats(*shape, seed=seed), floats(shape[1], D, *sides, seed=seed + 1), stride, padding)


@check("conv_transpose2d_triton", "refuses channels that do not fit, other types, and results without a pixel")
def test_tiles_refuse(learner):
    y, w = torch.ones(1, 2, 3, 3), torch.ones(2, 1, 2, 2)
    learner.conv_transpose2d_triton.raises(ValueError, y, torch.ones(1, 2, 2, 2))
    learner.conv_transpose2d_triton.raises(TypeError, y.double(), w)
    learner.conv_transpose2d_triton.raises(TypeError, y, w, 1.5)
    learner.conv_transpose2d_triton.raises(ValueError, y[0], w)
    learner.conv_transpose2d_triton.raises(ValueError, y[:0], w)
    learner.conv_transpose2d_triton.raises(ValueError, y, w, 0)
    learner.conv_transpose2d_triton.raises(ValueError, y, w, 1, -1)
    learner.conv_transpose2d_triton.raises(ValueError, y, w, 1, 2)
