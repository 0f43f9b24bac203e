"""The pieces that belong to an exercise, and which of them are missing: one list, read from the text.

`deconv dev check` prints what these functions find, and the tests of the course assert that they find nothing. What belongs
to a chapter is in `chapter_pieces`; what has to be run to be known is in `conformance`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from deconv_grader.maintaining.checkout import MARK, Checkout, exercise_of_cell, source, unwritten
from deconvlib.course.catalogue import Definition, Exercise, arguments_of, is_stub

CHECKS, MISTAKES, VARIANTS, HINTS = 3, 4, 2, 2  # at least
Problems = Iterator[str]


def stub(course: Checkout, exercise: Exercise) -> Problems:
    """In the chapter's module: the decorator's facts, the docstring, an empty body."""
    where, name = course.name(course.stubs(exercise.chapter)), exercise.name
    if not is_stub(course.definitions(course.pristine(exercise.chapter))[name]):
        yield f"{where}: {name} holds an answer; the course ships stubs"
    if not exercise.signature.startswith("class ") and "->" not in exercise.signature:
        yield f"{where}: {name} does not say what it returns"
    if not exercise.title or MARK in exercise.title:
        yield f"{where}: the title of {name} is to be written"
    for fact in ("points", "minutes"):
        value = getattr(exercise, fact)
        if type(value) is not int or value < 1:
            yield f"{where}: {fact} of {name} is {value!r}, a whole number above 0 is needed"
    if exercise.difficulty not in (1, 2, 3):
        yield f"{where}: difficulty of {name} is {exercise.difficulty!r}, 1, 2 or 3 is needed"
    hints = [hint for hint in exercise.hints if MARK not in hint]
    if len(hints) < HINTS:
        yield f"{where}: {count(len(hints), 'hint')} of {name}, {HINTS} are needed"
    says = "Methods" if exercise.signature.startswith("class ") else "Returns"
    for heading in ("Parameters", says, "Raises", "Examples"):
        if f"{heading}\n---" not in exercise.docstring:
            yield f"{where}: the docstring of {name} has no section {heading}"
    if MARK in exercise.docstring:
        yield f"{where}: the docstring of {name} is to be written, where {MARK} stands"
    others = [chapter for chapter in course.written_chapters if chapter != exercise.chapter]
    for chapter in others:
        if name in course.chapter(chapter):
            yield f"{where}: {name} is the name of an exercise in {course.name(course.stubs(chapter))} too"
    known = course.exercises()
    for need in exercise.needs:
        if need not in known:
            yield f"{where}: {name} needs {need}, which is no exercise"
    if name in _rests_on(exercise, known):
        yield f"{where}: {name} needs itself, through {', '.join(exercise.needs)}"


def _rests_on(exercise: Exercise, known: dict[str, Exercise]) -> set[str]:
    reached: set[str] = set()
    todo = list(exercise.needs)
    while todo:
        need = todo.pop()
        if need in known and need not in reached:
            reached.add(need)
            todo += known[need].needs
    return reached


def solution(course: Checkout, exercise: Exercise) -> Problems:
    """In solutions/: the same name, signature and defaults, no docstring, a body."""
    path, name = course.solutions(exercise.chapter), exercise.name
    where, node = course.name(path), course.definitions(path).get(name)
    if node is None:
        yield f"{where}: {name} is missing; it has the signature of the stub, and no docstring"
        return
    if ast.get_docstring(node) is not None:
        yield f"{where}: {name} has a docstring; it stands in deconvlib/ only"
    stubbed = course.definitions(course.pristine(exercise.chapter))[name]
    if _signature(node, exercise) != _signature(stubbed, exercise):
        yield (
            f"{where}: {name} has another signature than the stub: {_signature(node, exercise)}, expected "
            f"{_signature(stubbed, exercise)}"
        )
    if unwritten(node):
        yield f"{where}: {name} is not written yet"


def _signature(node: Definition, exercise: Exercise) -> str:
    """Arguments, defaults and what is returned; for a class, its bases and those of its public methods."""
    if isinstance(node, ast.FunctionDef):
        return f"({ast.unparse(node.args)}){f' -> {ast.unparse(node.returns)}' if node.returns else ''}"
    methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
    stubbed = all(map(is_stub, methods))  # a stub has no helpers
    public = [part for part in methods if stubbed or part.name == "__init__" or not part.name.startswith("_")]
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    return f"({bases}): " + "; ".join(f"{part.name}{_signature(part, exercise)}" for part in public)


def checks(course: Checkout, exercise: Exercise) -> Problems:
    """In tests/: the gate first, and others."""
    path, name = course.checks(exercise.chapter), exercise.name
    where, found = course.name(path), course.marked(path, "check", name)
    if not found:
        yield f"{where}: no check of {name}; the first one is its gate"
        return
    if any(k.arg == "hidden" for k in _decorator(found[0], "check").keywords):
        yield f"{where}: {found[0].name}, the gate of {name}, is hidden; what the gate expects has to be seen"
    for node in found:
        if unwritten(node):
            yield f"{where}: {node.name} is not written yet"
        elif not any(isinstance(part, ast.Name) and part.id == "learner" for part in ast.walk(node)):
            yield f"{where}: {node.name} never looks at the learner's answer"
    if len(found) < CHECKS:
        yield f"{where}: {count(len(found), 'check')} of {name}, {CHECKS} are needed"


def _decorator(node: Definition, name: str) -> ast.Call:
    calls = [part for part in node.decorator_list if isinstance(part, ast.Call)]
    return next(call for call in calls if isinstance(call.func, ast.Name) and call.func.id == name)


def mistakes(course: Checkout, exercise: Exercise) -> Problems:
    """In tests/mistakes/: what learners really write, each with its name and a word of advice."""
    path, name = course.mistakes(exercise.chapter), exercise.name
    where, found = course.name(path), course.marked(path, "mistake", name)
    for node in found:
        if unwritten(node):
            yield f"{where}: {node.name} is not written yet"
        elif not (ast.get_docstring(node) or "").partition("\n")[2].strip():
            yield f"{where}: the docstring of {node.name} wants its name on the first line, and advice below"
    if len(found) < MISTAKES:
        yield f"{where}: {count(len(found), 'known mistake')} of {name}, {MISTAKES} are needed"


def variants(course: Checkout, exercise: Exercise) -> Problems:
    """In tests/variants/: right answers that are really different."""
    path, name = course.variants(exercise.chapter), exercise.name
    where, found = course.name(path), course.marked(path, "variant", name)
    for node in found:
        if unwritten(node):
            yield f"{where}: {node.name} is not written yet"
    if len(found) < VARIANTS:
        yield f"{where}: {count(len(found), 'right variant')} of {name}, {VARIANTS} are needed"


def needs(course: Checkout, exercise: Exercise) -> Problems:
    """What it builds on is what its worked answer calls, all of it, what a right variant calls, or what its docstring names."""
    name, declared, known = exercise.name, set(exercise.needs), set(course.exercises())
    path = course.solutions(exercise.chapter)
    called = calls(course.tree(path), [name], known - {name})
    for other in sorted(called - declared):
        yield f"{course.name(path)}: {name} calls {other}, which the decorator's needs leave out"
    if declared <= called:
        return
    path = course.variants(exercise.chapter)
    others = [node.name for node in course.marked(path, "variant", name)]
    called |= calls(course.tree(path), others, known - {name})
    called |= set(re.findall(r"\w+", exercise.docstring))
    for other in sorted((declared & known) - called):
        yield (
            f"{course.name(course.stubs(exercise.chapter))}: {name} needs {other}, and neither the worked answer nor a right "
            "variant calls it, nor does the docstring name it"
        )


def calls(tree: ast.Module, start: list[str], known: set[str], annotations: bool = True) -> set[str]:
    """The exercises that definitions name, in their own text and in the helpers beside them; in `annotations` too, or not."""
    beside: dict[str, ast.stmt] = {}
    modules = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "deconv_solutions":
            modules |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            beside[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            beside |= {part.id: node for part in targets if isinstance(part, ast.Name)}
    found: set[str] = set()
    seen, todo = set(start), [name for name in start if name in beside]
    while todo:
        parts = list(ast.walk(beside[todo.pop()]))
        if not annotations:
            types = {id(part) for node in parts for part in _annotated(node)}
            parts = [part for part in parts if id(part) not in types]
        local = {part.arg for part in parts if isinstance(part, ast.arg)}
        local |= {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
        names = {part.id for part in parts if isinstance(part, ast.Name)} - local
        found |= names & known
        found |= {p.attr for p in parts if isinstance(p, ast.Attribute) and ast.unparse(p.value) in modules} & known
        fresh = (names & set(beside)) - known - seen
        seen |= fresh
        todo += fresh
    return found


def _annotated(node: ast.AST) -> list[ast.AST]:
    """What a node says about types alone."""
    said = (getattr(node, "annotation", None), getattr(node, "returns", None))
    return [part for annotation in said if annotation is not None for part in ast.walk(annotation)]


def agreement(course: Checkout, exercise: Exercise) -> Problems:
    """In tests/course/: the worked answer against PyTorch, or the reason why there is nothing to compare with."""
    path, name = course.agreement(exercise.chapter), exercise.name
    named = {
        part.id if isinstance(part, ast.Name) else part.attr
        for node in course.definitions(path).values()
        if not unwritten(node)
        for part in ast.walk(node)
        if isinstance(part, ast.Name | ast.Attribute)
    }
    reason = _nothing_to_agree_with(course.tree(path)).get(name, MARK)
    if name not in named and (MARK in reason or not reason.strip()):
        yield (
            f'{course.name(path)}: no test of {name} against PyTorch; where PyTorch has none, NOTHING_TO_AGREE_WITH["{name}"] '
            "says why"
        )


def _nothing_to_agree_with(tree: ast.Module) -> dict[str, str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "NOTHING_TO_AGREE_WITH":
            return dict(ast.literal_eval(node.value))
    return {}


def cell(course: Checkout, exercise: Exercise) -> Problems:
    """In the chapter's notebook: the stub, left empty."""
    path, name = course.notebook(exercise.chapter), exercise.name
    where = course.name(path)
    found = [source(one).partition("\n")[2] for one in course.cells(path) if exercise_of_cell(one) == name]
    if len(found) != 1:
        yield f"{where}: {count(len(found), 'cell')} with %%exercise {name}, 1 is needed"
    stubbed = course.definitions(course.pristine(exercise.chapter))[name]
    for text in found:
        try:
            nodes = [node for node in ast.parse(text).body if getattr(node, "name", "") == name]
        except SyntaxError as error:
            yield f"{where}: the cell of {name}, line {(error.lineno or 0) + 1}: {error.msg}"
            continue
        if len(nodes) != 1 or type(nodes[0]) is not type(stubbed):
            yield f"{where}: the cell of {name} does not define it"
            continue
        node = nodes[0]
        assert isinstance(node, ast.FunctionDef | ast.ClassDef)
        if not is_stub(node):
            yield f"{where}: the cell of {name} holds an answer; it is left empty"
        given, expected = _bare(arguments_of(node)), _bare(arguments_of(stubbed))
        if given != expected:
            yield f"{where}: the cell defines {name}({given}), expected {name}({expected})"


