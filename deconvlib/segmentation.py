"""Networks that name every pixel: how they are measured, and four of them at full size. Chapter 12."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional  # noqa: F401 (for your answers)

from deconvlib.course.arguments import integer, pair  # noqa: F401 (for your answers)
from deconvlib.course.exercise import exercise
from deconvlib.course.folders import IGNORE  # noqa: F401 (for your answers)
from deconvlib.course.tensors import tensor  # noqa: F401 (for your answers)


@exercise(
    title="Who was taken for whom",
    points=3,
    minutes=15,
    difficulty=1,
    forbids=("scipy", "sklearn"),
    hints=(
        "Every pixel that counts is one stroke in a table: its row is the true class, its column the predicted one.",
        "Give each cell of the table a number, row * classes + column. Then a pixel is a single whole number.",
        "Keep only pixels with target != IGNORE, check that both are from 0 to classes - 1, then "
        "torch.bincount(true * classes + said, minlength=classes**2).reshape(classes, classes).",
    ),
)
def confusion_matrix(prediction: torch.Tensor, target: torch.Tensor, classes: int) -> torch.Tensor:
    """Count the pixels of each true class that were given each class.

    Parameters
    ----------
    prediction : tensor of whole numbers, any shape
        The class that was given to each pixel, from 0 to `classes` - 1.
    target : tensor of whole numbers, the same shape
        The true class. A pixel with 255 (`IGNORE`) is not counted, whatever was predicted there.
    classes : int
        At least 1.

    Returns
    -------
    confusion : int64 tensor (classes, classes)
        The rows are true classes, the columns predicted ones: confusion[t, p] pixels of class t were given class p.

    Raises
    ------
    TypeError
        If `prediction` or `target` is no tensor, or holds floating or complex numbers.
    ValueError
        If their shapes differ, `classes` is below 1, or a pixel that counts has a class outside 0 to `classes` - 1.

    Examples
    --------
    >>> prediction = torch.tensor([[0, 0, 1], [1, 1, 0]])
    >>> target = torch.tensor([[0, 0, 0], [1, 1, 255]])
    >>> confusion_matrix(prediction, target, 2).tolist()
    [[2, 1], [0, 2]]
    """
    raise NotImplementedError


@exercise(
    title="How well regions overlap",
    points=3,
    minutes=15,
    difficulty=1,
    forbids=("scipy", "sklearn"),
    hints=(
        "For one class, two regions lie in the picture: where it is, and where it was predicted. Which sums of the table "
        "are the sizes of the two, and which cell is the size of what they share?",
        "The union is one region plus the other less what they share, which would be counted twice. A class that is "
        "neither there nor predicted has the union 0.",
        "both = confusion.diagonal(); either = confusion.sum(0) + confusion.sum(1) - both; iou = both / either, in "
        "float64: 0 / 0 is NaN. The mean over the others is iou.nanmean().",
    ),
)
def mean_iou(confusion: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Return intersection over union: its mean over the classes, and that of each class.

    Of a class, the intersection is the number of pixels that have it and were given it, the union the number of pixels
    that have it or were given it. A class with an empty union has no IoU: it is NaN and left out of the mean.

    Parameters
    ----------
    confusion : tensor (C, C)
        Counts: rows are true classes, columns predicted ones, as `confusion_matrix` gives them.

    Returns
    -------
    mean : float
        Every class with a union counts the same, however many pixels it has.
    iou : float64 tensor (C,)

    Raises
    ------
    TypeError
        If `confusion` is no tensor.
    ValueError
        If it is not square, has a negative count, or counts no pixel at all.

    Notes
    -----
    "Mean IU" in J. Long, E. Shelhamer and T. Darrell, Fully Convolutional Networks for Semantic Segmentation, CVPR 2015,
    section 5.

    Examples
    --------
    >>> mean, iou = mean_iou(torch.tensor([[2, 1], [0, 2]]))
    >>> round(mean, 3), [round(value, 3) for value in iou.tolist()]
    (0.667, [0.667, 0.667])
    """
    raise NotImplementedError


