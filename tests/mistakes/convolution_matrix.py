"""Known wrong answers to Chapter 2."""

import functools

import numpy as np
from scipy.sparse import csr_array

from deconv_grader.checks.known_answers import mistake
from deconv_solutions import convolution_matrix as reference
from deconv_solutions.convolution import im2col
from deconvlib.course.arguments import pair


@mistake("conv_matrix")
def conv_matrix_flipped(w, input_shape, stride=1, padding=0, dilation=1):
    """the kernel was flipped

    That is the matrix of true convolution. A convolution layer correlates: along a row of the matrix the weights stand
    in the order of the kernel.
    """
    return reference.conv_matrix(w[..., ::-1, ::-1], input_shape, stride, padding, dilation)


@mistake("conv_matrix")
def conv_matrix_transposed(w, input_shape, stride=1, padding=0, dilation=1):
    """rows and columns were exchanged

    C has a row for each output pixel and a column for each input pixel, so that C @ x.ravel() is possible. What you
    have built is Cᵀ.
    """
    return csr_array(reference.conv_matrix(w, input_shape, stride, padding, dilation).T)


@mistake("conv_matrix")
def conv_matrix_keeps_the_padding(w, input_shape, stride=1, padding=0, dilation=1):
    """the columns are those of the padded image

    Zeros have no say in the result, so padding gets no columns: crop the matrix to the pixels of the input.
    """
    (ph, pw), (channels, height, width) = pair("padding", padding), input_shape
    return reference.conv_matrix(w, (channels, height + 2 * ph, width + 2 * pw), stride, 0, dilation)


@mistake("conv_matrix")
def conv_matrix_wraps_around(w, input_shape, stride=1, padding=0, dilation=1):
    """a tap that falls off one edge comes back at the opposite one

    A negative index in NumPy counts from the end. Leave out the taps that fall outside the image.
    """
    reference.conv_matrix(w, input_shape, stride, padding, dilation)  # refuses what does not fit
    (ph, pw), size = pair("padding", padding), int(np.prod(input_shape))
    numbers = np.pad(_numbered(input_shape), ((0, 0), (0, 0), (ph, ph), (pw, pw)), mode="wrap")
    return _fill(w, im2col(numbers, w.shape[2:], stride, 0, dilation)[0], size)


@mistake("conv_matrix")
def conv_matrix_runs_into_the_next_row(w, input_shape, stride=1, padding=0, dilation=1):
    """a tap that falls off the side of the image lands in the row above or below

    Column (c*H + u)*W + v is a pixel only while 0 <= v < W. Check u and v each by itself, not only the column's number.
    """
    reference.conv_matrix(w, input_shape, stride, padding, dilation)  # refuses what does not fit
    (ph, pw), size = pair("padding", padding), int(np.prod(input_shape))
    channels, height, width = input_shape
    channel, row, col = np.ogrid[:channels, -ph : height + ph, -pw : width + pw]
    numbers = ((channel * height + row) * width + col)[None]
    numbers[(numbers < 0) | (numbers >= size)] = -1
    return _fill(w, im2col(numbers, w.shape[2:], stride, 0, dilation)[0], size)


@mistake("conv_matrix")
def conv_matrix_reads_the_nearest_pixel(w, input_shape, stride=1, padding=0, dilation=1):
    """a tap that falls outside the image reads the nearest pixel of its edge

    Taps on the padding read 0, so they have no column. Leave them out; do not clip them.
    """
    (ph, pw), size = pair("padding", padding), int(np.prod(input_shape))
    reference.conv_matrix(w, input_shape, stride, padding, dilation)  # refuses what does not fit
    numbers = np.pad(_numbered(input_shape), ((0, 0), (0, 0), (ph, ph), (pw, pw)), mode="edge")
    return _fill(w, im2col(numbers, w.shape[2:], stride, 0, dilation)[0], size)


