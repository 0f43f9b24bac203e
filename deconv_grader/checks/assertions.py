"""The `learner` of a check: the one way to the learner's code, and what compares its answers and explains them."""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from deconv_grader.checks.compare import Difference, carries_history, difference
from deconv_grader.checks.feedback import CheckFailed, Feedback, describe_call, grids
from deconv_grader.checks.known_answers import Mistake, mistakes_of
from deconv_grader.checks.learner_lines import learner_lines
from deconv_grader.values import torch_modules, torch_scipy
from deconv_grader.values.calls import Answers, PassedFunction, Reply
from deconv_grader.values.copies import duplicate
from deconv_grader.values.failures import words_of
from deconv_grader.values.handles import Handle, local, placed
from deconv_grader.values.sizes import MOST_NUMBERS, numbers
from deconvlib.course.catalogue import Exercise, exercises
from deconvlib.course.exercise import serve_only

Passed = tuple[Any, Any, Any, float | None]  # arguments, keywords, the right result, its tolerance
History = dict[str, list[Passed]]  # of each exercise, calls that the learner's function got right

_NOTHING = object()
MOST_REMEMBERED = 40
LARGEST_TRIED = 20_000  # numbers in a call with which known mistakes are tried: some of them are slow


class Learner:
    """Gives the exercises as attributes: ``learner.conv2d(x, w)``, ``learner.conv2d.gives(expected, x, w)``.

    `exercise` is the one that is checked: where it runs, `place` puts a model.
    """

    def __init__(
        self, answers: Answers, reveal: bool = True, history: History | None = None, exercise: Exercise | None = None
    ):
        self._answers = answers
        self._exercise = exercise
        self._reveal = reveal
        self._history = {} if history is None else history

    def __getattr__(self, name: str) -> Call:
        known = exercises()
        if name.startswith("_") or name not in known:
            raise AttributeError(f"there is no exercise named {name!r}")
        return Call(known[name], self._answers, self._reveal, self._history.setdefault(name, []))

    def require(self, condition: Any, statement: str, **shown: Any) -> None:
        """Fail unless `condition` holds; `statement` says what should hold, `shown` the values that tell about it."""
        if not bool(condition):
            values = [grid for label, value in shown.items() if self._reveal for grid in grids(label, value)]
            raise CheckFailed(Feedback(f"This should hold, and does not: {statement}.", got=values))

    def place(self, module: Any) -> Handle:
        """Put a torch module where the learner's code runs: a handle to pass as an argument and to look at afterwards."""
        if self._exercise is None:
            raise ValueError("a module can be placed only in a check of an exercise")
        return self._answers.place(self._exercise, module)

    def pass_function(self, function: Callable[..., Any], name: str = "function") -> PassedFunction:
        """Wrap a function that the learner's code is to call."""
        return PassedFunction(function, name)


