"""Lineage of a run: what it was made from, what it made, and who made or used those, as a graph to be drawn.

Data is known again by its fingerprint, whatever it is called.  Plain values are left out of that: half of all runs
write a 0.  `lineage` is pure; `LineageReader` reads from the store what runs have to do with each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.cells import build_graph
from trackbook.store import Store
from trackbook.tracking.values import Execution, Run, RunData

if TYPE_CHECKING:
    from trackbook.store import Database

FILE, DATA, CELL, RUN, DATASET, MODEL = "file", "data", "cell", "run", "dataset_version", "model_version"
PLAIN, MODULE = "value", "module"
NEIGHBOURS = 5
"""How many other runs are named that read one thing."""


class Node(msgspec.Struct, frozen=True):
    """A thing in the picture; `stage` is its column: 0 sources, 1 cells, 2 the run, 3 results, 4 who uses them.

    `run_id` is set for a run, `number` for a cell: its place in the program; `path` for a file.
    """

    id: str
    kind: str
    label: str
    detail: str
    stage: int
    run_id: str | None = None
    number: int | None = None
    path: str | None = None


class Link(msgspec.Struct, frozen=True):
    """What one thing hands to another; `names` are variables, files or pieces of process state."""

    source: str
    target: str
    names: tuple[str, ...] = ()


class Lineage(msgspec.Struct, frozen=True):
    """The graph of one run."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]


class Neighbour(msgspec.Struct, frozen=True):
    """Another run that wrote or read the data with this fingerprint."""

    fingerprint: str
    run_id: str
    run_name: str
    name: str


class Made(msgspec.Struct, frozen=True):
    """A dataset or model version: `kind` says which; it was made by the run, or is an input by its fingerprint."""

    kind: str
    name: str
    version: int
    detail: str = ""
    fingerprint: str | None = None
    run_id: str | None = None


class Child(msgspec.Struct, frozen=True):
    """A run that the run started."""

    run_id: str
    run_name: str
    status: str


def needs(program: Sequence[Execution], noted: Mapping[str, Mapping[str, Sequence[str]]] | None = None) -> list[Link]:
    """Return what the executions of a program hand to each other, by their places in it (`"0"`, `"1"`, …).

    `noted` is the fact `program` of a run: what each execution needed of which earlier one, by their numbers.  Without
    it, the texts alone tell.
    """
    if noted:
        places = {str(execution.number): str(place) for place, execution in enumerate(program)}
        found = [
            Link(places[source], places[target], _short(names))
            for target, needed in noted.items()
            for source, names in needed.items()
            if target in places and source in places
        ]
        return sorted(found, key=lambda link: (int(link.source), int(link.target)))
    graph = build_graph([execution.source for execution in program])
    return [Link(str(edge.source), str(edge.target), edge.names) for edge in graph.edges]


def _short(names: Sequence[str]) -> tuple[str, ...]:
    """Leave out the absolute path of a file that is named as the code names it too."""
    files = [name.removeprefix("file:") for name in names if name.startswith("file:")]
    short = [path for path in files if not path.startswith("/")]
    spare = {f"file:{path}" for path in files if path not in short and any(path.endswith(f"/{end}") for end in short)}
    return tuple(name for name in names if name not in spare)


def lineage(
    run: Run,
    *,
    links: Sequence[Link] = (),
    writers: Iterable[Neighbour] = (),
    readers: Iterable[Neighbour] = (),
    made: Iterable[Made] = (),
    children: Iterable[Child] = (),
) -> Lineage:
    """Return the graph of `run`; `links` are the `needs` of its program."""
    picture = _Picture()
    own = picture.add(Node(run.run_id, RUN, run.summary.run_name, run.summary.status, 2, run_id=run.run_id))
    cells = _add_cells(picture, run, links, own)
    _add_inputs(picture, run, cells, {each.fingerprint: each for each in writers}, own)
    outputs = _add_outputs(picture, run, own)
    _add_versions(picture, run, made, own)
    for child in children:
        picture.link(own, picture.add(Node(child.run_id, RUN, child.run_name, child.status, 3, run_id=child.run_id)))
    for reader in readers:
        if reader.fingerprint in outputs and reader.run_id != run.run_id:
            node = Node(f"{reader.run_id}:later", RUN, reader.run_name, "reads it", 4, run_id=reader.run_id)
            picture.link(outputs[reader.fingerprint], picture.add(node), (reader.name,))
    return Lineage(tuple(picture.nodes.values()), tuple(picture.links.values()))


