"""Chapter 5's solutions against PyTorch, and its proposition against drawn cases.

What is decided about NaN: it counts as the largest value of all, so max-pooling shows it, as PyTorch does; the switch
points to the first NaN of the window, where PyTorch points to the last. A NaN is not ordered, so the proposition is
about images without one.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from deconv_grader.checks.writing import draw_array, seeds
from deconv_solutions.unpooling import (
    avg_pool2d,
    avg_unpool2d,
    max_pool2d,
    max_unpool2d,
    min_unpool2d,
    sliding_max,
)

torch = pytest.importorskip("torch")
functional = torch.nn.functional

PAIRS = st.tuples(st.integers(1, 4), st.integers(1, 4))
STRIDES = st.one_of(st.none(), st.tuples(st.integers(1, 6), st.integers(1, 6)))
FLOATS = st.sampled_from([np.float32, np.float64])


@st.composite
def cases(draw, padded=True, dtypes=FLOATS):
    """(image, kernel, stride, padding): whole numbers from -3 to 3, so windows hold ties."""
    kernel, stride = draw(PAIRS), draw(STRIDES)
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel) if padded else (0, 0)
    size = tuple(max(k - 2 * p, 1) + draw(st.integers(0, 7)) for k, p in zip(kernel, padding, strict=True))
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 3)), *size)
    return draw_array(shape, draw(seeds()), draw(dtypes), low=-3, high=3), kernel, stride, padding


def covering(pooled, kernel, stride):
    """For each row (or column) of the covered image, whether each window holds it: two bool matrices."""
    for n, k, s in zip(pooled, kernel, stride or kernel, strict=True):
        offset = np.arange((n - 1) * s + k)[:, None] - np.arange(n) * s
        yield (offset >= 0) & (offset < k)


def max_over_windows(y, kernel, stride, size):
    """The article's maximum, with the stride that it lacks: the largest of the values whose windows hold a pixel."""
    return -min_unpool2d(-y, kernel, stride, size)


# Agreement with PyTorch


@given(cases())
def test_max_pool2d_agrees(case):
    x, kernel, stride, padding = case
    y, switches = max_pool2d(x, kernel, stride, padding)
    theirs, places = functional.max_pool2d(torch.from_numpy(x), kernel, stride, padding, return_indices=True)
    assert y.dtype == x.dtype
    assert switches.dtype == np.int64
    np.testing.assert_array_equal(y, theirs.numpy())
    np.testing.assert_array_equal(switches, places.numpy())


@given(cases(), st.sampled_from([np.nan, np.inf, -np.inf]), seeds())
def test_max_pool2d_agrees_on_special_values(case, special, seed):
    x, kernel, stride, padding = case
    x = np.where(draw_array(x.shape, seed, low=0, high=3) == 0, special, x).astype(x.dtype)
    y, switches = max_pool2d(x, kernel, stride, padding)
    theirs, places = functional.max_pool2d(torch.from_numpy(x), kernel, stride, padding, return_indices=True)
    np.testing.assert_array_equal(y, theirs.numpy())
    ordered = ~np.isnan(y)
    np.testing.assert_array_equal(switches[ordered], places.numpy()[ordered])
    assert (switches[~ordered] <= places.numpy()[~ordered]).all()


