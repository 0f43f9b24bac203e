"""The cells of a notebook, in a real kernel: written, checked, reloaded, interrupted, never overwritten by a stub."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from deconv_grader.answers.workspace import start
from deconv_tests.patience import PATIENCE
from deconvlib.course.catalogue import exercises

SIGNATURE = "def conv_output_size(n, kernel, stride=1, padding=0, dilation=1):\n"
STUB = SIGNATURE + "    raise NotImplementedError\n"
WRONG = SIGNATURE + "    return (n + 2 * padding - kernel) // stride + 1\n"
RIGHT = (
    SIGNATURE
    + "    n, kernel = integer('n', n, 1), integer('kernel', kernel, 1)\n"
    + "    stride, padding = integer('stride', stride, 1), integer('padding', padding, 0)\n"
    + "    room = n + 2 * padding - integer('dilation', dilation, 1) * (kernel - 1) - 1\n"
    + "    if room < 0:\n"
    + "        raise ValueError('the kernel does not fit')\n"
    + "    return room // stride + 1\n"
)
LOOP = SIGNATURE + "    while True:\n        n = n + 0\n"


@dataclass
class Shown:
    """What a cell shows."""

    printed: str = ""
    warned: str = ""  # on standard error: in alarm red
    texts: list[str] = field(default_factory=list)
    htmls: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    @property
    def html(self) -> str:
        return "\n".join(self.htmls)


class Kernel:
    """A kernel, and what a notebook would get from it."""

    def __init__(self, folder: Path, **variables: str):
        self.folder = folder
        self.manager = KernelManager()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DECONV_")}
        self.manager.start_kernel(cwd=str(folder), env=environment | {"MPLBACKEND": "agg"} | variables)
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)

    def run(self, code: str, meanwhile: Callable[[], None] = lambda: None) -> Shown:
        asked = self.client.execute(code)
        meanwhile()
        shown = Shown()
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return shown
            if kind == "stream":
                name = "printed" if content["name"] == "stdout" else "warned"
                setattr(shown, name, getattr(shown, name) + content["text"])
            elif kind in ("display_data", "execute_result"):
                shown.texts.append(content["data"].get("text/plain", ""))
                shown.htmls.append(content["data"].get("text/html", ""))
                if kind == "execute_result":
                    shown.results.append(content["data"]["text/plain"])
            elif kind == "error":
                shown.error = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(content["traceback"]))

    def cell(self, text: str, name: str = "conv_output_size", **keywords: Callable[[], None]) -> Shown:
        return self.run(f"%%exercise {name}\n{text}", **keywords)

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for all tests here: each chooses its own workspace in it."""
    # Not in a workspace: beside an editable install, Python would take its deconvlib/ for a package of its own.
    kernel = Kernel(tmp_path_factory.mktemp("elsewhere"), DECONV_WORKSPACE="none")
    shown = kernel.run(
        "import numpy as np\nfrom deconvlib.course import set_up\nfrom deconvlib import conv_output_size\nset_up()"
    )
    assert not shown.error
    yield kernel
    kernel.stop()


@pytest.fixture
def notebook(running: Kernel, workspace: Path) -> Kernel:
    running.run(f"%cd -q {running.folder}\n%env DECONV_WORKSPACE={workspace}")
    said = running.run("from deconvlib import conv_output_size, correlate2d")
    assert str(workspace) in said.text, "a workspace that is set in the middle of a notebook is used, and that is said"
    return running


@pytest.fixture
def module(workspace: Path) -> Path:
    return workspace / "deconvlib" / "convolution.py"


def save(path: Path, text: str) -> None:
    """As an editor saves: the time of writing differs from the one before."""
    before = path.stat().st_mtime_ns
    path.write_text(text, encoding="utf-8")
    if path.stat().st_mtime_ns == before:
        os.utime(path, ns=(before + 1000, before + 1000))


# ------------------------------------------------------------------------------------------------- written and checked


def test_a_stub_is_not_started_and_the_reference_answers_without_alarm(notebook):
    shown = notebook.cell(STUB)
    assert "conv_output_size: not started (4 points" in shown.text
    assert "A hint: %deconv hint conv_output_size" in shown.text
    called = notebook.run("conv_output_size(7, 3)")
    assert called.results == ["5"]
    assert called.text.count("conv_output_size is not written yet; the reference answer is used.") == 1
    assert not called.warned
    assert "not written yet" not in notebook.run("conv_output_size(7, 3)").text


def test_the_description_and_each_hint_can_be_opened(notebook):
    for shown in (notebook.cell(STUB), notebook.cell(WRONG)):
        html = shown.html
        assert "<details><summary>Description</summary>" in html
        assert "<strong>Parameters</strong>" in html
        assert "<li><code>kernel</code>: Taps of the kernel" in html
        assert "-----" not in html
        assert re.findall(r"<summary>Hint (\d) of 3</summary>", html) == ["1", "2", "3"]


