"""`trackbook audit`: what it prints, what it exits with, and what it shows of an attack."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sklearn.linear_model import LinearRegression

from trackbook.cli.main import main
from trackbook.project import Project

RIDGE = LinearRegression().fit([[1.0], [2.0]], [2.0, 4.0])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TRACKBOOK_DIR", raising=False)
    (tmp_path / "trackbook.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def project(folder: Path) -> Project:
    """A project with a model, its version and an alias: four events with that of the key."""
    project = Project.open(folder)
    project.registry.register(RIDGE, "m")
    project.registry.set_alias("m", "live", 1)
    return project


def run(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == status, result.output
    return result


def test_an_export_follows_every_change_and_shows_a_cut(project: Project, folder: Path) -> None:
    """The file for git grows with the trail, and a trail cut with note and list gone does not hold."""
    assert "has the head of event 4" in run("audit", "export").output
    project.registry.set_alias("m", "more", 1)
    lines = (folder / "trackbook-audit.jsonl").read_text().splitlines()
    assert [json.loads(line)["events"] for line in lines] == [4, 5]
    assert json.loads(run("audit", "export", "--json").output)["added"] is False
    assert "trackbook-audit.jsonl (2)" in run("audit", "verify").output
    with sqlite3.connect(project.store.database) as db:
        db.execute("DROP TRIGGER audit_event_not_deleted")
        db.execute("DELETE FROM audit_event WHERE seq = 5")
        db.execute("DELETE FROM model_alias WHERE alias = 'more'")
    db.close()
    for name in ("audit-head.json", "audit-exports.json"):
        (project.store.root / name).unlink()
    verdict = json.loads(run("audit", "verify", "--json", status=1).output)
    assert (verdict["fault"]["seq"], verdict["anchored"]) == (5, False)
    assert "audit_event_not_deleted is gone" in run("audit", "verify", status=1).output


def test_the_key_is_shown_and_replaced_and_asked_for(project: Project) -> None:
    """A verdict for a key that one knows; another key is a no, and what is no key bad usage."""
    key = run("audit", "key").output.strip()
    assert key in run("audit", "verify", "--key", key).output
    assert "no public key" in run("audit", "verify", "--key", "abc", status=2).output
    assert "not with 0000" in run("audit", "verify", "--key", "0" * 64, status=1).output
    new = json.loads(run("audit", "key", "--replace", "--reason", "yearly", "--json").output)["key"]
    assert new != key
    run("audit", "verify", "--key", key)
    assert "--replace" in run("audit", "key", "--reason", "yearly", status=2).output
    run("audit", "verify", "--heads", "none.jsonl", status=2)


def test_a_dossier_is_written_and_checked(project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One command writes it, another says whether it is unchanged, with the key even where the project is not."""
    run("models", "dossier", "m", "1")
    page = folder / "m-1.html"
    assert "is genuine and unchanged: m version 1" in run("audit", "verify", "--dossier", "m-1.html").output
    run("models", "dossier", "m", "1", "-o", "m.json")
    assert json.loads(run("audit", "verify", "--dossier", "m.json", "--json").output)["ok"] is True
    assert json.loads(run("models", "dossier", "m", "1", "--json").output)["content"]["model"] == "m"
    run("audit", "verify", "--dossier", "m.json", "--heads", "x", status=2)
    key = run("audit", "key").output.strip()
    elsewhere = folder.parent / f"{folder.name}-elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert "cannot be told" in run("audit", "verify", "--dossier", str(page), status=1).output
    run("audit", "verify", "--dossier", str(page), "--key", key)
    page.write_text(page.read_text().replace("none", "production", 1))
    assert "it was changed" in run("audit", "verify", "--dossier", str(page), "--key", key, status=1).output


def test_the_log_is_filtered_and_goes_on_behind_a_cursor(project: Project) -> None:
    """Names, pairs and searches choose events, times bound them, and a cursor goes on where a page ended."""

    def actions(*arguments: str) -> list[str]:
        return [event["action"] for event in json.loads(run("audit", "log", "--json", *arguments).output)]

    project.registry.register(RIDGE, "other")
    assert actions("m") == ["alias_set", "version_registered", "model_created"]
    assert actions("m", "--since", "today", "--until", "today") == actions("m")
    assert actions("m", "--since", "2030-01-01") == []
    assert actions("action=*_registered") == ["version_registered"] * 2
    assert actions("subject LIKE 'models:/m/%' AND NOT action = 'alias_set'") == ["version_registered"]
    assert actions("--limit", "2", "--cursor", "4") == ["version_registered", "model_created"]
    assert "More with --cursor 4." in run("audit", "log", "--limit", "3").output
    for wrong in ("metrics.r2 > 1", "who = 'ann'", "actor = ", "actr=ann", "m and more"):
        assert "trackbook: " in run("audit", "log", wrong, status=2).output
    assert "did you mean 'actor'" in run("audit", "log", "actr=ann", status=2).output


def test_an_override_is_marked_in_the_log(project: Project, folder: Path) -> None:
    """Whoever went past the gates is seen at a glance, also without colours."""
    (folder / "trackbook.toml").write_text('[[gates]]\nmetric = "r2"\nmin = 0.9\n')
    Project.open(folder).registry.promote("m", 1, "production", reason="the customer waits", override=True)
    lines = run("audit", "log", "m").output.splitlines()
    assert [line for line in lines if "⚠" in line] == [line for line in lines if "version_promoted" in line] != []
