"""A small world of models: a dataset with groups, a good and a bad classifier, and a registry under any gates."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from trackbook.capture.rows import sketch_of
from trackbook.data import Datasets
from trackbook.registry import Registry
from trackbook.registry.gates.context import Contender, GateContext, Sources
from trackbook.settings import Settings
from trackbook.store import Store
from trackbook.tracking import Runs

FEATURES = ["a", "b", "age"]


def make_frame(rows: int, seed: int = 0) -> pd.DataFrame:
    """Return rows with two informative columns, an age, a group, and a noisy label."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, rows))
    group = rng.choice(["x", "y"], rows, p=[0.7, 0.3])
    chance = 1 / (1 + np.exp(-(2 * a + b + (group == "x") * 0.5)))
    frame = {"a": a, "b": b, "age": rng.integers(18, 80, rows), "group": group, "y": rng.random(rows) < chance}
    return pd.DataFrame(frame).astype({"y": int})


@dataclass
class World:
    """A store with the dataset `held`, versions of which are held out; models are registered by hand."""

    store: Store
    root: Any
    train: pd.DataFrame
    held: pd.DataFrame
    good: Any
    bad: Any

    def registry(self, *gates: Any, user: str = "ada") -> Registry:
        return Registry(self.store, Settings(gates=gates), user, Runs(self.store), self.root)

    def contender(self, model: Any, frame: pd.DataFrame | None = None, **fields: Any) -> Contender:
        """Return a model that lives in memory; `frame` are its training rows."""
        training = None
        if frame is not None:
            names = list(model.feature_names_in_)
            training = self.store.objects.put(sketch_of(frame[names], frame["y"]).encode())
        given = {"uri": f"models:/m/{id(model) % 97}", "digest": f"{id(model):064x}", "format": "skops", "size": 1000}
        return Contender(**{**given, "training": training, **fields})

    def context(self, candidate: Contender, champion: Contender | None, *models: Any) -> GateContext:
        """Return what gates see of contenders that are `models`, in memory."""
        known = {f"{id(model):064x}": model for model in models}
        datasets = Datasets(self.store, "ada")
        sources = Sources(
            load=lambda each: known[each.digest],
            version=datasets.resolve,
            frame=datasets.read_frame,
            reproduction=lambda run_id: None,
            content=self.store.objects.get,
            root=self.root,
        )
        return GateContext("m", candidate, champion, 5, sources)


@pytest.fixture(scope="session")
def fitted():
    """Return training rows, held-out rows, a good model and one that sees less."""
    train, held = make_frame(1500, 1), make_frame(1200, 2)
    good = LogisticRegression().fit(train[FEATURES], train["y"])
    bad = LogisticRegression().fit(train[["b", "age"]], train["y"])
    return train, held, good, bad


@pytest.fixture
def world(fitted, tmp_path):
    store = Store.open(tmp_path / ".trackbook")
    world = World(store, tmp_path, *fitted)
    Datasets(store, "ada").snapshot(world.held, "held")
    return world


@pytest.fixture
def judged(world):
    """Judge the good model against the bad one, or others, by a gate."""
    from trackbook.registry.gates.judge import judge

    def result(gate: Any, candidate: Any = None, champion: Any = "bad") -> Any:
        model = world.good if candidate is None else candidate
        rival = world.bad if isinstance(champion, str) else champion
        contender = world.contender(model, world.train)
        against = None if rival is None else world.contender(rival, world.train)
        return judge(gate, world.context(contender, against, model, rival))

    return result
