"""The graph of a notebook that was run: what happened corrects what the text says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from trackbook.pipeline.graph.executed import execute
from trackbook.pipeline.steps.grouping import notebook_graph
from trackbook.pipeline.steps.notebook import read_notebook

CELLS = [
    "values = []\nmode = 'quick'\nwhole = 1",
    "if len(values) == 0:\n    values.append(1)",
    "if mode == 'slow':\n    whole = 2",
    "open('kept.txt', 'w').write(str(values))",
    "print(whole)",
    "import os\nname = 'kept' + os.extsep + 'txt'\nprint(open(name).read())",
    "raise ValueError(values)",
    "late = whole",
]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("notebook")
    path = folder / "case.ipynb"
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    cells.insert(6, nbformat.v4.new_code_cell("raise KeyError", metadata={"tags": ["remove-cell"]}))
    node = nbformat.v4.new_notebook(cells=cells)
    nbformat.write(node, path)
    before = path.read_bytes()
    notebook = read_notebook(path)
    executed = execute(path, notebook, root=folder, timeout=60)
    return {
        "folder": folder,
        "same": path.read_bytes() == before,
        "executed": executed,
        "edges": {(edge.source, edge.target): edge for edge in notebook_graph(notebook, executed.outcomes).edges},
        "static": {(edge.source, edge.target): edge for edge in notebook_graph(notebook).edges},
    }


def test_the_folder_of_the_user_stays_as_it_is(seen: dict[str, Any]) -> None:
    assert seen["same"]
    assert [path.name for path in seen["folder"].iterdir()] == ["case.ipynb"]


def test_a_change_under_a_condition_that_was_seen_is_proved(seen: dict[str, Any]) -> None:
    assert seen["static"][1, 3].kind == "may"
    assert seen["edges"][1, 3].kind == "proved"


def test_a_branch_that_did_not_run_gives_no_edge(seen: dict[str, Any]) -> None:
    assert (2, 4) in seen["static"]
    assert (2, 4) not in seen["edges"]
    assert seen["edges"][0, 4].names == ("whole",)


def test_a_file_with_a_computed_name_leads_to_its_writer_under_the_name_that_code_gives_it(
    seen: dict[str, Any],
) -> None:
    assert "file:kept.txt" in seen["edges"][3, 5].names


def test_after_a_cell_that_raises_the_texts_tell_the_rest(seen: dict[str, Any]) -> None:
    assert sorted(seen["executed"].outcomes) == [0, 1, 2, 3, 4, 5]
    assert "ValueError" in seen["executed"].problem
    assert seen["edges"][0, 8].names == ("whole",)


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("import os\nos._exit(3)", "cell 1 ended the kernel"),
        ("import sys\nsys.exit(2)", "cell 1 raised SystemExit: 2"),
        ("name = input('who?')", "cell 1 raised StdinNotImplementedError"),
        ("while True:\n    pass", "cell 1 ran longer than 1 s"),
    ],
    ids=["kernel-dies", "exit", "input", "endless"],
)
def test_a_cell_that_ends_the_run_is_named_and_the_texts_tell_the_rest(tmp_path: Path, cell: str, problem: str) -> None:
    path = tmp_path / "case.ipynb"
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in ["x = 1", cell, "y = x"]])
    node.cells.insert(0, nbformat.v4.new_markdown_cell("# A title is no code cell"))
    nbformat.write(node, path)
    notebook = read_notebook(path)
    executed = execute(path, notebook, root=tmp_path, timeout=1 if cell.startswith("while") else 60)
    assert executed.problem.startswith(problem)
    assert sorted(executed.outcomes) == [0]
    assert (0, 2) in {(edge.source, edge.target) for edge in notebook_graph(notebook, executed.outcomes).edges}


def test_evidence_names_both_statements_and_where_it_comes_from() -> None:
    from trackbook.cells import build_graph

    graph = build_graph(["x = [\n    1,\n]\n", "# add\nx.append(\n    2)", "print(x)"])
    edges: Any = graph.to_json(explain=True)["edges"]
    assert edges[-1]["evidence"] == [
        {
            "name": "x",
            "certain": True,
            "writes": {"cell": 1, "line": 2, "statement": "x.append( 2)"},
            "reads": {"cell": 2, "line": 1, "statement": "print(x)"},
            "source": "static",
            "why": "cell 1 changes what `x` holds, and cell 2 reads it",
        }
    ]
