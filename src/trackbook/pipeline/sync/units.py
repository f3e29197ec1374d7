"""Code in units: logical lines and comments, comparable whatever their layout is."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

_IDLE = frozenset((tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER))


@dataclass(frozen=True, slots=True)
class Unit:
    """A logical line, or a comment on a line of its own; `first` and `last` are its lines, from 1.

    Units of one `key` mean the same.  `value` is the key of the expression that the unit consists of, `shown` that of
    what it hands to a function as its only argument.
    """

    first: int
    last: int
    text: str
    key: str
    value: str | None = None
    shown: str | None = None

    @property
    def margin(self) -> int:
        """Return how many blanks stand before it."""
        return len(self.text) - len(self.text.lstrip(" "))


def read_units(text: str) -> list[Unit]:
    """Return the units of Python code.  Raises SyntaxError or tokenize.TokenError where it is none."""
    lines = text.split("\n")
    return [_unit(lines, first, last, comment=comment) for first, last, comment in _spans(text)]


def _spans(text: str) -> Iterator[tuple[int, int, bool]]:
    start: int | None = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and start is None:
            yield token.start[0], token.end[0], True
        elif token.type == tokenize.NEWLINE:
            if start is not None:
                yield start, token.start[0], False
            start = None
        elif start is None and token.type not in _IDLE:
            start = token.start[0]


def _unit(lines: list[str], first: int, last: int, *, comment: bool) -> Unit:
    text = "\n".join([*lines[first - 1 : last - 1], lines[last - 1].rstrip()])
    if comment:
        return Unit(first, last, text, "#" + text.strip().lstrip("#").strip())
    tree = _tree(text.lstrip())
    if tree is None:
        return Unit(first, last, text, " ".join(text.split()).replace("'", '"'))
    only = tree.body[0] if len(tree.body) == 1 else None
    if not isinstance(only, ast.Expr):
        return Unit(first, last, text, ast.dump(tree))
    argument = only_argument(only.value)
    shown = ast.dump(argument) if argument else None
    return Unit(first, last, text, ast.dump(tree), ast.dump(only.value), shown)


def only_argument(node: ast.expr) -> ast.expr | None:
    """Return the argument of a call `name(argument)`."""
    match node:
        case ast.Call(func=ast.Name(), args=[argument], keywords=[]) if not isinstance(argument, ast.Starred):
            return argument
    return None


def _tree(text: str) -> ast.Module | None:
    """Return the tree of a logical line, with an empty block where it begins one."""
    for code in (text, f"{text}\n pass", f"{text}\ndef f(): pass"):
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError):
            continue
    return None
