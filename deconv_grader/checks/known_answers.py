"""Known mistakes and known right variants: small functions, collected by decorators from tests/mistakes and tests/variants."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Function = Callable[..., Any]


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that learners give.

    `name` completes "your result is the one you get when ..."; `advice` says what to think about.
    """

    exercise: str
    function: Function
    name: str
    advice: str


_mistakes: dict[str, list[Mistake]] = {}
_variants: dict[str, list[Function]] = {}


def mistake(exercise: str) -> Callable[[Function], Function]:
    """Register a function as a known mistake of an exercise; its docstring is what the learner is told."""

    def register(function: Function) -> Function:
        name, _, advice = inspect.cleandoc(function.__doc__ or "").partition("\n")
        if not name:
            raise ValueError(f"the mistake {function.__name__} needs a docstring: its name, then a word of advice")
        entry = Mistake(exercise, function, name.strip().rstrip("."), " ".join(advice.split()))
        _mistakes.setdefault(exercise, []).append(entry)
        return function

    return register


def variant(exercise: str) -> Callable[[Function], Function]:
    """Register a function as a right answer, written in another way than the solution."""

    def register(function: Function) -> Function:
        _variants.setdefault(exercise, []).append(function)
        return function

    return register


def _load(package: str, chapter: str) -> None:
    name = f"deconv_tests.{package}.{chapter}"
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise


def mistakes_of(exercise: str, chapter: str) -> list[Mistake]:
    """The known mistakes of an exercise of `chapter`."""
    _load("mistakes", chapter)
    return _mistakes.get(exercise, [])


def variants_of(exercise: str, chapter: str) -> list[Function]:
    """The known right variants of an exercise of `chapter`."""
    _load("variants", chapter)
    return _variants.get(exercise, [])
