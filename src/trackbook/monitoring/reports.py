"""Drift reports kept in the store."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from trackbook.errors import IntegrityError, NotFoundError, UsageError
from trackbook.monitoring.drift import detect_drift
from trackbook.monitoring.report import DriftReport, State
from trackbook.settings import DriftSettings
from trackbook.store import Store, iso, now_ms

_COLUMNS = "report_id, reference, current, state, run_id, created_time"
_SHORTEST_PREFIX = 4


class ReportSummary(msgspec.Struct, frozen=True):
    """A row of a list of drift reports; the time is in milliseconds since the epoch."""

    report_id: str
    reference: str
    current: str
    state: State
    run_id: str | None
    created_time: int

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, with the time as ISO 8601."""
        return {**msgspec.structs.asdict(self), "created_time": iso(self.created_time)}


class ReportPage(msgspec.Struct, frozen=True):
    """Some reports, the newest first, and the cursor for older ones (None at the end)."""

    reports: tuple[ReportSummary, ...]
    cursor: str | None


class DriftReports:
    """Keeps drift reports, lists them, and finds them again by their id or its beginning."""

    def __init__(self, store: Store, settings: DriftSettings) -> None:
        """Keep reports in `store`, judged by the floors of `settings`."""
        self._store = store
        self._settings = settings

    def check(
        self, reference: object, current: object, *, names: tuple[str, str], run_id: str | None = None
    ) -> DriftReport:
        """Compare two frames, keep the report under the `names` of both sides, and return it."""
        report = detect_drift(reference, current, settings=self._settings, names=names)
        self.record(report, *names, run_id=run_id)
        return report

    def record(self, report: DriftReport, reference: str, current: str, run_id: str | None = None) -> str:
        """Keep `report` as the comparison of what `reference` and `current` name; return its new id.

        The report is on the disk when this returns.
        """
        report_id = uuid.uuid4().hex
        named = msgspec.structs.replace(report, reference=reference, current=current)
        with self._store.write() as db:
            db.execute(
                f"INSERT INTO drift_report ({_COLUMNS}, content) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                [report_id, reference, current, report.state, run_id, now_ms(), named.to_json()],
            )
        return report_id

    def list(self, limit: int = 100, cursor: str | None = None) -> ReportPage:
        """Return up to `limit` reports, the newest first; `cursor` comes from the page before."""
        if limit < 1:
            raise UsageError(f"a page has at least one report, not {limit}")
        before = _position(cursor)
        with self._store.read() as db:
            rows = db.execute(
                f"SELECT id, {_COLUMNS} FROM drift_report WHERE ? IS NULL OR id < ? "  # noqa: S608
                "ORDER BY id DESC LIMIT ?",
                [before, before, limit + 1],
            ).fetchall()
        more = len(rows) > limit
        reports = tuple(ReportSummary(*row[1:]) for row in rows[:limit])
        return ReportPage(reports, str(rows[limit - 1][0]) if more else None)

    def get(self, report_id: str) -> DriftReport:
        """Return the report with this id, or with the only id that begins so.

        Raises NotFoundError when there is none, UsageError when there are several.
        """
        content = self._row(report_id, "content")[0]
        try:
            return DriftReport.from_json(content)
        except msgspec.DecodeError as error:
            raise IntegrityError(f"drift report {report_id} cannot be read ({error}); run `trackbook fsck`") from error

    def summary(self, report_id: str) -> ReportSummary:
        """Return the listing's row of one report; raises as `get` does."""
        return ReportSummary(*self._row(report_id, _COLUMNS))

    def _row(self, report_id: str, columns: str) -> tuple[Any, ...]:
        with self._store.read() as db:
            rows: list[tuple[Any, ...]] = db.execute(
                f"SELECT {columns} FROM drift_report WHERE report_id = ? OR (? >= ? AND substr(report_id, 1, ?) = ?) "  # noqa: S608
                "LIMIT 2",
                [report_id, len(report_id), _SHORTEST_PREFIX, len(report_id), report_id],
            ).fetchall()
        if not rows:
            raise NotFoundError(f"there is no drift report {report_id!r}; `%drift REFERENCE CURRENT` makes one")
        if len(rows) > 1:
            raise UsageError(f"several drift reports begin with {report_id!r}; give more of the id")
        return rows[0]


def _position(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 16):
        raise UsageError(f"{cursor!r:.40} is no cursor of the drift reports; begin again without one")
    return int(cursor)
