"""Which rows refer to which objects: one list, for all that checks objects and for all that cleans them up.

A row either *needs* an object, which is broken without it, or *keeps* one that may be gone: a file that a run read,
the results of a step in the cache.  Where an object is named inside JSON, every text that looks like a digest counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

import msgspec

from trackbook.errors import NotFoundError, StoreError
from trackbook.store import manifests
from trackbook.store.connection import Database
from trackbook.store.objects import Objects

_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


class Reference(msgspec.Struct, frozen=True):
    """An object and who refers to it; `is_needed` says that the owner is broken without it."""

    digest: str
    owner: str
    is_needed: bool


class Column(msgspec.Struct, frozen=True):
    """A column that holds digests; `named` is SQL for the words in which fsck names the row, `where` for its rows."""

    table: str
    column: str
    named: str
    is_needed: bool = True
    is_text: bool = False
    where: str = "1"


# A model version that was deleted leaves its rows and events as they are, and needs its objects no more.
_LIVING = "deleted_time IS NULL"
_OF_LIVING = f"model_version_id IN (SELECT id FROM model_version WHERE {_LIVING})"  # noqa: S608 - ours
_NOT_ABOUT_DELETED = (
    "subject NOT IN (SELECT 'models:/' || name || '/' || version FROM model_version JOIN model ON model.id = model_id"
    " WHERE deleted_time IS NOT NULL)"
)
_JUDGED = "'a judgement of ' || model_version_id"
_MODEL = "' of version ' || version || ' of model ' || (SELECT name FROM model WHERE model.id = model_id)"
_RUN = "(SELECT substr(run.run_id, 1, 8) FROM run WHERE run.id = {}.run_id)"

COLUMNS = (
    Column("artifact", "digest", f"'the artifact ' || path || ' of run ' || {_RUN.format('artifact')}"),
    Column("run", "git_patch", "'the git patch of run ' || substr(run_id, 1, 8)"),
    Column(
        "dataset_version",
        "digest",
        "'the dataset version ' || (SELECT name FROM dataset WHERE dataset.id = dataset_id) || '@' || version",
    ),
    Column(
        "model_version",
        "digest",
        "'version ' || version || ' of model ' || (SELECT name FROM model WHERE model.id = model_id)",
        where=_LIVING,
    ),
    Column("model_version", "example", f"'the example' || {_MODEL}", where=_LIVING),
    Column("model_version", "training", f"'the sketch of the training rows' || {_MODEL}", where=_LIVING),
    Column("model_version", "program", f"'the program' || {_MODEL}", where=_LIVING),
    Column("model_version", "datasets", f"'the data' || {_MODEL}", is_needed=False, is_text=True, where=_LIVING),
    Column("run_data", "fingerprint", f"name || ', read by run ' || {_RUN.format('run_data')}", is_needed=False),
    Column("gate_result", "judged_digest", _JUDGED, is_needed=False, where=_OF_LIVING),
    Column("gate_result", "digests", _JUDGED, is_needed=False, is_text=True, where=_OF_LIVING),
    Column("gate_result", "evidence", _JUDGED, is_needed=False, is_text=True, where=_OF_LIVING),
    Column("approval", "judged_digest", "'a decision on ' || model_version_id", is_needed=False, where=_OF_LIVING),
    Column("step_cache", "outputs", "'the kept result of step ' || step", is_needed=False, is_text=True),
    Column("run_fact", "content", f"'a fact of run ' || {_RUN.format('run_fact')}", is_needed=False, is_text=True),
    Column("reproduction", "content", "'a repeat of run ' || substr(run_id, 1, 8)", is_needed=False, is_text=True),
    Column("drift_report", "content", "'the drift report ' || report_id", is_needed=False, is_text=True),
    Column("pipeline_verification", "content", "'the verification of ' || notebook", is_needed=False, is_text=True),
    Column("audit_event", "payload", "'audit event ' || seq", is_needed=False, is_text=True, where=_NOT_ABOUT_DELETED),
)
"""Every column that may name an object; a test looks for digests of objects in all others."""

PARTS = (
    "SELECT dataset_version.digest, dataset.name || '@' || version FROM dataset_version"
    " JOIN dataset ON dataset.id = dataset_id WHERE format IN (SELECT value FROM json_each(?))"
)
"""The dataset versions whose digest is that of a manifest, which lists further objects."""


def references(db: Database, objects: Objects) -> Iterator[Reference]:
    """Yield all references in a store, some objects more than once.

    Raises StoreError when a manifest cannot be read: what it is made of is not known then.
    """
    for column in COLUMNS:
        yield from _in_column(db, column)
    for digest, name in _manifests(db):
        yield from _parts(objects, digest, name)


def readable(db: Database, objects: Objects) -> Iterator[Reference]:
    """Yield what `references` does, without the parts of manifests that cannot be read."""
    for column in COLUMNS:
        yield from _in_column(db, column)
    for digest, name in _manifests(db):
        with suppress(StoreError, NotFoundError):  # then the manifest itself is named as changed or missing
            yield from _parts(objects, digest, name)


def _in_column(db: Database, column: Column) -> Iterator[Reference]:
    sql = (
        f"SELECT [{column.column}], {column.named} FROM [{column.table}]"  # noqa: S608 - ours
        f" WHERE [{column.column}] IS NOT NULL AND {column.where}"
    )
    for value, owner in db.execute(sql):
        found: Iterable[str] = _DIGEST.findall(value) if column.is_text else (value,)
        yield from (Reference(digest, owner or column.table, column.is_needed) for digest in found)


def _manifests(db: Database) -> list[tuple[str, str]]:
    return db.execute(PARTS, [msgspec.json.encode(sorted(manifests.FORMATS)).decode()]).fetchall()


def _parts(objects: Objects, digest: str, name: str) -> Iterator[Reference]:
    for part in manifests.parts_of(objects.get(digest)):
        yield Reference(part, f"the dataset version {name}", True)
