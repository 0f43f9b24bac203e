"""The skeleton of every piece of a new exercise, each in its place. None of them passes for written."""

from __future__ import annotations

import ast
import difflib
import json
import keyword
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deconv_grader.maintaining.checkout import MARK, Checkout, exercise_of_cell, source
from deconv_grader.maintaining.pieces import HINTS, MISTAKES, VARIANTS
from deconvlib.course.catalogue import CHAPTERS, Exercise


class CannotAdd(ValueError):
    """This exercise cannot be added; the message says why. Nothing was written."""


def new_exercise(course: Checkout, chapter: str, name: str, after: str | None = None) -> list[Path]:
    """Write the pieces of an exercise as skeletons, after another exercise or at the end of its chapter.

    Returns
    -------
    list of Path
        The files that were written or changed.

    Raises
    ------
    CannotAdd
        If the name is taken or is none, the chapter or the exercise to follow is not known, or a file cannot be written.
    """
    _refuse(course, chapter, name, after)
    texts = _of_chapter(course, chapter) if not course.stubs(chapter).is_file() else {}
    known = course.chapter(chapter)
    before = known[after] if after else next(reversed(known.values()), None)
    for path, piece in _pieces(course, chapter, name, before).items():
        texts[path] = piece(texts.get(path) or course.text(path))
    _write(texts)
    return list(texts)


def _refuse(course: Checkout, chapter: str, name: str, after: str | None) -> None:
    if chapter not in CHAPTERS:
        near = difflib.get_close_matches(chapter, CHAPTERS, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(CHAPTERS)}"
        raise CannotAdd(f"no chapter is named {chapter!r}; {hint}")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise CannotAdd(f"{name!r} is no name for an exercise; it is that of a function, such as lp_pool2d")
    known = course.exercises()
    taken = {one.lower(): one for one in (*known, *CHAPTERS, "course")}
    if name.lower() in taken:
        raise CannotAdd(
            f"{taken[name.lower()]} is there already; an exercise has a name of its own in the whole course"
        )
    if after is not None and after not in course.chapter(chapter):
        there = f"those are {', '.join(course.chapter(chapter))}" if course.chapter(chapter) else "it has none yet"
        raise CannotAdd(f"--after takes an exercise of {chapter}, got {after!r}; {there}")
    if not course.stubs(chapter).is_file():
        found = [course.name(path) for path in _of_chapter(course, chapter) if _is_new(course, path) and path.exists()]
        if found:
            raise CannotAdd(
                f"{chapter} has no module, but {', '.join(found)} is there; move it away, or write the module"
            )
        return
    for path, names in _defined(course, chapter, name).items():
        for one in sorted(names & _bound(course.tree(path))):
            raise CannotAdd(f"{course.name(path)} defines or imports {one} already")
    if any(exercise_of_cell(cell) == name for cell in course.cells(course.notebook(chapter))):
        raise CannotAdd(f"{course.name(course.notebook(chapter))} has a cell with %%exercise {name} already")


def _is_new(course: Checkout, path: Path) -> bool:
    return path not in (course.contents, course.sheet)


def _defined(course: Checkout, chapter: str, name: str) -> dict[Path, set[str]]:
    """The names that the skeletons define."""
    return {
        course.stubs(chapter): {name},
        course.solutions(chapter): {name},
        course.checks(chapter): {f"test_{name.lower()}_{what}" for what in ("by_hand", "drawn", "refuses")},
        course.mistakes(chapter): {f"{name.lower()}_mistake_{i + 1}" for i in range(MISTAKES)},
        course.variants(chapter): {f"{name.lower()}_variant_{i + 1}" for i in range(VARIANTS)},
        course.agreement(chapter): {f"test_{name.lower()}"},
    }


def _bound(tree: ast.Module) -> set[str]:
    """The names that a module binds at its top."""
    found = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        else:
            found |= {p.id for p in ast.walk(node) if isinstance(p, ast.Name) and isinstance(p.ctx, ast.Store)}
    return found


def _pieces(course: Checkout, chapter: str, name: str, before: Exercise | None) -> dict[Path, Callable[[str], str]]:
    """For each file, what makes its new text of its old one."""
    follow = before.name if before else None
    torch = "import torch" in course.text(course.stubs(chapter))
    array = "torch.Tensor" if torch else "np.ndarray"
    if torch and re.search(r"^from torch import .*\bTensor\b", course.text(course.stubs(chapter)), re.MULTILINE):
        array = "Tensor"
    signature = f"def {name}(x: {array}) -> {array}:"
    forbids = before.forbids if before and torch else None
    return {
        course.stubs(chapter): lambda text: _after(text, follow, _stub(signature, forbids)),
        course.pristine(chapter): lambda text: _after(text, follow, _stub(signature, forbids)),
        course.solutions(chapter): lambda text: _after(text, follow, f"{signature}\n    raise NotImplementedError\n"),
        course.checks(chapter): lambda text: _end(text, _checks(name)),
        course.mistakes(chapter): lambda text: _end(text, _mistakes(name)),
        course.variants(chapter): lambda text: _end(text, _variants(name)),
        course.agreement(chapter): lambda text: _end(text, _agreement(name)),
        course.notebook(chapter): lambda text: _with_cell(text, follow, name),
        course.sheet: lambda text: _with_line(text, course.notebook(chapter).name, name),
    }