def _bare(arguments: str) -> str:
    """Arguments without annotations: a cell leaves them out."""
    node = ast.parse(f"def f({arguments}): ...").body[0]
    assert isinstance(node, ast.FunctionDef)
    for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
        argument.annotation = None
    return ast.unparse(node.args)


def formula(course: Checkout, exercise: Exercise) -> Problems:
    """On the formula sheet: a line of its chapter's table that names it."""
    text, name = course.text(course.sheet), exercise.name
    lines = [line for line in text.splitlines() if f"[`{name}`](#exercise-{name})" in line]
    heading = f"## {exercise.number}. "
    where = f"{course.name(course.sheet)}, under {heading.strip()}"
    if len(lines) != 1:
        yield f"{where}: {count(len(lines), 'line')} with [`{name}`](#exercise-{name}), 1 is needed"
        return
    above = [line for line in text[: text.index(lines[0])].splitlines() if line.startswith("## ")]
    if not above or not above[-1].startswith(heading):
        yield f"{where}: the line of {name} stands under {above[-1] if above else 'no heading'}"
    if MARK in lines[0]:
        yield f"{where}: the line of {name} is to be written, where {MARK} stands"


#: What belongs to an exercise, in the order in which one writes it. The first five have to be there before anything runs.
OF_AN_EXERCISE: tuple[Callable[[Checkout, Exercise], Problems], ...] = (
    stub,
    solution,
    checks,
    mistakes,
    variants,
    needs,
    agreement,
    cell,
    formula,
)
TO_RUN = OF_AN_EXERCISE[:5]


def of_exercise(course: Checkout, exercise: Exercise) -> list[str]:
    """What an exercise lacks: a file and what is wanted in it, each in a line."""
    return [problem for piece in OF_AN_EXERCISE for problem in piece(course, exercise)]


def runs(course: Checkout, exercise: Exercise) -> bool:
    """Whether what has to be there before anything can be run is there."""
    return not any(problem for piece in TO_RUN for problem in piece(course, exercise))


def count(n: int, noun: str) -> str:
    return f"{n or 'no'} {noun}{'' if n == 1 else 's'}"
