"""Runs a plan: finished steps from the cache, the others in fresh processes, all of it as a run with child runs.

This process decides and records, the workers only call functions.  A worker is started when the first step
really has to run, and values are loaded into it when a step needs them, so that a run in which nothing
changed neither imports the script nor reads a result.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackbook.capture.environment import EnvironmentReader
from trackbook.errors import PipelineError, SettingsWarning, nearest
from trackbook.pipeline.cache.key import environment_part
from trackbook.pipeline.cache.scratch import scratch
from trackbook.pipeline.outcome import (
    FAILED,
    Noticed,
    OnEvent,
    OutputPrinted,
    PipelineEvent,
    PipelineResult,
    RunEnded,
    RunStarted,
    StepResult,
)
from trackbook.pipeline.params import override
from trackbook.pipeline.plan import Plan
from trackbook.pipeline.running.choice import Choice, chosen
from trackbook.pipeline.running.groups import Groups, groups_of, one_by_one
from trackbook.pipeline.running.ledger import Ledger
from trackbook.pipeline.running.options import RunOptions
from trackbook.pipeline.running.place import CannotLoadError
from trackbook.pipeline.running.places import NotApartError, PlaceLostError
from trackbook.pipeline.running.process import Processes
from trackbook.pipeline.running.scheduler import Scheduler
from trackbook.pipeline.running.setting import Setting, engine_of
from trackbook.pipeline.running.within import Within
from trackbook.pipeline.worker.lineage import Versions
from trackbook.settings import PipelineSettings, Settings
from trackbook.store import Store

if TYPE_CHECKING:
    from trackbook.tracking import Tracker

PASSES = 4
"""So often the steps are gone through when a process is lost with what others need of it."""

_ALL = RunOptions()
NAMED = 6
"""How many steps or names are told of a group."""
_ALONE = Within()


class Runner:
    """Runs plans against one store."""

    def __init__(self, store: Store, tracker: Tracker, settings: Settings | None = None) -> None:
        self._store, self._tracker, self._settings = store, tracker, settings or Settings()
        self._environment = EnvironmentReader()
        self._processes = Processes()

    @contextmanager
    def staying_warm(self, processes: int) -> Iterator[None]:
        """Keep up to that many processes of a run for the runs after it, where no step has left a trace in them."""
        self._processes = Processes(processes)
        try:
            yield
        finally:
            self._processes.close()

    def run(
        self,
        plan: Plan,
        params: Mapping[str, Any] | None = None,
        options: RunOptions = _ALL,
        *,
        home: Path | None = None,
        origin: Path | None = None,
        on_event: OnEvent | None = None,
        within: Within = _ALONE,
    ) -> PipelineResult:
        """Run the steps of `plan` and return how it went.

        `home` is the folder to run in and to import the project's modules from (the script's folder), `origin`
        what the script was made from where it is only temporary.  `within` says what the run is a part of.
        `params` are values or texts for fields of Params.  A step that raises ends the run with the status
        FAILED and no exception; what it printed and its traceback go to `on_event`.
        Raises PipelineError for wrong params or names of steps, or when the script cannot be imported.
        """
        given = override(plan, params or {})
        _warn_of_strangers(plan, self._settings.pipeline)
        structure = _structure(plan, options)
        choice = chosen(plan, structure, options)
        folder, source, say = (home or plan.path.parent).resolve(), origin or plan.path, on_event or pass_through
        began = time.perf_counter()
        tags = {"pipeline": str(source), **within.tags}
        name = within.name or source.stem
        run = self._tracker.start_run(name, nested=True, kind="pipeline", tags=tags, parent=within.parent)
        with run, within.tagging(run), scratch(self._store) as spool:
            what = self._store, self._tracker, run, plan, given, folder, spool
            at = Setting(*what, options, self._settings.pipeline, say, stop=within.stop, processes=self._processes)
            at.alone = within.alone
            at.versions = self._versions(source)
            with engine_of(at):
                steps = self._passes(at, structure, choice, str(source))
            status = "FAILED" if any(step.status == FAILED for step in steps) else "FINISHED"
            run.end(status)
        result = PipelineResult(run.run_id, status, tuple(steps), time.perf_counter() - began, at.metrics)
        say(RunEnded(result))
        return result

    def _passes(self, at: Setting, structure: Groups, choice: Choice, source: str) -> Sequence[StepResult]:
        groups = structure if at.options.is_apart else one_by_one(len(at.plan.steps))
        ledger = self._ledger(at, groups)
        at.run.log_params(ledger.param_texts())
        known = [ledger.expected(step) for step in at.plan.steps]
        expected = None if None in known else sum(seconds for seconds in known if seconds is not None)
        names = tuple(step.name for step in at.plan.steps)
        at.on_event(RunStarted(at.run.run_id, source, names, ledger.param_texts(), expected))
        for text in _said_of(at.plan, groups) if at.options.is_apart else ():
            at.on_event(Noticed(text))
        distrusted: set[str] = set()
        left = PASSES
        while True:
            try:
                return Scheduler(at, ledger, choice).run()
            except NotApartError as reason:
                at.on_event(Noticed(f"the steps run one after the other after all: {reason}"))
                groups = one_by_one(len(at.plan.steps))
            except PlaceLostError as reason:
                left -= 1
                if not left:
                    raise PipelineError(f"{reason}, again and again; what is done is kept") from reason
                at.on_event(Noticed(f"{reason}: what is not kept runs again"))
            except CannotLoadError as fault:
                if fault.digest in distrusted:
                    raise PipelineError(f"{fault}; run without the cache (--no-cache)") from fault
                distrusted.add(fault.digest)
                at.cache.distrust(fault.digest)
                at.on_event(Noticed(f"{fault}: it runs again"))
            ledger = self._ledger(at, groups)

    def _versions(self, source: Path) -> Versions:
        limit = round(self._settings.capture.max_frame_mb * 1_000_000)
        return Versions(str(self._store.objects.folder), limit, self._tracker.user, source.name)

    def _ledger(self, at: Setting, groups: Groups) -> Ledger:
        environment = environment_part(self._environment.read()[1])
        return Ledger(at.plan, at.given, at.cwd, environment, groups, at.cache)


def _structure(plan: Plan, options: RunOptions) -> Groups:
    """Return which steps need which; read only where that is asked, as reading takes longer than a run of nothing."""
    if options.is_apart or options.only or options.start is not None:
        return groups_of(plan)
    return one_by_one(len(plan.steps))


def _said_of(plan: Plan, groups: Groups) -> list[str]:
    """Say which steps stay in one process, and why: a line for each group."""
    shared: dict[int, dict[str, None]] = {}
    for (one, _), names in sorted(groups.shares.items()):
        shared.setdefault(groups.of[one], {}).update(dict.fromkeys(name.removeprefix("state:") for name in names))
    return [
        f"{_listed([plan.steps[step].name for step in groups.members(group)], ' and ')} run in one process: "
        f"they share {_listed(list(names), ', ')}"
        for group, names in shared.items()
    ]


def _listed(names: Sequence[str], last: str) -> str:
    if len(names) > NAMED + 1:
        names = [*names[:NAMED], f"{len(names) - NAMED} more"]
    return ", ".join(names[:-1]) + last + names[-1] if len(names) > 1 else names[0]


def _warn_of_strangers(plan: Plan, settings: PipelineSettings) -> None:
    names = [step.name for step in plan.steps]
    for name in settings.steps:
        if name not in names and (hint := nearest(name, names)):
            warnings.warn(f"trackbook.toml: [pipeline.steps] has {name!r}{hint}", SettingsWarning, stacklevel=3)


def pass_through(event: PipelineEvent) -> None:
    """Print what steps print."""
    if isinstance(event, OutputPrinted):
        target = sys.stdout if event.stream == "stdout" else sys.stderr
        target.write(event.text)
        target.flush()
