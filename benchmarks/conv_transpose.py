"""`deconvlib.fast` beside PyTorch's own transposed convolution on the 23 decoder layers of chapter 14, and end to end.

    python benchmarks/conv_transpose.py [--processes 3] [--rounds 7] [--json FILE]

Every process measures everything anew, one algorithm after the other, round after round, so that a disturbance meets all of
them. A process's number is the median over its rounds (time of the processor, one thread) or the least (time of the clock,
two threads: other programs may run on the cores); the table shows the median over the processes, and the extremes.

The rival is the better of PyTorch's two memory layouts, measured in the same rounds; so is ours. Ratios carry from one machine
to another of its kind, seconds do not. Where `choose` leaves PyTorch's own, the ratio says what the choosing costs.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 6_000_000_000  # multiplications: what needs more is counted and not measured
LARGEST_SPECTRUM = 60_000_000  # numbers


def rounds_of(
    functions: dict[str, Callable[[], Any]], rounds: int, threads: int, least: float = 0.01
) -> dict[str, float]:
    """Seconds of each function, interleaved."""
    clock, pick = (time.process_time, statistics.median) if threads == 1 else (time.perf_counter, min)
    repeats = {}
    for name, function in functions.items():
        function()
        start = time.process_time()
        function()
        repeats[name] = max(1, int(least * threads / max(time.process_time() - start, 1e-6)))
    found: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            start = clock()
            for _ in range(repeats[name]):
                function()
            found[name].append((clock() - start) / repeats[name])
    return {name: pick(times) for name, times in found.items()}


def peak(rounds: int, threads: int) -> dict[str, float]:
    """Billions of multiplications a second of a large matrix product, and of bytes moved by a copy."""
    import torch

    a, b, c = (torch.randn(1024, 1024) for _ in range(3))
    large, other = torch.randn(16_000_000), torch.empty(16_000_000)
    found = rounds_of({"product": lambda: torch.mm(a, b, out=c), "copy": lambda: other.copy_(large)}, rounds, threads)
    return {"gmacs": 1024**3 / found["product"] / 1e9, "gbytes": 2 * 4 * 16e6 / found["copy"] / 1e9}


def of_layers(rounds: int, threads: int) -> dict[str, dict[str, float]]:
    import torch
    import torch.nn.functional as F

    from deconvlib import fast
    from deconvlib.course.decoders import DECODERS

    found = {}
    for one in DECODERS:
        torch.manual_seed(0)
        y, w = torch.randn(one.shape), torch.randn(one.weight_shape) / 100
        last = [x.contiguous(memory_format=torch.channels_last) for x in (y, w)]
        settings = None, one.stride, one.padding, one.more
        with torch.no_grad():
            assert torch.allclose(
                fast.conv_transpose2d(y, w, *settings), F.conv_transpose2d(y, w, *settings), rtol=0, atol=1e-4
            )
            functions = {
                "pytorch": functools.partial(F.conv_transpose2d, y, w, *settings),
                "pytorch, channels last": functools.partial(F.conv_transpose2d, *last, *settings),
                "fast": functools.partial(fast.conv_transpose2d, y, w, *settings),
                "fast, channels last": functools.partial(fast.conv_transpose2d, *last, *settings),
            }
            times = rounds_of(functions, rounds, threads)
        found[one.name] = times
    return found


def of_training(rounds: int) -> dict[str, dict[str, float]]:
    """Forward and backward, for the layers where the rule leaves PyTorch's own."""
    import torch
    import torch.nn.functional as F

    from deconvlib import fast
    from deconvlib.course.decoders import DECODERS

    found = {}
    for one in DECODERS:
        y, w = torch.randn(one.shape, requires_grad=True), (torch.randn(one.weight_shape) / 100).requires_grad_()
        settings = None, one.stride, one.padding, one.more
        if fast.choose(y, w, *settings) == "pytorch":
            continue
        last = [x.detach().contiguous(memory_format=torch.channels_last).requires_grad_() for x in (y, w)]

        def step(function: Callable[..., Any], y: Any, w: Any, settings: Any = settings) -> Any:
            return lambda: torch.autograd.grad(function(y, w, *settings).sum(), (y, w))

        functions = {
            "pytorch": step(F.conv_transpose2d, y, w),
            "pytorch, channels last": step(F.conv_transpose2d, *last),
            "fast": step(fast.conv_transpose2d, y, w),
            "fast, channels last": step(fast.conv_transpose2d, *last),
        }
        found[one.name] = rounds_of(functions, rounds, 1)
    return found


