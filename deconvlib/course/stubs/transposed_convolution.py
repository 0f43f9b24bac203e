"""Chapter 3: running a convolution backward, and what that can mean."""

from __future__ import annotations

import numpy as np

from deconvlib.convolution import conv2d, conv_output_size  # noqa: F401 (for your answers)
from deconvlib.course.arguments import array, integer, pair  # noqa: F401 (for your answers)
from deconvlib.course.exercise import exercise


@exercise(
    title="Size of a transposed convolution",
    points=4,
    minutes=10,
    difficulty=1,
    hints=(
        "Forget padding at first. Where does the first stamp start, where does the last one start, and where does that "
        "one end?",
        "The last of n stamps starts at (n - 1) * stride. A kernel with dilation d spans d * (kernel - 1) + 1 pixels. "
        "Padding then takes from both ends; output_padding gives back at one.",
        "(n - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding + output_padding. Refuse a result below 1, and an "
        'output_padding that is at least as large as the larger of stride and dilation. integer("stride", stride, 1) '
        "refuses a stride below 1; do the same for the others.",
    ),
)
def conv_transpose_output_size(
    n: int, kernel: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """Count the pixels that a transposed convolution makes of `n`, along one axis.

    Parameters
    ----------
    n
        Pixels of the input.
    kernel
        Taps of the kernel.
    stride
        Pixels from one stamp to the next.
    padding
        Pixels cropped from each of the two ends.
    output_padding
        Pixels that the result is longer at its far end. Smaller than `stride` or smaller than `dilation`, as PyTorch
        asks.
    dilation
        Pixels from one tap of the kernel to the next.

    Returns
    -------
    int
        Pixels of the result, at least 1.

    Raises
    ------
    ValueError
        If `output_padding` is not smaller than the larger of `stride` and `dilation`, nothing is left over, or a
        number is out of range: `n`, `kernel`, `stride`, `dilation` start at 1, the paddings at 0.

    Notes
    -----
    Equation (3.6) of the chapter.

    Examples
    --------
    >>> conv_transpose_output_size(4, kernel=3, stride=2)
    9
    """
    raise NotImplementedError


@exercise(
    title="Choose output_padding",
    points=6,
    minutes=15,
    difficulty=2,
    hints=(
        "With stride 3, three input sizes of a convolution give one and the same output size. Which is the smallest of "
        "them?",
        "The smallest is the size of the transposed convolution with output_padding 0. The others are 1, 2, ... "
        "stride - 1 pixels longer.",
        "smallest = (n_in - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding; return n_out - smallest if that is "
        "in range(stride), else raise ValueError with both ends, smallest and smallest + stride - 1, in its message. "
        "No size is below 1.",
    ),
)
def output_padding_for(n_in: int, n_out: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Find the output_padding with which a transposed convolution makes `n_out` pixels of `n_in`, along one axis.

    Parameters
    ----------
    n_in
        Pixels of the transposed convolution's input (the convolution's output).
    n_out
        Pixels wanted (the convolution's input).
    kernel, stride, padding, dilation
        As in `conv_transpose_output_size`.

    Returns
    -------
    int
        From 0 to ``stride - 1``. So ``conv_output_size(n_out, ...)`` is `n_in`.

    Raises
    ------
    ValueError
        If the convolution does not map `n_out` pixels to `n_in`. The message names the smallest and the largest size
        (at least 1) that it does map to `n_in`. Also if padding leaves no such size, or a number is out of range.

    Notes
    -----
    Equation (3.7) of the chapter.

    Examples
    --------
    >>> output_padding_for(4, 8, kernel=3, stride=2, padding=1)
    1
    """
    raise NotImplementedError


@exercise(
    title="Stamp the kernel",
    points=10,
    minutes=25,
    difficulty=2,
    needs=("conv_transpose_output_size",),
    hints=(
        "Let the input speak: pixel (i, j) of y puts a copy of the kernel, times its value, on an empty canvas. "
        "Where two copies overlap, what should happen?",
        "The copy of pixel (i, j) starts at row i * stride, column j * stride, and copies add up. Stamp on a canvas that "
        "is large enough for all of them and for output_padding; take the part you need from it at the end. Padding "
        "is taken away: from the top and from the bottom, from the left and from the right.",
        "All channels of one pixel at once: np.tensordot(y[:, :, i, j], w, axes=1) has shape (N, C_out, K, L).",
        "canvas = np.zeros((N, C_out, out_h + 2 * p_h, out_w + 2 * p_w), np.result_type(y, w)); for each i, j: "
        "canvas[:, :, i*s_h : i*s_h + K, j*s_w : j*s_w + L] += stamp; return canvas[:, :, p_h : p_h + out_h, "
        "p_w : p_w + out_w].",
    ),
)
def stamp_transpose2d(
    y: np.ndarray,
    w: np.ndarray,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
) -> np.ndarray:
    """Transpose a convolution by stamping: each pixel of `y` lays down the kernel, times its value.

    Parameters
    ----------
    y
        Feature maps, (N, C_in, H, W).
    w
        Kernels, (C_in, C_out, K, L), as ``torch.nn.ConvTranspose2d`` keeps them. They are stamped as they are: not
        flipped.
    stride
        Pixels from one stamp to the next.
    padding
        Pixels cropped from every side of the stamped canvas.
    output_padding
        Pixels that the result is longer at the bottom and at the right.

    Returns
    -------
    numpy.ndarray
        (N, C_out, out_h, out_w), sizes as in `conv_transpose_output_size`, dtype ``np.result_type(y, w)``.

    Raises
    ------
    ValueError
        If the channels of `y` and `w` differ, `output_padding` is not smaller than `stride`, or nothing is left over.

    Notes
    -----
    Equation (3.5) of the chapter, with one group and no dilation. A loop over the pixels of `y` is fine here.

    Examples
    --------
    >>> stamp_transpose2d(np.array([[[[1, 2]]]]), np.array([[[[1, 10, 100]]]]), stride=(1, 2))
    array([[[[  1,  10, 102,  20, 200]]]])
    """
    raise NotImplementedError


@exercise(
    title="Put zeros between pixels",
    points=4,
    minutes=10,
    difficulty=1,
    hints=(
        "Start from zeros in the final shape. Which of their rows and columns receive y?",
        "There is nothing after the last pixel: n pixels have n - 1 gaps.",
        "spread = np.zeros((N, C, (H - 1) * s_h + 1, (W - 1) * s_w + 1), y.dtype), then assign to spread[:, :, ::s_h, "
        "::s_w].",
    ),
)
def insert_zeros(y: np.ndarray, stride: int | tuple[int, int]) -> np.ndarray:
    """Spread the pixels of `y` so that they lie `stride` apart, with zeros between them and none around them.

    Parameters
    ----------
    y
        Feature maps, (N, C, H, W).
    stride
        Pixels from one value to the next, at least 1; a pair is (rows, columns).

    Returns
    -------
    numpy.ndarray
        (N, C, (H - 1) * stride + 1, (W - 1) * stride + 1), of the dtype of `y`. Always a new array.

    Raises
    ------
    ValueError
        If `stride` is below 1.

    Notes
    -----
    Used by equation (3.8) of the chapter.

    Examples
    --------
    >>> insert_zeros(np.array([[[[1, 2, 3]]]]), stride=(1, 2))
    array([[[[1, 0, 2, 0, 3]]]])
    """
    raise NotImplementedError


@exercise(
    title="Add windows up: col2im",
    points=10,
    minutes=25,
    difficulty=3,
    needs=("conv_output_size", "im2col"),
    hints=(
        "im2col copies every pixel into each window that holds it. Its transpose sends every copy home. What happens to "
        "a pixel that several windows hold?",
        "Column i * out_w + j belongs to window (i, j), row (c * K + k) * L + l to channel c and tap (k, l). Reshape cols "
        "to (N, C, K, L, out_h, out_w), with out_h and out_w from conv_output_size.",
        "Work on a padded canvas, (N, C, H + 2 * p_h, W + 2 * p_w), and keep rows p_h : p_h + H in the end (a "
        "slice [p_h:-p_h] is empty when p_h is 0), columns likewise. Tap (k, l) of all windows lands on rows k * d_h, "
        "k * d_h + s_h, k * d_h + 2 * s_h, ...: a slice. Add to it: the slices of two taps overlap.",
        "for k, for l: canvas[:, :, k*d_h : k*d_h + out_h*s_h : s_h, l*d_w : l*d_w + out_w*s_w : s_w] += "
        "taps[:, :, k, l]",
    ),
)
def col2im(
    cols: np.ndarray,
    output_size: int | tuple[int, int],
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
) -> np.ndarray:
    """Add windows up into images: the transpose of `im2col`.

    Parameters
    ----------
    cols
        One window a column, as `im2col` lays them out: (N, C * K * L, out_h * out_w).
    output_size
        Height and width of the images.
    kernel, stride, padding, dilation
        Those of the `im2col` that is transposed. What lands in the padding is dropped.

    Returns
    -------
    numpy.ndarray
        (N, C, H, W), of the dtype of `cols`. Every pixel is the sum of its copies in `cols`.

    Raises
    ------
    ValueError
        If the rows of `cols` are not a multiple of K * L, its columns are not as many as there are windows, or the
        kernel does not fit in the padded images.

    Notes
    -----
    Equation (3.9) of the chapter; the same as ``torch.nn.functional.fold``. No Python loop over windows.

    Examples
    --------
    >>> col2im(np.ones((1, 4, 4), dtype=int), output_size=3, kernel=2)
    array([[[[1, 2, 1],
             [2, 4, 2],
             [1, 2, 1]]]])
    """
    raise NotImplementedError


@exercise(
    title="Transposed convolution",
    points=14,
    minutes=35,
    difficulty=3,
    needs=("conv2d", "conv_transpose_output_size", "insert_zeros", "col2im"),
    deadline=2.0,
    hints=(
        "You have two routes. Zero insertion: insert_zeros, then a conv2d of stride 1. Or, since conv2d is W @ im2col(x): "
        "multiply y by the transpose of W, then col2im. Write it for groups=1 first.",
        "Zero insertion: flip the kernel in both directions, and swap the first two axes of w, because conv2d wants its "
        "output channels first. Pad the spread-out y by dilation * (K - 1) on every side, and by output_padding more at "
        "the bottom and right; call conv2d with that dilation; crop padding from the result.",
        "Groups: output channels 0 to C_out/groups - 1 belong to the first C_in/groups input channels, and so on. So "
        "w.reshape(groups, C_in // groups, C_out_per_group, K, L).swapaxes(1, 2).reshape(C_out, C_in // groups, K, L) is "
        "the weight for conv2d, before the flip.",
        "The other route: w.reshape(groups, C_in // groups, -1).transpose(0, 2, 1) @ y.reshape(N, groups, C_in // groups, "
        "H * W) are the columns of all groups; col2im adds them up. (col2im refuses the sizes that only an "
        "output_padding of stride or more reaches, which PyTorch allows when dilation is larger. There, add up on a "
        "canvas of your own, or insert zeros.)",
    ),
)
def conv_transpose2d(
    y: np.ndarray,
    w: np.ndarray,
    bias: np.ndarray | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> np.ndarray:
    """Compute a transposed convolution layer.

    Parameters
    ----------
    y
        Feature maps, (N, C_in, H, W).
    w
        Kernels, (C_in, C_out // groups, K, L): the weight of the convolution that is transposed, as it is.
    bias
        One number for each output channel, (C_out,), or None. Its dtype should be that of `w`.
    stride, padding, output_padding, dilation
        As in `conv_transpose_output_size`; an int, or a pair (rows, columns).
    groups
        Blocks that input and output channels are split into; must divide C_in. Block g of the inputs stamps on block g
        of the outputs only.

    Returns
    -------
    numpy.ndarray
        (N, C_out, out_h, out_w), of dtype ``np.result_type(y, w)``.

    Raises
    ------
    ValueError
        If `output_padding` is not smaller than the larger of `stride` and `dilation`, nothing is left over, `groups`
        does not divide C_in, or the channels of `w` or the length of `bias` are wrong.

    Notes
    -----
    Equation (3.5) of the chapter; the same as ``torch.nn.functional.conv_transpose2d``. No Python loop over pixels.

    Examples
    --------
    >>> conv_transpose2d(np.array([[[[1, 2]]]]), np.array([[[[1, 10]]]]), bias=np.array([100]), stride=(1, 3))
    array([[[[101, 110, 100, 102, 120]]]])
    """
    raise NotImplementedError
