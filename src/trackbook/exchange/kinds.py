"""The kinds of versions that are exchanged: what makes two of them the same, and how another store adopts one."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec
from blake3 import blake3

from trackbook.data import Datasets, DatasetVersion
from trackbook.errors import IntegrityError
from trackbook.exchange.layout import unpack
from trackbook.registry import Registry
from trackbook.registry.sharing import SharedVersion
from trackbook.store.transfer import Moved, Transfer

FORMAT = 1


class DatasetRecord(msgspec.Struct, frozen=True):
    """A dataset version as it was where it was made."""

    format: int
    version: DatasetVersion


class ModelRecord(msgspec.Struct, frozen=True):
    """A model version as it was registered where it was made."""

    format: int
    version: SharedVersion


class DatasetKind:
    """Dataset versions: the same where name, number at the origin, content and format are."""

    folder = "data"

    def __init__(self, data: Datasets) -> None:
        self._data = data

    def own(self) -> dict[str, DatasetRecord]:
        versions = map(_as_made, self._data.list())
        return {_key(each): DatasetRecord(FORMAT, each) for each in versions}

    def known(self) -> Collection[str]:
        return self.own().keys()

    def objects(self, record: DatasetRecord) -> Iterable[str]:
        return self._data.objects(record.version)

    def read(self, content: bytes, key: str, digest: str) -> DatasetRecord:
        record = unpack(content, digest, DatasetRecord, FORMAT)
        if _key(record.version) != key:
            raise IntegrityError("it is about another version than its name says")
        return record

    def fetch(self, record: DatasetRecord, transfer: Transfer) -> Moved:
        moved = transfer.fetch([record.version.digest])
        return moved + transfer.fetch(self._data.objects(record.version))

    def made(self, record: DatasetRecord) -> tuple[int, int]:
        return record.version.created_time, record.version.version

    def adopt(self, record: DatasetRecord) -> str | None:
        theirs = record.version
        mine = self._data.adopt(theirs)
        if mine is None or mine.version == theirs.version:
            return None
        return (
            f"their {theirs.name}@{theirs.version} is {mine.uri} here; "
            f"data:/{theirs.name}@{theirs.digest[:12]} names it everywhere"
        )


class ModelKind:
    """Model versions: the same where the audit event is that registered them first."""

    folder = "models"

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def own(self) -> dict[str, ModelRecord]:
        return {each.event: ModelRecord(FORMAT, each) for each in self._registry.shared()}

    def known(self) -> Collection[str]:
        return {each.event for each in self._registry.shared(deleted=True)}

    def objects(self, record: ModelRecord) -> Iterable[str]:
        return record.version.objects

    def read(self, content: bytes, key: str, digest: str) -> ModelRecord:
        record = unpack(content, digest, ModelRecord, FORMAT)
        if record.version.event != key:
            raise IntegrityError("it is about another version than its name says")
        return record

    def fetch(self, record: ModelRecord, transfer: Transfer) -> Moved:
        return transfer.fetch(record.version.objects)

    def made(self, record: ModelRecord) -> tuple[int, int]:
        return record.version.created_time, record.version.version

    def adopt(self, record: ModelRecord) -> str | None:
        theirs = record.version
        mine = self._registry.adopt(theirs)
        if mine is None or mine.version == theirs.version:
            return None
        return f"their version {theirs.version} of model {theirs.name} is {mine.uri} here, in stage none"


def _as_made(version: DatasetVersion) -> DatasetVersion:
    return msgspec.structs.replace(version, version=version.origin or version.version, origin=None)


def _key(version: DatasetVersion) -> str:
    return blake3(msgspec.json.encode(version.identity)).hexdigest()
