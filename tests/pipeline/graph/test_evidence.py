"""Evidence for the graph from recorded runs: it counts for cells that read as they did, run from above to below."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from support.sessions import Session
from trackbook.pipeline.graph.evidence import recorded_evidence
from trackbook.pipeline.steps.grouping import notebook_graph
from trackbook.pipeline.steps.notebook import Cell, Notebook
from trackbook.project import Project
from trackbook.store import Store, events
from trackbook.tracking.executions import recorded_sessions

CELLS = ["%load_ext trackbook", "mode = 'quick'\nx = 1", "if mode == 'slow':\n    x = 2", "%%track\ny = x + 1"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / ".trackbook")


def recorded(
    store: Store,
    notebook: Path,
    cells: Sequence[str],
    order: Sequence[int],
    needs: dict[str, dict[str, list[str]]],
    now: Sequence[str] = (),
) -> tuple[Notebook, Mapping[int, Any]]:
    """Record executions of cells in an order, the last as a run, and return what they tell of the notebook `now`."""
    session = Session(store, notebook)
    for cell in order[:-1]:
        session.execute(f"c{cell}", cells[cell])
    run = session.track(f"c{order[-1]}", cells[order[-1]], range(len(order) - 1))
    store.append(events.FactNoted(run, "program", json.dumps(needs)))
    found = Notebook("n.ipynb", tuple(Cell(n, f"c{n}", text) for n, text in enumerate(now or cells)))
    return found, recorded_evidence(found, recorded_sessions(store, str(notebook)))


def edges(notebook: Notebook, evidence: Mapping[int, Any]) -> set[tuple[int, int]]:
    return {(edge.source, edge.target) for edge in notebook_graph(notebook, recorded=evidence).edges}


def test_what_a_run_did_not_use_is_no_edge(store, tmp_path):
    found, evidence = recorded(store, tmp_path / "n.ipynb", CELLS, [1, 2, 3], needs={"2": {"0": ["x"]}})
    assert (2, 3) in edges(found, {})
    assert edges(found, evidence) == {(1, 3)}


def test_a_cell_that_was_edited_since_tells_nothing_and_ends_what_its_session_tells(store, tmp_path):
    edited = [*CELLS[:2], "x = 3", CELLS[3]]
    found, evidence = recorded(store, tmp_path / "n.ipynb", CELLS, [1, 2, 3], needs={"2": {"0": ["x"]}}, now=edited)
    assert edges(found, evidence) == {(2, 3)}


def test_cells_that_ran_upwards_tell_nothing(store, tmp_path):
    found, evidence = recorded(store, tmp_path / "n.ipynb", CELLS, [2, 1, 3], needs={"2": {"1": ["x"]}})
    assert edges(found, evidence) == edges(found, {})


def test_a_cell_that_did_not_run_keeps_the_edges_that_its_text_tells(store, tmp_path):
    found, evidence = recorded(store, tmp_path / "n.ipynb", CELLS, [1, 3], needs={"1": {"0": ["x"]}})
    assert {(1, 3), (2, 3)} <= edges(found, evidence)


def test_a_cell_that_ran_twice_in_a_row_counts_once(store, tmp_path):
    needs = {"1": {"0": ["x"]}, "2": {"1": ["x"]}, "3": {"2": ["x"]}}
    found, evidence = recorded(store, tmp_path / "n.ipynb", ["x = 1", "x += 1", "x"], [0, 1, 1, 2], needs=needs)
    assert edges(found, evidence) == {(0, 1), (1, 2)}


def test_the_graph_of_a_notebook_that_was_tracked_names_its_runs_as_evidence(tmp_path: Path) -> None:
    (tmp_path / "trackbook.toml").touch()
    path = tmp_path / "n.ipynb"
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])
    nbformat.write(node, path)
    client = NotebookClient(node, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=os.environ | {"TRACKBOOK_NOTEBOOK": str(path)})
    pipelines = Project.open(tmp_path).pipelines
    static: Any = pipelines.graph(path)["edges"]
    told: Any = pipelines.graph(path, recorded=True, explain=True)["edges"]
    assert [2, 3] in [[edge["source"], edge["target"]] for edge in static]
    assert [(edge["source"], edge["target"], edge["names"]) for edge in told if edge["target"] == 3] == [(1, 3, ["x"])]
    assert {item["source"] for edge in told if edge["target"] == 3 for item in edge["evidence"]} == {"recorded"}
