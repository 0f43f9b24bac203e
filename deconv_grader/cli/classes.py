"""The commands for a class: grade it, hand it out, and let Gradescope grade it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deconv_grader.cli.shared import Refused, app, exercises_named, new_console
from deconv_grader.cli.teacher import level_named, required_level
from deconv_grader.isolation import sandbox
from deconv_grader.values.text import clean

if TYPE_CHECKING:
    from deconv_grader.answers.submissions import Class
    from deconv_grader.grading.classroom import Settings
    from deconv_grader.grading.grade import Grading


@app.command("class")
def grade_a_class(
    submissions: Annotated[Path, typer.Argument(help="A folder with a folder, file or zip for every learner.")],
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
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, help="Draw cases from this number (default: as kept in --out, or a fresh one)."),
    ] = None,
    budget: Annotated[
        float,
        typer.Option("--budget", min=1, help="Seconds of the processor for a submission's code, all checks together."),
    ] = 300.0,
    ignore_solutions: Annotated[
        bool, typer.Option("--ignore-solutions", help="Compare submissions without what the worked answers have.")
    ] = False,
) -> None:
    """Grade a class: a report in HTML, tables, and every result kept as it comes, so that a second run goes on.

    Exit code: 0 when every submission was graded, whatever the scores; 1 when one could not be read or graded, which the
    report says; 2 when the class was not graded, or the report could not be written.
    """
    from deconv_grader.grading import classroom
    from deconv_grader.grading.likeness import alike

    found = _class_in(submissions, out)
    settings = replace(_settings(only, isolation, require_isolation, scheduler), seconds=budget, seed=seed)
    with _refusing(out):
        read = {name: classroom.read_one(one) for name, one in found.submissions.items()}
        with _progress(len(read)) as report:
            gradings = classroom.grade_class(found.submissions, out, settings, workers, scheduler, report, read)
        likeness = alike(read, ignore_solutions)
        _write_report(out, gradings, likeness, found)
    unreadable = [grading.submission for grading in gradings if grading.unreadable]
    if unreadable:
        typer.echo(f"could not be read or graded: {', '.join(clean(name, 60) for name in unreadable[:10])}")
        raise typer.Exit(1)


def _class_in(submissions: Path, out: Path) -> Class:
    """The submissions in a folder, if there are any, and if the report may go where it is to go."""
    from deconv_grader.answers.submissions import submissions_in

    if not submissions.is_dir():
        packed = submissions.suffix.lower() == ".zip" and submissions.is_file()
        what = "is a zip: unpack it, and name the folder" if packed else "is no folder"
        raise Refused(f"{submissions} {what}; name the one that holds the submissions")
    if out.exists() and not out.is_dir():
        raise Refused(f"--out: {out} is a file; name a folder")
    if out.resolve() == submissions.resolve():
        raise Refused("--out is the folder of the submissions itself; name another, such as class-report")
    try:
        found = submissions_in(submissions, {out.resolve()})
    except OSError as error:
        raise Refused(f"{submissions} cannot be read: {error.strerror}") from None
    if not found.submissions:
        raise Refused(f"{submissions} holds no submission: a folder, a module, a notebook or a zip for every learner")
    return found


def _settings(only: list[str] | None, isolation: str, require_isolation: str | None, scheduler: str | None) -> Settings:
    """How the class is graded, if this machine can do it."""
    from deconv_grader.grading.classroom import Settings

    level, required = level_named(isolation), required_level(require_isolation)
    best = sandbox.best_level() if level == "best" else level
    if scheduler is None and required is not None and not sandbox.at_least(best, required):
        raise Refused(f"isolation {required!r} is required and {best!r} is the strongest here; nothing was graded")
    if scheduler is not None:
        _need("distributed", "cluster", "--scheduler")
    _need("copydetect", "class", "the comparison of submissions")
    chosen = tuple(exercise.name for exercise in exercises_named(only)) if only else ()
    return Settings(level, required, chosen)


@contextmanager
def _refusing(out: Path) -> Iterator[None]:
    """Say in one line what keeps this machine from grading or writing."""
    from deconv_grader.grading.classroom import MACHINE_TROUBLE
    from deconv_grader.grading.kept import InUse

    try:
        yield
    except InUse as error:
        raise Refused(str(error)) from None
    except MACHINE_TROUBLE as error:
        raise Refused(f"{error}; results so far are kept in {out}") from None
    except OSError as error:
        where = f"{error.filename or out}"
        raise Refused(
            f"{where} cannot be written: {error.strerror or error}; results so far are kept in {out}"
        ) from None


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str, int, int], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=new_console(), transient=True) as progress:
        task = progress.add_task("grading", total=total)
        yield lambda name, done, total: progress.update(task, completed=done, total=total)


def _write_report(out: Path, gradings: list[Grading], likeness: Any, found: Class) -> None:
    """Write pages and tables, and print the summary."""
    from deconv_grader.grading.statistics import statistics
    from deconv_grader.reports import class_pages, tables

    (out / "results.csv").write_text(tables.to_csv(gradings), encoding="utf-8")
    (out / "gradebook.csv").write_text(tables.to_gradebook(gradings), encoding="utf-8", newline="")
    besides = [f"{one.path} in the folder of the class is ignored: {one.reason}" for one in found.ignored]
    besides += [f"{name} was not compared with the others: {why}" for name, why in likeness.not_compared.items()]
    besides += [
        f"gradebook.csv: the name {name} stands as it is, so that it matches your roster; a spreadsheet may take it for a "
        "formula"
        for name in tables.formula_names(gradings)
    ]
    exercises = statistics(gradings)
    index = class_pages.write_report(out, gradings, exercises, likeness.pairs, besides)
    console = new_console()
    for entry in exercises:
        most = f"; most often: {entry.mistakes[0][0]}" if entry.mistakes else ""
        console.print(f"{entry.exercise:<46} {entry.passed:>3} passed, {entry.started:>3} started{most}", markup=False)
    for first, second, share in likeness.pairs[:10]:
        console.print(f"alike ({share:.0%}): {clean(first, 60)!r} and {clean(second, 60)!r}", markup=False)
    for line in besides[:20]:
        console.print(f"Note: {clean(line, 300)}", markup=False)
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
    try:
        written = write_starter(folder, course, ref)
    except OSError as error:
        raise Refused(f"{folder} cannot be written: {error.strerror or error}") from None
    for path in written:
        typer.echo(path.relative_to(folder))
    typer.echo(f"The starter repository is in {folder.resolve()}: commit it, push it, and let learners copy it.")


@app.command("new-autograder")
def new_autograder(
    target: Annotated[Path, typer.Argument(metavar="OUT.zip", help="The zip to write.")],
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Grade this exercise or chapter; may be repeated.")
    ] = None,
    require_isolation: Annotated[
        str | None, typer.Option("--require-isolation", help="Refuse to grade below this level.")
    ] = None,
) -> None:
    """Write the zip that Gradescope takes as an autograder: set-up and run scripts, the course, pinned requirements."""
    from deconv_grader.grading.autograder import write_autograder

    if target.suffix.lower() != ".zip":
        raise Refused(f"{target} is no name of a zip; try {target}.zip")
    try:
        names = write_autograder(target, exercises_named(only) if only else [], required_level(require_isolation))
    except OSError as error:
        raise Refused(f"{target} cannot be written: {error.strerror or error}") from None
    for name in names:
        typer.echo(name)
    typer.echo(f"{target} holds these and the course. Upload it to Gradescope: Configure Autograder, Zip file upload.")
