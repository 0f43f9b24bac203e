"""Pictures whose masks are known exactly, because we made them: garments on photographs, and a drawn road.

Both are drawn from a seed: the same seed gives the same pictures on every machine. `composed_scenes` puts photographed
garments on photographed backgrounds. `road_scenes` is synthetic, and pages that show it say so.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from deconvlib.course.data import fashion_mnist, fashion_mnist_names, photograph, photograph_crops, photograph_names

SPLITS = ("train", "validation", "test")
#: Photographs that choices are made on, and that nothing is trained on.
VALIDATION_PHOTOGRAPHS = ("room", "dandelion")
_VALIDATION_GARMENTS = 200  # of each class, the last of those to train on

ROAD_CLASSES = ("sky", "building", "tree", "sidewalk", "road", "lane marking", "car", "person")


def scene_classes() -> list[str]:
    """The classes of `composed_scenes`, in the order of their numbers: the background, then ten garments."""
    return ["background", *fashion_mnist_names()]


@functools.cache
def _backgrounds(split: str) -> tuple[np.ndarray, ...]:
    if split == "test":
        return tuple(photograph(name).astype(np.float32) for name in photograph_names())
    wanted = [n for n in photograph_crops() if (n in VALIDATION_PHOTOGRAPHS) == (split == "validation")]
    return tuple(crop for name in wanted for crop in photograph_crops()[name])


@functools.cache
def _garments(split: str) -> tuple[np.ndarray, np.ndarray]:
    images, labels = fashion_mnist("test" if split == "test" else "train")
    if split == "test":
        return images, labels
    kept = np.zeros(len(labels), bool)
    for label in range(10):
        of_class = np.flatnonzero(labels == label)
        chosen = of_class[-_VALIDATION_GARMENTS:] if split == "validation" else of_class[:-_VALIDATION_GARMENTS]
        kept[chosen] = True
    return images[kept], labels[kept]


def composed_scenes(
    count: int, split: str = "train", seed: int = 0, size: int = 64, garments: tuple[int, int] = (1, 3)
) -> tuple[np.ndarray, np.ndarray]:
    """Garments of Fashion-MNIST on crops of photographs, with exact masks.

    Number, kind, size (0.35 to 0.7 of the picture), tint, place and side of the garments are drawn, and so is the crop.
    A later garment covers an earlier one.

    Parameters
    ----------
    count
        How many pictures.
    split
        ``"train"``, ``"validation"`` (for choices) or ``"test"``. No garment and no photograph is in two of them; those
        of the test are the course's 15 photographs and the test split of the garments.
    seed
        Of this set of pictures.
    size
        Height and width, 32 to 128.
    garments
        The least and the largest number of garments in a picture.

    Returns
    -------
    images : float32 (N, 3, size, size)
        In [0, 1].
    masks : int64 (N, size, size)
        Indices into `scene_classes`; 0 is the background.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    if not 32 <= size <= 128:
        raise ValueError(f"size must be from 32 to 128, got {size!r}")
    if not 0 <= garments[0] <= garments[1]:
        raise ValueError(f"garments must be the least and the largest number, got {garments!r}")
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    pictures, labels = _garments(split)
    images = np.empty((count, 3, size, size), np.float32)
    masks = np.zeros((count, size, size), np.int64)
    for image, mask in zip(images, masks, strict=True):
        image[:] = _background(rng, split, size)
        for _ in range(rng.integers(garments[0], garments[1] + 1)):
            index = rng.integers(len(labels))
            _paste(rng, image, mask, pictures[index], int(labels[index]) + 1)
    return images, masks


