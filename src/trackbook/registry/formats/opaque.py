"""Any file or folder as a model that Trackbook does not look into: an archive of one entry, restored as a copy.

The archive holds names and bytes, whether a file may be run, and nothing else, so that the same content has the same
digest on every machine.
"""

from __future__ import annotations

import atexit
import io
import os
import platform
import re
import secrets
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from trackbook.errors import NotFoundError, RegistryError, nearest
from trackbook.registry.formats.contract import Format, Policy

OPAQUE = "opaque"
_HOST = re.sub(r"[^A-Za-z0-9.]", "_", platform.node())


def dump(model: Any, policy: Policy, example: Any = None) -> tuple[Path, None]:
    """Return a new archive of the file or folder at the path `model`; it is not restored for proof.

    Raises NotFoundError without it, RegistryError for links, devices and names that cannot be restored.
    """
    source = _existing(model)
    policy.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    archive = policy.folder / f"{secrets.token_hex(8)}.tar"
    try:
        with archive.open("xb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            archive.chmod(0o600)
            for path, name in _entries(source):
                _add(tar, path, name)
    except BaseException as error:
        archive.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise RegistryError(f"{source} cannot be kept ({error.strerror or error}); check permissions") from error
        raise
    return archive, None


def load(pieces: Iterable[bytes], policy: Policy) -> Path:
    """Restore the file or folder into a folder of its own, and return its path; it is gone when the process ends."""
    _sweep(policy.folder)
    target = policy.folder / f"{_HOST}-{os.getpid()}-{secrets.token_hex(8)}"
    target.mkdir(mode=0o700, parents=True)
    try:
        name = _restore(_Pieces(pieces), target)
    except BaseException as error:
        shutil.rmtree(target)
        if isinstance(error, tarfile.TarError | OSError | ValueError):
            raise RegistryError(
                f"the stored file or folder is damaged ({str(error)[:200]}); register it again from its source"
            ) from error
        raise
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    return target / name


def _sweep(folder: Path) -> None:
    """Remove the copies of processes of this machine that were killed before they could."""
    import psutil

    for copy in folder.glob(f"{_HOST}-*-*"):
        pid = copy.name.removeprefix(f"{_HOST}-").partition("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(copy, ignore_errors=True)


def _existing(model: Any) -> Path:
    if not isinstance(model, str | os.PathLike):
        raise RegistryError(f"the format 'opaque' keeps files and folders: give a path, not a {type(model).__name__}")
    source = Path(model).absolute()
    if not os.path.lexists(source):
        beside = [each.name for each in source.parent.glob("*")]
        raise NotFoundError(f"there is no file or folder {source}{nearest(source.name, beside)}; check the path")
    return source


def _entries(source: Path) -> Iterator[tuple[Path, str]]:
    yield source, source.name
    if source.is_dir() and not source.is_symlink():
        for path in sorted(source.rglob("*"), key=lambda path: path.relative_to(source).parts):
            yield path, str(PurePosixPath(source.name, *path.relative_to(source).parts))


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        raise RegistryError(f"{path} is a link, pipe or device, which a model cannot hold; put the file in its place")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise RegistryError(f"{path!r} has a name that is no text; rename it") from error
    entry = tarfile.TarInfo(name)
    if path.is_dir():
        entry.type, entry.mode = tarfile.DIRTYPE, 0o700
        tar.addfile(entry)
        return
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        entry.size = status.st_size
        entry.mode = 0o700 if status.st_mode & 0o100 else 0o600
        tar.addfile(entry, file)


def _restore(file: io.RawIOBase, target: Path) -> str:
    """Write all entries below `target` and return the name of the first; nothing is written outside, no link made."""
    first, reader = None, io.BufferedReader(file)
    with tarfile.open(fileobj=reader, mode="r|", format=tarfile.PAX_FORMAT) as tar:
        for entry in tar:
            parts = entry.name.split("/")
            first = first or parts[0]
            if parts[0] != first or not all(map(_is_name, parts)) or not (entry.isreg() or entry.isdir()):
                raise ValueError(f"it holds {entry.name!r:.80}, which no model that was registered holds")
            _write(tar, entry, target.joinpath(*parts))
    while reader.read(1 << 20):  # only the end proves the bytes
        pass
    if first is None:
        raise ValueError("it is empty")
    return first


def _write(tar: tarfile.TarFile, entry: tarfile.TarInfo, path: Path) -> None:
    if entry.isdir():
        path.mkdir(mode=0o700)
        return
    content = tar.extractfile(entry)
    assert content is not None  # it is a regular file
    with path.open("xb") as file:
        shutil.copyfileobj(content, file)
    path.chmod(0o700 if entry.mode & 0o100 else 0o600)


def _is_name(part: str) -> bool:
    if os.name == "nt" and ("\\" in part or ":" in part):
        return False
    return part not in ("", ".", "..") and "\0" not in part


class _Pieces(io.RawIOBase):
    """The pieces of a content as a file to read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


FORMAT = Format(
    OPAQUE,
    suffix=".tar",
    libraries=(),
    takes=lambda model: isinstance(model, os.PathLike),
    dump=dump,
    load=load,
)
