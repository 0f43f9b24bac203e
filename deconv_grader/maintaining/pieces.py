"""The pieces that belong to an exercise and to a chapter, and which of them are missing: one list, read from the text.

`deconv dev check` prints what these functions find, and the tests of the course assert that they find nothing. What has to
be run to be known is in `deconv_grader.maintaining.proofs`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from deconv_grader.maintaining.checkout import MARK, Checkout, exercise_of_cell, marks, source, unwritten
from deconvlib.course.catalogue import CHAPTERS, Definition, Exercise, arguments_of, decorator_of, is_stub

CHECKS, MISTAKES, VARIANTS, HINTS = 3, 4, 2, 2  # at least
Problems = Iterator[str]


# Of an exercise, in the order in which they are written


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


def pristine(course: Checkout, chapter: str) -> Problems:
    """The copy of the module that the grader reads, whatever a learner writes into the module."""
    path, copy = course.stubs(chapter), course.pristine(chapter)
    answered = [node for node in course.definitions(path).values() if decorator_of(node) and not is_stub(node)]
    if not answered and course.text(path) != course.text(copy):
        yield f"{course.name(copy)}: not the same as {course.name(path)}; `deconv dev check` copies it"


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


# Of a chapter


def files(course: Checkout, chapter: str) -> Problems:
    """A module, its solutions, its checks, mistakes and variants, agreement with PyTorch, the notebook."""
    for path in (
        course.stubs(chapter),
        course.notebook(chapter),
        course.solutions(chapter),
        course.checks(chapter),
        course.mistakes(chapter),
        course.variants(chapter),
        course.agreement(chapter),
    ):
        if not path.is_file():
            yield f"{course.name(path)} is missing"
        elif path.suffix == ".py" and MARK in (ast.get_docstring(course.tree(path)) or ""):
            yield f"{course.name(path)}: its docstring is to be written, where {MARK} stands"
    if not course.chapter(chapter):
        yield f"{course.name(course.stubs(chapter))}: no exercise; `deconv dev new {chapter} NAME` writes one"


def nothing_else(course: Checkout, chapter: str) -> Problems:
    """No piece of an exercise that there is not."""
    known, every = course.chapter(chapter), course.exercises()
    for path in (course.pristine(chapter), course.solutions(chapter)):
        for name in course.definitions(path):
            if not name.startswith("_") and name not in known:
                yield f"{course.name(path)}: {name} is no exercise; helpers of stubs live in deconvlib/course/, of solutions begin with _"
    for path, decorator in (
        (course.checks(chapter), "check"),
        (course.mistakes(chapter), "mistake"),
        (course.variants(chapter), "variant"),
    ):
        for node in course.marked(path, decorator):
            for name in marks(node, decorator):
                if name not in known:
                    other = f"an exercise of {every[name].chapter}" if name in every else "no exercise"
                    yield f"{course.name(path)}: {node.name} is for {name}, which is {other}"


def cells_in_order(course: Checkout, chapter: str) -> Problems:
    """The exercises' cells stand in the module's order, and only theirs are there."""
    path = course.notebook(chapter)
    seen = [name for name in map(exercise_of_cell, course.cells(path)) if name]
    wanted = list(course.chapter(chapter))
    for name in seen:
        if name not in wanted:
            yield f"{course.name(path)}: a cell has %%exercise {name}, which is no exercise of this chapter"
    present = [name for name in wanted if name in seen]
    for name, before in zip([n for n in seen if n in wanted], present, strict=False):
        if name != before:
            yield f"{course.name(path)}: the cell of {name} stands where that of {before} belongs: in the module's order"
            return


def in_contents(course: Checkout, chapter: str) -> Problems:
    """The page is in the table of contents."""
    page = f"chapters/{course.notebook(chapter).stem}"
    if not re.search(rf"^ *- file: {re.escape(page)}$", course.text(course.contents), re.MULTILINE):
        yield f"{course.name(course.contents)}: no line '- file: {page}'"


def sheet_section(course: Checkout, chapter: str) -> Problems:
    """Its section of the formula sheet: each line a formula, a proof that is there, and exercises that are."""
    heading = f"## {CHAPTERS[chapter]}. "
    where = f"{course.name(course.sheet)}, under {heading.strip()}"
    sections = re.split("^(?=## )", course.text(course.sheet), flags=re.MULTILINE)
    own = [section for section in sections if section.startswith(heading)]
    if len(own) != 1:
        yield f"{where}: {count(len(own), 'section')}, 1 is needed"
        return
    rows = [line for line in own[0].splitlines() if line.startswith("| ") and not line.startswith("| formula")]
    for row in rows:
        parts = re.split(r" \| ", row.strip("| "))
        if len(parts) != 3 or "$" not in parts[0] or not re.search(r"\]\(\d\d-\w+\.ipynb#", parts[1]):
            yield f"{where}: a line wants a formula in $, what it says with a link to its proof, and an exercise or –: {row}"
    for page, heading in re.findall(r"\]\(([^)#\s]+)#([^)\s]+)\)", own[0]):
        if heading not in _headings(course, page) and heading != MARK:
            yield f"{where}: {page} has no heading #{heading}"
    for name in re.findall(r"\]\(#exercise-(\w+)\)", own[0]):
        if name not in course.chapter(chapter):
            yield f"{where}: #exercise-{name} is no exercise of this chapter"


def _headings(course: Checkout, page: str) -> set[str]:
    """The headings of a page, as MyST (and GitHub) look them up."""
    cells = course.cells(course.sheet.parent / page)
    text = "\n".join(source(cell) for cell in cells if cell["cell_type"] == "markdown")
    found = re.findall(r"^#{2,3} (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


OF_A_CHAPTER: tuple[Callable[[Checkout, str], Problems], ...] = (
    files,
    pristine,
    nothing_else,
    cells_in_order,
    in_contents,
    sheet_section,
)


def of_chapter(course: Checkout, chapter: str) -> list[str]:
    """What a chapter lacks beside what its exercises lack."""
    found = [problem for piece in OF_A_CHAPTER for problem in piece(course, chapter)]
    return [*found, *of_page(course, course.notebook(chapter))]


def strays(course: Checkout) -> list[str]:
    """Files that look like a chapter's, where there is no such chapter."""
    known = set(course.written_chapters)
    places = (course.solutions, course.checks, course.mistakes, course.variants, course.agreement, course.notebook)
    wanted = {place(chapter) for place in places for chapter in known}
    patterns = {place("convolution") for place in places}
    there = {
        path
        for pattern in patterns
        for path in pattern.parent.glob(pattern.name.replace("01-", "[0-9][0-9]-").replace("convolution", "*"))
    }
    return [
        f"{course.name(path)} belongs to no chapter that is there"
        for path in sorted(there - wanted)
        if path.name != "__init__.py" and not path.name.startswith("00-")
    ]


