"""The numbered box around an exercise cell.

A chapter holds only a cell that begins with ``%%exercise NAME`` and shows the stub. Everything else in the box comes from
where it lives: title, points, minutes, difficulty, prerequisites and hints from the decorator in ``deconvlib/``, the
worked answer from ``solutions/``. Both are read as text; nothing of them is run.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from deconvlib.course.catalogue import Exercise, exercises
from deconvlib.course.description import docstring_html

logger = logging.getLogger(__name__)

_MAGIC = re.compile(r"%%exercise[ \t]+(\w+)")
DIFFICULTY = {1: "easy", 2: "medium", 3: "hard"}


class exercise_box(nodes.General, nodes.Element):
    """The box; its first child is the heading."""


class exercise_heading(nodes.General, nodes.TextElement):
    """“Exercise 3.2 · Title”."""


class fold(nodes.General, nodes.Element):
    """Something the reader opens: a hint, the solution."""


def anchor(name: str) -> str:
    return f"exercise-{name}"


def exercise_number(env: BuildEnvironment, name: str) -> str:
    """“3.2”: the chapter, and the place among its exercises, first those on its page in the page's order."""
    known = exercises()
    peers = [other.name for other in known.values() if other.chapter == known[name].chapter]
    pages: dict[str, str] = getattr(env, "exercise_pages", {})
    shown = [other for other in pages if other in peers]
    return f"{known[name].number}.{[*shown, *(peer for peer in peers if peer not in shown)].index(name) + 1}"


def named_in(cell_source: str) -> str | None:
    match = _MAGIC.match(cell_source.lstrip())
    return match[1] if match else None


def find_pages(app: Sphinx) -> None:
    """Note which exercises have a box on which page, so that a box can link to another that may not be there yet."""
    pages: dict[str, str] = {}
    for path in sorted(Path(app.srcdir, "chapters").glob("*.ipynb")):
        docname = f"chapters/{path.stem}"
        if docname not in app.env.found_docs:
            continue
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            name = named_in("".join(cell["source"])) if cell["cell_type"] == "code" else None
            if name:
                pages.setdefault(name, docname)
    app.env.exercise_pages = pages  # type: ignore[attr-defined]


