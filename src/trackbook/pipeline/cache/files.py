"""The files that a step wrote, as objects: kept with its result, and put back where they are no more what they were."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath, PurePosixPath

import msgspec

from trackbook.capture.files.digests import fingerprint_file
from trackbook.errors import IntegrityError
from trackbook.pipeline.worker.lineage import READ, WRITTEN, Used
from trackbook.pipeline.worker.seen import ABSENT, RACY_NS, Effects, Seen
from trackbook.store import Store
from trackbook.store import events as event
from trackbook.store.objects import Objects


class KeptFile(msgspec.Struct, frozen=True):
    """A file that a step wrote: its path from the project's folder on, with slashes, and what it then was."""

    path: str
    digest: str
    size: int
    mtime_ns: int
    mode: int


def keep_files(
    put: Callable[[Path], str], folder: Path, effects: Effects
) -> tuple[tuple[KeptFile, ...], tuple[str, ...]]:
    """Store, by `put`, what a step wrote below `folder`; returns its files and the folders it made.

    Raises OSError or StoreError when a file cannot be read or stored, or is still being written.
    """
    made = tuple(Path(path).relative_to(folder).as_posix() for path in effects.made)
    return tuple(_keep(put, folder, Path(path)) for path in effects.written), made


def _keep(put: Callable[[Path], str], folder: Path, path: Path) -> KeptFile:
    before = path.stat()
    digest = put(path)
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise OSError(f"{path.name} is still being written")
    name = path.relative_to(folder).as_posix()
    return KeptFile(name, digest, after.st_size, after.st_mtime_ns, after.st_mode & 0o777)


def is_plain(name: str) -> bool:
    """Tell whether a kept name can only mean a file below the folder."""
    parts = PurePosixPath(name)
    return not parts.is_absolute() and ".." not in parts.parts and name not in ("", ".")


def is_there(kept: KeptFile, folder: Path, kept_time: int) -> bool:
    """Tell whether the file on disk is the kept one; its stamp is believed as `cache.unchanged` does."""
    path = folder / kept.path
    try:
        now = path.stat()
    except OSError:
        return False
    if (now.st_size, now.st_mtime_ns) == (kept.size, kept.mtime_ns):
        if kept.mtime_ns + RACY_NS < kept_time * 1_000_000:
            return True
    elif now.st_size != kept.size:
        return False
    return fingerprint_file(path).digest == kept.digest


def put_back(
    store: Store, folder: Path, wanted: Iterable[KeptFile], run_id: str, is_known: Callable[[str], bool]
) -> list[str]:
    """Write kept files to where they lay; returns, in words, what that replaced or brought back.

    A version that `is_known` says no step of the pipeline has written is the user's: it stays as an artifact of the
    run.  Raises OSError or StoreError when that cannot be done; the file on disk is then the old one.
    """
    return [text for kept in wanted if (text := _put_back(store, folder, kept, run_id, is_known))]


def _put_back(store: Store, folder: Path, kept: KeptFile, run_id: str, is_known: Callable[[str], bool]) -> str:
    target = folder / kept.path
    said = f"puts back {kept.path}, which was missing"
    if target.exists():
        digest = store.objects.put_file(target)
        said = ""
        if not is_known(digest):
            place = f"replaced/{kept.path}"
            store.append(event.ArtifactLogged(run_id, place, digest, target.stat().st_size, _media_type(target)))
            said = f"puts back {kept.path}, which was changed; that version is now the run's artifact {place}"
    write_kept(store.objects, target, kept)
    return said


def write_kept(objects: Objects, target: Path, kept: KeptFile) -> None:
    """Make `target` the kept file, as a whole; raises OSError or IntegrityError, and leaves what was there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name[:40]}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with temporary.open("xb") as file:
            for piece in objects.pieces(kept.digest):
                file.write(piece)
        temporary.chmod(kept.mode)
        os.utime(temporary, ns=(kept.mtime_ns, kept.mtime_ns))
        temporary.replace(target)
    except (OSError, IntegrityError):
        temporary.unlink(missing_ok=True)
        raise


def _media_type(path: Path) -> str:
    import mimetypes  # here: a run in which nothing changed does without

    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def files_used(reads: Iterable[Seen], written: Iterable[KeptFile], folder: Path) -> tuple[Used, ...]:
    """Return the files that a step read, and those it wrote as far as they are kept."""
    read = [
        Used(READ, _name(seen.path, folder), "file", seen.digest, size=seen.size)
        for seen in reads
        if seen.digest != ABSENT and seen.mtime_ns
    ]
    return (*read, *(Used(WRITTEN, kept.path, "file", kept.digest, size=kept.size) for kept in written))


def _name(path: str, folder: Path) -> str:
    place = PurePath(path)
    return place.relative_to(folder).as_posix() if place.is_relative_to(folder) else path
