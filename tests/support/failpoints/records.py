"""What a process was told is kept, as records, and the check that it is: each once, whole, in a sound store.

A record is a list whose first item says its kind; a process under test writes one when the call has returned.
"""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from contextlib import closing
from typing import Any

from trackbook.errors import RegistryError
from trackbook.project import Project
from trackbook.store import Store
from trackbook.store.backup import verify
from trackbook.store.curves import read_curve
from trackbook.store.fsck import fsck
from trackbook.tracking import Run

Record = list[Any]


def check_sound(store: Store) -> None:
    """Check that the database is whole by SQLite's own word, and that `fsck` has nothing to complain of."""
    with store.read():
        pass  # what the journals hold goes into it first
    with closing(sqlite3.connect(f"file:{store.database}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    complaints = [finding for finding in fsck(store) if finding.severity != "info"]
    assert complaints == []


def check_records(project: Project, records: list[Record]) -> None:
    """Check that all of `records` are in the store of `project`, and that no point of any metric is there twice."""
    runs = {run.run_id: project.runs.get(run.run_id) for run in project.runs.search(max_results=100_000)}
    points = _points(project.store)
    assert max(points.values(), default=1) == 1, "a point is there twice"
    for record in records:
        _CHECKS[record[0]](project, runs, points, *record[1:])


def _points(store: Store) -> Counter[tuple[str, str, int, str]]:
    with store.read() as db:
        curves = db.execute(
            "SELECT run.run_id, key.name, run.id, key.id, count FROM metric"
            " JOIN run ON run.id = metric.run_id JOIN key ON key.id = key_id"
        ).fetchall()
        found: Counter[tuple[str, str, int, str]] = Counter()
        for run_id, name, run, key, count in curves:
            curve = list(read_curve(db, run, key).ordered())
            assert len(curve) == count, "the summary of a metric counts other points than there are"
            found.update((run_id, name, step, _text(value)) for step, _, value in curve)
    return found


def _text(value: float) -> str:
    return "NaN" if math.isnan(value) else repr(float(value))


def _start(_project: Project, runs: dict[str, Run], _points: object, run_id: str) -> None:
    assert run_id in runs, f"run {run_id} is lost"


def _end(_project: Project, runs: dict[str, Run], _points: object, run_id: str) -> None:
    assert runs[run_id].summary.status == "FINISHED", f"the end of run {run_id} is lost"


def _metric(_project: Project, _runs: object, points: Any, run_id: str, key: str, step: int, value: float) -> None:
    assert points[run_id, key, step, _text(value)] == 1, f"a point of {key} of run {run_id} is lost"


def _param(_project: Project, runs: dict[str, Run], _points: object, run_id: str, key: str, value: str) -> None:
    assert runs[run_id].summary.params.get(key) == value, f"param {key} of run {run_id} is lost"


def _tag(_project: Project, runs: dict[str, Run], _points: object, run_id: str, key: str, value: str) -> None:
    assert runs[run_id].summary.tags.get(key) == value, f"tag {key} of run {run_id} is lost"


def _artifact(project: Project, runs: dict[str, Run], _points: object, run_id: str, path: str, digest: str) -> None:
    assert digest in [each.digest for each in runs[run_id].artifacts if each.path == path], f"artifact {path} is lost"
    project.store.objects.check(digest)


def _object(project: Project, _runs: object, _points: object, digest: str, size: int) -> None:
    assert len(project.store.objects.get(digest)) == size


def _row(project: Project, _runs: object, _points: object, name: str) -> None:
    with project.store.read() as db:
        assert db.execute("SELECT count(*) FROM dataset WHERE name = ?", [name]).fetchone() == (1,), f"{name} is lost"


def _dataset(project: Project, _runs: object, _points: object, uri: str, rows: int) -> None:
    assert len(project.data.load(uri)) == rows


def _model(project: Project, _runs: object, _points: object, name: str, version: int, stage: str) -> None:
    assert project.registry.version(name, version).stage == stage
    assert project.registry.verify().ok
    try:
        project.registry.load(f"models:/{name}/{version}")
    except RegistryError as error:
        raise AssertionError(f"version {version} of {name} cannot be loaded") from error


def _backup(project: Project, _runs: object, _points: object, folder: str) -> None:
    verify(project.root / folder)


_CHECKS: dict[str, Any] = {
    "start": _start,
    "end": _end,
    "metric": _metric,
    "param": _param,
    "tag": _tag,
    "artifact": _artifact,
    "object": _object,
    "row": _row,
    "dataset": _dataset,
    "model": _model,
    "backup": _backup,
}
