"""Which names of a metric cell are its measures, and which only lead to them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_PLAIN = frozenset(
    {
        "print",
        "display",
        "round",
        "float",
        "int",
        "abs",
        "str",
        "repr",
        "format",
        "min",
        "max",
        "sum",
        "sqrt",
        "log",
        "exp",
    }
)
"""Calls that a measure may be handed to: they show it, or make another measure of it."""


def worked_on(text: str) -> set[str]:
    """Return the names that a cell computes with: those whose items it reads, or that it hands to a function.

    In `p = model.predict(x); r2 = r2_score(y, p); rmse = sqrt(mse)` that is `p`, and not `r2`, `rmse` or `mse`.
    """
    return {name for node in ast.walk(ast.parse(text)) for name in _inputs(node)}


def _inputs(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and _called(node) not in _PLAIN:
        yield from _names([*node.args, *(keyword.value for keyword in node.keywords)])
    elif isinstance(node, ast.Attribute | ast.Subscript):
        yield from _names([node.value])
    elif isinstance(node, ast.For | ast.comprehension):
        yield from _names([node.iter])


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _names(nodes: list[ast.expr]) -> Iterator[str]:
    return (node.id for node in nodes if isinstance(node, ast.Name))
