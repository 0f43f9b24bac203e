"""Results in a terminal (Rich)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deconv_grader.checks.feedback_text import feedback_lines
from deconv_grader.checks.results import ExerciseResult
from deconvlib.course.surroundings import command

if TYPE_CHECKING:
    from rich.console import Console

MOST_LINES, WIDEST = 12, 160  # of what an answer printed
SIGNS = {"passed": ("✓", "green"), "partial": ("◐", "yellow"), "not started": ("·", "dim")}


def _needs_line(result: ExerciseResult) -> str:
    names = ", ".join(result.wrong_needs)
    return f"Checked with the reference's {names}: yours is not passed yet, and is charged there only."


def _print_printed(console: Console, printed: str) -> None:
    lines = printed.splitlines()
    console.print("printed:", style="dim")
    for line in lines[:MOST_LINES]:
        shown = line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"
        console.print(f"  {shown}", markup=False, highlight=False)
    if len(lines) > MOST_LINES:
        console.print(f"  ... {len(lines) - MOST_LINES} lines more", style="dim")


def print_result(console: Console, result: ExerciseResult, verbose: bool = True) -> None:
    """One exercise: a line for every check, then the first failing one in full."""
    sign, color = SIGNS.get(result.status, ("✗", "red"))
    exercise = result.exercise
    console.print(
        f"[{color}]{sign}[/] [bold]{exercise.name}[/]  [dim]{exercise.title}[/]  "
        f"[{color}]{result.points} of {exercise.points} points[/]",
        highlight=False,
    )
    if result.status == "not started":
        console.print("  not started: write its body, or look at a hint first", style="dim")
        return
    if result.problem:
        console.print(f"  {result.problem}", style="red", markup=False, highlight=False)
        if result.printed:
            _print_printed(console, result.printed)
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
    if result.printed:
        console.print()
        _print_printed(console, result.printed)
    if result.wrong_needs:
        console.print(_needs_line(result), style="dim")
    if result.status != "passed" and exercise.hints:
        console.print(f"A hint: {command(f'hint {exercise.name}')}", style="dim", markup=False)


def result_text(result: ExerciseResult) -> str:
    """One exercise as plain text: the same words as in the terminal."""
    from io import StringIO

    from rich.console import Console

    stream = StringIO()
    print_result(Console(file=stream, width=100, color_system=None, highlight=False), result)
    return stream.getvalue().rstrip()
