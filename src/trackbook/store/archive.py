"""What a lost database can be made from again: drained journals, and the rows that no journal ever held.

::

    archive/
      NAME.journal.zst      a journal whose writer is gone, compressed; contents of artifacts are objects by then, and
                            long curves are thinned
      rows-0001.log         rows of other tables, each as it was after every change; the last one of a row counts

A row goes from its table through `outbox`, which is filled in the transaction that changes it: none is ever missed.
"""

from __future__ import annotations

import mmap
import os
import shutil
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import google_crc32c
import msgspec
import zstandard

from trackbook.errors import IntegrityError
from trackbook.store.compression import decompressed
from trackbook.store.durable import SUFFIX, sync_folder
from trackbook.store.events import ArtifactLogged, Event, RunStarted
from trackbook.store.journal import Damage, decode_events, framed, read_batches
from trackbook.store.thinning import Thinning

if TYPE_CHECKING:
    from trackbook.store.connection import Database

FOLDER = "archive"
SEALED = ".zst"
MAX_LOG = 1 << 22
"""Bytes after which another file of rows is begun."""

TABLES = (
    "environment",
    "environment_lock",
    "dataset",
    "dataset_version",
    "audit_event",
    "reproduction",
    "drift_report",
    "pipeline_verification",
    "run_purged",
)
"""The tables that are written directly, and are nobody's projection; the triggers of m012 fill the outbox from them."""

UNFINISHED = "rebuilding"
"""A file of the store that is there while a database is made again; left behind when that was killed."""

_ARTIFACT = msgspec.msgpack.encode(ArtifactLogged.__struct_config__.tag)
SMALL = 1 << 20
"""Bytes of a journal that is kept as it is."""

_HEADER = struct.Struct("<II")


class Row(msgspec.Struct, frozen=True, array_like=True):
    """A row of a table, by columns."""

    table: str
    values: dict[str, Any]


