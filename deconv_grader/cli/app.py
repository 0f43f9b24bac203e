"""The ``deconv`` command line: the learner's half, and what it ends with."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from deconv_grader.answers.source import CannotEdit
from deconv_grader.cli.shared import (
    Names,
    NotDone,
    Refused,
    app,
    exercise_named,
    exercises_named,
    new_console,
    open_workbook,
    solution_source,
)
from deconvlib.course.catalogue import CHAPTERS, Exercise
from deconvlib.course.surroundings import command
from deconvlib.course.workspace import IN_CHECKOUT, PACKAGE, NoWorkspace, find_workspace


@app.callback(invoke_without_command=True)
def progress(context: typer.Context) -> None:
    """Show progress by chapter, and what is next."""
    if context.invoked_subcommand is not None:
        return
    from deconv_grader.grading.workbook import by_chapter
    from deconv_grader.reports.statuses import look, sign

    workspace = find_workspace()
    console, book = new_console(), open_workbook(workspace or PACKAGE.parent)
    begun: Exercise | None = None
    fresh: Exercise | None = None
    score = total = 0
    for chapter, group in by_chapter(book.exercises).items():
        states = {exercise.name: book.status(exercise) for exercise in group}
        points, of = sum(points for _, points in states.values()), sum(exercise.points for exercise in group)
        score, total = score + points, total + of
        console.print(f"\n[bold]{CHAPTERS[chapter]:>2}  {chapter}[/]  [dim]{points} of {of} points[/]")
        for exercise in group:
            state, earned = states[exercise.name]
            shown = look(state)
            if state == "not started":
                fresh = fresh or exercise
            elif state != "passed":
                begun = begun or exercise
            console.print(
                f"    [{shown.color}]{sign(state, console.encoding)}[/] {exercise.name:<28} "
                f"[dim]{earned:>2} of {exercise.points:>2}[/][{shown.color}]{'  ' * bool(shown.words)}{shown.words}[/]"
            )
    console.print(f"\n[bold]{score} of {total} points[/]")
    if workspace is None and not IN_CHECKOUT:
        console.print(
            f"There is no workspace here: `{command('start')}` makes one, with the stubs for you to complete."
        )
        return
    following = begun or fresh  # finish what is begun before starting something new
    if following is None:
        console.print("Every exercise here is passed. You have built the whole library yourself.")
    else:
        console.print(
            f"Next: [bold]{following.name}[/] ({following.title}; about {following.minutes} minutes), in "
            f"{book.path(following)}\n      then: {command(f'check {following.name}')}"
        )


@app.command()
def check(
    names: Names = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Check your answers and say what is wrong with them."""
    from deconv_grader.reports.terminal import print_result

    chosen, book = exercises_named(names or []), open_workbook()
    results = book.check(chosen)
    if book.lacks:
        print(f"deconv: checked without a worker: {book.lacks}", file=sys.stderr)
    asked = results if names else [result for result in results if result.status != "not started"]
    if as_json:
        print(json.dumps({"exercises": [result.as_dict() for result in results]}))
    elif not asked:
        new_console().print(f"No exercise is started yet. `{command()}` says which one comes first.")
    else:
        console = new_console()
        for result in asked:
            print_result(console, result, verbose=len(chosen) == 1 or result.status != "passed")
            if len(asked) > 1 and result.status not in ("passed", "not started"):
                console.print()
        if len(results) > 1:
            score, total = sum(result.points for result in results), sum(result.exercise.points for result in results)
            console.print(f"[bold]{score} of {total} points[/]")
    if not asked or any(result.status != "passed" for result in asked):
        raise typer.Exit(1)


@app.command()
def hint(
    name: Annotated[str, typer.Argument(help="The exercise.")],
    number: Annotated[int, typer.Argument(help="How far up the ladder: 1 is a nudge.")] = 1,
) -> None:
    """Print a hint; a higher number gives away more."""
    exercise = exercise_named(name)
    if not exercise.hints:
        raise Refused(f"{exercise.name} has no hints")
    if not 1 <= number <= len(exercise.hints):
        raise Refused(f"{exercise.name} has hints 1 to {len(exercise.hints)}, not {number}")
    console = new_console()
    console.print(f"[bold]Hint {number} of {len(exercise.hints)}[/]")
    console.print(exercise.hints[number - 1], markup=False)
    if number < len(exercise.hints):
        console.print(f"[dim]More: {command(f'hint {exercise.name} {number + 1}')}[/]")


@app.command()
def solution(name: Annotated[str, typer.Argument(help="The exercise.")]) -> None:
    """Print the worked answer."""
    from rich.syntax import Syntax

    source = solution_source(exercise_named(name))
    console = new_console()
    console.print(Syntax(source, "python", background_color="default") if console.is_terminal else source, markup=False)


def _confirmed(question: str) -> bool:
    """Ask yes or no."""
    try:
        return typer.confirm(question)
    except typer.Abort as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise
        raise NotDone("nothing was changed: there was nobody to ask; --yes does it without asking") from None


@app.command()
def reset(
    name: Annotated[str, typer.Argument(help="The exercise.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Put the empty body back. Yours is kept in a backup."""
    exercise, book = exercise_named(name), open_workbook()
    if not book.written(exercise):
        typer.echo(f"{exercise.name} is not started: there is nothing to reset.")
        return
    if not yes and not _confirmed(f"Replace your body of {exercise.name} by the empty one (a backup is kept)?"):
        typer.echo("Nothing was changed.")
        return
    kept = book.reset(exercise)
    typer.echo(f"{exercise.name} is empty again. The file as it was is in {kept}; {command('restore')} brings it back.")


@app.command()
def watch(names: Names = None) -> None:
    """Check again at every save. Keys: hint, solution, next, previous, quit."""
    from deconv_grader.cli import watch

    if not hasattr(os, "fork"):
        raise Refused("watch needs a system that can fork (Linux, macOS); use `deconv check` here")
    watch.run(open_workbook(), exercises_named(names or []), new_console())


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="For tools.")] = False) -> None:
    """Every exercise with its state and points, as last checked."""
    book = open_workbook()
    entries = []
    for exercise in book.exercises.values():
        state, points = book.status(exercise)
        entries.append({"id": exercise.id, "status": state, "points": points, "maximum": exercise.points})
    if as_json:
        whole = {"score": sum(e["points"] for e in entries), "maximum": sum(e["maximum"] for e in entries)}
        print(json.dumps(whole | {"folder": str(book.folder), "exercises": entries}))
        return
    for entry in entries:
        typer.echo(f"{entry['id']:<46} {entry['status']:<10} {entry['points']:>2} of {entry['maximum']:>2}")


@app.command()
def start(folder: Annotated[Path, typer.Argument(help="Where to make it.")] = Path("deconv-workspace")) -> None:
    """Make a workspace of your own with the stubs of every chapter."""
    from deconv_grader.answers.workspace import start as make

    if os.path.exists(folder) and not os.path.isdir(folder):
        raise Refused(f"{folder} is a file; name a folder")
    done = make(folder)
    where = folder.resolve()
    if done.made:
        typer.echo(f"{len(done.made)} chapter files are in {where / 'deconvlib'}: complete them there.")
    for path, names in done.added.items():
        typer.echo(f"Added to {path.name}, empty: {', '.join(names)}.")
    for problem in done.problems:
        typer.echo(f"Left alone: {problem}")
    if not (done.made or done.added or done.problems):
        typer.echo(f"{where} has every chapter file and every exercise already; nothing was changed.")
    typer.echo(f"Work in that folder (cd {where}), or set DECONV_WORKSPACE={where} anywhere else.")
    if IN_CHECKOUT:
        typer.echo(f"Elsewhere in this checkout, your answers are still those in {PACKAGE}.")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end with its exit code. What goes wrong is one line, never a traceback."""
    from deconv_grader.cli import streams

    streams.prepare()
    words, code = _outcome(sys.argv[1:] if arguments is None else arguments)
    if words:
        streams.say(words)
    sys.exit(code)


def whole_app() -> typer.Typer:
    """The app with every command: a module adds its own when it is imported, and help tells them in this order."""
    from deconv_grader.cli import restore, teacher  # noqa: F401

    if IN_CHECKOUT:
        from deconv_grader.cli import maintainer  # noqa: F401

    from deconv_grader.cli import classes  # noqa: F401

    return app


def _outcome(arguments: list[str]) -> tuple[str, int]:
    """What is left to say when the command has ended, and its exit code."""
    from deconv_grader.cli import streams
    from deconv_grader.values.text import one_line

    try:
        if any("\0" in argument for argument in arguments):
            raise Refused("an argument holds a null character")
        code = whole_app()(args=arguments, standalone_mode=False)
        sys.stdout.flush()
        return "", code if isinstance(code, int) else 0
    except Refused as error:
        return one_line(str(error), 2000), error.code  # it may name a learner's file
    except NoWorkspace as error:
        return one_line(str(error), 2000), 2
    except CannotEdit as error:
        return one_line(str(error), 2000), 1
    except (typer.Abort, KeyboardInterrupt):
        return "stopped", 130
    except BrokenPipeError:  # whoever read this has seen enough
        streams.abandon("stdout")
        return "", 1
    except OSError as error:
        streams.abandon("stdout")  # it may be what cannot be written
        return one_line(_trouble_with_a_file(error), 2000), 1
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error of the command-line library
            return f"{one_line(error.format_message(), 300)} (try: deconv --help)", 2
        if os.environ.get("DECONV_TRACEBACK"):
            raise
        words = one_line(f"{type(error).__name__}: {error}", 500)
        return f"a fault of the course, not of yours: {words}. Please report it; DECONV_TRACEBACK=1 shows where", 1


def _trouble_with_a_file(error: OSError) -> str:
    try:
        os.getcwd()
    except OSError:
        return "the current folder is not there any more; go to another one (cd)"
    reason = error.strerror or type(error).__name__
    return (
        f"{os.fsdecode(error.filename)}: {reason}"
        if isinstance(error.filename, str | bytes)
        else f"reading or writing failed: {reason}"
    )
