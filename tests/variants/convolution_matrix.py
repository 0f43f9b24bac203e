"""Right answers to Chapter 2, written in other ways than the solutions."""

import math

import numpy as np
from scipy.sparse import coo_array, csr_array, kron

from deconv_grader.checks.known_answers import variant
from deconv_solutions import convolution_matrix as reference
from deconv_solutions.convolution import conv2d, conv_output_size
from deconvlib.course.arguments import pair


def _check_matrix(w, input_shape, stride, padding, dilation):
    """Refuse what the reference refuses."""
    reference.conv_matrix(np.zeros_like(w), input_shape, stride, padding, dilation)


@variant("conv_matrix")
def conv_matrix_by_loops(w, input_shape, stride=1, padding=0, dilation=1):
    (sh, sw), (ph, pw), (dh, dw) = pair("stride", stride, 1), pair("padding", padding, 0), pair("dilation", dilation, 1)
    (O, channels, K, L), (C, H, W) = w.shape, input_shape
    if channels != C:
        raise ValueError("channels")
    out_h, out_w = conv_output_size(H, K, sh, ph, dh), conv_output_size(W, L, sw, pw, dw)
    entries, rows, columns = [], [], []
    for o, i, j in np.ndindex(O, out_h, out_w):
        for c, k, l in np.ndindex(C, K, L):
            u, v = i * sh + k * dh - ph, j * sw + l * dw - pw
            if 0 <= u < H and 0 <= v < W:
                entries.append(w[o, c, k, l])
                rows.append((o * out_h + i) * out_w + j)
                columns.append((c * H + u) * W + v)
    shape = (O * out_h * out_w, C * H * W)
    return csr_array((np.array(entries, w.dtype), (rows, columns)), shape=shape, dtype=w.dtype)


@variant("conv_matrix")
def conv_matrix_by_kronecker_products(w, input_shape, stride=1, padding=0, dilation=1):
    # Rows and columns are picked independently: tap (k, l) is kron(weights between channels, kron(rows, columns)).
    _check_matrix(w, input_shape, stride, padding, dilation)
    (sh, sw), (ph, pw), (dh, dw) = pair("stride", stride), pair("padding", padding), pair("dilation", dilation)
    (_, _, K, L), (_, H, W) = w.shape, input_shape

    def picks(size, tap, kernel, stride, padding, dilation):
        out = np.arange(conv_output_size(size, kernel, stride, padding, dilation))
        source = out * stride + tap * dilation - padding
        inside = (source >= 0) & (source < size)
        ones = np.ones(inside.sum(), w.dtype)
        return coo_array((ones, (out[inside], source[inside])), shape=(len(out), size))

    total = 0
    for k in range(K):
        for l in range(L):
            plane = kron(picks(H, k, K, sh, ph, dh), picks(W, l, L, sw, pw, dw))
            total = total + kron(coo_array(w[:, :, k, l]), plane)
    return csr_array(total, dtype=w.dtype)


@variant("conv_matrix")
def conv_matrix_from_unit_images(w, input_shape, stride=1, padding=0, dilation=1):
    # Column v of a matrix is what it makes of the v-th unit vector.
    units = np.eye(int(np.prod(input_shape)), dtype=w.dtype).reshape(-1, *input_shape)
    columns = conv2d(units, w, None, stride, padding, dilation)
    return csr_array(columns.reshape(len(units), -1).T)


@variant("dot_product_gap")
def gap_by_loops(forward, adjoint, x_shape, y_shape, rng):
    x = rng.standard_normal(x_shape)
    y = rng.standard_normal(y_shape)
    Fx, Fty = forward(x), adjoint(y)
    if np.shape(Fx) != np.shape(y) or np.shape(Fty) != np.shape(x):
        raise ValueError("shapes")
    left = math.fsum(a * b for a, b in zip(np.ravel(Fx), np.ravel(y), strict=True))
    right = math.fsum(a * b for a, b in zip(np.ravel(x), np.ravel(Fty), strict=True))
    if left == right == 0:
        return 0.0
    return abs(left - right) / max(abs(left), abs(right))


@variant("dot_product_gap")
def gap_by_einsum(forward, adjoint, x_shape, y_shape, rng):
    # Calls forward before y is drawn: the draws are the same.
    x = rng.standard_normal(x_shape)
    Fx = np.asarray(forward(x), dtype=np.float64)
    y = rng.standard_normal(y_shape)
    back = np.asarray(adjoint(y), dtype=np.float64)
    if Fx.shape != y.shape:
        raise ValueError("forward")
    if back.shape != x.shape:
        raise ValueError("adjoint")
    products = np.array([np.einsum("i,i->", Fx.reshape(-1), y.reshape(-1)), (x * back).sum()])
    largest = np.abs(products).max()
    return float(np.ptp(products) / largest) if largest > 0 else 0.0


def _check_input_gradient(grad_y, w, input_shape, stride, padding, dilation, groups):
    made = conv2d(np.zeros(input_shape, w.dtype), w, None, stride, padding, dilation, groups).shape
    if made != grad_y.shape:
        raise ValueError(f"grad_y must have shape {made}")


