"""Drawn checks: once a case fails, Hypothesis looks for a smaller one, in time of its own, and never has the last word."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis.errors import Flaky, HypothesisException

from deconv_grader.checks.feedback import CheckFailed
from deconv_grader.values.calls import Answers
from deconv_grader.values.failures import TimedOut
from deconvlib.course.catalogue import Exercise

SHRINKING = (
    2.0  # seconds of this process, in which a smaller case is looked for; the learner's calls have a deadline again
)


class _Enough(BaseException):
    """No smaller case is looked for any more. No Exception, which would be one more failure to look at."""


@contextmanager
def told_by_the_answer(item: pytest.Item, exercise: Exercise, answers: Answers) -> Iterator[None]:
    """Have a drawn check end with what the learner's answer did, whatever becomes of the search for a smaller case."""
    handle = getattr(getattr(item, "obj", None), "hypothesis", None)
    if handle is None:
        yield
        return
    inner, failures = handle.inner_test, list[Exception]()
    handle.inner_test = _watched(inner, exercise, answers, failures)
    try:
        yield
    except _Enough:
        raise failures[-1] from None
    except HypothesisException as error:
        if not failures:
            raise
        failure = failures[-1]
        if isinstance(error, Flaky) and isinstance(failure, CheckFailed):
            failure.feedback.note += " The same call gave another result the second time: on what else does it depend?"
        raise failure from None
    finally:
        handle.inner_test = inner


def _watched(
    inner: Callable[..., Any], exercise: Exercise, answers: Answers, failures: list[Exception]
) -> Callable[..., Any]:
    """The check for one case. The last of its `failures` is the smallest: only smaller ones are tried after the first."""
    ends = 0.0

    @functools.wraps(inner)  # what is drawn follows from the check's own source
    def watched(*args: Any, **keywords: Any) -> Any:
        nonlocal ends
        if failures and time.process_time() > ends:
            raise _Enough
        try:
            return inner(*args, **keywords)
        except HypothesisException:
            raise
        except Exception as failure:
            if not failures:
                ends = time.process_time() + SHRINKING
                answers.more_time(exercise)
            failures.append(failure)
            del failures[:-1]
            raise
        except TimedOut:
            if failures:
                raise _Enough from None
            raise

    return watched
