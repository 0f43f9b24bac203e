"""Chapter 14: `benchmarks/conv_transpose.py`, as it stands, and the sheet of the chapter's explorer."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.conv_transpose import measure, show
from book import sheets
from deconvlib.course.decoders import DECODERS


def explorer_sheet(found: dict[str, Any]) -> dict[str, Any]:
    """The sizes of the layers, and the milliseconds that each algorithm took on one core."""
    part = found["threads 1"]
    layers = [
        {
            "name": one.name,
            "batch": one.batch,
            "inputs": one.c_in,
            "outputs": one.c_out,
            "side": one.side,
            "kernel": one.kernel,
            "stride": one.stride,
            "padding": one.padding,
            "more": one.more,
            "milliseconds": {"direct": part["layers"][one.name]["pytorch"]} | part["algorithms"][one.name],
        }
        for one in DECODERS
    ]
    return {"peak": part["peak"], "images": [], "layers": layers}


def write_sheet(found: dict[str, Any]) -> None:
    text = json.dumps(explorer_sheet(found), separators=(",", ":"))
    (sheets.FOLDER / "fast_algorithms.json").write_text(text + "\n", encoding="utf-8")
    sheets.seal()


def study() -> dict[str, Any]:
    found = measure()
    show(found)
    write_sheet(found)
    return found
