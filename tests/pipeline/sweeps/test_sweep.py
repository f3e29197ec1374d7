"""Sweeps over grids, run for real."""

import os
import signal
import threading
import time

import pytest

from support.sweeps import MAIN, STEPS, SweepBench
from trackbook.pipeline.outcome import StepProgress
from trackbook.pipeline.plan import read_plan
from trackbook.pipeline.sweeps.outcome import InTrial, SweepEvent, TrialEnded
from trackbook.pipeline.sweeps.sweep import shared_steps


def test_trials_are_runs_below_the_sweep(bench: SweepBench) -> None:
    """Each trial is a pipeline's run with a child run a step, below one run of kind sweep; shared steps run once."""
    bench.write(STEPS, MAIN)
    result = bench.sweep(size=["1,2,3"], label=["x"])
    assert (result.status, result.varied) == ("FINISHED", ("size",))
    assert [(trial.number, trial.params, trial.status) for trial in result.trials] == [
        (1, {"size": "1"}, "finished"), (2, {"size": "2"}, "finished"), (3, {"size": "3"}, "finished"),
    ]  # fmt: skip
    assert (bench.folder / "loads.txt").read_text() == "x"
    top = bench.runs.get(result.run_id).summary
    assert (top.kind, top.status, top.params) == ("sweep", "FINISHED", {"label": "x"})
    trials = bench.runs.search(f"parent_run_id = '{result.run_id}'", ["run_name"])
    assert [(run.kind, run.params["size"], run.tags["sweep.trial"]) for run in trials] == [
        ("pipeline", "1", "1"), ("pipeline", "2", "2"), ("pipeline", "3", "3"),
    ]  # fmt: skip
    swept = bench.pipelines.swept(result.run_id[:10])
    assert (swept.params, swept.status) == (("size",), "FINISHED")
    assert [trial.values["size"] for trial in swept.trials] == ["1", "2", "3"]
    steps = bench.runs.search(f"parent_run_id = '{result.trials[2].run_id}'")
    assert {run.run_name: run.tags["step.status"] for run in steps} == {"load": "cached", "train": "executed"}


def test_side_by_side_a_failing_trial_ends_no_other(bench: SweepBench) -> None:
    """Two at once: what all share runs once before them, a trial that fails is counted, and the order is kept."""
    bench.write(STEPS, MAIN)
    result = bench.sweep(jobs=2, size=["12,13,14"])
    assert result.status == "FAILED"
    assert [trial.status for trial in result.trials] == ["finished", "failed", "finished"]
    assert result.trials[1].reason == "step train: ValueError: thirteen"
    assert (bench.folder / "loads.txt").read_text() == "x"
    again = bench.sweep(jobs=2, size=["12,14"])
    states = [e.happened for e in bench.heard if isinstance(e, InTrial) and isinstance(e.happened, StepProgress)]
    assert again.status == "FINISHED"
    assert {step.state for step in states} == {"started", "cached"}
    assert len(bench.runs.search(f"parent_run_id = '{again.run_id}'")) == 2  # nothing was left to share


def test_a_shared_step_that_fails_ends_the_sweep(bench: SweepBench) -> None:
    """Where all trials would fail alike, none is run, and it is said why."""
    bench.write(STEPS.replace("return [1, 2, 3]", "raise OSError('no data')"), MAIN)
    result = bench.sweep(jobs=2, size=["1,2"])
    assert (result.status, result.trials) == ("FAILED", ())
    assert "OSError: no data" in str(bench.heard)


def test_what_varying_params_do_not_reach_is_shared(bench: SweepBench) -> None:
    """A step counts as shared unless a varying param reaches it, directly or through what other steps leave behind."""
    bench.write(
        STEPS + "\ndef other(data):\n    pass\ndef last(total):\n    pass\n", MAIN + "\nother(data)\nlast(total)"
    )
    plan = read_plan(bench.script)
    assert shared_steps(plan, ("size",)) == ("load", "other")
    assert shared_steps(plan, ("label",)) == ("load", "train", "other", "last")


@pytest.mark.faults
def test_an_interrupt_ends_the_trials_and_leaves_what_is_done(bench: SweepBench) -> None:
    """Ctrl-C in the middle ends the trials' processes; what was done is taken when the same sweep runs again."""
    waits = STEPS.replace("    return sum(data)", "    import time; time.sleep(30 * (size > 1))\n    return sum(data)")
    bench.write(waits, MAIN)
    started = threading.Event()

    def hear(event: SweepEvent) -> None:
        bench.heard.append(event)
        if isinstance(event, TrialEnded):
            started.set()

    def interrupt() -> None:
        started.wait(30)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    grid = bench.pipelines.grid(bench.script, {"size": ["1,2,3"]})
    from trackbook.pipeline.running.options import RunOptions

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        bench.pipelines.sweep(bench.script, grid, RunOptions(jobs=2), on_event=hear)
    assert time.monotonic() - began < 25
    runs = bench.runs.search("kind IN ('sweep', 'pipeline')", ["start_time"])
    assert {run.status for run in runs if run.run_name != "p 1" and "shared" not in run.run_name} == {"KILLED"}
    assert not bench.runs.search("status = 'RUNNING'")


def test_files_of_trials_side_by_side_are_nobodys_kept_result(bench: SweepBench) -> None:
    """Two trials that write one file at the same time may each find the other's: neither is kept with it."""
    bench.write("def train(size):\n    open('model', 'w').write(str(size))", "train(params.size)")
    assert bench.sweep(jobs=2, size=["5,6"]).status == "FINISHED"
    assert bench.sweep(jobs=2, size=["5,6"]).status == "FINISHED"
    states = [e.happened for e in bench.heard if isinstance(e, InTrial) and isinstance(e.happened, StepProgress)]
    reasons = {step.reason for step in states if step.state == "executed"}
    assert reasons == {"writes files, while other runs of the pipeline may write the same ones"}
