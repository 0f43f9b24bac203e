"""The command ``python -m deconvlib.train``: it trains a recipe with the loop that the chapters use."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from deconvlib.course.recipes import Options, Recipe, Run, recipes

INTERRUPTED = 130
ENDED_ELSEWHERE = 3


class _Refused(Exception):
    """Something in what was asked for; its text is all that is printed."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Refused(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, and return the exit code: 0, 2 for what cannot be done as asked, 3 where another process of the run has ended,
    130 if it was interrupted."""
    try:
        return _train(arguments)
    except _Refused as refused:
        print(f"deconvlib.train: {refused}", file=sys.stderr)
        return 2


def _parsed(arguments: Sequence[str] | None, known: dict[str, Recipe]) -> argparse.Namespace:
    listed = "\n".join(
        f"  {recipe.name}\n      {recipe.about}\n      data: {recipe.data}\n      epochs: {recipe.epochs}"
        for recipe in known.values()
    )
    parser = _Parser(
        prog="python -m deconvlib.train",
        description="Train the longer version of one of the course's models. Started by torchrun, in several processes.",
        epilog=f"names:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("name", metavar="NAME", help="what to train: one of the names below")
    parser.add_argument("--epochs", type=int, metavar="N", help="how many (default: the recipe's)")
    parser.add_argument("--device", metavar="DEVICE", help="cpu, cuda, cuda:1, mps (default: a GPU if there is one)")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="your own data (default: what the course ships)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where the run is kept (default: runs/NAME)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is drawn (default: 0)")
    parser.add_argument(
        "--amp", choices=("bfloat16", "float16"), metavar="TYPE", help="mixed precision: bfloat16, float16"
    )
    parser.add_argument("--channels-last", action="store_true", help="images channels-last in memory")
    parser.add_argument("--compile", action="store_true", help="compile the model (torch.compile)")
    parser.add_argument(
        "--recompute", action="store_true", help="less memory: compute activations again on the way back"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run that is kept there")
    given = parser.parse_args(arguments)
    if given.name not in known:
        raise _Refused(f"no recipe is named {given.name!r}; there are {', '.join(known)}")
    if given.epochs is not None and given.epochs < 1:
        raise _Refused(f"--epochs must be at least 1, got {given.epochs}")
    if not 0 <= given.seed < 2**32:
        raise _Refused(f"--seed must be from 0 to {2**32 - 1}, got {given.seed}")
    if given.data is not None and not known[given.name].own_data:
        raise _Refused(f"{given.name} takes no --data: {known[given.name].data}")
    return given


def _train(arguments: Sequence[str] | None) -> int:
    known = recipes()
    given = _parsed(arguments, known)
    recipe = known[given.name]
    if importlib.util.find_spec("torch") is None:
        raise _Refused("training needs PyTorch: pip install 'deconvlib[torch]'") from None
    out: Path = given.out or Path("runs") / recipe.name
    checkpoint = out / "run.pt"
    if checkpoint.exists() and not given.resume:
        raise _Refused(f"{checkpoint} holds a run: go on with it (--resume), or name another folder (--out)")
    from deconvlib.course.scaling import EndedElsewhere, Processes, Speed, accelerate

    processes = Processes.around()
    speed = Speed(given.amp or "", given.channels_last, given.compile, given.recompute)
    device = _device(given.device, processes)
    _seed(given.seed)
    epochs = given.epochs or recipe.epochs
    options = Options(epochs=epochs, seed=given.seed, device=device, data=given.data)
    try:
        with processes.together(device):  # after all of them have seen whether a run is kept
            out.mkdir(parents=True, exist_ok=True)
            run = recipe.prepare(options)
            accelerate(run, speed)
            processes.divide(run)
            history = _fitted(recipe, run, options, checkpoint, given.resume, processes)
    except EndedElsewhere as error:
        print(
            f"deconvlib.train: another process of this run has ended, so process {processes.rank} of {processes.count} "
            f"ends too ({error}). Every whole epoch is kept in {checkpoint}; go on with --resume.",
            file=sys.stderr,
        )
        return ENDED_ELSEWHERE
    except (ValueError, OSError, FloatingPointError, ModuleNotFoundError) as error:
        raise _Refused(str(error)) from error
    except KeyboardInterrupt:
        print(f"Interrupted. Every whole epoch is kept in {checkpoint}; go on with --resume.", file=sys.stderr)
        return INTERRUPTED
    if processes.first:
        _keep(out, run, history)
        print(f"Kept in {out}: weights.pt (torch.load), history.json, log.txt.")
    return 0


def _device(name: str | None, processes: Any) -> Any:
    import torch

    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and processes.count > 1:
        name = f"cuda:{processes.local}"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise _Refused(f"--device {name}: this PyTorch has no such device here") from None
    if device.type == "meta":
        raise _Refused("--device meta: nothing can be trained without memory")
    return device


def _seed(seed: int) -> None:
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (for what a recipe's libraries may draw)
    torch.manual_seed(seed)


def _fitted(
    recipe: Recipe, run: Run, options: Options, checkpoint: Path, resume: bool, processes: Any
) -> dict[str, list[float]]:
    import torch

    from deconvlib.course.training import fit

    count = sum(parameter.numel() for parameter in run.model.parameters())
    began, used = time.perf_counter(), time.process_time()
    with open(checkpoint.with_name("log.txt") if processes.first else os.devnull, "a", encoding="utf-8") as log:

        def say(line: str) -> None:
            if not processes.first:
                return
            print(line, flush=True)
            print(line, file=log, flush=True)

        def report(epoch: int, means: dict[str, float]) -> None:
            nonlocal began, used
            now, spent = time.perf_counter(), time.process_time()
            numbers = "  ".join(f"{name} {value:.5g}" for name, value in means.items())
            say(
                f"epoch {epoch:>{len(str(options.epochs))}}/{options.epochs}  {numbers}  {now - began:.1f} s  cpu {spent - used:.1f} s"
            )
            began, used = now, spent

        several = f", {processes.count} processes" if processes.count > 1 else ""
        say(
            f"{recipe.name}: {count:,} parameters, seed {options.seed}, {options.epochs} epochs, {options.device.type}{several}"
        )
        return fit(
            run.step,
            run.batches,
            options.epochs,
            generator=torch.Generator().manual_seed(options.seed),
            state=run.state,
            evaluate=run.evaluate,
            settings={"recipe": recipe.name, "seed": options.seed, "data": _named(options.data), **run.settings},
            checkpoint=checkpoint,
            resume=resume,
            writes=processes.first,
            progress=False,
            report=report,
        )


def _named(folder: Path | None) -> str:
    return "shipped" if folder is None else str(folder.resolve())


def _keep(out: Path, run: Run, history: dict[str, list[float]]) -> None:
    import torch

    torch.save({name: value.cpu() for name, value in run.model.state_dict().items()}, out / "weights.pt")
    (out / "history.json").write_text(json.dumps(history, indent=1) + "\n", encoding="utf-8")
