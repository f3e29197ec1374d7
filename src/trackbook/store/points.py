"""The points of one metric as compressed chunks: about nine bytes a point, and a curve read back in milliseconds.

A chunk is one format byte and zlib over three columns: steps and times as differences to the one before, values as
doubles.  Each column stands byte plane by byte plane (all lowest bytes first), so that what hardly changes lies
together.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Iterator
from itertools import accumulate, chain
from operator import sub

from trackbook.errors import IntegrityError
from trackbook.store.metrics import Series

CHUNK = 1024
"""Points of a full chunk."""

_PLAIN = b"\x01"
_WRAPPED = b"\x02"
"""The differences wrap around at 64 bits, as steps from one end of the numbers to the other make them."""

_LEVEL = 6
_WIDTH = 8
_WRAP = 1 << 64
_LITTLE = sys.byteorder == "little"


def encode_chunks(series: Series) -> Iterator[tuple[int, bytes]]:
    """Yield the chunks of a series, each with its number of points; only the last may be less than full."""
    for start in range(0, len(series), CHUNK):
        part = series.part(start, start + CHUNK)
        yield len(part), encode(part)


def encode(series: Series) -> bytes:
    """Return one chunk; steps and times are 64-bit numbers."""
    kind, steps, times = _PLAIN, _differences(series.steps), _differences(series.times)
    try:
        columns = (array("q", steps), array("q", times), array("d", series.values))
    except OverflowError:
        kind = _WRAPPED
        columns = (array("q", map(_wrap, steps)), array("q", map(_wrap, times)), array("d", series.values))
    return kind + zlib.compress(b"".join(_planes(column) for column in columns), _LEVEL)


def decode(content: bytes) -> Series:
    """Return the points of one chunk; raises IntegrityError when the bytes are none."""
    kind = content[:1]
    if kind not in (_PLAIN, _WRAPPED):
        raise IntegrityError("a chunk of metric points has an unknown format; update Trackbook, or run fsck")
    try:
        raw = zlib.decompress(content[1:])
        size = len(raw) // 3
        steps, times = (list(accumulate(_integers(raw[start : start + size]))) for start in (0, size))
        values = _doubles(raw[2 * size :])
    except (zlib.error, ValueError) as error:
        raise IntegrityError(f"a chunk of metric points is damaged ({error}); run `trackbook fsck`") from error
    if kind == _WRAPPED:
        steps, times = list(map(_wrap, steps)), list(map(_wrap, times))
    return Series(steps, times, values.tolist())


def _differences(numbers: list[int]) -> list[int]:
    return list(map(sub, numbers, chain((0,), numbers)))


def _wrap(number: int) -> int:
    """Return the 64-bit number that differs from `number` by a multiple of 2^64."""
    return (number + (_WRAP >> 1)) % _WRAP - (_WRAP >> 1)


def _planes(column: array[int] | array[float]) -> bytes:
    raw = column.tobytes()
    planes = [raw[plane::_WIDTH] for plane in range(_WIDTH)]
    return b"".join(planes if _LITTLE else reversed(planes))


def _integers(planes: bytes) -> array[int]:
    column = array("q")
    column.frombytes(_rows(planes))
    return column


def _doubles(planes: bytes) -> array[float]:
    column = array("d")
    column.frombytes(_rows(planes))
    return column


def _rows(planes: bytes) -> bytearray:
    """Return the numbers whose byte planes are given, in the byte order of this machine."""
    rows = bytearray(len(planes))
    length = len(planes) // _WIDTH
    for at in range(_WIDTH):
        plane = at if _LITTLE else _WIDTH - 1 - at
        rows[plane::_WIDTH] = planes[at * length : (at + 1) * length]
    return rows
