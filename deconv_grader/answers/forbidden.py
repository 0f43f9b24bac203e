"""Which libraries an exercise's body names, said in words before anything runs. The fence is the worker's."""

from __future__ import annotations

import ast

from deconv_grader.answers.reader import read
from deconvlib.course.catalogue import Exercise


def forbidden_in(source: str, exercise: Exercise) -> str:
    """Why an exercise's body in a module's text may not count: the forbidden library it names. Empty if it may.

    Friendly words only, said before anything runs: the fence is the worker's.
    """
    found = {
        name for used in _names_used(source, exercise) for name in exercise.forbids if f"{used}.".startswith(f"{name}.")
    }
    if not found:
        return ""
    return (
        f"{exercise.name} is to be written without {' and '.join(sorted(found))}: it is the thing to be understood here"
    )


def _names_used(source: str, exercise: Exercise) -> set[str]:
    """What an exercise's body uses of what the module or the body imports, by full dotted names."""
    text = read(source, f"{exercise.chapter}.py")
    counting = text.counting(exercise.name)
    if text.problem or counting is None:
        return set()
    module = ast.parse(source)
    bound: dict[str, str] = {}
    used: set[str] = set()

    def note(node: ast.AST) -> list[str]:
        if isinstance(node, ast.Import):
            names = {alias.asname or alias.name.partition(".")[0]: alias for alias in node.names}
            full = {key: alias.name if alias.asname else key for key, alias in names.items()}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            full = {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        else:
            return []
        bound.update(full)
        return list(full.values())

    for statement in module.body:
        note(statement)
    for node in _parts(module, counting.line, exercise.name):
        used.update(note(node))
    for node in _parts(module, counting.line, exercise.name):
        path: list[str] = []
        while isinstance(node, ast.Attribute):
            path.insert(0, node.attr)
            node = node.value
        if isinstance(node, ast.Name) and node.id in bound:
            used.add(".".join([bound[node.id], *path]))
    return used


def _parts(module: ast.Module, line: int, name: str) -> list[ast.AST]:
    """All that the definition in this line is made of, its signature left out; or all of the statement that is no definition."""
    for statement in module.body:
        if statement.lineno <= line <= (statement.end_lineno or line):
            for node in ast.walk(statement):
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
                    return list(ast.walk(ast.Module(list(node.body), [])))
            return list(ast.walk(statement))
    return []
