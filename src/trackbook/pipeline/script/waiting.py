"""Which steps run in an event loop: cells may `await`, since a kernel's loop runs under all of them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from trackbook.cells.scopes import Definitions
from trackbook.pipeline.script.imports import imports_of

_LIBRARY = "asyncio"


def waits(tree: ast.AST) -> ast.AST | None:
    """Return the first node of code, outside its functions, that only a coroutine may hold."""
    return next((node for node in _inside(tree) if _is_async(node)), None)


def _is_async(node: ast.AST) -> bool:
    return isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith) or bool(getattr(node, "is_async", False))


def _inside(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, Definitions | ast.Lambda):
            yield node
            yield from _inside(node)


class Loops:
    """Tells which code uses the loop: it awaits, or it or a function that it mentions uses `asyncio`."""

    def __init__(self, texts: Iterable[str]) -> None:
        trees = [ast.parse(text) for text in texts]
        nodes = [node for tree in trees for node in ast.walk(tree)]
        imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
        self._names = {
            item.bound for node in imports for item in imports_of(node) if item.module.partition(".")[0] == _LIBRARY
        }
        definitions = [
            node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        ]
        found = -1
        while self._names and found < len(self._names):
            found = len(self._names)
            self._names |= {node.name for node in definitions if self._mentions(node)}

    def _mentions(self, tree: ast.AST) -> bool:
        return any(isinstance(node, ast.Name) and node.id in self._names for node in ast.walk(tree))

    def used_by(self, text: str) -> bool:
        """Tell whether code must run in the loop."""
        tree = ast.parse(text)
        return waits(tree) is not None or self._mentions(tree)
