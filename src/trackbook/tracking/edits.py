"""What is said of runs later: names, notes, tags, and that they are deleted, which can be taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.capture.redaction import redact
from trackbook.errors import NotFoundError, UsageError, nearest, shown
from trackbook.store import Store, events, now_ms
from trackbook.tracking.names import checked_name
from trackbook.tracking.rows import find
from trackbook.tracking.tracker import checked_tags
from trackbook.tracking.values import RUNNING

if TYPE_CHECKING:
    from trackbook.store import Database

MAX_NOTE = 10_000
TAG = "tags."
DELETED = "deleted_time"

_Change = tuple[int, str, str, str | None]
"""The row number and the id of a run, a field and its new value."""

# A run that is its own ancestor, as a damaged journal may say, ends the walk: UNION drops what is known.
_DESCENDANTS = """
    WITH RECURSIVE below (run_id) AS (
        VALUES (?) UNION SELECT run.run_id FROM run JOIN below ON run.parent_run_id = below.run_id
    )
    SELECT id, run_id, run_name, status, deleted_time FROM run WHERE run_id IN (SELECT run_id FROM below) ORDER BY id
"""


class RunEdits:
    """Changes what is said of runs that are in the store; every edit is on the disk when its call returns."""

    def __init__(self, store: Store, user: str) -> None:
        """Edit the runs of `store` in the name of `user`."""
        self._store = store
        self._user = user

    def edit(
        self,
        run_id: str,
        *,
        name: str | None = None,
        note: str | None = None,
        tags: Mapping[str, Any] | None = None,
        untag: Iterable[str] = (),
    ) -> str:
        """Rename a run, replace its note (an empty text takes it away), set and remove tags; returns its id.

        The first characters of the id are enough.  Raises NotFoundError without such a run or tag, UsageError for
        what cannot be a name, note or tag, and when nothing is to be changed; then nothing is.
        """
        untag = [untag] if isinstance(untag, str) else list(untag)
        changes: dict[str, str | None] = {f"{TAG}{key}": text for key, text in checked_tags(tags or {}).items()}
        if name is not None:
            changes["run_name"] = redact(checked_name("run", name))
        if note is not None:
            changes["note"] = _checked_note(note) or None
        with self._store.read() as db:
            row = find(db, run_id)
            for key in untag:
                changes[f"{TAG}{_known_tag(db, row, key)}"] = None
            times = _times(db, [row["id"]])
        if not changes:
            raise UsageError("nothing to change: give a name, a note, or tags to set or remove")
        self._append([(row["id"], row["run_id"], field, value) for field, value in changes.items()], times)
        return str(row["run_id"])

    def delete(self, run_ids: Iterable[str]) -> tuple[str, ...]:
        """Delete runs, and the runs within them; returns the ids of all that are gone now.

        They are hidden until `undelete` brings them back or `gc` removes them for good.  Raises NotFoundError
        without such a run, UsageError when one of them is still going on; then none is deleted.
        """
        now = now_ms()
        with self._store.read() as db:
            runs = {run["id"]: run for run_id in _listed(run_ids) for run in _with_descendants(db, run_id)}
            going = [run for run in runs.values() if run["status"] == RUNNING and run[DELETED] is None]
            if going:
                raise UsageError(f"run {_called(going[0])} is still going on; end it first")
            gone = [run for run in runs.values() if run[DELETED] is None]
            times = _times(db, [run["id"] for run in gone])
        self._append([(run["id"], run["run_id"], DELETED, str(now)) for run in gone], times)
        return tuple(run["run_id"] for run in gone)

    def undelete(self, run_ids: Iterable[str]) -> tuple[str, ...]:
        """Bring deleted runs back, each with the runs within it that were deleted together with it; returns all ids.

        Raises NotFoundError without such a run, UsageError for one that is not deleted; then none comes back.
        """
        back: dict[int, dict[str, Any]] = {}
        with self._store.read() as db:
            for run_id in _listed(run_ids):
                row = find(db, run_id)
                if row[DELETED] is None:
                    raise UsageError(f"run {_called(row)} is not deleted")
                together = _with_descendants(db, row["run_id"])
                back |= {run["id"]: run for run in together if run[DELETED] == row[DELETED]}
            times = _times(db, list(back))
        self._append([(run["id"], run["run_id"], DELETED, None) for run in back.values()], times)
        return tuple(run["run_id"] for run in back.values())

    def _append(
        self, changes: Sequence[tuple[int, str, str, str | None]], times: Mapping[tuple[int, str], int]
    ) -> None:
        """Journal changes of fields; each later than the edit that it replaces, whatever the clock says now."""
        now = now_ms()
        for place, (row, run_id, field, value) in enumerate(changes, 1):
            time = max(now, times.get((row, field), 0) + 1)
            edited = events.RunEdited(run_id, field, value, time, self._user)
            self._store.append(edited, durable=place == len(changes))


def _checked_note(note: object) -> str:
    if not isinstance(note, str):
        raise UsageError(f"a note is a text, not {shown(note)}")
    if len(note) > MAX_NOTE:
        raise UsageError(f"the note is {len(note):,} characters long; at most {MAX_NOTE:,} are kept")
    return redact(note.encode("utf-8", "backslashreplace").decode()).strip()


def _listed(run_ids: Iterable[str]) -> list[str]:
    return [run_ids] if isinstance(run_ids, str) else list(run_ids)


def _known_tag(db: Database, row: dict[str, Any], key: str) -> str:
    known = [name for (name,) in db.execute("SELECT key FROM tag WHERE run_id = ?", [row["id"]]).fetchall()]
    if key not in known:
        raise NotFoundError(f"run {_called(row)} has no tag {key!r}{nearest(str(key), known)}")
    return key


def _with_descendants(db: Database, run_id: str) -> list[dict[str, Any]]:
    return list(db.query(_DESCENDANTS, [find(db, run_id)["run_id"]]))


def _times(db: Database, rows: Sequence[int]) -> dict[tuple[int, str], int]:
    """Return when the fields of runs were edited last."""
    found = db.execute(
        "SELECT run_id, field, time FROM run_edit WHERE run_id IN (SELECT value FROM json_each(?))",
        [msgspec.json.encode(rows).decode()],
    )
    return {(run, field): time for run, field, time in found.fetchall()}


def _called(row: Mapping[str, Any]) -> str:
    return f"{row['run_name'] or 'without a name'} ({row['run_id'][:8]})"
