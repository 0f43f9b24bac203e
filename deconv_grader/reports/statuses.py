"""How the status of an exercise or of a check is shown: its sign, its color, its words. Every report takes them from here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """One status as it is shown; `ascii` is its sign where the output has no others."""

    sign: str
    ascii: str
    color: str
    words: str = ""  # beside the exercise in the list of all of them


_NO = ("✗", "no", "red")
LOOKS = {
    "passed": Look("✓", "ok", "green"),
    "partial": Look("◐", "~~", "yellow"),
    "failed": Look(*_NO, "failed"),
    "timed out": Look(*_NO, "timed out"),
    "crashed": Look(*_NO, "crashed"),
    "forbidden": Look(*_NO, "forbidden"),
    "unreadable": Look(*_NO, "its file cannot be read"),
    "unchecked": Look("○", "??", "yellow", "changed since its last check"),
    "not started": Look("·", "..", "dim"),
    "skipped": Look("–", "--", "dim"),  # a check only
}
_UNKNOWN = Look("?", "??", "yellow")  # from a file that another version of the course wrote
_ALL = "".join(look.sign for look in LOOKS.values())


def look(status: str) -> Look:
    """How a status is shown."""
    return LOOKS.get(status, _UNKNOWN)


def sign(status: str, encoding: str | None = "utf-8") -> str:
    """The sign of a status; in ASCII where `encoding` does not have all signs, so that columns stay columns."""
    try:
        _ALL.encode(encoding or "ascii")
    except (UnicodeError, LookupError):
        return look(status).ascii
    return look(status).sign
