"""What grades chapter 5."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import arrange, check, draw_array, grid, layouts, seeds
from deconv_solutions import unpooling as reference


def image(rows, dtype=np.float64):
    """One plane as a batch of one image with one channel."""
    return np.array(rows, dtype)[None, None]


FLOATS = st.sampled_from([np.float32, np.float64])
NUMBERS = st.sampled_from([np.float32, np.float64, np.int64])
# Height is not width, and kernel, stride and padding differ between the two: nothing square hides a swap.
PAIRS = st.tuples(st.integers(1, 4), st.integers(1, 4))


@st.composite
def windows(draw, padded=True):
    """(size of the image, kernel, stride, padding): overlaps, gaps, remainders, None for the stride now and then."""
    kernel = draw(PAIRS)
    stride = draw(st.one_of(st.none(), PAIRS, st.integers(1, 5)))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel) if padded else (0, 0)
    size = tuple(max(k - 2 * p, 1) + draw(st.integers(0, 5)) for k, p in zip(kernel, padding, strict=True))
    return size, kernel, stride, padding


@st.composite
def images(draw, size, dtypes=NUMBERS):
    """Few different values, so that windows hold ties; negative ones among them."""
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 3)), *size)
    return draw_array(shape, draw(seeds()), draw(dtypes), low=-3, high=3)


def pooled_size(size, kernel, stride, padding):
    return reference.avg_pool2d(np.zeros((1, 1, *size)), kernel, stride, padding).shape[2:]


# max_pool2d

PHOTO = image([[1, 4, 2, 2, 9], [3, 0, 2, 1, 9], [0, 0, 5, 7, 9], [0, 0, 6, 8, 9]])


@check("max_pool2d", "a 4 x 5 image you can work out by hand", weight=2)
def test_max_pool2d_by_hand(learner):
    # The fifth column fills no window. Two windows hold their maximum more than once.
    learner.max_pool2d.gives((image([[4, 2], [0, 8]]), image([[1, 2], [10, 18]], np.int64)), PHOTO, 2)


@check("max_pool2d", "windows that overlap, taller than wide")
def test_max_pool2d_overlap(learner):
    x = image([[5, 1, 2, 8], [3, 9, 4, 0], [7, 2, 6, 1], [0, 3, 1, 4], [2, 5, 0, 6]])
    y = image([[9, 9, 8], [7, 6, 6]])
    learner.max_pool2d.gives((y, image([[5, 5, 3], [8, 10, 10]], np.int64)), x, (3, 2), stride=(2, 1))


@check("max_pool2d", "windows with gaps between them")
def test_max_pool2d_gaps(learner):
    learner.max_pool2d.gives(reference.max_pool2d(grid(1, 1, 5, 7), 2, 3), grid(1, 1, 5, 7), 2, 3)


@check("max_pool2d", "padding never wins, not even over negative values", weight=2)
def test_max_pool2d_padding(learner):
    x = image([[-4, -2, -7], [-5, -9, -1], [-3, -8, -6], [-4, -3, -5]])
    y = image([[-4, -1], [-3, -1]])
    learner.max_pool2d.gives((y, image([[0, 5], [6, 5]], np.int64)), x, (3, 2), stride=(2, 2), padding=(1, 1))


@check("max_pool2d", "padding does not win over a pixel of -inf either")
def test_max_pool2d_lowest(learner):
    x = np.full((1, 1, 2, 3), -np.inf)
    switches = image([[0, 1, 2], [0, 1, 2], [3, 4, 5]], np.int64)[:, :, :, [0, 0, 1, 2]]
    learner.max_pool2d.gives((np.full((1, 1, 3, 4), -np.inf), switches), x, 2, stride=1, padding=1)


@check("max_pool2d", "the first of equal values wins, in reading order")
def test_max_pool2d_ties(learner):
    x = image([[0, 7, 0, 0, 7], [7, 0, 0, 7, 0], [7, 7, 7, 0, 0]])
    learner.max_pool2d.gives((image([[7, 7]]), image([[1, 4]], np.int64)), x, (3, 2), stride=(3, 3))


@check("max_pool2d", "a NaN is not hidden")
def test_max_pool2d_nan(learner):
    x = image([[1, np.nan, 3, 2], [0, 5, 4, 8]])
    learner.max_pool2d.gives((image([[np.nan, 8]]), image([[1, 7]], np.int64)), x, 2)


@check("max_pool2d", "every plane has switches of its own", weight=2)
def test_max_pool2d_planes(learner):
    x = draw_array((2, 2, 2, 5), 1)
    learner.max_pool2d.gives(reference.max_pool2d(x, 2), x, 2)
    x = draw_array((2, 3, 4, 5), 1)
    learner.max_pool2d.gives(reference.max_pool2d(x, (2, 3), (1, 2)), x, (2, 3), (1, 2))


@check("max_pool2d", "float32, integers, any memory layout", hidden=True)
def test_max_pool2d_arrays(learner):
    for dtype in (np.float32, np.int64, np.uint8):
        x = draw_array((1, 2, 4, 5), 2, dtype, low=0)
        learner.max_pool2d.gives(reference.max_pool2d(x, (3, 2), 2, 1), x, (3, 2), 2, 1)
    for _, x in layouts(draw_array((2, 2, 3, 4), 3)):
        learner.max_pool2d.gives(reference.max_pool2d(x, (2, 3), 1, (1, 0)), x, (2, 3), 1, (1, 0))


@check("max_pool2d", "any size, kernel, stride and padding", weight=4, hidden=True)
@given(data=st.data(), case=windows())
def test_max_pool2d_drawn(learner, data, case):
    size, *window = case
    x = data.draw(images(size))
    learner.max_pool2d.gives(reference.max_pool2d(x, *window), x, *window)


@check("max_pool2d", "refuses what does not fit")
def test_max_pool2d_refuses(learner):
    learner.max_pool2d.raises(ValueError, grid(1, 1, 2, 3), (3, 2))
    learner.max_pool2d.raises(ValueError, grid(1, 1, 6, 7), 3, 1, padding=2)
    learner.max_pool2d.raises(ValueError, grid(1, 1, 6, 7), 1, 1, padding=(0, 1))


# sliding_max


@check("sliding_max", "a 2 x 3 map you can work out by hand", weight=2)
def test_sliding_max_by_hand(learner):
    expected = np.array([[-1.0, -1, -4, -7], [-1, -1, -2, -5], [-6, -2, -2, -5]])
    learner.sliding_max.gives(expected, np.array([[-1.0, -4, -7], [-6, -2, -5]]), 2)


@check("sliding_max", "taller windows than wide ones", weight=2)
def test_sliding_max_tall(learner):
    y = np.array([[1.0, 5, 2, 0], [4, 3, 6, 1]])
    expected = np.array([[1.0, 5, 5, 2, 0], [4, 5, 6, 6, 1], [4, 5, 6, 6, 1], [4, 4, 6, 6, 1]])
    learner.sliding_max.gives(expected, y, (3, 2))


@check("sliding_max", "one pixel shows the window, and a window of one pixel changes nothing")
def test_sliding_max_one(learner):
    learner.sliding_max.gives(np.full((2, 3), -7.0), np.array([[-7.0]]), (2, 3))
    learner.sliding_max.gives(grid(3, 4), grid(3, 4), 1)


@check("sliding_max", "float32, integers, any memory layout", hidden=True)
def test_sliding_max_arrays(learner):
    for dtype in (np.float32, np.int64):
        y = draw_array((3, 5), 10, dtype)
        learner.sliding_max.gives(reference.sliding_max(y, (2, 3)), y, (2, 3))
    for _, y in layouts(draw_array((4, 3), 11)):
        learner.sliding_max.gives(reference.sliding_max(y, (3, 2)), y, (3, 2))


@check("sliding_max", "any size and kernel", weight=2, hidden=True)
@given(size=st.tuples(st.integers(1, 6), st.integers(1, 6)), kernel=PAIRS, seed=seeds(), dtype=NUMBERS)
def test_sliding_max_drawn(learner, size, kernel, seed, dtype):
    y = draw_array(size, seed, dtype, low=-9, high=2)
    learner.sliding_max.gives(reference.sliding_max(y, kernel), y, kernel)


@check("sliding_max", "refuses a map without values and a kernel without pixels")
def test_sliding_max_refuses(learner):
    learner.sliding_max.raises(ValueError, np.zeros((0, 3)), 2)
    learner.sliding_max.raises(ValueError, grid(2, 3), (0, 2))


# max_unpool2d


@check("max_unpool2d", "four values, back in their places", weight=2)
def test_max_unpool2d_by_hand(learner):
    x = np.zeros((1, 1, 4, 5))
    x[0, 0, [0, 0, 2, 3], [1, 2, 0, 3]] = [4, 2, 6, 8]
    learner.max_unpool2d.gives(x, image([[4, 2], [6, 8]]), image([[1, 2], [10, 18]], np.int64), (4, 5))


@check("max_unpool2d", "values that share a switch add up", weight=2)
def test_max_unpool2d_shared(learner):
    y, switches = image([[1, 2, 4], [3, 5, -1]]), image([[5, 5, 3], [5, 8, 8]], np.int64)
    learner.max_unpool2d.gives(image([[0, 0, 0, 4], [0, 6, 0, 0], [4, 0, 0, 0]]), y, switches, (3, 4))


@check("max_unpool2d", "two images of two channels: every plane for itself", weight=2)
def test_max_unpool2d_planes(learner):
    y = np.array([[[[1.0, 2]], [[3, 4]]], [[[5, 6]], [[7, 8]]]])
    switches = np.array([[[[0, 4]], [[1, 5]]], [[[1, 3]], [[2, 3]]]])
    x = [[[[1, 0, 0], [0, 2, 0]], [[0, 3, 0], [0, 0, 4]]], [[[0, 5, 0], [6, 0, 0]], [[0, 0, 7], [8, 0, 0]]]]
    learner.max_unpool2d.gives(np.array(x, float), y, switches, (2, 3))


@check("max_unpool2d", "sizes that are no multiple of the pooled size")
def test_max_unpool2d_odd(learner):
    x = draw_array((1, 1, 5, 7), 4)
    y, switches = reference.max_pool2d(x, 2)
    learner.max_unpool2d.gives(reference.max_unpool2d(y, switches, (5, 7)), y, switches, (5, 7))
    y, switches = reference.max_pool2d(x[:, :, :, :5], (3, 2))
    learner.max_unpool2d.gives(reference.max_unpool2d(y, switches, 5), y, switches, 5)


@check("max_unpool2d", "it is the adjoint of picking at the switches")
def test_max_unpool2d_adjoint(learner):
    x = draw_array((2, 3, 6, 5), 5)
    y, switches = reference.max_pool2d(x, 3, 1)
    v = draw_array(y.shape, 6)
    picked = np.take_along_axis(x.reshape(2, 3, -1), switches.reshape(2, 3, -1), axis=2)
    left, right = (
        float((picked.ravel() * v.ravel()).sum()),
        float((x * learner.max_unpool2d(v, switches, (6, 5))).sum()),
    )
    learner.require(left == right, "<pick(x), v> equals <x, max_unpool2d(v)>", pick_x_v=left, x_unpool_v=right)


@check("max_unpool2d", "float32, integers, any memory layout", hidden=True)
def test_max_unpool2d_arrays(learner):
    for dtype in (np.float32, np.int64):
        y, switches = reference.max_pool2d(draw_array((1, 2, 3, 4), 7, dtype), (2, 3), 1)
        learner.max_unpool2d.gives(reference.max_unpool2d(y, switches, (3, 4)), y, switches, (3, 4))
        less = switches.astype(np.int32)
        learner.max_unpool2d.gives(reference.max_unpool2d(y, switches, (3, 4)), y, less, (3, 4))
    for name, y in layouts(draw_array((2, 3, 2, 3), 8)):
        switches = arrange(draw_array(y.shape, 9, np.int64, low=0, high=19), name)
        learner.max_unpool2d.gives(reference.max_unpool2d(y, switches, (4, 5)), y, switches, (4, 5))


@check("max_unpool2d", "any shape and any switches", weight=2, hidden=True)
@given(y=st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(images), size=PAIRS, seed=seeds())
def test_max_unpool2d_drawn(learner, y, size, seed):
    switches = draw_array(y.shape, seed, np.int64, low=0, high=size[0] * size[1] - 1)
    learner.max_unpool2d.gives(reference.max_unpool2d(y, switches, size), y, switches, size)


@check("max_unpool2d", "refuses switches that point outside")
def test_max_unpool2d_refuses(learner):
    y = image([[1, 2]])
    learner.max_unpool2d.raises(ValueError, y, image([[0, 12]], np.int64), (3, 4))
    learner.max_unpool2d.raises(ValueError, y, image([[0, -1]], np.int64), (3, 4))
    learner.max_unpool2d.raises(ValueError, y, image([[0], [1]], np.int64), (3, 4))
    learner.max_unpool2d.raises((TypeError, ValueError), y, image([[0.0, 1.0]]), (3, 4))


# avg_pool2d


@check("avg_pool2d", "a 2 x 5 image you can work out by hand", weight=2)
def test_avg_pool2d_by_hand(learner):
    learner.avg_pool2d.gives(image([[2, 1.75]]), image([[1, 4, 2, 2, 9], [3, 0, 2, 1, 9]]), 2)


@check("avg_pool2d", "windows that overlap, and others with gaps")
def test_avg_pool2d_strides(learner):
    x = grid(1, 1, 5, 7)
    learner.avg_pool2d.gives(reference.avg_pool2d(x, (3, 2), (2, 1)), x, (3, 2), (2, 1))
    learner.avg_pool2d.gives(reference.avg_pool2d(x, (1, 2), (2, 3)), x, (1, 2), (2, 3))


@check("avg_pool2d", "padding counts as zeros", weight=2)
def test_avg_pool2d_padding(learner):
    x = image([[12, 12, 12], [12, 12, 12]])
    learner.avg_pool2d.gives(image([[3, 6], [3, 6]]), x, 2, padding=1)
    learner.avg_pool2d.gives(image([[4, 8, 8, 4], [4, 8, 8, 4]]), x, (3, 2), 1, padding=1)


@check("avg_pool2d", "float32 stays float32, integers become float64, any memory layout", hidden=True)
def test_avg_pool2d_arrays(learner):
    for dtype in (np.float32, np.int64, np.uint8):
        x = draw_array((1, 2, 3, 5), 12, dtype, low=0)
        learner.avg_pool2d.gives(reference.avg_pool2d(x, (2, 3), 1, 1), x, (2, 3), 1, 1)
    for _, x in layouts(draw_array((2, 3, 4, 3), 13)):
        learner.avg_pool2d.gives(reference.avg_pool2d(x, (3, 2), 2, (1, 0)), x, (3, 2), 2, (1, 0))


@check("avg_pool2d", "any size, kernel, stride and padding", weight=2, hidden=True)
@given(data=st.data(), case=windows())
def test_avg_pool2d_drawn(learner, data, case):
    size, *window = case
    x = data.draw(images(size))
    learner.avg_pool2d.gives(reference.avg_pool2d(x, *window), x, *window)


@check("avg_pool2d", "refuses what does not fit")
def test_avg_pool2d_refuses(learner):
    learner.avg_pool2d.raises(ValueError, grid(1, 1, 2, 3), (3, 2))
    learner.avg_pool2d.raises(ValueError, grid(1, 1, 6, 7), 3, 1, padding=2)


# avg_unpool2d


@check("avg_unpool2d", "two values spread over their windows", weight=2)
def test_avg_unpool2d_by_hand(learner):
    learner.avg_unpool2d.gives(image([[2, 2, 2, -1, -1, -1], [2, 2, 2, -1, -1, -1]]), image([[12, -6]]), (2, 3))


@check("avg_unpool2d", "windows that overlap add up", weight=2)
def test_avg_unpool2d_overlap(learner):
    expected = image([[2, 6, 4], [3, 10, 7], [1, 4, 3]])
    learner.avg_unpool2d.gives(expected, image([[8, 16], [4, 12]]), 2, stride=1)


@check("avg_unpool2d", "padding is cut off, on all sides")
def test_avg_unpool2d_padding(learner):
    y = image([[4, 8, 12], [16, 20, 24]])
    learner.avg_unpool2d.gives(image([[1, 2, 2, 3], [4, 5, 5, 6]]), y, 2, padding=1)


@check("avg_unpool2d", "output_size, with pixels that no window holds")
def test_avg_unpool2d_sizes(learner):
    y = image([[4, 8]])
    learner.avg_unpool2d.gives(image([[2, 2, 0, 4, 4], [0, 0, 0, 0, 0]]), y, (1, 2), (2, 3), output_size=(2, 5))
    learner.avg_unpool2d.gives(image([[2, 2, 0, 4, 4, 0, 0]]), y, (1, 2), (2, 3), 0, (1, 7))


@check("avg_unpool2d", "it passes the dot-product test with avg_pool2d", hidden=True)
@given(data=st.data(), case=windows())
def test_avg_unpool2d_adjoint(learner, data, case):
    size, kernel, stride, padding = case
    x = data.draw(images(size, st.just(np.float64)))
    y = draw_array((*x.shape[:2], *pooled_size(size, kernel, stride, padding)), data.draw(seeds()))
    left = float((reference.avg_pool2d(x, kernel, stride, padding) * y).sum())
    back = learner.avg_unpool2d(y, kernel, stride, padding, size)
    learner.require(back.shape == x.shape, "the result has the size that was pooled", x=x, result=back)
    right = float((x * back).sum())
    words = f"<avg_pool2d(x), y> equals <x, avg_unpool2d(y)> for kernel={kernel}, stride={stride}, padding={padding}"
    learner.require(abs(left - right) < 1e-9 * max(1.0, abs(left)), words, x=x, y=y, left=left, right=right)


@check("avg_unpool2d", "float32 stays float32, integers become float64, any memory layout", hidden=True)
def test_avg_unpool2d_arrays(learner):
    for dtype in (np.float32, np.int64):
        y = draw_array((1, 2, 2, 3), 14, dtype)
        learner.avg_unpool2d.gives(reference.avg_unpool2d(y, (3, 2), 1, 1), y, (3, 2), 1, 1)
    for _, y in layouts(draw_array((2, 3, 2, 3), 15)):
        learner.avg_unpool2d.gives(reference.avg_unpool2d(y, (3, 2), 2, (1, 0), (4, 7)), y, (3, 2), 2, (1, 0), (4, 7))


@check("avg_unpool2d", "any size, kernel, stride and padding", weight=2, hidden=True)
@given(data=st.data(), case=windows())
def test_avg_unpool2d_drawn(learner, data, case):
    size, kernel, stride, padding = case
    y = data.draw(images(pooled_size(size, kernel, stride, padding)))
    learner.avg_unpool2d.gives(
        reference.avg_unpool2d(y, kernel, stride, padding, size), y, kernel, stride, padding, output_size=size
    )


@check("avg_unpool2d", "refuses a size that does not pool to the size of y")
def test_avg_unpool2d_refuses(learner):
    learner.avg_unpool2d.raises(ValueError, grid(1, 1, 2, 3), 2, output_size=(6, 6))
    learner.avg_unpool2d.raises(ValueError, grid(1, 1, 2, 3), 2, output_size=(4, 5))
    learner.avg_unpool2d.raises(ValueError, grid(1, 1, 1, 1), 2, padding=1)


# min_unpool2d


@check("min_unpool2d", "windows that overlap, worked out by hand", weight=2)
def test_min_unpool2d_by_hand(learner):
    # The window of the 3 is neither the first nor the last at the middle pixel: whichever overwrites, it is lost.
    expected = image([[7, 3, 3], [5, 3, 3], [5, 5, 8]])
    learner.min_unpool2d.gives(expected, image([[7, 3], [5, 8]]), 2, stride=1)
    expected = image([[5, 5, 8, 8], [3, 3, 7, 7], [3, 3, 7, 7]])
    learner.min_unpool2d.gives(expected, image([[5, 8], [3, 7]]), 2, stride=(1, 2))


@check("min_unpool2d", "negative values, windows of 3 x 2 pixels")
def test_min_unpool2d_tall(learner):
    expected = image([[-1, -4, -4], [-1, -4, -4], [-6, -6, -4], [-6, -6, -2], [-6, -6, -2]])
    learner.min_unpool2d.gives(expected, image([[-1, -4], [-6, -2]]), (3, 2), (2, 1))


@check("min_unpool2d", "windows that only touch: every value fills its window", weight=2)
def test_min_unpool2d_touching(learner):
    y = grid(1, 1, 2, 2)
    learner.min_unpool2d.gives(np.repeat(np.repeat(y, 2, axis=2), 3, axis=3), y, (2, 3))
    y = grid(2, 2, 1, 2)
    learner.min_unpool2d.gives(np.repeat(y, 2, axis=3), y, (1, 2))
    learner.min_unpool2d.gives(y.copy(), y, 1)


@check("min_unpool2d", "a pixel that no window holds is unbounded", weight=2)
def test_min_unpool2d_gaps(learner):
    inf = np.inf
    y = image([[4, -8]])
    learner.min_unpool2d.gives(image([[4, 4, inf, -8, -8], [inf, inf, inf, inf, inf]]), y, (1, 2), (2, 3), (2, 5))


@check("min_unpool2d", "whole numbers have no infinity: the largest of their dtype stands for it")
def test_min_unpool2d_whole_numbers(learner):
    y = image([[1, 2], [3, 4]], np.uint8)
    learner.min_unpool2d.gives(image([[1, 255, 2], [3, 255, 4]], np.uint8), y, 1, (1, 2))
    y = image([[7, -5]], np.int64)
    learner.min_unpool2d.gives(image([[7, -5, -5]], np.int64), y, (1, 2), 1)


@check("min_unpool2d", "P(x) <= y exactly if x <= U(y)", weight=2, hidden=True)
@given(data=st.data(), case=windows(padded=False))
def test_min_unpool2d_adjoint(learner, data, case):
    size, kernel, stride, _ = case
    x = data.draw(images(size, st.just(np.float64)))
    pooled = reference.max_pool2d(x, kernel, stride)[0]
    y = pooled + draw_array(pooled.shape, data.draw(seeds()), low=0, high=2)
    if data.draw(st.booleans()):  # one value too small, now and then
        y.flat[data.draw(st.integers(0, y.size - 1))] -= 1
    bound = learner.min_unpool2d(y, kernel, stride, size)
    learner.require(bound.shape == x.shape, "the result has the size that was pooled", x=x, result=bound)
    words = f"P(x) <= y exactly if x <= U(y), for kernel={kernel}, stride={stride}"
    learner.require((pooled <= y).all() == (x <= bound).all(), words, x=x, P_x=pooled, y=y, U_y=bound)
    again = reference.max_pool2d(learner.min_unpool2d(pooled, kernel, stride, size), kernel, stride)[0]
    words = f"P(U(P(x))) equals P(x), for kernel={kernel}, stride={stride}"
    learner.require(np.array_equal(again, pooled), words, x=x, P_x=pooled, P_U_P_x=again)


@check("min_unpool2d", "float32, integers, any memory layout", hidden=True)
def test_min_unpool2d_arrays(learner):
    for dtype in (np.float32, np.int64, np.uint8):
        y = draw_array((1, 2, 2, 3), 16, dtype, low=0)
        learner.min_unpool2d.gives(reference.min_unpool2d(y, (3, 2), 1), y, (3, 2), 1)
    for _, y in layouts(draw_array((2, 3, 2, 3), 17)):
        learner.min_unpool2d.gives(reference.min_unpool2d(y, (3, 2), 2, (5, 7)), y, (3, 2), 2, (5, 7))


@check("min_unpool2d", "any size, kernel and stride", weight=4, hidden=True)
@given(data=st.data(), case=windows(padded=False))
def test_min_unpool2d_drawn(learner, data, case):
    size, kernel, stride, _ = case
    y = data.draw(images(pooled_size(size, kernel, stride, 0)))
    learner.min_unpool2d.gives(reference.min_unpool2d(y, kernel, stride, size), y, kernel, stride, output_size=size)


@check("min_unpool2d", "refuses a size that does not pool to the size of y")
def test_min_unpool2d_refuses(learner):
    learner.min_unpool2d.raises(ValueError, grid(1, 1, 2, 3), 2, output_size=(6, 6))
    learner.min_unpool2d.raises(ValueError, grid(1, 1, 2, 3), 2, output_size=(4, 5))
    learner.min_unpool2d.raises(ValueError, grid(1, 1, 2, 3), 3, 1, output_size=(4, 6))
