"""What a worker of a Dask cluster does with a step: it starts the process of the steps, hands it on, and reports.

A seat is one such process with its copy of the project's folder.  A step that shares no state with others takes any
free seat that is as fresh as a new one; steps that do share have one seat, by its name, for as long as the run goes on.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from trackbook.errors import IntegrityError, TrackbookError
from trackbook.pipeline.cache.storage import Storage
from trackbook.pipeline.engines.shipping import Changes, Copy, Manifest, digests_of
from trackbook.pipeline.running.ledger import START
from trackbook.pipeline.running.place import Place, Task
from trackbook.pipeline.running.process import Processes
from trackbook.pipeline.worker.lineage import Versions
from trackbook.pipeline.worker.protocol import Done, Failed, Opened
from trackbook.pipeline.worker.seen import within
from trackbook.store.manifests import FORMATS, parts_of
from trackbook.store.objects import Objects
from trackbook.store.remote import Remote
from trackbook.store.transfer import name_of
from trackbook.tracking.relay import Reported

LOOK_SECONDS = 0.5
ASK_SECONDS = 5.0
MISSES = 3
"""So often in a row the cluster must know nothing of a run any more before its processes are ended."""

FLUSH_SECONDS = 0.3
WARM_SECONDS = 60.0
"""So long a process waits for the next run of a sweep."""

REPORT = "report"
"""Stands in the place of a stream for what a step logs."""

LOST = "WorkerLost"
"""The `ename` of a step whose seat, with what it held, is gone."""


class Site(msgspec.Struct, frozen=True):
    """What all the tasks of one run have in common.

    `token` names the run on the cluster, `alive` the key that the cluster knows as long as somebody waits for the run.
    With `folder`, the project's folder and the objects in `objects` are this machine's own; without, workers have
    copies by way of the storage at `url`.  `script` is the name of the script, and `digest` its object
    where it does not lie in that folder; `given` are the params, `environ` variables as the steps must see them (None:
    unset).
    """

    token: str
    alive: str
    url: str
    options: dict[str, Any]
    folder: str
    objects: str
    script: str
    digest: str
    given: dict[str, Any]
    environ: dict[str, str | None]
    versions: Versions | None = None


class Parcel(msgspec.Struct, frozen=True):
    """One step on its way to a worker: its task, the manifest of the folder, and the seat, empty for any.

    A seat that is not `is_new` holds what earlier steps left, which the step depends on.
    """

    task: Task
    manifest: str
    seat: str
    is_new: bool


class Report(msgspec.Struct, frozen=True):
    """What became of a step: the reply, the object of its outputs, its changes to the folder, and what it printed.

    `data` are the objects of the dataset versions that were kept of what it was handed and returned.
    """

    reply: Done | Failed
    address: str
    digest: str = ""
    data: tuple[str, ...] = ()
    changes: Changes = Changes()
    printed: tuple[tuple[str, str], ...] = ()


def moved(reply: Done | Failed, move: Callable[[str], str]) -> Done | Failed:
    """Return a reply with other paths of what was written."""
    if isinstance(reply, Failed):
        return reply
    effects = reply.effects
    written, made = (tuple(map(move, paths)) for paths in (effects.written, effects.made))
    return msgspec.structs.replace(reply, effects=msgspec.structs.replace(effects, written=written, made=made))


def lost(address: str) -> Report:
    """Return the report of a step whose seat is gone."""
    text = f"the worker {address} was lost, with what earlier steps left in its process"
    return Report(Failed(0.0, LOST, text, f"{text}\n"), address)


class Printed:
    """What a step prints, told to the client while it goes on, and all of it at the end."""

    def __init__(self, worker: Any, topic: str, task: str) -> None:
        self._worker, self._topic, self._task = worker, topic, task
        self._lock = threading.Lock()
        self._told, self._at = 0, time.monotonic()
        self.items: list[tuple[str, str]] = []

    def __call__(self, stream: str, text: str) -> None:
        with self._lock:
            self.items.append((stream, text))
            if time.monotonic() - self._at >= FLUSH_SECONDS:
                self._tell()

    def report(self, logged: Reported) -> None:
        """Take what a step logs among what it prints, so that it is told in order."""
        self(REPORT, msgspec.json.encode(logged).decode())

    def look(self) -> None:
        """Tell what has not been told for a while."""
        with self._lock:
            if self._told < len(self.items) and time.monotonic() - self._at >= FLUSH_SECONDS:
                self._tell()

    def flush(self) -> None:
        """Tell all that has not been told."""
        with self._lock:
            self._tell()

    def _tell(self) -> None:
        items = [list(item) for item in self.items[self._told :]]
        self._worker.log_event(self._topic, {"task": self._task, "first": self._told, "items": items})
        self._told, self._at = len(self.items), time.monotonic()


class Seat:
    """A process of steps, and its copy of the project's folder, None where it works in the folder itself."""

    def __init__(self, place: Place, copy: Copy | None) -> None:
        self.place, self.copy = place, copy
        self.is_busy = False


