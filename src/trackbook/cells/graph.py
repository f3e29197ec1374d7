"""From cells to the graph of what they hand to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from trackbook.cells.catalogue import SETTINGS
from trackbook.cells.explain import EXECUTED, RECORDED, STATIC, explained
from trackbook.cells.history import History, Outcome
from trackbook.cells.memory import Evidence
from trackbook.cells.names import CellNames, run_cell
from trackbook.cells.session import Session
from trackbook.cells.source import CellSource, read_source
from trackbook.cells.statements import Statements
from trackbook.cells.values import Change

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
class RecordedUse:
    """What a recorded execution of a cell says: which of the cells `seen`, executed before it, it used, with names."""

    seen: frozenset[int]
    used: Mapping[int, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Graph:
    """The cells of a notebook in their order, and all edges between them.

    `edges` are all; `drawn` are those that no path implies: where cell 1 surely needs
    cell 0, and cell 2 surely cell 1, 0 → 1 → 2 says all that 0 → 2 does.  `seen` are the cells that were
    executed for the graph, `recorded` the pairs of cells of which recorded executions tell.
    """

    cells: tuple[CellNames, ...]
    edges: tuple[Edge, ...]
    ids: tuple[str, ...]
    steps: tuple[str | None, ...]
    sources: tuple[CellSource, ...] = ()
    seen: frozenset[int] = frozenset()
    recorded: frozenset[tuple[int, int]] = frozenset()

    @property
    def drawn(self) -> tuple[Edge, ...]:
        """Return the edges without those that a path implies; from each cell the same cells are reached.

        For a proved edge the path must be of proved edges, or hand on the same names, as where a cell may change in
        place what another made; for one that may be there any path will do.  An edge to a cell that only deletes a name
        hands on nothing, and is not drawn.
        """
        handing = [edge for edge in self.edges if not edge.evidence or not all(item.deletes for item in edge.evidence)]
        proved = _shortcuts([edge for edge in handing if edge.kind == PROVED])
        implied = {
            PROVED: proved | _handed_on(handing),
            MAY: proved | _shortcuts(handing),
            DECLARED: set(),
        }
        return tuple(edge for edge in handing if (edge.source, edge.target) not in implied[edge.kind])

    def to_json(self, *, explain: bool = False) -> dict[str, object]:
        """Return the graph as plain values, in the form that `trackbook graph --json` prints.

        With `explain` each edge has its evidence, see `trackbook.cells.explain`.
        """
        cells = [
            {"index": number, "id": cell_id, "step": step}
            for number, (cell_id, step) in enumerate(zip(self.ids, self.steps, strict=True))
        ]
        return {"cells": cells, "edges": [self._edge_json(edge, explain) for edge in self.drawn]}

    def _edge_json(self, edge: Edge, explain: bool) -> dict[str, object]:
        plain: dict[str, object] = {
            "source": edge.source,
            "target": edge.target,
            "names": list(edge.names),
            "kind": edge.kind,
        }
        if explain:
            writer, reader = (self.sources[place] for place in (edge.source, edge.target))
            origin = EXECUTED if {edge.source, edge.target} <= self.seen else STATIC
            origin = RECORDED if (edge.source, edge.target) in self.recorded else origin
            plain["evidence"] = [
                explained(item, (edge.source, writer), (edge.target, reader), origin) for item in edge.evidence
            ]
        return plain


def build_graph(
    cells: Sequence[str],
    ids: Sequence[str] | None = None,
    steps: Sequence[str | None] | None = None,
    declared: Sequence[tuple[int, int]] = (),
    outcomes: Mapping[int, Outcome] = MappingProxyType({}),
    recorded: Mapping[int, RecordedUse] = MappingProxyType({}),
) -> Graph:
    """Return the graph of cells that run in this order; `declared` are pairs (earlier, later) stated by tags.

    `outcomes` says what really happened in cells that were executed, by their places, and `recorded` what was
    recorded of earlier executions; the text tells the rest.
    """
    sources = tuple(read_source(text) for text in cells)
    names, found = _executed(sources, outcomes) if outcomes else _static(sources)
    found = {**found, **_remembered(found, recorded)}
    edges = {pair: _edge(pair, evidence) for pair, evidence in found.items() if evidence}
    for pair in declared:
        edges.setdefault(pair, Edge(*pair, (), DECLARED))
    known_ids = tuple(ids) if ids is not None else tuple(f"cell-{number}" for number in range(len(cells)))
    known_steps = tuple(steps) if steps is not None else (None,) * len(cells)
    ordered = tuple(edges[pair] for pair in sorted(edges))
    told = frozenset((earlier, cell) for cell, known in recorded.items() for earlier in known.seen)
    return Graph(names, ordered, known_ids, known_steps, sources, frozenset(outcomes), told)


_Found = Mapping[tuple[int, int], Mapping[str, Evidence]]


def _remembered(found: _Found, recorded: Mapping[int, RecordedUse]) -> dict[tuple[int, int], dict[str, Evidence]]:
    """Return the evidence for pairs of which recorded executions tell; empty where they say that there is none."""
    result: dict[tuple[int, int], dict[str, Evidence]] = {}
    for cell, known in recorded.items():
        for earlier in known.seen:
            texts = found.get((earlier, cell), {})
            names = known.used.get(earlier, frozenset())
            kept = {name: evidence for name, evidence in texts.items() if name in names}
            seen = {name: Evidence(name, 1, 1, certain=False) for name in names - SETTINGS - kept.keys()}
            result[earlier, cell] = kept | seen
    return result


def _static(sources: Sequence[CellSource]) -> tuple[tuple[CellNames, ...], _Found]:
    machine = Statements()
    names = []
    for number, source in enumerate(sources):
        names.append(run_cell(machine, source, number))
        machine.end_cell()
    return tuple(names), machine.evidence


def _executed(sources: Sequence[CellSource], outcomes: Mapping[int, Outcome]) -> tuple[tuple[CellNames, ...], _Found]:
    session = _Kept()
    history = History(session)
    names = []
    for number, source in enumerate(sources):
        names.append(history.begin(source.text))
        history.end(outcomes.get(number), number + 1)
    return tuple(names), session.found


class _Kept(Session):
    """Keeps the evidence of every execution.

    That anything may depend on a setting is no edge here: a program of a run must hold the cell that set an option,
    a graph in which every later cell hangs on it says nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[tuple[int, int], dict[str, Evidence]] = {}

    def take_needs(self) -> dict[int, tuple[str, ...]]:
        self.found.update(self.evidence)
        return super().take_needs()

    def freshen(self, path: str, *, changed: bool) -> None:
        """Let what reads the state depend on the cell that put it back: without that cell it would not be fresh."""
        super().freshen(path, changed=changed)
        if changed:
            self.library[path].changes[self.cell] = Change(self.cell, 1, True)

    def surround(self, path: str, line: int) -> None:
        """Let nothing but what reads the setting depend on it."""


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


def _handed_on(edges: Sequence[Edge]) -> set[tuple[int, int]]:
    """Return the pairs of which every name goes along a path of edges for that name, too."""
    by_name: dict[str, list[Edge]] = {}
    for edge in edges:
        for name in edge.names:
            by_name.setdefault(name, []).append(edge)
    along = {name: _shortcuts(found) for name, found in by_name.items()}
    pairs = ((edge, (edge.source, edge.target)) for edge in edges)
    return {pair for edge, pair in pairs if edge.names and all(pair in along[name] for name in edge.names)}


def _edge(pair: tuple[int, int], found: Mapping[str, Evidence]) -> Edge:
    evidence = tuple(found[name] for name in sorted(found))
    kind = PROVED if any(item.certain for item in evidence) else MAY
    return Edge(*pair, tuple(item.name for item in evidence), kind, evidence)
