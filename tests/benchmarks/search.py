"""What searches cost among 10,000 runs, beside MLflow in the same run, and among a million.

    python tests/benchmarks/search.py [--mlflow-python PYTHON] [--analyzed-python PYTHON] [--runs N] [--json]

`mlflow` is MLflow on SQLite as it comes, `analyzed` the same after an ANALYZE, which MLflow never does.  The runs have
5 params and 2 metrics and lie in 20 experiments.  BENCH_STORE names a folder where the large store is kept from one
time to the next, as making a million runs takes minutes.  Shown are medians of many calls.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runs_made import fill_mlflow, fill_trackbook
from workers import Cases, compare, options, serve

if TYPE_CHECKING:
    from trackbook.tracking import Runs

SMALL = 10_000
RUNS = int(os.environ.get("BENCH_RUNS", "1000000"))
EXPERIMENT = "experiment-03"
BUDGETS = {
    "10,000 runs: top 100 by a metric (ms)": 10.0,
    "10,000 runs: filter, newest 100 (ms)": 10.0,
    "10,000 runs: filter, top 100 (ms)": 10.0,
    "10,000 runs: top 100 as a DataFrame (ms)": 50.0,
    "all runs: made and drained (runs/s)": 1_000.0,
    "all runs: open and the first read (ms)": 200.0,
    "all runs: newest 100 (ms)": 20.0,
    "all runs: top 100 by a metric (ms)": 20.0,
    "all runs: top 100 of an experiment (ms)": 20.0,
    "all runs: filter in an experiment (ms)": 50.0,
    "all runs: filter in all experiments, top 100 (ms)": 50.0,
    "all runs: top 100 as a DataFrame (ms)": 50.0,
    "all runs: count all (ms)": 300.0,
    "all runs: count by a metric (ms)": 300.0,
    "all runs: nothing meets the filter (ms)": 50.0,
    "all runs: one run does (ms)": 50.0,
    "all runs: three conditions, few meet all (ms)": 50.0,
    "all runs: one condition or another (ms)": 50.0,
    "all runs: in the order of a param (ms)": 50.0,
    "all runs: 100 behind the first 100,000 (ms)": 50.0,
}
MADE = "all runs: made and drained (runs/s)"
PEERS = {"mlflow": "mlflow, sqlalchemy", "analyzed": "mlflow, sqlalchemy"}


TOP = ["metrics.accuracy DESC"]
FOREST = "params.model = 'forest' and metrics.accuracy > 0.5"
FOREST_LOSS = "params.model = 'forest' and metrics.loss < 0.7"


def median_ms(function: Callable[[], object], calls: int = 25) -> float:
    """Return the median milliseconds of a call."""
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


class Searches:
    """Searches of one store as users make them: each reads with a connection of its own."""

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder

    def runs(self) -> Runs:
        """Open the project of the store."""
        from trackbook.project import Project

        os.environ["TRACKBOOK_DIR"] = str(self._folder())
        return Project.open().runs

    def search(self, *arguments: Any, least: int = 100, **keywords: Any) -> Callable[[], float]:
        """Return what measures a search, which must find at least so many runs."""

        def measure() -> float:
            runs = self.runs()
            assert len(runs.search(*arguments, **keywords)) >= least
            return median_ms(lambda: runs.search(*arguments, **keywords))

        return measure

    def of(self, function: Callable[[Runs], object]) -> Callable[[], float]:
        """Return what measures any use of the runs."""

        def measure() -> float:
            runs = self.runs()
            return median_ms(lambda: function(runs))

        return measure

    def frame(self) -> float:
        """Measure `tb.search_runs`."""
        import trackbook as tb

        self.runs()
        return median_ms(lambda: tb.search_runs(order_by=TOP, max_results=100))

    def opened(self) -> float:
        """Measure opening the project and a first read, in a process that has read before."""
        self.runs().search()
        return median_ms(lambda: self.runs().search(max_results=1))


@cache
def small() -> Path:
    """Make the small store."""
    folder = Path.cwd() / "small"
    fill_trackbook(folder, SMALL)
    return folder


def is_kept() -> bool:
    """Say whether the large store is there from another time."""
    return "BENCH_STORE" in os.environ and Path(os.environ["BENCH_STORE"], "trackbook.db").exists()


@cache
def large() -> tuple[Path, float]:
    """Make the large store, unless it is kept; returns its folder and how many runs a second were made."""
    folder = Path(os.environ.get("BENCH_STORE", Path.cwd() / "large"))
    if is_kept():
        return folder, float("nan")
    return folder, RUNS / fill_trackbook(folder, RUNS)


def trackbook() -> Cases:
    """The searches of both stores."""
    few, many = Searches(small), Searches(lambda: large()[0])
    measures = [
        few.search("", TOP),
        few.search(FOREST),
        few.search(FOREST_LOSS, TOP),
        few.frame,
        lambda: large()[1],
        many.opened,
        many.search(),
        many.search("", TOP),
        many.search("", TOP, experiment=EXPERIMENT),
        many.search("params.model = 'forest' and metrics.accuracy > 0.9", experiment=EXPERIMENT),
        many.search("params.model = 'forest' and params.depth > 10", TOP),
        many.frame,
        many.of(lambda runs: runs.count()),
        many.of(lambda runs: runs.count("metrics.accuracy > 0.5")),
        many.search("metrics.accuracy > 0.5 and params.model = 'none'", least=0),
        many.search("params.model = 'unicorn' and metrics.accuracy > 0", least=1),
        many.search("params.seed = '77' and params.depth = '3' and metrics.loss < 0.1", least=1),
        many.search("params.model = 'unicorn' or params.seed = '7'"),
        many.search("", ["params.lr"]),
        many.of(lambda runs: runs.page(order_by=TOP, skip=100_000)),
    ]
    return dict(zip(BUDGETS, measures, strict=True))


def mlflow(*, analyze: bool) -> Cases:
    """The searches of 10,000 runs in MLflow's words; seconds each as it comes, so once."""
    import mlflow as ml

    uri = f"sqlite:///{Path.cwd() / 'mlflow.db'}"
    ids = fill_mlflow(uri, str(Path.cwd() / "artifacts"), SMALL, analyze=analyze)
    client = ml.MlflowClient(uri)
    ml.set_tracking_uri(uri)

    def search(filter: str, order: list[str]) -> Callable[[], float]:
        return lambda: median_ms(lambda: client.search_runs(ids, filter, order_by=order, max_results=100), 1)

    measures = [
        search("", TOP),
        search(FOREST, []),
        search(FOREST_LOSS, TOP),
        lambda: median_ms(lambda: ml.search_runs(ids, order_by=TOP, max_results=100), 1),
    ]
    return dict(zip(list(BUDGETS)[:4], measures, strict=True))


if __name__ == "__main__":
    given = options(__doc__, PEERS, runs=RUNS)
    if given.worker:
        tools = {
            "trackbook": trackbook,
            "mlflow": lambda: mlflow(analyze=False),
            "analyzed": lambda: mlflow(analyze=True),
        }
        serve(tools[given.worker]())
    else:
        os.environ["BENCH_RUNS"] = str(given.runs)
        cases = {case: budget for case, budget in BUDGETS.items() if case != MADE or not is_kept()}
        compare(__file__, cases, PEERS, given)
