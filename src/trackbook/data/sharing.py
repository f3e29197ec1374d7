"""The next version of a large file: what it shares with the one before is named where it lies, the rest is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from itertools import groupby
from pathlib import Path

from trackbook.data.chunks import Chunk, cut
from trackbook.data.files import Slice, StoredFile, changed_meanwhile
from trackbook.data.parquet import column_places
from trackbook.errors import NotFoundError, StoreError
from trackbook.store import Objects

WORTH = 8
"""A file that shares less than one part in so many with the version before is kept whole: that is read faster."""

Parts = dict[str, str | Slice]
"""By the digests of chunks: where these lie."""


def write_shared(objects: Objects, path: Path, before: StoredFile) -> StoredFile | None:
    """Keep a file as chunks that it shares with the version `before`, and new ones; None where it shares too little.

    Raises OSError when the file cannot be read, DataError when it changes meanwhile.
    """
    with ThreadPoolExecutor(1, "trackbook-cut") as beside, path.open("rb", buffering=0) as file:
        kept = beside.submit(_parts_of, objects, before)
        found = cut(file, column_places(file))
        try:
            parts = kept.result()
        except (OSError, StoreError, NotFoundError):
            parts = {}  # what is damaged is no help, and its reader is told
        if objects.renew(found.digest, found.size):
            return StoredFile(found.digest, found.size, (found.digest,))
        if sum(chunk.size for chunk in found.chunks if chunk.digest in parts) * WORTH < found.size:
            return None
        # Each object in use counts as young from here on, so that none is cleaned up before the version is there.
        used = {part.object for chunk in found.chunks if isinstance(part := parts.get(chunk.digest), Slice)}
        gone = {digest for digest in used if not objects.renew(digest)}
        slices = {digest: part for digest, part in parts.items() if isinstance(part, Slice) and part.object not in gone}
        new = {chunk.digest: chunk for chunk in found.chunks if chunk.digest not in slices}
        missing = [chunk for chunk in new.values() if not objects.renew(chunk.digest, chunk.size)]
        if objects.put_many(_contents(file, missing), wait=False) != [chunk.digest for chunk in missing]:
            raise changed_meanwhile(path)
    return StoredFile(found.digest, found.size, tuple(slices.get(each.digest, each.digest) for each in found.chunks))


def _parts_of(objects: Objects, file: StoredFile) -> Parts:
    """Return the chunks of a stored file whose objects are here, on this disk."""
    if file.parts == (file.digest,):
        return _chunks_of(objects, file.digest)
    ends = {
        each: max((part.start + part.size for part in parts), default=0)
        for each, parts in groupby(sorted(_slices(file), key=lambda part: part.object), key=lambda part: part.object)
    }
    whole = {each for each, end in ends.items() if objects.exists(each) and objects.size(each) >= end}
    return {
        (part.digest if isinstance(part, Slice) else part): part
        for part in file.parts
        if not isinstance(part, Slice) or part.object in whole
    }


def _slices(file: StoredFile) -> Iterator[Slice]:
    return (part for part in file.parts if isinstance(part, Slice))


def _chunks_of(objects: Objects, digest: str) -> Parts:
    """Cut an object that is kept as its bytes; one that is not, or not here, has no chunks."""
    found = objects.locate(digest)
    if found is None or found.is_compressed:
        return {}
    with found.path.open("rb", buffering=0) as file:
        chunks = cut(file, column_places(file)).chunks
    return {chunk.digest: Slice(chunk.digest, digest, chunk.start, chunk.size) for chunk in chunks}


def _contents(file: FileIO, chunks: Iterable[Chunk]) -> Iterator[bytes]:
    for chunk in chunks:
        file.seek(chunk.start)
        yield file.read(chunk.size)
