"""What a dataset version is, and what is about to become one."""

from __future__ import annotations

from typing import Any

import msgspec

from trackbook.data.schema import Schema
from trackbook.errors import IntegrityError
from trackbook.store import iso

OLD_FRAME, FRAME, WHOLE, CHUNKS, TREE = "arrow", "blocks", "file", "chunks", "tree"
FRAMES, FILES = frozenset({OLD_FRAME, FRAME}), frozenset({WHOLE, CHUNKS})

_KINDS = dict.fromkeys(FRAMES, "frame") | dict.fromkeys(FILES, "file") | {TREE: "folder"}


class DatasetVersion(msgspec.Struct, frozen=True):
    """One version of a dataset; `size` in bytes, `created_time` in milliseconds since 1970, UTC.

    `format` says how it is kept: ``blocks`` for a frame, of which `digest` is the manifest (``arrow``: whole, as
    before there were blocks), ``file`` and ``chunks`` for a file and ``tree`` for a folder, whose name is `source`.
    `origin` is the number that the version has where it was made, when that number was taken here; `automatic` are
    those that nobody asked for: inputs of tracked cells.
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
    automatic: bool = False

    @property
    def identity(self) -> tuple[str, int, str, str]:
        """What makes it the same version in the stores of several people, whatever its number there."""
        return self.name, self.origin or self.version, self.digest, self.format

    @property
    def uri(self) -> str:
        """The name that code uses for exactly this version, e.g. ``data:/sales@3``."""
        return f"data:/{self.name}@{self.version}"

    @property
    def kind(self) -> str:
        """What it is to a person: a frame, a file or a folder."""
        return _KINDS.get(self.format, self.format)

    def to_dict(self) -> dict[str, Any]:
        """Return the version as plain values, its time in ISO 8601."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return {**plain, "uri": self.uri, "kind": self.kind, "created_time": iso(self.created_time)}

    def to_row(self) -> dict[str, Any]:
        """Return the version as the store's table holds it."""
        return {**msgspec.to_builtins(self), "schema": msgspec.json.encode(self.schema).decode()}


class Content(msgspec.Struct, frozen=True):
    """What has been written and is to become a version."""

    digest: str
    format: str
    fingerprint: str
    size: int
    rows: int | None = None
    columns: int | None = None
    schema: Schema = Schema((), ())
    source: str | None = None


def from_row(row: dict[str, Any]) -> DatasetVersion:
    """Return the version that a row of the table holds; raises IntegrityError when its schema cannot be read."""
    try:
        schema = msgspec.json.decode(row["schema"], type=Schema)
    except msgspec.DecodeError as error:
        raise IntegrityError(f"a stored schema cannot be read ({error}); run `trackbook fsck`") from error
    return DatasetVersion(**{**row, "schema": schema, "automatic": bool(row["automatic"])})
