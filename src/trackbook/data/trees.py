"""A folder in the store: a manifest that names what lies in it, and the objects that its files are made of.

What a manifest says is believed only after it has been checked: no path in it leads out of the folder that it is
restored to, be it by `..`, by a root, or through a link.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from blake3 import blake3

from trackbook.capture.files.stamps import Stamp
from trackbook.data.files import LARGE, Places, Read, SlicedManifest, StoredFile, changed_meanwhile, write_file
from trackbook.data.known import KnownFile, Place
from trackbook.errors import DataError, IntegrityError
from trackbook.store import Objects

TREE = "tree"
STORE = b".trackbook"
"""What is never part of a folder's version: a store, which the version itself is about to be written to."""

Kind = Literal["file", "folder", "link"]


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A file, an empty folder or a symbolic link; `path` is below the folder, with `/`, as the system spells it.

    Of a file `digest` is that of its content, `order` the places of its parts in the manifest; of a
    link `target` is what it says, whether or not that exists.
    """

    path: bytes
    kind: Kind
    size: int = 0
    is_executable: bool = False
    digest: bytes = b""
    order: tuple[int, ...] = ()
    target: bytes = b""


class TreeManifest(SlicedManifest, frozen=True, kw_only=True):
    """All that a folder holds, in the order of the paths."""

    entries: tuple[Entry, ...]

    def file(self, entry: Entry) -> StoredFile:
        """Return the content of one of its files."""
        return StoredFile(entry.digest.hex(), entry.size, tuple(map(self.place, entry.order)))


class Walk(NamedTuple):
    """What a walk through a folder met, in the order of the walk: stamps, without following links, what links say.

    Files, links and empty folders are here, by their paths below the folder.
    """

    stamps: dict[Place, Stamp]
    targets: dict[Place, bytes]

    def in_order(self) -> Walk:
        """Return what was met in the order of the paths."""
        return Walk(dict(sorted(self.stamps.items())), dict(sorted(self.targets.items())))

    def digest(self) -> bytes:
        """Return a digest of all that was met: equal ones tell that nothing has changed."""
        return blake3(msgspec.msgpack.encode((self.stamps, self.targets))).digest()


def scan(folder: Path) -> Walk:
    """Return what lies in `folder` and below; raises DataError for what cannot be read or kept."""
    met: dict[Place, Stamp] = {}
    targets: dict[Place, bytes] = {}
    waiting = [(os.fsencode(folder), b"")]
    while waiting:
        place, prefix = waiting.pop()
        before, folders = len(met), len(waiting)
        try:
            with os.scandir(place) as entries:
                for entry in entries:  # a call for each would cost as much as asking the system
                    if entry.name == STORE:
                        continue
                    stamp = Stamp.from_stat(entry.stat(follow_symlinks=False))
                    if stat.S_ISREG(stamp.mode):
                        met[prefix + entry.name] = stamp
                    elif stat.S_ISDIR(stamp.mode):
                        waiting.append((entry.path, prefix + entry.name + b"/"))
                    elif stat.S_ISLNK(stamp.mode):
                        met[prefix + entry.name] = stamp
                        targets[prefix + entry.name] = os.readlink(entry.path)  # noqa: PTH115 - bytes
                    else:
                        raise _no_file(entry.path)
        except OSError as error:
            raise DataError(f"{os.fsdecode(place)} cannot be read ({error.strerror}); check permissions") from error
        if prefix and (len(met), len(waiting)) == (before, folders):
            met[prefix[:-1]] = Stamp.from_stat(os.stat(place))  # noqa: PTH116 - bytes
    return Walk(met, targets)


def write_files(
    objects: Objects,
    folder: Path,
    walk: Walk,
    known: Mapping[Place, KnownFile],
    earlier: Callable[[Place], StoredFile | None],
) -> dict[Place, Read | KnownFile]:
    """Keep the files of a folder, except those that are `known` with the stamp that they have.

    `earlier` says as what a file was stored in the version before this one.
    """
    stored: dict[Place, Read | KnownFile] = {}
    small: list[Place] = []
    for place, stamp in walk.stamps.items():
        if not stat.S_ISREG(stamp.mode):
            continue
        before = known.get(place)
        if before is not None and before.stamp == stamp and all(map(objects.exists, before.file.objects)):
            stored[place] = before
        elif stamp.size < LARGE:
            small.append(place)
        else:
            stored[place] = write_file(objects, folder / os.fsdecode(place), partial(earlier, place))
    return stored | _write_small(objects, folder, walk.stamps, small)


def make_manifest(walk: Walk, stored: Mapping[Place, Read | KnownFile]) -> TreeManifest:
    """Return the manifest of a folder, whose files are `stored`."""
    places = Places()
    entries = []
    for path, stamp in walk.stamps.items():
        if stat.S_ISREG(stamp.mode):
            file = stored[path].file
            executable = bool(stamp.mode & stat.S_IXUSR)
            entries.append(Entry(path, "file", file.size, executable, bytes.fromhex(file.digest), places.of(file)))
        elif stat.S_ISLNK(stamp.mode):
            entries.append(Entry(path, "link", target=walk.targets[path]))
        else:
            entries.append(Entry(path, "folder"))
    return TreeManifest(parts=places.parts, slices=places.slices, entries=tuple(entries))


def read_tree(objects: Objects, digest: str) -> TreeManifest:
    """Return the manifest `digest`, checked; raises IntegrityError for one that no folder could have."""
    try:
        manifest = msgspec.msgpack.decode(objects.get(digest), type=TreeManifest)
    except msgspec.DecodeError as error:
        raise IntegrityError(f"the object {digest[:12]} is no folder's manifest ({error})") from error
    wrong = next(_wrong_paths(manifest.entries), None)
    if wrong is not None:
        raise IntegrityError(f"the folder's manifest {digest[:12]} names {wrong!r}, which is no path in a folder")
    return manifest


def _wrong_paths(entries: Sequence[Entry]) -> Iterator[bytes]:
    """Yield the paths that lead elsewhere, that are there twice, or that lie below what is no folder."""
    seen: set[bytes] = set()
    for entry in entries:
        parts = entry.path.split(b"/")
        if entry.path in seen or b"\0" in entry.path or any(part in (b"", b".", b"..") for part in parts):
            yield entry.path
        if os.name == "nt" and (b"\\" in entry.path or b":" in entry.path):
            yield entry.path
        seen.add(entry.path)
    for path in seen:
        parts = path.split(b"/")
        if any(b"/".join(parts[:count]) in seen for count in range(1, len(parts))):
            yield path


def _no_file(path: bytes) -> DataError:
    return DataError(f"{os.fsdecode(path)} is a pipe, socket or device, which cannot be kept; move it away")


def _write_small(
    objects: Objects, folder: Path, stamps: Mapping[Place, Stamp], places: Sequence[Place]
) -> dict[Place, Read | KnownFile]:
    """Keep small files, with one wait for the disk."""
    taken = time.time_ns()
    contents = (_read_small(folder / os.fsdecode(place), stamps[place]) for place in places)
    digests = objects.put_many(contents)
    return {
        place: Read(StoredFile(digest, stamps[place].size, (digest,)), stamps[place], taken)
        for place, digest in zip(places, digests, strict=True)
    }


def _read_small(path: Path, stamp: Stamp) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read()
            is_same = Stamp.of(file.fileno()) == stamp
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    if not is_same or len(content) != stamp.size:
        raise changed_meanwhile(path)
    return content
