"""Can the picture be trusted? Randomized weights, similarity, occlusion, deletion, inversion. Chapter 9."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn

from deconvlib.course.arguments import integer, pair  # noqa: F401 (for your answers)
from deconvlib.course.exercise import exercise
from deconvlib.course.tensors import tensor  # noqa: F401 (for your answers)


@exercise(
    title="How alike are two pictures?",
    points=6,
    minutes=30,
    difficulty=2,
    forbids=("scipy",),
    hints=(
        "Two small functions on two gray planes. First bring both pictures to (H, W): the mean over the channels, in float64.",
        "Ranks: sort the values and number them. Equal values must share the mean of their numbers. torch.unique(..., "
        "return_inverse=True, return_counts=True) gives each value its group and each group its size.",
        "With sizes.cumsum(0) the last number of each group is known; the mean number of the group is last - (size - 1) "
        "/ 2. The Spearman correlation is the ordinary correlation of the two arrays of ranks.",
        "SSIM: nn.functional.avg_pool2d(plane[None], 7, 1) is the mean in every 7 x 7 window inside the picture. A "
        "variance is mean(a * a) - mean(a) ** 2, the covariance mean(a * b) - mean(a) * mean(b).",
    ),
)
def similarity(a: torch.Tensor, b: torch.Tensor) -> dict[str, float]:
    """Return the rank correlation and the structural similarity of two pictures.

    Both are computed in float64 on gray versions, the mean over the channels, with signs. For pictures in which only size
    counts, pass ``a.abs()`` and ``b.abs()``.

    Parameters
    ----------
    a, b : tensor (C, H, W), (1, C, H, W) or (H, W)
        Of equal height and width, at least 7 each.

    Returns
    -------
    dict
        ``"spearman"``: the correlation of the ranks over all pixels; equal values share the mean of their ranks. 0.0 if
        one of the two is constant. From -1 to 1.

        ``"ssim"``: each picture is divided by its largest magnitude (one of zeros stays as it is). In every 7 x 7 window
        that lies inside the picture, with means m, variances v and covariance c (sums divided by 49),
        (2 m_a m_b + C1) (2 c + C2) / ((m_a^2 + m_b^2 + C1) (v_a + v_b + C2)); the result is the mean over the windows.
        C1 = 0.02^2 and C2 = 0.06^2. 1 for equal pictures.

    Raises
    ------
    TypeError, ValueError
        If one is no picture, their sizes differ, or a side is below 7.

    Notes
    -----
    SSIM: Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, IEEE Transactions on Image Processing 13(4), 2004,
    with flat windows; C1 = (0.01 R)^2 and C2 = (0.03 R)^2 for values of range R = 2, from -1 to 1.

    Examples
    --------
    >>> ramp = torch.arange(64.0).reshape(8, 8)
    >>> {name: round(value, 3) for name, value in similarity(ramp, ramp ** 2).items()}
    {'spearman': 1.0, 'ssim': 0.872}
    """
    raise NotImplementedError


@exercise(
    title="Forget the layers, from the top down",
    points=5,
    minutes=20,
    difficulty=2,
    forbids=("scipy",),
    hints=(
        "Work on a copy from the start: copy.deepcopy(model). Which of its children have weights, and in which order "
        "does the cascade meet them?",
        "Keep one copy that loses one layer more each time, and hand out a fresh copy of it: otherwise all the models "
        "that you gave away change together.",
        "fan_in is how many numbers meet in one output: weight[0].numel(), for a convolution and for a Linear alike. "
        "weight.data.copy_(...) changes a parameter without telling autograd.",
        "for name, layer in reversed(list(copied.named_children())): if it is a Conv2d or a Linear, redraw it, then "
        "yield name, copy.deepcopy(copied).",
    ),
)
def randomise_cascade(model: nn.Sequential, generator: torch.Generator) -> Iterator[tuple[str, nn.Sequential]]:
    """Yield copies of a model in which more and more layers are redrawn, from the last one down.

    A layer's new weights are ``torch.randn(weight.shape, generator=generator, dtype=weight.dtype) * sqrt(2 / fan_in)``,
    where fan_in is how many weights one output value has; its biases become 0. Each layer is drawn once, when the cascade
    reaches it, and stays as it is further down.

    Parameters
    ----------
    model : nn.Sequential
        Its children that are Conv2d or Linear are the layers of the cascade. It never changes.
    generator : torch.Generator
        One draw a layer, from the last layer to the first.

    Returns
    -------
    items : iterator of (str, nn.Sequential)
        Lazy: nothing is copied or drawn before it is asked for. The name is that of the layer that was redrawn last: it
        and every layer above it are random now. Each model is a copy of its own: nothing that happens to it reaches the
        given model or the copies that follow. Training mode and `requires_grad` are those of the given model.

    Raises
    ------
    AttributeError, TypeError
        With the first item, if `model` is no module or `generator` no generator.

    Notes
    -----
    J. Adebayo and others, Sanity Checks for Saliency Maps, NeurIPS 2018: the cascading randomization. The factor
    sqrt(2 / fan_in) keeps the size of activations behind a ReLU (K. He and others, ICCV 2015).

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 1, 1))
    >>> cascade = randomise_cascade(net, torch.Generator().manual_seed(0))
    >>> for name, copied in cascade:
    ...     print(name, torch.equal(copied[0].weight, net[0].weight))
    2 True
    0 False
    """
    raise NotImplementedError


@exercise(
    title="Cover it and look at the score",
    points=4,
    minutes=15,
    difficulty=1,
    forbids=("scipy",),
    hints=(
        "How many positions has a window of `patch` rows that moves by `stride` inside H rows? It is the size of a "
        "convolution without padding.",
        "For each position: a copy of the image, the patch set to `fill` in all channels, the model's answer, its column "
        "`label`. Inside torch.no_grad().",
        "Faster: all positions of a row as one batch, image.repeat(columns, 1, 1, 1), and one call of the model a row.",
    ),
)
def occlusion_map(
    model: Callable[[torch.Tensor], torch.Tensor],
    image: torch.Tensor,
    label: int,
    patch: int | tuple[int, int],
    stride: int | tuple[int, int],
    fill: float,
) -> torch.Tensor:
    """Return a class's score while a patch covers the image, for every position of the patch.

    Parameters
    ----------
    model : callable from (N, C, H, W) to (N, classes)
    image : tensor (1, C, H, W)
    label : int
        The column of the model's answer to look at.
    patch, stride : int or (height, width)
        Size of the patch, and from one position to the next.
    fill : float
        What the patch is filled with, in every channel.

    Returns
    -------
    scores : tensor (rows, columns), dtype of the model's answer
        Positions as in a convolution without padding: rows = (H - patch_h) // stride_h + 1. Where the score is low, the
        covered pixels mattered. No gradient history.

    Raises
    ------
    ValueError
        If the image is not one image, the patch does not fit into it, or the model has no such class.

    Notes
    -----
    M. D. Zeiler and R. Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014, section 4.2.

    Examples
    --------
    >>> image = torch.tensor([[[[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]]]])
    >>> occlusion_map(lambda x: x.flatten(1).sum(1, keepdim=True), image, 0, (2, 1), 1, 0.0)
    tensor([[54., 45., 27.]])
    """
    raise NotImplementedError


@exercise(
    title="Delete what matters most",
    points=5,
    minutes=20,
    difficulty=2,
    forbids=("scipy",),
    hints=(
        "One list of pixels, in the order in which they go. Step i deletes the first so many of them, for i = 0 to "
        "steps.",
        "saliency.flatten().argsort(descending=True, stable=True) is that list. Without stable=True, equal values come "
        "in any order.",
        "image.flatten(2) puts the pixels of a channel in one row: picture[:, order[:count]] = 0 deletes them in all "
        "channels at once. count is i * pixels // steps.",
        "torch.trapezoid(scores, fractions) is the area.",
    ),
)
def deletion_curve(
    model: Callable[[torch.Tensor], torch.Tensor],
    image: torch.Tensor,
    label: int,
    saliency: torch.Tensor,
    steps: int,
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Return a class's score while an image loses its pixels, those of the largest saliency first.

    Parameters
    ----------
    model : callable from (N, C, H, W) to (N, classes)
    image : tensor (1, C, H, W)
        Deleted pixels become 0, in all channels.
    label : int
        The column of the model's answer to look at.
    saliency : tensor (H, W)
        Pixels go in falling order; equal ones in reading order.
    steps : int
        Portions, from 1 to H * W. After step i, i * H * W // steps pixels are gone.

    Returns
    -------
    fractions : tensor (steps + 1,)
        The share of pixels that is gone: 0 first, 1 last. Its dtype is that of the scores.
    scores : tensor (steps + 1,), dtype of the model's answer
        No gradient history.
    area : float
        Under the scores over the fractions, by the trapezoid rule. Small if few pixels carried the score and the saliency
        knew them.

    Raises
    ------
    ValueError
        If the image is not one image, the saliency has another size, the model has no such class, or there are more steps
        than pixels.

    Notes
    -----
    V. Petsiuk, A. Das and K. Saenko, RISE: Randomized Input Sampling for Explanation of Black-box Models, BMVC 2018.

    Examples
    --------
    >>> image = torch.tensor([[[[1.0, 2.0], [4.0, 8.0]]]])
    >>> deletion_curve(lambda x: x.flatten(1).sum(1, keepdim=True), image, 0, image[0, 0], 2)
    (tensor([0.0000, 0.5000, 1.0000]), tensor([15.,  3.,  0.]), 5.25)
    """
    raise NotImplementedError


