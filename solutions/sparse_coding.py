"""Convolutional sparse coding, worked. Chapter 10."""

from __future__ import annotations

import math

import torch
from torch.nn import functional
from torch.nn.grad import conv2d_weight

from deconvlib.course.arguments import integer, pair
from deconvlib.course.tensors import tensor


@torch.no_grad()
def synthesise(z: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
    z, filters = tensor("z", z, "NFhw"), tensor("filters", filters, "FCKL")
    if z.shape[1] != filters.shape[0]:
        raise ValueError(f"z must have a channel for each of the {filters.shape[0]} filters, got {z.shape[1]}")
    return functional.conv_transpose2d(z, filters)


@torch.no_grad()
def analyse(x: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
    x, filters = tensor("x", x, "NCHW"), tensor("filters", filters, "FCKL")
    if x.shape[1] != filters.shape[1]:
        raise ValueError(f"x must have the filters' {filters.shape[1]} channels, got {x.shape[1]}")
    _fit(filters, x.shape[2:])
    return functional.conv2d(x, filters)


def soft_threshold(z: torch.Tensor, t: float | torch.Tensor) -> torch.Tensor:
    if not isinstance(z, torch.Tensor) or not z.is_floating_point():
        raise TypeError(f"z must be a floating tensor, got {z.dtype if isinstance(z, torch.Tensor) else type(z)}")
    z, t = z.detach(), torch.as_tensor(t, dtype=z.dtype).detach()
    if not (t >= 0).all():
        raise ValueError(f"t must be at least 0, got {t.min().item()}")
    return z - z.clamp(-t, t)  # what lies within the threshold is taken away


@torch.no_grad()
def lipschitz(filters: torch.Tensor, shape: tuple[int, int, int, int], iterations: int, rng: torch.Generator) -> float:
    filters = tensor("filters", filters, "FCKL")
    v = torch.randn(tuple(shape), generator=rng, dtype=filters.dtype)
    v = v / v.norm()
    for _ in range(integer("iterations", iterations, 0)):
        v = analyse(synthesise(v, filters), filters)
        size = v.norm()
        if size == 0:
            return 0.0
        v = v / size
    return float(synthesise(v, filters).square().sum())


@torch.no_grad()
def lipschitz_bound(filters: torch.Tensor, size: int | tuple[int, int]) -> float:
    filters, size = tensor("filters", filters, "FCKL"), pair("size", size, 1)
    _fit(filters, size)
    # One C x F matrix a frequency; the largest singular value of the worst one, squared.
    response = torch.fft.fft2(filters, s=size).permute(2, 3, 1, 0)
    return float(torch.linalg.matrix_norm(response, ord=2).max()) ** 2


@torch.no_grad()
def ista(
    x: torch.Tensor, filters: torch.Tensor, weight: float, iterations: int, start: torch.Tensor | None = None
) -> tuple[torch.Tensor, list[float]]:
    step, z, residual = _start(x, filters, weight, start)
    history = [_objective(residual, z, weight)]
    for _ in range(integer("iterations", iterations, 0)):
        z = soft_threshold(z + step * analyse(residual, filters), step * weight)
        residual = x - synthesise(z, filters)
        history.append(_objective(residual, z, weight))
    return z, history


@torch.no_grad()
def fista(
    x: torch.Tensor, filters: torch.Tensor, weight: float, iterations: int, start: torch.Tensor | None = None
) -> tuple[torch.Tensor, list[float]]:
    step, z, residual = _start(x, filters, weight, start)
    history = [_objective(residual, z, weight)]
    # The point ahead of z, and its residual: a mixture of two residuals, because synthesis is linear.
    ahead, ahead_residual, t = z, residual, 1.0
    for _ in range(integer("iterations", iterations, 0)):
        before, residual_before = z, residual
        z = soft_threshold(ahead + step * analyse(ahead_residual, filters), step * weight)
        residual = x - synthesise(z, filters)
        history.append(_objective(residual, z, weight))
        t, momentum = (1 + math.sqrt(1 + 4 * t * t)) / 2, t - 1
        momentum /= t
        ahead = z + momentum * (z - before)
        ahead_residual = residual + momentum * (residual - residual_before)
    return z, history


@torch.no_grad()
def update_filters(x: torch.Tensor, z: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
    x, z, filters = tensor("x", x, "NCHW"), tensor("z", z, "NFhw"), tensor("filters", filters, "FCKL")
    image = synthesise(z, filters)
    if image.shape != x.shape:
        raise ValueError(f"x must have the shape of synthesise(z, filters) {tuple(image.shape)}, got {tuple(x.shape)}")
    # Synthesis is linear in the filters, too. Its adjoint there is the weight gradient of chapter 2.
    direction = conv2d_weight(x - image, filters.shape, z)
    change = synthesise(z, direction).square().sum()
    step = direction.square().sum() / change if change > 0 else 0.0
    filters = filters + step * direction
    norms = filters.flatten(1).norm(dim=1)
    used = (z != 0).transpose(0, 1).flatten(1).any(dim=1) & (norms > 0)
    return filters / torch.where(used, norms, 1.0)[:, None, None, None]


def _fit(filters, size):
    if any(n < k for n, k in zip(size, filters.shape[2:], strict=True)):
        raise ValueError(f"filters of {tuple(filters.shape[2:])} do not fit into an image of {tuple(size)}")


def _start(x, filters, weight, start):
    """Step size, first codes, and their residual."""
    x, filters = tensor("x", x, "NCHW"), tensor("filters", filters, "FCKL")
    if not weight >= 0:
        raise ValueError(f"weight must be at least 0, got {weight}")
    shape = (len(x), *analyse(x[:1], filters).shape[1:])
    if start is not None and tuple(tensor("start", start, "NFhw").shape) != shape:
        raise ValueError(f"start must have the codes' shape {shape}, got {tuple(start.shape)}")
    bound = lipschitz_bound(filters, tuple(x.shape[2:]))
    if bound == 0:
        raise ValueError("filters must not all be 0")
    z = x.new_zeros(shape) if start is None else start.clone()
    return 1 / bound, z, x - synthesise(z, filters)


def _objective(residual, z, weight):
    return float(residual.square().sum() / 2 + weight * z.abs().sum())
