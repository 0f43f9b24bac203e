"""Exercise cells of a notebook, taken apart: what goes into the chapter's file, and what runs in the notebook only.

The file gets the exercise's body and, beside it, imports, definitions, and constants that these use. Everything else at the
top of a cell (a trial call, a plot, a line magic) is the notebook's.
"""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parso.python.tree import Name
from parso.tree import NodeOrLeaf

from deconv_grader.answers.editing import header, pristine
from deconv_grader.answers.reader import Binding, Module, blanked, read
from deconv_grader.answers.source import LARGEST_MODULE, CannotEdit, CannotRead, read_handed_in
from deconv_grader.answers.syntax import children

LARGEST_NOTEBOOK = 32 << 20
LARGEST_TOTAL = 2 << 20
_MAGIC = re.compile(r"(\s*)%%exercise[ \t]+([A-Za-z_]\w*)[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|\Z)")
_LINE_MAGIC = re.compile(r"[ \t]*[%!]|[^#'\"]*\?[ \t]*$")
_MARKS = re.compile(r"^# beside \w+: (?:begin|end)[ \t]*(?:\r\n|\r|\n|\Z)", re.MULTILINE)
#: What a constant's value may call besides functions of imported libraries.
_MAKES_VALUES = frozenset(
    [
        "abs",
        "bool",
        "complex",
        "dict",
        "float",
        "frozenset",
        "int",
        "len",
        "list",
        "max",
        "min",
        "range",
        "round",
        "set",
        "slice",
        "sorted",
        "str",
        "sum",
        "tuple",
    ]
)


@dataclass(frozen=True)
class CellAnswer:
    """What an exercise cell holds. Line numbers in its texts are the cell's."""

    body: str
    beside: str
    written: bool
    arguments: str
    bases: tuple[str, ...] = ()  # of a class
    definition: str = ""  # the whole definition, as it is in the cell
    in_notebook: str = ""  # the cell with the lines of the exercise's definition left empty: what the notebook runs
    trials: bool = False  # whether some of it is for the notebook only
    notes: tuple[
        str, ...
    ] = ()  # what the learner should know: a line that stays in the notebook, a shadowed definition


def read_cell(cell: str, name: str, chapter: str | None = None, above: int = 1) -> CellAnswer:
    """Take a cell apart, the magic's line left out.

    Parameters
    ----------
    cell
        Its text.
    name
        The exercise.
    chapter
        Its chapter, whose imports the cell may rely on.
    above
        Lines of the notebook's cell above this text: the magic's, and empty ones.

    Raises
    ------
    CannotEdit
        If the cell is not Python or does not define the exercise.
    """
    return _take_apart(_parsed(cell, above), cell, name, chapter)


def _parsed(cell: str, above: int) -> Module:
    """The cell as Python. Line magics, where they keep it from being that, are taken for comments."""
    module = read(cell, "the cell", 1 + above)
    if module.problem:
        masked = "".join(
            "#" + line[1:] if _LINE_MAGIC.match(line.rstrip("\r\n")) and line[:1] not in ("\r", "\n") else line
            for line in module.lines
        )
        other = read(masked, "the cell", 1 + above)
        if not other.problem:
            return other
        raise CannotEdit(module.problem)
    return module


def _take_apart(module: Module, cell: str, name: str, chapter: str | None) -> CellAnswer:
    found = module.counting(name)
    if found is None:
        raise CannotEdit(f"the cell has no definition of {name}; start it with: def {name}(...)")
    line = module.line(found)
    if not found.defines:
        raise CannotEdit(f"the cell, line {line}: {name} is no definition here; write def {name}(...)")
    if not found.at_margin:
        raise CannotEdit(f"the cell, line {line}: {name} is defined inside another statement; put it at the margin")
    if found.is_async:
        raise CannotEdit(f"the cell, line {line}: {name} is to be a plain function; leave out async")
    own = [binding for binding in module.bindings if binding.name == name]
    rest = [statement for statement in module.statements if all(statement is not b.statement for b in own)]
    kept, notes = _for_the_file(module, found, rest, chapter)
    beside = _MARKS.sub("", "".join(_with_lines_above(module, part) for part in kept)).strip("\r\n")
    notes += module.shadow_notes(name)
    trials = any(part not in kept and part.type not in ("newline", "endmarker") for part in rest) or module.text != cell
    return CellAnswer(
        module.body_text(found),
        beside.replace("\r\n", "\n").replace("\r", "\n"),
        found.written,
        module.arguments(found),
        module.bases(found),
        module.text[found.start : found.end],
        blanked(cell, [(binding.start, binding.end) for binding in own if binding.defines]),
        trials,
        tuple(notes),
    )


