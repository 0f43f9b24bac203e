"""The network that runs backward: a classifier that remembers its poolings, and its mirror. Chapter 7."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F  # noqa: F401 (for your answers)
from torch import nn

from deconvlib.course.arguments import integer, pair  # noqa: F401 (for your answers)
from deconvlib.course.exercise import exercise


@exercise(
    title="A classifier that remembers",
    points=6,
    minutes=30,
    difficulty=2,
    forbids=("scipy",),
    hints=(
        "Write encode first and let forward use it: encode is everything before the classifier.",
        "F.max_pool2d(x, 2, return_indices=True) gives the pooled maps and the switches. The size to keep is the one that "
        "goes into the pooling; after it, nobody knows whether 3 came from 6 or from 7.",
        "The linear layer reads channels[-1] * h * w numbers. Each block rounds half of the side down: h = image height // 2, "
        "once a block.",
        "Layers in a Python list are invisible to parameters() and to(device). self.convolutions = nn.ModuleList(...) "
        "registers them. kernel // 2 of padding keeps the size, for odd kernels.",
    ),
)
class SwitchedCNN(nn.Module):
    """A convolutional classifier that can hand out the switches of its poolings.

    It consists of blocks, one for each entry of `channels`: a convolution that keeps the size, a ReLU, a max-pooling by
    2 x 2 that drops remainders, as PyTorch does. Then the maps are flattened, and one linear layer gives the classes' scores.

    Parameters
    ----------
    in_channels : int
        Channels of the images.
    channels : sequence of int
        Output channels of each block's convolution, the first block first.
    classes : int
        How many scores come out.
    image_size : int or (H, W)
        Height and width of the images. The linear layer has to know it.
    kernel : int
        Height and width of every kernel. Odd, so that kernel // 2 of padding keeps the size.

    Attributes
    ----------
    convolutions : torch.nn.ModuleList of torch.nn.Conv2d
        The first block's first.
    classifier : torch.nn.Linear

    Methods
    -------
    encode(x)
        ``(features, switches, sizes)`` for images `x` (N, in_channels, H, W). `features` (N, channels[-1], h, w): the maps
        after the last pooling. `switches`: a list with one int64 tensor a block, the first block first, as
        ``F.max_pool2d(..., return_indices=True)`` gives them. `sizes`: a list of (height, width), what each pooling was
        given. Gradients flow through `features`.
    forward(x)
        The classes' scores (logits), (N, classes).

    Raises
    ------
    ValueError
        If `channels` is empty, the kernel is even, or the images are so small that a pooling leaves nothing.

    Examples
    --------
    >>> model = SwitchedCNN(1, (4, 8), classes=10, image_size=(7, 12))
    >>> features, switches, sizes = model.encode(torch.zeros(2, 1, 7, 12))
    >>> tuple(features.shape), sizes, [tuple(where.shape) for where in switches]
    ((2, 8, 1, 3), [(7, 12), (3, 6)], [(2, 4, 3, 6), (2, 8, 1, 3)])
    >>> tuple(model(torch.zeros(2, 1, 7, 12)).shape)
    (2, 10)
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        classes: int,
        image_size: int | tuple[int, int],
        kernel: int = 3,
    ) -> None:
        raise NotImplementedError

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor], list[tuple[int, int]]]:
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


@exercise(
    title="The training that the article leaves out",
    points=5,
    minutes=20,
    difficulty=2,
    forbids=("scipy",),
    deadline=20.0,
    hints=(
        "Five lines make a step: logits, loss, zero the gradients, backward, step. Everything else is bookkeeping.",
        "F.cross_entropy takes logits and labels; it has the softmax inside. Move the model to the device before you make the "
        "optimizer, and every batch in the loop.",
        "The loss of a batch is a mean over its images. Multiply by their number, add up, and divide by all images at the "
        "end: the last batch may be smaller. loss.item() is a plain float.",
        "model.train() before, model.eval() after. Dropout and batch normalization do different things in the two.",
    ),
)
def train_classifier(
    model: nn.Module,
    loader: Iterable[tuple[torch.Tensor, torch.Tensor]],
    epochs: int,
    lr: float,
    device: str | torch.device = "cpu",
) -> dict[str, list[float]]:
    """Train a classifier by Adam on the cross-entropy of its logits.

    Parameters
    ----------
    model : torch.nn.Module
        Gives logits (N, classes). It is changed: trained, moved to `device`, and left in evaluation mode.
    loader : iterable of (images, labels)
        Gone through once an epoch. Labels are int64, (N,).
    epochs : int
        At least 1.
    lr : float
        Adam's learning rate; its other settings are PyTorch's.
    device : str or torch.device
        Where the training happens.

    Returns
    -------
    history : dict
        ``"loss"`` and ``"accuracy"``, each a list with one Python float an epoch: means over the images of the epoch, each
        image as it was scored on its way through, before its batch's step.

    Raises
    ------
    ValueError
        If `epochs` is below 1, `lr` is not a positive number, or an epoch finds no batch in `loader` (a generator gives its
        batches only once).

    Notes
    -----
    D. P. Kingma and J. Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, algorithm 1.

    Examples
    --------
    >>> model = nn.Linear(2, 2)
    >>> images, labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    >>> history = train_classifier(model, [(images, labels)], epochs=200, lr=0.1)
    >>> len(history["loss"]), history["accuracy"][-1], model.training
    (200, 1.0, False)
    """
    raise NotImplementedError


