"""Chapter 11's tables: every classical answer and every shipped network on the fifteen photographs that were held out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from deconvlib.course.metrics import ssim
from deconvlib.course.restoration import TASKS, Picture, Task, held_out_pictures, psnr_of
from deconvlib.course.weights import restore, table

SEED = 2026
DRAWS = 3  # of the noise
#: Networks beside the task's own: name of the weights -> task, and what builds the network.
OTHERS: dict[str, tuple[str, Callable[[], torch.nn.Module]]] = {}


def measured(task: Task, answer: Callable[[Picture], Picture]) -> dict[str, Any]:
    """PSNR and SSIM of every photograph, the mean of three draws of the noise, and seconds of processor a picture."""
    truths = {name: task.target(picture) for name, picture in held_out_pictures().items()}
    draws = DRAWS if task.scale == 1 else 1  # nothing is drawn when a picture is only reduced
    psnrs, ssims, seconds = np.zeros((draws, len(truths))), np.zeros((draws, len(truths))), 0.0
    for draw in range(draws):
        rng = np.random.default_rng((SEED, draw))
        for k, truth in enumerate(truths.values()):
            seen = task.degrade(truth, rng=rng)
            before = time.process_time()
            found = answer(seen)
            seconds += time.process_time() - before
            psnrs[draw, k] = psnr_of(found, truth, task.border)
            ssims[draw, k] = ssim(found, truth, border=task.border)
    return {
        "psnr": round(psnrs.mean(), 2),
        "psnr of each draw": psnrs.mean(axis=1).round(2).tolist(),
        "ssim": round(ssims.mean(), 3),
        "seconds": round(seconds / psnrs.size, 3),
        "psnr of each photograph": psnrs.mean(axis=0).round(2).tolist(),
    }


def study() -> dict[str, Any]:
    torch.set_num_threads(1)
    tasks: dict[str, Any] = {}
    for task in TASKS.values():
        rows: dict[str, Any] = {}
        if task.scale == 1:
            rows["as it is"] = measured(task, lambda seen: seen)
        for name in task.rivals:
            rows[name] = measured(task, lambda seen, name=name: task.classical(name, seen))  # type: ignore[misc]
        nets = {task.name: task.network} | {name: build for name, (of, build) in OTHERS.items() if of == task.name}
        for name, build in nets.items():
            net = restore(build(), name)
            facts = {
                "parameters": sum(p.numel() for p in net.parameters()),
                "minutes": table()[name]["processor_minutes"],
            }
            rows[f"network {name}"] = measured(task, lambda seen, net=net: task.restored(net, seen)) | facts  # type: ignore[misc]
        tasks[task.name] = rows
        for name, row in rows.items():
            print(task.name, name, row["psnr"], row["ssim"], row["seconds"], flush=True)
    return {"seed": SEED, "draws": DRAWS, "photographs": list(held_out_pictures()), "tasks": tasks}