@mistake("conv_matrix")
def conv_matrix_reads_pixel_0_on_the_padding(w, input_shape, stride=1, padding=0, dilation=1):
    """a tap that falls on the padding goes to column 0

    Pixels numbered from 0 cannot be told from the zeros of the padding. Number them from 1, and leave the zeros out.
    """
    reference.conv_matrix(w, input_shape, stride, padding, dilation)  # refuses what does not fit
    reads = im2col(_numbered(input_shape), w.shape[2:], stride, padding, dilation)[0]
    return _fill(w, reads, int(np.prod(input_shape)))


@mistake("conv_matrix")
def conv_matrix_counts_from_the_end(w, input_shape, stride=1, padding=0, dilation=1):
    """a tap above or left of the image gets a column that is counted from the end

    NumPy takes a negative index as one from the end and raises nothing. Check that 0 <= u < H and 0 <= v < W.
    """
    (ph, pw), size = pair("padding", padding), int(np.prod(input_shape))
    reference.conv_matrix(w, input_shape, stride, padding, dilation)  # refuses what does not fit
    channels, height, width = input_shape
    channel, row, col = np.ogrid[:channels, -ph : height + ph, -pw : width + pw]
    numbers = ((channel * height + row) * width + col) % size
    numbers[:, height + ph :], numbers[:, :, width + pw :] = -1, -1  # the far sides are checked
    return _fill(w, im2col(numbers[None], w.shape[2:], stride, 0, dilation)[0], size)


@mistake("conv_matrix")
def conv_matrix_ignores_padding(w, input_shape, stride=1, padding=0, dilation=1):
    """the padding was ignored

    It gives the matrix more rows, because there are more output pixels. Columns it adds none.
    """
    return reference.conv_matrix(w, input_shape, stride, 0, dilation)


@mistake("conv_matrix")
def conv_matrix_channels_last(w, input_shape, stride=1, padding=0, dilation=1):
    """the channel runs fastest in the rows

    Rows go by (o, i, j) in C order: all pixels of output channel 0 first, then those of channel 1.
    """
    C = reference.conv_matrix(w, input_shape, stride, padding, dilation)
    order = np.arange(C.shape[0]).reshape(len(w), -1).T.ravel()
    return C[order]


@mistake("conv_matrix")
def conv_matrix_ignores_stride(w, input_shape, stride=1, padding=0, dilation=1):
    """the stride was ignored

    A stride keeps only every stride-th row of the matrix in each direction.
    """
    return reference.conv_matrix(w, input_shape, 1, padding, dilation)


@mistake("conv_matrix")
def conv_matrix_ignores_dilation(w, input_shape, stride=1, padding=0, dilation=1):
    """the dilation was ignored

    Tap (k, l) reads `dilation` times (k, l) away from the window's corner.
    """
    reference.conv_matrix(w, input_shape, stride, padding, dilation)  # refuses what does not fit
    return reference.conv_matrix(w, input_shape, stride, padding)


@mistake("conv_matrix")
def conv_matrix_swaps_pairs(w, input_shape, stride=1, padding=0, dilation=1):
    """height and width of a pair were exchanged

    A pair is (height, width), for the stride, the padding and the dilation alike.
    """
    settings = (pair("", setting)[::-1] for setting in (stride, padding, dilation))
    return reference.conv_matrix(w, input_shape, *settings)


@mistake("conv_matrix")
def conv_matrix_always_float64(w, input_shape, stride=1, padding=0, dilation=1):
    """the entries became float64

    The entries are copies of weights and keep the weights' dtype.
    """
    return reference.conv_matrix(np.asarray(w, np.float64), input_shape, stride, padding, dilation)


def _numbered(input_shape):
    """An image whose every pixel holds its own number."""
    return np.arange(int(np.prod(input_shape))).reshape(1, *input_shape)


def _fill(w, reads, size):
    """The matrix whose tap t at output pixel p reads column reads[t, p]; below 0 is outside."""
    taps, pixels = np.nonzero(reads >= 0)
    entries = w.reshape(len(w), -1)[:, taps]
    rows = np.arange(len(w))[:, None] * reads.shape[1] + pixels
    columns = np.broadcast_to(reads[taps, pixels], rows.shape)
    shape = (len(w) * reads.shape[1], size)
    return csr_array((entries.ravel(), (rows.ravel(), columns.ravel())), shape=shape)


@mistake("dot_product_gap")
def gap_not_relative(forward, adjoint, x_shape, y_shape, rng):
    """the distance was not divided by the size of the products

    An absolute distance grows with the image: divide by the larger of the two absolute values.
    """
    x, y = rng.standard_normal(x_shape), rng.standard_normal(y_shape)
    return float(abs(np.vdot(forward(x), y) - np.vdot(x, adjoint(y))))


@mistake("dot_product_gap")
def gap_divides_by_zero(forward, adjoint, x_shape, y_shape, rng):
    """two products that are both 0 were divided by 0

    Operators that make only zeros are an adjoint pair: return 0.0 before you divide.
    """
    x, y = rng.standard_normal(x_shape), rng.standard_normal(y_shape)
    left, right = np.vdot(forward(x), y), np.vdot(x, adjoint(y))
    with np.errstate(all="ignore"):
        return float(np.abs(left - right) / np.maximum(abs(left), abs(right)))


@mistake("dot_product_gap")
def gap_over_the_first_product(forward, adjoint, x_shape, y_shape, rng):
    """the distance was divided by <Fx, y>, whichever of the products is larger

    When only that product is 0 this is infinite, and no two orders of the pair agree. Divide by the larger of the two.
    """
    x, y = rng.standard_normal(x_shape), rng.standard_normal(y_shape)
    left, right = np.vdot(forward(x), y), np.vdot(x, adjoint(y))
    with np.errstate(all="ignore"):
        return float(abs(left - right) / abs(left))


@mistake("dot_product_gap")
def gap_with_a_sign(forward, adjoint, x_shape, y_shape, rng):
    """an absolute value is missing

    A gap is a distance. A negative one would pass every test of the kind `gap < 1e-10`.
    """
    x, y = rng.standard_normal(x_shape), rng.standard_normal(y_shape)
    left, right = np.vdot(forward(x), y), np.vdot(x, adjoint(y))
    scale = max(left, right)
    return float((left - right) / scale) if scale else 0.0


# The adjoint taken for the inverse. However far adjoint(forward(x)) is from x, and however that is measured, it is not
# what the dot-product test asks.
@mistake("dot_product_gap")
def gap_of_the_round_trip(forward, adjoint, x_shape, y_shape, rng, measure=lambda x, back: _norm(back - x) / _norm(x)):
    """you measured how far adjoint(forward(x)) is from x

    That asks whether it is an inverse. An adjoint is not: it need only satisfy <Fx, y> = <x, Fᵀy> for every x and y.
    """
    x = rng.standard_normal(x_shape)
    back = adjoint(forward(x))
    if np.shape(back) != x.shape:
        raise ValueError("adjoint(forward(x)) must have the shape of x")
    return float(measure(x, back))


def _norm(x):
    return np.linalg.norm(x)


def _apart(left, right):
    """How far two numbers are apart, relative to the larger."""
    return abs(left - right) / max(abs(left), abs(right))


for _measure in (
    lambda x, back: _norm(back - x) / max(_norm(back), _norm(x)),
    lambda x, back: _norm(back - x),
    lambda x, back: abs(back - x).max(),
    lambda x, back: abs(back - x).max() / max(abs(back).max(), abs(x).max()),
    lambda x, back: abs(back - x).sum(),
    lambda x, back: abs(back - x).mean(),
    lambda x, back: ((back - x) ** 2).sum(),
    lambda x, back: ((back - x) ** 2).mean(),
    lambda x, back: np.sqrt(((back - x) ** 2).mean()),
    lambda x, back: _apart(np.vdot(x, x), np.vdot(x, back)),
    lambda x, back: _apart(np.vdot(x, x), np.vdot(back, back)),
    lambda x, back: _apart(_norm(x), _norm(back)),
    lambda x, back: not np.allclose(back, x),
):
    mistake("dot_product_gap")(
        functools.update_wrapper(functools.partial(gap_of_the_round_trip, measure=_measure), gap_of_the_round_trip)
    )


