"""`trackbook runs`, `compare`, `edit`, `delete` and `undelete`: what they print and what they change."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from trackbook.cli import main
from trackbook.project import Project


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    monkeypatch.delenv("TRACKBOOK_DIR", raising=False)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trackbook.toml").write_text("")
    return Project.open(tmp_path)


def make(project: Project, name: str, accuracy: float, source: str | None = None) -> str:
    with project.tracker.start_run(name, source=source) as run:
        run.log_param("depth", 3)
        run.log_metric("accuracy", accuracy)
    return run.run_id


def run(*arguments: str, status: int = 0, typed: str | None = None) -> Result:
    result = CliRunner().invoke(main, list(arguments), input=typed)
    assert result.exit_code == status, result.output + str(result.exception)
    return result


def test_columns_are_chosen(project):
    """`--columns` shows just these, params, metrics and tags among them; an unknown one is named with the nearest."""
    make(project, "first", 0.5)
    lines = run("runs", "--columns", "name, metrics.accuracy,params.depth,tags.none").output.splitlines()
    assert lines[0].split() == ["name", "metrics.accuracy", "params.depth", "tags.none"]
    assert lines[1].split() == ["first", "0.5", "3"]
    assert "did you mean 'name'" in run("runs", "--columns", "nam", status=2).output


def test_runs_are_counted(project):
    """`--count` prints a number, or JSON."""
    for accuracy in (0.1, 0.5, 0.9):
        make(project, "run", accuracy)
    assert run("runs", "metrics.accuracy > 0.3", "--count").output == "2\n"
    assert json.loads(run("runs", "--count", "--json").output) == {"count": 3}


def test_a_key_that_no_run_has_is_hinted_at_on_standard_error(project):
    """A misspelt key is named with the nearest one, and standard output holds the list alone."""
    make(project, "first", 0.5)
    result = run("runs", "metrics.acuracy > 0.3", "--json")
    assert json.loads(result.stdout) == []
    assert "no run has a metric 'acuracy'; did you mean 'accuracy'?" in result.stderr


def test_compare_shows_the_lines_of_code_that_differ(project):
    """The code of the others is compared with that of the first, as a unified difference."""
    ids = [make(project, "a", 0.5, "x = 1\ny = 2"), make(project, "b", 0.5, "x = 1\ny = 3")]
    output = run("compare", *ids).output
    assert "-y = 2" in output
    assert "+y = 3" in output
    assert json.loads(run("compare", *ids, "--json").output)["code"] == {
        ids[1]: "@@ -1,2 +1,2 @@\n x = 1\n-y = 2\n+y = 3"
    }
    same = [ids[0], make(project, "c", 0.5, "x = 1\ny = 2")]
    assert "same params, metrics, environment and code" in run("compare", *same).output


def test_a_run_is_edited(project):
    """`edit` renames, notes and tags a run, and `show` says so."""
    run_id = make(project, "first", 0.5)
    run("edit", run_id[:8], "--name", "best", "--note", "keep this", "--tag", "team=blue", "--tag", "odd=a=b")
    output = run("show", run_id).output
    assert all(text in output for text in ("best", "keep this", "team = blue", "odd = a=b"))
    edited = json.loads(run("edit", run_id, "--untag", "team", "--note", "", "--json").output)
    assert (edited["run_name"], edited["note"], edited["tags"]) == ("best", None, {"odd": "a=b"})
    assert "nothing to change" in run("edit", run_id, status=2).output
    assert "KEY=VALUE" in run("edit", run_id, "--tag", "team", status=2).output


def test_a_run_is_deleted_and_brought_back(project):
    """`delete` asks first; a deleted run is listed by `--deleted` alone until `undelete` brings it back."""
    first, second = make(project, "first", 0.5), make(project, "second", 0.6)
    run("delete", first, status=2, typed="n\n")
    assert run("runs", "--count").output == "2\n"
    assert first[:8] in run("delete", first, typed="y\n").output
    assert [each["run_id"] for each in json.loads(run("runs", "--json").output)] == [second]
    assert [each["run_id"] for each in json.loads(run("runs", "--deleted", "--json").output)] == [first]
    assert "deleted" in run("show", first).output
    assert json.loads(run("undelete", first, "--json").output) == {"undeleted": [first]}
    assert run("runs", "--deleted", "--count").output == "0\n"
    run("delete", first, second, "--yes")
    assert run("runs", "--count").output == "0\n"
