"""Reproductions over HTTP: real processes that repeat real cells."""

from __future__ import annotations

import time

import psutil
import pytest

from support.sessions import Session
from trackbook.project import Project
from trackbook.server.jobs import FAILED, RUNNING, Job, note


@pytest.fixture
def session(workspace):
    return Session(Project.open(workspace.root).store, workspace.root / "n.ipynb")


def _until(workspace, job_id, states):
    deadline = time.monotonic() + 90
    while (job := workspace.get(f"reproductions/{job_id}").body)["state"] not in states:
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    return job


def _repeating(run_id):
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if run_id in (process.info["cmdline"] or []):
            found.append(process)
    return found


def test_a_run_is_repeated_and_its_verdict_is_kept_with_it(workspace, session):
    program = [session.execute("a", "x = 1")]
    run_id = session.track("c", "y = x + 1", program)
    started = workspace.post(f"runs/{run_id}/reproductions", {"environment": "current"})
    assert started.status == 202
    job = _until(workspace, started.body["job_id"], ("done", "failed"))
    assert job["state"] == "done", job
    told = workspace.get(f"runs/{run_id}/reproductions").body
    assert told["running"] is None
    assert told["reproductions"] == [job["reproduction"]]
    assert job["reproduction"]["verdict"] in ("reproduced", "differs", "cannot_run")


def test_a_second_request_joins_the_first_and_a_cancelled_one_leaves_no_process(workspace, session):
    run_id = session.track("c", "import time\ntime.sleep(300)")
    first = workspace.post(f"runs/{run_id}/reproductions", {}).body
    assert workspace.post(f"runs/{run_id}/reproductions", {}).body["job_id"] == first["job_id"]
    while not workspace.get(f"reproductions/{first['job_id']}").body["position"]:
        time.sleep(0.1)
    assert workspace.get(f"runs/{run_id}/reproductions").body["running"]["job_id"] == first["job_id"]
    (process,) = _repeating(run_id)
    family = [process, *process.children(recursive=True)]
    assert workspace.server.delete(f"reproductions/{first['job_id']}").body["state"] == "cancelled"
    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    told = workspace.get(f"runs/{run_id}/reproductions").body
    assert told == {"reproductions": [], "running": None}
    assert workspace.server.delete(f"reproductions/{first['job_id']}").body["state"] == "cancelled"


def test_what_cannot_be_started_is_refused_in_words(workspace, session):
    run_id = session.track("c", "x = 1")
    wrong = workspace.post(f"runs/{run_id}/reproductions", {"environment": "other"})
    assert (wrong.status, wrong.body["error"]["code"]) == (400, "usage")
    assert workspace.post(f"runs/{'0' * 32}/reproductions", {}).status == 404
    unknown = workspace.get(f"reproductions/{'0' * 32}")
    assert (unknown.status, unknown.body["error"]["code"]) == (404, "not_found")


def test_messages_of_the_process_move_the_job_on_and_an_ended_job_stays_as_it_is():
    job = Job("j", "reproduction", "/root", {}, 0, RUNNING)
    note(job, {"progress": {"stage": "run", "position": 2, "total": 5, "text": "cell 2 of 5"}})
    assert (job.stage, job.position, job.total) == ("run", 2, 5)
    note(job, ["what a library printed"])
    note(job, {"error": "the disk is full"})
    assert (job.state, job.message) == (FAILED, "the disk is full")
    note(job, {"result": {"verdict": "reproduced"}})
    assert (job.state, job.result) == (FAILED, None)
