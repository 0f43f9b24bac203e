"""Feedback and results as text for a terminal (Rich) and as HTML for a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from deconv_grader.feedback import Feedback, Grid
from deconv_grader.results import ExerciseResult

if TYPE_CHECKING:
    from rich.console import Console
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


SIGNS = {"passed": ("✓", "green"), "partial": ("◐", "yellow"), "missing": ("·", "dim")}


def _needs_line(result: ExerciseResult) -> str:
    names = ", ".join(result.wrong_needs)
    return f"Checked with the reference's {names}: yours is not passed yet, and is charged there only."


def print_result(console: Console, result: ExerciseResult, verbose: bool = True) -> None:
    """One exercise: a line for every check, then the first failing one in full."""
    sign, color = SIGNS.get(result.status, ("✗", "red"))
    exercise = result.exercise
    console.print(
        f"[{color}]{sign}[/] [bold]{exercise.name}[/]  [dim]{exercise.title}[/]  "
        f"[{color}]{result.points} of {exercise.points} points[/]",
        highlight=False,
    )
    if result.status == "missing":
        console.print("  not started: write its body, or look at a hint first", style="dim")
        return
    if result.problem:
        console.print(f"  {result.problem}", style="red", markup=False, highlight=False)
        return
    if not verbose:
        return
    for check in result.checks:
        passed = check.status == "passed"
        mark = "[green]✓[/]" if passed else "[red]✗[/]"
        console.print(f"  {mark} {check.title}" + ("" if passed else f" [dim]({check.status})[/]"), highlight=False)
    if result.gated:
        console.print("  the first check is the gate: until it passes, the others earn nothing", style="dim")
    told = result.told
    if told:
        console.print()
        for part in feedback_lines(told):
            console.print(part, soft_wrap=True)
    if result.wrong_needs:
        console.print(_needs_line(result), style="dim")
    if result.status != "passed" and exercise.hints:
        console.print(f"A hint: deconv hint {exercise.name}", style="dim")


# ---------------------------------------------------------------------------------------------------------------- HTML

_CSS = """<style>
.deconv-result{--good:#1a7f37;--bad:#c0392b;--line:#8886;font-size:.95em;line-height:1.45;border-left:4px solid var(--line);padding:.2em 0 .2em .9em;margin:.4em 0}
.deconv-result.passed{border-color:var(--good)}.deconv-result.failed{border-color:var(--bad)}
.deconv-result ul{list-style:none;padding:0;margin:.3em 0}.deconv-result .grids{display:flex;flex-wrap:wrap;gap:1.2em;margin:.5em 0}
.deconv-result table{border-collapse:collapse;margin:.2em 0}.deconv-result td{border:1px solid var(--line);padding:.15em .5em;text-align:right;font-variant-numeric:tabular-nums;background:none}
.deconv-result td.marked{outline:2px solid var(--bad);outline-offset:-2px;font-weight:700}.deconv-result .expected td.marked{outline-color:var(--good)}
.deconv-result .caption{opacity:.7;font-size:.85em}.deconv-result .mistake{font-weight:600}
</style>"""


def _grid_html(grid: Grid, kind: str) -> str:
    rows = ""
    for i, row in enumerate(grid.rows):
        cells = ""
        for j, cell in enumerate(row):
            marked = bool(grid.marks and grid.marks[i][j])
            attribute = ' class="marked"' if marked else ""
            cells += f"<td{attribute}>{escape(cell)}{MARK if marked else ''}</td>"
        rows += f"<tr>{cells}</tr>"
    table = f"<table>{rows}</table>" if rows else ""
    caption = f'<div class="caption">{escape(grid.caption)}</div>'
    return f'<div class="{kind}"><strong>{escape(grid.label)}</strong>{table}{caption}</div>'


def feedback_html(feedback: Feedback) -> str:
    """A failed check as HTML."""
    out = [f"<p>{escape(feedback.headline)}</p>"]
    if feedback.call:
        out.append(f"<p><code>{escape(feedback.call)}</code></p>")
    for name in ("given", "expected", "got"):
        group = getattr(feedback, name)
        if group:
            out.append('<div class="grids">' + "".join(_grid_html(grid, name) for grid in group) + "</div>")
    if feedback.note:
        out.append(f"<p>{escape(feedback.note)}</p>")
    if feedback.mistake:
        out.append(f'<p class="mistake">Your result is the one you get when {escape(feedback.mistake)}.</p>')
    if feedback.advice:
        out.append(f"<p>{escape(feedback.advice)}</p>")
    if feedback.trace:
        out.append("<pre>" + escape("\n".join(feedback.trace)) + "</pre>")
    return "".join(out)


def result_html(result: ExerciseResult) -> str:
    """One exercise as HTML."""
    exercise = result.exercise
    head = (
        f"<strong>{escape(exercise.name)}</strong>: {escape(result.status)}, "
        f"{result.points} of {exercise.points} points"
    )
    body = ""
    if result.problem:
        body = f"<p>{escape(result.problem)}</p>"
    elif result.status != "missing":
        items = "".join(
            f"<li>{'✓' if check.status == 'passed' else '✗'} {escape(check.title)}</li>" for check in result.checks
        )
        body = f"<ul>{items}</ul>"
        if result.told:
            body += feedback_html(result.told)
        if result.wrong_needs:
            body += f"<p>{escape(_needs_line(result))}</p>"
        if result.status != "passed" and exercise.hints:
            body += f"<details><summary>A hint</summary><p>{escape(exercise.hints[0])}</p></details>"
    kind = {"passed": "passed", "missing": "missing"}.get(result.status, "failed")
    return f'{_CSS}<div class="deconv-result {kind}"><div>{head}</div>{body}</div>'


def result_text(result: ExerciseResult) -> str:
    """One exercise as plain text: the same words as in the terminal."""
    from io import StringIO

    from rich.console import Console

    stream = StringIO()
    print_result(Console(file=stream, width=100, color_system=None, highlight=False), result)
    return stream.getvalue().rstrip()
