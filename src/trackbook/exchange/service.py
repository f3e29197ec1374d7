"""`push` and `pull`: everything that one store has and the other place lacks."""

from __future__ import annotations

from collections.abc import Iterator

from trackbook.data import Datasets
from trackbook.errors import UsageError
from trackbook.exchange.kinds import DatasetKind, DatasetRecord, ModelKind, ModelRecord
from trackbook.exchange.layout import check_format, mark
from trackbook.exchange.report import Report
from trackbook.exchange.runs import RunExchange
from trackbook.exchange.versions import VersionExchange
from trackbook.registry import Registry
from trackbook.settings import RemoteSettings
from trackbook.store import Store
from trackbook.store.remote import OnProgress, Remote
from trackbook.store.transfer import Transfer

Part = RunExchange | VersionExchange[DatasetRecord] | VersionExchange[ModelRecord]


class Exchange:
    """Exchanges what a store has with a shared place."""

    def __init__(self, store: Store, data: Datasets, registry: Registry, settings: RemoteSettings) -> None:
        """Exchange with the place that `settings` name, where a call names none."""
        self._store = store
        self._data = data
        self._registry = registry
        self._settings = settings

    def push(self, url: str | None = None, *, dry_run: bool = False, on_progress: OnProgress | None = None) -> Report:
        """Put there what the place lacks; a second push moves nothing.

        Raises UsageError without a URL, RemoteError when the place cannot be reached, IntegrityError when an object
        of this store is gone or was changed: then nothing that names it is pushed.
        """
        remote = self._remote(url)
        if not check_format(remote) and not dry_run:
            mark(remote)
        return self._sum(remote, [part.push(dry_run=dry_run) for part in self._parts(remote, on_progress)], dry_run)

    def pull(self, url: str | None = None, *, dry_run: bool = False, on_progress: OnProgress | None = None) -> Report:
        """Take what this store lacks; a second pull takes nothing.  What is not fit is named in the report.

        Runs are joined with what is known of them here, dataset versions get the next free number where theirs is
        taken, models come in stage `none`.  Raises as `push` does.
        """
        remote = self._remote(url)
        if not check_format(remote):
            raise UsageError(f"there is nothing to pull in {remote.url}; somebody must `trackbook push` there first")
        return self._sum(remote, [part.pull(dry_run=dry_run) for part in self._parts(remote, on_progress)], dry_run)

    def _remote(self, url: str | None) -> Remote:
        place = url or self._settings.url
        if place is None:
            raise UsageError(
                "there is no place to exchange with; name one, as in `trackbook push s3://bucket/prefix`, or put "
                '`url = "…"` under `[remote]` into trackbook.toml'
            )
        return Remote(place, self._settings.options if place == self._settings.url or url is None else {})

    def _parts(self, remote: Remote, on_progress: OnProgress | None) -> Iterator[Part]:
        """Yield what is exchanged, data and runs before the models that were made from them."""
        progress = on_progress or (lambda what, done, total: None)
        transfer = Transfer(remote, self._store.objects, progress)
        yield VersionExchange(DatasetKind(self._data), remote, transfer, progress)
        yield RunExchange(self._store, remote, transfer, progress)
        yield VersionExchange(ModelKind(self._registry), remote, transfer, progress)

    def _sum(self, remote: Remote, reports: list[Report], dry_run: bool) -> Report:
        return sum(reports, Report(remote.url, dry_run=dry_run))
