"""The processes of one run, and which of them a step runs in."""

from __future__ import annotations

from collections.abc import Callable, Collection

from trackbook.cells.catalogue import RNG_NUMPY, RNG_PYTHON
from trackbook.pipeline.cache.results import Results
from trackbook.pipeline.plan import Plan, StepPlan
from trackbook.pipeline.running.groups import Groups
from trackbook.pipeline.running.place import Place
from trackbook.pipeline.slots import Slots, name_of, producer
from trackbook.pipeline.worker.protocol import Done

RANDOM = frozenset({RNG_NUMPY, RNG_PYTHON})


class NotApartError(Exception):
    """Steps that ran side by side have to run one after the other; the text says why."""


class PlaceLostError(Exception):
    """A process that others need for what it holds is gone; the text says which."""


class Places:
    """Hands out processes: the steps of a group get the same one, a single step any that is free."""

    def __init__(self, plan: Plan, results: Results, new: Callable[[], Place]) -> None:
        self._plan, self._results, self._new = plan, results, new
        self._places: list[Place] = []
        self._busy: set[int] = set()

    def any(self) -> Place:
        """Return a process that can be asked about the script."""
        return self._places[0] if self._places else self._add()

    def take(self, group: int, used: Collection[str]) -> Place | None:
        """Return a free process that has, or can load, the slots `used`; None where it has to be waited for.

        Raises NotApartError where the values are in two processes and cannot be carried from one to the other.
        """
        bound = {slot for slot in used if not self._results.holds(slot)}
        mine = next((place for place in self._places if place.group == group), None)
        places = [mine] if mine is not None else [place for place in self._places if place.group == -1]
        fit = [place for place in places if bound <= place.held]
        free = [place for place in fit if id(place) not in self._busy]
        if not free and not fit and (bound or mine is not None):
            if any(bound <= place.held for place in self._places) and mine is None:
                return None  # it is kept for steps that go on
            slot = min(bound)
            maker = self._plan.steps[producer(slot)].name
            raise NotApartError(f"{name_of(slot)}, of step {maker}, cannot be carried to another process")
        if not free and (bound or mine is not None):
            return None
        place = max(free, key=lambda place: len(place.held & set(used))) if free else self._add()
        self._busy.add(id(place))
        place.group = group
        return place

    def release(self, place: Place, *, has_ended: bool, reusable: bool) -> None:
        """Let the next step use a process; any step where its group `has_ended`, unless it is not `reusable`."""
        self._busy.discard(id(place))
        if has_ended:
            place.group = -1
            if not reusable:
                place.close()
                self._places.remove(place)

    def close(self) -> None:
        """End all processes."""
        for place in self._places:
            place.close()

    def _add(self) -> Place:
        place = self._new()
        self._places.append(place)
        return place


def check_apart(plan: Plan, groups: Groups, slots: Slots, step: StepPlan, done: Done) -> None:
    """Raise NotApartError where a step did what steps in other processes, that come later, should have seen."""
    strangers = [other for other in plan.steps[step.index + 1 :] if groups.of[other.index] != groups.of[step.index]]
    leaves = groups.leaves[step.index]
    from trackbook.pipeline.worker.observe import name_of_state  # here: a run in which nothing changed does without

    unforeseen = [state for state in done.state if name_of_state(state) not in leaves]
    if done.random_state is not None and not leaves & RANDOM:
        unforeseen.append("the random state")
    if unforeseen and strangers:
        raise NotApartError(f"{step.name} changes {unforeseen[0]}, which other steps may see")
    for other in strangers:
        if altered := sorted(set(done.changed) & set(slots.used(other))):
            raise NotApartError(f"{step.name} changes {name_of(altered[0])} in place, which {other.name} uses")
