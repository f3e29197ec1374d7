"""Runs the steps of a plan as they become ready: from what is kept, or in one of its processes.

This thread decides and records; each step that runs has a thread that waits for its process, and says what happens
through a queue.  A step that is done is kept at once, so that after Ctrl-C or kill -9 the same call goes on there.
"""

from __future__ import annotations

import heapq
import os
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trackbook.errors import PipelineError
from trackbook.pipeline.cache.entry import Entry
from trackbook.pipeline.cache.keeper import CannotTakeError, Keeper
from trackbook.pipeline.cache.look import Look
from trackbook.pipeline.cache.results import Results
from trackbook.pipeline.outcome import (
    CACHED,
    EXECUTED,
    FAILED,
    OutputPrinted,
    StepResult,
)
from trackbook.pipeline.plan import StepPlan
from trackbook.pipeline.running.background import DROP_SECONDS, Background, Written
from trackbook.pipeline.running.choice import Choice
from trackbook.pipeline.running.ledger import Ledger
from trackbook.pipeline.running.place import Loading, Place, Task
from trackbook.pipeline.running.places import PlaceLostError, Places, check_apart
from trackbook.pipeline.running.record import Record
from trackbook.pipeline.running.setting import Setting
from trackbook.pipeline.running.stop import StoppedError
from trackbook.pipeline.worker.protocol import Done, Failed, RunStep
from trackbook.tracking.relay import Reported

if TYPE_CHECKING:
    from trackbook.tracking.tracker import ActiveRun


@dataclass
class Going:
    """A step that is running, in a place, for the `attempt`-th time."""

    step: StepPlan
    look: Look
    place: Place
    task: Task
    child: ActiveRun
    random_before: str
    attempt: int = 1


@dataclass(frozen=True)
class Ended:
    """What the thread of a step has to say at its end; `fault` is an error that is not the step's own."""

    going: Going
    reply: Done | Failed | None = None
    fault: BaseException | None = None


@dataclass(frozen=True)
class Said:
    """What a step that goes on logs."""

    going: Going
    report: Reported


class Halt:
    """The run is to end before its steps are through."""


