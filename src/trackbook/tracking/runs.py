"""Runs as they are read back: search, one in full, metric curves, comparison."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.capture.environment import Environment
from trackbook.capture.fingerprint.values import fingerprint
from trackbook.errors import NotFoundError, UsageError, nearest, shown
from trackbook.store import Store
from trackbook.store.curves import read_curve
from trackbook.store.metrics import Series, from_stored
from trackbook.tracking.filter import Condition, parse_filter, parse_order
from trackbook.tracking.names import is_automatic
from trackbook.tracking.values import (
    Artifact,
    Execution,
    MetricPoint,
    Reproduction,
    Run,
    RunData,
    RunError,
    RunSummary,
)

if TYPE_CHECKING:
    from trackbook.store import Database

_SELECT = (
    "SELECT run.*, experiment.name AS experiment FROM run LEFT JOIN experiment ON experiment.id = run.experiment_id"
)
_PREFIX = re.compile(r"[0-9a-f]{1,32}")


class Runs:
    """Reads runs from the store; every call sees what was logged before it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def search(
        self,
        filter: str = "",
        order_by: Sequence[str] = (),
        max_results: int = 100,
        *,
        experiment: str | None = None,
        before: int | None = None,
        after: int = 0,
    ) -> list[RunSummary]:
        """Return the runs that `filter` lets through, newest first unless `order_by` says otherwise.

        `before` (a row number from `cursor`) continues a newest-first listing; `after` skips that many rows.
        Raises UsageError for a filter that cannot be read.
        """
        if not isinstance(max_results, int) or not 1 <= max_results < 2**63:
            raise UsageError(f"max_results is a whole number and at least 1, not {shown(max_results)}")
        where, order = parse_filter(filter), parse_order(order_by)
        conditions = [where]
        if experiment is not None:
            conditions.append(Condition("experiment.name = ?", (experiment,)))
        if before is not None:
            conditions.append(Condition("run.id < ?", (before,)))
        sql = " AND ".join(f"({each.sql})" for each in conditions)
        values = [value for each in conditions for value in each.values]
        with self._store.read() as db:
            rows = db.query(
                f"{_SELECT} WHERE {sql} ORDER BY {order.sql} LIMIT ? OFFSET ?",
                [*values, *order.values, max_results, after],
            )
            return _summaries(db, list(rows))

    def get(self, run_id: str) -> Run:
        """Return the run with this id, or with the only id that begins so; raises NotFoundError."""
        with self._store.read() as db:
            row = _find(db, run_id)
            return _run(db, row)

    def resolve(self, run_id: str) -> str:
        """Return the full id of the run whose id begins with `run_id`; raises NotFoundError."""
        with self._store.read() as db:
            return str(_find(db, run_id)["run_id"])

    def metric_history(self, run_id: str, key: str) -> list[MetricPoint]:
        """Return all values of one metric of one run, by step."""
        with self._store.read() as db:
            row = _find(db, run_id)
            found = db.execute("SELECT id FROM key WHERE name = ?", [key]).fetchone()
            series = read_curve(db, row["id"], found[0]) if found else Series()
        return [MetricPoint(*point) for point in series.ordered()]

    def artifact(self, run_id: str, path: str) -> bytes:
        """Return the content of a run's artifact; raises NotFoundError with the nearest path."""
        run = self.get(run_id)
        for artifact in run.artifacts:
            if artifact.path == path:
                return self._store.objects.get(artifact.digest)
        known = [artifact.path for artifact in run.artifacts]
        raise NotFoundError(f"run {run.run_id[:8]} has no artifact {path!r}{nearest(path, known)}")

    def writer_of(self, value: Any) -> str | None:
        """Return the newest finished run that wrote exactly this value, judged by its fingerprint; None without one."""
        digest = fingerprint(value).digest
        if digest is None:
            return None
        with self._store.read() as db:
            row = db.execute(
                "SELECT run.run_id FROM run_data JOIN run ON run.id = run_data.run_id"
                " WHERE fingerprint = ? AND role IN ('written', 'mutated') AND status = 'FINISHED'"
                " ORDER BY run.id DESC LIMIT 1",
                [digest],
            ).fetchone()
        return str(row[0]) if row else None

    def experiments(self) -> list[str]:
        """Return the names of all experiments."""
        with self._store.read() as db:
            return [name for (name,) in db.execute("SELECT name FROM experiment ORDER BY name").fetchall()]

    def compare(self, run_ids: Iterable[str]) -> dict[str, dict[str, list[str | float | None]]]:
        """Return the values in all the runs under every name where they differ, in groups.

        The groups are `params`, `metrics` and `environment`, with the versions of distributions in the last.
        """
        runs = [self.get(run_id) for run_id in run_ids]
        return {
            "params": _differing([run.summary.params for run in runs]),
            "metrics": _differing([run.summary.metrics for run in runs]),
            "environment": _differing([_environment_rows(run) for run in runs]),
        }


def _environment_rows(run: Run) -> dict[str, Any]:
    return {} if run.environment is None else msgspec.convert(run.environment, Environment).rows()


