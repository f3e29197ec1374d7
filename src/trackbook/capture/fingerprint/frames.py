"""The digests of tables, columns, arrays and sparse matrices, by whatever library holds them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from trackbook.capture.fingerprint.kinds import UnsupportedError, bases_of, kind_of, name_of, root_of
from trackbook.capture.fingerprint.memory import memory_of_arrays, memory_of_arrow

if TYPE_CHECKING:
    from trackbook.capture.fingerprint.objects import Hasher

LONGEST_LABEL = 200

Columns = dict[str, str]


def data_digest(value: Any, hasher: Hasher) -> tuple[bytes, int | None, Columns | None]:
    """Return the digest of a value that is data, its rows, and the digest of each of its columns where it has some."""
    kind = kind_of(value)
    if kind == "frame":
        return frame_digest(value, hasher)
    if kind == "table":
        return table_digest(value, hasher)
    if kind == "series":
        return series_digest(value, hasher), len(value), None
    if kind == "index":
        return index_digest(value, hasher), len(value), None
    if kind == "column":
        return blake3(b"one" + arrow_digest(to_arrow(value), hasher)).digest(), len(value), None
    if kind == "sparse":
        return sparse_digest(value, hasher), int(value.shape[0]), None
    return array_digest(value, hasher), len(value) if value.ndim else None, None


# -- pandas


def frame_digest(frame: Any, hasher: Hasher) -> tuple[bytes, int, Columns]:
    """Return the digest of a pandas frame: its index, and the name and digest of every column in order."""
    names = list(frame.columns)
    digests = [_column(array, hasher) for array in _arrays(frame)]
    whole = blake3(b"frame" + index_digest(frame.index, hasher))
    whole.update(hasher.sequence(b"names", frame.columns.names))
    return _joined(whole, names, digests, hasher), len(frame), _labelled(names, digests)


def _arrays(frame: Any) -> Iterable[Any]:
    """Return the arrays that hold the columns; without the series around them, where pandas offers that."""
    import pandas as pd

    direct = getattr(pd.DataFrame, "_iter_column_arrays", None)
    return direct(frame) if direct is not None else (series.array for _, series in pd.DataFrame.items(frame))


def series_digest(series: Any, hasher: Hasher) -> bytes:
    """Return the digest of a pandas series: its name, index and values."""
    name = hasher.digest(series.name)
    return blake3(b"series" + name + index_digest(series.index, hasher) + _column(series.array, hasher)).digest()


def index_digest(index: Any, hasher: Hasher) -> bytes:
    """Return the digest of a pandas index: its names, and its levels as columns; a range is the numbers in it."""
    import pandas as pd

    from trackbook.capture.fingerprint.columns import range_digest

    whole = blake3(b"index" + hasher.sequence(b"names", index.names))
    if isinstance(index, pd.RangeIndex):
        whole.update(range_digest(index.start, index.stop, index.step))
    elif isinstance(index, pd.MultiIndex):
        for level in range(index.nlevels):
            whole.update(_column(index.get_level_values(level).array, hasher))
    else:
        whole.update(_column(index.array, hasher))
    return whole.digest()


def _column(array: Any, hasher: Hasher) -> bytes:
    from trackbook.capture.fingerprint.columns import column_digest

    return column_digest(array, lambda values: hasher.sequence(b"objects", values), hasher.memo)


# -- polars and pyarrow


def table_digest(table: Any, hasher: Hasher) -> tuple[bytes, int, Columns]:
    """Return the digest of a polars frame or an Arrow table: the names and digests of its columns, as pandas' are."""
    if name_of(type(table)).endswith(".LazyFrame"):
        raise UnsupportedError("a LazyFrame is a query and holds no data yet; what its collect() returns does")
    arrow = to_arrow(table)
    digests = [arrow_digest(column, hasher) for column in arrow.columns]
    whole = blake3(b"table")
    return _joined(whole, arrow.column_names, digests, hasher), len(table), _labelled(arrow.column_names, digests)


def to_arrow(value: Any) -> Any:
    """Return what polars or pyarrow holds as pyarrow's, without copying."""
    if not any(root_of(base) == "polars" for base in bases_of(type(value))):
        return value
    import polars

    dtypes = value.dtypes if kind_of(value) == "table" else [value.dtype]
    if polars.Object in dtypes:
        raise UnsupportedError("a polars column of Python objects has no canonical form")
    return value.to_arrow(compat_level=polars.CompatLevel.newest())


