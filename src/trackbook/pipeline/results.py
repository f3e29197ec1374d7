"""The value of a cell's last line: a notebook shows it, so the script prints it."""

from __future__ import annotations

import ast

from trackbook.pipeline.edits import Edit, Positions, apply

SHOW, DISPLAY = "show", "display"

_SHOW = '''def {name}(value: object) -> None:
    """Print a value as a notebook shows the last line of a cell."""
    if value is not None:
        print(repr(value))'''

_DISPLAY = '''def display(*values: object) -> None:
    """Print values as a notebook displays them."""
    for value in values:
        print(repr(value))'''

_GIVING_NOTHING = frozenset(
    (
        "append",
        "extend",
        "insert",
        "sort",
        "clear",
        "info",
        "show",
        "savefig",
        "seed",
        "simplefilter",
        "filterwarnings",
        "set_option",
    )
)


def helper(kind: str, name: str) -> str:
    """Return the text of a function that the script needs to show values."""
    return _SHOW.format(name=name) if kind == SHOW else _DISPLAY


def show_last(rest: str, whole: str, name: str) -> str:
    """Return the code `rest` of a cell with its last expression shown, if it is the last of the `whole` cell."""
    body, original = ast.parse(rest).body, ast.parse(whole).body
    if not body or not isinstance(body[-1], ast.Expr) or not isinstance(original[-1], ast.Expr):
        return rest
    positions, last = Positions(rest), body[-1]
    after = positions.text[positions.end(last) :].split("\n", 1)[0].strip()
    if after.startswith(";") or _gives_nothing(last.value):
        return rest
    start, end = positions.start(last), positions.end(last)
    bare = isinstance(last.value, ast.Tuple) and not positions.text[start:end].startswith("(")
    opening, closing = ("((", "))") if bare or isinstance(last.value, ast.Tuple) else ("(", ")")
    if isinstance(last.value, ast.Tuple) and not bare:
        opening, closing = "(", ")"
    return apply(rest, [Edit(start, start, f"{name}{opening}"), Edit(end, end, closing)])


def _gives_nothing(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        return node.func.id in {"print", "display"}
    return isinstance(node.func, ast.Attribute) and node.func.attr in _GIVING_NOTHING
