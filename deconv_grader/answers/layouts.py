"""Which files of a submission may hold answers, whatever lies around them: folders, repositories inside, zips.

Links are never followed, nothing is run, and what cannot be looked at is said of that part alone.
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from deconvlib.course.catalogue import COURSES_OWN

MOST_ENTRIES = 5_000  # of all folders and zips of a submission together
DEEPEST = 10  # folders within folders
MOST_ZIPS = 2  # a zip within a zip
LARGEST_ENTRY = 32 << 20  # unpacked
LARGEST_UNPACKED = 128 << 20  # of all zips of a submission together
HIGHEST_RATIO = 200  # of the unpacked size to the packed one, for what is larger than a megabyte
MOST_SAID = 60

#: What systems and editors leave behind: passed over without a word.
LITTER = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints", "__pycache__", ".pytest_cache"}
PACKAGE = "deconvlib"
_OURS = {"solutions", "tests", "deconv_grader", "deconv_solutions", "deconv_tests", "book", "benchmarks", "build"}
_INSTALLED = {"site-packages", "node_modules"}
_PACKED = (".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_COPY = re.compile(r"(?i:^copy of )|(?i:^kopie von )|(?: ?\(\d+\)|-\d+|(?i:[ _-]copy))(?=$)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True)
class Ignored:
    """A part of a submission that does not count, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Found:
    """A file that may hold answers: where it is told to be, where it is, and the module that it is (None: a notebook)."""

    where: str
    path: Path
    changed: float
    module: str | None = None
    own: bool = False  # in a deconvlib/, so that everything in it belongs to the learner's package


