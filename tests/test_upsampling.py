"""What grades chapter 6."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import LAYOUTS, arrange, check, draw_array, grid, layouts, seeds
from deconv_solutions import upsampling as reference
from deconv_solutions.convolution import conv2d
from deconv_solutions.transposed_convolution import conv_transpose2d

NUMBERS = st.sampled_from([np.float32, np.float64, np.int64])
SMALL = st.integers(1, 3)


# overlap_map


@check("overlap_map", "three inputs, a kernel of 3, stride 2", weight=2)
def test_overlap_by_hand(learner):
    learner.overlap_map.gives(np.array([1, 1, 2, 1, 2, 1, 1]), 3, 3, 2)


@check("overlap_map", "a kernel divisible by the stride: even, but for the ends")
def test_overlap_even(learner):
    learner.overlap_map.gives(np.array([1, 1, 2, 2, 2, 2, 1, 1]), 3, 4, 2)


@check("overlap_map", "a stride larger than the kernel leaves gaps")
def test_overlap_gaps(learner):
    learner.overlap_map.gives(np.array([1, 1, 0, 0, 1, 1]), 2, 2, 4)


@check("overlap_map", "fewer inputs than meet in the middle of a long row")
def test_overlap_few(learner):
    learner.overlap_map.gives(np.array([1, 1, 2, 2, 2, 1, 1]), 2, 5, 2)
    learner.overlap_map.gives(np.array([1, 1, 1, 1, 1]), 1, 5, 2)


@check("overlap_map", "any row, kernel and stride", weight=2, hidden=True)
@given(n=st.integers(1, 9), kernel=st.integers(1, 8), stride=st.integers(1, 6))
def test_overlap_drawn(learner, n, kernel, stride):
    learner.overlap_map.gives(reference.overlap_map(n, kernel, stride), n, kernel, stride)


@check("overlap_map", "refuses no input, no kernel, no stride")
def test_overlap_refuses(learner):
    learner.overlap_map.raises(ValueError, 0, 3, 2)
    learner.overlap_map.raises(ValueError, 3, 0, 2)
    learner.overlap_map.raises(ValueError, 3, 3, 0)


# checkerboard_energy

BOARD = np.array([[3.0, 1, 3, 1, 3, 1], [1, 3, 1, 3, 1, 3], [3, 1, 3, 1, 3, 1], [1, 3, 1, 3, 1, 3]])
STRIPES = np.array([[2.0, 5, 2, 5], [2, 5, 2, 5], [2, 5, 2, 5]])
BLOCKS = np.array([[7.0, 7, 2, 2, 4, 4], [7, 7, 2, 2, 4, 4], [1, 1, 9, 9, 3, 3], [1, 1, 9, 9, 3, 3]])


@check("checkerboard_energy", "half checkerboard, half something else", weight=2)
def test_energy_by_hand(learner):
    # Rows of period 2 (power 1) and columns of period 4 (power 1), around a mean of 5.
    learner.checkerboard_energy.gives(0.5, np.array([[7.0, 7, 5, 5], [5, 5, 3, 3]]), 2)


@check("checkerboard_energy", "a checkerboard is all checkerboard, and its brightness does not matter")
def test_energy_of_a_board(learner):
    learner.checkerboard_energy.gives(1.0, BOARD, 2)
    learner.checkerboard_energy.gives(1.0, BOARD + 90, 2)


@check("checkerboard_energy", "stripes repeat with the stride too", weight=2)
def test_energy_of_stripes(learner):
    learner.checkerboard_energy.gives(1.0, np.repeat(STRIPES, 2, axis=0), 2)
    learner.checkerboard_energy.gives(1.0, np.ascontiguousarray(np.repeat(STRIPES, 2, axis=0).T), 2)


@check("checkerboard_energy", "blocks of 2 x 2 pixels hold no checkerboard of stride 2")
def test_energy_of_blocks(learner):
    energy = learner.checkerboard_energy(BLOCKS, 2)
    learner.require(0 <= energy < 1e-12, "the energy of BLOCKS is 0 but for rounding", image=BLOCKS, energy=energy)


@check("checkerboard_energy", "rows and columns beyond the last multiple of the stride do not count")
def test_energy_crop(learner):
    x = np.pad(BOARD, ((0, 1), (0, 1)), constant_values=8.0)
    learner.checkerboard_energy.gives(1.0, x, 2)
    x = draw_array((5, 7), 1)
    learner.checkerboard_energy.gives(reference.checkerboard_energy(x, 3), x, 3)


@check("checkerboard_energy", "stride 3: every pattern that repeats after three pixels")
def test_energy_stride_three(learner):
    pattern = np.tile(np.array([[0.0, 2, 1], [4, 0, 0], [1, 3, 5]]), (2, 2))
    learner.checkerboard_energy.gives(1.0, pattern, 3)


@check("checkerboard_energy", "a constant image has none, and stride 1 has no pattern")
def test_energy_of_a_constant(learner):
    for value in (0.1, 3.0, 0.0):
        learner.checkerboard_energy.gives(0.0, np.full((6, 4), value), 2)
    learner.checkerboard_energy.gives(0.0, np.pad(np.full((4, 4), 0.3), ((0, 1), (0, 0))), 2)  # once cropped
    energy = learner.checkerboard_energy(draw_array((4, 5), 2), 1)
    learner.require(energy < 1e-12, "with stride 1 the energy is 0", energy=energy)


@check("checkerboard_energy", "float32, integers, any memory layout", hidden=True)
def test_energy_arrays(learner):
    for dtype in (np.float32, np.int64, np.uint8):
        x = draw_array((6, 8), 3, dtype, low=0)
        expected = reference.checkerboard_energy(x, 2)
        learner.checkerboard_energy.gives(expected, x, 2, tolerance=1e-5)
    for _, x in layouts(draw_array((4, 6), 4)):
        learner.checkerboard_energy.gives(reference.checkerboard_energy(x, 2), x, 2)


@check("checkerboard_energy", "any image, any stride", weight=2, hidden=True)
@given(
    stride=st.one_of(st.integers(2, 4), st.tuples(st.integers(1, 4), st.integers(1, 4))),
    more=st.tuples(st.integers(0, 8), st.integers(0, 8)),
    seed=seeds(),
)
def test_energy_drawn(learner, stride, more, seed):
    least = (stride, stride) if isinstance(stride, int) else stride
    x = draw_array((least[0] + more[0], least[1] + more[1]), seed)
    learner.checkerboard_energy.gives(reference.checkerboard_energy(x, stride), x, stride, tolerance=1e-9)


@check("checkerboard_energy", "refuses an image smaller than the stride")
def test_energy_refuses(learner):
    learner.checkerboard_energy.raises(ValueError, grid(3, 5), 4)
    learner.checkerboard_energy.raises(ValueError, grid(5, 3), 4)


# bilinear_kernel

TENT = np.array([1.0, 3, 3, 1]) / 4


@check("bilinear_kernel", "stride 2, two channels: quarters and three quarters", weight=2)
def test_bilinear_by_hand(learner):
    w = np.zeros((2, 2, 4, 4))
    w[0, 0] = w[1, 1] = np.outer(TENT, TENT)
    learner.bilinear_kernel.gives(w, 2, 2)


@check("bilinear_kernel", "stride 3: an odd size, thirds")
def test_bilinear_odd(learner):
    tent = np.array([1.0, 2, 3, 2, 1]) / 3
    learner.bilinear_kernel.gives(np.outer(tent, tent)[None, None], 3, 1)


@check("bilinear_kernel", "stride 1 changes nothing")
def test_bilinear_one(learner):
    learner.bilinear_kernel.gives(np.eye(3)[:, :, None, None], 1, 3)


@check("bilinear_kernel", "a ramp stays a straight line, a plane stays flat")
def test_bilinear_interpolates(learner):
    for stride in (2, 3, 4, 5):
        w = learner.bilinear_kernel(stride, 1)
        fits = isinstance(w, np.ndarray) and w.ndim == 4
        learner.require(fits, "the result is an array with four axes", w=w)
        ramp = np.tile(np.arange(8.0), (8, 1))[None, None]
        large = conv_transpose2d(ramp, w, stride=stride)[0, 0]
        inside = slice(3 * stride, -3 * stride)  # away from the border
        steps = np.diff(large[inside, inside], axis=1)
        even = np.allclose(steps, 1 / stride)
        learner.require(
            even, f"enlarged {stride} times, a ramp climbs by 1/{stride} a pixel", w=w[0, 0], steps=steps[0]
        )


@check("bilinear_kernel", "any stride, any number of channels", weight=2, hidden=True)
@given(stride=st.integers(1, 7), channels=st.integers(1, 4))
def test_bilinear_drawn(learner, stride, channels):
    learner.bilinear_kernel.gives(reference.bilinear_kernel(stride, channels), stride, channels)


@check("bilinear_kernel", "refuses no stride and no channel")
def test_bilinear_refuses(learner):
    learner.bilinear_kernel.raises(ValueError, 0, 1)
    learner.bilinear_kernel.raises(ValueError, 2, 0)


# pixel_shuffle


@check("pixel_shuffle", "four channels of 2 x 3 become one of 4 x 6", weight=2)
def test_shuffle_by_hand(learner):
    expected = np.array(
        [[[[1, 7, 2, 8, 3, 9], [13, 19, 14, 20, 15, 21], [4, 10, 5, 11, 6, 12], [16, 22, 17, 23, 18, 24]]]]
    )
    learner.pixel_shuffle.gives(expected, grid(1, 4, 2, 3, dtype=np.int64), 2)


@check("pixel_shuffle", "two channels: the first four channels are the first one's", weight=2)
def test_shuffle_channels(learner):
    x = np.arange(16).reshape(1, 8, 1, 2)  # two pixels a channel: something has to move, so reshape copies
    expected = np.array([[[[0, 2, 1, 3], [4, 6, 5, 7]], [[8, 10, 9, 11], [12, 14, 13, 15]]]])
    learner.pixel_shuffle.gives(expected, x, 2)


@check("pixel_shuffle", "blocks of 3 x 3, a batch of two")
def test_shuffle_three(learner):
    x = draw_array((2, 9, 2, 1), 5)
    learner.pixel_shuffle.gives(reference.pixel_shuffle(x, 3), x, 3)


@check("pixel_shuffle", "r = 1 gives a copy")
def test_shuffle_one(learner):
    learner.pixel_shuffle.gives(grid(1, 2, 2, 3), grid(1, 2, 2, 3), 1)


@check("pixel_shuffle", "one pixel a channel: the result is not a view of x")
def test_shuffle_view(learner):
    x = grid(1, 4, 1, 1)
    learner.pixel_shuffle.gives(x.reshape(1, 1, 2, 2), x, 2)


@check("pixel_shuffle", "float32, integers, any memory layout", hidden=True)
def test_shuffle_arrays(learner):
    for dtype in (np.float32, np.int64, np.uint8):
        x = draw_array((1, 8, 2, 3), 6, dtype, low=0)
        learner.pixel_shuffle.gives(reference.pixel_shuffle(x, 2), x, 2)
    for _, x in layouts(draw_array((2, 4, 3, 2), 7)):
        learner.pixel_shuffle.gives(reference.pixel_shuffle(x, 2), x, 2)


@check("pixel_shuffle", "any shape", weight=2, hidden=True)
@given(shape=st.tuples(SMALL, SMALL, SMALL, SMALL), r=st.integers(1, 4), seed=seeds(), dtype=NUMBERS)
def test_shuffle_drawn(learner, shape, r, seed, dtype):
    batch, channels, height, width = shape
    x = draw_array((batch, channels * r * r, height, width), seed, dtype)
    learner.pixel_shuffle.gives(reference.pixel_shuffle(x, r), x, r)


@check("pixel_shuffle", "refuses channels that do not fill the blocks")
def test_shuffle_refuses(learner):
    learner.pixel_shuffle.raises(ValueError, grid(1, 6, 2, 3), 2)
    learner.pixel_shuffle.raises(ValueError, grid(1, 2, 2, 3), 2)


# subpixel_weights


@check("subpixel_weights", "five taps in a row, stride 2: odd taps and even taps, turned round", weight=2)
def test_subpixel_by_hand(learner):
    v = np.zeros((4, 1, 1, 3), np.int64)
    v[0], v[1] = [[5, 3, 1]], [[0, 4, 2]]
    learner.subpixel_weights.gives(v, np.array([[[[1, 2, 3, 4, 5]]]]), 2)


@check("subpixel_weights", "a column: the other two phases")
def test_subpixel_column(learner):
    v = np.zeros((4, 1, 2, 1), np.int64)
    v[0, 0, :, 0], v[2, 0, :, 0] = [3, 1], [0, 2]
    learner.subpixel_weights.gives(v, np.array([[[[1], [2], [3]]]]), 2)


@check("subpixel_weights", "a 4 x 4 kernel: every weight once")
def test_subpixel_square(learner):
    w = grid(1, 1, 4, 4, dtype=np.int64)
    v = np.array([[[[11, 9], [3, 1]]], [[[12, 10], [4, 2]]], [[[15, 13], [7, 5]]], [[[16, 14], [8, 6]]]])
    learner.subpixel_weights.gives(v, w, 2)


@check("subpixel_weights", "two channels in, three out")
def test_subpixel_channels(learner):
    w = grid(2, 3, 1, 2, dtype=np.int64)
    learner.subpixel_weights.gives(reference.subpixel_weights(w, 2), w, 2)


@check("subpixel_weights", "stride 1: one phase, the kernel turned round")
def test_subpixel_one(learner):
    w = grid(2, 1, 2, 3, dtype=np.int64)
    learner.subpixel_weights.gives(np.ascontiguousarray(w[:, :, ::-1, ::-1].swapaxes(0, 1)), w, 1)
    learner.subpixel_weights.gives(np.array([[[[7]]]]), np.array([[[[7]]]]), 1)  # easily a view of w


@check("subpixel_weights", "convolved and shuffled it is the transposed convolution", weight=2)
@given(shape=st.tuples(SMALL, SMALL, st.integers(1, 5), st.integers(1, 5)), stride=st.integers(1, 4), seed=seeds())
def test_subpixel_equals(learner, shape, stride, seed):
    w = draw_array(shape, seed)
    y = draw_array((1, shape[0], 2, 3), seed + 1)
    expected = conv_transpose2d(y, w, stride=stride)
    k, l = -(-shape[2] // stride), -(-shape[3] // stride)
    v = learner.subpixel_weights(w, stride)
    right = (shape[1] * stride**2, shape[0], k, l)
    got = getattr(v, "shape", None)
    learner.require(
        got == right, f"with w of shape {shape} and stride {stride}, v has the shape {right}", shape=str(got)
    )
    large = reference.pixel_shuffle(conv2d(y, v, padding=(k - 1, l - 1)), stride)
    large = large[:, :, : expected.shape[2], : expected.shape[3]]
    same = np.array_equal(large, expected)
    words = f"conv2d with v, then pixel_shuffle, equals conv_transpose2d(y, w, stride={stride})"
    learner.require(same, words, y=y[0, 0], w=w[0, 0], v=v[:, 0], transposed=expected[0, 0], shuffled=large[0, 0])


@check("subpixel_weights", "float32, integers, any memory layout", hidden=True)
def test_subpixel_arrays(learner):
    for dtype in (np.float32, np.int64):
        w = draw_array((2, 3, 5, 3), 8, dtype)
        learner.subpixel_weights.gives(reference.subpixel_weights(w, 2), w, 2)
    for _, w in layouts(draw_array((3, 2, 4, 3), 9)):
        learner.subpixel_weights.gives(reference.subpixel_weights(w, 3), w, 3)


@check("subpixel_weights", "any weights, any stride", weight=2, hidden=True)
@given(shape=st.tuples(SMALL, SMALL, st.integers(1, 6), st.integers(1, 6)), stride=st.integers(1, 4), seed=seeds())
def test_subpixel_drawn(learner, shape, stride, seed):
    w = draw_array(shape, seed)
    learner.subpixel_weights.gives(reference.subpixel_weights(w, stride), w, stride)


@check("subpixel_weights", "refuses a stride of 0")
def test_subpixel_refuses(learner):
    learner.subpixel_weights.raises(ValueError, grid(1, 1, 3, 3), 0)


# icnr


def rng(seed=0):
    return np.random.default_rng(seed)


def integers(shape, generator):
    return generator.integers(-9, 9, size=tuple(shape), endpoint=True)


@check("icnr", "two groups of four kernels, alike within a group", weight=2)
def test_icnr_by_hand(learner):
    count_up = learner.pass_function(lambda shape, generator: grid(*shape, dtype=np.int64), "count up")
    expected = np.array([[1, 2]] * 4 + [[3, 4]] * 4).reshape(8, 1, 1, 2)
    learner.icnr.gives(expected, (8, 1, 1, 2), 2, count_up, rng())


@check("icnr", "init is called once, with the small shape and the generator")
def test_icnr_calls(learner):
    calls = []

    def init(shape, generator):
        calls.append((tuple(int(n) for n in shape), isinstance(generator, np.random.Generator)))
        return np.full(tuple(shape), float(shape[0]))  # tells how many kernels were drawn

    learner.icnr.gives(np.full((18, 3, 2, 4), 2.0), (18, 3, 2, 4), 3, learner.pass_function(init, "init"), rng())
    once = calls == [((2, 3, 2, 4), True)]
    learner.require(once, "init is called once, as init((2, 3, 2, 4), rng)", calls=str(calls))


@check("icnr", "the same generator draws the same kernels", weight=2)
@given(shape=st.tuples(SMALL, SMALL, SMALL, SMALL), r=SMALL, seed=seeds())
def test_icnr_drawn(learner, shape, r, seed):
    full = (shape[0] * r * r, *shape[1:])
    init = learner.pass_function(integers, "init")
    learner.icnr.gives(reference.icnr(full, r, integers, rng(seed)), full, r, init, rng(seed))


@check("icnr", "convolved and shuffled it is the enlarged convolution")
def test_icnr_is_nearest(learner):
    x = draw_array((1, 2, 3, 4), 1)
    v = learner.icnr((12, 2, 3, 3), 2, learner.pass_function(integers, "init"), rng(4))
    right = getattr(v, "shape", None) == (12, 2, 3, 3)
    learner.require(right, "the result has the shape that was asked for", shape=str(getattr(v, "shape", None)))
    large = reference.pixel_shuffle(conv2d(x, v, padding=1), 2)
    flat = np.array_equal(large, large[:, :, ::2, ::2].repeat(2, axis=2).repeat(2, axis=3))
    learner.require(flat, "after the pixel shuffle every block of 2 x 2 pixels is flat", first_channel=large[0, 0])
    channels = large[0, :, 0, 0]
    learner.require(len(set(channels)) > 1, "the channels are not all alike", first_pixels=channels)


@check("icnr", "keeps the dtype that init draws")
def test_icnr_dtypes(learner):
    for dtype in (np.float32, np.float64):
        draw = learner.pass_function(lambda shape, generator, dtype=dtype: np.full(tuple(shape), 0.5, dtype), "init")
        learner.icnr.gives(np.full((4, 1, 2, 3), 0.5, dtype), (4, 1, 2, 3), 2, draw, rng())


@check("icnr", "refuses channels that do not fill the blocks, and an init of the wrong shape")
def test_icnr_refuses(learner):
    init = learner.pass_function(integers, "init")
    learner.icnr.raises(ValueError, (6, 1, 3, 3), 2, init, rng())
    small = learner.pass_function(lambda shape, generator: np.zeros((1, 1, 3, 3)), "init of the wrong shape")
    learner.icnr.raises(ValueError, (8, 1, 3, 3), 2, small, rng())


# resize_conv2d


def row(*values, dtype=np.float64):
    return np.array(values, dtype)[None, None, None]


@check("resize_conv2d", "nearest: three pixels doubled, then a kernel of three", weight=2)
def test_resize_by_hand(learner):
    x, w = np.array([[[[1, 2, 4]]]]), np.array([[[[1, 0, 10]]]])
    large = [[10, 21, 21, 42, 42, 4]] * 2
    learner.resize_conv2d.gives(np.array([[large]]), x, w, 2)


@check("resize_conv2d", "bilinear: quarters, and the ends stay flat", weight=2)
def test_resize_bilinear(learner):
    large = row(0, 2, 6, 8).repeat(2, axis=2)
    learner.resize_conv2d.gives(large, row(0, 8), row(1), 2, "bilinear")
    large = row(0, 0, 2, 4, 6, 6).repeat(3, axis=2)
    learner.resize_conv2d.gives(large, row(0, 6), row(1), 3, "bilinear")


@check("resize_conv2d", "taller kernels than wide ones, three channels in, two out")
def test_resize_channels(learner):
    x, w = draw_array((2, 3, 2, 3), 1), draw_array((2, 3, 5, 1), 2)
    for mode in ("nearest", "bilinear"):
        learner.resize_conv2d.gives(reference.resize_conv2d(x, w, 2, mode), x, w, 2, mode=mode)


@check("resize_conv2d", "scale 1 is a convolution, and never a view of x")
def test_resize_one(learner):
    x, w = grid(1, 1, 3, 4), grid(1, 1, 3, 3)
    for mode in ("nearest", "bilinear"):
        learner.resize_conv2d.gives(conv2d(x, w, padding=1), x, w, 1, mode)
        learner.resize_conv2d.gives(x, x, np.ones((1, 1, 1, 1)), 1, mode)


@check("resize_conv2d", "dtypes: whole numbers stay whole with nearest, and become float64 with bilinear", hidden=True)
def test_resize_dtypes(learner):
    pairs = ((np.float32, np.float32), (np.float64, np.float32), (np.uint8, np.float32), (np.int64, np.int64))
    for dtype_x, dtype_w in pairs:
        x, w = draw_array((1, 2, 2, 3), 3, dtype_x, low=0), draw_array((3, 2, 3, 1), 4, dtype_w)
        for mode in ("nearest", "bilinear"):
            learner.resize_conv2d.gives(reference.resize_conv2d(x, w, 3, mode), x, w, 3, mode)


@check("resize_conv2d", "any memory layout", hidden=True)
def test_resize_layouts(learner):
    x, w = draw_array((1, 2, 3, 2), 5), draw_array((2, 2, 3, 3), 6)
    for mode in ("nearest", "bilinear"):
        expected = reference.resize_conv2d(x, w, 2, mode)
        for layout in LAYOUTS:
            learner.resize_conv2d.gives(expected, arrange(x, layout), arrange(w, layout), 2, mode)


@check("resize_conv2d", "any shape, scale and mode", weight=2, hidden=True)
@given(
    shape=st.tuples(SMALL, SMALL, st.integers(1, 4), st.integers(1, 4)),
    filters=SMALL,
    kernel=st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 5])),
    scale=st.integers(1, 4),
    mode=st.sampled_from(["nearest", "bilinear"]),
    seed=seeds(),
)
def test_resize_drawn(learner, shape, filters, kernel, scale, mode, seed):
    x, w = draw_array(shape, seed), draw_array((filters, shape[1], *kernel), seed + 1)
    learner.resize_conv2d.gives(reference.resize_conv2d(x, w, scale, mode), x, w, scale, mode)


@check("resize_conv2d", "refuses even kernels, another mode, channels that disagree")
def test_resize_refuses(learner):
    x = grid(1, 2, 3, 4)
    learner.resize_conv2d.raises(ValueError, x, grid(1, 2, 2, 3), 2)
    learner.resize_conv2d.raises(ValueError, x, grid(1, 2, 3, 4), 2, "bilinear")
    learner.resize_conv2d.raises(ValueError, x, grid(1, 2, 3, 3), 2, "bicubic")
    learner.resize_conv2d.raises(ValueError, x, grid(1, 3, 3, 3), 2)
    learner.resize_conv2d.raises(ValueError, x, grid(1, 2, 3, 3), 0)
