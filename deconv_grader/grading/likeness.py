"""Pairs of submissions whose own code has much in common: fingerprints in an index, so that a class is compared at once.

The fingerprints are those of the library copydetect (tokens without names, winnowed). Two submissions are compared only
where the index says that they have enough fingerprints in common to be alike at all.
"""

from __future__ import annotations

import ast
import builtins
import io
import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deconv_grader.answers.submission import Submission
from deconv_grader.grading.grade import course_exercises
from deconvlib.course.catalogue import is_stub

if TYPE_CHECKING:
    from copydetect import CodeFingerprint

ALIKE = 0.8  # share of tokens in common from which a pair is worth a look
FEWEST_TOKENS = 150
GRAM, WINDOW = 25, 5  # tokens in a fingerprint, and between two of them
BIG_CLASS = 30  # from here on, what more than a third have in common is nobody's own
LARGEST_CODE = 200_000  # characters that are compared of one submission


@dataclass(frozen=True)
class Likeness:
    """The pairs that are alike, most alike first, and who could not be compared."""

    pairs: list[tuple[str, str, float]] = field(default_factory=list)
    not_compared: dict[str, str] = field(default_factory=dict)  # submission -> reason


@dataclass(frozen=True)
class _Print:
    """The fingerprints of one submission, by their places in its code."""

    hashes: np.ndarray
    places: np.ndarray

    @classmethod
    def of(cls, found: CodeFingerprint) -> _Print:
        pairs = sorted((place, value) for value, places in found.hash_idx.items() for place in places)
        places, hashes = ([one[i] for one in pairs] for i in (0, 1))
        return cls(np.array(hashes, dtype=np.int64), np.array(places, dtype=np.int64))

    def only(self, mask: np.ndarray) -> _Print:
        return _Print(self.hashes[mask], self.places[mask])

    @property
    def tokens(self) -> int:
        """How many tokens the fingerprints cover."""
        if not len(self.places):
            return 0
        return int(np.minimum(np.diff(self.places), GRAM).sum()) + GRAM


def alike(submissions: Mapping[str, object], ignore_solutions: bool = False) -> Likeness:
    """Find the pairs of submissions whose own code has much in common.

    Renamed variables and moved lines do not hide a copy. A pair is a place to look, never a verdict: short exercises
    have few right answers. In a class of `BIG_CLASS` or more, what more than a third wrote alike does not count.

    Parameters
    ----------
    submissions
        By name; what could not be read is passed over.
    ignore_solutions
        Leave out what stands in the worked answers, too.
    """
    prints, not_compared = {}, {}
    for name, submission in submissions.items():
        if not isinstance(submission, Submission):
            continue
        try:
            found = _fingerprint(_own_code(submission.sources))
        except Exception as error:  # one submission costs itself
            not_compared[name] = f"{type(error).__name__}: {error}"
            continue
        if found is not None:
            prints[name] = found
    common = _common(prints.values()) if len(prints) >= BIG_CLASS else np.array([], dtype=np.int64)
    if ignore_solutions:
        worked = _fingerprint(_own_code(_worked()))
        common = np.union1d(common, worked.hashes if worked else [])
    if len(common):
        prints = {name: one.only(~np.isin(one.hashes, common)) for name, one in prints.items()}
    prints = {name: one for name, one in prints.items() if one.tokens >= FEWEST_TOKENS}
    return Likeness(_pairs(prints), not_compared)


