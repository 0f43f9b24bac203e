"""Chapter 13's solutions against PyTorch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")


def test_reparameterise():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"reparameterise": "why"}


def test_kl_divergence():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"kl_divergence": "why"}


def test_elbo_loss():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"elbo_loss": "why"}


def test_convvae():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"ConvVAE": "why"}


def test_dcgangenerator():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"DCGANGenerator": "why"}


def test_dcgandiscriminator():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"DCGANDiscriminator": "why"}


def test_generator_loss():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"generator_loss": "why"}


def test_discriminator_loss():
    raise NotImplementedError  # or, where PyTorch has none: NOTHING_TO_AGREE_WITH = {"discriminator_loss": "why"}
