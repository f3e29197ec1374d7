"""Steps as tasks of a Dask cluster: the part of the process that decides.

A step that shares no state with others is a task that any worker takes, in a process that is as good as new; what it is
handed and what it returns goes by content address.  Steps that share state have one process on one worker, where they
stay.  Dask runs a task again whose worker dies; what only a process held is made again by the scheduler of the run.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.capture.environment import VARIABLES
from trackbook.capture.redaction import is_secret_name
from trackbook.errors import PipelineError
from trackbook.pipeline.cache.key import variables_of
from trackbook.pipeline.cache.modules import ProjectModules
from trackbook.pipeline.cache.storage import Storage
from trackbook.pipeline.engines import remote, versions
from trackbook.pipeline.engines.connections import Connection, connect
from trackbook.pipeline.engines.remote import LOST, REPORT, Parcel, Report, Site
from trackbook.pipeline.engines.shipping import Project
from trackbook.pipeline.plan import Plan
from trackbook.pipeline.running.ledger import START
from trackbook.pipeline.running.place import Place, Task
from trackbook.pipeline.running.process import OnOutput, OnReport
from trackbook.pipeline.running.setting import Setting, storage_of
from trackbook.pipeline.worker.protocol import Done, Failed, Opened
from trackbook.tracking.relay import Reported

if TYPE_CHECKING:
    from distributed import Future

SPARE = 3
"""So often a step is called again whose worker was lost."""

LOOK_SECONDS = 0.5
_PARALLEL = re.compile(r"\bn_jobs\b|\bjoblib\b")
_OWN_OF_WORKERS = frozenset({"CUDA_VISIBLE_DEVICES"})


class DaskEngine:
    """The cluster for one run; it is connected to when the first step really has to run."""

    def __init__(self, at: Setting) -> None:
        self._at, self._environ = at, _environ(at)
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._release: Callable[[], None] = lambda: None
        self._heard: dict[str, Heard] = {}
        self._futures: set[Future] = set()
        self._token = f"trackbook-{at.run.run_id}"

    @property
    def slots(self) -> int:
        """How many steps run at one time: `jobs` where it is more than 1, else as many as workers have threads."""
        jobs = self._at.options.jobs
        return jobs if jobs > 1 else max(1, self.connection().threads())

    def new_place(self) -> Place:
        """Return a place for steps, which is no process yet."""
        return DaskPlace(self, self._at)

    def connection(self) -> Connection:
        """Connect, if that has not been done; raises PipelineError where workers differ from this process."""
        with self._lock:
            if self._connection is None:
                connection, self._release = connect(self._at.options)
                try:
                    self._set_up(connection)
                except BaseException:
                    self._release()
                    raise
                self._connection = connection
            return self._connection

    def submit(self, function: Callable[..., Any], *arguments: Any, step: str, **options: Any) -> tuple[Future, str]:
        """Hand a task to the cluster; returns its future and its key."""
        key = f"{step}-{uuid.uuid4().hex[:12]}"
        client = self.connection().client
        future = client.submit(function, self.site, *arguments, key, key=key, pure=False, **options)
        self._futures.add(future)
        return future, key

    def listen(self, key: str, heard: Heard) -> None:
        """Pass on what the task `key` prints."""
        self._heard[key] = heard

    def wait(self, future: Future, address: str = "") -> Any:
        """Return what a task returns; None when it was lost, as with the worker at `address` that it waits for.

        Raises PipelineError when the scheduler is gone, and what the task itself raises.
        """
        from distributed import CancelledError, KilledWorker

        connection, is_over = self.connection(), threading.Event()
        future.add_done_callback(lambda _: is_over.set())
        try:
            while not is_over.wait(LOOK_SECONDS):
                connection.check()
                if address and address not in connection.workers():
                    future.cancel()
                    return None
            return future.result()
        except KilledWorker as error:
            return remote.lost(str(getattr(error.last_worker, "address", "")))
        except CancelledError:
            connection.wait_for_scheduler()  # which has forgotten the task, if it is there again
            return None
        finally:
            self._futures.discard(future)
            self._heard.pop(future.key, None)

    def end_seat(self, address: str, seat: str) -> None:
        """End a process on a worker."""
        if self._connection is not None:
            self._connection.on_workers(remote.end_seat, self._token, seat, workers=[address])

    def check_resources(self, task: Task) -> None:
        """Raise PipelineError for resources that no worker has: the task would wait for ever."""
        workers = self.connection().workers()
        for name, amount in task.limits.resources.items():
            if not any(worker.get("resources", {}).get(name, 0) >= amount for worker in workers.values()):
                raise PipelineError(
                    f"step {task.step!r} asks for {name} = {amount:g}, which no worker at {self.connection().address} "
                    f'has: start one with `dask worker … --resources "{name}={amount:g}"`'
                )

    def close(self) -> None:
        """End all processes of the run and leave the cluster."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            for future in list(self._futures):
                future.cancel()
            if connection.client.status == "running":
                connection.client.unsubscribe_topic(self._token)
            connection.on_workers(remote.close, self._token)
        finally:
            self._release()

    # -- what the tasks have in common

    def _set_up(self, connection: Connection) -> None:
        at = self._at
        self._check_versions(connection)
        self.storage, self.project = self._places_for_files(connection)
        self._check_reach(connection)
        self.site = self._site(connection)
        self._alive = connection.client.submit(str, self._token, key=self.site.alive)
        connection.client.subscribe_topic(self._token, self._hear)
        self.objects = at.store.objects

    def _check_versions(self, connection: Connection) -> None:
        at = self._at
        modules = {name for step in at.plan.steps for name in step.code.modules}
        names = versions.needed_by(modules | ProjectModules(at.cwd).imported(modules))
        here = versions.installed(names)
        found = connection.client.get_versions(check=False)["workers"]
        pythons = {address: ".".join(str(seen["host"]["python"]).split(".")[:2]) for address, seen in found.items()}
        versions.check_python(here.python, pythons)
        unknown = [address for address in connection.workers() if (address, names) not in connection.checked]
        try:
            if unknown:
                versions.check(here, connection.client.run(versions.installed, names, workers=unknown))
                connection.checked |= {(address, names) for address in unknown}
        except ModuleNotFoundError as error:
            raise PipelineError(
                f"a worker at {connection.address} lacks {error.name}: install there what this environment has"
            ) from error

    def _places_for_files(self, connection: Connection) -> tuple[Storage | None, Project | None]:
        """Return the storage between here and the workers, and the folder that is sent; neither on one disk."""
        at = self._at
        if connection.is_local:
            return None, None
        storage = storage_of(at.store, at.options, at.settings) or Storage(str(at.store.root), at.store.objects)
        return storage, Project(at.cwd, storage, at.store.objects)

    def _check_reach(self, connection: Connection) -> None:
        """Raise PipelineError for a worker that does not see the storage."""
        if self.storage is None or self.project is None:
            return
        options = dict(self._at.settings.storage_options)
        found = connection.client.run(remote.why_out_of_reach, self.storage.url, options, self.project.send())
        for address, reason in found.items():
            if reason:
                raise PipelineError(
                    f"the worker {address} cannot read {self.storage.url} ({reason}): name a place that it reaches as "
                    "this machine does, with --storage URL"
                )

    def _site(self, connection: Connection) -> Site:
        at = self._at
        script = at.plan.path.resolve()
        is_apart = script.parent != at.cwd  # as that of a notebook, which is made for the run
        digest = at.store.objects.put(at.plan.source.encode()) if is_apart else ""
        if digest and self.storage is not None:
            self.storage.send([digest])
        return Site(
            token=self._token,
            alive=f"{self._token}-alive",
            url=self.storage.url if self.storage is not None else "",
            options=dict(at.settings.storage_options) if self.storage is not None else {},
            folder=str(at.cwd) if connection.is_local else "",
            objects=str(at.store.objects.folder),
            script=script.name,
            digest=digest,
            given=dict(at.given),
            environ=self._environ,
            versions=at.versions,
        )

    def _hear(self, event: tuple[float, Any]) -> None:
        said = event[1]
        heard = self._heard.get(said["task"])
        if heard is not None:
            heard.take(said["first"], [(stream, text) for stream, text in said["items"]])