@dataclass
class Look:
    """What looking through a submission found."""

    chapters: Collection[str]
    place: Path  # where entries of zips are unpacked
    found: list[Found] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    unusable: dict[str, str] = field(default_factory=dict)  # a chapter's module that is there and is no file -> why
    _entries: int = 0
    _unpacked: int = 0

    def ignore(self, where: str, reason: str) -> None:
        self.ignored.append(Ignored(where, reason))

    # ------------------------------------------------------------------------------------------------------- folders

    def folder(self, path: Path, where: PurePosixPath, zips: int = 0) -> None:
        """Look through a folder."""
        try:
            with os.scandir(path) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.ignore(f"{where}/", f"the folder cannot be read: {error.strerror}")
            return
        names = {entry.name for entry in listed}
        for entry in listed:
            here = where / entry.name
            try:
                self._entry(entry, here, names, zips)
            except OSError as error:
                self.ignore(str(here), f"it cannot be read: {error.strerror}")

    def _entry(self, entry: os.DirEntry[str], where: PurePosixPath, beside: set[str], zips: int) -> None:
        if not self._room(where) or is_litter(entry.name):
            return
        module = self._module(where)
        if entry.is_symlink():
            self._unusable(module, where, "it is a link")
        elif entry.is_dir():
            if reason := _closed(entry.name, beside, where):
                self.ignore(f"{where}/", reason)
            elif not _course_support(where):
                if entry.name.endswith(".py"):
                    self._unusable(module, where, "it is a folder")
                self.folder(Path(entry.path), where, zips)
        elif not entry.is_file():
            self._unusable(module, where, "it is not an ordinary file")
        else:
            self.file(Path(entry.path), where, entry.stat().st_mtime, zips)

    def _room(self, where: PurePosixPath) -> bool:
        self._entries += 1
        if self._entries == MOST_ENTRIES:
            self.ignore(str(where), f"and what follows: there are more than {MOST_ENTRIES:,} files and folders")
        return self._entries < MOST_ENTRIES and len(where.parts) <= DEEPEST

    def _unusable(self, module: str | None, where: PurePosixPath, reason: str) -> None:
        self.ignore(str(where), reason)
        if module in self.chapters:
            self.unusable[str(module)] = f"{where.name} is not read: {reason}"

    def _module(self, where: PurePosixPath) -> str | None:
        """The module that a file is: by its place in a ``deconvlib/``, or by a chapter's name."""
        if where.suffix != ".py":
            return None
        if PACKAGE in where.parts[:-1]:
            inside = where.parts[len(where.parts) - 1 - where.parts[::-1].index(PACKAGE) + 1 :]
            parts = [*inside[:-1], where.stem]
            return ".".join(parts) if all(map(_NAME.match, parts)) and len(parts) <= 4 else None
        stem = _COPY.sub("", where.stem)
        return stem if stem in self.chapters else None

    # --------------------------------------------------------------------------------------------------------- files

    def file(self, path: Path, where: PurePosixPath, changed: float, zips: int = 0) -> None:
        """Take a file for what its name says."""
        suffix = where.suffix.lower()
        if where.name.startswith("."):
            self.ignore(str(where), "it is hidden: its name begins with a dot")
        elif suffix == ".zip":
            self.zip(path, where, zips + 1)
        elif suffix == ".ipynb":
            self.found.append(Found(str(where), path, changed))
        elif suffix == ".py" and _course_support(where):
            pass  # it came with every learner's copy
        elif suffix == ".py":
            module = self._module(where)
            if module is not None:
                self.found.append(Found(str(where), path, changed, module, PACKAGE in where.parts[:-1]))
            elif where.stem != "__init__":
                self.ignore(str(where), "it is no chapter's module")
        elif suffix in _PACKED:
            self.ignore(str(where), "of packed files only a zip is read")
        else:
            self.ignore(str(where), "it is neither a module (.py), a notebook (.ipynb) nor a zip")

    # ---------------------------------------------------------------------------------------------------------- zips

    def zip(self, path: Path, where: PurePosixPath, depth: int = 1) -> None:
        """Look through a zip. Only what may hold answers is unpacked, each entry under a name of our own."""
        if depth > MOST_ZIPS:
            self.ignore(str(where), f"zips within zips are read {MOST_ZIPS} deep")
            return
        if path.is_symlink() or not path.is_file():
            self.ignore(str(where), "it is not an ordinary file")
            return
        try:
            with zipfile.ZipFile(path) as archive:
                names = {part for info in archive.infolist() for part in info.filename.split("/")[:1]}
                for info in sorted(archive.infolist(), key=lambda info: info.filename):
                    self._packed(archive, info, where, names, depth)
        except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError, EOFError) as error:
            self.ignore(str(where), f"the zip cannot be read: {_words(error)}")

    def _packed(
        self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, zipped: PurePosixPath, beside: set[str], depth: int
    ) -> None:
        inside = PurePosixPath(info.filename.replace("\\", "/"))
        where = zipped / inside
        if info.is_dir() or any(map(is_litter, inside.parts)):
            return
        if not self._room(where):
            return
        if inside.is_absolute() or ".." in inside.parts or ":" in (inside.parts or ("",))[0]:
            self.ignore(str(where), "its name leads out of the zip")
            return
        folders = [PurePosixPath(*inside.parts[: i + 1]) for i in range(len(inside.parts) - 1)]
        closed = [
            reason for one in folders if (reason := _closed(one.name, beside if len(one.parts) == 1 else (), one))
        ]
        if closed or any(_course_support(one) for one in folders):
            if closed and not any(
                entry.reason == closed[0] and entry.path.startswith(str(zipped)) for entry in self.ignored
            ):
                self.ignore(f"{zipped / folders[0]}/", closed[0])
            return
        if stat.S_ISLNK(info.external_attr >> 16):
            self._unusable(self._module(where), where, "it is a link")
            return
        if inside.suffix.lower() not in (".py", ".ipynb", ".zip") or inside.name.startswith("."):
            self.file(self.place, where, 0.0)  # says why it does not count
            return
        try:
            path = self._unpack(archive, info)
        except Exception as error:  # zlib, lzma and bz2 have their own, and a password is a RuntimeError
            self.ignore(str(where), f"it cannot be unpacked: {_words(error)}")
            return
        self.file(path, where, _date(info), depth)

    def _unpack(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Path:
        if info.file_size > LARGEST_ENTRY:
            raise ValueError(f"{info.file_size:,} bytes are more than {LARGEST_ENTRY:,}")
        if info.file_size > max(1 << 20, HIGHEST_RATIO * info.compress_size):
            raise ValueError(f"it grows more than {HIGHEST_RATIO} times as large")
        if self._unpacked + info.file_size > LARGEST_UNPACKED:
            raise ValueError("the zips are too large together")
        with archive.open(info) as stream:
            data = stream.read(LARGEST_ENTRY + 1)  # a header may lie
        self._unpacked += len(data)
        if len(data) > LARGEST_ENTRY or self._unpacked > LARGEST_UNPACKED:
            raise ValueError("it is larger than it says")
        folder = self.place / str(self._entries)
        folder.mkdir()
        path = folder / (_told(PurePosixPath(info.filename.replace("\\", "/")).stem)[:60] + Path(info.filename).suffix)
        path.write_bytes(data)
        return path


@contextmanager
def look(paths: Iterable[Path], chapters: Collection[str]) -> Iterator[Look]:
    """Look through what one learner handed in. The files found are there until the context ends."""
    with TemporaryDirectory(prefix="deconv-") as place:
        found = Look(chapters, Path(place))
        for path in paths:
            name = PurePosixPath(original_name(path.name))
            if path.is_dir():
                found.folder(path, PurePosixPath(PACKAGE) if path.name == PACKAGE else PurePosixPath())
            elif name.suffix.lower() == ".zip":
                found.zip(path, name)
            else:
                found.file(path, name, path.lstat().st_mtime)
        yield found


def is_litter(name: str) -> bool:
    """Whether a system or an editor left a file or folder of this name behind."""
    return name in LITTER or name.startswith(("._", "~$")) or name.endswith((".egg-info", ".pyc"))


def _closed(name: str, beside: Collection[str], where: PurePosixPath) -> str:
    """Why a folder is not looked into; empty if it is."""
    if name.startswith("."):
        return "it is hidden: its name begins with a dot"
    if name in _INSTALLED or name in ("venv", "env"):
        return "it holds installed packages"
    if name in _OURS and PACKAGE in beside:
        return "it is the course's own, beside a deconvlib/"
    return ""


def _course_support(where: PurePosixPath) -> bool:
    return where.parts[-2:-1] == (PACKAGE,) and where.name in COURSES_OWN


def _date(info: zipfile.ZipInfo) -> float:
    try:
        return datetime(*info.date_time).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def _told(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.() -]", "_", text) or "entry"


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


# ------------------------------------------------------------------------------------------------- names of platforms

_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)\Z", re.DOTALL)
_CANVAS = re.compile(r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<id>\d{3,})_(?P<upload>\d{3,})_(?P<file>.+)\Z", re.DOTALL)
_AGAIN = re.compile(r"-(?P<number>\d+)(?=\.[^.]+\Z|\Z)")


