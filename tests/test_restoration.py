"""What grades chapter 11."""

from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import check, draw_array, seeds
from deconv_solutions import restoration as reference


def draw(*shape, seed, low=-3, high=3, dtype=np.float32):
    return torch.from_numpy(draw_array(shape, seed, dtype, low=low, high=high))


def row(*values, dtype=torch.float32):
    """One row of pixels as a batch of one picture with one channel."""
    return torch.tensor([[[values]]], dtype=dtype)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn_state(net, seed, low=-2, high=2, part=1):
    """Small whole numbers, divided by `part`, for every parameter of a module."""
    return {
        name: draw(*value.shape, seed=seed + k, low=low, high=high) / part
        for k, (name, value) in enumerate(net.named_parameters())
    }


def given_state(net, state):
    net.load_state_dict(state, strict=False)
    return net


def shapes(net):
    return {name: tuple(value.shape) for name, value in net.named_parameters()}


def values_of(net, x):
    with torch.no_grad():
        return net(x)


def gradients(make, settings, state, x, y):
    "net = CLASS(*settings), its parameters loaded; the gradients of (net(x) * y).sum() in x and in each parameter"
    net = make(*settings)
    net.load(state)
    _, (gradient,) = net.vjp((x,), y)
    return {"x": gradient} | net.gradients((x,), y)


def gradients_flow(learner, name, net, settings, x, seed):
    """The gradients are autograd's; no sum is 0, where a ReLU's slope is a matter of taste."""
    state = {name: value + 0.17 if name.endswith("bias") else value for name, value in net.named_parameters()}
    state = {name: value.detach() for name, value in state.items()}
    given_state(net, state)
    y = draw(*values_of(net, x).shape, seed=seed)
    leaves = {"x": x.clone().requires_grad_()} | dict(net.named_parameters())
    found = torch.autograd.grad(net(leaves["x"]), list(leaves.values()), y)
    expected = dict(zip(leaves, found, strict=True))
    getattr(learner, name).through(program(name, gradients)).gives(expected, settings, state, x, y, tolerance=1e-3)


# psnr


@check("psnr", "an error of a tenth is 20 dB, one of a hundredth 40 dB", weight=3)
def test_psnr_by_hand(learner):
    a = torch.tensor([[0.5, 0.25, 0.0], [1.0, 0.5, 0.75]], dtype=torch.float64)
    tenth = torch.tensor([[0.1, -0.1, 0.1], [-0.1, 0.1, 0.1]], dtype=torch.float64)
    learner.psnr.gives(20.0, a, a + tenth)
    learner.psnr.gives(40.0, a, a + tenth / 10)
    # One pixel of four is off by a half: the mean square is 1/16.
    learner.psnr.gives(10 * math.log10(16), torch.zeros(2, 2), torch.tensor([[0.0, 0.5], [0.0, 0.0]]))


@check("psnr", "another peak: 10 log10(peak^2 / MSE)", weight=2)
def test_psnr_peak(learner):
    a, b = draw(3, 4, seed=1, low=0, high=255), draw(3, 4, seed=2, low=0, high=255)
    learner.psnr.gives(reference.psnr(a, b, 255), a, b, 255)
    learner.psnr.gives(reference.psnr(a, b, 2.5), a, b, peak=2.5)


@check("psnr", "a picture of bytes: in them 3 - 5 is 254", weight=2)
def test_psnr_bytes(learner):
    a = np.array([[3, 200, 7]], np.uint8)
    b = np.array([[5, 100, 7]], np.uint8)
    expected = 10 * math.log10(255**2 / ((4 + 10000 + 0) / 3))
    learner.psnr.gives(expected, a, b, 255.0)
    learner.psnr.gives(expected, torch.from_numpy(b), torch.from_numpy(a), 255.0)


