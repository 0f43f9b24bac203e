"""Right answers to chapter 12, written otherwise."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from deconv_grader.checks.known_answers import variant
from deconv_solutions import segmentation as reference
from deconv_solutions.segmentation import fill_bilinear_


def _whole(*tensors):
    for one in tensors:
        if not isinstance(one, torch.Tensor) or one.is_floating_point() or one.is_complex():
            raise TypeError("whole numbers are expected")


# confusion_matrix


@variant("confusion_matrix")
def confusion_by_pairs(prediction, target, classes):
    """One comparison for each cell."""
    _whole(prediction, target)
    if classes < 1 or prediction.shape != target.shape:
        raise ValueError("classes or shapes")
    counts = target != 255
    for part in (prediction[counts].long(), target[counts].long()):
        if part.numel() and (part.min() < 0 or part.max() >= classes):
            raise ValueError("a class that does not exist")
    cells = [[((target == t) & (prediction == p) & counts).sum() for p in range(classes)] for t in range(classes)]
    return torch.tensor(cells)


@variant("confusion_matrix")
def confusion_by_product(prediction, target, classes):
    """A product of one-hot rows."""
    _whole(prediction, target)
    if classes < 1 or prediction.shape != target.shape:
        raise ValueError("classes or shapes")
    mask = target.ne(255)
    said, true = prediction[mask].to(torch.int64), target[mask].to(torch.int64)
    if ((said < 0) | (said >= classes) | (true < 0) | (true >= classes)).any():
        raise ValueError("a class that does not exist")
    eye = torch.eye(classes, dtype=torch.int64)
    return (eye[true].double().T @ eye[said].double()).long()


# mean_iou


@variant("mean_iou")
def iou_by_loops(confusion):
    """A loop over classes, in Python's numbers."""
    if not isinstance(confusion, torch.Tensor):
        raise TypeError("a tensor is expected")
    rows = confusion.tolist()
    if any(len(row) != len(rows) or min(row) < 0 for row in rows) or not sum(map(sum, rows)) > 0:
        raise ValueError("no table of counts")
    found = []
    for c, row in enumerate(rows):
        union = sum(row) + sum(other[c] for other in rows) - row[c]
        found.append(row[c] / union if union else math.nan)
    there = [value for value in found if not math.isnan(value)]
    return sum(there) / len(there), torch.tensor(found, dtype=torch.float64)


@variant("mean_iou")
def iou_by_errors(confusion):
    """Hits over hits and both kinds of error."""
    if not isinstance(confusion, torch.Tensor):
        raise TypeError("a tensor is expected")
    if confusion.ndim != 2 or confusion.shape[0] != confusion.shape[1] or confusion.min() < 0 or confusion.sum() == 0:
        raise ValueError("no table of counts")
    hits = torch.diag(confusion)
    missed, imagined = confusion.sum(dim=1) - hits, confusion.sum(dim=0) - hits
    union = hits + missed + imagined
    iou = torch.full(hits.shape, torch.nan, dtype=torch.float64)
    iou[union > 0] = hits[union > 0].double() / union[union > 0].double()
    return iou[union > 0].mean().item(), iou


# fill_bilinear_


def _refuse(layer):
    if not isinstance(layer, nn.ConvTranspose2d):
        raise TypeError("a ConvTranspose2d is expected")
    fits = all(k == 2 * s - s % 2 for k, s in zip(layer.kernel_size, layer.stride, strict=True))
    if not fits or layer.in_channels != layer.out_channels or layer.groups > 1 or max(layer.dilation) > 1:
        raise ValueError("no layer that enlarges")


@variant("fill_bilinear_")
def fill_by_loops(layer):
    """Tap by tap."""
    _refuse(layer)
    (height, width), (s, t) = layer.kernel_size, layer.stride
    weight = torch.zeros_like(layer.weight)
    for i in range(height):
        for j in range(width):
            value = (1 - abs(2 * i - height + 1) / (2 * s)) * (1 - abs(2 * j - width + 1) / (2 * t))
            for c in range(layer.in_channels):
                weight[c, c, i, j] = value
    layer.weight.data.copy_(weight)
    if layer.bias is not None:
        layer.bias.data.zero_()
    return layer


