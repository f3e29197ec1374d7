"""Runs on their way: what changed since it was last looked at is pushed, records that are not known yet are pulled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import msgspec
from blake3 import blake3

from trackbook.errors import IntegrityError, NotFoundError, StoreVersionError
from trackbook.exchange.layout import listed, name_of
from trackbook.exchange.report import Refused, Report
from trackbook.store import Store
from trackbook.store.records import MAX_SENT, RunRecord, pack, unpack
from trackbook.store.remote import OnProgress, Remote
from trackbook.store.run_rows import REFUSED, read_record, receive, savepoint
from trackbook.store.transfer import Transfer

if TYPE_CHECKING:
    from trackbook.store import Database

FOLDER = "runs"
BATCH = 100
"""Runs that are in memory at a time."""

Item = TypeVar("Item")


class _Known(msgspec.Struct, frozen=True):
    """A run of this store; `digest` is that of its record as of `changed`, None when that is not known."""

    number: int
    run_id: str
    changed: int
    digest: str | None


class RunExchange:
    """Moves runs between `store` and `remote`."""

    def __init__(self, store: Store, remote: Remote, transfer: Transfer, on_progress: OnProgress) -> None:
        self._store = store
        self._remote = remote
        self._transfer = transfer
        self._on_progress = on_progress

    def push(self, *, dry_run: bool = False) -> Report:
        """Put the records of runs on the remote that it does not have, after the objects that they name."""
        there = {(run_id, digest) for run_id, digests in listed(self._remote, FOLDER).items() for digest in digests}
        with self._store.read() as db:
            known = list(_known(db))
        waiting = [each for each in known if each.digest is None or (each.run_id, each.digest) not in there]
        report = Report(self._remote.url, dry_run=dry_run)
        for number, batch in enumerate(_batches(waiting)):
            report += self._push(batch, there, dry_run=dry_run)
            self._on_progress("runs", min((number + 1) * BATCH, len(waiting)), len(waiting))
        return report

    def _push(self, batch: list[_Known], there: set[tuple[str, str]], *, dry_run: bool) -> Report:
        with self._store.read() as db:
            records = {each.run_id: read_record(db, each.run_id) for each in batch}
            environments = _contents(db, records.values())
        digests = {run_id: record.digest() for run_id, record in records.items()}
        new = [record for run_id, record in records.items() if (run_id, digests[run_id]) not in there]
        report = Report(self._remote.url, runs=len(new), dry_run=dry_run)
        needed = {digest for record in new for digest in (*record.objects(), *self._kept(record))}
        contents = {
            each.environment: environments[each.environment] for each in new if each.environment in environments
        }
        if dry_run:
            return msgspec.structs.replace(report, objects=len(self._transfer.missing([*needed, *contents])))
        report = report.with_objects(self._transfer.send(needed, contents))
        packed = [(name_of(FOLDER, record.run_id, digests[record.run_id]), pack(record)) for record in new]
        for _ in self._remote.each(lambda item: self._remote.write(*item), packed):
            pass
        self._remember(batch, digests)
        return msgspec.structs.replace(report, size=report.size + sum(len(content) for _, content in packed))

    def _kept(self, record: RunRecord) -> Iterator[str]:
        """Yield the files and modules that the run read and this store keeps."""
        yield from (digest for digest in record.files() if self._store.objects.exists(digest))

    def _remember(self, batch: Iterable[_Known], digests: dict[str, str]) -> None:
        """Note what was pushed, so that nobody looks at these runs again before they change."""
        rows = [(each.number, each.changed, digests[each.run_id]) for each in batch]
        with self._store.write() as db:
            db.executemany("INSERT OR REPLACE INTO run_record (run_id, changed, digest) VALUES (?, ?, ?)", rows)

    def pull(self, *, dry_run: bool = False) -> Report:
        """Take what the remote knows of runs and this store does not, after the objects that it names."""
        wanted = list(self._unknown())
        report = Report(self._remote.url, dry_run=dry_run)
        if dry_run:
            return msgspec.structs.replace(report, runs=len({run_id for run_id, _ in wanted}))
        for number, batch in enumerate(_batches(wanted)):
            report += self._pull(batch)
            self._on_progress("runs", min((number + 1) * BATCH, len(wanted)), len(wanted))
        return report

    def _unknown(self) -> Iterator[tuple[str, str]]:
        with self._store.read() as db:
            received = {digest for (digest,) in db.execute("SELECT digest FROM received")}
            own = {(each.run_id, each.digest) for each in _known(db)}
            purged = {run_id for (run_id,) in db.execute("SELECT run_id FROM run_purged")}
        for run_id, digests in listed(self._remote, FOLDER).items():
            if run_id not in purged:
                yield from ((run_id, each) for each in digests if each not in received and (run_id, each) not in own)

    def _pull(self, batch: list[tuple[str, str]]) -> Report:
        report = Report(self._remote.url)
        records: dict[str, RunRecord] = {}
        for (_, digest), found in zip(batch, self._remote.each(self._read, batch), strict=True):
            if isinstance(found, Refused):
                report += Report(self._remote.url, refused=(found,))
            else:
                records[digest] = found
        report += self._fetch(records)
        refused = {each.name for each in report.refused}
        fit = {digest: each for digest, each in records.items() if name_of(FOLDER, each.run_id, digest) not in refused}
        return report + self._keep(fit)

    def _read(self, wanted: tuple[str, str]) -> RunRecord | Refused:
        run_id, digest = wanted
        name = name_of(FOLDER, run_id, digest)
        try:
            return unpack(self._remote.read(name, MAX_SENT), run_id, digest)
        except (IntegrityError, NotFoundError, StoreVersionError) as error:
            return Refused(name, str(error))

    def _fetch(self, records: Mapping[str, RunRecord]) -> Report:
        """Fetch the objects of records, of all at once; where one is not as it should be, of each by itself."""
        report = Report(self._remote.url)
        kept = self._transfer.present({digest for record in records.values() for digest in record.files()})
        needed = {digest: record.objects() | (record.files() & kept) for digest, record in records.items()}
        try:
            return report.with_objects(self._transfer.fetch(set().union(*needed.values())))
        except IntegrityError:
            for digest, wanted in needed.items():
                try:
                    report = report.with_objects(self._transfer.fetch(wanted))
                except IntegrityError as error:
                    refused = Refused(name_of(FOLDER, records[digest].run_id, digest), str(error))
                    report += Report(self._remote.url, refused=(refused,))
            return report

    def _keep(self, records: Mapping[str, RunRecord]) -> Report:
        """Join records with what is here; each is taken whole, or not at all."""
        environments = self._environments(records.values())
        refused: list[Refused] = []
        moved: set[str] = set()
        with self._store.write() as db:
            db.executemany("INSERT OR IGNORE INTO environment (digest, content) VALUES (?, ?)", environments.items())
            for digest, record in records.items():
                try:
                    with savepoint(db):
                        outcome = receive(db, self._store.objects, record, digest)
                except REFUSED as error:
                    refused.append(Refused(name_of(FOLDER, record.run_id, digest), f"it cannot be kept ({error})"))
                else:
                    moved |= {record.run_id} if outcome in ("new", "changed") else set()
        return Report(self._remote.url, runs=len(moved), refused=tuple(refused))

    def _environments(self, records: Iterable[RunRecord]) -> dict[str, str]:
        """Return the environments of records that are not known here, by their digests, without those that are gone."""
        wanted = {record.environment for record in records if record.environment is not None}
        with self._store.read() as db:
            wanted -= {digest for (digest,) in db.execute("SELECT digest FROM environment")}
        return {digest: content for digest in sorted(wanted) if (content := self._environment(digest)) is not None}

    def _environment(self, digest: str) -> str | None:
        try:
            content = self._transfer.read(digest)
            msgspec.json.decode(content, type=dict)
            return content.decode()
        except (IntegrityError, msgspec.DecodeError, UnicodeDecodeError):
            return None


def _known(db: Database) -> Iterator[_Known]:
    rows = db.execute(
        "SELECT id, run.run_id, run.changed, digest FROM run LEFT JOIN run_record"
        " ON run_record.run_id = id AND run_record.changed = run.changed ORDER BY id"
    )
    return (_Known(*row) for row in rows)


def _contents(db: Database, records: Iterable[RunRecord]) -> dict[str, bytes]:
    """Return the environments of records, by their digests."""
    wanted = sorted({record.environment for record in records if record.environment is not None})
    rows = db.execute(
        "SELECT digest, content FROM environment WHERE digest IN (SELECT value FROM json_each(?))",
        [msgspec.json.encode(wanted).decode()],
    )
    return {digest: content.encode() for digest, content in rows if blake3(content.encode()).hexdigest() == digest}


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch
