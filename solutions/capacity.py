"""Capacity, worked. Chapter 16."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from deconvlib.course.arguments import integer, pair
from deconvlib.course.tensors import tensor


def count_parameters(module: nn.Module) -> dict[str, int]:
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, got a {type(module).__name__}")
    counted: dict[str, int] = {}
    seen: set[int] = set()
    for layer in module.modules():
        for parameter in layer.parameters(recurse=False):
            if id(parameter) not in seen:  # tied layers hold the same object
                seen.add(id(parameter))
                kind = type(layer).__name__
                counted[kind] = counted.get(kind, 0) + parameter.numel()
    return counted


class SeparableTranspose2d(nn.Module):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        output_padding: int | tuple[int, int] = 0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        in_channels, out_channels = integer("in_channels", in_channels, 1), integer("out_channels", out_channels, 1)
        kernel_size, stride = pair("kernel_size", kernel_size, 1), pair("stride", stride, 1)
        padding, output_padding = pair("padding", padding, 0), pair("output_padding", output_padding, 0)
        self.depthwise = nn.ConvTranspose2d(
            in_channels, in_channels, kernel_size, stride, padding, output_padding, groups=in_channels, bias=False
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pointwise(self.depthwise(x))

    def full_weight(self) -> torch.Tensor:
        # depthwise (C, 1, K, L) times the mixing, turned to (C, O, 1, 1)
        return self.depthwise.weight * self.pointwise.weight.transpose(0, 1)


def low_rank_transpose(w: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    w = tensor("w", w, "IOKL").detach()
    if not w.is_floating_point():
        raise TypeError(f"w must be a floating tensor, got {w.dtype}")
    rows = w.flatten(1)
    most = min(rows.shape)
    if integer("rank", rank, 1) > most:
        raise ValueError(
            f"rank must be from 1 to {most}, which is the rank that w {tuple(w.shape)} can have; got {rank}"
        )
    left, values, right = torch.linalg.svd(rows, full_matrices=False)
    roots = values[:rank].sqrt()
    squeeze = (left[:, :rank] * roots).T[:, :, None, None]
    expand = (roots[:, None] * right[:rank]).reshape(rank, *w.shape[1:])
    return squeeze.contiguous(), expand


def tie_weights(encoder: nn.Module, decoder: nn.Module) -> int:
    for name, module in (("encoder", encoder), ("decoder", decoder)):
        if not isinstance(module, nn.Module):
            raise TypeError(f"{name} must be a torch.nn.Module, got a {type(module).__name__}")
    there = [layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d)]
    back = [layer for layer in decoder.modules() if isinstance(layer, nn.ConvTranspose2d)][::-1]
    if len(there) != len(back) or not there:
        raise ValueError(
            f"the encoder has {len(there)} Conv2d and the decoder {len(back)} ConvTranspose2d: as many are needed"
        )
    for number, (conv, transpose) in enumerate(zip(there, back, strict=True)):
        for what in ("stride", "padding", "dilation", "groups"):
            mine, theirs = getattr(transpose, what), getattr(conv, what)
            if mine != theirs:
                raise ValueError(f"{what} of convolution {number} is {theirs}, that of its mirror image {mine}")
        if transpose.weight.shape != conv.weight.shape:
            shapes = f"{tuple(conv.weight.shape)}, that of its mirror image {tuple(transpose.weight.shape)}"
            raise ValueError(f"the weight of convolution {number} has shape {shapes}")
    saved = 0
    for conv, transpose in zip(there, back, strict=True):
        saved += transpose.weight.numel() if transpose.weight is not conv.weight else 0
        transpose.weight = conv.weight  # the same object: one gradient, one entry in an optimizer
    return saved


def generalisation_gap(history: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    if not isinstance(history, Mapping) or not {"train", "validation"} <= set(history):
        raise ValueError("history must have the keys 'train' and 'validation'")
    train, validation = ([float(value) for value in history[key]] for key in ("train", "validation"))
    if len(train) != len(validation) or not train:
        raise ValueError(f"history has {len(train)} numbers for 'train' and {len(validation)} for 'validation'")
    if not all(map(math.isfinite, train + validation)):
        raise ValueError("history holds a number that is not finite: the training went astray")
    best = min(range(len(validation)), key=validation.__getitem__)  # the first of equals
    return {
        "gap": validation[-1] - train[-1],
        "best": best,
        "gap_at_best": validation[best] - train[best],
        "lost": validation[-1] - validation[best],
    }
