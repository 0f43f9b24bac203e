"""What a run over a class has finished, a line each, on the disk before the next is begun; and one run at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RESULTS = "results.jsonl"
LOCK = ".lock"


class InUse(RuntimeError):
    """Another run writes into this folder."""


@contextmanager
def one_run_at_a_time(out: Path) -> Iterator[None]:
    """Hold the folder of results. The system lets go of it when the process ends, however it ends.

    Raises
    ------
    InUse
        If another process holds it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(out / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise InUse(f"another run of deconv class writes into {out}; wait for it, or name another --out") from None
    try:
        yield
    finally:
        lock.release()


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


def kept_seed(out: Path) -> int | None:
    """The seed of the latest kept result, so that a run that goes on draws the same cases for all."""
    seeds = [entry["result"].get("seed") for entry in kept_results(out).values()]
    return next((seed for seed in reversed(seeds) if isinstance(seed, int)), None)


def keep(out: Path, fingerprint: str, result: dict[str, Any]) -> None:
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
