"""Chapter 13's solutions against PyTorch's distributions, losses and layers, and against integrals."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402
from torch.distributions import Independent, Normal, kl  # noqa: E402

from deconv_solutions import upsampling  # noqa: E402
from deconv_solutions.generation import (  # noqa: E402
    ConvVAE,
    DCGANDiscriminator,
    DCGANGenerator,
    discriminator_loss,
    elbo_loss,
    generator_loss,
    kl_divergence,
    reparameterise,
)
from deconvlib.course import generators, metrics  # noqa: E402


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def code(n=3, latent=4, seed=0):
    return [torch.randn(n, latent, generator=seeded(seed + k), dtype=torch.float64) for k in (0, 1)]


def test_reparameterise():
    mean, log_variance = (part.requires_grad_() for part in code())
    z = reparameterise(mean, log_variance, seeded(5))
    noise = (z - mean) / (log_variance / 2).exp()
    weights = torch.randn(z.shape, generator=seeded(6), dtype=z.dtype)
    down_mean, down_log = torch.autograd.grad(z, (mean, log_variance), weights, retain_graph=True)
    torch.testing.assert_close(down_mean, weights)
    torch.testing.assert_close(down_log, weights * noise * (log_variance / 2).exp() / 2)
    assert torch.autograd.gradcheck(lambda m, v: reparameterise(m, v, seeded(5)), (mean, log_variance))


def test_draws_are_distributed_as_they_should_be():
    mean, log_variance = torch.full((200_000,), 1.5), torch.full((200_000,), math.log(4.0))
    z = reparameterise(mean, log_variance, seeded(1))
    assert float(z.mean()) == pytest.approx(1.5, abs=0.03)
    assert float(z.std()) == pytest.approx(2.0, abs=0.03)


def test_kl_divergence():
    mean, log_variance = code(5, 3)
    theirs = kl.kl_divergence(
        Independent(Normal(mean, (log_variance / 2).exp()), 1),
        Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1),
    )
    torch.testing.assert_close(kl_divergence(mean, log_variance), theirs)


def test_elbo_loss():
    mean, log_variance = code()
    x, back = (torch.randn(3, 2, 4, 5, generator=seeded(k), dtype=torch.float64) for k in (7, 8))
    parts = elbo_loss(back, x, mean, log_variance, sigma=0.3)
    likelihood = Normal(back, 0.3).log_prob(x).sum(dim=(1, 2, 3)).mean()
    torch.testing.assert_close(parts["reconstruction"], -likelihood)
    torch.testing.assert_close(parts["loss"], parts["reconstruction"] + parts["kl"])


def test_the_bound_is_below_an_integral_that_can_be_computed():
    """A decoder that is not linear, one number in a code: log p(x) by quadrature, the bound by many draws."""

    def decode(z):
        return torch.stack((torch.tanh(z), z / 3), dim=-1)[:, None, None]

    x, sigma = torch.tensor([[[[0.5, 0.1]]]], dtype=torch.float64), 0.3
    z = torch.linspace(-8, 8, 40_001, dtype=torch.float64)
    log_joint = Normal(decode(z), sigma).log_prob(x).sum(dim=(1, 2, 3)) + Normal(0.0, 1.0).log_prob(z)
    log_p = float(torch.log(torch.trapezoid(log_joint.exp(), z)))
    best = math.inf
    for mean in (0.2, 0.5, 0.8):
        for deviation in (0.1, 0.3, 0.6):
            m = torch.full((20_000, 1), mean, dtype=torch.float64)
            v = torch.full_like(m, 2 * math.log(deviation))
            draws = reparameterise(m, v, seeded(3))[:, 0]
            loss = float(elbo_loss(decode(draws), x.expand(20_000, 1, 1, 2), m, v, sigma)["loss"])
            assert loss > -log_p - 0.02  # of a mean over 20,000 draws
            best = min(best, loss)
    assert best == pytest.approx(-log_p, abs=0.1)


@settings(deadline=None)
@given(st.integers(2, 6), st.integers(1, 3))
def test_dcgangenerator(kernel, blocks):
    torch.manual_seed(kernel)
    widths = (4, 3, 2)[:blocks]
    model = DCGANGenerator(5, 2, widths, (2, 3), kernel).double()
    layers = [model.project, nn.Unflatten(1, model.start)]
    for norm, up in zip(model.norms, model.ups, strict=True):
        layers += [norm, nn.ReLU(), up]
    z = torch.randn(6, 5, dtype=torch.float64)
    for training in (True, False):
        picture = model.train(training)(z)
        assert picture.shape == (6, 2, 2 * 2**blocks, 3 * 2**blocks)
        torch.testing.assert_close(picture, nn.Sequential(*layers, nn.Tanh()).train(training)(z))


def test_the_paper_s_generator():
    """Radford, Metz and Chintala's figure 1: 64 x 64 pixels from 100 numbers."""
    with torch.device("meta"):
        model = DCGANGenerator(100, 3, (1024, 512, 256, 128), 4, kernel=5)
        assert model(torch.empty(2, 100)).shape == (2, 3, 64, 64)
    weights = 100 * 1024 * 16 + 25 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3)
    assert sum(p.numel() for p in model.parameters()) == weights + 3 + 2 * (1024 + 512 + 256 + 128)


