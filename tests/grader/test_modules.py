"""Models and classes: they cross to a worker as data, come back unchanged, and what a learner builds is asked, not sent."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from deconv_grader.answers.editing import CannotEdit
from deconv_grader.answers.workspace import start
from deconv_grader.checks.assertions import Call, Learner
from deconv_grader.checks.feedback import CheckFailed
from deconv_grader.checks.in_process import InProcess
from deconv_grader.grading.workbook import Workbook
from deconv_grader.values.calls import Answers
from deconv_grader.values.copies import duplicate, same, shares
from deconv_grader.values.torch_modules import LAYERS, build, describe
from deconv_tests.grader.bench import KNOWN, Bench

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

EXERCISE = replace(KNOWN["correlate2d"], forbids=())
X = torch.arange(12.0).reshape(1, 1, 3, 4)


def small_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)).eval()


class Odd(nn.Module):
    """No layer of torch's: its own methods stay where it is."""

    def __init__(self):
        super().__init__()
        self.size = (3, 4)
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.layers = nn.ModuleList([nn.Conv2d(1, 2, 3)])

    def encode(self, x):
        return self.layers[0](x).relu(), [tuple(x.shape)]

    def forward(self, x):
        return self.scale * self.encode(x)[0]


class Here(InProcess):
    """The learner's text, run in this process."""

    def __init__(self, text):
        space: dict[str, Any] = {}
        exec("import torch\nfrom torch import nn\n" + textwrap.dedent(text), space)
        super().__init__({EXERCISE.name: space[EXERCISE.name]})


@pytest.fixture(params=["in process", "isolated"])
def ask(request):
    """What checks call: one exercise's answer, made of a few lines."""
    made = []

    def make(text):
        answers: Answers
        if request.param == "in process":
            answers = Here(text)
        else:
            if sys.platform != "linux":
                pytest.skip("workers run on Linux only")
            bench = Bench("import torch\nfrom torch import nn\n" + textwrap.dedent(text))
            made.append(bench)
            answers = bench.answers
        assert not answers.unwritten(EXERCISE)
        return Call(EXERCISE, answers, True, [])

    yield make
    for bench in made:
        bench.answers.close()


def test_a_model_is_an_argument_and_its_result_is_compared(ask):
    call = ask("def correlate2d(model, x): return model(x).detach()")
    model = small_model()
    call.gives(model(X).detach(), model, X)
    with pytest.raises(CheckFailed) as failed:
        call.gives(model(X).detach() + 1, model, X)
    assert failed.value.feedback.note == "every value differs."
    assert failed.value.feedback.call == "correlate2d(x, w)"
    assert failed.value.feedback.expected[0].rows
    assert failed.value.feedback.given[0].rows[0][0].startswith("0: Conv2d(1, 2, kernel_size=(3, 3)")
    assert [grid.label for grid in failed.value.feedback.given][1:2] == ["x.0.weight[0, 0]"]


def test_a_tensor_is_no_array_and_keeps_no_history(ask):
    as_array = ask("def correlate2d(x): return x.numpy() + 1")
    with pytest.raises(CheckFailed) as failed:
        as_array.gives(X + 1, X)
    assert "a tensor of shape (1, 1, 3, 4) was expected, not an array" in failed.value.feedback.note
    iterator = ask("def correlate2d(x): yield x")
    with pytest.raises(CheckFailed) as failed:
        iterator.gives(X, X)
    assert "was expected, not a generator" in failed.value.feedback.note
    tracked = ask("def correlate2d(model, x): return model(x)")
    with pytest.raises(CheckFailed, match="gradient's history"):
        tracked.gives(small_model()(X).detach(), small_model(), X)


@pytest.mark.parametrize(
    "harm",
    [
        "model[0].weight.data.add_(1)",
        "model.train()",
        "model.requires_grad_(False)",
        "model(x).sum().backward()",
        "model[0].register_forward_hook(lambda *a: None)",
        "model[0].weight.register_hook(lambda gradient: gradient)",
        "model[1] = nn.LeakyReLU()",
        "model[1], model[2] = model[2], model[1]",
        "model[1].inplace = True",
        "model[1].forward = lambda x: x",
        "x.add_(1)",
    ],
)
def test_a_call_that_changes_its_arguments_is_told(ask, harm):
    call = ask(f"def correlate2d(model, x):\n    {harm}\n    return x.clone()")
    with pytest.raises(CheckFailed, match="changed its argument"):
        call(small_model(), X.clone())


@pytest.mark.parametrize(
    "use",
    [
        "h = model[0].register_full_backward_hook(lambda *a: None); model(x.requires_grad_()).sum().backward(inputs=[x]); h.remove()",
        "h = model[1].register_forward_hook(lambda m, i, o: None); model(x); h.remove()",
        "torch.autograd.grad(model(x.requires_grad_()).sum(), x)",
        "import copy; copy.deepcopy(model).train()(x).sum().backward()",
        "model.train(); model(x); model.eval()",
        "model.requires_grad_(False); model(x); model.requires_grad_(True)",
        "model(x).sum().backward(); model.zero_grad()",
        "torch.func.functional_call(model, dict(model.named_parameters()), (x,))",
    ],
)
def test_a_call_may_use_a_model_in_many_ways(ask, use):
    call = ask(f"def correlate2d(model, given):\n    x = given.clone()\n    {use}\n    return x.detach()")
    call.gives(X, small_model(), X)


