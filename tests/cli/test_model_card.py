"""`trackbook models card` and `compare`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from trackbook.cli import main
from trackbook.cli.models.words import keep_words
from trackbook.project import Project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with two versions of one model."""
    monkeypatch.delenv("TRACKBOOK_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trackbook.toml").touch()
    project = Project.open(tmp_path)
    frame = load_diabetes(as_frame=True).frame
    for alpha in (0.5, 2.0):
        with project.tracker.start_run("ridge") as active:
            active.log_param("alpha", alpha)
            active.log_metric("r2", 0.25 * alpha)
        project.registry.register(
            Ridge(alpha=alpha).fit(frame[["bmi"]], frame["target"]), "diabetes", run_id=active.run_id
        )
    return project


def run(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == status, result.output + str(result.exception)
    return result


def test_a_card_is_written_in_the_form_that_is_asked_for(project: Project, tmp_path: Path) -> None:
    """The ending of the file decides, `--format` wins, and standard output is Markdown."""
    assert run("models", "card", "diabetes", "2").stdout.startswith('---\nmodel_name: "diabetes"\n')
    run("models", "card", "diabetes", "2", "-o", "card.html")
    assert (tmp_path / "card.html").read_text().startswith("<!doctype html>")
    run("models", "card", "diabetes", "2", "-o", "card.html", "--format", "json")
    assert json.loads((tmp_path / "card.html").read_text())["uri"] == "models:/diabetes/2"
    assert json.loads(run("models", "card", "diabetes", "2", "--format", "json").stdout)["params"] == {"alpha": "2.0"}


def test_what_cannot_be_is_bad_usage(project: Project) -> None:
    """A version that is none, and a folder that is none, are told with a remedy."""
    assert "the newest is 2" in run("models", "card", "diabetes", "7", status=2).output
    assert "a folder that exists" in run("models", "card", "diabetes", "1", "-o", "none/card.md", status=2).output
    assert "the newest is 2" in run("models", "compare", "diabetes", "1", "7", status=2).output


def test_intended_use_and_limits_are_kept_with_the_model(project: Project) -> None:
    """Given once, they stand on the cards of all versions; where nobody sits, nothing is asked."""
    run("models", "card", "diabetes", "1", "--intended-use", "to plan visits", "--limits", "not for children")
    text = run("models", "card", "diabetes", "2").stdout
    assert "## Intended use\n\nto plan visits\n" in text and "## Limits\n\nnot for children\n" in text
    assert [event.action for event in project.registry.audit_events().events].count("model_edited") == 1


def test_a_person_is_asked_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what nobody has stated is asked for, Enter skips, and an answer is never asked for again."""
    answers, asked = ["to plan visits", ""], []

    def prompt(question: str, **_: object) -> str:
        asked.append(question)
        return answers.pop(0)

    monkeypatch.setattr(click, "prompt", prompt)
    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    registry = project.registry
    keep_words(registry, "diabetes", None, None)
    assert [question.split(" (")[0] for question in asked] == ["Intended use", "Limits"]
    assert (registry.get("diabetes").intended_use, registry.get("diabetes").limits) == ("to plan visits", "")
    keep_words(registry, "diabetes", None, "not for children")
    assert len(asked) == 2 and registry.get("diabetes").limits == "not for children"
    keep_words(registry, "diabetes", None, None)
    assert len(asked) == 2


def test_two_versions_are_compared(project: Project) -> None:
    """Metrics come with their change, params where they differ; JSON holds the same."""
    text = run("models", "compare", "diabetes", "1", "2").output
    assert "+0.375" in text and "alpha" in text and "no gate has judged one of them" in text
    plain = json.loads(run("models", "compare", "diabetes", "1", "2", "--json").output)
    assert plain["params"] == {"alpha": ["0.5", "2.0"]}
    assert plain["metrics"][0]["change"] == 0.375 and plain["versions"] == [1, 2]
