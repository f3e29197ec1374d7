"""A store of runs of several kinds, hostile ones among them."""

from __future__ import annotations

import pytest

from trackbook.store import Store
from trackbook.tracking import Runs, Tracker

EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>"


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / ".trackbook")


@pytest.fixture
def runs(store):
    return Runs(store)


@pytest.fixture
def tracker(store, tmp_path):
    return Tracker(store, root=tmp_path, experiment="study", user="ada")


@pytest.fixture
def make(tracker):
    """Make a run with params and metrics; a list of values becomes a curve."""

    def make_run(name, params=(), metrics=()):
        with tracker.start_run(name) as run:
            run.log_params(dict(params))
            for key, values in dict(metrics).items():
                for step, value in enumerate(values if isinstance(values, list) else [values]):
                    run.log_metric(key, value, step)
        return run.run_id

    return make_run
