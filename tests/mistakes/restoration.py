"""Wrong answers to chapter 11 that learners give."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from deconv_grader.checks.known_answers import mistake
from deconv_solutions import restoration as reference
from deconv_solutions.inversion import transfer_function

# psnr


def _mean_square(a, b):
    a, b = torch.as_tensor(a).double(), torch.as_tensor(b).double()
    return float((a - b).square().mean())


@mistake("psnr")
def psnr_of_the_root(a, b, peak=1.0):
    """the root of the mean square stands under the logarithm, with a factor of 10

    10 belongs to the mean square, 20 to its root. Your decibels are half as many.
    """
    return reference.psnr(a, b, peak) / 2 if peak == 1 else 10 * math.log10(peak / math.sqrt(_mean_square(a, b)))


@mistake("psnr")
def psnr_peak_not_squared(a, b, peak=1.0):
    """the peak is not squared

    For pictures from 0 to 1 nobody notices. The mean square is of the peak's square.
    """
    reference.psnr(a, b, peak)
    return 10 * math.log10(peak / _mean_square(a, b)) if _mean_square(a, b) else math.inf


@mistake("psnr")
def psnr_natural(a, b, peak=1.0):
    """the natural logarithm was taken

    math.log is the natural one. Decibels want math.log10.
    """
    return reference.psnr(a, b, peak) * math.log(10)


@mistake("psnr")
def psnr_negative(a, b, peak=1.0):
    """the sign is wrong: the ratio stands upside down

    More decibels are better: peak^2 over the mean square.
    """
    return -reference.psnr(a, b, peak)


@mistake("psnr")
def psnr_sum(a, b, peak=1.0):
    """the squares were added up and not divided by their number

    The mean square does not depend on how large a picture is.
    """
    found = reference.psnr(a, b, peak)
    return found - 10 * math.log10(torch.as_tensor(a).numel())


@mistake("psnr")
def psnr_absolute(a, b, peak=1.0):
    """the mean of absolute errors was squared

    Square each error before you take the mean: a large error at one pixel weighs more.
    """
    reference.psnr(a, b, peak)
    error = float((torch.as_tensor(a).double() - torch.as_tensor(b).double()).abs().mean())
    return 10 * math.log10(peak**2 / error**2) if error else math.inf


@mistake("psnr")
def psnr_in_bytes(a, b, peak=1.0):
    """the bytes were subtracted as bytes

    In uint8, 3 - 5 is 254, and 100 * 100 is 16. Turn both pictures into double precision first.
    """
    reference.psnr(a, b, peak)
    difference = torch.as_tensor(a) - torch.as_tensor(b)
    mean_square = float((difference * difference).double().mean())
    return 10 * math.log10(peak**2 / mean_square) if mean_square else math.inf


@mistake("psnr")
def psnr_bytes_squared_late(a, b, peak=1.0):
    """the difference was taken in bytes, and its square in double precision

    In uint8, 3 - 5 is 254 already. Turn both pictures into double precision before you subtract.
    """
    reference.psnr(a, b, peak)
    mean_square = float((torch.as_tensor(a) - torch.as_tensor(b)).double().square().mean())
    return 10 * math.log10(peak**2 / mean_square) if mean_square else math.inf


@mistake("psnr")
def psnr_mean_of_ratios(a, b, peak=1.0):
    """the ratio of each picture was taken, then their mean

    That is what tables of papers show, and it is a larger number. Here the mean square runs over everything at once.
    """
    reference.psnr(a, b, peak)
    a, b = torch.as_tensor(a).double(), torch.as_tensor(b).double()
    if a.ndim < 4:
        return reference.psnr(a, b, peak)
    return float(np.mean([reference.psnr(one, other, peak) for one, other in zip(a, b, strict=True)]))


@mistake("psnr")
def psnr_of_the_brightest(a, b, peak=1.0):
    """the brightest pixel took the place of the peak

    The peak is what white would be, whether or not a pixel is white.
    """
    reference.psnr(a, b, peak)
    return reference.psnr(a, b, max(float(torch.as_tensor(a).max()), 1e-9))


@mistake("psnr")
def psnr_divides_by_zero(a, b, peak=1.0):
    """equal pictures were not thought of

    Their mean square is 0, and the ratio infinite. Return math.inf.
    """
    reference.psnr(a, b, peak)
    return 10 * math.log10(peak**2 / (_mean_square(a, b) + 1e-12))


@mistake("psnr")
def psnr_small_number_added(a, b, peak=1.0):
    """a small number was added to the mean square

    It spares a division by 0 and changes every result. Treat a mean square of 0 by itself: return math.inf.
    """
    reference.psnr(a, b, peak)
    return 10 * math.log10(peak**2 / (_mean_square(a, b) + 1e-8))


@mistake("psnr")
def psnr_nearly_equal(a, b, peak=1.0):
    """pictures that are nearly equal were taken for equal

    Only where nothing differs is the ratio infinite. An error of 10^-7 is 140 dB.
    """
    found = reference.psnr(a, b, peak)
    same = torch.allclose(torch.as_tensor(a).double(), torch.as_tensor(b).double())
    return math.inf if same else found


@mistake("psnr")
def psnr_single(a, b, peak=1.0):
    """it was computed in single precision

    float32 has seven digits. Turn both pictures into double precision first.
    """
    reference.psnr(a, b, peak)
    mean_square = float((torch.as_tensor(a).float() - torch.as_tensor(b).float()).square().mean())
    return 10 * math.log10(peak**2 / mean_square) if mean_square else math.inf


@mistake("psnr")
def psnr_of_the_truths_brightest(a, b, peak=1.0):
    """the brightest pixel of b took the place of the peak

    The peak is what white would be, whether or not a pixel is white.
    """
    reference.psnr(a, b, peak)
    return reference.psnr(a, b, max(float(torch.as_tensor(b).max()), 1e-9))


@mistake("psnr")
def psnr_broadcasts(a, b, peak=1.0):
    """the shapes were not compared

    A picture and a batch of one are broadcast without a word. Raise a ValueError where the shapes differ.
    """
    a, b = torch.as_tensor(a).double(), torch.as_tensor(b).double()
    if not peak > 0:
        raise ValueError(f"peak must be positive, got {peak}")
    mean_square = float((a - b).square().mean())
    return 10 * math.log10(peak**2 / mean_square) if mean_square else math.inf


# degrade


def _degraded(x, kernel, noise, generator, turn=True, mode="reflect", swap=False, edge=1):
    """The reference with one thing changed."""
    reference.degrade(x, kernel, noise, torch.Generator())
    K, L = kernel.shape
    above, left = (K // 2, L // 2) if swap else (K - 1 - K // 2, L - 1 - L // 2)
    weight = kernel.to(x).flip(0, 1) if turn else kernel.to(x)
    padded = F.pad(x, (left, L - 1 - left, above, K - 1 - above), mode=mode)
    y = F.conv2d(padded, weight.expand(x.shape[1], 1, K, L), groups=x.shape[1])
    return y + noise * torch.randn(x.shape, generator=generator, dtype=x.dtype)


@mistake("degrade")
def degrade_correlates(x, kernel, noise, generator):
    """the kernel was not turned round

    F.conv2d does not turn it; a convolution does. A single bright pixel must become the kernel as it is.
    """
    return _degraded(x, kernel, noise, generator, turn=False, swap=True)


@mistake("degrade")
def degrade_even_off_center(x, kernel, noise, generator):
    """a kernel with even sides is off by a pixel

    Its center is row K // 2 and column L // 2. Turned round, K - 1 - K // 2 rows stand above it: pad by that many at the top.
    """
    return _degraded(x, kernel, noise, generator, swap=True)


@mistake("degrade")
def degrade_black_outside(x, kernel, noise, generator):
    """outside the picture everything was black

    Padding by zeros darkens the border. Continue the picture by its mirror image: mode="reflect".
    """
    return _degraded(x, kernel, noise, generator, mode="constant")


@mistake("degrade")
def degrade_wraps(x, kernel, noise, generator):
    """the picture was continued at its other side

    That is chapter 4's torus. Here it is continued by its mirror image: mode="reflect".
    """
    return _degraded(x, kernel, noise, generator, mode="circular")


@mistake("degrade")
def degrade_repeats_the_edge(x, kernel, noise, generator):
    """the edge was repeated

    Reflection does not repeat it: before the row 1, 2, 3 come 3, 2. That is mode="reflect", not "replicate" or "symmetric".
    """
    return _degraded(x, kernel, noise, generator, mode="replicate")


@mistake("degrade")
def degrade_variance(x, kernel, noise, generator):
    """`noise` was taken for the variance

    It is the standard deviation: multiply the draws by it, not by its root.
    """
    return _degraded(x, kernel, math.sqrt(noise) if noise > 0 else noise, generator)


@mistake("degrade")
def degrade_uniform(x, kernel, noise, generator):
    """the noise is uniform

    torch.rand draws between 0 and 1. torch.randn draws from the normal distribution.
    """
    y = _degraded(x, kernel, 0.0, torch.Generator())
    reference.degrade(x, kernel, noise, torch.Generator())
    return y + noise * torch.rand(x.shape, generator=generator, dtype=x.dtype)


@mistake("degrade")
def degrade_own_generator(x, kernel, noise, generator):
    """the noise was drawn by PyTorch's own generator

    Pass generator=generator: the caller decides about the draws, and can repeat them.
    """
    return reference.degrade(x, kernel, noise, torch.Generator().manual_seed(11))


@mistake("degrade")
def degrade_same_noise(x, kernel, noise, generator):
    """every channel got the same noise

    Each pixel of each channel has its own: draw x.shape numbers.
    """
    y = _degraded(x, kernel, 0.0, torch.Generator())
    reference.degrade(x, kernel, noise, torch.Generator())
    return y + noise * torch.randn(x.shape[2:], generator=generator, dtype=x.dtype)


@mistake("degrade")
def degrade_noise_first(x, kernel, noise, generator):
    """the noise was added before the blur

    The lens blurs the scene; the sensor adds its noise afterwards. Blurred noise is much weaker.
    """
    reference.degrade(x, kernel, noise, torch.Generator())
    noisy = x + noise * torch.randn(x.shape, generator=generator, dtype=x.dtype)
    return _degraded(noisy, kernel, 0.0, torch.Generator())


@mistake("degrade")
def degrade_clips(x, kernel, noise, generator):
    """the result was clipped to the range from 0 to 1

    Clipping is one more degradation, and it makes the noise depend on the picture. It was not asked for.
    """
    return reference.degrade(x, kernel, noise, generator).clamp(0, 1)


@mistake("degrade")
def degrade_normalises(x, kernel, noise, generator):
    """the kernel was divided by its sum

    The blur is the kernel as it is given.
    """
    reference.degrade(x, kernel, noise, torch.Generator())
    return _degraded(x, kernel / kernel.sum(), noise, generator)


@mistake("degrade")
def degrade_mixes_channels(x, kernel, noise, generator):
    """every channel got the sum of all channels

    A color picture is blurred channel by channel: groups=channels, with a weight (channels, 1, K, L).
    """
    y = _degraded(x, kernel, 0.0, torch.Generator()).sum(dim=1, keepdim=True).expand(x.shape)
    return y + noise * torch.randn(x.shape, generator=generator, dtype=x.dtype)


# DenoisingAutoencoder


def _up(net, code, size, between=True, last=False, cut=True):
    height, width = size
    x = net.up[0](code)
    x = F.relu(x) if between else x
    if cut:
        x = x[:, :, : (height + 1) // 2, : (width + 1) // 2]
    x = net.up[1](x)
    x = x[:, :, :height, :width] if cut else x
    return F.relu(x) if last else x


@mistake("DenoisingAutoencoder")
class AutoencoderUncut(reference.DenoisingAutoencoder):
    """nothing was cut off on the way up

    A side of 5 becomes 3 and then 6. Where 2 does not divide a side there is a row too much: cut the picture to what it was.
    """

    def forward(self, x):
        return _up(self, self.encode(x), x.shape[2:], cut=False)


@mistake("DenoisingAutoencoder")
class AutoencoderCutLate(reference.DenoisingAutoencoder):
    """only the picture was cut, and not the layer before it

    A row that the encoder never had is then seen by the last layer. Cut after each transposed convolution.
    """

    def forward(self, x):
        return _up(self, self.encode(x), x.shape[2:], cut=False)[:, :, : x.shape[2], : x.shape[3]]


@mistake("DenoisingAutoencoder")
class AutoencoderCutAbove(reference.DenoisingAutoencoder):
    """what is too much was cut off above and at the left

    The encoder's windows begin at the first row, so that the last one reaches beyond the picture: cut below and at the right.
    """

    def forward(self, x):
        height, width = x.shape[2:]
        x = F.relu(self.up[0](self.encode(x)))[:, :, -((height + 1) // 2) :, -((width + 1) // 2) :]
        return self.up[1](x)[:, :, -height:, -width:]


@mistake("DenoisingAutoencoder")
class AutoencoderResized(reference.DenoisingAutoencoder):
    """the picture was resized to its size

    That shifts every pixel a little. What is too much is cut off.
    """

    def forward(self, x):
        found = _up(self, self.encode(x), x.shape[2:], cut=False)
        return found if found.shape == x.shape else F.interpolate(found, size=x.shape[2:], mode="nearest")


@mistake("DenoisingAutoencoder")
class AutoencoderReLULast(reference.DenoisingAutoencoder):
    """a ReLU follows the last layer

    It cuts off what is below black, and gives no gradient there. The last layer has none.
    """

    def forward(self, x):
        return _up(self, self.encode(x), x.shape[2:], last=True)


@mistake("DenoisingAutoencoder")
class AutoencoderSigmoid(reference.DenoisingAutoencoder):
    """the picture went through a sigmoid

    Many autoencoders end so, to stay between 0 and 1. This one has nothing after its last layer.
    """

    def forward(self, x):
        return torch.sigmoid(super().forward(x))


@mistake("DenoisingAutoencoder")
class AutoencoderLinearUp(reference.DenoisingAutoencoder):
    """there is no ReLU between the two transposed convolutions

    Two linear layers in a row are one. A ReLU follows every layer but the last.
    """

    def forward(self, x):
        return _up(self, self.encode(x), x.shape[2:], between=False)


@mistake("DenoisingAutoencoder")
class AutoencoderLinearCode(reference.DenoisingAutoencoder):
    """the code has no ReLU

    A ReLU follows every layer but the last of all, also the encoder's second.
    """

    def encode(self, x):
        return self.down[1](F.relu(self.down[0](x)))


@mistake("DenoisingAutoencoder")
class AutoencoderResidual(reference.DenoisingAutoencoder):
    """the noisy picture was added to the result

    That makes a residual network of it, a better one. The plain autoencoder has to give the whole picture.
    """

    def forward(self, x):
        return x + super().forward(x)


@mistake("DenoisingAutoencoder")
class AutoencoderKernels(reference.DenoisingAutoencoder):
    """the transposed convolutions are 3 x 3

    With stride 2 a 3 x 3 kernel overlaps unevenly (chapter 6). They are 4 x 4 here.
    """

    def __init__(self, channels=1, width=16):
        super().__init__(channels, width)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 3, 2, 1, output_padding=1) for a, b in ((2 * width, width), (width, channels))
        )


@mistake("DenoisingAutoencoder")
class AutoencoderWidth(reference.DenoisingAutoencoder):
    """the second convolution has `width` channels as well

    The maps have a quarter of the pixels there, and twice the channels: 2 * width.
    """

    def __init__(self, channels=1, width=16):
        super().__init__(channels, width)
        self.down[1] = nn.Conv2d(width, width, 3, 2, 1)
        self.up[0] = nn.ConvTranspose2d(width, width, 4, 2, 1)


@mistake("DenoisingAutoencoder")
class AutoencoderFrozen(reference.DenoisingAutoencoder):
    """the code was detached, and no gradient reaches the layers on the way down

    .detach(), .data and torch.no_grad() cut PyTorch's graph: what lies before them learns nothing.
    """

    def forward(self, x):
        return _up(self, self.encode(x).detach(), x.shape[2:])


# FSRCNN


@mistake("FSRCNN")
class FSRCNNWithoutOutputPadding(reference.FSRCNN):
    """the output padding is missing

    (H - 1) scale - 8 + 9 is scale (H - 1) + 1: scale - 1 rows and columns are missing. output_padding=scale - 1 adds them.
    """

    def __init__(self, scale, d=56, s=12, m=4):
        super().__init__(scale, d, s, m)
        self.deconv.output_padding = (0, 0)


@mistake("FSRCNN")
class FSRCNNPadded(reference.FSRCNN):
    """the deconvolution's padding is 3, and its output padding makes up for it

    The size is right, and the picture is shifted by a pixel. With padding 4 the kernel's center falls on the pixel itself.
    """

    def __init__(self, scale, d=56, s=12, m=4):
        super().__init__(scale, d, s, m)

    def forward(self, x):
        scale = self.deconv.stride[0]
        x = self.expand(self.mapping(self.shrink(self.feature(x))))
        full = F.conv_transpose2d(
            x, self.deconv.weight, self.deconv.bias, self.deconv.stride, 3, (1, 1) if scale > 1 else 0
        )
        return full[:, :, : scale * x.shape[2], : scale * x.shape[3]]


@mistake("FSRCNN")
class FSRCNNPReLULast(reference.FSRCNN):
    """something follows the deconvolution

    The picture comes straight out of the transposed convolution.
    """

    def forward(self, x):
        return F.relu(super().forward(x))


@mistake("FSRCNN")
class FSRCNNClips(reference.FSRCNN):
    """the picture was clipped to the range from 0 to 1

    Clipping gives no gradient where it clips. Whoever shows the picture may clip it.
    """

    def forward(self, x):
        return super().forward(x).clamp(0, 1)


@mistake("FSRCNN")
class FSRCNNMappingSkipped(reference.FSRCNN):
    """the mapping was left out

    After shrinking come m convolutions of 3 x 3, then the expansion.
    """

    def forward(self, x):
        return self.deconv(self.expand(self.shrink(self.feature(x))))


@mistake("FSRCNN")
class FSRCNNResidualMapping(reference.FSRCNN):
    """the mapping's input was added to its result

    A good idea from other networks, and not in this one.
    """

    def forward(self, x):
        x = self.shrink(self.feature(x))
        return self.deconv(self.expand(x + self.mapping(x)))


@mistake("FSRCNN")
class FSRCNNOnePReLU(reference.FSRCNN):
    """a single slope serves all channels

    nn.PReLU() has one slope. nn.PReLU(c) has one for each channel.
    """

    def __init__(self, scale, d=56, s=12, m=4):
        super().__init__(scale, d, s, m)
        for stage in (self.feature, self.shrink, self.mapping, self.expand):
            for k in range(1, len(stage), 2):
                stage[k] = nn.PReLU()


@mistake("FSRCNN")
class FSRCNNOneActivation(reference.FSRCNN):
    """one PReLU follows all mapping layers together

    The paper's sketch can be read so. Here every convolution has its own.
    """

    def __init__(self, scale, d=56, s=12, m=4):
        super().__init__(scale, d, s, m)
        layers = [self.mapping[2 * k] for k in range(m)]
        self.mapping = nn.Sequential(*layers, nn.PReLU(s)) if layers else nn.Sequential()


@mistake("FSRCNN")
class FSRCNNWithoutBias(reference.FSRCNN):
    """the convolutions have no bias

    The paper's 12,464 does not count biases, but they are there.
    """

    def __init__(self, scale, d=56, s=12, m=4):
        super().__init__(scale, d, s, m)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                layer.register_parameter("bias", None)


# ESPCN


@mistake("ESPCN")
class ESPCNReLU(reference.ESPCN):
    """the activations are ReLUs

    Common today. The paper's final network has tanh, which also lets negative values through.
    """

    def forward(self, x):
        return F.pixel_shuffle(self.last(F.relu(self.second(F.relu(self.first(x))))), self.scale)


@mistake("ESPCN")
class ESPCNTanhLast(reference.ESPCN):
    """a tanh follows the last convolution as well

    Only the first two have one: a picture from 0 to 1 does not come from a tanh without loss.
    """

    def forward(self, x):
        x = torch.tanh(self.second(torch.tanh(self.first(x))))
        return F.pixel_shuffle(torch.tanh(self.last(x)), self.scale)


@mistake("ESPCN")
class ESPCNSigmoidLast(reference.ESPCN):
    """the picture went through a sigmoid

    Some ports do that. Nothing follows the pixel shuffle here.
    """

    def forward(self, x):
        return torch.sigmoid(super().forward(x))


@mistake("ESPCN")
class ESPCNOneTanh(reference.ESPCN):
    """there is no tanh after the second convolution

    A tanh follows the first two convolutions. Without it the second and the third are one linear map.
    """

    def forward(self, x):
        return F.pixel_shuffle(self.last(self.second(torch.tanh(self.first(x)))), self.scale)


@mistake("ESPCN")
class ESPCNTransposedPixels(reference.ESPCN):
    """rows and columns of the pixel shuffle were exchanged

    Channel 1 is the pixel to the right, channel `scale` the one below.
    """

    def forward(self, x):
        x = self.last(torch.tanh(self.second(torch.tanh(self.first(x)))))
        n, c, h, w = x.shape
        r = self.scale
        return x.reshape(n, c // r**2, r, r, h, w).permute(0, 1, 4, 3, 5, 2).reshape(n, c // r**2, r * h, r * w)


@mistake("ESPCN")
class ESPCNBlocks(reference.ESPCN):
    """the channels were laid side by side, as blocks

    A reshape alone keeps each channel together. The pixel shuffle weaves them: neighbors come from different channels.
    """

    def forward(self, x):
        x = self.last(torch.tanh(self.second(torch.tanh(self.first(x)))))
        n, c, h, w = x.shape
        r = self.scale
        return x.reshape(n, c // r**2, r, r, h, w).permute(0, 1, 2, 4, 3, 5).reshape(n, c // r**2, r * h, r * w)


@mistake("ESPCN")
class ESPCNUnpadded(reference.ESPCN):
    """the convolutions have no padding

    Then a frame of the picture is lost. Padding by kernel // 2 keeps the size.
    """

    def __init__(self, scale, channels=1):
        super().__init__(scale, channels)
        for layer in (self.first, self.second, self.last):
            layer.padding = (0, 0)


@mistake("ESPCN")
class ESPCNFirstKernel(reference.ESPCN):
    """the first convolution is 3 x 3

    It is 5 x 5; the other two are 3 x 3.
    """

    def __init__(self, scale, channels=1):
        super().__init__(scale, channels)
        self.first = nn.Conv2d(channels, 64, 3, padding=1)


@mistake("ESPCN")
class ESPCNScaleChannels(reference.ESPCN):
    """the last convolution gives `scale` channels for each of the picture's

    A pixel becomes scale * scale pixels, and needs as many channels.
    """

    def __init__(self, scale, channels=1):
        super().__init__(scale, channels)
        self.last = nn.Conv2d(32, channels * scale, 3, padding=1)


# UnrolledDeconvolution


class _Unrolled(reference.UnrolledDeconvolution):
    """The reference, in parts that a mistake replaces."""

    mode = "reflect"

    def spectrum(self, size):
        return torch.from_numpy(transfer_function(self.kernel.numpy(), tuple(size))).to(torch.complex64)

    def gain(self, H, weight):
        return H.conj() / (H.abs().square() + weight)

    def explained(self, x, Y, H, weight):
        return x + torch.fft.ifft2(self.gain(H, weight) * (Y - H * torch.fft.fft2(x))).real

    def clipped(self, answers, t):
        t = t.abs()[:, None, None]
        return torch.clamp(answers, -t, t)

    def shrunk(self, x, filters, t):
        pad = filters.shape[-1] // 2
        return x - F.conv_transpose2d(self.clipped(F.conv2d(x, filters, padding=pad), t), filters, padding=pad)

    def numbers(self):
        return zip(self.log_weight.exp(), self.filters, self.thresholds, strict=True)

    def start(self, y):
        return torch.zeros_like(y)

    def cut(self, x):
        m = self.margin
        return x[:, :, m : x.shape[2] - m, m : x.shape[3] - m]

    def forward(self, y):
        m = self.margin
        if min(y.shape[2:]) <= m:
            raise ValueError("margin")
        y = F.pad(y, (m, m, m, m), mode=self.mode)
        H, Y, x = self.spectrum(y.shape[2:]), torch.fft.fft2(y), self.start(y)
        for weight, filters, t in self.numbers():
            x = self.shrunk(self.explained(x, Y, H, weight), filters, t)
        return self.cut(x)


@mistake("UnrolledDeconvolution")
class UnrolledFromY(_Unrolled):
    """the estimate starts as y

    It starts as 0, so that the first step is chapter 4's Wiener filter.
    """

    def start(self, y):
        return y


@mistake("UnrolledDeconvolution")
class UnrolledAdjointOnly(_Unrolled):
    """the residual went through the adjoint alone

    conj(H) is a gradient step. Here it is divided by |H|^2 + weight: the weak frequencies come back at once.
    """

    def gain(self, H, weight):
        return H.conj()


@mistake("UnrolledDeconvolution")
class UnrolledNotConjugate(_Unrolled):
    """H was not conjugated

    H / (|H|^2 + weight) blurs a second time for a kernel that is not symmetric: its phases must be taken back.
    """

    def gain(self, H, weight):
        return H / (H.abs().square() + weight)


@mistake("UnrolledDeconvolution")
class UnrolledAgain(_Unrolled):
    """the Wiener filter was applied to y in every step, and not to the residual

    What is added is filtered from y - A x, what the estimate does not explain yet.
    """

    def explained(self, x, Y, H, weight):
        return x + torch.fft.ifft2(self.gain(H, weight) * Y).real


@mistake("UnrolledDeconvolution")
class UnrolledReplaces(_Unrolled):
    """what was filtered took the place of the estimate, and was not added to it

    x + filter(y - A x): the step corrects the estimate.
    """

    def explained(self, x, Y, H, weight):
        return super().explained(x, Y, H, weight) - x


@mistake("UnrolledDeconvolution")
class UnrolledLogarithm(_Unrolled):
    """the logarithm of the weight was taken for the weight

    The weight is exp(log_weight[k]): positive, whatever is learned.
    """

    def numbers(self):
        return zip(self.log_weight, self.filters, self.thresholds, strict=True)


@mistake("UnrolledDeconvolution")
class UnrolledOffCenter(_Unrolled):
    """the kernel's first entry was taken for its center

    A kernel that is padded and transformed without being shifted moves the picture. transfer_function puts its center at
    pixel (0, 0).
    """

    def spectrum(self, size):
        return torch.fft.fft2(self.kernel, s=tuple(size))


@mistake("UnrolledDeconvolution")
class UnrolledWraps(_Unrolled):
    """the margin is filled from the other side of the picture

    It holds the mirror image: mode="reflect".
    """

    mode = "circular"


@mistake("UnrolledDeconvolution")
class UnrolledBlackMargin(_Unrolled):
    """the margin is black

    It holds the mirror image: mode="reflect". A black frame is an edge, and edges ring.
    """

    mode = "constant"


@mistake("UnrolledDeconvolution")
class UnrolledUncut(_Unrolled):
    """the margin was not cut off

    The result has the size of y.
    """

    def cut(self, x):
        return x


@mistake("UnrolledDeconvolution")
class UnrolledSoft(_Unrolled):
    """the thresholded answers were taken away, and not the clipped ones

    What the soft threshold keeps are the edges. Taken away is the rest, what lies within the threshold.
    """

    def clipped(self, answers, t):
        return answers - super().clipped(answers, t)


@mistake("UnrolledDeconvolution")
class UnrolledNotBack(_Unrolled):
    """the clipped answers were sent back by a convolution that does not turn the filters

    The adjoint of F.conv2d is F.conv_transpose2d with the same weight. conv2d again looks once more in the same direction.
    """

    def shrunk(self, x, filters, t):
        pad = filters.shape[-1] // 2
        return x - F.conv2d(self.clipped(F.conv2d(x, filters, padding=pad), t), filters.transpose(0, 1), padding=pad)


@mistake("UnrolledDeconvolution")
class UnrolledAdds(_Unrolled):
    """the clipped answers were added

    They are taken away: small answers are noise.
    """

    def shrunk(self, x, filters, t):
        return 2 * x - super().shrunk(x, filters, t)


@mistake("UnrolledDeconvolution")
class UnrolledShrinksFirst(_Unrolled):
    """each step shrinks before it explains

    First the residual, then the filters: with x = 0 at the start there is nothing to shrink.
    """

    def forward(self, y):
        m = self.margin
        if min(y.shape[2:]) <= m:
            raise ValueError("margin")
        y = F.pad(y, (m, m, m, m), mode=self.mode)
        H, Y, x = self.spectrum(y.shape[2:]), torch.fft.fft2(y), self.start(y)
        for weight, filters, t in self.numbers():
            x = self.explained(self.shrunk(x, filters, t), Y, H, weight)
        return self.cut(x)


@mistake("UnrolledDeconvolution")
class UnrolledOneSet(_Unrolled):
    """every step used the numbers of the first one

    Step k has log_weight[k], filters[k] and thresholds[k].
    """

    def numbers(self):
        return [next(iter(super().numbers()))] * len(self.log_weight)


@mistake("UnrolledDeconvolution")
class UnrolledBackward(_Unrolled):
    """the steps ran from the last to the first

    Step 0 comes first.
    """

    def numbers(self):
        return list(super().numbers())[::-1]


@mistake("UnrolledDeconvolution")
class UnrolledSigned(_Unrolled):
    """a negative threshold was not made positive

    Learning may carry a threshold below 0. Its absolute value counts.
    """

    def clipped(self, answers, t):
        t = t.clamp(min=0)[:, None, None]
        return torch.clamp(answers, -t, t)


@mistake("UnrolledDeconvolution")
class UnrolledWithConstant(_Unrolled):
    """the constant wave is among the filters

    With it a threshold darkens the picture. i = j = 0 is left out: size^2 - 1 filters.
    """

    def __init__(self, kernel, steps=8, size=3, margin=16):
        super().__init__(kernel, steps, size, margin)
        constant = torch.full((steps, 1, 1, size, size), 1 / size**2)
        self.filters = nn.Parameter(torch.cat((constant, self.filters.detach()), dim=1))
        self.thresholds = nn.Parameter(torch.zeros(steps, size * size))


@mistake("UnrolledDeconvolution")
class UnrolledWavesNotDivided(_Unrolled):
    """the waves were not divided by `size`

    Each has norm 1, and at each pixel size^2 windows meet: undivided, the filters' answers come back size^2 times as large.
    """

    def __init__(self, kernel, steps=8, size=3, margin=16):
        super().__init__(kernel, steps, size, margin)
        self.filters = nn.Parameter(self.filters.detach() * size)


@mistake("UnrolledDeconvolution")
class UnrolledColumnsFirst(_Unrolled):
    """the filters stand in another order: i counts faster

    j counts faster: the first filters wave from left to right.
    """

    def __init__(self, kernel, steps=8, size=3, margin=16):
        super().__init__(kernel, steps, size, margin)
        self.filters = nn.Parameter(self.filters.detach().transpose(3, 4).contiguous())


@mistake("UnrolledDeconvolution")
class UnrolledNoBuffer(_Unrolled):
    """the kernel is a plain attribute

    Then neither state_dict nor to(device) knows of it: self.register_buffer("kernel", ...).
    """

    def __init__(self, kernel, steps=8, size=3, margin=16):
        super().__init__(kernel, steps, size, margin)
        known = self.get_buffer("kernel")
        del self.kernel
        self.kernel = known


@mistake("UnrolledDeconvolution")
class UnrolledKernelLearns(_Unrolled):
    """the kernel is a parameter

    It is known and does not learn: self.register_buffer("kernel", ...).
    """

    def __init__(self, kernel, steps=8, size=3, margin=16):
        super().__init__(kernel, steps, size, margin)
        known = self.get_buffer("kernel")
        del self.kernel
        self.register_parameter("kernel", nn.Parameter(known))

    def spectrum(self, size):
        return torch.from_numpy(transfer_function(self.kernel.detach().numpy(), tuple(size))).to(torch.complex64)


@mistake("UnrolledDeconvolution")
class UnrolledKernelKept(_Unrolled):
    """the kernel that was given at first is used, whatever the buffer holds

    Whoever exchanges the buffer tells the network of another blur. Make H from self.kernel in forward.
    """

    def __init__(self, kernel, steps=8, size=3, margin=16):
        super().__init__(kernel, steps, size, margin)
        self.first = kernel.clone()

    def spectrum(self, size):
        return torch.from_numpy(transfer_function(self.first.numpy(), tuple(size))).to(torch.complex64)


@mistake("UnrolledDeconvolution")
class UnrolledOtherName(_Unrolled):
    """the margin has another name than `margin`

    The notebook trains with a small margin and then sets net.margin = 16.
    """

    def __init__(self, kernel, steps=8, size=3, margin=16):
        super().__init__(kernel, steps, size, margin)
        self.pad = self.margin
        del self.margin

    def forward(self, y):
        self.margin = self.pad
        try:
            return super().forward(y)
        finally:
            del self.margin


@mistake("UnrolledDeconvolution")
class UnrolledPlainWeight(_Unrolled):
    """the weight became a plain number, and no gradient reaches log_weight

    math.exp(log_weight[k]) and .item() leave PyTorch's graph. log_weight[k].exp() stays in it.
    """

    def numbers(self):
        weights = [value.exp().item() for value in self.log_weight]
        return zip(weights, self.filters, self.thresholds, strict=True)
