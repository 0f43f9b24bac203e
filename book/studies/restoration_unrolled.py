"""Chapter 11: what knowing the blur is worth. Chapter 4's iteration unrolled against networks that are not told the kernel.

All see the same crops in the same order, with 1, 3 and 9 photographs to learn from, drawn anew for each seed, and take the
same number of steps; the largest network also gets four times as many. Rates were chosen on two of the nine photographs
to train on, with a training on the other seven (`chosen`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from deconvlib.course.networks import Guided
from deconvlib.course.restoration import (
    BLUR_NOISE,
    TASKS,
    blurred,
    gaussian_kernel,
    held_out_pictures,
    psnr_of,
    training_pictures,
)
from deconvlib.course.training import GradientStep, fit, random_crops, warmup_cosine

STEPS, BATCH, CROP = 300, 8, 48
SEEDS = (0, 1, 2)
PHOTOGRAPHS = (1, 3, 9)
LONGER = 4
#: So many pixels at a crop's edge do not count in training: they were blurred with what lies outside the crop.
RIMS = {"unrolled": 6, "black box": 0, "black box, large": 0}
#: Adam's rate; of the unrolled network: of its filters, thresholds and log_weight.
RATES: dict[str, list[float]] = {
    "unrolled": [1e-2, 5e-3, 1e-1],
    "black box": [8e-3],
    "black box, large": [2e-3],
}


def networks() -> dict[str, Callable[[], torch.nn.Module]]:
    from deconvlib import UnrolledDeconvolution

    kernel = torch.from_numpy(gaussian_kernel()).float()
    return {
        "unrolled": lambda: UnrolledDeconvolution(kernel),
        "black box": lambda: Guided(1, 4, 6),
        "black box, large": lambda: Guided(1, 32, 6),
    }


def trained(
    name: str, pictures: list[np.ndarray], seed: int, rates: list[float], steps: int = STEPS
) -> torch.nn.Module:
    """A network that has seen these pictures, blurred, four draws of the noise each."""
    rng = np.random.default_rng(seed)
    pairs = [np.stack([blurred(x, gaussian_kernel(), rng), x], axis=-1) for x in pictures for _ in range(4)]
    torch.manual_seed(seed)
    model = networks()[name]()
    if name == "unrolled":
        torch.nn.init.constant_(model.get_parameter("thresholds"), 0.01)  # from 0 the filters learn nothing at first
        kinds = [[model.get_parameter(one)] for one in ("filters", "thresholds", "log_weight")]
    else:
        kinds = [list(model.parameters())]
    optimizer = torch.optim.Adam([{"params": kind, "lr": rate} for kind, rate in zip(kinds, rates, strict=True)])

    def loss(model: torch.nn.Module, batch: torch.Tensor) -> torch.Tensor:
        error, rim = model(batch[:, :1]) - batch[:, 1:], RIMS[name]
        return error[:, :, rim : CROP - rim, rim : CROP - rim].square().mean()

    step = GradientStep(model, loss, optimizer, warmup_cosine(optimizer, steps), clip=0.5)
    fit(step, random_crops(pairs, CROP, BATCH, steps), 1, generator=torch.Generator().manual_seed(seed))
    return model


def scores(answer: Callable[[np.ndarray], np.ndarray], pictures: list[np.ndarray]) -> list[float]:
    rng = np.random.default_rng(2026)
    return [psnr_of(answer(blurred(truth, gaussian_kernel(), rng)), truth) for truth in pictures]


def answer_of(model: torch.nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    def answer(seen: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model(torch.from_numpy(seen)[None, None])[0, 0].numpy()

    return answer


def chosen(name: str, tried: list[list[float]], steps: int = STEPS // 2) -> list[tuple[list[float], float]]:
    """The mean PSNR of each list of rates on two photographs, after a training on the other seven."""
    *first, one, other = training_pictures().values()
    pictures = [crop for crops in first for crop in crops]
    found = []
    for rates in tried:
        answer = answer_of(trained(name, pictures, 0, rates, steps))
        found.append((rates, round(float(np.mean(scores(answer, [one[0], other[0]]))), 2)))
    return found


def study() -> dict[str, Any]:
    torch.set_num_threads(1)
    crops, held_out = training_pictures(), list(held_out_pictures().values())
    rows = []
    for seed in SEEDS:
        order = np.random.default_rng(seed).permutation(list(crops))
        for count in PHOTOGRAPHS:
            pictures = [one for photo in order[:count] for one in crops[photo]]
            runs = [(name, STEPS) for name in networks()]
            if count == max(PHOTOGRAPHS):
                runs.append(("black box, large", LONGER * STEPS))
            for name, steps in runs:
                before = time.process_time()
                model = trained(name, pictures, seed, RATES[name], steps)
                seconds = time.process_time() - before
                each = scores(answer_of(model), held_out)
                rows.append(
                    {
                        "network": name,
                        "parameters": sum(p.numel() for p in model.parameters()),
                        "photographs": count,
                        "steps": steps,
                        "seed": seed,
                        "psnr": round(float(np.mean(each)), 2),
                        "lowest": round(min(each), 2),
                        "seconds": round(seconds),
                    }
                )
                print(rows[-1], flush=True)
    task = TASKS["deblur-gaussian"]
    rivals = {
        name: round(float(np.mean(scores(lambda seen, name=name: task.classical(name, seen), held_out))), 2)  # type: ignore[misc]
        for name in task.rivals
    }
    settings = {"steps": STEPS, "batch": BATCH, "crop": CROP, "rims": RIMS, "noise": BLUR_NOISE, "rates": RATES}
    return settings | {"rivals": rivals, "rows": rows}
