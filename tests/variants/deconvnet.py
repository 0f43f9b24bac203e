"""Right answers to chapter 8, written in other ways than the solutions."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from deconv_grader.checks.known_answers import variant

RULES = ("gradient", "deconvnet", "guided")


@variant("relu_backward")
def relu_backward_arithmetic(grad, x, rule):
    if rule not in RULES:
        raise ValueError("no such rule")
    if x.shape != grad.shape:
        raise ValueError("shapes differ")
    back = grad.clone()
    if rule != "deconvnet":
        back = back * (x > 0)
    return back if rule == "gradient" else back.clamp(min=0)


@variant("relu_backward")
def relu_backward_assignment(grad, x, rule):
    stopped = {"gradient": x <= 0, "deconvnet": grad <= 0}
    if rule != "guided" and rule not in stopped:
        raise ValueError("no such rule")
    if x.shape != grad.shape:
        raise ValueError("shapes differ")
    back = grad.detach().clone()
    back[(stopped["gradient"] | stopped["deconvnet"]) if rule == "guided" else stopped[rule]] = 0
    return back


@variant("relu_backward")
def relu_backward_numpy(grad, x, rule):
    if x.shape != grad.shape:
        raise ValueError("shapes differ")
    g, a = grad.numpy(), x.numpy()
    choices = {"gradient": lambda: a > 0, "deconvnet": lambda: g > 0, "guided": lambda: np.minimum(g, a) > 0}
    if rule not in choices:
        raise ValueError("no such rule")
    return torch.from_numpy(np.where(choices[rule](), g, 0).astype(g.dtype))


def _part(model, layer):
    names = list(model._modules)
    if layer not in names:
        raise ValueError("no such layer")
    return [model._modules[name] for name in names[: names.index(layer) + 1]]


def _checked(image, rule):
    if rule not in RULES or image.shape[0] != 1:
        raise ValueError("no such rule, or not one image")


def _seed(maps, unit):
    """Zeros but for the unit's value."""
    if not isinstance(unit, tuple):
        if not 0 <= unit < maps.shape[1]:
            raise ValueError("no such channel")
        row = maps[0, unit].reshape(-1)
        place = int((row == row.max()).nonzero()[0])
        unit = (unit, *np.unravel_index(place, tuple(maps.shape[2:])))
    if len(unit) != maps.ndim - 1 or any(not 0 <= i < n for i, n in zip(unit, maps.shape[1:], strict=True)):
        raise ValueError("no such unit")
    seed = torch.zeros_like(maps)
    seed[(0, *unit)] = maps[(0, *unit)]
    return seed.detach()


class _Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, rule):
        ctx.save_for_backward(x)
        ctx.rule = rule
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        if ctx.rule != "deconvnet":
            grad = grad * (x > 0)
        if ctx.rule != "gradient":
            grad = grad.clamp(min=0)
        return grad, None


@variant("project")
def project_autograd(model, image, layer, unit, rule="deconvnet"):
    """One backward pass of autograd, with a ReLU of our own."""
    _checked(image, rule)
    pixels = image.clone().requires_grad_()
    x = pixels
    for step in _part(model, layer):
        if isinstance(step, nn.ReLU):
            x = _Relu.apply(x, rule)
        elif not isinstance(step, nn.Dropout):
            x = step(x)
    (picture,) = torch.autograd.grad(x, pixels, _seed(x, unit))
    return picture


@variant("project")
def project_hooks(model, image, layer, unit, rule="deconvnet"):
    """A copy of the network whose ReLUs have backward hooks."""
    _checked(image, rule)
    net = copy.deepcopy(nn.Sequential(*_part(model, layer))).eval()

    def change(module, back, front):
        if rule == "gradient":
            return back
        if rule == "guided":
            return tuple(b.clamp(min=0) for b in back)
        return tuple(f.clamp(min=0) for f in front)

    for step in net:
        if isinstance(step, nn.ReLU):
            step.inplace = False
            step.register_full_backward_hook(change)
    pixels = image.clone().requires_grad_()
    maps = net(pixels)
    (picture,) = torch.autograd.grad(maps, pixels, _seed(maps, unit))
    return picture


@variant("project")
def project_by_hand(model, image, layer, unit, rule="deconvnet"):
    """Transposed convolutions on a padded plane, pools window by window, no autograd at all."""
    _checked(image, rule)
    steps = [step for step in _part(model, layer) if not isinstance(step, nn.Dropout)]
    with torch.no_grad():
        inputs = [image]
        for step in steps:
            inputs.append(inputs[-1].clamp(min=0) if isinstance(step, nn.ReLU) else step(inputs[-1]))
        back = _seed(inputs.pop(), unit)
        for step, x in zip(reversed(steps), reversed(inputs), strict=True):
            if isinstance(step, nn.ReLU):
                back = relu_backward_arithmetic(back, x, rule)
            elif isinstance(step, nn.Conv2d):
                back = _conv_back(step, x, back)
            elif isinstance(step, nn.MaxPool2d | nn.AvgPool2d):
                back = _pool_back(step, x, back)
            elif isinstance(step, nn.Flatten):
                back = back.reshape(x.shape)
            elif isinstance(step, nn.Linear):
                back = back @ step.weight
            else:
                raise TypeError(f"no way back through {step}")
    return back.clone()


