"""One result as HTML, for a notebook and for the pages of a class."""

from __future__ import annotations

from html import escape
from itertools import zip_longest

from deconv_grader.checks.feedback import Feedback, Grid
from deconv_grader.checks.feedback_text import MARK
from deconv_grader.checks.results import ExerciseResult
from deconv_grader.reports.statuses import sign
from deconv_grader.reports.terminal import MOST_LINES, _needs_line

# ---------------------------------------------------------------------------------------------------------------- HTML

# Colors that can be told apart on white and on black; where it is a notebook, the notebook's own.
_CSS = """<style>
.deconv-result{--good:#2e9e4f;--bad:#d9534f;--part:#c98a1b;--line:#8886;font-size:.95em;line-height:1.45;border-left:4px solid var(--line);padding:.2em 0 .2em .9em;margin:.4em 0;color:inherit}
.deconv-result.passed{border-color:var(--good)}.deconv-result.partial{border-color:var(--part)}.deconv-result.failed{border-color:var(--bad)}
.deconv-result ul.checks{list-style:none;padding:0;margin:.3em 0}.deconv-result .grids{display:flex;flex-wrap:wrap;gap:.5em 1.6em;margin:.5em 0;align-items:flex-start}
.deconv-result table{border-collapse:collapse;margin:.2em 0;color:inherit}.deconv-result tr,.deconv-result tr:hover{background:none!important}
.deconv-result td{border:1px solid var(--line);padding:.15em .5em;text-align:right;font-variant-numeric:tabular-nums;background:none;white-space:pre}
.deconv-result td.marked{outline:2px solid var(--bad);outline-offset:-2px;font-weight:700}.deconv-result .expected td.marked{outline-color:var(--good)}
.deconv-result .caption{opacity:.7;font-size:.85em}.deconv-result .mistake{font-weight:600}
.deconv-result summary{cursor:pointer}.deconv-result details>:not(summary){margin-left:1.1em}
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


def _row(grids: list[str]) -> str:
    """Grids side by side, as far as there is room."""
    return f'<div class="grids">{"".join(grids)}</div>' if grids else ""


def feedback_html(feedback: Feedback) -> str:
    """A failed check as HTML."""
    out = [f"<p>{escape(feedback.headline)}</p>"]
    if feedback.call:
        out.append(f"<p><code>{escape(feedback.call)}</code></p>")
    out.append(_row([_grid_html(grid, "given") for grid in feedback.given]))
    for expected, got in zip_longest(feedback.expected, feedback.got):  # each plane beside its own
        pair = [(expected, "expected"), (got, "got")]
        out.append(_row([_grid_html(grid, kind) for grid, kind in pair if grid is not None]))
    if feedback.note:
        out.append(f"<p>{escape(feedback.note)}</p>")
    if feedback.mistake:
        out.append(f'<p class="mistake">Your result is the one you get when {escape(feedback.mistake)}.</p>')
    if feedback.advice:
        out.append(f"<p>{escape(feedback.advice)}</p>")
    if feedback.trace:
        out.append("<pre>" + escape("\n".join(feedback.trace)) + "</pre>")
    return "".join(out)


def _few_lines(printed: str) -> str:
    lines = printed.splitlines()
    more = [f"... {len(lines) - MOST_LINES} lines more"] if len(lines) > MOST_LINES else []
    return f"<pre>{escape(chr(10).join([*lines[:MOST_LINES], *more]))}</pre>"


def result_html(result: ExerciseResult, below: str = "") -> str:
    """One exercise as HTML; `below` is HTML that stands at the end of its box."""
    exercise = result.exercise
    head = (
        f"<strong>{escape(exercise.name)}</strong>: {escape(result.status)}, "
        f"{result.points} of {exercise.points} points"
    )
    body = ""
    if result.problem:
        body = f"<p>{escape(result.problem)}</p>{_few_lines(result.printed) if result.printed else ''}"
    elif result.status != "not started":
        items = "".join(
            f"<li>{sign(check.status)} {escape(check.title)}{escape(f' (skipped: {check.reason})' if check.reason else '')}</li>"
            for check in result.checks
        )
        body = f'<ul class="checks">{items}</ul>'
        if result.told and result.first_failure:
            body += f"<p><strong>{escape(result.first_failure.title)}:</strong></p>{feedback_html(result.told)}"
        if result.printed:
            body += f"<p>printed:</p>{_few_lines(result.printed)}"
        if result.wrong_needs:
            body += f"<p>{escape(_needs_line(result))}</p>"
        body += "".join(f"<p>Note: {escape(note)}</p>" for note in result.notes)
    kinds = {"passed": "passed", "partial": "partial", "not started": "not-started", "unchecked": "not-started"}
    kind = kinds.get(result.status, "failed")
    return f'{_CSS}<div class="deconv-result {kind}"><div>{head}</div>{body}{below}</div>'
