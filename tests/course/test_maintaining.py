"""The maintainer's side: CONTRIBUTING followed from `deconv dev new` to green, and every missing piece named."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deconv_grader.cli.app import main
from deconv_grader.maintaining import chapter_pieces, pieces
from deconv_grader.maintaining.checkout import Checkout, Unsound
from deconv_grader.maintaining.skeletons import CannotAdd, new_exercise
from deconv_tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("deconvlib", "deconv_grader", "solutions", "tests", "chapters", "book")


def copied(target: Path, *without: str) -> Path:
    """A checkout of its own, perhaps without some files."""
    target.mkdir()
    for part in PARTS:
        shutil.copytree(ROOT / part, target / part, ignore=shutil.ignore_patterns("__pycache__", ".*", *without))
    for file in ("_toc.yml", "pyproject.toml"):
        shutil.copy(ROOT / file, target)
    links = target / "build" / "types"
    links.mkdir(parents=True)
    for name in ("solutions", "tests"):
        (links / f"deconv_{name}").symlink_to(target / name, target_is_directory=True)
    return target


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return copied(tmp_path / "course")


def run(checkout: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a checkout, with that checkout's course."""
    paths = os.pathsep.join([str(checkout), str(checkout / "build" / "types")])
    env = {key: value for key, value in os.environ.items() if not key.startswith("DECONV")}
    return subprocess.run(
        [sys.executable, *command],
        cwd=checkout,
        env=env | {"PYTHONPATH": paths, "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def deconv(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(checkout, "-m", "deconv_grader", *words)


def contents(checkout: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in checkout.rglob("*") if path.is_file() and "pycache" not in str(path)
    }


# From nothing to green

STUB = '''@exercise(
    title="Pooling by a p-norm",
    points=4,
    minutes=10,
    difficulty=2,
    needs=("avg_pool2d",),
    hints=("The mean of the powers is nearly their sum.", "avg_pool2d(abs(x) ** p) * K * L, and then the root."),
)
def lp_pool2d(x: np.ndarray, kernel: int | tuple[int, int], p: float = 2.0) -> np.ndarray:
    """Return the p-norm of each window; windows touch and do not overlap.

    Parameters
    ----------
    x : array (N, C, H, W)
    kernel : int or (K, L)
    p : float
        At least 1.

    Returns
    -------
    array (N, C, H // K, W // L)

    Raises
    ------
    ValueError
        If p is less than 1.

    Examples
    --------
    >>> lp_pool2d(np.array([[[[3.0, 4.0]]]]), (1, 2)).tolist()
    [[[[5.0]]]]
    """
    raise NotImplementedError'''
SOLUTION = """def lp_pool2d(x: np.ndarray, kernel: int | tuple[int, int], p: float = 2.0) -> np.ndarray:
    if not p >= 1:
        raise ValueError(f"p must be at least 1, got {p}")
    K, L = pair("kernel", kernel, 1)
    return (avg_pool2d(np.abs(x) ** p, (K, L)) * (K * L)) ** (1 / p)"""
CHECKS = """# lp_pool2d


@check("lp_pool2d", "two windows that you can work out by hand", weight=2)
def test_lp_pool2d_by_hand(learner):
    x = image([[3.0, -4.0, 5.0, 12.0]])
    learner.lp_pool2d.gives(image([[5.0, 13.0]]), x, (1, 2))
    learner.lp_pool2d.gives(image([[7.0, 17.0]]), x, (1, 2), 1.0)


@check("lp_pool2d", "any image, window and norm", hidden=True)
@given(x=images((6, 9), FLOATS), kernel=PAIRS, p=st.sampled_from([1.0, 1.5, 3.0]))
def test_lp_pool2d_drawn(learner, x, kernel, p):
    learner.lp_pool2d.gives(reference.lp_pool2d(x, kernel, p), x, kernel, p, tolerance=1e-5)


@check("lp_pool2d", "refuses what is no norm")
def test_lp_pool2d_refuses(learner):
    learner.lp_pool2d.raises(ValueError, grid(1, 1, 2, 2), 2, 0.5)
"""
MISTAKE = '''

@mistake("lp_pool2d")
def lp_pool2d_{name}(x, kernel, p=2.0):
    """{title}

    Compare one window with the formula.
    """
    {body}
'''
WRONG = {
    "without_root": ("the root is left out", "return reference.lp_pool2d(x, kernel, p) ** p"),
    "signed": ("the sign is kept", "return reference.avg_pool2d(x, kernel) * np.prod(_both(kernel))"),
    "mean": (
        "the mean stands in the place of the sum",
        "return reference.lp_pool2d(x, kernel, p) / np.prod(_both(kernel)) ** (1 / p)",
    ),
    "turned": ("the window lies on its side", "return reference.lp_pool2d(x, _both(kernel)[::-1], p)"),
}
VARIANTS = """

@variant("lp_pool2d")
def lp_pool2d_loops(x, kernel, p=2.0):
    if p < 1:
        raise ValueError("no norm")
    K, L = _both(kernel)
    y = np.empty((*x.shape[:2], x.shape[2] // K, x.shape[3] // L), x.dtype)
    for n, c, i, j in np.ndindex(*y.shape):
        y[n, c, i, j] = (np.abs(x[n, c, i * K : i * K + K, j * L : j * L + L]) ** p).sum() ** (1 / p)
    return y


@variant("lp_pool2d")
def lp_pool2d_windows(x, kernel, p=2.0):
    if p < 1:
        raise ValueError("no norm")
    K, L = _both(kernel)
    windows = sliding_window_view(np.abs(x), (K, L), axis=(2, 3))[:, :, ::K, ::L]
    return (windows**p).sum(axis=(4, 5)) ** (1 / p)
"""
AGREEMENT = """def test_lp_pool2d():
    x = np.random.default_rng(1).random((2, 3, 4, 6))
    theirs = torch.nn.functional.lp_pool2d(torch.from_numpy(x), 3.0, (2, 3)).numpy()
    np.testing.assert_allclose(unpooling.lp_pool2d(x, (2, 3), 3.0), theirs)"""
LINE = (
    r"| $y=(\sum\lvert x\rvert^p)^{1/p}$ over each window | [between mean and maximum](05-unpooling.ipynb#what-pooling-keeps) "
    "| [`lp_pool2d`](#exercise-lp_pool2d) |"
)


def fill(path: Path, name: str, text: str) -> None:
    """Put a text in the place of a definition with its decorators."""
    lines = path.read_text(encoding="utf-8").split("\n")
    node = next(part for part in ast.parse("\n".join(lines)).body if getattr(part, "name", "") == name)
    assert isinstance(node, ast.FunctionDef)
    first = min([node.lineno, *(part.lineno for part in node.decorator_list)])
    path.write_text("\n".join([*lines[: first - 1], text, *lines[node.end_lineno :]]), encoding="utf-8")


def fill_end(path: Path, text: str) -> None:
    """Put a text in the place of the last skeletons of a file."""
    old = path.read_text(encoding="utf-8")
    begin = re.search(r'\n\n(# lp_pool2d|@variant\("lp_pool2d"\))\n', old)
    assert begin
    path.write_text(old[: begin.start()].rstrip("\n") + "\n\n\n" + text.strip("\n") + "\n", encoding="utf-8")


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new), encoding="utf-8")


