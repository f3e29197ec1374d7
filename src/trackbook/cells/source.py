"""From the text of a cell to Python: magics become calls of `get_ipython()`, as IPython itself makes them.

Line numbers of the cell survive: `CellSource.line` maps a line of the Python text to a line of the cell.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.inputtransformer2 import TransformerManager

PYTHON_CELL_MAGICS = frozenset({"capture", "prun", "step", "time", "timeit", "track"})
"""Cell magics whose body is Python that runs in the notebook (or, for `timeit`, beside it)."""

MARKING_MAGICS = frozenset({"step", "track"})
"""Cell magics of Trackbook: a first line that says something about a cell which runs as without it."""

_CELL_MAGIC = re.compile(r"%%([A-Za-z_]\w*)(.*)\Z")
_AUTOMAGIC = re.compile(r"(?:cat|cd|conda|cp|load_ext|ls|mamba|matplotlib|mkdir|mv|pip|rm|run|time|timeit) +[^\s=,(].*")
"""A cell of one line that IPython takes for a magic although its `%` is missing, since it is no Python."""
_PROMPT = re.compile(r"\s*(In \[\d*\]:|>>>)")
_ALLOW_AWAIT = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """Why a cell is not Python, and where; `line` counts from 1 in the text of the cell."""

    message: str
    line: int

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class CellMagic:
    """A first line `%%name arguments`."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class CellSource:
    """A cell as Python.

    `cell_magics` are the first lines taken off, `python` is the rest with its magics as calls, and
    `tree` its syntax tree, empty when `error` says why the cell is not Python.  A cell in another
    language (`%%bash`) has an empty tree, its magic in `foreign` and its body in `python`.
    """

    text: str
    python: str
    tree: ast.Module
    cell_magics: tuple[CellMagic, ...] = ()
    foreign: CellMagic | None = None
    error: SyntaxProblem | None = None
    lines: tuple[int, ...] = ()
    offset: int = 0

    def line(self, python_line: int) -> int:
        """Return the line of the cell's text (from 1) for a line of `python`."""
        if self.lines and 0 < python_line <= len(self.lines):
            return self.lines[python_line - 1] + self.offset
        return python_line + self.offset


def normalise(text: str) -> str:
    """Return `text` with the newlines that Python's own tokenizer would see."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_source(text: str) -> CellSource:
    """Return a cell as Python; never raises: a cell that is not Python carries its `error`."""
    text = normalise(text)
    body, magics, offset = _take_cell_magics(text)
    if magics and magics[-1].name not in PYTHON_CELL_MAGICS:
        return CellSource(text, body, _empty(), magics[:-1], magics[-1], None, (), offset)
    try:
        return CellSource(text, body, _plain(body), magics, offset=offset)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return _transformed(text, body, magics, offset)


def _transformed(text: str, body: str, magics: tuple[CellMagic, ...], offset: int) -> CellSource:
    problem: SyntaxProblem
    lines: tuple[int, ...] = ()
    python = body
    try:
        python = _transform(body)
        lines = _line_map(body, python)
        return CellSource(text, python, parse(python), magics, None, None, lines, offset)
    except SyntaxError as error:
        if _AUTOMAGIC.fullmatch(body.strip()):
            return _transformed(text, f"%{body.strip()}", magics, offset)
        number = error.lineno or 1
        at = lines[min(number, len(lines)) - 1] if lines else number
        problem = SyntaxProblem(error.msg, at + offset)
    except (ValueError, RecursionError, MemoryError) as error:
        problem = SyntaxProblem(str(error) or type(error).__name__, 1 + offset)
    return CellSource(text, python, _empty(), magics, None, problem, lines, offset)


def parse(python: str) -> ast.Module:
    """Parse Python as IPython does, `await` outside functions included.  Raises SyntaxError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = compile(python, "<cell>", "exec", _ALLOW_AWAIT, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree


def statement_at(tree: ast.AST, line: int, line_of: Callable[[int], int] = int) -> ast.stmt | None:
    """Return the innermost statement at a line, None where there is none; `line_of` maps the lines of the tree."""
    spans = (
        (line_of(node.lineno), line_of(node.end_lineno or node.lineno), -node.col_offset, node)
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt)
    )
    here = [(last - first, column, node) for first, last, column, node in spans if first <= line <= last]
    return min(here, key=lambda each: each[:2])[2] if here else None


def _transform(body: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # IPython warns about odd lines; the error that follows says it better
        text = _manager().transform_cell(body)
    assert isinstance(text, str)
    return text


def _plain(body: str) -> ast.Module:
    """Parse a body that IPython would leave as it is; most cells are such."""
    if _PROMPT.match(body):
        raise SyntaxError("prompts are IPython's to take off")
    return parse(body)


def _empty() -> ast.Module:
    return ast.Module(body=[], type_ignores=[])


def _take_cell_magics(text: str) -> tuple[str, tuple[CellMagic, ...], int]:
    """Split the `%%` lines that open a cell from its body; returns body, magics and lines taken."""
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    magics: list[CellMagic] = []
    while first < len(lines) and (match := _CELL_MAGIC.match(lines[first])):
        magics.append(CellMagic(match[1], match[2].strip()))
        first += 1
        if match[1] not in PYTHON_CELL_MAGICS:
            break
    return ("\n".join(lines[first:]), tuple(magics), first) if magics else (text, (), 0)


def _line_map(before: str, after: str) -> tuple[int, ...]:
    """Return for each line of `after` the line of `before` (from 1) that it came from."""
    old, new = before.split("\n"), after.split("\n")
    if not new[-1]:  # IPython ends every cell with a newline
        new.pop()
    if len(old) == len(new) or old[len(new) :] == [""]:
        return tuple(range(1, len(new) + 1))
    result = [0] * len(new)
    stripped = [line.strip() for line in old]
    matcher = SequenceMatcher(None, stripped, [line.strip() for line in new], autojunk=False)
    for _, a_low, a_high, b_low, b_high in matcher.get_opcodes():
        for step, number in enumerate(range(b_low, b_high)):
            result[number] = min(a_low + step, max(a_high - 1, a_low), len(old) - 1) + 1
    return tuple(result)


@cache
def _manager() -> TransformerManager:
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager()  # type: ignore[no-untyped-call]
