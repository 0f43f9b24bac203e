"""Chapter 13: the recipes of its models at three seeds. The runs of seed 0 are those of `make weights`; all go on where they stopped."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from book.weights import RUNS, machine

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("vae", "gan", "vae-gan", "gan-3x3", "gan-resize", "gan-subpixel")
SEEDS = (0, 1, 2)
EPOCHS = 4  # of the other seeds; the first goes on for the shipped weights


def run(name: str, seed: int) -> Path:
    """The folder of a whole run, which is trained if it is not there."""
    out = RUNS / name if seed == 0 else RUNS.parent / "study" / f"{name}-{seed}"
    if not (out / "history.json").is_file():
        command = ["-m", "deconvlib.train", name, "--seed", str(seed), "--device", "cpu", "--out", str(out), "--resume"]
        command += [] if seed == 0 else ["--epochs", str(EPOCHS)]
        subprocess.run([sys.executable, *command], cwd=ROOT, env=os.environ | {"DECONV_WORKSPACE": "none"}, check=True)
    return out


def study() -> dict[str, Any]:
    runs: dict[str, Any] = {}
    for name in NAMES:
        found = []
        for seed in SEEDS:
            out = run(name, seed)
            log = (out / "log.txt").read_text(encoding="utf-8")
            seconds = [float(one) for one in re.findall(r"cpu (\d+\.\d) s$", log, re.MULTILINE)]
            history = json.loads((out / "history.json").read_text(encoding="utf-8"))
            found.append(
                {
                    "seed": seed,
                    "processor_seconds": round(sum(seconds), 1),
                    "history": {key: [float(f"{value:.5g}") for value in values] for key, values in history.items()},
                }
            )
        runs[name] = found
    total = sum(one["processor_seconds"] for found in runs.values() for one in found)
    return {
        "runs": runs,
        "trained": {
            "command": f"python -m deconvlib.train NAME --seed SEED --device cpu, and --epochs {EPOCHS} from seed 1 on",
            "machine": machine(),
            "threads": 1,
            "processor_minutes": round(total / 60, 1),
            "includes": "after each epoch, 2,000 pictures are made and judged",
        },
    }
