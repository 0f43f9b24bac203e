"""JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree

from deconv_grader.checks.feedback_text import plain
from deconv_grader.checks.results import CheckResult, ExerciseResult
from deconv_grader.grading.grade import Grading
from deconv_grader.values.text import clean, printable


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
            told = clean(plain(check.feedback)) if check.feedback else check.reason or check.status
            _junit_outcome(case, state, told)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + printable(ElementTree.tostring(root, encoding="unicode")) + "\n"


def _junit_state(check: CheckResult) -> str:
    return {"passed": "", "failed": "failure", "skipped": "skipped"}.get(check.status, "error")


def _whole_state(result: ExerciseResult) -> str:
    return "skipped" if result.status == "not started" else "error"


def _junit_outcome(case: ElementTree.Element, state: str, told: str) -> None:
    if state:
        element = ElementTree.SubElement(case, state, message=told.partition("\n")[0])
        element.text = told