class Workshop:
    """All seats of one run on this worker."""

    def __init__(self, site: Site, worker: Any) -> None:
        self._site, self._worker = site, worker
        self._lock = threading.Lock()
        self._seats: dict[str, Seat] = {}
        self._free: list[Seat] = []
        self._is_over = threading.Event()
        self._processes = _warm(worker, site.environ)
        self._home = Path(tempfile.mkdtemp(prefix="trackbook-", dir=worker.local_directory)).resolve()
        own = Path(worker.local_directory) / "trackbook-objects"
        self._objects = Objects(Path(site.objects) if site.folder else own)
        self._storage = None if site.folder else Storage(site.url, self._objects, site.options)
        threading.Thread(target=self._watch, name="trackbook-watch", daemon=True).start()

    def open(self, seat: str, manifest: str, printed: Printed) -> Opened:
        """Import the script in a seat and return what it says of the params."""
        with self._seat(seat, None) as taken:
            self._bring(taken, manifest)
            return taken.place.open(printed)

    def run(self, parcel: Parcel, printed: Printed, key: str) -> Report:
        """Run a step and say what became of it."""
        if not parcel.is_new and parcel.seat not in self._seats:
            return lost(self._worker.address)
        with self._seat(parcel.seat, parcel.task) as seat:
            self._bring(seat, parcel.manifest)
            task = self._localised(parcel.task, seat)
            with self._ending(seat, key, printed):
                reply = seat.place.run(task, printed, printed.report)
            report = Report(reply, self._worker.address, printed=tuple(printed.items))
            if isinstance(reply, Done):
                seat.place.settle(task, reply)
                seat.place.clean = seat.place.clean and not (reply.touched and not parcel.seat)
                if seat.copy is not None:
                    report = self._sent(report, Path(task.command.spool), seat.copy)
            return report

    def end(self, seat: str) -> None:
        """End the process of a seat."""
        with self._lock:
            found = self._seats.pop(seat, None)
        if found is not None:
            found.place.close()

    def close(self) -> None:
        """End all processes of the run; those that are as good as new may stay for another."""
        self._is_over.set()
        with self._lock:
            seats = [*self._seats.values(), *self._free]
            self._seats.clear()
            self._free.clear()
        for seat in seats:
            seat.place.close()
        shutil.rmtree(self._home, ignore_errors=True)

    # -- seats

    @contextmanager
    def _seat(self, name: str, task: Task | None) -> Iterator[Seat]:
        with self._lock:
            seat = self._seats.get(name) if name else self._fitting(task)
            if seat is None:
                seat = self._new()
                self._seats[name or uuid.uuid4().hex] = seat
            seat.is_busy = True
        try:
            yield seat
        finally:
            with self._lock:
                seat.is_busy = False
                if not name:
                    self._give_back(seat)

    def _fitting(self, task: Task | None) -> Seat | None:
        """Take the free seat that has most of what a task loads, without loading half of what hangs together."""
        if task is None or not self._free:
            return None

        def fits(held: set[str]) -> bool:
            return all(load.result.needs <= held for load in task.loads if set(load.result.slots) <= held)

        fitting = [seat for seat in self._free if fits(seat.place.held)]
        if not fitting:
            return None
        best = max(fitting, key=lambda seat: sum(set(load.result.slots) <= seat.place.held for load in task.loads))
        self._free.remove(best)
        self._seats[uuid.uuid4().hex] = best
        return best

    def _give_back(self, seat: Seat) -> None:
        for name in [name for name, other in self._seats.items() if other is seat]:
            del self._seats[name]
        if seat.place.clean and seat.place.is_started and not self._is_over.is_set():
            self._free.append(seat)
        else:
            seat.place.close()

    def _new(self) -> Seat:
        site, processes = self._site, self._processes
        if site.folder:
            script = Path(site.folder, site.script) if not site.digest else self._script(self._home)
            return Seat(Place(processes, script, Path(site.folder), site.given, START, site.versions), None)
        folder = self._home / uuid.uuid4().hex[:8]
        script = folder / "project" / site.script if not site.digest else self._script(folder)
        versions = None if site.versions is None else self._own_versions(site.versions)
        place = Place(processes, script, folder / "project", site.given, START, versions)
        return Seat(place, Copy(folder / "project", self._objects))

    def _own_versions(self, versions: Versions) -> Versions:
        self._objects.folder.mkdir(parents=True, exist_ok=True)
        return msgspec.structs.replace(versions, objects=str(self._objects.folder))

    def _script(self, folder: Path) -> Path:
        """Write the script, which is in no project's folder."""
        if self._storage is not None:
            self._storage.fetch([self._site.digest])
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / Path(self._site.script).name
        path.write_bytes(self._objects.get(self._site.digest))
        return path

    # -- what travels

    def _bring(self, seat: Seat, manifest: str) -> None:
        if seat.copy is None or self._storage is None:
            return
        self._storage.fetch([manifest])
        try:
            found = msgspec.json.decode(self._objects.get(manifest), type=Manifest)
        except msgspec.MsgspecError as error:
            raise IntegrityError(f"the manifest {manifest[:12]} is none that Trackbook wrote") from error
        self._storage.fetch(digests_of(found))
        seat.copy.become(found)

    def _localised(self, task: Task, seat: Seat) -> Task:
        """Return a task with the paths that it has here, without what the process has loaded already."""
        loads = [load for load in task.loads if not set(load.result.slots) <= seat.place.held]
        if self._storage is None:
            return msgspec.structs.replace(task, loads=tuple(loads))
        self._storage.fetch(load.result.digest for load in loads)
        loads = [msgspec.structs.replace(load, path=str(self._objects.path(load.result.digest))) for load in loads]
        spool = str(self._home / f"outputs-{uuid.uuid4().hex[:8]}") if task.command.spool else ""
        command = msgspec.structs.replace(task.command, spool=spool, beside=False)
        return msgspec.structs.replace(task, loads=tuple(loads), command=command)

    def _sent(self, report: Report, spool: Path, copy: Copy) -> Report:
        """Put what a step returned and wrote into the storage."""
        assert self._storage is not None
        changes, digest, data = copy.changes(), "", self._data(report.reply)
        if spool.is_file():
            digest = self._objects.put_file(spool, wait=False)
            spool.unlink()
        self._storage.send([*(kept.digest for kept in changes.files), *data, *([digest] if digest else [])])
        reply = moved(report.reply, lambda path: within(path, str(copy.folder)))
        return msgspec.structs.replace(report, reply=reply, digest=digest, data=data, changes=changes)

    def _data(self, reply: Done | Failed) -> tuple[str, ...]:
        """Return the objects that dataset versions which a step kept are made of."""
        kept = reply.data.kept if isinstance(reply, Done) else ()
        manifests = [version.digest for version in kept if version.format in FORMATS]
        parts = [part for digest in manifests for part in parts_of(self._objects.get(digest))]
        return tuple(dict.fromkeys([*(version.digest for version in kept), *parts]))

    # -- ending

    @contextmanager
    def _ending(self, seat: Seat, key: str, printed: Printed) -> Iterator[None]:
        """End the process of a seat when nobody waits for the task `key` any more."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(LOOK_SECONDS):
                printed.look()
                state = self._worker.state.tasks.get(key)
                if state is None or state.state in ("cancelled", "released", "forgotten"):
                    seat.place.close()
                    return

        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        try:
            yield
        finally:
            over.set()

    def _watch(self) -> None:
        """End everything when the cluster knows nothing of the run any more, as its client is gone."""
        missed = 0
        while not self._is_over.wait(ASK_SECONDS):
            missed = 0 if self._is_wanted() else missed + 1
            if missed >= MISSES:
                close(self._site.token, self._worker)
                return

    def _is_wanted(self) -> bool:
        from distributed.utils import sync

        try:
            found = sync(self._worker.loop, self._worker.scheduler.who_has, keys=[self._site.alive], callback_timeout=5)
        except Exception:  # noqa: BLE001 - the scheduler is busy or gone; with it, the worker goes too
            return True
        return bool(found.get(self._site.alive))


_lock, _warm_lock = threading.Lock(), threading.Lock()
_processes: dict[tuple[str, tuple[tuple[str, str], ...]], Processes] = {}
_workshops: dict[tuple[str, str], Workshop] = {}


def run_step(site: Site, parcel: Parcel, key: str) -> Report:
    """Run one step on this worker: a task of Dask."""
    from distributed import get_worker, secede

    worker = get_worker()
    if parcel.task.command.cluster:
        secede()  # what the step hands to the cluster may need this very thread
    with _printed(site, worker, key) as printed:
        return _workshop(site, worker).run(parcel, printed, key)


def open_script(site: Site, seat: str, manifest: str, key: str) -> tuple[str, Opened]:
    """Import the script in a seat and return this worker's address and what the script says of the params."""
    from distributed import get_worker

    worker = get_worker()
    with _printed(site, worker, key) as printed:
        return worker.address, _workshop(site, worker).open(seat, manifest, printed)


