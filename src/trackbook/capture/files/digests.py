"""Digests of files and folders, kept for as long as a file certainly stays as it was."""

from __future__ import annotations

import os
import stat
import time
from collections import OrderedDict
from pathlib import Path

from blake3 import blake3

from trackbook.capture.files.audit import muted
from trackbook.capture.files.paths import is_data_name
from trackbook.capture.files.stamps import Stamp
from trackbook.capture.fingerprint.values import Fingerprint
from trackbook.hashing import hash_threads

MAX_BYTES = 8 << 30
"""A larger file has no fingerprint: reading it again would keep the user waiting."""

MAX_NAMES = 100_000
"""A folder that holds more has no fingerprint."""

_CHUNK = 4 << 20
_PARALLEL = 1 << 20
_KEPT = 4096
_digests: OrderedDict[str, tuple[Stamp, str]] = OrderedDict()
_mapped: set[str] = set()


def forget(path: str) -> None:
    """Never again trust a kept digest of `path`: writing through a memory map need not touch its times."""
    _mapped.add(path)
    _digests.pop(path, None)


def fingerprint_path(path: str) -> Fingerprint:
    """Return the fingerprint of what lies at a path, a file or a folder; never raises."""
    stamp = Stamp.of(path)
    if stamp is not None and stat.S_ISDIR(stamp.mode):
        return fingerprint_folder(path)
    return fingerprint_file(path)


def fingerprint_file(path: Path | str) -> Fingerprint:
    """Return the BLAKE3 digest of a file's bytes; never raises, the `reason` says why there is none."""
    text = os.fspath(path)
    before = Stamp.of(text)
    if before is None or not stat.S_ISREG(before.mode):
        return Fingerprint("file", None, reason="it is no regular file, or gone by the end of the cell")
    if before.size > MAX_BYTES:
        return Fingerprint("file", None, reason=f"it is larger than {MAX_BYTES >> 30} GiB", size=before.size)
    kept = _digests.get(text)
    if kept is not None and kept[0] == before:
        _digests.move_to_end(text)
        return Fingerprint("file", kept[1], size=before.size)
    return _hashed(text, before)


def _hashed(path: str, before: Stamp) -> Fingerprint:
    now = time.time_ns()
    try:
        with muted():
            digest, opened, after = _read(path, before.size)
    except OSError as error:
        return Fingerprint("file", None, reason=f"it cannot be read: {error.strerror}", size=before.size)
    if opened != before or after != before:
        return Fingerprint("file", None, reason="it was changed while its fingerprint was taken", size=before.size)
    if before.is_trusty(now) and path not in _mapped:
        _digests[path] = (before, digest)
        if len(_digests) > _KEPT:
            _digests.popitem(last=False)
    return Fingerprint("file", digest, size=before.size)


def _read(path: str, size: int) -> tuple[str, Stamp | None, Stamp | None]:
    """Hash a file.  It is read, not mapped: a file cut off by others while it is mapped would kill the process."""
    # Without waiting, should a pipe have taken the file's place a moment ago.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        opened = Stamp.of(descriptor)
        hasher = blake3(max_threads=hash_threads() if size > _PARALLEL else 1)
        chunk = memoryview(bytearray(min(_CHUNK, size + 1)))
        with os.fdopen(descriptor, "rb", 0, closefd=False) as file:  # `open` may be the user's by now
            while count := file.readinto(chunk):
                hasher.update(chunk[:count])
        return hasher.hexdigest(), opened, Stamp.of(descriptor)
    finally:
        os.close(descriptor)


def fingerprint_folder(
    path: str, without: frozenset[str] = frozenset(), and_: frozenset[str] = frozenset()
) -> Fingerprint:
    """Return the digest of the sorted names in a folder, `without` some of them `and_` with some that are gone."""
    names: set[str] = set(and_)
    try:
        with muted(), os.scandir(path) as entries:
            for entry in entries:
                if is_data_name(entry.name) and entry.name not in without:
                    names.add(entry.name)
                if len(names) > MAX_NAMES:
                    return Fingerprint("folder", None, reason=f"it holds more than {MAX_NAMES:,} names")
    except OSError as error:
        return Fingerprint("folder", None, reason=f"it cannot be listed: {error.strerror}")
    listing = "\0".join(sorted(names)).encode("utf-8", "surrogateescape")
    return Fingerprint("folder", blake3(listing).hexdigest(), rows=len(names))
