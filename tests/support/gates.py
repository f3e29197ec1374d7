"""A small world of models: a dataset with groups, a good and a bad classifier, and a registry under any gates."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

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

    def snapshot(self, frame: pd.DataFrame, name: str) -> str:
        """Keep a dataset version and return what pins it."""
        return Datasets(self.store, "ada").snapshot(frame, name).uri

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
