"""Ways to enlarge: where checkerboards come from, and the layers that avoid them. Chapter 6."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deconvlib.convolution import conv2d  # noqa: F401 (for your answers)
from deconvlib.course.arguments import array, integer, pair  # noqa: F401 (for your answers)
from deconvlib.course.exercise import exercise


@exercise(
    title="How many stamps reach each output",
    points=2,
    minutes=10,
    difficulty=1,
    hints=(
        "Input i stamps the outputs from i * stride to i * stride + kernel - 1. Start from zeros and let every stamp "
        "add 1 to what it covers.",
        "counts[i * stride : i * stride + kernel] += 1 for each i. The result holds whole numbers: give np.zeros the "
        "dtype np.int64.",
    ),
)
def overlap_map(n: int, kernel: int, stride: int) -> np.ndarray:
    """Count the inputs that reach each output of a transposed convolution along one axis.

    Parameters
    ----------
    n : int
        Inputs.
    kernel, stride : int
        Of the transposed convolution, in output pixels. No padding: nothing is cropped.

    Returns
    -------
    array ((n - 1) * stride + kernel,), int64
        0 where a stride larger than the kernel leaves gaps.

    Raises
    ------
    ValueError
        If one of them is below 1.

    Notes
    -----
    In two dimensions the counts multiply: ``np.outer(rows, columns)``.

    Examples
    --------
    >>> overlap_map(3, 3, 2).tolist()
    [1, 1, 2, 1, 2, 1, 1]
    """
    raise NotImplementedError


@exercise(
    title="How much of a picture is checkerboard",
    points=5,
    minutes=20,
    difficulty=2,
    hints=(
        "Crop first, rows and columns, to multiples of the stride: x[: H - H % s]. Then np.fft.fft2 gives the spectrum, "
        "and its power is the squared magnitude.",
        "Frequency (a / s, b / s), in cycles a pixel, stands at index (a * H / s, b * W / s) of the spectrum. So every "
        "(H / s)-th row and (W / s)-th column: power[:: H // s, :: W // s], without its first entry.",
        "The mean is entry [0, 0]. It counts neither in the numerator nor in the denominator. A constant image has no "
        "other power: return 0.0 before you divide, and do not trust the spectrum there, it holds rounding.",
        "There is a way without a spectrum. Average each of the s * s phases x[i::s, j::s]. The result is the variance "
        "of these averages over the variance of the image.",
    ),
)
def checkerboard_energy(image: np.ndarray, stride: int | tuple[int, int]) -> float:
    """Return the share of an image's power that repeats with the stride.

    Power at the frequencies (a / stride, b / stride) in cycles a pixel, (a, b) != (0, 0), as a share of all power but
    the mean's.

    Parameters
    ----------
    image : array (H, W)
        Cropped at the bottom and right to multiples of the stride.
    stride : int or (height, width)

    Returns
    -------
    float
        From 0 to 1. 0.0 for an image that is constant after the crop.

    Raises
    ------
    ValueError
        If the crop leaves nothing.

    Examples
    --------
    >>> checkerboard_energy(np.array([[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0]]), 2)
    1.0
    >>> checkerboard_energy(np.array([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]]), 2)
    0.0
    """
    raise NotImplementedError


@exercise(
    title="The kernel of linear interpolation",
    points=4,
    minutes=15,
    difficulty=2,
    hints=(
        "Draw one row for stride 2: four weights, symmetric, a tent. They stand at distances 0.75, 0.25, 0.25, 0.75 of a "
        "pixel of the small image from the middle of the kernel, and the tent is 1 - distance.",
        "Weight i of K stands at distance |i - (K - 1) / 2| / stride from the middle.",
        "tent = 1 - abs(np.arange(K) - (K - 1) / 2) / stride; the kernel is np.outer(tent, tent). It belongs at "
        "w[c, c] for each channel c, and zeros everywhere else.",
    ),
)
def bilinear_kernel(stride: int, channels: int) -> np.ndarray:
    """Return transposed-convolution weights that interpolate linearly, each channel by itself.

    Parameters
    ----------
    stride : int
        The enlargement.
    channels : int
        C.

    Returns
    -------
    w : float64 array (C, C, K, K), K = 2 * stride - stride % 2
        0 between different channels. The weights of one kernel add up to stride ** 2, which keeps the brightness.

    Raises
    ------
    ValueError
        If one of them is below 1.

    Notes
    -----
    J. Long, E. Shelhamer and T. Darrell, Fully Convolutional Networks for Semantic Segmentation, CVPR 2015: their last
    upsampling layer is fixed to this kernel, the others start from it.

    Examples
    --------
    >>> bilinear_kernel(2, 1)[0, 0, 1].tolist()
    [0.1875, 0.5625, 0.5625, 0.1875]
    """
    raise NotImplementedError


@exercise(
    title="Channels become pixels",
    points=4,
    minutes=15,
    difficulty=2,
    hints=(
        "Output pixel (i * r + a, j * r + b) of channel c comes from pixel (i, j) of channel c * r * r + a * r + b.",
        "Split the channel axis in three, (C, r, r), with reshape. Which order of the six axes puts a right behind the "
        "rows and b right behind the columns?",
        "x.reshape(N, C, r, r, H, W).transpose(0, 1, 4, 2, 5, 3).reshape(N, C, H * r, W * r). Where r is 1 that may be a "
        "view of x: return a copy.",
    ),
)
def pixel_shuffle(x: np.ndarray, r: int) -> np.ndarray:
    """Rearrange groups of r * r channels into blocks of r x r pixels.

    Parameters
    ----------
    x : array (N, C * r * r, H, W)
    r : int
        The enlargement.

    Returns
    -------
    array (N, C, H * r, W * r), dtype of `x`
        Block (i, j) of channel c holds the channels c * r * r to c * r * r + r * r - 1 of pixel (i, j), in reading
        order. As ``torch.nn.functional.pixel_shuffle``.

    Raises
    ------
    ValueError
        If r * r does not divide the channels.

    Notes
    -----
    W. Shi et al., Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural
    Network, CVPR 2016.

    Examples
    --------
    >>> pixel_shuffle(np.arange(8).reshape(1, 4, 1, 2), 2).tolist()
    [[[[0, 2, 1, 3], [4, 6, 5, 7]]]]
    """
    raise NotImplementedError


@exercise(
    title="The same layer at low resolution",
    points=8,
    minutes=35,
    difficulty=3,
    needs=("pixel_shuffle",),
    hints=(
        "Work along one axis first. Which taps of the kernel can reach output q * s + a? Input i reaches it with tap "
        "q * s + a - i * s: taps a, a + s, a + 2 * s, ... So each phase a has its own small kernel.",
        "Pad the kernel with zeros at its end to k * s taps. Then padded.reshape(k, s) has the taps of phase a in its "
        "column a.",
        "Tap a + m * s meets input q - m: as m grows, the input index falls. conv2d pairs rising with rising, so each "
        "small kernel must be turned round, along rows and columns.",
        "w padded to (C_in, C_out, k*s, l*s).reshape(C_in, C_out, k, s, l, s); flip axes 2 and 4; transpose to (C_out, "
        "s, s, C_in, k, l), that is (1, 3, 5, 0, 2, 4); reshape to (C_out*s*s, C_in, k, l).",
    ),
)
def subpixel_weights(w: np.ndarray, stride: int) -> np.ndarray:
    """Turn the weights of a transposed convolution into those of a convolution whose result is pixel-shuffled.

    With k = ceil(K / stride) and l = ceil(L / stride),
    ``pixel_shuffle(conv2d(y, v, padding=(k - 1, l - 1)), stride)``, cropped at the bottom and right to
    ((H - 1) * stride + K, (W - 1) * stride + L), equals ``conv_transpose2d(y, w, stride=stride)``.

    Parameters
    ----------
    w : array (C_in, C_out, K, L)
    stride : int

    Returns
    -------
    v : array (C_out * stride * stride, C_in, k, l), dtype of `w`
        Every weight of `w` once, and zeros where the stride does not divide the kernel.

    Raises
    ------
    ValueError
        If the stride is below 1.

    Notes
    -----
    W. Shi et al., Is the deconvolution layer the same as a convolutional layer?, 2016 (arXiv:1609.07009).

    Examples
    --------
    >>> subpixel_weights(np.array([[[[1, 2, 3]]]]), 2)[:2, 0, 0].tolist()
    [[3, 1], [0, 2]]
    """
    raise NotImplementedError


@exercise(
    title="A start without checkerboards",
    points=3,
    minutes=10,
    difficulty=1,
    needs=("pixel_shuffle",),
    hints=(
        "The pixel shuffle puts channels c*r*r to c*r*r + r*r - 1 into one block. For the block to be flat these "
        "channels must be alike, so their kernels must be equal.",
        "Draw C = shape[0] // r**2 kernels with one call, init((C, C_in, K, L), rng), and repeat each r * r times in a "
        "row. np.repeat does that, np.tile does not.",
    ),
)
def icnr(
    shape: tuple[int, int, int, int],
    r: int,
    init: Callable[[tuple[int, ...], np.random.Generator], np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw weights with which convolution and pixel shuffle start as convolution and nearest-neighbor enlargement.

    Parameters
    ----------
    shape : (C * r * r, C_in, K, L)
        Of the weights.
    r : int
        Of the `pixel_shuffle` that follows.
    init : callable
        ``init((C, C_in, K, L), rng)`` draws an array of that shape. Called once, both arguments by position.
    rng : numpy.random.Generator
        Handed to `init`.

    Returns
    -------
    array of `shape`, dtype of what `init` draws

    Raises
    ------
    ValueError
        If r * r does not divide shape[0], or `init` draws another shape.

    Notes
    -----
    A. Aitken et al., Checkerboard artifact free sub-pixel convolution, 2017 (arXiv:1707.02937).

    Examples
    --------
    >>> def count_up(shape, rng):
    ...     return np.arange(np.prod(shape)).reshape(shape)
    >>> icnr((8, 1, 1, 1), 2, count_up, np.random.default_rng(0)).ravel().tolist()
    [0, 0, 0, 0, 1, 1, 1, 1]
    """
    raise NotImplementedError


