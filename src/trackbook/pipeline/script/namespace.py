"""What code asks of the notebook's namespace that a script cannot give: its variables are local names of steps.

Such code is an error that names cell and line, since a script would run it and find something else.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Iterator, Mapping

from trackbook.cells import CellSource
from trackbook.cells.scopes import Definitions, imported_name, own_nodes
from trackbook.pipeline.steps.grouping import Layout, StepsError
from trackbook.pipeline.steps.notebook import Cell

_HISTORY = re.compile(r"_{1,3}|_\d+|_i{1,3}|_i\d+|_ih|_oh|_dh|In|Out")
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
        match node:
            case ast.Name(name, ast.Load()) if _HISTORY.fullmatch(name) and name not in own:
                yield node.lineno, name, "give the earlier value a name, and use that"
            case ast.Call(func=ast.Name("exec"), args=[_], keywords=[]) if "exec" not in own:
                yield node.lineno, "exec(…)", "write the code out, or hand `exec` a dict as its namespace"
    for node in own_nodes(tree):
        match node:
            case ast.Call(func=ast.Name(id="locals" | "vars" | "dir" as name), args=[], keywords=[]) if name not in own:
                yield node.lineno, f"{name}()", _NAMESPACE


def _lookups(tree: ast.Module, own: frozenset[str]) -> Iterator[tuple[int, str, str]]:
    """Yield line, code and remedy for each place that finds variables by their names; `own` as in `missing`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name("globals" as name), args=[], keywords=[]) if name not in own:
                yield node.lineno, "globals()", _NAMESPACE
            case ast.Call(func=ast.Name("eval" as name), args=[_], keywords=[]) if name not in own:
                yield node.lineno, "eval(…)", "write the code out, or hand `eval` a dict as its namespace"


def shares_names(
    layout: Layout, cells: Mapping[int, Cell], sources: Mapping[int, CellSource], own: frozenset[str]
) -> bool:
    """Tell whether code finds variables by their names, so that they have to be globals of the script.

    Raises NotebookError where there are parameters or several steps: those hand variables to each other.
    """
    for index, source in sources.items():
        for number, code, remedy in _lookups(source.tree, own):
            if len(layout.steps) > 1 or layout.parameters or layout.injected:
                raise StepsError(
                    f"{cells[index].label}, line {source.line(number)}: `{code}` has no form in a script; {remedy}",
                    [cell for step in layout.steps for cell in step.cells],
                )
            return True
    return False


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
