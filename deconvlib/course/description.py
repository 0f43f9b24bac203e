"""What an exercise asks for, as HTML: its docstring and its hints, each behind one click.

Read by people in a notebook's boxes and on the site, from the same function.
"""

from __future__ import annotations

import re
import textwrap
from html import escape
from itertools import pairwise

from deconvlib.course.catalogue import Exercise

_CODE = re.compile(r"``(.+?)``|`([^`\n]+)`")
_ENTRIES = ("Parameters", "Returns", "Yields", "Raises", "Attributes", "Methods", "Other Parameters")


def inline(text: str) -> str:
    """One run of text; what stands in backquotes is code."""
    parts, at = [], 0
    for found in _CODE.finditer(text):
        parts += [escape(text[at : found.start()]), f"<code>{escape(found[1] or found[2])}</code>"]
        at = found.end()
    return "".join([*parts, escape(text[at:])])


def docstring_html(docstring: str) -> str:
    """A docstring in NumPy's layout as HTML: its sections under headings, parameters as a list."""
    lines = docstring.splitlines()
    heads = [
        i for i, (line, below) in enumerate(pairwise(lines)) if line.strip() and re.fullmatch(r"-{3,}", below.strip())
    ]
    out = [_blocks("\n".join(lines[: heads[0] if heads else None]))]
    for head, following in pairwise([*heads, len(lines)]):
        title, text = lines[head].strip(), "\n".join(lines[head + 2 : following]).strip("\n")
        body = _entries(text) if title in _ENTRIES else _blocks(text)
        out.append(f"<p><strong>{escape(title)}</strong></p>{body}")
    return "".join(out)


def _blocks(text: str) -> str:
    """Paragraphs, and examples as they would be typed."""
    out = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        if block.lstrip().startswith(">>>"):
            out.append(f"<pre>{escape(textwrap.dedent(block))}</pre>")
        elif block.strip():
            out.append(f"<p>{inline(' '.join(block.split()))}</p>")
    return "".join(out)


def _entries(text: str) -> str:
    """Lines at the margin name something; what is indented below says what it is."""
    out = []
    for line in text.splitlines():
        if line[:1].strip():
            name, colon, kind = line.partition(" : ")
            out.append([f"<code>{escape(name)}</code>{f' ({inline(kind)})' if colon else ''}", ""])
        elif out:
            out[-1][1] += line.strip() + "\n"
    items = (f"<li>{name}{': ' if about.strip() else ''}{inline(' '.join(about.split()))}</li>" for name, about in out)
    return f"<ul>{''.join(items)}</ul>"


def fold(summary: str, body: str) -> str:
    """Something that the reader opens."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def help_html(exercise: Exercise) -> str:
    """The description and the hints of an exercise, each to be opened: the next hint stands inside of the one before."""
    hints = ""
    for step in range(len(exercise.hints), 0, -1):
        paragraphs = _blocks(exercise.hints[step - 1])
        hints = fold(f"Hint {step} of {len(exercise.hints)}", paragraphs + hints)
    call = f"<p><code>{escape(exercise.signature)}</code></p>"
    return fold("Description", call + docstring_html(exercise.docstring)) + hints
