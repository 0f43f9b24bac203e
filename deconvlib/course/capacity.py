"""Chapter 16's network and its pictures: an hourglass that takes noise away, with decoders of several builds. Needs PyTorch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from deconvlib.course.restoration import held_out_pictures, training_pictures
from deconvlib.course.training import Batches, random_crops

#: The noise's standard deviation: chapter 11's task "denoise-25".
SIGMA = 25 / 255
#: How the decoder's first layer is built, or whether it has weights of its own.
DECODERS = ("full", "separable", "low rank", "tied")
#: How a `Generator` makes its maps larger.
UPS = ("bilinear", "transposed")


class Hourglass(nn.Module):
    """Two convolutions with stride 2 down, a waist, and two transposed convolutions up, which draw the picture without noise.

    Parameters
    ----------
    width
        Channels at half the size; twice as many at a quarter of it.
    decoder
        One of `DECODERS`. What differs is the layer from 2 width to width channels; "tied" shares both layers' weights.
    rank
        Of a "low rank" decoder; 0 stands for half the width.
    dropout
        The share of the maps in the waist that is switched off in training.
    """

    def __init__(self, width: int = 16, decoder: str = "full", rank: int = 0, dropout: float = 0.0) -> None:
        from deconvlib import SeparableTranspose2d, tie_weights

        super().__init__()
        if decoder not in DECODERS:
            raise ValueError(f"decoder must be one of {', '.join(DECODERS)}, got {decoder!r}")
        inner, rank = 2 * width, rank or max(1, width // 2)
        self.encoder = nn.Sequential(
            nn.Conv2d(1, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, inner, 4, stride=2, padding=1),
            nn.ReLU(),
        )
        self.waist = nn.Sequential(nn.Conv2d(inner, inner, 3, padding=1), nn.ReLU(), nn.Dropout2d(dropout))
        up: nn.Module
        if decoder == "separable":
            up = SeparableTranspose2d(inner, width, 4, stride=2, padding=1)
        elif decoder == "low rank":
            up = nn.Sequential(
                nn.Conv2d(inner, rank, 1, bias=False), nn.ConvTranspose2d(rank, width, 4, stride=2, padding=1)
            )
        else:
            up = nn.ConvTranspose2d(inner, width, 4, stride=2, padding=1)
        self.decoder = nn.Sequential(up, nn.ReLU(), nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1))
        if decoder == "tied":
            tie_weights(self.encoder, self.decoder)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.waist(self.encoder(y - 0.5))) + 0.5


class Generator(nn.Module):
    """A decoder and nothing else: noise that stays the same, made larger three times, draws one picture.

    Parameters
    ----------
    channels
        Of every map.
    side
        Of the picture, a multiple of 8.
    up
        "bilinear": bilinear interpolation, then a 3 x 3 convolution. "transposed": a 4 x 4 transposed convolution, stride 2.
    """

    noise: torch.Tensor

    def __init__(self, channels: int = 32, side: int = 96, up: str = "bilinear") -> None:
        super().__init__()
        if up not in UPS:
            raise ValueError(f"up must be one of {', '.join(UPS)}, got {up!r}")
        self.register_buffer("noise", torch.rand(1, channels, side // 8, side // 8) - 0.5)
        layers: list[nn.Module] = []
        for _ in range(3):
            if up == "bilinear":
                layers.append(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
                layers.append(nn.Conv2d(channels, channels, 3, padding=1))
            else:
                layers.append(nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1))
            layers += [nn.ReLU(), nn.BatchNorm2d(channels)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, 1, 1))

    def forward(self) -> torch.Tensor:
        return torch.sigmoid(self.layers(self.noise))


def fitted(
    target: torch.Tensor, truth: torch.Tensor, steps: int, seed: int, up: str = "bilinear", every: int = 10
) -> tuple[list[dict[str, float]], torch.Tensor, torch.Tensor]:
    """Let a `Generator` draw `target` (1, 1, side, side): what it was like on the way, the nearest to `truth`, and the end.

    An entry of the way has the step, the mean square against the target, and the PSNR against the truth.
    """
    torch.manual_seed(seed)
    net = Generator(side=target.shape[-1], up=up)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    way: list[dict[str, float]] = []
    best = last = torch.zeros_like(target)
    for step in range(steps + 1):
        found = net()
        loss = (found - target).square().mean()
        if step % every == 0:
            last = found.detach()
            psnr = float(-10 * (last - truth).square().mean().log10())
            if all(psnr > one["psnr"] for one in way):
                best = last
            way.append({"step": step, "loss": float(loss.detach()), "psnr": psnr})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return way, best, last


def noisy_crops(pictures: list[np.ndarray], size: int, batch: int, count: int) -> Batches:
    """Batches of (noisy, clean) crops of pictures, turned and mirrored, the noise drawn anew each time."""
    crops = random_crops(pictures, size, batch, count)

    def epoch(generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for clean in crops(generator):
            yield clean + SIGMA * torch.randn(clean.shape, generator=generator), clean

    return epoch


def tiles(seed: int, count: int, side: int = 32) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Noisy and clean tiles (N, 1, side, side): `count` to train on, 128 for choices, 512 to test; each tile has one noise.

    The three sets are drawn from the same nine photographs and share no tile, so that only what is learned by heart tells
    them apart. Another seed draws other tiles and noise.
    """
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.from_numpy(np.stack([crop for crops in training_pictures().values() for crop in crops]))
    every = pictures.unfold(1, side, side).unfold(2, side, side).reshape(-1, 1, side, side)
    order = torch.randperm(len(every), generator=generator)
    clean = {"validation": every[order[:128]], "test": every[order[128:640]], "train": every[order[640 : 640 + count]]}
    return {name: (x + SIGMA * torch.randn(x.shape, generator=generator), x) for name, x in clean.items()}


def held_out() -> tuple[torch.Tensor, torch.Tensor]:
    """Chapter 11's fifteen photographs, noisy and clean: (15, 1, 256, 256)."""
    clean = torch.from_numpy(np.stack(list(held_out_pictures().values())))[:, None]
    return clean + SIGMA * torch.randn(clean.shape, generator=torch.Generator().manual_seed(2026)), clean


def mean_psnr(net: nn.Module, noisy: torch.Tensor, clean: torch.Tensor) -> float:
    """The mean over pictures of the PSNR in decibels, the network in the mode it is in."""
    with torch.no_grad():
        errors = (net(noisy) - clean).square().flatten(1).mean(dim=1)
    return float((-10 * errors.log10()).mean())
