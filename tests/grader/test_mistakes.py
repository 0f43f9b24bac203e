"""Which known mistake a learner is told of: one that explains what was seen, or none."""

from __future__ import annotations

import numpy as np
import pytest

from deconv_grader.checks.in_process import InProcess
from deconv_grader.checks.known_answers import mistakes_of
from deconv_grader.checks.runner import run
from deconv_solutions import convolution, unpooling
from deconvlib.course.catalogue import exercises


def graded(name, function):
    (result,) = run([exercises()[name]], InProcess({name: function}))
    return result


def padded_to_keep_the_size(x, w):
    return convolution.conv2d(np.asarray(x, float)[None], np.asarray(w, float)[None], padding=1)[0, 0]


def too_wide(y, kernel, stride=None, output_size=None):
    return y.repeat(2, axis=-1)


@pytest.mark.parametrize(("name", "function"), [("correlate2d", padded_to_keep_the_size), ("min_unpool2d", too_wide)])
def test_a_mistake_that_fits_a_degenerate_case_only_is_not_named(name, function):
    result = graded(name, function)
    assert result.points == 0
    assert result.mistake is None


def test_a_right_answer_that_refuses_nothing_is_not_called_wrong_elsewhere():
    def lenient(layers):
        size, stride, offset = 1, 1, 0
        for kernel, step, padding in layers:
            size += (kernel - 1) * stride
            offset -= padding * stride
            stride *= step
        return size, stride, offset

    result = graded("receptive_field", lenient)
    assert 0 < result.points < result.exercise.points
    assert result.mistake is None


def test_the_mistake_that_explains_every_failure_is_named_with_its_advice():
    for name, solution in (("correlate2d", convolution), ("sliding_max", unpooling)):
        assert callable(getattr(solution, name))
        for mistake in mistakes_of(name, exercises()[name].chapter):
            told = graded(name, mistake.function).told
            assert told.mistake == mistake.name
            assert told.advice == mistake.advice


def test_a_mistake_that_raises_is_named_where_the_answer_raises_the_same():
    name = "conv_transpose_output_size"
    named = {graded(name, known.function).mistake for known in mistakes_of(name, exercises()[name].chapter)}
    assert "output_padding must be smaller than stride, whatever dilation is" in named

    def unlike_any_known(n, kernel, stride=1, padding=0, output_padding=0, dilation=1):
        raise KeyError(kernel)

    assert graded(name, unlike_any_known).mistake is None


def test_a_check_that_passes_later_speaks_against_a_mistake():
    pytest.importorskip("torch")
    exercise = exercises()["relu_backward"]
    # For the first check this is what comes of the gradient and the DeconvNet changed round; the second check passes.
    (graded,) = run([exercise], InProcess({exercise.name: lambda grad, x, rule: grad.clamp(min=0)}))
    assert [check.status for check in graded.checks[:2]] == ["failed", "passed"]
    assert graded.mistake == "the rule is not looked at: the DeconvNet's comes back for all three"
