"""Chapter 14: `benchmarks/conv_transpose.py`, as it stands."""

from __future__ import annotations

from typing import Any

from benchmarks.conv_transpose import measure, show


def study() -> dict[str, Any]:
    found = measure()
    show(found)
    return found
