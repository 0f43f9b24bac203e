"""What can happen to a worker instead of an answer."""

from __future__ import annotations


class WorkerFailure(BaseException):
    """The worker gave no answer. No Exception: neither a test nor a library that tests may take it for an answer."""

    status = "crashed"
    learner_lines: tuple[str, ...] | list[str] = ()


class TimedOut(WorkerFailure):
    """The time of the check is used up."""

    status = "timed out"


class Crashed(WorkerFailure):
    """The worker's process ended."""


class Malformed(WorkerFailure):
    """The worker sent what the protocol does not allow."""


class NotAllowed(WorkerFailure):
    """A library was used that the exercise forbids."""

    status = "forbidden"


class CannotIsolate(RuntimeError):
    """No worker can be started as asked; the message says why."""
