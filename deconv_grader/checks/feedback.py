"""What a learner is told when a check fails: one plain structure, rendered for the terminal and for notebooks elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from deconv_grader.checks.known_answers import Mistake
from deconv_grader.values import torch_modules, torch_scipy
from deconv_grader.values.handles import Handle
from deconv_grader.values.sizes import numbers

WIDEST, TALLEST, PLANES = 14, 10, 4
PARTS, LABEL = 8, 200  # of a tuple, list or dict, all planes together; characters of a name
SMALL = 60  # numbers of a layer's weights that are worth drawing


@dataclass
class Grid:
    """A small plane of numbers with some cells marked, or, where it is too large, a line about it."""

    label: str
    caption: str
    rows: list[list[str]] = field(default_factory=list)
    marks: list[list[bool]] = field(default_factory=list)


@dataclass
class Feedback:
    """One failed check, in the order in which it is told."""

    headline: str
    call: str = ""
    given: list[Grid] = field(default_factory=list)
    expected: list[Grid] = field(default_factory=list)
    got: list[Grid] = field(default_factory=list)
    note: str = ""
    mistake: str | None = None
    advice: str = ""
    trace: list[str] = field(default_factory=list)

    def name(self, mistake: Mistake) -> None:
        """Say which known mistake it is."""
        self.mistake, self.advice = mistake.name, mistake.advice

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Feedback:
        grids = {key: [Grid(**grid) for grid in facts[key]] for key in ("given", "expected", "got")}
        return cls(**{**facts, **grids})


class CheckFailed(AssertionError):
    """A check that the learner's answer did not pass.

    `suspects` looks for the known mistakes that explain the failing call, likeliest first; it gives None where there was no
    result to compare. It is asked late, of the case that is reported (a drawn check fails many times on its way to its
    smallest case), and when the checks that pass are known, too.
    """

    def __init__(self, feedback: Feedback, suspects: Callable[[], list[Mistake] | None] | None = None):
        super().__init__(feedback.headline)
        self.feedback = feedback
        self.suspects = suspects


def grids(label: str, value: Any, where: np.ndarray | None = None) -> list[Grid]:
    """Planes of an array worth drawing: small ones whole, of several the ones with a mark, large ones as one line."""
    if torch_modules.is_module(value):
        return _module_grids(label, value)
    value = _drawable(value)
    if isinstance(value, tuple | list) and any(isinstance(part, np.ndarray) for part in value):
        return _part_grids({f"{label}[{i}]": part for i, part in enumerate(value[: PARTS + 1])}, len(value))
    if isinstance(value, dict):
        parts = itertools.islice(value.items(), PARTS + 1)
        return _part_grids({f"{label}[{_short(key)}]": part for key, part in parts}, len(value))
    if hasattr(value, "toarray"):  # sparse: drawn like any other where it is small
        if value.ndim != 2 or value.shape[0] > TALLEST or value.shape[1] > WIDEST:
            return [Grid(label, f"{type(value).__name__} of shape {value.shape}, {value.dtype}")]
        value = value.toarray()
    if not isinstance(value, np.ndarray):
        return [Grid(label, _short(value))]
    caption = f"shape {value.shape}, {value.dtype}"
    if value.ndim == 0:
        return [Grid(label, f"{value.dtype} {format_number(value[()])}")]
    if value.size == 0 or value.dtype.kind not in "biufc":
        return [Grid(label, caption)]
    height, width = (1, value.shape[-1]) if value.ndim == 1 else value.shape[-2:]
    if height > TALLEST or width > WIDEST:
        low, high = (
            (np.abs(value).min(), np.abs(value).max()) if value.dtype.kind == "c" else (value.min(), value.max())
        )
        return [Grid(label, f"{caption}, from {format_number(low)} to {format_number(high)}")]
    planes = value.reshape(-1, height, width)
    marked = None if where is None else np.broadcast_to(where, value.shape).reshape(planes.shape)
    order = range(len(planes))
    if marked is not None and len(planes) > PLANES:
        order = sorted(order, key=lambda i: not marked[i].any())  # type: ignore[assignment]
    drawn: list[Grid] = []
    for i in list(order)[:PLANES]:
        index = ", ".join(map(str, np.unravel_index(i, value.shape[:-2]))) if value.ndim > 2 else ""
        name = f"{label}[{index}]" if index and len(planes) > 1 else label
        more = f"; {len(planes) - PLANES} more planes" if len(planes) > PLANES and len(drawn) == PLANES - 1 else ""
        rows = [[format_number(x) for x in row] for row in planes[i]]
        marks = [] if marked is None else marked[i].tolist()
        drawn.append(Grid(name, caption + more, rows, marks))
    return drawn


def _module_grids(label: str, module: Any) -> list[Grid]:
    """A model's layers, a line each, and the weights of small ones."""
    lines = [f"{name}: {child!r}" for name, child in module.named_children()] or [repr(module)]
    if len(lines) > TALLEST:
        lines = [*lines[: TALLEST - 1], f"... {len(lines)} layers"]
    lines = [line if len(line) <= LABEL else f"{line[: LABEL - 3]}..." for line in " \n".join(lines).split("\n")]
    wide = max(map(len, lines))
    small = [(name, value) for name, value in module.named_parameters() if value.numel() <= SMALL]
    weights = [grid for name, value in small[:PARTS] for grid in grids(f"{label}.{name}", torch_scipy.as_array(value))]
    return [Grid(label, type(module).__name__, [[line.ljust(wide)] for line in lines]), *weights[:PARTS]]


