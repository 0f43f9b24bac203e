"""Chapter 11's tasks: what is done to a photograph, the classical answers to it, and the networks that are shipped.

Pictures are luma, float32 (H, W), in [0, 1]. Every number of a classical answer was chosen on the photographs to train
on, by ``make results NAMES=restoration-rivals``. Needs PyTorch for the networks, SciPy and scikit-image for the rivals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from deconvlib.course.data import photograph, photograph_crops, photograph_names
from deconvlib.course.results import result

if TYPE_CHECKING:
    from torch import nn

Picture = np.ndarray
Method = Callable[[Picture], Picture]

#: Luma from red, green and blue as television has it (ITU-R BT.601); the literature on restoration measures on it.
LUMA = np.array([0.299, 0.587, 0.114])
#: The noise that comes with a blur.
BLUR_NOISE = 2 / 255
_EDGE = 32  # so many reflected pixels stand around a picture before it is transformed


def luma(image: np.ndarray) -> Picture:
    """Red, green and blue, (H, W, 3) in [0, 1], to luma (H, W)."""
    return (image.astype(np.float64) @ LUMA).astype(np.float32)


def training_pictures() -> dict[str, list[Picture]]:
    """The nine photographs to train on, each in three or four crops."""
    return {name: [luma(crop) for crop in crops] for name, crops in photograph_crops().items()}


def held_out_pictures() -> dict[str, Picture]:
    """The fifteen photographs that nothing here was trained or tuned on."""
    return {name: luma(photograph(name)) for name in photograph_names()}


def gaussian_kernel(sigma: float = 1.6, radius: int = 6) -> np.ndarray:
    """A Gaussian's weights, (2 radius + 1) squared, sum 1."""
    t = np.arange(-radius, radius + 1)
    line = np.exp(-(t**2) / (2 * sigma**2))
    return np.outer(line, line) / line.sum() ** 2


