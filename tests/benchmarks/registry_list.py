"""What a list of many models takes.

    python tests/benchmarks/registry_list.py [--models N] [--versions N] [--repeats N] [--folder F]

The store is made by the events that the service writes, in one transaction; each version has 20 params, 10 metrics and
three judgements.  Measured are the query of `trackbook models list` (with the opening of the database), the query of a
page of 50 for the Lab, the same with a line a version for `--json`, and, to compare with, all models in full.
Nothing here is a test: times depend on the machine.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from trackbook.registry import Registry, events
from trackbook.registry.identity import Identity
from trackbook.registry.trail import Trail
from trackbook.settings import MetricGate, Settings
from trackbook.store import Store
from trackbook.tracking import Runs

BUDGET = 0.050


def fill(store: Store, models: int, versions: int) -> None:
    """Register `versions` of each of `models`; the last but one of each is in production."""
    trail = Trail(store, Identity("ann"))
    gates = [
        events.Judgement(MetricGate(metric=f"m{number}", min=0.0), True, "it is 0.5, within at least 0", 0.5, "0" * 64)
        for number in range(3)
    ]
    with trail.change() as db:
        for model in range(models):
            name = f"model-{model:05}"
            trail.record(db, name, events.ModelCreated("predicts what it was asked"))
            for version in range(1, versions + 1):
                trail.record(db, name, registered(model, version), version)
                trail.record(db, name, events.GatesJudged(version, "production", "0" * 64, gates), version)
            moved = events.Promoted(
                max(1, versions - 1), "production", "none", [], {"champion": max(1, versions - 1)}, ""
            )
            trail.record(db, name, moved, moved.version)


def registered(model: int, version: int) -> events.VersionRegistered:
    """Return what registers a version, as large as one of a real run."""
    return events.VersionRegistered(
        version=version,
        digest=f"{model:032x}{version:032x}",
        format="skops",
        size=100_000,
        run_id=f"{version:032x}",
        params={f"parameter_{number}": f"{number / 7:.12f}" for number in range(20)},
        metrics={f"metric_{number}": number / 7 for number in range(10)},
        signature={"inputs": [{"name": f"column_{number}", "type": "float"} for number in range(20)]},
        environment="0" * 64,
        description="",
    )


def timed(call: Callable[[], object], repeats: int) -> tuple[float, float, float]:
    """Return the best and the median of the seconds that `call` takes, and the least of the processor's time for it."""
    taken, worked = [], []
    for _ in range(repeats):
        begin, work = time.perf_counter(), time.process_time()
        call()
        taken.append(time.perf_counter() - begin)
        worked.append(time.process_time() - work)
    return min(taken), statistics.median(taken), min(worked)


def main() -> None:
    """Make a store and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--versions", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        store = Store.open(Path(folder) / ".trackbook")
        fill(store, options.models, options.versions)
        registry = Registry(store, Settings(), "ann", Runs(store))
        assert len(registry.summaries()) == options.models
        print(f"{options.models} models with {options.versions} versions; budget of the list {BUDGET * 1000:.0f} ms")
        for name, call, repeats in (
            ("list", registry.summaries, options.repeats),
            ("page of 50", lambda: registry.summaries(50, "model-00500"), options.repeats),
            ("list --json", registry.listed, options.repeats),
            ("all in full", registry.models, 2),
        ):
            best, median, work = (1000 * seconds for seconds in timed(call, repeats))
            print(f"{name:12} best {best:8.1f} ms   median {median:8.1f} ms   processor {work:8.1f} ms")


if __name__ == "__main__":
    main()