@check("psnr", "two pictures in a batch: the mean square of all, not the mean of two ratios")
def test_psnr_batch(learner):
    a = torch.zeros(2, 1, 2, 2)
    b = torch.stack((torch.full((1, 2, 2), 0.1), torch.full((1, 2, 2), 0.7)))
    learner.psnr.gives(10 * math.log10(1 / 0.25), a, b, tolerance=1e-6)


@check("psnr", "equal pictures: infinite; nearly equal ones: not")
def test_psnr_equal(learner):
    a = draw(2, 3, seed=3)
    learner.psnr.gives(math.inf, a, a.clone())
    gray = torch.full((2, 3), 0.5, dtype=torch.float64)
    learner.psnr.gives(140.0, gray, gray + 1e-7)


@check("psnr", "any pictures, arrays and tensors", weight=2, hidden=True)
@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    seed=seeds(),
    dtype=st.sampled_from([np.float32, np.float64, np.int64, np.uint8]),
    peak=st.sampled_from([0.5, 1.0, 7.0, 255.0]),
)
def test_psnr_drawn(learner, shape, seed, dtype, peak):
    a, b = draw_array(shape, seed, dtype, low=0, high=9), draw_array(shape, seed + 1, dtype, low=0, high=9)
    learner.psnr.gives(reference.psnr(a, b, peak), a, b, peak)
    if dtype is np.float32:
        eighths = torch.from_numpy(a) / 8, torch.from_numpy(b) / 8
        learner.psnr.gives(reference.psnr(*eighths, peak), *eighths, peak)


@check("psnr", "refuses shapes that would be broadcast, no pixels, and a peak that is not positive")
def test_psnr_refuses(learner):
    a = torch.zeros(2, 3)
    learner.psnr.raises(ValueError, a, torch.zeros(1, 2, 3))
    learner.psnr.raises(ValueError, a, torch.zeros(3))
    learner.psnr.raises(ValueError, torch.zeros(0, 3), torch.zeros(0, 3))
    learner.psnr.raises(ValueError, a, a + 1, 0.0)
    learner.psnr.raises(ValueError, a, a + 1, -1.0)


# degrade


@check("degrade", "a row of pixels and a kernel 1, 2, 4, by hand", weight=3)
def test_degrade_by_hand(learner):
    kernel = torch.tensor([[1.0, 2.0, 4.0]])
    # A single 1 becomes the kernel, as it is. The 8 at the edge has a 0 beyond it: the edge itself is not repeated.
    learner.degrade.gives(row(0.0, 1, 2, 4, 0, 0), row(0.0, 0, 1, 0, 0, 0), kernel, 0.0, generator())
    learner.degrade.gives(row(0.0, 1, 2, 12, 16), row(0.0, 0, 1, 0, 8), kernel, 0.0, generator())


@check("degrade", "rows as well as columns, an even kernel: its center is K // 2", weight=2)
def test_degrade_even(learner):
    x = draw(1, 1, 4, 5, seed=10)
    for K, L in ((2, 3), (3, 2), (4, 1)):
        kernel = draw(K, L, seed=11)
        learner.degrade.gives(reference.degrade(x, kernel, 0.0, generator()), x, kernel, 0.0, generator())


@check("degrade", "noise: the generator's own draws times the standard deviation", weight=2)
def test_degrade_noise(learner):
    x, one = draw(1, 2, 3, 4, seed=12), torch.ones(1, 1)
    expected = x + 0.5 * torch.randn(1, 2, 3, 4, generator=generator(7))
    learner.degrade.gives(expected, x, one, 0.5, generator(7))


@check("degrade", "several pictures and channels: each is blurred by itself", weight=2)
def test_degrade_channels(learner):
    x, kernel = draw(2, 3, 4, 6, seed=13), draw(3, 3, seed=14)
    learner.degrade.gives(reference.degrade(x, kernel, 0.25, generator(1)), x, kernel, 0.25, generator(1))


