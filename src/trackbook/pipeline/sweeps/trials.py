"""Runs trials side by side, in threads that each wait for the processes of one, and folds how they went."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trackbook.errors import PipelineError
from trackbook.pipeline import outcome
from trackbook.pipeline.outcome import PipelineEvent, PipelineResult
from trackbook.pipeline.plan import Plan
from trackbook.pipeline.running.options import RunOptions
from trackbook.pipeline.running.runner import Runner
from trackbook.pipeline.running.stop import Stop, StoppedError
from trackbook.pipeline.running.within import Within
from trackbook.pipeline.sweeps.outcome import FAILED, FINISHED, PRUNED, RunTrial, Trial, TrialResult

if TYPE_CHECKING:
    from trackbook.tracking.tracker import ActiveRun

TRIAL_TAG, PRUNED_TAG = "sweep.trial", "pruned"

Watch = Callable[[Trial, PipelineEvent], None]
"""Is told what happens in a trial, in the trial's thread; raises StoppedError to end the trial."""


@dataclass(frozen=True)
class LocalTrials:
    """Runs trials in processes of this machine: each is a run of `plan` below the run `sweep`, one step at a time."""

    runner: Runner
    plan: Plan
    options: RunOptions
    home: Path
    origin: Path
    sweep: ActiveRun
    stop: Stop = field(default_factory=Stop)

    def __call__(self, trial: Trial, on_event: outcome.OnEvent) -> PipelineResult:
        """Run one trial; the number 0 stands for what all trials share."""
        name = f"{self.origin.stem} {trial.number}" if trial.number else f"{self.origin.stem} shared steps"
        tags = {TRIAL_TAG: str(trial.number)} if trial.number else {}
        within = Within(self.sweep, name, tags, self.stop, alone=self.options.jobs == 1 or not trial.number)
        options = msgspec.structs.replace(self.options, jobs=1)
        return self.runner.run(
            self.plan, trial.params, options, home=self.home, origin=self.origin, on_event=on_event, within=within
        )


def run_trials(
    ask: Callable[[], Trial | None],
    run: Callable[[Trial], TrialResult],
    tell: Callable[[Trial, TrialResult], None],
    jobs: int,
    stop: Stop,
) -> None:
    """Run the trials that `ask` gives until it gives none, `jobs` at once, and `tell` how each went.

    `ask` and `tell` are called in this thread.  An exception here ends the trials that go on.
    """
    going: dict[Future[TrialResult], Trial] = {}
    with ThreadPoolExecutor(jobs, thread_name_prefix="trial") as pool:
        try:
            while True:
                while len(going) < jobs and (trial := ask()) is not None:
                    going[pool.submit(run, trial)] = trial
                if not going:
                    return
                ended = [going[future] for future in wait(going, return_when=FIRST_COMPLETED).done]
                for trial in sorted(ended, key=attrgetter("number")):
                    future = next(future for future, other in going.items() if other is trial)
                    del going[future]
                    tell(trial, future.result())
        except BaseException:
            stop.set()
            raise


def judged(run: RunTrial, trial: Trial, varied: dict[str, str], watch: Watch, stop: Stop) -> TrialResult:
    """Run a trial and return how it went; that it fails, or is pruned, is no exception."""
    began, run_id = time.perf_counter(), ""
    metrics: dict[str, float] = {}

    def on_event(event: PipelineEvent) -> None:
        nonlocal run_id
        if isinstance(event, outcome.RunStarted):
            run_id = event.run_id
        elif isinstance(event, outcome.MetricReported):
            metrics[event.key] = event.value
        watch(trial, event)

    def result(status: str, reason: str = "") -> TrialResult:
        return TrialResult(trial.number, varied, status, run_id, metrics, time.perf_counter() - began, reason)

    try:
        ended = run(trial, on_event)
    except StoppedError as error:
        if stop.is_set:
            raise
        return result(PRUNED, str(error))
    except PipelineError as error:
        return result(FAILED, str(error))
    failed = next((step for step in ended.steps if step.status == outcome.FAILED), None)
    if failed is not None:
        return result(FAILED, f"step {failed.name}: {failed.reason}")
    return result(FINISHED)
