"""Right answers to chapter 9, written in other ways than the solutions."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import nn

from deconv_grader.checks.known_answers import variant

# randomise_cascade


@variant("randomise_cascade")
def randomise_cascade_by_states(model, generator):
    drawn = {}
    for name, layer in list(model.named_children())[::-1]:
        if not hasattr(layer, "weight"):
            continue
        fan_in = math.prod(layer.weight.shape[1:])
        weight = torch.randn(layer.weight.shape, generator=generator, dtype=layer.weight.dtype)
        drawn[f"{name}.weight"] = weight * math.sqrt(2.0 / fan_in)
        if layer.bias is not None:
            drawn[f"{name}.bias"] = torch.zeros_like(layer.bias)
        fresh = copy.deepcopy(model)
        fresh.load_state_dict(drawn, strict=False)
        yield name, fresh


class _Cascade:
    def __init__(self, model, generator):
        self.current, self.generator = copy.deepcopy(model), generator
        self.waiting = [key for key, layer in model.named_children() if isinstance(layer, nn.Conv2d | nn.Linear)]

    def __iter__(self):
        return self

    def __next__(self):
        if not self.waiting:
            raise StopIteration
        name = self.waiting.pop()
        self.current = copy.deepcopy(self.current)  # the one that was handed out stays behind
        layer = self.current.get_submodule(name)
        with torch.no_grad():
            layer.weight.normal_(0, 1, generator=self.generator).mul_((2 / layer.weight[0].numel()) ** 0.5)
            if layer.bias is not None:
                layer.bias.fill_(0)
        handed_out = copy.deepcopy(self.current)
        return name, handed_out


@variant("randomise_cascade")
def randomise_cascade_as_a_class(model, generator):
    return _Cascade(model, generator)


# similarity


def _plane(picture):
    values = picture.detach().numpy()
    if values.ndim == 4:
        if values.shape[0] != 1:
            raise ValueError("one picture, please")
        values = values[0]
    if values.ndim == 3:
        values = values.sum(axis=0)  # as good as the mean: both measures ignore the scale
    if values.ndim != 2 or min(values.shape) < 7:
        raise ValueError("too small")
    return values.astype(np.float64)


@variant("similarity")
def similarity_numpy(a, b):
    a, b = _plane(a), _plane(b)
    if a.shape != b.shape:
        raise ValueError("different sizes")
    ranks = []
    for plane in (a, b):
        ordered = np.sort(plane, axis=None)
        ranks.append(np.searchsorted(ordered, plane.ravel()) + np.searchsorted(ordered, plane.ravel(), "right"))
    spearman = 0.0 if 0 in (np.ptp(ranks[0]), np.ptp(ranks[1])) else float(np.corrcoef(*ranks)[0, 1])
    windows = []
    for plane in (a, b):
        most = np.abs(plane).max()
        windows.append(sliding_window_view(plane / most if most else plane, (7, 7)).reshape(-1, 49))
    wa, wb = windows
    ma, mb = wa.mean(1), wb.mean(1)
    covariance = ((wa - ma[:, None]) * (wb - mb[:, None])).mean(1)
    top = (2 * ma * mb + 0.0004) * (2 * covariance + 0.0036)
    bottom = (ma**2 + mb**2 + 0.0004) * (wa.var(1) + wb.var(1) + 0.0036)
    return {"ssim": float((top / bottom).mean()), "spearman": spearman}


@variant("similarity")
def similarity_by_counting(a, b):
    planes = []
    for picture in (a, b):
        if picture.ndim == 4 and len(picture) != 1:
            raise ValueError("one picture, please")
        picture = picture.reshape(-1, *picture.shape[-2:]).to(torch.float64)
        planes.append(sum(picture) / len(picture))
    a, b = planes
    if a.shape != b.shape or a.shape[0] < 7 or a.shape[1] < 7:
        raise ValueError("sizes")

    def centered_ranks(plane):
        # How many are smaller, less how many are larger: twice the average rank, centered.
        flat = plane.flatten()
        return (flat[:, None] - flat).sign().sum(1)

    x, y = centered_ranks(a), centered_ranks(b)
    length = x.norm() * y.norm()
    spearman = float(x @ y / length) if length else 0.0
    a, b = a / (a.abs().max() or 1), b / (b.abs().max() or 1)
    values = []
    for i in range(a.shape[0] - 6):
        for j in range(a.shape[1] - 6):
            p, q = a[i : i + 7, j : j + 7].flatten(), b[i : i + 7, j : j + 7].flatten()
            m, n = p.mean(), q.mean()
            c = ((p - m) * (q - n)).mean()
            v = p.var(correction=0) + q.var(correction=0)
            values.append((2 * m * n + 4e-4) * (2 * c + 36e-4) / ((m * m + n * n + 4e-4) * (v + 36e-4)))
    return {"spearman": spearman, "ssim": float(torch.stack(values).mean())}


@variant("similarity")
def similarity_single_precision(a, b):
    planes = []
    for picture in (a, b):
        if picture.ndim == 4 and len(picture) == 1:
            picture = picture[0]
        picture = picture if picture.ndim == 3 else picture[None]
        if picture.ndim != 3 or min(picture.shape[1:]) < 7:
            raise ValueError("sizes")
        planes.append(picture.float().sum(0))
    a, b = planes
    if a.shape != b.shape:
        raise ValueError("different sizes")
    ranks = []
    for plane in planes:
        flat = plane.flatten()
        below = (flat[None] < flat[:, None]).sum(1)
        equal = (flat[None] == flat[:, None]).sum(1)
        ranks.append(below + (equal + 1) / 2)
    x, y = (rank - rank.mean() for rank in ranks)
    length = float((x @ x) * (y @ y)) ** 0.5
    spearman = float(x @ y) / length if length > 0 else 0.0
    x, y = (nn.functional.unfold((plane / max(float(plane.abs().max()), 1e-30))[None, None], 7)[0] for plane in planes)
    m, n = x.mean(0), y.mean(0)
    x, y = x - m, y - n
    ssim = (2 * m * n + 4e-4) * (2 * (x * y).mean(0) + 36e-4)
    ssim = ssim / (m * m + n * n + 4e-4) / ((x * x).mean(0) + (y * y).mean(0) + 36e-4)
    return {"spearman": spearman, "ssim": float(ssim.mean())}


# occlusion_map


def _two(value):
    return (value, value) if isinstance(value, int) else tuple(value)


@variant("occlusion_map")
def occlusion_map_one_by_one(model, image, label, patch, stride, fill):
    (height, width), (down, right) = _two(patch), _two(stride)
    if len(image) != 1 or height > image.shape[2] or width > image.shape[3]:
        raise ValueError("it does not fit")
    rows, columns = (image.shape[2] - height) // down + 1, (image.shape[3] - width) // right + 1
    scores = None
    for i in range(rows):
        for j in range(columns):
            covered = image.detach().clone()
            covered[0, :, i * down : i * down + height, j * right : j * right + width] = fill
            with torch.no_grad():
                score = model(covered)[0][label]
            if scores is None:
                scores = torch.empty(rows, columns, dtype=score.dtype)
            scores[i, j] = score
    return scores


@variant("occlusion_map")
def occlusion_map_one_batch(model, image, label, patch, stride, fill):
    patch, stride = _two(patch), _two(stride)
    if image.shape[0] != 1 or any(p > n for p, n in zip(patch, image.shape[2:], strict=True)):
        raise ValueError("it does not fit")
    # Which positions hide a pixel: the windows of an identity matrix, one row a pixel.
    height, width = image.shape[2:]
    pixels = torch.eye(height * width).reshape(-1, 1, height, width)
    hidden = nn.functional.conv2d(pixels, torch.ones(1, 1, *patch), stride=stride)  # (pixels, 1, rows, columns)
    rows, columns = hidden.shape[2:]
    hidden = hidden.reshape(height, width, rows * columns).permute(2, 0, 1)[:, None] > 0
    with torch.no_grad():
        answers = model(torch.where(hidden, torch.tensor(fill, dtype=image.dtype), image))
    return answers[:, label].reshape(rows, columns).clone()


# deletion_curve


@variant("deletion_curve")
def deletion_curve_by_rank(model, image, label, saliency, steps):
    height, width = image.shape[2:]
    if len(image) != 1 or saliency.shape != (height, width) or not 1 <= steps <= height * width:
        raise ValueError("sizes")
    # Each pixel's turn: NumPy's lexsort is stable.
    order = np.lexsort((np.arange(height * width), -saliency.numpy().ravel()))
    turn = torch.empty(height * width, dtype=torch.int64)
    turn[torch.from_numpy(order)] = torch.arange(height * width)
    turn = turn.reshape(height, width)
    fractions, scores = [], []
    for step in range(steps + 1):
        gone = math.floor(step * height * width / steps + 1e-9)
        with torch.no_grad():
            scores.append(model(torch.where(turn < gone, torch.zeros(()).to(image), image))[0, label])
        fractions.append(gone / (height * width))
    area = sum((fractions[i + 1] - fractions[i]) * (float(scores[i]) + float(scores[i + 1])) / 2 for i in range(steps))
    curve = torch.stack(scores)
    return torch.tensor(fractions, dtype=curve.dtype), curve, area


@variant("deletion_curve")
def deletion_curve_step_by_step(model, image, label, saliency, steps):
    if image.shape[0] != 1 or image.shape[2:] != saliency.shape or steps > saliency.numel():
        raise ValueError("sizes")
    pixels = saliency.numel()
    queue = sorted(range(pixels), key=lambda pixel: -float(saliency.flatten()[pixel]))  # sorting is stable
    picture, pictures = image.detach().clone(), [image.detach()]
    counts = [0]
    for step in range(1, steps + 1):
        while counts[-1] < step * pixels // steps:
            row, column = divmod(queue.pop(0), saliency.shape[1])
            picture[:, :, row, column] = 0
            counts[-1] += 1
        pictures.append(picture.clone())
        counts.append(counts[-1])
    counts = [0, *counts[:-1]]
    with torch.no_grad():
        scores = model(torch.cat(pictures))[:, label].contiguous().clone()
    fractions = (torch.tensor(counts, dtype=torch.float64) / pixels).to(scores.dtype)
    return fractions, scores, float(np.trapezoid(scores.numpy(), fractions.numpy()))


# invert_features


@variant("invert_features")
def invert_features_adam_by_hand(model, layer, target, steps, total_variation, start, rate=0.05):
    names = [name for name, _ in model.named_children()]
    if layer not in names or not target.any():
        raise ValueError("no such layer, or nothing to meet")
    network = copy.deepcopy(model)[: names.index(layer) + 1].requires_grad_(False)
    image = start.detach().clone()
    first, second = torch.zeros_like(image), torch.zeros_like(image)
    for step in range(1, steps + 1):
        image.requires_grad_()
        features = network(image)
        if features.shape != target.shape:
            raise ValueError("another shape")
        distance = torch.sum((features - target) ** 2) / torch.sum(target**2)
        down = image[:, :, 1:, :] - image[:, :, :-1, :]
        right = image[:, :, :, 1:] - image[:, :, :, :-1]
        loss = distance + total_variation * ((down**2).sum() + (right**2).sum()) / image.numel()
        (gradient,) = torch.autograd.grad(loss, image)
        image = image.detach()
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        image = image - rate * (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
    return image


@variant("invert_features")
def invert_features_with_a_hook(model, layer, target, steps, total_variation, start, rate=0.05):
    children = dict(model.named_children())
    if layer not in children:
        raise ValueError(f"there is no layer {layer}")
    energy = target.pow(2).sum().item()
    if energy == 0:
        raise ValueError("nothing to meet")
    twin = copy.deepcopy(model).eval()  # its own gradients may fill up
    caught: dict[str, torch.Tensor] = {}
    dict(twin.named_children())[layer].register_forward_hook(lambda module, given, answer: caught.update(f=answer))
    image = nn.Parameter(start.clone())
    optimizer = torch.optim.Adam([image], lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        twin(image)
        if caught["f"].shape != target.shape:
            raise ValueError("another shape")
        rough = torch.cat([(image[..., 1:, :] - image[..., :-1, :]).flatten(), image.diff().flatten()])
        loss = (caught["f"] - target).pow(2).sum() / energy + total_variation * rough.pow(2).sum() / start.numel()
        loss.backward()
        optimizer.step()
    return image.data.clone()
