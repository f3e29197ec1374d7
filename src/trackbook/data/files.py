"""A file in the store: first whole, then, where a later version shares much with it, as chunks.

The first version of a large file costs a copy.  The next one is cut into chunks, and so is what was kept before: a
chunk that lies in an earlier version's object stays there, and is named as a slice of it; only the others are written.
Nothing that is stored is ever replaced.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from blake3 import blake3

from trackbook.capture.files.stamps import Stamp
from trackbook.errors import DataError, IntegrityError, NotFoundError, nearest
from trackbook.store import Objects
from trackbook.store.manifests import Manifest

WHOLE = "file"
CHUNKS = "chunks"
LARGE = 8 << 20
"""Bytes from which on a file is kept in chunks: below, the file's next version would share little of it."""


class Slice(msgspec.Struct, frozen=True, array_like=True):
    """`size` bytes from `start` on of an object's content; `digest` is theirs."""

    digest: str
    object: str
    start: int
    size: int


class StoredFile(msgspec.Struct, frozen=True, array_like=True):
    """The content of a file, `parts` what it is made of, in order: digests of objects, and slices; `size` in bytes.

    `digest` is that of the whole content, which is what the file is fingerprinted by everywhere.
    """

    digest: str
    size: int
    parts: tuple[str | Slice, ...]

    @property
    def objects(self) -> set[str]:
        """The digests of all objects that the content lies in."""
        return {part.object if isinstance(part, Slice) else part for part in self.parts}


Before = Callable[[], StoredFile | None]
"""Says as what the version before this one was stored; asked only when that matters."""


class StoredSlice(msgspec.Struct, frozen=True, array_like=True):
    """A slice as a manifest has it: `part` is the place of the object among the manifest's parts."""

    digest: bytes
    part: int
    start: int
    size: int


class SlicedManifest(Manifest, frozen=True, kw_only=True):
    """A manifest whose files are named by places: of a part, or, counted down from -1, of a slice."""

    slices: tuple[StoredSlice, ...] = ()

    def place(self, place: int) -> str | Slice:
        """Return what lies at a place; raises IntegrityError when there is none."""
        if place >= 0:
            return self.part(place)
        if -place > len(self.slices):
            raise IntegrityError(f"a manifest of {len(self.slices)} slices names slice {-place}; run `trackbook fsck`")
        found = self.slices[-place - 1]
        return Slice(found.digest.hex(), self.part(found.part), found.start, found.size)


class Places:
    """Gives each object and each slice of a manifest that is being made its place."""

    def __init__(self) -> None:
        self._objects: dict[str, int] = {}
        self._slices: dict[Slice, int] = {}

    def of(self, file: StoredFile) -> tuple[int, ...]:
        """Return the places of a file's parts."""
        return tuple(map(self._place, file.parts))

    def _place(self, part: str | Slice) -> int:
        if isinstance(part, str):
            return self._objects.setdefault(part, len(self._objects))
        self._place(part.object)
        return self._slices.setdefault(part, -len(self._slices) - 1)

    @property
    def parts(self) -> tuple[bytes, ...]:
        """The objects, in the order of their places."""
        return tuple(map(bytes.fromhex, self._objects))

    @property
    def slices(self) -> tuple[StoredSlice, ...]:
        """The slices, in the order of their places."""
        return tuple(
            StoredSlice(bytes.fromhex(each.digest), self._objects[each.object], each.start, each.size)
            for each in self._slices
        )


class FileManifest(SlicedManifest, frozen=True, kw_only=True):
    """What a large file is made of: the places of its chunks, in order."""

    digest: bytes
    size: int
    order: tuple[int, ...]


class Read(msgspec.Struct, frozen=True):
    """A file that was stored, as it was when it was read, at `taken_ns`."""

    file: StoredFile
    stamp: Stamp
    taken_ns: int


def write_file(objects: Objects, path: Path, before: Before) -> Read:
    """Keep the bytes of a file; raises NotFoundError or DataError when it cannot be read, or changes meanwhile."""
    stamp = stamp_of(path)
    taken = time.time_ns()
    try:
        stored = _write_large(objects, path, before) if stamp.size >= LARGE else _write_whole(objects, path)
    except OSError as error:
        raise _unreadable(path, error) from error
    if Stamp.of(str(path)) != stamp or stored.size != stamp.size:
        raise changed_meanwhile(path)
    return Read(stored, stamp, taken)


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


def changed_meanwhile(path: Path) -> DataError:
    """Return the error that says that a file was written while it was read."""
    return DataError(f"{path} was changed while it was read; snapshot it when whoever writes it is done")


def write_manifest(objects: Objects, file: StoredFile) -> str:
    """Keep what a file in chunks is made of, and return the manifest's digest."""
    places = Places()
    order = places.of(file)
    manifest = FileManifest(
        parts=places.parts, slices=places.slices, digest=bytes.fromhex(file.digest), size=file.size, order=order
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
    return StoredFile(manifest.digest.hex(), manifest.size, tuple(map(manifest.place, manifest.order)))


def pieces(objects: Objects, file: StoredFile) -> Iterator[bytes]:
    """Yield the content of a file; each part is checked as its end is reached, IntegrityError names a broken one."""
    for part in file.parts:
        if isinstance(part, Slice):
            yield read_slice(objects, part)
        else:
            yield from objects.pieces(part)


def read_slice(objects: Objects, part: Slice) -> bytes:
    """Return the bytes of a slice; raises IntegrityError when they are not what was stored."""
    content = objects.part(part.object, part.start, part.size)
    if blake3(content).hexdigest() != part.digest:
        raise IntegrityError(f"the object {part.object[:12]} was changed on disk; run `trackbook fsck`")
    return content


def _write_whole(objects: Objects, path: Path, *, wait: bool = True) -> StoredFile:
    digest = objects.put_file(path, wait=wait)
    return StoredFile(digest, objects.size(digest), (digest,))


def _write_large(objects: Objects, path: Path, before: Before) -> StoredFile:
    earlier = before()
    stored = None
    if earlier is not None and earlier.size >= LARGE:
        from trackbook.data.sharing import write_shared

        stored = write_shared(objects, path, earlier)
    # Not waited for: the file is on the disk already, and `known` trusts nothing that a crash may have taken.
    return stored or _write_whole(objects, path, wait=False)


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error}); check its permissions")
