"""The command line: what it prints, its JSON, its exit statuses."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner, Result
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from trackbook.cli import main
from trackbook.project import Project

GATE = '[[gates]]\nstage = "production"\nmetric = "r2"\nmin = 0.3\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TRACKBOOK_DIR", raising=False)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trackbook.toml").write_text(GATE)
    return tmp_path


@pytest.fixture
def project(folder: Path) -> Project:
    return Project.open(folder)


def run(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == status, result.output + str(result.exception)
    return result


def register(project: Project, r2: float) -> None:
    frame = load_diabetes(as_frame=True).frame
    with project.tracker.start_run("ridge") as active:
        active.log_param("alpha", 0.5)
        active.log_metric("r2", r2)
    model = Ridge(alpha=0.5).fit(frame[["bmi"]], frame["target"])
    project.registry.register(model, "diabetes", run_id=active.run_id)


def test_runs_lists_nothing_kindly(project: Project) -> None:
    """Without runs the listing says how to make one, and its JSON is an empty list."""
    assert "%%track" in run("runs").output
    assert json.loads(run("runs", "--json").output) == []


def test_runs_json_has_the_promised_keys(project: Project) -> None:
    """`trackbook runs --json` prints a list of objects with the keys that programs rely on."""
    register(project, 0.5)
    (found,) = json.loads(run("runs", "metrics.r2 > 0.4", "--json").output)
    assert {"run_id", "experiment", "run_name", "status", "start_time", "end_time", "params", "metrics", "tags"} <= set(
        found
    )
    assert (found["status"], found["params"], found["metrics"]) == ("FINISHED", {"alpha": "0.5"}, {"r2": 0.5})
    assert json.loads(run("runs", "metrics.r2 > 0.6", "--json").output) == []


def test_a_filter_that_cannot_be_read_is_bad_usage(project: Project) -> None:
    """A wrong filter exits with 2 and points at the token."""
    result = run("runs", "metrics.r2 >> 3", status=2)
    assert "^" in result.output


def test_show_takes_the_beginning_of_an_id(project: Project) -> None:
    """`trackbook show` finds a run by its first characters and shows params, metrics and status."""
    register(project, 0.5)
    run_id = project.runs.search()[0].run_id
    shown = run("show", run_id[:8]).output
    assert "alpha = 0.5" in shown
    assert "r2 = 0.5" in shown
    assert json.loads(run("show", run_id, "--json").output)["run_id"] == run_id


def test_show_lock_prints_the_lock_of_the_environment(project: Project) -> None:
    """The lock that is kept is printed as it is, so that it can be piped into a file."""
    with project.tracker.start_run("ridge") as active:
        pass
    lock = 'lock-version = "1.0"\ncreated-by = "trackbook"\npackages = []\n'
    digest = project.runs.get(active.run_id).environment_digest
    with project.store.write() as db:
        db.execute("INSERT INTO environment_lock (digest, lock, time) VALUES (?, ?, 0)", (digest, lock))
    assert run("show", active.run_id, "--lock").stdout == lock


def test_show_of_an_unknown_run_is_bad_usage(project: Project) -> None:
    """An unknown run exits with 2 and names the command that lists them."""
    assert "trackbook runs" in run("show", "abc", status=2).output


def test_commands_that_read_make_no_store(folder: Path) -> None:
    """A listing in a folder without a store says so and creates nothing."""
    run("runs", status=2)
    assert not (folder / ".trackbook").exists()


def test_compare_shows_what_differs(project: Project) -> None:
    """`trackbook compare` prints only the params and metrics that differ."""
    for r2 in (0.5, 0.7):
        register(project, r2)
    ids = [each.run_id for each in project.runs.search()]
    assert json.loads(run("compare", *ids, "--json").output) == {
        "params": {},
        "metrics": {"r2": [0.7, 0.5]},
        "environment": {},
        "code": {},
    }


def test_a_gate_refuses_with_status_1(project: Project) -> None:
    """A promotion below the gate exits with 1 and says which gate and by how much."""
    register(project, 0.1)
    assert "0.3" in run("models", "promote", "diabetes", "1", "production", status=1).output


def test_promotion_and_audit(project: Project) -> None:
    """A promotion that passes is shown by `models list`, and the audit trail holds until a row is changed by hand."""
    register(project, 0.5)
    run("models", "promote", "diabetes", "1", "production")
    (model,) = json.loads(run("models", "list", "--json").output)
    assert (model["aliases"], model["versions"][0]["stage"]) == ({"champion": 1}, "production")
    assert "champion" in run("models", "show", "diabetes").output
    run("audit", "verify")
    actions = [event["action"] for event in json.loads(run("audit", "log", "--json").output)]
    assert len(actions) >= 3

    database = sqlite3.connect(project.store.database)
    forge = "UPDATE audit_event SET actor = 'mallory' WHERE seq = 2"
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        database.execute(forge)
    with database:
        database.execute("DROP TRIGGER audit_event_not_changed")
        database.execute(forge)
    database.close()
    verdict = json.loads(run("audit", "verify", "--json", status=1).output)
    assert (verdict["ok"], verdict["fault"]["seq"]) == (False, 2)


def test_data_commands(project: Project, folder: Path) -> None:
    """A file becomes a dataset version that the listings show."""
    (folder / "points.csv").write_text("a,b\n1,2\n")
    run("data", "snapshot", "points.csv", "points")
    (version,) = json.loads(run("data", "list", "--json").output)
    assert (version["name"], version["version"]) == ("points", 1)
    assert "points@1" in run("data", "show", "points").output


def test_a_missing_data_file_is_bad_usage(project: Project) -> None:
    """`trackbook drift` on a file that is not there exits with 2 and offers the nearest name."""
    Path("reference.csv").write_text("a\n1\n")
    assert "reference.csv" in run("drift", "referense.csv", "reference.csv", status=2).output


def test_drift_between_files(project: Project, folder: Path) -> None:
    """`trackbook drift` compares two files, prints JSON, writes the page and keeps the report."""
    frame = load_diabetes(as_frame=True, scaled=False).frame
    frame[frame["age"] < 50].to_csv("young.csv", index=False)
    frame[frame["age"] > 60].to_csv("old.csv", index=False)
    report = json.loads(run("drift", "young.csv", "old.csv", "--json", "--html", "report.html").output)
    assert report["state"] == "drift"
    assert report["columns"]["bp"]["state"] == "drift"
    assert "<html" in (folder / "report.html").read_text().lower()
    assert project.drift.list().reports[0].state == "drift"


def test_a_table_without_rows_is_named(project: Project) -> None:
    """A frame with no rows is an error that says which side is empty."""
    Path("full.csv").write_text("a\n1\n")
    Path("empty.csv").write_text("a\n")
    assert (
        "empty.csv" in run("drift", "full.csv", "empty.csv", status=2).output
        or "current" in run("drift", "full.csv", "empty.csv", status=2).output
    )


def test_doctor_reports_the_sqlite_version(project: Project) -> None:
    """`trackbook doctor` names SQLite's version, the store and every package."""
    checks = {check["name"]: check for check in json.loads(run("doctor", "--json").output)}
    assert checks["sqlite"]["value"].startswith(sqlite3.sqlite_version)
    assert checks["store"]["ok"] is True


