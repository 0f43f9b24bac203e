"""The map of the course on the home page.

The directive lists what the syllabus plans. Whether a chapter is here is not written down: a chapter whose page exists is
a link with its exercises counted, any other is marked as coming.

    ```{course-map}
    # Part I. The three formulas
    01 convolution | Convolution | What a kernel does to a photograph.
    ```
"""

from __future__ import annotations

import json
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from deconvlib.course.catalogue import exercises


class CourseMap(SphinxDirective):
    has_content = True

    def run(self) -> list[nodes.Node]:
        result = nodes.container(classes=["course-map"])
        chapters: nodes.bullet_list | None = None
        for line in self.content:
            line = line.strip()
            if line.startswith("#"):
                part = nodes.container(classes=["course-part"])
                title, _, note = line.lstrip("# ").partition(" | ")
                heading = nodes.paragraph("", title, classes=["course-part-title"])
                if note:
                    heading += nodes.inline("", f" {note}", classes=["course-part-note"])
                chapters = nodes.bullet_list(classes=["course-chapters"])
                part += [heading, chapters]
                result += part
            elif line:
                if chapters is None:
                    raise self.error("course-map: a chapter before the first part")
                chapters += self._chapter(*(field.strip() for field in line.split("|")))
        return [result]

    def _chapter(self, file: str, title: str, about: str) -> nodes.list_item:
        number, _, name = file.partition(" ")
        docname = f"chapters/{number}-{name}"
        here = docname in self.env.found_docs
        item = nodes.list_item(classes=["here" if here else "coming"])
        head = nodes.paragraph(classes=["course-chapter"])
        head += nodes.inline("", str(int(number)) if int(number) else "", classes=["course-number"])
        if here:
            title = self._page_title(docname) or title
            link = addnodes.pending_xref(
                "",
                refdomain="std",
                reftype="doc",
                reftarget=f"/{docname}",
                refdoc=self.env.docname,
                refexplicit=True,
                refwarn=True,
            )
            link += nodes.inline("", title, classes=["xref", "doc", "course-title"])
            head += link
            mine = [exercise for exercise in exercises().values() if exercise.chapter == name]
            if mine:
                points = sum(exercise.points for exercise in mine)
                facts = f"{len(mine)} exercise{'s' if len(mine) > 1 else ''}, {points} points"
                head += nodes.inline("", facts, classes=["course-facts"])
        else:
            head += nodes.inline("", title, classes=["course-title"])
            head += nodes.inline("", "coming", classes=["course-soon"])
        item += [head, nodes.paragraph("", about, classes=["course-about"])]
        return item

    def _page_title(self, docname: str) -> str:
        """The first heading of a notebook, so that the map never disagrees with the page."""
        path = Path(self.env.doc2path(docname))
        self.env.note_dependency(str(path))
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for line in "".join(cell["source"]).splitlines():
                if cell["cell_type"] == "markdown" and line.startswith("# "):
                    return line[2:].strip()
        return ""


def setup(app: Sphinx) -> None:
    app.add_directive("course-map", CourseMap)
