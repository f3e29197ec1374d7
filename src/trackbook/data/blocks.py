"""A frame as blocks of its columns, each kept once in the store, and a manifest that says how they lie together.

Appending rows, inserting rows, adding or changing a column therefore costs what changed.  The manifest is an object
too; its digest is the version's, and equal frames have equal manifests.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc

from trackbook.data import frames
from trackbook.data.cutting import cuts
from trackbook.errors import DataError, IntegrityError
from trackbook.store import Objects
from trackbook.store.manifests import Manifest

FORMAT = "blocks"
INLINE = 4096
"""A block of at most so many bytes lies in the manifest itself: a small frame is one object, and one write."""

_FIELD = "values"


class Block(msgspec.Struct, frozen=True, array_like=True):
    """Some rows of a column: part number `part` of the manifest, or, when small, their bytes right here."""

    rows: int
    part: int = -1
    inline: bytes = b""


class Stored(msgspec.Struct, frozen=True):
    """A column or index level in the order of its rows; `dictionary` holds what its numbers stand for, if they do."""

    name: str
    blocks: tuple[Block, ...]
    dictionary: tuple[Block, ...] = ()
    is_ordered: bool = False


class FrameManifest(Manifest, frozen=True, kw_only=True):
    """What a frame is made of; `size` are the bytes of its blocks, `structure` is that of `data.structure`."""

    plan: frames.Plan
    stored: tuple[Stored, ...]
    size: int
    structure: str | None = None


def write_frame(
    objects: Objects, frame: pd.DataFrame, structure: str | None = None, *, quick: bool = False
) -> tuple[str, FrameManifest]:
    """Keep `frame`, and return the digest of its manifest and the manifest; raises DataError as `frames.arrays_of`.

    When it must be `quick`, it is not compressed, and on the disk some seconds later.
    """
    arrays, plan = frames.arrays_of(frame)
    packing = _Packing()
    digests = objects.put_many(packing.large(arrays), compress=not quick, wait=not quick)
    manifest = packing.manifest(plan, digests, structure)
    (digest,) = objects.put_many([msgspec.msgpack.encode(manifest)], compress=True, wait=not quick)
    return digest, manifest


def read_frame(objects: Objects, digest: str) -> pd.DataFrame:
    """Return the frame of the manifest `digest`; raises IntegrityError that names the object which is not whole."""
    manifest = read_manifest(objects, digest)
    stored = {each.name: each for each in manifest.stored}

    def column(name: str) -> pa.ChunkedArray:
        if name not in stored:
            raise IntegrityError(f"the manifest {digest[:12]} lacks the column {name!r}; run `trackbook fsck`")
        return _column(objects, manifest, stored[name])

    return frames.frame_of(column, manifest.plan)


def read_manifest(objects: Objects, digest: str) -> FrameManifest:
    """Return the manifest `digest`; raises IntegrityError when it is none of a frame."""
    try:
        return msgspec.msgpack.decode(objects.get(digest), type=FrameManifest)
    except msgspec.DecodeError as error:
        raise IntegrityError(f"the object {digest[:12]} is no frame's manifest ({error})") from error


class _Packing:
    """Cuts arrays into blocks; `large` must be used up before there is a manifest."""

    def __init__(self) -> None:
        self._stored: list[tuple[str, list[Block], list[Block], bool]] = []
        self._waiting: list[tuple[list[Block], int]] = []
        self._size = 0

    def large(self, arrays: dict[str, pa.Array]) -> Iterator[memoryview]:
        """Yield the blocks that become objects."""
        for name, array in arrays.items():
            indices, dictionary = split(array)
            blocks: list[Block] = []
            words: list[Block] = []
            self._stored.append((name, blocks, words, bool(getattr(array.type, "ordered", False))))
            yield from self._cut(indices, blocks)
            if dictionary is not None:
                yield from self._cut(dictionary, words)

    def manifest(self, plan: frames.Plan, digests: list[str], structure: str | None) -> FrameManifest:
        """Return the manifest; `digests` are those of the large blocks, in their order."""
        places: dict[str, int] = {}
        for (blocks, at), digest in zip(self._waiting, digests, strict=True):
            blocks[at] = Block(blocks[at].rows, places.setdefault(digest, len(places)))
        stored = tuple(
            Stored(name, tuple(blocks), tuple(words), ordered) for name, blocks, words, ordered in self._stored
        )
        parts = tuple(map(bytes.fromhex, places))
        return FrameManifest(parts=parts, plan=plan, stored=stored, size=self._size, structure=structure)

    def _cut(self, array: pa.Array, blocks: list[Block]) -> Iterator[memoryview]:
        if pa.types.is_nested(array.type) or (array.null_count and not pa.types.is_primitive(array.type)):
            array = with_gaps_empty(array)  # where to cut depends on lengths, and a missing text may have one
        rows = cuts(array)
        for start, end in pairwise(rows):
            content = block_bytes(array.slice(start, end - start))
            self._size += content.nbytes
            if content.nbytes <= INLINE:
                blocks.append(Block(end - start, inline=bytes(content)))
            else:
                self._waiting.append((blocks, len(blocks)))
                blocks.append(Block(end - start))
                yield content


def split(array: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    """Return an array, or the numbers of one with a dictionary, and the dictionary, which would be in every block."""
    return (array.indices, array.dictionary) if pa.types.is_dictionary(array.type) else (array, None)


def block_bytes(rows: pa.Array) -> memoryview:
    """Return some rows as an Arrow IPC stream: the same bytes for the same values, wherever they stood in memory."""
    # Copied, as Arrow writes out what lies behind a part of an array in memory too, up to the next full word.
    rows = with_gaps_empty(rows) if len(rows) else pa.array([], rows.type)
    batch = pa.RecordBatch.from_arrays([rows], names=[_FIELD])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return memoryview(sink.getvalue())


def with_gaps_empty(array: pa.Array) -> pa.Array:
    """Return a copy of `array` whose memory holds no leftovers: none where values are missing, none around it."""
    if isinstance(array, pa.ExtensionArray):
        return pa.ExtensionArray.from_storage(array.type, with_gaps_empty(array.storage))
    places = pa.array(np.arange(len(array)), mask=np.asarray(array.is_null()) if array.null_count else None)
    try:
        return array.take(places)
    except pa.ArrowNotImplementedError:  # a rare type, whose equal values may then take two blocks
        return array


def _column(objects: Objects, manifest: FrameManifest, stored: Stored) -> pa.ChunkedArray:
    values = _joined(objects, manifest, stored.blocks)
    if not stored.dictionary:
        return values
    indices, words = (each.combine_chunks() for each in (values, _joined(objects, manifest, stored.dictionary)))
    return pa.chunked_array([pa.DictionaryArray.from_arrays(indices, words, ordered=stored.is_ordered)])


def _joined(objects: Objects, manifest: FrameManifest, blocks: tuple[Block, ...]) -> pa.ChunkedArray:
    return pa.chunked_array([_read_block(objects, manifest, each) for each in blocks])


def _read_block(objects: Objects, manifest: FrameManifest, block: Block) -> pa.Array:
    digest = "" if block.part < 0 else manifest.part(block.part)
    content = objects.get(digest) if digest else block.inline
    try:
        with pa.ipc.open_stream(pa.BufferReader(content)) as reader:
            rows = reader.read_all().column(_FIELD).combine_chunks()
        rows = rows.chunk(0) if isinstance(rows, pa.ChunkedArray) else rows
        rows.validate(full=True)
    except (pa.ArrowException, KeyError, OSError, EOFError) as error:
        raise DataError(f"the block {digest[:12] or 'in a manifest'} is no column of a frame ({error})") from error
    if len(rows) != block.rows:
        raise IntegrityError(f"the block {digest[:12]} has {len(rows)} rows, not {block.rows}; run `trackbook fsck`")
    return rows
