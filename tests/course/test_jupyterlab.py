"""A learner in JupyterLab, in a browser: an exercise written wrong, read, written right; a restart; an explorer moved."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from deconv_grader.answers.workspace import start
from deconv_tests.patience import PATIENCE

pytest.importorskip("jupyterlab", reason="no JupyterLab: pip install '.[lab]'")
SCREENSHOTS = Path("build/screenshots")
SET_UP = """\
import numpy as np
from deconvlib.course import explore, set_up
from deconvlib import correlate2d
set_up()"""
STUB = """\
%%exercise correlate2d
def correlate2d(x, w):
    raise NotImplementedError"""
WRONG = """\
%%exercise correlate2d
def correlate2d(x, w):
    c, k, l = w.shape
    y = np.zeros((x.shape[1] - k + 1, x.shape[2] - l + 1), np.result_type(x, w))
    for i, j in np.ndindex(y.shape):
        y[i, j] = (x[:, i : i + k, j : j + l] * w[:, ::-1, ::-1]).sum()
    return y

print("tried:", correlate2d(np.array([[[1, 2, 3]]]), np.array([[[1, 10]]])))"""
RIGHT = """\
%%exercise correlate2d
import itertools

def require(condition, words):
    if not condition:
        raise ValueError(words)

def correlate2d(x, w):
    require(x.shape[0] == w.shape[0], "the channels differ")
    c, k, l = w.shape
    require(k <= x.shape[1] and l <= x.shape[2], "the kernel does not fit")
    y = np.zeros((x.shape[1] - k + 1, x.shape[2] - l + 1), np.result_type(x, w))
    for i, j in itertools.product(*map(range, y.shape)):
        y[i, j] = (x[:, i : i + k, j : j + l] * w).sum()
    return y

