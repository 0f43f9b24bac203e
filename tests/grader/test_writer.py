"""The one writer: whatever happens in the middle of a write, the old text is there or the new one, whole."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from deconv_grader.answers import editing, writer
from deconv_grader.answers.reader import Module
from deconv_grader.answers.source import CannotEdit
from deconv_grader.answers.workspace import start
from deconv_grader.grading.workbook import Workbook
from deconv_tests.patience import PATIENCE
from deconvlib.course.catalogue import STUBS, exercises

SIZE = "conv_output_size"
SIGNATURE = f"def {SIZE}(n, kernel, stride=1, padding=0, dilation=1):\n"


@pytest.fixture
def book(workspace):
    return Workbook(workspace)


@pytest.fixture
def size(book):
    return book.exercises[SIZE]


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ----------------------------------------------------------------------------------- killed, or out of space, on the way

#: What a learner does, by name: code that changes the workspace `book` works in.
WRITERS = {
    "cell": f"book.write_cell(size, {SIGNATURE!r} + '    return 8\\n')",
    "cell with helpers": f"book.write_cell(size, 'import math\\ndef h(a): return a\\n' + {SIGNATURE!r} + '    return h(8)\\n')",
    "reset": "book.reset(size)",
    "restore": "writer.restore(book.folder, writer.backups(book.folder, 'convolution')[-1])",
    "start": "start(book.folder)",
    "progress": "book.record([ExerciseResult(size, problem='none')])",
}

#: Does it again and again, each time in a forked process of its own that is killed one system call later than the last.
_KILLED = """
import os, shutil, signal, sys
from functools import partial
from pathlib import Path
from deconv_grader.answers import writer
from deconv_grader.answers.workspace import start
from deconv_grader.checks.results import ExerciseResult
from deconv_grader.grading.workbook import Workbook
import filelock

WATCHED = {"open", "os.mkdir", "os.rename", "os.remove", "os.chmod", "os.chown"}
prepared, scratch = Path(sys.argv[1]), Path(sys.argv[2])

def act(workspace, at):
    book = Workbook(workspace)
    size = book.exercises["conv_output_size"]
    step, sync = 0, os.fsync

    def count():
        nonlocal step
        step += 1
        if step == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event, arguments):
        if event in WATCHED and str(workspace) in str(arguments[0]):
            count()

    def fsync(handle):
        count()
        sync(handle)
        count()

    os.fsync = fsync
    sys.addaudithook(hook)
    ACTION

Workbook(prepared).exercises
for at in range(1, 500):
    workspace = scratch / str(at)
    shutil.copytree(prepared, workspace)
    child = os.fork()
    if not child:
        code = 1
        try:
            act(workspace, at)
            code = 0
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    if status == 0:
        break
