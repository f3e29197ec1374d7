"""`trackbook demo`: every part works, twice, and what it cannot do it says."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from support.people import columns_naming_objects
from trackbook.cli import main
from trackbook.pipeline import Pipelines
from trackbook.project import Project
from trackbook.store.fsck import fsck
from trackbook.store.gc import collect
from trackbook.store.references import COLUMNS

IS_LONG = os.environ.get("TRACKBOOK_FAULTS") == "all"


def demo(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    code = "from trackbook.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "demo", *arguments], cwd=cwd, capture_output=True, text=True, timeout=300
    )


def test_the_demo_makes_everything_and_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo ends with status 0 and reports runs, data, a verified pipeline, a promoted model and drift; twice.

    The script, which is the same, is verified again only with TRACKBOOK_FAULTS=all.
    """
    first = demo("--project", "here", "--json", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    made = json.loads(first.stdout)
    assert set(made) == {"runs", "data", "pipeline", "model", "drift"}
    assert [run["run_name"] for run in made["runs"]] == ["forest", "baseline"]
    assert (made["data"]["name"], made["data"]["version"], made["data"]["rows"]) == ("patients", 1, 442)
    assert (made["pipeline"]["verdict"], made["pipeline"]["differences"]) == ("same", [])
    assert (made["model"]["stage"], made["model"]["aliases"]) == ("production", ["champion"])
    assert made["model"]["gates"][-1]["passed"] is True
    assert made["drift"]["state"] == "drift"
    assert (tmp_path / "here" / "quickstart_pipeline.py").is_file()

    project = Project.open(tmp_path / "here")
    assert columns_naming_objects(project) <= {(column.table, column.column) for column in COLUMNS}
    for path in project.store.objects.folder.glob("??/*"):
        os.utime(path, (1, 1))
    collect(project.store, grace=60.0, remove=True)
    assert [finding for finding in fsck(project.store) if finding.severity == "error"] == []

    script = (tmp_path / "here" / "quickstart_pipeline.py").read_text()
    if not IS_LONG:
        verdict = {name: value for name, value in made["pipeline"].items() if name != "script"}
        monkeypatch.setattr(Pipelines, "verify", lambda *_: verdict)
    monkeypatch.chdir(tmp_path)
    again = CliRunner().invoke(main, ["demo", "--project", "here"])
    assert again.exit_code == 0, again.output
    assert "jupyter lab" in again.output
    assert "data:/patients@1" in again.output
    assert (tmp_path / "here" / "quickstart_pipeline.py").read_text() == script


def test_the_demo_leaves_other_peoples_folders_alone(tmp_path: Path) -> None:
    """A folder that holds other files is refused, untouched, with the remedy."""
    (tmp_path / "thesis.tex").write_text("precious")
    result = CliRunner().invoke(main, ["demo", "--project", str(tmp_path)])
    assert result.exit_code == 2
    assert "--project" in result.output
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_port_in_use_is_named_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--port` with a port that another program listens on is an error that names it and the remedy."""
    monkeypatch.chdir(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["demo", "--open", "--port", str(port)])
    assert result.exit_code == 2
    assert str(port) in result.output
    assert not list(tmp_path.iterdir())
