"""The house style of figures: photographs side by side, and small grids with their numbers in the cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deconvlib.course.figures import checked_words, show_figure

#: Matplotlib settings of every figure in the course.
STYLE: dict[str, Any] = {
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "savefig.bbox": "tight",
    "figure.facecolor": "white",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "lines.linewidth": 1.8,
}
COLORS = ("#2c6fbb", "#d1495b", "#3a7d44", "#c98a1b", "#6c4f9c", "#4d4d4d")


def show_images(
    images: Sequence[np.ndarray],
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    size: float = 2.6,
    *,
    number: str | None = None,
    caption: str | None = None,
    alt: str | None = None,
    **imshow: Any,
) -> None:
    """Draw pictures side by side.

    Parameters
    ----------
    images
        Arrays (H, W) or (H, W, 3). Gray ones share the range 0 to 1 unless ``vmin`` and ``vmax`` say otherwise; values
        outside it are clipped in the drawing only.
    titles
        One a picture.
    columns
        Pictures a row (default: all in one).
    size
        Width of one picture in inches.
    number, caption, alt
        As for `show_figure`.
    **imshow
        Passed to matplotlib's ``imshow``.
    """
    import matplotlib.pyplot as plt

    checked_words(number, caption, alt)
    if titles is not None and len(titles) != len(images):
        raise ValueError(f"titles must have one entry an image: {len(titles)} titles for {len(images)} images")
    columns = columns or len(images)
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(size * columns, (size + 0.3) * rows), squeeze=False, layout="constrained"
    )
    options = {"vmin": 0.0, "vmax": 1.0} | imshow
    for i, axis in enumerate(axes.flat):
        axis.set_axis_off()
        if i < len(images):
            image = np.asarray(images[i])
            axis.imshow(image if image.ndim == 2 else np.clip(image, 0.0, 1.0), **options)
            if titles is not None:
                axis.set_title(titles[i])
    show_figure(number, caption, alt, figure)


def show_grids(
    arrays: Mapping[str, np.ndarray],
    mark: Mapping[str, np.ndarray] | None = None,
    cell: float = 0.42,
    cmap: str = "Blues",
    *,
    number: str | None = None,
    caption: str | None = None,
    alt: str | None = None,
) -> None:
    """Draw small arrays as grids with their numbers in the cells, the same number in the same color where it can be.

    Parameters
    ----------
    arrays
        Title -> array (H, W); leading axes of length 1 are dropped.
    mark
        Title -> boolean array (H, W): these cells get a heavy border.
    cell
        Side of a cell in inches.
    cmap
        Matplotlib color map; light colors keep the numbers readable.
    number, caption, alt
        As for `show_figure`.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    checked_words(number, caption, alt)
    planes = {title: _plane(title, array) for title, array in arrays.items()}
    shared = _range(list(planes.values()))
    widths = [plane.shape[1] for plane in planes.values()]
    tallest = max(plane.shape[0] for plane in planes.values())
    figure, axes = plt.subplots(
        1,
        len(planes),
        figsize=(cell * (sum(widths) + 1.2 * len(widths)), cell * tallest + 0.45),
        width_ratios=widths,
        squeeze=False,
        layout="constrained",
    )
    for axis, (title, plane) in zip(axes.flat, planes.items(), strict=True):
        low, high = _range([plane])
        if high - low == 0 or high - low >= 0.25 * (shared[1] - shared[0]):
            low, high = shared  # the same number has the same color; a much smaller range keeps its own
        span = (high - low) or 1.0
        axis.imshow(np.where(np.isfinite(plane), plane, high), cmap=cmap, vmin=low, vmax=high + 1.2 * span)
        for (i, j), value in np.ndenumerate(plane):
            axis.text(j, i, _number(value), ha="center", va="center", color="#1a1a1a", fontsize=9)
            if mark is not None and title in mark and mark[title][i, j]:
                axis.add_patch(
                    Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor="#d1495b", linewidth=2.2, zorder=3)
                )
        axis.set_xticks(np.arange(-0.5, plane.shape[1]), [])
        axis.set_yticks(np.arange(-0.5, plane.shape[0]), [])
        axis.grid(color="white", linewidth=1)
        axis.tick_params(length=0)
        for spine in axis.spines.values():
            spine.set_visible(False)
        axis.set_title(title)
        axis.set_anchor("N")
    show_figure(number, caption, alt, figure)


def _range(planes: list[np.ndarray]) -> tuple[float, float]:
    finite = np.concatenate([plane[np.isfinite(plane)] for plane in planes])
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def _plane(title: str, array: np.ndarray) -> np.ndarray:
    plane = np.asarray(array)
    while plane.ndim > 2 and plane.shape[0] == 1:
        plane = plane[0]
    if plane.ndim == 1:
        plane = plane[None, :]
    if plane.ndim != 2 or plane.size == 0:
        raise ValueError(f"{title!r} must be a non-empty grid (H, W), got shape {np.shape(array)}")
    return plane


def _number(value: Any) -> str:
    if np.isinf(value):
        return "∞" if value > 0 else "-∞"
    if np.isnan(value):
        return "nan"
    return str(int(value)) if value == int(value) else f"{value:.2g}"
