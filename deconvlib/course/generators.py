"""What chapter 13 uses besides its exercises: other decoders, a small diffusion model, and how pictures are judged.

Pictures are tensors (N, C, H, W) in [-1, 1]. Needs PyTorch.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from deconvlib.course.data import fashion_mnist

DECODERS = ("transposed 3x3", "transposed 4x4", "resize", "sub-pixel")


def garments(split: str = "train", source: Any = "shipped") -> tuple[torch.Tensor, torch.Tensor]:
    """Garments (N, 1, 28, 28) float32 in [-1, 1], and their labels."""
    images, labels = fashion_mnist(split, source)
    return torch.from_numpy(images)[:, None].float() / 127.5 - 1, torch.from_numpy(labels)


class Upsample2(nn.Sequential):
    """A layer that doubles height and width, as chapter 6 recommends: "resize" or "sub-pixel", kernels of 3 x 3."""

    def __init__(self, kind: str, channels: int, out_channels: int, bias: bool = True) -> None:
        if kind == "resize":
            super().__init__(nn.Upsample(scale_factor=2), nn.Conv2d(channels, out_channels, 3, padding=1, bias=bias))
        elif kind == "sub-pixel":
            super().__init__(nn.Conv2d(channels, 4 * out_channels, 3, padding=1, bias=bias), nn.PixelShuffle(2))
        else:
            raise ValueError(f"kind must be 'resize' or 'sub-pixel', got {kind!r}")


def decoder(
    kind: str, latent: int = 32, channels: int = 1, widths: Sequence[int] = (64, 32), start: int = 7
) -> nn.Module:
    """DCGAN's generator with one of `DECODERS` in the place of its transposed convolutions. All else is the same."""
    from deconvlib import DCGANGenerator

    if kind not in DECODERS:
        raise ValueError(f"kind must be one of {', '.join(DECODERS)}, got {kind!r}")
    if kind.startswith("transposed"):
        return DCGANGenerator(latent, channels, widths, start, kernel=int(kind[-1]))
    network = DCGANGenerator(latent, channels, widths, start)
    outputs = [*widths[1:], channels]
    network.ups = nn.ModuleList(
        Upsample2(kind, old, new, bias=step == len(widths))
        for step, (old, new) in enumerate(zip(widths, outputs, strict=True), 1)
    )
    for name, parameter in network.ups.named_parameters():
        if name.endswith("weight"):
            nn.init.normal_(parameter, 0.0, 0.02)
        else:
            nn.init.zeros_(parameter)
    return network


# ---- a small diffusion model ---------------------------------------------------------------------------------------------------


def signal_share(t: torch.Tensor) -> torch.Tensor:
    """The share of the picture's variance that is left at time t from 0 (a picture) to 1 (noise): a squared cosine.

    A. Nichol and P. Dhariwal, Improved Denoising Diffusion Probabilistic Models, ICML 2021, equation (17).
    """
    return ((t + 0.008) / 1.008 * math.pi / 2).cos().square().clamp(1e-4, 0.9999)


class _Block(nn.Module):
    """Two convolutions of 3 x 3 around which the input is added; the time shifts the maps between them."""

    def __init__(self, channels: int, out_channels: int, time: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, channels), nn.GroupNorm(8, out_channels)
        self.conv1 = nn.Conv2d(channels, out_channels, 3, padding=1)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.shift = nn.Linear(time, out_channels)
        self.skip = nn.Conv2d(channels, out_channels, 1) if channels != out_channels else nn.Identity()
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        h = self.conv1(F.silu(self.norm1(x))) + self.shift(time)[:, :, None, None]
        return self.skip(x) + self.conv2(F.silu(self.norm2(h)))


