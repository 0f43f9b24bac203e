"""Undoing what was done to a photograph: noise, blur, lost pixels; by networks. Chapter 11."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: F401 (for your answers)
from torch import nn

from deconvlib.course.arguments import integer  # noqa: F401 (for your answers)
from deconvlib.course.exercise import exercise
from deconvlib.course.tensors import tensor  # noqa: F401 (for your answers)


@exercise(
    title="How far from the truth?",
    points=3,
    minutes=15,
    difficulty=1,
    forbids=("scipy", "skimage"),
    hints=(
        "The mean square of the difference first. Which number type do a picture's bytes have, and what is 3 - 5 in it?",
        "10 log10(peak^2 / MSE). Where nothing differs, MSE is 0 and the ratio is infinite: return math.inf.",
        "torch.as_tensor(a).double() takes arrays and tensors. Compare the shapes before you subtract: (1, 4, 4) and (4, 4) "
        "would be broadcast.",
    ),
)
def psnr(a: np.ndarray | torch.Tensor, b: np.ndarray | torch.Tensor, peak: float = 1.0) -> float:
    """Return the peak signal-to-noise ratio of two pictures, in decibels: 10 log10(peak^2 / MSE).

    MSE is the mean of (a - b)^2 over every number: all pixels, channels and pictures together. It is computed in double
    precision, whatever the type of the pictures.

    Parameters
    ----------
    a, b : array or tensor
        Of one shape, of any real type.
    peak : float
        The value of white: 1.0, or 255 for bytes.

    Returns
    -------
    decibels : float
        A plain float; ``math.inf`` if the pictures are equal, number by number.

    Raises
    ------
    ValueError
        If the shapes differ, there is no pixel, or `peak` is not a positive number.

    Examples
    --------
    >>> psnr(torch.tensor([0.5, 0.5]), torch.tensor([0.6, 0.4])).__round__(3)
    20.0
    >>> psnr(np.array([3], np.uint8), np.array([5], np.uint8), peak=2)
    0.0
    """
    raise NotImplementedError


@exercise(
    title="What a camera does",
    points=4,
    minutes=25,
    difficulty=2,
    forbids=("scipy", "skimage"),
    hints=(
        "Three lines: pad by the mirror image, convolve each channel, add the noise.",
        "F.conv2d does not turn the kernel round, a convolution does: kernel.flip(0, 1). With groups=channels each channel is "
        "filtered by itself; the weight is (channels, 1, K, L).",
        "Not turned, K // 2 rows of the kernel stand above its center. Turned, it is K - 1 - K // 2. Pad by that many rows "
        "above, K // 2 below, and the columns likewise; F.pad takes left, right, top, bottom.",
        "torch.randn(x.shape, generator=generator, dtype=x.dtype), once for the whole batch, times `noise`.",
    ),
)
def degrade(x: torch.Tensor, kernel: torch.Tensor, noise: float, generator: torch.Generator) -> torch.Tensor:
    """Blur pictures, continued by their mirror image, and add Gaussian noise.

    The blur is chapter 4's (4.2), a convolution: y(u, v) is the sum over k, l of kernel(k, l) x(u - k + K // 2, v - l + L // 2).
    Beyond its edge a picture is continued by reflection, which does not repeat the edge: before the row 1, 2, 3 come 3, 2.

    Parameters
    ----------
    x : floating tensor (N, C, H, W)
    kernel : tensor (K, L)
        The same for every channel. Even sides are allowed.
    noise : float
        The standard deviation, at least 0. Every pixel and channel has its own noise:
        ``torch.randn(x.shape, generator=generator, dtype=x.dtype)``, drawn once.
    generator : torch.Generator

    Returns
    -------
    y : tensor (N, C, H, W)
        Not clipped. The dtype of `x`.

    Raises
    ------
    TypeError
        If one of them is no tensor, or `x` is not floating.
    ValueError
        If the axes are not as above, `noise` is negative, or half the kernel is as large as the picture.

    Examples
    --------
    >>> x, kernel = torch.tensor([[[[0.0, 0.0, 1.0, 0.0, 8.0]]]]), torch.tensor([[1.0, 2.0, 4.0]])
    >>> degrade(x, kernel, 0.0, torch.Generator()).tolist()
    [[[[0.0, 1.0, 2.0, 12.0, 16.0]]]]
    """
    raise NotImplementedError


@exercise(
    title="There and back: an autoencoder",
    points=5,
    minutes=25,
    difficulty=2,
    forbids=("scipy", "skimage"),
    hints=(
        "Two convolutions with stride 2 on the way down, two transposed convolutions with stride 2 on the way up. A ReLU "
        "after each layer but the last.",
        "Chapter 3's size rule: a side of 5 becomes 3 by a 3 x 3 kernel, stride 2, padding 1. By a 4 x 4 transposed "
        "convolution, stride 2, padding 1, a side of 3 becomes 6.",
        "Each layer on the way up gives at most one row and one column too much. Cut the result to the size that the "
        "encoder had there: x[:, :, :height, :width].",
    ),
)
class DenoisingAutoencoder(nn.Module):
    """The plain way from an image to an image: two convolutions down, two transposed convolutions back up.

    Down: 3 x 3 convolutions, stride 2, padding 1, to `width` and to 2 `width` channels, a ReLU after each. Up: 4 x 4 transposed
    convolutions, stride 2, padding 1, to `width` channels, with a ReLU, and to `channels`, without one. What comes out of a
    transposed convolution is cut, below and at the right, to the size that the encoder had there.

    Parameters
    ----------
    channels : int
        Of the pictures.
    width : int

    Attributes
    ----------
    down : torch.nn.ModuleList of two torch.nn.Conv2d
        In the order in which they are applied.
    up : torch.nn.ModuleList of two torch.nn.ConvTranspose2d
        Likewise.

    Methods
    -------
    encode(x)
        The code (N, 2 width, h, w), after the second ReLU. h is H / 4, rounded up, w is W / 4, rounded up.
    forward(x)
        The picture, of the shape of `x` (N, channels, H, W). Gradients flow.

    Raises
    ------
    ValueError
        If `channels` or `width` is below 1.

    Notes
    -----
    P. Vincent, H. Larochelle, Y. Bengio and P.-A. Manzagol, Extracting and Composing Robust Features with Denoising
    Autoencoders, ICML 2008; theirs is fully connected.

    Examples
    --------
    >>> net = DenoisingAutoencoder(channels=3, width=4)
    >>> x = torch.zeros(2, 3, 9, 14)
    >>> tuple(net.encode(x).shape), tuple(net(x).shape)
    ((2, 8, 3, 4), (2, 3, 9, 14))
    """

    def __init__(self, channels: int = 1, width: int = 16) -> None:
        raise NotImplementedError

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


@exercise(
    title="FSRCNN: a transposed convolution that enlarges",
    points=5,
    minutes=25,
    difficulty=2,
    forbids=("scipy", "skimage"),
    hints=(
        "Five stages, written down in the order of the paper's name for them. All but the last work on the small picture.",
        "A kernel of k x k needs k // 2 of padding to keep the size. nn.PReLU(c) has one slope for each of c channels.",
        "The last stage turns H into scale * H. Chapter 3's size rule says (H - 1) scale - 2 padding + 9 + output_padding; with "
        "padding 4, what is left for the output padding?",
    ),
)
class FSRCNN(nn.Module):
    """The super-resolution network of Dong, Loy and Tang: four stages on the small picture, then a transposed convolution.

    *Feature extraction*: 5 x 5 convolution, 1 to `d` channels. *Shrinking*: 1 x 1, `d` to `s`. *Mapping*: `m` times 3 x 3,
    `s` to `s`. *Expanding*: 1 x 1, `s` to `d`. *Deconvolution*: 9 x 9 transposed convolution, stride `scale`, padding 4,
    `d` to 1. After every convolution but the transposed one comes a PReLU with a slope for each channel. All have a bias.

    Parameters
    ----------
    scale : int
        How many times the picture is enlarged.
    d, s, m : int
        `m` may be 0.

    Attributes
    ----------
    feature, shrink, mapping, expand : torch.nn.Sequential
        Convolutions (torch.nn.Conv2d) and torch.nn.PReLU in turns, nothing else.
    deconv : torch.nn.ConvTranspose2d

    Methods
    -------
    forward(x)
        From luma in [0, 1], (N, 1, H, W), to (N, 1, scale H, scale W). Not clipped. Gradients flow.

    Raises
    ------
    ValueError
        If `scale`, `d` or `s` is below 1, or `m` below 0.

    Notes
    -----
    C. Dong, C. C. Loy and X. Tang, Accelerating the Super-Resolution Convolutional Neural Network, ECCV 2016. Its 12,464
    parameters for d = 56, s = 12, m = 4 are the weights alone.

    Examples
    --------
    >>> net = FSRCNN(3, d=8, s=4, m=1)
    >>> tuple(net(torch.zeros(2, 1, 5, 7)).shape)
    (2, 1, 15, 21)
    >>> sum(value.numel() for name, value in FSRCNN(2).named_parameters() if value.ndim == 4)
    12464
    """

    def __init__(self, scale: int, d: int = 56, s: int = 12, m: int = 4) -> None:
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


@exercise(
    title="ESPCN: channels that become pixels",
    points=4,
    minutes=15,
    difficulty=1,
    forbids=("scipy", "skimage"),
    hints=(
        "Three convolutions on the small picture. The last one gives scale * scale channels for each channel of the picture.",
        "torch.tanh after the first two. Chapter 6's pixel shuffle lays the channels out as pixels; PyTorch's is "
        "F.pixel_shuffle(x, scale).",
    ),
)
class ESPCN(nn.Module):
    """The super-resolution network of Shi and others: three convolutions on the small picture, then a pixel shuffle.

    The convolutions are 5 x 5 to 64 channels, 3 x 3 to 32, 3 x 3 to scale^2 channels for each channel of the picture. Padding
    keeps the size, all have a bias. A tanh follows the first two. Then the channels become pixels, in PyTorch's order (chapter 6).

    Parameters
    ----------
    scale : int
        How many times the picture is enlarged.
    channels : int
        Of the pictures.

    Attributes
    ----------
    first, second, last : torch.nn.Conv2d

    Methods
    -------
    forward(x)
        From (N, channels, H, W) to (N, channels, scale H, scale W). Not clipped. Gradients flow.

    Raises
    ------
    ValueError
        If `scale` or `channels` is below 1.

    Notes
    -----
    W. Shi, J. Caballero, F. Huszar, J. Totz, A. P. Aitken, R. Bishop, D. Rueckert and Z. Wang, Real-Time Single Image and Video
    Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network, CVPR 2016.

    Examples
    --------
    >>> tuple(ESPCN(3)(torch.zeros(2, 1, 5, 7)).shape)
    (2, 1, 15, 21)
    >>> sum(value.numel() for name, value in ESPCN(2).named_parameters() if value.ndim == 4)
    21184
    """

    def __init__(self, scale: int, channels: int = 1) -> None:
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


@exercise(
    title="An iteration, unrolled",
    points=7,
    minutes=45,
    difficulty=3,
    needs=("transfer_function",),
    forbids=("scipy", "skimage"),
    hints=(
        "Write it with one step and thresholds of 0 first: pad, apply chapter 4's Wiener filter, crop. Chapter 4's "
        "transfer_function(kernel.numpy(), (height, width)) gives H of the padded picture; torch.from_numpy takes it back.",
        "x starts as zeros. Each step filters what x does not explain yet: in Fourier space Y - H X, multiplied by "
        "conj(H) / (|H|^2 + weight). In PyTorch: torch.fft.fft2, .real after torch.fft.ifft2 (or rfft2, irfft2 with s=).",
        "The second half of a step: answers = F.conv2d(x, filters[k], padding=size // 2), torch.clamp(answers, -t, t) with t of "
        "shape (F, 1, 1), and its adjoint way back, F.conv_transpose2d with the same filters and the same padding.",
        "Registering: nn.Parameter for what learns, self.register_buffer('kernel', ...) for what does not. The cosines: "
        "cos(pi / size * i * (n + 1/2)), each divided by its norm; a filter is the outer product of two, divided by size.",
    ),
)
class UnrolledDeconvolution(nn.Module):
    """A fixed number of steps of a deblurring iteration, whose weights, thresholds and filters are learned.

    The picture y is continued by `margin` reflected pixels on each side (as in `degrade`); A blurs it as chapter 4 does, around
    a torus: A multiplies spectra by H, the transfer function of `kernel`. The estimate x starts as 0. Step k, the first being 0:

    1. *Explain more of y.* Add to x the Wiener filter of the residual y - A x: multiply the residual's spectrum by
       conj(H) / (|H|^2 + exp(log_weight[k])).
    2. *Shrink.* Let each of filters[k] answer to x: F.conv2d, zeros outside, padding that keeps the size. Clip every answer
       of filter f to [-t, t], t being the absolute value of thresholds[k, f]. Send these back by the adjoint, F.conv_transpose2d
       with the same filters and padding, and take the sum over the filters away from x.

    At the end the margin is cut off. With thresholds of 0 and one step this is chapter 4's `wiener`.

    Parameters
    ----------
    kernel : floating tensor (K, L)
        The blur, which is known. It is kept as a buffer and does not learn.
    steps : int
    size : int
        Height and width of the filters, odd. There are F = size^2 - 1 of them in each step.
    margin : int
        At least 0.

    Attributes
    ----------
    kernel : buffer (K, L)
        Can be exchanged for another blur, of any size: forward uses the one that is there.
    margin : int
        Can be set anew, likewise.
    log_weight : torch.nn.Parameter (steps,)
        All log(0.01) at first.
    thresholds : torch.nn.Parameter (steps, F)
        All 0 at first.
    filters : torch.nn.Parameter (steps, F, 1, size, size), float32
        At first the same in each step: the waves of a cosine transform (DCT-II). With c_0 to c_(size-1) its rows of norm 1, c_i
        proportional to cos(pi / size * i * (n + 1/2)), the filter of i and j is the outer product c_i c_j / size; i = j = 0
        is left out, and j counts faster.

    Methods
    -------
    forward(y)
        From blurred pictures (N, 1, H, W) to restored ones of that shape. Gradients flow to y and to every parameter.

    Raises
    ------
    TypeError
        If `kernel` is not a floating tensor.
    ValueError
        If `kernel` does not have two axes, `steps` or `size` is below 1, `size` is even, `margin` is negative; in forward,
        if a picture has `margin` rows or columns, or fewer.

    Notes
    -----
    V. Monga, Y. Li and Y. C. Eldar, Algorithm Unrolling, IEEE Signal Processing Magazine 38(2), 2021. The second half of a step
    is a step of Y. Chen and T. Pock, Trainable Nonlinear Reaction Diffusion, TPAMI 39(6), 2017, with a clipping in the place
    of its learned functions.

    Examples
    --------
    >>> net = UnrolledDeconvolution(torch.ones(1, 1), steps=1, margin=1)       # no blur: the step divides by 1 + 0.01
    >>> [round(value, 3) for value in net(torch.tensor([[[[1.01, 2.02], [3.03, 4.04]]]])).flatten().tolist()]
    [1.0, 2.0, 3.0, 4.0]
    >>> sum(value.numel() for value in UnrolledDeconvolution(torch.ones(3, 3)).parameters())
    648
    """

    def __init__(self, kernel: torch.Tensor, steps: int = 8, size: int = 3, margin: int = 16) -> None:
        raise NotImplementedError

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError
