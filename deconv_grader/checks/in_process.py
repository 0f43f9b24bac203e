"""Answers from functions in this very process: one's own, the worked solutions, or others in their place."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from deconv_grader.checks.learner_lines import learner_lines
from deconv_grader.values import preloaded, torch_modules
from deconv_grader.values.calls import Reply
from deconv_grader.values.copies import duplicate, restore, same, shares
from deconv_grader.values.deadlines import Allowance, limited
from deconv_grader.values.failures import TimedOut, import_problem
from deconv_grader.values.handles import Handle, local, placed
from deconvlib.course.catalogue import Exercise
from deconvlib.course.exercise import learner_function, reference, serve_only


class InProcess:
    """The learner's functions in this very process: quick, and only for one's own code.

    `functions` puts other functions in the place of the learner's, by exercise name.
    """

    def __init__(self, functions: Mapping[str, Callable[..., Any]] | None = None):
        self.functions = functions
        self._left = Allowance(1)
        self._running = False  # a call of the learner's: its time is counted
        self._failure: TimedOut | None = None

    def begin(self, exercise: Exercise) -> None:
        preloaded.complete()
        self._failure = None
        self.more_time(exercise)

    def more_time(self, exercise: Exercise) -> None:
        self._left = Allowance(exercise.deadline)

    def problem(self, exercise: Exercise) -> str:
        if self.functions is not None:
            return ""
        try:
            importlib.import_module(f"deconvlib.{exercise.chapter}")
        except SyntaxError as error:
            where = f"{exercise.chapter}.py, line {error.lineno}: {(error.text or '').strip()}"
            return import_problem(exercise.chapter, error, [where])
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            return import_problem(exercise.chapter, error, learner_lines(error))
        return ""

    def printed(self, exercise: Exercise) -> str:
        return ""  # pytest has it

    @contextmanager
    def _of(self, exercise: Exercise) -> Iterator[None]:
        """Within it the learner answers this exercise, and no other, and takes from its time."""
        with serve_only({exercise.id}):
            if self._running:
                yield
                return
            if self._failure is not None:
                raise self._failure
            self._running = True
            try:
                with limited(self._left):
                    yield
            except TimedOut as failure:
                self._failure = failure
                raise
            finally:
                self._running = False

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
        began = time.process_time()
        with self._of(exercise):
            value = function(*(given[key] for key in range(len(args))), **{key: given[key] for key in keywords})
        seconds = time.process_time() - began
        changed = tuple(key for key, old in before.items() if not same(given[key], old))
        shared = tuple(key for key in before if shares(value, given[key]))
        value = duplicate(value) if changed else value  # it may be what was written into
        for key in changed:
            restore(given[key], before[key])
        return Reply(local(value, lambda: self._of(exercise)), changed, shared, seconds)

    def place(self, exercise: Exercise, thing: Any) -> Handle:
        handle = local(duplicate(thing), lambda: self._of(exercise))
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