@mistake("dot_product_gap")
def gap_with_y_from_x(forward, adjoint, x_shape, y_shape, rng):
    """y was not drawn, but is forward(x)

    Then y lies in the range of F only, and what Fᵀ does with anything else goes unseen. Draw y by itself.
    """
    x = rng.standard_normal(x_shape)
    y = forward(x)
    left, right = np.vdot(y, y), np.vdot(x, adjoint(y))
    scale = max(abs(left), abs(right))
    return float(abs(left - right) / scale) if scale else 0.0


@mistake("dot_product_gap")
def gap_with_ones(forward, adjoint, x_shape, y_shape, rng):
    """x and y are all ones

    Constant images hide most errors: a flipped kernel has the same sum. Draw both at random.
    """
    x, y = np.ones(x_shape), np.ones(y_shape)
    left, right = np.vdot(forward(x), y), np.vdot(x, adjoint(y))
    scale = max(abs(left), abs(right))
    return float(abs(left - right) / scale) if scale else 0.0


@mistake("dot_product_gap")
def gap_draws_y_first(forward, adjoint, x_shape, y_shape, rng):
    """y was drawn before x

    Then the same seed gives another number than everybody else's: draw x, then y.
    """
    y, x = rng.standard_normal(y_shape), rng.standard_normal(x_shape)
    left, right = np.vdot(forward(x), y), np.vdot(x, adjoint(y))
    scale = max(abs(left), abs(right))
    return float(abs(left - right) / scale) if scale else 0.0


@mistake("dot_product_gap")
def gap_accepts_any_shape(forward, adjoint, x_shape, y_shape, rng):
    """a result of the wrong shape was broadcast or flattened until it fitted

    An adjoint that returns another shape is wrong, whatever its numbers: compare shapes first, and raise ValueError.
    """
    x, y = rng.standard_normal(x_shape), rng.standard_normal(y_shape)
    left, right = np.sum(np.resize(forward(x), y.shape) * y), np.sum(x * np.resize(adjoint(y), x.shape))
    scale = max(abs(left), abs(right))
    return float(abs(left - right) / scale) if scale else 0.0


@mistake("conv2d_input_gradient")
def input_gradient_unflipped(grad_y, w, input_shape, stride=1, padding=0, dilation=1, groups=1):
    """the kernel was turned round

    Output pixel (i, j) read pixel (i + k, j + l) with weight w[k, l], so its gradient goes back to (i + k, j + l) with
    weight w[k, l]. Written as a convolution of the zero-filled gradient, that needs the kernel flipped once; you have
    flipped it not at all, or twice.
    """
    return reference.conv2d_input_gradient(grad_y, w[..., ::-1, ::-1], input_shape, stride, padding, dilation, groups)


@mistake("conv2d_input_gradient")
def input_gradient_forgets_the_crop(grad_y, w, input_shape, stride=1, padding=0, dilation=1, groups=1):
    """the padding was not cut off

    Padding forward is a crop backward: what lands on the border of zeros is dropped.
    """
    (ph, pw), (batch, channels, height, width) = pair("padding", padding), input_shape
    padded = (batch, channels, height + 2 * ph, width + 2 * pw)
    return reference.conv2d_input_gradient(grad_y, w, padded, stride, 0, dilation, groups)


@mistake("conv2d_input_gradient")
def input_gradient_crops_one_side(grad_y, w, input_shape, stride=1, padding=0, dilation=1, groups=1):
    """the padding was cut off at the bottom and the right only

    There is a border on all four sides. The image starts at (padding, padding) of the canvas, not at (0, 0).
    """
    padded = input_gradient_forgets_the_crop(grad_y, w, input_shape, stride, padding, dilation, groups)
    return padded[:, :, : input_shape[2], : input_shape[3]].copy()


@mistake("conv2d_input_gradient")
def input_gradient_empty_crop(grad_y, w, input_shape, stride=1, padding=0, dilation=1, groups=1):
    """the crop [padding:-padding] is empty when the padding is 0

    -0 is 0. Crop with [padding : padding + size].
    """
    (ph, pw), padded = pair("padding", padding), input_gradient_forgets_the_crop(
        grad_y, w, input_shape, stride, padding, dilation, groups
    )  # fmt: skip
    return padded[:, :, ph:-ph, pw:-pw].copy()


