"""What grading yields: one result an exercise, from which every report is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from deconv_grader.checks.feedback import Feedback
from deconv_grader.checks.known_answers import Mistake
from deconvlib.course.catalogue import Exercise, prerequisites


@dataclass
class CheckResult:
    """One check of an exercise: ``passed``, ``failed``, ``timed out``, ``crashed``, ``forbidden`` or ``skipped``."""

    name: str
    title: str
    weight: int
    hidden: bool
    status: str
    seconds: float
    feedback: Feedback | None = None
    reason: str = ""  # why it was skipped
    #: Finds the known mistakes that explain it (None where there was nothing to compare), once all checks have run.
    suspects: Callable[[], list[Mistake] | None] | None = None


def note_wrong_needs(results: list[ExerciseResult], status_of: Callable[[str], str] | None = None) -> None:
    """Write into each result which of its prerequisites are begun and not passed.

    `status_of` gives the status of an exercise by its name (default: as it was graded along with the others).
    """
    found = {result.exercise.name: result.status for result in results}
    ask = status_of or (lambda name: found.get(name, "unchecked"))
    for result in results:
        if result.status != "not started":
            states = {name: ask(name) for name in prerequisites(result.exercise.name)}
            result.wrong_needs = tuple(
                name for name, state in states.items() if state not in ("passed", "not started", "unchecked")
            )


@dataclass
class ExerciseResult:
    """One exercise, graded."""

    exercise: Exercise
    checks: list[CheckResult] = field(default_factory=list)
    problem: str = ""  # why no check could run: a module that does not import, a forbidden library
    forbidden: bool = False  # the exercise's own body names a forbidden library
    wrong_needs: tuple[str, ...] = ()  # prerequisites begun and not passed: the reference's served in their place
    notes: tuple[str, ...] = ()  # what a learner should know of the text: a second definition that does not count
    printed: str = ""  # by the answer, in one's own checks: never part of a report

    @property
    def points(self) -> int:
        """Points earned: the passed checks' share, rounded down; none without the first check, the exercise's gate."""
        states = [check.status for check in self.checks]
        if self.problem or self.forbidden or "forbidden" in states or states[:1] != ["passed"]:
            return 0
        total = sum(check.weight for check in self.checks)
        earned = sum(check.weight for check in self.checks if check.status == "passed")
        return self.exercise.points * earned // total

    @property
    def gated(self) -> bool:
        """Whether checks passed that earn nothing because the first one did not."""
        states = [check.status for check in self.checks]
        return bool(states) and states[0] != "passed" and "passed" in states

    @property
    def status(self) -> str:
        """One of `deconv_grader.values.statuses.STATUSES`."""
        states = {check.status for check in self.checks}
        if states & {"passed"} and "skipped" in states:
            states.add("failed")  # a check that was passed over is not passed
        if self.forbidden or "forbidden" in states:
            return "forbidden"
        if self.problem:
            return "crashed"
        if not self.checks:
            return "unchecked"  # no check of it ran: the course's own fault
        if states == {"skipped"}:
            return "not started"
        if states == {"passed"}:
            return "passed"
        if self.points:
            return "partial"
        for state in ("timed out", "crashed"):
            if self.checks[0].status == state:
                return state
        return "failed"

    @property
    def seconds(self) -> float:
        return sum(check.seconds for check in self.checks)

    @property
    def first_failure(self) -> CheckResult | None:
        return next((check for check in self.checks if check.status not in ("passed", "skipped")), None)

    @property
    def mistake(self) -> str | None:
        """The known mistake that the learner is told of."""
        return self.told.mistake if self.told else None

    @property
    def told(self) -> Feedback | None:
        """What the learner is told: the first failing check's feedback."""
        return self.first_failure.feedback if self.first_failure else None

    def name_mistakes(self) -> None:
        """Name the known mistakes: the one that explains every failing check, if there is one.

        Where none explains them all, a check keeps the one that explains its own case. A check that had nothing to compare
        (a property, an exception) is explained only by one that explains all the others.
        """
        failed = [
            (check.feedback, check.suspects() if check.suspects else None) for check in self.checks if check.feedback
        ]
        for check in self.checks:
            check.suspects = None  # asked, and it holds the values that the answer gave
        compared = [suspects for _, suspects in failed if suspects is not None]
        common = [one for one in compared[0] if all(one in others for others in compared)] if compared else []
        for feedback, suspects in failed:
            likely = common if suspects is None else [one for one in common if one in suspects] or suspects
            if likely:
                feedback.name(likely[0])

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.exercise.id,
            "title": self.exercise.title,
            "points": self.points,
            "maximum": self.exercise.points,
            "status": self.status,
            "seconds": round(self.seconds, 3),
            "mistake": self.mistake,
            "problem": self.problem or None,
            "wrong prerequisites": list(self.wrong_needs),
            "failing": [check.title for check in self.checks if check.status not in ("passed", "skipped")],
            "checks": [
                {
                    "name": check.name,
                    "title": check.title,
                    "weight": check.weight,
                    "hidden": check.hidden,
                    "status": check.status,
                    "seconds": round(check.seconds, 3),
                    "feedback": check.feedback.as_dict() if check.feedback else None,
                    "reason": check.reason,
                }
                for check in self.checks
            ],
        }
