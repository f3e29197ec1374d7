"""The names that the user's code gives to a call, told by where in the text the call stands."""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from types import CodeType, FrameType
from typing import NamedTuple

KEEPING = frozenset({"float", "round"})
"""Functions whose result is still the value that they were given."""

_EMPTY_TOP = re.compile(r"\A([ \t]*\n)+")  # IPython takes it off before it compiles


class CallNames(NamedTuple):
    """The variable that keeps a call's value, the one that keeps its mean, and the one whose method is called.

    `x = f(y)` and `x = float(f(y))` keep the value; `x = f(y) ** 0.5` and `x = [f(y)]` make something else of it.
    `x = f(y).mean()` keeps the mean.  `x.f(y)` calls a method of `x`.
    """

    bound: str | None = None
    mean: str | None = None
    receiver: str | None = None


NO_NAMES = CallNames()

MAX_KNOWN = 1024
_known: dict[tuple[int, int], tuple[CodeType, CallNames]] = {}
"""By identity, because the hash of code is made of all that it holds, each time anew."""


def call_names(frame: FrameType, source: str = "") -> CallNames:
    """Return the names around the call that `frame` is making.

    `source` is the text that `frame` runs, for code that Python keeps no text of.
    """
    code, key = frame.f_code, (id(frame.f_code), frame.f_lasti)
    known = _known.get(key)
    if known is not None and known[0] is code:
        return known[1]
    if len(_known) >= MAX_KNOWN:
        _known.clear()
    names = _names_at(code, frame.f_lasti, source)
    _known[key] = (code, names)
    return names


def _names_at(code: CodeType, instruction: int, source: str) -> CallNames:
    place = next(islice(code.co_positions(), instruction // 2, None), None)
    if place is None or place[1] is None or place[3] is None:
        return NO_NAMES
    text = "".join(linecache.getlines(code.co_filename)) or _EMPTY_TOP.sub("", source)
    return _calls(text).get((place[1], place[3]), NO_NAMES)


@lru_cache(64)
def _calls(text: str) -> Mapping[tuple[int, int], CallNames]:
    """Return the names around calls, by the line and byte column where each call ends."""
    try:
        tree = compile(text, "<cell>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found: dict[tuple[int, int], CallNames] = {}
    for node in ast.walk(tree):
        for call, names in _named(node):
            place = (call.end_lineno or 0, call.end_col_offset or 0)
            known = found.get(place, NO_NAMES)
            found[place] = CallNames(*(new or old for new, old in zip(names, known, strict=True)))
    return found


def _named(node: ast.AST) -> Iterator[tuple[ast.Call, CallNames]]:
    """Yield the calls that a node says a name of."""
    if isinstance(node, ast.Call):
        receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
        if isinstance(receiver, ast.Name):
            yield node, CallNames(receiver=receiver.id)
    for value, name in _pairs(node):
        call = _measured(value)
        if call is None:
            continue
        yield call, CallNames(bound=name)
        function = call.func
        inner = function.value if isinstance(function, ast.Attribute) and function.attr == "mean" else None
        if isinstance(inner, ast.Call) and not call.args and not call.keywords:
            yield inner, CallNames(mean=name)


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
