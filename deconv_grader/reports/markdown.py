"""A summary in Markdown, for a GitHub step or a message."""

from __future__ import annotations

import re
from html import escape

from deconv_grader.grading.grade import Grading
from deconv_grader.reports.words import explanation, files
from deconv_grader.values.text import clean

SUMMARY_LIMIT = 1_000_000  # bytes; a GitHub step summary above 1 MiB is dropped whole


def to_markdown(grading: Grading, limit: int = SUMMARY_LIMIT) -> str:
    """A summary for GITHUB_STEP_SUMMARY: a table, then what is wrong, never larger than `limit` bytes."""
    lines = [
        f"## {_inline(grading.submission)}: {grading.score} of {grading.maximum} points",
        "",
        f"Isolation: {grading.isolation}. Course revision: `{grading.revision or 'none'}`.",
        *(f"\nNote: {_inline(note)}." for note in grading.notes),
        *(f"\n{_inline(line)}" for line in files(grading)),
        "",
        "| exercise | points | status | what it looks like |",
        "|---|---:|---|---|",
    ]
    for result in grading.results:
        mistake = f"the one you get when {_inline(result.mistake)}" if result.mistake else ""
        points = f"{result.points} of {result.exercise.points}"
        lines.append(f"| {result.exercise.id} | {points} | {result.status} | {mistake} |")
    text = "\n".join(lines) + "\n"
    size = len(text.encode())
    for result in grading.results:
        if result.status in ("passed", "not started"):
            continue
        told = escape(explanation(result), quote=False)
        part = f"\n<details><summary>{result.exercise.id}</summary>\n\n<pre>{told}</pre>\n\n</details>\n"
        if size + len(part.encode()) > limit - 200:
            text += "\nThe rest is left out: a summary has a largest size. The uploaded results hold everything.\n"
            break
        text += part
        size += len(part.encode())
    return text


def _inline(text: str) -> str:
    """Text inside a line of Markdown: nothing in it is markup."""
    text = escape(clean(text, 300).replace("\n", " "), quote=False)
    return re.sub(r"([\\`*_{}\[\]()#+!|~@:])", r"\\\1", text)
