"""The head of the audit trail, noted in a small file beside the database.

A hash chain cannot show that its newest events were cut off.  So, after each commit, the number and the hash of the
newest event go into `audit-head.json`; a trail that is shorter than the note, or has another hash there, was cut or
rewritten.  A trail that is *longer* is sound: the process may have died between the commit and the note.

The file proves nothing against somebody who edits it as well.  It is made to be committed or mailed: a copy that they
cannot reach proves the trail up to that event.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from filelock import FileLock

from trackbook.errors import IntegrityError, StoreError
from trackbook.registry.audit import chain

if TYPE_CHECKING:
    from trackbook.store import Database

FILE_NAME = "audit-head.json"


class Head(msgspec.Struct, frozen=True):
    """How many events the trail had, and the hash of the last of them."""

    events: int
    hash: str


class HeadFile:
    """The note in the folder of a store."""

    def __init__(self, folder: Path) -> None:
        """Keep the note in `folder`."""
        self._path = folder / FILE_NAME

    def read(self) -> Head | None:
        """Return what was noted, or None when nothing was; raises IntegrityError when the file is no note."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Head)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self._path} cannot be read ({error.strerror}); check its permissions") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise IntegrityError(f"{self._path} does not hold the head of the audit trail: {error}") from error

    def check(self, db: Database) -> None:
        """Raise IntegrityError when the trail in `db` does not reach, or contradicts, what was noted.

        Called before every change: a new event on a cut trail would hide the cut.
        """
        fault = contradiction(self.read(), db)
        if fault is not None:
            raise IntegrityError(
                f"{fault.reason}; nothing was changed. Restore {db_name(db)} from a backup, or delete {self._path} to "
                "go on with the trail as it is"
            )

    def advance(self, event: chain.AuditEvent) -> None:
        """Note `event` as the head, unless a later one was noted already."""
        temporary = self._path.with_name(f"{FILE_NAME}.{os.getpid()}.tmp")
        try:
            with FileLock(self._path.with_suffix(".lock"), mode=0o600):
                noted = self.read()
                if noted is None or noted.events < event.seq:
                    _replace(self._path, temporary, msgspec.json.encode(Head(event.seq, event.hash)))
        except OSError as error:
            raise StoreError(
                f"event {event.seq} is stored, but {self._path} cannot be written ({error.strerror}); the next change "
                "will note it"
            ) from error


def contradiction(head: Head | None, db: Database) -> chain.Fault | None:
    """Return what the trail in `db` has against the noted `head`, or None."""
    if head is None or head.events < 1:
        return None
    event = chain.at(db, head.events)
    if event is None:
        there = chain.last(db)
        reached = there.seq if there else 0
        return chain.Fault(reached + 1, f"the audit trail ends at event {reached}, but {head.events} were noted")
    if event.hash != head.hash:
        reason = f"event {head.events} of the audit trail has another hash than was noted: the trail was rewritten"
        return chain.Fault(head.events, reason, event.action, event.subject)
    return None


def db_name(db: Database) -> str:
    """Return the file name of the database for a message."""
    return next((Path(row[2]).name for row in db.execute("PRAGMA database_list") if row[2]), "the database")


def _replace(path: Path, temporary: Path, data: bytes) -> None:
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
