"""What is shown of the outputs stored in the chapters, and of their formulas.

A line on stderr is a mistake in a chapter: it stops the build.
"""

from __future__ import annotations

import json
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

logger = logging.getLogger(__name__)


def warn_of_stderr(app: Sphinx, docname: str, source: list[str]) -> None:
    if not app.env.doc2path(docname).endswith(".ipynb"):
        return
    notebook = json.loads(source[0])
    for index, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", ()):
            if output["output_type"] == "stream" and output["name"] == "stderr":
                logger.warning("cell %d has stderr output: %s", index + 1, "".join(output["text"]), location=docname)


class TaggedFormulas(SphinxTransform):
    """Leave a displayed formula that has both ``\\\\`` and ``\\tag`` as its author wrote it.

    Sphinx would put it into a ``split`` environment, where no tag may stand.
    """

    default_priority = 500

    def apply(self, **keywords: Any) -> None:
        for node in self.document.findall(nodes.math_block):
            text = node.astext()
            if r"\tag" in text and r"\\" in text and not node.get("nowrap"):
                node["nowrap"] = True
                node.children = [nodes.Text(rf"\[{text}\]")]


def setup(app: Sphinx) -> None:
    app.add_transform(TaggedFormulas)
    app.connect("source-read", warn_of_stderr)
