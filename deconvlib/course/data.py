"""The pictures the course uses, shipped with it."""

from __future__ import annotations

import functools
import hashlib
from importlib import resources

import numpy as np

_CHECKSUMS = {
    "photos15_256.npz": "154a6451657fedd3ba9cdc88def8e10b6a2a7a42b750420e5bf5bf73463cfdf5",
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
