"""Networks that name every pixel, worked. Chapter 12."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from deconvlib.course.arguments import integer, pair
from deconvlib.course.folders import IGNORE
from deconvlib.course.tensors import tensor

VGG = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
MIRROR = ((512, 512, 512), (512, 512, 256), (256, 256, 128), (128, 64), (64, 64))


def confusion_matrix(prediction: torch.Tensor, target: torch.Tensor, classes: int) -> torch.Tensor:
    classes = integer("classes", classes, 1)
    for name, labels in (("prediction", prediction), ("target", target)):
        if not isinstance(labels, torch.Tensor) or labels.dtype.is_floating_point or labels.dtype.is_complex:
            found = labels.dtype if isinstance(labels, torch.Tensor) else type(labels).__name__
            raise TypeError(f"{name} must be a tensor of whole numbers, the classes of the pixels; got {found}")
    if prediction.shape != target.shape:
        raise ValueError(
            f"prediction and target must have one shape, got {tuple(prediction.shape)} and {tuple(target.shape)}"
        )
    counted = target != IGNORE
    said, true = prediction[counted].long(), target[counted].long()
    for name, labels in (("prediction", said), ("target", true)):
        odd = labels[(labels < 0) | (labels >= classes)]
        if odd.numel():
            raise ValueError(
                f"{name} must hold classes from 0 to {classes - 1} where target is not {IGNORE}, got {int(odd[0])}"
            )
    # Every pair (true, said) has a number of its own, and bincount counts them all at once.
    return torch.bincount(true * classes + said, minlength=classes**2).reshape(classes, classes)


def mean_iou(confusion: torch.Tensor) -> tuple[float, torch.Tensor]:
    confusion = tensor("confusion", confusion, "TP").double()
    if confusion.shape[0] != confusion.shape[1] or (confusion < 0).any() or not confusion.sum() > 0:
        raise ValueError(
            f"confusion must be square, with counts of at least one pixel and none negative; got shape "
            f"{tuple(confusion.shape)}, sum {float(confusion.sum())}"
        )
    both = confusion.diagonal()
    either = confusion.sum(0) + confusion.sum(1) - both
    iou = both / either  # 0 / 0 is NaN: a class that is nowhere
    return float(iou.nanmean()), iou


def fill_bilinear_(layer: nn.ConvTranspose2d) -> nn.ConvTranspose2d:
    if not isinstance(layer, nn.ConvTranspose2d):
        raise TypeError(f"layer must be a ConvTranspose2d, got a {type(layer).__name__}")
    if layer.in_channels != layer.out_channels or layer.groups != 1:
        raise ValueError(
            f"layer must give as many channels as it takes, in one group; got {layer.in_channels} to "
            f"{layer.out_channels} in {layer.groups}"
        )
    wanted = tuple(2 * stride - stride % 2 for stride in layer.stride)
    if layer.kernel_size != wanted or layer.dilation != (1, 1):
        raise ValueError(
            f"layer must have the kernel {wanted} for its stride {layer.stride} and no dilation; got "
            f"{layer.kernel_size} and {layer.dilation}"
        )
    rows, columns = (
        1 - (torch.arange(size, dtype=torch.float64) - (size - 1) / 2).abs() / stride
        for size, stride in zip(wanted, layer.stride, strict=True)
    )
    with torch.no_grad():
        layer.weight.zero_()
        kernel = (rows[:, None] * columns).to(layer.weight)
        for channel in range(layer.in_channels):
            layer.weight[channel, channel] = kernel
        if layer.bias is not None:
            layer.bias.zero_()
    return layer


def _arguments(in_channels: int, classes: int, width: float) -> tuple[int, int]:
    if not isinstance(width, int | float) or isinstance(width, bool) or not (width > 0 and math.isfinite(width)):
        raise ValueError(f"width must be a positive number, got {width!r}")
    return integer("in_channels", in_channels, 1), integer("classes", classes, 1)


def _scaled(count: int, width: float) -> int:
    return max(1, round(width * count))


def _images(x: torch.Tensor, channels: int, smallest: int) -> torch.Tensor:
    x = tensor("x", x, "NCHW")
    if x.shape[1] != channels or min(x.shape[2:]) < smallest:
        raise ValueError(
            f"x must have {channels} channels and be at least {smallest} high and wide, got {tuple(x.shape)}"
        )
    return x


def _convolutions(before: int, counts: list[int], kind: type[nn.Module] = nn.Conv2d) -> nn.ModuleList:
    return nn.ModuleList(kind(old, new, 3, padding=1) for old, new in pairwise([before, *counts]))


def _norms(counts: list[int]) -> nn.ModuleList:
    return nn.ModuleList(nn.BatchNorm2d(count) for count in counts)


class FCN8s(nn.Module):
    def __init__(self, in_channels: int, classes: int, width: float = 1.0) -> None:
        super().__init__()
        self.in_channels, classes = _arguments(in_channels, classes, width)
        counts = [_scaled(count, width) for block in VGG for count in block]
        wide = _scaled(4096, width)
        self.encoder = _convolutions(in_channels, counts)
        self.fc6 = nn.Conv2d(counts[-1], wide, 7, padding=3)
        self.fc7 = nn.Conv2d(wide, wide, 1)
        self.score = nn.Conv2d(wide, classes, 1)
        self.score_pool4 = nn.Conv2d(_scaled(512, width), classes, 1)
        self.score_pool3 = nn.Conv2d(_scaled(256, width), classes, 1)
        self.up2 = self._enlarge(classes, 2)
        self.up4 = self._enlarge(classes, 2)
        self.up8 = self._enlarge(classes, 8)
        self.up8.weight.requires_grad_(False)

    @staticmethod
    def _enlarge(classes: int, stride: int) -> nn.ConvTranspose2d:
        layer = nn.ConvTranspose2d(classes, classes, 2 * stride, stride, padding=stride // 2, bias=False)
        return fill_bilinear_(layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        size = x.shape[2:]
        x = _images(x, self.in_channels, 1)
        pooled, layers = [], iter(self.encoder)
        for block in VGG:
            for _ in block:
                x = F.relu(next(layers)(x))
            x = F.max_pool2d(x, 2, ceil_mode=True)
            pooled.append(x)
        x = F.dropout(F.relu(self.fc6(x)), 0.5, self.training)
        x = self.score(F.dropout(F.relu(self.fc7(x)), 0.5, self.training))
        for enlarge, skip in ((self.up2, self.score_pool4(pooled[3])), (self.up4, self.score_pool3(pooled[2]))):
            height, width = skip.shape[2:]
            x = enlarge(x)[:, :, :height, :width] + skip  # poolings rounded up: a row too many is cut off
        return self.up8(x)[:, :, : size[0], : size[1]]


class SegNet(nn.Module):
    def __init__(self, in_channels: int, classes: int, width: float = 1.0) -> None:
        super().__init__()
        self.in_channels, classes = _arguments(in_channels, classes, width)
        counts = [_scaled(count, width) for block in VGG for count in block]
        back = [_scaled(count, width) for block in MIRROR for count in block]
        self.encoder, self.encoder_norms = _convolutions(in_channels, counts), _norms(counts)
        self.decoder = _convolutions(counts[-1], [*back[:-1], classes])
        self.decoder_norms = _norms(back[:-1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = _images(x, self.in_channels, 32)
        kept, layers = [], zip(self.encoder, self.encoder_norms, strict=True)
        for block in VGG:
            for _ in block:
                convolution, norm = next(layers)
                x = F.relu(norm(convolution(x)))
            kept.append(x.shape[2:])
            x, where = F.max_pool2d(x, 2, return_indices=True)
            kept.append(where)
        layers = zip(self.decoder, [*self.decoder_norms, None], strict=True)
        for block in MIRROR:
            where, size = kept.pop(), kept.pop()
            x = F.max_unpool2d(x, where, 2, output_size=size)
            for _ in block:
                convolution, norm = next(layers)
                x = convolution(x) if norm is None else F.relu(norm(convolution(x)))
        return x


class NohDeconvNet(nn.Module):
    def __init__(
        self, in_channels: int, classes: int, width: float = 1.0, image_size: int | tuple[int, int] = 224
    ) -> None:
        super().__init__()
        self.in_channels, classes = _arguments(in_channels, classes, width)
        self.image_size = pair("image_size", image_size, 32)
        kernel = self.image_size[0] // 32, self.image_size[1] // 32  # what five poolings leave
        counts = [_scaled(count, width) for block in VGG for count in block]
        back = [_scaled(count, width) for block in MIRROR for count in block]
        wide = _scaled(4096, width)
        self.encoder, self.encoder_norms = _convolutions(in_channels, counts), _norms(counts)
        self.fc6, self.fc6_norm = nn.Conv2d(counts[-1], wide, kernel), nn.BatchNorm2d(wide)
        self.fc7, self.fc7_norm = nn.Conv2d(wide, wide, 1), nn.BatchNorm2d(wide)
        self.unfc6, self.unfc6_norm = nn.ConvTranspose2d(wide, counts[-1], kernel), nn.BatchNorm2d(counts[-1])
        self.decoder, self.decoder_norms = _convolutions(counts[-1], back, nn.ConvTranspose2d), _norms(back)
        self.score = nn.Conv2d(back[-1], classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = tensor("x", x, "NCHW")
        least = self.image_size
        if x.shape[1] != self.in_channels or x.shape[2] < least[0] or x.shape[3] < least[1]:
            raise ValueError(f"x must have {self.in_channels} channels and be at least {least}, got {tuple(x.shape)}")
        kept, layers = [], zip(self.encoder, self.encoder_norms, strict=True)
        for block in VGG:
            for _ in block:
                convolution, norm = next(layers)
                x = F.relu(norm(convolution(x)))
            kept.append(x.shape[2:])
            x, where = F.max_pool2d(x, 2, return_indices=True)
            kept.append(where)
        for layer, norm in ((self.fc6, self.fc6_norm), (self.fc7, self.fc7_norm), (self.unfc6, self.unfc6_norm)):
            x = F.relu(norm(layer(x)))
        layers = zip(self.decoder, self.decoder_norms, strict=True)
        for block in MIRROR:
            where, size = kept.pop(), kept.pop()
            x = F.max_unpool2d(x, where, 2, output_size=size)
            for _ in block:
                convolution, norm = next(layers)
                x = F.relu(norm(convolution(x)))
        return self.score(x)


class UNet(nn.Module):
    def __init__(self, in_channels: int, classes: int, width: float = 1.0, padding: int = 1) -> None:
        super().__init__()
        self.in_channels, classes = _arguments(in_channels, classes, width)
        if padding not in (0, 1):
            raise ValueError(f"padding must be 0, as in the paper, or 1, which keeps the size; got {padding!r}")
        self.padding = padding
        counts = [_scaled(count, width) for count in (64, 128, 256, 512, 1024)]

        def twice(old: int, new: int) -> list[nn.Conv2d]:
            return [nn.Conv2d(old, new, 3, padding=padding), nn.Conv2d(new, new, 3, padding=padding)]

        self.down = nn.ModuleList(layer for old, new in pairwise([in_channels, *counts]) for layer in twice(old, new))
        back = list(pairwise(reversed(counts)))
        self.up = nn.ModuleList(nn.ConvTranspose2d(old, new, 2, stride=2) for old, new in back)
        self.merge = nn.ModuleList(layer for _, new in back for layer in twice(2 * new, new))
        self.score = nn.Conv2d(counts[0], classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rest, least = (0, 16) if self.padding else (12, 188)
        x = _images(x, self.in_channels, least)
        if any(size % 16 != rest for size in x.shape[2:]):
            raise ValueError(
                f"x must have a height and width that can be halved four times: 16 k{'' if self.padding else ' + 12'} with "
                f"padding {self.padding}, got {tuple(x.shape[2:])}"
            )
        copies: list[torch.Tensor] = []
        for level in range(5):
            if level:
                copies.append(x)
                x = F.max_pool2d(x, 2)
            for convolution in self.down[2 * level : 2 * level + 2]:
                x = F.relu(convolution(x))
        for level, enlarge in enumerate(self.up):
            x = enlarge(x)
            copy = copies.pop()
            top, left = ((large - small) // 2 for large, small in zip(copy.shape[2:], x.shape[2:], strict=True))
            x = torch.cat((copy[:, :, top : top + x.shape[2], left : left + x.shape[3]], x), dim=1)
            for convolution in self.merge[2 * level : 2 * level + 2]:
                x = F.relu(convolution(x))
        return self.score(x)