def test_a_call_that_changes_a_list_is_told(ask):
    for harm in ("sizes.reverse()", "sizes[0] = None", "sizes[0] = (4, 3)"):
        call = ask(f"def correlate2d(sizes, x):\n    {harm}\n    return 1")
        with pytest.raises(CheckFailed, match="changed its argument x"):
            call([(3, 4), (5, 6)], X)


def test_a_model_keeps_its_type_buffers_and_repeated_layers(ask):
    call = ask(
        "def correlate2d(model, x): return len(model), len(list(model.parameters())), model(x).detach() + model.mean"
    )
    relu = nn.ReLU()
    model = nn.Sequential(relu, nn.Conv2d(1, 1, 2, padding=1, padding_mode="reflect"), relu).double()
    model.register_buffer("mean", torch.tensor(0.5, dtype=torch.float64))
    expected = 3, 2, model(X.double()).detach() + 0.5
    call.gives(expected, model, X.double())


def test_what_a_call_wrote_into_is_shown_as_it_was_given(ask):
    call = ask("def correlate2d(x):\n    x.mul_(0)\n    return x.clone()")
    x = X.clone()
    with pytest.raises(CheckFailed) as failed:
        call.gives(X + 1, x)
    assert failed.value.feedback.given[0].rows[0] == ["0", "1", "2", "3"]
    assert failed.value.feedback.got[0].rows[0] == ["0", "0", "0", "0"]
    assert torch.equal(x, X)


def test_a_result_must_not_share_memory(ask):
    call = ask("def correlate2d(x): return x[:, :, 1:]")
    with pytest.raises(CheckFailed, match="view of the argument"):
        call(X)


def test_what_a_learner_builds_is_asked(ask):
    call = ask(
        """
        class correlate2d(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.width, self.layer = width, nn.Linear(width, 2)
            def encode(self, x):
                return self.layer(x), [x]
            def forward(self, x):
                return self.layer(x).relu()
        """
    )
    net = call(3)
    assert net.get("width") == 3
    assert set(net.parameters()) == {"layer.weight", "layer.bias"}
    net.load({"layer.weight": torch.ones(2, 3), "layer.bias": torch.tensor([0.0, -100.0])})
    assert net(torch.ones(3)).tolist() == [3, 0]
    value, parts = net.call("encode", torch.ones(3))
    assert value.tolist() == [3, -97]
    assert parts[0].tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="public"):
        net.call("_encode")
    with pytest.raises(ValueError, match=r"layer\.other of shape \(2,\) was expected; there are layer\.weight"):
        net.load({"layer.other": torch.ones(2)})


def test_a_placed_model_is_changed_in_place(ask):
    call = ask("def correlate2d(model, by):\n    model[0].weight.data.add_(by)")
    placed = call.answers.place(EXERCISE, model := small_model())
    call(placed, 1.0)
    torch.testing.assert_close(placed.parameters()["0.weight"], model[0].weight + 1)
    assert model[0].weight.abs().max() < 1


def test_other_modules_cross_with_their_layers_and_ask_for_their_methods(ask):
    call = ask(
        """
        def correlate2d(model, x):
            features, shapes = model.encode(x)
            mine = torch.relu(nn.functional.conv2d(x, model.layers[0].weight, model.layers[0].bias))
            return torch.equal(features, mine), shapes, model.size, float((model(x).sum() / features.sum()).detach())
        """
    )
    torch.manual_seed(1)
    assert call(Odd(), X) == (True, [(1, 1, 3, 4)], (3, 4), pytest.approx(2))


def test_an_iterator_of_models(ask):
    call = ask(
        """
        import copy
        def correlate2d(model, generator):
            for name in ("first", "second"):
                other = copy.deepcopy(model)
                other[0].bias.data = torch.randn(2, generator=generator)
                yield name, other
        """
    )
    expected = torch.Generator().manual_seed(3)
    drawn = call(small_model(), torch.Generator().manual_seed(3))
    for name in ("first", "second"):
        ((said, model),) = drawn.next()
        assert said == name
        torch.testing.assert_close(model.parameters()["0.bias"], torch.randn(2, generator=expected))
    assert drawn.next(5) == []


@pytest.mark.skipif(sys.platform != "linux", reason="workers run on Linux only")
@pytest.mark.parametrize(
    "text",
    [
        "def mine(x, w): return 5\ncorrelate2d = mine",
        "correlate2d = lambda x, w: 5",
        "def correlate2d(x, w): raise NotImplementedError\ndef mine(x, w): return 5\ncorrelate2d = mine",
        "from functools import partial\ndef mine(x, w, by): return by\ncorrelate2d = partial(mine, by=5)",
        "def same(f): return lambda *args: f(*args)\n@same\ndef correlate2d(x, w): return 5",
        "from deconvlib.course.exercise import exercise\ndef same(f): return lambda *args: f(*args)\n"
        "@same\n@exercise(title='', points=1, minutes=1, difficulty=1)\ndef correlate2d(x, w): return 5",
        "class Mine(int):\n    def __new__(cls, x, w): return 5\ncorrelate2d = Mine",
    ],
)
def test_an_answer_by_another_name(bench, text):
    assert bench(text).correlate2d(1, 2) == 5


