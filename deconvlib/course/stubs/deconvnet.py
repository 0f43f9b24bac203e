"""The DeconvNet as a microscope: one activation of a network, projected back to the pixels. Chapter 8."""

from __future__ import annotations

import torch  # noqa: F401 (for your answers)
import torch.nn.functional as F  # noqa: F401 (for your answers)
from torch import Tensor, nn

from deconvlib.convolution import receptive_field  # noqa: F401 (for your answers)
from deconvlib.course.arguments import integer, pair  # noqa: F401
from deconvlib.course.exercise import exercise
from deconvlib.course.tensors import tensor  # noqa: F401


@exercise(
    title="Three ways back through ReLU",
    points=4,
    minutes=10,
    difficulty=1,
    forbids=("scipy", "captum"),
    hints=(
        "Ask of every entry: does it pass, or does a zero stand in its place? Each rule answers with a condition on x, on "
        "grad, or on both.",
        "The gradient looks at x, what went forward. The DeconvNet looks at grad, what comes back. Guided "
        "backpropagation asks for both.",
        "torch.where(condition, grad, 0) keeps what fulfills the condition. For the gradient the condition is x > 0, for the "
        "DeconvNet grad > 0, for the guided rule (x > 0) & (grad > 0).",
    ),
)
def relu_backward(grad: Tensor, x: Tensor, rule: str) -> Tensor:
    """Return what arrives in front of a ReLU on the way back, by one of three rules.

    Parameters
    ----------
    grad : tensor of any shape
        What came back to the ReLU's output.
    x : tensor of the same shape
        What the ReLU was given on the way forward.
    rule : {"gradient", "deconvnet", "guided"}
        ``"gradient"`` keeps `grad` where `x` was positive: the derivative. ``"deconvnet"`` keeps what is positive in `grad`
        itself: the ReLU again. ``"guided"`` asks for both. A zero is not positive.

    Returns
    -------
    back : tensor, shape and dtype of `grad`
        Zero wherever the rule lets nothing pass.

    Raises
    ------
    ValueError
        If there is no such rule, or the shapes differ.

    Notes
    -----
    Figure 1 of J. T. Springenberg and others, Striving for Simplicity: The All Convolutional Net, ICLR 2015 workshop, shows the
    three side by side.

    Examples
    --------
    >>> grad, x = torch.tensor([2.0, -3.0, 4.0, -5.0]), torch.tensor([1.0, 1.0, -1.0, -1.0])
    >>> for rule in ("gradient", "deconvnet", "guided"):
    ...     print(relu_backward(grad, x, rule).tolist())
    [2.0, -3.0, 0.0, 0.0]
    [2.0, 0.0, 4.0, 0.0]
    [2.0, 0.0, 0.0, 0.0]
    """
    raise NotImplementedError


@exercise(
    title="One activation, back to the pixels",
    points=12,
    minutes=50,
    difficulty=3,
    needs=("relu_backward",),
    forbids=("scipy", "captum"),
    hints=(
        "Go forward layer by layer and write down what each layer was given. Then make a map of zeros with the one value in "
        "it, and go through the layers in reverse order. Each kind of layer needs one line.",
        "Back through a convolution: its transpose without the bias. torch.nn.grad.conv2d_input(x.shape, weight, back, "
        "stride, padding, dilation, groups) knows the size to return to. F.conv_transpose2d needs output_padding for that.",
        "Back through max-pooling: F.max_pool2d(..., return_indices=True) gives the switches going forward. Going back, "
        "torch.zeros_like(x).flatten(2).scatter_add_(2, switches.flatten(2), back.flatten(2)) adds where windows "
        "share a pixel. max_unpool2d would keep one of them.",
        "For every other layer autograd knows the way: inside torch.enable_grad(), x = x.detach().requires_grad_(), then "
        "torch.autograd.grad(layer(x), x, back)[0]. That even serves convolutions and pools; only the ReLU must not go "
        "this way, because its rule is yours.",
    ),
)
def project(
    model: nn.Sequential, image: Tensor, layer: str, unit: int | tuple[int, int, int], rule: str = "deconvnet"
) -> Tensor:
    """Project one activation of a network back to the pixels.

    Go forward to `layer`, keep the value of one unit and set all others to zero, and go back through every layer:
    convolutions transposed and without bias, max-pools by their switches, ReLUs by the rule.

    Parameters
    ----------
    model : nn.Sequential
        Children Conv2d (any stride, padding, dilation, groups), ReLU, MaxPool2d, AvgPool2d, AdaptiveAvgPool2d, Flatten,
        Linear, Dropout (which does nothing here), Softmax. It is left as it was.
    image : tensor (1, C, H, W)
    layer : str
        Name of a child. The unit is one of its outputs.
    unit : int or (channel, row, column)
        A bare channel means its strongest place in this image, the first in reading order of equal ones. Behind a
        Flatten or Linear there is no place: an int is one of its outputs.
    rule : {"deconvnet", "gradient", "guided"}
        As in `relu_backward`.

    Returns
    -------
    picture : tensor (1, C, H, W)
        With ``"gradient"`` it is the unit's value times the unit's gradient. Without history.

    Raises
    ------
    ValueError
        If there is no such layer, unit or rule, or the batch does not hold exactly one image.

    Notes
    -----
    M. D. Zeiler and R. Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014, section 2.1.
    Windows of a max-pooling may overlap; values that share a switch add up.

    Examples
    --------
    >>> model = nn.Sequential(nn.Conv2d(1, 1, (1, 2), bias=False), nn.ReLU(), nn.MaxPool2d((1, 2)))
    >>> model[0].weight.data = torch.tensor([[[[1.0, -1.0]]]])     # left minus right
    >>> image = torch.tensor([[[[0.0, 0.0, 5.0, 2.0, 0.0]]]])      # conv: 0, -5, 3, 2; pool: 0, 3
    >>> project(model, image, "2", 0).tolist()                     # the 3, at its switch, and back
    [[[[0.0, 0.0, 3.0, -3.0, 0.0]]]]
    """
    raise NotImplementedError


