"""What a user waits for `%runs` and `%compare`, in a real kernel over a store of many runs.

    python tests/benchmarks/widgets.py [--runs N] [--repeats N]

A kernel is asked as a frontend asks it; the time ends when it is idle again.  `first` loads the libraries, the others are
medians.  The same kernel shows a pandas table of as many rows, and imports ipywidgets and Altair, as measures of what
cannot be less.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from conftest import Kernel, Outcome
from trackbook.project import Project

POINTS = 10_000


def fill(root: Path, count: int) -> list[str]:
    """Make `count` runs with 5 params and 3 metrics; return the ids of the last four, which have curves."""
    (root / "trackbook.toml").write_text("")
    tracker = Project.open(root).tracker
    ids = []
    for number in range(count):
        with tracker.start_run(f"run {number}") as run:
            run.log_params(
                {"depth": number % 7, "rate": number / 1000, "kind": "ab"[number % 2], "seed": 0, "n": number}
            )
            run.log_metrics({"loss": 1 / (number + 1), "accuracy": number / count, "r2": 0.5}, step=0)
            if number >= count - 4:
                for step in range(1, POINTS):
                    run.log_metric("loss", math.exp(-step / 1000) + math.sin(step) / 9, step)
        ids.append(run.run_id)
    return ids[-4:]


def timed(ask: Callable[[], Outcome], repeats: int) -> list[float]:
    """Return the milliseconds of the first time and the median of the others."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        outcome = ask()
        times.append(1000 * (time.perf_counter() - start))
        assert not outcome.errors, outcome.errors
    return [times[0], statistics.median(times[1:])]


def one(outcome: Outcome, model: str) -> Any:
    """Return the comm of the first widget of a kind."""
    made = [each for each in outcome.comms if each.get("target_name") == "jupyter.widget"]
    return next(each["comm_id"] for each in made if each["data"]["state"]["_model_name"] == model)


def measure(kernel: Kernel, ids: list[str], repeats: int) -> dict[str, list[float]]:
    """Return the first time and the median of everything that a user does, in milliseconds."""
    found = {"%load_ext trackbook": timed(lambda: kernel.run("%load_ext trackbook"), 1)[:1]}
    found["pandas: import, then show 20 rows"] = timed(
        lambda: kernel.run("import pandas as pd; display(pd.DataFrame({'x': range(20), 'y': range(20)}))"), repeats
    )
    found["%runs"] = timed(lambda: kernel.run("%runs"), repeats)
    box = one(kernel.run("%runs"), "TextModel")
    depths = iter(range(10_000))
    found["another filter"] = timed(
        lambda: kernel.set_widget(box, value=f"params.depth < 6 and params.n > {next(depths)}"), repeats
    )
    found["%compare, four runs"] = timed(lambda: kernel.run(f"%compare {' '.join(ids)}"), repeats)
    tabs = one(kernel.run(f"%compare {' '.join(ids)}"), "TabModel")
    start = time.perf_counter()
    opened = kernel.set_widget(tabs, selected_index=1)
    found[f"curves of four runs with {POINTS:,} points: the tab"] = [1000 * (time.perf_counter() - start)]
    slider = one(opened, "FloatSliderModel")
    weights = iter(number / 1000 for number in range(1, 900))
    found["… with another smoothing"] = timed(lambda: kernel.set_widget(slider, value=next(weights)), repeats)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, home = Path(folder) / "project", Path(folder) / "home"
        root.mkdir()
        home.mkdir()
        ids = fill(root, options.runs)
        kernel = Kernel(root, home)
        try:
            found = measure(kernel, ids, options.repeats)
        finally:
            kernel.stop()
    print(f"{options.runs:,} runs; milliseconds until the kernel is idle again\n")
    print(f"{'':52}{'first':>8}{'median':>8}")
    for name, times in found.items():
        print(f"{name:52}{''.join(f'{each:8.0f}' for each in times)}")


if __name__ == "__main__":
    main()