def arrow_digest(column: Any, hasher: Hasher) -> bytes:
    """Return the digest of an Arrow array, as a column."""
    from trackbook.capture.fingerprint.arrow import arrow_column

    memory = memory_of_arrow(column) if hasher.memo is not None else None
    if hasher.memo is None or memory is None:
        return arrow_column(column)
    return hasher.memo.digest(memory, lambda: (arrow_column(column), True))


def _joined(whole: Any, names: list[Any], digests: list[bytes], hasher: Hasher) -> bytes:
    for name, digest in zip(names, digests, strict=True):
        whole.update(hasher.digest(name) + digest)
    return bytes(whole.digest())


def _labelled(names: list[Any], digests: list[bytes]) -> Columns:
    """Return the digests by texts that stand for the names: distinct, short, and free of what JSON cannot hold."""
    columns: Columns = {}
    for position, (name, digest) in enumerate(zip(names, digests, strict=True)):
        label = wanted = _label(name, position)
        while label in columns:
            label = f"{wanted} (column {position})" if label == wanted else f"{label}'"
        columns[label] = digest.hex()
    return columns


def _label(name: Any, position: int) -> str:
    builtin = root_of(type(name)) in ("builtins", "numpy", "pandas", "datetime")
    if type(name) is int and name.bit_length() > LONGEST_LABEL:
        builtin = False  # Python refuses to write out very long numbers
    text = name if type(name) is str else repr(name) if builtin else f"column {position}"
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= LONGEST_LABEL else f"{text[:LONGEST_LABEL]}… (column {position})"


# -- numpy and scipy


def array_digest(array: Any, hasher: Hasher) -> bytes:
    """Return the digest of a numpy array: its logical type, shape and values; strides and byte order do not count."""
    import numpy as np

    from trackbook.capture.fingerprint.arrays import array_of

    if isinstance(array, np.ma.MaskedArray):
        return _masked_digest(array, hasher)
    array = np.asarray(array)
    if array.dtype.kind == "T" or array.dtype == object:
        return _objects_digest(array.astype(object, copy=False), hasher)
    if array.dtype.hasobject:
        fields = [(name, array[name]) for name in array.dtype.names or ()]
        return hasher.sequence(b"fields", [array.shape, *fields])
    memory = memory_of_arrays("array", array) if hasher.memo is not None else None
    if hasher.memo is None or memory is None:
        return array_of(array)
    return hasher.memo.digest(memory, lambda: (array_of(array), True))


def _objects_digest(array: Any, hasher: Hasher) -> bytes:
    from trackbook.capture.fingerprint.objects import MAX_ITEMS
    from trackbook.capture.fingerprint.text import text_column

    if array.size > MAX_ITEMS:
        import numpy as np

        text = text_column(array.reshape(-1), lambda block: np.zeros(len(block), bool))
        if text is not None:
            return hasher.sequence(b"texts", [array.shape, text])
    return hasher.sequence(b"objects", [array.shape, *array.reshape(-1).tolist()])


def _masked_digest(array: Any, hasher: Hasher) -> bytes:
    """Return the digest of a masked array: its mask and what the mask leaves; values under it do not count."""
    import numpy as np

    mask = np.ma.getmaskarray(array)
    if mask.dtype != bool:
        raise UnsupportedError("a masked array with fields has no canonical form")
    kept = np.ma.getdata(array)[~mask]
    return hasher.sequence(b"masked", [mask, kept])


def sparse_digest(matrix: Any, hasher: Hasher) -> bytes:
    """Return the digest of a sparse matrix or array: shape, dtype, and what is not zero row by row.

    The format does not count, nor do explicit zeros, duplicates (their sum counts) and the order of entries.
    """
    import numpy as np
    from scipy import sparse

    shape = tuple(map(int, matrix.shape))
    if len(shape) != 2:
        matrix = matrix.reshape((1, -1) if len(shape) == 1 else (shape[0], -1))
    rows = sparse.csr_matrix(matrix.tocsr(), copy=False)
    rows = sparse.csr_matrix((rows.data, rows.indices, rows.indptr), shape=rows.shape)
    if not rows.has_canonical_format or not rows.data.all():
        rows = rows.copy()
        rows.sum_duplicates()
        rows.eliminate_zeros()
    indices, ends = rows.indices.astype(np.int64, copy=False), rows.indptr.astype(np.int64, copy=False)
    parts = [array_digest(part, hasher) for part in (rows.data, indices, ends)]
    return hasher.sequence(b"sparse", [shape, *parts])
