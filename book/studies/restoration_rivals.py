"""Chapter 11's classical answers: of each the value that is best on the photographs to train on, first and last crop of each."""

from __future__ import annotations

from typing import Any

import numpy as np

from deconvlib.course.restoration import TASKS, Task, psnr_of, training_pictures

SEED = 11


def tune(task: Task) -> dict[str, dict[str, Any]]:
    rng = np.random.default_rng(SEED)
    truths = [task.target(crop) for crops in training_pictures().values() for crop in (crops[0], crops[-1])]
    seen = [task.degrade(truth, rng=rng) for truth in truths]
    found = {}
    for name, rival in task.rivals.items():
        scores = {
            value: float(np.mean([psnr_of(rival(y, value), x, task.border) for x, y in zip(truths, seen, strict=True)]))
            for value in rival.grid
        }
        best = max(scores, key=scores.__getitem__)
        found[name] = {
            "value": best,
            "psnr": round(scores[best], 2),
            "tried": [[v, round(s, 2)] for v, s in scores.items()],
        }
        print(task.name, name, found[name], flush=True)
    return found


def study() -> dict[str, Any]:
    return {"seed": SEED, "tasks": {task.name: tune(task) for task in TASKS.values()}}
