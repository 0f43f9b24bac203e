"""What the commands share: the app that they are added to, its refusals, and the exercises that are named on the line."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any

import typer

from deconvlib.course.catalogue import CHAPTERS, Exercise, exercises
from deconvlib.course.surroundings import command

app = typer.Typer(
    name="deconv",
    help="Complete, check and score the exercises of the course.",
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 all that was asked for passed (or was done), 1 something did not, 2 wrong use.",
)


Names = Annotated[
    list[str] | None, typer.Argument(help="Exercises, chapters or chapter numbers; all if none is given.")
]


class Refused(Exception):
    """Something the command line was given is wrong: one line, and its exit code."""

    code = 2


class NotDone(Refused):
    """What was asked for is sensible and could not be done."""

    code = 1


def new_console() -> Any:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def open_workbook(folder: Path | None = None) -> Any:
    from deconv_grader.grading.workbook import Workbook

    return Workbook(folder)


def exercises_named(names: list[str]) -> list[Exercise]:
    """Exercises by name, id (``convolution.conv2d``), chapter name or chapter number; all of them for no name."""
    known = exercises()
    if not names:
        return list(known.values())
    found: dict[str, Exercise] = {}
    for name in names:
        number = int(name) if name.isascii() and name.isdecimal() and len(name) < 5 else None
        picked = {
            exercise.name: exercise
            for exercise in known.values()
            if name in (exercise.name, exercise.id, exercise.chapter) or number == exercise.number
        }
        if not picked:
            near = difflib.get_close_matches(name[:80], [*known, *CHAPTERS], n=2)
            hint = f"; did you mean {' or '.join(near)}?" if near else f"; `{command()}` lists them"
            shown = repr(name) if len(name) <= 80 else f"{name[:80]!r}... ({len(name):,} characters)"
            raise Refused(f"no exercise or chapter is named {shown}{hint}")
        found |= picked
    return list(found.values())


def exercise_named(name: str) -> Exercise:
    found = exercises_named([name])
    if len(found) != 1:
        raise Refused(
            f"{name!r} is a chapter with {len(found)} exercises; name one of {', '.join(e.name for e in found)}"
        )
    return found[0]


def solution_source(exercise: Exercise) -> str:
    """The worked answer's source."""
    import ast

    import deconv_solutions

    path = Path(str(deconv_solutions.__file__)).parent / f"{exercise.chapter}.py"
    text = path.read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == exercise.name:
            return "\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno])
    raise LookupError(f"{path.name} has no {exercise.name}")
