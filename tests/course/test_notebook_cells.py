"""The cells of a notebook, in a real IPython shell: written, checked, reloaded, never overwritten by a stub."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from deconv_tests.patience import PATIENCE

PRELUDE = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
from deconvlib.course import set_up
from deconvlib import conv_output_size
set_up()
def cell(name, text): shell.run_cell_magic("exercise", name, text)
SIGNATURE = "def conv_output_size(n, kernel, stride=1, padding=0, dilation=1):\\n"
"""


@pytest.fixture
def notebook(workspace, tmp_path_factory):
    # Not in the workspace: beside an editable install, Python would take its deconvlib/ for a package of its own.
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def run(code):
        return subprocess.run(
            [sys.executable, "-c", PRELUDE + code],
            cwd=elsewhere,
            env=os.environ | {"DECONV_WORKSPACE": str(workspace), "MPLBACKEND": "agg"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return run


def test_a_stub_is_not_started_and_the_reference_answers(notebook):
    shown = notebook(
        'cell("conv_output_size", SIGNATURE + "    raise NotImplementedError\\n")\nprint(conv_output_size(7, 3))\n'
    )
    assert "conv_output_size: not started (4 points" in shown.stdout, shown.stderr
    assert shown.stdout.rstrip().endswith("5")
    assert shown.stderr.count("the reference answer is used") == 1


def test_a_body_is_written_checked_and_used_at_once(notebook, workspace):
    shown = notebook(
        'cell("conv_output_size", SIGNATURE + "    return (n + 2 * padding - kernel) // stride + 1\\n")\n'
        "print(conv_output_size(7, 3, dilation=2))\n"
    )
    assert "✗ conv_output_size" in shown.stdout, shown.stderr
    assert "Your result is the one you get when" in shown.stdout
    assert shown.stdout.rstrip().endswith("5"), "the learner's wrong body answers, not the reference's 3"
    assert "(n + 2 * padding - kernel)" in (workspace / "deconvlib" / "convolution.py").read_text()


def test_a_stub_cell_checks_the_body_written_elsewhere(notebook, workspace, complete):
    complete("conv_output_size", "    return 3\n")
    shown = notebook('cell("conv_output_size", SIGNATURE + "    raise NotImplementedError\\n")\n')
    assert "This cell is the bare stub; checked instead" in shown.stdout, shown.stderr
    assert "return 3\n" in (workspace / "deconvlib" / "convolution.py").read_text()


def test_feedback_is_there_as_html(notebook):
    shown = notebook(
        "from deconvlib.course import notebook\n"
        "import IPython.display\n"
        "kept = []\n"
        "IPython.display.display = kept.append\n"
        'cell("correlate2d", "def correlate2d(x, w):\\n    return np.zeros((2, 2))\\n")\n'
        "html = kept[0]._repr_mimebundle_()['text/html']\n"
        "assert '<table>' in html and 'class=\"marked\"' in html and 'failed' in html, html\n"
        "print('good')\n"
    )
    assert "good" in shown.stdout, shown.stderr


def test_what_cannot_be_written_is_said(notebook):
    shown = notebook(
        'cell("conv_output_size", "def conv_output_size(a):\\n    return a\\n")\ncell("conv_output_size", "def (")\n'
    )
    assert "expected conv_output_size(n, kernel, stride=1" in shown.stdout
    assert shown.stdout.count("Nothing was written.") == 2


def test_the_line_magic_gives_hints_and_solutions(notebook):
    shown = notebook(
        'shell.run_line_magic("deconv", "hint conv_output_size")\nshell.run_line_magic("deconv", "solution conv_output_size")\n'
    )
    assert "Hint 1 of" in shown.stdout
    assert "def conv_output_size(" in shown.stdout