# The pieces


def _stub(signature: str, forbids: tuple[str, ...] | None) -> str:
    hints = "".join(f'        "{MARK}",\n' for _ in range(HINTS))
    named = "".join(f'"{one}", ' for one in forbids or ()).rstrip(" " if len(forbids or ()) == 1 else ", ")
    return f'''@exercise(
    title="{MARK}",
    points=0,
    minutes=0,
    difficulty=0,
{f"    forbids=({named}),{chr(10)}" if forbids else ""}    hints=(
{hints}    ),
)
{signature}
    """{MARK}: one line.

    Parameters
    ----------
    x : {MARK}

    Returns
    -------
    {MARK}

    Raises
    ------
    {MARK}

    Notes
    -----
    {MARK}: paper and equation.

    Examples
    --------
    {MARK}: one tiny case, run by the tests.
    """
    raise NotImplementedError
'''


def _checks(name: str) -> str:
    what = {
        "by_hand": (f'"{MARK}: a case that you can work out by hand", weight=2', "gives(expected, x)"),
        "drawn": (f'"{MARK}: any ...", hidden=True', f"gives(reference.{name}(x), x), x drawn by @given"),
        "refuses": (f'"refuses {MARK}"', "raises(ValueError, x)"),
    }
    return f"# {name}\n" + "".join(
        f'\n\n@check("{name}", {title})\ndef test_{name.lower()}_{kind}(learner):\n'
        f"    raise NotImplementedError  # learner.{name}.{call}\n"
        for kind, (title, call) in what.items()
    )


def _mistakes(name: str) -> str:
    return f"# {name}\n" + "".join(
        f'\n\n@mistake("{name}")\ndef {name.lower()}_mistake_{i + 1}(x):\n    """{MARK}: completes "Your result is the one you get when"\n'
        f"\n    {MARK}: a sentence or two that help.\n" + '    """\n    raise NotImplementedError\n'
        for i in range(MISTAKES)
    )


def _variants(name: str) -> str:
    return "\n\n".join(
        f'@variant("{name}")\ndef {name.lower()}_variant_{i + 1}(x):\n    raise NotImplementedError  # {MARK}\n'
        for i in range(VARIANTS)
    )


def _agreement(name: str) -> str:
    return (
        f"def test_{name.lower()}():\n"
        f'    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {{"{name}": "why"}}\n'
    )


def _with_cell(text: str, follow: str | None, name: str) -> str:
    notebook = json.loads(text)
    cells = notebook["cells"]
    cell = _cell(
        "code",
        f"exercise-{name.lower().replace('_', '-')}",
        f"%%exercise {name}\ndef {name}(x):\n    raise NotImplementedError",
    )
    if any(other.get("id") == cell["id"] for other in cells):
        cell["id"] += "-cell"
    own = [i for i, other in enumerate(cells) if other["source"] and exercise_of_cell(other)]
    place = [i for i in own if exercise_of_cell(cells[i]) == follow] or own
    code = [i for i, other in enumerate(cells) if other["cell_type"] == "code"]
    cells.insert((place or code or [len(cells) - 1])[-1] + 1, cell)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _cell(kind: str, id: str, text: str) -> dict[str, Any]:
    facts: dict[str, Any] = {"id": id, "metadata": {}, "source": text.splitlines(keepends=True)}
    if kind == "code":
        facts |= {"execution_count": None, "outputs": []}
    return {"cell_type": kind, **{key: facts[key] for key in sorted(facts)}}


def _with_line(text: str, page: str, name: str) -> str:
    """The sheet with a line at the end of its chapter's table."""
    lines = text.splitlines(keepends=True)
    heading = f"## {int(page[:2])}. "
    start = next((i for i, line in enumerate(lines) if line.startswith(heading)), None)
    if start is None:
        raise CannotAdd(f"the formula sheet has no section {heading.strip()}")
    rest = range(start + 1, len(lines))
    end = next((i for i in rest if lines[i].startswith("## ")), len(lines))
    rows = [i for i in rest if i < end and lines[i].startswith("|")]
    if not rows:
        raise CannotAdd(f"the formula sheet has no table under {lines[start].strip()}")
    line = f"| ${MARK}$ | [{MARK}]({page}#{MARK}) | [`{name}`](#exercise-{name}) |\n"
    return "".join([*lines[: rows[-1] + 1], line, *lines[rows[-1] + 1 :]])


