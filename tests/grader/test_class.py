"""`deconv class`: one submission costs only itself; what is kept, locked, seeded and told of a whole class."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deconv_grader.answers.submission import Submission
from deconv_grader.answers.submissions import submissions_in
from deconv_grader.checks.results import ExerciseResult
from deconv_grader.grading import classroom, course, likeness
from deconv_grader.grading.grade import Grading, grade
from deconv_grader.grading.kept import LOCK, RESULTS, InUse, one_run_at_a_time
from deconv_grader.reports.tables import to_gradebook
from deconv_tests.patience import PATIENCE
from deconvlib.course.catalogue import exercises

ONLY = ("--only", "conv_output_size")
WHOLE = "def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):\n"


def run(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deconv_grader", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"DECONV_WORKSPACE": "none"} | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def results_of(out: Path) -> dict[str, dict[str, Any]]:
    lines = (out / RESULTS).read_text().splitlines()
    return {entry["result"]["submission"]: entry["result"] for entry in map(json.loads, lines)}


# ------------------------------------------------------------------------------------- one submission against all


def module_folder(folder: Path, text: str | bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "convolution.py").write_bytes(text if isinstance(text, bytes) else text.encode())


def a_folder_named_like_a_module(folder: Path) -> None:
    (folder / "deconvlib" / "convolution.py").mkdir(parents=True)


def a_locked_folder(folder: Path) -> None:
    module_folder(folder, WHOLE + "    return 3\n")
    (folder / "locked").mkdir()
    (folder / "locked").chmod(0)


def a_pipe(folder: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / "convolution.py")


def a_loop_of_links(folder: Path) -> None:
    folder.mkdir()
    (folder / "loop").symlink_to(folder)
    (folder / "convolution.py").symlink_to("convolution.py")


def deep_folders(folder: Path) -> None:
    (folder / Path(*["d"] * 60)).mkdir(parents=True)


LONG = "long" * 50
MANY_NESTED = "(" * 90 + "1" + ")" * 90
ODD: dict[str, Callable[[Path], None]] = {
    "module folder": a_folder_named_like_a_module,
    "empty": lambda folder: folder.mkdir(),
    "locked": a_locked_folder,
    "pipe": a_pipe,
    "links": a_loop_of_links,
    "deep": deep_folders,
    "sum": lambda folder: module_folder(folder, WHOLE + "    return " + "1+" * 400 + "1\n" + "    x = 1\n" * 200),
    "long sum": lambda folder: module_folder(folder, WHOLE + "    return " + "1+" * 9000 + "1\n"),
    "calls": lambda folder: module_folder(folder, WHOLE + "    return f" + "()" * 400 + "\n" + "    x = 1\n" * 200),
    "digits": lambda folder: module_folder(folder, WHOLE + f"    return {'7' * 4000}\n" + "    x = y\n" * 200),
    "more digits": lambda folder: module_folder(folder, WHOLE + f"    return {'7' * 5000}\n"),
    "nested": lambda folder: module_folder(folder, WHOLE + f"    return {MANY_NESTED}\n" + "    x = y\n" * 200),
    "too nested": lambda folder: module_folder(folder, "(" * 5000),
    "blocks": lambda folder: module_folder(folder, "".join(" " * i + "if 1:\n" for i in range(200)) + " " * 200 + "1"),
    "null bytes": lambda folder: module_folder(folder, b"x = 1\0\n"),
    "latin": lambda folder: module_folder(folder, "# é\n".encode("latin-1")),
    "surrogates": lambda folder: module_folder(folder, WHOLE + '    raise ValueError("\\ud800" * 3)\n'),
    "exits": lambda folder: module_folder(folder, "import os\nos._exit(0)\n"),
    "right\u202eto left": lambda folder: module_folder(folder, WHOLE + "    return 4\n"),
    "a\nnew line": lambda folder: module_folder(folder, WHOLE + "    return 5\n"),
    "half \udce9": lambda folder: module_folder(folder, WHOLE + "    return 6\n"),
    "=cmd|'calc'!A0": lambda folder: module_folder(folder, WHOLE + "    return 7\n"),
    "<script>alert(1)</script>".replace("/", "\u2215"): lambda folder: module_folder(folder, WHOLE + "    return 8\n"),
    LONG: lambda folder: module_folder(folder, WHOLE + "    return 9\n"),
    # Alike but for what reports clean away.
    "same\u200fname": lambda folder: module_folder(folder, WHOLE + "    return 10\n"),
    "same\u200ename": lambda folder: module_folder(folder, WHOLE + "    return 11\n"),
}


@pytest.fixture
def odd_class(tmp_path: Path, make_submission: Callable[..., Path]) -> Iterator[Path]:
    make_submission("ann", conv_output_size="solved")
    folder = tmp_path / "class"
    for name, make in ODD.items():
        make(folder / name)
    yield folder
    (folder / "locked" / "locked").chmod(0o700)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_odd_submissions_cost_themselves_and_nobody_else(
    odd_class: Path, tmp_path: Path, make_submission: Callable[..., Path]
) -> None:
    out = tmp_path / "out"
    shown = run("class", odd_class, "--out", out, *ONLY, "--seed", "5", cwd=tmp_path)
    assert shown.returncode == 1, shown.stderr
    assert "Traceback" not in shown.stdout + shown.stderr
    assert "could not be read or graded: " in shown.stdout
    results = results_of(out)
    assert set(results) == {"ann", *ODD}
    alone = grade(odd_class / "ann", [exercises()["conv_output_size"]], seed=5).as_dict()
    changing = ("seconds", "finished", "learners", "exercises")
    assert {key: value for key, value in results["ann"].items() if key not in changing} == {
        key: value for key, value in alone.items() if key not in changing
    }
    assert results["ann"]["score"] == results["ann"]["maximum"]
    for name in ODD:
        assert results[name]["score"] == 0, name
    unreadable = {name for name, result in results.items() if result["unreadable"]}
    assert unreadable >= {"empty", "deep"}
    for name in unreadable:
        (told,) = results[name]["notes"]
        assert told
        assert "\n" not in told
    pages = list((out / "learners").glob("*.html"))
    assert len(pages) == len(results), "a page each, also for names that look alike"
    index = (out / "index.html").read_text(encoding="utf-8")
    assert "<script" not in index
    rows = list(csv.reader(io.StringIO((out / "gradebook.csv").read_text(encoding="utf-8-sig"), newline="")))
    assert len(rows) == 1 + len(results)
    assert {"a\nnew line", "=cmd|'calc'!A0", "right\u202eto left", LONG} <= {row[0] for row in rows}


def test_whatever_reading_or_comparing_raises_is_that_submissions_own(
    make_submission: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ann", "bo"):
        make_submission(name, conv_output_size="solved", correlate2d="solved", conv2d="solved", im2col="solved")
    found = submissions_in(tmp_path / "class").submissions
    real = classroom.read_submission

    def reads(paths: Any) -> Submission:
        if paths[0].name == "bo":
            raise MemoryError("no more")
        return real(paths)

    monkeypatch.setattr(classroom, "read_submission", reads)
    read = {name: classroom.read_one(one) for name, one in found.items()}
    assert isinstance(read["ann"], Submission)
    assert read["bo"] == classroom.Unreadable("reading it failed: MemoryError: no more")
    body = likeness._body

    def breaks(node: Any, source: str) -> str:
        if "broken" in source:
            raise RuntimeError("odd")
        return body(node, source)

    monkeypatch.setattr(likeness, "_body", breaks)
    monkeypatch.setattr(classroom, "read_submission", real)
    read = {name: classroom.read_one(one) for name, one in found.items()}
    bad = Submission(Path("cy"), {"convolution": "# broken\ndef f(): return 1\n"})
    told = likeness.alike({**read, "cy": bad})
    assert told.not_compared == {"cy": "RuntimeError: odd"}
    assert [pair[:2] for pair in told.pairs] == [("ann", "bo")]


# --------------------------------------------------------------------------------------------------- likeness


def generated(seed: int, of: int = 60) -> Submission:
    """Code of its own by `seed`, with parts that others may have as well."""
    own, lines = random.Random(seed), []
    for i in range(of):
        line = random.Random(i) if own.random() < 0.4 else own
        lines.append(
            f"    v{i} = a[{line.randrange(99)}:{line.randrange(99)}].{line.choice(['sum', 'max'])}(b, {line.random():.6f})"
        )
    return Submission(Path(str(seed)), {"convolution": "def helper(a, b):\n" + "\n".join(lines) + "\n    return v1\n"})


def copied(one: Submission, share: float) -> Submission:
    """The first lines of another's, the rest of its own, under other names."""
    theirs, own = one.sources["convolution"].splitlines(), generated(999).sources["convolution"].splitlines()
    cut = int(share * len(theirs))
    text = "\n".join([*theirs[:cut], *own[cut:]]).replace("v1", "first").replace("a[", "array[")
    return Submission(one.path, {"convolution": text + "\n"})


