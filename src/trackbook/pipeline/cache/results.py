"""The results of steps that lie in the store, ready to be loaded into any process of the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec


class Result(msgspec.Struct, frozen=True):
    """The pickled outputs of a step: the object, the slots in their order, and the slots that it was handed.

    `references` are the places among `handed` that the bytes point to: these must be loaded before.
    """

    step: int
    digest: str
    slots: tuple[str, ...]
    handed: tuple[str, ...]
    references: tuple[int, ...] = ()

    @property
    def needs(self) -> frozenset[str]:
        """Return the slots that the bytes point to."""
        return frozenset(self.handed[place] for place in self.references)


class Results:
    """The results of one run so far, by step."""

    def __init__(self) -> None:
        self._by_step: dict[int, Result] = {}
        self._stale: set[str] = set()

    def add(self, result: Result) -> None:
        """Remember a result."""
        self._by_step[result.step] = result

    def forget(self, slots: Iterable[str]) -> None:
        """Values of `slots` were changed in place: what lies in the store is what they were before."""
        self._stale |= set(slots)

    def holds(self, slot: str) -> bool:
        """Tell whether `slot` can be loaded as it is now."""
        return slot not in self._stale and any(slot in result.slots for result in self._by_step.values())

    def loads(self, needed: set[str], held: set[str], live: set[str]) -> Iterator[Result]:
        """Yield what to load, in this order, so that a process that has the slots `held` has `needed` as well.

        A result that points into a value which is about to be used is loaded with it, as that value may be changed.
        `live` are the slots that later steps use.
        """
        wanted, chosen = set(needed), []
        for result in sorted(self._by_step.values(), key=lambda result: -result.step):
            slots = set(result.slots)
            is_new = not slots & held
            if (wanted & slots) - held or (is_new and result.references and live & slots):
                chosen.append(result)
                wanted |= result.needs
        yield from reversed(chosen)

    def pointed_at(self, slots: set[str], held: set[str]) -> set[str]:
        """Return `slots` with those that results of them which are not in a process yet (`held`) point to."""
        found = set(slots)
        for result in sorted(self._by_step.values(), key=lambda result: -result.step):
            if (found & set(result.slots)) - held:
                found |= result.needs
        return found
