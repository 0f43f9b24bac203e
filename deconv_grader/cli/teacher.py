"""The teacher's half of the command line: grade a submission, and write what others read. A class is in `classes`."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deconv_grader.cli.shared import Refused, app, exercises_named, new_console
from deconv_grader.isolation import sandbox
from deconv_grader.values.text import one_line
from deconvlib.course.catalogue import Exercise

if TYPE_CHECKING:
    from deconv_grader.grading.grade import Grading


def level_named(value: str, best: bool = True) -> str:
    """A level of isolation by its name, or ``best`` where that is one."""
    if value not in sandbox.LEVELS and not (best and value == "best"):
        raise Refused(f"{value!r} is no isolation level; those are {', '.join(sandbox.LEVELS)}")
    return value


def required_level(value: str | None) -> str | None:
    """The weakest level that will do, if one was named."""
    return None if value is None else level_named(value, best=False)


@app.command()
def grade(
    path: Annotated[Path, typer.Argument(help="A folder, a module, a notebook or a zip.")],
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Grade this exercise or chapter; may be repeated.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result.")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML.")] = None,
    gradescope: Annotated[Path | None, typer.Option("--gradescope", help="Write Gradescope's results.json.")] = None,
    classroom50: Annotated[Path | None, typer.Option("--classroom50", help="Write Classroom 50's result.json.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write a table.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write a summary in Markdown.")] = None,
    github: Annotated[bool, typer.Option("--github", help="Annotate, and append to $GITHUB_STEP_SUMMARY.")] = False,
    isolation: Annotated[str, typer.Option("--isolation", help="The level to aim for.")] = "best",
    require_isolation: Annotated[
        str | None, typer.Option("--require-isolation", help="Refuse to grade below this level.")
    ] = None,
    in_process: Annotated[bool, typer.Option("--in-process", help="No isolation: for one's own code only.")] = False,
    name: Annotated[str | None, typer.Option("--name", help="What the result calls the submission.")] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Draw cases from this number again (default: a fresh one).")
    ] = None,
    budget: Annotated[
        float,
        typer.Option("--budget", min=1, help="Seconds of the processor for a submission's code, all checks together."),
    ] = 300.0,
) -> None:
    """Grade a submission, isolated unless told otherwise, and write every result file that is asked for.

    Exit code: 0 when it was graded, whatever the score; 1 when it could not be read or graded, which the result files
    then say; 2 when nothing was graded, or a file could not be written.
    """
    chosen = exercises_named(only) if only else None
    if not os.path.exists(path):
        raise Refused(f"{path} does not exist; name a folder, a module, a notebook or a zip")
    given = (json_file, junit, gradescope, classroom50, csv, markdown)
    targets = dict(zip(("json", "junit", "gradescope", "classroom50", "csv", "markdown"), given, strict=True))
    for kind, target in targets.items():
        if target is not None and not os.path.isdir(target.parent):
            raise Refused(f"--{kind}: the folder of {target} does not exist")
    level, required = level_named(isolation), required_level(require_isolation)
    if in_process:
        if required is not None:
            raise Refused("--in-process reaches no isolation; leave out --require-isolation or --in-process")
        if not (path / "deconvlib").is_dir():
            raise Refused(f"--in-process grades a checkout or a workspace: {path} has no deconvlib/")
        grading = _graded(path, chosen, name, lambda: _own(path, chosen, name))
    else:
        grading = _graded(path, chosen, name, lambda: _isolated(path, chosen, level, required, name, seed, budget))
    failed = [*write_results(grading, targets), *show(grading, github)]
    if failed:
        raise Refused("; ".join(failed))
    if grading.unreadable:
        raise typer.Exit(1)


def _own(path: Path, chosen: list[Exercise] | None, name: str | None) -> Grading:
    from deconv_grader.grading.grade import grade_in_process

    os.environ["DECONV_WORKSPACE"] = str(path.resolve())
    _fresh_package(path)
    return grade_in_process(path, chosen, name)


def _isolated(
    path: Path,
    chosen: list[Exercise] | None,
    level: str,
    required: str | None,
    name: str | None,
    seed: int | None,
    budget: float,
) -> Grading:
    from deconv_grader.grading.grade import grade as grade_isolated

    return grade_isolated(path, chosen, level, required, name, seed, budget)


def _graded(path: Path, chosen: list[Exercise] | None, name: str | None, grade: Callable[[], Grading]) -> Grading:
    """A grading, come what may: what a submission does wrong is a result, and what this machine cannot do a refusal."""
    from deconv_grader.answers.submission import CannotRead
    from deconv_grader.grading.classroom import MACHINE_TROUBLE
    from deconv_grader.grading.grade import cannot_grade

    called = name or path.resolve().name
    try:
        return grade()
    except MACHINE_TROUBLE as error:
        raise Refused(str(error)) from None
    except CannotRead as error:
        return cannot_grade(called, str(error), chosen, error.ignored)
    except Refused:
        raise
    except Exception as error:
        return cannot_grade(called, f"grading failed: {type(error).__name__}: {error}", chosen)


def write_results(grading: Grading, targets: Mapping[str, Path | None]) -> list[str]:
    """Write each result file that is asked for. Returns what could not be written, and why."""
    from deconv_grader.reports import formats

    failed = []
    for kind, target in targets.items():
        if target is None:
            continue
        try:
            target.write_text(formats.WRITERS[kind](grading), encoding="utf-8")
        except OSError as error:
            failed.append(f"--{kind}: {target} cannot be written: {error.strerror or error}")
    return failed


def _fresh_package(path: Path) -> None:
    """Let the package find the modules of `path` first."""
    import deconvlib

    deconvlib.__path__[:] = [str(path.resolve() / "deconvlib"), *deconvlib.__path__]


def show(grading: Grading, github: bool = False) -> list[str]:
    """Print a grading, in a form in which nothing that a submission wrote can act. Returns what could not be written."""
    from deconv_grader.reports import github as github_lines
    from deconv_grader.reports.markdown import to_markdown

    text = _as_text(grading, color=new_console().is_terminal and not github)
    if not github:
        sys.stdout.write(text)
        return []
    sys.stdout.write(github_lines.fence(text, secrets.token_hex(16)))
    sys.stdout.write(github_lines.workflow_commands(grading))
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        try:
            with open(summary, "a", encoding="utf-8") as file:
                file.write(to_markdown(grading))
        except OSError as error:
            return [f"the step summary {summary} cannot be written: {error.strerror or error}"]
    return []


def _as_text(grading: Grading, color: bool) -> str:
    from io import StringIO

    from rich.console import Console

    from deconv_grader.reports.terminal import print_result
    from deconv_grader.reports.words import files

    stream = StringIO()
    quiet = Console(file=stream, highlight=False, soft_wrap=True, force_terminal=color)
    if not grading.unreadable:
        for result in grading.results:
            if result.status != "not started":
                print_result(quiet, result, verbose=result.status != "passed")
        missing = [result.exercise.name for result in grading.results if result.status == "not started"]
        if missing:
            quiet.print(f"[dim]not started: {', '.join(missing)}[/]")
    for line in files(grading):
        quiet.print(line, style="dim", markup=False)
    for note in grading.notes:
        quiet.print(f"Note: {one_line(note)}", style="yellow", markup=False)
    quiet.print(f"[bold]{grading.score} of {grading.maximum} points[/]  isolation: {grading.isolation}", markup=True)
    return stream.getvalue()
