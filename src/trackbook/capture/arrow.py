"""The canonical bytes of columns and arrays: one Arrow layout, whatever backend pandas holds them in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class UnconvertibleError(TypeError):
    """The column holds values that no single Arrow type describes."""


def column_parts(series: Any) -> Iterator[Any]:
    """Yield the buffers that stand for a pandas column: its logical type, its missing values, its values.

    Raises UnconvertibleError before anything is yielded.
    """
    try:
        array = pa.array(series, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise UnconvertibleError(str(error)) from error
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # an empty one stays chunked
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    return _array_parts(array)


def _array_parts(array: Any) -> Iterator[Any]:
    if pa.types.is_dictionary(array.type):
        yield from _dictionary(array)
    elif pa.types.is_floating(array.type):
        yield from _floats(array)
    elif pa.types.is_timestamp(array.type):
        yield from _timestamps(array)
    elif _is_text(array.type):
        yield from _text(array)
    elif pa.types.is_nested(array.type) or pa.types.is_null(array.type) or pa.types.is_decimal(array.type):
        yield from _generic(array)
    else:
        yield from _fixed(array)


def _header(name: str, array: Any) -> Iterator[bytes]:
    yield f"{name}:{len(array)}:{array.null_count}".encode()
    if array.null_count:
        yield np.packbits(array.is_valid().to_numpy(zero_copy_only=False)).tobytes()


def _fixed(array: Any) -> Iterator[Any]:
    """Integers, booleans, dates, times and durations: values with nothing behind the missing ones."""
    if pa.types.is_duration(array.type):
        array = _finest(array, pa.duration)
    yield from _header(str(array.type), array)
    if pa.types.is_boolean(array.type):
        filled = pc.fill_null(array, False) if array.null_count else array
        yield np.packbits(filled.to_numpy(zero_copy_only=False)).tobytes()
        return
    if array.null_count:
        array = pc.fill_null(array, pa.scalar(0, pa.int64()).cast(array.type, safe=False))
    yield _values(array)


def _floats(array: Any) -> Iterator[Any]:
    values = array.to_numpy(zero_copy_only=False)
    missing = np.isnan(values)
    count = int(missing.sum())
    yield f"{array.type}:{len(array)}:{count}".encode()
    if count:
        yield np.packbits(~missing).tobytes()
        values = np.where(missing, values.dtype.type(0), values)
    # Adding 0.0 turns -0.0 into 0.0, so both hash alike.
    yield np.ascontiguousarray(values + values.dtype.type(0)).view(np.uint8).data


def _timestamps(array: Any) -> Iterator[Any]:
    """Instants, whatever their unit: in nanoseconds, or in microseconds where those do not reach."""
    zone = array.type.tz
    array = _finest(array, lambda unit: pa.timestamp(unit, zone))
    yield from _header(f"timestamp[{array.type.unit}, {zone}]", array)
    integers = array.cast(pa.int64())
    yield _values(pc.fill_null(integers, 0) if array.null_count else integers)


def _finest(array: Any, kind: Callable[[str], Any]) -> Any:
    try:
        return array.cast(kind("ns"))
    except pa.ArrowInvalid:
        return array.cast(kind("us"), safe=False)


def _text(array: Any) -> Iterator[Any]:
    text = not (pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type))
    array = array.cast(pa.large_string() if text else pa.large_binary())
    yield from _header("string" if text else "binary", array)
    if array.null_count:
        array = pc.fill_null(array, "" if text else b"")
    if array.offset:
        array = pa.concat_arrays([array, array.slice(0, 0)])
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    yield (bounds - bounds[0] if len(bounds) and bounds[0] else bounds).view(np.uint8).data
    if data is not None and len(bounds):
        yield memoryview(data)[bounds[0] : bounds[-1]]


def _dictionary(array: Any) -> Iterator[Any]:
    codes = array.indices.cast(pa.int64())
    yield f"categorical:{array.type.ordered}:".encode()
    yield from _array_parts(array.dictionary)
    yield from _fixed(codes)


def _generic(array: Any) -> Iterator[Any]:
    """Nested and decimal values, through the Arrow IPC form of a freshly built (so canonical) array."""
    rebuilt = pa.array(array.to_pylist(), array.type)
    sink = pa.BufferOutputStream()
    batch = pa.record_batch([rebuilt], names=["column"])
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    yield memoryview(sink.getvalue())


def _values(array: Any) -> Any:
    width = array.type.bit_width // 8
    buffer = array.buffers()[1]
    if buffer is None:
        return b""
    return memoryview(buffer)[array.offset * width : (array.offset + len(array)) * width]


def _is_text(kind: Any) -> bool:
    return any(
        check(kind)
        for check in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_binary,
            pa.types.is_large_binary,
        )
    )


def array_parts(array: Any) -> Iterator[Any]:
    """Yield the buffers that stand for a numpy array: its dtype in little-endian order, then its values."""
    array = np.ascontiguousarray(array)
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    yield array.dtype.str.encode()
    if array.dtype.kind == "c":
        array = array.view(array.real.dtype)  # two floats, each with its own NaN and sign
    if array.dtype.kind == "f":
        array = np.where(np.isnan(array), array.dtype.type("nan"), array + array.dtype.type(0))
    if array.dtype.kind in "mM":
        array = array.view(np.int64)
    if array.size:
        yield np.ascontiguousarray(array).view(np.uint8).reshape(-1).data
