"""Who answers a check's calls: functions in this process, or (in `isolated`) a worker behind a process boundary."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from deconv_grader import modules
from deconv_grader.handles import Handle, local, placed
from deconv_grader.untouched import duplicate, restore, same, shares
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

    def place(self, exercise: Exercise, thing: Any) -> Handle:
        """A torch module put where the learner's code runs, to be passed as an argument and looked at afterwards."""
        ...


class PassedFunction:
    """A function handed to the learner's code as an argument (a forward operator, an initializer, a model's method)."""

    def __init__(self, function: Callable[..., Any], name: str, methods: Iterable[str] = ()):
        self.function = function
        self.name = name
        self.methods = tuple(methods)  # that may be called too

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
        given = {key: duplicate(part) if modules.is_module(part) else part for key, part in given.items()}
        before = {key: duplicate(part) for key, part in given.items()}
        given = placed(given)
        with serve_only({exercise.id}):
            value = function(*(given[key] for key in range(len(args))), **{key: given[key] for key in keywords})
        changed = tuple(key for key, old in before.items() if not same(given[key], old))
        shared = tuple(key for key in before if shares(value, given[key]))
        value = duplicate(value) if changed else value  # it may be what was written into
        for key in changed:
            restore(given[key], before[key])
        return Reply(local(value, lambda: serve_only({exercise.id})), changed, shared)

    def place(self, exercise: Exercise, thing: Any) -> Handle:
        handle = local(duplicate(thing), lambda: serve_only({exercise.id}))
        assert isinstance(handle, Handle)
        return handle


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
