"""What a value is, as a cache key needs it: two values with one signature must behave alike in every step.

This is stricter than a fingerprint, which calls a column of `int64` and one of `Int64` the same.
"""

from __future__ import annotations

import gc
import pickle
from collections import deque
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from enum import Enum
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from blake3 import blake3

from trackbook.capture.fingerprint.values import Fingerprinter, kind_of
from trackbook.hashing import hash_threads

_NO_PARTS = (type, ModuleType, FunctionType, BuiltinFunctionType, str, bytes, int, float, complex, type(None), Enum)
_CONTAINERS = (list, dict, set, bytearray, deque)
_LARGE = 1 << 18
_fingerprints = Fingerprinter()


class UnsignedError(TypeError):
    """A value has no signature; the text says why."""


def signature(value: Any) -> str:
    """Return 64 hexadecimal characters that stand for `value`.

    Frames and series: their fingerprint with the exact dtypes, and the pickled objects of object columns.
    Everything else: the digest of its pickle, which may differ for equal values (a step then runs again)
    but is never the same for different ones.  Raises UnsignedError where neither exists.
    """
    if kind_of(value) in ("frame", "series", "index"):
        return _table(value)
    return _pickled(value)


def reachable(values: Iterable[Any], stop: AbstractSet[int] = frozenset()) -> set[int]:
    """Return the ids of all things inside `values` that can be changed in place, without going into those in `stop`.

    A frame counts as one thing: pandas copies on write.  What native code holds without telling Python's
    garbage collector is not seen.
    """
    seen: set[int] = set()
    found: set[int] = set()
    waiting = list(values)
    while waiting:
        item = waiting.pop()
        if isinstance(item, _NO_PARTS) or id(item) in seen:
            continue
        seen.add(id(item))
        if is_mutable(item):
            found.add(id(item))
        if id(item) not in stop:
            waiting += _parts(item)
    return found


def shared(values: Iterable[Any], others: Iterable[Any]) -> bool:
    """Tell whether something that can be changed in place can be reached from both sides."""
    mine = reachable(values)
    return bool(mine) and not mine.isdisjoint(reachable(others))


def is_mutable(value: Any) -> bool:
    """Tell whether `value` itself can be changed in place."""
    if isinstance(value, _NO_PARTS):
        return False
    if isinstance(value, _CONTAINERS) or kind_of(value) != "value":
        return True
    return hasattr(value, "__dict__") and not isinstance(value, MethodType)


def _table(value: Any) -> str:
    found = _fingerprints.of(value)
    if found.digest is None:
        return _pickled(value)
    dtypes = list(getattr(value, "dtypes", ())) if found.kind == "frame" else [value.dtype]
    parts = [found.kind, type(value).__qualname__, found.digest, *map(str, dtypes)]
    index = value if found.kind == "index" else value.index
    parts += [type(index).__qualname__, str(getattr(index, "dtype", ""))]
    columns = [value.iloc[:, place] for place in range(value.shape[1])] if found.kind == "frame" else [value]
    parts += [_pickled(list(column)) for column, dtype in zip(columns, dtypes, strict=True) if str(dtype) == "object"]
    return blake3("\n".join(parts).encode()).hexdigest()


def _pickled(value: Any) -> str:
    sink = _HashingSink()
    buffers: list[bytes] = []

    def keep_apart(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        buffers.append(raw.nbytes.to_bytes(8, "big") + _digest(raw))
        return False

    try:
        pickle.Pickler(sink, protocol=5, buffer_callback=keep_apart).dump(value)
    except Exception as error:
        raise UnsignedError(f"a {type(value).__qualname__} cannot be pickled ({_first_line(error)})") from error
    return blake3(sink.hasher.digest() + b"".join(buffers)).hexdigest()


def _digest(raw: memoryview) -> bytes:
    """Hash memory; what is large, and was not written since it was last hashed, is not read again."""
    if raw.nbytes < _LARGE:
        return blake3(raw).digest()
    from trackbook.capture.fingerprint.memory import Memory, address_of
    from trackbook.capture.fingerprint.unchanged import memo

    held = memo()

    def compute() -> tuple[bytes, bool]:
        return blake3(raw, max_threads=hash_threads()).digest(), True

    if held is None:
        return compute()[0]
    place = (address_of(raw), raw.nbytes)
    return held.digest(Memory(("raw", *place), (place,)), compute)


class _HashingSink:
    def __init__(self) -> None:
        self.hasher = blake3()

    def write(self, data: bytes) -> int:
        self.hasher.update(data)
        return len(data)


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _parts(item: Any) -> list[Any]:
    kind = kind_of(item)
    if kind in ("frame", "series", "index"):
        return []
    if kind == "array":
        inside = item.ravel().tolist() if item.dtype.hasobject else []
        return inside if item.base is None else [*inside, item.base]
    return gc.get_referents(item)
