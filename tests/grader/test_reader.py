"""The one reader: which definition counts, whatever the layout, the encoding and the mistakes around it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from deconv_grader.answers import editing
from deconv_grader.answers.cells import extract_notebook, read_cell
from deconv_grader.answers.forbidden import forbidden_in
from deconv_grader.answers.reader import Module, read
from deconv_grader.answers.source import CannotEdit, CannotRead, Source
from deconv_grader.grading.grade import grade
from deconv_grader.grading.reading import read_submission
from deconv_grader.grading.workbook import Workbook
from deconv_grader.reports.terminal import result_text
from deconv_tests.patience import PATIENCE
from deconvlib.course.catalogue import exercises

SIZE = "conv_output_size"
SIGNATURE = f"def {SIZE}(n, kernel, stride=1, padding=0, dilation=1):\n"
RIGHT = """\
    if any(type(value) is not int for value in (n, kernel, stride, padding, dilation)):
        raise TypeError("whole numbers, please")
    room = n + 2 * padding - dilation * (kernel - 1) - 1
    if room < 0 or min(n, kernel, stride, dilation) < 1 or padding < 0:
        raise ValueError("does not fit")
    return room // stride + 1
"""
STUB = SIGNATURE + "    raise NotImplementedError\n"


@pytest.fixture
def book(workspace):
    return Workbook(workspace)


@pytest.fixture
def size(book):
    return book.exercises[SIZE]


@pytest.fixture
def notebook(tmp_path):
    """Write a notebook with these code cells, each a text or a list of lines."""

    def write(*cells, name="answers.ipynb"):
        path = tmp_path / name
        made = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
        path.write_text(
            json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made}), encoding="utf-8"
        )
        return path

    return write


# ------------------------------------------------------------------------------------------- which definition counts


@pytest.mark.parametrize(
    ("text", "written", "shadowed"),
    [
        ("def f(x):\n    return 1\n", True, []),
        ("def f(x): return 1", True, []),
        ("def f(x):\n    raise NotImplementedError\n", False, []),
        ("def f(x): raise NotImplementedError", False, []),
        ("def f(x):\n    '''doc'''\n    # a thought\n    raise NotImplementedError('later')\n", False, []),
        ("def f(x):\n    raise NotImplementedError(f'{x}')\n", True, []),
        ("def f(x):\n    raise NotImplementedError\n    return 1\n", True, []),
        ("def f(x):\n    return 1\n\ndef f(x):\n    raise NotImplementedError\n", False, [1]),
        ("def f(x):\n    raise NotImplementedError\n\ndef f(x):\n    return 1\n", True, []),
        ("def f(x):\n    return 1\n\ndef f(x):\n    return 2\n", True, [1]),
        ("def f(x):\n    raise NotImplementedError\n\nf = abs\n", True, []),
        ("def f(x):\n    raise NotImplementedError\n\nfrom math import sqrt as f\n", True, []),
        ("def f(x):\n    raise NotImplementedError\n\nif True:\n    def f(x): return 1\n", True, []),
        ("def f(x):\n    return 1\n\nfor f in []: pass\n", True, [1]),
        ("def f(x):\n    return 1\n\ndel f\n", False, [1]),
        ("def f(x):\n    return 1\n\nf: int\n", True, []),
        ("def f(x):\n    return 1\n\nf.x = 2\nf[0] = 3\n[f for f in []]\n", True, []),
        ("def g(f):\n    f = 1\n    def f(): pass\n", False, []),
        ("async def f(x):\n    return 1\n", True, []),
        ("@overload\ndef f(x: int): ...\n@overload\ndef f(x: str): ...\ndef f(x):\n    raise NotImplementedError\n", False, [2, 4]),
        ("class f:\n    def a(self):\n        raise NotImplementedError\n    def b(self):\n        raise NotImplementedError\n", False, []),
        ("class f:\n    def a(self):\n        raise NotImplementedError\n    def b(self):\n        return 1\n", True, []),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_the_last_binding_counts_as_python_has_it(text, written, shadowed, end):
    module = Module(text.replace("\n", end), "x.py")
    assert module.problem == ""
    assert (module.written({"f"}) == {"f"}) == written
    assert [binding.line for binding in module.shadowed("f")] == shadowed


@pytest.mark.parametrize(
    ("head", "arguments"),
    [
        ("def f(x, y=1):", "x, y=1"),
        ("def f(x: int, y: 'a, b' = 1) -> dict[str, int]:", "x, y=1"),
        ("def f(\n    x,  # the first\n    y=1,\n):  # a comment", "x, y=1"),
        ("def f(x, y=(1, (2, 3)), *, z={'a': [1]}):", "x, y=(1, (2, 3)), *, z={'a': [1]}"),
        ("def f(x, y = ( 1,(2,3) ), *, z={'a':[1]}):", "x, y=(1, (2, 3)), *, z={'a': [1]}"),
        ("def f(x, /, y, *rest, z, **more):", "x, /, y, *rest, z, **more"),
        ("@a\n@b(1)\ndef f(x, g=lambda q, r=2: q):", "x, g=lambda q, r=2: q"),
    ],
)
def test_however_a_signature_is_laid_out(head, arguments):
    bodies = ["\n    '''doc'''  # and a comment\n    # first\n    return x\n", " return x\n", " return x"]
    for body in bodies[: 1 if "# a comment" in head else 3]:
        module = Module(head + body, "x.py")
        binding = module.definition("f")
        assert module.arguments(binding) == arguments
        assert module.body_text(binding).endswith("    return x\n")
        assert "doc" not in module.body_text(binding)


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("def f():\n\treturn 1\n", "    return 1\n"),
        ("def f():\n  if a:\n    b\n  # c\n  return 1\n", "    if a:\n      b\n    # c\n    return 1\n"),
        ('def f():\n  s = """a\n  b\nc"""\n  return s\n', '    s = """a\n  b\nc"""\n    return s\n'),
        ("def f(): a = 1; return a  # so\n", "    a = 1; return a  # so\n"),
        ("def f(): return (1 +\n  2)\n", "    return (1 +\n  2)\n"),
        ("def f():\n    return 1\n\n    # below\n\n# not mine\n", "    return 1\n\n    # below\n"),
        ("def f():\n    return '\u2028\x0c\x1c'\n", "    return '\u2028\x0c\x1c'\n"),
        ("def f():\n    '''doc'''\n", "    pass\n"),
    ],
)
def test_a_body_is_taken_as_it_is_and_indented_by_four(text, body):
    module = Module(text, "x.py")
    assert module.body_text(module.definition("f")) == body


# ----------------------------------------------------------------------------------- texts that Python does not read


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        ("x = (\n", "'(' was never closed"),
        ("x = = 1\n", "invalid syntax"),
        ("def broken(:\n    pass\n", "invalid syntax"),
        ("def broken():\n    return '\n", "unterminated string literal"),
        ("  indented = 1\n", "unindent does not match"),
        ("return 1\n", "'return' outside function"),
        ("def deep():\n    return " + "+".join("1" * 3000) + "\n", "nested too deeply"),
        ("def deep(g):\n    return g" + "()" * 3000 + "\n", "nested too deeply"),
        ("x = " + "(" * 300 + ")" * 300 + "\n", "too many nested parentheses"),
        ("x = " + "9" * 5000 + "\n", "Exceeds the limit"),
    ],
    ids=lambda value: value[:24],
)
def test_what_is_not_python_is_said_with_its_line_and_costs_no_other_exercise(book, size, tail, words):
    path = book.path(size)
    before = path.read_text() + "\n"
    path.write_text(before + tail)
    assert f"convolution.py, line {before.count(chr(10)) + 1 + tail.startswith('def')}: " in book.problem(size) or (
        "convolution.py, line " in book.problem(size)
    )
    assert words in book.problem(size)
    assert book.status(size) == ("unreadable", 0)
    assert book.status(book.exercises["max_pool2d"]) == ("not started", 0)
    assert sum(exercise.points for exercise in book.exercises.values()) == sum(e.points for e in exercises().values())
    # Written and reset all the same: the rest of the file is not touched.
    book.write_cell(size, SIGNATURE + "    return 77\n")
    assert book.written(size)
    assert "return 77" in path.read_text()
    book.reset(size)
    assert path.read_text() == before + tail


def test_parentheses_deeper_than_any_stack_are_words(book, size):
    path = book.path(size)
    path.write_text("x = " + "(" * 100_000 + "\n")
    for change in (lambda: book.reset(size), lambda: book.write_cell(size, SIGNATURE + "    return 1\n")):
        with pytest.raises(CannotEdit, match=r"convolution\.py, line 1: too many nested parentheses"):
            change()
    assert path.read_text() == "x = " + "(" * 100_000 + "\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"def {SIZE}(n: int,", f"def {SIZE}(n: int, ("),
        (
            f"def {SIZE}(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:",
            f"def {SIZE}",
        ),
        ('    title="Output size",', '    title="Output size,'),
    ],
    ids=["an open parenthesis", "no arguments", "an open string in the decorator"],
)
def test_a_broken_signature_can_be_reset(book, size, old, new):
    path = book.path(size)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert book.status(size) == ("unreadable", 0)
    book.reset(size)
    assert path.read_text() == text


def test_an_open_string_does_not_take_the_next_exercise_along(book, size):
    """It swallows the rest of the file for Python; for an editor the next one begins at its decorator."""
    path = book.path(size)
    text = path.read_text()
    at = text.index("    raise NotImplementedError", text.index(f"def {SIZE}"))
    path.write_text(text[:at] + '    """\n' + text[at:])
    assert "unterminated" in book.problem(size)
    book.reset(size)
    assert path.read_text() == text


