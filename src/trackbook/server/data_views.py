"""What the server sends about dataset versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.errors import NotFoundError
from trackbook.tracking.lineage import DATASET, RUN, DataLineage, Lineage, Link, Node

if TYPE_CHECKING:
    from trackbook.data import DatasetVersion
    from trackbook.project import Project
    from trackbook.tracking.lineage import Made, Neighbour

RUNS_SHOWN = 50
"""How many of the runs that read a version stand in its picture, the newest ones."""


def datasets(project: Project) -> dict[str, Any]:
    """Return all datasets by name, with the number of their versions and the newest of them."""
    found = []
    for name, group in groupby(project.data.list(), key=lambda each: each.name):
        versions = list(group)
        (newest,) = _plain(project, versions[:1])
        found.append({"name": name, "versions": len(versions), "newest": newest})
    return {"datasets": found}


def versions(project: Project, name: str) -> dict[str, Any]:
    """Return the versions of a dataset, newest first; raises NotFoundError with the nearest name."""
    project.data.get(name)
    return {"name": name, "versions": _plain(project, project.data.list(name))}


def version(project: Project, name: str, number: int) -> dict[str, Any]:
    """Return one version with its schema."""
    (found,) = _plain(project, [project.data.get(name, number)])
    return found


def difference(project: Project, name: str, number: int, against: int, key: Sequence[str]) -> dict[str, Any]:
    """Return what came, went and changed from version `against` to version `number`, rows told apart by `key`."""
    before, after = (project.data.get(name, each).uri for each in (against, number))
    found = project.data.diff(before, after, key)
    return {
        "name": name,
        "version": number,
        "against": against,
        "same": found.is_empty,
        "difference": msgspec.to_builtins(found),
    }


def lineage_of(project: Project, name: str, number: int) -> dict[str, Any]:
    """Return the graph of a version: the run that made it, itself, the runs that read it, and their models."""
    found = project.data.get(name, number)
    graph = picture(found, project.lineage.of_data(found.fingerprint, found.run_id))
    nodes = [msgspec.to_builtins(node) | {"contents_path": None} for node in graph.nodes]
    return {"nodes": nodes, "links": msgspec.to_builtins(graph.links)}


def picture(version: DatasetVersion, lineage: DataLineage) -> Lineage:
    """Return a lineage as a graph; stage 0 holds who made the version, 2 itself, 3 who read it, 4 their models."""
    own = Node(f"{DATASET}:{version.name}:{version.version}", DATASET, f"{version.name} v{version.version}", "", 2)
    makers = _makers(version, lineage.written_by)
    readers = lineage.read_by[:RUNS_SHOWN]
    nodes = {own.id: own}
    nodes |= {f"{each.run_id}:0": _run(each, 0) for each in makers}
    nodes |= {f"{each.run_id}:3": _run(each, 3) for each in readers}
    links = [Link(f"{each.run_id}:0", own.id, _names(each)) for each in makers]
    links += [Link(own.id, f"{each.run_id}:3", _names(each)) for each in readers]
    for model in lineage.models:
        user = next((end for end in (f"{model.run_id}:3", f"{model.run_id}:0") if end in nodes), None)
        if user is not None:
            node = _model(model)
            nodes[node.id] = node
            links.append(Link(user, node.id))
    return Lineage(tuple(nodes.values()), tuple(links))


def _makers(version: DatasetVersion, written_by: Sequence[Neighbour]) -> Sequence[Neighbour]:
    """Return the run that kept the version; where none is known, the first one that wrote its data."""
    kept = [each for each in written_by if each.run_id == version.run_id]
    return kept or written_by[-1:]


def _run(neighbour: Neighbour, stage: int) -> Node:
    detail = "made it" if stage == 0 else "read it"
    return Node(f"{neighbour.run_id}:{stage}", RUN, neighbour.run_name, detail, stage, run_id=neighbour.run_id)


def _model(model: Made) -> Node:
    stage = "no stage" if model.detail == "none" else model.detail
    title = f"{model.name} v{model.version}"
    return Node(f"{model.kind}:{model.name}:{model.version}", model.kind, title, f"model, {stage}", 4)


def _names(neighbour: Neighbour) -> tuple[str, ...]:
    return (neighbour.name,) if neighbour.name else ()


def _plain(project: Project, versions: Iterable[DatasetVersion]) -> list[dict[str, Any]]:
    """Return versions with the names of the runs that made them; a run that is gone has none."""
    names: dict[str | None, str | None] = {None: None}
    found = []
    for each in versions:
        if each.run_id not in names:
            names[each.run_id] = _name_of(project, str(each.run_id))
        found.append(each.to_dict() | {"run_name": names[each.run_id]})
    return found


def _name_of(project: Project, run_id: str) -> str | None:
    try:
        return project.runs.get(run_id).summary.run_name
    except NotFoundError:
        return None
