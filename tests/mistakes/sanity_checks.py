"""Wrong answers to chapter 9 that learners give."""

from __future__ import annotations

import copy
import itertools

import torch
from torch import nn
from torch.nn import functional as F

from deconv_grader.checks.known_answers import mistake
from deconv_solutions import sanity_checks as reference

# randomise_cascade


def _layers(model):
    return [(name, layer) for name, layer in model.named_children() if isinstance(layer, nn.Conv2d | nn.Linear)]


def _redraw(layer, generator, scale=None, biases=True):
    weight = layer.weight.data
    scale = (2 / weight[0].numel()) ** 0.5 if scale is None else scale
    weight.copy_(torch.randn(weight.shape, generator=generator, dtype=weight.dtype) * scale)
    if biases and layer.bias is not None:
        layer.bias.data.zero_()


def _cascade(model, generator, scale=lambda layer: None, biases=True):
    copied = copy.deepcopy(model)
    for name, layer in reversed(_layers(copied)):
        _redraw(layer, generator, scale(layer), biases)
        yield name, copy.deepcopy(copied)


@mistake("randomise_cascade")
def randomise_cascade_one_copy(model, generator):
    """the same model is yielded every time

    All the items are then one object, and the first of them ends up as random as the last. Yield copy.deepcopy(...) of the
    model that you work on.
    """
    copied = copy.deepcopy(model)
    for name, layer in reversed(_layers(copied)):
        _redraw(layer, generator)
        yield name, copied


@mistake("randomise_cascade")
def randomise_cascade_in_place(model, generator):
    """the given model is randomized itself

    It is the caller's, who wants to compare with it. Copy it before the first weight is drawn.
    """
    for name, layer in reversed(_layers(model)):
        _redraw(layer, generator)
        yield name, copy.deepcopy(model)


@mistake("randomise_cascade")
def randomise_cascade_from_the_bottom(model, generator):
    """the first layer is redrawn first

    The cascade starts at the top, with the last layer, and works its way down to the image.
    """
    copied = copy.deepcopy(model)
    for name, layer in _layers(copied):
        _redraw(layer, generator)
        yield name, copy.deepcopy(copied)


@mistake("randomise_cascade")
def randomise_cascade_one_layer_each(model, generator):
    """each item has only one random layer

    That is the other test of the paper, the independent randomization. In the cascade a layer stays random further down.
    """
    for name, _ in reversed(_layers(model)):
        copied = copy.deepcopy(model)
        _redraw(dict(_layers(copied))[name], generator)
        yield name, copied


@mistake("randomise_cascade")
def randomise_cascade_drawn_again(model, generator):
    """the layers above are drawn again for every item

    Each layer is drawn once, when the cascade reaches it. Otherwise two neighboring items differ in all layers, and one
    cannot say which of them mattered.
    """
    names = [name for name, _ in _layers(model)]
    for first in reversed(range(len(names))):
        copied = copy.deepcopy(model)
        for name in reversed(names[first:]):
            _redraw(dict(_layers(copied))[name], generator)
        yield names[first], copied


@mistake("randomise_cascade")
def randomise_cascade_fan_out(model, generator):
    """the scale comes from the number of outputs

    fan_in counts what meets in one output value: input channels times kernel, weight[0].numel().
    """
    return _cascade(model, generator, lambda layer: (2 / layer.weight[:, 0].numel()) ** 0.5)


@mistake("randomise_cascade")
def randomise_cascade_without_kernel(model, generator):
    """fan_in counts the input channels, without the kernel

    In a convolution, channels times rows times columns of weights meet in one output value: weight[0].numel().
    """
    return _cascade(model, generator, lambda layer: (2 / layer.weight.shape[1]) ** 0.5)


@mistake("randomise_cascade")
def randomise_cascade_all_groups(model, generator):
    """fan_in counts the channels of all groups

    An output of a grouped convolution sees the channels of its own group only. weight[0].numel() knows that.
    """

    def scale(layer):
        channels = layer.in_channels if isinstance(layer, nn.Conv2d) else layer.in_features
        return (2 / (channels * layer.weight[0, 0].numel())) ** 0.5

    return _cascade(model, generator, scale)


