"""What the checks do to a worked answer: the values they pass, and the other exercises that it really calls."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import types
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from deconv_grader.checks.in_process import Solutions
from deconvlib.course.catalogue import Exercise, exercises


class Traced(Solutions):
    """The worked solutions in the learner's place, with a record of what each parameter was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: dict[str, list[Any]] = defaultdict(list)

    def call(self, exercise: Exercise, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        function = self._function(exercise)
        assert function is not None
        try:
            bound = inspect.signature(function).bind(*args, **keywords)
        except TypeError:
            pass  # a call that should be refused
        else:
            for parameter, value in bound.arguments.items():
                self.given[parameter].append(value)
        return super().call(exercise, args, keywords)


@contextmanager
def watched_calls() -> Iterator[dict[str, set[str]]]:
    """While it lasts, who of the worked answers calls whom is written down: a name, and the names that it calls.

    Only calls made in the text of the solutions count: not those of a function that a check passes in.
    """
    calls: dict[str, set[str]] = defaultdict(set)
    running: list[str] = []
    undo: list[Callable[[], None]] = []
    modules = [importlib.import_module(f"deconv_solutions.{chapter}") for chapter in _chapters()]
    for exercise in exercises().values():
        answer = getattr(sys.modules[f"deconv_solutions.{exercise.chapter}"], exercise.name)
        if isinstance(answer, type):
            for name, method in [*vars(answer).items()]:
                if isinstance(method, types.FunctionType):
                    undo.append(functools.partial(setattr, answer, name, method))
                    setattr(answer, name, _watched(method, exercise.name, running, calls))
            continue
        watched = _watched(answer, exercise.name, running, calls)
        for module in modules:
            for name in [name for name, value in vars(module).items() if value is answer]:
                undo.append(functools.partial(setattr, module, name, answer))
                setattr(module, name, watched)
    try:
        yield calls
    finally:
        for step in undo:
            step()


def _chapters() -> list[str]:
    return list(dict.fromkeys(exercise.chapter for exercise in exercises().values()))


def _watched(
    function: Callable[..., Any], name: str, running: list[str], calls: dict[str, set[str]]
) -> Callable[..., Any]:
    @functools.wraps(function)
    def watched(*args: Any, **keywords: Any) -> Any:
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if running and running[-1] != name and caller.startswith("deconv_solutions."):
            calls[running[-1]].add(name)
        running.append(name)
        try:
            return function(*args, **keywords)
        finally:
            running.pop()

    return watched
