"""Changing the text of Python code without touching its comments, layout or strings."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise

from trackbook.cells.scopes import Definitions


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `text` in the place of the characters from `start` to `end`."""

    start: int
    end: int
    text: str


class Positions:
    """Where the nodes of a syntax tree lie in the text that it was parsed from."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self._starts = [0, *accumulate(len(line) + 1 for line in self.lines)]

    def offset(self, line: int, column: int) -> int:
        """Return the index in the text of a line (from 1) and a column, which `ast` counts in bytes of UTF-8."""
        content = self.lines[line - 1]
        if not content.isascii():
            column = len(content.encode()[:column].decode())
        return self._starts[line - 1] + column

    def line_start(self, line: int) -> int:
        return self._starts[line - 1]

    def start(self, node: ast.stmt | ast.expr) -> int:
        """Return where a node begins, decorators included."""
        first: ast.stmt | ast.expr = node
        decorators = getattr(node, "decorator_list", None)
        if decorators:
            first = decorators[0]
            return self.text.rindex("@", 0, self.offset(first.lineno, first.col_offset))
        return self.offset(first.lineno, first.col_offset)

    def end(self, node: ast.stmt | ast.expr) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.offset(node.end_lineno, node.end_col_offset)

    def segment(self, node: ast.stmt | ast.expr) -> str:
        """Return the text of a node."""
        return self.text[self.start(node) : self.end(node)]

    def first_line(self, node: ast.stmt) -> int:
        """Return the line on which a statement begins, decorators included."""
        return self.text.count("\n", 0, self.start(node)) + 1

    def alone(self, node: ast.stmt) -> bool:
        """Tell whether nothing but a comment shares the lines of a statement."""
        before = self.text[self.line_start(self.first_line(node)) : self.start(node)]
        after = self.lines[(node.end_lineno or node.lineno) - 1][self._column_after(node) :].strip()
        return not before.strip() and (not after or after.startswith("#"))

    def _column_after(self, node: ast.stmt) -> int:
        return self.end(node) - self.line_start(node.end_lineno or node.lineno)


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return `text` with edits made; an edit inside a larger one counts for nothing."""
    outer: list[Edit] = []
    for edit in sorted(edits, key=lambda item: (item.start, -item.end)):
        if not outer or edit.start >= outer[-1].end:
            outer.append(edit)
    for edit in reversed(outer):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def removal(positions: Positions, node: ast.stmt) -> Edit:
    """Return the edit that takes a statement out: with its lines if it has them for itself."""
    start, end = positions.start(node), positions.end(node)
    if positions.alone(node):
        first, last = positions.first_line(node), node.end_lineno or node.lineno
        return Edit(positions.line_start(first), min(positions.line_start(last + 1), len(positions.text)), "")
    rest = positions.text[end:].split("\n", 1)[0]
    if rest.lstrip().startswith(";"):
        skipped = len(rest) - len(rest.lstrip().removeprefix(";").lstrip())
        return Edit(start, end + skipped, "")
    before = positions.text[:start].rstrip()
    return Edit(len(before) - 1 if before.endswith(";") else start, end, "")


def string_lines(text: str) -> frozenset[int]:
    """Return the lines (from 1) that begin inside a string, where a blank more would change its value."""
    found: set[int] = set()
    open_at: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "STRING":
            found.update(range(token.start[0] + 1, token.end[0] + 1))
        elif kind.endswith("STRING_START"):
            open_at.append(token.start[0])
        elif kind.endswith("STRING_END"):
            found.update(range(open_at.pop() + 1, token.end[0] + 1))
    return frozenset(found)


def tidy(text: str, blank: int) -> str:
    """Take off blanks at the ends of lines and empty lines beyond `blank` in a row; strings stay as they are.

    A form feed in front of a statement would reset its indentation, so it goes too.
    """
    fixed = string_lines(text)
    lines: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        open_end = number + 1 in fixed
        if number not in fixed:
            line = _without_form_feed(line)
        kept = line if open_end else line.rstrip()
        if kept or number in fixed or any(lines[-blank:]) or len(lines) < blank:
            lines.append(kept)
    return "\n".join(lines).strip("\n")


def spaced(text: str, *, after_docstring: bool = False) -> str:
    """Put empty lines where ruff wants them between the statements of a block: around definitions, after imports."""
    body = ast.parse(text).body
    lines = text.split("\n")
    positions = Positions(text)
    for before, after in reversed(list(pairwise(body))):
        line = before.end_lineno or before.lineno
        if positions.first_line(after) > line and lines[line].strip() and _apart(before, after):
            lines.insert(line, "")
    if after_docstring and body and isinstance(body[0], Definitions):
        lines.insert(0, "")
    return "\n".join(lines)


def _apart(before: ast.stmt, after: ast.stmt) -> bool:
    imports = ast.Import | ast.ImportFrom
    if isinstance(before, Definitions) or isinstance(after, Definitions):
        return True
    return isinstance(before, imports) and not isinstance(after, imports)


def _without_form_feed(line: str) -> str:
    blanks = line[: len(line) - len(line.lstrip(" \t\f"))]
    return blanks.rpartition("\f")[2] + line[len(blanks) :]


def indent(text: str, prefix: str = "    ") -> str:
    """Return `text` moved to the right, the insides of strings excepted."""
    fixed = string_lines(text)
    lines = text.split("\n")
    return "\n".join(
        line if number in fixed or not line.strip() else prefix + line for number, line in enumerate(lines, start=1)
    )
