"""Chapter 10's solutions against PyTorch's gradients, SciPy's convolutions, eigenvalues and minimizers, and the theorems."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import draw_array, seeds

torch = pytest.importorskip("torch")

from scipy import optimize, signal  # noqa: E402
from scipy.sparse import linalg  # noqa: E402

from deconv_solutions import convolution_matrix  # noqa: E402
from deconv_solutions.sparse_coding import (  # noqa: E402
    analyse,
    fista,
    ista,
    lipschitz,
    lipschitz_bound,
    soft_threshold,
    synthesise,
    update_filters,
)

SIDES = st.tuples(st.integers(1, 4), st.integers(1, 4))


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@st.composite
def layers(draw):
    """Codes, filters and an image of matching shapes: whole numbers in float64."""
    images, features, channels = draw(st.integers(1, 2)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    (K, L), (h, w), seed = draw(SIDES), draw(SIDES), draw(seeds())
    z = tensor((images, features, h, w), seed)
    d = tensor((features, channels, K, L), seed + 1)
    return z, d, tensor((images, channels, h + K - 1, w + L - 1), seed + 2)


def tensor(shape, seed):
    return torch.from_numpy(draw_array(shape, seed, low=-4, high=4))


def unit(d):
    d = d.clone()
    d[:, 0, 0, 0] += 5.0
    return d / d.flatten(1).norm(dim=1)[:, None, None, None]


# The operators


@given(layers())
def test_synthesis_is_a_sum_of_scipy_s_convolutions(case):
    z, d, _ = case
    for n, image in enumerate(synthesise(z, d).numpy()):
        for c, plane in enumerate(image):
            terms = [signal.convolve2d(z[n, f].numpy(), d[f, c].numpy()) for f in range(len(d))]
            np.testing.assert_array_equal(plane, sum(terms))


@given(layers())
def test_analysis_is_a_sum_of_scipy_s_correlations(case):
    _, d, x = case
    for n, maps in enumerate(analyse(x, d).numpy()):
        for f, plane in enumerate(maps):
            terms = [signal.correlate2d(x[n, c].numpy(), d[f, c].numpy(), mode="valid") for c in range(x.shape[1])]
            np.testing.assert_array_equal(plane, sum(terms))


@given(layers())
def test_each_is_the_gradient_of_the_other(case):
    z, d, x = case
    codes = z.clone().requires_grad_()
    (torch.nn.functional.conv_transpose2d(codes, d) * x).sum().backward()
    torch.testing.assert_close(analyse(x, d), codes.grad, rtol=0, atol=0)
    image = x.clone().requires_grad_()
    (torch.nn.functional.conv2d(image, d) * z).sum().backward()
    torch.testing.assert_close(synthesise(z, d), image.grad, rtol=0, atol=0)


@given(layers())
def test_they_pass_chapter_2_s_test(case):
    z, d, x = case
    gap = convolution_matrix.dot_product_gap(
        lambda a: synthesise(torch.from_numpy(a), d).numpy(),
        lambda a: analyse(torch.from_numpy(a), d).numpy(),
        tuple(z.shape),
        tuple(x.shape),
        np.random.default_rng(0),
    )
    assert gap < 1e-10


@given(layers())
def test_analysis_is_chapter_2_s_matrix(case):
    _, d, x = case
    matrix = convolution_matrix.conv_matrix(d.numpy(), tuple(x.shape[1:]))
    flat = x.flatten(1).numpy() @ matrix.T.toarray()
    np.testing.assert_array_equal(analyse(x, d).flatten(1).numpy(), flat)


def test_results_carry_no_gradient_and_arguments_stay():
    z, d, x = (
        tensor((1, 2, 3, 2), 1).requires_grad_(),
        unit(tensor((2, 1, 2, 3), 2)).requires_grad_(),
        tensor((1, 1, 4, 4), 3),
    )
    x.requires_grad_()
    results = [synthesise(z, d), analyse(x, d), soft_threshold(z, 1.0), update_filters(x, z, d)]
    results += [ista(x, d, 0.5, 3)[0], fista(x, d, 0.5, 3, start=z)[0]]
    assert not any(result.requires_grad for result in results)
    assert all(part.grad is None for part in (x, z, d))


# The threshold


@given(st.floats(-9, 9), st.floats(0, 5))
def test_the_threshold_is_torch_s_softshrink_and_the_minimum(z, t):
    value = torch.tensor([z], dtype=torch.float64)
    u = soft_threshold(value, t)
    torch.testing.assert_close(u, torch.nn.functional.softshrink(value, t), rtol=1e-12, atol=1e-12)

    def price(u):
        return (u - z) ** 2 / 2 + t * abs(u)

    others = np.linspace(-10, 10, 401)
    assert price(u.item()) <= price(others).min() + 1e-12


# The largest eigenvalue


@given(layers())
def test_eigenvalue_from_below_and_from_above(case):
    z, d, x = case
    (_, features, h, w) = z.shape
    units = torch.eye(features * h * w, dtype=torch.float64).reshape(-1, features, h, w)
    exact = np.linalg.norm(synthesise(units, d).flatten(1).numpy(), 2) ** 2
    estimate = lipschitz(d, (1, features, h, w), 30, torch.Generator().manual_seed(0))
    assert estimate <= exact * (1 + 1e-9)
    assert lipschitz_bound(d, tuple(x.shape[2:])) >= exact * (1 - 1e-9)


def test_power_iteration_finds_what_scipy_s_lanczos_finds():
    d, shape = unit(tensor((3, 2, 3, 2), 5)), (1, 3, 6, 7)

    def normal(v):
        return analyse(synthesise(torch.from_numpy(v.reshape(shape)), d), d).numpy().ravel()

    operator = linalg.LinearOperator((126, 126), matvec=normal, dtype=np.float64)
    exact = linalg.eigsh(operator, k=1, return_eigenvectors=False)[0]
    assert lipschitz(d, shape, 2000, torch.Generator().manual_seed(1)) == pytest.approx(exact, rel=1e-3)


def test_the_bound_is_exact_around_a_torus():
    d = tensor((3, 2, 2, 3), 6).numpy()
    padded = np.zeros((3, 2, 4, 5))
    padded[:, :, :2, :3] = d
    blocks = np.zeros((2, 20, 3, 20))
    for i in range(20):
        spike = np.zeros(20)
        spike[i] = 1
        for f in range(3):
            for c in range(2):
                turned = np.fft.ifft2(np.fft.fft2(padded[f, c]) * np.fft.fft2(spike.reshape(4, 5))).real
                blocks[c, :, f, i] = turned.ravel()
    exact = np.linalg.norm(blocks.reshape(40, 60), 2) ** 2
    assert lipschitz_bound(torch.from_numpy(d), (4, 5)) == pytest.approx(exact, rel=1e-10)


# The minimum


def lasso(images=1):
    d = unit(tensor((3, 2, 2, 3), 7))
    z = torch.where(tensor((images, 3, 4, 3), 8) > 3, 2.0, 0.0).double()
    return synthesise(z, d) + tensor((images, 2, 5, 5), 9) / 20, d


def test_both_end_at_the_minimum_that_scipy_finds():
    # The same problem with codes written as positive less negative part: smooth, with bounds, for L-BFGS-B.
    x, d = lasso()
    shape, weight = (1, 3, 4, 3), 0.3

    def objective(parts):
        plus, minus = torch.from_numpy(parts).reshape(2, *shape)
        residual = synthesise(plus - minus, d) - x
        down = analyse(residual, d)
        value = float((residual**2).sum() / 2 + weight * parts.sum())
        return value, torch.stack((down + weight, weight - down)).numpy().ravel()

    found = optimize.minimize(
        objective,
        np.zeros(72),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] * 72,
        options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-10},
    )
    for method, iterations in ((ista, 4000), (fista, 1500)):
        assert method(x, d, weight, iterations)[1][-1] == pytest.approx(found.fun, rel=1e-6)


@pytest.mark.parametrize("method", [ista, fista])
def test_at_the_end_the_optimality_conditions_hold(method):
    x, d = lasso(images=2)
    z, _ = method(x, d, 0.3, 6000)
    answer = analyse(x - synthesise(z, d), d)
    assert answer.abs().max() <= 0.3 + 1e-6
    torch.testing.assert_close(answer[z != 0], 0.3 * z[z != 0].sign(), rtol=0, atol=1e-4)


@given(layers(), st.sampled_from([0.1, 0.5, 2.0]))
def test_the_theorems_of_beck_and_teboulle(case, weight):
    _, d, x = case
    d = unit(d)
    best, long_run = fista(x, d, weight, 150)
    reach = lipschitz_bound(d, tuple(x.shape[2:])) * float(best.square().sum())
    slack = 1e-9 * (1 + long_run[0])
    for method, bound in ((ista, lambda k: reach / (2 * k)), (fista, lambda k: 2 * reach / (k + 1) ** 2)):
        history = method(x, d, weight, 20)[1]
        assert len(history) == 21
        assert all(history[k] - long_run[-1] <= bound(k) + slack for k in range(1, 21))


def test_all_codes_are_zero_from_the_largest_answer_on():
    x, d = lasso()
    edge = float(analyse(x, d).abs().max())
    assert not fista(x, d, edge * 1.0001, 50)[0].any()
    assert fista(x, d, edge * 0.999, 50)[0].any()


# The filters


@given(layers())
def test_the_update_is_the_best_along_autograd_s_gradient(case):
    z, d, x = case
    d = unit(d)
    leaf = d.clone().requires_grad_()
    ((x - torch.nn.functional.conv_transpose2d(z, leaf)) ** 2).sum().div(2).backward()
    down = -leaf.grad

    def error(a):
        return float((x - synthesise(z, d + a * down)).square().sum() / 2)

    new = update_filters(x, z, d)
    used = (z != 0).any(dim=3).any(dim=2).any(dim=0)
    torch.testing.assert_close(new[~used], d[~used], rtol=0, atol=0)
    if not used.any() or synthesise(z, down).norm() < 1e-9:
        return
    step = optimize.minimize_scalar(error).x
    stepped = d + step * down
    norms = stepped.flatten(1).norm(dim=1)
    if norms[used].min() < 1e-3:
        return
    expected = torch.where(used[:, None, None, None], stepped / norms[:, None, None, None], d)
    torch.testing.assert_close(new, expected, rtol=0, atol=1e-4)


def test_learning_finds_the_filters_that_made_the_images():
    generator = torch.Generator().manual_seed(0)
    bar = torch.zeros(3, 3)
    bar[1] = 1 / 3**0.5
    truth = torch.stack((bar, bar.T))[:, None]
    z = torch.randn(6, 2, 20, 20, generator=generator) * (torch.rand(6, 2, 20, 20, generator=generator) < 0.02)
    x = synthesise(z, truth)
    d, codes = torch.randn(2, 1, 5, 5, generator=generator), None
    d /= d.flatten(1).norm(dim=1)[:, None, None, None]
    for _ in range(150):
        codes, _ = fista(x, d, 0.1, 4, start=codes)
        d = update_filters(x, codes, d)
    # Up to sign, order and a shift by some pixels: the best match of each.
    match = torch.nn.functional.conv2d(truth, d, padding=4).abs().amax(dim=(2, 3)).amax(dim=1)
    assert match.min() > 0.95
