"""What is logged as an artifact: a file, or bytes under a name."""

from __future__ import annotations

import os
from pathlib import Path

from trackbook.errors import NotFoundError, UsageError, nearest, shown
from trackbook.tracking.names import artifact_path


def artifact_content(source: str | Path | bytes, path: str | None = None) -> tuple[str, bytes | Path]:
    """Return the name and the content of an artifact; a file keeps its name unless there is a `path`.

    Raises NotFoundError when there is no such file.
    """
    if isinstance(source, bytes):
        if path is None:
            raise UsageError("bytes need a name: log_artifact(content, 'report.html')")
        return artifact_path(path), source
    file = _file(source)
    return artifact_path(file.name if path is None else path), file


def _file(source: str | Path) -> Path:
    """Return the path of a file that exists; raises NotFoundError with the nearest name, UsageError for no path."""
    if not isinstance(source, str | os.PathLike):
        raise UsageError(f"an artifact is the path of a file, or bytes, not {shown(source)}")
    path = Path(source)
    if path.is_dir():
        raise UsageError(f"{str(source)!r} is a folder; log its files one by one")
    if not path.is_file():
        known = [file.name for file in path.parent.glob("*")] if path.parent.is_dir() else []
        raise NotFoundError(f"there is no file {str(source)!r}{nearest(path.name, known)}")
    return path
