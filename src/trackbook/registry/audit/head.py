"""The head of the audit trail: how many events it has and the hash of the last one, signed with the project's key.

A hash chain cannot show that its newest events were cut off, nor that it was forged as a whole.  So, after each commit,
the head is noted in `audit-head.json` beside the database, and added to the files that it was exported to
(`audit.exported`), which belong into git.  A trail that is shorter than a head, or has another hash there, was cut or
rewritten.  A trail that is *longer* is sound: the process may have died between the commit and the note.

The note proves nothing against somebody who has the key as well, as whoever owns the store has.  A copy that they
cannot reach (a commit, a mail) proves the trail up to that event against them, too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from filelock import FileLock

from trackbook.errors import IntegrityError, StoreError
from trackbook.registry.audit import chain
from trackbook.registry.audit.keys import ProjectKey, is_signed

if TYPE_CHECKING:
    from trackbook.store import Database

FILE_NAME = "audit-head.json"


class Head(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many events the trail had at `time` (ms), the hash of the last of them, and who signed that, in hex.

    Notes of before there were keys have neither key nor signature.
    """

    events: int
    hash: str
    time: int = 0
    key: str = ""
    signature: str = ""

    @property
    def is_genuine(self) -> bool:
        """Whether the owner of its key signed it; says nothing on whose key that is."""
        return bool(self.key) and is_signed(_message(self), self.signature, self.key)


def signed(event: chain.AuditEvent, key: ProjectKey) -> Head:
    """Return `event` as the head of the trail, signed."""
    head = Head(event.seq, event.hash, event.time, key.public)
    return msgspec.structs.replace(head, signature=key.sign(_message(head)))


class HeadFile:
    """The note in the folder of a store."""

    def __init__(self, folder: Path) -> None:
        """Keep the note in `folder`."""
        self.path = folder / FILE_NAME

    def read(self) -> Head | None:
        """Return what was noted, or None when nothing was; raises IntegrityError when the file is no note."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Head)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read ({error.strerror}); check its permissions") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise IntegrityError(f"{self.path} does not hold the head of the audit trail: {error}") from error

    def check(self, db: Database) -> None:
        """Raise IntegrityError when the trail in `db` does not reach, or contradicts, what was noted.

        Called before every change: a new event on a cut trail would hide the cut.
        """
        fault = contradiction(self.read(), db)
        if fault is not None:
            raise IntegrityError(
                f"{fault.reason}; nothing was changed. Restore {db_name(db)} from a backup, or delete {self.path} to "
                "go on with the trail as it is"
            )

    def advance(self, head: Head) -> None:
        """Note `head`, unless a later one was noted already."""
        temporary = self.path.with_name(f"{FILE_NAME}.{os.getpid()}.tmp")
        try:
            with FileLock(self.path.with_suffix(".lock"), mode=0o600):
                noted = self.read()
                if noted is None or noted.events < head.events:
                    _replace(self.path, temporary, msgspec.json.encode(head))
        except OSError as error:
            raise StoreError(
                f"event {head.events} is stored, but {self.path} cannot be written ({error.strerror}); the next "
                "change will note it"
            ) from error


def contradiction(head: Head | None, db: Database) -> chain.Fault | None:
    """Return what the trail in `db` has against the noted `head`, or None."""
    if head is None or head.events < 1:
        return None
    event = chain.at(db, head.events)
    if event is None:
        there = chain.last(db)
        return cut(head, there.seq if there else 0, "were noted")
    if event.hash != head.hash:
        return rewritten(head, "was noted", event)
    return None


def cut(head: Head, reached: int, noted: str) -> chain.Fault:
    """Return the fault of a trail that ends before `head`; `noted` says where it stands, e.g. ``were noted``."""
    return chain.Fault(reached + 1, f"the audit trail ends at event {reached}, but {head.events} {noted}")


def rewritten(head: Head, noted: str, event: chain.AuditEvent | None = None) -> chain.Fault:
    """Return the fault of a trail with another hash than `head`; `noted` says where that stands."""
    reason = f"event {head.events} of the audit trail has another hash than {noted}: the trail was rewritten"
    return chain.Fault(head.events, reason, event.action if event else None, event.subject if event else None)


def db_name(db: Database) -> str:
    """Return the file name of the database for a message."""
    return next((Path(row[2]).name for row in db.execute("PRAGMA database_list") if row[2]), "the database")


def _message(head: Head) -> bytes:
    return f"trackbook audit head\n{head.events}\n{head.hash}\n{head.time}\n{head.key}\n".encode()


def _replace(path: Path, temporary: Path, data: bytes) -> None:
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
