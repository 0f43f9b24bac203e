"""The reader's own pictures, in folders: any images, Pascal VOC and Cityscapes as they are published.

Each loader looks at every file's header at once, and names the first one that is missing or odd; pixels are read when
they are asked for. Nothing here needs PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

#: The label of pixels that count neither in training nor in a measure.
IGNORE = 255
# fmt: off
VOC_CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)
CITYSCAPES_CLASSES = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation",
    "terrain", "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
)
# fmt: on
#: The numbers in Cityscapes' files (*_labelIds.png) of these classes, in their order; all others are ignored.
_CITYSCAPES_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
_CITYSCAPES_LARGEST = 33
_SUFFIXES = (".jpg", ".jpeg", ".png")
_GOOD_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr")


class FolderError(ValueError):
    """A folder that does not hold what it should; the message names the first file that is missing or odd."""


class Pictures(Sequence[np.ndarray]):
    """Images, uint8 (H, W, 3), read when they are asked for."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> Pictures: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | Pictures:
        if isinstance(index, slice):
            return Pictures(self.paths[index])
        return _pixels(self.paths[index])


class LabeledPictures(Sequence[tuple[np.ndarray, np.ndarray]]):
    """Images, uint8 (H, W, 3), each with its mask, uint8 (H, W): indices into `classes`, or `IGNORE`."""

    def __init__(
        self, pairs: Sequence[tuple[Path, Path]], classes: Sequence[str], table: np.ndarray | None = None
    ) -> None:
        self.pairs = list(pairs)
        self.classes = list(classes)
        self._table = table  # what a number in the file means; -1 if no such number may stand there

    def __len__(self) -> int:
        return len(self.pairs)

    @overload
    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]: ...
    @overload
    def __getitem__(self, index: slice) -> LabeledPictures: ...
    def __getitem__(self, index: int | slice) -> tuple[np.ndarray, np.ndarray] | LabeledPictures:
        if isinstance(index, slice):
            return LabeledPictures(self.pairs[index], self.classes, self._table)
        picture, mask = self.pairs[index]
        return _pixels(picture, upright=False), self._labels(mask)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return (self[index] for index in range(len(self)))

    def _labels(self, path: Path) -> np.ndarray:
        with _opened(path) as image:
            numbers = np.array(_loaded(path, image))
        assert self._table is not None
        labels = self._table[numbers]
        if (labels < 0).any():
            odd = int(numbers[labels < 0][0])
            raise FolderError(
                f"{path} holds the label {odd}; there are {len(self.classes)} classes and those to ignore"
            )
        return labels.astype(np.uint8)


def image_folder(folder: str | Path, smallest: int = 1) -> Pictures:
    """All JPEG and PNG files in a folder and in those inside it, by name.

    Parameters
    ----------
    folder
        Where they are. Other files there, and hidden ones, are left alone.
    smallest
        The least height and width.

    Raises
    ------
    FolderError
        If there is none, or one cannot be read, or is too small, or has more than 8 bits.
    """
    root = _folder(folder)
    found = sorted(
        path
        for path in root.rglob("*")
        if path.suffix.lower() in _SUFFIXES and not any(part.startswith(".") for part in path.relative_to(root).parts)
    )
    if not found:
        raise FolderError(f"{root} has no {', '.join(_SUFFIXES)} file")
    for path in found:
        width, height = _size(path)
        if min(width, height) < smallest:
            raise FolderError(f"{path} is {height} x {width}; the least height and width is {smallest}")
    return Pictures(found)


def pascal_voc(folder: str | Path, split: str = "train") -> LabeledPictures:
    """Pascal VOC's pictures with masks of 20 classes and the background (Everingham and others, IJCV 88, 2010).

    Parameters
    ----------
    folder
        One with ``VOCdevkit/VOC2012`` in it, or that folder itself (another year will do): pictures in ``JPEGImages``,
        masks in ``SegmentationClass``, lists of names in ``ImageSets/Segmentation``.
    split
        The name of a list: ``"train"``, ``"val"`` or ``"trainval"``.

    Raises
    ------
    FolderError
        If something is missing or odd.
    """
    root = _folder(folder)
    places = [root, *sorted(root.glob("VOC20??")), *sorted((root / "VOCdevkit").glob("VOC20??"))]
    base = next((place for place in reversed(places) if (place / "ImageSets/Segmentation").is_dir()), None)
    if base is None:
        raise FolderError(f"{root} has no VOCdevkit/VOC2012/ImageSets/Segmentation")
    names = _listed(base / "ImageSets/Segmentation" / f"{split}.txt")
    pairs = [(base / "JPEGImages" / f"{name}.jpg", base / "SegmentationClass" / f"{name}.png") for name in names]
    _check_pairs(pairs, modes=("P", "L"))
    table = np.full(256, -1)
    table[: len(VOC_CLASSES)] = np.arange(len(VOC_CLASSES))
    table[255] = IGNORE  # the outlines
    return LabeledPictures(pairs, VOC_CLASSES, table)


