"""Right answers to chapter 13, written in other ways than the solutions."""

from __future__ import annotations

from deconv_grader.checks.known_answers import variant


@variant("reparameterise")
def reparameterise_variant_1(x):
    raise NotImplementedError  # TODO


@variant("reparameterise")
def reparameterise_variant_2(x):
    raise NotImplementedError  # TODO


@variant("kl_divergence")
def kl_divergence_variant_1(x):
    raise NotImplementedError  # TODO


@variant("kl_divergence")
def kl_divergence_variant_2(x):
    raise NotImplementedError  # TODO


@variant("elbo_loss")
def elbo_loss_variant_1(x):
    raise NotImplementedError  # TODO


@variant("elbo_loss")
def elbo_loss_variant_2(x):
    raise NotImplementedError  # TODO


@variant("ConvVAE")
def convvae_variant_1(x):
    raise NotImplementedError  # TODO


@variant("ConvVAE")
def convvae_variant_2(x):
    raise NotImplementedError  # TODO


@variant("DCGANGenerator")
def dcgangenerator_variant_1(x):
    raise NotImplementedError  # TODO


@variant("DCGANGenerator")
def dcgangenerator_variant_2(x):
    raise NotImplementedError  # TODO


@variant("DCGANDiscriminator")
def dcgandiscriminator_variant_1(x):
    raise NotImplementedError  # TODO


@variant("DCGANDiscriminator")
def dcgandiscriminator_variant_2(x):
    raise NotImplementedError  # TODO


@variant("generator_loss")
def generator_loss_variant_1(x):
    raise NotImplementedError  # TODO


@variant("generator_loss")
def generator_loss_variant_2(x):
    raise NotImplementedError  # TODO


@variant("discriminator_loss")
def discriminator_loss_variant_1(x):
    raise NotImplementedError  # TODO


@variant("discriminator_loss")
def discriminator_loss_variant_2(x):
    raise NotImplementedError  # TODO
