"""Where in a learner's own files an exception arose."""

from __future__ import annotations

import linecache
import traceback


def learner_lines(error: BaseException) -> list[str]:
    """Where in the learner's own files an exception arose: file, line and code, outermost first."""
    lines = []
    for frame in traceback.extract_tb(error.__traceback__):
        path = frame.filename.replace("\\", "/")
        own = "/deconvlib/" in path and "/deconvlib/course/" not in path
        if own or "/tests/mistakes/" in path or "/tests/variants/" in path:
            code = frame.line or linecache.getline(frame.filename, frame.lineno or 0).strip()
            lines.append(f"{path.rpartition('/')[2]}, line {frame.lineno}: {code}")
    return getattr(error, "learner_lines", lines)
