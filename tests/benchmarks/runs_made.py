"""Stores with many runs for benchmarks, made of journal events by the real journal and the real ingester."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from trackbook.store import Event, Store, events

PARAMS = {
    "model": ["forest", "logistic", "ridge", "boosting", "network"],
    "depth": [str(depth) for depth in range(1, 21)],
    "seed": [str(seed) for seed in range(1000)],
    "data": ["patients", "visits", "claims"],
}
EXPERIMENTS = 20
BATCH = 20_000


def run_events(number: int, of: int, chance: random.Random) -> Iterator[Event]:
    """Yield what one run journals: 5 params and 2 metrics; experiments take turns, times go up by a second."""
    run_id, start = f"{chance.getrandbits(128):032x}", 1_700_000_000_000 + number * 1000
    experiment = f"experiment-{number % EXPERIMENTS:02}"
    yield events.RunStarted(run_id, experiment, f"run-{number}", "python", start, "ada")
    params = {name: chance.choice(values) for name, values in PARAMS.items()}
    params["lr"] = f"{10 ** chance.uniform(-5, 0):.6g}"
    if number == of // 3:
        params["model"] = "unicorn"
    yield events.ParamsLogged(run_id, params)
    yield events.MetricsLogged(run_id, {"accuracy": chance.random(), "loss": chance.expovariate(1)}, start + 500, 0)
    yield events.RunEnded(run_id, "FAILED" if chance.random() < 0.05 else "FINISHED", start + 900)


def make_store(folder: Path, runs: int) -> float:
    """Fill a new store in `folder` with `runs` runs; returns the seconds that it took."""
    begin = time.perf_counter()
    store, chance = Store.open(folder), random.Random(7)
    for first in range(0, runs, BATCH):
        for number in range(first, min(first + BATCH, runs)):
            for event in run_events(number, runs, chance):
                store.append(event)
        store.drain(wait=60)
        if sys.stderr.isatty() or first % (10 * BATCH) == 0:
            print(f"{first + BATCH:,} runs, {time.perf_counter() - begin:,.0f} s", file=sys.stderr)
    store.close()
    return time.perf_counter() - begin
