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

from deconvlib.course.workspace import warn_once

F = TypeVar("F", bound=Callable[..., Any])
Fallback = Callable[[str, tuple[Any, ...], dict[str, Any]], Any]

_written: dict[str, Callable[..., Any]] = {}  # what counts as the answer: what the module binds to the name in the end
_served: dict[str, tuple[Any, Callable[..., Any]]] = {}  # what was put in the place of a decorated one, and that one
_announced: set[str] = set()
_learner_answers: Collection[str] | None = None  # None: wherever there is a body
_fallback: Fallback | None = None  # None: call the reference solution here


def _on_stderr(line: str) -> None:
    print(line, file=sys.stderr)


_announce: Callable[[str], None] = _on_stderr


def _stub() -> None:
    raise NotImplementedError


def _documented_stub() -> None:
    "With a docstring."
    raise NotImplementedError


def _called_stub() -> None:
    raise NotImplementedError()


def _stub_with_words() -> None:
    raise NotImplementedError("with words")


def _documented_stub_with_words() -> None:
    "With a docstring."
    raise NotImplementedError("with words")


_STUBS = {
    stub.__code__.co_code
    for stub in (_stub, _documented_stub, _called_stub, _stub_with_words, _documented_stub_with_words)
}


def is_stub(function: Any) -> bool:
    """Whether a function's body (every method's, for a class) only raises NotImplementedError, with plain words or none."""
    if isinstance(function, type):
        own = [
            part for name, part in vars(function).items() if name != "__new__"
        ]  # which is the course's, see _serve_class
        parts = [getattr(part, "__func__", None) or getattr(part, "fget", None) or part for part in own]
        methods = [part for part in parts if isinstance(part, types.FunctionType)]
        return bool(methods) and all(map(is_stub, methods))
    code = getattr(function, "__code__", None)
    return code is not None and code.co_code in _STUBS and code.co_names == _stub.__code__.co_names


