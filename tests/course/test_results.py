"""Shipped results: each has a study that makes it, and says how it came about."""

from __future__ import annotations

import json
import pkgutil
import re
from pathlib import Path

import pytest

from deconvlib.course.results import FOLDER, result

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules([str(ROOT / "book" / "studies")]))


def test_every_study_has_a_result_and_every_result_a_study():
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == STUDIES


@pytest.mark.parametrize("name", STUDIES)
def test_a_result_says_how_it_came_about(name):
    made = result(name)["made"]
    assert made["command"] == f"make results NAMES={name}"
    assert made["machine"] and re.fullmatch(r"\d+\.\d+\.\d+", made["torch"])
    assert 0 < made["processor_minutes"]


@pytest.mark.parametrize("name", STUDIES)
def test_a_result_holds_finite_numbers_only(name):
    def refuse(word: str) -> float:
        raise AssertionError(f"{name}.json holds {word}")

    json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"), parse_constant=refuse)


def test_a_name_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(KeyError, match=r"no result is named 'restoratoin'; there are .*make results"):
        result("restoratoin")
