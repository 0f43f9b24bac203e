"""Reading and replacing the body of one exercise in a chapter module, and keeping what was there before."""

from __future__ import annotations

import ast
import datetime
import importlib.util
import textwrap
from dataclasses import dataclass
from pathlib import Path

from deconvlib.course.catalogue import Definition, Exercise, arguments_of, decorator_of, is_stub

STUB_BODY = "    raise NotImplementedError\n"


class CannotEdit(ValueError):
    """The source is not such that one body can be replaced; the message says what to do."""


def stub_body(exercise: Exercise) -> str:
    """The body of an exercise that nobody has written: for a class, every public method of the worked answer, empty."""
    if not exercise.signature.startswith("class "):
        return STUB_BODY
    spec = importlib.util.find_spec(f"deconv_solutions.{exercise.chapter}")
    if spec is None or spec.origin is None:
        raise CannotEdit(f"the methods of {exercise.name} are not known here: the solutions are not installed")
    worked = _definition(ast.parse(Path(spec.origin).read_text(encoding="utf-8")), exercise.name, spec.origin)
    methods = [part for part in worked.body if isinstance(part, ast.FunctionDef)]
    public = [part for part in methods if part.name == "__init__" or not part.name.startswith("_")]
    return "\n".join(
        f"    def {part.name}({ast.unparse(part.args)}){f' -> {ast.unparse(part.returns)}' if part.returns else ''}:\n"
        "        raise NotImplementedError\n"
        for part in public
    )


@dataclass(frozen=True)
class Source:
    """One exercise's text in its module, split where its body begins."""

    text: str  # the whole module
    head: tuple[int, int]  # from the decorator to the docstring's end: character offsets
    body: tuple[int, int]
    written: bool
    bases: tuple[str, ...] = ()  # of a class

    @property
    def body_text(self) -> str:
        return self.text[slice(*self.body)]

    @property
    def whole(self) -> str:
        return self.text[self.head[0] : self.body[1]]


def _parse(text: str, name: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        line = (error.text or "").strip()
        raise CannotEdit(f"{name}, line {error.lineno}: {error.msg}: {line}") from None


def _offsets(text: str) -> list[int]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _body_line(node: Definition, decorated: bool) -> int:
    """The 1-based line on which the body begins: after the docstring, or after the signature."""
    first = node.body[0]
    is_docstring = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    if is_docstring:
        return (first.end_lineno or first.lineno) + 1
    if isinstance(node, ast.FunctionDef):
        parts: list[ast.expr | ast.arg] = [
            *node.args.args,
            *node.args.kwonlyargs,
            *node.args.defaults,
            *filter(None, node.args.kw_defaults),
        ]
        if node.returns:
            parts.append(node.returns)
    else:
        parts = [*node.bases]
    signature_end = max([node.lineno, *(part.end_lineno or part.lineno for part in parts)])
    # A comment before the first statement belongs to the body; the closing "):" may stand on a line of its own.
    return signature_end + 1


def _bases(node: Definition) -> tuple[str, ...]:
    """What a class derives from; torch.nn by its usual name."""
    named = [ast.unparse(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []
    return tuple(f"nn.{name.removeprefix('torch.nn.')}" if name.startswith("torch.nn.") else name for name in named)


def _definition(module: ast.Module, name: str, where: str) -> Definition:
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return node
    raise CannotEdit(f"{where} has no definition of {name}; start it with: def {name}(...)")


def locate(path: Path, name: str) -> Source:
    """Find an exercise in its module.

    Raises
    ------
    CannotEdit
        If the module is not Python or does not hold the exercise.
    """
    text = path.read_text(encoding="utf-8")
    node = _definition(_parse(text, path.name), name, path.name)
    if decorator_of(node) is None:
        raise CannotEdit(f"{path.name}: the line @exercise(...) above {name} is gone; put it back")
    starts = _offsets(text)
    head = min(node.lineno, *(decorator.lineno for decorator in node.decorator_list))
    body, end = _body_line(node, True), node.end_lineno or node.lineno
    lines = text.splitlines(keepends=True)
    while body < end and lines[body - 1].strip() in ("", "):") and body < (node.body[-1].lineno):
        body += 1
    return Source(
        text, (starts[head - 1], starts[body - 1]), (starts[body - 1], starts[end]), not is_stub(node), _bases(node)
    )


@dataclass(frozen=True)
class CellAnswer:
    """What a notebook cell holds: the exercise's body, and what stands beside it (imports, helper functions)."""

    body: str
    beside: str
    written: bool
    arguments: str
    bases: tuple[str, ...] = ()  # of a class


def read_cell(cell: str, name: str) -> CellAnswer:
    """Take a cell's definition of an exercise apart.

    Raises
    ------
    CannotEdit
        If the cell is not Python or does not define the exercise.
    """
    module = _parse(cell, "the cell")
    node = _definition(module, name, "the cell")
    lines = cell.splitlines(keepends=True)
    end = node.end_lineno or node.lineno
    first = _body_line(node, False)
    while first < node.body[-1].lineno and lines[first - 1].strip() in ("", "):", ") -> int:", ") -> float:"):
        first += 1
    if node.body[0].lineno == node.lineno:  # def f(x): return x
        body = ast.unparse(ast.Module(list(node.body), []))
        body = textwrap.indent(body, "    ")
    else:
        body = "".join(lines[first - 1 : end])
        if not any(line.strip() and not line.strip().startswith("#") for line in lines[first - 1 : end]):
            body = STUB_BODY
    start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    beside = ("".join(lines[: start - 1]) + "".join(lines[end:])).strip("\n")
    return CellAnswer(body.rstrip() + "\n", beside, not is_stub(node), arguments_of(node), _bases(node))


def bare_arguments(signature_or_arguments: str) -> str:
    """A signature's arguments without annotations, to compare a cell's with the module's."""
    text = signature_or_arguments
    node = ast.parse(f"def f({text}): ...").body[0]
    assert isinstance(node, ast.FunctionDef)
    for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
        argument.annotation = None
    return ast.unparse(node.args)


def _marks(name: str) -> tuple[str, str]:
    return f"# beside {name}: begin\n", f"# beside {name}: end\n"


def split_beside(source: Source, name: str) -> tuple[str, str, str]:
    """What stands above an exercise, in three: before its marked block, the block's text, and after it."""
    begin, end = _marks(name)
    above = source.text[: source.head[0]]
    if begin not in above or end not in above:
        return above, "", ""
    before, _, rest = above.partition(begin)
    beside, _, after = rest.partition(end)
    return before, beside, after


def write(path: Path, exercise: Exercise, body: str, beside: str = "") -> None:
    """Replace an exercise's body; what stands beside it in a cell goes into a marked block above it.

    Raises
    ------
    CannotEdit
        If the result would not be Python; the file is left as it was.
    """
    source = locate(path, exercise.name)
    before, _, after = split_beside(source, exercise.name)
    before += after
    begin, end = _marks(exercise.name)
    if beside.strip():
        before = f"{before}{begin}{beside.strip()}\n{end}"
    text = before + source.text[slice(*source.head)] + body.rstrip() + "\n" + source.text[source.body[1] :]
    _parse(text, path.name)
    path.write_text(text, encoding="utf-8")


def backup(folder: Path, exercise: Exercise, source: Source) -> Path:
    """Keep an exercise's present text in ``.deconv/backups/`` and return the file."""
    place = folder / ".deconv" / "backups"
    place.mkdir(parents=True, exist_ok=True)
    stamp = datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S-%f")
    path = place / f"{exercise.id}-{stamp}.py"
    path.write_text(source.whole, encoding="utf-8")
    return path
