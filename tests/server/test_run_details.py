"""One run over HTTP: program, lineage, environments, artifacts and patch."""

from __future__ import annotations

import msgspec
import pytest

from support.sessions import Session
from trackbook.project import Project
from trackbook.store import events

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


def _keep(project, run_id, path, content, media_type="text/html"):
    digest = project.store.objects.put(content)
    project.store.append(events.ArtifactLogged(run_id, path, digest, len(content), media_type))
    return digest


@pytest.fixture
def project(workspace):
    return Project.open(workspace.root)


@pytest.fixture
def session(workspace, project):
    return Session(project.store, workspace.root / "n.ipynb")


def test_a_run_tells_its_program_and_what_each_cell_gives(workspace, session):
    program = [session.execute("a", "x = 1"), session.execute("b", "y = x + 1")]
    run_id = session.track("c", "z = x + y", program)
    run = workspace.get(f"runs/{run_id}").body
    assert [cell["source"] for cell in run["program"]] == ["x = 1", "y = x + 1", "z = x + y"]
    assert [cell["gives"] for cell in run["program"]] == [
        [{"place": 1, "names": ["x"]}, {"place": 2, "names": ["x"]}],
        [{"place": 2, "names": ["y"]}],
        [],
    ]


def test_what_was_noted_while_the_program_ran_tells_why_each_cell_is_in_it(workspace, project, session):
    """What no text tells, such as a name that `exec` bound; a file is named as the code names it."""
    session.execute("x", "idle = 0")
    program = [session.execute("a", "exec(code)"), session.execute("b", "f.write('1')")]
    run_id = session.track("c", "open('f.txt').read() + hidden", program)
    noted = {"3": {"1": ["hidden"], "2": ["file:/home/f.txt", "file:f.txt"], "0": ["gone"]}}
    project.store.append(events.FactNoted(run_id, "program", msgspec.json.encode(noted).decode()))
    run = workspace.get(f"runs/{run_id}").body
    assert [cell["gives"] for cell in run["program"]] == [
        [{"place": 2, "names": ["hidden"]}],
        [{"place": 2, "names": ["file:f.txt"]}],
        [],
    ]
    links = workspace.get(f"runs/{run_id}/lineage").body["links"]
    assert [link["names"] for link in links] == [["hidden"], ["file:f.txt"]]


def test_lineage_joins_data_cells_runs_and_what_they_made(workspace, project, session):
    frame, file = "a" * 64, "b" * 64
    made = session.track("a", "df = load()", data=[("written", "df", "frame", frame, None)], name="load")
    loaded = session.execute("b", "alpha = 1")
    data = [
        ("read", "df", "frame", frame, None),
        ("read", "/data/people.csv", "file", file, 10),
        ("read", "alpha", "value", "c" * 64, None),
        ("written", "model", "estimator", "d" * 64, None),
    ]
    run_id = session.track("c", "model = fit(df, alpha)", [loaded], data=data, name="fit")
    used = session.track("d", "p = model.predict(df)", data=[("read", "model", "estimator", "d" * 64, None)])
    graph = workspace.get(f"runs/{run_id}/lineage").body
    kinds = {(node["kind"], node["label"], node["run_id"]) for node in graph["nodes"]}
    assert kinds == {
        ("run", "fit", run_id),
        ("cell", "In [2]", None),
        ("data", "df", None),
        ("run", "load", made),
        ("file", "people.csv", None),
        ("data", "model", None),
        ("run", "d", used),
    }
    ids = {node["id"]: node["label"] for node in graph["nodes"]}
    links = {(ids[link["source"]], ids[link["target"]]): link["names"] for link in graph["links"]}
    assert links == {
        ("In [2]", "fit"): ["alpha"],
        ("load", "df"): [],
        ("df", "fit"): ["df"],
        ("people.csv", "fit"): [],
        ("fit", "model"): [],
        ("model", "d"): ["model"],
    }


