"""Submissions that are broken or mean harm, each with the score it deserves.

Each is the course's own solution of chapter 1 with one thing wrong. `faulty` holds what learners write in good faith,
`hostile` what someone writes who wants points without an answer, or to do damage. A case says which exercises lose their
points, as a right answer would have earned them; every other exercise must keep them all.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SOLUTIONS = Path(__file__).resolve().parents[3] / "solutions"
CANARY = "canary"
GRADED = ("convolve2d_full", "conv_output_size", "receptive_field")


@dataclass(frozen=True)
class Case:
    """One submission.

    `top` is put at the module's end and `body` becomes the body of `exercise`, in which ``_right(*args, **keywords)`` is
    the right answer and CANARY the name of a file that everybody may change, and nobody does. `files` writes whatever
    else the folder holds.
    """

    name: str
    body: str = ""
    top: str = ""
    exercise: str = "conv_output_size"
    loses: tuple[str, ...] = ("conv_output_size",)
    status: str = "failed"  # of what it loses; "|" between those that may be
    says: str = ""  # words that the learner is told
    level: str = "process"  # the weakest isolation level that claims to stop it
    graded: tuple[str, ...] = GRADED
    files: Callable[[Path], None] | None = None

    def write(self, folder: Path) -> None:
        """Make the submission in a folder."""
        package = folder / "deconvlib"
        package.mkdir(parents=True)
        text = (SOLUTIONS / "convolution.py").read_text(encoding="utf-8").replace("deconv_solutions", "deconvlib")
        text += f"\n\n_right = {self.exercise}\n{_dedent(self.top)}"
        if self.body:
            text += f"\n\ndef {self.exercise}(*args, **keywords):\n" + textwrap.indent(_dedent(self.body), "    ")
        text = text.replace("CANARY", repr(str(folder / "canary")))
        (package / "convolution.py").write_text(text, encoding="utf-8")
        if self.files is not None:
            self.files(folder)


def _dedent(text: str) -> str:
    return textwrap.dedent(text).strip("\n") + "\n"
