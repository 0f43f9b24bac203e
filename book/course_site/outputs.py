"""What is shown of the outputs stored in the chapters, and of their formulas.

A cell that calls a function the learner has not written yet says so on stderr. On the site that line would only be in
the way, and any other line there is a mistake in a chapter: it stops the build.
"""

from __future__ import annotations

import json
import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

logger = logging.getLogger(__name__)

_ALLOWED = re.compile(r"\w+ is not written yet; the reference answer is used\.$")


def drop_quiet_lines(app: Sphinx, docname: str, source: list[str]) -> None:
    if not app.env.doc2path(docname).endswith(".ipynb"):
        return
    notebook = json.loads(source[0])
    for index, cell in enumerate(notebook["cells"]):
        kept = []
        for output in cell.get("outputs", ()):
            if output["output_type"] == "stream" and output["name"] == "stderr":
                for line in "".join(output["text"]).splitlines():
                    if line.strip() and not _ALLOWED.match(line.strip()):
                        logger.warning("cell %d has stderr output: %s", index + 1, line, location=docname)
            else:
                kept.append(output)
        if "outputs" in cell:
            cell["outputs"] = kept
    notebook.get("metadata", {}).pop("widgets", None)  # state of widgets that the site does not use
    source[0] = json.dumps(notebook)


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
    app.connect("source-read", drop_quiet_lines)
