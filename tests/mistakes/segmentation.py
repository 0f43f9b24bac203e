"""Wrong answers to chapter 12 that learners give."""

from __future__ import annotations

from deconv_grader.checks.known_answers import mistake

# confusion_matrix


@mistake("confusion_matrix")
def confusion_matrix_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("confusion_matrix")
def confusion_matrix_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("confusion_matrix")
def confusion_matrix_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("confusion_matrix")
def confusion_matrix_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# mean_iou


@mistake("mean_iou")
def mean_iou_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("mean_iou")
def mean_iou_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("mean_iou")
def mean_iou_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("mean_iou")
def mean_iou_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# fill_bilinear_


@mistake("fill_bilinear_")
def fill_bilinear__mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("fill_bilinear_")
def fill_bilinear__mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("fill_bilinear_")
def fill_bilinear__mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("fill_bilinear_")
def fill_bilinear__mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# FCN8s


@mistake("FCN8s")
def fcn8s_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("FCN8s")
def fcn8s_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("FCN8s")
def fcn8s_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("FCN8s")
def fcn8s_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# NohDeconvNet


@mistake("NohDeconvNet")
def nohdeconvnet_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("NohDeconvNet")
def nohdeconvnet_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("NohDeconvNet")
def nohdeconvnet_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("NohDeconvNet")
def nohdeconvnet_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# SegNet


@mistake("SegNet")
def segnet_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("SegNet")
def segnet_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("SegNet")
def segnet_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("SegNet")
def segnet_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# UNet


@mistake("UNet")
def unet_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("UNet")
def unet_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("UNet")
def unet_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("UNet")
def unet_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError
