"""Checks of Chapter 2: the matrix of a convolution, the dot-product test, the two gradients."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.feedback import CheckFailed
from deconv_grader.checks.writing import LAYOUTS, arrange, check, draw_array, grid, seeds
from deconv_solutions import convolution_matrix as reference
from deconv_solutions.convolution import conv2d, conv_output_size


@st.composite
def settings(draw, most=3, groups=True):
    """One convolution: the shapes of x and w, and the keywords, all drawn; the kernel always fits."""
    pairs = {name: (draw(st.integers(low, 3)), draw(st.integers(low, 3))) for name, low in LOWEST.items()}
    kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    extents = [d * (k - 1) + 1 for k, d in zip(kernel, pairs["dilation"], strict=True)]
    smallest = [max(1, e - 2 * p) for e, p in zip(extents, pairs["padding"], strict=True)]
    size = [low + draw(st.integers(0, 4)) for low in smallest]
    number = draw(st.integers(1, 3)) if groups else 1
    channels, outputs = draw(st.integers(1, most)), draw(st.integers(1, most))
    x_shape = (draw(st.integers(1, 2)), number * channels, *size)
    keywords = dict(pairs, groups=number) if groups else pairs
    return x_shape, (number * outputs, channels, *kernel), keywords


LOWEST = {"stride": 1, "padding": 0, "dilation": 1}


def output_shape(x_shape, w_shape, stride=1, padding=0, dilation=1, groups=1):
    sizes = zip(x_shape[2:], w_shape[2:], stride, padding, dilation, strict=True)
    return (x_shape[0], w_shape[0], *(conv_output_size(*size) for size in sizes))


# ------------------------------------------------------------------------------------------------------- conv_matrix


@check("conv_matrix", "a 2 x 2 kernel on a 3 x 4 image: bands within bands", weight=2)
def test_matrix_by_hand(learner):
    expected = np.array(
        [
            [1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0],
            [0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0],
            [0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0],
            [0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0],
            [0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0],
            [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4],
        ]
    )
    w = np.array([[[[1, 2], [3, 4]]]])
    same = reference.conv_matrix(w, (1, 3, 4))
    assert np.array_equal(same.toarray(), expected)
    learner.conv_matrix.gives(same, w, (1, 3, 4))


@check("conv_matrix", "padding: taps that fall outside have no column")
def test_matrix_padding(learner):
    w = grid(1, 1, 3, 3, dtype=np.int64)
    try:
        learner.conv_matrix.gives(reference.conv_matrix(w, (1, 2, 3), padding=1), w, (1, 2, 3), padding=1)
    except CheckFailed as failure:
        if "index" in failure.feedback.headline:  # NumPy's or SciPy's words for a column that does not exist
            failure.feedback.advice = (
                "Do all taps have a pixel? Leave out those on the padding: 0 <= u < H, 0 <= v < W."
            )
        raise
    w = grid(1, 1, 1, 2, dtype=np.int64)
    learner.conv_matrix.gives(reference.conv_matrix(w, (1, 2, 3), padding=(0, 2)), w, (1, 2, 3), padding=(0, 2))


@check("conv_matrix", "two channels in, three out")
def test_matrix_channels(learner):
    w = grid(3, 2, 1, 2, dtype=np.int64)
    learner.conv_matrix.gives(reference.conv_matrix(w, (2, 1, 4)), w, (2, 1, 4))


@check("conv_matrix", "stride and dilation, different in the two directions")
def test_matrix_stride_and_dilation(learner):
    w = grid(1, 1, 2, 2, dtype=np.int64)
    shape = (1, 3, 4)
    learner.conv_matrix.gives(reference.conv_matrix(w, shape, stride=(2, 1)), w, shape, stride=(2, 1))
    learner.conv_matrix.gives(reference.conv_matrix(w, shape, dilation=(1, 3)), w, shape, dilation=(1, 3))
    learner.conv_matrix.gives(reference.conv_matrix(w, (1, 5, 2), stride=3), w, (1, 5, 2), stride=3)


@check("conv_matrix", "any shape, stride, padding and dilation", weight=2, hidden=True)
@given(case=settings(most=2, groups=False), seed=seeds())
def test_matrix_drawn(learner, case, seed):
    x_shape, w_shape, keywords = case
    w = draw_array(w_shape, seed)
    learner.conv_matrix.gives(reference.conv_matrix(w, x_shape[1:], **keywords), w, x_shape[1:], **keywords)


@check("conv_matrix", "times an image it is conv2d")
@given(case=settings(most=2, groups=False), seed=seeds())
def test_matrix_applies(learner, case, seed):
    x_shape, w_shape, keywords = case
    x, w = draw_array(x_shape, seed), draw_array(w_shape, seed + 1)
    matrix = learner.conv_matrix(w, x_shape[1:], **keywords)
    y = conv2d(x, w, **keywords)
    same = matrix.shape == (y[0].size, x[0].size) and np.array_equal(matrix @ x[0].ravel(), y[0].ravel())
    learner.require(same, "C @ x.ravel() equals conv2d(x, w).ravel()", x=x[0], w=w, y=y[0])


@check("conv_matrix", "an image of 1280 pixels: only what is read is stored")
def test_matrix_is_sparse(learner):
    w = draw_array((2, 1, 3, 2), 5) + 20
    matrix = learner.conv_matrix(w, (1, 32, 40), stride=2, padding=1)
    expected = reference.conv_matrix(w, (1, 32, 40), stride=2, padding=1)
    statement = f"{expected.nnz} entries are stored, one for each weight at each place that lies in the image"
    learner.require(matrix.nnz == expected.nnz, statement, stored=int(matrix.nnz))
    learner.conv_matrix.gives(expected, w, (1, 32, 40), stride=2, padding=1)


@check("conv_matrix", "keeps the dtype of w, and leaves w alone in any memory layout")
def test_matrix_dtypes(learner):
    for dtype in (np.float32, np.float64, np.int64):
        w = draw_array((2, 3, 2, 3), 1, dtype)
        learner.conv_matrix.gives(reference.conv_matrix(w, (3, 3, 4), padding=1), w, (3, 3, 4), padding=1)
    w = draw_array((1, 2, 3, 2), 2)
    expected = reference.conv_matrix(w, (2, 4, 3))
    for layout in LAYOUTS:
        learner.conv_matrix.gives(expected, arrange(w, layout), (2, 4, 3))


@check("conv_matrix", "refuses a kernel that does not fit, and channels that disagree")
def test_matrix_refuses(learner):
    learner.conv_matrix.raises(ValueError, grid(1, 1, 3, 3), (1, 2, 5))
    learner.conv_matrix.raises(ValueError, grid(1, 1, 2, 2), (1, 4, 4), dilation=(1, 4))
    learner.conv_matrix.raises(ValueError, grid(1, 2, 2, 2), (3, 4, 4))
    learner.conv_matrix.raises(ValueError, grid(1, 2, 2, 2), (1, 4, 4))


# --------------------------------------------------------------------------------------------------- dot_product_gap


def rng(seed=0):
    return np.random.default_rng(seed)


@check("dot_product_gap", "doubling one way, tripling the other: the gap is 1/3", weight=2)
def test_gap_by_hand(learner):
    double, triple = learner.pass_function(lambda x: 2 * x, "double"), learner.pass_function(lambda y: 3 * y, "triple")
    for seed in (0, 1, 2):  # <x, y> is positive for the first and negative for the last
        learner.dot_product_gap.gives(1 / 3, double, triple, (3, 4), (3, 4), rng(seed))
        learner.dot_product_gap.gives(1 / 3, triple, double, (3, 4), (3, 4), rng(seed))


@check("dot_product_gap", "the sign lost on the way: the gap is 2")
def test_gap_of_the_opposite(learner):
    same, opposite = learner.pass_function(lambda x: +x, "same"), learner.pass_function(lambda y: -y, "opposite")
    for seed in (0, 1, 2):
        learner.dot_product_gap.gives(2.0, same, opposite, (5,), (5,), rng(seed))


@check("dot_product_gap", "a matrix and its transpose: nothing but rounding", weight=2)
@given(height=st.integers(1, 5), width=st.integers(1, 5), seed=seeds())
def test_gap_of_a_transpose(learner, height, width, seed):
    matrix = draw_array((height, width), seed, low=1)
    forward, adjoint = learner.pass_function(lambda x: matrix @ x), learner.pass_function(lambda y: matrix.T @ y)
    gap = learner.dot_product_gap(forward, adjoint, (width,), (height,), rng(seed))
    # One product may be nearly 0 by chance, hence not 1e-15.
    learner.require(0 <= gap < 1e-9, "the gap of an adjoint pair is rounding, and not negative", gap=gap)


@check("dot_product_gap", "a pair that is not adjoint: the same number for the same seed", weight=2, hidden=True)
@given(height=st.integers(1, 4), width=st.integers(1, 4), seed=seeds())
def test_gap_drawn(learner, height, width, seed):
    A, B = draw_array((height, 2 * width), seed, low=1), draw_array((2 * width, height), seed + 1, low=1)
    forward = learner.pass_function(lambda x: A @ x.ravel(), "forward")
    adjoint = learner.pass_function(lambda y: (B @ y).reshape(width, 2), "adjoint")
    shapes = (width, 2), (height,)
    expected = reference.dot_product_gap(forward, adjoint, *shapes, rng(seed))
    learner.dot_product_gap.gives(expected, forward, adjoint, *shapes, rng(seed))


@check("dot_product_gap", "an unflipped kernel is caught, although its sum is right")
def test_gap_of_a_flip(learner):
    w = np.array([1.0, 2.0, 4.0])
    forward = learner.pass_function(lambda x: np.correlate(x, w, "valid"), "correlate with w")
    right = learner.pass_function(lambda y: np.convolve(y, w, "full"), "convolve with w")
    wrong = learner.pass_function(lambda y: np.convolve(y, w[::-1], "full"), "correlate with w")
    gap = learner.dot_product_gap(forward, right, (9,), (7,), rng())
    learner.require(gap < 1e-12, "the right adjoint leaves only rounding", gap=gap)
    expected = reference.dot_product_gap(forward, wrong, (9,), (7,), rng())
    learner.dot_product_gap.gives(expected, forward, wrong, (9,), (7,), rng())


@check("dot_product_gap", "products that are 0")
def test_gap_of_zeros(learner):
    zero = learner.pass_function(lambda x: 0 * x, "zero")
    same = learner.pass_function(lambda x: +x, "same")
    learner.dot_product_gap.gives(0.0, zero, zero, (2, 3), (2, 3), rng())
    learner.dot_product_gap.gives(1.0, zero, same, (2, 3), (2, 3), rng())
    learner.dot_product_gap.gives(1.0, same, zero, (2, 3), (2, 3), rng())


@check("dot_product_gap", "draws x and y once, and calls each operator once")
def test_gap_draws_once(learner):
    calls = []

    def forward(x):
        calls.append(("forward", x.shape))
        return x[:2]

    def adjoint(y):
        calls.append(("adjoint", y.shape))
        return np.pad(y, (0, 3))

    gap = learner.dot_product_gap(learner.pass_function(forward), learner.pass_function(adjoint), (5,), (2,), rng())
    learner.require(gap < 1e-12, "cropping and padding are an adjoint pair", gap=gap)
    learner.require(sorted(calls) == [("adjoint", (2,)), ("forward", (5,))], "each is called once", calls=str(calls))


@check("dot_product_gap", "refuses a result of the wrong shape")
def test_gap_refuses_shapes(learner):
    same = learner.pass_function(lambda x: +x, "same")
    uncropped = learner.pass_function(lambda y: np.pad(y, 1), "pad by 1")
    turned = learner.pass_function(lambda y: y.T.copy(), "transpose")
    total = learner.pass_function(lambda x: x.sum(keepdims=True), "sum")
    learner.dot_product_gap.raises(ValueError, same, uncropped, (3, 4), (3, 4), rng())
    learner.dot_product_gap.raises(ValueError, same, turned, (3, 4), (3, 4), rng())
    learner.dot_product_gap.raises(ValueError, turned, same, (3, 4), (3, 4), rng())
    learner.dot_product_gap.raises(ValueError, same, total, (3, 4), (3, 4), rng())


# --------------------------------------------------------------------------------------------- conv2d_input_gradient


@check("conv2d_input_gradient", "two output pixels whose windows overlap", weight=2)
def test_input_gradient_by_hand(learner):
    grad_y, w = np.array([[[[1, 10]]]]), np.array([[[[1, 2, 3], [4, 5, 6]]]])
    expected = np.array([[[[1, 12, 23, 30], [4, 45, 56, 60]]]])
    learner.conv2d_input_gradient.gives(expected, grad_y, w, (1, 1, 2, 4))


@check("conv2d_input_gradient", "padding is a crop")
def test_input_gradient_padding(learner):
    grad_y, w = grid(1, 1, 3, 4, dtype=np.int64), np.array([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]])
    expected = reference.conv2d_input_gradient(grad_y, w, (1, 1, 3, 4), padding=1)
    learner.conv2d_input_gradient.gives(expected, grad_y, w, (1, 1, 3, 4), padding=1)
    grad_y = grid(1, 1, 3, 6, dtype=np.int64)
    expected = reference.conv2d_input_gradient(grad_y, w, (1, 1, 5, 4), padding=(0, 2))
    learner.conv2d_input_gradient.gives(expected, grad_y, w, (1, 1, 5, 4), padding=(0, 2))


@check("conv2d_input_gradient", "a stride, with pixels that no window reads")
def test_input_gradient_stride(learner):
    grad_y, w = np.array([[[[1, 10], [100, 1000]]]]), np.array([[[[1, 2], [3, 4]]]])
    for shape in ((1, 1, 5, 5), (1, 1, 6, 5), (1, 1, 7, 6)):
        expected = reference.conv2d_input_gradient(grad_y, w, shape, stride=3)
        learner.conv2d_input_gradient.gives(expected, grad_y, w, shape, stride=3)


@check("conv2d_input_gradient", "a dilation")
def test_input_gradient_dilation(learner):
    grad_y, w = np.array([[[[1, 10, 100]]]]), np.array([[[[1, 2, 3]]]])
    expected = reference.conv2d_input_gradient(grad_y, w, (1, 1, 1, 7), dilation=(1, 2))
    learner.conv2d_input_gradient.gives(expected, grad_y, w, (1, 1, 1, 7), dilation=(1, 2))


@check("conv2d_input_gradient", "channels: as many in as out, then three in and four out, then two groups")
def test_input_gradient_channels(learner):
    grad_y, w = np.array([[[[1]], [[10]]]]), np.array([[[[1]], [[2]]], [[[3]], [[4]]]])
    learner.conv2d_input_gradient.gives(np.array([[[[31]], [[42]]]]), grad_y, w, (1, 2, 1, 1))
    grad_y, w = draw_array((2, 4, 1, 3), 1), draw_array((4, 3, 2, 2), 2)
    learner.conv2d_input_gradient.gives(
        reference.conv2d_input_gradient(grad_y, w, (2, 3, 2, 4)), grad_y, w, (2, 3, 2, 4)
    )
    expected = reference.conv2d_input_gradient(grad_y, w, (2, 6, 2, 4), groups=2)
    learner.conv2d_input_gradient.gives(expected, grad_y, w, (2, 6, 2, 4), groups=2)


@check("conv2d_input_gradient", "any shape, stride, padding, dilation and groups", weight=2, hidden=True)
@given(case=settings(), seed=seeds())
def test_input_gradient_drawn(learner, case, seed):
    x_shape, w_shape, keywords = case
    grad_y, w = draw_array(output_shape(x_shape, w_shape, **keywords), seed), draw_array(w_shape, seed + 1)
    expected = reference.conv2d_input_gradient(grad_y, w, x_shape, **keywords)
    learner.conv2d_input_gradient.gives(expected, grad_y, w, x_shape, **keywords)


@check("conv2d_input_gradient", "passes the dot-product test against conv2d")
@given(case=settings(), seed=seeds())
def test_input_gradient_is_the_adjoint(learner, case, seed):
    x_shape, w_shape, keywords = case
    x, w = draw_array(x_shape, seed), draw_array(w_shape, seed + 1)
    y = draw_array(output_shape(x_shape, w_shape, **keywords), seed + 2)
    back = learner.conv2d_input_gradient(y, w, x_shape, **keywords)
    learner.require(back.shape == x.shape, f"the result has the shape {x.shape} of the input", shape=str(back.shape))
    left, right = np.vdot(conv2d(x, w, **keywords), y), np.vdot(x, back)
    learner.require(left == right, "<conv2d(x, w), y> = <x, Cᵀy>, exactly in whole numbers", left=left, right=right)


@check("conv2d_input_gradient", "keeps dtypes, and leaves its arguments alone in any memory layout")
def test_input_gradient_dtypes(learner):
    pairs = ((np.float32, np.float32), (np.float64, np.float32), (np.int64, np.int64), (np.float32, np.float64))
    for dtype_y, dtype_w in pairs:
        grad_y, w = draw_array((2, 2, 2, 3), 1, dtype_y), draw_array((2, 3, 2, 1), 2, dtype_w)
        expected = reference.conv2d_input_gradient(grad_y, w, (2, 3, 4, 6), stride=2)
        learner.conv2d_input_gradient.gives(expected, grad_y, w, (2, 3, 4, 6), stride=2)
    grad_y, w = draw_array((2, 2, 3, 2), 3), draw_array((2, 2, 2, 3), 4)
    expected = reference.conv2d_input_gradient(grad_y, w, (2, 2, 4, 4))
    for layout in LAYOUTS:
        learner.conv2d_input_gradient.gives(expected, arrange(grad_y, layout), arrange(w, layout), (2, 2, 4, 4))
    w, grad_y = grid(1, 1, 1, 1), grid(1, 1, 3, 4)  # 1 x 1 by 1: the easiest result to return a view of
    learner.conv2d_input_gradient.gives(grad_y, grad_y, w, (1, 1, 3, 4))


@check("conv2d_input_gradient", "refuses a gradient that this convolution cannot have")
def test_input_gradient_refuses(learner):
    w = grid(2, 3, 2, 2)
    learner.conv2d_input_gradient.raises(ValueError, grid(1, 2, 3, 3), w, (1, 3, 5, 4))
    learner.conv2d_input_gradient.raises(ValueError, grid(1, 2, 2, 2), w, (1, 3, 6, 5), stride=2)
    learner.conv2d_input_gradient.raises(ValueError, grid(1, 3, 4, 3), w, (1, 3, 5, 4))
    learner.conv2d_input_gradient.raises(ValueError, grid(2, 2, 4, 3), w, (1, 3, 5, 4))
    learner.conv2d_input_gradient.raises(ValueError, grid(1, 2, 4, 3), w, (1, 4, 5, 4))
    learner.conv2d_input_gradient.raises(ValueError, grid(1, 2, 1, 1), w, (1, 3, 1, 1))


# -------------------------------------------------------------------------------------------- conv2d_weight_gradient


@check("conv2d_weight_gradient", "two output pixels, six taps", weight=2)
def test_weight_gradient_by_hand(learner):
    grad_y, x = np.array([[[[1, 10]]]]), np.array([[[[1, 2, 3, 4], [5, 6, 7, 8]]]])
    expected = np.array([[[[21, 32, 43], [65, 76, 87]]]])
    learner.conv2d_weight_gradient.gives(expected, grad_y, x, (2, 3))


@check("conv2d_weight_gradient", "padding: the outer taps see fewer pixels")
def test_weight_gradient_padding(learner):
    grad_y, x = grid(1, 1, 3, 4, dtype=np.int64), grid(1, 1, 3, 4, dtype=np.int64)
    expected = reference.conv2d_weight_gradient(grad_y, x, 3, padding=1)
    learner.conv2d_weight_gradient.gives(expected, grad_y, x, 3, padding=1)


@check("conv2d_weight_gradient", "a stride that leaves a remainder, and a dilation")
def test_weight_gradient_stride(learner):
    x = grid(1, 1, 4, 7, dtype=np.int64)
    for keywords in ({"stride": (1, 3)}, {"stride": 2}, {"dilation": (3, 2)}):
        grad_y = np.ones_like(conv2d(x, np.ones((1, 1, 2, 2), int), **keywords)).cumsum(-1)
        expected = reference.conv2d_weight_gradient(grad_y, x, (2, 2), **keywords)
        learner.conv2d_weight_gradient.gives(expected, grad_y, x, (2, 2), **keywords)


@check("conv2d_weight_gradient", "two images, two channels in, four out, one and two groups")
def test_weight_gradient_channels(learner):
    grad_y, x = draw_array((2, 4, 2, 3), 1), draw_array((2, 2, 3, 4), 2)
    learner.conv2d_weight_gradient.gives(reference.conv2d_weight_gradient(grad_y, x, (2, 2)), grad_y, x, (2, 2))
    expected = reference.conv2d_weight_gradient(grad_y, x, (2, 2), groups=2)
    learner.conv2d_weight_gradient.gives(expected, grad_y, x, (2, 2), groups=2)


@check("conv2d_weight_gradient", "any shape, stride, padding, dilation and groups", weight=2, hidden=True)
@given(case=settings(), seed=seeds())
def test_weight_gradient_drawn(learner, case, seed):
    x_shape, w_shape, keywords = case
    grad_y, x = draw_array(output_shape(x_shape, w_shape, **keywords), seed), draw_array(x_shape, seed + 1)
    expected = reference.conv2d_weight_gradient(grad_y, x, w_shape[2:], **keywords)
    learner.conv2d_weight_gradient.gives(expected, grad_y, x, w_shape[2:], **keywords)


@check("conv2d_weight_gradient", "passes the dot-product test against conv2d as a function of w")
@given(case=settings(), seed=seeds())
def test_weight_gradient_is_the_adjoint(learner, case, seed):
    x_shape, w_shape, keywords = case
    x, w = draw_array(x_shape, seed), draw_array(w_shape, seed + 1)
    y = draw_array(output_shape(x_shape, w_shape, **keywords), seed + 2)
    back = learner.conv2d_weight_gradient(y, x, w_shape[2:], **keywords)
    learner.require(back.shape == w.shape, f"the result has the shape {w.shape} of w", shape=str(back.shape))
    left, right = np.vdot(conv2d(x, w, **keywords), y), np.vdot(w, back)
    learner.require(
        left == right, "<conv2d(x, w), y> = <w, gradient>, exactly in whole numbers", left=left, right=right
    )


@check("conv2d_weight_gradient", "keeps dtypes, and leaves its arguments alone in any memory layout")
def test_weight_gradient_dtypes(learner):
    pairs = ((np.float32, np.float32), (np.float64, np.float32), (np.int64, np.int64), (np.int32, np.int32))
    for dtype_y, dtype_x in pairs:
        grad_y, x = draw_array((2, 2, 2, 3), 1, dtype_y), draw_array((2, 3, 4, 6), 2, dtype_x)
        expected = reference.conv2d_weight_gradient(grad_y, x, (2, 1), stride=2)
        learner.conv2d_weight_gradient.gives(expected, grad_y, x, (2, 1), stride=2)
    grad_y, x = draw_array((2, 2, 3, 2), 3), draw_array((2, 2, 4, 4), 4)
    expected = reference.conv2d_weight_gradient(grad_y, x, (2, 3))
    for layout in LAYOUTS:
        learner.conv2d_weight_gradient.gives(expected, arrange(grad_y, layout), arrange(x, layout), (2, 3))


@check("conv2d_weight_gradient", "refuses a gradient that this convolution cannot have")
def test_weight_gradient_refuses(learner):
    x = grid(1, 3, 5, 4)
    learner.conv2d_weight_gradient.raises(ValueError, grid(1, 2, 3, 3), x, (2, 2))
    learner.conv2d_weight_gradient.raises(ValueError, grid(2, 2, 4, 3), x, (2, 2))
    learner.conv2d_weight_gradient.raises(ValueError, grid(1, 2, 4, 3), x, (2, 2), groups=2)
    learner.conv2d_weight_gradient.raises(ValueError, grid(1, 2, 4, 3), x, (2, 2), groups=3)
    learner.conv2d_weight_gradient.raises(ValueError, grid(1, 1, 1, 1), x, (7, 2))
