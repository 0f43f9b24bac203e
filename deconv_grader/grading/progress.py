"""How far a learner is: points by chapter and in all, and the exercise to do next."""

from __future__ import annotations

from dataclasses import dataclass

from deconv_grader.grading.workbook import Workbook, by_chapter
from deconvlib.course.catalogue import Exercise


@dataclass(frozen=True)
class Chapter:
    """One chapter's exercises, each with its status and its points."""

    name: str
    states: dict[Exercise, tuple[str, int]]

    @property
    def points(self) -> int:
        return sum(points for _, points in self.states.values())

    @property
    def maximum(self) -> int:
        return sum(exercise.points for exercise in self.states)

    @property
    def passed(self) -> int:
        return sum(status == "passed" for status, _ in self.states.values())


@dataclass(frozen=True)
class Progress:
    """Every chapter, as last checked."""

    chapters: tuple[Chapter, ...]

    @property
    def points(self) -> int:
        return sum(chapter.points for chapter in self.chapters)

    @property
    def maximum(self) -> int:
        return sum(chapter.maximum for chapter in self.chapters)

    def following(self, after: Exercise | None = None) -> Exercise | None:
        """What to do next: in a chapter, the first one `after`; else what is begun, before something new."""
        states = {exercise: status for chapter in self.chapters for exercise, (status, _) in chapter.states.items()}
        todo = [exercise for exercise, status in states.items() if status != "passed"]
        if after is not None:
            order = list(states)
            beside = [exercise for exercise in todo if exercise.chapter == after.chapter]
            later = [exercise for exercise in beside if order.index(exercise) > order.index(after)]
            if beside:
                return (later or beside)[0]
        begun = [exercise for exercise in todo if states[exercise] != "not started"]
        return next(iter(begun or todo), None)


def progress(book: Workbook) -> Progress:
    """How far a learner is in this workbook."""
    groups = by_chapter(book.exercises)
    return Progress(
        tuple(Chapter(name, {exercise: book.status(exercise) for exercise in group}) for name, group in groups.items())
    )
