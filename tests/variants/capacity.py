"""Right answers to chapter 16, written otherwise."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from deconv_grader.checks.known_answers import variant

# count_parameters


@variant("count_parameters")
def count_by_names(module):
    """PyTorch names each parameter once; the name without its last word is that of the part that holds it."""
    if not isinstance(module, nn.Module):
        raise TypeError("module")
    kinds = {name: type(part).__name__ for name, part in module.named_modules(remove_duplicate=False)}
    counted: Counter[str] = Counter()
    for name, parameter in module.named_parameters():
        counted[kinds[name.rpartition(".")[0]]] += parameter.numel()
    return dict(counted)


@variant("count_parameters")
def count_recursively(module):
    """Down into the children, with a list of what was met."""
    if not isinstance(module, nn.Module):
        raise TypeError("module")
    counted: dict[str, int] = {}
    met: list[nn.Parameter] = []

    def visit(part):
        for value in part._parameters.values():
            if value is not None and not any(value is other for other in met):
                met.append(value)
                counted[part.__class__.__name__] = counted.get(part.__class__.__name__, 0) + math.prod(value.shape)
        for child in part.children():
            visit(child)

    visit(module)
    return counted


# SeparableTranspose2d


def _sizes(in_channels, out_channels, kernel_size, stride, padding, output_padding):
    def two(value):
        return (value, value) if isinstance(value, int) else tuple(value)

    if (
        min(in_channels, out_channels, *two(kernel_size), *two(stride)) < 1
        or min(*two(padding), *two(output_padding)) < 0
    ):
        raise ValueError("a size")


@variant("SeparableTranspose2d")
class SeparableByEinsum(nn.Module):
    """The full weight by einsum, and one transposed convolution with it."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, bias=True):
        super().__init__()
        _sizes(in_channels, out_channels, kernel_size, stride, padding, output_padding)
        words = {"stride": stride, "padding": padding, "output_padding": output_padding}
        self.depthwise = nn.ConvTranspose2d(
            in_channels, in_channels, kernel_size, groups=in_channels, bias=False, **words
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=bias)
        self.words = words

    def full_weight(self):
        return torch.einsum("ckl,oc->cokl", self.depthwise.weight[:, 0], self.pointwise.weight[:, :, 0, 0])

    def forward(self, x):
        return functional.conv_transpose2d(x, self.full_weight(), self.pointwise.bias, **self.words)


