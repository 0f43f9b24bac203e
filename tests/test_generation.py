"""What grades chapter 13."""

from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import check, draw_array, seeds
from deconv_solutions import generation as reference

LAYERS = 2e-5  # batch normalization divides by a standard deviation: rounding is enlarged a little


def draw(*shape, seed, dtype=np.float32, low=-3, high=3, scale=1.0):
    return torch.from_numpy(draw_array(shape, seed, dtype, low=low, high=high)) * scale


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def settled(network, seed):
    """The same network with whole numbers over 8 for weights, far from where it starts."""
    state = {
        name: draw(*value.shape, seed=seed + k) / 8 + ("norms" in name and name.endswith("weight"))
        for k, (name, value) in enumerate(network.named_parameters())
    }
    network.load_state_dict(state, strict=False)
    return network, state


def found_parameters(make, settings):
    "shapes of the parameters of a network made with *settings"
    return {name: tuple(value.shape) for name, value in make(*settings).parameters().items()}


def spread_of_weights(make, settings):
    "name -> whether these parameters of a new network have standard deviation 0.02, are all 1 or all 0"
    found = {}
    for name, value in make(*settings).parameters().items():
        spread, middle = float(value.double().std(correction=0)), float(value.double().mean())
        if spread == 0:
            found[name] = f"all {middle:g}" if middle in (0, 1) else "another spread"
        else:
            found[name] = "0.02" if 0.0185 < spread < 0.0215 and abs(middle) < 0.003 else "another spread"
    return found


# DCGANGenerator


def made(make, settings, state, z):
    "DCGANGenerator(*settings).eval()(z)"
    net = make(*settings)
    net.load(state)
    net.call("eval")
    return net(z)


def made_in_training(make, settings, state, z):
    "DCGANGenerator(*settings).train()(z)"
    net = make(*settings)
    net.load(state)
    return net(z)


def right_pictures(settings, z, seed, training=False):
    net, state = settled(reference.DCGANGenerator(*settings), seed)
    with torch.no_grad():
        return state, net.train(training)(z)


@check("DCGANGenerator", "two codes of one number, one doubling by 2 x 2, by hand", weight=3)
def test_generator_by_hand(learner):
    # Kernels of 2 x 2 do not overlap: each of the first maps' 1 x 2 pixels, after its ReLU, stamps the kernel once.
    kernel = torch.tensor([[1.0, -1.0], [0.5, 0.25]])
    state = {
        "project.weight": torch.tensor([[2.0], [-1.0]]),
        "ups.0.weight": kernel[None, None],
        "ups.0.bias": torch.tensor([0.125]),
        "norms.0.weight": torch.tensor([1.0]),
        "norms.0.bias": torch.tensor([0.0]),
    }
    scale = 1 / math.sqrt(1 + 1e-5)  # what batch normalization does in evaluation mode before it has seen a batch
    first = torch.cat((2 * scale * kernel, 0 * kernel), dim=1)
    second = torch.cat((0 * kernel, scale * kernel), dim=1)
    expected = (torch.stack((first, second))[:, None] + 0.125).tanh()
    z = torch.tensor([[1.0], [-1.0]])
    learner.DCGANGenerator.through(made).gives(expected, (1, 1, (1,), (1, 2), 2), state, z)


@check("DCGANGenerator", "three doublings, maps higher than wide", weight=2)
def test_generator_blocks(learner):
    settings, z = (3, 2, (4, 3, 2), (3, 1)), draw(2, 3, seed=1)
    state, expected = right_pictures(settings, z, 10)
    assert expected.shape == (2, 2, 24, 8)
    learner.DCGANGenerator.through(made).gives(expected, settings, state, z, tolerance=LAYERS)


@check("DCGANGenerator", "kernels of 2, 3, 4 and 5: every one doubles exactly", weight=2)
def test_generator_kernels(learner):
    for kernel in (3, 4, 5, 2):
        settings, z = (2, 1, (2, 3), (2, 3), kernel), draw(2, 2, seed=kernel)
        state, expected = right_pictures(settings, z, 20)
        learner.DCGANGenerator.through(made).gives(expected, settings, state, z, tolerance=LAYERS)