@mistake("randomise_cascade")
def randomise_cascade_without_root(model, generator):
    """the draws are multiplied by 2 / fan_in, without the square root

    2 / fan_in is the variance. randn has standard deviation 1, so multiply by the root.
    """
    return _cascade(model, generator, lambda layer: 2 / layer.weight[0].numel())


@mistake("randomise_cascade")
def randomise_cascade_unscaled(model, generator):
    """the weights are plain randn, not scaled

    Then activations grow from layer to layer. Multiply by sqrt(2 / fan_in).
    """
    return _cascade(model, generator, lambda layer: 1.0)


@mistake("randomise_cascade")
def randomise_cascade_one_over_fan_in(model, generator):
    """the variance is 1 / fan_in

    A ReLU lets about half of the signal through; the 2 makes up for it.
    """
    return _cascade(model, generator, lambda layer: (1 / layer.weight[0].numel()) ** 0.5)


@mistake("randomise_cascade")
def randomise_cascade_keeps_biases(model, generator):
    """the trained biases stay

    They were learned too. A redrawn layer has biases of 0.
    """
    return _cascade(model, generator, biases=False)


@mistake("randomise_cascade")
def randomise_cascade_before(model, generator):
    """each copy is made before its layer is redrawn

    The item with a layer's name must have that layer redrawn. Draw first, then copy and yield.
    """
    copied = copy.deepcopy(model)
    for name, layer in reversed(_layers(copied)):
        yield name, copy.deepcopy(copied)
        _redraw(layer, generator)


@mistake("randomise_cascade")
def randomise_cascade_every_child(model, generator):
    """layers without weights are items too

    A ReLU or a pooling has nothing to forget. Skip the children that are neither Conv2d nor Linear.
    """
    copied = copy.deepcopy(model)
    for name, layer in reversed(list(copied.named_children())):
        if isinstance(layer, nn.Conv2d | nn.Linear):
            _redraw(layer, generator)
        yield name, copy.deepcopy(copied)


@mistake("randomise_cascade")
def randomise_cascade_convolutions_only(model, generator):
    """fully connected layers are left out

    A Linear has weights as well: it belongs to the cascade.
    """
    copied = copy.deepcopy(model)
    for name, layer in reversed(_layers(copied)):
        if isinstance(layer, nn.Conv2d):
            _redraw(layer, generator)
            yield name, copy.deepcopy(copied)


@mistake("randomise_cascade")
def randomise_cascade_uniform(model, generator):
    """the weights are drawn from a uniform distribution

    Use torch.randn: a normal distribution.
    """
    copied = copy.deepcopy(model)
    for name, layer in reversed(_layers(copied)):
        weight = layer.weight.data
        width = (6 / weight[0].numel()) ** 0.5
        weight.copy_((2 * torch.rand(weight.shape, generator=generator) - 1) * width)
        if layer.bias is not None:
            layer.bias.data.zero_()
        yield name, copy.deepcopy(copied)


@mistake("randomise_cascade")
def randomise_cascade_list(model, generator):
    """a list is returned

    It holds a copy of the whole network for every layer. Write `yield` in place of `append`, and each copy is made when it
    is asked for.
    """
    return list(reference.randomise_cascade(model, generator))


# similarity


def _planes(a, b):
    return [reference._gray("picture", picture) for picture in (a, b)]


def _scaled(plane):
    return plane / plane.abs().max().clamp_min(1e-300)


def _both(a, b, spearman=None, ssim=None):
    right = reference.similarity(a, b)
    return {
        "spearman": right["spearman"] if spearman is None else float(spearman),
        "ssim": right["ssim"] if ssim is None else float(ssim),
    }


def _ssim(a, b, *, size=7, stride=1, padding=0, data_range=2.0, sample=1.0):
    def mean(plane):
        return F.avg_pool2d(plane[None], size, stride, padding)[0]

    m, n = mean(a), mean(b)
    va, vb, c = sample * (mean(a * a) - m * m), sample * (mean(b * b) - n * n), sample * (mean(a * b) - m * n)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    return ((2 * m * n + c1) * (2 * c + c2) / ((m * m + n * n + c1) * (va + vb + c2))).mean()


@mistake("similarity")
def similarity_ranks_without_ties(a, b):
    """equal values got different ranks

    argsort of argsort numbers equal values by their place in the picture. They must share the mean of their ranks.
    """
    ranks = [plane.flatten().argsort(stable=True).argsort().double() for plane in _planes(a, b)]
    right = reference.similarity(a, b)["spearman"]
    constant = any(plane.min() == plane.max() for plane in _planes(a, b))
    return _both(a, b, spearman=right if constant else reference._correlation(*ranks))


