"""A class's results as web pages: an overview, and a page for every learner. No script, no outside host."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from deconv_grader.grading.grade import Grading
from deconv_grader.grading.statistics import ExerciseStatistics
from deconv_grader.reports.html import result_html
from deconv_grader.reports.statuses import sign
from deconv_grader.reports.tables import cell
from deconv_grader.values.text import clean, printable

_CSS = """
:root{color-scheme:light dark;--line:#8885;--soft:#8882;--good:#1a7f37;--some:#9a6700;--bad:#c0392b}
@media (prefers-color-scheme:dark){:root{--good:#57ab5a;--some:#d4a72c;--bad:#f08080}}
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin-bottom:.2rem}h2{font-size:1.2rem;margin-top:2rem}.quiet{opacity:.75}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
.summary th,.summary td{padding:.3rem .7rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
.summary td.n,.summary th.n{text-align:right}.summary thead th{white-space:nowrap}
.map td{padding:0;width:1.15rem;height:1.15rem;text-align:center;font-size:.75rem;border:1px solid var(--soft)}
.map td.name,.map td.n{width:auto;padding:0 .6rem;text-align:left;white-space:nowrap;font-size:.9rem}
.map th{font-weight:400;font-size:.75rem;padding:.2rem 0}.map th span{writing-mode:vertical-rl;transform:rotate(180deg)}
.map .passed{color:var(--good)}.map .partial{color:var(--some)}.map .wrong{color:var(--bad)}
.map thead th{vertical-align:bottom}.map th.name{text-align:left;padding:0 .6rem}.map th.n{padding:0 .6rem}
.map td.name a{display:inline-block;max-width:16rem;overflow:hidden;text-overflow:ellipsis;vertical-align:bottom}
.map .name{position:sticky;left:0;background:Canvas}.map .begins{border-left:2px solid var(--line)}
.summary ul{margin:0;padding-left:1.1rem;min-width:17rem}.summary td{min-width:4rem}
body{overflow-wrap:anywhere}.summary,.map{overflow-wrap:normal}.deconv-result{overflow-x:auto}
@media (max-width:40rem){.map td.name a{max-width:8rem}}
meter{width:6rem}a{color:inherit}pre{white-space:pre-wrap}
"""


def _page(title: str, body: str) -> str:
    return printable(
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_CSS}</style></head>'
        f"<body>{body}</body></html>\n"
    )


def page_name(submission: str) -> str:
    """The file of a learner's page: readable, unique, and safe as a file's name."""
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", submission)[:40].strip("-") or "submission"
    return f"{safe}-{hashlib.sha256(submission.encode(errors='surrogatepass')).hexdigest()[:8]}.html"


def _name(text: str) -> str:
    return escape(clean(text, 80).replace("\n", " "))


def learner_page(grading: Grading) -> str:
    """Everything one learner is told."""
    parts = [
        '<p><a href="../index.html">The class</a></p>',
        f"<h1>{_name(grading.submission)}</h1>",
        f"<p><strong>{grading.score} of {grading.maximum} points</strong></p>",
        f'<p class="quiet">Isolation: {escape(grading.isolation)}. Graded {escape(grading.finished)}, '
        f"course {escape(grading.course)}, revision {escape(grading.revision or 'none')}, seed {grading.seed}.</p>",
        *(f"<p><strong>Note:</strong> {_note(note)}.</p>" for note in grading.notes),
    ]
    parts.append(_handed_in(grading))
    parts += [
        result_html(result) for result in grading.results if not grading.unreadable and result.status != "not started"
    ]
    missing = ", ".join(escape(result.exercise.name) for result in grading.results if result.status == "not started")
    if missing:
        parts.append(f"<p class='quiet'>Not started: {missing}.</p>")
    return _page(f"{clean(grading.submission, 80)}: {grading.score} of {grading.maximum}", "\n".join(parts))


def _handed_in(grading: Grading) -> str:
    """What of a submission counted, and what did not."""
    told = []
    if grading.read:
        told.append(f"Read: {', '.join(map(_name, grading.read))}.")
    if grading.attempts:
        told.append(f"Earlier attempts, not counted: {', '.join(map(_name, grading.attempts))}.")
    out = "".join(f"<p class='quiet'>{line}</p>" for line in told)
    if grading.ignored:
        items = "".join(f"<li>{_name(one['path'])}: {_name(one['reason'])}</li>" for one in grading.ignored)
        out += f"<details class='quiet'><summary>Ignored: {len(grading.ignored)}</summary><ul>{items}</ul></details>"
    return out


def _exercise_table(statistics: Sequence[ExerciseStatistics], size: int) -> str:
    rows = []
    for entry in statistics:
        named = "".join(f"<li>{escape(name)} ({count})</li>" for name, count in entry.mistakes)
        mistakes = f"<ul>{named}</ul>" if named else ""
        rows.append(
            f"<tr><td>{escape(entry.exercise).replace('.', '.<wbr>')}<br><span class='quiet'>{escape(entry.title)}</span></td>"
            f"<td class='n'>{entry.started}</td><td class='n'>{entry.passed}<br>"
            f"<meter min='0' max='{size}' value='{entry.passed}' "
            f"aria-label='{entry.passed} of {size} passed'></meter></td>"
            f"<td class='n'>{entry.mean:.1f} of {entry.maximum}</td><td>{mistakes}</td></tr>"
        )
    return (
        "<div class='scroll'><table class='summary'><thead><tr><th>exercise</th><th class='n'>started</th>"
        "<th class='n'>passed</th><th class='n'>mean points</th>"
        "<th>commonest mistakes</th></tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _map(gradings: Sequence[Grading]) -> str:
    exercises = [result.exercise for result in gradings[0].results]
    begins = [i > 0 and exercises[i - 1].chapter != exercise.chapter for i, exercise in enumerate(exercises)]
    head = "".join(
        f"<th{' class=begins' * first}><span>{escape(exercise.name)}</span></th>"
        for exercise, first in zip(exercises, begins, strict=True)
    )
    rows = []
    for grading in gradings:
        cells = ""
        for result, first in zip(grading.results, begins, strict=True):
            kind = {"passed": "passed", "partial": "partial", "not started": ""}.get(result.status, "wrong")
            mark = sign(result.status) if kind else ""
            told = f"{result.exercise.name}: {result.status}, {result.points} of {result.exercise.points}"
            cells += f"<td class='{kind}{' begins' * first}' title='{escape(told)}'>{mark}</td>"
        name = _name(grading.submission)
        link = f"<a href='learners/{page_name(grading.submission)}' title='{name}'>{name}</a>"
        rows.append(f"<tr><td class='name'>{link}</td><td class='n'>{grading.score}</td>{cells}</tr>")
    return (
        f"<div class='scroll'><table class='map'><thead><tr><th class='name'>learner</th><th class='n'>score</th>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div><p class='quiet'>{sign('passed')} passed, {sign('partial')} in part, "
        f"{sign('failed')} not yet, empty: not started. A line divides chapters.</p>"
    )


def _notes(gradings: Sequence[Grading], besides: Sequence[str]) -> str:
    noted = [f"{_name(grading.submission)}: {_note(note)}" for grading in gradings for note in grading.notes]
    items = "".join(f"<li>{line}</li>" for line in [*noted, *map(_note, besides)])
    return f"<h2>Notes</h2><ul>{items}</ul>" if items else ""


def _note(text: str) -> str:
    return escape(clean(text, 300).replace("\n", " "))


MOST_PAIRS = 40


def overview(
    gradings: Sequence[Grading],
    statistics: Sequence[ExerciseStatistics],
    alike: Sequence[tuple[str, str, float]],
    besides: Sequence[str] = (),
) -> str:
    """The class at a glance. `besides` is what else is to be known."""
    scores = sorted(grading.score for grading in gradings)
    middle = scores[len(scores) // 2] if len(scores) % 2 else sum(scores[len(scores) // 2 - 1 :][:2]) / 2
    levels = sorted({grading.isolation for grading in gradings if grading.seconds})  # 0: could not be read, so not run
    maximum = gradings[0].maximum
    parts = [
        "<h1>The class</h1>",
        f"<p>{len(gradings)} submissions, median {middle:g} of {maximum} points, from {scores[0]} to {scores[-1]}. "
        f"<span class='quiet'>Isolation: {escape(', '.join(levels) or 'nothing was run')}.</span></p>",
        "<h2>Learners</h2>",
        _map(gradings),
        _notes(gradings, besides),
        "<h2>Exercises</h2>",
        "<p class='quiet'>A mistake is named where the result is the one you get when it is made.</p>",
        _exercise_table(statistics, len(gradings)),
        "<h2>Alike</h2>",
    ]
    if alike:
        rows = "".join(
            f"<tr><td>{_name(first)}</td><td>{_name(second)}</td><td class='n'>{share:.0%}</td></tr>"
            for first, second, share in alike[:MOST_PAIRS]
        )
        more = len(alike) - MOST_PAIRS
        parts.append(
            "<p>Pairs whose own code has much in common. A place to look, never a verdict: short exercises have few "
            "right answers.</p><div class='scroll'><table class='summary'><thead><tr><th>one</th><th>the other</th>"
            f"<th class='n'>in common</th></tr></thead><tbody>{rows}</tbody></table></div>"
            + (f"<p>{more} more pairs are in <code>alike.csv</code>.</p>" if more > 0 else "")
        )
    else:
        parts.append("<p>No pair of submissions stands out.</p>")
    return _page("The class", "\n".join(parts))


def write_report(
    out: Path,
    gradings: Sequence[Grading],
    statistics: Sequence[ExerciseStatistics],
    alike: Sequence[tuple[str, str, float]],
    besides: Sequence[str] = (),
) -> Path:
    """Write the pages and return the overview's file. A page that cannot be made costs itself."""
    learners = out / "learners"
    learners.mkdir(parents=True, exist_ok=True)
    for grading in gradings:
        try:
            page = learner_page(grading)
        except Exception as error:
            name = _name(grading.submission)
            page = _page(name, f"<h1>{name}</h1><p>This page could not be made: {_note(repr(error))}</p>")
        (learners / page_name(grading.submission)).write_text(page, encoding="utf-8")
    with open(out / "alike.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("one", "the other", "in common"))
        table.writerows((cell(first), cell(second), f"{share:.2f}") for first, second, share in alike)
    index = out / "index.html"
    index.write_text(overview(gradings, statistics, alike, besides), encoding="utf-8")
    return index
