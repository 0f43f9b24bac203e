"""Wrong answers to chapter 16 that learners give."""

from __future__ import annotations

import math

import torch
from torch import nn

from deconv_grader.checks.known_answers import mistake
from deconv_solutions import capacity as reference

# count_parameters


def _refuse(module):
    if not isinstance(module, nn.Module):
        raise TypeError("no module")


@mistake("count_parameters")
def count_tied_twice(module):
    """a parameter that two layers share was counted in both

    Tied layers hold one and the same tensor, which is stored and learned once.
    """
    _refuse(module)
    counted: dict[str, int] = {}
    for layer in module.modules():
        for parameter in layer.parameters(recurse=False):
            counted[type(layer).__name__] = counted.get(type(layer).__name__, 0) + parameter.numel()
    return counted


@mistake("count_parameters")
def count_containers(module):
    """what a part's own parts hold was counted for it too

    parameters() reaches into everything inside. With recurse=False it gives what a layer holds itself.
    """
    _refuse(module)
    counted: dict[str, int] = {}
    for layer in module.modules():
        number = sum(parameter.numel() for parameter in layer.parameters())
        if number:
            counted[type(layer).__name__] = counted.get(type(layer).__name__, 0) + number
    return counted


@mistake("count_parameters")
def count_children_only(module):
    """only the network's direct parts were visited

    children() goes one level deep. modules() visits every part, at any depth, and the network itself.
    """
    _refuse(module)
    counted: dict[str, int] = {}
    for layer in module.children():
        for parameter in layer.parameters(recurse=False):
            counted[type(layer).__name__] = counted.get(type(layer).__name__, 0) + parameter.numel()
    return counted


@mistake("count_parameters")
def count_weights_only(module):
    """biases were left out

    A bias is a parameter too, and so are the scale and the shift of a batch normalization.
    """
    found: dict[str, int] = {}
    seen: set[int] = set()
    _refuse(module)
    for layer in module.modules():
        for parameter in layer.parameters(recurse=False):
            if parameter.ndim > 1 and id(parameter) not in seen:
                seen.add(id(parameter))
                found[type(layer).__name__] = found.get(type(layer).__name__, 0) + parameter.numel()
    return found


@mistake("count_parameters")
def count_trained_only(module):
    """parameters that are not trained were left out

    A frozen weight is a parameter still: it has to be stored and sent along.
    """
    _refuse(module)
    counted: dict[str, int] = {}
    seen: set[int] = set()
    for layer in module.modules():
        for parameter in layer.parameters(recurse=False):
            if parameter.requires_grad and id(parameter) not in seen:
                seen.add(id(parameter))
                counted[type(layer).__name__] = counted.get(type(layer).__name__, 0) + parameter.numel()
    return counted


@mistake("count_parameters")
def count_buffers_too(module):
    """buffers were counted

    The running means of a batch normalization are stored and not learned: they are no parameters.
    """
    counted = reference.count_parameters(module)
    for layer in module.modules():
        for buffer in layer.buffers(recurse=False):
            counted[type(layer).__name__] = counted.get(type(layer).__name__, 0) + buffer.numel()
    return counted


@mistake("count_parameters")
def count_tensors(module):
    """the tensors were counted, and not the numbers in them

    parameter.numel() says how many numbers a tensor holds.
    """
    _refuse(module)
    counted: dict[str, int] = {}
    seen: set[int] = set()
    for layer in module.modules():
        for parameter in layer.parameters(recurse=False):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                counted[type(layer).__name__] = counted.get(type(layer).__name__, 0) + 1
    return counted


@mistake("count_parameters")
def count_empty_kinds(module):
    """kinds that hold no parameters stand in the table with 0

    A ReLU has nothing to count. Enter a kind when its first parameter comes.
    """
    counted = reference.count_parameters(module)
    return {type(layer).__name__: counted.get(type(layer).__name__, 0) for layer in module.modules()}


@mistake("count_parameters")
def count_last_of_kind(module):
    """of each kind only the last layer was counted

    counts[kind] = ... starts anew for every layer. Add to what is there: counts.get(kind, 0) + ...
    """
    _refuse(module)
    counted: dict[str, int] = {}
    for layer in module.modules():
        if list(layer.parameters(recurse=False)):
            counted[type(layer).__name__] = sum(value.numel() for value in layer.parameters(recurse=False))
    return counted


# SeparableTranspose2d