@exercise(
    title="The mirror",
    points=6,
    minutes=25,
    difficulty=3,
    forbids=("scipy",),
    needs=("SwitchedCNN",),
    hints=(
        "The last thing that happened is undone first: the last block before the first, and inside a block the pooling before "
        "the convolution.",
        "F.max_unpool2d(x, where, 2, output_size=size), then F.relu, then F.conv_transpose2d(x, weight, padding=...). The "
        "size is the one that block's pooling was given.",
        "A convolution's weights are (out, in, K, L), a transposed convolution's are (in, out, K, L), and its in is the other's "
        "out. The very same tensor fits, with neither a flip nor a transposition.",
        "To tie weights, keep the model's own Parameter objects, for example in an nn.ParameterList. A copy (clone, "
        "deepcopy, a new nn.ConvTranspose2d with copied numbers) stays behind when the model is trained on.",
    ),
)
class MirrorNet(nn.Module):
    """The mirror of a `SwitchedCNN`: from its features back to a picture, with its own weights.

    For each block, the last one first: unpool with the block's switches to the size that its pooling was given, ReLU,
    transposed convolution. No bias.

    Parameters
    ----------
    model : SwitchedCNN
        Its convolutions' weights are used, not copied: whoever changes the model changes the mirror. The mirror has no
        parameters that are not the model's.

    Methods
    -------
    forward(features, switches, sizes)
        The picture (N, in_channels, H, W). The arguments are what ``model.encode`` gives, the features possibly changed.
        Gradients flow to the features and the weights.

    Raises
    ------
    ValueError
        In forward, if there is not one tensor of switches and one size for each block.

    Notes
    -----
    M. D. Zeiler and R. Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014, section 2.1.

    Examples
    --------
    >>> model = SwitchedCNN(1, (4, 8), classes=10, image_size=(7, 12))
    >>> mirror = MirrorNet(model)
    >>> tuple(mirror(*model.encode(torch.zeros(2, 1, 7, 12))).shape)
    (2, 1, 7, 12)
    """

    def __init__(self, model: SwitchedCNN) -> None:
        raise NotImplementedError

    def forward(
        self, features: torch.Tensor, switches: Sequence[torch.Tensor], sizes: Sequence[tuple[int, int]]
    ) -> torch.Tensor:
        raise NotImplementedError


@exercise(
    title="The article's four steps, repaired",
    points=4,
    minutes=15,
    difficulty=2,
    forbids=("scipy",),
    needs=("SwitchedCNN", "MirrorNet"),
    hints=(
        "Steps 1 and 2 are one line each. Steps 3 and 4 change places, and with several blocks they take turns.",
        "Write the mirror's loop out here and keep what the last unpooling gave. The switches and weights of block b are "
        "switches[b] and model.convolutions[b].weight.",
        "flatten(1) keeps the batch axis. torch.no_grad() keeps gradients out of the results.",
    ),
)
def four_steps(model: SwitchedCNN, image: torch.Tensor) -> dict[str, torch.Tensor]:
    """Take an image through the four steps of the article, in the order that works.

    Parameters
    ----------
    model : SwitchedCNN
        Left as it was.
    image : tensor (N, in_channels, H, W)

    Returns
    -------
    steps : dict of tensors without gradient history
        ``"forward"`` (N, C, h, w): the features after the last pooling. ``"vector"`` (N, C * h * w): the same numbers as one
        vector an image. ``"unpooling"`` (N, channels[0], H, W): on the way back, what the last unpooling, that of the first
        block, gives. ``"inverse_convolution"`` (N, in_channels, H, W): the mirror's picture, which the last transposed
        convolution makes of it (after a ReLU).

    Raises
    ------
    ValueError
        If `image` does not have four axes.

    Notes
    -----
    The article, section 3.2, has the inverse convolution before the unpooling.

    Examples
    --------
    >>> model = SwitchedCNN(1, (4, 8), classes=10, image_size=(7, 12))
    >>> {name: tuple(maps.shape) for name, maps in four_steps(model, torch.zeros(1, 1, 7, 12)).items()}
    {'forward': (1, 8, 1, 3), 'vector': (1, 24), 'unpooling': (1, 4, 7, 12), 'inverse_convolution': (1, 1, 7, 12)}
    """
    raise NotImplementedError
