"""One service from a notebook to a run: graph, script, verification, pipeline run."""

import os
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from trackbook.errors import NotebookError, PipelineError
from trackbook.pipeline import Pipelines
from trackbook.pipeline.outcome import OutputPrinted
from trackbook.store import Store
from trackbook.tracking import Runs, Tracker

CELLS = [
    ("imports", "import helpers\nimport pandas as pd"),
    ("parameters", "rows = 4"),
    ("step:load", "frame = pd.read_csv('data.csv').head(rows)"),
    ("step:load", "frame['twice'] = helpers.double(frame['x'])"),
    ("skip", "frame.describe()"),
    ("step:report", "total = int(frame['twice'].sum())\nprint('total', total)"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project with a notebook, its data and a module of its own."""
    (tmp_path / "helpers.py").write_text("def double(x):\n    return 2 * x\n")
    (tmp_path / "data.csv").write_text("x\n" + "".join(f"{i}\n" for i in range(10)))
    cells = [new_code_cell(text, metadata={"tags": [tag]}) for tag, text in CELLS]
    nbformat.write(new_notebook(cells=cells), tmp_path / "book.ipynb")
    return tmp_path


def pipelines(folder: Path) -> tuple[Pipelines, Store]:
    store = Store.open(folder / ".trackbook")
    return Pipelines(store, Tracker(store, root=folder, experiment="e", user="u"), folder), store


def test_the_graph_names_cells_steps_and_edges(folder: Path) -> None:
    graph = pipelines(folder)[0].graph(folder / "book.ipynb")
    cells = graph["cells"]
    assert isinstance(cells, list)
    assert [cell["step"] for cell in cells] == [None, None, "load", "load", None, "report"]
    edges = graph["edges"]
    assert isinstance(edges, list)
    assert any((edge["source"], edge["target"], edge["names"]) == (3, 5, ["frame"]) for edge in edges)


def test_a_notebook_is_converted_verified_and_run_and_its_verification_is_kept(folder: Path) -> None:
    service, store = pipelines(folder)
    notebook, script = folder / "book.ipynb", folder / "book_pipeline.py"
    assert [step.name for step in service.convert(notebook, script).steps] == ["load", "report"]
    assert (os.access(script, os.X_OK), os.access(notebook, os.X_OK)) == (os.name == "posix", False)
    found = service.verify(notebook, script)
    assert (found.verdict, found.differences, found.not_compared) == ("same", (), {})
    assert service.last_verification(script) == found
    printed: list[str] = []
    result = service.run(
        script,
        {"rows": "3"},
        on_event=lambda event: printed.extend([event.text] if isinstance(event, OutputPrinted) else []),
    )
    assert [(step.name, step.status) for step in result.steps] == [("load", "executed"), ("report", "executed")]
    assert "".join(printed) == "total 6\n"
    assert Runs(store).get(result.run_id).summary.params == {"rows": "3"}


def test_a_notebook_runs_through_its_script_and_resumes_from_the_same_cache(folder: Path) -> None:
    service, store = pipelines(folder)
    first = service.run(folder / "book.ipynb", on_event=lambda event: None)
    again = service.run(folder / "book.ipynb", on_event=lambda event: None)
    assert (first.status, again.steps[0].status) == ("FINISHED", "cached")
    (folder / "helpers.py").write_text("def double(x):\n    return 3 * x\n")
    changed = service.run(folder / "book.ipynb", on_event=lambda event: None)
    assert changed.steps[0].status == "executed"
    assert Runs(store).get(first.run_id).summary.tags["pipeline"].endswith("book.ipynb")
    assert [path.name for path in store.root.glob("script-*")] == []


def test_bad_targets_are_clear_errors(folder: Path) -> None:
    service, _ = pipelines(folder)
    with pytest.raises(PipelineError, match="no pipeline script"):
        service.run(folder / "none.py")
    with pytest.raises(NotebookError, match="there is no notebook"):
        service.run(folder / "none.ipynb")
    with pytest.raises(PipelineError, match="cannot be written"):
        service.convert(folder / "book.ipynb", folder / "no" / "such" / "folder.py")


def test_tracked_cells_are_verified_without_a_trace_in_the_users_store(folder: Path) -> None:
    cells = [new_code_cell("%load_ext trackbook"), new_code_cell("%%track\nscore = 2.5\nprint(score)")]
    cells[1].metadata["tags"] = ["step:score"]
    nbformat.write(new_notebook(cells=cells), folder / "tracked.ipynb")
    service, store = pipelines(folder)
    service.convert(folder / "tracked.ipynb", folder / "tracked.py")
    found = service.verify(folder / "tracked.ipynb", folder / "tracked.py")
    assert (found.verdict, found.differences, found.reason) == ("same", (), "")
    assert Runs(store).search() == []
