"""`trackbook pipeline export`: what is written, where, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from trackbook.errors import UsageError
from trackbook.pipeline.exports.gather import Options
from trackbook.pipeline.exports.targets import TARGETS
from trackbook.project import Project
from trackbook.tracking.environments import Environments
from trackbook.tracking.locks import Requirements

from .conftest import HOSTILE_STEPS


def export(project: Project, script: Path, to: str, **options: Any) -> dict[str, str]:
    """Export and return the written texts by their paths below the project's root."""
    options = {"image": "registry.example.org/churn:1", "storage": "s3://bucket/kept"} | options
    written = project.pipelines.export(script, to, Options(**options))
    return {path.relative_to(project.root).as_posix(): path.read_text() for path in written}


READ_HEAD = "import dataclasses\nfrom pathlib import Path"
READS = """Path('out.txt').write_text('new')
    return list(range(int(Path('in' + '.txt').read_text())))"""
VALUE = "$(touch pwned) 'x' \"y\" `touch pwned` *"


def told(line: str, folder: Path, **variables: str) -> list[str]:
    """Run a line in a real shell with a `trackbook` that only says what it was told."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    tool = tools / "trackbook"
    tool.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    tool.chmod(0o755)
    environment = {"PATH": f"{tools}:/usr/bin:/bin", **variables}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line], cwd=folder, env=environment, capture_output=True, check=True
    )
    return json.loads(done.stdout)


def walked(value: Any) -> list[str]:
    """Return all keys and values of a document as texts."""
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in walked(item)]
    return [text for item in value for text in walked(item)] if isinstance(value, list) else [str(value)]


def test_github_runs_the_steps_in_their_order_and_promotes_after_an_approval(project: Project, script: Path) -> None:
    """One step of the job each, parameters through the environment, promotion in the protected environment."""
    (text,) = export(project, script, "github", storage="").values()
    workflow = yaml.safe_load(text)
    jobs = workflow["jobs"]
    lines = [step["run"] for step in jobs["train"]["steps"] if "--only" in step.get("run", "")]
    assert lines[:3] == [
        'trackbook pipeline run churn.py --only load ${PARAM_ROWS:+-p "rows=$PARAM_ROWS"}',
        'trackbook pipeline run churn.py --only split ${PARAM_ROWS:+-p "rows=$PARAM_ROWS"} '
        '${PARAM_SHARE:+-p "share=$PARAM_SHARE"}',
        'trackbook pipeline run churn.py --only train ${PARAM_ROWS:+-p "rows=$PARAM_ROWS"} '
        '${PARAM_SHARE:+-p "share=$PARAM_SHARE"} ${PARAM_LABEL:+-p "label=$PARAM_LABEL"}',
    ]
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["on"]["workflow_dispatch"]["inputs"]["rows"]["default"] == "8"
    assert jobs["promote"]["environment"] == "production"
    assert [jobs[name]["needs"] for name in ("train", "register", "promote")] == ["validate", "train", "register"]
    assert not [job for job in jobs.values() for step in job["steps"] if "${{" in step.get("run", "")]


def test_github_takes_no_name_for_an_expression(project: Project, hostile: Path) -> None:
    """What GitHub would fill in stands as a literal, and its shell hands on names and values as they are."""
    (text,) = export(project, hostile, "github").values()
    filled = text[text.index("\nname:") :]
    filled = filled.replace("${{ ''${{'' }}", "${{ '${{' }}").replace("${{ '${{' }}", "\0")
    assert "secrets." not in "".join(part.partition("}}")[0] for part in filled.split("${{")[1:])
    lines = [step["run"] for step in yaml.safe_load(text)["jobs"]["train"]["steps"] if "--only" in step.get("run", "")]
    given = [
        told(line.replace("${{ '${{' }}", "${{"), hostile.parent, PARAM_GROE=VALUE, TRACKBOOK_STORAGE="s3://b")
        for line in lines
    ]
    assert [words[-5].removeprefix("--only=") for words in given] == list(HOSTILE_STEPS)
    assert given[0][:5] == ["pipeline", "run", hostile.name, "--only", "a b"]
    assert given[0][5:] == ["--storage", "s3://b", "-p", f"größe={VALUE}"]
    assert not (hostile.parent / "pwned").exists()


def test_dvc_has_a_stage_a_step_and_keeps_the_users_parameters(project: Project, script: Path) -> None:
    """Parameters that a user has changed stay, new ones are added, and files of others are left alone."""
    made = export(project, script, "dvc", storage="")
    stages = yaml.safe_load(made["dvc.yaml"])["stages"]
    assert list(stages) == ["load", "split", "train", "report"]
    assert stages["split"]["params"] == [{"params.yaml": ["share"]}]
    assert stages["split"]["deps"] == ["churn.py", ".trackbook-steps/load.json"]
    assert yaml.safe_load(made["params.yaml"]) == {"rows": 8, "share": 0.5, "label": "a", "deep": False}

    (project.root / "params.yaml").write_text("# mine\nrows: 9\n")
    again = export(project, script, "dvc", storage="")["params.yaml"]
    assert again.startswith("# mine\nrows: 9\n")
    assert yaml.safe_load(again) == {"rows": 9, "share": 0.5, "label": "a", "deep": False}

    (project.root / "params.yaml").write_text("other: 1\n")
    assert "churn_params.yaml" in export(project, script, "dvc", storage="")


def test_dvc_knows_the_files_that_steps_read(project: Project, script: Path) -> None:
    """Files that code names are dependencies before a run, those that it read after one; what steps write is none."""
    folder = project.root / "work"
    folder.mkdir()
    (folder / "in.txt").write_text("8")
    (folder / "out.txt").write_text("old")
    source = script.read_text().replace("return list(range(rows))", READS).replace("import dataclasses", READ_HEAD)
    (folder / "churn.py").write_text(source)

    def reads() -> list[str]:
        text = export(project, folder / "churn.py", "dvc", storage="", output="ops/dvc.yaml")["ops/dvc.yaml"]
        stage = yaml.safe_load(text)["stages"]["load"]
        assert stage["wdir"] == ".."
        assert stage["cmd"][0].startswith("trackbook pipeline run work/churn.py --only load --params params.yaml")
        return stage["deps"]

    assert reads() == ["work/churn.py", "work/out.txt"]
    project.pipelines.run(folder / "churn.py")
    assert reads() == ["work/churn.py", "work/in.txt"]
    with pytest.raises(UsageError, match="no file below"):
        export(project, script, "dvc", output="../dvc.yaml")


@pytest.mark.parametrize("to", TARGETS)
def test_every_target_can_be_made_again_but_not_over_edits(project: Project, script: Path, to: str) -> None:
    """The same export again changes nothing; an edited file is refused, and replaced only by force."""
    made = export(project, script, to)
    assert export(project, script, to) == made
    first = project.root / next(iter(made))
    first.write_text(first.read_text() + "# edited\n")
    with pytest.raises(UsageError, match=r"edited since.*--force"):
        export(project, script, to)
    assert export(project, script, to, force=True) == made


@pytest.mark.parametrize("to", TARGETS)
def test_every_target_takes_hostile_names(project: Project, hostile: Path, odd: Path, to: str) -> None:
    """YAML and Python parse, and say the names as they are; a cluster's placeholders in names are refused."""
    if to in ("argo", "kubeflow"):
        with pytest.raises(UsageError, match="placeholder"):
            export(project, hostile, to)
        hostile = odd
    made = export(project, hostile, to)
    for name, text in made.items():
        if "params" in name:
            assert "# é" in yaml.safe_load(text)["text"]
        elif name.endswith((".yml", ".yaml")):
            assert "1e3" in " ".join(walked(yaml.safe_load(text)))
        elif name.endswith(".py"):
            compile(text, name, "exec")
    assert export(project, hostile, to) == made


