"""Right answers to chapter 13, written otherwise."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from deconv_grader.checks.known_answers import variant
from deconv_solutions import generation as reference


def _sides(size):
    return (size, size) if isinstance(size, int) else tuple(size)


# DCGANGenerator


@variant("DCGANGenerator")
class GeneratorOutputSize(nn.Module):
    """Each transposed convolution is told the size that it is to give."""

    def __init__(self, latent=32, channels=1, widths=(64, 32), start=7, kernel=4):
        super().__init__()
        if len(widths) == 0 or kernel < 2:
            raise ValueError("widths are needed, and kernels of at least 2")
        self.height, self.width = _sides(start)
        self.widths = tuple(widths)
        self.project = nn.Linear(latent, widths[0] * self.height * self.width, bias=False)
        self.norms, self.ups = nn.ModuleList(), nn.ModuleList()
        for k, width in enumerate(widths):
            last = k + 1 == len(widths)
            self.norms.append(nn.BatchNorm2d(width))
            after = channels if last else widths[k + 1]
            self.ups.append(nn.ConvTranspose2d(width, after, kernel, stride=2, padding=(kernel - 1) // 2, bias=last))
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if "norms" not in name:
                    parameter.copy_(torch.randn(parameter.shape) * 0.02 if name.endswith("weight") else 0 * parameter)

    def forward(self, z):
        x = self.project(z).view(-1, self.widths[0], self.height, self.width)
        for norm, up in zip(self.norms, self.ups, strict=True):
            x = torch.clamp(norm(x), min=0)
            x = up(x, output_size=[2 * x.shape[2], 2 * x.shape[3]])
        return torch.tanh(x)


@variant("DCGANGenerator")
class GeneratorByZeros(reference.DCGANGenerator):
    """Zeros between the pixels, and a convolution with the kernel turned round."""

    def forward(self, z):
        x = self.project(z).reshape(len(z), *self.start)
        norm: Any
        up: Any
        for norm, up in zip(self.norms, self.ups, strict=True):
            x = norm(x).relu()
            n, c, h, w = x.shape
            kernel, padding, more = up.kernel_size[0], up.padding[0], up.output_padding[0]
            wide = x.new_zeros(n, c, 2 * h - 1, 2 * w - 1)
            wide[:, :, ::2, ::2] = x
            side = kernel - 1 - padding
            wide = F.pad(wide, (side, side + more, side, side + more))
            x = F.conv2d(wide, up.weight.flip(2, 3).transpose(0, 1), up.bias)
        return 2 * (2 * x).sigmoid() - 1


# reparameterise


@variant("reparameterise")
def reparameterise_normal_(mean, log_variance, generator):
    """Noise into an empty tensor; the deviation as the root of the variance."""
    if mean.shape != log_variance.shape:
        raise ValueError("shapes differ")
    noise = torch.empty_like(mean, requires_grad=False).normal_(generator=generator)
    return torch.addcmul(mean, log_variance.exp().sqrt(), noise)


@variant("reparameterise")
def reparameterise_powers(mean, log_variance, generator):
    """A power of 2 for the power of e."""
    if tuple(mean.size()) != tuple(log_variance.size()):
        raise ValueError("shapes differ")
    noise = torch.randn(*mean.shape, generator=generator, dtype=mean.dtype)
    return torch.exp2(log_variance * (0.5 / math.log(2))) * noise + mean


# kl_divergence


@variant("kl_divergence")
def kl_in_float64(mean, log_variance):
    """In float64, where the difference keeps enough digits."""
    if mean.shape != log_variance.shape or mean.dim() != 2:
        raise ValueError("shapes differ")
    m, v = mean.double(), log_variance.double()
    return (0.5 * (m**2 + v.exp() - 1 - v).sum(-1)).to(mean.dtype)


@variant("kl_divergence")
def kl_row_by_row(mean, log_variance):
    """One image at a time."""
    if mean.shape != log_variance.shape or mean.dim() != 2:
        raise ValueError("shapes differ")
    rows = [(torch.dot(m, m) + (torch.expm1(v) - v).sum()) * 0.5 for m, v in zip(mean, log_variance, strict=True)]
    return torch.stack(rows)


# elbo_loss


def _refused(reconstruction, x, mean, sigma):
    if reconstruction.shape != x.shape or mean.shape[0] != x.shape[0] or not 0 < sigma < math.inf:
        raise ValueError("shapes or sigma")


@variant("elbo_loss")
def elbo_gaussian_nll(reconstruction, x, mean, log_variance, sigma=0.2):
    """PyTorch's Gaussian loss for the pixels."""
    _refused(reconstruction, x, mean, sigma)
    variance = torch.full_like(x, sigma**2)
    pixels = F.gaussian_nll_loss(reconstruction, x, variance, full=True, eps=1e-12, reduction="sum") / len(x)
    kl = reference.kl_divergence(mean, log_variance).mean()
    return {"kl": kl, "reconstruction": pixels, "loss": kl + pixels}


