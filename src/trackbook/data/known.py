"""What is known of files that were stored before, so that a file which has not changed is not read again.

The store keeps one small file for each path that was snapshotted: the stamps of what lies there, and what it was
stored as.  A stamp is noted only where git's rule lets it be trusted (`Stamp.is_trusty`).  A record that is damaged,
of another format, or from before the machine was last started (a crash may have taken what the disk had not finished
writing) counts as none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec
from blake3 import blake3

from trackbook.capture.files.stamps import Stamp
from trackbook.data.files import Read, StoredFile

FORMAT = 2
_DIGEST_BYTES = 32
_LENGTH_BYTES = 4
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

Place = bytes
"""The path of a file below the folder that was snapshotted, as the system spells it; empty for the file itself."""


class KnownFile(msgspec.Struct, frozen=True, array_like=True):
    """A file with its stamp, and what it was stored as."""

    stamp: Stamp
    file: StoredFile


class Known(msgspec.Struct, frozen=True):
    """What lay at a path, and the digest and format of the version that it became.

    `whole` is the digest of all that a walk through a folder met, None unless every stamp in it can be trusted.  The
    files, of which a folder may have very many, stand behind this in the record: `held_size` bytes of `held_digest`,
    read only when one of them has changed.
    """

    format: int
    boot: str
    path: str
    version_digest: str
    version_format: str
    whole: bytes | None
    held_size: int
    held_digest: bytes


def recall(folder: Path, path: Path) -> Known | None:
    """Return what the store's folder `folder` knows of `path`; None when that is nothing to be relied on."""
    try:
        with _record(folder, path).open("rb") as file:
            digest = file.read(_DIGEST_BYTES)
            head = file.read(int.from_bytes(file.read(_LENGTH_BYTES), "big"))
            held_size = os.fstat(file.fileno()).st_size - file.tell()
        if blake3(head).digest() != digest:
            return None
        known = _decoder.decode(head)
    except (OSError, msgspec.DecodeError):
        return None
    is_ours = known.format == FORMAT and known.path == _spelled(path) and known.boot == boot()
    return known if is_ours and known.boot and known.held_size == held_size else None


def recall_files(folder: Path, path: Path, known: Known) -> dict[Place, KnownFile]:
    """Return the files that lay at `path`, with stamps that can be trusted; none where they cannot be relied on."""
    try:
        held = _record(folder, path).read_bytes()[-known.held_size :]
        if blake3(held).digest() != known.held_digest:
            return {}
        return _files_decoder.decode(held)
    except (OSError, msgspec.DecodeError):
        return {}


def remember(
    folder: Path,
    path: Path,
    read: Mapping[Place, Read | KnownFile],
    digest: str,
    format: str,
    whole: bytes | None = None,
) -> None:
    """Note what lay at `path`; a store that cannot be written just forgets it."""
    files = {place: known for place, each in read.items() if (known := _trusty(each)) is not None}
    held = msgspec.msgpack.encode(files)
    whole = whole if len(files) == len(read) else None
    about = Known(FORMAT, boot(), _spelled(path), digest, format, whole, len(held), blake3(held).digest())
    head = msgspec.msgpack.encode(about)
    record = _record(folder, path)
    temporary = record.with_name(f"{record.name}.{os.urandom(4).hex()}.tmp")
    with suppress(OSError):
        record.parent.mkdir(mode=0o700, exist_ok=True)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            file.write(blake3(head).digest() + len(head).to_bytes(_LENGTH_BYTES, "big") + head + held)
        temporary.replace(record)


@cache
def boot() -> str:
    """Return what names the time since the machine was started; an empty text where the system does not tell."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _trusty(each: Read | KnownFile) -> KnownFile | None:
    if isinstance(each, KnownFile):
        return each
    return KnownFile(each.stamp, each.file) if each.stamp.is_trusty(each.taken_ns) else None


def _record(folder: Path, path: Path) -> Path:
    return folder / blake3(os.fsencode(path.absolute())).hexdigest(length=16)


def _spelled(path: Path) -> str:
    return os.fsencode(path.absolute()).hex()


_decoder = msgspec.msgpack.Decoder(Known)
_files_decoder = msgspec.msgpack.Decoder(dict[Place, KnownFile])
