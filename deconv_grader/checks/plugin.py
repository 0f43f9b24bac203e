"""The pytest plugin: the `learner` fixture, the choice of answers, and one check for one test function.

Used by plain pytest (``pytest tests/test_convolution.py``), by `deconv_grader.checks.runner`, and so by everything that grades.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from deconv_grader.checks.assertions import History, Learner
from deconv_grader.checks.drawn import told_by_the_answer
from deconv_grader.checks.feedback import CheckFailed
from deconv_grader.checks.feedback_text import Told
from deconv_grader.checks.in_process import named_answers
from deconv_grader.values import torch_scipy
from deconv_grader.values.calls import Answers
from deconvlib.course.catalogue import Exercise, exercises

HISTORY = pytest.StashKey[History]()
ANSWERS = pytest.StashKey[Answers]()
REVEAL = pytest.StashKey[bool]()  # whether hidden checks may print what they expect: yes for oneself, no for credit


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--answers",
        default="deconvlib",
        choices=["deconvlib", "solutions"],
        help="whose answers the exercise checks look at: the learner's (default) or the worked solutions",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "check(exercise, title, weight, hidden): a graded check of an exercise")
    if ANSWERS not in config.stash:
        config.stash[ANSWERS] = named_answers(config.getoption("--answers"))


def exercise_of(item: pytest.Item) -> Exercise | None:
    """The exercise that a test checks, or None."""
    marker = item.get_closest_marker("check")
    if marker is None:
        return None
    name = marker.kwargs["exercise"]
    known = exercises()
    if name not in known:
        raise pytest.UsageError(f"{item.nodeid} checks {name!r}, which is no exercise in deconvlib")
    return known[name]


@pytest.fixture
def learner(request: pytest.FixtureRequest) -> Learner:
    """The learner's answers. Plain values and arrays only; see `deconv_grader.checks.assertions`."""
    torch = torch_scipy.library("torch")
    if torch is not None:
        torch.set_num_threads(1)  # checks are small: a second thread would cost more than it does
    answers = request.config.stash[ANSWERS]
    exercise = exercise_of(request.node)
    if exercise is not None:
        for library in exercise.requires:
            pytest.importorskip(library, reason=f"{exercise.name} needs {library}: pip install 'deconvlib[{library}]'")
        if answers.unwritten(exercise):
            pytest.skip(f"{exercise.name} is not started")
        answers.begin(exercise)
    history = request.config.stash.setdefault(HISTORY, {})
    marker = request.node.get_closest_marker("check")
    hidden = marker is not None and marker.kwargs["hidden"]
    reveal = not hidden or request.config.stash.get(REVEAL, True)
    return Learner(answers, reveal=reveal, history=history, exercise=exercise)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    exercise = exercise_of(item)
    if exercise is None:
        return (yield)
    with told_by_the_answer(item, exercise, item.config.stash[ANSWERS]):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, CheckFailed):
        report.longrepr = Told(call.excinfo.value)  # which says more than a traceback through the grader
    return report
