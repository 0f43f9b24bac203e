"""One encoder, six ways back up: what chapter 12 compares. Needs PyTorch."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import nn

from deconvlib.course.scenes import composed_scenes

#: How a decoder may come back to the size of the picture, and the network that is known for it.
WAYS = {
    "bilinear": "scores at an eighth of the size, enlarged 8 times (FCN-32s)",
    "sums": "scores of every level, enlarged by 2 and added up (FCN-8s)",
    "nearest": "each pixel four times, then convolutions: nothing from the encoder",
    "transposed": "transposed convolutions, 4 x 4, stride 2: nothing from the encoder",
    "switches": "unpooling with the encoder's switches, then convolutions (SegNet)",
    "copies": "the encoder's maps laid beside the decoder's (U-Net)",
}
#: The five classes of chapter 12's scenes: ten kinds of garment in four groups.
GROUPS = ("background", "top or dress", "trousers", "shoe", "bag")
_GROUP_OF = torch.tensor([0, 1, 2, 1, 1, 1, 3, 1, 3, 4, 3])  # of `scene_classes`
#: Channels of the four levels, such that all six have nearly the same number of parameters.
CHANNELS = {
    "bilinear": (10, 20, 41, 82),
    "sums": (10, 20, 41, 82),
    "nearest": (8, 17, 34, 67),
    "transposed": (8, 16, 31, 62),
    "switches": (8, 17, 34, 67),
    "copies": (8, 16, 32, 64),
}


def grouped_scenes(count: int, split: str = "train", seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """`composed_scenes` as tensors, their masks with the five classes of `GROUPS`."""
    images, masks = (torch.from_numpy(part) for part in composed_scenes(count, split, seed))
    return images, _GROUP_OF[masks]


def band(masks: torch.Tensor, width: int = 3) -> torch.Tensor:
    """True where another class is at most `width` rows and columns away."""
    values = masks[:, None].float()
    most, least = (F.max_pool2d(v, 2 * width + 1, stride=1, padding=width) for v in (values, -values))
    return (most != -least)[:, 0]


def runs(labels: Iterable[str]) -> str:
    """A row of labels as text, ``label:count`` for every run of equal ones."""
    return " ".join(f"{label}:{sum(1 for _ in run)}" for label, run in itertools.groupby(labels))


def unrolled(text: str) -> list[str]:
    """The labels of which `runs` made a text."""
    pairs = (part.split(":") for part in text.split())
    return [label for label, count in pairs for _ in range(int(count))]


def balance(masks: torch.Tensor, classes: int) -> torch.Tensor:
    """A weight for each class: one over the square root of its share of the pixels, with mean 1."""
    weights = 1 / masks.flatten().bincount(minlength=classes).clamp(min=1).sqrt()
    return weights / weights.mean()


def block(old: int, new: int) -> nn.Sequential:
    """A 3 x 3 convolution, batch normalization and a ReLU."""
    return nn.Sequential(nn.Conv2d(old, new, 3, padding=1, bias=False), nn.BatchNorm2d(new), nn.ReLU())


class Segmenter(nn.Module):
    """Four levels down, each of two convolutions, with pooling by 2 between them; then one of `WAYS` back up.

    Takes (N, in_channels, H, W), H and W multiples of 8, and gives scores (N, classes, H, W).
    """

    def __init__(
        self, way: str, in_channels: int, classes: int, channels: tuple[int, int, int, int] | None = None
    ) -> None:
        super().__init__()
        if way not in WAYS:
            raise ValueError(f"way must be one of {', '.join(WAYS)}, got {way!r}")
        self.way = way
        widths = channels or CHANNELS[way]
        before = (in_channels, *widths[:-1])
        self.encoder = nn.ModuleList(
            nn.Sequential(block(old, new), block(new, new)) for old, new in zip(before, widths, strict=True)
        )
        self.scores = nn.ModuleList()
        self.reduce, self.merge = nn.ModuleList(), nn.ModuleList()
        if way in ("bilinear", "sums"):
            self.scores.extend(nn.Conv2d(width, classes, 1) for width in widths[-1 if way == "bilinear" else 0 :])
            return
        for level in (2, 1, 0):
            wide, narrow = widths[level + 1], widths[level]
            if way == "transposed":
                up = nn.ConvTranspose2d(wide, narrow, 4, stride=2, padding=1, bias=False)
                self.reduce.append(nn.Sequential(up, nn.BatchNorm2d(narrow), nn.ReLU()))
            else:
                self.reduce.append(block(wide, narrow))
            self.merge.append(block(2 * narrow if way == "copies" else narrow, narrow))
        self.scores.append(nn.Conv2d(widths[0], classes, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps, switches = [], []
        for level, convolutions in enumerate(self.encoder):
            if level:
                x, where = F.max_pool2d(x, 2, return_indices=True)
                switches.append(where)
            x = convolutions(x)
            maps.append(x)
        if self.way == "bilinear":
            return F.interpolate(self.scores[0](x), scale_factor=8, mode="bilinear")
        if self.way == "sums":
            total = self.scores[3](x)
            for level in (2, 1, 0):
                total = F.interpolate(total, scale_factor=2, mode="bilinear") + self.scores[level](maps[level])
            return total
        for level, reduce, merge in zip((2, 1, 0), self.reduce, self.merge, strict=True):
            x = reduce(x)
            if self.way == "switches":
                x = F.max_unpool2d(x, switches[level], 2)
            elif self.way != "transposed":
                x = F.interpolate(x, scale_factor=2)
            x = merge(torch.cat((x, maps[level]), 1) if self.way == "copies" else x)
        return self.scores[0](x)


def start_from_vgg(convolutions: nn.ModuleList) -> None:
    """Copy VGG-16's shipped convolutions, in place, into 13 convolutions of the same shapes."""
    from deconvlib.course.networks import vgg16

    trained = [layer for layer in vgg16("relu5_3") if isinstance(layer, nn.Conv2d)]
    with torch.no_grad():
        for own, theirs in zip(convolutions, trained, strict=True):
            assert isinstance(own, nn.Conv2d)
            assert own.bias is not None
            assert theirs.bias is not None
            own.weight.copy_(theirs.weight)
            own.bias.copy_(theirs.bias)


def start_evenly_(net: nn.Module) -> None:
    """Draw weights, in place, such that no layer of a U-Net enlarges or shrinks what comes in (He and others, 2015).

    Normal numbers with variance 2 / N before a ReLU, where N inputs meet in an output; 1 / N in the up-convolutions 2 x 2
    with stride 2, behind which there is none; 0.01 in the 1 x 1 scores, so that no class is preferred at first. Biases are 0.
    """
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            inputs = layer.in_channels * (layer.weight[0, 0].numel() if isinstance(layer, nn.Conv2d) else 1)
            variance = (2 if isinstance(layer, nn.Conv2d) else 1) / inputs
            nn.init.normal_(layer.weight, std=0.1 if layer.kernel_size == (1, 1) else variance**0.5)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