# ----------------------------------------------------------------------------------------------- encodings, line ends


def _bytes(text, encoding, end, final):
    text = text if final else text.rstrip("\n")
    return text.replace("\n", end).encode(encoding)


@pytest.mark.parametrize("final", [True, False], ids=["ends", "no final newline"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize(
    ("cookie", "encoding"),
    [("", "utf-8"), ("", "utf-8-sig"), ("# -*- coding: latin-1 -*-\n", "latin-1"), ("# vim: set fileencoding=cp1252 :\n", "cp1252")],
)  # fmt: skip
def test_any_encoding_and_line_end_is_read_written_and_kept(book, size, cookie, encoding, end, final):
    path = book.path(size)
    before = _bytes(f"{cookie}# é\n" + path.read_text(), encoding, end, final)
    path.write_bytes(before)
    assert book.status(size) == ("not started", 0)
    assert book.write_cell(size, "import math\n\n" + SIGNATURE + "    # é\n    return '''a\nb'''\n") == "written"
    assert book.status(size) == ("unchecked", 0)
    after = path.read_bytes()
    compile(after, "x.py", "exec")
    text = after.decode(encoding)
    assert text.count(end) == len(text.splitlines()) - (0 if final else 1)
    assert book.reset(size) is not None
    assert path.read_bytes() == before


def test_mixed_line_ends_stay_mixed(book, size):
    path = book.path(size)
    lines = path.read_text().splitlines()
    before = "".join(line + ("\r\n" if i % 3 else "\n") for i, line in enumerate(lines)).encode()
    path.write_bytes(before)
    book.write_cell(size, SIGNATURE + "    return 4\n")
    start = before.index(f"def {SIZE}".encode())
    assert path.read_bytes()[:start] == before[:start]
    assert path.read_bytes()[-2000:] == before[-2000:]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("x = 1\n".encode("utf-16"), "UTF-16"),
        (b"x = 1\0\n", "line 1: there are null bytes"),
        (b"x = 1\n\ny = '\xe9'\n", "line 3: the text is not UTF-8"),
        (b"# coding: nonsense\n", "unknown encoding"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "encoding problem"),
        (b"# coding: rot13\n", "rot13"),
    ],
    ids=["UTF-16", "null bytes", "latin-1 without a coding line", "unknown coding", "a mark and a coding", "rot13"],
)
def test_what_is_no_text_is_said_in_words_at_every_door(book, size, data, words, workspace):
    path = book.path(size)
    path.write_bytes(data)
    assert words in book.problem(size)
    assert book.status(size) == ("unreadable", 0)
    for change in (lambda: book.reset(size), lambda: book.write_cell(size, SIGNATURE + "    return 1\n")):
        with pytest.raises(CannotEdit, match=r"convolution\.py"):
            change()
    assert path.read_bytes() == data
    assert words in read_submission(workspace).problems["convolution"]