@variant("fill_bilinear_")
@torch.no_grad()
def fill_by_boxes(layer):
    """A tent with an odd base is a box slid over a box; an even one, a box over a box of two half steps."""
    _refuse(layer)

    def tent(stride):
        box = torch.ones(1, 1, stride, dtype=torch.float64)
        if stride % 2:
            return F.conv1d(box, box / stride, padding=stride - 1)[0, 0]
        fine = torch.ones(1, 1, stride + 1, dtype=torch.float64)
        fine[..., [0, -1]] = 0.5
        return F.conv1d(box, fine / stride, padding=stride)[0, 0]

    rows, columns = (tent(stride) for stride in layer.stride)
    eye = torch.eye(layer.in_channels, dtype=torch.float64)
    layer.weight.copy_(torch.einsum("cd,i,j->cdij", eye, rows, columns))
    for bias in [] if layer.bias is None else [layer.bias]:
        bias.fill_(0)
    return layer


# The networks


def _counts(width, *numbers):
    return [max(1, round(width * number)) for number in numbers]


def _check(in_channels, classes, width):
    if in_channels < 1 or classes < 1 or not 0 < width < math.inf:
        raise ValueError("channels, classes or width")


def _check_input(x, channels, height=1, width=1):
    if x.ndim != 4 or x.shape[1] != channels or x.shape[2] < height or x.shape[3] < width:
        raise ValueError("channels or size of x")


@variant("FCN8s")
class FCN8sOfLayers(nn.Module):
    """Layers in a list that is walked through once."""

    def __init__(self, in_channels, classes, width=1.0):
        super().__init__()
        _check(in_channels, classes, width)
        plan = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
        self.plan = plan
        self.encoder, before = nn.ModuleList(), in_channels
        for number in filter(None, plan):
            (after,) = _counts(width, number)
            self.encoder.append(nn.Conv2d(before, after, kernel_size=3, padding="same"))
            before = after
        (wide,) = _counts(width, 4096)
        self.fc6, self.fc7 = nn.Conv2d(before, wide, 7, padding="same"), nn.Conv2d(wide, wide, 1)
        self.score, self.score_pool4 = nn.Conv2d(wide, classes, 1), nn.Conv2d(before, classes, 1)
        self.score_pool3 = nn.Conv2d(*_counts(width, 256), classes, 1)
        for name, s in (("up2", 2), ("up4", 2), ("up8", 8)):
            layer = nn.ConvTranspose2d(classes, classes, 2 * s, s, s // 2, bias=False)
            setattr(self, name, fill_bilinear_(layer))
        self.up8.requires_grad_(False)
        self.drop, self.pool = nn.Dropout(0.5), nn.MaxPool2d(2, ceil_mode=True)

    def forward(self, x):
        _check_input(x, self.encoder[0].in_channels)
        image, stack, convolutions = x, [], iter(self.encoder)
        for number in self.plan:
            x = next(convolutions)(x).clamp(min=0) if number else self.pool(x)
            if not number:
                stack.append(x)
        _, _, third, fourth, fifth = stack
        scores = self.score(self.drop(self.fc7(self.drop(self.fc6(fifth).relu())).relu()))
        for up, skip in ((self.up2, self.score_pool4(fourth)), (self.up4, self.score_pool3(third))):
            scores = skip + up(scores)[..., : skip.shape[-2], : skip.shape[-1]]
        return self.up8(scores)[..., : image.shape[-2], : image.shape[-1]]


@variant("FCN8s")
class FCN8sFilledUp(reference.FCN8s):
    """Rows and columns that are missing in a window are filled up with minus infinity before a pooling."""

    def forward(self, x):
        _check_input(x, self.in_channels)
        height, width = x.shape[2:]
        scores, start = [], 0
        for block, count in enumerate((2, 2, 3, 3, 3)):
            for convolution in self.encoder[start : start + count]:
                x = torch.maximum(convolution(x), torch.zeros(()))
            start += count
            x = F.max_pool2d(F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), value=-math.inf), 2)
            if block in (2, 3):
                scores.append((self.score_pool3 if block == 2 else self.score_pool4)(x))
        for layer in (self.fc6, self.fc7):
            x = F.dropout(layer(x).relu(), p=0.5, training=self.training)
        x = self.score(x)
        x = self.up2(x).narrow(2, 0, scores[1].shape[2]).narrow(3, 0, scores[1].shape[3]) + scores[1]
        x = self.up4(x).narrow(2, 0, scores[0].shape[2]).narrow(3, 0, scores[0].shape[3]) + scores[0]
        return self.up8(x).narrow(2, 0, height).narrow(3, 0, width)


def _scattered(x, where, size):
    large = x.new_zeros(*x.shape[:2], size[0] * size[1])
    return large.scatter(2, where.flatten(2), x.flatten(2)).reshape(*x.shape[:2], *size)


