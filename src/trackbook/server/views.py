"""What the server sends, made from what the services return: the JSON of the REST interface in one place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

import trackbook
from trackbook.server.pages import read_cursor, write_cursor
from trackbook.store.database import applied_steps

if TYPE_CHECKING:
    from trackbook.monitoring import ColumnDrift, DriftReports
    from trackbook.project import Project


def drift_report_page(reports: DriftReports, limit: int, cursor: str | None) -> dict[str, Any]:
    """Return one page of drift reports, newest first."""
    position = read_cursor(cursor, length=1)
    page = reports.list(limit, None if position is None else str(position[0]))
    return {
        "drift_reports": [report.to_dict() for report in page.reports],
        "next_cursor": None if page.cursor is None else write_cursor(int(page.cursor)),
    }


def drift_report(reports: DriftReports, report_id: str) -> dict[str, Any]:
    """Return one report: its row of the list, its columns, and `charts` with a Vega-Lite specification for each."""
    from trackbook.charts.drift import drift_charts  # altair takes long to import, and few requests need it

    summary, report = reports.summary(report_id), reports.get(report_id)
    return {
        **summary.to_dict(),
        "reason": report.reason,
        "alpha": report.alpha,
        "n_reference": report.n_reference,
        "n_current": report.n_current,
        "columns": {name: _without_picture(column) for name, column in report.columns.items()},
        "charts": drift_charts(report),
    }


def _without_picture(column: ColumnDrift) -> dict[str, Any]:
    fields = msgspec.structs.asdict(column)
    fields.pop("summary")
    return fields | {"checks": [msgspec.structs.asdict(check) for check in column.checks]}


def status(project_id: str, root: Path, project: Project | None) -> dict[str, Any]:
    """Return where the project lies and with what it is kept; `store` is None while nothing has been recorded."""
    return {
        "version": trackbook.__version__,
        "project_id": project_id,
        "root": str(root),
        "store": str(project.store.root) if project else None,
        **(_store(project) if project else {"store_version": None, "sqlite_version": None}),
    }


def _store(project: Project) -> dict[str, Any]:
    with project.store.read() as db:
        return {
            "store_version": applied_steps(db)[-1],
            "sqlite_version": db.execute("SELECT sqlite_version()").fetchone()[0],
        }