@exercise(
    title="Find an image with these features",
    points=5,
    minutes=25,
    difficulty=2,
    forbids=("scipy",),
    deadline=20.0,
    hints=(
        "The unknown is the image: image = start.clone().requires_grad_(). The weights stay what they are.",
        "The features are the children's answers, one after another, up to `layer`. Stop there.",
        "x.diff(dim=2) and x.diff(dim=3) are the differences of neighbors.",
        "torch.optim.Adam([image], lr=rate) updates whatever image.grad holds. loss.backward() would also fill the "
        "weights' .grad; (image.grad,) = torch.autograd.grad(loss, image) does not.",
    ),
)
def invert_features(
    model: nn.Sequential,
    layer: str,
    target: torch.Tensor,
    steps: int,
    total_variation: float,
    start: torch.Tensor,
    rate: float = 0.05,
) -> torch.Tensor:
    """Return an image whose features at a layer come close to `target`, found by Adam from `start`.

    It makes smaller, with f the features of the image x at the layer, ::

        sum (f - target)^2 / sum target^2  +  total_variation * V(x)

    where V(x) is the sum of the squares of x[..., i + 1, j] - x[..., i, j] and of x[..., i, j + 1] - x[..., i, j] over all
    neighbors inside the image and all channels, divided by the number of entries of x.

    Parameters
    ----------
    model : nn.Sequential
        It stays as it is, the ``.grad`` of its weights included.
    layer : str
        The name of the child whose answer is meant.
    target : tensor (1, c, h, w) or (1, c)
        The features to meet, not all 0.
    steps : int
        How many steps, at least 1, of ``torch.optim.Adam`` with ``lr=rate`` and its other settings as they are by default.
    total_variation : float
        How much a rough image costs, at least 0.
    start : tensor (1, C, H, W)
        Where the search begins. It also tells the size, which the features do not know.
    rate : float

    Returns
    -------
    image : tensor, shape and dtype of `start`
        No gradient history.

    Raises
    ------
    ValueError
        If there is no such layer, `start` does not lead to features of the target's shape, or the target is 0 everywhere.

    Notes
    -----
    A. Mahendran and A. Vedaldi, Understanding Deep Image Representations by Inverting Them, CVPR 2015; V is their total
    variation with the exponent beta = 2, divided by the number of entries.

    Examples
    --------
    >>> net = nn.Sequential(nn.AvgPool2d(2))
    >>> invert_features(net, "0", torch.tensor([[[[4.0]]]]), 200, 0.0, torch.zeros(1, 1, 2, 2)).round()
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """
    raise NotImplementedError