@given(st.tuples(st.integers(1, 5), st.integers(1, 5)), PAIRS, STRIDES, st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_the_same_poolings_are_refused(size, kernel, stride, padding):
    x = np.zeros((1, 1, *size))
    for ours, theirs in ((max_pool2d, functional.max_pool2d), (avg_pool2d, functional.avg_pool2d)):
        try:
            theirs(torch.from_numpy(x), kernel, stride, padding)
        except RuntimeError:
            with pytest.raises(ValueError):
                ours(x, kernel, stride, padding)
        else:
            ours(x, kernel, stride, padding)


@given(cases(padded=False), seeds())
def test_max_unpool2d_agrees_where_switches_are_unique(case, seed):
    x, kernel, _, _ = case
    y, switches = max_pool2d(x, kernel)  # windows that touch share no pixel
    values = draw_array(y.shape, seed, x.dtype)
    size = x.shape[2:]
    assume(all(n < m * k + k for n, m, k in zip(size, y.shape[2:], kernel, strict=True)))
    theirs = functional.max_unpool2d(torch.from_numpy(values), torch.from_numpy(switches), kernel, output_size=size)
    np.testing.assert_array_equal(max_unpool2d(values, switches, size), theirs.numpy())


@given(cases(padded=True), seeds())
def test_max_unpool2d_is_the_gradient_of_max_pooling(case, seed):
    x, kernel, stride, padding = case
    y, switches = max_pool2d(x, kernel, stride, padding)
    values = draw_array(y.shape, seed, x.dtype)
    image = torch.from_numpy(x).requires_grad_()
    functional.max_pool2d(image, kernel, stride, padding).backward(torch.from_numpy(values))
    np.testing.assert_array_equal(max_unpool2d(values, switches, x.shape[2:]), image.grad.numpy())


def test_max_unpool2d_differs_from_pytorch_where_switches_are_shared():
    values, switches = np.array([[[[2.0, 3.0]]]]), np.array([[[[1, 1]]]])
    theirs = functional.max_unpool2d(torch.from_numpy(values), torch.from_numpy(switches), (1, 2), output_size=(1, 4))
    assert theirs[0, 0, 0, 1] in (2.0, 3.0)
    assert max_unpool2d(values, switches, (1, 4))[0, 0, 0, 1] == 5.0


@given(cases())
def test_avg_pool2d_agrees(case):
    x, kernel, stride, padding = case
    y = avg_pool2d(x, kernel, stride, padding)
    assert y.dtype == x.dtype
    theirs = functional.avg_pool2d(torch.from_numpy(x), kernel, stride, padding).numpy()
    np.testing.assert_allclose(y, theirs, rtol=0, atol=1e-5 if x.dtype == np.float32 else 1e-12)


@given(cases(), seeds())
def test_avg_unpool2d_agrees_with_autograd(case, seed):
    x, kernel, stride, padding = case
    image = torch.from_numpy(x).requires_grad_()
    pooled = functional.avg_pool2d(image, kernel, stride, padding)
    values = draw_array(tuple(pooled.shape), seed, x.dtype)
    pooled.backward(torch.from_numpy(values))
    ours = avg_unpool2d(values, kernel, stride, padding, x.shape[2:])
    assert ours.dtype == x.dtype
    np.testing.assert_allclose(ours, image.grad.numpy(), rtol=0, atol=1e-5 if x.dtype == np.float32 else 1e-12)


@given(st.tuples(st.integers(1, 7), st.integers(1, 7)), PAIRS, seeds(), FLOATS)
def test_sliding_max_agrees_with_pooling_a_padded_image(size, kernel, seed, dtype):
    y = draw_array(size, seed, dtype)
    (K, L) = kernel
    padded = functional.pad(torch.from_numpy(y)[None], (L - 1, L - 1, K - 1, K - 1), value=-np.inf)
    theirs = functional.max_pool2d(padded, kernel, 1)[0].numpy()
    np.testing.assert_array_equal(sliding_max(y, kernel), theirs)


# The proposition: min-unpooling U is the upper adjoint of max-pooling P


@given(cases(padded=False), seeds(), st.integers(0, 3))
def test_p_x_below_y_exactly_if_x_below_u_y(case, seed, lowered):
    x, kernel, stride, _ = case
    pooled, _ = max_pool2d(x, kernel, stride)
    y = pooled + draw_array(pooled.shape, seed, x.dtype, low=0, high=2)
    places = np.random.default_rng(seed).integers(0, y.size, lowered)
    y.flat[places] -= 2  # some are now below the pooled map, some still are not
    assert (pooled <= y).all() == (x <= min_unpool2d(y, kernel, stride, x.shape[2:])).all()


@given(cases(padded=False), seeds())
def test_unrelated_images_too(case, seed):
    x, kernel, stride, _ = case
    shape = max_pool2d(x, kernel, stride)[0].shape
    for low in (-3, 0, 2):
        y = draw_array(shape, seed, x.dtype, low=low, high=3)
        assert (max_pool2d(x, kernel, stride)[0] <= y).all() == (
            x <= min_unpool2d(y, kernel, stride, x.shape[2:])
        ).all()


@given(cases(padded=False))
@example((np.arange(35.0).reshape(1, 1, 5, 7) % 4, (3, 3), (1, 2), (0, 0)))  # overlapping
@example((np.arange(35.0).reshape(1, 1, 5, 7) % 4, (2, 1), (3, 4), (0, 0)))  # gaps
def test_pooling_again_gives_the_pooled_map_back(case):
    x, kernel, stride, _ = case
    pooled, _ = max_pool2d(x, kernel, stride)
    back = min_unpool2d(pooled, kernel, stride, x.shape[2:])
    np.testing.assert_array_equal(max_pool2d(back, kernel, stride)[0], pooled)
    assert (back >= x).all()


@given(cases(padded=False), seeds())
def test_it_is_the_largest_image_with_that_pooled_map(case, seed):
    x, kernel, stride, _ = case
    pooled, _ = max_pool2d(x, kernel, stride)
    back = min_unpool2d(pooled, kernel, stride, x.shape[2:])
    place = np.random.default_rng(seed).integers(0, back.size)
    assume(np.isfinite(back.flat[place]))
    back.flat[place] += 1
    assert (max_pool2d(back, kernel, stride)[0] > pooled).any()


@given(cases(padded=False))
def test_a_pixel_that_no_window_holds_is_unbounded(case):
    x, kernel, stride, _ = case
    y, _ = max_pool2d(x, kernel, stride)
    rows, columns = covering(y.shape[2:], kernel, stride)
    held = np.outer(rows.any(axis=1), columns.any(axis=1))
    back = min_unpool2d(y, kernel, stride)
    assert (np.isfinite(back) == held).all()
    back = min_unpool2d(y, kernel, stride, x.shape[2:])
    assert np.isposinf(back[:, :, held.shape[0] :]).all()
    assert np.isposinf(back[:, :, :, held.shape[1] :]).all()


@given(cases(padded=False, dtypes=st.sampled_from([np.int64, np.uint8])))
def test_the_proposition_holds_for_whole_numbers(case):
    x, kernel, stride, _ = case
    x = np.abs(x).astype(x.dtype)
    pooled, _ = max_pool2d(x, kernel, stride)
    back = min_unpool2d(pooled, kernel, stride, x.shape[2:])
    assert back.dtype == x.dtype
    assert (back >= x).all()
    np.testing.assert_array_equal(max_pool2d(back, kernel, stride)[0], pooled)


def test_with_max_in_place_of_min_pooling_does_not_give_the_map_back():
    x = np.array([[[[0.0, 3.0, 0.0, 0.0]]]])
    kernel, stride = (1, 2), (1, 1)
    pooled, _ = max_pool2d(x, kernel, stride)
    again, _ = max_pool2d(max_over_windows(pooled, kernel, stride, (1, 4)), kernel, stride)
    assert pooled.tolist() == [[[[3, 3, 0]]]]
    assert again.tolist() == [[[[3, 3, 3]]]]


@given(st.tuples(st.integers(2, 4), st.integers(2, 4)), seeds(), st.data())
def test_max_fails_wherever_overlapping_windows_differ(kernel, seed, data):
    stride = tuple(data.draw(st.integers(1, k - 1)) for k in kernel)
    y = draw_array((1, 1, 2, 3), seed)
    assume(len(np.unique(y)) > 1)
    size = tuple((n - 1) * s + k for n, s, k in zip((2, 3), stride, kernel, strict=True))
    raised = max_pool2d(max_over_windows(y, kernel, stride, size), kernel, stride)[0]
    assert (raised >= y).all()
    assert (raised > y).any()


@given(st.tuples(st.integers(1, 3), st.integers(1, 3)), PAIRS, seeds())
def test_windows_that_touch_make_both_of_them_nearest_upsampling(size, kernel, seed):
    y = draw_array((1, 2, *size), seed)
    nearest = np.repeat(np.repeat(y, kernel[0], axis=2), kernel[1], axis=3)
    np.testing.assert_array_equal(min_unpool2d(y, kernel), nearest)
    np.testing.assert_array_equal(max_over_windows(y, kernel, None, nearest.shape[2:]), nearest)


@given(st.tuples(st.integers(1, 5), st.integers(1, 6)), PAIRS, seeds())
def test_the_printed_formula_is_the_maximum_for_stride_one(size, kernel, seed):
    y = draw_array((1, 1, *size), seed)
    size = tuple(n + k - 1 for n, k in zip(size, kernel, strict=True))
    np.testing.assert_array_equal(max_over_windows(y, kernel, 1, size)[0, 0], sliding_max(y[0, 0], kernel))


# Arguments


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: max_pool2d(np.zeros((2, 3)), 2), "x must be an array"),
        (lambda: max_pool2d(np.zeros((1, 1, 2, 3)), 3), "kernel must fit"),
        (lambda: max_pool2d(np.zeros((1, 1, 9, 9)), 3, 1, 2), "padding must be at most half"),
        (lambda: max_pool2d(np.zeros((1, 1, 9, 9)), 3, 0), "stride"),
        (lambda: max_unpool2d(np.zeros((1, 1, 2, 2)), np.full((1, 1, 2, 2), 4), 2), "switches must lie from 0 to 3"),
        (lambda: max_unpool2d(np.zeros((1, 1, 2, 2)), np.zeros((1, 1, 2, 2)), 2), "switches must hold whole numbers"),
        (lambda: min_unpool2d(np.zeros((1, 1, 2, 3)), 2, output_size=(6, 6)), "height from 4 to 5"),
        (lambda: avg_unpool2d(np.zeros((1, 1, 2, 3)), 2, 3, 1, (3, 9)), "width from 6 to 8"),
        (lambda: avg_unpool2d(np.zeros((1, 1, 1, 1)), 2, padding=1), "output_size must have a height from 1 to 1"),
        (lambda: sliding_max(np.zeros((0, 2)), 2), "at least one value"),
    ],
)
def test_bad_arguments_are_named(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()
