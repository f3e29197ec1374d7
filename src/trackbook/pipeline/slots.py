"""The values of a plan: a slot is one value that a step returned, `name@step`; a name bound again is another slot."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from trackbook.pipeline.plan import Plan, StepPlan
from trackbook.pipeline.worker.protocol import Value


class Slots:
    """Which slots each step of a plan fills, and what it is handed."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.handed = tuple(_handed(plan))

    def of(self, step: StepPlan) -> tuple[str, ...]:
        """Return the slots that `step` fills."""
        return tuple(_slot(name, step.index) for name in step.outputs)

    def used(self, step: StepPlan) -> tuple[str, ...]:
        """Return the slots that `step` is handed."""
        return tuple(value.slot for value in self.handed[step.index] if value.slot is not None)

    @cached_property
    def last_use(self) -> dict[str, int]:
        """Return the index of the last step that is handed a slot; slots that nobody is handed are not there."""
        return {slot: step.index for step in self._plan.steps for slot in self.used(step)}


def producer(slot: str) -> int:
    """Return the index of the step that fills `slot`."""
    return int(slot.rpartition("@")[2])


def name_of(slot: str) -> str:
    """Return the name that the script has for `slot`."""
    return slot.rpartition("@")[0]


def _handed(plan: Plan) -> Iterator[tuple[Value, ...]]:
    """Yield what each step is handed: fields of the parameters, or the slots that its names stand for by then."""
    bound: dict[str, str] = {}
    for step in plan.steps:
        yield tuple(
            Value(None, item.name, item.keyword) if item.is_param else Value(bound[item.name], None, item.keyword)
            for item in step.arguments
        )
        bound.update((name, _slot(name, step.index)) for name in step.outputs)


def _slot(name: str, index: int) -> str:
    return f"{name}@{index}"
