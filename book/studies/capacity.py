"""Chapter 16: what parameters buy and what they cost. Four parts, each run kept in build/study/capacity until all are there.

*decoders*: the hourglass with four builds of its decoder and three widths, all trained alike on chapter 11's nine
photographs, scored on the fifteen held out. The rate of each build was chosen on two of the nine, after a training on the
other seven. *cut*: full decoders made thinner afterward by their singular values, with no further training. *gap*: training
sets of tiles from small to large, and widths from narrow to wide. *remedies*: each alone on one small set, as many steps
each; how strong is chosen on the validation tiles of a seed that is not reported. *prior*: one decoder draws one noisy
picture; the step to stop at is chosen on two photographs to train on.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import mse_loss

from deconvlib.course.capacity import (
    DECODERS,
    SIGMA,
    UPS,
    Hourglass,
    fitted,
    held_out,
    mean_psnr,
    noisy_crops,
    tiles,
)
from deconvlib.course.restoration import held_out_pictures, training_pictures
from deconvlib.course.training import GradientStep, fit, warmup_cosine

KEPT = Path(__file__).resolve().parents[2] / "build" / "study" / "capacity"
WIDTHS, SEEDS = (8, 16, 32), (0, 1, 2)
STEPS, BATCH, CROP = 300, 8, 48
RATES = (2e-3, 4e-3, 8e-3, 1.6e-2)
RANKS = (1, 2, 4, 8, 12, 16, 24, 32)

EPOCHS, EPOCH, TILES = 16, 25, 16  # steps of an epoch, tiles of a batch
COUNTS, NARROW = (16, 64, 256, 1024), (4, 8, 16)
SMALL, WIDE, RATE = 16, 32, 4e-3
REMEDY_SEEDS, CHOOSING = (0, 1, 2, 3), 100
STRENGTHS = {"weight decay": (0.1, 1.0, 4.0), "dropout": (0.05, 0.15, 0.3)}

SIDE, FIT_STEPS, PRIOR_TEST = 96, 200, ("astronaut", "chelsea", "coffee")


def kept(name: str, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a run found, from its file if it has one, with the processor's seconds."""
    path = KEPT / f"{name}.json"
    if not path.is_file():
        before = time.process_time()
        found = run()
        found["seconds"] = round(time.process_time() - before, 1)
        KEPT.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found), encoding="utf-8")
        print(name, {key: value for key, value in found.items() if not isinstance(value, list)}, flush=True)
    return json.loads(path.read_text(encoding="utf-8"))


def loss(net: torch.nn.Module, batch: Any) -> torch.Tensor:
    noisy, clean = batch
    return mse_loss(net(noisy), clean)


def parameters(net: torch.nn.Module) -> int:
    return sum(one.numel() for one in net.parameters())


# Decoders


def trained(width: int, decoder: str, rate: float, seed: int, steps: int, pictures: list[Any]) -> Hourglass:
    torch.manual_seed(seed)
    net = Hourglass(width, decoder).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), rate)
    step = GradientStep(net, loss, optimizer, warmup_cosine(optimizer, steps), clip=0.5)
    fit(step, noisy_crops(pictures, CROP, BATCH, steps), 1, generator=torch.Generator().manual_seed(seed))
    return net


