"""People with a store each, who exchange what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from sklearn.linear_model import LinearRegression

from trackbook.project import Project
from trackbook.store.events import RunEdited
from trackbook.store.run_rows import read_record


def person(root: Path, url: str, options: str = "{}") -> Project:
    """Return a project of its own for somebody, who shares what lies at `url`."""
    root.mkdir(exist_ok=True)
    (root / "trackbook.toml").write_text(f'user = "{root.name}"\n[remote]\nurl = "{url}"\noptions = {options}\n')
    return Project.open(root)


def full_run(project: Project, name: str = "full") -> str:
    """Log a run with something of everything."""
    with project.tracker.start_run(name, tags={"team": "red"}) as run:
        run.log_params({"depth": 3, "kind": "tree"})
        for step in range(5):
            run.log_metric("loss", 1 / (step + 1), step=step)
        run.log_metric("odd", float("nan"))
        run.log_metric("high", float("inf"))
        run.log_artifact(f"report of {name}".encode(), "deep/report.txt")
    return str(run.run_id)


def edit(project: Project, run_id: str, field: str, value: str | None, time: int) -> None:
    """Say something of a run, at a time in milliseconds."""
    project.store.append(RunEdited(run_id, field, value, time, project.user))


def model(project: Project, name: str = "churn", slope: float = 2.0, **options: Any) -> Any:
    """Register a small model."""
    return project.registry.register(LinearRegression().fit([[0.0], [1.0]], [0.0, slope]), name, **options)


def known_runs(project: Project) -> dict[str, Any]:
    """Return all that a store knows of its runs, as plain values."""
    with project.store.read() as db:
        ids = [run_id for (run_id,) in db.execute("SELECT run_id FROM run ORDER BY run_id")]
        return {run_id: read_record(db, run_id).encode() for run_id in ids}


def known(project: Project) -> Any:
    """Return all that stores have in common after an exchange: runs, and versions by what makes them the same.

    Where both have made the same version of a dataset, each goes on to know its own maker.
    """
    data = {each.identity for each in project.data.list()}
    models = {msgspec.json.encode(each) for each in project.registry.shared()}
    return known_runs(project), data, models


def until_quiet(*projects: Project, most: int = 6) -> None:
    """Push and pull until nobody has anything new."""
    for _ in range(most):
        reports = [report for each in projects for report in (each.exchange.push(), each.exchange.pull())]
        if all(report.is_nothing for report in reports):
            return
    raise AssertionError(f"it never ends: {reports}")


def columns_naming_objects(project: Project) -> set[tuple[str, str]]:
    """Return all columns of all tables in which the digest of an object stands."""
    objects = set(project.store.objects.digests())
    found = set()
    with project.store.read() as db:
        for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            for column in [row[1] for row in db.execute(f"PRAGMA table_info([{table}])").fetchall()]:
                for (value,) in db.execute(f"SELECT [{column}] FROM [{table}] WHERE typeof([{column}]) = 'text'"):
                    if any(digest in value for digest in objects):
                        found.add((table, column))
    # A dataset's fingerprint, where it is that of a file, is its digest once more.
    return found - {("dataset_version", "fingerprint")}
