"""Text that a submission may have had a hand in, made safe to print and to write into any file format."""

from __future__ import annotations

import re

MESSAGE_LIMIT = 4_000
# Control characters (tabs and line ends stay), what turns the direction of reading round, and halves of characters.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def printable(text: str) -> str:
    """Text in which nothing acts: any file format and any terminal can hold it."""
    return _UNSAFE.sub("\ufffd", text)


def clean(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """Printable text, cut to `limit` characters."""
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return printable(text)


def one_line(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """Clean text on one line."""
    return clean(text, limit).replace("\n", " ").replace("\t", " ")
