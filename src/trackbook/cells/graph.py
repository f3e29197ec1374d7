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

    `edges` are all; `drawn` are those that no path implies: where cell 1 surely needs
    cell 0, and cell 2 surely cell 1, 0 → 1 → 2 says all that 0 → 2 does.
    """

    cells: tuple[CellNames, ...]
    edges: tuple[Edge, ...]
    ids: tuple[str, ...]
    steps: tuple[str | None, ...]

    @property
    def drawn(self) -> tuple[Edge, ...]:
        """Return the edges without those that a path implies; from each cell the same cells are reached.

        For a proved edge the path must be of proved edges, for one that may be there it need not.
        """
        proved = _shortcuts([edge for edge in self.edges if edge.kind == PROVED])
        implied = {PROVED: proved, MAY: proved | _shortcuts(self.edges), DECLARED: set()}
        return tuple(edge for edge in self.edges if (edge.source, edge.target) not in implied[edge.kind])

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


def _shortcuts(edges: Sequence[Edge]) -> set[tuple[int, int]]:
    """Return the pairs that a path of two or more of these edges joins as well."""
    nexts: dict[int, list[int]] = {}
    for edge in edges:
        if edge.source < edge.target:
            nexts.setdefault(edge.source, []).append(edge.target)
    reached: dict[int, set[int]] = {}
    for source in sorted(nexts, reverse=True):
        reached[source] = set(nexts[source]).union(*(reached.get(target, set()) for target in nexts[source]))
    return {
        (source, end) for source, targets in nexts.items() for target in targets for end in reached.get(target, set())
    }


def _edge(pair: tuple[int, int], found: Mapping[str, Evidence]) -> Edge:
    evidence = tuple(found[name] for name in sorted(found))
    kind = PROVED if any(item.certain for item in evidence) else MAY
    return Edge(*pair, tuple(item.name for item in evidence), kind, evidence)
