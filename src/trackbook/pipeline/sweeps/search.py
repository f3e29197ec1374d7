"""Searches by Optuna, whose memory is the runs of earlier trials: what was killed goes on with the same command."""

from __future__ import annotations

import json
import threading
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from blake3 import blake3

from trackbook.errors import UsageError
from trackbook.pipeline.cache.modules import ProjectModules
from trackbook.pipeline.outcome import MetricReported, PipelineEvent, RunStarted
from trackbook.pipeline.params import override
from trackbook.pipeline.running.stop import StoppedError
from trackbook.pipeline.sweeps.outcome import (
    FAILED,
    FINISHED,
    PRUNED,
    SweepResult,
    SweepStarted,
    Trial,
    TrialResult,
)
from trackbook.pipeline.sweeps.space import Choices, Space, Span
from trackbook.pipeline.sweeps.sweep import KIND, Sweep
from trackbook.pipeline.sweeps.trials import PRUNED_TAG, TRIAL_TAG, run_trials
from trackbook.tracking import Runs

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

    from trackbook.tracking.tracker import ActiveRun
    from trackbook.tracking.values import RunSummary

KEY_TAG = "sweep.key"
MOST_TRIALS = 10_000
_INSTALL = "a search needs Optuna: pip install 'trackbook[optuna]'"


def load_optuna() -> Any:
    """Return Optuna, which says nothing by itself; raises UsageError with the line that installs it."""
    try:
        import optuna
    except ImportError as error:
        raise UsageError(_INSTALL) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def search(sweep: Sweep, space: Space, given: Mapping[str, Any], trials: int) -> SweepResult:
    """Run a search until it has `trials`.

    Raises UsageError for a param that is given and searched as well, PipelineError for one that is wrong.
    """
    if both := space.values.keys() & given.keys():
        raise UsageError(f"the param {min(both)!r} is given with -p, and searched as well; leave one of them out")
    tried = {name: value.values[0] if isinstance(value, Choices) else value.low for name, value in space.values.items()}
    override(sweep.plan, {**given, **tried})
    return Search(sweep, space, given, trials).run(anew=not sweep.options.use_cache)


