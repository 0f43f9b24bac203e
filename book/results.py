"""The results that the course ships (`make results`): each module of ``book/studies`` that gives one is run and written down.

``make results`` makes those that are missing, ``make results NAMES="a b"`` these, ``NAMES=all`` all. A name is the module's,
with hyphens for underscores; the file says how it came about.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from book import studies
from book.weights import machine
from deconvlib.course.results import FOLDER


def make(name: str) -> None:
    study = importlib.import_module(f"{studies.__name__}.{name.replace('-', '_')}").study
    wall, cpu = time.perf_counter(), _processor()
    found = study()
    made = {
        "command": f"make results NAMES={name}",
        "machine": machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__.partition("+")[0],
        "numpy": np.__version__,
        "minutes": round((time.perf_counter() - wall) / 60, 1),
        "processor_minutes": round((_processor() - cpu) / 60, 1),
    }
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps({"made": made, **found}, indent=1, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(f"{name}: {made['processor_minutes']} minutes of processor", flush=True)


def _processor() -> float:
    """Seconds of processor, those of finished child processes included."""
    return sum(os.times()[:4])


def main(names: list[str]) -> None:
    known = [module.name.replace("_", "-") for module in pkgutil.iter_modules(studies.__path__)]
    unknown = [name for name in names if name not in {*known, "all"}]
    if unknown:
        raise SystemExit(f"no study is named {unknown[0]!r}; there are {', '.join(known)}")
    for name in known:
        if name in names or "all" in names or (not names and not (FOLDER / f"{name}.json").is_file()):
            make(name)


if __name__ == "__main__":
    main(sys.argv[1:])
