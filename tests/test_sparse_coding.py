"""What grades chapter 10."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deconv_grader.checks.writing import check, draw_array, grid, seeds
from deconv_solutions import sparse_coding as reference

DTYPES = st.sampled_from([np.float32, np.float64])
SIDES = st.tuples(st.integers(1, 4), st.integers(1, 4))


def drawn(shape, seed, dtype=np.float64, low=-4, high=4):
    """Small whole numbers: sums of their products are exact in both precisions."""
    return torch.from_numpy(draw_array(shape, seed, dtype, low, high))


def unit(shape, seed):
    """Filters of norm 1."""
    d = drawn(shape, seed)
    d[:, 0, 0, 0] += 5.0  # none is zero
    return d / d.flatten(1).norm(dim=1)[:, None, None, None]


def plane(rows, dtype=torch.float64):
    return torch.tensor(rows, dtype=dtype)[None, None]


@st.composite
def layers(draw):
    """Shapes of codes, filters and image; filters, channels, height and width all differ now and then."""
    images, features, channels = draw(st.integers(1, 2)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    (K, L), (h, w) = draw(SIDES), draw(SIDES)
    return (images, features, h, w), (features, channels, K, L), (images, channels, h + K - 1, w + L - 1)


# synthesise

STAMPS = torch.tensor([[[[1.0, 2, 0], [0, 3, 0]]], [[[0.0, 0, 1], [5, 0, 0]]]], dtype=torch.float64)


@check("synthesise", "two filters, two codes, by hand", weight=2)
def test_synthesise_by_hand(learner):
    z = torch.tensor([[[[1.0, 0], [0, 0]], [[0, 0], [0, -1]]]], dtype=torch.float64)
    x = plane([[1.0, 2, 0, 0], [0, 3, 0, -1], [0, -5, 0, 0]])
    learner.synthesise.gives(x, z, STAMPS)
    z = torch.tensor([[[[1.0, 2], [0, 0]], [[0, 0], [0, 0]]]], dtype=torch.float64)
    learner.synthesise.gives(plane([[1.0, 4, 4, 0], [0, 3, 6, 0], [0, 0, 0, 0]]), z, STAMPS)


@check("synthesise", "a single code shows its filter, in every channel", weight=2)
def test_synthesise_shows_the_filter(learner):
    filters = torch.from_numpy(grid(2, 3, 2, 4))
    z = torch.zeros(1, 2, 1, 1, dtype=torch.float64)
    z[0, 1] = 1
    learner.synthesise.gives(filters[1:2].clone(), z, filters)


@check("synthesise", "more filters than channels, and fewer; two images", weight=2)
def test_synthesise_channels(learner):
    for features, channels in ((4, 2), (2, 3)):
        z, filters = drawn((2, features, 3, 2), 1), drawn((features, channels, 2, 3), 2)
        learner.synthesise.gives(reference.synthesise(z, filters), z, filters)


@check("synthesise", "float32 stays float32; tensors in any order of memory", hidden=True)
def test_synthesise_tensors(learner):
    z, filters = drawn((2, 3, 2, 5), 3, np.float32), drawn((3, 2, 3, 2), 4, np.float32)
    learner.synthesise.gives(reference.synthesise(z, filters), z, filters)
    z, filters = drawn((5, 2, 3, 2), 5).permute(1, 2, 3, 0), drawn((2, 3, 2, 3), 6).transpose(0, 1)
    learner.synthesise.gives(reference.synthesise(z, filters), z, filters)


@check("synthesise", "any number of images, filters and channels, any size", weight=2, hidden=True)
@given(case=layers(), seed=seeds(), dtype=DTYPES)
def test_synthesise_drawn(learner, case, seed, dtype):
    codes, filters, _ = case
    z, d = drawn(codes, seed, dtype), drawn(filters, seed + 1, dtype)
    learner.synthesise.gives(reference.synthesise(z, d), z, d)


@check("synthesise", "refuses codes that do not belong to the filters")
def test_synthesise_refuses(learner):
    learner.synthesise.raises(ValueError, drawn((1, 3, 2, 2), 7), drawn((2, 3, 2, 3), 8))
    learner.synthesise.raises(ValueError, drawn((2, 2, 2), 7), drawn((2, 3, 2, 3), 8))


# analyse


@check("analyse", "one window and two, by hand", weight=2)
def test_analyse_by_hand(learner):
    x = plane([[1.0, 2, 3, 1], [0, 4, -1, 2]])
    z = torch.tensor([[[[17.0, 5]], [[3.0, 21]]]], dtype=torch.float64)
    learner.analyse.gives(z, x, STAMPS)
    learner.analyse.gives(z[..., 1:].clone(), x[..., 1:].clone(), STAMPS)


@check("analyse", "more filters than channels, and fewer; two images", weight=2)
def test_analyse_channels(learner):
    for features, channels in ((4, 2), (2, 3)):
        x, filters = drawn((2, channels, 4, 5), 10), drawn((features, channels, 2, 3), 11)
        learner.analyse.gives(reference.analyse(x, filters), x, filters)


@check("analyse", "it passes the dot-product test with synthesise", weight=2)
@given(case=layers(), seed=seeds())
def test_analyse_adjoint(learner, case, seed):
    codes, filters, image = case
    z, d, x = drawn(codes, seed), drawn(filters, seed + 1), drawn(image, seed + 2)
    back = learner.analyse(x, d)
    learner.require(back.shape == z.shape, "the result has the shape of the codes", x=x, result=back)
    left, right = float((back * z).sum()), float((x * reference.synthesise(z, d)).sum())
    learner.require(left == right, "<analyse(x), z> equals <x, synthesise(z)>", x=x, filters=d, left=left, right=right)


@check("analyse", "float32 stays float32; tensors in any order of memory", hidden=True)
def test_analyse_tensors(learner):
    x, filters = drawn((2, 2, 4, 6), 12, np.float32), drawn((3, 2, 3, 2), 13, np.float32)
    learner.analyse.gives(reference.analyse(x, filters), x, filters)
    x, filters = drawn((5, 2, 3, 4), 14).permute(1, 2, 3, 0), drawn((3, 2, 2, 3), 15).transpose(0, 1)
    learner.analyse.gives(reference.analyse(x, filters), x, filters)


@check("analyse", "any number of images, filters and channels, any size", weight=2, hidden=True)
@given(case=layers(), seed=seeds(), dtype=DTYPES)
def test_analyse_drawn(learner, case, seed, dtype):
    _, filters, image = case
    x, d = drawn(image, seed, dtype), drawn(filters, seed + 1, dtype)
    learner.analyse.gives(reference.analyse(x, d), x, d)


@check("analyse", "refuses other channels, and filters that do not fit")
def test_analyse_refuses(learner):
    learner.analyse.raises(ValueError, drawn((1, 2, 4, 4), 16), drawn((2, 3, 2, 3), 17))
    learner.analyse.raises(ValueError, drawn((1, 3, 4, 2), 16), drawn((2, 3, 2, 3), 17))


# soft_threshold


@check("soft_threshold", "seven numbers, by hand", weight=2)
def test_soft_threshold_by_hand(learner):
    z = torch.tensor([-5.0, -2.0, -1.0, 0.0, 1.5, 2.0, 4.0], dtype=torch.float64)
    u = torch.tensor([-3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0], dtype=torch.float64)
    learner.soft_threshold.gives(u, z, 2.0)


@check("soft_threshold", "a threshold of 0 changes nothing")
def test_soft_threshold_zero(learner):
    z = drawn((2, 3), 20)
    learner.soft_threshold.gives(z.clone(), z, 0.0)
    learner.soft_threshold.gives(z.clone(), z, 0)


@check("soft_threshold", "a threshold of its own for each filter")
def test_soft_threshold_tensor(learner):
    z = drawn((2, 3, 2, 4), 21)
    t = torch.tensor([0.0, 1.5, 3.0], dtype=torch.float64)[:, None, None]
    learner.soft_threshold.gives(reference.soft_threshold(z, t), z, t)


@check("soft_threshold", "any shape, float32 and float64", weight=2, hidden=True)
@given(shape=st.lists(st.integers(1, 4), max_size=4), seed=seeds(), dtype=DTYPES, t=st.integers(0, 6))
def test_soft_threshold_drawn(learner, shape, seed, dtype, t):
    z = drawn(shape, seed, dtype)
    learner.soft_threshold.gives(reference.soft_threshold(z, t / 2), z, t / 2)


@check("soft_threshold", "refuses a negative threshold, and one that is not a number")
def test_soft_threshold_refuses(learner):
    z = drawn((2, 3), 22)
    learner.soft_threshold.raises(ValueError, z, -0.5)
    learner.soft_threshold.raises(ValueError, z, float("nan"))
    learner.soft_threshold.raises(ValueError, z, torch.tensor([0.0, 1.0, -1.0], dtype=torch.float64))
    learner.soft_threshold.raises(TypeError, torch.tensor([1, 2, 3]), 1.0)


# lipschitz


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@check("lipschitz", "filters of one pixel: the eigenvalue is known after one step", weight=2)
def test_lipschitz_by_hand(learner):
    filters = torch.tensor([[[[3.0]]], [[[4.0]]]], dtype=torch.float64)
    learner.lipschitz.gives(25.0, filters, (1, 2, 1, 1), 1, seeded(0))
    learner.lipschitz.gives(25.0, filters, (2, 2, 3, 2), 4, seeded(0))


@check("lipschitz", "without a step: the quotient of what was drawn", weight=2)
def test_lipschitz_no_step(learner):
    for dtype, tolerance in ((np.float64, 1e-9), (np.float32, 1e-5)):
        filters = drawn((2, 3, 2, 3), 30, dtype)
        expected = reference.lipschitz(filters, (1, 2, 3, 2), 0, seeded(1))
        learner.lipschitz.gives(expected, filters, (1, 2, 3, 2), 0, seeded(1), tolerance=tolerance)


@check("lipschitz", "a few steps on the way", weight=2)
def test_lipschitz_steps(learner):
    filters = drawn((3, 2, 3, 2), 31)
    for iterations in (1, 2, 5):
        expected = reference.lipschitz(filters, (2, 3, 4, 5), iterations, seeded(2))
        learner.lipschitz.gives(expected, filters, (2, 3, 4, 5), iterations, seeded(2))


@check("lipschitz", "large and small filters, float32 too", hidden=True)
def test_lipschitz_scales(learner):
    for scale in (1e6, 1e-6):
        filters = scale * drawn((2, 1, 2, 3), 32)
        expected = reference.lipschitz(filters, (1, 2, 3, 4), 60, seeded(3))
        learner.lipschitz.gives(expected, filters, (1, 2, 3, 4), 60, seeded(3), tolerance=1e-7)
    filters = drawn((2, 1, 2, 3), 33, np.float32)
    expected = reference.lipschitz(filters, (1, 2, 3, 4), 3, seeded(4))
    learner.lipschitz.gives(expected, filters, (1, 2, 3, 4), 3, seeded(4), tolerance=1e-5)


@check("lipschitz", "any shape", weight=2, hidden=True)
@given(case=layers(), seed=seeds(), iterations=st.integers(0, 4))
def test_lipschitz_drawn(learner, case, seed, iterations):
    codes, shape, _ = case
    filters = unit(shape, seed)
    expected = reference.lipschitz(filters, codes, iterations, seeded(seed))
    learner.lipschitz.gives(expected, filters, codes, iterations, seeded(seed))


@check("lipschitz", "filters of zeros, and codes of other filters")
def test_lipschitz_refuses(learner):
    learner.lipschitz.gives(0.0, torch.zeros(2, 1, 2, 3, dtype=torch.float64), (1, 2, 3, 4), 2, seeded(5))
    learner.lipschitz.raises(ValueError, drawn((2, 1, 2, 3), 34), (1, 3, 3, 4), 2, seeded(5))
    learner.lipschitz.raises(ValueError, drawn((2, 1, 2, 3), 34), (1, 2, 3, 4), -1, seeded(5))


# lipschitz_bound


@check("lipschitz_bound", "sums, differences, and both, by hand", weight=2)
def test_lipschitz_bound_by_hand(learner):
    # A filter of two ones enlarges the constant by 2, so that energies grow by 4; differences do it to the fastest wave.
    add, subtract = plane([[1.0, 1.0]]), plane([[1.0, -1.0]])
    learner.lipschitz_bound.gives(4.0, add, (1, 8))
    learner.lipschitz_bound.gives(4.0, subtract, (3, 6))
    # |1 + e - e^2|^2 = 3 - 2 cos 2w and |1 + e^2|^2 = 2 + 2 cos 2w, where e = exp(-iw): together 5, at every frequency.
    learner.lipschitz_bound.gives(5.0, torch.cat((plane([[1.0, 1, -1]]), plane([[1.0, 0, 1]]))), (1, 8))
    learner.lipschitz_bound.gives(4.0, torch.cat((add, subtract)), (1, 8))
    learner.lipschitz_bound.gives(8.0, torch.cat((add, add)), (5, 2))


@check("lipschitz_bound", "one channel: the squares of all filters add up at a frequency", weight=2)
def test_lipschitz_bound_one_channel(learner):
    for size in ((5, 8), (3, 4), (2, 3), 7):
        filters = drawn((3, 1, 2, 3), 40)
        learner.lipschitz_bound.gives(reference.lipschitz_bound(filters, size), filters, size)


@check("lipschitz_bound", "several channels: singular values, not sums of squares", weight=2)
def test_lipschitz_bound_channels(learner):
    filters = torch.tensor([[[[3.0]], [[0.0]]], [[[0.0]], [[2.0]]]], dtype=torch.float64)
    learner.lipschitz_bound.gives(9.0, filters, (2, 3))
    for features, channels in ((4, 2), (2, 3)):
        filters = drawn((features, channels, 3, 2), 41)
        learner.lipschitz_bound.gives(reference.lipschitz_bound(filters, (4, 7)), filters, (4, 7))


@check("lipschitz_bound", "it is no less than the eigenvalue", hidden=True)
@given(case=layers(), seed=seeds())
def test_lipschitz_bound_holds(learner, case, seed):
    (_, features, h, w), shape, (*_, H, W) = case
    filters = drawn(shape, seed)
    units = torch.eye(features * h * w, dtype=torch.float64).reshape(-1, features, h, w)
    matrix = reference.synthesise(units, filters).flatten(1)
    largest = float(torch.linalg.matrix_norm(matrix, ord=2)) ** 2
    bound = learner.lipschitz_bound(filters, (H, W))
    learner.require(bound >= largest * (1 - 1e-9), "the bound is no less than the eigenvalue", eigenvalue=largest)
    expected = reference.lipschitz_bound(filters, (H, W))
    learner.lipschitz_bound.gives(expected, filters, (H, W), tolerance=1e-8)


@check("lipschitz_bound", "float32", hidden=True)
def test_lipschitz_bound_float32(learner):
    filters = drawn((3, 2, 2, 3), 42, np.float32)
    learner.lipschitz_bound.gives(reference.lipschitz_bound(filters, (5, 6)), filters, (5, 6), tolerance=1e-4)


@check("lipschitz_bound", "refuses an image that is smaller than a filter")
def test_lipschitz_bound_refuses(learner):
    learner.lipschitz_bound.raises(ValueError, drawn((2, 1, 2, 3), 43), (3, 2))
    learner.lipschitz_bound.raises(ValueError, drawn((2, 1, 3, 2), 43), 2)


# ista

ONE, TWO = plane([[1.0]]), plane([[2.0]])


def problem(seed, features=3, channels=2, images=2, kernel=(3, 2), codes=(3, 4)):
    """Images made of a few codes, with a little on top, and the filters."""
    filters = unit((features, channels, *kernel), seed)
    z = drawn((images, features, *codes), seed + 1)
    x = reference.synthesise(torch.where(z > 2, z, 0.0), filters)
    return x + drawn(x.shape, seed + 2) / 8, filters


ROW = plane([[3.0, 0, -6, 9, 3, 3]]), torch.tensor([[[[1.0, 2, 2]]], [[[2, -2, 1]]]], dtype=torch.float64) / 3
COLOR = {"features": 2, "channels": 3, "images": 1, "kernel": (2, 3), "codes": (4, 2)}


def gives_reference(call, *args, tolerance=1e-7, **keywords):
    """The learner's codes and history are the reference's."""
    call.gives(getattr(reference, call.exercise.name)(*args, **keywords), *args, tolerance=tolerance, **keywords)


@check("ista", "a filter of one pixel, by hand", weight=2)
def test_ista_by_hand(learner):
    x = plane([[3.0, 0.5, -2.0]])
    learner.ista.gives((torch.zeros_like(x), [6.625]), x, ONE, 1.0, 0)
    learner.ista.gives((plane([[2.0, 0, -1.0]]), [6.625, 4.125]), x, ONE, 1.0, 1)


@check("ista", "a filter of 2: step and threshold are divided by the bound 4", weight=2)
def test_ista_step(learner):
    learner.ista.gives((plane([[1.75, -0.25]]), [8.5, 2.25]), plane([[4.0, -1.0]]), TWO, 1.0, 1)
    learner.ista.gives((plane([[1.75, -0.25]]), [8.5, 2.25, 2.25, 2.25]), plane([[4.0, -1.0]]), TWO, 1.0, 3)


@check("ista", "two filters on one row of pixels")
def test_ista_row(learner):
    for iterations in (1, 2, 4):
        gives_reference(learner.ista, *ROW, 0.5, iterations)


@check("ista", "several images, filters and channels", weight=2)
def test_ista_batch(learner):
    for iterations in (1, 3, 8):
        gives_reference(learner.ista, *problem(51), 0.25, iterations)
    gives_reference(learner.ista, *problem(52, **COLOR), 0.5, 5)


@check("ista", "codes for nothing, and codes that cost too much")
def test_ista_weights(learner):
    x, filters = problem(53)
    gives_reference(learner.ista, x, filters, 0, 4)
    nothing = torch.zeros(2, 3, 3, 4, dtype=torch.float64), [float(x.square().sum()) / 2] * 4
    learner.ista.gives(nothing, x, filters, 1e4, 3, tolerance=1e-7)


@check("ista", "it goes on from where it is told to start")
def test_ista_start(learner):
    x, filters = problem(54)
    start = drawn((2, 3, 3, 4), 55)
    gives_reference(learner.ista, x, filters, 0.5, 0, start)
    gives_reference(learner.ista, x, filters, 0.5, 4, start=start)


@check("ista", "float32", hidden=True)
def test_ista_float32(learner):
    x, filters = problem(56)
    gives_reference(learner.ista, x.float(), filters.float(), 0.25, 5, tolerance=1e-4)


@check("ista", "any shapes and weight; the objective never rises", weight=2, hidden=True)
@settings(max_examples=12)
@given(case=layers(), seed=seeds(), weight=st.integers(0, 8))
def test_ista_drawn(learner, case, seed, weight):
    _, shape, image = case
    x, filters = drawn(image, seed), unit(shape, seed + 1)
    gives_reference(learner.ista, x, filters, weight / 4, 4)
    _, history = learner.ista(x, filters, weight / 4, 6)
    rises = max(after - before for before, after in pairwise(history))
    learner.require(rises <= 1e-9 * (1 + history[0]), "the objective never rises", x=x, filters=filters)


@check("ista", "refuses a negative weight, negative iterations, a start of another shape")
def test_ista_refuses(learner):
    x, filters = problem(57)
    learner.ista.raises(ValueError, x, filters, -0.5, 3)
    learner.ista.raises(ValueError, x, filters, 0.5, -1)
    learner.ista.raises(ValueError, x, filters, 0.5, 3, torch.zeros(2, 3, 3, 3, dtype=torch.float64))


# fista


@check("fista", "a filter of one pixel, by hand", weight=2)
def test_fista_by_hand(learner):
    x = plane([[3.0, 0.5, -2.0]])
    learner.fista.gives((torch.zeros_like(x), [6.625]), x, ONE, 1.0, 0)
    learner.fista.gives((plane([[2.0, 0, -1.0]]), [6.625, 4.125]), x, ONE, 1.0, 1)
    learner.fista.gives((plane([[1.75, -0.25]]), [8.5, 2.25]), plane([[4.0, -1.0]]), TWO, 1.0, 1)


@check("fista", "two filters on one row of pixels: the third step is the first with momentum", weight=2)
def test_fista_row(learner):
    for iterations in (1, 2, 3, 4):
        gives_reference(learner.fista, *ROW, 0.5, iterations)


@check("fista", "several images, filters and channels", weight=2)
def test_fista_batch(learner):
    for iterations in (3, 9):
        gives_reference(learner.fista, *problem(61), 0.25, iterations)
    gives_reference(learner.fista, *problem(62, **COLOR), 0.5, 6)


@check("fista", "codes for nothing, and codes that cost too much")
def test_fista_weights(learner):
    x, filters = problem(63)
    gives_reference(learner.fista, x, filters, 0, 5)
    nothing = torch.zeros(2, 3, 3, 4, dtype=torch.float64), [float(x.square().sum()) / 2] * 4
    learner.fista.gives(nothing, x, filters, 1e4, 3, tolerance=1e-7)


@check("fista", "it goes on from where it is told to start")
def test_fista_start(learner):
    x, filters = problem(64)
    start = drawn((2, 3, 3, 4), 65)
    gives_reference(learner.fista, x, filters, 0.5, 0, start)
    gives_reference(learner.fista, x, filters, 0.5, 4, start=start)


@check("fista", "float32", hidden=True)
def test_fista_float32(learner):
    x, filters = problem(66)
    gives_reference(learner.fista, x.float(), filters.float(), 0.25, 5, tolerance=1e-4)


@check("fista", "any shapes and weight, within the proven bound", weight=2, hidden=True)
@settings(max_examples=12)
@given(case=layers(), seed=seeds(), weight=st.integers(0, 8))
def test_fista_drawn(learner, case, seed, weight):
    _, shape, image = case
    x, filters = drawn(image, seed), unit(shape, seed + 1)
    gives_reference(learner.fista, x, filters, weight / 4, 5)
    best, values = reference.fista(x, filters, weight / 4, 40)
    reach = 2 * reference.lipschitz_bound(filters, tuple(image[2:])) * float(best.square().sum())
    _, history = learner.fista(x, filters, weight / 4, 10)
    late = max(gap - reach / (k + 1) ** 2 for k, gap in enumerate((v - values[-1] for v in history[1:]), 1))
    words = "after k steps it is within 2 L |z*|^2 / (k + 1)^2 of the minimum"
    learner.require(late <= 1e-9 * (1 + history[0]), words, x=x, filters=filters)


@check("fista", "refuses a negative weight, negative iterations, a start of another shape")
def test_fista_refuses(learner):
    x, filters = problem(67)
    learner.fista.raises(ValueError, x, filters, -0.5, 3)
    learner.fista.raises(ValueError, x, filters, 0.5, -1)
    learner.fista.raises(ValueError, x, filters, 0.5, 3, torch.zeros(2, 3, 3, 3, dtype=torch.float64))


# update_filters


@check("update_filters", "one filter, one code, by hand", weight=2)
def test_update_filters_by_hand(learner):
    z = plane([[1.0, 0.0]])
    learner.update_filters.gives(plane([[0.6, 0.8]]), plane([[3.0, 4.0, 0.0]]), z, plane([[1.0, 0.0]]))
    learner.update_filters.gives(plane([[-0.8, 0.6]]), plane([[8.0, -6.0, 5.0]]), -2 * z, plane([[0.0, -1.0]]))


@check("update_filters", "a step on the way, with two filters on one row of pixels", weight=2)
def test_update_filters_row(learner):
    x = plane([[2.0, 1.0, -1.0, 0.0, 3.0]])
    z = torch.tensor([[[[1.0, 0.0, 2.0]], [[0.0, -1.0, 0.0]]]], dtype=torch.float64)
    filters = torch.tensor([[[[1.0, 0.0, 0.0]]], [[[0.0, 0.6, 0.8]]]], dtype=torch.float64)
    learner.update_filters.gives(reference.update_filters(x, z, filters), x, z, filters)


@check("update_filters", "several images and channels", weight=2)
def test_update_filters_channels(learner):
    for features, channels in ((4, 2), (2, 3)):
        filters = unit((features, channels, 2, 3), 70)
        z, x = drawn((2, features, 3, 2), 71, low=-1, high=1), drawn((2, channels, 4, 4), 72)
        learner.update_filters.gives(reference.update_filters(x, z, filters), x, z, filters)


@check("update_filters", "a filter that no code uses stays as it is")
def test_update_filters_unused(learner):
    filters = drawn((3, 2, 2, 3), 73)
    z, x = drawn((2, 3, 3, 2), 74), drawn((2, 2, 4, 4), 75)
    z[:, 1] = 0
    learner.update_filters.gives(reference.update_filters(x, z, filters), x, z, filters)
    learner.update_filters.gives(filters.clone(), x, torch.zeros_like(z), filters)


@check("update_filters", "nothing is left to explain: only the norm changes")
def test_update_filters_exact(learner):
    filters = 2 * unit((2, 1, 2, 3), 76)
    z = drawn((1, 2, 3, 2), 77)
    learner.update_filters.gives(filters / 2, reference.synthesise(z, filters), z, filters, tolerance=1e-7)
    filters = torch.tensor([[[[3.0, 4.0]]]], dtype=torch.float64)
    learner.update_filters.gives(filters / 5, plane([[3.0, 10.0, 8.0]]), plane([[1.0, 2.0]]), filters)


@check("update_filters", "float32", hidden=True)
def test_update_filters_float32(learner):
    filters, z, x = unit((3, 2, 2, 3), 78), drawn((2, 3, 3, 2), 79), drawn((2, 2, 4, 4), 80)
    filters, z, x = filters.float(), z.float(), x.float()
    learner.update_filters.gives(reference.update_filters(x, z, filters), x, z, filters, tolerance=1e-4)


@check("update_filters", "any shapes, codes with many zeros", weight=2, hidden=True)
@given(case=layers(), seed=seeds())
def test_update_filters_drawn(learner, case, seed):
    codes, shape, image = case
    x, filters, z = drawn(image, seed), unit(shape, seed + 1), drawn(codes, seed + 2, low=-2, high=2)
    z = torch.where(z.abs() > 1, z, 0.0)
    learner.update_filters.gives(reference.update_filters(x, z, filters), x, z, filters, tolerance=1e-7)


@check("update_filters", "refuses an image of another size")
def test_update_filters_refuses(learner):
    filters, z = unit((2, 1, 2, 3), 81), drawn((1, 2, 3, 2), 82)
    learner.update_filters.raises(ValueError, drawn((1, 1, 4, 5), 83), z, filters)
    learner.update_filters.raises(ValueError, drawn((2, 1, 4, 4), 83), z, filters)