@exercise(
    title="Start as bilinear interpolation",
    points=4,
    minutes=25,
    difficulty=2,
    forbids=("scipy", "torch.nn.functional.interpolate", "torch.nn.functional.upsample"),
    hints=(
        "Chapter 6's `bilinear_kernel` has the numbers: a tent along each axis, and zeros between different channels.",
        "Along an axis with stride s the kernel has K = 2s - s % 2 taps, and tap k is 1 - |k - (K - 1) / 2| / s.",
        "Under torch.no_grad(): layer.weight.zero_(); then for every channel c layer.weight[c, c] = rows[:, None] * columns. "
        "A bias is set to 0. Return the layer.",
    ),
)
def fill_bilinear_(layer: nn.ConvTranspose2d) -> nn.ConvTranspose2d:
    """Set the weights of a transposed convolution such that it enlarges each channel by bilinear interpolation.

    Along an axis with stride s the kernel has K = 2s - s % 2 taps; tap k is 1 - |k - (K - 1) / 2| / s. The kernel of a
    channel to itself is the product of both axes' taps, that to any other channel is 0, and a bias is 0.

    Parameters
    ----------
    layer : ConvTranspose2d
        With as many channels out as in, one group, no dilation, and the kernel 2s - s % 2 along each axis. Its stride may
        be another along each axis. It is changed in place; its parameters stay the same objects, trained or not as before.

    Returns
    -------
    layer : ConvTranspose2d
        The same object.

    Raises
    ------
    TypeError
        If `layer` is no ConvTranspose2d.
    ValueError
        If its channels, groups, kernel or dilation are others.

    Notes
    -----
    Long and others (2015), sections 3.3 and 4.3.

    Examples
    --------
    >>> layer = fill_bilinear_(nn.ConvTranspose2d(2, 2, (4, 1), stride=(2, 1)))
    >>> layer.weight[0, 0, :, 0].tolist(), layer.weight[0, 1, :, 0].tolist()
    ([0.25, 0.75, 0.75, 0.25], [0.0, 0.0, 0.0, 0.0])
    """
    raise NotImplementedError


@exercise(
    title="FCN-8s: a classifier at every place, and two skips",
    points=6,
    minutes=60,
    difficulty=3,
    needs=("fill_bilinear_",),
    forbids=("scipy", "torchvision"),
    hints=(
        "Write the encoder as a loop over the blocks (2, 2, 3, 3, 3 convolutions, each with a ReLU, then a pooling), and keep "
        "what each pooling gives. fc6 and fc7 follow as convolutions.",
        "Three times: enlarge what there is; the first two times cut it to the size of a pooling's scores and add these: first "
        "pool4's, then pool3's. The last time cut it to the size of x.",
        "A transposed convolution with kernel 2s, stride s, padding s // 2 and no bias makes a map s times as large. Poolings "
        "with ceil_mode=True never leave a row out, so that what is enlarged is never too small: x[:, :, :height, :width].",
        "self.up8.weight.requires_grad_(False) keeps the last layer as it was filled. Dropout: "
        "functional.dropout(x, 0.5, self.training), behind the ReLUs of fc6 and fc7.",
    ),
)
class FCN8s(nn.Module):
    """VGG-16 made fully convolutional, with scores of pool3 and pool4 added on the way back to the picture's size.

    Let c(n) = max(1, round(width * n)). Down: 13 convolutions 3 x 3, padding 1, each with a ReLU, in blocks of 2, 2, 3, 3
    and 3 with c(64), c(128), c(256), c(512), c(512) channels; a max-pooling by 2 that rounds up (ceil_mode) behind each
    block. Then a convolution 7 x 7, padding 3, to c(4096) channels and one of 1 x 1, each with ReLU and dropout of 0.5, and
    1 x 1 scores. Up: the scores enlarged by 2, plus pool4's scores; enlarged by 2, plus pool3's scores; enlarged by 8.
    Enlarging is a transposed convolution with kernel 2s, stride s, padding s / 2, no bias, that starts bilinear. What is too
    large after it, by a row or column at the end, is cut off. The last one is not trained (requires_grad False).

    Parameters
    ----------
    in_channels, classes : int
        At least 1.
    width : float
        Above 0. With 1.0 the channels are the paper's.

    Attributes
    ----------
    encoder
        ModuleList of the 13 convolutions.
    fc6, fc7, score, score_pool4, score_pool3
        Convolutions; the three scores have the classes as channels.
    up2, up4, up8
        Transposed convolutions, in this order on the way.

    Methods
    -------
    forward(x)
        Tensor (N, in_channels, H, W) of any size to scores (N, classes, H, W).

    Raises
    ------
    ValueError
        If `width` is not a positive number, `in_channels` or `classes` is below 1, or `x` has other channels.

    Notes
    -----
    Long and others (2015). The paper pads the picture by 100 and crops in the middle; padding fc6 takes the place of that.

    Examples
    --------
    >>> with torch.device("meta"):                          # full size, and no memory for it
    ...     net = FCN8s(3, 21)
    >>> sum(parameter.numel() for parameter in net.parameters())
    134489759
    """

    def __init__(self, in_channels: int, classes: int, width: float = 1.0) -> None:
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


