"""What has to be run to be known of an exercise: the grader's own test.

The worked answer and every known right variant are accepted, every known mistake is rejected, the docstring's example is
true, a default that is changed is noticed by a check, and what the exercise builds on is called.
"""

from __future__ import annotations

import doctest
import functools
import importlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from deconv_grader.checks.in_process import InProcess
from deconv_grader.checks.known_answers import mistakes_of, variants_of
from deconv_grader.checks.results import ExerciseResult
from deconv_grader.checks.runner import run
from deconv_grader.maintaining.checkout import Checkout
from deconv_grader.maintaining.pieces import calls
from deconv_grader.maintaining.traces import Traced, watched_calls
from deconvlib.course.catalogue import Exercise
from deconvlib.course.exercise import reference


@dataclass
class Conformance:
    """What became of the known answers of one exercise."""

    exercise: Exercise
    killed: int = 0
    accepted: int = 0
    named: int = 0
    problems: list[str] = field(default_factory=list)


def conformance(exercise: Exercise, course: Checkout) -> Conformance:
    """Grade the solution, each mistake and each variant of an exercise, and the solution with each default changed."""
    result, chapter = Conformance(exercise), exercise.chapter
    checks = course.name(course.checks(chapter))
    answers = Traced()
    with watched_calls() as called:
        (graded,) = run([exercise], answers)
    if graded.status != "passed":
        result.problems.append(f"{checks}: the solution of {exercise.name} is {graded.status}: {_why(graded)}")
        return result  # all the rest would only say so again
    for mistake in mistakes_of(exercise.name, chapter):
        (graded,) = run([exercise], InProcess({exercise.name: mistake.function}))
        if graded.status == "passed":
            result.problems.append(f"{checks}: the mistake {mistake.function.__name__} is accepted")
        else:
            result.killed += 1
            result.named += graded.mistake == mistake.name
    for variant in variants_of(exercise.name, chapter):
        (graded,) = run([exercise], InProcess({exercise.name: variant}))
        if graded.status == "passed":
            result.accepted += 1
        else:
            result.problems.append(f"{checks}: the right variant {variant.__name__} is {graded.status}: {_why(graded)}")
    result.problems += [
        *examples(exercise, course),
        *uncalled(exercise, course, called[exercise.name]),
        *unnoticed(exercise, course, answers),
    ]
    return result


def _why(graded: ExerciseResult) -> str:
    failure = graded.first_failure
    if failure is None:
        return graded.problem or "no check ran"
    return f"{failure.title}: {failure.feedback and str(failure.feedback.headline) + ' ' + failure.feedback.note}"


def examples(exercise: Exercise, course: Checkout) -> Iterator[str]:
    """The docstring's examples, run with the worked answer."""
    where = course.name(course.stubs(exercise.chapter))
    solutions = importlib.import_module(f"deconv_solutions.{exercise.chapter}")
    namespace = dict(vars(solutions)) | {"__name__": exercise.name}
    test = doctest.DocTestParser().get_doctest(exercise.docstring, namespace, exercise.name, None, 0)
    if not test.examples:
        yield f"{where}: the docstring of {exercise.name} has no example"
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    if runner.run(test, out=said.append).failed:
        yield f"{where}: the example of {exercise.name} is not true: {' '.join(' '.join(said).split())}"


def uncalled(exercise: Exercise, course: Checkout, called: set[str]) -> Iterator[str]:
    """Exercises that the worked answer calls without saying so, or names and never calls while it is checked."""
    solutions = course.solutions(exercise.chapter)
    for other in sorted(called - set(exercise.needs)):
        yield f"{course.name(solutions)}: {exercise.name} calls {other}, which the decorator's needs leave out"
    named = calls(course.tree(solutions), [exercise.name], set(exercise.needs), annotations=False)
    for other in sorted(named - called):
        yield f"{course.name(course.checks(exercise.chapter))}: no check makes {exercise.name} call {other}, which it needs"


def unnoticed(exercise: Exercise, course: Checkout, answers: Traced) -> Iterator[str]:
    """Defaults that could be others without a check that fails."""
    where = course.name(course.checks(exercise.chapter))
    answer = reference(exercise.id)
    tests = importlib.import_module(f"deconv_tests.test_{exercise.chapter}")
    unchecked = getattr(tests, "UNCHECKED_DEFAULTS", {}).get(exercise.name, ())  # said there, with the reason
    for method, parameter in defaults(answer):
        if parameter.name in unchecked:
            continue
        value, name = parameter.default, f"{method and method + '.'}{parameter.name}"
        others = another(value, answers.given[parameter.name])
        if not others:
            yield f"{where}: no check gives {exercise.name} another {name} than its default {value!r}"
        for other in others:
            changed = InProcess({exercise.name: with_default(answer, method, parameter.name, other)})
            (graded,) = run([exercise], changed, first_failure=True)
            if graded.status == "passed":
                yield (
                    f"{where}: {exercise.name} with {name}={_short(other)} for its default {value!r} passes; a check has to "
                    "leave it out where it matters"
                )


def defaults(answer: Callable[..., Any]) -> list[tuple[str, inspect.Parameter]]:
    """The parameters of an answer that have a default; of a class those of its methods, with the method's name."""
    functions = {"": answer}
    if isinstance(answer, type):
        public = {name: part for name, part in vars(answer).items() if name == "__init__" or not name.startswith("_")}
        functions = {name: part for name, part in public.items() if inspect.isfunction(part)}
    return [
        (name, parameter)
        for name, function in functions.items()
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is not parameter.empty
    ]


def another(value: Any, given: list[Any]) -> list[Any]:
    """What a default might be by mistake: a number near it, or what the checks pass in its place."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, float):
        return [10 * value, value / 10] if value else [1.0]
    seen = {repr(other): other for other in given if repr(other) != repr(value)}
    return list(seen.values())[:2] or ([f"not {value}"] if isinstance(value, str) else [])


def with_default(answer: Callable[..., Any], method: str, parameter: str, value: Any) -> Callable[..., Any]:
    """The same answer with another default."""
    if isinstance(answer, type):
        return type(answer.__name__, (answer,), {method: with_default(vars(answer)[method], "", parameter, value)})
    signature = inspect.signature(answer)

    @functools.wraps(answer)
    def changed(*args: Any, **keywords: Any) -> Any:
        if parameter not in signature.bind_partial(*args, **keywords).arguments:
            keywords[parameter] = value
        return answer(*args, **keywords)

    return changed


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
