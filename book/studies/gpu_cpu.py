"""Chapter 15: what its advice is worth on one core of a CPU: layouts, precision, compilation, recomputation, the first call.

Seconds are of the processor; every pair is timed in turns, and the medians are kept.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from deconvlib.course.scaling import recompute

ROUNDS = 9


def study() -> dict[str, Any]:
    torch.set_num_threads(1)
    return {
        "first call": first_call(),
        "max-pool": max_pool(),
        "convolution": convolution(),
        "recomputation": recomputation(),
        "compiled": compiled(),
    }


def in_turns(**ways: Callable[[], Any]) -> dict[str, float]:
    """Milliseconds of the processor of each, the medians of several rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(ROUNDS + 1):
        for name, function in ways.items():
            began = time.process_time()
            function()
            if turn:
                seconds[name].append(time.process_time() - began)
    found = {name: round(1e3 * statistics.median(values), 3) for name, values in seconds.items()}
    print(found, flush=True)
    return found


def first_call() -> dict[str, float]:
    y, w = torch.randn(1, 8, 16, 16), torch.randn(8, 4, 4, 4)
    began = time.process_time()
    F.conv_transpose2d(y, w, stride=2)
    first = 1e3 * (time.process_time() - began)
    return {"first": round(first, 3), "later": in_turns(later=lambda: F.conv_transpose2d(y, w, stride=2))["later"]}


def max_pool() -> list[dict[str, Any]]:
    rows = []
    for shape in ((16, 64, 56, 56), (16, 16, 28, 28), (4, 256, 28, 28)):
        x = torch.randn(shape)
        last = x.contiguous(memory_format=torch.channels_last)
        rows.append(
            {
                "shape": list(shape),
                **in_turns(contiguous=lambda x=x: F.max_pool2d(x, 2), channels_last=lambda x=last: F.max_pool2d(x, 2)),
            }
        )
    return rows


def convolution() -> dict[str, float]:
    x, w = torch.randn(8, 64, 56, 56), torch.randn(64, 64, 3, 3)
    last, weight = (part.contiguous(memory_format=torch.channels_last) for part in (x, w))
    half, half_weight = x.bfloat16(), w.bfloat16()
    return in_turns(
        contiguous=lambda: F.conv2d(x, w, padding=1),
        channels_last=lambda: F.conv2d(last, weight, padding=1),
        bfloat16=lambda: F.conv2d(half, half_weight, padding=1),
    )


def _chain() -> nn.Module:
    block = [
        nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1)) for _ in range(8)
    ]
    return nn.Sequential(*block)


def recomputation() -> dict[str, float]:
    plain, again, x = _chain(), _chain(), torch.randn(4, 16, 64, 64)
    recompute(again)
    return in_turns(kept=lambda: plain(x).sum().backward(), recomputed=lambda: again(x).sum().backward())


def _polyphase(y: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    return torch.relu(F.pixel_shuffle(F.conv2d(y, w, padding=1), 2)[:, :, 1:-1, 1:-1] * 0.5 + 1)


def compiled() -> dict[str, float]:
    y, w = torch.randn(4, 32, 64, 64), torch.randn(32, 32, 2, 2)
    made = torch.compile(_polyphase, dynamic=False)

    def spent() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + children.ru_utime + children.ru_stime

    began = spent()
    with torch.no_grad():
        made(y, w)
        compiling = spent() - began
        return {
            **in_turns(plain=lambda: _polyphase(y, w), compiled=lambda: made(y, w)),
            "compiling s": round(compiling, 1),
        }
