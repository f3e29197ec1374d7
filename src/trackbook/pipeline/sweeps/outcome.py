"""How a sweep and its trials go, as values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from trackbook.pipeline.outcome import PipelineEvent, PipelineResult

FINISHED, FAILED, PRUNED = "finished", "failed", "pruned"
"""How a trial ends: all its steps ended well, one did not, or it was not worth going on with."""


class Trial(msgspec.Struct, frozen=True):
    """One run of a sweep: its number, from 1, and the params that it is run with, as values or texts."""

    number: int
    params: dict[str, Any]


class TrialResult(msgspec.Struct, frozen=True):
    """How a trial went: `params` are those that vary, as texts; `reason` says why it failed or was pruned."""

    number: int
    params: dict[str, str]
    status: str
    run_id: str = ""
    metrics: dict[str, float] = {}
    seconds: float = 0.0
    reason: str = ""


class Goal(msgspec.Struct, frozen=True):
    """Which trial is the best: the one whose `metric` is smallest, or largest; no metric means none is."""

    metric: str = ""
    largest: bool = False

    def best(self, trials: Sequence[TrialResult]) -> int | None:
        """Return the number of the best of the trials that finished, the first of equal ones."""
        known = [
            trial
            for trial in trials
            if trial.status == FINISHED and (value := trial.metrics.get(self.metric)) is not None and value == value
        ]
        sign = -1.0 if self.largest else 1.0
        return min(known, key=lambda trial: sign * trial.metrics[self.metric]).number if known else None


class SweepResult(msgspec.Struct, frozen=True):
    """How a sweep went: `status` is FINISHED, or FAILED when a trial failed; `seconds` is wall time.

    `best` is the number of the trial with the best value of `metric`, None where none is asked for or known.
    """

    run_id: str
    status: str
    varied: tuple[str, ...]
    trials: tuple[TrialResult, ...]
    seconds: float
    metric: str = ""
    best: int | None = None

    @property
    def failed(self) -> int:
        """The number of trials that failed."""
        return sum(trial.status == FAILED for trial in self.trials)


class SweepStarted(msgspec.Struct, frozen=True, tag_field="event", tag="sweep"):
    """A sweep begins: its run, what it runs, the params that vary, and the number of its trials.

    `done` of them ended earlier, before the sweep was interrupted.
    """

    run_id: str
    pipeline: str
    varied: tuple[str, ...]
    trials: int
    done: int = 0


class TrialStarted(msgspec.Struct, frozen=True, tag_field="event", tag="trial"):
    """A trial begins, with these values of the params that vary."""

    number: int
    total: int
    params: dict[str, str]


class InTrial(msgspec.Struct, frozen=True, tag_field="event", tag="in_trial"):
    """Something happens in a trial; the number 0 stands for the steps that all trials share."""

    number: int
    happened: PipelineEvent


class TrialEnded(msgspec.Struct, frozen=True, tag_field="event", tag="trial_end"):
    """A trial has ended."""

    total: int
    result: TrialResult


class SweepEnded(msgspec.Struct, frozen=True, tag_field="event", tag="sweep_end"):
    """A sweep has ended."""

    result: SweepResult


SweepEvent = SweepStarted | TrialStarted | InTrial | TrialEnded | SweepEnded
OnSweepEvent = Callable[[SweepEvent], None]
"""Is told what happens, one event at a time."""
RunTrial = Callable[[Trial, Callable[[PipelineEvent], None]], PipelineResult]
"""Runs one trial; what happens in it goes to the second argument, which raises StoppedError to end it."""