def test_a_body_is_written_checked_and_used_at_once(notebook, module):
    shown = notebook.cell(WRONG)
    assert "✗ conv_output_size" in shown.text
    assert "Your result is the one you get when" in shown.text
    assert notebook.run("conv_output_size(7, 3, dilation=2)").results == ["5"], (
        "the learner's body answers, wrong as it is"
    )
    assert "(n + 2 * padding - kernel)" in module.read_text()


def test_a_stub_cell_checks_the_body_written_elsewhere(notebook, module):
    notebook.cell(WRONG)
    before = module.read_bytes()
    assert "This cell is the bare stub; checked instead" in notebook.cell(STUB).text
    assert module.read_bytes() == before


def test_a_pass_names_the_points_the_totals_and_what_is_next(notebook):
    shown = notebook.cell(RIGHT)
    assert "4 of 4 points" in shown.text
    assert re.search(r"Chapter 1: 4 of \d+ points\. Course: 4 of \d+\.", shown.text)
    assert "Next: im2col (" in shown.text
    assert "in this chapter" in shown.text
    assert "<details>" not in shown.html


def test_expected_and_yours_stand_side_by_side(notebook):
    html = notebook.cell("def correlate2d(x, w):\n    return np.zeros((2, 2))\n", "correlate2d").html
    row = next(row for row in html.split('<div class="grids">') if 'class="expected"' in row)
    assert 'class="got"' in row
    assert 'class="marked"' in row


@pytest.mark.parametrize("end", ["    return 0\n", "    return n.nothing\n"])
def test_what_an_answer_prints_is_shown(notebook, end):
    shown = notebook.cell(SIGNATURE + "    print('n is', n)\n" + end)
    assert "n is " in shown.text
    assert "n is " in shown.html


def test_what_a_right_answer_prints_is_shown(notebook):
    shown = notebook.cell(RIGHT.replace("    return room", "    print('room', room)\n    return room"))
    assert "4 of 4 points" in shown.text
    assert "room " in shown.text


# ------------------------------------------------------------------------------------------- the other lines of a cell


@pytest.mark.parametrize("body", [STUB, WRONG, RIGHT], ids=["stub", "wrong", "right"])
def test_trial_calls_run_in_the_notebook_and_never_reach_the_file(notebook, module, body):
    shown = notebook.cell(
        f"print('first of all')\n{body}\nprint('tried', conv_output_size(9, 3))\nconv_output_size(11, 3)\n"
    )
    assert not shown.error
    assert "first of all\n" in shown.printed
    assert "tried 7\n" in shown.printed
    assert shown.results == ["9"], "the last value is shown, as that of any cell"
    assert "tried" not in module.read_text()
    assert "first of all" not in module.read_text()
    compile(module.read_text(), "convolution.py", "exec")


def test_helpers_imports_and_constants_go_along_and_can_be_tried(notebook, module):
    cell = "import math\nONE = 1\n\ndef half(n):\n    return math.floor(n / 2)\n\n"
    cell += SIGNATURE + "    return half(2 * n) + ONE\n\nprint(half(5), conv_output_size(4, 1))\n"
    shown = notebook.cell(cell)
    assert shown.printed.splitlines()[-1] == "2 5"
    text = module.read_text()
    assert all(part in text for part in ("import math", "ONE = 1", "def half(n):"))


def test_line_magics_below_a_function_run_in_the_notebook(notebook, module):
    shown = notebook.cell(WRONG + "\n%timeit -n 1 -r 1 conv_output_size(7, 3)\n")
    assert "loop" in shown.printed, shown
    assert "timeit" not in module.read_text()


def test_a_plot_below_a_function_is_shown(notebook):
    shown = notebook.cell(WRONG + "\nfrom IPython.display import display\ndisplay(conv_output_size(7, 3))\n")
    assert "5" in shown.texts


def test_an_error_in_a_trial_call_shows_the_cells_own_line(notebook, module):
    shown = notebook.cell(WRONG + "\nvalue = 1\nvalue / 0\n")
    assert "ZeroDivisionError" in shown.error
    assert "line 6" in shown.error
    assert "----> 6 value / 0" in shown.error
    assert "notebook.py" not in shown.error
    assert "value / 0" not in module.read_text()


