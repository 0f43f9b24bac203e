"""In a notebook: the figures' style and the ``%%exercise`` cells, which write a body into its module and check it."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from html import escape
from typing import Any

from deconvlib.course.catalogue import Exercise, exercises
from deconvlib.course.exercise import is_stub


class Message:
    """Something to show, as text and as HTML."""

    def __init__(self, text: str, html: str = ""):
        self.text = text
        self.html = html

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.text} | ({"text/html": self.html} if self.html else {})


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
    shell.register_magic_function(exercise_cell, magic_kind="cell", magic_name="exercise")
    shell.register_magic_function(deconv_line, magic_kind="line", magic_name="deconv")


def deconv_line(line: str) -> None:
    """``%deconv hint conv2d``: the command line, from a notebook. ``%deconv`` alone shows progress."""
    import os
    import shlex

    words = shlex.split(line)
    if words[:1] and words[0] in ("watch", "reset"):
        raise ValueError(f"%deconv {words[0]} needs a terminal; in a notebook use hint, solution, status or check")
    command = [sys.executable, "-m", "deconv_grader", *words]
    run = subprocess.run(
        command,
        env=os.environ | {"COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    print((run.stdout + run.stderr).rstrip())


def exercise_cell(line: str, cell: str) -> None:
    """``%%exercise NAME``: write the cell's body into the module of the exercise and check it at once.

    A cell that is still the bare stub writes nothing: it never overwrites a body written elsewhere.
    """
    from IPython.display import display

    name = line.strip()
    known = exercises()
    if name not in known:
        raise ValueError(f"%%exercise takes the name of an exercise, got {name!r}; `deconv` in a terminal lists them")
    exercise = known[name]
    if _is_untouched(cell, exercise):
        display(_not_started(exercise))
        return
    run = subprocess.run(
        [sys.executable, "-m", "deconv_grader.cli.cell", name], input=cell, capture_output=True, text=True, check=False
    )
    try:
        answer = json.loads(run.stdout)
    except ValueError:
        raise RuntimeError(f"the check could not run:\n{run.stderr[-2000:]}") from None
    if answer["action"] != "refused":
        _reload(exercise)
    said = {
        "written": f"Written to {answer.get('module')}.",
        "same": "",
        "kept": f"This cell is the bare stub; checked instead: the body in {answer.get('module')}.",
        "refused": "Nothing was written.",
    }[answer["action"]]
    text = "\n".join(part for part in (answer["text"], said) if part)
    html = f"{answer['html'] or '<pre>' + escape(answer['text']) + '</pre>'}<p><small>{escape(said)}</small></p>"
    display(Message(text, html))


def _is_untouched(cell: str, exercise: Exercise) -> bool:
    """Whether neither the cell nor the module holds a body yet (decided without importing the grader)."""
    import ast

    from deconvlib.course import catalogue

    try:
        nodes = ast.parse(cell).body
    except SyntaxError:
        return False
    defined = [node for node in nodes if getattr(node, "name", None) == exercise.name]
    if len(defined) != 1 or not isinstance(defined[0], catalogue.Definition) or not catalogue.is_stub(defined[0]):
        return False
    function = getattr(importlib.import_module(f"deconvlib.{exercise.chapter}"), exercise.name)
    return is_stub(getattr(function, "__wrapped__", function))


def _not_started(exercise: Exercise) -> Message:
    facts = f"{exercise.points} points, about {exercise.minutes} minutes"
    text = f"{exercise.name}: not started ({facts}). Write the body and run the cell."
    html = (
        f'<div class="deconv-result not-started"><strong>{escape(exercise.name)}</strong>: not started. '
        f"{facts}. Write the body and run the cell.</div>"
    )
    return Message(text, html)


def _reload(exercise: Exercise) -> None:
    name = f"deconvlib.{exercise.chapter}"
    if name in sys.modules:
        importlib.reload(sys.modules[name])
    else:
        importlib.import_module(name)
