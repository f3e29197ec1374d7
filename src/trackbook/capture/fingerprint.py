"""Canonical fingerprints: the same content gives the same digest, whatever process, chunking or dtype backend holds it.

A column is hashed once, over its Arrow buffers; a frame is the hash of its columns and its index, so that a changed
column can be named.  Missing is missing (NaN, NaT, None and NA are one value) and -0.0 is 0.0.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import math
import pathlib
import types
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
from blake3 import blake3

MAX_DEPTH = 60
MAX_ITEMS = 200_000


class Fingerprint(msgspec.Struct, frozen=True):
    """What a value was at one moment.

    `digest` is 64 hexadecimal characters, or None with a `reason` where the value cannot be fingerprinted; `columns`
    holds the digest of every column of a frame; `size` is in bytes for files.
    """

    kind: str
    digest: str | None
    rows: int | None = None
    columns: dict[str, str] | None = None
    reason: str | None = None
    size: int | None = None


class UnsupportedError(TypeError):
    """A value, or something inside it, has no canonical form; the text says which and why."""


def fingerprint(value: Any) -> Fingerprint:
    """Return the fingerprint of a frame, series, index, array, estimator or plain value; never raises."""
    kind = kind_of(value)
    try:
        if kind == "frame":
            return _frame(value)
        if kind in ("series", "index"):
            return Fingerprint(kind, digest_of(value), rows=len(value))
        if kind == "array":
            return Fingerprint(kind, digest_of(value), rows=len(value) if value.ndim else None)
        return Fingerprint(kind, digest_of(value))
    except UnsupportedError as error:
        return Fingerprint(kind, None, reason=str(error))
    except Exception as error:  # noqa: BLE001 - a hostile object must not break the user's cell
        return Fingerprint(kind, None, reason=f"{type(error).__name__} while reading a {type(value).__name__}")


def kind_of(value: Any) -> str:
    """Return `frame`, `series`, `index`, `array`, `estimator` or `value`, without importing any library."""
    for base in type(value).__mro__:
        module = f"{base.__module__}"  # a class may say anything of itself, even a number
        if module.startswith("pandas.") or module == "pandas":
            kind = {"DataFrame": "frame", "Series": "series", "Index": "index"}.get(base.__name__)
            if kind:
                return kind
        elif module == "numpy" and base.__name__ == "ndarray":
            return "array"
        elif module == "sklearn.base" and base.__name__ == "BaseEstimator":
            return "estimator"
    return "value"


def digest_of(value: Any) -> str:
    """Return the digest of `value`; raises UnsupportedError for what has no canonical form."""
    return _Hasher().digest(value).hex()


def _frame(frame: Any) -> Fingerprint:
    hasher = _Hasher()
    names = [_column_name(name) for name in frame.columns]
    digests = [hasher.column(frame.iloc[:, position]) for position in range(len(names))]
    whole = blake3(b"frame")
    whole.update(hasher.index(frame.index))
    for name, digest in zip(frame.columns, digests, strict=True):
        whole.update(hasher.digest(_plain(name)) + digest)
    columns: dict[str, str] = {}
    for position, (name, digest) in enumerate(zip(names, digests, strict=True)):
        columns[name if name not in columns else f"{name} (column {position})"] = digest.hex()
    return Fingerprint("frame", whole.hexdigest(), rows=len(frame), columns=columns)


def _column_name(name: Any) -> str:
    return name if isinstance(name, str) else repr(name)


def _plain(value: Any) -> Any:
    """Return a numpy scalar as the Python value it stands for."""
    is_scalar = any(base.__name__ == "generic" and base.__module__ == "numpy" for base in type(value).__mro__)
    return value.item() if is_scalar else value


class _Hasher:
    """Walks one value; keeps the containers that it stands in, so that a cycle is an error and not a hang."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._items = 0

    def digest(self, value: Any) -> bytes:
        """Return 32 bytes that stand for `value` and its type."""
        self._items += 1
        if self._items > MAX_ITEMS:
            raise UnsupportedError(f"it holds more than {MAX_ITEMS:,} Python objects")
        value = _plain(value)
        leaf = _leaf(value)
        if leaf is not None:
            return blake3(leaf).digest()
        handler = self._handler(value)
        if id(value) in self._open:
            raise UnsupportedError(f"it contains itself, in a {type(value).__name__}")
        if len(self._open) >= MAX_DEPTH:
            raise UnsupportedError(f"it is nested more than {MAX_DEPTH} levels deep")
        self._open.add(id(value))
        try:
            return handler(value)
        finally:
            self._open.discard(id(value))

    def _handler(self, value: Any) -> Callable[[Any], bytes]:
        kind = kind_of(value)
        if kind == "frame":
            return lambda frame: bytes.fromhex(_frame(frame).digest or "")
        if kind == "series":
            return self._series
        if kind == "index":
            return self.index
        if kind == "array":
            return self._array
        for base in type(value).__mro__:
            if base in _CONTAINERS:
                return partial(_CONTAINERS[base], self)
        if isinstance(value, types.FunctionType | types.MethodType):
            return self._function
        return self._object

    # -- columns

    def column(self, series: Any) -> bytes:
        """Return the digest of a column's values and logical type, without its name and index."""
        from trackbook.capture.arrow import UnconvertibleError, column_parts

        try:
            hasher = blake3(b"column", max_threads=blake3.AUTO)
            for part in column_parts(series):
                hasher.update(part)
            return hasher.digest()
        except UnconvertibleError:
            return self._sequence(b"objects", list(series))

    def index(self, index: Any) -> bytes:
        """Return the digest of an index: its names and its levels, as columns."""
        hasher = blake3(b"index")
        hasher.update(self.digest(list(index.names)))
        levels = [index] if index.nlevels == 1 else [index.get_level_values(level) for level in range(index.nlevels)]
        for level in levels:
            hasher.update(self.column(level.to_series(index=range(len(level)))))
        return hasher.digest()

    def _series(self, series: Any) -> bytes:
        return blake3(
            b"series" + self.digest(_plain(series.name)) + self.index(series.index) + self.column(series)
        ).digest()

    def _array(self, array: Any) -> bytes:
        from trackbook.capture.arrow import array_parts

        if hasattr(array, "mask"):
            return self._masked(array)
        if array.dtype.hasobject:
            return self._sequence(b"array" + repr(array.shape).encode(), array.ravel().tolist())
        hasher = blake3(b"array" + repr(array.shape).encode(), max_threads=blake3.AUTO)
        for part in array_parts(array):
            hasher.update(part)
        return hasher.digest()

    def _masked(self, array: Any) -> bytes:
        """Return the digest of a masked array: its mask and what the mask leaves; values under it do not count."""
        import numpy as np

        mask = np.ma.getmaskarray(array)
        if mask.dtype != bool:
            raise UnsupportedError("a masked array with fields has no canonical form")
        kept = np.ma.getdata(array)[~mask]
        return blake3(b"masked" + self._array(mask) + self._array(kept)).digest()

    # -- containers and objects

    def _sequence(self, tag: bytes, values: Any) -> bytes:
        hasher = blake3(tag)
        for value in values:
            hasher.update(self.digest(value))
        return hasher.digest()

    def _list(self, value: Any) -> bytes:
        return self._sequence(b"list", value)

    def _tuple(self, value: Any) -> bytes:
        return self._sequence(b"tuple", value)

    def _set(self, value: Any) -> bytes:
        return blake3(b"set" + b"".join(sorted(self.digest(item) for item in value))).digest()

    def _dict(self, value: Mapping[Any, Any]) -> bytes:
        # Equal dicts may differ in order, so order does not count.
        return blake3(
            b"dict" + b"".join(sorted(self.digest(key) + self.digest(item) for key, item in value.items()))
        ).digest()

    def _function(self, value: Any) -> bytes:
        function = getattr(value, "__func__", value)
        enclosed = [cell.cell_contents for cell in function.__closure__ or ()]
        parts = [function.__qualname__, function.__defaults__, function.__kwdefaults__, enclosed]
        if function is not value:
            parts.append(value.__self__)
        return blake3(b"function" + self.digest(parts) + self._code(function.__code__)).digest()

    def _code(self, code: types.CodeType) -> bytes:
        nested = [const for const in code.co_consts if isinstance(const, types.CodeType)]
        constants = [const for const in code.co_consts if not isinstance(const, types.CodeType)]
        own = self._sequence(b"code", [code.co_code, list(code.co_names), constants])
        return own + b"".join(self._code(each) for each in nested)

    def _object(self, value: Any) -> bytes:
        """Return the digest of an object of a library whose state we trust to say all: its class and its state."""
        cls = type(value)
        if cls.__module__.partition(".")[0] not in _STATEFUL and kind_of(value) != "estimator":
            raise UnsupportedError(f"a {cls.__module__}.{cls.__qualname__} has no canonical form")
        state: Any
        if kind_of(value) == "estimator":
            state = vars(value)
        else:
            reduced = value.__reduce_ex__(4)
            state = reduced if isinstance(reduced, str) else list(reduced[1:3])
        return blake3(b"object" + f"{cls.__module__}.{cls.__qualname__}".encode() + self.digest(state)).digest()


