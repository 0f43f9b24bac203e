"""Right answers to chapter 7, written otherwise."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.grad import conv2d_input

from deconv_grader.checks.known_answers import variant

# SwitchedCNN


def _check(channels, image_size, kernel):
    sides = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if not channels or kernel % 2 == 0 or min(sides) < 2 ** len(channels):
        raise ValueError("no block, an even kernel, or too small an image")
    return sides


@variant("SwitchedCNN")
class SwitchedCNNOfLayers(nn.Module):
    """Pooling layers, padding by a word, and a dry run for the linear layer's size."""

    def __init__(self, in_channels, channels, classes, image_size, kernel=3):
        super().__init__()
        sides = _check(channels, image_size, kernel)
        self.convolutions = nn.ModuleList()
        for before, count in pairwise([in_channels, *channels]):
            self.convolutions.append(nn.Conv2d(before, count, kernel, padding="same"))
        self.pool = nn.MaxPool2d(2, return_indices=True)
        with torch.no_grad():
            features = self.encode(torch.zeros(1, in_channels, *sides))[0]
        self.classifier = nn.Linear(features.numel(), classes)

    def encode(self, x):
        switches, sizes = [], []
        for layer in self.convolutions:
            x = layer(x).clamp(min=0)
            sizes.append((x.size(-2), x.size(-1)))
            x, indices = self.pool(x)
            switches.append(indices)
        return x, switches, sizes

    def forward(self, x):
        features, _, _ = self.encode(x)
        return self.classifier(features.reshape(len(features), -1))