def original_name(name: str) -> str:
    """A file's name as its learner had it, without what a learning platform put before it."""
    match = _MOODLE.match(name) or _CANVAS.match(name)
    return (match["file"] if match else "") or name


@dataclass(frozen=True)
class PlatformName:
    """What Moodle or Canvas say in the name of a file or folder."""

    platform: str
    name: str
    id: str
    file: str  # empty for a folder
    late: bool = False

    @property
    def learner(self) -> str:
        """Who handed it in, unique in a class."""
        return f"{self.name}_{self.id}"

    @property
    def attempt(self) -> tuple[str, int]:
        """(the file's name, how often it was handed in again): Canvas puts ``-1`` after a name, then ``-2``."""
        again = _AGAIN.search(self.file) if self.platform == "Canvas" else None
        return (
            (self.file[: again.start()] + self.file[again.end() :], int(again["number"])) if again else (self.file, 0)
        )


def platform_name(name: str, folder: bool = False) -> PlatformName | None:
    """What the name of a file, or of a folder, says, if a learning platform made it."""
    if match := _MOODLE.match(name):
        return PlatformName("Moodle", match["name"], match["id"], match["file"])
    if not folder and (match := _CANVAS.match(name)):  # Canvas makes no folders
        return PlatformName("Canvas", match["name"], match["id"], match["file"], bool(match["late"]))
    return None