_CONTAINERS: dict[type, Any] = {
    list: _Hasher._list,
    tuple: _Hasher._tuple,
    dict: _Hasher._dict,
    set: _Hasher._set,
    frozenset: _Hasher._set,
}

_STATEFUL = frozenset({"sklearn", "numpy", "scipy", "pandas", "collections", "functools", "xgboost", "lightgbm"})


def _leaf(value: Any) -> bytes | None:
    """Return bytes for a value without parts, or None."""
    if value is None or value is Ellipsis or value is NotImplemented:
        return b"constant" + repr(value).encode()
    if isinstance(value, enum.Enum):
        return f"enum{type(value).__qualname__}.{value.name}".encode()
    if isinstance(value, bool):
        return b"bool1" if value else b"bool0"
    if type(value) is float:
        return b"float" + (b"nan" if math.isnan(value) else (value + 0.0).hex().encode())
    if isinstance(value, type):
        return f"type{value.__module__}.{value.__qualname__}".encode()
    for base, encode in _LEAVES.items():
        if isinstance(value, base):
            return base.__name__.encode() + encode(value)
    if isinstance(value, types.BuiltinFunctionType | types.ModuleType):
        return f"name{getattr(value, '__module__', '')}.{value.__name__}".encode()
    return None


_LEAVES: dict[type, Callable[[Any], bytes]] = {
    int: lambda value: b"%x" % value if value >= 0 else b"-%x" % -value,
    float: lambda value: float(value).hex().encode(),
    complex: lambda value: repr(value).encode(),
    str: lambda value: value.encode("utf-8", "surrogatepass"),
    bytes: bytes,
    bytearray: bytes,
    decimal.Decimal: lambda value: str(value).encode(),
    fractions.Fraction: lambda value: str(value).encode(),
    datetime.datetime: lambda value: value.isoformat().encode(),
    datetime.date: lambda value: value.isoformat().encode(),
    datetime.time: lambda value: value.isoformat().encode(),
    datetime.timedelta: lambda value: repr(value).encode(),
    pathlib.PurePath: lambda value: value.as_posix().encode(),
    uuid.UUID: lambda value: value.bytes,
    range: lambda value: repr(value).encode(),
    slice: lambda value: repr(value).encode(),
}
