"""Changes to a chapter's text: a body put in, the course's empty one put back, exercises added. Text in, text out.

What is not meant stays as it is, character by character. The course's own text of an exercise comes from its pristine copy.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path

from parso.python.tree import Name
from parso.tree import NodeOrLeaf
from parso.utils import split_lines

from deconv_grader.answers import writer
from deconv_grader.answers.reader import Binding, Module, read
from deconv_grader.answers.source import CannotEdit, Source
from deconv_grader.answers.syntax import children, python_problem
from deconvlib.course.catalogue import STUBS, Exercise, exercises_in

# ----------------------------------------------------------------------------------------------- the course's own text


@functools.cache
def pristine(chapter: str) -> Module:
    """A chapter as the course has it, with no answer in it."""
    return Module((STUBS / f"{chapter}.py").read_text(encoding="utf-8"), f"{chapter}.py")


def exercises_of(chapter: str) -> list[str]:
    """The names of a chapter's exercises, in the course's order."""
    return list(exercises_in(chapter))


def _stub(chapter: str, name: str) -> str:
    """An exercise as the course has it: decorator, signature, docstring and empty body."""
    module = pristine(chapter)
    binding = module.definition(name)
    return module.text[binding.start : binding.end]


def header(chapter: str) -> str:
    """The imports at the top of a chapter, which its exercises and their cells may rely on."""
    return "".join(code for code, _ in _imports(pristine(chapter)))


def _imports(module: Module) -> list[tuple[str, set[str]]]:
    """The import statements at a module's top, each with the names that it binds; conditional ones as a whole."""
    assert module.tree is not None
    found = []
    for statement in module.statements:
        kinds = {leaf.type for leaf in children(statement)}
        text = module.text[module.offset(statement.start_pos) : module.offset(statement.end_pos)]
        names = {binding.name for binding in module.bindings if binding.statement is statement}
        if kinds & {"import_name", "import_from"} or (statement.type == "if_stmt" and names):
            found.append((text, names))
    return found


# ------------------------------------------------------------------------------------------------------------- changes


def with_answer(source: Source, exercise: Exercise, body: str, beside: str = "") -> str:
    """The chapter with this body in the exercise, and what stands beside it in a cell in a marked block above.

    Raises
    ------
    CannotEdit
        If the result would be worse Python than what there is.
    """
    name, where = exercise.name, f"{exercise.chapter}.py"
    text = source.text
    found = read(text, where).counting(name)
    if found is None or not found.decorated or found.is_async or not found.at_margin:
        text = without_answer(source, exercise)
        found = read(text, where).counting(name)
        assert found is not None
    module = read(text, where)
    start, end = module.body(found)
    body = source.in_its_lines(_indented(body, module.indent(found)))
    head = module.text[found.start : start]
    if not head.endswith(("\n", "\r")):  # a one-line function gets lines of its own
        head = head.rstrip() + source.newline
    text = text[: found.start] + head + body + text[end:]
    text = _with_block(source.with_text(text), exercise, beside)
    return _checked(source.text, text, exercise)


def _indented(body: str, indent: str) -> str:
    """A body as a docstring above it is indented."""
    if indent == "    ":
        return body.rstrip() + "\n"
    whole = Module(f"def f():\n{body}", "the body")
    found = whole.counting("f")
    return whole.body_text(found, indent) if found and not whole.problem else body.rstrip() + "\n"


def without_answer(source: Source, exercise: Exercise) -> str:
    """The chapter with the exercise as the course has it, and without the helpers that only its answer used.

    Raises
    ------
    CannotEdit
        If what counts as the answer cannot be taken out of the text.
    """
    name, where = exercise.name, f"{exercise.chapter}.py"
    text = source.text
    stub = source.in_its_lines(_stub(exercise.chapter, name))
    for _ in range(1000):  # each round takes one binding out, the last one first
        module = read(text, where)
        found = [binding for binding in module.bindings if binding.name == name and not binding.unbinds]
        if not found and module.problem:
            spoiled = module.spoiled(name)
            if spoiled is None:
                raise CannotEdit(f"{module.problem}; mend this first")
            text = text[: spoiled[0]] + stub + text[spoiled[1] :]
            break
        if not found:
            text = _with_stubs(source.with_text(text), exercise.chapter, [name])
            break
        last = found[-1]
        keep = next((binding for binding in reversed(found) if binding.decorated), None) or found[0]
        if last is keep or (len(found) == 1 and last.defines):
            if not last.defines:
                text = _without(module, last)
                continue
            if not last.at_margin:
                raise CannotEdit(
                    f"{where}, line {last.line}: {name} is defined inside another statement; put it at the margin first"
                )
            start, spoiled = last.start, module.spoiled(name)
            if spoiled is not None and spoiled[0] < start < spoiled[1]:
                start = spoiled[0]  # its decorator is broken, too
            text = text[:start] + stub + text[last.end :]
            text = _with_imports(source.with_text(text), exercise.chapter, [name])
            break
        text = _without(module, last)
    text = _with_block(source.with_text(text), exercise, "")
    return _checked(source.text, text, exercise)


