"""What of a cell talks to IPython or to Trackbook, and what becomes of it in a script.

Magics become Python, are left out with a comment, or are an error that names cell and line.  A script
runs without Trackbook, so statements that only report to it are left out as well; one whose value the
notebook goes on to use is an error.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

from trackbook.cells.catalogue import MUTATING_METHODS
from trackbook.cells.scopes import imported_name, own_nodes
from trackbook.cells.source import MARKING_MAGICS, CellSource, parse, read_source
from trackbook.errors import NotebookError
from trackbook.pipeline.edits import Edit, Positions, apply, removal, string_lines
from trackbook.pipeline.namespace import bound_anywhere, missing
from trackbook.pipeline.notebook import Cell

OWN_MAGICS = frozenset(
    ("track", "runs", "compare", "reproduce", "snapshot", "validate", "register", "promote", "models", "drift", "step")
)
DROPPED_MAGICS = OWN_MAGICS | {
    "matplotlib",
    "load_ext",
    "reload_ext",
    "unload_ext",
    "autoreload",
    "config",
    "pinfo",
    "pinfo2",
    "precision",
    "who",
    "whos",
}
"""Line magics that only set up the notebook or show something about it."""

_KEPT_BODIES = MARKING_MAGICS | {"time", "prun"}
_HANDLES = re.compile(
    r"(start_run|active_run|end_run|log_\w+|set_\w+|autolog|register_model|promote_model|snapshot|detect_drift|profile"
    r"|get_run|search_runs|edit_run|delete_run|undelete_run|reproduce)"
)
_REMEDY = "tag the cell `skip`, or write it in Python"


class Reports:
    """The names of a notebook that stand for Trackbook: its module, its functions, and what they gave back.

    `bound` are all names that the notebook binds anywhere.
    """

    def __init__(self, trees: Sequence[ast.Module]) -> None:
        self.bound = bound_anywhere(trees)
        self.names: set[str] = set()
        for tree in trees:
            for node in ast.walk(tree):
                self.names.update(_imported(node))
        self.functions = frozenset(self.names)
        for tree in trees:
            for node in ast.walk(tree):
                self.names.update(self._handles(node))

    def _handles(self, node: ast.AST) -> Iterator[str]:
        pairs: list[tuple[ast.expr, ast.expr | None]] = []
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            pairs = [(node.value, node.targets[0])]
        elif isinstance(node, ast.With):
            pairs = [(item.context_expr, item.optional_vars) for item in node.items]
        for value, target in pairs:
            if isinstance(target, ast.Name) and isinstance(value, ast.Call) and self.about(value):
                function = value.func
                name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                if _HANDLES.fullmatch(name):
                    yield target.id

    def about(self, node: ast.expr) -> bool:
        """Tell whether an expression is a call, attribute or item of something of Trackbook."""
        while isinstance(node, ast.Call | ast.Attribute | ast.Subscript | ast.Await):
            node = node.func if isinstance(node, ast.Call) else node.value
        return isinstance(node, ast.Name) and node.id in self.names


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (imported_name(alias) for alias in node.names if _is_ours(alias.name))
    elif isinstance(node, ast.ImportFrom) and not node.level and _is_ours(node.module or ""):
        yield from (imported_name(alias) for alias in node.names)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "trackbook"


def read_code(cell: Cell) -> CellSource:
    """Return a cell as Python.  Raises NotebookError where it is not, or is in another language."""
    source = read_source(cell.source)
    if source.error is not None:
        raise NotebookError(f"{cell.label}, {source.error}; correct the cell, or tag it `skip`")
    for magic in (*source.cell_magics, *((source.foreign,) if source.foreign else ())):
        if magic.name not in _KEPT_BODIES:
            raise NotebookError(f"{cell.label}: `%%{magic.name}` has no form in a script; {_REMEDY}")
    return source


def clean(cell: Cell, source: CellSource, reports: Reports) -> str:
    """Return the code of a cell without what is for IPython or Trackbook alone.

    Raises NotebookError for code that has no form in a script.
    """
    cleaner = _Cleaner(cell, source, reports)
    cleaner.block(source.tree.body)
    text = apply(source.python, cleaner.edits)
    _refuse_rest(cell, source, parse(text), reports)
    return text


class _Cleaner:
    """Collects the edits of one cell."""

    def __init__(self, cell: Cell, source: CellSource, reports: Reports) -> None:
        self.cell, self.source, self.reports = cell, source, reports
        self.positions = Positions(source.python)
        self.strings = string_lines(source.python) if source.tree.body else frozenset()
        self.edits: list[Edit] = []

    def block(self, body: Sequence[ast.stmt], *, module: bool = True) -> bool:
        """Clean the statements of a block; returns whether any of them stays."""
        dropped = [node for node in body if not self.statement(node)]
        kept = len(dropped) < len(body)
        for number, node in enumerate(dropped):
            self._leave_out(node, needs_pass=not module and not kept and number == 0)
        return kept

    def statement(self, node: ast.stmt) -> bool:
        """Clean a statement; returns whether it stays."""
        if isinstance(node, ast.With) and any(self.reports.about(item.context_expr) for item in node.items):
            return self._unwrap(node)
        if self._is_dropped(node):
            return False
        if isinstance(node, ast.Import):
            self._without_ours(node)
        if isinstance(node, ast.Expr) and (text := _timed(node.value)) is not None:
            self._put(node, text)
        for block in _blocks(node):
            self.block(block, module=False)
        return True

    def _is_dropped(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.Import):
            return all(_is_ours(alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            return not node.level and _is_ours(node.module or "")
        if isinstance(node, ast.Expr):
            return (_line_magic(node.value) or ("",))[0] in DROPPED_MAGICS or self._only_reports(node.value)
        if isinstance(node, ast.Assign) and self._only_reports(node.value):
            return all(isinstance(target, ast.Name) and target.id in self.reports.names for target in node.targets)
        return False

    def _only_reports(self, node: ast.expr) -> bool:
        if not self.reports.about(node):
            return False
        for inner in ast.walk(node):
            method = inner.func.attr if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) else ""
            about = isinstance(inner, ast.Call) and self.reports.about(inner)
            if isinstance(inner, ast.NamedExpr) or (method in MUTATING_METHODS and not about):
                line = self.source.line(node.lineno)
                raise NotebookError(
                    f"{self.cell.label}, line {line}: this call of Trackbook does work that the script needs; "
                    "do the work on a line of its own, and report its result"
                )
        return True

    def _without_ours(self, node: ast.Import) -> None:
        kept = [alias for alias in node.names if not _is_ours(alias.name)]
        if len(kept) < len(node.names):
            parts = [f"{alias.name} as {alias.asname}" if alias.asname else alias.name for alias in kept]
            self._put(node, "import " + ", ".join(parts))

    def _unwrap(self, node: ast.With) -> bool:
        """Take off `with tb.start_run():`, and move its block to the left."""
        if not all(self.reports.about(item.context_expr) for item in node.items):
            raise self._error(node, "this `with` opens a run and something else; use two `with` statements")
        first = node.body[0]
        if first.lineno == node.lineno:
            raise self._error(node, "write the block of this `with` on lines of its own")
        for line in range(self.positions.first_line(first), (node.end_lineno or node.lineno) + 1):
            content = self.positions.lines[line - 1]
            if line not in self.strings and content.strip():
                blanks = len(content) - len(content.lstrip())
                start = self.positions.line_start(line)
                width = min(blanks - node.col_offset, first.col_offset - node.col_offset)
                self.edits.append(Edit(start, start + max(width, 0), ""))
        header = self.positions.line_start(self.positions.first_line(first))
        self.edits.append(Edit(self.positions.start(node), header, f"{self._comment(node)}\n"))
        return self.block(node.body, module=True)

    def _leave_out(self, node: ast.stmt, *, needs_pass: bool) -> None:
        if isinstance(node, ast.With):
            if needs_pass:
                end = self.positions.end(node)
                end += len(self.positions.text[end:].split("\n", 1)[0])
                self.edits.append(Edit(end, end, f"\n{' ' * node.col_offset}pass"))
            return
        if not self.positions.alone(node):
            self.edits.append(Edit(*self._span(node), "pass") if needs_pass else removal(self.positions, node))
            return
        comment = self._comment(node)
        self._put(node, f"pass  {comment}" if needs_pass else comment, whole_line=True)

    def _comment(self, node: ast.stmt) -> str:
        lines = self.source.text.split("\n")
        first = lines[self.source.line(node.lineno) - 1].strip()
        more = " …" if (node.end_lineno or node.lineno) > node.lineno and not isinstance(node, ast.With) else ""
        short = first if len(first) <= 70 else first[:69] + "…"
        return f"# left out of the script: {short}{more}"

    def _put(self, node: ast.stmt, text: str, *, whole_line: bool = False) -> None:
        start, end = self._span(node)
        if whole_line:
            end += len(self.positions.text[end:].split("\n", 1)[0])
        self.edits.append(Edit(start, end, text))

    def _span(self, node: ast.stmt) -> tuple[int, int]:
        return self.positions.start(node), self.positions.end(node)

    def _error(self, node: ast.stmt, what: str) -> NotebookError:
        return NotebookError(f"{self.cell.label}, line {self.source.line(node.lineno)}: {what}")


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        if block := getattr(node, name, None):
            yield block
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        yield part.body


def _line_magic(node: ast.expr) -> tuple[str, str] | None:
    """Return name and arguments of a magic that IPython's transformer made a call of."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr="run_line_magic"),
            args=[ast.Constant(value=str(name)), ast.Constant(value=str(arguments))],
        ):
            return name, arguments
    return None


