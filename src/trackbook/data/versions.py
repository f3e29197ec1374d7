"""Dataset versions: a name, a number, the content, and the proof that it is what was stored.

A frame is kept as blocks of its columns (`data.blocks`), a file whole or in chunks (`data.files`), a folder as a tree
of files (`data.trees`).  pandas and pyarrow load only when a frame is written or read, never to list what there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from trackbook.data import writing
from trackbook.data.names import check_name, clip
from trackbook.data.trees import read_tree
from trackbook.data.values import FILES, FRAME, OLD_FRAME, TREE, Content, DatasetVersion, from_row
from trackbook.errors import DataError, IntegrityError, NotFoundError, UsageError, nearest, shown
from trackbook.store import Objects, Store, manifests, now_ms
from trackbook.store.dataset_rows import insert_version, select_versions
from trackbook.store.objects import is_digest

if TYPE_CHECKING:
    import pandas as pd

    from trackbook.data.differences import Difference, FrameDifference
    from trackbook.store import Database

PREFIX = "data:"
_URI = re.compile(r"(?:data:/+)?(?P<name>[^@]*)(?:@(?P<version>.*))?", re.DOTALL)


class Datasets:
    """Dataset versions of one store."""

    def __init__(self, store: Store, user: str) -> None:
        """Keep versions in `store`, created by `user`."""
        self._store = store
        self._user = user

    def snapshot(self, data: pd.DataFrame | Path | str, name: str, *, run_id: str | None = None) -> DatasetVersion:
        """Keep a frame, or the file or folder at a path, as the next version of the dataset `name`.

        When the newest version holds the same content, that version is returned and nothing is added.  A path may be
        another version, ``data:/NAME@VERSION``.  Raises DataError for what cannot be kept exactly, NotFoundError for
        a missing file.
        """
        check_name(name, "dataset")
        if isinstance(data, str) and data.startswith(PREFIX):
            content: Content | DatasetVersion = _same_content(self.resolve(data))
        elif isinstance(data, str | Path):
            content = writing.write_path(self._store, Path(data), lambda: self.newest(name))
        else:
            content = writing.write_frame(self._store, data, name, lambda: self.newest(name))
        if isinstance(content, DatasetVersion):
            return content
        newest = self.newest(name)
        return newest if newest is not None and _is_same(newest, content) else self._add(content, name, run_id)

    def load(self, uri: str) -> pd.DataFrame | bytes:
        """Return the frame, or the bytes of the file, that ``data:/NAME``, ``data:/NAME@VERSION`` or ``NAME`` names.

        Raises IntegrityError when the stored bytes, or the frame made from them, are not what was stored, DataError
        for a folder.
        """
        version = self.resolve(uri)
        if version.format == TREE:
            raise DataError(f"{version.uri} is a folder; `trackbook data restore {version.uri} -o PATH` brings it back")
        return b"".join(self.pieces(version)) if version.format in FILES else self.read_frame(version)

    def frame(self, operand: str) -> pd.DataFrame:
        """Return the table that a dataset version (``data:/NAME@VERSION``) or the path of a file names."""
        from trackbook.data.reading import read_table

        if not operand.startswith(PREFIX):
            return read_table(Path(operand))
        version = self.resolve(operand)
        if version.format == TREE:
            raise DataError(f"{operand} is a folder, not a table; restore it, and give the path of a file in it")
        if version.format not in FILES:
            return self.read_frame(version)
        import tempfile

        with tempfile.TemporaryDirectory(dir=self._store.root, prefix="table-") as folder:
            path = Path(folder) / Path(version.source or version.name).name
            with path.open("xb") as file:
                file.writelines(self.pieces(version))
            return read_table(path)

    def read_frame(self, version: DatasetVersion) -> pd.DataFrame:
        """Return the frame that a version holds; raises IntegrityError when it is not the one that was stored."""
        frame = self._decoded(version)
        found = writing.fingerprint_of(frame)
        if found != version.fingerprint:
            raise IntegrityError(
                f"{version.uri} was stored with the fingerprint {version.fingerprint[:12]} but its frame has "
                f"{found[:12]}; its row or the object {version.digest[:12]} was changed: run `trackbook fsck`"
            )
        return frame

    def pieces(self, version: DatasetVersion) -> Iterator[bytes]:
        """Yield the bytes of the file that a version holds; raises IntegrityError when they are not as stored."""
        from trackbook.data.files import pieces, read_file

        return pieces(self._store.objects, read_file(self._store.objects, version.digest, version.format))

    def diff(self, before: str, after: str, key: Sequence[str] = ()) -> Difference:
        """Say how two versions differ, or tables: an operand may be the path of a file too.

        Of two frames, columns and rows; of two files whether they are equal; of two folders what lies in them.  A
        frame and a file are compared as tables.  Raises UsageError for a `key` that frames do not have.
        """
        from trackbook.data import differences

        versions = [self.resolve(each) for each in (before, after) if each.startswith(PREFIX)]
        kinds = {each.kind for each in versions}
        if len(versions) == 2 and len(kinds) == 1 and not (key and kinds == {"file"}):
            return self._version_diff(versions[0], versions[1], key)
        return differences.frame_difference(self.frame(before), self.frame(after), key)

    def _version_diff(self, before: DatasetVersion, after: DatasetVersion, key: Sequence[str]) -> Difference:
        from trackbook.data import differences

        if before.kind == "file":
            return differences.FileDifference(before.size, after.size, before.fingerprint == after.fingerprint)
        if before.kind == "folder":
            one, other = (read_tree(self._store.objects, each.digest) for each in (before, after))
            return differences.folder_difference(one, other)
        found = self._diff_by_blocks(before, after) if not key else None
        return found or differences.frame_difference(self.read_frame(before), self.read_frame(after), key)

    def _diff_by_blocks(self, before: DatasetVersion, after: DatasetVersion) -> FrameDifference | None:
        """Compare two frames without reading a value, where all that they share is the same blocks."""
        if (before.format, after.format) != (FRAME, FRAME):
            return None
        from trackbook.data import differences
        from trackbook.data.blocks import read_manifest

        one, other = (read_manifest(self._store.objects, each.digest) for each in (before, after))
        names = [differences.labels(column.name for column in each.schema.columns) for each in (before, after)]
        if not differences.same_blocks(one, other, names):
            return None
        return differences.FrameDifference(
            columns_added=tuple(name for name in names[1] if name not in names[0]),
            columns_removed=tuple(name for name in names[0] if name not in names[1]),
            rows_before=before.rows or 0,
            rows_after=after.rows or 0,
        )

    def restore(self, uri: str, target: Path, *, force: bool = False) -> list[str]:
        """Write a version to `target`: a file or folder as it was, a frame in the format that the ending says.

        Returns what that format cannot hold of the frame, in words.  Raises UsageError when `target` is there already
        and `force` does not replace it.
        """
        from trackbook.data import restoring

        version = self.resolve(uri)
        if version.kind == "frame":
            return restoring.restore_frame(self.read_frame(version), target, force=force)
        if version.kind == "folder":
            manifest = read_tree(self._store.objects, version.digest)
            restoring.restore_folder(self._store.objects, manifest, target, force=force)
        else:
            restoring.restore_file(self.pieces(version), target, force=force)
        return []

    def resolve(self, uri: str) -> DatasetVersion:
        """Return the version that `uri` names; without a number, or with ``@latest``, the newest."""
        if not isinstance(uri, str):
            raise UsageError(f"a dataset is named by a text such as 'data:/NAME@2', not by {shown(uri)}")
        match = _URI.fullmatch(uri)
        name, version = (match["name"], match["version"]) if match else (uri, None)
        if version is None or version == "latest":
            return self.get(name)
        if re.fullmatch(r"[0-9]{1,7}", version):
            return self.get(name, int(version))
        if re.fullmatch(r"[0-9a-f]{8,64}", version):
            return self._named_by_digest(name, version)
        raise UsageError(f"{clip(uri)} has no version number after '@'; write data:/NAME@3 or data:/NAME")

    def _named_by_digest(self, name: str, prefix: str) -> DatasetVersion:
        """Return the newest version whose digest or fingerprint begins so: what it is called in every store."""
        newest = self.get(name)
        named = (
            each for each in self.list(name) if prefix in (each.digest[: len(prefix)], each.fingerprint[: len(prefix)])
        )
        found = next(named, None)
        if found is None:
            raise NotFoundError(
                f"dataset {name!r} has no version whose digest begins with {prefix}, nor a fingerprint; "
                f"the newest is {newest.uri}"
            )
        return found

    def get(self, name: str, version: int | None = None) -> DatasetVersion:
        """Return version number `version` of the dataset `name`, or its newest; raises NotFoundError."""
        check_name(name, "dataset")
        with self._store.read() as db:
            versions = _select(db, name)
            if not versions:
                known = [str(row["name"]) for row in db.query("SELECT name FROM dataset ORDER BY name")]
                raise NotFoundError(
                    f"there is no dataset {name!r}{nearest(name, known)}; `trackbook data list` shows what there is"
                )
        for each in versions:
            if version in (None, each.version):
                return each
        raise NotFoundError(f"dataset {name!r} has no version {version}; the newest is {versions[0].version}")

    def list(self, name: str | None = None) -> tuple[DatasetVersion, ...]:
        """Return all versions, or those of one dataset: by name, then the newest first."""
        with self._store.read() as db:
            return _select(db, name)

    def objects(self, version: DatasetVersion) -> set[str]:
        """Return the digests of all objects that a version is made of; the object of its own digest is here."""
        if version.format not in manifests.FORMATS:
            return {version.digest}
        return {version.digest, *manifests.parts_of(self._store.objects.get(version.digest))}

    def adopt(self, version: DatasetVersion) -> DatasetVersion | None:
        """Keep a version that was made in another store, whose objects are here; None when it is known.

        Where its number is taken by another version, it gets the next free one.  Raises UsageError or DataError for a
        version that no Trackbook made.
        """
        check_name(version.name, "dataset")
        if version.version < 1 or version.origin is not None or not is_digest(version.digest):
            raise DataError(f"{clip(version.uri)} is no version that Trackbook makes")
        with self._store.write() as db:
            versions = _select(db, version.name)
            if version.identity in {each.identity for each in versions}:
                return None
            if version.version in {each.version for each in versions}:
                version = msgspec.structs.replace(version, version=versions[0].version + 1, origin=version.version)
            insert_version(db, version.to_row())
        return version

    @property
    def stored_objects(self) -> Objects:
        """The objects that versions are made of."""
        return self._store.objects

    def newest(self, name: str) -> DatasetVersion | None:
        """Return the newest version of the dataset `name`; None when there is no such dataset."""
        with self._store.read() as db:
            return next(iter(_select(db, name)), None)

    def _decoded(self, version: DatasetVersion) -> pd.DataFrame:
        if version.format == FRAME:
            from trackbook.data.blocks import read_frame

            return read_frame(self._store.objects, version.digest)
        if version.format == OLD_FRAME:
            from trackbook.data.frames import decode

            return decode(self._store.objects.get(version.digest))
        raise DataError(
            f"{version.uri} has the format {version.format!r}, which this version of Trackbook cannot read; "
            "update with `pip install -U trackbook`"
        )

    def _add(self, content: Content, name: str, run_id: str | None) -> DatasetVersion:
        with self._store.write() as db:
            versions = _select(db, name)
            if versions and _is_same(versions[0], content):
                return versions[0]
            version = DatasetVersion(
                **msgspec.structs.asdict(content),
                name=name,
                version=versions[0].version + 1 if versions else 1,
                run_id=run_id,
                created_time=now_ms(),
                created_by=self._user,
            )
            insert_version(db, version.to_row())
        return version


def _is_same(version: DatasetVersion, content: Content) -> bool:
    return version.digest == content.digest and version.format == content.format


def _same_content(version: DatasetVersion) -> Content:
    return Content(**{name: getattr(version, name) for name in Content.__struct_fields__})


def _select(db: Database, name: str | None) -> tuple[DatasetVersion, ...]:
    return tuple(map(from_row, select_versions(db, name)))
