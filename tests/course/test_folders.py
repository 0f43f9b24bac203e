"""The reader's own pictures: folders of images, Pascal VOC and Cityscapes, on files that these tests write."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from deconvlib.course.folders import (
    CITYSCAPES_CLASSES,
    IGNORE,
    VOC_CLASSES,
    FolderError,
    cityscapes,
    image_folder,
    pascal_voc,
)

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)


def picture(path: Path, height: int = 12, width: int = 17, mode: str = "RGB") -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return pixels


def mask(path: Path, numbers: np.ndarray, palette: bool = False) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(numbers.astype(np.uint8))
    if palette:  # as VOC's are: the number is an index into colors
        image = image.convert("L")
        image.putpalette([(7 * k) % 256 for k in range(768)])
    image.save(path)
    return numbers


# ---- any images ---------------------------------------------------------------------------------------------------------


def test_images_of_a_folder_by_name(tmp_path):
    b, a = picture(tmp_path / "b.png"), picture(tmp_path / "a/x.PNG", 20, 9)
    picture(tmp_path / "c.jpg")
    picture(tmp_path / "d.jpeg", mode="L")
    picture(tmp_path / ".hidden/e.png")
    (tmp_path / "README.txt").write_text("no picture")
    found = image_folder(tmp_path)
    assert [path.name for path in found.paths] == ["x.PNG", "b.png", "c.jpg", "d.jpeg"]
    np.testing.assert_array_equal(found[0], a)
    np.testing.assert_array_equal(found[1], b)
    assert [(image.shape, image.dtype) for image in found[2:]] == [((12, 17, 3), np.uint8)] * 2
    assert len(found[1:]) == 3


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_every_usual_kind_of_pixels_becomes_red_green_and_blue(tmp_path, mode):
    picture(tmp_path / "a.png", mode=mode)
    assert image_folder(tmp_path)[0].shape == (12, 17, 3)


def test_a_photograph_is_upright(tmp_path):
    pixels = RNG.integers(0, 256, (8, 16, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter to the right
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(image_folder(tmp_path)[0], np.rot90(pixels, -1))


def wide(path: Path) -> None:
    Image.fromarray(np.full((12, 12), 40000, np.uint16)).save(path)


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("m.png", lambda path: path.write_bytes(b""), "m.png cannot be read as an image"),
        ("m.jpg", lambda path: path.write_text("a page, not a picture"), "m.jpg cannot be read as an image"),
        ("m.png", lambda path: picture(path, 9, 40), "m.png is 9 x 40; the least height and width is 10"),
        ("m.png", wide, "m.png has pixels of the kind I;16; expected 8 bits a color"),
        ("m.png", lambda path: path.symlink_to("gone"), "m.png is missing"),
    ],
)
def test_the_first_odd_image_is_named(tmp_path, name, write, message):
    picture(tmp_path / "a.png")
    write(tmp_path / name)
    (tmp_path / "z.png").write_bytes(b"also odd")
    with pytest.raises(FolderError, match=message):
        image_folder(tmp_path, smallest=10)


def test_a_damaged_image_is_named_when_it_is_read(tmp_path):
    path = tmp_path / "a.png"
    picture(path, 64, 64)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(FolderError, match=r"a\.png is damaged"):
        image_folder(tmp_path)[0]


def test_no_folder_and_an_empty_one(tmp_path):
    with pytest.raises(FolderError, match="nothing is no folder"):
        image_folder(tmp_path / "nothing")
    with pytest.raises(FolderError, match=r"has no \.jpg, \.jpeg, \.png file"):
        image_folder(tmp_path)
    for load in (pascal_voc, cityscapes):
        with pytest.raises(FolderError, match="nothing is no folder"):
            load(tmp_path / "nothing")


# ---- Pascal VOC ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def voc(tmp_path):
    """VOCdevkit/VOC2012 with three pictures, the masks with colors and outlines."""
    base = tmp_path / "VOCdevkit/VOC2012"
    numbers = {}
    for name in ("2007_000032", "2007_000039", "2008_000008"):
        picture(base / f"JPEGImages/{name}.jpg")
        labels = RNG.integers(0, 21, (12, 17))
        labels[0] = 255
        numbers[name] = mask(base / f"SegmentationClass/{name}.png", labels, palette=True)
    lists = base / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2007_000032\n2008_000008\n")
    (lists / "val.txt").write_text("2007_000039\n")
    return base, numbers


@pytest.mark.parametrize("above", [0, 1, 2])
def test_voc_from_wherever_its_folder_is_named(voc, above):
    base, numbers = voc
    root = [base, *base.parents][above]
    found = pascal_voc(root)
    assert (len(found), len(pascal_voc(root, "val"))) == (2, 1)
    for (image, labels), name in zip(found, ("2007_000032", "2008_000008"), strict=True):
        assert image.shape == (12, 17, 3)
        np.testing.assert_array_equal(labels, numbers[name])
        assert (labels[0] == IGNORE).all()
    assert tuple(found.classes) == tuple(VOC_CLASSES)
    assert (len(VOC_CLASSES), VOC_CLASSES[0], VOC_CLASSES[8], VOC_CLASSES[20]) == (21, "background", "cat", "tvmonitor")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda b: (b / "JPEGImages/2008_000008.jpg").unlink(), "JPEGImages/2008_000008.jpg is missing"),
        (lambda b: (b / "SegmentationClass/2007_000032.png").unlink(), "SegmentationClass/2007_000032.png is missing"),
        (lambda b: (b / "JPEGImages/2007_000032.jpg").write_bytes(b"x"), "2007_000032.jpg cannot be read as an image"),
        (lambda b: picture(b / "SegmentationClass/2007_000032.png"), "2007_000032.png is no mask: its pixels are RGB"),
        (
            lambda b: mask(b / "SegmentationClass/2008_000008.png", np.zeros((9, 17)), True),
            "SegmentationClass/2008_000008.png is 9 x 17, its picture 12 x 17",
        ),
        (lambda b: (b / "ImageSets/Segmentation/train.txt").unlink(), "train.txt is missing; lists there: val"),
        (lambda b: (b / "ImageSets/Segmentation/train.txt").write_text("\n"), "train.txt names no picture"),
        (lambda b: (b / "ImageSets/Segmentation/train.txt").write_text("../../etc"), "no name of a picture"),
    ],
)
def test_the_first_odd_file_of_voc_is_named(voc, spoil, message):
    spoil(voc[0])
    with pytest.raises(FolderError, match=re.escape(message)):
        pascal_voc(voc[0])


def test_a_label_that_voc_does_not_have_is_named_when_it_is_read(voc):
    mask(voc[0] / "SegmentationClass/2007_000032.png", np.full((12, 17), 21), True)
    with pytest.raises(FolderError, match=r"2007_000032\.png holds the label 21; there are 21 classes"):
        pascal_voc(voc[0])[0]


def test_a_folder_that_is_not_voc(tmp_path):
    with pytest.raises(FolderError, match="has no VOCdevkit/VOC2012/ImageSets/Segmentation"):
        pascal_voc(tmp_path)


# ---- Cityscapes ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def streets(tmp_path):
    numbers = {}
    for split, city, number in (("train", "aachen", 0), ("train", "bochum", 7), ("val", "lindau", 3)):
        name = f"{city}_{number:06}_000019"
        picture(tmp_path / f"leftImg8bit/{split}/{city}/{name}_leftImg8bit.png")
        labels = RNG.integers(0, 34, (12, 17))
        labels[0, 0] = 255
        numbers[name] = mask(tmp_path / f"gtFine/{split}/{city}/{name}_gtFine_labelIds.png", labels)
    return tmp_path, numbers


def test_cityscapes_numbers_become_the_classes_that_are_evaluated(streets):
    root, numbers = streets
    found = cityscapes(root)
    assert (len(found), len(cityscapes(root, "val"))) == (2, 1)
    # Name -> number in the files, written out from the data set's own table.
    known = {"road": 7, "sidewalk": 8, "building": 11, "wall": 12, "fence": 13, "pole": 17, "traffic light": 19}
    known |= {"traffic sign": 20, "vegetation": 21, "terrain": 22, "sky": 23, "person": 24, "rider": 25, "car": 26}
    known |= {"truck": 27, "bus": 28, "train": 31, "motorcycle": 32, "bicycle": 33}
    assert list(CITYSCAPES_CLASSES) == list(known)
    for (_, labels), name in zip(found, ("aachen_000000_000019", "bochum_000007_000019"), strict=True):
        for (i, j), number in np.ndenumerate(numbers[name]):
            expected = next((k for k, n in enumerate(known.values()) if n == number), IGNORE)
            assert labels[i, j] == expected


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda r: next(r.glob("gtFine/train/bochum/*")).unlink(),
            "gtFine/train/bochum/bochum_000007_000019_gtFine_labelIds.png is missing",
        ),
        (
            lambda r: next(r.glob("leftImg8bit/train/bochum/*")).write_bytes(b""),
            "bochum_000007_000019_leftImg8bit.png cannot be read as an image",
        ),
        (lambda r: picture(next(r.glob("gtFine/train/aachen/*"))), "labelIds.png is no mask: its pixels are RGB"),
        (lambda r: (r / "leftImg8bit/train").rename(r / "leftImg8bit/other"), "leftImg8bit/train is no folder"),
        (
            lambda r: [p.unlink() for p in r.glob("leftImg8bit/train/*/*")],
            "leftImg8bit/train has no CITY/NAME_leftImg8bit.png",
        ),
    ],
)
def test_the_first_odd_file_of_cityscapes_is_named(streets, spoil, message):
    spoil(streets[0])
    with pytest.raises(FolderError, match=re.escape(message)):
        cityscapes(streets[0])


def test_a_label_that_cityscapes_does_not_have_is_named_when_it_is_read(streets):
    path = next(streets[0].glob("gtFine/train/aachen/*"))
    mask(path, np.full((12, 17), 34))
    with pytest.raises(FolderError, match=r"labelIds\.png holds the label 34"):
        cityscapes(streets[0])[0]


# ---- crops of them -----------------------------------------------------------------------------------------------------------


def test_crops_of_pictures_and_of_their_masks_belong_together(voc):
    torch = pytest.importorskip("torch")
    from deconvlib.course.training import random_crops

    # A picture whose red is its mask: every crop, turned or mirrored, must keep that.
    labels = RNG.integers(0, 21, (12, 17)).astype(np.uint8)
    pairs = [(np.stack([labels] * 3, axis=-1), labels)]
    seen = set()
    for x, y in random_crops(pairs, size=5, batch=8, count=20)(torch.Generator().manual_seed(0)):
        assert (x.shape, x.dtype, y.shape, y.dtype) == ((8, 3, 5, 5), torch.float32, (8, 5, 5), torch.int64)
        assert torch.equal((x[:, 0] * 255).round().long(), y)
        seen |= {tuple(one.flatten().tolist()) for one in y}
    assert len(seen) > 100
    batches = list(random_crops(pascal_voc(voc[0]), size=14, batch=2, count=3, symmetries=2)(torch.Generator()))
    assert [y.shape for _, y in batches] == [(2, 14, 14)] * 3
    assert all((y[:, 12:] == IGNORE).all() for _, y in batches), "what is filled up does not count"


@pytest.mark.parametrize(("symmetries", "number"), [(1, 1), (2, 2), (8, 8)])
def test_crops_are_turned_and_mirrored_in_so_many_ways(symmetries, number):
    torch = pytest.importorskip("torch")
    from deconvlib.course.training import random_crops

    plane = np.arange(9, dtype=np.float32).reshape(3, 3) / 9
    ways = set()
    for x in random_crops([plane], 3, batch=16, count=8, symmetries=symmetries)(torch.Generator().manual_seed(1)):
        assert x.shape == (16, 1, 3, 3)
        ways |= {tuple(one.flatten().tolist()) for one in x}
    assert len(ways) == number
    with pytest.raises(ValueError, match="symmetries must be 1, 2 or 8, got 4"):
        random_crops([plane], 3, 1, 1, symmetries=4)
    with pytest.raises(ValueError, match="pictures must not be empty"):
        random_crops([], 3, 1, 1)
