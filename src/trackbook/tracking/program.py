"""The program of a run as a script: what ran, in the order in which it ran, cell by cell."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from trackbook.capture.redaction import MARK
from trackbook.cells import CellSource, read_source
from trackbook.cells.source import MARKING_MAGICS
from trackbook.errors import NotFoundError
from trackbook.tracking.values import Execution, Run

ERROR = "error"
_SEED = re.compile(r"--seed[ =](\d+)")


def program_script(run: Run) -> str:
    """Return the program of a run as Python with `# %%` cell marks; magics are calls of IPython's `get_ipython()`.

    An earlier cell that failed is there up to the statement that raised, which is caught.  Raises NotFoundError
    for a run without a program.
    """
    if not run.program:
        raise NotFoundError(
            f"run {run.run_id[:8]} has no program: it was not made by a notebook cell with the extension loaded"
        )
    cells = [_cell(execution, is_last=execution is run.program[-1]) for execution in run.program]
    return "\n\n".join([_header(run), *cells]) + "\n"


def _header(run: Run) -> str:
    summary = run.summary
    lines = [
        f"Program of the run {summary.run_name} ({run.run_id}), experiment {summary.experiment}.",
        f"{len(run.program)} cell executions, in the order in which they ran.",
    ]
    if uses_ipython(run.program):
        lines.append("It uses magics or shell lines: run it with `ipython`.")
    if any(MARK in execution.source for execution in run.program):
        lines.append(f"Secrets are not kept: put them back where {MARK} stands.")
    return "\n".join(f"# {line}" for line in lines)


def uses_ipython(program: Sequence[Execution]) -> bool:
    """Say whether a program needs IPython: a magic, a shell line, or `await` outside of functions."""
    return any(_needs_ipython(read_source(execution.source)) for execution in program)


def _needs_ipython(cell: CellSource) -> bool:
    if cell.foreign or "get_ipython(" in cell.python or any(m.name not in MARKING_MAGICS for m in cell.cell_magics):
        return True
    try:
        compile(cell.python, "<cell>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return True
    return False


def _cell(execution: Execution, *, is_last: bool) -> str:
    count = "" if execution.execution_count is None else f" In [{execution.execution_count}]"
    failed = execution.status == ERROR
    title = f"# %%{count}{' (raised)' if failed else ''}"
    cell = read_source(execution.source)
    repeated = not (failed and not is_last and cell.error is None and cell.foreign is None)
    code = _code(cell) if repeated else _until_it_raised(cell, execution.error_line)
    return "\n".join(part for part in (title, _seeding(cell), code) if part)


def _seeding(cell: CellSource) -> str:
    """Return what `%%track --seed N` does before the cell runs."""
    for magic in cell.cell_magics:
        seed = _SEED.search(magic.arguments) if magic.name == "track" else None
        if seed:
            return f"import random, numpy\nrandom.seed({seed[1]})\nnumpy.random.seed({seed[1]})"
    return ""


def _code(cell: CellSource) -> str:
    """Return the code of a cell without Trackbook's own first lines."""
    magics = [magic for magic in (*cell.cell_magics, cell.foreign) if magic and magic.name not in MARKING_MAGICS]
    if cell.error is not None:
        return "\n".join(f"# {line}" for line in [f"not Python: {cell.error}", *cell.text.splitlines()])
    if not magics:
        return cell.python.strip("\n")
    first, body = magics[0], cell.python
    for magic in reversed(magics[1:]):
        body = f"%%{magic.name} {magic.arguments}".rstrip() + f"\n{body}"
    return f"get_ipython().run_cell_magic({first.name!r}, {first.arguments!r}, {body!r})"


def _until_it_raised(cell: CellSource, line: int | None) -> str:
    """Return the statements that ran, the one that raised caught; all are caught where its line is not known."""
    body = cell.tree.body
    raising = next(
        (place for place, node in enumerate(body) if line is not None and cell.line(node.end_lineno or 0) >= line), None
    )
    if line is None or raising is None:
        ran, caught = [], body
    else:
        ran, caught = body[:raising], body[raising : raising + 1]
    lines = cell.python.splitlines()
    last = ran[-1].end_lineno if ran else 0
    before = "\n".join(lines[:last]).strip("\n")
    return "\n".join(part for part in (before, _caught(caught)) if part)


def _caught(statements: list[ast.stmt]) -> str:
    if not statements:
        return ""
    kept = ast.parse("print(f'{type(error).__name__}: {error}')").body
    handler = ast.ExceptHandler(type=ast.Name("Exception"), name="error", body=kept)
    guarded = ast.Try(body=statements, handlers=[handler], orelse=[], finalbody=[])
    return ast.unparse(ast.fix_missing_locations(ast.Module([guarded], type_ignores=[])))
