"""Evidence for the graph of a notebook: it runs in a copy of its folder, and what every cell did is noted."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat

from trackbook.cells import Outcome
from trackbook.errors import ExecutionError
from trackbook.pipeline.execution import OnCell, execute_notebook, read_notebook
from trackbook.pipeline.graph.watch import read_watched
from trackbook.pipeline.steps.notebook import Notebook
from trackbook.pipeline.steps.tags import RAISING, is_skipped
from trackbook.tracking.reproduction.workspace import copy_folder


@dataclass(frozen=True, slots=True)
class Executed:
    """What happened in the code cells that ran, by their indexes, and why the others did not (empty: all did)."""

    outcomes: Mapping[int, Outcome]
    problem: str = ""


def execute(
    path: Path, notebook: Notebook, *, root: Path, timeout: float | None = None, on_cell: OnCell | None = None
) -> Executed:
    """Run a notebook in a fresh kernel, in a copy of the project's folder `root` (or of its own, if it lies outside).

    The first cell that raises ends it, as it ends `Run All`; `timeout` is in seconds for each cell.  Raises DataError
    where the folder is too large to be copied.
    """
    path = path.resolve()
    original = root.resolve() if path.is_relative_to(root.resolve()) else path.parent
    with tempfile.TemporaryDirectory(prefix="trackbook-graph-") as place:
        folder = Path(place).resolve()
        copy, notes = folder / "copy" / original.name, folder / "notes" / "watched.jsonl"
        notes.parent.mkdir()
        copy_folder(original, copy)
        here = copy / path.parent.relative_to(original)
        problem = _run(path, here, notes, timeout, on_cell)
        found = read_watched(notes)
    outcomes = {
        cell.index: _relative(outcome, here)
        for cell in notebook.cells
        if (outcome := found.get(f"code-{cell.index}")) is not None and _counts(outcome, cell.tags)
    }
    return Executed(outcomes, problem)


def _counts(outcome: Outcome, tags: tuple[str, ...]) -> bool:
    """A cell that failed did part of what it does when all is well, and the graph is about that."""
    return not outcome.failed or RAISING in tags


def _run(path: Path, here: Path, notes: Path, timeout: float | None, on_cell: OnCell | None) -> str:
    node = read_notebook(path)
    index = 0
    for cell in node.cells:
        if cell.cell_type == "code":
            cell["id"], index = f"code-{index}", index + 1
    node["cells"] = [cell for cell in node.cells if not is_skipped(cell.metadata.get("tags", ()), cell.source)]
    try:
        execute_notebook(
            nbformat.from_dict(json.loads(json.dumps(node))),  # type: ignore[no-untyped-call]
            cwd=here,
            timeout=timeout,
            on_cell=on_cell,
            env={"TRACKBOOK_DIR": str(notes.parent / "store"), "PYTHONHASHSEED": "0"},
            startup=f"__import__('trackbook.pipeline.graph.watch', fromlist=['watch']).watch({str(notes)!r})",
            path=here / path.name,
        )
    except ExecutionError as error:
        return _counted_as_code(error)
    return ""


def _counted_as_code(error: ExecutionError) -> str:
    """Name the cell by its number among the code cells, as the graph counts them."""
    number = (error.cell_id or "").removeprefix("code-")
    return str(error).replace(f"cell {error.cell_index} ", f"cell {number} ", 1) if number else str(error)


def _relative(outcome: Outcome, here: Path) -> Outcome:
    """Call files in the notebook's folder what its code calls them."""
    return replace(
        outcome,
        files_read=_each(outcome.files_read, here),
        files_written=_each(outcome.files_written, here),
        files_replaced=_each(outcome.files_replaced, here),
    )


def _each(paths: frozenset[str] | None, here: Path) -> frozenset[str] | None:
    return None if paths is None else frozenset(_one(path, f"{here}/") for path in paths)


def _one(path: str, prefix: str) -> str:
    return path.removeprefix(prefix)
