"""What the text alone says for certain: tests that are constant, loops that surely turn, code that surely fails."""

from __future__ import annotations

import ast
import sys
from functools import cache
from importlib import import_module

from trackbook.cells.catalogue import PURE_LIBRARIES


def truth_of(test: ast.expr) -> bool | None:
    """Return what a test always gives in a notebook; None where that depends on values."""
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            truth = truth_of(inner)
            return None if truth is None else not truth
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return False
        case ast.Compare(
            left=ast.Name(id="__name__"),
            ops=[ast.Eq() | ast.NotEq() as op],
            comparators=[ast.Constant(value=str(name))],
        ):
            return (name == "__main__") == isinstance(op, ast.Eq)
    return None


def surely_turns(iterable: ast.expr) -> bool:
    """Tell whether a loop over `iterable` surely runs a first turn."""
    match iterable:
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return any(not isinstance(item, ast.Starred) for item in items)
        case ast.Constant(value=str(text)):
            return bool(text)
        case ast.Call(func=ast.Name(id="range"), args=[*limits], keywords=[]) if limits:
            return _is_turning(limits)
        case ast.Call(func=ast.Name(id="enumerate"), args=[inner, *_]):
            return surely_turns(inner)
    return False


def _is_turning(limits: list[ast.expr]) -> bool:
    numbers = [limit.value for limit in limits if isinstance(limit, ast.Constant) and isinstance(limit.value, int)]
    return len(numbers) == len(limits) <= 3 and 0 not in numbers[2:] and len(range(*numbers)) > 0


def always_fails(value: ast.expr) -> bool:
    """Tell whether an expression surely raises: a division by the constant zero, as examples have it."""
    match value:
        case ast.BinOp(op=ast.Div() | ast.FloorDiv() | ast.Mod(), left=ast.Constant(value=int() | float())):
            return isinstance(value.right, ast.Constant) and value.right.value == 0
    return False


@cache
def star_names(module: str) -> tuple[str, ...] | None:
    """Return the names that `from module import *` binds, where the module is a harmless one of the standard library.

    None where nobody can tell without running code that is not known.
    """
    root = module.partition(".")[0]
    if root not in sys.stdlib_module_names or root not in PURE_LIBRARIES:
        return None
    try:
        found = import_module(module)
    except ImportError:
        return None
    names = getattr(found, "__all__", None) or [name for name in vars(found) if not name.startswith("_")]
    return tuple(sorted(names))
