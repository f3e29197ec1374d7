"""A notebook as its runs need it: which cells run, under which ids, and which step owns which cell."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import nbformat
from nbformat import NotebookNode

from trackbook.pipeline.execution import CellProgress, OnCell
from trackbook.pipeline.plan import Plan, StepPlan
from trackbook.pipeline.steps.tags import is_skipped
from trackbook.pipeline.verification.record import Moment

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def prepared(node: NotebookNode) -> tuple[NotebookNode, list[int]]:
    """Return a notebook without skipped cells and outputs, and the place of each cell in the whole notebook.

    Every code cell has the id that scripts name.
    """
    copy = copy_of(node)
    index = 0
    cells, places = [], []
    for place, cell in enumerate(copy.cells):
        if cell.cell_type == "code":
            given = cell.get("id")
            cell["id"] = given if isinstance(given, str) and _ID.fullmatch(given) else f"cell-{index}"
            cell["outputs"], cell["execution_count"], index = [], None, index + 1
        if cell.cell_type != "code" or not is_skipped(cell.metadata.get("tags", ()), cell.source):
            cells.append(cell)
            places.append(place)
    copy["cells"] = cells
    return copy, places


def copy_of(node: NotebookNode) -> NotebookNode:
    """Return a notebook that may be changed without changing `node`."""
    copy: NotebookNode = nbformat.from_dict(json.loads(json.dumps(node)))  # type: ignore[no-untyped-call]
    return copy


def owners_of(node: NotebookNode, plan: Plan) -> dict[str, StepPlan]:
    """Return the step of each cell that has one, in the notebook's order: by the id in the script, else by its tag."""
    by_id = {cell: step for step in plan.steps for cell in step.cells}
    by_name = {step.name: step for step in plan.steps}
    owners: dict[str, StepPlan] = {}
    for cell in node.cells:
        tagged = [by_name.get(tag[5:]) for tag in cell.metadata.get("tags", ()) if tag.startswith("step:")]
        owner = by_id.get(cell.get("id", "")) or next((step for step in tagged if step), None)
        if cell.cell_type == "code" and owner is not None:
            owners[cell["id"]] = owner
    return owners


def watching(node: NotebookNode, owners: dict[str, StepPlan], plan: Plan, folder: Path) -> dict[str, Any]:
    """Return what the kernel is to note, and when, in the form that `record.watch` reads."""
    after: dict[str, list[tuple[int, list[str]]]] = {}
    for step in plan.steps:
        cells = [cell for cell, owner in owners.items() if owner is step]
        if cells:
            names = list(dict.fromkeys([*step.outputs, *step.names]))
            after.setdefault(cells[-1], []).append((step.index, names))
    code = [cell["id"] for cell in node.cells if cell.cell_type == "code" and cell.source.strip()]
    outputs = sorted(_lasting(plan.steps))
    places = {cell: step.index for cell, step in owners.items()}
    return {"folder": str(folder), "after": after, "owners": places, "last": [code[-1] if code else "", outputs]}


def _lasting(steps: Sequence[StepPlan]) -> set[str]:
    """Return the outputs that no later step has a name of its own for; those are compared when that step ends."""
    found: set[str] = set()
    for step in steps:
        found = (found - set(step.names)) | set(step.outputs)
    return found


def timed(
    moments: list[Moment],
    node: NotebookNode,
    owners: dict[str, StepPlan],
    run: str,
    indices: Sequence[int],
    on_cell: OnCell | None,
) -> OnCell:
    """Return a listener that notes when the cells of steps ran, and passes everything on."""
    places = {index: owners[cell["id"]].index for index, cell in enumerate(node.cells) if cell.get("id") in owners}

    def listen(progress: CellProgress) -> None:
        if progress.state != "started" and progress.cell_index in places:
            now = time.time()
            moments.append(Moment(places[progress.cell_index], now - progress.seconds, now))
        if on_cell is not None:
            on_cell(msgspec.structs.replace(progress, run=run, cell_index=indices[progress.cell_index]))

    return listen
