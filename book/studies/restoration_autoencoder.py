"""Chapter 11: the plain denoising autoencoder, trained as long as on the page and eight times as long."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from torch.nn.functional import mse_loss

from deconvlib.course.restoration import TASKS, held_out_pictures, psnr_of, training_pictures
from deconvlib.course.training import GradientStep, fit, random_crops, warmup_cosine

STEPS = (250, 2000)
SEEDS = (0, 1, 2)
WIDTH, CROP, BATCH, RATE = 32, 64, 16, 4e-3


def study() -> dict[str, Any]:
    from deconvlib import DenoisingAutoencoder

    torch.set_num_threads(1)
    task, rows = TASKS["denoise-25"], []
    truths = list(held_out_pictures().values())
    clean = [crop for crops in training_pictures().values() for crop in crops]
    for steps in STEPS:
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            pairs = [np.stack([task.degrade(x, rng=rng), x], axis=-1) for x in clean for _ in range(2)]
            torch.manual_seed(seed)
            net = DenoisingAutoencoder(width=WIDTH)
            optimizer = torch.optim.Adam(net.parameters(), RATE)
            step = GradientStep(
                net,
                lambda net, batch: mse_loss(net(batch[:, :1]), batch[:, 1:]),
                optimizer,
                warmup_cosine(optimizer, steps),
                clip=0.5,
            )
            before = time.process_time()
            fit(step, random_crops(pairs, CROP, BATCH, steps), 1, generator=torch.Generator().manual_seed(seed))
            seconds = time.process_time() - before
            scores = {}
            for shown in ("noisy", "clean"):
                rng, each = np.random.default_rng((2026, 0)), []
                for truth in truths:
                    seen = task.degrade(truth, rng=rng) if shown == "noisy" else truth
                    each.append(psnr_of(_answer(net, seen), truth))
                scores[shown] = round(float(np.mean(each)), 2)
            rows.append({"steps": steps, "seed": seed, "seconds": round(seconds), **scores})
            print(rows[-1], flush=True)
    return {"width": WIDTH, "crop": CROP, "batch": BATCH, "rate": RATE, "rows": rows}


def _answer(net: torch.nn.Module, seen: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return net(torch.from_numpy(seen)[None, None])[0, 0].numpy()