def test_an_empty_file_and_a_missing_one_are_not_started(book, size):
    book.path(size).write_bytes(b"")
    assert book.status(size) == ("not started", 0)
    book.path(size).unlink()
    assert book.status(size) == ("not started", 0)
    assert book.write_cell(size, SIGNATURE + "    return 4\n") == "written"
    assert book.status(size) == ("unchecked", 0)


def test_a_folder_in_its_place_is_said(book, size):
    book.path(size).unlink()
    book.path(size).mkdir()
    assert book.status(size) == ("unreadable", 0)
    with pytest.raises(CannotRead, match="is a folder"):
        book.reset(size)


def test_a_character_that_the_files_encoding_lacks_is_refused(book, size):
    path = book.path(size)
    before = ("# coding: latin-1\n" + path.read_text()).encode("latin-1")
    path.write_bytes(before)
    with pytest.raises(CannotEdit, match="iso-8859-1, which has no 'Ж'"):
        book.write_cell(size, SIGNATURE + "    return 'Ж'\n")
    assert path.read_bytes() == before


def test_every_file_comes_back_as_it_was():
    for data in (b"a\r\nb\rc\n", b"\xef\xbb\xbfx = 1", b"# coding: latin-1\r\n\xe9", b"", b"\n\x0c\n"):
        assert Source.decode(data, "x.py").encode("x.py") == data


