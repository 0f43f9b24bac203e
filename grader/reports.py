"""One grading, in the formats that other programs read.

Each writer takes a `Grading` and returns the file's text. Text that a submission may have had a hand in (its messages,
its numbers) is data everywhere: escaped, fenced, and cut to a length.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Sequence
from html import escape
from xml.etree import ElementTree

from deconv_grader.grading import Grading
from deconv_grader.render import plain
from deconv_grader.results import CheckResult, ExerciseResult

SUMMARY_LIMIT = 1_000_000  # bytes; a GitHub step summary above 1 MiB is dropped whole
MESSAGE_LIMIT = 4_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """Text without control characters and halves of characters: any file format can hold it."""
    return _CONTROL.sub("\ufffd", text)


def clean(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """Text without control characters, cut to `limit` characters."""
    text = printable(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def explanation(result: ExerciseResult) -> str:
    """Why an exercise is not passed, in plain text: its problem, or the first failing check's feedback."""
    if result.problem:
        return clean(result.problem)
    failure = result.first_failure
    if failure is None or result.told is None:
        return "not started" if result.status == "missing" else ""
    return clean(f"{failure.title}\n{plain(result.told)}")


def to_json(grading: Grading) -> str:
    """The course's own format; its schema is in ``grader/schemas/``."""
    return json.dumps(grading.as_dict(), indent=1) + "\n"


def to_junit(grading: Grading) -> str:
    """JUnit XML: a suite for every exercise, a case for every check."""
    root = ElementTree.Element("testsuites", name="deconv")
    for result in grading.results:
        cases = result.checks
        states = [_junit_state(check) for check in cases] or [_whole_state(result)]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=result.exercise.id,
            tests=str(len(states)),
            failures=str(states.count("failure")),
            errors=str(states.count("error")),
            skipped=str(states.count("skipped")),
            time=f"{result.seconds:.3f}",
        )
        if not cases:
            case = ElementTree.SubElement(suite, "testcase", classname=result.exercise.id, name="all checks", time="0")
            _junit_outcome(case, states[0], clean(result.problem) or "not started")
        for check, state in zip(cases, states, strict=False):
            case = ElementTree.SubElement(
                suite, "testcase", classname=result.exercise.id, name=check.title, time=f"{check.seconds:.3f}"
            )
            told = clean(plain(check.feedback)) if check.feedback else check.status
            _junit_outcome(case, state, told)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + printable(ElementTree.tostring(root, encoding="unicode")) + "\n"


def _junit_state(check: CheckResult) -> str:
    return {"passed": "", "failed": "failure", "skipped": "skipped"}.get(check.status, "error")


def _whole_state(result: ExerciseResult) -> str:
    return "skipped" if result.status == "missing" else "error"


def _junit_outcome(case: ElementTree.Element, state: str, told: str) -> None:
    if state:
        element = ElementTree.SubElement(case, state, message=told.partition("\n")[0])
        element.text = told


def to_gradescope(grading: Grading) -> str:
    """Gradescope's ``results.json``: a test for every exercise, with partial credit."""
    tests = []
    for result in grading.results:
        tests.append(
            {
                "name": f"{result.exercise.name}: {result.exercise.title}",
                "number": str(result.exercise.number),
                "score": result.points,
                "max_score": result.exercise.points,
                "status": "passed" if result.status == "passed" else "failed",
                "output": explanation(result),
                "output_format": "text",
                "visibility": "visible",
                "tags": [result.exercise.chapter],
            }
        )
    output = f"isolation: {grading.isolation}" + "".join(f"\n{note}" for note in grading.notes)
    return (
        json.dumps(
            {
                "score": grading.score,
                "execution_time": round(grading.seconds, 3),
                "output": output,
                "output_format": "text",
                "visibility": "visible",
                "stdout_visibility": "hidden",
                "tests": tests,
            },
            indent=1,
        )
        + "\n"
    )


def to_classroom50(grading: Grading) -> str:
    """Classroom 50's ``result.json``: whole scores, and the submission as its runner names it in the environment."""
    given = os.environ.get
    commit = given("COMMIT_URL", "")
    tests = [
        {
            "test-name": result.exercise.id,
            "passed": result.status == "passed",
            "score": result.points,
            "max-score": result.exercise.points,
        }
        for result in grading.results
    ]
    facts = {
        "schema": "classroom50/result/v1",
        "classroom": given("CLASSROOM", ""),
        "assignment": given("ASSIGNMENT", ""),
        "submission": given("SUBMISSION_TAG", grading.submission),
        "commit": commit,
        "release": given("RELEASE_URL", ""),
        "review": given("REVIEW_URL") or commit,
        "datetime": grading.finished.replace("+00:00", "Z"),
        "score": grading.score,
        "max-score": grading.maximum,
        "tests": tests,
    }
    return json.dumps(facts, indent=1) + "\n"


COLUMNS = ("submission", "exercise", "points", "maximum", "status", "seconds", "mistake", "isolation")


def to_csv(gradings: Sequence[Grading] | Grading) -> str:
    """A line for every submission and exercise."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for grading in [gradings] if isinstance(gradings, Grading) else gradings:
        for result in grading.results:
            writer.writerow(
                [
                    cell(grading.submission),
                    result.exercise.id,
                    result.points,
                    result.exercise.points,
                    result.status,
                    f"{result.seconds:.3f}",
                    cell(result.mistake or ""),
                    grading.isolation,
                ]
            )
    return stream.getvalue()


def cell(text: str) -> str:
    """A spreadsheet must not take a name for a formula."""
    text = clean(text, 200).replace("\n", " ")
    return "'" + text if text.lstrip()[:1] in ("=", "+", "-", "@") else text


def to_markdown(grading: Grading, limit: int = SUMMARY_LIMIT) -> str:
    """A summary for GITHUB_STEP_SUMMARY: a table, then what is wrong, never larger than `limit` bytes."""
    lines = [
        f"## {_inline(grading.submission)}: {grading.score} of {grading.maximum} points",
        "",
        f"Isolation: {grading.isolation}. Course revision: `{grading.revision or 'none'}`.",
        *(f"\nNote: {_inline(note)}." for note in grading.notes),
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
        if result.status in ("passed", "missing"):
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


def workflow_commands(grading: Grading, paths: Callable[[ExerciseResult], str | None] = lambda result: None) -> str:
    """GitHub workflow commands, one for every exercise that is not passed. `paths` gives the file to pin it to.

    Only this text may act as commands: everything else that is printed stands between `fence` and its end.
    """
    lines = []
    for result in grading.results:
        if result.status in ("passed", "missing"):
            continue
        properties = [f"title={_property(result.exercise.id)}"]
        path = paths(result)
        if path:
            properties.insert(0, f"file={_property(path)}")
        first = explanation(result).replace("\n", " ")[:300]
        lines.append(f"::warning {','.join(properties)}::{_data(f'{result.status}: {first}')}")
    return "\n".join(lines) + ("\n" if lines else "")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def fence(text: str, token: str) -> str:
    """Printed text in which GitHub takes no line for a command. `token` must be fresh and unguessable."""
    return f"::stop-commands::{token}\n{text.rstrip()}\n::{token}::\n"


WRITERS: dict[str, Callable[[Grading], str]] = {
    "json": to_json,
    "junit": to_junit,
    "gradescope": to_gradescope,
    "classroom50": to_classroom50,
    "csv": to_csv,
    "markdown": to_markdown,
}
