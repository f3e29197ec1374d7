"""Dataset and model versions on their way: each is one record, kept under what makes it the same everywhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Generic, Protocol, TypeVar

import msgspec

from trackbook.errors import DataError, IntegrityError, NotFoundError, RegistryError, StoreVersionError, UsageError
from trackbook.exchange.layout import MAX_RECORD, listed, name_of, pack
from trackbook.exchange.report import Refused, Report
from trackbook.store.remote import OnProgress, Remote
from trackbook.store.transfer import Moved, Transfer

REFUSED = (
    *(IntegrityError, NotFoundError, StoreVersionError, DataError, RegistryError, UsageError),
    *(OverflowError, UnicodeError),
)
"""What a version raises that no Trackbook made; a fault of the network or of this disk ends the exchange."""


Record = TypeVar("Record", bound=msgspec.Struct)


class Kind(Protocol[Record]):
    """A kind of versions: how this store names, reads and adopts them."""

    folder: str

    def own(self) -> dict[str, Record]:
        """Return the records of all versions here, by their keys."""

    def known(self) -> Collection[str]:
        """Return the keys of the versions that are not to be pulled: those here, and those that were deleted here."""

    def objects(self, record: Record) -> Iterable[str]:
        """Return the digests of the objects of a version that is here."""

    def read(self, content: bytes, key: str, digest: str) -> Record:
        """Return the record in `content`, proved to be the one of that key and digest."""

    def fetch(self, record: Record, transfer: Transfer) -> Moved:
        """Fetch the objects of a version that comes from elsewhere."""

    def made(self, record: Record) -> tuple[int, int]:
        """Return when a version was made and its number there; older ones are adopted first."""

    def adopt(self, record: Record) -> str | None:
        """Keep a version whose objects are here; returns a sentence where it is not what it was called there."""


class VersionExchange(Generic[Record]):
    """Moves versions of one kind between this store and `remote`."""

    def __init__(self, kind: Kind[Record], remote: Remote, transfer: Transfer, on_progress: OnProgress) -> None:
        self._kind = kind
        self._remote = remote
        self._transfer = transfer
        self._on_progress = on_progress

    def push(self, *, dry_run: bool = False) -> Report:
        """Put the versions on the remote that it does not have, each after its objects."""
        there = listed(self._remote, self._kind.folder)
        new = {key: record for key, record in self._kind.own().items() if key not in there}
        if dry_run:
            needed = {digest for record in new.values() for digest in self._kind.objects(record)}
            return self._report(len(new), Moved(len(self._transfer.missing(needed))))
        moved = Moved()
        for number, (key, record) in enumerate(new.items(), 1):
            moved += self._transfer.send(self._kind.objects(record))
            digest, content = pack(record)
            self._remote.write(name_of(self._kind.folder, key, digest), content)
            moved += Moved(0, len(content))
            self._on_progress(self._kind.folder, number, len(new))
        return self._report(len(new), moved)

    def pull(self, *, dry_run: bool = False) -> Report:
        """Take the versions that this store does not have, each after its objects, the oldest first."""
        known = self._kind.known()
        unknown = [
            (key, digests[0]) for key, digests in listed(self._remote, self._kind.folder).items() if key not in known
        ]
        if dry_run:
            return self._report(len(unknown), Moved())
        report = self._report(0, Moved())
        records: list[tuple[str, Record]] = []
        for found in self._remote.each(self._read, unknown):
            if isinstance(found, Refused):
                report += Report(self._remote.url, refused=(found,))
            else:
                records.append(found)
        records.sort(key=lambda item: self._kind.made(item[1]))
        for number, (name, record) in enumerate(records, 1):
            report += self._take(name, record)
            self._on_progress(self._kind.folder, number, len(records))
        return report

    def _read(self, wanted: tuple[str, str]) -> tuple[str, Record] | Refused:
        key, digest = wanted
        name = name_of(self._kind.folder, key, digest)
        try:
            return name, self._kind.read(self._remote.read(name, MAX_RECORD), key, digest)
        except REFUSED as error:
            return Refused(name, str(error))

    def _take(self, name: str, record: Record) -> Report:
        try:
            moved = self._kind.fetch(record, self._transfer)
            note = self._kind.adopt(record)
        except REFUSED as error:
            return Report(self._remote.url, refused=(Refused(name, str(error)),))
        return msgspec.structs.replace(self._report(1, moved), notes=(note,) if note else ())

    def _report(self, count: int, moved: Moved) -> Report:
        report = Report(self._remote.url).with_objects(moved)
        return msgspec.structs.replace(report, **{self._kind.folder: count})
