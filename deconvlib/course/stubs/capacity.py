"""How many parameters a network has, how many it needs, and what they do to pictures it has not seen. Chapter 16."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from deconvlib.course.arguments import integer, pair  # noqa: F401 (for your answers)
from deconvlib.course.exercise import exercise
from deconvlib.course.tensors import tensor  # noqa: F401 (for your answers)


@exercise(
    title="Who holds the parameters?",
    points=3,
    minutes=15,
    difficulty=1,
    forbids=("scipy",),
    hints=(
        "module.modules() walks through the module itself and every part of it, at any depth, each once.",
        "layer.parameters(recurse=False) gives what a part holds itself, not what its parts hold; type(layer).__name__ is its "
        "kind. Which kinds then have a number at all?",
        "Two tied layers hold one and the same tensor. Keep a set of id(parameter), and count only what is not in it yet.",
    ),
)
def count_parameters(module: nn.Module) -> dict[str, int]:
    """Count the parameters of a network by the kind of layer that holds them.

    A parameter belongs to the part of the network that holds it itself: a convolution, and not the ``Sequential`` around
    it. One that stands in several places is counted once, in the first place on the way of ``module.modules()``. Those that
    are not trained count too; buffers, such as the running means of a batch normalization, are no parameters.

    Parameters
    ----------
    module : torch.nn.Module
        May be on the meta device, where a tensor has a shape and no numbers.

    Returns
    -------
    counts : dict of str to int
        From the name of a class, such as "ConvTranspose2d", to how many numbers its parts hold. A kind that holds none is
        left out.

    Raises
    ------
    TypeError
        If `module` is no torch.nn.Module.

    Examples
    --------
    >>> count_parameters(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.ConvTranspose2d(8, 3, 3)))
    {'Conv2d': 224, 'ConvTranspose2d': 219}
    """
    raise NotImplementedError


@exercise(
    title="A transposed convolution in two thin parts",
    points=5,
    minutes=30,
    difficulty=2,
    forbids=("scipy",),
    hints=(
        "nn.ConvTranspose2d with groups=in_channels gives every channel its own kernel and mixes none. nn.Conv2d with a "
        "kernel of 1 mixes, pixel by pixel, and does nothing else.",
        "One bias is enough: the mixing's. Stride, padding and output padding belong to the part that enlarges.",
        "full_weight: input channel c reaches output channel o through depthwise.weight[c, 0] times "
        "pointwise.weight[o, c, 0, 0]. One product with axes in the right places: (C, 1, K, L) and (C, O, 1, 1).",
    ),
)
class SeparableTranspose2d(nn.Module):
    """A depthwise separable transposed convolution: first every channel for itself, then the channels mixed.

    Depthwise: a transposed convolution that enlarges each channel by a kernel of its own, without a bias. Pointwise: a
    convolution 1 x 1 from these channels to the new ones. That is a transposed convolution whose kernels from one input
    channel to all output channels are multiples of each other, with in K L + in out weights in the place of in out K L.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size, stride : int or (h, w)
        At least 1.
    padding, output_padding : int or (h, w)
        At least 0.
    bias : bool
        Whether the pointwise part has one.

    Attributes
    ----------
    depthwise : torch.nn.ConvTranspose2d
    pointwise : torch.nn.Conv2d

    Methods
    -------
    forward(x)
        From (N, in_channels, H, W) to what torch.nn.ConvTranspose2d with the same arguments would give in shape. Gradients
        flow.
    full_weight()
        The weight (in_channels, out_channels, K, L) of the one transposed convolution that does the same. Gradients flow.

    Raises
    ------
    ValueError
        If an argument is below what is allowed.

    Notes
    -----
    F. Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, CVPR 2017; A. G. Howard and others, MobileNets,
    arXiv 1704.04861, 2017. Theirs are convolutions.

    Examples
    --------
    >>> layer = SeparableTranspose2d(32, 16, 4, stride=2, padding=1)
    >>> tuple(layer(torch.zeros(1, 32, 5, 7)).shape), tuple(layer.full_weight().shape)
    ((1, 16, 10, 14), (32, 16, 4, 4))
    >>> sum(value.numel() for value in layer.parameters()), 32 * 16 * 4 * 4 + 16
    (1040, 8208)
    """

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
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def full_weight(self) -> torch.Tensor:
        raise NotImplementedError


@exercise(
    title="A trained layer, made thinner",
    points=5,
    minutes=30,
    difficulty=2,
    forbids=("scipy", "numpy"),
    hints=(
        "Lay the weight out as a matrix, a row an input channel: w.flatten(1). A product of a tall and a wide matrix in its "
        "place is two layers in the place of one.",
        "torch.linalg.svd(rows, full_matrices=False) gives left, values, right with rows = left @ diag(values) @ right. The "
        "first `rank` columns, values and rows are the best approximation.",
        "The wide matrix, reshaped to (rank, O, K, L), is a transposed convolution's weight. The tall one is a 1 x 1 "
        "convolution: torch wants its output channels first, so it is turned, (rank, I, 1, 1). Each singular value goes to "
        "one of the two, or its root to both.",
    ),
)
def low_rank_transpose(w: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Replace a transposed convolution by a 1 x 1 convolution to `rank` channels and a transposed convolution from these.

    ``conv_transpose2d(conv2d(y, squeeze), expand)`` is the transposed convolution with the weight
    sum over r of squeeze[r, i, 0, 0] expand[r, o, k, l]. Among all of its form that weight is the nearest to `w`: the sum of
    the squared differences is the smallest one. The two hold rank (I + O K L) numbers, `w` has I O K L.

    Parameters
    ----------
    w : floating tensor (I, O, K, L)
        As torch.nn.ConvTranspose2d has it, input channels first.
    rank : int
        From 1 to min(I, O K L).

    Returns
    -------
    squeeze : tensor (rank, I, 1, 1)
        The weight of a torch.nn.Conv2d.
    expand : tensor (rank, O, K, L)
        The weight of a torch.nn.ConvTranspose2d. Both have the dtype of `w` and no gradient history. How their sizes are
        shared out between the two is yours: only their product counts.

    Raises
    ------
    TypeError
        If `w` is no floating tensor.
    ValueError
        If `w` does not have four axes, or `rank` is out of range.

    Notes
    -----
    That cutting the singular values gives the nearest matrix: C. Eckart and G. Young, Psychometrika 1(3), 1936. For
    networks: E. Denton, W. Zaremba, J. Bruna, Y. LeCun and R. Fergus, Exploiting Linear Structure Within Convolutional
    Networks for Efficient Evaluation, NIPS 2014.

    Examples
    --------
    >>> w = torch.tensor([[[[3.0, 4.0]]], [[[0.0, 0.0]]], [[[6.0, 8.0]]]])          # its rows are multiples of (3, 4)
    >>> squeeze, expand = low_rank_transpose(w, 1)
    >>> tuple(squeeze.shape), tuple(expand.shape)
    ((1, 3, 1, 1), (1, 1, 1, 2))
    >>> torch.allclose(torch.einsum("ri,rokl->iokl", squeeze[:, :, 0, 0], expand), w)
    True
    """
    raise NotImplementedError