@check("DCGANGenerator", "while training, the batch's own mean and variance are used", weight=2)
def test_generator_training(learner):
    settings, z = (2, 1, (3, 2), 2), draw(5, 2, seed=3)
    state, expected = right_pictures(settings, z, 30, training=True)
    learner.DCGANGenerator.through(made_in_training).gives(expected, settings, state, z, tolerance=1e-4)


@check("DCGANGenerator", "parameters: project, ups.0, norms.0, ..., and only one bias besides the norms'", weight=2)
def test_generator_parameters(learner):
    settings = (5, 3, (4, 6), (2, 3))
    expected = {name: tuple(p.shape) for name, p in reference.DCGANGenerator(*settings).named_parameters()}
    learner.DCGANGenerator.through(found_parameters).gives(expected, settings)


@check("DCGANGenerator", "the defaults: 28 x 28 from 32 numbers")
def test_generator_defaults(learner):
    expected = {name: tuple(p.shape) for name, p in reference.DCGANGenerator().named_parameters()}
    learner.DCGANGenerator.through(found_parameters).gives(expected, ())


@check("DCGANGenerator", "weights start with standard deviation 0.02")
def test_generator_start(learner):
    expected = {
        "project.weight": "0.02",
        "ups.0.weight": "0.02",
        "ups.1.weight": "0.02",
        "ups.1.bias": "all 0",
        "norms.0.weight": "all 1",
        "norms.0.bias": "all 0",
        "norms.1.weight": "all 1",
        "norms.1.bias": "all 0",
    }
    learner.DCGANGenerator.through(spread_of_weights).gives(expected, (20, 4, (24, 16), 4))


@check("DCGANGenerator", "gradients flow from the picture to the code")
def test_generator_gradient(learner):
    settings, z = (2, 1, (2, 2), (1, 2)), draw(2, 2, seed=5, scale=0.5)
    net, state = settled(reference.DCGANGenerator(*settings), 40)
    weights = draw(2, 1, 4, 8, seed=6)
    theirs = learner.DCGANGenerator(*settings)
    theirs.load(state)
    theirs.call("eval")
    _, (gradient,) = theirs.vjp((z,), weights)
    leaf = z.clone().requires_grad_()
    (expected,) = torch.autograd.grad(net.eval()(leaf), leaf, weights)
    close = gradient is not None and torch.allclose(gradient, expected, rtol=1e-3, atol=1e-3)
    learner.require(close, "the gradient of the picture is autograd's", expected=expected, yours=gradient)


@check("DCGANGenerator", "any widths, sizes and kernels", weight=2, hidden=True)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_generator_drawn(learner, data, seed):
    widths = tuple(data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
    start = tuple(data.draw(st.integers(1, 3)) for _ in range(2))
    settings = (data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3)), widths, start, data.draw(st.integers(2, 6)))
    z = draw(2, settings[0], seed=seed)
    state, expected = right_pictures(settings, z, seed)
    learner.DCGANGenerator.through(made).gives(expected, settings, state, z, tolerance=LAYERS)


@check("DCGANGenerator", "refuses no widths and a kernel of 1")
def test_generator_refuses(learner):
    learner.DCGANGenerator.raises(ValueError, 2, 1, (), 7)
    learner.DCGANGenerator.raises(ValueError, 2, 1, (2,), 7, 1)


# reparameterise


def attached(make, mean, log_variance, which):
    "reparameterise(mean, log_variance, generator).requires_grad, if only one of the two requires it"
    leaves = {"mean": mean, "log_variance": log_variance}
    leaves[which] = leaves[which].clone().requires_grad_()
    return make(leaves["mean"], leaves["log_variance"], seeded(3)).requires_grad


