"""Classroom 50's ``result.json``."""

from __future__ import annotations

import json
import os

from deconv_grader.grading.grade import Grading


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
