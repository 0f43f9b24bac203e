"""Every format, against its own schema or parser, with hostile text in it."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

import deconv_grader
from deconv_grader.checks.feedback import Feedback, Grid
from deconv_grader.checks.results import CheckResult, ExerciseResult
from deconv_grader.grading.grade import Grading
from deconv_grader.grading.statistics import statistics
from deconv_grader.reports import class_pages, formats
from deconv_grader.reports.classroom50 import to_classroom50
from deconv_grader.reports.github import fence, workflow_commands
from deconv_grader.reports.gradescope import to_gradescope
from deconv_grader.reports.junit import to_junit
from deconv_grader.reports.markdown import to_markdown
from deconv_grader.reports.tables import to_csv
from deconv_grader.values.statuses import STATUSES
from deconvlib.course.catalogue import exercises

SCHEMA = json.loads(
    (Path(deconv_grader.__file__).parent / "schemas" / "result-v1.schema.json").read_text(encoding="utf-8")
)
HOSTILE = (
    "\x1b[2J\x00::error::owned\n::set-output name=score::999\n| <script>alert(1)</script> & \"' ]]> `x` \ud800 =cmd()"
)


@pytest.fixture
def grading():
    """One of everything that can happen, told in hostile words."""
    first, second, third, fourth, fifth, sixth, seventh, eighth = list(exercises().values())[:8]
    told = Feedback(
        HOSTILE, HOSTILE, [Grid(HOSTILE, HOSTILE, [["1"]], [[True]])], note=HOSTILE, mistake=HOSTILE, trace=[HOSTILE]
    )

    def check(status, weight=1, hidden=False):
        return CheckResult("test_it", HOSTILE, weight, hidden, status, 0.01, None if status == "passed" else told)

    results = [
        ExerciseResult(first, [check("passed"), check("passed")]),
        ExerciseResult(second, [check("passed"), check("failed", hidden=True)]),
        ExerciseResult(third, [check("failed"), check("passed")]),
        ExerciseResult(fourth, [check("skipped")]),
        ExerciseResult(fifth, [check("timed out"), check("skipped")]),
        ExerciseResult(sixth, problem=HOSTILE),
        ExerciseResult(seventh, [check("forbidden")]),
        ExerciseResult(eighth),
    ]
    facts: dict[str, Any] = {"finished": "2026-01-01T00:00:00+00:00", "versions": {"python": "3"}, "revision": "abc"}
    return Grading(HOSTILE, results, "landlock", 1.5, notes=[HOSTILE], **facts)


def test_every_status_is_among_the_results(grading):
    assert [result.status for result in grading.results] == [
        *("passed", "partial", "failed", "not started", "timed out", "crashed", "forbidden", "unchecked"),
    ]
    assert {result.status for result in grading.results} == set(STATUSES)


def test_json_keeps_to_its_schema_and_reads_back(grading):
    facts = json.loads(formats.to_json(grading))
    jsonschema.validate(facts, SCHEMA)
    assert Grading.from_dict(facts).as_dict() == facts
    assert facts["score"] == sum(entry["points"] for entry in facts["exercises"].values())


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_junit_counts_and_parses(grading):
    root = ElementTree.fromstring(to_junit(grading))
    for suite in root:
        cases = list(suite)
        assert int(suite.attrib["tests"]) == len(cases)
        for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.attrib[kind]) == sum(case.find(tag) is not None for case in cases)
    assert len(root) == len(grading.results)


def test_gradescope_has_what_its_documentation_asks_for(grading):
    facts = json.loads(to_gradescope(grading))
    assert facts["score"] == grading.score
    for test in facts["tests"]:
        assert 0 <= test["score"] <= test["max_score"]
        assert test["status"] in ("passed", "failed")
        assert test["output_format"] == "text"
    assert sum(test["score"] for test in facts["tests"]) == facts["score"]


def test_classroom50_has_its_fields_and_whole_scores(grading, monkeypatch):
    monkeypatch.setenv("SUBMISSION_TAG", "submit/1")
    monkeypatch.setenv("COMMIT_URL", "commit-address")
    facts = json.loads(to_classroom50(grading))
    assert facts["schema"] == "classroom50/result/v1"
    assert set(facts) == {
        *("schema", "classroom", "assignment", "submission", "commit", "release", "review"),
        *("datetime", "score", "max-score", "tests"),
    }
    assert facts["review"] == facts["commit"] == "commit-address"
    assert all(type(test["score"]) is int and type(test["passed"]) is bool for test in facts["tests"])
    assert sum(test["score"] for test in facts["tests"]) == facts["score"]


def test_csv_parses_and_no_cell_is_a_formula(grading):
    rows = list(csv.DictReader(io.StringIO(to_csv(grading))))
    assert len(rows) == len(grading.results)
    assert sum(int(row["points"]) for row in rows) == grading.score
    formula = Grading("=HYPERLINK(1)", grading.results, "landlock", 1.0)
    assert not any(
        value.startswith(("=", "+", "-", "@")) for row in csv.reader(io.StringIO(to_csv(formula))) for value in row
    )


def test_a_summary_stays_below_githubs_limit_and_markup_is_text(grading):
    text = to_markdown(grading)
    assert "<script>" not in text
    long = Feedback("x" * 100_000, trace=["y" * 100_000])
    crowd = [
        ExerciseResult(exercise, [CheckResult("t", "t", 1, False, "failed", 0.0, long)])
        for exercise in exercises().values()
    ]
    assert len(to_markdown(Grading("who", crowd * 40, "landlock", 0.0)).encode()) < 1 << 20


def test_printed_text_cannot_command_github(grading):
    fenced = fence("::error::owned\n::stop-commands::other", "token")
    lines = fenced.splitlines()
    assert lines[0] == "::stop-commands::token"
    assert lines[-1] == "::token::"
    commands = workflow_commands(grading).splitlines()
    assert commands
    assert all(line.startswith("::warning ") and line.count("::") >= 2 for line in commands)
    assert len(commands) == sum(result.status not in ("passed", "not started") for result in grading.results)


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for key, value in attributes if key in ("href", "src")]


def test_the_class_report_holds_no_script_and_its_links_lead_somewhere(grading, tmp_path):
    index = class_pages.write_report(tmp_path, [grading], statistics([grading]), [(HOSTILE, "b", 0.9)])
    for path in [index, *tmp_path.glob("learners/*.html")]:
        page = _Page()
        page.feed(path.read_text(encoding="utf-8"))
        assert "script" not in page.tags
        assert page.links
        assert all((path.parent / link).is_file() for link in page.links)


def test_control_characters_reach_no_report(grading):
    for write in formats.WRITERS.values():
        assert "\x1b" not in write(grading)
