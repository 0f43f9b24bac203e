"""What a test may do with a result that is neither a plain value nor an array: a module a learner builds, a generator.

In a worker such a thing stays where it is, and the test holds a `Handle` of it. In process the test gets a handle just the
same, so that a test that passes in one mode passes in the other.
"""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any


class Handle:
    """A learner's thing, by what may be asked of it.

    Parameters
    ----------
    type_name
        The name of its type.
    ask
        Does what `perform` does, wherever the thing is.
    origin
        The thing itself, or what stands for it on the wire.
    """

    def __init__(self, type_name: str, ask: Callable[[str, Any], Any], origin: Any):
        self.type_name, self._ask, self.origin = type_name, ask, origin

    def __repr__(self) -> str:
        return f"<{self.type_name}>"

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self._ask("invoke", [list(args), keywords])

    def get(self, attribute: str) -> Any:
        """An attribute that is data."""
        if not attribute.isidentifier() or attribute.startswith("_"):
            raise ValueError(f"attribute must be a public name, got {attribute!r}")
        return self._ask("attribute", attribute)

    def call(self, method: str, *args: Any, **keywords: Any) -> Any:
        """What a public method gives."""
        if not method.isidentifier() or method.startswith("_"):
            raise ValueError(f"method must be a public name, got {method!r}")
        return self._ask("method", [method, list(args), keywords])

    def load(self, values: dict[str, Any]) -> None:
        """Set parameters of a torch module by their names, in place."""
        self._ask("set", dict(values))

    def parameters(self) -> dict[str, Any]:
        """The parameters of a torch module by name."""
        return dict(self._ask("parameters", None))

    def vjp(self, args: tuple[Any, ...], cotangent: Any) -> tuple[Any, tuple[Any, ...]]:
        """The result of a torch callable, and its vector-Jacobian product: the cotangent at each tensor of `args`."""
        result, gradients = self._ask("pullback", [list(args), cotangent])
        return result, tuple(gradients)

    def gradients(self, args: tuple[Any, ...], cotangent: Any) -> dict[str, Any]:
        """The gradient of a torch module's result in each of its parameters, by name; None where none flows."""
        return dict(self._ask("gradients", [list(args), cotangent]))

    def next(self, count: int = 1) -> list[Any]:
        """Up to `count` further values of an iterator."""
        return list(self._ask("next", count))


class Made:
    """A thing of the course's own, to be made where the learner's code runs: what a test places to see what happens there.

    Parameters
    ----------
    name
        A module of ``deconvlib.course`` and what to call in it: ``"rehearsals:Stopwatch"``.
    args
        Numbers, texts, truth values, and lists of them.
    """

    def __init__(self, name: str, *args: Any):
        self.name, self.args = name, args

    def make(self) -> Any:
        module, _, attribute = self.name.partition(":")
        return getattr(importlib.import_module(f"deconvlib.course.{module}"), attribute)(*self.args)


Guard = Callable[[], AbstractContextManager[None]]


def local(value: Any, guard: Guard = nullcontext) -> Any:
    """A handle of a value with a behavior of its own, also within lists, tuples and dicts; any other value as it is.

    What the handle is asked is done within `guard()`.
    """
    if type(value) in (list, tuple):
        return type(value)(local(part, guard) for part in value)
    if type(value).__name__ == "Size":  # of a tensor: a tuple, as it is once it has crossed
        return tuple(value)
    if type(value) is dict:
        return {key: local(part, guard) for key, part in value.items()}
    if isinstance(value, Made):
        value = value.make()
    elif not (callable(value) or isinstance(value, Iterator)):
        return value

    def ask(kind: str, body: Any) -> Any:
        with guard():
            return local(perform(value, kind, placed(body)), guard)

    return Handle(type(value).__name__, ask, value)


def placed(value: Any) -> Any:
    """Arguments with the things themselves in the place of their handles."""
    if isinstance(value, Handle):
        return value.origin
    if type(value) in (list, tuple):
        return type(value)(map(placed, value))
    if type(value) is dict:
        return {key: placed(part) for key, part in value.items()}
    return value


def perform(thing: Any, kind: str, body: Any) -> Any:
    """Do with a thing what a handle of it was asked."""
    if kind == "invoke":
        args, keywords = body
        return thing(*args, **keywords)
    if kind == "method":
        name, args, keywords = body
        return getattr(thing, str(name))(*args, **keywords)
    if kind == "set":
        own = dict(thing.named_parameters())
        for name, value in body.items():
            if name not in own or own[name].shape != value.shape:
                found = f"its shape is {tuple(own[name].shape)}" if name in own else f"there are {', '.join(own)}"
                raise ValueError(f"a parameter {name} of shape {tuple(value.shape)} was expected; {found}")
            own[name].data.copy_(value)
        return None
    if kind == "attribute":
        return getattr(thing, str(body))
    if kind == "parameters":
        return {name: parameter.detach() for name, parameter in thing.named_parameters()}
    if kind == "next":
        if not isinstance(thing, Iterator):
            raise TypeError(f"a {type(thing).__name__} is no iterator")
        return list(itertools.islice(thing, body))
    if kind == "pullback":
        torch = sys.modules["torch"]
        args, cotangent = body
        inputs = [part.detach().requires_grad_() if torch.is_tensor(part) else part for part in args]
        result = thing(*inputs)
        leaves = [part for part in inputs if torch.is_tensor(part)]
        return result.detach(), torch.autograd.grad(result, leaves, cotangent, allow_unused=True)
    if kind == "gradients":
        torch = sys.modules["torch"]
        args, cotangent = body
        named = dict(thing.named_parameters())
        result = thing(*args)
        if not result.requires_grad:
            return dict.fromkeys(named)
        found = torch.autograd.grad(result, list(named.values()), cotangent, allow_unused=True)
        return dict(zip(named, found, strict=True))
    raise ValueError(f"nothing is known of {kind!r}")
