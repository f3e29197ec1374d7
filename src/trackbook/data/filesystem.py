"""Dataset versions as a read-only file system for fsspec: ``pd.read_csv("data://NAME@2")``.

A file is served as its bytes, read as they are asked for; a frame as Parquet, made when it is opened.  The same
protocol stands for content that is written out in the URL itself (``data:text/csv,a,b``), which fsspec reads by itself
and goes on to: it has a comma, which no name of a dataset has.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from fsspec import AbstractFileSystem
from fsspec.implementations.data import DataFileSystem as WrittenOut

from trackbook.data.files import Slice, StoredFile, read_file, read_slice
from trackbook.data.values import WHOLE, DatasetVersion
from trackbook.errors import DataError, NotFoundError, UsageError
from trackbook.store import Objects

if TYPE_CHECKING:
    from trackbook.data.versions import Datasets

PROTOCOL = "data"


def is_written_out(path: str) -> bool:
    """Say whether a URL is its content, as RFC 2397 has it, and names no version."""
    return "," in str(path)


class DataFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The versions of the store that `datasets` gives when it is asked, which is at every use."""

    protocol = PROTOCOL
    cachable = False

    def __init__(self, datasets: Callable[[], Datasets], **options: Any) -> None:
        super().__init__(**options)
        self._datasets = datasets

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path if is_written_out(path) else str(path).removeprefix(f"{PROTOCOL}:").lstrip("/")

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return what fsspec wants to know of a version; raises FileNotFoundError when there is none."""
        if is_written_out(path):
            return dict(WrittenOut().info(path))
        version = self._version(path)
        size = version.size if version.kind == "file" else len(self._parquet(version))
        return {"name": self._strip_protocol(path), "size": size, "type": "file", "version": version.to_dict()}

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """Return the versions of a dataset, or of all."""
        name = self._strip_protocol(path).partition("@")[0]
        found = [f"{version.name}@{version.version}" for version in self._datasets().list(name or None)]
        return [self.info(each) for each in found] if detail else found

    def _open(self, path: str, mode: str = "rb", **_: Any) -> io.BufferedIOBase:
        if mode not in ("rb", "r"):
            raise UsageError(f"a version never changes; write {path} to a file, and snapshot that")
        if is_written_out(path):
            return io.BytesIO(WrittenOut().cat_file(path))
        version = self._version(path)
        self.opened(version)
        if version.kind != "file":
            return io.BytesIO(self._parquet(version))
        objects = self._datasets().stored_objects
        if version.format == WHOLE:
            return objects.open(version.digest)
        return io.BufferedReader(PartsReader(objects, read_file(objects, version.digest, version.format)))

    def opened(self, version: DatasetVersion) -> None:
        """Hear that a version is about to be read; for those who care."""

    def _version(self, path: str) -> DatasetVersion:
        try:
            version = self._datasets().resolve(self._strip_protocol(path))
        except NotFoundError as error:
            raise FileNotFoundError(str(error)) from error
        if version.kind == "folder":
            raise DataError(f"{version.uri} is a folder; restore it, and read the files in it")
        return version

    def _parquet(self, version: DatasetVersion) -> bytes:
        """Return a frame as Parquet, made once for the questions that opening one file asks."""
        kept: tuple[str, bytes] | None = getattr(self, "_made", None)
        if kept is None or kept[0] != version.digest:
            buffer = io.BytesIO()
            self._datasets().read_frame(version).to_parquet(buffer)
            kept = self._made = (version.digest, buffer.getvalue())
        return kept[1]


class PartsReader(io.RawIOBase):
    """The bytes of a stored file in chunks, of any size; one chunk is in memory at a time, checked."""

    def __init__(self, objects: Objects, file: StoredFile) -> None:
        self._objects = objects
        self._file = file
        self._ends = list(accumulate(self._size(part) for part in file.parts))
        self._position = 0
        self._held: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._file.size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read on from the position, to the end of the chunk there at most."""
        place = bisect_right(self._ends, self._position)
        if place == len(self._ends):
            return 0
        if self._held[0] != place:
            self._held = (place, self._read(self._file.parts[place]))
        content = self._held[1]
        start = self._position - (self._ends[place] - len(content))
        piece = content[start : start + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _size(self, part: str | Slice) -> int:
        return part.size if isinstance(part, Slice) else self._objects.size(part)

    def _read(self, part: str | Slice) -> bytes:
        return read_slice(self._objects, part) if isinstance(part, Slice) else self._objects.get(part)