def with_missing(source: Source, chapter: str) -> tuple[str, list[str]]:
    """The chapter with the exercises that it lacks added as stubs, and their names.

    Raises
    ------
    CannotEdit
        If the text is not Python: what is missing is not known then.
    """
    module = read(source.text, f"{chapter}.py")
    if module.problem:
        raise CannotEdit(module.problem)
    bound = {binding.name for binding in module.bindings}
    missing = [name for name in exercises_of(chapter) if name not in bound]
    return (_with_stubs(source, chapter, missing) if missing else source.text), missing


def _with_stubs(source: Source, chapter: str, names: list[str]) -> str:
    """Stubs put where the course has them: behind the exercise before, else above the one behind, else at the end."""
    text, order = source.text, exercises_of(chapter)
    gap = source.newline * 2
    for name in names:
        module = read(text, f"{chapter}.py")
        at = order.index(name)
        stub = source.in_its_lines(_stub(chapter, name))
        before = next((found for other in reversed(order[:at]) if (found := _at_margin(module, other))), None)
        after = next((found for other in order[at + 1 :] if (found := _at_margin(module, other))), None)
        if before is not None:
            text = _ended(text[: before.end], source) + gap + stub + _after_gap(text[before.end :], source)
        elif after is not None:
            start = _above_block(module, after)
            text = text[:start] + stub + gap + text[start:]
        else:
            text = _ended(text, source) + (gap if text.strip() else "") + stub
    return _with_imports(source.with_text(text), chapter, names)


def _ended(text: str, source: Source) -> str:
    return text if not text or text.endswith(("\n", "\r")) else text + source.newline


def _after_gap(rest: str, source: Source) -> str:
    blank = len(rest) - len(rest.lstrip("\r\n"))
    lines = len(split_lines(rest[:blank])) - 1
    return source.newline * max(0, 2 - lines) + rest if rest.strip() else rest


def _at_margin(module: Module, name: str) -> Binding | None:
    found = module.counting(name)
    return found if found is not None and found.defines and found.at_margin else None


def _with_imports(source: Source, chapter: str, names: Iterable[str]) -> str:
    """The imports that these stubs rely on, where the file lacks them, below its own."""
    text = source.text
    module = read(text, f"{chapter}.py")
    bound = {binding.name for binding in module.bindings}
    words = {word for name in names for word in re.findall(r"\w+", _stub(chapter, name))}
    lacking = [code for code, binds in _imports(pristine(chapter)) if (binds - bound) & words]
    if not lacking or module.tree is None:
        return text
    own = [part for part in module.statements if _is_import(part)]
    first = module.statements[0]
    at = module.offset((own[-1] if own else first).end_pos) if own or _is_string(first) else 0
    added = source.in_its_lines("".join(lacking))
    gap = "" if text[at:].startswith(("\n", "\r")) or not text[at:] else source.newline * 2
    return _ended(text[:at], source) + added + gap + text[at:]


def _is_import(node: NodeOrLeaf) -> bool:
    return bool({part.type for part in children(node)} & {"import_name", "import_from"})


def _is_string(node: NodeOrLeaf) -> bool:
    return [part.type for part in children(node)][:1] == ["string"]


def _without(module: Module, binding: Binding) -> str:
    """The text without a binding, if it is alone in its statement."""
    statement = binding.statement
    alone = [other for other in module.bindings if other.statement is statement] == [binding]
    if statement.type == "simple_stmt":
        alone = alone and len([part for part in children(statement) if part.type != "newline"]) == 1
    elif not binding.defines:
        alone = False
    if not alone or not binding.at_margin:
        raise CannotEdit(
            f"{module.where}, line {binding.line}: this binds {binding.name} along with other things; take it out first"
        )
    end = max(binding.end, module.offset(statement.end_pos)) if not binding.defines else binding.end
    return module.text[: binding.start] + module.text[end:]


