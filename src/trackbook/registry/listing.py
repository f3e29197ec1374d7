"""Models in a list: a line for each, without a look at the params, metrics and judgements of its versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.registry.formats.contract import DANGEROUS
from trackbook.store import iso

if TYPE_CHECKING:
    from trackbook.store import Database


class VersionMark(msgspec.Struct, frozen=True):
    """A version in a list: `override` says that it is in its stage against its gates or approvals.

    Loading a `dangerous` one runs code that is in it.
    """

    version: int
    override: bool
    deprecated: bool
    dangerous: bool = False


class ModelSummary(msgspec.Struct, frozen=True):
    """A model in a list: the number of its versions, the newest, those in production and staging, and its aliases.

    `changed_time` is when its newest version was registered; times in milliseconds since 1970, UTC.
    """

    name: str
    description: str
    owner: str
    created_time: int
    count: int
    changed_time: int
    latest: VersionMark | None
    production: VersionMark | None
    staging: VersionMark | None
    aliases: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain values, times in ISO 8601."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return {**plain, "created_time": iso(self.created_time), "changed_time": iso(self.changed_time)}


def summaries(db: Database, limit: int | None = None, after: str = "") -> tuple[ModelSummary, ...]:
    """Return models by name, at most `limit` of those behind `after`."""
    page = {"after": after, "limit": -1 if limit is None else limit}
    aliases: dict[int, dict[str, int]] = {}
    for model, alias, version in db.execute(_ALIASES, page):
        aliases.setdefault(model, {})[alias] = version
    latest = {row[0]: row[1:] for row in db.execute(_LATEST, page)}
    staged = {(stage, model): _mark(*mark) for stage, model, *mark in db.execute(_STAGED, page)}
    found = []
    for key, name, description, owner, time in db.execute(f"SELECT {_COLUMNS} {_PAGE}", page):
        count, changed, *mark = latest.get(key, (0, time))
        found.append(
            ModelSummary(
                name=name,
                description=description,
                owner=owner,
                created_time=time,
                count=count,
                changed_time=changed,
                latest=_mark(*mark) if mark else None,
                production=staged.get(("production", key)),
                staging=staged.get(("staging", key)),
                aliases=aliases.get(key, {}),
            )
        )
    return tuple(found)


def made_by_runs(db: Database) -> list[tuple[str, int, str, str]]:
    """Return name, number, stage and run of all versions that came from one."""
    return db.execute(_MADE).fetchall()


def version_lines(db: Database) -> dict[str, list[dict[str, Any]]]:
    """Return the versions of all models, the newest first, as the plain values of a list."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, version, stage, time, override, deprecated, format in db.execute(_LINES):
        found.setdefault(name, []).append(
            {
                "version": version,
                "stage": stage,
                "created_time": iso(time),
                "override": override,
                "deprecated": deprecated,
                "dangerous": format in DANGEROUS,
            }
        )
    return found


def _mark(version: int, override: int, deprecated: int, format: str) -> VersionMark:
    return VersionMark(version, bool(override), bool(deprecated), format in DANGEROUS)


_COLUMNS = "id, name, description, owner, created_time"
_PAGE = "FROM model WHERE name > :after ORDER BY name LIMIT :limit"
_ALIASES = f"""
    SELECT model_id, alias, version FROM model_alias WHERE model_id IN (SELECT id {_PAGE}) ORDER BY alias
"""  # noqa: S608 - ours
# Beside max(), SQLite takes the other columns from the row with the greatest version.
_LATEST = f"""
    SELECT model_id, count(*), created_time, max(version), override IS NOT NULL, deprecated IS NOT NULL, format
    FROM model_version WHERE deleted_time IS NULL AND model_id IN (SELECT id {_PAGE}) GROUP BY model_id
"""  # noqa: S608 - ours
_STAGED = f"""
    SELECT stage, model_id, max(version), override IS NOT NULL, deprecated IS NOT NULL, format
    FROM model_version WHERE stage IN ('staging', 'production') AND deleted_time IS NULL
    AND model_id IN (SELECT id {_PAGE}) GROUP BY stage, model_id
"""  # noqa: S608 - ours
_MADE = """
    SELECT name, version, stage, run_id FROM model_version JOIN model ON model.id = model_id
    WHERE run_id IS NOT NULL AND deleted_time IS NULL ORDER BY name, version DESC
"""
_LINES = """
    SELECT name, version, stage, model_version.created_time, override, deprecated, format
    FROM model_version JOIN model ON model.id = model_id WHERE deleted_time IS NULL ORDER BY model_id, version DESC
"""
