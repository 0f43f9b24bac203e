"""Can the picture be trusted?, worked. Chapter 9."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import torch
from torch import nn

from deconvlib.course.arguments import integer, pair
from deconvlib.course.tensors import tensor


def similarity(a: torch.Tensor, b: torch.Tensor) -> dict[str, float]:
    a, b = _gray("a", a), _gray("b", b)
    if a.shape != b.shape:
        raise ValueError(f"a and b must have equal height and width, got {tuple(a.shape)} and {tuple(b.shape)}")
    if min(a.shape) < 7:
        raise ValueError(f"a and b must be at least 7 pixels high and wide, got {tuple(a.shape)}")
    return {"spearman": _correlation(_ranks(a), _ranks(b)), "ssim": _ssim(a, b)}


def randomise_cascade(model: nn.Sequential, generator: torch.Generator) -> Iterator[tuple[str, nn.Sequential]]:
    cascade = copy.deepcopy(model)
    layers = [(name, layer) for name, layer in cascade.named_children() if isinstance(layer, nn.Conv2d | nn.Linear)]
    for name, layer in reversed(layers):
        weight, bias = layer.weight.data, layer.bias  # .data: no gradient hears of it
        fan_in = weight[0].numel()
        drawn = torch.randn(weight.shape, generator=generator, dtype=weight.dtype, device=generator.device)
        weight.copy_(drawn * (2 / fan_in) ** 0.5)
        if bias is not None:
            bias.data.zero_()
        yield name, copy.deepcopy(cascade)


def occlusion_map(
    model: Callable[[torch.Tensor], torch.Tensor],
    image: torch.Tensor,
    label: int,
    patch: int | tuple[int, int],
    stride: int | tuple[int, int],
    fill: float,
) -> torch.Tensor:
    image = _single(image)
    label = integer("label", label, 0)
    patch, stride = pair("patch", patch, 1), pair("stride", stride, 1)
    if any(p > n for p, n in zip(patch, image.shape[2:], strict=True)):
        raise ValueError(f"patch must fit into the image {tuple(image.shape[2:])}, got {patch}")
    tops, lefts = (range(0, n - p + 1, s) for n, p, s in zip(image.shape[2:], patch, stride, strict=True))
    rows = []
    for top in tops:  # a row of positions is one batch
        covered = image.repeat(len(lefts), 1, 1, 1)
        for position, left in enumerate(lefts):
            covered[position, :, top : top + patch[0], left : left + patch[1]] = fill
        rows.append(_scores(model, covered, label))
    return torch.stack(rows)


def deletion_curve(
    model: Callable[[torch.Tensor], torch.Tensor],
    image: torch.Tensor,
    label: int,
    saliency: torch.Tensor,
    steps: int,
) -> tuple[torch.Tensor, torch.Tensor, float]:
    image = _single(image)
    saliency = tensor("saliency", saliency, "HW")
    label, steps = integer("label", label, 0), integer("steps", steps, 1)
    if saliency.shape != image.shape[2:]:
        raise ValueError(
            f"saliency must have the image's height and width {tuple(image.shape[2:])}, got {tuple(saliency.shape)}"
        )
    pixels = saliency.numel()
    if steps > pixels:
        raise ValueError(f"steps must be at most the number of pixels {pixels}, got {steps}")
    order = saliency.detach().flatten().argsort(descending=True, stable=True)  # ties in reading order
    gone = [step * pixels // steps for step in range(steps + 1)]
    pictures = image.flatten(2).repeat(steps + 1, 1, 1)
    for picture, count in zip(pictures, gone, strict=True):
        picture[:, order[:count]] = 0
    scores = _scores(model, pictures.unflatten(2, image.shape[2:]), label)
    fractions = torch.tensor(gone, dtype=scores.dtype) / pixels
    return fractions, scores, torch.trapezoid(scores, fractions).item()


def invert_features(
    model: nn.Sequential,
    layer: str,
    target: torch.Tensor,
    steps: int,
    total_variation: float,
    start: torch.Tensor,
    rate: float = 0.05,
) -> torch.Tensor:
    start = _single(start, "start")
    steps = integer("steps", steps, 1)
    names = [name for name, _ in model.named_children()]
    if layer not in names:
        raise ValueError(f"layer must be one of {', '.join(names)}, got {layer!r}")
    if not total_variation >= 0:
        raise ValueError(f"total_variation must be at least 0, got {total_variation!r}")
    children = list(model.children())[: names.index(layer) + 1]
    target = target.detach()
    energy = target.square().sum()
    if not energy > 0:
        raise ValueError("target must not be zero everywhere: there is nothing to meet")
    image = start.clone().requires_grad_()
    adam = torch.optim.Adam([image], lr=rate)
    with torch.enable_grad():
        for _ in range(steps):
            features = image
            for child in children:
                features = child(features)
            if features.shape != target.shape:
                raise ValueError(
                    f"target must have the shape of {layer}'s output for start, {tuple(features.shape)}, "
                    f"got {tuple(target.shape)}"
                )
            down, right = image.diff(dim=2), image.diff(dim=3)
            roughness = (down.square().sum() + right.square().sum()) / image.numel()
            loss = (features - target).square().sum() / energy + total_variation * roughness
            (image.grad,) = torch.autograd.grad(loss, image)  # the weights' own .grad stays as it was
            adam.step()
    return image.detach()


def _gray(name: str, picture: torch.Tensor) -> torch.Tensor:
    """The mean over the channels, (H, W) float64."""
    if isinstance(picture, torch.Tensor) and picture.ndim == 4 and picture.shape[0] == 1:
        picture = picture[0]
    if isinstance(picture, torch.Tensor) and picture.ndim == 2:
        picture = picture[None]
    return tensor(name, picture, "CHW").detach().double().mean(dim=0)


def _ranks(plane: torch.Tensor) -> torch.Tensor:
    """Each value's place in rising order; equal values share the mean of their places."""
    _, group, sizes = plane.flatten().unique(return_inverse=True, return_counts=True)
    last = sizes.cumsum(0)
    return (last - (sizes - 1).double() / 2)[group]


def _correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = (a.square().sum() * b.square().sum()).sqrt()
    return (a @ b / scale).item() if scale > 0 else 0.0  # a constant picture has no order


def _ssim(a: torch.Tensor, b: torch.Tensor) -> float:
    a, b = (plane / plane.abs().max().clamp_min(1e-300) for plane in (a, b))

    def local_mean(plane):
        return nn.functional.avg_pool2d(plane[None], 7, 1)[0]

    mean_a, mean_b = local_mean(a), local_mean(b)
    variances = local_mean(a * a) - mean_a**2 + local_mean(b * b) - mean_b**2
    covariance = local_mean(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2  # 2: the range from -1 to 1
    index = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return (index / ((mean_a**2 + mean_b**2 + c1) * (variances + c2))).mean().item()


def _single(image: torch.Tensor, name: str = "image") -> torch.Tensor:
    """One image, (1, C, H, W), without history."""
    image = tensor(name, image, "NCHW")
    if image.shape[0] != 1:
        raise ValueError(f"{name} must be one image (1, C, H, W), got shape {tuple(image.shape)}")
    return image.detach()


@torch.no_grad()
def _scores(model: Callable[[torch.Tensor], torch.Tensor], pictures: torch.Tensor, label: int) -> torch.Tensor:
    """Column `label` of the model's answer to many pictures."""
    answers = torch.cat([model(part) for part in pictures.split(64)])
    if label >= answers.shape[1]:
        raise ValueError(f"label must be below the number of classes {answers.shape[1]}, got {label}")
    return answers[:, label].clone()
