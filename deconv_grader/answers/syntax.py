"""What Python and parso say about a text: why it is no Python, what a definition is made of, which names a statement binds."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from typing import Any

from parso.python.tree import Class, Function, Name
from parso.tree import NodeOrLeaf

TOO_DEEP = "the text is nested too deeply for Python"
_SCOPES = ("funcdef", "classdef", "lambdef")


def python_problem(text: str) -> tuple[int | None, str] | None:
    """The line, where it is known, and the words of what keeps Python from reading a text; None if nothing does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "<text>", "exec", dont_inherit=True)
        except SyntaxError as error:
            return error.lineno, error.msg
        except (RecursionError, MemoryError):
            return None, TOO_DEEP
        except ValueError as error:
            return None, str(error)
    return None


def is_stub(node: NodeOrLeaf) -> bool:
    """Whether the body (of every method, for a class) only raises NotImplementedError, with a plain message or none."""
    if isinstance(node, Class):
        methods = methods_of(node)
        return bool(methods) and all(map(is_stub, methods))
    suite = children(node)[-1]
    statements: list[NodeOrLeaf] = []
    for part in suite.children if suite.type == "suite" else [suite]:
        statements += part.children if part.type == "simple_stmt" else [part]
    kept = [
        part
        for part in statements
        if part.type not in ("newline", "string", "strings", "number") and _value(part) not in (";", "...")
    ]
    if len(kept) != 1 or kept[0].type != "raise_stmt":
        return False
    raised = children(kept[0])[1:]
    if len(raised) != 1:
        return False
    if _value(raised[0]) == "NotImplementedError":
        return True
    return raised[0].type == "atom_expr" and _is_plain_call(raised[0])


def _is_plain_call(node: NodeOrLeaf) -> bool:
    parts = children(node)
    if len(parts) != 2 or _value(parts[0]) != "NotImplementedError" or parts[1].type != "trailer":
        return False
    inside = parts[1].children
    return inside[0].value == "(" and (len(inside) == 2 or (len(inside) == 3 and inside[1].type == "string"))


def children(node: NodeOrLeaf | None) -> list[Any]:
    """The parts of a node; none of a leaf."""
    return getattr(node, "children", [])


def _value(node: NodeOrLeaf) -> str:
    return getattr(node, "value", "")


def methods_of(node: Class) -> list[Function]:
    """The functions in a class's body, in order."""
    suite = node.children[-1]
    found = []
    for part in suite.children if suite.type == "suite" else []:
        inner = part.children[-1] if part.type in ("decorated", "async_stmt") else part
        inner = inner.children[-1] if inner.type == "async_funcdef" else inner
        if isinstance(inner, Function):
            found.append(inner)
    return found


def bare_arguments(node: Function) -> str:
    """A function's arguments without annotations."""
    parts: list[str] = []
    for part in node.children[2].children[1:-1]:
        if part.type == "param":
            stars = "*" * part.star_count
            default = f"={_tight(part.default)}" if part.default is not None else ""
            parts.append(f"{stars}{part.name.value}{default}")
        elif _value(part) in ("*", "/"):
            parts.append(part.value)
        elif part.type == "operator" and part.value == ",":
            continue
    return ", ".join(parts)


def _tight(node: NodeOrLeaf) -> str:
    """An expression as Python writes it, so that layout does not matter."""
    code = node.get_code(include_prefix=False)
    try:
        return ast.unparse(ast.parse(code.strip(), mode="eval"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code


def is_docstring(node: NodeOrLeaf) -> bool:
    """Whether a statement is a string and nothing else."""
    if node.type != "simple_stmt":
        return False
    parts = [part.type for part in children(node)]
    return parts in (["string", "newline"], ["strings", "newline"], ["string"])


def with_decorators(node: NodeOrLeaf) -> NodeOrLeaf:
    """A definition with its decorators."""
    while node.parent is not None and node.parent.type in ("async_funcdef", "async_stmt", "decorated"):
        node = node.parent
    return node


def definition_type(leaf: NodeOrLeaf) -> str:
    """What kind of statement gives a name its value, or takes it; empty where none does."""
    found = leaf.get_definition() if isinstance(leaf, Name) else None
    return found.type if found is not None else ""


def _binds(leaf: Name) -> bool:
    """Whether a name that stands outside of definitions gets a value, or loses it, where it stands."""
    parent = leaf.parent
    if parent is None or parent.type == "trailer":  # f.x = 1 binds no x
        return False
    kind = definition_type(leaf)
    if kind in ("", "param", "sync_comp_for", "comp_for"):
        return False
    if kind == "expr_stmt" and parent.type == "expr_stmt" and parent.children[1].type == "annassign":
        return len(parent.children[1].children) > 2  # `x: int` alone binds nothing
    return True


def bound_names(statement: NodeOrLeaf) -> Iterator[tuple[Name, NodeOrLeaf | None]]:
    """The names that a statement at the top binds, in order, each with its definition if it has one."""
    todo = [statement]
    while todo:
        node = todo.pop()
        if node.type in ("funcdef", "classdef"):
            yield node.name, node  # type: ignore[attr-defined]
        elif isinstance(node, Name):
            if _binds(node):
                yield node, None
        elif node.type not in _SCOPES and hasattr(node, "children"):
            todo += reversed(node.children)
