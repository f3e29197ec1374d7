"""Objects on their way between a store and a remote, each proved by its digest before it is kept.

On the remote an object lies at ``objects/ab/cdef…``, as its content or as a Zstandard frame of it: the digest says
which.  A fault leaves whole objects behind or none, so that doing it again goes on where it ended.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import msgspec
from blake3 import blake3

from trackbook.errors import IntegrityError, NotFoundError
from trackbook.hashing import hash_threads
from trackbook.store import compression
from trackbook.store.objects import Objects, is_digest
from trackbook.store.remote import TEMPORARY, OnProgress, Remote

FOLDER = "objects"
FETCHED = 256
"""Objects of one batch, which becomes durable at the price of one wait for the disk."""

LISTED = 200
"""Up to so many objects are asked for one by one; for more, the remote is listed."""

SMALL = 8 << 20
"""Bytes up to which an object passes through memory."""

UNPACKED = 1 << 28
RATIO = 1000
"""A frame is believed to hold `UNPACKED` bytes, or so many times its own size; more was crafted to fill the disk."""


class Moved(msgspec.Struct, frozen=True):
    """How many objects were moved, and their bytes as they travelled."""

    count: int = 0
    size: int = 0

    def __add__(self, other: Moved) -> Moved:
        return Moved(self.count + other.count, self.size + other.size)


class Transfer:
    """Moves objects between the folder `objects` and `remote`."""

    def __init__(self, remote: Remote, objects: Objects, on_progress: OnProgress | None = None) -> None:
        self._remote = remote
        self._objects = objects
        self._on_progress = on_progress or (lambda what, done, total: None)
        self._there: set[str] | None = None

    def missing(self, digests: Iterable[str]) -> list[str]:
        """Return those of `digests` that the remote does not have."""
        wanted = sorted(set(digests))
        if self._there is None and len(wanted) > LISTED:
            self._there = set(self._remote.names(FOLDER))
        if self._there is not None:
            return [digest for digest in wanted if name_of(digest) not in self._there]
        found = self._remote.each(lambda digest: self._remote.exists(name_of(digest)), wanted)
        return [digest for digest, is_there in zip(wanted, found, strict=True) if not is_there]

    def present(self, digests: Iterable[str]) -> set[str]:
        """Return those of `digests` that the remote has and this store lacks."""
        wanted = {digest for digest in digests if not self._objects.exists(digest)}
        return wanted - set(self.missing(wanted))

    def send(self, digests: Iterable[str], contents: Mapping[str, bytes] | None = None) -> Moved:
        """Put those of `digests` on the remote that it lacks; `contents` holds some that are no objects here.

        Raises IntegrityError, and sends nothing more, for an object that is missing here or was changed.
        """
        kept = contents or {}
        missing = self.missing([*digests, *kept])
        moved = Moved()

        def send(digest: str) -> int:
            if digest in kept:
                content = compression.compressed(kept[digest]) or kept[digest]
                self._remote.write(name_of(digest), content)
                return len(content)
            return self._send_object(digest)

        for number, size in enumerate(self._remote.each(send, missing), 1):
            moved += Moved(1, size)
            self._on_progress("objects", number, len(missing))
        if self._there is not None:
            self._there.update(map(name_of, missing))
        return moved

    def _send_object(self, digest: str) -> int:
        found = self._objects.locate(digest)
        try:
            self._objects.check(digest)  # damage must not spread to others
        except NotFoundError as error:
            raise IntegrityError(f"the object {digest[:12]} is gone from this store; run `trackbook fsck`") from error
        assert found is not None
        self._remote.send(found.path, name_of(digest))
        return found.path.stat().st_size

    def fetch(self, digests: Iterable[str]) -> Moved:
        """Keep those of `digests` that this store lacks, durably; raises IntegrityError for what is not as named."""
        missing = sorted({digest for digest in digests if not self._objects.renew(digest)})
        moved = Moved()
        with self._folder() as folder:
            for batch in _batches(missing):
                moved += self._keep(self._remote.each(lambda digest: _fetch(self._remote, digest, folder), batch))
                self._on_progress("objects", moved.count, len(missing))
        return moved

    def read(self, digest: str) -> bytes:
        """Return the content of one object of the remote, without keeping it; raises IntegrityError as `fetch`."""
        with self._folder() as folder:
            found = _fetch(self._remote, digest, folder)
            return found.path.read_bytes() if found.content is None else found.content

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        self._objects.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetching-", suffix=TEMPORARY, dir=self._objects.folder) as name:
            yield Path(name)

    def _keep(self, fetched: Iterable[_Fetched]) -> Moved:
        frames: list[bytes] = []
        plain: list[bytes] = []
        moved = Moved()
        for each in fetched:
            moved += Moved(1, each.size)
            if each.content is None:
                self._objects.put(each.path)
                each.path.unlink()
            else:
                (frames if each.is_compressed else plain).append(each.content)
        self._objects.put_many(frames, compress=True)
        self._objects.put_many(plain)
        return moved


class _Fetched(msgspec.Struct, frozen=True):
    """A proved object: its `content` in memory, or in the file `path`; `size` is what was moved."""

    size: int
    is_compressed: bool
    path: Path
    content: bytes | None


def name_of(digest: str) -> str:
    """Return the name of an object on a remote; raises IntegrityError for what is no digest."""
    if not is_digest(digest):
        raise IntegrityError(f"{digest!r:.80} is no digest of an object; it was crafted")
    return f"{FOLDER}/{digest[:2]}/{digest[2:]}"


def _fetch(remote: Remote, digest: str, folder: Path) -> _Fetched:
    raw = folder / digest
    try:
        remote.fetch(name_of(digest), raw)
    except NotFoundError as error:
        raise IntegrityError(f"{remote.url} has no object {digest[:12]}, which one of its records names") from error
    size = raw.stat().st_size
    content = raw.read_bytes() if size <= SMALL else None
    found = blake3(content) if content is not None else blake3(max_threads=hash_threads()).update_mmap(raw)
    if found.hexdigest() != digest:
        return _unpack(remote, digest, raw, size)
    if content is not None:
        raw.unlink()
    return _Fetched(size, False, raw, content)


def _unpack(remote: Remote, digest: str, raw: Path, size: int) -> _Fetched:
    """Prove the frame in the file `raw`, and return what it holds."""
    hasher, unpacked = blake3(), 0
    target = raw.with_name(f"{digest}.content")
    limit = max(UNPACKED, RATIO * size)
    try:
        with raw.open("rb") as file, target.open("wb") as out:
            for piece in compression.decompressed(file):
                unpacked += len(piece)
                if unpacked > limit:
                    raise IntegrityError(f"it unpacks to more than {limit:,} bytes")
                hasher.update(piece)
                out.write(piece)
        if hasher.hexdigest() != digest:
            raise IntegrityError("its bytes are not those of its digest")
    except IntegrityError as error:
        target.unlink(missing_ok=True)
        raise IntegrityError(f"the object {digest[:12]} of {remote.url} was changed there: {error}") from error
    raw.unlink()
    if unpacked > SMALL:
        return _Fetched(size, True, target, None)
    content = target.read_bytes()
    target.unlink()
    return _Fetched(size, True, target, content)


def _batches(digests: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(digests)
    while batch := list(islice(rest, FETCHED)):
        yield batch
