"""Wrong answers to chapter 4 that learners give."""

from __future__ import annotations

import numpy as np

from deconv_grader.checks.known_answers import mistake
from deconv_solutions import inversion as reference


def _real(spectrum, *arrays):
    dtype = np.result_type(*arrays)
    return np.fft.ifft2(spectrum).real.astype(dtype if dtype.kind == "f" else np.float64)


def _corner(kernel, shape):
    """The kernel's spectrum with its first entry, not its center, at pixel (0, 0)."""
    plane = np.zeros(shape)
    plane[: kernel.shape[0], : kernel.shape[1]] = kernel
    return np.fft.fft2(plane)


# transfer_function


@mistake("transfer_function")
def transfer_function_corner(kernel, shape):
    """the kernel's corner, not its center, lies at pixel (0, 0)

    fft2(kernel, shape) pads at the bottom and right only. Convolving with it moves the image: roll the padded kernel
    up by K//2 and left by L//2 first.
    """
    reference.transfer_function(kernel, shape)
    return _corner(kernel, shape)


@mistake("transfer_function")
def transfer_function_middle(kernel, shape):
    """the kernel was set into the middle of the plane

    Convolving with that moves the image by half its size. Pixel (0, 0) is where the kernel's center belongs.
    """
    H, W = shape
    u, v = np.arange(H)[:, None], np.arange(W)
    shift = np.exp(-2j * np.pi * (u * (H // 2) / H + v * (W // 2) / W))
    return reference.transfer_function(kernel, shape) * shift


@mistake("transfer_function")
def transfer_function_other_center(kernel, shape):
    """the center is taken at (K-1)//2

    For even sizes there are two middles. Here the center is the entry (K//2, L//2), the later one.
    """
    reference.transfer_function(kernel, shape)
    plane = np.zeros(shape)
    K, L = kernel.shape
    plane[:K, :L] = kernel
    return np.fft.fft2(np.roll(plane, (-((K - 1) // 2), -((L - 1) // 2)), (0, 1)))


@mistake("transfer_function")
def transfer_function_wrong_way(kernel, shape):
    """the kernel was rolled down and right

    The center must move to pixel (0, 0), so the shift is negative: (-(K//2), -(L//2)).
    """
    reference.transfer_function(kernel, shape)
    plane = np.zeros(shape)
    K, L = kernel.shape
    plane[:K, :L] = kernel
    return np.fft.fft2(np.roll(plane, (K // 2, L // 2), (0, 1)))


@mistake("transfer_function")
def transfer_function_conjugate(kernel, shape):
    """the kernel was not turned round

    That is the response of a correlation, as a network's layer computes it, and the conjugate of this one.
    """
    return reference.transfer_function(kernel, shape).conj()


@mistake("transfer_function")
def transfer_function_magnitude(kernel, shape):
    """only the magnitude |H| was returned

    The phase says where things are. Keep the complex numbers.
    """
    return np.abs(reference.transfer_function(kernel, shape)).astype(complex)


@mistake("transfer_function")
def transfer_function_shifted(kernel, shape):
    """fftshift moved frequency 0 to the middle

    That is for looking at a spectrum. To multiply fft2 of an image by it, keep the layout of fft2.
    """
    return np.fft.fftshift(reference.transfer_function(kernel, shape))


@mistake("transfer_function")
def transfer_function_half(kernel, shape):
    """only half of the frequencies are there, as rfft2 returns them

    Here the full spectrum is wanted, of the shape of the image.
    """
    return reference.transfer_function(kernel, shape)[:, : shape[1] // 2 + 1]


@mistake("transfer_function")
def transfer_function_normalized(kernel, shape):
    """the response was scaled so that frequency 0 passes unchanged

    A kernel that does not sum to 1 changes the brightness, and its response says so: H at frequency 0 is the sum.
    """
    H = reference.transfer_function(kernel, shape)
    return H / (H[0, 0] or 1)


@mistake("transfer_function")
def transfer_function_cropped(kernel, shape):
    """a kernel that does not fit the image was let through

    fft2(kernel, shape) cuts a larger one off without a word, and makes zeros of an empty one: raise ValueError.
    """
    cut = kernel[: shape[0], : shape[1]]
    return reference.transfer_function(cut, shape) if cut.size else np.zeros(shape, complex)


# condition_number


@mistake("condition_number")
def condition_number_rounding(kernel, shape):
    """a gain that is 0 only up to rounding was divided by

    np.fft leaves about 1e-17 where the exact value is 0, and the quotient is then a huge number that means nothing.
    Count a gain of at most 1e-12 times the largest as 0.
    """
    gains = np.abs(reference.transfer_function(kernel, shape))
    return float(gains.max() / gains.min()) if gains.min() else float("inf")


@mistake("condition_number")
def condition_number_power(kernel, shape):
    """the largest and smallest |H|^2 were compared

    Noise is amplified by 1/|H|, not by 1/|H|^2.
    """
    return reference.condition_number(kernel, shape) ** 2


@mistake("condition_number")
def condition_number_inverse(kernel, shape):
    """the smallest was divided by the largest

    The condition number is at least 1.
    """
    number = reference.condition_number(kernel, shape)
    return 0.0 if number == np.inf else 1 / number


@mistake("condition_number")
def condition_number_kernel(kernel, shape):
    """the frequencies of the bare kernel were taken, not those of the image

    The image has more frequencies than the kernel has entries. Use the transfer function of the given shape.
    """
    reference.transfer_function(kernel, shape)
    return reference.condition_number(kernel, kernel.shape)


@mistake("condition_number")
def condition_number_matrix(kernel, shape):
    """the kernel was taken for the matrix

    np.linalg.cond(kernel) asks about the K x L table of weights as a matrix. The matrix of the blur has H*W rows.
    """
    reference.transfer_function(kernel, shape)
    number = float(np.linalg.cond(kernel.astype(np.float64))) if kernel.any() else np.inf
    return number if number < 1e12 else float("inf")


@mistake("condition_number")
def condition_number_real(kernel, shape):
    """the real part of H was taken for its size

    H is complex; its size is np.abs(H).
    """
    gains = np.abs(reference.transfer_function(kernel, shape).real)
    return float("inf") if gains.min() <= 1e-12 * gains.max() else float(gains.max() / gains.min())


@mistake("condition_number")
def condition_number_alive(kernel, shape):
    """the lost frequencies were left out

    They are the reason why the blur has no inverse: the condition number is then infinite.
    """
    gains = np.abs(reference.transfer_function(kernel, shape))
    alive = gains[gains > 1e-12 * gains.max()]
    return float(alive.max() / alive.min()) if alive.size else 1.0


@mistake("condition_number")
def condition_number_mean_gain(kernel, shape):
    """|H| at frequency 0 was taken for the largest

    That is so for kernels without negative entries. Others may pass another frequency best: take the largest of all.
    """
    gains = np.abs(reference.transfer_function(kernel, shape))
    return float("inf") if gains.min() <= 1e-12 * gains[0, 0] else float(gains[0, 0] / gains.min())


# inverse_filter


@mistake("inverse_filter")
def inverse_filter_blurs(y, kernel, floor=1e-3):
    """the spectrum was multiplied by H

    That blurs a second time. The inverse divides.
    """
    H = reference.transfer_function(kernel, y.shape)
    return _real(np.where(np.abs(H) < floor, 0, H) * np.fft.fft2(y), y, kernel)


@mistake("inverse_filter")
def inverse_filter_adjoint(y, kernel, floor=1e-3):
    """the adjoint was applied: the spectrum was multiplied by conj(H)

    The adjoint turns the phase back and leaves the magnitude too small. The inverse divides by H.
    """
    H = reference.transfer_function(kernel, y.shape)
    return _real(np.where(np.abs(H) < floor, 0, H.conj()) * np.fft.fft2(y), y, kernel)


@mistake("inverse_filter")
def inverse_filter_no_floor(y, kernel, floor=1e-3):
    """weak frequencies were divided too: floor was not used

    Where H is nearly 0 the quotient is nearly all noise. Put 0 where |H| < floor.
    """
    reference.inverse_filter(y, kernel, floor)
    return reference.inverse_filter(y, kernel, 0)


@mistake("inverse_filter")
def inverse_filter_clamped(y, kernel, floor=1e-3):
    """weak frequencies were divided by the floor

    They were to be dropped: 0 in the result.
    """
    reference.inverse_filter(y, kernel, floor)
    H = reference.transfer_function(kernel, y.shape)
    weak = (np.abs(H) < floor) | (H == 0)
    return _real(np.fft.fft2(y) / np.where(weak, floor or 1, H), y, kernel)


@mistake("inverse_filter")
def inverse_filter_kept(y, kernel, floor=1e-3):
    """weak frequencies were left as they are in y

    They were to be dropped: 0 in the result.
    """
    reference.inverse_filter(y, kernel, floor)
    H = reference.transfer_function(kernel, y.shape)
    weak = (np.abs(H) < floor) | (H == 0)
    return _real(np.fft.fft2(y) / np.where(weak, 1, H), y, kernel)


@mistake("inverse_filter")
def inverse_filter_corner(y, kernel, floor=1e-3):
    """the kernel's center was not moved to pixel (0, 0)

    The image comes back, but shifted. Use transfer_function.
    """
    reference.inverse_filter(y, kernel, floor)
    H = _corner(kernel, y.shape)
    keep = (np.abs(H) >= floor) & (H != 0)
    return _real(np.where(keep, np.fft.fft2(y) / np.where(keep, H, 1), 0), y, kernel)


@mistake("inverse_filter")
def inverse_filter_correlation(y, kernel, floor=1e-3):
    """the kernel was not turned round

    Dividing by conj(H) undoes a correlation. For a symmetric kernel the two are the same.
    """
    turned = reference.transfer_function(kernel, y.shape).conj()
    keep = (np.abs(turned) >= floor) & (turned != 0)
    reference.inverse_filter(y, kernel, floor)
    return _real(np.where(keep, np.fft.fft2(y) / np.where(keep, turned, 1), 0), y, kernel)


@mistake("inverse_filter")
def inverse_filter_real_part(y, kernel, floor=1e-3):
    """the real part of H was compared with the floor

    H is complex, and its real part may be negative or 0 where H is strong. Compare np.abs(H).
    """
    reference.inverse_filter(y, kernel, floor)
    H = reference.transfer_function(kernel, y.shape)
    keep = (H.real >= floor) & (H != 0)
    return _real(np.where(keep, np.fft.fft2(y) / np.where(keep, H, 1), 0), y, kernel)


@mistake("inverse_filter")
def inverse_filter_clipped(y, kernel, floor=1e-3):
    """values below 0 and above 1 were cut off

    They belong to the answer, and whoever shows it may clip it.
    """
    return np.clip(reference.inverse_filter(y, kernel, floor), 0, 1)


@mistake("inverse_filter")
def inverse_filter_complex(y, kernel, floor=1e-3):
    """the result is still complex

    Its imaginary part is rounding. Take .real.
    """
    return reference.inverse_filter(y, kernel, floor).astype(complex)


@mistake("inverse_filter")
def inverse_filter_any_floor(y, kernel, floor=1e-3):
    """a negative floor was accepted

    No gain lies below it, so it says nothing: raise ValueError.
    """
    return reference.inverse_filter(y, kernel, max(floor, 0))


@mistake("inverse_filter")
def inverse_filter_magnitude(y, kernel, floor=1e-3):
    """the spectrum was divided by |H|

    The blur also turned the phase, and only the complex H turns it back. |H| is for the comparison with the floor.
    """
    reference.inverse_filter(y, kernel, floor)
    size = np.abs(reference.transfer_function(kernel, y.shape))
    keep = (size >= floor) & (size != 0)
    return _real(np.where(keep, np.fft.fft2(y) / np.where(keep, size, 1), 0), y, kernel)


@mistake("inverse_filter")
def inverse_filter_nan(y, kernel, floor=1e-3):
    """0 was divided by 0

    A lost frequency is not below a floor of 0. Drop what has H = 0 whatever the floor is.
    """
    reference.inverse_filter(y, kernel, floor)
    H = reference.transfer_function(kernel, y.shape)
    with np.errstate(all="ignore"):
        return _real(np.where(np.abs(H) < floor, 0, np.fft.fft2(y) / H), y, kernel)


@mistake("inverse_filter")
def inverse_filter_all_divided(y, kernel, floor=1e-3):
    """every frequency was divided, even where H is 0

    There is nothing to be brought back there. Put 0 where |H| < floor, and where H is 0.
    """
    reference.inverse_filter(y, kernel, floor)
    with np.errstate(all="ignore"):
        return _real(np.fft.fft2(y) / reference.transfer_function(kernel, y.shape), y, kernel)


# wiener


@mistake("wiener")
def wiener_no_conjugate(y, kernel, noise_to_signal):
    """H was not conjugated

    conj(H) takes back what the blur did to the phase. With H in its place the phase is turned twice.
    """
    reference.wiener(y, kernel, noise_to_signal)
    H = reference.transfer_function(kernel, y.shape)
    power = np.abs(H) ** 2 + noise_to_signal
    return _real(np.where(power > 0, H / np.where(power > 0, power, 1), 0) * np.fft.fft2(y), y, kernel)


@mistake("wiener")
def wiener_amplitude(y, kernel, noise_to_signal):
    """|H| stands in the denominator, not |H|^2

    noise_to_signal is a ratio of powers, so it is added to a power.
    """
    reference.wiener(y, kernel, noise_to_signal)
    H = reference.transfer_function(kernel, y.shape)
    power = np.abs(H) + noise_to_signal
    return _real(np.where(power > 0, H.conj() / np.where(power > 0, power, 1), 0) * np.fft.fft2(y), y, kernel)


@mistake("wiener")
def wiener_squared_ratio(y, kernel, noise_to_signal):
    """noise_to_signal was squared

    It is a ratio of powers already.
    """
    reference.wiener(y, kernel, noise_to_signal)
    return reference.wiener(y, kernel, np.square(noise_to_signal))


@mistake("wiener")
def wiener_added_outside(y, kernel, noise_to_signal):
    """noise_to_signal was added to H

    1 / (H + ratio) does not fade where H is weak, and shifts where it is strong. Add it to |H|^2.
    """
    reference.wiener(y, kernel, noise_to_signal)
    H = reference.transfer_function(kernel, y.shape) + noise_to_signal
    return _real(np.where(H == 0, 0, np.fft.fft2(y) / np.where(H == 0, 1, H)), y, kernel)


@mistake("wiener")
def wiener_signal_to_noise(y, kernel, noise_to_signal):
    """the ratio was turned over

    It is noise over signal: large where there is little to be recovered.
    """
    ratio = np.asarray(noise_to_signal, float)
    reference.wiener(y, kernel, ratio)
    return reference.wiener(y, kernel, np.where(ratio > 0, 1 / np.where(ratio > 0, ratio, 1), 0))


@mistake("wiener")
def wiener_mean_ratio(y, kernel, noise_to_signal):
    """one ratio was used for all frequencies

    noise_to_signal may differ from one frequency to the next: broadcasting uses each entry at its place.
    """
    reference.wiener(y, kernel, noise_to_signal)
    return reference.wiener(y, kernel, float(np.mean(noise_to_signal)))


@mistake("wiener")
def wiener_shifted_ratio(y, kernel, noise_to_signal):
    """the ratios were moved by fftshift

    They lie as fft2 lays the frequencies out, frequency 0 first. Use them as they are.
    """
    ratio = np.asarray(noise_to_signal)
    return reference.wiener(y, kernel, np.fft.fftshift(ratio) if ratio.ndim else ratio)


@mistake("wiener")
def wiener_corner(y, kernel, noise_to_signal):
    """the kernel's center was not moved to pixel (0, 0)

    The image comes back, but shifted. Use transfer_function.
    """
    reference.wiener(y, kernel, noise_to_signal)
    H = _corner(kernel, y.shape)
    power = np.abs(H) ** 2 + noise_to_signal
    return _real(np.where(power > 0, H.conj() / np.where(power > 0, power, 1), 0) * np.fft.fft2(y), y, kernel)


@mistake("wiener")
def wiener_clipped(y, kernel, noise_to_signal):
    """values below 0 and above 1 were cut off

    They belong to the answer, and whoever shows it may clip it.
    """
    return np.clip(reference.wiener(y, kernel, noise_to_signal), 0, 1)


@mistake("wiener")
def wiener_nan(y, kernel, noise_to_signal):
    """0 was divided by 0

    Where H is 0 and the ratio too, nothing is known about the frequency. Drop it.
    """
    reference.wiener(y, kernel, noise_to_signal)
    H = reference.transfer_function(kernel, y.shape)
    with np.errstate(all="ignore"):
        return _real(H.conj() / (np.abs(H) ** 2 + noise_to_signal) * np.fft.fft2(y), y, kernel)


@mistake("wiener")
def wiener_any_ratio(y, kernel, noise_to_signal):
    """a ratio that makes no sense was accepted

    A power is not negative, and an array of ratios has one for each frequency: raise ValueError.
    """
    try:
        return reference.wiener(y, kernel, noise_to_signal)
    except ValueError:
        return reference.wiener(y, kernel, np.abs(np.mean(noise_to_signal)))


@mistake("wiener")
def wiener_complex_square(y, kernel, noise_to_signal):
    """H**2 stands in the denominator, not |H|^2

    H is complex, and so is its square. The power is np.abs(H)**2, or H * conj(H).
    """
    reference.wiener(y, kernel, noise_to_signal)
    H = reference.transfer_function(kernel, y.shape)
    power = H**2 + noise_to_signal
    return _real(np.where(power != 0, H.conj() / np.where(power != 0, power, 1), 0) * np.fft.fft2(y), y, kernel)


# richardson_lucy


def _lucy(y, kernel, iterations, start=None, *, step, first=None):
    """The reference's checks, then `step(x, y, A, adjoint, total)` again and again."""
    reference.richardson_lucy(y, kernel, 0, start)
    H, total = reference.transfer_function(kernel, y.shape), float(kernel.sum())

    def through(gain):
        return lambda image: np.fft.ifft2(gain * np.fft.fft2(image)).real

    x = np.full(y.shape, y.mean(dtype=np.float64)) if start is None else np.array(start, np.float64)
    if first is not None and start is None:
        x = np.array(first, np.float64)
    for _ in range(iterations):
        with np.errstate(all="ignore"):
            x = step(x, y, through(H), through(H.conj()), total)
    dtype = np.result_type(y, kernel)
    return x.astype(dtype if dtype.kind == "f" else np.float64)


def _right(x, y, blur, adjoint, total):
    return x * adjoint(y / np.maximum(blur(x), 1e-12)) / total


@mistake("richardson_lucy")
def richardson_lucy_not_mirrored(y, kernel, iterations, start=None):
    """the ratios were blurred with the kernel as it is

    They go back through the adjoint: the kernel turned round, conj(H) in place of H.
    """
    return _lucy(
        y, kernel, iterations, start, step=lambda x, y, A, T, total: x * A(y / np.maximum(A(x), 1e-12)) / total
    )


@mistake("richardson_lucy")
def richardson_lucy_from_y(y, kernel, iterations, start=None):
    """the start was y

    It is often a good one, but here the start is the mean of y everywhere, unless start says otherwise.
    """
    return _lucy(y, kernel, iterations, start, step=_right, first=y)


@mistake("richardson_lucy")
def richardson_lucy_from_half(y, kernel, iterations, start=None):
    """the start was 0.5 everywhere, as in scikit-image

    That suits images from 0 to 1. Here the start is the mean of y.
    """
    return _lucy(y, kernel, iterations, start, step=_right, first=np.full(y.shape, 0.5))


@mistake("richardson_lucy")
def richardson_lucy_start_ignored(y, kernel, iterations, start=None):
    """start was not used

    Where it is given, iterate from it.
    """
    reference.richardson_lucy(y, kernel, iterations, start)
    return reference.richardson_lucy(y, kernel, iterations)


@mistake("richardson_lucy")
def richardson_lucy_inverted(y, kernel, iterations, start=None):
    """the ratio was turned over

    Where y is larger than the blurred estimate the estimate must grow: y / blurred.
    """
    return _lucy(
        y, kernel, iterations, start, step=lambda x, y, A, T, total: x * T(A(x) / np.maximum(y, 1e-12)) / total
    )


@mistake("richardson_lucy")
def richardson_lucy_no_adjoint(y, kernel, iterations, start=None):
    """the ratios were not carried back through the adjoint

    Each pixel of x is spread over many pixels of y. It must hear all of their ratios, weighted by the kernel.
    """
    return _lucy(y, kernel, iterations, start, step=lambda x, y, A, T, total: x * y / np.maximum(A(x), 1e-12) / total)


@mistake("richardson_lucy")
def richardson_lucy_unscaled(y, kernel, iterations, start=None):
    """the kernel's sum was not divided out

    Only for a kernel that sums to 1 does that change nothing.
    """
    return _lucy(y, kernel, iterations, start, step=lambda x, y, A, T, total: x * T(y / np.maximum(A(x), 1e-12)))


@mistake("richardson_lucy")
def richardson_lucy_additive(y, kernel, iterations, start=None):
    """the correction was added

    A step that adds Aᵀ(y - Ax) is gradient descent (Landweber's iteration). Richardson-Lucy multiplies.
    """
    return _lucy(y, kernel, iterations, start, step=lambda x, y, A, T, total: x + T(y - A(x)) / total)


@mistake("richardson_lucy")
def richardson_lucy_one_more(y, kernel, iterations, start=None):
    """there was one iteration too many

    0 iterations return the start.
    """
    reference.richardson_lucy(y, kernel, iterations, start)
    return reference.richardson_lucy(y, kernel, iterations + 1, start)


@mistake("richardson_lucy")
def richardson_lucy_clipped(y, kernel, iterations, start=None):
    """values below 0 and above 1 were cut off

    They belong to the answer, and whoever shows it may clip it.
    """
    return np.clip(reference.richardson_lucy(y, kernel, iterations, start), 0, 1)


@mistake("richardson_lucy")
def richardson_lucy_unguarded(y, kernel, iterations, start=None):
    """0 was divided by 0

    In a black region the blurred estimate is 0. Divide by np.maximum(blurred, 1e-12).
    """
    return _lucy(y, kernel, iterations, start, step=lambda x, y, A, T, total: x * T(y / A(x)) / total)


@mistake("richardson_lucy")
def richardson_lucy_image_space(y, kernel, iterations, start=None):
    """y and the blurred estimate went back through the adjoint before they were divided

    Aᵀy / AᵀAx belongs to another algorithm. Divide first, pixel by pixel, then carry the ratios back: Aᵀ(y / Ax).
    """
    return _lucy(y, kernel, iterations, start, step=lambda x, y, A, T, total: x * T(y) / np.maximum(T(A(x)), 1e-12))


# tikhonov


def _checked(y, adjoint, weight, iterations):
    if not weight >= 0 or iterations < 0:
        raise ValueError("weight and iterations must not be negative")
    right = np.asarray(adjoint(y))
    return right.astype(right.dtype if right.dtype.kind == "f" else np.float64)


def _descent(right, normal, iterations, *, keep):
    """Conjugate gradients whose next direction is residual + keep(new, old) * direction."""
    x, residual, direction = np.zeros_like(right), right, right
    for _ in range(iterations):
        image = normal(direction)
        curvature = float(np.vdot(direction, image))
        if curvature == 0:
            break
        size = float(np.vdot(residual, residual))
        step = float(np.vdot(residual, direction)) / curvature
        x, residual = x + step * direction, residual - step * image
        direction = residual + keep(float(np.vdot(residual, residual)), size) * direction
    return x


@mistake("tikhonov")
def tikhonov_no_weight(y, forward, adjoint, weight, iterations):
    """the weight was not used

    That is least squares without a penalty: the noise comes back. The matrix is AᵀA + weight.
    """
    _checked(y, adjoint, weight, iterations)
    return reference.tikhonov(y, forward, adjoint, 0.0, iterations)


@mistake("tikhonov")
def tikhonov_squared_weight(y, forward, adjoint, weight, iterations):
    """the weight was squared

    Here weight multiplies |x|^2 as it is.
    """
    _checked(y, adjoint, weight, iterations)
    return reference.tikhonov(y, forward, adjoint, weight**2, iterations)


@mistake("tikhonov")
def tikhonov_steepest(y, forward, adjoint, weight, iterations):
    """every step went down the gradient

    That is steepest descent, which zigzags. Conjugate gradients add beta times the direction before.
    """
    right = _checked(y, adjoint, weight, iterations)
    return _descent(right, lambda p: adjoint(forward(p)) + weight * p, iterations, keep=lambda new, old: 0.0)


@mistake("tikhonov")
def tikhonov_beta_inverted(y, forward, adjoint, weight, iterations):
    """beta was turned over

    It is the new <r, r> over the one before.
    """
    right = _checked(y, adjoint, weight, iterations)
    return _descent(
        right, lambda p: adjoint(forward(p)) + weight * p, iterations, keep=lambda new, old: old / new if new else 0.0
    )


@mistake("tikhonov")
def tikhonov_fixed_step(y, forward, adjoint, weight, iterations):
    """every step had length 1

    x <- x + (Aᵀy - Mx) converges only for operators that are small enough. Conjugate gradients choose the best length.
    """
    right = _checked(y, adjoint, weight, iterations)
    x = np.zeros_like(right)
    for _ in range(iterations):
        x = x + right - adjoint(forward(x)) - weight * x
    return x


def _fixed_step(length):
    def tikhonov_fixed_length(y, forward, adjoint, weight, iterations):
        right = _checked(y, adjoint, weight, iterations)
        x = np.zeros_like(right)
        for _ in range(iterations):
            x = x + length * (right - adjoint(forward(x)) - weight * x)
        return x

    tikhonov_fixed_length.__doc__ = f"""every step was {length} times the residual

    A length that suits all operators does not exist. Conjugate gradients choose the best one: <r, r> / <p, Mp>.
    """
    return tikhonov_fixed_length


# 2: the gradient of |Ax - y|^2 + weight * |x|^2 has that factor. The others are lengths that people try.
for _length in (2.0, 0.5, 0.2, 0.1, 0.05, 0.01, 0.001):
    mistake("tikhonov")(_fixed_step(_length))


def _one_array(y, forward, adjoint, weight, iterations, *, turn):
    """Conjugate gradients with r = p = Aᵀy, the residual then changed in place."""
    right = _checked(y, adjoint, weight, iterations)
    x = np.zeros_like(right)
    residual = direction = right.copy()
    for _ in range(iterations):
        image = adjoint(forward(direction)) + weight * direction
        size, curvature = float(np.vdot(residual, residual)), float(np.vdot(direction, image))
        if size == 0 or curvature == 0:
            break
        x = x + size / curvature * direction
        residual -= size / curvature * image
        direction = turn(residual, direction, float(np.vdot(residual, residual)) / size)
    return x


@mistake("tikhonov")
def tikhonov_one_array(y, forward, adjoint, weight, iterations):
    """residual and direction were one array, changed in place

    After p = r both names mean the same array, and r -= ... changes p too. Start with p = r.copy(), or write r = r - ...
    """
    return _one_array(y, forward, adjoint, weight, iterations, turn=lambda r, p, beta: r + beta * p)


@mistake("tikhonov")
def tikhonov_one_array_throughout(y, forward, adjoint, weight, iterations):
    """residual and direction were one array from first to last

    After p = r both names mean the same array, and r -= ... changes p too. Start with p = r.copy().
    """

    def turn(residual, direction, beta):
        direction *= beta
        direction += residual
        return direction

    return _one_array(y, forward, adjoint, weight, iterations, turn=turn)


@mistake("tikhonov")
def tikhonov_first_guess(y, forward, adjoint, weight, iterations):
    """the iteration started from Aᵀy

    It starts from 0, so that 0 steps return zeros.
    """
    right = _checked(y, adjoint, weight, iterations)

    def normal(p):
        return adjoint(forward(p)) + weight * p

    return right + _descent(right - normal(right), normal, iterations, keep=lambda new, old: new / old if old else 0.0)


@mistake("tikhonov")
def tikhonov_one_more(y, forward, adjoint, weight, iterations):
    """there was one step too many

    0 iterations return zeros.
    """
    _checked(y, adjoint, weight, iterations)
    return reference.tikhonov(y, forward, adjoint, weight, iterations + 1)


@mistake("tikhonov")
def tikhonov_nan(y, forward, adjoint, weight, iterations):
    """0 was divided by 0

    Once the answer is exact, the residual and the direction are 0. Stop there.
    """
    right = _checked(y, adjoint, weight, iterations)
    x, residual, direction = np.zeros_like(right), right, right
    with np.errstate(all="ignore"):
        for _ in range(iterations):
            image = adjoint(forward(direction)) + weight * direction
            size = np.vdot(residual, residual)
            step = size / np.vdot(direction, image)
            x, residual = x + step * direction, residual - step * image
            direction = residual + np.vdot(residual, residual) / size * direction
    return x


@mistake("tikhonov")
def tikhonov_flat(y, forward, adjoint, weight, iterations):
    """the result was flattened

    It has the shape of adjoint(y). np.vdot takes arrays of any shape, so nothing needs to be flat.
    """
    return reference.tikhonov(y, forward, adjoint, weight, iterations).ravel()


@mistake("tikhonov")
def tikhonov_recomputed(y, forward, adjoint, weight, iterations):
    """the operator was called more often than needed

    The residual after a step is the one before minus alpha times Mp, which is known already. Do not compute Aᵀ(y - Ax)
    anew.
    """
    right = _checked(y, adjoint, weight, iterations)
    for _ in range(iterations):
        adjoint(forward(right))
    return reference.tikhonov(y, forward, adjoint, weight, iterations)


@mistake("tikhonov")
def tikhonov_any_weight(y, forward, adjoint, weight, iterations):
    """a negative weight was accepted

    Then the expression may have no smallest value at all: raise ValueError.
    """
    return reference.tikhonov(y, forward, adjoint, abs(weight), iterations)
