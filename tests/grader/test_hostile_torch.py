"""What a submission may try with models: the grader's own in the place of an answer, or the grader's memory."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from deconv_grader.checks.assertions import Call
from deconv_grader.checks.feedback import CheckFailed
from deconv_grader.isolation import isolated, lent
from deconv_grader.isolation.bounded import bounded
from deconv_grader.values.calls import PassedFunction
from deconv_grader.values.deadlines import Allowance
from deconv_grader.values.failures import Malformed, NotAllowed
from deconv_grader.values.sizes import laborious
from deconv_grader.values.torch_modules import methods_of
from deconv_tests.grader.bench import KNOWN, Bench
from deconv_tests.patience import PATIENCE

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from deconv_solutions.mirror_network import SwitchedCNN  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers run on Linux only")

#: The stubs that a learner's module has, and a way to say "what you lent me as number n" anywhere in a result.
TOP = """
    import gc
    import torch
    from torch import nn
    from deconv_grader.isolation import worker

    class SwitchedCNN(nn.Module):
        def __init__(self, *args): raise NotImplementedError
        def forward(self, x): raise NotImplementedError

    class MirrorNet(nn.Module):
        def __init__(self, model): raise NotImplementedError
        def forward(self, *args): raise NotImplementedError

    class Lent:
        def __init__(self, number): self.number = number

    class Forging(worker.Worker):
        def _keep(self, value):
            return {"passed": value.number} if isinstance(value, Lent) else super()._keep(value)

    def the_worker():
        found = next(thing for thing in gc.get_objects() if isinstance(thing, worker.Worker))
        found.__class__ = Forging
        return found
"""
IMAGE = torch.arange(64.0).reshape(1, 1, 8, 8)


@pytest.fixture
def ask():
    made = []

    def make(text, name="four_steps"):
        made.append(Bench(textwrap.dedent(TOP) + textwrap.dedent(text), KNOWN[name].chapter))
        assert not made[-1].answers.unwritten(KNOWN[name])
        made[-1].answers.begin(KNOWN[name])
        return Call(KNOWN[name], made[-1].answers, True, [])

    yield make
    for bench in made:
        bench.answers.close()


def network():
    torch.manual_seed(0)
    return SwitchedCNN(1, (2, 3), 4, (8, 8))


@pytest.mark.parametrize("result", ["Lent(0)", "[1, {'mirror': (Lent(1),)}]"])
def test_the_tests_own_model_is_no_answer(ask, result):
    def scores(make, model, x):
        return make(make.place(model))(x).detach()

    call = ask(f"def MirrorNet(model):\n    the_worker()\n    return {result}", "MirrorNet")
    model = network()
    with pytest.raises(Malformed, match="a function that it was passed"):
        call.through(scores).gives(model(IMAGE).detach(), model, IMAGE)


def test_the_reference_of_the_exercise_itself_is_not_asked(ask):
    call = ask(
        """
        def four_steps(model, image):
            return the_worker().ask({"kind": "reference", "exercise": "mirror_network.four_steps"}, [[model, image], {}])
        """
    )
    with pytest.raises(Malformed, match="may not have"):
        call(network(), IMAGE)


def test_a_prerequisite_that_is_a_class_is_made_here_whatever_its_size(ask):
    call = ask(
        """
        def four_steps(model, image):
            torch.manual_seed(0)
            made = SwitchedCNN(1, (2, 20), 4, (28, 28)).eval()
            code = model.encode(image)
            return tuple(made.encode(torch.ones(1, 1, 28, 28))[0].shape), tuple(MirrorNet(model).eval()(*code).shape)
        """
    )
    assert call(network(), IMAGE) == ((1, 20, 7, 7), (1, 1, 8, 8))


def test_what_prerequisites_made_does_not_fill_the_memory(ask, monkeypatch):
    monkeypatch.setattr(lent, "MOST_MADE", 10 * lent.MODULE)
    call = ask(
        """
        def four_steps(model, image):
            kept = []
            while True:
                kept.append(SwitchedCNN(1, (1,), 1, 2))
        """
    )
    with pytest.raises(CheckFailed, match="too many modules"):
        call(network(), IMAGE)


def test_results_do_not_fill_the_memory(ask, monkeypatch):
    def a_hundred(make):
        items = make()
        return [items.next() for _ in range(100)]

    monkeypatch.setattr(isolated, "MOST_RECEIVED", 1 << 20)
    call = ask("def four_steps():\n    while True: yield torch.ones(1 << 14)")
    with pytest.raises(Malformed, match="more than any check asks for"):
        call.through(a_hundred).gives([])


def test_a_handle_within_a_list_is_no_argument(ask):
    call = ask(
        """
        def four_steps(model, image):
            fields = {"kind": "reference", "exercise": "mirror_network.MirrorNet"}
            return the_worker().ask(fields, [[[{"model": nn.ReLU()}]], {}])
        """
    )
    with pytest.raises(CheckFailed, match="an argument that cannot be sent"):
        call(network(), IMAGE)


def test_a_large_question_is_answered_in_a_process_of_its_own(ask):
    call = ask("def four_steps(where, image):\n    return where(image), where(torch.ones(300, 300))")
    here, there = call(PassedFunction(lambda x: os.getpid(), "where"), IMAGE)
    assert here == os.getpid() != there


def test_a_large_size_is_noticed_in_whatever_it_comes():
    for size in (1000, np.int16(-1000), (3, 1000), [np.array([1, 1000])], {"size": np.array(1000)}, torch.tensor(1000)):
        assert laborious([[size], {}])
    for value in (np.arange(1000), np.float64(1000), torch.full((2,), 1000.0), "1000", None, np.array([16, 3])):
        assert not laborious([[value], {}])


def test_torch_starts_no_thread_where_there_may_be_no_memory_for_it():
    # OpenMP ends the process that has none.
    code = """
        import torch
        from deconv_grader.isolation.bounded import MEMORY, bounded
        from deconv_grader.values.deadlines import Allowance
        torch.set_num_threads(8)
        with bounded(Allowance(5)):
            kept = torch.empty(MEMORY - (24 << 20), dtype=torch.uint8)
            torch.ones(1 << 20).exp()
        assert torch.get_num_threads() == 8
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, timeout=PATIENCE)


