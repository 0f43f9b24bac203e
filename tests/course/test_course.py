"""The course holds together: stubs and solutions, chapters and files, cells and signatures, packages and pins."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deconv_grader.answers.cells import code_cells, exercise_named, read_cell
from deconv_grader.answers.editing import pristine
from deconv_grader.answers.reader import Module
from deconv_grader.checks.conformance import conformance
from deconv_grader.checks.known_answers import registered
from deconvlib.course.catalogue import CHAPTERS, STUBS, exercises, exercises_in, prerequisites, write_stubs

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "chapters").glob("*.ipynb"))
EXERCISES = exercises()
WRITTEN = [name for name in CHAPTERS if (STUBS / f"{name}.py").is_file()]


def definitions(path):
    return {
        node.name: node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }


def methods(node):
    """The methods of a class, in order, with their arguments and what they return."""
    found = [part for part in node.body if isinstance(part, ast.FunctionDef)]
    return [(part.name, ast.unparse(part.args), part.returns and ast.unparse(part.returns)) for part in found]


@pytest.mark.parametrize("chapter", WRITTEN)
def test_a_chapter_has_its_four_files(chapter):
    number = CHAPTERS[chapter]
    assert (ROOT / "chapters" / f"{number:02}-{chapter}.ipynb").is_file()
    assert (ROOT / "solutions" / f"{chapter}.py").is_file()
    assert (ROOT / "tests" / f"test_{chapter}.py").is_file()


@pytest.mark.parametrize("chapter", WRITTEN)
def test_stubs_and_solutions_have_the_same_names_and_signatures(chapter):
    stubs, solutions = (
        definitions(STUBS / f"{chapter}.py"),
        definitions(ROOT / "solutions" / f"{chapter}.py"),
    )
    assert set(stubs) == set(solutions) == set(exercises_in(chapter))
    for name, node in solutions.items():
        assert ast.get_docstring(node) is None, f"{name}: the docstring stands in deconvlib only"
        if isinstance(node, ast.FunctionDef):
            assert ast.unparse(node.args) == ast.unparse(stubs[name].args), name
            assert node.returns is not None, f"{name}: what it returns"
            assert ast.unparse(node.returns) == ast.unparse(stubs[name].returns), name
        else:
            public = [method for method in methods(node) if method[0] == "__init__" or not method[0].startswith("_")]
            assert public == methods(stubs[name]), f"{name}: the public methods of the solution"
            assert [ast.unparse(base) for base in node.bases] == [ast.unparse(base) for base in stubs[name].bases]


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda e: e.id)
def test_an_exercise_is_a_stub_with_everything_a_learner_needs(exercise):
    found = pristine(exercise.chapter).counting(exercise.name)
    assert found is not None
    assert found.decorated
    assert not found.written, "the course ships stubs"
    assert exercise.points > 0
    assert exercise.minutes > 0
    assert exercise.difficulty in (1, 2, 3)
    assert len(exercise.hints) >= 2
    assert all(need in EXERCISES for need in exercise.needs)
    assert exercise.name not in prerequisites(exercise.name)
    says = "Methods" if exercise.signature.startswith("class ") else "Returns"
    for heading in ("Parameters", says, "Raises", "Examples"):
        assert f"{heading}\n---" in exercise.docstring, f"{exercise.name} has no section {heading}"


@pytest.mark.parametrize("chapter", WRITTEN)
def test_the_pristine_copy_is_the_chapter_as_it_is_shipped(chapter):
    path = ROOT / "deconvlib" / f"{chapter}.py"
    present = Module(path.read_text(encoding="utf-8"), path.name)
    if present.problem or present.written(exercises_in(chapter)):
        pytest.skip(f"this checkout's {path.name} holds answers")
    assert path.read_bytes() == (STUBS / path.name).read_bytes(), "run: python -m deconvlib.course.catalogue"


def test_chapters_are_copied_only_while_they_hold_no_answer(tmp_path):
    source, copies = tmp_path / "deconvlib", tmp_path / "stubs"
    source.mkdir()
    path = source / "convolution.py"
    stub = (STUBS / "convolution.py").read_text(encoding="utf-8")
    path.write_text(stub, encoding="utf-8")
    assert [copy.name for copy in write_stubs(source, copies)] == ["convolution.py"]
    assert write_stubs(source, copies) == []
    path.write_text(stub.replace("raise NotImplementedError", "return 1", 1), encoding="utf-8")
    with pytest.raises(ValueError, match=r"convolution.py holds answers \(correlate2d\)"):
        write_stubs(source, copies)
    assert (copies / "convolution.py").read_text(encoding="utf-8") == stub


def test_names_are_unique_over_the_course():
    names = [name for chapter in WRITTEN for name in exercises_in(chapter)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda e: e.id)
def test_known_mistakes_are_rejected_and_right_variants_accepted(exercise):
    assert conformance(exercise).problems == []


def test_every_known_answer_belongs_to_an_exercise():
    mistakes, variants = registered()
    assert mistakes | variants <= set(EXERCISES)


@pytest.mark.parametrize("chapter", WRITTEN)
def test_docstring_examples_are_true(chapter):
    """The stub's example, run with the reference's answer."""
    import doctest
    import importlib

    solution = importlib.import_module(f"deconv_solutions.{chapter}")
    for name, exercise in exercises_in(chapter).items():
        namespace = dict(vars(solution)) | {"__name__": name}
        test = doctest.DocTestParser().get_doctest(exercise.docstring, namespace, name, None, 0)
        assert test.examples, f"{name} has no example"
        runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE)
        assert runner.run(test).failed == 0, name


def cells(path, kind="code"):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind and cell["source"]]


def source(cell):
    return "".join(cell["source"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_was_run_from_top_to_bottom_without_an_error(path):
    code = cells(path)
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    said = "".join("".join(output["text"]) for output in outputs if output.get("name") == "stderr")
    assert all("is not written yet; the reference answer is used." in line for line in said.splitlines()), said


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_exercise_cells_are_the_stubs(path):
    seen = []
    chapter = path.stem.partition("-")[2]
    for text in code_cells(path):
        if text.startswith("%%exercise"):
            line, _, cell = text.partition("\n")
            name = exercise_named(line.removeprefix("%%exercise"))
            answer = read_cell(cell, name)
            assert not answer.written, f"{name}: the cell holds an answer"
            stub = pristine(chapter)
            assert answer.arguments == stub.arguments(stub.definition(name)), name
            assert not answer.beside, name
            seen.append(name)
    assert seen == list(exercises_in(chapter)), "in the module's order"


def test_every_chapter_begins_with_the_same_set_up():
    first = {path.stem: source(cells(path)[0]) for path in NOTEBOOKS}
    assert len(set(first.values())) <= 1, first


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_equation_tags_are_in_order_and_references_exist(path):
    text = "\n".join(source(cell) for cell in cells(path, "markdown"))
    number = str(int(path.stem[:2]))
    tags = re.findall(r"\\tag\{([\d.]+)\}", text)
    assert tags == [f"{number}.{i}" for i in range(1, len(tags) + 1)]
    referred = set(re.findall(rf"\(({number}\.\d+)\)", text))
    assert referred <= set(tags)


def test_importing_the_library_imports_nothing_slow():
    code = (
        "import sys, deconvlib; from deconvlib import conv2d; "
        "print([m for m in ('torch', 'matplotlib', 'scipy', 'IPython', 'pytest', 'hypothesis') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_every_pin_satisfies_its_range():
    import tomllib

    from packaging.requirements import Requirement

    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if "==" in line and not line.startswith("#"):
            name, _, version = line.strip().partition("==")
            pins[name.lower().replace("_", "-")] = version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [line for extra in project["optional-dependencies"].values() for line in extra]
    for line in wanted:
        requirement = Requirement(line)
        if requirement.name != "deconvlib":
            pin = pins[requirement.name.lower().replace("_", "-")]
            assert requirement.specifier.contains(pin), f"{line} and the pin {pin}"
    assert pins["torch"] == "2.13.0"


def test_the_cover_is_described_in_the_same_words_wherever_it_stands():
    described = [
        re.findall(r"!\[([^\]]+)\]\(book/cover\.png\)", (ROOT / name).read_text()) for name in ("README.md", "index.md")
    ]
    assert described[0] == described[1]
    assert len(described[0]) == 1


def test_the_cover_is_the_picture_that_a_cell_computed(from_book):
    cover = from_book("cover")
    assert cover.COVER.read_bytes() == cover.stored_cover(), "run: make cover"
