"""One training loop for all of Part III, and checkpoints from which a run goes on as if it had never stopped. Needs PyTorch.

`fit` runs epochs and keeps the books; a *step* does the learning. `GradientStep` is the ordinary step: loss, gradient,
optimizer. Another one, such as a GAN's with its two optimizers, is any function of a batch that returns named numbers.

Nothing here knows of processes. For several of them (`deconvlib.course.scaling`, chapter 15) what the step calls is a
DistributedDataParallel, each process draws the same order from the same generator and takes its share of every batch, and
all but one pass ``writes=False``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from deconvlib.course.checkpoints import fingerprint, restore, snapshot, write_checkpoint

Batches = Callable[[torch.Generator], Iterable[Any]]
Step = Callable[[Any], Mapping[str, Any]]
History = dict[str, list[float]]


def fit(
    step: Step,
    batches: Batches | Iterable[Any],
    epochs: int,
    *,
    generator: torch.Generator,
    state: Mapping[str, Any] | None = None,
    evaluate: Callable[[], Mapping[str, float]] | None = None,
    settings: Mapping[str, Any] | None = None,
    checkpoint: str | Path | None = None,
    every: int = 1,
    resume: bool = False,
    writes: bool = True,
    progress: bool | None = None,
    report: Callable[[int, dict[str, float]], None] | None = None,
) -> History:
    """Train, and return what was measured: name -> one number an epoch.

    Parameters
    ----------
    step
        Learns from one batch and returns named numbers, such as ``{"loss": 0.3}``. Their means over an epoch are kept.
    batches
        ``batches(generator)`` gives the batches of one epoch (`minibatches` makes such a function). Every draw, of the
        order and of augmentation, comes from the generator. A DataLoader will do too.
    epochs
        How many, those before an interruption included.
    generator
        Where the draws come from.
    state
        Name -> whatever learns or counts: modules, optimizers, schedulers, averages, further generators (torch's, NumPy's
        or Python's). Left out, it is ``step.state``, which a `GradientStep` has.
    evaluate
        Called after each epoch, modules in evaluation mode, without gradients; its numbers are kept too.
    settings
        What makes this run this one, besides what `state` tells: names of data, seeds, sizes. Plain values.
    checkpoint
        A file that is written every `every` epochs and at the end, whole or not at all.
    resume
        Go on from `checkpoint`, if it is there. Interrupted at any moment, the run ends with the same numbers, to the last
        bit on a CPU.
    writes
        Whether this process writes the checkpoint.
    progress
        Show a bar. Left open: when standard error is a terminal and the run takes more than ten seconds.
    report
        ``report(epoch, means)`` is called after each epoch, the first of which is 1.

    Raises
    ------
    CheckpointError
        If the checkpoint is damaged, no checkpoint, or one of another run: the message says where they differ.
    FileExistsError
        If there is a checkpoint and `resume` is not asked for.
    FloatingPointError
        If a number is not finite at the end of an epoch. The checkpoint before it is kept.
    """
    parts = {"generator": generator, **(step.state if state is None else state)}  # type: ignore[attr-defined]
    modules = [part for part in parts.values() if isinstance(part, nn.Module)]
    known = fingerprint(parts, {"epochs": epochs, **getattr(step, "settings", {}), **(settings or {})})
    history: History = {}
    done = 0
    if checkpoint is not None and Path(checkpoint).exists():
        if not resume:
            raise FileExistsError(f"{checkpoint} holds a run: pass resume=True to go on with it, or name another file")
        done, history = restore(Path(checkpoint), parts, known)
    with _bar(range(done, epochs), epochs, progress) as counted:
        for epoch in counted:
            for module in modules:
                module.train()
            means = _mean(step(batch) for batch in (batches(generator) if callable(batches) else batches))
            if evaluate is not None:
                for module in modules:
                    module.eval()
                with torch.no_grad():
                    means |= {name: float(value) for name, value in evaluate().items()}
            _require_finite(means, epoch)
            for name, value in means.items():
                history.setdefault(name, []).append(value)
            if checkpoint is not None and writes and ((epoch + 1) % every == 0 or epoch + 1 == epochs):
                write_checkpoint(Path(checkpoint), snapshot(parts, known, epoch + 1, history))
            if report is not None:
                report(epoch + 1, means)
    for module in modules:
        module.eval()
    return history


class GradientStep:
    """The ordinary step: the loss of a batch, its gradient, and the optimizer's move.

    Parameters
    ----------
    model
        What learns. Batches are moved to the device it is on.
    loss
        ``loss(model, batch)``: a tensor to make small, or named tensors, of which the one called ``"loss"`` is.
    optimizer
        Of the model's parameters.
    scheduler
        Moves after every batch.
    average
        A ``torch.optim.swa_utils.AveragedModel`` that follows the model after every batch.
    clip
        The greatest norm of the gradient.
    amp_dtype
        ``torch.bfloat16`` or ``torch.float16``: the forward pass in mixed precision. With float16 the loss is scaled.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[nn.Module, Any], torch.Tensor | Mapping[str, torch.Tensor]],
        optimizer: torch.optim.Optimizer,
        scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
        average: torch.optim.swa_utils.AveragedModel | None = None,
        clip: float | None = None,
        amp_dtype: torch.dtype | None = None,
    ) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.scheduler, self.average = scheduler, average
        self.clip, self.amp_dtype = clip, amp_dtype
        self.called: Any = model  # what the loss calls: the model, or the model compiled, or spread over processes
        self.channels_last = False  # how images are handed to it
        self.weight = 1.0  # of this batch's loss: its share, where processes have unequal ones
        self.device = next(model.parameters()).device
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=amp_dtype is torch.float16)

    @property
    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        parts = {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler, "average": self.average}
        return {name: part for name, part in (parts | {"scaler": self.scaler}).items() if part is not None}

    @property
    def settings(self) -> dict[str, Any]:
        """What makes the run another one if it changes."""
        return {"clip": self.clip, "amp_dtype": str(self.amp_dtype)}

    def __call__(self, batch: Any) -> dict[str, torch.Tensor]:
        batch = to_device(batch, self.device)
        if self.channels_last:
            batch = as_channels_last(batch)
        self.optimizer.zero_grad()
        with torch.autocast(self.device.type, self.amp_dtype, enabled=self.amp_dtype is not None):
            found = self.loss(self.called, batch)
        losses = dict(found) if isinstance(found, Mapping) else {"loss": found}
        self.scaler.scale(losses["loss"] * self.weight if self.weight != 1 else losses["loss"]).backward()
        if self.clip is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.scheduler is not None:
            self.scheduler.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        return losses


