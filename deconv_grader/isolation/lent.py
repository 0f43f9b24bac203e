"""What a worker was lent, and what it asks of it.

A worker gets no code of a check: a function that a test passes, a model, the reference of another exercise stay here, and
the worker asks for what they give. What it keeps itself, a module or an iterator, is a `Handle` here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from deconv_grader.isolation import wire
from deconv_grader.isolation.bounded import OutOfTime, apart, bounded
from deconv_grader.isolation.connection import Connection
from deconv_grader.values import torch_modules
from deconv_grader.values.calls import PassedFunction
from deconv_grader.values.deadlines import Allowance
from deconv_grader.values.failures import Malformed, TimedOut
from deconv_grader.values.handles import Handle, Made
from deconv_grader.values.sizes import MOST_NUMBERS, laborious, numbers
from deconv_grader.values.text import one_line
from deconvlib.course.exercise import reference

MOST_MADE = 1 << 25  # numbers in the modules that prerequisites made for one worker, each with at least MODULE
MODULE = 10_000  # numbers that an empty module's memory would hold


class Lent:
    """What one worker was lent, each function by its number.

    Parameters
    ----------
    worker
        The worker.
    ask
        Asks a worker, about a thing of this type that stayed there, with these fields and this body.
    """

    def __init__(self, worker: Connection, ask: Callable[[Connection, str, dict[str, Any], Any], Any]):
        self._worker, self._ask = worker, ask
        self._functions: list[PassedFunction] = []
        self._too_old = 0  # so many of them were lent while the module loaded
        self._made = 0  # numbers in those of them that are modules of a prerequisite

    def loaded(self) -> None:
        """The module is loaded: what it was lent meanwhile it may ask for no more."""
        self._too_old = len(self._functions)

    # --------------------------------------------------------------------------------------------------- what crosses

    def request(self, fields: dict[str, Any], body: Any) -> bytes:
        """A frame for the worker, in which what cannot cross is lent."""
        try:
            return wire.encode(fields, self._crossing(body), wire.REQUEST, self._special)
        except (wire.WireError, TypeError) as error:
            raise TypeError(f"the check passes what cannot be sent: {error}") from None

    def _special(self, value: Any) -> dict[str, Any] | None:
        if isinstance(value, PassedFunction):
            methods = {name: self._pass(PassedFunction(getattr(value.function, name), name)) for name in value.methods}
            return {"function": self._pass(value), "name": value.name, "methods": methods}
        if isinstance(value, Handle) and value.origin[0] is self._worker:
            return {"handle": value.origin[1]}
        if isinstance(value, Made):
            return {"made": value.name, "args": list(value.args)}
        return None

    def _pass(self, function: PassedFunction) -> int:
        self._functions.append(function)
        return len(self._functions) - 1

    def _crossing(self, value: Any) -> Any:
        """A body with each torch module described: a worker builds it anew, its own methods are asked for here."""
        if torch_modules.is_module(value):
            itself = PassedFunction(value, type(value).__name__)
            return wire.Described({"tree": torch_modules.describe(value, PassedFunction), "itself": itself})
        if type(value) in (list, tuple):
            return type(value)(map(self._crossing, value))
        if type(value) is dict:
            return {key: self._crossing(part) for key, part in value.items()}
        return value

    def restore(self, node: dict[str, Any]) -> Handle | PassedFunction:
        """What a node of a reply stands for: something that was lent, or a thing that stayed in the worker."""
        if node.keys() == {"passed"}:  # back again
            index = node["passed"]
            if type(index) is not int or not self._too_old <= index < len(self._functions):
                raise wire.WireError("a function that was not passed")
            return self._functions[index]
        number, name = node.get("handle"), node.get("type")
        if node.keys() != {"handle", "type"} or type(number) is not int or type(name) is not str:
            raise wire.WireError("an object of unknown kind")
        if not 0 <= number < 1 << 31:
            raise wire.WireError("a handle that is none")
        return self._handle(number, one_line(name, 80))

    def _handle(self, number: int, thing: str) -> Handle:
        def ask(kind: str, body: Any) -> Any:
            return self._ask(self._worker, thing, {"kind": kind, "handle": number}, body)

        return Handle(thing, ask, (self._worker, number))

    # ---------------------------------------------------------------------------------------------- what it asks for

    def answer(
        self, reply: dict[str, Any], value: Any, may: Callable[[], Collection[str]], allowance: Allowance
    ) -> bytes:
        """What the worker asked for: a function that the test passed, or the reference of an exercise that it may have."""
        if type(value) is not list or len(value) != 2 or type(value[0]) is not list or type(value[1]) is not dict:
            raise Malformed("a question without arguments")
        args, keywords = value
        try:
            function = self._asked_for(reply, may)
            if isinstance(function, type):  # what it makes has to stay in this process
                lengthy = False
            elif reply["kind"] == "reference":
                lengthy = laborious(value)
            else:
                lengthy = laborious(value, MOST_NUMBERS, MOST_NUMBERS)
            if lengthy:
                return apart(lambda: self._computed(function, args, keywords, allowance), allowance)
            return self._computed(function, args, keywords, allowance)
        except OutOfTime:
            raise TimedOut("stopped at its deadline, while it had an exercise computed that it rests on") from None

    def _computed(
        self, function: Callable[..., Any], args: list[Any], keywords: dict[str, Any], allowance: Allowance
    ) -> bytes:
        answer: dict[str, Any] = {"kind": "answer"}
        try:
            if holds([args, keywords], Handle):
                raise wire.WireError("an argument that cannot be sent")
            with bounded(allowance):
                result = function(*map(_itself, args), **{key: _itself(part) for key, part in keywords.items()})
            if torch_modules.is_module(result):  # of a prerequisite that is a class: it stays here, and can be called
                self._made += MODULE + sum(map(numbers, result.parameters()))
                if self._made > MOST_MADE:
                    raise wire.WireError("too many modules, or too large ones")
                result = PassedFunction(result, type(result).__name__, torch_modules.methods_of(result))
            return wire.encode(answer, result, wire.REQUEST, self._special)
        except OutOfTime:
            raise
        except wire.WireError as error:
            return wire.encode({**answer, "error": "refused"}, str(error)[:500], wire.REQUEST)
        except Exception as error:
            name = next(base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins")
            return wire.encode({**answer, "error": name}, str(error)[:2000], wire.REQUEST)

    def _asked_for(self, reply: dict[str, Any], may: Callable[[], Collection[str]]) -> Callable[..., Any]:
        if reply["kind"] == "callback":
            number = reply.get("function")
            if type(number) is not int or not self._too_old <= number < len(self._functions):
                raise Malformed("it asked for a function that was not passed")
            return self._functions[number]
        identity = reply.get("exercise")
        if type(identity) is not str or identity not in may():
            raise Malformed("it asked for a solution that it may not have")
        return reference(identity)


def _itself(value: Any) -> Any:
    """What a worker was lent: the model of the test in the place of its copy there."""
    return value.function if isinstance(value, PassedFunction) and torch_modules.is_module(value.function) else value


def holds(value: Any, kind: type) -> bool:
    """Whether a value is of a kind, or a part of it is."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return any(holds(part, kind) for part in value)
    return isinstance(value, kind)