print(at)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("name", WRITERS)
def test_killed_at_any_step_the_old_text_or_the_new_one_is_there_whole(tmp_path, name):
    size = exercises()[SIZE]
    prepared, scratch = tmp_path / "prepared", tmp_path / "scratch"
    start(prepared)
    _prepare(prepared, size)
    before = _files(prepared)
    done = subprocess.run(
        [sys.executable, "-c", _KILLED.replace("ACTION", WRITERS[name]), str(prepared), str(scratch)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    last = int(done.stdout)
    assert last > 8, "it was killed on the way"
    after = _files(scratch / str(last))
    changed = [file for file in after if file.startswith("deconvlib") or file.endswith("progress.json")]
    assert any(before.get(file) != after[file] for file in changed), "the point of this test"
    seen = set()
    for step in range(1, last):
        workspace = scratch / str(step)
        now = _files(workspace)
        for file in changed:
            assert now.get(file) in (before.get(file), after[file]), f"{file}, killed at step {step}"
            seen.add(now.get(file) == after[file])
        assert set(before) <= set(now), f"killed at step {step}"
        if not [file for file in now if file.endswith(".tmp")]:
            continue
        # What is left lying there is in nobody's way.
        book = Workbook(workspace)
        book.write_cell(size, SIGNATURE + f"    return {1000 + step}\n")
        assert f"return {1000 + step}" in book.path(size).read_text()
        assert not list(book.modules.glob(".convolution.py.*"))
    assert seen == {True, False}, "some were killed before, some after it"


def _prepare(workspace: Path, size) -> None:
    """An answer with a helper, a backup to restore, a chapter without one of its exercises, kept progress."""
    book = Workbook(workspace)
    book.write_cell(size, "def helper(a):\n    return a\n\n" + SIGNATURE + "    return helper(7)\n")
    path = workspace / "deconvlib" / "unpooling.py"
    module = editing.pristine("unpooling")
    binding = module.definition("max_unpool2d")
    path.write_text(module.text[: binding.start] + module.text[binding.end :])
    progress = workspace / ".deconv" / "progress.json"
    progress.write_text(json.dumps({"convolution.im2col": {"status": "passed", "points": 10, "of": "x"}}))


_LIMITED = """
import resource, sys
from functools import partial
from pathlib import Path
from deconv_grader.answers import writer
from deconv_grader.answers.source import CannotEdit, Source
from deconv_grader.answers.workspace import start
from deconv_grader.checks.results import ExerciseResult
from deconv_grader.grading.workbook import Workbook

book = Workbook(Path(sys.argv[1]))
size = book.exercises["conv_output_size"]
limit = int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    ACTION
except CannotEdit as error:
    print(error)
"""


def _limited(workspace: Path, action: str, limit: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED.replace("ACTION", action), str(workspace), str(limit)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", WRITERS)
def test_out_of_space_for_a_file_nothing_is_lost_and_it_is_said(tmp_path, name):
    start(tmp_path)
    _prepare(tmp_path, exercises()[SIZE])
    before = _files(tmp_path)
    said = _limited(tmp_path, WRITERS[name], 16 if name == "progress" else 4096)
    now = _files(tmp_path)
    assert {file: now.get(file) for file in before} == before
    assert not [file for file in now if file.endswith(".tmp")]
    if name == "progress":
        assert said == "", "progress that cannot be kept is no learner's trouble"
    else:
        assert (
            "cannot be written: File too large; nothing was changed" in said or "Left alone" in said or name == "start"
        )


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 256 KB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a file system of its own cannot be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def _fill(path: Path) -> None:
    with open(path, "wb", buffering=0) as stream, contextlib.suppress(OSError):  # no space left
        while True:
            stream.write(b"x" * 512)


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "progress"])
def test_a_full_disk_costs_nothing(tiny_disk, name):
    start(tiny_disk)
    _prepare(tiny_disk, exercises()[SIZE])
    _fill(tiny_disk / "filler")
    before = {file: data for file, data in _files(tiny_disk).items() if file != "filler"}
    said = _limited(tiny_disk, WRITERS[name])
    now = _files(tiny_disk)
    assert {file: now.get(file) for file in before} == before
    if name != "start":
        assert "cannot be written: No space left on device; nothing was changed" in said


# --------------------------------------------------------------------------------------------------- what stays as it was


def test_permissions_and_links_stay(book, size, tmp_path):
    path = book.path(size)
    path.chmod(0o640)
    elsewhere = tmp_path / "elsewhere.py"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    book.write_cell(size, SIGNATURE + "    return 8\n")
    assert path.is_symlink()
    assert "return 8" in elsewhere.read_text()
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o640


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_write_protected_file_is_said(book, size):
    book.path(size).chmod(0o444)
    with pytest.raises(CannotEdit, match="write-protected; nothing was changed"):
        book.write_cell(size, SIGNATURE + "    return 8\n")


def test_two_writers_wait_for_each_other(book, size):
    """Each of many changes is there in the end: none was made from a text that another had replaced."""
    path = book.path(size)
    before = path.read_text()

    def append(line: str) -> None:
        writer.change(path, lambda source: source.text + line)

    def add(number: int) -> None:
        for i in range(5):
            append(f"# {number} {i}\n")

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    added = path.read_text().removeprefix(before).splitlines()
    assert sorted(added) == sorted(f"# {number} {i}" for number in range(4) for i in range(5))
    assert [line for line in added if line.startswith("# 1")] == [f"# 1 {i}" for i in range(5)]


def test_a_lock_that_is_held_is_said(book, size):
    said: list[str] = []

    def other() -> None:
        try:
            with writer.alone(book.folder, seconds=0.2):
                said.append("it got in")
        except CannotEdit as error:
            said.append(str(error))

    thread = threading.Thread(target=other)
    with writer.alone(book.folder):
        thread.start()
        thread.join()
    assert "another deconv has been writing" in said[0]


# ---------------------------------------------------------------------------------------------------------------- backups


def test_the_whole_file_is_kept_before_each_change_and_twenty_of_a_chapter(book, size):
    texts = []
    for i in range(25):
        texts.append(book.path(size).read_bytes())
        book.write_cell(size, SIGNATURE + f"    return {i}\n")
    kept = writer.backups(book.folder, "convolution")
    assert [backup.path.read_bytes() for backup in kept] == texts[:-21:-1]
    assert [backup.size for backup in kept] == [len(text) for text in texts[:-21:-1]]
    other = book.exercises["max_pool2d"]
    book.write_cell(other, _stub_cell(other.name, "    return 3\n"))
    assert len(writer.backups(book.folder, "convolution")) == 20
    assert len(writer.backups(book.folder, "unpooling")) == 1


def _stub_cell(name: str, body: str) -> str:
    module = editing.pristine(exercises()[name].chapter)
    return f"def {name}({module.arguments(module.definition(name))}):\n{body}"


def test_nothing_is_kept_where_nothing_changes(book, size):
    cell = SIGNATURE + "    return 7\n"
    assert book.write_cell(size, cell) == "written"
    assert book.write_cell(size, cell) == "same"
    assert len(writer.backups(book.folder)) == 1


def test_what_was_restored_can_be_undone(book, size):
    book.write_cell(size, SIGNATURE + "    return 7\n")
    book.write_cell(size, SIGNATURE + "    return 8\n")
    writer.restore(book.folder, writer.backups(book.folder)[0])
    assert "return 7" in book.path(size).read_text()
    writer.restore(book.folder, writer.backups(book.folder)[0])
    assert "return 8" in book.path(size).read_text()


def test_a_missing_file_is_restored(book, size):
    book.write_cell(size, SIGNATURE + "    return 7\n")
    text = book.path(size).read_bytes()
    book.write_cell(size, SIGNATURE + "    return 8\n")
    book.path(size).unlink()
    assert writer.restore(book.folder, writer.backups(book.folder)[0]) is None
    assert book.path(size).read_bytes() == text


# ----------------------------------------------------------------------------------------------------------- reset, cells


def test_a_cell_is_written_and_the_rest_of_the_module_is_left_alone(book, size):
    before = book.path(size).read_text()
    cell = SIGNATURE + "    # a comment first\n    room = n - kernel\n\n    return room + 1  # done\n"
    assert book.write_cell(size, cell) == "written"
    after = book.path(size).read_text()
    assert "    # a comment first\n    room = n - kernel\n\n    return room + 1  # done\n" in after
    assert book.write_cell(size, cell) == "same"
    book.reset(size)
    assert book.path(size).read_text() == before


def test_what_stands_beside_the_function_goes_along_and_is_replaced(book, size):
    cell = "import math\n\ndef helper(a):\n    return a\n\n" + SIGNATURE + "    return helper(n)\n"
    book.write_cell(size, cell)
    book.write_cell(size, cell.replace("return a\n", "return a + 1\n"))
    text = book.path(size).read_text()
    assert text.count("def helper") == 1
    assert "return a + 1" in text
    compile(text, "module", "exec")


def test_reset_takes_only_what_nothing_else_uses(book, size):
    other = book.exercises["receptive_field"]
    book.write_cell(
        size,
        "import math\nimport re\nBASE = 2\n\n# doubled\ndef helper(a):\n    return a * BASE\n\ndef own(a):\n    return re.escape(a)\n\n"
        + SIGNATURE
        + "    return own(helper(math.floor(n)))\n",
    )
    book.write_cell(other, _stub_cell(other.name, "    return helper(math.ceil(1))\n"))
    book.reset(size)
    text = book.path(size).read_text()
    for kept in ("import math\n", "BASE = 2\n", "# doubled\ndef helper(a):\n"):
        assert kept in text
    for gone in ("import re\n", "def own", "# beside conv_output_size"):
        assert gone not in text
    assert "return helper(math.ceil(1))" in text
    assert Module(text, "x.py").problem == ""
    newest = writer.backups(book.folder)[0].path.read_text()
    assert "def own" in newest
    assert "import re\n" in newest


@pytest.mark.parametrize(
    "tail",
    [
        SIGNATURE + "    return 5\n",
        "conv_output_size = max\n",
        "def mine(n): return n\nconv_output_size = mine\n",
        SIGNATURE + "    return 1\n\n\n" + SIGNATURE + "    return 2\n",
        "async " + SIGNATURE + "    return 1\n",
    ],
)
def test_reset_and_a_cell_reach_what_counts(book, size, tail):
    path = book.path(size)
    before = path.read_text()
    path.write_text(before + "\n" + tail)
    assert book.written(size)
    book.write_cell(size, SIGNATURE + "    return 77\n")
    module = book.module(size)
    assert "return 77" in module.body_text(module.definition(SIZE))
    path.write_text(before + "\n" + tail)
    book.reset(size)
    assert not book.written(size)
    rest = path.read_text()
    assert rest.startswith(before)
    assert "conv_output_size" not in rest.removeprefix(before)


def test_a_binding_that_cannot_be_taken_out_is_named(book, size):
    path = book.path(size)
    text = path.read_text() + "\nconv_output_size, other = max, min\n"
    path.write_text(text)
    with pytest.raises(
        CannotEdit, match=r"convolution\.py, line \d+: this binds conv_output_size along with other things"
    ):
        book.reset(size)
    assert path.read_text() == text


@pytest.mark.parametrize(
    "definition",
    [
        "def conv_output_size(n, kernel, stride=1, padding=0, dilation=1): return n\n",
        "def conv_output_size(n, kernel, stride=1, padding=0, dilation=1): return n",
        "def conv_output_size(\n    n,\n    kernel,\n    stride=1,\n    padding=0,\n    dilation=1,\n):  # a comment\n    return n\n",
        'def conv_output_size(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:\n    """Mine."""\n    return n\n',
        "def conv_output_size(n, kernel, stride=1, padding=0, dilation=1):\n\t# tabs\n\treturn n\n",
        "def conv_output_size(n, kernel, stride=1, padding=0, dilation=1):\r\n  return n\r\n",
    ],
    ids=["one line", "no final newline", "many lines", "annotated, with a docstring", "tabs", "CRLF and two spaces"],
)
def test_however_it_is_laid_out(book, size, definition):
    path = book.path(size)
    before = path.read_text()
    assert book.write_cell(size, definition) == "written"
    text = path.read_text()
    assert Module(text, "x.py").problem == ""
    assert "    return n\n" in text
    assert "Count the places of a window along one axis." in text
    assert "\r" not in text
    # The same, typed into the file in the place of the stub.
    binding = Module(before, "x.py").definition(SIZE)
    path.write_text(before[: binding.start] + "@exercise(title='x', points=4, minutes=1, difficulty=1)\n" + definition)
    assert book.written(size)
    book.write_cell(size, SIGNATURE + "    return 8\n")
    assert "    return 8\n" in path.read_text()
    book.reset(size)
    assert path.read_text().startswith(before[: binding.end])


def test_a_bare_stub_never_overwrites(book, size):
    stub = SIGNATURE + "    raise NotImplementedError\n"
    assert book.write_cell(size, stub) == "stub"
    book.write_cell(size, SIGNATURE + "    return 7\n")
    assert book.write_cell(size, stub) == "kept"
    assert "return 7" in book.path(size).read_text()


@pytest.mark.parametrize("name", list(exercises()))
def test_every_exercise_is_written_and_reset_to_the_byte(workspace, name):
    exercise = exercises()[name]
    book = Workbook(workspace)
    path = book.path(exercise)
    before = path.read_bytes()
    module = editing.pristine(exercise.chapter)
    binding = module.definition(name)
    if exercise.signature.startswith("class "):
        cell = module.text[binding.start : binding.end].replace("raise NotImplementedError", "return super()")
    else:
        cell = _stub_cell(name, "    return 12345\n")
    assert book.write_cell(exercise, cell) == "written"
    assert book.written(exercise)
    book.reset(exercise)
    assert path.read_bytes() == before == (STUBS / path.name).read_bytes()


# --------------------------------------------------------------------------------------------------------------- progress


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1]", "null", "\xff", '{"convolution.conv_output_size": 3}', "[" * 100_000,
     '{"convolution.conv_output_size": {"status": "wonderful", "points": 4, "of": "OF"}}',
     '{"convolution.conv_output_size": {"status": "passed", "points": "four", "of": "OF"}}',
     '{"convolution.conv_output_size": {"status": "passed", "points": 4000, "of": "OF"}}'],
)  # fmt: skip
def test_kept_progress_that_is_no_such_is_as_none(book, size, text):
    book.write_cell(size, SIGNATURE + "    return 7\n")
    file = book.folder / ".deconv" / "progress.json"
    file.write_bytes(text.replace("OF", book.fingerprint(size)).encode("latin-1"))
    assert book.status(size) == ("unchecked", 0)
    from deconv_grader.checks.results import ExerciseResult

    book.record([ExerciseResult(size, problem="it crashed")])
    assert book.status(size) == ("crashed", 0)
