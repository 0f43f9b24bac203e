"""Decoders that make pictures: a VAE, a DCGAN, their losses. Chapter 13."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: F401 (for your answers)
from torch import nn

from deconvlib.course.arguments import integer, pair  # noqa: F401 (for your answers)
from deconvlib.course.exercise import exercise


@exercise(
    title="The decoder: DCGAN's generator",
    points=6,
    minutes=35,
    difficulty=2,
    forbids=("scipy",),
    deadline=10.0,
    hints=(
        "One linear layer makes the first maps, which are small: unflatten(1, (channels, height, width)). From there, each "
        "round has the same three parts: normalize, ReLU, double.",
        "Chapter 3: a transposed convolution of stride 2 gives (n - 1) 2 - 2 padding + kernel + output_padding. Which padding "
        "and output_padding make that 2 n, for an even kernel and for an odd one?",
        "padding = (kernel - 1) // 2 and output_padding = kernel % 2. The list of channels is [*widths, channels]; its "
        "neighbors (itertools.pairwise) are what each layer takes and gives.",
        "There are as many norms as transposed convolutions, and each stands before its convolution: "
        "x = up(F.relu(norm(x))). After the last there is only tanh. nn.init.normal_(layer.weight, 0.0, 0.02) for the linear "
        "layer and the transposed convolutions.",
    ),
)
class DCGANGenerator(nn.Module):
    """From a code, a vector of random numbers, to a picture: a linear layer, then transposed convolutions that double.

    The linear layer's result is taken as maps (widths[0], height, width). Then, for each entry of `widths`: batch
    normalization, ReLU, and a transposed convolution of stride 2 that doubles height and width exactly. They give
    widths[1], widths[2], ... and at last `channels` maps. The end is tanh.

    Parameters
    ----------
    latent : int
        Numbers in a code.
    channels : int
        Of the picture.
    widths : sequence of int
        Maps before each doubling, the first and smallest maps first.
    start : int or (height, width)
        Size of the first maps. The picture is 2 ** len(widths) times as large.
    kernel : int
        Height and width of every kernel, even or odd, at least 2.

    Attributes
    ----------
    project : torch.nn.Linear
        No bias. Its result is ordered (channel, row, column).
    ups : torch.nn.ModuleList of torch.nn.ConvTranspose2d
        Only the last has a bias: batch normalization would take away the others'.
    norms : torch.nn.ModuleList of torch.nn.BatchNorm2d
        norms[0] is for the linear layer's maps, norms[k] for what ups[k - 1] gives.

    Methods
    -------
    forward(z)
        Pictures (N, channels, H, W) in [-1, 1] for codes `z` (N, latent).

    Raises
    ------
    ValueError
        If `widths` is empty or the kernel is below 2.

    Notes
    -----
    A. Radford, L. Metz and S. Chintala, Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
    Networks, ICLR 2016, section 3 and figure 1. As there, the weights of `project` and `ups` start as normal numbers of mean 0
    and standard deviation 0.02; the last bias starts at 0, and batch normalization as PyTorch has it. The paper's network is
    ``DCGANGenerator(100, 3, (1024, 512, 256, 128), 4, kernel=5)``.

    Examples
    --------
    >>> generator = DCGANGenerator(latent=5, channels=1, widths=(4, 2), start=(2, 3))
    >>> tuple(generator(torch.zeros(6, 5)).shape)
    (6, 1, 8, 12)
    >>> [tuple(up.weight.shape) for up in generator.ups]
    [(4, 2, 4, 4), (2, 1, 4, 4)]
    """

    def __init__(
        self,
        latent: int = 32,
        channels: int = 1,
        widths: Sequence[int] = (64, 32),
        start: int | tuple[int, int] = 7,
        kernel: int = 4,
    ) -> None:
        raise NotImplementedError

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


@exercise(
    title="A draw that gradients pass through",
    points=3,
    minutes=15,
    difficulty=1,
    forbids=("scipy", "torch.distributions"),
    hints=(
        "A normal number of mean m and standard deviation s is m + s times a standard normal number. Then m and s stand in an "
        "ordinary sum and product, which have gradients.",
        "log_variance is the logarithm of the variance: which power of e is the standard deviation?",
        "torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device), times "
        "(log_variance / 2).exp(), plus mean.",
    ),
)
def reparameterise(mean: torch.Tensor, log_variance: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Draw from normal distributions so that gradients flow to their means and log variances.

    z = mean + standard deviation * noise, with ``noise`` drawn once, standard normal, in the shape and dtype of `mean`.

    Parameters
    ----------
    mean, log_variance : floating tensors of one shape
        The natural logarithm of the variance, so that every number is allowed.
    generator : torch.Generator
        Where the noise comes from, so that the same seed gives the same draw.

    Returns
    -------
    z : tensor, shape, dtype and device of `mean`
        With gradients to `mean` and `log_variance`.

    Raises
    ------
    ValueError
        If the shapes differ.

    Notes
    -----
    D. P. Kingma and M. Welling, Auto-Encoding Variational Bayes, ICLR 2014, section 2.4.

    Examples
    --------
    >>> mean = torch.tensor([[1.0, -2.0]])
    >>> no_variance = torch.tensor([[-80.0, -80.0]])                        # but for 2e-35
    >>> reparameterise(mean, no_variance, torch.Generator().manual_seed(0)).tolist()
    [[1.0, -2.0]]
    """
    raise NotImplementedError


