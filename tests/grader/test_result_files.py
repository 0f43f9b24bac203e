"""`deconv grade` writes every result file that was asked for, whatever the submission and whatever one of the files is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from deconv_grader.cli.app import main
from deconv_grader.grading import grade as grading_module
from deconv_grader.values.failures import CannotIsolate
from deconv_tests.grader.test_reports import SCHEMA

KINDS = ("json", "junit", "gradescope", "classroom50", "csv", "markdown")
NOTEBOOK = {"nbformat": 4, "cells": [{"cell_type": "code", "source": "%%exercise conv2d\ndef conv2d(x): return x\n"}]}


def deconv(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    code = end.value.code
    assert isinstance(code, int)
    return code


def asked_for(out: Path, **instead: object) -> list[object]:
    return [part for kind in KINDS for part in (f"--{kind}", instead.get(kind, out / kind))]


UNREADABLE: dict[str, Callable[[Path], object]] = {
    "an empty folder": lambda path: path.mkdir(),
    "an empty notebook": lambda path: path.with_suffix(".ipynb").write_text(""),
    "a truncated notebook": lambda path: path.with_suffix(".ipynb").write_text(json.dumps(NOTEBOOK)[:40]),
    "a notebook in UTF-16": lambda path: path.with_suffix(".ipynb").write_text("no", encoding="utf-16"),
    "a notebook of format 3": lambda path: path.with_suffix(".ipynb").write_text('{"nbformat": 3, "worksheets": []}'),
    "a notebook of nothing": lambda path: path.with_suffix(".ipynb").write_text("null"),
    "deep brackets": lambda path: path.with_suffix(".ipynb").write_text("[" * 100_000),
    "a module of no chapter": lambda path: path.with_suffix(".py").write_text("x = 1"),
    "an essay": lambda path: path.with_suffix(".pdf").write_bytes(b"%PDF"),
    "no zip": lambda path: path.with_suffix(".zip").write_bytes(b"PK\3\4"),
    "a name with a line end": lambda path: (path.parent / "a\nb").mkdir(),
}


@pytest.mark.parametrize("make", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_a_result_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], object]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    make(tmp_path / "in" / "work")
    (path,) = (tmp_path / "in").iterdir()
    assert deconv("grade", path, *asked_for(tmp_path / "out")) == 1
    shown = capsys.readouterr()
    assert "Traceback" not in shown.out + shown.err
    facts = json.loads((tmp_path / "out" / "json").read_text())
    jsonschema.validate(facts, SCHEMA)
    assert (facts["score"], facts["unreadable"]) == (0, True)
    assert facts["maximum"] > 0
    (reason,) = facts["notes"]
    assert reason in shown.out.replace("\n", " ")
    for kind in KINDS:
        assert (tmp_path / "out" / kind).stat().st_size, kind
    gradescope = json.loads((tmp_path / "out" / "gradescope").read_text())
    assert gradescope["score"] == 0
    assert reason in gradescope["output"]


def test_a_fault_while_grading_is_a_result_and_one_of_the_machine_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "convolution.py").write_text("def conv_output_size(n): return n\n")
    target = tmp_path / "r.json"

    def breaks(*arguments: Any, **keywords: Any) -> None:
        raise ZeroDivisionError("odd\nwords")

    monkeypatch.setattr(grading_module, "grade", breaks)
    assert deconv("grade", tmp_path, "--json", target) == 1
    assert json.loads(target.read_text())["notes"] == ["grading failed: ZeroDivisionError: odd words"]
    target.unlink()

    def cannot(*arguments: Any, **keywords: Any) -> None:
        raise CannotIsolate("no worker starts here")

    monkeypatch.setattr(grading_module, "grade", cannot)
    capsys.readouterr()
    assert deconv("grade", tmp_path, "--json", target) == 2
    assert "no worker starts here" in capsys.readouterr().err
    assert not target.exists(), "no score may come of a machine that cannot grade"


def test_a_file_that_cannot_be_written_is_one_line_and_the_others_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty, out, folder = tmp_path / "empty", tmp_path / "out", tmp_path / "folder"
    for place in (empty, out, folder):
        place.mkdir()
    instead = {"json": folder, "junit": out / ("x" * 300)}
    if os.path.exists("/dev/full"):
        instead["csv"] = Path("/dev/full")
    assert deconv("grade", empty, *asked_for(out, **instead)) == 2
    told = capsys.readouterr().err
    assert len(told.strip().splitlines()) == 1
    for kind in instead:
        assert f"--{kind}: " in told
    for kind in set(KINDS) - set(instead):
        assert (out / kind).stat().st_size, kind
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder))
    assert deconv("grade", empty, "--github", "--json", out / "again.json") == 2
    assert "step summary" in capsys.readouterr().err
    assert (out / "again.json").exists()
