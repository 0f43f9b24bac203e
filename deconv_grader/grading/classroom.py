"""A folder of submissions, graded in parallel: each result kept as soon as it is there, so that a kill loses nothing."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

from deconv_grader.answers.layouts import Ignored
from deconv_grader.answers.submission import CannotRead, Submission
from deconv_grader.answers.submissions import HandedIn
from deconv_grader.checks.runner import CourseTrouble
from deconv_grader.grading.course import course_fingerprint
from deconv_grader.grading.grade import (
    BUDGET,
    Grading,
    NotIsolatedEnough,
    cannot_grade,
    course_exercises,
    fresh_seed,
    grade,
    read_submission,
)
from deconv_grader.grading.kept import keep, kept_results, kept_seed, one_run_at_a_time
from deconv_grader.isolation import sandbox
from deconv_grader.values.failures import CannotIsolate


@dataclass(frozen=True)
class Settings:
    """How every submission of a class is graded."""

    level: str = "best"
    require: str | None = None
    only: tuple[str, ...] = ()
    seconds: float | None = BUDGET  # of the processor, for the submission's code in all checks together
    seed: int | None = None  # None: that of an earlier run into the same folder, or a fresh one


@dataclass(frozen=True)
class Unreadable:
    """What is there in the place of a submission that cannot be read."""

    reason: str
    ignored: tuple[Ignored, ...] = ()


Read = Submission | Unreadable


def read_one(handed_in: HandedIn) -> Read:
    """Read a submission; whatever is wrong with it is its own reason."""
    try:
        return read_submission(handed_in.paths)
    except CannotRead as error:
        return Unreadable(str(error), tuple(error.ignored))
    except Exception as error:  # one submission costs itself
        return Unreadable(f"reading it failed: {type(error).__name__}: {error}")


def grade_one(name: str, submission: Read, settings: Settings) -> dict[str, Any]:
    """Grade one submission; one that could not be read gets no points and says why. Runs in any process."""
    known = course_exercises()
    only = [known[exercise] for exercise in settings.only] or None
    if isinstance(submission, Unreadable):
        grading = cannot_grade(name, submission.reason, only, submission.ignored)
        grading.seed = settings.seed
        return grading.as_dict()
    return grade(submission, only, settings.level, settings.require, name, settings.seed, settings.seconds).as_dict()


def _fingerprint(submission: Read, settings: Settings, level: str) -> str:
    """A kept result is good for the same text, the same settings and the same course, library versions included."""
    if isinstance(submission, Unreadable):
        what: Any = submission.reason
    else:
        what = [submission.sources, submission.broken, submission.problems]
    text = json.dumps([what, asdict(settings), level, course_fingerprint()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


class ClusterTrouble(RuntimeError):
    """A cluster cannot grade as asked; the message says why."""


#: No fault of a learner's: the run stops, and what it has so far is kept.
MACHINE_TROUBLE = (CannotIsolate, NotIsolatedEnough, ClusterTrouble, CourseTrouble)


def grade_class(
    handed_in: Mapping[str, HandedIn],
    out: Path,
    settings: Settings,
    workers: int | None = None,
    scheduler: str | None = None,
    report: Callable[[str, int, int], None] = lambda name, done, total: None,
    read: Mapping[str, Read] | None = None,
) -> list[Grading]:
    """Grade every submission of a class; what `out` holds already is not graded again.

    Parameters
    ----------
    handed_in
        By name: who handed in what (see `deconv_grader.answers.submissions.submissions_in`).
    out
        Where results are kept (made if missing).
    settings
        How to grade.
    workers
        Processes at once (default: one a core).
    scheduler
        The address of a Dask scheduler that does the work in place of this machine's processes.
    report
        Called with (name, done, total) after each result.
    read
        What was read of it, where that was done before (see `read_one`).

    Returns
    -------
    list of Grading
        In the order of the submissions' names.

    Raises
    ------
    CannotIsolate, NotIsolatedEnough, ClusterTrouble, CourseTrouble
        If a machine cannot grade as asked. Nothing is recorded for the submission it had in hand.
    InUse
        If another run writes into `out`.
    """
    out.mkdir(parents=True, exist_ok=True)
    submissions = read or {name: read_one(one) for name, one in handed_in.items()}
    with one_run_at_a_time(out):
        if settings.seed is None:
            seed = kept_seed(out)
            settings = replace(settings, seed=fresh_seed() if seed is None else seed)
        results: dict[str, dict[str, Any]] = {}
        kept = kept_results(out)
        level = sandbox.best_level() if settings.level == "best" else settings.level
        prints = {name: _fingerprint(submission, settings, level) for name, submission in submissions.items()}
        for name, fingerprint in prints.items():
            if name in kept and kept[name].get("fingerprint") == fingerprint:
                results[name] = kept[name]["result"]
        jobs = {name: submission for name, submission in submissions.items() if name not in results}
        finished = _on_dask(jobs, settings, scheduler) if scheduler else _on_processes(jobs, settings, workers)
        for name, result in finished:
            keep(out, prints[name], result)
            results[name] = result
            report(name, len(results), len(submissions))
    return [_told(Grading.from_dict(results[name]), handed_in[name]) for name in sorted(results)]


def _told(grading: Grading, handed_in: HandedIn) -> Grading:
    """A grading with what is known of who handed it in. That is no part of what is kept: folders are renamed."""
    grading.learners = [asdict(learner) for learner in handed_in.learners]
    grading.attempts = list(handed_in.attempts)
    grading.notes = [*grading.notes, *handed_in.notes]
    return grading


def _end_with_the_run() -> None:
    """In a grading process: end when the run that started it is killed. It would wait for work for ever."""
    run = parent_process()

    def wait_for_it() -> None:
        if run is not None:
            run.join()
            os._exit(1)

    threading.Thread(target=wait_for_it, daemon=True).start()


def _failed(name: str, error: Exception, settings: Settings) -> dict[str, Any]:
    return grade_one(name, Unreadable(f"grading failed: {type(error).__name__}: {error}"), settings)


def _on_processes(
    jobs: dict[str, Read], settings: Settings, workers: int | None
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
                            result = _failed(name, error, settings)
                        del left[name]
                        yield name, result
            except BrokenProcessPool:
                for name in waiting.values():
                    tries[name] += 1
                for name in [name for name in left if tries[name] > (1 if careful else 2)]:
                    del left[name]
                    yield name, grade_one(name, Unreadable("the process that graded it died, twice"), settings)


_one_at_a_time = threading.Lock()  # pytest cannot run twice in a process, and a Dask worker may have many threads


def _grade_on_worker(name: str, submission: Read, settings: Settings, course: str) -> dict[str, Any] | str:
    """`grade_one` on a machine of a cluster. Text is what keeps that machine from grading."""
    if course_fingerprint() != course:
        return (
            "a worker has another course or other versions of its libraries than this machine: install the same on both"
        )
    with _one_at_a_time:
        try:
            return grade_one(name, submission, settings)
        except MACHINE_TROUBLE as error:
            return f"a worker cannot grade as asked: {error}"


def _on_dask(jobs: dict[str, Read], settings: Settings, scheduler: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Results as they come from a Dask cluster, which does again what a lost worker had in hand."""
    from distributed import Client, as_completed

    try:
        cluster = Client(scheduler, timeout=20)
    except (OSError, ValueError) as error:
        raise ClusterTrouble(f"no Dask scheduler answers at {scheduler}: {error}") from None
    with cluster as client:
        futures = {
            client.submit(
                _grade_on_worker,
                name,
                jobs[name],
                settings,
                course_fingerprint(),
                key=f"deconv-{i}",
                pure=False,
                retries=2,
            ): name
            for i, name in enumerate(jobs)
        }
        for future in as_completed(list(futures)):
            name = futures.pop(future)  # let go of: a worker that is lost later takes no result with it
            try:
                result = future.result()
            except Exception as error:
                result = _failed(name, error, settings)
            future.release()
            if isinstance(result, str):
                raise ClusterTrouble(result)
            yield name, result
