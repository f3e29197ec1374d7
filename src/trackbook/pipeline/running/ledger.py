"""What is known about the values of one run, and what follows from it: keys, what is kept, why a step runs."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from blake3 import blake3

from trackbook.pipeline.cache.cache import StepCache
from trackbook.pipeline.cache.entry import Entry
from trackbook.pipeline.cache.explain import why_not
from trackbook.pipeline.cache.key import Call, chain, step_key
from trackbook.pipeline.cache.look import Look
from trackbook.pipeline.cache.modules import ProjectModules
from trackbook.pipeline.params import literal_values
from trackbook.pipeline.plan import Plan, StepPlan
from trackbook.pipeline.running.groups import Groups
from trackbook.pipeline.slots import Slots, name_of
from trackbook.pipeline.worker.protocol import Done, Value
from trackbook.pipeline.worker.signature import UnsignedError, signature

START = "start"
"""Stands for the random state and the shared state of a process in which no step has run yet."""


class Ledger:
    """Keeps book of one run: the signature of each slot, and the state of each group's process."""

    def __init__(
        self, plan: Plan, given: Mapping[str, Any], cwd: Path, environment: str, groups: Groups, cache: StepCache
    ) -> None:
        self.plan, self.given, self.groups, self.slots = plan, dict(given), groups, Slots(plan)
        self._cwd, self._environment, self._cache = cwd, environment, cache
        self._modules = ProjectModules(cwd)
        self._signatures: dict[str, str | None] = {}
        self._live: set[str] = set()
        self._is_in_order = len(set(groups.of)) <= 1
        self._keys: dict[str, str] = {}
        self._state: dict[int, str] = {}
        self._random: dict[int, str] = {}
        self.random_states: dict[str, bytes] = {}
        self.params: Mapping[str, str | None] | None = None
        values = literal_values(plan, given)
        if values is not None:
            self.params = {name: _signature(value) for name, value in values.items()}

    def param_texts(self) -> dict[str, str]:
        """Return the params for the record: values given, else the source of the default."""
        return {
            field.name: str(self.given[field.name]) if field.name in self.given else field.default or ""
            for field in self.plan.params
        }

    @property
    def known(self) -> frozenset[str]:
        """Return the slots that have been filled."""
        return frozenset(self._signatures)

    def random(self, step: StepPlan) -> str:
        """Return the token of the random state in which `step` begins."""
        return self._random.get(self.groups.of[step.index], START)

    def look(self, step: StepPlan, ask_params: Callable[[], Mapping[str, str | None]], *, refused: str = "") -> Look:
        """Return what is known of `step`, whose arguments all are known; `refused` says why no kept result will do.

        `ask_params` is called where only the script itself knows the values of the parameters.
        """
        if self.params is None and any(value.param for value in self.slots.handed[step.index]):
            self.params = ask_params()
        call = self._call(step)
        key = step_key(call) if call is not None else None
        context = self._context(step)
        self._keys.update(dict.fromkeys(self.slots.of(step), key or uuid.uuid4().hex))
        if call is None or key is None:
            return Look(None, None, context, None, refused or self._unsigned(step))
        if not step.marker.cached:
            return Look(key, call, context, None, refused or "it is tagged cache:off")
        if refused:
            return Look(key, call, context, None, refused)
        found = self._cache.find(step.name, key, self.random(step), context)
        if isinstance(found, Entry):
            return Look(key, call, context, found)
        return Look(key, call, context, None, found or why_not(call, self._cache.newest(step.name), self.plan))

    def knows(self, step: StepPlan) -> bool:
        """Tell whether all that `step` is handed has been made."""
        return all(slot in self._signatures for slot in self.slots.used(step))

    def take(self, step: StepPlan, entry: Entry, random_state: Callable[[str], bytes]) -> None:
        """Take note of a kept result that stands for running `step`."""
        self._signatures.update(zip(self.slots.of(step), entry.signatures, strict=True))
        self._live.update(self.slots.of(step))
        if entry.random_after:
            self._random[self.groups.of[step.index]] = entry.random_after
            self.random_states[entry.random_after] = random_state(entry.random_after)

    def learn(self, step: StepPlan, done: Done, key: str | None) -> list[str]:
        """Take note of what `step` did; return why its result must not be kept."""
        group = self.groups.of[step.index]
        self._signatures.update(zip(self.slots.of(step), done.signatures, strict=True))
        self._live.update(self.slots.of(step))
        self._signatures.update(done.changed)
        if done.random_state is not None:
            token = blake3(done.random_state).hexdigest()
            self._random[group], self.random_states[token] = token, done.random_state
        reasons = list(done.reasons)
        if done.state:
            self._state[group] = chain(self._state.get(group, START), key or uuid.uuid4().hex, *done.state)
            reasons.append(f"changes {done.state[0]}")
        if not step.marker.cached:
            reasons.append("is tagged cache:off")
        elif key is None:
            reasons.append("an argument has no signature")
        return reasons

    def live(self, step: StepPlan) -> set[str]:
        """Return the slots that steps after `step`, in the order of the script, use."""
        live = {slot for slot in self._live if self.slots.last_use.get(slot, -1) > step.index}
        if self._is_in_order:
            self._live = live.copy()  # no later step asks for the others
        return live

    def expected(self, step: StepPlan) -> float | None:
        """Return the seconds that `step` took when it last ran; None where that is not known."""
        newest = self._cache.newest(step.name)
        return newest.seconds if newest is not None else None

    def _call(self, step: StepPlan) -> Call | None:
        arguments: list[tuple[str, str]] = []
        for value in self.slots.handed[step.index]:
            given = self._given(value)
            if given is None:
                return None
            arguments.append((value.param or name_of(value.slot or ""), given))
        return Call(
            step,
            tuple(arguments),
            environment=self._environment,
            cwd=str(self._cwd),
            modules=self._modules.reached(step.code.modules),
            state=self._state.get(self.groups.of[step.index], START),
        )

    def _given(self, value: Value) -> str | None:
        if value.slot is not None:
            return self._signatures[value.slot]
        return (self.params or {}).get(value.param or "")

    def _unsigned(self, step: StepPlan) -> str:
        unknown = [v.param or name_of(v.slot or "") for v in self.slots.handed[step.index] if self._given(v) is None]
        return f"nothing tells whether {unknown[0]} is the same as before" if unknown else ""

    def _context(self, step: StepPlan) -> str:
        """Return what stands for the values that see it when `step` changes an argument, and where they come from."""
        live = self.live(step)
        slots = sorted(live.union(self.slots.used(step)))
        return chain(*(f"{name_of(slot)}={self._keys[slot]}={slot in live}" for slot in slots))


def _signature(value: Any) -> str | None:
    try:
        return signature(value)
    except UnsignedError:
        return None
