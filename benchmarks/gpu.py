"""What the GPU chapter says of speed, measured on the accelerator of this machine: one command, under eight minutes.

    python benchmarks/gpu.py [--out deconvlib/course/results/gpu.json] [--device cuda:0] [--minutes 7.5]
    python benchmarks/gpu.py --tiny --out /tmp/try.json

It measures transposed convolutions (PyTorch in both layouts, the polyphase form, that form compiled, the course's Triton
kernel), the training step of the full-size models of chapters 11 to 13 (float32, TF32, bfloat16, channels-last, compiled,
recomputed) with its memory, launches, copies and graphs, and DistributedDataParallel where there are several GPUs. The
chapter's page reads the file. ``--tiny`` tries all of it on any machine, the CPU too, with shapes that say nothing of speed.

Every number is the median of several calls, each waited for, after one that is not counted. What does not fit into the
time is listed under "left out", what fails under "failed", with its reason.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

import deconv_solutions.generation
import deconv_solutions.restoration
from deconv_solutions.gpu import _launch_tiles, pick_device, time_on, train_step
from deconvlib.course.devices import device_name
from deconvlib.course.kernels import INSTALLED, INTERPRETED
from deconvlib.course.scaling import recompute

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "deconvlib" / "course" / "results" / "gpu.json"

#: Name -> N, C_in, C_out, side, kernel, stride, padding, output padding: decoders of the papers.
SHAPES = {
    "DCGAN 1": (128, 1024, 512, 4, 4, 2, 1, 0),
    "DCGAN 3": (128, 256, 128, 16, 4, 2, 1, 0),
    "DCGAN 4": (128, 128, 3, 32, 4, 2, 1, 0),
    "U-Net": (8, 512, 256, 64, 2, 2, 0, 0),
    "SegNet": (8, 128, 64, 64, 3, 2, 1, 1),
    "FCN-8s": (8, 21, 21, 64, 16, 8, 4, 0),
    "FCN-32s": (8, 21, 21, 16, 64, 32, 16, 0),
    "FSRCNN x2": (16, 56, 1, 128, 9, 2, 4, 1),
    "FSRCNN x4": (16, 56, 1, 64, 9, 4, 4, 3),
    "Zeiler 1": (16, 96, 3, 110, 7, 2, 1, 1),
}
TINY = {"tiny": (1, 3, 2, 3, 4, 2, 1, 0), "tiny 9 x 9": (1, 2, 1, 3, 9, 3, 4, 2)}


class Budget:
    """What is measured, what was left out for want of time, what failed."""

    def __init__(self, minutes: float) -> None:
        self.ends = time.monotonic() + 60 * minutes
        self.left_out: list[str] = []
        self.failed: dict[str, str] = {}

    def measure(self, name: str, function: Callable[[], Any], reserve: float = 5.0) -> Any:
        """What the function gives, or None."""
        if time.monotonic() + reserve > self.ends:
            self.left_out.append(name)
            return None
        try:
            return function()
        except Exception as error:
            self.failed[name] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:300]
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            return None


@contextmanager
def tf32(on: bool) -> Iterator[None]:
    """Float32 products in TF32, or in full."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = on
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def prepared(w: torch.Tensor, stride: int) -> torch.Tensor:
    """The weight of the convolution that, with a pixel shuffle behind it, is the transposed one (chapter 6)."""
    C, D, K, L = w.shape
    a, b = -(-K // stride), -(-L // stride)
    w = F.pad(w, (0, b * stride - L, 0, a * stride - K)).view(C, D, a, stride, b, stride)
    return w.permute(1, 3, 5, 0, 2, 4).reshape(D * stride**2, C, a, b).flip(2, 3).contiguous()


def polyphase(y: torch.Tensor, weight: torch.Tensor, stride: int, padding: int, size: tuple[int, int]) -> torch.Tensor:
    """A transposed convolution by one ordinary convolution and a pixel shuffle."""
    a, b = weight.shape[2:]
    x = F.pixel_shuffle(F.conv2d(y, weight, padding=(a - 1, b - 1)), stride)
    reach = [max(0, padding + n - have) for n, have in zip(size, x.shape[2:], strict=True)]
    x = F.pad(x, (0, reach[1], 0, reach[0])) if any(reach) else x
    return x[:, :, padding : padding + size[0], padding : padding + size[1]]


def operator_table(
    device: torch.device, shapes: dict[str, Any], budget: Budget, repeats: int, compiled: bool
) -> list[Any]:
    """Milliseconds of each way for each shape, in float32, TF32 and bfloat16, and how far each is from float64."""
    rows = []
    for name, (N, C, D, side, K, stride, padding, more) in shapes.items():
        generator = torch.Generator().manual_seed(0)
        y = torch.randn(N, C, side, side, generator=generator).to(device)
        w = (torch.randn(C, D, K, K, generator=generator) / (C * K) ** 0.5).to(device)
        keywords = {"stride": stride, "padding": padding, "output_padding": more}
        few = F.conv_transpose2d(y[:1].double().cpu(), w.double().cpu(), **keywords)
        size = tuple(few.shape[2:])
        for kind, dtype in (("float32", torch.float32), ("TF32", torch.float32), ("bfloat16", torch.bfloat16)):
            if kind == "TF32" and device.type != "cuda":
                continue
            for way, function in ways(y.to(dtype), w.to(dtype), keywords, size, kind, compiled).items():
                label = f"{name}, {kind}, {way}"

                def measured(function: Any = function, kind: str = kind, few: Any = few) -> dict[str, float]:
                    with tf32(kind == "TF32"), torch.no_grad():
                        far = (function()[:1].double().cpu() - few).abs().max() / few.abs().max()
                        return {"ms": 1e3 * time_on(device, function, repeats=repeats), "error": float(far)}

                found = budget.measure(label, measured)
                if found:
                    rows.append({"shape": name, "type": kind, "way": way, **found})
    return rows


def ways(y: Any, w: Any, keywords: dict[str, int], size: Any, kind: str, compiled: bool) -> dict[str, Any]:
    """The ways of one transposed convolution, ready to be called."""
    stride, padding = keywords["stride"], keywords["padding"]
    last, weight_last = (part.contiguous(memory_format=torch.channels_last) for part in (y, w))
    weight = prepared(w, stride)
    phases_last = weight.contiguous(memory_format=torch.channels_last)
    found: dict[str, Any] = {
        "PyTorch": lambda: F.conv_transpose2d(y, w, **keywords),
        "PyTorch, channels-last": lambda: F.conv_transpose2d(last, weight_last, **keywords),
        "polyphase": lambda: polyphase(y, weight, stride, padding, size),
        "polyphase, channels-last": lambda: polyphase(last, phases_last, stride, padding, size),
    }
    if compiled:
        made = torch.compile(polyphase, dynamic=False)
        found["polyphase, compiled"] = lambda: made(y, weight, stride, padding, size)
    if INSTALLED and not (INTERPRETED and kind == "bfloat16"):  # whose tl.dot takes the bits for whole numbers
        precision = "tf32" if kind == "TF32" else "ieee"
        for tile in ((64, 32, 32), (128, 64, 32), (128, 16, 32)) if not INTERPRETED else ((16, 16, 16),):
            found[f"Triton {tile[0]} x {tile[1]} x {tile[2]}"] = lambda tile=tile: _launch_tiles(
                y, w, (stride, stride), (padding, padding), precision, tile, keywords["output_padding"]
            )
    return found


def models(tiny: bool) -> dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], Callable[..., Any], Any]]:
    """Name -> how to make it, the shape of a batch, its loss, how to make a target of the output."""
    restoration, generation = deconv_solutions.restoration, deconv_solutions.generation
    n, side = (2, 8) if tiny else (64, 64)
    square = F.mse_loss, torch.zeros_like
    widths = (16, 8) if tiny else (1024, 512, 256, 128)
    found: dict[str, Any] = {
        "FSRCNN x2": (lambda: restoration.FSRCNN(2), (n, 1, side, side), *square),
        "ESPCN x2": (lambda: restoration.ESPCN(2), (n, 1, side, side), *square),
        "DCGAN generator": (lambda: generation.DCGANGenerator(100, 3, widths, 4), (2 * n, 100), *square),
    }
    try:
        from deconv_solutions import segmentation
    except ImportError:
        return found
    n, side, width = (2, 64, 1 / 16) if tiny else (4, 256, 1.0)
    labels = F.cross_entropy, lambda output: torch.zeros_like(output[:, 0], dtype=torch.long)
    for name in ("FCN8s", "NohDeconvNet", "SegNet", "UNet"):
        kind = getattr(segmentation, name, None)
        if kind is not None:
            size = 224 if name == "NohDeconvNet" else side  # the one size that it takes
            found[name] = (lambda kind=kind: kind(3, 21, width), (n, 3, size, size), *labels)
    return found


