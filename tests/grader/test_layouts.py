"""What learning platforms export and learners hand in: which files count, which do not, and that both are said."""

from __future__ import annotations

import io
import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deconv_grader.answers import layouts
from deconv_grader.answers.submission import CannotRead, Submission
from deconv_grader.answers.submissions import METADATA, HandedIn, submissions_in
from deconv_grader.grading.grade import grade, read_submission
from deconvlib.course.catalogue import exercises
from deconvlib.course.workspace import PACKAGE

RIGHT = "def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):\n    return 1\n"
WRONG = "def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):\n    return 2\n"
ZEROS = "def insert_zeros(y, stride):\n    return y\n"
STUB = (PACKAGE / "convolution.py").read_text(encoding="utf-8")


def notebook(*cells: str) -> str:
    """A notebook with a cell for every exercise given."""
    sources = [f"%%exercise {cell.partition('def ')[2].partition('(')[0]}\n{cell}" for cell in cells]
    return json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": source} for source in sources]})


def entry(name: str, mode: int = 0o644) -> zipfile.ZipInfo:
    """A file of a zip, dated 1980: what is packed has the same bytes in every process of a run."""
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def packed(files: dict[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(entry(name), text)
    return stream.getvalue()


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Files by their paths, the first one the oldest."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, (name, text) in enumerate(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        os.utime(path, (1_700_000_000 + 60 * i, 1_700_000_000 + 60 * i))
    return folder


def reasons(submission: Submission) -> dict[str, str]:
    return {one.path: one.reason for one in submission.ignored}


# ------------------------------------------------------------------------------------------------- one submission


@pytest.mark.parametrize(
    "files",
    [
        {"deconvlib/convolution.py": RIGHT},
        {"repo-main/deconvlib/convolution.py": RIGHT},
        {"a/b/c/repo/deconvlib/convolution.py": RIGHT},
        {"convolution.py": RIGHT},
        {"homework/convolution.py": RIGHT},
        {"convolution (1).py": RIGHT},
        {"hw.ipynb": notebook(RIGHT)},
        {"Copy of 01-convolution.ipynb": notebook(RIGHT)},
        {"week 1/01 (1).ipynb": notebook(RIGHT)},
        {"hw.zip": packed({"hw.ipynb": notebook(RIGHT)})},
        {"hw.ZIP": packed({"repo-main/deconvlib/convolution.py": RIGHT})},
        {"hw.zip": packed({"inner.zip": packed({"deconvlib/convolution.py": RIGHT})})},
        {"hw.zip": packed({"dir\\deconvlib\\convolution.py": RIGHT})},
        {
            "__MACOSX/._hw.ipynb": "no",
            ".DS_Store": "no",
            "Thumbs.db": "no",
            "._x.py": "no",
            "hw.ipynb": notebook(RIGHT),
        },
        {".ipynb_checkpoints/hw-checkpoint.ipynb": notebook(WRONG), "hw.ipynb": notebook(RIGHT)},
        # A whole checkout: its own solutions and tests are no answers.
        {
            "deconvlib/convolution.py": RIGHT,
            "deconvlib/course/exercise.py": "x",
            "solutions/convolution.py": WRONG,
            "tests/mistakes/convolution.py": WRONG,
        },
        {"deconvlib/convolution.py": RIGHT, "venv/lib/site-packages/deconvlib/convolution.py": WRONG},
        # An untouched stub, newer than what is written, does not outweigh it.
        {"hw.ipynb": notebook(RIGHT), "deconvlib/convolution.py": STUB},
        {"deconvlib/convolution.py": RIGHT, "convolution.py": STUB},
        {"old.ipynb": notebook(RIGHT), "new.ipynb": notebook("def conv_output_size(n): raise NotImplementedError\n")},
        # Of two that are written the newer counts, whatever kinds they are.
        {"deconvlib/convolution.py": WRONG, "hw.ipynb": notebook(RIGHT)},
        {"hw.ipynb": notebook(WRONG), "deconvlib/convolution.py": RIGHT},
        {"z.ipynb": notebook(WRONG), "a.ipynb": notebook(RIGHT)},
        # One that is not Python costs nothing where another is.
        {"deconvlib/convolution.py": RIGHT, "hw.ipynb": notebook("def conv_output_size(:\n")},
        {"hw.ipynb": notebook(RIGHT), "convolution.py": "def broken(:\n"},
        {"hw.ipynb": notebook(RIGHT), "cut.ipynb": '{"cells": ['},
    ],
    ids=", ".join,
)
def test_an_answer_is_found_wherever_it_lies_and_counts(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    submission = read_submission(write(tmp_path / "ann", files))
    namespace: dict[str, Any] = {}
    exec(submission.sources["convolution"], namespace)
    assert namespace["conv_output_size"](5, 3) == 1
    assert not submission.problems
    assert not submission.broken
    assert submission.read
    assert not any(where in reasons(submission) for where in submission.read), "nothing is read and ignored"


def test_several_notebooks_are_one_submission(tmp_path: Path) -> None:
    folder = write(tmp_path / "ann", {"01.ipynb": notebook(RIGHT), "03.ipynb": notebook(ZEROS), "notes.txt": "hello"})
    submission = read_submission(folder)
    assert set(submission.sources) == {"convolution", "transposed_convolution"}
    assert submission.read == ["01.ipynb", "03.ipynb"]
    assert "neither a module" in reasons(submission)["notes.txt"]


def test_a_notebook_and_a_module_share_a_chapter_and_the_choice_is_said(tmp_path: Path) -> None:
    module = 'from __future__ import annotations\nimport math\n"""doc"""\n' + WRONG + "def im2col(x): return math.pi\n"
    submission = read_submission(
        write(tmp_path / "ann", {"deconvlib/convolution.py": module, "hw.ipynb": notebook(RIGHT)})
    )
    namespace: dict[str, Any] = {}
    exec(submission.sources["convolution"], namespace)
    assert (namespace["conv_output_size"](1, 1), round(namespace["im2col"](0), 2)) == (1, 3.14)
    assert submission.sources["convolution"].count("def conv_output_size") == 1
    assert any("conv_output_size is written in" in note and "hw.ipynb, counts" in note for note in submission.notes)


def test_what_is_graded_is_what_is_said(make_submission: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_submission("ann", conv_output_size="solved")
    (folder / "helper.py").write_text("x = 1")
    graded = grade(folder, [exercises()["conv_output_size"]])
    assert graded.results[0].status == "passed"
    assert "deconvlib/convolution.py" in graded.read
    assert {"path": "helper.py", "reason": "it is no chapter's module"} in graded.ignored


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_links_hidden_folders_and_packed_files_are_ignored_and_said(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "ann",
        {
            "convolution.py": RIGHT,
            ".git/hooks/convolution.py": WRONG,
            ".hidden.ipynb": "x",
            "work.tar": b"x",
            "work.rar": b"x",
            "old/convolution.py/x.txt": "a folder with a module's name",
        },
    )
    (folder / "transposed_convolution.py").symlink_to("/etc/hostname")
    (folder / "elsewhere").symlink_to(tmp_path)
    told = reasons(read_submission(folder))
    assert told["transposed_convolution.py"] == told["elsewhere"] == "it is a link"
    assert "hidden" in told[".git/"]
    assert "hidden" in told[".hidden.ipynb"]
    assert "only a zip is read" in told["work.tar"]
    assert told["old/convolution.py"] == "it is a folder"


def test_an_unreadable_folder_costs_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "ann", {"convolution.py": RIGHT, "locked/hw.ipynb": notebook(WRONG)})
    real = os.scandir

    def scandir(path: Any) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(layouts.os, "scandir", scandir)
    submission = read_submission(folder)
    assert submission.read == ["convolution.py"]
    assert reasons(submission)["locked/"] == "the folder cannot be read: Permission denied"


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"report.pdf": b"%PDF"},
        {"hw.ipynb": '{"cells": ['},
        {"hw.ipynb": ""},
        {"hw.ipynb": notebook(RIGHT).encode("utf-16")},
        {"hw.ipynb": json.dumps({"nbformat": 3, "worksheets": []})},
        {"hw.ipynb": "[" * 100_000},
        {"work.py": RIGHT},
        {"hw.zip": b"no zip"},
        {"hw.zip": packed({"work.txt": "x"})},
        {"hw.zip": packed({"a.zip": packed({"b.zip": packed({"hw.ipynb": notebook(RIGHT)})})})},
    ],
    ids=lambda files: " ".join(files) or "empty",
)
def test_what_holds_no_answer_is_said_with_the_reason(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    with pytest.raises(CannotRead) as told:
        read_submission(write(tmp_path / "ann", files))
    words = str(told.value)
    assert "\n" not in words
    assert all(name in words for name in files) or "it is empty" in words


# ----------------------------------------------------------------------------------------------------------- zips


def test_a_zip_can_do_no_harm(tmp_path: Path) -> None:
    good = notebook(RIGHT)
    folder = tmp_path / "ann"
    folder.mkdir()
    with zipfile.ZipFile(folder / "hw.zip", "w") as archive:
        archive.writestr(entry("../../escaped/convolution.py"), WRONG)
        archive.writestr(entry("/absolute/convolution.py"), WRONG)
        archive.writestr(entry("C:/drive/convolution.py"), WRONG)
        archive.writestr(entry("transposed_convolution.py", mode=stat.S_IFLNK | 0o777), "/etc/passwd")
        archive.writestr(entry("bomb.ipynb"), b" " * (20 << 20))
        archive.writestr(entry("big.ipynb"), os.urandom(1 << 20) * 33)
        archive.writestr(entry("good.ipynb"), good)
    before = set(tmp_path.rglob("*"))
    submission = read_submission(folder)
    told = reasons(submission)
    assert submission.read == ["hw.zip/good.ipynb"]
    assert "leads out" in told["hw.zip/../../escaped/convolution.py"]
    assert sum("leads out" in reason for reason in told.values()) == 3
    assert told["hw.zip/transposed_convolution.py"] == "it is a link"
    assert "times as large" in told["hw.zip/bomb.ipynb"]
    assert "are more than" in told["hw.zip/big.ipynb"]
    assert set(tmp_path.rglob("*")) == before


def test_a_zip_of_too_many_entries_and_a_lying_header_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "MOST_ENTRIES", 50)
    many = packed({f"{i:03}.txt": "" for i in range(500)})
    with pytest.raises(CannotRead):
        read_submission(write(tmp_path / "many", {"hw.zip": many}))
    lying = packed({"convolution.py": RIGHT})
    corrupt = bytearray(lying)
    corrupt[35] ^= 0xFF
    with pytest.raises(CannotRead, match=r"hw\.zip"):
        read_submission(write(tmp_path / "lying", {"hw.zip": bytes(corrupt)}))