@variant("SwitchedCNN")
class SwitchedCNNOfWindows(nn.Module):
    """The windows laid out, an argmax over each; the classifier first."""

    def __init__(self, in_channels, channels, classes, image_size, kernel=3):
        super().__init__()
        height, width = _check(channels, image_size, kernel)
        for _ in channels:
            height, width = height // 2, width // 2
        self.classifier = nn.Linear(channels[-1] * height * width, classes)
        counts = [in_channels, *channels]
        self.convolutions = nn.ModuleList(
            [nn.Conv2d(counts[i], counts[i + 1], kernel, 1, kernel // 2) for i in range(len(channels))]
        )

    def encode(self, x):
        switches, sizes = [], []
        for convolution in self.convolutions:
            x = torch.maximum(convolution(x), torch.zeros(()))
            n, c, height, width = x.shape
            sizes.append((height, width))
            windows = x.unfold(2, 2, 2).unfold(3, 2, 2).flatten(4)
            best = windows.argmax(dim=4)
            rows = 2 * torch.arange(windows.shape[2])[:, None] + best // 2
            columns = 2 * torch.arange(windows.shape[3]) + best % 2
            switches.append(rows * width + columns)
            x = x.flatten(2).gather(2, switches[-1].flatten(2)).reshape(windows.shape[:4])
        return x, switches, sizes

    def forward(self, x):
        for convolution in self.convolutions:
            x = F.max_pool2d(convolution(x), 2).relu()
        return self.classifier(x.flatten(1))


# train_classifier


@variant("train_classifier")
def train_classifier_log_softmax(model, loader, epochs, lr, device="cpu"):
    if epochs < 1 or not lr > 0:
        raise ValueError("epochs and lr must be positive")
    model = model.to(device)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr)
    losses, accuracies = [], []
    for _ in range(epochs):
        model.train()
        rows = []
        for images, labels in loader:
            optimizer.zero_grad(set_to_none=False)
            logits = model(images.to(device))
            each = -logits.log_softmax(dim=1).gather(1, labels.to(device)[:, None]).squeeze(1)
            each.mean().backward()
            optimizer.step()
            rows.append(torch.stack((each.detach(), (logits.detach().argmax(1) == labels.to(device)).float())))
        if not rows:
            raise ValueError("nothing in the loader")
        loss, accuracy = torch.cat(rows, dim=1).double().mean(dim=1).tolist()
        losses.append(loss)
        accuracies.append(accuracy)
        model.eval()
    return {"loss": losses, "accuracy": accuracies}


@variant("train_classifier")
def train_classifier_by_hand(model, loader, epochs, lr, device="cpu"):
    """Adam written out, from the paper."""
    if epochs < 1 or not lr > 0 or len(list(loader)) == 0:
        raise ValueError("nothing to do")
    model.to(device).train()
    parameters = list(model.parameters())
    first, second = [torch.zeros_like(p) for p in parameters], [torch.zeros_like(p) for p in parameters]
    history: dict[str, list[float]] = {"accuracy": [], "loss": []}
    step = 0
    for _ in range(epochs):
        losses, hits, seen = 0.0, 0.0, 0
        for images, labels in loader:
            logits = model(images)
            loss = nn.CrossEntropyLoss(reduction="sum")(logits, labels)
            gradients = torch.autograd.grad(loss / len(labels), parameters, allow_unused=True)
            step += 1
            with torch.no_grad():
                for p, g, m, v in zip(parameters, gradients, first, second, strict=True):
                    if g is None:
                        continue
                    m.mul_(0.9).add_(g, alpha=0.1)
                    v.mul_(0.999).add_(g * g, alpha=0.001)
                    p -= lr * (m / (1 - 0.9**step)) / ((v / (1 - 0.999**step)).sqrt() + 1e-8)
            losses += loss.item()
            hits += (logits.max(1).indices == labels).sum().item()
            seen += len(images)
        history["loss"].append(losses / seen)
        history["accuracy"].append(hits / seen)
    model.eval()
    return history


# MirrorNet


@variant("MirrorNet")
class MirrorNetOfTheModel(nn.Module):
    """Keeps the model itself; values are scattered, and a convolution with flipped kernels goes back."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, features, switches, sizes):
        layers = self.model.convolutions
        if len(switches) != len(layers) or len(sizes) != len(layers):
            raise ValueError("one entry a block")
        x = features
        for i in range(len(layers) - 1, -1, -1):
            height, width = sizes[i]
            plane = x.new_zeros(*x.shape[:2], height * width)
            x = plane.scatter(2, switches[i].flatten(2), x.flatten(2)).unflatten(2, (height, width))
            kernel = layers[i].weight.transpose(0, 1).flip(2, 3)
            x = F.conv2d(x.clamp(min=0), kernel, padding="same")
        return x


@variant("MirrorNet")
class MirrorNetOfGradients(nn.Module):
    """The transposed convolution as the gradient of the convolution; the weights in a plain list, read when needed."""

    def __init__(self, model):
        super().__init__()
        self._layers = [layer for layer in model.convolutions]

    def forward(self, features, switches, sizes):
        back = list(zip(self._layers, switches, sizes, strict=True))[::-1]
        x = features
        for layer, where, size in back:
            x = nn.MaxUnpool2d(2)(x, where, output_size=list(size)).relu()
            shape = (len(x), layer.weight.shape[1], *size)
            x = conv2d_input(shape, layer.weight, x, padding=layer.weight.shape[-1] // 2)
        return x


@variant("MirrorNet")
class MirrorNetOfLayers(nn.Module):
    """Transposed-convolution layers that are given the model's own parameters."""

    def __init__(self, model):
        super().__init__()
        self.layers = nn.ModuleList()
        for layer in reversed(model.convolutions):
            inputs, outputs = layer.weight.shape[:2]
            back = nn.ConvTranspose2d(inputs, outputs, layer.kernel_size, padding=layer.padding, bias=False)
            back.weight = layer.weight
            self.layers.append(back)
        self.unpool = nn.MaxUnpool2d(2)

    def forward(self, features, switches, sizes):
        if len(switches) != len(self.layers) or len(sizes) != len(self.layers):
            raise ValueError("one entry a block")
        x = features
        for layer, where, size in zip(self.layers, reversed(switches), reversed(sizes), strict=True):
            x = layer(self.unpool(x, where, output_size=size).relu())
        return x


# four_steps


@variant("four_steps")
def four_steps_of_the_mirror(model, image):
    """The picture by MirrorNet, the maps before it by a loop."""
    from deconvlib.mirror_network import MirrorNet

    if image.ndim != 4:
        raise ValueError("image must have four axes")
    with torch.no_grad():
        features, switches, sizes = model.encode(image)
        picture = MirrorNet(model)(features, switches, sizes)
        x = features
        for i in range(len(sizes) - 1, 0, -1):
            x = F.max_unpool2d(x, switches[i], (2, 2), output_size=sizes[i])
            layer = model.convolutions[i]
            x = F.conv_transpose2d(x.relu(), layer.weight, padding=layer.padding)
        unpooled = F.max_unpool2d(x, switches[0], (2, 2), output_size=sizes[0])
    vector = features.reshape(len(image), -1)
    return {"vector": vector, "forward": features, "inverse_convolution": picture, "unpooling": unpooled}


@variant("four_steps")
def four_steps_forward_again(model, image):
    """Nothing of encode: the network is run here, and everything is detached at the end."""
    n, _, _, _ = image.shape
    x, kept = image, []
    for layer in model.convolutions:
        x = F.relu(F.conv2d(x, layer.weight, layer.bias, padding=layer.padding))
        shape = x.shape
        x, where = F.max_pool2d(x, 2, return_indices=True)
        kept.append((layer, shape, where))
    steps = {"forward": x, "vector": x.contiguous().view(n, -1)}
    for layer, shape, where in kept[::-1]:
        steps["unpooling"] = torch.zeros(shape).flatten(2).scatter(2, where.flatten(2), x.flatten(2)).view(shape)
        x = F.conv_transpose2d(F.relu(steps["unpooling"]), layer.weight, padding=layer.padding)
    steps["inverse_convolution"] = x
    return {key: value.detach() for key, value in steps.items()}