# ------------------------------------------------------------------------------------------------------ exercise cells


def test_a_trial_call_never_reaches_the_file(book, size):
    cell = (
        "import math\nBIAS = [1, 2]\nunused = 3\n\ndef helper(a):\n    return a + BIAS[0]\n\n"
        + SIGNATURE
        + "    return helper(n) + math.floor(kernel)\n\n"
        + f"print({SIZE}(5, 3))\nresult = {SIZE}(5, 3)\nfor i in range(3):\n    print(i)\nassert result\n"
    )
    book.write_cell(size, cell)
    text = book.path(size).read_text()
    for kept in ("import math\n", "BIAS = [1, 2]\n", "def helper(a):\n"):
        assert kept in text
    for line in ("print(", "result = ", "unused", "for i in range(3)", "assert result"):
        assert line not in text
    answer = read_cell(cell, SIZE, "convolution")
    assert answer.trials
    assert answer.in_notebook.count("\n") == cell.count("\n")
    lines = answer.in_notebook.splitlines()
    assert lines[cell.splitlines().index(f"print({SIZE}(5, 3))")] == f"print({SIZE}(5, 3))"
    assert SIGNATURE.strip() not in lines
    assert not answer.notes


@pytest.mark.parametrize(
    ("above", "kept"),
    [
        ("KERNEL = np.array([[1, 2]])\n", True),
        ("KERNEL: int = 3\n", True),
        ("KERNEL, OTHER = 1, 2\n", True),
        ("import re\nKERNEL = re.compile('a')\n", True),
        ("KERNEL = BASE + 1\nBASE = 2\n", True),
        ("if True:\n    import math as KERNEL\n", True),
        ("try:\n    import numba as KERNEL\nexcept ImportError:\n    KERNEL = None\n", True),
        ("KERNEL = print('hello')\n", False),
        ("KERNEL = open('data')\n", False),
        (f"KERNEL = {SIZE}(5, 3)\n", False),
        ("KERNEL = input()\n", False),
        ("for KERNEL in range(3): pass\n", False),
    ],
)
def test_constants_that_an_answer_uses_go_along_and_what_must_run_is_named(above, kept):
    cell = above + SIGNATURE + "    return KERNEL\n"
    answer = read_cell(cell, SIZE, "convolution")
    assert ("KERNEL" in answer.beside) == kept
    assert bool(answer.notes) != kept
    if not kept:
        assert "uses KERNEL, which line 2 of the cell makes in the notebook only" in answer.notes[0]


@pytest.mark.parametrize("line", ["%matplotlib inline", "!pip list", f"{SIZE}?", "%timeit 1"])
def test_line_magics_are_the_notebooks(line):
    answer = read_cell(f"{line}\n{SIGNATURE}    return n\n{line}\n", SIZE)
    assert answer.body == "    return n\n"
    assert answer.beside == ""
    assert answer.in_notebook.startswith(f"{line}\n")
    assert answer.trials


def test_a_future_import_of_a_cell_is_no_problem(book, size):
    book.write_cell(size, "from __future__ import annotations\n" + SIGNATURE + "    return 1\n")
    compile(book.path(size).read_text(), "x.py", "exec")


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (f"def {SIZE}(n, k):\n    return n\n", "expected conv_output_size(n, kernel, stride=1"),
        ("def other():\n    return 1\n", "no definition of conv_output_size"),
        (f"{SIZE} = max\n", "line 2: conv_output_size is no definition here"),
        ("async " + SIGNATURE + "    return n\n", "leave out async"),
        ("if True:\n    def conv_output_size(n): return n\n", "inside another statement"),
        ("\n" + SIGNATURE + "    return (\n", "the cell, line 4: '(' was never closed"),
        (SIGNATURE + "    return " + "+".join("1" * 3000), "nested too deeply"),
    ],
)
def test_a_cell_that_cannot_be_written_says_why_in_its_own_lines_and_changes_nothing(book, size, cell, words):
    before = book.path(size).read_bytes()
    with pytest.raises(CannotEdit) as told:
        book.write_cell(size, cell)
    assert words in str(told.value)
    assert book.path(size).read_bytes() == before


