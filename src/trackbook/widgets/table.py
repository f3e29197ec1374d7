"""The table of runs as plain values: which columns there are, what each holds, and by what it is sorted."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from trackbook.tracking import RunSummary
from trackbook.tracking.words import local_time

MAX_COLUMNS = 12
"""Metrics and params together that a table shows; a note says how many there are more."""

_PLAIN = re.compile(r"[A-Za-z_][\w/-]*(\.[A-Za-z_][\w/-]*)*")

Value = str | float | None


class Column(msgspec.Struct, frozen=True):
    """One column: its title, and the key of the search grammar that it is sorted by."""

    title: str
    key: str


class Table(msgspec.Struct, frozen=True):
    """Runs as rows of values under columns; `hidden` counts the metrics and params that have none."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    hidden: int = 0


def runs_table(runs: Sequence[RunSummary]) -> Table:
    """Return name, status, experiment and start of every run, its metrics, and the params in which runs differ."""
    metrics = list(dict.fromkeys(name for run in runs for name in run.metrics))
    params = differing_params(runs)
    # Half of the columns are for each, unless the other half stays empty.
    half = MAX_COLUMNS // 2
    room = max(half, MAX_COLUMNS - len(params))
    shown_metrics, shown_params = metrics[:room], params[: MAX_COLUMNS - len(metrics[:room])]
    columns = [
        *(Column("name", "run_name"), Column("status", "status"), Column("experiment", "experiment")),
        Column("started", "start_time"),
        *(Column(name, search_key("metrics", name)) for name in shown_metrics),
        *(Column(name, search_key("params", name)) for name in shown_params),
    ]
    rows = tuple(
        (
            *(run.run_name, run.status.lower(), run.experiment, local_time(run.start_time)),
            *(run.metrics.get(name) for name in shown_metrics),
            *(run.params.get(name) for name in shown_params),
        )
        for run in runs
    )
    return Table(tuple(columns), rows, len(metrics) + len(params) - len(shown_metrics) - len(shown_params))


def differing_params(runs: Sequence[RunSummary]) -> list[str]:
    """Return the names of params, in order, that have two values among `runs`; of a single run, all."""
    values: dict[str, set[str | None]] = {}
    names = {name for run in runs for name in run.params}
    for run in runs:
        for name in names:
            values.setdefault(name, set()).add(run.params.get(name))
    return sorted(name for name, found in values.items() if len(found) > 1 or len(runs) == 1)


def search_key(collection: str, name: str) -> str:
    """Return how the search grammar spells a metric, param or tag; unusual names stand in quotes."""
    if _PLAIN.fullmatch(name):
        return f"{collection}.{name}"
    quoted = name.replace('"', '""')
    return f'{collection}."{quoted}"'


def labels(runs: Sequence[RunSummary], length: int = 32) -> list[str]:
    """Return what runs are called beside each other: their names, with the ids where two would be the same."""
    names = [run.run_name if len(run.run_name) <= length else f"{run.run_name[: length - 1]}…" for run in runs]
    return [
        name if name and names.count(name) == 1 else f"{name} {run.run_id[:8]}".strip()
        for name, run in zip(names, runs, strict=True)
    ]