def cityscapes(folder: str | Path, split: str = "train") -> LabeledPictures:
    """Cityscapes' streets with masks of the 19 classes it evaluates (Cordts and others, CVPR 2016).

    Parameters
    ----------
    folder
        One with ``leftImg8bit`` and ``gtFine`` in it: ``leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png`` and
        ``gtFine/SPLIT/CITY/NAME_gtFine_labelIds.png``.
    split
        ``"train"`` or ``"val"`` (the masks of ``"test"`` are not published).

    Raises
    ------
    FolderError
        If something is missing or odd.
    """
    root = _folder(folder)
    images = root / "leftImg8bit" / split
    if not images.is_dir():
        raise FolderError(f"{images} is no folder")
    found = sorted(images.glob("*/*_leftImg8bit.png"))
    if not found:
        raise FolderError(f"{images} has no CITY/NAME_leftImg8bit.png")
    pairs = []
    for path in found:
        name = path.name.removesuffix("_leftImg8bit.png")
        pairs.append((path, root / "gtFine" / split / path.parent.name / f"{name}_gtFine_labelIds.png"))
    _check_pairs(pairs, modes=("L", "P"))
    table = np.full(256, -1)
    table[: _CITYSCAPES_LARGEST + 1] = IGNORE
    table[255] = IGNORE  # -1, the license plates, in eight bits
    table[list(_CITYSCAPES_IDS)] = np.arange(len(_CITYSCAPES_IDS))
    return LabeledPictures(pairs, CITYSCAPES_CLASSES, table)


def _folder(folder: str | Path) -> Path:
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise FolderError(f"{root} is no folder")
    return root


def _listed(path: Path) -> list[str]:
    if not path.is_file():
        there = ", ".join(sorted(other.stem for other in path.parent.glob("*.txt"))) or "none"
        raise FolderError(f"{path} is missing; lists there: {there}")
    names = path.read_text(encoding="utf-8", errors="replace").split()
    if not names:
        raise FolderError(f"{path} names no picture")
    odd = next((name for name in names if "/" in name or "\\" in name or name.startswith(".")), None)
    if odd is not None:
        raise FolderError(f"{path} holds {odd!r}, which is no name of a picture")
    return names


def _check_pairs(pairs: Sequence[tuple[Path, Path]], modes: tuple[str, ...]) -> None:
    for picture, mask in pairs:
        size = _size(picture)
        with _opened(mask) as image:
            if image.mode not in modes:
                raise FolderError(
                    f"{mask} is no mask: its pixels are {image.mode}, expected one number of 8 bits a pixel"
                )
            if image.size != size:
                (w, h), (a, b) = size, image.size
                raise FolderError(f"{mask} is {b} x {a}, its picture {h} x {w}")


def _opened(path: Path) -> Image:
    from PIL import Image, UnidentifiedImageError

    if not path.is_file():
        raise FolderError(f"{path} is missing")
    try:
        return Image.open(path)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise FolderError(f"{path} cannot be read as an image ({type(error).__name__})") from None


def _loaded(path: Path, image: Image) -> Image:
    try:
        image.load()
    except (OSError, ValueError, SyntaxError) as error:
        raise FolderError(f"{path} is damaged: {error}") from None
    return image


def _size(path: Path) -> tuple[int, int]:
    with _opened(path) as image:
        if image.mode not in _GOOD_MODES:
            raise FolderError(f"{path} has pixels of the kind {image.mode}; expected 8 bits a color")
        return image.size


def _pixels(path: Path, upright: bool = True) -> np.ndarray:
    """Red, green and blue. `upright` turns a photograph as its camera noted; one with a mask stays as the mask is."""
    from PIL import ImageOps

    with _opened(path) as image:
        whole = _loaded(path, image)
        return np.array((ImageOps.exif_transpose(whole) if upright else whole).convert("RGB"))