class _Picture:
    """Nodes and links, each once."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.links: dict[tuple[str, str], Link] = {}

    def add(self, node: Node) -> str:
        self.nodes.setdefault(node.id, node)
        return node.id

    def link(self, source: str, target: str, names: tuple[str, ...] = ()) -> None:
        known = self.links.get((source, target))
        both = dict.fromkeys((*(known.names if known else ()), *names))
        self.links[source, target] = Link(source, target, tuple(both))


def _add_cells(picture: _Picture, run: Run, links: Sequence[Link], own: str) -> dict[str, str]:
    """Add the program's earlier cells; return, for each variable, the node of the cell that gives it to the run."""
    last = len(run.program) - 1
    ids = [f"cell:{place}" for place in range(last)] + [own]
    for place, execution in enumerate(run.program[:-1]):
        picture.add(Node(ids[place], CELL, _label(execution), _first_line(execution.source), 1, number=place))
    givers = {}
    for link in links:
        source, target = int(link.source), int(link.target)
        picture.link(ids[source], ids[target], link.names)
        if target == last:
            givers.update(dict.fromkeys(link.names, ids[source]))
    for node in {*ids[:-1]} - {source for source, _ in picture.links}:
        picture.link(node, own)  # in the program by what was seen while it ran, not by its text
    return givers


def _label(execution: Execution) -> str:
    return f"In [{execution.execution_count}]" if execution.execution_count is not None else "cell"


def _first_line(source: str) -> str:
    lines = (line.strip() for line in source.splitlines())
    return next((line for line in lines if line and not line.startswith("%%")), "")[:80]


def _add_inputs(
    picture: _Picture, run: Run, givers: Mapping[str, str], writers: Mapping[str, Neighbour], own: str
) -> None:
    for item in run.data:
        if item.role != "read" or item.kind == PLAIN:
            continue
        writer = writers.get(item.fingerprint or "")
        giver = givers.get(item.name)
        if giver is not None and (writer is None or writer.run_id == run.run_id):
            continue  # the cell that gives it stands for it
        node = picture.add(_data_node(item, "in", 0))
        place = _reader(item, run.program) if item.kind in (FILE, MODULE) else None
        target = own if place is None else f"cell:{place}"
        picture.link(node, target, (item.name,) if item.kind not in (FILE, MODULE) else ())
        if writer is not None and writer.run_id != run.run_id:
            earlier = Node(f"{writer.run_id}:earlier", RUN, writer.run_name, "wrote it", 0, run_id=writer.run_id)
            picture.link(picture.add(earlier), node)


def _reader(item: RunData, program: Sequence[Execution]) -> int | None:
    """Return the place of the earlier cell that names a file or module; None when the run's own cell does, or none."""
    name = _base(item.name)
    word = re.compile(rf"(?<!\w){re.escape(name.removesuffix('.py') if item.kind == MODULE else name)}(?!\w)")
    if not program or word.search(program[-1].source):
        return None
    return next((place for place, cell in enumerate(program[:-1]) if word.search(cell.source)), None)


