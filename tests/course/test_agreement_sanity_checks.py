"""Chapter 9's solutions against SciPy, scikit-image, Captum, PyTorch's own initialization and a least-squares solver."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deconv_grader.checks.writing import draw_array, seeds

torch = pytest.importorskip("torch")
from deconv_solutions.sanity_checks import (  # noqa: E402
    deletion_curve,
    invert_features,
    occlusion_map,
    randomise_cascade,
    similarity,
)

nn = torch.nn

SIZES = st.tuples(st.integers(7, 20), st.integers(7, 20))


def drawn(shape, seed, most=9):
    return torch.from_numpy(draw_array(shape, seed, np.float32, -most, most))


def classifier(channels, height, width, classes=3):
    torch.manual_seed(channels + height + width)
    return nn.Sequential(
        nn.Conv2d(channels, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(4 * (height - 1) * (width - 1), classes)
    ).requires_grad_(False)


@given(size=SIZES, channels=st.integers(1, 3), most=st.sampled_from([1, 4, 100]), seed=seeds())
def test_spearman_is_scipys(size, channels, most, seed):
    stats = pytest.importorskip("scipy.stats")
    a, b = drawn((channels, *size), seed, most), drawn((channels, *size), seed + 1, most)
    gray = [picture.double().mean(0).numpy().ravel() for picture in (a, b)]
    assert similarity(a, b)["spearman"] == pytest.approx(stats.spearmanr(*gray).statistic, abs=1e-12)
    both = a + b
    assert similarity(a[None], both[None])["spearman"] == pytest.approx(
        stats.spearmanr(gray[0], both.double().mean(0).numpy().ravel()).statistic, abs=1e-12
    )


@given(size=SIZES, channels=st.integers(1, 3), seed=seeds(), share=st.sampled_from([0, 1, 5]))
def test_ssim_is_scikit_images(size, channels, seed, share):
    metrics = pytest.importorskip("skimage.metrics")
    a = drawn((channels, *size), seed)
    b = drawn((channels, *size), seed + 1) + share * a
    gray = [picture.double().mean(0).numpy() for picture in (a, b)]
    gray = [plane / np.abs(plane).max() for plane in gray]
    theirs = metrics.structural_similarity(*gray, win_size=7, data_range=2, use_sample_covariance=False)
    assert similarity(a, b)["ssim"] == pytest.approx(theirs, abs=1e-10)


def test_similarity_of_constant_pictures_is_as_promised():
    noise = drawn((3, 8, 9), 0)
    for constant in (torch.zeros(8, 9), torch.full((8, 9), -3.0)):
        assert similarity(constant, noise)["spearman"] == 0
        assert similarity(constant, constant) == {"spearman": 0.0, "ssim": 1.0}


def test_the_cascade_draws_what_kaiming_normal_draws():
    model = nn.Sequential(
        nn.Conv2d(2, 6, (3, 2)), nn.ReLU(), nn.Conv2d(6, 4, 3, groups=2, bias=False), nn.Flatten(), nn.Linear(32, 5)
    )
    theirs = torch.Generator().manual_seed(7)
    expected = {}
    for name, copied in randomise_cascade(model, torch.Generator().manual_seed(7)):
        weight = torch.empty_like(dict(model.named_children())[name].weight)
        expected[name] = nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=theirs)
        for key, layer in copied.named_children():
            if not hasattr(layer, "weight"):
                continue
            trained = dict(model.named_children())[key]
            torch.testing.assert_close(layer.weight, expected.get(key, trained.weight), rtol=1e-6, atol=1e-7)
            if layer.bias is not None:
                assert torch.equal(layer.bias, torch.zeros_like(layer.bias) if key in expected else trained.bias)
    assert list(expected) == ["4", "2", "0"]


def test_the_cascade_keeps_double_precision():
    model = nn.Sequential(nn.Linear(3, 2)).double()
    ((_, copied),) = randomise_cascade(model, torch.Generator().manual_seed(0))
    drawn_again = torch.randn(2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.equal(copied[0].weight, drawn_again * (2 / 3) ** 0.5)


@given(
    patch=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    times=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    channels=st.integers(1, 3),
    seed=seeds(),
)
def test_occlusion_is_captums_where_patches_do_not_overlap(patch, times, channels, seed):
    attr = pytest.importorskip("captum.attr")
    size = [max(p * n, 2) for p, n in zip(patch, times, strict=True)]
    size = [s + (-s) % p for s, p in zip(size, patch, strict=True)]
    image, model, fill = drawn((1, channels, *size), seed), classifier(channels, *size), float(seed % 3)
    ours = model(image)[0, 1] - occlusion_map(model, image, 1, patch, patch, fill)
    theirs = attr.Occlusion(model).attribute(
        image, (channels, *patch), strides=(channels, *patch), baselines=fill, target=1
    )
    wide = ours.repeat_interleave(patch[0], 0).repeat_interleave(patch[1], 1)
    torch.testing.assert_close(wide.expand_as(theirs[0]), theirs[0].float(), rtol=1e-4, atol=1e-3)


@given(
    size=st.tuples(st.integers(2, 6), st.integers(2, 6)),
    most=st.sampled_from([1, 9]),
    steps=st.integers(1, 36),
    seed=seeds(),
)
def test_deletion_by_scipys_ranks_and_trapezoids(size, most, steps, seed):
    stats, integrate = pytest.importorskip("scipy.stats"), pytest.importorskip("scipy.integrate")
    image, saliency, model = drawn((1, 2, *size), seed), drawn(size, seed + 1, most), classifier(2, *size)
    pixels = saliency.numel()
    steps = min(steps, pixels)
    fractions, scores, area = deletion_curve(model, image, 2, saliency, steps)
    place = torch.from_numpy(stats.rankdata(-saliency.numpy().ravel(), method="ordinal").reshape(size))
    gone = np.arange(steps + 1) * pixels // steps
    np.testing.assert_allclose(fractions, gone / pixels, rtol=1e-6)
    expected = [model(image * (place > count))[0, 2].item() for count in gone]
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-4)
    assert area == pytest.approx(integrate.trapezoid(expected, gone / pixels), rel=1e-3, abs=1e-3)


def test_insertion_is_deletion_by_the_negative_saliency_read_backward():
    image, model = drawn((1, 2, 5, 7), 0), classifier(2, 5, 7)
    saliency = torch.randperm(35, generator=torch.Generator().manual_seed(0)).reshape(5, 7).float()
    fractions, scores, area = deletion_curve(model, image, 0, -saliency, 35)
    place = saliency.flatten().argsort(descending=True).argsort().reshape(5, 7)
    inserted = torch.cat([model(image * (place < count))[:, 0] for count in range(36)])
    torch.testing.assert_close(scores.flip(0), inserted)
    assert torch.trapezoid(inserted, fractions).item() == pytest.approx(area, rel=1e-5)


@pytest.mark.parametrize("weight", [0.01, 0.5])
def test_inversion_of_a_linear_layer_ends_at_the_least_squares_image(weight):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 3, 2), nn.Flatten()).double()
    shape = (1, 2, 4, 5)
    target = model[0](torch.randn(shape, dtype=torch.float64)).detach()
    found = invert_features(model, "0", target, 1500, weight, torch.zeros(shape, dtype=torch.float64), 0.02)

    unit = torch.eye(40, dtype=torch.float64).reshape(40, *shape[1:])
    offset = model[0](torch.zeros(shape, dtype=torch.float64))
    forward = (model[0](unit) - offset).flatten(1).T.detach().numpy() / np.sqrt(target.square().sum().item())
    down, right = unit.diff(dim=2).flatten(1).T.numpy(), unit.diff(dim=3).flatten(1).T.numpy()
    rows = np.vstack([forward, np.sqrt(weight / 40) * down, np.sqrt(weight / 40) * right])
    wanted = ((target - offset).flatten().detach() / target.square().sum().sqrt()).numpy()
    best = np.linalg.lstsq(rows, np.concatenate([wanted, np.zeros(len(down) + len(right))]), rcond=None)[0]
    np.testing.assert_allclose(found.flatten().numpy(), best, atol=1e-3)


def test_inversion_leaves_the_weights_alone():
    model = nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU())
    with torch.no_grad():
        result = invert_features(model, "1", torch.ones(1, 2, 2, 2), 2, 0.1, torch.zeros(1, 1, 3, 3))
    assert not result.requires_grad
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())
