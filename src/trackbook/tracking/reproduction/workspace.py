"""Copies of a project's folder, in which programs may write what they like."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from trackbook.capture.files.watcher import fingerprint_file
from trackbook.errors import DataError

MAX_BYTES = 2 * 1024**3

LEFT_OUT = frozenset(
    {
        ".git",
        ".trackbook",
        ".venv",
        "venv",
        "node_modules",
        "__pycache__",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".tox",
        ".nox",
    }
)


def copy_folder(
    source: Path, target: Path, *, limit: int = MAX_BYTES, wanted: Callable[[Path], bool] | None = None
) -> None:
    """Copy `source` to the new folder `target`, without environments, caches, stores and version control.

    Linked files are copied, linked folders stay links; of the files only those that are `wanted`, if it is given.
    Raises DataError, before anything is copied, when more than `limit` bytes would be.
    """
    entries = list(_walk(source))
    files = [path for path in entries if path.is_file() and (wanted is None or wanted(path))]
    sizes = {path: path.stat().st_size for path in files}
    total = sum(sizes.values())
    if total > limit:
        largest = max(sizes, key=lambda path: sizes[path])
        raise DataError(
            f"{source} holds {total / 1e9:.1f} GB, too much to copy (limit {limit / 1e9:.1f} GB); the largest file is "
            f"{largest.relative_to(source)}: keep data outside of the project's folder"
        )
    target.mkdir(parents=True)
    for path in entries:
        if path.is_dir():
            _copy_folder_entry(path, target / path.relative_to(source))
    for path in files:
        shutil.copy2(path, target / path.relative_to(source))


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and modification time (in ns) of every file in a folder by its relative path."""
    found = {}
    for path in _walk(folder):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            found[path.relative_to(folder).as_posix()] = (status.st_size, status.st_mtime_ns)
    return found


def written_since(folder: Path, before: dict[str, tuple[int, int]], original: Path) -> list[str]:
    """Return the files that are new in `folder`, or whose bytes are no more those of `original`."""
    after = files_of(folder)
    touched = [name for name, status in after.items() if before.get(name) != status]
    return [
        name
        for name in sorted(touched)
        if name not in before or fingerprint_file(folder / name).digest != fingerprint_file(original / name).digest
    ]


def _walk(folder: Path) -> Iterator[Path]:
    for base, folders, files in os.walk(folder):
        here = Path(base)
        folders[:] = sorted(name for name in folders if not _left_out(here / name))
        yield from (here / name for name in [*folders, *sorted(files)])


def _left_out(folder: Path) -> bool:
    return folder.name in LEFT_OUT or (folder / "pyvenv.cfg").exists()


def _copy_folder_entry(path: Path, copy: Path) -> None:
    if path.is_symlink():
        copy.symlink_to(path.resolve(), target_is_directory=True)
    else:
        copy.mkdir(exist_ok=True)
