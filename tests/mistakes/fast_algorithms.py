"""Wrong answers to chapter 14 that learners give."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from deconv_grader.checks.known_answers import mistake
from deconv_solutions import fast_algorithms as reference
from deconvlib.course.arguments import pair

# conv_transpose_macs


@mistake("conv_transpose_macs")
def macs_gemm_is_cropped(shape, weight_shape, stride=1, padding=0, algorithm="direct"):
    """the matrix product leaves out what is cropped

    It computes all K L numbers of every pixel; only then are they added up, and cropped.
    """
    return reference.conv_transpose_macs(
        shape, weight_shape, stride, padding, "direct" if algorithm == "gemm" else algorithm
    )


@mistake("conv_transpose_macs")
def macs_direct_is_not_cropped(shape, weight_shape, stride=1, padding=0, algorithm="direct"):
    """the direct count takes every pair of a pixel and a tap

    The pairs whose pixel s i + k - p lies outside the result are not computed.
    """
    return reference.conv_transpose_macs(
        shape, weight_shape, stride, padding, "gemm" if algorithm == "direct" else algorithm
    )


@mistake("conv_transpose_macs")
def macs_zeros_are_free(shape, weight_shape, stride=1, padding=0, algorithm="direct"):
    """products by an inserted zero are not counted

    The convolution after the zeros does not know which pixels are zeros. It multiplies by all of them.
    """
    return reference.conv_transpose_macs(
        shape, weight_shape, stride, padding, "direct" if algorithm == "zero_insertion" else algorithm
    )


@mistake("conv_transpose_macs")
def macs_phases_are_not_filled(shape, weight_shape, stride=1, padding=0, algorithm="direct"):
    """the phases have K L taps together

    One convolution computes all phases, so that they have equally many taps: ceil(K / s) x ceil(L / s) each. The taps that
    are filled up with zeros are multiplied too.
    """
    count = reference.conv_transpose_macs(shape, weight_shape, stride, padding, algorithm)
    if algorithm != "polyphase":
        return count
    (s_h, s_w), (K, L) = pair("stride", stride), weight_shape[2:]
    return count // (s_h * s_w * -(-K // s_h) * -(-L // s_w)) * K * L


@mistake("conv_transpose_macs")
def macs_phases_are_not_padded(shape, weight_shape, stride=1, padding=0, algorithm="direct"):
    """the phases have as many pixels as the input

    The convolution is padded by k - 1 on both sides: its result has H + k - 1 rows and W + l - 1 columns.
    """
    count = reference.conv_transpose_macs(shape, weight_shape, stride, padding, algorithm)
    if algorithm != "polyphase":
        return count
    (s_h, s_w), (K, L) = pair("stride", stride), weight_shape[2:]
    height, width = shape[2:]
    return count // ((height - 1 + -(-K // s_h)) * (width - 1 + -(-L // s_w))) * height * width


@mistake("conv_transpose_macs")
def macs_images_share(shape, weight_shape, stride=1, padding=0, algorithm="direct"):
    """the images of the batch are forgotten

    N images need N times the products. Only the weights are transformed once for all.
    """
    return reference.conv_transpose_macs((1, *shape[1:]), weight_shape, stride, padding, algorithm)


@mistake("conv_transpose_macs")
def macs_weights_are_not_transformed(shape, weight_shape, stride=1, padding=0, algorithm="direct"):
    """the transforms of the weights are forgotten

    There are C_in C_out planes of weights, filled up with zeros to P x Q, and each needs a transform of its own.
    """
    count = reference.conv_transpose_macs(shape, weight_shape, stride, padding, algorithm)
    if algorithm != "fft":
        return count
    n = _points(shape, weight_shape, stride)
    return count - weight_shape[0] * weight_shape[1] * n * (n - 1).bit_length()


@mistake("conv_transpose_macs")
def macs_logarithm_is_cut(shape, weight_shape, stride=1, padding=0, algorithm="direct"):
    """the logarithm is rounded down

    ceil(log2 n), rounded up: (n - 1).bit_length().
    """
    count = reference.conv_transpose_macs(shape, weight_shape, stride, padding, algorithm)
    if algorithm != "fft":
        return count
    (batch, c_in), c_out = shape[:2], weight_shape[1]
    n = _points(shape, weight_shape, stride)
    planes = batch * c_in + c_in * c_out + batch * c_out
    return count - planes * n * ((n - 1).bit_length() - math.floor(math.log2(n)))


def _points(shape, weight_shape, stride):
    return math.prod(
        (n - 1) * s + k for n, s, k in zip(shape[2:], pair("stride", stride), weight_shape[2:], strict=True)
    )


# split_phases


@mistake("split_phases")
def split_in_blocks(w, stride):
    """the kernel is cut into blocks of neighbors

    Neighboring taps land on neighboring pixels, which are of different phases. A phase has every s-th tap.
    """
    phases = reference.split_phases(w, stride)
    rows = [kernel.shape[2] for (a, b), kernel in phases if b == 0]
    columns = [kernel.shape[3] for (a, b), kernel in phases if a == 0]
    blocks = [block.split(columns, dim=3) for block in w.split(rows, dim=2)]
    return [((a, b), blocks[a][b].clone()) for (a, b), _ in phases]


@mistake("split_phases")
def split_column_by_column(w, stride):
    """the phases are listed column by column

    Row by row: the second offset runs fastest.
    """
    return sorted(reference.split_phases(w, stride), key=lambda phase: phase[0][::-1])


@mistake("split_phases")
def split_turned(w, stride):
    """the taps are turned

    A convolution will want them turned. Here they keep the order that they have in w.
    """
    return [(offset, kernel.flip(2, 3)) for offset, kernel in reference.split_phases(w, stride)]


@mistake("split_phases")
def split_filled_up(w, stride):
    """the phases are filled up with zeros to one size

    They are of different sizes where the stride does not divide the kernel.
    """
    k, l = (-(-n // s) for n, s in zip(w.shape[2:], pair("stride", stride), strict=True))
    return [
        (offset, F.pad(kernel, (0, l - kernel.shape[3], 0, k - kernel.shape[2])))
        for offset, kernel in reference.split_phases(w, stride)
    ]


@mistake("split_phases")
def split_without_the_empty(w, stride):
    """the phases that no tap reaches are left out

    There are s s phases. One that has no tap has an empty kernel, and its pixels are zero.
    """
    return [(offset, kernel) for offset, kernel in reference.split_phases(w, stride) if kernel.numel()]


@mistake("split_phases")
def split_detached(w, stride):
    """the kernels are cut off from the weights, so that no gradient flows

    .clone() lets it through; .detach(), .data and torch.tensor(...) do not.
    """
    return [(offset, kernel.detach()) for offset, kernel in reference.split_phases(w, stride)]


# conv_transpose2d_polyphase


def _polyphase(y, w, bias, stride, padding, output_padding, *, weights=None, interleave=None, crop=None):
    """The solution with one of its parts in another's hand."""
    (s_h, s_w), start, size = reference._geometry(y, w, bias, stride, padding, output_padding)
    k, l = -(-w.shape[2] // s_h), -(-w.shape[3] // s_w)
    v = (weights or _weights)(w, s_h, s_w)
    phases = F.conv2d(y, v, padding=(k - 1, l - 1))
    whole = (interleave or _interleave)(phases, w.shape[1], s_h, s_w)
    return (crop or reference._cropped)(whole, start, size, bias)


def _filled(w, s_h, s_w):
    c_in, c_out, K, L = w.shape
    k, l = -(-K // s_h), -(-L // s_w)
    return F.pad(w, (0, l * s_w - L, 0, k * s_h - K)).reshape(c_in, c_out, k, s_h, l, s_w)


def _as_kernels(taps):
    c_in, c_out, k, s_h, l, s_w = taps.shape
    return taps.permute(1, 3, 5, 0, 2, 4).reshape(c_out * s_h * s_w, c_in, k, l)


def _weights(w, s_h, s_w):
    return _as_kernels(_filled(w, s_h, s_w).flip((2, 4)))


def _interleave(phases, c_out, s_h, s_w):
    rows, columns = phases.shape[2:]
    phases = phases.reshape(-1, c_out, s_h, s_w, rows, columns).permute(0, 1, 4, 2, 5, 3)
    return phases.reshape(-1, c_out, rows * s_h, columns * s_w)


@mistake("conv_transpose2d_polyphase")
def polyphase_not_turned(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """the taps of a phase are not turned

    F.conv2d pairs rising taps with rising pixels. Tap m meets pixel q - m: turn the taps of each phase round.
    """
    return _polyphase(y, w, bias, stride, padding, output_padding, weights=lambda *given: _as_kernels(_filled(*given)))


@mistake("conv_transpose2d_polyphase")
def polyphase_filled_in_front(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """the kernel is filled up with zeros in front

    The zeros stand behind its last tap. In front of the first one they move the picture.
    """

    def weights(w, s_h, s_w):
        K, L = w.shape[2:]
        return _weights(F.pad(w, (-L % s_w, 0, -K % s_h, 0)), s_h, s_w)

    return _polyphase(y, w, bias, stride, padding, output_padding, weights=weights)


@mistake("conv_transpose2d_polyphase")
def polyphase_turned_whole(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """the phases change places, because the whole kernel is turned before it is split

    Split first, then turn within each phase.
    """

    def weights(w, s_h, s_w):
        K, L = w.shape[2:]
        filled = F.pad(w, (0, -L % s_w, 0, -K % s_h)).flip(2, 3)
        return _as_kernels(_filled(filled, s_h, s_w))

    return _polyphase(y, w, bias, stride, padding, output_padding, weights=weights)


@mistake("conv_transpose2d_polyphase")
def polyphase_phases_before_channels(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """the channels of the convolution are read as (phases, channels)

    They were laid out as (channels, phases). Both sides must have the same order.
    """

    def interleave(phases, c_out, s_h, s_w):
        rows, columns = phases.shape[2:]
        phases = phases.reshape(-1, s_h, s_w, c_out, rows, columns).permute(0, 3, 4, 1, 5, 2)
        return phases.reshape(-1, c_out, rows * s_h, columns * s_w)

    return _polyphase(y, w, bias, stride, padding, output_padding, interleave=interleave)


@mistake("conv_transpose2d_polyphase")
def polyphase_side_by_side(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """the phases are put side by side, not interleaved

    Permute to (rows, s, columns, s) before you reshape: the phase runs fastest.
    """

    def interleave(phases, c_out, s_h, s_w):
        rows, columns = phases.shape[2:]
        phases = phases.reshape(-1, c_out, s_h, s_w, rows, columns).permute(0, 1, 2, 4, 3, 5)
        return phases.reshape(-1, c_out, rows * s_h, columns * s_w)

    return _polyphase(y, w, bias, stride, padding, output_padding, interleave=interleave)


@mistake("conv_transpose2d_polyphase")
def polyphase_cropped_at_the_end(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """padding is cropped at the bottom and at the right only

    Pixel 0 of the result is pixel `padding` of the uncropped one.
    """
    return _polyphase(
        y, w, bias, stride, padding, output_padding, crop=lambda x, start, *rest: reference._cropped(x, (0, 0), *rest)
    )


@mistake("conv_transpose2d_polyphase")
def polyphase_bias_before_the_end(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """the pixels that output_padding adds are zero, without the bias

    The bias is added last, on every pixel of the result.
    """

    def crop(x, start, size, bias):
        return reference._cropped(x if bias is None else x + bias[:, None, None], start, size, None)

    return _polyphase(y, w, bias, stride, padding, output_padding, crop=crop)


@mistake("conv_transpose2d_polyphase")
def polyphase_ignores_output_padding(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """output_padding is left out

    It makes the result longer at the bottom and at the right.
    """
    return reference.conv_transpose2d_polyphase(y, w, bias, stride, padding, 0)


@mistake("conv_transpose2d_polyphase")
def polyphase_detached(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """the kernels are cut off from the weights, so that no gradient reaches them

    Rearrange w itself: pad, reshape, flip and permute let gradients through.
    """
    return reference.conv_transpose2d_polyphase(y, w.detach(), bias, stride, padding, output_padding)


# conv_transpose2d_fft


def _fft(y, w, bias, stride, padding, output_padding, *, spread=None, product=None, size=None, back=None, crop=None):
    (s_h, s_w), start, wanted = reference._geometry(y, w, bias, stride, padding, output_padding)
    y = (spread or _zeros_between)(y, s_h, s_w)
    whole = (size or (lambda y, w: [n + k - 1 for n, k in zip(y.shape[2:], w.shape[2:], strict=True)]))(y, w)
    Y, V = torch.fft.rfft2(y, s=whole), torch.fft.rfft2(w, s=whole)
    X = (product or (lambda Y, V: torch.einsum("nipq,iopq->nopq", Y, V)))(Y, V)
    x = (back or (lambda X, whole: torch.fft.irfft2(X, s=whole)))(X, whole)
    return (crop or reference._cropped)(x, start, wanted, bias)


def _zeros_between(y, s_h, s_w):
    spread = y.new_zeros(*y.shape[:2], (y.shape[2] - 1) * s_h + 1, (y.shape[3] - 1) * s_w + 1)
    spread[:, :, ::s_h, ::s_w] = y
    return spread


@mistake("conv_transpose2d_fft")
def fft_wraps_round(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """what hangs over one edge comes back at the other

    A product of spectra is a circular convolution. The planes must hold the whole result, (H - 1) s + K rows.
    """
    return _fft(
        y,
        w,
        bias,
        stride,
        padding,
        output_padding,
        size=lambda y, w: [max(a, b) for a, b in zip(y.shape[2:], w.shape[2:], strict=True)],
    )


@mistake("conv_transpose2d_fft")
def fft_conjugate(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """the spectrum of the weights is conjugated

    That is a correlation. Stamps are added by a true convolution: a plain product.
    """
    return _fft(
        y, w, bias, stride, padding, output_padding, product=lambda Y, V: torch.einsum("nipq,iopq->nopq", Y, V.conj())
    )


@mistake("conv_transpose2d_fft")
def fft_repeats(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """each pixel is repeated s times, where zeros should follow it

    Only the first of the s x s pixels is the input's, the others are zeros.
    """
    return _fft(
        y,
        w,
        bias,
        stride,
        padding,
        output_padding,
        spread=lambda y, s_h, s_w: y.repeat_interleave(s_h, 2).repeat_interleave(s_w, 3)[
            :, :, : (y.shape[2] - 1) * s_h + 1, : (y.shape[3] - 1) * s_w + 1
        ],
    )


@mistake("conv_transpose2d_fft")
def fft_even_width(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """the way back is not told its size, and an odd width comes back one too short

    rfft2 keeps half of the columns, from which 2m and 2m + 1 look alike: torch.fft.irfft2(X, s=(P, Q)).
    """
    return _fft(y, w, bias, stride, padding, output_padding, back=lambda X, whole: torch.fft.irfft2(X, norm="backward"))


@mistake("conv_transpose2d_fft")
def fft_not_divided(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """neither of the two transforms divides by the number of points

    The inverse transform divides by P Q, which torch.fft.irfft2 does unless norm says otherwise.
    """
    return _fft(
        y,
        w,
        bias,
        stride,
        padding,
        output_padding,
        back=lambda X, whole: torch.fft.irfft2(X, s=whole, norm="forward"),
    )


@mistake("conv_transpose2d_fft")
def fft_channels_apart(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """only the first input channel counts

    Each output channel is the sum over all input channels, for every frequency.
    """
    return _fft(
        y, w, bias, stride, padding, output_padding, product=lambda Y, V: torch.einsum("npq,opq->nopq", Y[:, 0], V[0])
    )


@mistake("conv_transpose2d_fft")
def fft_cropped_at_the_end(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """padding is cropped at the bottom and at the right only

    Pixel 0 of the result is pixel `padding` of the uncropped one.
    """
    return _fft(
        y, w, bias, stride, padding, output_padding, crop=lambda x, start, *rest: reference._cropped(x, (0, 0), *rest)
    )


@mistake("conv_transpose2d_fft")
def fft_bias_before_the_end(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """the pixels that output_padding adds are zero, without the bias

    The bias is added last, on every pixel of the result.
    """

    def crop(x, start, size, bias):
        return reference._cropped(x if bias is None else x + bias[:, None, None], start, size, None)

    return _fft(y, w, bias, stride, padding, output_padding, crop=crop)


@mistake("conv_transpose2d_fft")
def fft_ignores_output_padding(y, w, bias=None, stride=1, padding=0, output_padding=0):
    """output_padding is left out

    It makes the result longer at the bottom and at the right.
    """
    return reference.conv_transpose2d_fft(y, w, bias, stride, padding, 0)
