"""All that model versions refer to, hashed again: bytes, example, program, environment, and data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from blake3 import blake3

from trackbook.data.names import check_name
from trackbook.errors import NotFoundError, StoreError
from trackbook.registry import events, lookup, projection, values
from trackbook.registry.audit import chain
from trackbook.registry.gates.digests import MISSING
from trackbook.registry.values import Model, ModelVersion
from trackbook.store import manifests
from trackbook.store.dataset_rows import select_versions

if TYPE_CHECKING:
    from trackbook.store import Database, Objects, Store

GONE = "is missing; restore it from a backup, or `trackbook pull` it"
CHANGED = "was changed; restore it from a backup"


class ModelFault(msgspec.Struct, frozen=True):
    """Something that a version refers to and that is missing or not what it was; `version` is None for a model's."""

    model: str
    version: int | None
    what: str
    reason: str

    @property
    def sentence(self) -> str:
        """The fault as one line."""
        owner = self.model if self.version is None else f"{self.model} version {self.version}"
        return f"{owner}: {self.what} {self.reason}"


def faults(store: Store, name: str | None = None) -> tuple[ModelFault, ...]:
    """Return what is wrong with the versions of all models, or of one; every object is read once."""
    with store.read() as db:
        models = values.read_models(db) if name is None else (lookup.model_of(db, check_name(name, "model")),)
        verifier = _Verifier(db, store.objects)
        return tuple(fault for model in models for fault in verifier.model(model))


class _Verifier:
    def __init__(self, db: Database, objects: Objects) -> None:
        self._db = db
        self._objects = objects
        self._known: dict[str, str | None] = {}
        self._data = list(select_versions(db))

    def model(self, model: Model) -> Iterator[ModelFault]:
        trail = list(chain.about(self._db, events.subject_of(model.name)))
        for event in trail:
            if chain.seal(event) != event.hash:
                yield ModelFault(model.name, None, f"event {event.seq} of the audit trail", CHANGED)
        for sentence in projection.differences(projection.rebuild(trail), projection.read(self._db, model.name)):
            yield ModelFault(model.name, None, "the registry:", sentence)
        for version in model.versions:
            for what, reason in self._version(version):
                yield ModelFault(model.name, version.version, what, reason)

    def _version(self, version: ModelVersion) -> Iterator[tuple[str, str]]:
        for what, digest in (
            ("its content", version.digest),
            ("its example of the input", version.example),
            ("the sketch of its training rows", version.training),
            ("its program", version.program),
        ):
            reason = None if digest is None else self._object(digest)
            if reason is not None:
                yield what, reason
        if version.environment is not None:
            yield from self._environment(version.environment)
        yield from self._datasets(version)

    def _datasets(self, version: ModelVersion) -> Iterator[tuple[str, str]]:
        read = {each.uri: each.fingerprint for each in version.datasets if each.uri is not None}
        for uri, fingerprint in read.items():
            yield from (("the data that it was trained on,", fault) for fault in self._dataset(uri, fingerprint))
        judged = {uri: digest for result in version.gates for uri, digest in result.digests.items() if _is_data(uri)}
        for uri, fingerprint in judged.items():
            if read.get(uri) != fingerprint and fingerprint != MISSING:
                yield from (("the data that its gates judged,", fault) for fault in self._dataset(uri, fingerprint))

    def _environment(self, digest: str) -> Iterator[tuple[str, str]]:
        row = self._db.execute("SELECT content FROM environment WHERE digest = ?", [digest]).fetchone()
        if row is None:
            yield "its environment", GONE
        elif blake3(row[0].encode()).hexdigest() != digest:
            yield "its environment", CHANGED

    def _dataset(self, uri: str, fingerprint: str | None) -> Iterator[str]:
        name, _, version = uri.removeprefix("data:").lstrip("/").rpartition("@")
        row = next((each for each in self._data if each["name"] == name and _is_version(each, version)), None)
        if row is None:
            yield f"{uri}, {GONE}"
        elif fingerprint is not None and row["fingerprint"] != fingerprint:
            yield f"{uri}, {CHANGED}"
        else:
            found = {self._object(digest) for digest in (row["digest"], *self._parts(row))} - {None}
            yield from (f"{uri}, {reason}" for reason in sorted(map(str, found)))

    def _parts(self, row: dict[str, Any]) -> list[str]:
        if row["format"] not in manifests.FORMATS or self._object(row["digest"]) is not None:
            return []
        return manifests.parts_of(self._objects.get(row["digest"]))

    def _object(self, digest: str) -> str | None:
        if digest not in self._known:
            try:
                self._objects.check(digest)
                self._known[digest] = None
            except NotFoundError:
                self._known[digest] = GONE
            except StoreError as error:
                self._known[digest] = f"is not what was stored ({error})"
        return self._known[digest]


def _is_data(name: str) -> bool:
    return name.startswith("data:")


def _is_version(row: dict[str, Any], version: str) -> bool:
    """Say whether a dataset version is the one that a number, or the beginning of a fingerprint, names."""
    return str(row["version"]) == version if len(version) < 8 else row["fingerprint"].startswith(version)
