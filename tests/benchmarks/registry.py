"""How long it takes to register a forest of 100 trees, beside MLflow's `log_model` with registration in the same run.

    pip install '.[bench]' && python tests/benchmarks/registry.py [--rounds N] [--mlflow-python PYTHON] [--json]

Both keep the model, five rows of its input and a signature.  MLflow is measured in both of its formats, and compared
by the faster.  The tools take turns, each round in fresh processes; the first call of a process, which imports, is
shown apart.
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
TOOLS = ("trackbook", "mlflow skops", "mlflow cloudpickle")
TIMES = 10
"""The budget: so many times faster than MLflow."""


def trackbook(folder: Path) -> Callable[[Any, Any], float]:
    """Return what registers a model with Trackbook, and how long that took."""
    os.environ["TRACKBOOK_DIR"] = str(folder / "store")
    import trackbook as tb

    def register(model: Any, rows: Any) -> float:
        with tb.start_run():
            start = time.perf_counter()
            tb.register_model(model, "forest", example=rows)
            return time.perf_counter() - start

    return register


def mlflow(folder: Path, kind: str) -> Callable[[Any, Any], float]:
    """Return what registers a model with MLflow, and how long that took."""
    import mlflow
    from mlflow.models import infer_signature

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("bench", f"file://{folder}/artifacts"))
    trusted = {"skops_trusted_types": ["sklearn.tree._tree.Tree"]} if kind == "skops" else {}

    def register(model: Any, rows: Any) -> float:
        with mlflow.start_run():
            start = time.perf_counter()
            mlflow.sklearn.log_model(
                model,
                name="model",
                registered_model_name="forest",
                input_example=rows,
                signature=infer_signature(rows, model.predict(rows)),
                serialization_format=kind,
                **trusted,
            )
            return time.perf_counter() - start

    return register


def measure(tool: str, repeats: int, folder: Path) -> list[float]:
    """Return the seconds of each call, in this process."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    rows, target = load_breast_cancer(return_X_y=True, as_frame=True)
    name, _, kind = tool.partition(" ")
    register = mlflow(folder, kind) if name == "mlflow" else trackbook(folder)
    seconds = []
    for seed in range(repeats + 1):
        model = RandomForestClassifier(n_estimators=100, random_state=seed).fit(rows, target)
        seconds.append(register(model, rows.head(5)))
    return seconds


def in_process(tool: str, repeats: int, python: str) -> list[float]:
    """Measure in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [python, __file__, "--tool", tool, "--repeats", str(repeats), "--folder", folder]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder)
    return list(json.loads(done.stdout.splitlines()[-1]))


def print_table(found: dict[str, list[list[float]]]) -> None:
    """Print the medians; the ratio is that of MLflow's faster format."""
    warm = {tool: statistics.median(s for seconds in rounds for s in seconds[1:]) for tool, rounds in found.items()}
    print(f"{'100 trees registered (ms)':28} {'first':>10} {'median':>10}")
    for tool, rounds in found.items():
        print(f"{tool:28} {statistics.median(each[0] for each in rounds) * 1e3:>10,.0f} {warm[tool] * 1e3:>10,.0f}")
    ratio = min(seconds for tool, seconds in warm.items() if tool != "trackbook") / warm["trackbook"]
    print(f"{ratio:.1f} times faster; the budget is {TIMES}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--mlflow-python", default=sys.executable, help="an interpreter that has MLflow")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--tool", choices=TOOLS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.update(QUIET)
    if options.tool:
        print(json.dumps(measure(options.tool, options.repeats, options.folder)))
        return
    found: dict[str, list[list[float]]] = {tool: [] for tool in TOOLS}
    for _ in range(options.rounds):
        for tool in TOOLS:
            python = sys.executable if tool == "trackbook" else options.mlflow_python
            found[tool].append(in_process(tool, options.repeats, python))
    print(json.dumps(found) if options.json else "")
    print_table(found)


if __name__ == "__main__":
    main()