def test_doctor_names_wrong_settings(project: Project, folder: Path) -> None:
    """A key that trackbook.toml does not know is named, with exit status 1."""
    (folder / "trackbook.toml").write_text('experimnt = "x"\n')
    assert "experimnt" in run("doctor", status=1).output


def test_fsck_names_a_changed_object(project: Project) -> None:
    """`trackbook fsck` is content with a sound store and names an object whose bytes were changed."""
    with project.tracker.start_run() as active:
        digest = active.log_artifact(b"hello", "note.txt")
    assert "sound" in run("fsck").output
    project.store.objects.path(digest).write_bytes(b"hellO")
    (finding,) = json.loads(run("fsck", "--json", status=1).output)
    assert (finding["id"], finding["subject"]) == ("object-changed", digest[:12])


def test_an_unknown_command_offers_the_nearest(folder: Path) -> None:
    """A typo exits with 2 and offers the command that was meant."""
    assert "'runs'" in run("rusn", status=2).output


def test_stored_text_cannot_reach_the_terminal_raw(project: Project) -> None:
    """Control characters in a run's name are shown as a replacement, not sent to the terminal."""
    with project.tracker.start_run("fine") as active:
        active.log_param("colour", "\x1b[31mred")
    assert "\x1b" not in run("runs").output
    assert "\x1b" not in run("show", active.run_id).output


@pytest.mark.parametrize(
    "command",
    [
        ["graph", "book.ipynb", "--recorded"],
        ["data", "diff", "one.csv", "same.csv"],
        ["data", "list"],
        ["runs"],
        ["pipeline", "run", "script.py", "--dry-run"],
    ],
    ids=" ".join,
)
def test_a_command_that_reads_makes_no_store(folder: Path, command: list[str]) -> None:
    """Whoever only looks at a notebook, a script or two files finds nothing new in the folder afterwards."""
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("a = 1")]), folder / "book.ipynb")
    CliRunner().invoke(main, ["convert", "book.ipynb", "-o", "script.py"])
    shutil.rmtree(folder / ".trackbook")
    for name in ("one.csv", "same.csv"):
        (folder / name).write_text("a,b\n1,2\n")
    result = CliRunner().invoke(main, command)
    assert result.exit_code in (0, 2) and (result.exit_code == 0 or "there is no store" in result.output)
    assert not (folder / ".trackbook").exists()
