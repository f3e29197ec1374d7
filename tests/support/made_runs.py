"""A store with runs of every kind, and the same runs as plain Python values."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import msgspec

from trackbook.store import Store, events

METRICS = ["loss", "r2", "steps"]
PARAMS = ["depth", "name", "lr"]
TAGS = ["team", "mlflow.note"]
NUMBERS = [-1.0, 0.0, 0.5, 2.0, 10.0]
TEXTS = ["a", "A", "ab", "10", "2", "2.0", "0.5", "x_y", "50%", "it's", 'q"q', "*", "[a]", "?", "abc", "nan", "é", ""]
EXPERIMENTS = ["one", "two", "three"]
NOTEBOOKS = [None, "a.ipynb", "b.ipynb"]
STATUSES = ["FINISHED", "FINISHED", "FINISHED", "FAILED", "KILLED"]


class Made(msgspec.Struct):
    """A run as it was made; `row` counts from 1 in the order in which the store met the runs."""

    row: int
    run_id: str
    run_name: str | None
    experiment: str | None
    status: str
    start_time: int | None
    end_time: int | None
    user: str | None
    kind: str | None
    notebook: str | None
    parent_run_id: str | None
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    data: list[tuple[str, str, str]]
    deleted: bool

    @property
    def duration(self) -> float | None:
        """Seconds, of a run that the store saw begin and end."""
        return None if self.start_time is None or self.end_time is None else (self.end_time - self.start_time) / 1000


def made_run(row: int, chance: random.Random, before: list[Made]) -> Made:
    """Return a random run; few values, so that many are equal."""
    started = chance.random() > 0.03
    ended = chance.random() > 0.2
    start = 1_700_000_000_000 + chance.randrange(60) * 1000

    def some(names: list[str], values: list[Any], share: float) -> dict[str, Any]:
        return {name: chance.choice(values) for name in names if chance.random() < share}

    return Made(
        row=row,
        run_id=f"{chance.getrandbits(128):032x}",
        run_name=chance.choice(["one", "two", "Three"]) if started else None,
        experiment=chance.choice(EXPERIMENTS) if started else None,
        status=chance.choice(STATUSES) if ended else "RUNNING",
        start_time=start if started else None,
        end_time=start + (500 if row % 3 else 2000) if ended else None,
        user=chance.choice(["ada", "grace"]) if started else None,
        kind=chance.choice(["python", "cell"]) if started else None,
        notebook=chance.choice(NOTEBOOKS) if started else None,
        parent_run_id=chance.choice(before).run_id if started and before and chance.random() < 0.2 else None,
        params=some(PARAMS, TEXTS, 0.7),
        metrics=some(METRICS, [*NUMBERS, math.nan, math.inf, -math.inf], 0.7),
        tags=some(TAGS, TEXTS, 0.5),
        data=[("read", chance.choice(["x", "y"]), chance.choice(["d1", "d2"])) for _ in range(chance.randrange(2))],
        deleted=chance.random() < 0.1,
    )


def store_of(folder: Path, runs: list[Made]) -> Store:
    """Return a new store that holds `runs`."""
    store = Store.open(folder)
    for run in runs:
        for event in _events(run):
            store.append(event)
    store.drain(wait=30)
    return store


def _events(run: Made):
    if run.start_time is not None:
        yield events.RunStarted(
            run.run_id, run.experiment, run.run_name, run.kind, run.start_time, run.user, run.parent_run_id,
            notebook=run.notebook,
        )  # fmt: skip
    yield events.ParamsLogged(run.run_id, run.params)
    yield events.MetricsLogged(run.run_id, run.metrics, 1_700_000_000_000, 0)
    yield events.TagsSet(run.run_id, run.tags)
    for role, name, digest in run.data:
        yield events.DataUsed(run.run_id, role, name, "frame", digest)
    if run.status != "RUNNING":
        yield events.RunEnded(run.run_id, run.status, run.end_time or 1_700_000_000_500)
    if run.deleted:
        yield events.RunEdited(run.run_id, "deleted_time", "1700000001000", 1_700_000_001_000, "ada")
