"""The command line under code pages that lack signs, piped: nothing fails, and what is read and written is UTF-8."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deconv_grader.reports.statuses import LOOKS, look, sign
from deconv_tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
CODE_PAGES = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "cp437": {"PYTHONIOENCODING": "cp437"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "a C locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
CYRILLIC = "    # проверка: ✓\n    return n - kernel + 1\n"


def run(
    workspace: Path, page: str, *arguments: str, module: str = "deconv_grader", stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    shown = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=workspace,
        env=environment | CODE_PAGES[page] | {"DECONV_WORKSPACE": str(workspace), "NO_COLOR": "1"},
        input=stdin,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert b"Traceback" not in shown.stdout + shown.stderr, shown.stderr.decode(errors="replace")
    assert b"a fault of the course" not in shown.stderr
    return shown


@pytest.mark.parametrize("page", CODE_PAGES)
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["status"],
        ["check"],
        ["check", "conv_output_size"],
        ["check", "conv_output_size", "--json"],
        ["solution", "conv2d"],
        ["hint", "conv2d", "4"],
        ["check", "пример"],
        ["grade", ".", "--only", "conv_output_size"],
        ["grade", ".", "--only", "conv_output_size", "--in-process", "--github", "--name", "Мария"],
        ["--help"],
    ],
)
def test_every_command_prints_in_any_code_page(workspace, complete, page, arguments):
    complete("conv_output_size", CYRILLIC)
    shown = run(workspace, page, *arguments)
    assert shown.returncode in (0, 1, 2)
    shown.stdout.decode(CODE_PAGES[page].get("PYTHONIOENCODING", "ascii"))
    if arguments in ([], ["check"]):
        assert b"    .. correlate2d" in shown.stdout or b"no conv_output_size" in shown.stdout


@pytest.mark.parametrize("page", CODE_PAGES)
def test_a_cell_with_a_comment_in_cyrillic_is_written_as_it_is(workspace, page):
    cell = f"def conv_output_size(n, kernel, stride=1, padding=0, dilation=1):\n{CYRILLIC}"
    shown = run(workspace, page, "conv_output_size", module="deconv_grader.cli.cell", stdin=cell.encode())
    assert b'"action": "written"' in shown.stdout, shown.stderr
    assert "# проверка: ✓" in (workspace / "deconvlib" / "convolution.py").read_text(encoding="utf-8")


def test_signs_are_all_of_one_kind():
    for status in LOOKS:
        assert sign(status, "utf-8") == look(status).sign
        for encoding in ("ascii", "cp1252", "cp437", None, "no-such-encoding"):
            assert sign(status, encoding) == look(status).ascii
    assert {len(shown.sign) for shown in LOOKS.values()} == {1}
    assert {len(shown.ascii) for shown in LOOKS.values()} == {2}


def test_no_text_is_read_or_written_in_the_encoding_of_the_day(workspace, complete, tmp_path):
    """Python warns wherever a text file is opened, or a process's output read, with no encoding named."""
    complete("conv_output_size", CYRILLIC)
    for arguments in (
        ["check", "conv_output_size"],
        ["reset", "conv_output_size", "--yes"],
        ["start", str(tmp_path / "other")],
        ["grade", ".", "--only", "conv_output_size", "--json", str(tmp_path / "result.json")],
        ["new-class", str(tmp_path / "class"), "--course", "owner/name", "--ref", "v1"],
    ):
        shown = subprocess.run(
            [sys.executable, "-X", "warn_default_encoding", "-m", "deconv_grader", *arguments],
            cwd=workspace,
            env=os.environ | {"DECONV_WORKSPACE": str(workspace), "PYTHONWARNINGS": "default::EncodingWarning"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        ours = [line for line in shown.stderr.splitlines() if "EncodingWarning" in line and "deconv" in line]
        assert not ours, ours


def test_what_a_process_prints_is_read_with_its_encoding_named():
    """What ruff's PLW1514 is for files: `text=True` alone reads in the encoding of the day."""
    found = []
    for path in (path for folder in ("deconv_grader", "deconvlib", "book") for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            words = {keyword.arg for keyword in node.keywords}
            if words & {"text", "universal_newlines"} and "encoding" not in words and "capture_output" in words:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not found
