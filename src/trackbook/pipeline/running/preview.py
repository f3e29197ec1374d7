"""What a run of a plan would do with each step, told without running any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from trackbook.capture.environment import EnvironmentReader
from trackbook.pipeline.cache.cache import StepCache
from trackbook.pipeline.cache.files import KeptFile
from trackbook.pipeline.cache.key import environment_part
from trackbook.pipeline.outcome import CACHED, SKIPPED
from trackbook.pipeline.params import override
from trackbook.pipeline.plan import Plan, StepPlan
from trackbook.pipeline.running.choice import chosen
from trackbook.pipeline.running.groups import groups_of, one_by_one
from trackbook.pipeline.running.ledger import Ledger
from trackbook.pipeline.running.options import RunOptions
from trackbook.pipeline.running.setting import storage_of
from trackbook.settings import PipelineSettings
from trackbook.store import Store

RUNS, DEPENDS = "runs", "depends"


class StepForecast(msgspec.Struct, frozen=True):
    """What would become of a step: `state` is cached, skipped, runs, or depends on what an earlier step returns.

    `expected` is the time in seconds that it took when it last ran, None where that is not known.
    """

    name: str
    state: str
    why: str = ""
    expected: float | None = None


def preview(
    store: Store,
    plan: Plan,
    params: Mapping[str, Any],
    options: RunOptions,
    folder: Path,
    settings: PipelineSettings | None = None,
) -> list[StepForecast]:
    """Return the forecast of each step of `plan`; raises PipelineError for wrong params or names of steps."""
    given = override(plan, params)
    choice = chosen(plan, groups_of(plan), options)
    storage = storage_of(store, options, settings or PipelineSettings())
    cache = StepCache(store, folder, [step.name for step in plan.steps], storage)
    groups = one_by_one(len(plan.steps))
    ledger = Ledger(plan, given, folder, environment_part(EnvironmentReader().read()[1]), groups, cache)

    def forecast(step: StepPlan) -> StepForecast:
        expected = ledger.expected(step)
        if step.index not in choice.run | choice.useful:
            return StepForecast(step.name, SKIPPED, "not chosen", expected)
        if not ledger.knows(step):
            makers = sorted(set(plan.producers(step).values()))
            names = " and ".join(plan.steps[maker].name for maker in makers if maker in unknown)
            unknown.add(step.index)
            return StepForecast(step.name, DEPENDS, f"runs if what {names} returns is another", expected)
        look = ledger.look(step, dict, refused=choice.refused(step.index, options))
        if look.entry is None:
            unknown.add(step.index)
            newest = cache.newest(step.name)
            rewritten.update({kept.path: step.name for kept in (newest.files if newest else ())})
            return StepForecast(step.name, RUNS, look.why, expected)
        if (path := next((seen.path for seen in look.entry.reads if seen.path in rewritten), None)) is not None:
            unknown.add(step.index)
            return StepForecast(step.name, DEPENDS, f"runs if {rewritten[path]} writes another {path}", expected)
        cache.foresee(look.entry)
        ledger.take(step, look.entry, store.objects.get)
        return StepForecast(step.name, CACHED, _brings_back(cache.missing(look.entry)), expected)

    unknown: set[int] = set()
    rewritten: dict[str, str] = {}
    return [forecast(step) for step in plan.steps]


def _brings_back(missing: Sequence[KeptFile]) -> str:
    return f"puts back {', '.join(kept.path for kept in missing)}" if missing else ""