@check("degrade", "the result is not clipped, and the noise is not blurred")
def test_degrade_not_clipped(learner):
    x, kernel = row(0.0, 1, 1, 0, 0), torch.tensor([[0.5, 0.5, 0.5]])
    learner.degrade.gives(reference.degrade(x, kernel, 1.0, generator(2)), x, kernel, 1.0, generator(2))


@check("degrade", "the generator has moved on: a second picture has other noise")
def test_degrade_twice(learner):
    def twice(make, x, kernel, noise, seed):
        "g = torch.Generator().manual_seed(seed); degrade(x, kernel, noise, g); degrade(x, kernel, noise, g)"
        g = torch.Generator().manual_seed(seed)
        make(x, kernel, noise, g)
        return make(x, kernel, noise, g)

    x, one = draw(1, 1, 2, 3, seed=15), torch.ones(1, 1)
    expected = twice(reference.degrade, x, one, 1.0, 3)
    learner.degrade.through(twice).gives(expected, x, one, 1.0, 3)


@check("degrade", "any sizes, float32 and float64", weight=2, hidden=True)
@given(data=st.data(), seed=seeds(), dtype=st.sampled_from([np.float32, np.float64]))
def test_degrade_drawn(learner, data, seed, dtype):
    K, L = (data.draw(st.integers(1, 5)) for _ in range(2))
    height, width = K // 2 + data.draw(st.integers(1, 4)), L // 2 + data.draw(st.integers(1, 4))
    x = draw(data.draw(st.integers(1, 2)), data.draw(st.integers(1, 3)), height, width, seed=seed, dtype=dtype)
    kernel = draw(K, L, seed=seed + 1, dtype=dtype)
    noise = data.draw(st.sampled_from([0.0, 0.5]))
    learner.degrade.gives(reference.degrade(x, kernel, noise, generator(seed)), x, kernel, noise, generator(seed))


@check("degrade", "refuses negative noise, a kernel that reaches too far, and whole numbers")
def test_degrade_refuses(learner):
    x, one = draw(1, 1, 3, 4, seed=16), torch.ones(1, 1)
    learner.degrade.raises(ValueError, x, one, -0.1, generator())
    learner.degrade.raises(ValueError, x, torch.ones(7, 1), 0.0, generator())
    learner.degrade.raises(ValueError, x, torch.ones(3), 0.0, generator())
    learner.degrade.raises(ValueError, x[0], one, 0.0, generator())
    learner.degrade.raises(TypeError, x.long(), one, 0.0, generator())


# What the networks share


def applied(make, settings, state, x):
    "net = CLASS(*settings), its parameters loaded; net(x)"
    net = make(*settings)
    net.load(state)
    return net(x)


def found_parameters(make, settings):
    "shapes of CLASS(*settings).parameters()"
    return {name: tuple(value.shape) for name, value in make(*settings).parameters().items()}


def program(name, of):
    """The same program with the exercise's name in the call that the learner is shown."""

    def run(make, *arguments):
        return of(make, *arguments)

    run.__doc__ = of.__doc__.replace("CLASS", name)
    return run


# DenoisingAutoencoder


AUTOENCODER_APPLIED = program("DenoisingAutoencoder", applied)


def encoded(make, settings, state, x):
    "net = DenoisingAutoencoder(*settings), its parameters loaded; net.encode(x)"
    net = make(*settings)
    net.load(state)
    return net.call("encode", x)


def autoencoder(settings, seed):
    net = reference.DenoisingAutoencoder(*settings)
    return given_state(net, drawn_state(net, seed))


def one_stamp():
    """Width 1. The convolutions pick every second pixel; the transposed convolutions stamp rows of 1, 2, 3, 4."""
    pick = torch.zeros(1, 1, 3, 3)
    pick[0, 0, 1, 1] = 1
    stamp = torch.zeros(1, 1, 4, 4)
    stamp[0, 0, 1] = torch.tensor([1.0, 2, 3, 4])
    return {
        "down.0.weight": pick,
        "down.0.bias": torch.zeros(1),
        "down.1.weight": torch.cat((pick, -pick)),
        "down.1.bias": torch.zeros(2),
        "up.0.weight": torch.cat((stamp, stamp)),
        "up.0.bias": torch.zeros(1),
        "up.1.weight": stamp,
        "up.1.bias": torch.tensor([-5.0]),
    }