class Search:
    """One search: a sweep whose trials Optuna chooses, one after the other, from what those before came to."""

    def __init__(self, sweep: Sweep, space: Space, fixed: Mapping[str, Any], total: int) -> None:
        self._sweep, self._space, self._fixed, self._total = sweep, space, dict(fixed), total
        self._runs = Runs(sweep.store)
        self._varied = tuple(space.values)
        self._study = Study(space, sweep.options.jobs)
        self._watched: dict[int, Watched] = {}

    def run(self, *, anew: bool = False) -> SweepResult:
        """Run trials until there are `total`, those of an interrupted search with the same space among them.

        With `anew` none is taken from an earlier search.
        """
        began, sweep = time.perf_counter(), self._sweep
        key = search_key(sweep, self._space, self._fixed)
        earlier = None if anew else self._earlier(key)
        run = sweep.start(self._varied, {KEY_TAG: key}) if earlier is None else sweep.resume(earlier)
        with run:
            done, number = self._recall(run)
            sweep.results += done
            start = SweepStarted(run.run_id, str(sweep.origin), self._varied, max(self._total, len(done)), len(done))
            sweep.tell(start)
            if earlier is None:
                run.log_params(self._fixed)
            if len(done) < self._total:
                self._go_on(run, number, self._total - len(done))
            return sweep.end(run, self._varied, began)

    def _go_on(self, run: ActiveRun, number: int, left: int) -> None:
        sweep, local = self._sweep, self._sweep.local(run)
        numbers = iter(range(number, number + left))

        def ask() -> Trial | None:
            if (following := next(numbers, None)) is None:
                return None
            chosen = self._study.ask(following)
            self._watched[following] = Watched(chosen, self._space.search.metric)
            return Trial(following, self._fixed | chosen.params)

        with local.runner.staying_warm(sweep.options.jobs):
            if sweep.share(local, self._fixed, self._varied):
                one = sweep.runner_of(local, self._varied, self._total, self._watch)
                tell = self._telling(sweep.fold(self._total))
                run_trials(ask, lambda trial: self._judged(one(trial)), tell, sweep.options.jobs, sweep.stop)

    def _watch(self, trial: Trial, event: PipelineEvent) -> None:
        self._sweep.watch(trial, event)
        if trial.number in self._watched:
            self._watched[trial.number].hear(event)

    def _judged(self, result: TrialResult) -> TrialResult:
        """Let a trial that finished without a number to judge it by count as failed."""
        metric = self._space.search.metric
        value = result.metrics.get(metric)
        if result.status != FINISHED or (value is not None and value == value):
            return result
        logged = ", ".join(sorted(result.metrics)) or "none"
        missing = f"no step logged the metric {metric!r} (logged: {logged})"
        reason = missing if value is None else f"{metric} is no number"
        return msgspec.structs.replace(result, status=FAILED, reason=reason)

    def _telling(self, fold: Any) -> Any:
        def tell(trial: Trial, result: TrialResult) -> None:
            self._study.tell(self._watched.pop(trial.number).trial, result)
            fold(trial, result)

        return tell

    # -- earlier trials

    def _earlier(self, key: str) -> str | None:
        found = self._runs.search(f"kind = '{KIND}' AND tags.`{KEY_TAG}` = '{key}'", max_results=1)
        if not found:
            return None
        if found[0].status == "RUNNING":
            raise UsageError(f"this search goes on already, in another process, as run {found[0].run_id[:8]}")
        return found[0].run_id

    def _recall(self, run: ActiveRun) -> tuple[list[TrialResult], int]:
        """Tell the study of the trials that ended, and have it begin with those that were killed.

        Returns how the former went, and the number of the next one.
        """
        found = self._runs.search(f"parent_run_id = '{run.run_id}'", ["start_time"], MOST_TRIALS)
        trials = [trial for trial in found if TRIAL_TAG in trial.tags and trial.params.keys() >= set(self._varied)]
        done = []
        for trial in sorted(trials, key=lambda trial: int(trial.tags[TRIAL_TAG])):
            result = self._judged(_result(trial, self._varied))
            params = {name: _value(given, trial.params[name]) for name, given in self._space.values.items()}
            if result.status:
                history = self._runs.metric_history(trial.run_id, self._space.search.metric)
                self._study.recall(result, params, {point.step: point.value for point in history})
                done.append(result)
            else:
                self._study.first(params)
        return done, max((int(trial.tags[TRIAL_TAG]) for trial in trials), default=0) + 1


@dataclass
class Watched:
    """A trial that goes on, whose intermediate values may show that it is not worth it.

    Those are the values of the metric that come with a step, and those that steps of the pipeline log before the last.
    """

    trial: optuna.Trial
    metric: str
    seen: dict[int, float] = field(default_factory=dict)
    last: str = ""

    def hear(self, event: PipelineEvent) -> None:
        """Take note of what happens; raises StoppedError for a trial that does worse than others did by then."""
        if isinstance(event, RunStarted):
            self.last = event.steps[-1] if event.steps else ""
        if not isinstance(event, MetricReported) or event.key != self.metric or event.value != event.value:
            return
        if event.at is None and event.step == self.last:
            return  # the result itself: there is nothing left to save
        at = event.at if event.at is not None else len(self.seen)
        if at < 0 or at in self.seen:
            return
        self.seen[at] = event.value
        self.trial.report(event.value, at)
        if self.trial.should_prune():
            text = f"{self.metric} is {event.value:.6g} at step {at}, and others did better"
            raise StoppedError(text, {PRUNED_TAG: text})


