"""In a notebook: the figures' style and the ``%%exercise`` cells, which write a body into its module and check it."""

from __future__ import annotations

import ast
import contextlib
import difflib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

from deconvlib.course import catalogue
from deconvlib.course.catalogue import Exercise, exercises
from deconvlib.course.description import help_html
from deconvlib.course.exercise import learner_function, set_announcer
from deconvlib.course.fresh import STARTED, Kernel
from deconvlib.course.surroundings import NOTEBOOK, command, enter_notebook, stored
from deconvlib.course.workspace import VARIABLE

_kernel = Kernel()
_raw = ""  # the cell that runs, as it was typed


class Message:
    """Something to show, as text and as HTML."""

    def __init__(self, text: str, html: str = ""):
        self.text = text
        self.html = html

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.text} | ({"text/html": self.html} if self.html else {})


class Said(Exception):
    """Why a cell did not do what was asked. A notebook shows the words alone, and runs no further cell."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def set_up() -> None:
    """Set the figures' style and register the ``%%exercise`` cell magic. Downloads nothing."""
    import matplotlib.pyplot as plt

    from deconvlib.course.pictures import COLORS, STYLE

    plt.rcParams.update(STYLE)  # type: ignore[arg-type]
    plt.rc("axes", prop_cycle=plt.cycler(color=COLORS))
    shell = _shell()
    if shell is not None:
        load_ipython_extension(shell)


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def load_ipython_extension(shell: Any) -> None:
    """Register ``%%exercise`` and ``%deconv`` (also reached by ``%load_ext deconvlib.course``)."""
    enter_notebook()
    shell.register_magic_function(exercise_cell, magic_kind="cell", magic_name="exercise")
    shell.register_magic_function(deconv_line, magic_kind="line", magic_name="deconv")
    for event, function in (("pre_run_cell", _before_cell), ("post_run_cell", _after_cell)):
        for known in [known for known in shell.events.callbacks[event] if known.__name__ == function.__name__]:
            shell.events.unregister(event, known)  # `set_up()` ran before
        shell.events.register(event, function)
    if getattr(shell, "kernel", None) is not None:
        # Not on standard error, which a notebook shows in alarm red; and a chapter is stored as it will be read.
        set_announcer(_nothing if stored() else _note)
    if _kernel.trouble:
        _note(_kernel.problem())


def _note(line: str) -> None:
    from IPython.display import display

    display(Message(line, f'<div class="deconv-note" style="opacity:.75"><small>{escape(line)}</small></div>'))


def _nothing(line: str) -> None:
    pass


def _before_cell(info: Any) -> None:
    global _raw
    _raw = info.raw_cell or ""
    _look_again()


def _after_cell(result: Any) -> None:
    _kernel.note()


def _look_again() -> None:
    """Take the workspace that is chosen now, and what was saved since; say what changed."""
    for line in filter(None, (_kernel.adopt(), *_kernel.refresh())):
        _note(line)


