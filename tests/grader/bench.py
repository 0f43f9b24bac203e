"""A learner's module made of a few lines, and its exercises called in a worker."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deconv_grader.answers.submission import Submission
from deconv_grader.grading.grade import course_exercises
from deconv_grader.isolation.isolated import IsolatedAnswers
from deconv_grader.values.calls import Reply

KNOWN = course_exercises()


class Bench:
    """One module's text, its exercises callable as attributes."""

    def __init__(self, text: str, module: str = "convolution", **options: Any):
        sources = {module: "import numpy as np\n" + textwrap.dedent(text)}
        self.answers = IsolatedAnswers(Submission(Path("here"), sources), **{"deadline": 5.0, **options})

    def reply(self, name: str, *args: Any, **keywords: Any) -> Reply:
        exercise = KNOWN[name]
        assert not self.answers.unwritten(exercise)
        self.answers.begin(exercise)
        return self.answers.call(exercise, args, keywords)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args, **keywords: self.reply(name, *args, **keywords).value


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(text: str, *args: Any, **options: Any) -> Bench:
        made.append(Bench(text, *args, **options))
        return made[-1]

    yield make
    for one in made:
        one.answers.close()
