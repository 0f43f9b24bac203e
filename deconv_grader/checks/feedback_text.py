"""A failed check as text, in the order in which it is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from deconv_grader.checks.feedback import CheckFailed, Feedback, Grid

if TYPE_CHECKING:
    from rich.text import Text

MARK = "*"  # marked cells carry a sign, not only a color


def grid_lines(grid: Grid) -> list[list[tuple[str, bool]]]:
    """The rows of a grid, each cell padded to one width, with its mark."""
    width = max((len(cell) for row in grid.rows for cell in row), default=0) + 1
    return [
        [
            (
                f"{cell:>{width}}{MARK if grid.marks and grid.marks[i][j] else ' '}",
                bool(grid.marks and grid.marks[i][j]),
            )
            for j, cell in enumerate(row)
        ]
        for i, row in enumerate(grid.rows)
    ]


def _grid_text(grid: Grid, style: str) -> list[Text]:
    from rich.text import Text

    lines = [Text(grid.label, style="bold"), *([Text(grid.caption, style="dim")] if grid.caption else [])]
    for row in grid_lines(grid):
        lines.append(Text.assemble(*((cell, style if marked else "") for cell, marked in row)))
    return lines


def _beside(blocks: list[list[Text]], width: int = 96, gap: int = 4) -> list[Text]:
    """Blocks of lines laid out side by side, in as many rows as `width` asks for."""
    from rich.text import Text

    rows: list[list[list[Text]]] = [[]]
    used = 0
    for block in blocks:
        wide = max(line.cell_len for line in block) + gap
        if rows[-1] and used + wide > width:
            rows.append([])
            used = 0
        rows[-1].append(block)
        used += wide
    out = []
    for row in rows:
        for i in range(max(map(len, row))):
            line = Text("    ")
            for block in row:
                cell = block[i].copy() if i < len(block) else Text()
                cell.pad_right(max(part.cell_len for part in block) + gap - cell.cell_len)
                line.append_text(cell)
            line.rstrip()
            out.append(line)
    return out


def feedback_lines(feedback: Feedback) -> list[Text]:
    """A failed check as Rich text, in the order it is told."""
    from rich.text import Text

    parts = [Text(feedback.headline)]
    if feedback.call:
        parts.append(Text.assemble("  ", (feedback.call, "cyan")))
    styles = {"given": "bold", "expected": "bold green", "got": "bold red"}
    blocks = [_grid_text(grid, style) for name, style in styles.items() for grid in getattr(feedback, name)]
    if blocks:
        parts += _beside(blocks)
    if feedback.note:
        marked = any(any(map(any, grid.marks)) for grid in feedback.got)
        parts.append(Text(f"{feedback.note}{f' Marked {MARK}.' if marked else ''}"))
    if feedback.mistake:
        parts.append(Text(f"Your result is the one you get when {feedback.mistake}.", style="bold yellow"))
    if feedback.advice:
        parts.append(Text(feedback.advice))
    parts += [Text(f"  {line}", style="dim") for line in feedback.trace]
    return parts


def plain(feedback: Feedback) -> str:
    """A failed check as plain text."""
    return "\n".join(part.plain for part in feedback_lines(feedback))


class Told:
    """A failed check as plain pytest prints it: its feedback, and the likeliest mistake."""

    def __init__(self, failed: CheckFailed):
        self.failed = failed

    def __str__(self) -> str:
        feedback = replace(self.failed.feedback)
        suspects = self.failed.suspects() if self.failed.suspects else None
        if suspects:
            feedback.name(suspects[0])
        return plain(feedback)
