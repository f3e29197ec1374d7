"""`trackbook models check`: exit status, tables and evidence of gates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sklearn.linear_model import LogisticRegression

from support.gates import FEATURES, make_frame
from trackbook.cli import main
from trackbook.project import Project

POLICY = """
user = "ada"
[[gates]]
type = "champion"
data = "data:/held@1"
target = "y"
[[gates]]
type = "slices"
data = "data:/held@1"
target = "y"
by = ["group"]
[[gates]]
type = "fairness"
data = "data:/held@1"
target = "y"
by = "group"
max = 0.5
[[gates]]
type = "size"
max_mb = 10
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose version 1 is in production, version 2 better and version 3 the same as 1."""
    for variable in ("TRACKBOOK_DIR", "JPY_SESSION_NAME", "JUPYTERHUB_API_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    project = Project.open(tmp_path)
    train, held = make_frame(600, 1), make_frame(600, 2)
    project.data.snapshot(held, "held")
    for columns in (["b", "age"], FEATURES, ["b", "age"]):
        project.registry.register(LogisticRegression().fit(train[columns], train["y"]), "m", training=train)
    project.registry.promote("m", 1, "production")
    (tmp_path / "trackbook.toml").write_text(POLICY)
    return project


def check(*arguments: str, status: int) -> Result:
    result = CliRunner().invoke(main, ["models", "check", "m", *arguments])
    assert result.exit_code == status, result.output + str(result.exception)
    return result


def test_the_exit_status_and_the_evidence_tell_who_is_better(project: Project) -> None:
    """0 for the better version and 1 for one that says the same; JSON has intervals, slices, groups and digests."""
    champion, slices, fairness, size = json.loads(check("2", "--json", status=0).stdout)
    assert champion["evidence"]["comparison"]["low"] > 0
    assert champion["digests"]["champion"] == project.registry.version("m", 1).digest
    assert [row["slice"] for row in slices["evidence"]["slices"]] == ["group = x", "group = y"]
    assert [row["group"] for row in fairness["evidence"]["groups"]] == ["x", "y"]
    assert size["gate"] == {"type": "size", "stage": "production", "model": "*", "max_mb": 10.0, "max_ratio": None}
    assert "not better: both say the same" in check("3", status=1).output
    assert len(check("3", "--about", "fairness", status=0).stdout.splitlines()) <= 2


def test_markdown_has_a_table_of_gates_and_one_for_slices_and_groups(project: Project) -> None:
    """A check with --no-keep is only looked at and leaves no event; without, what the gates said is kept."""
    before = project.registry.verify().events
    text = check("2", "--markdown", "--no-keep", status=0).stdout
    assert "| passed | better than the champion by accuracy" in text
    assert "| group = x |" in text
    assert text.count("\n### ") == 2
    assert project.registry.verify().events == before
    check("2", status=0)
    assert project.registry.verify().events > before