# -------------------------------------------------------------------------------------------------------- platforms


def by_name(folder: Path) -> dict[str, HandedIn]:
    return submissions_in(folder).submissions


def test_moodle_s_folders_and_files_are_learners(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "class",
        {
            "Ann Lee_12345_assignsubmission_file_/hw.ipynb": notebook(RIGHT),
            "Ann Lee_12399_assignsubmission_file/convolution.py": RIGHT,  # newer versions leave the last line out
            "Bo_Ek Ö_777_assignsubmission_file_hw (1).ipynb": notebook(RIGHT),
            "Bo_Ek Ö_777_assignsubmission_file_part 2.zip": packed({"03.ipynb": notebook(ZEROS)}),
        },
    )
    found = by_name(folder)
    assert {name: [(one.name, one.id) for one in entry.learners] for name, entry in found.items()} == {
        "Ann Lee_12345": [("Ann Lee", "12345")],
        "Ann Lee_12399": [("Ann Lee", "12399")],
        "Bo_Ek Ö_777": [("Bo_Ek Ö", "777")],
    }
    submissions = {name: read_submission(entry.paths) for name, entry in found.items()}
    assert set(submissions["Bo_Ek Ö_777"].sources) == {"convolution", "transposed_convolution"}
    assert submissions["Bo_Ek Ö_777"].read == ["hw (1).ipynb", "part 2.zip/03.ipynb"]