# ------------------------------------------------------------------------------------------------------- line numbers


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        (SIGNATURE + "    return (n +\n", 3),
        (SIGNATURE + "    x = 1\n    return = 2\n", 4),
        ("import math\n\n" + SIGNATURE + "  return 1\n    return 2\n", 6),
        ("def (", 2),
    ],
)
def test_a_syntax_error_names_the_cells_line(notebook, module, cell, line):
    before = module.read_bytes()
    shown = notebook.cell(cell)
    assert f"cell, line {line}:" in shown.text
    assert "Nothing was written" in shown.text
    assert module.read_bytes() == before


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        (SIGNATURE + "    return n.nothing\n", 3),
        (SIGNATURE + '    "With words."\n    # a comment\n\n    x = 1\n    return n.nothing\n', 7),
        ("import math\n\n\ndef helper(n):\n    return n.nothing\n\n\n" + SIGNATURE + "    return helper(n)\n", 6),
        (SIGNATURE + "    return helper(n)\n\n\ndef helper(n):\n    x = n\n    return x.nothing\n", 8),
    ],
    ids=["body", "after-comments", "helper-above", "helper-below"],
)
def test_an_error_in_the_body_names_the_cells_line(notebook, cell, line):
    shown = notebook.cell(cell)
    assert re.search(rf"cell, line {line}: return \w\.nothing", shown.text)
    assert f"cell, line {line}: return" in shown.html
    assert "convolution.py, line" not in shown.text


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("def conv_output_size(a):\n    return a\n", "expected conv_output_size(n, kernel, stride=1"),
        ("x = 1\n", "has no definition of conv_output_size"),
    ],
)
def test_what_cannot_be_written_is_said(notebook, module, cell, words):
    before = module.read_bytes()
    shown = notebook.cell(cell)
    assert words in shown.text
    assert "Nothing was written" in shown.text
    assert module.read_bytes() == before


# ---------------------------------------------------------------------------------------------- loops and interrupts


def test_a_loop_costs_its_deadline_and_the_lines_below_are_not_run(notebook):
    shown = notebook.cell(LOOP + "\nprint('tried', conv_output_size(9, 3))\n")
    assert "✗ conv_output_size" in shown.text
    assert "tried" not in shown.printed
    assert "other lines were not run" in shown.error
    assert "Traceback" not in shown.error


def test_an_interrupt_says_what_became_of_the_body(notebook, module):
    def stop() -> None:
        until = time.monotonic() + PATIENCE
        while "n = n + 0" not in module.read_text() and time.monotonic() < until:
            time.sleep(0.01)
        notebook.manager.interrupt_kernel()

    shown = notebook.cell(LOOP, meanwhile=stop)
    assert shown.error.startswith("Interrupted. conv_output_size was written to ")
    assert "was not checked" in shown.error
    assert len(shown.error.splitlines()) == 1
    assert "n = n + 0" in module.read_text()


def test_an_interrupted_command_is_one_line(notebook):
    def stop() -> None:
        time.sleep(1)
        notebook.manager.interrupt_kernel()

    shown = notebook.run("%deconv check", meanwhile=stop)
    assert len((shown.error or shown.printed).splitlines()) == 1


# -------------------------------------------------------------------------------------------------------- the commands


def test_the_overview_is_short_and_begins_with_what_is_next(notebook):
    lines = notebook.run("%deconv").printed.splitlines()
    assert lines[0].startswith("Next: correlate2d (")
    assert len(lines) <= 2 + len({exercise.chapter for exercise in exercises().values()})
    assert re.search(r"^ 1  convolution +0 of +\d+ points", "\n".join(lines), re.MULTILINE)
    assert "%deconv status" in lines[-1]


def test_hints_and_solutions_by_the_line_magic(notebook):
    shown = notebook.run("%deconv hint conv_output_size")
    assert "Hint 1 of 3" in shown.printed
    assert "More: %deconv hint conv_output_size 2" in shown.printed
    assert "def conv_output_size(" in notebook.run("%deconv solution conv_output_size").printed


def test_a_shell_command_in_a_notebook_reads_as_in_a_terminal(notebook):
    shown = notebook.run("!{__import__('sys').executable} -m deconv_grader hint conv_output_size")
    assert "More: deconv hint conv_output_size 2" in shown.printed


def test_reset_puts_the_stub_back_and_the_reference_answers(notebook, module):
    notebook.cell(WRONG)
    shown = notebook.run("%deconv reset conv_output_size")
    assert "is empty again" in shown.printed
    assert "(n + 2 * padding - kernel)" not in module.read_text()
    assert notebook.run("conv_output_size(7, 3, dilation=2)").results == ["3"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("%%exercise conv2\nx = 1", "did you mean conv2d"),
        ("%%exercise\nx = 1", "the name of the exercise is missing"),
        ("%%exercise zzzzzz\nx = 1", "%deconv status"),
        ("%deconv watch", "needs a terminal"),
        ("%deconv watch conv2d", "needs a terminal"),
        ("%deconv hint 'conv2d", "No closing quotation"),
        ("%deconv reset conv2", "did you mean conv2d"),
        ("%deconv hint conv2", "did you mean conv2d"),
        ("%deconv nonsense", "nonsense"),
    ],
)
def test_what_is_asked_wrong_is_answered_in_one_line(notebook, code, words):
    shown = notebook.run(code)
    said = (shown.error or shown.printed).strip()
    assert words in said
    assert len(said.splitlines()) == 1
    assert "Traceback" not in said


