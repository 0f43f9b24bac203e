"""Chapter 12's six networks and what its study measures them with."""

from __future__ import annotations

import pytest
import torch

from deconv_solutions.segmentation import UNet
from deconvlib.course import explorers
from deconvlib.course.recipes.segmentation import STEPS
from deconvlib.course.results import result
from deconvlib.course.segmenters import (
    GROUPS,
    WAYS,
    Segmenter,
    balance,
    band,
    grouped_scenes,
    runs,
    start_evenly_,
    unrolled,
)


@pytest.mark.parametrize("way", WAYS)
def test_scores_have_the_size_of_the_picture_and_move_every_weight(way):
    torch.manual_seed(0)
    net = Segmenter(way, 3, 5)
    scores = net(torch.randn(2, 3, 32, 40))
    assert scores.shape == (2, 5, 32, 40)
    scores.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in net.parameters())


def test_all_ways_have_nearly_the_same_number_of_parameters():
    counts = [sum(p.numel() for p in Segmenter(way, 3, 5).parameters()) for way in WAYS]
    assert max(counts) < 1.02 * min(counts)
    assert STEPS.keys() == WAYS.keys()
    with pytest.raises(ValueError, match=r"way must be one of bilinear, .*, got 'up'"):
        Segmenter("up", 3, 5)


def test_only_sums_switches_and_copies_take_something_from_the_encoder():
    """With all maps behind the first pooling set to zero, the picture can only matter by what was handed over."""
    torch.manual_seed(0)
    a, b = torch.rand(2, 1, 3, 16, 16)
    for way in WAYS:
        net = Segmenter(way, 3, 2, (4, 8, 16, 32)).eval()
        net.encoder[1].register_forward_hook(lambda _, given, found: torch.ones_like(found))
        assert torch.equal(net(a), net(b)) == (way in ("bilinear", "nearest", "transposed")), way


def test_the_band_is_three_pixels_wide_on_either_side():
    masks = torch.zeros((1, 9, 12), dtype=torch.int64)
    masks[:, :, 6:] = 2
    assert band(masks)[0, 4].tolist() == [3 <= column <= 8 for column in range(12)]
    assert band(masks, 1)[0, 4].tolist() == [5 <= column <= 6 for column in range(12)]
    assert not band(torch.ones((1, 5, 5), dtype=torch.int64)).any()


def test_a_loop_finds_the_same_band():
    masks = (
        torch.randint(0, 3, (1, 4, 4), generator=torch.Generator().manual_seed(0))
        .repeat_interleave(5, 1)
        .repeat_interleave(5, 2)
    )
    found = band(masks, 2)
    for row in range(20):
        for column in range(20):
            around = masks[0, max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3]
            assert found[0, row, column] == (around != masks[0, row, column]).any()


def test_runs_and_back():
    labels = list("0001120")
    assert runs(labels) == "0:3 1:2 2:1 0:1"
    assert unrolled(runs(labels)) == labels


def test_scenes_in_groups_and_their_weights():
    images, masks = grouped_scenes(8, "validation")
    assert images.shape == (8, 3, 64, 64)
    assert set(masks.unique().tolist()) <= set(range(len(GROUPS)))
    weights = balance(torch.tensor([0] * 9 + [1]), 2)
    assert weights.tolist() == pytest.approx([0.5, 1.5])


def test_an_even_start_keeps_the_size_of_what_comes_in():
    torch.manual_seed(0)
    net = UNet(1, 2, 1 / 4)
    start_evenly_(net)
    sizes = []
    for layer in net.up:
        layer.register_forward_hook(
            lambda _, given, found: sizes.append(float(found.std() / given[0].square().mean().sqrt()))
        )
    with torch.no_grad():
        scores = net(torch.randn(2, 1, 64, 64))
    assert all(0.7 < size < 1.4 for size in sizes)
    assert float(scores.std()) < 2


def test_the_explorers_sheet_is_whole():
    sheet = explorers.sheet("segmentation")
    assert sheet["classes"] == list(GROUPS)
    assert len(sheet["scenes"]) == 6
    for scene in sheet["scenes"]:
        assert len(unrolled(scene["truth"])) == 64 * 64
        for way in sheet["ways"]:
            pixels = unrolled(scene["scores"][way])
            assert len(pixels) == 64 * 64
            assert all(len(pixel) == len(GROUPS) for pixel in pixels)
    images, masks = grouped_scenes(40, "test")
    stored = {scene["truth"] for scene in sheet["scenes"]}
    assert stored <= {runs(str(label) for label in mask.flatten().tolist()) for mask in masks}


def test_the_sheet_shows_what_the_table_measures():
    """The networks on the sheet are those of seed 0: on its six scenes they are about as right as on all."""
    sheet, ways = explorers.sheet("segmentation"), result("segmentation")["scenes"]["ways"]
    for way in sheet["ways"]:
        right = [
            int(truth) == max(range(5), key=lambda k: int(pixel[k], 16))
            for scene in sheet["scenes"]
            for pixel, truth in zip(unrolled(scene["scores"][way]), unrolled(scene["truth"]), strict=True)
        ]
        assert abs(sum(right) / len(right) - ways[way][0]["accuracy"]) < 0.2
