"""`trackbook backup` and `restore` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from support.people import full_run
from trackbook.cli import main
from trackbook.project import Project


def run(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result


def test_a_backup_is_made_verified_and_restored(project: Project, tmp_path: Path) -> None:
    """It says what it holds and that it was restored; what was there before lies aside."""
    run_id = full_run(project)
    folder = str(tmp_path / "backup")
    assert "1 run, 0 dataset versions" in run("backup", folder).output
    assert json.loads(run("backup", folder, "--verify", "--json").output)["verified_time"]
    full_run(project, "later")
    project.store.close()
    output = run("restore", folder).output
    assert "What was there before lies in" in output
    assert [each["run_id"] for each in json.loads(run("runs", "--json").output)] == [run_id]


def test_a_broken_backup_is_answered_with_no(project: Project, tmp_path: Path) -> None:
    """An object that was changed in the backup: exit status 1, and the store stays as it is."""
    full_run(project)
    folder = tmp_path / "backup"
    run("backup", str(folder))
    changed = next((folder / "store" / "objects").glob("??/*"))
    changed.write_bytes(b"something else")
    project.store.close()
    assert "object-changed" in run("restore", str(folder), status=1).output
    assert len(json.loads(run("runs", "--json").output)) == 1
    assert "object-" in run("backup", str(folder), "--verify", status=1).output
    assert "restored as a test" in run("backup", str(folder)).output


def test_there_must_be_a_backup(project: Project, tmp_path: Path) -> None:
    """What is no backup: exit status 2, and how to make one."""
    assert "trackbook backup" in run("restore", str(tmp_path / "none"), status=2).output
