"""A tracker and a reader on one real store."""

import pytest

from trackbook.store import Store
from trackbook.tracking import Runs, Tracker


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / ".trackbook")


@pytest.fixture
def runs(store):
    return Runs(store)


@pytest.fixture
def tracker(store, tmp_path):
    return Tracker(store, root=tmp_path, experiment="default", user="ada")