def test_the_index_finds_the_pairs_that_comparing_all_pairs_finds() -> None:
    from copydetect import CodeFingerprint, compare_files

    submissions = {f"s{i:02}": generated(i) for i in range(12)}
    submissions |= {
        f"copy of {i} {share}": copied(generated(i), share) for i in range(4) for share in (0.5, 0.8, 0.95, 1)
    }
    assert len(submissions) < likeness.BIG_CLASS
    prints = {}
    for name, one in submissions.items():
        code = likeness.nameless(likeness._own_code(one.sources))
        prints[name] = CodeFingerprint(
            "x.py", k=likeness.GRAM, win_size=likeness.WINDOW, filter=False, fp=io.StringIO(code)
        )
    names, all_pairs = list(prints), {}
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            share = max(compare_files(prints[first], prints[second])[1])
            if share >= likeness.ALIKE:
                all_pairs[first, second] = pytest.approx(share)
    assert len(all_pairs) >= 8
    found = likeness.alike(submissions).pairs
    assert {(first, second): share for first, second, share in found} == all_pairs
    assert [share for *_, share in found] == sorted((share for *_, share in found), reverse=True)


def test_what_a_third_of_a_big_class_wrote_is_nobody_s_own_and_worked_answers_may_be_left_out() -> None:
    common = "\n".join(f"    w{i} = a[{i}:{i + 3}].sum(b, 0.{i:03})" for i in range(80))
    crowd = {}
    for i in range(likeness.BIG_CLASS):
        text = generated(i, of=8).sources["convolution"]
        crowd[f"s{i}"] = Submission(Path("x"), {"convolution": text.replace(":\n", f":\n{common}\n", 1)})
    few = dict(list(crowd.items())[:5])
    assert len(likeness.alike(few).pairs) == 10, "in a small class all of it counts"
    assert likeness.alike(crowd).pairs == []
    worked = likeness._worked()
    ours = {"ann": Submission(Path("a"), worked), "bo": Submission(Path("b"), worked)}
    assert len(likeness.alike(ours).pairs) == 1
    assert likeness.alike(ours, ignore_solutions=True).pairs == []


