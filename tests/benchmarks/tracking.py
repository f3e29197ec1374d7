"""What tracking costs, beside MLflow and DVCLive in the same run.

    python tests/benchmarks/tracking.py [--mlflow-python PYTHON] [--dvclive-python PYTHON] [--repeats N] [--json]

Every case runs in turn for each tool; the table shows medians and their ratio.  Nothing here is a test: times depend
on the machine, ratios within one run much less.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from workers import Cases, compare, options, serve

BUDGETS = {
    "import, beyond bare Python (ms)": 100.0,
    "empty tracked cell, beyond an untracked one (ms)": 5.0,
    "run with 5 params and 5 metrics (ms)": 1.5,
    "log_metric, one at a time (calls/s)": 200_000.0,
    "log_metrics, 1,000 at a time (values/s)": 400_000.0,
}
IMPORT, CELL, RUN, ONE, BATCH = BUDGETS
PEERS = {"mlflow": "mlflow, sqlalchemy", "dvclive": "dvclive"}
VALUES = {f"metric{index}": index * 0.25 for index in range(1000)}


def import_ms(module: str) -> float:
    """Time a fresh interpreter that imports `module`, less one that imports nothing."""

    def once(code: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        return time.perf_counter() - start

    return (once(f"import {module}") - once("pass")) * 1e3


def call_ms(function: Callable[[], None], calls: int) -> float:
    """Return the median milliseconds of one call."""
    function()
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def rate(function: Callable[[int], None], calls: int, each: int = 1) -> float:
    """Return how many values a second `function`, which takes `each` a call, gets rid of."""
    start = time.perf_counter()
    for step in range(calls):
        function(step)
    return calls * each / (time.perf_counter() - start)


def trackbook() -> Cases:
    """What users of Trackbook write."""
    import trackbook as tb

    def run() -> None:
        with tb.start_run():
            for index in range(5):
                tb.log_param(f"param{index}", index)
            for index in range(5):
                tb.log_metric(f"metric{index}", index)

    def one() -> float:
        with tb.start_run():
            return rate(lambda step: tb.log_metric("loss", 0.5), 200_000)

    def batch() -> float:
        with tb.start_run():
            return rate(lambda step: tb.log_metrics(VALUES, step=step), 200, len(VALUES))

    return {
        IMPORT: partial(import_ms, "trackbook"),
        CELL: cell_ms,
        RUN: lambda: call_ms(run, 200),
        ONE: one,
        BATCH: batch,
    }


def cell_ms(cells: int = 200) -> float:
    """Return the milliseconds that `%%track` adds to an empty cell in one IPython shell, by turns."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "trackbook")
    run = partial(shell.run_cell, store_history=True)
    tracked, plain = (call_ms(partial(run, source), cells) for source in ("%%track\npass", "\npass"))
    return tracked - plain


def mlflow() -> Cases:
    """The same in MLflow's words, into SQLite."""
    import mlflow as ml
    from mlflow.entities import Metric

    ml.set_tracking_uri(f"sqlite:///{Path.cwd()}/mlflow.db")
    client = ml.MlflowClient()

    def run() -> None:
        with ml.start_run():
            for index in range(5):
                ml.log_param(f"param{index}", index)
            for index in range(5):
                ml.log_metric(f"metric{index}", index)

    def one() -> float:
        with ml.start_run():
            return rate(lambda step: ml.log_metric("loss", 0.5, step=step), 300)

    def batch() -> float:
        with ml.start_run() as active:
            run_id = active.info.run_id
            return rate(
                lambda step: client.log_batch(
                    run_id, metrics=[Metric(name, value, step, step) for name, value in VALUES.items()]
                ),
                5,
                len(VALUES),
            )

    return {IMPORT: partial(import_ms, "mlflow"), RUN: lambda: call_ms(run, 20), ONE: one, BATCH: batch}


def dvclive() -> Cases:
    """The same in DVCLive's words, without git."""
    from dvclive import Live

    number = count()

    def live() -> Live:
        return Live(f"live{next(number)}", save_dvc_exp=False, report=None, dvcyaml=None, monitor_system=False)

    def run() -> None:
        with live() as each:
            for index in range(5):
                each.log_param(f"param{index}", index)
            for index in range(5):
                each.log_metric(f"metric{index}", float(index))

    def one() -> float:
        with live() as each:
            return rate(lambda step: each.log_metric("loss", 0.5), 2000)

    return {IMPORT: partial(import_ms, "dvclive"), RUN: lambda: call_ms(run, 20), ONE: one}


if __name__ == "__main__":
    given = options(__doc__, PEERS)
    if given.worker:
        os.environ.setdefault("IPYTHONDIR", str(Path.cwd() / "ipython"))
        serve({"trackbook": trackbook, "mlflow": mlflow, "dvclive": dvclive}[given.worker]())
    else:
        compare(__file__, BUDGETS, PEERS, given)