@mistake("SeparableTranspose2d")
class SeparableTwoBiases(reference.SeparableTranspose2d):
    """the depthwise part has a bias too

    The pointwise part mixes that bias into its own: it adds nothing that one bias cannot say. bias=False.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, bias=True):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, output_padding, bias)
        self.depthwise = nn.ConvTranspose2d(
            in_channels, in_channels, kernel_size, stride, padding, output_padding, groups=in_channels
        )


@mistake("SeparableTranspose2d")
class SeparableNotGrouped(reference.SeparableTranspose2d):
    """the depthwise part mixes channels: groups=in_channels is missing

    Without groups it is a whole transposed convolution, and the pointwise part comes on top of its cost.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, bias=True):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, output_padding, bias)
        self.depthwise = nn.ConvTranspose2d(
            in_channels, in_channels, kernel_size, stride, padding, output_padding, bias=False
        )


@mistake("SeparableTranspose2d")
class SeparableNoBias(reference.SeparableTranspose2d):
    """the pointwise part never has a bias

    Hand `bias` on to it.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, bias=True):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, output_padding, bias)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)


@mistake("SeparableTranspose2d")
class SeparableAlwaysBias(reference.SeparableTranspose2d):
    """the pointwise part has a bias also where bias=False was asked for

    Hand `bias` on to it.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, bias=True):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, output_padding, bias)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1)


@mistake("SeparableTranspose2d")
class SeparableWithReLU(reference.SeparableTranspose2d):
    """a ReLU stands between the two parts

    Some networks put one there. This layer is linear: only then is it one transposed convolution.
    """

    def forward(self, x):
        return self.pointwise(self.depthwise(x).relu())