@check("reparameterise", "standard deviations of 1 and 3", weight=3)
def test_reparameterise_by_hand(learner):
    noise = torch.randn((1, 2), generator=seeded(1))
    mean, log_variance = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, 2 * math.log(3.0)]])
    expected = mean + torch.tensor([[1.0, 3.0]]) * noise
    first, second = (learner.reparameterise(mean, log_variance, seeded(1)) for _ in range(2))
    same = torch.equal(first, second) if torch.is_tensor(first) and torch.is_tensor(second) else True
    learner.require(
        same, "the noise comes from the generator: the same seed gives the same draw", yours=(first, second)
    )
    learner.reparameterise.gives(expected, mean, log_variance, seeded(1))


@check("reparameterise", "next to no variance: the mean", weight=1)
def test_reparameterise_sure(learner):
    mean = draw(2, 3, seed=1, dtype=np.float64)
    learner.reparameterise.gives(mean, mean, torch.full_like(mean, -80.0), seeded(2))


@check("reparameterise", "gradients reach the means and the log variances", weight=3)
def test_reparameterise_gradient(learner):
    mean, log_variance = draw(2, 3, seed=2), draw(2, 3, seed=3)
    program = learner.reparameterise.through(attached)
    for which in ("mean", "log_variance"):
        program.gives(True, mean, log_variance, which)


@check("reparameterise", "float64 stays, any shape", weight=1)
def test_reparameterise_shapes(learner):
    for shape in ((4,), (2, 3, 2), (5, 1)):
        mean, log_variance = (draw(*shape, seed=k, dtype=np.float64) for k in (4, 5))
        expected = reference.reparameterise(mean, log_variance, seeded(6))
        learner.reparameterise.gives(expected, mean, log_variance, seeded(6))


@check("reparameterise", "any means and log variances", hidden=True)
@given(seed=seeds(), n=st.integers(1, 4), latent=st.integers(1, 5))
def test_reparameterise_drawn(learner, seed, n, latent):
    mean, log_variance = draw(n, latent, seed=seed), draw(n, latent, seed=seed + 1)
    expected = reference.reparameterise(mean, log_variance, seeded(seed % 1000))
    learner.reparameterise.gives(expected, mean, log_variance, seeded(seed % 1000))


@check("reparameterise", "refuses shapes that differ, even if they would broadcast")
def test_reparameterise_refuses(learner):
    mean, sure = draw(2, 3, seed=9), torch.full((2, 3), -300.0)
    learner.reparameterise.raises(ValueError, mean, sure[0], seeded(0))
    learner.reparameterise.raises(ValueError, mean, sure[:, :1], seeded(0))


# kl_divergence


@check("kl_divergence", "three images, codes of two numbers, by hand", weight=3)
def test_kl_by_hand(learner):
    # The prior itself; means 2 and -1: (4 + 1) / 2; a variance of 4: (4 - 1 - log 4) / 2.
    mean = torch.tensor([[0.0, 0.0], [2.0, -1.0], [0.0, 0.0]], dtype=torch.float64)
    log_variance = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, math.log(4.0)]], dtype=torch.float64)
    expected = torch.tensor([0.0, 2.5, (3 - math.log(4.0)) / 2], dtype=torch.float64)
    learner.kl_divergence.gives(expected, mean, log_variance)


@check("kl_divergence", "the integral of q log(q / p), computed on a fine grid", weight=2)
def test_kl_integral(learner):
    mean, deviation = 0.7, 0.4
    z = torch.linspace(-6, 8, 20001, dtype=torch.float64)
    log_q = -(((z - mean) / deviation) ** 2) / 2 - math.log(deviation)
    log_p = -(z**2) / 2  # log sqrt(2 pi) stands in both
    integral = torch.trapezoid((log_q - log_p) * log_q.exp() / math.sqrt(2 * math.pi), z)
    code = torch.tensor([[mean]], dtype=torch.float64), torch.tensor([[2 * math.log(deviation)]], dtype=torch.float64)
    learner.kl_divergence.gives(integral[None], *code, tolerance=1e-6)


