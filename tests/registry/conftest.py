import sqlite3

import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from trackbook.registry import Identity, Registry
from trackbook.settings import MetricGate, ModelSettings, Settings
from trackbook.store import Store
from trackbook.tracking import Runs, Tracker

GATED = Settings(gates=(MetricGate(metric="r2", min=0.3), MetricGate(metric="mae", max=60.0, model="risk*")))


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / ".trackbook")


@pytest.fixture
def open_registry(store):
    """Open the registry of the store under the given settings."""

    def opened(settings: Settings = GATED, user: str | Identity = "ada", trusted: tuple[str, ...] = ()) -> Registry:
        if trusted:
            settings = Settings(gates=settings.gates, models=ModelSettings(trusted))
        return Registry(store, settings, user, Runs(store))

    return opened


@pytest.fixture
def registry(open_registry):
    return open_registry()


@pytest.fixture
def tracker(store, tmp_path):
    return Tracker(store, root=tmp_path, experiment="default", user="ada")


@pytest.fixture(scope="session")
def diabetes():
    return load_diabetes(return_X_y=True, as_frame=True)


@pytest.fixture(scope="session")
def ridge(diabetes):
    return Ridge().fit(*diabetes)


@pytest.fixture
def tamper(store):
    """Change the database by hand, as somebody with the file and `sqlite3` would."""

    def change(*statements: str) -> None:
        db = sqlite3.connect(store.database)
        with db:
            for statement in statements:
                assert db.execute(statement).rowcount != 0, statement
        db.close()

    return change
