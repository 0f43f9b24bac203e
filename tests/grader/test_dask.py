"""`deconv class --scheduler ADDRESS`: a class graded by the workers of a Dask cluster, one of them killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from deconv_grader.answers.submissions import submissions_in
from deconv_grader.grading import classroom
from deconv_grader.grading.kept import RESULTS
from deconv_tests.patience import PATIENCE

distributed = pytest.importorskip("distributed", reason="distributed is not installed (deconvlib[cluster])")

LEARNERS = 8
ENVIRONMENT = os.environ | {"DECONV_WORKSPACE": "none"}


@pytest.fixture
def cluster(tmp_path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two worker processes, with no nanny that would start a killed one again."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:], "--no-dashboard"],
            cwd=tmp_path,
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        begun.append(process)

    file = tmp_path / "scheduler.json"
    try:
        start("scheduler", "--port", "0", "--host", "127.0.0.1", "--scheduler-file", str(file))
        for _ in range(2):
            start("worker", "--scheduler-file", str(file), "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1")
        until = time.monotonic() + PATIENCE
        while not file.is_file() and time.monotonic() < until:
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        with distributed.Client(address, timeout=PATIENCE) as client:
            client.wait_for_workers(2, timeout=PATIENCE)
        yield address, begun[1:]
    finally:
        for process in begun:
            process.kill()
        for process in begun:
            process.wait()


def command(folder, out, address) -> list[str]:
    arguments = ["class", folder, "--out", out, "--only", "conv_output_size", "--scheduler", address]
    return [sys.executable, "-m", "deconv_grader", *map(str, arguments)]


def test_a_killed_dask_worker_loses_and_repeats_nothing(make_submission, cluster, tmp_path):
    address, workers = cluster
    for i in range(LEARNERS):
        make_submission(f"learner-{i:02d}", conv_output_size="solved" if i % 2 else "    return 3\n")
    (tmp_path / "class" / "essay.py").write_text("nothing to grade")
    out = tmp_path / "out"
    shown = tmp_path / "shown.txt"
    with open(shown, "wb") as screen:
        grading = subprocess.Popen(
            command(tmp_path / "class", out, address),
            cwd=tmp_path,
            env=ENVIRONMENT,
            stdout=screen,
            stderr=subprocess.STDOUT,
        )
        results = out / RESULTS
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and not (results.is_file() and results.read_bytes().count(b"\n") >= 3):
            assert grading.poll() is None, shown.read_text()
            time.sleep(0.01)
        os.kill(workers[0].pid, signal.SIGKILL)
        finished_before = results.read_bytes().count(b"\n")
        assert grading.wait(timeout=PATIENCE) == 1, shown.read_text()  # the essay could not be read
    assert 3 <= finished_before <= LEARNERS, "the kill came in the middle"
    entries = [json.loads(line)["result"] for line in results.read_text().splitlines()]
    names = [*(f"learner-{i:02d}" for i in range(LEARNERS)), "essay.py"]
    assert sorted(entry["submission"] for entry in entries) == sorted(names), "each once"
    states = {entry["submission"]: entry["exercises"]["convolution.conv_output_size"]["status"] for entry in entries}
    assert states == {
        "essay.py": "crashed",
        **{f"learner-{i:02d}": "passed" if i % 2 else "failed" for i in range(LEARNERS)},
    }
    assert (out / "index.html").is_file()


def test_a_scheduler_that_does_not_answer_and_a_worker_with_another_course_are_said_in_a_line(
    make_submission, tmp_path
):
    make_submission("ann")
    told = classroom._grade_on_worker("ann", classroom.Unreadable("text"), classroom.Settings(), "there")
    assert isinstance(told, str)
    assert "another course" in told
    with pytest.raises(classroom.ClusterTrouble, match="no Dask scheduler answers at nonsense"):
        classroom.grade_class(
            submissions_in(tmp_path / "class").submissions,
            tmp_path / "out",
            classroom.Settings(),
            scheduler="nonsense://a",
        )
