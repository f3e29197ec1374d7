"""`trackbook push` and `pull` at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from support.people import full_run
from trackbook.cli import main
from trackbook.project import Project


def run(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result


def test_pushed_by_one_and_pulled_by_another(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL on the command line is enough; the second time there is nothing new."""
    place = str(tmp_path / "shared")
    run_id = full_run(project)
    assert "would be pushed" in run("push", place, "--dry-run").output
    assert run("push", place).output.startswith("1 run, ")
    assert run("push", place).output == f"Nothing new to {place}.\n"
    other = tmp_path / "other"
    other.mkdir()
    (other / "trackbook.toml").write_text("")
    monkeypatch.chdir(other)
    report = json.loads(run("pull", place, "--json").output)
    assert (report["runs"], report["refused"], report["dry_run"]) == (1, [], False)
    assert run("pull", place).output == f"Nothing new from {place}.\n"
    assert json.loads(run("show", run_id, "--json").output)["run_id"] == run_id


def test_what_is_damaged_there_is_named_and_the_answer_is_no(project: Project, tmp_path: Path) -> None:
    """A record whose bytes were changed is refused by its name, with exit status 1."""
    place = tmp_path / "shared"
    full_run(project)
    run("push", str(place))
    (record,) = (place / "runs").glob("*/*")
    moved = record.with_name("0" * 64)
    record.rename(moved)
    output = run("pull", str(place), status=1).output
    assert f"Refused: runs/{moved.parent.name}/{moved.name}" in output


def test_without_a_place_the_remedy_is_named(project: Project) -> None:
    """Neither a URL nor settings: exit status 2, and what to do."""
    project.tracker.start_run("r").end()
    assert "[remote]" in run("push", status=2).output


def test_a_newer_format_is_not_touched(project: Project, tmp_path: Path) -> None:
    """What a newer Trackbook put there is neither read nor added to."""
    full_run(project)
    (tmp_path / "trackbook.json").write_text('{"format": 2}')
    for command in ("push", "pull"):
        assert "newer Trackbook" in run(command, str(tmp_path), status=2).output
    assert not (tmp_path / "runs").exists()
