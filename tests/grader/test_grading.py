"""`deconv grade` and `deconv class`, on submissions made on the spot."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from deconv_grader.answers.submissions import submissions_in
from deconv_grader.grading import classroom, likeness
from deconv_grader.grading.grade import IN_PROCESS, grade
from deconv_grader.grading.kept import RESULTS
from deconv_grader.isolation import libraries
from deconv_grader.values.failures import CannotIsolate
from deconv_tests.patience import PATIENCE
from deconvlib.course.catalogue import CHAPTERS, exercises

EASY = ("conv_output_size", "insert_zeros")


def chosen(*names):
    return [exercises()[name] for name in names]


def status_of(grading):
    return {result.exercise.name: (result.status, result.points) for result in grading.results}


def test_right_wrong_missing_and_broken_are_told_apart(make_submission):
    folder = make_submission(
        conv_output_size="solved",
        insert_zeros="    return y.copy()\n",
        sliding_max="    import scipy.ndimage\n    return scipy.ndimage.maximum_filter(y, kernel)\n",
        avg_pool2d="    while True:\n        pass\n",
    )
    names = ("conv_output_size", "correlate2d", "insert_zeros", "sliding_max", "avg_pool2d")
    graded = grade(folder, chosen(*names))
    assert status_of(graded) == {
        "conv_output_size": ("passed", exercises()["conv_output_size"].points),
        "correlate2d": ("not started", 0),
        "insert_zeros": ("failed", 0),
        "sliding_max": ("forbidden", 0),
        "avg_pool2d": ("timed out", 0),
    }
    assert graded.maximum == sum(exercises()[name].points for name in names)


def test_a_module_that_does_not_import_costs_that_module(make_submission):
    # insert_zeros stands in a module that imports the broken one: it is answered by the reference there.
    folder = make_submission(conv_output_size="solved", insert_zeros="solved")
    later = folder / "deconvlib" / "transposed_convolution.py"
    assert "from deconvlib.convolution import" in later.read_text()
    path = folder / "deconvlib" / "convolution.py"
    path.write_text(path.read_text() + "\ndef broken(:\n")
    graded = grade(folder, chosen(*EASY))
    assert [result.status for result in graded.results] == ["crashed", "passed"]
    assert "convolution.py" in graded.results[0].problem
    assert "line" in graded.results[0].problem


def test_a_wrong_prerequisite_is_charged_once(make_submission):
    folder = make_submission(conv2d="solved", im2col="    return np.zeros((1, 1, 1))\n")
    grading = grade(folder, chosen("im2col", "conv2d"))
    graded = status_of(grading)
    assert grading.results[1].wrong_needs == ("im2col",), "and the report says which one is still wrong"
    assert graded["im2col"][1] == 0
    assert graded["conv2d"] == ("passed", exercises()["conv2d"].points)


def test_hidden_checks_keep_what_they_expect(make_submission):
    folder = make_submission(conv_output_size="    return 1234567\n", correlate2d="    return x[0, 1:, 1:].copy()\n")
    for result in grade(folder, chosen("conv_output_size", "correlate2d")).results:
        hidden = [check for check in result.checks if check.hidden]
        assert hidden
        for check in hidden:
            assert check.feedback is not None
            assert check.feedback.expected == []
            assert "was expected, not 1234567" not in check.feedback.note or "another value" in check.feedback.note


def test_a_warning_costs_nothing(make_submission, solved):
    loud = "    import warnings\n    warnings.warn('odd')\n    print('talk')\n"
    folder = make_submission(conv_output_size=loud + solved("conv_output_size")[0])
    assert status_of(grade(folder, chosen("conv_output_size")))["conv_output_size"][0] == "passed"


def run(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, "-m", "deconv_grader", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"DECONV_WORKSPACE": "none"} | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_the_command_writes_every_format_and_exits_0_whatever_the_score(make_submission, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    folder = make_submission(conv_output_size="    return 0\n")
    kinds = ("json", "junit", "gradescope", "classroom50", "csv", "markdown")
    options = [part for kind in kinds for part in (f"--{kind}", out / kind)]
    shown = run("grade", folder, "--only", "conv_output_size", *options, cwd=out)
    assert shown.returncode == 0, shown.stderr
    assert all((out / kind).stat().st_size for kind in kinds)
    result = json.loads((out / "json").read_text())
    assert result["score"] == 0
    assert result["isolation"] in ("landlock", "bubblewrap", "seccomp", "rlimits", "process")
    assert f"isolation: {result['isolation']}" in shown.stdout


def test_in_process_must_be_asked_for_and_is_written_down(make_submission, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    folder = make_submission(conv_output_size="solved")
    shown = run("grade", folder, "--only", "conv_output_size", "--in-process", "--json", out / "r.json", cwd=out)
    assert shown.returncode == 0, shown.stderr
    result = json.loads((out / "r.json").read_text())
    assert result["isolation"] == IN_PROCESS
    assert result["notes"]
    assert result["score"] == result["maximum"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("grade", "nowhere"), "does not exist"),
        (("grade", ".", "--only", "conv3d"), "no exercise"),
        (("grade", ".", "--isolation", "steel"), "no isolation level"),
        (("grade", ".", "--json", "missing/r.json"), "the folder of"),
        (("class", "nowhere"), "is no folder"),
        (("class", "."), "holds no submission"),
        (("new-class", "new", "--course", "nonsense", "--ref", "v1"), "OWNER/NAME"),
    ],
)
def test_bad_use_is_one_line_and_exit_code_2(tmp_path, arguments, word):
    shown = run(*arguments, cwd=tmp_path)
    assert shown.returncode == 2
    assert word in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1


def test_a_starter_repository_holds_stubs_and_calls_the_courses_workflow(tmp_path):
    yaml = pytest.importorskip("yaml")
    shown = run("new-class", "starter", "--course", "owner/course", "--ref", "v1", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    caller = yaml.safe_load((tmp_path / "starter" / ".github" / "workflows" / "grade.yml").read_text())
    assert caller["jobs"]["grade"]["uses"] == "owner/course/.github/workflows/grade.yml@v1"
    assert (tmp_path / "starter" / "deconvlib" / "convolution.py").is_file()
    assert grade(tmp_path / "starter", chosen("conv_output_size")).results[0].status == "not started"


# ------------------------------------------------------------------------------------------------------------- a class


def test_a_class_is_graded_kept_and_not_graded_again(make_submission, tmp_path):
    make_submission("ann", conv_output_size="solved")
    make_submission("bob", conv_output_size="    import os\n    os._exit(0)\n")
    make_submission("cyd")
    (tmp_path / "class" / "dan.py").write_text("nothing to grade")
    settings = classroom.Settings(only=("conv_output_size",))
    out = tmp_path / "out"
    seen = []
    first = classroom.grade_class(
        submissions_in(tmp_path / "class").submissions,
        out,
        settings,
        report=lambda name, done, total: seen.append(name),
    )
    statuses = {grading.submission: grading.results[0].status for grading in first}
    assert statuses == {"ann": "passed", "bob": "crashed", "cyd": "not started", "dan.py": "crashed"}
    assert sorted(seen) == sorted(statuses)
    seen.clear()
    again = classroom.grade_class(
        submissions_in(tmp_path / "class").submissions,
        out,
        settings,
        report=lambda name, done, total: seen.append(name),
    )
    assert seen == []
    assert [grading.as_dict() for grading in again] == [grading.as_dict() for grading in first]
    make_submission("cyd", conv_output_size="solved")
    third = classroom.grade_class(
        submissions_in(tmp_path / "class").submissions,
        out,
        settings,
        report=lambda name, done, total: seen.append(name),
    )
    assert seen == ["cyd"], "what changed is graded again, and nothing else"
    assert {grading.submission: grading.results[0].status for grading in third}["cyd"] == "passed"


def _children_of(parent):
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if int(line.split()[1]) == parent]


def _alive(pid):
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(listed.strip()) and not listed.strip().startswith("Z")


def test_a_killed_run_goes_on_without_losing_or_repeating_any(make_submission, tmp_path):
    for i in range(6):
        make_submission(f"learner-{i}", conv_output_size="solved" if i % 2 else "    return 3\n")
    out = tmp_path / "out"
    command = ["class", tmp_path / "class", "--out", out, "--only", "conv_output_size", "--workers", "1"]
    killed = subprocess.Popen(
        [sys.executable, "-m", "deconv_grader", *map(str, command)],
        cwd=tmp_path,
        env=os.environ | {"DECONV_WORKSPACE": "none"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    results = out / RESULTS
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and not (results.is_file() and results.read_bytes().count(b"\n") >= 2):
        time.sleep(0.01)
    children = _children_of(killed.pid)
    assert children
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and any(map(_alive, children)):
        time.sleep(0.05)
    assert not any(map(_alive, children)), "what it had started ends with it"
    kept = results.read_bytes()
    assert kept.count(b"\n") >= 2
    results.write_bytes(kept + b'{"fingerprint": "torn')  # a line that the kill cut off
    shown = run(*command, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    lines = [json.loads(line) for line in results.read_text().splitlines() if line.endswith("}")]
    names = [entry["result"]["submission"] for entry in lines if "result" in entry]
    assert sorted(names) == [f"learner-{i}" for i in range(6)], "each once"
    assert (out / "index.html").is_file()


def test_a_copy_with_other_names_is_found_and_honest_work_is_not(make_submission, tmp_path, solved):
    names = [name for name, exercise in exercises().items() if exercise.chapter == "convolution"]
    make_submission("original", **dict.fromkeys(names, "solved"))
    copy = make_submission("copy", **dict.fromkeys(names, "solved"))
    path = copy / "deconvlib" / "convolution.py"
    path.write_text(path.read_text().replace("windows", "patches").replace("k_height", "kh").replace("out_h", "rows"))
    make_submission(
        "honest",
        conv2d="".join(f"    value_{i} = x.sum() * {i} + w.mean()\n" for i in range(40)) + "    return value_39\n",
        im2col="".join(f"    if kernel == {i}:\n        raise ValueError('no {i}')\n" for i in range(40)),
    )
    submissions = submissions_in(tmp_path / "class").submissions
    pairs = likeness.alike({name: classroom.read_one(one) for name, one in submissions.items()}).pairs
    assert [pair[:2] for pair in pairs] == [("copy", "original")]


def test_without_pytorch_its_chapters_are_refused_in_words_and_the_others_graded(make_submission, monkeypatch):
    submission = make_submission("ann", conv_output_size="solved")
    known = exercises()
    found = libraries.importlib.util.find_spec
    monkeypatch.setattr(
        libraries.importlib.util, "find_spec", lambda name, *a: None if name == "torch" else found(name, *a)
    )
    of_torch = {exercise.chapter for exercise in known.values() if "torch" not in exercise.forbids}
    numbers = ", ".join(str(number) for chapter, number in CHAPTERS.items() if chapter in of_torch)
    assert numbers.startswith("7, 8, 9, 10")
    with pytest.raises(CannotIsolate, match=f"chapters {numbers} cannot be checked without it: pip install .*--only"):
        grade(submission)
    assert grade(submission, [known["conv_output_size"]]).score == known["conv_output_size"].points
