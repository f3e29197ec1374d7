"""Edits of the head of a script: values of parameters, and imports that are added."""

from __future__ import annotations

import ast
import textwrap

from trackbook.pipeline.steps.notebook import Notebook
from trackbook.pipeline.steps.tags import PARAMETERS, told
from trackbook.pipeline.sync.lines import CellEdit, Hunk, Unfit
from trackbook.pipeline.sync.mapping import MappedScript, cell_units
from trackbook.pipeline.sync.units import Unit


def params(base: Notebook, old: MappedScript, new: MappedScript, hunk: Hunk) -> list[CellEdit]:
    """Return the edits that give parameters other values."""
    if hunk.high - hunk.low != hunk.new_high - hunk.new_low:
        raise Unfit("parameters come and go in the cell tagged `parameters`")
    edits = []
    for offset in range(hunk.high - hunk.low):
        was, now = _field(old.units[hunk.low + offset]), _field(new.units[hunk.new_low + offset])
        if was[:2] != now[:2]:
            raise Unfit("only the value of a parameter can be changed here")
        edits.append(_assignment(base, was[0], now[2]))
    return edits


def _field(unit: Unit) -> tuple[str, str, str]:
    text = textwrap.dedent(unit.text)
    try:
        node = ast.parse(text).body[0]
    except (SyntaxError, IndexError):
        node = None
    match node:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value):
            return name, ast.unparse(annotation), ast.get_source_segment(text, value) or ""
    raise Unfit("only the value of a parameter can be changed here")


def _assignment(base: Notebook, name: str, value: str) -> CellEdit:
    """Return the edit that gives a parameter another value in its cell."""
    cells = [cell for cell in base.cells if PARAMETERS in told(cell.tags, cell.source)] if "\n" not in value else []
    for item in (item for cell in reversed(cells) for item in reversed(cell_units(cell))):
        text = item.unit.text
        match ast.parse(text).body if item.first == item.last and not item.unit.margin else []:
            case [
                ast.Assign(targets=[ast.Name(id=found)], value=old)
                | ast.AnnAssign(target=ast.Name(id=found), value=old)
            ]:
                if found == name and old is not None:
                    start, end = (
                        len(text.encode()[:column].decode()) for column in (old.col_offset, old.end_col_offset)
                    )
                    return CellEdit(item.cell, item.first, item.last + 1, (text[:start] + value + text[end:],))
    raise Unfit(f"the parameter {name!r} cannot be changed from here; change it in its cell")


def imports(base: Notebook, new: MappedScript, hunk: Hunk) -> list[CellEdit]:
    """Return the edits that add imports: to the first cell that only imports and defines, else to the first of all."""
    if hunk.low < hunk.high:
        raise Unfit("imports follow from what the cells use: change the cell that imports")
    lines = new.lines(hunk.new_low, hunk.new_high - 1)
    if not all(line.startswith(("import ", "from ")) for line in lines if line):
        raise Unfit("it stands outside the steps, in what conversion writes itself")
    for cell in base.cells:
        imports = [item for item in cell_units(cell) if item.unit.text.startswith(("import ", "from "))]
        if imports:
            place = imports[-1].last + 1
            return [CellEdit(cell.index, place, place, tuple(line for line in lines if line))]
    raise Unfit("no cell imports anything; write the import into the step that uses it")
