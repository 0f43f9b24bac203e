"""What grades chapter 4."""

from __future__ import annotations

from functools import partial

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import check, draw_array, grid, layouts, seeds
from deconv_solutions import inversion as reference

FLOATS = st.sampled_from([np.float32, np.float64])
# A float32 result is rounded input, transformed and divided: a few more digits go than in one product.
SINGLE = 1e-4


def tolerance(dtype):
    return SINGLE if np.dtype(dtype) == np.float32 else None


@st.composite
def shapes(draw):
    """((H, W), (K, L)): neither square, the kernel from one pixel to the whole image, even and odd."""
    height, width = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    return (height, width), (draw(st.integers(1, height)), draw(st.integers(1, width)))


@st.composite
def blurs(draw):
    """(y, kernel): the center outweighs the rest, so that no frequency is near 0."""
    shape, size = draw(shapes())
    dtype = draw(FLOATS)
    kernel = draw_array(size, draw(seeds()), dtype, low=-3, high=3)
    kernel[size[0] // 2, size[1] // 2] += 4 * kernel.size
    return draw_array(shape, draw(seeds()), dtype), kernel


def circular(x, kernel):
    """The blur of this chapter by its definition: shifted copies, weighted and added."""
    K, L = kernel.shape
    y = np.zeros(x.shape)
    for k in range(K):
        for l in range(L):
            y += kernel[k, l] * np.roll(x, (k - K // 2, l - L // 2), axis=(0, 1))
    return y


# transfer_function


@check("transfer_function", "a kernel of three entries on two rows of four pixels, by hand", weight=2)
def test_transfer_by_hand(learner):
    # 2 + 1 e^{iw} + 4 e^{-iw} at w = 0, 90, 180, 270 degrees, and the same for each frequency along the column. Two rows,
    # because on one a kernel rolled the wrong way has its center in the middle.
    expected = np.array([[7, 2 - 3j, -3, 2 + 3j]] * 2)
    learner.transfer_function.gives(expected, np.array([[1.0, 2.0, 4.0]]), (2, 4))


@check("transfer_function", "a single 1 in the kernel's center changes nothing", weight=2)
def test_transfer_of_the_identity(learner):
    for size in ((1, 1), (3, 3), (2, 4), (3, 2), (1, 5)):
        kernel = np.zeros(size)
        kernel[size[0] // 2, size[1] // 2] = 1
        learner.transfer_function.gives(np.ones((4, 6), complex), kernel, (4, 6))


@check("transfer_function", "a column on an image taller than wide")
def test_transfer_column(learner):
    expected = np.array([[7, 7], [2 - 3j, 2 - 3j], [-3, -3], [2 + 3j, 2 + 3j]])
    learner.transfer_function.gives(expected, np.array([[1.0], [2.0], [4.0]]), (4, 2))


@check("transfer_function", "multiplying by it is the circular convolution")
def test_transfer_convolves(learner):
    x, kernel = draw_array((5, 6), 1), grid(2, 3)
    H = learner.transfer_function(kernel, (5, 6))
    learner.require(np.shape(H) == (5, 6), "the result has the shape of the image", shape=str(np.shape(H)))
    by_spectrum, by_shifts = np.fft.ifft2(H * np.fft.fft2(x)).real, circular(x, kernel)
    learner.require(
        np.allclose(by_spectrum, by_shifts),
        "ifft2(H * fft2(x)) is the sum of shifted copies of x, weighted by the kernel",
        by_H=by_spectrum.round(6),
        by_shifts=by_shifts,
    )


@check("transfer_function", "float32, integers, any memory layout", hidden=True)
def test_transfer_arrays(learner):
    for dtype in (np.float32, np.int64):
        kernel = draw_array((3, 2), 2, dtype)
        learner.transfer_function.gives(reference.transfer_function(kernel, (4, 5)), kernel, (4, 5))
    for _, kernel in layouts(draw_array((2, 3), 3)):
        learner.transfer_function.gives(reference.transfer_function(kernel, (3, 5)), kernel, (3, 5))


@check("transfer_function", "any kernel on any image", weight=2, hidden=True)
@given(sizes=shapes(), seed=seeds())
def test_transfer_drawn(learner, sizes, seed):
    kernel = draw_array(sizes[1], seed)
    learner.transfer_function.gives(reference.transfer_function(kernel, sizes[0]), kernel, sizes[0])


@check("transfer_function", "refuses a kernel larger than the image")
def test_transfer_refuses(learner):
    learner.transfer_function.raises(ValueError, grid(3, 2), (2, 5))
    learner.transfer_function.raises(ValueError, grid(2, 6), (7, 5))
    learner.transfer_function.raises(ValueError, np.zeros((0, 2)), (7, 5))


# condition_number


@check("condition_number", "three pixels, by hand", weight=2)
def test_condition_by_hand(learner):
    learner.condition_number.gives(4.0, np.array([[1.0, 2.0, 1.0]]), (1, 3))  # |H| = 4, 1, 1
    learner.condition_number.gives(1.0, np.array([[0.0, -5.0, 0.0]]), (2, 3))


@check("condition_number", "a complex or negative response counts by its magnitude")
def test_condition_complex(learner):
    # H = 7, 2 - 3i, -3, 2 + 3i
    learner.condition_number.gives(7 / 3, np.array([[1.0, 2.0, 4.0]]), (1, 4))
    # H = -2, -4, -6, -4: the largest gain is not at frequency 0
    learner.condition_number.gives(3.0, np.array([[1.0, -4.0, 1.0]]), (1, 4))


@check("condition_number", "it depends on the image's size too")
def test_condition_size(learner):
    kernel = np.array([[1.0, 4.0, 1.0], [2.0, 9.0, 1.0]])
    for shape in ((2, 3), (4, 3), (5, 8)):
        learner.condition_number.gives(reference.condition_number(kernel, shape), kernel, shape)


@check("condition_number", "infinite where a frequency is lost", weight=2)
def test_condition_infinite(learner):
    learner.condition_number.gives(float("inf"), np.array([[1.0, 1.0]]), (3, 4))
    learner.condition_number.gives(float("inf"), np.array([[1.0, -1.0]]), (3, 5))


@check("condition_number", "infinite too where rounding hides the 0", weight=2)
def test_condition_rounding(learner):
    learner.condition_number.gives(float("inf"), np.array([[0.1, 0.2, -0.3]]), (3, 5))  # 0.1 + 0.2 - 0.3 is not 0 here
    learner.condition_number.gives(float("inf"), np.ones((7, 1)), (14, 5))
    learner.condition_number.gives(float("inf"), np.full((5, 3), 1 / 15), (10, 9))
    learner.condition_number.gives(float("inf"), np.zeros((2, 2)), (3, 4))


@check("condition_number", "any kernel whose frequencies all live", hidden=True)
@given(case=blurs(), seed=seeds())
def test_condition_drawn(learner, case, seed):
    y, kernel = case
    expected = reference.condition_number(kernel, y.shape)
    learner.condition_number.gives(expected, kernel, y.shape, tolerance=1e-5 if kernel.dtype == np.float32 else 1e-8)


@check("condition_number", "refuses a kernel larger than the image")
def test_condition_refuses(learner):
    learner.condition_number.raises(ValueError, grid(3, 2), (2, 5))


# inverse_filter


@check("inverse_filter", "a blur of five pixels, undone", weight=2)
def test_inverse_by_hand(learner):
    x = np.array([[0.0, 7.0, 2.0, 0.0, 1.0]])
    learner.inverse_filter.gives(x, np.array([[8.0, 16.0, 11.0, 3.0, 2.0]]), np.array([[1.0, 2.0, 1.0]]))


@check("inverse_filter", "a kernel that is not symmetric", weight=2)
def test_inverse_lopsided(learner):
    x, kernel = draw_array((4, 5), 4), np.array([[0.0, 1.0, 0.0], [5.0, 20.0, -3.0]])
    learner.inverse_filter.gives(x, circular(x, kernel), kernel)


@check("inverse_filter", "weak frequencies are dropped", weight=2)
def test_inverse_floor(learner):
    # |H| = 1, 0.5, 0, 0.5 along a row of four: a floor of 0.6 leaves the mean of each row.
    y, kernel = np.array([[4.0, 0.0, 0.0, 0.0], [1.0, 2.0, 3.0, 2.0]]), np.array([[0.25, 0.5, 0.25]])
    learner.inverse_filter.gives(np.array([[1.0] * 4, [2.0] * 4]), y, kernel, 0.6)
    learner.inverse_filter.gives(np.array([[5.0, 1.0, -3.0, 1.0], [0.0, 2.0, 4.0, 2.0]]), y, kernel)


@check("inverse_filter", "the floor is 1e-3 unless one is given")
def test_inverse_filter_default(learner):
    # Two pixels have two frequencies: the mean, and one that this kernel multiplies by 1 - k.
    x, kept, dropped = np.array([[3.0, 1.0]]), np.array([[1.0, 0.998]]), np.array([[1.0, 0.9996]])
    learner.inverse_filter.gives(x, circular(x, kept), kept)
    learner.inverse_filter.gives(np.array([[2.0, 2.0]]), circular(x, dropped), dropped)


@check("inverse_filter", "a lost frequency is no reason for inf or nan")
def test_inverse_zero(learner):
    y, kernel = np.array([[4.0, 0.0, 0.0, 0.0]]), np.array([[1.0, 0.0, -1.0]])
    learner.inverse_filter.gives(reference.inverse_filter(y, kernel), y, kernel)
    learner.inverse_filter.gives(np.zeros((2, 3)), grid(2, 3), np.zeros((1, 2)), 0.0)


@check("inverse_filter", "nothing is clipped: values below 0 and above 1 stay")
def test_inverse_range(learner):
    x, kernel = np.array([[-4.0, 0.5, 9.0], [0.25, -1.0, 3.0]]), np.array([[1.0, 8.0]])
    learner.inverse_filter.gives(x, circular(x, kernel), kernel)


@check("inverse_filter", "float32, integers, any memory layout", hidden=True)
def test_inverse_arrays(learner):
    kernel = np.array([[1, 9, -2]])
    for dtype in (np.float32, np.int64, np.uint8):
        y = draw_array((3, 4), 5, dtype, low=0)
        k = kernel.astype(np.float32 if dtype == np.float32 else np.int64)
        learner.inverse_filter.gives(reference.inverse_filter(y, k), y, k, tolerance=tolerance(dtype))
    for _, y in layouts(draw_array((3, 4), 6)):
        learner.inverse_filter.gives(reference.inverse_filter(y, kernel), y, kernel)


@check("inverse_filter", "any image, kernel and floor", weight=2, hidden=True)
@given(case=blurs(), share=st.floats(0, 1))
def test_inverse_drawn(learner, case, share):
    y, kernel = case
    # A floor in the widest gap around a share of the gains: no gain lies within rounding of it.
    gains = np.unique(np.abs(reference.transfer_function(kernel, y.shape)).round(4))
    i = int(share * (len(gains) - 1))
    floor = float(gains[i] + (gains[i + 1] if i + 1 < len(gains) else gains[i])) / 2
    if np.abs(gains - floor).min() < 1e-3:
        floor = 1e-3
    expected = reference.inverse_filter(y, kernel, floor)
    learner.inverse_filter.gives(expected, y, kernel, floor, tolerance=tolerance(y.dtype))


@check("inverse_filter", "refuses a negative floor and a kernel that does not fit")
def test_inverse_refuses(learner):
    learner.inverse_filter.raises(ValueError, grid(3, 4), grid(1, 2), -0.1)
    learner.inverse_filter.raises(ValueError, grid(3, 4), grid(4, 2))


# wiener


@check("wiener", "two pixels, by hand", weight=2)
def test_wiener_by_hand(learner):
    # H = 3, 1; Y = 8, 4; with a ratio of 1: X = 3 * 8 / 10 = 2.4 and 1 * 4 / 2 = 2.
    learner.wiener.gives(np.array([[2.2, 0.2]]), np.array([[6.0, 2.0]]), np.array([[1.0, 2.0]]), 1.0)


@check("wiener", "a kernel that is not symmetric", weight=2)
def test_wiener_lopsided(learner):
    y, kernel = draw_array((4, 5), 7), np.array([[0.0, 1.0, 0.0], [5.0, 2.0, -3.0]])
    learner.wiener.gives(reference.wiener(y, kernel, 0.25), y, kernel, 0.25)


@check("wiener", "without noise it is the inverse filter")
def test_wiener_no_noise(learner):
    x, kernel = draw_array((4, 3), 8), np.array([[0.0, 1.0, 0.0], [5.0, 20.0, -3.0]])
    learner.wiener.gives(x, circular(x, kernel), kernel, 0.0)


@check("wiener", "a ratio for each frequency", weight=2)
def test_wiener_spectrum(learner):
    y, kernel = draw_array((3, 4), 9), np.array([[1.0, 2.0, 1.0]])
    ratio = np.abs(np.fft.fftfreq(3))[:, None] + 4 * np.abs(np.fft.fftfreq(4))
    learner.wiener.gives(reference.wiener(y, kernel, ratio), y, kernel, ratio)


@check("wiener", "a lost frequency without noise is dropped")
def test_wiener_zero(learner):
    y, kernel = np.array([[4.0, 0.0, 0.0, 0.0]]), np.array([[1.0, 0.0, -1.0]])
    learner.wiener.gives(reference.wiener(y, kernel, 0), y, kernel, 0)
    learner.wiener.gives(np.zeros((2, 3)), grid(2, 3), np.zeros((1, 2)), np.zeros((2, 3)))


@check("wiener", "float32, integers, any memory layout", hidden=True)
def test_wiener_arrays(learner):
    kernel = np.array([[1, 9, -2]])
    for dtype in (np.float32, np.int64, np.uint8):
        y = draw_array((3, 4), 10, dtype, low=0)
        k = kernel.astype(np.float32 if dtype == np.float32 else np.int64)
        learner.wiener.gives(reference.wiener(y, k, 0.5), y, k, 0.5, tolerance=tolerance(dtype))
    for _, y in layouts(draw_array((3, 4), 11)):
        learner.wiener.gives(reference.wiener(y, kernel, 0.5), y, kernel, 0.5)


@check("wiener", "any image, kernel and ratio", weight=2, hidden=True)
@given(case=blurs(), ratio=st.sampled_from([0.0, 0.01, 0.5, 3.0, 100.0]), seed=seeds())
def test_wiener_drawn(learner, case, ratio, seed):
    y, kernel = case
    if seed % 2:
        ratio = draw_array(y.shape, seed, low=0) + ratio
        # The same for a frequency and its negative, as a power spectrum is.
        ratio = ratio + np.roll(ratio[::-1, ::-1], (1, 1), axis=(0, 1))
    learner.wiener.gives(reference.wiener(y, kernel, ratio), y, kernel, ratio, tolerance=tolerance(y.dtype))


@check("wiener", "refuses a negative ratio, and one of another shape")
def test_wiener_refuses(learner):
    learner.wiener.raises(ValueError, grid(3, 4), grid(1, 2), -0.1)
    learner.wiener.raises(ValueError, grid(3, 4), grid(1, 2), np.array([0.1] * 11 + [-0.1]).reshape(3, 4))
    learner.wiener.raises(ValueError, grid(3, 4), grid(1, 2), np.ones((4, 3)))
    learner.wiener.raises(ValueError, grid(3, 4), grid(1, 2), np.ones(4))
    learner.wiener.raises(ValueError, grid(3, 4), grid(4, 2), 1.0)


# richardson_lucy

BLUR = np.array([[0.25, 0.5, 0.25]])


@check("richardson_lucy", "one iteration, by hand", weight=2)
def test_lucy_by_hand(learner):
    # The start is 2 everywhere, and so is its blur: the ratios are y / 2, and their blur times 2 is the result.
    learner.richardson_lucy.gives(np.array([[1.0, 3.0, 3.0, 1.0]]), np.array([[0.0, 4.0, 4.0, 0.0]]), BLUR, 1)


@check("richardson_lucy", "several iterations")
def test_lucy_several(learner):
    y = np.array([[1.0, 2.0, 8.0, 2.0, 3.0], [0.0, 1.0, 4.0, 1.0, 2.0]])
    learner.richardson_lucy.gives(reference.richardson_lucy(y, BLUR, 5), y, BLUR, 5)


@check("richardson_lucy", "a kernel that is not symmetric: the ratios go back through the adjoint", weight=2)
def test_lucy_lopsided(learner):
    y, kernel = draw_array((4, 5), 12, low=1), np.array([[0.0, 0.1, 0.0], [0.2, 0.1, 0.6]])
    learner.richardson_lucy.gives(reference.richardson_lucy(y, kernel, 3), y, kernel, 3)


@check("richardson_lucy", "a start of your own, and no iteration at all")
def test_lucy_start(learner):
    y, start = draw_array((3, 4), 13, low=1), draw_array((3, 4), 14, low=1)
    learner.richardson_lucy.gives(np.full((3, 4), y.mean()), y, BLUR, 0)
    learner.richardson_lucy.gives(start, y, BLUR, 0, start)
    learner.richardson_lucy.gives(reference.richardson_lucy(y, BLUR, 2, start=start), y, BLUR, 2, start=start)


@check("richardson_lucy", "a kernel that does not sum to 1")
def test_lucy_scale(learner):
    y = np.array([[0.0, 16.0, 16.0, 0.0]])
    learner.richardson_lucy.gives(np.array([[1.0, 3.0, 3.0, 1.0]]), y, 4 * BLUR, 1)
    learner.richardson_lucy.gives(reference.richardson_lucy(y, 4 * BLUR, 4), y, 4 * BLUR, 4)


@check("richardson_lucy", "nothing is clipped: values above 1 and below 0 stay")
def test_lucy_range(learner):
    y = np.array([[-1.0, 2.0, 8.0, 2.0, 3.0]])
    learner.richardson_lucy.gives(reference.richardson_lucy(y, BLUR, 1), y, BLUR, 1)


@check("richardson_lucy", "black regions: no division by 0")
def test_lucy_black(learner):
    y = np.zeros((3, 8))
    y[1, 2:5] = [1, 6, 2]
    result = learner.richardson_lucy(y, np.ones((1, 3)) / 3, 4)
    learner.require(np.isfinite(result).all(), "every value is finite", result=result)
    learner.richardson_lucy.gives(np.zeros((3, 4)), np.zeros((3, 4)), BLUR, 3)


@check("richardson_lucy", "float32, integers, any memory layout", hidden=True)
def test_lucy_arrays(learner):
    for dtype in (np.float32, np.int64, np.uint8):
        y = draw_array((3, 4), 15, dtype, low=1)
        k = np.array([[1, 4, 2]], np.float32 if dtype == np.float32 else np.int64)
        learner.richardson_lucy.gives(reference.richardson_lucy(y, k, 2), y, k, 2, tolerance=tolerance(dtype))
    for _, y in layouts(draw_array((3, 4), 16, low=1)):
        learner.richardson_lucy.gives(reference.richardson_lucy(y, BLUR, 2), y, BLUR, 2)


@check("richardson_lucy", "any image and kernel", weight=2, hidden=True)
@given(sizes=shapes(), seed=seeds(), iterations=st.integers(0, 4), dtype=FLOATS)
def test_lucy_drawn(learner, sizes, seed, iterations, dtype):
    y, kernel = draw_array(sizes[0], seed, dtype, low=1), draw_array(sizes[1], seed + 1, dtype, low=1)
    expected = reference.richardson_lucy(y, kernel, iterations)
    learner.richardson_lucy.gives(expected, y, kernel, iterations, tolerance=tolerance(dtype) or 1e-9)


@check("richardson_lucy", "refuses what it cannot do")
def test_lucy_refuses(learner):
    learner.richardson_lucy.raises(ValueError, grid(3, 4), BLUR, -1)
    learner.richardson_lucy.raises(ValueError, grid(3, 4), np.array([[1.0, -1.0]]), 2)
    learner.richardson_lucy.raises(ValueError, grid(3, 4), BLUR, 2, np.ones((4, 3)))
    learner.richardson_lucy.raises(ValueError, grid(3, 4), BLUR, 2, np.ones(4))
    learner.richardson_lucy.raises(ValueError, grid(2, 4), np.ones((3, 1)), 2)


# tikhonov


def operator(learner, matrix, name="A"):
    """A matrix and its transpose, for the learner's code to call."""
    return (
        learner.pass_function(lambda x: matrix @ x, f"{name} @ x"),
        learner.pass_function(lambda y: matrix.T @ y, f"{name}.T @ y"),
    )


def solved(matrix, y, weight):
    return np.linalg.solve(matrix.T @ matrix + weight * np.eye(matrix.shape[1]), matrix.T @ y)


@check("tikhonov", "two unknowns, two steps: exact", weight=2)
def test_tikhonov_by_hand(learner):
    # A = diag(1, 2): x = (1 * 4 / (1 + 1), 2 * 10 / (4 + 1)) = (2, 4).
    forward, adjoint = operator(learner, np.diag([1.0, 2.0]), "diag(1, 2)")
    learner.tikhonov.gives(np.array([2.0, 4.0]), np.array([4.0, 10.0]), forward, adjoint, 1.0, 2)


@check("tikhonov", "one step goes down the gradient, as far as is best")
def test_tikhonov_one_step(learner):
    # r = Aᵀy = (4, 20), Mr = (2 * 4, 5 * 20): the step is (16 + 400) / (32 + 2000) = 26/127.
    forward, adjoint = operator(learner, np.diag([1.0, 2.0]), "diag(1, 2)")
    learner.tikhonov.gives(np.array([104.0, 520.0]) / 127, np.array([4.0, 10.0]), forward, adjoint, 1.0, 1)


@check("tikhonov", "no step is 0, of the unknown's shape and not the measurement's")
def test_tikhonov_no_step(learner):
    forward, adjoint = operator(learner, grid(3, 2))
    learner.tikhonov.gives(np.zeros(2), grid(3), forward, adjoint, 0.5, 0)


@check("tikhonov", "more measurements than unknowns, and fewer", weight=2)
def test_tikhonov_rectangular(learner):
    tall = np.array([[1.0, 2.0], [0.0, 1.0], [3.0, -1.0], [1.0, 1.0]])
    y = np.array([1.0, 5.0, -2.0, 3.0])
    forward, adjoint = operator(learner, tall)
    learner.tikhonov.gives(solved(tall, y, 0.0), y, forward, adjoint, 0.0, 2, tolerance=1e-8)
    learner.tikhonov.gives(solved(tall, y, 2.0), y, forward, adjoint, 2.0, 2, tolerance=1e-8)
    forward, adjoint = operator(learner, tall.T)
    learner.tikhonov.gives(solved(tall.T, y[:2], 0.5), y[:2], forward, adjoint, 0.5, 4, tolerance=1e-8)


@check("tikhonov", "images of any shape, changed in shape by the operator", weight=2)
def test_tikhonov_shapes(learner):
    def forward(x):  # (2, 3, 4) -> (3, 8): sums of neighbors
        return (x[:, :, :] + 0.5 * np.roll(x, 1, axis=2)).transpose(1, 0, 2).reshape(3, 8)

    def adjoint(y):
        z = y.reshape(3, 2, 4).transpose(1, 0, 2)
        return z + 0.5 * np.roll(z, -1, axis=2)

    y = draw_array((3, 8), 17)
    expected = reference.tikhonov(y, forward, adjoint, 0.1, 3)
    pair = learner.pass_function(forward, "forward"), learner.pass_function(adjoint, "adjoint")
    learner.tikhonov.gives(expected, y, *pair, 0.1, 3, tolerance=1e-8)


@check("tikhonov", "more steps than it takes: no division by 0")
def test_tikhonov_goes_on(learner):
    forward, adjoint = operator(learner, np.eye(3), "I")
    learner.tikhonov.gives(np.array([2.0, -4.0, 6.0]), np.array([4.0, -8.0, 12.0]), forward, adjoint, 1.0, 9)
    learner.tikhonov.gives(np.zeros(3), np.zeros(3), forward, adjoint, 1.0, 5)
    zero = learner.pass_function(lambda x: 0.0 * x, "0 * x")
    learner.tikhonov.gives(np.zeros(3), np.array([4.0, -8.0, 12.0]), zero, zero, 0.0, 2)


@check("tikhonov", "calls the operator once a step, and the adjoint once more")
def test_tikhonov_calls(learner):
    calls = {"forward": 0, "adjoint": 0}
    matrix = np.diag([1.0, 2.0, 3.0, 4.0, 5.0])

    def forward(x):
        calls["forward"] += 1
        return matrix @ x

    def adjoint(y):
        calls["adjoint"] += 1
        return matrix.T @ y

    learner.tikhonov(np.ones(5), learner.pass_function(forward), learner.pass_function(adjoint), 0.5, 4)
    learner.require(
        calls["forward"] <= 5 and calls["adjoint"] <= 6,
        "4 iterations need 4 calls of forward and 5 of adjoint (one more of each is let pass)",
        forward=calls["forward"],
        adjoint=calls["adjoint"],
    )


@check("tikhonov", "float32 and integers", hidden=True)
def test_tikhonov_dtypes(learner):
    for dtype in (np.float32, np.int64):
        matrix, y = np.array([[3, 1], [0, 2], [1, 1]], dtype), np.array([1, 4, 2], dtype)
        expected = reference.tikhonov(y, partial(np.matmul, matrix), partial(np.matmul, matrix.T), 0.5, 2)
        learner.tikhonov.gives(expected, y, *operator(learner, matrix), 0.5, 2, tolerance=tolerance(dtype) or 1e-8)


@check("tikhonov", "any operator, weight and number of steps", weight=2, hidden=True)
@given(rows=st.integers(1, 5), columns=st.integers(1, 4), seed=seeds(), steps=st.integers(0, 3))
def test_tikhonov_drawn(learner, rows, columns, seed, steps):
    matrix, y = draw_array((rows, columns), seed, low=-3, high=3), draw_array((rows,), seed + 1)
    weight = 1.0 + seed % 5
    expected = reference.tikhonov(y, lambda x: matrix @ x, lambda v: matrix.T @ v, weight, min(steps, columns))
    learner.tikhonov.gives(expected, y, *operator(learner, matrix), weight, min(steps, columns), tolerance=1e-6)


@check("tikhonov", "refuses a negative weight, and a negative number of steps")
def test_tikhonov_refuses(learner):
    forward, adjoint = operator(learner, np.eye(2))
    learner.tikhonov.raises(ValueError, np.ones(2), forward, adjoint, -0.5, 2)
    learner.tikhonov.raises(ValueError, np.ones(2), forward, adjoint, 0.5, -2)
