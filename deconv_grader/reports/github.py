"""What GitHub Actions takes for commands, and the fence around what it must not."""

from __future__ import annotations

from collections.abc import Callable

from deconv_grader.checks.results import ExerciseResult
from deconv_grader.grading.grade import Grading
from deconv_grader.reports.words import explanation


def workflow_commands(grading: Grading, paths: Callable[[ExerciseResult], str | None] = lambda result: None) -> str:
    """GitHub workflow commands, one for every exercise that is not passed. `paths` gives the file to pin it to.

    Only this text may act as commands: everything else that is printed stands between `fence` and its end.
    """
    lines = []
    for result in grading.results:
        if result.status in ("passed", "not started"):
            continue
        properties = [f"title={_property(result.exercise.id)}"]
        path = paths(result)
        if path:
            properties.insert(0, f"file={_property(path)}")
        first = explanation(result).replace("\n", " ")[:300]
        lines.append(f"::warning {','.join(properties)}::{_data(f'{result.status}: {first}')}")
    return "\n".join(lines) + ("\n" if lines else "")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def fence(text: str, token: str) -> str:
    """Printed text in which GitHub takes no line for a command. `token` must be fresh and unguessable."""
    return f"::stop-commands::{token}\n{text.rstrip()}\n::{token}::\n"
