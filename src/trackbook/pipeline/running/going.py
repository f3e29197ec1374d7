"""One run of a plan while it goes on: what is known about every value, and when the worker is needed."""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from blake3 import blake3

from trackbook.errors import NotFoundError, PipelineError, StoreError
from trackbook.pipeline.outcome import StepResult
from trackbook.pipeline.params import literal_values
from trackbook.pipeline.plan import Plan, StepPlan
from trackbook.pipeline.running.cache import Entry, StepCache, chain, digest_of, project_modules, step_key
from trackbook.pipeline.running.files import keep_files, put_back
from trackbook.pipeline.running.process import OnOutput, WorkerProcess
from trackbook.pipeline.running.protocol import Done, Failed, Load, Open, Opened, RunStep, Value
from trackbook.pipeline.running.signature import UnsignedError, signature
from trackbook.store import Store, now_ms

START = "start"
"""Stands for the random state and the shared state of a process in which no step has run yet."""


class RunningPlan:
    """One run that is going on: which values exist, what is known about them, and the worker if there is one.

    A slot is one value that a step returned, `name@step`; a name that is bound again is another slot.
    """

    def __init__(
        self,
        store: Store,
        plan: Plan,
        given: Mapping[str, Any],
        cwd: Path,
        spool: Path,
        environment: str,
        on_output: OnOutput,
    ) -> None:
        self._store, self._plan, self._given, self._cwd, self._spool = store, plan, dict(given), cwd, spool
        self._environment, self._on_output = environment, on_output
        self._cache = StepCache(store, cwd, [step.name for step in plan.steps])
        self._handed = list(_handed(plan))
        self._last_use = {v.slot: place for place, values in enumerate(self._handed) for v in values if v.slot}
        self.use_cache = True
        self._signatures: dict[str, str | None] = {}
        self._keys: dict[str, str] = {}
        self._unloaded: dict[int, tuple[Entry, tuple[str, ...], tuple[str, ...]]] = {}
        self._worker: WorkerProcess | None = None
        self._state = START
        self._random = self._worker_random = START
        self._random_states: dict[str, bytes] = {}
        values = literal_values(plan, given)
        self._params = {name: _signature(value) for name, value in values.items()} if values is not None else None

    def param_texts(self) -> dict[str, str]:
        """Return the params for the record: values given, else the source of the default."""
        return {
            field.name: str(self._given[field.name]) if field.name in self._given else field.default or ""
            for field in self._plan.params
        }

    def step(self, step: StepPlan, run_id: str) -> tuple[StepResult, Exception | None]:
        """Take the step from the cache or run it."""
        key = self._key(step)
        context = self._context(step)
        self._keys.update(dict.fromkeys(_slots(step), key or uuid.uuid4().hex))
        keepable = key is not None and step.marker.cached
        entry = self._cache.find(key, self._random, context) if key and keepable and self.use_cache else None
        faults: list[str] = []
        if entry is not None:
            try:
                notes = self._put_back(entry, run_id)
                return self._take(step, entry, notes), None
            except (OSError, StoreError, NotFoundError) as fault:
                faults = [f"its kept files cannot be put back: {fault}"]
        reply = self._run(step, spooled=keepable)
        if isinstance(reply, Failed):
            self._on_output("stderr", reply.traceback)
            error = PipelineError(f"step {step.name!r} raised {reply.ename}: {reply.evalue}")
            error.add_note(reply.traceback)
            return StepResult(step.name, "failed", reply.seconds, f"{reply.ename}: {reply.evalue}"), error
        before = self._random
        reasons = self._learn(step, reply, key)
        if key and keepable and not reasons:
            try:
                self._keep(step, key, reply, before, context if reply.touched else "", run_id)
            except (OSError, StoreError) as fault:
                reasons = [f"its result cannot be kept: {fault}"]
        return StepResult(step.name, "executed", reply.seconds, "; ".join([*faults, *reasons])), None

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.close()

    def _key(self, step: StepPlan) -> str | None:
        given = [self._given_signature(value) for value in self._values(step)]
        known = [item for item in given if item is not None]
        if len(known) < len(given):
            return None
        project = digest_of(project_modules(step.code.modules, self._cwd))
        return step_key(step, known, environment=self._environment, cwd=self._cwd, project=project, state=self._state)

    def _context(self, step: StepPlan) -> str:
        """Return what stands for the values that see it when `step` changes an argument, and where they come from."""
        live = self._live(step)
        slots = sorted(live | self._used_slots(step))
        return chain(*(f"{slot.partition('@')[0]}={self._keys[slot]}={slot in live}" for slot in slots))

    def _values(self, step: StepPlan) -> list[Value]:
        return self._handed[step.index]

    def _given_signature(self, value: Value) -> str | None:
        if value.slot is not None:
            return self._signatures[value.slot]
        if self._params is None:
            self._running()
        return (self._params or {})[value.param or ""]

    def _put_back(self, entry: Entry, run_id: str) -> list[str]:
        missing = self._cache.missing(entry)
        notes = put_back(self._store, self._cwd, missing, run_id, self._cache.is_known)
        for name in entry.folders:
            (self._cwd / name).mkdir(parents=True, exist_ok=True)
        return notes

    def _take(self, step: StepPlan, entry: Entry, notes: list[str]) -> StepResult:
        slots = _slots(step)
        self._signatures.update(zip(slots, entry.signatures, strict=True))
        handed = tuple(value.slot or "" for value in self._values(step))
        self._unloaded[step.index] = (entry, slots, handed)
        if entry.random_after:
            self._random = entry.random_after
            self._random_states[entry.random_after] = self._store.objects.get(entry.random_after)
        if entry.printed:
            self._on_output("stdout", self._store.objects.get(entry.printed).decode())
        return StepResult(step.name, "cached", 0.0, "; ".join(notes))

    def _run(self, step: StepPlan, *, spooled: bool) -> Done | Failed:
        worker = self._running()
        values = self._values(step)
        live = self._live(step)
        self._load({value.slot for value in values if value.slot}, live)
        wanted = None if self._random == self._worker_random else self._random_states[self._random]
        command = RunStep(
            function=step.function,
            arguments=tuple(values),
            slots=_slots(step),
            unpacked=step.unpacked,
            live=tuple(sorted(live)),
            spool=str(self._spool / "outputs") if spooled else "",
            named=step.code.strings,
            random_state=wanted,
        )
        reply = worker.ask(command, self._on_output)
        assert isinstance(reply, Done | Failed)
        return reply

    def _live(self, step: StepPlan) -> set[str]:
        """Return the slots that steps after `step` use, and those that results not loaded yet point to."""
        known = {slot for slot in self._signatures if self._last_use.get(slot, -1) > step.index}
        waiting = list(self._unloaded.values())
        for entry, slots, handed in reversed(waiting):
            if known & set(slots):
                known |= {handed[place] for place in entry.references}
        return known

    def _used_slots(self, step: StepPlan) -> set[str]:
        return {value.slot for value in self._values(step) if value.slot is not None}

    def _load(self, needed: set[str], live: set[str]) -> None:
        """Load the results that hold `needed` slots, and live ones that point to others, which the step may change."""
        wanted = set(needed)
        for entry, slots, handed in reversed(list(self._unloaded.values())):
            if wanted & set(slots) or (entry.references and live & set(slots)):
                wanted |= set(slots) | {handed[place] for place in entry.references}
        for index, (entry, slots, handed) in list(self._unloaded.items()):
            if wanted & set(slots):
                path = self._store.objects.path(entry.digest)
                reply = self._running().ask(Load(str(path), entry.digest, slots, handed), self._on_output)
                if isinstance(reply, Failed):
                    name = self._plan.steps[index].name
                    raise PipelineError(
                        f"the kept result of step {name!r} cannot be used: {reply.evalue}; run without the cache"
                    )
                del self._unloaded[index]

    def _learn(self, step: StepPlan, done: Done, key: str | None) -> list[str]:
        """Take note of what a step did; return why its result must not be kept."""
        self._signatures.update(zip(_slots(step), done.signatures, strict=True))
        self._signatures.update(done.changed)
        if done.random_state is not None:
            self._random = blake3(done.random_state).hexdigest()
            self._random_states[self._random] = done.random_state
        self._worker_random = self._random
        reasons = list(done.reasons)
        if done.state:
            self._state = chain(self._state, key or uuid.uuid4().hex, *done.state)
            reasons.append(f"changes {done.state[0]}")
        if not step.marker.cached:
            reasons.append("is tagged cache:off")
        elif key is None:
            reasons.append("an argument has no signature")
        return reasons

    def _keep(self, step: StepPlan, key: str, done: Done, before: str, context: str, run_id: str) -> None:
        objects = self._store.objects
        spool = self._spool / "outputs"
        files, folders = keep_files(objects, self._cwd, done.effects)
        entry = Entry(
            digest=objects.put(spool),
            signatures=tuple(item for item in done.signatures if item is not None),
            references=done.references,
            reads=done.effects.reads,
            printed=objects.put(done.printed.encode()) if done.printed else "",
            random_before=before,
            random_after=objects.put(done.random_state) if done.random_state is not None else "",
            context=context,
            files=files,
            folders=folders,
            seconds=done.seconds,
            time=now_ms(),
        )
        spool.unlink()
        self._cache.keep(key, step.name, entry, run_id)

    def _running(self) -> WorkerProcess:
        if self._worker is None:
            self._worker = WorkerProcess()
            script = str(self._plan.path.resolve())
            command = Open(script, str(self._cwd), pickle.dumps(self._given))
            reply = self._worker.ask(command, self._on_output)
            if not isinstance(reply, Opened):
                text = f"{reply.ename}: {reply.evalue}" if isinstance(reply, Failed) else ""
                if isinstance(reply, Failed):
                    self._on_output("stderr", reply.traceback)
                raise PipelineError(f"{self._plan.path} cannot be imported: {text}")
            self._params = reply.params
        return self._worker


def _handed(plan: Plan) -> Iterator[list[Value]]:
    """Yield what each step is handed: fields of the parameters, or the slots that its names stand for by then."""
    bound: dict[str, str] = {}
    for step in plan.steps:
        yield [
            Value(None, item.name, item.keyword) if item.is_param else Value(bound[item.name], None, item.keyword)
            for item in step.arguments
        ]
        bound.update((name, _slot(name, step.index)) for name in step.outputs)


def _slot(name: str, index: int) -> str:
    return f"{name}@{index}"


def _slots(step: StepPlan) -> tuple[str, ...]:
    return tuple(_slot(name, step.index) for name in step.outputs)


def _signature(value: Any) -> str | None:
    try:
        return signature(value)
    except UnsignedError:
        return None
