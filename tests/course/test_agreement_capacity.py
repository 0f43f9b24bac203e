"""Chapter 16's solutions against PyTorch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")


def test_count_parameters():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"count_parameters": "why"}


def test_separabletranspose2d():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"SeparableTranspose2d": "why"}


def test_low_rank_transpose():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"low_rank_transpose": "why"}


def test_tie_weights():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"tie_weights": "why"}


def test_generalisation_gap():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"generalisation_gap": "why"}