def exercise(
    *,
    title: str,
    points: int,
    minutes: int,
    difficulty: int,
    needs: tuple[str, ...] = (),
    hints: tuple[str, ...] = (),
    forbids: tuple[str, ...] = ("torch", "scipy"),
    requires: tuple[str, ...] = (),
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
        Names of the exercises this one may call; they are served by the reference when it is graded. Where gradients or
        layers are needed, which do not cross to a worker, the learner's own are, if they are written.
    hints
        From a nudge to nearly the code.
    forbids
        Top-level packages that may not be imported to solve it, and single functions by their dotted names.
    requires
        Optional packages beyond PyTorch that it cannot be solved or checked without, such as ``"triton"``.
    deadline
        Seconds of the processor allowed for the answer in one check.
    """

    def decorate(function: F) -> F:
        warn_once()
        chapter = function.__module__.rpartition(".")[2]
        identity = f"{chapter}.{function.__name__}"
        _written[identity] = function
        _announced.discard(identity)
        _served.pop(identity, None)
        served = _serve_class(function, identity) if isinstance(function, type) else _serve(function, identity)
        _served[identity] = (served, function)
        return served  # type: ignore[return-value]

    return decorate


def _serve(function: Callable[..., Any], identity: str) -> Callable[..., Any]:
    """What asks at every call who answers."""

    @functools.wraps(function)
    def served(*args: Any, **keywords: Any) -> Any:
        return _who_answers(identity, served)(*args, **keywords)

    served.exercise = identity  # type: ignore[attr-defined]
    return served


def prepare(module: types.ModuleType, names: Collection[str]) -> None:
    """Before a chapter's module runs: every exercise is there as a stub, so that the reference answers what it lacks.

    It may lack some because it is older than the course, holds the cells of a notebook, or is imported by what it imports.
    """
    for name in names:
        _stand_in(module, name)


def settle(module: types.ModuleType, names: Collection[str]) -> None:
    """After it has run: what it binds in the end is the answer, as Python would have it, decorated or not."""
    for name in names:
        identity = f"{module.__name__.rpartition('.')[2]}.{name}"
        if name not in vars(module):
            _stand_in(module, name)
        found = vars(module)[name]
        if _served[identity][0] is not found:
            answer = _named(found, name, module.__name__)
            _written[identity] = answer
            setattr(
                module, name, _serve_class(answer, identity) if isinstance(answer, type) else _serve(answer, identity)
            )


def _stand_in(module: types.ModuleType, name: str) -> None:
    def stub(*args: Any, **keywords: Any) -> Any:
        raise NotImplementedError

    stub.__name__ = stub.__qualname__ = name
    stub.__module__ = module.__name__
    setattr(module, name, exercise(title="", points=0, minutes=0, difficulty=1)(stub))


def _named(answer: Any, name: str, module: str) -> Any:
    """A function or class; or what stands for it, as a module's binding of an exercise may be anything."""
    if isinstance(answer, type) and (answer.__name__ != name or answer.__module__ != module):
        return type(answer)(name, (answer,), {"__module__": module})
    if isinstance(answer, types.FunctionType | type) and answer.__name__ == name:
        return answer

    def alias(*args: Any, **keywords: Any) -> Any:
        return answer(*args, **keywords)

    alias.__name__ = alias.__qualname__ = name
    alias.__module__ = module
    return alias


def _serve_class(made: type, identity: str) -> type:
    """Have the making of an instance ask who answers. The class stays the learner's own, and its subclasses themselves."""
    before: Callable[..., Any] = made.__new__

    def __new__(cls: type, *args: Any, **keywords: Any) -> Any:
        copied = sys._getframe(1).f_code is _COPIED  # copy.deepcopy of an instance that there is already
        answer = made if cls is not made or copied else _who_answers(identity, made)
        if answer is not made:
            return answer(*args, **keywords)
        return before(cls) if before is object.__new__ else before(cls, *args, **keywords)

    made.__new__ = staticmethod(__new__)  # type: ignore[assignment, method-assign]
    made.exercise = identity  # type: ignore[attr-defined]
    return made


_COPIED = copyreg.__newobj__.__code__  # type: ignore[attr-defined]


def learner_function(identity: str) -> Callable[..., Any] | None:
    """The learner's own function for an exercise id such as ``"convolution.conv2d"``, or None while it is a stub."""
    function = _written.get(identity)
    if function is None:
        importlib.import_module(f"deconvlib.{identity.partition('.')[0]}")
        function = _written.get(identity, _stub)
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


def _who_answers(identity: str, asked: Callable[..., Any]) -> Callable[..., Any]:
    """Who answers a call of what `asked` is for the learner."""
    if _learner_answers is not None and identity not in _learner_answers:
        return _reference_answer(identity)
    served, own = _served.get(identity, (None, _stub))
    # The answer may call the decorated one that it replaced in the module: `conv2d = timed(conv2d)`.
    function = own if asked is served else _written.get(identity, _stub)
    if not is_stub(function):
        return function
    if _learner_answers is not None and not is_stub(_written.get(identity, _stub)):
        return function  # an answer around an empty exercise is none
    if identity not in _announced and _learner_answers is None and _fallback is None:
        _announced.add(identity)
        name = identity.rpartition(".")[2]
        _announce(f"{name} is not written yet; the reference answer is used.")
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


Registered = tuple[dict[str, Callable[..., Any]], dict[str, tuple[Any, Callable[..., Any]]]]


def registered() -> Registered:
    """Who answers for which exercise now."""
    return dict(_written), dict(_served)


def register_again(before: Registered) -> None:
    """Put back an earlier result of `registered`."""
    written, served = before
    _written.clear()
    _written.update(written)
    _served.clear()
    _served.update(served)


def set_announcer(announce: Callable[[str], None]) -> None:
    """Have `announce` tell, once an exercise, that the reference answers (by default a line on standard error)."""
    global _announce
    _announce = announce


def set_fallback(fallback: Fallback | None) -> None:
    """Have `fallback` (exercise id, args, keywords) give the reference's answers, as a worker without solutions must."""
    global _fallback
    _fallback = fallback