@exercise(
    title="What excites a channel most",
    points=5,
    minutes=20,
    difficulty=2,
    forbids=("scipy", "captum"),
    hints=(
        "Run the children up to the layer under torch.no_grad(), a few images at a time, and keep the one channel.",
        "For each image: the maximum of its plane, and where it stands. Tensor.argmax over the flattened plane gives the "
        "first of equal values; divmod(place, width) is (row, column).",
        "Collect one tuple an image, in the order of the images. sorted(hits, key=lambda hit: -hit[3])[:k] keeps that order "
        "among equal values. int() and float() turn tensors of one value into plain numbers.",
    ),
)
def top_activations(
    model: nn.Sequential, images: Tensor, layer: str, unit: int, k: int
) -> list[tuple[int, int, int, float]]:
    """Find the images that excite a channel most, and where in them.

    Every image takes part with its strongest place only: otherwise one striking image could fill the list.

    Parameters
    ----------
    model : nn.Sequential
        As in `project`. It is left as it was.
    images : tensor (N, C, H, W)
    layer : str
        Name of a child whose output is a map (N, channels, rows, columns).
    unit : int
        A channel of that layer.
    k : int
        How many, from 1 to N.

    Returns
    -------
    hits : list of (image, row, column, value)
        Strongest first; of equal values the earlier image first. Inside an image, the first place in reading order. Plain ints
        and a float.

    Raises
    ------
    ValueError
        If there is no such layer or channel, the layer has no maps, or k is out of range.

    Examples
    --------
    >>> model = nn.Sequential(nn.ReLU())
    >>> images = torch.tensor([[[[1.0, 7.0], [7.0, 0.0]]], [[[2.0, 0.0], [9.0, 9.0]]], [[[0.0, 0.0], [0.0, 7.0]]]])
    >>> top_activations(model, images, "0", 0, 2)
    [(1, 1, 0, 9.0), (0, 0, 1, 7.0)]
    """
    raise NotImplementedError


@exercise(
    title="The patch that a unit sees",
    points=4,
    minutes=20,
    difficulty=2,
    needs=("receptive_field",),
    forbids=("scipy", "captum"),
    hints=(
        "Collect (kernel, stride, padding) of every convolution and pool up to the layer, for rows and for columns apart. "
        "Other layers see a pixel each and add nothing.",
        "receptive_field gives (size, stride, offset) along one axis. Unit i sees the pixels from offset + i * stride up to, "
        "not including, offset + i * stride + size.",
        "A kernel of K taps with dilation d reaches over (K - 1) * d + 1 pixels. kernel_size, stride, padding and dilation are "
        "attributes of the layer, each an int or a pair; an average pool has no dilation. Clip with min(max(start, 0), H).",
    ),
)
def receptive_patch(
    model: nn.Sequential, layer: str, row: int, column: int, image_size: int | tuple[int, int]
) -> tuple[int, int, int, int]:
    """Return the rectangle of the image that a unit at (row, column) of a layer's maps can see.

    Parameters
    ----------
    model : nn.Sequential
        Up to the layer: Conv2d, MaxPool2d, AvgPool2d, ReLU and Dropout.
    layer : str
        Name of a child.
    row, column : int
        Place in that layer's maps.
    image_size : int or (H, W)

    Returns
    -------
    top, left, bottom, right : int
        Rows from top up to, not including, bottom, and columns likewise, clipped to the image: ``image[..., top:bottom,
        left:right]`` is the patch.

    Raises
    ------
    ValueError
        If there is no such layer, the place is not in its maps, or a layer on the way has no window, as Linear.

    Notes
    -----
    The field's rectangle, by equation (1.8) of chapter 1, whose `receptive_field` you may call. Holes that a dilation or a stride leaves in it are not taken out.

    Examples
    --------
    >>> model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    >>> receptive_patch(model, "2", 0, 3, (8, 10))
    (0, 5, 3, 9)
    """
    raise NotImplementedError
