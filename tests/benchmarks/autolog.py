"""What autolog adds to scikit-learn, beside MLflow's in the same run.

    pip install '.[bench]' && python tests/benchmarks/autolog.py [--repeats N] [--json]

Every case runs plain, under Trackbook and under MLflow in turn; the table shows the medians of what each adds to the
plain call, and their ratio.  Each tool has a process of its own, because both change scikit-learn when they begin.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "OMP_NUM_THREADS": "1",
}
CALLS = 200

BUDGETS = {
    "fit of LogisticRegression (ms)": 10.0,
    "fit of a pipeline with a forest (ms)": 10.0,
    "grid search of 12 candidates (ms)": None,
    "grid search of 12 candidates, n_jobs=2 (ms)": None,
    "fit of LogisticRegression, model kept (ms)": 50.0,
    "fit of a pipeline with a forest, model kept (ms)": None,
    "accuracy_score (µs a call)": None,
}


def cases() -> dict[str, tuple[Callable[[], Any], float]]:
    """Return what is timed, with the factor from seconds to the unit of the table."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import accuracy_score
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = load_breast_cancer(return_X_y=True)
    grid = {"C": [0.01, 0.1, 1.0, 10.0], "max_iter": [200, 300, 400]}

    def search(**options: Any) -> Any:
        return GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()),
                            {f"logisticregression__{name}": values for name, values in grid.items()},
                            cv=3, **options).fit(x, y)  # fmt: skip

    def linear() -> Any:
        return LogisticRegression(max_iter=5000).fit(x[:, :4], y)

    def forest() -> Any:
        return make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=20, random_state=0)).fit(x, y)

    return {
        "fit of LogisticRegression (ms)": (linear, 1e3),
        "fit of a pipeline with a forest (ms)": (forest, 1e3),
        "grid search of 12 candidates (ms)": (search, 1e3),
        "grid search of 12 candidates, n_jobs=2 (ms)": (lambda: search(n_jobs=2), 1e3),
        "fit of LogisticRegression, model kept (ms)": (linear, 1e3),
        "fit of a pipeline with a forest, model kept (ms)": (forest, 1e3),
        "accuracy_score (µs a call)": (lambda: [accuracy_score(y[:100], y[:100]) for _ in range(CALLS)], 1e6 / CALLS),
    }


def within_run(tool: str, function: Callable[[], Any]) -> float:
    """Return the seconds of one call inside an active run; the run's own start and end are not counted."""
    if tool == "trackbook":
        import trackbook as tb

        start_run = tb.start_run
    elif tool == "mlflow":
        import mlflow

        start_run = mlflow.start_run
    else:
        start = time.perf_counter()
        function()
        return time.perf_counter() - start
    with start_run():
        start = time.perf_counter()
        function()
        return time.perf_counter() - start


def enable(tool: str, log_models: bool) -> None:
    """Switch the tool's autolog on."""
    if tool == "trackbook":
        import trackbook as tb

        tb.autolog(log_models=log_models)
    elif tool == "mlflow":
        import mlflow

        mlflow.sklearn.autolog(log_models=log_models, silent=True)


def measure(tool: str, repeats: int, folder: str) -> dict[str, float]:
    """Return the medians of all cases under one tool, in this process."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    os.environ["TRACKBOOK_DIR"] = str(Path(folder) / "store")
    if tool == "mlflow":
        import mlflow

        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.set_experiment(experiment_id=mlflow.create_experiment("bench", f"file://{folder}/artifacts"))
    medians = {}
    for name, (function, factor) in cases().items():
        enable(tool, "kept" in name)
        within_run(tool, function)
        times = [within_run(tool, function) for _ in range(repeats)]
        medians[name] = statistics.median(times) * factor
    return medians


def in_process(tool: str, repeats: int) -> dict[str, float]:
    """Measure in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--tool", tool, "--repeats", str(repeats), "--folder", folder]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def print_table(results: dict[str, dict[str, float]]) -> None:
    """Print what each tool adds; the ratio says how many times more MLflow adds."""
    print(f"{'added by autolog':50} {'plain':>10} {'trackbook':>11} {'mlflow':>11} {'ratio':>8} {'budget':>8}")
    for case, plain in results["plain"].items():
        ours, theirs = (results[tool][case] - plain for tool in ("trackbook", "mlflow"))
        ratio = f"{theirs / ours:,.0f}x" if ours > 0 else ""
        budget = BUDGETS[case]
        limit = "" if budget is None else f"{budget:,.0f}"
        print(f"{case:50} {plain:>10,.2f} {ours:>11,.2f} {theirs:>11,.2f} {ratio:>8} {limit:>8}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--tool", choices=("plain", "trackbook", "mlflow"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.update(QUIET)
    if options.tool:
        print(json.dumps(measure(options.tool, options.repeats, options.folder)))
        return
    results = {tool: in_process(tool, options.repeats) for tool in ("plain", "trackbook", "mlflow")}
    print(json.dumps(results) if options.json else "")
    print_table(results)


if __name__ == "__main__":
    main()
