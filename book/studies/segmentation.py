"""Chapter 12's tables: six ways back up on composed scenes, a U-Net on nuclei, a SegNet on a drawn road.

One run takes about a minute of processor. Runs are kept in ``build/study/segmentation``, and those that are there are not
made again; ``python book/studies/segmentation.py SEED ...`` makes the runs of these seeds only, in this order.
"""

from __future__ import annotations

import base64
import functools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from book import sheets
from deconv_solutions.segmentation import SegNet, UNet, confusion_matrix, mean_iou
from deconvlib.course.data import nuclei
from deconvlib.course.recipes import Options
from deconvlib.course.recipes.segmentation import RECIPES, road, scenes
from deconvlib.course.scenes import ROAD_CLASSES, road_scenes
from deconvlib.course.segmenters import GROUPS, WAYS, Segmenter, band, grouped_scenes, runs, start_evenly_
from deconvlib.course.training import GradientStep, fit, random_crops, warmup_cosine

SEEDS = (0, 1, 2)
TEST_SCENES = 200
ROAD_TEST = (100, 1000)  # pictures, seed
FOLDER = Path(__file__).resolve().parents[2] / "build" / "study" / "segmentation"
EPOCHS = {recipe.name: recipe.epochs for recipe in RECIPES}


def tensors(pair: tuple[np.ndarray, np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(pair[0]), torch.from_numpy(pair[1])


@functools.cache
def test_scenes() -> tuple[torch.Tensor, torch.Tensor]:
    return grouped_scenes(TEST_SCENES, "test")


def scored(said: torch.Tensor, truth: torch.Tensor, classes: int) -> dict[str, Any]:
    """Mean IoU and that of each class, everywhere and within 3 pixels of a border; and the share of pixels that are right."""
    found: dict[str, Any] = {"accuracy": round(float((said == truth).float().mean()), 4)}
    near = band(truth)
    for name, where in (("", torch.ones_like(near)), (" near borders", near)):
        mean, each = mean_iou(confusion_matrix(said[where], truth[where], classes))
        found["mean IoU" + name] = round(mean, 4)
        found["IoU" + name] = [round(value, 4) for value in each.tolist()]
    return found


@torch.no_grad()
def answers(model: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    return torch.cat([model(part).argmax(1) for part in images.split(25)])


def train(name: str, prepare: Callable[[Options], Any], seed: int) -> tuple[torch.nn.Module, dict[str, Any]]:
    torch.manual_seed(seed)
    run = prepare(Options(epochs=EPOCHS[name], seed=seed, device=torch.device("cpu")))
    generator = torch.Generator().manual_seed(seed)
    before = time.process_time()
    history = fit(run.step, run.batches, EPOCHS[name], generator=generator, progress=False)
    facts = {
        "parameters": sum(p.numel() for p in run.model.parameters()),
        "steps": EPOCHS[name] * int(run.settings["steps"]),
        "batch": run.settings["batch"],
        "seconds": round(time.process_time() - before, 1),
        "loss": [round(value, 4) for value in history["loss"]],
    }
    return run.model, facts


def one_way(way: str, seed: int) -> dict[str, Any]:
    model, facts = train(f"scenes-{way}", functools.partial(scenes, way), seed)
    torch.save(model.state_dict(), FOLDER / f"{way}-{seed}.pt")
    images, truth = test_scenes()
    return facts | scored(answers(model, images), truth, len(GROUPS))


def one_road(seed: int) -> dict[str, Any]:
    model, facts = train("road", road, seed)
    torch.save(model.state_dict(), FOLDER / f"road-{seed}.pt")
    images, truth = tensors(road_scenes(ROAD_TEST[0], ROAD_TEST[1]))
    return facts | scored(answers(model, images), truth, len(ROAD_CLASSES))


def halves() -> tuple[tuple[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
    """The upper and the lower half of the picture of nuclei: images (8, 1, 128, 128), masks (8, 128, 128) of 0 and 1.

    The upper half has mean 0 and standard deviation 1.
    """
    images, instances = nuclei()
    images = (images - images[:8].mean()) / images[:8].std()
    x, y = torch.from_numpy(images)[:, None], torch.from_numpy((instances > 0).astype(np.int64))
    return (x[:8], y[:8]), (x[8:], y[8:])


def one_nuclei(seed: int, steps: int = 150) -> dict[str, Any]:
    (x, y), (shown, truth) = halves()
    torch.manual_seed(seed)
    model = UNet(1, 2, 1 / 16)
    start_evenly_(model)
    weights = torch.tensor([1.0, 2.0])  # a nucleus counts twice: three pixels of four are none
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    step = GradientStep(
        model,
        lambda model, batch: F.cross_entropy(model(batch[0]), batch[1], weight=weights),
        optimizer,
        warmup_cosine(optimizer, steps, 0.2),
        clip=1.0,
    )
    crops = random_crops([(a[0].numpy(), b.numpy()) for a, b in zip(x, y, strict=True)], 64, 8, steps)
    before = time.process_time()
    fit(step, crops, 1, generator=torch.Generator().manual_seed(seed), progress=False)
    facts = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": steps,
        "batch": 8,
        "seconds": round(time.process_time() - before, 1),
    }
    model.eval()
    said = answers(model, shown)
    ious = [mean_iou(confusion_matrix(a, b, 2))[1][1].item() for a, b in zip(said, truth, strict=True)]
    return facts | scored(said, truth, 2) | {"IoU of nuclei in each tile": [round(v, 3) for v in ious]}


def threshold_for_nuclei() -> dict[str, Any]:
    """One threshold on the brightness, the best of 200 on the upper half."""
    (x, y), (shown, truth) = halves()

    def iou(level: float, images: torch.Tensor, masks: torch.Tensor) -> float:
        return float(mean_iou(confusion_matrix((images[:, 0] > level).long(), masks, 2))[1][1])

    best = max(np.linspace(-1, 3, 200), key=lambda level: iou(level, x, y))
    said = (shown[:, 0] > best).long()
    ious = [iou(best, a[None], b[None]) for a, b in zip(shown, truth, strict=True)]
    return scored(said, truth, 2) | {
        "threshold": round(float(best), 3),
        "IoU of nuclei in each tile": [round(v, 3) for v in ious],
    }


def by_color(
    x: torch.Tensor, y: torch.Tensor, shown: torch.Tensor, truth: torch.Tensor, classes: int
) -> dict[str, dict[str, Any]]:
    """What no network is needed for: one class for all, and the class whose mean color is nearest; where a class is often."""
    counts = F.one_hot(y, classes).sum((0, 1, 2))
    colors = torch.stack([x.permute(0, 2, 3, 1)[y == label].mean(0) for label in range(classes)])
    nearest = (shown[:, None] - colors[None, :, :, None, None]).pow(2).sum(2).argmin(1)
    place = F.one_hot(y, classes).sum(0).argmax(-1).expand_as(truth)
    return {
        "majority": scored(torch.full_like(truth, int(counts.argmax())), truth, classes),
        "nearest color": scored(nearest, truth, classes),
        "place": scored(place, truth, classes),
    }


def kept(name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A run's result from its file, made if there is none."""
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        FOLDER.mkdir(parents=True, exist_ok=True)
        found = make()
        path.write_text(json.dumps(found), encoding="utf-8")
        print(name, found["mean IoU"], found["mean IoU near borders"], found["seconds"], flush=True)
    return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def all_runs(seeds: tuple[int, ...]) -> dict[str, dict[int, dict[str, Any]]]:
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for seed in seeds:
        for way in WAYS if seeds == SEEDS else reversed(WAYS):
            found.setdefault(way, {})[seed] = kept(f"{way}-{seed}", functools.partial(one_way, way, seed))
    for seed in seeds:
        found.setdefault("nuclei", {})[seed] = kept(f"nuclei-{seed}", functools.partial(one_nuclei, seed))
        if seed < 2:
            found.setdefault("road", {})[seed] = kept(f"road-{seed}", functools.partial(one_road, seed))
    return found


SHOWN = ("bilinear", "sums", "switches", "copies")
SCENES_SHOWN = 6
LEVELS = 15  # of a score on the explorer's sheet


@torch.no_grad()
def explorer_sheet() -> dict[str, Any]:
    """The first test scenes with two kinds of garment: picture, truth, and every class's score by four networks of seed 0."""
    images, truth = test_scenes()
    chosen = [k for k in range(len(truth)) if len(truth[k].unique()) > 2][:SCENES_SHOWN]
    scenes: list[dict[str, Any]] = []
    for k in chosen:
        pixels = (images[k].permute(1, 2, 0) * 255).round().byte().numpy()
        entry: dict[str, Any] = {
            "picture": base64.b64encode(pixels.tobytes()).decode("ascii"),
            "truth": written(truth[k]),
            "scores": {},
        }
        for way in SHOWN:
            model = Segmenter(way, 3, len(GROUPS))
            model.load_state_dict(torch.load(FOLDER / f"{way}-0.pt", weights_only=True))
            levels = (model.eval()(images[k : k + 1]).softmax(1)[0] * LEVELS).round().int().flatten(1).T
            entry["scores"][way] = runs("".join(f"{level:x}" for level in pixel) for pixel in levels.tolist())
        scenes.append(entry)
    return {"classes": list(GROUPS), "ways": list(SHOWN), "levels": LEVELS, "images": [], "scenes": scenes}


def written(mask: torch.Tensor) -> str:
    return runs(str(label) for label in mask.flatten().tolist())


@torch.no_grad()
def roads_shown(count: int = 2) -> list[str]:
    """The answers of seed 0 on the first roads of the test."""
    model = SegNet(3, len(ROAD_CLASSES), 0.1)
    model.load_state_dict(torch.load(FOLDER / "road-0.pt", weights_only=True))
    images = torch.from_numpy(road_scenes(count, ROAD_TEST[1])[0])
    return [written(mask) for mask in model.eval()(images).argmax(1)]


def study() -> dict[str, Any]:
    torch.set_num_threads(1)
    found = all_runs(SEEDS)
    text = json.dumps(explorer_sheet(), separators=(",", ":"))
    (sheets.FOLDER / "segmentation.json").write_text(text + "\n", encoding="utf-8")
    sheets.seal()
    x, y = grouped_scenes(500, "train")
    drawn_x, drawn_y = tensors(road_scenes(200))
    return {
        "seeds": list(SEEDS),
        "processor minutes of all runs": round(
            sum(run["seconds"] for each in found.values() for run in each.values()) / 60, 1
        ),
        "scenes": {
            "classes": list(GROUPS),
            "test scenes": TEST_SCENES,
            "baselines": by_color(x, y, *test_scenes(), len(GROUPS)),
            "ways": {way: list(found[way].values()) for way in WAYS},
        },
        "nuclei": {"threshold": threshold_for_nuclei(), "runs": list(found["nuclei"].values())},
        "road": {
            "classes": list(ROAD_CLASSES),
            "baselines": by_color(drawn_x, drawn_y, *tensors(road_scenes(*ROAD_TEST)), len(ROAD_CLASSES)),
            "runs": list(found["road"].values()),
            "shown": roads_shown(),
        },
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    all_runs(tuple(int(seed) for seed in sys.argv[1:]))
