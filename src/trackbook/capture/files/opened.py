"""What a cell did to files, folders and URLs, and what was in them when it did."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from trackbook.capture.files.digests import fingerprint_file, fingerprint_folder, fingerprint_path
from trackbook.capture.files.paths import readable
from trackbook.capture.files.stamps import Stamp
from trackbook.capture.fingerprint.values import Fingerprint

MAX_FILES = 200
"""So many files of a cell have fingerprints; the others are named."""

MAX_KEPT_BEFORE = 256 << 20
"""A larger file that a cell reads and then changes is not hashed first, while the cell waits."""

_REMOTE = "remote content has no fingerprint"
_CHANGED = "changed between its reading and the end of the cell"


class OpenedFile(msgspec.Struct):
    """What the cell did to one path or URL.

    `stamp` is how the file was when the cell first met it, None when there was none.  `whole` says that the cell made
    all that is in it before it read any; `before` is its fingerprint from before the cell changed it.
    """

    path: str
    kind: str = "file"
    roles: set[str] = msgspec.field(default_factory=set)
    stamp: Stamp | None = None
    whole: bool = False
    before: Fingerprint | None = None


class UsedFile(msgspec.Struct, frozen=True):
    """A file, folder or URL that went into the cell (`read`) or came out of it (`written`).

    `name` is the absolute path as the code wrote it, and `target` where it leads when that is a link.
    """

    role: str
    name: str
    fingerprint: Fingerprint
    target: str | None = None


class Opened(msgspec.Struct, frozen=True):
    """All that a cell opened; `unseen` says in sentences what may have been opened besides.

    `passed_over` tells that files were left out which lie where data seldom does.
    """

    files: Mapping[str, OpenedFile] = MappingProxyType({})
    unseen: tuple[str, ...] = ()
    passed_over: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether every file that was opened and may hold data of the user's is among `files`."""
        return not self.unseen and not self.passed_over

    @property
    def read(self) -> frozenset[str]:
        """Absolute paths whose earlier content the cell depends on, links and where they lead."""
        return self._paths("read")

    @property
    def written(self) -> frozenset[str]:
        """Absolute paths that the cell made, changed or removed, links and where they lead."""
        return self._paths("written")

    @property
    def replaced(self) -> frozenset[str]:
        """Those of the written paths whose content is all the cell's own: what was there before does not matter."""
        return frozenset(
            readable(file.path) for file in list(self.files.values()) if file.whole and "written" in file.roles
        )

    def used(self, limit: int = MAX_FILES) -> tuple[UsedFile, ...]:
        """Return everything, with fingerprints of `limit` files and as many folders; they are taken now."""
        found: list[UsedFile] = []
        counts = {"file": 0, "folder": 0}
        resolved: dict[str, str] = {}
        for file in list(self.files.values()):
            if _is_temporary(file):
                continue
            kind = "folder" if file.kind == "folder" else "file"
            counts[kind] += 1
            target = _target(file, resolved)
            for role in sorted(file.roles):
                seen = _seen(file, role, self.files, counts[kind], limit)
                found.append(UsedFile(role, readable(file.path), seen, target))
        return tuple(found)

    def _paths(self, role: str) -> frozenset[str]:
        found: set[str] = set()
        resolved: dict[str, str] = {}
        for file in list(self.files.values()):
            if role in file.roles and file.kind != "url" and not _is_temporary(file):
                found.add(readable(file.path))
                found.add(readable(_resolved(file.path, resolved)))
        return frozenset(found)


def keep_before(file: OpenedFile) -> None:
    """Hash a file that was read and is about to be changed by the same cell."""
    if file.before is not None or file.kind == "folder" or "written" in file.roles:
        return
    now = Stamp.of(file.path)
    if now != file.stamp or now is None:
        file.before = Fingerprint(file.kind, None, reason=f"{_CHANGED}, before the cell changed it too")
    elif now.size > MAX_KEPT_BEFORE:
        file.before = Fingerprint(
            file.kind, None, reason="the cell changed it after it read it, and it is too large to be hashed first"
        )
    else:
        file.before = fingerprint_file(file.path)


def _is_temporary(file: OpenedFile) -> bool:
    """Say whether a file was made and removed again inside the cell."""
    return "written" in file.roles and file.kind != "url" and file.stamp is None and not os.path.lexists(file.path)


def _seen(file: OpenedFile, role: str, files: Mapping[str, OpenedFile], number: int, limit: int) -> Fingerprint:
    if file.kind == "url":
        return Fingerprint("url", None, reason=_REMOTE)
    if number > limit:
        return Fingerprint(file.kind, None, reason=f"the cell opened more than {limit} files; these have fingerprints")
    if role == "written":
        return _as_written(file)
    if file.before is not None:
        return file.before
    return _as_read(file, files)


def _as_written(file: OpenedFile) -> Fingerprint:
    if not os.path.lexists(file.path):
        return Fingerprint(file.kind, None, reason="the cell removed it")
    return _of_kind(file, fingerprint_path(file.path))


def _as_read(file: OpenedFile, files: Mapping[str, OpenedFile]) -> Fingerprint:
    if file.stamp is None:
        return Fingerprint(file.kind, None, reason="there was none when the cell looked for it")
    now = Stamp.of(file.path)
    if now is None:
        return Fingerprint(file.kind, None, reason="read by the cell, and gone by the end of it")
    if now == file.stamp:
        return _of_kind(file, fingerprint_path(file.path))
    if file.kind == "folder":
        return _folder_as_read(file.path, files)
    return Fingerprint(file.kind, None, reason=_CHANGED, size=now.size)


def _folder_as_read(path: str, files: Mapping[str, OpenedFile]) -> Fingerprint:
    """Fingerprint the names that were in a folder before the cell itself made and removed some."""
    inside = [file for file in files.values() if "written" in file.roles and os.path.dirname(file.path) == path]  # noqa: PTH120
    if not inside:
        return Fingerprint("folder", None, reason=_CHANGED)
    made = frozenset(os.path.basename(file.path) for file in inside if file.stamp is None)  # noqa: PTH119
    removed = {os.path.basename(file.path) for file in inside if file.stamp is not None}  # noqa: PTH119
    return fingerprint_folder(path, made, frozenset(removed))


def _of_kind(file: OpenedFile, found: Fingerprint) -> Fingerprint:
    if file.kind != "database" or found.digest is None:
        return found
    logs = (Stamp.of(f"{file.path}{ending}") for ending in ("-wal", ".wal"))  # of SQLite, of DuckDB
    if any(log is not None and log.size for log in logs):
        return Fingerprint(
            "file", None, reason="a part of the database is still in its write-ahead log", size=found.size
        )
    return found


def _target(file: OpenedFile, resolved: dict[str, str]) -> str | None:
    if file.kind == "url":
        return None
    target = _resolved(file.path, resolved)
    return None if target == file.path else readable(target)


def _resolved(path: str, resolved: dict[str, str]) -> str:
    """Return `os.path.realpath(path)`, each folder looked up once."""
    folder, name = os.path.split(path)
    if folder not in resolved:
        resolved[folder] = os.path.realpath(folder)
    there = os.path.join(resolved[folder], name)  # noqa: PTH118
    return os.path.realpath(there) if os.path.islink(there) else there  # noqa: PTH114
