"""The order in which the cells of a notebook really ran, and results that no cell makes any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from trackbook.cells import History, Outcome, build_graph
from trackbook.pipeline.steps.notebook import Notebook
from trackbook.tracking.badges import plain
from trackbook.tracking.values import Execution

DELETED, EDITED, REPEATED, UNORDERED = "deleted", "edited", "repeated", "unordered"
_WORDS = {
    DELETED: "a cell that is gone",
    EDITED: "a cell that was edited since it ran",
    REPEATED: "an earlier run of the same cell",
    UNORDERED: "a cell in a state that no order of the cells gives",
}

_Need = tuple[int, int, str]
"""Writer, reader (indexes of cells), and a name that one left to the other."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """Something that a cell used in the session and that the notebook as it is does not make.

    `cell` is the id of the cell that used `names`, `source` the text that made them.
    """

    cell: str
    label: str
    names: tuple[str, ...]
    reason: str
    source: str

    def __str__(self) -> str:
        first = next((line.strip() for line in self.source.split("\n") if line.strip()), "")
        short = first if len(first) <= 50 else first[:49] + "…"
        return f"{self.label} used {', '.join(self.names)} of {_WORDS[self.reason]} (`{short}`)"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A notebook in the order of its session: the ids of its cells, of those that never ran, and what is hidden."""

    notebook: Notebook
    order: tuple[str, ...]
    is_moved: bool
    never: tuple[str, ...]
    hidden: tuple[Hidden, ...]


def in_recorded_order(notebook: Notebook, executions: Sequence[Execution]) -> Recorded:
    """Return a notebook in the order in which its results came about in a session.

    The order of the document stays where it gives every cell what it had; cells that never ran stay behind those that
    they stand behind.
    """
    session = _Session(notebook, executions)
    needs, hidden = session.needs()
    order = _best(notebook, session, needs)
    left = needs - _static(notebook, order)
    hidden += [_unordered(notebook, need) for need in sorted(left)]
    cells = tuple(replace(notebook.cells[index], index=place) for place, index in enumerate(order))
    never = tuple(cell.id for cell in notebook.cells if cell.index not in session.last)
    is_moved = order != sorted(order)
    return Recorded(
        replace(notebook, cells=cells), tuple(cell.id for cell in cells), is_moved, never, tuple(dict.fromkeys(hidden))
    )


def _unordered(notebook: Notebook, need: _Need) -> Hidden:
    writer, reader, name = need
    cell = notebook.cells[reader]
    return Hidden(cell.id, cell.label, (name,), UNORDERED, notebook.cells[writer].source)


class _Session:
    """Executions and the cells that they are of; `last` are the successful executions that count, by cell."""

    def __init__(self, notebook: Notebook, executions: Sequence[Execution]) -> None:
        self.notebook, self.executions = notebook, executions
        self.history = History()
        for execution in executions:
            self.history.begin(execution.source)
            self.history.end(Outcome(execution.status == "error", execution.error_line), execution.execution_count)
        by_id = {cell.id: cell.index for cell in notebook.cells}
        by_text = {plain(cell.source): cell.index for cell in notebook.cells}
        self.cells = [by_id.get(item.cell_id or "", by_text.get(plain(item.source))) for item in executions]
        self.last: dict[int, int] = {}
        for number, (cell, execution) in enumerate(zip(self.cells, executions, strict=True)):
            if cell is not None and execution.status != "error":
                self.last[cell] = number

    def is_current(self, number: int) -> bool:
        """Tell whether a cell still holds what an execution of it ran."""
        cell = self.cells[number]
        return cell is not None and plain(self.executions[number].source) == plain(self.notebook.cells[cell].source)

    def needs(self) -> tuple[set[_Need], list[Hidden]]:
        """Return what the last executions of the cells had from other cells, and what from nothing that is left."""
        found: set[_Need] = set()
        hidden: list[Hidden] = []
        for cell, number in sorted(self.last.items()):
            if self.is_current(number):
                for earlier, names in self.history.needs(number).items():
                    maker = self.cells[earlier]
                    if maker is not None and maker != cell and self.is_current(earlier):
                        found |= {(maker, cell, name) for name in names}
                    else:
                        reason = DELETED if maker is None else REPEATED if self.is_current(earlier) else EDITED
                        hidden.append(self._hidden(cell, names, reason, earlier))
        return found, hidden

    def _hidden(self, cell: int, names: Iterable[str], reason: str, earlier: int) -> Hidden:
        user = self.notebook.cells[cell]
        return Hidden(user.id, user.label, tuple(sorted(names)), reason, self.executions[earlier].source)


# ---- orders


def _best(notebook: Notebook, session: _Session, needs: set[_Need]) -> list[int]:
    """Return the order that gives the cells what they had: the document's where it is as good as the others."""
    count = len(notebook.cells)
    first: dict[int, int] = {}
    for number, cell in enumerate(session.cells):
        if cell is not None and session.is_current(number):
            first.setdefault(cell, number)
    orders = [list(range(count)), _by_number(count, session.last), _by_number(count, first), _by_needs(count, needs)]
    known = {cell for cell, number in session.last.items() if session.is_current(number)}
    return min(orders, key=lambda order: _faults(_static(notebook, order), needs, known))


def _faults(static: set[_Need], needs: set[_Need], known: Iterable[int]) -> int:
    ran = set(known)
    return len(needs - static) + len({need for need in static - needs if need[0] in ran and need[1] in ran})


def _static(notebook: Notebook, order: Sequence[int]) -> set[_Need]:
    graph = build_graph([notebook.cells[index].source for index in order])
    return {(order[edge.source], order[edge.target], name) for edge in graph.edges for name in edge.names}


def _by_needs(count: int, needs: Iterable[_Need]) -> list[int]:
    """Return the cells so that each comes after those it needs, else in the order of the document."""
    sources: dict[int, set[int]] = {}
    for writer, reader, _ in needs:
        sources.setdefault(reader, set()).add(writer)
    order: list[int] = []
    waiting = list(range(count))
    while waiting:
        ready = (cell for cell in waiting if sources.get(cell, set()) <= {*order, cell})
        cell = next(ready, waiting[0])
        order.append(cell)
        waiting.remove(cell)
    return order


def _by_number(count: int, numbers: Mapping[int, int]) -> list[int]:
    """Return the cells by the numbers of their executions; one without a number follows the cell in front of it."""
    groups: list[list[int]] = [[]]
    for cell in range(count):
        if cell in numbers:
            groups.append([cell])
        else:
            groups[-1].append(cell)
    return [*groups[0], *_flat(sorted(groups[1:], key=lambda group: numbers[group[0]]))]


def _flat(groups: Iterable[Sequence[int]]) -> Iterator[int]:
    return (cell for group in groups for cell in group)