# Of a page


def set_up(course: Checkout, path: Path) -> Problems:
    """Every notebook begins with the same code."""
    code = [cell for cell in course.cells(path) if cell["cell_type"] == "code"]
    first = course.root / "chapters" / "00-start-here.ipynb"
    wanted = next(source(cell) for cell in course.cells(first) if cell["cell_type"] == "code")
    if not code or source(code[0]) != wanted:
        yield f"{course.name(path)}: the first code cell is not the set-up of {course.name(first)}"


def was_run(course: Checkout, path: Path) -> Problems:
    """It was run from top to bottom, without an error and without a warning."""
    where, again = course.name(path), f"run: make chapter N={path.stem[:2]}"
    code = [cell for cell in course.cells(path) if cell["cell_type"] == "code"]
    if [cell["execution_count"] for cell in code] != list(range(1, len(code) + 1)):
        yield f"{where}: not run from top to bottom since it was changed; {again}"
    outputs = [output for cell in code for output in cell["outputs"]]
    for output in outputs:
        if output["output_type"] == "error":
            yield f"{where}: a cell ends in {output['ename']}: {output['evalue']}"
    said = "".join("".join(output["text"]) for output in outputs if output.get("name") == "stderr")
    for line in said.splitlines():
        if "is not written yet; the reference answer is used." not in line:
            yield f"{where}: a cell wrote to stderr: {line}"
    if any(MARK in source(cell) for cell in course.cells(path)):
        yield f"{where}: the text is to be written, where {MARK} stands"


def equations(course: Checkout, path: Path) -> Problems:
    """Tags of equations count up, and what is referred to exists."""
    text = "\n".join(source(cell) for cell in course.cells(path) if cell["cell_type"] == "markdown")
    number = str(int(path.stem[:2]))
    tags = re.findall(r"\\tag\{([\d.]+)\}", text)
    wanted = [f"{number}.{i}" for i in range(1, len(tags) + 1)]
    if tags != wanted:
        wrong = next((tag, right) for tag, right in zip(tags, wanted, strict=True) if tag != right)
        yield f"{course.name(path)}: an equation has the tag {wrong[0]}, expected {wrong[1]}"
    for tag in sorted(set(re.findall(rf"\(({number}\.\d+)\)", text)) - set(tags)):
        yield f"{course.name(path)}: the text refers to equation ({tag}), which is not there"


OF_A_PAGE: tuple[Callable[[Checkout, Path], Problems], ...] = (set_up, was_run, equations)


def of_page(course: Checkout, path: Path) -> list[str]:
    """What is wrong with a notebook."""
    return [problem for piece in OF_A_PAGE for problem in piece(course, path)] if path.is_file() else []


def count(n: int, noun: str) -> str:
    return f"{n or 'no'} {noun}{'' if n == 1 else 's'}"
