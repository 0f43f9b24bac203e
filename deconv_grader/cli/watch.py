"""``deconv watch``: the current exercise, checked again at every save.

This process has imported everything slow already, and so has the one that workers come from: a save costs a new worker,
and is answered in a fraction of a second.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from deconv_grader.cli.shared import solution_source
from deconv_grader.grading.workbook import Workbook
from deconv_grader.reports.terminal import print_result
from deconv_grader.values.failures import Stopped
from deconvlib.course.catalogue import Exercise

KEYS = "h hint   s solution (twice)   n next   p previous   c check again   q quit"
POLL_SECONDS = 0.1
NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "vboxsf", "drvfs", "virtiofs"}


def needs_polling(folder: Path) -> bool:
    """Whether file events are not to be relied on: a network drive, or no such events on this system."""
    if os.environ.get("DECONV_POLL"):
        return True
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return False  # not Linux: the watching library knows its system
    best = max(
        (m for m in mounts if str(folder).startswith(m[1].rstrip("/") + "/")), key=lambda m: len(m[1]), default=None
    )
    return best is not None and best[2] in NETWORK


def changes(folder: Path, stop: Any) -> Iterator[None]:
    """Something in `folder` was saved (or nothing was, for a while)."""
    try:
        from watchfiles import watch
    except ImportError:
        yield from _polled(folder)
        return
    for _ in watch(
        folder,
        debounce=60,
        step=20,
        rust_timeout=int(1000 * POLL_SECONDS),
        yield_on_timeout=True,
        force_polling=needs_polling(folder) or None,
        poll_delay_ms=150,
        stop_event=stop,
        raise_interrupt=True,
    ):
        yield None


def _polled(folder: Path) -> Iterator[None]:
    while True:
        time.sleep(POLL_SECONDS)
        yield None


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    found = []
    for path in sorted(folder.glob("*.py")):
        with contextlib.suppress(OSError):
            facts = path.stat()
            found.append((path.name, facts.st_mtime_ns, facts.st_size))
    return tuple(found)


class Keys:
    """Single key presses, where there is a terminal."""

    def __init__(self) -> None:
        self.terminal = sys.stdin.isatty()
        # Of its own: while checks run, standard input is another.
        self._handle = os.dup(sys.stdin.fileno()) if self.terminal else -1

    def __enter__(self) -> Keys:
        if self.terminal:
            import termios
            import tty

            self._before = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        return self

    def __exit__(self, *details: object) -> None:
        if self.terminal:
            import termios

            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    def waiting(self) -> bool:
        """Whether a key is pressed that was not asked for yet."""
        return self.terminal and bool(select.select([self._handle], [], [], 0)[0])

    def pressed(self) -> str:
        """The key pressed since the last call, or an empty string."""
        if self.waiting():
            return os.read(self._handle, 1).decode(errors="replace").lower()
        return ""


class Watch:
    """One session: which exercise is shown, and what is shown of it."""

    def __init__(
        self, book: Workbook, chosen: list[Exercise], console: Console, waiting: Callable[[], bool] = lambda: False
    ):
        self.waiting = waiting  # whether a key is pressed already, and the checks are in its way
        self.book = book
        self.chosen = chosen
        self.console = console
        self.at = self._first_open()
        self.hint = 0
        self.asked_solution = False

    def _first_open(self) -> int:
        states = [self.book.status(exercise)[0] for exercise in self.chosen]
        begun = [i for i, state in enumerate(states) if state not in ("passed", "not started")]
        fresh = [i for i, state in enumerate(states) if state == "not started"]
        return (begun or fresh or [0])[0]

    @property
    def current(self) -> Exercise:
        return self.chosen[self.at]

    def check(self) -> None:
        """Check the current exercise and show what came of it."""
        began = time.perf_counter()
        self.console.clear()
        self._header()
        self.console.file.flush()
        told, before = "", _stamp(self.book.modules)

        def interrupted() -> bool:
            nonlocal told
            if _stamp(self.book.modules) != before:
                told = "Saved again: the checks begin anew."
            elif self.waiting():
                told = "Stopped by a key."
            return bool(told)

        try:
            (result,) = self.book.check([self.current], interrupted)
            print_result(self.console, result)
            if result.status == "passed":  # the others in its file are passed only if they still are
                others = [other for other in self.chosen if self.book.status(other)[0] == "unchecked"]
                if others:
                    self.book.check(others, interrupted)
        except Stopped:
            self.console.print(told, style="red")
        except Exception as error:
            self.console.print(f"The check could not run: {type(error).__name__}: {error}", style="red", markup=False)
        if self.book.lacks:
            self.console.print(f"Checked without a worker: {self.book.lacks}", style="dim", markup=False)
        self._footer(time.perf_counter() - began)

    def _header(self) -> None:
        exercise = self.current
        done = sum(self.book.status(other)[0] == "passed" for other in self.chosen)
        self.console.print(
            f"[dim]{done} of {len(self.chosen)} passed[/]   [bold]{exercise.name}[/]   {exercise.title}   "
            f"[dim]{self.book.path(exercise)}[/]\n"
        )

    def _footer(self, seconds: float) -> None:
        states = [self.book.status(exercise) for exercise in self.chosen]
        if all(state == "passed" for state, _ in states):
            self.ending(sum(points for _, points in states))
        elif states[self.at][0] == "passed":
            done = sum(state == "passed" for state, _ in states)
            self.console.print(
                f"\n[green]Passed.[/] {done} of {len(self.chosen)} now. Look at the worked answer with s, or go on with n."
            )
        self.console.print(f"\n[dim]{KEYS}   ({seconds:.2f} s)[/]")

    def ending(self, points: int) -> None:
        """Everything is passed."""
        functions = len(self.chosen)
        self.console.print(
            f"\n[bold green]All {functions} exercises are passed: {points} points.[/]\n"
            "What you import from deconvlib is now your own code, from the first window to the last.\n"
            "Every chapter runs on it: make chapters executes them again, with your library under every figure."
        )

    def key(self, key: str) -> bool:
        """React to a key; False ends the session."""
        if key == "q":
            return False
        if key in ("n", "p"):
            self.at = (self.at + (1 if key == "n" else -1)) % len(self.chosen)
            self.hint, self.asked_solution = 0, False
            self.check()
        elif key == "c":
            self.check()
        elif key == "h":
            self._show_hint()
        elif key == "s":
            self._show_solution()
        return True

    def _show_hint(self) -> None:
        hints = self.current.hints
        if not hints:
            self.console.print("\nThis exercise has no hints.")
            return
        self.hint = min(self.hint + 1, len(hints))
        self.console.print(f"\n[bold]Hint {self.hint} of {len(hints)}[/]")
        self.console.print(hints[self.hint - 1], markup=False)

    def _show_solution(self) -> None:
        if not self.asked_solution and self.book.status(self.current)[0] != "passed":
            self.asked_solution = True
            self.console.print("\nThis shows the worked answer. Press s once more if you want it now.")
            return
        self.console.print()
        self.console.print(solution_source(self.current), markup=False)


def run(book: Workbook, chosen: list[Exercise], console: Console, seconds: float | None = None) -> None:
    """Watch until q, Ctrl-C or (for tests) `seconds` have passed."""
    import threading

    stop = threading.Event()
    end = None if seconds is None else time.monotonic() + seconds
    with Keys() as keys:
        session = Watch(book, chosen, console, keys.waiting)
        seen = _stamp(book.modules)
        session.check()
        for _ in changes(book.modules, stop):
            if end is not None and time.monotonic() > end:
                return
            now = _stamp(book.modules)
            if now != seen:
                seen = now
                session.check()
            key = keys.pressed()
            if key and not session.key(key):
                return
