"""The canonical digest of Arrow data, whoever holds it: pandas, polars or pyarrow, in whatever chunks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3

from trackbook.capture.fingerprint.arrays import Column, feed_times
from trackbook.capture.fingerprint.kinds import UnsupportedError

_types = pa.types


def arrow_column(array: Any) -> bytes:
    """Return the digest of an Arrow array or chunked array; raises UnsupportedError for unions."""
    kind = array.type
    for check, digest in _DIGESTS:
        if check(kind):
            return digest(array)
    raise UnsupportedError(f"a column of Arrow's type {kind} has no canonical form")


def _chunks(array: Any) -> list[Any]:
    return list(array.chunks) if isinstance(array, pa.ChunkedArray) else [array]


def _map(array: Any, change: Callable[[Any], Any], kind: Any) -> Any:
    return pa.chunked_array([change(chunk) for chunk in _chunks(array)], type=kind)


def _gaps(array: Any) -> Any:
    """Return which rows are missing, as truth values, or None where no row is."""
    if not array.null_count:
        return None
    return np.logical_not(array.is_valid().to_numpy(zero_copy_only=False))


def _numbers(array: Any, dtype: Any) -> Any:
    """Return the values behind a fixed-width array without copying; what stands in missing rows is arbitrary."""
    buffer = array.buffers()[1]
    if buffer is None or not len(array):
        return np.zeros(len(array), dtype)
    width = np.dtype(dtype).itemsize
    return np.frombuffer(buffer, dtype, len(array), array.offset * width)


def _bits(array: Any) -> Any:
    buffer = array.buffers()[1]
    if buffer is None or not len(array):
        return np.zeros(len(array), bool)
    first, last = array.offset, array.offset + len(array)
    some = np.frombuffer(buffer, np.uint8)[first // 8 : -(-last // 8)]
    return np.unpackbits(some, bitorder="little")[first % 8 :][: len(array)].view(bool)


def _fixed(array: Any) -> bytes:
    """Numbers and truth values."""
    truth = _types.is_boolean(array.type)
    dtype = np.dtype(bool) if truth else np.dtype(array.type.to_pandas_dtype())
    column = Column(dtype.name)
    for chunk in _chunks(array):
        gaps = _gaps(chunk)
        values = _bits(chunk) if truth else _numbers(chunk, dtype)
        if gaps is None and dtype.kind in "iu":
            column.feed_whole(values)
        else:
            column.feed(values, gaps)
    return column.digest()


def _items(array: Any) -> bytes:
    """Decimals and binary items of one width; the precision of a decimal bounds it and is not a part of it."""
    kind = array.type
    if _types.is_decimal(kind):
        name = f"decimal[{kind.scale}]"
        array = array.cast(pa.decimal256(76, kind.scale))
    else:
        name = f"bytes[{kind.byte_width}]"
    column = Column(name)
    for chunk in _chunks(array):
        column.feed(_numbers(chunk, f"V{array.type.byte_width}"), _gaps(chunk))
    return column.digest()


def _times(array: Any) -> bytes:
    kind = array.type
    what = f"timestamp, {kind.tz}" if _types.is_timestamp(kind) and kind.tz else ""
    what = what or ("timestamp" if _types.is_timestamp(kind) else "duration" if _types.is_duration(kind) else "time")
    column = Column("")
    dtype = np.int32 if kind.bit_width == 32 else np.int64
    chunks = [(_numbers(chunk, dtype).astype(np.int64, copy=False), _gaps(chunk)) for chunk in _chunks(array)]
    feed_times(column, chunks, kind.unit, what)
    return column.digest()


def _dates(array: Any) -> bytes:
    column = Column("date")
    for chunk in _chunks(array.cast(pa.date32())):
        column.feed(_numbers(chunk, np.int32), _gaps(chunk))
    return column.digest()


def _text(array: Any) -> bytes:
    kind = array.type
    text = _types.is_string(kind) or _types.is_large_string(kind) or _types.is_string_view(kind)
    target = pa.large_string() if text else pa.large_binary()
    column = Column("string" if text else "binary")
    for chunk in _chunks(array if kind == target else array.cast(target)):
        gaps = _gaps(chunk)
        if gaps is not None and _hides_text(chunk, gaps):
            chunk = pc.fill_null(chunk, "" if text else b"")
        bounds = _bounds(chunk)
        data = memoryview(chunk.buffers()[2] or b"")[int(bounds[0]) : int(bounds[-1])]
        column.feed_text(data, bounds[1:] - bounds[0] if bounds[0] else bounds[1:], gaps)
    return column.digest()


def _bounds(array: Any) -> Any:
    offsets = array.buffers()[1]
    if offsets is None or not len(array):
        return np.zeros(1, np.int64)
    return np.frombuffer(offsets, np.int64, len(array) + 1, array.offset * 8)


def _hides_text(array: Any, gaps: Any) -> bool:
    """Tell whether text stands behind missing rows, where it is no content."""
    return bool(np.diff(_bounds(array))[gaps].any())


def categories_column(codes: Any, count: int, categories: bytes, ordered: bool) -> bytes:
    """Return the digest of a categorical: its categories in their order, and the code of each row, -1 where missing.

    A category that no row uses counts: it appears in group-bys, counts and encodings.
    """
    narrow = np.min_scalar_type(-max(count, 1))
    column = Column(f"categorical:{ordered}:{count}")
    step = 1 << 16
    for start in range(0, len(codes), step):
        block = codes[start : start + step]
        gaps = block < 0
        column.feed(block.astype(narrow, copy=False), gaps if gaps.any() else None)
    return column.digest(categories)


def _dictionary(array: Any) -> bytes:
    if isinstance(array, pa.ChunkedArray):
        array = array.unify_dictionaries()
    chunks = _chunks(array)
    values = chunks[0].dictionary if chunks else pa.array([], array.type.value_type)
    if values.null_count:
        raise UnsupportedError("a dictionary with a missing value among its categories has no canonical form")
    parts = [np.where(gaps, -1, codes) if gaps is not None else codes for codes, gaps in map(_codes, chunks)]
    codes = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    return categories_column(codes, len(values), arrow_column(values), array.type.ordered)


def _codes(chunk: Any) -> tuple[Any, Any]:
    indices = chunk.indices
    codes = _numbers(indices, indices.type.to_pandas_dtype())
    return codes.astype(np.int64) if codes.dtype.kind == "u" else codes, _gaps(indices)


def _lists(array: Any) -> bytes:
    column = Column("list")
    for chunk in _chunks(array):
        lengths = pc.fill_null(pc.list_value_length(chunk), 0).to_numpy(zero_copy_only=False)
        column.feed_ends(np.cumsum(lengths, dtype=np.int64), _gaps(chunk))
    inside = _map(array, lambda chunk: pc.list_flatten(chunk), array.type.value_type)
    return column.digest(arrow_column(inside))


def _maps(array: Any) -> bytes:
    pairs = pa.struct([("key", array.type.key_type), ("value", array.type.item_type)])
    return blake3(b"map" + _lists(array.cast(pa.large_list(pairs)))).digest()


def _structs(array: Any) -> bytes:
    column = Column("struct")
    for chunk in _chunks(array):
        column.gap(len(chunk), _gaps(chunk))
    parts = []
    for place in range(array.type.num_fields):
        field = array.type.field(place)
        inside = _map(array, lambda chunk, place=place: chunk.flatten()[place], field.type)  # type: ignore[misc]
        parts += [blake3(field.name.encode()).digest(), arrow_column(inside)]
    return column.digest(*parts)


def _nulls(array: Any) -> bytes:
    column = Column("null")
    column.gap(len(array), None)
    return column.digest()


def _runs(array: Any) -> bytes:
    return arrow_column(_map(array, lambda chunk: pc.run_end_decode(chunk), array.type.value_type))


def _extension(array: Any) -> bytes:
    kind = array.type
    inside = arrow_column(_map(array, lambda chunk: chunk.storage, kind.storage_type))
    name = f"extension:{kind.extension_name}:".encode()
    return blake3(name + blake3(kind.__arrow_ext_serialize__()).digest() + inside).digest()


def _is_list(kind: Any) -> bool:
    views = [getattr(_types, name, None) for name in ("is_list_view", "is_large_list_view")]
    checks = (_types.is_list, _types.is_large_list, _types.is_fixed_size_list, *views)
    return any(check(kind) for check in checks if check is not None)


def _is_text(kind: Any) -> bool:
    views = [getattr(_types, name, None) for name in ("is_string_view", "is_binary_view")]
    checks = (_types.is_string, _types.is_large_string, _types.is_binary, _types.is_large_binary, *views)
    return any(check(kind) for check in checks if check is not None)


def _is_fixed(kind: Any) -> bool:
    return bool(_types.is_integer(kind) or _types.is_floating(kind) or _types.is_boolean(kind))


_DIGESTS: tuple[tuple[Callable[[Any], bool], Callable[[Any], bytes]], ...] = (
    (lambda kind: isinstance(kind, pa.BaseExtensionType), _extension),
    (_is_fixed, _fixed),
    (_is_text, _text),
    (lambda kind: _types.is_timestamp(kind) or _types.is_duration(kind) or _types.is_time(kind), _times),
    (_types.is_date, _dates),
    (_types.is_dictionary, _dictionary),
    (lambda kind: _types.is_decimal(kind) or _types.is_fixed_size_binary(kind), _items),
    (_is_list, _lists),
    (_types.is_map, _maps),
    (_types.is_struct, _structs),
    (_types.is_null, _nulls),
    (getattr(_types, "is_run_end_encoded", lambda kind: False), _runs),
)