@exercise(
    title="How far a code's distribution is from the prior",
    points=3,
    minutes=15,
    difficulty=1,
    forbids=("scipy", "torch.distributions", "torch.nn.functional.kl_div"),
    hints=(
        "For one number with mean m and variance v, the divergence from a standard normal is (m^2 + v - 1 - log v) / 2.",
        "The numbers of a code are independent, so their divergences add up. The images of a batch are not added.",
        "v is log_variance.exp(). Near log_variance = 0, v - 1 is a small difference of two numbers near 1: torch.expm1 "
        "computes it without losing digits.",
    ),
)
def kl_divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Return, for each image, KL(N(mean, variance) || N(0, 1)), summed over the numbers of its code, in nats.

    Parameters
    ----------
    mean, log_variance : floating tensors (N, latent)

    Returns
    -------
    kl : tensor (N,)
        Never negative. Accurate near 0 too: for a log variance of 1e-3 it is 2.5e-7 and not a rounding error.

    Raises
    ------
    ValueError
        If the shapes differ or there are not two axes.

    Notes
    -----
    Kingma and Welling (2014), appendix B.

    Examples
    --------
    >>> kl_divergence(torch.tensor([[0.0, 2.0], [0.0, 0.0]]), torch.zeros(2, 2)).tolist()
    [2.0, 0.0]
    """
    raise NotImplementedError


@exercise(
    title="The evidence lower bound, as a loss",
    points=4,
    minutes=25,
    difficulty=2,
    needs=("kl_divergence",),
    forbids=("scipy", "torch.distributions"),
    hints=(
        "Two parts. How unlikely are the pixels if the reconstruction is their mean? How far is the code from the prior?",
        "Minus the logarithm of a normal density: (x - m)^2 / (2 sigma^2) + log(sigma) + log(2 pi) / 2. One such term for each "
        "number of the image, all added up.",
        "Add over the numbers of an image, and only then take the mean over the images. F.mse_loss divides by both.",
    ),
)
def elbo_loss(
    reconstruction: torch.Tensor,
    x: torch.Tensor,
    mean: torch.Tensor,
    log_variance: torch.Tensor,
    sigma: float = 0.2,
) -> dict[str, torch.Tensor]:
    """Return minus the evidence lower bound, estimated with one draw of the code for each image, in nats an image.

    The model of the pixels: independent, normal, with `reconstruction` as their means and standard deviation `sigma`.

    Parameters
    ----------
    reconstruction, x : floating tensors of one shape, (N, C, H, W) or any other with N first
    mean, log_variance : floating tensors (N, latent)
        Of the distributions from which the codes of `reconstruction` were drawn.
    sigma : float
        Positive: how far a pixel may be off at little cost.

    Returns
    -------
    parts : dict of tensors with no axes, each the mean over the N images, with gradients
        ``"reconstruction"``: minus the log density of the image, its constants included. ``"kl"``: the mean of
        `kl_divergence`. ``"loss"``: their sum.

    Raises
    ------
    ValueError
        If the shapes do not belong together, or `sigma` is not a positive, finite number.

    Notes
    -----
    Kingma and Welling (2014), equations (3) and (10). If you call `kl_divergence`, the gradients come through your own: write
    it first.

    Examples
    --------
    >>> x, code = torch.zeros(1, 1, 1, 2), torch.zeros(1, 1)
    >>> parts = elbo_loss(torch.tensor([[[[3.0, 1.0]]]]), x, code, code, sigma=1.0)
    >>> {name: round(float(value), 3) for name, value in parts.items()}     # 10 / 2 + 2 * 0.919
    {'loss': 6.838, 'reconstruction': 6.838, 'kl': 0.0}
    """
    raise NotImplementedError


@exercise(
    title="A variational autoencoder",
    points=6,
    minutes=30,
    difficulty=2,
    needs=("reparameterise", "DCGANGenerator"),
    forbids=("scipy", "torch.distributions"),
    deadline=10.0,
    hints=(
        "The encoder is a small classifier without an end: convolutions of 4 x 4, stride 2, padding 1, each followed by a ReLU; "
        "then flatten and one linear layer with 2 * latent outputs.",
        "The first half of these outputs is the mean, the second the log variance: chunk(2, dim=1).",
        "The decoder is DCGANGenerator(latent, channels, widths[::-1], (H // 2 ** blocks, W // 2 ** blocks)), imported from "
        "deconvlib or standing above.",
    ),
)
class ConvVAE(nn.Module):
    """A convolutional encoder to the mean and log variance of a code, and DCGAN's generator as the decoder.

    Parameters
    ----------
    latent : int
        Numbers in a code.
    channels : int
        Of the pictures.
    widths : sequence of int
        Output channels of each convolution of the encoder. The decoder has them in reverse order.
    image_size : int or (H, W)
        Multiples of 2 ** len(widths).

    Attributes
    ----------
    downs : torch.nn.ModuleList of torch.nn.Conv2d
        4 x 4, stride 2, padding 1, with bias. A ReLU follows each.
    code : torch.nn.Linear
        To 2 * latent numbers: the means, then the log variances.
    decoder : DCGANGenerator

    Methods
    -------
    encode(x)
        ``(mean, log_variance)``, each (N, latent), for pictures `x` (N, channels, H, W) in [-1, 1].
    decode(z)
        Pictures (N, channels, H, W) for codes (N, latent).
    forward(x, generator)
        ``(reconstruction, mean, log_variance)``: `reparameterise` draws one code for each picture.

    Raises
    ------
    ValueError
        If `widths` is empty, or the image size is not a multiple of 2 ** len(widths).

    Notes
    -----
    Kingma and Welling (2014), section 3, with a convolutional encoder and decoder. The decoder that is graded along is your
    own `DCGANGenerator`: write it first.

    Examples
    --------
    >>> vae = ConvVAE(latent=5, channels=1, widths=(4, 8), image_size=(8, 12))
    >>> [tuple(part.shape) for part in vae(torch.zeros(6, 1, 8, 12), torch.Generator())]
    [(6, 1, 8, 12), (6, 5), (6, 5)]
    """

    def __init__(
        self,
        latent: int = 32,
        channels: int = 1,
        widths: Sequence[int] = (32, 64),
        image_size: int | tuple[int, int] = 28,
    ) -> None:
        raise NotImplementedError

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        raise NotImplementedError

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def forward(self, x: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        raise NotImplementedError


@exercise(
    title="The discriminator",
    points=5,
    minutes=25,
    difficulty=2,
    forbids=("scipy",),
    deadline=10.0,
    hints=(
        "The generator the other way round: convolutions of stride 2 that halve, and a linear layer at the end.",
        "Inside a block: convolution, batch normalization, leaky ReLU. The first block has no batch normalization, so its "
        "convolution has a bias, and the others' have none.",
        "F.leaky_relu(x, 0.2). forward is self.classifier(self.features(x).flatten(1)).squeeze(1), with no sigmoid: the losses "
        "take logits.",
    ),
)
class DCGANDiscriminator(nn.Module):
    """A picture's logit: above 0 if it is taken for a real one, below 0 if for a made one.

    For each entry of `widths` a convolution of 4 x 4 with stride 2 and padding 1, which halves height and width, batch
    normalization but for the first, and leaky ReLU with slope 0.2. A linear layer ends it.

    Parameters
    ----------
    channels : int
        Of the pictures.
    widths : sequence of int
        Output channels of each convolution.
    image_size : int or (H, W)
        Multiples of 2 ** len(widths).

    Attributes
    ----------
    downs : torch.nn.ModuleList of torch.nn.Conv2d
        Only the first has a bias.
    norms : torch.nn.ModuleList of torch.nn.BatchNorm2d
        norms[k] follows downs[k + 1].
    classifier : torch.nn.Linear
        To one number, with bias.

    Methods
    -------
    features(x)
        The last maps, (N, widths[-1], h, w), after their leaky ReLU.
    forward(x)
        The logits, (N,), for pictures `x` (N, channels, H, W).

    Raises
    ------
    ValueError
        If `widths` is empty, or the image size is not a multiple of 2 ** len(widths).

    Notes
    -----
    Radford, Metz and Chintala (2016), section 3. Convolutions and linear layers start as in `DCGANGenerator`: weights normal
    with standard deviation 0.02, biases 0.

    Examples
    --------
    >>> discriminator = DCGANDiscriminator(channels=1, widths=(4, 8), image_size=(8, 12))
    >>> x = torch.zeros(6, 1, 8, 12)
    >>> tuple(discriminator(x).shape), tuple(discriminator.features(x).shape)
    ((6,), (6, 8, 2, 3))
    """

    def __init__(
        self, channels: int = 1, widths: Sequence[int] = (32, 64), image_size: int | tuple[int, int] = 28
    ) -> None:
        raise NotImplementedError

    def features(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


@exercise(
    title="What the generator wants",
    points=2,
    minutes=10,
    difficulty=1,
    forbids=("scipy",),
    hints=(
        "The discriminator's probability for 'real' is the sigmoid of the logit. The generator wants its logarithm to be large.",
        "At a logit of -100, float32 gives a sigmoid of 0 and a logarithm of minus infinity. -log(sigmoid(l)) = "
        "log(1 + exp(-l)): PyTorch has a function for log(1 + exp(.)) that never overflows.",
        "F.softplus(-fake_logits).mean().",
    ),
)
def generator_loss(fake_logits: torch.Tensor) -> torch.Tensor:
    """Return the mean of -log sigmoid(logit) over the pictures that the generator made: the non-saturating loss.

    Parameters
    ----------
    fake_logits : floating tensor of any shape
        What the discriminator says of made pictures.

    Returns
    -------
    loss : tensor with no axes
        Finite, with finite gradients, for logits from -100 to 100 and beyond.

    Raises
    ------
    ValueError
        If there is no logit: the mean of nothing is not a number.

    Notes
    -----
    I. Goodfellow and others, Generative Adversarial Nets, NeurIPS 2014, section 3.

    Examples
    --------
    >>> generator_loss(torch.tensor([-100.0])).item()
    100.0
    """
    raise NotImplementedError


@exercise(
    title="What the discriminator wants",
    points=3,
    minutes=10,
    difficulty=1,
    forbids=("scipy",),
    hints=(
        "Real pictures should get a probability near 1, made ones near 0. Which logarithm is large for each?",
        "1 - sigmoid(l) is sigmoid(-l): no subtraction is needed.",
        "F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean(). Two means: the batches may differ in size.",
    ),
)
def discriminator_loss(real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
    """Return the mean of -log sigmoid(logit) over real pictures, plus that of -log(1 - sigmoid(logit)) over made ones.

    Parameters
    ----------
    real_logits, fake_logits : floating tensors
        Of any two shapes.

    Returns
    -------
    loss : tensor with no axes
        Finite, with finite gradients, for logits from -100 to 100 and beyond.

    Raises
    ------
    ValueError
        If one of the two has no logit.

    Notes
    -----
    Goodfellow and others (2014), equation (1), with the sign turned.

    Examples
    --------
    >>> round(discriminator_loss(torch.zeros(3), torch.zeros(2)).item(), 4)     # nothing known: twice log 2
    1.3863
    """
    raise NotImplementedError