@check("DenoisingAutoencoder", "one pixel on its way down and up, by hand", weight=3)
def test_autoencoder_by_hand(learner):
    # Of 1 x 4 pixels the first one arrives in the code. One stamp makes it 2, 3, two of them 4 + 3 = 7, ... less 5.
    expected = row(4 - 5.0, 6 + 3 - 5, 8 + 6 - 5, 9 - 5)
    learner.DenoisingAutoencoder.through(AUTOENCODER_APPLIED).gives(expected, (1, 1), one_stamp(), row(1.0, 9, 9, 9))


@check("DenoisingAutoencoder", "the code of several pictures and channels", weight=2)
def test_autoencoder_code(learner):
    settings, x = (3, 2), draw(2, 3, 8, 12, seed=20)
    net = autoencoder(settings, 21)
    with torch.no_grad():
        expected = net.encode(x)
    learner.DenoisingAutoencoder.through(encoded).gives(expected, settings, net.state_dict(), x)


@check("DenoisingAutoencoder", "sizes that 4 does not divide: the picture has the size it had", weight=3)
def test_autoencoder_sizes(learner):
    settings = (2, 3)
    net = autoencoder(settings, 30)
    for size in ((5, 8), (6, 7), (8, 9), (1, 3)):
        x = draw(1, 2, *size, seed=40)
        learner.DenoisingAutoencoder.through(AUTOENCODER_APPLIED).gives(
            values_of(net, x), settings, net.state_dict(), x
        )


@check("DenoisingAutoencoder", "parameters: down.0, down.1, up.0, up.1", weight=2)
def test_autoencoder_parameters(learner):
    found = program("DenoisingAutoencoder", found_parameters)
    learner.DenoisingAutoencoder.through(found).gives(shapes(reference.DenoisingAutoencoder(3, 5)), (3, 5))
    learner.DenoisingAutoencoder.through(found).gives(shapes(reference.DenoisingAutoencoder()), ())


@check("DenoisingAutoencoder", "gradients flow to the picture and to every parameter")
def test_autoencoder_gradient(learner):
    settings = (1, 2)
    net = autoencoder(settings, 50)
    gradients_flow(learner, "DenoisingAutoencoder", net, settings, draw(1, 1, 6, 5, seed=51), 52)


@check("DenoisingAutoencoder", "any sizes", weight=2, hidden=True)
@given(
    settings=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    size=st.tuples(st.integers(1, 11), st.integers(1, 11)),
    count=st.integers(1, 2),
    seed=seeds(),
)
def test_autoencoder_drawn(learner, settings, size, count, seed):
    net, x = autoencoder(settings, seed), draw(count, settings[0], *size, seed=seed)
    learner.DenoisingAutoencoder.through(AUTOENCODER_APPLIED).gives(values_of(net, x), settings, net.state_dict(), x)


@check("DenoisingAutoencoder", "refuses no channel and no width")
def test_autoencoder_refuses(learner):
    learner.DenoisingAutoencoder.raises(ValueError, 0, 4)
    learner.DenoisingAutoencoder.raises(ValueError, 1, 0)


# FSRCNN


FSRCNN_APPLIED = program("FSRCNN", applied)


def fsrcnn(settings, seed):
    net = reference.FSRCNN(*settings)
    return given_state(net, drawn_state(net, seed, part=2))