SETTINGS = (
    "float32",
    "TF32",
    "bfloat16",
    "bfloat16, channels-last",
    "bfloat16, channels-last, compiled",
    "TF32, recomputed",
)


def training_table(device: torch.device, tiny: bool, budget: Budget, repeats: int) -> list[Any]:
    """Milliseconds and memory of a training step of each full-size model."""
    rows = []
    for setting in SETTINGS[: 4 if tiny else None]:
        if "TF32" in setting and device.type != "cuda":
            continue
        for name, parts in models(tiny).items():

            def measured(parts: Any = parts, setting: str = setting) -> dict[str, Any]:
                with tf32("float32" not in setting):
                    return one_training(device, parts, setting, repeats)

            found = budget.measure(f"{name}, {setting}", measured, reserve=40.0 if "compiled" in setting else 10.0)
            if found:
                rows.append({"model": name, "setting": setting, **found})
    return rows


def one_training(device: torch.device, parts: Any, setting: str, repeats: int) -> dict[str, Any]:
    make, shape, loss, target_of = parts
    torch.manual_seed(0)
    model = make().to(device)
    count = sum(parameter.numel() for parameter in model.parameters())
    last = "channels-last" in setting
    if last:
        model = model.to(memory_format=torch.channels_last)
    if "recomputed" in setting:
        recompute(model)
    called = torch.compile(model) if "compiled" in setting else model
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, fused=device.type == "cuda")
    x = torch.randn(shape, device=device)
    with torch.no_grad():
        batch = x, target_of(model(x))
    amp = torch.bfloat16 if "bfloat16" in setting else None
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)

    def step() -> None:
        train_step(called, batch, loss, optimizer, amp_dtype=amp, channels_last=last)

    seconds = time_on(device, step, repeats=repeats)
    found = {"ms": 1e3 * seconds, "samples a second": shape[0] / seconds, "batch": list(shape), "parameters": count}
    if device.type == "cuda":
        found["peak MB"] = torch.cuda.max_memory_allocated(device) / 1e6
    return found


