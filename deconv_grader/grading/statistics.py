"""How a class did on each exercise."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from deconv_grader.grading.grade import Grading, course_exercises

# ------------------------------------------------------------------------------------------------------------ statistics


@dataclass(frozen=True)
class ExerciseStatistics:
    """How a class did on one exercise."""

    exercise: str
    title: str
    maximum: int
    passed: int
    started: int
    mean: float
    mistakes: tuple[tuple[str, int], ...]  # the commonest first


def statistics(gradings: list[Grading]) -> list[ExerciseStatistics]:
    """Per exercise: who passed, who started, the mean of points, and the commonest known mistakes."""
    found = []
    for exercise in course_exercises().values():
        own = [(grading, result) for grading in gradings for result in grading.results]
        own = [(grading, result) for grading, result in own if result.exercise.id == exercise.id]
        results = [result for _, result in own]
        if not results:
            continue
        mistakes = Counter(result.mistake for result in results if result.mistake)
        found.append(
            ExerciseStatistics(
                exercise.id,
                exercise.title,
                exercise.points,
                sum(result.status == "passed" for result in results),
                sum(result.status != "not started" and not grading.unreadable for grading, result in own),
                sum(result.points for result in results) / len(results),
                tuple(mistakes.most_common(3)),
            )
        )
    return found
