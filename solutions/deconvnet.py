"""The DeconvNet as a microscope, worked. Chapter 8."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_input

from deconv_solutions.convolution import receptive_field
from deconvlib.course.arguments import integer, pair
from deconvlib.course.tensors import tensor

_RULES = ("gradient", "deconvnet", "guided")


def relu_backward(grad: Tensor, x: Tensor, rule: str) -> Tensor:
    _known(rule)
    if grad.shape != x.shape:
        raise ValueError(f"grad and x must have one shape, got {tuple(grad.shape)} and {tuple(x.shape)}")
    keep = torch.ones_like(grad, dtype=torch.bool)
    if rule in ("gradient", "guided"):  # what the forward pass let through
        keep &= x > 0
    if rule in ("deconvnet", "guided"):  # a ReLU on the way back
        keep &= grad > 0
    return torch.where(keep, grad, 0).detach()


def project(
    model: nn.Sequential, image: Tensor, layer: str, unit: int | tuple[int, int, int], rule: str = "deconvnet"
) -> Tensor:
    _known(rule)
    image = tensor("image", image, "NCHW")
    if len(image) != 1:
        raise ValueError(f"image must be a batch of one (1, C, H, W), got shape {tuple(image.shape)}")
    trail = []  # (layer, what it was given, its switches)
    with torch.no_grad():
        x = image.detach()
        for _, step in _up_to(model, layer):
            y, switches = _forward(step, x)
            trail.append((step, x, switches))
            x = y
        place = _place(x, layer, unit)
        back = torch.zeros_like(x)
        back[place] = x[place]
        for step, x, switches in reversed(trail):
            back = _backward(step, x, switches, back, rule)
    return back.clone() if back.data_ptr() == image.data_ptr() else back


def top_activations(
    model: nn.Sequential, images: Tensor, layer: str, unit: int, k: int
) -> list[tuple[int, int, int, float]]:
    images = tensor("images", images, "NCHW")
    k = integer("k", k, 1)
    if k > len(images):
        raise ValueError(f"k must be at most the number of images, {len(images)}, got {k}")
    steps = _up_to(model, layer)
    found = []
    with torch.no_grad():
        for first in range(0, len(images), 8):  # a few at a time: early maps are large
            x = images[first : first + 8]
            for _, step in steps:
                x = _forward(step, x)[0]
            if x.ndim != 4:
                raise ValueError(f"layer must give maps (N, C, H, W), {layer!r} gives shape {tuple(x.shape)}")
            plane = x[:, _channel(unit, x.shape[1], layer)]
            values, places = plane.flatten(1).max(dim=1)
            for i, (value, place) in enumerate(zip(values.tolist(), places.tolist(), strict=True), first):
                found.append((i, *divmod(place, plane.shape[2]), value))
    return sorted(found, key=lambda hit: -hit[3])[:k]  # sorting keeps the order of equal values


def receptive_patch(
    model: nn.Sequential, layer: str, row: int, column: int, image_size: int | tuple[int, int]
) -> tuple[int, int, int, int]:
    size = pair("image_size", image_size, 1)
    windows = [_windows(name, step) for name, step in _up_to(model, layer)]
    ends = []
    for axis, (word, index) in enumerate((("row", row), ("column", column))):
        index = integer(word, index, 0)
        along = [window[axis] for window in windows if window]
        length = size[axis]
        for kernel, stride, before, after, ceil in along:
            room = length + before + after - kernel
            length = -(-room // stride) + 1 if ceil else room // stride + 1
            if ceil and (length - 1) * stride >= room + kernel - after:
                length -= 1  # a last window that would start in the padding is dropped
        if index >= length:
            raise ValueError(f"{word} must be below {max(length, 0)} for layer {layer!r}, got {index}")
        field, jump, offset = receptive_field([(kernel, stride, before) for kernel, stride, before, _, _ in along])
        start = offset + index * jump
        ends.append((min(max(start, 0), size[axis]), min(max(start + field, 0), size[axis])))
    (top, bottom), (left, right) = ends
    return top, left, bottom, right


def _known(rule):
    if rule not in _RULES:
        raise ValueError(f"rule must be one of {', '.join(_RULES)}, got {rule!r}")


def _up_to(model, layer):
    """The named children of the model up to the layer, without dropout, which does nothing once training is over."""
    if not isinstance(model, nn.Sequential):
        raise TypeError(f"model must be an nn.Sequential, got {type(model).__name__}")
    steps = list(model.named_children())
    names = [name for name, _ in steps]
    if layer not in names:
        raise ValueError(f"layer must be one of {', '.join(names)}, got {layer!r}")
    steps = steps[: names.index(layer) + 1]
    return [(name, step) for name, step in steps if not isinstance(step, nn.Dropout)]


def _channel(unit, channels, layer):
    channel = integer("unit", unit, 0)
    if channel >= channels:
        raise ValueError(f"unit must be a channel below {channels} of layer {layer!r}, got {channel}")
    return channel


def _place(maps, layer, unit):
    """The index of one value in a layer's maps: the unit, or the strongest place of its channel."""
    if not isinstance(unit, tuple | list):
        plane = maps[0, _channel(unit, maps.shape[1], layer)]
        where = torch.unravel_index(plane.argmax(), plane.shape)  # argmax: the first of equal values
        return (0, int(unit), *(int(i) for i in where))
    place = tuple(integer("unit", i, 0) for i in unit)
    shape = tuple(maps.shape[1:])
    if len(place) != len(shape) or any(i >= n for i, n in zip(place, shape, strict=True)):
        raise ValueError(f"unit must be a channel or a place inside {shape} of layer {layer!r}, got {tuple(unit)}")
    return (0, *place)


