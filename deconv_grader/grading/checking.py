"""One way from answers to results, whoever asks: the checks run, and what kept them from running is said."""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn

from deconv_grader.answers.forbidden import forbidden_in
from deconv_grader.answers.reader import read
from deconv_grader.checks.results import ExerciseResult
from deconv_grader.values.calls import Answers
from deconv_grader.values.deadlines import PATIENCE, SLICE
from deconv_grader.values.failures import Stopped
from deconvlib.course.catalogue import Exercise


def checked(
    chosen: Iterable[Exercise], answers: Answers, sources: Mapping[str, str], reveal: bool, seed: int | None = None
) -> list[ExerciseResult]:
    """The results of some exercises, in the order given.

    Parameters
    ----------
    chosen
        The exercises.
    answers
        Whose answers are called.
    sources
        The text of each chapter's module, for the libraries that it names.
    reveal
        Whether hidden checks say what they expect, and what was printed is shown: for one's own work.
    seed
        Of the drawn cases (default: those of practice).
    """
    from deconv_grader.checks.runner import run

    chosen = list(chosen)
    spoken = {exercise.name: forbidden_in(sources.get(exercise.chapter, ""), exercise) for exercise in chosen}
    able = [exercise for exercise in chosen if not spoken[exercise.name] and not answers.problem(exercise)]
    found = {result.exercise.name: result for result in run(able, answers, reveal, seed)}
    results = []
    for exercise in chosen:
        result = found.get(exercise.name) or ExerciseResult(exercise)
        result.problem = spoken[exercise.name] or answers.problem(exercise)
        result.forbidden = bool(spoken[exercise.name])
        if exercise.chapter in sources and result.status != "not started":
            result.notes = read(sources[exercise.chapter], f"{exercise.chapter}.py").shadow_notes(exercise.name)
        results.append(result)
    return results


def in_a_child(
    exercise: Exercise, check: Callable[[], list[ExerciseResult]], interrupted: Callable[[], bool]
) -> ExerciseResult:
    """What `check` finds of an exercise, in a fork of this process: where there are no workers, an exit costs it alone."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _check_and_end(check, writing)
    os.close(writing)
    ends = time.monotonic() + 2 * PATIENCE * exercise.deadline
    chunks: list[bytes] = []
    ready = selectors.DefaultSelector()
    ready.register(reading, selectors.EVENT_READ)
    try:
        while time.monotonic() < ends:
            if interrupted():
                raise Stopped
            if not ready.select(SLICE):
                continue
            chunk = os.read(reading, 1 << 16)
            if not chunk:
                break
            chunks.append(chunk)
    finally:
        os.kill(pid, signal.SIGKILL)  # not waited for yet: the number is still its own
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        ready.close()
        os.close(reading)
    try:
        (result,) = pickle.loads(b"".join(chunks))
    except (EOFError, pickle.UnpicklingError):
        late = time.monotonic() >= ends
        how = "took too long and was stopped" if late else f"ended its process ({_ending(status)})"
        return ExerciseResult(exercise, problem=f"the code {how}")
    return result


def _ending(status: int) -> str:
    return f"exit status {status}" if status >= 0 else signal.Signals(-status).name


def _check_and_end(check: Callable[[], list[ExerciseResult]], writing: int) -> NoReturn:
    try:
        results = check()
        with open(writing, "wb") as stream:
            stream.write(pickle.dumps(results))
    finally:
        os._exit(0)
