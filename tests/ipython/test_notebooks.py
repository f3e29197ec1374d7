"""Whole notebooks: run by nbclient, in git, two at once, and without a secret left behind."""

import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

from trackbook.project import Project


def run_notebook(folder, *cells, name="n.ipynb", **options):
    notebook = new_notebook(cells=[new_code_cell(source) for source in cells])
    nbformat.write(notebook, folder / name)
    client = NotebookClient(
        notebook, kernel_name="python3", timeout=60, resources={"metadata": {"path": str(folder)}}, **options
    )
    try:
        client.execute()
    finally:
        nbformat.validate(notebook)
    return notebook


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "trackbook.toml").touch()
    return tmp_path


def test_a_notebook_stops_at_the_first_cell_that_fails(folder):
    cells = [
        "%load_ext trackbook",
        "%%track e --name one\n1",
        "%%track e --name two\n1 / 0",
        "%%track e --name three\n3",
    ]
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        run_notebook(folder, *cells)
    found = {run.run_name: run.status for run in Project.open(folder).runs.search()}
    assert found == {"one": "FINISHED", "two": "FAILED"}


def test_a_wrong_track_line_stops_the_notebook_too(folder):
    notebook = run_notebook(folder, "%load_ext trackbook", "%%track --bad\nx = 1", "2", allow_errors=True)
    shown = str(notebook.cells[1].outputs)
    assert "unrecognized arguments: --bad" in shown


def test_outputs_are_exactly_those_of_the_notebook_without_the_line(folder):
    body = "print('a')\nimport pandas as pd\npd.DataFrame({'a': [1]})"
    notebook = run_notebook(folder, "%load_ext trackbook", body, f"%%track\n{body}")
    plain, tracked = ([dict(output) for output in cell.outputs] for cell in notebook.cells[1:])
    for output in (*plain, *tracked):
        output.pop("execution_count", None)
    assert plain == tracked


def test_the_cell_id_and_the_notebook_are_recorded(folder, monkeypatch):
    monkeypatch.setenv("TRACKBOOK_NOTEBOOK", str(folder / "n.ipynb"))
    notebook = run_notebook(folder, "%load_ext trackbook", "%%track\n1")
    runs = Project.open(folder).runs
    found = runs.get(runs.search()[0].run_id)
    assert found.notebook == str(folder / "n.ipynb")
    assert found.cell_id in (notebook.cells[1].id, None)  # nbclient 0.10 does not tell the kernel


def test_the_commit_is_recorded(folder, monkeypatch):
    for name in ("GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-C", str(folder)]
    for command in (["init", "-q", "-b", "trunk"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    run_notebook(folder, "%load_ext trackbook", "%%track\n1")
    runs = Project.open(folder).runs
    found = runs.get(runs.search()[0].run_id)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    assert (found.git_commit, found.git_branch) == (commit, "trunk")
    status = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    assert ".trackbook" not in status


def test_two_kernels_share_a_store_without_mixing(folder):
    cells = ["%load_ext trackbook", *(f"%%track {{0}} --name c{number}\nvalue = {number}" for number in range(15))]
    processes = []
    for name in ("left", "right"):
        notebook = new_notebook(cells=[new_code_cell(cell.format(name)) for cell in cells])
        nbformat.write(notebook, folder / f"{name}.ipynb")
        command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--stdout", f"{name}.ipynb"]
        processes.append(
            subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        )
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    runs = Project.open(folder).runs
    for name in ("left", "right"):
        found = runs.search(experiment=name)
        assert {run.run_name: run.params["value"] for run in found} == {f"c{n}": str(n) for n in range(15)}
        assert {run.status for run in found} == {"FINISHED"}
        assert {run.parent_run_id for run in found} == {None}


SECRETS = {
    "password": "hunter2-one",
    "quoted": "hunter2-two",
    "environment": "hunter2-three",
    "url": "hunter2-four",
    "github": "ghp_" + "a1B2" * 9,
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "openai": "sk-" + "c3D4" * 8,
    "bearer": "hunter2bearerhunter2",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-DEF_123",
    "pem": "MIIhunter2five",
    "param": "hunter2-six",
    "tag": "hunter2-seven",
    "shell": "hunter2-eight",
    "huggingface": "hf_" + "aB1c" * 8,
    "slack": "xoxb-1234567890-abcdef",
    "triple": "hunter2-nine",
    "name": "glpat-" + "e5F6" * 5,
}

SECRET_CELL = """%%track secret --tag token={tag} --name {name}
import os, trackbook as tb
password = "{password}"
settings = {{'api_key': '{quoted}'}}
os.environ["SERVICE_TOKEN"] = "{environment}"
engine = "postgresql://me:{url}@db.example.org/x"
keys = ["{github}", "{aws}", "{openai}", "{huggingface}", "{slack}"]
headers = {{"Authorization": "Bearer {bearer}"}}
session = "{jwt}"
pem = '''-----BEGIN RSA PRIVATE KEY-----
{pem}
-----END RSA PRIVATE KEY-----'''
db_password = \"\"\"{triple}\"\"\"
!echo --password={shell} > /dev/null
tb.log_param("api_token", "{param}")
tb.log_param("note", "uses {github}")
tb.set_tag("url", "https://me:{url}@example.org")
raise ValueError("cannot log in with {openai} as " + engine)
"""


def test_no_byte_of_a_secret_reaches_the_store(folder):
    with pytest.raises(CellExecutionError):
        run_notebook(folder, "%load_ext trackbook", SECRET_CELL.format(**SECRETS))
    project = Project.open(folder)

    def leaks():
        content = b"".join(path.read_bytes() for path in sorted((folder / ".trackbook").rglob("*")) if path.is_file())
        assert len(content) > 1000
        return [kind for kind, secret in SECRETS.items() if secret.encode() in content]

    assert leaks() == []  # in the journal
    (run,) = project.runs.search(experiment="secret")
    assert leaks() == []  # in the database
    assert run.params["password"] == "[redacted]"
    assert run.params["api_token"] == "[redacted]"
    found = project.runs.get(run.run_id)
    assert "settings = {'api_key': '[redacted]'}" in found.source
    assert found.error.type == "ValueError"


def test_a_notebook_needs_nothing_but_the_interpreter(folder):
    """The same notebook through `jupyter nbconvert --execute`, as a user or a job runs it."""
    notebook = new_notebook(cells=[new_code_cell("%load_ext trackbook"), new_code_cell("%%track job\n1 + 1")])
    nbformat.write(notebook, folder / "job.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--stdout", "job.ipynb"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=True)
    assert nbformat.reads(done.stdout, 4).cells[1].outputs[0].data["text/plain"] == "2"
    assert [run.status for run in Project.open(folder).runs.search(experiment="job")] == ["FINISHED"]
