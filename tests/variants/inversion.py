"""Right answers to chapter 4, written in other ways than the solutions."""

from __future__ import annotations

import numpy as np

from deconv_grader.checks.known_answers import variant


def _fits(kernel, shape):
    (K, L), (H, W) = kernel.shape, shape
    if not (0 < K <= H and 0 < L <= W):
        raise ValueError("the kernel does not fit")
    return K, L, H, W


def _dtype(*arrays):
    dtype = np.result_type(*arrays)
    return dtype if dtype.kind == "f" else np.dtype(np.float64)


def _matrix(kernel, shape):
    """The circular convolution as a dense matrix."""
    K, L, H, W = _fits(kernel, shape)
    matrix = np.zeros((H, W, H, W))
    for u, v, k, l in np.ndindex(H, W, K, L):
        matrix[u, v, (u - k + K // 2) % H, (v - l + L // 2) % W] += kernel[k, l]
    return matrix.reshape(H * W, H * W)


def _dft(n):
    return np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n)


@variant("transfer_function")
def transfer_function_sum(kernel, shape):
    K, L, H, W = _fits(kernel, shape)
    row = np.exp(-2j * np.pi * np.outer(np.arange(H), np.arange(K) - K // 2) / H)
    column = np.exp(-2j * np.pi * np.outer(np.arange(L) - L // 2, np.arange(W)) / W)
    return row @ kernel @ column


@variant("transfer_function")
def transfer_function_indices(kernel, shape):
    K, L, H, W = _fits(kernel, shape)
    plane = np.zeros((H, W), order="F")
    for k, l in np.ndindex(K, L):
        plane[k - K // 2, l - L // 2] = kernel[k, l]  # a negative index wraps as the kernel should
    return np.asfortranarray(np.fft.fft2(plane))


@variant("transfer_function")
def transfer_function_phase(kernel, shape):
    K, L, H, W = _fits(kernel, shape)
    turn = np.exp(2j * np.pi * (np.arange(H)[:, None] * (K // 2) / H + np.arange(W) * (L // 2) / W))
    return np.fft.fft2(kernel.astype(np.float64), (H, W)) * turn


@variant("condition_number")
def condition_number_singular_values(kernel, shape):
    values = np.linalg.svd(_matrix(kernel, shape), compute_uv=False)
    return float("inf") if values[-1] <= 1e-12 * values[0] else float(values[0] / values[-1])


@variant("condition_number")
def condition_number_powers(kernel, shape):
    powers = np.sort((np.abs(transfer_function_sum(kernel, shape)) ** 2).ravel())
    return np.sqrt(powers[-1] / powers[0]) if powers[0] > 1e-24 * powers[-1] else np.float64("inf")


@variant("inverse_filter")
def inverse_filter_where(y, kernel, floor=1e-3):
    if floor < 0:
        raise ValueError("a negative floor")
    H = transfer_function_indices(kernel, y.shape)
    with np.errstate(all="ignore"):
        X = np.fft.fft2(y) / H
    X[(np.abs(H) < floor) | (H == 0)] = 0
    return np.asfortranarray(np.fft.ifft2(X).real.astype(_dtype(y, kernel)))


@variant("inverse_filter")
def inverse_filter_loops(y, kernel, floor=1e-3):
    if floor < 0:
        raise ValueError("a negative floor")
    H = transfer_function_sum(kernel, y.shape)
    X = _dft(y.shape[0]) @ y @ _dft(y.shape[1])
    for place in np.ndindex(*y.shape):
        X[place] = X[place] / H[place] if abs(H[place]) >= floor and abs(H[place]) > 1e-12 else 0
    back = np.conj(_dft(y.shape[0])) @ X @ np.conj(_dft(y.shape[1])) / y.size
    return back.real.astype(_dtype(y, kernel))


@variant("wiener")
def wiener_half_spectrum(y, kernel, noise_to_signal):
    ratio = np.asarray(noise_to_signal, float)
    if (ratio.ndim and ratio.shape != y.shape) or (ratio < 0).any():
        raise ValueError("a ratio that makes no sense")
    half = y.shape[1] // 2 + 1
    H = transfer_function_phase(kernel, y.shape)[:, :half]
    power = H.real**2 + H.imag**2 + (ratio[:, :half] if ratio.ndim else ratio)
    gain = np.where(power > 1e-28, np.conj(H) / np.maximum(power, 1e-28), 0)
    return np.fft.irfft2(gain * np.fft.rfft2(y), y.shape).astype(_dtype(y, kernel))


@variant("wiener")
def wiener_two_steps(y, kernel, noise_to_signal):
    ratio = np.asarray(noise_to_signal)
    if ratio.ndim not in (0, 2) or np.any(ratio < 0) or (ratio.ndim and ratio.shape != y.shape):
        raise ValueError("a ratio that makes no sense")
    H = transfer_function_indices(kernel, y.shape)
    back = np.conj(H) * np.fft.fft2(y)  # the adjoint first, then a division by real numbers
    power = np.abs(H) ** 2 + ratio
    back[power > 0] /= power[power > 0]
    back[power == 0] = 0
    return np.asfortranarray(np.fft.ifft2(back).real.astype(_dtype(y, kernel)))


def _lucy_start(y, kernel, iterations, start):
    if iterations < 0 or not kernel.sum() > 0:
        raise ValueError("no iteration, or no kernel")
    x = np.ones(y.shape) * np.mean(y.astype(np.float64)) if start is None else np.array(start, np.float64)
    if x.shape != y.shape:
        raise ValueError("another shape")
    return x


@variant("richardson_lucy")
def richardson_lucy_shifts(y, kernel, iterations, start=None):
    K, L, _, _ = _fits(kernel, y.shape)
    x = _lucy_start(y, kernel, iterations, start)

    def blur(image, sign):
        total = np.zeros(image.shape)
        for k, l in np.ndindex(K, L):
            total += kernel[k, l] * np.roll(image, (sign * (k - K // 2), sign * (l - L // 2)), (0, 1))
        return total

    for _ in range(iterations):
        x *= blur(y / np.maximum(blur(x, 1), 1e-12), -1) / kernel.sum(dtype=np.float64)
    return x.astype(_dtype(y, kernel))


@variant("richardson_lucy")
def richardson_lucy_matrix(y, kernel, iterations, start=None):
    A = _matrix(kernel, y.shape)
    x = _lucy_start(y, kernel, iterations, start).ravel()
    weights = A.sum(axis=0)
    for _ in range(iterations):
        x = x / weights * (A.T @ (y.ravel() / np.maximum(A @ x, 1e-12)))
    return np.asfortranarray(x.reshape(y.shape).astype(_dtype(y, kernel)))


@variant("tikhonov")
def tikhonov_cgls(y, forward, adjoint, weight, iterations):
    # CGLS: the residual of the measurement is carried along, and the normal equations' residual made of it.
    if weight < 0 or iterations < 0:
        raise ValueError("negative")
    s = adjoint(y)
    s = s * 1.0
    x, p, r = 0 * s, s, y * 1.0
    gamma = (s * s).sum()
    for _ in range(iterations):
        if gamma == 0:
            break
        q = forward(p)
        curvature = (q * q).sum() + weight * (p * p).sum()
        if curvature == 0:
            break
        alpha = gamma / curvature
        x, r = x + alpha * p, r - alpha * q
        s = adjoint(r) - weight * x
        new = (s * s).sum()
        p, gamma = s + new / gamma * p, new
    return x


@variant("tikhonov")
def tikhonov_in_place(y, forward, adjoint, weight, iterations):
    if weight < 0 or iterations < 0:
        raise ValueError("negative")
    r = np.array(adjoint(y), order="F")
    if r.dtype.kind != "f":
        r = r.astype(float)
    x, p = np.zeros_like(r), r.copy()
    old = np.linalg.norm(r) ** 2
    for _ in range(iterations):
        if old <= 0:
            break
        Mp = np.array(adjoint(forward(p.copy())), dtype=r.dtype) + weight * p
        down = np.sum(p * Mp)
        if down <= 0:
            break
        x += p * (old / down).astype(r.dtype)
        r -= Mp * (old / down).astype(r.dtype)
        new = np.linalg.norm(r) ** 2
        p *= r.dtype.type(new / old)
        p += r
        old = new
    return x