def _checked(before: str, after: str, exercise: Exercise) -> str:
    """The new text, unless it is not Python and the old one was, or the exercise is lost in it."""
    where = f"{exercise.chapter}.py"
    problem = read(after, where).problem
    if problem and not python_problem(before):
        raise CannotEdit(f"with this, {problem}")
    if read(after, where).counting(exercise.name) is None:
        raise CannotEdit(f"{read(before, where).problem or where}; mend this first")
    return after


# ----------------------------------------------------------------------------------------------------- beside an answer


def _block(text: str, name: str) -> re.Match[str] | None:
    """The marked block with what stood beside an answer in its cell."""
    return re.search(
        rf"^# beside {re.escape(name)}: begin[ \t]*(?:\r\n|\r|\n)(.*?)^# beside {re.escape(name)}: end[ \t]*(?:\r\n|\r|\n|\Z)",
        re.sub(r"\r(?!\n)", "\n", text),  # ^ knows no \r
        re.MULTILINE | re.DOTALL,
    )


def beside(text: str, name: str) -> str:
    """What stood beside an answer in its cell, as it is in the chapter now."""
    found = _block(text, name)
    return text[slice(*found.span(1))] if found else ""


def _above_block(module: Module, binding: Binding) -> int:
    found = _block(module.text[: binding.start], binding.name)
    return found.start() if found else binding.start


def _with_block(source: Source, exercise: Exercise, inside: str) -> str:
    """The marked block replaced; what the rest of the chapter uses of the old one stays."""
    name, text = exercise.name, source.text
    old = _block(text, name)
    kept = ""
    if old:
        kept = _used_elsewhere(text, old, exercise, inside)
        text = text[: old.start()] + kept + text[old.end() :]
    if not inside.strip():
        return text
    module = read(text, f"{exercise.chapter}.py")
    found = module.counting(name)
    assert found is not None
    block = f"# beside {name}: begin\n{inside.strip()}\n# beside {name}: end\n"
    return text[: found.start] + source.in_its_lines(block) + text[found.start :]


def _used_elsewhere(text: str, old: re.Match[str], exercise: Exercise, inside: str) -> str:
    """The statements of a block that something else in the chapter uses and nothing else provides."""
    block = Module(text[slice(*old.span(1))], "the block")
    rest = Module(text[: old.start()] + text[old.end() :], exercise.chapter)
    if block.tree is None or rest.tree is None:
        return text[slice(*old.span(1))]
    own = rest.counting(exercise.name)
    span = (own.start, own.end) if own else (0, 0)
    used = {leaf.value for leaf in _names(rest.tree) if not span[0] <= rest.offset(leaf.start_pos) < span[1]}
    provided = {binding.name for binding in (*rest.bindings, *Module(inside, "the cell").bindings)}
    wanted = used - provided
    kept: list[NodeOrLeaf] = []
    while True:  # what a kept helper uses is kept as well
        more = [
            statement
            for statement in block.statements
            if statement not in kept
            and {binding.name for binding in block.bindings if binding.statement is statement} & wanted
        ]
        if not more:
            break
        kept += more
        wanted |= {leaf.value for statement in more for leaf in _names(statement)} - provided
    return "".join(part.get_code() for part in block.statements if part in kept)


def _names(node: NodeOrLeaf) -> Iterable[Name]:
    todo = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, Name):
            yield part
        todo += children(part)


# ---------------------------------------------------------------------------------------------------------- on the disk


def write(path: Path, exercise: Exercise, body: str, beside: str = "") -> Path | None:
    """Put a body into the file of its chapter (see `with_answer`). Returns the backup, None if nothing changed.

    Raises
    ------
    CannotEdit
        If that cannot be done; the file is as it was.
    """
    return writer.change(path, lambda source: with_answer(source, exercise, body, beside))


def reset(path: Path, exercise: Exercise) -> Path | None:
    """Put the course's empty body back (see `without_answer`). Returns the backup, None if there was nothing to change.

    Raises
    ------
    CannotEdit
        If that cannot be done; the file is as it was.
    """
    return writer.change(path, lambda source: without_answer(source, exercise))