@mistake("similarity")
def similarity_ranks_in_any_order(a, b):
    """equal values got different ranks, as the sorting happened to leave them

    argsort of argsort numbers them all. Equal values must share the mean of their ranks.
    """
    ranks = [plane.flatten().argsort().argsort().double() for plane in _planes(a, b)]
    return _both(a, b, spearman=reference._correlation(*ranks))


@mistake("similarity")
def similarity_dense_ranks(a, b):
    """equal values share a rank, but the ranks do not count how many they are

    torch.unique numbers the different values 0, 1, 2, ...: the next value's rank must be as far on as there are equal ones.
    """
    ranks = [plane.flatten().unique(return_inverse=True)[1].double() for plane in _planes(a, b)]
    return _both(a, b, spearman=reference._correlation(*ranks))


@mistake("similarity")
def similarity_smallest_ranks(a, b):
    """equal values all got the smallest of their ranks

    They share the mean of the ranks that they take up.
    """
    ranks = []
    for plane in _planes(a, b):
        _, group, sizes = plane.flatten().unique(return_inverse=True, return_counts=True)
        ranks.append((sizes.cumsum(0) - sizes)[group].double())
    return _both(a, b, spearman=reference._correlation(*ranks))


@mistake("similarity")
def similarity_pearson(a, b):
    """the correlation is that of the values, not of their ranks

    That is Pearson's. Spearman's replaces every value by its rank first.
    """
    a_plane, b_plane = _planes(a, b)
    return _both(a, b, spearman=reference._correlation(a_plane.flatten(), b_plane.flatten()))


@mistake("similarity")
def similarity_without_signs(a, b):
    """the signs were dropped

    A picture and its negative are then the same. Whoever wants that passes a.abs() and b.abs().
    """
    return reference.similarity(a.abs(), b.abs())


@mistake("similarity")
def similarity_all_channels(a, b):
    """the rank correlation runs over all channels

    Both measures look at the gray version, the mean over the channels.
    """
    a_all, b_all = (
        picture.reshape(-1, *picture.shape[-2:]) if picture.ndim > 2 else picture[None] for picture in (a, b)
    )
    if a_all.shape != b_all.shape:
        return reference.similarity(a, b)
    ranks = [reference._ranks(part.double()) for part in (a_all, b_all)]
    return _both(a, b, spearman=reference._correlation(*ranks))


@mistake("similarity")
def similarity_first_channel(a, b):
    """only the first channel was compared

    The gray version is the mean over all of them.
    """
    a, b = (picture.reshape(-1, *picture.shape[-2:])[0] for picture in (a, b))
    return reference.similarity(a, b)


@mistake("similarity")
def similarity_not_scaled(a, b):
    """the SSIM is that of the pictures as they are

    Its constants belong to values from -1 to 1: divide each picture by its largest magnitude first.
    """
    reference.similarity(a, b)
    return _both(a, b, ssim=_ssim(*_planes(a, b)))


@mistake("similarity")
def similarity_common_scale(a, b):
    """both pictures were divided by one number

    Each is divided by its own largest magnitude. Otherwise a picture and its double are not alike.
    """
    a_plane, b_plane = _planes(a, b)
    most = max(a_plane.abs().max(), b_plane.abs().max()).clamp_min(1e-300)
    return _both(a, b, ssim=_ssim(a_plane / most, b_plane / most))


@mistake("similarity")
def similarity_zero_to_one(a, b):
    """the pictures were stretched from 0 to 1 for the SSIM

    That moves the zero. Divide by the largest magnitude, and zero and the signs stay.
    """
    planes = [(plane - plane.min()) / (plane.max() - plane.min()).clamp_min(1e-300) for plane in _planes(a, b)]
    return _both(a, b, ssim=_ssim(*planes))


@mistake("similarity")
def similarity_range_one(a, b):
    """the constants of the SSIM are those of a range of 1

    From -1 to 1 the range is 2: C1 = 0.02^2 and C2 = 0.06^2.
    """
    return _both(a, b, ssim=_ssim(*map(_scaled, _planes(a, b)), data_range=1.0))