def _background(rng: np.random.Generator, split: str, size: int) -> np.ndarray:
    sources = _backgrounds(split)
    source = sources[rng.integers(len(sources))]
    factor = int(rng.integers(1, 256 // size + 1))  # blocks of so many pixels become one
    side = factor * size
    top, left = rng.integers(0, 257 - side, 2)
    crop = source[top : top + side, left : left + side].reshape(size, factor, size, factor, 3).mean(axis=(1, 3))
    return crop[:, :: rng.choice([-1, 1])].transpose(2, 0, 1)


def _paste(rng: np.random.Generator, image: np.ndarray, mask: np.ndarray, garment: np.ndarray, label: int) -> None:
    size = mask.shape[0]
    side = int(rng.integers(round(0.35 * size), round(0.7 * size) + 1))
    covered = garment > 0
    weights = _resized(covered.astype(np.float64), side)
    shade = _resized(garment / 255.0, side) / np.maximum(weights, 1e-9)
    shape = weights > 0.5
    if rng.random() < 0.5:
        shade, shape = shade[:, ::-1], shape[:, ::-1]
    tint = rng.uniform(0.25, 1.0, 3)
    color = tint[:, None, None] * (0.2 + 0.8 * shade)
    margin = side // 4  # so much of a garment may be outside
    top, left = rng.integers(-margin, size - side + margin + 1, 2)
    here = slice(max(top, 0), min(top + side, size)), slice(max(left, 0), min(left + side, size))
    there = tuple(slice(part.start - start, part.stop - start) for part, start in zip(here, (top, left), strict=True))
    visible = shape[there]
    image[(slice(None), *here)] = np.where(visible, color[(slice(None), *there)], image[(slice(None), *here)])
    mask[here] = np.where(visible, label, mask[here])


def _resized(plane: np.ndarray, side: int) -> np.ndarray:
    """A square plane at another size, by bilinear interpolation with half-pixel centers."""
    n = len(plane)
    places = np.clip((np.arange(side) + 0.5) * n / side - 0.5, 0, n - 1)
    low = np.minimum(places.astype(int), n - 2)
    matrix = np.zeros((side, n))
    matrix[np.arange(side), low] = 1 - (places - low)
    matrix[np.arange(side), low + 1] = places - low
    return matrix @ plane @ matrix.T


# ---- roads -----------------------------------------------------------------------------------------------------------


def road_scenes(count: int, seed: int = 0, size: tuple[int, int] = (64, 128)) -> tuple[np.ndarray, np.ndarray]:
    """Streets as a driver sees them, drawn by a small program: synthetic, with exact masks.

    The horizon, the bend of the road, its width, the light, and the number and places of buildings, trees, cars and
    persons are drawn. Things far away are small, and nearer ones cover them.

    Parameters
    ----------
    count
        How many pictures.
    seed
        Of this set of pictures. Sets for training and for testing need different seeds.
    size
        Height and width.

    Returns
    -------
    images : float32 (N, 3, H, W)
        In [0, 1].
    masks : int64 (N, H, W)
        Indices into `ROAD_CLASSES`.
    """
    if min(size) < 32:
        raise ValueError(f"size must be at least 32 x 32, got {size!r}")
    rng = np.random.default_rng([seed, 1915])
    drawn = [_Road(rng, *size).finished() for _ in range(count)]
    images = np.stack([image for image, _ in drawn]) if drawn else np.empty((0, 3, *size), np.float32)
    masks = np.stack([mask for _, mask in drawn]) if drawn else np.empty((0, *size), np.int64)
    return images, masks


class _Road:
    """One picture. Places on the ground are (x, depth): x in units of the road's half width, depth 1 at the lower edge."""

    def __init__(self, rng: np.random.Generator, height: int, width: int) -> None:
        self.rng = rng
        self.height, self.width = height, width
        self.rows, self.columns = np.mgrid[0:height, 0:width] + 0.5
        self.image = np.zeros((3, height, width))
        self.noise = rng.standard_normal((height, width))
        self.mask = np.zeros((height, width), np.int64)
        self.horizon = height * rng.uniform(0.32, 0.48)
        self.center = width * rng.uniform(0.35, 0.65)  # where the road vanishes
        self.start = width * rng.uniform(0.42, 0.58)  # its middle at the lower edge
        self.bend = width * rng.uniform(-0.12, 0.12)
        self.half = width * rng.uniform(0.3, 0.45)  # its half width at the lower edge
        self.light = rng.uniform(0.7, 1.15)
        self.near = np.clip((self.rows - self.horizon) / (height - self.horizon), 0, None)  # 1 / depth
        middle = self.center + (self.start - self.center) * self.near + self.bend * self.near * (1 - self.near)
        self.across = (self.columns - middle) / np.maximum(self.half * self.near, 1e-9)

    def finished(self) -> tuple[np.ndarray, np.ndarray]:
        self._sky()
        self._ground()
        farthest = {"building": 7.0, "tree": 6.0, "car": 4.0, "person": 3.0}
        things = [(self.rng.uniform(1.15, farthest[kind]), side, kind) for kind, side in self._cast()]
        for depth, side, kind in sorted(things, key=lambda thing: -thing[0]):
            getattr(self, f"_{kind}")(depth, side)
        image = self.image * self.light
        for axis in (1, 2):  # a lens blurs a little
            image = 0.25 * np.roll(image, 1, axis) + 0.5 * image + 0.25 * np.roll(image, -1, axis)
        image[:, [0, -1]], image[:, :, [0, -1]] = image[:, [1, -2]], image[:, :, [1, -2]]
        image += self.rng.normal(0, 0.02, image.shape)
        return np.clip(image, 0, 1).astype(np.float32), self.mask

    def _cast(self) -> list[tuple[str, float]]:
        rng = self.rng
        cast = []
        for side in (-1.0, 1.0):
            cast += [("building", side) for _ in range(rng.integers(2, 6))]
            cast += [("tree", side) for _ in range(rng.integers(0, 4))]
            cast += [("person", side) for _ in range(rng.integers(0, 4))]
            cast += [("car", side) for _ in range(rng.integers(0, 3))]
        return cast

    def _fill(self, shape: np.ndarray, color: Sequence[float] | np.ndarray, label: str, grain: float = 0.03) -> None:
        texture = 1 + grain * self.noise[shape]
        self.image[:, shape] = np.asarray(color)[:, None] * texture
        self.mask[shape] = ROAD_CLASSES.index(label)

    def _color(self, low: tuple[float, ...], high: tuple[float, ...]) -> np.ndarray:
        return self.rng.uniform(low, high)

    def _sky(self) -> None:
        self._fill(self.rows > -1, self._color((0.45, 0.6, 0.75), (0.7, 0.8, 1.0)), "sky", 0.01)
        self.image += 0.15 * (self.rows / self.height)

    def _ground(self) -> None:
        ground = self.near > 0
        self._fill(
            ground, self.rng.uniform(0.42, 0.62) * self._color((0.95, 0.92, 0.88), (1.05, 1.02, 1.0)), "sidewalk"
        )
        road = ground & (np.abs(self.across) < 1)
        self._fill(road, np.full(3, self.rng.uniform(0.22, 0.4)), "road", 0.05)
        depth = 1 / np.maximum(self.near, 1e-3)
        dashes = (depth * 1.7 + self.rng.random()) % 1 < 0.55
        lines = (np.abs(self.across) < 0.025) & dashes | (np.abs(np.abs(self.across) - 0.93) < 0.02)
        self._fill(road & lines & (depth < 8), np.array([0.9, 0.9, self.rng.uniform(0.5, 0.9)]), "lane marking")

    def _place(self, x: float, depth: float) -> tuple[float, float, float]:
        """Where a point of the ground stands in the picture, and how many pixels are one unit there."""
        near = 1 / depth
        row = self.horizon + (self.height - self.horizon) * near
        middle = self.center + (self.start - self.center) * near + self.bend * near * (1 - near)
        return row, middle + x * self.half * near, self.half * near

    def _box(self, bottom: float, left: float, top: float, right: float) -> np.ndarray:
        inside = (self.rows > top) & (self.rows < bottom) & (self.columns > left) & (self.columns < right)
        return np.asarray(inside)

    def _disk(self, row: float, column: float, height: float, width: float) -> np.ndarray:
        return np.asarray(((self.rows - row) / height) ** 2 + ((self.columns - column) / width) ** 2 < 1)

    def _building(self, depth: float, side: float) -> None:
        rng = self.rng
        row, column, unit = self._place(side * rng.uniform(1.7, 2.2), depth)
        wide, tall = unit * rng.uniform(1.2, 2.6), unit * rng.uniform(1.2, 3.2)
        left, right = (column, column + wide) if side > 0 else (column - wide, column)
        wall = self._box(row, left, row - tall, right)
        color = rng.uniform(0.3, 0.75) * self._color((0.9, 0.8, 0.7), (1.1, 1.0, 0.95))
        self._fill(wall, color, "building")
        pitch = max(unit * 0.3, 3.0)
        panes = ((self.rows - row) % pitch > 0.45 * pitch) & ((self.columns - left) % pitch > 0.5 * pitch)
        self._fill(wall & panes, 0.45 * color + np.array([0.05, 0.08, 0.12]), "building")

    def _tree(self, depth: float, side: float) -> None:
        rng = self.rng
        row, column, unit = self._place(side * rng.uniform(1.25, 1.6), depth)
        tall = unit * rng.uniform(0.8, 1.5)
        self._fill(self._box(row, column - 0.05 * unit, row - tall, column + 0.05 * unit), [0.3, 0.22, 0.15], "tree")
        green = self._color((0.08, 0.28, 0.05), (0.25, 0.5, 0.18))
        for _ in range(4):
            high, aside = rng.uniform(0.7, 1.15) * tall, rng.uniform(-0.2, 0.2) * unit
            crown = self._disk(row - high, column + aside, 0.3 * tall, 0.32 * unit)
            self._fill(crown, green * rng.uniform(0.8, 1.2), "tree", 0.15)

    def _car(self, depth: float, side: float) -> None:
        rng = self.rng
        row, column, unit = self._place(side * rng.uniform(0.35, 0.62), depth)
        wide, tall = 0.3 * unit, 0.42 * unit
        color = (
            self._color((0.1, 0.1, 0.1), (0.9, 0.9, 0.9))
            if rng.random() < 0.5
            else self._color((0.5, 0, 0), (0.9, 0.2, 0.2))
        )
        body = self._box(row - 0.05 * unit, column - wide, row - 0.6 * tall, column + wide)
        cabin = self._box(row - 0.5 * tall, column - 0.75 * wide, row - tall, column + 0.75 * wide)
        for place in (-0.7, 0.7):
            wheel = self._box(row, column + (place - 0.2) * wide, row - 0.12 * unit, column + (place + 0.2) * wide)
            self._fill(wheel, [0.05, 0.05, 0.05], "car")
        self._fill(body | cabin, color, "car")
        glass = self._box(row - 0.62 * tall, column - 0.62 * wide, row - 0.92 * tall, column + 0.62 * wide)
        self._fill(glass, [0.12, 0.16, 0.2], "car")
        lamps = [0.8, 0.1, 0.1] if side > 0 else [1.0, 0.95, 0.7]  # those ahead show their rear
        for place in (-0.75, 0.75):
            lamp = self._disk(row - 0.35 * tall, column + place * wide, 0.04 * unit, 0.05 * unit)
            self._fill(lamp & body, lamps, "car")

    def _person(self, depth: float, side: float) -> None:
        rng = self.rng
        row, column, unit = self._place(side * rng.uniform(1.05, 1.45), depth)
        tall = unit * rng.uniform(0.42, 0.52)
        legs = self._box(row, column - 0.07 * tall * 1.5, row - 0.5 * tall, column + 0.07 * tall * 1.5)
        self._fill(legs, self._color((0.05, 0.05, 0.1), (0.3, 0.3, 0.4)), "person")
        trunk = self._disk(row - 0.62 * tall, column, 0.24 * tall, 0.15 * tall)
        self._fill(trunk, self._color((0.1, 0.1, 0.1), (0.95, 0.8, 0.8)), "person")
        head = self._disk(row - 0.92 * tall, column, 0.1 * tall, 0.08 * tall)
        self._fill(head, self._color((0.35, 0.22, 0.15), (0.9, 0.7, 0.6)), "person")