def _conv_back(step, x, back):
    (top, left), (height, width) = step.padding, x.shape[2:]
    whole = F.conv_transpose2d(back, step.weight, None, step.stride, 0, 0, step.groups, step.dilation)
    plane = x.new_zeros(*x.shape[:2], height + 2 * top, width + 2 * left)
    plane[:, :, : whole.shape[2], : whole.shape[3]] = whole
    return plane[:, :, top : top + height, left : left + width]


def _both(value):
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def _pool_back(step, x, back):
    (rows, columns), (down, right), (top, left) = map(_both, (step.kernel_size, step.stride, step.padding))
    picture = torch.zeros_like(x)
    for c, i, j in np.ndindex(*back.shape[1:]):
        if not back[0, c, i, j]:
            continue
        r, s = max(i * down - top, 0), max(j * right - left, 0)
        window = x[0, c, r : i * down - top + rows, s : j * right - left + columns]
        target = picture[0, c, r : i * down - top + rows, s : j * right - left + columns]
        if isinstance(step, nn.AvgPool2d):
            target += back[0, c, i, j] / (rows * columns)
        else:
            u, v = divmod(int(window.argmax()), window.shape[1])
            target[u, v] += back[0, c, i, j]
    return picture


@variant("top_activations")
def top_activations_loop(model, images, layer, unit, k):
    steps = nn.Sequential(*(copy.deepcopy(step) for step in _part(model, layer))).eval()
    if not 1 <= k <= len(images):
        raise ValueError("k out of range")
    hits = []
    with torch.no_grad():
        for n in range(len(images)):
            maps = steps(images[n : n + 1])
            if maps.ndim != 4 or not 0 <= unit < maps.shape[1]:
                raise ValueError("no such channel")
            best = (n, 0, 0, -math.inf)
            for r, row in enumerate(maps[0, unit].tolist()):
                for c, value in enumerate(row):
                    if value > best[3]:
                        best = (n, r, c, value)
            hits.append(best)
    hits.sort(key=lambda hit: (-hit[3], hit[0]))
    return hits[:k]


@variant("top_activations")
def top_activations_sorted(model, images, layer, unit, k):
    x = images.clone()
    with torch.inference_mode():
        for step in _part(model, layer):
            x = x if isinstance(step, nn.Dropout) else step(x)
    if x.ndim != 4 or unit not in range(x.shape[1]) or k not in range(1, len(x) + 1):
        raise ValueError("no such channel, or k out of range")
    flat = x[:, unit].flatten(1)
    order = torch.sort(flat.amax(dim=1), descending=True, stable=True).indices[:k]
    width = x.shape[3]
    return [
        (n, int(p) // width, int(p) % width, float(flat[n, p])) for n in order.tolist() for p in [int(flat[n].argmax())]
    ]


@variant("receptive_patch")
def receptive_patch_backward(model, layer, row, column, image_size):
    """From the unit back to the image: a range of outputs needs a range of inputs."""
    steps = _part(model, layer)
    if any(not isinstance(s, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d | nn.ReLU | nn.Dropout) for s in steps):
        raise ValueError("a layer without a window")
    ends = []
    for axis, index in enumerate((row, column)):
        n = length = _both(image_size)[axis]
        along = []
        for step in steps:
            if not isinstance(step, nn.ReLU | nn.Dropout):
                k, s, p = (_both(v)[axis] for v in (step.kernel_size, step.stride, step.padding))
                reach = (k - 1) * _both(getattr(step, "dilation", 1))[axis] + 1
                along.append((reach, s, p))
                length = (length + 2 * p - reach) // s + 1
        if not 0 <= index < length:
            raise ValueError("outside the map")
        first = last = index
        for reach, s, p in reversed(along):
            first, last = first * s - p, last * s - p + reach - 1
        ends.append((max(first, 0), min(last + 1, n)))
    return ends[0][0], ends[1][0], ends[0][1], ends[1][1]


@variant("receptive_patch")
def receptive_patch_gradient(model, layer, row, column, image_size):
    """Ask autograd which pixels matter, when every weight is 1 and every pool a mean."""
    x = torch.zeros(1, 1, *_both(image_size), dtype=torch.float64, requires_grad=True)
    y = x
    for step in _part(model, layer):
        if isinstance(step, nn.ReLU | nn.Dropout):
            continue
        if not isinstance(step, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            raise ValueError("a layer without a window")
        kernel = torch.ones(1, 1, *_both(step.kernel_size), dtype=torch.float64)
        y = F.conv2d(y, kernel, None, step.stride, step.padding, getattr(step, "dilation", 1))
    if not (0 <= row < y.shape[2] and 0 <= column < y.shape[3]):
        raise ValueError("outside the map")
    seen = torch.autograd.grad(y[0, 0, row, column], x)[0][0, 0] > 0
    rows, columns = seen.any(dim=1).nonzero(), seen.any(dim=0).nonzero()
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