print("tried:", correlate2d(np.array([[[1, 2, 3]]]), np.array([[[1, 10]]])))"""
RAISES = """\
%%exercise correlate2d
def correlate2d(x, w):

    return x.nothing"""
BROKEN = """\
%%exercise correlate2d
def correlate2d(x, w):
    return (x + w"""
CALL = "print('answer:', correlate2d(np.array([[[1, 2, 4]]]), np.array([[[1, 10]]])))"
EXPLORER = 'explore("convolution", height=5, width=6, kernel=3)'


class Lab:
    """JupyterLab with one notebook in a learner's workspace."""

    def __init__(self, folder: Path):
        self.workspace = folder / "workspace"
        start(self.workspace)
        self.settings = folder / "settings"
        self.set("notification", fetchNews="false")
        book = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(text) for text in (SET_UP, STUB, CALL, EXPLORER)],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        # Not in the workspace: beside an editable install, Python would take its deconvlib/ for a package of its own.
        (folder / "notebooks").mkdir()
        nbformat.write(book, folder / "notebooks" / "trial.ipynb")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = folder / "lab.log"
        own = {name: str(folder / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
        with open(self.log, "wb") as log:
            self.server = subprocess.Popen(
                [
                    *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                    *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0"),
                    *("--IdentityProvider.token=", f"--ServerApp.root_dir={folder / 'notebooks'}"),
                    "--LabApp.extension_manager=readonly",
                    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
                    f"--LabApp.user_settings_dir={self.settings}",
                    f"--LabApp.workspaces_dir={folder / 'lab-workspaces'}",
                ],
                cwd=folder / "notebooks",
                env=os.environ | own | {"DECONV_WORKSPACE": str(self.workspace)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.address = f"http://127.0.0.1:{self.port}"
        self._wait()

    def _wait(self) -> None:
        for _ in range(PATIENCE * 5):
            if self.server.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.address}/api/status", timeout=PATIENCE):
                    return
            except OSError:
                time.sleep(0.2)
        self.stop()
        raise AssertionError(f"JupyterLab did not start:\n{self.log.read_text()[-3000:]}")

    def set(self, plugin: str, **values: str) -> None:
        """Change settings of JupyterLab's own."""
        path = self.settings / "@jupyterlab" / "apputils-extension" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def stop(self) -> None:
        self.server.terminate()
        self.server.wait(60)


class Page:
    """The notebook, as its reader handles it."""

    def __init__(self, page, address: str):  # type: ignore[no-untyped-def]
        self.page = page
        self.address = address
        page.set_default_timeout(PATIENCE * 1000)
        self.open()

    def open(self) -> None:
        self.page.goto(f"{self.address}/lab/tree/trial.ipynb?reset")
        self.cell(3).locator(".cm-content").wait_for()
        self.idle()

    def idle(self) -> None:
        self.page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for()

    def cell(self, index: int):  # type: ignore[no-untyped-def]
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def run(self, index: int, text: str | None = None) -> str:
        """Run a cell, with another text if one is given. What it shows."""
        cell = self.cell(index)
        cell.locator(".cm-content").click()
        if text is not None:
            self.page.keyboard.press("Control+A")
            self.page.keyboard.insert_text(text)
        prompt = cell.locator(".jp-InputPrompt")
        prompt.evaluate("node => { node.textContent = 'not run'; }")  # the number may be the one that it had before
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function("node => /\\[\\d+\\]/.test(node.textContent)", arg=prompt.element_handle())
        self.idle()
        return str(cell.locator(".jp-OutputArea").inner_text()) if cell.locator(".jp-OutputArea-output").count() else ""

    def restart(self) -> None:
        self.page.locator(
            ".jp-NotebookPanel-toolbar [data-command='kernelmenu:restart'], "
            ".jp-NotebookPanel-toolbar [data-jp-item-name='restart'] button"
        ).first.click()
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.page.locator(".jp-Dialog").wait_for(state="detached")
        self.idle()

    def shoot(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"jupyterlab-{name}.png")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    running = Lab(tmp_path_factory.mktemp("lab"))
    yield running
    running.stop()


@pytest.fixture
def notebook(browser, lab: Lab) -> Iterator[Page]:  # type: ignore[no-untyped-def]
    page = browser.new_page(viewport={"width": 1200, "height": 2200})
    yield Page(page, lab.address)
    page.close()


def test_a_learner_writes_reads_restarts_and_moves_an_explorer(notebook: Page, lab: Lab) -> None:
    notebook.run(0)
    assert "not started" in notebook.run(1)
    notebook.cell(1).locator("summary").first.click()
    assert "Parameters" in notebook.cell(1).locator(".jp-OutputArea").inner_text()
    notebook.shoot("not-started")

    broken = notebook.run(1, BROKEN)
    assert "cell, line 3" in broken
    assert "Nothing was written" in broken

    assert "cell, line 4: return x.nothing" in notebook.run(1, RAISES)

    wrong = notebook.run(1, WRONG)
    assert "Your result is the one you get when" in wrong
    assert "tried: [[12 23]]" in wrong
    boxes = [notebook.cell(1).locator(f".{kind}").first.bounding_box() for kind in ("expected", "got")]
    assert boxes[0]["y"] == boxes[1]["y"], "expected and yours stand side by side"
    notebook.shoot("failed-light")

    right = notebook.run(1, RIGHT)
    assert "passed, 6 of 6 points" in right
    assert "Chapter 1: 6 of 44 points. Course: 6 of " in right
    assert "Next: conv_output_size (" in right
    assert "tried: [[21 32]]" in right
    notebook.shoot("passed-light")

    notebook.restart()
    notebook.run(0)
    assert "answer: [[21 42]]" in notebook.run(2)
    assert "6 of 6 points" in notebook.run(1, STUB), "the stub leaves the body alone and checks it"

    notebook.run(3)
    explorer = notebook.cell(3).locator(".deconv-explorer")
    slider = explorer.locator("input[type=range]").first
    slider.wait_for()
    before = explorer.inner_text()
    slider.focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.page.wait_for_function(
        "([node, before]) => node.innerText !== before", arg=[explorer.element_handle(), before]
    )
    assert explorer.inner_text() != before
    notebook.shoot("explorer-light")


def test_in_the_dark_theme_words_and_marks_can_be_read(notebook: Page, lab: Lab) -> None:
    lab.set("themes", theme="JupyterLab Dark")
    notebook.open()
    notebook.run(0)
    notebook.run(1, WRONG)
    color = "node => getComputedStyle(node).color.match(/\\d+/g).map(Number)"
    for part in ("strong", "td", "li", ".caption"):
        shade = notebook.cell(1).locator(f".deconv-result {part}").first.evaluate(color)
        assert min(shade[:3]) > 150, f"{part} is dark on dark: {shade}"
    notebook.run(3)
    notebook.cell(3).locator(".deconv-explorer input[type=range]").first.wait_for()
    notebook.shoot("dark")
