"""Chapter 11: what knowing the blur is worth. Chapter 4's iteration unrolled against networks that are not told the kernel.

All see the same crops in the same order and take the same number of steps, with 1, 3 and 9 photographs to learn from, drawn
anew for each seed. Rates were chosen on the photographs to train on: three were left out (see RATES).
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
    blurred,
    gaussian_kernel,
    held_out_pictures,
    psnr_of,
    training_pictures,
)
from deconvlib.course.training import GradientStep, fit, random_crops, warmup_cosine

STEPS, BATCH, CROP = 400, 8, 48
SEEDS = (0, 1, 2)
PHOTOGRAPHS = (1, 3, 9)
RATES = {"unrolled": 5e-3, "black box": 4e-3, "black box, large": 2e-3}


def networks() -> dict[str, Callable[[], torch.nn.Module]]:
    from deconvlib import UnrolledDeconvolution

    kernel = torch.from_numpy(gaussian_kernel()).float()
    return {
        "unrolled": lambda: UnrolledDeconvolution(kernel, steps=8, size=5),
        "black box": lambda: Guided(1, 11, 6),
        "black box, large": lambda: Guided(1, 32, 6),
    }


def trained(name: str, pictures: list[np.ndarray], seed: int, rate: float, steps: int = STEPS) -> torch.nn.Module:
    """A network that has seen these pictures, blurred, four draws of the noise each."""
    rng = np.random.default_rng(seed)
    pairs = [np.stack([blurred(x, gaussian_kernel(), rng), x], axis=-1) for x in pictures for _ in range(4)]
    torch.manual_seed(seed)
    model = networks()[name]().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), rate)

    def loss(model: torch.nn.Module, batch: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.mse_loss(model(batch[:, :1]), batch[:, 1:])

    step = GradientStep(model, loss, optimizer, warmup_cosine(optimizer, steps), clip=0.5)
    fit(step, random_crops(pairs, CROP, BATCH, steps), 1, generator=torch.Generator().manual_seed(seed))
    return model


def scores(model: torch.nn.Module, pictures: list[np.ndarray]) -> list[float]:
    rng = np.random.default_rng(2026)
    found = []
    for truth in pictures:
        with torch.no_grad():
            seen = torch.from_numpy(blurred(truth, gaussian_kernel(), rng))[None, None]
            found.append(psnr_of(model(seen)[0, 0].numpy(), truth))
    return found


def study() -> dict[str, Any]:
    torch.set_num_threads(1)
    crops, held_out = training_pictures(), list(held_out_pictures().values())
    rows = []
    for seed in SEEDS:
        order = np.random.default_rng(seed).permutation(list(crops))
        for count in PHOTOGRAPHS:
            for name in networks():
                before = time.process_time()
                model = trained(name, [one for photo in order[:count] for one in crops[photo]], seed, RATES[name])
                seconds = time.process_time() - before
                each = scores(model, held_out)
                rows.append(
                    {
                        "network": name,
                        "parameters": sum(p.numel() for p in model.parameters()),
                        "photographs": count,
                        "seed": seed,
                        "psnr": round(float(np.mean(each)), 2),
                        "lowest": round(min(each), 2),
                        "seconds": round(seconds),
                    }
                )
                print(rows[-1], flush=True)
    return {"steps": STEPS, "batch": BATCH, "crop": CROP, "noise": BLUR_NOISE, "rates": RATES, "rows": rows}
