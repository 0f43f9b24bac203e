"""Wrong answers to chapter 12 that learners give."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from deconv_grader.checks.known_answers import mistake
from deconv_solutions import segmentation as reference
from deconv_solutions.segmentation import MIRROR, VGG

# confusion_matrix


@mistake("confusion_matrix")
def confusion_transposed(prediction, target, classes):
    """the rows are the predicted classes and the columns the true ones

    confusion[t, p]: the true class first.
    """
    return reference.confusion_matrix(prediction, target, classes).T.contiguous()


@mistake("confusion_matrix")
def confusion_ignored_prediction(prediction, target, classes):
    """pixels are left out where the prediction is 255

    It is the target that says which pixels do not count; here pixels whose class nobody knows were counted as well.
    """
    kept = prediction != 255
    cells = target[kept].long().clamp(max=classes - 1) * classes + prediction[kept].long()
    return torch.bincount(cells, minlength=classes**2).reshape(classes, classes)


@mistake("confusion_matrix")
def confusion_ignored_as_background(prediction, target, classes):
    """pixels with target 255 are counted as class 0

    Nobody knows what they are: they must be left out.
    """
    target = torch.where(target == 255, 0, target)
    prediction = torch.where(prediction >= classes, 0, prediction)
    return reference.confusion_matrix(prediction, target, classes)


@mistake("confusion_matrix")
def confusion_in_shares(prediction, target, classes):
    """each row is divided by its sum

    Counts were asked for. Shares cannot be added up over batches.
    """
    counts = reference.confusion_matrix(prediction, target, classes).double()
    return counts / counts.sum(1, keepdim=True).clamp(min=1)


@mistake("confusion_matrix")
def confusion_in_bytes(prediction, target, classes):
    """the number of a cell is computed in the dtype of the labels

    In bytes, 20 * 20 is 144: convert to int64 first.
    """
    kept = target != 255
    cells = target[kept] * classes + prediction[kept]
    return torch.bincount(cells, minlength=classes**2)[: classes**2].reshape(classes, classes)


# mean_iou


def _parts(confusion):
    confusion = confusion.double()
    return confusion.diagonal(), confusion.sum(1), confusion.sum(0)


@mistake("mean_iou")
def iou_of_rows(confusion):
    """the intersection is divided by the row's sum alone

    That is the share of the true pixels that were found (recall). Pixels that were wrongly given the class must cost as well.
    """
    both, true, _ = _parts(confusion)
    iou = both / true
    return float(iou.nanmean()), iou


@mistake("mean_iou")
def iou_counted_twice(confusion):
    """the intersection is counted twice in the union

    Row and column both hold the diagonal's cell: take it away once.
    """
    both, true, said = _parts(confusion)
    iou = both / (true + said)
    return float(iou.nanmean()), iou


@mistake("mean_iou")
def iou_dice(confusion):
    """it is the Dice coefficient, or F1: twice the intersection over the sum of both regions

    A relative of IoU that is larger: D = 2 IoU / (1 + IoU).
    """
    both, true, said = _parts(confusion)
    iou = 2 * both / (true + said)
    return float(iou.nanmean()), iou


@mistake("mean_iou")
def iou_nowhere_is_zero(confusion):
    """a class that is nowhere counts as 0

    It was neither there nor predicted, so nothing is wrong with it: it has no IoU, and is left out of the mean.
    """
    both, true, said = _parts(confusion)
    iou = (both / (true + said - both)).nan_to_num(0.0)
    return float(iou.mean()), iou


@mistake("mean_iou")
def iou_nowhere_is_one(confusion):
    """a class that is nowhere counts as 1

    It has no IoU, and is left out of the mean: otherwise more classes that do not occur would raise it.
    """
    both, true, said = _parts(confusion)
    iou = (both / (true + said - both)).nan_to_num(1.0)
    return float(iou.mean()), iou


@mistake("mean_iou")
def iou_only_what_is_there(confusion):
    """the mean leaves out classes that were predicted but are not there

    They have a union, the pixels that were wrongly given them, and their IoU is 0.
    """
    both, true, said = _parts(confusion)
    iou = both / (true + said - both)
    iou[true == 0] = torch.nan
    return float(iou.nanmean()), iou


# fill_bilinear_


def _tents(layer):
    return [
        1 - (torch.arange(taps) - (taps - 1) / 2).abs() / stride
        for taps, stride in zip(layer.kernel_size, layer.stride, strict=True)
    ]


def _refilled(layer, kernel, everywhere=False):
    reference.fill_bilinear_(layer)
    with torch.no_grad():
        for c in range(layer.in_channels):
            for d in range(layer.in_channels):
                if everywhere or c == d:
                    layer.weight[c, d] = kernel
    return layer


@mistake("fill_bilinear_")
def fill_every_pair(layer):
    """every pair of channels has the kernel

    Then each output is the sum of all inputs. A channel is enlarged by itself; between different channels stand zeros.
    """
    rows, columns = _tents(layer)
    return _refilled(layer, rows[:, None] * columns, everywhere=True)


@mistake("fill_bilinear_")
def fill_normalized(layer):
    """the kernel sums to 1

    A transposed convolution spreads each pixel over stride x stride pixels, so its kernel sums to the product of the strides.
    """
    rows, columns = _tents(layer)
    return _refilled(layer, rows[:, None] * columns / (rows.sum() * columns.sum()))


@mistake("fill_bilinear_")
def fill_peak(layer):
    """the tent's top is on tap K // 2

    With an even number of taps its middle lies between two of them, at (K - 1) / 2.
    """
    rows, columns = (
        (1 - (torch.arange(taps) - taps // 2).abs() / stride).clamp(min=0)
        for taps, stride in zip(layer.kernel_size, layer.stride, strict=True)
    )
    return _refilled(layer, rows[:, None] * columns)


@mistake("fill_bilinear_")
def fill_box(layer):
    """the kernel is flat

    A box enlarges like the nearest neighbor, and where boxes overlap, they add up. Bilinear is a tent.
    """
    return _refilled(
        layer, torch.ones(layer.kernel_size) * layer.stride[0] * layer.stride[1] / layer.weight[0, 0].numel()
    )


@mistake("fill_bilinear_")
def fill_new_parameter(layer):
    """the weight is a new Parameter

    What is not to be trained would be trained again, and an optimizer made before would hold the old one. Write into the
    weight that is there.
    """
    reference.fill_bilinear_(layer)
    layer.weight = nn.Parameter(layer.weight.detach().clone())
    return layer


@mistake("fill_bilinear_")
def fill_bias_kept(layer):
    """the bias is left as it was

    It would be added to every pixel of the large map.
    """
    bias = None if layer.bias is None else layer.bias.detach().clone()
    reference.fill_bilinear_(layer)
    if bias is not None:
        layer.bias.data.copy_(bias)
    return layer


# FCN8s


class _Fcn(reference.FCN8s):
    ceil, relu, drop, skips, center, last = True, True, True, (3, 2), False, False

    def waist(self, x):
        x = F.relu(self.fc6(x)) if self.relu else self.fc6(x)
        x = F.dropout(x, 0.5, self.training and self.drop)
        x = F.relu(self.fc7(x)) if self.relu else self.fc7(x)
        return self.score(F.dropout(x, 0.5, self.training and self.drop))

    def cut(self, x, height, width):
        top, left = ((x.shape[2] - height) // 2, (x.shape[3] - width) // 2) if self.center else (0, 0)
        return x[:, :, top : top + height, left : left + width]

    def forward(self, x):
        size = x.shape[2:]
        pooled, layers = [], iter(self.encoder)
        for block in VGG:
            for _ in block:
                x = F.relu(next(layers)(x))
            x = F.max_pool2d(x, 2, ceil_mode=self.ceil)
            pooled.append(x)
        x = self.waist(x)
        for enlarge, score, level in ((self.up2, self.score_pool4, 3), (self.up4, self.score_pool3, 2)):
            x = self.cut(enlarge(x), *pooled[level].shape[2:])
            if level in self.skips:
                x = x + score(pooled[level])
        return self.cut(self.up8(x), *size)


@mistake("FCN8s")
class FCN8sWithoutReLU(_Fcn):
    """there is no ReLU behind fc6 and fc7

    Two layers without one between them are a single linear layer.
    """

    relu = False


@mistake("FCN8s")
class FCN8sOnly16(_Fcn):
    """pool3's scores are not added

    That is FCN-16s.
    """

    skips = (3,)


@mistake("FCN8s")
class FCN8sOnlyPool3(_Fcn):
    """pool4's scores are not added

    Both skips are wanted: pool4's after the first enlarging, pool3's after the second.
    """

    skips = (2,)


@mistake("FCN8s")
class FCN8sCutInTheMiddle(_Fcn):
    """what is too large is cut on both sides

    Poolings round up at the end of a row, so it is the end that has too much.
    """

    center = True


@mistake("FCN8s")
class FCN8sWithoutDropout(_Fcn):
    """there is no dropout

    While training, half of the numbers behind fc6 and fc7 are dropped.
    """

    drop = False


@mistake("FCN8s")
class FCN8sUnfilled(reference.FCN8s):
    """the transposed convolutions start with random numbers

    They start as bilinear interpolation: `fill_bilinear_`.
    """

    def __init__(self, *args):
        super().__init__(*args)
        for layer in (self.up2, self.up4, self.up8):
            layer.reset_parameters()


@mistake("FCN8s")
class FCN8sAllTrained(reference.FCN8s):
    """the last enlarging is trained as well

    The last one stays bilinear: up8.weight.requires_grad_(False).
    """

    def __init__(self, *args):
        super().__init__(*args)
        self.up8.weight.requires_grad_(True)


# SegNet and NohDeconvNet


class _Switched:
    """The forward pass of both, with what can go wrong."""

    norm_first, nearest, end_relu, flip = True, False, False, False

    def layer(self, layer, norm, x):
        if norm is None:
            return F.relu(layer(x)) if self.end_relu else layer(x)
        return F.relu(norm(layer(x))) if self.norm_first else norm(F.relu(layer(x)))

    def enlarged(self, x, where, size):
        return F.interpolate(x, tuple(size)) if self.nearest else F.max_unpool2d(x, where, 2, output_size=size)

    def waist(self, x):
        return x

    def stamped(self, convolution):
        return convolution

    def forward(self, x):
        kept, layers = [], zip(self.encoder, self.encoder_norms, strict=True)
        for block in VGG:
            for _ in block:
                x = self.layer(*next(layers), x)
            kept.append(x.shape[2:])
            x, where = F.max_pool2d(x, 2, return_indices=True)
            kept.append(where)
        x = self.waist(x)
        norms = [*self.decoder_norms, None][: len(self.decoder)]
        layers = zip(self.decoder, norms, strict=True)
        for block in MIRROR:
            where, size = kept.pop(), kept.pop()
            x = self.enlarged(x, where, size)
            for _ in block:
                layer, norm = next(layers)
                x = self.layer(self.stamped(layer), norm, x)
        return x


@mistake("SegNet")
class SegNetNearest(_Switched, reference.SegNet):
    """every pixel is copied to all places of its window

    The switches say to which one it goes; the others are 0.
    """

    nearest = True


@mistake("SegNet")
class SegNetEndsInReLU(_Switched, reference.SegNet):
    """a ReLU follows the last convolution

    Scores may be negative. A ReLU at the end would stop the learning of every class that is below zero.
    """

    end_relu = True


@mistake("SegNet")
class SegNetNormLast(_Switched, reference.SegNet):
    """the ReLU comes before the batch normalization

    The order is convolution, normalization, ReLU.
    """

    norm_first = False


@mistake("SegNet")
class SegNetFirstPixel(_Switched, reference.SegNet):
    """each value goes to the first pixel of its window

    The switches say where the maximum was.
    """

    def enlarged(self, x, where, size):
        rows, columns = torch.arange(x.shape[2])[:, None] * 2, torch.arange(x.shape[3]) * 2
        return F.max_unpool2d(x, (rows * size[1] + columns).expand_as(x).contiguous(), 2, output_size=size)


@mistake("SegNet")
class SegNetWithoutEncoderReLU(_Switched, reference.SegNet):
    """the decoder has no ReLU

    Every convolution but the last has one, on the way up as on the way down.
    """

    def forward(self, x):
        kept, layers = [], zip(self.encoder, self.encoder_norms, strict=True)
        for block in VGG:
            for _ in block:
                x = self.layer(*next(layers), x)
            kept.append(x.shape[2:])
            x, where = F.max_pool2d(x, 2, return_indices=True)
            kept.append(where)
        layers = zip(self.decoder, [*self.decoder_norms, nn.Identity()], strict=True)
        for block in MIRROR:
            where, size = kept.pop(), kept.pop()
            x = F.max_unpool2d(x, where, 2, output_size=size)
            for _ in block:
                layer, norm = next(layers)
                x = norm(layer(x))
        return x


class _Noh(_Switched, reference.NohDeconvNet):
    waist_relu, end = True, staticmethod(lambda x: x)

    def waist(self, x):
        for layer, norm in ((self.fc6, self.fc6_norm), (self.fc7, self.fc7_norm), (self.unfc6, self.unfc6_norm)):
            x = F.relu(norm(layer(x))) if self.waist_relu else norm(layer(x))
        return x

    def forward(self, x):
        return self.end(self.score(super().forward(x)))


@mistake("NohDeconvNet")
class NohWithoutWaistReLU(_Noh):
    """the waist has no ReLU

    fc6, fc7 and unfc6 have one each, behind their normalization.
    """

    waist_relu = False


@mistake("NohDeconvNet")
class NohNearest(_Noh):
    """every pixel is copied to all places of its window

    The switches say to which one it goes; the others are 0.
    """

    nearest = True


@mistake("NohDeconvNet")
class NohSlides(_Noh):
    """the decoder's kernels are slid over the map as convolutions

    They are transposed convolutions, which stamp: with stride 1 the kernel is turned round.
    """

    def stamped(self, layer):
        return lambda x: F.conv2d(x, layer.weight.transpose(0, 1), layer.bias, padding=1)


@mistake("NohDeconvNet")
class NohEndsInReLU(_Noh):
    """a ReLU follows the scores

    Scores may be negative.
    """

    end = staticmethod(F.relu)


@mistake("NohDeconvNet")
class NohNormLast(_Noh):
    """the ReLU comes before the batch normalization

    The order is convolution, normalization, ReLU.
    """

    norm_first = False


@mistake("NohDeconvNet")
class NohAlwaysSeven(reference.NohDeconvNet):
    """fc6 is 7 x 7 whatever the image size is

    7 is 224 / 32. The kernel is the map that five poolings leave of image_size.
    """

    def __init__(self, in_channels, classes, width=1.0, image_size=224):
        super().__init__(in_channels, classes, width, image_size)
        self.fc6 = nn.Conv2d(self.fc6.in_channels, self.fc6.out_channels, 7)
        self.unfc6 = nn.ConvTranspose2d(self.unfc6.in_channels, self.unfc6.out_channels, 7)


# UNet


class _Unet(reference.UNet):
    early, up_relu, end_relu = False, False, False

    def joined(self, copy, x):
        top, left = (copy.shape[2] - x.shape[2]) // 2, (copy.shape[3] - x.shape[3]) // 2
        return torch.cat((copy[:, :, top : top + x.shape[2], left : left + x.shape[3]], x), 1)

    def forward(self, x):
        copies = []
        for level in range(5):
            if level:
                x = F.max_pool2d(x, 2)
            first = F.relu(self.down[2 * level](x))
            x = F.relu(self.down[2 * level + 1](first))
            copies.append(first if self.early else x)
        copies.pop()
        for level, enlarge in enumerate(self.up):
            x = F.relu(enlarge(x)) if self.up_relu else enlarge(x)
            x = self.joined(copies.pop(), x)
            for convolution in self.merge[2 * level : 2 * level + 2]:
                x = F.relu(convolution(x))
        return F.relu(self.score(x)) if self.end_relu else self.score(x)


@mistake("UNet")
class UNetCopyLast(_Unet):
    """the copy is laid behind what comes from below

    The copy first: torch.cat((copy, x), dim=1).
    """

    def joined(self, copy, x):
        joined = super().joined(copy, x)
        return torch.cat((joined[:, x.shape[1] :], joined[:, : x.shape[1]]), 1)


@mistake("UNet")
class UNetTopLeft(_Unet):
    """the copy is cut at its top left corner

    Convolutions without padding lose as much on every side, so it is the middle that lies below the small map.
    """

    def joined(self, copy, x):
        return torch.cat((copy[:, :, : x.shape[2], : x.shape[3]], x), 1)


@mistake("UNet")
class UNetShrunkCopy(_Unet):
    """the copy is made smaller by interpolation

    A pixel of the copy must lie beside the pixel of the same place: cut out the middle.
    """

    def joined(self, copy, x):
        return torch.cat((F.interpolate(copy, x.shape[2:], mode="bilinear", align_corners=False), x), 1)


@mistake("UNet")
class UNetEarlyCopy(_Unet):
    """the copy is taken before a level's second convolution

    It is what enters the pooling: the maps behind the second.
    """

    early = True


@mistake("UNet")
class UNetReLUBelow(_Unet):
    """a ReLU follows the up-convolutions

    None stands there in the paper's figure; the next one comes behind the next convolution.
    """

    up_relu = True


@mistake("UNet")
class UNetEndsInReLU(_Unet):
    """a ReLU follows the scores

    Scores may be negative.
    """

    end_relu = True


@mistake("UNet")
class UNetAdds(_Unet):
    """the copy is added, not laid beside

    Then the convolution behind it sees half as many channels, and cannot tell the two apart.
    """

    def __init__(self, in_channels, classes, width=1.0, padding=1):
        super().__init__(in_channels, classes, width, padding)
        counts = [layer.out_channels for layer in self.up]
        self.merge = nn.ModuleList(nn.Conv2d(n, n, 3, padding=padding) for n in counts for _ in range(2))

    def joined(self, copy, x):
        return super().joined(copy, x)[:, : x.shape[1]] + x
