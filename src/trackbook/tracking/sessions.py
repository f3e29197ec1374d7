"""The session that executed a notebook last, as the store has recorded it."""

from __future__ import annotations

from collections.abc import Sequence

from trackbook.store import Store
from trackbook.tracking.values import Execution


def last_session(store: Store, notebooks: Sequence[str]) -> tuple[Execution, ...]:
    """Return all executions of the session that executed a cell of a notebook last, in the order in which they ran.

    `notebooks` are names of one file.  Nothing is returned where no execution of it is recorded.
    """
    marks = ", ".join("?" * len(notebooks))
    newest = f"SELECT session FROM cell_execution WHERE notebook IN ({marks}) ORDER BY start_time DESC LIMIT 1"  # noqa: S608 - marks
    with store.read() as db:
        rows = list(
            db.query(f"SELECT * FROM cell_execution WHERE session = ({newest}) ORDER BY number", list(notebooks))  # noqa: S608 - marks
        )
    return tuple(Execution(**{name: row[name] for name in Execution.__struct_fields__}) for row in rows)
