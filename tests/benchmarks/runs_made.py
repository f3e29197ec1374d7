"""Stores with many runs for benchmarks: the same runs in Trackbook, by its journal and its ingester, and in MLflow."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

EXPERIMENTS = 20
BATCH = 20_000
START = 1_700_000_000_000
PARAMS = {
    "model": ["forest", "logistic", "ridge", "boosting", "network"],
    "depth": [str(depth) for depth in range(1, 21)],
    "seed": [str(seed) for seed in range(1000)],
    "data": ["patients", "visits", "claims"],
}


@dataclass
class MadeRun:
    """A run with 5 params and 2 metrics; experiments take turns, and each run starts a second after the other."""

    number: int
    run_id: str
    params: dict[str, str]
    metrics: dict[str, float]
    status: str

    @property
    def experiment(self) -> str:
        return f"experiment-{self.number % EXPERIMENTS:02}"

    @property
    def start(self) -> int:
        return START + self.number * 1000


def made_runs(count: int) -> Iterator[MadeRun]:
    """Yield the runs; one in the first third alone has the model `unicorn`."""
    chance = random.Random(7)
    for number in range(count):
        params = {name: chance.choice(values) for name, values in PARAMS.items()}
        params["lr"] = f"{10 ** chance.uniform(-5, 0):.6g}"
        if number == count // 3:
            params["model"] = "unicorn"
        metrics = {"accuracy": chance.random(), "loss": chance.expovariate(1)}
        status = "FAILED" if chance.random() < 0.05 else "FINISHED"
        yield MadeRun(number, f"{chance.getrandbits(128):032x}", params, metrics, status)


def fill_trackbook(folder: Path, count: int) -> float:
    """Make a store in `folder`, draining the journal every now and then; returns the seconds that it took."""
    from trackbook.store import Store, events

    begin, store = time.perf_counter(), Store.open(folder)
    for run in made_runs(count):
        store.append(events.RunStarted(run.run_id, run.experiment, f"run-{run.number}", "python", run.start, "ada"))
        store.append(events.ParamsLogged(run.run_id, run.params))
        store.append(events.MetricsLogged(run.run_id, run.metrics, run.start + 500, 0))
        store.append(events.RunEnded(run.run_id, run.status, run.start + 900))
        if run.number % BATCH == BATCH - 1:
            store.drain(wait=60)
            print(f"{run.number + 1:,} runs in {time.perf_counter() - begin:,.0f} s", file=sys.stderr)
    store.close()
    return time.perf_counter() - begin


def fill_mlflow(uri: str, artifacts: str, count: int, *, analyze: bool) -> list[str]:
    """Write the runs into MLflow's own tables, as its API takes minutes; returns the ids of the experiments."""
    import sqlalchemy
    from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric, SqlParam, SqlRun, SqlTag
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore(uri, artifacts)
    ids = [store.create_experiment(f"experiment-{number:02}") for number in range(EXPERIMENTS)]
    rows: dict[type, list[dict[str, object]]] = {
        table: [] for table in (SqlRun, SqlParam, SqlMetric, SqlLatestMetric, SqlTag)
    }
    for run in made_runs(count):
        key, name = {"run_uuid": run.run_id}, f"run-{run.number}"
        rows[SqlRun].append(
            key
            | {"experiment_id": int(ids[run.number % EXPERIMENTS]), "name": name, "status": run.status}
            | {"start_time": run.start, "end_time": run.start + 900, "lifecycle_stage": "active", "user_id": "ada"}
            | {"source_type": "LOCAL", "source_name": "", "entry_point_name": "", "artifact_uri": artifacts}
        )
        rows[SqlTag].append(key | {"key": "mlflow.runName", "value": name})
        rows[SqlParam] += [key | {"key": each, "value": value} for each, value in run.params.items()]
        for each, value in run.metrics.items():
            point = {"key": each, "value": value, "timestamp": run.start + 500, "step": 0, "is_nan": False}
            rows[SqlMetric].append(key | point)
            rows[SqlLatestMetric].append(key | point)
    with store.engine.begin() as connection:
        for table, values in rows.items():
            connection.execute(table.__table__.insert(), values)
        if analyze:
            connection.execute(sqlalchemy.text("ANALYZE"))
    return ids