def wrong(names: list[str]) -> str:
    return "# lp_pool2d\n" + "".join(
        MISTAKE.format(name=name, title=WRONG[name][0], body=WRONG[name][1]) for name in names
    )


def test_an_exercise_is_added_from_nothing_to_green(checkout):
    begun = deconv(checkout, "dev", "new", "unpooling", "lp_pool2d")
    assert begun.returncode == 0, begun.stderr
    files = set(begun.stdout.splitlines()[:-1])
    assert files == {
        "deconvlib/course/stubs/unpooling.py",
        "deconvlib/unpooling.py",
        "solutions/unpooling.py",
        "tests/test_unpooling.py",
        "tests/mistakes/unpooling.py",
        "tests/variants/unpooling.py",
        "tests/course/test_agreement_unpooling.py",
        "chapters/05-unpooling.ipynb",
        "chapters/formula-sheet.md",
    }
    course = Checkout(checkout)
    skeleton = course.exercises()["lp_pool2d"]
    unwritten = [piece for piece in pieces.OF_AN_EXERCISE if piece not in (pieces.cell, pieces.needs)]
    for piece in unwritten:  # the two others are whole as they are
        assert list(piece(course, skeleton)), f"the skeleton passes for a written {piece.__name__}"
    said = deconv(checkout, "dev", "check", "lp_pool2d")
    assert said.returncode == 1
    lacking = {
        line.strip().partition(":")[0].partition(",")[0] for line in said.stdout.splitlines() if line[:4] == "    "
    }
    assert {file for file in lacking if "/" in file} == files - {"deconvlib/course/stubs/unpooling.py"}
    lint = run(checkout, "-m", "ruff", "check", "--no-cache", "deconvlib", "solutions", "tests")
    assert lint.returncode == 0, lint.stdout
    lint = run(checkout, "-m", "ruff", "format", "--no-cache", "--check", "deconvlib", "solutions", "tests")
    assert lint.returncode == 0, lint.stdout

    fill(course.stubs("unpooling"), "lp_pool2d", STUB)
    fill(course.solutions("unpooling"), "lp_pool2d", SOLUTION)
    fill_end(course.checks("unpooling"), CHECKS)
    fill_end(course.mistakes("unpooling"), wrong(list(WRONG)[:3]))
    fill_end(course.variants("unpooling"), VARIANTS)
    told = deconv(checkout, "dev", "check", "lp_pool2d").stdout
    assert "tests/mistakes/unpooling.py: 3 known mistakes of lp_pool2d, 4 are needed\n" in told
    assert "chapters/05-unpooling.ipynb: the cell defines lp_pool2d(x), expected lp_pool2d(x, kernel, p=2.0)\n" in told
    assert "tests/course/test_agreement_unpooling.py: no test of lp_pool2d against PyTorch" in told

    fill_end(course.mistakes("unpooling"), wrong(list(WRONG)))
    fill(course.agreement("unpooling"), "test_lp_pool2d", AGREEMENT)
    replace(
        course.agreement("unpooling"),
        "from deconv_solutions.unpooling",
        "from deconv_solutions import unpooling\nfrom deconv_solutions.unpooling",
    )
    replace(course.notebook("unpooling"), "def lp_pool2d(x):", "def lp_pool2d(x, kernel, p=2.0):")
    sheet = course.text(course.sheet)
    (line,) = [line for line in sheet.splitlines() if "lp_pool2d" in line]
    course.sheet.write_text(sheet.replace(line, LINE), encoding="utf-8")
    (left,) = chapter_pieces.of_page(Checkout(checkout), course.notebook("unpooling"))
    assert left.endswith("not run from top to bottom since it was changed; run: make chapter N=05")
    assert run(checkout, "book/execute.py", "chapters/05-unpooling.ipynb").returncode == 0
    said = deconv(checkout, "dev", "check", "lp_pool2d")
    assert (said.returncode, said.stdout.splitlines()[-1]) == (0, "Every piece is there."), said.stdout
    assert "lp_pool2d: not started (4 points" in course.notebook("unpooling").read_text(encoding="utf-8")
    agree = "from deconv_tests.course import test_agreement_unpooling as t; t.test_lp_pool2d()"
    tested = run(checkout, "-c", agree)
    assert tested.returncode == 0, tested.stderr

    # Whole, but not held: a default that no check leaves out, and needs that nothing calls or that are left out.
    replace(course.checks("unpooling"), "x, (1, 2))", "x, (1, 2), 2.0)")
    replace(course.stubs("unpooling"), 'needs=("avg_pool2d",)', 'needs=("sliding_max",)')
    said = deconv(checkout, "dev", "check", "lp_pool2d")
    assert said.returncode == 1
    for other in ("20.0", "0.2"):
        assert f"tests/test_unpooling.py: lp_pool2d with p={other} for its default 2.0 passes" in said.stdout
    assert "solutions/unpooling.py: lp_pool2d calls avg_pool2d, which the decorator's needs leave out" in said.stdout
    assert "deconvlib/unpooling.py: lp_pool2d needs sliding_max, and neither" in said.stdout

    # A default that is too large to be built is named in the checks, and then not asked for.
    with course.checks("unpooling").open("a", encoding="utf-8") as checks:
        checks.write('\n\nUNCHECKED_DEFAULTS = {"lp_pool2d": ("p",)}\n')
    said = deconv(checkout, "dev", "check", "lp_pool2d")
    assert said.returncode == 1
    assert "for its default" not in said.stdout


