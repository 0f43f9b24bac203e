"""Chapter 11's solutions against PyTorch's layers, scikit-image, SciPy's convolutions, and chapter 4."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import draw_array, seeds

torch = pytest.importorskip("torch")

from scipy import ndimage  # noqa: E402
from torch import nn  # noqa: E402

from deconv_solutions import inversion  # noqa: E402
from deconv_solutions.restoration import (  # noqa: E402
    ESPCN,
    FSRCNN,
    DenoisingAutoencoder,
    UnrolledDeconvolution,
    degrade,
    psnr,
)

metrics = pytest.importorskip("skimage.metrics")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@given(st.lists(st.integers(1, 5), min_size=2, max_size=4), seeds(), st.sampled_from([1.0, 255.0]))
def test_psnr_is_scikit_image_s(shape, seed, peak):
    a, b = draw_array(shape, seed), draw_array(shape, seed + 1)
    if (a != b).any():
        assert psnr(a, b, peak) == pytest.approx(metrics.peak_signal_noise_ratio(a, b, data_range=peak))


@given(
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    seeds(),
)
def test_degrade_is_scipy_s_convolution_of_the_mirrored_picture(kernel, more, seed):
    x = draw_array((2, 2, kernel[0] // 2 + more[0], kernel[1] // 2 + more[1]), seed)
    weight = draw_array(kernel, seed + 1)
    found = degrade(torch.from_numpy(x), torch.from_numpy(weight), 0.0, torch.Generator())
    for n, c in np.ndindex(2, 2):
        # SciPy's center is at (K - 1) // 2 where it turns the kernel; for even sides it is told to move it by one.
        origin = [-1 if side % 2 == 0 else 0 for side in kernel]
        same = ndimage.correlate(x[n, c], weight[::-1, ::-1], mode="mirror", origin=origin)
        np.testing.assert_allclose(found[n, c].numpy(), same, atol=1e-9)


def test_degrade_s_noise_has_the_asked_deviation():
    x = torch.zeros(4, 3, 64, 64, dtype=torch.float64)
    y = degrade(x, torch.ones(1, 1), 0.2, torch.Generator().manual_seed(0))
    assert abs(float(y.std()) - 0.2) < 0.004 and abs(float(y.mean())) < 0.004
    one, other = y[0, 0].flatten(), y[0, 1].flatten()
    assert abs(float((one * other).mean()) / 0.04) < 0.1


@given(st.integers(1, 3), st.integers(1, 4), st.tuples(st.integers(1, 4), st.integers(1, 4)), seeds())
def test_the_autoencoder_is_a_sequence_of_torch_layers_where_4_divides_the_size(channels, width, quarter, seed):
    torch.manual_seed(seed)
    net = DenoisingAutoencoder(channels, width)
    sequence = nn.Sequential(net.down[0], nn.ReLU(), net.down[1], nn.ReLU(), net.up[0], nn.ReLU(), net.up[1])
    x = torch.randn(2, channels, 4 * quarter[0], 4 * quarter[1])
    torch.testing.assert_close(net(x), sequence(x))


@given(st.tuples(st.integers(1, 9), st.integers(1, 9)), seeds())
def test_the_autoencoder_knows_nothing_of_what_it_cuts(size, seed):
    # The first rows and columns are those of a picture that goes on in zeros, but for what its bias makes of them.
    torch.manual_seed(seed)
    net = DenoisingAutoencoder(1, 2)
    assert net(torch.randn(1, 1, *size)).shape == (1, 1, *size)


@given(st.integers(1, 4), st.integers(0, 3), st.tuples(st.integers(1, 6), st.integers(1, 6)), seeds())
def test_fsrcnn_is_a_sequence_of_torch_layers(scale, m, size, seed):
    torch.manual_seed(seed)
    net = FSRCNN(scale, 6, 3, m)
    sequence = nn.Sequential(*net.feature, *net.shrink, *net.mapping, *net.expand)
    x = torch.randn(2, 1, *size)
    found = net(x)
    assert found.shape == (2, 1, scale * size[0], scale * size[1])
    wide = nn.functional.conv_transpose2d(sequence(x), net.deconv.weight, net.deconv.bias, stride=scale)
    torch.testing.assert_close(found, wide[:, :, 4:, 4:][:, :, : found.shape[2], : found.shape[3]])


def test_the_papers_parameters():
    def weights(net):
        return sum(value.numel() for value in net.parameters() if value.ndim == 4)

    def everything(net):
        return sum(value.numel() for value in net.parameters())

    assert weights(FSRCNN(2)) == weights(FSRCNN(4)) == 12_464
    assert everything(FSRCNN(2)) == 12_809
    assert weights(FSRCNN(2, 32, 5, 1)) == 3_937
    assert [weights(ESPCN(scale)) for scale in (2, 3, 4)] == [21_184, 22_624, 24_640]


@given(st.integers(1, 4), st.integers(1, 3), seeds())
def test_espcn_is_a_sequence_of_torch_layers(scale, channels, seed):
    torch.manual_seed(seed)
    net = ESPCN(scale, channels)
    sequence = nn.Sequential(net.first, nn.Tanh(), net.second, nn.Tanh(), net.last, nn.PixelShuffle(scale))
    x = torch.randn(2, channels, 3, 4)
    torch.testing.assert_close(net(x), sequence(x))


def unrolled(kernel, steps, size, margin, seed=0, threshold=0.1):
    torch.manual_seed(seed)
    net = UnrolledDeconvolution(torch.from_numpy(kernel).float(), steps, size, margin)
    net.thresholds.data.uniform_(0, threshold)
    net.filters.data += 0.1 * torch.randn(net.filters.shape)
    net.log_weight.data.uniform_(-3, 0)
    return net.double()


@given(
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.tuples(st.integers(5, 9), st.integers(5, 9)),
    st.integers(0, 4),
    seeds(),
)
def test_one_step_without_thresholds_is_chapter_4_s_wiener(kernel, size, margin, seed):
    weight = draw_array(kernel, seed, low=1, high=5) / 16
    net = unrolled(weight, 1, 3, margin, seed, threshold=0)
    y = draw_array(size, seed + 1)
    padded = np.pad(y, margin, mode="reflect")
    expected = inversion.wiener(padded, net.kernel.numpy(), float(net.log_weight.detach().exp()))
    expected = expected[margin : margin + size[0], margin : margin + size[1]]
    found = net(torch.from_numpy(y)[None, None])[0, 0].detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_many_steps_without_thresholds_solve_the_equation():
    kernel = np.array([[0.0, 0.1, 0.0], [0.1, 0.6, 0.1], [0.0, 0.1, 0.0]])
    net = unrolled(kernel, 60, 3, 0, threshold=0)
    x = draw_array((6, 7), 3)
    H = inversion.transfer_function(net.kernel.numpy(), (6, 7))
    y = np.fft.ifft2(H * np.fft.fft2(x)).real
    np.testing.assert_allclose(net(torch.from_numpy(y)[None, None])[0, 0].detach().numpy(), x, atol=1e-6)


@given(seeds())
def test_a_step_is_proximal_then_down_a_gradient(seed):
    """First the minimum of |y - A z|^2 + w |z - x|^2 by autograd's normal equations, then down a Huber penalty's gradient."""
    net = unrolled(draw_array((3, 2), seed, low=1, high=5) / 16, 1, 3, 0, seed)
    y = torch.from_numpy(draw_array((1, 1, 5, 6), seed + 1))
    weight = float(net.log_weight.detach().exp())
    H = torch.from_numpy(inversion.transfer_function(net.kernel.numpy(), (5, 6)))

    def blurred(x):
        return torch.fft.ifft2(H * torch.fft.fft2(x)).real

    units = torch.eye(30, dtype=torch.float64).reshape(30, 1, 5, 6)
    A = blurred(units).flatten(1).T
    v = torch.linalg.solve(A.T @ A + weight * torch.eye(30, dtype=torch.float64), A.T @ y.flatten()).reshape(y.shape)
    leaf = v.clone().requires_grad_()
    answers = nn.functional.conv2d(leaf, net.filters[0].detach(), padding=1)
    t = net.thresholds[0].detach()[:, None, None].expand_as(answers[0])[None]
    inside = answers.abs() <= t
    huber = torch.where(inside, answers.square() / 2, t * (answers.abs() - t / 2)).sum()
    (down,) = torch.autograd.grad(huber, leaf)
    torch.testing.assert_close(net(y).detach(), v - down)


def test_the_first_filters_are_the_cosine_transform_and_take_all_but_the_local_mean():
    from scipy.fft import dctn

    for size in (3, 5):
        filters = UnrolledDeconvolution(torch.ones(1, 1), size=size).filters[0].detach().double()
        unit = np.eye(size * size).reshape(-1, size, size)
        waves = np.stack([dctn(one, norm="ortho") for one in unit]).reshape(size * size, -1).T[1:]
        np.testing.assert_allclose(filters.reshape(-1, size * size) * size, waves, atol=1e-6)
        x = torch.randn(1, 1, 16, 17, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        back = nn.functional.conv_transpose2d(nn.functional.conv2d(x, filters), filters)
        box = torch.full((1, 1, size, size), 1 / size**2, dtype=torch.float64)
        mean = nn.functional.conv_transpose2d(nn.functional.conv2d(x, box), box)
        inner = slice(size, -size)
        torch.testing.assert_close(back[..., inner, inner], (x - mean)[..., inner, inner], rtol=0, atol=1e-6)


def test_gradients_reach_every_parameter():
    net = unrolled(np.full((3, 3), 1 / 9), 2, 3, 2)
    y = torch.from_numpy(draw_array((1, 1, 7, 8), 5))
    net(y).square().sum().backward()
    assert all(value.grad is not None and value.grad.abs().sum() > 0 for value in net.parameters())
    assert "kernel" in dict(net.named_buffers())
    assert torch.autograd.gradcheck(net, y.requires_grad_())


def test_psnr_of_a_constant_error():
    assert psnr(torch.zeros(3), torch.full((3,), 0.1)) == pytest.approx(20, abs=1e-5)
    assert psnr(np.zeros(2), np.zeros(2)) == math.inf
