"""The value of a cell's last line: a notebook shows it, so the script prints it."""

from __future__ import annotations

import ast

from trackbook.pipeline.script.edits import Edit, Positions, apply
from trackbook.pipeline.script.helpers import SHOW, SILENT, Helpers

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

_NOTHING_IN_PLACE = frozenset(
    ("drop", "drop_duplicates", "dropna", "rename", "reset_index", "set_index", "sort_index", "sort_values")
)
"""Methods of frames that give nothing with `inplace=True`; others give the frame since pandas 3."""


def show_last(rest: str, whole: str, helpers: Helpers) -> str:
    """Return the code `rest` of a cell with its last expression shown, if it is the last of the `whole` cell."""
    body, original = ast.parse(rest).body, ast.parse(whole).body
    if not body or not isinstance(body[-1], ast.Expr) or not isinstance(original[-1], ast.Expr):
        return rest
    positions, last = Positions(rest), body[-1]
    after = positions.text[positions.end(last) :].split("\n", 1)[0].strip()
    if after.startswith(";") or _gives_nothing(last.value, {"print", "display", *map(helpers.name, SILENT)}):
        return rest
    start, end = positions.start(last), positions.end(last)
    return apply(rest, [Edit(start, end, _shown(positions.text[start:end], last.value, helpers.use(SHOW)))])


def _shown(text: str, value: ast.expr, name: str) -> str:
    """Return a call that shows the value of an expression; parentheses that it has serve as the call's."""
    call = ast.parse(f"{name}{text}", mode="eval").body if text.startswith("(") else None
    whole = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    if isinstance(value, ast.Tuple):
        return f"{name}({text})" if whole else f"{name}(({text}))"
    if isinstance(call, ast.Call) and whole and [ast.dump(item) for item in call.args] == [ast.dump(value)]:
        return f"{name}{text}"
    return f"{name}({text})"


def _gives_nothing(node: ast.expr, silent: set[str]) -> bool:
    if not isinstance(node, ast.Call):
        return isinstance(node, ast.Constant) and node.value is None
    if isinstance(node.func, ast.Name):
        return node.func.id in silent
    if isinstance(node.func, ast.Attribute) and node.func.attr in _NOTHING_IN_PLACE:
        return any(item.arg == "inplace" and getattr(item.value, "value", None) is True for item in node.keywords)
    return isinstance(node.func, ast.Attribute) and node.func.attr in _GIVING_NOTHING
