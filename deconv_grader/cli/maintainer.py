"""The maintainer's half of the command line, there in a checkout only: is the course whole, and what is still to be written."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deconv_grader.cli.shared import Names, Refused, app
from deconvlib.course.catalogue import CHAPTERS, Exercise
from deconvlib.course.workspace import PACKAGE

if TYPE_CHECKING:
    from deconv_grader.maintaining.checkout import Checkout
    from deconv_grader.maintaining.conformance import Conformance

dev = typer.Typer(help="For maintainers of the course: add an exercise, and check that all its pieces are there.")
app.add_typer(dev, name="dev", hidden=True)


def _chosen(course: Checkout, names: list[str] | None) -> list[Exercise]:
    from deconv_grader.maintaining.checkout import Unsound

    try:
        known = course.exercises()
    except Unsound as error:
        raise Refused(str(error)) from None
    if not names:
        return list(known.values())
    found: dict[str, Exercise] = {}
    for name in names:
        picked = {
            e.name: e for e in known.values() if name in (e.name, e.id, e.chapter, str(e.number), f"{e.number:02}")
        }
        if not picked:
            near = difflib.get_close_matches(name, [*known, *CHAPTERS], n=2)
            raise Refused(
                f"no exercise or chapter with exercises is named {name!r}"
                + (f"; did you mean {' or '.join(near)}?" if near else "")
            )
        found |= picked
    return list(found.values())


@dev.callback(invoke_without_command=True)
def about(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@dev.command()
def check(names: Names = None) -> None:
    """Say which pieces of these exercises are missing, and where they go."""
    from deconv_grader.maintaining import chapter_pieces, pieces
    from deconv_grader.maintaining.checkout import Checkout, Unsound

    _copy_stubs()
    course = Checkout()
    chosen, wrong = _chosen(course, names), 0
    try:
        if not names:
            wrong += _told("files", iter(chapter_pieces.strays(course)))
        for exercise in chosen:
            wrong += _told(exercise.id, _problems(course, exercise))
            if not pieces.runs(course, exercise):
                typer.echo(
                    "    When these are there: are mistakes rejected, variants accepted, the example true, defaults pinned?"
                )
        for chapter in dict.fromkeys(exercise.chapter for exercise in chosen):
            wrong += _told(f"chapter {CHAPTERS[chapter]}, {chapter}", iter(chapter_pieces.of_chapter(course, chapter)))
    except Unsound as error:
        raise Refused(str(error)) from None
    typer.echo(f"{pieces.count(wrong, 'piece')} missing or wrong" if wrong else "Every piece is there.")
    raise typer.Exit(1 if wrong else 0)


def _copy_stubs() -> None:
    """What the exercises are is read from copies of the chapters' modules: bring them up to date."""
    from deconvlib.course.catalogue import STUBS, chapter_modules, write_stubs

    gone = {path.name for path in chapter_modules(STUBS)} - {path.name for path in chapter_modules(PACKAGE)}
    if gone:
        raise Refused(
            f"deconvlib/ has no {' and no '.join(sorted(gone))}; bring it back, or remove its copy in {STUBS} too"
        )
    try:
        for copy in write_stubs():
            typer.echo(f"{copy.relative_to(PACKAGE.parent).as_posix()} is copied anew")
    except SyntaxError as error:
        name = "a chapter's module" if error.filename is None else Path(error.filename).name
        raise Refused(f"deconvlib/{name}, line {error.lineno}: {error.msg}") from None
    except ValueError as error:
        typer.echo(f"{error}. Checked are the copies in deconvlib/course/stubs as they are.")


def _problems(course: Checkout, exercise: Exercise) -> Iterator[str]:
    from deconv_grader.maintaining import pieces

    yield from pieces.of_exercise(course, exercise)
    if pieces.runs(course, exercise):
        yield from _run(course, exercise).problems


def _run(course: Checkout, exercise: Exercise) -> Conformance:
    from deconv_grader.isolation.libraries import lacking
    from deconv_grader.maintaining import conformance

    problem = lacking([exercise])
    if problem:
        raise Refused(f"{exercise.id} cannot be checked: {problem}")
    return conformance.conformance(exercise, course)


def _told(what: str, problems: Iterator[str]) -> int:
    """Print what is wrong with something, as it is found; how much it is."""
    found = list(problems)
    typer.echo(f"{'✗' if found else '✓'} {what}")
    for problem in found:
        typer.echo(f"    {problem}")
    return len(found)


@dev.command("conformance")
def table(names: Names = None) -> None:
    """Grade every known mistake and right variant, and print the table."""
    from deconv_grader.maintaining.checkout import Checkout

    course, wrong = Checkout(), 0
    chosen = _chosen(course, names)
    typer.echo("| exercise | mistakes rejected | of these named | variants accepted |\n|---|---|---|---|")
    for exercise in chosen:
        result = _run(course, exercise)
        typer.echo(f"| {exercise.id} | {result.killed} | {result.named} | {result.accepted} |")
        for problem in result.problems:
            typer.echo(f"  PROBLEM {problem}")
        wrong += len(result.problems)
    raise typer.Exit(1 if wrong else 0)


@dev.command()
def new(
    chapter: Annotated[str, typer.Argument(help="The chapter's name.")],
    name: Annotated[str, typer.Argument(help="The exercise's name: that of its function.")],
    after: Annotated[
        str | None, typer.Option("--after", help="The exercise that it follows (default: the chapter's last).")
    ] = None,
) -> None:
    """Write the skeleton of every piece of a new exercise; for a planned chapter, its files too."""
    from deconv_grader.maintaining.checkout import Checkout, Unsound
    from deconv_grader.maintaining.skeletons import CannotAdd, new_exercise

    course = Checkout()
    try:
        written = new_exercise(course, chapter, name, after)
    except (CannotAdd, Unsound) as error:
        raise Refused(str(error)) from None
    for path in written:
        typer.echo(course.name(path))
    typer.echo(f"Fill them in where it says TODO or NotImplementedError, then: deconv dev check {name}")
