"""Searches by Optuna, run for real."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("optuna", reason="searches are Optuna's")

from support.sweeps import SweepBench
from trackbook.errors import UsageError
from trackbook.pipeline.running.options import RunOptions
from trackbook.pipeline.sweeps.outcome import SweepResult

STEPS = """
import time
import trackbook as tb

# %% [step:load]
def load():
    open("loads.txt", "a").write("x")
    return 6

# %% [step:train]
def train(best, size, factor):
    for epoch in range(3):
        tb.log_metric("loss", (size - best) ** 2 + 1 / (epoch + 1), step=epoch)
        time.sleep(factor)
    return size

# %% [step:score]
def score(size):
    open("sizes.txt", "a").write(f"{size} ")
    if size == 4:
        raise ValueError("four")
    tb.log_metric("rmse", abs(size - 6))
"""
MAIN = "best = load()\nsize = train(best, params.size, params.factor)\nscore(size)"
SPACE = """[search]
metric = "{metric}"
seed = {seed}
pruner = "{pruner}"
startup = 2

[size]
low = 2
high = 12
"""


class SearchBench(SweepBench):
    """A bench with a space."""

    def space(self, metric: str = "rmse", seed: int = 0, pruner: str = "none") -> Path:
        path = self.folder / "space.toml"
        path.write_text(SPACE.format(metric=metric, seed=seed, pruner=pruner))
        return path

    def search(self, space: Path, trials: int, jobs: int = 1) -> SweepResult:
        self.heard.clear()
        options, given = RunOptions(jobs=jobs), {"factor": "0"}
        return self.pipelines.search(self.script, space, trials, given, options, on_event=self.heard.append)


@pytest.fixture
def bench(tmp_path: Path) -> SearchBench:
    made = SearchBench(tmp_path)
    made.write(STEPS, MAIN)
    return made


def sizes(result: SweepResult) -> list[str]:
    return [trial.params["size"] for trial in result.trials]


def test_a_search_goes_on_as_if_it_had_not_been_interrupted(
    bench: SearchBench, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two trials and then two more, of one sweep, are the four that a search in one go tries; a failed one counts."""
    space = bench.space(seed=4)
    first = bench.search(space, 2)
    second = bench.search(space, 4)
    assert second.run_id == first.run_id
    assert sizes(second)[:2] == sizes(first)
    assert [trial.number for trial in second.trials] == [1, 2, 3, 4]
    assert bench.heard[0].done == 2
    other = SearchBench(tmp_path_factory.mktemp("other"))
    other.write(STEPS, MAIN)
    assert sizes(other.search(other.space(seed=4), 4)) == sizes(second)
    good = [trial for trial in second.trials if trial.status == "finished"]
    assert {trial.params["size"] for trial in second.trials if trial.status == "failed"} <= {"4"}
    best = next(trial for trial in good if trial.number == second.best)
    assert best.metrics["rmse"] == min(trial.metrics["rmse"] for trial in good)
    swept = bench.pipelines.swept(second.run_id)
    assert (swept.params, swept.best) == (("size",), best.run_id)
    assert (bench.folder / "loads.txt").read_text() == "x"
    before = (bench.folder / "sizes.txt").read_text()
    again = bench.search(space, 4)  # nothing is left to do
    assert [trial.run_id for trial in again.trials] == [trial.run_id for trial in second.trials]
    assert (bench.folder / "sizes.txt").read_text() == before


def test_a_pruned_trial_ends_in_the_middle(bench: SearchBench) -> None:
    """A trial that does worse by then is KILLED with the tag `pruned`, and its later steps do not run."""
    result = bench.search(bench.space("loss", seed=1, pruner="median"), 5)
    pruned = [trial for trial in result.trials if trial.status == "pruned"]
    assert pruned
    assert result.status == "FINISHED" or any(trial.status == "failed" for trial in result.trials)
    run = bench.runs.get(pruned[0].run_id).summary
    assert (run.status, "pruned" in run.tags) == ("KILLED", True)
    steps = bench.runs.search(f"parent_run_id = '{run.run_id}'")
    assert {step.run_name: step.status for step in steps} == {"load": "FINISHED", "train": "KILLED"}
    assert not bench.runs.search("status = 'RUNNING'")
    assert pruned[0].number != result.best


def test_what_only_the_last_step_logs_prunes_nothing(bench: SearchBench) -> None:
    """The result itself is no value in between: there would be nothing left to save."""
    result = bench.search(bench.space("rmse", seed=1, pruner="median"), 5)
    assert {trial.status for trial in result.trials} <= {"finished", "failed"}


def test_a_metric_that_nobody_logs_is_told(bench: SearchBench) -> None:
    """A trial without the metric failed; the metrics that there are, are named."""
    result = bench.search(bench.space("rsme"), 1)
    assert result.status == "FAILED"
    assert "'rsme' (logged: loss, rmse)" in result.trials[0].reason


def test_what_is_given_cannot_be_searched_as_well(bench: SearchBench) -> None:
    """One of two values would be lost without a word."""
    with pytest.raises(UsageError, match="'size' is given with -p"):
        bench.pipelines.search(bench.script, bench.space(), 1, {"size": "3"}, on_event=bench.heard.append)


def test_without_optuna_the_error_says_how_to_get_it(bench: SearchBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Optuna is an extra."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match=r"pip install 'trackbook\[optuna\]'"):
        bench.search(bench.space(), 1)


@pytest.mark.faults
def test_a_killed_search_repeats_no_trial_that_ended(bench: SearchBench) -> None:
    """SIGKILL in the third trial: the same search takes the two that ended, and tries the third again first."""
    space = bench.space(seed=2)
    code = (
        "import sys; from trackbook.cli import main; "
        f"main(['pipeline', 'run', {str(bench.script)!r}, '--search', {str(space)!r}, '--trials', '4', '-p', 'factor=0.1'])"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=bench.folder)
    assert process.stdout is not None
    ended = 0
    for line in process.stdout:
        ended += line.startswith(("✓", "✗"))
        if ended == 2:
            break
    time.sleep(0.15)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    killed = bench.runs.search("kind = 'sweep'")[0]
    assert killed.status == "KILLED"
    trials = bench.runs.search(f"parent_run_id = '{killed.run_id}'", ["start_time"])
    result = bench.pipelines.search(bench.script, space, 4, {"factor": "0.1"}, on_event=bench.heard.append)
    assert result.run_id == killed.run_id
    assert len(result.trials) == 4
    done = [trial for trial in trials if trial.status in ("FINISHED", "FAILED")]
    assert [trial.run_id for trial in result.trials[: len(done)]] == [trial.run_id for trial in done]
    cut = [trial.params["size"] for trial in trials if trial.status == "KILLED" and "size" in trial.params]
    assert sizes(result)[len(done) : len(done) + len(cut)] == cut
