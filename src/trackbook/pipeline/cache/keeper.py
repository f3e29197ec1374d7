"""Puts the results of steps into the cache, and takes them from it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from trackbook.errors import NotFoundError, StoreError
from trackbook.pipeline.cache.cache import StepCache
from trackbook.pipeline.cache.entry import Entry
from trackbook.pipeline.cache.files import files_used, keep_files, put_back
from trackbook.pipeline.cache.look import Look
from trackbook.pipeline.cache.results import Result
from trackbook.pipeline.cache.scratch import Unfinished, note
from trackbook.pipeline.plan import StepPlan
from trackbook.pipeline.slots import Slots
from trackbook.pipeline.worker.lineage import Used
from trackbook.pipeline.worker.protocol import Done
from trackbook.pipeline.worker.written import Outcome, drop
from trackbook.store import Store, now_ms


class CannotTakeError(Exception):
    """A kept result cannot be used; the text says why."""


class CannotKeepError(Exception):
    """A result cannot be kept; the text says why."""


class Writing(msgspec.Struct, frozen=True):
    """A result that the process `pid` still writes to `spool`; its entry lacks the digest."""

    step: StepPlan
    key: str
    entry: Entry
    spool: Path
    pid: int
    run_id: str


class Kept(msgspec.Struct, frozen=True):
    """The result of a step in this run, None where there is none in the store (yet), and the data that the step used.

    `writing` is set where the result is still being written.
    """

    result: Result | None
    used: tuple[Used, ...]
    writing: Writing | None = None


class Keeper:
    """Joins the cache of one run with the objects and files; `cwd` is the folder in which steps write."""

    def __init__(self, store: Store, cache: StepCache, slots: Slots, cwd: Path) -> None:
        self._store, self._cache, self._slots, self._cwd = store, cache, slots, cwd

    def take(self, step: StepPlan, entry: Entry, run_id: str) -> tuple[Result, list[str]]:
        """Make the files of a kept result what they were; returns the result and, in words, what that changed.

        Raises CannotTakeError where that cannot be done; the step has to run then.
        """
        try:
            missing = self._cache.missing(entry)
            notes = put_back(self._store, self._cwd, missing, run_id, self._cache.is_known)
            for name in entry.folders:
                (self._cwd / name).mkdir(parents=True, exist_ok=True)
        except (OSError, StoreError, NotFoundError) as fault:
            raise CannotTakeError(f"its kept files cannot be put back: {fault}") from fault
        return self._result(step, entry.digest, entry.references), notes

    def keep(
        self, step: StepPlan, look: Look, done: Done, spool: Path, random_before: str, run_id: str, reasons: list[str]
    ) -> Kept:
        """Store the pickled outputs of a step, and remember them for later runs unless `reasons` speak against it.

        Adds to `reasons` where the disk does not take them; returns the result for this run, None without one.
        """
        used = done.data.used + files_used(done.effects.reads, (), self._cwd)
        if not spool.is_file():
            return Kept(None, used)
        if done.writer:
            return self._later(step, look, done, spool, random_before, run_id, reasons)
        try:
            digest = self._cache.put(spool)
            spool.unlink()
            if not reasons and look.key is not None and look.call is not None:
                entry = self._entry(look, done, digest, random_before)
                self._cache.keep(look.key, step.name, entry, run_id)
                used = entry.data
        except (OSError, StoreError) as fault:
            reasons.append(f"its result cannot be kept: {fault}")
            return Kept(None, used)
        return Kept(self._result(step, digest, done.references), used)

    def _later(
        self, step: StepPlan, look: Look, done: Done, spool: Path, random_before: str, run_id: str, reasons: list[str]
    ) -> Kept:
        """Store all of a result but its outputs, which are still being written."""
        used = done.data.used + files_used(done.effects.reads, (), self._cwd)
        if reasons or look.key is None:
            drop(spool, done.writer)
            return Kept(None, used)
        try:
            entry = self._entry(look, done, "", random_before)
            note(spool, Unfinished(look.key, step.name, entry, run_id, done.writer))
        except (OSError, StoreError) as fault:
            drop(spool, done.writer)
            reasons.append(f"its result cannot be kept: {fault}")
            return Kept(None, used)
        return Kept(None, entry.data, Writing(step, look.key, entry, spool, done.writer, run_id))

    def finish(self, writing: Writing, outcome: Outcome) -> Result:
        """Remember a result that has been written; raises CannotKeepError where it could not be."""
        try:
            if outcome.fault is not None:
                raise CannotKeepError(f"its outputs cannot be written: {outcome.fault}")
            self._cache.take(writing.spool, outcome.digest)
            entry = msgspec.structs.replace(writing.entry, digest=outcome.digest)
            self._cache.keep(writing.key, writing.step.name, entry, writing.run_id)
        except (OSError, StoreError) as fault:
            raise CannotKeepError(f"its result cannot be kept: {fault}") from fault
        finally:
            writing.spool.unlink(missing_ok=True)
        return self._result(writing.step, outcome.digest, entry.references)

    def _entry(self, look: Look, done: Done, digest: str, random_before: str) -> Entry:
        put = self._cache.put
        files, folders = keep_files(put, self._cwd, done.effects)
        assert look.call is not None
        return Entry(
            digest=digest,
            signatures=tuple(item for item in done.signatures if item is not None),
            references=done.references,
            reads=done.effects.reads,
            printed=put(done.printed.encode()) if done.printed else "",
            random_before=random_before,
            random_after=put(done.random_state) if done.random_state is not None else "",
            context=look.context if done.touched else "",
            files=files,
            folders=folders,
            seconds=done.seconds,
            time=now_ms(),
            parts=look.call.parts(),
            data=done.data.used + files_used(done.effects.reads, files, self._cwd),
            reports=done.reports,
        )

    def _result(self, step: StepPlan, digest: str, references: tuple[int, ...]) -> Result:
        handed = tuple(value.slot or "" for value in self._slots.handed[step.index])
        return Result(step.index, digest, self._slots.of(step), handed, references)
