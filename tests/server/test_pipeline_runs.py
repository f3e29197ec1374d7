"""Runs of pipelines over HTTP: real notebooks, run step by step by a process of the server."""

from __future__ import annotations

import time

import nbformat
import psutil
import pytest

from trackbook.pipeline.outcome import Noticed, OutputPrinted
from trackbook.pipeline.sweeps.sweep import KIND, VARIED_TAG
from trackbook.pipeline.sweeps.trials import TRIAL_TAG
from trackbook.project import Project
from trackbook.server.events import EventLog, Reporter

CELLS = [
    ("depth = 3", ["parameters"]),
    ("rows = list(range(depth))", ["step:load"]),
    ("print(f'{len(rows)} rows')\ntotal = sum(rows)", ["step:add"]),
]
FAILS = [*CELLS, ("print('so far')\nratio = 1 / (total - total)", ["step:divide"]), ("print('never')", ["step:report"])]


@pytest.fixture
def notebook(workspace):
    """Return a function that writes a notebook of cells with tags and returns the path of its resources."""

    def write(cells, name="study.ipynb"):
        node = nbformat.v4.new_notebook(
            cells=[
                nbformat.v4.new_code_cell(source, id=f"cell-{place}", metadata={"tags": names})
                for place, (source, names) in enumerate(cells)
            ]
        )
        nbformat.write(node, workspace.root / name)
        answer = workspace.server.post("projects", {"path": f"{workspace.root.name}/{name}"})
        return f"notebooks/{answer.body['notebook_id']}"

    return write


def _follow(workspace, job, until=("done", "failed")):
    """Return how a run stands at its end, and all its events, taken in pieces."""
    deadline, events, cursor = time.monotonic() + 90, [], None
    while True:
        told = workspace.get(f"pipeline-runs/{job['job_id']}", **({"cursor": cursor} if cursor else {})).body
        events += told["events"]
        cursor = told["next_cursor"]
        if told["state"] in until:
            return told, events
        assert time.monotonic() < deadline, told
        time.sleep(0.1)


def _steps(events):
    return [(event["name"], event["state"]) for event in events if event["event"] == "step"]


def test_a_run_is_foreseen_followed_and_found_again_and_the_next_one_goes_on_to_what_fails(workspace, notebook):
    path = notebook(CELLS)
    told = workspace.get(f"{path}/steps").body
    assert told["params"] == [{"name": "depth", "type": "int", "default": "3", "choices": None}]
    assert [(step["name"], step["cells"], step["state"]) for step in told["steps"]] == [
        ("load", ["cell-1"], "runs"), ("add", ["cell-2"], "runs"),
    ]  # fmt: skip
    assert not (workspace.root / ".trackbook").exists()
    assert workspace.get(f"{path}/pipeline-runs").body == {"runs": [], "next_cursor": None, "running": None}

    started = workspace.post(f"{path}/pipeline-runs", {"params": {"depth": "4"}})
    assert started.status == 202
    job, events = _follow(workspace, started.body)
    assert (job["state"], job["pipeline_run"]["status"], job["position"], job["total"]) == ("done", "FINISHED", 2, 2)
    assert _steps(events) == [
        ("load", "started"), ("load", "executed"), ("add", "started"), ("add", "executed"),
    ]  # fmt: skip
    assert "".join(event["text"] for event in events if event["event"] == "output") == "4 rows\n"
    assert all(event["time"] <= job["now"] for event in events)
    assert _follow(workspace, started.body)[1] == events  # a page that is opened later catches up

    forecast = {"load": "cached", "add": "cached"}
    told = workspace.get(f"{path}/steps", param="depth=4").body
    assert {step["name"]: step["state"] for step in told["steps"]} == forecast

    notebook(FAILS)
    wish = {"params": {"depth": 4}, "start": "add"}
    job, events = _follow(workspace, workspace.post(f"{path}/pipeline-runs", wish).body)
    assert (job["state"], job["pipeline_run"]["status"]) == ("done", "FAILED")
    assert {step["name"]: step["status"] for step in job["pipeline_run"]["steps"]} == {
        "load": "cached", "add": "executed", "divide": "failed", "report": "skipped",
    }  # fmt: skip
    (failed,) = [event for event in events if event.get("state") == "failed"]
    assert failed["reason"] == "ZeroDivisionError: division by zero"
    assert "ratio = 1 / (total - total)" in failed["traceback"]
    newest, oldest = workspace.get(f"{path}/pipeline-runs").body["runs"]
    assert (oldest["params"], oldest["steps"]) == ({"depth": "4"}, {"executed": 2})
    assert (newest["run_id"], newest["status"]) == (events[0]["run_id"], "FAILED")
    assert newest["steps"] == {"cached": 1, "executed": 1, "failed": 1}