def test_bounded_gives_the_threads_back_after_an_error():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), bounded(Allowance(5)):
        1 / 0  # noqa: B018
    assert torch.get_num_threads() == before


def test_what_a_lent_model_gives_is_no_leaf_of_a_gradient(ask):
    call = ask(
        """
        @torch.no_grad()
        def four_steps(model, image):
            return {"forward": model.encode(image)[0], "scores": model(image)}
        """
    )
    model = network()
    call.gives({"forward": model.encode(IMAGE)[0].detach(), "scores": model(IMAGE).detach()}, model, IMAGE)


def test_a_generator_of_torchs_stays_with_the_worker(ask):
    call = ask("def four_steps(model, image): return torch.Generator()")
    with pytest.raises(CheckFailed, match="another result than expected"):
        call.gives(IMAGE, network(), IMAGE)


def test_an_optimizer_needs_no_folder(ask):
    call = ask(
        """
        def four_steps(model, image):
            image = image.clone().requires_grad_()
            optimizer = torch.optim.Adam([image], lr=0.5)
            optimizer.zero_grad()
            image.sum().backward()
            optimizer.step()
            return image.detach()
        """
    )
    call.gives(IMAGE - 0.5, network(), IMAGE)


def test_methods_that_change_a_model_are_not_lent():
    class Own(nn.Sequential):
        width = 3

        def encode(self, x):
            return x

        @staticmethod
        def scale(x):
            return x

    assert methods_of(Own(nn.ReLU())) == ["encode", "forward", "scale"]
    assert methods_of(nn.ModuleDict()) == ["forward"]


@pytest.mark.parametrize("result", ["torch.ones(2, dtype=torch.bfloat16)", "torch.ones(2).to_sparse()"])
def test_a_tensor_that_cannot_be_sent_is_named(ask, result):
    call = ask(f"def four_steps(model, image): return {result}")
    with pytest.raises(CheckFailed, match=r"a Tensor of torch\.\w+, torch\.\w+, on cpu cannot be sent"):
        call(network(), IMAGE)


WAYS = (
    "torch.nn.functional.softshrink(x, 0.5)",
    "torch.nn.Softshrink(0.5)(x)",
    "torch.nn.modules.activation.Softshrink(0.5)(x)",
    "torch._C._nn.softshrink(x, 0.5)",
    "torch.ops.aten.softshrink(x, 0.5)",
    "torch.ops.aten.softshrink.default(x, 0.5)",
    "torch._refs.nn.functional.softshrink(x, 0.5)",
    "torch._C._jit_get_operation('aten::softshrink')[0](x, 0.5)",
)


@pytest.mark.parametrize("way", WAYS)
def test_a_forbidden_function_is_refused_under_all_its_names(way):
    assert "torch.nn.functional.softshrink" in KNOWN["soft_threshold"].forbids
    one = Bench(
        f"import torch\nimport torch._refs.nn.functional\ndef soft_threshold(x):\n    return {way}", "sparse_coding"
    )
    try:
        with pytest.raises(NotAllowed, match="may not be used in this exercise"):
            one.soft_threshold(torch.ones(3))
        with pytest.raises(NotAllowed):
            one.soft_threshold(torch.ones(3))
    finally:
        one.answers.close()


def test_what_torch_imports_late_is_there_before_the_clock_starts(ask):
    call = ask(
        """
        def four_steps(model, image):
            import time
            began = time.process_time()
            small, where = torch.nn.functional.max_pool2d(image, 2, return_indices=True)
            torch.nn.functional.max_unpool2d(small, where, 2)
            leaf = image.clone().requires_grad_()
            leaf.sum().backward()
            torch.optim.Adam([leaf]).step()
            return time.process_time() - began
        """
    )
    assert call(network(), IMAGE) < 0.3, "SymPy and torch._dynamo take two seconds to import"
