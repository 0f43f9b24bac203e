"""``deconv restore``: what is kept is listed and brought back, in words."""

from __future__ import annotations

SIZE = "conv_output_size"


def test_nothing_is_kept_yet(deconv):
    shown = deconv("restore")
    assert shown.returncode == 0
    assert "No file is kept yet" in shown.stdout


def test_what_is_kept_is_listed_with_its_differences_and_brought_back(workspace, deconv, complete):
    path = workspace / "deconvlib" / "convolution.py"
    complete(SIZE, "    return 7\n")
    complete("receptive_field", "    return 8\n")
    seven = path.read_text()
    deconv("reset", SIZE, "--yes")
    listed = deconv("restore", "convolution").stdout.splitlines()
    assert len(listed) == 4
    assert [line.split()[1] for line in listed[:3]] == ["1", "2", "3"]
    assert listed[0].endswith(f"differs in {SIZE}")
    assert listed[2].endswith("differs in receptive_field")
    assert "bytes" in listed[0]
    assert deconv("restore").stdout.splitlines()[:3] == listed[:3]
    back = deconv("restore", "convolution", "1")
    assert back.returncode == 0
    assert path.read_text() == seven
    assert "What it replaced is in" in back.stdout
    assert deconv("restore", SIZE).stdout.splitlines()[0].endswith(f"differs in {SIZE}"), "the chapter of an exercise"
    deconv("restore", SIZE, "1")
    assert "return 7" not in path.read_text()


def test_a_number_that_is_not_there_is_refused(deconv, complete):
    complete(SIZE, "    return 7\n")
    for number in ("0", "2"):
        shown = deconv("restore", "convolution", number)
        assert shown.returncode == 2
        assert shown.stderr.strip() == f"deconv: there is 1 kept file of convolution, and no number {number}"
    assert deconv("restore", "nothing-like-it").returncode == 2


def test_a_file_that_is_not_python_is_brought_back_to_the_byte(workspace, deconv, complete):
    path = workspace / "deconvlib" / "convolution.py"
    path.write_bytes(path.read_bytes() + b"x = (\r\n")
    before = path.read_bytes()
    deconv("reset", SIZE, "--yes")
    complete(SIZE, "    return 7\n")
    assert path.read_bytes() != before
    deconv("restore", "convolution", "1")
    assert path.read_bytes() == before