@exercise(
    title="SegNet: switches tell where",
    points=5,
    minutes=45,
    difficulty=2,
    forbids=("scipy", "torchvision"),
    hints=(
        "Chapter 7's `encode` keeps the switches and sizes of each pooling. Here the blocks have two or three convolutions.",
        "The way back takes the last pooling's switches first: a list as a stack, append and pop.",
        "functional.max_pool2d(x, 2, return_indices=True), and functional.max_unpool2d(x, where, 2, output_size=size). "
        "The very last convolution has neither norm nor ReLU: its numbers are the scores.",
    ),
)
class SegNet(nn.Module):
    """VGG-16's convolutions down, their mirror image up, with switches handed from each pooling to its unpooling.

    Let c(n) = max(1, round(width * n)). Down: 13 convolutions 3 x 3, padding 1, in blocks of 2, 2, 3, 3, 3 with c(64),
    c(128), c(256), c(512), c(512) channels, each with batch normalization and ReLU; a max-pooling by 2 behind each block.
    Up: an unpooling, with the switches and to the size of before its pooling, then convolutions of the same kind: 3 to
    c(512), c(512), c(512); 3 to c(512), c(512), c(256); 3 to c(256), c(256), c(128); 2 to c(128), c(64); 2 to c(64) and the
    classes. The last convolution has no batch normalization and no ReLU.

    Parameters
    ----------
    in_channels, classes : int
        At least 1.
    width : float
        Above 0. With 1.0 the channels are the paper's.

    Attributes
    ----------
    encoder, decoder
        ModuleLists of 13 convolutions each, in the order of the way.
    encoder_norms, decoder_norms
        ModuleLists of their 13 and 12 batch normalizations.

    Methods
    -------
    forward(x)
        Tensor (N, in_channels, H, W), at least 32 high and wide, to scores (N, classes, H, W).

    Raises
    ------
    ValueError
        If `width` is not a positive number, `in_channels` or `classes` is below 1, or `x` has other channels or is smaller.

    Notes
    -----
    V. Badrinarayanan, A. Kendall and R. Cipolla, SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image
    Segmentation, TPAMI 39(12), 2017, section 3.

    Examples
    --------
    >>> with torch.device("meta"):                          # full size, and no memory for it
    ...     net = SegNet(3, 12)
    >>> sum(parameter.numel() for parameter in net.parameters())
    29449932
    """

    def __init__(self, in_channels: int, classes: int, width: float = 1.0) -> None:
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


@exercise(
    title="The DeconvNet of 2015",
    points=5,
    minutes=45,
    difficulty=2,
    forbids=("scipy", "torchvision"),
    hints=(
        "It is SegNet with a fully connected waist, and with transposed convolutions on the way back. If you have written "
        "SegNet, most of the forward pass is there.",
        "The waist: fc6, fc7 and unfc6, each with its norm and a ReLU. fc6 has the whole last map as its kernel, so that one "
        "place is left; unfc6 has the same kernel, and makes the map again.",
        "kernel = (image_size[0] // 32, image_size[1] // 32). The transposed convolutions 3 x 3 have padding 1: they keep the "
        "size. Every one of them has norm and ReLU; `score` comes behind the last.",
    ),
)
class NohDeconvNet(nn.Module):
    """VGG-16 down to one vector, and its mirror image of unpooling and transposed convolutions up again.

    Let c(n) = max(1, round(width * n)). Down: as in SegNet, 13 convolutions with batch normalization and ReLU, five
    max-poolings by 2 that keep their switches. The waist: fc6, a convolution without padding to c(4096) channels, whose
    kernel is the whole map that `image_size` is pooled to, (H // 32, W // 32); fc7, 1 x 1 to c(4096); unfc6, a transposed
    convolution with fc6's kernel back to c(512). Each has batch normalization and ReLU. Up: unpoolings as in SegNet, each
    before 3, 3, 3, 2 and 2 transposed convolutions 3 x 3, padding 1, with batch normalization and ReLU: c(512), c(512),
    c(512); c(512), c(512), c(256); c(256), c(256), c(128); c(128), c(64); c(64), c(64). Then 1 x 1 scores.

    Parameters
    ----------
    in_channels, classes : int
        At least 1.
    width : float
        Above 0. With 1.0 the channels are the paper's.
    image_size : int or (H, W)
        At least 32. The size for which the waist is one place.

    Attributes
    ----------
    encoder, decoder
        ModuleLists of 13 convolutions and of 13 transposed convolutions, in the order of the way.
    encoder_norms, decoder_norms
        ModuleLists of their batch normalizations, 13 each.
    fc6, fc7, unfc6, fc6_norm, fc7_norm, unfc6_norm
        The waist.
    score
        The last convolution, 1 x 1.

    Methods
    -------
    forward(x)
        Tensor (N, in_channels, H, W), at least `image_size`, to scores (N, classes, H, W).

    Raises
    ------
    ValueError
        If `width` is not a positive number, `in_channels` or `classes` is below 1, `image_size` below 32, or `x` has other
        channels or is smaller than `image_size`.

    Notes
    -----
    H. Noh, S. Hong and B. Han, Learning Deconvolution Network for Semantic Segmentation, ICCV 2015, section 3.

    Examples
    --------
    >>> with torch.device("meta"):                          # full size, and no memory for it
    ...     net = NohDeconvNet(3, 21)
    >>> sum(parameter.numel() for parameter in net.parameters())
    251805653
    """

    def __init__(
        self, in_channels: int, classes: int, width: float = 1.0, image_size: int | tuple[int, int] = 224
    ) -> None:
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


