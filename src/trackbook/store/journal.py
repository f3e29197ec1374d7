"""Append-only files of checksummed frames: one a process, so that logging never waits for another.

A frame is `length (u32) | crc32c (u32) | payload`, little-endian, the payload one msgpack event.  One `write` call
carries one frame, so what a killed process leaves behind is whole frames and at most one torn one at the end.
"""

from __future__ import annotations

import os
import queue
import socket
import struct
import threading
import time
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import google_crc32c
import msgspec
from filelock import Timeout

from trackbook.errors import StoreError
from trackbook.store.clock import now_ms
from trackbook.store.durable import sync_folder
from trackbook.store.events import FORMAT, AnyEvent, Event, JournalOpened
from trackbook.store.journals import SUFFIX, liveness_lock
from trackbook.store.spool import private_folder

SYNC_SECONDS = 0.5
LOCK_SECONDS = 5.0
RETRY_SECONDS = 5.0
"""After so long a store that could not be written is tried again."""

MAX_FRAME = 1 << 28
"""Bytes of one event; SQLite takes texts of up to a billion."""

BATCH = 8 << 20
"""Bytes of a journal that are read, and applied, at a time."""

_HEADER = struct.Struct("<II")
_decoder = msgspec.msgpack.Decoder(AnyEvent)


class Batch(msgspec.Struct, frozen=True):
    """Events that stand behind one another in a journal, and the offset just behind the last."""

    events: list[Event]
    end: int


class Damage(msgspec.Struct, frozen=True):
    """Bytes that are no frame: at `offset`, and whether they look like a write that was cut off (`torn`)."""

    offset: int
    torn: bool
    reason: str


class JournalFile:
    """One open journal: whole frames at its end, a lock that its writer holds while it lives.

    Raises StoreError where the folder or the file cannot be written.
    """

    def __init__(self, folder: Path, opening: bytes) -> None:
        self.path = folder / f"{now_ms():013d}-{os.getpid()}-{os.urandom(4).hex()}{SUFFIX}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._liveness = liveness_lock(self.path)
            self._liveness.acquire(timeout=LOCK_SECONDS)
            self.fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        except (OSError, Timeout) as error:
            raise StoreError(f"no journal can be written in {folder} ({error}); check its permissions") from error
        try:
            self.write(opening)
            with self._telling("made"):
                sync_folder(folder)
        except BaseException:
            self.forget()  # the next append begins a journal of its own, which opens as every journal does
            raise

    def write(self, frame: bytes) -> None:
        """Add one frame; nothing of it stays behind when it cannot be written whole."""
        try:  # spelt out, as each logging call comes by here
            written = os.write(self.fd, frame)
        except OSError as error:
            raise StoreError(f"the journal in {self.path.parent} cannot be written: {error.strerror}") from error
        if written != len(frame):
            with self._telling("cut"):
                os.ftruncate(self.fd, os.fstat(self.fd).st_size - written)
            raise StoreError(
                f"the journal in {self.path.parent} took {written} of {len(frame)} bytes; is the disk full?"
            )

    def sync(self) -> None:
        """Bring what was written to the disk; raises StoreError when it cannot be, or somebody deleted the file."""
        with self._telling("synced"):
            os.fsync(self.fd)
        if os.fstat(self.fd).st_nlink == 0:
            raise StoreError(
                f"the journal in {self.path.parent} was deleted while in use; what it held since then is lost"
            )

    def close(self) -> None:
        """Sync, and give up the file and its lock; raises StoreError, when both are given up, where it cannot sync."""
        try:
            with self._telling("synced"):
                os.fsync(self.fd)
        finally:
            self.forget()
            self._liveness.release()

    def forget(self) -> None:
        """Give up the file, and leave its lock to whoever holds it."""
        os.close(self.fd)

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(f"the journal in {self.path.parent} cannot be {what}: {error.strerror}") from error


class JournalWriter:
    """The journal of this process; opened on the first append, reopened in a forked child.

    Where the store cannot be written, as on a full disk, what is logged goes to a journal in `spool` instead, with
    one warning, until the store can be written again.
    """

    def __init__(self, folder: Path, spool: Path) -> None:
        self._folder = folder
        self._spool = spool
        self._encode = msgspec.msgpack.Encoder().encode
        self._file: JournalFile | None = None
        self._spooling_since: float | None = None
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._unsynced = False
        self._start_afresh()
        _writers.add(self)

    @property
    def path(self) -> Path | None:
        """The journal that is open, if one is."""
        return self._file.path if self._file is not None else None

    def append(self, event: Event, *, durable: bool = False) -> None:
        """Add one event; with `durable` it is on the disk when the call returns.

        Without, it survives the death of this process at once and of the machine within a second.
        Raises StoreError when the frame can be written whole neither here nor in the spool.
        """
        frame = self._frame(event)
        with self._lock:
            file = self._file
            if file is None or self._spooling_since is not None:
                file = self._open(file)
            try:
                file.write(frame)
            except StoreError as error:
                file = self._turn_to_spool(file, error)
                file.write(frame)
            if durable:
                self._make_durable(file)
            elif not self._unsynced:
                self._wake.put(None)
                self._unsynced = True

    def close(self) -> None:
        """Sync and give up the file; a later append opens a new one."""
        with self._lock:
            file, self._file, self._spooling_since = self._file, None, None
            if file is not None:
                file.close()

    def _open(self, file: JournalFile | None) -> JournalFile:
        """Return the journal to write to: the store's, or the spool's as long as there is no other way."""
        now = time.monotonic()
        if file is not None and self._spooling_since is not None and now - self._spooling_since < RETRY_SECONDS:
            return file
        try:
            opened = self._use(self._new_file(self._folder))
        except StoreError as error:
            if file is not None:
                self._spooling_since = now
                return file
            return self._turn_to_spool(None, error)
        self._spooling_since = None
        if file is not None:
            file.close()
        return opened

    def _turn_to_spool(self, file: JournalFile | None, error: StoreError) -> JournalFile:
        if self._spooling_since is not None:
            if file is not None:  # a piece of a frame may have stayed in it, behind which nothing could be read
                self._file = None
                file.forget()
            raise error
        spooled = self._new_file(private_folder(self._spool))
        warnings.warn(
            f"Trackbook cannot write its store ({error}); what is logged is kept in {self._spool} until it can, "
            "and goes into the store by itself then",
            stacklevel=4,
        )
        if file is not None:
            file.forget()
        self._spooling_since = time.monotonic()
        return self._use(spooled)

    def _new_file(self, folder: Path) -> JournalFile:
        return JournalFile(folder, self._frame(JournalOpened(FORMAT, os.getpid(), socket.gethostname(), now_ms())))

    def _use(self, file: JournalFile) -> JournalFile:
        # A queue and no threading.Event: an interrupt in the midst of `Event.set` leaves its lock held for ever.
        self._wake = queue.SimpleQueue()
        self._unsynced, self._file = False, file
        loop = (weakref.ref(self), file, self._wake)
        threading.Thread(target=_sync_loop, args=loop, daemon=True, name="trackbook-sync").start()
        return file

    def _make_durable(self, file: JournalFile) -> None:
        try:
            file.sync()
        except StoreError:
            self._file = None
            file.forget()
            raise

    def _frame(self, event: Event) -> bytes:
        try:
            payload = self._encode(event)
        except (UnicodeEncodeError, TypeError):
            payload = self._encode(_well_formed(event))
        if len(payload) > MAX_FRAME:
            raise StoreError(
                f"a {type(event).__name__} of {len(payload):,} bytes is more than the store takes ({MAX_FRAME:,}); "
                "keep large texts as artifacts"
            )
        return framed(payload)

    def _sync(self, file: JournalFile) -> bool:
        """Sync what was appended since the last time; False when this writer has moved on to another file."""
        with self._lock:
            if self._file is not file:
                return False
            self._unsynced = False
            duplicate = os.dup(file.fd)
        # Synced outside the lock: an append must not wait for the disk.
        try:
            os.fsync(duplicate)
        except OSError:
            self._wake.put(None)  # tried again: a full or failing disk may recover, and the end of a run will say so
        finally:
            os.close(duplicate)
        return True

    def _abandon_in_child(self) -> None:
        """Forget the parent's file: its lock and its frames stay the parent's."""
        if self._file is not None:
            self._file.forget()
        self._file, self._spooling_since = None, None
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._lock = threading.Lock()


