"""Decoders that make pictures, worked. Chapter 13."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from deconvlib.course.arguments import integer, pair


def reparameterise(mean: torch.Tensor, log_variance: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    _same_shape("log_variance", log_variance, "mean", mean)
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)
    return mean + (log_variance / 2).exp() * noise


def kl_divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    _same_shape("log_variance", log_variance, "mean", mean)
    if mean.ndim != 2:
        raise ValueError(f"mean and log_variance must be (N, latent), got shape {tuple(mean.shape)}")
    # expm1(v) is exp(v) - 1 without the digits that the subtraction loses near 0.
    return (mean.square() + torch.expm1(log_variance) - log_variance).sum(dim=1) / 2


def elbo_loss(
    reconstruction: torch.Tensor,
    x: torch.Tensor,
    mean: torch.Tensor,
    log_variance: torch.Tensor,
    sigma: float = 0.2,
) -> dict[str, torch.Tensor]:
    _same_shape("reconstruction", reconstruction, "x", x)
    if not (sigma > 0 and math.isfinite(sigma)):
        raise ValueError(f"sigma must be a positive number, got {sigma!r}")
    if len(mean) != len(x):
        raise ValueError(f"mean must have a row for each of the {len(x)} images of x, got {len(mean)}")
    numbers = x[0].numel()  # of one image
    squares = (reconstruction - x).square().flatten(1).sum(dim=1)
    likelihood = squares / (2 * sigma**2) + numbers * (math.log(sigma) + math.log(2 * math.pi) / 2)
    parts = {"reconstruction": likelihood.mean(), "kl": kl_divergence(mean, log_variance).mean()}
    return {"loss": parts["reconstruction"] + parts["kl"], **parts}


class DCGANGenerator(nn.Module):
    def __init__(
        self,
        latent: int = 32,
        channels: int = 1,
        widths: Sequence[int] = (64, 32),
        start: int | tuple[int, int] = 7,
        kernel: int = 4,
    ) -> None:
        super().__init__()
        latent, channels, widths = integer("latent", latent, 1), integer("channels", channels, 1), _widths(widths)
        kernel = integer("kernel", kernel, 2)
        self.start = (widths[0], *pair("start", start, 1))
        self.project = nn.Linear(latent, math.prod(self.start), bias=False)
        # (n - 1) 2 - 2 p + k + output_padding = 2 n
        padding, more = (kernel - 1) // 2, kernel % 2
        steps = pairwise([*widths, channels])
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(a, b, kernel, 2, padding, more, bias=step == len(widths))
            for step, (a, b) in enumerate(steps, 1)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        _start_small(self)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        x = self.project(z).unflatten(1, self.start)
        for norm, up in zip(self.norms, self.ups, strict=True):
            x = up(F.relu(norm(x)))
        return x.tanh()


class ConvVAE(nn.Module):
    def __init__(
        self,
        latent: int = 32,
        channels: int = 1,
        widths: Sequence[int] = (32, 64),
        image_size: int | tuple[int, int] = 28,
    ) -> None:
        super().__init__()
        latent, channels, widths = integer("latent", latent, 1), integer("channels", channels, 1), _widths(widths)
        height, width = _halved(image_size, len(widths))
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise([channels, *widths]))
        self.code = nn.Linear(widths[-1] * height * width, 2 * latent)
        self.decoder = DCGANGenerator(latent, channels, widths[::-1], (height, width))

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        for down in self.downs:
            x = F.relu(down(x))
        mean, log_variance = self.code(x.flatten(1)).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return self.decoder(z)

    def forward(self, x: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        mean, log_variance = self.encode(x)
        return self.decode(reparameterise(mean, log_variance, generator)), mean, log_variance


class DCGANDiscriminator(nn.Module):
    def __init__(
        self, channels: int = 1, widths: Sequence[int] = (32, 64), image_size: int | tuple[int, int] = 28
    ) -> None:
        super().__init__()
        channels, widths = integer("channels", channels, 1), _widths(widths)
        height, width = _halved(image_size, len(widths))
        self.downs = nn.ModuleList(
            nn.Conv2d(a, b, 4, stride=2, padding=1, bias=step == 0)
            for step, (a, b) in enumerate(pairwise([channels, *widths]))
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:])
        self.classifier = nn.Linear(widths[-1] * height * width, 1)
        _start_small(self)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        x = F.leaky_relu(self.downs[0](x), 0.2)
        for down, norm in zip(self.downs[1:], self.norms, strict=True):
            x = F.leaky_relu(norm(down(x)), 0.2)
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x).flatten(1)).squeeze(1)


def generator_loss(fake_logits: torch.Tensor) -> torch.Tensor:
    _some("fake_logits", fake_logits)
    # -log sigmoid(l) = log(1 + exp(-l)), which softplus computes without a large exponential.
    return F.softplus(-fake_logits).mean()


def discriminator_loss(real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
    _some("real_logits", real_logits)
    _some("fake_logits", fake_logits)
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def _some(name: str, logits: torch.Tensor) -> None:
    if logits.numel() == 0:
        raise ValueError(f"{name} must hold at least one logit, got shape {tuple(logits.shape)}")


def _same_shape(name: str, value: torch.Tensor, other: str, expected: torch.Tensor) -> None:
    if value.shape != expected.shape:
        raise ValueError(f"{name} must have the shape of {other}, {tuple(expected.shape)}, got {tuple(value.shape)}")


def _widths(widths: Sequence[int]) -> list[int]:
    checked = [integer("widths", width, 1) for width in widths]
    if not checked:
        raise ValueError("widths must name at least one layer, got none")
    return checked


def _halved(size: int | tuple[int, int], times: int) -> tuple[int, int]:
    """Height and width after `times` convolutions of 4 x 4 with stride 2 and padding 1."""
    height, width = pair("image_size", size, 1)
    step = 2**times
    if height % step or width % step:
        raise ValueError(f"image_size must be a multiple of {step}, to be halved {times} times, got {size}")
    return height // step, width // step


def _start_small(network: nn.Module) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
