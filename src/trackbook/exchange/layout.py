"""What lies where in a shared place.

::

    trackbook.json                  which format this is
    objects/ab/cdef…                contents, by their digest
    runs/RUN_ID/DIGEST              what a store knew of a run: one record for each state that anybody pushed
    data/IDENTITY/DIGEST            dataset versions
    models/ORIGIN/DIGEST            model versions

A record is named by the digest of what it says.  Nothing is ever changed there, so two people cannot get in each
other's way.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TypeVar

import msgspec
import zstandard
from blake3 import blake3

from trackbook.errors import IntegrityError, NotFoundError, StoreVersionError
from trackbook.store.compression import decompressed
from trackbook.store.remote import Remote

FORMAT = 1
MARKER = "trackbook.json"
MAX_RECORD = 1 << 26
"""Bytes of the record of a dataset or model version, as it travels and unpacked."""

_NAME = re.compile(r"(?P<folder>runs|data|models)/(?P<key>[0-9a-f]{1,64})/(?P<digest>[0-9a-f]{64})")

Record = TypeVar("Record", bound=msgspec.Struct)


class Marker(msgspec.Struct, frozen=True):
    """The content of `trackbook.json`."""

    format: int


def check_format(remote: Remote) -> bool:
    """Say whether the place is in use; raises StoreVersionError when a newer Trackbook uses it."""
    try:
        content = remote.read(MARKER, 10_000)
    except NotFoundError:
        return False
    try:
        marker = msgspec.json.decode(content, type=Marker)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise IntegrityError(f"{MARKER} in {remote.url} is none that Trackbook wrote ({error})") from error
    if marker.format > FORMAT:
        raise StoreVersionError(
            f"a newer Trackbook uses {remote.url} (format {marker.format}); update with `pip install -U trackbook`"
        )
    return True


def mark(remote: Remote) -> None:
    """Begin to use a place."""
    remote.write(MARKER, msgspec.json.encode(Marker(FORMAT)))


def listed(remote: Remote, folder: str) -> dict[str, list[str]]:
    """Return the digests of the records in a folder, by the key that they are about."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted(remote.names(folder)):
        match = _NAME.fullmatch(name)
        if match and match["folder"] == folder:
            found[match["key"]].append(match["digest"])
    return dict(found)


def name_of(folder: str, key: str, digest: str) -> str:
    """Return the name of a record."""
    return f"{folder}/{key}/{digest}"


def pack(record: msgspec.Struct) -> tuple[str, bytes]:
    """Return the digest of a record and its bytes as they travel."""
    data = _encoder.encode(record)
    return blake3(data).hexdigest(), zstandard.ZstdCompressor().compress(data)


def unpack(content: bytes, digest: str, kind: type[Record], newest: int) -> Record:
    """Return the record with this digest; raises IntegrityError or StoreVersionError for one that is not fit."""
    data = _unpacked(content)
    if blake3(data).hexdigest() != digest:
        raise IntegrityError("its bytes are not those of its digest")
    try:
        if msgspec.msgpack.decode(data, type=Marker).format > newest:
            raise StoreVersionError("a newer Trackbook wrote it; update with `pip install -U trackbook`")
        return msgspec.msgpack.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise IntegrityError(f"it is no record that Trackbook wrote ({error})") from error


_encoder = msgspec.msgpack.Encoder(order="deterministic")


def _unpacked(content: bytes) -> bytes:
    import io

    data = b""
    for piece in decompressed(io.BytesIO(content)):
        data += piece
        if len(data) > MAX_RECORD:
            raise IntegrityError(f"it unpacks to more than {MAX_RECORD:,} bytes")
    return data