class Study:
    """Optuna's study, kept in memory: the runs are what lasts."""

    def __init__(self, space: Space, jobs: int) -> None:
        self._optuna = load_optuna()
        self._search, self._jobs = space.search, jobs
        self._distributions = {name: self._distribution(given) for name, given in space.values.items()}
        with quiet():
            self._study = self._optuna.create_study(
                direction=space.search.direction, sampler=self._sampler(0), pruner=self._pruner()
            )

    def ask(self, number: int) -> optuna.Trial:
        """Return what the trial with this number is to try."""
        with quiet():
            # Anew for each: what it draws then hangs on the seed and the number alone, also where a search goes on.
            self._study.sampler = self._sampler(number)
            trial: optuna.Trial = self._study.ask(self._distributions)
        return trial

    def tell(self, trial: optuna.Trial, result: TrialResult) -> None:
        """Say how a trial went."""
        states = self._optuna.trial.TrialState
        with quiet():
            if result.status == FINISHED:
                self._study.tell(trial, result.metrics[self._search.metric])
            else:
                self._study.tell(trial, state=states.PRUNED if result.status == PRUNED else states.FAIL)

    def recall(self, result: TrialResult, params: Mapping[str, Any], seen: Mapping[int, float]) -> None:
        """Add a trial of an earlier time; `seen` are its values of the metric by their steps."""
        states = self._optuna.trial.TrialState
        state = {FINISHED: states.COMPLETE, PRUNED: states.PRUNED}.get(result.status, states.FAIL)
        value = result.metrics.get(self._search.metric) if state != states.FAIL else None
        numbers = {step: number for step, number in seen.items() if step >= 0 and number == number}
        with quiet():
            trial = self._optuna.trial.create_trial(
                state=state,
                value=value,
                params=dict(params),
                distributions=self._distributions,
                intermediate_values=numbers,
            )
            self._study.add_trial(trial)

    def first(self, params: Mapping[str, Any]) -> None:
        """Try these params before others."""
        with quiet():
            self._study.enqueue_trial(dict(params))

    def _distribution(self, given: Span | Choices) -> BaseDistribution:
        kinds = self._optuna.distributions
        if isinstance(given, Choices):
            made: BaseDistribution = kinds.CategoricalDistribution(given.values)
        elif given.whole:
            step = int(given.step or 1)
            high = int(given.low) + (int(given.high) - int(given.low)) // step * step
            made = kinds.IntDistribution(int(given.low), high, log=given.log, step=step)
        else:
            with quiet():
                made = kinds.FloatDistribution(float(given.low), float(given.high), log=given.log, step=given.step)
        return made

    def _sampler(self, number: int) -> Any:
        seed = None if self._search.seed is None else (self._search.seed * 1_000_003 + number) % 2**32
        if self._search.sampler == "random":
            return self._optuna.samplers.RandomSampler(seed=seed)
        with quiet():
            return self._optuna.samplers.TPESampler(seed=seed, constant_liar=self._jobs > 1)

    def _pruner(self) -> Any:
        pruners = self._optuna.pruners
        if self._search.pruner == "median":
            return pruners.MedianPruner(n_startup_trials=self._search.startup)
        if self._search.pruner == "hyperband":
            return pruners.HyperbandPruner()
        return pruners.SuccessiveHalvingPruner() if self._search.pruner == "halving" else pruners.NopPruner()


def search_key(sweep: Sweep, space: Space, fixed: Mapping[str, Any]) -> str:
    """Return what tells searches apart: the code, the space, and the params that do not vary."""
    modules = ProjectModules(sweep.home).reached({name for step in sweep.plan.steps for name in step.code.modules})
    parts = [
        sweep.plan.source,
        msgspec.json.encode(space).decode(),
        json.dumps({name: str(value) for name, value in fixed.items()}, sort_keys=True),
        json.dumps(sorted(modules.values())),
    ]
    return blake3("\0".join(parts).encode()).hexdigest(length=16)


def _result(run: RunSummary, varied: Iterable[str]) -> TrialResult:
    """Return how an earlier trial went; its status is empty where it did not come to an end."""
    status = {"FINISHED": FINISHED, "FAILED": FAILED}.get(run.status, PRUNED if PRUNED_TAG in run.tags else "")
    params = {name: run.params.get(name, "") for name in varied}
    seconds = (run.end_time - run.start_time) / 1000 if run.end_time and run.start_time else 0.0
    reason = run.tags.get(PRUNED_TAG, "")
    return TrialResult(int(run.tags[TRIAL_TAG]), params, status, run.run_id, dict(run.metrics), seconds, reason)


def _value(given: Span | Choices, text: str) -> Any:
    """Return the value that a run's param was."""
    if isinstance(given, Choices):
        return given.values[given.texts.index(text)]
    return int(text) if given.whole else float(text)


_quiet = threading.RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna's remarks on what is experimental from the user; the filters are one list for all threads."""
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
