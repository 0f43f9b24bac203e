"""Chapter 12's networks: six ways back up on composed scenes, SegNet on a drawn road, and the full sizes on own data."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from deconvlib.course.recipes import Options, Recipe, Run

if TYPE_CHECKING:
    import torch

#: Steps of one epoch, of five: so many that all six ways take nearly the same time on one core.
STEPS = {"bilinear": 106, "sums": 90, "nearest": 70, "transposed": 72, "switches": 64, "copies": 68}
SCENES, ROADS, ROAD_STEPS = 1200, 300, 30
BATCH, RATE = 8, 1e-2


def _drawn(
    images: torch.Tensor, masks: torch.Tensor, size: int, steps: int
) -> Callable[[torch.Generator], Iterator[tuple[torch.Tensor, torch.Tensor]]]:
    """`steps` batches an epoch, drawn from all pictures, half of them mirrored."""
    import torch

    def epoch(generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for _ in range(steps):
            chosen = torch.randint(len(images), (size,), generator=generator)
            mirrored = torch.rand(size, generator=generator) < 0.5
            x, y = images[chosen], masks[chosen]
            yield (
                torch.where(mirrored[:, None, None, None], x.flip(3), x),
                torch.where(mirrored[:, None, None], y.flip(2), y),
            )

    return epoch


def _run(
    model: torch.nn.Module,
    batches: Any,
    steps: int,
    check: tuple[torch.Tensor, torch.Tensor] | None,
    classes: int,
    options: Options,
    rate: float,
    weight: torch.Tensor | None,
    settings: dict[str, Any],
) -> Run:
    import torch
    import torch.nn.functional as F

    from deconvlib.course.folders import IGNORE
    from deconvlib.course.training import GradientStep, warmup_cosine

    model = model.to(options.device)
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, rate, weight_decay=0.01)

    def loss(model: torch.nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return F.cross_entropy(model(batch[0]), batch[1], weight=weight, ignore_index=IGNORE)

    def evaluate() -> dict[str, float]:
        from deconvlib import confusion_matrix, mean_iou

        assert check is not None
        counts = sum(
            confusion_matrix(model(x.to(options.device)).argmax(1).cpu(), y, classes)
            for x, y in zip(check[0].split(25), check[1].split(25), strict=True)
        )
        return {"validation mean IoU": mean_iou(counts)[0]}

    return Run(
        model=model,
        step=GradientStep(model, loss, optimizer, warmup_cosine(optimizer, options.epochs * steps), clip=1.0),
        batches=batches,
        evaluate=evaluate if check is not None else None,
        settings=settings,
    )


def scenes(way: str, options: Options) -> Run:
    """One `Segmenter` on composed scenes."""
    from deconvlib.course.segmenters import GROUPS, Segmenter, balance, grouped_scenes

    images, masks = grouped_scenes(SCENES, "train", seed=options.seed)
    model, steps = Segmenter(way, 3, len(GROUPS)), STEPS[way]
    return _run(
        model,
        _drawn(images, masks, BATCH, steps),
        steps,
        grouped_scenes(100, "validation"),
        len(GROUPS),
        options,
        RATE,
        balance(masks, len(GROUPS)).to(options.device),
        {"way": way, "scenes": SCENES, "batch": BATCH, "steps": steps},
    )


def road(options: Options) -> Run:
    """SegNet, a tenth as wide, on the drawn road."""
    import torch

    from deconvlib import SegNet
    from deconvlib.course.scenes import ROAD_CLASSES, road_scenes
    from deconvlib.course.segmenters import balance

    images, masks = (torch.from_numpy(part) for part in road_scenes(ROADS, seed=options.seed))
    classes, steps = len(ROAD_CLASSES), ROAD_STEPS
    return _run(
        SegNet(3, classes, 0.1),
        _drawn(images, masks, BATCH, steps),
        steps,
        None,
        classes,
        options,
        RATE,
        balance(masks, classes).to(options.device),
        {"roads": ROADS, "batch": BATCH, "steps": steps},
    )


def full_size(network: str, loader: str, options: Options) -> Run:
    """A network of its paper's size on the reader's own copy of a public data set, from VGG-16's convolutions."""

    import deconvlib
    from deconvlib.course import folders
    from deconvlib.course.segmenters import start_from_vgg
    from deconvlib.course.training import random_crops

    if options.data is None:
        raise ValueError(f"{network} at full size needs pictures of yours: --data FOLDER (its help says which)")
    pictures = getattr(folders, loader)(options.data, "train")
    model = getattr(deconvlib, network)(3, len(pictures.classes))
    start_from_vgg(model.encoder)
    steps, batch, size = 500, 4, 320
    crops = random_crops(pictures, size, batch, steps, symmetries=2)

    def batches(generator: torch.Generator) -> Iterator[Any]:
        for x, y in crops(generator):
            yield x - 0.45, y  # about the mean that VGG-16 was given

    settings = {"network": network, "pictures": len(pictures), "steps": steps, "batch": batch, "size": size}
    return _run(model, batches, steps, None, len(pictures.classes), options, 1e-4, None, settings)


_PUBLIC = {
    "FCN8s": ("pascal_voc", "Pascal VOC's folder (VOCdevkit/VOC2012)", "Long and others 2015"),
    "NohDeconvNet": ("pascal_voc", "Pascal VOC's folder (VOCdevkit/VOC2012)", "Noh and others 2015"),
    "SegNet": ("cityscapes", "Cityscapes' folder (leftImg8bit, gtFine)", "Badrinarayanan and others 2017"),
}

RECIPES = [
    *(
        Recipe(
            name=f"scenes-{way}",
            about=f"chapter 12's Segmenter({way!r}, 3, 5): every pixel of a composed scene",
            data=f"{SCENES:,} composed scenes",
            epochs=5,
            prepare=functools.partial(scenes, way),
        )
        for way in STEPS
    ),
    Recipe(
        name="road",
        about="chapter 12's SegNet(3, 8, 0.1): every pixel of a drawn road",
        data=f"{ROADS} drawn roads",
        epochs=5,
        prepare=road,
    ),
    *(
        Recipe(
            name=f"{loader.replace('_', '-')}-{network.lower()}",
            about=f"{network} at full size ({paper}), started from VGG-16; hours on a GPU, not tried here",
            data=f"none shipped; --data: {folder}",
            epochs=50,
            prepare=functools.partial(full_size, network, loader),
            own_data=True,
        )
        for network, (loader, folder, paper) in _PUBLIC.items()
    ),
]
