"""The untrusted side: loads the learner's modules and answers calls, in a process that has been locked down.

Nothing in here is relied upon for a score: the learner's code runs in this very process and may change all of it. What
the grader gets is values, and what it believes of them is decided over there.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import posix
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from deconv_grader.isolation import loading, wire
from deconv_grader.values import torch_modules, torch_scipy
from deconv_grader.values.copies import same, shares
from deconv_grader.values.handles import Made, perform
from deconv_grader.values.text import clean

MESSAGE_LENGTH = 2000
TRACE_LENGTH = 12
MOST_HANDLES = 1000
TRACE = 4  # the descriptor on which it says in which line it is
_leave = os._exit


class Refused(Exception):
    """The grader could not do what was asked of it."""


class Channel:
    """Frames over the socket to the grader."""

    def __init__(self, descriptor: int):
        self.socket = socket.socket(fileno=descriptor)

    def send(self, frame: bytes) -> None:
        try:
            self.socket.sendall(frame)
        except OSError:  # the grader is gone, or will have no more
            _leave(0)

    def receive(self) -> tuple[bytearray, bytearray]:
        header, payload = wire.PREFIX.unpack(self._exactly(wire.PREFIX.size))
        return self._exactly(header), self._exactly(payload)

    def _exactly(self, length: int) -> bytearray:
        data = bytearray(length)
        view = memoryview(data)
        while view:
            count = self.socket.recv_into(view)
            if not count:
                _leave(0)
            view = view[count:]
        return data


class Worker:
    """One submission's functions, and what of their results stays here under a number."""

    def __init__(self, channel: Channel, start: dict[str, Any]):
        self.channel = channel
        self.identities = {f"{module}.{name}" for module, names in start["exercises"].items() for name in names}
        self.references: frozenset[str] = frozenset()
        self.handles: list[Any] = []
        self.exercise = sys.modules["deconvlib.course.exercise"]
        self.exercise.set_fallback(self._reference)
        self.submission = loading.Submission(start["sources"], start["exercises"], start["graded"])
        sys.meta_path.insert(0, self.submission)
        sys.meta_path.insert(1, loading.NotAllowed(start["forbidden"], start["allowed"]))
        for name in start["forbidden"]:
            if "." in name:
                loading.forbid_function(name)

    def run(self) -> None:
        while True:
            header, payload = self.channel.receive()
            self.answer(header, payload)

    def answer(self, header: bytearray, payload: bytearray) -> None:
        """Do what one frame asks and send what came of it."""
        fields, body = wire.decode(header, payload, wire.REQUEST, self._restore)
        number = fields["number"]
        try:
            try:
                value, facts = self._do(fields, body, header, payload)
            finally:
                with contextlib.suppress(Exception):  # it may be the learner's own
                    sys.stdout.flush()
            frame = wire.encode({"kind": "result", "number": number, **facts}, value, wire.REPLY, self._keep)
        except BaseException as error:
            frame = wire.encode({"kind": "error", "number": number, **self._describe(error)}, None, wire.REPLY)
        self.channel.send(frame)

    def _do(self, fields: dict[str, Any], body: Any, header: Any, payload: Any) -> tuple[Any, dict[str, Any]]:
        kind = fields["kind"]
        if kind == "load":
            self.references = frozenset(fields["references"])
            importlib.import_module(f"{loading.PACKAGE}.{fields['module']}")
            return None, {}
        if kind == "call":
            self.references = frozenset(fields["references"])
            function = self._learner_function(fields["exercise"])
            args, keywords = body
            with self.exercise.serve_only(self.identities - self.references):
                value = function(*args, **keywords)
            if not payload:
                return value, {"changed": [], "shared": []}
            _, before = wire.decode(header, payload, wire.REQUEST, self._restore)
            given: dict[int | str, Any] = {**dict(enumerate(args)), **keywords}
            old: dict[int | str, Any] = {**dict(enumerate(before[0])), **before[1]}
            changed = [key for key, part in given.items() if not same(part, old[key])]
            shared = [key for key, part in given.items() if shares(value, part)]
            return value, {"changed": changed, "shared": shared}
        if kind == "place":
            torch_modules.lent.pop(body, None)  # from here on it is itself
            return Kept(body), {}
        with self.exercise.serve_only(self.identities - self.references):
            return perform(self.handles[fields["handle"]], kind, body), {}

    def _learner_function(self, identity: str) -> Callable[..., Any]:
        function = self.exercise.learner_function(identity)
        if function is None:
            raise NotImplementedError(f"{identity.rpartition('.')[2]} is not written yet")
        return function

    # Values that do not cross.

    def _keep(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Kept):
            value = value.thing
        if torch_scipy.is_tensor(value):  # whose dtype, layout or device NumPy does not have, or of a class of its own
            kind = f"{clean(type(value).__name__, 80)} of {value.dtype}, {value.layout}, on {value.device}"
            raise wire.WireError(f"a {kind} cannot be sent")
        if len(self.handles) >= MOST_HANDLES:
            raise wire.WireError("too many values that cannot be sent")
        self.handles.append(value)
        return {"handle": len(self.handles) - 1, "type": clean(type(value).__name__, 80)}

    def _lend_back(self, value: Any) -> dict[str, Any]:
        """In a question: what the grader lent, as what it is over there."""
        lent = torch_modules.lent.get(value) if torch_modules.is_module(value) else value
        return {"passed": lent.number} if isinstance(lent, Passed) else self._keep(value)

    def _restore(self, node: dict[str, Any]) -> Any:
        if "function" in node:
            return Passed(self, node["function"], node["name"], node["methods"])
        if "made" in node:
            return Made(node["made"], *node["args"]).make()
        return self.handles[node["handle"]]

    # Asking the grader while a call of its own is under way.

    def _reference(self, identity: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        function = self.exercise.learner_function(identity)
        if identity in self.references and not (function is not None and _must_be_here(function, args, keywords)):
            try:
                return self.question({"kind": "reference", "exercise": identity}, args, keywords)
            except (Refused, wire.WireError):  # values that cannot cross: the learner's own function has to do
                if function is None:
                    raise
        if function is None:
            raise NotImplementedError(f"{identity.rpartition('.')[2]} is not written yet")
        with self.exercise.serve_only((self.identities - self.references) | {identity}):  # a class would ask again
            return function(*args, **keywords)

    def question(self, fields: dict[str, Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """What the grader computes of arguments."""
        return _detached(self.ask(fields, [list(args), dict(keywords)]))

    def ask(self, fields: dict[str, Any], body: Any) -> Any:
        """The grader's answer to a frame. It may ask for something else before it gives one."""
        self.channel.send(wire.encode(fields, body, wire.REPLY, self._lend_back))
        while True:
            header, payload = self.channel.receive()
            answer, value = wire.decode(header, payload, wire.REQUEST, self._restore)
            if answer["kind"] == "answer":
                if answer.get("error") == "refused":
                    raise Refused(value)
                if "error" in answer:
                    raise _BUILTIN.get(answer["error"], RuntimeError)(value)
                return value
            self.answer(header, payload)

    # What an exception says.

    def _describe(self, error: BaseException) -> dict[str, Any]:
        bases = [base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins"]
        facts: dict[str, Any] = {
            "type": clean(type(error).__name__, 80),
            "base": bases[0],
            "message": _message(error),
            "lines": self._lines(error),
        }
        if isinstance(error, loading.Forbidden):
            facts["forbidden"] = str(error.name)
        if isinstance(error, wire.WireError):
            facts |= {"type": "ValueError", "base": "ValueError", "message": f"the result cannot be graded: {error}"}
        return facts

    def _lines(self, error: BaseException) -> list[list[Any]]:
        """The learner's lines that an exception went through: module and line number, outermost first."""
        found = []
        for frame, line in traceback.walk_tb(error.__traceback__):
            name = self.submission.files.get(frame.f_code.co_filename)
            if name is not None:
                found.append([name, line])
        if isinstance(error, SyntaxError) and error.filename in self.submission.files:
            found.append([self.submission.files[error.filename], error.lineno or 0])
        return [*found[:2], *found[-TRACE_LENGTH:]] if len(found) > TRACE_LENGTH + 2 else found


class Kept:
    """What a test placed here."""

    def __init__(self, thing: Any):
        self.thing = thing


class Passed:
    """A function that a test passed as an argument, or a model that stayed with the grader: calling it asks the grader."""

    def __init__(self, worker: Worker, number: int, name: str, methods: dict[str, int]):
        self.__name__ = name
        self._worker, self.number = worker, number
        for method, other in methods.items():
            setattr(self, method, Passed(worker, other, method, {}))

    def __deepcopy__(self, memo: Any) -> Passed:  # a learner may copy a model that holds it
        return self

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self._worker.question({"kind": "callback", "function": self.number}, args, keywords)

    def eval(self, *args: Any, **keywords: Any) -> Passed:
        """Itself: what mode a model over there is in, and on what device, is not for here to say."""
        return self

    train = to = eval

    def __repr__(self) -> str:
        return self.__name__


def _must_be_here(function: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> bool:
    """Whether the grader's answer would not do: no gradient comes through it, and it has none of a layer's parameters."""
    torch = torch_scipy.library("torch")
    if torch is None:
        return False
    given = [*args, *keywords.values()]
    if isinstance(function, type):
        lent = any(isinstance(value, Passed) or torch_modules.is_module(value) for value in given)
        return issubclass(function, torch.nn.Module) and not lent
    return torch.is_grad_enabled() and any(torch_scipy.is_tensor(value) and value.requires_grad for value in given)


def _detached(value: Any) -> Any:
    """A value without what says that its tensors have a gradient's history: that does not cross."""
    if torch_scipy.is_tensor(value):
        return value.detach()
    if type(value) in (list, tuple):
        return type(value)(map(_detached, value))
    if type(value) is dict:
        return {key: _detached(part) for key, part in value.items()}
    return value


_BUILTIN = {
    error.__name__: error for error in (ValueError, TypeError, IndexError, KeyError, ZeroDivisionError, OverflowError)
}


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "the code called exit()"
    try:
        return clean(str(error), MESSAGE_LENGTH)
    except BaseException:  # a learner's own __str__
        return "(its message could not be read)"


def _say_where_and_leave(status: int) -> NoReturn:
    """What `os._exit` is to a learner's code: the grader hears in which line."""
    with contextlib.suppress(Exception):
        faulthandler.dump_traceback(TRACE, all_threads=False)
    _leave(status)


def serve(descriptor: int, reached: dict[str, Any]) -> None:
    """Report how far the lock-down went, receive the submission, answer calls until the grader hangs up."""
    os._exit = posix._exit = _say_where_and_leave
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # what was printed before a crash is told
    channel = Channel(descriptor)
    channel.send(wire.encode({"kind": "ready", **reached}, None, wire.REPLY))
    fields, _ = wire.decode(*channel.receive(), wire.REQUEST)
    Worker(channel, fields).run()