@mistake("SeparableTranspose2d")
class SeparableNoOutputPadding(reference.SeparableTranspose2d):
    """output_padding was dropped

    It belongs to the part that enlarges, with stride and padding.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, bias=True):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, output_padding, bias)
        self.depthwise.output_padding = (0, 0)


@mistake("SeparableTranspose2d")
class SeparableOneKernel(reference.SeparableTranspose2d):
    """full_weight gives every input channel the kernel of the first one

    depthwise.weight[0] is one kernel of in_channels. Input channel c has depthwise.weight[c, 0].
    """

    def full_weight(self):
        return self.depthwise.weight[:1] * self.pointwise.weight.transpose(0, 1)


@mistake("SeparableTranspose2d")
class SeparableOutputFirst(reference.SeparableTranspose2d):
    """full_weight has the output channels first

    A convolution's weight has them first. A transposed convolution's weight is (in, out, K, L).
    """

    def full_weight(self):
        return super().full_weight().transpose(0, 1)


@mistake("SeparableTranspose2d")
class SeparableDetached(reference.SeparableTranspose2d):
    """full_weight is cut off from the gradients

    A loss that looks at the whole kernel could teach nothing. Leave .detach(), .data and no_grad out.
    """

    def full_weight(self):
        return super().full_weight().detach()


@mistake("SeparableTranspose2d")
class SeparableTurned(reference.SeparableTranspose2d):
    """full_weight has its kernels turned round

    The stamp of a transposed convolution is the kernel as it is.
    """

    def full_weight(self):
        return super().full_weight().flip(2, 3)


# low_rank_transpose


def _split(w, rank, roots=(0.5, 0.5)):
    reference.low_rank_transpose(w, rank)
    left, values, right = torch.linalg.svd(w.flatten(1), full_matrices=False)
    values = values[:rank]
    squeeze = (left[:, :rank] * values ** roots[0]).T[:, :, None, None]
    return squeeze, (values[:, None] ** roots[1] * right[:rank]).reshape(rank, *w.shape[1:])


@mistake("low_rank_transpose")
def low_rank_twice(w, rank):
    """the singular values went to both parts

    Their product then holds every value squared. Give each to one of the two, or its root to both.
    """
    return _split(w, rank, (1, 1))


@mistake("low_rank_transpose")
def low_rank_none(w, rank):
    """the singular values were dropped

    Rows and columns of an SVD have length 1. How strong a direction is stands in its singular value.
    """
    return _split(w, rank, (0, 0))


@mistake("low_rank_transpose")
def low_rank_root_once(w, rank):
    """only one of the two parts got the root of the singular values

    The roots belong to both parts, or the whole values to one.
    """
    return _split(w, rank, (0, 0.5))


@mistake("low_rank_transpose")
def low_rank_smallest(w, rank):
    """the weakest directions were kept

    torch.linalg.svd sorts from strong to weak: the first `rank` are the ones to keep.
    """
    reference.low_rank_transpose(w, rank)
    left, values, right = torch.linalg.svd(w.flatten(1), full_matrices=False)
    squeeze = (left[:, -rank:] * values[-rank:]).T[:, :, None, None]
    return squeeze, right[-rank:].reshape(rank, *w.shape[1:])


@mistake("low_rank_transpose")
def low_rank_first_channels(w, rank):
    """the first `rank` input channels were kept as they are, and the others left out

    That is a weight of that rank, but not the nearest one: every channel has to be written by the strongest directions.
    """
    reference.low_rank_transpose(w, rank)
    squeeze = torch.eye(len(w), dtype=w.dtype)[:rank, :, None, None]
    return squeeze, w[:rank].detach().clone()


@mistake("low_rank_transpose")
def low_rank_layout(w, rank):
    """`squeeze` has its input channels first

    A convolution's weight is (out, in, 1, 1), here (rank, I, 1, 1). Turn the tall matrix.
    """
    squeeze, expand = reference.low_rank_transpose(w, rank)
    return squeeze.transpose(0, 1).contiguous(), expand


@mistake("low_rank_transpose")
def low_rank_reshaped(w, rank):
    """the tall matrix was reshaped where it had to be turned

    reshape keeps the order of the numbers in memory, so that they land with other channels. Transpose first: .T
    """
    reference.low_rank_transpose(w, rank)
    left, values, right = torch.linalg.svd(w.flatten(1), full_matrices=False)
    squeeze = (left[:, :rank] * values[:rank]).contiguous().reshape(rank, len(w), 1, 1)
    return squeeze, right[:rank].reshape(rank, *w.shape[1:])


@mistake("low_rank_transpose")
def low_rank_right_turned(w, rank):
    """the rows of the SVD's third matrix were taken for columns

    torch.linalg.svd gives that matrix turned already: its rows are the directions.
    """
    reference.low_rank_transpose(w, rank)
    left, values, right = torch.linalg.svd(w.flatten(1), full_matrices=True)
    squeeze = (left[:, :rank] * values[:rank]).T[:, :, None, None]
    return squeeze, right.T[:rank].reshape(rank, *w.shape[1:])


# tie_weights


def _pairs(encoder, decoder, mirrored=True):
    there = [layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d)]
    back = [layer for layer in decoder.modules() if isinstance(layer, nn.ConvTranspose2d)]
    return list(zip(there, back[::-1] if mirrored else back, strict=True))


def _saved(encoder, decoder):
    return sum(back.weight.numel() for there, back in _pairs(encoder, decoder) if back.weight is not there.weight)


def _checked(encoder, decoder):
    """Refuse as the worked answer does, and change nothing."""
    import copy

    if not (isinstance(encoder, nn.Module) and isinstance(decoder, nn.Module)):
        raise TypeError("no module")
    reference.tie_weights(copy.deepcopy(encoder), copy.deepcopy(decoder))


@mistake("tie_weights")
def tie_copies(encoder, decoder):
    """the numbers were copied, and the decoder kept parameters of its own

    Equal today, unequal after the first step of an optimizer. Assign the Parameter itself.
    """
    _checked(encoder, decoder)
    saved = _saved(encoder, decoder)
    for there, back in _pairs(encoder, decoder):
        back.weight.data.copy_(there.weight.data)
    return saved


@mistake("tie_weights")
def tie_data(encoder, decoder):
    """the two parameters share their memory, and are still two

    Each has a gradient of its own, an optimizer moves the memory twice, and both are counted. Assign the Parameter, not .data.
    """
    _checked(encoder, decoder)
    saved = _saved(encoder, decoder)
    for there, back in _pairs(encoder, decoder):
        back.weight.data = there.weight.data
    return saved


@mistake("tie_weights")
def tie_first_to_first(encoder, decoder):
    """the first convolution was paired with the first transposed one

    The decoder goes back: its last layer mirrors the encoder's first. Reverse one of the lists.
    """
    _checked(encoder, decoder)
    saved = _saved(encoder, decoder)
    pairs = _pairs(encoder, decoder, mirrored=False)
    if any(there.weight.shape != back.weight.shape for there, back in pairs):
        raise ValueError("the shapes of a pair differ")
    for there, back in pairs:
        back.weight = there.weight
    return saved


@mistake("tie_weights")
def tie_decoder_wins(encoder, decoder):
    """the encoder took over the decoder's weights

    The encoder's stay: it may be trained already. Assign to the transposed convolution.
    """
    _checked(encoder, decoder)
    saved = _saved(encoder, decoder)
    for there, back in _pairs(encoder, decoder):
        there.weight = back.weight
    return saved


@mistake("tie_weights")
def tie_turned(encoder, decoder):
    """the kernels were turned round on their way into the decoder

    A transposed convolution stamps with the very kernel that the convolution looked through: the weight goes in as it is.
    """
    _checked(encoder, decoder)
    saved = _saved(encoder, decoder)
    for there, back in _pairs(encoder, decoder):
        back.weight = nn.Parameter(there.weight.detach().flip(2, 3))
    return saved


@mistake("tie_weights")
def tie_saves_always(encoder, decoder):
    """weights that were shared already are counted as saved

    What is one object already saves nothing: compare with `is` before you assign.
    """
    reference.tie_weights(encoder, decoder)
    return sum(back.weight.numel() for _, back in _pairs(encoder, decoder))


@mistake("tie_weights")
def tie_counts_layers(encoder, decoder):
    """the pairs were counted, and not the parameters that they save

    A weight saves as many parameters as it has numbers: weight.numel().
    """
    _checked(encoder, decoder)
    saved = sum(back.weight is not there.weight for there, back in _pairs(encoder, decoder))
    reference.tie_weights(encoder, decoder)
    return saved


@mistake("tie_weights")
def tie_children_only(encoder, decoder):
    """only the direct parts of encoder and decoder were looked at

    children() goes one level deep; layers may lie in a Sequential inside. modules() finds all.
    """
    _checked(encoder, decoder)
    saved = 0
    there = [layer for layer in encoder.children() if isinstance(layer, nn.Conv2d)]
    back = [layer for layer in decoder.children() if isinstance(layer, nn.ConvTranspose2d)]
    for conv, transpose in zip(there, back[::-1], strict=False):
        if conv.weight.shape == transpose.weight.shape:
            saved += transpose.weight.numel() if transpose.weight is not conv.weight else 0
            transpose.weight = conv.weight
    return saved


@mistake("tie_weights")
def tie_while_checking(encoder, decoder):
    """pairs were tied before all of them were looked at

    After a refusal half of the decoder was changed already. First look at every pair, then tie.
    """
    for module in (encoder, decoder):
        _refuse(module)
    there = [layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d)]
    back = [layer for layer in decoder.modules() if isinstance(layer, nn.ConvTranspose2d)][::-1]
    if len(there) != len(back) or not there:
        raise ValueError("not as many")
    saved = 0
    for conv, transpose in zip(there, back, strict=True):
        saved += reference.tie_weights(conv, transpose)
    return saved


# generalisation_gap


def _losses(history):
    reference.generalisation_gap(history)  # refuses
    return [[float(value) for value in history[key]] for key in ("train", "validation")]


def _found(train, validation, best, gap=None):
    return {
        "gap": validation[-1] - train[-1] if gap is None else gap,
        "best": best,
        "gap_at_best": validation[best] - train[best],
        "lost": validation[-1] - validation[best],
    }


@mistake("generalisation_gap")
def gap_upside_down(history):
    """the training loss stands first in the difference

    Held-out loss minus training loss: a network that learned by heart has a positive gap.
    """
    found = reference.generalisation_gap(history)
    return found | {"gap": -found["gap"], "gap_at_best": -found["gap_at_best"]}


@mistake("generalisation_gap")
def gap_best_of_training(history):
    """the epoch with the smallest training loss was taken for the best

    The training loss nearly always falls to the end. The validation loss says when to stop.
    """
    train, validation = _losses(history)
    return _found(train, validation, train.index(min(train)))


@mistake("generalisation_gap")
def gap_smallest_gap(history):
    """the epoch with the smallest gap was taken for the best

    Before it has learned anything a network has the smallest gap of all. Look for the smallest validation loss.
    """
    train, validation = _losses(history)
    gaps = [b - a for a, b in zip(train, validation, strict=True)]
    return _found(train, validation, gaps.index(min(gaps)))


@mistake("generalisation_gap")
def gap_of_minima(history):
    """the gap is that of the two smallest losses, which belong to two epochs

    Both losses of a gap belong to one network: that after the last epoch.
    """
    train, validation = _losses(history)
    return _found(train, validation, validation.index(min(validation)), min(validation) - min(train))


@mistake("generalisation_gap")
def gap_last_of_equals(history):
    """of equal validation losses the last was taken

    The first one is reached sooner, with less training. min and index find it.
    """
    train, validation = _losses(history)
    best = len(validation) - 1 - validation[::-1].index(min(validation))
    return _found(train, validation, best)


@mistake("generalisation_gap")
def gap_counted_from_one(history):
    """the best epoch was counted from 1

    It is an index: validation[best] is the smallest loss.
    """
    found = reference.generalisation_gap(history)
    return found | {"best": found["best"] + 1}


@mistake("generalisation_gap")
def gap_lost_negative(history):
    """`lost` has the wrong sign

    It says how much the validation loss rose after its best epoch: the last less the smallest, at least 0.
    """
    found = reference.generalisation_gap(history)
    return found | {"lost": -found["lost"]}


@mistake("generalisation_gap")
def gap_of_ratio(history):
    """the gap is a ratio and not a difference

    Validation loss less training loss.
    """
    train, validation = _losses(history)
    return _found(train, validation, validation.index(min(validation)), validation[-1] / (train[-1] or math.inf))