def _differing(columns: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    names = sorted({name for column in columns for name in column})
    rows = {name: [column.get(name) for column in columns] for name in names}
    return {name: row for name, row in rows.items() if any(not _same(value, row[0]) for value in row)}


def _same(one: Any, other: Any) -> bool:
    return bool(one == other or (one != one and other != other))  # two NaNs are the same here


def _find(db: Database, run_id: str) -> dict[str, Any]:
    if not isinstance(run_id, str):
        raise UsageError(f"a run is named by its id, a text such as `run.run_id`, not by {shown(run_id)}")
    if not _PREFIX.fullmatch(run_id):
        raise NotFoundError(f"{run_id!r:.60} is no run id (up to 32 hexadecimal characters); see `trackbook runs`")
    rows = list(
        db.query(
            f"{_SELECT} WHERE run.run_id >= ? AND run.run_id < ? LIMIT 2",
            [run_id, run_id + "g"],
        )
    )
    if not rows:
        raise NotFoundError(f"there is no run {run_id!r}; `trackbook runs` lists them")
    if len(rows) > 1:
        raise NotFoundError(f"more than one run begins with {run_id!r}; give more characters")
    return rows[0]


def _summaries(db: Database, rows: list[dict[str, Any]]) -> list[RunSummary]:
    ids = [row["id"] for row in rows]
    params = _grouped(db, "SELECT run_id, key.name, value FROM param JOIN key ON key.id = key_id", ids)
    # Metrics stand in the order in which the project first met them: what is logged first tends to matter most.
    metrics = _grouped(db, "SELECT run_id, key.name, last FROM metric JOIN key ON key.id = key_id", ids, "key_id")
    tags = _grouped(db, "SELECT run_id, key, value FROM tag", ids)
    return [
        RunSummary(
            run_id=row["run_id"],
            experiment=row["experiment"] or "",
            run_name=row["run_name"] or "",
            status=row["status"],
            start_time=row["start_time"],
            end_time=row["end_time"],
            params=params.get(row["id"], {}),
            metrics=_metrics(metrics.get(row["id"], {})),
            tags=tags.get(row["id"], {}),
            kind=row["kind"] or "python",
            parent_run_id=row["parent_run_id"],
        )
        for row in rows
    ]


def _metrics(stored: dict[str, Any]) -> dict[str, float]:
    """Return last values by name; what every fit leaves stands behind what the user measured."""
    return {name: from_stored(stored[name]) for name in sorted(stored, key=is_automatic)}


def _grouped(db: Database, select: str, ids: list[int], order: str = "2") -> dict[int, dict[str, Any]]:
    grouped: dict[int, dict[str, Any]] = {}
    # The ids travel as one JSON value, so their number has no limit.
    sql = f"{select} WHERE run_id IN (SELECT value FROM json_each(?)) ORDER BY 1, {order}"  # noqa: S608 - ours
    rows = db.execute(sql, [msgspec.json.encode(ids).decode()])
    for run, name, value in rows.fetchall():
        grouped.setdefault(run, {})[name] = value
    return grouped


def _run(db: Database, row: dict[str, Any]) -> Run:
    summary = _summaries(db, [row])[0]
    content = db.execute("SELECT content FROM environment WHERE digest = ?", [row["environment"]]).fetchone()
    children = db.execute("SELECT run_id FROM run WHERE parent_run_id = ? ORDER BY start_time, id", [row["run_id"]])
    return Run(
        summary=summary,
        user=row["user"] or "",
        source=row["source"],
        notebook=row["notebook"],
        cell_id=row["cell_id"],
        execution_count=row["execution_count"],
        git_commit=row["git_commit"],
        git_branch=row["git_branch"],
        environment_digest=row["environment"],
        environment=msgspec.json.decode(content[0]) if content else None,
        error=_error(row),
        data=_data(db, row["id"]),
        artifacts=_artifacts(db, row["id"]),
        children=tuple(child for (child,) in children.fetchall()),
        git_remote=row["git_remote"],
        git_patch=row["git_patch"],
        program=_program(db, row["id"]),
        facts=_facts(db, row["id"]),
        reproductions=reproductions_of(db, row["run_id"]),
    )


def _program(db: Database, run: int) -> tuple[Execution, ...]:
    rows = db.query(
        "SELECT cell_execution.* FROM run_program JOIN cell_execution USING (session, number)"
        " WHERE run_id = ? ORDER BY session, number",
        [run],
    )
    return tuple(Execution(**row) for row in rows)


def _facts(db: Database, run: int) -> dict[str, Any]:
    rows = db.execute("SELECT name, content FROM run_fact WHERE run_id = ? ORDER BY name", [run]).fetchall()
    return {name: msgspec.json.decode(content) for name, content in rows}


def reproductions_of(db: Database, run_id: str) -> tuple[Reproduction, ...]:
    """Return all attempts to repeat a run, newest first."""
    rows = db.execute("SELECT content FROM reproduction WHERE run_id = ? ORDER BY id DESC", [run_id]).fetchall()
    return tuple(msgspec.json.decode(content, type=Reproduction) for (content,) in rows)


def _error(row: dict[str, Any]) -> RunError | None:
    if row["error_type"] is None:
        return None
    return RunError(row["error_type"], row["error_message"] or "", row["traceback"] or "")


def _data(db: Database, run: int) -> tuple[RunData, ...]:
    rows = db.query("SELECT * FROM run_data WHERE run_id = ? ORDER BY role, kind = 'file', name", [run])
    return tuple(
        RunData(
            role=row["role"],
            name=row["name"],
            kind=row["kind"],
            fingerprint=row["fingerprint"],
            rows=row["rows"],
            size=row["size"],
            columns=msgspec.json.decode(row["columns"]) if row["columns"] else None,
            reason=row["reason"],
        )
        for row in rows
    )


def _artifacts(db: Database, run: int) -> tuple[Artifact, ...]:
    rows = db.execute("SELECT path, digest, size, media_type FROM artifact WHERE run_id = ? ORDER BY path", [run])
    return tuple(Artifact(*row) for row in rows.fetchall())
