"""What steps log lands on their runs."""

import inspect

import pytest

from support.pipelines import Bench
from trackbook.pipeline.outcome import MetricReported
from trackbook.tracking import Runs

STEPS = """
import trackbook as tb

# %% [step:train]
def train(size):
    for epoch in range(size):
        tb.log_metric("loss", 1 / (epoch + 1), step=epoch)
    tb.log_params({"inner": size * 2})
    tb.set_tag("flavour", "plain")
    return size

# %% [step:score]
def score(model):
    tb.log_metrics({"rmse": model / 2, "mae": 3})
"""
MAIN = "model = train(params.size)\nscore(model)"


def test_metrics_of_a_step_stand_with_its_run_and_the_pipelines(bench: Bench) -> None:
    """Metrics go to the step's child run and to the pipeline's, params and tags to the child; also from the cache."""
    bench.write(STEPS, MAIN)
    runs = Runs(bench.store)
    for states in (["executed", "executed"], ["cached", "cached"]):
        result = bench.run()
        assert [step.status for step in result.steps] == states
        assert result.metrics == {"loss": 1 / 3, "rmse": 1.5, "mae": 3.0}
        train, score = (runs.get(step.run_id).summary for step in result.steps)
        assert (train.params, train.tags["flavour"], score.metrics["rmse"]) == ({"inner": "6"}, "plain", 1.5)
        assert [(point.step, point.value) for point in runs.metric_history(result.run_id, "loss")] == [
            (0, 1.0), (1, 0.5), (2, 1 / 3),
        ]  # fmt: skip
        assert [event.key for event in bench.events if isinstance(event, MetricReported)] == [
            *["loss"] * 3,
            "rmse",
            "mae",
        ]
    assert len(runs.search("kind = 'python'")) == 0


def test_what_is_no_metric_is_the_steps_own_error(bench: Bench) -> None:
    """A value that is no number raises where it is logged."""
    bench.write(STEPS.replace("model / 2", "'high'"), MAIN)
    result = bench.run()
    assert result.status == "FAILED"
    assert "needs a number" in result.steps[1].reason


@pytest.mark.parametrize("call", ["log_param('a', 1)", "set_tag('a', 1)", "log_metric('a', 1)"])
def test_a_process_that_a_step_forks_does_not_speak_for_it(bench: Bench, call: str) -> None:
    """What it would say would get between the step's own words: it does not reach them."""
    fork = f"    import os\n    if not (pid := os.fork()):\n        from trackbook.tracking.relay import active_relay\n        os._exit(active_relay() is not None)\n    assert not os.waitpid(pid, 0)[1]\n    tb.{call}\n"
    bench.write(f"import trackbook as tb\n# %% [step:one]\ndef one():\n{fork}", "one()")
    assert bench.run().status == "FINISHED"


def test_results_of_metric_cells_that_are_numbers_are_metrics(bench: Bench) -> None:
    """As the marker of the step names them; what is no number is a result and nothing else."""
    step = "# %% [step:judge] id=c metrics=r2,names\ndef judge(size):\n    return size / 2, ['a'], 7\n"
    bench.write(step, "r2, names, other = judge(params.size)")
    for _ in range(2):
        assert bench.run().metrics == {"r2": 1.5}


def test_scripts_report_metrics_without_trackbook(bench: Bench) -> None:
    """What a converted script calls its metrics is logged; what is no number is let pass."""
    from trackbook.pipeline.script.runtime import log_metric, log_metrics

    helpers = "\n\n".join(map(inspect.getsource, (log_metric, log_metrics)))
    body = f"import sys\nfrom typing import Any\nfrom collections.abc import Mapping\n\n{helpers}\n"
    body += "# %% [step:one]\ndef one():\n    log_metric('a', 1.5, 2)\n    log_metrics({'b': 2, 'name': 'x', 'many': [1]})\n"
    bench.write(body, "one()")
    for status in ("executed", "cached"):
        result = bench.run()
        assert (result.steps[0].status, result.metrics) == (status, {"a": 1.5, "b": 2.0})


def test_artifacts_of_a_step_stand_with_its_run(bench: Bench) -> None:
    """Bytes, files and empty ones; also where the step was not called because its result was kept."""
    body = """
import trackbook as tb

def draw(size):
    tb.log_artifact(b"x" * size, "notes/a.txt")
    tb.log_artifact(b"", "empty.bin")
    return size
"""
    bench.write(body, "x = draw(params.size)")
    runs = Runs(bench.store)
    for state in ("executed", "cached"):
        (step,) = bench.run().steps
        assert step.status == state
        assert runs.artifact(step.run_id, "notes/a.txt") == b"xxx"
        assert runs.artifact(step.run_id, "empty.bin") == b""
    assert len(runs.search("kind = 'python'")) == 0