def test_what_cannot_be_exported_is_told_with_the_way_out(project: Project, script: Path, tmp_path: Path) -> None:
    """A typo gets the nearest target, a notebook its conversion, a script from elsewhere its own project."""
    with pytest.raises(UsageError, match="did you mean 'github'"):
        export(project, script, "githbu")
    with pytest.raises(UsageError, match=r"trackbook convert .*churn\.ipynb.* -o .*churn_pipeline\.py"):
        export(project, project.root / "churn.ipynb", "github")
    elsewhere = tmp_path / "other.py"
    elsewhere.write_text(script.read_text())
    with pytest.raises(UsageError, match="outside the project"):
        export(project, elsewhere, "dvc")
    foreign = project.root / "dvc.yaml"
    foreign.write_text("stages: {}\n")
    with pytest.raises(UsageError, match=r"dvc\.yaml exists"):
        export(project, script, "dvc")
    assert foreign.read_text() == "stages: {}\n"
    assert not (project.root / "params.yaml").exists()


def test_docker_installs_by_hash_what_is_locked_and_has_no_rights(
    project: Project, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stored lock gives hashes, without one there are versions alone; the user's .dockerignore is left to them."""
    made = export(project, script, "docker", image="")
    assert "--require-hashes" not in made["Dockerfile"]
    assert "USER 10001:10001" in made["Dockerfile"]
    assert 'CMD ["pipeline", "run", "churn.py"]' in made["Dockerfile"]
    assert any(line.startswith("pandas==") for line in made["requirements.docker.txt"].splitlines())
    assert ".trackbook" in made[".dockerignore"].splitlines()

    found = Requirements(("click==8.1 --hash=sha256:00",), (), ())
    monkeypatch.setattr(Environments, "hashed", lambda *_, **__: found)
    (project.root / ".dockerignore").write_text("mine\n")
    made = export(project, script, "docker", image="python@sha256:00")
    assert "--require-hashes" in made["Dockerfile"]
    assert "FROM python@sha256:00" in made["Dockerfile"]
    assert "click==8.1 --hash=sha256:00" in made["requirements.docker.txt"]
    assert ".dockerignore" not in made
