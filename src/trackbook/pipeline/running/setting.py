"""What all the steps of one run have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from trackbook.pipeline.cache.cache import StepCache
from trackbook.pipeline.outcome import OnEvent
from trackbook.pipeline.plan import Plan, StepPlan
from trackbook.pipeline.running.ledger import START
from trackbook.pipeline.running.options import RunOptions
from trackbook.pipeline.running.place import Place
from trackbook.pipeline.running.process import Processes
from trackbook.pipeline.running.stop import Stop
from trackbook.pipeline.worker.lineage import Versions
from trackbook.settings import PipelineSettings, StepSettings
from trackbook.store import Store

if TYPE_CHECKING:
    from trackbook.pipeline.cache.storage import Storage
    from trackbook.tracking import Tracker
    from trackbook.tracking.tracker import ActiveRun

_NO_LIMITS = StepSettings()


def storage_of(store: Store, options: RunOptions, settings: PipelineSettings) -> Storage | None:
    """Return the place for kept results that was asked for; its options stand in `trackbook.toml`."""
    url = options.storage or settings.storage
    if url is None:
        return None
    from trackbook.pipeline.cache.storage import Storage

    return Storage(url, store.objects, settings.storage_options)


class Engine(Protocol):
    """Where steps run, if not in processes of this machine."""

    @property
    def slots(self) -> int:
        """How many steps run at one time."""

    def new_place(self) -> Place:
        """Return a place for steps, which is no process yet."""

    def close(self) -> None:
        """End all that it started."""


@dataclass
class Setting:
    """One run: its plan, the params `given`, the folder `cwd` in which steps run, and a folder for what is not kept."""

    store: Store
    tracker: Tracker
    run: ActiveRun
    plan: Plan
    given: Mapping[str, Any]
    cwd: Path
    spool: Path
    options: RunOptions
    settings: PipelineSettings
    on_event: OnEvent
    versions: Versions | None = None
    stop: Stop = field(default_factory=Stop)
    processes: Processes = field(default_factory=Processes)
    engine: Engine | None = None
    alone: bool = True
    metrics: dict[str, float] = field(default_factory=dict)
    cache: StepCache = field(init=False)

    def __post_init__(self) -> None:
        storage = storage_of(self.store, self.options, self.settings)
        self.cache = StepCache(self.store, self.cwd, [step.name for step in self.plan.steps], storage)

    def limits(self, step: StepPlan) -> StepSettings:
        """Return what `trackbook.toml` says of a step."""
        return self.settings.steps.get(step.name, _NO_LIMITS)

    @property
    def slots(self) -> int:
        """How many steps may run at one time."""
        return self.engine.slots if self.engine is not None else self.options.jobs

    def new_place(self) -> Place:
        """Return a process that has not been started yet."""
        if self.engine is not None:
            return self.engine.new_place()
        return Place(self.processes, self.plan.path, self.cwd, self.given, START, self.versions)


@contextmanager
def engine_of(at: Setting) -> Iterator[None]:
    """Let the steps of a run go to the engine that was asked for, as long as the `with` block goes on."""
    if at.options.engine == "local":
        yield
        return
    from trackbook.pipeline.engines.dask import DaskEngine

    at.engine = DaskEngine(at)
    try:
        yield
    finally:
        at.engine.close()


@contextmanager
def engine_for_all(options: RunOptions) -> Iterator[RunOptions]:
    """Let all runs of a sweep use one cluster; yields the options with as many `jobs` as it runs tasks at one time."""
    if options.engine == "local":
        yield options
        return
    from trackbook.pipeline.engines.connections import connect

    connection, release = connect(options)
    try:
        jobs = options.jobs if options.jobs > 1 else max(1, connection.threads())
        yield msgspec.structs.replace(options, jobs=jobs)
    finally:
        release()
