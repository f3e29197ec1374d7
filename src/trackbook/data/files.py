"""A file in the store: whole when it is small, else as chunks that it shares with its other versions."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from trackbook.capture.files.stamps import Stamp
from trackbook.errors import DataError, IntegrityError, NotFoundError, nearest
from trackbook.store import Objects
from trackbook.store.manifests import Manifest

WHOLE = "file"
CHUNKS = "chunks"
LARGE = 8 << 20
"""Bytes from which on a file is kept in chunks: below, the file's next version would share little of it."""


class StoredFile(msgspec.Struct, frozen=True, array_like=True):
    """The content of a file, `parts` the digests of the objects that it is made of, in order; `size` in bytes.

    `digest` is that of the whole content, which is what the file is fingerprinted by everywhere.
    """

    digest: str
    size: int
    parts: tuple[str, ...]


class FileManifest(Manifest, frozen=True, kw_only=True):
    """What a large file is made of: the places of its chunks among the parts, in order."""

    digest: bytes
    size: int
    order: tuple[int, ...]


class Read(msgspec.Struct, frozen=True):
    """A file that was stored, as it was when it was read, at `taken_ns`."""

    file: StoredFile
    stamp: Stamp
    taken_ns: int


def write_file(objects: Objects, path: Path) -> Read:
    """Keep the bytes of a file; raises NotFoundError or DataError when it cannot be read, or changes meanwhile."""
    before = stamp_of(path)
    taken = time.time_ns()
    try:
        stored = _write_chunks(objects, path) if before.size >= LARGE else _write_whole(objects, path, before)
    except OSError as error:
        raise _unreadable(path, error) from error
    if Stamp.of(str(path)) != before or stored.size != before.size:
        raise DataError(f"{path} was changed while it was read; snapshot it when whoever writes it is done")
    return Read(stored, before, taken)


def stamp_of(path: Path) -> Stamp:
    """Return the stamp of a file or folder; raises NotFoundError with the nearest name beside it, DataError."""
    try:
        return Stamp.from_stat(path.stat())
    except FileNotFoundError as error:
        beside = [each.name for each in path.parent.glob("*")] if path.parent.is_dir() else []
        raise NotFoundError(f"there is no file {path}{nearest(path.name, beside)}; check the path") from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def is_regular(stamp: Stamp) -> bool:
    """Say whether a stamp is that of a plain file."""
    return stat.S_ISREG(stamp.mode)


def write_manifest(objects: Objects, file: StoredFile) -> str:
    """Keep what a file in chunks is made of, and return the manifest's digest."""
    places = {digest: place for place, digest in enumerate(dict.fromkeys(file.parts))}
    manifest = FileManifest(
        parts=tuple(map(bytes.fromhex, places)),
        digest=bytes.fromhex(file.digest),
        size=file.size,
        order=tuple(places[digest] for digest in file.parts),
    )
    return objects.put(msgspec.msgpack.encode(manifest), compress=True)


def read_file(objects: Objects, digest: str, format: str) -> StoredFile:
    """Return what the file of a version is made of; raises IntegrityError for a manifest that is none of a file."""
    if format == WHOLE:
        return StoredFile(digest, objects.size(digest), (digest,))
    try:
        manifest = msgspec.msgpack.decode(objects.get(digest), type=FileManifest)
    except msgspec.DecodeError as error:
        raise IntegrityError(f"the object {digest[:12]} is no file's manifest ({error})") from error
    return StoredFile(manifest.digest.hex(), manifest.size, tuple(map(manifest.part, manifest.order)))


def pieces(objects: Objects, file: StoredFile) -> Iterator[bytes]:
    """Yield the content of a file; each object is checked as its end is reached, IntegrityError names a broken one."""
    for digest in file.parts:
        yield from objects.pieces(digest)


def _write_whole(objects: Objects, path: Path, stamp: Stamp) -> StoredFile:
    digest = objects.put_file(path)
    return StoredFile(digest, stamp.size, (digest,))


def _write_chunks(objects: Objects, path: Path) -> StoredFile:
    from trackbook.data.chunks import Chunker

    with path.open("rb", buffering=0) as file:
        chunker = Chunker(file)
        # Not waited for: the file is on the disk already, and `known` trusts no chunks that a crash may have taken.
        parts = objects.put_many(chunker.chunks(), wait=False)
    return StoredFile(chunker.digest(), chunker.size, tuple(parts))


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error}); check its permissions")
