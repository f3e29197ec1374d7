"""Stores of earlier versions keep what they held."""

from __future__ import annotations

import sqlite3

from trackbook.store.connection import Database
from trackbook.store.migrations import STEPS

BEFORE = (
    "INSERT INTO model VALUES (1, 'm', 'a model', 5)",
    "INSERT INTO model_version VALUES "
    "(7, 1, 2, 'd', 'skops', 9, 'staging', 'r', '{}', '{}', NULL, 'e', 'second', 6, 'ada')",
    "INSERT INTO model_alias VALUES (1, 'next', 2)",
    "INSERT INTO gate_result VALUES (3, 7, 'staging', '{}', 1, 0.5, 'fine', 'd', 8)",
)


def test_models_of_an_earlier_store_keep_their_rows_and_numbers() -> None:
    """The tables of the registry are made anew for their new columns, and every row is there again under its id."""
    db = sqlite3.connect(":memory:", factory=Database)
    db.execute("PRAGMA foreign_keys = ON")
    steps = {step.__name__: step for step in STEPS}
    for name, step in steps.items():
        if name == "m017_policy":
            for statement in BEFORE:
                db.execute(statement)
        step(db)
    assert db.execute("SELECT id, name, description, created_time, owner, tags FROM model").fetchall() == [
        (1, "m", "a model", 5, "", "{}")
    ]
    assert db.execute(
        "SELECT id, version, stage, created_by, datasets, deleted_time FROM model_version"
    ).fetchall() == [(7, 2, "staging", "ada", "[]", None)]
    assert db.execute("SELECT * FROM model_alias").fetchall() == [(1, "next", 2)]
    assert db.execute("SELECT id, model_version_id, value, digests, event FROM gate_result").fetchall() == [
        (3, 7, 0.5, "{}", None)
    ]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    assert db.execute("SELECT name FROM temp.sqlite_schema").fetchall() == []
    db.close()
