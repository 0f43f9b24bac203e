"""Pictures that two explorers show and a browser cannot compute: what VGG-16 sees (`make sheets`; some minutes).

Each explorer gets `NAME.json`, which says what is where, and its images in WebP; `sheets.sha256` lists their checksums.
The sources: the photographs and the weights that the course ships (`deconvlib/course/data`, licenses beside them), and
the reference solutions of chapters 8 and 9. Random weights come from one generator with a fixed seed. (Chapter 12's sheet
comes with its study: `make results NAMES=segmentation`.)
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from deconv_solutions.deconvnet import project, receptive_patch
from deconv_solutions.sanity_checks import randomise_cascade, similarity
from deconvlib.course import photograph, vgg16, vgg16_input

FOLDER = Path(__file__).resolve().parents[1] / "deconvlib/course/explorers"
CHECKSUMS = FOLDER / "sheets.sha256"
CREDITS = {
    "chelsea": "Stefan van der Walt, CC0",
    "coffee": "Rachel Michetti, CC0",
    "astronaut": "NASA, public domain",
    "coins": "Brooklyn Museum, no known restrictions",
    "flower_CCBY": "vultilion, CC BY 2.0, cropped and resized",
}
RULES = ("deconvnet", "guided", "gradient")
LAYERS = ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3")
UNITS = 4
SANITY_PHOTOGRAPHS = ("chelsea", "coffee", "astronaut")
SEED = 9
SIZE = 256
SMALL = 64  # patches up to here are stored without loss
BLOCK = 16  # a lossy image is coded in blocks of 16: each picture starts at one of its own


def strongest(maps: torch.Tensor, number: int) -> list[tuple[int, int, int]]:
    """The channels with the greatest values, each with the place of its own (the first of equal ones)."""
    planes = maps[0].flatten(1)
    channels = planes.amax(1).argsort(descending=True, stable=True)[:number].tolist()
    return [(c, *divmod(int(planes[c].argmax()), maps.shape[3])) for c in channels]


def cropped(picture: torch.Tensor, patch: tuple[int, int, int, int]) -> torch.Tensor:
    top, left, bottom, right = patch
    return picture[:, :, top:bottom, left:right]


def shown(picture: torch.Tensor) -> np.ndarray:
    """(1, 3, h, w) as bytes (h, w, 3): 0 is the middle gray; the 99.5th percentile of the sizes is black or white."""
    planes = picture[0].numpy()
    limit = max(np.percentile(np.abs(planes), 99.5), 1e-30)
    levels = 0.5 + 0.5 * np.clip(planes / limit, -1, 1)
    return np.round(255 * levels).astype(np.uint8).transpose(1, 2, 0)


def photographs(names: tuple[str, ...]) -> Iterator[tuple[list[str], np.ndarray]]:
    for name in names:
        yield ["photograph", name], np.round(255 * photograph(name)).astype(np.uint8)


def unit_entry(unit: tuple[int, int, int], value: float, patch: tuple[int, int, int, int]) -> dict[str, Any]:
    return {
        "channel": unit[0],
        "row": unit[1],
        "column": unit[2],
        "value": float(f"{value:.3g}"),
        "patch": list(patch),
    }


def deconvnet_sheet(
    names: tuple[str, ...] = tuple(CREDITS), layers: tuple[str, ...] = LAYERS, rules: tuple[str, ...] = RULES
) -> tuple[dict, list]:
    """Units: photograph -> layer -> the strongest channels. Pictures: each unit by each rule."""
    networks = {layer: vgg16(layer) for layer in layers}
    units: dict[str, dict[str, list]] = {}
    pictures = list(photographs(names))
    for name in names:
        units[name] = {}
        for layer, network in networks.items():
            image = vgg16_input(photograph(name), network)
            maps = network(image)
            units[name][layer] = entries = []
            for rank, unit in enumerate(strongest(maps, UNITS)):
                patch = receptive_patch(network, layer, unit[1], unit[2], SIZE)
                entries.append(unit_entry(unit, float(maps[0][unit]), patch))
                top, left, bottom, right = patch
                if max(bottom - top, right - left) <= SMALL:  # so few pixels are shown as they are
                    seen = np.round(255 * photograph(name)[top:bottom, left:right]).astype(np.uint8)
                    pictures.append(([name, layer, str(rank), "patch"], seen))
                for rule in rules:
                    picture = cropped(project(network, image, layer, unit, rule), patch)
                    pictures.append(([name, layer, str(rank), rule], shown(picture)))
    return {"credits": {name: CREDITS[name] for name in names}, "units": units}, pictures


def sanity_sheet(
    names: tuple[str, ...] = SANITY_PHOTOGRAPHS, depth: int | None = None, rules: tuple[str, ...] = RULES
) -> tuple[dict, list]:
    """The strongest unit of conv5_3, seen through the trained network, then with one more layer at random each time.

    `depth` ends the cascade early. The similarities are those of the patch.
    """
    layer = "conv5_3"
    trained = vgg16(layer)
    images = {name: vgg16_input(photograph(name), trained) for name in names}
    units = {name: strongest(trained(image), 1)[0] for name, image in images.items()}
    patches = {name: receptive_patch(trained, layer, unit[1], unit[2], SIZE) for name, unit in units.items()}
    levels: list[str] = []
    first: dict[tuple[str, str], torch.Tensor] = {}
    entries: dict[str, dict] = {}
    pictures = list(photographs(names))
    cascade = randomise_cascade(trained, torch.Generator().manual_seed(SEED))
    steps = itertools.chain([("", trained)], cascade)
    for level, (changed, network) in enumerate(itertools.islice(steps, None if depth is None else depth + 1)):
        levels.append(changed)
        for name in names:
            unit = units[name]
            value = float(network(images[name])[0][unit])
            if level == 0:
                entries[name] = unit_entry(unit, value, patches[name]) | {"levels": []}
            row: dict[str, Any] = {"value": float(f"{value:.3g}")}
            for rule in rules:
                picture = cropped(project(network, images[name], layer, unit, rule), patches[name])
                pictures.append(([name, str(level), rule], shown(picture)))
                original = first.setdefault((name, rule), picture)
                signed, absolute = similarity(original, picture), similarity(original.abs(), picture.abs())
                numbers = (signed["spearman"], absolute["spearman"], signed["ssim"])
                row[rule] = [round(number, 3) + 0.0 for number in numbers]
            entries[name]["levels"].append(row)
    return {
        "credits": {name: CREDITS[name] for name in names},
        "seed": SEED,
        "layers": levels[1:],
        "units": entries,
    }, pictures


def packed(pictures: list, width: int = 1024) -> tuple[dict[str, list[int]], np.ndarray]:
    """Pictures on shelves, the tallest first: where each is (x, y, w, h), and the whole. The rest repeats their edges."""
    places: dict[str, list[int]] = {}
    x = y = shelf = 0
    order = sorted(pictures, key=lambda entry: -entry[1].shape[0])
    for key, pixels in order:
        h, w = pixels.shape[:2]
        cell_h, cell_w = (-(-n // BLOCK) * BLOCK for n in (h, w))
        if x + cell_w > width:
            x, y, shelf = 0, y + shelf, 0
        shelf = max(shelf, cell_h)
        places["/".join(key)] = [x, y, w, h]
        x += cell_w
    whole = np.full((y + shelf, width, 3), 128, np.uint8)
    for key, pixels in order:
        x, y, w, h = places["/".join(key)]
        pad = [(0, -h % BLOCK), (0, -w % BLOCK), (0, 0)]
        padded = np.pad(pixels, pad, mode="edge")
        whole[y : y + padded.shape[0], x : x + padded.shape[1]] = padded
    return places, whole


def write(name: str, sheet: dict, pictures: list, quality: int) -> None:
    """`NAME.webp`, the larger pictures; `NAME_small.webp`, those that lose too much when they are coded in blocks."""
    small = [entry for entry in pictures if max(entry[1].shape) <= SMALL]
    large = [entry for entry in pictures if max(entry[1].shape) > SMALL]
    places: dict[str, list[int]] = {}
    images = []
    for file, some, options in (
        (f"{name}.webp", large, {"quality": quality, "method": 6}),
        (f"{name}_small.webp", small, {"lossless": True, "quality": 100, "method": 6}),
    ):
        if some:
            found, whole = packed(some)
            Image.fromarray(whole).save(FOLDER / file, **options)
            places |= {key: [len(images), *place] for key, place in found.items()}
            images.append(file)
    text = json.dumps(sheet | {"images": images, "places": places}, separators=(",", ":"))
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def seal() -> None:
    """The checksums of every sheet, as `sha256sum --check` reads them."""
    files = sorted([*FOLDER.glob("*.webp"), *FOLDER.glob("*.json")])
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    CHECKSUMS.write_text("".join(lines), encoding="utf-8")


def main() -> None:
    made = {"deconvnet": (*deconvnet_sheet(), 82), "sanity_checks": (*sanity_sheet(), 75)}
    for name in made:
        for path in FOLDER.glob(f"{name}*"):
            if path.suffix in (".webp", ".json"):
                path.unlink()
    for name, (sheet, pictures, quality) in made.items():
        write(name, sheet, pictures, quality)
    seal()
    for path in sorted([*FOLDER.glob("*.webp"), *FOLDER.glob("*.json")]):
        print(f"{path.name:28} {path.stat().st_size:>9,} bytes")


if __name__ == "__main__":
    main()