def plan(monkeypatch, chapter: str) -> None:
    """One chapter more in the list of this process, of which no file is there."""
    monkeypatch.setitem(chapter_pieces.CHAPTERS, chapter, len(chapter_pieces.CHAPTERS) + 1)


def test_a_planned_chapter_gets_its_files(checkout, monkeypatch):
    planned = "recurrent"
    plan(monkeypatch, planned)
    catalogue = checkout / "deconvlib" / "course" / "catalogue.py"
    text = catalogue.read_text(encoding="utf-8")
    entry = f'    "{planned}": {chapter_pieces.CHAPTERS[planned]},\n'
    before, _, after = text.partition("\n}\n")  # the end of the list of chapters
    catalogue.write_text(f"{before}\n{entry}}}\n{after}", encoding="utf-8")
    begun = deconv(checkout, "dev", "new", planned, "first_of_it")
    assert begun.returncode == 0, begun.stderr
    course = Checkout(checkout)
    assert planned in course.written_chapters
    for piece in chapter_pieces.OF_A_CHAPTER:
        if piece is not chapter_pieces.files:
            assert list(piece(course, planned)) == []
    assert all("to be written" in problem for problem in chapter_pieces.files(course, planned))
    assert len(list(chapter_pieces.files(course, planned))) == 1
    assert chapter_pieces.strays(course) == []
    said = "\n".join(chapter_pieces.of_page(course, course.notebook(planned)))
    assert "not run from top to bottom" in said
    assert "is to be written" in said
    assert deconv(checkout, "dev", "check", planned).returncode == 1
    lint = run(checkout, "-m", "ruff", "check", "--no-cache", "deconvlib", "solutions", "tests")
    assert lint.returncode == 0, lint.stdout
    lint = run(checkout, "-m", "ruff", "format", "--no-cache", "--check", "deconvlib", "solutions", "tests")
    assert lint.returncode == 0, lint.stdout