# ----------------------------------------------------------------------------------------------------------- notebooks


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize(
    "magic", [f"%%exercise {SIZE}", f"%%exercise  {SIZE}   ", f"%%exercise {SIZE}  # mine", f"\n%%exercise\t{SIZE}"]
)
@pytest.mark.parametrize("as_list", [True, False], ids=["list", "text"])
def test_a_notebooks_cell_is_read_however_it_is_saved(notebook, magic, end, as_list):
    text = f"{magic}\n{SIGNATURE}    return 41\n\nprint({SIZE}(5, 3))\n".replace("\n", end)
    path = notebook(text.splitlines(keepends=True) if as_list else text)
    found = extract_notebook(path, {SIZE: "convolution"})
    assert found.broken == {}
    assert Module(found.sources["convolution"], "x").written({SIZE})
    assert "print(" not in found.sources["convolution"]
    assert "\r" not in found.sources["convolution"]
    compile(found.sources["convolution"], "x.py", "exec")


@pytest.mark.parametrize(
    "later", [STUB, SIGNATURE + "    return (\n", "x = 1\n"], ids=["the stub", "not Python", "no definition"]
)
def test_a_copied_stub_or_a_broken_cell_does_not_outweigh_a_written_one(notebook, later):
    found = extract_notebook(
        notebook(f"%%exercise {SIZE}\n{SIGNATURE}    return 41\n", f"%%exercise {SIZE}\n{later}"), {SIZE: "convolution"}
    )
    assert "return 41" in found.sources["convolution"]
    assert found.broken == {}
    assert "counts" in found.notes[0]


def test_of_two_written_cells_the_last_counts(notebook):
    cells = [f"%%exercise {SIZE}\n{SIGNATURE}    return {value}\n" for value in (1, 2)]
    found = extract_notebook(notebook(*cells), {SIZE: "convolution"})
    assert "return 2" in found.sources["convolution"]
    assert "return 1" not in found.sources["convolution"]


def test_an_alias_in_a_notebook_is_an_answer(notebook):
    found = extract_notebook(
        notebook(f"%%exercise {SIZE}\ndef mine(*a): return 3\n{SIZE} = mine\nprint({SIZE}(1, 1))\n"),
        {SIZE: "convolution"},
    )
    assert Module(found.sources["convolution"], "x").written({SIZE})
    assert "print" not in found.sources["convolution"]


def test_a_broken_cell_is_named_with_the_notebooks_line(notebook):
    found = extract_notebook(notebook(f"\n%%exercise {SIZE}\n{SIGNATURE}    return (\n"), {SIZE: "convolution"})
    assert "the cell of conv_output_size, line 4: '(' was never closed" in found.broken[SIZE]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"cells": 3}', '{"worksheets": []}', "[" * 100_000, "null"], ids=lambda text: text[:20]
)
def test_what_is_no_notebook_is_refused_in_words(tmp_path, text):
    path = tmp_path / "a.ipynb"
    path.write_text(text)
    with pytest.raises(CannotRead, match=r"a\.ipynb is not a notebook"):
        extract_notebook(path, {SIZE: "convolution"})


# ---------------------------------------------------------------------------------------- the doors agree: importing


