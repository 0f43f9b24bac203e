"""Chapter 11's networks: denoising, deblurring, enlarging."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from deconvlib.course.recipes import Options, Recipe, Run

if TYPE_CHECKING:
    import torch

    from deconvlib.course.restoration import Picture, Task
    from deconvlib.course.training import Batches

_STEPS = 100  # batches an epoch
_BATCH = 16
_SMALL = 32  # the side of a small picture that is to be enlarged
_DRAWS = 4  # of the noise, for each picture
_OWN = 400  # windows of a folder's pictures, at most


def _pictures(options: Options, task: Task) -> list[Picture]:
    """The shipped crops, or windows of 256 pixels of a folder's pictures, as luma."""
    from deconvlib.course.restoration import luma, training_pictures

    if options.data is None:
        return [crop for crops in training_pictures().values() for crop in crops]
    import numpy as np

    from deconvlib.course.folders import image_folder

    rng = np.random.default_rng(options.seed)
    found = []
    pictures = image_folder(options.data, smallest=max(64, _SMALL * task.scale))
    for k in range(max(len(pictures), min(_OWN, 4 * len(pictures)))):
        image = pictures[k % len(pictures)]
        top, left = (int(rng.integers(max(1, n - 255))) for n in image.shape[:2])
        found.append(luma(image[top : top + 256, left : left + 256] / 255))
    return [task.target(picture) for picture in found]


def _planes(task: Task, pictures: list[Picture], seed: int) -> Batches:
    """Crops of what was degraded, its classical answers and the truth."""
    from deconvlib.course.restoration import training_planes
    from deconvlib.course.training import random_crops

    planes = training_planes(task, pictures, _DRAWS, seed)
    return random_crops(planes, 40, _BATCH, _STEPS, symmetries=2 if task.mirrored_only else 8)


def _small_and_large(task: Task, pictures: list[Picture]) -> Batches:
    """Crops of small pictures and of what they were made from."""
    import numpy as np
    import torch

    size, scale = _SMALL, task.scale
    truths = [np.ascontiguousarray(task.target(picture)) for picture in pictures]
    pairs = [(task.degrade(truth, rng=np.random.default_rng(0)), truth) for truth in truths]

    def batches(generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        def draw(below: int) -> int:
            return int(torch.randint(below, (), generator=generator))

        def crop() -> tuple[torch.Tensor, torch.Tensor]:
            small, large = pairs[draw(len(pairs))]
            top, left = (draw(n - size + 1) for n in small.shape)
            turned = draw(8)
            parts = []
            for plane, k in ((small, 1), (large, scale)):
                part = plane[k * top : k * (top + size), k * left : k * (left + size)]
                part = np.rot90(part, turned // 2)
                parts.append(torch.from_numpy(np.ascontiguousarray(part[:, ::-1] if turned % 2 else part))[None])
            return parts[0], parts[1]

        for _ in range(_STEPS):
            small, large = zip(*(crop() for _ in range(_BATCH)), strict=True)
            yield torch.stack(small), torch.stack(large)

    return batches


def _run(task_name: str, options: Options, model: torch.nn.Module | None, rate: float, absolute: bool) -> Run:
    import torch
    import torch.nn.functional as F

    from deconvlib.course.restoration import TASKS
    from deconvlib.course.training import GradientStep, warmup_cosine

    task = TASKS[task_name]
    pictures = _pictures(options, task)
    own = model or task.network()
    model = own.to(options.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(model.parameters(), rate)
    pairs = task.scale != 1

    def loss(model: torch.nn.Module, batch: Any) -> dict[str, torch.Tensor]:
        shown, truth = batch if pairs else (batch[:, :-1], batch[:, -1:])
        found = model(shown.contiguous(memory_format=torch.channels_last))
        squares = F.mse_loss(found, truth)
        return {"loss": F.l1_loss(found, truth) if absolute else squares, "psnr": -10 * torch.log10(squares.detach())}

    return Run(
        model=model,
        step=GradientStep(model, loss, optimizer, warmup_cosine(optimizer, options.epochs * _STEPS), clip=0.5),
        batches=_small_and_large(task, pictures) if pairs else _planes(task, pictures, options.seed),
        settings={"pictures": len(pictures)},
    )


def _recipe(
    name: str, about: str, epochs: int, rate: float = 2e-3, absolute: bool = False, network: str = ""
) -> Recipe:
    task = f"enlarge-{name.rpartition('-')[2]}" if network else name

    def prepare(options: Options) -> Run:
        import deconvlib

        model = getattr(deconvlib, network)(int(name.rpartition("-")[2])) if network else None
        return _run(task, options, model, rate, absolute)

    return Recipe(
        name=name,
        about=about,
        data="crops of nine photographs; --data: a folder of images",
        epochs=epochs,
        prepare=prepare,
        own_data=True,
        shipped="float16",
    )


RECIPES = [
    *(
        _recipe(f"denoise-{sigma}", f"takes away noise, sigma {sigma} of 255, beside a sliding cosine transform", 30)
        for sigma in (25, 15, 50)
    ),
    _recipe("deblur-gaussian", "undoes a Gaussian blur, beside three classical answers", 25, rate=1.5e-3),
    _recipe("deblur-motion", "undoes a motion blur, beside three classical answers", 25, rate=1.5e-3),
    *(
        _recipe(f"enlarge-{scale}", f"enlarges {scale} times, with a sub-pixel layer", 50, absolute=True)
        for scale in (2, 3)
    ),
    _recipe("fsrcnn-2", "FSRCNN at the paper's size, enlarges 2 times", 40, rate=1e-3, network="FSRCNN"),
    _recipe("espcn-2", "ESPCN at the paper's size, enlarges 2 times", 30, network="ESPCN"),
]
