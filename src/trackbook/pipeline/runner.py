"""Runs a plan: finished steps from the cache, the others in a fresh process, all of it as a run with child runs.

This process decides and records, the worker only calls functions.  The worker is started when the first step
really has to run, and values are loaded into it when a step needs them, so that a run in which nothing
changed neither imports the script nor reads a result.  A step that is done is kept at once: after Ctrl-C or
kill -9 the same call goes on where it was.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from blake3 import blake3

from trackbook.capture.environment import EnvironmentReader
from trackbook.errors import PipelineError
from trackbook.pipeline.cache import Entry, StepCache, chain, digest_of, project_modules, step_key
from trackbook.pipeline.params import literal_values, override
from trackbook.pipeline.plan import Plan, StepPlan
from trackbook.pipeline.process import OnOutput, WorkerProcess
from trackbook.pipeline.protocol import Done, Failed, Load, Open, Opened, RunStep, Value
from trackbook.pipeline.signature import UnsignedError, signature
from trackbook.store import Store, now_ms

if TYPE_CHECKING:
    from trackbook.tracking import Tracker

START = "start"
"""Stands for the random state and the shared state of a process in which no step has run yet."""


class StepResult(msgspec.Struct, frozen=True):
    """How a step went: `status` is executed, cached or failed.

    `reason` says what a failed step raised, or why the result of an executed step was not kept.
    """

    name: str
    status: str
    seconds: float
    reason: str = ""


class PipelineResult(msgspec.Struct, frozen=True):
    """How a pipeline went: `status` is FINISHED or FAILED; steps after a failed one are not there."""

    run_id: str
    status: str
    steps: tuple[StepResult, ...]
    seconds: float


class StepProgress(msgspec.Struct, frozen=True):
    """A step begins (`state` is "started") or has ended ("executed", "cached", "failed"); positions count from 1."""

    state: str
    position: int
    total: int
    name: str
    seconds: float = 0.0
    reason: str = ""


OnStep = Callable[[StepProgress], None]


class Runner:
    """Runs plans against one store."""

    def __init__(self, store: Store, tracker: Tracker) -> None:
        self._store, self._tracker = store, tracker
        self._environment = EnvironmentReader()

    def run(
        self,
        plan: Plan,
        params: Mapping[str, Any] | None = None,
        *,
        home: Path | None = None,
        origin: Path | None = None,
        use_cache: bool = True,
        on_step: OnStep | None = None,
        on_output: OnOutput | None = None,
    ) -> PipelineResult:
        """Run the steps of `plan` and return how it went.

        `home` is the folder to run in and to import the project's modules from (the script's folder), `origin`
        what the script was made from where it is only temporary.
        `params` are values or texts for fields of Params.  A step that raises ends the run with the status
        FAILED and no exception; what it printed and its traceback go to `on_output(stream, text)`.
        Raises PipelineError for wrong params, or when the script cannot be imported.
        """
        given = override(plan, params or {})
        folder, source = (home or plan.path.parent).resolve(), origin or plan.path
        began = time.perf_counter()
        run = self._tracker.start_run(source.stem, nested=True, kind="pipeline", tags={"pipeline": str(source)})
        with run, tempfile.TemporaryDirectory(prefix="pipeline-", dir=self._store.root) as spool:
            environment = self._environment.read()[0]
            going = _Going(self._store, plan, given, folder, Path(spool), environment, on_output or _pass_through)
            going.use_cache = use_cache
            try:
                run.log_params(going.param_texts())
                steps = tuple(self._steps(going, plan, on_step or _say_nothing))
            finally:
                going.close()
            failed = any(step.status == "failed" for step in steps)
            status = "FAILED" if failed else "FINISHED"
            run.end(status)
        return PipelineResult(run.run_id, status, steps, time.perf_counter() - began)

    def _steps(self, going: _Going, plan: Plan, on_step: OnStep) -> Iterable[StepResult]:
        for step in plan.steps:
            place = (step.index + 1, len(plan.steps), step.name)
            on_step(StepProgress("started", *place))
            child = self._tracker.start_run(step.name, nested=True, kind="step", source=step.code.source)
            with child:
                result, error = going.step(step, child.run_id)
                child.set_tags({"step": step.name, "step.status": result.status})
                child.log_metric("seconds", result.seconds)
                child.end("FAILED" if error else "FINISHED", error)
            on_step(StepProgress(result.status, *place, result.seconds, result.reason))
            yield result
            if error:
                return


class _Going:
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
        self._cache = StepCache(store, [step.name for step in plan.steps])
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
        if entry is not None:
            return self._take(step, entry), None
        reply = self._run(step, spooled=keepable)
        if isinstance(reply, Failed):
            self._on_output("stderr", reply.traceback)
            error = PipelineError(f"step {step.name!r} raised {reply.ename}: {reply.evalue}")
            error.add_note(reply.traceback)
            return StepResult(step.name, "failed", reply.seconds, f"{reply.ename}: {reply.evalue}"), error
        before = self._random
        reasons = self._learn(step, reply, key)
        if key and keepable and not reasons:
            self._keep(step, key, reply, before, context if reply.touched else "", run_id)
        return StepResult(step.name, "executed", reply.seconds, "; ".join(reasons)), None

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

    def _take(self, step: StepPlan, entry: Entry) -> StepResult:
        slots = _slots(step)
        self._signatures.update(zip(slots, entry.signatures, strict=True))
        handed = tuple(value.slot or "" for value in self._values(step))
        self._unloaded[step.index] = (entry, slots, handed)
        if entry.random_after:
            self._random = entry.random_after
            self._random_states[entry.random_after] = self._store.objects.get(entry.random_after)
        if entry.printed:
            self._on_output("stdout", self._store.objects.get(entry.printed).decode())
        return StepResult(step.name, "cached", 0.0)

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
        entry = Entry(
            digest=objects.put(spool),
            signatures=tuple(item for item in done.signatures if item is not None),
            references=done.references,
            reads=done.effects.reads,
            printed=objects.put(done.printed.encode()) if done.printed else "",
            random_before=before,
            random_after=objects.put(done.random_state) if done.random_state is not None else "",
            context=context,
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


def _pass_through(stream: str, text: str) -> None:
    target = sys.stdout if stream == "stdout" else sys.stderr
    target.write(text)
    target.flush()


def _say_nothing(progress: StepProgress) -> None:
    return None
