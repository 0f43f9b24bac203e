"""The trained network that the course looks into. Needs PyTorch."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from deconvlib.course.data import load

#: Convolutions of VGG-16 (Simonyan and Zisserman 2015, table 1, column D): output channels of each block.
VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))

# Means of the training images, red, green and blue in [0, 1]: the network sees pictures less these.
_OXFORD_MEAN = (123.68 / 255, 116.779 / 255, 103.939 / 255)
_TORCHVISION_MEAN, _TORCHVISION_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def vgg16(last: str = "pool5", source: str = "shipped") -> nn.Sequential:
    """VGG-16, trained on ImageNet (K. Simonyan and A. Zisserman, ICLR 2015, arXiv:1409.1556).

    Parameters
    ----------
    last
        The layer to end with: ``"conv1_1"``, ``"relu1_1"``, ..., ``"pool5"``; from torchvision also ``"fc6"``, ``"fc7"``
        and ``"fc8"``, whose 1,000 numbers are the classes' scores.
    source
        ``"shipped"``: the convolutions as 8-bit numbers with a scale for each output channel, from Oxford's own weights.
        ``"torchvision"``: its weights (trained anew, and float32), with the classifier; downloaded when you are online.

    Returns
    -------
    torch.nn.Sequential
        Children named as above. In evaluation mode, no gradients of weights, float32. Its attribute `mean` is what
        `vgg16_input` takes away: red, green and blue in [0, 1].

    Raises
    ------
    ValueError
        If there is no such layer or source, or a shipped file is damaged.
    FileNotFoundError
        If a shipped file is missing.
    ModuleNotFoundError
        If torchvision is asked for and not installed.

    Notes
    -----
    Both versions take red, green and blue in [0, 1] less the mean; what else their training pictures went through (order of
    the channels, range, standard deviation) is folded into the weights of conv1_1. The provenance of the shipped weights is
    in ``data/vgg16_conv1-4_int8.LICENSE.txt``.
    """
    if source not in ("shipped", "torchvision"):
        raise ValueError(f"source must be 'shipped' or 'torchvision', got {source!r}")
    names = _names(classifier=source == "torchvision")
    if last not in names:
        raise ValueError(f"last must be one of {', '.join(names)}, got {last!r}")
    names = names[: names.index(last) + 1]
    layers = _from_torchvision(names) if source == "torchvision" else _from_shipped(names)
    network = nn.Sequential(layers).eval().requires_grad_(False)
    mean = _TORCHVISION_MEAN if source == "torchvision" else _OXFORD_MEAN
    network.register_buffer("mean", torch.tensor(mean))
    return network


def vgg16_input(photograph: np.ndarray, network: nn.Sequential) -> torch.Tensor:
    """A picture (H, W, 3) or (H, W) in [0, 1] as a batch of one, (1, 3, H, W) float32, for a network of `vgg16`."""
    picture = torch.from_numpy(np.ascontiguousarray(photograph, np.float32))
    if picture.ndim == 2:
        picture = picture[..., None].expand(-1, -1, 3)
    if picture.ndim != 3 or picture.shape[-1] != 3:
        raise ValueError(f"photograph must be (H, W, 3) or (H, W), got shape {tuple(picture.shape)}")
    mean = network.get_buffer("mean")
    return (picture - mean).permute(2, 0, 1)[None].contiguous()


def _names(classifier: bool) -> list[str]:
    names = []
    for block, channels in enumerate(VGG16, 1):
        for layer in range(1, len(channels) + 1):
            names += [f"conv{block}_{layer}", f"relu{block}_{layer}"]
        names.append(f"pool{block}")
    if classifier:
        names += ["avgpool", "flatten", "fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"]
    return names


def _from_shipped(names: list[str]) -> OrderedDict[str, nn.Module]:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for name in names:
        if name.startswith("conv"):
            arrays = load("vgg16_conv5_int8.npz" if name.startswith("conv5") else "vgg16_conv1-4_int8.npz")
            weight = torch.from_numpy(arrays[f"{name}_q"]) * torch.from_numpy(arrays[f"{name}_s"])[:, None, None, None]
            if name == "conv1_1":
                weight = 255 * weight.flip(1)  # Oxford's pictures are blue, green, red from 0 to 255
            layers[name] = conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
            conv.weight.data = weight.contiguous()
            conv.bias = nn.Parameter(torch.from_numpy(arrays[f"{name}_b"].copy()))
        else:
            layers[name] = nn.ReLU() if name.startswith("relu") else nn.MaxPool2d(2)
    return layers


def _from_torchvision(names: list[str]) -> OrderedDict[str, nn.Module]:
    from torchvision.models import VGG16_Weights
    from torchvision.models import vgg16 as network

    whole = network(weights=VGG16_Weights.IMAGENET1K_V1)
    parts = [*whole.features, whole.avgpool, nn.Flatten(), *whole.classifier]
    layers = OrderedDict(zip(names, parts, strict=False))
    for layer in layers.values():
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    std = torch.tensor(_TORCHVISION_STD)[None, :, None, None]
    layers["conv1_1"].weight.data /= std
    return layers


class Guided(nn.Module):
    """`depth` convolutions of 3 x 3, `width` channels, ReLU between them; what they find is added to a base.

    Given (N, inputs, H, W), the base is the last channel, or, if `scale` is not 1, that channel enlarged by Keys' bicubic
    kernel; the correction is then made of `scale` squared channels by a sub-pixel layer. Gives (N, 1, scale H, scale W).
    """

    def __init__(self, inputs: int, width: int, depth: int, scale: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for k in range(depth - 1):
            layers += [nn.Conv2d(width if k else inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*layers, nn.Conv2d(width, scale**2, 3, padding=1))
        self.scale = scale

    def forward(self, shown: torch.Tensor) -> torch.Tensor:
        base = shown[:, -1:]
        correction = self.body((shown - 0.45) * 4) * 0.1
        if self.scale == 1:
            return base + correction
        base = F.interpolate(base, scale_factor=self.scale, mode="bicubic", antialias=True)
        return base + F.pixel_shuffle(correction, self.scale)
