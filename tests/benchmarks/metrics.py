"""What long curves cost: bytes a point on the disk, and the time to read one back, beside MLflow in the same run.

    python tests/benchmarks/metrics.py [--points N] [--mlflow-python PYTHON] [--repeats N] [--json]

`--points` are logged in runs of 10 metrics and 10,000 steps, with noisy values at uneven moments; MLflow, which needs
some 200 bytes and 0.1 ms for each, gets the hundredth part.
"""

from __future__ import annotations

import math
import os
import random
import statistics
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from workers import Cases, compare, options, serve

STEPS = 10_000
METRICS = [f"metric{number}" for number in range(10)]
BUDGETS = {
    "on the disk (bytes/point)": 12.0,
    "a curve of 10,000 points (ms)": 5.0,
    "log_metrics, 10 at a time (values/s)": 200_000.0,
    "points into the database (points/s)": 100_000.0,
}
SIZE, CURVE, LOG, DRAIN = BUDGETS
PEERS = {"mlflow": "mlflow, sqlalchemy"}
POINTS = int(os.environ.get("BENCH_POINTS", "10000000"))


def values(rng: random.Random, step: int) -> dict[str, float]:
    """Return what a training might log at `step`: a falling loss with noise, in ten kinds."""
    return {name: math.exp(-step / 3000) * (at + 1) + rng.gauss(0, 0.05) for at, name in enumerate(METRICS)}


def median_ms(function: Callable[[], object], calls: int = 20) -> float:
    """Return the median milliseconds of a call."""
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def trackbook() -> Cases:
    """Log the points, drain them, weigh the whole store, read curves."""
    import trackbook as tb
    from trackbook.project import current

    @cache
    def logged() -> dict[str, float | str]:
        rng, seconds, run_id = random.Random(1), 0.0, ""
        runs = max(1, POINTS // STEPS // len(METRICS))
        for _ in range(runs):
            curves = [values(rng, step) for step in range(STEPS)]
            start = time.perf_counter()
            with tb.start_run() as run:
                for step, each in enumerate(curves):
                    tb.log_metrics(each, step=step)
            seconds += time.perf_counter() - start
            run_id = run.run_id
        store, points = current.get().store, runs * STEPS * len(METRICS)
        start = time.perf_counter()
        store.close()
        drained = time.perf_counter() - start
        size = sum(file.stat().st_size for file in store.root.rglob("*") if file.is_file())
        return {"run": run_id, "bytes": size / points, "log": points / seconds, "drain": points / drained}

    def number(name: str) -> float:
        return float(logged()[name])

    def curve() -> float:
        runs, run_id = current.get().runs, str(logged()["run"])
        assert len(runs.metric_history(run_id, METRICS[3])) == STEPS
        return median_ms(lambda: runs.metric_history(run_id, METRICS[3]))

    return {SIZE: partial(number, "bytes"), CURVE: curve, LOG: partial(number, "log"), DRAIN: partial(number, "drain")}


def mlflow() -> Cases:
    """The same in MLflow's words, into SQLite; its points are in the database when they are logged."""
    import mlflow as ml
    from mlflow.entities import Metric

    path = Path.cwd() / "mlflow.db"
    ml.set_tracking_uri(f"sqlite:///{path}")
    client = ml.MlflowClient()

    @cache
    def logged() -> tuple[str, float, float]:
        rng = random.Random(1)
        with ml.start_run() as run:
            pass
        before, seconds, points = path.stat().st_size, 0.0, max(STEPS * len(METRICS), POINTS // 100)
        for start_step in range(0, points // len(METRICS), 100):
            batch = [
                Metric(name, value, step, step)
                for step in range(start_step, start_step + 100)
                for name, value in values(rng, step).items()
            ]
            start = time.perf_counter()
            client.log_batch(run.info.run_id, metrics=batch)
            seconds += time.perf_counter() - start
        return run.info.run_id, (path.stat().st_size - before) / points, points / seconds

    return {
        SIZE: lambda: logged()[1],
        CURVE: lambda: median_ms(lambda: client.get_metric_history(logged()[0], METRICS[3]), 3),
        LOG: lambda: logged()[2],
    }


if __name__ == "__main__":
    given = options(__doc__, PEERS, points=POINTS)
    if given.worker:
        serve({"trackbook": trackbook, "mlflow": mlflow}[given.worker]())
    else:
        os.environ["BENCH_POINTS"] = str(given.points)
        compare(__file__, BUDGETS, PEERS, given)
