"""The verdict table is honest: a row has a verdict exactly while a cell of its chapter proves it."""

from __future__ import annotations

import ast
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from docutils.nodes import make_id

from deconvlib.course.article import CLAIMS, KINDS, SECTIONS, VERDICTS, verdict, verdict_table
from deconvlib.course.catalogue import CHAPTERS

PAGES = Path(__file__).parents[2] / "chapters"


def _cells(kind: str) -> list[tuple[str, str]]:
    """(page, source) of every cell of a kind; a page is a notebook's name without its ending."""
    found = []
    for path in sorted(PAGES.glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == kind:
                found.append((path.stem, "".join(cell["source"])))
    return found


def _proofs() -> list[tuple[str, str]]:
    """(page, id) of every code cell that ends in verdict("id")."""
    found = []
    for page, source in _cells("code"):
        last = source.strip().rpartition("\n")[2]
        match = re.fullmatch(r"verdict\((['\"])(.+)\1\)", last)
        if match:
            found.append((page, match[2]))
    return found


def _page(number: int, chapter: str) -> str:
    return f"{number:02d}-{chapter}"


def test_every_verdict_is_proved_by_a_cell_of_its_chapter_and_every_such_cell_has_a_verdict():
    claimed = {(_page(claim.number, claim.chapter), claim.id) for claim in CLAIMS if claim.verdict}
    assert set(_proofs()) == claimed


def test_a_verdict_is_the_last_line_of_the_cell_that_proves_it():
    for page, source in _cells("code"):
        calls = re.findall(r"^\s*verdict\(.*$", source, re.MULTILINE)
        if calls:
            assert calls == [source.strip().rpartition("\n")[2]], f"{page}: {calls}"
            assert len(ast.parse(source).body) > 1, f"{page}: {calls[0]} proves nothing"


def test_ids_are_unique_and_plain():
    ids = [claim.id for claim in CLAIMS]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", id) for id in ids)


def test_every_section_of_the_article_is_covered_and_no_other_is_named():
    named = {section for claim in CLAIMS for section in claim.sections}
    assert named == set(SECTIONS)
    for claim in CLAIMS:
        assert claim.sections
        assert list(claim.sections) == sorted(claim.sections, key=SECTIONS.index), claim.id


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_row(claim):
    assert claim.kind in KINDS
    assert claim.chapter in CHAPTERS
    assert claim.verdict in (None, *VERDICTS)
    assert claim.statement.endswith(".")
    # One sentence: no full stop inside, but for a section's number.
    assert not re.search(r"\.\s", claim.statement)
    if claim.verdict is None:
        assert claim.reason == ""
        assert claim.anchor == ""
        assert claim.finding == f"to be proved in chapter {claim.number}"
    else:
        assert re.fullmatch(r"[A-Z].*\.", claim.reason)
        assert not re.search(r"\.\s", claim.reason)


def test_nothing_of_the_article_is_copied():
    # The article is Chinese: a single ideograph here would be one of its words.
    for claim in CLAIMS:
        assert not re.search(r"[\u3000-\u9fff\uff00-\uffef]", repr(claim)), claim.id


def _heading_of_proofs() -> dict[str, str]:
    """For each id, the address of its proof: page and the heading above the cell, as Sphinx writes it."""
    found = {}
    for path in sorted(PAGES.glob("*.ipynb")):
        anchor = ""
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                anchor = make_id(([anchor, *re.findall(r"^##+ (.+)$", source, re.MULTILINE)])[-1])
            for id in re.findall(r"^verdict\(['\"](.+)['\"]\)", source, re.MULTILINE):
                found[id] = f"{path.stem}.html#{anchor}"
    return found


def test_links_lead_to_the_heading_above_the_proof():
    assert {claim.id: claim.page for claim in CLAIMS if claim.verdict} == _heading_of_proofs()


def test_the_table_links_to_every_proof():
    links = re.findall(r'href="([^"]+)"', verdict_table()._repr_mimebundle_()["text/html"])
    assert links == [claim.page for claim in CLAIMS if claim.verdict]


class _Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attributes):
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_verdict_says_it_all_in_text_and_in_html(claim):
    bundle = verdict(claim.id)._repr_mimebundle_()
    page = _Balance()
    page.feed(bundle["text/html"])
    assert page.open == []
    assert 'class="deconv-verdict ' in bundle["text/html"]
    for text in (bundle["text/plain"], page.text):
        for part in (claim.statement, claim.finding, claim.reason, *claim.sections):
            assert part in text


def test_the_table_has_every_row_and_counts_them():
    bundle = verdict_table()._repr_mimebundle_()
    page = _Balance()
    page.feed(bundle["text/html"])
    assert page.open == []
    assert bundle["text/html"].count("<tr") == len(CLAIMS) + 1
    assert bundle["text/plain"].startswith(f"{len(CLAIMS)} rows: ")
    for claim in CLAIMS:
        assert claim.statement in page.text
        assert claim.statement in bundle["text/plain"]


def test_an_unknown_id_is_told_the_known_ones():
    with pytest.raises(ValueError, match=r"got 'conv'") as error:
        verdict("conv")
    assert all(claim.id in str(error.value) for claim in CLAIMS)


def test_the_module_needs_neither_torch_nor_pandas():
    source = Path(verdict.__code__.co_filename).read_text(encoding="utf-8")
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert {name.partition(".")[0] for name in imported} <= {
        "__future__",
        "collections",
        "dataclasses",
        "html",
        "typing",
        "deconvlib",
    }
