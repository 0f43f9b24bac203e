"""The pictures and weights the course uses, shipped with it; larger collections for those who are online."""

from __future__ import annotations

import functools
import hashlib
from importlib import resources
from pathlib import Path

import numpy as np

_CHECKSUMS = {
    "photos15_256.npz": "154a6451657fedd3ba9cdc88def8e10b6a2a7a42b750420e5bf5bf73463cfdf5",
    "photos9_crops_256.npz": "1067170c0854b8ea4b3a70381e0900c0a34f13753d7170882ac76955cce4a5c9",
    "nuclei_dsb2018_16.npz": "bc2ee28f6a8f415de8b2fedc76db7289ae3fb2e5b3cb30d3dad85719d75a0c4e",
    "fashion_mnist_14k.npz": "833a6dc198909b6935e4ddd1f94afcddd70181fd9c2600450fa5323abee02489",
    "vgg16_conv1-4_int8.npz": "a90fecfc7d7429ebd184e9788995fef406356276189409968e42fdf508257fd6",
    "vgg16_conv5_int8.npz": "8355643214da836f4ac05e3383777abb6a9a388853c0720f60b1a9e6d2fad1ce",
}


@functools.cache
def load(name: str) -> dict[str, np.ndarray]:
    """The arrays of a shipped ``.npz`` file, its checksum verified.

    Raises
    ------
    FileNotFoundError
        If the file is not part of this installation.
    ValueError
        If its contents are not what was shipped.
    """
    file = resources.files("deconvlib.course") / "data" / name
    if name not in _CHECKSUMS or not file.is_file():
        raise FileNotFoundError(f"{name} is not among the shipped data files {sorted(_CHECKSUMS)}; reinstall deconvlib")
    with resources.as_file(file) as path:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != _CHECKSUMS[name]:
            raise ValueError(f"{path} is damaged: sha256 {digest}, expected {_CHECKSUMS[name]}; reinstall deconvlib")
        with np.load(path, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}


def photograph_names() -> list[str]:
    """The names that `photograph` takes."""
    return [str(name) for name in load("photos15_256.npz")["names"]]


def photograph(name: str, gray: bool = False, size: int = 256) -> np.ndarray:
    """One of the course's photographs.

    Parameters
    ----------
    name
        One of `photograph_names`.
    gray
        Return luminance (Rec. 709 weights) in place of red, green and blue.
    size
        Height and width; a divisor of 256, reached by averaging blocks.

    Returns
    -------
    numpy.ndarray
        float64 in [0, 1], shape (size, size, 3), or (size, size) if `gray`.
    """
    names = photograph_names()
    if name not in names:
        raise ValueError(f"name must be one of {', '.join(names)}, got {name!r}")
    if size < 1 or 256 % size:
        raise ValueError(f"size must divide 256, got {size!r}")
    image = load("photos15_256.npz")["images"][names.index(name)] / 255.0
    block = 256 // size
    if block > 1:
        image = image.reshape(size, block, size, block, 3).mean(axis=(1, 3))
    return image @ np.array([0.2126, 0.7152, 0.0722]) if gray else image


#: Who took the photographs that `photograph_crops` holds, as their licenses ask.
_CREDITS = {
    "fig": ("Trevor “Freespace”", "2018", "CC BY 4.0"),
    "brushes": ("Trevor “Freespace”", "2018", "CC BY 4.0"),
    "room": ("Jakub Mede", "2018", "CC BY 4.0"),
    "autumn": ("Aitzol Berasategi", "2018", "CC BY 4.0"),
    "dogs": ("Aitzol Berasategi", "2018", "CC BY 4.0"),
    "stream": ("Aitzol Berasategi", "2018", "CC BY 4.0"),
    "peaks": ("Aitzol Berasategi", "2018", "CC BY 4.0"),
    "dandelion": ("Clemens Engelhardt", "2018", "CC0 1.0"),
    "sunset": ("Aitzol Berasategi", "2018", "CC BY 4.0"),
}


def photograph_crops(gray: bool = False) -> dict[str, list[np.ndarray]]:
    """The photographs to train on: three or four detailed crops each of nine that `photograph` does not have.

    Parameters
    ----------
    gray
        Return luminance (Rec. 709 weights) in place of red, green and blue.

    Returns
    -------
    dict
        Photograph -> its crops, float32 in [0, 1], (256, 256, 3), or (256, 256) if `gray`. Crops of one photograph look
        alike: split by photograph, never by crop.
    """
    found: dict[str, list[np.ndarray]] = {name: [] for name in _CREDITS}
    for name, pixels in load("photos9_crops_256.npz").items():
        crop = pixels.astype(np.float32) / np.float32(255)
        crop = crop @ np.array([0.2126, 0.7152, 0.0722], np.float32) if gray else crop
        found[name.rpartition("_")[0]].append(crop)
    return found


def photograph_crop_credits(*names: str) -> str:
    """Whom to name on a page that shows crops of these photographs (default: all of them), as one sentence."""
    unknown = [name for name in names if name not in _CREDITS]
    if unknown:
        raise ValueError(f"names must be of {', '.join(_CREDITS)}, got {unknown[0]!r}")
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in names or _CREDITS:
        groups.setdefault(_CREDITS[name], []).append(name)
    said = [f"{', '.join(some)}: {author}, {year}, {terms}" for (author, year, terms), some in groups.items()]
    return f"Photographs: {'; '.join(said)}; reduced and cropped."


def nuclei() -> tuple[np.ndarray, np.ndarray]:
    """Cell nuclei under a microscope, from the 2018 Data Science Bowl (Caicedo and others, Nature Methods 16, 2019).

    Returns
    -------
    images : float32 (16, 128, 128)
        In [0, 1]: 16 tiles of one image of 512 x 512, row by row. One image shows how a method works; it is no benchmark.
    masks : int64 (16, 128, 128)
        Instances outlined by hand, numbered over the whole image; 0 is the background.
    """
    arrays = load("nuclei_dsb2018_16.npz")
    images = arrays["images"].astype(np.float32) / np.float32(255)
    return images, arrays["masks"].astype(np.int64)


def fashion_mnist(split: str = "train", source: str | Path = "shipped") -> tuple[np.ndarray, np.ndarray]:
    """Photographs of garments and their classes (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747).

    Parameters
    ----------
    split
        ``"train"`` or ``"test"``.
    source
        ``"shipped"``: 12,000 and 2,000 images, the first 1,200 and 200 of each class. A folder: all 60,000 and 10,000,
        as torchvision keeps them there; it downloads them if they are missing and you are online.

    Returns
    -------
    images : uint8 (N, 28, 28)
        0 is the background.
    labels : int64 (N,)
        Indices into `fashion_mnist_names`.

    Raises
    ------
    ValueError
        If the split is another.
    ModuleNotFoundError
        If a folder is named and torchvision is not installed.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    if source != "shipped":
        from torchvision.datasets import FashionMNIST

        whole = FashionMNIST(str(source), train=split == "train", download=True)
        return whole.data.numpy(), whole.targets.numpy()
    prefix = "" if split == "train" else "test_"
    arrays = load("fashion_mnist_14k.npz")
    return arrays[f"{prefix}images"].copy(), arrays[f"{prefix}labels"].astype(np.int64)


def fashion_mnist_names() -> list[str]:
    """The ten classes of `fashion_mnist`, in the order of their labels."""
    return [str(name) for name in load("fashion_mnist_14k.npz")["names"]]
