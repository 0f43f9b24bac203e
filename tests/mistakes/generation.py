"""Wrong answers to chapter 13 that learners give."""

from __future__ import annotations

from deconv_grader.checks.known_answers import mistake

# reparameterise


@mistake("reparameterise")
def reparameterise_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("reparameterise")
def reparameterise_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("reparameterise")
def reparameterise_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("reparameterise")
def reparameterise_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# kl_divergence


@mistake("kl_divergence")
def kl_divergence_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("kl_divergence")
def kl_divergence_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("kl_divergence")
def kl_divergence_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("kl_divergence")
def kl_divergence_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# elbo_loss


@mistake("elbo_loss")
def elbo_loss_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("elbo_loss")
def elbo_loss_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("elbo_loss")
def elbo_loss_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("elbo_loss")
def elbo_loss_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# ConvVAE


@mistake("ConvVAE")
def convvae_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("ConvVAE")
def convvae_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("ConvVAE")
def convvae_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("ConvVAE")
def convvae_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# DCGANGenerator


@mistake("DCGANGenerator")
def dcgangenerator_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("DCGANGenerator")
def dcgangenerator_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("DCGANGenerator")
def dcgangenerator_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("DCGANGenerator")
def dcgangenerator_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# DCGANDiscriminator


@mistake("DCGANDiscriminator")
def dcgandiscriminator_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("DCGANDiscriminator")
def dcgandiscriminator_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("DCGANDiscriminator")
def dcgandiscriminator_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("DCGANDiscriminator")
def dcgandiscriminator_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# generator_loss


@mistake("generator_loss")
def generator_loss_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("generator_loss")
def generator_loss_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("generator_loss")
def generator_loss_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("generator_loss")
def generator_loss_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


# discriminator_loss


@mistake("discriminator_loss")
def discriminator_loss_mistake_1(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("discriminator_loss")
def discriminator_loss_mistake_2(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("discriminator_loss")
def discriminator_loss_mistake_3(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError


@mistake("discriminator_loss")
def discriminator_loss_mistake_4(x):
    """TODO: completes "Your result is the one you get when"

    TODO: a sentence or two that help.
    """
    raise NotImplementedError
