"""What the server sends about one run: its program with reasons, its lineage, its environment beside another's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.capture.environment import Environment, difference
from trackbook.tracking.lineage import DATASET, MODEL, Child, LineageReader, Made, lineage, needs
from trackbook.tracking.values import Run

if TYPE_CHECKING:
    from trackbook.project import Project
    from trackbook.tracking import Runs, RunSummary

CHILDREN_SHOWN = 200


def run(runs: Runs, run_id: str) -> dict[str, Any]:
    """Return one run in full, with summaries of the runs that it started, in `program` why each cell is in it, and the
    metrics that have curves."""
    found = runs.get(run_id)
    children = [child.to_dict() for child in children_of(runs, found.run_id)]
    return found.to_dict() | {
        "children": children,
        "program": _program(found),
        "curves": runs.curves([found.run_id]),
    }


def children_of(runs: Runs, run_id: str) -> list[RunSummary]:
    """Return the runs that a run started, oldest first, as many as are shown."""
    return runs.search(f"attributes.parent_run_id = '{run_id}'", max_results=CHILDREN_SHOWN)[::-1]


def _program(run: Run) -> list[dict[str, Any]]:
    """Return the executions, each with `gives`: what it hands to which places of the program."""
    given: dict[int, list[dict[str, Any]]] = {}
    for link in needs(run.program, run.facts.get("program")):
        given.setdefault(int(link.source), []).append({"place": int(link.target), "names": list(link.names)})
    return [
        {**msgspec.to_builtins(execution), "gives": given.get(place, [])} for place, execution in enumerate(run.program)
    ]


def lineage_of(project: Project, run_id: str) -> dict[str, Any]:
    """Return the graph of what a run was made from and what became of what it made."""
    found = project.runs.get(run_id)
    reader = LineageReader(project.store)
    children = [Child(each.run_id, each.run_name, each.status) for each in children_of(project.runs, found.run_id)]
    graph = lineage(
        found,
        links=needs(found.program, found.facts.get("program")),
        writers=reader.writers(found),
        readers=reader.readers(found),
        made=[*_datasets(project, found), *_models(project)],
        children=children,
    )
    plain: dict[str, Any] = msgspec.to_builtins(graph)
    return plain


def _datasets(project: Project, run: Run) -> Iterable[Made]:
    for version in project.data.list():
        detail = f"{version.rows:,} rows" if version.rows is not None else version.format
        yield Made(DATASET, version.name, version.version, detail, version.fingerprint, version.run_id)


def _models(project: Project) -> Iterable[Made]:
    for name, version, stage, run_id in project.registry.made_by_runs():
        yield Made(MODEL, name, version, f"model, {_stage(stage)}", None, run_id)


def _stage(stage: str) -> str:
    return "no stage" if stage == "none" else stage


def environment(runs: Runs, run_id: str, against: str | None) -> dict[str, Any]:
    """Return the environment of a run and, with `against`, how that of the other run differs from it."""
    found = runs.get(run_id)
    answer: dict[str, Any] = {
        "run_id": found.run_id,
        "digest": found.environment_digest,
        "environment": found.environment,
        "against": None,
        "differences": None,
    }
    if against is not None:
        other = runs.get(against)
        answer["against"] = {
            "run_id": other.run_id,
            "run_name": other.summary.run_name,
            "digest": other.environment_digest,
        }
        answer["differences"] = _differences(found, other)
    return answer


def _differences(one: Run, other: Run) -> dict[str, Any] | None:
    """Return what the other run's environment has that this one has not, and the reverse; None where one is unknown."""
    if one.environment is None or other.environment is None:
        return None
    both = (msgspec.convert(run.environment, Environment) for run in (one, other))
    return difference(*both).to_dict()