@exercise(
    title="Enlarge, then convolve",
    points=6,
    minutes=25,
    difficulty=2,
    needs=("conv2d",),
    hints=(
        "Two steps. Enlarge x by the scale, then call conv2d with the padding that keeps the size: (K - 1) / 2 rows and "
        "(L - 1) / 2 columns.",
        "nearest: every pixel scale times along rows and along columns, which is np.repeat.",
        "bilinear: pixel u of the large image has its center at (u + 0.5) / scale - 0.5 in the small one. Clip that to 0 "
        "... n - 1, split it in a whole part i and a fraction t, and mix x[i] and x[i + 1] with 1 - t and t.",
        "One axis at a time: place = np.clip((np.arange(n * scale) + 0.5) / scale - 0.5, 0, n - 1); low = "
        "place.astype(int); high = np.minimum(low + 1, n - 1). Mind the dtypes: the fractions are float64, and whole "
        "numbers cannot hold what lies between.",
    ),
)
def resize_conv2d(x: np.ndarray, w: np.ndarray, scale: int, mode: str = "nearest") -> np.ndarray:
    """Enlarge an image by a whole number, then convolve it and keep its size.

    Parameters
    ----------
    x : array (N, C, H, W)
    w : array (O, C, K, L)
        Odd K and L. Used as `conv2d` uses it, with zero padding.
    scale : int
        The enlargement.
    mode : {"nearest", "bilinear"}
        Repeat each pixel, or interpolate linearly with half-pixel centers: pixel u of the result has its center at
        (u + 0.5) / scale - 0.5, clipped to 0 ... n - 1. As ``torch.nn.functional.interpolate`` without ``align_corners``.

    Returns
    -------
    array (N, O, H * scale, W * scale)
        dtype ``np.result_type(x, w)``; with "bilinear" float64 if that is not floating.

    Raises
    ------
    ValueError
        If K or L is even, the mode is another, or the channels disagree.

    Notes
    -----
    A. Odena, V. Dumoulin and C. Olah, Deconvolution and Checkerboard Artifacts, Distill, 2016.

    Examples
    --------
    >>> resize_conv2d(np.array([[[[1, 2]]]]), np.array([[[[0, 0, 1]]]]), 2).tolist()
    [[[[1, 2, 2, 0], [1, 2, 2, 0]]]]
    """
    raise NotImplementedError
