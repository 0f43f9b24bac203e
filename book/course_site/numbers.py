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
    """The number in a page's file name; None for pages without one, and for 00, which comes before the chapters."""
    match = _CHAPTER.match(docname)
    return int(match[1]) or None if match else None


def set_numbers(app: Sphinx, env: BuildEnvironment) -> list[str]:
    changed = []
    for docname in env.found_docs:
        if docname not in env.tocs:
            continue
        number = chapter_number(docname)
        headings = list(env.tocs[docname].findall(nodes.reference))
        numbers: dict[str, tuple[int, ...]] = {heading["anchorname"]: () for heading in headings}
        numbers[""] = (number,) if number else ()  # the title; an empty number keeps its sections from inheriting it
        if env.toc_secnumbers.get(docname) != numbers:
            changed.append(docname)
        env.toc_secnumbers[docname] = numbers
        env.titles[docname]["secnumber"] = numbers[""] or None
        for heading in headings:
            if not heading["anchorname"]:
                heading["secnumber"] = numbers[""] or None
    return changed


def setup(app: Sphinx) -> None:
    app.connect("env-get-updated", set_numbers, priority=900)  # after Sphinx has set its own
    app.connect("config-inited", lambda app, config: setattr(config, "html_secnumber_suffix", " "))
