"""``deconv restore``: the kept files of a chapter, and one of them brought back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deconv_grader.cli.shared import Refused, app, exercises_named, open_workbook
from deconvlib.course.catalogue import exercises_in

if TYPE_CHECKING:  # not on the way of every command
    from deconv_grader.answers.reader import Module
    from deconv_grader.answers.writer import Backup


@app.command()
def restore(
    name: Annotated[str | None, typer.Argument(help="A chapter, or an exercise of it; all if none is given.")] = None,
    number: Annotated[int | None, typer.Argument(help="Which one to bring back: 1 is the newest.")] = None,
) -> None:
    """List the kept files, or bring one back. What it replaces is kept, too."""
    from deconv_grader.answers import writer

    workspace: Path = open_workbook().folder
    chapter = exercises_named([name])[0].chapter if name is not None else None
    found = writer.backups(workspace, chapter)
    if number is None:
        _list(workspace, found, chapter)
        return
    if not 1 <= number <= len(found):
        number_of = "is 1 kept file" if len(found) == 1 else f"are {len(found)} kept files"
        raise Refused(f"there {number_of} of {chapter}, and no number {number}")
    chosen = found[number - 1]
    kept = writer.restore(workspace, chosen)
    typer.echo(f"{chosen.chapter}.py is as it was before {_when(chosen)}.")
    if kept is not None:
        typer.echo(f"What it replaced is in {kept}.")


def _when(backup: Backup) -> str:
    return backup.time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _list(workspace: Path, found: list[Backup], chapter: str | None) -> None:
    if not found:
        typer.echo(f"No file{f' of {chapter}' if chapter else ''} is kept yet: deconv keeps one before each change.")
        return
    numbers: dict[str, int] = {}
    for backup in found:
        numbers[backup.chapter] = numbers.get(backup.chapter, 0) + 1
        typer.echo(
            f"{backup.chapter:<24} {numbers[backup.chapter]:>2}  {_when(backup)}  {backup.size:>7,} bytes  "
            f"{_differing(workspace, backup)}"
        )
    typer.echo(f"Bring one back: deconv restore {chapter or found[0].chapter} NUMBER")


def _differing(workspace: Path, backup: Backup) -> str:
    """Which exercises are other than in the present file."""
    from deconv_grader.answers.reader import read
    from deconv_grader.answers.source import CannotEdit, Source

    try:
        then = _texts(read(backup.text(), backup.path.name), backup.chapter)
    except CannotEdit as error:
        return str(error)
    try:
        path = workspace / "deconvlib" / f"{backup.chapter}.py"
        now = _texts(read(Source.read(path).text, path.name), backup.chapter)
    except CannotEdit:
        now = {}
    names = [name for name in then.keys() | now.keys() if then.get(name) != now.get(name)]
    order = [*exercises_in(backup.chapter), ""]
    words = [name or "other parts" for name in order if name in names]
    return f"differs in {', '.join(words)}" if words else "is as the present file"


def _texts(module: Module, chapter: str) -> dict[str, str]:
    """The text of each exercise's definition, and the rest under the empty name."""
    out, rest = {}, module.text
    for name in exercises_in(chapter):
        binding = module.counting(name)
        if binding is not None:
            out[name] = module.text[binding.start : binding.end]
            rest = rest.replace(out[name], "", 1)
    return out | {"": rest}
