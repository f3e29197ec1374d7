"""Tables from files, by the ending of their name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackbook.errors import DataError, NotFoundError, nearest

if TYPE_CHECKING:
    import pandas as pd

_READERS = {
    ".csv": "read_csv",
    ".tsv": "read_table",
    ".parquet": "read_parquet",
    ".pq": "read_parquet",
    ".feather": "read_feather",
    ".arrow": "read_feather",
    ".xlsx": "read_excel",
}


def read_table(path: Path) -> pd.DataFrame:
    """Return the table in a file; raises NotFoundError without the file, DataError for one that holds no table."""
    import pandas as pd

    if not path.is_file():
        names = [file.name for file in path.parent.glob("*")] if path.parent.is_dir() else []
        raise NotFoundError(f"there is no file {str(path)!r}{nearest(path.name, names)}")
    suffixes = [
        suffix.lower() for suffix in path.suffixes if suffix.lower() not in (".gz", ".bz2", ".xz", ".zip", ".zst")
    ]
    reader: Callable[[Path], Any] | None = getattr(pd, _READERS.get(suffixes[-1], ""), None) if suffixes else None
    if reader is None:
        raise DataError(f"{str(path)!r} has no ending that says how to read it; use {', '.join(sorted(_READERS))}")
    try:
        frame: pd.DataFrame = reader(path)
    except (ValueError, OSError, ImportError) as error:
        raise DataError(f"{str(path)!r} cannot be read as a table: {error}") from error
    return frame