@mistake("similarity")
def similarity_padded_windows(a, b):
    """the windows of the SSIM reach over the edge

    Only windows that lie inside the picture count: no padding.
    """
    return _both(a, b, ssim=_ssim(*map(_scaled, _planes(a, b)), padding=3))


@mistake("similarity")
def similarity_windows_apart(a, b):
    """the windows of the SSIM do not overlap

    There is one window at every pixel where it fits: avg_pool2d(plane, 7, 1), with stride 1.
    """
    return _both(a, b, ssim=_ssim(*map(_scaled, _planes(a, b)), stride=7))


@mistake("similarity")
def similarity_one_window(a, b):
    """the SSIM has one window, the whole picture

    It is the mean over all windows of 7 x 7.
    """
    a_plane, b_plane = map(_scaled, _planes(a, b))
    return _both(a, b, ssim=_ssim(a_plane, b_plane, size=tuple(a_plane.shape)))


@mistake("similarity")
def similarity_sample_covariance(a, b):
    """variances and covariance are divided by 48

    They are means over the window's 49 pixels.
    """
    return _both(a, b, ssim=_ssim(*map(_scaled, _planes(a, b)), sample=49 / 48))


@mistake("similarity")
def similarity_of_constants_is_nan(a, b):
    """a constant picture gives nan

    0 / 0: all its ranks are equal. Return 0.0 for the rank correlation where one of the two is constant.
    """
    constant = any(plane.min() == plane.max() for plane in _planes(a, b))
    return _both(a, b, spearman=float("nan") if constant else None)


@mistake("similarity")
def similarity_of_zeros_is_nan(a, b):
    """a picture of zeros is divided by its largest magnitude

    That is 0 / 0. Leave a picture of zeros as it is, and return 0.0 for the rank correlation where one of the two is
    constant.
    """
    planes = _planes(a, b)
    constant = any(plane.min() == plane.max() for plane in planes)
    zeros = any(not plane.any() for plane in planes)
    return _both(a, b, float("nan") if constant else None, float("nan") if zeros else None)


# occlusion_map


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def _covered(model, image, label, patch, stride, fill, cover, tops=None, lefts=None):
    (height, width), (down, right) = _pair(patch), _pair(stride)
    rows = range(0, image.shape[2] - height + 1, down) if tops is None else tops
    columns = range(0, image.shape[3] - width + 1, right) if lefts is None else lefts
    scores = []
    for top in rows:
        for left in columns:
            scores.append(model(cover(image.clone(), top, left, height, width))[0, label])
    return torch.stack(scores).reshape(len(rows), len(columns)).detach()


def _filled(fill):
    def cover(picture, top, left, height, width):
        picture[:, :, top : top + height, left : left + width] = fill
        return picture

    return cover


@mistake("occlusion_map")
def occlusion_map_drop(model, image, label, patch, stride, fill):
    """the map holds how far the score fell

    It holds the score itself: low where the covered pixels mattered.
    """
    return model(image)[0, label].detach() - reference.occlusion_map(model, image, label, patch, stride, fill)


@mistake("occlusion_map")
def occlusion_map_piles_up(model, image, label, patch, stride, fill):
    """earlier patches stay on the image

    Every position starts from the whole image: copy it inside the loop.
    """
    reference.occlusion_map(model, image, label, patch, stride, fill)
    canvas = image.clone()

    def cover(picture, top, left, height, width):
        return _filled(fill)(canvas, top, left, height, width)

    return _covered(model, image, label, patch, stride, fill, cover)


@mistake("occlusion_map")
def occlusion_map_first_channel(model, image, label, patch, stride, fill):
    """only the first channel is covered

    A patch hides all channels of its pixels.
    """
    reference.occlusion_map(model, image, label, patch, stride, fill)

    def cover(picture, top, left, height, width):
        picture[:, 0, top : top + height, left : left + width] = fill
        return picture

    return _covered(model, image, label, patch, stride, fill, cover)


@mistake("occlusion_map")
def occlusion_map_black(model, image, label, patch, stride, fill):
    """the patch is always 0

    It has the value `fill`: 0 may be a color like any other.
    """
    return reference.occlusion_map(model, image, label, patch, stride, 0.0)


