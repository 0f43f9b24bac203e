"""Who answers a check's calls: functions in this process, or (in `isolated`) a worker behind a process boundary."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from deconv_grader.handles import Handle, local
from deconvlib.course.catalogue import Exercise
from deconvlib.course.exercise import learner_function, reference, serve_only


@dataclass(frozen=True)
class Reply:
    """What a call gave back, and what it did besides."""

    value: Any
    changed: tuple[int | str, ...] = ()  # positions or keywords of the arguments that are not as they were
    shared: tuple[int | str, ...] = ()  # those whose memory the result shares


class Answers(Protocol):
    """The one door to a learner's code. Only plain values and arrays pass through it."""

    def missing(self, exercise: Exercise) -> bool:
        """Whether there is nothing to call yet."""
        ...

    def call(self, exercise: Exercise, args: tuple[Any, ...], keywords: dict[str, Any]) -> Reply:
        """Call the learner's function; what it raises is raised."""
        ...


class PassedFunction:
    """A function handed to the learner's code as an argument (a forward operator, an initializer)."""

    def __init__(self, function: Callable[..., Any], name: str):
        self.function = function
        self.name = name

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self.function(*args, **keywords)

    def __repr__(self) -> str:
        return self.name


class InProcess:
    """The learner's functions in this very process: quick, and only for one's own code.

    `functions` puts other functions in the place of the learner's, by exercise name.
    """

    def __init__(self, functions: Mapping[str, Callable[..., Any]] | None = None):
        self.functions = functions

    def _function(self, exercise: Exercise) -> Callable[..., Any] | None:
        if self.functions is not None:
            return self.functions.get(exercise.name)
        return learner_function(exercise.id)

    def missing(self, exercise: Exercise) -> bool:
        return self._function(exercise) is None

    def call(self, exercise: Exercise, args: tuple[Any, ...], keywords: dict[str, Any]) -> Reply:
        function = self._function(exercise)
        if function is None:
            raise NotImplementedError(f"{exercise.name} is not written yet")
        given: dict[int | str, Any] = dict(enumerate(args)) | keywords  # type: ignore[operator]
        before = {key: np.array(value, copy=True) for key, value in given.items() if isinstance(value, np.ndarray)}
        args = tuple(part.origin if isinstance(part, Handle) else part for part in args)
        with serve_only({exercise.id}):
            value = function(*args, **keywords)
        changed = tuple(key for key, old in before.items() if not np.array_equal(given[key], old, equal_nan=_nan(old)))
        shared = tuple(key for key in before if _shares(value, given[key]))
        return Reply(local(value), changed, shared)


class Solutions(InProcess):
    """The worked solutions in the learner's place."""

    def _function(self, exercise: Exercise) -> Callable[..., Any] | None:
        return reference(exercise.id)


def named_answers(name: str) -> InProcess:
    """The answers that a command line names: ``deconvlib`` (the learner's) or ``solutions``."""
    if name == "deconvlib":
        return InProcess()
    if name == "solutions":
        importlib.import_module("deconv_solutions")
        return Solutions()
    raise ValueError(f"answers must be 'deconvlib' or 'solutions', got {name!r}")


def _nan(array: np.ndarray) -> bool:
    return array.dtype.kind in "fc"


def _shares(value: Any, argument: np.ndarray) -> bool:
    if isinstance(value, np.ndarray):
        return np.may_share_memory(value, argument) and np.shares_memory(value, argument)
    if isinstance(value, tuple | list):
        return any(_shares(part, argument) for part in value)
    if isinstance(value, dict):
        return any(_shares(part, argument) for part in value.values())
    return False