def _forward(step, x):
    """(What the layer gives, the switches if it is a max-pooling.)"""
    if isinstance(step, nn.MaxPool2d):
        window = step.kernel_size, step.stride, step.padding, step.dilation, step.ceil_mode
        return F.max_pool2d(x, *window, return_indices=True)
    if isinstance(step, nn.ReLU):
        return F.relu(x), None  # never in place: x is needed on the way back
    return step(x), None


def _backward(step, x, switches, back, rule):
    """From a layer's output to its input `x`, which only its shape and the ReLU's sign are taken from."""
    if isinstance(step, nn.ReLU):
        return relu_backward(back, x, rule)
    if isinstance(step, nn.MaxPool2d):
        planes = torch.zeros_like(x).flatten(2)
        return planes.scatter_add_(2, switches.flatten(2), back.flatten(2)).view_as(x)
    if isinstance(step, nn.Conv2d) and step.padding_mode == "zeros" and not isinstance(step.padding, str):
        return conv2d_input(x.shape, step.weight, back, step.stride, step.padding, step.dilation, step.groups)
    with torch.enable_grad():  # every other layer: its own transpose
        x = x.detach().requires_grad_()
        return torch.autograd.grad(step(x), x, back)[0]


def _windows(name, step):
    """For each axis (kernel, stride, padding before, padding after, ceil); None for a layer that works pixel by pixel."""
    if isinstance(step, nn.ReLU):
        return None
    if not isinstance(step, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
        raise ValueError(f"layer {name!r} ({type(step).__name__}) has no window that slides over the image")
    kernels, strides = pair("kernel", step.kernel_size), pair("stride", step.stride)
    spread = pair("dilation", getattr(step, "dilation", 1))
    reach = [(k - 1) * d + 1 for k, d in zip(kernels, spread, strict=True)]
    padding = getattr(step, "padding", 0)
    if padding == "same":
        before = [(r - 1) // 2 for r in reach]
        after = [r - 1 - b for r, b in zip(reach, before, strict=True)]
    else:
        before = after = list(pair("padding", 0 if padding == "valid" else padding))
    ceil = getattr(step, "ceil_mode", False)
    return [(reach[i], strides[i], before[i], after[i], ceil) for i in range(2)]
