"""Systems that lack what Linux has: the learner's half of the command line works there, and says what is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deconv_grader.answers.workspace import start
from deconv_tests.patience import PATIENCE

# Runs before anything else in the process, and in its children: takes away what $LACKING names.
PRELUDE = """
import builtins, io, os, select, sys

lacking = os.environ["LACKING"].split()
for name in ("poll", "epoll"):  # before the standard library's own modules look for them
    if name in lacking and hasattr(select, name):
        delattr(select, name)
import signal, socket

for module, names in {
    os: ("fork", "forkpty", "pidfd_open", "O_NOFOLLOW", "O_NONBLOCK", "O_PATH", "O_DIRECTORY", "killpg", "sched_getaffinity"),
    signal: ("setitimer", "getitimer", "SIGALRM", "SIGVTALRM", "SIGPROF"),
    socket: ("send_fds", "recv_fds", "AF_UNIX"),
}.items():
    for name in names:
        if name in lacking and hasattr(module, name):
            delattr(module, name)
for name in ("resource", "termios", "tty", "fcntl", "pwd", "grp"):
    if name in lacking:
        sys.modules[name] = None
if "/proc" in lacking:

    def without_proc(function):
        def asked(path=".", *args, **keywords):
            if isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith("/proc"):
                raise FileNotFoundError(2, "No such file or directory", os.fspath(path))
            return function(path, *args, **keywords)

        return asked

    for module, names in {os: ("open", "stat", "lstat", "scandir", "listdir", "readlink"), io: ("open",)}.items():
        for name in names:
            setattr(module, name, without_proc(getattr(module, name)))
    builtins.open = io.open
"""
WINDOWS = (
    "fork forkpty pidfd_open O_NOFOLLOW O_NONBLOCK O_PATH O_DIRECTORY killpg sched_getaffinity poll epoll setitimer "
    "getitimer SIGALRM SIGVTALRM SIGPROF send_fds recv_fds AF_UNIX resource termios tty fcntl pwd grp /proc"
)
MACOS = "pidfd_open O_PATH epoll sched_getaffinity /proc"
SYSTEMS = {
    "like Windows": WINDOWS,
    "like macOS": MACOS,
    **{
        name: name
        for name in ("fork", "resource", "termios tty", "setitimer SIGALRM", "poll", "O_NOFOLLOW", "fcntl", "/proc")
    },
    "descriptors cannot be passed": "send_fds recv_fds",
}
RIGHT = (
    "if any(type(value) is bool or not isinstance(value, int) for value in (n, kernel, stride, padding, dilation)):\n"
    "        raise TypeError('whole numbers, please')\n"
    "    room = n + 2 * padding - dilation * (kernel - 1) - 1\n"
    "    if room < 0 or min(n, kernel, stride, dilation) < 1 or padding < 0:\n"
    "        raise ValueError('does not fit')\n"
    "    return room // stride + 1\n"
)
CELL = "def conv_output_size(n, kernel, stride=1, padding=0, dilation=1):\n    {}"


class System:
    """A workspace on such a system."""

    def __init__(self, lacking: str, folder: Path):
        self.workspace = folder / "mine"
        self.prelude = folder / "prelude"
        self.prelude.mkdir()
        (self.prelude / "sitecustomize.py").write_text(PRELUDE, encoding="utf-8")
        self.lacking = lacking
        start(self.workspace)
        self.module = self.workspace / "deconvlib" / "convolution.py"

    def complete(self, body: str) -> None:
        text = self.module.read_text(encoding="utf-8")
        at = text.index("raise NotImplementedError", text.index("def conv_output_size"))
        self.module.write_text(text[:at] + body + text[at + len("raise NotImplementedError") :], encoding="utf-8")

    def run(self, *arguments: str, module: str = "deconv_grader", stdin: str = "") -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(self.prelude), *filter(None, [os.environ.get("PYTHONPATH")])])
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.workspace,
            env=os.environ
            | {"PYTHONPATH": path, "LACKING": self.lacking, "DECONV_WORKSPACE": str(self.workspace), "NO_COLOR": "1"},
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        assert "a fault of the course" not in done.stderr, done.stderr
        return done


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest, tmp_path: Path) -> System:
    return System(SYSTEMS[request.param], tmp_path)


@pytest.fixture
def windows(tmp_path: Path) -> System:
    return System(WINDOWS, tmp_path)


def test_the_prelude_takes_away_what_it_says(windows):
    code = (
        "import os, select, signal, sys\n"
        "left = [n for m in (os, select, signal) for n in os.environ['LACKING'].split() if hasattr(m, n)]\n"
        "for name in ('resource', 'termios', 'fcntl'):\n"
        "    try: __import__(name)\n"
        "    except ImportError: continue\n"
        "    left.append(name)\n"
        "print(left, os.path.exists('/proc/self'))\n"
    )
    path = windows.workspace / "left.py"
    path.write_text(code, encoding="utf-8")
    assert windows.run(module="left").stdout == "[] False\n"


def test_check_tells_right_from_wrong(system):
    system.complete("return n - kernel")
    wrong = system.run("check", "conv_output_size")
    assert wrong.returncode == 1
    assert "✗ conv_output_size" in wrong.stdout
    assert "was expected, not" in wrong.stdout
    system.complete("pass")  # nothing is left to complete in that function: the next stub is another's
    system.module.write_text(
        system.module.read_text(encoding="utf-8").replace("return n - kernel", RIGHT), encoding="utf-8"
    )
    right = system.run("check", "conv_output_size")
    assert right.returncode == 0, right.stdout + right.stderr
    assert "4 of 4 points" in right.stdout


def test_the_cell_writes_and_checks(system):
    told = json.loads(
        system.run("conv_output_size", module="deconv_grader.cli.cell", stdin=CELL.format(RIGHT)).stdout.splitlines()[
            -1
        ]
    )
    assert told["action"] == "written"
    assert "4 of 4 points" in told["text"]
    assert "room // stride" in system.module.read_text(encoding="utf-8")


def test_the_rest_of_the_learners_half(windows):
    windows.complete(RIGHT)
    assert "Next:" in windows.run().stdout
    assert "unchecked" in windows.run("status").stdout
    assert "Hint 1 of" in windows.run("hint", "conv2d").stdout
    assert "def conv2d" in windows.run("solution", "conv2d").stdout
    assert windows.run("reset", "conv_output_size", "--yes").returncode == 0
    assert "room // stride" not in windows.module.read_text(encoding="utf-8")
    assert "convolution" in windows.run("restore").stdout
    assert windows.run("restore", "convolution", "1").returncode == 0
    assert "room // stride" in windows.module.read_text(encoding="utf-8")
    made = windows.run("start", "another")
    assert made.returncode == 0
    assert (windows.workspace / "another" / "deconvlib" / "convolution.py").is_file()


@pytest.mark.parametrize("arguments", [["check", "conv_output_size"], ["grade", "."], ["watch"]], ids=str)
def test_what_is_missing_is_said(windows, arguments):
    windows.complete("return 3")
    said = windows.run(*arguments).stderr
    assert "fork" in said
    assert len(said.splitlines()) == 1


def test_a_loop_and_an_exit_are_told_without_workers_too(windows):
    windows.complete("raise SystemExit(0)")
    shown = windows.run("check", "conv_output_size")
    assert shown.returncode == 1
    assert "conv_output_size" in shown.stdout
