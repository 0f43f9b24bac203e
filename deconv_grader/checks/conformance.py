"""The grader's own test: every solution and every known right variant is accepted, every known mistake rejected.

``python -m deconv_grader.checks.conformance [CHAPTER ...]`` prints the table.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from deconv_grader.checks.in_process import InProcess, Solutions
from deconv_grader.checks.known_answers import mistakes_of, variants_of
from deconv_grader.checks.runner import run
from deconvlib.course.catalogue import Exercise, exercises


@dataclass
class Conformance:
    """What became of the known answers of one exercise."""

    exercise: Exercise
    killed: int = 0
    accepted: int = 0
    named: int = 0
    problems: list[str] = field(default_factory=list)


def conformance(exercise: Exercise) -> Conformance:
    """Grade the solution, each mistake and each variant of an exercise."""
    result = Conformance(exercise)
    (graded,) = run([exercise], Solutions())
    if graded.status != "passed":
        result.problems.append(f"the solution is {graded.status}: {_why(graded)}")
    for mistake in mistakes_of(exercise.name, exercise.chapter):
        (graded,) = run([exercise], InProcess({exercise.name: mistake.function}))
        if graded.status == "passed":
            result.problems.append(f"the mistake {mistake.function.__name__} is accepted")
        else:
            result.killed += 1
            result.named += graded.mistake == mistake.name
    for variant in variants_of(exercise.name, exercise.chapter):
        (graded,) = run([exercise], InProcess({exercise.name: variant}))
        if graded.status == "passed":
            result.accepted += 1
        else:
            result.problems.append(f"the right variant {variant.__name__} is {graded.status}: {_why(graded)}")
    if result.killed < 4:
        result.problems.append(f"only {result.killed} known mistakes rejected; at least 4 are wanted")
    if result.accepted < 2:
        result.problems.append(f"only {result.accepted} right variants accepted; at least 2 are wanted")
    return result


def _why(graded: object) -> str:
    failure = getattr(graded, "first_failure", None)
    if failure is None:
        return getattr(graded, "problem", "") or "no check ran"
    return f"{failure.title}: {failure.feedback and str(failure.feedback.headline) + ' ' + failure.feedback.note}"


def main(chapters: list[str]) -> int:
    problems = 0
    print("| exercise | mistakes rejected | of these named | variants accepted |\n|---|---|---|---|")
    for exercise in exercises().values():
        if chapters and exercise.chapter not in chapters and exercise.name not in chapters:
            continue
        result = conformance(exercise)
        print(f"| {exercise.id} | {result.killed} | {result.named} | {result.accepted} |", flush=True)
        for problem in result.problems:
            print(f"  PROBLEM {problem}", flush=True)
        problems += len(result.problems)
    return min(problems, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
