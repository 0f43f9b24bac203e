"""Undoing a blur, worked. Chapter 4."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deconvlib.course.arguments import array, integer, pair


def transfer_function(kernel: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    kernel = _real("kernel", kernel)
    height, width = pair("shape", shape, 1)
    K, L = kernel.shape
    if not (1 <= K <= height and 1 <= L <= width):
        raise ValueError(f"kernel must have from 1 x 1 to {height} x {width} entries, got shape {kernel.shape}")
    plane = np.zeros((height, width))
    plane[:K, :L] = kernel
    # The center goes to pixel (0, 0): a kernel of a single 1 there must change nothing, so its spectrum is all ones.
    return np.fft.fft2(np.roll(plane, (-(K // 2), -(L // 2)), axis=(0, 1)))


def condition_number(kernel: np.ndarray, shape: tuple[int, int]) -> float:
    gains = np.abs(transfer_function(kernel, shape))
    largest, smallest = float(gains.max()), float(gains.min())
    if smallest <= 1e-12 * largest:  # 0 up to rounding
        return float("inf")
    return largest / smallest


def inverse_filter(y: np.ndarray, kernel: np.ndarray, floor: float = 1e-3) -> np.ndarray:
    y = _real("y", y)
    if not floor >= 0:
        raise ValueError(f"floor must be at least 0, got {floor!r}")
    H = transfer_function(kernel, y.shape)
    gain = np.zeros_like(H)
    np.divide(1, H, out=gain, where=(np.abs(H) >= floor) & (H != 0))
    return _filtered(y, gain, kernel)


def wiener(y: np.ndarray, kernel: np.ndarray, noise_to_signal: float | np.ndarray) -> np.ndarray:
    y = _real("y", y)
    ratio = np.asarray(noise_to_signal)
    if ratio.dtype.kind not in "iuf":
        raise TypeError(f"noise_to_signal must be real, got {noise_to_signal!r}")
    if ratio.shape not in ((), y.shape):
        raise ValueError(f"noise_to_signal must be a number or have the shape of y {y.shape}, got shape {ratio.shape}")
    if not (ratio >= 0).all():
        raise ValueError(f"noise_to_signal must be at least 0, got {ratio.min()}")
    H = transfer_function(kernel, y.shape)
    power = np.abs(H) ** 2 + ratio
    gain = np.zeros_like(H)
    np.divide(H.conj(), power, out=gain, where=power > 0)
    return _filtered(y, gain, kernel)


def richardson_lucy(y: np.ndarray, kernel: np.ndarray, iterations: int, start: np.ndarray | None = None) -> np.ndarray:
    y, kernel = _real("y", y), _real("kernel", kernel)
    iterations = integer("iterations", iterations, 0)
    total = float(kernel.sum())
    if not total > 0:
        raise ValueError(f"kernel must have a positive sum, got {total}")
    H = transfer_function(kernel, y.shape)
    x = np.full(y.shape, y.mean(dtype=np.float64)) if start is None else _real("start", start).astype(np.float64)
    if x.shape != y.shape:
        raise ValueError(f"start must have the shape of y {y.shape}, got {x.shape}")
    for _ in range(iterations):
        blurred = np.fft.ifft2(H * np.fft.fft2(x)).real
        ratio = y / np.maximum(blurred, 1e-12)
        # The adjoint carries the ratios back to the pixels. A constant 1 comes back as the kernel's sum: divide by it.
        x = x * np.fft.ifft2(H.conj() * np.fft.fft2(ratio)).real / total
    return x.astype(_floating(y, kernel))


def tikhonov(
    y: np.ndarray,
    forward: Callable[[np.ndarray], np.ndarray],
    adjoint: Callable[[np.ndarray], np.ndarray],
    weight: float,
    iterations: int,
) -> np.ndarray:
    iterations = integer("iterations", iterations, 0)
    if not weight >= 0:
        raise ValueError(f"weight must be at least 0, got {weight!r}")
    residual = np.asarray(adjoint(y))  # of the normal equations, at x = 0
    residual = residual.astype(_floating(residual))
    x, direction = np.zeros_like(residual), residual
    size = float(np.vdot(residual, residual))
    for _ in range(iterations):
        image = adjoint(forward(direction)) + weight * direction
        curvature = float(np.vdot(direction, image))
        if size == 0 or curvature == 0:  # x is exact: a step would divide 0 by 0
            break
        step = size / curvature
        x = x + step * direction
        residual = residual - step * image
        before, size = size, float(np.vdot(residual, residual))
        # The next direction is conjugate to all before it: no step has to be taken back.
        direction = residual + size / before * direction
    return x


def _real(name: str, value: np.ndarray) -> np.ndarray:
    plane = array(name, value, "HW")
    if plane.dtype.kind == "c":
        raise TypeError(f"{name} must be real, got dtype {plane.dtype}")
    return plane


def _floating(*arrays: np.ndarray) -> np.dtype:
    dtype = np.result_type(*arrays)
    return dtype if dtype.kind == "f" else np.dtype(np.float64)


def _filtered(y: np.ndarray, gain: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Multiply the spectrum of y by `gain`."""
    return np.fft.ifft2(gain * np.fft.fft2(y)).real.astype(_floating(y, np.asarray(kernel)))