def _served(code, workspace):
    import os
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=workspace.parent,  # beside an editable install, Python would take its deconvlib/ for a package of its own
        env=os.environ | {"DECONV_WORKSPACE": str(workspace)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr.strip()


@pytest.mark.parametrize(
    ("tail", "value"),
    [
        (SIGNATURE + "    return 41\n", "41"),
        ("mine = lambda *a: 42\nconv_output_size = mine\n", "42"),
        (
            "def around(f):\n    return lambda *a: f(*a) + 1\nconv_output_size = around(conv_output_size)\n",
            "4",  # around the reference's 3
        ),
        (STUB, "3"),
        ("del conv_output_size\n", "3"),
    ],
    ids=["pasted below", "an alias", "wrapped", "a second stub", "deleted"],
)
def test_what_is_imported_is_what_counts(workspace, tail, value):
    path = workspace / "deconvlib" / "convolution.py"
    path.write_text(path.read_text() + "\n" + tail)
    assert _served("from deconvlib.convolution import conv_output_size as f; print(f(5, 3))", workspace)[0] == value


def test_a_wrapped_answer_calls_itself_once(workspace):
    path = workspace / "deconvlib" / "convolution.py"
    text = path.read_text()
    at = text.index("raise NotImplementedError", text.index(f"def {SIZE}"))
    text = text[:at] + "return 7" + text[at + len("raise NotImplementedError") :]
    path.write_text(text + "\nimport functools\n" + f"{SIZE} = functools.cache({SIZE})\n")
    assert _served("from deconvlib import conv_output_size as f; print(f(5, 3), f(5, 3))", workspace)[0] == "7 7"


@pytest.mark.parametrize(
    ("above", "below", "status"),
    [
        ("    return 3\n", SIGNATURE + RIGHT, "passed"),
        (RIGHT, SIGNATURE + "    return 3\n", "failed"),
        (RIGHT, STUB, "not started"),
        ("    raise NotImplementedError\n", SIGNATURE + RIGHT, "passed"),
        ("    raise NotImplementedError\n", "def mine(n, kernel, stride=1, padding=0, dilation=1):\n" + RIGHT + f"{SIZE} = mine\n", "passed"),
    ],
    ids=["wrong, right", "right, wrong", "right, stub", "stub, right", "stub, alias"],
)  # fmt: skip
def test_check_and_grade_agree_on_what_counts_and_say_what_does_not(workspace, above, below, status):
    book = Workbook(workspace)
    size = book.exercises[SIZE]
    editing.write(book.path(size), size, above)
    book.path(size).write_text(book.path(size).read_text() + "\n" + below)
    (checked,) = book.check([size])
    (graded,) = grade(workspace, [size]).results
    assert checked.status == graded.status == status
    assert checked.points == graded.points == (4 if status == "passed" else 0)
    shadow = "return" in above and status != "not started"
    assert bool(checked.notes) == bool(graded.notes) == shadow
    if shadow:
        assert f"convolution.py has {SIZE} more than once" in result_text(checked)


def test_two_saves_in_a_second_are_two_texts(workspace):
    code = (
        "import pathlib, importlib, deconvlib.convolution as c\n"
        "path = pathlib.Path(c.__file__)\n"
        f"at = path.read_text().index('raise NotImplementedError', path.read_text().index('def {SIZE}'))\n"
        "for value in (7, 8, 9):\n"
        "    text = path.read_text()\n"
        "    path.write_text(text[:at] + f'return {value}#' + text[at + 9:])\n"
        f"    importlib.reload(c); print(c.{SIZE}(5, 3))\n"
    )
    assert _served(code, workspace)[0].split() == ["7", "8", "9"]
    assert not (workspace / "deconvlib" / "__pycache__").exists()


# ------------------------------------------------------------------------------------------------------------ forbidden


@pytest.mark.parametrize(
    "text",
    [
        "import torch.nn.functional as F\ndef conv_output_size(n):\n    return F.relu(n)\n",
        "from torch import nn\ndef conv_output_size(n):\n    return nn.ReLU()(n)\n",
        "def conv_output_size(n):\n    import torch\n    return torch.tensor(n)\n",
        "import torch\nconv_output_size = torch.abs\n",
        "def conv_output_size(n):\n    return n\nfrom torch import abs as conv_output_size\n",
    ],
)
def test_a_forbidden_library_is_found_however_it_is_imported(text, size):
    assert "without torch" in forbidden_in(text, size)
    assert forbidden_in(text, replace(size, forbids=())) == ""
    assert forbidden_in(text + "\n" + SIGNATURE + "    return n\n", size) == "", "what is shadowed does not count"


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


def test_a_check_takes_only_its_own_chapter_apart(book, size, monkeypatch):
    editing.write(book.path(size), size, RIGHT)
    apart, whole = [], Module.__init__

    def noted(self, text, where, first_line=1):
        apart.append(where)
        whole(self, text, where, first_line)

    monkeypatch.setattr(Module, "__init__", noted)
    read.cache_clear()
    (result,) = book.check([size])
    assert result.status == "passed"
    assert set(apart) == {book.path(size).name}