class Call:
    """One exercise's function, called through the grader."""

    seconds = 0.0  # of the processor that the last call took
    detached = True  # whether results must be free of a gradient's history

    def __init__(self, exercise: Exercise, answers: Answers, reveal: bool, passed: list[Passed]):
        self.exercise = exercise
        self.answers = answers
        self.reveal = reveal
        self.passed = passed

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """The learner's result. Fails if the call raises, changes its arguments or returns a view of them."""
        reply = self._reply(args, keywords)
        self._behaved(reply, args, keywords)
        if numbers(reply.value) > MOST_NUMBERS:
            words = (
                f"{self.exercise.name} gave a result of {numbers(reply.value):,} numbers, far more than was expected."
            )
            raise CheckFailed(self._feedback(words, args, keywords))
        return reply.value

    def gives(self, expected: Any, *args: Any, tolerance: float | None = None, **keywords: Any) -> None:
        """Fail unless the learner's result is `expected` in type, shape, dtype and value.

        `tolerance` is a share of the largest expected magnitude (default: 1e-5 in float32, 1e-10 in float64).
        """
        fresh = _fresh(args), _fresh(keywords)
        reply = self._reply(args, keywords)
        found = difference(expected, reply.value, tolerance)
        if found is not None:
            small = numbers(reply.value) <= MOST_NUMBERS  # nothing larger is kept: no known mistake gives it
            suspects = functools.partial(self._suspects, expected, reply.value, tolerance, *fresh) if small else list
            raise CheckFailed(self._explain(found, expected, reply.value, *fresh), suspects)
        if self.detached and carries_history(expected, reply.value):
            words = f"The result of {self.exercise.name} still carries its gradient's history. Return it detached."
            raise CheckFailed(self._feedback(words, args, keywords))
        self._behaved(reply, args, keywords)
        if len(self.passed) < MOST_REMEMBERED and _size(args, keywords) <= LARGEST_TRIED:
            self.passed.append((*fresh, expected, tolerance))

    def raises(self, errors: type[Exception] | tuple[type[Exception], ...], *args: Any, **keywords: Any) -> str:
        """The message of the error. Fails unless the call raises one of `errors`."""
        wanted = errors if isinstance(errors, tuple) else (errors,)
        names = " or ".join(error.__name__ for error in wanted)
        try:
            reply = self._outcome(args, keywords)
        except wanted as error:
            return str(error)
        except NotImplementedError:
            raise
        except Exception as error:
            feedback = self._raised(error, args, keywords)
            feedback.headline = f"{names} was expected here, not {words_of(error).partition(':')[0]}."
            raise CheckFailed(feedback) from None
        feedback = self._feedback(f"This call should raise {names}; it returned a result.", args, keywords)
        feedback.got = grids("yours", reply.value)
        small = numbers(reply.value) <= MOST_NUMBERS
        suspects = functools.partial(self._suspects, names, reply.value, None, args, keywords) if small else list
        raise CheckFailed(feedback, suspects)

    def through(self, program: Callable[..., Any]) -> Program:
        """Check what a small program makes of the exercise: ``program(make, *arguments)`` builds, calls, returns values.

        `make` is the learner's function or class; ``make.place(module)`` puts a model beside it. The program's docstring
        is the call that the learner is shown.
        """
        return Program(self.exercise, self.answers, self.reveal, [], program)

    def _run(self, known: Mistake, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """What a known mistake gives."""
        return known.function(*_fresh(args), **_fresh(keywords))

    def _try(self, known: Mistake, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """What a known mistake gives; an object like no result where it gives none."""
        try:
            return self._run(known, args, keywords)
        except Exception:
            return _NOTHING

    @functools.cached_property
    def _parameters(self) -> list[str]:
        node = ast.parse(f"def {self.exercise.signature.removeprefix('class ')}: ...").body[0]
        assert isinstance(node, ast.FunctionDef)
        return [argument.arg for argument in node.args.args]

    def _outcome(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Reply:
        reply = self.answers.call(self.exercise, args, keywords)
        self.seconds = reply.seconds
        return reply

    def _reply(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Reply:
        try:
            return self._outcome(args, keywords)
        except CheckFailed:
            raise
        except NotImplementedError as error:
            feedback = self._feedback("The body stops at NotImplementedError.", args, keywords)
            feedback.trace = learner_lines(error)
            raise CheckFailed(feedback) from None
        except Exception as error:
            suspects = functools.partial(self._raising, error, _fresh(args), _fresh(keywords))
            raise CheckFailed(self._raised(error, args, keywords), suspects) from None

    def _feedback(self, headline: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> Feedback:
        call = describe_call(self.exercise.name, self._parameters, args, keywords)
        given = {**dict(zip(self._parameters, args, strict=False)), **keywords}
        shown = [grid for key, value in given.items() if _is_drawn(value) for grid in grids(key, value)]
        return Feedback(headline, call, shown)

    def _raised(self, error: Exception, args: tuple[Any, ...], keywords: dict[str, Any]) -> Feedback:
        feedback = self._feedback(f"The call raised {words_of(error)}", args, keywords)
        feedback.trace = learner_lines(error)
        return feedback

    def _behaved(self, reply: Reply, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        def named(keys: tuple[int | str, ...]) -> str:
            names = [self._parameters[key] if isinstance(key, int) else key for key in keys]
            return " and ".join(names)

        if reply.changed:
            model = any(
                torch_modules.is_module(args[key] if isinstance(key, int) else keywords[key]) for key in reply.changed
            )
            what = "Leave a model as it was: weights, mode, gradients, hooks" if model else "Work on a copy"
            words = f"The call changed its argument {named(reply.changed)}. {what}: arguments are the caller's."
            raise CheckFailed(self._feedback(words, args, keywords))
        if reply.shared:
            words = f"The result is a view of the argument {named(reply.shared)}: changing one changes the other. Return a copy."
            raise CheckFailed(self._feedback(words, args, keywords))

    def _explain(self, found: Difference, expected: Any, got: Any, args: Any, keywords: Any) -> Feedback:
        feedback = self._feedback(f"{self.exercise.name} gave another result than expected.", args, keywords)
        part = f"In entry {found.path}: " if found.path else ""
        feedback.note = f"{part}{found.words if self.reveal else found.discreet}."
        same_shape = found.where is not None and not found.path
        if not isinstance(expected, int | float | str) or type(got) is not type(expected):
            if self.reveal:
                feedback.expected = grids("expected", expected, found.where if same_shape else None)
            feedback.got = grids("yours", got, found.where if same_shape and self.reveal else None)
        return feedback

    def _suspects(self, expected: Any, got: Any, tolerance: float | None, args: Any, keywords: Any) -> list[Mistake]:
        """The known mistakes whose result is this one, and which gave the right result wherever the learner did."""
        if _size(args, keywords) > LARGEST_TRIED:
            return []
        found = []
        for known in mistakes_of(self.exercise.name, self.exercise.chapter):
            wrong = self._try(known, args, keywords)
            if (
                difference(wrong, got, tolerance) is None
                and difference(expected, wrong, tolerance) is not None
                and self._contradicts_nothing(known)
            ):
                found.append(known)
        return found

    def _raising(self, error: Exception, args: Any, keywords: Any) -> list[Mistake] | None:
        """The known mistakes that raise this error too; None where no known mistake does."""
        if _size(args, keywords) > LARGEST_TRIED:
            return None
        found = []
        for known in mistakes_of(self.exercise.name, self.exercise.chapter):
            try:
                self._run(known, args, keywords)
            except Exception as other:
                if _same_error(error, other) and self._contradicts_nothing(known):
                    found.append(known)
        return found or None

    def _contradicts_nothing(self, known: Mistake) -> bool:
        return all(difference(right, self._try(known, a, k), t) is None for a, k, right, t in self.passed)


class Program(Call):
    """An exercise as a small program of a check uses it: an instance is built, then asked."""

    detached = False  # what a module gives may be learned from

    def __init__(
        self, exercise: Exercise, answers: Answers, reveal: bool, passed: list[Passed], program: Callable[..., Any]
    ):
        super().__init__(exercise, answers, reveal, passed)
        self.program = program

    @functools.cached_property
    def _parameters(self) -> list[str]:
        return list(inspect.signature(self.program).parameters)[1:]

    def _outcome(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Reply:
        answers, exercise = self.answers, self.exercise
        maker = _Maker(
            lambda *a, **k: answers.call(exercise, a, k).value, lambda module: answers.place(exercise, module)
        )
        return Reply(self.program(maker, *args, **keywords))

    def _run(self, known: Mistake, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        def make(*a: Any, **k: Any) -> Any:
            with serve_only(()):
                return local(known.function(*placed(a), **placed(k)))

        return self.program(_Maker(make, lambda module: local(duplicate(module))), *_fresh(args), **_fresh(keywords))

    def _feedback(self, headline: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> Feedback:
        feedback = super()._feedback(headline, args, keywords)
        shown = inspect.cleandoc(self.program.__doc__ or "").partition("\n")[0]
        given = {**dict(zip(self._parameters, args, strict=False)), **keywords}
        plain = [
            f"{key} = {value!r}"
            for key, value in given.items()
            if torch_modules.is_plain(value) and _is_named(key, shown)
        ]
        feedback.call = (shown + (f"    with {', '.join(plain)}" if plain else "")) or feedback.call
        return feedback


class _Maker:
    """The `make` of a program."""

    def __init__(self, make: Callable[..., Any], place: Callable[[Any], Handle]):
        self._make, self.place = make, place

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self._make(*args, **keywords)


def _same_error(one: Exception, other: Exception) -> bool:
    """Whether two errors are of a type, and say the same or are both raised on purpose, in the answer's own words."""
    if type(one) is not type(other):
        return False
    return str(one) == str(other) or (_on_purpose(one) and _on_purpose(other))


def _on_purpose(error: Exception) -> bool:
    lines = learner_lines(error)
    return bool(lines) and "raise " in lines[-1].partition(": ")[2]


def _has_numbers(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(map(_has_numbers, value))
    return torch_scipy.is_array(value)


def _is_named(name: str, text: str) -> bool:
    return re.search(rf"\b{name}\b", text) is not None


def _is_drawn(value: Any) -> bool:
    return _has_numbers(value) or torch_modules.is_module(value)


def _size(args: Any, keywords: Any) -> int:
    return sum(_numbers(value) for value in (*args, *keywords.values()))


def _numbers(value: Any) -> int:
    if isinstance(value, tuple | list):
        return sum(map(_numbers, value))
    if torch_modules.is_module(value):
        return sum(part.numel() for part in value.parameters())
    return int(np.prod(value.shape)) if _has_numbers(value) else 0


def _fresh(values: Any) -> Any:
    """The same arguments, with copies of random generators and modules: a call moves a generator on."""
    if isinstance(values, dict):
        return dict(zip(values, _fresh(tuple(values.values())), strict=True))
    return tuple(map(_fresh_one, values))


def _fresh_one(value: Any) -> Any:
    if isinstance(value, np.random.Generator):
        return copy.deepcopy(value)
    if type(value).__name__ == "Generator" and hasattr(value, "clone_state"):  # torch's
        return value.clone_state()
    return duplicate(value) if torch_modules.is_module(value) else value
