"""What tracking costs, beside MLflow in the same run.

    pip install '.[bench]' && python tests/benchmarks/tracking.py [--repeats N] [--json]

Every case runs in turn for each tool, `--repeats` times; the table shows medians and their ratio.  Nothing here is a
test: times depend on the machine, ratios within one run much less.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet"}

BUDGETS = {
    "import, beyond bare Python (ms)": 100.0,
    "empty tracked cell, beyond an untracked one (ms)": 5.0,
    "run with 5 params and 5 metrics (ms)": 2.5,
    "log_metric (per second)": 100_000.0,
}


def import_seconds(module: str) -> float:
    """Time a fresh interpreter that imports `module`, less one that imports nothing."""

    def once(code: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        return time.perf_counter() - start

    return once(f"import {module}") - once("pass")


def trackbook_run() -> None:
    import trackbook as tb

    with tb.start_run():
        for index in range(5):
            tb.log_param(f"param{index}", index)
        for index in range(5):
            tb.log_metric(f"metric{index}", index)


def mlflow_run() -> None:
    import mlflow

    with mlflow.start_run():
        for index in range(5):
            mlflow.log_param(f"param{index}", index)
        for index in range(5):
            mlflow.log_metric(f"metric{index}", index)


def per_call(function: Callable[[], None], calls: int) -> float:
    """Return the median seconds of one call."""
    function()
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def metric_rate(log: Callable[[str, float, int], None], count: int) -> float:
    """Return how many values a second `log` takes, one at a time."""
    start = time.perf_counter()
    for step in range(count):
        log("loss", 0.5, step)
    return count / (time.perf_counter() - start)


def trackbook_rate() -> float:
    import trackbook as tb

    with tb.start_run():
        return metric_rate(lambda key, value, step: tb.log_metric(key, value, step=step), 100_000)


def mlflow_rate() -> float:
    import mlflow

    with mlflow.start_run():
        return metric_rate(lambda key, value, step: mlflow.log_metric(key, value, step=step), 300)


def cell_overhead(cells: int = 200) -> float:
    """Return the seconds that `%%track` adds to an empty cell in one IPython shell, by turns."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "trackbook")

    def median(source: str) -> float:
        times = []
        for _ in range(cells):
            start = time.perf_counter()
            shell.run_cell(source, store_history=True)
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    median("%%track\npass")
    return median("%%track\npass") - median("\npass")


Measure = Callable[[], float]
CASES: dict[str, tuple[Measure, Measure | None]] = {
    "import, beyond bare Python (ms)": (
        lambda: import_seconds("trackbook") * 1e3,
        lambda: import_seconds("mlflow") * 1e3,
    ),
    "empty tracked cell, beyond an untracked one (ms)": (lambda: cell_overhead() * 1e3, None),
    "run with 5 params and 5 metrics (ms)": (
        lambda: per_call(trackbook_run, 200) * 1e3,
        lambda: per_call(mlflow_run, 20) * 1e3,
    ),
    "log_metric (per second)": (trackbook_rate, mlflow_rate),
}


def measure(repeats: int) -> dict[str, dict[str, float | None]]:
    """Return the medians of every case for both tools, taken in turn."""
    results: dict[str, dict[str, float | None]] = {}
    for case, (ours, theirs) in CASES.items():
        own, other = [], []
        for _ in range(repeats):
            own.append(ours())
            if theirs is not None:
                other.append(theirs())
        results[case] = {
            "trackbook": statistics.median(own),
            "mlflow": statistics.median(other) if other else None,
            "budget": BUDGETS[case],
        }
    return results


def print_table(results: dict[str, dict[str, float | None]]) -> None:
    """Print one line a case; the ratio says how many times better Trackbook is."""
    print(f"{'case':52} {'trackbook':>12} {'mlflow':>12} {'ratio':>9} {'budget':>10}")
    for case, row in results.items():
        ours, theirs = row["trackbook"] or 0.0, row["mlflow"]
        higher_is_better = "per second" in case
        ratio = "" if theirs is None else f"{(ours / theirs) if higher_is_better else (theirs / ours):,.0f}x"
        other = "" if theirs is None else f"{theirs:,.2f}"
        print(f"{case:52} {ours:>12,.2f} {other:>12} {ratio:>9} {row['budget']:>10,.1f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ.update(QUIET)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TRACKBOOK_DIR"] = str(Path(folder) / "store")
        os.environ["IPYTHONDIR"] = str(Path(folder) / "ipython")
        import mlflow

        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        results = measure(options.repeats)
    print(json.dumps(results) if options.json else "")
    print_table(results)


if __name__ == "__main__":
    main()
