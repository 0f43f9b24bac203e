"""A learner's file as text: decoded as Python would, and encoded again with nothing else changed."""

from __future__ import annotations

import io
import os
import stat
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from deconvlib.course.surroundings import command

if TYPE_CHECKING:
    from deconv_grader.answers.layouts import Ignored

LARGEST_MODULE = 256 << 10


class CannotEdit(ValueError):
    """A learner's file cannot be changed as asked, and is as it was; the message says why and what to do."""


class CannotRead(CannotEdit):
    """A file cannot be read, or there is nothing to grade; the message says why, and `ignored` what lay there."""

    def __init__(self, message: str, ignored: Sequence[Ignored] = ()):
        super().__init__(message)
        self.ignored = list(ignored)


@dataclass(frozen=True)
class Source:
    """A text, and how it was saved: its encoding (with or without a byte-order mark) and its most frequent line end."""

    text: str
    encoding: str = "utf-8"
    newline: str = "\n"

    @classmethod
    def decode(cls, data: bytes, name: str) -> Source:
        """Decode by Python's own rules: a byte-order mark, a coding line, else UTF-8.

        Raises
        ------
        CannotRead
            If Python could not read it either.
        """
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise CannotRead(f"{name} is saved as UTF-16, which Python does not read: save it as UTF-8")
        if b"\0" in data:
            raise CannotRead(f"{name}, line {_line(data, data.index(0))}: there are null bytes; this is no text")
        try:
            encoding, _ = tokenize.detect_encoding(
                io.BytesIO(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")).readline
            )
        except (
            SyntaxError
        ) as error:  # an unknown coding, or one that contradicts the mark; or no UTF-8 in the first lines
            if "invalid or missing encoding" not in str(error):
                raise CannotRead(f"{name}: {error.msg}; save it as UTF-8") from None
            encoding = "utf-8"
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            raise CannotRead(
                f"{name}, line {_line(data, error.start)}: the text is not {encoding.upper().removesuffix('-SIG')}; "
                "save it as UTF-8"
            ) from None
        except LookupError:  # rot13 and the like are no encodings of text
            raise CannotRead(f"{name}: {encoding} is no encoding of text; save it as UTF-8") from None
        crlf, cr, lf = text.count("\r\n"), text.count("\r"), text.count("\n")
        counts = {"\n": lf - crlf, "\r\n": crlf, "\r": cr - crlf}
        return cls(text, encoding, max(counts, key=lambda end: counts[end]))

    @classmethod
    def read(cls, path: Path) -> Source:
        """Read a file of the learner's own.

        Raises
        ------
        CannotRead
            If there is none, or it is no text that Python reads.
        """
        try:
            return cls.decode(path.read_bytes(), path.name)
        except FileNotFoundError:
            raise CannotRead(f"{path} is missing; `{command('start')}` brings it back") from None
        except IsADirectoryError:
            raise CannotRead(f"{path} is a folder; a chapter's file should be there: move the folder away") from None
        except OSError as error:
            raise CannotRead(f"{path} cannot be read: {error.strerror or error}") from None

    def encode(self, name: str) -> bytes:
        """The bytes to save.

        Raises
        ------
        CannotEdit
            If the encoding lacks a character.
        """
        try:
            return self.text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise CannotEdit(
                f"{name} is saved as {self.encoding}, which has no {self.text[error.start]!r}: change its coding line to "
                "utf-8 and save it as that, or leave the character out"
            ) from None

    @property
    def universal(self) -> str:
        """The text with every line end as Python sees it."""
        return self.text.replace("\r\n", "\n").replace("\r", "\n")

    def with_text(self, text: str) -> Source:
        return replace(self, text=text)

    def in_its_lines(self, text: str) -> str:
        """`text` with this file's line ends."""
        from parso.utils import split_lines

        return "".join(
            line.rstrip("\r\n") + (self.newline if line.endswith(("\r", "\n")) else "")
            for line in split_lines(text, keepends=True)
        )


def _line(data: bytes, at: int) -> int:
    return data[:at].replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n") + 1


def read_handed_in(path: Path, largest: int) -> str:
    """The text of an ordinary file that somebody handed in, with its line ends as Python sees them.

    Raises
    ------
    CannotRead
        If it is a link, a device or a pipe, too large, or no text that Python reads.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        reason = "it is a link" if path.is_symlink() else error.strerror or "it cannot be opened"
        raise CannotRead(f"{path.name} is not read: {reason}") from None
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise CannotRead(f"{path.name} is not read: it is not an ordinary file")
        if facts.st_size > largest:
            raise CannotRead(f"{path.name} is not read: {facts.st_size:,} bytes are more than {largest:,}")
        with open(handle, "rb", closefd=False) as stream:
            data = stream.read(largest + 1)
    except OSError as error:
        raise CannotRead(f"{path.name} is not read: {error.strerror or error}") from None
    finally:
        os.close(handle)
    if len(data) > largest:
        raise CannotRead(f"{path.name} is not read: it grew while it was read")
    return Source.decode(data, path.name).universal
