"""Right answers to chapter 12, written in other ways than the solutions."""

from __future__ import annotations

from deconv_grader.checks.known_answers import variant


@variant("confusion_matrix")
def confusion_matrix_variant_1(x):
    raise NotImplementedError  # TODO


@variant("confusion_matrix")
def confusion_matrix_variant_2(x):
    raise NotImplementedError  # TODO


@variant("mean_iou")
def mean_iou_variant_1(x):
    raise NotImplementedError  # TODO


@variant("mean_iou")
def mean_iou_variant_2(x):
    raise NotImplementedError  # TODO


@variant("fill_bilinear_")
def fill_bilinear__variant_1(x):
    raise NotImplementedError  # TODO


@variant("fill_bilinear_")
def fill_bilinear__variant_2(x):
    raise NotImplementedError  # TODO


@variant("FCN8s")
def fcn8s_variant_1(x):
    raise NotImplementedError  # TODO


@variant("FCN8s")
def fcn8s_variant_2(x):
    raise NotImplementedError  # TODO


@variant("NohDeconvNet")
def nohdeconvnet_variant_1(x):
    raise NotImplementedError  # TODO


@variant("NohDeconvNet")
def nohdeconvnet_variant_2(x):
    raise NotImplementedError  # TODO


@variant("SegNet")
def segnet_variant_1(x):
    raise NotImplementedError  # TODO


@variant("SegNet")
def segnet_variant_2(x):
    raise NotImplementedError  # TODO


@variant("UNet")
def unet_variant_1(x):
    raise NotImplementedError  # TODO


@variant("UNet")
def unet_variant_2(x):
    raise NotImplementedError  # TODO
