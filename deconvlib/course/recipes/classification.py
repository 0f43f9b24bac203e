"""Chapter 7's classifier of garments, trained longer. Chapter 13 measures pictures by its features."""

from __future__ import annotations

from deconvlib.course.recipes import Options, Recipe, Run


def garments(options: Options) -> Run:
    import torch
    import torch.nn.functional as F

    from deconvlib import SwitchedCNN
    from deconvlib.course.data import fashion_mnist
    from deconvlib.course.training import GradientStep, minibatches, warmup_cosine

    source = "shipped" if options.data is None else options.data

    def loaded(split: str) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = fashion_mnist(split, source)
        return torch.from_numpy(images)[:, None].float() / 255, torch.from_numpy(labels)

    train, test = loaded("train"), [part.to(options.device) for part in loaded("test")]
    model = SwitchedCNN(1, (32, 64), 10, 28).to(options.device)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.05)
    size = 128

    def augmented(x: torch.Tensor, y: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        mirrored = torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5
        return torch.where(mirrored, x.flip(3), x), y

    def loss(model: torch.nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> dict[str, torch.Tensor]:
        logits = model(batch[0])
        right = (logits.argmax(1) == batch[1]).float().mean()
        return {"loss": F.cross_entropy(logits, batch[1]), "accuracy": right}

    def evaluate() -> dict[str, float]:
        answers = torch.cat([model(part) for part in test[0].split(500)]).argmax(1)
        return {"test accuracy": float((answers == test[1]).double().mean())}

    steps = options.epochs * -(-len(train[0]) // size)
    return Run(
        model=model,
        step=GradientStep(model, loss, optimizer, warmup_cosine(optimizer, steps), clip=1.0),
        batches=minibatches(*train, size=size, augment=augmented),
        evaluate=evaluate,
        settings={"images": len(train[0])},
    )


RECIPES = [
    Recipe(
        name="garments",
        about="chapter 7's SwitchedCNN(1, (32, 64), 10, 28), a classifier of garments",
        data="the 12,000 shipped garments; --data: a folder for all 60,000, as torchvision keeps them",
        epochs=12,
        prepare=garments,
        own_data=True,
        shipped="float16",
    )
]