# -------------------------------------------------------------------------------------------------- saved in an editor


def test_a_body_saved_in_an_editor_answers_from_the_next_cell_on(notebook, module):
    assert notebook.run("conv_output_size(7, 3)").results == ["5"]
    save(module, module.read_text().replace("    raise NotImplementedError", "    return 41", 2))
    shown = notebook.run("conv_output_size(7, 3)")
    assert shown.results == ["41"]
    assert "convolution.py was saved since it was loaded" in shown.text
    assert "was saved since" not in notebook.run("conv_output_size(7, 3)").text
    save(module, module.read_text().replace("    return 41", "    return 42"))
    assert notebook.run("conv_output_size(7, 3)").results == ["42"], "the same size, perhaps the same second"


@pytest.mark.parametrize("broken", ["x = (\n", "import nothing_of_that_name\n", "raise SystemExit\n"])
def test_what_cannot_be_loaded_is_said_once_and_the_old_text_answers(notebook, module, broken):
    notebook.cell(WRONG)
    good = module.read_text()
    save(module, good + broken)
    shown = notebook.run("conv_output_size(7, 3, dilation=2)")
    assert shown.results == ["5"]
    assert "goes on answering" in shown.text
    assert f"convolution.py, line {len(good.splitlines()) + 1}" in shown.text
    assert "goes on answering" not in notebook.run("conv_output_size(7, 3, dilation=2)").text
    save(module, good.replace("// stride + 1", "// stride + 2"))
    assert notebook.run("conv_output_size(7, 3, dilation=2)").results == ["6"]


# ---------------------------------------------------------------------------------------------------------- workspaces


def test_a_misspelled_workspace_is_said_at_once_and_nothing_is_graded(notebook, module, workspace):
    before = module.read_bytes()
    notebook.run(f"%env DECONV_WORKSPACE={workspace}-misspelled")
    said = notebook.run("1 + 1")
    assert f"{workspace}-misspelled" in said.text
    assert f"`%deconv start {workspace}-misspelled`" in said.text
    assert said.results == ["2"]
    shown = notebook.cell(WRONG)
    assert f"{workspace}-misspelled" in shown.error
    assert "Nothing was written, and nothing was checked." in shown.error
    assert "misspelled" in notebook.run("%deconv").printed
    assert module.read_bytes() == before


def test_a_relative_workspace_stays_what_it_was_after_cd(notebook, tmp_path_factory):
    folder = tmp_path_factory.mktemp("relative")
    start(folder / "mine")
    notebook.run(f"%cd -q {folder}\n%env DECONV_WORKSPACE=mine")
    notebook.run("%cd -q /")
    assert f"Written to {folder / 'mine' / 'deconvlib' / 'convolution.py'}" in notebook.cell(WRONG).text


def test_without_a_workspace_nothing_is_written_and_start_makes_one(notebook, tmp_path_factory):
    import deconvlib

    folder = tmp_path_factory.mktemp("bare")
    package = Path(deconvlib.__file__).parent / "convolution.py"
    before = package.read_bytes()
    notebook.run("import deconvlib.course.fresh\ndeconvlib.course.fresh.IN_CHECKOUT = False  # installed from a wheel")
    try:
        notebook.run(f"%cd -q {folder}\n%env DECONV_WORKSPACE=none")
        assert "not started" in notebook.cell(STUB).text, "a chapter can be read without a workspace"
        refused = notebook.cell(WRONG)
        assert "There is no workspace" in refused.error
        assert "%deconv start" in refused.error
        assert package.read_bytes() == before
        assert "deconv-workspace" in notebook.run("%deconv start").printed
        assert f"Written to {folder / 'deconv-workspace' / 'deconvlib' / 'convolution.py'}" in notebook.cell(WRONG).text
        assert package.read_bytes() == before
        notebook.run("%env DECONV_WORKSPACE=none")
        notebook.run(  # as after a restart, where no folder above is a workspace
            "import os\nos.environ.pop('DECONV_WORKSPACE')\n"
            "find, deconvlib.course.fresh.find_workspace = deconvlib.course.fresh.find_workspace, lambda: None"
        )
        assert f"Written to {folder / 'deconv-workspace' / 'deconvlib' / 'convolution.py'}" in notebook.cell(RIGHT).text
    finally:
        notebook.run("deconvlib.course.fresh.IN_CHECKOUT = True\ndeconvlib.course.fresh.find_workspace = find")