def solution_source(path: Path, name: str) -> str:
    """The worked answer `name` in the module `path`, with the private helpers, constants and imports that it uses.

    Raises
    ------
    KeyError
        If the module has no such function or class.
    """
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    owners: dict[str, ast.stmt] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            owners[node.name] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            owners |= {(alias.asname or alias.name).partition(".")[0]: node for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            owners |= {target.id: node for target in targets if isinstance(target, ast.Name)}
    wanted = {name}
    todo = [owners[name]]
    while todo:
        used = {part.id for part in ast.walk(todo.pop()) if isinstance(part, ast.Name)}
        for other in sorted(used & owners.keys() - wanted):
            node = owners[other]
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not other.startswith("_")
            if not public:  # a public one is another exercise's answer: it has its own box
                wanted.add(other)
                todo.append(node)
    imports, body = [], []
    for node in ast.parse(text).body:
        mine = [key for key, owner in owners.items() if owner.lineno == node.lineno and key in wanted]
        if not mine:
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            node.names = [alias for alias in node.names if (alias.asname or alias.name).partition(".")[0] in wanted]
            imports.append(ast.unparse(node))
            continue
        decorators = getattr(node, "decorator_list", [])
        start = min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1
        while start > 0 and lines[start - 1].startswith("#"):  # comments that stand right above
            start -= 1
        body.append("\n".join(lines[start : node.end_lineno]))
    return "\n".join(imports) + ("\n\n\n" if imports else "") + "\n\n\n".join(body)


class ExerciseBoxes(SphinxTransform):
    """Put the box around each exercise cell."""

    default_priority = 400  # before links to anchors are resolved

    def apply(self, **keywords: Any) -> None:
        cells = [
            node
            for node in self.document.findall(nodes.container)
            if "cell" in node["classes"] and node.get("nb_element") == "cell_code"
        ]
        for cell in cells:
            code = next(cell.findall(nodes.literal_block), None)
            name = named_in(code.astext()) if code is not None else None
            if name:
                self._box(cell, name)

    def _box(self, cell: nodes.container, name: str) -> None:
        known = exercises()
        if name not in known:
            logger.warning(
                "%%%%exercise %s: deconvlib has no such exercise (or its module is not valid Python)",
                name,
                location=cell,
            )
            return
        exercise = known[name]
        for folder in ("deconvlib", "solutions"):
            self.env.note_dependency(str(Path(self.app.srcdir, folder, f"{exercise.chapter}.py")))

        box = exercise_box(classes=["exercise"], ids=[anchor(name)], names=[anchor(name)])
        if anchor(name) != anchor(name).lower():
            box["names"].append(anchor(name).lower())  # Sphinx looks labels up in lower case
        box.source, box.line = cell.source, cell.line
        cell.replace_self(box)
        self.document.note_explicit_target(box)
        next(cell.findall(nodes.literal_block))["language"] = "python"  # IPython's lexer gives up at a magic

        heading = exercise_heading(classes=["exercise-heading"])
        heading += nodes.inline("", f"Exercise {exercise_number(self.env, name)}", classes=["exercise-number"])
        heading += nodes.inline("", " · ", classes=["exercise-dot"])
        heading += nodes.inline("", exercise.title, classes=["exercise-title"])
        box += [heading, self._facts(exercise, known), cell]
        description = fold(title="Description", classes=["exercise-description"])
        description += nodes.raw("", docstring_html(exercise.docstring), format="html")
        box += description
        for step, hint in enumerate(exercise.hints, start=1):
            box += self._hint(hint, f"Hint {step} of {len(exercise.hints)}")
        box += self._solution(exercise, cell)

    def _facts(self, exercise: Exercise, known: dict[str, Exercise]) -> nodes.paragraph:
        def fact(text: str, name: str) -> nodes.inline:
            return nodes.inline("", text, classes=["exercise-fact", f"exercise-{name}"])

        facts = nodes.paragraph(classes=["exercise-facts"])
        level = DIFFICULTY[exercise.difficulty]
        dots = "●" * exercise.difficulty + "○" * (3 - exercise.difficulty)
        facts += fact(f"{exercise.points} points" if exercise.points != 1 else "1 point", "points")
        facts += nodes.Text(" ")
        facts += fact(f"about {exercise.minutes} min", "minutes")
        facts += nodes.Text(" ")
        difficulty = fact(f"{level} ", "difficulty")
        difficulty += nodes.raw("", f'<span aria-hidden="true">{dots}</span>', format="html")
        facts += difficulty
        if exercise.needs:
            facts += nodes.Text(" ")
            needs = fact("builds on ", "needs")
            for index, other in enumerate(exercise.needs):
                needs += nodes.Text(", " if index else "")
                needs += self._link(other, known)
            facts += needs
        facts += nodes.Text(" ")
        check = fact("", "check")
        check += nodes.literal("", f"deconv check {exercise.name}")
        facts += check
        return facts

    def _link(self, name: str, known: dict[str, Exercise]) -> nodes.Node:
        text = nodes.literal("", name)
        if name not in getattr(self.env, "exercise_pages", {}):
            return text
        link = addnodes.pending_xref(
            "", refdomain=None, reftype="myst", reftarget=anchor(name), refdoc=self.env.docname, refexplicit=True
        )
        inner = nodes.inline("", "", classes=["xref", "myst"])
        inner += text
        link += inner
        return link

    def _hint(self, hint: str, title: str) -> fold:
        """A hint is plain text, as the command line prints it: ``*`` and ``_`` mean what they mean in Python."""
        opened = fold(title=title, classes=["exercise-hint"], support_smartquotes=False)
        for part in re.split(r"\n\s*\n", hint.strip()):
            paragraph = nodes.paragraph()
            for piece in re.split(r"(`[^`]+`|\$[^$]+\$)", part):  # but `code` and $formulas$ look like what they are
                if piece[:1] == "`" == piece[-1:]:
                    paragraph += nodes.literal("", piece[1:-1])
                elif len(piece) > 2 and piece[0] == "$" == piece[-1]:
                    paragraph += nodes.math("", piece[1:-1])
                else:
                    paragraph += nodes.Text(piece)
            opened += paragraph
        return opened

    def _solution(self, exercise: Exercise, cell: nodes.Node) -> fold:
        path = Path(self.app.srcdir, "solutions", f"{exercise.chapter}.py")
        try:
            source = solution_source(path, exercise.name)
        except (OSError, KeyError):
            logger.warning(
                "solutions/%s.py has no worked answer for %s", exercise.chapter, exercise.name, location=cell
            )
            source = ""
        opened = fold(title="Solution", classes=["exercise-solution"])
        opened += nodes.literal_block(source, source, language="python")
        return opened


def _visit_box(self: Any, node: nodes.Element) -> None:
    name = node["ids"][0]
    self.body.append(f'<div class="exercise" id="{name}" role="group" aria-labelledby="{name}-heading">\n')


def _visit_heading(self: Any, node: nodes.Element) -> None:
    name = node.parent["ids"][0]
    self.body.append(f'<p class="exercise-heading" id="{name}-heading">')


def _depart_heading(self: Any, node: nodes.Element) -> None:
    name = node.parent["ids"][0]
    self.body.append(f'<a class="headerlink" href="#{name}" title="Link to this exercise">#</a></p>\n')


def _visit_fold(self: Any, node: nodes.Element) -> None:
    self.body.append(f'<details class="{" ".join(node["classes"])}"><summary>{node["title"]}</summary>\n')
    self.body.append('<div class="fold-body">\n')


def _pass(self: Any, node: nodes.Element) -> None:
    """Other formats show the content as it stands."""


def setup(app: Sphinx) -> None:
    def close(tags: str) -> Any:
        return lambda self, node: self.body.append(f"{tags}\n")

    others = {name: (_pass, _pass) for name in ("latex", "text", "man", "texinfo")}
    app.add_node(exercise_box, html=(_visit_box, close("</div>")), **others)
    app.add_node(exercise_heading, html=(_visit_heading, _depart_heading), **others)
    app.add_node(fold, html=(_visit_fold, close("</div></details>")), **others)
    app.add_transform(ExerciseBoxes)
    app.connect("env-before-read-docs", lambda app, env, docnames: find_pages(app))
