"""A cell without what talks to IPython or to Trackbook.

Magics become Python (`magics`), are left out with a comment, or are an error that names cell and line.  A script
runs without Trackbook, so statements that only report to it are left out as well; one whose value the
notebook goes on to use is an error.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from trackbook.cells.catalogue import MUTATING_METHODS
from trackbook.cells.scopes import own_nodes
from trackbook.cells.source import CellSource, parse, read_source
from trackbook.errors import NotebookError
from trackbook.pipeline.script.edits import Edit, Positions, apply, indent, removal, string_lines
from trackbook.pipeline.script.helpers import ERROR, IPYTHON, METRIC, METRICS
from trackbook.pipeline.script.magics import REMEDY, Forms, Magic
from trackbook.pipeline.script.namespace import missing
from trackbook.pipeline.script.reports import Reports, is_ours
from trackbook.pipeline.script.results import show_last
from trackbook.pipeline.steps.notebook import Cell
from trackbook.pipeline.steps.tags import RAISING

_MARKER = re.compile(r"^([ \t]*)(#[ \t]*(?:%%|In ?\[|<(?:code|markdown)cell>))", re.MULTILINE)
"""Comments that mark cells in scripts for other tools."""


def read_code(cell: Cell) -> CellSource:
    """Return a cell as Python.  Raises NotebookError where it is not, and is not said to raise."""
    source = read_source(cell.source)
    if source.error is not None and RAISING not in cell.tags:
        raise NotebookError(f"{cell.label}, {source.error}; correct the cell, or tag it `skip`")
    return source


def clean(cell: Cell, source: CellSource, reports: Reports, forms: Forms) -> str:
    """Return the code of a cell without what is for IPython or Trackbook alone.

    Raises NotebookError for code that has no form in a script.
    """
    if source.error is not None:
        return f"# left out of the script: {source.error}"
    forms = _reading_code(cell, reports, forms)
    text = _foreign(cell, source, forms) if source.foreign else _Cleaner(cell, source, reports, forms).text()
    for number, magic in reversed(list(enumerate(source.cell_magics, start=1))):
        text = forms.wrap(Magic(magic.name, magic.arguments, f"{cell.label}, line {number}", text))
    _refuse_rest(cell, source, parse(text), reports)
    text = _without_markers(text) if _MARKER.search(text) else text
    return _going_on(text, forms) if RAISING in cell.tags else text


def _without_markers(text: str) -> str:
    """Return code whose comments mark no cells: an editor would cut a step in two."""
    fixed = string_lines(text)
    lines = enumerate(text.split("\n"), start=1)
    return "\n".join(line if number in fixed else _MARKER.sub(r"\1#\2", line) for number, line in lines)


def _going_on(text: str, forms: Forms) -> str:
    """Return code that prints what it raises and goes on, as a kernel does behind a cell that is said to raise."""
    tree, positions = parse(text), Positions(text)
    first = next((node for node in tree.body if not _cannot_raise(node)), None)
    if first is None:
        return text
    start = positions.line_start(positions.first_line(first)) if positions.alone(first) else positions.start(first)
    code = show_last(text[start:], text, forms.helpers)
    error = f"{forms.helpers.use(ERROR)}()"
    return f"{text[:start]}\ntry:\n{indent(code)}\nexcept Exception:\n    {error}\n"


def _cannot_raise(node: ast.stmt) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        return not node.decorator_list and all(isinstance(item, ast.Constant) for item in defaults)
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)


def _reading_code(cell: Cell, reports: Reports, forms: Forms) -> Forms:
    """Return forms that find what magics of the cell hold code for, magics within included."""

    def code(text: str, magic: Magic) -> str:
        source = read_source(text)
        if source.error is not None or source.foreign is not None or source.cell_magics:
            raise NotebookError(f"{magic.place}: the code behind `{magic}` is no Python; {REMEDY}")
        return _Cleaner(cell, source, reports, found).text()

    found = replace(forms, code=code)
    return found


def _foreign(cell: Cell, source: CellSource, forms: Forms) -> str:
    assert source.foreign is not None
    name, arguments = source.foreign.name, source.foreign.arguments
    body = source.python if source.python.endswith("\n") else f"{source.python}\n"
    form = forms.cell(Magic(name, arguments, f"{cell.label}, line {source.offset}", body))
    return f"# left out of the script: %%{name}" if form is None else form


class _Cleaner:
    """Collects the edits of one cell."""

    def __init__(self, cell: Cell, source: CellSource, reports: Reports, forms: Forms) -> None:
        self.cell, self.source, self.reports, self.forms = cell, source, reports, forms
        self.positions = Positions(source.python)
        self.strings = string_lines(source.python) if source.tree.body else frozenset()
        self.edits: list[Edit] = []
        self.done: set[ast.expr] = set()
        self.dropped: set[ast.stmt] = set()

    def text(self) -> str:
        """Return the text of the cell with all edits made."""
        self.block(self.source.tree.body)
        self._keep_silent(self.source.tree.body)
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Call) and node not in self.done:
                self._value(node)
        return apply(self.source.python, self.edits)

    def _keep_silent(self, body: Sequence[ast.stmt]) -> None:
        """Mark the last statement that stays as not shown, if it was not the last of the cell."""
        kept = [node for node in body if node not in self.dropped]
        if kept and kept[-1] is not body[-1] and isinstance(kept[-1], ast.Expr):
            end = self.positions.end(kept[-1])
            self.edits.append(Edit(end, end, ";"))

    def block(self, body: Sequence[ast.stmt], *, module: bool = True) -> bool:
        """Clean the statements of a block; returns whether any of them stays."""
        dropped = [node for node in body if not self.statement(node)]
        self.dropped.update(dropped)
        kept = len(dropped) < len(body)
        for number, node in enumerate(dropped):
            self._leave_out(node, needs_pass=not module and not kept and number == 0)
        return kept

    def statement(self, node: ast.stmt) -> bool:
        """Clean a statement; returns whether it stays."""
        if isinstance(node, ast.With) and any(self.reports.about(item.context_expr) for item in node.items):
            return self._unwrap(node)
        if isinstance(node, ast.Expr) and (helper := self._metric(node.value)):
            assert isinstance(node.value, ast.Call)
            function = node.value.func
            name = self.forms.helpers.use(helper)
            self.edits.append(Edit(self.positions.start(function), self.positions.end(function), name))
            return True
        if self._is_dropped(node):
            return False
        if isinstance(node, ast.Import):
            self._without_ours(node)
        if isinstance(node, ast.Expr) and (magic := self._magic(node.value)):
            return self._magic_statement(node, magic)
        for block in _blocks(node):
            self.block(block, module=False)
        return True

    def _metric(self, node: ast.expr) -> str:
        """Return the helper that stands for a call which logs metrics; empty where it is none, or needs Trackbook."""
        if not isinstance(node, ast.Call) or not self.reports.about(node):
            return ""
        function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        handed = [*node.args, *(item.value for item in node.keywords)]
        names = {inner.id for part in handed for inner in ast.walk(part) if isinstance(inner, ast.Name)}
        return function if function in (METRIC, METRICS) and not names & self.reports.names else ""

    def _is_dropped(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.Import):
            return all(is_ours(alias.name) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            return not node.level and is_ours(node.module or "")
        if isinstance(node, ast.Expr):
            return self._only_reports(node.value)
        if isinstance(node, ast.Assign) and self._only_reports(node.value):
            return all(isinstance(target, ast.Name) and target.id in self.reports.names for target in node.targets)
        return False

    def _magic(self, node: ast.expr) -> Magic | None:
        """Return the magic that IPython's transformer made a call of, or the notebook itself."""
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=kind),
                args=[ast.Constant(value=str(first)), *rest],
                keywords=[],
            ):
                texts = [item.value for item in rest if isinstance(item, ast.Constant) and isinstance(item.value, str)]
            case _:
                return None
        place = f"{self.cell.label}, line {self.source.line(node.lineno)}"
        match kind, texts:
            case "run_line_magic", [arguments]:
                return Magic(first, arguments, place)
            case "run_cell_magic", [arguments, body]:
                return Magic(first, arguments, place, body)
            case "magic", []:
                name, _, arguments = first.lstrip("%").partition(" ")
                return Magic(name, arguments.strip(), place)
            case "system" | "getoutput", []:
                return Magic("!" if kind == "system" else "!!", first, place)
        return None

    def _magic_statement(self, node: ast.Expr, magic: Magic) -> bool:
        """Put the form of a magic into its place; returns whether it has one."""
        self.done.add(node.value)
        form = self.forms.line(magic) if magic.body is None else self.forms.cell(magic)
        if form is None:
            return False
        if "\n" in form and not self.positions.alone(node):
            raise self._error(node, f"`{magic}` needs a line of its own")
        self._put(node, indent(form, " " * node.col_offset).lstrip(" "))
        return True

    def _value(self, node: ast.Call) -> None:
        """Put the value of a magic in the place of its call."""
        if magic := self._magic(node):
            form = self.forms.value(magic) if magic.body is None else self.forms.cell(magic)
            if form is None or not _is_expression(form):
                raise NotebookError(f"{magic.place}: the value of `{magic}` has no form in a script; {REMEDY}")
            start, end = self.positions.start(node), self.positions.end(node)
            self.edits.append(Edit(start, end, form if form.endswith(")") else f"({form})"))
        elif self.forms.choices.keep_ipython and isinstance(node.func, ast.Name) and node.func.id == "get_ipython":
            start = self.positions.start(node)
            self.edits.append(Edit(start, self.positions.end(node), f"{self.forms.helpers.use(IPYTHON)}()"))

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
        kept = [alias for alias in node.names if not is_ours(alias.name)]
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
        first = "".join(character if character.isprintable() else "?" for character in first)
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


def _is_expression(text: str) -> bool:
    try:
        return bool(ast.parse(text, mode="eval"))
    except SyntaxError:
        return False


def _refuse_rest(cell: Cell, source: CellSource, tree: ast.Module, reports: Reports) -> None:
    lines = source.text.split("\n")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "get_ipython":
            line = _nearest_line(source, node.lineno)
            raise NotebookError(
                f"{cell.label}, line {line}: `{lines[line - 1].strip()[:60]}` has no form in a script; {REMEDY}"
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


def _nearest_line(source: CellSource, line: int) -> int:
    return min(source.line(line), source.text.count("\n") + 1)


def names_in(nodes: Iterable[ast.AST]) -> set[str]:
    """Return every plain name that code mentions."""
    return {inner.id for node in nodes for inner in ast.walk(node) if isinstance(inner, ast.Name)}
