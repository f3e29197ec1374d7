"""Which finished steps need not run again, and where their results lie.

A key is made of the code that a step reaches, what it is handed, the environment and where it runs.  With
each result stand the files it was computed from and the random state it began with; they must still be the
same.  A result is only kept when taking it from here is the same as running the step, see `keeping.unsafe`; the files
that the step wrote belong to it, see `writes`.

What cannot be seen is not a reason to run again: the clock, files that native code opens whose names are
not in the code, and answers of `os.path.exists`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from trackbook.errors import IntegrityError, NotFoundError, PipelineError, StoreError
from trackbook.pipeline.cache.entry import Entry
from trackbook.pipeline.cache.files import KeptFile, is_plain, is_there
from trackbook.pipeline.worker.seen import ABSENT, RACY_NS, Seen, see
from trackbook.store import Store, now_ms
from trackbook.store.events import StepKept

if TYPE_CHECKING:  # slow to import, and most runs have none
    from trackbook.pipeline.cache.storage import Storage

Stamped = TypeVar("Stamped", Seen, KeptFile)

_READ_AT_ONCE = 64 * 1024 * 1024


class StepCache:
    """Keeps results of steps in the objects and the table `step_cache` of a store."""

    def __init__(self, store: Store, folder: Path, steps: Iterable[str] = (), storage: Storage | None = None) -> None:
        """Read what is kept for `steps`, by name, at once: one look at the database for a whole run.

        `folder` is where steps run and their files lie.  With a `storage`, what is kept there counts too, and what is
        kept here is put there.
        """
        self._store, self._folder, self._storage = store, folder, storage
        self._shared: set[str] = set()
        self._foreseen: dict[str, str] = {}
        self._damaged: set[str] = set()
        self._known: dict[str, str] = {}
        self._newest: dict[str, str] = {}
        names = msgspec.json.encode(sorted(set(steps))).decode()
        query = "SELECT key, step, outputs FROM step_cache WHERE step IN (SELECT value FROM json_each(?)) ORDER BY time"
        with store.read() as db:
            for row in db.query(query, [names]):
                self._known[row["key"]] = self._newest[row["step"]] = row["outputs"]

    def find(self, step: str, key: str, random_token: str, context: str) -> Entry | str | None:
        """Return the result of a step kept under `key` when it is whole and what it was computed from is unchanged.

        Otherwise say why it will not do; None where there is none.  Raises RemoteError for a storage out of reach.
        """
        known = self._known.get(key)
        found = None if known is None else self._valid(_decoded(known), random_token, context)
        if self._storage is None or isinstance(found, Entry):
            return found
        there = self._storage.find(key)
        if there is None:
            return found
        found = self._valid(there if is_safe(there) else None, random_token, context)
        if isinstance(found, Entry):
            self._shared.add(key)
            self._remember(key, step, found, None)
        return found

    def _valid(self, entry: Entry | None, random_token: str, context: str) -> Entry | str:
        if entry is None:
            return "what was kept of it is damaged"
        if entry.random_after and entry.random_before != random_token:
            return "the random state is another"
        if entry.context not in ("", context):
            return "it changes what it is handed, and something else might see that now"
        needed = [digest for digest in (entry.digest, entry.printed, entry.random_after) if digest]
        needed += [kept.digest for kept in self.missing(entry)]
        changed = next((seen for seen in entry.reads if not self._is_unchanged(seen, entry.time)), None)
        if changed is not None:
            return f"{changed.path} changed"
        # All are looked at, so that all that are damaged are written anew.
        if not self._fetch(needed) or [digest for digest in needed if not self._is_whole(digest)]:
            return "what was kept of it is damaged or gone"
        return entry

    def _is_unchanged(self, seen: Seen, kept_time: int) -> bool:
        if seen.path in self._foreseen:
            return self._foreseen[seen.path] == seen.digest
        return unchanged(seen, self._folder, kept_time)

    def foresee(self, entry: Entry) -> None:
        """Take the files of a kept result for there, as they are once it has been taken."""
        self._foreseen.update({kept.path: kept.digest for kept in entry.files})

    def _fetch(self, digests: Iterable[str]) -> bool:
        """Bring objects here that only the storage has; False where one is not whole there either."""
        if self._storage is None:
            return True
        try:
            self._storage.fetch(digests)
        except IntegrityError:
            return False
        return True

    def share(self, key: str, step: str, entry: Entry) -> None:
        """Put a result into the storage, unless that was done; raises PipelineError where it does not take it."""
        if self._storage is None or key in self._shared:
            return
        try:
            if self._storage.find(key) != entry:
                self._storage.keep(key, step, entry)
        except (OSError, StoreError) as fault:
            raise PipelineError(
                f"{self._storage.url} does not take the result of step {step!r}, which is kept here: {fault}"
            ) from fault
        self._shared.add(key)

    def newest(self, step: str) -> Entry | None:
        """Return the result of a step, by name, that was kept last, whether it is valid or not."""
        known = self._newest.get(step)
        return None if known is None else _decoded(known)

    def missing(self, entry: Entry) -> list[KeptFile]:
        """Return the files of a kept result that are not there as they were."""
        return [kept for kept in entry.files if not is_there(kept, self._folder, entry.time)]

    def is_known(self, digest: str) -> bool:
        """Tell whether a kept result of one of the steps names this object."""
        return any(digest in content for content in self._known.values())

    def _is_whole(self, digest: str) -> bool:
        """Tell whether an object is there undamaged; a big one is only read, and checked, when it is needed."""
        objects = self._store.objects
        if digest in self._damaged:
            return False
        try:
            if objects.size(digest) <= _READ_AT_ONCE:
                objects.get(digest)
        except IntegrityError:
            self._damaged.add(digest)
            return False
        except (NotFoundError, StoreError):
            return False
        return True

    def distrust(self, digest: str) -> None:
        """Take an object for damaged until it is written anew."""
        self._damaged.add(digest)

    def put(self, content: bytes | Path) -> str:
        """Store an object of a result and return its digest; one that was found damaged is written anew.

        It survives the death of this process at once and is on the disk some seconds later.
        """
        objects = self._store.objects
        digest = objects.put(content, wait=False)
        if digest in self._damaged:
            self._damaged.discard(digest)
            objects.discard(digest, float("inf"))
            objects.put(content, wait=False)
        return digest

    def take(self, path: Path, digest: str) -> None:
        """Make a file, whose bytes have this digest, an object of a result, without copying it."""
        if digest in self._damaged:
            self._damaged.discard(digest)
            self._store.objects.discard(digest, float("inf"))
        self._store.objects.take(path, digest)

    def keep(self, key: str, step: str, entry: Entry, run_id: str) -> None:
        """Remember `entry`; it survives the death of this process at once and of the machine within a second.

        Raises PipelineError where a storage does not take it.
        """
        self._remember(key, step, entry, run_id)
        self._shared.discard(key)
        self.share(key, step, entry)

    def renew(self, key: str, step: str, entry: Entry, run_id: str) -> None:
        """Take new stamps of files that were just found to be what they were, so that they need not be read again.

        A stamp that is too young to be believed is left for a later time.
        """
        now = now_ms()
        reads = tuple(_restamped(each, self._folder, entry.time, now) for each in entry.reads)
        files = tuple(_restamped(each, self._folder, entry.time, now) for each in entry.files)
        new: list[Seen | KeptFile] = [*reads, *files]
        old: list[Seen | KeptFile] = [*entry.reads, *entry.files]
        has_news = any(one is not other for one, other in zip(new, old, strict=True))
        if has_news and all(_is_settled(each, now) for each in new):
            self._remember(key, step, msgspec.structs.replace(entry, reads=reads, files=files, time=now), run_id)

    def _remember(self, key: str, step: str, entry: Entry, run_id: str | None) -> None:
        content = msgspec.json.encode(entry).decode()
        self._store.append(StepKept(key, step, content, run_id, now_ms()))
        self._known[key] = self._newest[step] = content


def _decoded(content: str) -> Entry | None:
    """Return a kept result; None for one that is damaged, or that would write outside of the folder."""
    try:
        entry = msgspec.json.decode(content, type=Entry)
    except msgspec.MsgspecError:
        return None
    return entry if is_safe(entry) else None


def is_safe(entry: Entry) -> bool:
    """Tell whether a kept result writes nothing outside of the folder."""
    return all(is_plain(name) for name in (*entry.folders, *(kept.path for kept in entry.files)))


def unchanged(seen: Seen, folder: Path, kept_time: int) -> bool:
    """Tell whether a file or folder, below `folder` or anywhere else, is what it was.

    `kept_time` is in milliseconds since the epoch.

    Size and modification time are believed only when the file was two seconds old by then: a later write
    within the clock's resolution would leave both as they were.
    """
    path = os.path.join(folder, seen.path)  # noqa: PTH118 - on the path of every run
    try:
        now = os.stat(path)  # noqa: PTH116
    except OSError:
        return seen.digest == ABSENT
    settled = seen.mtime_ns and _is_settled(seen, kept_time)
    if settled and (now.st_size, now.st_mtime_ns) == (seen.size, seen.mtime_ns):
        return True
    return see(path).digest == seen.digest


def _is_settled(stamped: Seen | KeptFile, kept_time: int) -> bool:
    return stamped.mtime_ns + RACY_NS < kept_time * 1_000_000


def _restamped(stamped: Stamped, folder: Path, kept_time: int, now: int) -> Stamped:
    """Return a file with the stamp that it has at `now`; itself where that is the one that it had, and is believed."""
    if not stamped.mtime_ns:
        return stamped  # a folder, or nothing
    try:
        status = os.stat(os.path.join(folder, stamped.path))  # noqa: PTH116, PTH118 - on the path of every run
    except OSError:
        return stamped
    new = (status.st_size, status.st_mtime_ns)
    if new == (stamped.size, stamped.mtime_ns) and _is_settled(stamped, kept_time):
        return stamped
    return msgspec.structs.replace(stamped, size=new[0], mtime_ns=new[1])
