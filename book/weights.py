"""The weights that the course ships (`make weights`; hours): each recipe with `shipped` is trained and packed.

``make weights`` makes those that are missing from the table, ``make weights NAMES="a b"`` these, ``NAMES=all`` all. A run
that was interrupted goes on: it is kept in ``build/weights/NAME``. The table says how each came about, and keeps its log.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from deconvlib.course.recipes import Recipe, recipes
from deconvlib.course.weights import FOLDER, pack

ROOT = Path(__file__).resolve().parents[1]
RUNS = ROOT / "build" / "weights"
SEED = 0
HEAD = "# Made by `make weights`: how each of the shipped weights came about. Files: NAME.npz, NAME.log.\n"


def machine() -> str:
    """The kind of machine, without its name."""
    words = Path("/proc/cpuinfo")
    found = (
        re.search(r"^model name\s*:\s*(.+)$", words.read_text(encoding="utf-8"), re.MULTILINE)
        if words.is_file()
        else None
    )
    model = found[1].strip() if found else platform.processor() or platform.machine()
    return f"{model}, {len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores"


def command(name: str, seed: int = SEED) -> str:
    return f"python -m deconvlib.train {name} --seed {seed} --device cpu"


def train(name: str, out: Path) -> None:
    words = [sys.executable, *command(name).split()[1:], "--out", str(out), "--resume"]
    subprocess.run(words, cwd=ROOT, env=os.environ | {"DECONV_WORKSPACE": "none"}, check=True)


def packed(weights: dict[str, torch.Tensor], kind: str) -> bytes:
    """The contents of NAME.npz. The same weights give the same bytes."""
    file = io.BytesIO()
    np.savez_compressed(file, **pack(weights, kind))  # type: ignore[arg-type]
    return file.getvalue()


def entry(recipe: Recipe, contents: bytes, log: str, weights: dict[str, torch.Tensor], history: dict) -> dict[str, Any]:
    times = [
        (float(wall), float(cpu)) for wall, cpu in re.findall(r"  (\d+\.\d) s  cpu (\d+\.\d) s$", log, re.MULTILINE)
    ]
    return {
        "command": command(recipe.name),
        "seed": SEED,
        "epochs": recipe.epochs,
        "data": recipe.data.partition(";")[0],
        "kind": recipe.shipped,
        "numbers": sum(value.numel() for value in weights.values()),
        "sha256": hashlib.sha256(contents).hexdigest(),
        "log": f"{recipe.name}.log",
        "machine": machine(),
        "torch": torch.__version__.partition("+")[0],
        "minutes": round(sum(wall for wall, _ in times) / 60, 1),
        "processor_minutes": round(sum(cpu for _, cpu in times) / 60, 1),  # on a busy machine the truer one
        "result": {name: float(f"{values[-1]:.5g}") for name, values in history.items()},
    }


def toml(entries: dict[str, dict[str, Any]]) -> str:
    def plain(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{json.dumps(key)} = {plain(inner)}" for key, inner in value.items()) + "}"
        return json.dumps(value, ensure_ascii=False)

    parts = [HEAD]
    for name, facts in sorted(entries.items()):
        parts.append(f"[{json.dumps(name)}]\n" + "".join(f"{key} = {plain(value)}\n" for key, value in facts.items()))
    return "\n".join(parts)


def make(recipe: Recipe) -> dict[str, Any]:
    out = RUNS / recipe.name
    if not (out / "weights.pt").is_file():
        train(recipe.name, out)
    weights = torch.load(out / "weights.pt", weights_only=True)
    history = json.loads((out / "history.json").read_text())
    log = (out / "log.txt").read_text(encoding="utf-8")
    contents = packed(weights, recipe.shipped)
    (FOLDER / f"{recipe.name}.npz").write_bytes(contents)
    (FOLDER / f"{recipe.name}.log").write_text(log, encoding="utf-8")
    return entry(recipe, contents, log, weights, history)


def main(names: list[str]) -> None:
    shipped = {name: recipe for name, recipe in recipes().items() if recipe.shipped}
    entries = _entries(shipped)
    unknown = [name for name in names if name not in {*shipped, "all"}]
    if unknown:
        raise SystemExit(f"no shipped recipe is named {unknown[0]!r}; there are {', '.join(shipped)}")
    wanted = [n for n in shipped if n in names or "all" in names or (not names and n not in entries)]
    FOLDER.mkdir(exist_ok=True)
    for name in wanted:
        made = make(shipped[name])
        _write(_entries(shipped) | {name: made})  # read anew: another run may have added to it meanwhile
        print(f"{name}: {(FOLDER / f'{name}.npz').stat().st_size:,} bytes, {made['minutes']} minutes", flush=True)
    for path in FOLDER.iterdir():
        if path.suffix in (".npz", ".log") and path.stem not in shipped:
            path.unlink()
    _write(_entries(shipped))


def _entries(shipped: dict[str, Recipe]) -> dict[str, dict[str, Any]]:
    """The table as it is on disk now, without what is shipped no more."""
    path = FOLDER / "weights.toml"
    entries = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {name: facts for name, facts in entries.items() if name in shipped}


def _write(entries: dict[str, dict[str, Any]]) -> None:
    (FOLDER / "weights.toml").write_text(toml(entries), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