class Heard:
    """What one task has printed and logged, each piece passed on once."""

    def __init__(self, on_output: OnOutput, on_report: OnReport | None = None) -> None:
        self._on_output, self._on_report = on_output, on_report
        self._lock = threading.Lock()
        self._count = 0

    def take(self, first: int, items: list[tuple[str, str]]) -> None:
        """Pass on what is new of `items`, the first of which is number `first`."""
        with self._lock:
            if first > self._count:
                return  # something before it is still on its way, and comes again at the end
            for stream, text in items[self._count - first :]:
                self._count += 1
                if stream != REPORT:
                    self._on_output(stream, text)
                elif self._on_report is not None:
                    self._on_report(msgspec.json.decode(text, type=Reported))


class DaskPlace(Place):
    """Where steps run on a cluster: a process of its own for steps that share state, any process for the others."""

    def __init__(self, engine: DaskEngine, at: Setting) -> None:
        super().__init__(at.processes, at.plan.path, at.cwd, at.given, START)
        self._engine, self._cwd, self._plan = engine, at.cwd, at.plan
        self._seat, self._address = "", ""
        self._asked: Opened | None = None

    @property
    def is_started(self) -> bool:
        """Tell whether there is a process that holds something for this place."""
        return bool(self._address)

    @property
    def is_for_all(self) -> bool:
        """Tell whether steps of other groups may run here: not in a process that one group had."""
        return not self._seat

    def open(self, on_output: OnOutput) -> Opened:
        """Have a worker import the script; raises PipelineError if that cannot be done."""
        if self._asked is None:
            future, key = self._engine.submit(remote.open_script, "", self._manifest(), step="open")
            self._engine.listen(key, Heard(on_output))
            self._asked = self._engine.wait(future)[1]
        return self._asked

    def run(self, task: Task, on_output: OnOutput, on_report: OnReport | None = None) -> Done | Failed:
        """Have a worker run the step; what it returns, writes and logs is here then."""
        self._engine.check_resources(task)
        is_new = task.is_alone or not self._seat
        if not task.is_alone:
            self._seat = self._seat or uuid.uuid4().hex
        if _is_parallel(task, self._plan):
            cluster = self._engine.connection().address
            task = msgspec.structs.replace(task, command=msgspec.structs.replace(task.command, cluster=cluster))
        parcel = Parcel(task, self._manifest(), "" if task.is_alone else self._seat, is_new)
        wanted = {"workers": [self._address]} if self._address else {}
        resources = {"resources": task.limits.resources} if task.limits.resources else {}
        future, key = self._engine.submit(remote.run_step, parcel, step=task.step, **wanted, **resources)
        heard = Heard(on_output, on_report)
        self._engine.listen(key, heard)
        report = self._engine.wait(future, self._address) or remote.lost(self._address)
        heard.take(0, list(report.printed))
        if not task.is_alone:
            self._address = report.address
        return self._received(task, report)

    def settle(self, task: Task, done: Done) -> None:
        """Take note of what the process holds; nothing where a step is alone, as the next may be elsewhere."""
        super().settle(task, done)
        if task.is_alone:
            self.held = set()

    def spare(self, failed: Failed) -> int:
        """Return how often a step is called again whose worker was lost."""
        return SPARE if failed.ename == LOST else 0

    def close(self) -> None:
        """End the process, if there is one."""
        if self._seat:
            self._engine.end_seat(self._address, self._seat)
        self._seat, self._address = "", ""
        self.held, self.random = set(), START

    def _manifest(self) -> str:
        self._engine.connection()
        return self._engine.project.send() if self._engine.project is not None else ""

    def _received(self, task: Task, report: Report) -> Done | Failed:
        reply, engine = report.reply, self._engine
        if not isinstance(reply, Done) or engine.project is None or engine.storage is None:
            return reply
        engine.project.take(report.changes)
        engine.storage.fetch(report.data)
        if report.digest:
            engine.storage.fetch([report.digest])
            _link(engine.objects.path(report.digest), Path(task.command.spool))
        return remote.moved(reply, lambda path: str(self._cwd / path))


def _is_parallel(task: Task, plan: Plan) -> bool:
    """Tell whether a step asks libraries to work in parallel, as scikit-learn's `n_jobs` does."""
    code = next(step.code for step in plan.steps if step.name == task.step)
    return any(_PARALLEL.search(text) for text in (code.source, *(text for _, text in code.reached)))


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)  # of an earlier pass
    try:
        os.link(source, target)
    except OSError:  # borrowed from another disk
        shutil.copyfile(source, target)


def _environ(at: Setting) -> dict[str, str | None]:
    """Return the variables that decide about results, as they are here: Dask sets some for its own workers."""
    named = {name for step in at.plan.steps for name in variables_of(step) if not is_secret_name(name)}
    return {name: os.environ.get(name) for name in (set(VARIABLES) | named) - _OWN_OF_WORKERS}
