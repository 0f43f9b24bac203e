"""Wrong answers to chapter 6 that learners give."""

from __future__ import annotations

import numpy as np

from deconv_grader.checks.known_answers import mistake
from deconv_solutions import upsampling as reference
from deconv_solutions.convolution import conv2d


def _both(value):
    return (value, value) if np.ndim(value) == 0 else tuple(value)


# overlap_map


@mistake("overlap_map")
def overlap_map_assigned(n, kernel, stride):
    """every reached output counts 1

    Stamps that meet must add up: use += 1, not = 1.
    """
    return np.minimum(reference.overlap_map(n, kernel, stride), 1)


@mistake("overlap_map")
def overlap_map_fancy(n, kernel, stride):
    """each tap counts only once where stamps meet, because counts[index] += 1 adds once to a repeated index

    NumPy reads, adds 1 and writes back, so the last writer wins. Use np.add.at, or one slice for each input.
    """
    counts = np.zeros_like(reference.overlap_map(n, kernel, stride))
    for k in range(0, kernel, 2):
        counts[(np.arange(n)[:, None] * stride + np.arange(k, min(k + 2, kernel))).ravel()] += 1
    return counts


@mistake("overlap_map")
def overlap_map_same_size(n, kernel, stride):
    """the result was cropped to n * stride

    Nothing is cropped here. The last stamp starts at (n - 1) * stride and is `kernel` long.
    """
    counts = reference.overlap_map(n, kernel, stride)
    return np.pad(counts, (0, max(n * stride - len(counts), 0)))[: n * stride]


@mistake("overlap_map")
def overlap_map_swapped(n, kernel, stride):
    """kernel and stride were exchanged

    Stamps are `kernel` long and start `stride` apart.
    """
    reference.overlap_map(n, kernel, stride)
    return reference.overlap_map(n, stride, kernel)


@mistake("overlap_map")
def overlap_map_inside(n, kernel, stride):
    """the pattern of the middle was continued to both ends

    Near the ends fewer stamps meet, and a short row has no middle at all.
    """
    reference.overlap_map(n, kernel, stride)
    places = np.arange((n - 1) * stride + kernel)
    return np.array([len(range(int(u % stride), kernel, stride)) for u in places])


@mistake("overlap_map")
def overlap_map_floats(n, kernel, stride):
    """the counts are floating-point numbers

    Counts are whole numbers: start from np.zeros(size, np.int64).
    """
    return reference.overlap_map(n, kernel, stride).astype(np.float64)


# checkerboard_energy