# What is refused, and what a failure leaves


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("unpoolin", "lp_pool2d"), "no chapter is named 'unpoolin'; did you mean unpooling?"),
        (("unpooling", "conv2d"), "conv2d is there already"),
        (("unpooling", "Conv2D"), "conv2d is there already"),
        (("unpooling", "convolution"), "convolution is there already"),
        (("unpooling", "course"), "course is there already"),
        (("unpooling", "2x"), "'2x' is no name"),
        (("unpooling", "class"), "'class' is no name"),
        (("unpooling", "_hidden"), "'_hidden' is no name"),
        (("unpooling", "a-b"), "'a-b' is no name"),
        (("unpooling", "a\nb"), "is no name"),
        (("unpooling", "größe"), "is no name"),
        (("unpooling", ""), "'' is no name"),
        (("unpooling", "pair"), "imports pair already"),
        (("unpooling", "lp_pool2d", "--after", "conv2d"), "--after takes an exercise of unpooling, got 'conv2d'"),
    ],
)
def test_what_is_refused_changes_nothing(words, message, tmp_path_factory, whole):
    chapter, name, *rest = words
    before = contents(whole)
    with pytest.raises(CannotAdd, match=re.escape(message)):
        new_exercise(Checkout(whole), chapter, name, rest[1] if rest else None)
    assert contents(whole) == before


def test_a_chapter_without_exercises_has_none_to_follow(whole, monkeypatch):
    plan(monkeypatch, "recurrent")
    before = contents(whole)
    with pytest.raises(CannotAdd, match="--after takes an exercise of recurrent, got 'conv2d'; it has none yet"):
        new_exercise(Checkout(whole), "recurrent", "lp_pool2d", "conv2d")
    assert contents(whole) == before


def test_a_refusal_is_one_line_and_exit_code_2(checkout):
    said = deconv(checkout, "dev", "new", "unpooling", "conv2d")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("deconv: conv2d is there already")
    assert said.stderr.count("\n") == 1
    (checkout / "solutions" / "unpooling.py").write_text("def (\n", encoding="utf-8")
    said = deconv(checkout, "dev", "check", "max_pool2d")
    assert (said.returncode, said.stderr.count("\n")) == (2, 1)
    assert "solutions/unpooling.py, line 1" in said.stderr


