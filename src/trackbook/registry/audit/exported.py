"""Files that the heads of a trail are exported to: one signed head a line, to be committed where nobody can reach them.

Lines are only ever added, in the order of the events, so that a file merges like any list; lines in another order, or
twice, as a merge may leave them, are read all the same.  A file is of one trail.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import msgspec
from filelock import FileLock

from trackbook.errors import IntegrityError, NotFoundError, StoreError, TrackbookError, UsageError
from trackbook.registry.audit.head import Head

DEFAULT_NAME = "trackbook-audit.jsonl"
LIST_NAME = "audit-exports.json"
TAIL = 4096
"""Bytes from the end of a file that its last line lies in."""


def read_heads(path: Path) -> list[tuple[int, Head]]:
    """Return all heads in the file `path` with the numbers of their lines, the earliest head first.

    Raises NotFoundError when there is no such file, IntegrityError that names the line that is no head.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {path}; `trackbook audit export` writes one") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    found = [(number, _head(line, f"line {number}", path)) for number, line in enumerate(lines, 1) if line.strip()]
    return sorted(found, key=lambda each: each[1].events)


def add_head(path: Path, head: Head) -> bool:
    """Add `head` to the file `path`; False when that is its last line already.

    Raises IntegrityError when its last line is a later head, or another of the same event; StoreError when it cannot
    be written.
    """
    try:
        content = _tail(path)
        lines = content.split(b"\n")
        newest = _head(line, "the last line", path) if (line := next(filter(None, reversed(lines)), None)) else None
        if newest is not None and (newest.events, newest.hash) == (head.events, head.hash):
            return False
        if newest is not None and newest.events >= head.events:
            raise IntegrityError(
                f"{path} has event {newest.events} of an audit trail as its newest, and this one goes to "
                f"{head.events}: it was cut, or the file is of another. `trackbook audit verify` says which; "
                "export to another file"
            )
        torn = content and not content.endswith(b"\n")
        with path.open("ab") as file:
            file.write(b"\n" * bool(torn) + msgspec.json.encode(head) + b"\n")
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error.strerror}); name a file in a folder that can be") from error
    return True


class Exports:
    """The list, in the folder of a store, of the files that its heads go to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / LIST_NAME

    def paths(self) -> tuple[Path, ...]:
        """Return the files; raises IntegrityError when the list was changed to something else."""
        try:
            names = msgspec.json.decode(self._path.read_bytes(), type=list[str])
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise StoreError(f"{self._path} cannot be read ({error.strerror}); check its permissions") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise IntegrityError(f"{self._path} does not list files: {error}") from error
        return tuple(Path(os.path.normpath(self._folder / name)) for name in names)

    def begin(self, path: Path, head: Head) -> bool:
        """Add `head` to `path`, and every later one from now on; False when it was there."""
        path = path.absolute()
        if path.is_dir() or path.is_relative_to(self._folder.absolute()):
            raise UsageError(f"{path} is no place for heads of the trail; name a file outside the store, in git")
        with self._alone():
            added = add_head(path, head)
            known = self.paths()
            if path not in known:
                names = sorted(self._name(each) for each in (*known, path))
                fresh = self._path.with_suffix(".tmp")
                fresh.write_bytes(msgspec.json.encode(names) + b"\n")
                fresh.replace(self._path)
        return added

    def extend(self, head: Head) -> None:
        """Add `head` to all files, after the change that it is the head of was committed; a fault is a warning."""
        if not self._path.exists():
            return
        try:
            with self._alone():
                for path in self.paths():
                    add_head(path, head)
        except (TrackbookError, OSError) as error:
            warnings.warn(f"the change is stored, but the audit trail was not exported: {error}", stacklevel=2)

    def _alone(self) -> FileLock:
        return FileLock(self._path.with_suffix(".lock"), mode=0o600)

    def _name(self, path: Path) -> str:
        """Return `path` as the list has it: relative, so that a project may be moved, where there is such a way."""
        try:
            return Path(os.path.relpath(path, self._folder)).as_posix()
        except ValueError:  # another drive
            return str(path)


def _head(line: bytes, place: str, path: Path) -> Head:
    try:
        return msgspec.json.decode(line, type=Head)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise IntegrityError(f"{place} of {path} is no head of an audit trail: {error}") from error


def _tail(path: Path) -> bytes:
    """Return the end of a file, from the beginning of a line on."""
    if not path.exists():
        return b""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL))
        content = file.read()
    return content if size <= TAIL else content.partition(b"\n")[2]
