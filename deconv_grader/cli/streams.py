"""Standard streams that can always be written to, whatever the terminal, the code page or the pipe."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys

from deconv_grader.reports.statuses import LOOKS

_PLAIN = {look.sign: look.ascii for look in LOOKS.values()} | {
    "…": "...",
    "—": "-",
    "×": "x",
    "’": "'",
    "“": '"',
    "”": '"',
}


def _nearest(error: UnicodeError) -> tuple[str, int]:
    """What is printed for characters that an encoding does not have (an error handler of `codecs`)."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(character, "?") for character in error.object[error.start : error.end]), error.end


def prepare() -> None:
    """Open closed streams to nowhere, and let the others print something for what their encoding does not have."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed: the next file to be opened would take its place, and be written to
            with contextlib.suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    codecs.register_error("deconv", _nearest)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  (for the process's life)
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="deconv")


def say(words: str) -> None:
    """One line to standard error; nothing where that cannot be written."""
    try:
        print(f"deconv: {words}", file=sys.stderr, flush=True)
    except (OSError, ValueError):
        abandon("stderr")


def abandon(name: str) -> None:
    """Send a stream that cannot be written to nowhere, or Python would complain of it once more at the end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        number = getattr(sys, name).fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)
