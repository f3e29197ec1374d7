"""What a function of a script is made of: all that it reaches at module level, followed by name.

Names are followed without regard to scopes, which reaches too much rather than too little.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_HARMLESS = frozenset({"dataclass", "dataclasses.dataclass", "total_ordering", "functools.total_ordering"})
"""Decorators of classes that do nothing but to the class."""
_UNREADABLE = frozenset({"eval", "exec", "globals", "vars", "compile", "__import__", "importlib"})


@dataclass(frozen=True)
class Code:
    """What a step function is made of: its own source, and all that it reaches in the script.

    Sources are normalised (`ast.unparse`), so that comments and layout do not count.  `modules` are the
    imported modules, `strings` the string literals (they may be paths of files).
    """

    source: str
    reached: tuple[tuple[str, str], ...]
    modules: tuple[str, ...]
    strings: tuple[str, ...]


def code_of(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    module: Sequence[ast.stmt],
    binders: Mapping[str, Sequence[ast.stmt]],
    always: Sequence[ast.stmt],
) -> Code:
    """Follow the names of `function` through the statements of its module until nothing new is reached.

    `binders` are the statements that bind a name, `always` those that concern every step.
    """
    reached: dict[int, ast.stmt] = {}
    waiting = [*always]
    names = _names_in(function)
    while waiting or names:
        waiting += [node for name in names for node in binders.get(name, ())]
        names = set()
        for statement in waiting:
            if id(statement) not in reached and statement is not function:
                reached[id(statement)] = statement
                names |= _names_in(statement)
        waiting = []
    nodes = sorted(reached.values(), key=lambda node: (node.lineno, node.col_offset))
    if _UNREADABLE & set().union(_names_in(function), *map(_names_in, nodes)):
        nodes = [node for node in module if node is not function]
    return Code(ast.unparse(function), _sources(nodes), _modules([function, *nodes]), _strings([function, *nodes]))


def _sources(nodes: Iterable[ast.stmt]) -> tuple[tuple[str, str], ...]:
    return tuple((" ".join(sorted(bound_names(node))), ast.unparse(node)) for node in nodes)


def _modules(nodes: Iterable[ast.stmt]) -> tuple[str, ...]:
    found: set[str] = set()
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names if alias.name != "*")}
    return tuple(sorted(found))


def _strings(nodes: Iterable[ast.stmt]) -> tuple[str, ...]:
    constants = (node for outer in nodes for node in ast.walk(outer) if isinstance(node, ast.Constant))
    return tuple(
        sorted({node.value for node in constants if isinstance(node.value, str) and 0 < len(node.value) < 1024})
    )


def concerns_every_step(statement: ast.stmt) -> bool:
    """Tell whether a module-level statement may act on the process or on values that a step is handed.

    Classes do not: those of the objects that a step is handed come with the objects, see `plan`.
    """
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.Import | ast.ImportFrom):
        return False
    if isinstance(statement, ast.ClassDef):
        decorators = {ast.unparse(node).partition("(")[0] for node in statement.decorator_list}
        return bool(statement.keywords or decorators - _HARMLESS) and statement.name != "Params"
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return not all(isinstance(target, ast.Name | ast.Tuple) for target in targets)
    return not (is_docstring(statement) or is_main_guard(statement))


def bound_names(statement: ast.stmt) -> set[str]:
    """Return the names that a module-level statement binds, in whatever block of it."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    names: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            names.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
    return names


def _names_in(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__name__" in _names_in(statement.test) and not statement.orelse
