"""Results that a chapter shows but cannot compute in its time: ``results/NAME.json``, with how each came about.

`make results` computes those that are missing, each by the module of its name in ``book/studies``.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("results")


@functools.cache
def result(name: str) -> dict[str, Any]:
    """What was found, and under "made" the command, the machine, the versions and the minutes.

    Raises
    ------
    KeyError
        If no result of that name is shipped.
    """
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        there = ", ".join(sorted(one.stem for one in FOLDER.glob("*.json"))) or "none"
        raise KeyError(f"no result is named {name!r}; there are {there}. `make results NAMES={name}` computes one")
    return json.loads(path.read_text(encoding="utf-8"))
