"""Answers from functions in this very process: one's own, the worked solutions, or others in their place."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from deconv_grader.values import torch_modules
from deconv_grader.values.calls import Reply
from deconv_grader.values.copies import duplicate, restore, same, shares
from deconv_grader.values.handles import Handle, local, placed
from deconvlib.course.catalogue import Exercise
from deconvlib.course.exercise import learner_function, reference, serve_only


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

    def unwritten(self, exercise: Exercise) -> bool:
        return self._function(exercise) is None

    def call(self, exercise: Exercise, args: tuple[Any, ...], keywords: dict[str, Any]) -> Reply:
        function = self._function(exercise)
        if function is None:
            raise NotImplementedError(f"{exercise.name} is not written yet")
        given: dict[int | str, Any] = dict(enumerate(args)) | keywords  # type: ignore[operator]
        given = {key: duplicate(part) if torch_modules.is_module(part) else part for key, part in given.items()}
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
