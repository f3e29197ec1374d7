"""Frames, files and folders on their way into the store; what has not changed is recognised, not written."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.data import files, known, trees
from trackbook.data.names import clip
from trackbook.data.values import CHUNKS, FILES, FRAME, TREE, WHOLE, Content, DatasetVersion
from trackbook.errors import DataError, NotFoundError, StoreError, a
from trackbook.store import Objects, Store

if TYPE_CHECKING:
    import pandas as pd

KNOWN = "known"
"""The store's folder of what is known of paths that were snapshotted."""

Newest = Callable[[], DatasetVersion | None]


def write_frame(store: Store, frame: Any, name: str, newest: Newest) -> Content | DatasetVersion:
    """Keep a frame for the dataset `name`, or return its `newest` version when that holds the same frame.

    Raises DataError for what is no frame, and for what cannot be kept exactly.
    """
    import pandas as pd

    from trackbook.data.blocks import read_manifest
    from trackbook.data.structure import structure

    if not isinstance(frame, pd.DataFrame):
        raise DataError(
            f"dataset {name!r} cannot be made from {a(type(frame).__name__)}; "
            "give a pandas DataFrame (`pd.DataFrame(values)`, `table.to_pandas()`) or a path"
        )
    if not frame.shape[1]:
        raise DataError(f"the frame for dataset {name!r} has no columns; check the filter or file that it came from")
    fingerprint, built = fingerprint_of(frame), structure(frame)
    before = newest()
    if (
        built is not None
        and before is not None
        and (before.format, before.fingerprint) == (FRAME, fingerprint)
        and read_manifest(store.objects, before.digest).structure == built
    ):
        return before
    return frame_content(store.objects, frame, fingerprint, built)


def frame_content(
    objects: Objects, frame: pd.DataFrame, fingerprint: str, built: str | None = None, *, quick: bool = False
) -> Content:
    """Keep a frame, `built` as `data.structure` has it; `quick` as `write_frame` of blocks has it."""
    from trackbook.data import blocks
    from trackbook.data.schema import describe
    from trackbook.data.structure import structure

    digest, manifest = blocks.write_frame(objects, frame, built or structure(frame), quick=quick)
    return Content(digest, FRAME, fingerprint, manifest.size, len(frame), frame.shape[1], describe(frame))


def fingerprint_of(frame: pd.DataFrame) -> str:
    """Return the fingerprint of a frame; raises DataError when it has none."""
    from trackbook.capture.fingerprint.values import fingerprint

    found = fingerprint(frame)
    if found.digest is None:
        raise DataError(f"the frame has no fingerprint ({found.reason}); give its columns plain types")
    return found.digest


def write_path(store: Store, path: Path, newest: Newest) -> Content | DatasetVersion:
    """Keep the file or folder at a path; what is known to be as it was, in the `newest` version too, is not read.

    Raises NotFoundError without it, DataError when it is empty, cannot be read or changes meanwhile.
    """
    stamp = files.stamp_of(path)
    if files.is_regular(stamp):
        if not stamp.size:
            raise DataError(f"{path} is empty; check what should have written it")
        return _write_file(store, path, newest)
    if not path.is_dir():
        raise DataError(f"{path} is a pipe, socket or device; snapshot the file that it is read into")
    return _write_folder(store, path, newest)


def _write_file(store: Store, path: Path, newest: Newest) -> Content:
    folder = store.root / KNOWN
    before = known.recall(folder, path)
    same = known.recall_files(folder, path, before).get(b"") if before is not None else None
    if (
        before is not None
        and same is not None
        and same.stamp == files.stamp_of(path)
        and _is_whole(store, before.version_digest, same.file.objects)
    ):
        return _file_content(path, before.version_digest, before.version_format, same.file)
    read = files.write_file(store.objects, path, partial(_earlier_file, store.objects, newest))
    whole = read.file.parts == (read.file.digest,)
    digest = read.file.digest if whole else files.write_manifest(store.objects, read.file)
    format = WHOLE if whole else CHUNKS
    known.remember(folder, path, {b"": read}, digest, format)
    return _file_content(path, digest, format, read.file)


def _file_content(path: Path, digest: str, format: str, file: files.StoredFile) -> Content:
    return Content(digest, format, file.digest, file.size, source=path.absolute().name)


def _write_folder(store: Store, path: Path, newest: Newest) -> Content | DatasetVersion:
    folder = store.root / KNOWN
    walk = trees.scan(path)
    if not walk.stamps:
        raise DataError(f"{path} is empty; check what should have written it")
    before = known.recall(folder, path)
    whole = walk.digest()
    if before is not None and before.whole == whole:
        version = newest()
        if version is not None and version.digest == before.version_digest:
            return version  # so its objects are in use, and nobody has cleaned them up
    earlier = _EarlierFiles(store.objects, newest)
    known_files = known.recall_files(folder, path, before) if before is not None else {}
    walk = walk.in_order()
    stored = trees.write_files(store.objects, path, walk, known_files, earlier)
    manifest = trees.make_manifest(walk, stored)
    digest = store.objects.put(msgspec.msgpack.encode(manifest), compress=True)
    known.remember(folder, path, stored, digest, TREE, whole)
    size = sum(each.file.size for each in stored.values())
    return Content(digest, TREE, digest, size, rows=len(manifest.entries), source=_name(path))


def _earlier_file(objects: Objects, newest: Newest) -> files.StoredFile | None:
    """Return what the newest version of a dataset is made of, when it is a file and can be read here."""
    version = newest()
    if version is None or version.format not in FILES or not objects.exists(version.digest):
        return None
    with suppress(StoreError, NotFoundError):  # what is damaged is no help, and its reader is told
        return files.read_file(objects, version.digest, version.format)
    return None


class _EarlierFiles:
    """Says as what the files of a folder were stored in the newest version, which is read when that is asked."""

    def __init__(self, objects: Objects, newest: Newest) -> None:
        self._objects = objects
        self._newest = newest

    def __call__(self, place: known.Place) -> files.StoredFile | None:
        return self._files.get(place)

    @cached_property
    def _files(self) -> dict[known.Place, files.StoredFile]:
        version = self._newest()
        if version is None or version.format != TREE or not self._objects.exists(version.digest):
            return {}
        with suppress(StoreError, NotFoundError):
            manifest = trees.read_tree(self._objects, version.digest)
            return {each.path: manifest.file(each) for each in manifest.entries if each.size >= files.LARGE}
        return {}


def _is_whole(store: Store, digest: str, parts: set[str]) -> bool:
    return store.objects.exists(digest) and all(map(store.objects.exists, parts))


def _name(path: Path) -> str:
    return os.path.basename(os.path.abspath(path)) or clip(str(path))  # noqa: PTH100, PTH119 - links stay as named
