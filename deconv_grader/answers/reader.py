"""The one reader of what a learner wrote: which definition of an exercise counts, whether it is written, and its parts.

Python's own rule decides: the last binding of the name counts, be it a definition, an assignment or an import. The text is
taken apart with parso, which gives every character's place and reads on behind an error, so that one broken line costs
neither the list of exercises nor the bodies beside it. Whether the whole is Python is asked of Python itself.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import parso
from parso.python.tree import Class, Function
from parso.tree import NodeOrLeaf
from parso.utils import split_lines

from deconv_grader.answers.source import CannotEdit
from deconv_grader.answers.syntax import (
    bare_arguments,
    bound_names,
    children,
    definition_type,
    is_docstring,
    is_stub,
    methods_of,
    python_problem,
    with_decorators,
)

_SIMPLE_HEAD = re.compile(r"(?:@|(?:async[ \t]+def|def|class)\b)")


@dataclass(frozen=True)
class Binding:
    """One place in a module where a name gets its value. Offsets count the characters of the text."""

    name: str
    line: int
    start: int  # a definition's first decorator; else the statement
    end: int  # behind the last line, comments that belong to the body included
    statement: NodeOrLeaf  # at the top of the module
    node: NodeOrLeaf | None = None  # the definition; None for an assignment, an import and the like
    unbinds: bool = False
    at_margin: bool = True  # not inside an if, a try, a with

    @property
    def defines(self) -> bool:
        return self.node is not None

    @property
    def is_async(self) -> bool:
        return self.node is not None and self.node.parent is not None and self.node.parent.type.startswith("async")

    @property
    def written(self) -> bool:
        """Whether it holds an answer: everything but a definition that only raises NotImplementedError."""
        return not self.unbinds and not (self.node is not None and is_stub(self.node))

    @property
    def decorated(self) -> bool:
        """Whether ``@exercise(...)`` stands above it."""
        if self.node is None:
            return False
        return any(
            code.startswith("exercise") and code[8:9] in ("", "(")
            for code in (part[1:].strip() for part in self._decorators())
        )

    def _decorators(self) -> Iterator[str]:
        around = self.node.parent if self.node is not None else None
        if around is not None and around.type.startswith("async"):
            around = around.parent
        if around is not None and around.type == "decorated":
            first = around.children[0]
            parts = first.children if first.type == "decorators" else [first]
            yield from (part.get_code(include_prefix=False) for part in parts)


class Module:
    """The text of a chapter module or a cell, taken apart.

    Parameters
    ----------
    text
        As it was saved: any line ends.
    where
        What messages call it, such as ``convolution.py``.
    first_line
        The number of its first line, where that is not 1.
    """

    def __init__(self, text: str, where: str, first_line: int = 1):
        self.text = text
        self.where = where
        self.first_line = first_line
        self.lines = split_lines(text, keepends=True)
        self._starts = [0]
        for line in self.lines:
            self._starts.append(self._starts[-1] + len(line))
        try:
            self.tree: NodeOrLeaf | None = parso.parse(text)
            self.bindings = list(self._bindings())
        except RecursionError:
            self.tree, self.bindings = None, []

    @property
    def statements(self) -> list[Any]:
        """What stands at the top, in order."""
        return children(self.tree)

    # ------------------------------------------------------------------------------------------------------ problems

    @functools.cached_property
    def problem(self) -> str:
        """Why Python cannot read it, with the line; empty if it can."""
        found = python_problem(self.text)
        if not found:
            return ""
        line, words = found
        line = self._line_of_depth() if line is None else line
        if line is None:
            return f"{self.where}: {words}"
        shown = self.lines[line - 1].strip()[:80] if 0 < line <= len(self.lines) else ""
        return f"{self.where}, line {line - 1 + self.first_line}: {words}{f': {shown}' if shown else ''}"

    def _line_of_depth(self) -> int | None:
        """The statement that is nested too deeply: Python does not say which."""
        for statement in self.statements:
            if python_problem(statement.get_code(include_prefix=False)):
                return statement.start_pos[0]
        return None

    # ------------------------------------------------------------------------------------------------------ bindings

    def counting(self, name: str) -> Binding | None:
        """The binding of a name that counts, or None."""
        found = [binding for binding in self.bindings if binding.name == name]
        return found[-1] if found and not found[-1].unbinds else None

    def definition(self, name: str) -> Binding:
        """The definition of a name that is known to be there.

        Raises
        ------
        CannotEdit
            If it is not.
        """
        found = self.counting(name)
        if found is None or not found.defines:
            raise CannotEdit(f"{self.where} has no definition of {name}; start it with: def {name}(...)")
        return found

    def shadowed(self, name: str) -> list[Binding]:
        """What is written for a name and does not count, because something below binds the name again."""
        return [binding for binding in self.bindings if binding.name == name and binding.written][
            : -1 if (last := self.counting(name)) and last.written else None
        ]

    def shadow_notes(self, name: str) -> tuple[str, ...]:
        """What is written for a name and does not count, in words."""
        counting = self.counting(name)
        counts = f"line {self.line(counting)} counts" if counting else "in the end nothing is bound to it"
        return tuple(
            f"{self.where} has {name} more than once: {counts}, line {self.line(other)} does not"
            for other in self.shadowed(name)
        )

    def line(self, binding: Binding) -> int:
        """The number of a binding's line, where the first is `first_line`."""
        return binding.line - 1 + self.first_line

    def written(self, names: Collection[str]) -> set[str]:
        """Which of `names` have an answer here."""
        return {name for name in names if (found := self.counting(name)) and found.written}

    def offset(self, position: tuple[int, int]) -> int:
        """Where a line and a column are in the text."""
        line, column = position
        return min(self._starts[min(line, len(self._starts)) - 1] + column, len(self.text))

    def _bindings(self) -> Iterator[Binding]:
        for statement in self.statements:
            for leaf, node in bound_names(statement):
                whole = statement if node is None else with_decorators(node)
                start, end = self.offset(whole.start_pos), self.offset(whole.end_pos)
                if node is not None:
                    end = self._cut(node, end) if self.problem else self._with_comments(node, end)
                unbinds = node is None and definition_type(leaf) == "del_stmt"
                yield Binding(
                    leaf.value, leaf.start_pos[0], start, end, statement, node, unbinds, whole.start_pos[1] == 0
                )

    def _with_comments(self, node: NodeOrLeaf, end: int) -> int:
        """Comments below the last statement that are indented like a body belong to it."""
        line = node.end_pos[0] - 1 if node.end_pos[1] == 0 else len(self.lines)
        kept = end
        margin = with_decorators(node).start_pos[1]
        for at in range(line, len(self.lines)):
            stripped = self.lines[at].strip()
            if stripped.startswith("#") and len(self.lines[at]) - len(self.lines[at].lstrip()) > margin:
                kept = self._starts[at + 1]
            elif stripped:
                break
        return kept

    def _cut(self, node: NodeOrLeaf, end: int) -> int:
        """In a text that is not Python, a definition ends at the latest where the next one begins at the margin."""
        for at in range(node.start_pos[0], len(self.lines)):
            if self._starts[at] >= end:
                break
            if _SIMPLE_HEAD.match(self.lines[at]):
                return self._behind_text(at)
        return end

    def _behind_text(self, at: int) -> int:
        """Where the last line above this one ends that is not empty."""
        while at > 0 and not self.lines[at - 1].strip():
            at -= 1
        return self._starts[at]

    def spoiled(self, name: str) -> tuple[int, int] | None:
        """Where a definition is that is too broken to be found as one: from its decorators to the next one's."""
        if not self.problem:
            return None
        heads = [at for at, line in enumerate(self.lines) if _SIMPLE_HEAD.match(line)]
        define = re.compile(rf"(?:async[ \t]+def|def|class)[ \t]+{re.escape(name)}\b")
        for number, at in enumerate(heads):
            if define.match(self.lines[at]):
                first = number
                while first and self.lines[heads[first - 1]].startswith("@"):
                    first -= 1
                following = heads[number + 1] if number + 1 < len(heads) else len(self.lines)
                return self._starts[heads[first]], self._behind_text(following)
        return None

    # --------------------------------------------------------------------------------------------------------- parts

    def body(self, binding: Binding) -> tuple[int, int]:
        """Where a definition's body is: behind the signature and the docstring. Offsets of whole lines, if it has lines."""
        assert binding.node is not None
        suite = children(binding.node)[-1]
        if suite.type != "suite":  # def f(x): return x
            return self.offset(suite.start_pos), binding.end
        first = suite.children[1]
        return self.offset(first.end_pos if is_docstring(first) else suite.children[0].end_pos), binding.end

    def indent(self, binding: Binding) -> str:
        """How a definition's docstring is indented; four spaces where there is none."""
        suite = children(binding.node)[-1]
        if suite.type != "suite" or not is_docstring(suite.children[1]):
            return "    "
        line, column = suite.children[1].start_pos
        return self.lines[line - 1][:column]

    def body_text(self, binding: Binding, indent: str = "    ") -> str:
        """A definition's body, each line ending in a line feed, indented by `indent`; ``pass`` where there is none."""
        assert binding.node is not None
        start, end = self.body(binding)
        suite = children(binding.node)[-1]
        if suite.type != "suite":  # a bracket or a string may go on over several lines; any indent will do inside
            return indent + _lf(self.text[start:end].strip()) + "\n"
        text = self.text[start:end]
        if not any(line.strip() and not line.strip().startswith("#") for line in split_lines(text)):
            return f"{indent}pass\n"
        first = suite.children[1]
        old = re.match(r"[ \t\f]*", self.lines[first.start_pos[0] - 1])
        assert old is not None
        lines = split_lines(text, keepends=True)
        inside = self._inside_strings(suite)
        line = len(split_lines(self.text[:start])) if start else 1
        out = []
        for number, part in enumerate(lines, line):
            if number not in inside and old[0] != indent and part.startswith(old[0]):
                part = indent + part[len(old[0]) :]
            out.append(part)
        return _lf("".join(out)).rstrip() + "\n"

    def _inside_strings(self, node: NodeOrLeaf) -> set[int]:
        """The lines that begin inside a string."""
        found: set[int] = set()
        leaf = node.get_first_leaf()
        last = node.get_last_leaf()
        while leaf is not None:
            if leaf.type in ("string", "fstring_string"):
                found.update(range(leaf.start_pos[0] + 1, leaf.end_pos[0] + 1))
            if leaf is last:
                break
            leaf = leaf.get_next_leaf()
        return found

    def arguments(self, binding: Binding) -> str:
        """A function's arguments without annotations; a class's are those of its `__init__`, without self."""
        node = binding.node
        assert node is not None
        if isinstance(node, Class):
            made = [part for part in methods_of(node) if part.name.value == "__init__"]
            return bare_arguments(made[-1]).partition(", ")[2] if made else ""
        assert isinstance(node, Function)
        return bare_arguments(node)

    def bases(self, binding: Binding) -> tuple[str, ...]:
        """What a class derives from; torch.nn by its usual name."""
        node = binding.node
        if not isinstance(node, Class) or (arguments := node.get_super_arglist()) is None:
            return ()
        parts = arguments.children if arguments.type == "arglist" else [arguments]
        names = [part.get_code(include_prefix=False) for part in parts if part.type != "operator"]
        return tuple(f"nn.{name.removeprefix('torch.nn.')}" if name.startswith("torch.nn.") else name for name in names)


@functools.lru_cache(maxsize=64)
def read(text: str, where: str, first_line: int = 1) -> Module:
    """A text taken apart; the same text is taken apart once."""
    return Module(text, where, first_line)


def blanked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """A text with these stretches of it left out and their line ends kept, so that all else is in the line it was."""
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + re.sub(r"[^\r\n]", "", text[start:end]) + text[end:]
    return text


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