def _with_lines_above(module: Module, statement: NodeOrLeaf) -> str:
    """A statement with the comments above it, on lines of its own."""
    text = statement.get_code(include_prefix=True)
    return text if text.endswith(("\n", "\r")) else text + "\n"


# ------------------------------------------------------------------------------------------------- what goes into a file


def _for_the_file(
    module: Module, answer: Binding, rest: list[NodeOrLeaf], chapter: str | None
) -> tuple[list[NodeOrLeaf], list[str]]:
    """The statements that go along with an answer, in order, and notes on those that it would need and do not."""
    kept = [statement for statement in rest if _defines_only(statement)]
    by_name: dict[str, NodeOrLeaf] = {}
    for binding in module.bindings:
        if binding.statement in rest and binding.statement not in kept:
            by_name[binding.name] = binding.statement
    imported = {binding.name for binding in pristine(chapter).bindings} if chapter else set()
    provided = imported | {binding.name for binding in module.bindings if binding.statement in kept}
    assert answer.node is not None
    todo = [_free_names(answer.node), *map(_free_names, kept)]
    notes = []
    seen: set[str] = set()
    while todo:
        for name in sorted(todo.pop() - seen):
            seen.add(name)
            statement = by_name.get(name)
            if statement is None or statement in kept:
                continue
            if _is_constant(statement, provided, answer.name):
                kept.append(statement)
                todo.append(_free_names(statement))
            elif name not in provided:
                line = statement.start_pos[0] - 1 + module.first_line
                notes.append(
                    f"{answer.name} uses {name}, which line {line} of the cell makes in the notebook only: imports, "
                    "definitions and constants go along into the file. Make it inside the function, or in one of your own."
                )
    return [statement for statement in rest if statement in kept], notes


def _defines_only(statement: NodeOrLeaf) -> bool:
    """Whether a statement only imports and defines: also ``if TYPE_CHECKING:`` and ``try: import ...``."""
    if statement.type in ("funcdef", "classdef", "decorated", "async_stmt", "async_funcdef"):
        return True
    if statement.type == "simple_stmt":
        parts = [part for part in children(statement) if part.type != "newline" and getattr(part, "value", "") != ";"]
        return bool(parts) and all(
            part.type in ("import_name", "import_from") and "__future__" not in part.get_code() for part in parts
        )
    if statement.type in ("if_stmt", "try_stmt"):
        suites = [part for part in children(statement) if part.type in ("suite", "simple_stmt")]
        inner = [part for suite in suites for part in (children(suite) if suite.type == "suite" else [suite])]
        inner = [part for part in inner if part.type != "newline"]
        defining = [part for part in inner if _defines_only(part)]
        return bool(defining) and all(part in defining or _is_plain(part) for part in inner)
    return False


def _is_plain(statement: NodeOrLeaf) -> bool:
    """``pass``, or an assignment of a value without any call: what stands in for a missing import."""
    parts = [part for part in children(statement) if part.type != "newline"] if statement.type == "simple_stmt" else []
    return bool(parts) and all(
        getattr(part, "value", "") == "pass" or (part.type == "expr_stmt" and not any(_calls(part))) for part in parts
    )


def _is_constant(statement: NodeOrLeaf, provided: set[str], answer: str) -> bool:
    """Whether a statement assigns a value that could be made anywhere: literals, and calls of libraries on such."""
    if statement.type != "simple_stmt":
        return False
    parts = [part for part in children(statement) if part.type != "newline"]
    if len(parts) != 1 or parts[0].type != "expr_stmt":
        return False
    return answer not in _free_names(parts[0]) and all(
        root in _MAKES_VALUES or (root in provided and dotted) for root, dotted in _calls(parts[0])
    )


def _calls(node: NodeOrLeaf) -> list[tuple[str, bool]]:
    """What is called in an expression: the first name, and whether it is an attribute that is called."""
    found = []
    todo = [node]
    while todo:
        part = todo.pop()
        todo += children(part)
        if part.type == "atom_expr":
            parts = children(part)
            for at, trailer in enumerate(parts[1:], 1):
                if trailer.type == "trailer" and trailer.children[0].value == "(":
                    found.append((getattr(parts[0], "value", "?"), at > 1))
        elif part.type in ("lambdef", "yield_expr", "namedexpr_test"):
            found.append(("?", False))
    return found


