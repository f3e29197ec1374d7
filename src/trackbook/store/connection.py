"""The SQLite connection that every room works with.

Plain `sqlite3` with rows as dicts: sqlite-utils, which brings the migrations, imports pandas where it is installed,
and a command that only reads would wait half a second for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

BUSY_SECONDS = 30.0

UNREADABLE = (sqlite3.OperationalError, UnicodeError)
"""What a row raises that holds text which is no UTF-8; only a hand puts that there."""

Bound = Sequence[Any] | Mapping[str, Any]


class Database(sqlite3.Connection):
    """A connection in autocommit mode: a transaction begins where somebody writes BEGIN."""

    def query(self, sql: str, bound: Bound = ()) -> Iterator[dict[str, Any]]:
        """Yield the rows of a SELECT as dicts; values are bound to `?` or `:name`."""
        cursor = self.execute(sql, bound)
        names = [column[0] for column in cursor.description]
        return (dict(zip(names, row, strict=True)) for row in cursor)


def connect(path: Path, options: str) -> Database:
    """Open the SQLite file at `path` with the URI `options`, e.g. ``mode=ro``; nothing checkpoints by itself."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}",
        uri=True,
        timeout=BUSY_SECONDS,
        check_same_thread=False,
        isolation_level=None,
        factory=Database,
    )
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA mmap_size = 0")
    return connection


def dump_of(path: Path) -> str:
    """Return the content of a database of the user's as SQL.  Raises `sqlite3.Error` where it is none."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        return "\n".join(db.iterdump())
