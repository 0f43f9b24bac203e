"""What the exercises are: read from the decorators in the source, without importing anything.

They are read from the pristine copies of the chapter modules in ``deconvlib/course/stubs``, never from the files that
learners edit: whatever these hold, the list of exercises and their points stay what they are. Reading with ``ast`` means
that the list costs no import of torch. After a change of a stub, ``python -m deconvlib.course.catalogue`` copies it there.
"""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass
from pathlib import Path

from deconvlib.course.workspace import PACKAGE

#: The chapter modules as the course has them, with no answer in them.
STUBS = PACKAGE / "course" / "stubs"

#: Chapter modules in the order of the course, with their numbers.
CHAPTERS = {
    "convolution": 1,
    "convolution_matrix": 2,
    "transposed_convolution": 3,
    "inversion": 4,
    "unpooling": 5,
    "upsampling": 6,
    "mirror_network": 7,
    "deconvnet": 8,
    "sanity_checks": 9,
    "sparse_coding": 10,
    "restoration": 11,
    "segmentation": 12,
    "generation": 13,
    "fast_algorithms": 14,
    "gpu": 15,
    "capacity": 16,
}


#: What stands beside the chapters in ``deconvlib/`` and is not the learner's: the shared part, its command, what to take home.
COURSES_OWN = ("course", "train.py", "fast.py")


@dataclass(frozen=True)
class Exercise:
    """One exercise: what its decorator says and where it stands. The signature of a class is that of its `__init__`."""

    name: str
    chapter: str
    title: str
    points: int
    minutes: int
    difficulty: int
    signature: str
    docstring: str
    needs: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    forbids: tuple[str, ...] = ("torch", "scipy")
    requires: tuple[str, ...] = ()
    deadline: float = 5.0

    @property
    def id(self) -> str:
        return f"{self.chapter}.{self.name}"

    @property
    def number(self) -> int:
        """The number of the chapter."""
        return CHAPTERS[self.chapter]


Definition = ast.FunctionDef | ast.ClassDef


def decorator_of(node: ast.stmt) -> ast.Call | None:
    """The ``@exercise(...)`` call of a definition, or None."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        for decorator in node.decorator_list:
            if (
                isinstance(decorator, ast.Call)
                and isinstance(decorator.func, ast.Name)
                and decorator.func.id == "exercise"
            ):
                return decorator
    return None


def is_stub(node: Definition) -> bool:
    """Whether nothing has been written yet: the body (of every method, for a class) only raises NotImplementedError."""
    if isinstance(node, ast.ClassDef):
        methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
        return bool(methods) and all(is_stub(method) for method in methods)
    body = [part for part in node.body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))]
    if len(body) != 1 or not isinstance(body[0], ast.Raise) or body[0].exc is None:
        return False
    raised = body[0].exc
    name = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(name, ast.Name) and name.id == "NotImplementedError"


def arguments_of(node: Definition) -> str:
    """A function's arguments as they are written; a class's are those of its `__init__`, without self."""
    if isinstance(node, ast.FunctionDef):
        return ast.unparse(node.args)
    made = next((part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"), None)
    return ast.unparse(made.args).partition(", ")[2] if made else ""


def _signature(node: Definition) -> str:
    if isinstance(node, ast.ClassDef):
        return f"class {node.name}({arguments_of(node)})"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{node.name}({arguments_of(node)}){returns}"


def read_module(path: Path) -> dict[str, Exercise]:
    """The exercises of one chapter module, in their order.

    Raises
    ------
    SyntaxError
        If the file is not Python.
    ValueError
        If a decorator's argument is not a literal.
    """
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8"), filename=str(path)).body:
        call = decorator_of(node)
        if call is None:
            continue
        assert isinstance(node, ast.FunctionDef | ast.ClassDef)
        try:
            facts = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg}
        except ValueError as error:
            raise ValueError(f"{path.name}: the decorator of {node.name} must hold literals only ({error})") from None
        found[node.name] = Exercise(
            name=node.name,
            chapter=path.stem,
            signature=_signature(node),
            docstring=ast.get_docstring(node) or "",
            **facts,
        )
    return found


def chapter_modules(folder: Path = STUBS) -> list[Path]:
    """The chapter modules present in `folder`, in the order of the course."""
    return [folder / f"{name}.py" for name in CHAPTERS if (folder / f"{name}.py").is_file()]


@functools.cache
def exercises_in(chapter: str) -> dict[str, Exercise]:
    """The exercises of one chapter, in their order; none for a chapter that is not written yet."""
    path = STUBS / f"{chapter}.py"
    return read_module(path) if path.is_file() else {}


@functools.cache
def exercises() -> dict[str, Exercise]:
    """Every exercise by its name, in the order of the course."""
    return {name: exercise for chapter in CHAPTERS for name, exercise in exercises_in(chapter).items()}


def prerequisites(name: str) -> list[str]:
    """All exercises that `name` rests on, directly or through others, in the order of the course."""
    known = exercises()
    reached: set[str] = set()
    todo = list(known[name].needs)
    while todo:
        need = todo.pop()
        if need not in reached and need in known:
            reached.add(need)
            todo += known[need].needs
    return [other for other in known if other in reached]


def write_stubs(folder: Path = PACKAGE, to: Path = STUBS) -> list[Path]:
    """Copy the chapter modules of a checkout that holds no answers to the pristine copies.

    Returns
    -------
    list of Path
        The copies that changed.

    Raises
    ------
    ValueError
        If a module holds an answer, or is not as `read_module` wants it; then nothing is copied.
    """
    sources = chapter_modules(folder)
    for path in sources:
        nodes = {node.name: node for node in ast.parse(path.read_bytes()).body if isinstance(node, Definition)}
        answered = [name for name in read_module(path) if not is_stub(nodes[name])]
        if answered:
            raise ValueError(f"{path.name} holds answers ({', '.join(answered)}); only empty exercises are copied")
    to.mkdir(exist_ok=True)
    gone = {path.name for path in chapter_modules(to)} - {path.name for path in sources}
    changed = []
    for path in sources:
        copy = to / path.name
        if not copy.exists() or copy.read_bytes() != path.read_bytes():
            copy.write_bytes(path.read_bytes())
            changed.append(copy)
    for name in sorted(gone):
        (to / name).unlink()
        changed.append(to / name)
    exercises.cache_clear()
    exercises_in.cache_clear()
    return changed
