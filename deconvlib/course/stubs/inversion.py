"""Undoing a blur: what a convolution keeps, and four ways back. Chapter 4."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deconvlib.course.arguments import array, integer, pair  # noqa: F401 (for your answers)
from deconvlib.course.exercise import exercise


@exercise(
    title="The frequency response of a kernel",
    points=5,
    minutes=20,
    difficulty=2,
    hints=(
        "A circular convolution multiplies spectra entry by entry, so fft2 of the kernel is nearly the answer. Two "
        "things are missing: it must have the size of the image, and its center must lie at pixel (0, 0).",
        "Set the kernel into the top left corner of a plane of zeros. Then shift the plane up by K//2 and left by L//2; "
        "what leaves on one side comes back on the other.",
        "np.roll(plane, (-(K // 2), -(L // 2)), axis=(0, 1)) is that shift. A kernel of one 1 in its center then has "
        "the response 1 everywhere.",
    ),
)
def transfer_function(kernel: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return what circular convolution with `kernel` multiplies each frequency of an image by.

    The convolution turns the kernel round, y(u, v) = sum of kernel(k, l) x(u-k+K//2, v-l+L//2), and wraps at the edges.

    Parameters
    ----------
    kernel : array (K, L)
        Its center is the entry (K//2, L//2).
    shape : (H, W)
        Size of the images.

    Returns
    -------
    H : complex128 array (H, W)
        Laid out as `np.fft.fft2` does, frequency 0 first: ``fft2(y) == H * fft2(x)``.

    Raises
    ------
    ValueError
        If the kernel is larger than the image, or empty.

    Examples
    --------
    >>> transfer_function(np.array([[0.25, 0.5, 0.25]]), (1, 4)).real.round(3).tolist()
    [[1.0, 0.5, 0.0, 0.5]]
    """
    raise NotImplementedError


@exercise(
    title="The condition number of a blur",
    points=3,
    minutes=10,
    difficulty=1,
    needs=("transfer_function",),
    hints=(
        "A circular convolution only scales frequencies. The largest and the smallest stretch are the largest and the "
        "smallest |H|.",
        "gains = np.abs(transfer_function(kernel, shape)). A gain that should be 0 often comes out near 1e-17. "
        "Compare the smallest with 1e-12 times the largest before you divide.",
    ),
)
def condition_number(kernel: np.ndarray, shape: tuple[int, int]) -> float:
    """Return the largest |H| over the smallest, H the transfer function of `kernel`.

    It bounds by how much a relative error in the blurred image can grow in an exact inversion.

    Parameters
    ----------
    kernel : array (K, L)
    shape : (H, W)

    Returns
    -------
    float
        At least 1. Infinite where the smallest is 0; a value of at most 1e-12 times the largest is 0 up to rounding,
        and counts as 0.

    Raises
    ------
    ValueError
        As `transfer_function`.

    Examples
    --------
    >>> condition_number(np.array([[1.0, 2.0, 1.0]]), (1, 3))
    4.0
    """
    raise NotImplementedError


@exercise(
    title="Dividing by the frequency response",
    points=4,
    minutes=15,
    difficulty=1,
    needs=("transfer_function",),
    hints=(
        "The blur multiplied each frequency by H. Divide the spectrum of y by H, and go back with ifft2.",
        "Where |H| < floor nothing useful is left: put 0 there in place of the quotient, and never divide by 0.",
        "X = np.zeros_like(Y); keep = (np.abs(H) >= floor) & (H != 0); X[keep] = Y[keep] / H[keep]. The result is real: "
        "take .real, and give it the floating dtype of the inputs.",
    ),
)
def inverse_filter(y: np.ndarray, kernel: np.ndarray, floor: float = 1e-3) -> np.ndarray:
    """Undo a circular convolution by division, frequency by frequency.

    Parameters
    ----------
    y : array (H, W)
        The blurred image.
    kernel : array (K, L)
        What it was convolved with, centered at (K//2, L//2).
    floor : float
        Frequencies with |H| < floor are dropped: they are 0 in the result. So are those with H = 0, whatever the floor.

    Returns
    -------
    x : array (H, W)
        Not clipped. dtype np.result_type(y, kernel) if that is floating, float64 otherwise.

    Raises
    ------
    ValueError
        If the floor is negative, or as `transfer_function`.

    Examples
    --------
    >>> inverse_filter(np.array([[2.0, 1.0, 0.0, 0.0, 1.0]]), np.array([[1.0, 2.0, 1.0]])).round(6).tolist()
    [[1.0, 0.0, 0.0, 0.0, 0.0]]
    """
    raise NotImplementedError


@exercise(
    title="The Wiener filter",
    points=5,
    minutes=15,
    difficulty=2,
    needs=("transfer_function",),
    hints=(
        "It is one multiplication a frequency, with numbers that never explode: conj(H) / (|H|^2 + noise_to_signal).",
        "With noise_to_signal = 0 it is the inverse filter, since conj(H) / |H|^2 = 1 / H. Without the conjugate the "
        "phase is turned the wrong way.",
        "noise_to_signal may be a number or an array (H, W) in the layout of fft2; broadcasting serves both. Where the "
        "denominator is 0, drop the frequency.",
    ),
)
def wiener(y: np.ndarray, kernel: np.ndarray, noise_to_signal: float | np.ndarray) -> np.ndarray:
    """Undo a circular convolution as far as the noise allows.

    The spectrum of the result is conj(H) Y / (|H|^2 + noise_to_signal).

    Parameters
    ----------
    y : array (H, W)
        The blurred, noisy image.
    kernel : array (K, L)
        Centered at (K//2, L//2).
    noise_to_signal : float or array (H, W)
        Power of the noise over power of the image, one number or one a frequency (as `np.fft.fft2` lays them out).
        Where it is 0 and H is 0 too, the frequency is dropped.

    Returns
    -------
    x : array (H, W)
        Not clipped. dtype np.result_type(y, kernel) if that is floating, float64 otherwise.

    Raises
    ------
    ValueError
        If noise_to_signal is negative anywhere or of another shape, or as `transfer_function`.

    Notes
    -----
    N. Wiener, Extrapolation, Interpolation, and Smoothing of Stationary Time Series, 1949.

    Examples
    --------
    >>> wiener(np.array([[4.0, 0.0], [0.0, 0.0]]), np.array([[1.0]]), 1.0).tolist()
    [[2.0, 0.0], [0.0, 0.0]]
    """
    raise NotImplementedError