def _pairs(prints: Mapping[str, _Print]) -> list[tuple[str, str, float]]:
    """Compare what may be alike."""
    if len(prints) < 2:
        return []
    from scipy.sparse import csr_array

    names, found = list(prints), list(prints.values())
    codes = np.unique(np.concatenate([one.hashes for one in found]), return_inverse=True)[1]
    ends = np.cumsum([len(one.hashes) for one in found])
    coded = np.split(codes, ends[:-1])
    rows = np.repeat(np.arange(len(found)), [len(one) for one in coded])
    # times[i, h]: how often h is in i; its product with the signs of it: how many of i's places are in j as well.
    times = csr_array((np.ones(len(codes)), (rows, codes)))
    places = (times @ times.sign().T).toarray()
    tokens = np.array([one.tokens for one in found])
    enough = GRAM * places >= ALIKE * tokens[:, None]  # a place covers no more tokens than that
    candidates = np.argwhere(np.triu(enough | enough.T, 1))
    pairs = []
    theirs, ours = (np.zeros(codes.max() + 1, dtype=bool) for _ in range(2))
    for i, others in _grouped(candidates):
        ours[coded[i]] = True
        for j in others:
            theirs[coded[j]] = True
            common = found[i].only(theirs[coded[i]]), found[j].only(ours[coded[j]])
            theirs[coded[j]] = False
            share = max(common[0].tokens / tokens[i], common[1].tokens / tokens[j])
            if share >= ALIKE:
                pairs.append((names[i], names[j], float(share)))
        ours[coded[i]] = False
    return sorted(pairs, key=lambda pair: -pair[2])


def _grouped(candidates: np.ndarray) -> Iterable[tuple[int, list[int]]]:
    for i in np.unique(candidates[:, 0]):
        yield int(i), [int(j) for j in candidates[candidates[:, 0] == i, 1]]


def _common(prints: Iterable[_Print]) -> np.ndarray:
    """The fingerprints that more than a third have."""
    each = [np.unique(one.hashes) for one in prints]
    values, counts = np.unique(np.concatenate(each), return_counts=True)
    return values[counts > len(each) / 3]


# ------------------------------------------------------------------------------------------------- what is compared


def _fingerprint(code: str) -> _Print | None:
    """The fingerprints of some code; None where there is too little of it."""
    from copydetect import CodeFingerprint

    if len(code.split()) < FEWEST_TOKENS // 3:
        return None
    text = io.StringIO(nameless(code[:LARGEST_CODE]))
    found = CodeFingerprint("own.py", k=GRAM, win_size=WINDOW, filter=False, fp=text)
    return _Print.of(found) if found.token_coverage >= FEWEST_TOKENS else None


_BUILT_IN = frozenset(dir(builtins)) | frozenset(keyword.kwlist)
_TOKEN = re.compile(
    r"""(?P<text>[rbfuRBFU]{0,2}(?:'{3}(?:\\.|[^\\])*?'{3}|\"{3}(?:\\.|[^\\])*?\"{3}|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))
    |(?P<number>\d[\w.]*)|(?P<name>[^\W\d]\w*)|(?P<silent>\s+|\#[^\n]*|\\\n)""",
    re.DOTALL | re.VERBOSE,
)


def nameless(code: str) -> str:
    """Code as copydetect compares it: each name a V, each text an S, no comments and no layout.

    One pattern, because the lexer that copydetect uses takes many times as long.
    """

    def short(token: re.Match[str]) -> str:
        kind = token.lastgroup
        if kind == "name":
            return token[0] if token[0] in _BUILT_IN else "V"
        return {"text": "S", "number": token[0]}.get(kind or "", "")

    return _TOKEN.sub(short, code)


def _own_code(sources: Mapping[str, str]) -> str:
    """The bodies a learner wrote, without docstrings, signatures and stubs: what can be compared."""
    known = course_exercises()
    bodies = []
    for chapter, source in sorted(sources.items()):
        try:
            module = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in module.body:
            if isinstance(node, ast.ClassDef) and not (node.name in known and is_stub(node)):
                parts = [part for part in node.body if isinstance(part, ast.FunctionDef)]
            elif isinstance(node, ast.FunctionDef) and not (node.name in known and is_stub(node)):
                parts = [node]
            else:
                continue
            bodies += [f"# {chapter}.{node.name}\n{_body(part, source)}" for part in parts]
    return "\n".join(bodies)


def _body(node: ast.FunctionDef, source: str) -> str:
    """A function's body without its docstring, in one style; as it was written where it is nested too deeply for that."""
    own = node.body[1:] if ast.get_docstring(node) is not None else node.body
    if not own:
        return ""
    try:
        return ast.unparse(ast.Module(own, []))
    except (ValueError, RecursionError, MemoryError):
        return "\n".join(source.splitlines()[own[0].lineno - 1 : own[-1].end_lineno])


def _worked() -> dict[str, str]:
    """The worked answers' text, by chapter."""
    spec = find_spec("deconv_solutions")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}