def _timed(node: ast.expr) -> str | None:
    """Return the statement behind `%time`."""
    magic = _line_magic(node)
    if magic is None or magic[0] != "time" or not magic[1].strip():
        return None
    try:
        parse(magic[1].strip())
    except SyntaxError:
        return None
    return magic[1].strip()


def _refuse_rest(cell: Cell, source: CellSource, tree: ast.Module, reports: Reports) -> None:
    lines = source.text.split("\n")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "get_ipython":
            line = _nearest_line(source, node.lineno)
            raise NotebookError(
                f"{cell.label}, line {line}: `{lines[line - 1].strip()[:60]}` has no form in a script; {_REMEDY}"
            )
        if isinstance(node, ast.Name) and node.id in reports.names:
            line = _nearest_line(source, node.lineno)
            raise NotebookError(
                f"{cell.label}, line {line}: the value of `{node.id}` comes from Trackbook, and the script runs "
                "without it; tag the cell `skip`, or keep the report apart from the work"
            )
    for number, code, remedy in missing(tree, reports.bound):
        line = _nearest_line(source, number)
        raise NotebookError(f"{cell.label}, line {line}: `{code}` has no form in a script; {remedy}")
    for inner in own_nodes(tree):
        if isinstance(inner, ast.Return | ast.Yield | ast.YieldFrom):
            line = _nearest_line(source, inner.lineno)
            raise NotebookError(f"{cell.label}, line {line}: `return` or `yield` outside a function; take it out")
        if isinstance(inner, ast.Await | ast.AsyncFor | ast.AsyncWith):
            line = _nearest_line(source, inner.lineno)
            raise NotebookError(
                f"{cell.label}, line {line}: `await` outside a function has no form in a script yet; "
                "put the code into `async def` and call `asyncio.run`"
            )


def _nearest_line(source: CellSource, line: int) -> int:
    return min(source.line(line), source.text.count("\n") + 1)


def names_in(nodes: Iterable[ast.AST]) -> set[str]:
    """Return every plain name that code mentions."""
    return {inner.id for node in nodes for inner in ast.walk(node) if isinstance(inner, ast.Name)}