def test_convvae():
    torch.manual_seed(0)
    model = ConvVAE(3, 2, (4, 6), (8, 12)).double().eval()
    encoder = nn.Sequential(model.downs[0], nn.ReLU(), model.downs[1], nn.ReLU(), nn.Flatten(), model.code)
    x = torch.randn(5, 2, 8, 12, dtype=torch.float64)
    both = encoder(x)
    back, mean, log_variance = model(x, seeded(1))
    torch.testing.assert_close(torch.cat((mean, log_variance), dim=1), both)
    torch.testing.assert_close(back, model.decode(reparameterise(mean, log_variance, seeded(1))))
    elbo_loss(back, x, mean, log_variance)["loss"].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_dcgandiscriminator():
    torch.manual_seed(0)
    model = DCGANDiscriminator(2, (3, 4, 5), (16, 24)).double()
    features = nn.Sequential(
        *(model.downs[0], nn.LeakyReLU(0.2), model.downs[1], model.norms[0], nn.LeakyReLU(0.2)),
        *(model.downs[2], model.norms[1], nn.LeakyReLU(0.2)),
    )
    x = torch.randn(4, 2, 16, 24, dtype=torch.float64)
    torch.testing.assert_close(model(x), nn.Sequential(features, nn.Flatten(), model.classifier)(x)[:, 0])


logits = st.lists(st.floats(-300, 300), min_size=1, max_size=6).map(lambda v: torch.tensor(v, dtype=torch.float64))


@given(logits)
def test_generator_loss(fake):
    theirs = F.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))
    torch.testing.assert_close(generator_loss(fake), theirs)


@given(logits, logits)
def test_discriminator_loss(real, fake):
    theirs = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    theirs = theirs + F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    torch.testing.assert_close(discriminator_loss(real, fake), theirs)


@pytest.mark.parametrize("logit", [-100.0, 100.0])
def test_losses_and_their_gradients_are_finite(logit):
    for loss in (generator_loss, lambda l: discriminator_loss(l, l)):
        value = torch.tensor([logit], requires_grad=True)
        (slope,) = torch.autograd.grad(loss(value), value)
        assert torch.isfinite(slope).all()
    # Where the discriminator is sure that a picture is made, the generator still has its full slope.
    value = torch.tensor([-100.0], requires_grad=True)
    assert torch.autograd.grad(generator_loss(value), value)[0].item() == -1.0


# What the chapter uses besides


def test_the_other_decoders_differ_in_their_doubling_only():
    torch.manual_seed(0)
    for kind in generators.DECODERS:
        model = generators.decoder(kind)
        assert model(torch.randn(4, 32)).shape == (4, 1, 28, 28)
    with pytest.raises(ValueError, match="kind must be one of"):
        generators.decoder("bicubic")


def test_the_checkerboard_share_is_chapter_6_s():
    pictures = torch.randn(5, 1, 28, 27, generator=seeded(2), dtype=torch.float64)
    for period in (2, 4):
        each = [upsampling.checkerboard_energy(picture[0].numpy(), period) for picture in pictures[..., :24]]
        share = generators.checkerboard_share(pictures[..., :24], period)
        assert share == pytest.approx(sum(each) / len(each))


def test_frechet_distance_of_known_gaussians():
    numbers = torch.randn(4000, 3, generator=seeded(3), dtype=torch.float64).numpy()
    numbers = (numbers - numbers.mean(0)) @ torch.linalg.inv(
        torch.linalg.cholesky(torch.cov(torch.from_numpy(numbers).T))
    ).T.numpy()
    # Covariances 1 and 4: (1 - 2)^2 for each of three axes; means 1 apart along one.
    other = 2 * numbers
    other[:, 0] += 1
    assert metrics.frechet_distance(numbers, other) == pytest.approx(4, abs=1e-9)
    assert metrics.frechet_distance(numbers, numbers) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match=r"a and b must be \(N, F\)"):
        metrics.frechet_distance(numbers, numbers[:, :2])


def test_ddim_with_a_perfect_denoiser_finds_the_picture():
    """If every picture is the same one, the noise in x is known exactly: one step or many lead to it."""
    picture = torch.rand(1, 1, 4, 4, generator=seeded(4)) * 2 - 1

    def model(x, t):
        share = generators.signal_share(t)[:, None, None, None]
        return (x - share.sqrt() * picture) / (1 - share).sqrt()

    noise = torch.randn(2, 1, 4, 4, generator=seeded(5))
    for steps in (1, 7):
        torch.testing.assert_close(generators.ddim(model, noise, steps), picture.expand(2, 1, 4, 4), atol=2e-2, rtol=0)
    assert len(generators.ddim(model, noise, 7, keep=True)) == 7


def test_the_noise_unet_keeps_shapes():
    model = generators.NoiseUNet(3, (8, 8, 16))
    x = torch.randn(2, 3, 12, 8)
    assert model(x, torch.tensor([0.2, 0.9])).shape == x.shape
