"""What the GPU chapter measures with: the ledger of memory, the benchmark and its tiny mode."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402

from deconvlib.course.devices import MemoryLedger  # noqa: E402

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu.py"


def test_a_ledger_counts_what_is_there_and_the_most_that_was():
    x = torch.ones(100)
    with MemoryLedger() as ledger:
        a = x + 1
        assert ledger.current == 400
        b = a.view(10, 10)[2:].t()  # the same memory
        assert ledger.current == 400
        c = (a * 2).sum()
        assert (ledger.current, ledger.peak) == (404, 804)
        del a
        assert ledger.current == 404, "b still holds it"
        del b, c
        assert ledger.current == 0
        x.add_(1)
    assert (ledger.current, ledger.peak) == (0, 804)


def test_a_ledger_sees_the_way_back():
    x = torch.ones(1000, requires_grad=True)
    with MemoryLedger() as ledger:
        x.exp().sum().backward()
        assert ledger.current == 4000, "the gradient stays, the activation is gone"
    assert ledger.peak >= 8000


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("gpu_benchmark", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_benchmark_s_polyphase_form_is_the_transposed_convolution(benchmark):
    torch.manual_seed(0)
    for K, stride, padding, more in ((4, 2, 1, 0), (9, 3, 4, 2), (3, 2, 0, 1), (2, 3, 0, 0), (5, 2, 2, 1)):
        y, w = torch.randn(2, 3, 4, 4), torch.randn(3, 2, K, K)
        expected = F.conv_transpose2d(y, w, stride=stride, padding=padding, output_padding=more)
        found = benchmark.polyphase(y, benchmark.prepared(w, stride), stride, padding, tuple(expected.shape[2:]))
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_the_benchmark_runs_in_its_tiny_mode(benchmark):
    found = benchmark.measured(torch.device("cpu"), tiny=True)
    assert json.loads(json.dumps(found)) == found
    assert found["failed"] == {}
    assert found["left out"] == []
    assert found["made"]["tiny"]
    assert {row["setting"] for row in found["training"]} == {"float32", "bfloat16", "bfloat16, channels-last"}
    for row in found["operator"]:
        assert row["error"] < (0.05 if row["type"] == "bfloat16" else 1e-5), row


def test_the_benchmark_stops_in_time(benchmark):
    budget = benchmark.Budget(minutes=0)
    assert budget.measure("slow", lambda: 1) is None
    assert budget.left_out == ["slow"]
    budget = benchmark.Budget(minutes=1)
    assert budget.measure("wrong", lambda: 1 / 0) is None
    assert budget.failed == {"wrong": "ZeroDivisionError: division by zero"}
