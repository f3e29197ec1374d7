"""Content-addressed objects: immutable bytes, named by the BLAKE3 digest of their content.

An object lies at ``ab/cdef…`` for the digest ``abcdef…`` as its bytes, or at ``ab/cdef….zst`` compressed.
"""

from __future__ import annotations

import errno
import io
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
from blake3 import blake3

from trackbook.errors import IntegrityError, NotFoundError, StoreError
from trackbook.hashing import hash_threads
from trackbook.store import compression
from trackbook.store.durable import SUFFIX, Batch, Target

if TYPE_CHECKING:
    from concurrent.futures import Future

ALTERNATES = "alternates"
"""A file that names another folder of objects, to be read from and never written to; git's word for it."""

COMPRESSED = ".zst"
THREADS = 4
IN_FLIGHT = 2 * THREADS
"""Contents that wait at one time to be hashed and written: memory stays bounded however many there are."""

PIECE = 4 << 20
LONG = PIECE
"""A file from this size on is hashed beside, as it is copied."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    """Say whether `text` is the digest of an object: 64 hexadecimal characters."""
    return _DIGEST.fullmatch(text) is not None


class Located(msgspec.Struct, frozen=True):
    """Where an object lies, and whether as its bytes or as a Zstandard frame of them."""

    path: Path
    is_compressed: bool


class Objects:
    """A folder of objects."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._alternate = _alternate(folder)
        self._behind: Callable[[str], None] | None = None

    @property
    def folder(self) -> Path:
        """Where the objects lie."""
        return self._folder

    def read_through(self, fetch: Callable[[str], None]) -> None:
        """Ask `fetch` for an object that is read and is not here; it keeps the object, or raises NotFoundError."""
        self._behind = fetch

    # -- writing

    def put(self, content: bytes | Path, *, compress: bool = False, wait: bool = True) -> str:
        """Store `content` (bytes, or the file at a path) durably and return its digest, 64 hex characters.

        With `compress` it is kept compressed where that pays; a file is kept as it is.  `wait` is that of `put_many`.
        """
        if isinstance(content, Path):
            return self.put_file(content, wait=wait)
        digest = blake3(content).hexdigest()
        if not self.renew(digest, len(content)):
            with Batch(self._folder, wait=wait) as batch:
                self._write(batch, digest, content, compress)
        return digest

    def put_many(
        self, contents: Iterable[bytes | memoryview], *, compress: bool = False, wait: bool = True
    ) -> list[str]:
        """Store several contents, durable together with one wait for the disk, and return their digests in order.

        Without `wait` they are durable some seconds later.  `contents` is read as it is needed, so that it may be
        longer than memory.  A fault, its or the disk's, leaves none of them behind that was not there before.
        """
        from concurrent.futures import ThreadPoolExecutor  # here: who only reads does without

        adding = _Adding(self, compress)
        digests: list[str] = []
        waiting: deque[Future[str]] = deque()
        with Batch(self._folder, wait=wait) as batch, ThreadPoolExecutor(THREADS, "trackbook-objects") as pool:
            for content in contents:
                waiting.append(pool.submit(adding.add, batch, content))
                if len(waiting) > IN_FLIGHT:
                    digests.append(waiting.popleft().result())
            digests += [each.result() for each in waiting]
        return digests

    def put_file(self, path: Path, *, wait: bool = True) -> str:
        """Store the bytes of a file, of any size, and return their digest.  Raises OSError when it cannot be read.

        `wait` is that of `put_many`.
        """
        hasher = blake3(max_threads=hash_threads())

        def target(size: int) -> Path | None:
            digest = hasher.hexdigest()
            return None if self.renew(digest, size) else self._own(digest)

        with path.open("rb", buffering=0) as file, Batch(self._folder, wait=wait) as batch:
            if os.fstat(file.fileno()).st_size < LONG:
                batch.write(_hashed(_read(file), hasher), target)
            else:
                batch.copy(file, hasher, target)
        return hasher.hexdigest()

    def take(self, path: Path, digest: str) -> None:
        """Make the file at `path`, whose bytes have this digest, the object; on one file system it is only renamed.

        The digest is taken on trust: reading proves it.
        """
        own = self._own(digest)
        if self.renew(digest, path.stat().st_size):
            path.unlink()
            return
        own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o600)
        try:
            path.replace(own)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise StoreError(f"a file cannot be written to {self._folder}: {error}") from error
            self.put_file(path, wait=False)
            path.unlink()

    # -- reading

    def get(self, digest: str) -> bytes:
        """Return the content of `digest`; raise IntegrityError when it is not what was stored."""
        return b"".join(self.pieces(digest))

    def copy_to(self, digest: str, file: BinaryIO) -> None:
        """Write the content of `digest`, of any size, to an open file; raise IntegrityError, at the end, as `get`."""
        for piece in self.pieces(digest):
            file.write(piece)

    def check(self, digest: str) -> None:
        """Read the object; raise IntegrityError when it is not what was stored, NotFoundError without it."""
        for _ in self.pieces(digest):
            pass

    def pieces(self, digest: str) -> Iterator[bytes]:
        """Yield the content of `digest` in pieces; only when the last one has come is it known to be right.

        Raises IntegrityError after the last piece when the content is not what was stored, NotFoundError or
        StoreError when it cannot be read.
        """
        found = self._found(digest)
        hasher = blake3(max_threads=hash_threads())
        read = compression.decompressed if found.is_compressed else _read
        try:
            with found.path.open("rb", buffering=0) as file:
                for piece in read(file):
                    hasher.update(piece)
                    yield piece
        except OSError as error:
            raise _unreadable(digest, error) from error
        except IntegrityError as error:
            raise _changed(digest) from error
        if hasher.hexdigest() != digest:
            raise _changed(digest)

    def part(self, digest: str, start: int, size: int) -> bytes:
        """Return `size` bytes of the content of `digest` from `start` on, unproved; fewer where it ends before.

        Raises NotFoundError or StoreError when they cannot be read.
        """
        found = self._found(digest)
        try:
            with found.path.open("rb", buffering=0) as file:
                if found.is_compressed:
                    return b"".join(_between(compression.decompressed(file), start, start + size))
                file.seek(start)
                return _read_fully(file, size)
        except OSError as error:
            raise _unreadable(digest, error) from error
        except IntegrityError as error:
            raise _changed(digest) from error

    def open(self, digest: str) -> io.BufferedIOBase:
        """Return the content of `digest` as a file to read; raise IntegrityError when it is not what was stored."""
        found = self._found(digest)
        if found.is_compressed:
            return io.BytesIO(self.get(digest))
        try:
            file = found.path.open("rb")
        except OSError as error:
            raise _unreadable(digest, error) from error
        try:
            self.check(digest)
        except BaseException:
            file.close()
            raise
        return file

    def exists(self, digest: str) -> bool:
        """Say whether the object is there, without reading it."""
        return self.locate(digest) is not None

    def size(self, digest: str) -> int:
        """Return the size of the object's content in bytes."""
        found = self._found(digest)
        try:
            return compression.content_size(found.path) if found.is_compressed else found.path.stat().st_size
        except IntegrityError as error:
            raise _changed(digest) from error

    def path(self, digest: str) -> Path:
        """Return where an object lies that is not compressed; raises NotFoundError for anything that is no digest."""
        own = self._own(digest)
        if self._alternate is not None and not own.exists():
            other = self._alternate.path(digest)
            return other if other.exists() else own
        return own

    def locate(self, digest: str) -> Located | None:
        """Return where the object lies, here or where it is borrowed from; None when it is nowhere."""
        own = self._own(digest)
        if own.exists():
            return Located(own, False)
        frame = own.with_name(own.name + COMPRESSED)
        if frame.exists():
            return Located(frame, True)
        return None if self._alternate is None else self._alternate.locate(digest)

    def renew(self, digest: str, size: int | None = None) -> bool:
        """Say whether the object is there, for who is about to refer to it: it counts as young from now on.

        One whose content has not `size` bytes was damaged, and counts as missing: it is to be written again.
        """
        found = self.locate(digest)
        try:
            if found is None:
                return False
            if size is not None and not found.is_compressed and found.path.stat().st_size != size:
                return False
        except FileNotFoundError:
            return False
        if found.path.is_relative_to(self._folder):  # what is borrowed is never touched
            try:
                os.utime(found.path)
            except (FileNotFoundError, PermissionError):
                return False  # just cleaned up, or another user's, who may clean it up: it is to be written again
            except OSError:
                return True  # on a disk that is read-only nothing is cleaned up
        return True

    def adopt(self, found: Mapping[str, Located], *, link: bool = False) -> None:
        """Keep objects of another folder as they lie there, by their digests; durable together.

        With `link` their files are linked to, where the system can.  They are not proved: reading does that.
        """
        with Batch(self._folder) as batch:
            for digest, each in found.items():
                target = self._forms(digest)[each.is_compressed]
                if link and _linked(each.path, target):
                    continue
                with each.path.open("rb", buffering=0) as file:
                    batch.write(_read(file), _always(target))

    def discard(self, digest: str, before: float, *, only_look: bool = False) -> int | None:
        """Delete an object that nobody put or renewed since `before` (seconds since 1970); None when somebody did.

        Returns the bytes freed.  Whoever renews it this very moment keeps it, or writes it again.
        """
        freed = 0
        for path in self._forms(digest):
            try:
                status = path.stat()
                if status.st_mtime < before and not only_look:
                    status = _remove_if_old(path, before)
            except FileNotFoundError:
                continue
            if status.st_mtime >= before:
                return None
            freed += status.st_size
        return freed

    def recover(self) -> None:
        """Give back what a `discard` that was killed had in its hands."""
        for aside in self._folder.glob(f"??/*{SUFFIX}"):
            path = aside.with_suffix("")
            if is_digest(path.parent.name + path.name.removesuffix(COMPRESSED)) and not path.exists():
                aside.replace(path)

    def digests(self) -> Iterator[str]:
        """Yield the digests of all stored objects."""
        for folder in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
            for name in sorted({file.name.removesuffix(COMPRESSED) for file in folder.iterdir()}):
                if _DIGEST.fullmatch(folder.name + name):
                    yield folder.name + name

    def borrow(self, folder: Path) -> None:
        """Read from now on also what the objects' folder `folder` holds."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / ALTERNATES).write_text(str(folder.absolute()), encoding="utf-8")
        self._alternate = _alternate(self._folder)

    # -- how

    def _own(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise NotFoundError(f"{digest!r} is no object digest (64 hexadecimal characters)")
        return self._folder / digest[:2] / digest[2:]

    def _forms(self, digest: str) -> tuple[Path, Path]:
        own = self._own(digest)
        return own, own.with_name(own.name + COMPRESSED)

    def _write(self, batch: Batch, digest: str, content: bytes | memoryview, compress: bool) -> None:
        smaller = compression.compressed(content) if compress else None
        own = self._own(digest)
        target = own if smaller is None else own.with_name(own.name + COMPRESSED)
        batch.write([content if smaller is None else smaller], _always(target))

    def _found(self, digest: str) -> Located:
        found = self.locate(digest)
        if found is None and self._behind is not None:
            self._behind(digest)
            found = self.locate(digest)
        if found is None:
            raise self._missing(digest)
        return found

    def _missing(self, digest: str) -> NotFoundError:
        return NotFoundError(f"the object {digest[:12]} is not in {self._folder}; run `trackbook fsck`")


def _linked(source: Path, target: Path) -> bool:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        return False
    return True


def _remove_if_old(path: Path, before: float) -> os.stat_result:
    """Delete a file unless its time turns out to be younger; moved aside first, as a look and a deletion are two."""
    aside = path.with_name(f"{path.name}{SUFFIX}")
    path.rename(aside)
    status = aside.stat()
    if status.st_mtime >= before:
        aside.replace(path)
    else:
        aside.unlink()
    return status


class _Adding:
    """Adds contents to a batch from several threads, each content once."""

    def __init__(self, objects: Objects, compress: bool) -> None:
        self._objects = objects
        self._compress = compress
        self._lock = threading.Lock()
        self._known: set[str] = set()

    def add(self, batch: Batch, content: bytes | memoryview) -> str:
        digest = blake3(content).hexdigest()
        with self._lock:
            is_known = digest in self._known
            self._known.add(digest)
        if not is_known and not self._objects.renew(digest, memoryview(content).nbytes):
            self._objects._write(batch, digest, content, self._compress)
        return digest


def _read(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _always(path: Path) -> Target:
    return lambda _: path


def _hashed(pieces: Iterable[bytes], hasher: Any) -> Iterator[bytes]:
    for piece in pieces:
        hasher.update(piece)
        yield piece


def _read_fully(file: FileIO, size: int) -> bytes:
    """Return `size` bytes from where `file` stands; fewer only where it ends."""
    pieces: list[bytes] = []
    while size and (piece := file.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _between(pieces: Iterable[bytes], start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes of `pieces`, taken as one, from `start` to `end`."""
    position = 0
    for piece in pieces:
        yield piece[max(start - position, 0) : max(end - position, 0)]
        position += len(piece)
        if position >= end:
            return


def _unreadable(digest: str, error: OSError) -> StoreError:
    return StoreError(f"the object {digest[:12]} cannot be read: {error.strerror}")


def _changed(digest: str) -> IntegrityError:
    return IntegrityError(f"the object {digest[:12]} was changed on disk; run `trackbook fsck`")


def _alternate(folder: Path) -> Objects | None:
    try:
        return Objects(Path((folder / ALTERNATES).read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(f"the store's {folder / ALTERNATES} cannot be read ({error.strerror})") from error