@check("kl_divergence", "near the prior no digits are lost, in float32 either")
def test_kl_small(learner):
    log_variance = torch.tensor([[1e-3], [-1e-3]])
    expected = torch.expm1(log_variance.double()).sub(log_variance.double())[:, 0].div(2).float()
    learner.kl_divergence.gives(expected, torch.zeros(2, 1), log_variance, tolerance=1e-2)


@check("kl_divergence", "any means and log variances", weight=2, hidden=True)
@given(seed=seeds(), n=st.integers(1, 4), latent=st.integers(1, 5), dtype=st.sampled_from([np.float32, np.float64]))
def test_kl_drawn(learner, seed, n, latent, dtype):
    mean, log_variance = (draw(n, latent, seed=seed + k, dtype=dtype) for k in (0, 1))
    learner.kl_divergence.gives(reference.kl_divergence(mean, log_variance), mean, log_variance)


@check("kl_divergence", "refuses shapes that differ, and one axis")
def test_kl_refuses(learner):
    learner.kl_divergence.raises(ValueError, torch.zeros(2, 3), torch.zeros(2, 1))
    learner.kl_divergence.raises(ValueError, torch.zeros(3), torch.zeros(3))


# elbo_loss


def loss_attached(make, tensors, which):
    "elbo_loss(reconstruction, x, mean, log_variance)['loss'].requires_grad, if only one of the four requires it"
    given = [value.clone().requires_grad_() if k == which else value for k, value in enumerate(tensors)]
    return make(*given)["loss"].requires_grad


HALF_LOG_2_PI = math.log(2 * math.pi) / 2


@check("elbo_loss", "two images of 1 x 2 pixels, by hand", weight=3)
def test_elbo_by_hand(learner):
    x = torch.zeros(2, 1, 1, 2, dtype=torch.float64)
    reconstruction = torch.tensor([[[[3.0, 1.0]]], [[[0.0, 2.0]]]], dtype=torch.float64)
    mean = torch.tensor([[2.0], [0.0]], dtype=torch.float64)
    # Squares 10 and 4, of which 7 is the mean; with sigma = 2 that is 7 / 8. Divergences 2 and 0.
    pixels = 7 / 8 + 2 * (math.log(2) + HALF_LOG_2_PI)
    numbers = {"loss": pixels + 1.0, "reconstruction": pixels, "kl": 1.0}
    expected = {name: torch.tensor(value, dtype=torch.float64) for name, value in numbers.items()}
    learner.elbo_loss.gives(expected, reconstruction, x, mean, torch.zeros_like(mean), 2.0)


@check(
    "elbo_loss", "a picture whose likelihood can be integrated: never less than -log p(x), and equal at best", weight=3
)
def test_elbo_bounds(learner):
    # One pixel, x = w z + noise of deviation s, z standard normal: x is normal with variance w^2 + s^2.
    w, s, value = 1.5, 0.5, 2.0
    variance = w * w + s * s
    truth = value**2 / (2 * variance) + math.log(variance) / 2 + HALF_LOG_2_PI
    best = w * value / variance, s * s / variance  # mean and variance of z, given x
    for mean, spread, at_best in ((*best, True), (best[0] + 0.3, best[1], False), (best[0], 3 * best[1], False)):
        # Two images, z one standard deviation below and above the mean: of a square, this pair gives the exact mean.
        z = mean + math.sqrt(spread) * torch.tensor([-1.0, 1.0], dtype=torch.float64)
        code = torch.full((2, 1), mean, dtype=torch.float64), torch.full((2, 1), math.log(spread), dtype=torch.float64)
        x = torch.full((2, 1, 1, 1), value, dtype=torch.float64)
        loss = float(learner.elbo_loss(w * z.reshape(2, 1, 1, 1), x, *code, s)["loss"])
        if at_best:
            learner.elbo_loss.gives(
                reference.elbo_loss(w * z.reshape(2, 1, 1, 1), x, *code, s), w * z.reshape(2, 1, 1, 1), x, *code, s
            )
            learner.require(
                abs(loss - truth) < 1e-9, f"with the best code the loss is -log p(x) = {truth:.6f}", yours=loss
            )
        else:
            learner.require(
                loss > truth + 1e-3, f"with another code the loss is above -log p(x) = {truth:.6f}", yours=loss
            )