@mistake("conv2d_input_gradient")
def input_gradient_ignores_stride(grad_y, w, input_shape, stride=1, padding=0, dilation=1, groups=1):
    """the stride was ignored on the way back

    Output pixels that are neighbors read windows `stride` apart: their contributions go back `stride` apart.
    """
    reference.conv2d_input_gradient(
        grad_y, w, input_shape, stride, padding, dilation, groups
    )  # refuses what does not fit
    (ph, pw), (dh, dw), (K, L) = pair("padding", padding), pair("dilation", dilation), w.shape[2:]
    out_h, out_w = grad_y.shape[2:]
    covered = (*input_shape[:2], out_h + dh * (K - 1), out_w + dw * (L - 1))
    near = reference.conv2d_input_gradient(grad_y, w, covered, 1, 0, dilation, groups)[:, :, ph:, pw:]
    full = np.zeros(input_shape, near.dtype)
    height, width = min(near.shape[2], input_shape[2]), min(near.shape[3], input_shape[3])
    full[:, :, :height, :width] = near[:, :, :height, :width]
    return full


@mistake("conv2d_input_gradient")
def input_gradient_ignores_dilation(grad_y, w, input_shape, stride=1, padding=0, dilation=1, groups=1):
    """the dilation was ignored on the way back

    Tap (k, l) reads `dilation` times (k, l) away, and is written back there.
    """
    reference.conv2d_input_gradient(
        grad_y, w, input_shape, stride, padding, dilation, groups
    )  # refuses what does not fit
    (dh, dw), (K, L) = pair("dilation", dilation), w.shape[2:]
    batch, channels, height, width = input_shape
    near = (batch, channels, height - (dh - 1) * (K - 1), width - (dw - 1) * (L - 1))
    gradient = reference.conv2d_input_gradient(grad_y, w, near, stride, padding, 1, groups)
    return np.pad(gradient, ((0, 0), (0, 0), (0, height - near[2]), (0, width - near[3])))


@mistake("conv2d_input_gradient")
def input_gradient_overwrites(grad_y, w, input_shape, stride=1, padding=0, dilation=1, groups=1):
    """where windows overlap, one contribution overwrites the others

    A pixel that is read by several windows gets the sum of what they send back: add, do not assign.
    """
    reference.conv2d_input_gradient(
        grad_y, w, input_shape, stride, padding, dilation, groups
    )  # refuses what does not fit
    (sh, sw), (ph, pw), (dh, dw) = pair("stride", stride), pair("padding", padding), pair("dilation", dilation)
    batch, channels, height, width = input_shape
    padded = np.zeros((batch, channels, height + 2 * ph, width + 2 * pw), np.result_type(grad_y, w))
    for k in range(w.shape[2]):
        for l in range(w.shape[3]):
            tap = np.zeros_like(w)
            tap[..., k, l] = w[..., k, l]
            only = reference.conv2d_input_gradient(grad_y, tap, padded.shape, stride, 0, dilation, groups)
            rows = slice(k * dh, k * dh + (grad_y.shape[2] - 1) * sh + 1, sh)
            cols = slice(l * dw, l * dw + (grad_y.shape[3] - 1) * sw + 1, sw)
            padded[:, :, rows, cols] = only[:, :, rows, cols]
    return padded[:, :, ph : ph + height, pw : pw + width].copy()


@mistake("conv2d_input_gradient")
def input_gradient_drops_the_remainder(grad_y, w, input_shape, stride=1, padding=0, dilation=1, groups=1):
    """the result has the smallest size that gives this grad_y, not input_shape

    With a stride, several input sizes share one output size. That is why input_shape is an argument: pixels that no
    window read get 0.
    """
    (sh, sw), (ph, pw), (dh, dw) = pair("stride", stride), pair("padding", padding), pair("dilation", dilation)
    height = (grad_y.shape[2] - 1) * sh + dh * (w.shape[2] - 1) + 1 - 2 * ph
    width = (grad_y.shape[3] - 1) * sw + dw * (w.shape[3] - 1) + 1 - 2 * pw
    return reference.conv2d_input_gradient(
        grad_y, w, (*input_shape[:2], height, width), stride, padding, dilation, groups
    )


