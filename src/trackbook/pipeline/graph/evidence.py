"""Evidence for the graph of a notebook from what was recorded: executions of cells that read as they read now."""

from __future__ import annotations

from collections.abc import Sequence

from trackbook.cells.graph import RecordedUse
from trackbook.pipeline.steps.notebook import Cell, Notebook
from trackbook.tracking.badges import plain
from trackbook.tracking.executions import RecordedSession
from trackbook.tracking.values import Execution


def recorded_evidence(notebook: Notebook, sessions: Sequence[RecordedSession]) -> dict[int, RecordedUse]:
    """Return what recorded executions say of cells, by the cells' indexes; of each cell its newest counts.

    A session tells as far as it executed cells of the notebook as they are now and from above to below: what ran
    otherwise may have left other values than the notebook itself does.
    """
    found: dict[int, RecordedUse] = {}
    for session in sessions:
        for index, recorded in _told_by(notebook, session).items():
            found.setdefault(index, recorded)
    return found


def _told_by(notebook: Notebook, session: RecordedSession) -> dict[int, RecordedUse]:
    places: dict[int, int] = {}
    found: dict[int, RecordedUse] = {}
    last = 0
    for execution in session.executions:
        index = _place(notebook.cells, execution, last)
        if index is None or execution.status == "error":
            break
        seen = frozenset(places.values()) - {index}
        places[execution.number], last = index, index
        needs = session.needs.get(execution.number)
        if needs is None or not needs.keys() <= places.keys():
            found.pop(index, None)
            continue
        used = dict(found[index].used) if index in found else {}  # it ran before, and used that, too
        for number, names in needs.items():
            if places[number] != index:
                used[places[number]] = used.get(places[number], frozenset()) | frozenset(names)
        found[index] = RecordedUse(seen, used)
    return found


def _place(cells: Sequence[Cell], execution: Execution, first: int) -> int | None:
    """Return which cell an execution was of, none before `first`; None where no cell has its text any more."""
    text = plain(execution.source)
    alike = [cell for cell in cells[first:] if plain(cell.source) == text]
    named = [cell.index for cell in alike if cell.id == execution.cell_id]
    known = any(cell.id == execution.cell_id for cell in cells)
    return named[0] if named else alike[0].index if alike and not known else None


__all__ = ["recorded_evidence"]