class Scheduler:
    """One pass over the steps of a plan."""

    def __init__(self, setting: Setting, ledger: Ledger, choice: Choice) -> None:
        self._at, self._ledger, self._choice = setting, ledger, choice
        self._plan, self._groups, self._slots = setting.plan, ledger.groups, ledger.slots
        self._is_apart = len(set(self._groups.of)) > 1
        self._hands_on = self._is_apart or setting.engine is not None
        self._results = Results()
        self._places = Places(self._plan, self._results, setting.new_place)
        self._keeper = Keeper(setting.store, setting.cache, self._slots, setting.cwd)
        self._queue: queue.SimpleQueue[Ended | OutputPrinted | Written | Said | Halt] = queue.SimpleQueue()
        self._unmet = [len(earlier) for earlier in self._groups.after]
        self._ready = [step for step, count in enumerate(self._unmet) if not count]
        self._followers = self._groups.followers()
        self._looks: dict[int, Look] = {}
        self._going: dict[int, Going] = {}
        self._written: set[str] = set()
        self._record = Record(setting, ledger)
        self._background = Background(self._keeper, self._results, self._queue, setting.on_event)
        self._done: dict[int, StepResult] = {}
        self._has_failed = False

    def run(self) -> Sequence[StepResult]:
        """Run all steps; raises NotApartError where they turn out to need one process, PipelineError for bad ones."""
        try:
            with self._at.stop.waking(lambda: self._queue.put(Halt())):
                while (has_ended := self._start_ready()) or self._going or self._background.is_busy:
                    if self._going or not has_ended:
                        self._background.say_waiting(alone=not self._going)
                        self._hear(self._queue.get())
        except BaseException as error:
            self._background.wait(DROP_SECONDS)
            for going in self._going.values():
                going.child.end("KILLED", error)
            raise
        finally:
            self._background.drop()
            self._places.close()
        return [self._done.get(step.index) or self._record.skip(step, "not reached") for step in self._plan.steps]

    # -- what is ready

    def _start_ready(self) -> bool:
        """Take or start the steps that can go on now; tell whether one ended at once, so that others may be ready."""
        held, has_ended = [], False
        while self._ready and not self._has_failed:
            index = heapq.heappop(self._ready)
            if not self._go(self._plan.steps[index]):
                held.append(index)
            elif index in self._done:
                has_ended = True
            elif not self._is_apart:
                break
        for index in held:
            heapq.heappush(self._ready, index)
        return has_ended

    def _mark(self, result: StepResult, index: int) -> None:
        """Note how a step ended, and which others need not wait any longer."""
        self._done[index] = result
        for follower in self._followers[index]:
            self._unmet[follower] -= 1
            if not self._unmet[follower]:
                heapq.heappush(self._ready, follower)

    def _ended(
        self, step: StepPlan, child: ActiveRun, result: StepResult, error: Exception | None = None, traceback: str = ""
    ) -> None:
        self._mark(result, step.index)
        self._record.end(step, child, result, error, traceback)

    def _go(self, step: StepPlan) -> bool:
        """Take, skip or start a step; False where it has to wait for a place."""
        may_run = step.index in self._choice.run
        if not may_run and (step.index not in self._choice.useful or not self._ledger.knows(step)):
            self._mark(self._record.skip(step, "not chosen"), step.index)
            return True
        look = self._looks.get(step.index) or self._look(step)
        if look.entry is not None and self._take(step, look.entry):
            return True
        if not may_run:
            self._mark(self._without(step, look), step.index)
            return True
        return self._start(step, self._looks[step.index])

    def _look(self, step: StepPlan) -> Look:
        refused = self._choice.refused(step.index, self._at.options)
        look = self._ledger.look(step, lambda: self._params(step), refused=refused)
        self._looks[step.index] = look
        return look

    def _without(self, step: StepPlan, look: Look) -> StepResult:
        """Do without a step that was not chosen and has no kept result; PipelineError where its values are needed."""
        users = [other.name for other in self._plan.steps if other.index in self._choice.needed
                 and step.index in self._plan.producers(other).values()]  # fmt: skip
        if users:
            raise PipelineError(
                f"step {users[0]!r} needs what {step.name!r} returns, and {look.why}: "
                f"run {step.name!r} as well (--only {step.name})"
            )
        return self._record.skip(step, "not chosen")

    def _params(self, step: StepPlan) -> Mapping[str, str | None]:
        opened = self._places.any().open(lambda *said: self._at.on_event(OutputPrinted(step.name, *said)))
        return opened.params

    # -- kept results

    def _take(self, step: StepPlan, entry: Entry) -> bool:
        """Let a kept result stand for a step; False where it cannot be used after all."""
        child = self._record.start(step)
        try:
            result, notes = self._keeper.take(step, entry, child.run_id)
            key = self._looks[step.index].key or ""
            self._at.cache.share(key, step.name, entry)
            self._at.cache.renew(key, step.name, entry, child.run_id)
        except CannotTakeError as fault:
            self._looks[step.index] = msgspec.structs.replace(self._looks[step.index], entry=None, why=str(fault))
            child.end("KILLED")
            return False
        objects = self._at.store.objects
        self._ledger.take(step, entry, objects.get)
        self._results.add(result)
        self._record.data(child, entry.data)
        try:
            self._record.reports(step, child, entry.reports)
        except StoppedError as error:
            child.__exit__(type(error), error, None)
            raise
        if entry.printed:
            self._at.on_event(OutputPrinted(step.name, "stdout", objects.get(entry.printed).decode()))
        self._ended(step, child, StepResult(step.name, CACHED, 0.0, "; ".join(notes), run_id=child.run_id))
        return True

    # -- steps that run

    def _start(self, step: StepPlan, look: Look) -> bool:
        limits = self._at.limits(step)
        busy = sum(self._at.limits(going.step).cpus for going in self._going.values())
        if self._going and busy + limits.cpus > self._at.slots:
            return False
        place = self._places.take(self._groups.of[step.index], self._slots.used(step))
        if place is None:
            return False
        child = self._record.start(step)
        task = self._task(step, place, look, child.run_id)
        going = Going(step, look, place, task, child, self._ledger.random(step))
        self._going[step.index] = going
        threading.Thread(target=self._work, args=(going,), name=step.name, daemon=True).start()
        return True

    def _task(self, step: StepPlan, place: Place, look: Look, run_id: str) -> Task:
        live = self._live(step, place)
        needed = set(self._slots.used(step))
        path, steps = self._at.store.objects.path, self._plan.steps
        loads = tuple(
            Loading(result, str(path(result.digest)), steps[result.step].name)
            for result in self._results.loads(needed, place.held, live)
        )
        random = self._ledger.random(step)
        is_kept = look.key is not None and step.marker.cached
        command = RunStep(
            function=step.function,
            run_id=run_id,
            arguments=self._slots.handed[step.index],
            slots=self._slots.of(step),
            unpacked=step.unpacked,
            live=tuple(sorted(live)),
            spool=str(self._at.spool / f"outputs-{step.index}") if is_kept or self._hands_on else "",
            hand_on=self._hands_on,
            beside=self._is_apart or not self._at.alone,
            named=step.code.strings,
            metrics=step.marker.metrics,
            random_state=None if random == place.random else self._ledger.random_states[random],
        )
        is_alone = self._is_apart and len(self._groups.members(step.index)) == 1
        return Task(step.name, loads, command, self._at.limits(step), is_alone)

    def _live(self, step: StepPlan, place: Place) -> set[str]:
        """Return the slots that are still used when `step` has run: in one process, by the steps after it."""
        if not self._is_apart:
            return self._results.pointed_at(self._ledger.live(step), place.held)
        open_steps = [other for other in self._plan.steps if other.index not in self._done and other is not step]
        return {slot for other in open_steps for slot in self._slots.used(other)} & self._ledger.known

    def _work(self, going: Going, wait: float = 0.0) -> None:
        """Wait for a step, in a thread of its own."""
        try:
            time.sleep(wait)
            reply = going.place.run(
                going.task,
                lambda stream, text: self._print(going.step, stream, text),
                lambda report: self._queue.put(Said(going, report)),
            )
        except BaseException as fault:  # noqa: BLE001 - raised again in the thread that decides
            self._queue.put(Ended(going, fault=fault))
        else:
            self._queue.put(Ended(going, reply))

    def _print(self, step: StepPlan, stream: str, text: str) -> None:
        self._queue.put(OutputPrinted(step.name, stream, text))

    def _hear(self, said: Ended | OutputPrinted | Written | Said | Halt) -> None:
        if isinstance(said, Halt):
            raise StoppedError("the run was ended")
        if isinstance(said, Written):
            return self._background.end(said)
        if isinstance(said, Said):
            return self._record.reports(said.going.step, said.going.child, [said.report])
        if not isinstance(said, Ended):
            return self._at.on_event(said)
        going = said.going
        if said.fault is not None:
            raise said.fault
        if isinstance(said.reply, Failed) and self._repeat(going, said.reply):
            return None
        if isinstance(said.reply, Done):
            self._finish(going, said.reply)
        elif said.reply is not None:
            self._fail(going, said.reply)
        del self._going[going.step.index]
        return None

    def _repeat(self, going: Going, failed: Failed) -> bool:
        """Call a step again, in a fresh process, as the failed call may have changed what it was handed."""
        limits, place = going.task.limits, going.place
        self._background.wait()  # what was handed to the step may be among it
        lost = [slot for slot in self._slots.used(going.step) if not self._results.holds(slot)]
        calls = 1 + max(limits.retries, spare := place.spare(failed))
        if going.attempt >= calls or not place.clean or lost:
            if spare:
                raise PlaceLostError(failed.evalue)
            return False
        text = f"{failed.ename}: {failed.evalue}; call {going.attempt + 1} of {calls}"
        self._record.retry(going.step, failed.seconds, text, going.child.run_id)
        place.close()
        going.task = self._task(going.step, place, going.look, going.child.run_id)
        wait = limits.retry_seconds * 2 ** (going.attempt - 1)
        going.attempt += 1
        threading.Thread(target=self._work, args=(going, wait), name=going.step.name, daemon=True).start()
        return True

    def _fail(self, going: Going, failed: Failed) -> None:
        step, child = going.step, going.child
        self._at.on_event(OutputPrinted(step.name, "stderr", failed.traceback))
        error = PipelineError(f"step {step.name!r} raised {failed.ename}: {failed.evalue}")
        error.add_note(failed.traceback)
        self._has_failed = True
        reason = f"{failed.ename}: {failed.evalue}"
        result = StepResult(step.name, FAILED, failed.seconds, reason, going.look.why, child.run_id, going.attempt)
        self._ended(step, child, result, error, failed.traceback)

    def _finish(self, going: Going, done: Done) -> None:
        step, look, place, child = going.step, going.look, going.place, going.child
        reasons = [*self._ledger.learn(step, done, look.key), *self._unheard(done)]
        if self._is_apart:
            check_apart(self._plan, self._groups, self._slots, step, done)
        self._results.forget(done.changed)
        place.settle(going.task, done)
        place.random = self._ledger.random(step)
        spool = Path(going.task.command.spool or "none")
        kept = self._keeper.keep(step, look, done, spool, going.random_before, child.run_id, reasons)
        if kept.result is not None:
            self._results.add(kept.result)
        if kept.writing is not None:
            self._background.begin(kept.writing)
        self._record.data(child, kept.used, done.data.kept)
        self._release(going)
        ended = StepResult(step.name, EXECUTED, done.seconds, "; ".join(reasons), look.why, child.run_id, going.attempt)
        self._ended(step, child, ended)

    # -- side by side

    def _release(self, going: Going) -> None:
        """Let others use a process; where its group has ended, a process with a trace of it is ended too."""
        members = self._groups.members(going.step.index)
        has_ended = all(other in self._done or other == going.step.index for other in members)
        reusable = (going.place.clean and going.place.is_for_all) or not self._is_apart
        self._places.release(going.place, has_ended=has_ended, reusable=reusable)

    def _unheard(self, done: Done) -> list[str]:
        """Say of which files it cannot be told whether this step or one in another process wrote them."""
        self._written |= set(done.effects.written)
        if done.effects.written and not self._at.alone:
            return ["writes files, while other runs of the pipeline may write the same ones"]
        unknown = [path for path in done.effects.unheard if path not in self._written]
        names = ", ".join(os.path.relpath(path, self._at.cwd) for path in unknown[:3])
        return [f"{names} changed while other steps ran, which may have written it"] if unknown else []
