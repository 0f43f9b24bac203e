"""The decorator of an exercise, and who answers a call: the learner's body, or the reference until there is one."""

from __future__ import annotations

import contextlib
import copyreg
import functools
import importlib
import sys
import types
from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
Fallback = Callable[[str, tuple[Any, ...], dict[str, Any]], Any]

_written: dict[str, Callable[..., Any]] = {}
_announced: set[str] = set()
_learner_answers: Collection[str] | None = None  # None: wherever there is a body
_fallback: Fallback | None = None  # None: call the reference solution here


def _stub() -> None:
    raise NotImplementedError


def is_stub(function: Callable[..., Any]) -> bool:
    """Whether a function's body (every method's, for a class) is still ``raise NotImplementedError``."""
    if isinstance(function, type):
        methods = [part for part in vars(function).values() if isinstance(part, types.FunctionType)]
        return bool(methods) and all(map(is_stub, methods))
    code = getattr(function, "__code__", None)
    return code is not None and code.co_code == _stub.__code__.co_code and code.co_names == _stub.__code__.co_names


def exercise(
    *,
    title: str,
    points: int,
    minutes: int,
    difficulty: int,
    needs: tuple[str, ...] = (),
    hints: tuple[str, ...] = (),
    forbids: tuple[str, ...] = ("torch", "scipy"),
    deadline: float = 5.0,
) -> Callable[[F], F]:
    """Mark a function or a class of a chapter module as an exercise.

    The arguments must be literals: the site, the command line, the notebooks and the reports read them from the source
    (see `deconvlib.course.catalogue`), and this is their only home.

    Parameters
    ----------
    title
        What the reader sees.
    points, minutes, difficulty
        Whole numbers; difficulty from 1 to 3.
    needs
        Names of the exercises this one may call; they are served by the reference when it is graded.
    hints
        From a nudge to nearly the code.
    forbids
        Top-level packages that may not be imported to solve it, and single functions by their dotted names.
    deadline
        Seconds allowed for one check.
    """

    def decorate(function: F) -> F:
        chapter = function.__module__.rpartition(".")[2]
        identity = f"{chapter}.{function.__name__}"
        _written[identity] = function
        _announced.discard(identity)
        if isinstance(function, type):
            return _serve_class(function, identity)  # type: ignore[return-value]

        @functools.wraps(function)
        def served(*args: Any, **keywords: Any) -> Any:
            return _who_answers(identity)(*args, **keywords)

        served.exercise = identity  # type: ignore[attr-defined]
        return served  # type: ignore[return-value]

    return decorate


def _serve_class(made: type, identity: str) -> type:
    """Have the making of an instance ask who answers. The class stays the learner's own, and its subclasses themselves."""
    before: Callable[..., Any] = made.__new__

    def __new__(cls: type, *args: Any, **keywords: Any) -> Any:
        copied = sys._getframe(1).f_code is _COPIED  # copy.deepcopy of an instance that there is already
        answer = made if cls is not made or copied else _who_answers(identity)
        if answer is not made:
            return answer(*args, **keywords)
        return before(cls) if before is object.__new__ else before(cls, *args, **keywords)

    made.__new__ = staticmethod(__new__)  # type: ignore[assignment, method-assign]
    made.exercise = identity  # type: ignore[attr-defined]
    return made


_COPIED = copyreg.__newobj__.__code__  # type: ignore[attr-defined]


def is_written(identity: str) -> bool:
    """Whether a function or class that is no stub has been marked as this exercise."""
    return identity in _written and not is_stub(_written[identity])


def learner_function(identity: str) -> Callable[..., Any] | None:
    """The learner's own function for an exercise id such as ``"convolution.conv2d"``, or None while it is a stub."""
    function = _written.get(identity)
    if function is None:
        importlib.import_module(f"deconvlib.{identity.partition('.')[0]}")
        function = _written[identity]
    return None if is_stub(function) else function


def reference(identity: str) -> Callable[..., Any]:
    """The worked answer of an exercise.

    Raises
    ------
    NotImplementedError
        Where the solutions are not installed, as in a grading worker.
    """
    chapter, _, name = identity.partition(".")
    try:
        module = importlib.import_module(f"deconv_solutions.{chapter}")
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("deconv_solutions"):
            raise NotImplementedError(f"{name} is not written yet, and no reference answer is installed here") from None
        raise
    return getattr(module, name)


def _who_answers(identity: str) -> Callable[..., Any]:
    function = _written[identity]
    if _learner_answers is not None and identity not in _learner_answers:
        return _reference_answer(identity)
    if not is_stub(function):
        return function
    if identity not in _announced and _learner_answers is None and _fallback is None:
        _announced.add(identity)
        name = identity.rpartition(".")[2]
        print(f"{name} is not written yet; the reference answer is used.", file=sys.stderr)
    return _reference_answer(identity)


def _reference_answer(identity: str) -> Callable[..., Any]:
    if _fallback is None:
        return reference(identity)
    fallback = _fallback
    return lambda *args, **keywords: fallback(identity, args, keywords)


@contextlib.contextmanager
def serve_only(identities: Collection[str]) -> Iterator[None]:
    """While it lasts, the learner answers only `identities`; the reference answers every other exercise."""
    global _learner_answers
    before, _learner_answers = _learner_answers, identities
    try:
        yield
    finally:
        _learner_answers = before


def set_fallback(fallback: Fallback | None) -> None:
    """Have `fallback` (exercise id, args, keywords) give the reference's answers, as a worker without solutions must."""
    global _fallback
    _fallback = fallback
