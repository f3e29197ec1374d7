"""Append-only files of checksummed frames: one a process, so that logging never waits for another.

A frame is `length (u32) | crc32c (u32) | payload`, little-endian, the payload one msgpack event.  One `write` call
carries one frame, so what a killed process leaves behind is whole frames and at most one torn one at the end.
"""

from __future__ import annotations

import os
import secrets
import socket
import struct
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import google_crc32c
import msgspec
from filelock import FileLock, Timeout

from trackbook.errors import StoreError
from trackbook.store.clock import now_ms
from trackbook.store.events import FORMAT, AnyEvent, Event, JournalOpened

SUFFIX = ".journal"
SYNC_SECONDS = 0.5
LOCK_SECONDS = 5.0
MAX_FRAME = 1 << 28
"""Bytes of one event; SQLite takes texts of up to a billion."""

_HEADER = struct.Struct("<II")
_decoder = msgspec.msgpack.Decoder(AnyEvent)


class Frame(msgspec.Struct, frozen=True):
    """One event and the offset just behind it."""

    event: Event
    end: int


class Damage(msgspec.Struct, frozen=True):
    """Bytes that are no frame: at `offset`, and whether they look like a write that was cut off (`torn`)."""

    offset: int
    torn: bool
    reason: str


class JournalWriter:
    """The journal of this process; opened on the first append, reopened in a forked child."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._encode = msgspec.msgpack.Encoder().encode
        self._fd: int | None = None
        self._liveness: FileLock | None = None
        self._unsynced = threading.Event()
        _writers.add(self)

    def append(self, event: Event, *, durable: bool = False) -> None:
        """Add one event; with `durable` it is on the disk when the call returns.

        Without, it survives the death of this process at once and of the machine within a second.
        Raises StoreError when the frame cannot be written whole; nothing of it stays behind then.
        """
        frame = self._frame(event)
        with self._lock:
            fd = self._fd if self._fd is not None else self._open()
            self._write(fd, frame)
            if durable:
                os.fsync(fd)
                self._check_linked(fd)
            elif not self._unsynced.is_set():
                self._unsynced.set()

    def close(self) -> None:
        """Sync and give up the file; a later append opens a new one."""
        with self._lock:
            if self._fd is None:
                return
            os.fsync(self._fd)
            os.close(self._fd)
            self._fd = None
            if self._liveness is not None:
                self._liveness.release()
                self._liveness = None

    def _open(self) -> int:
        name = f"{now_ms():013d}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
        path = self._folder / name
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._liveness = liveness_lock(path)
            self._liveness.acquire(timeout=LOCK_SECONDS)
            fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        except (OSError, Timeout) as error:
            raise StoreError(f"no journal can be written in {self._folder} ({error}); check its permissions") from error
        try:
            self._write(fd, self._frame(JournalOpened(FORMAT, os.getpid(), socket.gethostname(), now_ms())))
            sync_folder(self._folder)
        except BaseException:
            os.close(fd)  # the next append begins a journal of its own, which opens as every journal does
            raise
        self._fd = fd
        threading.Thread(target=_sync_loop, args=(weakref.ref(self), fd), daemon=True, name="trackbook-sync").start()
        return fd

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
        return _HEADER.pack(len(payload), google_crc32c.value(payload)) + payload

    def _write(self, fd: int, frame: bytes) -> None:
        try:
            written = os.write(fd, frame)
        except OSError as error:
            raise StoreError(f"the journal in {self._folder} cannot be written: {error.strerror}") from error
        if written != len(frame):
            os.ftruncate(fd, os.fstat(fd).st_size - written)
            raise StoreError(f"the journal in {self._folder} took {written} of {len(frame)} bytes; is the disk full?")

    def _check_linked(self, fd: int) -> None:
        """Raise StoreError when somebody deleted the file: what goes into it would be lost without a word."""
        if os.fstat(fd).st_nlink > 0:
            return
        os.close(fd)
        self._fd = None
        raise StoreError(f"the journal in {self._folder} was deleted while in use; what it held since then is lost")

    def _sync(self, fd: int) -> bool:
        """Sync what was appended since the last time; False when this journal has moved on to another file."""
        with self._lock:
            if self._fd != fd:
                return False
            self._unsynced.clear()
            duplicate = os.dup(fd)
        # Synced outside the lock: an append must not wait for the disk.
        try:
            os.fsync(duplicate)
        finally:
            os.close(duplicate)
        return True

    def _abandon_in_child(self) -> None:
        """Forget the parent's file: its lock and its frames stay the parent's."""
        if self._fd is not None:
            os.close(self._fd)
        self._fd, self._liveness = None, None
        self._lock = threading.Lock()
        self._unsynced = threading.Event()


_writers: weakref.WeakSet[JournalWriter] = weakref.WeakSet()


def _abandon_all() -> None:
    for writer in list(_writers):
        writer._abandon_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)


def _sync_loop(reference: weakref.ref[JournalWriter], fd: int) -> None:
    while True:
        writer = reference()
        if writer is None:
            return
        unsynced = writer._unsynced
        del writer  # the loop must not keep a journal alive that its store has dropped
        if unsynced.wait(timeout=5):
            time.sleep(SYNC_SECONDS)
            writer = reference()
            if writer is None or not writer._sync(fd):
                return
            del writer


def liveness_lock(journal: Path) -> FileLock:
    """Return the lock that the writer of `journal` holds while it lives."""
    return FileLock(journal.with_suffix(".lock"), mode=0o600, thread_local=False)


def read_frames(path: Path, offset: int = 0) -> Iterator[Frame | Damage]:
    """Yield the events of a journal from `offset` on, and at most one Damage, which ends the reading.

    Raises StoreError when the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except OSError as error:
        raise StoreError(f"the journal {path} cannot be read: {error.strerror}") from error
    position = 0
    while position < len(data):
        result = _frame_at(data, position)
        if isinstance(result, Damage):
            yield Damage(offset + result.offset, result.torn, result.reason)
            return
        yield Frame(result.event, offset + result.end)
        position = result.end


def _frame_at(data: bytes, position: int) -> Frame | Damage:
    start = position + _HEADER.size
    if start > len(data):
        return Damage(position, True, "the header is cut off")
    length, checksum = _HEADER.unpack_from(data, position)
    end = start + length
    if length > MAX_FRAME:
        return Damage(position, False, f"a frame of {length} bytes is not plausible")
    if end > len(data):
        return _cut_off(data[start:], position)
    payload = data[start:end]
    if google_crc32c.value(payload) != checksum:
        return Damage(position, False, "the checksum does not match")
    try:
        return Frame(_decoder.decode(payload), end)
    except msgspec.DecodeError as error:
        return Damage(position, False, f"an event that this version does not know ({error})")


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


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