def choose_rate(decoder: str, rate: float) -> dict[str, Any]:
    *first, one, other = training_pictures().values()
    net = trained(16, decoder, rate, CHOOSING, STEPS // 2, [crop for crops in first for crop in crops])
    clean = torch.stack([torch.from_numpy(crop) for crops in (one, other) for crop in crops])[:, None]
    noisy = clean + SIGMA * torch.randn(clean.shape, generator=torch.Generator().manual_seed(CHOOSING))
    return {"decoder": decoder, "rate": rate, "psnr": round(mean_psnr(net, noisy, clean), 2)}


def decoder_run(width: int, decoder: str, rate: float, seed: int) -> dict[str, Any]:
    crops = [crop for crops in training_pictures().values() for crop in crops]
    net = trained(width, decoder, rate, seed, STEPS, crops)
    row = {"width": width, "decoder": decoder, "rate": rate, "seed": seed, "parameters": parameters(net)}
    up = net.decoder[0]
    row["of the layer"] = parameters(up)
    row["psnr"] = round(mean_psnr(net, *held_out()), 2)
    if decoder == "full" and width == WIDE:
        row["cut"] = [[rank, round(mean_psnr(cut(net, rank), *held_out()), 2)] for rank in RANKS if rank <= 2 * width]
    return row


def cut(net: Hourglass, rank: int) -> Hourglass:
    """With the wide layer of the decoder replaced by two of the given rank."""
    from deconvlib import low_rank_transpose

    thin, layer = copy.deepcopy(net), net.decoder[0]
    assert isinstance(layer, torch.nn.ConvTranspose2d)
    squeeze, expand = low_rank_transpose(layer.weight.detach(), rank)
    first = torch.nn.Conv2d(layer.in_channels, rank, 1, bias=False)
    second = torch.nn.ConvTranspose2d(rank, layer.out_channels, 4, stride=2, padding=1)
    first.weight.data, second.weight.data = squeeze, expand
    assert layer.bias is not None
    assert second.bias is not None
    second.bias.data = layer.bias.data
    thin.decoder[0] = torch.nn.Sequential(first, second)
    return thin


# Overfitting


def overfit(
    count: int,
    width: int,
    seed: int,
    decoder: str = "full",
    decay: float = 0.0,
    dropout: float = 0.0,
    turned: bool = False,
    fresh: bool = False,
) -> dict[str, Any]:
    """Losses (times 10,000) after each epoch of as many steps, whatever the set's size; the test set at the end and at the best."""
    sets = tiles(seed, count)
    torch.manual_seed(seed)
    net = Hourglass(width, decoder, dropout=dropout).to(memory_format=torch.channels_last)
    step = GradientStep(net, loss, torch.optim.AdamW(net.parameters(), RATE, weight_decay=decay), clip=0.5)
    noisy, clean = sets["train"]

    def batches(generator: torch.Generator) -> Any:
        for _ in range(EPOCH):
            chosen = torch.randperm(count, generator=generator)[:TILES]
            x, truth = noisy[chosen], clean[chosen]
            if fresh:
                x = truth + SIGMA * torch.randn(truth.shape, generator=generator)
            if turned:
                k = int(torch.randint(8, (), generator=generator))
                x, truth = (torch.rot90(part, k // 2, (2, 3)) for part in (x, truth))
                x, truth = (part.flip(3) if k % 2 else part for part in (x, truth))
            yield x, truth

    best: dict[str, Any] = {}

    def evaluate() -> dict[str, float]:
        found = {
            name: 1e4 * float(mse_loss(net(x[:128]), truth[:128]))
            for name, (x, truth) in sets.items()
            if name != "test"
        }
        if found["validation"] < best.get("validation", float("inf")):
            best.update(found, state=copy.deepcopy(net.state_dict()))
        return found

    history = fit(step, batches, EPOCHS, generator=torch.Generator().manual_seed(seed), evaluate=evaluate)
    found = {"count": count, "width": width, "seed": seed, "parameters": parameters(net)}
    found |= {name: [round(value, 2) for value in history[name]] for name in ("train", "validation")}
    for when in ("end", "stopped"):
        if when == "stopped":
            net.load_state_dict(best["state"])
        with torch.no_grad():
            x, truth = sets["test"]
            found[f"test, {when}"] = round(1e4 * float(mse_loss(net(x), truth)), 2)
        found[f"photographs, {when}"] = round(mean_psnr(net, *held_out()), 2)
    return found


REMEDIES: dict[str, dict[str, Any]] = {
    "more by turning": {"turned": True},
    "fresh noise": {"fresh": True},
    "tied weights": {"decoder": "tied"},
}


def remedies() -> dict[str, Any]:
    words, chosen = dict(REMEDIES), {}
    for name, strengths in STRENGTHS.items():
        key = "decay" if name == "weight decay" else name
        tried = []
        for strength in strengths:
            row = kept(f"choose-{key}-{strength}", lambda s=strength, k=key: overfit(SMALL, WIDE, CHOOSING, **{k: s}))  # type: ignore[misc]
            tried.append([strength, row["validation"][-1]])
        best = min(tried, key=lambda pair: pair[1])[0]
        words[name], chosen[name] = {key: best}, {"value": best, "tried": tried}
    none = kept(f"choose-none-{CHOOSING}", lambda: overfit(SMALL, WIDE, CHOOSING))
    rows: dict[str, list[Any]] = {
        "none": [kept(f"gap-{SMALL}-{WIDE}-{s}", lambda s=s: overfit(SMALL, WIDE, s)) for s in REMEDY_SEEDS]
    }  # type: ignore[misc]
    for name, settings in words.items():
        rows[name] = [
            kept(f"remedy-{name}-{seed}".replace(" ", "-"), lambda w=settings, s=seed: overfit(SMALL, WIDE, s, **w))  # type: ignore[misc]
            for seed in REMEDY_SEEDS
        ]
    return {"chosen": chosen, "without": none["validation"][-1], "rows": rows}


# A decoder as a prior


def prior_run(picture: str, seed: int, up: str, target: str = "noisy", held: bool = True) -> dict[str, Any]:
    pictures = held_out_pictures() if held else {name: crops[0] for name, crops in training_pictures().items()}
    full = torch.from_numpy(pictures[picture])
    top, left = ((n - SIDE) // 2 for n in full.shape)
    truth = full[None, None, top : top + SIDE, left : left + SIDE]
    generator = torch.Generator().manual_seed(seed)
    noise = SIGMA * torch.randn(truth.shape, generator=generator)
    targets = {
        "noisy": truth + noise,
        "clean": truth,
        "noise": 0.5 + noise * float(truth.std()) / SIGMA,  # as much contrast as the photograph
    }
    way, _, _ = fitted(targets[target], truth, FIT_STEPS, seed, up)
    row: dict[str, Any] = {"picture": picture, "seed": seed, "up": up, "target": target}
    row["noisy psnr"] = round(float(-10 * (targets["noisy"] - truth).square().mean().log10()), 2)
    row["psnr"] = [round(one["psnr"], 2) for one in way]
    row["loss"] = [float(f"{one['loss']:.4g}") for one in way]
    return row


def prior() -> dict[str, Any]:
    rows, steps = [], {}
    learners = list(training_pictures())[:2]
    for up in UPS:
        tried = [
            kept(f"prior-{up}-{name}", lambda n=name, u=up: prior_run(n, CHOOSING, u, held=False))  # type: ignore[misc]
            for name in learners
        ]
        means = [sum(values) / len(values) for values in zip(*(row["psnr"] for row in tried), strict=True)]
        steps[up] = 10 * means.index(max(means))
        for name in PRIOR_TEST:
            for seed in SEEDS:
                rows.append(kept(f"prior-{up}-{name}-{seed}", lambda n=name, s=seed, u=up: prior_run(n, s, u)))  # type: ignore[misc]
    for target in ("clean", "noise"):
        for seed in SEEDS:
            rows.append(
                kept(f"prior-{target}-{seed}", lambda t=target, s=seed: prior_run(PRIOR_TEST[0], s, "bilinear", t))  # type: ignore[misc]
            )
    return {"chosen on": learners, "steps": steps, "every": 10, "side": SIDE, "rows": rows}


def study() -> dict[str, Any]:
    torch.set_num_threads(1)
    gap = [kept(f"gap-{n}-{WIDE}-{s}", lambda n=n, s=s: overfit(n, WIDE, s)) for n in COUNTS for s in SEEDS]  # type: ignore[misc]
    gap += [kept(f"gap-{SMALL}-{w}-{s}", lambda w=w, s=s: overfit(SMALL, w, s)) for w in NARROW for s in SEEDS]  # type: ignore[misc]
    found: dict[str, Any] = {"gap": gap}
    tried = [
        kept(f"rate-{d}-{r}".replace(" ", "-"), lambda d=d, r=r: choose_rate(d, r)) for d in DECODERS for r in RATES
    ]  # type: ignore[misc]
    rates = {
        d: max((row for row in tried if row["decoder"] == d), key=lambda row: row["psnr"])["rate"] for d in DECODERS
    }
    found["rates"] = {"chosen": rates, "tried": tried}
    found["decoders"] = [
        kept(f"decoder-{d}-{w}-{s}-{rates[d]}".replace(" ", "-"), lambda d=d, w=w, s=s: decoder_run(w, d, rates[d], s))  # type: ignore[misc]
        for d in DECODERS
        for w in WIDTHS
        for s in SEEDS
    ]
    found["remedies"] = remedies()
    found["prior"] = prior()
    seconds = sum(json.loads(path.read_text(encoding="utf-8"))["seconds"] for path in KEPT.glob("*.json"))
    settings = {
        "steps": STEPS,
        "batch": BATCH,
        "crop": CROP,
        "epochs": EPOCHS,
        "steps of an epoch": EPOCH,
        "tiles": TILES,
    }
    return {"processor_minutes": round(seconds / 60, 1), "settings": settings | {"small": SMALL, "wide": WIDE}, **found}
