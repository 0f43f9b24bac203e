"""Structural similarity: its definition written out, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("skimage", reason="structural similarity is scikit-image's: pip install '.[notebooks]'")

from deconvlib.course.metrics import ssim


def written_out(a, b, peak):
    values = []
    for i in range(a.shape[0] - 6):
        for j in range(a.shape[1] - 6):
            x, y = a[i : i + 7, j : j + 7].ravel(), b[i : i + 7, j : j + 7].ravel()
            covariance = np.cov(x, y)
            c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
            up = (2 * x.mean() * y.mean() + c1) * (2 * covariance[0, 1] + c2)
            down = (x.mean() ** 2 + y.mean() ** 2 + c1) * (covariance[0, 0] + covariance[1, 1] + c2)
            values.append(up / down)
    return np.mean(values)


@pytest.mark.parametrize(("shape", "peak", "border"), [((9, 12), 1.0, 0), ((16, 13), 255.0, 2), ((20, 20), 1.0, 4)])
def test_it_is_the_mean_over_windows_of_seven(shape, peak, border):
    rng = np.random.default_rng(0)
    a = peak * rng.random(shape)
    b = a + 0.2 * peak * rng.standard_normal(shape)
    inside = slice(border, shape[0] - border), slice(border, shape[1] - border)
    assert ssim(a, b, peak, border) == pytest.approx(written_out(a[inside], b[inside], peak))
    assert ssim(a, a, peak, border) == pytest.approx(1)


@pytest.mark.parametrize(
    ("a", "b", "border", "message"),
    [
        (np.zeros((9, 9)), np.zeros((9, 8)), 0, "of one shape"),
        (np.zeros((9, 9, 3)), np.zeros((9, 9, 3)), 0, r"must be \(H, W\)"),
        (np.zeros((9, 9)), np.zeros((9, 9)), 2, "less than 7 x 7 pixels are left"),
    ],
)
def test_what_it_cannot_compare_is_refused(a, b, border, message):
    with pytest.raises(ValueError, match=message):
        ssim(a, b, border=border)
