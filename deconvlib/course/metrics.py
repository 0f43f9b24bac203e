"""Measures that several chapters use and none asks to be written."""

from __future__ import annotations

import numpy as np


def ssim(image: np.ndarray, truth: np.ndarray, peak: float = 1.0, border: int = 0) -> float:
    """Structural similarity (Wang, Bovik, Sheikh and Simoncelli 2004) of two gray pictures: 1 if they are equal.

    As in chapter 4: the mean over all windows of 7 x 7 pixels, equal weights, sample variances, constants
    (0.01 peak)^2 and (0.03 peak)^2, by scikit-image. The paper weighs windows of 11 x 11 by a Gaussian: compare numbers
    only with those of one definition.

    Parameters
    ----------
    image, truth
        (H, W), the same shape.
    peak
        The range of values.
    border
        So many pixels at each side are left out first.
    """
    from skimage.metrics import structural_similarity

    image, truth = np.asarray(image, np.float64), np.asarray(truth, np.float64)
    if image.ndim != 2 or image.shape != truth.shape:
        raise ValueError(f"image and truth must be (H, W) of one shape, got {image.shape} and {truth.shape}")
    if min(image.shape) - 2 * border < 7:
        raise ValueError(f"less than 7 x 7 pixels are left of {image.shape} without a border of {border}")
    inside = slice(border, image.shape[0] - border), slice(border, image.shape[1] - border)
    return float(structural_similarity(truth[inside], image[inside], data_range=peak))


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """The squared Frechet distance of two Gaussians that have the means and covariances of `a` and of `b`.

    |m - n|^2 + trace(A + B - 2 (A B)^(1/2)): D. C. Dowson and B. V. Landau, Journal of Multivariate Analysis 12(3), 1982;
    of Inception's features, the FID of Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter, NeurIPS 2017. Numbers are to
    be compared only when the features and the sample sizes are the same.

    Parameters
    ----------
    a, b
        Features (N, F) and (M, F), a row a picture.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"a and b must be (N, F) and (M, F) with two rows at least, got {a.shape} and {b.shape}")
    first, second = (np.atleast_2d(np.cov(part, rowvar=False)) for part in (a, b))
    # trace (A B)^(1/2) is that of (A^(1/2) B A^(1/2))^(1/2), which is symmetric: no complex square roots.
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    shared = np.sqrt(np.clip(np.linalg.eigvalsh(root @ second @ root), 0, None)).sum()
    distance = np.square(a.mean(axis=0) - b.mean(axis=0)).sum() + np.trace(first) + np.trace(second) - 2 * shared
    return float(max(distance, 0.0))
