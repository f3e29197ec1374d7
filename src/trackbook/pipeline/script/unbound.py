"""Names that are read before anything binds them: a notebook fails there, and so must its script, the same way."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from trackbook.cells.scopes import Definitions, bound_names


def read_unbound(text: str, given: Iterable[str]) -> frozenset[str]:
    """Return the names that code binds, but reads where they are not bound, for sure or because a `try` failed.

    As local names of a function they would raise UnboundLocalError, where a notebook raises NameError; `given` are
    bound from the start.
    """
    body = ast.parse(text).body
    own = frozenset(name for node in body for name in bound_names(ast.Module([node], [])))
    bound, found = set(given), set()
    for node in body:
        inside = set() if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) else _binds(node)
        found |= (_reads(node) & own) - bound - inside
        bound |= _binds(node) - _tried(node)
        if isinstance(node, ast.Delete):
            bound -= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return frozenset(found - set(given))


def left_by_try(text: str) -> frozenset[str]:
    """Return the names that code binds nowhere but in a `try` that goes on without them where it fails."""
    body = ast.parse(text).body
    return frozenset(name for node in body for name in _tried(node)) - {
        name for node in body for name in _binds(node) - _tried(node)
    }


def _tried(node: ast.stmt) -> set[str]:
    """Return the names that a `try` binds only where it does not fail."""
    if not isinstance(node, ast.Try):
        return set()
    going_on = [handler.body for handler in node.handlers if not _ends(handler.body)]
    always = [_bound_in(body) for body in going_on]
    found = _bound_in([*node.body, *node.orelse]) - _bound_in(node.finalbody)
    return found - set[str].intersection(*always) if always else set()


def _bound_in(body: Iterable[ast.stmt]) -> set[str]:
    return {name for node in body for name in _binds(node)}


def _ends(body: list[ast.stmt]) -> bool:
    """Tell whether code goes no further: it raises, or ends the program."""
    match body[-1]:
        case ast.Raise() | ast.Expr(value=ast.Call(func=ast.Name(id="exit" | "quit") | ast.Attribute(attr="exit"))):
            return True
    return False


def read_early(texts: Mapping[int, str]) -> frozenset[str]:
    """Return the names that cells read, outside functions, before a cell has bound them."""
    bound: set[str] = set()
    found: set[str] = set()
    for index in sorted(texts):
        for node in ast.parse(texts[index]).body:
            found |= _reads(node) - bound - _binds(node)
            bound |= _binds(node)
    return frozenset(found & bound)


def _binds(node: ast.stmt) -> set[str]:
    """Return the names that may be bound when a statement has run; `except … as name` leaves none."""
    handlers = {inner.name for inner in ast.walk(node) if isinstance(inner, ast.ExceptHandler) and inner.name}
    stored = {inner.id for inner in _inside(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}
    names = set() if isinstance(node, ast.Delete) else bound_names(ast.Module([node], []))
    return names - (handlers - stored)


def _reads(node: ast.stmt) -> set[str]:
    """Return the names that a statement reads itself, in whatever block of it."""
    found = {
        inner.id for inner in _inside(node) if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Store)
    }
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        found.add(node.target.id)
    return found - _of_comprehensions(node)


def _of_comprehensions(node: ast.stmt) -> set[str]:
    targets = (inner.target for inner in ast.walk(node) if isinstance(inner, ast.comprehension))
    return {inner.id for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Name)}


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    if not isinstance(node, Definitions | ast.Lambda):
        yield node
        for inner in ast.iter_child_nodes(node):
            yield from _inside(inner)