_writers: weakref.WeakSet[JournalWriter] = weakref.WeakSet()


def _abandon_all() -> None:
    for writer in list(_writers):
        writer._abandon_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)


def _sync_loop(reference: weakref.ref[JournalWriter], file: JournalFile, wake: queue.SimpleQueue[None]) -> None:
    while True:
        try:
            wake.get(timeout=5)
        except queue.Empty:
            if reference() is None:  # the loop must not keep a journal alive that its store has dropped
                return
            continue
        time.sleep(SYNC_SECONDS)
        writer = reference()
        if writer is None or not writer._sync(file):
            return
        del writer


def framed(payload: bytes) -> bytes:
    """Return `payload` as a frame."""
    return _HEADER.pack(len(payload), google_crc32c.value(payload)) + payload


def read_batches(path: Path, offset: int = 0) -> Iterator[Batch | Damage]:
    """Yield the events of a journal from `offset` on in bounded batches, and at most one Damage, which ends it.

    Raises StoreError when the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = b""
            while piece := file.read(BATCH):
                data += piece
                events, end, damage = _decode(data)
                if events:
                    yield Batch(events, offset + end)
                if damage is not None and not damage.torn:
                    yield Damage(offset + damage.offset, False, damage.reason)
                    return
                data, offset = data[end:], offset + end
            if data:
                yield Damage(offset, True, "the frame is cut off")
    except OSError as error:
        raise StoreError(f"the journal {path} cannot be read: {error.strerror}") from error


def decode_events(data: bytes) -> list[Event]:
    """Return the events in the beginning of a journal, up to the first frame that is not whole."""
    return _decode(data)[0]


def _decode(data: bytes) -> tuple[list[Event], int, Damage | None]:
    """Return the events in `data`, where the last whole one ends, and what is wrong with what follows it."""
    events: list[Event] = []
    position, size = 0, len(data)
    view, header, checksum_of, decode = memoryview(data), _HEADER.unpack_from, google_crc32c.value, _decoder.decode
    while position + _HEADER.size <= size:
        length, checksum = header(data, position)
        start = position + _HEADER.size
        end = start + length
        if length > MAX_FRAME:
            return events, position, Damage(position, False, f"a frame of {length} bytes is not plausible")
        if end > size:
            return events, position, _cut_off(data[start:], position)
        payload = bytes(view[start:end])
        if checksum_of(payload) != checksum:
            return events, position, Damage(position, False, "the checksum does not match")
        try:
            events.append(decode(payload))
        except msgspec.DecodeError as error:
            reason = f"an event that this version does not know ({error})"
            return events, position, Damage(position, False, reason)
        position = end
    rest = Damage(position, True, "the header is cut off") if position < size else None
    return events, position, rest


def _cut_off(rest: bytes, position: int) -> Damage:
    """Tell a write that was cut off from a length that was changed: msgpack knows by itself where an event ends."""
    try:
        msgspec.msgpack.decode(rest)
    except msgspec.DecodeError as error:
        if "truncated" in str(error):
            return Damage(position, True, "the frame is cut off")
    return Damage(position, False, "the frame's length does not match its content")


def _well_formed(event: Event) -> Event:
    """Return `event` with what msgpack cannot hold spelt out: lone surrogates, and subclasses of str."""
    return msgspec.structs.replace(
        event, **{name: _plain(value) for name, value in msgspec.structs.asdict(event).items()}
    )


def _plain(value: object) -> object:
    if isinstance(value, str):
        return str.encode(value, "utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return value
