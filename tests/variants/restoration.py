"""Right answers to chapter 11, written otherwise."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from deconv_grader.checks.known_answers import variant

# psnr


@variant("psnr")
def psnr_numpy(a, b, peak=1.0):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or not a.size or not peak > 0:
        raise ValueError("a, b or peak")
    error = np.sqrt(np.mean((a - b) ** 2))
    return float(20 * np.log10(peak / error)) if error else math.inf


@variant("psnr")
def psnr_norm(a, b, peak=1.0):
    a, b = torch.as_tensor(a).to(torch.float64), torch.as_tensor(b).to(torch.float64)
    if a.size() != b.size() or b.numel() == 0:
        raise ValueError("a and b")
    if peak <= 0:
        raise ValueError("peak")
    length = torch.linalg.vector_norm((a - b).flatten())
    ratio = peak**2 * a.numel() / length.square()
    return (10 * ratio.log10()).item()


# degrade


@variant("degrade")
def degrade_shifts(x, kernel, noise, generator):
    """Entry by entry: the padded picture, shifted and weighted."""
    if x.ndim != 4 or kernel.ndim != 2 or not noise >= 0:
        raise ValueError("x, kernel or noise")
    if not x.is_floating_point():
        raise TypeError("x")
    (K, L), (height, width) = kernel.shape, x.shape[2:]
    if height <= K // 2 or width <= L // 2:
        raise ValueError("kernel")
    wide = F.pad(x, (L, L, 0, 0), mode="reflect") if width > L else _mirror(x, L, 3)
    wide = F.pad(wide, (0, 0, K, K), mode="reflect") if height > K else _mirror(wide, K, 2)
    y = torch.zeros_like(x)
    for k in range(K):
        for c in range(L):
            top, left = K - k + K // 2, L - c + L // 2
            y += kernel[k, c] * wide[:, :, top : top + height, left : left + width]
    return y + torch.randn(x.shape, generator=generator, dtype=x.dtype) * noise


def _mirror(x, reach, axis):
    """Continued by reflection as far as wanted, by counting."""
    n = x.shape[axis]
    period = max(2 * (n - 1), 1)
    places = [abs((i + n - 1) % period - (n - 1)) if n > 1 else 0 for i in range(-reach, n + reach)]
    return x.index_select(axis, torch.tensor(places))


@variant("degrade")
def degrade_transposed(x, kernel, noise, generator):
    """A transposed convolution stamps the kernel as it is: the full convolution, cropped."""
    if x.ndim != 4 or kernel.ndim != 2 or noise < 0:
        raise ValueError("x, kernel or noise")
    if not x.dtype.is_floating_point:
        raise TypeError("x")
    (n, c, height, width), (K, L) = x.shape, kernel.shape
    if max(K // 2 - height, L // 2 - width) >= 0:
        raise ValueError("kernel")
    wide = _mirror(_mirror(x, K, 2), L, 3).reshape(n * c, 1, height + 2 * K, width + 2 * L)
    full = F.conv_transpose2d(wide, kernel[None, None].to(x.dtype))
    top, left = K + K // 2, L + L // 2
    y = full[:, :, top : top + height, left : left + width].reshape(x.shape)
    return torch.add(y, torch.randn(x.shape, generator=generator, dtype=x.dtype), alpha=noise)


@variant("degrade")
def degrade_noise_where_there_is_some(x, kernel, noise, generator):
    """Each channel as a picture of its own; nothing drawn where the noise is 0."""
    if x.ndim != 4 or kernel.ndim != 2 or noise < 0:
        raise ValueError("x, kernel or noise")
    if not torch.is_floating_point(x):
        raise TypeError("x")
    (K, L), (height, width) = kernel.shape, x.shape[-2:]
    if height <= K // 2 or width <= L // 2:
        raise ValueError("kernel")
    planes = F.pad(x.flatten(0, 1), ((L - 1) // 2, L // 2, (K - 1) // 2, K // 2), mode="reflect")[:, None]
    y = F.conv2d(planes, kernel.to(x.dtype).flip((0, 1))[None, None]).reshape(x.shape)
    if noise:
        y = y + noise * torch.randn(*x.shape, generator=generator, dtype=x.dtype)
    return y


# DenoisingAutoencoder


@variant("DenoisingAutoencoder")
class AutoencoderRemembers(nn.Module):
    """Sizes kept on the way down, as chapter 7 keeps them."""

    def __init__(self, channels=1, width=16):
        super().__init__()
        if channels < 1 or width < 1:
            raise ValueError("channels and width")
        counts = [channels, width, 2 * width]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for a, b in itertools.pairwise(counts):
            self.down.append(nn.Conv2d(a, b, 3, 2, 1))
            self.up.insert(0, nn.ConvTranspose2d(b, a, 4, 2, 1))

    def encode(self, x):
        return self._down(x)[0]

    def _down(self, x):
        sizes = []
        for layer in self.down:
            sizes.append(x.shape[2:])
            x = layer(x).clamp(min=0)
        return x, sizes

    def forward(self, x):
        x, sizes = self._down(x)
        for k, (layer, (height, width)) in enumerate(zip(self.up, reversed(sizes), strict=True)):
            x = layer(x).narrow(2, 0, height).narrow(3, 0, width)
            x = x if k else x.relu()
        return x


@variant("DenoisingAutoencoder")
class AutoencoderUnpadded(nn.Module):
    """The transposed convolutions without padding, the frame cut off by hand."""

    def __init__(self, channels=1, width=16):
        super().__init__()
        if min(channels, width) < 1:
            raise ValueError("at least 1")
        self.down = nn.ModuleList(
            (nn.Conv2d(channels, width, 3, 2, 1), nn.Conv2d(width, width * 2, (3, 3), (2, 2), (1, 1)))
        )
        self.up = nn.ModuleList(
            (nn.ConvTranspose2d(width * 2, width, 4, 2), nn.ConvTranspose2d(width, channels, 4, stride=2))
        )

    def encode(self, x):
        return self.down[1](self.down[0](x).relu()).relu()

    def forward(self, x):
        h, w = x.shape[-2:]
        half = -(-h // 2), -(-w // 2)
        y = self.up[0](self.encode(x))[..., 1 : half[0] + 1, 1 : half[1] + 1].relu()
        return self.up[1](y)[..., 1 : h + 1, 1 : w + 1].clone()


# FSRCNN


@variant("FSRCNN")
class FSRCNNCropped(nn.Module):
    """The deconvolution in full, cropped; the stages from one helper."""

    def __init__(self, scale, d=56, s=12, m=4):
        super().__init__()
        if scale < 1 or d < 1 or s < 1 or m < 0:
            raise ValueError("scale, d, s or m")

        def stage(*layers):
            parts: list[nn.Module] = []
            for before, after, kernel in layers:
                parts += [nn.Conv2d(before, after, kernel, padding="same"), nn.PReLU(after)]
            return nn.Sequential(*parts)

        self.feature = stage((1, d, 5))
        self.shrink = stage((d, s, 1))
        self.mapping = stage(*[(s, s, 3)] * m)
        self.expand = stage((s, d, 1))
        self.deconv = nn.ConvTranspose2d(d, 1, 9, stride=scale)

    def forward(self, x):
        for part in (self.feature, self.shrink, self.mapping, self.expand):
            x = part(x)
        scale = self.deconv.stride[0]
        height, width = scale * x.shape[2], scale * x.shape[3]
        full = F.pad(F.conv_transpose2d(x, self.deconv.weight, stride=scale), (0, scale, 0, scale))
        return full[:, :, 4 : 4 + height, 4 : 4 + width] + self.deconv.get_parameter("bias")


@variant("FSRCNN")
class FSRCNNPhases(nn.Module):
    """The deconvolution as zeros between the pixels and a convolution with the turned kernel."""

    def __init__(self, scale, d=56, s=12, m=4):
        super().__init__()
        if min(scale, d, s, m + 1) < 1:
            raise ValueError("scale, d, s or m")
        self.scale = scale
        self.feature = nn.Sequential(nn.Conv2d(1, d, (5, 5), 1, 2), nn.PReLU(d))
        self.shrink = nn.Sequential(nn.Conv2d(d, s, 1), nn.PReLU(num_parameters=s))
        self.mapping = nn.Sequential()
        for _ in range(m):
            self.mapping.append(nn.Conv2d(s, s, 3, 1, 1))
            self.mapping.append(nn.PReLU(s))
        self.expand = nn.Sequential(nn.Conv2d(s, d, 1), nn.PReLU(d))
        self.deconv = nn.ConvTranspose2d(d, 1, 9, scale, 4, scale - 1)

    def forward(self, x):
        x = self.expand(self.mapping(self.shrink(self.feature(x))))
        n, c, h, w = x.shape
        spread = x.new_zeros(n, c, h * self.scale, w * self.scale)
        spread[:, :, :: self.scale, :: self.scale] = x
        turned = self.deconv.weight.flip(2, 3).transpose(0, 1)
        return F.conv2d(spread, turned, self.deconv.bias, padding=4)


# ESPCN


@variant("ESPCN")
class ESPCNLayers(nn.Module):
    """With nn.PixelShuffle, and x.tanh()."""

    def __init__(self, scale, channels=1):
        super().__init__()
        if not (scale >= 1 and channels >= 1):
            raise ValueError("scale and channels")
        self.first = nn.Conv2d(channels, 64, 5, padding="same")
        self.second = nn.Conv2d(64, 32, 3, padding="same")
        self.last = nn.Conv2d(32, scale * scale * channels, 3, padding="same")
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, x):
        return self.shuffle(self.last(self.second(self.first(x).tanh()).tanh()))


@variant("ESPCN")
class ESPCNWoven(nn.Module):
    """The pixels set in their places one phase at a time."""

    def __init__(self, scale, channels=1):
        super().__init__()
        for value in (scale, channels):
            if value < 1:
                raise ValueError("at least 1")
        self.r = scale
        self.first, self.second = nn.Conv2d(channels, 64, 5, 1, 2), nn.Conv2d(64, 32, 3, 1, 1)
        self.last = nn.Conv2d(32, channels * scale**2, 3, 1, 1)

    def forward(self, x):
        x = self.last((self.second(self.first(x).tanh())).tanh())
        r = self.r
        n, c, h, w = x.shape
        out = x.new_zeros(n, c // r**2, r * h, r * w)
        for phase in range(r * r):
            out[:, :, phase // r :: r, phase % r :: r] = x[:, phase :: r * r]
        return out


# UnrolledDeconvolution


def _waves(size):
    rows = [[math.cos(math.pi / size * i * (n + 0.5)) for n in range(size)] for i in range(size)]
    rows = [np.array(row) / np.linalg.norm(row) for row in rows]
    found = [np.outer(a, b) / size for a in rows for b in rows][1:]
    return torch.tensor(np.array(found), dtype=torch.float32)[:, None]


class _Base(nn.Module):
    kernel: torch.Tensor

    def __init__(self, kernel, steps=8, size=3, margin=16):
        super().__init__()
        if kernel.ndim != 2 or steps < 1 or size < 1 or size % 2 == 0 or margin < 0:
            raise ValueError("kernel, steps, size or margin")
        if not kernel.is_floating_point():
            raise TypeError("kernel")
        self.margin, self.size = margin, size
        self.register_buffer("kernel", kernel.clone())
        self.log_weight = nn.Parameter(torch.log(torch.tensor(0.01)).repeat(steps))
        self.thresholds = nn.Parameter(torch.zeros(steps, size**2 - 1))
        self.filters = nn.Parameter(torch.stack([_waves(size)] * steps))

    def spectrum(self, height, width):
        plane = torch.zeros(height, width, dtype=torch.float64)
        K, L = self.kernel.shape
        for k in range(K):
            for c in range(L):
                plane[(k - K // 2) % height, (c - L // 2) % width] += self.kernel[k, c]
        return torch.fft.fft2(plane)


@variant("UnrolledDeconvolution")
class UnrolledHalfQuadratic(_Base):
    """The step as the minimum of |y - A z|^2 + weight |z - x|^2: (A'A + weight) z = A'y + weight x."""

    def forward(self, y):
        m = self.margin
        if y.shape[2] <= m or y.shape[3] <= m:
            raise ValueError("y")
        y = F.pad(y.double(), [m] * 4, mode="reflect")
        H = self.spectrum(*y.shape[2:])
        x = y * 0
        for k in range(len(self.log_weight)):
            weight = self.log_weight[k].double().exp()
            right = H.conj() * torch.fft.fft2(y) + weight * torch.fft.fft2(x)
            x = torch.fft.ifft2(right / (H.abs() ** 2 + weight)).real
            x = x - self.taken(x, self.filters[k].double(), self.thresholds[k].double().abs())
        x = x[:, :, m:, m:]
        return x[:, :, : x.shape[2] - m, : x.shape[3] - m].float()

    def taken(self, x, filters, t):
        answers = F.conv2d(x, filters, padding=self.size // 2)
        kept = torch.sign(answers) * F.relu(answers.abs() - t[:, None, None])
        return F.conv_transpose2d(answers - kept, filters, padding=self.size // 2)


@variant("UnrolledDeconvolution")
class UnrolledTurned(_Base):
    """The way back by a convolution with the turned filters; the clipping from two ReLUs."""

    def forward(self, y):
        m, pad = self.margin, self.size // 2
        if min(y.shape[-2:]) < m + 1:
            raise ValueError("y")
        wide = F.pad(y, (m, m, m, m), mode="reflect")
        H = self.spectrum(*wide.shape[-2:])[:, : wide.shape[-1] // 2 + 1].to(torch.complex64)
        x = torch.zeros_like(wide)
        for weight, filters, t in zip(self.log_weight.exp(), self.filters, self.thresholds, strict=True):
            blurred = torch.fft.irfft2(H * torch.fft.rfft2(x), s=x.shape[-2:])
            back = H.conj() / (H.real**2 + H.imag**2 + weight) * torch.fft.rfft2(wide - blurred)
            x = x + torch.fft.irfft2(back, s=x.shape[-2:])
            t = t.abs()[:, None, None]
            answers = F.conv2d(x, filters, padding=pad)
            answers = F.relu(answers + t) - F.relu(answers - t) - t
            x = x - F.conv2d(answers, filters.flip(2, 3).transpose(0, 1), padding=pad)
        return x[..., m : m + y.shape[-2], m : m + y.shape[-1]]
