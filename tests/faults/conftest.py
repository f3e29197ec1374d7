"""Stores that are about to be mistreated, and the checks that they survived."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from trackbook.store import Store
from trackbook.tracking import Runs, Tracker


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / ".trackbook")


@pytest.fixture
def runs(store: Store) -> Runs:
    return Runs(store)


@pytest.fixture
def tracker(store: Store, tmp_path: Path) -> Tracker:
    return Tracker(store, root=tmp_path, experiment="default", user="ada")


@pytest.fixture
def sound() -> Any:
    """Check that the database of a store is whole, by SQLite's own word and every reference."""

    def check(store: Store) -> None:
        with sqlite3.connect(f"file:{store.database}?mode=ro", uri=True) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        db.close()

    return check


@pytest.fixture
def tried(request: pytest.FixtureRequest) -> Any:
    """Count what a test has tried; the sums stand at the end of pytest's report."""

    def count(what: str, number: int) -> None:
        request.node.user_properties.append((f"tried: {what}", number))
        print(f"{number} {what}")

    return count