def single(value, size=1):
    """One plane of zeros with a value in the middle."""
    weight = torch.zeros(1, 1, size, size)
    weight[0, 0, size // 2, size // 2] = value
    return weight


@check("FSRCNN", "one channel, four picked pixels: where the deconvolution sets them, by hand", weight=3)
def test_fsrcnn_by_hand(learner):
    state = {
        "feature.0.weight": single(1.0, 5),
        "feature.0.bias": torch.zeros(1),
        "feature.1.weight": torch.tensor([0.5]),
        "shrink.0.weight": single(2.0),
        "shrink.0.bias": torch.zeros(1),
        "shrink.1.weight": torch.tensor([0.0]),
        "expand.0.weight": single(-1.0),
        "expand.0.bias": torch.tensor([1.0]),
        "expand.1.weight": torch.tensor([0.25]),
        "deconv.weight": single(1.0, 9),
        "deconv.bias": torch.tensor([0.5]),
    }
    # 3 becomes 3, 6, 1 - 6 = -5, -1.25. -4 becomes -2, -4, then 0, 1. The deconvolution sets them 2 apart and adds 0.5.
    expected = torch.full((1, 1, 2, 4), 0.5)
    expected[0, 0, 0, 0], expected[0, 0, 0, 2] = -0.75, 1.5
    learner.FSRCNN.through(FSRCNN_APPLIED).gives(expected, (2, 1, 1, 0), state, row(3.0, -4.0))


@check("FSRCNN", "the order of the stages, with mapping layers", weight=3)
def test_fsrcnn_stages(learner):
    settings, x = (2, 3, 2, 2), draw(1, 1, 4, 3, seed=60)
    net = fsrcnn(settings, 61)
    learner.FSRCNN.through(FSRCNN_APPLIED).gives(values_of(net, x), settings, net.state_dict(), x)


@check("FSRCNN", "parameters: the paper's 12,464 weights, and their names", weight=3)
def test_fsrcnn_parameters(learner):
    found = program("FSRCNN", found_parameters)
    learner.FSRCNN.through(found).gives(shapes(reference.FSRCNN(3)), (3,))
    learner.FSRCNN.through(found).gives(shapes(reference.FSRCNN(2, 4, 3, 1)), (2, 4, 3, 1))


@check("FSRCNN", "three and four times larger, several pictures", weight=2)
def test_fsrcnn_scales(learner):
    for scale in (1, 3, 4):
        settings, x = (scale, 2, 1, 1), draw(2, 1, 2, 3, seed=70)
        net = fsrcnn(settings, 71)
        learner.FSRCNN.through(FSRCNN_APPLIED).gives(values_of(net, x), settings, net.state_dict(), x)


@check("FSRCNN", "gradients flow to the picture and to every parameter")
def test_fsrcnn_gradient(learner):
    settings = (2, 2, 2, 1)
    gradients_flow(learner, "FSRCNN", fsrcnn(settings, 80), settings, draw(1, 1, 3, 3, seed=81) / 2, 82)


@check("FSRCNN", "any sizes", weight=2, hidden=True)
@given(
    settings=st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2)),
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    seed=seeds(),
)
def test_fsrcnn_drawn(learner, settings, size, seed):
    net, x = fsrcnn(settings, seed), draw(1, 1, *size, seed=seed)
    learner.FSRCNN.through(FSRCNN_APPLIED).gives(values_of(net, x), settings, net.state_dict(), x)


@check("FSRCNN", "refuses a scale, d or s of 0, and m below 0")
def test_fsrcnn_refuses(learner):
    for settings in ((0,), (2, 0), (2, 3, 0), (2, 3, 2, -1)):
        learner.FSRCNN.raises(ValueError, *settings)


# ESPCN


ESPCN_APPLIED = program("ESPCN", applied)


def espcn(settings, seed):
    net = reference.ESPCN(*settings)
    return given_state(net, drawn_state(net, seed, low=-1, high=1, part=16))


@check("ESPCN", "one pixel becomes four, by hand", weight=3)
def test_espcn_by_hand(learner):
    state = {name: torch.zeros(shape) for name, shape in shapes(reference.ESPCN(2)).items()}
    state["first.weight"][0, 0, 2, 2] = 1
    state["second.weight"][0, 0, 1, 1] = 2
    state["last.weight"][:, 0, 1, 1] = torch.tensor([1.0, 2.0, 3.0, 4.0])
    state["last.bias"][:] = torch.tensor([0.0, 10.0, 20.0, 30.0])
    inner = math.tanh(2 * math.tanh(0.5))
    expected = torch.tensor([[[[inner, 10 + 2 * inner], [20 + 3 * inner, 30 + 4 * inner]]]])
    learner.ESPCN.through(ESPCN_APPLIED).gives(expected, (2,), state, row(0.5))


@check("ESPCN", "parameters: first, second, last; 21,184 weights for twice the size", weight=3)
def test_espcn_parameters(learner):
    found = program("ESPCN", found_parameters)
    learner.ESPCN.through(found).gives(shapes(reference.ESPCN(2)), (2,))
    learner.ESPCN.through(found).gives(shapes(reference.ESPCN(3, 2)), (3, 2))


@check("ESPCN", "height unlike width, borders, three and four times larger", weight=2)
def test_espcn_scales(learner):
    for scale in (1, 3, 4):
        settings, x = (scale,), draw(2, 1, 3, 5, seed=90) / 2
        net = espcn(settings, 91)
        learner.ESPCN.through(ESPCN_APPLIED).gives(values_of(net, x), settings, net.state_dict(), x, tolerance=1e-4)


@check("ESPCN", "a color picture: each channel gets its own pixels")
def test_espcn_channels(learner):
    settings, x = (2, 3), draw(1, 3, 2, 3, seed=92) / 2
    net = espcn(settings, 93)
    learner.ESPCN.through(ESPCN_APPLIED).gives(values_of(net, x), settings, net.state_dict(), x, tolerance=1e-4)


@check("ESPCN", "gradients flow to the picture and to every parameter")
def test_espcn_gradient(learner):
    gradients_flow(learner, "ESPCN", espcn((2,), 94), (2,), draw(1, 1, 3, 2, seed=95) / 2, 96)


@check("ESPCN", "any scale and size", weight=2, hidden=True)
@given(
    settings=st.tuples(st.integers(1, 3), st.integers(1, 2)),
    size=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    seed=seeds(),
)
def test_espcn_drawn(learner, settings, size, seed):
    net, x = espcn(settings, seed), draw(1, settings[1], *size, seed=seed) / 2
    learner.ESPCN.through(ESPCN_APPLIED).gives(values_of(net, x), settings, net.state_dict(), x, tolerance=1e-4)


@check("ESPCN", "refuses a scale or channels of 0")
def test_espcn_refuses(learner):
    learner.ESPCN.raises(ValueError, 0)
    learner.ESPCN.raises(ValueError, 2, 0)


# UnrolledDeconvolution


UNROLLED_APPLIED = program("UnrolledDeconvolution", applied)


def unrolled_state(steps, size, seed, weight=None, threshold=None):
    """Numbers for every parameter: weights of 1/2, 1, 2, filters that tell left from right, thresholds of quarters."""
    count = size * size - 1
    return {
        "log_weight": torch.log(2.0 ** draw(steps, seed=seed, low=-1, high=1)) if weight is None else weight,
        "filters": draw(steps, count, 1, size, size, seed=seed + 1, low=-2, high=2) / 8,
        "thresholds": draw(steps, count, seed=seed + 2, low=0, high=4) / 4 if threshold is None else threshold,
    }


def unrolled(kernel, state, *settings):
    return given_state(reference.UnrolledDeconvolution(kernel, *settings), state)


@check("UnrolledDeconvolution", "no blur, no thresholds: half of what is missing in each step, by hand", weight=2)
def test_unrolled_by_hand(learner):
    one, y = torch.ones(1, 1), torch.tensor([[[[8.0, 16.0, 0.0], [24.0, 8.0, 8.0]]]])
    for steps, share in ((1, 0.5), (2, 0.75), (3, 0.875)):
        state = unrolled_state(steps, 3, 0, weight=torch.zeros(steps), threshold=torch.zeros(steps, 8))
        learner.UnrolledDeconvolution.through(UNROLLED_APPLIED).gives(
            share * y, (one, steps, 3, 1), state, y, tolerance=1e-4
        )


