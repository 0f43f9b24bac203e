"""Worked answers of chapter 2."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array

from deconv_solutions.convolution import conv_output_size, im2col
from deconvlib.course.arguments import array, integer, pair


def conv_matrix(
    w: np.ndarray,
    input_shape: tuple[int, int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
) -> csr_array:
    w = array("w", w, axes="OCKL")
    channels, height, width = _shape("input_shape", input_shape, "CHW")
    if w.shape[1] != channels:
        raise ValueError(f"w is for {w.shape[1]} channels, but input_shape {input_shape} has {channels}")
    # An image whose every pixel holds its own number. im2col then lists, for each tap and each output pixel, the number
    # of the pixel that is read. Counting starts at 1, so that a 0 says "read from the padding", which has no column.
    numbers = np.arange(1, channels * height * width + 1).reshape(1, channels, height, width)
    reads = im2col(numbers, w.shape[2:], stride, padding, dilation)[0]
    taps, pixels = np.nonzero(reads)
    outputs = len(w)
    entries = w.reshape(outputs, -1)[:, taps]
    rows = np.arange(outputs)[:, None] * reads.shape[1] + pixels
    columns = np.broadcast_to(reads[taps, pixels] - 1, rows.shape)
    shape = (outputs * reads.shape[1], numbers.size)
    return csr_array((entries.ravel(), (rows.ravel(), columns.ravel())), shape=shape)


def dot_product_gap(
    forward: Callable[[np.ndarray], np.ndarray],
    adjoint: Callable[[np.ndarray], np.ndarray],
    x_shape: tuple[int, ...],
    y_shape: tuple[int, ...],
    rng: np.random.Generator,
) -> float:
    x = rng.standard_normal(x_shape)
    y = rng.standard_normal(y_shape)
    there, back = np.asarray(forward(x)), np.asarray(adjoint(y))
    # A wrong shape must not be broadcast or flattened away.
    if there.shape != y.shape:
        raise ValueError(f"forward made shape {there.shape} of an input {x.shape}; y_shape says {y.shape}")
    if back.shape != x.shape:
        raise ValueError(f"adjoint made shape {back.shape} of an input {y.shape}; x_shape says {x.shape}")
    left, right = np.vdot(there, y), np.vdot(x, back)
    scale = max(abs(left), abs(right))
    return float(abs(left - right) / scale) if scale else 0.0


def conv2d_input_gradient(
    grad_y: np.ndarray,
    w: np.ndarray,
    input_shape: tuple[int, int, int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> np.ndarray:
    grad_y, w = array("grad_y", grad_y, axes="NOHW"), array("w", w, axes="OCKL")
    shape = _shape("input_shape", input_shape, "NCHW")
    groups = integer("groups", groups, minimum=1)
    (sh, sw), (ph, pw), (dh, dw) = pair("stride", stride, 1), pair("padding", padding, 0), pair("dilation", dilation, 1)
    (batch, channels, height, width), (outputs, share, K, L) = shape, w.shape
    if channels != share * groups:
        raise ValueError(
            f"w is for {share} channels in each of {groups} groups, but input_shape {input_shape} has {channels}"
        )
    _check_groups(groups, outputs)
    out_h, out_w = _expect_output("grad_y", grad_y, shape, outputs, (K, L), stride, padding, dilation)

    # Forward: columns = im2col(x), y = W columns. Backward, transposed and in reverse order: first Wᵀ, then the way
    # back from columns to pixels, where each entry is added to the pixel it was read from.
    weights = w.reshape(groups, outputs // groups, share * K * L)
    columns = weights.swapaxes(1, 2) @ grad_y.reshape(batch, groups, outputs // groups, out_h * out_w)
    columns = columns.reshape(batch, channels, K, L, out_h, out_w)
    padded = np.zeros((batch, channels, height + 2 * ph, width + 2 * pw), columns.dtype)
    for k in range(K):
        for l in range(L):
            rows = slice(k * dh, k * dh + (out_h - 1) * sh + 1, sh)
            cols = slice(l * dw, l * dw + (out_w - 1) * sw + 1, sw)
            padded[:, :, rows, cols] += columns[:, :, k, l]
    # Padding forward is a crop backward.
    return padded[:, :, ph : ph + height, pw : pw + width].copy()


def conv2d_weight_gradient(
    grad_y: np.ndarray,
    x: np.ndarray,
    kernel: int | tuple[int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> np.ndarray:
    grad_y, x = array("grad_y", grad_y, axes="NOHW"), array("x", x, axes="NCHW")
    kernel = pair("kernel", kernel, minimum=1)
    groups = integer("groups", groups, minimum=1)
    channels, outputs = x.shape[1], grad_y.shape[1]
    if channels % groups:
        raise ValueError(f"groups must divide the {channels} channels of x, got {groups}")
    _check_groups(groups, outputs)
    _expect_output("grad_y", grad_y, x.shape, outputs, kernel, stride, padding, dilation)

    # y = W columns is linear in W as well: its transpose multiplies grad_y by the columns. An image of the batch only
    # adds more positions to sum over.
    columns = im2col(x, kernel, stride, padding, dilation)
    columns = columns.reshape(len(x), groups, -1, columns.shape[2]).transpose(1, 0, 3, 2)
    columns = columns.reshape(groups, -1, columns.shape[3])
    errors = (
        grad_y.reshape(len(x), groups, outputs // groups, -1)
        .transpose(1, 2, 0, 3)
        .reshape(groups, outputs // groups, -1)
    )
    return (errors @ columns).reshape(outputs, channels // groups, *kernel)


def _shape(name: str, value: tuple[int, ...], axes: str) -> tuple[int, ...]:
    if not isinstance(value, tuple | list) or len(value) != len(axes):
        raise ValueError(f"{name} must be ({', '.join(axes)}), got {value!r}")
    return tuple(integer(f"{name}[{axis}]", size, minimum=1) for axis, size in enumerate(value))


def _check_groups(groups: int, outputs: int) -> None:
    if outputs % groups:
        raise ValueError(f"groups must divide the {outputs} output channels, got {groups}")


def _expect_output(
    name: str,
    grad_y: np.ndarray,
    input_shape: tuple[int, ...],
    outputs: int,
    kernel: tuple[int, int],
    stride: int | tuple[int, int],
    padding: int | tuple[int, int],
    dilation: int | tuple[int, int],
) -> tuple[int, int]:
    """The convolution's output size, once it is sure that `grad_y` has it."""
    settings = zip(
        input_shape[2:], kernel, pair("stride", stride, 1), pair("padding", padding, 0), pair("dilation", dilation, 1),
        strict=True,
    )  # fmt: skip
    height, width = (conv_output_size(*setting) for setting in settings)
    expected = (input_shape[0], outputs, height, width)
    if grad_y.shape != expected:
        raise ValueError(f"{name} must have the shape of the convolution's output, {expected}, got {grad_y.shape}")
    return height, width
