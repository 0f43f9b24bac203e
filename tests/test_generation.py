"""What grades chapter 13."""

from __future__ import annotations

from deconv_grader.checks.writing import check

# reparameterise


@check("reparameterise", "TODO: a case that you can work out by hand", weight=2)
def test_reparameterise_by_hand(learner):
    raise NotImplementedError  # learner.reparameterise.gives(expected, x)


@check("reparameterise", "TODO: any ...", hidden=True)
def test_reparameterise_drawn(learner):
    raise NotImplementedError  # learner.reparameterise.gives(reference.reparameterise(x), x), x drawn by @given


@check("reparameterise", "refuses TODO")
def test_reparameterise_refuses(learner):
    raise NotImplementedError  # learner.reparameterise.raises(ValueError, x)


# kl_divergence


@check("kl_divergence", "TODO: a case that you can work out by hand", weight=2)
def test_kl_divergence_by_hand(learner):
    raise NotImplementedError  # learner.kl_divergence.gives(expected, x)


@check("kl_divergence", "TODO: any ...", hidden=True)
def test_kl_divergence_drawn(learner):
    raise NotImplementedError  # learner.kl_divergence.gives(reference.kl_divergence(x), x), x drawn by @given


@check("kl_divergence", "refuses TODO")
def test_kl_divergence_refuses(learner):
    raise NotImplementedError  # learner.kl_divergence.raises(ValueError, x)


# elbo_loss


@check("elbo_loss", "TODO: a case that you can work out by hand", weight=2)
def test_elbo_loss_by_hand(learner):
    raise NotImplementedError  # learner.elbo_loss.gives(expected, x)


@check("elbo_loss", "TODO: any ...", hidden=True)
def test_elbo_loss_drawn(learner):
    raise NotImplementedError  # learner.elbo_loss.gives(reference.elbo_loss(x), x), x drawn by @given


@check("elbo_loss", "refuses TODO")
def test_elbo_loss_refuses(learner):
    raise NotImplementedError  # learner.elbo_loss.raises(ValueError, x)


# ConvVAE


@check("ConvVAE", "TODO: a case that you can work out by hand", weight=2)
def test_convvae_by_hand(learner):
    raise NotImplementedError  # learner.ConvVAE.gives(expected, x)


@check("ConvVAE", "TODO: any ...", hidden=True)
def test_convvae_drawn(learner):
    raise NotImplementedError  # learner.ConvVAE.gives(reference.ConvVAE(x), x), x drawn by @given


@check("ConvVAE", "refuses TODO")
def test_convvae_refuses(learner):
    raise NotImplementedError  # learner.ConvVAE.raises(ValueError, x)


# DCGANGenerator


@check("DCGANGenerator", "TODO: a case that you can work out by hand", weight=2)
def test_dcgangenerator_by_hand(learner):
    raise NotImplementedError  # learner.DCGANGenerator.gives(expected, x)


@check("DCGANGenerator", "TODO: any ...", hidden=True)
def test_dcgangenerator_drawn(learner):
    raise NotImplementedError  # learner.DCGANGenerator.gives(reference.DCGANGenerator(x), x), x drawn by @given


@check("DCGANGenerator", "refuses TODO")
def test_dcgangenerator_refuses(learner):
    raise NotImplementedError  # learner.DCGANGenerator.raises(ValueError, x)


# DCGANDiscriminator


@check("DCGANDiscriminator", "TODO: a case that you can work out by hand", weight=2)
def test_dcgandiscriminator_by_hand(learner):
    raise NotImplementedError  # learner.DCGANDiscriminator.gives(expected, x)


@check("DCGANDiscriminator", "TODO: any ...", hidden=True)
def test_dcgandiscriminator_drawn(learner):
    raise NotImplementedError  # learner.DCGANDiscriminator.gives(reference.DCGANDiscriminator(x), x), x drawn by @given


@check("DCGANDiscriminator", "refuses TODO")
def test_dcgandiscriminator_refuses(learner):
    raise NotImplementedError  # learner.DCGANDiscriminator.raises(ValueError, x)


# generator_loss


@check("generator_loss", "TODO: a case that you can work out by hand", weight=2)
def test_generator_loss_by_hand(learner):
    raise NotImplementedError  # learner.generator_loss.gives(expected, x)


@check("generator_loss", "TODO: any ...", hidden=True)
def test_generator_loss_drawn(learner):
    raise NotImplementedError  # learner.generator_loss.gives(reference.generator_loss(x), x), x drawn by @given


@check("generator_loss", "refuses TODO")
def test_generator_loss_refuses(learner):
    raise NotImplementedError  # learner.generator_loss.raises(ValueError, x)


# discriminator_loss


@check("discriminator_loss", "TODO: a case that you can work out by hand", weight=2)
def test_discriminator_loss_by_hand(learner):
    raise NotImplementedError  # learner.discriminator_loss.gives(expected, x)


@check("discriminator_loss", "TODO: any ...", hidden=True)
def test_discriminator_loss_drawn(learner):
    raise NotImplementedError  # learner.discriminator_loss.gives(reference.discriminator_loss(x), x), x drawn by @given


@check("discriminator_loss", "refuses TODO")
def test_discriminator_loss_refuses(learner):
    raise NotImplementedError  # learner.discriminator_loss.raises(ValueError, x)