def test_two_environments_are_told_apart(workspace, project, session):
    def run_in(**changes):
        run_id = session.track("c", "x = 1")
        content = {
            "python": "3.12.1",
            "implementation": "CPython",
            "platform": "Linux",
            "machine": "x86_64",
            "distributions": {"numpy": "2.0", "pandas": "2.2"},
        } | changes
        project.store.append(events.EnvironmentSeen(run_id, run_id, msgspec.json.encode(content).decode()))
        return run_id

    one, other = run_in(), run_in(python="3.13.0", distributions={"numpy": "2.1", "scipy": "1.15"})
    alone = workspace.get(f"runs/{one}/environment").body
    assert (alone["environment"]["python"], alone["differences"]) == ("3.12.1", None)
    both = workspace.get(f"runs/{one}/environment", against=other).body
    assert both["against"]["run_id"] == other
    assert both["differences"] == {
        "facts": {"python": ["3.12.1", "3.13.0"]},
        "changed": {"numpy": ["2.0", "2.1"]},
        "added": {"scipy": "1.15"},
        "removed": {"pandas": "2.2"},
    }
    assert workspace.get(f"runs/{one}/environment", against="0" * 32).status == 404


@pytest.mark.parametrize(
    ("path", "content", "media_type", "saved"),
    [
        ("outputs/stdout.txt", b"hello", "text/plain; charset=utf-8", False),
        ("page.html", b"<script>alert(1)</script>", "text/plain; charset=utf-8", False),
        ("picture.svg", b"<svg onload='alert(1)'/>", "text/plain; charset=utf-8", False),
        ("outputs/figure-1.png", PNG, "image/png", False),
        ("fake.png", b"\xff<script>", "application/octet-stream", True),
        ('a"\r\nX-Evil: 1', b"\0\1", "application/octet-stream", True),
    ],
)
def test_artifacts_are_sent_as_what_no_browser_runs(workspace, project, session, path, content, media_type, saved):
    run_id = session.track("c", "x = 1")
    digest = _keep(project, run_id, path, content)
    answer = workspace.get(f"runs/{run_id}/artifacts/{digest}")
    assert (answer.status, answer.headers["Content-Type"], answer.raw) == (200, media_type, content)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert answer.headers["Content-Disposition"].startswith("attachment" if saved else "inline")
    assert "X-Evil" not in answer.headers


def test_an_artifact_of_another_run_is_not_found(workspace, project, session):
    mine, other = session.track("a", "x = 1"), session.track("b", "x = 2")
    digest = _keep(project, other, "secret.txt", b"secret")
    assert workspace.get(f"runs/{mine}/artifacts/{digest}").status == 404
    assert workspace.get(f"runs/{mine}/artifacts/{'0' * 64}").status == 404
    assert workspace.get(f"runs/{mine}/artifacts/..%2f{digest}").status == 404


def test_the_patch_is_text_and_its_absence_is_said(workspace, project, session):
    run_id, clean = session.track("a", "x = 1"), session.track("b", "x = 2")
    patch = b"--- a/m.py\n+++ b/m.py\n@@ -1 +1 @@\n-a\n+b\n"
    project.store.append(events.CodeLocated(run_id, "c" * 40, "main", None, project.store.objects.put(patch)))
    answer = workspace.get(f"runs/{run_id}/patch")
    assert (answer.headers["Content-Type"], answer.raw) == ("text/plain; charset=utf-8", patch)
    assert workspace.get(f"runs/{clean}/patch").body["error"]["code"] == "not_found"


def test_cells_of_a_notebook_tell_their_latest_run_and_why_it_is_stale(workspace, session):
    answer = workspace.server.post("projects", {"path": f"{workspace.root.name}/n.ipynb"})
    path = f"notebooks/{answer.body['notebook_id']}/cells"
    used = session.execute("a", "x = 1")
    run_id = session.track("c", "y = x", [used], name="sum")
    (cell,) = workspace.get(path).body["cells"]
    assert (cell["cell_id"], cell["run_id"], cell["run_name"], cell["stale"]) == ("c", run_id, "sum", False)
    session.execute("a", "x = 2")
    told = workspace.get(path).body
    (cell,) = told["cells"]
    assert cell["stale"]
    assert cell["reasons"] == [{"code": "code", "text": "cell [3] was run again with other code", "cell_id": "a"}]
    assert (told["session"], cell["session"]) == ("first", "first")


def test_a_notebook_that_was_never_announced_is_unknown(workspace):
    answer = workspace.get(f"notebooks/{'0' * 16}/cells")
    assert (answer.status, answer.body["error"]["code"]) == (404, "unknown_project")


def test_a_notebook_without_a_store_has_no_cells_with_runs(workspace):
    answer = workspace.server.post("projects", {"path": f"{workspace.root.name}/n.ipynb"})
    told = workspace.get(f"notebooks/{answer.body['notebook_id']}/cells").body
    assert told == {"session": None, "session_time": None, "cells": []}
