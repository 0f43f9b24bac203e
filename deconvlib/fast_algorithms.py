"""One operator, five algorithms: what each multiplies, and two of them written out. Chapter 14."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: F401 (for your answers)

from deconvlib.course.arguments import integer, pair  # noqa: F401 (for your answers)
from deconvlib.course.exercise import exercise
from deconvlib.course.tensors import tensor  # noqa: F401 (for your answers)
from deconvlib.transposed_convolution import conv_transpose_output_size  # noqa: F401 (for your answers)


@exercise(
    title="How many multiplications?",
    points=6,
    minutes=30,
    difficulty=2,
    forbids=("scipy",),
    needs=("conv_transpose_output_size",),
    hints=(
        'Four of the five are one product of sizes. Only "direct" asks which pairs of an input pixel and a tap count.',
        "zero_insertion is a convolution with stride 1 that makes out_h x out_w pixels. gemm makes K L numbers for each output "
        "channel and input pixel, before it adds any. polyphase is a convolution with stride 1 to s_h s_w C_out channels, whose "
        "kernel is ceil(K / s_h) x ceil(L / s_w) and whose result is larger than its input by one less than that.",
        "direct, along one axis: the number of pairs (i, k) with 0 <= s i + k - p < out. Two loops are enough. The pairs of "
        "rows times the pairs of columns are the pairs of pixels and taps.",
        "fft: n = P Q points in each plane. There are N C_in + C_in C_out + N C_out planes to transform, n ceil(log2 n) "
        "multiplications each, and N C_in C_out products of planes, 2 n each. (n - 1).bit_length() is ceil(log2 n).",
    ),
)
def conv_transpose_macs(
    shape: tuple[int, int, int, int],
    weight_shape: tuple[int, int, int, int],
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    algorithm: str = "direct",
) -> int:
    """Count the multiplications of a transposed convolution, those by an inserted zero included.

    Parameters
    ----------
    shape : (N, C_in, H, W)
        Of the input.
    weight_shape : (C_in, C_out, K, L)
    stride, padding : int or pair
        s and p. There is no output_padding.
    algorithm : str
        - ``"direct"``: no product but those that reach a pixel of the result. An input pixel i and a tap k meet in the
          pixel s i + k - p, along each axis; the pairs whose pixel lies outside are left out.
        - ``"gemm"``: one matrix product for all taps, then additions; what is cropped is computed too.
        - ``"zero_insertion"``: zeros between the pixels, then a convolution with stride 1: each pixel of the result takes
          C_in K L products.
        - ``"polyphase"``: chapter 6's convolution with ceil(K / s) x ceil(L / s) taps, padded on both sides by one less
          than that, to s s C_out channels. What is cropped is computed too.
        - ``"fft"``: planes of P x Q = ((H - 1) s + K) x ((W - 1) s + L) points. With n = P Q, each transform of a plane
          is counted as n ceil(log2 n) multiplications, and each product of two spectra as 2 n (n / 2 complex numbers,
          4 each). Every plane of the input and of the weights is transformed once, every plane of the result once.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If `algorithm` is none of these, the channels differ, a shape does not have four sizes from 1, or nothing is left over.

    Notes
    -----
    (14.1) to (14.5). The count for the FFT is the customary one of a real transform of radix 2: half of 4 (n / 2) log2 n.

    Examples
    --------
    >>> for algorithm in ("direct", "gemm", "zero_insertion", "polyphase"):
    ...     conv_transpose_macs((1, 1, 1, 3), (1, 1, 1, 3), (1, 2), (0, 1), algorithm)
    7
    9
    15
    16
    """
    raise NotImplementedError


@exercise(
    title="Split a kernel into its phases",
    points=4,
    minutes=15,
    difficulty=1,
    forbids=("scipy",),
    hints=(
        "Which taps reach the output pixels 0, s, 2s, ...? Tap k of input pixel i lands on s i + k.",
        "w[:, :, a::s, b::s].",
        "Give a copy: .clone(), which lets gradients through. Row by row: (0, 0), (0, 1), ...",
    ),
)
def split_phases(w: torch.Tensor, stride: int | tuple[int, int]) -> list[tuple[tuple[int, int], torch.Tensor]]:
    """Split the kernel of a transposed convolution into one small kernel for each phase of the output.

    The pixels (a + s i, b + s j) of the uncropped result are the phase (a, b). Only the taps (a + s m, b + s n) reach them.

    Parameters
    ----------
    w : tensor (C_in, C_out, K, L)
    stride : int or pair

    Returns
    -------
    list of ((a, b), kernel)
        All s s of them, row by row: a = 0 with b = 0, 1, ..., then a = 1. Taps in the order of `w`, not turned. The kernel
        is (C_in, C_out, k, l) with k the number of taps a, a + s, ... below K: 0 for a phase that no tap reaches. It shares no
        memory with `w`; gradients flow.

    Raises
    ------
    TypeError
        If `w` is no tensor.
    ValueError
        If it does not have four axes, or a stride is below 1.

    Notes
    -----
    (14.6). Tida et al. call this a kernel-segregated transposed convolution (arXiv:2209.03704, 2022).

    Examples
    --------
    >>> for offset, kernel in split_phases(torch.tensor([[[[1, 2, 3]]]]), (1, 2)):
    ...     print(offset, kernel.tolist())
    (0, 0) [[[[1, 3]]]]
    (0, 1) [[[[2]]]]
    """
    raise NotImplementedError


@exercise(
    title="Polyphase: convolve, then shuffle",
    points=8,
    minutes=45,
    difficulty=3,
    forbids=(
        "scipy",
        "torch.nn.functional.conv_transpose2d",
        "torch.nn.functional.fold",
        "torch.nn.ConvTranspose2d",
        "torch.nn.Fold",
        "torch.conv_transpose2d",
        "torch.autograd",
    ),
    needs=("conv_transpose_output_size",),
    hints=(
        "Chapter 6's subpixel_weights, in torch: pad the kernel with zeros at its end until the stride divides it, "
        "split, turn, and give every phase a channel of its own.",
        "w, padded to (C_in, C_out, k s, l s), .reshape(C_in, C_out, k, s_h, l, s_w); tap m of phase a stands at "
        "[..., m, a, ...]. A convolution wants (C_out s_h s_w, C_in, k, l): .flip((2, 4)).permute(1, 3, 5, 0, 2, 4).",
        "F.conv2d(y, v, padding=(k - 1, l - 1)) has H + k - 1 rows. F.pixel_shuffle takes equal strides only; for a pair: reshape "
        "to (N, C_out, s_h, s_w, rows, columns), permute to (N, C_out, rows, s_h, columns, s_w), reshape.",
        "Pixel 0 of the result is pixel `padding` of what you have. With output_padding it may end beyond: add zeros at the "
        "bottom and right first, then cut out_h x out_w. The bias comes last, on the zeros too.",
    ),
)
def conv_transpose2d_polyphase(
    y: torch.Tensor,
    w: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
) -> torch.Tensor:
    """Compute a transposed convolution as one convolution for all phases, whose result is interleaved and cropped.

    No zero is inserted, and no pixel of the result is written twice.

    Parameters
    ----------
    y : floating tensor (N, C_in, H, W)
    w : tensor (C_in, C_out, K, L), dtype of `y`
    bias : tensor (C_out,), optional
    stride, padding, output_padding : int or pair
        As `torch.nn.functional.conv_transpose2d` takes them.

    Returns
    -------
    x : tensor (N, C_out, out_h, out_w)
        That of `torch.nn.functional.conv_transpose2d`, up to rounding. Gradients flow to `y`, `w` and `bias`.

    Raises
    ------
    TypeError
        If one of them is no tensor, or `y` is not floating.
    ValueError
        If the axes or channels do not fit, an `output_padding` is not below its stride, a number is out of range, or nothing is left over.

    Notes
    -----
    (14.7). W. Shi et al., Is the deconvolution layer the same as a convolutional layer?, 2016 (arXiv:1609.07009).

    Examples
    --------
    >>> y, w = torch.tensor([[[[1.0, 10.0]]]]), torch.tensor([[[[1.0, 2.0, 3.0]]]])
    >>> conv_transpose2d_polyphase(y, w, stride=(1, 2)).tolist()
    [[[[1.0, 2.0, 13.0, 20.0, 30.0]]]]
    """
    raise NotImplementedError


@exercise(
    title="By the Fourier transform",
    points=6,
    minutes=35,
    difficulty=2,
    forbids=(
        "scipy",
        "torch.nn.functional.conv_transpose2d",
        "torch.nn.functional.conv2d",
        "torch.nn.functional.fold",
        "torch.nn.ConvTranspose2d",
        "torch.nn.Conv2d",
        "torch.nn.Fold",
        "torch.conv_transpose2d",
        "torch.conv2d",
        "torch.autograd",
    ),
    needs=("conv_transpose_output_size",),
    hints=(
        "Chapter 3's fifth route: zeros between the pixels, then a full convolution, which the transform turns into a product.",
        "A product of spectra is a circular convolution. Transform planes that are large enough for all of the result, "
        "((H - 1) s_h + K) x ((W - 1) s_w + L), and nothing wraps round: torch.fft.rfft2(y, s=(P, Q)) adds the zeros.",
        'For each frequency a matrix product over the channels: torch.einsum("nipq,iopq->nopq", Y, V). No conjugate: stamps '
        "are added, a true convolution.",
        "torch.fft.irfft2(X, s=(P, Q)): without s an odd width comes back one too short. Then crop as in the polyphase form.",
    ),
)
def conv_transpose2d_fft(
    y: torch.Tensor,
    w: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    output_padding: int | tuple[int, int] = 0,
) -> torch.Tensor:
    """Compute a transposed convolution as a product of spectra, summed over the input channels.

    Parameters
    ----------
    y : tensor (N, C_in, H, W)
        float32 or float64.
    w : tensor (C_in, C_out, K, L), dtype of `y`
    bias : tensor (C_out,), optional
    stride, padding, output_padding : int or pair
        As `torch.nn.functional.conv_transpose2d` takes them.

    Returns
    -------
    x : tensor (N, C_out, out_h, out_w)
        That of `torch.nn.functional.conv_transpose2d`, up to rounding. Gradients flow to `y`, `w` and `bias`.

    Raises
    ------
    TypeError
        If one of them is no tensor, or `y` is not floating.
    ValueError
        If the axes or channels do not fit, an `output_padding` is not below its stride, a number is out of range, or nothing is left over.

    Notes
    -----
    (14.8), and (3.10) in chapter 3.

    Examples
    --------
    >>> y, w = torch.tensor([[[[1.0, 10.0]]]]), torch.tensor([[[[1.0, 2.0, 3.0]]]])
    >>> conv_transpose2d_fft(y, w, stride=(1, 2)).round().tolist()
    [[[[1.0, 2.0, 13.0, 20.0, 30.0]]]]
    """
    raise NotImplementedError