def _base(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _add_outputs(picture: _Picture, run: Run, own: str) -> dict[str, str]:
    """Add what the run wrote or changed; return the nodes by fingerprint."""
    found = {}
    for item in run.data:
        if item.role in ("written", "mutated") and item.kind != PLAIN:
            node = picture.add(_data_node(item, "out", 3))
            picture.link(own, node)
            if item.fingerprint is not None:
                found[item.fingerprint] = node
    return found


def _data_node(item: RunData, side: str, stage: int) -> Node:
    if item.kind in (FILE, MODULE):
        return Node(f"{side}:{item.kind}:{item.name}", FILE, _base(item.name), item.kind, stage, path=item.name)
    extent = "" if item.rows is None else f" {item.rows:,}" + (f" × {len(item.columns)}" if item.columns else "")
    return Node(f"{side}:{item.kind}:{item.name}", DATA, item.name, f"{item.kind}{extent}", stage)


def _add_versions(picture: _Picture, run: Run, made: Iterable[Made], own: str) -> None:
    read = {item.fingerprint for item in run.data if item.role == "read" and item.fingerprint is not None}
    for version in made:
        title = f"{version.name} v{version.version}"
        node = f"{version.kind}:{version.name}:{version.version}"
        if version.run_id == run.run_id:
            picture.link(own, picture.add(Node(node, version.kind, title, version.detail, 3)))
        elif version.fingerprint in read:
            picture.link(picture.add(Node(node, version.kind, title, version.detail, 0)), own)


class DataLineage(msgspec.Struct, frozen=True):
    """What runs have to do with one thing: those that made it, those that used it, and the models that came of them."""

    written_by: tuple[Neighbour, ...]
    read_by: tuple[Neighbour, ...]
    models: tuple[Made, ...]


class LineageReader:
    """Reads what other runs have to do with the data of a run."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def writers(self, run: Run) -> list[Neighbour]:
        """Return, for each thing that the run read, the newest earlier run that wrote it."""
        wanted = _fingerprints(run, ("read",))
        with self._store.read() as db:
            return _neighbours(db, wanted, ("written", "mutated"), run, "run.start_time <= ?", "DESC", 1)

    def readers(self, run: Run) -> list[Neighbour]:
        """Return, for each thing that the run wrote, the first later runs that read it."""
        wanted = _fingerprints(run, ("written", "mutated"))
        with self._store.read() as db:
            return _neighbours(db, wanted, ("read",), run, "run.start_time >= ?", "ASC", NEIGHBOURS)

    def of_data(self, fingerprint: str, made_by: str | None = None) -> DataLineage:
        """Return what all runs have to do with the data of a fingerprint, the newest first; `made_by` kept it."""
        with self._store.read() as db:
            written = _users(db, fingerprint, ("written", "mutated"), made_by)
            read = _users(db, fingerprint, ("read",), None)
            used = {each.run_id for each in (*written, *read)}
            models = [Made(MODEL, *row) for row in db.execute(_MODELS_OF, [msgspec.json.encode(sorted(used)).decode()])]
        return DataLineage(tuple(written), tuple(read), tuple(models))


_MODELS_OF = """
    SELECT model.name, version, stage, NULL, model_version.run_id FROM model_version
    JOIN model ON model.id = model_id WHERE model_version.run_id IN (SELECT value FROM json_each(?))
    ORDER BY model.name, version
"""


def _users(db: Database, fingerprint: str, roles: Sequence[str], made_by: str | None) -> list[Neighbour]:
    """Return the runs that used the data in one of the roles, and the run that kept it as a version."""
    marks = ", ".join("?" * len(roles))
    rows = db.execute(
        "SELECT run_data.fingerprint, run.run_id, coalesce(run.run_name, ''), run_data.name FROM run_data"  # noqa: S608 - marks
        f" JOIN run ON run.id = run_data.run_id WHERE run_data.fingerprint = ? AND role IN ({marks})"
        " ORDER BY run.start_time DESC",
        [fingerprint, *roles],
    ).fetchall()
    found = {row[1]: Neighbour(*row) for row in rows}
    if made_by is not None and made_by not in found:
        row = db.execute("SELECT run_id, coalesce(run_name, '') FROM run WHERE run_id = ?", [made_by]).fetchone()
        if row is not None:
            found[made_by] = Neighbour(fingerprint, row[0], row[1], "")
    return list(found.values())


def _fingerprints(run: Run, roles: Sequence[str]) -> list[str]:
    kept = (item for item in run.data if item.role in roles and item.kind != PLAIN)
    return sorted({item.fingerprint for item in kept if item.fingerprint is not None})


def _neighbours(
    db: Database, wanted: Sequence[str], roles: Sequence[str], run: Run, when: str, order: str, most: int
) -> list[Neighbour]:
    marks = ", ".join("?" * len(roles))
    sql = (
        "SELECT run_data.fingerprint, run.run_id, run.run_name, run_data.name FROM run_data"  # noqa: S608 - marks
        " JOIN run ON run.id = run_data.run_id WHERE run_data.fingerprint = ?"
        f" AND role IN ({marks}) AND run.run_id != ? AND {when} ORDER BY run.start_time {order} LIMIT ?"
    )
    found: list[Any] = []
    for fingerprint in wanted:
        found += db.execute(sql, [fingerprint, *roles, run.run_id, run.summary.start_time or 0, most]).fetchall()
    return [Neighbour(*row) for row in found]