@exercise(
    title="Richardson-Lucy",
    points=6,
    minutes=25,
    difficulty=2,
    needs=("transfer_function",),
    hints=(
        "One step: blur the estimate, see by what factor y differs from that, carry the factors back to the pixels "
        "with the adjoint, and multiply the estimate by them.",
        "blurred = blur(x); ratio = y / np.maximum(blurred, 1e-12); x = x * adjoint(ratio) / kernel.sum(). The adjoint "
        "of multiplying by H is multiplying by conj(H).",
        "blur = lambda image: np.fft.ifft2(H * np.fft.fft2(image)).real, and the same with np.conj(H) for the adjoint. "
        "Start from np.full(y.shape, y.mean()), or from a copy of start.",
    ),
)
def richardson_lucy(y: np.ndarray, kernel: np.ndarray, iterations: int, start: np.ndarray | None = None) -> np.ndarray:
    """Undo a circular convolution by repeated multiplication.

    One iteration is x <- x * Aᵀ(y / max(Ax, 1e-12)) / kernel.sum(), with A the convolution and Aᵀ its adjoint.

    Parameters
    ----------
    y : array (H, W)
        The blurred image.
    kernel : array (K, L)
        Centered at (K//2, L//2).
    iterations : int
        How many; 0 returns the start.
    start : array (H, W), optional
        By default the mean of `y` everywhere.

    Returns
    -------
    x : array (H, W)
        Not clipped. dtype np.result_type(y, kernel) if that is floating, float64 otherwise. With `y`, kernel and start
        nowhere negative it is nowhere negative, up to rounding.

    Raises
    ------
    ValueError
        If iterations is negative, the kernel's sum is not positive, start has another shape than `y`, or as
        `transfer_function`.

    Notes
    -----
    W. H. Richardson (1972), Journal of the Optical Society of America 62; L. B. Lucy (1974), The Astronomical Journal
    79. Where the kernel sums to 1, as there, the division changes nothing.

    Examples
    --------
    >>> richardson_lucy(np.array([[0.0, 2.0, 4.0, 2.0, 0.0]]), np.array([[0.25, 0.5, 0.25]]), 1).round(3).tolist()
    [[0.5, 2.0, 3.0, 2.0, 0.5]]
    """
    raise NotImplementedError


@exercise(
    title="Tikhonov, with an operator and its adjoint",
    points=8,
    minutes=35,
    difficulty=3,
    hints=(
        "Where |Ax - y|^2 + weight |x|^2 is smallest its gradient is 0: (AᵀA + weight) x = Aᵀy. That is a linear "
        "system with a symmetric, positive matrix M, and M p is adjoint(forward(p)) + weight * p.",
        "Conjugate gradients: x = 0, r = Aᵀy, p = r. Then in turn: Mp; alpha = <r, r> / <p, Mp>; x += alpha p; "
        "r -= alpha Mp; beta = <r, r> / <r, r> before; p = r + beta p.",
        "When <r, r> or <p, Mp> is 0 the answer is exact: stop, or the next quotient is 0/0. np.vdot(a, b) is the inner "
        "product of two arrays of any shape.",
        "Make new arrays, x = x + alpha * p and so on. With x = np.zeros_like(r), and p = r for a start, an in-place r "
        "-= ... would change p too.",
    ),
)
def tikhonov(
    y: np.ndarray,
    forward: Callable[[np.ndarray], np.ndarray],
    adjoint: Callable[[np.ndarray], np.ndarray],
    weight: float,
    iterations: int,
) -> np.ndarray:
    """Minimize |Ax - y|^2 + weight |x|^2 by conjugate gradients on (AᵀA + weight) x = Aᵀy, starting from 0.

    Parameters
    ----------
    y : array
        What was measured, of any shape.
    forward : callable
        x -> Ax, linear, from the shape of the result to the shape of `y`.
    adjoint : callable
        y -> Aᵀy, its adjoint.
    weight : float
        Not negative. 0 is least squares.
    iterations : int
        How many steps; 0 returns zeros. It may stop earlier where the residual is exactly 0.

    Returns
    -------
    x : array
        Of the shape of ``adjoint(y)``, and of its dtype if that is floating, float64 otherwise.

    Raises
    ------
    ValueError
        If weight or iterations is negative.

    Notes
    -----
    M. R. Hestenes and E. Stiefel, Methods of Conjugate Gradients for Solving Linear Systems, 1952.

    Examples
    --------
    >>> half = lambda x: 0.5 * x
    >>> tikhonov(np.array([[4.0, 2.0]]), half, half, 0.25, 1).tolist()
    [[4.0, 2.0]]
    """
    raise NotImplementedError
