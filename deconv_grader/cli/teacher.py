"""The teacher's half of the command line: grade a submission, and write what others read."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from deconv_grader.cli.app import Refused, _console, _find, app
from deconv_grader.isolation import sandbox


def _level(value: str | None) -> str | None:
    if value is not None and value not in (*sandbox.LEVELS, "best"):
        raise Refused(f"{value!r} is no isolation level; those are {', '.join(sandbox.LEVELS)}")
    return value


@app.command()
def grade(
    path: Annotated[Path, typer.Argument(help="A folder with a deconvlib/, a module, or a notebook.")],
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
) -> None:
    """Grade a submission, isolated unless told otherwise. Exit code 0 when grading worked, whatever the score."""
    from deconv_grader.answers.submission import CannotRead
    from deconv_grader.grading.grade import NotIsolatedEnough, grade_in_process
    from deconv_grader.grading.grade import grade as grade_isolated
    from deconv_grader.reports import formats
    from deconv_grader.values.failures import CannotIsolate

    chosen = _find(only) if only else None
    if not path.exists():
        raise Refused(f"{path} does not exist; name a folder, a module or a notebook")
    targets = {
        "json": json_file,
        "junit": junit,
        "gradescope": gradescope,
        "classroom50": classroom50,
        "csv": csv,
        "markdown": markdown,
    }
    for kind, target in targets.items():
        if target is not None and not target.absolute().parent.is_dir():
            raise Refused(f"--{kind}: the folder of {target} does not exist")
    try:
        if in_process:
            if _level(require_isolation) is not None:
                raise Refused("--in-process reaches no isolation; leave out --require-isolation or --in-process")
            if not (path / "deconvlib").is_dir():
                raise Refused(f"--in-process grades a checkout or a workspace: {path} has no deconvlib/")
            os.environ["DECONV_WORKSPACE"] = str(path.resolve())
            _fresh_package(path)
            grading = grade_in_process(path, chosen, name)
        else:
            grading = grade_isolated(path, chosen, _level(isolation) or "best", _level(require_isolation), name)
    except (CannotRead, NotIsolatedEnough, CannotIsolate) as error:
        raise Refused(str(error)) from None
    for kind, target in targets.items():
        if target is not None:
            target.write_text(formats.WRITERS[kind](grading), encoding="utf-8")
    show(grading, github)


def _fresh_package(path: Path) -> None:
    """Let the package find the modules of `path` first."""
    import deconvlib

    deconvlib.__path__[:] = [str(path.resolve() / "deconvlib"), *deconvlib.__path__]


def show(grading: object, github: bool = False) -> None:
    """Print a grading, in a form in which nothing that a submission wrote can act."""
    from io import StringIO

    from rich.console import Console

    from deconv_grader.grading.grade import Grading
    from deconv_grader.reports import github as github_lines
    from deconv_grader.reports.markdown import to_markdown
    from deconv_grader.reports.terminal import print_result

    assert isinstance(grading, Grading)
    console = _console()
    stream = StringIO()
    quiet = Console(file=stream, highlight=False, soft_wrap=True, force_terminal=console.is_terminal and not github)
    for result in grading.results:
        if result.status != "not started":
            print_result(quiet, result, verbose=result.status != "passed")
    missing = [result.exercise.name for result in grading.results if result.status == "not started"]
    if missing:
        quiet.print(f"[dim]not started: {', '.join(missing)}[/]")
    quiet.print(f"[bold]{grading.score} of {grading.maximum} points[/]  isolation: {grading.isolation}", markup=True)
    for note in grading.notes:
        quiet.print(f"Note: {note}", style="yellow", markup=False)
    text = stream.getvalue()
    if github:
        sys.stdout.write(github_lines.fence(text, secrets.token_hex(16)))
        sys.stdout.write(github_lines.workflow_commands(grading))
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            with open(summary, "a", encoding="utf-8") as file:
                file.write(to_markdown(grading))
    else:
        sys.stdout.write(text)


@app.command("class")
def grade_a_class(
    submissions: Annotated[Path, typer.Argument(help="A folder with a folder, module or notebook for every learner.")],
    out: Annotated[Path, typer.Option("--out", help="Where results and the report go.")] = Path("class-report"),
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Grade this exercise or chapter; may be repeated.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes at once (default: one a core).")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="Address of a Dask scheduler that does the work.")
    ] = None,
    isolation: Annotated[str, typer.Option("--isolation", help="The level to aim for.")] = "best",
    require_isolation: Annotated[
        str | None, typer.Option("--require-isolation", help="Refuse to grade below this level.")
    ] = None,
) -> None:
    """Grade a class: a report in HTML, a table, and every result kept as it comes, so that a second run goes on."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from deconv_grader.answers.submissions import submissions_in
    from deconv_grader.grading import classroom
    from deconv_grader.grading.likeness import alike
    from deconv_grader.grading.statistics import statistics
    from deconv_grader.reports import class_pages
    from deconv_grader.reports.tables import to_csv
    from deconv_grader.values.text import clean

    if not submissions.is_dir():
        raise Refused(f"{submissions} is no folder; name the one that holds the submissions")
    found = submissions_in(submissions)
    if not found:
        raise Refused(f"{submissions} holds no submission: a folder, a module (.py) or a notebook for every learner")
    level, required = _level(isolation) or "best", _level(require_isolation)
    best = sandbox.best_level() if level == "best" else level
    if scheduler is None and required is not None and not sandbox.at_least(best, required):
        raise Refused(f"isolation {required!r} is required and {best!r} is the strongest here; nothing was graded")
    if scheduler is not None:
        _need("distributed", "cluster", "--scheduler")
    _need("copydetect", "class", "the comparison of submissions")
    chosen = tuple(exercise.name for exercise in _find(only)) if only else ()
    settings = classroom.Settings(level, required, chosen)
    console = _console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("grading", total=len(found))

        def report(name: str, done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        try:
            gradings = classroom.grade_class(submissions, out, settings, workers, scheduler, report)
        except classroom.MACHINE_TROUBLE as error:
            raise Refused(f"{error}; results so far are kept in {out}") from None
    (out / "results.csv").write_text(to_csv(gradings), encoding="utf-8")
    exercises = statistics(gradings)
    pairs = alike(submissions)
    index = class_pages.write_report(out, gradings, exercises, pairs)
    for entry in exercises:
        most = f"; most often: {entry.mistakes[0][0]}" if entry.mistakes else ""
        console.print(f"{entry.exercise:<46} {entry.passed:>3} passed, {entry.started:>3} started{most}", markup=False)
    for first, second, share in pairs[:10]:
        console.print(f"alike ({share:.0%}): {clean(first, 60)!r} and {clean(second, 60)!r}", markup=False)
    console.print(f"{len(gradings)} submissions. The report: {index.resolve()}", markup=False)


def _need(module: str, extra: str, what: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise Refused(f"{what} needs the package {module}: pip install 'deconvlib[{extra}]'")


@app.command("new-class")
def new_class(
    folder: Annotated[Path, typer.Argument(help="Where to write the starter repository.")],
    course: Annotated[str, typer.Option("--course", help="The course's repository as OWNER/NAME.")],
    ref: Annotated[str, typer.Option("--ref", help="The tag or commit of the course to grade with.")],
) -> None:
    """Write a starter repository for learners: the stubs, a workflow that grades on every push, and a README."""
    import re

    from deconv_grader.answers.starter import write_starter

    if not re.fullmatch(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+", course):
        raise Refused(f"--course takes OWNER/NAME, got {course!r}")
    if not re.fullmatch(r"[A-Za-z0-9_./-]+", ref):
        raise Refused(f"--ref takes a tag or a commit, got {ref!r}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder} exists and is not empty; name a new folder")
    for path in write_starter(folder, course, ref):
        typer.echo(path.relative_to(folder))
    typer.echo(f"The starter repository is in {folder.resolve()}: commit it, push it, and let learners copy it.")