@check("elbo_loss", "gradients reach the reconstruction, the means and the log variances")
def test_elbo_gradient(learner):
    tensors = (draw(2, 1, 2, 2, seed=1), draw(2, 1, 2, 2, seed=2), draw(2, 3, seed=3), draw(2, 3, seed=4))
    for which in (0, 2, 3):
        learner.elbo_loss.through(loss_attached).gives(True, tensors, which)


@check("elbo_loss", "the default sigma is 0.2; float32 stays", weight=1)
def test_elbo_default(learner):
    given = draw(3, 2, 2, 3, seed=5), draw(3, 2, 2, 3, seed=6), draw(3, 4, seed=7), draw(3, 4, seed=8)
    learner.elbo_loss.gives(reference.elbo_loss(*given), *given)


@check("elbo_loss", "any images and codes", weight=2, hidden=True)
@given(
    seed=seeds(),
    n=st.integers(1, 4),
    latent=st.integers(1, 4),
    shape=st.sampled_from([(1, 2, 3), (3, 1, 2), (5,)]),
    sigma=st.sampled_from([0.1, 1.0, 3.0]),
)
def test_elbo_drawn(learner, seed, n, latent, shape, sigma):
    back, x = (draw(n, *shape, seed=seed + k, dtype=np.float64) for k in (0, 1))
    mean, log_variance = (draw(n, latent, seed=seed + k, dtype=np.float64) for k in (2, 3))
    expected = reference.elbo_loss(back, x, mean, log_variance, sigma)
    learner.elbo_loss.gives(expected, back, x, mean, log_variance, sigma)


@check("elbo_loss", "refuses shapes that do not belong together, and a sigma that is not positive")
def test_elbo_refuses(learner):
    x, code = torch.zeros(2, 1, 2, 2), torch.zeros(2, 3)
    learner.elbo_loss.raises(ValueError, torch.zeros(2, 1, 1, 2), x, code, code)
    learner.elbo_loss.raises(ValueError, x, x, torch.zeros(3, 3), torch.zeros(3, 3))
    for sigma in (0.0, -1.0, float("nan"), float("inf")):
        learner.elbo_loss.raises(ValueError, x, x, code, code, sigma)


# ConvVAE


def encoded(make, settings, state, x):
    "ConvVAE(*settings).encode(x)"
    net = make(*settings)
    net.load(state)
    net.call("eval")
    return net.call("encode", x)


def decoded(make, settings, state, z):
    "ConvVAE(*settings).eval().decode(z)"
    net = make(*settings)
    net.load(state)
    net.call("eval")
    return net.call("decode", z)


def passed(make, settings, state, x, seed):
    "ConvVAE(*settings).eval()(x, torch.Generator().manual_seed(seed))"
    net = make(*settings)
    net.load(state)
    net.call("eval")
    return net(x, seeded(seed))


def passed_attached(make, settings, x):
    "[part.requires_grad for part in ConvVAE(*settings)(x, generator)]"
    return [part.requires_grad for part in make(*settings)(x, seeded(0))]


def right_vae(settings, seed):
    net, state = settled(reference.ConvVAE(*settings), seed)
    return net.eval(), state


