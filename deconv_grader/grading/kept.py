"""What a run over a class has finished, a line each, on the disk before the next is begun."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

RESULTS = "results.jsonl"


def kept_results(out: Path) -> dict[str, dict[str, Any]]:
    """What an earlier run finished, by submission. A line that was cut off by a kill is passed over."""
    kept = {}
    path = out / RESULTS
    if path.is_file():
        for line in path.read_bytes().splitlines():
            try:
                entry = json.loads(line)
                kept[entry["result"]["submission"]] = entry
            except (ValueError, KeyError, TypeError):
                continue
    return kept


def _keep(out: Path, fingerprint: str, result: dict[str, Any]) -> None:
    """Append a result and see it to the disk before going on."""
    line = json.dumps({"fingerprint": fingerprint, "result": result}) + "\n"
    with open(out / RESULTS, "a+b") as file:
        torn = False
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            torn = file.read(1) != b"\n"
        file.write((b"\n" if torn else b"") + line.encode())
        file.flush()
        os.fsync(file.fileno())
