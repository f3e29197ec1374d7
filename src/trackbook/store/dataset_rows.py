"""The rows of dataset versions: numbered in the transaction that writes them, so that no number is given twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trackbook.store.connection import Database

_COLUMNS = (
    "version", "fingerprint", "digest", "format", "size", "rows", "columns", "schema", "source", "run_id",
    "created_time", "created_by", "origin", "automatic",
)  # fmt: skip


def select_versions(db: Database, name: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield all versions, or those of one dataset: by name, then the newest first."""
    sql = (
        f"SELECT dataset.name, {', '.join(_COLUMNS)} FROM dataset_version JOIN dataset ON dataset.id = dataset_id"  # noqa: S608 - names above
        " WHERE :name IS NULL OR dataset.name = :name ORDER BY dataset.name, version DESC"
    )
    return db.query(sql, {"name": name})


def insert_version(db: Database, values: Mapping[str, Any]) -> None:
    """Add a version; `values` holds its columns and its `name`."""
    db.execute("INSERT INTO dataset (name) VALUES (?) ON CONFLICT DO NOTHING", [values["name"]])
    marks = ", ".join(f":{column}" for column in _COLUMNS)
    db.execute(
        f"INSERT INTO dataset_version (dataset_id, {', '.join(_COLUMNS)})"  # noqa: S608 - names above
        f" SELECT id, {marks} FROM dataset WHERE name = :name",
        dict(values),
    )


def insert_new_content(db: Database, values: Mapping[str, Any]) -> None:
    """Add a version under the next number, unless its dataset has one of that content already."""
    known = db.execute(
        "SELECT max(version), max(digest = :digest AND format = :format) FROM dataset_version"
        " JOIN dataset ON dataset.id = dataset_id WHERE dataset.name = :name",
        {key: values[key] for key in ("digest", "format", "name")},
    ).fetchone()
    if not known[1]:
        insert_version(db, {**values, "version": (known[0] or 0) + 1})
