"""What is said of a run later: of several edits of one field the latest counts, in whatever order they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackbook.store.connection import Database
    from trackbook.store.events import RunEdited

TAG = "tags."
FIELDS = ("run_name", "note", "deleted_time")
"""The columns of a run that edits replace; beside them stand fields such as `tags.reviewed`."""


def edit(db: Database, run: int, event: RunEdited) -> None:
    """Apply an edit to a run, unless a later one of the field is there already; of two at one time the larger value."""
    changed = db.execute(
        """
        INSERT INTO run_edit (run_id, field, value, time, user) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET value = excluded.value, time = excluded.time, user = excluded.user
        WHERE (excluded.time, excluded.value IS NOT NULL, coalesce(excluded.value, ''), excluded.user)
            > (time, value IS NOT NULL, coalesce(value, ''), user)
        """,
        [run, event.field, event.value, event.time, event.user],
    ).rowcount
    if changed:
        _project(db, run, event.field, event.value)


def project_edits(db: Database, run: int) -> None:
    """Write all edits of a run over what its own start said."""
    rows = db.execute("SELECT field, value FROM run_edit WHERE run_id = ?", [run]).fetchall()
    for field, value in rows:
        _project(db, run, field, value)


def _project(db: Database, run: int, field: str, value: str | None) -> None:
    if field in FIELDS:
        db.execute(f"UPDATE run SET {field} = ? WHERE id = ?", [value, run])  # noqa: S608 - one of FIELDS
    elif field.startswith(TAG) and value is None:
        db.execute("DELETE FROM tag WHERE run_id = ? AND key = ?", [run, field.removeprefix(TAG)])
    elif field.startswith(TAG):
        db.execute(
            "INSERT INTO tag VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            [run, field.removeprefix(TAG), value],
        )
