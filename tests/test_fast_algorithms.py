"""What grades chapter 14."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import check, draw_array, seeds
from deconv_solutions import fast_algorithms as reference


def draw(*shape, seed, low=-3, high=3, dtype=np.float32):
    return torch.from_numpy(draw_array(shape, seed, dtype, low=low, high=high))


def row(*values, dtype=torch.float32):
    """One row of pixels or taps: (1, 1, 1, n)."""
    return torch.tensor([[[values]]], dtype=dtype)


SIZES = st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))  # N, C_in, H, W
EITHER = st.one_of(st.integers(1, 4), st.tuples(st.integers(1, 4), st.integers(1, 4)))


@st.composite
def problems(draw):
    """Sizes of the input and of the weights, and arguments that leave something over."""
    batch, channels, height, width = draw(SIZES)
    stride, kernel = draw(EITHER), (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    strides = stride if isinstance(stride, tuple) else (stride, stride)
    more = tuple(draw(st.integers(0, s - 1)) for s in strides)
    stamped = [(n - 1) * s + k for n, s, k in zip((height, width), strides, kernel, strict=True)]
    padding = tuple(draw(st.integers(0, min(3, (n - 1) // 2))) for n in stamped)
    return (batch, channels, height, width), (channels, draw(st.integers(1, 3)), *kernel), stride, padding, more


# conv_transpose_macs

COUNTS = {"direct": 6, "gemm": 6, "zero_insertion": 15, "polyphase": 12, "fft": 55}


@check("conv_transpose_macs", "two pixels, three taps, stride 2: all five by hand", weight=3)
def test_macs_by_hand(learner):
    for algorithm, count in COUNTS.items():
        learner.conv_transpose_macs.gives(count, (1, 1, 1, 2), (1, 1, 1, 3), (1, 2), 0, algorithm)


@check("conv_transpose_macs", "direct: what padding crops is not counted", weight=2)
def test_macs_direct(learner):
    learner.conv_transpose_macs.gives(7, (1, 1, 1, 3), (1, 1, 1, 3), (1, 2), (0, 1), "direct")
    learner.conv_transpose_macs.gives(2, (1, 1, 2, 1), (1, 1, 4, 1), (1, 1), (2, 0), "direct")
    for padding in (1, 2, (0, 3)):
        _counts(learner, (2, 3, 4, 3), (3, 2, 5, 7), (2, 3), padding, "direct")


@check("conv_transpose_macs", "zero insertion: the pixels of the result, each with C_in K L products")
def test_macs_zero_insertion(learner):
    _counts(learner, (2, 3, 4, 5), (3, 2, 3, 5), (3, 2), (1, 2), "zero_insertion")
    _counts(learner, (1, 2, 3, 2), (2, 5, 2, 3), 4, 0, "zero_insertion")


@check("conv_transpose_macs", "one matrix product: the pixels of the input, whatever is cropped")
def test_macs_gemm(learner):
    _counts(learner, (2, 3, 4, 5), (3, 2, 3, 5), (3, 2), (1, 2), "gemm")
    _counts(learner, (1, 2, 3, 2), (2, 5, 2, 3), 4, 0, "gemm")


@check(
    "conv_transpose_macs",
    "polyphase: strides that do not divide the kernel, and ones that are larger than it",
    weight=2,
)
def test_macs_polyphase(learner):
    for weight_shape, stride in (((3, 2, 3, 5), (2, 3)), ((3, 1, 2, 4), (3, 2)), ((3, 4, 9, 9), 3)):
        _counts(learner, (2, 3, 4, 5), weight_shape, stride, 0, "polyphase")
        _counts(learner, (2, 3, 4, 5), weight_shape, stride, 1, "polyphase")


@check("conv_transpose_macs", "FFT: planes of the input, of the weights and of the result", weight=2)
def test_macs_fft(learner):
    _counts(learner, (1, 1, 1, 1), (1, 1, 1, 1), 1, 0, "fft")
    _counts(learner, (2, 3, 2, 3), (3, 5, 3, 2), (2, 1), (1, 0), "fft")
    _counts(learner, (2, 2, 2, 4), (2, 1, 2, 4), 2, 0, "fft")  # 4 x 10 points


@check("conv_transpose_macs", "defaults: stride 1, no padding, direct")
def test_macs_defaults(learner):
    call, shape, weight_shape = learner.conv_transpose_macs, (1, 2, 3, 4), (2, 3, 3, 2)
    call.gives(reference.conv_transpose_macs(shape, weight_shape), shape, weight_shape)
    for given_ in ({"padding": 1}, {"stride": 2, "padding": 1}, {"algorithm": "zero_insertion"}):
        call.gives(reference.conv_transpose_macs(shape, weight_shape, **given_), shape, weight_shape, **given_)


@check("conv_transpose_macs", "any sizes", weight=2, hidden=True)
@given(problem=problems(), algorithm=st.sampled_from(list(COUNTS)))
def test_macs_drawn(learner, problem, algorithm):
    shape, weight_shape, stride, padding, _ = problem
    _counts(learner, shape, weight_shape, stride, padding, algorithm)


@check("conv_transpose_macs", "refuses a name it does not know, channels that differ, sizes of 0, nothing left over")
def test_macs_refuses(learner):
    learner.conv_transpose_macs.raises(ValueError, (1, 2, 3, 4), (2, 1, 3, 3), 1, 0, "winograd")
    learner.conv_transpose_macs.raises(ValueError, (1, 2, 3, 4), (3, 2, 3, 3), 1, 0, "gemm")
    learner.conv_transpose_macs.raises(ValueError, (1, 2, 3), (2, 1, 3, 3), 1, 0, "gemm")
    learner.conv_transpose_macs.raises(ValueError, (1, 2, 3, 0), (2, 1, 3, 3), 1, 0, "gemm")
    for algorithm in COUNTS:
        learner.conv_transpose_macs.raises(ValueError, (1, 2, 1, 1), (2, 1, 2, 2), 1, 1, algorithm)


def _counts(learner, *arguments):
    learner.conv_transpose_macs.gives(reference.conv_transpose_macs(*arguments), *arguments)


# split_phases


@check("split_phases", "a row of three taps, stride 2", weight=2)
def test_split_by_hand(learner):
    learner.split_phases.gives([((0, 0), row(1.0, 3)), ((0, 1), row(2.0))], row(1.0, 2, 3), (1, 2))
    learner.split_phases.gives([((0, 0), row(1.0, 3, 5)), ((0, 1), row(2.0, 4))], row(1.0, 2, 3, 4, 5), (1, 2))


@check("split_phases", "4 x 5 taps, strides 2 and 3: row by row", weight=3)
def test_split_order(learner):
    w = torch.arange(1.0, 21).reshape(1, 1, 4, 5)
    for stride in ((2, 3), (3, 2), 2):
        learner.split_phases.gives(reference.split_phases(w, stride), w, stride)


@check("split_phases", "a stride larger than the kernel: phases without a tap are empty", weight=2)
def test_split_empty(learner):
    w = draw(2, 3, 2, 1, seed=1)
    for stride in (3, (1, 2), (4, 1)):
        learner.split_phases.gives(reference.split_phases(w, stride), w, stride)


@check("split_phases", "float64 and whole numbers stay what they are")
def test_split_dtypes(learner):
    for dtype in (np.float64, np.int64):
        w = draw(2, 1, 3, 4, seed=2, dtype=dtype)
        learner.split_phases.gives(reference.split_phases(w, 2), w, 2)


def split_attached(make, w, stride):
    "[kernel.requires_grad for offset, kernel in split_phases(w, stride)], if w requires it"
    return [kernel.requires_grad for _, kernel in make(w.clone().requires_grad_(), stride)]


@check("split_phases", "gradients flow")
def test_split_gradient(learner):
    learner.split_phases.through(split_attached).gives([True] * 6, draw(1, 2, 4, 5, seed=3), (2, 3))


@check("split_phases", "any kernel", weight=2, hidden=True)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)),
    stride=EITHER,
    seed=seeds(),
)
def test_split_drawn(learner, shape, stride, seed):
    w = draw(*shape, seed=seed)
    learner.split_phases.gives(reference.split_phases(w, stride), w, stride)


@check("split_phases", "refuses what is no tensor, has not four axes, and a stride of 0")
def test_split_refuses(learner):
    learner.split_phases.raises(TypeError, [[[[1.0]]]], 2)
    learner.split_phases.raises(ValueError, torch.ones(2, 3), 2)
    learner.split_phases.raises(ValueError, torch.ones(1, 1, 2, 2), (2, 0))


# The two that compute: the same checks, in float32 for the polyphase form and in float64 for the transform


def agrees(learner, name, y, w, *arguments, **keywords):
    expected = reference.conv_transpose2d_polyphase(y, w, *arguments, **keywords)  # exact for whole numbers
    # Whole numbers below a thousand: what is wrong is wrong by 1 or more, whatever the transform rounds.
    tolerance = 1e-3 if y.dtype is torch.float32 else 1e-9
    getattr(learner, name).gives(expected, y, w, *arguments, tolerance=tolerance, **keywords)


def by_hand(learner, name):
    call, tolerance = getattr(learner, name), 1e-5
    # Stamps of 1, 2, 3 and of ten times that, two pixels apart.
    call.gives(row(1.0, 2, 13, 20, 30), row(1.0, 10), row(1.0, 2, 3), None, (1, 2), tolerance=tolerance)
    call.gives(row(1.0, 2, 3, 10, 20, 30), row(1.0, 10), row(1.0, 2, 3), None, (1, 3), tolerance=tolerance)
    column = torch.tensor([[[[1.0], [2.0], [4.0]]]])
    tall = torch.tensor([[[[1.0], [2.0], [14.0], [20.0], [40.0]]]])
    call.gives(tall, torch.tensor([[[[1.0], [10.0]]]]), column, None, (2, 1), tolerance=tolerance)


def plane(learner, name):
    y, w = draw(1, 1, 3, 4, seed=10), draw(1, 1, 4, 5, seed=11)
    for stride in (1, 2, (2, 3), (3, 2), (5, 6)):
        agrees(learner, name, y, w, None, stride)


def channels(learner, name):
    y, w = draw(2, 3, 2, 4, seed=12), draw(3, 2, 3, 4, seed=13)
    agrees(learner, name, y, w, None, (2, 3))
    agrees(learner, name, y, w, None, 2)


def crops(learner, name):
    y, w = draw(1, 2, 3, 4, seed=14), draw(2, 1, 5, 4, seed=15)
    for padding in (1, 2, (0, 3), (2, 1)):
        agrees(learner, name, y, w, None, (2, 3), padding)


def longer(learner, name):
    y, w, bias = draw(1, 2, 3, 2, seed=16), draw(2, 2, 3, 2, seed=17), torch.tensor([2.0, -5.0])
    agrees(learner, name, y, w, None, (2, 3), 0, (1, 2))
    agrees(learner, name, y, w, None, (2, 3), 1, (1, 2))
    agrees(learner, name, y, w, bias, (3, 4), 0, (1, 3))  # a pixel that no stamp reaches has the bias all the same
    agrees(learner, name, y, w, bias, 2, (1, 0), (0, 1))


def defaults(learner, name):
    y, w = draw(1, 2, 3, 4, seed=18), draw(2, 3, 2, 3, seed=19)
    agrees(learner, name, y, w)
    agrees(learner, name, y, w, torch.tensor([1.0, 2.0, 3.0]))


def attached(make, tensors, which):
    "NAME(y, w, bias, stride=2).requires_grad, if only one of the three requires it"
    return make(
        *(t.clone().requires_grad_() if k == which else t for k, t in enumerate(tensors)), stride=2
    ).requires_grad


def gradients(learner, name):
    def program(make, tensors, which):
        return attached(make, tensors, which)

    program.__doc__ = str(attached.__doc__).replace("NAME", name)
    tensors = draw(1, 2, 2, 3, seed=20), draw(2, 1, 3, 3, seed=21), draw(1, seed=22)
    for which in range(3):
        getattr(learner, name).through(program).gives(True, tensors, which)


def refuses(learner, name):
    call, y, w = getattr(learner, name), draw(1, 2, 3, 4, seed=23), draw(2, 1, 3, 3, seed=24)
    call.raises(ValueError, y, w[:1])
    call.raises(ValueError, y[0], w)
    call.raises(ValueError, y, w, torch.ones(2))
    call.raises(ValueError, y, w, None, 0)
    call.raises(ValueError, y, w, None, 2, -1)
    call.raises(ValueError, y, w, None, 2, 0, 2)
    call.raises(ValueError, y, w, None, 1, 3)
    call.raises(TypeError, y.long(), w.long())
    call.raises(TypeError, y.tolist(), w)


@check("conv_transpose2d_polyphase", "two pixels, three taps, by hand", weight=2)
def test_polyphase_by_hand(learner):
    by_hand(learner, "conv_transpose2d_polyphase")


@check("conv_transpose2d_polyphase", "rows and columns, strides that do not divide the kernel", weight=3)
def test_polyphase_plane(learner):
    plane(learner, "conv_transpose2d_polyphase")


@check("conv_transpose2d_polyphase", "several images and channels", weight=3)
def test_polyphase_channels(learner):
    channels(learner, "conv_transpose2d_polyphase")


@check("conv_transpose2d_polyphase", "padding crops on both sides", weight=2)
def test_polyphase_padding(learner):
    crops(learner, "conv_transpose2d_polyphase")


@check("conv_transpose2d_polyphase", "output_padding, with and without a bias", weight=2)
def test_polyphase_output_padding(learner):
    longer(learner, "conv_transpose2d_polyphase")


@check("conv_transpose2d_polyphase", "defaults")
def test_polyphase_defaults(learner):
    defaults(learner, "conv_transpose2d_polyphase")


@check("conv_transpose2d_polyphase", "gradients flow to the input, the weights and the bias")
def test_polyphase_gradients(learner):
    gradients(learner, "conv_transpose2d_polyphase")


@check("conv_transpose2d_polyphase", "any sizes, float32 and float64", weight=3, hidden=True)
@given(problem=problems(), seed=seeds(), dtype=st.sampled_from([np.float32, np.float64]), biased=st.booleans())
def test_polyphase_drawn(learner, problem, seed, dtype, biased):
    _drawn(learner, "conv_transpose2d_polyphase", problem, seed, dtype, biased)


@check("conv_transpose2d_polyphase", "refuses what does not fit")
def test_polyphase_refuses(learner):
    refuses(learner, "conv_transpose2d_polyphase")


@check("conv_transpose2d_fft", "two pixels, three taps, by hand", weight=2)
def test_fft_by_hand(learner):
    by_hand(learner, "conv_transpose2d_fft")


@check("conv_transpose2d_fft", "rows and columns: nothing wraps round", weight=3)
def test_fft_plane(learner):
    plane(learner, "conv_transpose2d_fft")


@check("conv_transpose2d_fft", "several images and channels", weight=3)
def test_fft_channels(learner):
    channels(learner, "conv_transpose2d_fft")


@check("conv_transpose2d_fft", "padding crops on both sides", weight=2)
def test_fft_padding(learner):
    crops(learner, "conv_transpose2d_fft")


@check("conv_transpose2d_fft", "output_padding, with and without a bias", weight=2)
def test_fft_output_padding(learner):
    longer(learner, "conv_transpose2d_fft")


@check("conv_transpose2d_fft", "defaults")
def test_fft_defaults(learner):
    defaults(learner, "conv_transpose2d_fft")


@check("conv_transpose2d_fft", "gradients flow to the input, the weights and the bias")
def test_fft_gradients(learner):
    gradients(learner, "conv_transpose2d_fft")


@check("conv_transpose2d_fft", "any sizes, float32 and float64", weight=3, hidden=True)
@given(problem=problems(), seed=seeds(), dtype=st.sampled_from([np.float32, np.float64]), biased=st.booleans())
def test_fft_drawn(learner, problem, seed, dtype, biased):
    _drawn(learner, "conv_transpose2d_fft", problem, seed, dtype, biased)


@check("conv_transpose2d_fft", "refuses what does not fit")
def test_fft_refuses(learner):
    refuses(learner, "conv_transpose2d_fft")


def _drawn(learner, name, problem, seed, dtype, biased):
    shape, weight_shape, stride, padding, more = problem
    y, w = draw(*shape, seed=seed, dtype=dtype), draw(*weight_shape, seed=seed + 1, dtype=dtype)
    bias = draw(weight_shape[1], seed=seed + 2, dtype=dtype) if biased else None
    agrees(learner, name, y, w, bias, stride, padding, more)