class NoiseUNet(nn.Module):
    """Predicts the noise in a picture: two halvings, two resize-convolutions, and a skip on each level.

    Parameters
    ----------
    channels
        Of the picture.
    widths
        Maps on each of the three levels; multiples of 8.
    """

    def __init__(self, channels: int = 1, widths: tuple[int, int, int] = (24, 48, 64)) -> None:
        super().__init__()
        a, b, c = widths
        time = 64
        self.time = nn.Sequential(nn.Linear(32, time), nn.SiLU(), nn.Linear(time, time), nn.SiLU())
        self.first = nn.Conv2d(channels, a, 3, padding=1)
        self.in1, self.in2, self.in3 = _Block(a, a, time), _Block(b, b, time), _Block(c, c, time)
        self.down1, self.down2 = (nn.Conv2d(m, n, 3, stride=2, padding=1) for m, n in ((a, b), (b, c)))
        self.up2, self.up1 = Upsample2("resize", c, b), Upsample2("resize", b, a)
        self.out2, self.out1 = _Block(2 * b, b, time), _Block(2 * a, a, time)
        self.last = nn.Conv2d(a, channels, 3, padding=1)
        nn.init.zeros_(self.last.weight)

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """The noise in `x` (N, C, H, W), height and width multiples of 4, at the times `t` (N,) from 0 to 1."""
        waves = t[:, None] * torch.logspace(0, 3, 16, device=t.device)
        time = self.time(torch.cat((waves.sin(), waves.cos()), dim=1))
        one = self.in1(self.first(x), time)
        two = self.in2(self.down1(one), time)
        three = self.in3(self.down2(two), time)
        two = self.out2(torch.cat((two, self.up2(three)), dim=1), time)
        one = self.out1(torch.cat((one, self.up1(two)), dim=1), time)
        return self.last(F.silu(one))


@torch.no_grad()
def ddim(
    model: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    noise: torch.Tensor,
    steps: int = 20,
    keep: bool = False,
) -> Any:
    """Pictures from noise by DDIM without new noise (J. Song, C. Meng and S. Ermon, ICLR 2021, equation (12), sigma = 0).

    With `keep`, the list of what the model takes for the picture at each step, the last of which is the result.
    """
    times = torch.linspace(1, 0, steps + 1)
    x, seen = noise, []
    for now, then in pairwise(times):
        share, next_share = signal_share(now), signal_share(then)
        found = model(x, now.expand(len(x)).to(x.device))
        picture = ((x - (1 - share).sqrt() * found) / share.sqrt()).clamp(-1, 1)
        found = (x - share.sqrt() * picture) / (1 - share).sqrt()
        x = next_share.sqrt() * picture + (1 - next_share).sqrt() * found
        seen.append(picture)
    return seen if keep else picture


# ---- how pictures are judged ---------------------------------------------------------------------------------------------------


@functools.cache
def judge() -> nn.Module:
    """Chapter 7's classifier of garments with its shipped weights: its features and answers judge pictures here."""
    from deconvlib import SwitchedCNN
    from deconvlib.course.weights import restore

    return restore(SwitchedCNN(1, (32, 64), 10, 28), "garments").requires_grad_(False)


@torch.no_grad()
def judged(pictures: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Of garments in [-1, 1]: features (N, 64), the means of the classifier's last maps; and answers (N,)."""
    network: Any = judge()
    features, answers = [], []
    for part in pictures.cpu().split(500):
        maps, _, _ = network.encode((part + 1) / 2)
        features.append(maps.mean(dim=(2, 3)))
        answers.append(network.classifier(maps.flatten(1)).argmax(1))
    return torch.cat(features).double().numpy(), torch.cat(answers).numpy()


def checkerboard_share(pictures: torch.Tensor, period: int = 2) -> float:
    """The mean over pictures (N, 1, H, W) of chapter 6's `checkerboard_energy`."""
    x = pictures.cpu().double()
    n, _, h, w = x.shape
    h, w = h // period, w // period
    phases = x[:, 0, : h * period, : w * period].reshape(n, h, period, w, period)
    whole = phases.flatten(1).var(dim=1, correction=0)
    fine = phases.mean(dim=(1, 3)).flatten(1).var(dim=1, correction=0)
    return float((fine / whole.clamp(min=1e-12)).mean())


def sharpness(pictures: torch.Tensor) -> float:
    """The root mean square of the difference between neighboring pixels, of pictures in [-1, 1]."""
    x = pictures.cpu().double()
    return float(((x.diff(dim=2).square().mean() + x.diff(dim=3).square().mean()) / 2).sqrt())
