"""Chapter 12's solutions against PyTorch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")


def test_confusion_matrix():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"confusion_matrix": "why"}


def test_mean_iou():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"mean_iou": "why"}


def test_fill_bilinear_():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"fill_bilinear_": "why"}


def test_fcn8s():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"FCN8s": "why"}


def test_nohdeconvnet():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"NohDeconvNet": "why"}


def test_segnet():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"SegNet": "why"}


def test_unet():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"UNet": "why"}