@check("ConvVAE", "the encoder of 4 x 4 pixels, by hand", weight=3)
def test_encode_by_hand(learner):
    # The first kernel takes the middle 2 x 2 of its window with weights 1; the window is padded by 1: sums of 2 x 2 blocks.
    state = {
        "downs.0.weight": torch.tensor([[[[0.0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]]]),
        "downs.0.bias": torch.tensor([-1.0]),
        "code.weight": torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
        "code.bias": torch.tensor([0.0, 0, 0, 10]),
    }
    x = torch.tensor([[[[1.0, 2, 0, 0], [3, 4, 0, 0], [1, 1, 2, 2], [1, 1, 2, -1]]]])
    # Blocks 10, 0, 4, 5, less 1, and a ReLU: 9, 0, 3, 4. The first two are the means.
    expected = torch.tensor([[9.0, 0.0]]), torch.tensor([[3.0, 14.0]])
    learner.ConvVAE.through(encoded).gives(expected, (2, 1, (1,), 4), state, x)


@check("ConvVAE", "two blocks, two channels, wider than high", weight=2)
def test_encode_blocks(learner):
    settings, x = (3, 2, (2, 4), (8, 12)), draw(2, 2, 8, 12, seed=11)
    net, state = right_vae(settings, 50)
    with torch.no_grad():
        learner.ConvVAE.through(encoded).gives(net.encode(x), settings, state, x, tolerance=LAYERS)


@check("ConvVAE", "the decoder has the widths in reverse order", weight=2)
def test_decode(learner):
    settings, z = (3, 2, (2, 4), (8, 12)), draw(2, 3, seed=12)
    net, state = right_vae(settings, 60)
    with torch.no_grad():
        learner.ConvVAE.through(decoded).gives(net.decode(z), settings, state, z, tolerance=LAYERS)


@check("ConvVAE", "there and back, with one draw for each picture", weight=2)
def test_vae_forward(learner):
    settings, x = (2, 1, (2, 3), (4, 8)), draw(3, 1, 4, 8, seed=13, scale=0.25)
    net, state = right_vae(settings, 70)
    with torch.no_grad():
        learner.ConvVAE.through(passed).gives(net(x, seeded(4)), settings, state, x, 4, tolerance=1e-4)


@check("ConvVAE", "parameters: downs, code, decoder", weight=2)
def test_vae_parameters(learner):
    settings = (5, 2, (3, 4), (8, 12))
    expected = {name: tuple(p.shape) for name, p in reference.ConvVAE(*settings).named_parameters()}
    learner.ConvVAE.through(found_parameters).gives(expected, settings)


@check("ConvVAE", "the defaults: 28 x 28, 32 numbers")
def test_vae_defaults(learner):
    expected = {name: tuple(p.shape) for name, p in reference.ConvVAE().named_parameters()}
    learner.ConvVAE.through(found_parameters).gives(expected, ())


@check("ConvVAE", "all three results can be learned from")
def test_vae_gradient(learner):
    learner.ConvVAE.through(passed_attached).gives([True] * 3, (2, 1, (2,), 4), draw(2, 1, 4, 4, seed=14))


@check("ConvVAE", "any widths and sizes", weight=2, hidden=True)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_vae_drawn(learner, data, seed):
    widths = tuple(data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
    size = tuple(data.draw(st.integers(1, 2)) * 2 ** len(widths) for _ in range(2))
    settings = (data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2)), widths, size)
    x = draw(2, settings[1], *size, seed=seed, scale=0.25)
    net, state = right_vae(settings, seed)
    with torch.no_grad():
        learner.ConvVAE.through(encoded).gives(net.encode(x), settings, state, x, tolerance=LAYERS)
        learner.ConvVAE.through(passed).gives(net(x, seeded(5)), settings, state, x, 5, tolerance=1e-4)


@check("ConvVAE", "refuses no widths, and sizes that are not halved exactly")
def test_vae_refuses(learner):
    learner.ConvVAE.raises(ValueError, 2, 1, (), 8)
    learner.ConvVAE.raises(ValueError, 2, 1, (2, 2), (8, 10))


# DCGANDiscriminator


def scored(make, settings, state, x):
    "DCGANDiscriminator(*settings).eval()(x)"
    net = make(*settings)
    net.load(state)
    net.call("eval")
    return net(x)


def scored_in_training(make, settings, state, x):
    "DCGANDiscriminator(*settings).train()(x)"
    net = make(*settings)
    net.load(state)
    return net(x)


def last_maps(make, settings, state, x):
    "DCGANDiscriminator(*settings).eval().features(x)"
    net = make(*settings)
    net.load(state)
    net.call("eval")
    return net.call("features", x)


def right_scores(settings, x, seed, training=False):
    net, state = settled(reference.DCGANDiscriminator(*settings), seed)
    with torch.no_grad():
        return state, net.train(training)(x), net.features(x)


