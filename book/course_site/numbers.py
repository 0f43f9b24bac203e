"""Chapters are numbered by their file names: ``03-transposed_convolution`` is Chapter 3 also while Chapter 2 is missing.

Sphinx would count the pages that are there. So the course does not use its numbering and sets the numbers itself, in the
places where Sphinx keeps them.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

_CHAPTER = re.compile(r"chapters/(\d+)-")


def chapter_number(docname: str) -> int | None:
    """The number in a page's file name; None for pages without one, and for 00, which is no chapter."""
    match = _CHAPTER.match(docname)
    return int(match[1]) or None if match else None


def set_numbers(app: Sphinx, env: BuildEnvironment) -> list[str]:
    changed = []
    for docname in env.found_docs:
        number = chapter_number(docname)
        if number is None or docname not in env.tocs:
            continue
        if env.toc_secnumbers.get(docname) != {"": (number,)}:
            changed.append(docname)
        env.toc_secnumbers[docname] = {"": (number,)}
        env.titles[docname]["secnumber"] = (number,)
        for reference in env.tocs[docname].findall(nodes.reference):
            if not reference["anchorname"]:
                reference["secnumber"] = (number,)
    return changed


def setup(app: Sphinx) -> None:
    app.connect("env-get-updated", set_numbers, priority=900)  # after Sphinx has set its own
    app.connect("config-inited", lambda app, config: setattr(config, "html_secnumber_suffix", " "))
