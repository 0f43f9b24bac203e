"""Every hostile or faulty submission gets the score it deserves, and none costs another exercise its points."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deconv_grader.checks.results import ExerciseResult
from deconv_grader.checks.runner import run
from deconv_grader.grading.grade import course_exercises, read_submission
from deconv_grader.isolation import sandbox
from deconv_grader.isolation.isolated import IsolatedAnswers
from deconv_grader.reports.terminal import result_text
from deconv_tests.grader.hostile import CANARY, Case
from deconv_tests.grader.hostile.faulty import CASES as FAULTY
from deconv_tests.grader.hostile.hostile import CASES as HOSTILE

CASES = (*FAULTY, *HOSTILE)
SECONDS = 1.5  # of the processor, for a check
PATIENCE = 5  # times as long on the clock: enough for a right answer on a busy machine, and short for those that sleep

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are locked down on Linux only")


def levels() -> list[str]:
    """The levels this machine has, from weak to strong."""
    found = ["rlimits", "seccomp"]
    found += ["bubblewrap"] if sandbox.bubblewrap_works() else []
    return found + (["landlock"] if sandbox.landlock_version() else [])


def graded(case: Case, folder: Path, level: str) -> dict[str, ExerciseResult]:
    """A case's results, after looking whether it reached anything it should not."""
    folder.chmod(0o777)
    canary = folder / CANARY
    canary.write_text("alive")
    canary.chmod(0o666)
    case.write(folder)
    known = course_exercises()
    answers = IsolatedAnswers(
        read_submission(folder), level, memory_mb=256, require=level, deadline=SECONDS, patience=PATIENCE
    )
    try:
        results = run([known[name] for name in case.graded], answers, reveal=False)
        for result in results:
            result.problem = answers.problem(result.exercise)
    finally:
        answers.close()
    assert canary.read_text() == "alive"
    assert canary.stat().st_mode & 0o777 == 0o666
    return {result.exercise.name: result for result in results}


def words(result: ExerciseResult) -> str:
    """All that a learner is told about an exercise."""
    told = [result.problem]
    for check in result.checks:
        if check.feedback is not None:
            told.append(str(check.feedback.as_dict()))
    return "\n".join(told)


def chosen() -> list[tuple[Case, str]]:
    """Every case at the strongest level here; at the others, those that need one, wherever it claims to stop them."""
    *others, best = levels()
    pairs = [(case, best) for case in CASES if sandbox.at_least(best, case.level)]
    return pairs + [
        (case, level)
        for level in others
        for case in CASES
        if case.level != "process" and sandbox.at_least(level, case.level)
    ]


@pytest.mark.parametrize(("case", "level"), chosen(), ids=lambda value: value if isinstance(value, str) else value.name)
def test_score(case: Case, level: str, tmp_path: Path) -> None:
    for name, result in graded(case, tmp_path, level).items():
        told = words(result)
        facts = (name, result.status, result.points, told)
        assert len(told) < 30_000
        shown = result_text(result)  # the dict's own text would hide what it escapes
        assert not any(ord(character) < 32 and character != "\n" for character in shown), facts
        shown.encode()  # no half characters
        if name not in case.loses:
            assert result.points == result.exercise.points, facts
            continue
        assert result.status in case.status.split("|"), facts
        if case.status == "partial":
            assert 0 < result.points < result.exercise.points, facts
        else:
            assert result.points == 0, facts
        assert case.says.lower() in told.lower(), facts


def test_enough_cases() -> None:
    assert len(CASES) >= 40
    assert len({case.name for case in CASES}) == len(CASES)