def motion_kernel(length: int = 9) -> np.ndarray:
    """The camera moved so many pixels to the side: (length, length), sum 1."""
    kernel = np.zeros((length, length))
    kernel[length // 2] = 1 / length
    return kernel


# What is done to a picture


def noisy(picture: Picture, sigma: float, rng: np.random.Generator) -> Picture:
    """With Gaussian noise of this standard deviation (of 255)."""
    return (picture + sigma / 255 * rng.standard_normal(picture.shape)).astype(np.float32)


def blurred(picture: Picture, kernel: np.ndarray, rng: np.random.Generator) -> Picture:
    """Blurred, its borders reflected, with noise of 2 of 255."""
    sharp = np.pad(picture, _EDGE, mode="reflect")
    soft = _inside(np.fft.irfft2(_spectrum(kernel, sharp.shape) * np.fft.rfft2(sharp), s=sharp.shape))
    return (soft + BLUR_NOISE * rng.standard_normal(picture.shape)).astype(np.float32)


def resized(picture: Picture, shape: tuple[int, int]) -> Picture:
    """Keys' bicubic kernel (a = -0.5), widened when the picture shrinks, as image programs do it."""
    return _interpolated(picture, shape, antialias=True)


def reduced(picture: Picture, scale: int) -> Picture:
    """`scale` times smaller. The picture is cut to a multiple of it first."""
    height, width = (n // scale for n in picture.shape)
    return resized(picture[: height * scale, : width * scale], (height, width))


def enlarged(picture: Picture, scale: int) -> Picture:
    """`scale` times larger, by Keys' bicubic kernel."""
    return resized(picture, (picture.shape[0] * scale, picture.shape[1] * scale))


def _interpolated(picture: Picture, shape: tuple[int, int], antialias: bool) -> Picture:
    import torch
    import torch.nn.functional as F

    given = torch.from_numpy(np.ascontiguousarray(picture))[None, None]
    return F.interpolate(given, size=shape, mode="bicubic", antialias=antialias)[0, 0].numpy()


# Classical answers


def sliding_dct(noisy: Picture, sigma: float, threshold: float) -> Picture:
    """Every window of 8 x 8: cosine transform, small coefficients to 0, back; each pixel the mean of its windows.

    A window weighs the more, the fewer coefficients it kept (Guleryuz 2007). `sigma` is of 255, `threshold` in sigmas.
    """
    from scipy.fft import dctn, idctn

    windows = np.lib.stride_tricks.sliding_window_view(np.pad(noisy, 7, mode="reflect"), (8, 8))
    cosines = dctn(windows, axes=(2, 3), norm="ortho")
    kept = np.abs(cosines) > threshold * sigma / 255
    kept[..., 0, 0] = True
    weight = 1 / kept.sum(axis=(2, 3), keepdims=True)
    patches = idctn(cosines * kept, axes=(2, 3), norm="ortho") * weight
    total, weights = np.zeros(np.add(noisy.shape, 14)), np.zeros(np.add(noisy.shape, 14))
    height, width = windows.shape[:2]
    for row in range(8):
        for column in range(8):
            total[row : row + height, column : column + width] += patches[:, :, row, column]
            weights[row : row + height, column : column + width] += weight[:, :, 0, 0]
    return (total / weights)[7:-7, 7:-7].astype(np.float32)


def non_local_means(noisy: Picture, sigma: float, h: float) -> Picture:
    """Buades, Coll and Morel (2005): the mean of pixels whose surroundings look alike; `h` in sigmas."""
    from skimage.restoration import denoise_nl_means

    s = sigma / 255
    found = denoise_nl_means(noisy, patch_size=5, patch_distance=6, h=h * s, sigma=s, fast_mode=True)
    return found.astype(np.float32)


def wavelets(noisy: Picture, sigma: float, shifts: int) -> Picture:
    """BayesShrink (Chang, Yu and Vetterli 2000) of db2 wavelets, the mean over shifted pictures."""
    from skimage.restoration import denoise_wavelet

    words = {"sigma": sigma / 255, "wavelet": "db2", "mode": "soft", "method": "BayesShrink", "rescale_sigma": True}
    total = np.zeros(noisy.shape)
    for shift in np.ndindex(shifts, shifts):
        back = tuple(-n for n in shift)
        total += np.roll(denoise_wavelet(np.roll(noisy, shift, (0, 1)), **words), back, (0, 1))
    return (total / shifts**2).astype(np.float32)


def total_variation(noisy: Picture, sigma: float, weight: float) -> Picture:
    """Rudin, Osher and Fatemi (1992), solved as Chambolle (2004) does; `weight` in sigmas."""
    from skimage.restoration import denoise_tv_chambolle

    return denoise_tv_chambolle(noisy, weight=weight * sigma / 255, max_num_iter=100).astype(np.float32)


def local_wiener(noisy: Picture, sigma: float, size: int) -> Picture:
    """Each window keeps what its variance has above the noise (Lim 1990)."""
    from scipy.signal import wiener

    return wiener(noisy.astype(np.float64), size, (sigma / 255) ** 2).astype(np.float32)


def tikhonov_gradient(observed: Picture, kernel: np.ndarray, weight: float) -> Picture:
    """The smallest |h * x - y|^2 + weight |gradient of x|^2, by Fourier transforms, borders reflected."""
    given = np.pad(observed, _EDGE, mode="reflect")
    h, across, down = (_spectrum(k, given.shape) for k in (kernel, *_DIFFERENCES))
    spectrum = h.conj() * np.fft.rfft2(given) / (abs(h) ** 2 + weight * (abs(across) ** 2 + abs(down) ** 2))
    return _inside(np.fft.irfft2(spectrum, s=given.shape))


def deblur_total_variation(observed: Picture, kernel: np.ndarray, weight: float, iterations: int = 60) -> Picture:
    """The smallest |h * x - y|^2 / 2 + weight (total variation of x), by ADMM.

    The alternation is that of Wang, Yang, Yin and Zhang (2008), who have no multipliers (`scaled`).
    """
    given = np.pad(observed, _EDGE, mode="reflect")
    h, across, down = (_spectrum(k, given.shape).astype(np.complex64) for k in (kernel, *_DIFFERENCES))
    penalty = np.float32(10 * weight)
    denominator = abs(h) ** 2 + penalty * (abs(across) ** 2 + abs(down) ** 2) + np.float32(1e-9)
    data = h.conj() * _rfft2(given)
    split = scaled = np.zeros((2, *given.shape), np.float32)
    for _ in range(iterations):
        wanted = _rfft2(split - scaled)
        spectrum = (data + penalty * (across.conj() * wanted[0] + down.conj() * wanted[1])) / denominator
        gradient = _irfft2(np.stack([across * spectrum, down * spectrum]), given.shape)
        moved = gradient + scaled
        length = np.sqrt((moved**2).sum(axis=0, keepdims=True))
        split = moved * np.maximum(1 - weight / penalty / np.maximum(length, 1e-12), 0)
        scaled = moved - split
    return _inside(_irfft2(spectrum, given.shape))


def back_projection(small: Picture, scale: int, rounds: int, step: float) -> Picture:
    """Irani and Peleg (1991): enlarge; reduce again, and enlarge what is missing; add it."""
    estimate = enlarged(small, scale)
    for _ in range(rounds):
        estimate = estimate + np.float32(step) * enlarged(small - reduced(estimate, scale), scale)
    return estimate


def _with_reflection(method: Callable[..., np.ndarray], observed: Picture, kernel: np.ndarray, value: Any) -> Picture:
    """One of chapter 4's functions, which take the picture to repeat itself, on a picture with reflected borders."""
    return _inside(method(np.pad(observed.astype(np.float64), _EDGE, mode="reflect"), kernel, value))


def _chapter_4_wiener(observed: Picture, kernel: np.ndarray, noise_to_signal: float) -> Picture:
    from deconvlib import wiener

    return _with_reflection(wiener, observed, kernel, noise_to_signal)


def _chapter_4_richardson_lucy(observed: Picture, kernel: np.ndarray, iterations: int) -> Picture:
    from deconvlib import richardson_lucy

    return _with_reflection(richardson_lucy, np.maximum(observed, 0), kernel, iterations)


_DIFFERENCES = (np.array([[0, 0, 0], [0, -1, 1], [0, 0, 0]]), np.array([[0, 0, 0], [0, -1, 0], [0, 1, 0]]))


def _spectrum(kernel: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    plane = np.zeros(shape)
    plane[: kernel.shape[0], : kernel.shape[1]] = kernel
    return np.fft.rfft2(np.roll(plane, (-(kernel.shape[0] // 2), -(kernel.shape[1] // 2)), (0, 1)))


def _rfft2(planes: np.ndarray) -> np.ndarray:
    from scipy.fft import rfft2

    return rfft2(planes)  # keeps float32, in which it is twice as fast


def _irfft2(planes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    from scipy.fft import irfft2

    return irfft2(planes, s=shape)


def _inside(padded: np.ndarray) -> Picture:
    return padded[_EDGE:-_EDGE, _EDGE:-_EDGE].astype(np.float32)


# The tasks


@dataclass(frozen=True)
class Rival:
    """A classical answer: `method(observed, *fixed, value)`, and the values that were tried for it."""

    method: Callable[..., Picture]
    fixed: tuple[Any, ...]
    grid: tuple[Any, ...]

    def __call__(self, observed: Picture, value: Any) -> Picture:
        return self.method(observed, *self.fixed, *(value if isinstance(value, list | tuple) else (value,)))


@dataclass(frozen=True)
class Task:
    """Something that is done to a picture and is to be undone.

    `degrade(picture, rng=generator)` gives the picture that is observed; `scale` is how much smaller that is. A network is shown
    the observed picture and `guides`, classical answers, and adds its correction to the last of what it is shown. (When
    the scale is not 1 that is what `enlarged` makes of the observed picture.) Measures leave out `border` pixels.
    """

    name: str
    title: str
    degrade: Callable[..., Picture]
    rivals: Mapping[str, Rival]
    guides: tuple[Callable[[Picture], Picture], ...] = ()
    scale: int = 1
    width: int = 32
    depth: int = 8
    mirrored_only: bool = False

    @property
    def border(self) -> int:
        return self.scale if self.scale > 1 else 0

    def target(self, picture: Picture) -> Picture:
        """The part of the picture that is to be found again: all, or what `scale` divides."""
        height, width = (n - n % self.scale for n in picture.shape)
        return picture[:height, :width]

    def classical(self, name: str, observed: Picture) -> Picture:
        """A classical answer, with the value that was best on the photographs to train on."""
        return self.rivals[name](observed, tuned()[self.name][name]["value"])

    def shown(self, observed: Picture) -> np.ndarray:
        """What a network is shown: float32 (channels, H, W)."""
        return np.stack([observed, *(guide(observed) for guide in self.guides)]).astype(np.float32)

    def network(self) -> nn.Module:
        """The network of this task, untrained."""
        from deconvlib.course.networks import Guided

        return Guided(1 + len(self.guides), self.width, self.depth, self.scale)

    def restored(self, network: nn.Module, observed: Picture) -> Picture:
        """A network's answer."""
        import torch

        with torch.no_grad():
            return network(torch.from_numpy(self.shown(observed))[None])[0, 0].numpy()


def tuned() -> dict[str, dict[str, dict[str, Any]]]:
    """Task -> rival -> the best value on the photographs to train on, and its PSNR there."""
    return result("restoration-rivals")["tasks"]


def _denoising(sigma: int) -> Task:
    return Task(
        name=f"denoise-{sigma}",
        title=f"noise, sigma {sigma}",
        degrade=partial(noisy, sigma=sigma),
        rivals={
            "Wiener, in windows": Rival(local_wiener, (sigma,), (3, 5, 7, 9)),
            "wavelets, shifted": Rival(wavelets, (sigma,), (3, 5)),
            "total variation": Rival(total_variation, (sigma,), (0.4, 0.55, 0.7, 0.85, 1.0, 1.15)),
            "non-local means": Rival(non_local_means, (sigma,), (0.5, 0.6, 0.7, 0.8, 0.9)),
            "sliding DCT": Rival(sliding_dct, (sigma,), (2.2, 2.4, 2.6, 2.8, 3.0)),
        },
        guides=(partial(_guide, task=f"denoise-{sigma}", rival="sliding DCT"),),
    )


def _deblurring(name: str, title: str, kernel: np.ndarray, weights: tuple[float, ...], **more: Any) -> Task:
    tikhonov = tuple(partial(tikhonov_gradient, kernel=kernel, weight=weight) for weight in weights)
    last = partial(_guide, task=name, rival="total variation")
    return Task(
        name=name,
        title=title,
        degrade=partial(blurred, kernel=kernel),
        rivals={
            "Wiener": Rival(_chapter_4_wiener, (kernel,), (4e-3, 8e-3, 1.6e-2, 3.2e-2, 6.4e-2)),
            "Richardson-Lucy": Rival(_chapter_4_richardson_lucy, (kernel,), (5, 10, 20, 30, 45, 65)),
            "Tikhonov": Rival(tikhonov_gradient, (kernel,), (4e-3, 8e-3, 1.6e-2, 3.2e-2, 6.4e-2)),
            "total variation": Rival(deblur_total_variation, (kernel,), (2e-4, 4e-4, 6e-4, 8e-4, 1.2e-3, 1.6e-3)),
        },
        guides=(*tikhonov, last),
        width=48,
        **more,
    )


def _enlarging(scale: int) -> Task:
    keys, softer = partial(enlarged, scale=scale), partial(_softer, scale=scale)
    return Task(
        name=f"enlarge-{scale}",
        title=f"{scale} times smaller",
        degrade=partial(_reduce, scale=scale),
        rivals={
            "bicubic (Keys)": Rival(_ignoring, (keys,), (0,)),
            "bicubic (PyTorch)": Rival(_ignoring, (softer,), (0,)),
            "back-projection": Rival(
                back_projection,
                (scale,),
                tuple((rounds, step) for rounds in (5, 10, 20, 40) for step in (1.0, 1.5, 2.0)),
            ),
        },
        scale=scale,
    )


def _reduce(picture: Picture, rng: np.random.Generator, scale: int) -> Picture:
    return reduced(picture, scale)


def _softer(small: Picture, scale: int) -> Picture:
    """PyTorch's own bicubic kernel, a = -0.75, when no anti-aliasing is asked for."""
    return _interpolated(small, (small.shape[0] * scale, small.shape[1] * scale), antialias=False)


def _ignoring(observed: Picture, method: Method, value: Any) -> Picture:
    return method(observed)


def _guide(observed: Picture, task: str, rival: str) -> Picture:
    return TASKS[task].classical(rival, observed)


TASKS = {
    task.name: task
    for task in (
        *(_denoising(sigma) for sigma in (15, 25, 50)),
        _deblurring("deblur-gaussian", "Gaussian blur 1.6", gaussian_kernel(), (1e-3, 1e-2)),
        _deblurring("deblur-motion", "motion blur, 9 pixels", motion_kernel(), (1e-3, 1e-2), mirrored_only=True),
        *(_enlarging(scale) for scale in (2, 3)),
    )
}


# What a network is trained on


def training_planes(task: Task, pictures: Iterable[Picture], draws: int, seed: int) -> list[np.ndarray]:
    """What a network is trained on: float32 (H, W, channels shown and, last, the truth), of each picture `draws` times.

    Only for tasks of scale 1: the classical answers are not computed anew for every crop.
    """
    rng = np.random.default_rng(seed)
    found = []
    for picture in pictures:
        for _ in range(draws):
            found.append(np.stack([*task.shown(task.degrade(picture, rng=rng)), task.target(picture)], axis=-1))
    return found


def psnr_of(restored: Picture, truth: Picture, border: int = 0) -> float:
    """Peak signal-to-noise ratio, dB, peak 1, without so many pixels at each side."""
    inside = slice(border, restored.shape[0] - border), slice(border, restored.shape[1] - border)
    error = restored[inside].astype(np.float64) - truth[inside]
    return -10 * math.log10(float((error**2).mean()))
