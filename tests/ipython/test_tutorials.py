"""The tutorial notebooks, run as a reader runs them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from trackbook.project import Project

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_valid_and_comes_without_outputs(path: Path) -> None:
    """What is kept in the repository is the text; the outputs are the reader's."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)


def test_the_proof_notebook_reaches_the_verdicts_that_it_announces(tmp_path: Path) -> None:
    """The forest is proved, also after its file was overwritten; chance differs; the seeded run and the failure repeat."""
    folder = tmp_path / "notebooks"
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns(".trackbook", "*.png"))
    before = (folder / "patients.csv").read_bytes()
    notebook = nbformat.read(folder / "proof.ipynb", as_version=4)
    NotebookClient(
        notebook, kernel_name="python3", timeout=300, resources={"metadata": {"path": str(folder)}}
    ).execute()
    runs = Project.open(folder).runs
    verdicts = {
        run.run_name: [each.verdict for each in runs.get(run.run_id).reproductions]
        for run in runs.search(experiment="proof")
    }
    assert verdicts == {
        "forest": ["reproduced", "reproduced"],
        "by-chance": ["differs"],
        "seeded": ["reproduced"],
        "failure": ["reproduced"],
    }
    (forest,) = runs.search("attributes.run_name = 'forest'")
    newest, first = runs.get(forest.run_id).reproductions
    assert any("patients.csv" in note and "restored" in note for note in newest.notes)
    assert first.environment == "current"
    (chance,) = runs.search("attributes.run_name = 'by-chance'")
    (differs,) = runs.get(chance.run_id).reproductions
    assert any("RandomForestRegressor" in cause for cause in differs.causes)
    assert (folder / "patients.csv").read_bytes() == before


def test_the_runs_notebook_finds_and_compares_what_it_announces(tmp_path: Path) -> None:
    """Two dataset versions, three runs with curves; the comparison names the params and the line of code."""
    folder = tmp_path / "notebooks"
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns(".trackbook", "*.png"))
    notebook = nbformat.read(folder / "runs.ipynb", as_version=4)
    NotebookClient(
        notebook, kernel_name="python3", timeout=300, resources={"metadata": {"path": str(folder)}}
    ).execute()
    project = Project.open(folder)
    assert [version.version for version in project.data.list("patients")] == [2, 1]
    found = {run.run_name: run for run in project.runs.search(experiment="patients")}
    assert list(found) == ["strained", "brisk", "careful"]
    assert len(project.runs.metric_history(found["brisk"].run_id, "r2")) == 40
    assert found["careful"].metrics["r2"] < found["brisk"].metrics["r2"]

    outputs = {
        cell.id: [output.data for output in cell.outputs if "data" in output]
        for cell in notebook.cells
        if cell.cell_type == "code"
    }
    kept, widget = outputs["search"]
    assert kept["text/plain"].index("strained") < kept["text/plain"].index("brisk")
    assert "careful" not in kept["text/plain"]
    assert set(widget) == {"application/vnd.jupyter.widget-view+json"}
    kept, _ = outputs["compare"]
    for words in ("params.eta0", "0.0001", "params.penalty", '-model = train(tb.load_data("data:/patients@1")'):
        assert words in kept["text/plain"]


def test_the_pipeline_notebook_becomes_a_script_that_is_proved_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graph names what is handed on, the script does the same, and a second run takes what has not changed."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name in ("pipeline.ipynb", "patients.csv", "trackbook.toml"):
        shutil.copyfile(NOTEBOOKS / name, folder / name)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    notebook = nbformat.read(folder / "pipeline.ipynb", as_version=4)
    NotebookClient(
        notebook, kernel_name="python3", timeout=300, resources={"metadata": {"path": str(folder)}}
    ).execute()
    printed = {
        cell.id: "".join(output.get("text", "") for output in cell.get("outputs", [])) for cell in notebook.cells
    }
    assert "features, train" in printed["graph"]
    assert "progression.py does what the notebook does" in printed["convert"]
    assert "r2 0." in printed["script"]
    assert printed["run"].count(": executed") == 4
    assert "[1/4] load: cached" in printed["again"]
    assert "ran because the param share changed" in printed["again"]
    assert "train     depends" in printed["dry-run"]
    assert "best  3      0.8" in printed["sweep"]
    assert "trackbook" not in (folder / "progression.py").read_text().split("@dataclasses", 1)[1]


def test_the_registry_notebook_takes_two_models_through_their_gates(tmp_path: Path) -> None:
    """Refused without an approval; better by a paired test; rolled back; and a row that was changed by hand is named."""
    folder = tmp_path / "notebooks"
    shutil.copytree(NOTEBOOKS, folder, ignore=shutil.ignore_patterns(".trackbook", "*.png"))
    notebook = nbformat.read(folder / "registry.ipynb", as_version=4)
    NotebookClient(
        notebook, kernel_name="python3", timeout=300, resources={"metadata": {"path": str(folder)}}
    ).execute()
    printed = {
        cell.id: "".join(output.get("text", "") for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    }
    assert "production asks for 1 approval of carol" in printed["refused"]
    assert "carol is not authenticated" in printed["approve"]
    assert "better by 7.16" in printed["check"]
    assert "# progression, version 2" in printed["card"]
    assert "version 2 of model 'progression' has stage" in printed["cheat"]

    registry = Project.open(folder).registry
    model = registry.get("progression")
    assert [(version.version, version.stage) for version in model.versions] == [(2, "archived"), (1, "production")]
    assert (model.intended_use, model.aliases) == ("Planning of check-ups.", {"champion": 1})
    assert registry.verify().ok