@mistake("occlusion_map")
def occlusion_map_inside_out(model, image, label, patch, stride, fill):
    """everything but the patch is covered

    The patch covers; the rest of the image stays.
    """
    reference.occlusion_map(model, image, label, patch, stride, fill)

    def cover(picture, top, left, height, width):
        outside = torch.full_like(picture, fill)
        outside[:, :, top : top + height, left : left + width] = picture[:, :, top : top + height, left : left + width]
        return outside

    return _covered(model, image, label, patch, stride, fill, cover)


@mistake("occlusion_map")
def occlusion_map_first_of_pairs(model, image, label, patch, stride, fill):
    """the first number of a pair serves for both axes

    A pair is (height, width), and they may differ.
    """
    return reference.occlusion_map(model, image, label, _pair(patch)[0], _pair(stride)[0], fill)


@mistake("occlusion_map")
def occlusion_map_swapped(model, image, label, patch, stride, fill):
    """height and width are swapped

    A pair is (height, width): rows first.
    """
    return reference.occlusion_map(model, image, label, _pair(patch)[::-1], _pair(stride)[::-1], fill)


@mistake("occlusion_map")
def occlusion_map_turned(model, image, label, patch, stride, fill):
    """rows and columns of the map are swapped

    A row of the map holds the positions from left to right.
    """
    return reference.occlusion_map(model, image, label, patch, stride, fill).T.contiguous()


@mistake("occlusion_map")
def occlusion_map_over_the_edge(model, image, label, patch, stride, fill):
    """patches that reach over the edge are counted too

    Positions are those of a convolution without padding: the patch lies inside the image.
    """
    reference.occlusion_map(model, image, label, patch, stride, fill)
    down, right = _pair(stride)
    tops, lefts = range(0, image.shape[2], down), range(0, image.shape[3], right)
    return _covered(model, image, label, patch, stride, fill, _filled(fill), tops, lefts)


@mistake("occlusion_map")
def occlusion_map_stops_early(model, image, label, patch, stride, fill):
    """the last position is missing

    range(0, H - height, stride) ends before H - height. The patch still fits there: range(0, H - height + 1, stride).
    """
    right = reference.occlusion_map(model, image, label, patch, stride, fill)
    (height, width), (down, step) = _pair(patch), _pair(stride)
    return right[: len(range(0, image.shape[2] - height, down)), : len(range(0, image.shape[3] - width, step))].clone()


@mistake("occlusion_map")
def occlusion_map_probabilities(model, image, label, patch, stride, fill):
    """a softmax was taken of the model's answer

    The score is what the model returns. Whoever wants probabilities passes a model that ends in a softmax.
    """
    return reference.occlusion_map(lambda x: model(x).softmax(1), image, label, patch, stride, fill)


# deletion_curve


def _curve(model, image, label, order, counts, fill=0.0, channels=slice(None)):
    pictures = []
    for count in counts:
        picture = image.clone().flatten(2)
        picture[:, channels, order[:count]] = fill
        pictures.append(picture.reshape(image.shape))
    scores = torch.cat([model(picture)[:, label] for picture in pictures]).detach()
    fractions = torch.tensor(counts, dtype=scores.dtype) / order.numel()
    return fractions, scores, torch.trapezoid(scores, fractions).item()


def _order(saliency):
    return saliency.flatten().argsort(descending=True, stable=True)


