"""Every command and option with odd values, in odd places: an exit code that is documented, and never a traceback.

Commands and options are read from the command line itself, so a new one is tried without a word here. Most runs are made
in this process, through `main`; a sample is made as a shell would, with closed, full and broken streams.
"""

from __future__ import annotations

import inspect
import io
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints

import pytest
import typer
import typer.models

import deconvlib
from deconv_grader.answers.workspace import start
from deconv_grader.cli.app import main, whole_app
from deconv_tests.patience import PATIENCE

CODES = {0, 1, 2, 130}
SEED = 9
ODD_TEXTS = (
    *("", " ", "-", "--", "-1", "0", "nan", "1e9", "9" * 5000, "x" * 20_000, "conv2d", "convolution", "none", "best"),
    *(
        "\u202egnp.exe",
        "two\nlines\r\n",
        "null\0character",
        "caf\udce9-\udcff",
        "[bold]x[/",
        "[/]",
        "%s {0} $HOME",
        "١٢",
    ),
    *("🙂" * 300, "\x1b[2J\x07", "~", "~no-such-user-here", "tcp://127.0.0.1:1", "owner/name", "a/../../b"),
)
ODD_PATHS = (
    *(
        "",
        ".",
        "..",
        "/",
        "missing",
        "missing/below",
        "folder",
        "empty",
        "file",
        "file/below",
        "read-only",
        "read-only/new",
    ),
    *(
        "/dev/null",
        "/dev/null/below",
        "/dev/full",
        "/proc/nothing/here",
        "x" * 300,
        "x/" * 3000,
        "caf\udce9",
        "dangling",
    ),
    *("~no-such-user-here/x", "line\nbreak", "null\0", "loop", "pipe", "not.ipynb", "latin.py"),
)
VARIABLES: tuple[dict[str, str], ...] = (
    {"COLUMNS": "1"},
    {"COLUMNS": "100000", "LINES": "1"},
    {"COLUMNS": "wide"},
    {"COLUMNS": "-5"},
    {"TERM": "dumb"},
    {"TERM": "", "NO_COLOR": ""},
    {"FORCE_COLOR": "1", "TERM": "xterm"},
    *(
        {"DECONV_WORKSPACE": value}
        for value in ("", ".", "missing", "file", "x" * 5000, "~no-such-user-here/x", "caf\udce9")
    ),
)


class Option(NamedTuple):
    """One thing that a command takes."""

    flag: str  # "" for an argument
    kind: str
    switch: bool
    required: bool


def options(command: Callable[..., Any]) -> list[Option]:
    """What a command takes, by its signature."""
    found = []
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        if hints[name] is typer.Context:
            continue
        kind, facts = get_args(hints[name])[:2]
        kinds = {part for part in (kind, *get_args(kind)) if isinstance(part, type)} - {type(None)}
        (first,) = kinds & {Path, str, int, bool} or {str}
        # In an annotation, the first name of an option is where a default stands elsewhere.
        names = [part for part in (facts.default, *(facts.param_decls or ())) if isinstance(part, str)]
        flag = "" if isinstance(facts, typer.models.ArgumentInfo) else names[0]
        found.append(Option(flag, first.__name__, first is bool, parameter.default is inspect.Parameter.empty))
    return found


