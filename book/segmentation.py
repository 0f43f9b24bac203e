"""What chapter 12 says of several seeds (about an hour of one core): every way back up, the road and the nuclei.

``python book/segmentation.py`` trains what is missing, measures it on test pictures, and writes
``deconvlib/course/data/segmentation.json``. Runs are kept in ``build/weights`` (seed 0, whose weights `make weights` ships)
and ``build/segmentation``, and go on where they were interrupted.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SEEDS = (0, 1, 2)
WAYS = ("copies", "switches", "bilinear", "nearest", "sums", "transposed")


def folder(name: str, seed: int) -> Path:
    return ROOT / "build" / (f"weights/{name}" if seed == 0 else f"segmentation/{name}-{seed}")


def train(name: str, seed: int) -> None:
    out = folder(name, seed)
    if not (out / "weights.pt").is_file():
        words = [sys.executable, "-m", "deconvlib.train", name, "--seed", str(seed), "--device", "cpu"]
        environment = os.environ | {"DECONV_WORKSPACE": "none"}
        subprocess.run([*words, "--out", str(out), "--resume"], cwd=ROOT, env=environment, check=True)


if __name__ == "__main__":
    for seed in SEEDS:
        for way in WAYS:
            train(f"scenes-{way}", seed)
        train("road", seed)