@check("DCGANDiscriminator", "two pictures of 2 x 4 pixels, one block, by hand", weight=3)
def test_discriminator_by_hand(learner):
    state = {
        "downs.0.weight": torch.tensor([[[[0.0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]]]),
        "downs.0.bias": torch.tensor([1.0]),
        "classifier.weight": torch.tensor([[2.0, 1.0]]),
        "classifier.bias": torch.tensor([0.5]),
    }
    x = torch.tensor([[[[1.0, 2, 0, 0], [0, 1, -3, -3]]], [[[0.0, 0, 0, 0], [0, 0, 0, 0]]]])
    # Block sums 4 and -6, plus 1: 5 and -5, of which the leaky ReLU makes 5 and -1. Logits 10 - 1 + 0.5 and 2 + 1 + 0.5.
    learner.DCGANDiscriminator.through(scored).gives(torch.tensor([9.5, 3.5]), (1, (1,), (2, 4)), state, x)


@check("DCGANDiscriminator", "two and three blocks, higher and wider", weight=2)
def test_discriminator_blocks(learner):
    for settings in ((2, (2, 3), (12, 8)), (1, (1, 2, 2), (8, 16))):
        x = draw(2, settings[0], *settings[2], seed=21)
        state, logits, maps = right_scores(settings, x, 80)
        learner.DCGANDiscriminator.through(scored).gives(logits, settings, state, x, tolerance=1e-4)
        learner.DCGANDiscriminator.through(last_maps).gives(maps, settings, state, x, tolerance=LAYERS)


@check("DCGANDiscriminator", "while training, the batch's own mean and variance are used", weight=2)
def test_discriminator_training(learner):
    settings, x = (1, (2, 3), (4, 8)), draw(4, 1, 4, 8, seed=22)
    state, logits, _ = right_scores(settings, x, 90, training=True)
    learner.DCGANDiscriminator.through(scored_in_training).gives(logits, settings, state, x, tolerance=1e-4)


@check("DCGANDiscriminator", "parameters: downs, norms, classifier", weight=2)
def test_discriminator_parameters(learner):
    for settings in ((3, (4, 5, 6), (16, 8)), ()):
        expected = {name: tuple(p.shape) for name, p in reference.DCGANDiscriminator(*settings).named_parameters()}
        learner.DCGANDiscriminator.through(found_parameters).gives(expected, settings)


@check("DCGANDiscriminator", "weights start with standard deviation 0.02")
def test_discriminator_start(learner):
    expected = {
        "downs.0.weight": "0.02",
        "downs.0.bias": "all 0",
        "downs.1.weight": "0.02",
        "norms.0.weight": "all 1",
        "norms.0.bias": "all 0",
        "classifier.weight": "0.02",
        "classifier.bias": "all 0",
    }
    learner.DCGANDiscriminator.through(spread_of_weights).gives(expected, (6, (24, 32), 28))


@check("DCGANDiscriminator", "gradients flow from the logits to the picture")
def test_discriminator_gradient(learner):
    settings, x, weights = (1, (2, 2), (4, 8)), draw(2, 1, 4, 8, seed=23), torch.tensor([1.0, -2.0])
    net, state = settled(reference.DCGANDiscriminator(*settings), 95)
    theirs = learner.DCGANDiscriminator(*settings)
    theirs.load(state)
    theirs.call("eval")
    _, (gradient,) = theirs.vjp((x,), weights)
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(net.eval()(leaf), leaf, weights)
    close = gradient is not None and torch.allclose(gradient, expected, rtol=1e-3, atol=1e-3)
    learner.require(close, "the gradient of the logits is autograd's", expected=expected, yours=gradient)


@check("DCGANDiscriminator", "any widths and sizes", weight=2, hidden=True)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_discriminator_drawn(learner, data, seed):
    widths = tuple(data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
    size = tuple(data.draw(st.integers(1, 3)) * 2 ** len(widths) for _ in range(2))
    settings = (data.draw(st.integers(1, 2)), widths, size)
    x = draw(2, settings[0], *size, seed=seed)
    state, logits, _ = right_scores(settings, x, seed)
    learner.DCGANDiscriminator.through(scored).gives(logits, settings, state, x, tolerance=1e-4)


@check("DCGANDiscriminator", "refuses no widths, and sizes that are not halved exactly")
def test_discriminator_refuses(learner):
    learner.DCGANDiscriminator.raises(ValueError, 1, (), 8)
    learner.DCGANDiscriminator.raises(ValueError, 1, (2, 2), (6, 8))


# generator_loss


@check("generator_loss", "logits 0, and log 3: probabilities 1/2 and 3/4", weight=3)
def test_generator_loss_by_hand(learner):
    logits = torch.tensor([0.0, math.log(3.0)], dtype=torch.float64)
    expected = torch.tensor((math.log(2) + math.log(4 / 3)) / 2, dtype=torch.float64)
    learner.generator_loss.gives(expected, logits)


@check("generator_loss", "logits of -1000 to 1000 stay finite and right", weight=3)
def test_generator_loss_extreme(learner):
    for logit, loss in ((-100.0, 100.0), (-1000.0, 1000.0), (1000.0, 0.0), (-30.0, 30.0)):
        learner.generator_loss.gives(torch.tensor(loss), torch.tensor([logit]), tolerance=1e-6)
    learner.generator_loss.gives(torch.tensor(math.log1p(math.exp(-12.0))), torch.tensor([12.0]), tolerance=1e-3)


@check("generator_loss", "any logits", hidden=True)
@given(seed=seeds(), shape=st.sampled_from([(1,), (5,), (2, 3)]), dtype=st.sampled_from([np.float32, np.float64]))
def test_generator_loss_drawn(learner, seed, shape, dtype):
    logits = draw(*shape, seed=seed, dtype=dtype, scale=2.0)
    learner.generator_loss.gives(reference.generator_loss(logits), logits)


@check("generator_loss", "refuses an empty batch")
def test_generator_loss_refuses(learner):
    learner.generator_loss.raises(ValueError, torch.zeros(0))


# discriminator_loss


@check("discriminator_loss", "one real and two made pictures, by hand", weight=3)
def test_discriminator_loss_by_hand(learner):
    real = torch.tensor([math.log(3.0)], dtype=torch.float64)
    fake = torch.tensor([0.0, -math.log(7.0)], dtype=torch.float64)
    # Real: probability 3/4. Made: probabilities of being made 1/2 and 7/8.
    expected = torch.tensor(math.log(4 / 3) + (math.log(2) + math.log(8 / 7)) / 2, dtype=torch.float64)
    learner.discriminator_loss.gives(expected, real, fake)


@check("discriminator_loss", "logits of -1000 to 1000 stay finite and right", weight=3)
def test_discriminator_loss_extreme(learner):
    for real, fake, loss in (
        (100.0, -100.0, 0.0),
        (-100.0, 100.0, 200.0),
        (-1000.0, -1000.0, 1000.0),
        (50.0, 300.0, 300.0),
    ):
        learner.discriminator_loss.gives(torch.tensor(loss), torch.tensor([real]), torch.tensor([fake]), tolerance=1e-6)


@check("discriminator_loss", "any logits", hidden=True)
@given(seed=seeds(), shapes=st.sampled_from([((1,), (1,)), ((5,), (2,)), ((2, 3), (4,))]))
def test_discriminator_loss_drawn(learner, seed, shapes):
    real, fake = (draw(*shape, seed=seed + k, scale=2.0) for k, shape in enumerate(shapes))
    learner.discriminator_loss.gives(reference.discriminator_loss(real, fake), real, fake)


@check("discriminator_loss", "refuses an empty batch, of either kind")
def test_discriminator_loss_refuses(learner):
    learner.discriminator_loss.raises(ValueError, torch.zeros(0), torch.zeros(3))
    learner.discriminator_loss.raises(ValueError, torch.zeros(3), torch.zeros(0))