COMMANDS = {
    info.name or info.callback.__name__: options(info.callback)
    for info in whole_app().registered_commands
    if info.callback
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one of each kind of place in it; "mine" is a workspace, and "class" a class of one."""
    here = tmp_path_factory.mktemp("places")
    start(here / "mine")
    (here / "empty").mkdir()
    (here / "folder").mkdir()
    (here / "folder" / "file").write_bytes(b"")
    (here / "file").write_bytes(b"text")
    (here / "class").mkdir()
    shutil.copytree(here / "mine", here / "class" / "ada")
    (here / "read-only").mkdir(mode=0o500)
    (here / "dangling").symlink_to("nowhere")
    (here / "loop").symlink_to("loop")
    (here / "not.ipynb").write_bytes(b'{"cells": 3')
    (here / "latin.py").write_bytes(b"x = '\xe9'\n")
    os.mkfifo(here / "pipe")
    return here


def sane(name: str, skip: Option | None) -> list[str]:
    """A command's line with what it needs; without the option `skip`."""
    needed = {
        "str": "conv_output_size",
        "--course": "owner/name",
        "--ref": "v1",
        "Path": {"class": "class", "new-class": "new"}.get(name, "mine"),
    }
    words = []
    for taken in COMMANDS[name]:
        if taken.required and taken != skip:
            words += [taken.flag] * bool(taken.flag) + [needed.get(taken.flag, needed.get(taken.kind, "1"))]
    if any(taken.flag == "--only" for taken in COMMANDS[name]) and (skip is None or skip.flag != "--only"):
        words += ["--only", "conv_output_size"]
    return words


def lines() -> Iterator[list[str]]:
    """Command lines: each option of each command with each odd value, all else being sane."""
    yield from ([], ["--help"], ["--nothing"], ["nothing"], ["--", "check"], [""], ["\0"], ["x" * 20_000])
    for name, taken in COMMANDS.items():
        yield [name, "--help"]
        yield [name, "--nothing"]
        for option in taken:
            if option.switch:
                if name != "watch":
                    yield [name, *sane(name, option), option.flag]
                continue
            for value in dict.fromkeys(ODD_PATHS if option.kind == "Path" else ODD_TEXTS):
                if (name, value) in (("watch", "conv2d"), ("watch", "convolution")):
                    continue  # they would watch
                if name == "class" and not option.flag and value in (".", "..", "/"):
                    continue  # they would grade whatever is there
                if value == "/" and (name != "grade" or option.flag):
                    continue  # they would write there
                if option.flag and value == "pipe":
                    continue  # one that is written waits for its reader, as it should
                argument = [option.flag, value] if option.flag else ["--", value] if value.startswith("-") else [value]
                yield [name, *sane(name, option), *argument]


ALL_LINES = list(lines())
SLOW = ("grade", "class")  # what is left of these when all is sane grades: a seeded part is tried
CHOSEN = [line for line in ALL_LINES if line[:1] not in ([name] for name in SLOW)] + random.Random(SEED).sample(
    [line for line in ALL_LINES if line[:1] in ([name] for name in SLOW)], 40
)


def run(arguments: list[str], variables: dict[str, str], here: Path) -> tuple[Any, str, str]:
    """`main` in this process, in the folder `here`: its exit code, and what it printed."""
    before, path, folder = dict(os.environ), list(deconvlib.__path__), os.getcwd()
    streams = (sys.stdin, sys.stdout, sys.stderr)
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(), out, err
    code: Any = "main came back"
    try:
        os.chdir(here)
        os.environ.pop("DECONV_WORKSPACE", None)
        os.environ.update({"DECONV_WORKSPACE": str(here / "mine")} | variables)
        main(arguments)
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdin, sys.stdout, sys.stderr = streams
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(before)
        deconvlib.__path__[:] = path
    out.flush()
    err.flush()
    return code, *(stream.buffer.getvalue().decode("utf-8", "replace") for stream in (out, err))  # type: ignore[attr-defined]


def judge(code: Any, out: str, err: str) -> None:
    assert code in CODES, (code, err[-2000:])
    assert "Traceback" not in out + err, err[-2000:]
    assert "a fault of the course" not in err
    if code == 2:
        assert len(err.splitlines()) == 1, err[:2000]
        assert len(err) <= 2100, len(err)
        assert err.startswith("deconv: ")
    acting = set(err) & set("\x1b\x07\u202e\0")
    assert not acting, acting


@pytest.mark.parametrize("arguments", CHOSEN, ids=lambda line: ascii(" ".join(line)[:60]).strip("'"))
def test_odd_values(places, arguments):
    judge(*run(arguments, {}, places))


@pytest.mark.parametrize("variables", VARIABLES, ids=lambda found: ascii(str(found)[:60]))
@pytest.mark.parametrize("arguments", [[], ["status"], ["hint", "conv2d"], ["check", "--json"], ["--help"]], ids=str)
def test_odd_variables(places, arguments, variables):
    judge(*run(arguments, variables, places))


SHELLS = {
    "closed stdin": '"$@" <&-',
    "closed stdout": '"$@" >&-',
    "closed stderr": '"$@" 2>&-',
    "all closed": '"$@" <&- >&- 2>&-',
    "a full disk": '"$@" >/dev/full',
    "a full disk for both": '"$@" >/dev/full 2>&1',
    "a reader that leaves": '{ "$@"; echo "code $?" >&3; } 3>&2 | true',
    "a deleted folder": 'mkdir gone && cd gone && rmdir ../gone && "$@"',
    "no HOME": 'unset HOME && "$@"',
    "no variables": 'env -i "$@"',
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "arguments",
    [[], ["solution", "conv2d"], ["check", "conv_output_size"], ["reset", "conv_output_size"], ["fly"]],
    ids=str,
)
def test_odd_streams_and_places(places, shell, arguments):
    command = [sys.executable, "-m", "deconv_grader", *arguments]
    done = subprocess.run(
        ["bash", "-c", SHELLS[shell], "bash", *command],
        cwd=places,
        env=os.environ | {"DECONV_WORKSPACE": str(places / "mine")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=PATIENCE,
        check=False,
    )
    told, code = done.stderr, done.returncode
    if "code " in told:
        told, _, left = told.rpartition("code ")
        code = int(left)
    assert code in CODES, (code, told)
    assert "Traceback" not in done.stdout + told
    assert "Exception ignored" not in told
    assert "a fault of the course" not in told
    assert len(told.splitlines()) <= 1, told