def test_params_that_are_wrong_are_told_at_their_names_and_refused(workspace, notebook):
    path = notebook(CELLS)
    told = workspace.get(f"{path}/steps", param=["depth=deep", "deph=1"]).body
    assert list(told["faults"]) == ["depth", "deph"]
    assert "'deep' is not" in told["faults"]["depth"]
    assert [step["state"] for step in told["steps"]] == [None, None]
    wrong = workspace.post(f"{path}/pipeline-runs", {"params": {"depth": "deep"}})
    assert (wrong.status, wrong.body["error"]["code"]) == (400, "usage")
    assert workspace.get(f"{path}/steps", param="depth").status == 400
    assert workspace.post(f"{path}/pipeline-runs", {"jobs": "two"}).status == 400
    unknown = workspace.post(f"{path}/pipeline-runs", {"start": "lod"})
    assert (unknown.status, "did you mean 'load'?" in unknown.body["error"]["message"]) == (400, True)
    broken = notebook([("x = 1", ["step:not a name"])], "wrong.ipynb")
    assert workspace.get(f"{broken}/steps").body["problem"]["cells"] == [0]
    assert workspace.post(f"{broken}/pipeline-runs", {}).status == 400


def test_who_asks_for_the_same_run_joins_it_and_a_cancelled_one_keeps_what_is_done(workspace, notebook):
    path = notebook([*CELLS, ("import time\nprint('waits')\ntime.sleep(300)", ["step:wait"])], "slow.ipynb")
    job = workspace.post(f"{path}/pipeline-runs", {}).body
    while not any(event.get("text") == "waits\n" for event in _follow(workspace, job, ("running",))[1]):
        time.sleep(0.1)
    assert workspace.post(f"{path}/pipeline-runs", {}).body["job_id"] == job["job_id"]
    other = workspace.post(f"{path}/pipeline-runs", {"params": {"depth": 5}})
    assert (other.status, other.body["error"]["code"]) == (409, "busy")
    assert workspace.get(f"{path}/pipeline-runs").body["running"] == job["job_id"]
    name = str(workspace.root / "slow.ipynb")
    (process,) = [each for each in psutil.process_iter(["cmdline"]) if name in (each.info["cmdline"] or [])]
    family = [process, *process.children(recursive=True)]
    assert workspace.server.delete(f"pipeline-runs/{job['job_id']}").body["state"] == "cancelled"
    assert psutil.wait_procs(family, timeout=20)[1] == []
    assert workspace.get(f"{path}/pipeline-runs").body["runs"][0]["status"] == "KILLED"
    told = workspace.get(f"{path}/steps").body
    assert [step["state"] for step in told["steps"]] == ["cached", "cached", "runs"]
    assert workspace.get(f"pipeline-runs/{'0' * 32}").status == 404


def test_the_trials_of_a_sweep_are_a_line_each_in_a_picture_and_one_row_of_the_history(workspace, notebook):
    tracker = Project.open(workspace.root).tracker
    tags = {"pipeline": "study.ipynb", VARIED_TAG: '["depth"]'}
    with tracker.start_run("study", kind=KIND, tags=tags) as sweep:
        for number in (1, 2, 3):
            trial = {"pipeline": "study.ipynb", TRIAL_TAG: str(number)}
            with tracker.start_run(f"trial {number}", parent=sweep, kind="pipeline", tags=trial) as run:
                run.log_param("depth", number)
                run.log_metric("error", 1 / number)
    told = workspace.get(f"runs/{sweep.run_id}/trials").body
    assert (told["params"], told["metrics"]) == (["depth"], ["error"])
    assert [trial["values"]["depth"] for trial in told["trials"]] == ["1", "2", "3"]
    assert "3 runs across depth, error" in told["chart"]["description"]
    (row,) = workspace.get(f"{notebook(CELLS)}/pipeline-runs").body["runs"]
    assert (row["kind"], row["steps"]) == ("sweep", {"trials": 3})
    assert workspace.get(f"runs/{run.run_id}/trials").status == 404


def test_of_a_long_log_the_end_is_kept_and_the_steps_all():
    """What one browser took before is not told again, and what was cut is counted."""
    log = EventLog(characters=10)
    log.add({"event": "step", "name": "train", "state": "started"})
    log.add({"event": "output", "step": "train", "text": "0123456"})
    seen, position = log.since(0)
    log.add({"event": "output", "step": "train", "text": "789abc"})
    log.add({"event": "step", "name": "train", "state": "executed"})
    assert [event["event"] for event in seen] == ["step", "output"]
    assert [event.get("text") for event in log.since(position)[0]] == ["789abc", None]
    assert [event.get("text") for event in log.since(0)[0]] == [None, "3456", "789abc", None]
    assert log.cut == {"train": 3}
    log.add({"event": "output", "step": "train", "text": "x" * 25})
    assert [event.get("text") for event in log.since(0)[0]] == [None, None, "x" * 10]


def test_what_a_step_prints_in_a_moment_is_said_at_once_and_in_order():
    said = []
    with Reporter(said.append) as reporter:
        for number in range(1000):
            reporter(OutputPrinted("train", "stdout", f"{number}\n"))
        reporter(OutputPrinted("train", "stderr", "!"))
        reporter(Noticed("end"))
        reporter(OutputPrinted("test", "stdout", "last"))
    events = [message["event"] for message in said]
    assert len(events) < 20
    text = "".join(event["text"] for event in events)
    assert text == "".join(f"{number}\n" for number in range(1000)) + "!endlast"
