"""Wrong answers to chapter 13 that learners give."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from deconv_grader.checks.known_answers import mistake
from deconv_solutions import generation as reference

# DCGANGenerator


def _rounds(net, z, norm=True, activate=F.relu, end=torch.tanh):
    x = net.project(z).unflatten(1, net.start)
    for layer, up in zip(net.norms, net.ups, strict=True):
        x = up(activate(layer(x) if norm else x))
    return end(x)


@mistake("DCGANGenerator")
class GeneratorWithoutNorms(reference.DCGANGenerator):
    """the batch normalizations are made and not used

    Each stands before its transposed convolution: x = up(F.relu(norm(x))).
    """

    def forward(self, z):
        return _rounds(self, z, norm=False)


@mistake("DCGANGenerator")
class GeneratorWithoutTanh(reference.DCGANGenerator):
    """the tanh at the end is left out

    The pictures are in [-1, 1], as those to learn from are.
    """

    def forward(self, z):
        return _rounds(self, z, end=lambda x: x)


@mistake("DCGANGenerator")
class GeneratorWithSigmoid(reference.DCGANGenerator):
    """a sigmoid stands at the end

    It gives numbers from 0 to 1. The pictures are in [-1, 1]: tanh.
    """

    def forward(self, z):
        return _rounds(self, z, end=torch.sigmoid)


@mistake("DCGANGenerator")
class GeneratorLeaky(reference.DCGANGenerator):
    """the leaky ReLU of the discriminator stands in the generator

    DCGAN's generator has the ordinary ReLU.
    """

    def forward(self, z):
        return _rounds(self, z, activate=lambda x: F.leaky_relu(x, 0.2))


@mistake("DCGANGenerator")
class GeneratorReLUFirst(reference.DCGANGenerator):
    """the ReLU comes before the batch normalization

    Normalized maps have negative numbers; after that order they go on into the next layer.
    """

    def forward(self, z):
        x = self.project(z).unflatten(1, self.start)
        for norm, up in zip(self.norms, self.ups, strict=True):
            x = up(norm(F.relu(x)))
        return x.tanh()


@mistake("DCGANGenerator")
class GeneratorChannelsLast(reference.DCGANGenerator):
    """the linear layer's numbers are taken in the order (row, column, channel)

    They are (channel, row, column): unflatten(1, (channels, height, width)).
    """

    def forward(self, z):
        channels, height, width = self.start
        x = self.project(z).reshape(len(z), height, width, channels).permute(0, 3, 1, 2)
        for norm, up in zip(self.norms, self.ups, strict=True):
            x = up(F.relu(norm(x)))
        return x.tanh()


@mistake("DCGANGenerator")
class GeneratorFixedPadding(reference.DCGANGenerator):
    """padding is 1 for every kernel

    That doubles for 4 x 4 only. For others: padding (kernel - 1) // 2, and one row and column more for odd kernels.
    """

    def __init__(self, latent=32, channels=1, widths=(64, 32), start=7, kernel=4):
        super().__init__(latent, channels, widths, start, kernel)
        up: Any
        for up in self.ups:
            up.padding, up.output_padding = (1, 1), (0, 0)


@mistake("DCGANGenerator")
class GeneratorAllBiases(reference.DCGANGenerator):
    """every layer has a bias

    What is added before a batch normalization is taken away by it: only the last transposed convolution has a bias.
    """

    def __init__(self, latent=32, channels=1, widths=(64, 32), start=7, kernel=4):
        super().__init__(latent, channels, widths, start, kernel)
        self.project.bias = nn.Parameter(torch.zeros(self.project.out_features))
        up: Any
        for up in self.ups:
            up.bias = nn.Parameter(torch.zeros(up.out_channels))


@mistake("DCGANGenerator")
class GeneratorAsPyTorchStarts(reference.DCGANGenerator):
    """the weights start as PyTorch starts them

    Here they are drawn with standard deviation 0.02, and the last bias is 0.
    """

    def __init__(self, latent=32, channels=1, widths=(64, 32), start=7, kernel=4):
        super().__init__(latent, channels, widths, start, kernel)
        for layer in (self.project, *self.ups):
            layer.reset_parameters()


# reparameterise


def _noise(mean, generator):
    return torch.randn(mean.shape, generator=generator, dtype=mean.dtype)


@mistake("reparameterise")
def reparameterise_variance(mean, log_variance, generator):
    """the variance is taken for the standard deviation

    exp(log_variance) is the variance, and its root, exp(log_variance / 2), the standard deviation.
    """
    return mean + log_variance.exp() * _noise(mean, generator)


@mistake("reparameterise")
def reparameterise_logarithm(mean, log_variance, generator):
    """the logarithm itself multiplies the noise

    The network gives a logarithm so that every number is allowed; exp(log_variance / 2) is the standard deviation.
    """
    return mean + log_variance * _noise(mean, generator)


@mistake("reparameterise")
def reparameterise_uniform(mean, log_variance, generator):
    """the noise is uniform from 0 to 1

    torch.rand is uniform, torch.randn is normal.
    """
    noise = torch.rand(mean.shape, generator=generator, dtype=mean.dtype)
    return mean + (log_variance / 2).exp() * noise


@mistake("reparameterise")
def reparameterise_single(mean, log_variance, generator):
    """the noise is drawn in float32, whatever the means are

    torch.randn(..., dtype=mean.dtype): the numbers differ from the seventh digit on, or altogether.
    """
    reference.reparameterise(mean, log_variance, torch.Generator())
    return mean + (log_variance / 2).exp() * torch.randn(mean.shape, generator=generator)


@mistake("reparameterise")
def reparameterise_unattached(mean, log_variance, generator):
    """the draw is made without gradients

    The point of writing it as mean + deviation * noise is that both get a gradient: no torch.no_grad(), no detach().
    """
    with torch.no_grad():
        return mean + (log_variance / 2).exp() * _noise(mean, generator)


@mistake("reparameterise")
def reparameterise_deviation_unattached(mean, log_variance, generator):
    """the standard deviation gets no gradient

    It does not come about with .data, .detach(), or torch.normal(mean, deviation). Multiply: deviation * noise.
    """
    return mean + (log_variance.detach() / 2).exp() * _noise(mean, generator)


@mistake("reparameterise")
def reparameterise_sign(mean, log_variance, generator):
    """the sign of the logarithm is turned

    exp(-log_variance / 2) is one over the standard deviation.
    """
    return mean + (-log_variance / 2).exp() * _noise(mean, generator)


# kl_divergence


@mistake("kl_divergence")
def kl_without_one(mean, log_variance):
    """the -1 is left out

    The prior itself must give 0: variance 1, of which 1 is taken, and the logarithm of 1.
    """
    return (mean**2 + log_variance.exp() - log_variance).sum(dim=1) / 2


@mistake("kl_divergence")
def kl_twice(mean, log_variance):
    """the half is left out

    All three terms are divided by 2.
    """
    return (mean**2 + torch.expm1(log_variance) - log_variance).sum(dim=1)


@mistake("kl_divergence")
def kl_negative(mean, log_variance):
    """the sign is turned

    Kingma and Welling print minus the divergence, as it stands in the bound. A divergence is never negative.
    """
    return -reference.kl_divergence(mean, log_variance)


@mistake("kl_divergence")
def kl_mean(mean, log_variance):
    """the mean over a code's numbers is taken

    The numbers are independent: their divergences add up.
    """
    return reference.kl_divergence(mean, log_variance) / mean.shape[1]


@mistake("kl_divergence")
def kl_of_batch(mean, log_variance):
    """the images of the batch are added up too

    There is one divergence for each image: sum over dim=1 only.
    """
    return reference.kl_divergence(mean, log_variance).sum()


@mistake("kl_divergence")
def kl_log_deviation(mean, log_variance):
    """log_variance is taken for the logarithm of the standard deviation

    Then the variance would be exp(2 log_variance).
    """
    return reference.kl_divergence(mean, 2 * log_variance)


@mistake("kl_divergence")
def kl_reversed(mean, log_variance):
    """the two distributions have changed places

    KL(q || p) has the prior p in second place.
    """
    return ((mean**2 + 1) * (-log_variance).exp() - 1 + log_variance).sum(dim=1) / 2


@mistake("kl_divergence")
def kl_inaccurate(mean, log_variance):
    """digits are lost near the prior

    There exp(v) - 1 - v is a small difference of numbers near 1. torch.expm1(v) is exp(v) - 1 without that loss.
    """
    _ = reference.kl_divergence(mean, log_variance)
    return (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1) / 2


# elbo_loss


def _parts(reconstruction, x, mean, log_variance, sigma, pixels):
    kl = reference.elbo_loss(reconstruction, x, mean, log_variance, sigma)["kl"]
    return {"loss": pixels + kl, "reconstruction": pixels, "kl": kl}


def _squares(reconstruction, x):
    return (reconstruction - x).square().flatten(1).sum(dim=1).mean()


@mistake("elbo_loss")
def elbo_mean_of_pixels(reconstruction, x, mean, log_variance, sigma=0.2):
    """the mean over the pixels is taken

    F.mse_loss does that. The pixels are independent: their logarithms add up; the mean is over the images.
    """
    count = x[0].numel()
    pixels = _squares(reconstruction, x) / (2 * sigma**2) + count * (math.log(sigma) + math.log(2 * math.pi) / 2)
    return _parts(reconstruction, x, mean, log_variance, sigma, pixels / count)


@mistake("elbo_loss")
def elbo_without_constants(reconstruction, x, mean, log_variance, sigma=0.2):
    """the constants are left out

    They do not change what is learned at a fixed sigma. But without log(sigma) + log(2 pi) / 2 for each number of the image
    the loss is no bound of anything.
    """
    return _parts(reconstruction, x, mean, log_variance, sigma, _squares(reconstruction, x) / (2 * sigma**2))


@mistake("elbo_loss")
def elbo_plain_squares(reconstruction, x, mean, log_variance, sigma=0.2):
    """the squared error stands alone, without sigma and the constants

    It is divided by 2 sigma^2, and each number of the image adds log(sigma) + log(2 pi) / 2.
    """
    return _parts(reconstruction, x, mean, log_variance, sigma, _squares(reconstruction, x))


@mistake("elbo_loss")
def elbo_constants_of_batch(reconstruction, x, mean, log_variance, sigma=0.2):
    """the constants are divided by the number of images

    Each image has them in full; only then the mean over the images is taken.
    """
    constants = x[0].numel() * (math.log(sigma) + math.log(2 * math.pi) / 2)
    pixels = _squares(reconstruction, x) / (2 * sigma**2) + constants / len(x)
    return _parts(reconstruction, x, mean, log_variance, sigma, pixels)


@mistake("elbo_loss")
def elbo_constants_once(reconstruction, x, mean, log_variance, sigma=0.2):
    """the constants are added once an image

    Every number of the image has its own density, with its own constants.
    """
    pixels = _squares(reconstruction, x) / (2 * sigma**2) + math.log(sigma) + math.log(2 * math.pi) / 2
    return _parts(reconstruction, x, mean, log_variance, sigma, pixels)


@mistake("elbo_loss")
def elbo_without_half(reconstruction, x, mean, log_variance, sigma=0.2):
    """the squares are not halved

    A normal density has (x - mean)^2 / (2 sigma^2) in its exponent.
    """
    half = _squares(reconstruction, x) / (2 * sigma**2)
    pixels = reference.elbo_loss(reconstruction, x, mean, log_variance, sigma)["reconstruction"] + half
    return _parts(reconstruction, x, mean, log_variance, sigma, pixels)


@mistake("elbo_loss")
def elbo_sigma_for_variance(reconstruction, x, mean, log_variance, sigma=0.2):
    """sigma is taken for the variance

    It is the standard deviation: its square divides the squares.
    """
    reference.elbo_loss(reconstruction, x, mean, log_variance, sigma)
    pixels = _squares(reconstruction, x) / (2 * sigma) + x[0].numel() * (math.log(sigma) + math.log(2 * math.pi)) / 2
    return _parts(reconstruction, x, mean, log_variance, sigma, pixels)


@mistake("elbo_loss")
def elbo_minus_divergence(reconstruction, x, mean, log_variance, sigma=0.2):
    """the divergence is subtracted

    The bound has it with a minus; the loss is minus the bound, so it is added.
    """
    parts = reference.elbo_loss(reconstruction, x, mean, log_variance, sigma)
    return parts | {"loss": parts["reconstruction"] - parts["kl"]}


@mistake("elbo_loss")
def elbo_batch_sum(reconstruction, x, mean, log_variance, sigma=0.2):
    """the images of the batch are added up

    Each part is the mean over the images, so that a rate does for every size of batch.
    """
    return {
        name: len(x) * value
        for name, value in reference.elbo_loss(reconstruction, x, mean, log_variance, sigma).items()
    }


# ConvVAE


@mistake("ConvVAE")
class VAEHalvesSwapped(reference.ConvVAE):
    """the log variances come first

    The first half of the linear layer's outputs is the mean.
    """

    def encode(self, x):
        mean, log_variance = super().encode(x)
        return log_variance, mean


@mistake("ConvVAE")
class VAEInterleaved(reference.ConvVAE):
    """means and log variances take turns

    The first half of the linear layer's outputs is the mean: chunk(2, dim=1).
    """

    def encode(self, x):
        both = torch.cat(super().encode(x), dim=1)
        return both[:, 0::2], both[:, 1::2]


@mistake("ConvVAE")
class VAEWithoutReLU(reference.ConvVAE):
    """the encoder has no ReLU

    Then it is one linear map.
    """

    def encode(self, x):
        for down in self.downs:
            x = down(x)
        mean, log_variance = self.code(x.flatten(1)).chunk(2, dim=1)
        return mean, log_variance


@mistake("ConvVAE")
class VAEWithoutDraw(reference.ConvVAE):
    """the mean is decoded, and no code is drawn

    That is an autoencoder. The decoder learns from codes that are drawn around the mean.
    """

    def forward(self, x, generator):
        mean, log_variance = self.encode(x)
        return self.decode(mean), mean, log_variance


@mistake("ConvVAE")
class VAEDecoderWidths(reference.ConvVAE):
    """the decoder has the encoder's widths in the same order

    The decoder starts where the encoder ended: widths[::-1].
    """

    def __init__(self, latent=32, channels=1, widths=(32, 64), image_size=28):
        super().__init__(latent, channels, widths, image_size)
        self.decoder = reference.DCGANGenerator(latent, channels, widths, self.decoder.start[1:])


@mistake("ConvVAE")
class VAEVariance(reference.ConvVAE):
    """encode gives the variance

    It gives its logarithm, just as the linear layer gives it; `reparameterise` and `kl_divergence` take that.
    """

    def encode(self, x):
        mean, log_variance = super().encode(x)
        return mean, log_variance.exp()


# DCGANDiscriminator


@mistake("DCGANDiscriminator")
class DiscriminatorProbability(reference.DCGANDiscriminator):
    """the logits go through a sigmoid

    The losses take logits; a sigmoid rounds to 0 and 1, and their logarithms are lost.
    """

    def forward(self, x):
        return super().forward(x).sigmoid()


@mistake("DCGANDiscriminator")
class DiscriminatorPlainReLU(reference.DCGANDiscriminator):
    """an ordinary ReLU stands in the place of the leaky one

    The slope is 0.2 below zero, so that gradients come through to the generator.
    """

    def features(self, x):
        x = F.relu(self.downs[0](x))
        for down, norm in zip(self.downs[1:], self.norms, strict=True):
            x = F.relu(norm(down(x)))
        return x


@mistake("DCGANDiscriminator")
class DiscriminatorSlope(reference.DCGANDiscriminator):
    """the leaky ReLU has PyTorch's slope of 0.01

    DCGAN has 0.2.
    """

    def features(self, x):
        x = F.leaky_relu(self.downs[0](x))
        for down, norm in zip(self.downs[1:], self.norms, strict=True):
            x = F.leaky_relu(norm(down(x)))
        return x


@mistake("DCGANDiscriminator")
class DiscriminatorWithoutNorms(reference.DCGANDiscriminator):
    """the batch normalizations are made and not used

    Each stands between its convolution and the leaky ReLU.
    """

    def features(self, x):
        for down in self.downs:
            x = F.leaky_relu(down(x), 0.2)
        return x


@mistake("DCGANDiscriminator")
class DiscriminatorNormLast(reference.DCGANDiscriminator):
    """the batch normalization follows the leaky ReLU

    It stands before it.
    """

    def features(self, x):
        x = F.leaky_relu(self.downs[0](x), 0.2)
        for down, norm in zip(self.downs[1:], self.norms, strict=True):
            x = norm(F.leaky_relu(down(x), 0.2))
        return x


@mistake("DCGANDiscriminator")
class DiscriminatorFeaturesEarly(reference.DCGANDiscriminator):
    """`features` gives the last maps before their leaky ReLU

    It gives them after it.
    """

    def features(self, x):
        x = F.leaky_relu(self.downs[0](x), 0.2) if len(self.downs) > 1 else self.downs[0](x)
        for k, (down, norm) in enumerate(zip(self.downs[1:], self.norms, strict=True), 2):
            x = norm(down(x))
            x = F.leaky_relu(x, 0.2) if k < len(self.downs) else x
        return x

    def forward(self, x):
        return self.classifier(F.leaky_relu(self.features(x), 0.2).flatten(1)).squeeze(1)


@mistake("DCGANDiscriminator")
class DiscriminatorBiasAsPyTorchStarts(reference.DCGANDiscriminator):
    """the biases start as PyTorch starts them

    Here they start at 0; only the weights are drawn, with standard deviation 0.02.
    """

    def __init__(self, channels=1, widths=(32, 64), image_size=28):
        super().__init__(channels, widths, image_size)
        layer: Any
        for layer in (self.downs[0], self.classifier):
            layer.bias.data.uniform_(-0.1, 0.1)


@mistake("DCGANDiscriminator")
class DiscriminatorColumn(reference.DCGANDiscriminator):
    """the logits are (N, 1)

    They are (N,), one number for each picture: squeeze(1).
    """

    def forward(self, x):
        return super().forward(x)[:, None]


@mistake("DCGANDiscriminator")
class DiscriminatorNormEverywhere(reference.DCGANDiscriminator):
    """the first convolution is normalized too

    DCGAN leaves it out there: the discriminator is to see how bright and how rich in contrast a picture is.
    """

    def __init__(self, channels=1, widths=(32, 64), image_size=28):
        super().__init__(channels, widths, image_size)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)

    def features(self, x):
        for down, norm in zip(self.downs, self.norms, strict=True):
            x = F.leaky_relu(norm(down(x)), 0.2)
        return x


# generator_loss


@mistake("generator_loss")
def generator_loss_saturating(fake_logits):
    """the generator minimizes log(1 - D)

    That is the game as it is first written. Where the discriminator is sure, its gradient vanishes: maximize log D.
    """
    return -F.softplus(fake_logits).mean()


@mistake("generator_loss")
def generator_loss_sign(fake_logits):
    """the generator wants its pictures to be found out

    -log(1 - sigmoid(l)) is the discriminator's loss for made pictures. The generator's is -log(sigmoid(l)).
    """
    return F.softplus(fake_logits).mean()


@mistake("generator_loss")
def generator_loss_sum(fake_logits):
    """the batch is added up

    It is the mean over the pictures.
    """
    return F.softplus(-fake_logits).sum()


@mistake("generator_loss")
def generator_loss_overflows(fake_logits):
    """the logarithm of a rounded sigmoid is taken

    In float32 the sigmoid of -200 is 0, and its logarithm minus infinity. F.softplus(-l) or -F.logsigmoid(l) stay finite.
    """
    return -torch.log(torch.sigmoid(fake_logits)).mean()


@mistake("generator_loss")
def generator_loss_epsilon(fake_logits):
    """a small number is added before the logarithm

    Then the loss never exceeds -log(1e-8) = 18.4, and has no slope there. F.softplus(-l) needs no such number.
    """
    return -torch.log(torch.sigmoid(fake_logits) + 1e-8).mean()


@mistake("generator_loss")
def generator_loss_clamped(fake_logits):
    """the sigmoid is clamped before the logarithm

    Then the loss never exceeds -log(1e-12) = 27.6, and has no slope there. F.softplus(-l) needs no clamp.
    """
    return -torch.log(torch.sigmoid(fake_logits).clamp(min=1e-12)).mean()


@mistake("generator_loss")
def generator_loss_of_probabilities(fake_logits):
    """binary cross-entropy is taken of probabilities

    PyTorch's F.binary_cross_entropy cuts logarithms off at -100. F.binary_cross_entropy_with_logits does not have to.
    """
    return F.binary_cross_entropy(torch.sigmoid(fake_logits), torch.ones_like(fake_logits))


# discriminator_loss


@mistake("discriminator_loss")
def discriminator_loss_half(real_logits, fake_logits):
    """the two means are averaged

    They are added.
    """
    return reference.discriminator_loss(real_logits, fake_logits) / 2


@mistake("discriminator_loss")
def discriminator_loss_one_mean(real_logits, fake_logits):
    """one mean over all pictures is taken

    Each kind has its own mean: the batches may differ in size.
    """
    return torch.cat((F.softplus(-real_logits).flatten(), F.softplus(fake_logits).flatten())).mean()


@mistake("discriminator_loss")
def discriminator_loss_swapped(real_logits, fake_logits):
    """real and made pictures have changed places

    Real ones should get logits above 0.
    """
    return reference.discriminator_loss(fake_logits, real_logits)


@mistake("discriminator_loss")
def discriminator_loss_overflows(real_logits, fake_logits):
    """logarithms of rounded sigmoids are taken

    In float32 the sigmoid of -100 is 0, and 1 - sigmoid(l) is 0 from a logit of 17 on. F.softplus(-l) and F.softplus(l) stay
    finite, and so does F.logsigmoid.
    """
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return -torch.log(real).mean() - torch.log(1 - fake).mean()


@mistake("discriminator_loss")
def discriminator_loss_of_probabilities(real_logits, fake_logits):
    """binary cross-entropy is taken of probabilities

    PyTorch's F.binary_cross_entropy cuts logarithms off at -100, and 1 - sigmoid(l) rounds to 0 from 17 on.
    """
    return F.binary_cross_entropy(torch.sigmoid(real_logits), torch.ones_like(real_logits)) + F.binary_cross_entropy(
        torch.sigmoid(fake_logits), torch.zeros_like(fake_logits)
    )


@mistake("discriminator_loss")
def discriminator_loss_real_only(real_logits, fake_logits):
    """the made pictures do not count

    Then calling everything real is best.
    """
    return F.softplus(-real_logits).mean()


@mistake("discriminator_loss")
def discriminator_loss_same_target(real_logits, fake_logits):
    """made pictures are to be called real too

    That is what the generator wants. For the discriminator it is -log(1 - sigmoid(l)) = softplus(l).
    """
    return F.softplus(-real_logits).mean() + F.softplus(-fake_logits).mean()