def _counts(saliency, steps):
    return [i * saliency.numel() // steps for i in range(steps + 1)]


@mistake("deletion_curve")
def deletion_curve_rising(model, image, label, saliency, steps):
    """the smallest saliency goes first

    Deletion starts with what is said to matter most: falling order.
    """
    reference.deletion_curve(model, image, label, saliency, steps)
    return _curve(model, image, label, saliency.flatten().argsort(stable=True), _counts(saliency, steps))


@mistake("deletion_curve")
def deletion_curve_turned_order(model, image, label, saliency, steps):
    """the rising order was turned round

    Of equal values the last then goes first. argsort(descending=True, stable=True) keeps reading order.
    """
    reference.deletion_curve(model, image, label, saliency, steps)
    return _curve(model, image, label, saliency.flatten().argsort(stable=True).flip(0), _counts(saliency, steps))


@mistake("deletion_curve")
def deletion_curve_unstable_order(model, image, label, saliency, steps):
    """equal saliencies go in any order

    They go in reading order. argsort keeps it only with stable=True.
    """
    reference.deletion_curve(model, image, label, saliency, steps)
    return _curve(model, image, label, saliency.flatten().argsort(descending=True), _counts(saliency, steps))


@mistake("deletion_curve")
def deletion_curve_magnitude(model, image, label, saliency, steps):
    """the pixels are ordered by the magnitude of the saliency

    A negative saliency says that a pixel speaks against the class: it goes last. Whoever wants magnitudes passes
    saliency.abs().
    """
    return reference.deletion_curve(model, image, label, saliency.abs(), steps)


@mistake("deletion_curve")
def deletion_curve_one_by_one(model, image, label, saliency, steps):
    """each step deletes one portion, and the earlier ones are back

    After step i all of the first i portions are gone.
    """
    reference.deletion_curve(model, image, label, saliency, steps)
    order, counts = _order(saliency), _counts(saliency, steps)
    pictures = [image.clone()]
    for first, last in itertools.pairwise(counts):
        picture = image.clone().flatten(2)
        picture[:, :, order[first:last]] = 0
        pictures.append(picture.reshape(image.shape))
    scores = torch.cat([model(picture)[:, label] for picture in pictures]).detach()
    fractions = torch.tensor(counts, dtype=scores.dtype) / order.numel()
    return fractions, scores, torch.trapezoid(scores, fractions).item()


@mistake("deletion_curve")
def deletion_curve_remainder_left(model, image, label, saliency, steps):
    """every step deletes pixels // steps, and the remainder stays

    After the last step all pixels are gone: i * pixels // steps of them after step i.
    """
    reference.deletion_curve(model, image, label, saliency, steps)
    portion = saliency.numel() // steps
    return _curve(model, image, label, _order(saliency), [i * portion for i in range(steps + 1)])


@mistake("deletion_curve")
def deletion_curve_remainder_left_and_even(model, image, label, saliency, steps):
    """every step deletes pixels // steps, the remainder stays, and the fractions are i / steps

    After step i, i * pixels // steps of them are gone: all after the last step. The fractions are these numbers, divided by
    all pixels.
    """
    reference.deletion_curve(model, image, label, saliency, steps)
    portion = saliency.numel() // steps
    _, scores, _ = _curve(model, image, label, _order(saliency), [i * portion for i in range(steps + 1)])
    fractions = torch.linspace(0, 1, steps + 1, dtype=scores.dtype)
    return fractions, scores, torch.trapezoid(scores, fractions).item()


@mistake("deletion_curve")
def deletion_curve_rounded(model, image, label, saliency, steps):
    """the number of deleted pixels is rounded to the nearest

    It is rounded down: i * pixels // steps.
    """
    reference.deletion_curve(model, image, label, saliency, steps)
    counts = [int(i * saliency.numel() / steps + 0.5) for i in range(steps + 1)]
    return _curve(model, image, label, _order(saliency), counts)


@mistake("deletion_curve")
def deletion_curve_even_fractions(model, image, label, saliency, steps):
    """the fractions are i / steps

    Where the steps do not divide the pixels, the portions are not quite equal: fractions are the pixels that are gone,
    divided by all pixels.
    """
    _, scores, _ = reference.deletion_curve(model, image, label, saliency, steps)
    fractions = torch.linspace(0, 1, steps + 1, dtype=scores.dtype)
    return fractions, scores, torch.trapezoid(scores, fractions).item()


@mistake("deletion_curve")
def deletion_curve_first_channel(model, image, label, saliency, steps):
    """only the first channel loses its pixels

    A pixel goes in all channels at once.
    """
    reference.deletion_curve(model, image, label, saliency, steps)
    return _curve(model, image, label, _order(saliency), _counts(saliency, steps), channels=slice(1))


@mistake("deletion_curve")
def deletion_curve_mean(model, image, label, saliency, steps):
    """deleted pixels become the image's mean

    They become 0.
    """
    reference.deletion_curve(model, image, label, saliency, steps)
    return _curve(model, image, label, _order(saliency), _counts(saliency, steps), fill=image.mean().item())


@mistake("deletion_curve")
def deletion_curve_without_start(model, image, label, saliency, steps):
    """the whole image is not on the curve

    There are steps + 1 entries: the first has lost nothing.
    """
    fractions, scores, _ = reference.deletion_curve(model, image, label, saliency, steps)
    return fractions[1:].clone(), scores[1:].clone(), torch.trapezoid(scores[1:], fractions[1:]).item()


@mistake("deletion_curve")
def deletion_curve_mean_score(model, image, label, saliency, steps):
    """the area is the mean of the scores

    The trapezoid rule counts the first and the last score half, and weighs with the distance between the fractions.
    """
    fractions, scores, _ = reference.deletion_curve(model, image, label, saliency, steps)
    return fractions, scores, scores.mean().item()


@mistake("deletion_curve")
def deletion_curve_left_sum(model, image, label, saliency, steps):
    """the area is a sum of rectangles

    The trapezoid rule takes the mean of the two scores at the ends of each step.
    """
    fractions, scores, _ = reference.deletion_curve(model, image, label, saliency, steps)
    return fractions, scores, (scores[:-1] * fractions.diff()).sum().item()


@mistake("deletion_curve")
def deletion_curve_area_in_steps(model, image, label, saliency, steps):
    """the area is counted in steps

    torch.trapezoid(scores) takes the distance for 1. Pass the fractions: torch.trapezoid(scores, fractions).
    """
    fractions, scores, _ = reference.deletion_curve(model, image, label, saliency, steps)
    return fractions, scores, torch.trapezoid(scores).item()


# invert_features


def _search(
    model, layer, target, steps, weight, start, rate=0.05, loss=None, optimizer=torch.optim.Adam, stop=0, keep=0.0
):
    reference.invert_features(model, layer, target, steps, weight, start, rate)
    children = list(model.children())
    last = [name for name, _ in model.named_children()].index(layer) + 1 + stop
    image = start.clone().requires_grad_()
    steps_of = optimizer([image], lr=rate)
    for _ in range(steps):
        features = image
        for child in children[:last]:
            features = child(features)
        value = (loss or _loss)(features, target, image, weight)
        (gradient,) = torch.autograd.grad(value, image)
        image.grad = gradient if image.grad is None else keep * image.grad + gradient
        steps_of.step()
    return image.detach()


def _roughness(image):
    return (image.diff(dim=2).square().sum() + image.diff(dim=3).square().sum()) / image.numel()


def _loss(features, target, image, weight):
    return (features - target).square().sum() / target.square().sum() + weight * _roughness(image)


@mistake("invert_features")
def invert_features_plain_descent(model, layer, target, steps, total_variation, start, rate=0.05):
    """the steps are those of plain gradient descent

    Use torch.optim.Adam with lr=rate.
    """
    return _search(model, layer, target, steps, total_variation, start, rate, optimizer=torch.optim.SGD)


@mistake("invert_features")
def invert_features_not_normalized(model, layer, target, steps, total_variation, start, rate=0.05):
    """the squared distance is not divided by the target's own sum of squares

    Without it, total_variation means something else in every layer.
    """

    def loss(features, target, image, weight):
        return (features - target).square().sum() + weight * _roughness(image)

    return _search(model, layer, target, steps, total_variation, start, rate, loss)


@mistake("invert_features")
def invert_features_mean_square(model, layer, target, steps, total_variation, start, rate=0.05):
    """the distance is the mean of the squares

    It is their sum, divided by the sum of the target's squares.
    """

    def loss(features, target, image, weight):
        return (features - target).square().mean() + weight * _roughness(image)

    return _search(model, layer, target, steps, total_variation, start, rate, loss)


@mistake("invert_features")
def invert_features_absolute_differences(model, layer, target, steps, total_variation, start, rate=0.05):
    """the total variation adds up the magnitudes of the differences

    Here it adds up their squares.
    """

    def loss(features, target, image, weight):
        rough = (image.diff(dim=2).abs().sum() + image.diff(dim=3).abs().sum()) / image.numel()
        return _loss(features, target, image, 0.0) + weight * rough

    return _search(model, layer, target, steps, total_variation, start, rate, loss)


@mistake("invert_features")
def invert_features_roughness_summed(model, layer, target, steps, total_variation, start, rate=0.05):
    """the total variation is not divided by the number of entries

    V(x) is the sum of squares over image.numel(): the same weight then suits every size.
    """
    return _search(model, layer, target, steps, total_variation * start.numel(), start, rate)


@mistake("invert_features")
def invert_features_separate_means(model, layer, target, steps, total_variation, start, rate=0.05):
    """the vertical and the horizontal differences are averaged each by itself

    There are fewer differences than entries. Both sums are divided by the number of entries of the image.
    """

    def loss(features, target, image, weight):
        rough = sum(image.diff(dim=axis).square().mean() for axis in (2, 3))
        return _loss(features, target, image, 0.0) + weight * rough

    return _search(model, layer, target, steps, total_variation, start, rate, loss)


@mistake("invert_features")
def invert_features_one_direction(model, layer, target, steps, total_variation, start, rate=0.05):
    """only neighbors in a row are compared

    Neighbors in a column belong to the total variation as well.
    """

    def loss(features, target, image, weight):
        return _loss(features, target, image, 0.0) + weight * image.diff(dim=3).square().sum() / image.numel()

    return _search(model, layer, target, steps, total_variation, start, rate, loss)


@mistake("invert_features")
def invert_features_wraps(model, layer, target, steps, total_variation, start, rate=0.05):
    """the last row is compared with the first

    torch.roll makes neighbors of opposite edges. Only neighbors inside the image count.
    """

    def loss(features, target, image, weight):
        rough = sum((image.roll(-1, axis) - image).square().sum() for axis in (2, 3)) / image.numel()
        return _loss(features, target, image, 0.0) + weight * rough

    return _search(model, layer, target, steps, total_variation, start, rate, loss)


@mistake("invert_features")
def invert_features_from_zero(model, layer, target, steps, total_variation, start, rate=0.05):
    """the search begins at 0

    It begins at `start`.
    """
    return reference.invert_features(model, layer, target, steps, total_variation, torch.zeros_like(start), rate)


@mistake("invert_features")
def invert_features_one_layer_early(model, layer, target, steps, total_variation, start, rate=0.05):
    """the features are taken before the layer

    They are what the named layer answers: include it.
    """

    def loss(features, target, image, weight):
        if features.shape != target.shape:
            return image.sum()
        return _loss(features, target, image, weight)

    return _search(model, layer, target, steps, total_variation, start, rate, loss, stop=-1)


@mistake("invert_features")
def invert_features_default_rate(model, layer, target, steps, total_variation, start, rate=0.05):
    """Adam's rate is not `rate`

    Pass it on: torch.optim.Adam([image], lr=rate).
    """
    return reference.invert_features(model, layer, target, steps, total_variation, start)


@mistake("invert_features")
def invert_features_one_step_short(model, layer, target, steps, total_variation, start, rate=0.05):
    """a step is missing

    Take `steps` steps, the last one included.
    """
    reference.invert_features(model, layer, target, steps, total_variation, start, rate)
    if steps == 1:
        return start.clone()
    return reference.invert_features(model, layer, target, steps - 1, total_variation, start, rate)


@mistake("invert_features")
def invert_features_clipped(model, layer, target, steps, total_variation, start, rate=0.05):
    """the image was clipped to 0 to 1

    Networks take images of other ranges too. Nothing is clipped.
    """
    return reference.invert_features(model, layer, target, steps, total_variation, start, rate).clamp(0, 1)


@mistake("invert_features")
def invert_features_new_optimizer(model, layer, target, steps, total_variation, start, rate=0.05):
    """Adam is made anew in every step

    It then forgets its averages. Make it once, before the loop.
    """
    image = start
    for _ in range(steps):
        image = reference.invert_features(model, layer, target, 1, total_variation, image, rate)
    return image


@mistake("invert_features")
def invert_features_piles_up(model, layer, target, steps, total_variation, start, rate=0.05):
    """the gradients of earlier steps are still in image.grad

    backward() adds to what is there. Replace image.grad in every step, or set it to zero before.
    """
    return _search(model, layer, target, steps, total_variation, start, rate, keep=1.0)


@mistake("invert_features")
def invert_features_with_gradient(model, layer, target, steps, total_variation, start, rate=0.05):
    """the result is still a variable of the search

    Return image.detach().
    """
    return reference.invert_features(model, layer, target, steps, total_variation, start, rate).requires_grad_()


@mistake("invert_features")
def invert_features_fills_gradients(model, layer, target, steps, total_variation, start, rate=0.05):
    """the weights' .grad is filled on the way

    loss.backward() reaches every parameter. torch.autograd.grad(loss, image) asks for the image's gradient alone.
    """
    result = reference.invert_features(model, layer, target, steps, total_variation, start, rate)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    return result
