"""Convolution as a sparse matrix, its transpose, and its gradients. Chapter 2."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from deconvlib.course.arguments import array, integer, pair  # noqa: F401  (for your answers)
from deconvlib.course.exercise import exercise

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@exercise(
    title="The matrix of a convolution",
    points=8,
    minutes=35,
    difficulty=3,
    needs=("conv_output_size", "im2col"),
    hints=(
        "One row for each output pixel, one column for each input pixel. Row (o, i, j) is what that output pixel "
        "reads: w[o, c, k, l] in the column of pixel (c, i*stride + k*dilation - padding, j*stride + l*dilation - "
        "padding). Where that pixel lies outside the image there is no column, and the entry is left out.",
        "Pixel (c, u, v) is column (c*H + u)*W + v; output pixel (o, i, j) is row (o*out_h + i)*out_w + j. "
        "Collect three lists, entries, rows and columns, and give them to "
        "csr_array((entries, (rows, columns)), shape=(...)).",
        "Without loops over pixels: number the pixels from 1, numbers = np.arange(1, C*H*W + 1).reshape(1, C, H, W), "
        "and let reads = im2col(numbers, (K, L), stride, padding, dilation)[0] tell which pixel each tap reads at each "
        "output pixel. A 0 in it is padding: taps, pixels = np.nonzero(reads).",
    ),
    forbids=("torch",),
)
def conv_matrix(
    w: np.ndarray,
    input_shape: tuple[int, int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
) -> csr_array:
    """The matrix C for which ``C @ x.ravel()`` is the convolution of x with w, raveled.

    Parameters
    ----------
    w : array (O, C, K, L)
        The kernels: output channel, input channel, row, column.
    input_shape : (C, H, W)
        The shape of one input, without the batch.
    stride, padding, dilation : int or (height, width)
        As in `conv2d`.

    Returns
    -------
    scipy.sparse.csr_array (O*out_h*out_w, C*H*W)
        Rows are output pixels (o, i, j) and columns input pixels (c, u, v), both counted in C order (the last index
        runs fastest), of w's dtype. Padding has no columns. Import it inside the function: `from scipy.sparse import
        csr_array`.

    Raises
    ------
    ValueError
        If w and input_shape disagree on the channels, or the kernel does not fit.

    Notes
    -----
    Dumoulin and Visin (2016), section 4.1, write out the matrix of a 3 x 3 kernel on a 4 x 4 image.

    Examples
    --------
    >>> conv_matrix(np.array([[[[1, 2]]]]), (1, 1, 4)).toarray()
    array([[1, 2, 0, 0],
           [0, 1, 2, 0],
           [0, 0, 1, 2]])
    """
    raise NotImplementedError


@exercise(
    title="The dot-product test",
    points=4,
    minutes=15,
    difficulty=1,
    hints=(
        "The test asks one number of each operator: <forward(x), y> and <x, adjoint(y)>. Draw x, then y, and compute "
        "the two products. np.vdot flattens both arrays and sums the products of their entries.",
        "Divide the distance of the two products by the larger of their absolute values. When both are 0 they agree: "
        "return 0.0 before you divide.",
        "np.vdot and broadcasting hide a wrong shape. Compare forward(x).shape with y.shape and adjoint(y).shape with "
        "x.shape first, and raise ValueError where they differ.",
    ),
)
def dot_product_gap(
    forward: Callable[[np.ndarray], np.ndarray],
    adjoint: Callable[[np.ndarray], np.ndarray],
    x_shape: tuple[int, ...],
    y_shape: tuple[int, ...],
    rng: np.random.Generator,
) -> float:
    """How far ``adjoint`` is from being the adjoint of ``forward``, by one random pair.

    The gap is |<forward(x), y> - <x, adjoint(y)>| over the larger of the absolute values of the two products.

    Parameters
    ----------
    forward, adjoint : callable
        From an array of shape x_shape to one of shape y_shape, and back.
    x_shape, y_shape : tuple of int
        What `forward` takes and what it makes.
    rng : numpy.random.Generator
        Draws x, then y, once each, by ``rng.standard_normal``.

    Returns
    -------
    float
        Rounding (about 1e-16 to 1e-13 in float64) for an adjoint pair; 0.0 when both products are 0.

    Raises
    ------
    ValueError
        If `forward` or `adjoint` makes another shape than it should.

    Notes
    -----
    Claerbout (1992), Earth Soundings Analysis, calls it the dot-product test.

    Examples
    --------
    >>> gap = dot_product_gap(lambda x: 2 * x, lambda y: 3 * y, (5,), (5,), np.random.default_rng(0))
    >>> round(gap, 6)
    0.333333
    """
    raise NotImplementedError


@exercise(
    title="Back to the image: the gradient with respect to the input",
    points=8,
    minutes=30,
    difficulty=3,
    needs=("conv_output_size", "conv_matrix"),
    hints=(
        "Forward, output pixel (i, j) reads w[o, c, k, l] times pixel (i*stride + k*dilation, j*stride + l*dilation) "
        "of the padded image. Backward, grad_y[n, o, i, j] times the same weight is added to the same pixel.",
        "Work on a canvas of the padded size, (N, C, H + 2*ph, W + 2*pw). Loop over the taps (k, l) only: all output "
        "pixels of one tap land on a strided slice of the canvas. At the end cut the padding off.",
        "canvas[:, :, k*dh : k*dh + (out_h - 1)*sh + 1 : sh, (the same for l)] += np.einsum('noij,oc->ncij', grad_y, "
        "w[:, :, k, l]). Crop with canvas[:, :, ph : ph + H, pw : pw + W]; a slice [ph:-ph] is empty when ph is 0.",
        "Groups: output channels o of group g see the input channels of group g alone. Split grad_y, w and the canvas "
        "along their channels into `groups` equal parts and treat each part by itself.",
    ),
)
def conv2d_input_gradient(
    grad_y: np.ndarray,
    w: np.ndarray,
    input_shape: tuple[int, int, int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> np.ndarray:
    """The gradient of a loss with respect to a convolution's input, from the one with respect to its output.

    With C the matrix of the convolution this is the transpose of C times grad_y: a transposed convolution.

    Parameters
    ----------
    grad_y : array (N, O, out_h, out_w)
        The loss's derivative by each output value of ``conv2d(x, w, None, stride, padding, dilation, groups)``.
    w : array (O, C/groups, K, L)
        The kernels of that convolution.
    input_shape : (N, C, H, W)
        The shape of its input. grad_y alone does not tell it when the stride leaves a remainder.
    stride, padding, dilation : int or (height, width)
        As in `conv2d`.
    groups : int
        As in `conv2d`.

    Returns
    -------
    array (N, C, H, W)
        Of dtype ``np.result_type(grad_y, w)``. A pixel that no window reads gets 0.

    Raises
    ------
    ValueError
        If grad_y is not of the shape that the convolution makes, the channels disagree, or the kernel does not fit.

    Notes
    -----
    `torch.nn.grad.conv2d_input`; Dumoulin and Visin (2016), section 4.

    Examples
    --------
    >>> conv2d_input_gradient(np.array([[[[1, 10]]]]), np.array([[[[1, 2, 3]]]]), (1, 1, 1, 6), stride=2)
    array([[[[ 1,  2, 13, 20, 30,  0]]]])
    """
    raise NotImplementedError


@exercise(
    title="Back to the kernel: the gradient with respect to the weights",
    points=6,
    minutes=25,
    difficulty=2,
    needs=("conv_output_size", "im2col"),
    hints=(
        "One weight w[o, c, k, l] is used at every output pixel (i, j) of every image, each time multiplied by the "
        "pixel of channel c under tap (k, l). Its derivative is the sum of grad_y[n, o, i, j] times that pixel.",
        "y = W columns with columns = im2col(x): linear in W too. The derivative by W is grad_y times the columns, "
        "transposed, summed over the batch (a sum and not a mean).",
        "Without groups: np.einsum('nop,nqp->oq', grad_y.reshape(N, O, -1), im2col(x, kernel, stride, padding, "
        "dilation)).reshape(O, C, K, L). With groups, treat the channels of each group by themselves.",
    ),
)
def conv2d_weight_gradient(
    grad_y: np.ndarray,
    x: np.ndarray,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> np.ndarray:
    """The gradient of a loss with respect to a convolution's weights, from the one with respect to its output.

    Parameters
    ----------
    grad_y : array (N, O, out_h, out_w)
        The loss's derivative by each output value of the convolution of x.
    x : array (N, C, H, W)
        The input of that convolution.
    kernel : int or (K, L)
        The size of its kernels. grad_y and x alone do not tell it when the stride leaves a remainder.
    stride, padding, dilation : int or (height, width)
        As in `conv2d`.
    groups : int
        As in `conv2d`.

    Returns
    -------
    array (O, C/groups, K, L)
        Summed over the batch and over all positions, of dtype ``np.result_type(grad_y, x)``.

    Raises
    ------
    ValueError
        If grad_y is not of the shape that the convolution makes, groups does not divide the channels, or the kernel
        does not fit.

    Notes
    -----
    `torch.nn.grad.conv2d_weight`.

    Examples
    --------
    >>> conv2d_weight_gradient(np.array([[[[1, 10]]]]), np.array([[[[1, 2, 3, 4]]]]), (1, 3))
    array([[[[21, 32, 43]]]])
    """
    raise NotImplementedError
