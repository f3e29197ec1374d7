import sqlite3

import pytest

from trackbook.errors import GateError
from trackbook.store.guards import AUDIT_GUARDS


@pytest.fixture
def history(registry, ridge):
    """A registry with every kind of event and row; its first event names the key."""
    registry.register(ridge, "m", metrics={"r2": 0.4}, description="one")
    registry.register(ridge, "m", metrics={"r2": 0.1})
    registry.register(ridge, "other")
    registry.promote("m", 1, "production", reason="first")
    registry.set_alias("m", "candidate", 2)
    with pytest.raises(GateError):
        registry.promote("m", 2, "production")
    registry.set_alias("m", "old", 1)
    registry.delete_alias("m", "old")
    return registry


@pytest.fixture
def by_hand(store):
    """Run statements as somebody who owns the file would: without triggers and foreign keys, that nothing shows it."""

    def run(*statements):
        db = sqlite3.connect(store.database)
        for guard in AUDIT_GUARDS:
            db.execute(f"DROP TRIGGER IF EXISTS {guard}")
        with db:
            for statement in statements:
                db.execute(statement)
        for sql in AUDIT_GUARDS.values():
            db.execute(sql)
        db.close()

    return run