@pytest.mark.parametrize(
    "name", ["conv2", "", " ", "99", "\u0661\u0662", "two\nlines", "\ud800", "x" * 5000, "../solutions"]
)
@pytest.mark.parametrize("command", ["check", "conformance"])
def test_an_odd_name_is_refused_in_one_line(command, name, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["dev", command, name])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("deconv: no exercise or chapter with exercises is named ")
    assert said.count("\n") == 1


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A checkout that tests leave as it was, without what is large and does not matter to them."""
    return copied(
        tmp_path_factory.mktemp("maintaining") / "course", "data", "explorers", "0[1-4]-*", "0[6-9]-*", "*.png"
    )


@pytest.mark.parametrize("fails", range(8))
@pytest.mark.parametrize("chapter", ["unpooling", "recurrent"])
def test_a_failure_while_writing_leaves_everything_as_it_was(whole, monkeypatch, chapter, fails):
    plan(monkeypatch, "recurrent")
    before, replaced = contents(whole), []
    original = Path.replace

    def full(path, target):
        replaced.append(target)
        if len(replaced) > fails:
            raise OSError(28, "No space left on device", str(target))
        return original(path, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(CannotAdd, match="No space left on device; nothing was written"):
        new_exercise(Checkout(whole), chapter, "lp_pool2d")
    assert contents(whole) == before


def test_a_new_exercise_stands_after_the_one_it_follows(checkout):
    course = Checkout(checkout)
    new_exercise(course, "unpooling", "lp_pool2d", after="max_pool2d")
    course = Checkout(checkout)
    assert list(course.chapter("unpooling"))[:2] == ["max_pool2d", "lp_pool2d"]
    assert list(chapter_pieces.cells_in_order(course, "unpooling")) == []


def test_without_a_checkout_there_is_no_maintainers_command(tmp_path):
    """As a wheel is installed: the solutions under the name that they are imported by."""
    for part, name in (
        ("deconvlib", "deconvlib"),
        ("deconv_grader", "deconv_grader"),
        ("solutions", "deconv_solutions"),
    ):
        shutil.copytree(ROOT / part, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "data", "explorers"))
    shutil.copytree(ROOT / "tests", tmp_path / "deconv_tests", ignore=shutil.ignore_patterns("course", "grader"))
    installed = deconv(tmp_path, "dev", "check")
    assert installed.returncode == 2
    assert "No such command 'dev'" in installed.stderr
    here = deconv(ROOT, "--help")
    assert here.returncode == 0
    assert "dev" not in here.stdout.split()
    assert deconv(ROOT, "dev", "--help").returncode == 0


# Each piece, taken away or spoiled


def spoil(path: str, old: str, new: str):
    return lambda root: replace(root / path, old, new)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (("deconvlib/course/stubs/unpooling.py", "points=6,\n    minutes=25", "points=0,\n    minutes=25"), "points of max_pool2d is 0"),
        (("deconvlib/course/stubs/unpooling.py", "difficulty=2,\n    hints=(\n        \"Write it", "difficulty=4,\n    hints=(\n        \"Write it"), "difficulty of max_pool2d is 4"),
        (("deconvlib/course/stubs/unpooling.py", "    If the kernel does not fit into the padded image", "TODO"), "the docstring of max_pool2d is to be written"),
        (("deconvlib/course/stubs/unpooling.py", "    >>> x = np.array([[[[1, 4, 2, 2], [3, 0, 2, 1]]]])", "    TODO"), "the docstring of max_pool2d is to be written"),
        (("solutions/unpooling.py", "def max_pool2d(", "def max_pool(" ), "solutions/unpooling.py: max_pool2d is missing"),
        (("solutions/unpooling.py", "    padding: int | tuple[int, int] = 0,\n) -> tuple[np.ndarray, np.ndarray]", "    padding: int | tuple[int, int] = 1,\n) -> tuple[np.ndarray, np.ndarray]"), "max_pool2d has another signature than the stub"),
        (("tests/test_unpooling.py", '@check("max_pool2d", ', '@check("sliding_max", '), "tests/test_unpooling.py: no check of max_pool2d; the first one is its gate"),
        (("tests/test_unpooling.py", '"a 4 x 5 image you can work out by hand", weight=2', '"a case", hidden=True'), "the gate of max_pool2d, is hidden"),
        (("tests/mistakes/unpooling.py", '@mistake("max_pool2d")', '@mistake("sliding_max")'), "tests/mistakes/unpooling.py: no known mistakes of max_pool2d, 4 are needed"),
        (("tests/variants/unpooling.py", '@variant("max_pool2d")', '@variant("sliding_max")'), "tests/variants/unpooling.py: no right variants of max_pool2d, 2 are needed"),
        (("tests/course/test_agreement_unpooling.py", "max_pool2d", "other"), "no test of max_pool2d against PyTorch"),
        (("chapters/05-unpooling.ipynb", "%%exercise max_pool2d", "%%exercise max_pool"), "no cells with %%exercise max_pool2d, 1 is needed"),
        (("chapters/05-unpooling.ipynb", "def max_pool2d(x, kernel, stride=None, padding=0):", "def max_pool2d(x, kernel):"), "the cell defines max_pool2d(x, kernel), expected"),
        (("chapters/05-unpooling.ipynb", "padding=0):\\n\",\n    \"    raise NotImplementedError", "padding=0):\\n\",\n    \"    return x"), "the cell of max_pool2d holds an answer"),
        (("chapters/formula-sheet.md", "[`max_pool2d`](#exercise-max_pool2d)", "–"), "chapters/formula-sheet.md, under ## 5.: no lines with [`max_pool2d`]"),
    ],
    ids=lambda value: re.sub(r"\W+", " ", value)[:50] if isinstance(value, str) else "",
)  # fmt: skip
def test_a_missing_piece_is_named_with_its_place(whole, damage, message):
    path = whole / damage[0]
    kept = path.read_bytes()
    try:
        spoil(*damage)(whole)
        course = Checkout(whole)
        found = pieces.of_exercise(course, course.exercises()["max_pool2d"])
    finally:
        path.write_bytes(kept)
    assert [problem for problem in found if message in problem], found
    assert len(found) <= 2, found  # and nothing that is not missing
    assert all("\n" not in problem for problem in found)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (("solutions/unpooling.py", "def _window(", "def window("), "window is no exercise"),
        (("tests/mistakes/unpooling.py", '@mistake("max_pool2d")', '@mistake("conv2d")'), "is for conv2d, which is an exercise of convolution"),
        (("tests/variants/unpooling.py", '@variant("max_pool2d")', '@variant("max_pool")'), "is for max_pool, which is no exercise"),
        (("chapters/05-unpooling.ipynb", "%%exercise max_pool2d", "%%exercise pool"), "a cell has %%exercise pool"),
        (("chapters/05-unpooling.ipynb", '"execution_count": 6,', '"execution_count": 60,'), "run: make chapter N=05"),
        (("chapters/05-unpooling.ipynb", "set_up()", "set_up( )"), "the first code cell is not the set-up"),
        (("chapters/formula-sheet.md", "05-unpooling.ipynb#what-pooling-keeps", "05-unpooling.ipynb#gone"), "05-unpooling.ipynb has no heading #gone"),
        (("chapters/formula-sheet.md", "| $y=\\max$ over", "| over"), "a line wants a formula"),
        (("deconvlib/unpooling.py", "points=6", "points=7"), "deconvlib/course/stubs/unpooling.py: not the same as deconvlib/unpooling.py"),
        (("_toc.yml", "      - file: chapters/05-unpooling\n", ""), "_toc.yml: no line '- file: chapters/05-unpooling'"),
    ],
    ids=lambda value: re.sub(r"\W+", " ", value)[:50] if isinstance(value, str) else "",
)  # fmt: skip
def test_what_a_chapter_lacks_is_named_with_its_place(whole, damage, message):
    path = whole / damage[0]
    kept = path.read_bytes()
    try:
        spoil(*damage)(whole)
        found = chapter_pieces.of_chapter(Checkout(whole), "unpooling")
    finally:
        path.write_bytes(kept)
    assert [problem for problem in found if message in problem], found


def test_a_file_of_no_chapter_is_named(whole):
    path = whole / "tests" / "mistakes" / "unpoling.py"
    path.write_text("", encoding="utf-8")
    assert chapter_pieces.strays(Checkout(whole)) == ["tests/mistakes/unpoling.py belongs to no chapter that is there"]
    path.unlink()


def test_a_file_that_is_not_python_is_named_with_its_line(whole):
    path = whole / "tests" / "mistakes" / "unpooling.py"
    kept = path.read_bytes()
    path.write_bytes(kept + b"\ndef (\n")
    course = Checkout(whole)
    with pytest.raises(Unsound, match=r"tests/mistakes/unpooling\.py, line \d+: "):
        pieces.of_exercise(course, course.exercises()["max_pool2d"])
    path.write_bytes(kept)