def test_canvas_s_files_are_learners_and_the_newest_attempt_counts(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "class",
        {
            "leeann_12345_67890_hw-2.ipynb": notebook(RIGHT),  # the newest by its number, whatever its date
            "leeann_12345_67812_hw.ipynb": notebook(WRONG),
            "leeann_12345_67813_hw-1.ipynb": notebook(WRONG),
            "leeann_12345_67814_03.ipynb": notebook(ZEROS),
            "ekbo_LATE_54321_67001_convolution.py": RIGHT,
            "ekbo_54321_67002_notes.pdf": b"%PDF",
        },
    )
    found = by_name(folder)
    assert set(found) == {"leeann_12345", "ekbo_54321"}
    ann = found["leeann_12345"]
    assert ann.attempts == ("leeann_12345_67812_hw.ipynb", "leeann_12345_67813_hw-1.ipynb")
    submission = read_submission(ann.paths)
    assert "return 1" in submission.sources["convolution"]
    assert set(submission.sources) == {"convolution", "transposed_convolution"}
    assert found["ekbo_54321"].notes == ("Canvas marks it as late",)
    assert read_submission(found["ekbo_54321"].paths).read == ["convolution.py"]


def test_gradescope_s_export_names_learners_groups_and_attempts(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    metadata = """\
submission_1001:
  :submitters:
  - :name: Ann Lee
    :sid: '0042'
    :email: ann@example.org
  :created_at: 2026-01-02 10:00:00 Z
  :score: 3.0
  :history:
  - :id: 999
    :created_at: 2026-01-01 10:00:00 Z
    :score: 1.0
submission_1002:
  :submitters:
  - :name: Bo Ek
  - :name: Cy Ma
    :email: cy@example.org
"""
    folder = write(
        tmp_path / "assignment_5_export",
        {
            METADATA: metadata,
            "submission_1001/convolution.py": RIGHT,
            "submission_1002/repo/deconvlib/convolution.py": RIGHT,
            "submission_1003/hw.ipynb": notebook(RIGHT),
        },
    )
    found = by_name(folder)
    people = {name: [(one.name, one.id) for one in entry.learners] for name, entry in found.items()}
    assert people == {
        "submission_1001": [("Ann Lee", "0042")],
        "submission_1002": [("Bo Ek", ""), ("Cy Ma", "cy@example.org")],
        "submission_1003": [("submission_1003", "")],
    }
    assert "2026-01-01" in found["submission_1001"].attempts[0]
    (folder / METADATA).write_text("{ no yaml: [")
    assert set(by_name(folder)) == set(people), "a list that cannot be read costs the names only"
    assert any(one.path == METADATA for one in submissions_in(folder).ignored)


def test_what_is_no_submission_is_said(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "class",
        {
            "ann/convolution.py": RIGHT,
            "bo.zip": packed({"convolution.py": RIGHT}),
            "grades.csv": "x",
            ".cache/x": "x",
            "__MACOSX/._bo.zip": "x",
            "class-report/results.jsonl": "",
            "class-report/learners/x.html": "",
            "other/results.jsonl": "a learner's own file",
        },
    )
    (folder / "link").symlink_to(tmp_path)
    found = submissions_in(folder)
    assert set(found.submissions) == {"ann", "bo.zip", "other"}
    told = {one.path: one.reason for one in found.ignored}
    assert set(told) == {"grades.csv", ".cache", "class-report", "link"}
    assert "report" in told["class-report"]
    assert found.submissions["bo.zip"].learners[0].name == "bo"
    assert set(submissions_in(folder, {(folder / "other").resolve()}).submissions) == {"ann", "bo.zip"}
