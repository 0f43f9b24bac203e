"""The one writer of a learner's files: the old text or the new one is there, whole, whatever happens in between.

A new text is written beside the file, flushed to the disk, and put in its place in one step. Before that the whole file as
it was goes to ``.deconv/backups``, where the last twenty of a chapter are kept. One writer at a time works in a folder.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deconv_grader.answers.source import CannotEdit, Source

KEPT = 20
WAIT_SECONDS = 20.0
_BACKUP = re.compile(r"(?P<chapter>[a-z_0-9]+)-(?P<stamp>\d{8}T\d{6}-\d{6})\.py")
_STAMP = "%Y%m%dT%H%M%S-%f"


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` in the place of a file in one step; its permissions stay. A link goes on pointing where it does.

    Raises
    ------
    OSError
        If it cannot be written; the file is as it was.
    """
    path = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with open(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        _like(path, name)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    _flush_folder(path.parent)


def _like(path: Path, name: str) -> None:
    """Give a new file the permissions and, where possible, the owner of the one whose place it takes."""
    try:
        facts = path.stat()
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        return
    if not os.access(path, os.W_OK):
        raise PermissionError(13, "it is write-protected", str(path))
    os.chmod(name, stat.S_IMODE(facts.st_mode))
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):
            os.chown(name, facts.st_uid, facts.st_gid)


def _flush_folder(folder: Path) -> None:
    """Have the folder's new entry on the disk, where the system knows how."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _kept_folder(workspace: Path) -> Path:
    return workspace / ".deconv"


@contextlib.contextmanager
def alone(workspace: Path, seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """While it lasts, no other process writes in this workspace.

    Raises
    ------
    CannotEdit
        If another does so for longer than `seconds`, or nothing can be written here.
    """
    with warnings.catch_warnings():  # where the system has no locks of its own, filelock takes a file, and says so
        warnings.simplefilter("ignore")
        import filelock

    folder = _kept_folder(workspace)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / "lock")
        lock.acquire(timeout=seconds)
    except filelock.Timeout:
        raise CannotEdit(
            f"another deconv has been writing in {workspace} for {seconds:.0f} s; nothing was changed"
        ) from None
    except OSError as error:
        raise CannotEdit(_cannot(folder, error)) from None
    try:
        yield
    finally:
        lock.release()


def _cannot(path: Path, error: OSError) -> str:
    return f"{path} cannot be written: {error.strerror or error}; nothing was changed"


def change(path: Path, edit: Callable[[Source], str]) -> Path | None:
    """Have `edit` turn a chapter file's text into another, and keep the file as it was.

    Returns
    -------
    Path or None
        The backup; None if the text is the same.

    Raises
    ------
    CannotEdit
        If `edit` refuses, or the new text or the backup cannot be written; the file is as it was.
    """
    with alone(path.parent.parent):
        source = Source.read(path)
        text = edit(source)
        if text == source.text:
            return None
        return _replace(path, source.with_text(text).encode(path.name))


def create(path: Path, data: bytes) -> None:
    """Write a chapter file that is not there yet.

    Raises
    ------
    CannotEdit
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, data)
    except OSError as error:
        raise CannotEdit(_cannot(path, error)) from None


def _replace(path: Path, data: bytes) -> Path | None:
    """The backup, then the new text. The lock is held."""
    workspace = path.parent.parent
    try:
        kept = _keep(workspace, path) if path.exists() else None
        for left in path.parent.glob(f".{path.name}.*.tmp"):  # of a process that was killed
            left.unlink()
        replace_file(path, data)
    except OSError as error:
        raise CannotEdit(_cannot(path, error)) from None
    for old in backups(workspace, path.stem)[KEPT:]:
        with contextlib.suppress(OSError):
            old.path.unlink()
    return kept


# -------------------------------------------------------------------------------------------------------------- backups


@dataclass(frozen=True)
class Backup:
    """A chapter's whole file as it was before a change."""

    path: Path
    chapter: str
    time: datetime
    size: int

    def text(self) -> str:
        """Its text.

        Raises
        ------
        CannotRead
            If it is none that Python reads.
        """
        return Source.read(self.path).text


def _keep(workspace: Path, path: Path) -> Path:
    place = _kept_folder(workspace) / "backups"
    place.mkdir(parents=True, exist_ok=True)
    while True:
        kept = place / f"{path.stem}-{datetime.now(UTC).strftime(_STAMP)}.py"
        if not kept.exists():
            replace_file(kept, path.read_bytes())
            return kept


def backups(workspace: Path, chapter: str | None = None) -> list[Backup]:
    """The kept files of a chapter, or of all, the newest first."""
    found = []
    try:
        with os.scandir(_kept_folder(workspace) / "backups") as entries:
            for entry in entries:
                name = _BACKUP.fullmatch(entry.name)
                if name and chapter in (None, name["chapter"]) and entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(OSError, ValueError):
                        time = datetime.strptime(name["stamp"], _STAMP).replace(tzinfo=UTC)
                        found.append(Backup(Path(entry.path), name["chapter"], time, entry.stat().st_size))
    except OSError:
        return []
    return sorted(found, key=lambda backup: backup.time, reverse=True)


def restore(workspace: Path, backup: Backup) -> Path | None:
    """Bring a backup back; the file that it replaces is kept like any other.

    Returns
    -------
    Path or None
        The backup of what was there; None if there was nothing.

    Raises
    ------
    CannotEdit
        If it cannot be done; the file is as it was.
    """
    path = workspace / "deconvlib" / f"{backup.chapter}.py"
    with alone(workspace):
        try:
            data = backup.path.read_bytes()
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotEdit(_cannot(path, error)) from None
        if path.is_dir():
            raise CannotEdit(f"{path} is a folder; a chapter's file should be there: move the folder away")
        return _replace(path, data)
