"""The name that the user's code gives to the value of a call, told by where in the text the call stands."""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from types import FrameType

KEEPING = frozenset({"float", "round"})
"""Functions whose result is still the value that they were given."""

_EMPTY_TOP = re.compile(r"\A([ \t]*\n)+")  # IPython takes it off before it compiles


def bound_name(frame: FrameType, source: str = "") -> str | None:
    """Return the variable to which `frame` binds the value of the call it is making; None when it does not.

    `x = f(y)` and `x = float(f(y))` bind it; `x = f(y) ** 0.5` and `x = [f(y)]` make something else of it.
    `source` is the text that `frame` runs, for code that Python keeps no text of.
    """
    code = frame.f_code
    place = next(islice(code.co_positions(), frame.f_lasti // 2, None), None)
    if place is None or place[1] is None or place[3] is None:
        return None
    text = "".join(linecache.getlines(code.co_filename)) or _EMPTY_TOP.sub("", source)
    return _bound_calls(text).get((place[1], place[3]))


@lru_cache(64)
def _bound_calls(text: str) -> Mapping[tuple[int, int], str]:
    """Return the names that calls are bound to, by the line and byte column where each call ends."""
    try:
        tree = compile(text, "<cell>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    pairs = [pair for node in ast.walk(tree) for pair in _pairs(node)]
    calls = ((_measured(value), name) for value, name in pairs)
    return {(call.end_lineno or 0, call.end_col_offset or 0): name for call, name in calls if call is not None}


def _pairs(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Yield each value that a statement binds with its name; `a, b = x, y` binds two."""
    if isinstance(node, ast.Assign):
        targets, value = node.targets, node.value
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        targets, value = [node.target], node.value
    else:
        return
    for target in targets:
        if isinstance(target, ast.Name):
            yield value, target.id
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            yield from (
                (item, name.id)
                for name, item in zip(target.elts, value.elts, strict=True)
                if isinstance(name, ast.Name)
            )


def _measured(value: ast.expr) -> ast.Call | None:
    """Return the call whose value `value` is."""
    while isinstance(value, ast.Call):
        inner = value.args[0] if value.args else None
        if not (isinstance(value.func, ast.Name) and value.func.id in KEEPING and isinstance(inner, ast.Call)):
            return value
        value = inner
    return None