@check("UnrolledDeconvolution", "one step, no thresholds: chapter 4's Wiener filter on the reflected picture", weight=3)
def test_unrolled_wiener(learner):
    # A single row of pixels, and the kernel 1, 2, 4 that is not symmetric.
    y = draw(1, 1, 3, 8, seed=100, low=0, high=9)
    for kernel in (torch.tensor([[1.0, 2.0, 4.0]]), draw(2, 3, seed=101, low=1, high=4)):
        state = unrolled_state(1, 3, 102, weight=torch.tensor([0.5]), threshold=torch.zeros(1, 8))
        expected = values_of(unrolled(kernel, state, 1, 3, 2), y)
        learner.UnrolledDeconvolution.through(UNROLLED_APPLIED).gives(
            expected, (kernel, 1, 3, 2), state, y, tolerance=1e-4
        )


@check("UnrolledDeconvolution", "one filter: a difference of neighbors is clipped and sent back, by hand", weight=3)
def test_unrolled_shrinks(learner):
    restored = learner.UnrolledDeconvolution.through(UNROLLED_APPLIED)
    filters = torch.zeros(1, 8, 1, 3, 3)
    filters[0, 0, 0, 1] = torch.tensor([0.0, -1.0, 1.0])
    threshold = torch.zeros(1, 8)
    threshold[0, 0] = 1
    state = {"log_weight": torch.tensor([-40.0]), "filters": filters, "thresholds": threshold}
    # Between the fourth and the fifth of 9 pixels is the edge, of 6. Clipped to 1, it is taken away on both of its sides. The
    # last pixel has a 0 to its right: its answer is -6, clipped to -1.
    y, expected = row(0.0, 0, 0, 0, 6, 6, 6, 6, 6), row(0.0, 0, 0, 1, 5, 6, 6, 6, 5)
    restored.gives(expected, (torch.ones(1, 1), 1, 3, 0), state, y, tolerance=1e-4)
    state = state | {"thresholds": -threshold}
    restored.gives(expected, (torch.ones(1, 1), 1, 3, 0), state, y, tolerance=1e-4)


@check("UnrolledDeconvolution", "many filters, three steps with numbers of their own", weight=3)
def test_unrolled_steps(learner):
    kernel, y = draw(3, 2, seed=110, low=1, high=4) / 8, draw(2, 1, 6, 7, seed=111, low=0, high=9)
    state = unrolled_state(3, 3, 112)
    learner.UnrolledDeconvolution.through(UNROLLED_APPLIED).gives(
        values_of(unrolled(kernel, state, 3, 3, 2), y), (kernel, 3, 3, 2), state, y, tolerance=1e-4
    )


def exchanged(make, settings, state, kernel, y):
    "net = UnrolledDeconvolution(*settings), its parameters loaded; net.register_buffer('kernel', kernel); net(y)"
    net = make(*settings)
    net.load(state)
    net.call("register_buffer", "kernel", kernel)
    return net(y)


@check("UnrolledDeconvolution", "the kernel is a buffer and can be exchanged; the margin is an attribute")
def test_unrolled_exchanged(learner):
    kernel, other = draw(2, 3, seed=118, low=1, high=4) / 8, draw(3, 3, seed=119, low=1, high=4) / 8
    y, state = draw(1, 1, 5, 6, seed=114, low=0, high=9), unrolled_state(2, 3, 113)
    learner.UnrolledDeconvolution.through(exchanged).gives(
        values_of(unrolled(other, state, 2, 3, 2), y), (kernel, 2, 3, 2), state, other, y, tolerance=1e-4
    )

    def margin_of(make, settings):
        "getattr(UnrolledDeconvolution(*settings), 'margin', None)"
        try:
            return make(*settings).get("margin")
        except AttributeError:
            return None

    learner.UnrolledDeconvolution.through(margin_of).gives(3, (kernel, 2, 3, 3))