def _environment() -> dict[str, str]:
    """For a process that reads or writes the same answers as this kernel, wherever it has gone since."""
    answers = {VARIABLE: str(_kernel.answers)} if _kernel.answers and not _kernel.trouble else {}
    # Without colors: a kernel asks for them, and those of a black terminal cannot be read on a white page.
    own = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "CLICOLOR_FORCE")}
    return own | answers | {NOTEBOOK: "1", "NO_COLOR": "1", "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}


# ------------------------------------------------------------------------------------------------------------- %deconv


def deconv_line(line: str) -> None:
    """``%deconv hint conv2d``: the command line, from a notebook. ``%deconv`` alone shows progress in short."""
    _look_again()
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise Said(f"%deconv {line}: {error}") from None
    if words[:1] == ["watch"]:
        raise Said("%deconv watch needs a terminal. In a notebook, %deconv check NAME checks once.")
    if words[:1] == ["reset"] and not {"-y", "--yes", "-h", "--help"} & set(words):
        words.append("--yes")  # nobody can answer here; the text is kept in a backup
    module = ["deconv_grader", *words] if words else ["deconv_grader.cli.cell"]
    code, out, problem = _run(["-m", *module], "", "deconv")
    print((out + problem).rstrip())
    if words[:1] == ["start"] and code == 0 and not {"-h", "--help"} & set(words):
        _use_started(words[1:])
    for said in _kernel.refresh():
        if words[:1] not in (["reset"], ["restore"]):
            _note(said)


def _use_started(arguments: list[str]) -> None:
    """The workspace that ``%deconv start`` has just made is this notebook's."""
    named = [word for word in arguments if not word.startswith("-")]
    folder = Path(named[0] if named else STARTED).expanduser().resolve()
    os.environ[VARIABLE] = str(folder)
    said = _kernel.adopt()
    print(said or f"Answers are read from, and written to, {folder / 'deconvlib'}.")


def _run(arguments: list[str], given: str, name: str) -> tuple[int, str, str]:
    """Run Python in a process of its own, which ends with this cell."""
    child = subprocess.Popen(
        [sys.executable, *arguments],
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # an interrupt reaches this process alone, which then knows how far the other one came
    )
    try:
        out, problem = child.communicate(given)
    except KeyboardInterrupt:
        _kill(child)
        child.communicate()
        raise Interrupted(f"Interrupted: {name} was stopped.") from None
    return child.returncode, out, problem


def _kill(child: subprocess.Popen[str]) -> None:
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    child.kill()


class Interrupted(Said):
    """The reader stopped a process of ours."""


# ----------------------------------------------------------------------------------------------------------- %%exercise


def exercise_cell(line: str, cell: str) -> None:
    """``%%exercise NAME``: write the cell's body into the module of the exercise, check it, and run the rest of the cell.

    A cell that is still the bare stub writes nothing: it never overwrites a body written elsewhere.
    """
    from IPython.display import display

    exercise = _named(line.partition("#")[0].strip())
    _look_again()
    text = _at_its_lines(cell)
    if _is_untouched(text, exercise):
        display(not_started(exercise))
        _bind(exercise)
        _run_rest(_without(text, exercise.name))
        return
    problem = _kernel.problem()
    if problem:
        raise Said(f"{problem}\nNothing was written, and nothing was checked.")
    try:
        answer = _written_and_checked(exercise, text)
    finally:
        problem = _kernel.load(exercise.chapter)
    display(Message(answer["text"], answer["html"]))
    if answer["action"] == "refused":
        return
    _bind(exercise)
    unsafe = problem or answer["unsafe"]
    if unsafe and answer["trials"]:
        raise Said(f"The cell's other lines were not run: {unsafe}.")
    _run_rest(answer["rest"])


def _named(name: str) -> Exercise:
    known = exercises()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else f"{command('status')} lists them all."
    given = f"no exercise is named {name!r}; {hint}" if name else f"the name of the exercise is missing; {hint}"
    raise Said(f"%%exercise: {given}")


def _at_its_lines(cell: str) -> str:
    """The cell with blank lines for what stands above it, so that line numbers are those that the notebook shows."""
    above = next((i for i, line in enumerate(_raw.splitlines()) if line.lstrip().startswith("%%exercise")), 0) + 1
    text = "\n" * above + cell
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        shell = _shell()
        changed = shell.transform_cell(text) if shell else text  # %timeit below a function is no Python yet
        with contextlib.suppress(SyntaxError, ValueError):
            ast.parse(changed)
            return str(changed)
    return text


def _is_untouched(cell: str, exercise: Exercise) -> bool:
    """Whether neither the cell nor the module holds a body yet (decided without importing the grader)."""
    try:
        nodes = ast.parse(cell).body
    except (SyntaxError, ValueError):
        return False
    defined = [node for node in nodes if getattr(node, "name", None) == exercise.name]
    if len(defined) != 1 or not isinstance(defined[0], catalogue.Definition) or not catalogue.is_stub(defined[0]):
        return False
    try:
        return learner_function(exercise.id) is None
    except (Exception, SystemExit):
        return False  # the check will say what is wrong with the module


def not_started(exercise: Exercise) -> Message:
    """What the cell of an exercise shows that nobody has written yet."""
    facts = f"{exercise.points} points, about {exercise.minutes} minutes"
    text = f"{exercise.name}: not started ({facts}). Write the body and run the cell."
    html = (
        '<div class="deconv-result not-started" style="border-left:4px solid #8886;padding:.2em 0 .2em .9em">'
        f"<strong>{escape(exercise.name)}</strong>: not started. {facts}. Write the body and run the cell."
    )
    if stored():
        return Message(text, f"{html} As it is, running it shows the description and the hints.</div>")
    hint = f"\nA hint: {command(f'hint {exercise.name}')}" if exercise.hints else ""
    return Message(text + hint, f"{html}{help_html(exercise)}</div>")


def _written_and_checked(exercise: Exercise, text: str) -> dict[str, Any]:
    """Have the cell's body written and checked, in a process of its own: a loop costs its deadline, not the notebook."""
    before = _module_text(exercise)
    try:
        code, out, problem = _run(["-m", "deconv_grader.cli.cell", exercise.name], text, exercise.name)
    except Interrupted:
        raise Said(f"Interrupted. {_how_far(exercise, before)}") from None
    try:
        return dict(json.loads(out.splitlines()[-1]))
    except (ValueError, IndexError):
        done = _how_far(exercise, before)
        last = problem.strip().rpartition("\n")[2]
        raise Said(f"The check ended with code {code} before it had a result. {last}\n{done}".strip()) from None


def _module(exercise: Exercise) -> Path:
    assert _kernel.answers is not None
    return _kernel.answers / "deconvlib" / f"{exercise.chapter}.py"


def _module_text(exercise: Exercise) -> bytes:
    try:
        return _module(exercise).read_bytes()
    except OSError:
        return b""


def _how_far(exercise: Exercise, before: bytes) -> str:
    """What became of a body whose check did not come to its end: its file is as it was, or holds the new one whole."""
    again = f"Run the cell again, or: {command(f'check {exercise.name}')}"
    if _module_text(exercise) == before:
        return f"{exercise.name} in {_module(exercise)} is as it was, and was not checked. {again}"
    return f"{exercise.name} was written to {_module(exercise)}, and was not checked. {again}"


def _bind(exercise: Exercise) -> None:
    """Give the notebook the exercise as it is now."""
    shell = _shell()
    module = sys.modules.get(f"deconvlib.{exercise.chapter}")
    if shell is not None and hasattr(module, exercise.name):
        shell.user_ns[exercise.name] = getattr(module, exercise.name)


def _without(text: str, name: str) -> str:
    """A cell with the lines of a definition left empty."""
    lines = text.splitlines(keepends=True)
    for node in ast.parse(text).body:
        if getattr(node, "name", None) == name:
            first = min([node.lineno, *(part.lineno for part in getattr(node, "decorator_list", []))])
            lines[first - 1 : node.end_lineno] = ["\n"] * ((node.end_lineno or first) - first + 1)
    return "".join(lines)


def _run_rest(text: str) -> None:
    """Run what is left of a cell, as a cell of its own would: the last value is shown.

    An error is shown with the cell's own line numbers, and without our frames.
    """
    nodes = ast.parse(text).body
    shell = _shell()
    if not nodes or shell is None:
        return
    name = shell.compile.cache(text, shell.execution_count)
    last = nodes.pop() if isinstance(nodes[-1], ast.Expr) else None
    try:
        if nodes:
            exec(shell.compile(ast.Module(nodes, []), name, "exec"), shell.user_ns)
        if last is not None:
            exec(shell.compile(ast.Interactive([last]), name, "single"), shell.user_ns)
    except BaseException as error:
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        lines = shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)
        error._render_traceback_ = _always(lines)  # type: ignore[attr-defined]
        raise


def _always(lines: list[str]) -> Callable[[], list[str]]:
    return lambda: lines