def of_algorithms() -> dict[str, dict[str, float]]:
    """The chapter's own programs, once and roughly, one thread."""
    import torch
    import torch.nn.functional as F

    from deconv_solutions.fast_algorithms import conv_transpose2d_fft, conv_transpose2d_polyphase, conv_transpose_macs
    from deconvlib.course.decoders import ALGORITHMS, DECODERS

    def zero_insertion(y: Any, w: Any, stride: int, padding: int, more: int) -> Any:
        spread = y.new_zeros(*y.shape[:2], *((n - 1) * stride + 1 for n in y.shape[2:]))
        spread[:, :, ::stride, ::stride] = y
        edge = w.shape[2] - 1 - padding
        spread = F.pad(spread, (edge, edge + more, edge, edge + more))
        return F.conv2d(spread, w.flip(2, 3).transpose(0, 1))

    def gemm(y: Any, w: Any, stride: int, padding: int, more: int) -> Any:
        out = (y.shape[2] - 1) * stride + w.shape[2] - 2 * padding + more
        return F.fold(w.flatten(1).T @ y.flatten(2), out, w.shape[2], padding=padding, stride=stride)

    programs = {
        "zero_insertion": zero_insertion,
        "gemm": gemm,
        "polyphase": lambda y, w, *settings: conv_transpose2d_polyphase(y, w, None, *settings),
        "fft": lambda y, w, *settings: conv_transpose2d_fft(y, w, None, *settings),
    }
    found: dict[str, dict[str, float]] = {}
    for one in DECODERS:
        y, w, settings = (
            torch.randn(one.shape),
            torch.randn(one.weight_shape) / 100,
            (one.stride, one.padding, one.more),
        )
        functions = {}
        for name in ALGORITHMS:
            count = conv_transpose_macs(one.shape, one.weight_shape, one.stride, one.padding, name)
            too_much = one.numbers(name) > LARGEST_SPECTRUM if name == "fft" else count > LARGEST
            if not too_much:
                functions[name] = functools.partial(programs[name], y, w, *settings)
        with torch.no_grad():
            found[one.name] = rounds_of(functions, 3, 1, least=0.0)
    return found


