"""Chapter 15's solutions against PyTorch: its kernel forward and backward, its step, its clock; and Triton's compiler."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from deconv_solutions import gpu  # noqa: E402
from deconv_solutions.gpu import pick_device, time_on, train_step  # noqa: E402
from deconv_tests.patience import PATIENCE  # noqa: E402
from deconvlib.course.devices import PretendGPU, device_name  # noqa: E402
from deconvlib.course.kernels import INTERPRETED  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


NOTHING_TO_AGREE_WITH = {
    "time_on": "torch.utils.benchmark takes the median of blocks of calls, each block without a wait in between"
}


def test_pick_device_is_where_torch_can_compute():
    device = pick_device()
    assert torch.zeros(1, device=device).device.type == device.type
    if hasattr(torch, "accelerator") and torch.accelerator.is_available():
        assert device.type == torch.accelerator.current_accelerator().type
    assert device_name(device)


def test_time_on_waits_for_a_queue():
    gpu_of_thread = PretendGPU()
    began = time.perf_counter()
    gpu_of_thread.launch(time.sleep, 0.02)
    assert time.perf_counter() - began < 10
    gpu_of_thread.synchronize()
    assert time.perf_counter() - began >= 0.02
    assert time_on(gpu_of_thread, gpu_of_thread.launch, time.sleep, 0.01, repeats=3) >= 0.01


def test_train_step_is_the_step_of_the_course_s_loop():
    from deconvlib.course.training import GradientStep

    def made():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 1, 3))
        return model, torch.optim.Adam(model.parameters(), 1e-2)

    batches = [(torch.randn(2, 3, 8, 8), torch.randn(2, 1, 4, 4)) for _ in range(3)]
    for options in ({}, {"amp_dtype": torch.bfloat16}):
        (mine, optimiser), (theirs, other) = made(), made()
        step = GradientStep(theirs, lambda model, batch: F.mse_loss(model(batch[0]), batch[1]), other, **options)
        for batch in batches:
            assert torch.equal(train_step(mine, batch, F.mse_loss, optimiser, **options), step(batch)["loss"].detach())
        assert all(torch.equal(a, b) for a, b in zip(mine.parameters(), theirs.parameters(), strict=True))


SHAPES = [
    # N, C, D, H, W, K, L, stride, padding
    (2, 3, 5, 4, 5, 4, 4, 2, 1),
    (1, 5, 1, 7, 5, 9, 9, 3, 4),
    (1, 3, 2, 3, 3, 2, 1, (3, 2), 0),
    (1, 2, 2, 4, 3, 5, 3, 1, 2),
    (2, 17, 33, 2, 3, 3, 2, (1, 2), (1, 0)),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_kernel_is_torch_s_transposed_convolution_forward_and_backward(shape):
    pytest.importorskip("triton")
    N, C, D, H, W, K, L, stride, padding = shape
    torch.manual_seed(0)
    y, w = torch.randn(N, C, H, W, requires_grad=True), torch.randn(C, D, K, L, requires_grad=True)
    x = gpu.conv_transpose2d_triton(y, w, stride, padding)
    expected = F.conv_transpose2d(y.double(), w.double(), stride=stride, padding=padding)
    torch.testing.assert_close(x.double(), expected, rtol=0, atol=1e-5 * float(expected.detach().abs().max()))
    grad = torch.randn_like(x)
    mine = torch.autograd.grad(x, (y, w), grad)
    theirs = torch.autograd.grad(expected, (y, w), grad.double())
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5 * float(other.abs().max()))


def test_the_rows_and_planes_are_torch_s_too():
    pytest.importorskip("triton")
    torch.manual_seed(0)
    y, w = torch.randn(7), torch.randn(5)
    whole = F.conv_transpose1d(y[None, None], w[None, None], stride=3)[0, 0]
    for phase in range(3):
        torch.testing.assert_close(gpu.row_phase_triton(y, w, 3, phase), whole[phase::3])
    y, w = torch.randn(5, 4), torch.randn(3, 4)
    torch.testing.assert_close(
        gpu.plane_triton(y, w, (2, 1), (1, 2)),
        F.conv_transpose2d(y[None, None], w[None, None], None, (2, 1), (1, 2))[0, 0],
    )


COMPILE = """
import json
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from deconv_solutions.gpu import _plane, _row_phase, _tiles

BLOCKS = {"BLOCK": 32}
TILES = {"K": 4, "L": 4, "SH": 2, "SW": 2, "PH": 1, "PW": 1, "PRECISION": "tf32", "BM": 64, "BN": 32, "BK": 32}
sizes = {}
for kernel, constants in ((_row_phase, BLOCKS), (_plane, BLOCKS), (_tiles, TILES)):
    kinds = {name: "*fp32" if name in ("y", "w", "x") else "i32" for name in kernel.arg_names}
    signature = {name: "constexpr" if name in constants else kind for name, kind in kinds.items()}
    for capability in (80, 90):
        source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
        made = compile(source, target=GPUTarget("cuda", capability, 32))
        ptx = made.asm["ptx"]
        assert f".target sm_{capability}" in ptx, ptx[:300]
        sizes[f"{kernel.__name__} {capability}"] = ["mma" in ptx, len(ptx.splitlines())]
print(json.dumps(sizes))
"""


@pytest.mark.long
def test_the_kernels_compile_for_gpus_that_are_not_there(tmp_path):
    pytest.importorskip("triton")
    done = subprocess.run(
        [sys.executable, "-c", COMPILE],
        cwd=tmp_path,
        env=os.environ
        | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path / "cache"), "DECONV_WORKSPACE": "none"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    sizes = json.loads(done.stdout.splitlines()[-1])
    assert len(sizes) == 6
    assert sizes["_tiles 80"][0], "tl.dot became the tensor cores' instruction"
    assert sizes["_tiles 90"][0]
    assert not sizes["_plane 80"][0]


def ran(code: str, cwd, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
        | {"DECONV_WORKSPACE": "none"}
        | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="with a GPU, kernels are compiled")
def test_triton_that_was_imported_before_is_interpreted_all_the_same(tmp_path):
    """As it is when PyTorch has imported it: with its own functions made ready to be compiled."""
    pytest.importorskip("triton")
    assert INTERPRETED
    code = """
import triton
import torch
from deconv_solutions.gpu import plane_triton
print(plane_triton(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 10.0, 100.0]]), (1, 2)).tolist())
"""
    assert ran(code, tmp_path) == "[[1.0, 10.0, 102.0, 20.0, 200.0]]\n"


def test_without_triton_the_chapter_is_there_and_a_kernel_says_what_is_missing(tmp_path):
    code = """
import sys
sys.modules["triton"] = None
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "triton" else found(name, *rest)
import torch
from deconv_solutions.gpu import pick_device, plane_triton
print(pick_device("cpu"))
try:
    plane_triton(torch.ones(2, 2), torch.ones(2, 2), 2)
except ModuleNotFoundError as error:
    print(error)
"""
    said = ran(code, tmp_path).splitlines()
    assert said == ["cpu", "Triton is not installed, and this kernel needs it: pip install 'deconvlib[triton]' (Linux)"]
