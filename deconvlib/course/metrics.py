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
