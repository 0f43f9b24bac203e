"""A call of a learner's code, as a check sees it: what answers, what comes back, which functions are passed along."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from deconv_grader.values.handles import Handle
from deconvlib.course.catalogue import Exercise


@dataclass(frozen=True)
class Reply:
    """What a call gave back, and what it did besides."""

    value: Any
    changed: tuple[int | str, ...] = ()  # positions or keywords of the arguments that are not as they were
    shared: tuple[int | str, ...] = ()  # those whose memory the result shares
    seconds: float = 0.0  # of the processor that it took


class Answers(Protocol):
    """The one door to a learner's code. Only plain values and arrays pass through it."""

    def begin(self, exercise: Exercise) -> None:
        """A check begins, and with it its time."""
        ...

    def more_time(self, exercise: Exercise) -> None:
        """As much time again, for looking for a smaller case that fails."""
        ...

    def problem(self, exercise: Exercise) -> str:
        """Why no check of an exercise can run; empty if they can, or as long as that is not known."""
        ...

    def printed(self, exercise: Exercise) -> str:
        """What the exercise's answer has printed: the beginning."""
        ...

    def unwritten(self, exercise: Exercise) -> bool:
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
