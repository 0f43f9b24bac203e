"""Shared by the course's own tests: a learner's workspace, the command line run in it, and a browser for pages."""

from __future__ import annotations

import functools
import importlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

from deconv_grader.answers.editing import write
from deconv_grader.answers.workspace import start
from deconv_tests.patience import PATIENCE
from deconvlib.course.catalogue import exercises

Run = Callable[..., subprocess.CompletedProcess[str]]
Serve = Callable[[Path], AbstractContextManager[str]]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A fresh workspace: every exercise a stub."""
    start(tmp_path)
    return tmp_path


@pytest.fixture
def deconv(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run ``deconv`` in the workspace."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "deconv_grader", *arguments],
            cwd=tmp_path_factory.getbasetemp(),
            env=os.environ | {"DECONV_WORKSPACE": str(workspace), "COLUMNS": "100", "NO_COLOR": "1"},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return run


@pytest.fixture
def complete(workspace: Path) -> Callable[[str, str], None]:
    """Write a body into the workspace, as a learner with an editor would."""

    def fill(name: str, body: str) -> None:
        exercise = exercises()[name]
        write(workspace / "deconvlib" / f"{exercise.chapter}.py", exercise, body)

    return fill


@pytest.fixture(scope="session")
def from_book() -> Iterator[Callable[[str], ModuleType]]:
    """Import a module of `book/`, whose files belong to no package that is installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2] / "book"))
        yield importlib.import_module


class QuietHandler(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Serve a folder on this machine; gives the address, without a slash at its end."""

    @contextmanager
    def serving(folder: Path) -> Iterator[str]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()

    return serving


@pytest.fixture(scope="module")
def browser():  # type: ignore[no-untyped-def]
    """Debian's Chromium, through Playwright, with a fresh profile."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install '.[test]'")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no Chromium on this machine: nothing is tried in a browser (apt-get install chromium)")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=program, args=FLAGS)
        yield started
        started.close()
