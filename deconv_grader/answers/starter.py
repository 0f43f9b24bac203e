"""The starter repository of a class: stubs, the workflow that calls the course's own, and a README."""

from __future__ import annotations

from pathlib import Path

from deconv_grader.answers.workspace import start

_WORKFLOW = """\
name: grade
on: [push, workflow_dispatch]
jobs:
  grade:
    permissions:
      contents: read
    uses: {course}/.github/workflows/grade.yml@{ref}
    with:
      course: {course}
      ref: {ref}
"""

_README = """\
# My answers

The exercises are in `deconvlib/`: each function whose body is `raise NotImplementedError` is one. Write bodies, commit,
push: the workflow `grade` checks them and writes a summary. It grades with the course at `{ref}` of `{course}`, in
isolation; editing anything but `deconvlib/` changes nothing about the score.

To check as you write, install the course and run, in this folder:

    pip install "git+https://github.com/{course}@{ref}"
    deconv                  # progress, and what is next
    deconv check NAME       # what is wrong, and why
    deconv hint NAME        # a nudge
"""


def write_starter(folder: Path, course: str, ref: str) -> list[Path]:
    """Write the starter repository and return its files.

    Parameters
    ----------
    folder
        New or empty.
    course, ref
        The course's repository (OWNER/NAME) and the tag or commit to grade with.
    """
    files = start(folder).made
    for name, text in {
        ".github/workflows/grade.yml": _WORKFLOW.format(course=course, ref=ref),
        "README.md": _README.format(course=course, ref=ref),
        ".gitignore": ".deconv/\n__pycache__/\n",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        files.append(path)
    return files
