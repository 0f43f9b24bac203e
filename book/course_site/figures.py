"""Numbered figures: the outputs that `deconvlib.course.figures` made become a figure with its caption and description.

A picture (or an explorer) and the caption below it are two outputs of one cell. The words stand in their metadata, which
MyST-NB drops, so they are noted when the notebook is read. “Figure 11.3” in the text leads to the figure.
"""

from __future__ import annotations

import json
import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from deconvlib.course.figures import METADATA

logger = logging.getLogger(__name__)

_MENTION = re.compile(r"Figure[ \u00a0](\d+\.\d+)")


def anchor(number: str) -> str:
    return f"figure-{number.replace('.', '-')}"


def note_words(app: Sphinx, docname: str, source: list[str]) -> None:
    """Note the words of each cell's figures, in their order; the caption follows what it belongs to."""
    if not app.env.doc2path(docname).endswith(".ipynb"):
        return
    found: dict[int, list[dict[str, str]]] = {}
    for index, cell in enumerate(json.loads(source[0])["cells"]):
        for output in cell.get("outputs", ()):
            words = output.get("metadata", {}).get(METADATA)
            if words and "text/markdown" in output.get("data", {}):
                found.setdefault(index, []).append(words)
    app.env.temp_data[METADATA] = found


class Figures(SphinxTransform):
    """Wrap each picture and its caption in a figure."""

    default_priority = 390  # before the exercises' boxes and before links are resolved

    def apply(self, **keywords: Any) -> None:
        found: dict[int, list[dict[str, str]]] = self.env.temp_data.get(METADATA, {})
        numbers = set()
        for cell in list(self.document.findall(nodes.container)):
            words = found.get(cell.get("cell_index", -1)) if cell.get("nb_element") == "cell_code" else None
            if words:
                self._wrap(cell, words)
                numbers |= {one["number"] for one in words}
        self._link(numbers)

    def _wrap(self, cell: nodes.container, words: list[dict[str, str]]) -> None:
        captions = [bundle for bundle in cell.findall(nodes.container) if _starts_a_caption(bundle)]
        if len(captions) != len(words):
            logger.warning("%d captions found for %d figures", len(captions), len(words), location=cell)
            return
        for bundle, one in zip(captions, words, strict=True):
            output = bundle.parent
            place = output.index(bundle)
            figure = nodes.figure("", classes=["course-figure"], ids=[anchor(one["number"])])
            figure["names"].append(anchor(one["number"]))
            figure.source, figure.line = cell.source, cell.line
            shown = output[place - 1]
            for image in shown.findall(nodes.image):
                image["alt"] = one["alt"]
            output.remove(bundle)
            output.remove(shown)
            caption = nodes.caption("", "")
            caption.source, caption.line = cell.source, cell.line
            caption.extend(child for child in _caption_paragraph(bundle).children)
            figure += [shown, caption]
            output.insert(place - 1, figure)
            self.document.note_explicit_target(figure)

    def _link(self, numbers: set[str]) -> None:
        for text in list(self.document.findall(nodes.Text)):
            if not _MENTION.search(text) or _not_prose(text):
                continue
            parts: list[nodes.Node] = []
            rest = 0
            for match in _MENTION.finditer(text):
                if match[1] in numbers:
                    target = nodes.reference("", match[0], internal=True, refid=anchor(match[1]))
                    parts += [nodes.Text(text[rest : match.start()]), target]
                    rest = match.end()
            if parts:
                text.parent.replace(text, [*parts, nodes.Text(text[rest:])])


def _caption_paragraph(bundle: nodes.container) -> nodes.paragraph:
    markdown = next(part for part in bundle.findall(nodes.container) if part.get("mime_type") == "text/markdown")
    return next(markdown.findall(nodes.paragraph))


def _starts_a_caption(bundle: nodes.container) -> bool:
    if bundle.get("nb_element") != "mime_bundle":
        return False
    markdown = [part for part in bundle.children if part.get("mime_type") == "text/markdown"]
    return bool(markdown) and _MENTION.match(markdown[0].astext()) is not None


def _not_prose(text: nodes.Text) -> bool:
    """Whether a text is a link already, code, a heading, or the label of a caption."""
    node = text.parent
    if isinstance(node, nodes.strong) and isinstance(node.parent, nodes.caption):
        return True
    while node is not None:
        if isinstance(node, nodes.reference | nodes.literal | nodes.literal_block | nodes.title | nodes.raw):
            return True
        node = node.parent
    return False


def keep_the_authors_numbers(app: Sphinx, config: Config) -> None:
    config.numfig = False  # Jupyter Book turns it on, whatever _config.yml says: “Fig. 1 Figure 11.1.”


def setup(app: Sphinx) -> None:
    app.connect("config-inited", keep_the_authors_numbers, priority=900)
    app.connect("source-read", note_words, priority=400)
    app.add_transform(Figures)
