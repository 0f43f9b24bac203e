"""What can happen to a worker instead of an answer."""

from __future__ import annotations

from collections.abc import Sequence


class WorkerFailure(BaseException):
    """The worker gave no answer. No Exception: neither a test nor a library that tests may take it for an answer."""

    status = "crashed"
    learner_lines: tuple[str, ...] | list[str] = ()


class TimedOut(WorkerFailure):
    """The time of the check is used up."""

    status = "timed out"
    asleep = False  # it waited for something, and computed next to nothing
    busy_machine = False  # it was still computing when its time on the clock was over


class Crashed(WorkerFailure):
    """The worker's process ended."""


class Malformed(WorkerFailure):
    """The worker sent what the protocol does not allow."""


class NotAllowed(WorkerFailure):
    """A library was used that the exercise forbids."""

    status = "forbidden"


class Stopped(KeyboardInterrupt):
    """Somebody wants no more of the checks: a key was pressed, a file was saved."""


class CannotIsolate(RuntimeError):
    """No worker can be started as asked; the message says why."""


def import_problem(module: str, error: BaseException, lines: Sequence[str] = ()) -> str:
    """What is said of a learner's module that does not import; `lines` are those of its own that the error went through."""
    lines = lines or getattr(error, "learner_lines", ())
    where = f"\n{lines[-1]}" if lines else ""
    said = words_of(error)
    return f"{module}.py does not import. {said[:1].upper()}{said[1:]}{where}"


def words_of(error: BaseException) -> str:
    """An exception as a learner is told of it."""
    named = isinstance(error, WorkerFailure) or getattr(error, "names_itself", False)
    return str(error) if named else f"{type(error).__name__}: {error}".rstrip(": ")
