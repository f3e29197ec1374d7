"""Where an exception was raised in the user's own code: noted in a kernel or a script, and compared."""

from __future__ import annotations

import ast
import linecache
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import msgspec

from trackbook.cells.source import statement_at
from trackbook.pipeline.script.helpers import DISPLAY, SHOW
from trackbook.tracking.reproduction.texts import same_line

_IMPORTS = frozenset({"ImportError", "ModuleNotFoundError"})
_IMPORT = ("import ", "from ")


class Failure(msgspec.Struct, frozen=True):
    """What was raised, in which step (-1: unknown), and by which statement (empty: unknown) at which of its lines."""

    ename: str
    evalue: str
    step: int
    statement: str = ""
    line: int = 0


def note_failure(folder: Path, error: BaseException, step: int, is_own: Callable[[str], bool]) -> None:
    """Write down where `error` came from; `is_own` tells the user's code by the name of its file."""
    statement, line = _raising_statement(error.__traceback__, is_own)
    failure = Failure(type(error).__name__, str(error)[:2000], step, statement, line)
    (folder / "failure.json").write_bytes(msgspec.json.encode(failure))


def read_failure(folder: Path) -> Failure | None:
    """Return what was noted, None when nothing was raised."""
    path = folder / "failure.json"
    return msgspec.json.decode(path.read_bytes(), type=Failure) if path.exists() else None


def same_failure(first: Failure, second: Failure) -> bool:
    """Tell whether two runs raised the same at the same statement."""
    if first.ename != second.ename or (first.step != second.step and -1 not in (first.step, second.step)):
        return False
    messages = zip(first.evalue.splitlines(), second.evalue.splitlines(), strict=False)
    if not all(same_line(a, b) for a, b in messages):
        return False
    if first.ename in _IMPORTS and first.statement.startswith(_IMPORT) and second.statement.startswith(_IMPORT):
        return True  # a script sorts its imports, so another of them may be the first that a module is missing for
    return not (first.statement and second.statement) or first.statement == second.statement


def _raising_statement(trace: TracebackType | None, is_own: Callable[[str], bool]) -> tuple[str, int]:
    found = ("", 0)
    for frame, line in traceback.walk_tb(trace):
        name = frame.f_code.co_filename
        if frame.f_globals.get("__name__") == "__main__" and is_own(name):
            found = (_bare_statement("".join(linecache.getlines(name)), line), line)
    return found


def _bare_statement(source: str, line: int) -> str:
    """Return the innermost statement at a line of `source` in one form, empty where it cannot be told.

    What a script puts around a cell's last value counts for nothing.
    """
    try:
        statement = statement_at(ast.parse(source), line)
    except SyntaxError:
        return ""
    return ast.unparse(_Bare().visit(statement)).splitlines()[0] if statement else ""


class _Bare(ast.NodeTransformer):
    """Takes out the calls that show a value, and `params.` before a parameter."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in (SHOW, DISPLAY) and len(node.args) == 1:
            return node.args[0]
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "params":
            return ast.copy_location(ast.Name(node.attr, node.ctx), node)
        return node
