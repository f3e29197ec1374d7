"""A sweep from its start to its end: a run of kind `sweep` with a child run a trial."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.pipeline.outcome import CACHED, SKIPPED, Noticed, PipelineEvent
from trackbook.pipeline.plan import Plan
from trackbook.pipeline.running.groups import groups_of
from trackbook.pipeline.running.options import RunOptions
from trackbook.pipeline.running.preview import preview
from trackbook.pipeline.running.runner import Runner
from trackbook.pipeline.running.stop import Stop
from trackbook.pipeline.sweeps import outcome
from trackbook.pipeline.sweeps.grid import Grid
from trackbook.pipeline.sweeps.outcome import (
    Goal,
    InTrial,
    OnSweepEvent,
    SweepEnded,
    SweepEvent,
    SweepResult,
    SweepStarted,
    Trial,
    TrialEnded,
    TrialResult,
    TrialStarted,
)
from trackbook.pipeline.sweeps.trials import LocalTrials, judged, run_trials
from trackbook.settings import Settings
from trackbook.store import Store

if TYPE_CHECKING:
    from trackbook.tracking import Tracker
    from trackbook.tracking.tracker import ActiveRun

KIND = "sweep"
VARIED_TAG, BEST_TAG = "sweep.varied", "sweep.best"


@dataclass
class Sweep:
    """What the trials of one sweep have in common."""

    store: Store
    tracker: Tracker
    settings: Settings
    plan: Plan
    home: Path
    origin: Path
    options: RunOptions
    say: OnSweepEvent
    goal: Goal = field(default_factory=Goal)
    stop: Stop = field(default_factory=Stop)
    results: list[TrialResult] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run_grid(self, grid: Grid) -> SweepResult:
        """Run every trial of `grid`; one that fails does not end the others."""
        began = time.perf_counter()
        with self.start(grid.varied) as run:
            self.tell(SweepStarted(run.run_id, str(self.origin), grid.varied, len(grid)))
            trials = grid.trials()
            local = self.local(run)
            fixed = {name: values[0] for name, values in grid.values.items() if name not in grid.varied}
            run.log_params(fixed)
            first = {name: values[0] for name, values in grid.values.items()}
            with local.runner.staying_warm(self.options.jobs):
                if self.share(local, first, grid.varied):
                    one = self.runner_of(local, grid.varied, len(grid))
                    run_trials(lambda: next(trials, None), one, self.fold(len(grid)), self.options.jobs, self.stop)
            return self.end(run, grid.varied, began)

    # -- the run of the sweep

    def start(self, varied: tuple[str, ...], more: Mapping[str, str] | None = None) -> ActiveRun:
        """Start the run of the sweep, with `more` tags."""
        tags = {"pipeline": str(self.origin), VARIED_TAG: json.dumps(varied), **(more or {})}
        return self.tracker.start_run(self.origin.stem, nested=True, kind=KIND, tags=tags)

    def resume(self, run_id: str) -> ActiveRun:
        """Go on with the run of a sweep that was ended before it was through."""
        return self.tracker.resume_run(run_id)

    def local(self, run: ActiveRun) -> LocalTrials:
        """Return what runs trials on this machine."""
        runner = Runner(self.store, self.tracker, self.settings)
        return LocalTrials(runner, self.plan, self.options, self.home, self.origin, run, self.stop)

    def end(self, run: ActiveRun, varied: tuple[str, ...], began: float) -> SweepResult:
        """End the run of the sweep and return how it went."""
        trials = sorted(self.results, key=lambda trial: trial.number)
        has_failed = not trials or any(trial.status == outcome.FAILED for trial in trials)
        best = self.goal.best(trials)
        if best is not None:
            winner = next(trial for trial in trials if trial.number == best)
            run.set_tag(BEST_TAG, winner.run_id)
            run.log_metrics(winner.metrics)
        status = "FAILED" if has_failed else "FINISHED"
        run.end(status)
        seconds = time.perf_counter() - began
        result = SweepResult(run.run_id, status, varied, tuple(trials), seconds, self.goal.metric, best)
        self.tell(SweepEnded(result))
        return result

    # -- trials

    def runner_of(
        self, run: Callable[..., Any], varied: tuple[str, ...], total: int, watch: Callable[..., None] | None = None
    ) -> Callable[[Trial], TrialResult]:
        """Return what runs one trial and says how it goes."""

        def one(trial: Trial) -> TrialResult:
            texts = {name: str(trial.params[name]) for name in varied if name in trial.params}
            self.tell(TrialStarted(trial.number, total, texts))
            return judged(run, trial, texts, watch or self.watch, self.stop)

        return one

    def watch(self, trial: Trial, event: PipelineEvent) -> None:
        """Hand on what happens in a trial."""
        self.tell(InTrial(trial.number, event))

    def fold(self, total: int) -> Callable[[Trial, TrialResult], None]:
        """Return what takes note of how a trial went."""

        def fold(trial: Trial, result: TrialResult) -> None:
            self.results.append(result)
            self.tell(TrialEnded(total, result))

        return fold

    def tell(self, event: SweepEvent) -> None:
        """Say what happens, one thread at a time."""
        with self._lock:
            self.say(event)

    # -- what all trials share

    def share(self, local: LocalTrials, params: Mapping[str, Any], varied: tuple[str, ...]) -> bool:
        """Run once what all trials would else do at the same time; False where that fails, as then all would.

        One after the other they need no such thing: the first leaves the results of these steps to the others.
        """
        if self.options.jobs == 1 or not self.options.use_cache or self.options.only or self.options.start:
            return True
        names = shared_steps(self.plan, varied)
        if not names:
            return True
        options = msgspec.structs.replace(self.options, only=names)
        forecast = preview(self.store, self.plan, params, options, self.home)
        if all(step.state in (CACHED, SKIPPED) for step in forecast):
            return True
        alone = LocalTrials(local.runner, self.plan, options, self.home, self.origin, local.sweep, self.stop)
        result = judged(alone, Trial(0, dict(params)), {}, self.watch, self.stop)
        if result.status == outcome.FINISHED:
            return True
        text = f"no trial is run, as all share what failed: {result.reason}"
        self.tell(InTrial(0, Noticed(text)))
        return False


def shared_steps(plan: Plan, varied: tuple[str, ...]) -> tuple[str, ...]:
    """Return the steps, by name, that none of the params `varied` reaches, directly or through other steps."""
    takers = [
        step.index
        for step in plan.steps
        if any(argument.is_param and argument.name in varied for argument in step.arguments)
    ]
    reached = groups_of(plan).following(takers)
    return tuple(step.name for step in plan.steps if step.index not in reached and step.marker.cached)
