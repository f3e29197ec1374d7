"""What code asks of the notebook's namespace that a script cannot give: its variables are local names of steps.

Such code is an error that names cell and line, since a script would run it and find something else.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator

from trackbook.cells.scopes import Definitions, imported_name, own_nodes

_HISTORY = re.compile(r"_{1,3}|_\d+|_i{1,3}|_i\d+|_ih|_oh|_dh|In|Out")
_TEXTS = frozenset({"exec", "eval"})
_NAMESPACE = "a script has no such namespace: name the variables that you need"


def bound_anywhere(trees: Iterable[ast.AST]) -> frozenset[str]:
    """Return every name that code binds in whatever scope."""
    found: set[str] = set()
    for node in (inner for tree in trees for inner in ast.walk(tree)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found.add(imported_name(node))
        elif isinstance(node, Definitions):
            found.add(node.name)
    return frozenset(found)


def missing(tree: ast.Module, own: frozenset[str]) -> Iterator[tuple[int, str, str]]:
    """Yield line, code and remedy for each use of what only a notebook has; `own` are the names that it binds."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if _HISTORY.fullmatch(node.id) and node.id not in own:
                yield node.lineno, node.id, "give the earlier value a name, and use that"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in own:
            name, bare = node.func.id, not node.args and not node.keywords
            if name == "globals" and bare:
                yield node.lineno, "globals()", _NAMESPACE
            elif name in _TEXTS and len(node.args) + len(node.keywords) == 1:
                yield node.lineno, f"{name}(…)", f"write the code out, or hand `{name}` a dict as its namespace"
    for node in own_nodes(tree):
        match node:
            case ast.Call(func=ast.Name(id="locals" | "vars" | "dir" as name), args=[], keywords=[]) if name not in own:
                yield node.lineno, f"{name}()", _NAMESPACE


def late_builtins(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the builtins that the code of a step reads before it binds their names, with the line that binds them."""
    read: set[str] = set()
    told: set[str] = set()
    places = [node for node in own_nodes(tree) if isinstance(node, ast.Name) and hasattr(builtins, node.id)]
    for node in sorted(places, key=lambda item: (item.lineno, item.col_offset)):
        if isinstance(node.ctx, ast.Load):
            read.add(node.id)
        elif node.id in read - told:
            told.add(node.id)
            yield node.id, node.lineno


def names_in_queries(tree: ast.AST) -> frozenset[str]:
    """Return the variables that pandas looks up by itself: `frame.query("size > @limit")`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"query", "eval"}:
            for inner in (part for item in (*node.args, *(k.value for k in node.keywords)) for part in ast.walk(item)):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    found.update(re.findall(r"@([^\W\d]\w*)", inner.value))
    return frozenset(found)
