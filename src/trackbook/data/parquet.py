"""Where the columns of a Parquet file lie, by its footer: those that a later version has too are found again."""

from __future__ import annotations

import os
from io import FileIO

MAGIC = b"PAR1"


def column_places(file: FileIO) -> list[int]:
    """Return where the columns of each row group begin and end; nothing for no Parquet file, or a damaged one.

    The file stands at its beginning afterwards.  Raises OSError when it cannot be read.
    """
    try:
        return sorted(_places(file)) if _is_parquet(file) else []
    finally:
        file.seek(0)


def _is_parquet(file: FileIO) -> bool:
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        return False
    file.seek(-len(MAGIC), os.SEEK_END)
    return file.read(len(MAGIC)) == MAGIC


def _places(file: FileIO) -> set[int]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        footer = parquet.read_metadata(pa.PythonFile(file, mode="r"))
    except (pa.ArrowException, OSError):
        return set()  # as a file like any other
    groups = (footer.row_group(group) for group in range(footer.num_row_groups))
    columns = [group.column(column) for group in groups for column in range(group.num_columns)]
    starts = [each.dictionary_page_offset or each.data_page_offset for each in columns]
    return {*starts, *(start + each.total_compressed_size for start, each in zip(starts, columns, strict=True))}