# ------------------------------------------------------------------------------------------- kept, locked, seeded


def test_the_fingerprint_of_a_course_is_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("deconv_grader", "deconvlib", "deconv_solutions", "deconv_tests"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "a.py").write_text("x = 1")
    monkeypatch.setattr(course, "_folders", lambda: {p.name: p for p in sorted(tmp_path.iterdir())})
    now = course.course_fingerprint.__wrapped__
    seen = {now()}
    assert now() in seen
    for name in ("deconv_grader", "deconvlib", "deconv_solutions", "deconv_tests"):
        for text in ("x = 2", "x = 3"):  # a second edit, too
            (tmp_path / name / "sub" / "a.py").write_text(text)
            assert now() not in seen
            seen.add(now())
    for ignored in ("deconv_tests/grader", "deconv_tests/course", "deconv_solutions/__pycache__"):
        (tmp_path / ignored).mkdir()
        (tmp_path / ignored / "test_x.py").write_text("y")
    assert now() in seen, "what tests the grader grades nobody"
    known = course.versions()
    for library in ("python", "numpy", "hypothesis", "pytest", "torch"):
        monkeypatch.setattr(course, "versions", lambda library=library: known | {library: "0"})
        assert now() not in seen


def test_answers_in_a_checkout_are_no_part_of_the_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what is hashed nor what `deconv new-autograder` packs: a chapter is there as it is handed out."""
    files = {"__init__.py": "door", "convolution.py": "my answers", "mine.py": "my notes", "mine/a.py": "my notes"}
    for name, text in (files | {"course/stubs/convolution.py": "handed out", "course/data.py": "data"}).items():
        path = tmp_path / "deconvlib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(course, "PACKAGE", tmp_path / "deconvlib")
    found = {
        name: path.read_text(encoding="utf-8") for name, path in course.course_files() if name.startswith("deconvlib/")
    }
    assert found == {
        "deconvlib/__init__.py": "door",
        "deconvlib/convolution.py": "handed out",
        "deconvlib/course/stubs/convolution.py": "handed out",
        "deconvlib/course/data.py": "data",
    }
    before = course.course_fingerprint.__wrapped__()
    (tmp_path / "deconvlib" / "convolution.py").write_text("another answer", encoding="utf-8")
    assert course.course_fingerprint.__wrapped__() == before
    (tmp_path / "deconvlib" / "course" / "stubs" / "convolution.py").write_text("another task", encoding="utf-8")
    assert course.course_fingerprint.__wrapped__() != before


def test_another_course_setting_or_seed_is_graded_again(
    make_submission: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_submission("ann", conv_output_size="solved")
    found = submissions_in(tmp_path / "class").submissions
    seen: list[str] = []

    def again(**settings: Any) -> int:
        seen.clear()
        wanted = classroom.Settings(only=("conv_output_size",), **settings)
        (grading,) = classroom.grade_class(
            found, tmp_path / "out", wanted, workers=1, report=lambda name, done, total: seen.append(name)
        )
        assert grading.seed is not None
        return grading.seed

    first = again()
    assert (again(), seen) == (first, []), "the seed is kept, and so is the result"
    assert (again(seed=first), seen) == (first, [])
    assert (again(seed=first + 1), seen) == (first + 1, ["ann"])
    again(level="rlimits")
    assert seen == ["ann"]
    monkeypatch.setattr(classroom, "course_fingerprint", lambda: "another")
    again(level="rlimits")
    assert seen == ["ann"]


HOLD = """
import sys, time
from pathlib import Path
from deconv_grader.grading.kept import one_run_at_a_time
with one_run_at_a_time(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_run_is_refused_while_the_first_lives_and_not_after_it_was_killed(
    make_submission: Callable[..., Path], tmp_path: Path
) -> None:
    make_submission("ann")
    out = tmp_path / "out"
    out.mkdir()
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(out)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        shown = run("class", tmp_path / "class", "--out", out, *ONLY, cwd=tmp_path)
        assert shown.returncode == 2
        assert "another run" in shown.stderr
        assert len(shown.stderr.strip().splitlines()) == 1
        with pytest.raises(InUse), one_run_at_a_time(out):
            pass
    finally:
        holder.kill()
        holder.wait()
    assert (out / LOCK).exists(), "the file stays; it is the process that holds it"
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with one_run_at_a_time(out):
                break
        except InUse:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_seed_gives_the_same_cases_in_every_process_and_order_and_another_seed_others(
    make_submission: Callable[..., Path], tmp_path: Path
) -> None:
    """A wrong answer's result holds a drawn call: the same for the same seed, whatever else is graded and imported."""
    wrong = "    raise ValueError(f'{size} {kernel} {stride} {padding} {dilation}')\n"
    folder = make_submission("ann", conv_output_size=wrong, insert_zeros="    raise ValueError(repr(y))\n")

    def calls(*names: str, seed: int | None) -> dict[str, list[str]]:
        graded = grade(folder, [exercises()[name] for name in names], seed=seed)
        return {
            result.exercise.name: [check.feedback.call if check.feedback else "" for check in result.checks]
            for result in graded.results
        }

    first = calls("conv_output_size", "insert_zeros", seed=11)
    assert calls("insert_zeros", "conv_output_size", seed=11) == first
    assert calls("insert_zeros", seed=11)["insert_zeros"] == first["insert_zeros"]
    shown = run("grade", folder, *ONLY, "--seed", 11, "--json", tmp_path / "r.json", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    facts = json.loads((tmp_path / "r.json").read_text())
    checks = facts["exercises"]["convolution.conv_output_size"]["checks"]
    assert [check["feedback"]["call"] if check["feedback"] else "" for check in checks] == first["conv_output_size"]
    assert facts["seed"] == 11


RECORDED = """
import json
from deconv_grader.checks.in_process import InProcess
from deconv_grader.checks.runner import run
from deconvlib.course.catalogue import exercises
from deconvlib.course.exercise import reference

seen = {}
def conv_output_size(*args, **keywords):
    key = repr((args, sorted(keywords.items())))
    try:
        seen[key] = reference("convolution.conv_output_size")(*args, **keywords)
    except Exception as error:
        seen[key] = type(error).__name__
        raise
    return seen[key]

run([exercises()["conv_output_size"]], InProcess({"conv_output_size": conv_output_size}))
print(json.dumps(seen))
"""
TABLE = """
def conv_output_size(*args, **keywords):
    found = TABLE[repr((args, sorted(keywords.items())))]
    if isinstance(found, str):
        raise {"ValueError": ValueError, "TypeError": TypeError}[found](
            "size kernel stride padding dilation must be integers; does not fit " + repr((args, keywords)))
    return found
"""


def test_constants_written_down_for_practice_earn_nothing_under_a_seed_nobody_has_seen(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RECORDED], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    seen = json.loads(done.stdout)
    assert len(seen) > 30
    submission = Submission(Path("table"), {"convolution": f"TABLE = {seen!r}\n{TABLE}"})
    exercise = exercises()["conv_output_size"]

    def drawn(seed: int | None) -> dict[str, str]:
        from deconv_grader.checks.runner import run as check
        from deconv_grader.isolation.isolated import IsolatedAnswers

        answers = IsolatedAnswers(submission)
        try:
            (result,) = check([exercise], answers, reveal=False, seed=seed)
        finally:
            answers.close()
        return {part.title: part.status for part in result.checks}

    practice = drawn(None)
    assert practice["any numbers"] == "passed", "practice draws the same cases every time"
    assert drawn(20260101)["any numbers"] != "passed"
    assert drawn(None) == practice, "a seed leaves nothing behind"


def test_a_fresh_seed_is_drawn_for_every_grading(make_submission: Callable[..., Path]) -> None:
    folder = make_submission("ann")
    seeds = {grade(folder, [exercises()["conv_output_size"]]).seed for _ in range(2)}
    assert len(seeds) == 2


# ----------------------------------------------------------------------------------------------------- gradebook


def test_a_gradebook_has_a_row_a_learner_with_total_and_exercises_and_names_as_they_are() -> None:
    first, second = list(exercises().values())[:2]
    results = [ExerciseResult(first), ExerciseResult(second)]
    names = ["Ann Lee", "=SUM(A1)", "+1", "-x", "@y", "Ö, é", 'say "hi"', "two\nlines"]
    gradings = [
        Grading(f"s{i}", results, "landlock", 1.0, learners=[{"name": name, "id": f"00{i}"}])
        for i, name in enumerate(names)
    ]
    gradings.append(
        Grading("team", results, "landlock", 1.0, learners=[{"name": "A", "id": ""}, {"name": "B", "id": ""}])
    )
    text = to_gradebook(gradings)
    assert text.startswith("\ufeff"), "or Excel takes it for a code page"
    rows = list(csv.DictReader(io.StringIO(text[1:], newline="")))
    assert [row["name"] for row in rows] == [*names, "A", "B"]
    assert [row["id"] for row in rows[:2]] == ["000", "001"]
    assert rows[0]["total"] == "0"
    assert rows[0]["maximum"] == str(first.points + second.points)
    assert rows[0]["percent"] == "0.0"
    assert rows[0][first.id] == "0"
    assert rows[0][second.id] == "0"


# ------------------------------------------------------------------------------------------------------ the command


def test_a_class_in_the_folder_it_is_called_in_does_not_grade_its_own_report(
    make_submission: Callable[..., Path], tmp_path: Path
) -> None:
    make_submission("ann", conv_output_size="solved")
    for _ in range(2):
        shown = run("class", ".", *ONLY, cwd=tmp_path / "class")
        assert shown.returncode == 0, shown.stderr
        assert "1 submissions" in shown.stdout
    assert "class-report in the folder of the class is ignored" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("class", "class", "--out", "file"), "is a file"),
        (("class", "class", "--out", "file/below"), "cannot be written"),
        (("class", "class", "--out", "class"), "folder of the submissions itself"),
        (("class", "class", "--require-isolation", "best"), "no isolation level"),
        (("class", "all.zip"), "unpack it"),
        (("grade", "class/ann", "--require-isolation", "best"), "no isolation level"),
        (("grade", "class/ann", "--seed", "-1"), "seed"),
    ],
)
def test_bad_use_is_one_line(tmp_path: Path, make_submission: Callable[..., Path], arguments: Any, word: str) -> None:
    make_submission("ann")
    (tmp_path / "file").write_text("x")
    (tmp_path / "all.zip").write_bytes(b"PK")
    shown = run(*arguments, cwd=tmp_path)
    assert shown.returncode == 2, shown.stdout
    assert word in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1


def test_a_submission_has_a_budget_and_the_next_one_its_own(
    make_submission: Callable[..., Path], tmp_path: Path
) -> None:
    """Checks that each stay under their deadline end all the same, in words; another submission is graded in full."""
    slow = (
        "    import time\n    until = time.process_time() + 1.5\n    while time.process_time() < until:\n        pass\n"
    )
    names = ("conv_output_size", "im2col", "insert_zeros", "avg_pool2d")
    make_submission("slow", **dict.fromkeys(names, slow + "    return 1\n"))
    make_submission("ann", **dict.fromkeys(names, "solved"))
    wanted = classroom.Settings(only=names, seconds=3.0)
    found = submissions_in(tmp_path / "class").submissions
    ann, late = classroom.grade_class(found, tmp_path / "out", wanted, workers=1)
    assert ann.score == ann.maximum
    assert late.score == 0
    told = [check.feedback for result in late.results for check in result.checks if check.status == "timed out"]
    assert any(part and "the whole submission" in part.headline for part in told)
    assert late.results[-1].status == "timed out"
    assert classroom.Settings().seconds == 300.0
