"""The names of a notebook that stand for Trackbook, which its script runs without."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from trackbook.cells.scopes import imported_name
from trackbook.pipeline.script.namespace import bound_anywhere

_HANDLES = re.compile(
    r"(start_run|active_run|end_run|log_\w+|set_\w+|autolog|register_model|promote_model|snapshot|detect_drift|profile"
    r"|get_run|search_runs|edit_run|delete_run|undelete_run|reproduce)"
)


class Reports:
    """The names of a notebook that stand for Trackbook: its module, its functions, and what they gave back.

    `bound` are all names that the notebook binds anywhere.
    """

    def __init__(self, trees: Sequence[ast.Module]) -> None:
        self.bound = bound_anywhere(trees)
        self.names: set[str] = set()
        for tree in trees:
            for node in ast.walk(tree):
                self.names.update(_imported(node))
        self.functions = frozenset(self.names)
        for tree in trees:
            for node in ast.walk(tree):
                self.names.update(self._handles(node))

    def _handles(self, node: ast.AST) -> Iterator[str]:
        pairs: list[tuple[ast.expr, ast.expr | None]] = []
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            pairs = [(node.value, node.targets[0])]
        elif isinstance(node, ast.With):
            pairs = [(item.context_expr, item.optional_vars) for item in node.items]
        for value, target in pairs:
            if isinstance(target, ast.Name) and isinstance(value, ast.Call) and self.about(value):
                function = value.func
                name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                if _HANDLES.fullmatch(name):
                    yield target.id

    def about(self, node: ast.expr) -> bool:
        """Tell whether an expression is a call, attribute or item of something of Trackbook."""
        while isinstance(node, ast.Call | ast.Attribute | ast.Subscript | ast.Await):
            node = node.func if isinstance(node, ast.Call) else node.value
        return isinstance(node, ast.Name) and node.id in self.names


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (imported_name(alias) for alias in node.names if is_ours(alias.name))
    elif isinstance(node, ast.ImportFrom) and not node.level and is_ours(node.module or ""):
        yield from (imported_name(alias) for alias in node.names)


def is_ours(module: str) -> bool:
    """Tell whether a module is Trackbook's."""
    return module.partition(".")[0] == "trackbook"