@variant("SegNet")
class SegNetScatters(nn.Module):
    """Built layer by layer; unpooling by scatter."""

    def __init__(self, in_channels, classes, width=1.0):
        super().__init__()
        _check(in_channels, classes, width)
        down = _counts(width, 64, 64, 128, 128, *[256] * 3, *[512] * 6)
        up = [*_counts(width, *[512] * 5, 256, 256, 256, 128, 128, 64, 64), classes]
        for name, before, counts in (("encoder", in_channels, down), ("decoder", down[-1], up)):
            layers = [nn.Conv2d(a, b, 3, 1, 1) for a, b in zip([before, *counts[:-1]], counts, strict=True)]
            setattr(self, name, nn.ModuleList(layers))
        self.encoder_norms = nn.ModuleList([nn.BatchNorm2d(n) for n in down])
        self.decoder_norms = nn.ModuleList([nn.BatchNorm2d(n) for n in up[:-1]])

    def forward(self, x):
        _check_input(x, self.encoder[0].in_channels, 32, 32)
        stack = []
        for k, (convolution, norm) in enumerate(zip(self.encoder, self.encoder_norms, strict=True)):
            x = norm(convolution(x)).clamp(min=0)
            if k in (1, 3, 6, 9, 12):
                small, where = F.max_pool2d(x, 2, 2, return_indices=True)
                stack.append((where, x.shape[2:]))
                x = small
        for k, convolution in enumerate(self.decoder):
            if k in (0, 3, 6, 9, 11):
                x = _scattered(x, *stack.pop())
            x = convolution(x)
            if k < 12:
                x = self.decoder_norms[k](x).relu()
        return x


@variant("SegNet")
class SegNetRecursive(reference.SegNet):
    """A block, what lies inside it, and its mirror, called by themselves."""

    def forward(self, x):
        _check_input(x, self.in_channels, 32, 32)
        return self._level(x, 0)

    def _level(self, x, level):
        if level == 5:
            return x
        starts, backs = (0, 2, 4, 7, 10, 13), (0, 3, 6, 9, 11, 13)
        for k in range(starts[level], starts[level + 1]):
            x = F.relu(self.encoder_norms[k](self.encoder[k](x)))
        size = x.size()
        x, where = F.max_pool2d(x, 2, return_indices=True)
        x = F.max_unpool2d(self._level(x, level + 1), where, 2, output_size=size[2:])
        for k in range(backs[4 - level], backs[5 - level]):
            x = self.decoder[k](x)
            x = x if k == 12 else F.relu(self.decoder_norms[k](x))
        return x


@variant("NohDeconvNet")
class NohScatters(reference.NohDeconvNet):
    """Unpooling by scatter; transposed convolutions as convolutions with turned kernels."""

    def forward(self, x):
        _check_input(x, self.in_channels, *self.image_size)
        stack = []
        for k, (convolution, norm) in enumerate(zip(self.encoder, self.encoder_norms, strict=True)):
            x = norm(convolution(x)).clamp(min=0)
            if k in (1, 3, 6, 9, 12):
                small, where = F.max_pool2d(x, 2, 2, return_indices=True)
                stack.append((where, x.shape[2:]))
                x = small
        for name in ("fc6", "fc7", "unfc6"):
            x = getattr(self, f"{name}_norm")(getattr(self, name)(x)).relu()
        for k, (layer, norm) in enumerate(zip(self.decoder, self.decoder_norms, strict=True)):
            if k in (0, 3, 6, 9, 11):
                x = _scattered(x, *stack.pop())
            x = norm(F.conv2d(x, layer.weight.flip(2, 3).transpose(0, 1), layer.bias, padding=1)).relu()
        return self.score(x)


