"""Versions back on the disk: files and folders byte for byte, frames in the format that the name's ending says.

Everything is written beside its place first, so that what is there stays until the new is whole.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trackbook.data import trees
from trackbook.data.files import pieces
from trackbook.errors import DataError, UsageError
from trackbook.store import Objects

if TYPE_CHECKING:
    import pandas as pd

WRITERS = (".parquet", ".csv", ".feather")


def restore_file(content: Iterable[bytes], target: Path, *, force: bool = False) -> None:
    """Write a file; raises UsageError when there is one already and `force` does not replace it."""
    with _beside(target, force) as temporary, temporary.open("xb") as file:
        file.writelines(content)


def restore_folder(objects: Objects, manifest: trees.TreeManifest, target: Path, *, force: bool = False) -> None:
    """Write a folder, and nothing outside it: its links come last, when nothing is written any more."""
    with _beside(target, force) as temporary:
        temporary.mkdir()
        for entry in sorted(manifest.entries, key=lambda entry: entry.kind == "link"):
            _write_entry(objects, manifest, entry, temporary / os.fsdecode(entry.path))


def restore_frame(frame: pd.DataFrame, target: Path, *, force: bool = False) -> list[str]:
    """Write a frame as Parquet, CSV or Feather; returns what the format does not hold, in words, column by column."""
    suffix = target.suffix.lower()
    if suffix not in WRITERS:
        raise UsageError(f"a frame is restored to a file that ends in {', '.join(WRITERS)}, not to {target.name!r}")
    with _beside(target, force) as temporary:
        try:
            _write_frame(frame, temporary, suffix)
        except (ValueError, TypeError, NotImplementedError, ArithmeticError, LookupError) as error:
            raise DataError(f"{suffix} cannot hold this frame ({error}); load it with `tb.load_data`") from error
        return list(_losses(frame, temporary, suffix))


def _write_entry(objects: Objects, manifest: trees.TreeManifest, entry: trees.Entry, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.kind == "folder":
        path.mkdir(exist_ok=True)
    elif entry.kind == "link":
        path.symlink_to(os.fsdecode(entry.target))
    else:
        with path.open("xb") as file:
            file.writelines(pieces(objects, manifest.file(entry)))
        if entry.is_executable:
            path.chmod(path.stat().st_mode | 0o111)


@contextmanager
def _beside(target: Path, force: bool) -> Iterator[Path]:
    """Give a path beside `target` to write to, and put what is there in its place when the block ends well."""
    if os.path.lexists(target) and not force:
        raise UsageError(f"{target} is there already; add `--force` to replace it, or name another place")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _replace(temporary, target)
    except OSError as error:
        raise DataError(
            f"{target} cannot be written ({error.strerror or error}); check disk and permissions"
        ) from error
    finally:
        _remove(temporary)


def _replace(temporary: Path, target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        aside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.old")
        target.rename(aside)
        temporary.rename(target)
        _remove(aside)
    elif temporary.is_dir() and os.path.lexists(target):
        target.unlink()
        temporary.rename(target)
    else:
        temporary.replace(target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_frame(frame: pd.DataFrame, path: Path, suffix: str) -> None:
    import pandas as pd

    if suffix == ".csv":
        frame.to_csv(path, index=not isinstance(frame.index, pd.RangeIndex))
    elif suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_feather(path)


def _losses(frame: pd.DataFrame, path: Path, suffix: str) -> Iterator[str]:
    """Yield what reading the file again does not give back."""
    import pandas as pd

    from trackbook.data import columns

    again = pd.read_csv(path) if suffix == ".csv" else getattr(pd, f"read_{suffix[1:]}")(path)
    levels = again.shape[1] - frame.shape[1] if suffix == ".csv" else 0
    if levels:
        yield f"the index is in the first {levels} columns"
    for at, name in enumerate(frame.columns):
        one, other = frame.iloc[:, at], again.iloc[:, at + levels]
        if one.dtype != other.dtype:
            yield f"{name}: {one.dtype} becomes {other.dtype}"
        elif not columns.same(one, other):
            yield f"{name}: its values are not all exact"
