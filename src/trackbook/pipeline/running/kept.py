"""What the store has kept of a script's steps for given parameters, found and loaded without running any."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.capture.environment import EnvironmentReader
from trackbook.pipeline.cache.cache import StepCache
from trackbook.pipeline.cache.entry import Entry
from trackbook.pipeline.cache.key import environment_part
from trackbook.pipeline.cache.results import Result, Results
from trackbook.pipeline.params import override
from trackbook.pipeline.plan import Plan, StepPlan
from trackbook.pipeline.running.groups import one_by_one
from trackbook.pipeline.running.ledger import Ledger
from trackbook.pipeline.worker import spooling
from trackbook.pipeline.worker.importing import import_from, import_script
from trackbook.pipeline.worker.keeping import signature_or_none
from trackbook.pipeline.worker.seen import ABSENT
from trackbook.store import Store
from trackbook.tracking.relay import METRIC

if TYPE_CHECKING:
    from trackbook.pipeline.cache.storage import Storage


class KeptStep(msgspec.Struct, frozen=True):
    """The kept result of a step; without one, `why` says what speaks against it.

    `outputs` and `files` are digests, by name and by path from the script's folder on; `metrics` are those that the
    step logged, `reads` the files that it read.
    """

    name: str
    outputs: dict[str, str] = {}
    files: dict[str, str] = {}
    metrics: dict[str, float] = {}
    reads: tuple[str, ...] = ()
    seconds: float = 0.0
    why: str = ""


class KeptResults:
    """Kept results of one script, here and in a `storage`; `folder` is where its steps run."""

    def __init__(
        self, store: Store, plan: Plan, params: Mapping[str, Any], folder: Path, storage: Storage | None = None
    ) -> None:
        """Find them; raises PipelineError for wrong params."""
        self._store, self.plan, self._folder = store, plan, folder
        self._given = override(plan, params)
        cache = StepCache(store, folder, [step.name for step in plan.steps], storage)
        environment = environment_part(EnvironmentReader().read()[1])
        self._ledger = Ledger(plan, self._given, folder, environment, one_by_one(len(plan.steps)), cache)
        self._entries: dict[int, Entry] = {}
        self.steps = tuple(self._find(step) for step in plan.steps)

    def param_texts(self) -> dict[str, str]:
        """Return the params for the record."""
        return self._ledger.param_texts()

    def size(self, step: StepPlan) -> int:
        """Return how many bytes the outputs of a step take in the store."""
        return self._store.objects.size(self._entries[step.index].digest)

    def has(self, step: StepPlan) -> bool:
        """Tell whether a step has a kept result."""
        return step.index in self._entries

    def values(self, steps: Iterable[StepPlan]) -> dict[str, Any]:
        """Return the outputs of `steps` by name, the last of each name; the script is imported for its classes."""
        wanted = [step for step in steps if self.has(step)]
        results = Results()
        for step in self.plan.steps:
            if self.has(step):
                results.add(self._result(step))
        needed = {slot for step in wanted for slot in self._ledger.slots.of(step)}
        values: dict[str, Any] = {}
        with self._home():
            import_script(self.plan.path.resolve())
            for result in results.loads(needed, set(), set()):
                arguments = [values.get(slot) for slot in result.handed]
                outputs = spooling.read(self._store.objects.path(result.digest), result.digest, arguments)
                values.update(zip(result.slots, outputs, strict=True))
        return {name: values[slot] for step in wanted for name, slot in self._named(step)}

    def _named(self, step: StepPlan) -> list[tuple[str, str]]:
        return list(zip(step.outputs, self._ledger.slots.of(step), strict=True))

    def _find(self, step: StepPlan) -> KeptStep:
        if not self._ledger.knows(step):
            return KeptStep(step.name, why="an earlier step has no kept result")
        look = self._ledger.look(step, self._ask_params)
        if look.entry is None:
            return KeptStep(step.name, why=look.why)
        self._entries[step.index] = look.entry
        self._ledger.take(step, look.entry, self._store.objects.get)
        return _told(step, look.entry)

    def _result(self, step: StepPlan) -> Result:
        entry = self._entries[step.index]
        handed = tuple(value.slot or "" for value in self._ledger.slots.handed[step.index])
        return Result(step.index, entry.digest, self._ledger.slots.of(step), handed, entry.references)

    def _ask_params(self) -> dict[str, str | None]:
        """Return the signatures of parameters whose defaults only the script can tell."""
        with self._home():
            made = import_script(self.plan.path.resolve()).Params(**self._given)
        return {name: signature_or_none(value) for name, value in vars(made).items()}

    @contextlib.contextmanager
    def _home(self) -> Iterator[None]:
        with contextlib.chdir(self._folder):
            import_from(str(self._folder))
            yield


def _told(step: StepPlan, entry: Entry) -> KeptStep:
    return KeptStep(
        step.name,
        outputs=dict(zip(step.outputs, entry.signatures, strict=True)),
        files={kept.path: kept.digest for kept in entry.files},
        metrics={report.key: float(report.value) for report in entry.reports if report.kind == METRIC},
        reads=tuple(seen.path for seen in entry.reads if seen.digest != ABSENT),
        seconds=entry.seconds,
    )