def _free_names(node: NodeOrLeaf) -> set[str]:
    """The names that occur, attributes left out."""
    found = set()
    todo = [node]
    while todo:
        part = todo.pop()
        if part.type == "trailer" and children(part)[0].value == ".":
            continue
        if isinstance(part, Name):
            found.add(part.value)
        todo += children(part)
    return found - set(dir(builtins))


# -------------------------------------------------------------------------------------------------------------- notebooks


@dataclass
class NotebookAnswers:
    """What a notebook's exercise cells amount to: modules, the exercises whose cell is not Python, and notes."""

    sources: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def extract_notebook(path: Path, exercises: Mapping[str, str]) -> NotebookAnswers:
    """Read a notebook. Nothing is run, and stored outputs are not looked at.

    The last cell of an exercise counts; but neither an untouched stub nor a cell that is not Python outweighs a written one
    above it, as neither would have changed the file.

    Parameters
    ----------
    path
        The notebook.
    exercises
        Exercise name -> the module that it belongs to.

    Raises
    ------
    CannotRead
        If it is no notebook.
    """
    out = NotebookAnswers()
    latest: dict[str, tuple[int, CellAnswer | None, str]] = {}
    for text in _code_cells(path):
        found = _MAGIC.match(text)
        name = found[2] if found else ""
        if found is None or name not in exercises:
            continue
        above = len(re.findall(r"\r\n|\r|\n", text[: found.end()]))
        answer, problem, definition = _cell(text[found.end() :], name, exercises[name], above)
        rank = 0 if problem else 2 if answer is None or answer.written else 1
        before = latest.get(name)
        if before is not None and before[0] == 2 and rank < 2:
            words = problem or f"a later cell of {name} is the untouched stub"
            out.notes.append(f"{words}; the written cell above it counts")
            continue
        latest.pop(name, None)
        latest[name] = (rank, answer, problem or definition)
    for name, (rank, answer, text) in latest.items():
        if rank == 0:
            out.broken[name] = text
            continue
        if answer is not None:
            out.notes += [note.replace("the cell", f"the cell of {name}", 1) for note in answer.notes]
            text = f"{answer.beside}\n\n{answer.definition}" if answer.beside else answer.definition
        if sum(map(len, out.sources.values())) + len(text) > LARGEST_TOTAL:
            out.broken[name] = f"the cell of {name} is not read: the cells are too large together"
            continue
        module = exercises[name]
        text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip()
        out.sources[module] = f"{out.sources.get(module) or header(module)}\n\n{text}\n"
    return out


def _cell(text: str, name: str, chapter: str, above: int) -> tuple[CellAnswer | None, str, str]:
    """A cell taken apart; or why it is not read; or, where another name is given to the exercise, its text."""
    if len(text) > LARGEST_MODULE:
        return None, f"the cell of {name} is not read: {len(text):,} characters are more than {LARGEST_MODULE:,}", ""
    try:
        module = _parsed(text, above)
        found = module.counting(name)
        if found is not None and not found.defines:
            rest = [part for part in module.statements if part is not found.statement]
            kept = [part for part in module.statements if part is found.statement or _defines_only(part)]
            return None, "", "".join(_with_lines_above(module, part) for part in kept) if rest else text
        return _take_apart(module, text, name, chapter), "", ""
    except CannotEdit as error:
        return None, str(error).replace("the cell", f"the cell of {name}", 1), ""
    except RecursionError:
        return None, f"the cell of {name}: the text is nested too deeply", ""


def _code_cells(path: Path) -> list[str]:
    """The texts of a notebook's code cells.

    Raises
    ------
    CannotRead
        If it is no notebook of format 4.
    """
    text = read_handed_in(path, LARGEST_NOTEBOOK)
    try:
        notebook = json.loads(text.removeprefix("\ufeff"))
        cells = notebook["cells"]
        if not isinstance(cells, list):
            raise TypeError
    except (ValueError, RecursionError, KeyError, TypeError):
        raise CannotRead(f"{path.name} is not a notebook") from None
    return [_text(cell) for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"]


def _text(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""
