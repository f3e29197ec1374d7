"""Which steps of a plan run, and which must run anew: `--only` and `--from`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trackbook.errors import PipelineError, nearest
from trackbook.pipeline.plan import Plan
from trackbook.pipeline.running.groups import Groups
from trackbook.pipeline.running.options import RunOptions


@dataclass(frozen=True)
class Choice:
    """What the user chose, by index of the steps.

    `run` are the steps that may run, `anew` those of them for which no kept result will do, `needed` those whose values
    they are handed, directly or by way of others, and `useful` these and those whose files they may read.
    """

    run: frozenset[int]
    anew: frozenset[int]
    needed: frozenset[int]
    useful: frozenset[int]

    def refused(self, step: int, options: RunOptions) -> str:
        """Say why no kept result of `step` will do; empty where one will."""
        if step not in self.run:
            return ""  # it cannot run, so what is kept is all there is
        if not options.use_cache:
            return "the cache is off"
        return f"{options.start} and what follows from it run anew" if step in self.anew else ""


def chosen(plan: Plan, groups: Groups, options: RunOptions) -> Choice:
    """Return which steps run; raises PipelineError for a name that no step has."""
    run = frozenset(_places(plan, options.only)) if options.only else frozenset(range(len(plan.steps)))
    anew = groups.following(_places(plan, [options.start])) if options.start is not None else frozenset()
    return Choice(run, anew & run, _makers(plan, run), groups.needed(run))


def _places(plan: Plan, names: Iterable[str]) -> list[int]:
    places = {step.name: step.index for step in plan.steps}
    for name in names:
        if name not in places:
            known = ", ".join(places)
            raise PipelineError(f"{plan.path.name} has no step {name!r}{nearest(name, places)} (it has: {known})")
    return [step.index for step in plan.steps if step.name in set(names)]


def _makers(plan: Plan, steps: Iterable[int]) -> frozenset[int]:
    found = set(steps)
    for step in reversed(plan.steps):
        if step.index in found:
            found |= set(plan.producers(step).values())
    return frozenset(found)
