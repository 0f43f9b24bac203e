"""Bodies written into modules from cells, and taken out again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deconv_grader.answers import editing
from deconv_grader.answers.forbidden import forbidden_in
from deconv_grader.grading.workbook import Workbook
from deconvlib.course.catalogue import exercises

SIGNATURE = "def conv_output_size(n, kernel, stride=1, padding=0, dilation=1):\n"


@pytest.fixture
def book(workspace):
    return Workbook(workspace)


@pytest.fixture
def size(book):
    return book.exercises["conv_output_size"]


def test_a_cell_is_written_and_the_rest_of_the_module_is_left_alone(book, size):
    before = book.path(size).read_text()
    cell = SIGNATURE + "    # a comment first\n    room = n - kernel\n\n    return room + 1  # done\n"
    assert book.write_cell(size, cell) == "written"
    after = book.path(size).read_text()
    assert "    # a comment first\n    room = n - kernel\n\n    return room + 1  # done\n" in after
    assert book.write_cell(size, cell) == "same"
    book.reset(size)
    assert book.path(size).read_text() == before


def test_what_stands_beside_the_function_goes_along_and_is_replaced(book, size):
    cell = "import math\n\ndef helper(a):\n    return a\n\n" + SIGNATURE + "    return helper(n)\n"
    book.write_cell(size, cell)
    book.write_cell(size, cell.replace("return a\n", "return a + 1\n"))
    text = book.path(size).read_text()
    assert text.count("def helper") == 1
    assert "return a + 1" in text
    compile(text, "module", "exec")


@pytest.mark.parametrize(
    "cell",
    [
        "def conv_output_size(n, kernel, stride=1, padding=0, dilation=1): return n\n",
        "def conv_output_size(\n    n,\n    kernel,\n    stride=1,\n    padding=0,\n    dilation=1,\n):\n    return n\n",
        'def conv_output_size(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:\n    """Mine."""\n    return n\n',
    ],
    ids=["one line", "many lines", "annotated, with a docstring"],
)
def test_however_it_is_laid_out(book, size, cell):
    assert book.write_cell(size, cell) == "written"
    text = book.path(size).read_text()
    compile(text, "module", "exec")
    assert "return n\n" in text
    assert exercises.__wrapped__(book.modules)["conv_output_size"].docstring == size.docstring


def test_a_bare_stub_never_overwrites(book, size):
    stub = SIGNATURE + "    raise NotImplementedError\n"
    assert book.write_cell(size, stub) == "stub"
    book.write_cell(size, SIGNATURE + "    return 7\n")
    assert book.write_cell(size, stub) == "kept"
    assert "return 7" in book.path(size).read_text()


def test_another_body_keeps_the_old_one_in_a_backup(book, size):
    book.write_cell(size, SIGNATURE + "    return 7\n")
    book.write_cell(size, SIGNATURE + "    return 8\n")
    (kept,) = (book.folder / ".deconv" / "backups").iterdir()
    assert "return 7" in kept.read_text()


@pytest.mark.parametrize(
    ("cell", "word"),
    [
        ("def conv_output_size(n, k):\n    return n\n", "expected conv_output_size(n, kernel, stride=1"),
        ("def other():\n    return 1\n", "no definition of conv_output_size"),
        (SIGNATURE + "    return (\n", "line"),
    ],
)
def test_a_cell_that_cannot_be_written_says_why_and_changes_nothing(book, size, cell, word):
    before = book.path(size).read_text()
    with pytest.raises(editing.CannotEdit) as told:
        book.write_cell(size, cell)
    assert word in str(told.value)
    assert book.path(size).read_text() == before


@pytest.mark.parametrize(
    "text",
    [
        "import torch.nn.functional as F\ndef conv_output_size(n):\n    return F.relu(n)\n",
        "from torch import nn\ndef conv_output_size(n):\n    return nn.ReLU()(n)\n",
        "def conv_output_size(n):\n    import torch\n    return torch.tensor(n)\n",
    ],
)
def test_a_forbidden_library_is_found_however_it_is_imported(text, size):
    assert "without torch" in forbidden_in(text, size)
    assert forbidden_in(text, replace(size, forbids=())) == ""
    assert forbidden_in(text.replace("def conv_output_size", "def other"), size) == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import torch.nn.functional as F\ndef conv_output_size(n):\n    return F.fold(n)\n", True),
        ("import torch\ndef conv_output_size(n):\n    return torch.nn.functional.fold(n)\n", True),
        ("def conv_output_size(n):\n    from torch.nn.functional import fold as f\n    return f(n)\n", True),
        ("import torch.nn.functional as F\ndef conv_output_size(n):\n    return F.unfold(n)\n", False),
    ],
)
def test_one_forbidden_function_is_found_by_its_name(text, found, size):
    told = forbidden_in(text, replace(size, forbids=("torch.nn.functional.fold",)))
    assert ("without torch.nn.functional.fold" in told) == found