@variant("elbo_loss")
def elbo_by_images(reconstruction, x, mean, log_variance, sigma=0.2):
    """Scaled differences, image by image."""
    _refused(reconstruction, x, mean, sigma)
    kl = reference.kl_divergence(mean, log_variance).mean()
    each = [((a - b) / sigma).reshape(-1) for a, b in zip(reconstruction, x, strict=True)]
    constant = 0.5 * math.log(2 * math.pi * sigma * sigma)
    pixels = sum((0.5 * d * d + constant).sum() for d in each) / len(each)
    return {"loss": pixels + kl, "reconstruction": pixels, "kl": kl}


# ConvVAE


@variant("ConvVAE")
class VAEDryRun(nn.Module):
    """A dry run finds the sizes; slices for the two halves."""

    def __init__(self, latent=32, channels=1, widths=(32, 64), image_size=28):
        super().__init__()
        height, width = _sides(image_size)
        blocks = len(widths)
        if not blocks or height % 2**blocks or width % 2**blocks:
            raise ValueError("no widths, or sizes that are not halved exactly")
        self.latent = latent
        self.downs = nn.ModuleList()
        for k, count in enumerate(widths):
            self.downs.append(nn.Conv2d(widths[k - 1] if k else channels, count, 4, 2, 1))
        with torch.no_grad():
            maps = self._maps(torch.zeros(1, channels, height, width))
        self.code = nn.Linear(maps.numel(), 2 * latent)
        self.decoder = reference.DCGANGenerator(latent, channels, list(reversed(widths)), tuple(maps.shape[2:]))

    def _maps(self, x):
        for layer in self.downs:
            x = layer(x).clamp(min=0)
        return x

    def encode(self, x):
        both = self.code(self._maps(x).reshape(len(x), -1))
        return both[:, : self.latent], both[:, self.latent :]

    def decode(self, z):
        return self.decoder(z)

    def forward(self, x, generator):
        mean, log_variance = self.encode(x)
        noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
        return self.decode(mean + (0.5 * log_variance).exp() * noise), mean, log_variance


@variant("ConvVAE")
class VAEPadded(reference.ConvVAE):
    """Padding done by hand, and the linear layer as two."""

    def encode(self, x):
        down: Any
        for down in self.downs:
            x = F.conv2d(F.pad(x, (1, 1, 1, 1)), down.weight, down.bias, stride=2).relu()
        weights, biases = self.code.weight.chunk(2), self.code.bias.chunk(2)
        mean, log_variance = (F.linear(x.flatten(1), w, b) for w, b in zip(weights, biases, strict=True))
        return mean, log_variance


# DCGANDiscriminator


@variant("DCGANDiscriminator")
class DiscriminatorInALoop(nn.Module):
    """An identity in the place of the norm that is missing; a leaky ReLU made of two ReLUs."""

    def __init__(self, channels=1, widths=(32, 64), image_size=28):
        super().__init__()
        height, width = _sides(image_size)
        if len(widths) == 0 or height % 2 ** len(widths) or width % 2 ** len(widths):
            raise ValueError("no widths, or sizes that are not halved exactly")
        self.downs, self.norms = nn.ModuleList(), nn.ModuleList()
        for k, count in enumerate(widths):
            self.downs.append(nn.Conv2d(widths[k - 1] if k else channels, count, 4, 2, 1, bias=not k))
            if k:
                self.norms.append(nn.BatchNorm2d(count))
            height, width = height // 2, width // 2
        self.classifier = nn.Linear(widths[-1] * height * width, 1)
        for layer in [*self.downs, self.classifier]:
            nn.init.normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                nn.init.constant_(layer.bias, 0)

    def features(self, x):
        for down, norm in zip(self.downs, [nn.Identity(), *self.norms], strict=True):
            x = norm(down(x))
            x = x.relu() - 0.2 * (-x).relu()
        return x

    def forward(self, x):
        return self.classifier(self.features(x).reshape(len(x), -1))[:, 0]


@variant("DCGANDiscriminator")
class DiscriminatorAsConvolution(reference.DCGANDiscriminator):
    """The classifier as one kernel as large as the last maps."""

    def forward(self, x):
        maps = self.features(x)
        kernel = self.classifier.weight.view(1, *maps.shape[1:])
        return F.conv2d(maps, kernel, self.classifier.bias).flatten()


# generator_loss


def _none_empty(*logits):
    if min(part.numel() for part in logits) == 0:
        raise ValueError("no logit")


@variant("generator_loss")
def generator_loss_logsigmoid(fake_logits):
    """PyTorch's stable logarithm of the sigmoid."""
    _none_empty(fake_logits)
    return -F.logsigmoid(fake_logits).mean()


@variant("generator_loss")
def generator_loss_with_logits(fake_logits):
    """Binary cross-entropy of logits, with the target 'real'."""
    _none_empty(fake_logits)
    return F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))


# discriminator_loss


@variant("discriminator_loss")
def discriminator_loss_with_logits(real_logits, fake_logits):
    """Binary cross-entropy of logits, twice."""
    _none_empty(real_logits, fake_logits)
    real = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
    return real + F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))


@variant("discriminator_loss")
def discriminator_loss_logaddexp(real_logits, fake_logits):
    """log(1 + exp(l)) as a sum of exponentials, computed in logarithms."""
    _none_empty(real_logits, fake_logits)
    real = torch.logaddexp(torch.zeros_like(real_logits), -real_logits)
    fake = torch.logaddexp(torch.zeros_like(fake_logits), fake_logits)
    return real.mean() + fake.mean()
