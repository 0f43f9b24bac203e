"""Where the reference of a prerequisite would not do, the learner's own stands: its gradients and layers do not cross."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deconv_tests.grader.bench import Bench

torch = pytest.importorskip("torch")

import deconv_solutions.generation as worked  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers run on Linux only")
TEXT = Path(worked.__file__).read_text(encoding="utf-8")


def answers(bench, text=TEXT) -> Bench:
    return bench(text.replace("from __future__ import annotations", "", 1), "generation", deadline=20.0)


def test_a_layer_that_an_answer_builds_has_its_parameters(bench):
    made = answers(bench).ConvVAE(3, 1, (2, 4), (8, 12))
    expected = {name: tuple(value.shape) for name, value in worked.ConvVAE(3, 1, (2, 4), (8, 12)).named_parameters()}
    assert {name: tuple(value.shape) for name, value in made.parameters().items()} == expected


def test_gradients_come_through_a_prerequisite(bench):
    x, code = torch.zeros(2, 1, 2, 2), torch.ones(2, 3)
    own = answers(bench)
    assert own.elbo_loss(x, x, code.clone().requires_grad_(), code)["loss"].requires_grad
    assert not own.elbo_loss(x, x, code, code)["loss"].requires_grad


def test_without_gradients_the_reference_answers(bench):
    wrong = TEXT.replace("return (mean.square() +", "return 7 + (mean.square() +")
    assert wrong != TEXT
    x, code = torch.zeros(2, 1, 2, 2), torch.ones(2, 3)
    own = answers(bench, wrong)
    right = worked.elbo_loss(x, x, code, code)["kl"]
    assert torch.allclose(own.elbo_loss(x, x, code, code)["kl"], right)
    assert torch.allclose(own.elbo_loss(x, x, code.clone().requires_grad_(), code)["kl"].detach(), right + 7)
