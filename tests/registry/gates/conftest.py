"""The world of `support.gates`, made once and opened anew for every test."""

from contextlib import contextmanager
from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression

from support.gates import FEATURES, World, make_frame
from trackbook.capture.estimators.observer import observer
from trackbook.store import Store
from trackbook.tracking import Tracker
from trackbook.tracking.fits import FitLog


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
    world.snapshot(world.held, "held")
    return world


@pytest.fixture
def watched(world):
    """Watch what scikit-learn does in a block, as in a tracked cell."""
    tracker = Tracker(world.store, root=world.root, experiment="default", user="ada")

    @contextmanager
    def block() -> Any:
        with tracker.start_run() as run:
            log = FitLog(run)
            observer.start(log)
            try:
                yield run
            finally:
                observer.stop(log)

    return block


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
