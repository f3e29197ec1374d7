"""A store with as many runs as one likes, made as tracking makes it: by events in a journal, which are then drained."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path

from trackbook.project import Project
from trackbook.store import events

START = 1_750_000_000_000
MODELS = ("forest", "ridge", "boosting", "svm", "mlp")
EXPERIMENTS = ("churn", "credit", "demand")
BATCH = 20_000


def fill(root: Path, runs: int, *, seed: int = 0) -> Project:
    """Give the project at `root` so many runs, each a minute after the one before, with 5 params and 3 metrics."""
    project = Project.open(root)
    chance = random.Random(seed)
    for number in range(runs):
        for event in _run(number, chance):
            project.store.append(event)
        if number % BATCH == BATCH - 1:
            project.store.drain(wait=60.0)
    project.store.drain(wait=60.0)
    return project


def _run(number: int, chance: random.Random) -> Iterator[events.Event]:
    run_id = f"{number:08x}{chance.getrandbits(96):024x}"
    start = START + 60_000 * number
    model, depth, rate = chance.choice(MODELS), chance.randint(2, 12), 10 ** chance.uniform(-4, -1)
    score = 0.6 + 0.03 * depth - (math.log10(rate) + 2.5) ** 2 / 20 + chance.gauss(0, 0.02)
    yield events.RunStarted(run_id, EXPERIMENTS[number % 3], f"{model}-{number:06d}", "python", start, "ann")
    yield events.ParamsLogged(
        run_id,
        {
            "model": model,
            "max_depth": str(depth),
            "learning_rate": f"{rate:.5g}",
            "subsample": f"{chance.choice((0.5, 0.8, 1.0))}",
            "seed": str(chance.randint(0, 999)),
        },
    )
    metrics = {"accuracy": score, "loss": 1.2 - score + chance.gauss(0, 0.01), "fit_seconds": chance.expovariate(0.2)}
    yield events.MetricsLogged(run_id, metrics, start + 30_000, 0)
    yield events.RunEnded(run_id, "FAILED" if number % 17 == 0 else "FINISHED", start + 40_000)
