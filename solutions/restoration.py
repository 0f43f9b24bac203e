"""Restoration, worked. Chapter 11."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from deconv_solutions.inversion import transfer_function
from deconvlib.course.arguments import integer
from deconvlib.course.tensors import tensor


def psnr(a: np.ndarray | torch.Tensor, b: np.ndarray | torch.Tensor, peak: float = 1.0) -> float:
    # Double precision first: in uint8, 3 - 5 is 254.
    a, b = (torch.as_tensor(picture).detach().double() for picture in (a, b))
    if a.shape != b.shape or a.numel() == 0:
        raise ValueError(f"a and b must have one shape, and pixels; got {tuple(a.shape)} and {tuple(b.shape)}")
    if not (peak > 0 and math.isfinite(peak)):
        raise ValueError(f"peak must be a positive number, the value of white; got {peak!r}")
    mean_square = float((a - b).square().mean())
    return 10 * math.log10(peak**2 / mean_square) if mean_square != 0 else math.inf


def degrade(x: torch.Tensor, kernel: torch.Tensor, noise: float, generator: torch.Generator) -> torch.Tensor:
    x, kernel = _floating("x", tensor("x", x, "NCHW")), tensor("kernel", kernel, "KL")
    if not (noise >= 0 and math.isfinite(noise)):
        raise ValueError(f"noise must be a standard deviation, at least 0; got {noise!r}")
    K, L = kernel.shape
    (height, width), channels = x.shape[2:], x.shape[1]
    if not (1 <= K and K // 2 < height and 1 <= L and L // 2 < width):
        raise ValueError(f"kernel of {K} x {L} must reach less far than the picture of {height} x {width} is wide")
    # conv2d does not turn the kernel, a convolution does; turned, its center is K - 1 - K // 2 rows from the top.
    turned = kernel.to(x).flip(0, 1).expand(channels, 1, K, L)
    padded = F.pad(x, (L - 1 - L // 2, L // 2, K - 1 - K // 2, K // 2), mode="reflect")
    blurred = F.conv2d(padded, turned, groups=channels)
    # Drawn on the generator's device, so that the same seed gives the same noise on every device.
    drawn = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=generator.device)
    return (blurred + noise * drawn.to(x.device)).detach()


class DenoisingAutoencoder(nn.Module):
    def __init__(self, channels: int = 1, width: int = 16) -> None:
        super().__init__()
        channels, width = integer("channels", channels, 1), integer("width", width, 1)
        self.down = nn.ModuleList(
            [
                nn.Conv2d(channels, width, 3, stride=2, padding=1),
                nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            ]
        )
        self.up = nn.ModuleList(
            [
                nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1),
                nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
            ]
        )

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.down:
            x = F.relu(layer(x))
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[2:]
        x = F.relu(self.up[0](self.encode(x)))
        # 5 rows became 3, and 3 become 6: the sixth belongs to no row of the encoder's.
        x = x[:, :, : (height + 1) // 2, : (width + 1) // 2]
        return self.up[1](x)[:, :, :height, :width]


class FSRCNN(nn.Module):
    def __init__(self, scale: int, d: int = 56, s: int = 12, m: int = 4) -> None:
        super().__init__()
        scale, m = integer("scale", scale, 1), integer("m", m, 0)
        d, s = integer("d", d, 1), integer("s", s, 1)
        self.feature = nn.Sequential(nn.Conv2d(1, d, 5, padding=2), nn.PReLU(d))
        self.shrink = nn.Sequential(nn.Conv2d(d, s, 1), nn.PReLU(s))
        mapping: list[nn.Module] = []
        for _ in range(m):
            mapping += [nn.Conv2d(s, s, 3, padding=1), nn.PReLU(s)]
        self.mapping = nn.Sequential(*mapping)
        self.expand = nn.Sequential(nn.Conv2d(s, d, 1), nn.PReLU(d))
        # (H - 1) scale + 9 - 2 * 4 rows are one more than scale (H - 1): scale - 1 are missing.
        self.deconv = nn.ConvTranspose2d(d, 1, 9, stride=scale, padding=4, output_padding=scale - 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.deconv(self.expand(self.mapping(self.shrink(self.feature(x)))))


class ESPCN(nn.Module):
    def __init__(self, scale: int, channels: int = 1) -> None:
        super().__init__()
        self.scale, channels = integer("scale", scale, 1), integer("channels", channels, 1)
        self.first = nn.Conv2d(channels, 64, 5, padding=2)
        self.second = nn.Conv2d(64, 32, 3, padding=1)
        self.last = nn.Conv2d(32, channels * self.scale**2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.tanh(self.second(torch.tanh(self.first(x))))
        return F.pixel_shuffle(self.last(x), self.scale)


class UnrolledDeconvolution(nn.Module):
    def __init__(self, kernel: torch.Tensor, steps: int = 8, size: int = 3, margin: int = 16) -> None:
        super().__init__()
        kernel = _floating("kernel", tensor("kernel", kernel, "KL"))
        steps, size = integer("steps", steps, 1), integer("size", size, 1)
        if size % 2 == 0:
            raise ValueError(f"size must be odd, so that a filter has a center; got {size}")
        self.margin = integer("margin", margin, 0)
        self.register_buffer("kernel", kernel.detach().clone())
        self.log_weight = nn.Parameter(torch.full((steps,), math.log(0.01)))
        self.filters = nn.Parameter(_cosines(size).expand(steps, -1, 1, -1, -1).clone())
        self.thresholds = nn.Parameter(torch.zeros(steps, size * size - 1))

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        m = self.margin
        if min(y.shape[2:]) <= m:
            raise ValueError(f"y must have more than margin={m} rows and columns, got {tuple(y.shape[2:])}")
        y = F.pad(y, (m, m, m, m), mode="reflect")
        size = y.shape[2:]
        H = torch.from_numpy(transfer_function(self.kernel.cpu().numpy(), tuple(size)))[:, : size[1] // 2 + 1]
        H = H.to(y.device, torch.complex128 if y.dtype == torch.float64 else torch.complex64)
        power, Y = H.abs().square(), torch.fft.rfft2(y)
        x = torch.zeros_like(y)
        for log_weight, filters, t in zip(self.log_weight, self.filters, self.thresholds, strict=True):
            # Chapter 4's Wiener filter, of what the estimate does not explain yet.
            missing = Y - H * torch.fft.rfft2(x)
            x = x + torch.fft.irfft2(H.conj() / (power + log_weight.exp()) * missing, s=size)
            # Chapter 10's threshold: of each filter's answer, what lies within t is taken away.
            answers = F.conv2d(x, filters, padding=filters.shape[-1] // 2)
            t = t.abs()[:, None, None]
            x = x - F.conv_transpose2d(torch.clamp(answers, -t, t), filters, padding=filters.shape[-1] // 2)
        return x[:, :, m : size[0] - m, m : size[1] - m]


def _cosines(size: int) -> torch.Tensor:
    """The waves of a `size` x `size` cosine transform without the constant one, each divided by `size`."""
    n = torch.arange(size, dtype=torch.float64)
    waves = torch.cos(math.pi / size * n[:, None] * (n + 0.5))
    waves = waves / waves.norm(dim=1, keepdim=True)
    planes = torch.einsum("ik,jl->ijkl", waves, waves).reshape(-1, 1, size, size)
    return (planes[1:] / size).float()


def _floating(name: str, value: torch.Tensor) -> torch.Tensor:
    if not value.is_floating_point():
        raise TypeError(f"{name} must hold floating numbers, got {value.dtype}")
    return value