@mistake("conv2d_input_gradient")
def input_gradient_takes_w_as_transposed(grad_y, w, input_shape, stride=1, padding=0, dilation=1, groups=1):
    """the first axis of w was taken for the input channels

    w is (O, C/groups, K, L), as conv2d has it. When O equals C the wrong reading raises no error.
    """
    return reference.conv2d_input_gradient(grad_y, w.swapaxes(0, 1), input_shape, stride, padding, dilation, groups)


@mistake("conv2d_input_gradient")
def input_gradient_averages_the_batch(grad_y, w, input_shape, stride=1, padding=0, dilation=1, groups=1):
    """it was divided by the batch size

    Whether a loss is a mean is known to grad_y already. The gradient is Cᵀ grad_y and nothing else.
    """
    gradient = reference.conv2d_input_gradient(grad_y, w, input_shape, stride, padding, dilation, groups)
    return (gradient / len(grad_y)).astype(gradient.dtype)


@mistake("conv2d_input_gradient")
def input_gradient_always_float64(grad_y, w, input_shape, stride=1, padding=0, dilation=1, groups=1):
    """the canvas was float64, as np.zeros makes it unless told otherwise

    Its dtype should be np.result_type(grad_y, w): whole numbers stay whole, float32 stays float32.
    """
    return reference.conv2d_input_gradient(
        np.asarray(grad_y, np.float64), w, input_shape, stride, padding, dilation, groups
    )


@mistake("conv2d_weight_gradient")
def weight_gradient_flipped(grad_y, x, kernel, stride=1, padding=0, dilation=1, groups=1):
    """the result is flipped

    The gradient of w[k, l] collects the pixels that tap (k, l) read, at (i + k, j + l): nothing is turned round.
    """
    gradient = reference.conv2d_weight_gradient(grad_y, x, kernel, stride, padding, dilation, groups)
    return gradient[..., ::-1, ::-1].copy()


@mistake("conv2d_weight_gradient")
def weight_gradient_averages_the_batch(grad_y, x, kernel, stride=1, padding=0, dilation=1, groups=1):
    """it was divided by the batch size

    A weight is used by every image: its derivative is the sum over the batch. If the loss is a mean, grad_y has it.
    """
    gradient = reference.conv2d_weight_gradient(grad_y, x, kernel, stride, padding, dilation, groups)
    return (gradient / len(x)).astype(gradient.dtype)


@mistake("conv2d_weight_gradient")
def weight_gradient_averages_positions(grad_y, x, kernel, stride=1, padding=0, dilation=1, groups=1):
    """it was divided by the number of output pixels

    The derivative by a shared weight is the sum over all the places where it is used, not their mean.
    """
    gradient = reference.conv2d_weight_gradient(grad_y, x, kernel, stride, padding, dilation, groups)
    return (gradient / grad_y[0, 0].size).astype(gradient.dtype)


@mistake("conv2d_weight_gradient")
def weight_gradient_of_the_first_image(grad_y, x, kernel, stride=1, padding=0, dilation=1, groups=1):
    """only the first image of the batch was used

    Every image uses the weights: sum over the batch.
    """
    reference.conv2d_weight_gradient(grad_y, x, kernel, stride, padding, dilation, groups)  # refuses what does not fit
    return reference.conv2d_weight_gradient(grad_y[:1], x[:1], kernel, stride, padding, dilation, groups)


@mistake("conv2d_weight_gradient")
def weight_gradient_ignores_padding(grad_y, x, kernel, stride=1, padding=0, dilation=1, groups=1):
    """x was not padded

    Forward, tap (k, l) read pixel (i*stride + k - padding, ...). Pad x as the convolution did.
    """
    reference.conv2d_weight_gradient(grad_y, x, kernel, stride, padding, dilation, groups)  # refuses what does not fit
    (ph, pw), (batch, channels, height, width) = pair("padding", padding), x.shape
    late = np.zeros((batch, channels, height + 2 * ph, width + 2 * pw), x.dtype)
    late[:, :, :height, :width] = x
    return reference.conv2d_weight_gradient(grad_y, late, kernel, stride, 0, dilation, groups)


