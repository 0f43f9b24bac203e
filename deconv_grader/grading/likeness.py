"""Pairs of submissions whose own code has much in common."""

from __future__ import annotations

import ast
import tempfile
from pathlib import Path

from deconv_grader.answers.submission import CannotRead, Submission
from deconv_grader.answers.submissions import submissions_in
from deconv_grader.grading.grade import course_exercises, read_submission
from deconvlib.course.catalogue import is_stub

# ------------------------------------------------------------------------------------------------------ alike submissions

ALIKE = 0.8  # share of tokens in common from which a pair is worth a look
FEWEST_TOKENS = 150


def _own_code(submission: Submission) -> str:
    """The bodies a learner wrote, without docstrings, signatures and stubs: what can be compared."""
    known = course_exercises()
    bodies = []
    for chapter, source in sorted(submission.sources.items()):
        try:
            module = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in module.body:
            if isinstance(node, ast.FunctionDef) and not (node.name in known and is_stub(node)):
                own = node.body[1:] if ast.get_docstring(node) is not None else node.body
                if own:
                    bodies.append(f"# {chapter}.{node.name}\n" + ast.unparse(ast.Module(own, [])))
    return "\n".join(bodies)


def alike(folder: Path) -> list[tuple[str, str, float]]:
    """Pairs of submissions whose own code has much in common (winnowed fingerprints, by the library copydetect).

    Renamed variables and moved lines do not hide a copy. A pair is a place to look, never a verdict: short exercises
    have few right answers.

    Returns
    -------
    list of (name, name, share)
        The larger share of one's tokens that stand in the other too, most alike first.
    """
    from copydetect import CodeFingerprint, compare_files

    prints = {}
    with tempfile.TemporaryDirectory() as place:
        for i, (name, path) in enumerate(submissions_in(folder).items()):
            try:
                code = _own_code(read_submission(path))
            except CannotRead:
                continue
            if len(code.split()) < FEWEST_TOKENS // 3:
                continue
            file = Path(place) / f"{i}.py"
            file.write_text(code, encoding="utf-8")
            found = CodeFingerprint(str(file), k=25, win_size=5)
            if found.token_coverage >= FEWEST_TOKENS:
                prints[name] = found
    pairs = []
    names = list(prints)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            _, shares, _ = compare_files(prints[first], prints[second])
            if max(shares) >= ALIKE:
                pairs.append((first, second, float(max(shares))))
    return sorted(pairs, key=lambda pair: -pair[2])
