"""Chapter 1: what a convolution layer computes."""

from __future__ import annotations

import numpy as np

from deconvlib.course.arguments import array, integer, pair  # noqa: F401 (for your answers)
from deconvlib.course.exercise import exercise


@exercise(
    title="Slide a window",
    points=6,
    minutes=15,
    difficulty=1,
    hints=(
        "How many places can a K x L window take inside an H x W image? That is the shape of the answer.",
        "In NumPy the article's k - 1 is simply k, because k starts at 0. Output (i, j) reads x[c, i + k, j + l].",
        "Start from np.zeros((H - K + 1, W - L + 1), np.result_type(x, w)). For each output (i, j) take the window "
        "x[:, i:i+K, j:j+L], multiply it with w cell by cell, and add everything up: channels too.",
    ),
)
def correlate2d(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Slide one kernel over one image, as the article's formula says.

    Parameters
    ----------
    x
        Image, (C, H, W).
    w
        Kernel, (C, K, L), with K <= H and L <= W. It is not flipped.

    Returns
    -------
    numpy.ndarray
        (H - K + 1, W - L + 1), of dtype ``np.result_type(x, w)``: whole numbers in, whole numbers out.

    Raises
    ------
    ValueError
        If the channels of `x` and `w` differ, or the kernel does not fit in the image.

    Notes
    -----
    Equation (1.2) of the chapter. Loops are fine here.

    Examples
    --------
    >>> correlate2d(np.array([[[1, 2, 3]]]), np.array([[[1, 10]]]))
    array([[21, 32]])
    """
    raise NotImplementedError


@exercise(
    title="Output size",
    points=4,
    minutes=10,
    difficulty=1,
    hints=(
        "Draw n + 2 * padding cells in a row. The window's first place is at the left end. How far can it still move?",
        "From its first tap to its last, a dilated kernel spans dilation * (kernel - 1) + 1 cells.",
        "With room = n + 2 * padding - span: no room at all (negative) is the ValueError. Otherwise count the first "
        "place, and one more for every whole stride that fits in room: // does that, and keeps an int.",
    ),
)
def conv_output_size(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Count the places of a window along one axis.

    Parameters
    ----------
    n
        Pixels along the axis, at least 1.
    kernel
        Taps of the kernel, at least 1.
    stride
        Pixels from one place to the next, at least 1.
    padding
        Zeros added at each of the two ends, at least 0.
    dilation
        Pixels from one tap to the next, at least 1.

    Returns
    -------
    int
        Number of outputs.

    Raises
    ------
    ValueError
        If the kernel does not fit in the padded input, or a number is below its least value.
    TypeError
        If a number is not an int. ``integer(name, value, minimum)``, imported above, checks both.

    Notes
    -----
    Equation (1.4) of the chapter; see also Dumoulin & Visin (2016).

    Examples
    --------
    >>> conv_output_size(224, kernel=7, stride=2, padding=3)
    112
    """
    raise NotImplementedError


@exercise(
    title="Windows as columns",
    points=10,
    minutes=25,
    difficulty=3,
    needs=("conv_output_size",),
    hints=(
        "Column p of the answer is one window laid out flat. Get a single window right first: which pixels, in which "
        "order? Channel by channel, and each channel row by row.",
        "np.lib.stride_tricks.sliding_window_view(x, (rows, columns), axis=(2, 3)) gives every window, without a copy, "
        "as (N, C, places down, places across, rows, columns). Pad before it.",
        "Ask it for the dilated extent, d * (K - 1) + 1. Then slices do the rest: [::s] on the places is the stride, "
        "[::d] inside the window is the dilation.",
        "Bring the axes into the order (N, C, K, L, out_h, out_w) with transpose, then reshape. If no padding was "
        "added, make sure that the result is a copy: a 1 x 1 kernel leaves nothing for reshape to copy.",
    ),
)
def im2col(
    x: np.ndarray,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
) -> np.ndarray:
    """Copy every window of a batch of images into a column.

    Parameters
    ----------
    x
        Images, (N, C, H, W).
    kernel
        Rows and columns of the window, (K, L), or one int for both.
    stride, padding, dilation
        As in `conv_output_size`; an int, or a pair (rows, columns).

    Returns
    -------
    numpy.ndarray
        (N, C * K * L, out_h * out_w), of the dtype of `x`. Rows go through (c, k, l) and columns through (i, j), the
        last index fastest. Pixels outside the image are 0.

    Raises
    ------
    ValueError
        If the kernel does not fit in the padded images.

    Notes
    -----
    The same as ``torch.nn.functional.unfold``. The result must not share memory with `x`.

    Examples
    --------
    >>> im2col(np.array([[[[1, 2, 3], [4, 5, 6]]]]), kernel=2)
    array([[[1, 2],
            [2, 3],
            [4, 5],
            [5, 6]]])
    """
    raise NotImplementedError


@exercise(
    title="The whole layer",
    points=12,
    minutes=30,
    difficulty=3,
    needs=("conv_output_size", "im2col"),
    hints=(
        "With groups=1 and no bias it is one matrix product: filters laid flat as rows, windows laid flat as columns.",
        "w.reshape(O, C * K * L) @ im2col(x, ...) has shape (N, O, out_h * out_w), because @ repeats the product for "
        "every image of the batch. The sizes for the last reshape come from conv_output_size.",
        "Groups split both the input and the output channels into consecutive blocks. Give rows and columns an axis of "
        "length groups: w.reshape(G, O // G, -1) and columns.reshape(N, G, -1, out_h * out_w).",
        "y = (w.reshape(G, O // G, -1) @ columns.reshape(N, G, -1, P)).reshape(N, O, out_h, out_w), then add "
        "bias[:, None, None] if there is one. Check first that C and O divide by G and that w has C // G channels.",
    ),
)
def conv2d(
    x: np.ndarray,
    w: np.ndarray,
    bias: np.ndarray | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> np.ndarray:
    """Compute a convolution layer.

    Parameters
    ----------
    x
        Images, (N, C, H, W).
    w
        Filters, (O, C // groups, K, L). They are not flipped.
    bias
        One number for each filter, (O,), or None. Its dtype should be that of `w`.
    stride, padding, dilation
        As in `conv_output_size`; an int, or a pair (rows, columns).
    groups
        Blocks that input and output channels are split into; must divide both. Block g of the outputs sees block g of
        the inputs only.

    Returns
    -------
    numpy.ndarray
        (N, O, out_h, out_w), of dtype ``np.result_type(x, w)``.

    Raises
    ------
    ValueError
        If the kernel does not fit in the padded images, `groups` does not divide the channels, or the channels of `w`
        or the length of `bias` are wrong.

    Notes
    -----
    Equation (1.5) of the chapter; the same as ``torch.nn.functional.conv2d``. No Python loop over pixels: a
    million outputs must take well under a second.

    Examples
    --------
    >>> conv2d(np.array([[[[1, 2, 3, 4]]]]), np.array([[[[1, 10]]]]), bias=np.array([100]), stride=2)
    array([[[[121, 143]]]])
    """
    raise NotImplementedError


@exercise(
    title="True convolution",
    points=6,
    minutes=15,
    difficulty=2,
    hints=(
        "Let every pixel speak: pixel (i, j) lays a copy of the kernel, times its value, on the output. Where copies "
        "overlap they add up.",
        "The first copy starts at (0, 0), the last at (H - 1, W - 1), and each is K x L large. That gives the shape.",
        "Loop over the kernel's taps rather than over pixels: y[k:k+H, l:l+W] += w[k, l] * x.",
    ),
)
def convolve2d_full(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Convolve two images in the mathematician's sense, keeping every overlap.

    Parameters
    ----------
    x
        Image, (H, W).
    w
        Kernel, (K, L). It may be larger than the image: the two are interchangeable.

    Returns
    -------
    numpy.ndarray
        (H + K - 1, W + L - 1), of dtype ``np.result_type(x, w)``.

    Raises
    ------
    ValueError
        If `x` or `w` does not have two axes. ``array("x", x, axes="HW")``, imported above, checks that.

    Notes
    -----
    Equation (1.6) of the chapter: ``y[a, b]`` adds ``w[k, l] * x[a - k, b - l]`` over all taps that fall inside `x`.
    The same as ``scipy.signal.convolve2d(x, w, mode="full")``, and in one dimension as ``np.convolve``.

    Examples
    --------
    >>> convolve2d_full(np.array([[1, 2, 3]]), np.array([[1, 10]]))
    array([[ 1, 12, 23, 30]])
    """
    raise NotImplementedError


@exercise(
    title="Receptive field",
    points=6,
    minutes=15,
    difficulty=2,
    hints=(
        "Keep track of how many image pixels lie between two neighboring units: 1 in the image itself, and every "
        "stride multiplies it. Call it jump.",
        "A layer with kernel k adds k - 1 neighbors to the field, each one jump further. The jump is the one in front "
        "of the layer: its own stride comes after.",
        "Padding p moves the first window p units to the left in that layer's input, which is p * jump pixels.",
        "size, jump, offset = 1, 1, 0; for each layer: size += (k - 1) * jump; offset -= p * jump; jump *= s.",
    ),
)
def receptive_field(layers: list[tuple[int, int, int]]) -> tuple[int, int, int]:
    """Find which input pixels a unit behind several layers sees, along one axis.

    Parameters
    ----------
    layers
        (kernel, stride, padding) of each layer, the first layer first. An empty list leaves the pixels themselves.

    Returns
    -------
    size : int
        Pixels in the field of one unit.
    stride : int
        Pixels from one unit's field to the next unit's.
    offset : int
        Index of the pixel where the first unit's field starts; negative if it starts in the padding. Unit i sees the
        pixels from ``offset + i * stride`` up to, not including, ``offset + i * stride + size``.

    Raises
    ------
    ValueError
        If a layer is not a triple, or a number is out of range.

    Notes
    -----
    Equation (1.8) of the chapter; derived at length by Araujo, Norris & Sim (2019).

    Examples
    --------
    >>> receptive_field([(3, 2, 1), (3, 1, 1)])
    (7, 2, -3)
    """
    raise NotImplementedError