def _drawable(value: Any) -> Any:
    """Tensors as arrays, alone or as parts."""
    if isinstance(value, tuple | list):
        return [torch_scipy.as_array(part) for part in value] if any(map(torch_scipy.is_tensor, value)) else value
    return torch_scipy.as_array(value)


def _part_grids(parts: dict[str, Any], count: int) -> list[Grid]:
    """The planes of the first few parts of something, which may nest."""
    drawn = [
        grid
        for label, part in itertools.islice(parts.items(), PARTS)
        for grid in (grids(label, part) if len(label) <= LABEL else [Grid(label, _short(part))])
    ]
    if count > PARTS or len(drawn) > PARTS:
        drawn = [*drawn[:PARTS], Grid("...", f"{count} entries")]
    return drawn


def format_number(x: Any) -> str:
    """A cell's text: whole numbers without a point, others with three significant digits."""
    if isinstance(x, complex | np.complexfloating):
        return f"{x:.3g}"
    if isinstance(x, bool | np.bool_):
        return str(bool(x))
    if isinstance(x, int | np.integer):
        return str(int(x))
    if np.isfinite(x) and x == round(float(x)) and abs(float(x)) < 1e6:
        return str(int(x))
    return f"{float(x):.3g}"


def describe_call(name: str, parameters: list[str], args: tuple[Any, ...], keywords: dict[str, Any]) -> str:
    """The call as a learner would type it: arrays by their parameter's name, everything else by its value."""
    parts = []
    for i, value in enumerate(args):
        label = parameters[i] if i < len(parameters) else f"argument {i + 1}"
        # The first arguments are the operands; a later plain value reads better with its name.
        parts.append(_argument(label, value) if i == 0 or _is_operand(value) else f"{label}={_argument(label, value)}")
    parts += [f"{key}={_argument(key, value)}" for key, value in keywords.items()]
    return f"{name}({', '.join(parts)})"


def _is_operand(value: Any) -> bool:
    return (
        isinstance(value, np.ndarray | np.random.Generator | Handle) or torch_scipy.is_tensor(value) or callable(value)
    )


def _argument(label: str, value: Any) -> str:
    if isinstance(value, Handle) or torch_modules.is_module(value) or type(value).__name__ == "Generator":
        return label
    if isinstance(value, tuple | list | dict) and any(
        map(torch_scipy.is_array, value.values() if isinstance(value, dict) else value)
    ):
        return label
    return label if torch_scipy.is_array(value) and value.ndim else _short(value)


def _short(value: Any, length: int = 72) -> str:
    if isinstance(value, tuple | list | dict) and numbers(value) > 1000:  # thousands of images take long to write out
        return f"{type(value).__name__} of length {len(value)}"
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= length else text[: length - 3] + "..."