@pytest.mark.skipif(sys.platform != "linux", reason="workers run on Linux only")
def test_a_prerequisite_need_not_stand_beside_the_answer(bench):
    one = bench(
        "def im2col(n):\n    from deconvlib.convolution import conv_output_size as again\n    return conv_output_size(n, 3), again(n, 2)"
    )
    assert one.im2col(5) == (3, 4)


def test_a_cells_class_is_written_as_it_is_or_not_at_all(tmp_path):
    start(tmp_path)
    book = Workbook(tmp_path)
    body = "    def __init__(self, model): super().__init__()\n    def forward(self, *code): return 1\n"
    assert (
        book.write_cell(book.exercises["MirrorNet"], f"class MirrorNet(\n    torch.nn.Module,\n):\n{body}") == "written"
    )
    assert body in (tmp_path / "deconvlib/mirror_network.py").read_text()
    with pytest.raises(CannotEdit, match=r"class MirrorNet\(Base\), expected MirrorNet\(nn\.Module\)"):
        book.write_cell(book.exercises["MirrorNet"], f"class Base(nn.Module): pass\nclass MirrorNet(Base):\n{body}")


def test_a_program_builds_loads_and_asks(ask):
    call = ask(
        """
        class correlate2d(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.layer = nn.Linear(width, 1)
            def forward(self, x):
                return self.layer(x)
        """
    )

    def doubled(make, width, weight, x):
        "correlate2d(width)(x)"
        net = make(width)
        net.load({"layer.weight": weight, "layer.bias": torch.zeros(1)})
        return net(x)

    weight, x = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[1.0, 0.0, 2.0]])
    call.through(doubled).gives(torch.tensor([[7.0]]), 3, weight, x)
    with pytest.raises(CheckFailed) as failed:
        call.through(doubled).gives(torch.tensor([[14.0]]), 3, weight, x)
    told = failed.value.feedback
    assert told.call == "correlate2d(width)(x)    with width = 3"
    assert [grid.label for grid in told.given] == ["weight", "x"]
    assert told.got[0].rows == [["7"]]


def test_a_learner_places_only_in_a_check():
    with pytest.raises(ValueError, match="only in a check"):
        Learner(InProcess()).place(small_model())


def test_every_known_layer_survives_the_journey():
    torch.manual_seed(0)
    layers = {
        "Conv2d": nn.Conv2d(4, 6, (3, 2), stride=(1, 2), padding=1, dilation=2, groups=2, bias=False),
        "ConvTranspose2d": nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1, output_padding=1),
        "Linear": nn.Linear(5, 3),
        "BatchNorm2d": nn.BatchNorm2d(4, affine=False, track_running_stats=False),
        "MaxPool2d": nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        "AvgPool2d": nn.AvgPool2d(2, count_include_pad=False, divisor_override=3),
        "AdaptiveAvgPool2d": nn.AdaptiveAvgPool2d((2, 3)),
        "Upsample": nn.Upsample((7, 5), mode="bilinear", align_corners=True),
        "PixelShuffle": nn.PixelShuffle(2),
        "Flatten": nn.Flatten(2),
        "ReLU": nn.ReLU(),
        "LeakyReLU": nn.LeakyReLU(0.3),
        "Sigmoid": nn.Sigmoid(),
        "Tanh": nn.Tanh(),
        "Softmax": nn.Softmax(1),
        "Dropout": nn.Dropout(0.25),
        "Identity": nn.Identity(),
        "Sequential": nn.Sequential(nn.ReLU()),
        "ModuleList": nn.ModuleList([nn.ReLU()]),
    }
    assert layers.keys() == LAYERS.keys()
    x = torch.randn(1, 4, 6, 5)
    for layer in layers.values():
        layer.eval()
        again = build(describe(layer, lambda method, name: None))
        assert repr(again) == repr(layer)
        assert same(again, layer)
        if not isinstance(layer, nn.ModuleList):
            torch.testing.assert_close(again(x), layer(x))


def test_what_layers_share_they_share_again():
    one, two = nn.Conv2d(2, 3, 2), nn.ConvTranspose2d(3, 2, 2)
    two.weight = one.weight
    again = build(describe(nn.Sequential(nn.Sequential(one), nn.ReLU(), two, one), lambda method, name: None))
    assert again[0][0].weight is again[2].weight is again[3].weight
    assert again[0][0].bias is again[3].bias is not again[2].bias
    assert len(list(again.parameters())) == 3


def test_untouched_tells_tensors_apart():
    x = torch.arange(6.0)
    assert same(x, duplicate(x))
    assert not same(x + 1, x)
    assert not same(x.clone().requires_grad_(), x)
    assert shares(x[2:], x)
    assert shares([x.view(2, 3)], [np.zeros(2), x])
    assert not shares(x.clone(), x)
