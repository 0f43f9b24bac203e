"""Results that stay in the worker, and libraries that stay out of it."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from deconv_grader.isolation.remote_errors import LearnerError
from deconv_grader.values.failures import NotAllowed
from deconv_grader.values.handles import Handle, local
from deconv_tests.grader.bench import KNOWN

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are locked down on Linux only")

X = np.arange(12.0).reshape(3, 4)


def test_what_is_no_value_stays_in_the_worker(bench):
    one = bench(
        """
        class Net:
            depth = 3
            _secret = 4
            def __call__(self, x): return x + 1
        def conv_output_size(n): return Net()
        def receptive_field(layers): return iter(range(10**9))
        def convolve2d_full(x, w): return np.matrix(x)
        """
    )
    net = one.conv_output_size(1)
    assert isinstance(net, Handle)
    assert repr(net) == "<Net>"
    assert net(4) == 5
    assert net.get("depth") == 3
    with pytest.raises(ValueError):
        net.get("_secret")
    with pytest.raises(AttributeError):
        net.get("width")
    numbers = one.receptive_field([])
    assert numbers.next(3) + numbers.next(2) == [0, 1, 2, 3, 4]
    with pytest.raises(LearnerError, match="gone"):
        net(1)
    assert one.convolve2d_full(X, X).type_name == "matrix"


def test_in_process_the_same_may_be_asked():
    numbers = local(iter(range(5)))
    assert numbers.next(3) + numbers.next(9) == [0, 1, 2, 3, 4]
    power = local(pow)
    assert (power(2, 3), repr(power)) == (8, "<builtin_function_or_method>")
    assert local(X) is X
    with pytest.raises(TypeError, match="no iterator"):
        power.next()


def test_a_module_is_differentiated_in_the_worker(bench):
    torch = pytest.importorskip("torch")
    allowed = replace(KNOWN["conv_output_size"], forbids=())
    one = bench(
        """
        import torch
        def conv_output_size(n):
            torch.manual_seed(0)
            return torch.nn.Linear(n, 2, bias=False)
        """
    )
    one.answers.unwritten(allowed)
    net = one.answers.call(allowed, (3,), {}).value
    weight = net.parameters()["weight"]
    assert weight.shape == (2, 3)
    x = torch.ones(3)
    y, (gradient,) = net.vjp((x,), torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(y, weight @ x)
    torch.testing.assert_close(gradient, weight[0])
    gradients = net.gradients((x,), torch.tensor([1.0, 0.0]))
    assert gradients["weight"].tolist() == [[1, 1, 1], [0, 0, 0]]


def test_a_parameter_that_no_gradient_reaches_has_none(bench):
    torch = pytest.importorskip("torch")
    allowed = replace(KNOWN["conv_output_size"], forbids=())
    one = bench(
        """
        import torch
        class Net(torch.nn.Linear):
            def forward(self, x):
                return x @ (self.weight if self.half else self.weight.detach()).T + self.bias.detach()
        def conv_output_size(half):
            net = Net(3, 2)
            net.half = half
            return net
        """
    )
    for half in (True, False):
        one.answers.unwritten(allowed)
        net = one.answers.call(allowed, (half,), {}).value
        gradients = net.gradients((torch.ones(3),), torch.ones(2))
        assert gradients["bias"] is None
        assert (gradients["weight"] is None) != half


def test_one_function_of_a_library_may_be_forbidden(bench):
    pytest.importorskip("torch")
    exercise = replace(KNOWN["conv_output_size"], forbids=("torch.nn.functional.conv_transpose2d",))
    one = bench(
        """
        import torch
        def conv_output_size(how):
            x = torch.ones(1, 1, 2, 2)
            if how == "conv":
                return torch.nn.functional.conv2d(x, x)
            if how == "module":
                return torch.nn.ConvTranspose2d(1, 1, 2)(x)
            return torch.conv_transpose2d(x, x)
        """
    )
    one.answers.unwritten(exercise)
    assert one.answers.call(exercise, ("conv",), {}).value.item() == 4
    for how in ("module", "function"):
        one.answers.unwritten(exercise)
        with pytest.raises(NotAllowed, match="conv_transpose2d may not be used in this exercise"):
            one.answers.call(exercise, (how,), {})


def test_libraries_not_allowed_say_so_when_used(bench):
    one = bench(
        """
        import matplotlib.pyplot as plt
        import torch
        from scipy.signal import correlate
        class Net(torch.nn.Module): pass
        def conv_output_size(n): return isinstance(n, torch.Tensor)
        def receptive_field(n): return correlate(n, n)
        def convolve2d_full(x, w): plt.plot(x)
        """
    )
    assert one.conv_output_size(1) is False
    with pytest.raises(NotAllowed, match="scipy may not be used in this exercise"):
        one.receptive_field(1)
    with pytest.raises(NotAllowed, match="matplotlib cannot be used while"):
        one.convolve2d_full(1, 1)