@variant("conv2d_input_gradient")
def input_gradient_by_stamping(grad_y, w, input_shape, stride=1, padding=0, dilation=1, groups=1):
    # Each output pixel stamps its kernel, times its gradient, on the window it read.
    _check_input_gradient(grad_y, w, input_shape, stride, padding, dilation, groups)
    (sh, sw), (ph, pw), (dh, dw) = pair("stride", stride), pair("padding", padding), pair("dilation", dilation)
    (N, C, H, W), (O, share, K, L) = input_shape, w.shape
    canvas = np.zeros((N, C, H + 2 * ph, W + 2 * pw), np.result_type(grad_y, w))
    for n, o, i, j in np.ndindex(grad_y.shape):
        first = o // (O // groups) * share
        rows = slice(i * sh, i * sh + dh * (K - 1) + 1, dh)
        cols = slice(j * sw, j * sw + dw * (L - 1) + 1, dw)
        canvas[n, first : first + share, rows, cols] += grad_y[n, o, i, j] * w[o]
    return canvas[:, :, ph : ph + H, pw : pw + W]


@variant("conv2d_input_gradient")
def input_gradient_by_the_matrix(grad_y, w, input_shape, stride=1, padding=0, dilation=1, groups=1):
    # The definition, Cᵀ grad_y, group by group. The result is the transpose of an array in C order.
    _check_input_gradient(grad_y, w, input_shape, stride, padding, dilation, groups)
    share, outputs, parts = w.shape[1], len(w) // groups, []
    for group in range(groups):
        own = slice(group * outputs, (group + 1) * outputs)
        C = reference.conv_matrix(np.ascontiguousarray(w[own]), (share, *input_shape[2:]), stride, padding, dilation)
        part = C.T @ grad_y[:, own].reshape(len(grad_y), -1).T
        parts.append(part.reshape(share, *input_shape[2:], len(grad_y)))
    return np.moveaxis(np.concatenate(parts), -1, 0)


@variant("conv2d_input_gradient")
def input_gradient_by_zero_insertion(grad_y, w, input_shape, stride=1, padding=0, dilation=1, groups=1):
    # A convolution of the gradient, spread out by zeros, with the kernel flipped and its channels exchanged.
    _check_input_gradient(grad_y, w, input_shape, stride, padding, dilation, groups)
    (sh, sw), (ph, pw), (dh, dw) = pair("stride", stride), pair("padding", padding), pair("dilation", dilation)
    (N, C, H, W), (O, share, K, L) = input_shape, w.shape
    # On the padded canvas the gradient of window (i, j) sits at the window's last pixel.
    height, width = H + 2 * ph, W + 2 * pw
    top, left = dh * (K - 1), dw * (L - 1)
    spread = np.zeros((N, O, height + top, width + left), grad_y.dtype)
    spread[:, :, top::sh, left::sw][:, :, : grad_y.shape[2], : grad_y.shape[3]] = grad_y
    flipped = w[..., ::-1, ::-1].reshape(groups, O // groups, share, K, L).swapaxes(1, 2).reshape(C, O // groups, K, L)
    return conv2d(spread, flipped, None, 1, 0, dilation, groups)[:, :, ph : ph + H, pw : pw + W]


def _check_weight_gradient(grad_y, x, kernel, stride, padding, dilation, groups):
    if x.shape[1] % groups or grad_y.shape[1] % groups:
        raise ValueError("groups")
    w = np.zeros((grad_y.shape[1], x.shape[1] // groups, *kernel))
    if conv2d(x, w, None, stride, padding, dilation, groups).shape != grad_y.shape:
        raise ValueError("grad_y")


@variant("conv2d_weight_gradient")
def weight_gradient_tap_by_tap(grad_y, x, kernel, stride=1, padding=0, dilation=1, groups=1):
    K, L = pair("kernel", kernel, 1)
    _check_weight_gradient(grad_y, x, (K, L), stride, padding, dilation, groups)
    (sh, sw), (ph, pw), (dh, dw) = pair("stride", stride), pair("padding", padding), pair("dilation", dilation)
    (_, O, out_h, out_w), share = grad_y.shape, x.shape[1] // groups
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    gradient = np.zeros((O, share, K, L), np.result_type(grad_y, x), order="F")
    for o, k, l in np.ndindex(O, K, L):
        first = o // (O // groups) * share
        read = padded[:, first : first + share, k * dh :: sh, l * dw :: sw][:, :, :out_h, :out_w]
        gradient[o, :, k, l] = np.einsum("nij,ncij->c", grad_y[:, o], read)
    return gradient


@variant("conv2d_weight_gradient")
def weight_gradient_as_a_convolution(grad_y, x, kernel, stride=1, padding=0, dilation=1, groups=1):
    # x convolved with grad_y: batch and channels change places, and so do stride and dilation.
    K, L = pair("kernel", kernel, 1)
    _check_weight_gradient(grad_y, x, (K, L), stride, padding, dilation, groups)
    parts = []
    for images, errors in zip(np.split(x, groups, 1), np.split(grad_y, groups, 1), strict=True):
        part = conv2d(images.swapaxes(0, 1), errors.swapaxes(0, 1), None, dilation, padding, stride)
        parts.append(part[:, :, :K, :L].swapaxes(0, 1))
    return np.concatenate(parts)


@variant("conv2d_weight_gradient")
def weight_gradient_from_unit_kernels(grad_y, x, kernel, stride=1, padding=0, dilation=1, groups=1):
    # y is linear in w: the derivative by one weight is <grad_y, what that weight alone, set to 1, would make>.
    K, L = pair("kernel", kernel, 1)
    _check_weight_gradient(grad_y, x, (K, L), stride, padding, dilation, groups)
    dtype = np.result_type(grad_y, x)
    gradient = np.zeros((grad_y.shape[1], x.shape[1] // groups, K, L), dtype)
    for index in np.ndindex(gradient.shape):
        unit = np.zeros(gradient.shape, dtype)
        unit[index] = 1
        gradient[index] = np.sum(grad_y * conv2d(x, unit, None, stride, padding, dilation, groups), dtype=dtype)
    return gradient
