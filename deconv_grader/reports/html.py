"""One result as HTML, for a notebook and for the pages of a class."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from deconv_grader.checks.feedback import Feedback, Grid
from deconv_grader.checks.results import ExerciseResult

if TYPE_CHECKING:
    pass
from deconv_grader.checks.feedback_text import MARK
from deconv_grader.reports.terminal import _needs_line

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
    elif result.status != "not started":
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
    kind = {"passed": "passed", "not started": "not-started"}.get(result.status, "failed")
    return f'{_CSS}<div class="deconv-result {kind}"><div>{head}</div>{body}</div>'
