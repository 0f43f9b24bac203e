"""The mirror network, worked. Chapter 7."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import nn

from deconvlib.course.arguments import integer, pair
from deconvlib.course.tensors import tensor


class SwitchedCNN(nn.Module):
    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        classes: int,
        image_size: int | tuple[int, int],
        kernel: int = 3,
    ) -> None:
        super().__init__()
        in_channels, classes = integer("in_channels", in_channels, 1), integer("classes", classes, 1)
        channels = [integer("channels", count, 1) for count in channels]
        height, width = pair("image_size", image_size, 1)
        kernel = integer("kernel", kernel, 1)
        if kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, so that padding by kernel // 2 keeps the size; got {kernel}")
        if not channels:
            raise ValueError("channels must name at least one block, got none")
        height, width = height >> len(channels), width >> len(channels)  # halved and rounded down, once a block
        if height < 1 or width < 1:
            raise ValueError(
                f"image_size must be at least {2 ** len(channels)} for {len(channels)} poolings by 2, got {image_size}"
            )
        before = [in_channels, *channels[:-1]]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(old, new, kernel, padding=kernel // 2) for old, new in zip(before, channels, strict=True)
        )
        self.classifier = nn.Linear(channels[-1] * height * width, classes)

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor], list[tuple[int, int]]]:
        switches, sizes = [], []
        for convolution in self.convolutions:
            x = F.relu(convolution(x))
            sizes.append((x.shape[2], x.shape[3]))
            x, where = F.max_pool2d(x, 2, return_indices=True)
            switches.append(where)
        return x, switches, sizes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features, _, _ = self.encode(x)
        return self.classifier(features.flatten(1))


def train_classifier(
    model: nn.Module,
    loader: Iterable[tuple[torch.Tensor, torch.Tensor]],
    epochs: int,
    lr: float,
    device: str | torch.device = "cpu",
) -> dict[str, list[float]]:
    epochs = integer("epochs", epochs, 1)
    if not (lr > 0 and math.isfinite(lr)):
        raise ValueError(f"lr must be a positive number, got {lr!r}")
    model.to(device)  # first: the optimizer must hold the parameters where they will be
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    history: dict[str, list[float]] = {"loss": [], "accuracy": []}
    model.train()
    for _ in range(epochs):
        total, right, seen = 0.0, 0, 0
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            logits = model(images)
            loss = F.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            # The last batch may be smaller: weigh every batch by its images.
            total += loss.item() * len(labels)
            right += int((logits.argmax(dim=1) == labels).sum())
            seen += len(labels)
        if seen == 0:
            raise ValueError(
                "loader must give at least one batch in every epoch; a generator gives its batches only once"
            )
        history["loss"].append(total / seen)
        history["accuracy"].append(right / seen)
    model.eval()
    return history


class MirrorNet(nn.Module):
    def __init__(self, model: SwitchedCNN) -> None:
        super().__init__()
        # The model's own Parameter objects, not copies: training the model moves the mirror.
        self.weights = nn.ParameterList(convolution.weight for convolution in model.convolutions)

    def forward(
        self, features: torch.Tensor, switches: Sequence[torch.Tensor], sizes: Sequence[tuple[int, int]]
    ) -> torch.Tensor:
        if not len(switches) == len(sizes) == len(self.weights):
            raise ValueError(
                f"switches and sizes must have one entry for each of the {len(self.weights)} blocks, "
                f"got {len(switches)} and {len(sizes)}"
            )
        x = features
        for weight, where, size in reversed(list(zip(self.weights, switches, sizes, strict=True))):
            x = F.relu(F.max_unpool2d(x, where, (2, 2), output_size=size))
            # A convolution's weights (out, in, K, L) are a transposed convolution's (in, out, K, L): no flip, no transpose.
            x = F.conv_transpose2d(x, weight, padding=weight.shape[2] // 2)
        return x


@torch.no_grad()
def four_steps(model: SwitchedCNN, image: torch.Tensor) -> dict[str, torch.Tensor]:
    features, switches, sizes = model.encode(tensor("image", image, "NCHW"))
    vector = features.flatten(1)
    x = vector.reshape(features.shape)
    for weight, where, size in reversed(list(zip(MirrorNet(model).weights, switches, sizes, strict=True))):
        unpooled = F.max_unpool2d(x, where, (2, 2), output_size=size)
        x = F.conv_transpose2d(F.relu(unpooled), weight, padding=weight.shape[2] // 2)
    return {"forward": features, "vector": vector, "unpooling": unpooled, "inverse_convolution": x}
