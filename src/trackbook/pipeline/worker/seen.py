"""What a step read and wrote, as values that the runner keeps; nothing here is slow to import."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from trackbook.capture.files.digests import fingerprint_file, fingerprint_folder

ABSENT = "absent"
RACY_NS = 2_000_000_000
"""A stamp is believed when the file was so old by the time it was taken."""


class Seen(msgspec.Struct, frozen=True):
    """A file or folder that a step read: `digest` is of its bytes or of its sorted names, or `absent`.

    As it is kept, `path` goes on from the project's folder, with slashes, where it lies in it: the same project may lie
    elsewhere on another machine.
    """

    path: str
    digest: str
    size: int = 0
    mtime_ns: int = 0


class Effects(msgspec.Struct, frozen=True):
    """What a step read, which files and folders it made, and why its result cannot be kept for those reasons.

    `complete` is false where the folder holds too many files to see what native code wrote.  `unheard` are files that
    changed meanwhile, which a step in another process may have written.
    """

    reads: tuple[Seen, ...] = ()
    written: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    complete: bool = True
    unheard: tuple[str, ...] = ()


def within(path: str, folder: str) -> str:
    """Return a path as it is kept: from `folder` on where it lies there, else as it is."""
    if path == folder:
        return "."
    inside = os.path.join(folder, "")  # noqa: PTH118 - text in, text out
    return path[len(inside) :].replace(os.sep, "/") if path.startswith(inside) else path


def see(path: str) -> Seen:
    """Return what a file or folder is now."""
    place = Path(path)
    if place.is_dir():
        return Seen(path, fingerprint_folder(path).digest or ABSENT)
    found = fingerprint_file(place)
    if found.digest is None:
        return Seen(path, ABSENT)
    return Seen(path, found.digest, found.size or 0, place.stat().st_mtime_ns)
