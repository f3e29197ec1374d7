"""From cells to the graph of what they hand to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trackbook.cells.memory import Evidence
from trackbook.cells.names import CellNames, run_cell
from trackbook.cells.source import read_source
from trackbook.cells.statements import Statements

PROVED, MAY, DECLARED = "proved", "may", "declared"


@dataclass(frozen=True, slots=True)
class Edge:
    """Cell `target` reads what cell `source` wrote; `evidence` says which name, and at which lines.

    `names` are variables, or pieces of process state such as `file:a.csv` and `state:numpy.random`.
    """

    source: int
    target: int
    names: tuple[str, ...]
    kind: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """The cells of a notebook in their order, and all edges between them.

    `drawn` are the edges that say something new: where cell 1 surely changes what cell 0 made and
    cell 2 reads it, 0 → 1 → 2 says all that 0 → 2 does.
    """

    cells: tuple[CellNames, ...]
    edges: tuple[Edge, ...]
    ids: tuple[str, ...]
    steps: tuple[str | None, ...]

    @property
    def drawn(self) -> tuple[Edge, ...]:
        """Return the edges without those that a proved path of the same name says already."""
        known = {(edge.source, edge.target): {item.name: item for item in edge.evidence} for edge in self.edges}
        kept = [_without_detours(edge, known) for edge in self.edges]
        return tuple(edge for edge in kept if edge is not None)

    def to_json(self) -> dict[str, object]:
        """Return the graph as plain values, in the form that `trackbook graph --json` prints."""
        cells = [
            {"index": number, "id": cell_id, "step": step}
            for number, (cell_id, step) in enumerate(zip(self.ids, self.steps, strict=True))
        ]
        edges = [
            {"source": edge.source, "target": edge.target, "names": list(edge.names), "kind": edge.kind}
            for edge in self.drawn
        ]
        return {"cells": cells, "edges": edges}


def build_graph(
    cells: Sequence[str],
    ids: Sequence[str] | None = None,
    steps: Sequence[str | None] | None = None,
    declared: Sequence[tuple[int, int]] = (),
) -> Graph:
    """Return the graph of cells that run in this order; `declared` are pairs (earlier, later) stated by tags."""
    machine = Statements()
    names = [run_cell(machine, read_source(text), number) for number, text in enumerate(cells)]
    edges = {pair: _edge(pair, found) for pair, found in machine.evidence.items()}
    for pair in declared:
        edges.setdefault(pair, Edge(*pair, (), DECLARED))
    known_ids = tuple(ids) if ids is not None else tuple(f"cell-{number}" for number in range(len(cells)))
    known_steps = tuple(steps) if steps is not None else (None,) * len(cells)
    return Graph(tuple(names), tuple(edges[pair] for pair in sorted(edges)), known_ids, known_steps)


def _without_detours(edge: Edge, known: Mapping[tuple[int, int], Mapping[str, Evidence]]) -> Edge | None:
    """Return the edge with the evidence that no cell in between passes on, None if nothing is left."""
    if edge.kind == DECLARED:
        return edge
    between = range(edge.source + 1, edge.target)
    left = {
        item.name: item
        for item in edge.evidence
        if not any(
            _certain(known, edge.source, cell, item.name) and _certain(known, cell, edge.target, item.name)
            for cell in between
        )
    }
    return _edge((edge.source, edge.target), left) if left else None


def _certain(known: Mapping[tuple[int, int], Mapping[str, Evidence]], source: int, target: int, name: str) -> bool:
    found = known.get((source, target), {}).get(name)
    return found is not None and found.certain


def _edge(pair: tuple[int, int], found: Mapping[str, Evidence]) -> Edge:
    evidence = tuple(found[name] for name in sorted(found))
    kind = PROVED if any(item.certain for item in evidence) else MAY
    return Edge(*pair, tuple(item.name for item in evidence), kind, evidence)