def of_models(rounds: int, threads: int) -> dict[str, dict[str, float]]:
    """Whole models, before and after `replace_transposed`; chapter 8's `project` with one function for the other."""
    import copy

    import torch

    from deconv_solutions import deconvnet
    from deconv_solutions.generation import DCGANGenerator
    from deconv_solutions.restoration import FSRCNN
    from deconvlib import fast
    from deconvlib.course.data import photograph
    from deconvlib.course.networks import vgg16, vgg16_input

    found = {}
    inputs = {f"FSRCNN x{s}, 128 x 128": (FSRCNN(s), torch.rand(1, 1, 128, 128)) for s in (2, 3, 4)}
    inputs["DCGAN generator, 64 codes"] = (DCGANGenerator(), torch.randn(64, 32))
    for name, (model, x) in inputs.items():
        model.eval()
        swapped = copy.deepcopy(model)
        assert fast.replace_transposed(swapped)
        with torch.no_grad():
            assert torch.allclose(model(x), swapped(x), rtol=0, atol=1e-4)
            found[name] = rounds_of(
                {"pytorch": functools.partial(model, x), "fast": functools.partial(swapped, x)}, rounds, threads
            )
    net = vgg16()
    image, plain = vgg16_input(photograph("chelsea", gray=False), net), deconvnet.conv2d_input

    def ours(shape: Any, weight: Any, back: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
        return fast.conv_transpose2d(back, weight, None, stride, padding, 0, groups, dilation)

    def projected(function: Any) -> Any:
        deconvnet.conv2d_input = function  # type: ignore[attr-defined]
        try:
            return deconvnet.project(net, image, "conv4_3", 100)
        finally:
            deconvnet.conv2d_input = plain  # type: ignore[attr-defined]

    assert torch.allclose(projected(plain), projected(ours), rtol=0, atol=1e-4)
    functions = {"pytorch": lambda: projected(plain), "fast": lambda: projected(ours)}
    found["project, VGG-16, conv4_3"] = rounds_of(functions, max(2, rounds // 2), threads, least=0.0)
    return found


def process(rounds: int, threads: int) -> dict[str, Any]:
    import torch

    torch.set_num_threads(threads)
    found: dict[str, Any] = {"peak": peak(rounds, threads), "layers": of_layers(rounds, threads)}
    found["models"] = of_models(rounds, threads)
    if threads == 1:
        found["training"] = of_training(rounds)
        found["algorithms"] = of_algorithms()
    return found


def measure(processes: int = 3, rounds: int = 7) -> dict[str, Any]:
    """What all processes found: for every number the median over them, and for every ratio the extremes too."""
    found: dict[str, Any] = {"processes": processes, "rounds": rounds}
    for threads in (1, 2):
        runs = []
        for run in range(processes):
            words = [sys.executable, __file__, "--worker", str(threads), "--rounds", str(rounds)]
            done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT)
            runs.append(json.loads(done.stdout.splitlines()[-1]))
            print(
                f"{threads} thread{'s' * (threads > 1)}, process {run + 1} of {processes}", file=sys.stderr, flush=True
            )
        found[f"threads {threads}"] = _together(runs)
    return found


def _together(runs: list[dict[str, Any]]) -> dict[str, Any]:
    import torch

    from deconvlib.course.decoders import DECODERS
    from deconvlib.fast import choose

    rate = statistics.median(run["peak"]["gmacs"] for run in runs)
    found: dict[str, Any] = {
        "peak": {key: round(statistics.median(run["peak"][key] for run in runs), 1) for key in runs[0]["peak"]}
    }
    for group in ("layers", "training", "models"):
        found[group] = {name: _ratio([run[group][name] for run in runs]) for name in runs[0].get(group, {})}
    if "algorithms" in runs[0]:
        found["algorithms"] = {
            name: {key: _short(statistics.median(run["algorithms"][name][key] for run in runs)) for key in times}
            for name, times in runs[0]["algorithms"].items()
        }
    for one in DECODERS:
        row = found["layers"][one.name]
        y, w = torch.empty(one.shape), torch.empty(one.weight_shape)
        row["algorithm"] = choose(y, w, None, one.stride, one.padding, one.more)
        for which in ("pytorch", "fast"):
            row[f"{which}, share of peak"] = round(one.macs / (row[which] / 1e3) / 1e9 / rate, 3)
    return found


def _ratio(runs: list[dict[str, float]]) -> dict[str, Any]:
    """Milliseconds of the better layout of both, and how many times as fast ours is: median, least and most."""
    best = [
        {which: min(t for key, t in run.items() if key.startswith(which)) for which in ("pytorch", "fast")}
        for run in runs
    ]
    ratios = sorted(run["pytorch"] / run["fast"] for run in best)
    layouts = [key.removeprefix("pytorch") for key in runs[0] if key.startswith("pytorch")]
    alike = [min(run[f"pytorch{layout}"] / run[f"fast{layout}"] for layout in layouts) for run in runs]
    return {
        **{which: _short(statistics.median(run[which] for run in best)) for which in ("pytorch", "fast")},
        "times": round(statistics.median(ratios), 3),
        "least": round(ratios[0], 3),
        "most": round(ratios[-1], 3),
        "times, each layout by itself, the worse": round(statistics.median(alike), 3),
    }


def _short(seconds: float) -> float:
    """Milliseconds with three digits."""
    return float(f"{seconds * 1e3:.3g}")


def show(found: dict[str, Any]) -> None:
    for threads in ("threads 1", "threads 2"):
        part = found[threads]
        peak = part["peak"]
        print(
            f"\n{threads}: peak {peak['gmacs']:.1f} GMAC/s, {peak['gbytes']:.1f} GB/s; milliseconds, of the better layout"
        )
        print(f"{'':28}{'PyTorch':>9}{'fast':>9}{'times':>8}{'least':>8}{'most':>8}{'share of peak':>20}")
        for group in ("layers", "training", "models"):
            print(group)
            for name, row in part[group].items():
                share = (
                    f"{row['pytorch, share of peak']:.2f} to {row['fast, share of peak']:.2f}"
                    if group == "layers"
                    else ""
                )
                print(
                    f"  {name:26}{row['pytorch']:9.3g}{row['fast']:9.3g}{row['times']:8.2f}{row['least']:8.2f}"
                    f"{row['most']:8.2f}{share:>20}"
                )
        times = [row["times"] for row in part["layers"].values()]
        print(f"  geometric mean of {len(times)}: {statistics.geometric_mean(times):.2f}; least {min(times):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(process(options.rounds, options.worker)))
        return
    found = measure(options.processes, options.rounds)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    show(found)


if __name__ == "__main__":
    main()