def launches(device: torch.device, tiny: bool, repeats: int) -> dict[str, Any]:
    """The wrong clock beside the right one, copies from both kinds of memory, and a graph of many small launches."""
    side = 64 if tiny else 4096
    a = torch.randn(side, side, device=device)
    wrong = []
    for _ in range(repeats):
        began = time.perf_counter()
        a @ a
        wrong.append(time.perf_counter() - began)
        torch.get_device_module(device).synchronize()
    found: dict[str, Any] = {
        "product": {
            "side": side,
            "call ms": 1e3 * statistics.median(wrong),
            "done ms": 1e3 * time_on(device, torch.mm, a, a, repeats=repeats),
        }
    }
    if device.type != "cuda":
        return found
    host = torch.empty(64 << 20 if not tiny else 1 << 10, dtype=torch.uint8)
    pinned = host.pin_memory()
    found["copy GB/s"] = {
        name: source.numel()
        / 1e9
        / time_on(device, lambda source=source: source.to(device, non_blocking=True), repeats=repeats)
        for name, source in (("pageable", host), ("pinned", pinned))
    }
    net = nn.Sequential(*(nn.Conv2d(8, 8, 3, padding=1) for _ in range(40))).to(device)
    x = torch.randn(1, 8, 32, 32, device=device)
    with torch.no_grad():
        net(x)
        torch.cuda.synchronize()
        side_stream = torch.cuda.Stream()
        with torch.cuda.stream(side_stream):
            net(x)
        torch.cuda.current_stream().wait_stream(side_stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            net(x)
        found["forty small convolutions ms"] = {
            "launched one by one": 1e3 * time_on(device, net, x, repeats=repeats),
            "one graph": 1e3 * time_on(device, graph.replay, repeats=repeats),
        }
    return found


def ddp(count: int, minutes: float) -> dict[str, float]:
    """Samples a second of the DCGAN generator's training step on 1, 2, ... GPUs, a batch each."""
    found = {}
    for n in sorted({1, 2, count}):
        words = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            str(n),
            __file__,
            "--ddp",
        ]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60 * minutes, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        found[str(n)] = float(json.loads(done.stdout.strip().splitlines()[-1]))
    return found


