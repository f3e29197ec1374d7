"""Clusters that this process is connected to, shared by all runs that go on at the same time, as those of a sweep."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from trackbook.errors import PipelineError, UsageError, reason_of
from trackbook.pipeline.engines import remote
from trackbook.pipeline.running.options import RunOptions

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

CONNECT_SECONDS = 3.0
GONE_SECONDS = 3.0
"""So long a scheduler may not answer before it is taken for dead."""

WORKERS_SECONDS = 20.0
CLOSE_SECONDS = 5.0
_FRESH_SECONDS = 1.0

Result = TypeVar("Result")


class Connection:
    """One cluster: `address` is its scheduler's, `is_local` tells that it was started here and shares our disk."""

    def __init__(
        self, client: Client, cluster: LocalCluster | None, changed: Mapping[str, str | None] | None = None
    ) -> None:
        self.client, self._cluster, self._changed = client, cluster, dict(changed or {})
        self.address = str(client.scheduler.address) if client.scheduler is not None else ""
        self.is_local = cluster is not None
        self.checked: set[tuple[str, tuple[str, ...]]] = set()
        """Workers, by address, of which it is known that they have certain distributions as this process has them."""
        self._lock = threading.Lock()
        self._workers: dict[str, Any] = {}
        self._looked = 0.0
        self._unheard_since: float | None = None

    def put_back_variables(self) -> None:
        """Undo what Dask does to the variables of this very process when it starts workers.

        They are part of the environment that results are kept for.
        """
        for name, value in self._changed.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def workers(self) -> dict[str, Any]:
        """Return what the scheduler knows of each worker, by address; at most a second old."""
        with self._lock:
            if time.monotonic() - self._looked > _FRESH_SECONDS:
                self.check()
                self._workers = dict(self._ask(lambda: self.client.scheduler_info(n_workers=-1))["workers"])
                self._looked = time.monotonic()
            return self._workers

    def threads(self) -> int:
        """Return how many tasks run at one time."""
        return sum(int(worker["nthreads"]) for worker in self.workers().values())

    def wait_for_workers(self) -> None:
        """Wait until there is a worker; raises PipelineError when none comes."""
        try:
            self.client.wait_for_workers(1, timeout=WORKERS_SECONDS)
        except TimeoutError as error:
            raise PipelineError(
                f"the Dask scheduler at {self.address} has no worker: start one with `dask worker {self.address}`"
            ) from error

    def check(self) -> None:
        """Raise PipelineError when the scheduler is gone."""
        if self.client.status == "running":
            self._unheard_since = None
            return
        now = time.monotonic()
        self._unheard_since = self._unheard_since or now
        if self.client.status == "closed" or now - self._unheard_since > GONE_SECONDS:
            raise self.gone()

    def wait_for_scheduler(self) -> None:
        """Wait until the scheduler answers; raises PipelineError when it does not for a while."""
        while self.client.status != "running":
            self.check()
            time.sleep(0.1)

    def gone(self) -> PipelineError:
        """Return the error that says that the scheduler is gone."""
        return PipelineError(
            f"the Dask scheduler at {self.address} does not answer any more: start it again and repeat the command; "
            "what is done is kept"
        )

    def _ask(self, question: Callable[[], Result]) -> Result:
        try:
            return question()
        except (OSError, TimeoutError) as error:
            raise self.gone() from error

    def on_workers(self, function: Callable[..., Any], *arguments: Any, workers: list[str] | None = None) -> None:
        """Call a function on workers, all of them by default; those that do not answer soon are left alone."""
        from distributed.utils import sync

        if self.client.status != "running":
            return
        call = self.client._run
        options = {"workers": workers, "on_error": "ignore", "callback_timeout": CLOSE_SECONDS}
        try:
            sync(self.client.loop, call, function, *arguments, **options)
        except (OSError, TimeoutError, ValueError):
            return  # gone, and with it what it was to end

    def close(self) -> None:
        """Leave the cluster, and end it where it was started here."""
        self.put_back_variables()
        self.on_workers(remote.cool)
        self.client.close(timeout=CLOSE_SECONDS)
        if self._cluster is not None:
            self._cluster.close(timeout=CLOSE_SECONDS)


_Which = tuple[str | None, int | None]


class _Shared:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connection: Connection | None = None
        self.users = 0


_lock = threading.Lock()
_shared: dict[_Which, _Shared] = {}


def connect(options: RunOptions) -> tuple[Connection, Callable[[], None]]:
    """Return the connection that `options` ask for, and what to call when it is no longer needed.

    Raises UsageError where Dask is not installed, PipelineError for a scheduler that does not answer.
    """
    which = (options.scheduler, options.workers)
    shared = _enter(which)
    try:
        with shared.lock:
            if shared.connection is None:
                shared.connection = _open(*which)
    except BaseException:
        _leave(which, shared)
        raise
    return shared.connection, lambda: _leave(which, shared)


def _enter(which: _Which) -> _Shared:
    with _lock:
        shared = _shared.setdefault(which, _Shared())
        shared.users += 1
        return shared


def _leave(which: _Which, shared: _Shared) -> None:
    with _lock:
        shared.users -= 1
        if shared.users:
            return
        _shared.pop(which, None)
    if shared.connection is not None:
        shared.connection.close()


def _open(scheduler: str | None, workers: int | None) -> Connection:
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise UsageError(
            f'--engine dask needs a package ({error}); install it with `pip install "trackbook[dask]"`'
        ) from error
    if scheduler is None:
        before = dict(os.environ)
        options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "silence_logs": "CRITICAL"}
        cluster = LocalCluster(n_workers=workers, **options)
        changed = {name: before.get(name) for name in os.environ if os.environ[name] != before.get(name)}
        connection = Connection(Client(cluster, set_as_default=False), cluster, changed)
        connection.put_back_variables()
        return connection
    try:
        client = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False, name="trackbook")
    except (OSError, TimeoutError, ValueError) as error:
        raise PipelineError(
            f"no Dask scheduler answers at {scheduler} ({reason_of(error.__cause__ or error):.200}): start one with "
            "`dask scheduler`, or give the address that it prints"
        ) from error
    connection = Connection(client, None)
    try:
        connection.wait_for_workers()
    except BaseException:
        connection.close()
        raise
    return connection
