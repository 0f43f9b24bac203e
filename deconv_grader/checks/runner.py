"""Runs the checks of some exercises with pytest and collects the results."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis.errors import HypothesisException

import deconv_tests
from deconv_grader.checks import plugin
from deconv_grader.checks.feedback import CheckFailed, Feedback
from deconv_grader.checks.known_answers import Mistake
from deconv_grader.checks.learner_lines import learner_lines
from deconv_grader.checks.results import CheckResult, ExerciseResult
from deconv_grader.checks.writing import drawn_from
from deconv_grader.values.calls import Answers
from deconv_grader.values.failures import TimedOut, WorkerFailure, words_of
from deconv_grader.values.text import clean
from deconvlib.course.catalogue import Exercise

# Of pytest's own plugins, those that a check has no use for: each costs time at every start.
UNUSED_PLUGINS = (
    *("cacheprovider", "terminal", "logging", "warnings", "unraisableexception", "threadexception", "faulthandler"),
    *("junitxml", "doctest", "unittest", "pastebin", "setuponly", "setupplan", "stepwise", "debugging", "subtests"),
    *("recwarn", "monkeypatch", "tmpdir", "legacypath"),
)
ENDLESS = "Look for a loop that does not end, or one over pixels that could be an array operation."
ASLEEP = "It waited, and computed next to nothing. Look for what it waits for: time.sleep, input(), a lock."
UNDRAWN = "No cases could be drawn for this check. That is no fault of the answer's: run the check again."
MOST_TIMEOUTS = 2  # of one exercise, the gate's counting alone: the rest of its checks would only wait
MOST_PRINTED = 4000  # characters of what an exercise's answer printed
TESTS = Path(str(deconv_tests.__file__)).resolve().parent


class CourseTrouble(RuntimeError):
    """The course's own tests cannot be run: no score may come of that."""


class _Recorder:
    """A pytest plugin that keeps the chosen checks, feeds them the answers and records what comes of them."""

    def __init__(self, chosen: list[Exercise], answers: Answers, reveal: bool, seed: int | None):
        self.answers = answers
        self.reveal = reveal
        self.seed = seed
        self.results = {exercise.name: ExerciseResult(exercise) for exercise in chosen}
        self.collection_errors: list[str] = []
        self.printed: dict[str, str] = {}  # by exercise, in this process
        self.stopped: KeyboardInterrupt | None = None

    def pytest_addoption(self, parser: pytest.Parser) -> None:
        # In place of the terminal plugin's --tb: nobody reads pytest's own tracebacks here, and the long ones are slow.
        parser.addoption("--deconv-tracebacks", dest="tbstyle", default="native")

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[plugin.ANSWERS] = self.answers
        config.stash[plugin.REVEAL] = self.reveal

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[KeyboardInterrupt]) -> None:
        self.stopped = excinfo.value

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.collection_errors.append(report.longreprtext)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if self._wanted(item)]

    def _wanted(self, item: pytest.Item) -> bool:
        exercise = plugin.exercise_of(item)
        return exercise is not None and exercise.name in self.results

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        exercise = plugin.exercise_of(item)
        if exercise is None:
            return
        states = [check.status for check in self.results[exercise.name].checks]
        if states[:1] == ["timed out"] or states.count("timed out") >= MOST_TIMEOUTS:
            pytest.skip("an earlier check used up its time; this one would too")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        with drawn_from(self.seed, getattr(item, "obj", None), item.name):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        report = yield
        if call.when == "call" or (call.when == "setup" and not report.passed):
            marker = item.get_closest_marker("check")
            assert marker is not None
            facts = marker.kwargs
            status, feedback, suspects = _outcome(report, call)
            self.printed[facts["exercise"]] = (
                self.printed.get(facts["exercise"], "") + report.capstdout + report.capstderr
            )
            self.results[facts["exercise"]].checks.append(
                CheckResult(
                    name=item.name,
                    title=facts["title"],
                    weight=facts["weight"],
                    hidden=facts["hidden"],
                    status=status,
                    seconds=call.duration,
                    feedback=feedback,
                    suspects=suspects,
                    reason=_reason(report),
                )
            )
        return report


def _outcome(
    report: pytest.TestReport, call: pytest.CallInfo[None]
) -> tuple[str, Feedback | None, Callable[[], list[Mistake] | None] | None]:
    if report.passed:
        return "passed", None, None
    if report.skipped:
        return "skipped", None, None
    assert call.excinfo is not None
    error = call.excinfo.value
    if isinstance(error, CheckFailed):
        return "failed", error.feedback, error.suspects
    if isinstance(error, WorkerFailure):
        words = str(error).rstrip(".")
        told = Feedback(words[:1].upper() + words[1:] + ".", trace=list(learner_lines(error)))
        if isinstance(error, TimedOut):
            told.advice = ASLEEP if error.asleep else "" if error.busy_machine else ENDLESS
        return error.status, told, None
    if isinstance(error, HypothesisException):
        return "crashed", Feedback(UNDRAWN, trace=[]), None
    return "failed", Feedback(words_of(error), trace=learner_lines(error)), None


def _reason(report: pytest.TestReport) -> str:
    """Why a check was skipped."""
    if not report.skipped or not isinstance(report.longrepr, tuple):
        return ""
    return str(report.longrepr[2]).removeprefix("Skipped: ")


@contextmanager
def _quiet_pytest() -> Any:
    """No plugins but ours, whatever is installed, and nothing printed."""
    before = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            yield
    finally:
        if before is None:
            del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        else:
            os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = before


def run(
    chosen: Iterable[Exercise],
    answers: Answers,
    reveal: bool = True,
    seed: int | None = None,
    first_failure: bool = False,
) -> list[ExerciseResult]:
    """Check exercises, in the order given. Unless `reveal`, hidden checks do not say what they expect.

    With a `seed` drawn checks draw other cases than in practice, the same ones for the same seed. With `first_failure`, the
    first check that fails is the last one run, and no known mistake is looked for.

    Raises
    ------
    KeyboardInterrupt
        If somebody wants no more of it.
    CourseTrouble
        If the course's own test files cannot be collected, or pytest itself fails.
    """
    chosen = list(chosen)
    recorder = _Recorder(chosen, answers, reveal, seed)
    files = [TESTS / f"test_{chapter}.py" for chapter in dict.fromkeys(exercise.chapter for exercise in chosen)]
    arguments = [
        *(str(file) for file in files if file.is_file()),
        *("-c", os.devnull, f"--rootdir={TESTS}", f"--confcutdir={TESTS}", "--import-mode=importlib"),
        *(part for name in UNUSED_PLUGINS for part in ("-p", f"no:{name}")),
        "--capture=fd",
        *(["--exitfirst"] if first_failure else []),
    ]
    if any(file.is_file() for file in files):
        with _quiet_pytest():
            code = pytest.main(arguments, plugins=[plugin, recorder])
        if recorder.stopped is not None:
            raise recorder.stopped
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
            recorder.collection_errors.append(f"pytest ended with {pytest.ExitCode(code)!r}")
    if recorder.collection_errors:
        raise CourseTrouble("a test file of the course cannot be read:\n" + "\n".join(recorder.collection_errors))
    results = list(recorder.results.values())
    for result in results:
        if not first_failure:
            result.name_mistakes()
        if reveal:
            said = answers.printed(result.exercise) or recorder.printed.get(result.exercise.name, "")
            result.printed = clean(said.strip("\n"), MOST_PRINTED)
    return results