@variant("NohDeconvNet")
class NohOfLayers(nn.Module):
    """Built layer by layer, with modules that pool and unpool."""

    def __init__(self, in_channels, classes, width=1.0, image_size=224):
        super().__init__()
        _check(in_channels, classes, width)
        self.least = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
        if min(self.least) < 32:
            raise ValueError("image_size")
        kernel = tuple(side // 32 for side in self.least)
        down = _counts(width, 64, 64, 128, 128, *[256] * 3, *[512] * 6)
        up = _counts(width, *[512] * 5, 256, 256, 256, 128, 128, 64, 64, 64)
        (wide,) = _counts(width, 4096)
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        for before, after in zip([in_channels, *down[:-1]], down, strict=True):
            self.encoder.append(nn.Conv2d(before, after, 3, padding=1))
        for before, after in zip([down[-1], *up[:-1]], up, strict=True):
            self.decoder.append(nn.ConvTranspose2d(before, after, 3, padding=1))
        self.encoder_norms = nn.ModuleList(map(nn.BatchNorm2d, down))
        self.decoder_norms = nn.ModuleList(map(nn.BatchNorm2d, up))
        self.fc6, self.fc7 = nn.Conv2d(down[-1], wide, kernel), nn.Conv2d(wide, wide, 1)
        self.unfc6 = nn.ConvTranspose2d(wide, down[-1], kernel)
        self.fc6_norm, self.fc7_norm, self.unfc6_norm = map(nn.BatchNorm2d, (wide, wide, down[-1]))
        self.score = nn.Conv2d(up[-1], classes, 1)
        self.pool, self.unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)

    def forward(self, x):
        _check_input(x, self.encoder[0].in_channels, *self.least)
        sizes, switches, k = [], [], 0
        for count in (2, 2, 3, 3, 3):
            for _ in range(count):
                x, k = self.encoder_norms[k](self.encoder[k](x)).relu(), k + 1
            sizes.append(x.size())
            x, indices = self.pool(x)
            switches.append(indices)
        x = self.fc6_norm(self.fc6(x)).relu()
        x = self.fc7_norm(self.fc7(x)).relu()
        x = self.unfc6_norm(self.unfc6(x)).relu()
        k = 0
        for level, count in enumerate((3, 3, 3, 2, 2)):
            x = self.unpool(x, switches[4 - level], output_size=sizes[4 - level][2:])
            for _ in range(count):
                x, k = self.decoder_norms[k](self.decoder[k](x)).relu(), k + 1
        return self.score(x)


def _fits(x, channels, padding):
    rest, least = (0, 16) if padding else (12, 188)
    _check_input(x, channels, least, least)
    if any(side % 16 != rest for side in x.shape[2:]):
        raise ValueError("a size that cannot be halved four times")


@variant("UNet")
class UNetRecursive(reference.UNet):
    """A level, what lies below it, and the way back, called by themselves; cut by negative padding."""

    def forward(self, x):
        _fits(x, self.in_channels, self.padding)
        return self.score(self._level(x, 0))

    def _level(self, x, level):
        x = self.down[2 * level + 1](self.down[2 * level](x).relu()).relu()
        if level == 4:
            return x
        below = self.up[3 - level](self._level(F.max_pool2d(x, 2), level + 1))
        cut = [-((x.shape[axis] - below.shape[axis]) // 2) for axis in (3, 3, 2, 2)]
        x = torch.cat([F.pad(x, cut), below], dim=1)
        return self.merge[7 - 2 * level](self.merge[6 - 2 * level](x).relu()).relu()


@variant("UNet")
class UNetTwoHalves(nn.Module):
    """Built layer by layer; the merging convolution is applied to copy and map apart, and the results are added."""

    def __init__(self, in_channels, classes, width=1.0, padding=1):
        super().__init__()
        _check(in_channels, classes, width)
        if padding not in (0, 1):
            raise ValueError("padding")
        self.padding = padding
        counts = _counts(width, 64, 128, 256, 512, 1024)
        self.down, self.up, self.merge = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for old, new in zip([in_channels, *counts[:-1]], counts, strict=True):
            self.down += [nn.Conv2d(old, new, 3, 1, padding), nn.Conv2d(new, new, 3, 1, padding)]
        for old, new in zip(counts[:0:-1], counts[-2::-1], strict=True):
            self.up.append(nn.ConvTranspose2d(old, new, kernel_size=2, stride=2))
            self.merge += [nn.Conv2d(2 * new, new, 3, 1, padding), nn.Conv2d(new, new, 3, 1, padding)]
        self.score = nn.Conv2d(counts[0], classes, 1)

    def forward(self, x):
        _fits(x, self.down[0].in_channels, self.padding)
        kept = []
        for k, layer in enumerate(self.down):
            if k % 2 == 0 and k:
                kept.append(x)
                x = F.max_pool2d(x, 2)
            x = F.relu(layer(x))
        for k, copy in enumerate(reversed(kept)):
            x = self.up[k](x)
            edge = [(a - b) // 2 for a, b in zip(copy.shape[2:], x.shape[2:], strict=True)]
            copy = copy[:, :, edge[0] : copy.shape[2] - edge[0], edge[1] : copy.shape[3] - edge[1]]
            first, n = self.merge[2 * k], x.shape[1]
            x = F.conv2d(copy, first.weight[:, :n], first.bias, padding=self.padding) + F.conv2d(
                x, first.weight[:, n:], padding=self.padding
            )
            x = F.relu(self.merge[2 * k + 1](F.relu(x)))
        return self.score(x)
