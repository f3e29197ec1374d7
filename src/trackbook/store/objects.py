"""Content-addressed objects: immutable bytes, named by their BLAKE3 digest."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from blake3 import blake3

from trackbook.errors import IntegrityError, NotFoundError, StoreError
from trackbook.store.journal import sync_folder

_DIGEST = re.compile(r"[0-9a-f]{64}")
ALTERNATES = "alternates"
"""A file that names another folder of objects, to be read from and never written to; git's word for it."""


class Objects:
    """A folder of objects, `ab/cdef…` for the digest `abcdef…`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._alternate = _alternate(folder)

    def put(self, content: bytes | Path) -> str:
        """Store `content` (bytes, or the file at a path) durably and return its digest, 64 hex characters."""
        data = content.read_bytes() if isinstance(content, Path) else content
        digest = blake3(data).hexdigest()
        target = self.path(digest)
        if not target.exists():
            try:
                self._write(target, data)
            except OSError as error:
                raise StoreError(
                    f"an object of {len(data)} bytes cannot be written to {self._folder}: {error}"
                ) from error
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes of `digest`; raise IntegrityError when they are not what was stored."""
        path = self.path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise NotFoundError(f"the object {digest[:12]} is not in {self._folder}; run `trackbook fsck`") from error
        except OSError as error:
            raise StoreError(f"the object {digest[:12]} cannot be read: {error.strerror}") from error
        if blake3(data).hexdigest() != digest:
            raise IntegrityError(f"the object {digest[:12]} was changed on disk; run `trackbook fsck`")
        return data

    def exists(self, digest: str) -> bool:
        """Say whether the object is there, without reading it."""
        return self.path(digest).exists()

    def size(self, digest: str) -> int:
        """Return the object's size in bytes."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError as error:
            raise NotFoundError(f"the object {digest[:12]} is not in {self._folder}; run `trackbook fsck`") from error

    def path(self, digest: str) -> Path:
        """Return where the object lies; raises NotFoundError for anything that is no digest."""
        if not _DIGEST.fullmatch(digest):
            raise NotFoundError(f"{digest!r} is no object digest (64 hexadecimal characters)")
        own = self._folder / digest[:2] / digest[2:]
        if self._alternate is not None and not own.exists():
            other = self._alternate.path(digest)
            return other if other.exists() else own
        return own

    def digests(self) -> Iterator[str]:
        """Yield the digests of all stored objects."""
        for folder in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
            for file in sorted(folder.iterdir()):
                if _DIGEST.fullmatch(folder.name + file.name):
                    yield folder.name + file.name

    def borrow(self, folder: Path) -> None:
        """Read from now on also what the objects' folder `folder` holds."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / ALTERNATES).write_text(str(folder.absolute()), encoding="utf-8")
        self._alternate = _alternate(self._folder)

    def _write(self, target: Path, data: bytes) -> None:
        if not target.parent.exists():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(self._folder)
        temporary = target.with_name(f"{target.name}.{secrets.token_hex(4)}.tmp")
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(target.parent)


def _alternate(folder: Path) -> Objects | None:
    try:
        return Objects(Path((folder / ALTERNATES).read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
