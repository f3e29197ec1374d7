"""What sessions executed, and which executions used which: the recorded history of a notebook."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from trackbook.store import Store
from trackbook.tracking.values import Execution

if TYPE_CHECKING:
    from trackbook.store import Database

Needs = Mapping[int, tuple[str, ...]]
"""The earlier executions that one uses, by number, with the names."""


class RecordedSession(msgspec.Struct, frozen=True):
    """All executions of a session in their order.

    `needs` tells of those that belong to the program of a run which earlier ones they used.
    """

    session: str
    executions: tuple[Execution, ...]
    needs: Mapping[int, Needs]


def recorded_sessions(store: Store, *notebooks: str) -> list[RecordedSession]:
    """Return the sessions that executed cells of the notebook at these paths, all names of one file; newest first."""
    with store.read() as db:
        marks = ", ".join("?" * len(notebooks))
        rows = db.execute(
            f"SELECT session, max(start_time) AS newest FROM cell_execution WHERE notebook IN ({marks})"  # noqa: S608 - marks
            " GROUP BY session ORDER BY newest DESC",
            list(notebooks),
        ).fetchall()
        return [_session(db, session) for session, _ in rows]


def _session(db: Database, session: str) -> RecordedSession:
    rows = db.query("SELECT * FROM cell_execution WHERE session = ? ORDER BY number", [session])
    return RecordedSession(session, tuple(Execution(**row) for row in rows), _needs(db, session))


def _needs(db: Database, session: str) -> Mapping[int, Needs]:
    programs: dict[int, list[tuple[str, int]]] = defaultdict(list)
    rows = db.execute(
        "SELECT run_id, session, number FROM run_program"
        " WHERE run_id IN (SELECT run_id FROM run_program WHERE session = ?) ORDER BY run_id, session, number",
        [session],
    )
    for run, *place in rows.fetchall():
        programs[run].append((place[0], place[1]))
    found: dict[int, Needs] = {}
    for run, places in programs.items():
        numbers = [number for owner, number in places if owner == session]
        if len(numbers) == len(places):
            found |= _needs_of(db, run, numbers)
    return found


def _needs_of(db: Database, run: int, numbers: Sequence[int]) -> Mapping[int, Needs]:
    """Return what a run's program says; of one that is too long for reasons nothing is known."""
    row = db.execute("SELECT content FROM run_fact WHERE run_id = ? AND name = 'program'", [run]).fetchone()
    if row is None:
        return {number: {} for number in numbers} if len(numbers) == 1 else {}
    told: dict[int, dict[int, tuple[str, ...]]] = msgspec.json.decode(
        row[0], type=dict[int, dict[int, tuple[str, ...]]], strict=False
    )
    return {number: told.get(number, {}) for number in numbers}


__all__ = ["Needs", "RecordedSession", "recorded_sessions"]