def first_parameters(make, settings):
    "UnrolledDeconvolution(*settings).parameters()"
    return dict(make(*settings).parameters())


@check("UnrolledDeconvolution", "parameters and what they are at first: weights 0.01, thresholds 0, cosines", weight=3)
def test_unrolled_parameters(learner):
    for settings in ((torch.ones(3, 3), 2, 3, 4), (torch.ones(1, 2), 1, 5), (torch.ones(2, 2),)):
        net = reference.UnrolledDeconvolution(*settings)
        expected = {name: value.detach() for name, value in net.named_parameters()}
        learner.UnrolledDeconvolution.through(first_parameters).gives(expected, settings, tolerance=1e-5)
    found = program("UnrolledDeconvolution", found_parameters)
    learner.UnrolledDeconvolution.through(found).gives(
        shapes(reference.UnrolledDeconvolution(torch.ones(3, 3))), (torch.ones(3, 3),)
    )


@check("UnrolledDeconvolution", "a picture of 17 x 18, with the margin of 16 that is the default")
def test_unrolled_default_margin(learner):
    kernel, y = draw(1, 3, seed=115, low=1, high=4) / 8, draw(1, 1, 17, 18, seed=116, low=0, high=9)
    state = unrolled_state(1, 3, 117)
    learner.UnrolledDeconvolution.through(UNROLLED_APPLIED).gives(
        values_of(unrolled(kernel, state, 1), y), (kernel, 1), state, y, tolerance=1e-4
    )


@check("UnrolledDeconvolution", "gradients flow to the picture and to every parameter")
def test_unrolled_gradient(learner):
    kernel, y = draw(3, 3, seed=120, low=1, high=4) / 16, draw(1, 1, 5, 6, seed=121, low=0, high=9)
    settings, state = (kernel, 2, 3, 2), unrolled_state(2, 3, 122)
    state["thresholds"] = state["thresholds"] + 0.13
    net = unrolled(kernel, state, *settings[1:])
    gradients_flow(learner, "UnrolledDeconvolution", net, settings, y, 123)


@check("UnrolledDeconvolution", "any kernel, steps, filters and margin", weight=2, hidden=True)
@given(data=st.data(), seed=seeds())
def test_unrolled_drawn(learner, data, seed):
    K, L, steps = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    size, margin = data.draw(st.sampled_from([3, 5])), data.draw(st.integers(0, 3))
    height, width = (margin + data.draw(st.integers(4, 7)) for _ in range(2))
    kernel, y = draw(K, L, seed=seed, low=1, high=4) / 8, draw(1, 1, height, width, seed=seed + 1, low=0, high=9)
    state = unrolled_state(steps, size, seed + 2)
    learner.UnrolledDeconvolution.through(UNROLLED_APPLIED).gives(
        values_of(unrolled(kernel, state, steps, size, margin), y),
        (kernel, steps, size, margin),
        state,
        y,
        tolerance=1e-3,
    )


@check(
    "UnrolledDeconvolution",
    "refuses no steps, an even size, a kernel of whole numbers, and pictures of the margin's size",
)
def test_unrolled_refuses(learner):
    one = torch.ones(1, 1)
    learner.UnrolledDeconvolution.raises(ValueError, one, 0)
    learner.UnrolledDeconvolution.raises(ValueError, one, 2, 4)
    learner.UnrolledDeconvolution.raises(ValueError, one, 2, 3, -1)
    learner.UnrolledDeconvolution.raises(ValueError, torch.ones(3))
    learner.UnrolledDeconvolution.raises(TypeError, one.long())
    state = unrolled_state(1, 3, 130)
    learner.UnrolledDeconvolution.through(UNROLLED_APPLIED).raises(
        ValueError, (one, 1, 3, 4), state, draw(1, 1, 4, 9, seed=131)
    )
