"""What steps have kept, as digests for other tools and as a model that gates judge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from trackbook.cli import main
from trackbook.pipeline.running.options import RunOptions
from trackbook.project import Project

SCRIPT = """
import dataclasses
import trackbook as tb
from sklearn.linear_model import LinearRegression

@dataclasses.dataclass(frozen=True)
class Params:
    rows: int = 8

class Scale:
    def __init__(self, by):
        self.by = by

# %% [step:load]
def load(rows):
    return Scale(2), [[float(row)] for row in range(rows)]

# %% [step:train]
def fit(scale, data):
    tb.log_metric("auc", 0.8)
    model = LinearRegression().fit(data, [scale.by * row[0] for row in data])
    return model, {"r2": 0.9, "parity": 0.2, "note": "x"}, 3

def main(params: Params) -> None:
    scale, data = load(params.rows)
    model, scores, leaves = fit(scale, data)
"""
GATES = """
[[gates]]
metric = "r2"
min = 0.5
[[gates]]
metric = "parity"
max = 0.1
"""


def run(*words: str) -> Result:
    return CliRunner().invoke(main, [*words])


@pytest.fixture
def script(project: Project) -> Path:
    path = project.root / "fit.py"
    path.write_text(SCRIPT)
    (project.root / "trackbook.toml").write_text(GATES)
    return path


def test_kept_results_are_told_without_running_a_step(project: Project, script: Path, tmp_path: Path) -> None:
    """Nothing is kept before a run; then the digests are the same wherever the same came out, and for other params not."""
    assert run("pipeline", "kept", str(script)).exit_code == 1
    project.pipelines.run(script, {}, RunOptions(only=("load",)))
    assert run("pipeline", "kept", str(script), "load").exit_code == 0
    assert run("pipeline", "kept", str(script)).exit_code == 1
    digests = tmp_path / "marks" / "load.json"
    assert run("pipeline", "kept", str(script), "load", "-o", str(digests)).exit_code == 0
    assert list(json.loads(digests.read_text())["load"]) == ["scale", "data"]
    assert run("pipeline", "kept", str(script), "load", "-p", "rows=9").exit_code == 1
    assert "did you mean 'load'" in run("pipeline", "kept", str(script), "laod").stderr


def test_a_candidate_is_judged_and_registered_without_any_step_running(project: Project, script: Path) -> None:
    """The kept model and numbers become a run; gates answer by what they are about, and the model can be registered."""
    refused = run("pipeline", "candidate", str(script))
    assert refused.exit_code == 1
    assert "trackbook pipeline run" in refused.stderr
    project.pipelines.run(script)
    report = project.root / "report.md"
    made = run("pipeline", "candidate", str(script), "--report", str(report))
    assert made.exit_code == 0, made.output
    metrics = project.runs.get(made.stdout.strip()).summary.metrics
    assert {name: metrics[name] for name in ("auc", "r2", "parity", "leaves")} == {
        "auc": 0.8,
        "r2": 0.9,
        "parity": 0.2,
        "leaves": 3.0,
    }
    assert {"seconds.load", "seconds.train"} <= metrics.keys()
    assert "| r2 | 0.9 |" in report.read_text()

    uri = f"runs:/{made.stdout.strip()}/model.skops"
    answers = {
        about: run("models", "check", "fit", uri, "--about", about) for about in ("quality", "fairness", "speed")
    }
    assert {about: answer.exit_code for about, answer in answers.items()} == {"quality": 0, "fairness": 1, "speed": 0}
    assert "| **failed** | parity | parity is 0.2, above" in run("models", "check", "fit", uri, "--markdown").stdout
    assert "nothing was checked" in answers["speed"].stdout
    assert json.loads(run("models", "register", uri, "fit", "--json").stdout)["version"] == 1
    assert run("models", "check", "fit", "1").exit_code == 1


def test_a_model_is_named_where_it_cannot_be_told(project: Project, script: Path) -> None:
    """Without an output that can predict, the error lists what there is."""
    script.write_text(SCRIPT.replace("return model,", "return data,"))
    project.pipelines.run(script)
    refused = run("pipeline", "candidate", str(script))
    assert refused.exit_code == 1
    assert "--variable" in refused.stderr
    assert "scale, data, model, scores, leaves" in refused.stderr
    assert "did you mean 'model'" in run("pipeline", "candidate", str(script), "--variable", "modle").stderr