@contextmanager
def _printed(site: Site, worker: Any, key: str) -> Iterator[Printed]:
    printed = Printed(worker, site.token, key)
    try:
        yield printed
    except BaseException:
        printed.flush()  # there is no report that could carry it
        raise


def why_out_of_reach(url: str, options: dict[str, Any], digest: str) -> str:
    """Say why this worker cannot read an object of the storage at `url`; nothing where it can."""
    try:
        return "" if Remote(url, options).exists(name_of(digest)) else "it looks empty from there"
    except TrackbookError as error:
        return str(error)


def end_seat(token: str, seat: str, dask_worker: Any) -> None:
    """End the process of one seat on this worker."""
    if (workshop := _workshops.get((token, dask_worker.address))) is not None:
        workshop.end(seat)


def close(token: str, dask_worker: Any) -> None:
    """End all processes of one run on this worker; those that are as good as new wait a while for the next run."""
    with _lock:
        workshop = _workshops.pop((token, dask_worker.address), None)
    if workshop is not None:
        workshop.close()
    cooling = threading.Timer(WARM_SECONDS, cool, (dask_worker,))
    cooling.daemon = True
    cooling.start()


def _warm(worker: Any, environ: Mapping[str, str | None]) -> Processes:
    """Return the processes of a worker with these variables, in which steps of one run after the other go on."""
    with _warm_lock:
        key = (worker.address, tuple(sorted((name, value or "") for name, value in environ.items())))
        if key not in _processes:
            _processes[key] = Processes(worker.state.nthreads, environ)
        return _processes[key]


def cool(dask_worker: Any) -> None:
    """End the processes that wait on this worker, if no run goes on there."""
    with _lock:
        if any(address == dask_worker.address for _, address in _workshops):
            return
    with _warm_lock:
        waiting = [_processes.pop(key) for key in list(_processes) if key[0] == dask_worker.address]
    for processes in waiting:
        processes.close()


def _workshop(site: Site, worker: Any) -> Workshop:
    """Return the workshop of a run on a worker; a process may hold several workers."""
    with _lock:
        found = _workshops.get((site.token, worker.address))
        if found is None:
            found = _workshops[site.token, worker.address] = Workshop(site, worker)
        return found
