"""Who handed in what, in the folder of a class: by folder or file, and by the names that learning platforms give."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deconv_grader.answers.layouts import PACKAGE, Ignored, is_litter, platform_name

KINDS = (".py", ".ipynb", ".zip")
METADATA = "submission_metadata.yml"  # Gradescope's, beside its folders submission_123


@dataclass(frozen=True)
class Learner:
    """As the folder, the file or the platform names them."""

    name: str
    id: str = ""


@dataclass(frozen=True)
class HandedIn:
    """One submission: what counts of it, and what does not."""

    name: str  # unique in its class
    paths: tuple[Path, ...]
    learners: tuple[Learner, ...]  # more than one: a group's
    attempts: tuple[str, ...] = ()  # earlier ones, which a newer one replaces
    notes: tuple[str, ...] = ()


@dataclass
class Class:
    """The submissions of a class by name, and what lies beside them."""

    submissions: dict[str, HandedIn] = field(default_factory=dict)
    ignored: list[Ignored] = field(default_factory=list)


def submissions_in(folder: Path, skip: Collection[Path] = ()) -> Class:
    """The submissions in a folder: its folders, modules, notebooks and zips; a platform's files by learner.

    Parameters
    ----------
    folder
        Of the class.
    skip
        Folders that are no submissions: the report's own.
    """
    found = Class()
    by_learner: dict[str, list[Path]] = {}
    gradescope = _gradescope(folder, found)
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        path = folder / entry.name
        if reason := _no_submission(entry, path, skip):
            if reason != "litter":
                found.ignored.append(Ignored(entry.name, reason))
        elif platform := platform_name(entry.name, path.is_dir()):
            by_learner.setdefault(platform.learner, []).append(path)
        elif entry.name in gradescope:
            found.submissions[entry.name] = HandedIn(entry.name, (path,), *gradescope[entry.name])
        else:
            learner = Learner(entry.name if path.is_dir() else path.stem)
            found.submissions[entry.name] = HandedIn(entry.name, (path,), (learner,))
    for name, paths in by_learner.items():
        while name in found.submissions:  # a folder of that very name
            name += " (platform)"
        found.submissions[name] = _of_platform(name, paths)
    found.submissions = dict(sorted(found.submissions.items()))
    return found


def _no_submission(entry: os.DirEntry[str], path: Path, skip: Collection[Path]) -> str:
    """Why an entry of a class's folder is no submission; empty if it is one."""
    if is_litter(entry.name):
        return "litter"
    if entry.is_symlink():
        return "it is a link"
    if entry.name.startswith("."):
        return "it is hidden: its name begins with a dot"
    if entry.is_dir():
        if path.resolve() in skip or is_report(path):
            return "it is a report of this course's own"
        return ""
    if not entry.is_file():
        return "it is neither a folder nor an ordinary file"
    if path.suffix.lower() in KINDS or platform_name(entry.name, path.is_dir()):
        return ""
    if entry.name == METADATA:
        return "Gradescope's list of the submissions"
    return "it is no submission: a folder, a module (.py), a notebook (.ipynb) or a zip"


def is_report(folder: Path) -> bool:
    """Whether `deconv class` wrote this folder."""
    return all((folder / name).exists() for name in ("results.jsonl", "learners")) and not (folder / PACKAGE).exists()


def _of_platform(name: str, paths: list[Path]) -> HandedIn:
    """All that a platform has of one learner: the newest of files that were handed in again, and all others."""
    newest: dict[str, tuple[int, Path]] = {}
    earlier, late = [], False
    for path in paths:
        platform = platform_name(path.name, path.is_dir())
        assert platform is not None
        late = late or platform.late
        if path.is_dir():
            newest[f"{path.name}/"] = (0, path)
            continue
        original, number = platform.attempt
        if original in newest and newest[original][0] >= number:
            earlier.append(path.name)
            continue
        if original in newest:
            earlier.append(newest[original][1].name)
        newest[original] = (number, path)
    platform = platform_name(paths[0].name, paths[0].is_dir())
    assert platform is not None
    notes = [f"{platform.platform} marks it as late"] if late else []
    return HandedIn(
        name,
        tuple(path for _, path in newest.values()),
        (Learner(platform.name, platform.id),),
        tuple(sorted(earlier)),
        tuple(notes),
    )


# --------------------------------------------------------------------------------------------------------- Gradescope

_Facts = tuple[tuple[Learner, ...], tuple[str, ...], tuple[str, ...]]  # learners, attempts, notes


def _gradescope(folder: Path, found: Class) -> dict[str, _Facts]:
    """What Gradescope's export says of its folders: whose they are, and that there were others before."""
    path = folder / METADATA
    if not path.is_file():
        return {}
    try:
        import yaml

        listed = yaml.safe_load(path.read_text(encoding="utf-8"))
        return dict(_gradescope_entries(listed))
    except ImportError:
        found.ignored.append(Ignored(METADATA, "names are not taken from it: pip install 'deconvlib[class]'"))
    except Exception as error:
        found.ignored.append(Ignored(METADATA, f"it cannot be read ({type(error).__name__}): folders keep their names"))
    return {}


def _gradescope_entries(listed: dict[str, Any]) -> Iterator[tuple[str, _Facts]]:
    get: Callable[[dict[str, Any], str], Any] = lambda facts, key: facts.get(f":{key}", facts.get(key))  # noqa: E731
    for name, facts in listed.items():
        learners = tuple(
            Learner(str(get(one, "name") or name), str(get(one, "sid") or get(one, "email") or ""))
            for one in get(facts, "submitters") or ()
        )
        before = tuple(
            f"handed in {get(one, 'created_at')}" + (f", {get(one, 'score')} points" if get(one, "score") else "")
            for one in get(facts, "history") or ()
        )
        yield str(name), (learners or (Learner(str(name)),), before, ())