@variant("SeparableTranspose2d")
class SeparableChannelByChannel(nn.Module):
    """Each channel enlarged by itself; the mixing is a matrix product over pixels."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, bias=True):
        super().__init__()
        _sizes(in_channels, out_channels, kernel_size, stride, padding, output_padding)
        self.depthwise = nn.ConvTranspose2d(
            in_channels, in_channels, kernel_size, stride, padding, output_padding, in_channels, False
        )
        self.pointwise = nn.Conv2d(in_channels, out_channels, kernel_size=(1, 1), bias=bias)

    def full_weight(self):
        mixing = self.pointwise.weight.permute(1, 0, 2, 3)
        return torch.stack([kernel[0] * row for kernel, row in zip(self.depthwise.weight, mixing, strict=True)])

    def forward(self, x):
        layer = self.depthwise
        large = torch.cat(
            [
                functional.conv_transpose2d(
                    x[:, c : c + 1],
                    layer.weight[c : c + 1],
                    stride=layer.stride,
                    padding=layer.padding,  # type: ignore[arg-type]
                    output_padding=layer.output_padding,
                )
                for c in range(x.shape[1])
            ],
            dim=1,
        )
        mixed = torch.tensordot(large, self.pointwise.weight[:, :, 0, 0], dims=([1], [1])).movedim(-1, 1)
        return mixed if self.pointwise.bias is None else mixed + self.pointwise.bias[:, None, None]


# low_rank_transpose


def _weight(w, rank):
    if not isinstance(w, torch.Tensor) or not w.is_floating_point():
        raise TypeError("w")
    if w.ndim != 4 or not 1 <= rank <= min(w.shape[0], w[0].numel()):
        raise ValueError("w or rank")
    return w.detach()


@variant("low_rank_transpose")
def low_rank_by_projection(w, rank):
    """The strongest directions of the input channels, orthonormal; the kernels are what is seen in them."""
    w = _weight(w, rank)
    rows = w.reshape(len(w), -1).double()
    _, vectors = torch.linalg.eigh(rows @ rows.T)  # ascending
    basis = vectors[:, -rank:]
    return basis.T[:, :, None, None].to(w.dtype), (basis.T @ rows).reshape(rank, *w.shape[1:]).to(w.dtype)


@variant("low_rank_transpose")
def low_rank_by_numpy(w, rank):
    """The values go to the first part; signs and order are other ones."""
    w = _weight(w, rank)
    left, values, right = np.linalg.svd(w.numpy().astype(np.float64).reshape(w.shape[0], -1), full_matrices=False)
    left, right = -(left * values)[:, rank - 1 :: -1] if rank else left, -right[rank - 1 :: -1]
    squeeze = np.ascontiguousarray(left.T).reshape(rank, w.shape[0], 1, 1)
    expand = np.ascontiguousarray(right).reshape(rank, *w.shape[1:])
    return torch.from_numpy(squeeze).to(w.dtype), torch.from_numpy(expand).to(w.dtype)


# tie_weights


def _mirror(encoder, decoder):
    if not all(isinstance(part, nn.Module) for part in (encoder, decoder)):
        raise TypeError("encoder or decoder")
    there: list[nn.Conv2d] = []
    back: list[nn.ConvTranspose2d] = []
    encoder.apply(lambda part: there.append(part) if isinstance(part, nn.Conv2d) else None)
    decoder.apply(lambda part: back.insert(0, part) if isinstance(part, nn.ConvTranspose2d) else None)
    if not there or len(there) != len(back):
        raise ValueError("numbers of layers")
    for conv, transpose in zip(there, back, strict=True):
        same = ("kernel_size", "stride", "padding", "dilation", "groups")
        if any(getattr(conv, key) != getattr(transpose, key) for key in same):
            raise ValueError("settings")
        if (conv.in_channels, conv.out_channels) != (transpose.out_channels, transpose.in_channels):
            raise ValueError("channels")
    return list(zip(there, back, strict=True))


def _numbers(*modules):
    return sum(value.numel() for value in nn.ModuleList(modules).parameters())


@variant("tie_weights")
def tie_by_registering(encoder, decoder):
    """What is saved is counted before and after, over both together."""
    pairs = _mirror(encoder, decoder)
    before = _numbers(encoder, decoder)
    for conv, transpose in pairs:
        del transpose.weight
        transpose.register_parameter("weight", conv.weight)
        transpose._parameters.move_to_end("weight", last=False) if hasattr(
            transpose._parameters, "move_to_end"
        ) else None
    return before - _numbers(encoder, decoder)


@variant("tie_weights")
def tie_from_the_end(encoder, decoder):
    """From the waist outward."""
    saved = 0
    for conv, transpose in reversed(_mirror(encoder, decoder)):
        if transpose.weight is conv.weight:
            continue
        saved += conv.weight.numel()
        transpose._parameters["weight"] = conv.weight
    return saved


# generalisation_gap


@variant("generalisation_gap")
def gap_by_numpy(history):
    """argmin takes the first of equals."""
    if "train" not in history or "validation" not in history:
        raise ValueError("history")
    train, validation = np.asarray(history["train"], float), np.asarray(history["validation"], float)
    if train.shape != validation.shape or train.size == 0 or not np.isfinite([train, validation]).all():
        raise ValueError("history")
    gap, best = validation - train, int(np.argmin(validation))
    return {
        "best": best,
        "gap": float(gap[-1]),
        "gap_at_best": float(gap[best]),
        "lost": float(validation[-1] - validation[best]),
    }


@variant("generalisation_gap")
def gap_in_one_pass(history):
    """Epoch by epoch, the best so far kept."""
    if not {"train", "validation"}.issubset(history):
        raise ValueError("history")
    if len(history["train"]) != len(history["validation"]) or not len(history["train"]):
        raise ValueError("history")
    best, lowest, at_best, gap, last = 0, math.inf, 0.0, 0.0, 0.0
    for epoch, (mine, theirs) in enumerate(zip(history["train"], history["validation"], strict=True)):
        if not (math.isfinite(mine) and math.isfinite(theirs)):
            raise ValueError("history")
        gap, last = float(theirs - mine), float(theirs)
        if last < lowest:
            best, lowest, at_best = epoch, last, gap
    return {"gap": gap, "best": best, "gap_at_best": at_best, "lost": last - lowest}