def minibatches(
    *tensors: torch.Tensor,
    size: int,
    augment: Callable[..., Any] | None = None,
    shuffle: bool = True,
) -> Batches:
    """Batches of tensors that belong together, in an order drawn anew each epoch.

    ``augment(*batch, generator)`` may change a batch; it must draw from the generator. A batch is a tuple of tensors, or
    the tensor itself if there is one. The last batch holds what is left.
    """
    if not tensors or len({len(tensor) for tensor in tensors}) != 1:
        raise ValueError(f"tensors must be equally many of each kind, got {[len(tensor) for tensor in tensors]}")

    def epoch(generator: torch.Generator) -> Iterator[Any]:
        count = len(tensors[0])
        order = torch.randperm(count, generator=generator) if shuffle else torch.arange(count)
        for chosen in order.split(size):
            batch = tuple(tensor[chosen] for tensor in tensors)
            found = augment(*batch, generator) if augment else batch
            yield found[0] if isinstance(found, tuple) and len(found) == 1 else found

    return epoch


def random_crops(pictures: Sequence[Any], size: int, batch: int, count: int, symmetries: int = 8) -> Batches:
    """`count` batches an epoch of square crops of pictures, drawn anew each time.

    Parameters
    ----------
    pictures
        Arrays (H, W) or (H, W, 3), bytes or floats in [0, 1], or pairs of such an array and its mask (H, W).
    size
        Of a crop. A picture that is smaller is filled up: by reflection; its mask with 255, which is to be ignored.
    batch, count
        Crops in a batch, batches in an epoch.
    symmetries
        1: as they are. 2: half of them mirrored left to right. 8: turned and mirrored in all eight ways.

    Returns
    -------
    callable
        For `fit`: gives float32 (batch, channels, size, size) in [0, 1], with masks also int64 (batch, size, size).
    """
    if symmetries not in (1, 2, 8):
        raise ValueError(f"symmetries must be 1, 2 or 8, got {symmetries!r}")
    if not len(pictures):
        raise ValueError("pictures must not be empty")

    def crop(generator: torch.Generator) -> tuple[torch.Tensor, ...]:
        def draw(below: int) -> int:
            return int(torch.randint(below, (), generator=generator))

        chosen = pictures[draw(len(pictures))]
        planes = [
            _filled(np.asarray(one), size, k == 1)
            for k, one in enumerate(chosen if isinstance(chosen, tuple) else (chosen,))
        ]
        top, left = (draw(n - size + 1) for n in planes[0].shape[:2])
        turned = draw(symmetries)
        found = []
        for k, plane in enumerate(planes):
            part = plane[top : top + size, left : left + size]
            part = np.rot90(part, turned // 2) if symmetries == 8 else part
            part = np.ascontiguousarray(part[:, ::-1] if turned % 2 else part)
            found.append(torch.from_numpy(part).long() if k == 1 else _as_image(part))
        return tuple(found)

    def epoch(generator: torch.Generator) -> Iterator[Any]:
        for _ in range(count):
            parts = tuple(torch.stack(kind) for kind in zip(*(crop(generator) for _ in range(batch)), strict=True))
            yield parts if len(parts) > 1 else parts[0]

    return epoch


def _filled(plane: np.ndarray, size: int, is_mask: bool) -> np.ndarray:
    missing = [(0, max(0, size - n)) for n in plane.shape[:2]] + [(0, 0)] * (plane.ndim - 2)
    if not any(after for _, after in missing):
        return plane
    return np.pad(plane, missing, constant_values=255) if is_mask else np.pad(plane, missing, mode="symmetric")


def _as_image(part: np.ndarray) -> torch.Tensor:
    image = torch.from_numpy(part)
    image = image.float() / 255 if image.dtype is torch.uint8 else image.float()
    return image[None] if image.ndim == 2 else image.permute(2, 0, 1)


def warmup_cosine(
    optimizer: torch.optim.Optimizer, steps: int, warmup: float = 0.05
) -> torch.optim.lr_scheduler.LambdaLR:
    """A rate that rises over the first `warmup` of the steps, then falls to 0 as a cosine does."""
    rising = max(1, round(warmup * steps))

    def factor(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rising) / max(1, steps - rising))))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def to_device(batch: Any, device: torch.device | str) -> Any:
    """A batch, a tensor or tensors in tuples, lists and dicts, on a device."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, tuple | list):
        return type(batch)(to_device(part, device) for part in batch)
    if isinstance(batch, Mapping):
        return {name: to_device(part, device) for name, part in batch.items()}
    return batch


def as_channels_last(batch: Any) -> Any:
    """A batch whose images lie channels-last in memory."""
    if isinstance(batch, torch.Tensor):
        return batch.contiguous(memory_format=torch.channels_last) if batch.ndim == 4 else batch
    if isinstance(batch, tuple | list):
        return type(batch)(map(as_channels_last, batch))
    if isinstance(batch, Mapping):
        return {name: as_channels_last(part) for name, part in batch.items()}
    return batch


def _mean(measured: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The means of named numbers. Tensors are read at the end only, so that a GPU is not waited for."""
    sums: dict[str, Any] = {}
    count = 0
    for numbers in measured:
        count += 1
        for name, value in numbers.items():
            value = _exact(value.detach()) if isinstance(value, torch.Tensor) else float(value)
            sums[name] = value if name not in sums else sums[name] + value
    if not count:
        raise ValueError("an epoch has no batches: the data are empty, or the batches were used up by an earlier epoch")
    return {name: float(total) / count for name, total in sums.items()}


def _exact(value: torch.Tensor) -> torch.Tensor:
    return value.float() if value.device.type == "mps" else value.double()  # Apple's GPUs have no float64


def _require_finite(means: Mapping[str, float], epoch: int) -> None:
    odd = [f"{name} is {value}" for name, value in means.items() if not math.isfinite(value)]
    if odd:
        raise FloatingPointError(f"epoch {epoch + 1}: {', '.join(odd)}. Try a smaller rate, or a clipped gradient.")


class _bar:
    """The epochs, counted on a terminal by tqdm when that takes long."""

    def __init__(self, epochs: range, total: int, asked: bool | None) -> None:
        self.epochs: Any = epochs
        if asked or (asked is None and sys.stderr is not None and sys.stderr.isatty()):
            try:
                from tqdm import tqdm
            except ImportError:
                return
            delay = 0 if asked else 10
            self.epochs = tqdm(epochs, initial=epochs.start, total=total, unit="epoch", delay=delay)

    def __enter__(self) -> Iterable[int]:
        return self.epochs

    def __exit__(self, *_: object) -> None:
        if hasattr(self.epochs, "close"):
            self.epochs.close()
