"""`deconv watch` in a pseudo-terminal, as a learner uses it."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deconv_tests.patience import PATIENCE

pty = pytest.importorskip("pty", reason="no pseudo-terminals on this system")

from deconv_grader.answers.editing import write  # noqa: E402
from deconv_grader.answers.workspace import start  # noqa: E402
from deconvlib.course.catalogue import exercises  # noqa: E402

from .conftest import solved  # noqa: E402

FIRST, SECOND = "conv_output_size", "correlate2d"
PROMPT = "q quit"


class Terminal:
    """A running `deconv watch` and what it has shown so far."""

    def __init__(self, folder: Path, *names: str, **environment: str):
        self.folder = folder
        self.shown = ""
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deconv_grader", "watch", *names],
            cwd=folder,
            env=os.environ | {"DECONV_WORKSPACE": str(folder), "TERM": "xterm", "COLUMNS": "120"} | environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def read(self, seconds: float) -> None:
        """Take in what is shown within `seconds`, or until something is."""
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", os.read(self.master, 1 << 16).decode())
            except OSError:  # the other end is closed
                time.sleep(0.01)

    def wait_for(self, *words: str) -> str:
        """What was shown up to the last of `words`, which come one after the other; the rest is kept for later."""
        until = time.monotonic() + PATIENCE
        taken = ""
        for word in words:
            while word not in self.shown:
                assert time.monotonic() < until, f"{word!r} did not come; shown: {taken + self.shown}"
                self.read(0.1)
            before, _, self.shown = self.shown.partition(word)
            taken += before + word
        return taken

    def quiet(self, seconds: float) -> str:
        """What is shown within the next `seconds`."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.read(0.05)
        return self.shown

    def press(self, key: str) -> None:
        os.write(self.master, key.encode())

    def save(self, name: str, body: str = "solved") -> None:
        beside = ""
        if body == "solved":
            body, beside = solved(name)
        exercise = exercises()[name]
        write(self.folder / "deconvlib" / f"{exercise.chapter}.py", exercise, body, beside)

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.master)


@pytest.fixture
def watching(tmp_path) -> Iterator:
    begun = []

    def begin(*names: str, **environment: str) -> Terminal:
        start(tmp_path)
        begun.append(Terminal(tmp_path, *names, **environment))
        return begun[-1]

    yield begin
    for terminal in begun:
        terminal.end()


def test_a_session_from_the_first_exercise_to_the_ending(watching):
    terminal = watching(FIRST, SECOND)
    shown = terminal.wait_for("0 of 2 passed", FIRST, "not started", PROMPT)
    assert "All" not in shown

    hints = exercises()[FIRST].hints
    terminal.press("h")
    terminal.wait_for(f"Hint 1 of {len(hints)}", hints[0][:30])
    terminal.press("h")
    terminal.wait_for(f"Hint 2 of {len(hints)}", hints[1][:30])

    terminal.press("s")
    shown = terminal.wait_for("Press s once more")
    assert f"def {FIRST}" not in shown, "it asks first"
    terminal.press("s")
    terminal.wait_for(f"def {FIRST}")

    terminal.save(FIRST, "    return 1234\n")
    terminal.wait_for(FIRST, "✗", "was expected", PROMPT)

    terminal.save(FIRST)
    terminal.wait_for("0 of 2 passed", "✓", "Passed. 1 of 2 now", PROMPT)
    assert SECOND not in terminal.quiet(1.0), "it never goes on by itself"

    terminal.press("n")
    terminal.wait_for("1 of 2 passed", SECOND, "not started", PROMPT)
    terminal.press("p")
    terminal.wait_for("1 of 2 passed", FIRST, "Passed.", PROMPT)
    terminal.press("n")
    terminal.wait_for(SECOND, "not started", PROMPT)

    terminal.save(SECOND)
    points = exercises()[FIRST].points + exercises()[SECOND].points
    # Both stand in one file, which has changed: the first is checked again before the ending is told.
    shown = terminal.wait_for("✓", SECOND, PROMPT)
    assert f"All 2 exercises are passed: {points} points." in shown
    terminal.press("q")
    assert terminal.process.wait(timeout=PATIENCE) == 0


def test_polling_where_file_events_are_missing(watching):
    terminal = watching(FIRST, DECONV_POLL="1")
    terminal.wait_for("not started", PROMPT)
    terminal.save(FIRST)
    terminal.wait_for("✓", "All 1 exercises are passed", PROMPT)
    terminal.press("q")
    assert terminal.process.wait(timeout=PATIENCE) == 0


def test_a_loop_without_an_end_and_an_exit_cost_the_check_alone(watching):
    terminal = watching(FIRST)
    terminal.wait_for("not started", PROMPT)
    terminal.save(FIRST, "    import os\n    os._exit(0)\n")
    terminal.wait_for("ended its process, with exit status 0", "line", "os._exit(0)", PROMPT)
    terminal.save(FIRST, "    while True:\n        pass\n")
    terminal.wait_for("timed out", PROMPT)
    terminal.save(
        FIRST, "    try:\n        while True:\n            pass\n    finally:\n        while True:\n            pass\n"
    )
    terminal.wait_for("0 of 1 passed")
    time.sleep(0.5)
    terminal.save(FIRST)  # while the loop is still going round
    terminal.wait_for("Saved again", "✓", PROMPT)
    terminal.press("q")
    assert terminal.process.wait(timeout=PATIENCE) == 0
