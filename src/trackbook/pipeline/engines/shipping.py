"""The project's folder on its way to workers and back, by content.

A worker gets a copy of the folder as it is when a step begins: code and data alike.  What the step leaves in the copy,
and what it deletes there, comes back to the project's folder, so that the next step finds it wherever it runs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from blake3 import blake3

from trackbook.capture.files.digests import fingerprint_file
from trackbook.errors import PipelineError
from trackbook.pipeline.cache.files import KeptFile, is_plain, write_kept
from trackbook.pipeline.cache.storage import Storage
from trackbook.store.objects import Objects
from trackbook.tracking.reproduction.workspace import LEFT_OUT

MAX_FILES = 10_000
MAX_BYTES = 4 * 1024**3


class Manifest(msgspec.Struct, frozen=True):
    """All files and folders below a folder, by their paths from there on."""

    files: tuple[KeptFile, ...]
    folders: tuple[str, ...]


class Changes(msgspec.Struct, frozen=True):
    """What a step made of a copy: files that are new or other, those that are gone, and all folders."""

    files: tuple[KeptFile, ...] = ()
    removed: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


class Project:
    """The project's folder, on the machine that decides; safe to use from many threads."""

    def __init__(self, folder: Path, storage: Storage, objects: Objects) -> None:
        self._folder, self._storage, self._objects = folder, storage, objects
        self._lock = threading.Lock()
        self._sent: set[str] = set()

    def send(self) -> str:
        """Put all files into the storage that it lacks; returns the digest of the manifest, which lies there too.

        Raises PipelineError for a folder that is too big to be sent.
        """
        with self._lock:
            files, folders = _walked(self._folder)
            self._check(files)
            manifest = Manifest(tuple(_kept(self._folder, name, status) for name, status in files.items()), folders)
            content = msgspec.json.encode(manifest)
            digest = blake3(content).hexdigest()
            if digest not in self._sent:
                paths = {kept.digest: self._folder / kept.path for kept in manifest.files}
                self._storage.send_files({name: path for name, path in paths.items() if name not in self._sent})
                self._storage.send((), {digest: content})
                self._sent |= {digest, *paths}
            return digest

    def take(self, changes: Changes) -> None:
        """Do to the folder what a step did to its copy; the objects are in the storage."""
        with self._lock:
            self._storage.fetch(kept.digest for kept in changes.files)
            self._sent |= {kept.digest for kept in changes.files}
            apply(changes, self._folder, self._objects)

    def _check(self, files: dict[str, os.stat_result]) -> None:
        total = sum(status.st_size for status in files.values())
        if len(files) > MAX_FILES or total > MAX_BYTES:
            largest = max(files, key=lambda name: files[name].st_size)
            raise PipelineError(
                f"{self._folder} holds {len(files):,} files of {total / 1e9:.1f} GB, too many to send to workers "
                f"(limits: {MAX_FILES:,} files, {MAX_BYTES / 1e9:.1f} GB); the largest is {largest}: keep such data "
                "where the workers can read it, outside of the project's folder"
            )


class Copy:
    """A copy of the project's folder, on a worker."""

    def __init__(self, folder: Path, objects: Objects) -> None:
        self.folder, self._objects = folder, objects
        self._known: dict[str, KeptFile] = {}

    def become(self, manifest: Manifest) -> None:
        """Make the copy what the manifest says; its objects must be here.  Raises PipelineError for a crafted one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        wanted = {kept.path: kept for kept in manifest.files}
        there, _ = _walked(self.folder)
        gone = tuple(name for name in there if name not in wanted)
        other = tuple(kept for kept in manifest.files if not _is_same(kept, there.get(kept.path), self._known))
        apply(Changes(other, gone, manifest.folders), self.folder, self._objects)
        self._known = wanted

    def changes(self) -> Changes:
        """Return what a step did to the copy, with what it wrote as objects."""
        there, folders = _walked(self.folder)
        other = [name for name, status in there.items() if not _is_same(self._known.get(name), status, self._known)]
        files = tuple(_kept(self.folder, name, there[name]) for name in other)
        for kept in files:
            self._objects.put_file(self.folder / kept.path, wait=False)
        return Changes(files, tuple(name for name in self._known if name not in there), folders)


def apply(changes: Changes, folder: Path, objects: Objects) -> None:
    """Write, delete and make what `changes` says below `folder`; raises PipelineError for a name outside of it."""
    named = [*changes.removed, *changes.folders, *(kept.path for kept in changes.files)]
    if not all(is_plain(name) for name in named):
        raise PipelineError(f"files of a step would lie outside of {folder}: what names them was crafted")
    for name in changes.removed:
        (folder / name).unlink(missing_ok=True)
    for name in changes.folders:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for kept in changes.files:
        write_kept(objects, folder / kept.path, kept)


def _kept(folder: Path, name: str, status: os.stat_result) -> KeptFile:
    found = fingerprint_file(folder / name)
    if found.digest is None:
        raise PipelineError(f"{folder / name} cannot be sent to workers: {found.reason}")
    return KeptFile(name, found.digest, status.st_size, status.st_mtime_ns, status.st_mode & 0o777)


def _is_same(kept: KeptFile | None, status: os.stat_result | None, known: dict[str, KeptFile]) -> bool:
    """Tell whether a file of the copy still is the one that was written there; only we set such a stamp."""
    if kept is None or status is None or known.get(kept.path) != kept:
        return False
    return (status.st_size, status.st_mtime_ns) == (kept.size, kept.mtime_ns)


def _walked(folder: Path) -> tuple[dict[str, os.stat_result], tuple[str, ...]]:
    """Return the files and folders below `folder`, without environments, caches, stores and version control."""
    files, folders = dict[str, os.stat_result](), list[str]()
    for name, entry in _entries(str(folder), ""):
        if entry.is_dir(follow_symlinks=False):
            folders.append(name)
        elif entry.is_file():
            files[name] = entry.stat()
    return dict(sorted(files.items())), tuple(sorted(folders))


def _entries(folder: str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(folder) as found:
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                if not _is_left_out(entry):
                    yield prefix + entry.name, entry
                    yield from _entries(entry.path, f"{prefix}{entry.name}/")
            else:
                yield prefix + entry.name, entry


def _is_left_out(entry: os.DirEntry[str]) -> bool:
    return entry.name in LEFT_OUT or os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))  # noqa: PTH110, PTH118


def digests_of(manifest: Manifest) -> Iterable[str]:
    """Return the digests of all files that a manifest names."""
    return {kept.digest for kept in manifest.files}