def one_process() -> None:
    """One of the processes of `ddp`; the first one prints."""
    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(device)
    torch.distributed.init_process_group("nccl")
    make, shape, loss, target_of = models(False)["DCGAN generator"]
    model = nn.parallel.DistributedDataParallel(make().to(device), device_ids=[device.index])
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)
    x = torch.randn(shape, device=device)
    with torch.no_grad():
        batch = x, target_of(model(x))
    seconds = time_on(device, lambda: train_step(model, batch, loss, optimizer, amp_dtype=torch.bfloat16), repeats=20)
    if rank == 0:
        print(json.dumps(count * shape[0] / seconds))
    torch.distributed.destroy_process_group()


def measured(device: torch.device, tiny: bool = False, minutes: float = 7.5) -> dict[str, Any]:
    """Everything, as it is written."""
    began, budget, repeats = time.monotonic(), Budget(minutes), 2 if tiny else 20
    made = {
        "command": "python benchmarks/gpu.py",
        "device": device_name(device),
        "kind": device.type,
        "devices": torch.cuda.device_count() if device.type == "cuda" else 1,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda or "",
        "triton": sys.modules["triton"].__version__ if INSTALLED else "",
        "interpreted": INTERPRETED,
        "tiny": tiny,
    }
    if device.type == "cuda":
        made["memory GB"] = round(torch.cuda.get_device_properties(device).total_memory / 1e9, 1)
    found: dict[str, Any] = {
        "launches": budget.measure("launches", lambda: launches(device, tiny, repeats)),
        "training": training_table(device, tiny, budget, repeats),
        "operator": operator_table(device, TINY if tiny else SHAPES, budget, repeats, compiled=device.type == "cuda"),
    }
    if made["devices"] > 1:
        found["ddp samples a second"] = budget.measure("DDP", lambda: ddp(made["devices"], 1.5), reserve=90.0)
    found |= {"left out": budget.left_out, "failed": budget.failed}
    return {"made": {**made, "minutes": round((time.monotonic() - began) / 60, 2)}, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--device", default=None)
    parser.add_argument("--minutes", type=float, default=7.5)
    parser.add_argument("--tiny", action="store_true", help="small shapes, to see that it runs")
    parser.add_argument("--ddp", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ddp:
        one_process()
        return
    device = pick_device(given.device)
    if given.out == RESULT and (given.tiny or device.type == "cpu"):
        parser.error("the shipped result is of an accelerator; name another file with --out")
    result = measured(device, given.tiny, given.minutes)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for row in result["operator"]:
        print(f"{row['shape']:12} {row['type']:10} {row['way']:28} {row['ms']:9.3f} ms   error {row['error']:.1e}")
    for row in result["training"]:
        print(f"{row['model']:16} {row['setting']:34} {row['ms']:9.2f} ms   {row.get('peak MB', 0):8.0f} MB")
    for name, why in result["failed"].items():
        print(f"failed: {name}: {why}")
    print(
        f"{result['made']['device']}, {result['made']['minutes']} minutes; {len(result['left out'])} left out. {given.out}"
    )


if __name__ == "__main__":
    main()