@exercise(
    title="U-Net: copies tell what and where",
    points=6,
    minutes=60,
    difficulty=3,
    forbids=("scipy", "torchvision"),
    hints=(
        "Five levels down, with a pooling before each but the first. What enters a pooling is also kept as a copy.",
        "Up again: enlarge with up[level], take the last copy, cut its middle to the size of the enlarged map, lay the two "
        "together along the channels, then two convolutions with ReLU.",
        "The middle: top = (copy.shape[2] - x.shape[2]) // 2, and the same for left. torch.cat((copy, x), dim=1): the copy "
        "first. With padding 1 nothing is cut.",
        "Without padding a size n fits if n >= 188 and n % 16 == 12, with padding 1 if n >= 16 and n % 16 == 0.",
    ),
)
class UNet(nn.Module):
    """Convolutions and poolings down, up-convolutions up, and at every level a copy of the encoder's maps beside.

    Let c(n) = max(1, round(width * n)). Down: on five levels with c(64), c(128), c(256), c(512), c(1024) channels two
    convolutions 3 x 3 with ReLU, and between the levels a max-pooling by 2. Up, four times: a transposed convolution 2 x 2,
    stride 2, to the channels of the level above, without ReLU; that level's maps, as they were before the pooling, cut to
    their middle where they are larger, laid before it along the channels; two convolutions 3 x 3 with ReLU. Then 1 x 1
    scores.

    Parameters
    ----------
    in_channels, classes : int
        At least 1.
    width : float
        Above 0. With 1.0 the channels are the paper's.
    padding : 0 or 1
        Of every 3 x 3 convolution. The paper's is 0, 572 x 572 pixels to 388 x 388 scores; 1 keeps the size.

    Attributes
    ----------
    down, up, merge
        ModuleLists of 10 convolutions, 4 transposed convolutions and 8 convolutions, in the order of the way.
    score
        The last convolution, 1 x 1.

    Methods
    -------
    forward(x)
        Tensor (N, in_channels, H, W) to scores: (N, classes, H, W) with padding 1, (N, classes, H-184, W-184) with 0.

    Raises
    ------
    ValueError
        If `width` is not a positive number, `in_channels` or `classes` is below 1, `padding` is neither 0 nor 1, or `x` has
        other channels or a height or width that cannot be halved four times: with padding 1 multiples of 16 from 16 on,
        with padding 0 numbers 16k + 12 from 188 on.

    Notes
    -----
    O. Ronneberger, P. Fischer and T. Brox, U-Net: Convolutional Networks for Biomedical Image Segmentation, MICCAI 2015,
    section 2 and figure 1.

    Examples
    --------
    >>> with torch.device("meta"):                          # full size, and no memory for it
    ...     net = UNet(1, 2)
    >>> sum(parameter.numel() for parameter in net.parameters())
    31030658
    """

    def __init__(self, in_channels: int, classes: int, width: float = 1.0, padding: int = 1) -> None:
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError
