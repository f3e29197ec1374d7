"""Dataset versions: a name, a number, the bytes, and the proof that they are what was stored.

A frame is kept as Arrow (see `data.frames`), a file as its bytes.  pandas and pyarrow load only when a frame is
written or read, never to list what there is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.data.names import check_name, clip
from trackbook.data.reading import read_table
from trackbook.data.schema import Schema, describe
from trackbook.errors import DataError, IntegrityError, NotFoundError, UsageError, a, nearest, shown
from trackbook.store import Store, iso, manifests, now_ms
from trackbook.store.objects import is_digest

if TYPE_CHECKING:
    import pandas as pd

    from trackbook.store import Database

FRAME = "arrow"
FILE = "file"
_URI = re.compile(r"(?:data:/+)?(?P<name>[^@]*)(?:@(?P<version>.*))?", re.DOTALL)


class DatasetVersion(msgspec.Struct, frozen=True):
    """One version of a dataset; `created_time` in milliseconds since 1970, UTC.

    `format` is ``arrow`` for a frame and ``file`` for a file, whose name is `source`.  `origin` is the number that the
    version has where it was made, when that number was taken here.
    """

    name: str
    version: int
    fingerprint: str
    digest: str
    format: str
    size: int
    rows: int | None
    columns: int | None
    schema: Schema
    source: str | None
    run_id: str | None
    created_time: int
    created_by: str
    origin: int | None = None

    @property
    def identity(self) -> tuple[str, int, str, str]:
        """What makes it the same version in the stores of several people, whatever its number there."""
        return self.name, self.origin or self.version, self.digest, self.format

    @property
    def uri(self) -> str:
        """The name that code uses for exactly this version, e.g. ``data:/sales@3``."""
        return f"data:/{self.name}@{self.version}"

    def to_dict(self) -> dict[str, Any]:
        """Return the version as plain values, its time in ISO 8601."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return {**plain, "uri": self.uri, "created_time": iso(self.created_time)}


class Content(msgspec.Struct, frozen=True):
    """What is to become a version, before anything is written."""

    data: bytes
    format: str
    fingerprint: str | None
    rows: int | None
    columns: int | None
    schema: Schema
    source: str | None


class Datasets:
    """Dataset versions of one store."""

    def __init__(self, store: Store, user: str) -> None:
        """Keep versions in `store`, created by `user`."""
        self._store = store
        self._user = user

    def snapshot(self, data: pd.DataFrame | Path | str, name: str, *, run_id: str | None = None) -> DatasetVersion:
        """Keep a frame, or the file at a path, as the next version of the dataset `name`.

        When the newest version holds the same content, that version is returned and nothing is added.  Raises
        DataError for what cannot be kept exactly and for data without rows, NotFoundError for a missing file.
        """
        check_name(name, "dataset")
        content = _read_file(Path(data)) if isinstance(data, str | Path) else _encode_frame(data, name)
        digest = self._store.objects.put(content.data)
        with self._store.write() as db:
            versions = _select(db, name)
            if versions and versions[0].digest == digest and versions[0].format == content.format:
                return versions[0]
            number = versions[0].version + 1 if versions else 1
            version = self._version(content, name, number, digest, run_id)
            _insert(db, version)
        return version

    def load(self, uri: str) -> pd.DataFrame | bytes:
        """Return the frame, or the bytes of the file, that ``data:/NAME``, ``data:/NAME@VERSION`` or ``NAME`` names.

        Raises IntegrityError when the stored bytes, or the frame made from them, are not what was stored.
        """
        version = self.resolve(uri)
        data = self._store.objects.get(version.digest)
        if version.format == FILE:
            return data
        if version.format != FRAME:
            raise DataError(
                f"{version.uri} has the format {version.format!r}, which this version of Trackbook cannot read; "
                "update with `pip install -U trackbook`"
            )
        return _decode_frame(data, version)

    def frame(self, operand: str) -> pd.DataFrame:
        """Return the table that a dataset version (``data:/NAME@VERSION``) or the path of a file names."""
        if not operand.startswith("data:"):
            return read_table(Path(operand))
        found = self.load(operand)
        if isinstance(found, bytes):
            raise DataError(f"{operand} holds a file, not a table; save it and give its path")
        return found

    def resolve(self, uri: str) -> DatasetVersion:
        """Return the version that `uri` names; without a number, or with ``@latest``, the newest."""
        if not isinstance(uri, str):
            raise UsageError(f"a dataset is named by a text such as 'data:/NAME@2', not by {shown(uri)}")
        match = _URI.fullmatch(uri)
        name, version = (match["name"], match["version"]) if match else (uri, None)
        if version is None or version == "latest":
            return self.get(name)
        if re.fullmatch(r"[0-9]{1,7}", version):
            return self.get(name, int(version))
        if re.fullmatch(r"[0-9a-f]{8,64}", version):
            return self._named_by_digest(name, version)
        raise UsageError(f"{clip(uri)} has no version number after '@'; write data:/NAME@3 or data:/NAME")

    def _named_by_digest(self, name: str, prefix: str) -> DatasetVersion:
        """Return the newest version whose digest begins so: the one name that a version has in every store."""
        newest = self.get(name)
        found = next((version for version in self.list(name) if version.digest.startswith(prefix)), None)
        if found is None:
            raise NotFoundError(
                f"dataset {name!r} has no version whose digest begins with {prefix}; the newest is {newest.uri}"
            )
        return found

    def get(self, name: str, version: int | None = None) -> DatasetVersion:
        """Return version number `version` of the dataset `name`, or its newest; raises NotFoundError."""
        check_name(name, "dataset")
        with self._store.read() as db:
            versions = _select(db, name)
            if not versions:
                known = [str(row["name"]) for row in db.query("SELECT name FROM dataset ORDER BY name")]
                raise NotFoundError(
                    f"there is no dataset {name!r}{nearest(name, known)}; `trackbook data list` shows what there is"
                )
        for each in versions:
            if version in (None, each.version):
                return each
        raise NotFoundError(f"dataset {name!r} has no version {version}; the newest is {versions[0].version}")

    def list(self, name: str | None = None) -> tuple[DatasetVersion, ...]:
        """Return all versions, or those of one dataset: by name, then the newest first."""
        with self._store.read() as db:
            return _select(db, name)

    def objects(self, version: DatasetVersion) -> set[str]:
        """Return the digests of all objects that a version is made of; the object of its own digest is here."""
        if version.format not in manifests.FORMATS:
            return {version.digest}
        return {version.digest, *manifests.parts_of(self._store.objects.get(version.digest))}

    def adopt(self, version: DatasetVersion) -> DatasetVersion | None:
        """Keep a version that was made in another store, whose objects are here; None when it is known.

        Where its number is taken by another version, it gets the next free one.  Raises UsageError or DataError for a
        version that no Trackbook made.
        """
        check_name(version.name, "dataset")
        if version.version < 1 or version.origin is not None or not is_digest(version.digest):
            raise DataError(f"{clip(version.uri)} is no version that Trackbook makes")
        with self._store.write() as db:
            versions = _select(db, version.name)
            if version.identity in {each.identity for each in versions}:
                return None
            if version.version in {each.version for each in versions}:
                version = msgspec.structs.replace(version, version=versions[0].version + 1, origin=version.version)
            _insert(db, version)
        return version

    def _version(self, content: Content, name: str, number: int, digest: str, run_id: str | None) -> DatasetVersion:
        return DatasetVersion(
            name=name,
            version=number,
            fingerprint=content.fingerprint or digest,
            digest=digest,
            format=content.format,
            size=len(content.data),
            rows=content.rows,
            columns=content.columns,
            schema=content.schema,
            source=content.source,
            run_id=run_id,
            created_time=now_ms(),
            created_by=self._user,
        )


def _encode_frame(frame: Any, name: str) -> Content:
    import pandas as pd

    from trackbook.data import frames

    if not isinstance(frame, pd.DataFrame):
        raise DataError(
            f"dataset {name!r} cannot be made from {a(type(frame).__name__)}; "
            "give a pandas DataFrame (`pd.DataFrame(values)`, `table.to_pandas()`) or a path"
        )
    if frame.empty:
        labels = ", ".join(clip(label, 30) for label in frame.columns[:5]) or "none"
        raise DataError(
            f"the frame for dataset {name!r} has {len(frame)} rows and {frame.shape[1]} columns ({labels}); "
            "a version of nothing helps nobody: check the filter or file that it came from"
        )
    data = frames.encode(frame)
    return Content(data, FRAME, _fingerprint(frame), len(frame), frame.shape[1], describe(frame), None)


def _decode_frame(data: bytes, version: DatasetVersion) -> pd.DataFrame:
    from trackbook.data import frames

    frame = frames.decode(data)
    found = _fingerprint(frame)
    if found != version.fingerprint:
        raise IntegrityError(
            f"{version.uri} was stored with the fingerprint {version.fingerprint[:12]} but its frame has "
            f"{found[:12]}; its row or the object {version.digest[:12]} was changed: run `trackbook fsck`"
        )
    return frame


def _fingerprint(frame: pd.DataFrame) -> str:
    from trackbook.capture.fingerprint.values import fingerprint

    found = fingerprint(frame)
    if found.digest is None:
        raise DataError(f"the frame has no fingerprint ({found.reason}); give its columns plain types")
    return found.digest


def _read_file(path: Path) -> Content:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        beside = [each.name for each in path.parent.glob("*")] if path.parent.is_dir() else []
        raise NotFoundError(f"there is no file {path}{nearest(path.name, beside)}; check the path") from error
    except IsADirectoryError as error:
        raise DataError(f"{path} is a folder; snapshot its files one by one") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    if not data:
        raise DataError(f"{path} is empty; check what should have written it")
    return Content(data, FILE, None, None, None, Schema((), ()), path.name)


def _select(db: Database, name: str | None) -> tuple[DatasetVersion, ...]:
    rows = db.query(
        """
        SELECT dataset.name, version, fingerprint, digest, format, size, rows, columns, schema, source, run_id,
               created_time, created_by, origin
        FROM dataset_version JOIN dataset ON dataset.id = dataset_id
        WHERE :name IS NULL OR dataset.name = :name
        ORDER BY dataset.name, version DESC
        """,
        {"name": name},
    )
    return tuple(DatasetVersion(**{**row, "schema": _read_schema(row["schema"])}) for row in rows)


def _read_schema(text: str) -> Schema:
    try:
        return msgspec.json.decode(text, type=Schema)
    except msgspec.DecodeError as error:
        raise IntegrityError(f"a stored schema cannot be read ({error}); run `trackbook fsck`") from error


def _insert(db: Database, version: DatasetVersion) -> None:
    db.execute("INSERT INTO dataset (name) VALUES (?) ON CONFLICT DO NOTHING", [version.name])
    values = {**msgspec.to_builtins(version), "schema": msgspec.json.encode(version.schema).decode()}
    db.execute(
        """
        INSERT INTO dataset_version (dataset_id, version, fingerprint, digest, format, size, rows, columns, schema,
                                     source, run_id, created_time, created_by, origin)
        SELECT id, :version, :fingerprint, :digest, :format, :size, :rows, :columns, :schema,
               :source, :run_id, :created_time, :created_by, :origin
        FROM dataset WHERE name = :name
        """,
        values,
    )
