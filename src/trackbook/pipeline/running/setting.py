"""What all the steps of one run have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackbook.pipeline.outcome import OnEvent
from trackbook.pipeline.plan import Plan, StepPlan
from trackbook.pipeline.running.cache import StepCache
from trackbook.pipeline.running.ledger import START
from trackbook.pipeline.running.lineage import Versions
from trackbook.pipeline.running.options import RunOptions
from trackbook.pipeline.running.place import Place
from trackbook.pipeline.running.process import Processes
from trackbook.pipeline.running.stop import Stop
from trackbook.settings import PipelineSettings, StepSettings
from trackbook.store import Store

if TYPE_CHECKING:
    from trackbook.pipeline.running.storage import Storage
    from trackbook.tracking import Tracker
    from trackbook.tracking.tracker import ActiveRun

_NO_LIMITS = StepSettings()


def storage_of(store: Store, options: RunOptions, settings: PipelineSettings) -> Storage | None:
    """Return the place for kept results that was asked for; its options stand in `trackbook.toml`."""
    url = options.storage or settings.storage
    if url is None:
        return None
    from trackbook.pipeline.running.storage import Storage

    return Storage(url, store.objects, settings.storage_options)


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
    cache: StepCache = field(init=False)

    def __post_init__(self) -> None:
        storage = storage_of(self.store, self.options, self.settings)
        self.cache = StepCache(self.store, self.cwd, [step.name for step in self.plan.steps], storage)

    def limits(self, step: StepPlan) -> StepSettings:
        """Return what `trackbook.toml` says of a step."""
        return self.settings.steps.get(step.name, _NO_LIMITS)

    def new_place(self) -> Place:
        """Return a process that has not been started yet."""
        return Place(self.processes, self.plan.path, self.cwd, self.given, START, self.versions)
