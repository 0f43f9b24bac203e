"""The library's reference: ``course-reference`` lists every exercise of every chapter with its signature and docstring.

The modules are read with ``ast``, as the catalogue reads them, and the docstrings go through Sphinx's napoleon. Nothing is
imported: a learner's half-written module cannot stop the site, and the chapters that use torch need no torch to be built.
"""

from __future__ import annotations

import ast
import re

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.ext.napoleon import Config as NapoleonConfig
from sphinx.ext.napoleon import NumpyDocstring
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import nested_parse_with_titles

from deconvlib.course.catalogue import STUBS, Exercise, exercises

from .exercises import anchor, exercise_number

#: Types as the docstrings write them are words, not links: `param` fields would make Sphinx look each of them up.
_NAPOLEON = NapoleonConfig(napoleon_use_param=False, napoleon_use_rtype=False, napoleon_use_ivar=True)


def _escape_bars(line: str) -> str:
    """Keep ``|x|`` an absolute value: outside of literals reStructuredText would take it for a substitution."""
    if line.lstrip().startswith((">>>", "...")):
        return line
    pieces = re.split(r"(`+.*?`+)", line)
    return "".join(piece if piece.startswith("`") else piece.replace("|", r"\|") for piece in pieces)


class CourseReference(SphinxDirective):
    """``.. course-reference::`` with one section a chapter module."""

    def run(self) -> list[nodes.Node]:
        known = exercises()
        sections = []
        for chapter in dict.fromkeys(exercise.chapter for exercise in known.values()):
            path = STUBS / f"{chapter}.py"
            self.env.note_dependency(str(path))
            for page in {name for name in getattr(self.env, "exercise_pages", {}).values() if name.endswith(chapter)}:
                self.env.note_dependency(self.env.doc2path(page))  # it numbers the exercises
            module = ast.parse(path.read_text(encoding="utf-8"))
            section = nodes.section(ids=[f"module-{chapter}"], names=[f"deconvlib.{chapter}"])
            section += nodes.title("", "", nodes.literal("", f"deconvlib.{chapter}"))
            self.state.document.note_implicit_target(section, section)
            about = (ast.get_docstring(module) or "").partition("\n")[0]
            lines = [about, "", f".. py:currentmodule:: deconvlib.{chapter}", ""]
            for exercise in known.values():
                if exercise.chapter == chapter:
                    lines += self._entry(exercise)
            nested_parse_with_titles(self.state, StringList(lines, source=str(path)), section)
            sections.append(section)
        return sections

    def _entry(self, exercise: Exercise) -> list[str]:
        kind = "class" if exercise.signature.startswith("class ") else "function"
        signature = exercise.signature.removeprefix("class ")
        body = [f"*Exercise {exercise_number(self.env, exercise.name)}: {exercise.title}.*", ""]
        page = getattr(self.env, "exercise_pages", {}).get(exercise.name)
        if page:
            body = [f":exercise-box:`{exercise.name}`", ""]
        docstring = NumpyDocstring(exercise.docstring, _NAPOLEON, self.env.app, kind)
        body += [_escape_bars(line) for line in str(docstring).splitlines()]
        return [f".. py:{kind}:: {signature}", "", *(f"   {line}" if line else "" for line in body), ""]


def exercise_box_role(name, rawtext, text, lineno, inliner, options=None, content=None):  # type: ignore[no-untyped-def]
    """``:exercise-box:`conv2d``` links to the exercise's box in its chapter, by number and title."""
    env = inliner.document.settings.env
    known = exercises()
    link = addnodes.pending_xref(
        rawtext, refdomain="std", reftype="ref", reftarget=anchor(text).lower(), refdoc=env.docname, refexplicit=True
    )
    label = f"Exercise {exercise_number(env, text)}: {known[text].title}"
    link += nodes.inline("", label, classes=["xref", "std", "std-ref", "exercise-link"])
    return [link], []


def configure(app: Sphinx, config: Config) -> None:
    config.add_module_names = False
    config.python_display_short_literal_types = True
    # Annotations name types of other projects, which the course's reference does not describe.
    config.nitpick_ignore_regex = [*config.nitpick_ignore_regex, (r"py:.*", r"(?!deconvlib\b).*")]


def setup(app: Sphinx) -> None:
    app.add_directive("course-reference", CourseReference)
    app.add_role("exercise-box", exercise_box_role)
    app.connect("config-inited", configure)
