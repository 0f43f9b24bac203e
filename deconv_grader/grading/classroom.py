"""A folder of submissions, graded in parallel: each result kept as soon as it is there, so that a kill loses nothing."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

from deconv_grader.answers.submission import CannotRead, Submission
from deconv_grader.answers.submissions import submissions_in
from deconv_grader.checks.results import ExerciseResult
from deconv_grader.grading.grade import Grading, NotIsolatedEnough, course_exercises, grade, read_submission, revision
from deconv_grader.grading.kept import _keep, kept_results
from deconv_grader.values.failures import CannotIsolate


@dataclass(frozen=True)
class Settings:
    """How every submission of a class is graded."""

    level: str = "best"
    require: str | None = None
    only: tuple[str, ...] = ()


def grade_one(name: str, submission: Submission | str, settings: Settings) -> dict[str, Any]:
    """Grade one submission; what could not be read is text: it gets no points and says why. Runs in any process."""
    known = course_exercises()
    only = [known[exercise] for exercise in settings.only] or None
    if isinstance(submission, str):
        results = [ExerciseResult(exercise, problem=submission) for exercise in only or known.values()]
        return Grading(name, results, "process", 0.0, notes=[submission], revision=revision()).as_dict()
    return grade(submission, only, settings.level, settings.require, name).as_dict()


def _fingerprint(submission: Submission | str, settings: Settings, course: str | None) -> str:
    """A kept result is good for the same text, the same settings and the same course."""
    text = (
        submission
        if isinstance(submission, str)
        else json.dumps([submission.sources, submission.broken], sort_keys=True)
    )
    return hashlib.sha256(repr((text, settings, course)).encode()).hexdigest()[:20]


class ClusterTrouble(RuntimeError):
    """A cluster cannot grade as asked; the message says why."""


#: No fault of a learner's: the run stops, and what it has so far is kept.
MACHINE_TROUBLE = (CannotIsolate, NotIsolatedEnough, ClusterTrouble)


def grade_class(
    folder: Path,
    out: Path,
    settings: Settings,
    workers: int | None = None,
    scheduler: str | None = None,
    report: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> list[Grading]:
    """Grade every submission in `folder`; what `out` holds already is not graded again.

    Parameters
    ----------
    folder, out
        Where the submissions are, and where results are kept (made if missing).
    settings
        How to grade.
    workers
        Processes at once (default: one a core).
    scheduler
        The address of a Dask scheduler that does the work in place of this machine's processes.
    report
        Called with (name, done, total) after each result.

    Returns
    -------
    list of Grading
        In the order of the submissions' names.

    Raises
    ------
    CannotIsolate, NotIsolatedEnough, ClusterTrouble
        If a machine cannot grade as asked. Nothing is recorded for the submission it had in hand.
    """
    out.mkdir(parents=True, exist_ok=True)
    course = revision()
    todo: dict[str, tuple[Submission | str, str]] = {}
    results: dict[str, dict[str, Any]] = {}
    kept = kept_results(out)
    for name, path in submissions_in(folder).items():
        try:
            submission: Submission | str = read_submission(path)
        except CannotRead as error:
            submission = str(error)
        fingerprint = _fingerprint(submission, settings, course)
        if name in kept and kept[name].get("fingerprint") == fingerprint:
            results[name] = kept[name]["result"]
        else:
            todo[name] = (submission, fingerprint)
    total = len(results) + len(todo)
    jobs = {name: submission for name, (submission, _) in todo.items()}
    finished = _on_dask(jobs, settings, scheduler, course) if scheduler else _on_processes(jobs, settings, workers)
    for name, result in finished:
        _keep(out, todo[name][1], result)
        results[name] = result
        report(name, len(results), total)
    return [Grading.from_dict(results[name]) for name in sorted(results)]


def _end_with_the_run() -> None:
    """In a grading process: end when the run that started it is killed. It would wait for work for ever."""
    run = parent_process()

    def wait_for_it() -> None:
        if run is not None:
            run.join()
            os._exit(1)

    threading.Thread(target=wait_for_it, daemon=True).start()


def _on_processes(
    jobs: dict[str, Submission | str], settings: Settings, workers: int | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Results as they come. A grading process that dies costs a second try of what it had in hand, alone."""
    if not jobs:
        return
    tries: Counter[str] = Counter()
    left = dict(jobs)
    width = workers or os.cpu_count() or 1
    while left:
        # After a death the suspects run one at a time, so that the next death names the one that causes it.
        careful = any(tries.values())
        with ProcessPoolExecutor(1 if careful else width, get_context("spawn"), _end_with_the_run) as pool:
            waiting: dict[Future[dict[str, Any]], str] = {}
            queue = list(left)
            try:
                while queue or waiting:
                    while queue and len(waiting) < (1 if careful else 2 * width):
                        name = queue.pop(0)
                        waiting[pool.submit(grade_one, name, left[name], settings)] = name
                    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        name = waiting.pop(future)
                        try:
                            result = future.result()
                        except BrokenProcessPool:
                            waiting[future] = name  # counted with the others in hand
                            raise
                        except MACHINE_TROUBLE:
                            pool.shutdown(wait=False, cancel_futures=True)
                            raise
                        except Exception as error:
                            result = grade_one(name, f"grading failed: {type(error).__name__}: {error}", settings)
                        del left[name]
                        yield name, result
            except BrokenProcessPool:
                for name in waiting.values():
                    tries[name] += 1
                for name in [name for name in left if tries[name] > (1 if careful else 2)]:
                    del left[name]
                    yield name, grade_one(name, "the process that graded it died, twice", settings)


_one_at_a_time = threading.Lock()  # pytest cannot run twice in a process, and a Dask worker may have many threads


def _grade_on_worker(
    name: str, submission: Submission | str, settings: Settings, course: str | None
) -> dict[str, Any] | str:
    """`grade_one` on a machine of a cluster. Text is what keeps that machine from grading."""
    here = revision()
    if here != course:
        return f"a worker has the course at {here}, this machine at {course}: install the same revision on both"
    with _one_at_a_time:
        try:
            return grade_one(name, submission, settings)
        except MACHINE_TROUBLE as error:
            return f"a worker cannot grade as asked: {error}"


def _on_dask(
    jobs: dict[str, Submission | str], settings: Settings, scheduler: str, course: str | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Results as they come from a Dask cluster, which does again what a lost worker had in hand."""
    from distributed import Client, as_completed

    try:
        cluster = Client(scheduler, timeout=20)
    except (OSError, ValueError) as error:
        raise ClusterTrouble(f"no Dask scheduler answers at {scheduler}: {error}") from None
    with cluster as client:
        futures = {
            client.submit(
                _grade_on_worker, name, jobs[name], settings, course, key=f"deconv-{i}-{name}", pure=False, retries=2
            ): name
            for i, name in enumerate(jobs)
        }
        for future in as_completed(list(futures)):
            name = futures.pop(future)  # let go of: a worker that is lost later takes no result with it
            try:
                result = future.result()
            except Exception as error:
                result = grade_one(name, f"grading failed: {type(error).__name__}: {error}", settings)
            future.release()
            if isinstance(result, str):
                raise ClusterTrouble(result)
            yield name, result