class Archive:
    """The folder `archive` of a store; whoever writes it holds the store's lock."""

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER

    # -- journals

    def seal(self, journal: Path, end: int) -> None:
        """Keep a journal that is drained up to its byte `end`; afterwards its file may be deleted.  Raises OSError."""
        if end == 0:
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self.folder / f"{journal.name}{SEALED}"
        fresh = target.with_name(f"{target.name}{SUFFIX}")
        with (
            fresh.open("wb") as file,
            zstandard.ZstdCompressor(write_checksum=True).stream_writer(file, closefd=False) as out,
        ):
            for piece in _condensed(journal, end):
                out.write(piece)
        with fresh.open("r+b") as written:
            os.fsync(written.fileno())
        shutil.copystat(journal, fresh)  # its time is that of the writer's last sign of life
        fresh.chmod(0o600)
        fresh.replace(target)
        sync_folder(self.folder)

    def journals(self) -> list[Path]:
        """Return the sealed journals, the oldest first."""
        return sorted(self.folder.glob(f"*.journal{SEALED}"))

    def unseal(self, sealed: Path, folder: Path) -> IntegrityError | None:
        """Make a journal of a sealed one again; returns what is wrong with it, then as much as can be read is there."""
        target = folder / sealed.name.removesuffix(SEALED)
        if target.exists():
            return None
        fault = None
        fresh = target.with_name(f"{target.name}{SUFFIX}")
        with sealed.open("rb") as file, fresh.open("wb") as out:
            try:
                for piece in decompressed(file):
                    out.write(piece)
            except IntegrityError as error:
                fault = error
        shutil.copystat(sealed, fresh)
        fresh.replace(target)
        return fault

    def runs_of(self, sealed: Path) -> set[str]:
        """Return the ids of the runs that began in a sealed journal, as far as its first part tells."""
        with sealed.open("rb") as file:
            first = next(iter(decompressed(file)), b"")
        return {event.run_id for event in decode_events(first) if isinstance(event, RunStarted)}

    def fault_of(self, sealed: Path) -> IntegrityError | None:
        """Return what is wrong with a sealed journal, None when it can be read to its end."""
        try:
            with sealed.open("rb") as file:
                for _ in decompressed(file):
                    pass
        except IntegrityError as error:
            return error
        return None

    # -- rows

    def keep_rows(self, db: Database) -> None:
        """Write the rows in the outbox to the archive, durably; what cannot be written stays for the next time."""
        waiting = db.execute("SELECT id, table_name, row FROM outbox ORDER BY id").fetchall()
        if not waiting:
            return
        frames = b"".join(frame for _, table, row in waiting if (frame := _row_frame(db, table, row)) is not None)
        try:
            self._append(frames)
        except OSError:
            return
        # Not waited for: what is written twice is read as once.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("DELETE FROM outbox WHERE id <= ?", [waiting[-1][0]])
        db.execute("PRAGMA synchronous = FULL")

    def _append(self, frames: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        logs = self.logs()
        number = int(logs[-1].stem.removeprefix("rows-")) if logs else 0
        # Behind a frame that was cut off nothing could be read.
        if not logs or logs[-1].stat().st_size > MAX_LOG or any(isinstance(row, Damage) for row in read_rows(logs[-1])):
            number += 1
        path = self.folder / f"rows-{number:04}.log"
        is_new = not path.exists()
        with path.open("ab") as file:
            path.chmod(0o600)
            file.write(frames)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_folder(self.folder)

    def logs(self) -> list[Path]:
        """Return the files of rows, the oldest first."""
        return sorted(self.folder.glob("rows-*.log"))

    def copy_to(self, root: Path) -> None:
        """Copy what is new or longer to the archive of another store."""
        target = Archive(root).folder
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (*self.journals(), *self.logs()):
            copy = target / path.name
            if not copy.exists() or copy.stat().st_size != path.stat().st_size:
                fresh = copy.with_name(f"{copy.name}{SUFFIX}")
                shutil.copy2(path, fresh)
                fresh.replace(copy)


def read_rows(path: Path) -> Iterator[Row | Damage]:
    """Yield the rows in a file, and at most one Damage, which ends it."""
    with path.open("rb") as file:
        position = 0
        while header := file.read(_HEADER.size):
            payload = _payload(file, header)
            if payload is None:
                # Where the file ends within the frame, its writer was killed: the rows wait in the outbox.
                whole = position + _HEADER.size + int.from_bytes(header[:4], "little")
                is_torn = len(header) < _HEADER.size or whole > path.stat().st_size
                yield Damage(position, is_torn, "the frame is cut off or changed")
                return
            try:
                yield msgspec.msgpack.decode(payload, type=Row)
            except msgspec.DecodeError as error:
                yield Damage(position, False, f"a row that this version does not know ({error})")
                return
            position = file.tell()


def _payload(file: BinaryIO, header: bytes) -> bytes | None:
    if len(header) < _HEADER.size:
        return None
    length, checksum = _HEADER.unpack(header)
    payload = file.read(length)
    return payload if len(payload) == length and google_crc32c.value(payload) == checksum else None


def _row_frame(db: Database, table: str, row: int) -> bytes | None:
    values = next(db.query(f"SELECT * FROM [{table}] WHERE rowid = ?", [row]), None)  # noqa: S608 - one of TABLES
    if values is None:
        return None
    return framed(msgspec.msgpack.encode(Row(table, values)))


def _condensed(journal: Path, end: int) -> Iterator[bytes]:
    """Yield a journal without the contents of artifacts, which are objects by now, and with its curves thinned."""
    with journal.open("rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            has_artifacts = content.find(_ARTIFACT) >= 0
        if not has_artifacts and end <= SMALL:  # as it is, in a tenth of the time
            yield file.read(end)
            return
    thinning = Thinning()
    for batch in read_batches(journal):
        if not isinstance(batch, Damage):
            yield _frames(map(_without_content, thinning.others(batch.events)))
    yield _frames(thinning.points())


def _frames(events: Iterable[Event]) -> bytes:
    return b"".join(framed(msgspec.msgpack.encode(event)) for event in events)


def _without_content(event: Any) -> Any:
    is_inline = isinstance(event, ArtifactLogged) and event.content is not None
    return msgspec.structs.replace(event, content=None) if is_inline else event
