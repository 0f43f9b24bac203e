"""Results in a terminal (Rich)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deconv_grader.checks.feedback_text import feedback_lines
from deconv_grader.checks.results import CheckResult, ExerciseResult
from deconv_grader.reports.statuses import look, sign
from deconvlib.course.surroundings import command

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

MOST_LINES, WIDEST = 12, 160  # of what an answer printed


def _needs_line(result: ExerciseResult) -> str:
    names = ", ".join(result.wrong_needs)
    if "torch" not in result.exercise.forbids:
        return f"{names}: yours is not passed yet. The reference's is used, but for gradients and layers yours is."
    return f"Checked with the reference's {names}: yours is not passed yet, and is charged there only."


def _print_printed(console: Console, printed: str) -> None:
    lines = printed.splitlines()
    console.print("printed:", style="dim")
    for line in lines[:MOST_LINES]:
        shown = line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"
        console.print(f"  {shown}", markup=False, highlight=False)
    if len(lines) > MOST_LINES:
        console.print(f"  ... {len(lines) - MOST_LINES} lines more", style="dim")


def _check_line(check: CheckResult, encoding: str) -> Text:
    """One check: its sign, its title, and why it was not passed."""
    from rich.text import Text

    line = Text.assemble("  ", (sign(check.status, encoding), look(check.status).color), f" {check.title}")
    if check.status != "passed":
        line.append(f" ({check.status}{f': {check.reason}' if check.reason else ''})", "dim")
    return line


def print_result(console: Console, result: ExerciseResult, verbose: bool = True) -> None:
    """One exercise: a line for every check, then the first failing one in full."""
    color = look(result.status).color
    exercise = result.exercise
    console.print(
        f"[{color}]{sign(result.status, console.encoding)}[/] [bold]{exercise.name}[/]  [dim]{exercise.title}[/]  "
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
        console.print(_check_line(check, console.encoding), highlight=False)
    if result.gated:
        console.print("  the first check is the gate: until it passes, the others earn nothing", style="dim")
    told, failure = result.told, result.first_failure
    if told and failure:
        console.print(f"\n{failure.title}:", style="bold", markup=False, highlight=False)
        for part in feedback_lines(told):
            console.print(part, soft_wrap=True)
    if result.printed:
        console.print()
        _print_printed(console, result.printed)
    if result.wrong_needs:
        console.print(_needs_line(result), style="dim")
    for note in result.notes:
        console.print(f"Note: {note}", style="yellow", markup=False)
    if result.status != "passed" and exercise.hints:
        console.print(f"A hint: {command(f'hint {exercise.name}')}", style="dim", markup=False)


def result_text(result: ExerciseResult) -> str:
    """One exercise as plain text: the same words as in the terminal."""
    from io import StringIO

    from rich.console import Console

    stream = StringIO()
    print_result(Console(file=stream, width=100, color_system=None, highlight=False), result)
    return stream.getvalue().rstrip()
