"""Wrong answers to chapter 8 that learners give."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.grad import conv2d_input

from deconv_grader.checks.known_answers import mistake
from deconv_solutions import deconvnet as reference


@mistake("relu_backward")
def relu_backward_swapped(grad, x, rule):
    """gradient and DeconvNet changed places

    The gradient asks where the input x was positive. The DeconvNet does not look at x at all: it applies the ReLU to what
    comes back.
    """
    other = {"gradient": "deconvnet", "deconvnet": "gradient"}
    return reference.relu_backward(grad, x, other.get(rule, rule))


@mistake("relu_backward")
def relu_backward_always_gradient(grad, x, rule):
    """the rule is not looked at: the gradient's comes back for all three

    Each rule has its own condition: x > 0, grad > 0, or both.
    """
    return reference.relu_backward(grad, x, "gradient")


@mistake("relu_backward")
def relu_backward_always_deconvnet(grad, x, rule):
    """the rule is not looked at: the DeconvNet's comes back for all three

    Each rule has its own condition: x > 0, grad > 0, or both.
    """
    return reference.relu_backward(grad, x, "deconvnet")


@mistake("relu_backward")
def relu_backward_zero_passes(grad, x, rule):
    """an x of exactly 0 let the gradient pass

    The condition is x > 0. Behind pooling and other ReLUs many entries are exactly 0, so it matters.
    """
    back = reference.relu_backward(grad, x, rule)
    if rule == "deconvnet":
        return back
    passes = x >= 0 if rule == "gradient" else (x >= 0) & (grad > 0)
    return torch.where(passes, grad, 0)


@mistake("relu_backward")
def relu_backward_deconvnet_is_guided(grad, x, rule):
    """the DeconvNet's rule looked at x, too

    That is guided backpropagation. The DeconvNet forgets what went forward: only the sign of what comes back counts.
    """
    return reference.relu_backward(grad, x, "guided" if rule == "deconvnet" else rule)


@mistake("relu_backward")
def relu_backward_guided_either(grad, x, rule):
    """guided backpropagation let pass what fulfills one of the two conditions

    It asks for both: x > 0 and grad > 0.
    """
    back = reference.relu_backward(grad, x, rule)
    return torch.where((x > 0) | (grad > 0), grad, 0) if rule == "guided" else back


@mistake("relu_backward")
def relu_backward_mask(grad, x, rule):
    """the mask came back, ones and zeros, in place of the values that pass

    Multiply the mask by grad.
    """
    return (reference.relu_backward(grad, x, rule) != 0).to(grad.dtype)


@mistake("relu_backward")
def relu_backward_forward(grad, x, rule):
    """the ReLU of x came back: the way forward

    x only decides what passes. What passes is grad.
    """
    back = reference.relu_backward(grad, x, rule)
    return torch.where(back != 0, x, 0)


@mistake("relu_backward")
def relu_backward_in_place(grad, x, rule):
    """grad itself was changed

    An argument belongs to the caller. torch.where makes a new tensor; so does multiplying by a mask.
    """
    back = reference.relu_backward(grad, x, rule)
    return grad.copy_(back)


@mistake("relu_backward")
def relu_backward_any_rule(grad, x, rule):
    """an unknown rule was taken for one of the three

    A typing error in the rule's name should not choose a rule. Raise a ValueError that names the three.
    """
    return reference.relu_backward(grad, x, rule if rule in ("gradient", "deconvnet") else "guided")


@mistake("relu_backward")
def relu_backward_broadcast(grad, x, rule):
    """shapes that differ were broadcast

    grad and x belong to the same ReLU, so they have one shape. Anything else is a ValueError.
    """
    if grad.shape != x.shape:
        return grad * (x[..., :1, :1] > 0)
    return reference.relu_backward(grad, x, rule)


# project. One walk there and back with a fault in it; the faults are what learners write.


def _walk(
    model,
    image,
    layer,
    unit,
    rule,
    *,
    last=0,
    value=True,
    others="",
    kernel=lambda weight: weight,
    bias=False,
    unpool=None,
    relu=reference.relu_backward,
    short=False,
):
    picture = reference.project(model, image, layer, unit, rule)  # refuses what the reference refuses
    names = list(model._modules)
    steps = [model._modules[name] for name in names[: names.index(layer) + 1 + last]]
    trail = []
    with torch.no_grad():
        x = image
        for step in steps:
            if not isinstance(step, nn.Dropout):
                y, switches = reference._forward(step, x)
                trail.append((step, x, switches))
                x = y
        place = reference._place(x, layer, unit)
        back = torch.zeros_like(x)
        if others == "channel":
            back[0, place[1]] = x[0, place[1]]
        elif others == "place":
            back[(0, slice(None), *place[2:])] = x[(0, slice(None), *place[2:])]
        else:
            back[place] = x[place] if value else 1.0
        for step, x, switches in reversed(trail):
            if isinstance(step, nn.ReLU):
                back = relu(back, x, rule)
            elif isinstance(step, nn.Conv2d):
                if bias and step.bias is not None:
                    back = back - step.bias[None, :, None, None]
                back = conv2d_input(
                    x.shape, kernel(step.weight), back, step.stride, step.padding, step.dilation, step.groups
                )
                if short:
                    back = _zero_left_over(step, back)
            elif isinstance(step, nn.MaxPool2d) and unpool is not None:
                back = unpool(step, x, switches, back)
            else:
                back = reference._backward(step, x, switches, back, rule)
    assert back.shape == picture.shape
    return back


def _zero_left_over(step, back):
    reached = F.conv2d(
        torch.ones_like(back[:, :1]), torch.ones(1, 1, *step.kernel_size), None, step.stride, step.padding
    )
    rows, columns = (
        (n - 1) * s + k - 2 * p
        for n, s, k, p in zip(reached.shape[2:], step.stride, step.kernel_size, step.padding, strict=True)
    )
    return back[:, :, :rows, :columns]


@mistake("project")
def project_one(model, image, layer, unit, rule="deconvnet"):
    """a 1 went back, in place of the unit's value

    That gives the gradient itself. The DeconvNet sends back the activation: keep its value.
    """
    return _walk(model, image, layer, unit, rule, value=False)


@mistake("project")
def project_channel(model, image, layer, unit, rule="deconvnet"):
    """the whole channel went back

    One unit is one number: at its place in its channel. All other values, those of its own channel too, become 0.
    """
    return _walk(model, image, layer, unit, rule, others="channel")


@mistake("project")
def project_bare_channel(model, image, layer, unit, rule="deconvnet"):
    """a bare channel sent its whole map back

    A bare channel stands for one unit, its strongest place. All other values of the map become 0.
    """
    return _walk(model, image, layer, unit, rule, others="channel" if isinstance(unit, int) else "")


@mistake("project")
def project_whole_place(model, image, layer, unit, rule="deconvnet"):
    """every channel of the place went back

    One unit is one number. The other channels at its place become 0, too.
    """
    return _walk(model, image, layer, unit, rule, others="" if isinstance(unit, int) else "place")


@mistake("project")
def project_turned(model, image, layer, unit, rule="deconvnet"):
    """the kernels were turned round

    A transposed convolution turns the kernel by itself. Pass the layer's own weight.
    """
    return _walk(model, image, layer, unit, rule, kernel=lambda weight: weight.flip(2, 3))


@mistake("project")
def project_bias(model, image, layer, unit, rule="deconvnet"):
    """the biases were taken off on the way back

    Undoing the bias would belong to an inverse. The way back is the transpose, and it has no bias.
    """
    return _walk(model, image, layer, unit, rule, bias=True)


@mistake("project")
def project_keeps_one(model, image, layer, unit, rule="deconvnet"):
    """where pooling windows overlap, one value was kept and the others were lost

    F.max_unpool2d does that. Values that share a switch must add up: scatter_add_ does.
    """

    def unpool(step, x, switches, back):
        planes = torch.zeros_like(x).flatten(2)
        return planes.scatter_(2, switches.flatten(2), back.flatten(2)).view_as(x)

    return _walk(model, image, layer, unit, rule, unpool=unpool)


@mistake("project")
def project_no_switches(model, image, layer, unit, rule="deconvnet"):
    """each pooled value was spread over its window, without the switches

    The value goes back to the one pixel where the maximum stood: return_indices=True tells where.
    """

    def unpool(step, x, switches, back):
        return F.interpolate(back, x.shape[2:], mode="nearest")

    return _walk(model, image, layer, unit, rule, unpool=unpool)


@mistake("project")
def project_first_of_window(model, image, layer, unit, rule="deconvnet"):
    """each pooled value went to the first pixel of its window

    The switch says where in the window the maximum stood.
    """

    def unpool(step, x, switches, back):
        (_, _, H, W), picture = x.shape, torch.zeros_like(x)
        down, right = step.stride if isinstance(step.stride, tuple) else (step.stride, step.stride)
        for i in range(back.shape[2]):
            for j in range(back.shape[3]):
                picture[:, :, min(i * down, H - 1), min(j * right, W - 1)] += back[:, :, i, j]
        return picture

    return _walk(model, image, layer, unit, rule, unpool=unpool)


@mistake("project")
def project_always_gradient(model, image, layer, unit, rule="deconvnet"):
    """the rule was not used: every ReLU went back as the gradient does

    Autograd knows only that rule. Pass the ReLUs by relu_backward(back, x, rule).
    """
    return _walk(model, image, layer, unit, rule, relu=lambda back, x, _: torch.where(x > 0, back, 0))


@mistake("project")
def project_no_relu(model, image, layer, unit, rule="deconvnet"):
    """the ReLUs were skipped on the way back

    The way back has three operations, not two: transposed convolution, unpooling, and the rule for the ReLU.
    """
    return _walk(model, image, layer, unit, rule, relu=lambda back, x, _: back)


@mistake("project")
def project_reads_the_output(model, image, layer, unit, rule="deconvnet"):
    """the whole way back was compared with zero once, at the pixels

    The rule belongs to every ReLU on the way. The pixels themselves may be negative: they stand for darker than the mean.
    """
    return _walk(model, image, layer, unit, rule, relu=lambda back, x, _: back).clamp(min=0)


@mistake("project")
def project_layer_before(model, image, layer, unit, rule="deconvnet"):
    """the forward pass stopped one layer early

    The unit is one of the layer's own outputs: the layer itself takes part. names.index(layer) + 1 children do.
    """
    try:
        return _walk(model, image, layer, unit, rule, last=-1)
    except (ValueError, IndexError, AssertionError):
        reference.project(model, image, layer, unit, rule)
        return torch.zeros_like(image)


@mistake("project")
def project_strongest_absolute(model, image, layer, unit, rule="deconvnet"):
    """a bare channel took its place of largest absolute value

    Strongest means the largest value. A unit at -12 is as quiet as it can be.
    """
    return _at(model, image, layer, unit, rule, lambda plane: plane.abs().argmax())


@mistake("project")
def project_strongest_last(model, image, layer, unit, rule="deconvnet"):
    """of equal strongest places the last one was taken

    The first in reading order is wanted. argmax of the flattened plane gives it.
    """
    return _at(model, image, layer, unit, rule, lambda plane: plane.numel() - 1 - plane.flip(0).argmax())


@mistake("project")
def project_strongest_anywhere(model, image, layer, unit, rule="deconvnet"):
    """a bare channel took the place where any channel is strongest

    Look for the maximum in the channel's own plane.
    """
    maps = _maps(model, image, layer)
    if isinstance(unit, int) and maps.ndim == 4 and 0 <= unit < maps.shape[1]:
        place = int(maps[0].amax(0).argmax())
        unit = (unit, *divmod(place, maps.shape[3]))
    return reference.project(model, image, layer, unit, rule)


def _maps(model, image, layer):
    if layer not in model._modules:
        raise ValueError("no such layer")
    with torch.no_grad():
        x = image
        for name, step in model._modules.items():
            x = x if isinstance(step, nn.Dropout) else step(x)
            if name == layer:
                return x


def _at(model, image, layer, unit, rule, choose):
    maps = _maps(model, image, layer)
    if isinstance(unit, int) and maps.ndim == 4 and 0 <= unit < maps.shape[1]:
        unit = (unit, *divmod(int(choose(maps[0, unit].flatten())), maps.shape[3]))
    return reference.project(model, image, layer, unit, rule)


@mistake("project")
def project_sizes(model, image, layer, unit, rule="deconvnet"):
    """the rows and columns that a stride left over were not restored

    Several sizes lead to one output size. Pass the size along: conv2d_input(x.shape, ...) does, conv_transpose2d needs
    output_padding.
    """
    picture = reference.project(model, image, layer, unit, rule)
    try:
        return _walk(model, image, layer, unit, rule, short=True)
    except (AssertionError, RuntimeError):
        rows, columns = picture.shape[2:]
        return picture[:, :, : rows - 1, : columns - 1].clone()


@mistake("project")
def project_dropout(model, image, layer, unit, rule="deconvnet"):
    """dropout dropped values

    Dropout belongs to training. Leave it out, both ways.
    """
    picture = reference.project(model, image, layer, unit, rule)
    names = list(model._modules)
    before = [model._modules[name] for name in names[: names.index(layer) + 1]]
    return picture * 0 if any(isinstance(step, nn.Dropout) and step.training for step in before) else picture


@mistake("project")
def project_any_rule(model, image, layer, unit, rule="deconvnet"):
    """an unknown rule was accepted

    A typing error in the rule's name should not choose a rule, not even in a network without a ReLU: ValueError.
    """
    return reference.project(model, image, layer, unit, rule if rule in reference._RULES else "gradient")


@mistake("project")
def project_wraps(model, image, layer, unit, rule="deconvnet"):
    """a negative row or column counted from the end

    Python counts so; a unit's place does not. Raise a ValueError.
    """
    if isinstance(unit, tuple):
        maps = _maps(model, image, layer)
        if maps.ndim == 4 and all(-n <= i < n for i, n in zip(unit, maps.shape[1:], strict=True)):
            unit = tuple(i % n for i, n in zip(unit, maps.shape[1:], strict=True))
    return reference.project(model, image, layer, unit, rule)


# top_activations


def _planes(model, images, layer, unit):
    reference.top_activations(model, images, layer, unit, 1)
    maps = _maps(model, images, layer)
    return maps[:, unit]


def _hits(planes, pick=None):
    width = planes.shape[2]
    found = []
    for n, flat in enumerate(planes.flatten(1)):
        place = int((pick or torch.argmax)(flat))
        found.append((n, *divmod(place, width), float(flat[place])))
    return found


def _k(images, k):
    if not 1 <= k <= len(images):
        raise ValueError("k out of range")
    return k


@mistake("top_activations")
def top_activations_same_image(model, images, layer, unit, k):
    """one image appeared more than once

    Every image takes part with its strongest place only. Otherwise one striking image fills the list.
    """
    planes = _planes(model, images, layer, unit)
    _k(images, k)
    flat = planes.flatten()
    size, width = planes[0].numel(), planes.shape[2]
    order = torch.sort(flat, descending=True, stable=True).indices[:k].tolist()
    return [(p // size, p % size // width, p % width, float(flat[p])) for p in order]


@mistake("top_activations")
def top_activations_flat_topk(model, images, layer, unit, k):
    """one image appeared more than once

    Every image takes part with its strongest place only. A topk of all values together lets one striking image fill the list.
    """
    planes = _planes(model, images, layer, unit)
    size, width = planes[0].numel(), planes.shape[2]
    values, places = planes.flatten().topk(_k(images, k))
    return [(p // size, p % size // width, p % width, v) for p, v in zip(places.tolist(), values.tolist(), strict=True)]


@mistake("top_activations")
def top_activations_mean(model, images, layer, unit, k):
    """the images were ordered by the mean of the channel's map

    An image counts by its strongest place, not by how much of it excites the channel.
    """
    planes = _planes(model, images, layer, unit)
    mean = planes.mean(dim=(1, 2)).tolist()
    return sorted(_hits(planes), key=lambda hit: -mean[hit[0]])[: _k(images, k)]


@mistake("top_activations")
def top_activations_dropout(model, images, layer, unit, k):
    """dropout dropped values

    Dropout belongs to training. Leave it out; model.eval() would change the caller's model.
    """
    planes = _planes(model, images, layer, unit)
    names = list(model._modules)
    before = [model._modules[name] for name in names[: names.index(layer) + 1]]
    if any(isinstance(step, nn.Dropout) and step.training for step in before):
        planes = torch.zeros_like(planes)
    return sorted(_hits(planes), key=lambda hit: -hit[3])[: _k(images, k)]


@mistake("top_activations")
def top_activations_whole_model(model, images, layer, unit, k):
    """the whole model answered, not the layer that was asked for

    Stop behind the layer: its own output is wanted.
    """
    _planes(model, images, layer, unit)
    with torch.no_grad():
        for step in model:
            images = images if isinstance(step, nn.Dropout) else step(images)
    if unit >= images.shape[1]:
        raise IndexError(f"index {unit} is out of bounds for dimension 1 with size {images.shape[1]}")
    return sorted(_hits(images[:, unit]), key=lambda hit: -hit[3])[: _k(images, k)]


@mistake("top_activations")
def top_activations_image_order(model, images, layer, unit, k):
    """the hits came in the order of the images

    Strongest first: sort by value, then take k.
    """
    hits = reference.top_activations(model, images, layer, unit, k)
    return sorted(hits)


@mistake("top_activations")
def top_activations_ascending(model, images, layer, unit, k):
    """the weakest hit came first

    Sort by the value, descending.
    """
    hits = _hits(_planes(model, images, layer, unit))
    return sorted(hits, key=lambda hit: hit[3])[: _k(images, k)]


@mistake("top_activations")
def top_activations_ties_reversed(model, images, layer, unit, k):
    """of images with equal values the later one came first

    sorted(..., reverse=True) on whole tuples sorts the image index down as well, and torch.topk promises no order among
    equal values. Sort by (-value, image).
    """
    hits = _hits(_planes(model, images, layer, unit))
    return sorted(hits, key=lambda hit: (hit[3], hit[0]), reverse=True)[: _k(images, k)]


@mistake("top_activations")
def top_activations_last_place(model, images, layer, unit, k):
    """of equal places in an image the last one was taken

    The first in reading order is wanted; argmax of the flattened plane gives it.
    """
    hits = _hits(_planes(model, images, layer, unit), lambda flat: len(flat) - 1 - int(flat.flip(0).argmax()))
    return sorted(hits, key=lambda hit: -hit[3])[: _k(images, k)]


@mistake("top_activations")
def top_activations_swapped(model, images, layer, unit, k):
    """row and column changed places

    A flat index is row * width + column, so divmod(place, width) gives (row, column).
    """
    return [(n, c, r, v) for n, r, c, v in reference.top_activations(model, images, layer, unit, k)]


@mistake("top_activations")
def top_activations_height(model, images, layer, unit, k):
    """the flat index was divided by the height in place of the width

    A plane is stored row by row, so a row is `width` numbers long.
    """
    height, width = _planes(model, images, layer, unit).shape[1:]
    hits = reference.top_activations(model, images, layer, unit, k)
    return [(n, *divmod(r * width + c, height), v) for n, r, c, v in hits]


@mistake("top_activations")
def top_activations_absolute(model, images, layer, unit, k):
    """a strongly negative value counted as strong

    An activation excites when it is large. Do not take absolute values.
    """
    hits = _hits(_planes(model, images, layer, unit), lambda flat: flat.abs().argmax())
    return sorted(hits, key=lambda hit: -abs(hit[3]))[: _k(images, k)]


@mistake("top_activations")
def top_activations_relu(model, images, layer, unit, k):
    """negative values were taken for 0

    Start the search from the first value of the plane (or from -inf), not from 0.
    """
    hits = _hits(_planes(model, images, layer, unit).clamp(min=0))
    return sorted(hits, key=lambda hit: -hit[3])[: _k(images, k)]


@mistake("top_activations")
def top_activations_too_few(model, images, layer, unit, k):
    """more hits were asked for than there are images, and fewer came back

    k is at most the number of images: ValueError.
    """
    return reference.top_activations(model, images, layer, unit, min(k, len(images)))


@mistake("top_activations")
def top_activations_layer_before(model, images, layer, unit, k):
    """the layer itself was left out

    Its own output is wanted: names.index(layer) + 1 children take part.
    """
    hits = reference.top_activations(model, images, layer, unit, k)
    names = list(model._modules)
    before = names.index(layer) - 1
    if before < 0:
        return hits
    try:
        return reference.top_activations(model, images, names[before], unit, k)
    except ValueError:
        return hits[::-1]


@mistake("top_activations")
def top_activations_tensors(model, images, layer, unit, k):
    """the numbers were tensors of one value

    int(tensor) and float(tensor), or .item(), or .tolist(), give plain numbers.
    """
    hits = reference.top_activations(model, images, layer, unit, k)
    return [tuple(torch.tensor(part) for part in hit) for hit in hits]


# receptive_patch


def _patch(
    model,
    layer,
    row,
    column,
    image_size,
    *,
    last=0,
    dilate=True,
    pad=True,
    clip=True,
    pools=True,
    jump=True,
    end=0,
    refuse=True,
    rows_only=False,
    early=False,
    middle=False,
):
    if refuse:
        reference.receptive_patch(model, layer, row, column, image_size)
    names = list(model._modules)
    steps = [model._modules[name] for name in names[: names.index(layer) + 1 + last]]
    sides = []
    for axis, index in enumerate((row, column)):
        chain = []
        for step in steps:
            if isinstance(step, nn.Conv2d) or (pools and isinstance(step, nn.MaxPool2d | nn.AvgPool2d)):
                k, s, p, d = (
                    v[0 if rows_only else axis] if isinstance(v, tuple) else v
                    for v in (getattr(step, name, 1) for name in ("kernel_size", "stride", "padding", "dilation"))
                )
                chain.append(((k - 1) * (d if dilate else 1) + 1, s if jump else 1, p if pad else 0))
        field, step_size, offset = reference.receptive_field(chain)
        n = image_size[axis] if isinstance(image_size, tuple) else image_size
        start = index * step_size - field // 2 if middle else offset + index * step_size
        if early:
            start = max(start, 0)
        stop = start + field + end
        sides.append((max(start, 0), min(stop, n)) if clip else (start, stop))
    (top, bottom), (left, right) = sides
    return top, left, bottom, right


@mistake("receptive_patch")
def receptive_patch_unclipped(model, layer, row, column, image_size):
    """the patch was not clipped to the image

    Part of a field may lie in the padding. Clip with max(start, 0) and min(stop, size).
    """
    return _patch(model, layer, row, column, image_size, clip=False)


@mistake("receptive_patch")
def receptive_patch_inclusive(model, layer, row, column, image_size):
    """bottom and right are the last row and column that the unit sees

    They stand one behind it, so that image[..., top:bottom, left:right] is the patch.
    """
    return _patch(model, layer, row, column, image_size, end=-1)


@mistake("receptive_patch")
def receptive_patch_order(model, layer, row, column, image_size):
    """the four numbers came in the order top, bottom, left, right

    The two corners are wanted: top, left, then bottom, right.
    """
    top, left, bottom, right = reference.receptive_patch(model, layer, row, column, image_size)
    return top, bottom, left, right


@mistake("receptive_patch")
def receptive_patch_dilation(model, layer, row, column, image_size):
    """the dilation was left out

    A kernel of K taps with dilation d reaches over (K - 1) * d + 1 pixels.
    """
    return _patch(model, layer, row, column, image_size, dilate=False)


@mistake("receptive_patch")
def receptive_patch_padding(model, layer, row, column, image_size):
    """the padding was left out

    Padding moves every field up and to the left: pass it to receptive_field.
    """
    return _patch(model, layer, row, column, image_size, pad=False)


@mistake("receptive_patch")
def receptive_patch_no_pools(model, layer, row, column, image_size):
    """the pools were left out

    A pool has a window and a stride, as a convolution has.
    """
    return _patch(model, layer, row, column, image_size, pools=False)


@mistake("receptive_patch")
def receptive_patch_no_stride(model, layer, row, column, image_size):
    """the strides were left out

    Behind a stride of 2 the neighbor unit's field starts 2 pixels on. receptive_field counts that.
    """
    return _patch(model, layer, row, column, image_size, jump=False)


@mistake("receptive_patch")
def receptive_patch_layer_before(model, layer, row, column, image_size):
    """the layer itself was left out

    Its own window takes part: names.index(layer) + 1 children do.
    """
    return _patch(model, layer, row, column, image_size, last=-1)


@mistake("receptive_patch")
def receptive_patch_height_twice(model, layer, row, column, image_size):
    """columns were clipped at the image's height

    image_size is (height, width): rows end at the first number, columns at the second.
    """
    top, left, bottom, right = _patch(model, layer, row, column, image_size, clip=False)
    height, _ = image_size if isinstance(image_size, tuple) else (image_size, image_size)
    return max(top, 0), max(left, 0), min(bottom, height), min(right, height)


@mistake("receptive_patch")
def receptive_patch_wraps(model, layer, row, column, image_size):
    """a negative row or column got a patch

    Nothing stands there: ValueError. A test against the last row and column alone does not see it.
    """
    if min(row, column) >= 0:
        return reference.receptive_patch(model, layer, row, column, image_size)
    return _patch(model, layer, row, column, image_size, refuse=False)


@mistake("receptive_patch")
def receptive_patch_anywhere(model, layer, row, column, image_size):
    """a place outside the layer's maps got a patch

    Nothing stands there: ValueError.
    """
    if layer not in model._modules or not all(
        isinstance(step, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d | nn.ReLU) for step in model
    ):
        return reference.receptive_patch(model, layer, row, column, image_size)
    return _patch(model, layer, row, column, image_size, refuse=False)


@mistake("receptive_patch")
def receptive_patch_passes_over(model, layer, row, column, image_size):
    """a layer without a window was passed over

    Behind a Flatten or Linear there are no rows and columns: ValueError.
    """
    known = nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d | nn.ReLU
    if layer not in model._modules or all(isinstance(step, known) for step in model):
        return reference.receptive_patch(model, layer, row, column, image_size)
    return _patch(model, layer, row, column, image_size, refuse=False)


@mistake("receptive_patch")
def receptive_patch_whole_model(model, layer, row, column, image_size):
    """layers behind the one that was asked for counted, too

    Stop at the layer: what comes later does not change what its units see.
    """
    names = list(model._modules)
    return (
        _patch(model, layer, row, column, image_size, last=len(names) - names.index(layer) - 1)
        if (layer in names)
        else reference.receptive_patch(model, layer, row, column, image_size)
    )


@mistake("receptive_patch")
def receptive_patch_rows_only(model, layer, row, column, image_size):
    """the kernels, strides and paddings of the rows were used for the columns, too

    Each is an int or a pair (rows, columns): take the second number for columns.
    """
    return _patch(model, layer, row, column, image_size, rows_only=True)


@mistake("receptive_patch")
def receptive_patch_left_first(model, layer, row, column, image_size):
    """the four numbers came in the order left, top, right, bottom

    Rows come first here, as in an array's index: top, left, bottom, right.
    """
    top, left, bottom, right = reference.receptive_patch(model, layer, row, column, image_size)
    return left, top, right, bottom


@mistake("receptive_patch")
def receptive_patch_early(model, layer, row, column, image_size):
    """the start was clipped before the length was added

    The field ends at offset + i * stride + size, wherever the image begins. Clip both ends afterwards.
    """
    return _patch(model, layer, row, column, image_size, early=True)


@mistake("receptive_patch")
def receptive_patch_middle(model, layer, row, column, image_size):
    """i * stride was taken for the middle of the field

    Behind a pool it is not. receptive_field gives the offset of unit 0: its field starts there.
    """
    return _patch(model, layer, row, column, image_size, middle=True)