def _power(image, stride):
    reference.checkerboard_energy(image, stride)
    s, t = _both(stride)
    height, width = (n // k * k for n, k in zip(image.shape, (s, t), strict=True))
    power = np.abs(np.fft.fft2(image[:height, :width])) ** 2
    chosen = np.zeros(power.shape, bool)
    chosen[np.ix_(np.arange(s) * height // s, np.arange(t) * width // t)] = True
    return power, chosen


def _share(part, whole):
    return float(part / whole) if whole > 1e-9 * (1 + part) else 0.0


@mistake("checkerboard_energy")
def checkerboard_energy_with_mean(image, stride):
    """the mean's power counts in the denominator

    A brighter picture would then seem to have less checkerboard. Leave frequency (0, 0) out of both sums.
    """
    power, chosen = _power(image, stride)
    return _share(power[chosen].sum() - power[0, 0], power.sum())


@mistake("checkerboard_energy")
def checkerboard_energy_mean_on_top(image, stride):
    """the mean's power counts as checkerboard

    (a, b) = (0, 0) is the mean, not a pattern. Leave it out of both sums.
    """
    power, chosen = _power(image, stride)
    return _share(power[chosen].sum(), power.sum())


@mistake("checkerboard_energy")
def checkerboard_energy_amplitude(image, stride):
    """magnitudes were added up in place of power

    Power is the squared magnitude of the spectrum; only powers add up to the whole (Parseval).
    """
    power, chosen = _power(image, stride)
    size = np.sqrt(power)
    return _share(size[chosen].sum() - size[0, 0], size.sum() - size[0, 0])


@mistake("checkerboard_energy")
def checkerboard_energy_corner_only(image, stride):
    """only frequencies with both a and b different from 0 were counted

    Stripes repeat with the stride too: only (0, 0) is left out, not the whole first row and column.
    """
    power, chosen = _power(image, stride)
    chosen[0], chosen[:, 0] = False, False
    return _share(power[chosen].sum(), power.sum() - power[0, 0])


@mistake("checkerboard_energy")
def checkerboard_energy_one_frequency(image, stride):
    """only the frequencies with a and b at most 1 were counted

    A pattern of period s has the harmonics 1/s, 2/s, ... (s - 1)/s, in both directions.
    """
    power, chosen = _power(image, stride)
    rows, columns = (sorted({0, n // s}) for n, s in zip(power.shape, _both(stride), strict=True))
    kept = [(a, b) for a in rows for b in columns if (a, b) != (0, 0) and a < power.shape[0] and b < power.shape[1]]
    return _share(sum(power[place] for place in kept), power.sum() - power[0, 0])


@mistake("checkerboard_energy")
def checkerboard_energy_uncropped(image, stride):
    """the image was not cropped to multiples of the stride

    Then no row and column of the spectrum stands exactly at a / stride, and the pattern leaks to its neighbors.
    """
    reference.checkerboard_energy(image, stride)
    power = np.abs(np.fft.fft2(image)) ** 2
    steps = (max(n // k, 1) for n, k in zip(image.shape, _both(stride), strict=True))
    chosen = power[tuple(slice(None, None, step) for step in steps)]
    return _share(chosen.sum() - power[0, 0], power.sum() - power[0, 0])


# bilinear_kernel


def _diagonal(tent, channels):
    return np.eye(channels)[:, :, None, None] * np.outer(tent, tent)


@mistake("bilinear_kernel")
def bilinear_kernel_between_channels(stride, channels):
    """every channel is also added to the others

    Each channel interpolates itself: w[c, d] is zero unless c == d.
    """
    w = reference.bilinear_kernel(stride, channels)
    return np.ones_like(w) * w[:1, :1]


@mistake("bilinear_kernel")
def bilinear_kernel_normalized(stride, channels):
    """the weights of each kernel add up to 1

    Only one stride-th of the taps meets each output, along each axis. The sum has to be stride ** 2 to keep the brightness.
    """
    return reference.bilinear_kernel(stride, channels) / stride**2


@mistake("bilinear_kernel")
def bilinear_kernel_even_size(stride, channels):
    """the kernel has 2 * stride rows and columns for odd strides too

    For an odd stride the tent has a middle pixel: K = 2 * stride - 1.
    """
    reference.bilinear_kernel(stride, channels)
    return _diagonal(1 - np.abs(np.arange(2 * stride) - (stride - 0.5)) / stride, channels)


@mistake("bilinear_kernel")
def bilinear_kernel_off_center(stride, channels):
    """the top of the tent is on a pixel, for even strides too

    With an even K the middle lies between two pixels, at (K - 1) / 2. A tent that is not symmetric shifts the picture.
    """
    size = reference.bilinear_kernel(stride, 1).shape[2]
    return _diagonal(np.maximum(1 - np.abs(np.arange(size) - size // 2) / stride, 0), channels)


@mistake("bilinear_kernel")
def bilinear_kernel_to_zero(stride, channels):
    """the tent falls to 0 on its first and last tap

    Those taps would be of no use. The weight is 1 - distance / stride, and the last distance is below the stride.
    """
    size = reference.bilinear_kernel(stride, 1).shape[2]
    return _diagonal(np.bartlett(size), channels)


@mistake("bilinear_kernel")
def bilinear_kernel_cone(stride, channels):
    """the weights fall with the distance from the middle, a cone

    Bilinear interpolation is linear along rows, then along columns: the product of two tents, np.outer(tent, tent).
    """
    size = reference.bilinear_kernel(stride, 1).shape[2]
    along = np.abs(np.arange(size) - (size - 1) / 2)
    cone = np.maximum(1 - np.hypot(along[:, None], along) / stride, 0)
    return np.eye(channels)[:, :, None, None] * cone


@mistake("bilinear_kernel")
def bilinear_kernel_flat_top(stride, channels):
    """the tent has a flat top for even strides: two taps of weight 1

    The two middle taps are half a pixel from the middle, so their weight is 1 - 0.5 / stride.
    """
    size = reference.bilinear_kernel(stride, 1).shape[2]
    return _diagonal(np.minimum(np.arange(1, size + 1), np.arange(size, 0, -1)) / stride, channels)


# pixel_shuffle


def _split(x, r):
    reference.pixel_shuffle(x, r)
    batch, channels, height, width = x.shape
    return batch, channels // (r * r), height, width


@mistake("pixel_shuffle")
def pixel_shuffle_depth_to_space(x, r):
    """the channels were read in the order (r, r, C)

    That is TensorFlow's depth_to_space. Here the r * r channels of one block stand next to each other: (C, r, r).
    """
    batch, channels, height, width = _split(x, r)
    blocks = x.reshape(batch, r, r, channels, height, width)
    return blocks.transpose(0, 3, 4, 1, 5, 2).reshape(batch, channels, height * r, width * r)


@mistake("pixel_shuffle")
def pixel_shuffle_turned(x, r):
    """each block was filled column by column

    The channels of a block fill it in reading order: channel a * r + b goes to row a, column b.
    """
    batch, channels, height, width = _split(x, r)
    blocks = x.reshape(batch, channels, r, r, height, width)
    return blocks.transpose(0, 1, 4, 3, 5, 2).reshape(batch, channels, height * r, width * r)


@mistake("pixel_shuffle")
def pixel_shuffle_reshaped(x, r):
    """x was only reshaped

    The right shape with the pixels in the wrong places. The axes have to change places before the last reshape.
    """
    batch, channels, height, width = _split(x, r)
    return x.reshape(batch, channels, height * r, width * r).copy()


@mistake("pixel_shuffle")
def pixel_shuffle_tiled(x, r):
    """the channels stand next to each other as small pictures

    Pixel (i, j) of the r * r channels forms one block. So the offsets a and b go right behind i and j, not before them.
    """
    batch, channels, height, width = _split(x, r)
    blocks = x.reshape(batch, channels, r, r, height, width)
    return blocks.transpose(0, 1, 2, 4, 3, 5).reshape(batch, channels, height * r, width * r).copy()


@mistake("pixel_shuffle")
def pixel_shuffle_nearest(x, r):
    """one channel of each group was repeated, and the others were lost

    Each of the r * r channels gives one pixel of the block.
    """
    _split(x, r)
    return x[:, :: r * r].repeat(r, axis=2).repeat(r, axis=3)


@mistake("pixel_shuffle")
def pixel_shuffle_view(x, r):
    """the result is a view of x

    Where nothing has to move (r = 1, or one pixel a channel) reshape does not copy. Copy it yourself.
    """
    batch, channels, height, width = _split(x, r)
    blocks = x.reshape(batch, channels, r, r, height, width)
    return blocks.transpose(0, 1, 4, 2, 5, 3).reshape(batch, channels, height * r, width * r)


# subpixel_weights


def _phases(w, stride, flip=True, front=False):
    """(C_in, C_out, k, s, l, s)"""
    reference.subpixel_weights(w, stride)
    k, l = (-(-n // stride) for n in w.shape[2:])
    zeros = [(0, size * stride - n) for size, n in zip((k, l), w.shape[2:], strict=True)]
    if front:
        zeros = [pair[::-1] for pair in zeros]
    taps = np.pad(w, ((0, 0), (0, 0), *zeros)).reshape(*w.shape[:2], k, stride, l, stride)
    return taps[:, :, ::-1, :, ::-1] if flip else taps


def _joined(taps, order=(1, 3, 5, 0, 2, 4)):
    c_in, c_out, k, s, l, _ = taps.shape
    return np.ascontiguousarray(taps.transpose(order)).reshape(c_out * s * s, c_in, k, l)


@mistake("subpixel_weights")
def subpixel_weights_unflipped(w, stride):
    """the small kernels were not turned round

    Tap m of a phase meets input q - m: as m grows, the input index falls. conv2d pairs rising with rising.
    """
    return _joined(_phases(w, stride, flip=False))


@mistake("subpixel_weights")
def subpixel_weights_all_turned(w, stride):
    """the whole kernel was turned round before it was split into phases

    That also reverses the order of the phases. Split first, then turn each small kernel.
    """
    return _joined(_phases(w, stride)[:, :, :, ::-1, :, ::-1])


@mistake("subpixel_weights")
def subpixel_weights_turned_first(w, stride):
    """the kernel was turned round first, then filled with zeros at its end and split

    Where the stride does not divide the kernel the phases then get each other's taps.
    """
    return _joined(_phases(np.ascontiguousarray(w[:, :, ::-1, ::-1]), stride, flip=False))


@mistake("subpixel_weights")
def subpixel_weights_zeros_first(w, stride):
    """the kernel was filled with zeros at its beginning

    Tap 0 reaches output i * stride itself, so it belongs to phase 0. The zeros go to the end.
    """
    return _joined(_phases(w, stride, front=True))


@mistake("subpixel_weights")
def subpixel_weights_offset_first(w, stride):
    """the filters are in the order (s, s, C_out)

    pixel_shuffle reads its channels as (C_out, s, s): all phases of one output channel stand together.
    """
    return _joined(_phases(w, stride), (3, 5, 1, 0, 2, 4))


@mistake("subpixel_weights")
def subpixel_weights_phases_swapped(w, stride):
    """the phases of rows and columns were exchanged

    Filter o * s * s + a * s + b makes row phase a and column phase b.
    """
    return _joined(_phases(w, stride), (1, 5, 3, 0, 2, 4))


@mistake("subpixel_weights")
def subpixel_weights_truncated(w, stride):
    """taps that do not fill a whole phase were dropped

    A kernel of 3 at stride 2 has phases of 2 and 1 taps: round up, k = ceil(K / stride), and fill with zeros.
    """
    reference.subpixel_weights(w, stride)
    k, l = (max(n // stride, 1) for n in w.shape[2:])
    some = w[:, :, : k * stride, : l * stride]
    return reference.subpixel_weights(some, stride)


@mistake("subpixel_weights")
def subpixel_weights_blocks(w, stride):
    """the phases are blocks of neighboring taps

    Phase a has the taps a, a + stride, a + 2 * stride, ... Split the taps as (k, stride), not as (stride, k).
    """
    taps = _phases(w, stride, flip=False)
    c_in, c_out, k, s, l, _ = taps.shape
    blocks = taps.reshape(c_in, c_out, s, k, s, l)[:, :, :, ::-1, :, ::-1]
    return np.ascontiguousarray(blocks.transpose(1, 2, 4, 0, 3, 5)).reshape(c_out * s * s, c_in, k, l)


@mistake("subpixel_weights")
def subpixel_weights_blocks_unflipped(w, stride):
    """the phases are blocks of neighboring taps, and not turned round

    Phase a has the taps a, a + stride, a + 2 * stride, ... Split the taps as (k, stride), then reverse each phase.
    """
    taps = _phases(w, stride, flip=False)
    c_in, c_out, k, s, l, _ = taps.shape
    blocks = taps.reshape(c_in, c_out, s, k, s, l).transpose(1, 2, 4, 0, 3, 5)
    return np.ascontiguousarray(blocks).reshape(c_out * s * s, c_in, k, l)


@mistake("subpixel_weights")
def subpixel_weights_channels_swapped(w, stride):
    """the input channels and the output channels were exchanged

    A transposed convolution has its weights as (C_in, C_out, K, L), a convolution as (C_out, C_in, K, L).
    """
    return reference.subpixel_weights(np.ascontiguousarray(w.swapaxes(0, 1)), stride)


# icnr


def _small(shape, r):
    if shape[0] % (r * r):
        raise ValueError("the channels do not fill the blocks")
    return shape[0] // (r * r), *shape[1:]


def _checked(drawn, shape):
    if drawn.shape != tuple(shape):
        raise ValueError("init draws another shape")
    return drawn


@mistake("icnr")
def icnr_ordinary(shape, r, init, rng):
    """every channel was drawn by itself

    The r * r channels of a block must start alike, or the block is not flat: draw C kernels and repeat each r * r times.
    """
    _small(shape, r)
    return _checked(init(tuple(shape), rng), shape)


@mistake("icnr")
def icnr_tiled(shape, r, init, rng):
    """the kernels were tiled, the whole set again and again

    pixel_shuffle takes neighboring channels for one block: 1, 1, 1, 1, 2, 2, 2, 2. That is np.repeat along axis 0.
    """
    small = _small(shape, r)
    return np.tile(_checked(init(small, rng), small), (r * r, 1, 1, 1))


@mistake("icnr")
def icnr_divided(shape, r, init, rng):
    """the kernels were divided by r * r

    Each output pixel comes from one channel, not from a sum over the block: nothing is to be shared out.
    """
    small = _small(shape, r)
    return np.repeat(_checked(init(small, rng), small), r * r, axis=0) / (r * r)


@mistake("icnr")
def icnr_one_for_all(shape, r, init, rng):
    """one kernel was drawn for all channels

    Then all C channels of the enlarged picture start alike. Draw one kernel for each of the C groups.
    """
    small = _small(shape, r)
    drawn = _checked(init(small, rng), small)
    return np.repeat(drawn[:1], shape[0], axis=0)


@mistake("icnr")
def icnr_enlarged_kernel(shape, r, init, rng):
    """it was the kernel's rows and columns that were repeated

    The kernels keep their size. It is the filters, axis 0, that the pixel shuffle turns into pixels.
    """
    small = _small(shape, r)
    drawn = _checked(init(small, rng), small)
    return np.resize(drawn.repeat(r, axis=2).repeat(r, axis=3), shape)


@mistake("icnr")
def icnr_one_axis(shape, r, init, rng):
    """each kernel was repeated r times

    A block has r rows and r columns, so r * r channels start alike.
    """
    if shape[0] % r:
        raise ValueError("the channels do not fill the blocks")
    small = (shape[0] // r, *shape[1:])
    return np.repeat(_checked(init(small, rng), small), r, axis=0)


@mistake("icnr")
def icnr_full_repeated(shape, r, init, rng):
    """a kernel was drawn for every channel, and each then repeated

    `shape` is that of the result. Draw only shape[0] / (r * r) kernels.
    """
    _small(shape, r)
    return np.repeat(_checked(init(tuple(shape), rng), shape), r * r, axis=0)


@mistake("icnr")
def icnr_full_thinned(shape, r, init, rng):
    """a kernel was drawn for every channel, and the first of each group kept

    init may scale by the number of filters, and the generator moves on too far. Draw only the kernels that are used.
    """
    _small(shape, r)
    return np.repeat(_checked(init(tuple(shape), rng), shape)[:: r * r], r * r, axis=0)


@mistake("icnr")
def icnr_full_first(shape, r, init, rng):
    """a kernel was drawn for every channel, and only the first ones kept

    init may scale by the number of filters, and the generator moves on too far. Draw only the kernels that are used.
    """
    small = _small(shape, r)
    return np.repeat(_checked(init(tuple(shape), rng), shape)[: small[0]], r * r, axis=0)


# resize_conv2d


def _padding(w):
    return w.shape[2] // 2, w.shape[3] // 2


def _linear(x, scale, place):
    """Bilinear enlargement where `place(u, n)` says where in the small image the large pixel u lies."""
    x = x.astype(np.float64)
    for axis in (2, 3):
        n = x.shape[axis]
        at = np.clip(place(np.arange(n * scale), n), 0, n - 1)
        low = at.astype(int)
        part = np.expand_dims(at - low, [i for i in range(4) if i != axis])
        x = (1 - part) * x.take(low, axis) + part * x.take(np.minimum(low + 1, n - 1), axis)
    return x


def _nearest(x, scale):
    return x.repeat(scale, axis=2).repeat(scale, axis=3)


@mistake("resize_conv2d")
def resize_conv2d_conv_first(x, w, scale, mode="nearest"):
    """the convolution came first and the enlargement last

    Enlarge, then convolve. In the other order nothing smooths the blocks; it is also what the article's decoder does.
    """
    expected = reference.resize_conv2d(x, w, scale, mode)
    y = conv2d(x, w, padding=_padding(w))
    return reference.resize_conv2d(y, np.eye(len(w), dtype=y.dtype)[:, :, None, None], scale, mode).astype(
        expected.dtype
    )


@mistake("resize_conv2d")
def resize_conv2d_aligned_corners(x, w, scale, mode="nearest"):
    """the corner pixels of both images were laid on each other

    That is align_corners=True. Here pixels are little squares, and u has its center at (u + 0.5) / scale - 0.5.
    """
    expected = reference.resize_conv2d(x, w, scale, mode)
    if mode == "nearest":
        return expected
    large = _linear(x, scale, lambda u, n: u * (n - 1) / max(n * scale - 1, 1))
    return conv2d(large, w, padding=_padding(w)).astype(expected.dtype)


@mistake("resize_conv2d")
def resize_conv2d_no_half_pixel(x, w, scale, mode="nearest"):
    """pixel u was looked up at u / scale

    That shifts the picture by half a pixel. Centers correspond: (u + 0.5) / scale - 0.5.
    """
    expected = reference.resize_conv2d(x, w, scale, mode)
    if mode == "nearest":
        return expected
    return conv2d(_linear(x, scale, lambda u, n: u / scale), w, padding=_padding(w)).astype(expected.dtype)


@mistake("resize_conv2d")
def resize_conv2d_zeros_between(x, w, scale, mode="nearest"):
    """zeros were put between the pixels in place of copies

    Zero insertion is how a transposed convolution enlarges, and it brings the checkerboards. Repeat the pixels.
    """
    expected = reference.resize_conv2d(x, w, scale, mode)
    large = np.zeros_like(_nearest(x, scale))
    large[:, :, ::scale, ::scale] = x
    return conv2d(large, w, padding=_padding(w)).astype(expected.dtype)


@mistake("resize_conv2d")
def resize_conv2d_tiled(x, w, scale, mode="nearest"):
    """the whole image was repeated, not each pixel

    np.tile sets copies of the image side by side. np.repeat along axes 2 and 3 makes blocks of equal pixels.
    """
    expected = reference.resize_conv2d(x, w, scale, mode)
    return expected if mode != "nearest" else conv2d(np.tile(x, (1, 1, scale, scale)), w, padding=_padding(w))


@mistake("resize_conv2d")
def resize_conv2d_valid(x, w, scale, mode="nearest"):
    """the convolution did not keep the size

    Pad with (K - 1) / 2 rows and (L - 1) / 2 columns of zeros on each side.
    """
    reference.resize_conv2d(x, w, scale, mode)
    return conv2d(reference.resize_conv2d(x, np.eye(x.shape[1], dtype=x.dtype)[:, :, None, None], scale, mode), w)


@mistake("resize_conv2d")
def resize_conv2d_flipped(x, w, scale, mode="nearest"):
    """the kernel was turned round

    The kernel is used as conv2d uses it. Only a transposed convolution turns it.
    """
    return reference.resize_conv2d(x, np.ascontiguousarray(w[:, :, ::-1, ::-1]), scale, mode)


@mistake("resize_conv2d")
def resize_conv2d_edge_padding(x, w, scale, mode="nearest"):
    """the border was padded by repeating the edge

    The convolution pads with zeros, as conv2d does.
    """
    expected = reference.resize_conv2d(x, w, scale, mode)
    large = _nearest(x, scale) if mode == "nearest" else _linear(x, scale, lambda u, n: (u + 0.5) / scale - 0.5)
    (top, left) = _padding(w)
    large = np.pad(large, ((0, 0), (0, 0), (top, top), (left, left)), mode="edge")
    return conv2d(large, w).astype(expected.dtype)
