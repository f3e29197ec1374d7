"""`trackbook models`: what people decide, and versions that come back, go, or are checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sklearn.linear_model import Ridge

from trackbook.cli import main
from trackbook.project import Project

POLICY = """
user = "ada"
[[gates]]
metric = "r2"
min = 0.3
[[approvals]]
approvers = ["bob"]
[[protected]]
alias = "live*"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("TRACKBOOK_DIR", "JPY_SESSION_NAME", "JUPYTERHUB_API_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trackbook.toml").write_text(POLICY)
    return tmp_path


@pytest.fixture
def project(folder: Path) -> Project:
    opened = Project.open(folder)
    for alpha in (1.0, 2.0):
        model = Ridge(alpha=alpha).fit([[0.0], [1.0]], [0.0, 1.0])
        opened.registry.register(model, "risk", metrics={"r2": 0.5})
    return opened


def run(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(main, ["models", *arguments])
    assert result.exit_code == status, result.output + str(result.exception)
    return result


def as_user(folder: Path, name: str) -> None:
    (folder / "trackbook.toml").write_text(POLICY.replace('"ada"', f'"{name}"'))


def test_two_people_promote_at_the_command_line(project: Project, folder: Path) -> None:
    """The author is refused with status 1 both ways, another approves, and what is lacking is said each time."""
    assert "asks for 1 approval of bob" in run("promote", "risk", "1", "production", status=1).output
    assert "nobody approves their own work" in run("approve", "risk", "1", status=1).output
    as_user(folder, "bob")
    assert "stays out until bob approves it" in run("reject", "risk", "1", "--comment", "too slow").output
    said = run("approve", "risk", "1", "--comment", "now it is well").output
    assert "nothing is lacking" in said
    assert "not authenticated" in said
    assert "advisory" in said
    assert json.loads(run("approve", "risk", "1", "--json").output)["ready"] is True
    assert "bob is not authenticated" in run("promote", "risk", "1", "production").output
    assert "advisory" in run("check", "risk", "1").output
    assert "registered by ada (not authenticated)" in run("show", "risk", "1").output
    shown = run("show", "risk", "1").output
    assert "bob (not authenticated) rejected it for production: too slow" in shown


def test_an_override_needs_its_reason(project: Project) -> None:
    """Without one it is bad usage; with one it moves, and is shown wherever the version is."""
    assert "needs a reason" in run("promote", "risk", "1", "production", "--override", status=2).output
    run("promote", "risk", "1", "production", "--override", "--reason", "the old one is down")
    assert "against its gates or approvals: the old one is down" in run("show", "risk", "1").output


def test_back_and_away(project: Project) -> None:
    """Rollback in one command, deprecation there and back, deletion refused while something holds the version."""
    for version in ("1", "2"):
        run("promote", "risk", version, "production", "--override", "--reason", "demo")
    assert "production of risk is version 1 again, instead of 2" in run("rollback", "risk").output
    assert "has no predecessor" in run("rollback", "risk", status=2).output
    run("deprecate", "risk", "2", status=2)
    run("deprecate", "risk", "2", "--reason", "leaks")
    assert "deprecated: leaks" in run("show", "risk", "2").output
    assert "no longer" in run("deprecate", "risk", "2", "--undo").output
    assert "the stage production" in run("delete", "risk", "1", "--yes", status=1).output
    assert json.loads(run("delete", "risk", "2", "--yes", "--json").output) == {"deleted": "models:/risk/2"}
    assert "was deleted" in run("show", "risk", "2", status=2).output


def test_aliases_and_words(project: Project) -> None:
    """Aliases move, protected ones by the policy; what is said of a model is edited."""
    assert "models:/risk@canary is version 1" in run("alias", "risk", "canary", "1").output
    assert "is protected" in run("alias", "risk", "live", "1", status=1).output
    run("alias", "risk", "live", "1", "--override", "--reason", "demo")
    run("alias", "risk", "canary", "--delete")
    run("alias", "risk", "canary", status=2)
    run("edit", "risk", status=2)
    edited = run("edit", "risk", "--owner", "eve", "--tag", "team=risk", "--limits", "adults only", "--json").output
    model = json.loads(edited)
    assert (model["owner"], model["tags"], model["limits"], model["aliases"]) == (
        "eve",
        {"team": "risk"},
        "adults only",
        {"live": 1},
    )
    run("edit", "risk", "1", "--description", "the first", "--untag", "team")
    assert project.registry.version("risk", 1).description == "the first"
    assert project.registry.verify().ok


def test_verify_names_what_was_changed(project: Project) -> None:
    """Status 0 when all is there, 1 and a line for each thing that is not."""
    assert "what it was" in run("verify").output
    path = project.store.objects.path(project.registry.version("risk", 1).digest)
    path.write_bytes(path.read_bytes() + b"x")
    assert "risk version 1: its content is not what was stored" in run("verify", "risk", status=1).output
    (fault,) = json.loads(run("verify", "--json", status=1).output)
    assert (fault["model"], fault["version"], fault["what"]) == ("risk", 1, "its content")
