"""Lineage of a model version: the data, the run and its program that it came from, and the stage it has reached.

The picture of the run is that of `tracking.lineage`, cut down to what led to the version.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from trackbook.data.schema import Schema
from trackbook.tracking.lineage import (
    DATASET,
    MODEL,
    Lineage,
    LineageReader,
    Link,
    Made,
    Neighbour,
    Node,
    lineage,
    needs,
)

if TYPE_CHECKING:
    from trackbook.registry.values import ModelVersion
    from trackbook.store import Store
    from trackbook.tracking import Run

STAGE, ALIAS = "stage", "alias"
LAST = 4
"""The column of what a version is used as."""


class Held(msgspec.Struct, frozen=True):
    """A dataset version that holds what a run read."""

    name: str
    version: int
    rows: int | None
    format: str
    fingerprint: str
    schema: Schema

    @property
    def uri(self) -> str:
        """The name that code uses for exactly this version, e.g. ``data:/sales@3``."""
        return f"data:/{self.name}@{self.version}"


def model_lineage(
    version: ModelVersion,
    run: Run | None = None,
    *,
    links: Sequence[Link] = (),
    writers: Iterable[Neighbour] = (),
    held: Sequence[Held] = (),
) -> Lineage:
    """Return what `version` came from and is used as; without its run it stands alone.

    `links` are the `needs` of the run's program, `writers` who wrote what it read, `held` the dataset versions it read.
    """
    ending = Node(_id(version), MODEL, f"{version.name} v{version.version}", version.format, 3)
    if run is None:
        return _used(Lineage((ending,), ()), version)
    own = Made(MODEL, version.name, version.version, version.format, run_id=run.run_id)
    graph = lineage(run, links=links, writers=writers, made=[*map(_made, held), own])
    return _used(_led_to(_merged(graph, run, held), ending.id), version)


def read_lineage(store: Store, version: ModelVersion, run: Run | None) -> Lineage:
    """Return the lineage of a version from what the store knows of its run."""
    links, writers = read_steps(store, run)
    return model_lineage(version, run, links=links, writers=writers, held=read_held(store, run))


def read_steps(store: Store, run: Run | None) -> tuple[list[Link], list[Neighbour]]:
    """Return what the cells of the run's program hand to each other, and which runs wrote what it read."""
    if run is None:
        return [], []
    return needs(run.program, run.facts.get("program")), LineageReader(store).writers(run)


def read_held(store: Store, run: Run | None) -> tuple[Held, ...]:
    """Return, for each thing that the run read, the newest version of each dataset that holds the same."""
    read = sorted({each.fingerprint for each in run.data if each.role == "read" and each.fingerprint} if run else ())
    if not read:
        return ()
    with store.read() as db:
        rows = db.execute(_HELD, [msgspec.json.encode(read).decode()]).fetchall()
    return tuple(
        Held(name, version, held, format, fingerprint, msgspec.json.decode(schema, type=Schema))
        for name, version, held, format, fingerprint, schema in rows
    )


_HELD = """
    SELECT dataset.name, max(version), rows, format, fingerprint, schema FROM dataset_version
    JOIN dataset ON dataset.id = dataset_id WHERE fingerprint IN (SELECT value FROM json_each(?))
    GROUP BY dataset.name, fingerprint ORDER BY dataset.name
"""


def sentence(graph: Lineage) -> str:
    """Return the lineage in words: what led to the version, column by column."""
    columns: dict[int, list[str]] = {}
    for node in graph.nodes:
        columns.setdefault(node.stage, []).append(f"{node.label} ({node.detail})" if node.detail else node.label)
    return " → ".join(", ".join(columns[stage]) for stage in sorted(columns))


def _id(version: ModelVersion) -> str:
    return f"{MODEL}:{version.name}:{version.version}"


def _made(held: Held) -> Made:
    detail = held.format if held.rows is None else f"{held.rows:,} rows"
    return Made(DATASET, held.name, held.version, detail, held.fingerprint)


def _merged(graph: Lineage, run: Run, held: Iterable[Held]) -> Lineage:
    """Let a dataset version stand for the variable or file that held it, with what comes in there and goes out."""
    versions = {each.fingerprint: f"{DATASET}:{each.name}:{each.version}" for each in held}
    stand_ins = {
        f"in:{item.kind}:{item.name}": versions[item.fingerprint]
        for item in run.data
        if item.role == "read" and item.fingerprint in versions
    }
    here = {node.id for node in graph.nodes}
    moved = {old: new for old, new in stand_ins.items() if old in here}
    placed = {moved[link.source] for link in graph.links if link.source in moved}
    links = {
        (source, target): Link(source, target, link.names)
        for link in graph.links
        # The way that the version had by itself, straight to the run, is none where a cell reads the file.
        if not (link.source in placed and link.target == run.run_id)
        for source, target in [(moved.get(link.source, link.source), moved.get(link.target, link.target))]
    }
    return Lineage(tuple(node for node in graph.nodes if node.id not in moved), tuple(links.values()))


def _led_to(graph: Lineage, ending: str) -> Lineage:
    """Leave only what has a way to the node `ending`."""
    before: dict[str, list[str]] = {}
    for link in graph.links:
        before.setdefault(link.target, []).append(link.source)
    found, ahead = {ending}, [ending]
    while ahead:
        new = [each for each in before.get(ahead.pop(), ()) if each not in found]
        found.update(new)
        ahead += new
    return Lineage(
        tuple(node for node in graph.nodes if node.id in found),
        tuple(link for link in graph.links if link.source in found and link.target in found),
    )


def _used(graph: Lineage, version: ModelVersion) -> Lineage:
    """Add the stage and the aliases of the version."""
    used = [Node(f"{ALIAS}:{alias}", ALIAS, f"@{alias}", "alias", LAST) for alias in version.aliases]
    if version.stage != "none":
        used.insert(0, Node(f"{STAGE}:{version.stage}", STAGE, version.stage, "stage", LAST))
    links = tuple(Link(_id(version), node.id) for node in used)
    return Lineage((*graph.nodes, *used), (*graph.links, *links))
