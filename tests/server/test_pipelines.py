"""Graphs and conversions over HTTP: real notebooks, and real processes that convert and verify them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from trackbook.pipeline.steps import tags

CELLS = [
    ("import json", ["imports"]),
    ("rows = [3, 1, 2]", ["step:load"]),
    ("rows.sort()\nprint(rows)", ["step:clean"]),
]


@pytest.fixture
def notebook(workspace):
    """Return a function that writes a notebook of cells with tags and returns the path of its resources."""

    def write(cells, name="study.ipynb"):
        node = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source, metadata={"tags": names}) for source, names in cells]
        )
        nbformat.write(node, workspace.root / name)
        answer = workspace.server.post("projects", {"path": f"{workspace.root.name}/{name}"})
        return f"notebooks/{answer.body['notebook_id']}"

    return write


def _until_it_ends(workspace, job_id):
    deadline = time.monotonic() + 90
    while (job := workspace.get(f"conversions/{job_id}").body)["state"] in ("waiting", "running"):
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    return job


def test_a_graph_tells_the_cells_with_their_text_and_what_they_hand_on(workspace, notebook):
    told = workspace.get(f"{notebook(CELLS)}/graph").body
    assert [(cell["step"], cell["role"], cell["source"]) for cell in told["cells"]] == [
        (None, "imports", "import json"),
        ("load", None, "rows = [3, 1, 2]"),
        ("clean", None, "rows.sort()\nprint(rows)"),
    ]
    (edge,) = told["edges"]
    assert (edge["source"], edge["target"], edge["names"], edge["kind"]) == (1, 2, ["rows"], "proved")
    (reason,) = edge["evidence"]
    assert reason["writes"] == {"cell": 1, "line": 1, "statement": "rows = [3, 1, 2]"}
    assert reason["reads"] == {"cell": 2, "line": 1, "statement": "rows.sort()"}
    assert (told["inferred"], told["problems"]) == (False, [])
    assert workspace.get(f"{notebook([('x = 1', [])], 'bare.ipynb')}/graph").body["inferred"]
    assert not (workspace.root / ".trackbook").exists()


def test_the_lab_reads_the_tags_of_other_tools_as_the_converter_does():
    table = json.loads((Path(__file__).parents[2] / "labextension/src/steps/tags.json").read_text())
    assert table == {"aliases": tags.ALIASES, "prefixes": tags.PREFIX_ALIASES, "directives": tags.DIRECTIVES}


def test_a_contradiction_and_a_syntax_error_are_problems_of_their_cells(workspace, notebook):
    told = workspace.get(f"{notebook([*CELLS, ('x = rows', ['step:a', 'skip', 'after:no'])])}/graph").body
    assert told["problems"] == []
    path = notebook(
        [("a = 1", ["step:one", "step:two"]), ("b = a", []), ("c = = 1", ["step:one"]), ("d = 1", ["function"])],
        "odd.ipynb",
    )
    told = workspace.get(f"{path}/graph").body
    assert [(problem["severity"], problem["cells"]) for problem in told["problems"]] == [
        ("error", [2]), ("warning", [3]), ("error", [0])
    ]  # fmt: skip
    assert "line 1" in told["problems"][0]["message"]
    assert "did you mean 'functions'?" in told["problems"][1]["message"]
    assert [(edge["source"], edge["target"]) for edge in told["edges"]] == [(0, 1)]


def test_a_conversion_writes_the_script_and_a_verification_is_kept_until_the_script_changes(workspace, notebook):
    path = notebook(CELLS)
    before = workspace.get(f"{path}/conversions").body
    assert before == {"script": None, "current": False, "verification": None, "running": None}
    started = workspace.post(f"{path}/conversions", {"verify": True})
    assert started.status == 202
    job = _until_it_ends(workspace, started.body["job_id"])
    script = f"{workspace.root.name}/study_pipeline.py"
    assert (job["state"], job["script"]) == ("done", script), job
    assert job["conversion"]["steps"] == ["load", "clean"]
    assert job["conversion"]["verification"]["verdict"] == "same"
    told = workspace.get(f"{path}/conversions").body
    assert (told["script"], told["current"], told["running"]) == (script, True, None)
    assert told["verification"]["current"]
    notebook([*CELLS, ("rows.append(1)", [])])
    assert not workspace.get(f"{path}/conversions").body["current"]
    (workspace.root / "study_pipeline.py").write_text("# other\n")
    assert not workspace.get(f"{path}/conversions").body["verification"]["current"]


def test_a_cancelled_verification_leaves_no_process(workspace, notebook):
    path = notebook([("import time\ntime.sleep(300)", ["step:wait"])], "slow.ipynb")
    job = workspace.post(f"{path}/conversions", {"verify": True}).body
    assert workspace.post(f"{path}/conversions", {"verify": True}).body["job_id"] == job["job_id"]
    while len((told := workspace.get(f"conversions/{job['job_id']}").body)["parts"]) < 3:
        assert told["state"] in ("waiting", "running"), told
        time.sleep(0.1)
    assert told["parts"] == {name: {"position": 0, "total": 1} for name in ("notebook", "again", "script")}
    assert (told["stage"], told["position"], told["total"]) == ("verify", 0, 3)
    name = str(workspace.root / "slow.ipynb")
    (process,) = [each for each in psutil.process_iter(["cmdline"]) if name in (each.info["cmdline"] or [])]
    family = [process, *process.children(recursive=True)]
    assert workspace.server.delete(f"conversions/{job['job_id']}").body["state"] == "cancelled"
    assert psutil.wait_procs(family, timeout=20)[1] == []


def test_a_notebook_that_cannot_be_converted_says_why(workspace, notebook):
    path = notebook([("x = 1", ["step:not a name"])], "wrong.ipynb")
    job = _until_it_ends(workspace, workspace.post(f"{path}/conversions", {}).body["job_id"])
    assert job["state"] == "failed"
    assert "not a name" in job["message"]
    assert job["cells"] == [0]
    assert workspace.get(f"conversions/{'0' * 32}").status == 404
    assert workspace.post(f"{path}/conversions", {"verify": 1}).status == 400


def test_a_notebook_that_became_a_link_out_of_the_server_is_not_read(workspace, notebook, tmp_path):
    path = notebook(CELLS, "link.ipynb")
    (workspace.root / "link.ipynb").rename(tmp_path / "secret.ipynb")
    (workspace.root / "link.ipynb").symlink_to(tmp_path / "secret.ipynb")
    for resource in ("graph", "conversions"):
        assert workspace.get(f"{path}/{resource}").body["error"]["code"] == "not_found"