# A chapter that is planned and has no files yet

_STUBS = '''"""{mark}: what it is about. Chapter {number}."""

from __future__ import annotations

import numpy as np

from deconvlib.course.exercise import exercise
'''
_SOLUTIONS = '''"""{title}, worked. Chapter {number}."""

from __future__ import annotations

import numpy as np
'''
_CHECKS = '''"""What grades chapter {number}."""

from __future__ import annotations

from deconv_grader.checks.writing import check
'''
_MISTAKES = '''"""Wrong answers to chapter {number} that learners give."""

from __future__ import annotations

from deconv_grader.checks.known_answers import mistake
'''
_VARIANTS = '''"""Right answers to chapter {number}, written in other ways than the solutions."""

from __future__ import annotations

from deconv_grader.checks.known_answers import variant
'''
_AGREEMENT = '''"""Chapter {number}'s solutions against PyTorch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
'''


def _of_chapter(course: Checkout, chapter: str) -> dict[Path, str]:
    """The files of a chapter without exercises, and its lines in the table of contents and on the formula sheet."""
    number, title = CHAPTERS[chapter], chapter.replace("_", " ").capitalize()
    modules = {
        course.stubs(chapter): _STUBS,
        course.pristine(chapter): _STUBS,
        course.solutions(chapter): _SOLUTIONS,
        course.checks(chapter): _CHECKS,
        course.mistakes(chapter): _MISTAKES,
        course.variants(chapter): _VARIANTS,
        course.agreement(chapter): _AGREEMENT,
    }
    texts = {path: text.format(mark=MARK, number=number, title=title) for path, text in modules.items()}
    texts[course.notebook(chapter)] = _notebook(course, title)
    table = f"## {number}. {title}\n\n| formula | what it says, and its proof | you write it |\n|---|---|---|\n"
    texts[course.sheet] = course.text(course.sheet).rstrip("\n") + f"\n\n{table}"
    contents, page = course.text(course.contents), f"chapters/{course.notebook(chapter).stem}"
    pages = list(re.finditer(r"^( *- file: )chapters/(\d\d)-\w+\n", contents, re.MULTILINE))
    last = [found for found in pages if int(found[2]) < number][-1]
    texts[course.contents] = f"{contents[: last.end()]}{last[1]}{page}\n{contents[last.end() :]}"
    return texts


def _notebook(course: Checkout, title: str) -> str:
    first = course.root / "chapters" / "00-start-here.ipynb"
    notebook = json.loads(course.text(first))
    code = next(source(cell) for cell in notebook["cells"] if cell["cell_type"] == "code")
    cells = [
        _cell(
            "markdown",
            "title",
            f"# {title}\n\n{MARK}: the question that the chapter answers, and a picture of the answer.",
        ),
        _cell("code", "set-up", code) | {"metadata": {"tags": ["hide-input"]}},
        _cell("markdown", "can-do", f"## What you can now do\n\n{MARK}"),
        _cell("markdown", "check-yourself", f"## Check yourself\n\n{MARK}"),
        _cell("markdown", "references", f"## References\n\n{MARK}"),
    ]
    return json.dumps(notebook | {"cells": cells}, indent=1, ensure_ascii=False) + "\n"


# Writing


def _after(text: str, follow: str | None, definition: str) -> str:
    """A module with a definition after another, or at its end."""
    nodes = {getattr(node, "name", ""): node for node in ast.parse(text).body}
    if follow not in nodes:
        return _end(text, definition)
    lines = text.split("\n")
    end = nodes[follow].end_lineno or len(lines)
    return "\n".join([*lines[:end], "\n", definition.rstrip("\n"), *lines[end:]])


def _end(text: str, definition: str) -> str:
    gap = "\n\n" if definition.startswith("#") and "\ndef " not in text else "\n\n\n"  # as ruff wants it below imports
    return text.rstrip("\n") + gap + definition


def _write(texts: dict[Path, str]) -> None:
    """Put every text in its place, or none: each is written beside its file first, and a failure puts the old ones back."""
    old = {path: path.read_bytes() if path.is_file() else None for path in texts}
    fresh: dict[Path, Path] = {}
    done: list[Path] = []
    try:
        for path, text in texts.items():
            with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
                fresh[path] = Path(file.name)
                file.write(text.encode())
            fresh[path].chmod(path.stat().st_mode & 0o777 if path.is_file() else 0o644)
        for path, other in fresh.items():
            done.append(path)
            other.replace(path)
    except OSError as error:
        for path in done:
            before = old[path]
            path.unlink(missing_ok=True) if before is None else path.write_bytes(before)
        raise CannotAdd(f"{error.filename or error}: {error.strerror}; nothing was written") from None
    finally:
        for other in fresh.values():
            other.unlink(missing_ok=True)