@exercise(
    title="One set of weights for both ways",
    points=5,
    minutes=25,
    difficulty=2,
    forbids=("scipy",),
    hints=(
        "A Conv2d from I to O channels has a weight (O, I, K, L), a ConvTranspose2d from O to I channels one of the same "
        "shape. Nothing has to be turned.",
        "[layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d)] are the convolutions in their order. Which "
        "transposed convolution undoes the sizes of the first one?",
        "transpose.weight = conv.weight lets both hold one object. Copying numbers, or assigning .data, leaves two parameters "
        "that part at the first step of an optimizer.",
    ),
)
def tie_weights(encoder: nn.Module, decoder: nn.Module) -> int:
    """Let every transposed convolution of a decoder share the weight of the convolution that it mirrors.

    The encoder's Conv2d layers and the decoder's ConvTranspose2d layers are taken in the order of ``modules()``; the first
    convolution and the last transposed one are a pair, and so on. Afterwards both layers of a pair hold one and the same
    Parameter, the encoder's: without biases, the second is the adjoint of the first (chapter 3), and stays it while they
    learn. Biases and all other layers stay as they are.

    Parameters
    ----------
    encoder, decoder : torch.nn.Module
        The decoder is changed in place. Optimizers are to be made afterwards: one made before still holds the old weights.

    Returns
    -------
    saved : int
        How many parameters the two have less than before; 0 when they were tied already.

    Raises
    ------
    TypeError
        If one of them is no torch.nn.Module.
    ValueError
        If there are not as many layers of one kind as of the other, or none; or if stride, padding, dilation, groups or the
        shape of the weight of a pair differ. Then nothing has been changed.

    Examples
    --------
    >>> encoder = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3, stride=2))
    >>> decoder = nn.Sequential(nn.ConvTranspose2d(6, 4, 3, stride=2), nn.ReLU(), nn.ConvTranspose2d(4, 1, 3))
    >>> tie_weights(encoder, decoder), decoder[0].weight is encoder[2].weight, tie_weights(encoder, decoder)
    (252, True, 0)
    """
    raise NotImplementedError


@exercise(
    title="What was learned, and what was learned by heart",
    points=3,
    minutes=15,
    difficulty=1,
    forbids=("scipy",),
    hints=(
        "The gap is held-out loss minus training loss at one and the same epoch: the held-out one stands first.",
        "The best epoch is the one with the smallest held-out loss, and its number counts from 0: values.index(min(values)).",
        "Refuse before you count: a missing key, lists of unequal length or of length 0, and numbers for which "
        "math.isfinite is false.",
    ),
)
def generalisation_gap(history: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Say how much lower a network's loss is on the pictures that it learned from, and what stopping earlier would have gained.

    Parameters
    ----------
    history : dict of sequences of numbers
        ``"train"`` and ``"validation"``: the losses on both sets after each epoch, the same number of them. Other keys are
        not looked at.

    Returns
    -------
    found : dict
        ``"gap"`` (float): validation less training loss after the last epoch. ``"best"`` (int): the epoch, counted from 0,
        with the smallest validation loss; the first of equals. ``"gap_at_best"`` (float): the gap then. ``"lost"``
        (float): how much the validation loss rose from there to the last epoch, at least 0.

    Raises
    ------
    ValueError
        If a key is missing, the lists are empty or not of one length, or a number of theirs is not finite.

    Examples
    --------
    >>> generalisation_gap({"train": [4.0, 2.0, 1.0], "validation": [5.0, 3.5, 4.0]})
    {'gap': 3.0, 'best': 1, 'gap_at_best': 1.5, 'lost': 0.5}
    """
    raise NotImplementedError