@mistake("conv2d_weight_gradient")
def weight_gradient_ignores_stride(grad_y, x, kernel, stride=1, padding=0, dilation=1, groups=1):
    """the stride was ignored

    Output pixel (i, j) read around (i*stride, j*stride). In this gradient the stride acts as a dilation of grad_y.
    """
    reference.conv2d_weight_gradient(grad_y, x, kernel, stride, padding, dilation, groups)  # refuses what does not fit
    (ph, pw), (dh, dw), (K, L) = pair("padding", padding), pair("dilation", dilation), pair("kernel", kernel)
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    near = padded[:, :, : grad_y.shape[2] + dh * (K - 1), : grad_y.shape[3] + dw * (L - 1)]
    return reference.conv2d_weight_gradient(grad_y, near, kernel, 1, 0, dilation, groups)


@mistake("conv2d_weight_gradient")
def weight_gradient_ignores_dilation(grad_y, x, kernel, stride=1, padding=0, dilation=1, groups=1):
    """the dilation was ignored

    Tap (k, l) read `dilation` times (k, l) away from the window's corner.
    """
    reference.conv2d_weight_gradient(grad_y, x, kernel, stride, padding, dilation, groups)  # refuses what does not fit
    (ph, pw), (sh, sw), (K, L) = pair("padding", padding), pair("stride", stride), pair("kernel", kernel)
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    near = padded[:, :, : (grad_y.shape[2] - 1) * sh + K, : (grad_y.shape[3] - 1) * sw + L]
    return reference.conv2d_weight_gradient(grad_y, near, kernel, stride, 0, 1, groups)


@mistake("conv2d_weight_gradient")
def weight_gradient_ignores_groups(grad_y, x, kernel, stride=1, padding=0, dilation=1, groups=1):
    """every output channel got a weight for every input channel

    With groups, an output channel reads only the C/groups channels of its own group: w is (O, C/groups, K, L).
    """
    reference.conv2d_weight_gradient(grad_y, x, kernel, stride, padding, dilation, groups)  # refuses what does not fit
    return reference.conv2d_weight_gradient(grad_y, x, kernel, stride, padding, dilation)


@mistake("conv2d_weight_gradient")
def weight_gradient_swaps_channels(grad_y, x, kernel, stride=1, padding=0, dilation=1, groups=1):
    """input and output channels were exchanged

    w is (O, C/groups, K, L): output channels first.
    """
    gradient = reference.conv2d_weight_gradient(grad_y, x, kernel, stride, padding, dilation, groups)
    return gradient.swapaxes(0, 1).copy()


@mistake("conv2d_weight_gradient")
def weight_gradient_keeps_the_remainder(grad_y, x, kernel, stride=1, padding=0, dilation=1, groups=1):
    """the kernel came out larger than it is

    Where the stride leaves a remainder, grad_y fits in more places than the kernel has taps. Keep the first K x L.
    """
    reference.conv2d_weight_gradient(grad_y, x, kernel, stride, padding, dilation, groups)  # refuses what does not fit
    (ph, pw), (sh, sw), (dh, dw) = pair("padding", padding), pair("stride", stride), pair("dilation", dilation)
    size_h = (x.shape[2] + 2 * ph - (grad_y.shape[2] - 1) * sh - 1) // dh + 1
    size_w = (x.shape[3] + 2 * pw - (grad_y.shape[3] - 1) * sw - 1) // dw + 1
    return reference.conv2d_weight_gradient(grad_y, x, (size_h, size_w), stride, padding, dilation, groups)


@mistake("conv2d_weight_gradient")
def weight_gradient_always_float64(grad_y, x, kernel, stride=1, padding=0, dilation=1, groups=1):
    """the result was float64, as np.zeros makes it unless told otherwise

    Its dtype should be np.result_type(grad_y, x): whole numbers stay whole, float32 stays float32.
    """
    return reference.conv2d_weight_gradient(
        np.asarray(grad_y, np.float64), x, kernel, stride, padding, dilation, groups
    )
