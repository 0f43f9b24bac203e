"""Pictures that explorers show and a browser cannot compute: what networks see or make (`make sheets`; some minutes).

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
from deconv_solutions.generation import ConvVAE
from deconv_solutions.sanity_checks import randomise_cascade, similarity
from deconvlib.course import fashion_mnist, photograph, vgg16, vgg16_input
from deconvlib.course.data import fashion_mnist_names
from deconvlib.course.generators import judged
from deconvlib.course.weights import restore

FOLDER = Path(__file__).resolve().parents[1] / "deconvlib/course/explorers"
CHECKSUMS = FOLDER / "sheets.sha256"
CREDITS = {
    "chelsea": "Stefan van der Walt, CC0",
    "coffee": "Rachel Michetti, CC0",
    "astronaut": "NASA, public domain",
    "coins": "Brooklyn Museum, no known restrictions",
    "flower_CCBY": "vultilion, CC BY 2.0, cropped and resized",
}
RESTORED_CREDITS = CREDITS | {"china_CCBY": "danielbuechele, CC BY 2.0, cropped and resized"}
#: Photographs of chapter 11's explorer: where the part that is shown begins.
RESTORED_PARTS = {"astronaut": (0, 44), "china_CCBY": (62, 60), "coins": (30, 60), "flower_CCBY": (60, 60)}
RESTORED, RESTORED_SIDE = tuple(RESTORED_PARTS), 128
RIVALS = {
    "denoise-25": "sliding DCT",
    "deblur-gaussian": "total variation",
    "deblur-motion": "total variation",
    "enlarge-3": "back-projection",
}
RULES = ("deconvnet", "guided", "gradient")
LAYERS = ("conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3")
UNITS = 4
SANITY_PHOTOGRAPHS = ("chelsea", "coffee", "astronaut")
SEED = 9
PLANES = ("vae", "vae-gan")
PLANE, EACH = 8, 15  # steps from the middle of the latent plane; garments of each class
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


def restoration_sheet(names: tuple[str, ...] = RESTORED, jobs: tuple[str, ...] = tuple(RIVALS)) -> tuple[dict, list]:
    """Parts of held-out photographs, spoiled, repaired by the best classical method and by the shipped network, and the truth.

    The errors are picture less truth, three times enlarged around the middle gray. The scores are those of the whole
    photograph, as chapter 11's tables count.
    """
    from deconvlib.course.restoration import TASKS, held_out_pictures, psnr_of
    from deconvlib.course.weights import restore

    whole, scores, pictures = held_out_pictures(), {}, []
    for name in names:
        top, left = RESTORED_PARTS[name]
        part = slice(top, top + RESTORED_SIDE), slice(left, left + RESTORED_SIDE)
        pictures.append((["photograph", name], gray(whole[name][part])))
        scores[name] = {}
        for job in jobs:
            task, truth = TASKS[job], TASKS[job].target(whole[name])
            seen = task.degrade(truth, rng=np.random.default_rng(SEED))
            versions = {
                "observed": seen.repeat(task.scale, 0).repeat(task.scale, 1),
                "classical": task.classical(RIVALS[job], seen),
                "network": task.restored(restore(task.network(), job), seen),
            }
            scores[name][job] = {}
            for version, picture in versions.items():
                scores[name][job][version] = round(psnr_of(picture, truth, task.border), 1)
                pictures.append(([name, job, version], gray(picture[part])))
                pictures.append(([name, job, version, "error"], gray(0.5 + 3 * (picture - truth)[part])))
    return {"credits": {name: RESTORED_CREDITS[name] for name in names}, "scores": scores}, pictures


def gray(picture: np.ndarray) -> np.ndarray:
    """Levels from 0 to 1 as bytes (h, w, 3)."""
    return np.repeat(np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)[..., None], 3, axis=2)


def generation_sheet(names: tuple[str, ...] = PLANES) -> tuple[dict, list]:
    """Two decoders of codes of two numbers: a picture for each code on a grid, and the codes of garments not trained on."""
    images, labels = fashion_mnist("test")
    chosen = np.concatenate([np.flatnonzero(labels == label)[:EACH] for label in range(10)])
    garments = torch.from_numpy(images[chosen])[:, None].float() / 127.5 - 1
    pictures: list = [(["garment", str(k)], np.repeat(images[n][..., None], 3, 2)) for k, n in enumerate(chosen)]
    models: dict[str, dict] = {}
    axis = torch.arange(-PLANE, PLANE + 1)
    codes = torch.stack(torch.meshgrid(axis.flip(0), axis, indexing="ij")[::-1], dim=-1).reshape(-1, 2)
    for name in names:
        network: Any = restore(ConvVAE(2), f"{name}-plane")
        with torch.no_grad():
            made = network.decode(0.3 * codes)
            means, _ = network.encode(garments)
        answers = judged(made)[1].reshape(len(axis), len(axis))
        models[name] = {"codes": np.round(means.numpy().astype(float), 2).tolist(), "answers": answers.tolist()}
        for (across, up), picture in zip(codes.tolist(), made, strict=True):
            pixels = np.round((picture[0].numpy() + 1) * 127.5).clip(0, 255).astype(np.uint8)
            pictures.append(([name, str(across), str(up)], np.repeat(pixels[..., None], 3, 2)))
    return {
        "models": models,
        "labels": labels[chosen].tolist(),
        "each": EACH,
        "classes": [name.lower().replace("t-shirt", "T-shirt").replace("_", " ") for name in fashion_mnist_names()],
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
    made = {
        "deconvnet": (*deconvnet_sheet(), 82),
        "sanity_checks": (*sanity_sheet(), 75),
        "restoration": (*restoration_sheet(), 72),
        "generation": (*generation_sheet(), 0),
    }
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
